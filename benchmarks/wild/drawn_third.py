"""A third draw by lot: from the libraries of ``drawn_again``, from torchaudio, and from the smaller
packages of the environment ``wider``.

What was built before is not in the lot, or not in that size. What could not be made at all is in
``UNBUILT``, and nothing was taken in its place. The form of the checkpoint is drawn for each model
of those that users of its library have, and one or two chains of steps for each export: more
settings of the quantizers than before, and exports of the model in 16 bits.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import onnx
import torch
from postprocess import POSTPROCESSORS, _inferable
from torch import nn

from wild import drawn_again as again
from wild import drawn_models as earlier
from wild import later_models, other_models
from wild.drawn_again import _ROPE, _four_bits, _static
from wild.drawn_models import (
    _BOTH,
    _GRID,
    _HEADS,
    _IDS,
    _LM,
    _MOE,
    _TEXT,
    _WIDE,
    _WORDS,
    Drawn,
    _by_name,
    _diffuser,
    _known,
    _mask,
    _mixed,
    _narrower,
    _other,
    _timm,
    _vision,
)
from wild.further_models import _absent
from wild.later_models import Call, _from, _get
from wild.shipping import declare_operators
from wild.steps import Step
from wild.tables import Inputs, parsed
from wild.workshop import Builder, export, tell, tensors_of

Tensor = torch.Tensor
SEED: Final = 20261202


# --- the lots


def lots() -> dict[str, list[Any]]:
    """What was drawn of each library; of a package one network that is no part of another there."""
    declare_operators()
    texts = earlier.texts_but(*earlier.DRAWN[2:])
    words = set(re.findall(r"\w+", "\n".join(texts)))
    return {
        "transformers": earlier._lot_of_transformers(random.Random(SEED), words)[:28],
        "timm": _lot_of_timm(words)[:13],
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:7],
        "torchvision": earlier._lot_of_torchvision(random.Random(SEED), words)[:5],
        "torchaudio": _lot_of_torchaudio(words),
        "packages": _lot_of_packages(words)[:18],
    }


def _lot_of_timm(words: set[str]) -> list[tuple[str, str]]:
    """A model for each module, of those that are not named anywhere."""
    timm: Any = import_module("timm")
    registry: Any = import_module("timm.models._registry")
    module = {name: registry._model_to_module[name] for name in timm.list_models()}
    free = [name for name in module if name not in words]
    random.Random(SEED).shuffle(free)
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(module[name], name)
    return list(first.items())


def _lot_of_torchaudio(words: set[str]) -> list[str]:
    models: Any = import_module("torchaudio.models")
    free = [name for name in sorted(models.__all__) if name not in words and name[0].islower()]
    return random.Random(SEED).sample(free, 3)


def _lot_of_packages(words: set[str]) -> list[tuple[str, str]]:
    """A class of each package, in the order that was drawn."""
    block = (Path(__file__).parent / "setup.sh").read_text().partition("\nnew wider\n")[2]
    small = block.partition("\nnew ")[0].rpartition("--no-build-isolation")[2]
    free = {name: _networks(name, words) for name in sorted(re.findall(r"([\w.-]+)==", small))}
    order = [name for name, held in free.items() if held]
    draw = random.Random(SEED)
    draw.shuffle(order)
    return [(name, draw.choice(free[name])) for name in order]


def _networks(package: str, words: set[str]) -> list[str]:
    """The modules of a package that have four parts or more, and are no parts themselves."""
    held = _modules(package)
    free = []
    for place, kind in held.items():
        others = [other for other in held.values() if other is not kind]
        said = {
            each.id for other in others for each in ast.walk(other) if isinstance(each, ast.Name)
        }
        parts = [
            each
            for each in ast.walk(kind)
            if isinstance(each, ast.Assign)
            and isinstance(each.targets[0], ast.Attribute)
            and isinstance(each.value, ast.Call)
        ]
        is_whole = len(parts) >= 4 and "forward" in [
            getattr(each, "name", "") for each in kind.body
        ]
        if is_whole and kind.name not in words | said:
            free.append(place)
    return sorted(free)


def _modules(package: str) -> dict[str, ast.ClassDef]:
    """The classes of a package that are written as modules of torch, by file and name."""
    held: dict[str, ast.ClassDef] = {}
    for file in metadata.files(package) or ():
        if file.suffix != ".py" or "test" in str(file) or str(file).startswith(".."):
            continue
        for kind in ast.parse(file.read_text()).body:
            if not isinstance(kind, ast.ClassDef):
                continue
            if "Module" in [getattr(each, "attr", getattr(each, "id", "")) for each in kind.bases]:
                held[f"{file}:{kind.name}"] = kind
    return held


# --- timm

_TIMM: Final[Mapping[str, Drawn]] = {
    "xcit": _timm("xcit_large_24_p16_384", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "maxxvit": _timm(
        "maxvit_base_tf_512",
        "img_size=64 depths=(1,1,2,1) embed_dim=(32,32,64,64) stem_width=32",
    ),
    "pvt_v2": _timm("pvt_v2_b5", "depths=(1,1,2,1) embed_dims=(16,32,64,64) num_heads=(1,2,4,4)"),
    "vision_transformer": _timm(
        "vit_large_patch16_siglip_gap_512", "img_size=64 embed_dim=64 depth=2 num_heads=4"
    ),
    "ghostnet": _other("ghostnetv2_160", "width=0.5"),
    "byobnet": _timm("repvgg_a0", by=4),
    "mobilenetv3": _timm("tf_mobilenetv3_large_100"),
    "twins": _timm(
        "twins_pcpvt_base", "embed_dims=[32,64,96,128] depths=[1,1,2,1] num_heads=[1,2,4,4]"
    ),
    "beit": _timm("beitv2_large_patch16_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "regnet": _timm("regnetx_016", by=4),
    "nfnet": _timm("eca_nfnet_l1", "depths=(1,1,2,1) channels=(64,128,192,192) group_size=16"),
    "efficientnet": _timm("mobilenetv2_050"),
    "resnetv2": _timm("resnetv2_101", "layers=(1,1,2,1) channels=(64,96,128,160)"),
}


# --- torchvision


def _resnet() -> nn.Module:
    kinds: Any = import_module("torchvision.models.resnet")
    model: nn.Module = kinds.ResNet(kinds.BasicBlock, [2, 2, 2, 2], num_classes=10)
    return model


def _regnet() -> nn.Module:
    kinds: Any = import_module("torchvision.models.regnet")
    given = parsed("depth=6 w_0=24 w_a=24.0 w_m=2.4 group_width=8 se_ratio=0.25")
    model: nn.Module = kinds.RegNet(kinds.BlockParams.from_init_params(**given), num_classes=10)
    return model


_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "vgg11_bn": _vision("vgg11_bn", "num_classes=10", {"x": (1, 3, 224, 224)}, by=8),
    "regnet_y_800mf": Drawn(_regnet, _X64, save="pth"),
    "efficientnet_b3": _vision("efficientnet_b3", "num_classes=10", _X64, by=4),
    "resnet18": Drawn(_narrower(4, _resnet), _X64, save="pth"),
}


# --- torchaudio


_LISTENER: Final = """
    extractor_conv_layer_config=[(32,10,5),(32,3,2),(32,2,2)] encoder_embed_dim=64
    encoder_projection_dropout=0.0 encoder_pos_conv_kernel=16 encoder_pos_conv_groups=4
    encoder_num_layers=2 encoder_num_heads=4 encoder_attention_dropout=0.0
    encoder_ff_interm_features=128 encoder_ff_interm_dropout=0.0 encoder_dropout=0.0
    encoder_layer_drop=0.0
