"""Models of libraries, and of families inside them, that no other kind has, held out until they
have been measured.

Each is a small variant with every weight drawn; the checkpoint is the file that the library's users
save. Exported by both of torch's exporters, often with more of their options, compared in
onnxruntime, and every second one is optimized or halved after that.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import nn

from wild import later_models, other_models
from wild.further_models import _absent
from wild.kept_models import _of
from wild.later_models import Case, Make, _by, _from, _get
from wild.other_models import Other, _averaged, _lightning, _saved, _without
from wild.steps import Step
from wild.tables import Inputs, parsed
from wild.workshop import Builder

Tensor = torch.Tensor
DAMAGED: dict[str, str] = {}

_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_X32: Final[Inputs] = {"x": (1, 3, 32, 32)}
_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 64, 64)}
_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_SIZES: Final = "hidden_size=48 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96"
_TEXT: Final = f"{_SIZES} vocab_size=99 max_position_embeddings=64 pad_token_id=0"

# packages of which one module is asked, without what they import at first
_BARE: Final = tuple(
    """
    ablang2 ablang2.models ablang2.models.ablang2 allrank anomalib anomalib.models
    anomalib.models.image anomalib.models.image.efficient_ad anomalib.models.image.ganomaly aurora
    aurora.model cellpose controlnet_aux deepinv depthcharge depthcharge.transformers f5_tts
    f5_tts.model face_alignment face_alignment.detection face_alignment.detection.blazeface funasr
    geometric_vector_perceptron pfrl point_transformer_pytorch pytorch_ood pytorch_ood.model
    pytorchyolo realesrgan realesrgan.archs sb3_contrib sb3_contrib.crossq sixdrepnet terratorch
    terratorch.models terratorch.models.backbones torchcfm torchcfm.models
    """.split()
)


# --- timm


def _timm(name: str) -> Other:
    """A model of timm's second half of the alphabet, with ten classes."""
    given = f"model_name='{name}' pretrained=False num_classes=10"
    return Other(Case(_from("timm.create_model", given), _X64))


_TIMM: Final[Mapping[str, Other]] = {
    "mobilenetv4_conv": _timm("mobilenetv4_conv_small_050"),
    "mobilevitv2": _timm("mobilevitv2_050"),
    "mixnet": _timm("mixnet_s"),
}


# --- families of transformers


_FAMILIES: Final[Mapping[str, Other]] = {
    "timesfm2_5": Other(
        Case(
            _of("""
                TimesFm2_5ModelForPrediction patch_length=8 context_length=32 horizon_length=8
                num_hidden_layers=2 hidden_size=32 intermediate_size=48 head_dim=8
                num_attention_heads=4 num_key_value_heads=4 output_quantile_len=16
            """),
            {"past_values": (1, 32)},
            call=lambda inner, rows: inner(past_values=[rows[0]]).mean_predictions,
        )
    ),
    "dinov3_convnext": Other(
        Case(
            _of("""
                DINOv3ConvNextModel hidden_sizes=[16,24,32,48] depths=[1,1,2,1] image_size=64
                layer_scale_init_value=0.1
            """),
            _PIXELS,
        )
    ),
    "nomic_bert": Other(Case(_of(f"NomicBertForMaskedLM {_TEXT}"), _MASKED)),
    "jina_embeddings_v3": Other(
        Case(_of(f"JinaEmbeddingsV3ForSequenceClassification {_TEXT}"), _MASKED)
    ),
    "eurobert": Other(
        Case(
            _of(f"EuroBertForTokenClassification num_key_value_heads=2 {_TEXT}"),
            _MASKED,
        ),
        save=_saved("pytorch_model.bin"),
    ),
    "videomae": Other(
        Case(
            _of(f"""
                VideoMAEForVideoClassification image_size=32 patch_size=8 num_frames=4 {_SIZES}
                num_labels=5
            """),
            {"pixel_values": (1, 4, 3, 32, 32)},
        )
    ),
}

# --- libraries


