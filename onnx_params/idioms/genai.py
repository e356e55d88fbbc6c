"""Name what onnxruntime-genai's model builder stored as Hugging Face names it.

The builder names modules itself, ``model.layers.2.final_norm_layernorm``, joins the projections of
an attention and stores what its operators need. Its words are a table here, with the words of the
checkpoints that it reads where other words in the file show which they are. All of it is inferred.
Sources: onnxruntime-genai 0.18, ``models/builders/base.py`` and the families beside it;
transformers, the modules that they read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.pairs import unpaired
from onnx_params.idioms.naming import Evidence, Hint, Naming, inferred
from onnx_params.idioms.onnxruntime import undo
from onnx_params.operators.record import Kind
from onnx_params.tensors.small import integers, is_zeros
from onnx_params.tensors.steps import SWAP, Key, Permute, Slice, Steps, chain, shape_after
from onnx_params.tensors.stored import StoredTensor

PRODUCER: Final = "onnxruntime-genai"
# which part of a node a tensor is: ``attn.o_proj.MatMul.weight`` is o_proj's weight
_PART: Final = re.compile(
    r"(?P<module>.+?)(?:\.(?:MatMul|MatMulNBits|Add|DequantizeLinear))*\.q?(?P<leaf>weight|bias)"
)
_LAYER: Final = re.compile(r"model\.layers\.\d+")
_FINAL_NORM: Final = r"model\.layers\.\d+\.final_norm_layernorm"
_EMBEDDING: Final = "model.embed_tokens"
_JOINED: Final = ".attn.qkv_proj"
_QKV: Final = ("q_proj", "k_proj", "v_proj")
_PAIR: Final = ".mlp.gate_up_proj"
_ROTARY: Final = frozenset({"cos_cache", "sin_cache"})
# constants that the builder fills where its operator has a slot and the checkpoint nothing
_FILLED: Final = re.compile(
    r"model\.layers\.\d+\.(linear_attn\.conv1d|moe\.experts\.\w+|attn\.\w+(\.Add)?)\.bias"
)


class _Words(NamedTuple):
    """Patterns of modules, and what the checkpoints call them, where the file has a module whose
    name contains ``mark``; whether the checkpoints keep matrices of experts as ``[in, out]``, the
    columns of gates and their partners in pairs.
    """

    mark: str
    rows: tuple[tuple[str, str], ...]
    has_turned_experts: bool = False


class _Dictionary(NamedTuple):
    """The rows for one file, compiled."""

    rows: tuple[tuple[re.Pattern[str], str], ...]
    has_turned_experts: bool

    def translated(self, module: str) -> str:
        """The checkpoint's name of a module of the builder's."""
        for pattern, word in self.rows:
            module = pattern.sub(word, module, count=1)
        return module


# the words of all, after those of a dialect
_COMMON: Final = _Words(
    "",
    (
        (_FINAL_NORM, "model.norm"),
        (r"\.attn\.", ".self_attn."),
        (r"\.self_attn\.([qk]_norm)\.layernorm", r".self_attn.\1"),
        (r"\.moe\.", ".mlp."),
        (r"\.linear_attn\.(a|b|z|qkv)_proj", r".linear_attn.in_proj_\1"),
        (r"\.linear_attn\.neg_exp_A", ".linear_attn.A_log"),
    ),
)
_DIALECTS: Final = (
    # convolutions between attentions, with norms before both
    _Words(
        ".operator_layernorm",
        (
            (_FINAL_NORM, "model.embedding_norm"),
            (r"\.operator_layernorm", ".operator_norm"),
            (r"\.ffn_layernorm", ".ffn_norm"),
            (r"\.attn\.o_proj", ".self_attn.out_proj"),
            (r"\.attn\.([qk])_norm\.layernorm", r".self_attn.\1_layernorm"),
            (r"\.mlp\.gate_proj", ".feed_forward.w1"),
            (r"\.mlp\.up_proj", ".feed_forward.w3"),
            (r"\.mlp\.down_proj", ".feed_forward.w2"),
            (r"\.moe\.router", ".feed_forward.gate"),
            (r"\.moe\.", ".feed_forward."),
        ),
    ),
    # a decoder that attends to an encoder
    _Words(
        ".cross_attn_layernorm",
        (
            (_FINAL_NORM, "model.decoder.layer_norm"),
            (r"^decoder\.", "model.decoder."),
            (r"^model\.layers\.", "model.decoder.layers."),
            (r"\.cross_attn_layernorm", ".encoder_attn_layer_norm"),
            (r"\.self_attn_layernorm", ".self_attn_layer_norm"),
            (r"\.post_attention_layernorm", ".final_layer_norm"),
            (r"\.attn\.cross\.", ".encoder_attn."),
            (r"\.cross_attn\.o_proj", ".encoder_attn.out_proj"),
            (r"\.cross_attn\.", ".encoder_attn."),
            (r"\.attn\.o_proj", ".self_attn.out_proj"),
            (r"\.mlp\.(fc\d)", r".\1"),
            (r"^lm_head", "proj_out"),
        ),
    ),
    # an encoder of sound
    _Words(
        "encoder.conv1",
        (
            (_FINAL_NORM, "model.encoder.layer_norm"),
            (r"^encoder\.", "model.encoder."),
            (r"^model\.layers\.(\d+)\.attn\.cross", r"model.decoder.layers.\1.encoder_attn"),
            (r"^model\.layers\.", "model.encoder.layers."),
            (r"\.input_layernorm", ".self_attn_layer_norm"),
            (r"\.post_attention_layernorm", ".final_layer_norm"),
            (r"\.attn\.o_proj", ".self_attn.out_proj"),
            (r"\.mlp\.(fc\d)", r".\1"),
        ),
    ),
    # an expert that all tokens use, beside routed ones
    _Words(
        ".shared_expert_gate",
        (
            (r"\.shared_expert_gate", ".mlp.shared_expert_gate"),
            (r"\.mlp\.(gate|up|down)_proj", r".mlp.shared_expert.\1_proj"),
            (r"\.moe\.router", ".mlp.gate"),
        ),
    ),
    # attention that is linear in some layers; its checkpoints have a part that sees
    _Words(".linear_attn.z_proj", ((r"^model\.", "model.language_model."),)),
    # attention to a sink
    _Words(".attn.sinks", (), has_turned_experts=True),
    # two layers without a gate
    _Words(
        ".mlp.fc1",
        (
            (_FINAL_NORM, "model.final_layernorm"),
            (r"\.attn\.o_proj", ".self_attn.dense"),
        ),
    ),
)


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Hugging Face's names of what the builder stored, by key.

    Reads attributes of attentions and quantized products, and the biases of joined projections.
    """
    if model.producer_name != PRODUCER:
        return {}
    listed = list(tensors)
    modules = {tensor.key: _part(tensor) for tensor in listed}
    words = _dictionary([module for module, _ in modules.values()])
    splits = _splits(model)
    found: dict[Key, list[Naming]] = {}
    for tensor in listed:
        module, leaf = modules[tensor.key]
        if _is_tied(model, tensor, module):
            name = words.translated(_EMBEDDING)
            made = _naming(model, tensor, name, leaf, _turn(model, tensor, module, words))
            found[tensor.key] = [made._replace(aliases=(f"lm_head.{leaf}",))]
        elif module.endswith(_JOINED):
            found[tensor.key] = _projections(model, tensor, module, leaf, words, splits)
        elif module.endswith(_PAIR):
            found[tensor.key] = _gate_and_up(model, tensor, module, leaf, words)
        elif module:
            name = words.translated(module)
            found[tensor.key] = [
                _naming(
                    model,
                    tensor,
                    name,
                    leaf,
                    _turn(model, tensor, module, words),
                )
            ]
    return found


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """What the builder's word says of a tensor: a table of positions or rotations, or a filler
    where the checkpoint has nothing.

    Reads the values of biases that may be fillers.
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
    return None


def _part(tensor: StoredTensor) -> tuple[str, str]:
    """The builder's module and the leaf of a stored tensor; a parameter of its own has no leaf."""
    hops = undo(tensor.name)
    name = hops[-1].base if hops else tensor.name
    match = _PART.fullmatch(name)
    if match is not None:
        return match["module"], match["leaf"]
    is_own = _LAYER.match(name) is not None
    return (name, "") if is_own else ("", "")


