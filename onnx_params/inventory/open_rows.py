"""Place the only parameter of a module that an exporter lists and nothing holds: in the only stored
tensor that hangs on that module without a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import SCOPES_KEY, read_list
from onnx_params.names.claim import Claim
from onnx_params.names.lookups import table_shape
from onnx_params.names.placement import locate
from onnx_params.names.slots import ELEMENTWISE, UNKNOWN_LEAF
from onnx_params.tensors.steps import Key, Reshape, without_ones
from onnx_params.tensors.stored import StoredTensor

N_AXES: Final = 3  # of biases of attention: heads, queries, keys


def hanging(rows: Mapping[str, Claim], own: Iterable[Claim], model: Model) -> dict[str, Claim]:
    """The open rows that are the only ones of their module, each with the only stored tensor of
    which no more than that module is known, by its name or by the scope of what takes it.
    """
    single = _single(rows)
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
        if row.shape is None and len(claims) == 1:
            found[row.name] = _joined(row, claims[0])
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


def _single(rows: Mapping[str, Claim]) -> dict[str, Claim]:
    """Module -> its only open row."""
    n_rows = Counter(name.rpartition(".")[0] for name in rows)
    owned = ((name.rpartition(".")[0], row) for name, row in rows.items())
    return {module: row for module, row in owned if module and n_rows[module] == 1}


def _joined(row: Claim, own: Claim) -> Claim:
    because = f"{row.because}; '{own.stored[0][1]}' alone hangs on its module without a name"
    return replace(
        row,
        shape=own.shape,
        dtype=own.dtype,
        view=own.view,
        stored=own.stored,
        placements=own.placements,
        certain=False,
        because=because,
    )


def looked_up(
    rows: Mapping[str, Claim], tensors: Iterable[StoredTensor], model: Model
) -> dict[str, Claim]:
    """The open rows that are the only ones of their module, each with the table whose rows a
    constant of the module has again and again: biases of relative positions. Reads values.
    """
    single = _single(rows)
    found: dict[str, Claim] = {}
    for tensor in tensors:
        row = single.get(name_before(tensor.name).rpartition(".")[0])
        if row is None or row.shape is not None or row.name in found:
            continue
        if len(without_ones(tensor.shape)) < N_AXES:
            continue
        shape = table_shape(tensor, has_rows_first=False, may_be_codes=True)
        if shape is None:
            continue
        location = locate(model, tensor)
        because = f"{row.because}; '{tensor.name}' of its module has each of so many columns often"
        found[row.name] = replace(
            row,
            shape=shape,
            dtype=location.dtype,
            view=View.FOLDED,
            stored=(tensor.key,),
            certain=False,
            because=because,
        )
    return found


def keys_of(claims: Iterable[Claim]) -> set[Key]:
    """The stored tensors of claims."""
    return {key for claim in claims for key in claim.stored}
