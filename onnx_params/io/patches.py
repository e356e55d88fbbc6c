"""Give a file's bytes with some runs of them replaced by others of the same length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from onnx_params.errors import FormatError
from onnx_params.io.sources import Source

CHUNK: Final = 1 << 20  # bytes copied at once


class Patch(NamedTuple):
    """Bytes that stand from ``start`` up to, without, ``stop`` instead of those of the file;
    ``pieces`` makes them when they are written.
    """

    start: int
    stop: int
    pieces: Callable[[], Iterable[bytes]]


def patched(source: Source, start: int, stop: int, patches: Sequence[Patch]) -> Iterator[bytes]:
    """The bytes of a source from ``start`` to ``stop`` with the patches that lie there, which are
    in order and do not overlap. Touches the disk.

    Raises :class:`FormatError` where a patch has another length than what it replaces.
    """
    at = start
    for patch in patches:
        yield from copied(source, at, patch.start)
        yield from _exactly(source, patch)
        at = patch.stop
    yield from copied(source, at, stop)


def copied(source: Source, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a source from ``start`` to ``stop``, some at a time. Touches the disk."""
    for at in range(start, stop, CHUNK):
        yield source.read(at, min(CHUNK, stop - at))


def ordered(patches: Iterable[Patch], label: str) -> list[Patch]:
    """The patches in the order of the file.

    Raises :class:`FormatError`, which names ``label``, where two of them overlap.
    """
    found = sorted(patches, key=lambda patch: patch.start)
    for one, two in zip(found, found[1:], strict=False):
        if two.start < one.stop:
            raise FormatError(
                f"{label}: two tensors share the bytes from {two.start} to {one.stop}, and would"
                " get different values"
            )
    return found


def _exactly(source: Source, patch: Patch) -> Iterator[bytes]:
    """The pieces of a patch, counted."""
    left = patch.stop - patch.start
    for piece in patch.pieces():
        left -= len(piece)
        yield piece
    if left:
        raise FormatError(
            f"{source.label}: new values differ in length from the old ones at byte {patch.start}"
        )
