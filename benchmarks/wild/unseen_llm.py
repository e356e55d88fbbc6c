"""Families, parts and options of onnxruntime-genai's builder that neither ``genai`` nor
``fresh_llm`` has, all of them held out.

New are a draft head beside a decoder, targets that are configured as a structure, quantized caches,
and models whose code lies beside them.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from wild.genai import (
    _INTERNLM,
    _LINEAR,
    _LONG_ROPE,
    _QWEN_VISION,
    BF16_CUDA,
    FP16_CUDA,
    FP16_DML,
    FP32_CPU,
    Family,
    Variant,
    _draw,
    _draw_coded,
    _draw_pair,
    _int4,
    _int8,
    save,
)
from wild.workshop import Builder, make, shake, tell


class Target(NamedTuple):
    """A call of the builder whose target is a structure: precisions, methods, exceptions."""

    provider: str
    weights: dict[str, Any]
    more: dict[str, Any] = {}


def _run(source: Path, family: Family, call: Variant | Target, target: Path) -> None:
    """One call; what the ONNX file and those that it shares weights with need is kept."""
    builder = importlib.import_module("onnxruntime_genai.models.builder")
    options, structure, part = ["hf_token=false"], {}, "model"
    precision: str | None = None
    if isinstance(call, Variant):
        precision, part = call.precision, call.component
        options += call.options
    else:
        quantized = {"weights": call.weights, **call.more}
        structure = {"builder_config_version": 2, "target_options": {"quant_config": quantized}}
    if family.code:
        options.append("hf_remote=true")
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as cache:
        words = (None, str(source), made, precision, call.provider, cache)
        with contextlib.redirect_stdout(io.StringIO()):
            extra = builder.parse_extra_options(*words, options, **structure)
            for name, value in family.patch.items():
                setattr(extra["hf_details"]["hf_config"], name, copy.deepcopy(value))
            builder.create_model(*words, **extra)
        for path in Path(made).glob("*.data"):
            if part != "model" or path.name == "model.onnx.data":
                shutil.copy(path, target.parent)
        shutil.copy(Path(made, f"{part}.onnx"), target)


def _build(family: Family, **targets: Target) -> Builder:
    def build(folder: Path) -> None:
        import torch

        torch.set_num_threads(1)
        model = shake(family.draw(), sum(map(ord, folder.name))).to(getattr(torch, family.dtype))
        tell(model, folder)
        calls: dict[str, Variant | Target] = {**family.variants, **targets}
        with tempfile.TemporaryDirectory() as name:
            save(model, Path(name), family)
            for variant, call in calls.items():
                make(folder, variant, partial(_run, Path(name), family, call))

    return build


# --- models that transformers has not, or has without their other parts

_PHI_ROPE: Final = repr({**_LONG_ROPE, "type": "longrope"})
_PHI3V: Final = {
    "modeling_phi3_v.py": """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


class Config(PretrainedConfig):
    model_type = "phi3_v"

    def __init__(self, **kwargs):
        self.hidden_size = 64
        self.intermediate_size = 96
        self.num_hidden_layers = 2
        self.num_attention_heads = 4
        self.num_key_value_heads = 2
        self.vocab_size = 320
        self.max_position_embeddings = 512
        self.original_max_position_embeddings = 128
        self.hidden_act = "silu"
        self.rms_norm_eps = 1e-5
        self.sliding_window = None
        self.rope_parameters = ROPE
        super().__init__(**{**kwargs, "tie_word_embeddings": False})


class RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.variance_epsilon = 1e-5


class Phi3Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.qkv_proj = nn.Linear(64, 64 + 2 * 32, bias=False)
        self.o_proj = nn.Linear(64, 64, bias=False)


class Phi3MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_up_proj = nn.Linear(64, 2 * 96, bias=False)
        self.down_proj = nn.Linear(96, 64, bias=False)


class Phi3DecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = Phi3Attention(config)
        self.mlp = Phi3MLP(config)
        self.input_layernorm = RMSNorm(64)
        self.post_attention_layernorm = RMSNorm(64)


