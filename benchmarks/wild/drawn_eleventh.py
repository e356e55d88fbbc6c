"""An eleventh draw by lot: classes of transformers, of all that there are, models of diffusers,
timm and torchvision, models out of libraries that are widely used, and modules of sixteen fields as
they are written at work.

Ten were drawn of all classes of transformers, four of diffusers, two of timm and of torchvision,
and one for each field of ``_MODELS``, before any of them was tried. What could not be made at all
is in ``UNBUILT``, and nothing was taken in its place. The modules of fields are in
``field_modules``. The machinery, the steps and the chains of them are those of the sixth draw.
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

import torch
from torch import nn

from wild import drawn_eighth as eighth
from wild import drawn_models as earlier
from wild import drawn_seventh as seventh
from wild import drawn_sixth as sixth
from wild import drawn_tenth as tenth
from wild import field_modules as fields
from wild import later_models
from wild.drawn_models import (
    _IDS,
    _LM,
    _MOE,
    _SEQ2SEQ,
    _TEXT,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _mask,
    _mixed,
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
SEED: Final = 20261202


# --- the lots

_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "sounds": """
        torchaudio.wav2vec2_base torchaudio.wav2vec2_xlsr_300m torchaudio.hdemucs_high
        torchaudio.hubert_pretrain_base torchaudio.hubert_pretrain_large torchaudio.rnnt_decoder
        torchaudio.squim_objective_base torchaudio.squim_subjective_base torchaudio.conv_tasnet
        torchaudio.MelResNet torchaudio.UpsampleNetwork torchaudio.DPRNN torchaudio.MFCC
        torchaudio.LFCC pyannote.SSeRiouSS pyannote.SimpleSegmentationModel pyannote.XVectorMFCC
        pyannote.XVectorSincNet pyannote.ToTaToNet pyannote.SimpleEmbeddingModel
    """,
    "graphs": """
        torch_geometric.GATConv torch_geometric.GCNConv torch_geometric.GINConv
        torch_geometric.GraphConv torch_geometric.SAGEConv torch_geometric.HANConv
        torch_geometric.HEATConv torch_geometric.HGTConv torch_geometric.LGConv
        torch_geometric.PANConv torch_geometric.PPFConv torch_geometric.PointGNNConv
        torch_geometric.ResGatedGCNConv torch_geometric.SignedConv torch_geometric.XConv
        torch_geometric.WLConvContinuous torch_geometric.DynamicEdgeConv
        torch_geometric.GravNetConv torch_geometric.FastRGCNConv torch_geometric.GeneralEdgeConv
        torch_geometric.GraphMultisetTransformer torch_geometric.SetAttentionBlock
        torch_geometric.MemPooling torch_geometric.LPFormer torch_geometric.ProteinMPNN
        torch_geometric.Node2Vec torch_geometric.ComplEx torch_geometric.DistMult
        torch_geometric.RotatE torch_geometric.TransE torch_geometric.GPSE
        torch_geometric.PatchTransformerAggregation torch_geometric.EquilibriumAggregation
        torch_geometric.DegreeScalerAggregation torch_geometric.HeteroLinear
        torch_geometric.MeshCNNConv torch_geometric.QFormer
    """,
    "bodies": """
        monai.ControlNet monai.ControlNetMaisi monai.DiffusionModelUNetMaisi monai.ComplexUnet
        monai.CoilSensitivityModel monai.MCFCN monai.RetinaNetDetector monai.HyenaTransformerBlock
        monai.EfficientNetBNFeatures monai.SPADEDecoder monai.SPADEEncoder monai.SegResEncoder
        monai.CellSamWrapper monai.MedNeXtUpBlock monai.SwinTransformerBlock
        monai.ClassMappingClassify monai.PointMappingSAM monai.MaisiDecoder monai.BertMixedLayer
    """,
    "things": """
        ultralytics.rtdetr-resnet101 ultralytics.rtdetr-resnet50 ultralytics.rtdetr-x
        ultralytics.yolo11-seg ultralytics.yoloe-11-seg ultralytics.yoloe-26
        ultralytics.yoloe-26-seg ultralytics.yoloe-v8 ultralytics.yoloe-v8-seg ultralytics.yolov10b
        ultralytics.yolov10l ultralytics.yolov10m ultralytics.yolov10x
        ultralytics.yolov8-cls-resnet101 ultralytics.yolov8-cls-resnet50
        ultralytics.yolov8-ghost-p6 ultralytics.yolov9e ultralytics.yolov9e-seg
        ultralytics.yolov9m ultralytics.yolov9s
    """,
    "voices": """
        speechbrain.AttentionalRNNDecoder speechbrain.CNN14PSI_stft speechbrain.CNNTransformerSE
        speechbrain.CLSTM speechbrain.CLiGRU speechbrain.QLSTM speechbrain.QLiGRU
        speechbrain.LiGRU speechbrain.SLiGRU speechbrain.QuasiRNN speechbrain.MemLSTM
        speechbrain.DiffWaveVocoder speechbrain.HifiganDiscriminator speechbrain.Leaf
        speechbrain.PCEN speechbrain.SBRNNBlock speechbrain.Transducer_joint
        speechbrain.TransformerLM speechbrain.TransformerG2P speechbrain.UnitHifiganGenerator
        speechbrain.VectorQuantizedPSI_Audio speechbrain.Theta speechbrain.SNREstimator
        speechbrain.Res2NetBlock speechbrain.SERes2NetBlock speechbrain.HyperMixing
        speechbrain.EncoderUNetModel speechbrain.Conv2dEncoder_v2 speechbrain.PostNet
    """,
    "cuts": """
        segmentation_models_pytorch.resnext101_32x4d segmentation_models_pytorch.dpn68b
        segmentation_models_pytorch.vgg19 segmentation_models_pytorch.vgg19_bn
        segmentation_models_pytorch.se_resnet101 segmentation_models_pytorch.densenet201
        segmentation_models_pytorch.efficientnet-b1 segmentation_models_pytorch.efficientnet-b3
        segmentation_models_pytorch.timm-efficientnet-b0
        segmentation_models_pytorch.timm-efficientnet-b2
        segmentation_models_pytorch.timm-tf_efficientnet_lite0
        segmentation_models_pytorch.timm-skresnet34 segmentation_models_pytorch.mit_b2
        segmentation_models_pytorch.mobileone_s2 segmentation_models_pytorch.mobileone_s4
    """,
    "features": """
        kornia.SigLip2Model kornia.SigLip2TextModel kornia.SigLip2VisionModel kornia.MoonViT
        kornia.KimiVLModel kornia.SmallSRNet kornia.SOLD2_detector kornia.PPHGNetV2
        kornia.Qwen25VisionTransformer kornia.ResNetFPN_8_2 kornia.ResNetFPN_16_4
        kornia.PatchAffineShapeEstimator kornia.SDDH kornia.EncoderDeFMO kornia.RenderingDeFMO
        kornia.DINOHead kornia.GemmaDecoderLayer kornia.LAFOrienter kornia.LoFTREncoderLayer
        kornia.SmolVLM2 kornia.MobileViTBlock kornia.TLU kornia.DSConv
    """,
    "pairs": """
        open_clip.EVA02-B-16 open_clip.MobileCLIP-S1 open_clip.MobileCLIP-B open_clip.PE-Core-B-16
        open_clip.RN50 open_clip.RN101-quickgelu open_clip.ViT-B-16 open_clip.ViT-B-32-quickgelu
        open_clip.ViT-B-16-SigLIP open_clip.ViT-B-16-SigLIP2 open_clip.ViT-L-14-CLIPA
        open_clip.ViT-H-14-worldwide open_clip.ViT-M-16-alt open_clip.ViTamin-B
        open_clip.coca_ViT-B-32 open_clip.coca_base open_clip.convnext_base_w
        open_clip.swin_base_patch4_window7_224 open_clip.vit_relpos_medium_patch16_cls_224
        open_clip.roberta-ViT-B-32 sentence_transformers.SparseStaticEmbedding
        sentence_transformers.MultiVectorMask sentence_transformers.WordWeights
        sentence_transformers.Router sentence_transformers.TiedTranspose
    """,
    "series": """
        darts.CustomBlockRNNModule darts.TimeBatchNorm2d gluonts.DeepARModel
        gluonts.DeepNPTSNetworkSmooth gluonts.ImplicitQuantileModule gluonts.DeepConvexFlow
        gluonts.TemporalFusionDecoder gluonts.TemporalFusionEncoder gluonts.PICNN
        pytorch_forecasting.Baseline pytorch_forecasting.NBEATSBlockKAN
        pytorch_forecasting.NBEATSSeasonalBlock pytorch_forecasting.NHiTSBlock
        pytorch_forecasting.StaticFeaturesEncoder pytorch_forecasting.sLSTMNetwork
        pytorch_forecasting.mLSTMNetwork pytorch_forecasting.TimeDistributedEmbeddingBag
    """,
    "forecasts": """
        neuralforecast.DilatedRNN neuralforecast.DRNN neuralforecast.FEDformer
        neuralforecast.Informer neuralforecast.KAN neuralforecast.MLPMultivariate
        neuralforecast.NBEATS neuralforecast.NLinear neuralforecast.PatchTST_backbone
        neuralforecast.SOFTSSharp neuralforecast.StockBlockLayer neuralforecast.TFTEmbedding
        neuralforecast.TSMixerx neuralforecast.TimesBlock neuralforecast.VanillaTransformer
        neuralforecast.XLinear neuralforecast.xLSTM neuralforecast.JacobiKANLayer
        neuralforecast.PastDecomposableMixing
    """,
    "deeds": """
        torchrl.ACTModel torchrl.ConvNet torchrl.Conv3dNet torchrl.DdpgCnnActor
        torchrl.DdpgCnnQNet torchrl.DdpgMlpActor torchrl.DdpgMlpQNet torchrl.DecisionTransformer
        torchrl.DistributionalDQNnet torchrl.DreamerV3BlockGRU torchrl.DreamerV3ImageDecoder
        torchrl.DreamerV3ImageEncoder torchrl.DreamerV3MLP torchrl.GRUModule torchrl.ImpalaNet
        torchrl.LSTMModule torchrl.ObsDecoder torchrl.ObsEncoder torchrl.OnlineDTActor
        torchrl.RBFController torchrl.RSSMPrior torchrl.RSSMPriorV3 torchrl.RSSMPosteriorV3
        torchrl.BatchRenorm1d tianshou.QRDQNet tianshou.DQNet tianshou.CosineEmbeddingNetwork
        tianshou.ContinuousActorDeterministic tianshou.DiscreteCritic stable_baselines3.QNetwork
        stable_baselines3.MlpExtractor sb3_contrib.BatchRenorm
    """,
    "sights": """
        vit_pytorch.AcceptVideoWrapper vit_pytorch.VideoTransformer vit_pytorch.ViTDetPool
        vit_pytorch.XCATransformer vit_pytorch.CrossTransformer vit_pytorch.MultiScaleEncoder
        vit_pytorch.AutoencodingHead vit_pytorch.Dino vit_pytorch.EsViTTrainer vit_pytorch.LeJEPA
        vit_pytorch.MPP vit_pytorch.MOSS vit_pytorch.SigLIP vit_pytorch.SigLIPVAT
        vit_pytorch.STSSEncoder vit_pytorch.NDTransformer vit_pytorch.MBConvResidual
        vit_pytorch.MobileViTBlock vit_pytorch.InteractiveWindowedSelfAttention
        vit_pytorch.ScalableSelfAttention vit_pytorch.TransformerClassifier
    """,
    "words": """
        x_transformers.AttentionLayers x_transformers.PrefixDecoder x_transformers.DPO
        x_transformers.AdaptiveRMSNorm x_transformers.CoPE x_transformers.DataDependentAlibi
        x_transformers.DynamicPositionBias x_transformers.DynamicTanh
        x_transformers.GRUGating x_transformers.HyperConnection x_transformers.LoRALinear
        x_transformers.PolarEmbedding x_transformers.RelativePositionBias
        x_transformers.ResidualDynamics x_transformers.RolloutGRU x_transformers.ScaleNorm
        x_transformers.ShiftTokens x_transformers.UniversalPretrainWrapper
        x_transformers.VariationalLatentBottleneck x_transformers.XValAutoregressiveWrapper
        x_transformers.ContinuousAutoregressiveWrapper x_transformers.AutoregressiveWrapper
    """,
    "flaws": """
        anomalib.AiVadModel anomalib.AnomalyVFMModel anomalib.CfaModel anomalib.DFMModel
        anomalib.DfkdeModel anomalib.FUVASModel anomalib.FoundADModel anomalib.GeneralADModel
        anomalib.InpFormerModel anomalib.L2BTModel anomalib.MHPatchcoreModel anomalib.PadimModel
        anomalib.PatchcoreModel anomalib.PointTransformer anomalib.RADIOModel anomalib.RadModel
        anomalib.SuperADDModel anomalib.UnetModel anomalib.WinClipModel anomalib.OCBE
        anomalib.DiscreteLatentModel anomalib.CrossScaleFlow
    """,
    "tuned": """
        peft.AdaptionPromptConfig peft.ArrowConfig peft.CPTConfig peft.CartridgeConfig
        peft.EvaConfig peft.KasaConfig peft.LoftQConfig peft.LoraGAConfig peft.MontecloraConfig
        peft.MultitaskPromptTuningConfig peft.OSFConfig peft.PeanutConfig peft.PrefixTuningConfig
        peft.PromptEncoderConfig peft.PromptTuningConfig peft.PsoftConfig peft.PveraConfig
        peft.ShadowConfig peft.SupertuningConfig peft.TinyLoraConfig peft.TrainableTokensConfig
        peft.UniLoraConfig peft.VeloraConfig
    """,
    "tables": """
        pytorch_tabular.AutoIntBackbone pytorch_tabular.CategoryEmbeddingBackbone
        pytorch_tabular.DANetBackbone pytorch_tabular.DenoisingAutoEncoderModel
        pytorch_tabular.FTTransformerBackbone pytorch_tabular.GANDALFBackbone
        pytorch_tabular.GatedAdditiveTreesBackbone pytorch_tabular.MDNModel
        pytorch_tabular.NODEBackbone pytorch_tabular.StackingBackbone
        pytorch_tabular.TabNetBackbone pytorch_tabular.TabTransformerBackbone
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: ten of all classes of transformers that its tables of heads have, four of
    diffusers, two of timm and of torchvision, and one for each field of models. What another kind
    names is not in the lot.
    """
    declare_operators()
    words = seventh._words(earlier.DRAWN[10:])
    with patch.object(tenth, "SEED", SEED), patch.object(seventh, "SEED", SEED):
        return {
            "transformers": tenth._lot_of_transformers(words)[:10],
            "diffusers": _lot_of_diffusers(words)[:4],
            "timm": seventh._lot_of_timm(words)[:2],
            "torchvision": tenth._lot_of_torchvision(words)[:2],
            "models": tenth._one_of_each(eighth._free(_MODELS, words)),
        }


def _lot_of_diffusers(words: set[str]) -> list[str]:
    """Every network that the library has, in any order."""
    models: Any = import_module("diffusers.models")
    every = {name for names in models._import_structure.values() for name in names}
    kinds = [
        name
        for name in sorted(every - words)
        if not re.search("Mixin|Config|[Bb]ackend|Multi|^AutoModel$", name)
    ]
    random.Random(SEED).shuffle(kinds)
    return kinds


# --- transformers

_CHOICES: Final = torch.cat((_IDS, _IDS + 9)).unsqueeze(0)
_HEARD: Final = _mixed(98, 4)
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "FNetForMultipleChoice": _known(
        "FNetForMultipleChoice", f"{_WORDS} type_vocab_size=2", {"input_ids": _CHOICES}
    ),
    "UltrabertModel": _known(
        "UltrabertModel", f"{_WORDS} num_key_value_heads=2 sliding_window=8", _TEXT
    ),
    "Dots1ForCausalLM": _known(
        "Dots1ForCausalLM",
        f"""
            {_LM} {_MOE} n_shared_experts=1 n_routed_experts=4 first_k_dense_replace=1
            sliding_window=4
        """,
        _TEXT,
    ),
    "FunnelModel": _known(
        "FunnelModel",
        """
            vocab_size=99 block_sizes=[1,1] num_decoder_layers=1 d_model=64 n_head=4 d_head=16
            d_inner=128
        """,
        _TEXT,
    ),
    "GlmAsrForConditionalGeneration": _known(
        "GlmAsrForConditionalGeneration",
        "audio_token_id=98",
        {
            "input_ids": _HEARD,
            "attention_mask": _mask(_HEARD),
            "input_features": (1, 20, 32),
            "input_features_mask": torch.ones(1, 32, dtype=torch.int64),
        },
        text_config=f"model_type='llama' {_LM}",
        audio_config="""
            model_type='glmasr_encoder' hidden_size=64 num_hidden_layers=2 num_attention_heads=4
            intermediate_size=256 num_mel_bins=20 max_position_embeddings=64
        """,
    ),
    "BlenderbotSmallForCausalLM": _known("BlenderbotSmallForCausalLM", _SEQ2SEQ, _TEXT),
    "MegatronBertForNextSentencePrediction": _known(
        "MegatronBertForNextSentencePrediction",
        _WORDS,
        {**_TEXT, "token_type_ids": torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1]])},
    ),
    "DeepseekV3ForSequenceClassification": _known(
        "DeepseekV3ForSequenceClassification",
        f"""
            {_LM} {_MOE} num_key_value_heads=4 n_shared_experts=1 n_routed_experts=4
            n_group=2 topk_group=1 first_k_dense_replace=1 kv_lora_rank=16 q_lora_rank=24
            qk_rope_head_dim=8 qk_nope_head_dim=8 v_head_dim=16 num_labels=3
        """,
        _TEXT,
    ),
    "BridgeTowerModel": _known(
        "BridgeTowerModel",
        "hidden_size=64 num_attention_heads=4 num_hidden_layers=2",
        {**_TEXT, **_PIXELS},
        text_config=_WORDS,
        vision_config="hidden_size=64 num_hidden_layers=2 patch_size=8 image_size=32",
    ),
}


# --- diffusers


def _protein() -> nn.Module:
    """The coder of proteins, of a few kinds of residues."""
    draw = random.Random(SEED)
    atoms = [[at < 5 or draw.random() < 0.4 for at in range(37)] for _ in range(24)]
    allowed = [[draw.random() < 0.7 for _ in range(24)] for _ in range(7)]
    model: nn.Module = _get("diffusers.RFD4ProteinaAutoencoder")(
        atom37_mask=atoms,
        allowed_residue_types=allowed,
        **parsed(
            """
                latent_dim=12 n_residue_types=24 nlayers=2 token_dim=64 nheads=4 dim_cond=32
                pair_repr_dim=16 token_type_emb_dim=8
            """
        ),
    )
    return model


def _coded(inner: Any, places: Tensor, latent: Tensor, real: Tensor, *rest: Tensor) -> Any:
    """What it makes of where the atoms are, and of a latent."""
    kinds, chain, elements, charge, bonds = rest
    atoms = torch.ones(*places.shape[:3], dtype=torch.bool)
    given = {
        "is_in_context_conditioning": torch.zeros_like(real),
        "supports_local_latent": torch.ones_like(real),
        "chain_iid": chain,
        "ground_truth_element": elements,
        "charge": charge,
        "incident_bond_type_counts": bonds,
    }
    model = inner.__self__
    coded = model.encode(places, real, kinds, atoms, given, return_dict=False)
    return *coded[1:], model.decode(
        latent, places[:, :, 1], real, kinds, conditioning=given, return_dict=False
    )[0]


def _edited(inner: Any, patches: Tensor, when: Tensor, words: Tensor, mask: Tensor) -> Any:
    """Of the picture that is asked for, and of one that is given."""
    return inner(patches, when, words, mask, [[(1, 2, 2), (1, 2, 2)]], return_dict=False)


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "RFD4ProteinaAutoencoder": Drawn(
        _protein,
        {
            "coords_nm": (1, 6, 37, 3),
            "z_latent": (1, 6, 12),
            "padding_mask": torch.tensor([[True] * 5 + [False]]),
            "token_type": torch.tensor([[0, 1, 2, 3, 6, 4]]),
            "chain": torch.tensor([[0, 0, 0, 1, 1, 1]]),
            "element": torch.arange(6 * 37).reshape(1, 6, 37) % 17 + 1,
            "charge": torch.arange(6 * 37).reshape(1, 6, 37) % 3 - 1,
            "bonds": torch.arange(6 * 370).reshape(1, 6, 37, 10) % 4,
        },
        _coded,
        "pretrained",
    ),
    "MiniMaxH3Transformer3DModel": _diffuser(
        "MiniMaxH3Transformer3DModel",
        """
            num_attention_heads=4 attention_head_dim=16 hidden_size=48 num_layers=2
            num_refiner_layers=1 ffn_dim=96 in_channels=4 audio_in_channels=6 text_dim=40
            freq_dim=32 time_embed_hidden_dim=48 time_embed_dim=40 rope_freq_dim=2
        """,
        {
            "hidden_states": (1, 4, 16),
            "audio_hidden_states": (1, 3, 6),
            "encoder_hidden_states": (1, 4, 40),
            "timestep": torch.tensor([0.25, 0.75]),
            "timestep_indices": torch.tensor([0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]),
            "token_tags": torch.tensor([1, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0]),
            "position_ids": torch.stack(
                [torch.arange(11), torch.arange(11) % 2, torch.arange(11) % 3], -1
            ),
            "video_indices": torch.arange(7, 11),
            "audio_indices": torch.arange(4, 7),
            "text_indices": torch.arange(4),
        },
    ),
    "JoyImageEditPlusTransformer3DModel": _diffuser(
        "JoyImageEditPlusTransformer3DModel",
        """
            in_channels=4 hidden_size=64 num_attention_heads=4 text_dim=48 mlp_width_ratio=2.0
            num_layers=2 rope_dim_list=[4,6,6]
        """,
        {
            "hidden_states": (1, 8, 4, 1, 2, 2),
            "timestep": torch.tensor([500.0]),
            "encoder_hidden_states": (1, 6, 48),
            "encoder_hidden_states_mask": torch.tensor([[1.0, 1, 1, 1, 1, 0]]),
        },
        _edited,
    ),
    "LongCatAudioDiTTransformer": _diffuser(
        "LongCatAudioDiTTransformer",
        "dit_dim=64 dit_depth=2 dit_heads=4 dit_text_dim=48 latent_dim=12 ff_mult=2.0",
        {
            "hidden_states": (1, 10, 12),
            "encoder_hidden_states": (1, 6, 48),
            "encoder_attention_mask": torch.tensor([[True] * 5 + [False]]),
            "timestep": torch.tensor([0.4]),
            "latent_cond": (1, 10, 12),
        },
    ),
}


# --- timm and torchvision


def _evolved() -> nn.Module:
    """timm's, of one block or two in each stage, half as wide."""
    kinds: Any = import_module("timm.models.byobnet")
    block = partial(kinds.ByoBlockCfg, type="bottle", gs=8, br=4)
    stages = [block(d=d, c=c, s=s) for d, c, s in ((1, 32, 1), (1, 64, 2), (2, 96, 2), (1, 128, 2))]
    model: nn.Module = import_module("timm").create_model(
        "regnetz_d8_evos",
        pretrained=False,
        blocks=tuple(stages),
        **parsed("num_classes=10 stem_chs=32 num_features=160"),
    )
    return model


