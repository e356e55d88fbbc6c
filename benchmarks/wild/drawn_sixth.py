"""A sixth draw by lot: types of transformers and diffusers that no other kind has, sizes of timm,
models out of libraries that are widely used, and packages of the index that no other kind asks.

The models of libraries are drawn of ``_MODELS`` and the packages of ``_CANDIDATES``, one of each
field, before any of them was tried. What could not be made at all is in ``UNBUILT``, and nothing
was taken in its place. The steps, the chains of them and the forms of checkpoints are those of the
fourth draw; here they are arguments of what builds a case.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import onnx
import torch
from torch import nn

from wild import drawn_again as again
from wild import drawn_fourth as fourth
from wild import drawn_models as earlier
from wild import drawn_third as third
from wild import later_models, other_models
from wild.drawn_models import (
    _BOTH,
    _HEADS,
    _IDS,
    _LM,
    _MOE,
    _SEQ2SEQ,
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
from wild.drawn_third import _X64
from wild.later_models import Call, _positional, with_values
from wild.shipping import declare_operators
from wild.steps import Step
from wild.tables import Inputs, parsed
from wild.workshop import Builder, tell, tensors_of

Tensor = torch.Tensor
SEED: Final = 20261211


# --- the lots

_MODELS: Final[Mapping[str, str]] = {  # by field: models of libraries that are widely used
    "cuts": """
        segmentation_models_pytorch.DeepLabV3Plus segmentation_models_pytorch.FPN
        segmentation_models_pytorch.Linknet segmentation_models_pytorch.MAnet
        segmentation_models_pytorch.PAN segmentation_models_pytorch.PSPNet
        segmentation_models_pytorch.UPerNet segmentation_models_pytorch.UnetPlusPlus
    """,
    "bodies": """
        monai.AHNet monai.BasicUNetPlusPlus monai.DiNTS monai.DynUNet monai.FlexibleUNet
        monai.HighResNet monai.Quicknat monai.SegResNetDS monai.UNETR monai.VNet monai.ViTAutoEnc
    """,
    "voices": """
        espnet2.BranchformerEncoder espnet2.ContextualBlockConformerEncoder
        espnet2.EBranchformerEncoder espnet2.VGGRNNEncoder speechbrain.CRDNN
        speechbrain.ConformerEncoder speechbrain.ContextNet speechbrain.FastSpeech2
        speechbrain.HifiganGenerator speechbrain.Xvector
    """,
    "sounds": """
        asteroid.DPRNNTasNet asteroid.DPTNet asteroid.LSTMTasNet pyannote.PyanNet
        pyannote.WeSpeakerResNet34 torchaudio.SquimObjective torchaudio.SquimSubjective
        torchaudio.RNNT
    """,
    "pairs": """
        open_clip.CLIP open_clip.CustomTextCLIP open_clip.ModifiedResNet open_clip.TextTransformer
        sentence_transformers.CNN sentence_transformers.LSTM
        sentence_transformers.SparseAutoEncoder sentence_transformers.SpladePooling
        sentence_transformers.WeightedLayerPooling
    """,
    "words": """
        adapters.AdapterController flair.LanguageModel flair.SequenceTagger flair.TextClassifier
        x_transformers.ContinuousTransformerWrapper x_transformers.XTransformer
        x_transformers.XValTransformerWrapper
    """,
    "graphs": """
        torch_geometric.DMoNPooling torch_geometric.DenseGATConv torch_geometric.DenseGCNConv
        torch_geometric.DenseGINConv torch_geometric.DenseGraphConv torch_geometric.DenseSAGEConv
        torch_geometric.LINKX torch_geometric.DeepSets
    """,
    "series": """
        neuralforecast.Autoformer neuralforecast.DeepNPTS neuralforecast.NBEATSx
        neuralforecast.PatchTST neuralforecast.RMoK neuralforecast.SOFTS neuralforecast.StemGNN
        neuralforecast.TimeMixer neuralforecast.TimesNet pytorch_forecasting.DecoderMLP
        pytorch_forecasting.NBeats pytorch_forecasting.RecurrentNetwork
        pytorch_forecasting.TiDEModel
    """,
    "sights": """
        vit_pytorch.CCT vit_pytorch.CaiT vit_pytorch.CvT vit_pytorch.DeepViT vit_pytorch.MaxViT
        vit_pytorch.RegionViT vit_pytorch.ScalableViT vit_pytorch.SepViT vit_pytorch.T2TViT
        vit_pytorch.TwinsSVT vit_pytorch.ViViT vit_pytorch.XCiT
    """,
    "features": """
        kornia.DISK kornia.DeDoDe kornia.DexiNed kornia.KeyNet kornia.OnlineHomography
        kornia.OriNet kornia.SOSNet kornia.SOLD2 lightly.BYOLPredictionHead
        lightly.MAEDecoderTIMM lightly.MaskedVisionTransformerTIMM lightly.SwaVProjectionHead
    """,
    "things": """
        mmdet.CSPNeXtPAFPN mmdet.HourglassNet mmpretrain.MobileViT mmpretrain.PoolFormer
        mmpretrain.RevVisionTransformer mmpretrain.TNT mmpretrain.VAN ultralytics.OBB
        ultralytics.Pose26 ultralytics.RTDETRDecoder ultralytics.WorldDetect
    """,
    "tuned": """
        peft.BOFTConfig peft.C3AConfig peft.FourierFTConfig peft.HRAConfig peft.LoKrConfig
        peft.OFTConfig peft.RandLoraConfig peft.VBLoRAConfig peft.VeraConfig
    """,
    "tables": """
        pytorch_tabnet.TabNetPretraining pytorch_widedeep.TabFastFormer
        pytorch_widedeep.TabPerceiver pytorch_widedeep.TabResnet
        pytorch_widedeep.ContextAttentionMLP rtdl_num_embeddings.LinearReLUEmbeddings
        rtdl_num_embeddings.PiecewiseLinearEmbeddings
    """,
}
# by field: packages with networks, none asked before (but one that was not drawn: torch-rechub)
_CANDIDATES: Final[Mapping[str, str]] = {
    "words": """
        allennlp colbert-ai fastcoref infini-transformer-pytorch memorizing-transformers-pytorch
        pylate recurrent-memory-transformer-pytorch taylor-series-linear-attention trankit wtpsplit
    """,
    "pictures": """
        agent-attention-pytorch biapy carvekit deformable-attention instanseg-torch nnunetv2
        pytorch-pretrained-vit pytorch-toolbelt pytorch3dunet segformer-pytorch super-gradients
        torchseg vision-mamba
    """,
    "scenes": """
        depth-anything-v2 dreamsim groundingdino-py imagebind mambavision ptlflow pyiqa
        romatch torchmultimodal-nightly
    """,
    "drawings": """
        dalle-pytorch dalle2-pytorch imagen-pytorch magvit2-pytorch make-a-video-pytorch min-dalle
        muse-maskgit-pytorch parti-pytorch rectified-flow-pytorch taming-transformers-rom1504
    """,
    "sounds": """
        a-unet acids-rave archisound clearvoice laion-clap msclap silentcipher torchopenl3
        torchsubband torchvggish
    """,
    "speech": """
        allosaurus audiolm-pytorch e2-tts-pytorch melotts naturalspeech2-pytorch nemo-toolkit
        soundstorm-pytorch spear-tts-pytorch
    """,
    "series": "deepod salesforce-merlion timesfm torchtime tsai",
    "tables": """
        deep-forest hyperfast mambular pytabkit pytorch-frame pytorch-lattice tabpfn torch-rechub
        torchrec
    """,
    "cells": """
        aimnet antiberty chemprop chgnet deepchem evodiff igfold matgl orb-models scvi-tools
        torchdrug
    """,
    "turns": """
        e2cnn equiformer-pytorch escnn mace-torch mattersim nequip se3-transformer-pytorch
        torchmd-net
    """,
    "deeds": "elegantrl imitation lerobot mushroom-rl omnisafe q-transformer",
    "physics": "nvidia-physicsnemo sbi torch-cfd fourier-neural-operator botorch gpytorch",
    "layers": """
        blitz-bayesian-pytorch continual-inference geoopt iunets kymatio pytorch-wavelets
        rational-activations sae-lens spikingjelly torchbnn torchensemble
    """,
}


def lots() -> dict[str, list[Any]]:
    """What was drawn: types as in ``drawn_models``, sizes of timm, and one of each field."""
    declare_operators()
    words = set(re.findall(r"\w+", "\n".join(earlier.texts_but(*earlier.DRAWN[5:]))))
    free = {
        field: " ".join(path for path in text.split() if path.rpartition(".")[2] not in words)
        for field, text in _MODELS.items()
    }
    return {
        "transformers": earlier._lot_of_transformers(random.Random(SEED), words)[:10],
        "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:4],
        "timm": _lot_of_timm(words)[:4],
        "models": _one_of_each(free),
        "packages": _one_of_each(_CANDIDATES),
    }


def _lot_of_timm(words: set[str]) -> list[tuple[str, str]]:
    """A model for each module, of those that are not named anywhere: no module is left of which
    nothing was built.
    """
    timm: Any = import_module("timm")
    registry: Any = import_module("timm.models._registry")
    free = [name for name in timm.list_models() if name not in words]
    random.Random(SEED).shuffle(free)
    first: dict[str, str] = {}
    for name in free:
        first.setdefault(registry._model_to_module[name], name)
    return list(first.items())


def _one_of_each(fields: Mapping[str, str]) -> list[str]:
    draw = random.Random(SEED)
    return [draw.choice(sorted(text.split())) for text in fields.values()]


# --- transformers

_CODEC: Final = """
    model_type='mimi' hidden_size=32 num_hidden_layers=1 num_attention_heads=2
    num_key_value_heads=2 head_dim=16 intermediate_size=64 num_filters=4
    upsampling_ratios=[4,2] codebook_size=32 codebook_dim=16 num_quantizers=4
    vector_quantization_hidden_dimension=16 upsample_groups=32