def _dictionary(modules: Sequence[str]) -> _Dictionary:
    """The rows for a file: of the dialects whose marks its modules have, then the common ones."""
    fitting = [each for each in _DIALECTS if any(each.mark in module for module in modules)]
    rows = [row for each in (*fitting, _COMMON) for row in each.rows]
    return _Dictionary(
        tuple((re.compile(pattern), word) for pattern, word in rows),
        any(each.has_turned_experts for each in fitting),
    )


def _is_tied(model: Model, tensor: StoredTensor, module: str) -> bool:
    """Whether the head's matrix is also what the embedding looks up."""
    if module != "lm_head":
        return False
    return any(
        consumer.node.name.startswith(f"/{_EMBEDDING.replace('.', '/')}/")
        for consumer in consumers(model, tensor)
    )


def _turn(model: Model, tensor: StoredTensor, module: str, words: _Dictionary) -> Steps:
    """The step to torch's ``[out, in]`` from the matrix of a product, or to that of experts."""
    is_table = module.endswith(("embed_tokens", "embed_positions"))
    shape = logical(model, tensor).shape
    if len(shape) == 3 and ".experts." in module:
        is_as_stored = words.has_turned_experts
        return (Permute((0, 2, 1)),) if is_as_stored else unpaired(model, tensor, shape)
    is_matrix = len(shape) == 2
    return (SWAP,) if is_matrix and not is_table and _is_product(model, tensor) else ()