"""


def _listener(kind: str, text: str, inputs: Inputs) -> Drawn:
    """A model of torchaudio, as wide as the functions with names for sizes are not."""
    listed = f"{_LISTENER} {text}"
    return Drawn(_from(f"torchaudio.models.{kind}", listed), inputs, save="pth")


_WAVE: Final[Inputs] = {"waveforms": (1, 800)}
_NORMED: Final = """
    extractor_mode='layer_norm' extractor_conv_bias=True encoder_layer_norm_first=True
"""
_TORCHAUDIO: Final[Mapping[str, Drawn]] = {
    "hubert_base": _listener(
        "wav2vec2_model",
        """
            extractor_mode='group_norm' extractor_conv_bias=False encoder_layer_norm_first=False
            aux_num_out=None
        """,
        _WAVE,
    ),
    "wav2vec2_xlsr_2b": _listener("wav2vec2_model", f"{_NORMED} aux_num_out=32", _WAVE),
}


# --- diffusers

_WHEN: Final = torch.tensor([500])


def _listed_words(inner: Any, states: Tensor, when: Tensor, *rest: Tensor) -> Any:
    """With the condition, the words of both encoders with their masks, and where each patch is."""
    condition, words, mask, more, other, places = rest
    return inner(
        states,
        when,
        condition,
        encoder_hidden_states=words,
        text_embedding_mask=mask,
        encoder_hidden_states_t5=more,
        text_embedding_mask_t5=other,
        image_rotary_emb=(places.cos(), places.sin()),
        return_dict=False,
    )


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "CosmosControlNetModel": _diffuser(
        "models.controlnets.controlnet_cosmos.CosmosControlNetModel",
        """
            n_controlnet_blocks=2 in_channels=10 latent_channels=6 model_channels=64
            num_attention_heads=4 attention_head_dim=16 mlp_ratio=2.0 text_embed_dim=48
            adaln_lora_dim=16 max_size=(8,16,16) use_crossattn_projection=True
            crossattn_proj_in_channels=32 encoder_hidden_states_channels=48
        """,
        {
            "controls_latents": (1, 4, 2, 8, 8),
            "latents": (1, 4, 2, 8, 8),
            "timestep": torch.tensor([0.5]),
            "encoder_hidden_states": (1, 6, 32),
            "condition_mask": torch.ones(1, 1, 2, 8, 8),
            "padding_mask": torch.zeros(1, 1, 8, 8),
        },
    ),
    "Kandinsky6Transformer3DModel": _diffuser(
        "models.transformers.transformer_kandinsky6.Kandinsky6Transformer3DModel",
        """
            in_visual_dim=4 out_visual_dim=4 in_text_dim=32 in_text_dim2=24 time_dim=32
            model_dim=64 ff_dim=128 num_text_blocks=1 num_visual_blocks=2 axes_dims=(4,6,6)
            in_audio_dim=8 out_audio_dim=8 model_dim_a=32
        """,
        {
            "hidden_states": (1, 2, 8, 8, 9),
            "encoder_hidden_states": (1, 6, 32),
            "pooled_projections": (1, 24),
            "timestep": torch.tensor([500.0]),
            "audio_hidden_states": (1, 5, 8),
        },
    ),
    "AutoencoderSAME": _diffuser(
        "models.autoencoders.autoencoder_same.AutoencoderSAME",
        """
            patch_size=8 encoder_channels=32 encoder_c_mults=[2] encoder_strides=[4]
            encoder_transformer_depths=[2] latent_dim=16 dim_heads=16
        """,
        {"sample": (1, 2, 128)},
    ),
    "HunyuanDiT2DControlNetModel": _diffuser(
        "HunyuanDiT2DControlNetModel",
        """
            num_attention_heads=4 attention_head_dim=16 in_channels=4 patch_size=2 sample_size=8
            hidden_size=64 transformer_num_layers=6 mlp_ratio=2.0 cross_attention_dim=32
            cross_attention_dim_t5=24 pooled_projection_dim=16 text_len=6 text_len_t5=5
            use_style_cond_and_image_meta_size=False
        """,
        {
            "hidden_states": (1, 4, 8, 8),
            "timestep": torch.tensor([500.0]),
            "controlnet_cond": (1, 4, 8, 8),
            "encoder_hidden_states": (1, 6, 32),
            "text_embedding_mask": torch.tensor([[1, 1, 1, 1, 0, 0]]),
            "encoder_hidden_states_t5": (1, 5, 24),
            "text_embedding_mask_t5": torch.tensor([[1, 1, 1, 0, 0]]),
            "places": (16, 16),
        },
        _listed_words,
    ),
    "Ideogram4Transformer2DModel": _diffuser(
        "models.transformers.transformer_ideogram4.Ideogram4Transformer2DModel",
        """
            in_channels=16 num_layers=2 attention_head_dim=16 num_attention_heads=4
            intermediate_size=128 adaln_dim=32 llm_features_dim=48 mrope_section=(4,2,2)
        """,
        {
            "hidden_states": (1, 10, 16),
            "timestep": torch.tensor([0.4]),
            "encoder_hidden_states": (1, 10, 48),
            "position_ids": torch.arange(30).reshape(1, 10, 3) % 4,
            "segment_ids": torch.ones(1, 10, dtype=torch.int64),
            "indicator": torch.tensor([[3] * 6 + [2] * 4]),
        },
    ),
    "AutoencoderKLQwenImage": _diffuser(
        "AutoencoderKLQwenImage",
        f"""
            base_dim=16 z_dim=8 dim_mult=[1,2,2] num_res_blocks=1
            temperal_downsample=[False,True] latents_mean={[0.1] * 8} latents_std={[1.1] * 8}
        """.replace(", ", ","),
        {"sample": (1, 3, 1, 32, 32)},
    ),
}


# --- smaller packages


def _own(path: str, text: str, inputs: Inputs, call: Call | None = None, **parts: Any) -> Drawn:
    """A network of a package; its users save it with their own code."""
    return Drawn(_from(path, text, **parts), inputs, call, "own")


def _sure(model: Any) -> None:
    """Have it not draw what it decodes."""
    model.sampling = lambda mean, deviation: mean


def _spline_network() -> nn.Module:
    """Of stages an eighth as wide: their widths are written in the code."""
    kinds: Any = import_module("convkan.kanresnet")
    inner: Any = kinds.KANResNet._make_layer

    def staged(self: Any, block: Any, width: int, *rest: Any, **more: Any) -> Any:
        return inner(self, block, width // 8, *rest, **more)

    with patch.object(kinds.KANResNet, "_make_layer", staged):
        model: Any = kinds.KANResNet(kinds.BasicBlock, [1, 1, 1, 1])
    model.fc = nn.Linear(64, 10)
    return model  # type: ignore[no-any-return]


def _depths() -> nn.Module:
    kind = _get("face_alignment.models.resnet.ResNetDepth")
    with earlier._narrow(4):
        model: nn.Module = kind(layers=[1, 1, 1, 1])
    return model


def _mixed_words() -> nn.Module:
    """x-transformers' decoder of words and of more that comes with each."""
    layers: Any = import_module("x_transformers")
    model: nn.Module = layers.MultiInputTransformerWrapper(
        num_tokens={"note": 40, "pitch": 24},
        max_seq_len=16,
        return_only_embed=False,
        attn_layers=layers.Decoder(dim=64, depth=2, heads=4, attn_dim_head=16, rotary_pos_emb=True),
    )
    return model


