"""More models that no other kind has, all of them held out: timm's of the first half of the
alphabet, transformers', diffusers', torchvision's and torchaudio's. Small variants or few blocks;
every weight drawn.
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
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}


def _of(text: str) -> Make:
    """The model of a class of transformers, with its own configuration class."""
    kind, *rest = text.split()

    def make(library: Any) -> nn.Module:
        architecture = getattr(library, kind)
        model: nn.Module = architecture(architecture.config_class(**parsed(" ".join(rest))))
        return model

    return make


def _darknet(library: Any) -> nn.Module:
    stages = library.models.cspnet.CspStagesCfg(
        depth=(1, 2, 2, 1),
        out_chs=(32, 64, 96, 128),
        bottle_ratio=0.5,
        avg_down=True,
        stage_type="dark",
        block_type="dark",
    )
    model: nn.Module = library.create_model(
        "darknetaa53", pretrained=False, num_classes=10, stages=stages
    )
    return model


# name -> the model of timm: the side of its input, options
_TIMM_OPTIONS: Final[dict[str, tuple[int, str]]] = {
    "convnext_zepto_rms_ols": (64, "depths=(1,1,2,1) dims=(16,32,64,96)"),
    "dla60_res2net": (64, "levels=(1,1,1,1,2,1) channels=(16,16,32,64,96,128) base_width=28"),
    "dm_nfnet_f0": (
        64,
        "depths=(1,1,2,1) channels=(64,96,128,128) stem_chs=32 group_size=16 num_features=192",
    ),
    "eca_botnext26ts_256": (256, "width_factor=0.5"),
    "efficientvit_l1": (
        64,
        "widths=(8,16,32,64,96) depths=(1,1,1,2,2) head_dim=16 head_widths=(192,160)",
    ),
    "eva02_base_patch16_clip_224": (64, "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "fbnetc_100": (64, ""),
    "ghostnetv2_100": (64, ""),
    "lamhalobotnet50ts_256": (256, "width_factor=0.5"),
}
_TIMM: Final[dict[str, tuple[Make, Inputs]]] = {
    "darknetaa53": (_darknet, {"x": (1, 3, 64, 64)}),
    **{
        name: (
            made(f"create_model model_name='{name}' pretrained=False num_classes=10 {options}"),
            {"x": (1, 3, side, side)},
        )
        for name, (side, options) in _TIMM_OPTIONS.items()
    },
}

_SIZES: Final = "hidden_size=64 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96"
_TEXT: Final = f"{_SIZES} vocab_size=99 max_position_embeddings=64"

# name -> the model of transformers, its inputs
_TRANSFORMERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "canine": (
        _of(f"""
            CanineForTokenClassification num_hash_functions=4 num_hash_buckets=24 {_SIZES}
            max_position_embeddings=64
        """),
        _MASKED,
    ),
    "codegen": (
        _of("""
            CodeGenForCausalLM vocab_size=99 n_positions=64 n_embd=64 n_layer=2 n_head=4
            rotary_dim=8 use_cache=False
        """),
        _MASKED,
    ),
    "cvt": (
        _of("""
            CvtForImageClassification embed_dim=[16,32,48] num_heads=[1,2,3] depth=[1,2,3]
        """),
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "deberta_v2": (
        _of(f"""
            DebertaV2ForMaskedLM relative_attention=True pos_att_type=['p2c','c2p']
            position_biased_input=False position_buckets=8 norm_rel_ebd='layer_norm'
            conv_kernel_size=3 conv_act='gelu' {_TEXT}
        """),
        _MASKED,
    ),
    "esm": (
        _of(f"""
            EsmForMaskedLM position_embedding_type='rotary' emb_layer_norm_before=True
            token_dropout=True mask_token_id=32 pad_token_id=1 {_TEXT}
        """),
        _MASKED,
    ),
    "lxmert": (
        _of("""
            LxmertModel vocab_size=99 hidden_size=64 num_attention_heads=4 intermediate_size=96
            l_layers=2 x_layers=1 r_layers=1 visual_feat_dim=48 max_position_embeddings=64
        """),
        {"input_ids": _IDS, "visual_feats": (1, 6, 48), "visual_pos": (1, 6, 4)},
    ),
    "minicpm3": (
        _of(f"""
            MiniCPM3ForCausalLM num_key_value_heads=4 q_lora_rank=24 kv_lora_rank=16
            qk_nope_head_dim=16 qk_rope_head_dim=8 v_head_dim=16 dim_model_base=32 use_cache=False
            tie_word_embeddings=False {_TEXT}
        """),
        _MASKED,
    ),
    "modernbert": (
        _of(f"""
            ModernBertForMaskedLM layer_types=['full_attention','sliding_attention']
            local_attention=4 pad_token_id=0 bos_token_id=1 eos_token_id=2 cls_token_id=1
            sep_token_id=2 {_TEXT}
        """),
        _MASKED,
    ),
    "nystromformer": (
        _of(f"""
            NystromformerForMaskedLM num_landmarks=8 segment_means_seq_len=8 conv_kernel_size=5
            {_TEXT}
        """),
        _MASKED,
    ),
    "patchtsmixer": (
        _of("""
            PatchTSMixerForPrediction context_length=32 patch_length=8 patch_stride=8
            num_input_channels=3 d_model=24 expansion_factor=2 num_layers=2 mode='mix_channel'
            gated_attn=True self_attn=True self_attn_heads=4 prediction_length=8
        """),
        {"past_values": (1, 32, 3)},
    ),
    "prophetnet": (
        _of("""
            ProphetNetForConditionalGeneration vocab_size=99 hidden_size=64 encoder_ffn_dim=96
            num_encoder_layers=2 num_encoder_attention_heads=4 decoder_ffn_dim=96
            num_decoder_layers=2 num_decoder_attention_heads=4 max_position_embeddings=64
            num_buckets=16 relative_max_distance=32 use_cache=False
        """),
        {**_MASKED, "decoder_input_ids": _IDS},
    ),
    "squeezebert": (_of(f"SqueezeBertForMaskedLM embedding_size=64 {_TEXT}"), _MASKED),
    "timesformer": (
        _of(f"TimesformerForVideoClassification image_size=32 patch_size=8 num_frames=2 {_SIZES}"),
        {"pixel_values": (1, 2, 3, 32, 32)},
    ),
}

# name -> the model of diffusers, its inputs
_DIFFUSERS: Final[dict[str, tuple[Make, Inputs]]] = {
    "chroma-transformer": (
        made("""
            ChromaTransformer2DModel in_channels=4 num_layers=1 num_single_layers=1
            attention_head_dim=16 num_attention_heads=2 joint_attention_dim=32
            axes_dims_rope=(4,4,8) approximator_num_channels=8 approximator_hidden_dim=32
            approximator_layers=2
        """),
        {
            "hidden_states": (1, 16, 4),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": torch.tensor([0.5]),
            "img_ids": (16, 3),
            "txt_ids": (7, 3),
        },
    ),
    "cogview4-transformer": (
        made("""
            CogView4Transformer2DModel in_channels=4 out_channels=4 num_layers=2
            attention_head_dim=16 num_attention_heads=4 text_embed_dim=32 time_embed_dim=24
            condition_dim=8 pos_embed_max_size=8 sample_size=8 rope_axes_dim=(8,8)
        """),
        {
            "hidden_states": (1, 4, 8, 8),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": _STEP,
            "original_size": torch.tensor([[64, 48]]),
            "target_size": torch.tensor([[32, 40]]),
            "crop_coords": torch.tensor([[1, 2]]),
        },
    ),
    "unet-motion": (
        made("""
            UNetMotionModel sample_size=16
            down_block_types=('CrossAttnDownBlockMotion','DownBlockMotion')
            up_block_types=('UpBlockMotion','CrossAttnUpBlockMotion') block_out_channels=(32,64)
            layers_per_block=1 norm_num_groups=8 cross_attention_dim=32 num_attention_heads=4
            motion_max_seq_length=4 motion_num_attention_heads=2
        """),
        {
            "sample": (1, 4, 2, 16, 16),
            "timestep": _STEP,
            "encoder_hidden_states": (2, 7, 32),
        },
    ),
    "autoencoder-temporal": (
        made("""
            AutoencoderKLTemporalDecoder block_out_channels=(32,64)
            down_block_types=('DownEncoderBlock2D','DownEncoderBlock2D')
        """),
        {"sample": (2, 3, 16, 16)},
    ),
    "autoencoder-wan": (
        made("""
            AutoencoderKLWan base_dim=16 z_dim=16 dim_mult=[1,2] num_res_blocks=1
            temperal_downsample=[True]
        """),
        {"sample": (1, 3, 5, 16, 16)},
    ),
}
_FIXED: Final[dict[str, dict[str, Any]]] = {"autoencoder-temporal": {"num_frames": 2}}


def _maxvit(library: Any) -> nn.Module:
    model: nn.Module = library.MaxVit((64, 64), 16, 2, [16, 32, 48], [1, 1, 1], 16, 0.0)
    return model


def _swin_v2(library: Any) -> nn.Module:
    kinds: Any = library.swin_transformer
    model: nn.Module = library.SwinTransformer(
        [4, 4],
        32,
        [2, 2],
        [2, 4],
        [4, 4],
        num_classes=10,
        block=kinds.SwinTransformerBlockV2,
        downsample_layer=kinds.PatchMergingV2,
    )
    return model


def _vit(library: Any) -> nn.Module:
    stem = library.vision_transformer.ConvStemConfig
    model: nn.Module = library.VisionTransformer(
        64,
        16,
        2,
        4,
        64,
        96,
        num_classes=10,
        representation_size=48,
        conv_stem_configs=[stem(16, 3, 4), stem(32, 3, 2), stem(48, 3, 2)],
    )
    return model


# name -> the model of torchvision.models, its input
_TORCHVISION: Final[dict[str, tuple[Make, Inputs]]] = {
    "maxvit": (_maxvit, {"x": (1, 3, 64, 64)}),
    "s3d": (lambda v: v.video.S3D(10), {"x": (1, 3, 16, 224, 224)}),
    "swin_v2": (_swin_v2, {"x": (1, 3, 64, 64)}),
    "vit-conv-stem": (_vit, {"x": (1, 3, 64, 64)}),
}

# name -> the model of torchaudio.models, its inputs
_TORCHAUDIO: Final[dict[str, tuple[Make, Inputs]]] = {
    "wavlm": (
        made("""
            wavlm_model extractor_mode='layer_norm'
            extractor_conv_layer_config=[(32,10,5),(32,3,2),(32,3,2),(32,2,2)]
            extractor_conv_bias=True encoder_embed_dim=64 encoder_projection_dropout=0.0
            encoder_pos_conv_kernel=8 encoder_pos_conv_groups=4 encoder_num_layers=2
            encoder_num_heads=4 encoder_num_buckets=16 encoder_max_distance=32
            encoder_attention_dropout=0.0 encoder_ff_interm_features=96
            encoder_ff_interm_dropout=0.0 encoder_dropout=0.0 encoder_layer_norm_first=True
            encoder_layer_drop=0.0 aux_num_out=30
        """),
        {"waveforms": (1, 4000)},
    ),
}


_TABLES: Final[dict[str, Table]] = {
    "timm": _TIMM,
    "transformers": _TRANSFORMERS,
    "diffusers": _DIFFUSERS,
    "torchvision.models": _TORCHVISION,
    "torchaudio.models": _TORCHAUDIO,
}
CASES: Final[dict[str, Builder]] = shipped(builders(_TABLES, _FIXED))
OPENED: Final[frozenset[str]] = frozenset(CASES)  # since it was measured first
