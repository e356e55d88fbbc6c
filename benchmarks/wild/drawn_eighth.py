"""An eighth draw by lot: heads of the types of transformers that are shipped most, models of
diffusers and timm, models out of libraries that are widely used, in forms that no kind has, and
modules as engineers write them at work, each in a style of its own.

One was drawn of each field of ``_HEADS_BY_TASK``, ``_PIPES`` and ``_MODELS``, and fourteen of
``_STYLES``, before any of them was tried. What could not be made at all is in ``UNBUILT``, and
nothing was taken in its place. The machinery, the steps and the chains of them are those of the
sixth draw.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from wild import drawn_again as again
from wild import drawn_fourth as fourth
from wild import drawn_models as earlier
from wild import drawn_seventh as seventh
from wild import drawn_sixth as sixth
from wild import later_models
from wild.drawn_models import (
    _BOTH,
    _HEADS,
    _IDS,
    _LM,
    _SEQ2SEQ,
    _TEXT,
    _WHEN,
    _WIDE,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _narrow,
    _narrower,
    _timm,
    _vision,
)
from wild.drawn_seventh import _PIXELS
from wild.drawn_sixth import _get, _module, _own
from wild.drawn_third import _X64
from wild.shipping import declare_operators
from wild.tables import Inputs, parsed
from wild.workshop import Builder

Tensor = torch.Tensor
SEED: Final = 20261219


# --- the lots

_HEADS_BY_TASK: Final[Mapping[str, str]] = {  # of transformers
    "tokens": """
        AlbertForTokenClassification BertForTokenClassification DebertaV2ForTokenClassification
        DistilBertForTokenClassification ElectraForTokenClassification
        LayoutLMv3ForTokenClassification ModernBertForTokenClassification
        RobertaForTokenClassification XLMRobertaForTokenClassification
    """,
    "answers": """
        AlbertForQuestionAnswering BartForQuestionAnswering BertForQuestionAnswering
        BigBirdForQuestionAnswering DebertaV2ForQuestionAnswering DistilBertForQuestionAnswering
        ElectraForQuestionAnswering LongformerForQuestionAnswering MPNetForQuestionAnswering
        RobertaForQuestionAnswering SqueezeBertForQuestionAnswering
    """,
    "sentences": """
        BartForSequenceClassification BloomForSequenceClassification
        CamembertForSequenceClassification DebertaForSequenceClassification
        GPTNeoXForSequenceClassification GemmaForSequenceClassification
        LlamaForSequenceClassification ModernBertForSequenceClassification
        OPTForSequenceClassification Qwen3ForSequenceClassification
        T5ForSequenceClassification XLNetForSequenceClassification
    """,
    "masks": """
        AlbertForMaskedLM BertForPreTraining CamembertForMaskedLM DebertaForMaskedLM
        DistilBertForMaskedLM ElectraForPreTraining FNetForMaskedLM LongformerForMaskedLM
        MPNetForMaskedLM RobertaForMaskedLM XLMRobertaForMaskedLM YosoForMaskedLM
    """,
    "writers": """
        BloomForCausalLM CohereForCausalLM FalconForCausalLM GPTBigCodeForCausalLM
        GPTNeoForCausalLM GPTNeoXForCausalLM Gemma3nForCausalLM MixtralForCausalLM
        Olmo2ForCausalLM OPTForCausalLM Qwen2MoeForCausalLM Qwen3_5ForCausalLM
        RwkvForCausalLM Starcoder2ForCausalLM
    """,
    "translators": """
        BartForConditionalGeneration BlenderbotForConditionalGeneration LEDForConditionalGeneration
        LongT5ForConditionalGeneration M2M100ForConditionalGeneration MarianMTModel
        MT5ForConditionalGeneration MBartForConditionalGeneration PegasusForConditionalGeneration
        ProphetNetForConditionalGeneration SwitchTransformersForConditionalGeneration
        UMT5ForConditionalGeneration
    """,
    "boxes": """
        ConditionalDetrForObjectDetection DFineForObjectDetection DabDetrForObjectDetection
        DeformableDetrForObjectDetection DetrForObjectDetection DetrForSegmentation
        LwDetrForObjectDetection RTDetrForObjectDetection RTDetrV2ForObjectDetection
        EfficientLoFTRForKeypointMatching EomtDinov3ForUniversalSegmentation
        MMGroundingDinoForObjectDetection OmDetTurboForObjectDetection
        RfDetrForInstanceSegmentation RfDetrForObjectDetection SuperGlueForKeypointMatching
        SuperPointForKeypointDetection TableTransformerForObjectDetection YolosForObjectDetection
    """,
    "cuts": """
        BeitForSemanticSegmentation CLIPSegForImageSegmentation DPTForSemanticSegmentation
        EomtForUniversalSegmentation Mask2FormerForUniversalSegmentation
        MaskFormerForInstanceSegmentation MobileNetV2ForSemanticSegmentation
        MobileViTForSemanticSegmentation MobileViTV2ForSemanticSegmentation
        SegformerForSemanticSegmentation UperNetForSemanticSegmentation
    """,
    "pictures": """
        BeitForImageClassification BitForImageClassification ConvNextV2ForImageClassification
        Dinov2ForImageClassification EfficientNetForImageClassification
        FocalNetForImageClassification HieraForImageClassification LevitForImageClassification
        MobileNetV1ForImageClassification MobileViTForImageClassification
        PvtForImageClassification ResNetForImageClassification
        SegformerForImageClassification SiglipForImageClassification SwinForImageClassification
        ViTMSNForImageClassification
    """,
    "depths": """
        DPTForDepthEstimation GLPNForDepthEstimation PromptDepthAnythingForDepthEstimation
        Swin2SRForImageSuperResolution ViTMAEForPreTraining ViTForMaskedImageModeling
        VideoMAEForPreTraining VitMatteForImageMatting VitPoseForPoseEstimation
        ZoeDepthForDepthEstimation
    """,
    "voices": """
        ASTForAudioClassification HubertForSequenceClassification
        Wav2Vec2BertForSequenceClassification Wav2Vec2ConformerForSequenceClassification
        Wav2Vec2ForAudioFrameClassification Wav2Vec2ForSequenceClassification
        Wav2Vec2ForXVector WavLMForAudioFrameClassification WavLMForSequenceClassification
        WavLMForXVector WhisperForAudioClassification
    """,
    "speech": """
        Data2VecAudioForCTC HubertForCTC MoonshineForConditionalGeneration SEWForCTC
        Speech2TextForConditionalGeneration SpeechT5ForSpeechToText SpeechT5ForTextToSpeech
        UniSpeechForCTC UniSpeechSatForCTC UniSpeechSatForXVector Wav2Vec2BertForXVector
        Wav2Vec2ConformerForCTC Wav2Vec2ForPreTraining WavLMForCTC WhisperForCausalLM
        WhisperForConditionalGeneration
    """,
    "pairs": """
        BlipForConditionalGeneration BlipForImageTextRetrieval BlipForQuestionAnswering
        ChineseCLIPModel GitForCausalLM GroundingDinoForObjectDetection InternVLModel
        LlavaForConditionalGeneration Owlv2ForObjectDetection PaliGemmaForConditionalGeneration
        Siglip2Model SiglipModel SmolVLMForConditionalGeneration ViltForQuestionAnswering
        VisionEncoderDecoderModel
    """,
    "series": """
        AutoformerForPrediction InformerForPrediction PatchTSMixerForRegression
        PatchTSMixerForTimeSeriesClassification PatchTSTForClassification
        PatchTSTForRegression TimeSeriesTransformerForPrediction TimesFmModelForPrediction
    """,
}
_PIPES: Final[Mapping[str, str]] = {  # of diffusers
    "transformers": """
        CosmosTransformer3DModel FluxControlNetModel HunyuanVideoTransformer3DModel
        Lumina2Transformer2DModel MochiTransformer3DModel OmniGenTransformer2DModel
        PRXTransformer2DModel QwenImageTransformer2DModel SanaVideoTransformer3DModel
        WanVACETransformer3DModel
    """,
    "coders": """
        AutoencoderKLCosmos AutoencoderKLFlux2 AutoencoderKLHunyuanImage AutoencoderKLMagvit
        ConsistencyDecoderVAE
    """,
    "nets": """
        I2VGenXLUNet Kandinsky3UNet MotionAdapter MultiAdapter SparseControlNetModel
        TransformerTemporalModel ControlNetXSAdapter
    """,
}
_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "finders": """
        torchvision.FCOS torchvision.FasterRCNN torchvision.KeypointRCNN torchvision.MaskRCNN
        torchvision.RetinaNet torchvision.SSD
    """,
    "pictures": """
        torchvision.convnext_tiny torchvision.deeplabv3_mobilenet_v3_large
        torchvision.deeplabv3_resnet50 torchvision.densenet121 torchvision.efficientnet_b1
        torchvision.fcn_resnet50 torchvision.lraspp_mobilenet_v3_large torchvision.r2plus1d_18
        torchvision.mnasnet1_3 torchvision.mobilenet_v3_small torchvision.mvit_v2_s
        torchvision.r3d_18 torchvision.raft_large torchvision.raft_small torchvision.resnet34
        torchvision.resnet152 torchvision.squeezenet1_1 torchvision.swin3d_t torchvision.swin_v2_s
        torchvision.vgg13_bn torchvision.vit_b_32 torchvision.wide_resnet50_2
    """,
    "sounds": """
        torchaudio.Conformer torchaudio.ConvTasNet torchaudio.DeepSpeech torchaudio.Emformer
        torchaudio.HDemucs torchaudio.HuBERTPretrainModel torchaudio.RNNT
        torchaudio.SquimObjective torchaudio.SquimSubjective torchaudio.Tacotron2
        torchaudio.Wav2Vec2Model torchaudio.WaveRNN
    """,
    "cuts": """
        segmentation_models_pytorch.DPT segmentation_models_pytorch.DeepLabV3
        segmentation_models_pytorch.FPN segmentation_models_pytorch.Linknet
        segmentation_models_pytorch.MAnet segmentation_models_pytorch.PAN
        segmentation_models_pytorch.PSPNet segmentation_models_pytorch.Segformer
        segmentation_models_pytorch.UPerNet segmentation_models_pytorch.UnetPlusPlus
        segmentation_models_pytorch.densenet121 segmentation_models_pytorch.dpn68
        segmentation_models_pytorch.inceptionv4 segmentation_models_pytorch.mit_b0
        segmentation_models_pytorch.mobilenet_v2 segmentation_models_pytorch.mobileone_s0
        segmentation_models_pytorch.se_resnet50 segmentation_models_pytorch.vgg11_bn
        segmentation_models_pytorch.xception
    """,
    "bodies": """
        monai.AHNet monai.AttentionUnet monai.BasicUNet monai.BasicUNetPlusPlus monai.DenseNet121
        monai.DynUNet monai.EfficientNetBN monai.FlexibleUNet monai.HighResNet monai.HoVerNet
        monai.SEResNet50 monai.SegResNetVAE monai.SwinUNETR monai.UNETR monai.VNet monai.ViT
        monai.VoxelMorph
    """,
    "graphs": """
        torch_geometric.APPNP torch_geometric.ChebConv torch_geometric.EdgeCNN
        torch_geometric.GAT torch_geometric.GATv2Conv torch_geometric.GCN torch_geometric.GIN
        torch_geometric.GraphSAGE torch_geometric.MetaLayer torch_geometric.PNAConv
        torch_geometric.PointNetConv torch_geometric.RGCNConv torch_geometric.SchNet
        torch_geometric.TransformerConv
    """,
    "things": """
        ultralytics.yolov3 ultralytics.yolov5-p6 ultralytics.yolov6 ultralytics.yolov8-cls
        ultralytics.yolov8-pose ultralytics.yolov8-seg ultralytics.yolov8-world
        ultralytics.yolov9c-seg ultralytics.yolov10n ultralytics.yolo11-pose
        ultralytics.yolo12 ultralytics.yolo12-seg ultralytics.yolo26-seg ultralytics.rtdetr-l
    """,
    "features": """
        kornia.ALIKED kornia.DISK kornia.DeDoDe kornia.DexiNed kornia.HardNet kornia.HyNet
        kornia.LightGlue kornia.LoFTR kornia.MobileViT kornia.SOLD2 kornia.SOSNet kornia.TFeat
        kornia.DeFMO kornia.EfficientViT kornia.HardNet8 kornia.LAFAffNetShapeEstimator
        kornia.PatchDominantGradientOrientation kornia.RTDETR kornia.Sam kornia.TinyViT
        kornia.VisionTransformer kornia.XFeat
    """,
    "voices": """
        espnet2.BranchformerEncoder espnet2.ConformerEncoder espnet2.FastSpeech2
        espnet2.EBranchformerEncoder espnet2.TransformerDecoder espnet2.VITSGenerator
        speechbrain.CRDNN speechbrain.ContextNet speechbrain.ConvTasNet
        speechbrain.ECAPA_TDNN speechbrain.HifiganGenerator speechbrain.TransformerASR
        speechbrain.Xvector
    """,
    "pairs": """
        open_clip.CoCa open_clip.CustomTextCLIP open_clip.HFTextEncoder
        open_clip.ModifiedResNet open_clip.MultimodalTransformer open_clip.TimmModel
        open_clip.VisionTransformer sentence_transformers.CLIPModel
        sentence_transformers.CrossEncoder sentence_transformers.LSTM
        sentence_transformers.WordEmbeddings
    """,
    "sights": """
        vit_pytorch.CCT vit_pytorch.CaiT vit_pytorch.CrossViT vit_pytorch.CvT vit_pytorch.DeepViT
        vit_pytorch.EfficientViT vit_pytorch.LeViT vit_pytorch.MaxViT vit_pytorch.NaViT
        vit_pytorch.NesT vit_pytorch.PiT vit_pytorch.RegionViT vit_pytorch.RvT
        vit_pytorch.SimpleViT vit_pytorch.T2TViT vit_pytorch.TwinsSVT vit_pytorch.ViT
        vit_pytorch.XCiT x_transformers.ContinuousTransformerWrapper x_transformers.Encoder
        x_transformers.ViTransformerWrapper x_transformers.XTransformer
        x_transformers.XValTransformerWrapper
    """,
    "series": """
        gluonts.DLinear gluonts.DeepAR gluonts.LagTST gluonts.PatchTST
        gluonts.SimpleFeedForward gluonts.TemporalFusionTransformer gluonts.TiDE
        pytorch_forecasting.DecoderMLP pytorch_forecasting.DeepAR pytorch_forecasting.NBeats
        pytorch_forecasting.NHiTS pytorch_forecasting.RecurrentNetwork
        pytorch_forecasting.TemporalFusionTransformer pytorch_forecasting.TiDEModel
        neuralop.FNO neuralop.SFNO neuralop.TFNO neuralop.UNO neuralop.UQNO
    """,
    "readers": """
        basicsr.BasicVSR basicsr.DUF basicsr.EDSR basicsr.EDVR basicsr.RCAN basicsr.RIDNet
        basicsr.RRDBNet basicsr.SPyNet basicsr.SRVGGNetCompact basicsr.StyleGAN2Generator
        basicsr.SwinIR basicsr.TOFlow doctr.CRNN doctr.DBNet doctr.FAST doctr.LinkNet
        doctr.MASTER doctr.PARSeq doctr.SAR doctr.ViTSTR easyocr.CRAFT easyocr.Model
        easyocr.VGGModel efficientnet_pytorch.EfficientNet facenet_pytorch.InceptionResnetV1
        facenet_pytorch.MTCNN pretrainedmodels.bninception pretrainedmodels.dpn68
        pretrainedmodels.nasnetamobile pretrainedmodels.pnasnet5large pretrainedmodels.polynet
        pretrainedmodels.se_resnext50_32x4d pretrainedmodels.vggm
    """,
    "deeds": """
        d3rlpy.ContinuousMeanQFunction d3rlpy.DiscreteQRQFunction d3rlpy.PixelEncoder
        sb3_contrib.MaskableActorCriticPolicy sb3_contrib.QRDQNPolicy
        sb3_contrib.RecurrentActorCriticPolicy sb3_contrib.TQCPolicy
        stable_baselines3.ActorCriticCnnPolicy stable_baselines3.DQNPolicy
        stable_baselines3.MultiInputPolicy stable_baselines3.SACPolicy
        stable_baselines3.TD3Policy tianshou.BranchingNet tianshou.C51Net
        tianshou.ImplicitQuantileNetwork tianshou.IntrinsicCuriosityModule
        tianshou.RecurrentActorProb torchrl.DTActor torchrl.DreamerActor
        torchrl.DuelingMlpDQNet torchrl.MultiAgentMLP torchrl.NoisyLinear
    """,
}
_STYLES: Final = """
    minigpt_with_its_parameters_at_the_top transformer_of_encoder_and_decoder
    attention_with_keys_of_another_width lstm_with_projections gru_both_ways_with_learned_start
    cells_of_lstm_in_a_loop packed_rnn_of_words bags_and_tables_of_categories
    norms_written_by_hand batch_norm_written_out weight_norm_old_and_new
    spectral_norm_old_and_new mobile_blocks_with_squeeze transposed_and_grouped_decoder
    film_by_a_condition gated_units mixture_of_experts_in_one_tensor
    tied_embeddings_with_scale two_towers_with_logit_scale rotary_with_grouped_queries
    alibi_with_slopes_as_buffer window_attention_with_position_table
    sinusoids_kept_and_not_kept mask_and_mean_as_buffers parameter_list_and_dict
    slices_of_one_matrix einsum_of_heads low_rank_factors hypernetwork complex_spectrum
    quantile_heads anchors_and_box_heads codebook_with_unit_codes cosine_classifier
    mixture_density_head kan_with_splines state_space_with_a_log wavelets_and_fft_filters
    deformable_sampling learned_queries_and_pooling residual_scales_of_layers
    time_embedding_with_fourier_features