_TIMM: Final[Mapping[str, Drawn]] = {
    "nfnet": _timm("dm_nfnet_f1", "depths=(1,1,2,1) channels=(32,64,96,96) group_size=16"),
    "byobnet": Drawn(_evolved, _X64),
}


def _regnet() -> nn.Module:
    """torchvision's, of fewer blocks."""
    kinds: Any = import_module("torchvision.models.regnet")
    given = parsed("depth=6 w_0=40 w_a=30.0 w_m=2.2 group_width=24 se_ratio=0.25")
    model: nn.Module = kinds.RegNet(kinds.BlockParams.from_init_params(**given), num_classes=10)
    return model


_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "vgg19_bn": _vision("vgg19_bn", "num_classes=10", {"x": (1, 3, 224, 224)}, by=8),
    "regnet_y_3_2gf": Drawn(_regnet, _X64, save="pth"),
}


# --- models of libraries


def _speaker() -> nn.Module:
    """pyannote's x-vectors of a waveform."""
    _absent_are(sixth._UNTRAINED)
    sixth._module("pyannote.audio").__version__ = "4.0.7"
    sys.modules["pyannote.audio.core.io"].__dict__["Audio"] = SimpleNamespace
    kind: Any = _get("pyannote.audio.models.embedding.xvector.XVectorSincNet")
    model: nn.Module = kind(dimension=64)
    return model


