"""A twelfth draw by lot: classes of transformers, of all that there are, models of diffusers, timm
and torchvision, models out of libraries that are widely used, and modules of twenty fields as they
are written at work.

Five were drawn of all classes of transformers, two of diffusers and of timm, one of torchvision,
and one for each field of ``_MODELS``, before any of them was tried. What could not be made at all
is in ``UNBUILT``, and nothing was taken in its place. The modules of fields are in
``more_field_modules``. The machinery, the steps and the chains of them are those of the sixth draw.
"""

from __future__ import annotations

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
from wild import drawn_eleventh as eleventh
from wild import drawn_models as earlier
from wild import drawn_seventh as seventh
from wild import drawn_sixth as sixth
from wild import drawn_tenth as tenth
from wild import later_models
from wild import more_field_modules as fields
from wild.drawn_eleventh import _below, _padded
from wild.drawn_models import (
    _IDS,
    _LM,
    _TEXT,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _mask,
    _mixed,
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
SEED: Final = 20261203


# --- the lots

_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "graphs": """
        torch_geometric.AttentionalAggregation torch_geometric.BesselBasisLayer
        torch_geometric.ClusterPooling torch_geometric.DeepGCNLayer
        torch_geometric.DeepSetsAggregation torch_geometric.DiffGroupNorm
        torch_geometric.GRUAggregation torch_geometric.GatedEquivariantBlock
        torch_geometric.HeteroLayerNorm torch_geometric.InducedSetAttentionBlock
        torch_geometric.LCMAggregation torch_geometric.LSTMAggregation torch_geometric.LinkEncoder
        torch_geometric.MLPAggregation torch_geometric.MessageNorm torch_geometric.PairNorm
        torch_geometric.PerformerAttention torch_geometric.PolynormerAttention
        torch_geometric.PowerMeanAggregation torch_geometric.SAGPooling
        torch_geometric.SGFormerAttention torch_geometric.SoftmaxAggregation
        torch_geometric.SortAggregation torch_geometric.TemporalEncoding
        torch_geometric.TopKPooling torch_geometric.VariancePreservingAggregation
    """,
    "bodies": """
        monai.AffineHead monai.BertAttention monai.CABlock monai.DVF2DDF monai.Daf3dFPN
        monai.ExtraFPNBlock monai.HighResBlock monai.LocalNetFeatureExtractorBlock
        monai.MDTATransformerBlock monai.MaisiEncoder monai.MedNeXtBlock monai.MultiModal
        monai.RegistrationResidualConvBlock monai.RetinaNetClassificationHead
        monai.RetinaNetRegressionHead monai.SABlock monai.SPADEResBlock monai.SpatialTransformer
        monai.StemTS monai.TwoWayAttentionBlock monai.UnetrPrUpBlock monai.VarAutoEncoder
        monai.VarNetBlock monai.VoxelMorphUNet monai.WindowAttention
    """,
    "features": """
        kornia.AIFI kornia.CCFM kornia.CSPRepLayer kornia.ConvSoftArgmax2d kornia.DenseSIFTDescriptor
        kornia.DiscreteSteerer kornia.FaceDetector kornia.GemmaAttention kornia.HGBlock
        kornia.Hourglass kornia.KimiVLProjector kornia.LearnableFourierPositionalEncoding
        kornia.LinearAttention kornia.LiteMLA kornia.MKDGradients kornia.MoonViTEncoder
        kornia.MultiScaleDeformableAttention kornia.NestedTensorBlock kornia.PixelShuffleDecoder
        kornia.Qwen25VisionBlock kornia.Qwen25VisionPatchMerger kornia.ResidualDenseBlock
    """,
    "voices": """
        speechbrain.AdditiveAngularMargin speechbrain.AlignmentNetwork
        speechbrain.AttentiveStatisticsPooling speechbrain.BranchformerEncoderLayer
        speechbrain.CLSTM_Layer speechbrain.ConformerDecoderLayer speechbrain.ContextNetBlock
        speechbrain.ConvolutionBranch speechbrain.ConvolutionalSpatialGatingUnit
        speechbrain.DPTNetBlock speechbrain.DecoderUNetModel speechbrain.DiscriminatorP
        speechbrain.DurationPredictor speechbrain.GaussianLowpassPooling
        speechbrain.GumbelVectorQuantizer speechbrain.HyperNetwork speechbrain.KeyValueAttention
        speechbrain.LocationAwareAttention speechbrain.MaskNet speechbrain.NMFEncoder
        speechbrain.QuasiRNNLayer speechbrain.RandomProjectionQuantizer speechbrain.RelPosEncXL
        speechbrain.ResidualVectorQuantize speechbrain.RoPEMHA speechbrain.SegLSTM
        speechbrain.SincConv
    """,
    "pairs": """
        torchmultimodal.ADMUNet torchmultimodal.ALBEFMultimodalEncoder
        torchmultimodal.ALBEFVisionEncoder torchmultimodal.AttentionFusionModule
        torchmultimodal.AxialAttentionBlock torchmultimodal.BERTTextEncoder torchmultimodal.BLIP2
        torchmultimodal.CLIPTextEncoder torchmultimodal.CLIPViTEncoder
        torchmultimodal.CascadedAttentionPooler torchmultimodal.CoCaMultimodalDecoder
        torchmultimodal.CoCaTextDecoder torchmultimodal.DalleVAEEncoder
        torchmultimodal.DeepsetFusionModule torchmultimodal.ImageTransformer
        torchmultimodal.MILEncoder torchmultimodal.QformerModel torchmultimodal.ResNetForCLIP
        torchmultimodal.VideoDecoder torchmultimodal.VideoEncoder
        torchmultimodal.WeightedEmbeddingEncoder
    """,
    "restored": """
        basicsr.BasicVSRPlusPlus basicsr.DFDNet basicsr.EDVRFeatureExtractor basicsr.IconVSR
        basicsr.MSRResNet basicsr.SPyNetTOF basicsr.StyleGAN2Discriminator basicsr.TSAFusion
        basicsr.VGGStyleDiscriminator basicsr.RSTB basicsr.PredeblurModule deepinv.ADMUNet
        deepinv.ConvDecoder deepinv.DCGANDiscriminator deepinv.DCGANGenerator deepinv.DScCP
        deepinv.ESRGANDiscriminator deepinv.FFDNet deepinv.MPRNet deepinv.NCSNpp deepinv.PanNet
        deepinv.PatchGANDiscriminator deepinv.PromptIR deepinv.RAM deepinv.SRResNet
    """,
    "things": """
        ultralytics.yolov3-tiny ultralytics.yolov5-p6 ultralytics.yolov6 ultralytics.yolov8-p2
        ultralytics.yolov8-pose-p6 ultralytics.yolov8-rtdetr ultralytics.yolov8-worldv2
        ultralytics.yolov9c-seg ultralytics.yolo11-cls-resnet18 ultralytics.yolo12-cls
        ultralytics.yolo12-obb ultralytics.yolo12-pose ultralytics.yolo12-seg
        ultralytics.yolo26-depth ultralytics.yolo26-p2 ultralytics.yolo26-sem
    """,
    "forecasts": """
        neuralforecast.AutoCorrelationLayer neuralforecast.ExogenousBasis
        neuralforecast.FourierCrossAttention neuralforecast.KANLinear neuralforecast.MLPResidual
        neuralforecast.ReprogrammingLayer neuralforecast.ResLSTMLayer neuralforecast.RevINMultivariate
        neuralforecast.STAD neuralforecast.STADSharp neuralforecast.StaticCovariateEncoder
        neuralforecast.TSTiEncoder neuralforecast.TaylorKANLayer
        neuralforecast.TemporalConvolutionEncoder neuralforecast.TemporalCovariateEncoder
        neuralforecast.TransDecoder neuralforecast.WaveKANLayer
    """,
    "deeds": """
        d3rlpy.CategoricalPolicy d3rlpy.ContinuousDecisionTransformer d3rlpy.DeterministicPolicy
        d3rlpy.DeterministicResidualPolicy d3rlpy.GPT2 d3rlpy.GatoTransformer d3rlpy.NormalPolicy
        d3rlpy.PixelEncoderWithAction d3rlpy.SimBaEncoder d3rlpy.VAEDecoder d3rlpy.VAEEncoder
        d3rlpy.VectorEncoderWithAction torchrl.DreamerV3BlockGRUCell torchrl.gSDEModule
        tianshou.ScaledObsInputActionReprNet
    """,
    "words": """
        torchscale.EncoderDecoder torchscale.MultiScaleRetention torchscale.VisionLanguageEmbedding
        x_transformers.DeterministicLatentBottleneck x_transformers.DynamicLIMe
        x_transformers.EpisodicMemories x_transformers.FoldAxially
        x_transformers.GRUGatingTransition x_transformers.GatedMultiResidual
        x_transformers.MultiheadRMSNorm x_transformers.OrthogonalResidualUpdate
        x_transformers.PerRowDataDependentAlibi x_transformers.RandomFourierEmbed
        x_transformers.RelativeProjPositionalBias x_transformers.SimpleRMSNorm
        vit_pytorch.AdaptiveLoopGate vit_pytorch.AttentionResidual vit_pytorch.GoldenGateRoPENd
        vit_pytorch.GroupedLinear vit_pytorch.JetViTLinearAttention vit_pytorch.LSA
        vit_pytorch.MutualAttention vit_pytorch.WeightStandardizedLinear
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: five of all classes of transformers that its tables of heads have, two of
    diffusers and of timm, one of torchvision, and one for each field of models. What another kind
    names is not in the lot.
    """
    declare_operators()
    words = seventh._words(earlier.DRAWN[12:])
    with (
        patch.object(tenth, "SEED", SEED),
        patch.object(seventh, "SEED", SEED),
        patch.object(eleventh, "SEED", SEED),
    ):
        return {
            "transformers": tenth._lot_of_transformers(words)[:5],
            "diffusers": eleventh._lot_of_diffusers(words)[:2],
            "timm": seventh._lot_of_timm(words)[:2],
            "torchvision": tenth._lot_of_torchvision(words)[:1],
            "models": tenth._one_of_each(eighth._free(_MODELS, words)),
        }


# --- transformers

_ASKED: Final = _mixed(98, 4)
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "FunnelForPreTraining": _known(
        "FunnelForPreTraining",
        """
            vocab_size=99 block_sizes=[1,1] num_decoder_layers=1 d_model=64 n_head=4 d_head=16
            d_inner=128 attention_type='factorized' pooling_type='max'
        """,
        _TEXT,
    ),
    "InstructBlipForConditionalGeneration": _known(
        "InstructBlipForConditionalGeneration",
        "num_query_tokens=4 image_token_index=98",
        {
            **_PIXELS,
            "qformer_input_ids": _IDS,
            "input_ids": _ASKED,
            "attention_mask": _mask(_ASKED),
        },
        qformer_config=f"{_WORDS} encoder_hidden_size=48",
        text_config=f"model_type='llama' {_LM}",
        vision_config="""
            hidden_size=48 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96
            image_size=32 patch_size=8
        """,
    ),
    "SeamlessM4TForSpeechToText": _known(
        "SeamlessM4TForSpeechToText",
        """
            vocab_size=99 hidden_size=64 use_cache=False encoder_layers=1 encoder_ffn_dim=128
            encoder_attention_heads=4 decoder_layers=2 decoder_ffn_dim=128
            decoder_attention_heads=4 speech_encoder_layers=2 speech_encoder_attention_heads=4
            speech_encoder_intermediate_size=128 max_position_embeddings=64
            feature_projection_input_dim=40 max_source_positions=32 conv_depthwise_kernel_size=7
            adaptor_kernel_size=4 adaptor_stride=4
        """,
        {"input_features": (1, 24, 40), "decoder_input_ids": _IDS[:, :5]},
    ),
    "Swin2SRModel": _known(
        "Swin2SRModel",
        "image_size=16 embed_dim=48 depths=[2,2] num_heads=[3,3] window_size=4",
        {"pixel_values": (1, 3, 16, 16)},
    ),
    "SegGptModel": _known(
        "SegGptModel",
        """
            hidden_size=64 num_hidden_layers=4 num_attention_heads=4 image_size=[64,32]
            patch_size=8 pretrain_image_size=32 decoder_hidden_size=16 merge_index=0
            intermediate_hidden_state_indices=[1,2,3]
        """,
        {
            **_PIXELS,
            "prompt_pixel_values": (1, 3, 32, 32),
            "prompt_masks": (1, 3, 32, 32),
        },
    ),
}


