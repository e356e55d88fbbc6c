"""Place the only parameter of a module that an exporter lists and nothing holds: in the only stored
tensor that hangs on that module without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import KEEPS_ELEMENTS, SCOPES_KEY, operator_of, read_list
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.names.claim import Claim
from onnx_params.names.lookups import table_shape
from onnx_params.names.placement import locate
from onnx_params.names.slots import ELEMENTWISE, UNKNOWN_LEAF
from onnx_params.tensors.steps import Reshape, without_ones
from onnx_params.tensors.stored import StoredTensor

N_AXES: Final = 3  # of biases of attention: heads, queries, keys


def alone_in_their_modules(
    rows: Iterable[Claim], own: Iterable[Claim], kept: Iterable[StoredTensor], model: Model
) -> dict[str, Claim]:
    """The open rows without a shape that are the only ones of their module, with what holds them:
    one of ``own``, the claims on loose tensors, or of the constants that modules keep. Reads
    values.
    """
    single = _single(rows)
    return {**_looked_up(single, kept, model), **_hanging(single, own, model)}


def _single(rows: Iterable[Claim]) -> dict[str, Claim]:
    """Module -> its only open row, where that has no shape."""
    by_module: dict[str, list[Claim]] = {}
    for row in rows:
        by_module.setdefault(row.name.rpartition(".")[0], []).append(row)
    return {
        module: found[0]
        for module, found in by_module.items()
        if module and len(found) == 1 and found[0].shape is None
    }


def filled(row: Claim, lies: Claim, because: str, *, has_values: bool = True) -> Claim:
    """A row of a list, which lies where a claim says; ``has_values`` says whether its numbers are
    those, or only its shape and type.
    """
    return replace(
        row,
        shape=lies.shape,
        dtype=lies.dtype,
        view=lies.view,
        stored=lies.stored,
        placements=lies.placements if has_values else (),
        certain=False,
        because=f"{row.because}; {because}",
    )


def _hanging(single: Mapping[str, Claim], own: Iterable[Claim], model: Model) -> dict[str, Claim]:
    """The rows with the only stored tensor of which no more than their module is known, by its name
    or by the scope of what takes it.
    """
    by_module: dict[str, list[Claim]] = {}
    for claim in own:
        module, _, leaf = claim.name.rpartition(".")
        if leaf.startswith(UNKNOWN_LEAF):
            by_module.setdefault(module, []).append(claim)
        elif claim.evidence is Evidence.NONE and len(claim.stored) == 1:
            tensor = model.stored[claim.stored[0]]
            for scope in _scopes(model, tensor):
                flat = locate(model, tensor, Reshape((tensor.count,)))
                made = flat.claim(claim.name, claim.evidence, claim.because, certain=False)
                by_module.setdefault(scope, []).append(made)
    found: dict[str, Claim] = {}
    for module, row in single.items():
        claims = by_module.get(module, [])
        if len(claims) == 1:
            stored = claims[0].stored[0][1]
            because = f"'{stored}' alone hangs on its module without a name"
            before = name_before(stored)
            is_it = operator_of(before) in KEEPS_ELEMENTS or not is_made_up(before)
            found[row.name] = filled(row, claims[0], because, has_values=is_it)
    return found


def _scopes(model: Model, tensor: StoredTensor) -> set[str]:
    """The modules in which dynamo's exporter has the operators that multiply or shift by a
    vector.
    """
    if sum(dim != 1 for dim in tensor.shape) > 1:
        return set()
    found = set()
    for consumer in consumers(model, tensor):
        scopes = read_list(consumer.node.read_metadata().get(SCOPES_KEY, ""))
        if consumer.node.op_type in ELEMENTWISE and len(scopes) > 1:
            found.add(scopes[-2])
    return found


def _looked_up(
    single: Mapping[str, Claim], tensors: Iterable[StoredTensor], model: Model
) -> dict[str, Claim]:
    """The rows with the table whose rows a constant of their module has again and again: biases of
    relative positions.
    """
    found: dict[str, Claim] = {}
    for tensor in tensors:
        row = single.get(name_before(tensor.name).rpartition(".")[0])
        if row is None or row.name in found:
            continue
        if len(without_ones(tensor.shape)) < N_AXES:
            continue
        shape = table_shape(tensor, has_rows_first=False, may_be_codes=True)
        if shape is None:
            continue
        because = f"'{tensor.name}' of its module has each of so many columns often"
        table = locate(model, tensor)._replace(shape=shape)
        lies = table.claim(row.name, row.evidence, because, certain=False, view=View.FOLDED)
        found[row.name] = filled(row, lies, because)
    return found
