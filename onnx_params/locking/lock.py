"""Attest what an artifact is, tensor by tensor, and hold another one against it.

A lock has the SHA-256 of every stored tensor's values, however they are encoded, and of the
structure twice: with all names, and with values numbered in the order in which nodes use them. So a
rename, a re-save, and a change of values are three different answers.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.errors import FormatError, UnsupportedError, UsageError
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import take
from onnx_params.io.freshness import unchanged
from onnx_params.plain import plain
from onnx_params.report import report
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key
from onnx_params.tensors.steps_json import to_json as piece_to_json
from onnx_params.tensors.stored import StoredTensor

SCHEMA: Final = "onnx-params/lock/1"
CHUNK: Final = 1 << 20
MAX_TOLD: Final = 20  # lines of one kind


class Locked(NamedTuple):
    """One stored tensor:

    ``place`` is its number in the order of use, or where it stands as an attribute; empty where
    nothing uses it.
    """

    name: str
    graph: str
    place: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What an artifact is."""

    name: str
    model: dict[str, Any]  # JSON: as in the document
    totals: dict[str, int]
    structure: str
    structure_without_names: str
    metadata: str
    tensors: tuple[Locked, ...]
    parameters: tuple[dict[str, Any], ...]
    files: tuple[str, ...] = ()  # paths that were read; not in the document


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an artifact differs from its lock.

    ``same`` says whether it computes the same by every value and the structure.
    """

    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    structure_differs: bool = False
    saved_again: tuple[str, ...] = ()
    n_same: int = 0

    @property
    def same(self) -> bool:
        return not (self.changed or self.gone or self.new or self.structure_differs)


def lock(path: str, *, progress: Callable[[int], None] = lambda n_bytes: None) -> Lock:
    """Digest an artifact.

    Reads all values, in chunks. Raises :class:`FormatError` where a file changes meanwhile.
    """
    started = time.time_ns()
    model, name = open_artifact(path)
    inventory = take(model)
    places = _places(model)
    tensors = []
    for tensor, verdict in inventory.verdicts:
        digest = sha256(tensor)
        progress(tensor.n_bytes)
        row = (
            tensor.name,
            tensor.place.graph,
            places.get(_spot(tensor), ""),
            verdict.role.value,
            tensor.dtype.name,
            tensor.shape,
            tensor.n_bytes,
            digest,
        )
        tensors.append(Locked(*row))
    made = report.build(inventory, name)
    unchanged([path, *(file.path for file in inventory.files)], started)
    return Lock(
        name=name,
        model={
            "ir_version": model.ir_version,
            "producer_name": model.producer_name,
            "producer_version": model.producer_version,
            "opsets": [{"domain": domain, "version": version} for domain, version in model.opsets],
            "files": [
                {"name": os.path.basename(file.path), "bytes": file.n_bytes}
                for file in inventory.files
            ],
        },
        totals={
            "layers": made.layers,
            "parameters": made.parameters,
            "stored_parameters": made.stored_parameters,
            "bytes": made.n_bytes,
        },
        structure=_digest(_lines(model, named=True)),
        structure_without_names=_digest(_lines(model, named=False)),
        metadata=_digest(f"{key}={value}" for key, value in sorted(model.read_metadata().items())),
        tensors=tuple(tensors),
        parameters=tuple(_parameters(inventory)),
        files=tuple(inventory.input_paths()),
    )


def sha256(tensor: StoredTensor) -> str:
    """The digest of a tensor's values, whatever their encoding: little-endian, a byte for an
    element of fewer than 8 bits. Reads them in chunks.
    """
    import numpy as np

    from onnx_params.tensors import decode
    from onnx_params.tensors.chunks import in_place

    digest = hashlib.sha256()
    place = in_place(tensor)
    if place is not None:
        source, start, dtype = place
        size = tensor.count * dtype.itemsize
        for at in range(0, size, CHUNK):
            digest.update(source.read(start + at, min(CHUNK, size - at)))
        return digest.hexdigest()
    if tensor.encoding is Encoding.OPAQUE:
        digest.update(decode.packed(tensor).tobytes())
        return digest.hexdigest()
    try:
        array = tensor.read()
    except UnsupportedError:
        return digest.hexdigest()
    if array.dtype == object:
        for item in array.reshape(-1):
            digest.update(len(item).to_bytes(8, "little") + bytes(item))
    elif array.size:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


# -- structure ----------------------------------------------------------------------------------------------------------------------

Spot = tuple[Key, int | None, str]


def _spot(tensor: StoredTensor) -> Spot:
    place = tensor.place
    inside = bool(place.op_type) and (place.op_type != "Constant" or bool(place.domain))
    return tensor.key, place.node if inside else None, place.attribute if inside else ""


def _places(model: Model) -> dict[Spot, str]:
    """Where each stored tensor stands, without its name: its number in the order of use, or the
    node and attribute that holds it.
    """
    numbers = _Numbers(model)
    for _ in _lines(model, named=False, numbers=numbers):
        pass
    found: dict[Spot, str] = {}
    graphs = {path: at for at, path in enumerate(model.graphs)}
    for tensor in model.tensors:
        spot = _spot(tensor)
        if spot[1] is not None:
            found[spot] = f"{graphs[tensor.place.graph]}/{spot[1]}/{spot[2]}"
        elif tensor.key in numbers.of:
            found[spot] = str(numbers.of[tensor.key])
    return found


class _Numbers:
    """Values numbered in the order in which they occur."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.of: dict[Key, int] = {}

    def __call__(self, path: str, name: str) -> str:
        key = self.model.wiring.resolve(path, name)
        return str(self.of.setdefault(key, len(self.of))) if name else "-"