"""
_BOXES: Final = torch.tensor([[[3 * at, 2 * at, 3 * at + 5, 2 * at + 4] for at in range(8)]])
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "kyutai_speech_to_text": _known(
        "KyutaiSpeechToTextForConditionalGeneration",
        """
            codebook_vocab_size=17 vocab_size=60 hidden_size=64 num_hidden_layers=2
            num_attention_heads=4 num_key_value_heads=2 max_position_embeddings=64 use_cache=False
            sliding_window=4 ffn_dim=192 num_codebooks=4 audio_bos_token_id=16
            audio_pad_token_id=128 pad_token_id=3 bos_token_id=59
        """,
        {"input_ids": torch.tensor([[[5 + at, at, 2 * at, 9, 15 - at] for at in range(8)]])},
        codec_config=_CODEC,
    ),
    "dots3_note_text": _known(
        "Dots3NoteForCausalLM",
        f"""
            {_LM} {_MOE} num_key_value_heads=4 n_routed_experts=4 n_shared_experts=1
            num_hidden_layers=3 kv_lora_rank=16 q_lora_rank=32 qk_nope_head_dim=16
            qk_rope_head_dim=8 v_head_dim=16 head_dim=24 index_topk=4 index_head_dim=16
            index_n_heads=2 shared_experts_intermediate_size=48 sliding_window=4
            layer_types=['indexed_attention','indexed_attention','sliding_attention']
            swa_num_attention_heads=2 swa_num_key_value_heads=2 swa_q_lora_rank=24
            swa_kv_lora_rank=24 swa_head_dim=24 swa_qk_nope_head_dim=16 swa_v_head_dim=16
        """.replace("num_hidden_layers=2", ""),
        _TEXT,
    ),
    "llama4": _known(
        "Llama4VisionModel",
        """
            hidden_size=64 num_hidden_layers=2 num_attention_heads=4 intermediate_size=256
            image_size=32 patch_size=8 projector_input_dim=48 projector_output_dim=48
            vision_output_dim=48
        """,
        {"pixel_values": (1, 3, 32, 32)},
    ),
    "muse_spark_audio": _known(
        "MuseSparkAudioModel",
        """
            patch_sizes=(4,3,2) hidden_sizes=(32,48,96) depths=(2,1,1) num_hidden_layers=3
            mlp_ratio=2.0 conv_kernel_size=5 out_hidden_size=64
        """,
        {"input_values": (1, 240)},
    ),
    "led": _known(
        "LEDForQuestionAnswering",
        f"""
            {_SEQ2SEQ} max_encoder_position_embeddings=64 max_decoder_position_embeddings=64
            attention_window=4
        """.replace("max_position_embeddings=64 use_cache", "use_cache"),
        {**_BOTH, "attention_mask": torch.ones_like(_IDS)},
    ),
    "mbart": _known("MBartForCausalLM", _SEQ2SEQ, _TEXT),
    "layoutlm": _known(
        "LayoutLMForQuestionAnswering",
        f"{_WORDS} max_2d_position_embeddings=48",
        {**_TEXT, "bbox": _BOXES},
    ),
    "step3p7": _known(
        "Step3p7ForConditionalGeneration",
        "image_token_id=98",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 3, 64, 64),
        },
        text_config=f"""
            {_LM} {_HEADS} {_MOE} n_routed_experts=4 share_expert_dim=48 sliding_window=4
            num_sliding_attention_heads=2 layer_types=['full_attention','sliding_attention']
            mlp_layer_types=['dense','sparse'] swiglu_limits=[None,7.0]
            swiglu_limits_shared=[None,5.0]
        """,
        vision_config="""
            hidden_size=64 num_hidden_layers=2 num_attention_heads=4 image_size=64 patch_size=8
            mlp_ratio=2.0 max_position_embeddings=64
        """,
    ),
    "nemotron3_diarization": _known(
        "Nemotron3DiarizationForAudioFrameClassification",
        "chunk_length=16 chunk_right_context=2 fifo_length=8 speaker_cache_update_period=8",
        {"input_features": (1, 64, 20)},
        audio_config=f"{_WIDE} num_mel_bins=20 max_position_embeddings=64",
        head_config="hidden_size=48 num_speakers=4 audio_hidden_size=64",
        streaming_config="num_speakers=4 speaker_cache_length=16",
    ),
    "glm_image_text": _known(
        "GlmImageTextModel",
        f"""
            {_LM} vision_vocab_size=50
            rope_parameters={{'rope_type':'default','rope_theta':10000.0,'mrope_section':[2,3,3]}}
        """,
        _TEXT,
    ),
}


# --- diffusers


def _turned(inner: Any, states: Tensor, when: Tensor, words: Tensor, places: Tensor) -> Any:
    """With the angles by which patches are turned, which its users have as complex numbers."""
    turn = torch.view_as_complex(torch.stack((places.cos(), places.sin()), -1))
    mask = torch.ones(words.shape[:2])
    return inner(states, when, words, mask, turn, cross_attention_kwargs={}, return_dict=False)


_TRIPLE: Final = (0.1, -0.2, 0.3, 0.05)
_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "LuminaNextDiT2DModel": _diffuser(
        "LuminaNextDiT2DModel",
        """
            sample_size=8 patch_size=2 in_channels=4 hidden_size=64 num_layers=2
            num_attention_heads=4 num_kv_heads=2 multiple_of=32 cross_attention_dim=24
        """,
        {
            "hidden_states": (1, 4, 8, 8),
            "timestep": torch.tensor([0.4]),
            "encoder_hidden_states": (1, 6, 24),
            "places": (4, 4, 8),
        },
        _turned,
    ),
    "AutoencoderKLMochi": _diffuser(
        "AutoencoderKLMochi",
        f"""
            encoder_block_out_channels=(32,32,32,64) decoder_block_out_channels=(32,32,32,64)
            latent_channels=4 layers_per_block=(1,1,1,1,1) temporal_expansions=(1,2,2)
            spatial_expansions=(2,2,2) latents_mean={_TRIPLE} latents_std={_TRIPLE}
            add_attention_block=(False,True,False,False,True)
        """.replace(", ", ","),
        {"sample": (1, 3, 5, 32, 32)},
    ),
    "AutoencoderKLLTX2Video": _diffuser(
        "models.autoencoders.autoencoder_kl_ltx2.AutoencoderKLLTX2Video",
        """
            latent_channels=8 block_out_channels=(16,32,64,128)
            decoder_block_out_channels=(16,32,64) layers_per_block=(1,1,1,1,1)
            decoder_layers_per_block=(1,1,1,1)
        """,
        {"sample": (1, 3, 9, 64, 64)},
    ),
    "GlmImageTransformer2DModel": _diffuser(
        "GlmImageTransformer2DModel",
        """
            in_channels=4 out_channels=4 num_layers=2 attention_head_dim=16 num_attention_heads=4
            text_embed_dim=24 time_embed_dim=32 condition_dim=16
            prior_vq_quantizer_codebook_size=40
        """,
        {
            "hidden_states": (1, 4, 8, 8),
            "encoder_hidden_states": (1, 6, 24),
            "prior_token_id": torch.arange(16)[None] * 2,
            "prior_token_drop": torch.zeros((1, 16), dtype=torch.bool),
            "timestep": torch.tensor([500.0]),
            "target_size": torch.tensor([[8.0, 8.0]]),
            "crop_coords": torch.tensor([[0.0, 0.0]]),
        },
    ),
}


# --- timm

_TIMM: Final[Mapping[str, Drawn]] = {
    "levit": _timm(
        "levit_conv_256d",
        "img_size=64 embed_dim=(48,64,96) key_dim=16 num_heads=(3,4,6) depth=(1,1,2)",
    ),
    "davit": _timm("davit_small", "depths=(1,1,2,1) embed_dims=(32,48,64,96) num_heads=(2,3,4,6)"),
    "regnet": _timm("regnety_080", by=8),
    "vision_transformer": _timm(
        "vit_large_patch14_clip_224", "img_size=56 embed_dim=64 depth=2 num_heads=4", side=56
    ),
}


# --- what finds a network in a package


def _module(path: str) -> Any:
    """A module of a library, by its path, without what its packages import at first."""
    for package in _BARE:
        if path == package or path.startswith(f"{package}."):
            later_models._bare(package)
    return import_module(path)


def _get(path: str) -> Any:
    """A function or class of a library, by its path."""
    place, _, name = path.rpartition(".")
    return getattr(_module(place), name)


def _absent_are(names: str) -> None:
    """Have modules be there that are imported but not run."""
    for name in set(names.split()) - set(sys.modules):
        sys.modules[name] = other_models._Anything(name)
        sys.modules[name].__spec__ = ModuleSpec(name, None)


def _own(path: str, text: str, inputs: Inputs, call: Call | None = None, **more: Any) -> Drawn:
    """A network of a package; its users save it with their own code."""

    def build() -> nn.Module:
        made: nn.Module = _get(path)(**parsed(text))
        return made

    return Drawn(build, inputs, call, "own")._replace(**more)


# --- models of libraries


def _dints() -> nn.Module:
    """monai's net of a search for nets, as it is when nothing of it is left out."""
    nets: Any = _module("monai.networks.nets")
    space = nets.TopologyInstance(
        channel_mul=0.25, num_blocks=3, num_depths=3, use_downsample=True, spatial_dims=3
    )
    model: nn.Module = nets.DiNTS(space, in_channels=1, num_classes=3)
    return model