""".split()


def lots() -> dict[str, list[Any]]:
    """What was drawn: a head, a model of diffusers and one of a library for each field, three of
    timm, and fourteen styles. What another kind names is not in the lot, but for the styles.
    """
    declare_operators()
    words = seventh._words(earlier.DRAWN[7:])
    return {
        "transformers": seventh._one_of_each(_free(_HEADS_BY_TASK, words)),
        "diffusers": seventh._one_of_each(_free(_PIPES, words)),
        "timm": seventh._lot_of_timm(words)[:3],
        "models": seventh._one_of_each(_free(_MODELS, words)),
        "styles": random.Random(SEED).sample(_STYLES, 14),
    }


def _free(fields: Mapping[str, str], words: set[str]) -> dict[str, str]:
    return {
        field: " ".join(path for path in text.split() if path.rpartition(".")[2] not in words)
        for field, text in fields.items()
    }


# --- transformers


def _with_cache(inner: Any, words: Tensor, mask: Tensor) -> Any:
    """The logits, and the keys and values of each layer."""
    made = inner(input_ids=words, attention_mask=mask, use_cache=True)
    return made.logits, [(layer.keys, layer.values) for layer in made.past_key_values.layers]


def _named(inner: Any, *values: Tensor) -> Any:
    """Boxes and scores of what is named, with the names read anew at each call."""
    model = inner.__self__
    model.language_cache_class.cache.clear()
    model.language_cache_prompt.cache.clear()
    key = staticmethod(lambda ids, mask, index: index)
    with patch.object(type(model), "_get_cache_key_at_index", key):
        made = inner(**dict(zip(_NAMED, values, strict=True)))
    return made.decoder_coord_logits, made.decoder_class_logits


def _foretold(inner: Any, *values: Tensor) -> Any:
    """The numbers of the distribution, without the loss beside them."""
    model = inner.__self__
    made = model.model(**dict(zip(_SERIES, values, strict=True)), use_cache=False)
    return model.output_params(made[0])


_NAMED: Final[Inputs] = {
    "pixel_values": (1, 3, 64, 64),
    "classes_input_ids": torch.tensor([[5, 9, 17, 98], [30, 12, 98, 98], [8, 98, 98, 98]]),
    "classes_attention_mask": torch.ones(3, 4, dtype=torch.long),
    "tasks_input_ids": torch.tensor([[5, 9, 17, 3, 30, 98]]),
    "tasks_attention_mask": torch.ones(1, 6, dtype=torch.long),
    "classes_structure": torch.tensor([3]),
}
_SERIES: Final[Inputs] = {
    "past_values": (2, 15),
    "past_time_features": (2, 15, 2),
    "past_observed_mask": torch.ones(2, 15),
    "static_categorical_features": torch.tensor([[1], [4]]),
    "future_values": (2, 6),
    "future_time_features": (2, 6, 2),
}
_SWIN: Final = """
    model_type='swin' image_size=64 embed_dim=24 depths=[1,1,1] num_heads=[2,2,4] window_size=4
