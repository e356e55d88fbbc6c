"""Place the parameters that recurrent nodes take joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

from onnx_params.containers.onnx.graph import Node
from onnx_params.dataflow.view import View
from onnx_params.idioms import recurrent
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.recurrent import Part
from onnx_params.idioms.torch_dynamo import Call
from onnx_params.names.claim import Claim
from onnx_params.names.placement import locate
from onnx_params.names.signature_table import SIGNATURE, Table, constant_of, placeholder_of
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


def by_recurrent_call(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """One of the parameters that an LSTM, GRU or RNN node takes joined: the call lists them,
    layer by layer. None of a layer with a projection, which no operator of ONNX has: what the node
    takes then is not what torch's layer had.
    """
    if _is_projected(table, name):
        return None
    for value in table.folded.get(name, ()):
        claim = by_recurrent_name(table, name, value)
        if claim is not None:
            return claim
    for site in sites:
        if site.call.target not in recurrent.TARGETS:
            continue
        listed = site.call.listed(placeholder_of(table.metadata, name))
        if listed is not None:
            return _listed_part(table, name, site.call, *listed)
    return None


def _is_projected(table: Table, name: str) -> bool:
    """Whether the results of the layer that a parameter is of are projected (``proj_size``)."""
    owner, _, leaf = name.rpartition(".")
    layer = recurrent.layer_of(leaf)
    return bool(layer) and f"{owner}.weight_hr_l{layer}" in table.metadata.kinds


def with_open_layers(table: Table, claims: Sequence[Claim]) -> list[Claim]:
    """The claims, with a place for the parameters of recurrent layers of which no node tells: a
    quantizer wrote those nodes anew, without the exporter's words.

    Layers are taken in the order of the list, nodes in that of the graph, where there are as many
    of one as of the other and each node takes what its layer has.
    """
    layers: dict[tuple[str, str], dict[tuple[str, int], int]] = {}
    for at, claim in enumerate(claims):
        owner, _, leaf = claim.name.rpartition(".")
        known = recurrent.read_name(leaf)
        if known is not None:
            layers.setdefault((owner, recurrent.layer_of(leaf)), {})[known] = at
    open_layers = [layer for layer in layers.values() if _is_open(claims, layer)]
    if not open_layers:
        return list(claims)
    taken = {key for claim in claims for key in claim.stored}
    nodes = [node for node in _recurrent_nodes(table) if _is_loose(table, node, taken)]
    if len(open_layers) != len(nodes):
        return list(claims)
    is_one_module = len({owner for owner, _ in layers}) == 1
    found = list(claims)
    for layer, node in zip(open_layers, nodes, strict=True):
        given = _constants(table, node)
        parts = _parts_of_node(table, node)
        if layer.keys() != {(part.kind, part.direction) for part in parts}:
            return list(claims)
        for part in parts:
            tensor = given[part.slot - 1]
            at = layer[part.kind, part.direction]
            if tensor is not None:
                made = _joined(table, claims[at].name, tensor, part, node.op_type)
                found[at] = _by_order(made, has_values=is_one_module)
    return found


def _by_order(claim: Claim, *, has_values: bool) -> Claim:
    """A claim that the order of layers and nodes alone stands for: which values it has is said only
    where there is one module.
    """
    because = f"{claim.because}; which layer it is, the order of layers and nodes says"
    if has_values:
        return replace(claim, certain=False, because=because)
    return replace(claim, certain=False, because=because, view=View.UNKNOWN, placements=())


def _is_open(claims: Sequence[Claim], layer: Mapping[tuple[str, int], int]) -> bool:
    """Whether nothing is known of any of a layer's parameters but the names."""
    return all(claims[at].view is View.UNKNOWN for at in layer.values())


def _recurrent_nodes(table: Table) -> Iterator[Node]:
    return (node for node in table.model.main.nodes if node.op_type in recurrent.GATES)


def _is_loose(table: Table, node: Node, taken: Set[Key]) -> bool:
    """Whether a node takes stored tensors, and none that is a parameter's already."""
    keys = {tensor.key for tensor in _constants(table, node) if tensor is not None}
    return bool(keys) and keys.isdisjoint(taken)


def _listed_part(
    table: Table, name: str, call: Call, at: int, arguments: Sequence[str]
) -> Claim | None:
    """The part at one place in a call's list, if the nodes of the call have as many."""
    places: list[tuple[Node, StoredTensor | None, Part]] = []
    for node in table.sites.of_call(call.result, (*recurrent.GATES,)):
        given = _constants(table, node)
        for part in _parts_of_node(table, node):
            places.append((node, given[part.slot - 1], part))
    if len(places) != len(arguments):
        return None
    node, tensor, part = places[at]
    folded = [table.stored.get(value) for value in table.folded.get(name, ())]
    if tensor is None or not any(tensor is each for each in folded):
        return None
    return _joined(table, name, tensor, part, node.op_type)


def _constants(table: Table, node: Node) -> list[StoredTensor | None]:
    """What a recurrent node takes as W, R and B."""
    return [
        constant_of(table, node.inputs[slot]) if len(node.inputs) > slot else None
        for slot in (1, 2, 3)
    ]


def by_recurrent_name(table: Table, name: str, value: str) -> Claim | None:
    """The part of a joined tensor that ``nn.RNNBase``'s own name for the parameter says; all
    the tensor's other parts must be named there too.
    """
    known = recurrent.read_name(name.rpartition(".")[2])
    tensor = table.stored.get(value)
    if known is None or tensor is None:
        return None
    named = {
        recurrent.read_name(source.rpartition(".")[2])
        for source in table.metadata.folded_from(value)
        if table.metadata.kinds.get(source) == "PARAMETER"
    }
    for use in table.model.def_use.uses(tensor.key):
        node = use.node
        if node is None or node.op_type not in recurrent.GATES or len(node.inputs) < 3:
            continue
        inside = {
            (part.kind, part.direction): part
            for part in _parts_of_node(table, node)
            if part.slot == use.slot
        }
        if known in inside and named == inside.keys():
            return _joined(table, name, tensor, inside[known], node.op_type)
    return None


def _parts_of_node(table: Table, node: Node) -> list[Part]:
    """torch's parameters in a node. Where the graph computes W or R, ``hidden_size`` says their
    shapes, but for the inputs of W, which then are one. Reads attributes.
    """
    shapes = [
        None if tensor is None else locate(table.model, tensor).shape
        for tensor in _constants(table, node)
    ]
    joined = recurrent.shapes(node.op_type, node.read_attributes())
    if None in shapes[:2] and joined is None:
        return []
    weight, recurrence = (
        known or made for known, made in zip(shapes[:2], joined or ((), ()), strict=True)
    )
    biased = len(node.inputs) > 3 and bool(node.inputs[3])
    return recurrent.parts(node.op_type, weight, recurrence, biased)


def _joined(table: Table, name: str, tensor: StoredTensor, part: Part, op_type: str) -> Claim:
    """The claim on a part of a tensor that a recurrent operator takes joined."""
    because = (
        f"'{tensor.name}' was folded from it and others: {op_type} takes gates in another order,"
        " directions and biases joined"
    )
    return locate(table.model, tensor, *part.steps).claim(
        name, SIGNATURE, because, certain=True, view=View.PART
    )