def _heard(inner: Any, speech: Tensor) -> Any:
    """Speech that is as long as the tensor."""
    return inner(speech, torch.tensor([speech.shape[1]]))[0]


def _speaker() -> nn.Module:
    """pyannote's, of a fourth of the channels."""
    _absent_are(_UNTRAINED)
    _module("pyannote.audio").__version__ = "4.0.7"
    sys.modules["pyannote.audio.core.io"].__dict__["Audio"] = SimpleNamespace
    with _narrow(4):
        model: nn.Module = _get("pyannote.audio.models.embedding.wespeaker.WeSpeakerResNet34")()
    return model


_UNTRAINED: Final = """
    pyannote.audio.core.task pyannote.audio.core.io pyannote.audio.utils.multi_task
    pyannote.audio.telemetry pyannote.audio.telemetry.metrics
"""


def _embedded(inner: Any, loud: Tensor) -> Any:
    """After the transform of what is heard, which no exporter has."""
    return inner.__self__.resnet(loud)[1]


def _answered(inner: Any, source: Tensor, target: Tensor) -> Any:
    """The decoder's answer, and not its loss."""
    model = inner.__self__
    return model.decoder.net(target, context=model.encoder(source, return_embeddings=True))


class _Pooled(nn.Module):
    """The net of torch_geometric's example of a pooling that is learned, of dense layers."""

    def __init__(self, width: int = 160) -> None:
        super().__init__()
        layer = _get("torch_geometric.nn.dense.DenseGCNConv")
        self.pool = nn.ModuleList([layer(12, width), layer(width, 6)])
        self.embed = nn.ModuleList([layer(12, width), layer(width, width)])
        self.last = nn.ModuleList([layer(width, width, improved=True), layer(width, width)])
        self.norm = nn.BatchNorm1d(width)
        self.lin = nn.Linear(width, 5)

    def forward(self, x: Tensor, adj: Tensor) -> Any:
        pooled = _get("torch_geometric.nn.dense.dense_diff_pool")
        cluster = self.pool[1](self.pool[0](x, adj).relu(), adj)
        x = self.embed[1](self.embed[0](x, adj).relu(), adj).relu()
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        x, adj, *losses = pooled(x, adj, cluster)
        x = self.last[1](self.last[0](x, adj).relu(), adj).relu()
        return self.lin(x.mean(1)), cluster


