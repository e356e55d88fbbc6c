"""Place the parameters that recurrent nodes take joined."""

from __future__ import annotations

from collections.abc import Sequence

from onnx_params.containers.onnx.graph import Node
from onnx_params.dataflow.view import View
from onnx_params.idioms import recurrent
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.recurrent import Part
from onnx_params.idioms.torch_dynamo import Call
from onnx_params.names.claim import Claim
from onnx_params.names.placement import locate
from onnx_params.names.signature_table import SIGNATURE, Table, constant_of, placeholder_of
from onnx_params.tensors.stored import StoredTensor


def by_recurrent_call(table: Table, name: str, sites: list[Site]) -> Claim | None:
    """One of the parameters that an LSTM, GRU or RNN node takes joined: the call lists them,
    layer by layer.
    """
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