"""
_SENTENCES: Final = torch.tensor([[101, 17, 3, 1012, 30, 12, 1012, 102]])
_WAVES: Final = f"""
    {_WIDE} conv_dim=[32,32,48] conv_kernel=[10,3,2] conv_stride=[5,2,2]
    num_conv_pos_embeddings=16 num_conv_pos_embedding_groups=4 num_feat_extract_layers=3
"""
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "ElectraForTokenClassification": _known(
        "ElectraForTokenClassification", f"{_WORDS} embedding_size=32 num_labels=5", _TEXT
    ),
    "DistilBertForQuestionAnswering": _known(
        "DistilBertForQuestionAnswering",
        "dim=64 n_layers=2 n_heads=4 hidden_dim=128 vocab_size=99 max_position_embeddings=64",
        _TEXT,
    ),
    "GPTNeoXForSequenceClassification": _known(
        "GPTNeoXForSequenceClassification",
        f"{_WORDS} num_labels=3 use_cache=False pad_token_id=0",
        _TEXT,
    ),
    "YosoForMaskedLM": _known("YosoForMaskedLM", f"{_WORDS} conv_window=5", _TEXT),
    "Olmo2ForCausalLM": _known("Olmo2ForCausalLM", f"{_LM} {_HEADS}", _TEXT, _with_cache),
    "PegasusForConditionalGeneration": _known("PegasusForConditionalGeneration", _SEQ2SEQ, _BOTH),
    "OmDetTurboForObjectDetection": _known(
        "OmDetTurboForObjectDetection",
        """
            image_size=64 text_projection_in_dim=40 text_projection_out_dim=40
            task_encoder_hidden_dim=56 class_embed_dim=40 num_queries=8 encoder_hidden_dim=32
            vision_features_channels=[32,32,32] encoder_in_channels=[24,48,96]
            encoder_attention_heads=4 encoder_dim_feedforward=64 decoder_hidden_dim=32
            decoder_num_heads=4 decoder_num_layers=2 decoder_dim_feedforward=64
            decoder_num_points=2 apply_layernorm_after_vision_backbone=False
        """,
        _NAMED,
        _named,
        backbone_config=f"{_SWIN} out_features=['stage1','stage2','stage3']",
        text_config="""
            model_type='clip_text_model' vocab_size=99 hidden_size=40 intermediate_size=96
            num_hidden_layers=2 num_attention_heads=4 max_position_embeddings=16
            projection_dim=40
        """,
    ),
    "MobileViTV2ForSemanticSegmentation": _known(
        "MobileViTV2ForSemanticSegmentation",
        """
            width_multiplier=0.25 base_attn_unit_dims=[64,96,128] n_attn_blocks=[1,2,1]
            aspp_out_channels=48 atrous_rates=[1,2,3] num_labels=7
        """,
        {"pixel_values": (1, 3, 64, 64)},
    ),
    "Dinov2ForImageClassification": _known(
        "Dinov2ForImageClassification",
        """
            hidden_size=64 num_hidden_layers=2 num_attention_heads=4 mlp_ratio=2 image_size=32
            patch_size=8 num_labels=10 use_swiglu_ffn=True
        """,
        _PIXELS,
    ),
    "PromptDepthAnythingForDepthEstimation": _known(
        "PromptDepthAnythingForDepthEstimation",
        """
            patch_size=8 reassemble_hidden_size=32 neck_hidden_sizes=[16,24,32,48]
            fusion_hidden_size=24 head_hidden_size=12 depth_estimation_type='metric' max_depth=20
        """,
        {"pixel_values": (1, 3, 32, 32), "prompt_depth": (1, 1, 16, 16)},
        backbone_config="""
            model_type='dinov2' hidden_size=32 num_hidden_layers=4 num_attention_heads=4
            mlp_ratio=2 image_size=32 patch_size=8 apply_layernorm=True reshape_hidden_states=False
            out_features=['stage1','stage2','stage3','stage4']
        """,
    ),
    "Wav2Vec2ForXVector": _known(
        "Wav2Vec2ForXVector",
        f"""
            {_WAVES} use_weighted_layer_sum=True tdnn_dim=[48,48,40,96] tdnn_kernel=[5,3,3,1]
            tdnn_dilation=[1,2,3,1] xvector_output_dim=32 num_labels=6
        """,
        {"input_values": (1, 800)},
    ),
    "UniSpeechForCTC": _known(
        "UniSpeechForCTC",
        f"{_WAVES} vocab_size=30 num_ctc_classes=30 do_stable_layer_norm=True",
        {"input_values": (1, 800)},
    ),
    "GroundingDinoForObjectDetection": _known(
        "GroundingDinoForObjectDetection",
        """
            num_queries=8 encoder_layers=2 encoder_ffn_dim=64 encoder_attention_heads=4
            decoder_layers=2 decoder_ffn_dim=64 decoder_attention_heads=4 d_model=32
            num_feature_levels=3 encoder_n_points=2 decoder_n_points=2 max_text_len=8
        """,
        {"pixel_values": (1, 3, 64, 64), "input_ids": _SENTENCES},
        backbone_config=f"{_SWIN} out_features=['stage2','stage3']",
        text_config=f"model_type='bert' {_WIDE} vocab_size=1100 max_position_embeddings=64",
    ),
    "InformerForPrediction": _known(
        "InformerForPrediction",
        """
            prediction_length=6 context_length=12 lags_sequence=[1,2,3] num_time_features=2
            num_static_categorical_features=1 cardinality=[5] embedding_dimension=[4] d_model=48
            encoder_ffn_dim=96 decoder_ffn_dim=96 encoder_attention_heads=4
            decoder_attention_heads=4 encoder_layers=2 decoder_layers=2 distil=False
        """,
        _SERIES,
        _foretold,
    ),
}


# --- diffusers

_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "MochiTransformer3DModel": _diffuser(
        "MochiTransformer3DModel",
        """
            patch_size=2 num_attention_heads=4 attention_head_dim=16 num_layers=2
            pooled_projection_dim=24 in_channels=4 text_embed_dim=32 time_embed_dim=20
            max_sequence_length=6
        """,
        {
            "hidden_states": (1, 4, 2, 8, 8),
            "encoder_hidden_states": (1, 6, 32),
            "timestep": _WHEN,
            "encoder_attention_mask": torch.ones((1, 6), dtype=torch.bool),
        },
    ),
    "AutoencoderKLHunyuanImage": _diffuser(
        "AutoencoderKLHunyuanImage",
        """
            in_channels=3 out_channels=3 latent_channels=16 block_out_channels=(32,32,64)
            layers_per_block=1 spatial_compression_ratio=4 sample_size=32 scaling_factor=0.5
        """,
        {"sample": (1, 3, 32, 32)},
    ),
    "Kandinsky3UNet": _diffuser(
        "Kandinsky3UNet",
        """
            time_embedding_dim=48 groups=8 attention_head_dim=16 layers_per_block=2
            block_out_channels=(32,48,64,96) cross_attention_dim=40 encoder_hid_dim=24
        """,
        {
            "sample": (1, 4, 16, 16),
            "timestep": _WHEN,
            "encoder_hidden_states": (1, 6, 24),
            "encoder_attention_mask": torch.ones(1, 6),
        },
    ),
}


# --- timm

_TIMM: Final[Mapping[str, Drawn]] = {
    "naflexvit": _timm("naflexvit_base_patch16_map", "embed_dim=64 depth=2 num_heads=4"),
    "vision_transformer_relpos": _timm(
        "vit_relpos_small_patch16_rpn_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"
    ),
    "efficientnet": _timm("tinynet_a", by=2),
}


# --- models of libraries


@contextmanager
def _worded() -> Iterator[None]:
    """Have the words of convolutions by name and those of norms in order, as ``_narrow`` asks."""
    names = "in_channels out_channels kernel_size stride padding dilation groups bias".split()
    conv: Any = nn.Conv2d.__init__
    norms: dict[Any, Any] = {kind: kind.__init__ for kind in (nn.BatchNorm2d, nn.BatchNorm3d)}

    def by_name(self: Any, *words: Any, **more: Any) -> None:
        conv(self, **dict(zip(names, words, strict=False)), **more)

    def in_order(inner: Any, self: Any, *words: Any, **more: Any) -> None:
        first = [more.pop("num_features")] if "num_features" in more else []
        inner(self, *first, *words, **more)

    def norm(inner: Any) -> Any:
        made: Any = lambda self, *words, **more: in_order(inner, self, *words, **more)  # noqa: E731
        made.__wrapped__ = nn.modules.batchnorm._NormBase.__init__  # the names of its words
        return made

    with ExitStack() as stack:
        stack.enter_context(patch.object(nn.Conv2d, "__init__", by_name))
        for kind, inner in norms.items():
            stack.enter_context(patch.object(kind, "__init__", norm(inner)))
        yield


def _volumes() -> nn.Module:
    """monai's of three dimensions, narrower, with one block in each stage."""
    given = parsed("layers=(1,1,1,1) spatial_dims=3 in_channels=1 num_classes=3")
    with _narrow(4), _worded():
        model: nn.Module = _get("monai.networks.nets.SEResNet50")(**given)
    return model