# --- diffusers


def _conditioned(inner: Any, patches: Tensor, asked: Tensor, words: Tensor, when: Tensor) -> Any:
    """Of a picture of four by four patches."""
    return inner(
        patches,
        asked,
        encoder_hidden_states=words,
        encoder_hidden_states_mask=torch.ones(words.shape[:2]),
        timestep=when,
        img_shapes=[[(1, 4, 4)]],
        return_dict=False,
    )


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "QwenImageControlNetModel": _diffuser(
        "QwenImageControlNetModel",
        """
            in_channels=16 out_channels=4 num_layers=2 attention_head_dim=16 num_attention_heads=4
            joint_attention_dim=48 axes_dims_rope=(4,6,6)
        """,
        {
            "hidden_states": (1, 16, 16),
            "controlnet_cond": (1, 16, 16),
            "encoder_hidden_states": (1, 6, 48),
            "timestep": torch.tensor([0.5]),
        },
        _conditioned,
    ),
    "AnyFlowTransformer3DModel": _diffuser(
        "AnyFlowTransformer3DModel",
        """
            num_attention_heads=4 attention_head_dim=24 in_channels=4 out_channels=4 text_dim=48
            freq_dim=32 ffn_dim=128 num_layers=2 rope_max_seq_len=32
        """,
        {
            "hidden_states": (1, 2, 4, 8, 8),
            "timestep": torch.tensor([[700.0, 700.0]]),
            "r_timestep": torch.tensor([[300.0, 300.0]]),
            "encoder_hidden_states": (1, 6, 48),
        },
    ),
}


