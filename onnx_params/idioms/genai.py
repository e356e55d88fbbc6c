"""Name what onnxruntime-genai's model builder stored as Hugging Face names it.

The builder names modules itself, ``model.layers.2.final_norm_layernorm``, joins the projections of
an attention and stores what its operators need. All that is said of it here is inferred. Source:
onnxruntime-genai 0.18, ``models/builders/base.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.pairs import unpaired
from onnx_params.dataflow.view import Logical
from onnx_params.idioms.genai_words import Dictionary, dictionary
from onnx_params.idioms.naming import Evidence, Hint, Naming, inferred
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.operators.record import Kind
from onnx_params.tensors.small import integers, is_ones, is_zeros
from onnx_params.tensors.steps import SWAP, Key, Permute, Slice, Steps, chain, shape_after
from onnx_params.tensors.stored import StoredTensor

Bounds: TypeAlias = tuple[int, int]

PRODUCER: Final = "onnxruntime-genai"
# which part of a node a tensor is: ``attn.o_proj.MatMul.weight`` is o_proj's weight
_PART: Final = re.compile(
    r"(?P<module>.+?)(?:\.(?:MatMul|MatMulNBits|Add|DequantizeLinear))*\.q?(?P<leaf>weight|bias)"
)
_LAYER: Final = re.compile(r"model\.layers\.\d+")
_EMBEDDING: Final = "model.embed_tokens"
_JOINED: Final = ".attn.qkv_proj"
_QKV: Final = ("q_proj", "k_proj", "v_proj")
_PAIR: Final = ".mlp.gate_up_proj"
_ROTARY: Final = frozenset({"cos_cache", "sin_cache"})
# constants that the builder fills where its operator has a slot and the checkpoint nothing
_FILLED: Final = re.compile(
    r"model\.layers\.\d+\.(linear_attn\.conv1d|moe\.experts\.\w+|attn\.\w+(\.Add)?)\.bias"
)


class _Stored(NamedTuple):
    """A stored tensor as a leaf of a module of the builder's, with the words of its file."""

    model: Model
    tensor: StoredTensor
    module: str
    leaf: str
    words: Dictionary

    @property
    def logical(self) -> Logical:
        """What its operator takes."""
        return logical(self.model, self.tensor)

    def naming(self, module: str, more: Steps) -> Naming:
        """The claim that it is, after further steps, a parameter of a module of the builder's."""
        taken = self.logical
        name, leaf = self.words.translated(module), self.leaf
        if ".experts." in name:  # parameters of their own, without modules
            name, leaf = (f"{name}_bias", "") if leaf == "bias" else (name, "")
        steps = None if taken.steps is None or self.is_computed else chain(*taken.steps, *more)
        because = f"onnxruntime-genai's builder calls it '{self.tensor.name}'"
        if self.is_computed:
            because += ", and stores what the operator needs of it"
        made = inferred(
            self.tensor,
            f"{name}.{leaf}" if leaf else name,
            steps,
            Evidence.STORED_NAME,
            because,
            shape_after(taken.shape, more),
        )
        return made if steps is None or more else made._replace(view=taken.view)

    @property
    def is_computed(self) -> bool:
        """Whether its values are not the checkpoint's: ``1 + weight``, ``-exp(A_log)``."""
        is_norm = self.leaf == "weight" and self.module.endswith("layernorm")
        return self.module.endswith(".neg_exp_A") or (is_norm and self.words.adds_one)

    @property
    def turn(self) -> Steps:
        """The steps to torch's ``[out, in]`` from the matrix of a product, or to that of
        experts.
        """
        shape = self.logical.shape
        if len(shape) == 3 and ".experts." in self.module:
            is_as_stored = self.words.has_turned_experts
            unpair = unpaired(self.model, self.tensor, shape)
            return (Permute((0, 2, 1)),) if is_as_stored else unpair
        is_table = self.module.endswith(("embed_tokens", "embed_positions"))
        is_turned = len(shape) == 2 and not is_table and self.has_inputs_first
        return (SWAP,) if is_turned else ()

    @property
    def has_inputs_first(self) -> bool:
        """Whether the rows of a matrix are inputs."""
        for consumer in consumers(self.model, self.tensor):
            operator = consumer.operator
            is_joined = operator is not None and operator.kind is Kind.ATTENTION
            if is_joined or (consumer.is_matrix_product and not consumer.is_transposed):
                return True
        return False

    @property
    def is_tied(self) -> bool:
        """Whether the head's matrix is also what the embedding looks up."""
        if self.module != "lm_head":
            return False
        scope = f"/{_EMBEDDING.replace('.', '/')}/"
        found = consumers(self.model, self.tensor)
        return any(consumer.node.name.startswith(scope) for consumer in found)

    def parts(self, words: Sequence[str], sizes: Sequence[int]) -> list[tuple[Naming, Bounds]]:
        """The claims of what was joined along the outputs, with where each lies; none where the
        outputs cannot be divided so.
        """
        rows = shape_after(self.logical.shape, self.turn)[0]
        owner = self.module.rpartition(".")[0]
        return [
            (self.naming(f"{owner}.{word}", (*self.turn, Slice(0, (bound,)))), bound)
            for word, bound in zip(words, _bounds(rows, sizes), strict=False)
        ]


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Hugging Face's names of what the builder stored, by key.

    Reads attributes of attentions and quantized products, and the biases of joined projections.
    """
    if model.producer_name != PRODUCER:
        return {}
    parts = [(tensor, *_part(tensor)) for tensor in tensors]
    scaled = [node.name for node in model.main.nodes if node.name.endswith("embed_tokens/Mul")]
    words = dictionary([*(module for _, module, _ in parts), *scaled])
    splits = _splits(model)
    return {
        tensor.key: _named(_Stored(model, tensor, module, leaf, words), splits)
        for tensor, module, leaf in parts
        if module
    }


def _named(stored: _Stored, splits: Mapping[str, Sequence[int]]) -> list[Naming]:
    """The parameters that a stored tensor holds: one, or those that were joined."""
    if stored.is_tied:
        made = stored.naming(_EMBEDDING, stored.turn)
        return [made._replace(aliases=(f"lm_head.{stored.leaf}",))]
    if stored.module.endswith(_JOINED):
        parts = stored.parts(_QKV, splits.get(stored.module, ()))
        is_bias = stored.leaf == "bias"
        # zeros fill the slot of a projection that has no bias
        kept = [made for made, at in parts if not (is_bias and is_zeros(stored.tensor, *at))]
        return kept or [stored.naming(stored.module, stored.turn)]
    if stored.module.endswith(_PAIR):
        return [made for made, _ in stored.parts(("gate_proj", "up_proj"), (1, 1))]
    return [stored.naming(stored.module, stored.turn)]


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """What the builder's word says of a tensor: a table of positions or rotations, or a filler
    where the checkpoint has nothing.

    Reads the values of biases and norms that may be fillers.
    """
    if model.producer_name != PRODUCER:
        return None
    name = tensor.name
    if name in _ROTARY:
        return Hint(False, "rotary-table", "the builder computes the table of its rotations", True)
    if name.endswith(".expert_bias"):
        because = "a correction of the router's choice, which no gradient reaches"
        return Hint(False, "buffer-name", because, True)
    if name.endswith(".embed_positions.weight"):
        return Hint(True, "table-slot", "the builder calls the table of positions so")
    if _FILLED.fullmatch(name) is not None and is_zeros(tensor):
        because = "the builder fills the slot with zeros where the checkpoint has no bias"
        return Hint(False, "invented", because)
    if name.endswith("norm.weight") and is_ones(tensor):
        because = "the builder fills the slot with ones where the norm has no weight"
        return Hint(False, "invented", because)
    return None


def _part(tensor: StoredTensor) -> tuple[str, str]:
    """The builder's module and the leaf of a stored tensor; a parameter of its own has no leaf."""
    name = name_before(tensor.name)
    match = _PART.fullmatch(name)
    if match is not None:
        return match["module"], match["leaf"]
    return (name, "") if _LAYER.match(name) is not None else ("", "")


