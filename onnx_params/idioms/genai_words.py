"""Translate the modules of onnxruntime-genai's builder into those of the checkpoints that it
reads: a row a word, with the words of a family where other words in the file show that it is one.

Sources: onnxruntime-genai 0.18, ``models/builders/base.py`` and the families beside it;
transformers, the modules that they read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

FINAL_NORM: Final = r"model\.layers\.\d+\.final_norm_layernorm"


class Words(NamedTuple):
    """Patterns of modules, and what the checkpoints call them, where the file has a module whose
    name contains ``mark`` and none whose name contains ``without``; whether the checkpoints keep
    matrices of experts as ``[in, out]``, the columns of gates and their partners in pairs; whether
    their norms multiply by ``1 + weight``, which the builder computes.
    """

    mark: str
    rows: tuple[tuple[str, str], ...] = ()
    without: str = ""
    has_turned_experts: bool = False
    adds_one: bool = False

    def is_for(self, modules: Sequence[str]) -> bool:
        """Whether a file with these modules has the words."""
        if self.without and any(self.without in module for module in modules):
            return False
        return any(self.mark in module for module in modules)


class Dictionary(NamedTuple):
    """The rows for one file, compiled."""

    rows: tuple[tuple[re.Pattern[str], str], ...]
    has_turned_experts: bool
    adds_one: bool

    def translated(self, module: str) -> str:
        """The checkpoint's name of a module of the builder's."""
        for pattern, word in self.rows:
            module = pattern.sub(word, module, count=1)
        return module


# the words of all, after those of a dialect
COMMON: Final = Words(
    "",
    (
        (FINAL_NORM, "model.norm"),
        (r"\.attn\.", ".self_attn."),
        (r"\.self_attn\.([qk]_norm)\.layernorm", r".self_attn.\1"),
        (r"\.moe\.", ".mlp."),
        (r"\.linear_attn\.(a|b|z|qkv)_proj", r".linear_attn.in_proj_\1"),
        (r"\.linear_attn\.neg_exp_A", ".linear_attn.A_log"),
    ),
)
DIALECTS: Final = (
    # convolutions between attentions, with norms before both
    Words(
        ".operator_layernorm",
        (
            (FINAL_NORM, "model.embedding_norm"),
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
    Words(
        ".cross_attn_layernorm",
        (
            (FINAL_NORM, "model.decoder.layer_norm"),
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
    Words(
        "encoder.conv1",
        (
            (FINAL_NORM, "model.encoder.layer_norm"),
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
    Words(
        ".shared_expert_gate",
        (
            (r"\.shared_expert_gate", ".mlp.shared_expert_gate"),
            (r"\.mlp\.(gate|up|down)_proj", r".mlp.shared_expert.\1_proj"),
            (r"\.moe\.router", ".mlp.gate"),
        ),
    ),
    # attention that is linear in some layers; its checkpoints have a part that sees
    Words(".linear_attn.z_proj", ((r"^model\.", "model.language_model."),), adds_one=True),
    # embeddings times a number; norms after attention and before the product
    Words("/model/embed_tokens/Mul", adds_one=True),
    Words(".pre_feedforward_layernorm", adds_one=True),
    # a product, a power, a product
    Words(".mlp.up_proj", without=".mlp.gate", adds_one=True),
    # attention to a sink
    Words(".attn.sinks", has_turned_experts=True),
    # two layers without a gate
    Words(
        ".mlp.fc1",
        (
            (FINAL_NORM, "model.final_layernorm"),
            (r"\.attn\.o_proj", ".self_attn.dense"),
        ),
    ),
)


def dictionary(modules: Sequence[str]) -> Dictionary:
    """The rows for a file: of the dialects whose marks its modules have, then the common ones."""
    fitting = [each for each in DIALECTS if each.is_for(modules)]
    rows = [row for each in (*fitting, COMMON) for row in each.rows]
    return Dictionary(
        tuple((re.compile(pattern), word) for pattern, word in rows),
        any(each.has_turned_experts for each in fitting),
        any(each.adds_one for each in fitting),
    )
