"""A ninth draw by lot: heads of transformers, models of diffusers and timm, models out of libraries
that are widely used, models of packages that an earlier kind took for another of theirs, and
packages of the index that no other kind asks. No module of it was written for it.

Twelve were drawn of the fields of heads, twelve of those of models, and one for each field of
packages, before any of them was tried. What could not be made at all is in ``UNBUILT``, and
nothing was taken in its place. The machinery, the steps and the chains of them are those of the
sixth draw.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional as F

from wild import drawn_eighth as eighth
from wild import drawn_models as earlier
from wild import drawn_seventh as seventh
from wild import drawn_sixth as sixth
from wild import later_models
from wild.drawn_eighth import _WAVES
from wild.drawn_models import (
    _BOTH,
    _HEADS,
    _IDS,
    _LINEAR,
    _LM,
    _SEQ2SEQ,
    _TEXT,
    _WHEN,
    _WIDE,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _narrower,
    _timm,
    _vision,
)
from wild.drawn_seventh import _PIXELS
from wild.drawn_sixth import _absent_are, _get, _own
from wild.drawn_third import _X64
from wild.shipping import declare_operators
from wild.tables import parsed
from wild.workshop import Builder

Tensor = torch.Tensor
_ONES: Final = torch.ones_like(_IDS)
_GRID: Final = [
    part.flatten().float() for part in torch.meshgrid(*[torch.arange(4)] * 2, indexing="ij")
]
SEED: Final = 20261227


# --- the lots

_MORE_HEADS: Final[Mapping[str, str]] = {  # of transformers, beside those of the eighth draw
    "choices": """
        AlbertForMultipleChoice BertForMultipleChoice CamembertForMultipleChoice
        DebertaV2ForMultipleChoice DistilBertForMultipleChoice ElectraForMultipleChoice
        MPNetForMultipleChoice RobertaForMultipleChoice XLMRobertaForMultipleChoice
    """,
    "backbones": """
        BeitBackbone BitBackbone ConvNextBackbone ConvNextV2Backbone Dinov2Backbone
        Dinov2WithRegistersBackbone FocalNetBackbone HieraBackbone MaskFormerSwinBackbone
        PvtV2Backbone ResNetBackbone RTDetrResNetBackbone SwinBackbone Swinv2Backbone
        TextNetBackbone VitDetBackbone VitPoseBackbone
    """,
}
_MORE_MODELS: Final[Mapping[str, str]] = {  # of libraries, beside those of the eighth draw
    "graphs": """
        torch_geometric.ARMAConv torch_geometric.AttentiveFP torch_geometric.FiLMConv
        torch_geometric.GENConv torch_geometric.GMMConv torch_geometric.LightGCN
        torch_geometric.ResGatedGraphConv torch_geometric.Set2Set
    """,
    "things": "ultralytics.yolo11-cls ultralytics.yolo11-obb ultralytics.yolov8-obb",
    "bodies": "monai.Discriminator monai.Generator monai.Regressor monai.SENet154",
    "sounds": "torchaudio.Wav2Letter torchaudio.wavlm_model",
}
_LODGED: Final[Mapping[str, str]] = {  # by field: other models of packages that are here
    "flows": """
        lampe.NRE lampe.FMPE nflows.MaskedAutoregressiveFlow nflows.SimpleRealNVP
        normflows.ResidualNet
        normflows.LipschitzMLP torchcfm.UNetModelWrapper zuko.BPF zuko.GF zuko.MAF zuko.NAF
        zuko.NICE zuko.NSF zuko.SOSPF
    """,
    "sounds": """
        audio_encoders_pytorch.ME1d audio_encoders_pytorch.MAE1d audioseal.AudioSealDetector
        funasr.FsmnVADStreaming kraken.TorchVGSLModel nnAudio.CQT2010 nussl.DeepClustering
        nussl.MaskInference pesto.Resnet1d stable_audio_tools.OobleckDecoder
        stable_audio_tools.OobleckEncoder voicefixer.UNetResComplex_100Mb
    """,
    "pictures": """
        cellpose.CPnet controlnet_aux.HED controlnet_aux.MobileV2_MLSD_Large controlnet_aux.PiDiNet
        deepinv.DRUNet deepinv.DnCNN deepinv.DnCNN deepinv.GSDRUNet deepinv.Restormer
        deepinv.SCUNet dynamic_network_architectures.ResidualEncoderUNet fastseg.MobileV3Small
        geffnet.mixnet_s geffnet.spnasnet_100
    """,
    "words": """
        charformer_pytorch.GBST chatterbox.VoiceEncoder f5_tts.MMDiT f5_tts.UNetT
        joeynmt.TransformerEncoder local_attention.LocalTransformer rotary_embedding_torch.Rotary
        torchscale.LongNetEncoder torchscale.RetNetDecoder torchscale.BEiT3 x_transformers.GPTVAE
    """,
    "tables": """
        mambular.FTTransformer mambular.NODE mambular.SAINT mambular.TabM mambular.TabulaRNN
        pytorch_widedeep.FTTransformer pytorch_widedeep.SAINT pytorch_widedeep.TabFastFormer
        pytorch_widedeep.TabNet pytorch_widedeep.TabPerceiver replay.Bert4RecModel
        replay.SasRecModel
    """,
    "turns": """
        deepinv.ICNN e3nn.FullyConnectedNet e3nn.SimpleNetwork en_transformer.EGNN
        equiformer_pytorch.Equiformer geometric_vector_perceptron.GVP
        graph_transformer_pytorch.GraphTransformer
        invariant_point_attention.IPATransformer invariant_point_attention.IPABlock
        point_transformer_pytorch.MultiheadPointTransformerLayer
    """,
}
_CANDIDATES: Final[Mapping[str, str]] = {  # by field: packages with networks, none asked before
    "words": """
        MEGABYTE-pytorch compressive-transformers-pytorch gated-state-spaces-pytorch
        hourglass-transformer-pytorch memory-transformer-xl mega-pytorch mixture-of-experts
        product-key-memory routing-transformer simple-hierarchical-transformer
        sinkhorn-transformer soft-moe-pytorch
    """,
    "sights": """
        bottleneck-transformer-pytorch g-mlp-pytorch global-self-attention-network
        lambda-networks mlp-mixer-pytorch nuwa-pytorch perceiver-ar-pytorch res-mlp-pytorch
        slot-attention transformer-in-transformer axial-positional-embedding
    """,
    "pictures": """
        backbones-unet efficientnet-lite-pytorch efficientnet-pytorch facenet-pytorch
        lightweight-gan pytorchcv pytorch-fid resnest stylegan2-pytorch ternausnet unet-pytorch
    """,
    "cells": """
        egnn-pytorch lie-transformer-pytorch molecule-generation protein-bert-pytorch
        tr-rosetta-pytorch schnetpack torchani
    """,
    "sounds": """
        audio-diffusion-pytorch denoiser nansy panns-inference s3prl torch-vggish-yamnet wavencoder
    """,
    "tables": """
        deepctr-torch entmax fast-kan hopfield-layers iTransformer pykan torchfm torchkge
        tab-transformer-pytorch rtdl-num-embeddings pytorch-tabnet2
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: twelve fields of heads and of models with one of each, two of timm, and one
    of diffusers and of packages for each field. What the eighth draw named and did not draw is in
    the lot again, and what another kind names is not.
    """
    declare_operators()
    words = seventh._words(earlier.DRAWN[7:]) | _taken_before()
    heads = eighth._free({**eighth._HEADS_BY_TASK, **_MORE_HEADS}, words)
    models = {
        field: f"{text} {_MORE_MODELS.get(field, '')}" for field, text in eighth._MODELS.items()
    }
    texts = "\n".join(earlier.texts_but(*earlier.DRAWN[8:])).lower()
    unasked = {
        field: " ".join(name for name in text.split() if not _is_asked(name, texts))
        for field, text in _CANDIDATES.items()
    }
    return {
        "transformers": _one_of_twelve(heads),
        "diffusers": _one_of_each(eighth._free(eighth._PIPES, words)),
        "timm": _lot_of_timm(words)[:2],
        "models": _one_of_twelve(eighth._free(models, words)),
        "lodged": _one_of_each(eighth._free(_LODGED, words)),
        "packages": _one_of_each(unasked),
    }


def _taken_before() -> set[str]:
    """The last words of what the eighth draw took."""
    tables = (eighth._TRANSFORMERS, eighth._DIFFUSERS, eighth._TIMM, eighth._MODELS_DRAWN)
    return {path.rpartition(".")[2] for table in tables for path in table}


def _is_asked(name: str, texts: str) -> bool:
    return name.lower() in texts or name.lower().replace("-", "_") in texts


def _one_of_each(fields: Mapping[str, str]) -> list[str]:
    draw = random.Random(SEED)
    return [draw.choice(sorted(text.split())) for text in fields.values()]


def _one_of_twelve(fields: Mapping[str, str]) -> list[str]:
    kept = sorted(random.Random(SEED).sample(sorted(fields), 12))
    return _one_of_each({field: fields[field] for field in kept})


def _lot_of_timm(words: set[str]) -> list[tuple[str, str]]:
    with patch.object(seventh, "SEED", SEED):
        return seventh._lot_of_timm(words)


# --- transformers


def _foretold(inner: Any, seen: Tensor, noise: Tensor) -> Any:
    """What is made up of the places that a given noise hides, without the loss beside it."""
    made = inner(pixel_values=seen, noise=noise)
    return made.logits, made.mask


def _chosen(inner: Any, words: Tensor, mask: Tensor) -> Any:
    return inner(input_ids=words, attention_mask=mask).logits


def _quantized(inner: Any, sound: Tensor) -> Any:
    made = inner(input_values=sound)
    return made.projected_states, made.projected_quantized_states


_CHOICES: Final = torch.stack((_IDS, _IDS + 20), 1)
_BOXES: Final = torch.tensor([[[at * 5, at * 3, at * 5 + 20, at * 3 + 10] for at in range(8)]])
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "BartForQuestionAnswering": _known(
        "BartForQuestionAnswering", _SEQ2SEQ, {"input_ids": _IDS, "attention_mask": _ONES}
    ),
    "ConvNextBackbone": _known(
        "ConvNextBackbone",
        """
            hidden_sizes=[24,32,48,64] depths=[1,1,2,1]
            out_features=['stage1','stage2','stage3','stage4']
        """,
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "ElectraForMultipleChoice": _known(
        "ElectraForMultipleChoice",
        f"{_WORDS} embedding_size=64",
        {"input_ids": _CHOICES, "attention_mask": torch.ones_like(_CHOICES)},
        _chosen,
    ),
    "BeitForSemanticSegmentation": _known(
        "BeitForSemanticSegmentation",
        f"""
            {_WIDE} num_hidden_layers=4 image_size=32 patch_size=8 out_indices=[1,2,3,4]
            pool_scales=[1,2,4] num_labels=7 use_relative_position_bias=True
            use_mask_token=False use_auxiliary_head=False
        """.replace("num_hidden_layers=2", ""),
        _PIXELS,
    ),
    "ViTMAEForPreTraining": _known(
        "ViTMAEForPreTraining",
        f"""
            {_WIDE} image_size=32 patch_size=8 decoder_hidden_size=48 decoder_num_hidden_layers=2
            decoder_num_attention_heads=4 decoder_intermediate_size=96 mask_ratio=0.5
        """,
        {**_PIXELS, "noise": torch.arange(16)[None] * 7 % 16 / 16},
        _foretold,
    ),
    "XLMRobertaForMaskedLM": _known("XLMRobertaForMaskedLM", f"{_WORDS} type_vocab_size=1", _TEXT),
    "GemmaForSequenceClassification": _known(
        "GemmaForSequenceClassification", f"{_LM} {_HEADS} num_labels=3", _TEXT
    ),
    "Wav2Vec2ForPreTraining": _known(
        "Wav2Vec2ForPreTraining",
        f"""
            {_WAVES} num_codevectors_per_group=12 num_codevector_groups=2 codevector_dim=32
            proj_codevector_dim=40
        """,
        {"input_values": (1, 800)},
        _quantized,
    ),
    "LayoutLMv3ForTokenClassification": _known(
        "LayoutLMv3ForTokenClassification",
        f"""
            {_WORDS} coordinate_size=8 shape_size=16 input_size=32 patch_size=8 num_labels=5
            max_2d_position_embeddings=128 rel_pos_bins=16 rel_2d_pos_bins=24
        """,
        {"input_ids": _IDS, "bbox": _BOXES, "attention_mask": _ONES, **_PIXELS},
    ),
    "BlenderbotForConditionalGeneration": _known(
        "BlenderbotForConditionalGeneration", _SEQ2SEQ, _BOTH
    ),
    "Wav2Vec2ForAudioFrameClassification": _known(
        "Wav2Vec2ForAudioFrameClassification",
        f"""
            {_WAVES} num_labels=4 use_weighted_layer_sum=True do_stable_layer_norm=True
            feat_extract_norm='layer' conv_bias=True
        """,
        {"input_values": (1, 800)},
    ),
    "Qwen3_5ForCausalLM": _known(
        "Qwen3_5ForCausalLM",
        f"""
            {_LM} {_HEADS} {_LINEAR} num_hidden_layers=2
            layer_types=['linear_attention','full_attention']
        """,
        _TEXT,
    ),
}


# --- diffusers

_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "FluxControlNetModel": _diffuser(
        "FluxControlNetModel",
        """
            patch_size=1 in_channels=16 num_layers=1 num_single_layers=2 attention_head_dim=16
            num_attention_heads=4 joint_attention_dim=32 pooled_projection_dim=24
            guidance_embeds=True axes_dims_rope=(4,4,8)
        """,
        {
            "hidden_states": (1, 16, 16),
            "controlnet_cond": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 32),
            "pooled_projections": (1, 24),
            "timestep": torch.tensor([0.5]),
            "guidance": torch.tensor([3.5]),
            "img_ids": torch.stack([torch.zeros(16), *_GRID], 1),
            "txt_ids": torch.zeros(6, 3),
        },
    ),
    "AutoencoderKLCosmos": _diffuser(
        "AutoencoderKLCosmos",
        """
            latent_channels=8 encoder_block_out_channels=(32,32,64)
            decode_block_out_channels=(32,64,64) attention_resolutions=(8,) resolution=32
            num_layers=1 patch_size=2 spatial_compression_ratio=4 temporal_compression_ratio=4
        """,
        {"sample": (1, 3, 5, 32, 32)},
    ),
    "SparseControlNetModel": _diffuser(
        "SparseControlNetModel",
        """
            in_channels=4 conditioning_channels=4 block_out_channels=(32,64) layers_per_block=1
            down_block_types=('CrossAttnDownBlockMotion','DownBlockMotion') norm_num_groups=8
            cross_attention_dim=24 num_attention_heads=4 motion_num_attention_heads=4
            motion_max_seq_length=8 use_simplified_condition_embedding=True
        """,
        {
            "sample": (1, 4, 2, 16, 16),
            "timestep": _WHEN,
            "encoder_hidden_states": (2, 6, 24),
            "controlnet_cond": (1, 4, 2, 16, 16),
            "conditioning_mask": torch.tensor([1.0, 0.0])
            .reshape(1, 1, 2, 1, 1)
            .repeat(1, 1, 1, 16, 16),
        },
    ),
}


# --- timm

_TIMM: Final[Mapping[str, Drawn]] = {
    "byobnet": _timm("resnet101_clip_gap", by=4),
    "mobilevit": _timm("mobilevitv2_100"),
}


# --- models of libraries


def _quantiles() -> nn.Module:
    """d3rlpy's, of what a vector says of each deed."""
    _absent_are("gym gym.spaces minari")
    encoder = _get("d3rlpy.models.torch.encoders.VectorEncoder")
    kind: Any = _get("d3rlpy.models.torch.q_functions.qr_q_function.DiscreteQRQFunction")
    seen = encoder((12,), [48, 40], use_layer_norm=True)
    model: nn.Module = kind(seen, **parsed("hidden_size=40 action_size=4 n_quantiles=16"))
    return model