# --- timm and torchvision


def _repeated() -> nn.Module:
    """timm's, of one block or two in each stage, narrower."""
    place: Any = import_module("timm.models.byobnet")
    blocks = place._rep_vgg_bcfg(d=(1, 2, 2, 1), wf=(0.5, 0.5, 0.375, 0.25))
    model: nn.Module = import_module("timm").create_model(
        "repvgg_d2se",
        pretrained=False,
        num_classes=10,
        blocks=blocks,
        stem_chs=32,
        attn_kwargs={"rd_ratio": 0.25, "rd_divisor": 1},
    )
    return model


_TIMM: Final[Mapping[str, Drawn]] = {
    "byobnet": Drawn(_repeated, _X64),
    "resnet": _timm("resnetrs101", "layers=(1,1,2,1)", by=2),
}
_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "vgg13": _vision("vgg13", "num_classes=10", {"x": (1, 3, 224, 224)}, by=8),
}


# --- models of libraries


def _summed() -> nn.Module:
    """Sets of nodes through one perceptron, and their sums through another."""
    mlp: Any = _get("torch_geometric.nn.MLP")
    inner: Any = _get("torch_geometric.nn.DeepSetsAggregation")
    # its own call passes names that the forward of an export does not have
    kind: Any = type("DeepSetsAggregation", (inner,), {"__call__": nn.Module.__call__})
    model: nn.Module = kind(
        local_nn=mlp([24, 64, 64], norm="batch_norm"), global_nn=mlp([64, 48, 8], norm=None)
    )
    return model