class _Flow(nn.Module):
    """normflows' neural spline flow, with what it is trained for: the density."""

    def __init__(self) -> None:
        super().__init__()
        flows, base = import_module("normflows.flows"), import_module("normflows.distributions")
        parts: list[Any] = []
        for _ in range(2):
            parts.append(flows.AutoregressiveRationalQuadraticSpline(4, 1, 16, num_bins=4))
            parts.append(flows.LULinearPermute(4))
            parts.append(flows.ActNorm(4))
        self.flow: Any = _get("normflows.NormalizingFlow")(base.DiagGaussian(4), parts)
        for part in self.flow.flows:
            if hasattr(part, "data_dep_init_done"):
                part.data_dep_init_done.fill_(1)

    def forward(self, rows: Tensor) -> Any:
        return self.flow.log_prob(rows)


def _ranker() -> nn.Module:
    """allrank's scorer of lists."""
    sizes = SimpleNamespace(N=2, d_ff=48, h=2, dropout=0.1, positional_encoding=None)
    with patch("attr.asdict", lambda held, recurse: vars(held)):
        model: nn.Module = _get("allrank.models.model.make_model")(
            {"sizes": [24], "input_norm": True, "activation": "Sigmoid", "dropout": 0.0},
            sizes,
            {"d_output": 1, "output_activation": None},
            12,
        )
    return model


class _ConvKan(nn.Module):
    """Convolutions whose kernels are splines."""

    def __init__(self) -> None:
        super().__init__()
        layer = _get("convkan.ConvKAN")
        self.layers = nn.Sequential(
            layer(1, 6, kernel_size=3, padding=1, stride=2),
            _get("convkan.LayerNorm2D")(6),
            layer(6, 8, kernel_size=3, padding=1, stride=2),
        )
        self.head = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Any:
        return self.head(self.layers(image).mean((2, 3)))


def _retnet() -> nn.Module:
    """torchscale's decoder of retentions."""
    words: Any = nn.Embedding(40, 32)
    sizes = _get("torchscale.architecture.config.RetNetConfig")(
        **parsed("""
            decoder_embed_dim=32 decoder_value_embed_dim=64 decoder_retention_heads=4
            decoder_ffn_embed_dim=64 decoder_layers=2 vocab_size=40
        """)
    )
    made: nn.Module = _get("torchscale.architecture.retnet.RetNetDecoder")(sizes, words)
    return made


def _scaled(text: str) -> Make:
    """torchscale's encoder of tokens."""

    def build() -> nn.Module:
        words: Any = _get("torchscale.component.embedding.TextEmbedding")(40, 32)
        place = _get("torchscale.component.embedding.PositionalEmbedding")(32, 32)
        sizes = _get("torchscale.architecture.config.EncoderConfig")(
            **parsed(f"""
                vocab_size=40 encoder_embed_dim=32 encoder_attention_heads=4
                encoder_ffn_embed_dim=64 encoder_layers=2 {text}
            """)
        )
        made: nn.Module = _get("torchscale.architecture.encoder.Encoder")(
            sizes, words, place, output_projection=nn.Linear(32, 40), is_encoder_decoder=False
        )
        return made

    return build


def _torchscale(make: Make) -> Make:
    """As users without fairscale have it: a stand-in for what wraps layers when training."""

    def build() -> nn.Module:
        _absent("fairscale")
        same = {"checkpoint_wrapper": lambda part: part, "wrap": lambda part: part}
        _absent("fairscale.nn", **same)
        return make()

    return build