def _returned(inner: Any, state: Tensor) -> Any:
    made = inner(state)
    return made.q_value, made.quantiles


def _sentences() -> nn.Module:
    """sentence_transformers' mean of words and two layers, as its example of averages has it."""
    base = "sentence_transformers.sentence_transformer.modules"
    place: Any = import_module(base)
    splitter: Any = _get(f"{base}.tokenizer.whitespace.WhitespaceTokenizer")
    words = splitter(vocab=[f"word{at}" for at in range(60)], stop_words=[])
    dense: Any = _get("sentence_transformers.base.modules.dense.Dense")
    parts = [
        place.WordEmbeddings(words, torch.zeros(60, 48), update_embeddings=True),
        place.Pooling(48),
        dense(48, 40, activation_function=nn.Tanh()),
        dense(40, 32, activation_function=nn.Identity()),
    ]
    model: nn.Module = _get("sentence_transformers.SentenceTransformer")(
        modules=parts, device="cpu"
    )
    return model


def _meant(inner: Any, words: Tensor, mask: Tensor) -> Any:
    return inner({"input_ids": words, "attention_mask": mask})["sentence_embedding"]


def _guessed(inner: Any, sound: Tensor) -> Any:
    """How near each place is to each class: nothing is hidden, as it is in training alone."""
    model = inner.__self__
    seen = model.logit_generator.final_proj(model.wav2vec2(sound)[0])
    likened = F.cosine_similarity(seen[:, :, None], model.logit_generator.label_embeddings, dim=-1)
    return likened / 0.1