def _across() -> nn.Module:
    """monai's attention between two modalities."""
    config = parsed("hidden_size=96 num_attention_heads=6 attention_probs_dropout_prob=0.1")
    model: nn.Module = _get("monai.networks.nets.transchex.BertAttention")(
        SimpleNamespace(**config)
    )
    return model


def _steered() -> nn.Module:
    model: nn.Module = _get("kornia.feature.steerers.DiscreteSteerer")(torch.eye(128))
    return model


def _thrice(inner: Any, descriptions: Tensor) -> Any:
    """Turned by one step, and by three of them."""
    once = inner(descriptions)
    return once, nn.functional.normalize(inner(inner(once)), dim=-1)


def _told() -> nn.Module:
    """ultralytics', narrower."""
    return later_models._yolo("yolo12-cls.yaml", 0.25, "ClassificationModel")()


def _encoded() -> nn.Module:
    """neuralforecast's, which has the scores of one layer added to those of the next."""
    _absent_are("neuralforecast.common._base_model")
    sys.modules["neuralforecast.common._base_model"].__dict__["BaseModel"] = nn.Module
    model: nn.Module = _get("neuralforecast.models.patchtst.TSTiEncoder")(
        **parsed(
            """
                c_in=3 patch_num=10 patch_len=8 n_layers=2 hidden_size=48 n_heads=4
                linear_hidden_size=96
            """
        )
    )
    return model


def _played() -> nn.Module:
    """d3rlpy's, which sees pictures."""
    _absent_are("gym gym.spaces d3rlpy.types d3rlpy.torch_utility")
    encoder: Any = _get("d3rlpy.models.torch.encoders.PixelEncoder")
    seen = encoder((4, 64, 64), feature_size=96, use_batch_norm=True, dropout_rate=None)
    model: nn.Module = _get("d3rlpy.models.torch.policies.DeterministicPolicy")(seen, 96, 6)
    return model


