"""Decide what each stored tensor is: ordered rules, the most specific first, the first that answers
wins.

The exporter's own words come first, then the place (attributes of operators that keep what they
learned there), then the slots of the operators that consume the tensor, then the shape of the
computation around it, then its element type. A rule that goes by names or by the type alone says so
in its reason.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node, Use, Wiring
from onnx_params.idioms import converters, skl2onnx, tf2onnx
from onnx_params.idioms.exporter_metadata import Words
from onnx_params.idioms.torch_modules import is_filler
from onnx_params.idioms.torchscript import NAMES, is_made_up, real_name, scope_of
from onnx_params.operators.schemas import ATTRIBUTES, KNOWN_DOMAINS, PASS_THROUGH, SLOTS, slot_word
from onnx_params.tensors.stored import Encoding, StoredTensor

MAX_HOPS: Final = 16  # pass-through nodes looked through before a chain counts as unknown
# uses looked at; a shape that ten thousand nodes share is no clearer after the first of them
MAX_USES: Final = 256
# samples in the frame of a Fourier transform written as a convolution, at least
MIN_KERNEL: Final = 16


class Role(enum.Enum):
    """What a stored tensor is."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    QUANTIZATION = "quantization"
    CONSTANT = "constant"
    OPAQUE = "opaque"


class Verdict(NamedTuple):
    """A role with the rule that said so and the reason in the model at hand."""

    role: Role
    rule: str
    because: str


# slot word -> (role, rule) for tensors with more than one element
_BY_WORD: Final = {
    "weight": (Role.PARAMETER, "weight-slot"),
    "bias": (Role.PARAMETER, "bias-slot"),
    "stat": (Role.BUFFER, "running-statistics-slot"),
    "state": (Role.BUFFER, "initial-state-slot"),
    "cache": (Role.BUFFER, "rotary-table-slot"),
    "basis": (Role.BUFFER, "basis-slot"),
    "scale": (Role.QUANTIZATION, "scale-slot"),
    "zero": (Role.QUANTIZATION, "zero-point-slot"),
    "mask": (Role.BUFFER, "mask-slot"),
    "index": (Role.CONSTANT, "index-slot"),
}
_BY_ATTRIBUTE: Final = {
    "learned": (Role.PARAMETER, "learned-attribute"),
    "structure": (Role.BUFFER, "structure-attribute"),
    "label": (Role.CONSTANT, "label-attribute"),
}
# last word of a stored name -> what frameworks register under it without learning it. Sources:
# torch.nn.modules.batchnorm; transformers' rotary embeddings, position ids, causal masks; librosa
# and torchaudio for windows, filter banks and transform bases
_BUFFER_NAMES: Final = re.compile(
    r"(^|[._/])(running_mean|running_var|num_batches_tracked|moving_mean|moving_variance|inv_freq|cos_cached|sin_cached|position_ids"
    r"|relative_position_index|relative_coords_table|attn_mask|causal_mask|masked_bias|mel_filters|mel_basis|mel_matrix|filter_?bank"
    r"|(forward|inverse)_basis(_buffer)?|dft_(basis|matrix|real|imag)|stft_(basis|kernel)|hann_window|window|anchors?|anchor_points|stride_tensor)$"
)
_LOOKED_THROUGH: Final = PASS_THROUGH | {"Loop", "Scan"}
_DEQUANTISE: Final = frozenset({"Mul", "Sub", "Div"})
_ELEMENTWISE: Final = frozenset({"Add", "Sub", "Mul", "Div"})
# operators that hold what is learned: what stands before the first or after the last of them was
# not
_LAYERS: Final = frozenset(
    {
        "Conv",
        "ConvTranspose",
        "Gemm",
        "MatMul",
        "LSTM",
        "GRU",
        "RNN",
        "Gather",
        "ConvInteger",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "Einsum",
    }
    | {
        "MatMulNBits",
        "MatMulBnb4",
        "FusedMatMul",
        "FusedGemm",
        "FusedConv",
        "QGemm",
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
        "DynamicQuantizeLSTM",
    }
    | {"GatherBlockQuantized", "EmbedLayerNormalization"}
)
# layers that give one number for each row, or else for each column, of their weight
_BY_ROWS: Final = frozenset({"Conv", "FusedConv", "ConvInteger", "QLinearConv", "MatMulNBits"})
_BY_COLUMNS: Final = frozenset(
    {
        "MatMul",
        "ConvTranspose",
        "Gemm",
        "MatMulInteger",
        "Einsum",
        "FusedMatMul",
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
    }
)
_TAKE_WEIGHTS: Final = _BY_ROWS | _BY_COLUMNS
# between a transform and its squares
_KEEPS_MAGNITUDE: Final = frozenset({"Neg", "Concat", "Mul", "Clip", "Max", "Pad", "Gather"})
# between a spectrum and its Log
_POSITIVE: Final = frozenset(
    {"Clip", "Max", "Add", "Relu", "Identity", "Squeeze", "Unsqueeze", "Transpose", "Reshape"}
)


