"""What ``fresh_llm`` has beside families: quantized checkpoints in other layouts than those of
``genai``, and models that transformers has no class for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wild.genai import _SIZES, Rewrite, _draw_pair, _each_linear, _pack

if TYPE_CHECKING:
    import torch

# --- checkpoints that are quantized already


def codes(
    weight: torch.Tensor, group: int, bits: int, symmetric: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values (out, in), scales and zero points (out, groups) of so many bits."""
    import torch

    blocks = weight.float().reshape(weight.shape[0], -1, group)
    top = 2**bits - 1
    low, high = blocks.amin(-1).clamp(max=0), blocks.amax(-1).clamp(min=0)
    if symmetric:
        scales = (2 * blocks.abs().amax(-1) / top).half()
        zeros = torch.full_like(scales, 2 ** (bits - 1)).float()
    else:
        scales = ((high - low) / top).half()
        zeros = (-low / scales.float()).round().clamp(1, top)
    values = (blocks / scales.float().unsqueeze(-1) + zeros.unsqueeze(-1)).round().clamp(0, top)
    return values.reshape(weight.shape), scales, zeros


def words(values: torch.Tensor, bits: int, kind: torch.dtype) -> torch.Tensor:
    """Values of the last axis packed into words, the first of them lowest."""
    import torch

    count = torch.iinfo(kind).bits // bits
    parts = values.to(torch.int64).reshape(*values.shape[:-1], -1, count)
    return (parts << (torch.arange(count) * bits)).sum(-1).to(kind)


