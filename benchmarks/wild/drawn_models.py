"""Models that a lot chose, held out: so many of all that transformers, timm, diffusers and
torchvision have, whatever they are, in place of those that were thought to be hard.

``lots`` says how they were drawn; what could not be made at all is in ``UNBUILT``, and nothing was
taken in its place. Each is small, with every weight drawn; the checkpoint is the file that the
library's users save. Exported by both of torch's exporters, compared in onnxruntime, and one or two
of the steps, which are drawn as well, are done to each export.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

from wild.later_models import (
    Call,
    Make,
    _dynamic_channels,
    _from,
    _get,
    _positional,
    _run,
    with_values,
)
from wild.shipping import declare_operators
from wild.steps import Step, channels, halved, shipped
from wild.tables import Inputs, parsed
from wild.workshop import EXPORTERS, Builder, compare, export, make, tell, tensors_of

Tensor = torch.Tensor
SEED: Final = 20261130
# the parts that were drawn, in order: a lot is among what no part before it has
DRAWN: Final = (
    "drawn_models.py",
    "drawn_again.py",
    "drawn_third.py",
    "drawn_fourth.py",
    "drawn_fifth.py",
    "drawn_sixth.py",
    "drawn_seventh.py",
    "drawn_eighth.py",
    "drawn_ninth.py",
    "drawn_tenth.py",
    "field_modules.py",  # of the eleventh
    "drawn_eleventh.py",
    "more_field_modules.py",  # of the twelfth
    "drawn_twelfth.py",
)


class Drawn(NamedTuple):
    """A model, its inputs, how it is called with them, and the file that its users save."""

    build: Make
    inputs: Inputs
    call: Call | None = None
    save: str = "safetensors"  # or pretrained, or pth
    last: Callable[[Any], Any] | None = None  # what is done to it when its weights are drawn


# --- the lots


def lots() -> dict[str, list[Any]]:
    """What was drawn of each library: of transformers a class for a type; of timm a module, whose
    smallest model is taken; of torchvision one model for a module. What another kind builds is not
    in the lot.
    """
    declare_operators()
    texts = texts_but(*DRAWN)
    words = set(re.findall(r"\w+", "\n".join(texts)))
    draw = random.Random(SEED)
    return {
        "transformers": _lot_of_transformers(draw, words),
        "timm": _lot_of_timm(draw, words, texts),
        "diffusers": _lot_of_diffusers(draw, words),
        "torchvision": _lot_of_torchvision(draw, words),
    }


def texts_but(*left_out: str) -> list[str]:
    """The sources of the kinds, but for those that did not draw yet."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    return [path.read_text() for path in paths if path.name not in left_out]


def _lot_of_transformers(draw: random.Random, words: set[str]) -> list[tuple[str, str]]:
    auto: Any = import_module("transformers.models.auto.modeling_auto")
    heads: dict[str, set[str]] = {}
    for name in sorted(dir(auto)):
        if name.startswith("MODEL") and name.endswith("MAPPING_NAMES"):
            for kind, held in getattr(auto, name).items():
                heads.setdefault(kind, set()).update([held] if isinstance(held, str) else held)

    def is_built(kind: str) -> bool:
        held = auto.MODEL_MAPPING_NAMES[kind]
        stems = [name.removesuffix("Model") for name in ([held] if isinstance(held, str) else held)]
        ends = "(Model|For|Config|Encoder|Decoder|LM|With|$)"
        return any(re.match(f"{stem}{ends}", word) for stem in stems for word in words)

    free = [kind for kind in sorted(auto.MODEL_MAPPING_NAMES) if not is_built(kind)]
    draw.shuffle(free)
    return [(kind, draw.choice(sorted(heads[kind]))) for kind in free[:45]]


def _lot_of_timm(draw: random.Random, words: set[str], texts: Sequence[str]) -> list[str]:
    timm: Any = import_module("timm")
    registry: Any = import_module("timm.models._registry")
    module = {name: registry._model_to_module[name] for name in timm.list_models()}
    built = {module[word] for word in words if word in module}
    built |= {name for text in texts for name in re.findall(r"timm\.models\.(\w+)", text)}
    free = [name for name in module if module[name] not in built]
    draw.shuffle(free)
    return list(dict.fromkeys(module[name] for name in free))[:35]


def _lot_of_diffusers(draw: random.Random, words: set[str]) -> list[str]:
    models: Any = import_module("diffusers.models")
    every = {name for names in models._import_structure.values() for name in names}
    kinds = [
        name
        for name in sorted(every)
        if re.search("Model$|^Autoencoder", name) and "Multi" not in name and name != "AutoModel"
    ]
    return draw.sample([name for name in kinds if name not in words], 10)


_SEEN_IN_TABLES: Final = (  # by names of their own, in the tables of other kinds
    """
    fasterrcnn retinanet ssdlite maskrcnn lraspp googlenet mnasnet mvit squeezenet swin3d maxvit s3d
    swin_v2 vit r2plus1d fcos deeplabv3 fcn raft
    """
)


def _lot_of_torchvision(draw: random.Random, words: set[str]) -> list[str]:
    models: Any = import_module("torchvision.models")
    module = {name: models.get_model_builder(name).__module__ for name in models.list_models()}
    free = [
        name
        for name, place in module.items()
        if name not in words
        and ".quantization" not in place
        and "optical" not in place
        and not name.startswith(tuple(_SEEN_IN_TABLES.split()))
    ]
    draw.shuffle(free)
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(module[name], name)
    return list(first.values())[:10]


# --- smaller than the library makes them


def _less(by: int, number: int) -> int:
    return number // by if number >= max(4 * by, 16) and number % by == 0 else number


