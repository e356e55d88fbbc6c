"""Point an artifact's initializers into a checkpoint: its values are not copied, and another file
of the same layout in its place is another model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from onnx_params.applying.changes import array_of, change
from onnx_params.applying.draft import Choice
from onnx_params.applying.plan import Plan
from onnx_params.applying.proof import prove
from onnx_params.applying.protos import (
    INITIALIZER,
    NODE,
    Pointer,
    anatomy,
    external_tensor,
    integer,
    ints,
    node,
    raw_tensor,
    shape_tensor,
)
from onnx_params.applying.provenance import entries
from onnx_params.applying.record import Application, Row, Way
from onnx_params.applying.request import Path, Request
from onnx_params.applying.shares import Share
from onnx_params.containers.onnx.splice import Edits, spliced, tagged
from onnx_params.errors import UnsupportedError, UsageError
from onnx_params.io.atomic import refuse_overwriting, seen, write_with
from onnx_params.io.sources import FileSource
from onnx_params.tensors.chunks import in_place
from onnx_params.tensors.encode import encoded
from onnx_params.tensors.encoding import Encoding, PlaceKind, Span
from onnx_params.tensors.steps import Cast, Key, Permute, Reshape, Shape, Steps, shape_after
from onnx_params.tensors.stored import StoredTensor

ENDING: Final = ".safetensors"
SUFFIX: Final = "::checkpoint"
MAX_INSIDE: Final = 1 << 30  # bytes that the result may hold itself: a protobuf holds two of them


@dataclass(slots=True, kw_only=True)
class _Links:
    """What points into the checkpoint: new initializers, and the nodes behind some of them."""

    tensors: dict[Key, bytes] = field(default_factory=dict)
    nodes: list[bytes] = field(default_factory=list)
    shapes: list[bytes] = field(default_factory=list)
    through: dict[Key, str] = field(default_factory=dict)  # which operators


def link(
    model: Path,
    checkpoint: Path,
    output: Path,
    *,
    reference: Path | None = None,
    accept_inferred: bool = False,
    materialize: bool = False,
    proof: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Application:
    """Write the artifact to ``output`` with initializers that point into ``checkpoint``, a
    safetensors file in the folder of ``output`` or below it, or an index of several.

    A parameter that is stored in another layout or type is pointed at as well, with nodes behind
    it; ``materialize`` writes it into the result instead. What is quantized, computed or joined is
    written into the result. Other arguments and errors are those of
    :func:`~onnx_params.applying.apply.apply`.

    >>> made = onnx_params.link("model.onnx", "model.safetensors", "linked.onnx")
    >>> [row.way.value for row in made.rows]
    ['linked', 'linked']
    """
    request = Request(
        model=model,
        checkpoint=checkpoint,
        reference=reference,
        choice=Choice(accepts_inferred=accept_inferred),
    )
    target = os.fspath(output)
    refuse_overwriting([target], request.inputs)
    request.refuse()
    made = request.plan
    links = _links(made, target, materialize)
    if not links.tensors:
        raise UnsupportedError(
            f"{request.path}: no parameter of it is stored as a tensor of the checkpoint is; apply"
            " writes the values"
        )
    weights = {tensor.name: tensor for tensor in request.weights.tensors}
    metadata = entries(made, request.sources(), weights)
    changed = _with_links(made, links, metadata)

    def fill(path: str) -> None:
        with open(path, "wb") as file:
            for piece in seen(spliced(made.model.source, changed), progress):
                file.write(piece)
        if proof:
            prove(path, request.weights, made.rows, made.is_whole, progress)

    write_with(target, fill, request.inputs)
    rows = tuple(_row(made, row, links) for row in made.rows)
    return replace(request.application, output=target, rows=rows, is_proved=proof)


def _links(made: Plan, output: str, materialize: bool) -> _Links:
    """The stored tensors that are one tensor of the checkpoint, whole."""
    links = _Links()
    inputs = set(made.model.main.inputs)
    for key, shares in made.shares.items():
        tensor = made.model.stored[key]
        is_own = tensor.place.kind is PlaceKind.INITIALIZER and not key[0]
        if not is_own or len(shares) > 1 or key[1] in inputs:
            continue
        pointer = _pointer(shares[0], output)
        nodes = _nodes(tensor, shares[0]) if pointer is not None else None
        if pointer is None or nodes is None or (nodes and materialize):
            continue
        _add(links, key, shares[0].tensor, pointer, nodes)
    return links


def _pointer(share: Share, output: str) -> Pointer | None:
    """Where the bytes of a tensor lie, from the folder of ``output``; ``None`` where they do not
    lie in a file as they are.

    Raises :class:`UsageError` where that is outside the folder, which no runtime reads.
    """
    place = in_place(share.tensor)
    if place is None or share.part is not None or not isinstance(place[0], FileSource):
        return None
    source, start, dtype = place
    if not source.label.endswith(ENDING):
        raise UsageError(f"{source.label}: is no safetensors file, which a runtime could read")
    path = os.path.realpath(source.label)
    folder = os.path.realpath(os.path.dirname(output) or ".")
    if not path.startswith(folder.rstrip(os.sep) + os.sep):
        raise UsageError(
            f"{source.label}: is not in the folder of {output} or below it, where runtimes look for"
            " data; write the result beside the checkpoint"
        )
    location = os.path.relpath(path, folder).replace(os.sep, "/")
    return Pointer(location, start, share.tensor.count * dtype.itemsize)


Op = tuple[str, tuple[int, ...]]  # an operator and its numbers: axes, a shape, a type


def _nodes(tensor: StoredTensor, share: Share) -> list[Op] | None:
    """The operators from a tensor of the checkpoint to a stored one; ``None`` where no operators
    of layout and type do it.
    """
    if not all(isinstance(step, (Permute, Reshape, Cast)) for step in share.steps):
        return None
    steps: Steps = tuple(step for step in share.steps if not isinstance(step, Cast))
    found: list[Op] = []
    if tensor.dtype != share.tensor.dtype:
        if not tensor.dtype.is_float or not share.tensor.dtype.is_float:
            return None
        found.append(("Cast", (tensor.dtype.code,)))
    shapes: list[Shape] = [tensor.shape]
    for step in steps:
        shapes.append(shape_after(shapes[-1], (step,)))
    for step, before in zip(reversed(steps), shapes[-2::-1], strict=True):
        if isinstance(step, Permute):
            turned = sorted(range(len(step.axes)), key=step.axes.__getitem__)
            found.append(("Transpose", tuple(turned)))
        else:
            found.append(("Reshape", before))
    return found


def _add(
    links: _Links, key: Key, tensor: StoredTensor, pointer: Pointer, operators: Sequence[Op]
) -> None:
    """Add a tensor that points into the checkpoint, and the nodes from it to its value."""
    name = f"{key[1]}{SUFFIX}" if operators else key[1]
    links.tensors[key] = external_tensor(name, tensor.dtype, tensor.shape, pointer)
    for at, (op_type, numbers) in enumerate(operators):
        output = key[1] if at == len(operators) - 1 else f"{name}.{at}"
        inputs, attributes = [name if not at else f"{name}.{at - 1}"], []
        if op_type == "Reshape":
            inputs.append(f"{name}.shape{at}")
            links.shapes.append(shape_tensor(inputs[-1], numbers))
        elif op_type == "Transpose":
            attributes = [ints("perm", numbers)]
        else:
            attributes = [integer("to", numbers[0])]
        links.nodes.append(node(op_type, inputs, output, attributes))
    if operators:
        links.through[key] = ", ".join(op_type for op_type, _ in operators)


def _with_links(made: Plan, links: _Links, metadata: Mapping[str, str]) -> Edits:
    """The edits that make the result."""
    parts = anatomy(made.model.source)
    inside = _inside(made, links)
    changed = change(made, metadata, {}, without={*links.tensors, *inside}).edits
    replaced: dict[Span, bytes | None] = dict(changed.replaced)
    for key, content in (links.tensors | inside).items():
        replaced[parts.initializers[key[1]]] = content
    first = {parts.graph: b"".join(tagged(NODE, each) for each in links.nodes)}
    shapes = b"".join(tagged(INITIALIZER, each) for each in links.shapes)
    last = {parts.graph: changed.last.get(parts.graph, b"") + shapes}
    return replace(
        changed,
        replaced=replaced,
        first={span: data for span, data in first.items() if data},
        last={**changed.last, **{span: data for span, data in last.items() if data}},
    )


def _inside(made: Plan, links: _Links) -> dict[Key, bytes]:
    """The tensors that lay in external files and are not linked: the result holds them itself.

    Raises :class:`UnsupportedError` where they are too many bytes, or not the main graph's.
    """
    found: dict[Key, bytes] = {}
    left = [
        tensor
        for tensor in made.model.tensors
        if tensor.encoding is Encoding.EXTERNAL and tensor.key not in links.tensors
    ]
    n_bytes = sum(tensor.n_bytes for tensor in left)
    if n_bytes > MAX_INSIDE:
        raise UnsupportedError(
            f"{made.model.source.label}: {n_bytes:,} bytes of it are no tensors of the checkpoint,"
            " too many for one file; apply writes them"
        )
    written = {*made.shares, *made.quantizer.written}
    for tensor in left:
        if tensor.place.kind is not PlaceKind.INITIALIZER or tensor.place.graph:
            raise UnsupportedError(
                f"'{tensor.name}' lies in an external file and is no initializer of the main graph;"
                " apply writes it"
            )
        values = array_of(made, tensor.key) if tensor.key in written else tensor.read()
        data = encoded(values, tensor.dtype, Encoding.RAW)
        found[tensor.key] = raw_tensor(tensor.name, tensor.dtype, tensor.shape, data)
    return found


def _row(made: Plan, row: Row, links: _Links) -> Row:
    """The row, where all of its stored tensors point into the checkpoint."""
    keys = [key for key, shares in made.shares.items() if any(s.name == row.name for s in shares)]
    if not keys or not all(key in links.tensors for key in keys):
        return replace(row, sqnr=made.quantizer.sqnr(row.name))
    through = [links.through[key] for key in keys if key in links.through]
    because = f"read from the checkpoint{f', through {through[0]}' if through else ''}"
    return replace(row, way=Way.LINKED, because=because)
