"""Write the weights of a checkpoint into an artifact that was made of another one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from onnx_params.applying.casting import BROKEN, is_fit
from onnx_params.applying.changes import change
from onnx_params.applying.draft import Choice
from onnx_params.applying.files import (
    externals,
    new_locations,
    put_in_place,
    workshop,
    write_all,
)
from onnx_params.applying.proof import prove
from onnx_params.applying.provenance import entries
from onnx_params.applying.record import Application, Row, Way
from onnx_params.applying.request import Path, Request, Weights
from onnx_params.tensors.stored import StoredTensor


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
    add_dropped: bool = False,
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
    quantized tensors. ``add_dropped`` adds biases that were left out because they were zero. The
    result is audited against the checkpoint before it is put in place, unless ``proof`` is false.
    ``progress`` is called with the bytes that were written.

    Raises :class:`UnsupportedError` where a tensor cannot be written, before anything is;
    :class:`FormatError` where the result is not proved; other :class:`OnnxParamsError` where files
    cannot be read or written.

    >>> onnx_params.apply("model.onnx", "model.safetensors", "new.onnx").is_proved
    True
    """
    request = Request(
        model=model,
        checkpoint=checkpoint,
        reference=reference,
        lora=tuple(lora),
        choice=Choice(
            only=tuple(only),
            accepts_inferred=accept_inferred,
            keeps_scales=keep_scales,
            adds_dropped=add_dropped,
        ),
    )
    if output is None:
        return _tried(request)
    request.refuse()
    return _written(request, os.fspath(output), proof, progress)


def _tried(request: Request) -> Application:
    """What would be written; tensors whose new values are NaN or infinite are refused. Reads the
    new values.
    """
    by_name = {tensor.name: tensor for tensor in request.weights.tensors}
    rows = tuple(_checked(row, by_name.get(row.name)) for row in request.plan.rows)
    return replace(request.application, rows=rows)


def _checked(row: Row, tensor: StoredTensor | None) -> Row:
    if tensor is None or not row.is_written or is_fit(tensor.read()):
        return row
    return replace(row, way=Way.REFUSED, because=BROKEN)


def _written(
    request: Request, output: str, proof: bool, progress: Callable[[int], None]
) -> Application:
    """Write, prove, put in place."""
    made, weights = request.plan, request.weights
    renamed = new_locations(made.model, output, request.inputs)
    by_name = {tensor.name: tensor for tensor in weights.tensors}
    metadata = entries(made, request.sources(), by_name)
    with workshop(output) as folder:
        name = os.path.basename(output)
        written = write_all(made.model, change(made, metadata, renamed), folder, name, progress)
        if proof:
            prove(written, weights, made.rows, made.is_whole, progress)
        locations = [renamed.get(each, each) for each in externals(made.model)]
        put_in_place(folder, name, output, locations)
    rows = tuple(replace(row, sqnr=made.quantizer.sqnr(row.name)) for row in made.rows)
    return replace(request.application, output=output, rows=rows, is_proved=proof)
