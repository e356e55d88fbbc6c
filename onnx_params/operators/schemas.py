"""Look operators up: one record each, and everything else follows from it."""

from __future__ import annotations

from typing import Final

from onnx_params.operators.contributed import BLOCKED, MICROSOFT
from onnx_params.operators.quantizers import CHANNELS_LAST, MCT, QONNX, QUARK, TENSORRT
from onnx_params.operators.record import Operator
from onnx_params.operators.standard import CLASSICAL, STANDARD

OPERATORS: Final[dict[tuple[str, str], Operator]] = {
    (each.domain, each.name): each
    for each in (
        *(*STANDARD, *CLASSICAL, *MICROSOFT, *BLOCKED),
        *(*QONNX, *CHANNELS_LAST, *TENSORRT, *QUARK, *MCT),
    )
}
KNOWN_DOMAINS: Final = frozenset(
    {
        "",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview.training",
        *(domain for domain, _ in OPERATORS),
    }
)


def schema(domain: str, op_type: str) -> Operator | None:
    """The record of an operator; ``None`` where there is none."""
    return OPERATORS.get((domain, op_type))


def slot_word(domain: str, op_type: str, slot: int) -> str | None:
    """The word for one input slot, or ``None`` where no record knows the operator."""
    found = OPERATORS.get((domain, op_type))
    return None if found is None else found.word(slot)