def _calm(by: float, model: Any) -> None:
    """Numbers that do not grow from one convolution to the next."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            part.weight.mul_(by)


def _keypoints() -> nn.Module:
    """torchvision's finder of keypoints on a narrower network, with one block in each stage."""
    place: Any = import_module("torchvision.models.detection")
    pyramid: Any = import_module("torchvision.models.detection.backbone_utils")
    kinds: Any = import_module("torchvision.models.resnet")
    head = place.keypoint_rcnn
    with _narrow(4):
        inner = kinds.ResNet(kinds.Bottleneck, [1, 1, 1, 1])
    kept = {f"layer{at + 1}": str(at) for at in range(4)}
    backbone = pyramid.BackboneWithFPN(inner, kept, [64, 128, 256, 512], 32)
    model: nn.Module = head.KeypointRCNN(
        backbone,
        box_head=place.faster_rcnn.TwoMLPHead(32 * 49, 48),
        box_predictor=place.faster_rcnn.FastRCNNPredictor(48, 3),
        keypoint_head=head.KeypointRCNNHeads(32, (48, 48, 40)),
        keypoint_predictor=head.KeypointRCNNPredictor(40, 17),
    )
    return model


def _pointed(inner: Any, image: Tensor, regions: Tensor, people: Tensor) -> Any:
    """What its heads say of each place, and of what was cut out of the maps for them."""
    model = inner.__self__
    heads = model.roi_heads
    return (
        model.rpn.head(list(model.backbone(image).values())),
        heads.box_predictor(heads.box_head(regions)),
        heads.keypoint_predictor(heads.keypoint_head(people)),
    )