@contextmanager
def _narrow(by: int) -> Iterator[None]:
    """Have convolutions, their norms and matrices made with so many times fewer channels."""

    def conv(inner: Any, self: Any, *rest: Any, **more: Any) -> None:
        sizes = [more.pop("in_channels", None), more.pop("out_channels", None)]
        a, b = [each for each in sizes if each] or rest[:2]
        rest = rest if any(sizes) else rest[2:]
        groups = more.get("groups", 1)
        more["groups"] = _less(by, groups) if groups == a else groups
        inner(self, _less(by, a), _less(by, b), *rest, **more)

    def norm(inner: Any, self: Any, a: int, *rest: Any, **more: Any) -> None:
        inner(self, _less(by, a), *rest, **more)

    def linear(inner: Any, self: Any, a: int, b: int, *rest: Any, **more: Any) -> None:
        inner(self, _less(by, a), _less(by, b), *rest, **more)

    def over(kind: Any, change: Any) -> Any:
        inner = kind.__init__
        return patch.object(kind, "__init__", lambda *words, **more: change(inner, *words, **more))

    with (
        over(nn.Conv2d, conv),
        over(nn.Conv3d, conv),
        over(nn.BatchNorm1d, norm),
        over(nn.BatchNorm2d, norm),
        over(nn.BatchNorm3d, norm),
        over(nn.Linear, linear),
    ):
        yield


def _narrower(by: int, make_it: Make) -> Make:
    def build() -> nn.Module:
        with _narrow(by):
            return make_it()

    return build


# --- timm


def _timm(name: str, text: str = "", side: int = 64, by: int = 1) -> Drawn:
    """A model of timm with ten classes and fewer blocks."""
    given = f"model_name='{name}' pretrained=False num_classes=10 {text}"
    build = _from("timm.create_model", given)
    return Drawn(_narrower(by, build) if by > 1 else build, {"x": (1, 3, side, side)})


def _other(name: str, text: str, side: int = 64) -> Drawn:
    """The same, where the function of the model does not let its numbers be replaced."""

    def build() -> nn.Module:
        timm: Any = import_module("timm")
        place: Any = import_module(timm.models.model_entrypoint(name).__module__)
        inner, given = place.build_model_with_cfg, parsed(text)

        def made(*words: Any, **more: Any) -> Any:
            return inner(*words, **{**more, **given})

        with patch.object(place, "build_model_with_cfg", made):
            model: nn.Module = timm.create_model(name, pretrained=False, num_classes=10)
        return model

    return Drawn(build, {"x": (1, 3, side, side)})


def _shallow(*names: str) -> Callable[[Any], None]:
    """Leave one block in each of the stages."""

    def cut(model: Any) -> None:
        for name in names:
            setattr(model, name, nn.Sequential(getattr(model, name)[0]))

    return cut


def _half_heads(model: Any) -> None:
    """As many as a matrix of half the width has."""
    for part in model.modules():
        if hasattr(part, "num_heads"):
            part.num_heads //= 2


def _senet() -> nn.Module:
    kinds: Any = import_module("timm.models.senet")
    model: nn.Module = kinds.SENet(
        kinds.SEResNetBlock,
        [1, 1, 1, 1],
        groups=1,
        reduction=16,
        inplanes=64,
        input_3x3=False,
        downsample_kernel_size=1,
        downsample_padding=0,
        num_classes=10,
    )
    return model


_TIMM: Final[Mapping[str, Drawn]] = {
    "twins": _timm(
        "twins_svt_small", "embed_dims=[32,64,96,128] depths=[1,1,2,1] num_heads=[2,2,4,4]"
    ),
    "regnet": _timm("regnetx_002"),
    "resnest": _timm("resnest14d"),
    "res2net": _timm("res2next50", "layers=[1,1,1,1]"),
    "pvt_v2": _timm("pvt_v2_b0"),
    "swin_transformer": _timm(
        "swin_tiny_patch4_window7_224",
        "img_size=64 embed_dim=32 depths=(1,1,2,1) num_heads=(2,4,4,8)",
    ),
    "starnet": _timm("starnet_s050"),
    "tiny_vit": _timm("tiny_vit_5m_224"),
    "convmixer": _other("convmixer_768_32", "dim=96 depth=4"),
    "metaformer": _other("poolformerv2_s12", "dims=[32,64,96,128] depths=[1,1,2,1]"),
    "tresnet": _timm("tresnet_m", "layers=[1,1,2,1] width_factor=0.5"),
    "mlp_mixer": _timm("gmlp_ti16_224", "img_size=64"),
    "vision_transformer_hybrid": _timm("vit_tiny_r_s16_p8_224", "img_size=64"),
    "vitamin": _timm("vitamin_small_224", "img_size=64 depth=2"),
    "focalnet": _other("focalnet_tiny_srf", "embed_dim=32 depths=[1,1,2,1]"),
    "mobilenetv5": _timm("mobilenetv5_base", "channel_multiplier=0.2"),
    "swin_transformer_v2": _timm(
        "swinv2_tiny_window16_256",
        "img_size=64 window_size=8 embed_dim=32 depths=(1,1,2,1) num_heads=(2,4,4,8)",
    ),
    "swiftformer": _timm("swiftformer_xs"),
    "nest": _other(
        "nest_tiny", "img_size=64 embed_dims=(32,64,96) depths=(1,1,2) num_heads=(2,4,6)"
    ),
    "gcvit": _other("gcvit_xxtiny", "img_size=64 embed_dim=32 depths=(1,1,2,1)"),
    "repghost": _timm("repghostnet_050"),
    "senet": Drawn(_senet, {"x": (1, 3, 64, 64)}),
    "visformer": _timm("visformer_tiny", "img_size=64 depth=(2,2,2)"),
    "inception_resnet_v2": _timm("inception_resnet_v2", side=96, by=4)._replace(
        last=_shallow("repeat", "repeat_1", "repeat_2")
    ),
    "naflexvit": _timm("naflexvit_base_patch16_parfac_gap", "embed_dim=64 depth=2 num_heads=4"),
    "sknet": _timm("skresnet18", "layers=[1,1,1,1]"),
    "qwen3_vit": _timm("qwen3_vit_88m", "embed_dim=64 depth=2 num_heads=4"),
    "vgg": _timm("vgg11", side=224, by=8),
    "shvit": _timm("shvit_s1", side=128),
    "xception_aligned": _timm("xception41p", by=2),
    "rexnet": _timm("rexnet_100"),
    "nextvit": _timm("nextvit_small", "depths=(1,1,5,1)", by=2)._replace(last=_half_heads),
    "selecsls": _timm("selecsls42", by=4),
    "nasnet": _timm("nasnetalarge", "stem_size=12 num_features=480", side=96),
    "inception_v4": _timm("inception_v4", side=96, by=4),
}