class _Tagger(nn.Module):
    """A tagger of pytorch-crf's users: scores of words, and how likely a sentence's tags are."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(40, 24)
        self.lstm = nn.LSTM(24, 16, bidirectional=True, batch_first=True)
        self.scores = nn.Linear(32, 5)
        self.crf = _get("torchcrf.CRF")(5, batch_first=True)

    def forward(self, ids: Tensor, tags: Tensor) -> Any:
        scores = self.scores(self.lstm(self.words(ids))[0])
        return scores, self.crf(scores, tags, reduction="none")


class _Pointed(nn.Module):
    """Layers of lucidrains' point transformer, with a head."""

    def __init__(self) -> None:
        super().__init__()
        layer = _get("point_transformer_pytorch.point_transformer_pytorch.PointTransformerLayer")
        self.layers: Any = nn.ModuleList(
            [layer(dim=24, pos_mlp_hidden_dim=16, attn_mlp_hidden_mult=2) for _ in range(2)]
        )
        self.head = nn.Linear(24, 6)

    def forward(self, rows: Tensor, places: Tensor) -> Any:
        for layer in self.layers:
            rows = rows + layer(rows, places)
        return self.head(rows)


def _registry() -> None:
    """basicsr's decorator of architectures, which leaves them as they are."""
    for name in ("basicsr", "basicsr.utils"):
        _absent(name)
    keep = SimpleNamespace(register=lambda: lambda kind: kind)
    _absent("basicsr.utils.registry", ARCH_REGISTRY=keep)


def _esrgan(path: str, text: str) -> Make:
    """An architecture of Real-ESRGAN's."""

    def build() -> nn.Module:
        _registry()
        return _from(f"realesrgan.archs.{path}", text)()

    return build


def _pidinet() -> nn.Module:
    """Edges by pixel differences: weights that are computed from others at each call."""
    kinds = "controlnet_aux.pidi.model"
    choose = _get(f"{kinds}.config_model")
    made: nn.Module = _get(f"{kinds}.PiDiNet")(12, choose("carv4"), dil=8, sa=True)
    return made


def _powered(model: Any) -> None:
    """Have vectors of spectral norms be those of the weights, as training leaves them."""
    for part in model.modules():
        if hasattr(part, "weight_u"):
            for _ in range(8):
                part.weight_v = nn.functional.normalize(
                    part.weight_orig.flatten(1).T @ part.weight_u, dim=0
                )
                part.weight_u = nn.functional.normalize(
                    part.weight_orig.flatten(1) @ part.weight_v, dim=0
                )


def _named(path: str, *values: Any, **more: Any) -> Make:
    """As ``_from``, with arguments by place."""
    return lambda: _get(path)(*values, **more)


