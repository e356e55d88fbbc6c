"""Name stored tensors by the operators that use them: by the module in whose scope one stands, or
by the bias of the same layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.biases import biases
from onnx_params.dataflow.consumers import as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms import recurrent
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_modules import elementwise_leaf, group_norm_leaf
from onnx_params.idioms.torchscript import (
    LIFTED,
    computed_by,
    is_made_up,
    is_norm_folded,
    path_of_value,
    real_name,
    scope_of,
)
from onnx_params.names.claim import Claim
from onnx_params.names.lookups import table_shape
from onnx_params.names.modules import Modules, Place
from onnx_params.names.placement import Location, locate
from onnx_params.tensors.steps import Reshape, Shape
from onnx_params.tensors.stored import StoredTensor

# torch's name for a bias -> for the weight beside it. Sources: torch.nn.Linear,
# torch.nn.MultiheadAttention; onnxscript, FuseBatchNormIntoConv
# (``rewriter/rules/common/_fuse_batchnorm.py``), which calls the bias that it makes after the
# weight
BESIDE: Final = {"bias": "weight", "in_proj_bias": "in_proj_weight", "weight_bias": "weight"}


MADE_BIAS: Final = "weight_bias"  # as onnxscript calls it, which see above
_PRODUCTS: Final = frozenset({"Conv", "ConvTranspose", "MatMul"})
UNKNOWN_LEAF: Final = "?"  # of a parameter of a module that is known
_FACTORS: Final = frozenset({"Mul", "Div"})
ELEMENTWISE: Final = frozenset({"Mul", "Div", "Add", "Sub"})
_ADDS_ROWS: Final = ELEMENTWISE | {"QLinearAdd", "QLinearMul"}


def by_place(model: Model, modules: Modules, tensor: StoredTensor) -> Claim | None:
    """The name that the operator's module, or a sibling with a name, implies; ``None`` where
    neither does.
    """
    for consumer in consumers(model, tensor):
        place = Place(model, modules, tensor, consumer)
        for answer in _ANSWERS:
            claim = answer(place)
            if claim is not None:
                return claim
    return None


def _of_a_group_norm(place: Place) -> Claim | None:
    node = place.consumer.node
    leaf = group_norm_leaf(place.model, place.consumer.graph, node)
    if not leaf:
        return None
    because = (
        f"{node.op_type} after InstanceNormalization in scope '{place.scope}': how TorchScript's"
        " exporter writes a group norm"
    )
    return locate(place.model, place.tensor, Reshape((place.tensor.count,))).claim(
        f"{place.scope}.{leaf}", Evidence.SCOPE, because, certain=False
    )


def _of_a_product(place: Place) -> Claim | None:
    """The weight of a matrix product or a convolution."""
    consumer, tensor = place.consumer, place.tensor
    if not consumer.is_product or consumer.word not in ("weight", "operand"):
        return None
    if _is_data(place):
        return None
    location = locate(place.model, tensor)
    turn = as_torch(consumer, location.shape)
    if turn:
        location = locate(place.model, tensor, *turn)
    view = place.computed_view
    sibling = implied(place.model, biases(place.model, consumer), consumer.node.op_type)
    if sibling is not None:
        view = view or (View.FOLDED if sibling.is_folded else None)
        return sibling.of(location, view)
    if not place.scope:
        return None
    folded = View.FOLDED if is_norm_folded(tensor.name) else None
    leaf = _leaf_of_proxy(place)
    if place.is_container and not leaf:
        return _hanging(place, location, view or folded)
    because = f"the weight of {consumer.node.op_type} in scope '{place.scope}'"
    return location.claim(
        f"{place.scope}.{leaf or 'weight'}",
        Evidence.SCOPE,
        because,
        certain=False,
        view=view or folded,
    )


def _leaf_of_proxy(place: Place) -> str:
    """What a layer calls the tensor of which a quantizer in it made these codes, by the path of the
    value; empty where no quantizer did.

    Source: brevitas, ``nn/mixin/parameter.py``: a proxy ``weight_quant`` in each layer.
    """
    path = path_of_value(place.tensor.name)
    rest = path.removeprefix(f"{place.scope}.")
    leaf, sign, _ = rest.partition(".")[0].rpartition("_quant")
    return leaf if sign and rest != path else ""


def _is_data(place: Place) -> bool:
    """Whether the tensor is what a product multiplies, and its weight is stored too."""
    node = place.consumer.node
    if place.consumer.word != "operand" or place.consumer.slot != 0 or len(node.inputs) < 2:
        return False
    return stored_behind(place.model, place.consumer.graph, node.inputs[1]) is not None


def _hanging(place: Place, location: Location, view: View | None) -> Claim:
    """A parameter that hangs on a module with modules in it: its leaf is not known."""
    because = (
        f"{place.consumer.node.op_type} in scope '{place.scope}' uses it, a module of modules;"
        " nothing says what it is called there"
    )
    return location.claim(
        f"{place.scope}.{UNKNOWN_LEAF}", Evidence.NONE, because, certain=False, view=view
    )


def _in_a_slot(place: Place) -> Claim | None:
    """A bias, a table, or the weight of what is no product."""
    consumer = place.consumer
    node, word = consumer.node, consumer.word
    if consumer.is_product and word in ("weight", "operand"):
        return None
    if word not in ("weight", "bias", "table") or node.op_type in recurrent.GATES:
        return None
    if not place.scope or is_norm_folded(place.tensor.name):
        return None
    because = f"the {word} of {node.op_type} in scope '{place.scope}'"
    leaf = "bias" if word == "bias" else "weight"
    view = None if node.op_type == "PRelu" else place.computed_view
    location = locate(place.model, place.tensor)
    table = lines_of_a_lifted_table(place.tensor) if word == "table" else None
    if table is not None:
        location, view = location._replace(shape=table), View.FOLDED
    return location.claim(
        f"{place.scope}.{leaf}", Evidence.SCOPE, because, certain=False, view=view
    )


def lines_of_a_lifted_table(tensor: StoredTensor) -> Shape | None:
    """The shape of the table of which TorchScript's exporter took lines again and again before it
    looks some up, as for distances that fall into buckets; ``None`` where it took none so.
    """
    if not name_before(tensor.name).startswith(LIFTED):
        return None
    return table_shape(tensor, has_rows_first=False)


def _rows_of_a_table(place: Place) -> Claim | None:
    """Rows of a table that were looked up again and again, and are added to something."""
    node, tensor = place.consumer.node, place.tensor
    if node.op_type not in _ADDS_ROWS or real_name(tensor.name) is not None:
        return None
    table = table_shape(tensor, has_rows_first=True)
    if table is None:
        return None
    because = f"{node.op_type} '{node.name}' adds so many different rows of it"
    name = f"{place.scope}.{UNKNOWN_LEAF}" if place.scope else tensor.name
    location = locate(place.model, tensor)._replace(shape=table)
    return location.claim(name, Evidence.NONE, because, certain=False, view=View.FOLDED)


def _element_by_element(place: Place) -> Claim | None:
    """What a module multiplies by or adds: the vector of a norm or of a layer's scale."""
    node, tensor = place.consumer.node, place.tensor
    if node.op_type not in ELEMENTWISE or not is_made_up(tensor.name):
        return None
    if is_norm_folded(tensor.name):  # the bias of a convolution that was quantized
        return None
    if not place.scope:
        return None
    if sum(dim != 1 for dim in tensor.shape) > 1:
        return None
    if _is_added_in_layer(place):
        because = f"Add of it to what the only product in scope '{place.scope}' gives"
        return locate(place.model, tensor).claim(
            f"{place.scope}.bias", Evidence.SCOPE, because, certain=False
        )
    leaf = elementwise_leaf(place.scope, node.op_type in _FACTORS)
    flat = (Reshape((tensor.count,)),) if len(tensor.shape) > 1 else ()
    location = locate(place.model, tensor, *flat)
    if not leaf:
        return _hanging(place, location, None)
    because = f"{node.op_type} in scope '{place.scope}', by the name of the module"
    # the exporter gave it axes, or changed its name: it computed it, as of a frozen norm
    view = View.FOLDED if flat else place.computed_view
    return location.claim(
        f"{place.scope}.{leaf}", Evidence.SCOPE, because, certain=False, view=view
    )


