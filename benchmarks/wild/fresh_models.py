"""Models that no other kind has, all of them held out: timm's, transformers', diffusers',
torchvision's and torchaudio's. Small variants or few blocks; every weight drawn.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from wild.shipping import shipped
from wild.tables import Inputs, Make, Table, builders, made, parsed
from wild.workshop import Builder

torch.set_num_threads(1)

_STEP: Final = torch.tensor([7])
_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_TOKENS: Final[Inputs] = {"input_ids": _IDS}
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 64, 64)}


def _of(text: str, backbone: str = "", **options: Any) -> Make:
    """The model of a class of transformers, with its own configuration class."""
    kind, *rest = text.split()

    def make(library: Any) -> nn.Module:
        given = {**parsed(" ".join(rest)), **options}
        if backbone:
            given["backbone_config"] = made(backbone)(library)
        architecture = getattr(library, kind)
        model: nn.Module = architecture(architecture.config_class(**given))
        choose = getattr(model, "set_experts_implementation", None)
        if choose is not None and getattr(model, "_can_set_experts_implementation", bool)():
            choose("batched_mm")  # the only one that torch's exporters can write
        return model

    return make


def _convformer(library: Any) -> nn.Module:
    kinds: Any = library.models.metaformer
    model: nn.Module = kinds.MetaFormer(
        num_classes=10,
        depths=(1, 1, 1, 1),
        dims=(32, 64, 96, 128),
        token_mixers=kinds.SepConv,
        norm_layers=kinds.LayerNorm2dNoBias,
    )
    return model


# name -> the model of timm: the side of its input, options
_TIMM_OPTIONS: Final[dict[str, tuple[int, str]]] = {
    "coatnext_nano_rw_224": (64, "img_size=64 embed_dim=(64,64,128,128) depths=(1,1,1,1)"),
    "csatv2": (256, "dims=(16,32,64,96) depths=(1,1,2,2) transformer_depths=(1,1,1,1)"),
    "cspnext_tiny": (64, ""),
    "deepseek_vit_412m": (84, "img_size=84 embed_dim=64 depth=2 num_heads=4"),
    "densenetblur121d": (64, "block_config=(2,2,2,2)"),
    "efficientnet_cc_b0_4e": (64, ""),
    "fbnetv3_b": (64, ""),
    "gemma4_vit_167m": (
        96,
        "img_size=96 embed_dim=64 depth=2 num_heads=4 head_dim=16 intermediate_size=96 "
        "position_embedding_size=48",
    ),
    "ghostnetv3_050": (64, ""),
    "haloregnetz_b": (224, ""),
    "hrnet_w18_small": (64, ""),
    "lcnetv2_small": (64, ""),
    "levit_conv_128s": (224, ""),
    "lowformer_b0": (64, ""),
}
_TIMM: Final[dict[str, tuple[Make, Inputs]]] = {
    "convformer": (_convformer, {"x": (1, 3, 64, 64)}),
    **{
        name: (
            made(f"create_model model_name='{name}' pretrained=False num_classes=10 {options}"),
            {"x": (1, 3, side, side)},
        )
        for name, (side, options) in _TIMM_OPTIONS.items()
    },
}

_SIZES: Final = "hidden_size=64 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96"
_TEXT: Final = f"{_SIZES} vocab_size=99"
_DECODE: Final = f"{_TEXT} num_key_value_heads=2 max_position_embeddings=64 use_cache=False"
_SMALL: Final = "hidden_size=32 num_hidden_layers=2 num_attention_heads=4 intermediate_size=48"
_PAIR: Final = f"{_SMALL} vocab_size=99"

# name -> the model of transformers, its inputs
_TRANSFORMERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "funnel": (
        _of("""
            FunnelForMaskedLM vocab_size=99 block_sizes=[1,1] num_decoder_layers=1 d_model=64
            n_head=4 d_head=16 d_inner=96
        """),
        _MASKED,
    ),
    "perceiver": (
        _of("""
            PerceiverForMaskedLM vocab_size=99 num_latents=8 d_latents=64 d_model=48
            num_self_attends_per_block=2 num_self_attention_heads=4 num_cross_attention_heads=4
            qk_channels=32 v_channels=64 max_position_embeddings=8
        """),
        {"inputs": _IDS},
    ),
    "mobilebert": (
        _of(f"""
            MobileBertForMaskedLM embedding_size=32 intra_bottleneck_size=32
            num_feedforward_networks=2 {_TEXT}
        """),
        _MASKED,
    ),
    "convbert": (_of(f"ConvBertForMaskedLM {_TEXT} embedding_size=32 pad_token_id=0"), _MASKED),
    "longt5": (
        _of("""
            LongT5ForConditionalGeneration vocab_size=99 d_model=64 d_kv=16 d_ff=96 num_layers=2
            num_heads=4 local_radius=3 global_block_size=2 encoder_attention_type='transient-global'
            feed_forward_proj='gated-gelu' use_cache=False
        """),
        {"input_ids": _IDS, "decoder_input_ids": _IDS},
    ),
    "diffllama": (_of(f"DiffLlamaForCausalLM {_DECODE}"), _MASKED),
    "minimax": (
        _of(f"""
            MiniMaxForCausalLM head_dim=16 num_local_experts=4 num_experts_per_tok=2
            layer_types=['linear_attention','full_attention'] block_size=4 {_DECODE}
        """),
        _MASKED,
    ),
    "nemotron_h": (
        _of(f"""
            NemotronHForCausalLM head_dim=16
            layers_block_type=['linear_attention','moe','full_attention','mlp'] ssm_state_size=16
            mamba_num_heads=8 mamba_head_dim=16 n_groups=1 chunk_size=8 n_routed_experts=4
            moe_intermediate_size=32 moe_shared_expert_intermediate_size=32 {_DECODE}
        """),
        _MASKED,
    ),
    "patchtst": (
        _of("""
            PatchTSTForPrediction num_input_channels=3 context_length=32 patch_length=4
            patch_stride=4 num_hidden_layers=2 d_model=32 ffn_dim=48 prediction_length=8
            use_cls_token=True channel_attention=True
        """),
        {"past_values": (1, 32, 3)},
    ),
    "time_series_transformer": (
        _of("""
            TimeSeriesTransformerModel prediction_length=6 context_length=12
            num_time_features=2 d_model=32 encoder_ffn_dim=48 decoder_ffn_dim=48 use_cache=False
        """),
        {
            "past_values": (1, 19),
            "past_time_features": (1, 19, 2),
            "past_observed_mask": torch.ones(1, 19),
            "future_values": (1, 6),
            "future_time_features": (1, 6, 2),
        },
    ),
    "clap": (
        _of(
            "ClapModel projection_dim=24",
            text_config=parsed(f"{_PAIR} max_position_embeddings=32"),
            audio_config=parsed("""
                window_size=4 num_mel_bins=16 spec_size=64 hidden_size=32
                patch_embeds_hidden_size=16 depths=[1,1] num_attention_heads=[2,2]
                num_hidden_layers=2
            """),
        ),
        {"input_ids": _IDS, "input_features": (1, 1, 256, 16)},
    ),
    "parakeet": (
        _of(
            "ParakeetForCTC vocab_size=32 pad_token_id=31",
            encoder_config=parsed(f"{_SIZES} subsampling_conv_channels=16 num_mel_bins=16"),
        ),
        {"input_features": (1, 64, 16)},
    ),
    "mgp_str": (
        _of("""
            MgpstrForSceneTextRecognition image_size=[16,64] patch_size=4 hidden_size=64
            num_hidden_layers=2 num_attention_heads=4 max_token_length=9 num_character_labels=20
            num_bpe_labels=48 num_wordpiece_labels=40
        """),
        {"pixel_values": (1, 3, 16, 64)},
    ),
    "xlnet": (
        _of("""
            XLNetLMHeadModel vocab_size=99 d_model=64 n_layer=2 n_head=4 d_inner=96
            use_mems_eval=False
        """),
        _MASKED,
    ),
    "groupvit": (
        _of(
            "GroupViTModel projection_dim=24 projection_intermediate_dim=48",
            text_config=parsed(f"{_PAIR} bos_token_id=0 eos_token_id=44"),
            vision_config=parsed(f"""
                {_SMALL} depths=[2,1,1] num_hidden_layers=4 num_group_tokens=[8,4,0]
                num_output_groups=[8,4,4] image_size=64 patch_size=8
            """),
        ),
        {**_TOKENS, **_PIXELS},
    ),
    "pix2struct": (
        _of(
            "Pix2StructForConditionalGeneration",
            text_config=parsed(
                "vocab_size=99 hidden_size=64 d_kv=16 d_ff=96 num_layers=2 num_heads=4"
            ),
            vision_config=parsed("""
                hidden_size=64 patch_embed_hidden_size=48 d_ff=96 d_kv=16 num_hidden_layers=2
                num_attention_heads=4 seq_len=32
            """),
        ),
        {"flattened_patches": torch.linspace(0, 9, 800).view(1, 16, 50), "decoder_input_ids": _IDS},
    ),
    "lw_detr": (
        _of(
            """
                LwDetrForObjectDetection projector_scale_factors=[1.0] d_model=32 c2f_num_blocks=1
                decoder_ffn_dim=48 decoder_n_points=2 decoder_layers=2 num_queries=12 group_detr=2
                decoder_self_attention_heads=4 decoder_cross_attention_heads=4 num_labels=5
            """,
            backbone="""
                LwDetrViTConfig hidden_size=64 num_hidden_layers=4 num_attention_heads=4
                image_size=64 pretrain_image_size=64 num_windows=4 window_block_indices=[0,2]
                out_features=['stage2','stage4']
            """,
        ),
        _PIXELS,
    ),
    "swiftformer": (
        _of("""
            SwiftFormerForImageClassification depths=[1,1,1,1] embed_dims=[16,24,32,48]
        """),
        _PIXELS,
    ),
}

_CROSS: Final = "block_out_channels=(32,64) cross_attention_dim=32 norm_num_groups=8"
_SAID: Final[Inputs] = {"timestep": _STEP, "encoder_hidden_states": (1, 7, 32)}

# name -> the model of diffusers, its inputs
_DIFFUSERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "latte-transformer": (
        made("""
            LatteTransformer3DModel sample_size=8 num_layers=2 patch_size=2 attention_head_dim=8
            num_attention_heads=4 caption_channels=32 in_channels=4 cross_attention_dim=32
            out_channels=8 attention_bias=True activation_fn='gelu-approximate'
            num_embeds_ada_norm=1000 norm_type='ada_norm_single' norm_elementwise_affine=False
            video_length=2
        """),
        {"hidden_states": (1, 4, 2, 8, 8), **_SAID},
    ),
    "ltx-transformer": (
        made("""
            LTXVideoTransformer3DModel in_channels=8 out_channels=8 num_attention_heads=4
            attention_head_dim=8 cross_attention_dim=32 num_layers=2 caption_channels=32
        """),
        {
            "hidden_states": (1, 32, 8),
            **_SAID,
            "encoder_attention_mask": torch.ones(1, 7, dtype=torch.long),
        },
    ),
    "hunyuan-dit": (
        made("""
            HunyuanDiT2DModel sample_size=16 num_layers=2 patch_size=2 attention_head_dim=8
            num_attention_heads=4 in_channels=4 cross_attention_dim=32 cross_attention_dim_t5=32
            pooled_projection_dim=16 hidden_size=32 text_len=4 text_len_t5=6
        """),
        {
            "hidden_states": (1, 4, 16, 16),
            "timestep": torch.tensor([7.0]),
            "encoder_hidden_states": (1, 4, 32),
            "text_embedding_mask": torch.ones(1, 4),
            "encoder_hidden_states_t5": (1, 6, 32),
            "text_embedding_mask_t5": torch.ones(1, 6),
            "image_meta_size": torch.full((1, 6), 16.0),
            "style": torch.tensor([0]),
        },
    ),
    "uvit2d": (
        made("""
            UVit2DModel hidden_size=64 cond_embed_dim=32 micro_cond_encode_dim=2
            micro_cond_embed_dim=10 encoder_hidden_size=32 vocab_size=48 codebook_size=40
            in_channels=32 block_out_channels=32 num_res_blocks=1 downsample=True upsample=True
            block_num_heads=2 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96
        """),
        {
            "input_ids": torch.arange(36).view(1, 6, 6),
            "encoder_hidden_states": (1, 7, 32),
            "pooled_text_emb": (1, 32),
            "micro_conds": (1, 5),
        },
    ),
    "unet3d-condition": (
        made(f"""
            UNet3DConditionModel sample_size=16
            down_block_types=('CrossAttnDownBlock3D','DownBlock3D')
            up_block_types=('UpBlock3D','CrossAttnUpBlock3D') layers_per_block=1
            attention_head_dim=8 {_CROSS}
        """),
        {"sample": (1, 4, 2, 16, 16), **_SAID},
    ),
    "unet-spatio-temporal": (
        made("""
            UNetSpatioTemporalConditionModel sample_size=16
            down_block_types=('CrossAttnDownBlockSpatioTemporal','DownBlockSpatioTemporal')
            up_block_types=('UpBlockSpatioTemporal','CrossAttnUpBlockSpatioTemporal')
            block_out_channels=(32,64) addition_time_embed_dim=16
            projection_class_embeddings_input_dim=48 layers_per_block=1 cross_attention_dim=32
            num_attention_heads=(4,4) num_frames=2
        """),
        {
            "sample": (1, 2, 8, 16, 16),
            "timestep": _STEP,
            "encoder_hidden_states": (1, 1, 32),
            "added_time_ids": (1, 3),
        },
    ),
    "unet-controlnet-xs": (
        made(f"""
            UNetControlNetXSModel sample_size=16
            down_block_types=('DownBlock2D','CrossAttnDownBlock2D')
            up_block_types=('CrossAttnUpBlock2D','UpBlock2D') num_attention_heads=4
            upcast_attention=False ctrl_conditioning_embedding_out_channels=(16,16)
            ctrl_block_out_channels=(8,16) ctrl_num_attention_heads=4 ctrl_max_norm_num_groups=4
            {_CROSS}
        """),
        {"sample": (1, 4, 16, 16), **_SAID, "controlnet_cond": (1, 3, 32, 32)},
    ),
    "controlnet-sd3": (
        made("""
            SD3ControlNetModel sample_size=16 in_channels=4 num_layers=2 attention_head_dim=8
            num_attention_heads=4 joint_attention_dim=32 caption_projection_dim=32
            pooled_projection_dim=64 out_channels=4 qk_norm='rms_norm'
        """),
        {
            "hidden_states": (1, 4, 16, 16),
            "controlnet_cond": (1, 4, 16, 16),
            **_SAID,
            "pooled_projections": (1, 64),
        },
    ),
    "autoencoder-cogvideox": (
        made("""
            AutoencoderKLCogVideoX block_out_channels=(16,16,32,32) latent_channels=4
            layers_per_block=1 norm_num_groups=4
        """),
        {"sample": (1, 3, 5, 16, 16)},
    ),
}


def _mvit(library: Any) -> nn.Module:
    kinds: Any = library.video.mvit
    cube = [3, 3, 3]
    blocks = [
        kinds.MSBlockConfig(2, 16, 32, cube, cube, [1, 1, 1], [1, 2, 2]),
        kinds.MSBlockConfig(4, 32, 32, cube, cube, [1, 2, 2], [1, 1, 1]),
    ]
    model: nn.Module = kinds.MViT(
        (32, 32), 4, blocks, True, False, True, True, num_classes=10, dropout=0.0
    )
    return model


# name -> the model of torchvision.models, its input
_TORCHVISION: Final[dict[str, tuple[Make, Inputs]]] = {
    "googlenet": (
        lambda v: v.GoogLeNet(10, aux_logits=False, init_weights=False),
        {"x": (1, 3, 64, 64)},
    ),
    "mnasnet": (lambda v: v.mnasnet0_5(num_classes=10), {"x": (1, 3, 64, 64)}),
    "mvit-video": (_mvit, {"x": (1, 3, 4, 32, 32)}),
    "squeezenet": (lambda v: v.squeezenet1_1(num_classes=10), {"x": (1, 3, 64, 64)}),
    "swin3d": (
        lambda v: v.video.SwinTransformer3d(
            [2, 4, 4], 32, [2, 2], [2, 4], [2, 4, 4], num_classes=10
        ),
        {"x": (1, 3, 4, 32, 32)},
    ),
}

_LENGTHS: Final[dict[str, torch.Tensor]] = {
    "source_lengths": torch.tensor([16], dtype=torch.int32),
    "targets": torch.tensor([[3, 9, 17, 4]], dtype=torch.int32),
    "target_lengths": torch.tensor([4], dtype=torch.int32),
}
# name -> the model of torchaudio.models, its inputs
_TORCHAUDIO: Final[dict[str, tuple[Make, Inputs]]] = {
    "hdemucs": (
        lambda a: a.HDemucs(["voice", "rest"], channels=8, nfft=1024, depth=5),
        {"input": (1, 2, 8192)},
    ),
    "rnnt": (
        made("""
            emformer_rnnt_model input_dim=20 encoding_dim=32 num_symbols=30 segment_length=16
            right_context_length=4 time_reduction_input_dim=16 time_reduction_stride=4
            transformer_num_heads=4 transformer_ffn_dim=48 transformer_num_layers=2
            transformer_dropout=0.0 transformer_activation='gelu' transformer_left_context_length=8
            transformer_max_memory_size=0 transformer_weight_init_scale_strategy='depthwise'
            transformer_tanh_on_mem=True symbol_embedding_dim=24 num_lstm_layers=1
            lstm_layer_norm=True lstm_layer_norm_epsilon=0.001 lstm_dropout=0.0
        """),
        {"sources": (1, 20, 20), **_LENGTHS},
    ),
    "tacotron2": (
        made("""
            Tacotron2 n_mels=16 n_symbol=60 symbol_embedding_dim=32 encoder_embedding_dim=32
            decoder_rnn_dim=48 attention_rnn_dim=40 attention_hidden_dim=24
            attention_location_n_filter=8 attention_location_kernel_size=7 prenet_dim=20
            postnet_embedding_dim=32
        """),
        {
            "tokens": _IDS,
            "token_lengths": torch.tensor([8]),
            "mel_specgram": (1, 16, 3),
            "mel_specgram_lengths": torch.tensor([3]),
        },
    ),
}
_FIXED: Final[dict[str, dict[str, Any]]] = {
    "ltx-transformer": {"num_frames": 2, "height": 4, "width": 4},
    "hunyuan-dit": {"image_rotary_emb": (torch.linspace(0, 1, 512).view(64, 8),) * 2},
}


_TABLES: Final[dict[str, Table]] = {
    "timm": _TIMM,
    "transformers": _TRANSFORMERS,
    "diffusers": _DIFFUSERS,
    "torchvision.models": _TORCHVISION,
    "torchaudio.models": _TORCHAUDIO,
}
CASES: Final[dict[str, Builder]] = shipped(builders(_TABLES, _FIXED))
OPENED: Final[frozenset[str]] = frozenset(CASES)