_FIRST: Final[Mapping[str, Other]] = {
    "normflows-spline": Other(Case(_Flow, {"rows": (3, 4)})),
    "pyro-autoregressive": Other(
        Case(
            _named(
                "pyro.nn.auto_reg_nn.ConditionalAutoRegressiveNN",
                5,
                3,
                [16, 16],
                skip_connections=True,
            ),
            {"rows": (4, 5), "context": (4, 3)},
        )
    ),
    "unet-3d": Other(
        Case(
            _from(
                "unet.unet.UNet3D",
                """
                    in_channels=1 out_classes=3 num_encoding_blocks=3 out_channels_first_layer=8
                    normalization='batch' upsampling_type='linear' padding=1 activation='PReLU'
                    residual=True preactivation=True
                """,
            ),
            {"scan": (1, 1, 16, 16, 16)},
        )
    ),
    "realesrgan-compact": Other(
        Case(
            _esrgan("srvgg_arch.SRVGGNetCompact", "num_feat=24 num_conv=4 upscale=2"),
            _X32,
        ),
        save=_averaged("ref.pth", "params_ema", "params"),
    ),
    "realesrgan-discriminator": Other(
        Case(
            _esrgan("discriminator_arch.UNetDiscriminatorSN", "num_in_ch=3 num_feat=8"),
            _X64,
            last=_powered,
        ),
        save=_saved("ref.pth", "params"),
    ),
    "allrank": Other(
        Case(
            _ranker,
            {"rows": (2, 6, 12), "mask": torch.zeros(2, 6, dtype=torch.bool)},
            call=lambda inner, rows, mask: inner(rows, mask, None),
        ),
        save=_saved("ref.pkl"),
    ),
    "convkan": Other(Case(_ConvKan, {"image": (1, 1, 16, 16)})),
    "torchscale-retnet": Other(
        Case(_torchscale(_retnet), {"ids": _IDS % 40}, call=lambda inner, ids: inner(ids)[0])
    ),
    "torchscale-deepnorm": Other(
        Case(
            _torchscale(_scaled("deepnorm=True rel_pos_buckets=8 max_rel_pos=16")),
            {"ids": _IDS % 40},
            call=lambda inner, ids: inner(ids)["encoder_out"],
        )
    ),
    "pytorch_crf": Other(Case(_Tagger, {"ids": _IDS % 40, "tags": _IDS % 5})),
    "charformer": Other(
        Case(
            _from(
                "charformer_pytorch.GBST",
                "num_tokens=60 dim=24 max_block_size=4 downsample_factor=4",
            ),
            {"ids": _IDS},
        )
    ),
    "flamingo-resampler": Other(
        Case(
            _from(
                "flamingo_pytorch.PerceiverResampler",
                "dim=32 depth=2 dim_head=8 heads=4 num_latents=6 num_media_embeds=3",
            ),
            {"media": (1, 2, 10, 32)},
        )
    ),
    "peer": Other(
        Case(
            _from(
                "PEER_pytorch.PEER.PEER",
                "dim=24 heads=2 num_experts=64 num_experts_per_head=4 dim_key=8 pre_rmsnorm=True",
            ),
            {"rows": (1, 5, 24)},
        )
    ),
    "graph_transformer": Other(
        Case(
            _from(
                "graph_transformer_pytorch.GraphTransformer",
                """
                    dim=24 depth=2 edge_dim=12 dim_head=8 heads=3 with_feedforwards=True
                    rel_pos_emb=True norm_edges=True
                """,
            ),
            {"nodes": (1, 7, 24), "edges": (1, 7, 7, 12)},
        )
    ),
    "point_transformer": Other(Case(_Pointed, {"rows": (1, 9, 24), "places": (1, 9, 3)})),
    "invariant_point": Other(
        Case(
            _from(
                "invariant_point_attention.InvariantPointAttention",
                """
                    dim=24 heads=3 scalar_key_dim=8 scalar_value_dim=8 point_key_dim=4
                    point_value_dim=4 pairwise_repr_dim=16
                """,
            ),
            {
                "rows": (1, 6, 24),
                "pairs": (1, 6, 6, 16),
                "turns": (1, 6, 3, 3),
                "places": (1, 6, 3),
            },
            call=lambda inner, rows, pairs, turns, places: inner(
                rows, pairwise_repr=pairs, rotations=turns, translations=places
            ),
        )
    ),
    "vector_perceptron": Other(
        Case(
            _without(
                "torch_geometric torch_geometric.nn torch_geometric.typing torch_scatter",
                "geometric_vector_perceptron.geometric_vector_perceptron.GVP",
                """
                    dim_vectors_in=6 dim_vectors_out=5 dim_feats_in=12 dim_feats_out=10
                    vector_gating=True
                """,
            ),
            {"feats": (4, 12), "vectors": (4, 6, 3)},
            call=lambda inner, feats, vectors: inner((feats, vectors)),
        )
    ),
    "video_diffusion": Other(
        Case(
            _from(
                "video_diffusion_pytorch.video_diffusion_pytorch.Unet3D",
                "dim=16 dim_mults=(1,2) attn_heads=2 attn_dim_head=16",
            ),
            {"video": (1, 3, 4, 16, 16), "time": torch.tensor([7])},
        ),
        save=_averaged("ref.pt", "ema", "model", "denoise_fn.", step=9000),
    ),
    "controlnet_aux-lineart": Other(
        Case(
            _from(
                "controlnet_aux.lineart_anime.UnetGenerator",
                "input_nc=3 output_nc=1 num_downs=5 ngf=8",
            ),
            {"x": (1, 3, 64, 64)},
        )
    ),
    "controlnet_aux-pidinet": Other(
        Case(_pidinet, _X64),
        save=_saved("ref.pth", "state_dict", "module."),
    ),
    "controlnet_aux-teed": Other(
        Case(_from("controlnet_aux.teed.ted.TED"), _X64), save=_saved("ref.pth")
    ),
    "deepinv-drunet": Other(
        Case(
            _from(
                "deepinv.models.drunet.DRUNet",
                "in_channels=1 out_channels=1 nc=(8,16,24,32) nb=2 pretrained=None",
            ),
            {"x": (1, 1, 32, 32)},
            call=lambda inner, x: inner(x, 0.1),
        )
    ),
}