def _forecaster() -> nn.Module:
    """pytorch-forecasting's, of a trend, of what is seasonal, and of neither."""
    kind: Any = _get("pytorch_forecasting.models.nbeats.NBeats")
    given = parsed(
        """
            stack_types=['trend','seasonality','generic'] num_blocks=[2,2,1]
            num_block_layers=[2,2,2] widths=[64,256,128] sharing=[False,True,False]
            expansion_coefficient_lengths=[3,4,16] prediction_length=6 context_length=24
            dropout=0.0
        """
    )
    model: nn.Module = kind(**given, output_transformer=nn.Identity())
    return model


def _forecast(inner: Any, past: Tensor) -> Any:
    """Without the scale of what is foretold, which is a step before."""
    model = inner.__self__
    with patch.object(model, "transform_output", lambda prediction, **more: prediction):
        made = inner({"encoder_cont": past, "target_scale": torch.ones(past.shape[0], 2)})
    return [made[name] for name in ("prediction", "backcast", "trend", "seasonality", "generic")]


@contextmanager
def _narrow_up(by: int) -> Any:
    """As ``_narrow``, and transposed convolutions as well."""
    inner = nn.ConvTranspose2d.__init__

    def made(self: Any, a: int, b: int, *rest: Any, **more: Any) -> None:
        inner(self, earlier._less(by, a), earlier._less(by, b), *rest, **more)

    with _narrow(by), patch.object(nn.ConvTranspose2d, "__init__", made):
        yield


def _edges() -> nn.Module:
    """kornia's finder of edges, of a fourth of the channels."""
    with _narrow_up(4):
        model: nn.Module = _get("kornia.models.dexined.DexiNed")(pretrained=False)
    return model