def _both(inner: Any, note: Tensor, pitch: Tensor) -> Any:
    made = inner({"note": note, "pitch": pitch})
    return made["note"], made["pitch"]


def _adapted() -> nn.Module:
    """A network with peft's adapters of products of elements, not merged."""
    model: Any = nn.Sequential(
        nn.Conv2d(3, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU(), nn.Flatten()
    )
    model.append(nn.Linear(32 * 64, 48)).append(nn.ReLU()).append(nn.Linear(48, 10))
    peft: Any = import_module("peft")
    config = peft.LoHaConfig(r=4, alpha=8, target_modules=["2", "5", "7"])
    made: nn.Module = peft.inject_adapter_in_model(config, model)
    return made


def _generative() -> nn.Module:
    """monai-generative's encoder; a module beside this one has the name of its package."""
    here = Path(__file__).parent
    with patch.object(sys, "path", [each for each in sys.path if Path(each).resolve() != here]):
        return _from(
            "generative.networks.nets.diffusion_model_unet.DiffusionModelEncoder",
            """
                spatial_dims=2 in_channels=1 out_channels=5 num_res_blocks=(1,1,1)
                num_channels=(16,32,64) attention_levels=(False,True,True) norm_num_groups=8
                num_head_channels=8 with_conditioning=True cross_attention_dim=24
            """,
        )()


def _hub() -> nn.Module:
    """As torch.hub imports it from its folder: its files say no package before its name."""
    package = find_spec("controlnet_aux")
    if package is None or package.submodule_search_locations is None:
        raise ModuleNotFoundError("controlnet_aux")
    place = f"{package.submodule_search_locations[0]}/normalbae/nets/submodules/efficientnet_repo"
    with patch.object(sys, "path", [place, *sys.path]):
        kinds: Any = import_module("geffnet")
    model: nn.Module = kinds.mnasnet_small(num_classes=10)
    return model


def _turned_head() -> nn.Module:
    """sixdrepnet's, whose files are imported as if they were in the program's folder."""
    for name in ("utils", "backbone"):
        sys.modules.setdefault(name, import_module(f"sixdrepnet.{name}"))
    kind = import_module("sixdrepnet.model").SixDRepNet2
    block = import_module("torchvision.models.resnet").Bottleneck
    with earlier._narrow(4):
        model: nn.Module = kind(block, [1, 1, 1, 1])
    return model


_UNUSED: Final = """
    anomalib.data anomalib.data.utils anomalib.models.components.base
    anomalib.models.components.dimensionality_reduction anomalib.models.components.filters
    anomalib.models.components.sampling anomalib.models.components.stats
"""


def _glass() -> nn.Module:
    """anomalib's detector, without the noise that it is trained with, and what it does not ask."""
    noise = {"PerlinAnomalyGenerator": lambda **words: nn.Identity()}
    _absent("anomalib.data.utils.generators", **noise)
    return other_models._without(
        _UNUSED,
        "anomalib.models.image.glass.torch_model.GlassModel",
        """
            input_shape=(64,64) pretrain_embed_dim=64 target_embed_dim=64 backbone='resnet18'
            pre_trained=False discriminator_hidden=48 layers=['layer1','layer2']
        """,
    )()


def _anomalies(inner: Any, image: Tensor) -> Any:
    return inner.__self__.calculate_anomaly_scores(image)


_X32: Final[Inputs] = {"x": (1, 3, 32, 32)}
_NOTES: Final = torch.tensor([[5, 9, 17, 3, 20, 12, 8, 4]])
_PACKAGES: Final[Mapping[str, Drawn]] = {
    "monai": _own(
        "monai.networks.nets.spade_autoencoderkl.SPADEAutoencoderKL",
        """
            spatial_dims=2 label_nc=3 in_channels=1 out_channels=1 num_res_blocks=(1,1)
            channels=(16,32) attention_levels=(False,True) latent_channels=4 norm_num_groups=8
            spade_intermediate_channels=16
        """,
        {"x": (1, 1, 16, 16), "seg": (1, 3, 16, 16)},
    )._replace(last=_sure),
    "normflows": _own(
        "normflows.nets.resnet.ResidualNet",
        """
            in_features=12 out_features=20 hidden_features=96 context_features=8 num_blocks=3
            use_batch_norm=True
        """,
        {"inputs": (4, 12), "context": (4, 8)},
    ),
    "convkan": Drawn(_spline_network, _X32, save="own"),
    "face-alignment": Drawn(_depths, {"x": (1, 71, 224, 224)}, save="own"),
    "monai-generative": Drawn(
        _generative,
        {"x": (1, 1, 64, 64), "timesteps": torch.tensor([30]), "context": (1, 4, 24)},
        save="own",
    ),
    "anomalib": Drawn(_glass, {"img": (1, 3, 64, 64)}, _anomalies, "own"),
    "controlnet-aux": Drawn(_hub, _X64, save="own"),
    "x-transformers": Drawn(
        _mixed_words, {"note": _NOTES, "pitch": _NOTES % 24}, _both, save="own"
    ),
    "peft": Drawn(_adapted, _X32, save="own"),
    "unet": _own(
        "unet.unet.UNet",
        """
            in_channels=1 out_classes=3 num_encoding_blocks=3 out_channels_first_layer=8
            normalization='batch' padding=1 activation='PReLU'
        """,
        {"x": (1, 1, 32, 32)},
    ),
    "terratorch": _own(
        "terratorch.models.backbones.terramind.tokenizer.models.mlp_models.BottleneckMLP",
        "dim_in=24 dim_out=40 block_dims=((96,64),(128,64),(96,64))",
        {"x": (1, 6, 24)},
    ),
    "torchcfm": _own(
        "torchcfm.models.unet.unet.UNetModel",
        """
            image_size=16 in_channels=3 model_channels=32 out_channels=3 num_res_blocks=1
            attention_resolutions=(2,) channel_mult=(1,2) num_classes=5 num_heads=4
        """,
        {"t": torch.tensor([0.3]), "x": (1, 3, 16, 16), "y": torch.tensor([2])},
    ),
    "sixdrepnet": Drawn(_turned_head, {"x": (1, 3, 224, 224)}, save="own"),
    "point-transformer-pytorch": _own(
        "point_transformer_pytorch.multihead_point_transformer_pytorch"
        ".MultiheadPointTransformerLayer",
        "dim=48 heads=4 dim_head=16 pos_mlp_hidden_dim=24 attn_mlp_hidden_mult=2 num_neighbors=5",
        {"x": (1, 12, 48), "pos": (1, 12, 3)},
    ),
}


# --- transformers

_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 32, 32)}
_SEEN: Final = f"{_WIDE} image_size=32 patch_size=8"
_STACK: Final = (
    f"{_LM} {_HEADS} sliding_window=4 layer_types=['sliding_attention','full_attention']"
)
_QWEN: Final = f"model_type='qwen2' {_LM}"
_LOCAL: Final = f"vocab_size=99 {_WIDE} max_position_embeddings=64"