def gptq(
    group: int,
    bits: int = 4,
    symmetric: bool = False,
    head: bool = False,
    wider: tuple[str, ...] = (),
) -> Rewrite:
    """GPTQ's layout; the head too, or 8 bits for those layers whose names have such a word."""

    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        wide = 8 if any(word in name for word in wider) else bits
        size = weight.shape[1] if group == -1 else group
        values, scales, zeros = codes(weight, size, wide, symmetric)
        return {
            f"{name}.qweight": words(values, wide, torch.int32).T,
            f"{name}.qzeros": words(zeros.T - 1, wide, torch.int32),
            f"{name}.scales": scales.T,
            f"{name}.g_idx": (torch.arange(weight.shape[1]) // size).to(torch.int32),
        }

    def rewrite(state: dict[str, Any]) -> dict[str, Any]:
        made = _each_linear(state, store)
        if head:
            made |= store("lm_head", made.pop("lm_head.weight"))
        return {name: value.contiguous() for name, value in made.items()}

    return rewrite


def olive(group: int, bits: int, symmetric: bool = False) -> Rewrite:
    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        values, scales, zeros = codes(weight, group, bits, symmetric)
        made = {
            f"{name}.qweight": words(values, bits, torch.uint8),
            f"{name}.scales": scales,
        }
        if not symmetric:
            made[f"{name}.qzeros"] = words(zeros, bits, torch.uint8)
        return made

    return lambda state: _each_linear(state, store)


def wanted(name: str) -> bool:
    """Whether Model Optimizer quantizes a layer: not gates, nor what sees images."""
    return name.startswith("model.language") and not name.endswith(("in_proj_a", "in_proj_b"))


def nvfp4(packed: bool) -> Rewrite:
    """Model Optimizer's 4-bit floats, 16 to a scale in E4M3; packed: as compressed-tensors names
    them, with the inverse of the scale of all, and only layers of an MLP.
    """

    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        if not wanted(name) or (packed and ".mlp." not in name):
            return {f"{name}.weight": weight.clone()}
        magnitudes = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
        blocks = weight.float().reshape(weight.shape[0], -1, 16)
        whole = blocks.abs().amax() / (6 * 448)
        scales = (blocks.abs().amax(-1) / 6 / whole).to(torch.float8_e4m3fn)
        scaled = blocks / (scales.float() * whole).unsqueeze(-1)
        codes = (scaled.abs().unsqueeze(-1) - magnitudes).abs().argmin(-1)
        codes = (codes + 8 * (scaled < 0).long()).reshape(weight.shape)
        stored = _pack(codes, [0, 1], torch.uint8)
        if packed:
            return {
                f"{name}.weight_packed": stored,
                f"{name}.weight_scale": scales,
                f"{name}.weight_global_scale": 1 / whole.reshape(1),
            }
        return {
            f"{name}.weight": stored,
            f"{name}.weight_scale": scales,
            f"{name}.weight_scale_2": whole,
        }

    return lambda state: _each_linear(state, store)


def fp8(channels: bool) -> Rewrite:
    def store(name: str, weight: torch.Tensor) -> dict[str, Any]:
        import torch

        if not wanted(name):
            return {f"{name}.weight": weight.clone()}
        held = weight.float()
        top = held.abs().amax(1, keepdim=True) if channels else held.abs().amax()
        scale = top / 448
        return {
            f"{name}.weight": (held / scale).to(torch.float8_e4m3fn),
            f"{name}.weight_scale": scale,
        }

    return lambda state: _each_linear(state, store)


# --- models that transformers has not, and how they are saved

PHI3_SMALL: Final = {
    "modeling_phi3_small.py": """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


class Config(PretrainedConfig):
    model_type = "phi3small"

    def __init__(self, **kwargs):
        self.hidden_size = 64
        self.intermediate_size = self.ff_intermediate_size = 128
        self.num_hidden_layers = 2
        self.num_attention_heads = 4
        self.num_key_value_heads = 2
        self.vocab_size = 320
        self.max_position_embeddings = self.original_max_position_embeddings = 256
        self.hidden_act = "gegelu"
        self.gegelu_limit = 20.0
        self.layer_norm_epsilon = 1e-5
        self.mup_embedding_multiplier = 10.0
        self.mup_width_multiplier = 8.0
        self.mup_use_scaling = True
        self.mup_attn_multiplier = 1.0
        self.blocksparse_block_size = 64
        self.blocksparse_triton_kernel_block_size = 64
        self.blocksparse_num_local_blocks = 2
        self.blocksparse_vert_stride = 2
        self.blocksparse_homo_head_pattern = False
        self.dense_attention_every_n_layers = 2
        self.rope_parameters = {"rope_type": "default", "rope_theta": 1000000.0}
        self.rope_theta = 1000000.0
        self.dummy_token_indices = [310, 311]
        super().__init__(**{**kwargs, "tie_word_embeddings": False})


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size // config.num_attention_heads
        heads = config.num_attention_heads + 2 * config.num_key_value_heads
        self.query_key_value = nn.Linear(config.hidden_size, heads * size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, 2 * config.intermediate_size)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size)


class Phi3SmallDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = nn.LayerNorm(config.hidden_size)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size)


class Phi3SmallModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            Phi3SmallDecoderLayer(config) for _ in range(config.num_hidden_layers)
        )
        self.final_layernorm = nn.LayerNorm(config.hidden_size)


class Phi3SmallForCausalLM(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.model = Phi3SmallModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass
"""
}


def lfm2_audio() -> Any:
    """A decoder beside the parts of a model of sound, that transformers has no class for."""
    import torch
    import transformers
    from safetensors.torch import save_file

    inner: dict[str, Any] = {
        **_SIZES,
        "layer_types": ["conv", "full_attention", "conv"],
        "num_hidden_layers": 3,
        "block_multiple_of": 32,
        "tie_word_embeddings": True,
    }

    class Audio(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lfm = transformers.Lfm2Model(transformers.Lfm2Config(**inner))
            self.conformer = torch.nn.Sequential(torch.nn.Linear(80, 32), torch.nn.Linear(32, 48))
            self.audio_embedding = torch.nn.Embedding(130, 64)

        def save_pretrained(self, folder: Path) -> None:
            state = {name: value.contiguous() for name, value in self.state_dict().items()}
            save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
            config = {"architectures": ["Lfm2AudioForConditionalGeneration"], "lfm": inner}
            (folder / "config.json").write_text(json.dumps(config))

    torch.manual_seed(0)
    return Audio()


def draw_gemma4(kind: str, vision: Any, **values: Any) -> Any:
    rope = {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        "full_attention": {
            "rope_type": "proportional",
            "partial_rotary_factor": 0.25,
            "rope_theta": 1000000.0,
        },
    }
    return _draw_pair(
        f"{kind}ForConditionalGeneration",
        f"{kind}Config",
        vision,
        num_hidden_layers=3,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        head_dim=16,
        global_head_dim=16,
        num_global_key_value_heads=2,
        attention_k_eq_v=True,
        rope_parameters=rope,
        tie_word_embeddings=True,
        **values,
    )