def _both() -> nn.Module:
    """torchscale's, of words and patches, for an encoder of both."""
    place: Any = import_module("torchscale.component.embedding")
    words = place.TextEmbedding(99, 64, 1)
    patches = place.VisionEmbedding(32, 8, 3, 64, True, True)
    model: nn.Module = place.VisionLanguageEmbedding(words, patches)
    return model


_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "torch_geometric.DeepSetsAggregation": Drawn(
        _summed,
        {"x": (12, 24), "index": torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3])},
        lambda inner, x, index: inner(x, index, dim_size=4),
        "own",
    ),
    "monai.BertAttention": Drawn(
        _across, {"hidden_states": (1, 8, 96), "context": (1, 12, 96)}, save="own"
    ),
    "kornia.DiscreteSteerer": Drawn(_steered, {"descriptions": (20, 128)}, _thrice, "own"),
    "speechbrain.DPTNetBlock": _own(
        "speechbrain.lobes.models.dual_path.DPTNetBlock",
        "d_model=64 nhead=4 dim_feedforward=256",
        {"src": (12, 3, 64)},
    ),
    "torchmultimodal.CLIPViTEncoder": _own(
        "torchmultimodal.models.clip.image_encoder.CLIPViTEncoder",
        "embedding_dim=48 patch_size=8 image_size=32 width=64 heads=4 layers=2",
        {"x": (1, 3, 32, 32)},
    ),
    "basicsr.TSAFusion": _own(
        "basicsr.archs.edvr_arch.TSAFusion",
        "num_feat=32 num_frame=5 center_frame_idx=2",
        {"aligned_feat": (1, 5, 32, 16, 16)},
    ),
    "ultralytics.yolo12-cls": Drawn(_told, _X64, save="own"),
    "neuralforecast.TSTiEncoder": Drawn(_encoded, {"x": (2, 3, 8, 10)}, save="own"),
    "d3rlpy.DeterministicPolicy": Drawn(_played, {"x": (2, 4, 64, 64)}, save="own"),
    "torchscale.VisionLanguageEmbedding": Drawn(
        _both, {"textual_tokens": _IDS, "visual_tokens": (1, 3, 32, 32)}, save="own"
    ),
}


# --- modules of fields