class _Heard(nn.Module):
    """A classifier of sounds whose spectrogram is trained with it."""

    def __init__(self) -> None:
        super().__init__()
        self.front = _get("nnAudio.features.mel.MelSpectrogram")(
            **parsed("""
                sr=4000 n_fft=64 n_mels=12 hop_length=32 trainable_mel=True trainable_STFT=True
                verbose=False
            """)
        )
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(8, 4)

    def forward(self, wave: Tensor) -> Any:
        return self.head(self.layers(self.front(wave)[:, None]))


class _Watermark(nn.Module):
    """audioseal's detector of a watermark, without what normalizes its answers for one wave."""

    def __init__(self) -> None:
        super().__init__()
        encoder = _get("audioseal.libs.audiocraft.modules.seanet.SEANetEncoderKeepDimension")(
            **parsed("""
                dimension=16 n_filters=4 n_residual_layers=1 ratios=[4,2] lstm=1 output_dim=8
                norm='weight_norm' causal=False
            """)
        )
        self.detector: Any = _get("audioseal.models.AudioSealDetector")(encoder, nbits=4).detector

    def forward(self, wave: Tensor) -> Any:
        return self.detector(wave)


class _Renormed(nn.Module):
    """sb3-contrib's actor whose layers are renormalized by batches."""

    def __init__(self) -> None:
        super().__init__()
        spaces: Any = import_module("gymnasium.spaces")
        room, moves = spaces.Box(-1.0, 1.0, (6,)), spaces.Box(-1.0, 1.0, (2,))
        flat = _get("stable_baselines3.common.torch_layers.FlattenExtractor")(room)
        self.actor: Any = _get("sb3_contrib.crossq.policies.Actor")(room, moves, [32, 24], flat, 6)

    def forward(self, rows: Tensor) -> Any:
        return self.actor(rows, deterministic=True)


def _deployed(model: Any) -> None:
    for part in model.modules():
        if hasattr(part, "switch_to_deploy"):
            part.switch_to_deploy()


def _head_pose() -> nn.Module:
    """sixdrepnet's backbone, which imports its parts as if it were the program's folder."""
    package = import_module("sixdrepnet.backbone")
    sys.modules.setdefault("backbone", package)
    made: nn.Module = _get("sixdrepnet.backbone.repvgg.RepVGG")(
        [1, 2, 2, 1], 6, [0.25, 0.25, 0.25, 0.125], None, False, True
    )
    return made