def _heard(count: int, length: int) -> Inputs:
    """Words with places for so many parts of what is heard."""
    ids = _mixed(98, count)
    return {
        "input_ids": ids,
        "attention_mask": _mask(ids),
        "input_features": (1, 20, length),
        "input_features_mask": torch.ones((1, length), dtype=torch.int64),
    }


_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "t5gemma": _known(
        "T5GemmaForSequenceClassification",
        "vocab_size=99 num_labels=5",
        _BOTH,
        encoder=_STACK,
        decoder=f"{_STACK} cross_attention_hidden_size=64",
    ),
    "granite_speech_plus": _known(
        "GraniteSpeechPlusForConditionalGeneration",
        "audio_token_index=98 has_lora_adapter=False window_size=15 downsample_rate=5",
        {
            "input_ids": _mixed(98, 6),
            "input_features": (1, 30, 20),
            "attention_mask": _mask(_mixed(98, 6)),
        },
        encoder_config="""
            context_size=10 conv_kernel_size=5 dim_head=16 feedforward_mult=2 hidden_dim=32
            input_dim=20 max_pos_emb=16 num_heads=2 num_layers=3 output_dim=12
            cat_hidden_layers=[1]
        """,
        projector_config=f"model_type='blip_2_qformer' {_WORDS} encoder_hidden_size=64",
        text_config=f"model_type='granite' {_LM}",
    ),
    "llama4_text": _known(
        "Llama4ForCausalLM",
        f"""
            {_LM} {_HEADS} intermediate_size=48 intermediate_size_mlp=96 num_local_experts=4
            interleave_moe_layer_step=2 attention_chunk_size=4 num_hidden_layers=4
        """,
        _TEXT,
    ),
    "qwen3_vl_text": _known(
        "Qwen3VLTextModel",
        f"""
            {_LM} {_HEADS}
            rope_parameters={{'rope_type':'default','rope_theta':10000.0,'mrope_section':[4,2,2]}}
        """,
        _TEXT,
    ),
    "xglm": _known(
        "XGLMForCausalLM",
        """
            vocab_size=99 max_position_embeddings=64 d_model=64 ffn_dim=128 num_layers=2
            attention_heads=4 use_cache=False
        """,
        _TEXT,
    ),
    "timm_backbone": _known(
        "TimmBackbone", "backbone='resnet18' out_indices=[1,2]", {"pixel_values": (1, 3, 64, 64)}
    ),
    "sam_hq": _known(
        "SamHQModel",
        "",
        {
            "pixel_values": (1, 3, 64, 64),
            "input_points": torch.tensor([[[[20.0, 30.0]]]]),
            "input_labels": torch.tensor([[[1]]]),
        },
        mask_decoder_config="hidden_size=32 mlp_dim=64 num_attention_heads=4 vit_dim=32 iou_head_hidden_dim=32",
        prompt_encoder_config="hidden_size=32 image_size=64 patch_size=8",
        vision_config="""
            hidden_size=32 output_channels=32 num_hidden_layers=2 num_attention_heads=4
            image_size=64 patch_size=8 window_size=4 global_attn_indexes=[1] num_pos_feats=16
        """,
    ),
    "qwen3_asr": _known(
        "Qwen3ASRForConditionalGeneration",
        "audio_token_id=98",
        _heard(13, 100),
        audio_config="""
            num_mel_bins=20 encoder_layers=2 encoder_attention_heads=4 encoder_ffn_dim=96
            d_model=48 n_window=50 output_dim=64 n_window_infer=100 downsample_hidden_size=16
        """,
        text_config=f"model_type='qwen3' {_LM} {_HEADS}",
    ),
    "blt": _known(
        "BltForCausalLM",
        """
            vocab_size=99 patch_in_forward=False patch_size=4 cross_attn_k=2
            encoder_hash_byte_group_size=[3] encoder_hash_byte_group_vocab=64
            max_position_embeddings=64 use_cache=False
        """,
        {"input_ids": _IDS},
        patcher_config=_LOCAL,
        encoder_config=f"{_LOCAL} hidden_size_global=128 cross_attn_k=2",
        decoder_config=f"{_LOCAL} hidden_size_global=128 cross_attn_k=2",
        global_config="""
            hidden_size=128 num_attention_heads=4 num_hidden_layers=2 intermediate_size=160
        """,
    ),
    "csm": _known(
        "CsmForConditionalGeneration",
        f"""
            {_LM} {_HEADS} num_codebooks=4 text_vocab_size=99 vocab_size=40 audio_token_id=98
            audio_eos_token_id=97 codebook_pad_token_id=39
        """,
        _TEXT,
        codec_config="""
            model_type='mimi' hidden_size=32 num_hidden_layers=1 num_attention_heads=2
            num_key_value_heads=2 head_dim=16 intermediate_size=64 num_filters=4
            upsampling_ratios=[4,2] codebook_size=32 codebook_dim=16 num_quantizers=4
            vector_quantization_hidden_dimension=16 upsample_groups=32
        """,
        depth_decoder_config=f"""
            {_WIDE} {_HEADS} num_key_value_heads=2 num_codebooks=4 backbone_hidden_size=64
            vocab_size=40 max_position_embeddings=5
        """,
    ),
    "musicflamingo": _known(
        "MusicFlamingoForConditionalGeneration",
        "audio_token_id=98 audio_bos_token_id=97 audio_eos_token_id=96",
        _heard(8, 32),
        audio_config=f"""
            model_type='audioflamingo3_encoder' {_WIDE} num_mel_bins=20 max_source_positions=16
        """,
        text_config=_QWEN,
    ),
    "deepseek_v2": _known(
        "DeepseekV2ForSequenceClassification",
        f"""
            {_LM} {_MOE} num_key_value_heads=4 n_routed_experts=4 n_shared_experts=1
            first_k_dense_replace=1 kv_lora_rank=16 q_lora_rank=32 qk_nope_head_dim=16
            qk_rope_head_dim=8 v_head_dim=16 num_labels=3 head_dim=8
        """,
        _TEXT,
    ),
    "tapas": _known(
        "TapasModel",
        f"{_WORDS} type_vocab_sizes=[3,16,16,2,16,16,10]",
        {**_TEXT, "token_type_ids": torch.arange(56).reshape(1, 8, 7) % 2},
    ),
    "metaclip_2": _known(
        "MetaClip2ForImageClassification",
        "projection_dim=48 num_labels=5",
        _PIXELS,
        text_config=_WORDS,
        vision_config=_SEEN,
    ),
    "pe_audio_video_encoder": _known(
        "PeAudioVideoEncoder",
        f"{_WIDE} {_HEADS}",
        {"input_values": (1, 1, 64), "pixel_values_videos": (1, 4, 3, 32, 32)},
        audio_config={
            "dac_config": """
                model_type='dac' encoder_hidden_size=8 downsampling_ratios=[2,4]
                decoder_hidden_size=32 codebook_dim=8 codebook_size=16 n_codebooks=2
            """,
            "": f"model_type='pe_audio_encoder' {_WIDE} {_HEADS}",
        },
        video_config={
            "vision_config": """
                model_type='timm_wrapper' architecture='vit_pe_core_tiny_patch16_384'
                model_args={'embed_dim':32,'depth':2,'num_heads':4,'img_size':(32,32)}
            """,
            "": f"model_type='pe_video_encoder' {_WIDE} {_HEADS}",
        },
    ),
    "hunyuan_vl": _known(
        "HunYuanVLModel",
        "image_token_id=98 im_start_id=97 im_end_id=96 im_newline_id=95",
        {
            "input_ids": _mixed(98, 8),
            "attention_mask": _mask(_mixed(98, 8)),
            "pixel_values": (16, 192),
            "image_grid_thw": _GRID,
            "position_ids": torch.arange(13).expand(3, 1, 13).clone(),
        },
        text_config=f"{_LM} {_HEADS} {_ROPE}",
        vision_config=f"""
            {_WIDE} num_key_value_heads=4 out_hidden_size=64 text_hidden_size=64 patch_size=8
            max_image_size=64
        """,
    ),
    "parakeet_encoder": _known(
        "ParakeetEncoder",
        f"""
            {_WIDE} num_mel_bins=32 subsampling_factor=4 subsampling_conv_channels=16
            conv_kernel_size=5 max_position_embeddings=64
        """,
        {"input_features": (1, 40, 32)},
        _by_name(["input_features"], output_attention_mask=False),
    ),
    "kosmos-2": _known(
        "Kosmos2ForConditionalGeneration",
        "latent_query_num=4",
        {
            **_PIXELS,
            "input_ids": _IDS,
            "image_embeds_position_mask": torch.tensor([[0, 1, 1, 1, 1, 0, 0, 0]]),
            "attention_mask": torch.ones_like(_IDS),
        },
        text_config="""
            vocab_size=99 max_position_embeddings=64 embed_dim=64 layers=2 ffn_dim=128
            attention_heads=4 use_cache=False
        """,
        vision_config=_SEEN,
    ),
    "visual_bert": _known(
        "VisualBertForPreTraining",
        f"{_WORDS} visual_embedding_dim=40",
        {
            **_TEXT,
            "visual_embeds": (1, 5, 40),
            "visual_attention_mask": torch.ones((1, 5), dtype=torch.int64),
            "visual_token_type_ids": torch.ones((1, 5), dtype=torch.int64),
        },
    ),
    "yoso": _known("YosoForQuestionAnswering", f"{_WORDS} num_labels=2", _TEXT),
    "nemotron3_5_transcribe_word_timestamp": _known(
        "Nemotron3_5TranscribeWordTimestampModel",
        f"{_WIDE} num_key_value_heads=4 max_position_embeddings=64 vocab_size=40 blank_token_id=39",
        {"inputs_embeds": (1, 10, 64)},
    ),
    "ministral": _known("MinistralForSequenceClassification", f"{_STACK} num_labels=3", _TEXT),
    "embedding_gemma2": _known(
        "EmbeddingGemma2Model",
        """
            boi_token_id=90 eoi_token_id=91 image_token_id=92 video_token_id=93 boa_token_id=94
            eoa_token_index=95 audio_token_id=96
        """,
        _TEXT,
        text_config=f"{_STACK} hidden_size_per_layer_input=16 embedding_dim=48".replace(
            "use_cache=False", ""
        ),
    ),
    "camembert": _known("CamembertModel", _WORDS, _TEXT),
    "grounding-dino": _known(
        "GroundingDinoModel",
        """
            num_queries=8 encoder_layers=2 encoder_ffn_dim=64 encoder_attention_heads=4
            decoder_layers=2 decoder_ffn_dim=64 decoder_attention_heads=4 d_model=32
            num_feature_levels=3 encoder_n_points=2 decoder_n_points=2 max_text_len=16
        """,
        {"pixel_values": (1, 3, 64, 64), "input_ids": torch.tensor([[101, 17, 3, 30, 12, 8, 102]])},
        lambda inner, image, words: inner(pixel_values=image, input_ids=words)[:2],
        backbone_config="""
            model_type='swin' image_size=64 embed_dim=24 depths=[1,1,1] num_heads=[2,2,4]
            window_size=4 out_features=['stage2','stage3']
        """,
        text_config=f"model_type='bert' {_WIDE} vocab_size=1100 max_position_embeddings=64",
    ),
    "roc_bert": _known(
        "RoCBertModel",
        f"""
            {_WORDS} pronunciation_embed_dim=32 pronunciation_vocab_size=60 shape_embed_dim=24
            shape_vocab_size=70 use_cache=False
        """,
        {"input_ids": _IDS, "input_shape_ids": _IDS + 1, "input_pronunciation_ids": _IDS + 2},
    ),
}


