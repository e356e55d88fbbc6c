"""Finish an artifact whose converter lost names: find each of the framework's weights in it by
content, and write down where it is.

Every place is proved by comparing values; what was computed (a batch norm's factor) is proved by
computing it again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import ExportError
from onnx_params.idioms.naming import Evidence
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.take import take
from onnx_params.names.claim import Claim
from onnx_params_exporters import source_map
from onnx_params_exporters.workshop import checked, draft_of, running

TOLERANCE = 1e-4  # of the largest absolute output in float32


class Weight(NamedTuple):
    """One of a framework's own: name, values, whether it is trained, further names of the same
    variable.
    """

    name: str
    values: np.ndarray
    trained: bool = True
    aliases: tuple[str, ...] = ()


def finish(
    path: str,
    framework: str,
    exporter: str,
    weights: Sequence[Weight],
    write: Callable[[str], None],
) -> None:
    """Let ``write`` make the artifact at a draft's path, find ``weights`` in it, add the source
    map, move it to ``path`` with its data.

    Whole or not at all. Raises :class:`ExportError` where there is no such folder, or onnx's
    checker refuses the artifact.
    """
    with draft_of(path) as draft:
        write(draft)
        checked(draft, path)
        found = claims(draft, weights)
        rows = [
            replace(found[weight.name], aliases=weight.aliases)
            for weight in weights
            if weight.trained and weight.name in found
        ]
        buffers = [
            found[weight.name]
            for weight in weights
            if not weight.trained and weight.name in found and found[weight.name].placements
        ]
        source_map.write_claims(draft, framework, exporter, rows, buffers)


def claims(draft: str, weights: Sequence[Weight]) -> dict[str, Claim]:
    """What is found of the weights, by name.

    An npz keeps names as files, so they are numbered there; formulas need the true ones.
    """
    by_number = {str(at): weight.name for at, weight in enumerate(weights)}
    with tempfile.TemporaryDirectory() as aside:
        checkpoint = os.path.join(aside, "weights.npz")
        arrays: dict[str, Any] = {number: weights[int(number)].values for number in by_number}
        np.savez(checkpoint, **arrays)
        opened = open_checkpoint(checkpoint)
        named = Checkpoint(
            path=checkpoint,
            tensors=tuple(
                tensor._replace(name=by_number[tensor.name]) for tensor in opened.tensors
            ),
            ordered=True,
        )
        inventory = take(open_artifact(draft).model, checkpoint=named)
    assert inventory.matched is not None
    rows = {claim.name: claim for claim in inventory.matched.claims}
    for weight in weights:
        place = inventory.matched.found[weight.name]
        if weight.name not in rows and place.placements:
            rows[weight.name] = Claim(
                name=weight.name,
                shape=weight.values.shape,
                dtype=weight.values.dtype.name,
                evidence=Evidence.REFERENCE,
                certain=place.certain,
                because=place.because,
                view=place.view,
                stored=place.stored,
                placements=place.placements,
                axis=place.axis,
            )
    return rows


def compare(path: str, inputs: Mapping[str, np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Hold onnxruntime's outputs against a framework's.

    Raises :class:`ExportError` where they differ.
    """
    import onnxruntime

    with running(os.path.basename(path)):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        given = {name: value for name, value in inputs.items() if name in names}
        if len(given) < len(names):
            given = dict(zip(names, inputs.values(), strict=False))
        outputs = session.run(None, given)
    if len(outputs) != len(expected):
        raise ExportError(
            f"{os.path.basename(path)}: has {len(outputs)} outputs, the model has {len(expected)}"
        )
    for at, (got, true) in enumerate(zip(outputs, expected, strict=True)):
        agree(os.path.basename(path), str(at), got, true)


def agree(file: str, output: str, got: np.ndarray, true: np.ndarray) -> None:
    """Raise :class:`ExportError` where an output differs from a framework's by more than
    :data:`TOLERANCE`.
    """
    reference = np.asarray(true, np.float32)
    difference = float(np.abs(np.asarray(got, np.float32) - reference).max(initial=0.0))
    limit = TOLERANCE * max(1.0, float(np.abs(reference).max(initial=0.0)))
    if not difference <= limit:
        raise ExportError(
            f"{file}: output {output} differs from the model's by {difference:.3g}, more than"
            f" {limit:.3g}"
        )