def _crossed() -> nn.Module:
    config = parsed(
        """
            hidden_size=64 num_attention_heads=4 intermediate_size=128 layer_norm_eps=1e-12
            attention_probs_dropout_prob=0.1 hidden_dropout_prob=0.1
        """
    )
    model: nn.Module = _get("monai.networks.nets.transchex.BertMixedLayer")(
        SimpleNamespace(**config)
    )
    return model


def _prompted() -> nn.Module:
    """ultralytics', whose classes are told by vectors of words."""
    model: Any = later_models._yolo("yoloe-11-seg.yaml", 0.25, "YOLOESegModel")()
    model.model[-1].nc = 4
    return model  # type: ignore[no-any-return]


def _found(inner: Any, x: Tensor, words: Tensor) -> Any:
    return inner(x, tpe=inner.__self__.model[-1].get_tpe(words))


def _pair() -> nn.Module:
    """open_clip's with a reader of transformers, whose configuration is not downloaded."""
    place: Any = import_module("open_clip.hf_model")
    library: Any = import_module("transformers")
    told = library.RobertaConfig(**parsed(f"{_WORDS} type_vocab_size=1"))
    given = {
        "vision_cfg": parsed("image_size=32 layers=2 width=64 patch_size=8 head_width=16"),
        "text_cfg": parsed(
            """
                hf_model_name='roberta-base' hf_tokenizer_name='roberta-base'
                hf_pooler_type='mean_pooler' hf_model_pretrained=False
            """
        ),
    }
    with patch.object(place.AutoConfig, "from_pretrained", lambda name: told):
        model: nn.Module = _get("open_clip.model.CustomTextCLIP")(48, **given, quick_gelu=True)
    return model


