"""Write the artifact with new payloads and metadata, its external files with it: whole or not at
all, and never over an input.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.onnx.splice import METADATA, Edits, pair, spliced, tagged
from onnx_params.errors import MissingDataError, UnreadableError, UsageError, system_reason
from onnx_params.io.atomic import refuse_overwriting, seen
from onnx_params.io.external import ExternalFile
from onnx_params.io.patches import Patch, ordered, patched
from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.encoding import Span

Progress = Callable[[int], None]
PREFIX: Final = ".onnx-params-"
WAITING: Final = 32  # pieces that wait to be written


class Change(NamedTuple):
    """What is to be written: ``edits`` of the model's own file, ``patches`` of the external files
    by their location, and ``renamed`` locations (see :mod:`onnx_params.applying.locations`).
    """

    edits: Edits
    patches: Mapping[str, Sequence[Patch]]
    renamed: Mapping[str, str]


def externals(model: Model) -> dict[str, ExternalFile]:
    """The files that a model points into, by their location."""
    return {
        tensor.external.file.location: tensor.external.file
        for whole in model.tensors
        for tensor in (whole, whole.indices)
        if tensor is not None and tensor.external is not None
    }


@contextmanager
def workshop(output: str) -> Iterator[str]:
    """A folder beside ``output`` in which files are made; it is gone afterwards.

    Raises :class:`UnreadableError` where there can be none.
    """
    try:
        folder = tempfile.mkdtemp(prefix=PREFIX, dir=os.path.dirname(output) or ".")
    except OSError as error:
        raise UnreadableError(f"{output}: cannot be written: {system_reason(error)}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_all(model: Model, change: Change, folder: str, name: str, progress: Progress) -> str:
    """Write the model as ``name`` and its external files into a folder; the path of the model.

    Raises :class:`MissingDataError` where an external file is not there,
    :class:`UnreadableError` where there is no room.
    """
    for location, file in externals(model).items():
        if file.n_bytes is None:
            raise MissingDataError(
                f"{file.path}: does not exist and is needed; put it beside the model"
            )
        source = file.open()
        patches = ordered(change.patches.get(location, ()), file.path)
        target = os.path.join(folder, change.renamed.get(location, location))
        pieces = patched(source, 0, source.n_bytes, patches)
        _write(target, seen(pieces, progress))
    path = os.path.join(folder, name)
    _write(path, seen(spliced(model.source, change.edits), progress))
    return path


def _write(path: str, pieces: Iterator[bytes]) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file, ThreadPoolExecutor(1) as writer:
            _hand_over(pieces, lambda piece: writer.submit(file.write, piece))
        os.chmod(path, 0o644)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written: {system_reason(error)}") from error


def _hand_over(pieces: Iterator[bytes], write: Callable[[bytes], Future[int]]) -> None:
    """Have the pieces written while the next ones are made; a few wait at most."""
    waiting: deque[Future[int]] = deque()
    for piece in pieces:
        waiting.append(write(piece))
        if len(waiting) > WAITING:
            waiting.popleft().result()
    for each in waiting:
        each.result()


def put_in_place(folder: str, name: str, output: str, locations: Sequence[str]) -> None:
    """Move what was written beside ``output``, the model last: until then there is none that
    points into new data.

    Raises :class:`UnreadableError` where it cannot be moved.
    """
    base = os.path.dirname(output) or "."
    try:
        if locations and os.path.isfile(output):
            os.unlink(output)  # it would point into data that is not its own
        for location in locations:
            target = os.path.join(base, location)
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
            os.replace(os.path.join(folder, location), target)
        os.replace(os.path.join(folder, name), output)
    except OSError as error:
        raise UnreadableError(f"{output}: cannot be written: {system_reason(error)}") from error


def new_locations(model: Model, output: str, inputs: Sequence[str]) -> dict[str, str]:
    """Location -> where that external file is to lie beside ``output``: under its own name, where
    that is not an input's.

    Raises :class:`UsageError` where ``output`` is an input, :class:`UnreadableError` where a file
    that another model may need is in the way.
    """
    refuse_overwriting([output], inputs)
    if os.path.exists(output) and not os.path.isfile(output):
        raise UsageError(f"{output}: is no regular file; name a file")
    folder = os.path.dirname(output) or "."
    mine = _own_files(output)
    found: dict[str, str] = {}
    for at, location in enumerate(externals(model)):
        target = os.path.join(folder, location)
        if _is_input(target, inputs):
            found[location] = f"{os.path.basename(output)}.data{f'.{at}' if at else ''}"
            target = os.path.join(folder, found[location])
            refuse_overwriting([target], inputs)
        if os.path.exists(target) and os.path.realpath(target) not in mine:
            raise UnreadableError(
                f"{target}: already exists and may be another model's; write into another folder"
            )
    return found


def _is_input(path: str, inputs: Sequence[str]) -> bool:
    from onnx_params.io.atomic import is_same_file

    return any(each and is_same_file(path, each) for each in inputs)


def _own_files(output: str) -> set[str]:
    """The external files of the model that ``output`` is to replace."""
    if not os.path.isfile(output):
        return set()
    from onnx_params.errors import OnnxParamsError
    from onnx_params.inventory.opening import open_artifact

    try:
        model = open_artifact(output).model
    except OnnxParamsError:
        return set()
    return {os.path.realpath(file.path) for file in externals(model).values()}


def with_metadata(model: Model, entries: Mapping[str, str]) -> Edits:
    """The edits that set entries of the model's metadata."""
    window = Window(model.source)
    replaced: dict[Span, bytes | None] = {}
    left = dict(entries)
    for span in model.metadata_spans:
        key = _key(window, span)
        if key in entries:
            replaced[span] = pair(key, left.pop(key)) if key in left else None
    added = b"".join(tagged(METADATA, pair(key, value)) for key, value in left.items())
    last = {Span(0, model.source.n_bytes): added} if added else {}
    return Edits(replaced=replaced, last=last)


def _key(window: Window, span: Span) -> str:
    for number, kind, a, b in fields(window, span.start, span.stop):
        if number == 1 and kind == LEN:
            return window.text(a, b)
    return ""
