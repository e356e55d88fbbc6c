"""A second draw by lot from the libraries of ``drawn_models``, and from more of what is done to an
artifact before it ships.

What was built before is not in the lot; of timm, where hardly a module was left, other models of the
modules that an earlier kind built by hand. What could not be made at all is in ``UNBUILT``, and
nothing was taken in its place. One or two chains of steps, drawn as well, are done to each export;
some of them begin with an export of their own.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
import onnx
import torch
from postprocess import POSTPROCESSORS, _inferable
from torch import nn

from wild import drawn_models as earlier
from wild.drawn_models import (
    _BOTH,
    _GRID,
    _HEADS,
    _IDS,
    _LM,
    _MOE,
    _SEQ2SEQ,
    _SMALL,
    _TEXT,
    _WIDE,
    _WORDS,
    Drawn,
    _by_library,
    _by_name,
    _declare,
    _diffuser,
    _fed,
    _holds_codes,
    _known,
    _mask,
    _mixed,
    _narrower,
    _other,
    _saved,
    _timm,
    _vision,
)
from wild.later_models import _get, _positional, _run, with_values
from wild.shipping import declare_operators
from wild.steps import Step, shipped
from wild.tables import Inputs, parsed
from wild.workshop import EXPORTERS, Builder, compare, export, make

Tensor = torch.Tensor
SEED: Final = 20261201


# --- the lots


def lots() -> dict[str, list[Any]]:
    """What was drawn of each library, as in ``drawn_models``."""
    declare_operators()
    texts = earlier.texts_but(*earlier.DRAWN[1:])
    words = set(re.findall(r"\w+", "\n".join(texts)))
    draw = random.Random(SEED)
    return {
        "transformers": earlier._lot_of_transformers(draw, words)[:40],
        "timm": _lot_of_timm(words, texts),
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:8],
        "torchvision": earlier._lot_of_torchvision(random.Random(SEED), words)[:7],
    }


def _lot_of_timm(words: set[str], texts: Sequence[str]) -> list[tuple[str, str]]:
    """The modules that nothing was built of, and models of others that are not named anywhere."""
    draw = random.Random(SEED)
    timm: Any = import_module("timm")
    registry: Any = import_module("timm.models._registry")
    module = {name: registry._model_to_module[name] for name in timm.list_models()}
    free = [name for name in module if name not in words and module[name] not in earlier._TIMM]
    draw.shuffle(free)
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(module[name], name)
    unbuilt = earlier._lot_of_timm(draw, words, texts)
    return sorted(first.items(), key=lambda each: each[0] not in unbuilt)[:35]


# --- timm


def _pnasnet() -> nn.Module:
    """Of cells of a sixth of the width: their sizes are written in the code."""
    kinds: Any = import_module("timm.models.pnasnet")
    with earlier._narrow(6):
        model: nn.Module = kinds.PNASNet5Large(num_classes=10)
    return model


def _xception() -> nn.Module:
    """The same, whose convolutions are told all of their words by place."""
    names = "in_channels out_channels kernel_size stride padding dilation groups".split()
    kinds: Any = import_module("timm.models.xception")
    with earlier._narrow(4):
        inner: Any = nn.Conv2d.__init__

        def named(self: Any, *words: Any, **more: Any) -> None:
            inner(self, **dict(zip(names, words, strict=False)), **more)

        with patch.object(nn.Conv2d, "__init__", named):
            model: nn.Module = kinds.Xception(num_classes=10)
    return model


def _mvitv2() -> nn.Module:
    kinds: Any = import_module("timm.models.mvitv2")
    given = parsed("depths=(1,1,2,1) embed_dim=32 use_cls_token=True")
    sizes = kinds.MultiScaleVitCfg(**given)
    model: nn.Module = kinds.MultiScaleVit(sizes, img_size=(64, 64), num_classes=10)
    return model


def _stage(sizes: list[int]) -> str:
    """One module of so many branches, one block each."""
    told = {
        "num_modules": 1,
        "num_branches": len(sizes),
        "block_type": "BASIC" if sizes[1:] else "BOTTLENECK",
        "num_blocks": [1] * len(sizes),
        "num_channels": sizes,
        "fuse_method": "SUM",
    }
    return str(told).replace(" ", "")


_TIMM: Final[Mapping[str, Drawn]] = {
    "vision_transformer_sam": _timm(
        "samvit_base_patch16_224",
        "img_size=64 embed_dim=64 depth=2 num_heads=4 window_size=3 global_attn_indexes=[1]",
    ),
    "inception_v3": _timm("inception_v3", side=96, by=4),
    "pnasnet": Drawn(_pnasnet, {"x": (1, 3, 96, 96)}),
    "xception": Drawn(_xception, {"x": (1, 3, 96, 96)}),
    "efficientnet": _timm("mobilenet_edgetpu_v2_s", by=2),
    "hrnet": _timm(
        "hrnet_w44",
        " ".join(
            f"stage{len(sizes)}={_stage(sizes)}"
            for sizes in ([32], [16, 32], [16, 32, 64], [16, 32, 64, 128])
        ),
        by=2,
    ),
    "eva": _timm("vit_huge_plus_patch16_dinov3", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "vision_transformer": _timm(
        "vit_giant_patch16_gap_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"
    ),
    "convnext": _timm("convnext_xlarge", "depths=[1,1,2,1] dims=[32,64,96,128]"),
    "byobnet": _timm("regnetz_b16", by=2),
    "nfnet": _timm("dm_nfnet_f2", "depths=(1,1,2,1) channels=(32,64,96,96) group_size=16"),
    "resnet": _timm("seresnet34", "layers=[1,1,1,1] channels=(32,64,96,128)"),
    "resnetv2": _timm("resnetv2_34", "layers=(1,1,2,1) channels=(32,64,96,128)"),
    "vovnet": _timm(
        "vovnet39a",
        """
            stem_chs=[16,16,32] stage_conv_chs=[32,40,48,56] stage_out_chs=[64,96,128,160]
            layer_per_block=3
        """,
    ),
    "edgenext": _timm("edgenext_x_small", "depths=(1,1,2,1)"),
    "swin_transformer_v2_cr": _timm(
        "swinv2_cr_giant_224",
        """
            img_size=64 window_size=4 embed_dim=32 depths=(1,1,2,1) num_heads=(2,4,4,8)
            extra_norm_period=1
        """,
    ),
    "maxxvit": _timm(
        "coatnet_5_224", "img_size=64 depths=(1,1,2,1) embed_dim=(32,64,96,128) stem_width=(16,32)"
    ),
    "convit": _timm(
        "convit_base", "img_size=64 embed_dim=16 depth=3 num_heads=4 local_up_to_layer=2"
    ),
    "levit": _timm(
        "levit_256", "img_size=64 embed_dim=(48,64,96) key_dim=16 num_heads=(3,4,6) depth=(1,1,2)"
    ),
    "cait": _timm("cait_s36_384", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "ghostnet": _timm("ghostnet_100"),
    "inception_next": _timm("inception_next_base", "depths=(1,1,2,1) dims=(32,64,96,128)"),
    "volo": _other(
        "volo_d4_448",
        "img_size=64 layers=(1,1,1,1) embed_dims=(48,64,64,64) num_heads=(4,4,4,4)",
    ),
    "mvitv2": Drawn(_mvitv2, {"x": (1, 3, 64, 64)}),
    "mobilenetv3": _timm("mobilenetv4_conv_aa_medium", by=2),
    "mobilevit": _timm("mobilevit_xxs"),
    "xcit": _timm("xcit_large_24_p16_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "densenet": _timm("densenet169", "growth_rate=16 block_config=(3,3,4,3)"),
    "hieradet_sam2": _timm(
        "sam2_hiera_large",
        """
            embed_dim=32 stages=(1,1,2,1) global_att_blocks=(3,) window_spec=(8,4,4,2)
        """,
    ),
    "fasternet": _timm("fasternet_m", "embed_dim=32 depths=(1,1,2,1) feature_dim=128"),
    "lowformer": _timm(
        "lowformer_b15", "width_list=[8,16,32,48,64] depth_list=[0,1,1,2,2] head_widths=(96,128)"
    ),
    "hgnet": _timm("hgnetv2_b1", by=2),
    "davit": _timm("davit_giant", "depths=(1,1,2,1) embed_dims=(32,64,96,128) num_heads=(2,4,6,8)"),
    "vision_transformer_relpos": _timm(
        "vit_relpos_base_patch32_plus_rpn_256",
        "img_size=64 embed_dim=64 depth=2 num_heads=4 patch_size=16",
    ),
    "beit": _timm("beit_large_patch16_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
}


# --- torchvision


def _resnet() -> nn.Module:
    kinds: Any = import_module("torchvision.models.resnet")
    model: nn.Module = kinds.ResNet(kinds.Bottleneck, [1, 1, 1, 1], num_classes=10)
    return model


def _regnet() -> nn.Module:
    kinds: Any = import_module("torchvision.models.regnet")
    given = parsed("depth=6 w_0=24 w_a=24.0 w_m=2.5 group_width=8 se_ratio=0.25")
    model: nn.Module = kinds.RegNet(kinds.BlockParams.from_init_params(**given), num_classes=10)
    return model


_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "regnet_y_32gf": Drawn(_regnet, _X64, save="pth"),
    "resnet152": Drawn(_narrower(2, _resnet), _X64, save="pth"),
    "shufflenet_v2_x2_0": _vision("shufflenet_v2_x2_0", "num_classes=10", _X64),
    "vgg13_bn": _vision("vgg13_bn", "num_classes=10", {"x": (1, 3, 224, 224)}, by=8),
    "efficientnet_b2": _vision("efficientnet_b2", "num_classes=10", _X64, by=2),
    "convnext_small": Drawn(
        partial(earlier._convnext, (32, 48, 1), (48, 96, 2), (96, 160, 1), (160, None, 1)),
        _X64,
        save="pth",
    ),
    "swin_t": _vision(
        "SwinTransformer",
        """
            patch_size=[4,4] embed_dim=32 depths=[1,1,2,1] num_heads=[2,4,4,8] window_size=[7,7]
            num_classes=10
        """,
        _X64,
    ),
}


# --- diffusers

_FILM: Final[Inputs] = {"sample": (1, 3, 5, 32, 32)}
_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "AutoencoderKLQwenImage21": _diffuser(
        "AutoencoderKLQwenImage21",
        f"""
            base_dim=16 decoder_base_dim=24 z_dim=8 dim_mult=[1,2,2] num_res_blocks=1
            temperal_downsample=[False,True] latents_mean={[0.1] * 8} latents_std={[1.1] * 8}
        """.replace(", ", ","),
        {"sample": (1, 4, 1, 32, 32)},
    ),
    "DualTransformer2DModel": _diffuser(
        "models.DualTransformer2DModel",
        """
            num_attention_heads=4 attention_head_dim=16 in_channels=32 num_layers=1
            norm_num_groups=8 cross_attention_dim=48
        """,
        {"hidden_states": (1, 32, 8, 8), "encoder_hidden_states": (1, 77 + 257, 48)},
    )._replace(save="safetensors"),
    "AutoencoderRAE": _diffuser(
        "AutoencoderRAE",
        """
            encoder_hidden_size=64 encoder_patch_size=8 encoder_num_hidden_layers=2
            decoder_hidden_size=48 decoder_num_hidden_layers=2 decoder_num_attention_heads=4
            decoder_intermediate_size=96 patch_size=8 encoder_input_size=32 image_size=32
        """,
        {"sample": (1, 3, 32, 32)},
    ),
    "DreamLiteTransformer2DModel": _diffuser(
        "models.transformers.transformer_2d_dreamlite.DreamLiteTransformer2DModel",
        """
            num_attention_heads=4 attention_head_dim=16 in_channels=32 num_layers=2
            norm_num_groups=8 cross_attention_dim=48 qk_norm='rms_norm'
        """,
        {"hidden_states": (1, 32, 8, 8), "encoder_hidden_states": (1, 6, 48)},
    ),
    "BriaTransformer2DModel": _diffuser(
        "BriaTransformer2DModel",
        """
            in_channels=16 num_layers=1 num_single_layers=2 attention_head_dim=16
            num_attention_heads=4 joint_attention_dim=48 axes_dims_rope=[4,6,6]
        """,
        {
            "hidden_states": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 48),
            "timestep": torch.tensor([500.0]),
            "img_ids": torch.arange(48.0).reshape(16, 3) % 4,
            "txt_ids": torch.zeros(6, 3),
        },
    ),
    "AutoencoderVidTok": _diffuser(
        "AutoencoderVidTok",
        "ch=32 ch_mult=[1,2,2] num_res_blocks=1 z_channels=4",
        _FILM,
        _by_name(["sample"], sample_posterior=False, return_dict=False),
    ),
    "AutoencoderKLHunyuanVideo15": _diffuser(
        "AutoencoderKLHunyuanVideo15",
        """
            latent_channels=8 block_out_channels=(16,32,32) layers_per_block=1
            spatial_compression_ratio=4 temporal_compression_ratio=2
        """,
        {"sample": (1, 3, 5, 16, 16)},
    ),
    "AutoencoderKLKVAEAudio": _diffuser(
        "AutoencoderKLKVAEAudio",
        """
            encoder_dim=8 encoder_rates=[2,3] latent_dim=32 codebook_dim=8 decoder_dim=32
            decoder_rates=[3,2] attn_num_heads=4
        """,
        {"sample": (1, 1, 96)},
    ),
}


# --- transformers


def _inside(path: str, text: str, inputs: Inputs) -> Drawn:
    """A class that the library does not show at its top."""

    def build() -> nn.Module:
        architecture = _get(f"transformers.models.{path}")
        model: nn.Module = architecture(architecture.config_class(**parsed(text)))
        return model

    return Drawn(build, inputs, _by_name(list(inputs)), "pretrained")


def _encoded(inner: Any, *values: Tensor) -> Any:
    """By the method that is called in place of a forward."""
    return inner.__self__.encode(*values)


def _crossed() -> str:
    """The kernels, strides and paddings of a block that looks along rows and columns."""
    told: dict[str, Any] = {"reduce_channel": [1, 1, 0], "return_channel": [1, 1, 0]}
    for name, size in {"long": 7, "mid": 5, "short": 3}.items():
        half = size // 2
        kernels = {
            f"vertical_long_to_small_conv_{name}ratio": [[size, 1], 1, [half, 0]],
            f"horizontal_small_to_long_conv_{name}ratio": [[1, size], 1, [0, half]],
            f"symmetric_conv_long_{name}ratio": [[size, size], 1, [half, half]],
        }
        told |= kernels
    return str(told).replace(" ", "")


_SEEN: Final = f"{_WIDE} image_size=32 patch_size=8"
_CLIP: Final = f"model_type='clip_vision_model' {_SEEN} projection_dim=48"
_LLAMA: Final = f"model_type='llama' {_LM} {_HEADS}"
_QWEN: Final = f"model_type='qwen2' {_LM}"
_LATENT: Final = """
    q_lora_rank=32 kv_lora_rank=16 qk_nope_head_dim=16 qk_rope_head_dim=8 v_head_dim=16
    index_topk=8 index_head_dim=16 index_n_heads=2