@lru_cache(NAMES)
def is_buffer_name(name: str) -> bool:
    """Whether frameworks register buffers under such a name."""
    return _BUFFER_NAMES.search(name) is not None


def classify(model: Model, words: Words) -> Iterator[tuple[StoredTensor, Verdict]]:
    """Yield every stored tensor of ``model`` once, in file order, with its verdict; ``words`` is
    what the exporter said.
    """
    judge = _Judge(model, words)
    seen: set[tuple[str, str]] = set()
    for path, graph in model.graphs.items():
        for tensor in graph.tensors:
            key = (path, tensor.name)
            if key in seen:
                yield (
                    tensor,
                    Verdict(
                        Role.CONSTANT,
                        "shadowed",
                        f"another tensor called '{tensor.name}' stands before it, and is the one"
                        " that is used",
                    ),
                )
            else:
                seen.add(key)
                yield tensor, judge.verdict(tensor)


class _Judge:
    """The rules, with the model they look at."""

    def __init__(self, model: Model, words: Words) -> None:
        self.words = words
        self.model = model
        self.wiring: Wiring = model.wiring
        self.held = model.held
        self.says = words.says_roles
        self.graphs = model.graphs
        self.op_types = {node.op_type for graph in model.graphs.values() for node in graph.nodes}
        self.has_layers = not self.op_types.isdisjoint(_LAYERS)
        self.is_classical = model.producer_name == skl2onnx.SKLEARN
        self.turns = "Neg" in self.op_types
        self.has_instance_norms = "InstanceNormalization" in self.op_types
        self.has_waves = {"Cos", "Sin"} <= self.op_types
        self.invented = converters.invented(model).fullmatch
        self.is_tensorflow = model.producer_name == tf2onnx.PRODUCER
        self.has_loops = "Loop" in self.op_types

    def verdict(self, tensor: StoredTensor) -> Verdict:
        if self.says:
            said = self.words.role_of(tensor.key)
            if said is not None:
                return Verdict(Role(said[0]), "exporter", said[1])
        place = tensor.place
        if place.op_type and (place.op_type != "Constant" or place.domain):
            return self._in_attribute(tensor)
        if self.is_classical and tensor.dtype.is_float:
            if skl2onnx.is_derived(self.model, tensor.name):
                return Verdict(
                    Role.CONSTANT, "derived", "skl2onnx computes it from what was learned"
                )
            if skl2onnx.word_of(self.model, tensor.name):
                return Verdict(
                    Role.PARAMETER,
                    "estimator",
                    f"skl2onnx's word for {skl2onnx.word_of(self.model, tensor.name)}",
                )
        if tensor.dtype.name == "string" or tensor.dtype.name == "bool":
            return Verdict(Role.CONSTANT, "no-number", f"elements are {tensor.dtype.name}")
        if self.has_loops and is_made_up(tensor.name) and self._begins_a_loop(tensor):
            return Verdict(
                Role.BUFFER,
                "initial-state",
                "a loop begins with it and changes it, and no module named it",
            )
        if self.invented(tensor.name):
            return Verdict(
                Role.CONSTANT,
                "invented",
                "the converter writes constants of its own under such names",
            )
        if self.is_tensorflow and tensor.count <= 1 and tf2onnx.is_constant(tensor.name):
            return Verdict(
                Role.CONSTANT,
                "tensorflow-constant",
                "TensorFlow calls its constants so; variables are read",
            )
        uses = self._through(tensor)
        count = tensor.count
        for use, _ in uses if self.has_instance_norms else ():
            if use.node is not None and is_filler(self.model, use.graph, use.node):
                return Verdict(
                    Role.CONSTANT,
                    "group-norm-filler",
                    f"{_because(use)}, the inner part of a group norm, whose own weight follows",
                )
        if count > 1 and len(uses) == 1:  # nearly all of them
            use, word = uses[0]
            if (
                (word == "weight" or word == "bias")
                and tensor.dtype.bits
                and use.node is not None
                and use.node.op_type != "BatchNormalization"
            ):
                special = self._basis(tensor, uses) if word == "weight" else None
                return special or Verdict(*_BY_WORD[word], _because(use))
        found = self._by_slots(tensor, uses, count) or self._by_surroundings(tensor, uses)
        if found.rule in (
            "before-the-first-layer",
            "after-the-last-layer",
        ) and tf2onnx.is_vector_of_norm(self.model, tensor):
            return Verdict(
                Role.PARAMETER,
                "norm-by-name",
                "tf2onnx names so what Keras brought to the rank of a norm's input",
            )
        return found

    def _in_attribute(self, tensor: StoredTensor) -> Verdict:
        place = tensor.place
        if tensor.encoding is Encoding.OPAQUE:
            return Verdict(
                Role.OPAQUE,
                "compiled",
                f"{place.op_type} keeps a compiled model there; what is in it cannot be read",
            )
        word = ATTRIBUTES.get((place.domain, place.op_type), {}).get(place.attribute)
        if word == "learned" and self._says_nothing(tensor):
            return Verdict(
                Role.CONSTANT,
                "identity-attribute",
                f"{place}: nothing is added, or everything is multiplied by 1: it was not learned",
            )
        if word is not None:
            return Verdict(*_BY_ATTRIBUTE[word], str(place))
        if place.domain not in KNOWN_DOMAINS and tensor.dtype.is_float and tensor.count > 1:
            return Verdict(
                Role.PARAMETER,
                "unknown-operator",
                f"floating point in {place}, of a domain that no table knows: by type alone",
            )
        return Verdict(Role.CONSTANT, "operator-attribute", str(place))

    def _begins_a_loop(self, tensor: StoredTensor) -> bool:
        """Whether all that takes a tensor are loops that carry it on changed."""
        uses = self.wiring.uses(tensor.key)
        return bool(uses) and all(
            use.node is not None and use.slot > 1 and self._is_changed_in(use.node, use.slot)
            for use in uses
        )

    def _is_changed_in(self, node: Node, slot: int) -> bool:
        """Whether a Loop's body gives another value back than the one that enters it.

        Its outputs begin with a condition, its inputs with a counter too.
        """
        if node.op_type != "Loop" or node.domain or not node.subgraphs:
            return False
        body = self.graphs[node.subgraphs[0]]
        if slot >= len(body.inputs) or slot - 1 >= len(body.outputs):
            return False
        name = body.outputs[slot - 1]
        for _ in range(MAX_HOPS):
            maker = self._maker(body.path, name)
            if maker is None or maker.op_type != "Identity" or not maker.inputs:
                break
            name = maker.inputs[0]
        return name != body.inputs[slot]

    def _says_nothing(self, tensor: StoredTensor) -> bool:
        """Whether an attribute stands for what the estimator does not have: offsets of zero, scales
        of one, a zero for each of many targets.
        """
        place = tensor.place
        if (place.op_type, place.attribute) not in (
            ("Scaler", "offset"),
            ("Scaler", "scale"),
            ("LinearRegressor", "intercepts"),
        ) or place.node is None:
            return False
        attributes = self.model.graphs[place.graph].nodes[place.node].read_attributes()
        values, targets = attributes.get(place.attribute), attributes.get("targets")
        if not isinstance(values, list) or not values:
            return False
        if place.op_type == "LinearRegressor":
            return isinstance(targets, int) and len(values) != targets and not any(values)
        return all(value == (place.attribute == "scale") for value in values)

    def _by_slots(
        self, tensor: StoredTensor, uses: list[tuple[Use, str | None]], count: int
    ) -> Verdict | None:
        """What the slots say that consume the tensor."""
        dtype = tensor.dtype
        numeric = dtype.is_float or dtype.is_complex
        learned: tuple[Use, str] | None = None
        other: tuple[Use, str] | None = None
        for use, word in uses:
            if word is None or use.node is None:
                continue
            if word == "scale" or word == "zero":
                return Verdict(*_BY_WORD[word], _because(use))
            if word == "weight" or word == "bias":
                learned = learned or (use, word)
            elif word == "table" or word == "operand":
                if count > 1 and learned is None and (numeric or dtype.is_narrow_integer):
                    learned = use, word
            elif other is None and word in _BY_WORD:
                other = use, word
        scale = self._scales(tensor, uses)
        if scale is not None:
            return scale
        if count <= 1:
            special = self._basis(tensor, uses) if learned is not None and count else None
            if special is not None:
                return special
            if learned is not None and count:
                return Verdict(Role.PARAMETER, "weight-slot", _because(learned[0]))
            if other is not None and other[1] in ("stat", "state") and count:
                return Verdict(*_BY_WORD[other[1]], _because(other[0]))
            bias = next(
                (
                    use
                    for use, _ in uses
                    if count and dtype.is_float and tensor.shape and self._is_bias(use, tensor)
                ),
                None,
            )
            if bias is not None:
                return Verdict(
                    Role.PARAMETER,
                    "bias-of-a-layer",
                    f"{_because(bias)}, as many numbers as the layer before it has outputs",
                )
            if self._is_named_scale(tensor):
                return Verdict(
                    Role.QUANTIZATION,
                    "scale-name",
                    f"quantisers call scales and zero points so: by '{tensor.name}' beside the"
                    " tensor alone",
                )
            if count and self._is_named_scalar(tensor):
                return Verdict(
                    Role.PARAMETER,
                    "named-scalar",
                    "one element with a module's name: by its name alone",
                )
            return Verdict(Role.CONSTANT, "scalar", f"{count} element{'s' if count != 1 else ''}")
        if learned is not None:
            use, word = learned
            if self._is_named_buffer(tensor):
                return Verdict(
                    Role.BUFFER,
                    "buffer-name",
                    f"frameworks register buffers under such a name: by '{tensor.name}' alone",
                )
            special = self._basis(tensor, uses)
            if special is not None:
                return special
            if (
                use.node is not None
                and use.node.op_type == "BatchNormalization"
                and self._is_scaled_again(use)
            ):
                because = (
                    f"{_because(use)}, which numbers by channel multiply right after: those were"
                    " learned, as in Caffe's BatchNorm and Scale"
                )
                return Verdict(Role.BUFFER, "norm-before-a-scale", because)
            if word in _BY_WORD:
                return Verdict(*_BY_WORD[word], _because(use))
            return Verdict(Role.PARAMETER, f"{word}-slot", _because(use))
        if other is not None:
            use, word = other
            return Verdict(*_BY_WORD[word], _because(use))
        if not numeric and not (dtype.is_narrow_integer and uses):
            return Verdict(Role.CONSTANT, "integers", f"elements are {dtype.name}")
        return None

    def _by_surroundings(self, tensor: StoredTensor, uses: list[tuple[Use, str | None]]) -> Verdict:
        """What the computation around a floating-point tensor says, where no slot does."""
        if self._is_named_buffer(tensor):
            return Verdict(
                Role.BUFFER,
                "buffer-name",
                f"frameworks register buffers under such a name: by '{tensor.name}' alone",
            )
        owner, _, leaf = (real_name(tensor.name) or "").rpartition(".")
        for use, _ in uses:
            node = use.node
            if node is None or node.op_type not in _ELEMENTWISE:
                continue
            if owner and leaf in ("weight", "bias") and scope_of(node) == owner:
                return Verdict(
                    Role.PARAMETER,
                    "named-in-its-module",
                    f"{_because(use)}, in the module whose {leaf} it is called",
                )
            if self._is_bias(use, tensor):
                return Verdict(
                    Role.PARAMETER,
                    "bias-of-a-layer",
                    f"{_because(use)}, as many numbers as the layer before it has outputs",
                )
            if self._feeds(use, "Softmax"):
                return Verdict(
                    Role.BUFFER, "attention-mask", f"{_because(use)}, whose result goes to Softmax"
                )
            if self.turns and self._is_rotary(use):
                return Verdict(
                    Role.BUFFER, "rotary-table", f"{_because(use)}, which turns pairs of features"
                )
            if self._reaches_both(use, ("Cos", "Sin")):
                return Verdict(
                    Role.BUFFER, "frequencies", f"{_because(use)}, whose result goes to Cos and Sin"
                )
            if self.has_layers and self._after_the_last_layer(use):
                return Verdict(
                    Role.BUFFER,
                    "after-the-last-layer",
                    f"{_because(use)}: no layer follows, and none made the other input",
                )
            if self.has_layers and self._before_the_first_layer(use):
                return Verdict(
                    Role.BUFFER,
                    "before-the-first-layer",
                    f"{_because(use)}: the other input comes from the graph's input through no"
                    " layer",
                )
            return Verdict(Role.PARAMETER, "elementwise-float", _because(use))
        if {"Cos", "Sin"} <= {use.node.op_type for use, _ in uses if use.node is not None}:
            return Verdict(Role.BUFFER, "frequencies", "Cos and Sin take it as it is: angles")
        if not uses:
            return Verdict(
                Role.PARAMETER, "unused-float", "floating point, and no node uses it: by type alone"
            )
        use = uses[0][0]
        if use.node is None:
            return Verdict(Role.CONSTANT, "output", "the graph returns it as it is")
        if use.node.domain not in KNOWN_DOMAINS:
            return Verdict(
                Role.PARAMETER,
                "unknown-operator",
                f"{_because(use)}, of domain '{use.node.domain}' that no table knows: by shape and"
                " type alone",
            )
        return Verdict(
            Role.PARAMETER,
            "float-by-default",
            f"floating point with {tensor.count} elements, {_because(use)}: by type alone",
        )

    # -- uses ------------------------------------------------------------------------------------------------------------------

    def _through(self, tensor: StoredTensor) -> list[tuple[Use, str | None]]:
        """Who consumes the tensor, looking through operators that only hand a value on and across
        borders of graphs.
        """
        wiring = self.wiring
        uses = wiring.uses(tensor.key)
        if len(uses) == 1:
            node = uses[0].node
            if (
                node is not None
                and node.op_type not in _LOOKED_THROUGH
                and (row := SLOTS.get((node.domain, node.op_type))) is not None
            ):
                slot = uses[0].slot
                return [(uses[0], row[slot] if slot < len(row) else row[-1])]
        by_hand = tensor.dtype.is_narrow_integer  # (w - zero) * scale
        found: list[tuple[Use, str | None]] = []
        seen = {tensor.key}
        todo = [(tensor.key, 0, by_hand)]
        while todo and len(found) < MAX_USES:
            key, hops, by_hand = todo.pop()
            for use in wiring.uses(key)[:MAX_USES]:
                node = use.node
                onward = wiring.onward(use)
                first = use.slot == 0 or (
                    node is not None and use.slot == 2 and node.op_type.startswith("Scatter")
                )
                if (
                    onward is None
                    and node is not None
                    and first
                    and (node.op_type in PASS_THROUGH or (by_hand and node.op_type in _DEQUANTISE))
                ):
                    onward = [(use.graph, output) for output in node.outputs]
                if not onward:
                    found.append(
                        (
                            use,
                            (
                                None
                                if node is None
                                else slot_word(node.domain, node.op_type, use.slot)
                            ),
                        )
                    )
                    continue
                for following in onward if hops < MAX_HOPS else ():
                    if following not in seen:
                        seen.add(following)
                        todo.append(
                            (
                                following,
                                hops + 1,
                                by_hand and (node is None or node.op_type != "DequantizeLinear"),
                            )
                        )
        return found

    def _scales(self, tensor: StoredTensor, uses: list[tuple[Use, str | None]]) -> Verdict | None:
        """A floating-point tensor that multiplies, or is subtracted from, an integer weight behind
        a Cast.
        """
        if not tensor.dtype.is_float:
            return None
        for use, _ in uses:
            node = use.node
            if node is None or node.op_type not in ("Mul", "Sub", "Div") or len(node.inputs) != 2:
                continue
            weight = self._behind_casts(
                use.graph, node.inputs[1 - use.slot] if use.slot < 2 else ""
            )
            if weight is not None and weight.dtype.is_narrow_integer:
                rule = "zero-point-by-hand" if node.op_type == "Sub" else "scale-by-hand"
                return Verdict(
                    Role.QUANTIZATION, rule, f"{_because(use)}, which dequantises '{weight.name}'"
                )
        return None

    def _behind_casts(self, path: str, name: str) -> StoredTensor | None:
        """The stored tensor from which a value comes by nothing but casts, transpositions and a
        subtraction.
        """
        for _ in range(MAX_HOPS):
            key = self.wiring.resolve(path, name)
            if key in self.held:
                return self.held[key]
            maker = self.wiring.maker(key)
            if (
                maker is None
                or maker.op_type
                not in (
                    "Cast",
                    "Identity",
                    "Transpose",
                    "Reshape",
                    "Unsqueeze",
                    "Sub",
                    "DequantizeLinear",
                )
                or not maker.inputs
            ):
                return None
            path, name = key[0], maker.inputs[0]
        return None

    def _is_scaled_again(self, use: Use) -> bool:
        """Whether a Mul by a stored vector takes the result, and an Add of one its."""
        for after in self._followers(use):
            if (
                after.node is not None
                and after.node.op_type == "Mul"
                and any(self._is_held(after, slot) for slot in (0, 1))
            ):
                return any(
                    last.node is not None
                    and last.node.op_type == "Add"
                    and any(self._is_held(last, slot) for slot in (0, 1))
                    for last in self._followers(after)
                )
        return False

    def _is_held(self, use: Use, slot: int) -> bool:
        assert use.node is not None
        return (
            slot != use.slot
            and slot < len(use.node.inputs)
            and self._behind_casts(use.graph, use.node.inputs[slot]) is not None
        )

    def _is_bias(self, use: Use, tensor: StoredTensor) -> bool:
        """Whether the other input of an Add is a layer's result, and the tensor has one number for
        each of its outputs.
        """
        node = use.node
        if node is None or node.op_type != "Add" or len(node.inputs) != 2:
            return False
        layer = self._maker(use.graph, node.inputs[1 - use.slot])
        for _ in range(4):  # a quantised layer's result is cast and scaled, or quantised and back
            if (
                layer is None
                or layer.op_type
                not in (
                    "Cast",
                    "Mul",
                    "Reshape",
                    "QuantizeLinear",
                    "DequantizeLinear",
                )
                or not layer.inputs
            ):
                break
            layer = self._maker(use.graph, layer.inputs[0])
        if layer is None or layer.op_type not in _TAKE_WEIGHTS or len(layer.inputs) < 2:
            return False
        weight = self._behind_casts(use.graph, layer.inputs[1])
        return (
            weight is not None
            and len(weight.shape) > 1
            and tensor.count == weight.shape[0 if layer.op_type in _BY_ROWS else -1]
        )

    # -- surroundings ----------------------------------------------------------------------------------------------------------

    def _maker(self, path: str, name: str) -> Node | None:
        return self.wiring.maker(self.wiring.resolve(path, name))

    def _followers(self, use: Use) -> list[Use]:
        """Who uses what the node of ``use`` makes."""
        assert use.node is not None
        return [
            after
            for output in use.node.outputs
            for after in self.wiring.uses((use.graph, output))[:MAX_USES]
        ]

    def _feeds(self, use: Use, op_type: str) -> bool:
        return any(
            after.node is not None and after.node.op_type == op_type
            for after in self._followers(use)
        )

    def _is_rotary(self, use: Use) -> bool:
        """x * cos + rotated(x) * sin, where rotated(x) is a Concat of a Neg and another half of x."""
        node = use.node
        if node is None or node.op_type != "Mul":
            return False
        for after in self._followers(use):
            if after.node is None or after.node.op_type not in ("Add", "Sub"):
                continue
            for name in after.node.inputs:
                product = self._maker(after.graph, name)
                if product is None or product.op_type != "Mul":
                    continue
                for factor in product.inputs:
                    turned = self._maker(after.graph, factor)
                    if turned is not None and turned.op_type == "Concat":
                        halves = [self._maker(after.graph, half) for half in turned.inputs[:4]]
                        if any(half is not None and half.op_type == "Neg" for half in halves):
                            return True
        return False

    def _reaches_both(self, use: Use, op_types: tuple[str, str]) -> bool:
        """Whether the result goes to both operators, through nothing but operators that hand on,
        join or add.
        """
        if not self.has_waves:
            return False
        found: set[str] = set()
        todo, seen = [(use, 0)], set()
        while todo:
            at, hops = todo.pop()
            for after in self._followers(at) if hops < 5 else ():
                node = after.node
                if node is None or id(node) in seen:
                    continue
                seen.add(id(node))
                if node.op_type in op_types:
                    found.add(node.op_type)
                elif node.op_type in PASS_THROUGH or node.op_type in (
                    "Concat",
                    "Mul",
                    "Add",
                    "Einsum",
                ):
                    todo.append((after, hops + 1))
        return len(found) == 2

    def _after_the_last_layer(self, use: Use) -> bool:
        """Whether results go to the graph's outputs through no layer, though the other input was
        not made by one directly.
        """
        if use.graph:
            return False
        assert use.node is not None
        if not all(
            self._is_activated(use.graph, name)
            for slot, name in enumerate(use.node.inputs)
            if slot != use.slot
        ):
            return False
        return self._only_outputs(use)

    def _only_outputs(self, use: Use) -> bool:
        """Whether nothing but the graph's outputs comes after: no layer, no branch, no operator of
        another domain.
        """
        todo, seen = [use], set()
        while todo:
            for after in self._followers(todo.pop()):
                node = after.node
                if node is None or id(node) in seen:
                    continue
                seen.add(id(node))
                if node.op_type in _LAYERS or node.domain or len(seen) > 64 or node.subgraphs:
                    return False
                todo.append(after)
        return True

    def _is_activated(self, path: str, name: str) -> bool:
        """Whether a value was made, but for arithmetic with constants, by something that is neither
        a layer nor part of a norm.
        """
        for _ in range(MAX_HOPS):
            maker = self._maker(path, name)
            if maker is None or maker.op_type in _LAYERS or maker.op_type.endswith("Normalization"):
                return False
            if maker.op_type not in _ELEMENTWISE:
                return True
            moving = [
                each for each in maker.inputs if self.wiring.resolve(path, each) not in self.held
            ]
            if len(moving) != 1:
                return False
            name = moving[0]
        return False

    def _before_the_first_layer(self, use: Use) -> bool:
        """Whether the other input is a graph input, changed by arithmetic with constants at most."""
        assert use.node is not None
        return not use.graph and any(
            name in self._raw for slot, name in enumerate(use.node.inputs) if slot != use.slot
        )

    @cached_property
    def _raw(self) -> frozenset[str]:
        """Values of the main graph that come from its inputs alone: through arithmetic, framing,
        transforms, but through no layer.
        """
        graph = self.graphs[""]
        still = {name for path, name in self.held if not path}
        raw = set(graph.inputs) - still
        for node in graph.nodes:
            moving = [name for name in node.inputs if name and name not in still]
            if node.subgraphs:
                continue
            if not moving:
                still.update(node.outputs)
            elif raw.issuperset(moving) and not node.op_type.startswith("Reduce"):
                weight = next(
                    (slot for slot, name in enumerate(node.inputs) if slot and name in still), None
                )
                if (
                    node.op_type not in _LAYERS
                    or weight is None
                    or node.op_type == "Gather"
                    or self._is_transform(Use("", node, weight))
                ):
                    raw.update(node.outputs)
        return frozenset(raw)

    def _is_transform(self, use: Use) -> bool:
        """Whether the weight of a layer on raw input is a basis:

        Fourier or constant-Q frames, a resampling filter, a filter bank.
        """
        assert use.node is not None
        weight = self._behind_casts(use.graph, use.node.inputs[use.slot])
        if weight is None:
            return False
        shape = weight.shape
        if use.node.op_type in ("Conv", "ConvTranspose"):
            fourier = _is_fourier(shape) and len(use.node.inputs) < 3
            return fourier or (
                len(shape) > 2
                and shape[1] == 1
                and ((shape[0] == 1 and max(shape) >= MIN_KERNEL) or self._goes_to_magnitude(use))
            )
        return use.node.op_type == "MatMul" and (
            self._goes_to(use, "Log", _POSITIVE) or self._goes_to_magnitude(use)
        )

    def _goes_to_magnitude(self, use: Use) -> bool:
        """Whether results are squared, added up, and the root is taken: the length of complex
        numbers.
        """
        todo = [(use, 0)]
        seen: set[tuple[int, int]] = set()
        while todo:
            at, hops = todo.pop()
            for after in self._followers(at):
                node = after.node
                if node is None or (id(node), hops) in seen or len(seen) > 256:
                    continue
                seen.add((id(node), hops))
                if hops == 0 and (
                    node.op_type == "Pow" or (node.op_type == "Mul" and len(set(node.inputs)) == 1)
                ):
                    todo.append((after, 1))
                elif hops == 1 and node.op_type in ("Add", "ReduceSum", "Sum"):
                    todo.append((after, 2))
                elif hops == 2 and node.op_type == "Sqrt":
                    return True
                elif (
                    node.op_type in PASS_THROUGH
                    or node.op_type in _KEEPS_MAGNITUDE
                    or (hops == 2 and node.op_type == "Add")
                ):
                    todo.append((after, hops))
        return False

    def _basis(self, tensor: StoredTensor, uses: list[tuple[Use, str | None]]) -> Verdict | None:
        """A Fourier basis written as a convolution, or the filters between a spectrum and its
        logarithm.
        """
        if self._is_named_buffer(tensor):
            return Verdict(
                Role.BUFFER,
                "buffer-name",
                f"frameworks register buffers under such a name: by '{tensor.name}' alone",
            )
        for use, word in uses:
            node = use.node
            if node is None:
                continue
            if (
                node.op_type == "Conv"
                and word == "weight"
                and len(node.inputs) < 3
                and _is_fourier(tensor.shape)
            ):
                why = (
                    f"{tensor.shape[0]} filters are those of a Fourier transform of"
                    f" {tensor.shape[1] * tensor.shape[2]} samples"
                )
                return Verdict(Role.BUFFER, "fourier-basis", f"{_because(use)}: {why}")
            if node.op_type == "MatMul" and self._goes_to(use, "Log", _POSITIVE):
                return Verdict(
                    Role.BUFFER,
                    "filter-bank",
                    f"{_because(use)}, whose result goes to Log: it is nowhere negative",
                )
            if (
                node.op_type in ("MatMul", "Einsum")
                and sum(dim > 1 for dim in tensor.shape) == 1
                and self._reaches_both(use, ("Cos", "Sin"))
            ):
                return Verdict(
                    Role.BUFFER, "frequencies", f"{_because(use)}, whose result goes to Cos and Sin"
                )
            if (
                node.op_type in ("Conv", "MatMul")
                and not use.graph
                and node.inputs[0] in self._raw
                and use.slot
            ):
                layer = use if use.slot == 1 else Use(use.graph, node, 1)
                if self._is_transform(layer):
                    return Verdict(
                        Role.BUFFER,
                        "transform-of-the-input",
                        f"{_because(use)}, which turns the graph's input into a spectrum or"
                        " filters it",
                    )
            if (
                word == "table"
                and len(tensor.shape) == 1
                and self.has_layers
                and self._only_outputs(use)
            ):
                return Verdict(
                    Role.BUFFER,
                    "after-the-last-layer",
                    f"{_because(use)}: numbers that are looked up, and no layer follows",
                )
        return None

    def _goes_to(self, use: Use, op_type: str, through: frozenset[str]) -> bool:
        """Whether the result goes to an operator through nothing but certain others."""
        if op_type not in self.op_types:
            return False
        todo, hops = [use], 0
        while todo and hops < 8:
            hops += 1
            for after in self._followers(todo.pop()):
                if after.node is None:
                    continue
                if after.node.op_type == op_type:
                    return True
                if after.node.op_type in through:
                    todo.append(after)
        return False

    def _is_named_buffer(self, tensor: StoredTensor) -> bool:
        return is_buffer_name(tensor.name)

    def _is_named_scale(self, tensor: StoredTensor) -> bool:
        """Whether a quantised tensor of the same base name is stored.

        Source: onnxruntime, quantization/quant_utils.py.
        """
        base = tensor.name.removesuffix("_scale").removesuffix("_zero_point")
        path = tensor.place.graph
        return base != tensor.name and (
            (path, base) in self.held or (path, f"{base}_quantized") in self.held
        )

    def _is_named_scalar(self, tensor: StoredTensor) -> bool:
        name = tensor.name
        plain = "." in name and all(
            part.isidentifier() or part.isdigit() for part in name.split(".")
        )
        return tensor.dtype.is_float and not tensor.place.op_type and plain and not is_made_up(name)


def _is_fourier(shape: tuple[int, ...]) -> bool:
    """Whether filters have the shape of a Fourier transform: for frames of n samples n / 2 + 1 of
    them, or twice that.
    """
    # frames along the signal, or cut before and laid along the channels
    if len(shape) != 3 or 1 not in shape[1:]:
        return False
    frame = shape[1] * shape[2]
    return frame >= MIN_KERNEL and frame % 2 == 0 and shape[0] in (frame + 2, frame // 2 + 1)


def _because(use: Use) -> str:
    if use.node is None:
        return f"output {use.slot} of its graph"
    return f"input {use.slot} of {use.node.op_type} '{use.node.name or use.node.position}'"