def _reflected() -> nn.Module:
    """A classifier of words with peft's reflections, which are not merged."""
    library: Any = import_module("transformers")
    config = library.BertConfig(**parsed(f"{_WORDS} num_labels=4"))
    peft: Any = import_module("peft")
    told = peft.HRAConfig(r=4, target_modules=["query", "value", "dense"], init_weights=False)
    model: nn.Module = peft.inject_adapter_in_model(
        told, library.BertForSequenceClassification(config)
    )
    return model


def _classified(inner: Any, words: Tensor, mask: Tensor) -> Any:
    return inner(input_ids=words, attention_mask=mask).logits


_COLUMNS: Final = ("town", "trade", "age", "wage", "hours")


def _columns() -> nn.Module:
    """pytorch_widedeep's, of two columns of kinds and three of numbers."""
    _absent_are("pytorch_widedeep.wdtypes")
    _module("pytorch_widedeep.utils")
    kind: Any = _get("pytorch_widedeep.models.tabular.resnet.tab_resnet.TabResnet")
    model: nn.Module = kind(
        {name: at for at, name in enumerate(_COLUMNS)},
        cat_embed_input=[("town", 12, 8), ("trade", 9, 6)],
        continuous_cols=list(_COLUMNS[2:]),
        **parsed(
            """
                embed_continuous=True embed_continuous_method='standard' cont_embed_dim=8
                cont_norm_layer='batchnorm' blocks_dims=[200,100,100] mlp_hidden_dims=[64,32]
            """
        ),
    )
    return model


_ROWS: Final = torch.tensor(
    [[3.0, 2.0, 0.4, -1.2, 0.7], [11.0, 7.0, -0.3, 0.8, 1.9], [6.0, 9.0, 1.3, 0.2, -0.6]]
)
_MODELS_DRAWN: Final[Mapping[str, Drawn]] = {
    "segmentation_models_pytorch.UnetPlusPlus": _own(
        "segmentation_models_pytorch.UnetPlusPlus",
        """
            encoder_name='tu-mobilenetv3_small_050' encoder_weights=None
            decoder_channels=(64,48,32,24,16) classes=4
        """,
        _X64,
    ),
    "monai.DiNTS": Drawn(_dints, {"x": (1, 1, 32, 32, 32)}, save="own"),
    "espnet2.ContextualBlockConformerEncoder": _own(
        "espnet2.asr.encoder.contextual_block_conformer_encoder.ContextualBlockConformerEncoder",
        """
            input_size=20 output_size=64 attention_heads=4 linear_units=128 num_blocks=2
            macaron_style=True cnn_module_kernel=7
        """,
        {"speech": (1, 75, 20)},
        _heard,
    ),
    "pyannote.WeSpeakerResNet34": Drawn(_speaker, {"loud": (1, 64, 80)}, _embedded, "own"),
    "open_clip.TextTransformer": _own(
        "open_clip.transformer.TextTransformer",
        """
            context_length=8 vocab_size=60 width=64 heads=4 layers=3 output_dim=48
            ls_init_value=0.1
        """,
        {"text": _IDS},
    ),
    "x_transformers.XTransformer": _own(
        "x_transformers.XTransformer",
        """
            dim=64 enc_num_tokens=60 enc_depth=2 enc_heads=4 enc_max_seq_len=16
            enc_attn_dim_head=16 dec_num_tokens=50 dec_depth=2 dec_heads=4 dec_max_seq_len=16
            dec_attn_dim_head=16 enc_ff_glu=True dec_attn_qk_norm=True
        """,
        {"source": _IDS, "target": _IDS[:, :5]},
        _answered,
    ),
    "torch_geometric.DenseGCNConv": Drawn(
        _Pooled,
        {"x": (2, 10, 12), "adj": (torch.arange(200).reshape(2, 10, 10) % 7 < 3).float()},
        save="own",
    ),
    "pytorch_forecasting.NBeats": Drawn(_forecaster, {"past": (2, 24, 1)}, _forecast, "own"),
    "vit_pytorch.ScalableViT": _own(
        "vit_pytorch.scalable_vit.ScalableViT",
        """
            num_classes=10 dim=24 depth=(1,1,2) heads=(2,4,4) reduction_factor=(4,2,1)
            window_size=(8,4,None) iwsa_dim_key=16 iwsa_dim_value=16 ssa_dim_key=16
            ssa_dim_value=16 ff_expansion_factor=2
        """,
        {"img": (1, 3, 64, 64)},
    ),
    "kornia.DexiNed": Drawn(_edges, {"x": (1, 3, 64, 64)}, save="own"),
    "ultralytics.WorldDetect": Drawn(
        later_models._yolo("yolov8-worldv2.yaml", 0.25, "WorldModel"), _X64, save="own"
    ),
    "peft.HRAConfig": Drawn(
        _reflected, {"words": _IDS, "mask": torch.ones_like(_IDS)}, _classified, "own"
    ),
    "pytorch_widedeep.TabResnet": Drawn(_columns, {"X": _ROWS}, save="own"),
}


# --- packages


def _cutter() -> nn.Module:
    """carvekit's net, of the least of its encoders in place of the greatest."""
    place = _module("carvekit.ml.arch.tracerb7.efficientnet")
    less = partial(place.create_block_args, width_coefficient=0.5, depth_coefficient=1.0)

    def smaller(**given: Any) -> Any:
        kept = {name: value for name, value in given.items() if not name.endswith("coefficient")}
        return less(**kept)

    with patch.object(place, "create_block_args", smaller):
        encoder: Any = place.EfficientEncoderB7()
    encoder.block_idx, encoder.channels = [2, 4, 10, 15], [16, 24, 56, 160]
    model: nn.Module = _get("carvekit.ml.arch.tracerb7.tracer.TracerDecoder")(
        encoder, features_channels=encoder.channels, rfb_channel=[16, 24, 32]
    )
    return model


_UNSEEN: Final = """
    dreamsim.feature_extraction.load_open_clip_as_dino
    dreamsim.feature_extraction.load_synclr_as_dino dreamsim.feature_extraction.load_mae_as_vit
"""