# --- torchvision


def _vision(name: str, text: str, inputs: Inputs, by: int = 1) -> Drawn:
    """A model of torchvision, with ten classes; its users save with torch."""
    build = _from(f"torchvision.models.{name}", text)
    return Drawn(_narrower(by, build) if by > 1 else build, inputs, save="pth")


def _resnext() -> nn.Module:
    kinds: Any = import_module("torchvision.models.resnet")
    model: nn.Module = kinds.ResNet(
        kinds.Bottleneck, [1, 1, 1, 1], num_classes=10, groups=32, width_per_group=4
    )
    return model


def _convnext(*sizes: tuple[int, int | None, int]) -> nn.Module:
    """Of stages of so many channels, so many for the next one, and so many blocks."""
    kinds: Any = import_module("torchvision.models.convnext")
    model: nn.Module = kinds.ConvNeXt(
        [kinds.CNBlockConfig(*each) for each in sizes], num_classes=10
    )
    return model


def _ssd() -> nn.Module:
    """The detector of a narrower network, with what scales one map as narrow."""
    kinds: Any = import_module("torchvision.models.detection.ssd")
    with _narrow(8):
        inner: Any = kinds._vgg_extractor(_get("torchvision.models.vgg16")(), False, 5)
    inner.scale_weight = nn.Parameter(torch.ones(64) * 20)
    ratios = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
    scales = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
    steps = [8, 16, 32, 64, 100, 300]
    boxes = kinds.DefaultBoxGenerator(ratios, scales=scales, steps=steps)
    given = parsed("score_thresh=0.0 detections_per_img=20 topk_candidates=40")
    model: nn.Module = kinds.SSD(inner, boxes, (300, 300), 5, **given)
    return model


def _doubtful(model: Any) -> None:
    """Scores that differ, where they would all be one."""
    for part in model.head.parameters():
        part.mul_(1e-3)


_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "resnext101_32x8d": Drawn(_resnext, _X64, save="pth"),
    "mc3_18": _vision("video.mc3_18", "num_classes=10", {"x": (1, 3, 4, 32, 32)}, by=4),
    "regnet_y_400mf": _vision("regnet_y_400mf", "num_classes=10", _X64),
    "ssd300_vgg16": Drawn(_ssd, {"images": (1, 3, 300, 300)}, save="pth", last=_doubtful),
    "vgg16_bn": _vision("vgg16_bn", "num_classes=10", {"x": (1, 3, 224, 224)}, by=8),
    "efficientnet_v2_s": _vision("efficientnet_v2_s", "num_classes=10", _X64, by=4),
    "convnext_large": Drawn(
        partial(_convnext, (32, 64, 1), (64, 96, 1), (96, 128, 2), (128, None, 1)), _X64, save="pth"
    ),
    "alexnet": _vision("alexnet", "num_classes=10", {"x": (1, 3, 224, 224)}, by=4),
    "shufflenet_v2_x1_0": _vision("shufflenet_v2_x1_0", "num_classes=10", _X64),
    "densenet161": _vision(
        "DenseNet",
        "growth_rate=16 block_config=(3,3,4,3) num_init_features=32 num_classes=10",
        _X64,
    ),
}


# --- transformers


def _known(kind: str, text: str, inputs: Inputs, call: Call | None = None, **parts: Any) -> Drawn:
    """A class of transformers with its own configuration, whose parts are text or tables of it."""

    def build() -> nn.Module:
        library: Any = import_module("transformers")
        architecture = getattr(library, kind)
        given = parsed(text) | {name: _part(part) for name, part in parts.items()}
        model: nn.Module = architecture(architecture.config_class(**given))
        return model

    return Drawn(build, inputs, call or _by_name(list(inputs)), "pretrained")


def _part(part: Any) -> Any:
    """A table of parts within parts, or text with the values of the last of them."""
    if isinstance(part, str):
        return parsed(part)
    held = {name: _part(value) for name, value in part.items() if name}
    return held | _part(part.get("", ""))


def _by_name(names: Sequence[str], **fixed: Any) -> Call:
    return lambda inner, *values: inner(**dict(zip(names, values, strict=True)), **fixed)


_ROW: Final = [5, 9, 17, 3, 30, 12, 8, 44]
_IDS: Final = torch.tensor([_ROW])
_TEXT: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_WIDE: Final = "hidden_size=64 num_hidden_layers=2 num_attention_heads=4 intermediate_size=128"
_WORDS: Final = f"{_WIDE} vocab_size=99 max_position_embeddings=64"
_LM: Final = f"""
    {_WORDS} num_key_value_heads=2 pad_token_id=0 bos_token_id=1 eos_token_id=2 use_cache=False
"""
_HEADS: Final = "head_dim=16"
_SEQ2SEQ: Final = """
    d_model=64 encoder_layers=2 decoder_layers=2 encoder_attention_heads=4 decoder_attention_heads=4
    encoder_ffn_dim=128 decoder_ffn_dim=128 vocab_size=99 max_position_embeddings=64 use_cache=False
"""
_BOTH: Final[Inputs] = {"input_ids": _IDS, "decoder_input_ids": _IDS[:, :5]}
_MOE: Final = "moe_intermediate_size=32 num_experts_per_tok=2"
_LINEAR: Final = """
    linear_key_head_dim=16 linear_num_key_heads=2 linear_num_value_heads=4 linear_value_head_dim=16
"""


def _mixed(token: int, count: int) -> Tensor:
    """Words with places for what is heard or seen among them."""
    return torch.tensor([[5, 9, *[token] * count, 17, 3, 30]])


def _mask(ids: Tensor) -> Tensor:
    return torch.ones_like(ids)