_NEAR: Final = torch.tensor([[a, (a + by) % 12] for a in range(12) for by in (1, 3, 7)]).T
_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "segmentation_models_pytorch.DeepLabV3": Drawn(
        _narrower(
            4,
            later_models._from(
                "segmentation_models_pytorch.DeepLabV3",
                """
                    encoder_name='resnet18' encoder_weights=None classes=3 decoder_channels=96
                    decoder_atrous_rates=(2,3,4)
                """,
            ),
        ),
        _X64,
        save="own",
    ),
    "d3rlpy.DiscreteQRQFunction": Drawn(_quantiles, {"state": (3, 12)}, _returned, "own"),
    "kornia.PatchDominantGradientOrientation": _own(
        "kornia.feature.PatchDominantGradientOrientation", "patch_size=24", {"x": (4, 1, 24, 24)}
    ),
    "torch_geometric.LightGCN": _own(
        "torch_geometric.nn.models.LightGCN",
        "num_nodes=12 embedding_dim=40 num_layers=3",
        {"edge_index": _NEAR, "edge_label_index": torch.tensor([[0, 3, 5], [7, 2, 11]])},
    ),
    "sentence_transformers.WordEmbeddings": Drawn(_sentences, _TEXT, _meant, "own"),
    "torchvision.mnasnet1_3": _vision("mnasnet1_3", "num_classes=10", _X64, by=4),
    "pretrainedmodels.vggm": Drawn(
        _narrower(
            8,
            later_models._from(
                "pretrainedmodels.models.vggm.vggm", "num_classes=10 pretrained=None"
            ),
        ),
        {"x": (1, 3, 221, 221)},
        save="own",
    ),
    "vit_pytorch.NesT": _own(
        "vit_pytorch.nest.NesT",
        """
            image_size=32 patch_size=4 num_classes=10 dim=32 heads=2 num_hierarchies=3
            block_repeats=(1,1,2) dim_head=16 mlp_mult=2
        """,
        {"img": (1, 3, 32, 32)},
    ),
    "torchaudio.HuBERTPretrainModel": _own(
        "torchaudio.models.hubert_pretrain_model",
        """
            extractor_mode='group_norm' extractor_conv_layer_config=[(32,10,5),(32,3,2),(48,2,2)]
            extractor_conv_bias=False encoder_embed_dim=64 encoder_projection_dropout=0.0
            encoder_pos_conv_kernel=16 encoder_pos_conv_groups=4 encoder_num_layers=2
            encoder_num_heads=4 encoder_attention_dropout=0.0 encoder_ff_interm_features=128
            encoder_ff_interm_dropout=0.0 encoder_dropout=0.0 encoder_layer_norm_first=False
            encoder_layer_drop=0.0 mask_prob=0.8 mask_selection='static' mask_other=0.0
            mask_length=5 no_mask_overlap=False mask_min_space=1 mask_channel_prob=0.0
            mask_channel_selection='static' mask_channel_other=0.0 mask_channel_length=5
            no_mask_channel_overlap=False mask_channel_min_space=1 skip_masked=False
            skip_nomask=False num_classes=20 final_dim=32 feature_grad_mult=None
        """,
        {"waveforms": (1, 800)},
        _guessed,
    ),
    "ultralytics.yolo11-cls": Drawn(
        later_models._yolo("yolo11-cls.yaml", 0.25, "ClassificationModel"), _X64, save="own"
    ),
    "espnet2.TransformerDecoder": _own(
        "espnet2.asr.decoder.transformer_decoder.TransformerDecoder",
        """
            vocab_size=30 encoder_output_size=64 attention_heads=4 linear_units=128 num_blocks=2
            use_flash_attn=False
        """,
        {"memory": (1, 12, 64), "words": torch.tensor([[1, 9, 17, 3, 28]])},
        lambda inner, memory, words: inner(
            memory, torch.tensor([12]), words, torch.tensor([words.shape[1]])
        )[0],
    ),
}


