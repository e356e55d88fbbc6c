"""Say how torch's recurrent parameters lie in the stored tensors of ONNX's LSTM, GRU and RNN.

ONNX stacks directions, orders gates i,o,f,c (LSTM) and z,r,h (GRU), and joins input and hidden
bias; torch has i,f,g,o and r,z,n. Sources: onnx ``Operators.md``; torch ``nn.LSTM``, ``nn.GRU``;
torch/onnx/_internal/torchscript_exporter/symbolic_opset9.py, ``_generic_rnn``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue
from onnx_params.tensors.steps import Reshape, Shape, Slice, Step

# operator -> where torch's gates are among ONNX's
GATES: Final = {
    "LSTM": (0, 2, 3, 1),
    "DynamicQuantizeLSTM": (0, 2, 3, 1),
    "GRU": (1, 0, 2),
    "RNN": (0,),
}
# FX targets whose argument is a list of these parameters, layer by layer, direction by direction
TARGETS: Final = {
    "aten.lstm": "LSTM",
    "aten.gru": "GRU",
    "aten.rnn_tanh": "RNN",
    "aten.rnn_relu": "RNN",
}
SLOTS: Final = {"weight_ih": 1, "weight_hh": 2, "bias_ih": 3, "bias_hh": 3}


_NAME: Final = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?$")


class Part(NamedTuple):
    """One of torch's parameters in a recurrent node: its kind, direction, input slot, and the steps
    from what the slot takes.
    """

    kind: str
    direction: int
    slot: int
    steps: tuple[Step, ...]

    def name(self, layer: int) -> str:
        """torch's name for it. Source: ``nn.RNNBase.__init__``."""
        return f"{self.kind}_l{layer}{'_reverse' if self.direction else ''}"


def parts(
    op_type: str, weight: tuple[int, ...], recurrence: tuple[int, ...], biased: bool
) -> list[Part]:
    """The parameters in a node whose W is ``[directions, gates * hidden, in]`` and R ``[directions,
    gates * hidden, hidden]``, in torch's order.

    Empty where the shapes are not such.
    """
    order = GATES.get(op_type)
    if order is None or not _are_joined(weight, recurrence, len(order)):
        return []
    directions, rows, _ = weight
    hidden = recurrence[2]
    flat = {1: (rows, weight[2]), 2: (rows, hidden), 3: (2 * rows,)}
    found: list[Part] = []
    for direction in range(directions):
        only = (Slice(0, ((direction, direction + 1),)),) if directions > 1 else ()
        for kind, slot in SLOTS.items():
            if slot == 3 and not biased:
                continue
            steps: list[Step] = [*only, Reshape(flat[slot])]
            if len(order) > 1 or slot == 3:
                start = rows if kind == "bias_hh" else 0
                steps.append(_gates(order, hidden, start))
            found.append(Part(kind, direction, slot, tuple(steps)))
    return found


def shapes(op_type: str, attributes: Mapping[str, AttributeValue]) -> tuple[Shape, Shape] | None:
    """The shapes of W, for one input, and of R, by a node's attributes; ``None`` where those do not
    say them.
    """
    order, hidden = GATES.get(op_type), attributes.get("hidden_size")
    if order is None or not isinstance(hidden, int) or hidden < 1:
        return None
    directions = 2 if attributes.get("direction") in ("bidirectional", b"bidirectional") else 1
    rows = len(order) * hidden
    return (directions, rows, 1), (directions, rows, hidden)


def _are_joined(weight: tuple[int, ...], recurrence: tuple[int, ...], n_gates: int) -> bool:
    """Whether shapes are those of W and R of one node."""
    if len(weight) != 3 or len(recurrence) != 3:
        return False
    return weight[:2] == recurrence[:2] and weight[1] == n_gates * recurrence[2]


def _gates(order: tuple[int, ...], hidden: int, start: int) -> Slice:
    """The rows of the gates in torch's order, the first of all at ``start``."""
    return Slice(0, tuple((start + gate * hidden, start + (gate + 1) * hidden) for gate in order))


def read_name(leaf: str) -> tuple[str, int] | None:
    """Kind and direction of a parameter that ``nn.RNNBase`` gave its name; ``None`` where it did
    not.
    """
    match = _NAME.match(leaf)
    return None if match is None else (match[1], int(match[3] is not None))


def layer_of(leaf: str) -> str:
    """The number of the layer in a name of ``nn.RNNBase``'s; empty in any other."""
    match = _NAME.match(leaf)
    return "" if match is None else match[2]
