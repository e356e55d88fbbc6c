"""Join what ``torch.nn.MultiheadAttention`` has in one tensor, where TorchScript's exporter took
it apart: one matrix for each product, where queries, keys and values are not the same.

Source: torch.nn.functional, ``_in_projection_packed``, which splits ``in_proj_weight`` into three
parts, or two where keys and values are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.biases import biases
from onnx_params.dataflow.consumers import Consumer, as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence, module_of
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import LIFTED, real_name, scope_of
from onnx_params.names.claim import Claim
from onnx_params.names.modules import Modules
from onnx_params.names.placement import Location, locate
from onnx_params.tensors.steps import Key, Placement, Shape
from onnx_params.tensors.stored import StoredTensor

_AFTER_ATTENTION: Final = "out_proj"  # whose product stands in the scope of the attention itself
N_PROJECTIONS: Final = 3  # of queries, keys and values
_APART: Final = ("q_proj_weight", "k_proj_weight", "v_proj_weight")  # of different widths
_NUMBER: Final = re.compile(rf"{LIFTED}\w+_(\d+)$")


class _Part(NamedTuple):
    """The matrix of one product, and the bias that is added to what it gives."""

    weight: Location
    bias: Location | None
    order: int


def joined_projections(
    model: Model, modules: Modules, tensors: Iterable[StoredTensor]
) -> dict[Key, list[Claim]]:
    """Claims on ``in_proj_weight`` and ``in_proj_bias`` under the first tensor of each, none under
    the others.
    """
    loose = {tensor.key: tensor for tensor in tensors if _is_lifted(tensor)}
    attentions = {
        owner.removesuffix(f".{_AFTER_ATTENTION}")
        for owner in {module_of(real_name(tensor.name) or "") for tensor in model.main.tensors}
        if owner.endswith(f".{_AFTER_ATTENTION}")
    }
    if not attentions:
        return {}
    by_scope: dict[str, list[_Part]] = {}
    for tensor in loose.values():
        for scope, part in _parts(model, modules, tensor):
            if scope in attentions:
                by_scope.setdefault(scope, []).append(part)
    found: dict[Key, list[Claim]] = {}
    for scope, parts in by_scope.items():
        for claim in _claims(scope, sorted(parts, key=lambda part: part.order), loose.keys()):
            found |= {key: [] for key in claim.stored}
            found[claim.stored[0]] = [claim]
    return found


def _is_lifted(tensor: StoredTensor) -> bool:
    return name_before(tensor.name).startswith(LIFTED)


def _parts(model: Model, modules: Modules, tensor: StoredTensor) -> Iterator[tuple[str, _Part]]:
    """The scope in which products take a matrix, once a call, with that matrix as torch has it."""
    found = list(consumers(model, tensor))
    scopes = {scope_of(each.node) for each in found}
    if len(scopes) != 1 or not all(_is_product(each) for each in found):
        return
    shape = locate(model, tensor).shape
    scope = scopes.pop()
    if len(shape) != 2 or not scope:
        return
    weight = locate(model, tensor, *as_torch(found[0], shape))
    bias = next(biases(model, found[0]), None)
    part = _Part(weight, None if bias is None else locate(model, bias), _order(tensor))
    yield modules.path_of(scope), part


def _is_product(consumer: Consumer) -> bool:
    return consumer.is_matrix_product and consumer.word != "bias"


def _order(tensor: StoredTensor) -> int:
    """The number in the name of what the exporter computed: it counts in the order of the trace,
    which tools that put nodes in another order leave.
    """
    match = _NUMBER.match(name_before(tensor.name))
    return 0 if match is None else int(match[1])


def _claims(scope: str, parts: Sequence[_Part], loose: Iterable[Key]) -> Iterator[Claim]:
    sizes = [part.weight.shape for part in parts]
    if not 1 < len(parts) <= N_PROJECTIONS or not _fit(sizes):
        return
    because = f"{len(parts)} products in scope '{scope}', beside '{_AFTER_ATTENTION}', take it"
    if len({width for _, width in sizes}) > 1:
        for word, part in zip(_APART, parts, strict=True):
            yield part.weight.claim(f"{scope}.{word}", Evidence.SCOPE, because, certain=False)
    else:
        yield _joined(f"{scope}.in_proj_weight", [part.weight for part in parts], because)
    given = [part.bias for part in parts if part.bias is not None]
    are_loose = {each.tensor.key for each in given} <= set(loose)
    if are_loose and [each.shape for each in given] == [shape[:1] for shape in sizes]:
        yield _joined(f"{scope}.in_proj_bias", given, because)


def _fit(sizes: Sequence[Shape]) -> bool:
    """Whether matrices may be those of queries, keys and values: of one width, or the keys and the
    values of another one, which torch has as three tensors then.
    """
    width = sizes[0][1]
    is_whole = sum(length for length, _ in sizes) == N_PROJECTIONS * width
    are_apart = len(sizes) == N_PROJECTIONS and {length for length, _ in sizes} == {width}
    return is_whole and (are_apart or {other for _, other in sizes} == {width})


def _joined(name: str, locations: Sequence[Location], because: str) -> Claim:
    """The claim on a parameter of which each location has some rows, one after the other."""
    first = locations[0]
    placements = [
        Placement(each.tensor.key, each.steps) for each in locations if each.steps is not None
    ]
    is_there = len(placements) == len(locations)
    return Claim(
        name=name,
        shape=(sum(each.shape[0] for each in locations), *first.shape[1:]),
        dtype=first.dtype,
        evidence=Evidence.SCOPE,
        certain=False,
        because=f"{because} in {len(locations)} parts",
        view=View.PART,
        stored=tuple(each.tensor.key for each in locations),
        placements=tuple(placements) if is_there else (),
    )
