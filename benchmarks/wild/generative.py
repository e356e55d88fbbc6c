"""Generative models: diffusers' networks, mixtures of experts, state spaces, speech, and layers
whose weight is computed from other parameters. Few blocks; every weight drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from wild.shipping import declare_operators, every_second, shipped, shown
from wild.workshop import Builder, export_both

torch.set_num_threads(1)
Make = Callable[[Any], nn.Module]  # the library -> a model
Inputs = dict[str, Any]  # a shape to draw, or a tensor

_STEP: Final = torch.tensor([7])
_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_WAVE: Final = (1, 4000)
_DRAW: Final[dict[str, Any]] = {"sample_size": 16, "norm_num_groups": 8, "layers_per_block": 1}
_CROSS: Final[dict[str, Any]] = {
    **_DRAW,
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}
_CODE: Final[dict[str, Any]] = {
    "block_out_channels": (32, 64),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 8,
}
_LATENT: Final[Inputs] = {
    "sample": (1, 4, 16, 16),
    "timestep": _STEP,
    "encoder_hidden_states": (1, 7, 32),
}
_VIDEO: Final[Inputs] = {
    "hidden_states": (1, 4, 2, 8, 8),
    "timestep": _STEP,
    "encoder_hidden_states": (1, 6, 32),
}

# name -> the model of diffusers, its inputs
_DIFFUSERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "unet2d-condition": (
        lambda d: d.UNet2DConditionModel(
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **_CROSS
        ),
        _LATENT,
    ),
    "controlnet": (
        lambda d: d.ControlNetModel(
            conditioning_embedding_out_channels=(16, 32),
            **{name: value for name, value in _CROSS.items() if name != "sample_size"},
        ),
        {**_LATENT, "controlnet_cond": (1, 3, 32, 32)},
    ),
    "unet2d": (
        lambda d: d.UNet2DModel(
            block_out_channels=(32, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=8,
            **_DRAW,
        ),
        {"sample": (1, 3, 16, 16), "timestep": _STEP},
    ),
    "unet1d": (
        lambda d: d.UNet1DModel(
            sample_size=64,
            in_channels=14,
            out_channels=14,
            down_block_types=("DownResnetBlock1D",) * 2,
            up_block_types=("UpResnetBlock1D",),
            mid_block_type="MidResTemporalBlock1D",
            out_block_type="OutConv1DBlock",
            block_out_channels=(32, 64),
            time_embedding_type="positional",
            flip_sin_to_cos=False,
            use_timestep_embedding=True,
            layers_per_block=1,
            act_fn="mish",
        ),
        {"sample": (1, 14, 16), "timestep": _STEP},
    ),
    "unet-stable-cascade": (
        lambda d: d.models.StableCascadeUNet(
            in_channels=4,
            out_channels=4,
            conditioning_dim=64,
            block_out_channels=(32, 64),
            num_attention_heads=(0, 4),
            down_num_layers_per_block=(1, 1),
            up_num_layers_per_block=(1, 1),
            down_blocks_repeat_mappers=(1, 1),
            up_blocks_repeat_mappers=(1, 1),
            block_types_per_layer=(
                ("SDCascadeResBlock", "SDCascadeTimestepBlock"),
                ("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),
            ),
            clip_text_pooled_in_channels=32,
            kernel_size=3,
            self_attn=True,
        ),
        {
            "sample": (1, 4, 16, 16),
            "timestep_ratio": torch.tensor([0.5]),
            "clip_text_pooled": (1, 1, 32),
        },
    ),
    "autoencoder-kl": (
        lambda d: d.AutoencoderKL(latent_channels=4, **_CODE),
        {"sample": (1, 3, 16, 16)},
    ),
    "autoencoder-asymmetric": (
        lambda d: d.AsymmetricAutoencoderKL(
            down_block_out_channels=(32, 64),
            up_block_out_channels=(32, 64),
            layers_per_down_block=1,
            layers_per_up_block=2,
            **{name: value for name, value in _CODE.items() if name != "block_out_channels"},
        ),
        {"sample": (1, 3, 16, 16)},
    ),
    "autoencoder-tiny": (
        lambda d: d.AutoencoderTiny(
            encoder_block_out_channels=(32, 32),
            decoder_block_out_channels=(32, 32),
            num_encoder_blocks=(1, 2),
            num_decoder_blocks=(2, 1),
        ),
        {"sample": (1, 3, 16, 16)},
    ),
    "autoencoder-dc": (
        lambda d: d.AutoencoderDC(
            latent_channels=8,
            attention_head_dim=16,
            encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"),
            encoder_block_out_channels=(32, 64),
            decoder_block_out_channels=(32, 64),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
        ),
        {"sample": (1, 3, 16, 16)},
    ),
    "autoencoder-oobleck": (
        lambda d: d.AutoencoderOobleck(
            encoder_hidden_size=16,
            downsampling_ratios=[2, 4],
            channel_multiples=[1, 2],
            decoder_channels=16,
            decoder_input_channels=8,
        ),
        {"sample": (1, 2, 64)},
    ),
    "vq-model": (
        lambda d: d.VQModel(num_vq_embeddings=64, latent_channels=4, **_CODE),
        {"sample": (1, 3, 16, 16)},
    ),
    "sd3-transformer": (
        lambda d: d.SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=32,
            caption_projection_dim=32,
            pooled_projection_dim=64,
            out_channels=4,
            pos_embed_max_size=96,
            dual_attention_layers=(0,),
            qk_norm="rms_norm",
        ),
        {
            "hidden_states": (1, 4, 16, 16),
            "encoder_hidden_states": (1, 7, 32),
            "pooled_projections": (1, 64),
            "timestep": _STEP,
        },
    ),
    "flux-transformer": (
        lambda d: d.FluxTransformer2DModel(
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=[4, 4, 8],
            guidance_embeds=True,
        ),
        {
            "hidden_states": (1, 16, 4),
            "encoder_hidden_states": (1, 7, 32),
            "pooled_projections": (1, 32),
            "timestep": torch.tensor([0.5]),
            "img_ids": (16, 3),
            "txt_ids": (7, 3),
            "guidance": torch.tensor([3.5]),
        },
    ),
    "pixart-transformer": (
        lambda d: d.PixArtTransformer2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=4,
            in_channels=4,
            cross_attention_dim=32,
            out_channels=8,
            caption_channels=32,
            use_additional_conditions=False,
        ),
        {
            "hidden_states": (1, 4, 8, 8),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": _STEP,
        },
    ),
    "dit-transformer": (
        lambda d: d.DiTTransformer2DModel(
            sample_size=8,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            out_channels=8,
            num_embeds_ada_norm=10,
        ),
        {
            "hidden_states": (1, 4, 8, 8),
            "timestep": _STEP,
            "class_labels": torch.tensor([3]),
        },
    ),
    "auraflow-transformer": (
        lambda d: d.AuraFlowTransformer2DModel(
            sample_size=32,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            joint_attention_dim=32,
            caption_projection_dim=32,
            attention_head_dim=8,
            num_attention_heads=4,
            pos_embed_max_size=256,
        ),
        {
            "hidden_states": (1, 4, 16, 16),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": torch.tensor([0.5]),
        },
    ),
    "sana-transformer": (
        lambda d: d.SanaTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            num_cross_attention_heads=4,
            cross_attention_head_dim=8,
            cross_attention_dim=32,
            caption_channels=32,
            sample_size=16,
        ),
        {
            "hidden_states": (1, 4, 16, 16),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": _STEP,
        },
    ),
    "cogvideox-transformer": (
        lambda d: d.CogVideoXTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=4,
            text_embed_dim=32,
            time_embed_dim=16,
            sample_width=8,
            sample_height=8,
            sample_frames=5,
            max_text_seq_length=6,
        ),
        {
            "hidden_states": (1, 2, 4, 8, 8),
            "encoder_hidden_states": (1, 6, 32),
            "timestep": _STEP,
        },
    ),
    "wan-transformer": (
        lambda d: d.WanTransformer3DModel(
            num_attention_heads=4,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=32,
            freq_dim=64,
            ffn_dim=64,
            num_layers=2,
            rope_max_seq_len=32,
        ),
        _VIDEO,
    ),
    "stable-audio-transformer": (
        lambda d: d.StableAudioDiTModel(
            sample_size=16,
            in_channels=8,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=4,
            num_key_value_attention_heads=2,
            out_channels=8,
            cross_attention_dim=32,
            time_proj_dim=32,
            global_states_input_dim=64,
            cross_attention_input_dim=32,
        ),
        {
            "hidden_states": (1, 8, 16),
            "timestep": torch.tensor([0.5]),
            "encoder_hidden_states": (1, 6, 32),
            "global_hidden_states": (1, 1, 64),
        },
    ),
    "prior-transformer": (
        lambda d: d.PriorTransformer(
            num_attention_heads=4,
            attention_head_dim=8,
            num_layers=2,
            embedding_dim=32,
            num_embeddings=7,
            additional_embeddings=4,
        ),
        {
            "hidden_states": (1, 32),
            "timestep": _STEP,
            "proj_embedding": (1, 32),
            "encoder_hidden_states": (1, 7, 32),
        },
    ),
}

_TEXT: Final[dict[str, Any]] = {
    "vocab_size": 99,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "use_cache": False,
}
_WIDE: Final[dict[str, Any]] = {**_TEXT, "intermediate_size": 96, "max_position_embeddings": 512}
_GROUPED: Final[dict[str, Any]] = {**_WIDE, "num_key_value_heads": 2}
_LOW_RANK: Final[dict[str, Any]] = {
    **_WIDE,
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
    "kv_lora_rank": 16,
    "q_lora_rank": 24,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "v_head_dim": 16,
}
_FEW: Final[dict[str, Any]] = {"num_local_experts": 4, "num_experts_per_tok": 2}
_SPACE: Final[dict[str, Any]] = {
    "mamba_n_heads": 8,
    "mamba_d_head": 16,
    "mamba_d_state": 16,
    "mamba_n_groups": 1,
    "mamba_chunk_size": 8,
}
_SOUND: Final[dict[str, Any]] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": [32] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 32,
}
_TOKENS: Final[Inputs] = {"input_ids": _IDS}
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_HEARD: Final[Inputs] = {"input_values": _WAVE}


def _of(kind: str, **options: Any) -> Make:
    """The model of a class of transformers, with its own configuration class."""

    def make(library: Any) -> nn.Module:
        made = getattr(library, kind)
        model: nn.Module = made(made.config_class(**options))
        choose = getattr(model, "set_experts_implementation", None)
        if choose is not None and getattr(model, "_can_set_experts_implementation", bool)():
            choose("batched_mm")  # the only one that torch's exporters can write
        return model

    return make


# name -> the model of transformers, its inputs
_TRANSFORMERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "olmoe": (_of("OlmoeForCausalLM", **_GROUPED, num_experts=4, num_experts_per_tok=2), _MASKED),
    "qwen3_moe": (
        _of(
            "Qwen3MoeForCausalLM",
            **_GROUPED,
            head_dim=16,
            num_experts=4,
            num_experts_per_tok=2,
            moe_intermediate_size=32,
        ),
        _MASKED,
    ),
    "glm4_moe": (
        _of(
            "Glm4MoeForCausalLM",
            **_GROUPED,
            head_dim=16,
            moe_intermediate_size=32,
            n_routed_experts=4,
            num_experts_per_tok=2,
            n_shared_experts=1,
            first_k_dense_replace=1,
            n_group=1,
            topk_group=1,
        ),
        _MASKED,
    ),
    "deepseek_v3": (_of("DeepseekV3ForCausalLM", **_LOW_RANK), _MASKED),
    "phimoe": (_of("PhimoeForCausalLM", **_GROUPED, **_FEW), _MASKED),
    "granitemoe": (_of("GraniteMoeForCausalLM", **_GROUPED, **_FEW), _MASKED),
    "granitemoeshared": (
        _of("GraniteMoeSharedForCausalLM", **_GROUPED, **_FEW, shared_intermediate_size=48),
        _MASKED,
    ),
    "gpt_oss": (_of("GptOssForCausalLM", **_GROUPED, **_FEW, head_dim=16), _MASKED),
    "jetmoe": (
        _of("JetMoeForCausalLM", **_WIDE, num_key_value_heads=2, kv_channels=16, **_FEW),
        _MASKED,
    ),
    "dbrx": (
        _of(
            "DbrxForCausalLM",
            vocab_size=99,
            d_model=64,
            n_heads=4,
            n_layers=2,
            max_seq_len=64,
            use_cache=False,
            attn_config={"kv_n_heads": 2, "clip_qkv": 8, "rope_theta": 10000.0},
            ffn_config={"ffn_hidden_size": 96, "moe_num_experts": 4, "moe_top_k": 2},
        ),
        _MASKED,
    ),
    "ernie4_5_moe": (
        _of(
            "Ernie4_5_MoeForCausalLM",
            **_GROUPED,
            moe_num_experts=4,
            moe_k=2,
            moe_intermediate_size=32,
            moe_layer_start_index=1,
        ),
        _MASKED,
    ),
    "switch_transformers": (
        _of(
            "SwitchTransformersForConditionalGeneration",
            vocab_size=99,
            d_model=64,
            d_kv=16,
            d_ff=96,
            num_layers=2,
            num_decoder_layers=2,
            num_heads=4,
            num_experts=4,
            num_sparse_encoder_layers=1,
            num_sparse_decoder_layers=1,
            use_cache=False,
        ),
        {"input_ids": _IDS, "decoder_input_ids": _IDS},
    ),
    "mamba2": (
        _of(
            "Mamba2ForCausalLM",
            vocab_size=99,
            hidden_size=64,
            num_hidden_layers=2,
            state_size=16,
            head_dim=16,
            num_heads=8,
            n_groups=1,
            chunk_size=8,
            use_cache=False,
        ),
        _TOKENS,
    ),
    "falcon_mamba": (
        _of(
            "FalconMambaForCausalLM",
            vocab_size=99,
            hidden_size=64,
            num_hidden_layers=2,
            state_size=8,
            use_cache=False,
        ),
        _TOKENS,
    ),
    "rwkv": (
        _of(
            "RwkvForCausalLM",
            vocab_size=99,
            hidden_size=64,
            attention_hidden_size=64,
            num_hidden_layers=2,
            intermediate_size=96,
            context_length=64,
            use_cache=False,
        ),
        _TOKENS,
    ),
    "jamba": (
        _of(
            "JambaForCausalLM",
            **{**_GROUPED, "num_hidden_layers": 4},
            num_experts=4,
            num_experts_per_tok=2,
            attn_layer_period=2,
            attn_layer_offset=1,
            expert_layer_period=2,
            expert_layer_offset=1,
            mamba_d_state=8,
            mamba_dt_rank=4,
            use_mamba_kernels=False,
        ),
        _MASKED,
    ),
    "bamba": (
        _of("BambaForCausalLM", **_GROUPED, **_SPACE, attn_layer_indices=[1]),
        _MASKED,
    ),
    "falcon_h1": (
        _of("FalconH1ForCausalLM", **_GROUPED, **_SPACE, mamba_d_ssm=128, head_dim=16),
        _MASKED,
    ),
    "zamba2": (
        _of(
            "Zamba2ForCausalLM",
            **{**_WIDE, "num_hidden_layers": 4},
            layers_block_type=["mamba", "hybrid", "mamba", "hybrid"],
            hybrid_layer_ids=[1, 3],
            mamba_d_state=16,
            mamba_headdim=16,
            n_mamba_heads=8,
            mamba_ngroups=1,
            chunk_size=8,
            num_mem_blocks=1,
            use_mem_rope=True,
            adapter_rank=8,
            use_shared_attention_adapter=True,
            use_mamba_kernels=False,
        ),
        _MASKED,
    ),
    "recurrent_gemma": (
        _of(
            "RecurrentGemmaForCausalLM",
            **{**_TEXT, "num_hidden_layers": 3},
            intermediate_size=96,
            num_key_value_heads=1,
            lru_width=64,
            attention_window_size=16,
        ),
        _MASKED,
    ),
    "lfm2": (
        _of("Lfm2ForCausalLM", **_GROUPED, layer_types=["conv", "full_attention"], conv_L_cache=3),
        _MASKED,
    ),
    "qwen3_next": (
        _of(
            "Qwen3NextForCausalLM",
            **_GROUPED,
            head_dim=16,
            linear_num_key_heads=2,
            linear_num_value_heads=4,
            linear_key_head_dim=16,
            linear_value_head_dim=16,
            layer_types=["linear_attention", "full_attention"],
            num_experts=4,
            num_experts_per_tok=2,
            moe_intermediate_size=32,
            shared_expert_intermediate_size=32,
        ),
        _MASKED,
    ),
    "xlstm": (
        _of(
            "xLSTMForCausalLM",
            vocab_size=99,
            hidden_size=64,
            num_hidden_layers=2,
            num_blocks=2,
            num_heads=4,
            chunkwise_kernel="chunkwise--native_autograd",
            sequence_kernel="native_sequence__native",
            step_kernel="native",
            mode="inference",
            use_cache=False,
        ),
        _TOKENS,
    ),
    "wav2vec2_conformer": (
        _of("Wav2Vec2ConformerForCTC", **_SOUND, position_embeddings_type="relative"),
        _HEARD,
    ),
    "wavlm": (_of("WavLMForCTC", **_SOUND, do_stable_layer_norm=False), _HEARD),
    "unispeech_sat": (
        _of(
            "UniSpeechSatForXVector", **_SOUND, tdnn_dim=[32, 32, 32, 32, 48], xvector_output_dim=32
        ),
        {"input_values": (1, 16000)},
    ),
    "data2vec-audio": (
        _of("Data2VecAudioForCTC", **{**_SOUND, "num_conv_pos_embeddings": 2}),
        _HEARD,
    ),
    "sew": (_of("SEWForCTC", **{**_SOUND, "conv_dim": [32] * 13}), _HEARD),
    "wav2vec2_bert": (
        _of(
            "Wav2Vec2BertForCTC",
            vocab_size=32,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=96,
            feature_projection_input_dim=32,
        ),
        {"input_features": (1, 20, 32)},
    ),
    "encodec": (
        _of("EncodecModel", num_filters=8, hidden_size=32, codebook_size=64, codebook_dim=32),
        {"input_values": (1, 1, 3200)},
    ),
    "dac": (
        _of(
            "DacModel",
            encoder_hidden_size=16,
            downsampling_ratios=[2, 4],
            decoder_hidden_size=64,
            n_codebooks=2,
            codebook_size=64,
        ),
        {"input_values": (1, 1, 512)},
    ),
    "vits": (
        _of(
            "VitsModel",
            vocab_size=48,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            ffn_dim=64,
            flow_size=32,
            spectrogram_bins=16,
            upsample_initial_channel=32,
            upsample_rates=[4, 2],
            upsample_kernel_sizes=[8, 4],
            prior_encoder_num_flows=2,
            prior_encoder_num_wavenet_layers=2,
            use_stochastic_duration_prediction=False,
        ),
        _TOKENS,
    ),
    "speecht5-hifigan": (
        _of(
            "SpeechT5HifiGan",
            model_in_dim=16,
            upsample_initial_channel=64,
            upsample_rates=[4, 2],
            upsample_kernel_sizes=[8, 4],
        ),
        {"spectrogram": (20, 16)},
    ),
    "speecht5": (
        _of(
            "SpeechT5ForTextToSpeech",
            vocab_size=81,
            hidden_size=64,
            encoder_layers=2,
            encoder_attention_heads=4,
            encoder_ffn_dim=96,
            decoder_layers=2,
            decoder_attention_heads=4,
            decoder_ffn_dim=96,
            speech_decoder_prenet_units=32,
            speech_decoder_postnet_units=32,
            speaker_embedding_dim=32,
            num_mel_bins=20,
            use_cache=False,
        ),
        {
            "input_ids": _IDS,
            "decoder_input_values": (1, 10, 20),
            "speaker_embeddings": (1, 32),
        },
    ),
    "fastspeech2_conformer": (
        _of(
            "FastSpeech2ConformerModel",
            vocab_size=78,
            hidden_size=64,
            num_mel_bins=20,
            encoder_layers=2,
            decoder_layers=2,
            encoder_linear_units=96,
            decoder_linear_units=96,
            speech_decoder_postnet_units=32,
            duration_predictor_channels=32,
            energy_predictor_channels=32,
            pitch_predictor_channels=32,
        ),
        _TOKENS,
    ),
    "univnet": (
        _of(
            "UnivNetModel",
            model_in_channels=16,
            model_hidden_channels=16,
            num_mel_bins=20,
            kernel_predictor_hidden_channels=16,
            resblock_stride_sizes=[4, 2, 2],
        ),
        {"input_features": (1, 12, 20), "noise_sequence": (1, 12, 16)},
    ),
    "musicgen": (
        _of(
            "MusicgenForCausalLM",
            vocab_size=99,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            ffn_dim=96,
            num_codebooks=2,
            use_cache=False,
        ),
        {"input_ids": _IDS.repeat(2, 1)},
    ),
    "moonshine": (
        _of(
            "MoonshineForConditionalGeneration",
            vocab_size=99,
            hidden_size=64,
            intermediate_size=96,
            encoder_num_hidden_layers=2,
            decoder_num_hidden_layers=2,
            encoder_num_attention_heads=4,
            decoder_num_attention_heads=4,
            use_cache=False,
        ),
        {"input_values": _WAVE, "decoder_input_ids": _IDS},
    ),
    "seamless_m4t_v2": (
        _of(
            "SeamlessM4Tv2ForTextToText",
            vocab_size=99,
            hidden_size=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_ffn_dim=96,
            decoder_ffn_dim=96,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            max_position_embeddings=128,
            use_cache=False,
        ),
        {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS), "decoder_input_ids": _IDS},
    ),
    "speech_to_text": (
        _of(
            "Speech2TextForConditionalGeneration",
            vocab_size=99,
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=96,
            decoder_ffn_dim=96,
            conv_channels=32,
            input_feat_per_channel=20,
            use_cache=False,
        ),
        {"input_features": (1, 32, 20), "decoder_input_ids": _IDS},
    ),
}


def _wav2vec2(library: Any) -> nn.Module:
    model: nn.Module = library.wav2vec2_model(
        extractor_mode="group_norm",
        extractor_conv_layer_config=[(32, 10, 5), (32, 3, 2), (32, 3, 2), (32, 2, 2)],
        extractor_conv_bias=False,
        encoder_embed_dim=64,
        encoder_projection_dropout=0.0,
        encoder_pos_conv_kernel=8,
        encoder_pos_conv_groups=4,
        encoder_num_layers=2,
        encoder_num_heads=4,
        encoder_attention_dropout=0.0,
        encoder_ff_interm_features=96,
        encoder_ff_interm_dropout=0.0,
        encoder_dropout=0.0,
        encoder_layer_norm_first=False,
        encoder_layer_drop=0.0,
        aux_num_out=None,
    )
    return model


_LONG: Final = torch.tensor([24])
# name -> the model of torchaudio.models, its inputs
_TORCHAUDIO: Final[dict[str, tuple[Make, Inputs]]] = {
    "conformer": (
        lambda a: a.Conformer(32, 4, 64, 2, 7),
        {"input": (1, 24, 32), "lengths": _LONG},
    ),
    "conv-tasnet": (
        lambda a: a.ConvTasNet(2, 16, 32, 3, 32, 48, 2, 1),
        {"input": (1, 1, 400)},
    ),
    "wav2vec2": (lambda a: _wav2vec2(a), {"waveforms": _WAVE}),
    "squim-objective": (
        lambda a: a.squim_objective_model(32, 64, 32, 4, 48, 1, "LSTM", 16),
        {"x": (1, 1600)},
    ),
    "wavernn": (
        lambda a: a.WaveRNN(
            [2, 2, 3],
            16,
            12,
            n_res_block=2,
            n_rnn=32,
            n_fc=32,
            n_freq=16,
            n_hidden=16,
            n_output=16,
        ),
        {"waveform": (1, 1, 72), "specgram": (1, 1, 16, 10)},
    ),
    "emformer": (
        lambda a: a.Emformer(32, 4, 64, 2, 4, right_context_length=1),
        {"input": (1, 9, 32), "lengths": torch.tensor([9])},
    ),
    "deepspeech": (lambda a: a.DeepSpeech(20, 48, 30), {"x": (1, 1, 12, 20)}),
}


class _Sum(nn.Module):
    """A parametrization: a low rank added to a weight."""

    def __init__(self, out: int, width: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.zeros(4, width))
        self.up = nn.Parameter(torch.zeros(out, 4))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.up @ self.down


def _discriminator(norm: Callable[[nn.Module], nn.Module]) -> nn.Module:
    return nn.Sequential(
        norm(nn.Conv2d(3, 16, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        norm(nn.Conv2d(16, 32, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        norm(nn.Linear(32 * 16, 24)),
        nn.LeakyReLU(0.2),
        norm(nn.Linear(24, 4)),
    )


def _vocoder(norm: Callable[[nn.Module], nn.Module]) -> nn.Module:
    return nn.Sequential(
        norm(nn.Conv1d(12, 24, 7, padding=3)),
        nn.LeakyReLU(0.1),
        nn.ConvTranspose1d(24, 16, 4, 2, 1),
        norm(nn.Conv1d(16, 16, 3, padding=2, dilation=2)),
        nn.LeakyReLU(0.1),
        norm(nn.Conv1d(16, 1, 7, padding=3)),
        nn.Tanh(),
    )


class _Mirror(nn.Module):
    """A parametrization: the upper half of a square weight on both sides."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.triu() + weight.triu(1).mT