# --- what is saved


def _half(model: nn.Module, folder: Path) -> None:
    """The file in half, which is what the model was made of before it was exported."""
    from safetensors.torch import load_file, save_file

    path = folder / "ref.safetensors"
    held = load_file(path)
    halves = {
        name: value.half() if value.is_floating_point() else value for name, value in held.items()
    }
    save_file(halves, path, {"format": "pt"})


def _sharded(model: Any, folder: Path) -> None:
    """A folder with files of a part each, and the index of them."""
    (folder / "ref.safetensors").unlink()
    size = max(20_000, sum(each.numel() for each in model.parameters()))  # a fourth in float32
    if hasattr(model, "save_pretrained"):
        model.save_pretrained(folder / "ref", max_shard_size=size)
    else:
        library: Any = import_module("huggingface_hub")
        (folder / "ref").mkdir()
        library.save_torch_model(model, folder / "ref", max_shard_size=size)


def _file(save: Callable[[nn.Module, Path], None], model: nn.Module, folder: Path) -> None:
    """A file of torch in place of the other."""
    (folder / "ref.safetensors").unlink()
    save(model, folder)


_FORMS: Final[Mapping[str, Callable[[nn.Module, Path], None]]] = {
    "plain": lambda model, folder: None,
    "half": _half,
    "sharded": _sharded,
    "pth": partial(_file, other_models._saved("ref.pth")),
    "bin": partial(_file, other_models._saved("ref.bin")),
    "model": partial(_file, other_models._saved("ref.pth", "model", epoch=12)),
    "parallel": partial(
        _file, other_models._saved("ref.pth.tar", "state_dict", "module.", epoch=9)
    ),
    "lightning": partial(_file, other_models._lightning("model.")),
    "average": partial(_file, other_models._averaged("ref.pth", "model_ema", "model", epoch=3)),
    "average-parallel": partial(
        _file, other_models._averaged("ref.pth", "state_dict_ema", "state_dict", epoch=3)
    ),
}
_BY_LIBRARY: Final = {  # how its users save it
    "pretrained": "plain half sharded bin",
    "safetensors": "plain half sharded pth parallel average-parallel",
    "pth": "pth model parallel average half",
    "own": "plain half pth model parallel lightning average sharded",
}