def _lines(model: Model, *, named: bool, numbers: _Numbers | None = None) -> Iterator[str]:
    """What a digest of the structure is taken of.

    Names of the main graph's inputs and outputs are part of it either way: callers use them.
    """
    value = (lambda path, name: name) if named else (numbers or _Numbers(model))
    yield f"{model.ir_version} {sorted(model.opsets)}"
    stored = {tensor.key for tensor in model.tensors}
    for at, (path, graph) in enumerate(model.graphs.items()):
        true_inputs = [name for name in graph.inputs if (path, name) not in stored]
        yield (
            f"graph {at} {true_inputs if not path else [value(path, name) for name in true_inputs]}"
        )
        for name in true_inputs:
            value(path, name)
        for node in graph.nodes:
            if (
                node.op_type == "Constant"
                and not node.domain
                and all((path, name) in stored for name in node.outputs)
            ):
                continue  # a tensor, however it is written
            yield _line(path, node, value, named)
        yield (
            f"outputs {list(graph.outputs) if not path else ''}"
            f" {[value(path, name) for name in graph.outputs]}"
        )


def _line(path: str, node: Node, value: Callable[[str, str], str], named: bool) -> str:
    inputs = [value(path, name) for name in node.inputs]
    outputs = [value(path, name) for name in node.outputs]
    attributes = sorted((name, repr(held)) for name, held in node.read_attributes().items())
    return (
        f"{node.name if named else ''} {node.domain or 'ai.onnx'} {node.op_type} {inputs} {outputs}"
        f" {attributes}"
    )


def _digest(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        data = line.encode("utf-8", "backslashreplace")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _parameters(inventory: Inventory) -> Iterator[dict[str, Any]]:  # JSON
    for claim in inventory.parameters:
        yield {
            "name": claim.name,
            "shape": claim.shape,
            "dtype": claim.dtype,
            "evidence": claim.evidence.value,
            "certain": claim.certain,
            "view": claim.view.value,
            "stored": [key[1] for key in claim.stored],
            "aliases": list(claim.aliases),
            "pieces": [piece_to_json(piece, {}) for piece in claim.pieces],
        }


# -- the file -----------------------------------------------------------------------------------------------------------------------


def to_json(made: Lock) -> str:
    """A lock by the contract ``onnx-params/lock/1``."""
    document = {
        "schema": SCHEMA,
        "name": made.name,
        "model": made.model,
        "totals": made.totals,
        "structure": {
            "sha256": made.structure,
            "sha256_without_names": made.structure_without_names,
        },
        "metadata": {"sha256": made.metadata},
        "tensors": [
            {
                "name": t.name,
                "graph": t.graph,
                "place": t.place,
                "role": t.role,
                "dtype": t.dtype,
                "shape": t.shape,
                "bytes": t.n_bytes,
                "sha256": t.sha256,
            }
            for t in made.tensors
        ],
        "parameters": list(made.parameters),
    }
    return json.dumps(document, indent=1) + "\n"


def read_lock(path: str) -> Lock:
    """Read what :func:`to_json` wrote.

    Raises :class:`UsageError` where there is no such file, :class:`FormatError` where it is no
    lock.
    """
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["schema"] != SCHEMA:
            raise FormatError(
                f"{path}: is no lock of a version that is known: {document['schema']!r}"
            )
        tensors = tuple(
            Locked(
                str(t["name"]), str(t["graph"]), str(t["place"]), str(t["role"]), str(t["dtype"]),
                tuple(int(dim) for dim in t["shape"]), int(t["bytes"]), str(t["sha256"]),
            )
            for t in document["tensors"]
        )  # fmt: skip
        return Lock(
            name=str(document["name"]),
            model=dict(document["model"]),
            totals=dict(document["totals"]),
            structure=str(document["structure"]["sha256"]),
            structure_without_names=str(document["structure"]["sha256_without_names"]),
            metadata=str(document["metadata"]["sha256"]),
            tensors=tensors,
            parameters=tuple(
                row
                for row in document["parameters"]
                if isinstance(row["stored"], list) and isinstance(row["name"], str)
            ),
        )
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is no lock: {type(error).__name__}; `onnx-params lock MODEL -o FILE`"
            " writes one"
        ) from error