_SECOND: Final[Mapping[str, Other]] = {
    "funasr-sanm": Other(
        Case(
            _from(
                "funasr.models.sanm.encoder.SANMEncoder",
                """
                    input_size=20 output_size=32 attention_heads=4 linear_units=48 num_blocks=2
                    input_layer='pe' kernel_size=5
                """,
            ),
            {"mel": (1, 12, 20)},
            call=lambda inner, mel: inner(mel, torch.tensor([12]))[0],
        ),
        save=_saved("ref.pt", "", "encoder."),
    ),
    "funasr-fsmn": Other(
        Case(
            _from(
                "funasr.models.fsmn_vad_streaming.encoder.FSMN",
                """
                    input_dim=20 input_affine_dim=16 fsmn_layers=2 linear_dim=24 proj_dim=16
                    lorder=5 rorder=0 lstride=1 rstride=0 output_affine_dim=16 output_dim=10
                """,
            ),
            {"mel": (1, 12, 20)},
            call=lambda inner, mel: inner(mel, {}),
        ),
    ),
    "audioseal-detector": Other(
        Case(
            _Watermark,
            {"wave": (1, 1, 128)},
        ),
        save=_saved("ref.pth", "model", xp_cfg=None),
    ),
    "f5_tts": Other(
        Case(
            _without(
                "librosa librosa.filters rjieba pypinyin",
                "f5_tts.model.backbones.dit.DiT",
                """
                    dim=32 depth=2 heads=2 dim_head=16 ff_mult=2 mel_dim=10 text_num_embeds=30
                    text_dim=16 conv_layers=1
                """,
            ),
            {
                "x": (1, 12, 10),
                "cond": (1, 12, 10),
                "text": _IDS % 30,
                "time": torch.tensor([0.4]),
            },
            call=lambda inner, *four: inner(*four),
        ),
        save=_saved("ref.pt", "ema_model_state_dict", "ema_model.transformer.", step=1000),
    ),
    "face_alignment-blazeface": Other(
        Case(
            _from("face_alignment.detection.blazeface.net_blazeface.BlazeFace"),
            {"x": (1, 3, 128, 128)},
        ),
        save=_saved("ref.pth"),
    ),
    "sixdrepnet-deployed": Other(Case(_head_pose, _X64), after=_deployed),
    "nnaudio": Other(Case(_Heard, {"wave": (2, 512)})),
    "beat_this": Other(
        Case(
            _from(
                "beat_this.model.beat_tracker.BeatThis",
                "spect_dim=32 transformer_dim=32 ff_mult=2 n_layers=1 head_dim=16 stem_dim=16",
            ),
            {"spect": (1, 20, 32)},
        ),
        save=_lightning("model."),
    ),
    "torchcfm": Other(
        Case(
            _from(
                "torchcfm.models.unet.unet.UNetModelWrapper",
                """
                    dim=(3,16,16) num_channels=32 num_res_blocks=1 channel_mult=(1,2)
                    class_cond=True num_classes=5 attention_resolutions='8'
                    use_scale_shift_norm=True resblock_updown=True
                """,
            ),
            {"t": torch.tensor([0.3]), "x": (1, 3, 16, 16), "y": torch.tensor([2])},
        ),
        save=_averaged("ref.pt", "ema_model", "net_model", step=20000),
    ),
    "audio_encoders": Other(
        Case(
            _from(
                "audio_encoders_pytorch.modules.AutoEncoder1d",
                """
                    in_channels=2 channels=8 multipliers=[1,1,2] factors=[2,2] num_blocks=[1,1]
                    patch_size=2 resnet_groups=4
                """,
            ),
            {"wave": (1, 2, 64)},
        )
    ),
    "pytorch_ood-wide": Other(
        Case(
            _from("pytorch_ood.model.wrn.WideResNet", "num_classes=10 depth=10 widen_factor=1"),
            _X32,
        )
    ),
    "pytorch_ood-gru": Other(
        Case(
            _from(
                "pytorch_ood.model.gru.GRUClassifier", "num_classes=5 n_vocab=60 embedding_dim=24"
            ),
            {"ids": _IDS},
        )
    ),
    "sb3_contrib-crossq": Other(Case(_Renormed, {"rows": (3, 6)}), save=_saved("ref.pth")),
    "cellpose": Other(
        Case(
            _from("cellpose.resnet_torch.CPnet", "nbase=[2,8,16,24,32] nout=3 sz=3"),
            {"image": (1, 2, 64, 64)},
            call=lambda inner, image: inner(image)[:2],
        ),
        save=_saved("ref.pth"),
    ),
    "aurora-swin3d": Other(
        Case(
            _from(
                "aurora.model.swin3d.Swin3DTransformerBackbone",
                """
                    embed_dim=32 encoder_depths=(1,1) encoder_num_heads=(2,4) decoder_depths=(1,1)
                    decoder_num_heads=(4,2) window_size=(2,2,4) use_lora=True lora_steps=2
                """,
            ),
            {"x": (1, 64, 32)},
            call=lambda inner, x: inner(x, torch.tensor([6.0]), 0, (2, 4, 8)),
        ),
        save=_saved("ref.ckpt", "", "net.backbone."),
    ),
    "depthcharge-spectrum": Other(
        Case(
            _from(
                "depthcharge.transformers.spectra.SpectrumTransformerEncoder",
                "d_model=32 nhead=4 dim_feedforward=48 n_layers=2",
            ),
            {"mz": torch.linspace(100.0, 900.0, 10)[None], "intensity": torch.rand(1, 10)},
            call=lambda inner, mz, intensity: inner(mz, intensity)[0],
        ),
        save=_lightning("encoder."),
    ),
    "pfrl-dueling": Other(
        Case(
            _without(
                "gym gym.spaces",
                "pfrl.q_functions.dueling_dqn.DuelingDQN",
                "n_actions=4 n_input_channels=4",
            ),
            {"frames": (1, 4, 84, 84)},
            call=lambda inner, frames: inner(frames).q_values,
        ),
        save=_saved("ref.pt"),
    ),
}