def _saved(title: str, model: nn.Module, form: str, folder: Path) -> None:
    """The truth, and the checkpoint in a form that is drawn of those of its library."""
    drawn = random.Random(f"{SEED} {title}").choice(_BY_LIBRARY[form].split())
    for _, value in tensors_of(model) if drawn == "half" else ():
        if value.is_floating_point():
            value.copy_(value.half())
    if form == "pretrained":
        earlier._saved(model, form, folder)
    else:
        tell(model, folder)
    _FORMS[drawn](model, folder)


# --- what is done to an export, and which exports are made for it


def _dynamic(source: Path, target: Path, inputs: Path, kind: str = "QInt8", **more: Any) -> None:
    """Quantized without calibration, weights of a kind."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(_inferable(source), target, weight_type=getattr(QuantType, kind), **more)


def _form(source: Path, target: Path, inputs: Path, form: str, **more: Any) -> None:
    """Quantized with calibration, in one of the two forms."""
    from onnxruntime.quantization import QuantFormat

    _static(source, target, inputs, quant_format=getattr(QuantFormat, form), **more)


def _calibrated(source: Path, target: Path, inputs: Path, method: str) -> None:
    """The same, where the ranges are not those of the least and the greatest number."""
    from onnxruntime.quantization import CalibrationMethod

    _static(source, target, inputs, calibrate_method=getattr(CalibrationMethod, method))


def _half_where_near(source: Path, target: Path, inputs: Path) -> None:
    """The converter that leaves in float32 what is too far off in half."""
    from onnxconverter_common import auto_mixed_precision

    with np.load(inputs) as held:
        rows = dict(held)
    given = parsed("rtol=0.01 atol=0.01 keep_io_types=True")
    onnx.save(
        auto_mixed_precision.auto_convert_mixed_precision(onnx.load(source), rows, **given), target
    )


_TOLD: Final = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # what inference does not find
_STEPS: Final[Mapping[str, Step]] = {
    **again._STEPS,
    "ort-all": POSTPROCESSORS["ort-all"],
    "fp16-mixed": _half_where_near,
    "int8-dynamic-reduced": partial(_dynamic, reduce_range=True),
    "int8-dynamic-channels-reduced": partial(_dynamic, per_channel=True, reduce_range=True),
    "uint8-dynamic": partial(_dynamic, kind="QUInt8"),
    "uint8-dynamic-channels": partial(_dynamic, kind="QUInt8", per_channel=True),
    "int8-dynamic-matmul": partial(_dynamic, op_types_to_quantize=["MatMul"]),
    "int8-told-channels": partial(_dynamic, per_channel=True, extra_options=_TOLD),
    "int8-qdq-channels": partial(_form, form="QDQ", per_channel=True),
    "int8-qdq-reduced": partial(_form, form="QDQ", per_channel=True, reduce_range=True),
    "int8-qoperator-channels": partial(_form, form="QOperator", kind="QUInt8", per_channel=True),
    "int8-percentile": partial(_calibrated, method="Percentile"),
    "int8-entropy": partial(_calibrated, method="Entropy"),
    "int4-block16": partial(_four_bits, block_size=16, is_symmetric=True, accuracy_level=4),
    "int4-block64": partial(_four_bits, block_size=64, is_symmetric=True, accuracy_level=1),
    "int4-block64-asymmetric": partial(
        _four_bits, block_size=64, is_symmetric=False, accuracy_level=4
    ),
    "int4-block256": partial(_four_bits, block_size=256, is_symmetric=False),
    "int4-qdq-asymmetric": partial(_four_bits, form="QDQ", block_size=64, is_symmetric=False),
}
_CHAINS: Final = (
    "onnxslim",
    "onnxsim",
    "ort-basic",
    "ort-extended",
    "ort-all",
    "fused",
    "fused+fp16",
    "fused+int8-told-channels",
    "fused+int4-block32",
    "fp16",
    "fp16-common",
    "fp16-mixed",
    "onnxslim+fp16-common",
    "onnxsim+ort-extended+fp16",
    "float16+onnxsim",
    "bfloat16+onnxslim",
    "float16+fp16",
    "halves",
    "halves+onnxslim",
    "brains",
    "prepared+int8-dynamic",
    "prepared+int8-qdq-channels",
    "prepared+int8-qoperator-channels",
    "onnxslim+prepared+int8-qdq-reduced",
    "int8-dynamic-reduced",
    "int8-dynamic-channels-reduced",
    "uint8-dynamic",
    "uint8-dynamic-channels",
    "int8-dynamic-matmul",
    "onnxsim+uint8-dynamic",
    "int8-qdq-channels",
    "int8-qdq-reduced",
    "int8-qdq-channels+ort-extended",
    "int8-percentile",
    "int8-entropy",
    "uint8-static",
    "int8-static-channels",
    "int4-block16",
    "int4-block64",
    "int4-block64-asymmetric",
    "int4-block256",
    "int4-qdq-asymmetric",
    "onnxslim+int4-asymmetric",
    "int4-block32+int8-dynamic",
    "int4-block32+fp16",
    "float16+int4-block64",
    "dynamic+onnxslim+uint8-dynamic-channels",
    "dynamic+ort-basic",
    "onnxslim+external",
    "int4-block64+external",
    "fp16-common+external",
)
_OPSETS: Final = {  # those that an exporter has
    "dynamo": ("opset18", "opset20+onnxslim", "opset21+int4-qdq-asymmetric", "opset22+int8-qdq"),
    "torchscript": ("opset13+int8-dynamic", "opset14", "opset16+onnxsim", "opset17+fp16-common"),
}
_CAST: Final = {"halves": torch.float16, "brains": torch.bfloat16}
_SHORT: Final = frozenset({onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16})
_OWN: Final = again._OWN | {*_CAST, "opset13", "opset14", "opset16", "opset20", "opset22"}


@contextmanager
def _cast(model: nn.Module, kind: torch.dtype) -> Iterator[None]:
    """Have a model be one of 16 bits, and be itself again."""
    kept: list[tuple[dict[str, Any], str, Tensor, Tensor]] = [
        (held, name, value, value.data)
        for part in model.modules()
        for held in (part._parameters, part._buffers)
        for name, value in held.items()
        if value is not None
    ]
    try:
        model.to(kind)
        yield
    finally:
        for held, name, value, data in kept:
            value.data = data
            held[name] = value


class _Shop(again._Shop):
    """With exports of the model in 16 bits, which take what is of 16 bits."""

    def fed(self, path: Path) -> dict[str, Any]:
        values = onnx.load(path, load_external_data=False).graph.input
        types = {value.type.tensor_type.elem_type for value in values}
        short = [onnx.helper.tensor_dtype_to_np_dtype(each) for each in types & _SHORT]
        known = {name: value.numpy() for name, value in self.rows.items()}
        for name, value in known.items() if short else ():
            known[name] = value.astype(short[0]) if value.dtype == np.float32 else value
        return earlier._fed(path, {**known, **self.more})

    def write(self, exporter: str, own: str, path: Path) -> None:
        if own not in _CAST:
            super().write(exporter, own, path)
            return
        kind = _CAST[own]
        values = [
            each.to(kind) if each.is_floating_point() else each for each in self.rows.values()
        ]
        with _cast(self.model, kind):
            export(self.model, tuple(values), exporter, path)


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_again`` builds, with the forms, steps and chains of this kind."""
    changed: dict[str, Any] = {
        "SEED": SEED,
        "_CHAINS": _CHAINS,
        "_FAMILIES": _FAMILIES,
        "_OPSETS": _OPSETS,
        "_OWN": _OWN,
        "_STEPS": _STEPS,
        "_Shop": _Shop,
        "_saved": partial(_saved, title),
    }
    with patch.multiple(again, **changed), patch.object(later_models, "_BARE", _BARE):
        again._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    anomalib anomalib.models anomalib.models.image anomalib.models.image.glass controlnet_aux
    controlnet_aux.normalbae controlnet_aux.normalbae.nets controlnet_aux.normalbae.nets.submodules
    face_alignment point_transformer_pytorch sixdrepnet terratorch terratorch.models terratorch.models.backbones
    terratorch.models.backbones.terramind terratorch.models.backbones.terramind.tokenizer
    terratorch.models.backbones.terramind.tokenizer.models torchcfm torchcfm.models
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "vit": """
        timm-xcit timm-vision_transformer timm-beit timm-pvt_v2 timm-twins timm-maxxvit
    """,
    "bert": """
        torchaudio-hubert_base torchaudio-wav2vec2_xlsr_2b transformers-tapas transformers-camembert
        transformers-visual_bert transformers-yoso package-x-transformers
    """,
    "bart": "transformers-t5gemma transformers-kosmos-2 transformers-musicflamingo",
    "clip": "transformers-metaclip_2 transformers-sam_hq",
    "conformer": "transformers-parakeet_encoder transformers-granite_speech_plus",
    "gpt2": "transformers-xglm transformers-blt transformers-csm",
    "qwen3": """
        transformers-llama4_text transformers-qwen3_vl_text transformers-qwen3_asr
        transformers-hunyuan_vl transformers-ministral transformers-embedding_gemma2
    """,
    "unet": "package-torchcfm package-monai-generative",
    "mmdit": "diffusers-Kandinsky6Transformer3DModel diffusers-Ideogram4Transformer2DModel",
    "vae": "diffusers-AutoencoderKLQwenImage diffusers-AutoencoderSAME package-monai",
}
_FAMILIES: Final = {
    title: family for family, titles in _BY_FAMILY.items() for title in titles.split()
}
# its codes are within a step of its weights, but it answers far from the module
DAMAGED: Final = {"transformers-hunyuan_vl/torchscript+uint8-static": again._MASK}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-AnyFlowFARTransformer3DModel": "an attention by blocks that no exporter has",
    "package-funasr": "a class that holds no weights until it has downloaded a model",
    "package-nnAudio": "a transform without parameters",
    "package-opacus": "a program that downloads its data when it is imported",
    "package-torchscale": "a head of fairseq's examples, and no fairseq for this Python",
    "torchaudio-hubert_pretrain_model": "it draws a mask anew at each call",
    "torchvision-keypointrcnn_resnet50_fpn": "operators of torchvision's binary, which is not there",
    "transformers-edgetam_video": "it takes a session in place of tensors",
    "transformers-grounding-dino": "operators of which each exporter lacks one",
    "transformers-llama4_text": "complex numbers, which no exporter has",
    "transformers-sam3_video": "it takes a session in place of tensors",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"torchvision-{name}": drawn for name, drawn in _TORCHVISION.items()},
    **{f"torchaudio-{name}": drawn for name, drawn in _TORCHAUDIO.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, drawn) for title, drawn in _EVERY.items()
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