def _is_product(model: Model, tensor: StoredTensor) -> bool:
    """Whether the rows of a matrix are inputs."""
    for consumer in consumers(model, tensor):
        operator = consumer.operator
        is_joined = operator is not None and operator.kind is Kind.ATTENTION
        if is_joined or (consumer.is_matrix_product and not consumer.is_transposed):
            return True
    return False


def _naming(model: Model, tensor: StoredTensor, module: str, leaf: str, more: Steps) -> Naming:
    """The claim that a stored tensor, after further steps, is a parameter of a module."""
    taken = logical(model, tensor)
    is_computed = module.endswith(".A_log")
    steps = None if taken.steps is None or is_computed else chain(*taken.steps, *more)
    shape = shape_after(taken.shape, more)
    because = f"onnxruntime-genai's builder calls it '{tensor.name}'"
    if leaf == "weight" and "norm" in module.rpartition(".")[2]:
        because += ", and adds 1 to it for families whose norms do"
    if ".experts." in module:  # parameters of their own, without modules
        module, leaf = (f"{module}_bias", "") if leaf == "bias" else (module, "")
    name = f"{module}.{leaf}" if leaf else module
    made = inferred(tensor, name, steps, Evidence.STORED_NAME, because, shape)
    return made if steps is None or more else made._replace(view=taken.view)


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
        elif node.op_type in ("GroupQueryAttention", "Attention", "MultiHeadAttention"):
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
    heads = attributes.get("num_heads")
    of_keys = attributes.get("kv_num_heads", heads)
    if not isinstance(heads, int) or not isinstance(of_keys, int):
        return ()
    return heads, of_keys, of_keys


def _bounds(rows: int, parts: tuple[int, ...]) -> list[tuple[int, int]]:
    """Where each part of the rows begins and ends; none where they cannot be divided so."""
    total = sum(parts)
    if not total or min(parts) <= 0 or rows % total:
        return []
    ends = [sum(parts[: at + 1]) * rows // total for at in range(len(parts))]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _projections(
    model: Model,
    tensor: StoredTensor,
    module: str,
    leaf: str,
    words: _Dictionary,
    splits: Mapping[str, tuple[int, ...]],
) -> list[Naming]:
    """The parts of a joined projection, or all of it where nothing tells the heads; of a bias those
    that do not fill the slot of a projection without one.
    """
    turn = _turn(model, tensor, module, words)
    rows = shape_after(logical(model, tensor).shape, turn)[0]
    bounds = _bounds(rows, splits.get(module, ()))
    if not bounds:
        return [_naming(model, tensor, words.translated(module), leaf, turn)]
    owner = module.removesuffix("qkv_proj")
    parts = zip(_QKV, bounds, strict=True)
    return [
        _naming(
            model, tensor, words.translated(f"{owner}{word}"), leaf, (*turn, Slice(0, (bound,)))
        )
        for word, bound in parts
        if leaf != "bias" or not is_zeros(tensor, *bound)
    ]


def _gate_and_up(
    model: Model,
    tensor: StoredTensor,
    module: str,
    leaf: str,
    words: _Dictionary,
) -> list[Naming]:
    """The halves of a joined gate and its partner, the gate first."""
    turn = _turn(model, tensor, module, words)
    rows = shape_after(logical(model, tensor).shape, turn)[0]
    owner = module.removesuffix("gate_up_proj")
    halves = zip(("gate_proj", "up_proj"), _bounds(rows, (1, 1)), strict=False)
    return [
        _naming(
            model, tensor, words.translated(f"{owner}{word}"), leaf, (*turn, Slice(0, (bound,)))
        )
        for word, bound in halves
    ]