"""
_TOWER: Final = """
    depth=2 hidden_size=64 intermediate_size=128 num_heads=4 patch_size=8 out_hidden_size=64
"""
_ROPE: Final = (
    "rope_parameters={'rope_type':'default','rope_theta':10000.0,'mrope_section':[2,3,3]}"
)
_ASKED: Final = torch.tensor([[[0, 5, 9, 2, 2, 17, 3, 2], [0, 5, 9, 2, 2, 30, 8, 2]]])
_PADDED: Final = torch.tensor([[1, 1, 1, 1, 1, 1, 0, 1]])
_PATCHES: Final = (16, 3 * 2 * 8 * 8)
_FRAMES: Final = (1, 2, 3, 32, 32)


def _spoken(token: int, count: int, **more: Any) -> Inputs:
    """Words with places for what is seen or heard, and that."""
    ids = _mixed(token, count)
    return {"input_ids": ids, "attention_mask": _mask(ids), **more}


_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "uvdoc": _known(
        "UVDocModel",
        "bridge_connector=(32,32) out_point_positions2D=((32,16),(16,2))",
        {"pixel_values": (1, 3, 128, 96)},
        backbone_config="""
            model_type='uvdoc_backbone' resnet_head=((3,16),(16,16))
            resnet_configs=(((16,16,1,False),(16,16,3,False)),((16,24,1,True),(24,24,3,False)),((24,32,1,True),(32,32,3,False)))
            stage_configs=(((32,1),),((32,2),),((32,5),),((32,8),(32,3)),((32,4),(32,2)),((32,6),))
            out_features=['stage1','stage2','stage3','stage4','stage5','stage6']
        """,
    ),
    "glmga": _known(
        "Glm46VForConditionalGeneration",
        """
            image_token_id=98 video_token_id=97 image_start_token_id=96 image_end_token_id=95
            video_start_token_id=94 video_end_token_id=93
        """,
        _spoken(
            98,
            4,
            pixel_values=_PATCHES,
            image_grid_thw=_GRID,
            position_ids=torch.arange(9).expand(3, 1, 9).clone(),
        ),
        text_config=f"model_type='glm4v_text' {_LM} {_HEADS} {_ROPE}",
        vision_config=f"model_type='glm4v_vision' {_TOWER} image_size=32",
    ),
    "tipsv2_vision_model": _known("Tipsv2VisionModel", _SEEN, {"pixel_values": (1, 3, 32, 32)}),
    "diffusion_gemma": _known(
        "DiffusionGemmaForBlockDiffusion",
        "image_token_id=98 boi_token_id=97 eoi_token_id=96 canvas_length=6",
        {**_TEXT, "decoder_input_ids": _IDS[:, :6]},
        text_config=f"""
            {_LM} {_HEADS} global_head_dim=16 sliding_window=4 num_experts=4 top_k_experts=2
            moe_intermediate_size=32 layer_types=['sliding_attention','full_attention']
        """,
        vision_config=f"model_type='gemma4_vision' {_WIDE} num_key_value_heads=4 {_HEADS}",
    ),
    "deberta": _known(
        "DebertaForQuestionAnswering",
        f"{_WORDS} relative_attention=True pos_att_type=['c2p','p2c'] num_labels=2",
        _TEXT,
    ),
    "aimv2": _known(
        "Aimv2Model",
        "projection_dim=48",
        {"input_ids": _IDS, "attention_mask": _PADDED, "pixel_values": (1, 3, 32, 32)},
        text_config=f"{_WORDS} eos_token_id=44",
        vision_config=_SEEN,
    ),
    "internvl": _known(
        "InternVLModel",
        "image_token_id=98 image_seq_length=4",
        _spoken(98, 4, pixel_values=(1, 3, 32, 32)),
        text_config=_QWEN,
        vision_config=f"{_WIDE} image_size=(32,32) patch_size=(8,8)",
    ),
    "hy_v3": _known(
        "HYV3ForCausalLM",
        f"{_LM} {_HEADS} {_MOE} num_experts=4 mlp_layer_types=['dense','sparse']",
        _TEXT,
    ),
    "lightglue": _known(
        "LightGlueForKeypointMatching",
        """
            descriptor_dim=32 num_hidden_layers=2 num_attention_heads=4 depth_confidence=-1.0
            width_confidence=-1.0
        """,
        {"pixel_values": _FRAMES},
        keypoint_detector_config="""
            model_type='superpoint' encoder_hidden_sizes=[16,16,24,24] decoder_hidden_size=32
            keypoint_decoder_dim=65 descriptor_decoder_dim=32 max_keypoints=8
        """,
    ),
    "hy_v4": _known(
        "HYV4ForCausalLM",
        f"""
            {_LM} {_MOE} {_LATENT} n_routed_experts=4 num_key_value_heads=4
            mlp_layer_types=['dense','sparse'] hc_mult=2
        """,
        _TEXT,
    ),
    "nllb-moe": _known(
        "NllbMoeModel",
        f"{_SEQ2SEQ} num_experts=4 encoder_sparse_step=2 decoder_sparse_step=2",
        _BOTH,
    ),
    "voxtral_realtime_text": _inside(
        "voxtral_realtime.modeling_voxtral_realtime.VoxtralRealtimeTextModel",
        f"{_LM} {_HEADS} sliding_window=4",
        {**_TEXT, "t_cond": (1, 1, 64)},
    ),
    "videoprism": _known(
        "VideoPrismClipModel",
        "",
        {"pixel_values_videos": _FRAMES, **_TEXT},
        text_config=_WORDS,
        vision_config="""
            hidden_size=64 num_attention_heads=4 intermediate_size=128 image_size=32 num_frames=2
            tubelet_size=(1,8,8) num_spatial_layers=2 num_temporal_layers=1 num_auxiliary_layers=1
        """,
    ),
    "rf_detr": _known(
        "RfDetrForObjectDetection",
        """
            decoder_ffn_dim=64 decoder_n_points=2 decoder_layers=2 decoder_self_attention_heads=4
            decoder_cross_attention_heads=4 num_queries=8 group_detr=2 d_model=32 c2f_num_blocks=1
            intermediate_size=64
        """,
        {"pixel_values": (1, 3, 56, 56)},
        backbone_config="""
            model_type='rf_detr_dinov2' hidden_size=48 num_hidden_layers=2 num_attention_heads=4
            image_size=56 num_windows=2 out_features=['stage1','stage2']
        """,
    ),
    "glm4v_moe_vision": _known(
        "Glm4vMoeVisionModel",
        f"{_TOWER} image_size=32",
        {"hidden_states": _PATCHES, "grid_thw": _GRID},
    ),
    "tipsv2_text_model": _known("Tipsv2TextModel", _WORDS, _TEXT),
    "longformer": _known(
        "LongformerForMultipleChoice",
        f"{_WORDS} attention_window=[4,4] pad_token_id=1",
        {"input_ids": _ASKED, "attention_mask": torch.ones_like(_ASKED)},
    ),
    "pp_ocrv6_medium_det": _known(
        "PPOCRV6MediumDetModel",
        f"neck_out_channels=32 scale_factor_list=[1,2,4,8] intraclass_block_config={_crossed()}",
        {"pixel_values": (1, 3, 64, 64)},
        backbone_config="""
            model_type='pp_lcnet_v4' stem_channels=[3,8,16]
            block_configs=[[[3,16,16,1,True]],[[3,16,24,2,False]],[[3,24,32,2,True]],[[3,32,48,2,False],[3,48,48,1,True]]]
            out_features=['stage1','stage2','stage3','stage4']
        """,
    ),
    "hunyuan_vl_text": _known("HunYuanVLTextModel", f"{_LM} {_HEADS} {_ROPE}", _TEXT),
    "hgnet_v2": _known(
        "HGNetV2Backbone",
        """
            embedding_size=16 depths=(1,1,1,1) hidden_sizes=(32,48,64,96) stem_channels=(3,8,16)
            stage_in_channels=(16,32,48,64) stage_mid_channels=(8,16,24,32)
            stage_out_channels=(32,48,64,96) stage_num_blocks=(1,1,2,1)
            stage_numb_of_layers=(2,2,2,2) use_learnable_affine_block=True
            out_features=['stage2','stage4']
        """,
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "markuplm": _known(
        "MarkupLMModel",
        f"""
            {_WORDS} max_xpath_tag_unit_embeddings=20 max_xpath_subs_unit_embeddings=30 tag_pad_id=18
            subs_pad_id=28 xpath_unit_hidden_size=8 max_depth=6
        """,
        {
            **_TEXT,
            "xpath_tags_seq": torch.arange(48).reshape(1, 8, 6) % 19,
            "xpath_subs_seq": torch.arange(48).reshape(1, 8, 6) % 29,
        },
    ),
    "molmo2_text": _known("Molmo2TextModel", f"{_LM} {_HEADS} additional_vocab_size=8", _TEXT),
    "vipllava": _known(
        "VipLlavaModel",
        "image_token_index=98 vision_feature_layer=(-1,-2) image_seq_length=16",
        _spoken(98, 16, pixel_values=(1, 3, 32, 32)),
        text_config=_LLAMA,
        vision_config=_CLIP,
    ),
    "aria": _known(
        "AriaForConditionalGeneration",
        "image_token_index=98 projector_patch_to_query_dict={16:4}",
        _spoken(
            98,
            4,
            pixel_values=(1, 3, 32, 32),
            pixel_mask=torch.ones((1, 32, 32), dtype=torch.bool),
        ),
        text_config=f"{_LM} {_HEADS} intermediate_size=32 moe_num_experts=4",
        vision_config=f"model_type='idefics3_vision' {_SEEN}",
    ),
    "qwen4_exp_vision": _known(
        "Qwen4ExpVisionModel",
        f"{_TOWER} num_position_embeddings=16",
        {"hidden_states": _PATCHES, "grid_thw": _GRID},
    ),
    "glm_image_vqmodel": _known(
        "GlmImageVQVAE",
        "embed_dim=32 num_embeddings=48 latent_channels=24",
        {"hidden_states": (1, 24, 4, 4)},
        _encoded,
    ),
    "mlcd": _known("MLCDVisionModel", _SEEN, {"pixel_values": (1, 3, 32, 32)}),
    "axk2": _known(
        "AXK2ForTokenClassification",
        f"""
            {_LM} {_MOE} {_LATENT} n_routed_experts=4 num_key_value_heads=4 gated_norm_rank=8
            mlp_layer_types=['dense','sparse'] num_labels=5
        """,
        _TEXT,
    ),
    "llava_next_video": _known(
        "LlavaNextVideoModel",
        """
            image_token_index=98 video_token_index=97 vision_feature_layer=-1
            image_grid_pinpoints=[[32,32],[64,32]] image_seq_length=16 video_seq_length=8
        """,
        _spoken(97, 8, pixel_values_videos=_FRAMES),
        text_config=_LLAMA,
        vision_config=_CLIP,
    ),
    "aya_vision": _known(
        "AyaVisionForConditionalGeneration",
        "image_token_index=98",
        _spoken(98, 4, pixel_values=(1, 3, 32, 32)),
        text_config=f"""
            model_type='cohere2' {_LM} {_HEADS} sliding_window=4
            layer_types=['sliding_attention','full_attention']
        """,
        vision_config=f"model_type='siglip_vision_model' {_SEEN} vision_use_head=False",
    ),
    "sam3": _known(
        "Sam3Model",
        "",
        {"pixel_values": (1, 3, 56, 56), **_TEXT},
        detr_decoder_config=f"{_SMALL} num_queries=8",
        detr_encoder_config=_SMALL,
        geometry_encoder_config=_SMALL,
        mask_decoder_config="hidden_size=32 num_attention_heads=4",
        text_config=f"""
            model_type='clip_text_model' {_WIDE} vocab_size=99 projection_dim=48
            max_position_embeddings=16 eos_token_id=44
        """,
        vision_config={
            "backbone_config": """
                model_type='sam3_vit_model' hidden_size=32 intermediate_size=64 num_hidden_layers=2
                num_attention_heads=2 image_size=56 pretrain_image_size=56 window_size=2
                global_attn_indexes=[1]
            """,
            "": "backbone_feature_sizes=[[16,16],[8,8],[4,4]] fpn_hidden_size=32",
        },
    ),
    "persimmon": _known("PersimmonForCausalLM", f"{_WORDS} use_cache=False", _TEXT),
    "deepseek_v4": _known(
        "DeepseekV4Model",
        f"""
            {_LM} {_HEADS} {_MOE} num_key_value_heads=1 num_hidden_layers=3 q_lora_rank=32
            n_routed_experts=4 hc_mult=2 hc_sinkhorn_iters=4 o_groups=2 o_lora_rank=16 index_n_heads=2
            index_head_dim=16 index_topk=2 sliding_window=4 num_nextn_predict_layers=0
            layer_types=['sliding_attention','compressed_sparse_attention','heavily_compressed_attention']
            mlp_layer_types=['moe','moe','moe']
            compress_rates={{'compressed_sparse_attention':2,'heavily_compressed_attention':4}}
        """,
        _TEXT,
    ),
    "seamless_m4t": _known(
        "SeamlessM4TForTextToSpeech",
        """
            vocab_size=99 t2u_vocab_size=60 hidden_size=64 use_cache=False encoder_layers=2
            encoder_ffn_dim=128 encoder_attention_heads=4 decoder_layers=2 decoder_ffn_dim=128
            decoder_attention_heads=4 speech_encoder_layers=1 speech_encoder_attention_heads=4
            speech_encoder_intermediate_size=128 max_position_embeddings=64 t2u_encoder_layers=1
            t2u_encoder_ffn_dim=64 t2u_encoder_attention_heads=4 t2u_decoder_layers=1
            t2u_decoder_ffn_dim=64 t2u_decoder_attention_heads=4 t2u_max_position_embeddings=64
            upsample_initial_channel=32 unit_hifi_gan_vocab_size=50 unit_embed_dim=16
            lang_embed_dim=8 spkr_embed_dim=8 vocoder_num_langs=4 vocoder_num_spkrs=4
            upsample_rates=(2,2) upsample_kernel_sizes=(4,4)
        """,
        {**_BOTH, "attention_mask": _mask(_IDS)},
    ),
    "video_llava": _known(
        "VideoLlavaModel",
        """
            image_token_index=98 video_token_index=97 vision_feature_layer=-1 image_seq_length=16
            video_seq_length=34
        """,
        _spoken(97, 34, pixel_values_videos=_FRAMES),
        text_config=_LLAMA,
        vision_config=_CLIP,
    ),
    "moss_transcribe_diarize": _known(
        "MossTranscribeDiarizeModel",
        "audio_token_id=98",
        _spoken(
            98,
            4,
            input_features=(1, 16, 32),
            input_features_mask=torch.ones((1, 32), dtype=torch.int64),
            padding_mask=torch.ones((1, 320), dtype=torch.int64),
        ),
        audio_config=f"{_WIDE} num_mel_bins=16 max_source_positions=16",
        text_config=f"model_type='qwen3' {_LM} {_HEADS}",
    ),
    "pe_audio_encoder": _known(
        "PeAudioEncoder",
        f"{_WIDE} {_HEADS}",
        {"input_values": (1, 1, 64)},
        dac_config="""
            model_type='dac' encoder_hidden_size=8 downsampling_ratios=[2,4] decoder_hidden_size=32
            codebook_dim=8 codebook_size=16 n_codebooks=2
        """,
    ),
    "minimax_m3_vl_text": _known(
        "MiniMaxM3VLForCausalLM",
        f"""
            {_LM} {_HEADS} num_experts_per_tok=2 num_local_experts=4 intermediate_size=32
            dense_intermediate_size=128 shared_intermediate_size=32 rotary_dim=8 index_n_heads=2
            index_head_dim=16 index_block_size=2 index_topk_blocks=2
            layer_types=['full_attention','minimax_m3_sparse'] mlp_layer_types=['dense','sparse']
        """,
        _TEXT,
    ),
    "granite_speech5_ctc": _known(
        "GraniteSpeech5ForCTC",
        "vocab_size=40",
        {"input_features": (1, 20, 80)},
        encoder_config=f"""
            {_WIDE} vocab_size=40 num_mel_bins=20 context_size=8 conv_kernel_size=5
            max_position_embeddings=16
        """,
    ),
    "instructblipvideo": _known(
        "InstructBlipVideoForConditionalGeneration",
        "num_query_tokens=4 video_token_index=98",
        {
            "pixel_values": _FRAMES,
            "qformer_input_ids": _IDS,
            **_spoken(98, 8),
        },
        qformer_config=f"{_WORDS} encoder_hidden_size=64",
        text_config=f"model_type='opt' {_WORDS} ffn_dim=128 word_embed_proj_dim=64",
        vision_config=_SEEN,
    ),
}


# --- what is done to an export, and which exports are made for it


def _once(inputs: Path) -> Any:
    """The example inputs, once, as onnxruntime's calibration wants them."""
    with np.load(inputs) as held:
        rows = iter([dict(held)])
    return type("Once", (), {"get_next": lambda self: next(rows, None)})()


