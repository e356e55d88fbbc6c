"""Hold torch's idioms: how modules call, shape and compute with their parameters, where that is more than a name.

Sources: torch/nn/utils/parametrizations.py (``_WeightNorm``), torch/nn/utils/weight_norm.py.
"""

from __future__ import annotations

from typing import Final

from onnx_params.layout import Shape

# leaves of the magnitude and the direction of a weight norm: parametrizations, and the older hook
WEIGHT_NORMS: Final = (("parametrizations.weight.original0", "parametrizations.weight.original1"), ("weight_g", "weight_v"))


def weight_norm_parts(name: str) -> tuple[str, str, str] | None:
    """``(weight, magnitude, direction)`` of the weight norm that a parameter belongs to, ``None`` where it belongs to none."""
    for magnitude, direction in WEIGHT_NORMS:
        for leaf in (magnitude, direction):
            if name == leaf or name.endswith(f".{leaf}"):
                owner = name[: -len(leaf)]
                return f"{owner}weight", owner + magnitude, owner + direction
    return None


def weight_norm_shape(name: str, others: list[str], weight: Shape) -> Shape | None:
    """The shape of one part of a weight norm, given what else the weight was computed from: the direction has the weight's, the magnitude
    one number for each of its outermost slices (``dim=0``, the default)."""
    parts = weight_norm_parts(name)
    if parts is None or not {parts[1], parts[2]} <= {name, *others} or not weight:
        return None
    return weight if name == parts[2] else (weight[0], *(1,) * (len(weight) - 1))