# --- other models of packages that are here


def _stretched(model: Any) -> None:
    """The directions of the greatest stretch, as training has them."""
    for part in model.modules():
        if hasattr(part, "compute_weight"):
            part.compute_weight(update=True, n_iterations=20)


def _spoken() -> nn.Module:
    """f5_tts', without the vocoders beside it."""
    _absent_are("librosa librosa.filters rjieba pypinyin")
    given = parsed(
        """
            dim=64 depth=2 heads=4 dim_head=16 ff_mult=2 mel_dim=20 text_num_embeds=48
            qk_norm='rms_norm'
        """
    )
    model: nn.Module = _get("f5_tts.model.backbones.mmdit.MMDiT")(**given)
    return model


def _trees() -> nn.Module:
    """mambular's, of two columns of kinds and three of numbers."""
    config: Any = _get("mambular.configs.node_config.DefaultNODEConfig")
    kind: Any = _get("mambular.base_models.node.NODE")
    numbers = {name: parsed("preprocessing='ple' dimension=6 categories=None") for name in "abc"}
    kinds = {name: parsed("preprocessing='int' dimension=1 categories=9") for name in "de"}
    told = config(**parsed("num_layers=2 layer_dim=24 depth=3 head_layer_sizes=[40]"))
    model: nn.Module = kind((numbers, kinds, {}), num_classes=4, config=told)
    return model