_CFG: Final = """
[net]
batch=16
subdivisions=1
width=64
height=64
channels=3
momentum=0.9
decay=0.0005
angle=0
saturation = 1.5
exposure = 1.5
hue=.1
learning_rate=0.001
burn_in=1000
max_batches = 500200
policy=steps
steps=400000,450000
scales=.1,.1

[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=16
size=3
stride=1
pad=1
activation=leaky

[shortcut]
from=-2
activation=linear

[convolutional]
batch_normalize=1
filters=24
size=3
stride=2
pad=1
activation=leaky

[convolutional]
size=1
stride=1
pad=1
filters=24
activation=linear

[yolo]
mask = 3,4,5
anchors = 10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=3

[route]
layers = -3

[convolutional]
batch_normalize=1
filters=12
size=1
stride=1
pad=1
activation=leaky

[upsample]
stride=2

[route]
layers = -1, 4

[convolutional]
size=1
stride=1
pad=1
filters=24
activation=linear

[yolo]
mask = 0,1,2
anchors = 10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=3
"""


def _darknet() -> nn.Module:
    """pytorchyolo's detector of a file of layers."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "small.cfg"
        path.write_text(_CFG.strip() + "\n")
        for name in ("terminaltables", "imgaug"):
            sys.modules.setdefault(name, other_models._Anything(name))
        model: nn.Module = _get("pytorchyolo.models.Darknet")(str(path))
    return model


_DATA: Final = "anomalib.data anomalib.data.utils anomalib.data.utils.image"
_THIRD: Final[Mapping[str, Other]] = {
    "ablang2": Other(
        Case(
            _named("ablang2.models.ablang2.ablang.AbLang", 26, 32, 4, 2, 21, 23, a_fn="swiglu"),
            {"tokens": _IDS % 20},
        ),
        save=_saved("model.pt"),
    ),
    "anomalib-ganomaly": Other(
        Case(
            _without(
                _DATA,
                "anomalib.models.image.ganomaly.torch_model.Generator",
                """
                    input_size=(32,32) latent_vec_size=16 num_input_channels=3 n_features=8
                    extra_layers=1 add_final_conv_layer=True
                """,
            ),
            _X32,
        ),
        save=_lightning("model.generator."),
    ),
    "anomalib-efficient_ad": Other(
        Case(
            _without(
                _DATA,
                "anomalib.models.image.efficient_ad.torch_model.SmallPatchDescriptionNetwork",
                "out_channels=24",
            ),
            _X64,
        ),
        save=_lightning("model.student."),
    ),
    "terratorch-prithvi": Other(
        Case(
            _by(
                "forward_features",
                _from(
                    "terratorch.models.backbones.prithvi_mae.PrithviViT",
                    """
                        img_size=32 patch_size=(1,8,8) num_frames=2 in_chans=3 embed_dim=48 depth=2
                        num_heads=4 coords_encoding=['time','location'] coords_scale_learn=True
                    """,
                ),
            ),
            {
                "x": (1, 3, 2, 32, 32),
                "when": torch.tensor([[[2024.0, 30.0], [2024.0, 60.0]]]),
                "where": torch.tensor([[47.0, 8.0]]),
            },
        ),
        save=_saved("ref.pt", "", "encoder."),
    ),
    "pytorchyolo": Other(Case(_darknet, _X64), save=_saved("ref.pth")),
}
_LIBRARIES: Final[Mapping[str, Other]] = {**_FIRST, **_SECOND, **_THIRD}

# --- build, compare, ship


def _fused(source: Path, target: Path, inputs: Path) -> None:
    """The transformers' optimizer of onnxruntime, as its documentation calls it."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    made = optimizer.optimize_model(
        str(source), "bert", num_heads=0, hidden_size=0, optimization_options=options
    )
    made.save_model_to_file(str(target))


