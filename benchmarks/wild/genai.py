"""Language models as onnxruntime-genai's model builder writes them.

A case is a family: a small model of transformers, drawn at random, saved as users have it on disk.
A variant is one call of the builder on that folder: a precision, an execution provider, options.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wild.workshop import Builder, make, shake, tell

if TYPE_CHECKING:
    import torch

VOCABULARY = 320
_TOKENS: Final = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_SIZES: Final[dict[str, Any]] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 256,
    **_TOKENS,
}
Draw = Callable[[], Any]  # a model with the weights that its class draws
Rewrite = Callable[[dict[str, Any]], dict[str, Any]]  # a state dict, as another format stores it


class Variant(NamedTuple):
    """One call of the builder, and which of the files that it writes is the artifact."""

    precision: str
    provider: str
    options: tuple[str, ...] = ()
    component: str = "model"


@dataclass(frozen=True)
class Family:
    """A model and what the builder is asked to make of it."""

    draw: Draw
    variants: dict[str, Variant]
    dtype: str = "float32"  # of the checkpoint on disk
    patch: dict[str, Any] = field(default_factory=dict)  # as the builder wants the configuration
    rewrite: Rewrite | None = None  # of a checkpoint that is quantized already
    quantization: dict[str, Any] = field(default_factory=dict)  # its part of the configuration
    own: bool = True  # the quantized checkpoint lies beside each artifact
    code: dict[str, str] = field(default_factory=dict)  # files of a model with code of its own


def _draw(kind: str, config: str = "", **values: Any) -> Draw:
    """A causal language model of transformers, by the names of its classes."""

    def build() -> Any:
        import torch
        import transformers

        torch.manual_seed(0)
        name = config or kind.replace("ForCausalLM", "Config")
        return getattr(transformers, kind)(getattr(transformers, name)(**{**_SIZES, **values}))

    return build


def _draw_pair(kind: str, config: str, vision: dict[str, Any], **values: Any) -> Draw:
    """A model of text and images, of which the builder makes the text decoder."""

    def build() -> Any:
        import torch
        import transformers

        torch.manual_seed(0)
        chosen = getattr(transformers, config)(
            text_config={**_SIZES, **values}, vision_config=vision, **_TOKENS
        )
        return getattr(transformers, kind)(chosen)

    return build


def _draw_coded(code: dict[str, str], kind: str) -> Draw:
    """A model whose code lies beside its checkpoint."""

    def build() -> Any:
        import torch

        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as name:
            for file, text in code.items():
                Path(name, file).write_text(text)
            sys.path.insert(0, name)
            module = importlib.import_module(next(iter(code)).removesuffix(".py"))
            sys.path.remove(name)
        model = getattr(module, kind)(module.Config())
        model.config.auto_map = {
            "AutoConfig": f"{module.__name__}.Config",
            "AutoModelForCausalLM": f"{module.__name__}.{kind}",
        }
        return model

    return build


def save(model: Any, folder: Path, family: Family) -> None:
    """The checkpoint folder that the builder reads: weights, configuration, tokenizer."""
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    wrap: Any = PreTrainedTokenizerFast  # not typed by transformers
    model.save_pretrained(folder)
    for file, text in family.code.items():
        (folder / file).write_text(text)
    if family.rewrite:
        weights = folder / "model.safetensors"
        save_file(family.rewrite(load_file(weights)), weights, metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        config["quantization_config"] = family.quantization
        (folder / "config.json").write_text(json.dumps(config))
    words = ["<pad>", "<s>", "</s>", "<unk>"]
    words += [f"word{index}" for index in range(VOCABULARY - len(words))]
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrap(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    ).save_pretrained(folder)


def run_builder(source: Path, family: Family, variant: Variant, target: Path) -> None:
    """One call of the builder; only the ONNX file and its data are kept."""
    builder = importlib.import_module("onnxruntime_genai.models.builder")
    options = ["hf_token=false", *variant.options]
    if family.code:
        options.append("hf_remote=true")
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as cache:
        call = (None, str(source), made, variant.precision, variant.provider, cache)
        with contextlib.redirect_stdout(io.StringIO()):
            extra = builder.parse_extra_options(*call, options)
            for name, value in family.patch.items():
                setattr(extra["hf_details"]["hf_config"], name, copy.deepcopy(value))
            builder.create_model(*call, **extra)
        name = f"{variant.component}.onnx"
        shutil.copy(Path(made, f"{name}.data"), target.parent)
        if family.rewrite and family.own:
            shutil.copy(source / "model.safetensors", target.with_name("ref.safetensors"))
        shutil.copy(Path(made, name), target)


def _build(family: Family) -> Builder:
    def build(folder: Path) -> None:
        import torch

        torch.set_num_threads(1)
        model = family.draw()
        shake(model)
        for name, buffer in model.named_buffers():
            if name.endswith(("layer_scalar", "expert_bias")):
                buffer.copy_(torch.rand(buffer.shape) + 0.5)
        model = model.to(getattr(torch, family.dtype))
        tell(model, folder)
        with tempfile.TemporaryDirectory() as name:
            source = Path(name)
            save(model, source, family)
            if family.rewrite and not family.own:
                shutil.copy(source / "model.safetensors", folder / "ref.safetensors")
            for variant, call in family.variants.items():
                make(folder, variant, partial(run_builder, source, family, call))

    return build


# --- checkpoints that are quantized already ---

_AWQ_ORDER: Final = [0, 2, 4, 6, 1, 3, 5, 7]


def _pack(values: torch.Tensor, order: list[int], kind: torch.dtype) -> torch.Tensor:
    """4-bit values of the last axis, so many to a word, the first of ``order`` lowest."""
    import torch

    words = values.to(torch.int64).reshape(*values.shape[:-1], -1, len(order))
    shifts = torch.arange(len(order)) * 4
    return (words[..., order] << shifts).sum(-1).to(kind)


def _quantize(
    weight: torch.Tensor, groups: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values (out, in), scales and zero points (out, groups); ``groups`` has that of each input."""
    import torch

    count = int(groups.max()) + 1
    members = [weight[:, groups == group].float() for group in range(count)]
    low = torch.stack([part.amin(1) for part in members], 1)
    high = torch.stack([part.amax(1) for part in members], 1)
    scales = ((high - low) / 15).to(torch.float16)
    zeros = (-low / scales.float()).round().clamp(1, 15)
    values = weight.float() / scales.float()[:, groups] + zeros[:, groups]
    return values.round().clamp(0, 15), scales, zeros