class _Points(nn.Module):
    """Points of a cloud by what is near them, as in torch_geometric's examples."""

    def __init__(self) -> None:
        super().__init__()
        kind: Any = _get("torch_geometric.nn.PointNetConv")
        near = nn.Sequential(nn.Linear(4 + 3, 32), nn.ReLU(), nn.Linear(32, 32))
        far = nn.Sequential(nn.Linear(32 + 3, 48), nn.ReLU(), nn.Linear(48, 64))
        after = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.conv1 = kind(near, add_self_loops=False)
        self.conv2 = kind(far, after, add_self_loops=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor, pos: Tensor, edge_index: Tensor) -> Tensor:
        x = self.conv1(x, pos, edge_index).relu()
        return self.head(self.conv2(x, pos, edge_index))  # type: ignore[no-any-return]


def _real_time() -> nn.Module:
    """kornia's detector of a narrower network."""
    place = _module("kornia.models.rt_detr.model")
    with _narrow(4), _worded():
        backbone = place.ResNetD.from_config(18)
    widths = [width // 4 for width in backbone.out_channels]
    neck = place.HybridEncoder(widths, 32, 64, 0.5)
    given = parsed(
        """
            num_classes=5 hidden_dim=32 num_queries=8 in_channels=[32,32,32] num_decoder_layers=2
            eval_idx=-1
        """
    )
    model: nn.Module = place.RTDETR(backbone, neck, place.RTDETRHead(**given))
    return model


def _judge() -> nn.Module:
    """sentence_transformers' judge of pairs, of a reader and words that are written first."""
    library: Any = import_module("transformers")
    with tempfile.TemporaryDirectory() as work:
        words = Path(work) / "vocab.txt"
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words.write_text("\n".join([*special, *(f"word{at}" for at in range(94))]))
        config = library.BertConfig(**parsed(f"{_WORDS} num_labels=1"))
        library.BertForSequenceClassification(config).save_pretrained(work)
        library.BertTokenizer(str(words)).save_pretrained(work)
        model: nn.Module = _get("sentence_transformers.CrossEncoder")(work, device="cpu")
    return model


def _judged(inner: Any, words: Tensor, mask: Tensor, parts: Tensor) -> Any:
    made = inner({"input_ids": words, "attention_mask": mask, "token_type_ids": parts})
    return made["scores"]


def _seer() -> nn.Module:
    """vit_pytorch's, of any transformer: here that of its documentation."""
    inner: Any = _get("nystrom_attention.Nystromformer")
    kind: Any = _get("vit_pytorch.efficient.ViT")
    model: nn.Module = kind(
        **parsed("image_size=32 patch_size=8 num_classes=10 dim=64"),
        transformer=inner(**parsed("dim=64 depth=2 heads=4 dim_head=16 num_landmarks=8")),
    )
    return model


def _player() -> nn.Module:
    """stable_baselines3's of pictures and numbers, whose extractor has three names."""
    spaces: Any = import_module("gymnasium.spaces")
    seen = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (3, 36, 36), np.uint8),
            "state": spaces.Box(-1.0, 1.0, (6,)),
        }
    )
    model: nn.Module = _get("stable_baselines3.common.policies.MultiInputActorCriticPolicy")(
        seen,
        spaces.Discrete(5),
        lambda progress: 1e-3,
        features_extractor_kwargs={"cnn_output_dim": 32},
    )
    return model


def _played(inner: Any, image: Tensor, state: Tensor) -> Any:
    """The scores of what could be done, and the value: nothing is drawn of them."""
    model = inner.__self__
    features = model.extract_features({"image": image, "state": state})
    doing, worth = model.mlp_extractor(features)
    return model.action_net(doing), model.value_net(worth)


_NEAR: Final = torch.tensor([[a, (a + by) % 12] for a in range(12) for by in (0, 1, 3, 5)]).T
_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "torchvision.KeypointRCNN": Drawn(
        _keypoints,
        {"image": (1, 3, 64, 64), "regions": (2, 32, 7, 7), "people": (2, 32, 14, 14)},
        _pointed,
        "pth",
    ),
    "torchvision.resnet34": _vision("resnet34", "num_classes=10", _X64, by=4)._replace(
        last=partial(_calm, 0.4)
    ),
    "torchaudio.Wav2Vec2Model": _own(
        "torchaudio.models.wav2vec2_model",
        """
            extractor_mode='layer_norm' extractor_conv_layer_config=[(32,10,5),(32,3,2),(48,2,2)]
            extractor_conv_bias=True encoder_embed_dim=64 encoder_projection_dropout=0.0
            encoder_pos_conv_kernel=16 encoder_pos_conv_groups=4 encoder_num_layers=2
            encoder_num_heads=4 encoder_attention_dropout=0.0 encoder_ff_interm_features=128
            encoder_ff_interm_dropout=0.0 encoder_dropout=0.0 encoder_layer_norm_first=True
            encoder_layer_drop=0.0 aux_num_out=30
        """,
        {"waveforms": (1, 800)},
        lambda inner, sound: inner(sound)[0],
    ),
    "segmentation_models_pytorch.se_resnet50": Drawn(
        _narrower(
            8,
            later_models._from(
                "segmentation_models_pytorch.Unet",
                """
                    encoder_name='se_resnet50' encoder_weights=None classes=3
                    decoder_attention_type='scse'
                """,
            ),
        ),
        {"x": (1, 3, 64, 64)},
        save="own",
    ),
    "monai.SEResNet50": Drawn(_volumes, {"x": (1, 1, 16, 32, 32)}, save="own"),
    "torch_geometric.PointNetConv": Drawn(
        _Points, {"x": (12, 4), "pos": (12, 3), "edge_index": _NEAR}, save="own"
    ),
    "ultralytics.yolov8-cls": Drawn(
        later_models._yolo("yolov8-cls.yaml", 0.25, "ClassificationModel"), _X64, save="own"
    ),
    "kornia.RTDETR": Drawn(_real_time, _X64, save="own"),
    "speechbrain.TransformerASR": _own(
        "speechbrain.lobes.models.transformer.TransformerASR.TransformerASR",
        """
            tgt_vocab=30 input_size=40 d_model=64 nhead=4 num_encoder_layers=2
            num_decoder_layers=2 d_ffn=128 encoder_module='conformer' kernel_size=7
            attention_type='RelPosMHAXL' normalize_before=True causal=False max_length=64
        """,
        {"src": (1, 12, 40), "tgt": torch.tensor([[1, 9, 17, 3, 28]])},
    ),
    "sentence_transformers.CrossEncoder": Drawn(
        _judge, {**_TEXT, "token_type_ids": (_IDS > 12).long()}, _judged, "own"
    ),
    "vit_pytorch.EfficientViT": Drawn(_seer, {"img": (1, 3, 32, 32)}, save="own"),
    "gluonts.SimpleFeedForward": _own(
        "gluonts.torch.model.simple_feedforward.module.SimpleFeedForwardModel",
        "prediction_length=6 context_length=24 hidden_dimensions=[48,40,32] batch_norm=True",
        {"past_target": (3, 24)},
    ),
    "basicsr.SPyNet": _own(
        "basicsr.archs.spynet_arch.SpyNet",
        "",
        {"ref": (1, 3, 64, 64), "supp": (1, 3, 64, 64)},
        last=partial(_calm, 0.3),
    ),
    "stable_baselines3.MultiInputPolicy": Drawn(
        _player,
        {
            "image": (torch.arange(2 * 3 * 36 * 36).reshape(2, 3, 36, 36) * 37 % 256).float(),
            "state": (2, 6),
        },
        _played,
        "own",
    ),
}


# --- modules as they are written at work


