"""Small models of any transformers type: its configuration class with small numbers, every tensor
drawn different.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import torch
import transformers
from onnx_params_exporters.inputs import make_inputs
from zoo_cases import distinct

from onnx_params.errors import ExportError

# words of configurations -> a small number; sizes go together, so a level that does not fit is
# tried again with fewer of them
_LAYERS = (
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "encoder_layers",
    "decoder_layers",
    "num_decoder_layers",
)
_DEPTH = {**dict.fromkeys(_LAYERS, 2), "vocab_size": 99}
_WIDTH = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "dim", "projection_dim", "image_size"), 32
    ),
    **dict.fromkeys(
        (
            "intermediate_size",
            "ffn_dim",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
            "d_ff",
            "hidden_dim",
            "n_inner",
        ),
        64,
    ),
    "max_source_positions": 64,
    # as large as real ones are beside what exporters fold: a table under 8 KiB, looked up at fixed
    # places, is gone
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_target_positions"), 512),
    **dict.fromkeys(
        (
            "num_attention_heads",
            "n_head",
            "n_heads",
            "num_heads",
            "encoder_attention_heads",
            "decoder_attention_heads",
        ),
        4,
    ),
    **dict.fromkeys(("num_local_experts", "num_experts", "rotary_dim"), 4),
    "d_kv": 8,
    "embedding_size": 16,
    "moe_intermediate_size": 16,
    "num_mel_bins": 16,
}
_FINE = {"head_dim": 8, "num_key_value_heads": 2, "patch_size": 8}
_LEVELS: Final[tuple[dict[str, int], ...]] = (
    {**_DEPTH, **_WIDTH, **_FINE},
    {**_DEPTH, **_WIDTH},
    _DEPTH,
    {},
)
_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_STAGES = {"hidden_sizes": [16, 32, 32, 64], "depths": [1, 1, 1, 1]}
_SOUND = {"conv_dim": [32] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
_LISTS: Final[dict[str, dict[str, Any]]] = {
    "resnet": _STAGES,
    "convnext": _STAGES,
    "regnet": {**_STAGES, "groups_width": 8},
    "swin": {
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [2, 4],
        "window_size": 2,
        "patch_size": 4,
    },
    "wav2vec2": _SOUND,
    "hubert": _SOUND,
    "audio-spectrogram-transformer": {"max_length": 64, "patch_size": 16},
    "videomae": {"tubelet_size": 2, "num_frames": 4},
}


def tiny(model_type: str) -> transformers.PreTrainedModel:
    """A small model of that type, in eval mode, whose parameters and running statistics are all
    different.
    """
    for level in _LEVELS:
        config = transformers.AutoConfig.for_model(model_type)
        _set(config, {**level, **_TOKENS})
        for name, value in _LISTS.get(model_type, {}).items():
            setattr(config, name, value)
        try:
            torch.manual_seed(0)
            build: Any = transformers.AutoModel.from_config  # not typed by transformers
            model: transformers.PreTrainedModel = build(config).eval()
            make_inputs(model)
        except (
            ExportError,
            ValueError,
            RuntimeError,
            AssertionError,
            TypeError,
            ZeroDivisionError,
            AttributeError,
            KeyError,
            IndexError,
        ):
            if level:
                continue
            raise
        distinct(model)
        return model
    raise AssertionError(model_type)


def _set(config: transformers.PretrainedConfig, values: dict[str, int]) -> None:
    for name, value in values.items():
        if type(getattr(config, name, None)) is int:
            with contextlib.suppress(AttributeError):  # a property that follows from others
                setattr(config, name, value)
    for inner in list(vars(config).values()):
        if isinstance(inner, transformers.PretrainedConfig):
            _set(inner, values)