def _each_linear(
    state: dict[str, Any], store: Callable[[str, Any], dict[str, Any]]
) -> dict[str, Any]:
    """The state with the matrices of the layers replaced."""
    made: dict[str, Any] = {}
    for name, value in state.items():
        if ".layers." in name and value.dim() == 2:
            made |= store(name.removesuffix(".weight"), value)
        else:
            made[name] = value.clone()
    return {name: value.contiguous() for name, value in made.items()}


def _awq(group: int, words: tuple[str, str, str] = ("qweight", "scales", "qzeros")) -> Rewrite:
    """AutoAWQ's gemm layout; AMD Quark has the same one under other names."""

    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        values, scales, zeros = _quantize(weight, torch.arange(weight.shape[1]) // group)
        packed = [_pack(part.T, _AWQ_ORDER, torch.int32) for part in (values, zeros)]
        parts = (packed[0], scales.T, packed[1])
        return {f"{name}.{word}": part for word, part in zip(words, parts, strict=True)}

    return lambda state: _each_linear(state, store)


def _gptq(group: int, shuffled: bool) -> Rewrite:
    """GPTQ's layout: values packed along the inputs, zero points one less than they are."""

    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        groups = torch.arange(weight.shape[1]) // group
        if shuffled:
            place = zlib.crc32(re.sub("[qkv]_proj|(gate|up)_proj", "", name).encode())
            order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(place))
            groups = groups[order]
        values, scales, zeros = _quantize(weight, groups)
        return {
            f"{name}.qweight": _pack(values, list(range(8)), torch.int32).T,
            f"{name}.qzeros": _pack(zeros.T - 1, list(range(8)), torch.int32),
            f"{name}.scales": scales.T,
            f"{name}.g_idx": groups.to(torch.int32),
        }

    return lambda state: _each_linear(state, store)