def _dream() -> nn.Module:
    """dreamsim's, of three towers that would be downloaded, two of them as OpenAI's are."""
    _absent_are(_UNSEEN)
    towers = _module("dreamsim.feature_extraction.vision_transformer")
    quick = _get("dreamsim.feature_extraction.load_clip_as_dino.QuickGELU")
    extractor = _get("dreamsim.feature_extraction.extractor.ViTExtractor")

    def tower(kind: str, folder: str) -> Any:
        norm = partial(nn.LayerNorm, eps=1e-6)
        made = towers.VisionTransformer(img_size=[64], **_TOWER, qkv_bias=True, norm_layer=norm)
        if "clip" not in kind:
            return made
        made.pos_drop = nn.LayerNorm(made.embed_dim)
        for block in made.blocks:
            block.mlp.act = quick()
        return made, torch.randn(48, 32)

    kind = _get("dreamsim.model.PerceptualModel")
    names = "dino_vitb16,clip_vitb16,open_clip_vitb16"
    sizes = {name: {"cls": 48, "embedding": 32} for name in names.split(",")}
    with (
        patch.object(extractor, "create_model", staticmethod(tower)),
        patch.object(_module("dreamsim.model"), "EMBED_DIMS", sizes),
    ):
        model: nn.Module = kind(
            names, "cls,embedding,embedding", "16,16,16", hidden_size=64, device="cpu"
        )
    return model


def _likened(inner: Any, one: Tensor, other: Tensor) -> Any:
    """How far two pictures are from each other, and what it makes of one."""
    return inner(one, other), inner.__self__.embed(one)


_TOWER: Final = parsed("patch_size=16 embed_dim=48 depth=12 num_heads=4 mlp_ratio=2")


def _clap() -> nn.Module:
    """laion_clap's, of a smaller transformer of sounds, and one of words that is not downloaded."""
    _absent_are("numba soundfile deepdiff audioread")
    sys.modules["numba"].__dict__.update(_COMPILED)
    place = _module("laion_clap.clap_module.model")
    sounds = place.CLAPAudioCfp(
        **parsed(
            """
                model_type='HTSAT' model_name='tiny' sample_rate=8000 audio_length=64
                window_size=128 hop_size=64 fmin=50 fmax=4000 class_num=20 mel_bins=16
                clip_samples=16000
            """
        )
    )
    swin = partial(_get("laion_clap.clap_module.htsat.HTSAT_Swin_Transformer"), config=sounds)
    sizes = parsed(
        "spec_size=64 window_size=4 embed_dim=24 depths=[1,1,2] num_heads=[2,4,4] num_classes=20"
    )
    library: Any = import_module("transformers")
    words = parsed(
        """
            hidden_size=768 num_hidden_layers=1 num_attention_heads=8 intermediate_size=96
            vocab_size=99 max_position_embeddings=64
        """
    )

    def reader(name: str) -> Any:
        return library.RobertaModel(library.RobertaConfig(**words))

    told = place.CLAPTextCfg(**parsed(_TOLD))
    with (
        patch.object(place, "create_htsat_model", lambda *rest: swin(**sizes)),
        patch.object(place.RobertaModel, "from_pretrained", reader),
    ):
        model: nn.Module = place.CLAP(96, sounds, told, joint_embed_shape=64)
    return model


_TOLD: Final = """
    context_length=16 vocab_size=99 width=768 heads=8 layers=1 model_type='roberta'
"""


def _uncompiled(*words: Any, **more: Any) -> Any:
    """A decorator, with or without arguments, that compiles nothing."""
    return words[0] if words and callable(words[0]) else lambda function: function


_COMPILED: Final = dict.fromkeys(
    ("jit", "njit", "vectorize", "guvectorize", "stencil"), _uncompiled
)


def _paired(inner: Any, sound: Tensor, words: Tensor, mask: Tensor) -> Any:
    return inner(
        {"waveform": sound},
        {"input_ids": words, "attention_mask": mask},
        device=sound.device,
    )


def _storm() -> nn.Module:
    """soundstorm's, of a conformer with positions by distance."""
    _absent_are("spear_tts_pytorch audiolm_pytorch")
    kind: Any = _get("soundstorm_pytorch.soundstorm.ConformerWrapper")
    inner = parsed(
        "dim=64 depth=2 dim_head=16 heads=4 ff_mult=2 conv_kernel_size=7 attn_flash=False"
    )
    model: nn.Module = kind(codebook_size=30, num_quantizers=4, conformer=inner)
    return model


def _states() -> nn.Module:
    """mambular's, of two columns of kinds and three of numbers."""
    config: Any = _get("mambular.configs.mambular_config.DefaultMambularConfig")
    kind: Any = _get("mambular.base_models.mambular.Mambular")
    numbers = {name: parsed("preprocessing='ple' dimension=6 categories=None") for name in "abc"}
    kinds = {name: parsed("preprocessing='int' dimension=1 categories=9") for name in "de"}
    told = config(**parsed("d_model=64 n_layers=3 d_state=32 head_layer_sizes=[48]"))
    model: nn.Module = kind((numbers, kinds, {}), num_classes=4, config=told)
    return model


def _judged(inner: Any, *columns: Tensor) -> Any:
    return inner(list(columns[:3]), list(columns[3:]), [])


_UNMEASURED: Final = """
    matscipy matscipy.neighbours torch_ema prettytable lmdb orjson configargparse
    mace.tools.torch_geometric.dataset
"""


def _atoms() -> nn.Module:
    """mace's, of two interactions."""
    _absent_are(_UNMEASURED)
    import_module("e3nn").set_optimization_defaults(jit_script_fx=False)
    irreps = _get("e3nn.o3.Irreps")
    blocks: Any = _module("mace.modules.blocks")
    kind: Any = _get("mace.modules.models.MACE")
    model: nn.Module = kind(
        **parsed(
            """
                r_max=4.0 num_bessel=8 num_polynomial_cutoff=5 max_ell=2 num_interactions=2
                num_elements=3 avg_num_neighbors=4.0 atomic_numbers=[1,6,8] correlation=2
            """
        ),
        interaction_cls=blocks.RealAgnosticResidualInteractionBlock,
        interaction_cls_first=blocks.RealAgnosticInteractionBlock,
        hidden_irreps=irreps("32x0e + 32x1o"),
        MLP_irreps=irreps("16x0e"),
        atomic_energies=np.array([-1.1, -0.4, 0.7]),
        gate=torch.nn.functional.silu,
    )
    return model


