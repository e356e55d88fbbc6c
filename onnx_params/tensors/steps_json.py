"""Write steps as the source map has them, and read them from a stranger's JSON."""

from __future__ import annotations

from typing import Any, Final, assert_never

from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.steps import (
    Cast,
    Dequantize,
    Lookup,
    Permute,
    Placement,
    Reshape,
    Slice,
    Step,
    Unblock,
    Unpack,
)

_KINDS: Final[dict[str, type[Step]]] = {
    "permute": Permute,
    "reshape": Reshape,
    "take": Slice,
    "unpack": Unpack,
    "lookup": Lookup,
    "unblock": Unblock,
    "dequantize": Dequantize,
    "cast": Cast,
}
_OLD_WORDS: Final = {"dequantise": "dequantize"}  # as release 0.1.0 wrote them


def to_json(placement: Placement, renamed: dict[str, str]) -> dict[str, Any]:  # JSON
    """A placement as a source map has it; stored names as ``renamed`` changes them in the main
    graph.
    """

    def plain(value: Any) -> Any:  # whatever a step holds
        if _is_key(value):
            return {
                "graph": value[0],
                "name": renamed.get(value[1], value[1]) if not value[0] else value[1],
            }
        return [plain(part) for part in value] if isinstance(value, tuple) else value

    steps = []
    for step in placement.steps:
        kind = next(word for word, cls in _KINDS.items() if type(step) is cls)
        steps.append(
            {"step": kind, **{field: plain(getattr(step, field)) for field in step._fields}}
        )
    return {"stored": plain(placement.key), "steps": steps}


def from_json(row: Any) -> Placement | None:  # JSON of a stranger
    """The placement that a source map's row says, ``None`` where it says none."""

    def made(value: Any) -> Any:  # the same
        if isinstance(value, dict):
            return str(value["graph"]), str(value["name"])
        return tuple(made(part) for part in value) if isinstance(value, list) else value

    try:
        steps = [
            _KINDS[_OLD_WORDS.get(step["step"], step["step"])](
                **{field: made(value) for field, value in step.items() if field != "step"}
            )
            for step in row["steps"]
        ]
        placement = Placement(made(row["stored"]), tuple(steps))
    except (KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (
        placement
        if all(map(_is_sound, placement.steps))
        and isinstance(placement.key, tuple)
        and len(placement.key) == 2
        else None
    )


def _is_sound(step: Step) -> bool:
    """Whether a step's fields are of the types and signs that it needs."""
    match step:
        case Permute(axes):
            return _are_counts(axes) and sorted(axes) == list(range(len(axes)))
        case Reshape(shape):
            return _are_counts(shape)
        case Slice(axis, runs):
            return type(axis) is int and axis >= 0 and _are_runs(runs)
        case Unpack(bits, high_first):
            return bits in (1, 2, 4, 8) and isinstance(high_first, bool)
        case Lookup(codebook):
            return codebook in CODEBOOKS
        case Unblock(outer, inner):
            return _are_counts((outer, inner)) and outer > 0 and inner > 0
        case Dequantize():
            return _is_sound_scale(step)
        case Cast(name):
            return isinstance(name, str) and name in BY_NAME
        case _:
            assert_never(step)


def _is_sound_scale(step: Dequantize) -> bool:
    has_keys = _is_key(step.scale) and all(
        value is None or _is_key(value) for value in (step.zero, step.second, step.groups)
    )
    return (
        has_keys
        and _are_counts((step.block, step.zero_bits))
        and type(step.offset) is int
        and (not step.scale_type or step.scale_type in BY_NAME)
        and (step.axis is None or type(step.axis) is int)
    )


def _are_counts(values: Any) -> bool:  # a stranger's
    """Whether values are a tuple of integers that are not negative."""
    return isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values)


def _are_runs(values: Any) -> bool:  # a stranger's
    """Whether values are a tuple of starts and stops."""
    return isinstance(values, tuple) and all(
        _are_counts(run) and len(run) == 2 and run[0] <= run[1] for run in values
    )


def _is_key(value: Any) -> bool:  # a stranger's
    """Whether a value is a graph's path and a name in it."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(part, str) for part in value)
    )