def _olive(group: int) -> Rewrite:
    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        values, scales, zeros = _quantize(weight, torch.arange(weight.shape[1]) // group)
        return {
            f"{name}.qweight": _pack(values, [0, 1], torch.uint8),
            f"{name}.scales": scales,
            f"{name}.qzeros": _pack(zeros, [0, 1], torch.uint8),
        }

    return lambda state: _each_linear(state, store)


def _quant_auto(group: int) -> Rewrite:
    """One value an element, in float16; the embedding too."""

    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        values, scales, zeros = _quantize(weight, torch.arange(weight.shape[1]) // group)
        return {
            f"{name}.weight": values.half(),
            f"{name}.scales": scales.reshape(-1, 1),
            f"{name}.zeros": zeros.half().reshape(-1, 1),
        }

    def rewrite(state: dict[str, Any]) -> dict[str, Any]:
        embedding = "model.embed_tokens"
        made = _each_linear(state, store)
        return made | store(embedding, made.pop(f"{embedding}.weight"))

    return rewrite


def _mxfp4(state: dict[str, Any]) -> dict[str, Any]:
    """GPT-OSS's experts: 32 values of 4 bits share an exponent."""
    import torch

    magnitudes = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
    made: dict[str, Any] = {}
    for name, value in state.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            made[name] = value.clone()
            continue
        blocks = value.float().transpose(1, 2).reshape(value.shape[0], value.shape[2], -1, 32)
        exponents = (blocks.abs().amax(-1) / 6).log2().ceil()
        scaled = blocks / exponents.exp2().unsqueeze(-1)
        codes = (scaled.abs().unsqueeze(-1) - magnitudes).abs().argmin(-1)
        codes += 8 * (scaled < 0).long()
        made[f"{name}_blocks"] = _pack(codes, [0, 1], torch.uint8)
        made[f"{name}_scales"] = (exponents + 127).to(torch.uint8)
    return made


# --- models with code of their own: only what a checkpoint needs ---

_CHATGLM: Final = {
    "modeling_chatglm.py": """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


class Config(PretrainedConfig):
    model_type = "chatglm"

    def __init__(self, hidden_size=64, ffn_hidden_size=128, num_layers=2, num_attention_heads=4,
                 multi_query_group_num=2, kv_channels=16, padded_vocab_size=320, seq_length=256,
                 **kwargs):
        self.hidden_size = hidden_size
        self.ffn_hidden_size = ffn_hidden_size
        self.num_layers = self.num_hidden_layers = num_layers
        self.num_attention_heads = num_attention_heads
        self.multi_query_group_num = multi_query_group_num
        self.kv_channels = kv_channels
        self.padded_vocab_size = self.vocab_size = padded_vocab_size
        self.seq_length = seq_length
        self.layernorm_epsilon = 1e-5
        self.tie_word_embeddings = False
        super().__init__(**kwargs)


class RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size + 2 * config.kv_channels * config.multi_query_group_num
        self.query_key_value = nn.Linear(config.hidden_size, size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size, bias=False)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(config.hidden_size, 2 * config.ffn_hidden_size, bias=False)
        self.dense_4h_to_h = nn.Linear(config.ffn_hidden_size, config.hidden_size, bias=False)


class GLMBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size)
        self.self_attention = SelfAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size)
        self.mlp = MLP(config)


class GLMTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList(GLMBlock(config) for _ in range(config.num_layers))
        self.final_layernorm = RMSNorm(config.hidden_size)


class Embedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.padded_vocab_size, config.hidden_size)


class Inner(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embedding = Embedding(config)
        self.encoder = GLMTransformer(config)
        self.output_layer = nn.Linear(config.hidden_size, config.padded_vocab_size, bias=False)


class ChatGLMForConditionalGeneration(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.transformer = Inner(config)
        self.post_init()

    def _init_weights(self, module):
        pass
"""
}
_INTERNLM: Final = {
    "modeling_internlm2.py": """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


class Config(PretrainedConfig):
    model_type = "internlm2"

    def __init__(self, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                 num_attention_heads=4, num_key_value_heads=2, vocab_size=320,
                 max_position_embeddings=256, hidden_act="silu", bias=False, **kwargs):
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.vocab_size = vocab_size
        self.max_position_embeddings = max_position_embeddings
        self.hidden_act = hidden_act
        self.bias = bias
        self.rms_norm_eps = 1e-5
        self.tie_word_embeddings = False
        super().__init__(**kwargs)


class InternLM2RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class InternLM2Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        head = config.hidden_size // config.num_attention_heads
        size = (config.num_attention_heads + 2 * config.num_key_value_heads) * head
        self.wqkv = nn.Linear(config.hidden_size, size, bias=config.bias)
        self.wo = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)


class InternLM2MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.w1 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.w3 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.w2 = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)


class InternLM2DecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = InternLM2Attention(config)
        self.feed_forward = InternLM2MLP(config)
        self.attention_norm = InternLM2RMSNorm(config.hidden_size)
        self.ffn_norm = InternLM2RMSNorm(config.hidden_size)


class InternLM2Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            InternLM2DecoderLayer(config) for _ in range(config.num_hidden_layers)
        )
        self.norm = InternLM2RMSNorm(config.hidden_size)


class InternLM2ForCausalLM(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.model = InternLM2Model(config)
        self.output = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass
"""
}

FP32_CPU: Final = Variant("fp32", "cpu")
FP16_CUDA: Final = Variant("fp16", "cuda")
FP16_DML: Final = Variant("fp16", "dml")
FP16_WEBGPU: Final = Variant("fp16", "webgpu")
FP16_TRT: Final = Variant("fp16", "NvTensorRtRtx")
BF16_CUDA: Final = Variant("bf16", "cuda")


def _int4(provider: str = "cpu", *options: str) -> Variant:
    return Variant("int4", provider, options)


def _int8(provider: str = "cpu", *options: str) -> Variant:
    return Variant("int8", provider, options)


_GEMMA3: Final[dict[str, Any]] = {
    "head_dim": 16,
    "query_pre_attn_scalar": 16,
    "num_hidden_layers": 3,
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
}
_GEMMA3_PATCH: Final[dict[str, Any]] = {  # flat, as transformers 4 had it
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    "rope_local_base_freq": 10000.0,
}
_LONG_ROPE: Final[dict[str, Any]] = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
    "long_factor": [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5],
    "original_max_position_embeddings": 128,
}
_QWEN_VISION: Final[dict[str, Any]] = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 2,
    "out_hidden_size": 64,
    "patch_size": 14,
}
_LINEAR: Final[dict[str, Any]] = {
    "head_dim": 32,
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
}

