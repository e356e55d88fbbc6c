"""Write the weights of a checkpoint into an artifact that was made of another one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from onnx_params.applying.files import (
    Change,
    new_locations,
    put_in_place,
    with_metadata,
    workshop,
    write_all,
)
from onnx_params.applying.given import open_weights
from onnx_params.applying.locations import relocated
from onnx_params.applying.lora import Adapter, merged
from onnx_params.applying.payloads import payload
from onnx_params.applying.plan import Choice, Plan, plan
from onnx_params.applying.proof import prove
from onnx_params.applying.provenance import entries
from onnx_params.applying.record import Application, Row
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import UnsupportedError, UsageError
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.take import take
from onnx_params.io.patches import Patch, ordered
from onnx_params.matching.reference import prepared
from onnx_params.tensors.encode import VARINTS
from onnx_params.tensors.steps import Key

MAX_SHOWN: Final = 5
HINT: Final = "; --reference OLD, the checkpoint that it was made of, may prove more"
Path = str | os.PathLike[str]
Weights = Path | Mapping[str, Any]  # any arrays


def apply(
    model: Path,
    checkpoint: Weights,
    output: Path | None = None,
    *,
    reference: Path | None = None,
    only: Sequence[str] = (),
    lora: Sequence[str] = (),
    accept_inferred: bool = False,
    keep_scales: bool = False,
    proof: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Application:
    """Write the artifact ``model`` with the values of ``checkpoint`` to ``output``; without one
    nothing is written, and the answer says what would be.

    ``checkpoint`` is a path, or a dictionary of NumPy arrays or of tensors that NumPy can read.
    ``reference`` is the checkpoint that the artifact was made of: it proves where everything lies,
    and is needed where the artifact does not say. ``only`` are globs of the names that are written.
    ``lora`` are folders of peft adapters that are added, ``ADAPTER=0.5`` for a half of one.
    ``accept_inferred`` also takes places that are inferred; ``keep_scales`` leaves the scales of
    quantized tensors. The result is audited against the
    checkpoint before it is put in place, unless ``proof`` is false. ``progress`` is called with
    the bytes that were written.

    Raises :class:`UnsupportedError` where a tensor cannot be written, before anything is;
    :class:`FormatError` where the result is not proved; other :class:`OnnxParamsError` where files
    cannot be read or written.

    >>> onnx_params.apply("model.onnx", "model.safetensors", "new.onnx").is_proved
    True
    """
    path = os.fspath(model)
    opened = open_artifact(path).model
    if opened.checkpoint is not None:
        raise UsageError(f"{path}: is a checkpoint; weights are written into an ONNX file")
    old = None if reference is None else open_checkpoint(os.fspath(reference))
    inventory = take(opened, checkpoint=old)
    weights, notes = prepared(open_weights(checkpoint), opened)
    weights = merged(weights, [Adapter.of(words) for words in lora]) if lora else weights
    choice = Choice(only=tuple(only), accepts_inferred=accept_inferred, keeps_scales=keep_scales)
    made = plan(inventory, weights, choice)
    application = _application(made, path, weights.path, notes)
    if output is None:
        return application
    if made.refused:
        hint = "" if reference is not None else HINT
        raise UnsupportedError(f"{_refusals(made.refused, path, len(made.rows))}{hint}")
    sources = _sources(weights, reference, lora)
    return _written(made, weights, application, sources, os.fspath(output), proof, progress)


def _sources(weights: Checkpoint, reference: Path | None, lora: Sequence[str]) -> dict[str, object]:
    """What the weights came from, by its word in the artifact's metadata."""
    found: dict[str, object] = {"checkpoint": os.path.basename(weights.path)}
    if reference is not None:
        found["reference"] = os.path.basename(os.fspath(reference))
    if lora:
        found["lora"] = [os.path.basename(words.rstrip("/")) for words in lora]
    return found


def _application(made: Plan, path: str, source: str, notes: Iterable[str]) -> Application:
    stored = made.model.stored
    return Application(
        model=path,
        checkpoint=source,
        output="",
        rows=made.rows,
        n_tensors=len(made.shares),
        n_bytes=sum(stored[key].n_bytes for key in made.shares),
        notes=(*made.notes, *notes),
    )


def _refusals(refused: Sequence[Row], path: str, n_rows: int) -> str:
    shown = "; ".join(f"'{row.name}': {row.because}" for row in refused[:MAX_SHOWN])
    more = f" (and {len(refused) - MAX_SHOWN} more)" if len(refused) > MAX_SHOWN else ""
    return (
        f"{path}: {len(refused)} of {n_rows} tensors cannot be written, and nothing was:"
        f" {shown}{more}"
    )


def _written(
    made: Plan,
    weights: Checkpoint,
    application: Application,
    sources: Mapping[str, object],
    output: str,
    proof: bool,
    progress: Callable[[int], None],
) -> Application:
    """Write, prove, put in place."""
    inputs = [*made.inventory.input_paths(), *_paths(weights)]
    renamed = new_locations(made.model, output, inputs)
    by_name = {tensor.name: tensor for tensor in weights.tensors}
    metadata = entries(made, sources, by_name)
    with workshop(output) as folder:
        name = os.path.basename(output)
        written = write_all(made.model, _change(made, metadata, renamed), folder, name, progress)
        if proof:
            prove(written, weights, made.rows, made.is_whole, progress)
        locations = [renamed.get(each, each) for each in _locations(made)]
        put_in_place(folder, name, output, locations)
    rows = tuple(replace(row, sqnr=made.quantizer.sqnr(row.name)) for row in made.rows)
    return replace(application, output=output, rows=rows, is_proved=proof)


def _paths(weights: Checkpoint) -> list[str]:
    return [weights.path, *dict.fromkeys(tensor.source.label for tensor in weights.tensors)]


def _locations(made: Plan) -> list[str]:
    from onnx_params.applying.files import externals

    return list(externals(made.model))


def _payloads(made: Plan) -> dict[Key, Callable[[], Iterable[bytes]]]:
    """What makes the new payload of each stored tensor."""
    stored, quantizer = made.model.stored, made.quantizer
    codes = dict.fromkeys(quantizer.keys())
    found: dict[Key, Callable[[], Iterable[bytes]]] = {
        key: partial(payload, stored[key], shares)
        for key, shares in made.shares.items()
        if key not in codes
    }
    return found | {key: partial(quantizer.payload, key) for key in codes}


def _change(made: Plan, metadata: Mapping[str, str], renamed: Mapping[str, str]) -> Change:
    """The patches of every file, and what changes its length."""
    stored = made.model.stored
    edits = with_metadata(made.model, metadata)
    replaced = dict(edits.replaced) | relocated(made.model.source, renamed)
    own: list[Patch] = []
    outside: dict[str, list[Patch]] = {}
    for key, pieces in _payloads(made).items():
        tensor = stored[key]
        if tensor.encoding in VARINTS:
            replaced[tensor.spans[0]] = b"".join(pieces())
        elif tensor.external is not None:
            start = tensor.external.offset
            stop = start + tensor.dtype.packed_length(tensor.count)
            patch = Patch(start, stop, pieces)
            outside.setdefault(tensor.external.file.location, []).append(patch)
        else:
            own.append(Patch(tensor.spans[0].start, tensor.spans[-1].stop, pieces))
    label = made.model.source.label
    return Change(replace(edits, replaced=replaced, patches=ordered(own, label)), outside, renamed)