_GRID: Final = torch.tensor([[1, 4, 4]])
_SPARK_TEXT: Final = f"""
    {_LM} {_HEADS} moe_hidden_size=48 moe_intermediate_size=32 num_local_experts=4
    num_experts_per_tok=2 layer_rope_theta=[500000.0,0] sliding_window=4
    layer_types=['sliding_attention','full_attention'] mlp_layer_types=['sparse','sparse']
"""
_EARS: Final = """
    hidden_size=32 num_hidden_layers=2 num_attention_heads=4 num_key_value_heads=4
    intermediate_size=64 num_mel_bins=16 max_position_embeddings=64
"""
_TRANSCRIBE_AUDIO: Final[Mapping[str, Any]] = {
    "asr_config": _EARS,
    "diarization_config": {
        "audio_config": _EARS,
        "head_config": "audio_hidden_size=32 hidden_size=24 num_speakers=4",
        "streaming_config": "num_speakers=4",
    },
}
_DECODER: Final = """
    hidden_size=32 num_hidden_layers=2 num_attention_heads=4 num_key_value_heads=4 head_dim=8
    intermediate_size=64 num_filters=8 upsample_groups=32 upsampling_ratios=[4,2]
"""
_SMALL: Final = "hidden_size=32 num_attention_heads=4 intermediate_size=64 num_layers=2"
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "granite_speech": _known(
        "GraniteSpeechModel",
        "audio_token_index=98 has_lora_adapter=False window_size=15 downsample_rate=5",
        {
            "input_ids": _mixed(98, 6),
            "input_features": (1, 30, 20),
            "attention_mask": _mask(_mixed(98, 6)),
        },
        encoder_config="""
            context_size=10 conv_kernel_size=5 dim_head=16 feedforward_mult=2 hidden_dim=32
            input_dim=20 max_pos_emb=16 num_heads=2 num_layers=2 output_dim=12
        """,
        projector_config=f"model_type='blip_2_qformer' {_WORDS} encoder_hidden_size=32",
        text_config=f"model_type='granite' {_LM}",
    ),
    "hunyuan_vl_vision": _known(
        "HunYuanVLVisionTransformer",
        f"""
            {_WIDE} num_key_value_heads=4 out_hidden_size=48 text_hidden_size=48 patch_size=8
            max_image_size=64
        """,
        {"pixel_values": (16, 192), "grid_thw": _GRID},
    ),
    "ministral3": _known(
        "Ministral3ForSequenceClassification", f"{_LM} {_HEADS} num_labels=3", _TEXT
    ),
    "lara_mini": _known(
        "LaraMiniModel",
        f"""
            {_LM} {_HEADS} {_MOE} {_LINEAR} num_experts=4 shared_expert_intermediate_size=32
            sliding_window=4 num_hidden_layers=3
            layer_types=['linear_attention','sliding_attention','full_attention']
        """,
        _TEXT,
    ),
    "video_llama_3": _known(
        "VideoLlama3Model",
        "image_token_id=98 video_token_id=97",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (16, 192),
            "image_grid_thw": _GRID,
            "image_merge_sizes": torch.tensor([2]),
        },
        text_config=f"model_type='qwen2' {_LM}",
        vision_config=f"{_WIDE} patch_size=8",
    ),
    "bigbird_pegasus": _known("BigBirdPegasusModel", _SEQ2SEQ, _BOTH),
    "granite_docling": _known(
        "GraniteDoclingModel",
        "image_token_id=98 pad_token_id=0 use_cache=False",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 1, 3, 32, 32),
            "pixel_attention_mask": torch.ones((1, 1), dtype=torch.bool),
        },
        text_config=_LM,
        vision_config=f"""
            {_WIDE} image_size=32 patch_size=8 scale_factor=2 out_hidden_size=64
            deepstack_visual_indexes=[0,1]
        """,
    ),
    "sam3_lite_text": _known(
        "Sam3LiteTextModel",
        "",
        {"pixel_values": (1, 3, 56, 56), **_TEXT},
        detr_decoder_config=f"{_SMALL} num_queries=8",
        detr_encoder_config=_SMALL,
        geometry_encoder_config=_SMALL,
        mask_decoder_config="hidden_size=32 num_attention_heads=4",
        text_config=f"{_WIDE} vocab_size=99 projection_dim=48 max_position_embeddings=16",
        vision_config={
            "backbone_config": """
                model_type='sam3_vit_model' hidden_size=32 intermediate_size=64 num_hidden_layers=2
                num_attention_heads=2 image_size=56 pretrain_image_size=56 window_size=2
                global_attn_indexes=[1]
            """,
            "": "backbone_feature_sizes=[[16,16],[8,8],[4,4]] fpn_hidden_size=32",
        },
    ),
    "mt5": _known(
        "MT5EncoderModel",
        "d_model=64 d_kv=16 d_ff=128 num_layers=2 num_heads=4 vocab_size=99 use_cache=False",
        _TEXT,
    ),
    "ultravbert": _known(
        "UltraVBertModel",
        "image_token_id=98 pixel_shuffle_factor=2",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 1, 3, 32, 32),
        },
        text_config=f"{_LM} {_HEADS} layer_types=['sliding_attention','full_attention']",
        vision_config=f"{_WIDE} image_size=32 patch_size=8",
    ),
    "omniasr_ctc": _known(
        "OmniASRForCTC",
        "vocab_size=40",
        {"input_values": (1, 1, 800)},
        audio_config=f"""
            {_WIDE} conv_dim=(32,32,32) conv_kernel=(10,3,3) conv_stride=(5,2,2)
            num_conv_pos_embeddings=16 num_conv_pos_embedding_groups=4
        """,
    ),
    "solar_open": _known("SolarOpenModel", f"{_LM} {_HEADS} {_MOE} n_routed_experts=4", _TEXT),
    "lfm3": _known(
        "Lfm3Model",
        f"{_LM} {_HEADS} conv_L_cache=3 layer_types=['conv','full_attention']",
        _TEXT,
    ),
    "plbart": _known("PLBartForConditionalGeneration", _SEQ2SEQ, _BOTH),
    "sam3_lite_text_text_model": _known(
        "Sam3LiteTextTextModel",
        f"{_WIDE} vocab_size=99 projection_dim=48 max_position_embeddings=16",
        _TEXT,
    ),
    "zamba": _known(
        "ZambaModel",
        f"""
            {_LM} num_key_value_heads=4 layers_block_type=['linear_attention','hybrid','hybrid'] num_hidden_layers=3
            attention_hidden_size=128 attention_head_dim=32 mamba_dt_rank=4 use_mamba_kernels=False
        """,
        _TEXT,
    ),
    "voxtral": _known(
        "VoxtralForConditionalGeneration",
        "audio_token_id=98",
        {
            "input_ids": _mixed(98, 4),
            "input_features": (1, 20, 32),
            "attention_mask": _mask(_mixed(98, 4)),
        },
        audio_config=f"{_WIDE} intermediate_size=256 num_mel_bins=20 max_source_positions=16",
        text_config=f"model_type='llama' {_LM} {_HEADS}",
    ),
    "mellum": _known(
        "MellumModel",
        f"""
            {_LM} {_HEADS} {_MOE} num_local_experts=4 sliding_window=4
            layer_types=['sliding_attention','full_attention'] mlp_layer_types=['sparse','sparse']
        """,
        _TEXT,
    ),
    "gradium_phonon_tts": _known(
        "GradiumPhononTTSForConditionalGeneration",
        f"{_LM} {_HEADS} num_key_value_heads=4 audio_prompt_dim=24 latent_dim=8",
        {"input_ids": _IDS + 10, "attention_mask": torch.ones_like(_IDS)},
        flow_head_config="""
            condition_dim=64 frequency_embedding_size=16 hidden_size=32 latent_dim=8
            num_hidden_layers=2 loss_weighting_hidden_size=8 loss_weighting_num_layers=2
        """,
    ),
    "pocket_tts_audio_tokenizer_decoder": _known(
        "PocketTTSAudioTokenizerDecoderModel",
        f"{_DECODER} latent_dim=8 latent_stride=4",
        {"latents": (1, 32, 12)},
    ),
    "bert-generation": _known(
        "BertGenerationDecoder", f"{_WORDS} is_decoder=True use_cache=False", _TEXT
    ),
    "xcodec2": _known(
        "Xcodec2Model",
        f"""
            {_WIDE} num_key_value_heads=4 {_HEADS} encoder_hidden_size=8 quantization_dim=128
            downsampling_ratios=(2,2) quantization_levels=(4,4)
        """,
        {"input_values": (1, 1, 64), "input_features": (1, 16, 20)},
        semantic_model_config=f"""
            {_WIDE} feature_projection_input_dim=20 output_hidden_size=64
            conv_depthwise_kernel_size=5
        """,
    ),
    "nemotron3_5_transcribe_audio": _known(
        "Nemotron3_5TranscribeAudioModel",
        "",
        {"input_features": (1, 64, 16)},
        **_TRANSCRIBE_AUDIO,
    ),
    "apertus1p5_text": _known("Apertus1p5TextForCausalLM", _LM, _TEXT),
    "blip-2": _known(
        "Blip2ForImageTextRetrieval",
        "image_text_hidden_size=32 num_query_tokens=6",
        {"pixel_values": (1, 3, 32, 32), **_TEXT},
        qformer_config=f"{_WORDS} encoder_hidden_size=64 use_qformer_text_input=True",
        text_config=f"model_type='opt' {_WORDS} ffn_dim=128 word_embed_proj_dim=64",
        vision_config=f"{_WIDE} image_size=32 patch_size=8",
    ),
    "smolvlm": _known(
        "SmolVLMModel",
        "image_token_id=98 use_cache=False",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 1, 3, 32, 32),
        },
        text_config=f"model_type='llama' {_LM} {_HEADS}",
        vision_config=f"{_WIDE} image_size=32 patch_size=8",
    ),
    "videoprism_vision_model": _known(
        "VideoPrismForVideoClassification",
        f"""
            {_WIDE} image_size=32 num_frames=4 tubelet_size=(1,8,8) num_spatial_layers=2
            num_temporal_layers=2 num_auxiliary_layers=1 num_labels=5
        """,
        {"pixel_values_videos": (1, 4, 3, 32, 32)},
    ),
    "muse_spark_text": _known("MuseSparkTextModel", _SPARK_TEXT, _TEXT),
    "blip_2_qformer": _known(
        "Blip2QFormerModel",
        f"{_WORDS} encoder_hidden_size=48",
        {"query_embeds": (1, 6, 64), "encoder_hidden_states": (1, 10, 48)},
    ),
    "levit": _known(
        "LevitForImageClassificationWithTeacher",
        """
            hidden_sizes=(32,48,64) depths=(1,1,1) key_dim=(8,8,8) num_attention_heads=(2,3,4)
            image_size=64 num_labels=5
        """,
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "olmo_hybrid": _known(
        "OlmoHybridForCausalLM",
        f"{_LM} {_LINEAR} linear_num_key_heads=4 layer_types=['linear_attention','full_attention']",
        _TEXT,
    ),
    "mobilenet_v1": _known(
        "MobileNetV1Model", "depth_multiplier=0.25 image_size=64", {"pixel_values": (1, 3, 64, 64)}
    ),
    "mra": _known(
        "MraForQuestionAnswering", f"{_WORDS} num_labels=2", {"input_ids": _IDS.repeat(1, 8)}
    ),
    "lasr_ctc": _known(
        "LasrForCTC",
        "vocab_size=40",
        {"input_features": (1, 40, 20)},
        encoder_config=f"""
            {_WIDE} num_key_value_heads=4 num_mel_bins=20 conv_kernel_size=4
            subsampling_conv_channels=16
        """,
    ),
    "muse_spark": _known(
        "MuseSparkForConditionalGeneration",
        """
            audio_token_id=96 image_token_id=98 video_token_id=97 out_hidden_size=256
            projector_hidden_size=40
        """,
        {
            "input_ids": _mixed(98, 4),
            "pixel_values": (16, 3 * 2 * 8 * 8),
            "image_grid_thw": _GRID,
            "attention_mask": _mask(_mixed(98, 4)),
        },
        audio_config="""
            hidden_sizes=(8,16,24,32) depths=(1,1,1,1) patch_sizes=(4,2,2,2) out_hidden_size=64
        """,
        text_config=_SPARK_TEXT,
        vision_config=f"""
            {_WIDE} patch_size=8 pos_emb_height=8 pos_emb_width=8
            layer_types=['window_attention','full_attention']
        """,
    ),
    "minicpm_ocr_vision": _known(
        "MiniCPMOcrVisionModel",
        f"{_WIDE} image_size=32 patch_size=8 insert_layer_id=0",
        {"pixel_values": (1, 3, 32, 32), "target_sizes": torch.tensor([[4, 4]], dtype=torch.int32)},
    ),
    "nemo_speechlm": _known(
        "Nemotron3_5TranscribeModel",
        "audio_token_id=98",
        {
            "input_ids": _mixed(98, 8),
            "input_features": (1, 64, 16),
            "input_features_mask": torch.ones((1, 64), dtype=torch.int64),
            "attention_mask": _mask(_mixed(98, 8)),
        },
        audio_config=_TRANSCRIBE_AUDIO,
        text_config=f"""
            model_type='nemotron_h' {_LM} {_HEADS} {_MOE} n_routed_experts=4 n_groups=2
            layers_block_type=['linear_attention','moe','full_attention'] mamba_head_dim=16
            mamba_num_heads=8 ssm_state_size=16 moe_shared_expert_intermediate_size=32 chunk_size=8
            use_mamba_kernels=False
        """,
        word_timestamp_config=f"{_EARS} vocab_size=40 blank_token_id=39",
    ),
    "beam": _known(
        "BeamModel",
        f"""
            {_LM} {_HEADS} {_MOE} num_experts=8 n_group=2 topk_group=1 sliding_window=4
            layer_types=['sliding_attention','full_attention'] mlp_layer_types=['dense','sparse']
        """,
        _TEXT,
    ),
    "openai-gpt": _known(
        "OpenAIGPTModel", "n_embd=64 n_head=4 n_layer=2 n_positions=32 vocab_size=99", _TEXT
    ),
    "hrm_text": _known("HrmTextForCausalLM", f"{_LM} {_HEADS} num_layers_per_stack=2", _TEXT),
    "exaone_moe": _known(
        "ExaoneMoeModel",
        f"""
            {_LM} {_HEADS} {_MOE} num_experts=4 sliding_window=4
            layer_types=['sliding_attention','full_attention'] mlp_layer_types=['dense','sparse']
        """,
        _TEXT,
    ),
    "video_llama_3_vision": _known(
        "VideoLlama3VisionModel",
        f"{_WIDE} patch_size=8",
        {
            "pixel_values": (16, 192),
            "grid_thw": _GRID,
            "merge_sizes": torch.tensor([2]),
        },
    ),
    "mimi_decoder": _known(
        "MimiDecoderModel",
        f"""
            {_DECODER} codebook_dim=16 codebook_size=32 num_quantizers=4
            vector_quantization_hidden_dimension=16
        """,
        {"latents": (1, 32, 12)},
    ),
    "bailing_hybrid": _known(
        "BailingHybridForCausalLM",
        f"""
            {_LM} {_HEADS} {_MOE} num_key_value_heads=4 num_experts=8 num_expert_group=2
            topk_group=1 num_experts_per_token=2 kv_lora_rank=16 qk_head_dim=24 qk_nope_head_dim=16
            qk_rope_head_dim=8 v_head_dim=16 linear_head_dim=16 linear_num_heads=4
            layer_types=['linear_attention','full_attention'] mlp_layer_types=['dense','sparse']
            first_k_dense_replace=1 num_nextn_predict_layers=0
        """,
        _TEXT,
    ),
    "cohere2": _known(
        "Cohere2Model",
        f"{_LM} {_HEADS} sliding_window=4 layer_types=['sliding_attention','full_attention']",
        _TEXT,
    ),
}