class Phi3ImageEmbedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 14, stride=14, bias=False)
        self.img_projection = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 64))
        self.sub_GN = nn.Parameter(torch.zeros(1, 1, 1, 32))


class Phi3VModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(320, 64)
        self.vision_embed_tokens = Phi3ImageEmbedding(config)
        self.layers = nn.ModuleList(Phi3DecoderLayer(config) for _ in range(2))
        self.norm = RMSNorm(64)


class Phi3VForCausalLM(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.model = Phi3VModel(config)
        self.lm_head = nn.Linear(64, 320, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass
""".replace("ROPE", _PHI_ROPE)
}
_BIASED: Final = {
    "modeling_internlm2.py": _INTERNLM["modeling_internlm2.py"].replace(
        "bias=False, **", "bias=True, **"
    )
}


def _videos() -> Any:
    """A decoder with a tower for frames beside it, that the builder leaves out."""
    import torch
    import transformers

    class VideoChatFlashQwenForCausalLM(transformers.Qwen2ForCausalLM):  # type: ignore[no-untyped-call]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.model.mm_projector = torch.nn.Sequential(
                torch.nn.Linear(48, 64), torch.nn.GELU(), torch.nn.Linear(64, 64)
            )
            self.model.frames = torch.nn.Conv3d(3, 48, (2, 8, 8), stride=(2, 8, 8))

    held = _draw("Qwen2ForCausalLM", num_hidden_layers=3, num_key_value_heads=1)()
    return VideoChatFlashQwenForCausalLM(held.config)


def _drafting(tied: bool) -> Any:
    """A decoder, and a head that proposes the tokens after the next one."""
    import torch
    from transformers.models.qwen3_5 import modeling_qwen3_5 as parts

    values = {**_LINEAR, "mtp_num_hidden_layers": 1, "tie_word_embeddings": tied}
    model = _draw_pair("Qwen3_5ForConditionalGeneration", "Qwen3_5Config", _QWEN_VISION, **values)()
    one = copy.deepcopy(model.config.text_config)
    one.layer_types, one.num_hidden_layers = ["full_attention"], 1
    head = torch.nn.Module()
    head.fc = torch.nn.Linear(128, 64, bias=False)
    for name in ("pre_fc_norm_embedding", "pre_fc_norm_hidden", "norm"):
        setattr(head, name, parts.Qwen3_5RMSNorm(64))
    head.layers = torch.nn.ModuleList([parts.Qwen3_5DecoderLayer(one, 0)])
    model.mtp = head
    return model


_PAGED: Final = ("use_paged_attention=true", "paged_block_size=256")
_ROTATED: Final = (*_PAGED, "kv_cache_quant_scheme=int8_per_token", "kv_cache_rotation=hadamard")
_LAST: Final = {"match": {"preset": "last_matmul"}, "type": "int8"}
_MIXED: Final = {"match": {"preset": "mixed_layers"}, "type": "int8"}
_KEPT: Final = {"match": {"name": "/model/layers.0/mlp/down_proj/MatMul"}, "exclude": True}
_SIZES: Final[dict[str, Any]] = {"type": "uint4", "block_size": 32, "method": "k_quant"}

CASES: dict[str, Builder] = {
    "phi3_vision": _build(
        Family(
            _draw_coded(_PHI3V, "Phi3VForCausalLM"),
            {
                "fp32-cpu": FP32_CPU,
                "fp16-no-embeds": Variant("fp16", "cuda", ("exclude_embeds=true",)),
                "int4-rtn": _int4("cpu", "algo_config=rtn", "block_size=16"),
                "int8-unfused": _int8("cuda", "fuse_qkv=false"),
            },
            dtype="bfloat16",
            code=_PHI3V,
        )
    ),
    "videochat": _build(
        Family(
            _videos,
            {
                "fp32-cpu": FP32_CPU,
                "fp16-dml": FP16_DML,
                "int4-no-embeds": _int4("cpu", "exclude_embeds=true", "block_size=16"),
                "int8-gate-up": _int8("cuda", "fuse_mlp_gate_up=true", "is_symmetric=false"),
            },
        ),
        uint4_k_quant=Target("cpu", _SIZES),
    ),
    "qwen3_5_draft": _build(
        Family(
            partial(_drafting, False),
            {
                "fp32-decoder": FP32_CPU,
                "fp32-draft": Variant("fp32", "cpu", (), "mtp"),
                "bf16-draft": Variant("bf16", "cuda", (), "mtp"),
                "int4-draft": Variant("int4", "cpu", ("block_size=16",), "mtp"),
                "int8-decoder-alone": _int8("cuda", "exclude_mtp=true"),
            },
        )
    ),
    "qwen3_5_draft_tied": _build(
        Family(
            partial(_drafting, True),
            {
                "fp16-draft": Variant("fp16", "cuda", (), "mtp"),
                "int4-draft": Variant("int4", "cuda", ("algo_config=rtn",), "mtp"),
                "fp16-delta": Variant("fp16", "cuda", ("linear_attn_op=gated_delta_net",)),
            },
            dtype="bfloat16",
        )
    ),
    "qwen3_cached": _build(
        Family(
            _draw("Qwen3ForCausalLM", head_dim=64, num_hidden_layers=3, attention_bias=True),
            {
                "fp16-rotated": Variant("fp16", "cuda", _ROTATED),
                "bf16-cached": Variant("bf16", "cuda", _ROTATED[:3]),
                "int4-rotated": _int4("cuda", *_ROTATED, "fuse_qkv=false"),
            },
            dtype="float16",
        ),
        int4_excluded=Target("cpu", {"type": "int4", "overrides": [_LAST, _KEPT]}),
    ),
    "smollm3_structured": _build(
        Family(
            _draw(
                "SmolLM3ForCausalLM",
                num_hidden_layers=3,
                num_key_value_heads=1,
                tie_word_embeddings=True,
                attention_bias=True,
                mlp_bias=True,
            ),
            {"fp32-cpu": FP32_CPU, "int8-shared": _int8("cpu", "shared_embeddings=true")},
        ),
        uint4_mixed=Target("cpu", {**_SIZES, "overrides": [_LAST, _MIXED]}),
        int4_gather=Target("cpu", {"type": "int4", "op_types": ["MatMul", "Gather"]}),
        uint8_rtn=Target("cpu", {"type": "uint8", "method": "rtn", "block_size": 16}),
        bf16_plain=Target("cuda", {"type": "none"}, {"io_dtype": "bf16"}),
    ),
    "internlm2_biased": _build(
        Family(
            _draw_coded(_BIASED, "InternLM2ForCausalLM"),
            {
                "fp16-dml": FP16_DML,
                "int4-k_quant": _int4("cpu", "algo_config=k_quant", "is_symmetric=false"),
                "int8-default": _int8(),
            },
            code=_BIASED,
        ),
        uint4_qdq=Target("cpu", {"type": "uint4"}, {"format": {"use_qdq": True}}),
    ),
    "ernie_tied": _build(
        Family(
            _draw(
                "Ernie4_5ForCausalLM", head_dim=32, num_key_value_heads=4, tie_word_embeddings=True
            ),
            {"bf16-cuda": BF16_CUDA, "int4-shared": _int4("cpu", "shared_embeddings=true")},
            dtype="bfloat16",
        ),
        int8_head=Target("cpu", {"type": "int4", "block_size": 16, "overrides": [_LAST]}),
    ),
    "granite_hybrid_scaled": _build(
        Family(
            _draw(
                "GraniteMoeHybridForCausalLM",
                layer_types=["attention"] * 3,
                num_hidden_layers=3,
                shared_intermediate_size=192,
                num_local_experts=0,
                num_experts_per_tok=0,
                position_embedding_type="rope",
                tie_word_embeddings=True,
                embedding_multiplier=6.0,
                residual_multiplier=0.3,
                logits_scaling=3.0,
            ),
            {"fp16-cuda": FP16_CUDA, "int8-rtn": _int8("cpu", "algo_config=rtn")},
        ),
        uint4_k_quant=Target("cpu", _SIZES),
    ),
}
OPENED: frozenset[str] = frozenset(CASES)  # since it was measured first