def _scaled() -> nn.Module:
    """A decoder of x_transformers whose norms have one number each."""
    place: Any = import_module("x_transformers")
    layers = place.Decoder(**parsed("dim=64 depth=2 heads=4 attn_dim_head=16 use_scalenorm=True"))
    model: nn.Module = place.TransformerWrapper(num_tokens=99, max_seq_len=16, attn_layers=layers)
    return model


_UNSEEN: Final = f"{tenth._UNSEEN} anomalib.models.image.anomalyvfm.lightning_model"


def _foundation() -> nn.Module:
    """anomalib's on a smaller network, which is not downloaded."""
    _absent_are(_UNSEEN)
    sixth._module("anomalib").__dict__["PrecisionType"] = SimpleNamespace(FLOAT32="float32")
    base = "anomalib.models.image.anomalyvfm"
    place: Any = sixth._module(f"{base}.torch_model")
    radio: Any = sixth._module(f"{base}.components.radio")
    smaller = partial(radio.VisionTransformer, embed_dim=64, depth=2, num_heads=4, mlp_ratio=2.0)
    adapted = place.add_peft

    class Base(place.BaseModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.feature_dim = 64

        def add_peft(self) -> None:
            adapted(self.net, r=4)

    nothing = {"load_state_dict": lambda self, state: None}
    kind = type("AnomalyVFMModel", (place.AnomalyVFMModel,), nothing)
    with (
        patch.object(radio, "VisionTransformer", smaller),
        patch.object(place, "BaseModel", Base),
        patch.object(place, "hf_hub_download", lambda **more: ""),
        patch.object(place, "load_file", lambda path: {}),
    ):
        model: Any = kind()
    model.model.net.model.patch_generator.pos_embed = nn.Parameter(torch.zeros(1, 256, 64))
    return model  # type: ignore[no-any-return]


def _adapted() -> nn.Module:
    """A model of language whose matrices peft has in parts, some of which it trains."""
    library: Any = import_module("transformers")
    peft: Any = import_module("peft")
    inner = library.LlamaForCausalLM(library.LlamaConfig(**parsed(_LM)))
    told = peft.OSFConfig(effective_rank=24, target_modules=["q_proj", "v_proj", "up_proj"])
    model: nn.Module = peft.inject_adapter_in_model(told, inner)
    return model


def _attentive() -> nn.Module:
    """pytorch_tabular's, of two columns of kinds and five of numbers."""
    _absent_are("pytorch_tabular.models.base_model")
    sys.modules["pytorch_tabular.models.base_model"].__dict__["BaseModel"] = nn.Module
    told = parsed(
        """
            continuous_dim=5 categorical_dim=2 output_dim=3 n_d=16 n_a=16 n_steps=3 gamma=1.3
            embedding_dims=[(9,3),(6,2)] n_independent=2 n_shared=2 virtual_batch_size=128
            mask_type='sparsemax' grouped_features=None
        """
    )
    kind: Any = _get("pytorch_tabular.models.tabnet.tabnet_model.TabNetBackbone")
    model: nn.Module = kind(SimpleNamespace(**told))
    return model


def _dilated() -> nn.Module:
    """neuralforecast's, of three layers that look further back each."""
    _absent_are("neuralforecast.common._base_model")
    sys.modules["neuralforecast.common._base_model"].__dict__["BaseModel"] = nn.Module
    model: nn.Module = _get("neuralforecast.models.dilated_rnn.DRNN")(
        **parsed("n_input=6 n_hidden=32 n_layers=3 dilations=[1,2,4] cell_type='LSTM'")
    )
    return model


_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "pyannote.XVectorSincNet": Drawn(_speaker, {"waveforms": (1, 1, 8000)}, save="own"),
    "monai.BertMixedLayer": Drawn(_crossed, {"x": (1, 8, 64), "y": (1, 8, 64)}, save="own"),
    "ultralytics.yoloe-11-seg": Drawn(_prompted, {**_X64, "words": (1, 4, 512)}, _found, "own"),
    "speechbrain.VectorQuantizedPSI_Audio": _own(
        "speechbrain.lobes.models.PIQ.VectorQuantizedPSI_Audio",
        "dim=32 K=64 numclasses=6 shared_keys=4",
        {"hs": (2, 32, 8, 8), "labels": torch.tensor([0.0, 4.0])},
    ),
    "segmentation_models_pytorch.se_resnet101": Drawn(
        _narrower(
            4,
            later_models._from(
                "segmentation_models_pytorch.Unet",
                "encoder_name='se_resnet101' encoder_weights=None classes=3",
            ),
        ),
        _X64,
        save="own",
    ),
    "kornia.MobileViTBlock": _own(
        "kornia.models.vit_mobile.MobileViTBlock",
        "dim=48 depth=2 channel=32 kernel_size=3 patch_size=(2,2) mlp_dim=96",
        {"x": (1, 32, 16, 16)},
    ),
    "open_clip.roberta-ViT-B-32": Drawn(
        _pair, {"image": (1, 3, 32, 32), "text": torch.cat((_IDS, _IDS + 9))}, save="own"
    ),
    "gluonts.TemporalFusionDecoder": _own(
        "gluonts.torch.model.tft.layers.TemporalFusionDecoder",
        "context_length=12 prediction_length=4 d_hidden=48 d_var=48 num_heads=4",
        {
            "x": (2, 16, 48),
            "static": (2, 1, 48),
            "mask": torch.tensor([[1.0] * 12, [0.0] * 3 + [1.0] * 9]),
        },
    ),
    "neuralforecast.DRNN": Drawn(
        _dilated, {"inputs": (2, 12, 6)}, lambda inner, inputs: inner(inputs)[0], "own"
    ),
    "torchrl.DreamerV3ImageDecoder": _own(
        "torchrl.modules.models.model_based.DreamerV3ImageDecoder",
        "in_features=48 image_shape=(3,32,32) depth=8 mults=(1,2,3) num_blocks=4",
        {"belief": (2, 32), "state": (2, 16)},
    ),
    "vit_pytorch.SigLIP": _own(
        "vit_pytorch.vat_siglip.SigLIP",
        "image_size=32 patch_size=8 dim=64 depth=3 heads=4 mlp_dim=128",
        {"x": (1, 3, 32, 32)},
    ),
    "x_transformers.ScaleNorm": Drawn(_scaled, {"x": _IDS}, save="own"),
    "anomalib.AnomalyVFMModel": Drawn(_foundation, {"img": (1, 3, 64, 64)}, save="own"),
    "peft.OSFConfig": Drawn(
        _adapted,
        {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)},
        lambda inner, words, mask: inner(input_ids=words, attention_mask=mask).logits,
        "own",
    ),
    "pytorch_tabular.TabNetBackbone": Drawn(
        _attentive,
        {"categorical": torch.tensor([[3.0, 1.0], [8.0, 5.0], [0.0, 2.0]]), "continuous": (3, 5)},
        lambda inner, kinds, numbers: inner({"categorical": kinds, "continuous": numbers}),
        "own",
    ),
}