# --- diffusers


def _diffuser(kind: str, text: str, inputs: Inputs, call: Call | None = None) -> Drawn:
    """A model of diffusers, whose configuration is its constructor's words."""
    called = call or _by_name(list(inputs), return_dict=False)
    return Drawn(_from(f"diffusers.{kind}", text), inputs, called, "pretrained")


def _united(inner: Any, sample: Tensor, when: Tensor, words: Tensor, seen: Tensor) -> Any:
    """With one of the conditions that it knows."""
    control = torch.zeros(1, 6)
    control[0, 1] = 1
    return inner(sample, when, words, [seen], control, [1], return_dict=False)


_WHEN: Final = torch.tensor([500])
_VIDEO: Final[Inputs] = {"sample": (1, 3, 5, 32, 32)}
_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "EasyAnimateTransformer3DModel": _diffuser(
        "EasyAnimateTransformer3DModel",
        """
            num_attention_heads=4 attention_head_dim=16 in_channels=4 out_channels=4 patch_size=2
            sample_width=8 sample_height=8 num_layers=2 mmdit_layers=1 time_embed_dim=16
            text_embed_dim=24
        """,
        {
            "hidden_states": (1, 4, 2, 8, 8),
            "timestep": _WHEN,
            "encoder_hidden_states": (1, 6, 24),
        },
    ),
    "AutoencoderKLKVAEVideo": _diffuser(
        "AutoencoderKLKVAEVideo",
        "ch=32 ch_mult=(1,2) num_res_blocks=1 z_channels=4 temporal_compress_times=2",
        _VIDEO,
    ),
    "AllegroTransformer3DModel": _diffuser(
        "AllegroTransformer3DModel",
        """
            num_attention_heads=4 attention_head_dim=24 num_layers=2 cross_attention_dim=96
            sample_height=8 sample_width=8 sample_frames=2 caption_channels=24
        """,
        {
            "hidden_states": (1, 4, 2, 8, 8),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": _WHEN,
        },
    ),
    "AutoencoderKLHunyuanVideo": _diffuser(
        "AutoencoderKLHunyuanVideo",
        """
            latent_channels=4 block_out_channels=(16,16,32,32) layers_per_block=1 norm_num_groups=4
        """,
        _VIDEO,
    ),
    "ControlNetUnionModel": _diffuser(
        "ControlNetUnionModel",
        """
            down_block_types=('CrossAttnDownBlock2D','DownBlock2D') block_out_channels=(32,64)
            layers_per_block=1 norm_num_groups=8 cross_attention_dim=32 attention_head_dim=4
            conditioning_embedding_out_channels=(8,16) num_trans_channel=32 num_trans_head=4
            num_proj_channel=32 addition_embed_type_num_heads=4 addition_time_embed_dim=8
            projection_class_embeddings_input_dim=48
        """,
        {
            "sample": (1, 4, 16, 16),
            "timestep": _WHEN,
            "encoder_hidden_states": (1, 6, 32),
            "controlnet_cond": (1, 3, 32, 32),
        },
        _united,
    ),
    "SanaControlNetModel": _diffuser(
        "SanaControlNetModel",
        """
            in_channels=8 out_channels=8 num_attention_heads=4 attention_head_dim=16 num_layers=2
            num_cross_attention_heads=4 cross_attention_head_dim=16 cross_attention_dim=64
            caption_channels=24 sample_size=8
        """,
        {
            "hidden_states": (1, 8, 8, 8),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": _WHEN,
            "controlnet_cond": (1, 8, 8, 8),
        },
    ),
    "Flux2Transformer2DModel": _diffuser(
        "Flux2Transformer2DModel",
        """
            in_channels=16 num_layers=1 num_single_layers=2 attention_head_dim=16
            num_attention_heads=4 joint_attention_dim=48 timestep_guidance_channels=32
            axes_dims_rope=(4,4,4,4)
        """,
        {
            "hidden_states": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 48),
            "timestep": torch.tensor([0.5]),
            "img_ids": torch.arange(64.0).reshape(1, 16, 4) % 4,
            "txt_ids": torch.arange(24.0).reshape(1, 6, 4) % 3,
            "guidance": torch.tensor([3.5]),
        },
    ),
    "Krea2Transformer2DModel": _diffuser(
        "Krea2Transformer2DModel",
        """
            in_channels=16 num_layers=2 attention_head_dim=16 num_attention_heads=4
            num_key_value_heads=2 intermediate_size=128 timestep_embed_dim=32 text_hidden_dim=48
            num_text_layers=3 text_num_attention_heads=4 text_num_key_value_heads=4
            text_intermediate_size=64 num_layerwise_text_blocks=1 num_refiner_text_blocks=1
            axes_dims_rope=(4,6,6)
        """,
        {
            "hidden_states": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 3, 48),
            "timestep": torch.tensor([0.5]),
            "position_ids": torch.arange(66).reshape(22, 3) % 5,
        },
    ),
    "AutoencoderKLLTXVideo": _diffuser(
        "AutoencoderKLLTXVideo",
        """
            latent_channels=8 block_out_channels=(16,32) decoder_block_out_channels=(16,32)
            down_block_types=('LTXVideoDownBlock3D','LTXVideoDownBlock3D') layers_per_block=(1,1,1)
            decoder_layers_per_block=(1,1,1) spatio_temporal_scaling=(True,False)
            decoder_spatio_temporal_scaling=(True,False) decoder_inject_noise=(False,False,False)
            downsample_type=('conv','conv') upsample_residual=(False,False) upsample_factor=(1,1)
        """,
        _VIDEO,
    ),
    "HunyuanVideo15Transformer3DModel": _diffuser(
        "HunyuanVideo15Transformer3DModel",
        """
            in_channels=9 out_channels=4 num_attention_heads=4 attention_head_dim=16 num_layers=2
            num_refiner_layers=1 text_embed_dim=24 text_embed_2_dim=20 image_embed_dim=28
            rope_axes_dim=(4,6,6)
        """,
        {
            "hidden_states": (1, 9, 2, 4, 4),
            "timestep": torch.tensor([500.0]),
            "encoder_hidden_states": (1, 6, 24),
            "encoder_attention_mask": torch.ones((1, 6), dtype=torch.bool),
            "encoder_hidden_states_2": (1, 5, 20),
            "encoder_attention_mask_2": torch.ones((1, 5), dtype=torch.bool),
            "image_embeds": (1, 3, 28),
        },
    ),
}