_PATIENTS: Final = torch.tensor(
    [[82.0, 47, 1.12, 38, 178], [54.5, 71, 1.73, 33, 159], [68.0, 29, 0.77, 44, 171]]
)
_CODE: Final = _padded(350, 2, 14)
_SAID: Final = _padded(320, 2, 8)
_CORNER: Final = torch.stack([_below(90, 2, 12), _below(80, 2, 12).flip(1)], -1)
_PLACED: Final = torch.cat([_CORNER, _CORNER + torch.tensor([17, 9])], -1)
_FIELDS: Final[Mapping[str, Drawn]] = {
    "drug_dosing": Drawn(
        fields.DosingModel,
        {"covariates": _PATIENTS, "sex": torch.tensor([0, 1, 1]), "levels": (3, 5, 3)},
        save="own",
    ),
    "card_limits": Drawn(
        fields.LimitAssignment,
        {
            "numeric": (4, 13),
            "bins": torch.stack([_below(most, 4) for most in (7, 5, 12, 9)], -1),
            "segment": torch.tensor([0, 2, 5, 3]),
        },
        save="own",
    ),
    "nowcasting": Drawn(
        fields.RainNowcaster, {"frames": (1, 4, 32, 32), "quality": (1, 4, 32, 32)}, save="own"
    ),
    "wind_farm": Drawn(
        fields.WindFarm,
        {
            "nwp": (2, 8, 4, 5),
            "scada": (2, 12, 3, 24),
            "kind": torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]),
        },
        save="own",
    ),
    "eeg": Drawn(fields.MotorImageryNet, {"x": (2, 22, 256)}, save="own"),
    "radar": Drawn(fields.RadarPerception, {"adc": (1, 2, 4, 32, 64)}, save="own"),
    "delivery_eta": Drawn(
        fields.DeliveryEta,
        {
            "ends": (2, 2, 2),
            "legs": (2, 6, 3),
            "roads": _padded(14, 2, 6) - 1,
            "depot": torch.tensor([4, 19]),
            "when": torch.tensor([33, 112]),
        },
        save="own",
    ),
    "bidding": Drawn(
        fields.BidModel,
        {
            "ids": torch.stack([_below(most, 4) for most in (200, 60, 90, 24, 30, 12, 8)], -1),
            "numeric": (4, 6),
            "value": (4,),
        },
        save="own",
    ),
    "dialogue": Drawn(
        fields.IntentAndSlots,
        {
            "words": _SAID,
            "chars": _padded(70, 2, 8, 10),
            "speaker": torch.tensor([1, 2]),
            "before": torch.tensor([[3, 11], [7, 18]]),
        },
        save="own",
    ),
    "code_search": Drawn(
        fields.CodeSearch,
        {
            "query": _padded(350, 2, 7),
            "code": _CODE,
            "nodes": _CODE % 40 * _CODE.clamp(max=1),
            "lang": torch.tensor([1, 4]),
        },
        save="own",
    ),
    "music": Drawn(fields.MusicTagger, {"magnitude": (2, 129, 48)}, save="own"),
    "keywords": Drawn(
        fields.KeywordSpotter,
        {
            "mel": (1, 24, 8),
            "level": (1, 24),
            "c1": (1, 24, 8),
            "c2": (1, 32, 8),
            "c3": (1, 32, 8),
            "h": (1, 32),
        },
        save="own",
    ),
    "hand_pose": Drawn(
        fields.HandPose,
        {
            "image": (2, 3, 64, 64),
            "is_left": torch.tensor([False, True]),
            "camera": torch.tensor([[1.3, 1.31, 0.49, 0.52], [1.22, 1.2, 0.5, 0.47]]),
        },
        save="own",
    ),
    "inspection": Drawn(
        fields.PartInspection,
        {"image": (2, 1, 64, 64), "product": torch.tensor([1, 4])},
        save="own",
    ),
    "document_layout": Drawn(
        fields.DocumentLayout,
        {"ids": _padded(300, 2, 12), "boxes": _PLACED, "image": (2, 3, 64, 64)},
        save="own",
    ),
    "battery": Drawn(
        fields.BatteryObserver,
        {
            "volts": (3, 6, 8),
            "amps": (3, 6),
            "temp": (3, 6),
            "kind": torch.tensor([0, 2, 1]),
            "soc": (3,),
        },
        save="own",
    ),
    "seismology": Drawn(
        fields.PhasePicker,
        {"wave": (2, 3, 256), "station": torch.tensor([3, 16]), "distance": (2,)},
        save="own",
    ),
    "portfolio": Drawn(
        fields.Allocator,
        {"returns": (2, 16, 40), "holdings": (2, 16), "macro": (2, 6)},
        save="own",
    ),
    "genomics": Drawn(
        fields.RegulatoryModel,
        {
            "reference": torch.arange(128)[None] * 37 % 11 % 5,
            "alternate": (torch.arange(128)[None] * 37 % 11 + (torch.arange(128) > 63)) % 5,
        },
        save="own",
    ),
    "grasping": Drawn(
        fields.GraspPlanner,
        {
            "depth": (2, 1, 48, 48),
            "gripper": torch.tensor([0, 2]),
            "instruction": _below(120, 2, 5),
        },
        save="own",
    ),
}


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_sixth`` builds, with the seed, the packages and the families of this draw."""
    with patch.multiple(sixth, SEED=SEED, _BARE=_BARE, _FAMILIES=_FAMILIES):
        sixth._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    basicsr basicsr.archs d3rlpy d3rlpy.models d3rlpy.models.torch neuralforecast
    neuralforecast.common neuralforecast.models torchmultimodal torchscale torchscale.component
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bert": """
        transformers-FunnelForPreTraining model-monai.BertAttention field-code_search
        field-document_layout
    """,
    "conformer": "transformers-SeamlessM4TForSpeechToText",
    "mmdit": "diffusers-QwenImageControlNetModel diffusers-AnyFlowTransformer3DModel",
    "qwen3": "transformers-InstructBlipForConditionalGeneration",
    "swin": "transformers-Swin2SRModel",
    "vit": """
        transformers-SegGptModel model-torchmultimodal.CLIPViTEncoder
        model-neuralforecast.TSTiEncoder
    """,
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
# its codes are those of the checkpoint's weights, but it answers far from the module
DAMAGED: Final = {
    "field-dialogue/torchscript+int8-qdq-channels": (
        "a mask of large numbers was calibrated: one step of its activations is all scores of tags"
    ),
}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-AnyFlowTransformer3DModel": "complex numbers, which no exporter has",
    "diffusers-QwenImageControlNetModel": "complex numbers, which no exporter has",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"torchvision-{name}": drawn for name, drawn in _TORCHVISION.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"field-{name}": drawn for name, drawn in _FIELDS.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in sixth.in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