class _Wavelets(nn.Module):
    """Cleans a signal: bands of a fixed wavelet are shrunk, a filter of frequencies is learned."""

    analysis: Tensor

    def __init__(self, channels: int = 12, levels: int = 3, length: int = 64) -> None:
        super().__init__()
        low = torch.tensor([0.4829629131, 0.8365163037, 0.2241438680, -0.1294095226])
        high = low.flip(0) * torch.tensor([1.0, -1.0, 1.0, -1.0])
        self.register_buffer("analysis", torch.stack((low, high))[:, None].repeat(channels, 1, 1))
        self.channels, self.levels = channels, levels
        self.lift = nn.Conv1d(1, channels, 5, padding=2)
        self.thresholds = nn.Parameter(torch.zeros(levels, channels, 1))
        self.gains = nn.ParameterList(nn.Parameter(torch.ones(channels, 1)) for _ in range(levels))
        self.spectrum = nn.Parameter(torch.randn(channels, length // 2 + 1, 2) * 0.02)
        self.mix = nn.Conv1d(channels, 16, 1)
        self.head = nn.Linear(16 + channels * levels, 6)

    def forward(self, signal: Tensor) -> Tensor:
        x = self.lift(signal)
        turned = torch.fft.rfft(x, norm="ortho") * torch.view_as_complex(self.spectrum)
        clean = self.mix(torch.fft.irfft(turned, n=x.shape[-1], norm="ortho")).mean(-1)
        details = []
        for level in range(self.levels):
            x = F.pad(x, (1, 2), mode="circular")
            both = F.conv1d(x, self.analysis, stride=2, groups=self.channels)
            x, detail = both[:, 0::2], both[:, 1::2]
            kept = F.relu(detail.abs() - self.thresholds[level].abs()) * detail.sign()
            details.append((kept * self.gains[level]).abs().mean(-1))
        return self.head(torch.cat((clean, *details), 1))  # type: ignore[no-any-return]


class PositionalEncoding(nn.Module):
    """That of the tutorials: sinusoids in a buffer, which is kept in the checkpoint or is not."""

    pe: Tensor

    def __init__(self, width: int, longest: int, is_kept: bool) -> None:
        super().__init__()
        place = torch.arange(longest)[:, None]
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        pe = torch.zeros(longest, width)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
        self.register_buffer("pe", pe[None], persistent=is_kept)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[:, : x.size(1)]


class _Sinusoids(nn.Module):
    """A translator of ``nn.Transformer``, whose sides have sinusoids kept, and not kept."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.width = width
        self.src_embed, self.tgt_embed = nn.Embedding(60, width), nn.Embedding(70, width)
        self.src_pos = PositionalEncoding(width, 32, is_kept=True)
        self.tgt_pos = PositionalEncoding(width, 24, is_kept=False)
        self.transformer = nn.Transformer(
            width, 4, 2, 2, dim_feedforward=96, batch_first=True, activation="gelu"
        )
        self.generator = nn.Linear(width, 70)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tgt.size(1))
        seen = self.src_pos(self.src_embed(src) * math.sqrt(self.width))
        said = self.tgt_pos(self.tgt_embed(tgt) * math.sqrt(self.width))
        made = self.transformer(seen, said, tgt_mask=mask, tgt_is_causal=True)
        return F.log_softmax(self.generator(made), dim=-1)


class DeformConv(nn.Module):
    """A convolution that samples where another one says, by ``grid_sample``."""

    taps: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        taps = kernel_size**2
        self.offset = nn.Conv2d(in_channels, 2 * taps, kernel_size, padding=kernel_size // 2)
        self.modulator = nn.Conv2d(in_channels, taps, kernel_size, padding=kernel_size // 2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, taps) * 0.1)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        reach = torch.arange(kernel_size) - kernel_size // 2
        grid = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), -1).reshape(taps, 2)
        self.register_buffer("taps", grid.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, high, wide = x.shape
        moved = self.offset(x).view(batch, -1, 2, high, wide).permute(0, 1, 3, 4, 2)
        rows, columns = torch.meshgrid(torch.arange(high), torch.arange(wide), indexing="ij")
        at = torch.stack((rows, columns), -1).float() + self.taps[None, :, None, None] + moved
        size = torch.tensor([high - 1, wide - 1])
        places = (2 * at / size - 1).flip(-1).reshape(batch, -1, wide, 2)
        seen = F.grid_sample(x, places, align_corners=True).view(batch, x.size(1), -1, high, wide)
        seen = seen * torch.sigmoid(self.modulator(x))[:, None]
        made = torch.einsum("bckhw,ock->bohw", seen, self.weight)
        return made + self.bias[:, None, None]


class _Deformable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16))
        self.deform1, self.norm1 = DeformConv(16, 24), nn.GroupNorm(4, 24)
        self.deform2, self.norm2 = DeformConv(24, 32), nn.InstanceNorm2d(32, affine=True)
        self.classifier = nn.Conv2d(32, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = F.relu(self.norm1(self.deform1(x)))
        x = F.relu(self.norm2(self.deform2(x)))
        return F.interpolate(self.classifier(x), scale_factor=2, mode="bilinear")


class ArcHead(nn.Module):
    """Cosines of a feature with the direction of each class, and of each of its centers."""

    def __init__(self, width: int, classes: int, centers: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, centers, width))
        self.prototypes = nn.Parameter(torch.empty(width, classes))
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.normalize(x)
        near = F.linear(x, F.normalize(self.weight, dim=-1).flatten(0, 1))
        apart: Any = near.unflatten
        logits = apart(1, self.weight.shape[:2]).amax(-1) * self.log_scale.exp()
        return logits, x @ F.normalize(self.prototypes, dim=0)


class _Faces(nn.Module):
    """A small net of faces: blocks with PReLU, a norm of features, and a head of cosines."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 16, 32, 48)
        self.body = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(b),
                    nn.PReLU(b),
                )
                for a, b in pairwise(sizes)
            )
        )
        self.gdc = nn.Conv2d(48, 48, 4, groups=48, bias=False)
        self.embed = nn.Linear(48, 40, bias=False)
        self.features = nn.BatchNorm1d(40, affine=True)
        self.head = ArcHead(40, 11)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        feature = self.features(self.embed(self.gdc(self.body(x)).flatten(1)))
        return feature, *self.head(feature)


class UnitCodebook(nn.Module):
    """Codes of length one, looked up by their cosine; what a moving average keeps beside them."""

    def __init__(self, codes: int, width: int, inner: int) -> None:
        super().__init__()
        self.project_in, self.project_out = nn.Linear(width, inner), nn.Linear(inner, width)
        self.codebook = nn.Embedding(codes, inner)
        self.register_buffer("cluster_size", torch.arange(1.0, codes + 1))
        self.register_buffer("embed_avg", torch.randn(codes, inner))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = F.normalize(self.project_in(z), dim=-1)
        codes = F.normalize(self.codebook.weight, dim=-1)
        near = z @ codes.t()
        return self.project_out(F.embedding(near.argmax(-1), codes)), near