# --- build, compare, ship


def _nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """What torchvision's binary does."""
    order = scores.argsort(descending=True, stable=True)
    left, kept = order.tolist(), []
    overlap = _get("torchvision.ops.box_iou")(boxes, boxes)
    while left:
        kept.append(left[0])
        left = [other for other in left[1:] if overlap[left[0], other] <= threshold]
    return torch.tensor(kept, dtype=torch.int64)


_KEPT: Final[list[Any]] = []


def _declare() -> None:
    declare_operators()
    if not _KEPT:
        define: Any = torch.library.Library  # not typed by torch
        library = define("torchvision", "IMPL")
        library.impl("nms", _nms, "CPU", allow_override=True)
        _KEPT.append(library)


def _uint8(source: Path, target: Path, inputs: Path) -> None:
    """Quantized with calibration, all of it without a sign, weights by tensor."""
    from onnxruntime.quantization import QuantType, quantize_static

    with np.load(inputs) as held:
        rows = iter([dict(held)])
    quantize_static(
        _inferable(source),
        target,
        type("Once", (), {"get_next": lambda self: next(rows, None)})(),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QUInt8,
    )


def _four_bits(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=32, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), False)


_STEPS: Final[Mapping[str, Step]] = {
    "onnxslim": POSTPROCESSORS["onnxslim"],
    "onnxsim": POSTPROCESSORS["onnxsim"],
    "ort-basic": POSTPROCESSORS["ort-basic"],
    "ort-extended": POSTPROCESSORS["ort-extended"],
    "fp16-common": halved,
    "int8-dynamic": POSTPROCESSORS["int8-dynamic"],
    "int8-dynamic-channels": _dynamic_channels,
    "int8-static-channels": channels,
    "int4-block32": _four_bits,
    "uint8-static": _uint8,
}
_DRAWS: Final = (*_STEPS, "ort-basic+int8-dynamic")
_CODES: Final = frozenset(
    {
        onnx.TensorProto.INT8,
        onnx.TensorProto.UINT8,
        onnx.TensorProto.INT4,
        onnx.TensorProto.UINT4,
    }
)