def _grown(model: Any) -> None:
    """Thresholds of the first batch, which they are taken of."""
    numbers = [torch.randn(64, 6) for _ in range(3)]
    model(numbers, [torch.randint(0, 9, (64, 1)).float() for _ in range(2)], [])


def _felt(inner: Any, *columns: Tensor) -> Any:
    return inner(list(columns[:3]), list(columns[3:]), [])


def _windowed(model: Any) -> None:
    """A window that is not a view of a longer one, which a file of safetensors refuses."""
    model.stft.window = model.stft.window.clone()


_LODGED_DRAWN: Final[Mapping[str, Drawn]] = {
    "normflows.LipschitzMLP": _own(
        "normflows.nets.LipschitzMLP",
        "channels=[6,48,40,6] lipschitz_const=0.9 max_lipschitz_iter=5 init_zeros=False",
        {"x": (3, 6)},
        last=_stretched,
    ),
    "audio_encoders_pytorch.ME1d": _own(
        "audio_encoders_pytorch.ME1d",
        """
            in_channels=1 stft_num_fft=63 stft_hop_length=16 channels=32 multipliers=[1,1,2]
            factors=[2,2] num_blocks=[1,2] patch_size=1 resnet_groups=4
        """,
        {"x": (1, 1, 512)},
        last=_windowed,
    ),
    "deepinv.Restormer": _own(
        "deepinv.models.Restormer",
        """
            dim=16 num_blocks=[1,1,1,1] num_refinement_blocks=1 heads=[1,2,2,4]
            ffn_expansion_factor=2.0 pretrained=None
        """,
        {"x": (1, 3, 32, 32)},
    ),
    "f5_tts.MMDiT": Drawn(
        _spoken,
        {"x": (1, 12, 20), "cond": (1, 12, 20), "text": _IDS, "time": torch.tensor([0.3])},
        save="own",
    ),
    "mambular.NODE": Drawn(
        _trees,
        {
            **dict.fromkeys("abc", (3, 6)),
            "d": torch.tensor([[3.0], [7.0], [1.0]]),
            "e": torch.tensor([[8.0], [0.0], [5.0]]),
        },
        _felt,
        "own",
        _grown,
    ),
}


