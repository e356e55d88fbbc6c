"""Image models: timm's of the first half of the alphabet, torchvision's and transformers' detectors
and segmenters. Small variants or few blocks; every weight drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch

from wild.shipping import declare_operators, every_second, shipped, shown
from wild.workshop import Builder, export_both

torch.set_num_threads(1)
_FOUR: Final[dict[str, Any]] = {"depths": (1, 1, 1, 1)}
_DIMS: Final = (32, 64, 96, 128)
_VIT: Final[dict[str, Any]] = {"depth": 2, "embed_dim": 64, "num_heads": 4, "img_size": 64}
_COAT: Final[dict[str, Any]] = {"img_size": 64, "embed_dim": _DIMS, **_FOUR}
_HALF: Final[dict[str, Any]] = {"width_factor": 0.5}
_NARROW: Final[dict[str, Any]] = {"channel_multiplier": 0.5, "depth_multiplier": 0.5}

# name in timm -> the side of its input, what its constructor is told
_TIMM: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "aimv2_large_patch14_224": (56, {**_VIT, "img_size": 56}),
    "bat_resnext26ts": (256, _HALF),
    "beit3_base_patch16_224": (64, _VIT),
    "beit_base_patch16_224": (64, _VIT),
    "botnet26t_256": (256, _HALF),
    "cait_xxs24_224": (64, {**_VIT, "embed_dim": 96}),
    "coat_lite_tiny": (64, {"img_size": 64, "serial_depths": (1, 1, 1, 1)}),
    "coat_tiny": (64, {"img_size": 64, "serial_depths": (1, 1, 1, 1), "parallel_depth": 1}),
    "coatnet_rmlp_nano_rw_224": (64, _COAT),
    "convit_tiny": (64, {"img_size": 64, "depth": 3, "local_up_to_layer": 2, "embed_dim": 16}),
    "convnext_atto": (64, _FOUR),
    "convnextv2_atto": (64, _FOUR),
    "cpubone_nano": (224, {}),
    "crossvit_9_240": (240, {}),
    "cs3darknet_focus_s": (64, {}),
    "davit_tiny": (64, {**_FOUR, "embed_dims": _DIMS, "num_heads": (2, 4, 6, 8)}),
    "deit3_small_patch16_224": (64, _VIT),
    "deit_tiny_distilled_patch16_224": (64, _VIT),
    "densenet121": (64, {"block_config": (2, 2, 2, 2)}),
    "dla46_c": (64, {}),
    "dpn68": (64, {"k_sec": (1, 1, 1, 1)}),
    "eca_halonext26ts": (256, _HALF),
    "ecaresnet26t": (64, {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 96)}),
    "edgenext_xx_small": (64, {}),
    "efficientformer_l1": (224, {"depths": (1, 1, 1, 2), "embed_dims": _DIMS}),
    "efficientformerv2_s0": (224, {}),
    "efficientnet_b0_g16_evos": (64, _NARROW),
    "efficientnet_b0_gn": (64, _NARROW),
    "efficientnet_lite0": (64, {}),
    "efficientvim_m1": (224, {}),
    "efficientvit_b0": (64, {}),
    "efficientvit_m0": (224, {}),
    "ese_vovnet19b_slim_dw": (64, {}),
    "eva02_tiny_patch14_224": (56, {"depth": 2, "img_size": 56}),
    "fasternet_t0": (64, {}),
    "fastvit_t8": (64, {}),
    "flexivit_small": (64, _VIT),
    "gcresnext26ts": (64, _HALF),
    "gernet_s": (64, _HALF),
    "ghostnet_050": (64, {}),
    "halonet26t": (256, _HALF),
    "hardcorenas_a": (64, {}),
    "hgnetv2_b0": (64, {}),
    "hiera_tiny_224": (224, {"embed_dim": 32, "stages": (1, 1, 2, 1)}),
    "hieradet_small": (64, {"embed_dim": 32, "stages": (1, 1, 2, 1)}),
    "iformer_t": (224, {}),
    "inception_next_atto": (64, {}),
    "lambda_resnet26rpt_256": (256, _HALF),
    "lcnet_050": (64, {}),
    "levit_128s": (224, {}),
}


def _by_name(name: str, side: int, options: dict[str, Any], folder: Path) -> None:
    declare_operators()
    timm: Any = import_module("timm")
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=10, **options)
    export_both(model, (torch.randn(1, 3, side, side),), folder)


def _of_class(make_model: Callable[[], torch.nn.Module], side: int, folder: Path) -> None:
    declare_operators()
    torch.manual_seed(0)
    export_both(make_model(), (torch.randn(1, 3, side, side),), folder)


def _models(name: str) -> Any:
    return import_module(f"timm.models.{name}")


def _caformer() -> torch.nn.Module:
    kinds = _models("metaformer")
    mixers = [kinds.SepConv, kinds.SepConv, kinds.Attention, kinds.Attention]
    made: torch.nn.Module = kinds.MetaFormer(
        num_classes=10,
        dims=_DIMS,
        token_mixers=mixers,
        norm_layers=[kinds.LayerNorm2dNoBias] * 2 + [kinds.LayerNormNoBias] * 2,
        **_FOUR,
    )
    return made


def _convmixer() -> torch.nn.Module:
    made: torch.nn.Module = _models("convmixer").ConvMixer(64, 3, 7, 7, num_classes=10)
    return made


def _focalnet() -> torch.nn.Module:
    made: torch.nn.Module = _models("focalnet").FocalNet(
        num_classes=10, embed_dim=32, focal_levels=(3, 3, 3, 3), use_post_norm=True, **_FOUR
    )
    return made


def _gcvit() -> torch.nn.Module:
    made: torch.nn.Module = _models("gcvit").GlobalContextVit(
        num_classes=10, num_heads=(2, 4, 8, 16), embed_dim=32, **_FOUR
    )
    return made


def _gmixer() -> torch.nn.Module:
    layers: Any = import_module("timm.layers")
    made: torch.nn.Module = _models("mlp_mixer").MlpMixer(
        num_classes=10,
        img_size=64,
        num_blocks=2,
        embed_dim=96,
        mlp_ratio=(1.0, 4.0),
        mlp_layer=layers.GluMlp,
        act_layer=torch.nn.SiLU,
    )
    return made


def _gmlp() -> torch.nn.Module:
    mixers, layers = _models("mlp_mixer"), import_module("timm.layers")
    made: torch.nn.Module = mixers.MlpMixer(
        num_classes=10,
        img_size=64,
        num_blocks=2,
        embed_dim=96,
        mlp_ratio=6,
        block_layer=mixers.SpatialGatingBlock,
        mlp_layer=layers.GatedMlp,
    )
    return made


def _nfnet() -> torch.nn.Module:
    kinds: Any = _models("nfnet")
    settings = kinds.NfCfg(
        depths=(1, 1, 1, 1),
        channels=(64, 128, 256, 256),
        stem_type="deep_quad",
        stem_chs=32,
        group_size=16,
        bottle_ratio=0.25,
        extra_conv=True,
        num_features=384,
        act_layer="silu",
        attn_layer="eca",
        attn_kwargs={},
    )
    made: torch.nn.Module = kinds.NormFreeNet(settings, num_classes=10)
    return made


def _legacy_senet() -> torch.nn.Module:
    kinds = _models("senet")
    made: torch.nn.Module = kinds.SENet(
        kinds.SEResNetBlock, [1, 1, 1, 1], groups=1, reduction=16, num_classes=10
    )
    return made


_CLASSES: Final[dict[str, tuple[Callable[[], torch.nn.Module], int]]] = {
    "caformer": (_caformer, 64),
    "convmixer": (_convmixer, 64),
    "eca_nfnet": (_nfnet, 64),
    "focalnet": (_focalnet, 64),
    "gcvit": (_gcvit, 224),
    "gmixer": (_gmixer, 64),
    "gmlp": (_gmlp, 64),
    "legacy_senet": (_legacy_senet, 64),
}

_RESNET: Final[dict[str, Any]] = {
    "embedding_size": 16,
    "hidden_sizes": [32, 48, 64, 96],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage2", "stage3", "stage4"],
}
_SWIN: Final[dict[str, Any]] = {
    "image_size": 64,
    "embed_dim": 16,
    "depths": [1, 1, 1, 1],
    "num_heads": [2, 2, 4, 4],
    "window_size": 4,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
_PATCHES: Final[dict[str, Any]] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "image_size": 64,
    "patch_size": 8,
}
_DETECT: Final[dict[str, Any]] = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "num_queries": 12,
    "num_labels": 5,
}
_DEFORM: Final[dict[str, Any]] = {
    **_DETECT,
    "num_feature_levels": 3,
    "encoder_n_points": 2,
    "decoder_n_points": 2,
}
_REAL_TIME: Final[dict[str, Any]] = {
    "d_model": 32,
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [48, 64, 96],
    "decoder_in_channels": [32, 32, 32],
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "decoder_layers": 2,
    "decoder_n_points": 2,
    "num_queries": 12,
    "num_labels": 5,
    "num_denoising": 0,
}
_RT_RESNET: Final[dict[str, Any]] = {**_RESNET, "layer_type": "bottleneck"}
_MASKS: Final[dict[str, Any]] = {
    "feature_size": 32,
    "mask_feature_size": 32,
    "hidden_dim": 32,
    "encoder_feedforward_dim": 48,
    "encoder_layers": 1,
    "num_attention_heads": 4,
    "dim_feedforward": 48,
    "decoder_layers": 2,
    "num_queries": 12,
    "num_labels": 5,
    "train_num_points": 16,
}
_PAIR: Final[dict[str, Any]] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_NECK: Final[dict[str, Any]] = {"neck_hidden_sizes": [16, 24, 32, 48], "fusion_hidden_size": 24}
_WORDS: Final = torch.tensor([[1, 17, 30, 2]])
_PIXELS: Final[dict[str, Any]] = {"pixel_values": (1, 3, 64, 64)}

Make = Callable[[Any], torch.nn.Module]  # the library -> a model


def _of(kind: str, backbone: tuple[str, dict[str, Any]] | None = None, **options: Any) -> Make:
    """The model of a class of transformers, with its own configuration class."""

    def make(library: Any) -> torch.nn.Module:
        if backbone is not None:
            name, told = backbone
            options["backbone_config"] = getattr(library, name)(**told)
        made = getattr(library, kind)
        model: torch.nn.Module = made(made.config_class(**options))
        return model

    return make


# name -> the model of transformers, its inputs: a shape to draw, or a tensor
_TRANSFORMERS: Final[dict[str, tuple[Make, dict[str, Any]]]] = {
    "detr": (
        _of("DetrForObjectDetection", ("ResNetConfig", _RESNET), **_DETECT),
        _PIXELS,
    ),
    "detr-segmentation": (
        _of(
            "DetrForSegmentation",
            ("ResNetConfig", {**_RESNET, "out_features": ["stage1", "stage2", "stage3", "stage4"]}),
            **{**_DETECT, "d_model": 128, "encoder_attention_heads": 8},
        ),
        _PIXELS,
    ),
    "conditional_detr": (
        _of("ConditionalDetrForObjectDetection", ("ResNetConfig", _RESNET), **_DETECT),
        _PIXELS,
    ),
    "table_transformer": (
        _of("TableTransformerForObjectDetection", ("ResNetConfig", _RESNET), **_DETECT),
        _PIXELS,
    ),
    "dab_detr": (
        _of(
            "DabDetrForObjectDetection",
            ("ResNetConfig", _RESNET),
            **{name: value for name, value in _DETECT.items() if name != "d_model"},
            hidden_size=32,
        ),
        _PIXELS,
    ),
    "deformable_detr": (
        _of("DeformableDetrForObjectDetection", ("ResNetConfig", _RESNET), **_DEFORM),
        _PIXELS,
    ),
    "rt_detr": (
        _of("RTDetrForObjectDetection", ("RTDetrResNetConfig", _RT_RESNET), **_REAL_TIME),
        _PIXELS,
    ),
    "rt_detr_v2": (
        _of("RTDetrV2ForObjectDetection", ("RTDetrResNetConfig", _RT_RESNET), **_REAL_TIME),
        _PIXELS,
    ),
    "d_fine": (
        _of(
            "DFineForObjectDetection",
            (
                "HGNetV2Config",
                {
                    "stem_channels": [3, 16, 16],
                    "stage_in_channels": [16, 32, 48, 64],
                    "stage_mid_channels": [16, 16, 24, 32],
                    "stage_out_channels": [32, 48, 64, 96],
                    "stage_num_blocks": [1, 1, 1, 1],
                    "stage_numb_of_layers": [2, 2, 2, 2],
                    "hidden_sizes": [32, 48, 64, 96],
                    "depths": [1, 1, 1, 1],
                    "embedding_size": 16,
                    "use_learnable_affine_block": True,
                    "out_features": ["stage2", "stage3", "stage4"],
                },
            ),
            **{**_REAL_TIME, "decoder_n_points": [2, 2, 2]},
        ),
        _PIXELS,
    ),
    "yolos": (
        _of(
            "YolosForObjectDetection",
            **{**_PATCHES, "image_size": [64, 64]},
            num_detection_tokens=10,
            num_labels=5,
        ),
        _PIXELS,
    ),
    "mask2former": (
        _of("Mask2FormerForUniversalSegmentation", ("SwinConfig", _SWIN), **_MASKS),
        _PIXELS,
    ),
    "maskformer": (
        _of(
            "MaskFormerForInstanceSegmentation",
            ("SwinConfig", _SWIN),
            fpn_feature_size=32,
            mask_feature_size=32,
            num_labels=5,
        ),
        _PIXELS,
    ),
    "oneformer": (
        _of(
            "OneFormerForUniversalSegmentation",
            ("SwinConfig", _SWIN),
            **_MASKS,
            conv_dim=32,
            mask_dim=32,
            text_encoder_width=32,
            text_encoder_num_layers=1,
            is_training=False,
        ),
        {"pixel_values": (1, 3, 64, 64), "task_inputs": (1, 77)},
    ),
    "upernet": (
        _of(
            "UperNetForSemanticSegmentation",
            (
                "ConvNextConfig",
                {
                    "hidden_sizes": [16, 24, 32, 48],
                    "depths": [1, 1, 1, 1],
                    "out_features": ["stage1", "stage2", "stage3", "stage4"],
                },
            ),
            hidden_size=32,
            auxiliary_in_channels=32,
            auxiliary_channels=32,
            num_labels=5,
        ),
        _PIXELS,
    ),
    "dpt": (
        _of(
            "DPTForDepthEstimation",
            **{**_PATCHES, "num_hidden_layers": 4},
            **_NECK,
            backbone_out_indices=[0, 1, 2, 3],
        ),
        _PIXELS,
    ),
    "depth_anything": (
        _of(
            "DepthAnythingForDepthEstimation",
            (
                "Dinov2Config",
                {
                    "hidden_size": 64,
                    "num_hidden_layers": 4,
                    "num_attention_heads": 4,
                    "image_size": 56,
                    "patch_size": 14,
                    "out_features": ["stage1", "stage2", "stage3", "stage4"],
                    "reshape_hidden_states": False,
                },
            ),
            **_NECK,
            reassemble_hidden_size=64,
            head_hidden_size=16,
        ),
        {"pixel_values": (1, 3, 56, 56)},
    ),
    "glpn": (
        _of(
            "GLPNForDepthEstimation",
            hidden_sizes=[16, 24, 32, 48],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 2, 4],
            decoder_hidden_size=32,
        ),
        _PIXELS,
    ),
    "superpoint": (
        _of(
            "SuperPointForKeypointDetection",
            encoder_hidden_sizes=[16, 16, 32, 32],
            decoder_hidden_size=32,
            descriptor_decoder_dim=32,
        ),
        _PIXELS,
    ),
    "swin2sr": (
        _of(
            "Swin2SRForImageSuperResolution",
            image_size=16,
            embed_dim=24,
            depths=[1, 1],
            num_heads=[2, 2],
            window_size=4,
            upscale=2,
        ),
        {"pixel_values": (1, 3, 16, 16)},
    ),
    "vitpose": (
        _of(
            "VitPoseForPoseEstimation",
            (
                "VitPoseBackboneConfig",
                {
                    **_PATCHES,
                    "image_size": [64, 48],
                    "patch_size": [16, 16],
                    "out_indices": [2],
                    "num_experts": 1,
                },
            ),
            use_simple_decoder=False,
            num_labels=17,
        ),
        {"pixel_values": (1, 3, 64, 48)},
    ),
    "vitmatte": (
        _of(
            "VitMatteForImageMatting",
            (
                "VitDetConfig",
                {
                    **{n: v for n, v in _PATCHES.items() if n != "intermediate_size"},
                    "num_channels": 4,
                    "patch_size": 16,
                    "use_relative_position_embeddings": True,
                    "window_block_indices": [0],
                    "window_size": 2,
                    "residual_block_indices": [1],
                    "out_features": ["stage2"],
                },
            ),
            hidden_size=64,
            convstream_hidden_sizes=[16, 24, 32],
            fusion_hidden_sizes=[48, 32, 24, 16],
        ),
        {"pixel_values": (1, 4, 64, 64)},
    ),
    "clipseg": (
        _of(
            "CLIPSegForImageSegmentation",
            text_config={**_PAIR, "vocab_size": 99, "eos_token_id": 2},
            vision_config={**_PAIR, "image_size": 64, "patch_size": 8},
            projection_dim=32,
            extract_layers=[0, 1],
            reduce_dim=32,
            decoder_num_attention_heads=4,
            decoder_intermediate_size=48,
        ),
        {"input_ids": _WORDS, "pixel_values": (1, 3, 64, 64)},
    ),
    "owlvit": (
        _of(
            "OwlViTForObjectDetection",
            text_config={**_PAIR, "vocab_size": 99},
            vision_config={**_PAIR, "image_size": 64, "patch_size": 8},
            projection_dim=32,
        ),
        {"input_ids": _WORDS, "pixel_values": (1, 3, 64, 64)},
    ),
    "sam": (
        _of(
            "SamModel",
            vision_config={
                "hidden_size": 64,
                "num_pos_feats": 16,
                "output_channels": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "image_size": 128,
                "patch_size": 16,
                "window_size": 4,
                "global_attn_indexes": [1],
                "mlp_dim": 96,
            },
            prompt_encoder_config={
                "hidden_size": 32,
                "image_size": 128,
                "patch_size": 16,
                "image_embedding_size": 8,
            },
            mask_decoder_config={
                "hidden_size": 32,
                "mlp_dim": 64,
                "num_attention_heads": 4,
                "iou_head_hidden_dim": 32,
            },
        ),
        {
            "pixel_values": (1, 3, 128, 128),
            "input_points": torch.tensor([[[[30.0, 40.0]]]]),
            "input_labels": torch.tensor([[[1]]]),
        },
    ),
    "pvt_v2": (
        _of(
            "PvtV2ForImageClassification",
            image_size=64,
            hidden_sizes=[16, 32, 48, 64],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 2, 3, 4],
        ),
        _PIXELS,
    ),
    "dinov3_vit": (
        _of("DINOv3ViTModel", **_PATCHES, num_register_tokens=2, use_gated_mlp=True),
        _PIXELS,
    ),
    "eomt": (
        _of(
            "EomtForUniversalSegmentation",
            **{n: v for n, v in _PATCHES.items() if n != "intermediate_size"},
            num_blocks=1,
            num_upscale_blocks=1,
            num_queries=12,
            num_labels=5,
            num_register_tokens=2,
        ),
        _PIXELS,
    ),
}
_SEGMENT: Final[dict[str, Any]] = {"weights": None, "weights_backbone": None, "num_classes": 5}
# name -> the model of torchvision.models, the side of its input
_TORCHVISION: Final[dict[str, tuple[Make, int]]] = {
    "fasterrcnn": (
        lambda v: v.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
            **_SEGMENT,
            min_size=96,
            max_size=96,
            rpn_pre_nms_top_n_test=20,
            rpn_post_nms_top_n_test=10,
            box_score_thresh=0.0,
        ),
        96,
    ),
    "retinanet-head": (
        lambda v: v.detection.retinanet.RetinaNetHead(32, 3, 5, torch.nn.BatchNorm2d),
        16,
    ),
    "ssdlite": (
        lambda v: v.detection.ssdlite320_mobilenet_v3_large(**_SEGMENT, score_thresh=0.0),
        320,
    ),
    "maskrcnn": (
        lambda v: v.detection.MaskRCNN(
            v.detection.backbone_utils.mobilenet_backbone(
                backbone_name="mobilenet_v3_small", weights=None, fpn=True
            ),
            min_size=96,
            max_size=96,
            rpn_pre_nms_top_n_test=20,
            rpn_post_nms_top_n_test=10,
            box_score_thresh=0.0,
            rpn_anchor_generator=v.detection.anchor_utils.AnchorGenerator(
                ((32,), (64,), (128,)), ((0.5, 1.0, 2.0),) * 3
            ),
            box_head=v.detection.faster_rcnn.TwoMLPHead(256 * 49, 64),
            box_predictor=v.detection.faster_rcnn.FastRCNNPredictor(64, 5),
            mask_predictor=v.detection.mask_rcnn.MaskRCNNPredictor(256, 32, 5),
        ),
        96,
    ),
    "lraspp": (
        lambda v: v.segmentation.lraspp_mobilenet_v3_large(**_SEGMENT),
        64,
    ),
    "deeplabv3": (
        lambda v: v.segmentation.deeplabv3_mobilenet_v3_large(**_SEGMENT, aux_loss=True),
        64,
    ),
    "fcn": (
        lambda v: v.segmentation.FCN(
            v._utils.IntermediateLayerGetter(
                v.shufflenet_v2_x0_5(weights=None), {"stage4": "out", "stage3": "aux"}
            ),
            v.segmentation.fcn.FCNHead(192, 5),
            v.segmentation.fcn.FCNHead(96, 5),
        ),
        64,
    ),
    "raft": (
        lambda v: v.optical_flow.raft_small(weights=None),
        128,
    ),
}


def _known(make: Make, inputs: dict[str, Any], folder: Path) -> None:
    declare_operators()
    torch.manual_seed(0)
    model = shown(make(import_module("transformers")).eval(), list(inputs))
    values = tuple(
        torch.randn(value) if isinstance(value, tuple) else value for value in inputs.values()
    )
    export_both(model, values, folder)


def _seen(name: str, make: Make, side: int, folder: Path) -> None:
    declare_operators()
    torch.manual_seed(0)
    model = make(import_module("torchvision.models")).eval()
    image = torch.rand(3, side, side)
    if name in ("fasterrcnn", "ssdlite", "maskrcnn"):
        export_both(shown(model, ["images"]), ([image],), folder)
    elif name == "retinanet-head":
        maps = [torch.randn(1, 32, side, side), torch.randn(1, 32, side // 2, side // 2)]
        export_both(shown(model, ["x"]), (maps,), folder)
    elif name == "raft":
        shown(model, ["image1", "image2"], num_flow_updates=2)
        export_both(model, (image[None], image[None].flip(2)), folder)
    else:
        name = "input" if name == "lraspp" else "x"
        export_both(shown(model, [name]), (image[None],), folder)


_BUILDERS: Final[dict[str, Builder]] = {
    **{f"timm-{name}": partial(_by_name, name, *told) for name, told in _TIMM.items()},
    **{f"timm-{name}": partial(_of_class, *told) for name, told in _CLASSES.items()},
    **{f"torchvision-{name}": partial(_seen, name, *told) for name, told in _TORCHVISION.items()},
    **{f"transformers-{name}": partial(_known, *told) for name, told in _TRANSFORMERS.items()},
}
CASES: Final[dict[str, Builder]] = shipped(_BUILDERS)
OPENED: Final[frozenset[str]] = every_second(CASES)