# -- joined projections ---------------------------------------------------------------------------


def _splits(model: Model) -> Mapping[str, tuple[int, ...]]:
    """The builder's module of a joined projection -> how many rows each of q, k and v has, or the
    proportion of them.
    """
    found: dict[str, tuple[int, ...]] = {}
    for node in model.main.nodes:
        module = node.name.replace("/", ".").lstrip(".")
        if node.op_type == "Split" and module.endswith(f"{_JOINED}.Split"):
            sizes = _sizes(model, node)
            if len(sizes) == len(_QKV):
                found[module.removesuffix(".Split")] = sizes
        elif node.op_type.endswith("Attention") and ".attn." in module:
            owner, _, _ = module.rpartition(".attn.")
            found.setdefault(f"{owner}{_JOINED}", _heads(node))
    return found


def _sizes(model: Model, node: Node) -> tuple[int, ...]:
    """The second input of a Split."""
    if len(node.inputs) < 2:
        return ()
    stored = model.stored.get(model.def_use.resolve("", node.inputs[1]))
    return (integers(stored, len(_QKV)) or ()) if stored is not None else ()


def _heads(node: Node) -> tuple[int, ...]:
    attributes = node.read_attributes()
    sizes = attributes.get("qkv_hidden_sizes")
    if isinstance(sizes, list) and len(sizes) == len(_QKV):
        return tuple(size if isinstance(size, int) else 0 for size in sizes)
    heads = attributes.get("num_heads")
    of_keys = attributes.get("kv_num_heads", heads)
    if not isinstance(heads, int) or not isinstance(of_keys, int):
        return ()
    return heads, of_keys, of_keys


def _bounds(rows: int, parts: Sequence[int]) -> list[Bounds]:
    """Where each part of the rows begins and ends; none where they cannot be divided so."""
    total = sum(parts)
    if not total or min(parts) <= 0 or rows % total:
        return []
    ends = [sum(parts[: at + 1]) * rows // total for at in range(len(parts))]
    return list(zip([0, *ends[:-1]], ends, strict=True))