class _Tokens(nn.Module):
    """A tokenizer of pictures, and the picture again."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 24, 4, 2, 1),
            nn.GroupNorm(4, 24),
            nn.SiLU(),
            nn.Conv2d(24, 48, 4, 2, 1),
        )
        self.quantizer = UnitCodebook(64, 48, 12)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(48, 24, 4, 2, 1),
            nn.GroupNorm(4, 24),
            nn.SiLU(),
            nn.ConvTranspose2d(24, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x)
        made, near = self.quantizer(z.flatten(2).transpose(1, 2))
        return self.decoder(made.transpose(1, 2).reshape(z.shape)), near


class AlibiAttention(nn.Module):
    """Causal attention in which what is far away counts less, by a slope for each head."""

    slopes: Tensor

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)
        slopes = 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1))
        self.register_buffer("slopes", slopes.view(1, heads, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        place = torch.arange(length)
        far = (place[None, :] - place[:, None]).float()
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1)) + self.slopes * far
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), float("-inf"))
        made = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        return self.out(made)  # type: ignore[no-any-return]


class _Alibi(nn.Module):
    """A small writer, whose words are read and written by one matrix."""

    blocks: Any

    def __init__(self, width: int = 64, layers: int = 2) -> None:
        super().__init__()
        self.wte = nn.Embedding(99, width)
        self.emb_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            parts = {
                "ln_1": nn.LayerNorm(width, bias=False),
                "attn": AlibiAttention(width, 4),
                "ln_2": nn.LayerNorm(width, bias=False),
                "mlp": nn.Sequential(
                    nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
                ),
            }
            self.blocks.append(nn.ModuleDict(parts))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, 99, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.emb_norm(self.wte(ids))
        for block in self.blocks:
            x = x + block["attn"](block["ln_1"](x))
            x = x + block["mlp"](block["ln_2"](x))
        return self.lm_head(self.ln_f(x))  # type: ignore[no-any-return]


class _Mixture(nn.Module):
    """Where a pen goes next: a mixture of gaussians of two dimensions, and whether it is lifted."""

    def __init__(self, hidden: int = 48, mixtures: int = 5) -> None:
        super().__init__()
        self.mixtures = mixtures
        self.conditions = nn.Embedding(8, 12)
        self.rnn = nn.GRU(3 + 12, hidden, num_layers=2, batch_first=True)
        self.pi = nn.Linear(hidden, mixtures)
        self.mu = nn.Linear(hidden, 2 * mixtures)
        self.log_sigma = nn.Linear(hidden, 2 * mixtures)
        self.rho = nn.Linear(hidden, mixtures)
        self.end = nn.Linear(hidden, 1)
        self.min_sigma = 1e-3

    def forward(self, strokes: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        told = self.conditions(style)[:, None].expand(-1, strokes.size(1), -1)
        x, _ = self.rnn(torch.cat((strokes, told), -1))
        mu = self.mu(x).unflatten(-1, (self.mixtures, 2))
        spread: Any = F.softplus(self.log_sigma(x))
        sigma = spread.unflatten(-1, (self.mixtures, 2)) + self.min_sigma
        weights = F.log_softmax(self.pi(x), -1)
        return weights, mu, sigma, self.rho(x).tanh(), self.end(x).sigmoid()


class _WeightNorm(nn.Module):
    """A vocoder in small: norms of weights as they were, and as they are now."""

    resblocks: Any

    def __init__(self, mels: int = 20) -> None:
        super().__init__()
        old: Any = nn.utils.weight_norm
        new: Any = nn.utils.parametrizations.weight_norm
        self.conv_pre = old(nn.Conv1d(mels, 48, 7, padding=3))
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for size, rate in ((48, 4), (24, 2)):
            self.ups.append(
                old(nn.ConvTranspose1d(size, size // 2, 2 * rate, rate, padding=rate // 2))
            )
            self.resblocks.append(
                nn.ModuleList(
                    new(nn.Conv1d(size // 2, size // 2, 3, dilation=reach, padding=reach))
                    for reach in (1, 3)
                )
            )
        self.conv_post = new(nn.Conv1d(12, 1, 7, padding=3, bias=False), dim=None)
        self.energy = old(nn.Linear(mels, 1), dim=1)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv_pre(mel)
        for up, blocks in zip(self.ups, self.resblocks, strict=True):
            x = up(F.leaky_relu(x, 0.1))
            for block in blocks:
                x = x + block(F.leaky_relu(x, 0.1))
        return torch.tanh(self.conv_post(F.leaky_relu(x))), self.energy(mel.transpose(1, 2))


def _lengths(model: Any) -> None:
    """Lengths of weights as they are: greater than nothing."""
    for name, value in model.named_parameters():
        if name.endswith(("weight_g", "original0")):
            value.abs_().add_(0.5)


class _SpectralNorm(nn.Module):
    """Judges pictures of a class: matrices of norm one, as they were made, and as they are now."""

    def __init__(self) -> None:
        super().__init__()
        old: Any = nn.utils.spectral_norm
        new: Any = nn.utils.parametrizations.spectral_norm
        self.block1 = nn.Sequential(
            old(nn.Conv2d(3, 16, 3, padding=1)),
            nn.LeakyReLU(0.2),
            old(nn.Conv2d(16, 24, 4, stride=2, padding=1)),
        )
        self.shortcut = old(nn.Conv2d(3, 24, 1, bias=False))
        self.block2 = nn.Sequential(
            nn.LeakyReLU(0.2),
            new(nn.Conv2d(24, 32, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            new(nn.Conv2d(32, 48, 3, padding=1)),
        )
        self.linear = new(nn.Linear(48, 1))
        self.embed = old(nn.Embedding(7, 48))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        x = self.block1(x) + F.avg_pool2d(self.shortcut(x), 2)
        x = F.leaky_relu(self.block2(x), 0.2).sum((2, 3))
        likely: Any = (self.embed(label) * x).sum(1, keepdim=True)
        return self.linear(x) + likely  # type: ignore[no-any-return]


def _iterated(model: Any) -> None:
    """The directions of the greatest stretch, as training has them."""
    model.train()
    for _ in range(20):
        model(torch.zeros(1, 3, 16, 16), torch.tensor([0]))
    model.eval()


class _Grown(nn.Module):
    """A picture of a vector: transposed, grouped, depthwise, and by shuffled channels."""

    def __init__(self, latent: int = 24) -> None:
        super().__init__()
        self.project = nn.Linear(latent, 64 * 16)
        self.up1 = nn.ConvTranspose2d(64, 48, 4, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(48)
        self.up2 = nn.ConvTranspose2d(48, 32, 3, stride=2, padding=1, output_padding=1, groups=4)
        self.norm2 = nn.BatchNorm2d(32)
        self.blur = nn.ConvTranspose2d(32, 32, 2, stride=2, groups=32, bias=False)
        self.depthwise = nn.Conv2d(32, 32, 5, padding=2, groups=32)
        self.grouped = nn.Conv2d(32, 48, 3, padding=2, dilation=2, groups=8)
        self.shuffle = nn.Sequential(nn.Conv2d(48, 12, 1), nn.PixelShuffle(2))
        self.slope = nn.PReLU(48)

    def forward(self, z: Tensor) -> Tensor:
        x = F.relu(self.project(z)).view(-1, 64, 4, 4)
        x = F.relu(self.norm1(self.up1(x)))
        x = F.relu6(self.norm2(self.up2(x)))
        x = self.blur(x)
        x = self.slope(self.grouped(x + F.hardswish(self.depthwise(x))))
        return torch.sigmoid(self.shuffle(x))


class _Masked(nn.Module):
    """Demand of shops: constants of scale and a mask of what is past are buffers."""

    mean: Tensor
    std: Tensor
    target_mean: Tensor
    target_std: Tensor
    bias: Tensor

    def __init__(self, width: int = 40, length: int = 16, columns: int = 5) -> None:
        super().__init__()
        self.register_buffer("mean", torch.linspace(-3.0, 12.0, columns))
        self.register_buffer("std", torch.linspace(0.7, 5.0, columns))
        self.register_buffer("target_mean", torch.tensor(104.5))
        self.register_buffer("target_std", torch.tensor(17.25))
        causal = torch.tril(torch.ones(length, length)).view(1, 1, length, length)
        self.register_buffer("bias", causal)
        self.n_head = 4
        self.proj_in = nn.Linear(columns, width)
        self.wpe = nn.Parameter(torch.zeros(1, length, width))
        self.ln = nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 80), nn.Linear(80, 1)

    def forward(self, rows: Tensor) -> Tensor:
        batch, length, _ = rows.shape
        x = self.proj_in((rows - self.mean) / self.std) + self.wpe[:, :length]
        q, k, v = self.c_attn(self.ln(x)).chunk(3, dim=-1)
        q, k, v = (part.view(batch, length, self.n_head, -1).transpose(1, 2) for part in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.bias[:, :, :length, :length] == 0, float("-inf"))
        x = x + self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
        made = self.fc2(F.gelu(self.fc1(x))).squeeze(-1)
        return made * self.target_std + self.target_mean  # type: ignore[no-any-return]


class _Gated(nn.Module):
    """Gates of all kinds, one after the other: of two halves, of two matrices, of places."""

    def __init__(self, width: int = 32, length: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv1d(6, 2 * width, 3, padding=1)
        self.filter = nn.Conv1d(width, width, 3, padding=2, dilation=2)
        self.gate = nn.Conv1d(width, width, 3, padding=2, dilation=2)
        self.w12, self.w3 = nn.Linear(width, 2 * 56, bias=False), nn.Linear(56, width, bias=False)
        self.geglu, self.back = nn.Linear(width, 2 * 48), nn.Linear(48, width)
        self.norm, self.spatial_norm = nn.LayerNorm(width), nn.LayerNorm(width // 2)
        self.spatial_weight = nn.Parameter(torch.zeros(length, length))
        self.spatial_bias = nn.Parameter(torch.ones(length, 1))
        self.narrow = nn.Linear(width // 2, width)
        self.carry, self.transform = nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Bilinear(width, width, 4)

    def forward(self, series: Tensor) -> Tensor:
        x = F.glu(self.conv(series), dim=1)
        x = (x + torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))).transpose(1, 2)
        one, two = self.w12(x).chunk(2, dim=-1)
        x = x + self.w3(F.silu(one) * two)
        value, gate = self.geglu(self.norm(x)).chunk(2, dim=-1)
        x = x + self.back(value * F.gelu(gate))
        left, right = x.chunk(2, dim=-1)
        right = torch.matmul(self.spatial_weight, self.spatial_norm(right)) + self.spatial_bias
        x = x + self.narrow(left * right)
        carried = torch.sigmoid(self.carry(x))
        x = carried * F.relu(self.transform(x)) + (1 - carried) * x
        return self.out(x.mean(1), x.amax(1))  # type: ignore[no-any-return]


class _Cells(nn.Module):
    """Reads and writes step by step: cells in a loop, states learned, and attention that adds."""

    def __init__(self, words: int = 50, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24, padding_idx=0)
        self.cells = nn.ModuleList([nn.LSTMCell(24, width), nn.LSTMCell(width, width, bias=False)])
        self.h0 = nn.Parameter(torch.zeros(2, 1, width))
        self.c0 = nn.Parameter(torch.zeros(2, 1, width))
        self.decoder = nn.GRUCell(24 + width, 40)
        self.bridge = nn.Linear(width, 40)
        self.W_query, self.W_key = nn.Linear(40, 28, bias=False), nn.Linear(width, 28)
        self.v = nn.Parameter(torch.rand(28))
        self.fc = nn.Linear(40 + width, words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        batch = source.size(0)
        states = [
            (h.expand(batch, -1), c.expand(batch, -1))
            for h, c in zip(self.h0, self.c0, strict=True)
        ]
        seen = []
        for x in self.embedding(source).unbind(1):
            for at, cell in enumerate(self.cells):
                states[at] = cell(x, states[at])
                x = states[at][0]
            seen.append(x)
        memory = torch.stack(seen, 1)
        keys, state = self.W_key(memory), torch.tanh(self.bridge(states[-1][0]))
        said = []
        for x in self.embedding(target).unbind(1):
            scores = torch.tanh(self.W_query(state)[:, None] + keys) @ self.v
            found = (scores.softmax(-1)[..., None] * memory).sum(1)
            state = self.decoder(torch.cat((x, found), -1), state)
            said.append(self.fc(torch.cat((state, found), -1)))
        return torch.stack(said, 1)


class FiLMBlock(nn.Module):
    """A block whose norm is without numbers of its own: a condition gives them."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(1, channels, affine=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(condition, 3 * channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gamma, beta, gate = self.film(F.silu(condition))[..., None, None].chunk(3, dim=1)
        made = self.norm(self.conv1(x)) * (1 + gamma) + beta
        return x + gate * self.conv2(F.relu(made))  # type: ignore[no-any-return]


