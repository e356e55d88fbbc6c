"""Name stored tensors where no list of parameters is left: by their own names, the scope of the
node that takes them, or a sibling.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.biases import added
from onnx_params.dataflow.consumers import (
    as_torch,
    consumers,
)
from onnx_params.dataflow.view import View
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms import converters, onnxruntime, recurrent, writers
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.naming import Evidence, is_path
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import LOOKUPS, REPEATS, operator_of
from onnx_params.idioms.torchscript import (
    computed_by,
    is_laid_out,
    is_norm_folded,
    is_rewritten,
    real_name,
    scope_of,
)
from onnx_params.names.claim import Claim, claim_of
from onnx_params.names.lookups import table_shape
from onnx_params.names.modules import Modules
from onnx_params.names.placement import Location, Stored, locate
from onnx_params.names.projections import joined_projections
from onnx_params.names.slots import (
    BESIDE,
    MADE_BIAS,
    UNKNOWN_LEAF,
    by_place,
    implied,
    lines_of_a_lifted_table,
)
from onnx_params.tensors.small import is_zeros, without_repeats
from onnx_params.tensors.steps import Key, Shape, Slice
from onnx_params.tensors.stored import StoredTensor

_TAKEN_BY_LOOKUP: Final = "onnx::Gather_"  # how TorchScript's exporter calls what it computed
# ending of the bias that a fusion makes and calls after the weight whose values it changes under
# its old name. Source: onnxscript, as above
_MADE_BESIDE: Final = "bias"


def claims(model: Model, tensors: Iterable[StoredTensor]) -> list[Claim]:
    """Claims for stored tensors that hold parameters, at least one each; in an order as near to the
    framework's as is known.
    """
    tensors = list(tensors)
    stored = Stored(model)
    found: dict[Key, list[Claim]] = {}
    names: set[str] = set()
    loose: list[StoredTensor] = []
    named = writers.namings(model, tensors)
    for tensor in tensors:
        if tensor.key in named:
            found[tensor.key] = [claim_of(tensor, naming) for naming in named[tensor.key]]
            continue
        claim = by_own_name(model, stored, tensor)
        if claim is None:
            loose.append(tensor)
        else:
            names.add(claim.name)
            found[tensor.key] = [claim]
    modules = Modules(model)
    joined = {
        **_recurrent(model, loose),
        **_split(model, loose),
        **_with_gaps(model, loose),
        **joined_projections(model, modules, loose),
    }
    for tensor in loose:
        several = joined.get(tensor.key)
        if several is None:
            one = _numbered(by_place(model, modules, tensor), names)
            several = [
                one if one is not None and one.name not in names else _nameless(model, tensor)
            ]
        names.update(claim.name for claim in several)
        found[tensor.key] = several
    return _ordered([claim for tensor in tensors for claim in found[tensor.key]])


def _numbered(claim: Claim | None, names: Set[str]) -> Claim | None:
    """The claim on an unknown leaf of a module, with a number where the module has several."""
    if claim is None or not claim.name.endswith(f".{UNKNOWN_LEAF}") or claim.name not in names:
        return claim
    numbers = itertools.count(2)
    return replace(
        claim, name=next(name for n in numbers if (name := f"{claim.name}{n}") not in names)
    )


def by_own_name(model: Model, stored: Stored, tensor: StoredTensor) -> Claim | None:
    """The name in the file, or the one before post-processing; ``None`` where an exporter made it
    up.
    """
    name, hopped = real_name(stored.stems.get(tensor.name, tensor.name)), False
    if name is None:
        return None
    if name != tensor.name:
        name = as_exported(model, name)
    location: Location | None
    folded = False
    if name == tensor.name:
        location, folded = locate(model, tensor), stored.is_changed(name)
    else:
        hopped = name in stored.before and stored.before[name][0] is tensor
        if not hopped:
            return None
        location, folded = stored.locate(name), stored.is_changed(name)
    assert location is not None
    because = (
        "the name in the file" if not hopped else f"'{tensor.name}' was made of it, by the name"
    )
    # as the exporter left it, perhaps in a composed graph
    is_left = not hopped or tensor.name.endswith(name)
    folded = folded or (is_left and stored.get(f"{name}_{_MADE_BESIDE}") is not None)
    if folded:
        because += "; a fusion changed the values"
    view = View.FOLDED if folded else None
    owner, _, leaf = name.rpartition(".")
    if leaf == MADE_BIAS and _is_of_weight(model, stored, tensor, f"{owner}.weight"):
        because = f"'{tensor.name}' is the bias that a fusion made beside '{owner}.weight'"
        return location.claim(
            f"{owner}.bias", Evidence.SIBLING, because, certain=False, view=View.FOLDED
        )
    may_be_turned = onnxruntime.has_saved(model.opsets) and _has_axes_of_one(location.shape)
    for consumer in consumers(model, tensor):
        if owner and scope_of(consumer.node) == owner:
            is_kept = writers.keeps_names(model) and not may_be_turned
            is_kept = is_kept and not is_rewritten(consumer.node)
            is_kept = is_kept and _is_taken_by_the_exporters(model, tensor)
            sure = not folded and is_kept and is_path(name)
            return location.claim(
                name,
                Evidence.STORED_NAME,
                f"{because}, confirmed by the scope of the node '{owner}'",
                certain=sure,
                view=view,
            )
    return location.claim(
        name, Evidence.STORED_NAME, f"{because}; nothing confirms it", certain=False, view=view
    )


def _is_of_weight(model: Model, stored: Stored, tensor: StoredTensor, weight: str) -> bool:
    """Whether a tensor that is called as the bias beside a weight is one: by the weight, or by the
    slot of a layer.
    """
    is_in_slot = any(consumer.word == "bias" for consumer in consumers(model, tensor))
    return is_in_slot or stored.get(weight) is not None


def _is_taken_by_the_exporters(model: Model, tensor: StoredTensor) -> bool:
    """Whether the nodes that use a tensor stand in scopes: a tool that puts nodes before a layer
    may have called the tensor after the one that it took away.
    """
    uses = model.def_use.uses(tensor.key)
    return all(use.node is None or scope_of(use.node) is not None for use in uses)


def _has_axes_of_one(shape: Shape) -> bool:
    """Whether a vector has axes of one beside its own: onnxruntime gives it such where it moves a
    transposition across an addition or a product, and keeps its name.

    Source: onnxruntime, ``core/optimizer/transpose_optimization``, ``UnsqueezeInput``.
    """
    return len(shape) > 1 and sum(dim > 1 for dim in shape) == 1


def _nameless(model: Model, tensor: StoredTensor) -> Claim:
    location, view = locate(model, tensor), None
    because = "nothing says what it was called"
    if is_norm_folded(tensor.name):
        because = (
            "a batch norm was folded into it; neither its name nor whether it stood there before is"
            " left"
        )
    elif (table := _table_shape(tensor)) is not None:
        because = "it has so many different rows of a table, and nothing says what that was called"
        location, view = location._replace(shape=table), View.FOLDED
    elif len(location.shape) == len(tensor.shape) and _is_expanded(model, tensor):
        shape = without_repeats(tensor, location.shape)
        view = None if shape == location.shape else View.FOLDED
        location = location._replace(shape=shape)
    return location.claim(
        tensor.name or str(tensor.place), Evidence.NONE, because, certain=False, view=view
    )


def _table_shape(tensor: StoredTensor) -> Shape | None:
    """The shape of a table, where a stored tensor bears the name of what was looked up in one, or
    of what the exporter computed for a lookup; ``None`` where it does not have lines again.
    """
    before = name_before(tensor.name)
    if before.startswith(_TAKEN_BY_LOOKUP):
        return lines_of_a_lifted_table(tensor)
    is_result = operator_of(before) in LOOKUPS or computed_by(before) == "Gather"
    return table_shape(tensor, has_rows_first=True) if is_result else None


def _is_expanded(model: Model, tensor: StoredTensor) -> bool:
    """Whether a stored tensor bears the name of what repeats elements along an axis, or of what
    lays them out, and no product takes it, as whose weight it would be read for nothing.
    """
    before = name_before(tensor.name)
    if operator_of(before) in REPEATS or computed_by(before) in ("Expand", "Tile"):
        return True
    if is_laid_out(before) and len(tensor.shape) > 2:
        return not any(consumer.is_product for consumer in consumers(model, tensor))
    return converters.is_of_jax2onnx(model, tensor)


def _split(model: Model, tensors: list[StoredTensor]) -> dict[Key, list[Claim]]:
    """Claims for weights of several projections that a post-processor joined: one product, a Split,
    a bias added to each part.
    """
    found: dict[Key, list[Claim]] = {}
    for tensor in tensors:
        location = locate(model, tensor)
        for consumer in consumers(model, tensor) if len(location.shape) == 2 else ():
            if not consumer.is_matrix_product or consumer.slot != 1 or not consumer.node.outputs:
                continue
            splits = [
                use.node
                for use in model.def_use.uses((consumer.graph, consumer.node.outputs[0]))
                if use.node is not None and use.node.op_type == "Split"
            ]
            turned = as_torch(consumer, location.shape)  # rows are outputs then
            axis, start, parts = 0, 0, []
            for output in splits[0].outputs if len(splits) == 1 else ():
                biases = list(added(model, consumer.graph, (output,)))
                named = implied(model, biases, "a part of what " + consumer.node.op_type)
                if named is None:
                    break
                stop = start + biases[0].count
                part = locate(model, tensor, *turned, Slice(axis, ((start, stop),)))
                parts.append(named.of(part, View.PART))
                start = stop
            if parts and start == locate(model, tensor, *turned).shape[axis]:
                found[tensor.key] = parts
    return found


def _with_gaps(model: Model, tensors: list[StoredTensor]) -> dict[Key, list[Claim]]:
    """Claims for biases of queries and of values, joined, with zeros where those of keys would be.

    Reads the values of such vectors. Source: timm, ``models/beit.py``, ``swin_transformer_v2.py``.
    """
    found: dict[Key, list[Claim]] = {}
    for tensor in tensors:
        length, left = divmod(tensor.count, 3)
        is_vector = len(tensor.shape) == 1 and length > 1 and not left
        if not is_vector or not is_zeros(tensor, length, 2 * length):
            continue
        if is_zeros(tensor, 0, length) or is_zeros(tensor, 2 * length, 3 * length):
            continue
        scopes = [scope_of(consumer.node) for consumer in consumers(model, tensor)]
        if not scopes or not scopes[0]:
            continue
        because = "queries' and values' biases, with zeros for the keys' between them"
        found[tensor.key] = [
            locate(model, tensor, Slice(0, ((start, start + length),))).claim(
                f"{scopes[0]}.{leaf}", Evidence.SCOPE, because, certain=False, view=View.PART
            )
            for leaf, start in (("q_bias", 0), ("v_bias", 2 * length))
        ]
    return found


def _recurrent(model: Model, tensors: list[StoredTensor]) -> dict[Key, list[Claim]]:
    """Claims for what recurrent nodes with a scope take joined: torch's parameters, layer
    by layer.
    """
    loose = {tensor.key for tensor in tensors}
    layers: dict[str, int] = {}
    # all of a node's under the first of its tensors, so that they stay together
    found: dict[Key, list[Claim]] = {}
    for path, graph in model.graphs.items():
        called: set[tuple[Key, ...]] = set()  # weights of nodes
        for node in graph.nodes:
            scope = scope_of(node) if node.op_type in recurrent.GATES else None
            if scope is None:
                continue
            weights = tuple(stored_behind(model, path, name) for name in node.inputs[1:3])
            keys = tuple(each.key for each in weights if each is not None)
            if keys and keys in called:  # once more, with another input
                continue
            called.add(keys)
            layer = layers[scope] = layers.get(scope, -1) + 1
            first: Key | None = None
            for tensor, part in _loose_parts(model, path, node, loose):
                name = f"{scope}.{part.name(layer)}" if scope else part.name(layer)
                because = (
                    f"input {part.slot} of {node.op_type}, the {layer + 1}. in scope '{scope}'"
                )
                claim = locate(model, tensor, *part.steps).claim(
                    name, Evidence.SCOPE, because, certain=False, view=View.PART
                )
                first = first or tensor.key
                found.setdefault(tensor.key, [])
                found[first].append(claim)
    return found


def _loose_parts(
    model: Model, path: str, node: Node, loose: Set[Key]
) -> Iterator[tuple[StoredTensor, recurrent.Part]]:
    """torch's parameters in a recurrent node, with the stored tensors that hold them, of those that
    have no name yet.
    """
    given = [
        stored_behind(model, path, node.inputs[slot])
        if len(node.inputs) > slot and node.inputs[slot]
        else None
        for slot in (1, 2, 3)
    ]
    weight, recurrence, bias = given
    if weight is None or recurrence is None:
        return
    if not any(tensor is not None and tensor.key in loose for tensor in given):
        return
    shapes = locate(model, weight).shape, locate(model, recurrence).shape
    for part in recurrent.parts(node.op_type, *shapes, biased=bias is not None):
        tensor = given[part.slot - 1]
        if tensor is not None and tensor.key in loose:
            yield tensor, part


def _ordered(claims: list[Claim]) -> list[Claim]:
    """The claims with each that was named by its place beside its siblings: a weight before its
    bias, else where its module begins.
    """
    placed = [
        claim
        for claim in claims
        if claim.evidence is not Evidence.SCOPE and claim.evidence is not Evidence.SIBLING
    ]
    if len(placed) == len(claims):
        return claims
    at = {claim.name: position for position, claim in enumerate(placed)}
    first: dict[str, int] = {}  # prefix -> position of its first row
    for position, claim in enumerate(placed):
        for prefix in _prefixes(claim.name):
            first.setdefault(prefix, position)
    before: dict[int, list[Claim]] = {}
    for claim in claims:
        if claim.evidence in (Evidence.SCOPE, Evidence.SIBLING):
            owner, _, leaf = claim.name.rpartition(".")
            bias = next(
                (
                    f"{owner}.{name}".lstrip(".")
                    for name, weight in BESIDE.items()
                    if weight == leaf
                ),
                "",
            )
            beside = next(
                (first[prefix] for prefix in _prefixes(claim.name) if prefix in first), len(placed)
            )
            position = at.get(bias, beside)
            before.setdefault(position, []).append(claim)
    return [
        claim
        for position in range(len(placed) + 1)
        for claim in (*before.get(position, ()), *placed[position : position + 1])
    ]


def _prefixes(name: str) -> Iterator[str]:
    """The modules that a name stands in, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