def _fused_half(source: Path, target: Path, inputs: Path) -> None:
    """The same, halved by it after."""
    from onnxruntime.transformers import optimizer

    made = optimizer.optimize_model(str(source), "bert", num_heads=0, hidden_size=0)
    made.convert_float_to_float16(keep_io_types=True)
    made.save_model_to_file(str(target))


_STEPS: Final[Mapping[str, Step]] = {
    **later_models._STEPS,
    "fusion-bert": _fused,
    "fusion-half": _fused_half,
}
_OPTIONS: Final[Mapping[str, dict[str, Any]]] = {
    **later_models._OPTIONS,
    "dynamo-opset21": {"opset_version": 21},
    "dynamo-opset23": {"opset_version": 23},
    "torchscript-opset11": {"opset_version": 11},
    "torchscript-opset20": {"opset_version": 20},
    "torchscript-inputs": {"keep_initializers_as_inputs": True},
}
_DRAWS: Final = (  # what is done to the exports of a case, drawn by its name
    ("+onnxslim",),
    ("+onnxsim", "torchscript-opset20"),
    ("dynamo-program",),
    ("+ort-basic", "torchscript-inputs"),
    ("+ort-extended", "dynamo-opset21"),
    ("+fp16-common",),
    ("torchscript-no_fold", "dynamo-unoptimized"),
    ("+onnxslim+fp16-common", "torchscript-opset11"),
    ("+onnxsim+ort-extended",),
    ("+fusion-bert", "dynamo-opset23"),
    ("+onnxslim+ort-basic", "torchscript-traced"),
    ("+fusion-half",),
)


def _drawn(title: str) -> Sequence[str]:
    return _DRAWS[zlib.crc32(title.encode()) % len(_DRAWS)]


def _exported(model: nn.Module, values: Sequence[Any], variant: str, path: Path) -> None:
    """As ``later_models`` does, or of a program or trace that was made first."""
    trace: Any = torch.jit.trace
    first: dict[str, Callable[[], Any]] = {
        "dynamo-program": lambda: torch.export.export(model, tuple(values)),
        "torchscript-traced": lambda: trace(model, tuple(values), check_trace=False),
    }
    if variant not in first:
        _plainly(model, values, variant, path)
        return
    with torch.no_grad():
        torch.onnx.export(
            first[variant](),
            tuple(values),
            str(path),
            dynamo="dynamo" in variant,
            external_data=False,
            verbose=False,
        )


_plainly: Final = later_models._exported


def _build(title: str, other: Other, folder: Path) -> None:
    """As ``other_models`` builds, with the draws, options and steps of this kind."""
    torch.set_num_threads(1)
    changed: dict[str, Any] = {
        "_drawn": _drawn,
        "_exported": _exported,
        "_OPTIONS": _OPTIONS,
        "_STEPS": _STEPS,
    }
    with patch.multiple(later_models, **changed), patch.object(other_models, "_BARE", _BARE):
        other_models._build(title, other, folder)


_EVERY: Final = {
    **_LIBRARIES,
    **{f"transformers-{name}": other for name, other in _FAMILIES.items()},
    **{f"timm-{name}": other for name, other in _TIMM.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, other) for title, other in _EVERY.items()
}
OPENED: Final = frozenset(CASES)