# --- modules of fields


def _below(most: int, *sizes: int) -> Tensor:
    """Codes of all kinds, none of them zero."""
    count = int(torch.tensor(sizes).prod())
    return (torch.arange(count) * 7 % (most - 1) + 1).reshape(sizes)


def _padded(most: int, *sizes: int) -> Tensor:
    """The same, with zeros where the last of the rows end."""
    codes = _below(most, *sizes)
    codes[-1, -2:] = 0
    return codes


_EARLIER_PADDED: Final = _padded(400, 2, 10).flip(1)
_ATOMS: Final = torch.stack([_padded(most, 2, 9) for most in (40, 7, 6, 5, 3)], -1)
_NEAR: Final = (torch.arange(9)[:, None] - torch.arange(9)).abs() == 1
_BONDS: Final = torch.stack(
    [torch.where(_NEAR, _below(most, 9, 9), 0).expand(2, -1, -1) for most in (5, 3, 2)], -1
)
_FIELDS: Final[Mapping[str, Drawn]] = {
    "recommendation": Drawn(
        fields.RetrievalModel,
        {
            "history": _EARLIER_PADDED,
            "actions": _EARLIER_PADDED.clamp(max=1) * _below(5, 2, 10),
            "country": torch.tensor([3, 17]),
            "dense": (2, 3),
        },
        save="own",
    ),
    "fraud": Drawn(
        fields.FraudScorer,
        {
            "amount": (3, 6),
            "merchant": _below(900, 3, 6),
            "mcc": _below(60, 3, 6),
            "more": torch.stack([_below(4, 3, 6), _below(24, 3, 6)], -1),
            "gap": (3, 6),
        },
        save="own",
    ),
    "forecasting": Drawn(
        fields.DemandForecaster,
        {
            "sales": (2, 56),
            "events": _below(12, 2, 70) * (torch.arange(70) % 9 == 4),
            "store": torch.tensor([4, 31]),
            "product": torch.tensor([77, 140]),
        },
        save="own",
    ),
    "asr_front_end": Drawn(fields.StreamingRecognizer, {"wave": (1, 4096)}, save="own"),
    "ocr": Drawn(fields.LineReader, {"image": (1, 1, 32, 96)}, save="own"),
    "segmentation": Drawn(fields.LandCover, {"bands": (1, 6, 64, 64)}, save="own"),
    "detection_head": Drawn(fields.PartDetector, {"image": (1, 3, 64, 64)}, save="own"),
    "tracking": Drawn(
        fields.TrackAssociation,
        {
            "crops": (5, 3, 48, 24),
            "boxes": (5, 4),
            "states": (4, 8),
            "spread": (4, 8),
            "known": (4, 48),
        },
        save="own",
    ),
    "locomotion": Drawn(
        fields.WalkingPolicy,
        {"observed": (2, 45), "history": (2, 16, 45), "heights": (2, 33)},
        save="own",
    ),
    "molecules": Drawn(
        fields.MoleculeProperties,
        {"atoms": _ATOMS, "bonds": _BONDS, "descriptors": (2, 8)},
        save="own",
    ),
    "sound_events": Drawn(fields.SoundEvents, {"mel": (2, 32, 48)}, save="own"),
    "search_ranking": Drawn(
        fields.SearchRanker,
        {
            "kinds": torch.stack([_below(most, 4) for most in (200, 90, 60, 31, 12, 7)], -1),
            "dense": (4, 14),
            "query": _padded(300, 4, 5),
            "title": _padded(300, 4, 9),
        },
        save="own",
    ),
    "credit": Drawn(
        fields.CreditRisk,
        {
            "numbers": (3, 12),
            "is_missing": torch.arange(36).reshape(3, 12) % 5 == 2,
            "kinds": torch.stack([_below(most, 3) for most in (9, 21, 4, 53)], -1),
        },
        save="own",
    ),
    "translation": Drawn(
        fields.Translator,
        {
            "source": _padded(260, 2, 9),
            "target": _below(260, 2, 7),
            "languages": torch.tensor([[1, 4], [3, 0]]),
        },
        save="own",
    ),
    "machine_anomalies": Drawn(
        fields.MachineMonitor,
        {"readings": (3, 32, 10), "machine": torch.tensor([2, 5, 7])},
        save="own",
    ),
    "reactor_control": Drawn(
        fields.ReactorController,
        {"guess": (2, 6), "sensed": (2, 4), "setpoint": (2, 6), "last": (2, 3)},
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
    anomalib anomalib.models anomalib.models.image anomalib.models.image.anomalyvfm
    neuralforecast neuralforecast.common neuralforecast.models pyannote.audio pyannote.audio.core
    pyannote.audio.models pyannote.audio.models.embedding pytorch_tabular pytorch_tabular.models
    pytorch_tabular.models.tabnet
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bert": """
        transformers-MegatronBertForNextSentencePrediction transformers-UltrabertModel
        transformers-FNetForMultipleChoice model-monai.BertMixedLayer
    """,
    "bart": "transformers-BlenderbotSmallForCausalLM field-translation",
    "clip": "transformers-BridgeTowerModel model-open_clip.roberta-ViT-B-32",
    "conformer": "field-asr_front_end",
    "gpt2": "model-x_transformers.ScaleNorm",
    "mmdit": """
        diffusers-JoyImageEditPlusTransformer3DModel diffusers-LongCatAudioDiTTransformer
        diffusers-MiniMaxH3Transformer3DModel
    """,
    "qwen3": """
        transformers-Dots1ForCausalLM transformers-DeepseekV3ForSequenceClassification
        transformers-GlmAsrForConditionalGeneration model-peft.OSFConfig
    """,
    "vit": "model-vit_pytorch.SigLIP model-anomalib.AnomalyVFMModel",
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
DAMAGED: Final[dict[str, str]] = {}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "model-torch_geometric.LPFormer": "sparse matrices, which no exporter has",
    "transformers-ReformerModelWithLMHead": "its buckets are drawn at each call, others each time",
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