# --- packages


def _sounds() -> nn.Module:
    """audio_diffusion_pytorch's, of the net that its documentation begins with."""
    kind: Any = _get("audio_diffusion_pytorch.DiffusionModel")
    parts: Any = import_module("audio_diffusion_pytorch")
    given = parsed(
        """
            in_channels=2 channels=[16,32,48] factors=[1,2,2] items=[1,1,2] attentions=[0,0,1]
            attention_heads=4 attention_features=16 modulation_features=40
        """
    )
    model: nn.Module = kind(
        net_t=parts.UNetV0, diffusion_t=parts.VDiffusion, sampler_t=parts.VSampler, **given
    )
    return model


def _remembered(inner: Any, words: Tensor, short: Tensor, long: Tensor) -> Any:
    """The logits, and what is remembered of them."""
    kind: Any = import_module("memory_transformer_xl.memory_transformer_xl").Memory
    logits, memory = inner(words, memories=kind(short, long))
    return logits, memory.short, memory.long


_PACKAGES: Final[Mapping[str, Drawn]] = {
    "memory-transformer-xl": _own(
        "memory_transformer_xl.MemoryTransformerXL",
        "num_tokens=99 dim=64 seq_len=8 depth=2 memory_layers=[1,2] heads=4 mem_len=8 lmem_len=16",
        {"words": _IDS, "short": (2, 1, 8, 64), "long": (1, 16, 64)},
        _remembered,
    ),
    "axial-positional-embedding": _own(
        "axial_positional_embedding.AxialPositionalEmbedding",
        "dim=32 axial_shape=(4,6) axial_dims=(20,12)",
        {"x": (1, 24, 32)},
        lambda inner, x: x + inner(x),
    ),
    "protein-bert-pytorch": _own(
        "protein_bert_pytorch.ProteinBERT",
        """
            num_tokens=26 num_annotation=60 dim=48 dim_global=40 depth=2 narrow_conv_kernel=5
            wide_conv_kernel=5 wide_conv_dilation=2 glu_conv=True local_self_attn=True
        """,
        {"seq": _IDS % 26, "annotation": (1, 60)},
    ),
    "audio-diffusion-pytorch": Drawn(
        _sounds,
        {"x": (1, 2, 64), "time": torch.tensor([0.4])},
        lambda inner, x, time: inner.__self__.net(x, time),
        "own",
    ),
}


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_sixth`` builds, with the seed, the packages and the families of this draw."""
    with patch.multiple(sixth, SEED=SEED, _BARE=_BARE, _FAMILIES=_FAMILIES):
        sixth._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    d3rlpy d3rlpy.models d3rlpy.models.torch d3rlpy.models.torch.q_functions espnet2 f5_tts
    f5_tts.model mambular mambular.base_models mambular.models
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bart": "transformers-BartForQuestionAnswering transformers-BlenderbotForConditionalGeneration",
    "bert": """
        transformers-ElectraForMultipleChoice transformers-XLMRobertaForMaskedLM
        package-protein-bert-pytorch model-sentence_transformers.WordEmbeddings
    """,
    "vit": "transformers-BeitForSemanticSegmentation transformers-ViTMAEForPreTraining",
    "qwen3": "transformers-GemmaForSequenceClassification transformers-Qwen3_5ForCausalLM",
    "gpt2": "package-memory-transformer-xl",
    "mmdit": "diffusers-FluxControlNetModel lodged-f5_tts.MMDiT",
    "vae": "diffusers-AutoencoderKLCosmos",
    "unet": "diffusers-SparseControlNetModel package-audio-diffusion-pytorch",
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
DAMAGED: Final[dict[str, str]] = {}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "lodged-en_transformer.EGNN": "the package has no module of that name",
    "model-neuralop.SFNO": "complex weights, which no exporter has",
    "package-backbones-unet": "the index has no release of it here",
    "package-fast-kan": "the index has no release of it here",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"lodged-{name}": drawn for name, drawn in _LODGED_DRAWN.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in sixth.in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