def _loud(model: Any) -> None:
    """Weights that are nearer to one, as its layers expect."""
    for each in model.parameters():
        each.mul_(2)


def _energies(inner: Any, places: Tensor, kinds: Tensor, edges: Tensor) -> Any:
    """The energy of a molecule, and of each atom, but not the forces."""
    count = places.shape[0]
    graph = {
        "positions": places,
        "node_attrs": kinds,
        "edge_index": edges,
        "shifts": torch.zeros(edges.shape[1], 3),
        "unit_shifts": torch.zeros(edges.shape[1], 3),
        "cell": torch.eye(3) * 20,
        "batch": torch.zeros(count, dtype=torch.int64),
        "ptr": torch.tensor([0, count]),
        "head": torch.zeros(1, dtype=torch.int64),
    }
    with patch.object(torch.Tensor, "requires_grad_", lambda value, *is_so: value):
        made = inner(graph, compute_force=False)
    return made["energy"], made["node_energy"], made["node_feats"]


_BONDS: Final = torch.tensor([[a, b] for a in range(5) for b in range(5) if a != b]).T
_KINDS: Final = torch.eye(3)[[1, 0, 0, 2, 1]]


class _Seen(nn.Module):
    """The features of what is seen, as in mushroom_rl's example of Atari's games."""

    def __init__(self, shape: Any, made: Any, n_features: int, **more: Any) -> None:
        super().__init__()
        self._h1 = nn.Conv2d(shape[0], 16, kernel_size=8, stride=4)
        self._h2 = nn.Conv2d(16, 32, kernel_size=4, stride=2)
        self._h3 = nn.Conv2d(32, 32, kernel_size=3, stride=1)
        self._h4 = nn.Linear(512, n_features)

    def forward(self, state: Tensor) -> Any:
        seen = (state.float() / 255.0).relu()
        for layer in (self._h1, self._h2, self._h3):
            seen = layer(seen).relu()
        return self._h4(seen.flatten(1)).relu()


def _player() -> nn.Module:
    _absent_are("pygame mushroom_rl.utils.viewer")
    kind: Any = _get("mushroom_rl.algorithms.value.dqn.categorical_dqn.CategoricalNetwork")
    model: nn.Module = kind(
        (4, 64, 64),
        (5,),
        _Seen,
        **parsed("n_atoms=21 v_min=-10 v_max=10 n_features=96 use_cuda=False"),
    )
    return model


def _valued(inner: Any, state: Tensor) -> Any:
    """How likely each return is, and what is expected."""
    likely = inner(state, get_distribution=True)
    return likely, likely @ inner.__self__._a_values


_UNPLOTTED: Final = """
    sbi.neural_nets.estimators.tabpfn_flow torch.utils.tensorboard torch.utils.tensorboard.writer
    arviz pymc
"""


def _density() -> nn.Module:
    """sbi's, of five autoregressive steps, by what it sees of the numbers first."""
    _absent_are(_UNPLOTTED)
    seen, asked = torch.randn(64, 12), torch.randn(64, 4) * 2 + 1
    kind: Any = _get("sbi.neural_nets.net_builders.flow.build_maf")
    embed = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 16))
    model: nn.Module = kind(
        asked, seen, **parsed("hidden_features=96 num_transforms=5"), embedding_net=embed
    )
    return model


def _likely(inner: Any, asked: Tensor, seen: Tensor) -> Any:
    return inner.__self__.log_prob(asked[None], seen)


_PACKAGES: Final[Mapping[str, Drawn]] = {
    "taylor-series-linear-attention": _own(
        "taylor_series_linear_attention.TaylorSeriesLinearAttn",
        "dim=192 dim_head=16 heads=8 gate_value_heads=True prenorm=True rotary_emb=True",
        {"x": (1, 10, 192)},
    ),
    "carvekit": Drawn(_cutter, {"inputs": (1, 3, 64, 64)}, save="own"),
    "dreamsim": Drawn(_dream, {"img_a": (2, 3, 64, 64), "img_b": (2, 3, 64, 64)}, _likened, "own"),
    "make-a-video-pytorch": _own(
        "make_a_video_pytorch.SpaceTimeUnet",
        """
            dim=16 dim_mult=(1,2,4) self_attns=(False,True,True) attn_dim_head=8 attn_heads=4
            temporal_compression=(False,True,True) resnet_block_depths=(1,1,1)
        """,
        {"x": (1, 3, 4, 16, 16), "timestep": torch.tensor([40.0])},
    ),
    "laion-clap": Drawn(
        _clap,
        {"sound": (1, 16000), "words": _IDS, "mask": torch.ones_like(_IDS)},
        _paired,
        "own",
    ),
    "soundstorm-pytorch": Drawn(
        _storm,
        {"x": torch.arange(32)[None] * 5 % 30, "cond": (1, 64)},
        lambda inner, x, cond: inner(x, cond=cond),
        "own",
    ),
    "mambular": Drawn(
        _states,
        {
            **dict.fromkeys("abc", (3, 6)),
            "d": torch.tensor([[3], [7], [1]]),
            "e": torch.tensor([[8], [0], [5]]),
        },
        _judged,
        "own",
    ),
    "mace-torch": Drawn(
        _atoms, {"places": (5, 3), "kinds": _KINDS, "edges": _BONDS}, _energies, "own", _loud
    ),
    "mushroom-rl": Drawn(_player, {"state": (2, 4, 64, 64)}, _valued, "own"),
    "sbi": Drawn(_density, {"asked": (3, 4), "seen": (3, 12)}, _likely, "own"),
    "iunets": _own(
        "iunets.iUNet",
        "in_channels=24 architecture=(2,2,2) dim=2 disable_custom_gradient=True",
        {"x": (1, 24, 16, 16)},
    ),
}


