"""Place the parameters that recurrent nodes take joined."""

from __future__ import annotations

from onnx_params.dataflow.view import View
from onnx_params.idioms import recurrent
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.recurrent import Part
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
        if listed is None:
            continue
        at, arguments = listed
        nodes = table.sites.of_call(site.call.result, (*recurrent.GATES,))
        given = [
            [
                constant_of(table, node.inputs[slot]) if len(node.inputs) > slot else None
                for slot in (1, 2, 3)
            ]
            for node in nodes
        ]
        parts = []
        for node, (weight, recurrence, bias) in zip(nodes, given, strict=True):
            if weight is None or recurrence is None:
                return None
            shapes = locate(table.model, weight).shape, locate(table.model, recurrence).shape
            parts.append(recurrent.parts(node.op_type, *shapes, biased=bias is not None))
        if sum(map(len, parts)) != len(arguments):
            return None
        layer = 0
        while at >= len(parts[layer]):
            at -= len(parts[layer])
            layer += 1
        part = parts[layer][at]
        tensor = given[layer][part.slot - 1]
        if tensor is None or not any(
            tensor is table.stored.get(value) for value in table.folded.get(name, ())
        ):
            return None
        return _joined(table, name, tensor, part, nodes[layer].op_type)
    return None


def by_recurrent_name(table: Table, name: str, value: str) -> Claim | None:
    """The part of a joined tensor that ``nn.RNNBase``'s own name for the parameter says; all
    the tensor's other parts must be named there too.
    """
    known = recurrent.read_name(name.rpartition(".")[2])
    tensor = table.stored.get(value)
    if known is None or tensor is None:
        return None
    sources = table.metadata.folded_from(value)
    for use in table.model.def_use.uses(tensor.key):
        node = use.node
        if node is None or node.op_type not in recurrent.GATES or len(node.inputs) < 3:
            continue
        weight, recurrence = (constant_of(table, node.inputs[slot]) for slot in (1, 2))
        if weight is None or recurrence is None:
            continue
        biased = len(node.inputs) > 3 and bool(node.inputs[3])
        parts = recurrent.parts(
            node.op_type,
            locate(table.model, weight).shape,
            locate(table.model, recurrence).shape,
            biased,
        )
        inside = [part for part in parts if part.slot == use.slot]
        named = {
            recurrent.read_name(source.rpartition(".")[2])
            for source in sources
            if table.metadata.kinds.get(source) == "PARAMETER"
        }
        part = next((part for part in inside if (part.kind, part.direction) == known), None)
        if part is not None and named == {(part.kind, part.direction) for part in inside}:
            return _joined(table, name, tensor, part, node.op_type)
    return None


def _joined(table: Table, name: str, tensor: StoredTensor, part: Part, op_type: str) -> Claim:
    """The claim on a part of a tensor that a recurrent operator takes joined."""
    because = (
        f"'{tensor.name}' was folded from it and others: {op_type} takes gates in another order,"
        " directions and biases joined"
    )
    return locate(table.model, tensor, *part.steps).claim(
        name, SIGNATURE, because, certain=True, view=View.PART
    )