def _symmetric(n: Any) -> nn.Module:
    made = nn.Sequential(nn.Linear(32, 32), nn.Softplus(), nn.Linear(32, 32), nn.Linear(32, 8))
    for at in (0, 2):
        n.parametrize.register_parametrization(made[at], "weight", _Mirror())
    return made


def _low_rank(n: Any) -> nn.Module:
    made = nn.Sequential(nn.Linear(32, 48), nn.GELU(), nn.Linear(48, 24), nn.LayerNorm(24))
    for at in (0, 2):
        layer: Any = made[at]
        n.parametrize.register_parametrization(layer, "weight", _Sum(*layer.weight.shape))
    return made


_FRAMES: Final[Inputs] = {"input": (1, 12, 16)}
_IMAGE: Final[Inputs] = {"input": (1, 3, 16, 16)}
# name -> the model, given torch.nn.utils; its inputs
_NORMS: Final[dict[str, tuple[Make, Inputs]]] = {
    "weight-norm-hooks": (lambda n: _vocoder(n.weight_norm), _FRAMES),
    "weight-norm-parametrized": (lambda n: _vocoder(n.parametrizations.weight_norm), _FRAMES),
    "spectral-norm-hooks": (lambda n: _discriminator(n.spectral_norm), _IMAGE),
    "spectral-norm-parametrized": (
        lambda n: _discriminator(n.parametrizations.spectral_norm),
        _IMAGE,
    ),
    "symmetric-parametrized": (_symmetric, {"input": (2, 32)}),
    "low-rank-parametrized": (_low_rank, {"input": (2, 32)}),
}


def _build(library: str, make: Make, inputs: Inputs, folder: Path) -> None:
    declare_operators()
    torch.manual_seed(0)
    model = make(import_module(library)).eval()
    values = tuple(
        torch.randn(value) if isinstance(value, tuple) else value for value in inputs.values()
    )
    if library != "torch.nn.utils":
        shown(model, list(inputs))
    export_both(model, values, folder)


_BUILDERS: Final[dict[str, Builder]] = {
    f"{word}-{name}": partial(_build, library, *told)
    for word, library, table in (
        ("diffusers", "diffusers", _DIFFUSERS),
        ("transformers", "transformers", _TRANSFORMERS),
        ("torchaudio", "torchaudio.models", _TORCHAUDIO),
        ("norm", "torch.nn.utils", _NORMS),
    )
    for name, told in table.items()
}
CASES: Final[dict[str, Builder]] = shipped(_BUILDERS)
OPENED: Final[frozenset[str]] = every_second(CASES)
