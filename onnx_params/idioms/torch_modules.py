"""Know torch's idioms: how modules call, shape and compute with their parameters, where that is
more than a name.

Sources: torch/nn/utils/parametrizations.py (``_WeightNorm``), torch/nn/utils/weight_norm.py;
torch/onnx/_internal/torchscript_exporter/ symbolic_opset9.py (``group_norm``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.idioms.torch_dynamo import Entry
from onnx_params.idioms.torchscript import scope_of
from onnx_params.tensors.steps import Shape

# leaves of the magnitude and the direction of a weight norm: parametrizations, and the older hook
WEIGHT_NORMS: Final = (
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_g", "weight_v"),
)


# leaves of what a module computes its weight from, beside its bias
COMPUTED_WEIGHTS: Final = (
    "weight_v",
    "weight_orig",
    "parametrizations.weight.original",
    "parametrizations.weight.original1",
)


# of another weight of the module: ``weight_norm(cell, "weight_hh")``
_OTHER_WEIGHT_NORM: Final = re.compile(r"(?P<weight>(.*\.)?weight_\w+)_[gv]")


def weight_norm_parts(name: str) -> tuple[str, str, str] | None:
    """``(weight, magnitude, direction)`` of the weight norm that a parameter belongs to, ``None``
    where it belongs to none.
    """
    for magnitude, direction in WEIGHT_NORMS:
        for leaf in (magnitude, direction):
            if name == leaf or name.endswith(f".{leaf}"):
                owner = name[: -len(leaf)]
                return f"{owner}weight", owner + magnitude, owner + direction
    other = _OTHER_WEIGHT_NORM.fullmatch(name)
    if other is not None:
        weight = other["weight"]
        return weight, f"{weight}_g", f"{weight}_v"
    return None


_ORIGINAL: Final = re.compile(r"(?P<owner>.*\.)?parametrizations\.(?P<leaf>\w+)\.original\d+")


def packed_weights(entries: Iterable[Entry]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each of the originals that a quantized weight was listed as -> the weight's name, and all of
    them, the codes first.

    Three or more: a weight norm has two. Source: torchao, ``utils.py``, unwrap_tensor_subclass.
    """
    groups: dict[str, list[str]] = {}
    for entry in entries:
        match = _ORIGINAL.fullmatch(entry.target)
        if match is not None:
            weight = (match["owner"] or "") + match["leaf"]
            groups.setdefault(weight, []).append(entry.target)
    return {
        part: (weight, tuple(parts))
        for weight, parts in groups.items()
        if len(parts) > 2
        for part in parts
    }


# the weight and both vectors of a spectral norm: the older hook, and parametrizations
_SPECTRAL_NORMS: Final = (
    ("weight_orig", "weight_u", "weight_v"),
    (
        "parametrizations.weight.original",
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
    ),
)


# of a layer that is written by hand: normflows, ``nets/lipschitz.py``
BARE_SPECTRAL_LEAVES: Final = (".u", ".v")
# the leaves of both vectors
SPECTRAL_LEAVES: Final = (
    *((left, right) for _, left, right in _SPECTRAL_NORMS),
    BARE_SPECTRAL_LEAVES,
)


def spectral_vectors(name: str) -> tuple[str, str] | None:
    """The names of the left and right vectors of the spectral norm that a weight would have,
    ``None`` where it has no such name (torch/nn/utils/spectral_norm.py, parametrizations.py).
    """
    for weight, left, right in _SPECTRAL_NORMS:
        if name == weight or name.endswith(f".{weight}"):
            owner = name[: -len(weight)]
            return owner + left, owner + right
    return None


def weight_norm_shape(name: str, others: list[str], weight: Shape) -> Shape | None:
    """The shape of one part of a weight norm, given what else the weight was computed from: the
    direction has the weight's, the magnitude one number for each of its outermost slices
    (``dim=0``, the default).
    """
    parts = weight_norm_parts(name)
    if parts is None or not {parts[1], parts[2]} <= {name, *others} or not weight:
        return None
    return weight if name == parts[2] else (weight[0], *(1,) * (len(weight) - 1))


# names of modules that multiply by a vector or add one -> the leaf of the factor, of the term.
# Sources: torch.nn, norms; timm, ``layers/grn.py``, ``layer_scale.py``, ``models/metaformer.py``
_ELEMENTWISE: Final = (
    (re.compile(r".*norm.*|grn|ln(_\w+)?"), "weight", "bias"),
    (re.compile(r"ls\d*"), "gamma", ""),
    (re.compile(r"res_scale\d*"), "scale", ""),
)


def elementwise_leaf(scope: str, is_factor: bool) -> str:
    """What a module calls the vector that it multiplies by, or adds, by the module's name; empty
    where that says nothing.
    """
    module = scope.rpartition(".")[2]
    for pattern, factor, term in _ELEMENTWISE:
        if pattern.fullmatch(module):
            return factor if is_factor else term
    return ""


def group_norm_leaf(model: Model, graph: str, node: Node) -> str:
    """``weight`` or ``bias`` where a node multiplies by, or adds, a group norm's:

    TorchScript writes one as InstanceNormalization by fillers, Reshape, Mul, Add, all in the
    module's scope. Empty where it is no such node.
    """
    wanted = {"Mul": "weight", "Add": "bias"}.get(node.op_type, "")
    scope = scope_of(node)
    if not wanted or not scope:
        return ""
    way = (
        ("Reshape", "InstanceNormalization")
        if wanted == "weight"
        else ("Mul", "Reshape", "InstanceNormalization")
    )
    at: Node | None = node
    for op_type in way:
        producers = [
            model.def_use.producer(model.def_use.resolve(graph, name))
            for name in (at.inputs if at is not None else ())
        ]
        at = next(
            (
                producer
                for producer in producers
                if producer is not None
                and producer.op_type == op_type
                and scope_of(producer) == scope
            ),
            None,
        )
    return wanted if at is not None else ""


def is_filler(model: Model, graph: str, node: Node) -> bool:
    """Whether an InstanceNormalization is the inner part of a group norm, whose scale and bias are
    ones and zeros that no one learned.
    """
    if node.op_type != "InstanceNormalization" or not node.outputs:
        return False
    for reshape in model.def_use.uses((graph, node.outputs[0])):
        if reshape.node is not None and reshape.node.op_type == "Reshape" and reshape.node.outputs:
            for use in model.def_use.uses((graph, reshape.node.outputs[0])):
                if use.node is not None and group_norm_leaf(model, graph, use.node) == "weight":
                    return True
    return False


# adapters whose change of a weight is no product of two matrices: the leaf of each factor, which is
# a tensor or the two whose product it is. Source: peft, ``tuners/loha/layer.py`` and
# ``tuners/lokr/layer.py``; LyCORIS has the same words
HADAMARD_FACTORS: Final = ("hada_w1", "hada_w2")  # multiplied element by element
KRONECKER_FACTORS: Final = ("lokr_w1", "lokr_w2")  # each number of one times all of the other