# -- holding an artifact against it ---------------------------------------------------------------------------------------------------


def verify(
    path: str, wanted: Lock, *, progress: Callable[[int], None] = lambda n_bytes: None
) -> Outcome:
    """Digest an artifact and say how it differs from its lock."""
    return differences(wanted, lock(path, progress=progress))


def differences(wanted: Lock, have: Lock) -> Outcome:
    """Pair the tensors of two locks: by place where the structure is the same but for names, else
    by name, then by content.
    """
    same_structure = wanted.structure_without_names == have.structure_without_names
    left, pairs = dict(enumerate(have.tensors)), []
    gone = []
    by_place = {
        (t.graph if not same_structure else "", t.place): at for at, t in left.items() if t.place
    }
    by_name = {(t.graph, t.name): at for at, t in left.items()}
    by_content: dict[tuple[str, tuple[int, ...], str], list[int]] = {}
    for at, each in left.items():
        by_content.setdefault((each.dtype, each.shape, each.sha256), []).append(at)
    for tensor in wanted.tensors:
        at_place = by_place.get(("", tensor.place)) if same_structure and tensor.place else None
        found = at_place if at_place is not None else by_name.get((tensor.graph, tensor.name))
        if found is None or found not in left:
            found = next(
                (
                    n
                    for n in by_content.get((tensor.dtype, tensor.shape, tensor.sha256), ())
                    if n in left
                ),
                None,
            )
        if found is None:
            gone.append(tensor.name)
        else:
            pairs.append((tensor, left.pop(found)))
    changed = [
        _told(one, two, wanted)
        for one, two in pairs
        if (one.dtype, one.shape, one.sha256) != (two.dtype, two.shape, two.sha256)
    ]
    saved_again = []
    if wanted.model.get("files") != json.loads(json.dumps(have.model.get("files"))):
        saved_again.append("its files have other names or sizes")
    if wanted.metadata != have.metadata:
        saved_again.append("its metadata differs")
    if wanted.structure != have.structure and same_structure:
        saved_again.append("names of values or nodes differ")
    return Outcome(
        changed=tuple(changed),
        gone=tuple(gone),
        new=tuple(t.name for t in left.values()),
        renamed=tuple((one.name, two.name) for one, two in pairs if one.name != two.name),
        structure_differs=not same_structure,
        saved_again=tuple(saved_again),
        n_same=len(pairs) - len(changed),
    )


def _told(one: Locked, two: Locked, wanted: Lock) -> str:
    parameter = next(
        (
            str(row["name"])
            for row in wanted.parameters
            if one.name in row.get("stored", ()) and row["name"] != one.name
        ),
        "",
    )
    name = f"{one.name} ({parameter})" if parameter else one.name
    if (one.dtype, one.shape) != (two.dtype, two.shape):
        return f"{name}: {one.dtype} {list(one.shape)} is now {two.dtype} {list(two.shape)}"
    return f"{name}: other values"


def told(outcome: Outcome, model: str, locked: str) -> str:
    """The outcome in lines."""
    total = outcome.n_same + len(outcome.changed) + len(outcome.gone)
    lines: list[str] = []

    def some(word: str, listed: tuple[str, ...]) -> None:
        lines.extend(f"{word}: {plain(each)}" for each in listed[:MAX_TOLD])
        if len(listed) > MAX_TOLD:
            lines.append(f"{word}: and {len(listed) - MAX_TOLD} more")

    some("changed", outcome.changed)
    some("gone", outcome.gone)
    some("new", outcome.new)
    some("renamed", tuple(f"{old} -> {new}" for old, new in outcome.renamed))
    if outcome.structure_differs:
        lines.append("structure: nodes, attributes or how they are wired differ")
    some("saved again", outcome.saved_again)
    if outcome.same:
        what = (
            "renamed, every value as it was"
            if outcome.renamed
            else "saved again, every value as it was"
            if outcome.saved_again
            else "exactly that"
        )
        lines.append(
            f"same: {plain(model)} is what {plain(locked)} attests: {what} ({total} tensors,"
            " structure)"
        )
    else:
        lines.append(
            f"DIFFERENT: {plain(model)} is not what {plain(locked)} attests: {outcome.n_same} of"
            f" {total} tensors are as they were"
        )
    return "\n".join(lines) + "\n"