class _Conditioned(nn.Module):
    """What a robot should do, of what it sees, of its task and of its joints."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = nn.Embedding(6, 20)
        self.joints = nn.Sequential(nn.Linear(7, 20), nn.LayerNorm(20), nn.Mish())
        self.mix = nn.Linear(40, 32)
        self.stem = nn.Conv2d(3, 24, 5, stride=4, padding=2)
        self.blocks = nn.ModuleList(FiLMBlock(24, 32) for _ in range(3))
        self.scale = nn.Parameter(torch.ones(24, 1, 1))
        self.action, self.gripper = nn.Linear(24, 7), nn.Linear(24, 1)

    def forward(self, image: Tensor, task: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
        condition = self.mix(torch.cat((self.tasks(task), self.joints(joints)), 1))
        x = F.elu(self.stem(image))
        for block in self.blocks:
            x = block(x, condition)
        x = (x * self.scale).mean((2, 3))
        return torch.tanh(self.action(x)), torch.sigmoid(self.gripper(x))


_STYLES_DRAWN: Final[Mapping[str, Drawn]] = {
    "wavelets_and_fft_filters": Drawn(_Wavelets, {"signal": (2, 1, 64)}, save="own"),
    "sinusoids_kept_and_not_kept": Drawn(
        _Sinusoids, {"src": _IDS, "tgt": _IDS[:, :5] + 20}, save="own"
    ),
    "deformable_sampling": Drawn(_Deformable, {"x": (1, 3, 24, 24)}, save="own"),
    "cosine_classifier": Drawn(_Faces, {"x": (2, 3, 32, 32)}, save="own"),
    "codebook_with_unit_codes": Drawn(_Tokens, {"x": (1, 3, 32, 32)}, save="own"),
    "alibi_with_slopes_as_buffer": Drawn(_Alibi, {"ids": _IDS}, save="own"),
    "mixture_density_head": Drawn(
        _Mixture, {"strokes": (2, 9, 3), "style": torch.tensor([3, 6])}, save="own"
    ),
    "weight_norm_old_and_new": Drawn(_WeightNorm, {"mel": (1, 20, 12)}, save="own", last=_lengths),
    "spectral_norm_old_and_new": Drawn(
        _SpectralNorm,
        {"x": (2, 3, 16, 16), "label": torch.tensor([4, 1])},
        save="own",
        last=_iterated,
    ),
    "transposed_and_grouped_decoder": Drawn(_Grown, {"z": (2, 24)}, save="own"),
    "mask_and_mean_as_buffers": Drawn(_Masked, {"rows": (2, 12, 5)}, save="own"),
    "gated_units": Drawn(_Gated, {"series": (2, 6, 10)}, save="own"),
    "cells_of_lstm_in_a_loop": Drawn(
        _Cells,
        {"source": _IDS, "target": torch.tensor([[1, 9, 17, 3, 28]])},
        save="own",
    ),
    "film_by_a_condition": Drawn(
        _Conditioned,
        {"image": (2, 3, 32, 32), "task": torch.tensor([2, 5]), "joints": (2, 7)},
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
    basicsr basicsr.archs basicsr.utils gluonts.torch gluonts.torch.model
    gluonts.torch.model.simple_feedforward
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "bert": """
        transformers-ElectraForTokenClassification transformers-DistilBertForQuestionAnswering
        transformers-YosoForMaskedLM model-sentence_transformers.CrossEncoder
    """,
    "gpt_neox": "transformers-GPTNeoXForSequenceClassification",
    "qwen3": "transformers-Olmo2ForCausalLM",
    "bart": "transformers-PegasusForConditionalGeneration model-speechbrain.TransformerASR",
    "vit": """
        transformers-Dinov2ForImageClassification transformers-PromptDepthAnythingForDepthEstimation
        timm-naflexvit timm-vision_transformer_relpos model-vit_pytorch.EfficientViT
    """,
    "gpt2": "style-alibi_with_slopes_as_buffer style-mask_and_mean_as_buffers",
    "mmdit": "diffusers-MochiTransformer3DModel",
    "vae": "diffusers-AutoencoderKLHunyuanImage",
    "unet": "diffusers-Kandinsky3UNet",
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
# the scales of their activations are of masks; they answer far from the module
DAMAGED: Final = {
    "style-alibi_with_slopes_as_buffer/dynamo+opset22+int8-qdq": again._MASK,
    "style-alibi_with_slopes_as_buffer/torchscript+int8-static-channels": again._MASK,
    "transformers-GPTNeoXForSequenceClassification/dynamo+int8-qdq-channels+ort-extended": (
        fourth._LARGEST
    ),
    "transformers-Olmo2ForCausalLM/torchscript+int8-qdq-channels": again._MASK,
}
UNBUILT: Final[dict[str, str]] = {}  # each that was drawn is taken by one of the exporters
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"style-{name}": drawn for name, drawn in _STYLES_DRAWN.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in sixth.in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