def _static(source: Path, target: Path, inputs: Path, kind: str = "QInt8", **more: Any) -> None:
    """Quantized with calibration, weights of eight bits, activations of a kind."""
    from onnxruntime.quantization import QuantType, quantize_static

    quantize_static(
        _inferable(source),
        target,
        _once(inputs),
        activation_type=getattr(QuantType, kind),
        weight_type=QuantType.QInt8,
        **more,
    )


def _half_but(source: Path, target: Path, inputs: Path) -> None:
    """Half of what is not quantized afterwards: the quantizer makes of halves what none can run."""
    halves: Any = import_module("onnxruntime.transformers.float16")
    kept = [*halves.DEFAULT_OP_BLOCK_LIST, *_QUANTIZED, "DynamicQuantizeLinear"]
    given = {"keep_io_types": True, "op_block_list": kept}
    onnx.save(halves.convert_float_to_float16(onnx.load(source), **given), target)


def _prepared(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(str(source), str(target))


def _four_bits(
    source: Path, target: Path, inputs: Path, form: str = "QOperator", **more: Any
) -> None:
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(
        onnx.load(source), quant_format=getattr(QuantFormat, form), **more
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), False)


def _without(source: Path, target: Path, inputs: Path) -> None:
    """Quantized but for every third of what could be."""
    from onnxruntime.quantization import quantize_dynamic

    model = _inferable(source)
    names = [node.name for node in model.graph.node if node.op_type in _QUANTIZED]
    quantize_dynamic(model, target, nodes_to_exclude=names[::3])