def _looked_up(place: Place) -> Claim | None:
    """Lines of a module's table that an optimizer looked up: it keeps the name of the value, which
    has the module's path. How long the table was is not known.
    """
    name = name_before(place.tensor.name)
    scope = path_of_value(name)
    if not scope or computed_by(name) != "Gather" or place.modules.has_children(scope):
        return None
    location = locate(place.model, place.tensor)
    if len(location.shape) < 2:
        return None
    shape = table_shape(place.tensor, has_rows_first=True) or _without_first_ones(location.shape)
    because = f"'{name}' is what was looked up in scope '{scope}': the table may have more lines"
    claim = location._replace(shape=shape).claim(
        f"{scope}.weight", Evidence.SCOPE, because, certain=False, view=View.SLICED
    )
    return replace(claim, placements=())


def _without_first_ones(shape: Shape) -> Shape:
    """A shape without the ones before a matrix."""
    rest = shape[:-2]
    return shape[len(rest) :] if set(rest) <= {1} else shape


def _is_added_in_layer(place: Place) -> bool:
    """Whether a vector is added to what a product gives in the same module, which has no modules in
    it: a layer that casts its bias to the type of its input.
    """
    node, graph = place.consumer.node, place.consumer.graph
    if node.op_type != "Add" or len(place.tensor.shape) != 1:
        return False
    if place.is_container:
        return False
    others = [name for slot, name in enumerate(node.inputs) if slot != place.consumer.slot]
    producers = [
        place.model.def_use.producer(place.model.def_use.resolve(graph, name)) for name in others
    ]
    return any(
        producer is not None
        and producer.op_type in _PRODUCTS
        and place.modules.path_of(scope_of(producer) or "") == place.scope
        for producer in producers
    )


# the surest first
_ANSWERS: Final = (
    _of_a_group_norm,
    _of_a_product,
    _in_a_slot,
    _looked_up,
    _rows_of_a_table,
    _element_by_element,
)


class Sibling(NamedTuple):
    """The name that a bias implies for the weight beside it; whether a fusion made that bias, and
    changed the weight's values.
    """

    name: str
    evidence: Evidence
    because: str
    is_folded: bool

    def of(self, location: Location, view: View | None) -> Claim:
        """The claim that the weight lies there."""
        return location.claim(self.name, self.evidence, self.because, certain=False, view=view)


def implied(model: Model, stored: Iterable[StoredTensor], op_type: str) -> Sibling | None:
    """The name, evidence and reason for the weight whose product one of these biases is added to;
    ``None`` where no module named any.
    """
    for bias in stored:
        owner, _, leaf = (real_name(as_exported(model, bias.name)) or "").rpartition(".")
        if leaf not in BESIDE:
            continue
        name = f"{owner}.{BESIDE[leaf]}" if owner else BESIDE[leaf]
        because = f"'{bias.name}' is added to what {op_type} makes of it"
        return Sibling(name, Evidence.SIBLING, because, leaf == MADE_BIAS)
    return None
