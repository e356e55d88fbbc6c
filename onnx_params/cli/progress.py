"""Show how far a long piece of work is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE: Final = 10.0  # seconds between two lines in a log
MIN_SIZE: Final = 1 << 28  # bytes; what is smaller is done before anybody asks


@contextmanager
def working(words: str) -> Iterator[None]:
    """Show on a terminal what takes a while and has no known length."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(words):
        yield


@contextmanager
def bar(word: str, *paths: str) -> Iterator[Callable[[int], None]]:
    """Show on stderr how many bytes are done: with rate and time left on a terminal, else in lines
    if it takes long.
    """
    total = sum(n_bytes_of(path) for path in paths if path)
    if not sys.stderr.isatty():
        yield _in_lines(word, total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(word, total=total or None)
        yield lambda n_bytes: shown.advance(task, n_bytes)


def _in_lines(word: str, total: int) -> Callable[[int], None]:
    """Say how far it is every few seconds, of what is large."""
    started = last = time.monotonic()
    done = 0

    def advance(n_bytes: int) -> None:
        nonlocal done, last
        done += n_bytes
        now = time.monotonic()
        if total < MIN_SIZE or now - last < PAUSE:
            return
        last = now
        rate = done / (now - started) / 1e6
        share = f"{min(1.0, done / total):.0%} of {total / 1e9:.1f} GB"
        print(f"onnx-params: {word}: {share}, {rate:.0f} MB/s", file=sys.stderr, flush=True)

    return advance


def n_bytes_of(path: str) -> int:
    """How large a checkpoint is, for the bar's end."""
    if os.path.isdir(path):
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())
    return os.path.getsize(path) if os.path.isfile(path) else 0