def _told(source: Path, target: Path, inputs: Path) -> None:
    """Quantized where inference of kinds knows nothing of the nodes in between."""
    from onnxruntime.quantization import quantize_dynamic

    model = onnx.load(source)
    del model.graph.value_info[:]
    floats = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(model, target, extra_options=floats)


def _words_too(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(_inferable(source), target, op_types_to_quantize=["Gather", "MatMul"])


def _fused(family: str, source: Path, target: Path, inputs: Path) -> None:
    """What onnxruntime's optimizer of transformers makes of it."""
    optimizer: Any = import_module("onnxruntime.transformers.optimizer")
    optimizer.optimize_model(str(source), family, opt_level=0).save_model_to_file(str(target))


_QUANTIZED: Final = frozenset({"MatMul", "Gemm", "Conv"})
_STEPS: Final[Mapping[str, Step]] = {
    **earlier._STEPS,
    "fp16": POSTPROCESSORS["fp16"],
    "fp16-but": _half_but,
    "int4-block128": partial(_four_bits, block_size=128, is_symmetric=True),
    "int4-asymmetric": partial(_four_bits, block_size=32, is_symmetric=False),
    "int4-qdq": partial(_four_bits, form="QDQ", block_size=32, is_symmetric=True),
    "int8-dynamic-gather": _words_too,
    "int8-dynamic-without": _without,
    "int8-told": _told,
    "int8-qdq": POSTPROCESSORS["int8-qdq"],
    "int8-qoperator": POSTPROCESSORS["int8-qoperator"],
    "int8-symmetric": partial(_static, extra_options={"ActivationSymmetric": True}),
    "int8-activations16": partial(_static, kind="QUInt16"),
    "prepared": _prepared,
}
# a chain is steps after one another; its first word may be an export of its own, its last where
# the weights are kept
_CHAINS: Final = (
    *earlier._DRAWS,
    "onnxsim+fp16",
    "fp16-but+ort-basic+int8-told",
    "float16+int8-dynamic",
    "int8-dynamic+fp16-but",
    "onnxslim+int8-qdq",
    "prepared+int8-qdq",
    "fused+int8-told",
    "int8-qoperator",
    "int8-symmetric",
    "int8-activations16",
    "int8-dynamic-gather",
    "int8-dynamic-without",
    "int4-block128",
    "int4-asymmetric",
    "int4-qdq",
    "bfloat16+int8-dynamic",
    "bfloat16+int4-block32",
    "dynamic",
    "dynamic+int8-dynamic",
    "external",
    "int8-dynamic+external",
)
_OPSETS: Final[Mapping[str, Sequence[str]]] = {  # those that an exporter has
    "dynamo": ("opset18", "opset21+int4-qdq", "opset21+int8-qdq", "opset23"),
    "torchscript": ("opset17", "opset17+int8-dynamic", "opset18", "opset18+fp16"),
}
_ROUNDED: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_OWN: Final = frozenset({*_ROUNDED, "dynamic", "opset17", "opset18", "opset21", "opset23"})


class Chain(NamedTuple):
    """Which export it begins with, the steps, and whether the weights are in another file."""

    own: str
    steps: Sequence[str]
    apart: bool


def _chain(text: str) -> Chain:
    steps = text.split("+")
    own = steps.pop(0) if steps[0] in _OWN else ""
    apart = bool(steps) and steps[-1] == "external"
    return Chain(own, steps[:-1] if apart else steps, apart)


def _drawn(title: str, exporter: str, source: Path) -> list[str]:
    """The one or two chains for an export, of those that change anything in it."""
    graph = onnx.load(source, load_external_data=False).graph
    held = {value.name for value in graph.initializer}
    kinds = {node.op_type for node in graph.node if set(node.input) & held}
    lot = [
        text
        for text in (*_CHAINS, *_OPSETS[exporter])
        if ("int4" not in text or "MatMul" in kinds)
        and ("gather" not in text or kinds & {"MatMul", "Gemm", "Gather"})
        and ("fused" not in text or title in _FAMILIES)
    ]
    draw = random.Random(f"{SEED} {title} {exporter}")
    return draw.sample(lot, draw.randint(1, 2))


def _rounded(model: nn.Module, kind: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    """Have its numbers be those of a kind of 16 bits: each tensor, and what it was."""
    held = [each for each in (*model.parameters(), *model.buffers()) if each.is_floating_point()]
    kept = [(each, each.detach().clone()) for each in held]
    for each in held:
        each.copy_(each.to(kind))
    return kept


def _free(rows: Mapping[str, Tensor]) -> list[dict[int, str]]:
    """The sizes that may differ: of an image how many there are, else each that is not one."""
    if len(rows) == 1 and next(iter(rows.values())).dim() >= 4:
        return [{0: "batch"}]
    return [
        {axis: f"{name}_{axis}" for axis, size in enumerate(value.shape) if size > 1}
        for name, value in rows.items()
    ]


def _options(own: str, exporter: str, rows: Mapping[str, Tensor]) -> dict[str, Any]:
    """The words of torch's exporters for an export of a chain's own."""
    if own.startswith("opset"):
        return {"opset_version": int(own.removeprefix("opset"))}
    if own != "dynamic":
        return {}
    free = _free(rows)
    if exporter == "torchscript":
        return {"input_names": list(rows), "dynamic_axes": dict(zip(rows, free, strict=True))}
    auto = torch.export.Dim.AUTO
    return {"dynamic_shapes": tuple(dict.fromkeys(axes, auto) for axes in free)}


def _library_options(own: str) -> dict[str, Any]:
    """The same for the library's own exporter."""
    if own.startswith("opset"):
        return {"opset_version": int(own.removeprefix("opset"))}
    return {"dynamic": True} if own == "dynamic" else {}


# --- build, compare, ship


_EXPORTING: Final = ("transformers", "timm")  # those that have an exporter


class _Shop:
    """A model, what it is given and answers, and how it is exported."""

    def __init__(self, title: str, drawn: Drawn, folder: Path) -> None:
        self.model, values = with_values(title, drawn.build, drawn.inputs, drawn.last)
        _saved(self.model, drawn.save, folder)
        self.title, self.drawn = title, drawn
        self.rows: dict[str, Tensor] = dict(zip(drawn.inputs, values, strict=True))
        self.more: dict[str, Any] = {}  # inputs that transformers' exporter computes before
        self.from_library = False
        _positional(self.model, list(self.rows), drawn.call)
        self.wanted = self.answers()

    def answers(self) -> list[Any]:
        with torch.no_grad():
            made = self.model(*self.rows.values())
        return [part.detach().clone().numpy() for part in made]

    def fed(self, path: Path) -> dict[str, Any]:
        known = {name: value.numpy() for name, value in self.rows.items()}
        return _fed(path, {**known, **self.more})

    def run(self, path: Path) -> list[Any] | None:
        """What onnxruntime answers, or ``None`` where it has no kernel."""
        try:
            return _run(path, list(self.fed(path).values()))
        except Exception as error:
            if "data type is not supported" in str(error):  # which some say only when they run
                return None
            raise

    def write(self, exporter: str, own: str, path: Path) -> None:
        """An export, whose outputs are the module's."""
        kept = _rounded(self.model, _ROUNDED[own]) if own in _ROUNDED else []
        wanted = self.answers() if kept else self.wanted
        try:
            if self.from_library and exporter == "dynamo":
                self.by_library(own, path)
            else:
                options = _options(own, exporter, self.rows)
                export(self.model, tuple(self.rows.values()), exporter, path, **options)
        finally:
            for each, value in kept:
                each.copy_(value)
        made = self.run(path)
        if made is not None:
            compare(made, wanted, 2e-3)

    def by_library(self, own: str, path: Path) -> None:
        """An export by the exporter that the library itself has: transformers' replaces what cannot
        be traced, timm's takes a model that was made to be exported.
        """
        if self.title.startswith("timm"):
            timm: Any = import_module("timm")
            with timm.layers.set_exportable(True):
                model = self.drawn.build()
            model.load_state_dict(self.model.state_dict())
            opset = _library_options(own).get("opset_version")
            given = {"use_dynamo": True, "opset": opset, "input_names": list(self.rows)}
            import_module("timm.utils.onnx").onnx_export(
                model, str(path), *self.rows.values(), **given
            )
        else:
            place: Any = import_module("transformers.exporters.exporter_onnx")
            config = partial(place.OnnxConfig, **_library_options(own))
            with patch.object(place, "OnnxConfig", config):
                self.more.update(_by_library(self.model, self.rows, path))

    def step(self, text: str, exporter: str, source: Path, path: Path) -> list[Any] | None:
        """What a chain makes of an export; its outputs."""
        known: dict[str, Step] = {**_STEPS, "fused": partial(_fused, _FAMILIES.get(self.title, ""))}
        self.by_steps(_chain(text), known, exporter, source, path)
        if "int" in text and not _holds_codes(path):
            raise ValueError("nothing of it was quantized")
        return self.run(path)

    def by_steps(
        self,
        chain: Chain,
        known: Mapping[str, Step],
        exporter: str,
        source: Path,
        path: Path,
    ) -> None:
        """Write what the steps of a chain make of an export."""
        with tempfile.TemporaryDirectory() as work:
            start, inputs, ready = source, Path(work) / "inputs.npz", Path(work) / "ready.onnx"
            if chain.own:
                start = Path(work) / "own.onnx"
                self.write(exporter, chain.own, start)
            np.savez(inputs, **self.fed(start))
            shipped(known, chain.steps, start, inputs, ready)
            model = onnx.load(ready)
        where = "model.onnx.data" if chain.apart else None
        onnx.save_model(model, path, save_as_external_data=chain.apart, location=where)


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    torch.set_num_threads(1)
    _declare()
    ship(_Shop(title, drawn, folder), _drawn, folder)


def ship(shop: _Shop, chains: Callable[[str, str, Path], list[str]], folder: Path) -> None:
    """The exports of a model, and what is made of each by the chains that are drawn for it."""
    apart = earlier.Apart(folder)

    def chained(text: str, exporter: str, source: Path, path: Path) -> None:
        apart.note(path, shop.step(text, exporter, source, path), shop.wanted)

    for exporter in EXPORTERS:
        variant = exporter
        source = make(folder, exporter, partial(shop.write, exporter, ""))
        if source is None and exporter == "dynamo" and shop.title.startswith(_EXPORTING):
            variant, shop.from_library = "dynamo-library", True
            source = make(folder, variant, partial(shop.write, exporter, ""))
        if source is None:
            continue
        for text in chains(shop.title, exporter, source):
            make(folder, f"{variant}+{text}", partial(chained, text, exporter, source))
    apart.write()


_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bert": """
        transformers-deberta transformers-longformer transformers-markuplm
        transformers-tipsv2_text_model
    """,
    "bart": "transformers-nllb-moe transformers-seamless_m4t transformers-moss_transcribe_diarize",
    "clip": "transformers-aimv2 transformers-vipllava transformers-videoprism transformers-sam3",
    "conformer": "transformers-granite_speech5_ctc",
    "qwen3": """
        transformers-internvl transformers-hy_v3 transformers-voxtral_realtime_text
        transformers-hunyuan_vl_text transformers-molmo2_text transformers-minimax_m3_vl_text
    """,
    "vit": """
        transformers-tipsv2_vision_model transformers-mlcd
        timm-vision_transformer_sam timm-eva timm-vision_transformer timm-convit timm-cait timm-volo
        timm-xcit timm-vision_transformer_relpos timm-beit timm-levit timm-mvitv2
    """,
    "swin": "timm-swin_transformer_v2_cr torchvision-swin_t timm-davit",
    "sam2": "timm-hieradet_sam2",
    "unet": "diffusers-DualTransformer2DModel diffusers-DreamLiteTransformer2DModel",
    "mmdit": "diffusers-BriaTransformer2DModel",
    "vae": """
        diffusers-AutoencoderKLQwenImage21 diffusers-AutoencoderRAE diffusers-AutoencoderVidTok
        diffusers-AutoencoderKLHunyuanVideo15 diffusers-AutoencoderKLKVAEAudio
    """,
}
_FAMILIES: Final = {
    title: family for family, titles in _BY_FAMILY.items() for title in titles.split()
}
# the codes of each are within a step of its weights, or of what the exporter folded of them, these
# too; but they answer with what is no number, or far from it
_MASK: Final = "a mask of minus infinity was calibrated: the scale of its activations is not finite"
DAMAGED: Final = {
    "diffusers-AutoencoderKLHunyuanVideo15/dynamo+uint8-static": _MASK,
    "diffusers-AutoencoderKLHunyuanVideo15/torchscript+int8-activations16": _MASK,
    "diffusers-AutoencoderKLHunyuanVideo15/torchscript+int8-qoperator": _MASK,
    "transformers-deepseek_v4/dynamo-library+opset21+int8-qdq": _MASK,
    "transformers-hunyuan_vl_text/torchscript+int8-symmetric": _MASK,
    "transformers-instructblipvideo/torchscript+int8-activations16": _MASK,
    "transformers-molmo2_text/torchscript+int8-activations16": _MASK,
    "transformers-vipllava/torchscript+int8-symmetric": _MASK,
}
UNBUILT: Final = {  # drawn, and not one of the exporters takes it
    "transformers-diffusion_gemma": "the library's export answers otherwise than the module",
    "transformers-lightglue": "sizes that depend on data, and a pooling that onnxruntime refuses",
    "transformers-longformer": "sizes that depend on data, and a trace that answers otherwise",
    "transformers-nllb-moe": "sizes that depend on data, and a trace that answers otherwise",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"torchvision-{name}": drawn for name, drawn in _TORCHVISION.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, drawn) for title, drawn in _EVERY.items()
}
OPENED: Final = frozenset(CASES)