def _drawn(title: str, exporter: str) -> list[str]:
    """The one or two steps that are done to an export."""
    draw = random.Random(f"{SEED} {title} {exporter}")
    return draw.sample(_DRAWS, draw.randint(1, 2))


def _holds_codes(path: Path) -> bool:
    held = onnx.load(path).graph.initializer
    return any(each.data_type in _CODES and len(each.dims) > 1 for each in held)


def _fed(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays by the names that the artifact has for its inputs: some are left out, and
    TorchScript counts some, or names them by what takes them.
    """
    fed: dict[str, Any] = {}
    left = dict(known)
    values = onnx.load(path, load_external_data=False).graph.input
    short = [re.sub(r"\.\d+$", "", value.name) for value in values]
    for value, name in zip(values, short, strict=True):
        fed[value.name] = left.pop(name, None)
    for value in values:
        if fed[value.name] is None:
            fed[value.name] = left.pop(next(name for name in left if _fits(value, left[name])))
    return fed


def _fits(value: onnx.ValueInfoProto, array: Any) -> bool:
    kind = value.type.tensor_type
    sizes = tuple(each.dim_value for each in kind.shape.dim)
    return bool(
        sizes == array.shape and onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type) == array.dtype
    )


def _saved(model: nn.Module, form: str, folder: Path) -> None:
    """The truth, and the checkpoint as the library's users save it; where a library saves other
    names than the module has, the module's state beside it, by which names are measured.
    """
    tell(model, folder)
    plain = folder / "ref.safetensors"
    if form == "pth":
        plain.unlink()
        torch.save({name: value.clone() for name, value in tensors_of(model)}, folder / "ref.pth")
    elif form == "pretrained":
        (folder / "module.safetensors").write_bytes(plain.read_bytes())
        with tempfile.TemporaryDirectory() as work:
            saves: Any = model
            saves.save_pretrained(work)
            (made,) = Path(work).glob("*.safetensors")
            plain.write_bytes(made.read_bytes())


def _by_library(model: Any, rows: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """What the exporter of transformers itself makes of a model that torch's alone does not take:
    it replaces what cannot be traced. The inputs, and those that it computes before.
    """
    place: Any = import_module("transformers.exporters.exporter_onnx")
    given = dict(rows)
    replaced = vars(model).pop("forward")
    try:
        made = place.OnnxExporter().export(model, given, config=place.OnnxConfig())
    finally:
        model.forward = replaced
    onnx.save(import_module("onnx_ir").to_proto(made.program), path)
    return {name: held.numpy() for name, held in given.items() if isinstance(held, Tensor)}


class Apart:
    """How far the outputs of what was made of a case's exports are, in ``apart.json``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "apart.json"
        is_there = self._path.exists()
        self._by_variant: dict[str, str] = json.loads(self._path.read_text()) if is_there else {}

    def note(self, path: Path, made: list[Any] | None, wanted: list[Any]) -> None:
        """Hold an artifact's outputs against the module's; ``None`` where it did not run."""
        if made is None:
            return
        try:
            compare(made, wanted, 1e-9)
        except ValueError as error:
            self._by_variant[path.parent.name] = str(error)

    def write(self) -> None:
        self._path.write_text(json.dumps(self._by_variant))


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    torch.set_num_threads(1)
    _declare()
    model, values = with_values(title, drawn.build, drawn.inputs, drawn.last)
    _saved(model, drawn.save, folder)
    rows = dict(zip(drawn.inputs, values, strict=True))
    _positional(model, list(rows), drawn.call)
    with torch.no_grad():
        wanted = [part.detach().clone().numpy() for part in model(*values)]
    more: dict[str, Any] = {}  # inputs that are computed before
    known = {name: value.numpy() for name, value in rows.items()}
    apart = Apart(folder)

    def followed(path: Path) -> None:
        made = _run(path, list(_fed(path, {**known, **more}).values()))
        if made is not None:
            compare(made, wanted, 2e-3)

    def plain(exporter: str, path: Path) -> None:
        export(model, tuple(values), exporter, path)
        followed(path)

    def by_library(path: Path) -> None:
        more.update(_by_library(model, rows, path))
        followed(path)

    def stepped(step: str, source: Path, inputs: Path, path: Path) -> None:
        shipped(_STEPS, step.split("+"), source, inputs, path)
        if "int" in step and not _holds_codes(path):
            raise ValueError("nothing of it was quantized")
        apart.note(path, _run(path, list(_fed(path, {**known, **more}).values())), wanted)

    with tempfile.TemporaryDirectory() as work:
        for exporter in EXPORTERS:
            variant = exporter
            source = make(folder, exporter, partial(plain, exporter))
            if source is None and exporter == "dynamo" and title.startswith("transformers"):
                variant = "dynamo-library"
                source = make(folder, variant, by_library)
            if source is None:
                continue
            inputs = Path(work) / f"{variant}.npz"
            np.savez(inputs, **_fed(source, {**known, **more}))
            for step in _drawn(title, exporter):
                make(folder, f"{variant}+{step}", partial(stepped, step, source, inputs))
    apart.write()


DAMAGED: Final[dict[str, str]] = {}  # none: the codes of each are within a step of its weights
UNBUILT: Final = {  # drawn, and not one of the exporters takes it
    "transformers-muse_spark": "sizes that depend on data, and an operator that TorchScript lacks",
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
