"""Show how far a long read is, on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bar(word: str, *paths: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while bytes are read, where someone looks at it."""
    if not sys.stderr.isatty():
        yield lambda n_bytes: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(word, total=sum(n_bytes_of(path) for path in paths if path) or None)
        yield lambda n_bytes: shown.advance(task, n_bytes)


def n_bytes_of(path: str) -> int:
    """How large a checkpoint is, for the bar's end."""
    if os.path.isdir(path):
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())
    return os.path.getsize(path) if os.path.isfile(path) else 0