# --- what is saved, and what is done to an export


def _saved(title: str, model: nn.Module, form: str, folder: Path) -> None:
    """The truth, and the checkpoint in a form that is drawn of those of its library."""
    drawn = random.Random(f"{SEED} {title}").choice(third._BY_LIBRARY[form].split())
    for _, value in tensors_of(model) if drawn == "half" else ():
        if value.is_floating_point():
            value.copy_(value.half())
    if form == "pretrained":
        earlier._saved(model, form, folder)
    else:
        tell(model, folder)
    third._FORMS[drawn](model, folder)


def _chain(text: str) -> again.Chain:
    """The export that a chain begins with, its steps, and whether weights are in another file."""
    steps = text.split("+")
    own = steps.pop(0) if steps[0] in third._OWN else ""
    apart = bool(steps) and steps[-1] == "external"
    return again.Chain(own, steps[:-1] if apart else steps, apart)


def _drawn(title: str, exporter: str, source: Path) -> list[str]:
    """The one or two chains for an export, of those that change anything in it."""
    graph = onnx.load(source, load_external_data=False).graph
    held = {value.name for value in graph.initializer}
    weighted = [node.op_type for node in graph.node if set(node.input) & held]
    lot = [
        text
        for text in (*fourth._CHAINS, *third._OPSETS[exporter])
        if ("MatMul" in weighted or not re.search("int4|nf4|fp4|int8-block", text))
        and ("gather" not in text or set(weighted) & {"MatMul", "Gemm", "Gather"})
        and ("fused" not in text or title in _FAMILIES)
    ]
    draw = random.Random(f"{SEED} {title} {exporter}")
    return draw.sample(lot, draw.randint(1, 2))


class _Shop(third._Shop):
    """A model, what it is given and answers; with the seed and the steps of this draw."""

    def __init__(self, title: str, drawn: Drawn, folder: Path) -> None:
        self.model, values = with_values(title, drawn.build, drawn.inputs, drawn.last)
        _saved(title, self.model, drawn.save, folder)
        self.title, self.drawn = title, drawn
        self.rows = dict(zip(drawn.inputs, values, strict=True))
        self.more = {}
        self.from_library = False
        _positional(self.model, list(self.rows), drawn.call)
        self.wanted = self.answers()

    def step(self, text: str, exporter: str, source: Path, path: Path) -> list[Any] | None:
        """What a chain makes of an export; its outputs."""
        fused = partial(again._fused, _FAMILIES.get(self.title, ""))
        known: dict[str, Step] = {**fourth._STEPS, "fused": fused}
        self.by_steps(_chain(text), known, exporter, source, path)
        if "int" in text and not earlier._holds_codes(path):
            raise ValueError("nothing of it was quantized")
        return self.run(path)


# --- build, compare, ship


def in_any_order(every: Mapping[str, Drawn], seed: int) -> list[str]:
    """The titles by lot, so that what is built when it is stopped is a fair share of all."""
    titles = sorted(every)
    random.Random(seed).shuffle(titles)
    return titles


def families(listed: Mapping[str, str]) -> dict[str, str]:
    """Title -> family, of families with their titles."""
    return {title: family for family, titles in listed.items() for title in titles.split()}


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    torch.set_num_threads(1)
    earlier._declare()
    again.ship(_Shop(title, drawn, folder), _drawn, folder)


_BARE: Final = tuple(
    """
    carvekit carvekit.ml carvekit.ml.arch dreamsim dreamsim.feature_extraction espnet2
    laion_clap laion_clap.clap_module mace mace.modules mambular mambular.base_models
    mambular.models mushroom_rl mushroom_rl.algorithms mushroom_rl.algorithms.value
    pyannote.audio pyannote.audio.core pyannote.audio.models
    pyannote.audio.models.embedding pytorch_widedeep pytorch_widedeep.models
    pytorch_widedeep.models.tabular pytorch_widedeep.models.tabular.resnet
    pytorch_widedeep.utils sbi sbi.neural_nets
    sbi.utils soundstorm_pytorch
    """.split()
)
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "vit": "timm-levit timm-davit timm-vision_transformer transformers-llama4 package-dreamsim",
    "bert": "transformers-layoutlm model-peft.HRAConfig package-laion-clap",
    "bart": "transformers-led transformers-mbart",
    "clip": "model-open_clip.TextTransformer",
    "conformer": """
        model-espnet2.ContextualBlockConformerEncoder package-soundstorm-pytorch
        transformers-nemotron3_diarization
    """,
    "qwen3": """
        transformers-dots3_note_text transformers-step3p7 transformers-glm_image_text
        transformers-kyutai_speech_to_text
    """,
    "gpt2": "model-x_transformers.XTransformer",
    "mmdit": "diffusers-LuminaNextDiT2DModel diffusers-GlmImageTransformer2DModel",
    "vae": "diffusers-AutoencoderKLMochi diffusers-AutoencoderKLLTX2Video",
    "unet": "package-make-a-video-pytorch",
}
_FAMILIES: Final = families(_BY_FAMILY)
# its codes are those of the checkpoint's weights, but it answers far from the module
DAMAGED: Final = {
    "transformers-glm_image_text/dynamo+int8-qdq-channels+ort-extended": fourth._LARGEST
}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-LuminaNextDiT2DModel": "complex numbers, which no exporter has",
    "package-iunets": "matrices of equations solved at each call, which no exporter has",
    "package-torchdrug": "no release of it is for this Python",
    "package-torchtime": "it has data sets, and no network",
    "transformers-led": "sizes that depend on data, and a trace that answers otherwise",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"model-{name}": drawn for name, drawn in _MODELS_DRAWN.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, _EVERY[title]) for title in in_any_order(_EVERY, SEED)
}
OPENED: Final = frozenset(CASES)