FAMILIES: Final[dict[str, Family]] = {
    "llama": Family(
        _draw("LlamaForCausalLM", num_hidden_layers=3, head_dim=16),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-cuda": FP16_CUDA,
            "int4-default": _int4(),
            "int4-rtn": _int4("cpu", "algo_config=rtn"),
            "int4-k_quant_mixed": _int4("cpu", "algo_config=k_quant_mixed"),
            "int4-asymmetric-16": _int4("cpu", "block_size=16", "is_symmetric=false"),
        },
    ),
    "llama_scaled": Family(  # rescaled rotary frequencies, tied embeddings
        _draw(
            "LlamaForCausalLM",
            tie_word_embeddings=True,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 128,
            },
        ),
        {
            "fp16-dml": FP16_DML,
            "int4-shared": _int4(),
            "int4-rtn-shared": _int4("cuda", "algo_config=rtn", "is_symmetric=false"),
            "int4-k_quant-shared": _int4("cpu", "algo_config=k_quant"),
            "int4-unshared": _int4("cpu", "shared_embeddings=false"),
        },
        dtype="bfloat16",
    ),
    "mistral": Family(
        _draw("MistralForCausalLM", sliding_window=64),
        {
            "fp32-cpu-unfused": Variant("fp32", "cpu", ("fuse_qkv=false",)),
            "bf16-cuda": BF16_CUDA,
            "int4-qdq": _int4("cpu", "use_qdq=true"),
            "int4-rtn_last": _int4("webgpu", "algo_config=rtn_last"),
            "int4-gather": _int4("cpu", "op_types_to_quantize=MatMul/Gather"),
        },
        dtype="bfloat16",
    ),
    "phi": Family(
        _draw("PhiForCausalLM", num_key_value_heads=4),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-cuda": FP16_CUDA,
            "int4-k_quant": _int4("cpu", "algo_config=k_quant"),
            "int4-qdq-asymmetric": _int4("cpu", "use_qdq=true", "is_symmetric=false"),
            "int8-default": _int8(),
            "int4-mixed": _int4(
                "cuda", "matmul_mixed_precision=last_matmul:int8", "is_symmetric=false"
            ),
        },
    ),
    "phi3": Family(
        _draw("Phi3ForCausalLM", num_key_value_heads=4, original_max_position_embeddings=256),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-trt": FP16_TRT,
            "int4-default": _int4(),
            "int4-k_quant_last": _int4("cuda", "algo_config=k_quant_last"),
            "int4-dml-128": _int4("dml", "block_size=128"),
        },
        dtype="bfloat16",
    ),
    "phi3_long": Family(
        _draw(
            "Phi3ForCausalLM",
            num_key_value_heads=4,
            max_position_embeddings=512,
            original_max_position_embeddings=128,
            rope_parameters=_LONG_ROPE,
        ),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-dml": FP16_DML,
            "int4-rtn": _int4("cuda", "algo_config=rtn", "is_symmetric=false"),
        },
        patch={"rope_parameters": {**_LONG_ROPE, "type": "longrope"}},
    ),
    "gemma": Family(
        _draw("GemmaForCausalLM", head_dim=16),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-cuda": FP16_CUDA,
            "int4-default": _int4(),
            "int4-unshared": _int4("cpu", "shared_embeddings=false", "algo_config=k_quant_last"),
        },
    ),
    "gemma2": Family(
        _draw("Gemma2ForCausalLM", head_dim=16, query_pre_attn_scalar=16),
        {
            "bf16-cuda": BF16_CUDA,
            "int4-bf16": _int4("cuda", "use_cuda_bf16=true"),
            "int4-rtn": _int4("cpu", "algo_config=rtn"),
        },
        dtype="bfloat16",
    ),
    "gemma3": Family(
        _draw("Gemma3ForCausalLM", "Gemma3TextConfig", **_GEMMA3),
        {
            "fp32-cpu": FP32_CPU,
            "bf16-trt": Variant("bf16", "NvTensorRtRtx"),
            "int4-k_quant": _int4("cpu", "algo_config=k_quant", "block_size=16"),
            "int4-fused-norm": _int4("cuda", "algo_config=rtn"),
        },
        patch=_GEMMA3_PATCH,
    ),
    "qwen2": Family(
        _draw("Qwen2ForCausalLM"),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-dml": FP16_DML,
            "int4-default": _int4(),
            "int4-no-embeds": _int4("cpu", "exclude_embeds=true", "algo_config=rtn"),
            "fp16-no-head": Variant("fp16", "cuda", ("exclude_lm_head=true",)),
        },
        dtype="bfloat16",
    ),
    "qwen3": Family(
        _draw("Qwen3ForCausalLM", head_dim=32, tie_word_embeddings=True),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-webgpu": FP16_WEBGPU,
            "int4-k_quant_mixed": _int4("cpu", "algo_config=k_quant_mixed"),
            "int4-gate-up": _int4("cpu", "fuse_mlp_gate_up=true"),
        },
    ),
    "granite": Family(
        _draw("GraniteForCausalLM", attention_bias=True, mlp_bias=True, logits_scaling=4.0),
        {
            "fp32-cpu": FP32_CPU,
            "int4-default": _int4(),
            "int8-k_quant": _int8("cpu", "algo_config=k_quant"),
            "int4-prepacked": _int4("cuda", "matmulnbits_weights_prepacked=1"),
        },
    ),
    "olmo": Family(
        _draw("OlmoForCausalLM"),
        {"fp16-cuda": FP16_CUDA, "int4-asymmetric": _int4("cpu", "is_symmetric=false")},
        dtype="bfloat16",
    ),
    "smollm3": Family(
        _draw("SmolLM3ForCausalLM", num_hidden_layers=3),
        {
            "fp32-cpu": FP32_CPU,
            "int4-default": _int4(),
            "int4-k_quant_last": _int4("cuda", "algo_config=k_quant_last"),
        },
        dtype="bfloat16",
    ),
    "nemotron": Family(
        _draw("NemotronForCausalLM"),
        {"fp32-cpu": FP32_CPU, "int4-rtn": _int4("cpu", "algo_config=rtn")},
    ),
    "gptoss": Family(
        _draw("GptOssForCausalLM", head_dim=16, num_local_experts=4, num_experts_per_tok=2),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-cuda": FP16_CUDA,
            "fp16-dml": FP16_DML,
        },
    ),
    "gptoss_mxfp4": Family(
        _draw("GptOssForCausalLM", head_dim=16, num_local_experts=4, num_experts_per_tok=2),
        {
            "fp32-cpu": FP32_CPU,
            "int4-default": _int4(),
            "int4-rtn-int8-experts": _int4("cpu", "algo_config=rtn", "moe_quant_type=int8"),
            "int4-mxfp4-experts": _int4("cuda", "moe_quant_type=mxfp4"),
        },
        dtype="bfloat16",
        rewrite=_mxfp4,
        own=False,
        quantization={
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
    ),
    "ernie": Family(
        _draw("Ernie4_5ForCausalLM", head_dim=16, use_bias=True),
        {
            "fp32-cpu": FP32_CPU,
            "int4-k_quant": _int4("cpu", "algo_config=k_quant"),
            "int4-trt": _int4("NvTensorRtRtx", "shared_embeddings=false"),
            "int8-cuda": _int8("cuda", "accuracy_level=1"),
        },
    ),
    "hunyuan": Family(
        _draw("HunYuanDenseV1ForCausalLM", head_dim=16),
        {"fp16-cuda": FP16_CUDA, "int4-default": _int4()},
    ),
    "lfm2": Family(
        _draw(
            "Lfm2ForCausalLM",
            layer_types=["conv", "full_attention"],
            block_multiple_of=32,
            tie_word_embeddings=True,
        ),
        {"fp32-cpu": FP32_CPU, "int4-default": _int4()},
        dtype="bfloat16",
    ),
    "lfm2_moe": Family(
        _draw(
            "Lfm2MoeForCausalLM",
            layer_types=["conv", "full_attention"],
            moe_intermediate_size=64,
            num_dense_layers=1,
            num_experts=4,
            num_experts_per_tok=2,
        ),
        {"fp32-cpu": FP32_CPU, "int4-default": _int4()},
    ),
    "granite_hybrid": Family(
        _draw(
            "GraniteMoeHybridForCausalLM",
            layer_types=["attention", "attention"],
            shared_intermediate_size=96,
            num_local_experts=0,
            num_experts_per_tok=0,
            position_embedding_type="rope",
        ),
        {"fp32-cpu": FP32_CPU, "int4-default": _int4()},
    ),
    "mistral3": Family(
        _draw_pair(
            "Mistral3ForConditionalGeneration",
            "Mistral3Config",
            {
                "model_type": "pixtral",
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 28,
                "patch_size": 14,
            },
            model_type="mistral",
            head_dim=16,
        ),
        {"fp16-cuda": FP16_CUDA, "int4-default": _int4()},
        dtype="bfloat16",
    ),
    "qwen2_5_vl": Family(
        _draw_pair(
            "Qwen2_5_VLForConditionalGeneration",
            "Qwen2_5_VLConfig",
            _QWEN_VISION,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 1000000.0,
                "mrope_section": [2, 3, 3],
            },
        ),
        {"fp32-cpu": FP32_CPU, "int4-no-embeds": _int4("cuda", "exclude_embeds=true")},
        dtype="bfloat16",
    ),
    "qwen3_vl": Family(
        _draw_pair(
            "Qwen3VLForConditionalGeneration",
            "Qwen3VLConfig",
            {**_QWEN_VISION, "deepstack_visual_indexes": [0]},
            head_dim=32,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 1000000.0,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
        ),
        {"fp32-cpu": FP32_CPU, "int4-k_quant": _int4("cpu", "algo_config=k_quant")},
    ),
    "qwen3_5": Family(
        _draw_pair("Qwen3_5ForConditionalGeneration", "Qwen3_5Config", _QWEN_VISION, **_LINEAR),
        {
            "fp32-cpu": FP32_CPU,
            "int4-k_quant_linear": _int4("cuda", "algo_config=k_quant_linear"),
        },
    ),
    "qwen3_5_moe": Family(
        _draw_pair(
            "Qwen3_5MoeForConditionalGeneration",
            "Qwen3_5MoeConfig",
            _QWEN_VISION,
            **_LINEAR,
            moe_intermediate_size=64,
            shared_expert_intermediate_size=64,
            num_experts=4,
            num_experts_per_tok=2,
        ),
        {"fp16-cuda": FP16_CUDA, "int4-default": _int4()},
    ),
    "gemma3_vl": Family(
        _draw_pair(
            "Gemma3ForConditionalGeneration",
            "Gemma3Config",
            {
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 28,
                "patch_size": 14,
            },
            **_GEMMA3,
        ),
        {"bf16-cuda": BF16_CUDA, "int4-default": _int4()},
        dtype="bfloat16",
        patch=_GEMMA3_PATCH,
    ),
    "whisper": Family(
        _draw(
            "WhisperForConditionalGeneration",
            "WhisperConfig",
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            num_mel_bins=80,
            max_source_positions=1500,
            max_target_positions=64,
            decoder_start_token_id=1,
        ),
        {
            "fp32-encoder": Variant("fp32", "cpu", (), "encoder"),
            "fp32-decoder": Variant("fp32", "cpu", (), "decoder"),
            "int4-decoder": Variant("int4", "cpu", (), "decoder"),
        },
    ),
    "chatglm": Family(
        _draw_coded(_CHATGLM, "ChatGLMForConditionalGeneration"),
        {"fp32-cpu": FP32_CPU, "int4-default": _int4()},
        dtype="float16",
        code=_CHATGLM,
    ),
    "internlm2": Family(
        _draw_coded(_INTERNLM, "InternLM2ForCausalLM"),
        {"fp32-cpu": FP32_CPU, "int4-default": _int4()},
        dtype="bfloat16",
        code=_INTERNLM,
    ),
    "llama_awq": Family(
        _draw("LlamaForCausalLM"),
        {
            "int4-cpu": _int4(),
            "int4-cuda": _int4("cuda"),
            "int4-qdq": _int4("cpu", "use_qdq=true", "is_symmetric=false"),
        },
        dtype="float16",
        rewrite=_awq(32),
        quantization={
            "quant_method": "awq",
            "bits": 4,
            "group_size": 32,
            "zero_point": True,
            "version": "gemm",
        },
    ),
    "phi3_awq": Family(
        _draw("Phi3ForCausalLM", num_key_value_heads=4, original_max_position_embeddings=256),
        {"int4-cuda": _int4("cuda"), "int4-dml": _int4("dml")},
        dtype="float16",
        rewrite=_awq(16),
        quantization={
            "quant_method": "awq",
            "bits": 4,
            "group_size": 16,
            "zero_point": True,
            "version": "gemm",
        },
    ),
    "qwen2_gptq": Family(
        _draw("Qwen2ForCausalLM"),
        {"int4-cpu": _int4(), "int4-cuda": _int4("cuda", "algo_config=rtn")},
        dtype="float16",
        rewrite=_gptq(32, False),
        quantization={"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False},
    ),
    "qwen2_gptq_order": Family(
        _draw("Qwen2ForCausalLM"),
        {"int4-cpu": _int4(), "int4-unfused": _int4("cuda", "fuse_qkv=false")},
        dtype="float16",
        rewrite=_gptq(16, True),
        quantization={"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": True},
    ),
    "mistral_quark": Family(
        _draw("MistralForCausalLM", sliding_window=None),
        {"int4-cpu": _int4(), "int4-k_quant": _int4("cuda", "algo_config=k_quant")},
        dtype="float16",
        rewrite=_awq(32, ("weight", "weight_scale", "weight_zero_point")),
        quantization={
            "quant_method": "quark",
            "global_quant_config": {"weight": {"dtype": "uint4", "group_size": 32}},
            "layer_quant_config": {},
        },
    ),
    "qwen3_olive": Family(
        _draw("Qwen3ForCausalLM", head_dim=32),
        {"int4-cpu": _int4(), "int4-cuda": _int4("cuda")},
        dtype="float16",
        rewrite=_olive(32),
        quantization={
            "quant_method": "olive",
            "bits": 4,
            "group_size": 32,
            "symmetric": False,
        },
    ),
    "llama_quant_auto": Family(
        _draw("LlamaForCausalLM", tie_word_embeddings=True),
        {"int4-cpu": _int4(), "int4-unshared": _int4("cpu", "shared_embeddings=false")},
        dtype="float16",
        rewrite=_quant_auto(32),
        quantization={"quant_method": "quant_auto"},
    ),
}
OPENED: frozenset[str] = frozenset(
    {
        "phi",
        "phi3_long",
        "gemma3",
        "granite",
        "smollm3",
        "gptoss_mxfp4",
        "ernie",
        "lfm2",
        "lfm2_moe",
        "mistral3",
        "qwen3_vl",
        "qwen3_5",
        "qwen3_5_moe",
        "whisper",
        "chatglm",
        "phi3_awq",
        "qwen2_gptq_order",
        "mistral_quark",
        "llama_quant_auto",
    }
)
CASES: dict[str, Builder] = {name: _build(family) for name, family in FAMILIES.items()}
