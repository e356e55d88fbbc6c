"""Models of libraries that no other kind asks, and of families that none has, held out until they had been measured;
some checkpoints in the layout in which the users of a library save them, some saved before what the
library does to a model that it ships. Every weight drawn; made, compared and shipped as
``later_models`` does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import torch
from torch import nn

from wild import later_models
from wild.further_models import _absent
from wild.kept_models import _of
from wild.later_models import Case, Make, _bare, _from, _get
from wild.tables import Inputs, parsed
from wild.workshop import Builder, tell, tensors_of

F = nn.functional
Tensor = torch.Tensor
Save = Callable[[nn.Module, Path], None]  # writes the checkpoint in place of the plain one


class Other(NamedTuple):
    """A case, how its checkpoint is saved, and what is done to the model after that."""

    case: Case
    save: Save | None = None
    after: Callable[[Any], Any] | None = None


# --- checkpoints as users of libraries save them


def _state(model: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: value.detach().clone() for name, value in tensors_of(model)}


def _saved(name: str, key: str = "", prefix: str = "", **more: Any) -> Save:
    """A file of torch: the state under a key, names with a prefix, more beside it."""

    def save(model: nn.Module, folder: Path) -> None:
        state = _state(model, prefix)
        torch.save({key: state, **more} if key else state, folder / name)

    return save


def _lightning(prefix: str) -> Save:
    """A checkpoint of lightning's trainer."""
    return _saved(
        "ref.ckpt",
        "state_dict",
        prefix,
        epoch=3,
        global_step=120,
        loops={"fit_loop": {"state_dict": {}}},
        callbacks={"ModelCheckpoint": {"best_model_score": torch.tensor(0.3)}},
        optimizer_states=[{"state": {}, "param_groups": [{"lr": 1e-3}]}],
        lr_schedulers=[],
    )


def _averaged(name: str, key: str, other: str, prefix: str = "", **more: Any) -> Save:
    """The average that is shipped under one key, what was trained under another."""

    def save(model: nn.Module, folder: Path) -> None:
        trained = {
            prefix + each: value * (1 + 0.02 * torch.rand(value.shape))
            if value.is_floating_point()
            else value
            for each, value in _state(model).items()
        }
        first, last = sorted((key, other), key=len)  # what was trained, or is in its place
        states = {key: _state(model), other: trained}
        torch.save({first: states[first], last: states[last], **more}, folder / name)

    return save


# --- modules of libraries

_BARE: Final = tuple(
    """
    asteroid backgroundremover backgroundremover.u2net braindecode braindecode.models chronos
    compressai.models d3rlpy d3rlpy.models d3rlpy.models.torch dac dac.model gliner
    gliner.modeling gluonts.torch gluonts.torch.model gluonts.torch.model.tft k_diffusion
    k_diffusion.models matcha matcha.models matcha.models.components mmdet mmdet.models
    mmdet.models.backbones mmdet.models.dense_heads mmdet.models.necks mmpretrain
    mmpretrain.models mmpretrain.models.backbones mmseg mmseg.models mmseg.models.backbones
    parallel_wavegan pyannote.audio pyannote.audio.models pyannote.audio.models.blocks pypots
    pypots.nn pypots.nn.modules pypots.nn.modules.saits pytorch_forecasting
    pytorch_forecasting.models pytorch_forecasting.models.temporal_fusion_transformer recbole
    recbole.model recbole.model.sequential_recommender speechtokenizer speechtokenizer.trainer
    stanza stanza.models stanza.models.common super_image super_image.models
    super_image.models.awsrn super_image.models.pan taming torchgeo torchgeo.models TTS
    TTS.encoder TTS.encoder.models TTS.tts TTS.tts.layers TTS.vocoder TTS.vocoder.models yolov5
    """.split()
)


class _Anything(ModuleType):
    """A package of compiled operators that are never called."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        given = {"__class_getitem__": classmethod(lambda kind, item: kind)}
        return type(name, (nn.Module,), given)


_COMPILED: Final = """
    mmcv.ops mmcv.ops.nms mmcv.ops.roi_align mmcv.ops.masked_conv mmcv.ops.multi_scale_deform_attn
"""


def _without_operators() -> None:
    """mmcv without what it compiles, as one of the versions that its users accept."""
    for name in _COMPILED.split():
        sys.modules.setdefault(name, _Anything(name))
    import_module("mmcv").__dict__["__version__"] = "2.1.0"


def _made(path: str, text: str) -> Callable[[], Any]:
    return lambda: _get(path)(**parsed(text))


def _fairseq(model: nn.Module, folder: Path) -> None:
    """A file of fairseq: an encoder with a head that is not of the sentence's."""
    state = {
        f"encoder.{name}"
        if name.startswith("lm_head")
        else f"encoder.sentence_encoder.{name}": each
        for name, each in _state(model).items()
    }
    torch.save(
        {"args": None, "cfg": {"model": {"arch": "esm2"}}, "model": state}, folder / "ref.pt"
    )


def _without_weight_norm(model: nn.Module) -> None:
    for part in model.modules():
        if hasattr(part, "weight_g"):
            nn.utils.remove_weight_norm(part)
        elif nn.utils.parametrize.is_parametrized(part, "weight"):
            nn.utils.parametrize.remove_parametrizations(part, "weight")


class _Classifier(nn.Module):
    """A backbone of mmpretrain, its last map pooled, and a head."""

    def __init__(self, path: str, text: str, width: int) -> None:
        super().__init__()
        _without_operators()
        self.backbone = _get(f"mmpretrain.models.backbones.{path}")(**parsed(text))
        self.head: Any = nn.Module()
        self.head.fc = nn.Linear(width, 10)

    def train(self, mode: bool = True) -> _Classifier:
        """As mmpretrain's backbones do not, answer with itself."""
        super().train(mode)
        return self

    def forward(self, image: Tensor) -> Any:
        held = self.backbone(image)[-1]
        return self.head.fc(held if held.dim() == 2 else held.mean((2, 3)))


class _Rtmdet(nn.Module):
    """mmdet's real-time detector, whose head has convolutions for all levels and norms for each."""

    def __init__(self) -> None:
        super().__init__()
        _without_operators()
        _bare("mmdet")
        _bare("mmdet.models")
        for name in ("losses", "task_modules"):
            import_module(f"mmdet.models.{name}")
        self.backbone = _get("mmdet.models.backbones.cspnext.CSPNeXt")(
            deepen_factor=0.167, widen_factor=0.125
        )
        self.neck = _get("mmdet.models.necks.cspnext_pafpn.CSPNeXtPAFPN")(
            in_channels=[32, 64, 128], out_channels=16, num_csp_blocks=1
        )
        self.bbox_head = _get("mmdet.models.dense_heads.rtmdet_head.RTMDetSepBNHead")(
            num_classes=5,
            in_channels=16,
            feat_channels=16,
            stacked_convs=2,
            anchor_generator={"type": "MlvlPointGenerator", "offset": 0, "strides": [8, 16, 32]},
            bbox_coder={"type": "DistancePointBBoxCoder"},
        )

    def forward(self, image: Tensor) -> Any:
        return self.bbox_head(self.neck(self.backbone(image)))


def _msa() -> nn.Module:
    """esm's transformer of alignments."""
    alphabet = _get("esm.data.Alphabet").from_architecture("msa_transformer")
    sizes = """
        layers=2 embed_dim=32 ffn_embed_dim=48 attention_heads=4 dropout=0.0 attention_dropout=0.0
        activation_dropout=0.0 max_tokens=256 max_positions=32 embed_positions_msa=True
        embed_positions_msa_dim=32 logit_bias=True
    """
    kind = _get("esm.model.msa_transformer.MSATransformer")
    model: nn.Module = kind(SimpleNamespace(**parsed(sizes)), alphabet)
    return model


def _wired(kind: str) -> Make:
    """A recurrent net of ncps, with the wiring of a worm."""

    def build() -> nn.Module:
        wiring = _get("ncps.wirings.AutoNCP")(14, 3)
        model: nn.Module = _get(f"ncps.torch.{kind}")(6, wiring)
        return model

    return build


def _bigvgan() -> nn.Module:
    sizes = """
        num_mels=10 upsample_initial_channel=32 resblock='1' upsample_rates=[4,2]
        upsample_kernel_sizes=[8,4] resblock_kernel_sizes=[3,5]
        resblock_dilation_sizes=[[1,3,5],[1,3,5]] activation='snakebeta' snake_logscale=True
        use_bias_at_final=False use_tanh_at_final=False
    """
    h = _get("bigvgan.env.AttrDict")(parsed(sizes))
    model: nn.Module = _get("bigvgan.bigvgan.BigVGAN")(h)
    return model


def _tokenizer() -> nn.Module:
    sizes = """
        n_filters=4 dimension=24 strides=[4,2] lstm_layers=1 bidirectional=True dilation_base=2
        residual_kernel_size=3 n_residual_layers=1 activation='ELU' sample_rate=16000 n_q=2
        semantic_dimension=20 codebook_size=16
    """
    model: nn.Module = _get("speechtokenizer.model.SpeechTokenizer")(parsed(sizes))
    return model


def _dac() -> nn.Module:
    _absent("audiotools", AudioSignal=object, STFTParams=object, __path__=[])
    _absent("audiotools.ml", BaseModel=nn.Module)
    sizes = """
        encoder_dim=8 encoder_rates=[2,4] decoder_dim=32 decoder_rates=[4,2] n_codebooks=2
        codebook_size=16 codebook_dim=4
    """
    model: nn.Module = _get("dac.model.dac.DAC")(**parsed(sizes))
    return model


def _enformer() -> nn.Module:
    """enformer, whose features of places are made before: no exporter has logarithms of gamma."""
    module: Any = import_module("enformer_pytorch.modeling_enformer")
    features = module.get_positional_embed(8, 12, torch.device("cpu"), False)
    module.get_positional_embed = lambda *told, **more: features
    config = _get("enformer_pytorch.EnformerConfig")(
        **parsed("""
            dim=48 depth=1 heads=4 output_heads={'human':7,'mouse':5} target_length=4
            attn_dim_key=8 num_downsamples=3 dim_divisible_by=8
        """)
    )
    model: nn.Module = _get("enformer_pytorch.Enformer")(config)
    return model


def _separated(inner: Any, wave: Tensor) -> Any:
    """asteroid's steps, without what it asks of shapes between them."""
    model = inner.__self__
    held = model.forward_encoder(wave)
    return model.forward_decoder(model.apply_masks(held, model.forward_masker(held)))


def _wavegan(inner: Any, mel: Tensor) -> Any:
    """The generator draws its noise: here it is the mel's."""
    noise = mel.mean(1, keepdim=True).repeat_interleave(4, 2)
    with patch.object(torch, "randn", lambda *sizes, **_: noise):
        return inner(mel)


def _coded(inner: Any, image: Tensor) -> Any:
    """What compressai's net makes, and of which it makes the chances of codes."""
    model = inner.__self__
    held = model.g_a(image)
    codes = torch.round(held)
    told = model.h_s(torch.round(model.h_a(held)))
    chances = model.entropy_parameters(torch.cat((told, model.context_prediction(codes)), 1))
    return model.g_s(codes), chances


def _positive_gdn(model: nn.Module) -> None:
    """Numbers of divisive norms that are drawn where they are after a training."""
    for name, value in model.named_parameters():
        if name.endswith(("beta", "gamma")):
            value.copy_(value.abs() + 0.2)


class _Tensors(nn.Module):
    """Layers of tltorch, whose weights are tensors in factors."""

    def __init__(self) -> None:
        super().__init__()
        conv, linear = _get("tltorch.FactorizedConv"), _get("tltorch.FactorizedLinear")
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.cp = conv(16, 24, 3, order=2, rank=6, factorization="cp", padding=1, bias=True)
        self.tucker = conv(24, 24, 3, order=2, rank=0.5, factorization="tucker", padding=1)
        self.head = linear((4, 6), (3, 4), rank=5, factorization="blocktt", bias=True)
        self.block = linear((3, 4), (2, 5), rank=4, factorization="cp")

    def forward(self, image: Tensor) -> Any:
        held = F.relu(self.stem(image))
        held = F.relu(self.tucker(F.relu(self.cp(held)))).mean((2, 3))
        return self.block(F.relu(self.head(held)))


def _invertible() -> nn.Module:
    """A chain of FrEIA's blocks."""
    library: Any = _get("FrEIA.framework.SequenceINN")(8)
    kind = _get("FrEIA.modules.AllInOneBlock")

    def subnet(width: int, out: int) -> nn.Module:
        return nn.Sequential(nn.Linear(width, 24), nn.ReLU(), nn.Linear(24, out))

    for _ in range(3):
        library.append(kind, subnet_constructor=subnet, permute_soft=True)
    model: nn.Module = library
    return model


_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_X32: Final[Inputs] = {"x": (1, 3, 32, 32)}
_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 64, 64)}
_SIZES: Final = "hidden_size=48 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96"
_TEXT: Final = f"{_SIZES} vocab_size=99 max_position_embeddings=64 pad_token_id=0"
_DECODE: Final = f"{_TEXT} num_key_value_heads=2 use_cache=False"


def _first(inner: Any, *values: Tensor) -> Any:
    return inner(*values)[0]


def _without(names: str, path: str, text: str = "", **parts: Callable[[], Any]) -> Make:
    """As ``_from``, where modules that are imported but not run are not there."""

    def build() -> nn.Module:
        for name in names.split():
            sys.modules.setdefault(name, _Anything(name))
        return _from(path, text, **parts)()

    return build


def _lora() -> nn.Module:
    """torchtune's decoder with adapters, not merged."""
    numbers = {name: type(name, (), {}) for name in ("NF4Tensor", "to_nf4", "linear_nf4")}
    _absent("torchao.dtypes.nf4tensor", **numbers, implements=lambda *_: lambda function: function)
    return _without(
        "datasets datasets.distributed",
        "torchtune.models.llama3.lora_llama3",
        """
            lora_attn_modules=['q_proj','v_proj'] apply_lora_to_mlp=True vocab_size=90
            num_layers=2 num_heads=4 num_kv_heads=2 embed_dim=48 max_seq_len=16
            intermediate_dim=96 lora_rank=4 lora_alpha=8
        """,
    )()


def _yolov5() -> nn.Module:
    """yolov5's detector of its table, narrower; its head as for an export."""
    checks = {"check_requirements": lambda *words, **options: None}
    for name, parts in (("", {}), (".utils", {}), (".utils.checks", checks)):
        _absent(f"ultralytics{name}", __path__=[], **parts)
    kinds = "yolov5.models.yolo"
    table = _get("yaml.safe_load")((_place("yolov5") / "models/yolov5n.yaml").read_text())
    table["width_multiple"] = 0.125
    model: Any = _get(f"{kinds}.DetectionModel")(table, nc=5)
    model.model[-1].export = True
    return model  # type: ignore[no-any-return]


def _place(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(found.submodule_search_locations[0])


class _Ensembles(nn.Module):
    """Layers of torch_uncertainty, of several members each."""

    def __init__(self) -> None:
        super().__init__()
        packed = {"alpha": 2, "num_estimators": 4}
        kinds = "torch_uncertainty.layers"
        conv, linear = _get(f"{kinds}.PackedConv2d"), _get(f"{kinds}.PackedLinear")
        self.conv1 = conv(3, 16, 3, padding=1, first=True, **packed)
        self.conv2 = conv(16, 24, 3, stride=2, minimum_channels_per_group=4, **packed)
        self.fc = linear(24, 20, **packed)
        self.last = linear(20, 6, last=True, **packed)
        self.batch = _get(f"{kinds}.BatchLinear")(6, 10, num_estimators=4)

    def forward(self, image: Tensor) -> Any:
        held = F.relu(self.conv2(F.relu(self.conv1(image)))).mean((2, 3))
        return self.batch(self.last(F.relu(self.fc(held))))


class _Rainbow(nn.Module):
    """tianshou's atari net of convolutions with its noisy layers, a stream for the advantage and
    one for the value.
    """

    def __init__(self) -> None:
        super().__init__()
        noisy = _get("tianshou.utils.net.discrete.NoisyLinear")
        self.net = nn.Sequential(
            nn.Conv2d(4, 12, 8, 4), nn.ReLU(), nn.Conv2d(12, 16, 4, 2), nn.ReLU(), nn.Flatten()
        )
        self.Q = nn.Sequential(noisy(256, 32, 0.5), nn.ReLU(), noisy(32, 4 * 11, 0.5))
        self.V = nn.Sequential(noisy(256, 32, 0.5), nn.ReLU(), noisy(32, 11, 0.5))

    def forward(self, frames: Tensor) -> Tensor:
        held = self.net(frames / 255.0)
        q, v = self.Q(held).view(-1, 4, 11), self.V(held).view(-1, 1, 11)
        made: Tensor = (q - q.mean(1, keepdim=True) + v).softmax(2)
        return made


def _with_kaiser(path: str, text: str) -> Make:
    """scipy's window where the library looks for it."""

    def build() -> nn.Module:
        kaiser = _get("scipy.signal.windows.kaiser")
        import_module("scipy.signal").__dict__["kaiser"] = kaiser
        return _from(path, text)()

    return build


def _masks() -> nn.Module:
    """The decoder of masks in high quality."""
    kinds = "segment_anything_hq.modeling"
    inner = _get(f"{kinds}.transformer.TwoWayTransformer")(2, 32, 2, 48)
    model: nn.Module = _get(f"{kinds}.mask_decoder_hq.MaskDecoderHQ")(
        transformer_dim=32,
        transformer=inner,
        iou_head_depth=2,
        iou_head_hidden_dim=32,
        vit_dim=24,
    )
    return model


def _ordered(model: nn.Module) -> None:
    """Frequencies of filters as they are: positive, and rising."""
    for name, value in model.named_parameters():
        if name.endswith(("low_hz_", "band_hz_")):
            value.copy_(torch.linspace(40, 2000, value.numel()).view_as(value) + value.abs())


def _matcha() -> nn.Module:
    for name in ("gdown", "wget"):
        sys.modules.setdefault(name, _Anything(name))
    encoder = parsed("""
        n_feats=10 n_channels=32 filter_channels=48 n_heads=2 n_layers=2 kernel_size=3 p_dropout=0.1
        prenet=True
    """)
    duration = parsed("filter_channels_dp=24 n_feats=10 kernel_size=3 p_dropout=0.1")
    model: nn.Module = _get("matcha.models.components.text_encoder.TextEncoder")(
        "RoPE Encoder", SimpleNamespace(**encoder), SimpleNamespace(**duration), 60
    )
    return model


_RATINGS: Final = torch.tensor([3, 0, 7, 11])


class _Tasks(nn.Module):
    """torch_rechub's mixtures of experts for several tasks, whose inputs are a dictionary."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        features = "torch_rechub.basic.features"
        rows = [
            _get(f"{features}.SparseFeature")("user", vocab_size=12, embed_dim=8),
            _get(f"{features}.DenseFeature")("amount"),
        ]
        expert, tower = {"dims": [16], "activation": "prelu"}, {"dims": [8]}
        if kind.startswith("ple"):
            given = {"n_level": 2, "n_expert_specific": 2, "n_expert_shared": 1}
        else:
            given = {"n_expert": 3}
        self.model = _get(f"torch_rechub.models.multi_task.{kind}")(
            rows,
            ["classification", "regression"],
            **given,
            expert_params=expert,
            tower_params_list=[tower, tower],
        )

    def forward(self, users: Tensor, amount: Tensor) -> Any:
        return self.model({"user": users, "amount": amount})


class _Vqgan(nn.Module):
    """taming's autoencoder over a table of codes."""

    def __init__(self) -> None:
        super().__init__()
        kinds = "taming.modules.diffusionmodules.model"
        sizes = parsed("""
            ch=16 out_ch=3 ch_mult=(1,2) num_res_blocks=1 attn_resolutions=[16] in_channels=3
            resolution=32 z_channels=12 double_z=False
        """)
        with patch(f"{kinds}.Normalize", lambda width: nn.GroupNorm(8, width, 1e-6)):
            self.encoder, self.decoder = (
                _get(f"{kinds}.{kind}")(**sizes) for kind in ("Encoder", "Decoder")
            )
        self.quantize = _get("taming.modules.vqvae.quantize.VectorQuantizer")(24, 8, beta=0.25)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(12, 8, 1), nn.Conv2d(8, 12, 1)

    def forward(self, image: Tensor) -> Any:
        held = self.quantize(self.quant_conv(self.encoder(image)))[0]
        return self.decoder(self.post_quant_conv(held))


def _with_loss(model: nn.Module, folder: Path) -> None:
    """taming's checkpoint has the nets of its loss too."""
    state = _state(model)
    for number, sizes in enumerate(((16, 3, 4, 4), (32, 16, 4, 4), (1, 32, 4, 4))):
        state[f"loss.discriminator.main.{3 * number}.weight"] = torch.randn(sizes)
    state["loss.perceptual_loss.lin0.model.1.weight"] = torch.rand(1, 64, 1, 1)
    torch.save({"state_dict": state, "epoch": 4, "global_step": 900}, folder / "ref.ckpt")


def _xlstm() -> nn.Module:
    """One block of each kind."""
    library: Any = import_module("xlstm")
    config = library.xLSTMLMModelConfig(
        vocab_size=90,
        context_length=8,
        num_blocks=2,
        embedding_dim=32,
        slstm_at=[1],
        mlstm_block=library.mLSTMBlockConfig(
            mlstm=library.mLSTMLayerConfig(conv1d_kernel_size=4, qkv_proj_blocksize=4, num_heads=4)
        ),
        slstm_block=library.sLSTMBlockConfig(
            slstm=library.sLSTMLayerConfig(backend="vanilla", num_heads=4, conv1d_kernel_size=4),
            feedforward=library.FeedForwardConfig(proj_factor=1.3, act_fn="gelu"),
        ),
    )
    model: nn.Module = library.xLSTMLMModel(config)
    return model


def _bolt() -> nn.Module:
    """A small chronos-bolt."""
    config = _get("transformers.T5Config")(
        **parsed("""
            d_model=32 d_kv=8 d_ff=64 num_layers=2 num_decoder_layers=1 num_heads=4 vocab_size=2
            pad_token_id=0 decoder_start_token_id=0 use_cache=False feed_forward_proj='relu'
        """)
    )
    config.chronos_config = parsed("""
        context_length=32 prediction_length=8 input_patch_size=8 input_patch_stride=8
        quantiles=[0.1,0.5,0.9] use_reg_token=True
    """)
    model: nn.Module = _get("chronos.chronos_bolt.ChronosBoltModelForForecasting")(config)
    return model


def _nnunet() -> nn.Module:
    """nnU-Net's net as it predicts: the outputs at lower resolutions are not asked."""
    kind = _get("dynamic_network_architectures.architectures.unet.ResidualEncoderUNet")
    model: Any = kind(
        2,
        3,
        [8, 16, 24],
        nn.Conv3d,
        3,
        [1, 2, 2],
        [1, 1, 1],
        3,
        1,
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )
    model.decoder.deep_supervision = False
    return model  # type: ignore[no-any-return]


class _Spikes(nn.Module):
    """snntorch's neurons over some steps, with what they learn of themselves."""

    def __init__(self) -> None:
        super().__init__()
        leaky = _get("snntorch.Leaky")
        self.conv = nn.Conv2d(1, 8, 5)
        self.lif1 = leaky(beta=0.8, learn_beta=True, threshold=0.1, learn_threshold=True)
        self.fc = nn.Linear(128, 10)
        self.lif2 = _get("snntorch.Synaptic")(
            alpha=0.9, beta=torch.full((10,), 0.7), learn_alpha=True, learn_beta=True
        )

    def forward(self, image: Tensor) -> Any:
        first, now = torch.zeros(1, 8, 4, 4), torch.zeros(1, 10)
        slow, made = torch.zeros(1, 10), []
        for _ in range(3):
            spikes, first = self.lif1(F.max_pool2d(self.conv(image), 2), first)
            spikes, slow, now = self.lif2(self.fc(spikes.flatten(1)), slow, now)
            made.append(now)
        return torch.stack(made)


class _Equivariant(nn.Module):
    """Products of tensors by e3nn, whose weights of all paths are one vector."""

    def __init__(self) -> None:
        super().__init__()
        library: Any = import_module("e3nn")
        library.set_optimization_defaults(jit_script_fx=False)
        kinds = "e3nn.o3"
        start, middle = "4x0e + 4x1o", "6x0e + 4x1o + 2x2e"
        self.product = _get(f"{kinds}.FullyConnectedTensorProduct")(
            start, "1x0e + 1x1o + 1x2e", middle
        )
        self.linear = _get(f"{kinds}.Linear")(middle, "8x0e + 2x1o")
        self.norm = _get("e3nn.nn.BatchNorm")("8x0e + 2x1o")
        self.fc = _get("e3nn.nn.FullyConnectedNet")([14, 16, 3], F.silu)

    def forward(self, x: Tensor, y: Tensor) -> Any:
        return self.fc(self.norm(self.linear(self.product(x, y))))


def _wide(kind: str, text: str) -> nn.Module:
    """A net of pytorch_widedeep for rows: three columns of kinds, two of numbers."""
    for name in ("gensim", "gensim.utils", "gensim.models", "spacy", "spacy.symbols"):
        sys.modules.setdefault(name, _Anything(name))
    model: nn.Module = _get(f"pytorch_widedeep.models.tabular.transformers.{kind}")(
        column_idx={name: place for place, name in enumerate("abcde")},
        cat_embed_input=[("a", 5), ("b", 4), ("c", 3)],
        continuous_cols=["d", "e"],
        cont_norm_layer="batchnorm",
        **parsed(text),
    )
    return model


class _Crossed(nn.Module):
    """fuxictr's crosses of fields."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("fuxictr", "fuxictr.pytorch", "fuxictr.pytorch.layers"):
            _bare(name)
        kinds = "fuxictr.pytorch.layers.interactions.cross_net"
        self.mixed = _get(f"{kinds}.CrossNetMix")(12, layer_num=2, low_rank=4, num_experts=3)
        self.crossnet = _get(f"{kinds}.CrossNetV2")(12, 2)
        self.fc = nn.Linear(24, 1)

    def forward(self, rows: Tensor) -> Any:
        return self.fc(torch.cat((self.mixed(rows), self.crossnet(rows)), -1)).sigmoid()


def _deeponet() -> nn.Module:
    """deepxde's operator: a net for functions, one for places."""
    os.environ["DDE_BACKEND"] = "pytorch"
    sys.modules.setdefault("skopt", _Anything("skopt"))
    model: nn.Module = _get("deepxde.nn.pytorch.deeponet.DeepONetCartesianProd")(
        [20, 24, 16], [2, 24, 16], "tanh", "Glorot normal"
    )
    return model


def _listed(inner: Any, *values: Tensor) -> Any:
    return inner(values)


class _Forecast(nn.Module):
    """Parts of pytorch_forecasting's transformer: variables are chosen, then attended to."""

    def __init__(self) -> None:
        super().__init__()
        kinds = "pytorch_forecasting.models.temporal_fusion_transformer.sub_modules"
        residual = _get(f"{kinds}.GatedResidualNetwork")
        self.variable_selection = _get(f"{kinds}.VariableSelectionNetwork")(
            input_sizes={"price": 12, "load": 12, "month": 5},
            hidden_size=16,
            input_embedding_flags={"month": True},
            prescalers=nn.ModuleDict({name: nn.Linear(1, 12) for name in ("price", "load")}),
        )
        self.lstm = nn.LSTM(16, 16, batch_first=True)
        self.gate = _get(f"{kinds}.GateAddNorm")(16, trainable_add=False)
        self.multihead_attn = _get(f"{kinds}.InterpretableMultiHeadAttention")(n_head=2, d_model=16)
        self.pos_wise_ff = residual(16, 24, 16)
        self.output_layer = nn.Linear(16, 3)

    def forward(self, price: Tensor, load: Tensor, month: Tensor) -> Any:
        rows = {"price": price, "load": load, "month": month}
        chosen, weights = self.variable_selection(rows)
        held = self.gate(self.lstm(chosen)[0], chosen)
        held = held + self.multihead_attn(held, held, held)[0]
        return self.output_layer(self.pos_wise_ff(held)), weights


def _sasrec() -> nn.Module:
    """recbole's net of one user's items; its scores are of all items."""
    sizes = parsed("""
        n_layers=2 n_heads=4 hidden_size=32 inner_size=64 hidden_dropout_prob=0.2
        attn_dropout_prob=0.2 hidden_act='gelu' layer_norm_eps=1e-12 initializer_range=0.02
        loss_type='CE' USER_ID_FIELD='user' ITEM_ID_FIELD='item' LIST_SUFFIX='_list'
        ITEM_LIST_LENGTH_FIELD='length' NEG_PREFIX='neg_' MAX_ITEM_LIST_LENGTH=8 device='cpu'
    """)
    dataset = SimpleNamespace(num=lambda field: 60)
    kind = _get("recbole.model.sequential_recommender.sasrec.SASRec")
    model: nn.Module = kind(sizes, dataset)
    return model


_GAN: Final = """
    aim retry retry.api contrastive_learner adabelief_pytorch vector_quantize_pytorch fire
    pytorch_fid
"""


def _cuda(path: str, text: str) -> Make:
    """As ``_from``, of a library that asks for CUDA when it is imported."""

    def build() -> nn.Module:
        with patch("torch.cuda.is_available", lambda: True):
            module = path.rpartition(".")[0]
            for name in _GAN.split():
                sys.modules.setdefault(name, _Anything(name))
            import_module(module)
        return _from(path, text)()

    return build


class _Style(nn.Module):
    """stylegan2_pytorch's mapping and generator, by the names that its trainer gives them."""

    def __init__(self) -> None:
        super().__init__()
        kinds = "stylegan2_pytorch.stylegan2_pytorch"
        self.SE = _cuda(f"{kinds}.StyleVectorizer", "emb=16 depth=3 lr_mul=0.1")()
        self.GE = _get(f"{kinds}.Generator")(32, 16, network_capacity=2, attn_layers=[2])

    def forward(self, code: Tensor, noise: Tensor) -> Any:
        styles = self.SE(code)[:, None].expand(-1, self.GE.num_layers, -1)
        return self.GE(styles, noise)


# families of transformers
_FAMILIES: Final[Mapping[str, Other]] = {
    "apertus": Other(Case(_of(f"ApertusForCausalLM {_DECODE}"), _MASKED)),
    "vaultgemma": Other(
        Case(_of(f"VaultGemmaForCausalLM head_dim=16 query_pre_attn_scalar=16 {_DECODE}"), _MASKED)
    ),
    "nanochat": Other(Case(_of(f"NanoChatForCausalLM {_DECODE}"), _MASKED)),
    "esmc": Other(
        Case(
            _of(f"EsmcForMaskedLM head_dim=12 num_key_value_heads=4 {_TEXT}"),
            {"input_ids": _IDS},
        )
    ),
    "fnet": Other(Case(_of(f"FNetForMaskedLM {_TEXT}"), {"input_ids": _IDS})),
    "textnet": Other(
        Case(
            _of("""
                TextNetForImageClassification hidden_sizes=[8,12,16,24,32] stem_out_channels=8
                image_size=[64,64]
            """),
            _PIXELS,
        )
    ),
    "vjepa2": Other(
        Case(
            _of("""
                VJEPA2Model patch_size=8 crop_size=16 frames_per_clip=4 tubelet_size=2
                hidden_size=48 num_attention_heads=4 num_hidden_layers=2 pred_hidden_size=48
                pred_num_attention_heads=4 pred_num_hidden_layers=1 pred_num_mask_tokens=2
            """),
            {"pixel_values_videos": (1, 4, 3, 16, 16)},
        )
    ),
    "sapiens2": Other(
        Case(
            _of("""
                Sapiens2Model hidden_size=48 intermediate_size=64 num_hidden_layers=2
                num_attention_heads=4 num_key_value_attention_heads=2 patch_size=8 image_size=32
                num_first_full_attention_layers=1 num_last_full_attention_layers=0
                num_key_value_heads_per_layer=[4,2] num_register_tokens=2
            """),
            {"pixel_values": (1, 3, 32, 32)},
        )
    ),
    "rembert": Other(
        Case(
            _of(f"RemBertForMaskedLM input_embedding_size=20 output_embedding_size=28 {_TEXT}"),
            _MASKED,
        )
    ),
    "exaone4": Other(
        Case(
            _of(f"Exaone4ForCausalLM layer_types=['sliding_attention','full_attention'] {_DECODE}"),
            _MASKED,
        )
    ),
    "mpt": Other(
        Case(
            _of("MptForCausalLM d_model=48 n_heads=4 n_layers=2 max_seq_len=32 vocab_size=99"),
            {"input_ids": _IDS},
            call=lambda inner, ids: inner(ids, use_cache=False).logits,
        )
    ),
    "audio_spectrogram": Other(
        Case(
            _of(f"""
                ASTForAudioClassification {_SIZES} patch_size=8 frequency_stride=4 time_stride=4
                max_length=24 num_mel_bins=16 num_labels=5
            """),
            {"input_values": (1, 24, 16)},
        )
    ),
}
_LIBRARIES: Final[Mapping[str, Other]] = {
    "mmpretrain-van": Other(
        Case(
            partial(
                _Classifier,
                "van.VAN",
                "arch={'embed_dims':[16,24,32,48],'depths':[1,1,1,1],'ffn_ratios':[4,4,4,4]}",
                48,
            ),
            _X64,
        ),
        save=_saved("ref.pth", "state_dict", meta={"epoch": 300}),
    ),
    "mmpretrain-hornet": Other(
        Case(
            partial(
                _Classifier,
                "hornet.HorNet",
                """
                    arch={'base_dim':16,'depths':[1,1,1,1],'orders':[2,3,4,5],'dw_cfg':_DW}
                """.replace("_DW", str([{"type": "DW", "kernel_size": 7}] * 4).replace(" ", "")),
                128,
            ),
            _X64,
        )
    ),
    "mmpretrain-mobileone-deployed": Other(
        Case(
            partial(
                _Classifier,
                "mobileone.MobileOne",
                "arch={'num_blocks':[1,1,1,1],'width_factor':[0.25,0.25,0.25,0.125],"
                "'num_conv_branches':[2,2,2,1],'num_se_blocks':[0,0,1,1]}",
                64,
            ),
            _X64,
        ),
        save=_saved("ref.pth", "state_dict", meta={"epoch": 300}),
        after=lambda model: model.backbone.switch_to_deploy(),
    ),
    "mmseg-bisenetv2": Other(
        Case(
            _without(
                _COMPILED,
                "mmseg.models.backbones.bisenetv2.BiSeNetV2",
                """
                    detail_channels=(16,16,32) semantic_channels=(8,16,24,32)
                    semantic_expansion_ratio=2 bga_channels=32
                """,
            ),
            {"x": (1, 3, 128, 128)},
        )
    ),
    "mmseg-pidnet": Other(
        Case(
            _without(
                _COMPILED,
                "mmseg.models.backbones.pidnet.PIDNet",
                "channels=8 ppm_channels=12 num_stem_blocks=1 num_branch_blocks=1",
            ),
            {"x": (1, 3, 128, 128)},
        ),
        save=_averaged(  # mmengine's hook changes the two before it saves
            "ref.pth", "state_dict", "ema_state_dict", "module.", meta={"iter": 160000}
        ),
    ),
    "mmseg-mscan": Other(
        Case(
            _without(
                _COMPILED,
                "mmseg.models.backbones.mscan.MSCAN",
                """
                    embed_dims=[16,24,32,48] mlp_ratios=[4,4,4,4] depths=[1,1,1,1]
                    norm_cfg={'type':'BN'}
                """,
            ),
            _X64,
        )
    ),
    "mmdet-rtmdet": Other(Case(_Rtmdet, _X64)),
    "super_image-awsrn": Other(
        Case(
            _from(
                "super_image.models.awsrn.modeling_awsrn.AwsrnModel",
                args=_made(
                    "super_image.models.awsrn.configuration_awsrn.AwsrnConfig",
                    "scale=2 n_resblocks=1 n_awru=2 block_feats=32 n_feats=16",
                ),
            ),
            _X32,
        )
    ),
    "super_image-pan": Other(
        Case(
            _from(
                "super_image.models.pan.modeling_pan.PanModel",
                args=_made(
                    "super_image.models.pan.configuration_pan.PanConfig",
                    "scale=2 nf=16 unf=12 nb=2",
                ),
            ),
            _X32,
        ),
        save=_saved("ref.pt"),
    ),
    "torchsr-ninasr": Other(
        Case(_from("torchsr.models.ninasr.NinaSR", "n_resblocks=2 n_feats=16 scale=2"), _X32)
    ),
    "lpips-squeeze": Other(
        Case(
            _from("lpips.LPIPS", "net='squeeze' pretrained=False pnet_rand=True verbose=False"),
            {"in0": (1, 3, 64, 64), "in1": (1, 3, 64, 64)},
        )
    ),
    "clip-resnet": Other(
        Case(
            _from(
                "clip.model.CLIP",
                """
                    embed_dim=24 image_resolution=64 vision_layers=(1,1,1,1) vision_width=8
                    vision_patch_size=None context_length=8 vocab_size=99 transformer_width=32
                    transformer_heads=4 transformer_layers=2
                """,
            ),
            {"image": (1, 3, 64, 64), "text": _IDS},
        )
    ),
    "esm-esm2": Other(
        Case(
            _from("esm.model.esm2.ESM2", "num_layers=2 embed_dim=32 attention_heads=4"),
            {"tokens": torch.tensor([[0, 5, 9, 17, 3, 20, 12, 2]])},
            call=lambda inner, tokens: inner(tokens, repr_layers=[1]),
        ),
        save=_fairseq,
    ),
    "esm-msa": Other(Case(_msa, {"tokens": torch.randint(4, 24, (1, 3, 8))})),
    "enformer": Other(Case(_enformer, {"x": (1, 64, 4)})),
    "bpnetlite": Other(
        Case(
            _from(
                "bpnetlite.BPNet",
                "n_filters=16 n_layers=3 n_outputs=2 n_control_tracks=2 trimming=30 verbose=False",
            ),
            {"X": (1, 4, 160), "X_ctl": (1, 2, 160)},
        ),
        save=_saved("ref.pt"),
    ),
    "ncps-ltc": Other(Case(_wired("LTC"), {"rows": (1, 4, 6)})),
    "ncps-cfc": Other(Case(_wired("CfC"), {"rows": (1, 4, 6)}), save=_lightning("model.")),
    "bigvgan": Other(
        Case(_bigvgan, {"mel": (1, 10, 8)}),
        save=_saved("ref.pt", "generator"),
        after=lambda model: model.remove_weight_norm(),
    ),
    "speechtokenizer": Other(
        Case(_tokenizer, {"wave": (1, 1, 64)}, call=lambda inner, wave: inner(wave)[0])
    ),
    "dac": Other(
        Case(_dac, {"wave": (1, 1, 64)}, call=lambda inner, wave: inner(wave)["audio"]),
        save=_saved("ref.pth", "state_dict", metadata={"kwargs": {"encoder_dim": 8}}),
        after=_without_weight_norm,
    ),
    "asteroid-sudormrf": Other(
        Case(
            _from(
                "asteroid.models.SuDORMRFNet",
                "n_src=2 bn_chan=16 num_blocks=1 upsampling_depth=3 n_filters=24 kernel_size=9",
            ),
            {"wave": (1, 1, 128)},
            call=_separated,
        )
    ),
    "tts-parallel_wavegan": Other(
        Case(
            _from(
                "TTS.vocoder.models.parallel_wavegan_generator.ParallelWaveganGenerator",
                """
                    num_res_blocks=4 stacks=2 res_channels=16 gate_channels=24 skip_channels=16
                    aux_channels=80 upsample_factors=[2,2] inference_padding=0
                """,
            ),
            {"mel": (1, 80, 12)},
            call=_wavegan,
        ),
        save=_saved("ref.pth", "model", step=1000, epoch=3, optimizer=None),
        after=lambda model: model.remove_weight_norm(),
    ),
    "tts-glow_decoder": Other(
        Case(
            _from(
                "TTS.tts.layers.glow_tts.decoder.Decoder",
                """
                    in_channels=8 hidden_channels=24 kernel_size=3 dilation_rate=1
                    num_flow_blocks=2 num_coupling_layers=2 num_splits=4 num_squeeze=2
                """,
            ),
            {"mel": (1, 8, 12), "mask": torch.ones(1, 1, 12)},
            call=lambda inner, mel, mask: inner(mel, mask)[0],
        )
    ),
    "tts-speaker": Other(
        Case(
            _from(
                "TTS.encoder.models.resnet.ResNetSpeakerEncoder",
                """
                    input_dim=16 proj_dim=24 layers=[1,1,1,1] num_filters=[8,12,16,24]
                    encoder_type='ASP' log_input=True
                """,
            ),
            {"mel": (1, 16, 40)},
            call=lambda inner, mel: inner(mel.abs(), l2_norm=True),
        )
    ),
    "compressai-joint": Other(
        Case(
            _from("compressai.models.google.JointAutoregressiveHierarchicalPriors", "N=16 M=24"),
            _X64,
            call=_coded,
            last=_positive_gdn,
        )
    ),
    "zuko-nsf": Other(
        Case(
            _from(
                "zuko.flows.NSF", "features=4 context=3 bins=4 transforms=2 hidden_features=(16,16)"
            ),
            {"rows": (3, 4), "context": (3, 3)},
            call=lambda inner, rows, context: inner(context).log_prob(rows),
        )
    ),
    "freia": Other(Case(_invertible, {"rows": (3, 8)})),
    "tltorch": Other(Case(_Tensors, _X32)),
    "pykan": Other(
        Case(
            _from(
                "kan.MultKAN.MultKAN",
                "width=[3,4,2] grid=3 k=3 auto_save=False save_act=False symbolic_enabled=False",
            ),
            {"rows": (5, 3)},
        )
    ),
    "yolov5-fused": Other(
        Case(_yolov5, _X64, call=lambda inner, x: inner(x)[0]),
        save=_saved("ref.pt", "model", epoch=-1, best_fitness=None, optimizer=None),
        after=torch.no_grad()(lambda model: model.fuse()),
    ),
    "torch_uncertainty": Other(Case(_Ensembles, _X32)),
    "pytorchvideo-x3d": Other(
        Case(
            _from(
                "pytorchvideo.models.x3d.create_x3d",
                """
                    input_clip_length=4 input_crop_size=32 model_num_class=6 stem_dim_in=4
                    width_factor=1.0 depth_factor=1.0 head_dim_out=32
                """,
            ),
            {"clip": (1, 3, 4, 32, 32)},
        ),
        save=_saved("ref.pyth", "model_state", cfg="X3D_XS"),
    ),
    "tianshou-rainbow": Other(
        Case(_Rainbow, {"frames": (1, 4, 44, 44)}), save=_saved("ref.pth", "model")
    ),
    "torchgeo-croma": Other(
        Case(
            _from(
                "torchgeo.models.croma.CROMA",
                "encoder_dim=64 encoder_depth=2 num_heads=16 patch_size=8 image_size=32",
            ),
            {"x_sar": (1, 2, 32, 32), "x_optical": (1, 12, 32, 32)},
        )
    ),
    "torchtune-llama3_lora": Other(
        Case(
            _lora,
            {"tokens": _IDS},
        )
    ),
    "h_transformer_1d": Other(
        Case(
            _from(
                "h_transformer_1d.HTransformer1D",
                "num_tokens=90 dim=32 depth=2 max_seq_len=16 heads=4 dim_head=8 block_size=4",
            ),
            {"x": _IDS.repeat(1, 2)},
        )
    ),
    "backgroundremover-u2netp": Other(
        Case(_from("backgroundremover.u2net.u2net.U2NETP"), _X64, call=_first),
        save=_saved("ref.pth"),
    ),
    "segment_anything_hq": Other(
        Case(
            _masks,
            {
                "image": (1, 32, 4, 4),
                "place": (1, 32, 4, 4),
                "points": (1, 3, 32),
                "mask": (1, 32, 4, 4),
                "early": (1, 4, 4, 24),
            },
            call=lambda inner, image, place, points, mask, early: inner(
                image, place, points, mask, True, False, early[None]
            ),
        )
    ),
    "torchcrepe": Other(Case(_from("torchcrepe.model.Crepe", "model='tiny'"), {"x": (2, 1024)})),
    "parallel_wavegan-style_melgan": Other(
        Case(
            _with_kaiser(
                "parallel_wavegan.models.style_melgan.StyleMelGANGenerator",
                """
                    in_channels=12 aux_channels=10 channels=16 kernel_size=5
                    noise_upsample_scales=[2,2] upsample_scales=[2,2,1]
                """,
            ),
            {"mel": (1, 10, 4), "noise": (1, 12, 1)},
        ),
        save=_saved("ref.pkl", "model", optimizer=None, steps=400000, epochs=100),
        after=lambda model: model.remove_weight_norm(),
    ),
    "resemblyzer": Other(
        Case(
            _without("webrtcvad", "resemblyzer.VoiceEncoder", "device='cpu' verbose=False"),
            {"mels": (1, 12, 40)},
        ),
        save=_saved("ref.pt", "model_state", step=1564501),
    ),
    "pyannote-sincnet": Other(
        Case(
            _from("pyannote.audio.models.blocks.sincnet.SincNet", "stride=10"),
            {"wave": (1, 1, 4000)},
            last=_ordered,
        ),
        save=_lightning("sincnet."),
    ),
    "matcha-text": Other(
        Case(
            _matcha,
            {"x": _IDS},
            call=lambda inner, x: inner(x, torch.tensor([8])),
        ),
        save=_lightning("encoder."),
    ),
    "torch_rechub-ple": Other(
        Case(partial(_Tasks, "ple.PLE"), {"users": _RATINGS, "amount": (4,)})
    ),
    "torch_rechub-mmoe": Other(
        Case(partial(_Tasks, "mmoe.MMOE"), {"users": _RATINGS, "amount": (4,)}),
        save=_saved("ref.pth", "", "module."),
    ),
    "pypots-saits": Other(
        Case(
            _from(
                "pypots.nn.modules.saits.backbone.BackboneSAITS",
                """
                    n_steps=8 n_features=5 n_layers=2 d_model=32 n_heads=4 d_k=8 d_v=8 d_ffn=48
                    dropout=0.1 attn_dropout=0.1
                """,
            ),
            {"X": (1, 8, 5), "missing": torch.ones(1, 8, 5)},
            call=lambda inner, rows, missing: inner(rows, missing, 1 - torch.eye(8)[None]),
        ),
        save=_saved("ref.pypots", "model_state_dict", "backbone.", n_steps=8),
    ),
    "gluonts-tft": Other(
        Case(
            _from(
                "gluonts.torch.model.tft.module.TemporalFusionTransformerModel",
                """
                    context_length=8 prediction_length=4 d_feat_static_real=[2]
                    c_feat_static_cat=[5] d_feat_dynamic_real=[3] num_heads=2 d_hidden=16 d_var=16
                """,
            ),
            {
                "past": (1, 8),
                "static": (1, 2),
                "kind": torch.tensor([[3]]),
                "dynamic": (1, 12, 3),
            },
            call=lambda inner, past, static, kind, dynamic: inner(
                past, torch.ones_like(past), static, kind, dynamic
            ),
        ),
        save=_lightning("model."),
    ),
    "k_diffusion-image_v1": Other(
        Case(
            _from(
                "k_diffusion.models.image_v1.ImageDenoiserModelV1",
                """
                    c_in=3 feats_in=16 depths=[1,1] channels=[16,24] self_attn_depths=[False,True]
                    mapping_cond_dim=5
                """,
            ),
            {"x": (1, 3, 16, 16), "sigma": torch.tensor([1.5]), "cond": (1, 5)},
        ),
        save=_averaged("ref.pth", "model_ema", "model", epoch=12, step=9000),
    ),
    "taming-vqgan": Other(Case(_Vqgan, _X32), save=_with_loss),
    "dall_e-encoder": Other(
        Case(
            _from(
                "dall_e.encoder.Encoder",
                "n_hid=64 n_blk_per_group=1 vocab_size=512 use_mixed_precision=False",
            ),
            _X32,
        )
    ),
    "itransformer": Other(
        Case(
            _from(
                "iTransformer.iTransformer",
                """
                    num_variates=6 lookback_len=16 depth=2 dim=32 pred_length=(4,8) dim_head=8
                    heads=4 use_reversible_instance_norm=True flash_attn=False
                """,
            ),
            {"series": (1, 16, 6)},
        )
    ),
    "xlstm": Other(Case(_xlstm, {"idx": _IDS})),
    "gliner-spans": Other(
        Case(
            _from(
                "gliner.modeling.span_rep.SpanRepLayer",
                "hidden_size=24 max_width=3 span_mode='markerV0' dropout=0.1",
            ),
            {
                "words": (1, 6, 24),
                "spans": torch.tensor([[[a, min(a + b, 5)] for a in range(6) for b in range(3)]]),
            },
        )
    ),
    "chronos-bolt": Other(
        Case(_bolt, {"context": (1, 32)}, call=lambda inner, x: inner(x).quantile_preds)
    ),
    "nnunet-residual": Other(
        Case(_nnunet, {"x": (1, 2, 16, 16, 16)}),
        save=_saved(
            "ref.pth",
            "network_weights",
            current_epoch=1000,
            trainer_name="nnUNetTrainer",
            init_args={"configuration": "3d_fullres", "fold": 0},
        ),
    ),
    "snntorch": Other(Case(_Spikes, {"image": (1, 1, 12, 12)})),
    "d3rlpy-simba": Other(
        Case(
            _without(
                "gym gym.spaces",
                "d3rlpy.models.torch.encoders.SimBaEncoderWithAction",
                """
                    observation_shape=(9,) hidden_size=32 output_size=24 n_blocks=2 action_size=3
                    discrete_action=False
                """,
            ),
            {"x": (2, 9), "action": (2, 3)},
        )
    ),
    "stanza-biaffine": Other(
        Case(
            _from(
                "stanza.models.common.biaffine.DeepBiaffineScorer",
                "input1_size=24 input2_size=20 hidden_size=16 output_size=7",
            ),
            {"left": (1, 6, 24), "right": (1, 6, 20)},
        ),
        save=_saved("ref.pt", "model", config={"deep_biaff_hidden_dim": 16}),
    ),
    "braindecode-eegnet": Other(
        Case(
            _from(
                "braindecode.models.eegnet.EEGNet", "n_chans=8 n_outputs=3 n_times=128 F1=4 F2=8"
            ),
            {"x": (1, 8, 128)},
        )
    ),
    "braindecode-atcnet": Other(
        Case(
            _from(
                "braindecode.models.atcnet.ATCNet",
                "n_chans=8 n_outputs=3 n_times=500 sfreq=125 n_windows=2",
            ),
            {"x": (1, 8, 500)},
        )
    ),
    "e3nn": Other(Case(_Equivariant, {"x": (5, 16), "y": (5, 9)})),
    "pytorch_widedeep-saint": Other(
        Case(
            partial(_wide, "saint.SAINT", "n_blocks=1 n_heads=4 input_dim=16"),
            {"x": torch.tensor([[1.0, 3, 2, 0.3, -1.0], [4, 0, 1, 1.2, 0.5]])},
        )
    ),
    "pytorch_widedeep-perceiver": Other(
        Case(
            partial(
                _wide,
                "tab_perceiver.TabPerceiver",
                """
                    n_perceiver_blocks=2 n_latents=4 latent_dim=24 n_latent_heads=2
                    n_cross_attn_heads=2 n_latent_blocks=1 input_dim=16
                """,
            ),
            {"x": torch.tensor([[1.0, 3, 2, 0.3, -1.0], [4, 0, 1, 1.2, 0.5]])},
        )
    ),
    "monai-mednext": Other(
        Case(
            _from(
                "monai.networks.nets.MedNeXt",
                """
                    spatial_dims=2 init_filters=8 in_channels=2 out_channels=3 kernel_size=3
                    blocks_down=(1,1,1,1) blocks_up=(1,1,1,1) blocks_bottleneck=1
                    use_residual_connection=True global_resp_norm=True
                """,
            ),
            {"x": (1, 2, 32, 32)},
        ),
        save=_saved("ref.pt", "model"),
    ),
    "monai-swin_unetr": Other(
        Case(
            _from(
                "monai.networks.nets.SwinUNETR",
                """
                    in_channels=1 out_channels=3 depths=(1,1,1,1) num_heads=(2,2,4,4) window_size=4
                    feature_size=12 spatial_dims=2
                """,
            ),
            {"x": (1, 1, 64, 64)},
        ),
        save=_saved("ref.pt", "state_dict", "module.", epoch=40, best_acc=0.8),
    ),
    "torchrl-rssm": Other(
        Case(
            _from(
                "torchrl.modules.models.model_based.RSSMPosterior",
                "hidden_dim=32 state_dim=6 rnn_hidden_dim=24 obs_embed_dim=16",
            ),
            {"belief": (2, 24), "seen": (2, 16), "noise": (2, 6)},
        )
    ),
    "fuxictr-cross": Other(Case(_Crossed, {"rows": (3, 12)})),
    "deepxde-deeponet": Other(
        Case(_deeponet, {"function": (5, 20), "places": (5, 2)}, call=_listed),
        save=_saved("ref.pt", "model_state_dict", optimizer_state_dict={"state": {}}),
    ),
    "moshi-transformer": Other(
        Case(
            _from(
                "moshi.modules.transformer.StreamingTransformer",
                """
                    d_model=32 num_heads=4 num_layers=2 dim_feedforward=96 causal=True context=16
                    positional_embedding='rope' layer_scale=0.01 gating='silu' norm='rms_norm_f32'
                """,
            ),
            {"x": (1, 8, 32)},
        )
    ),
    "pytorch_forecasting-tft": Other(
        Case(_Forecast, {"price": (1, 6, 1), "load": (1, 6, 1), "month": (1, 6, 5)}),
        save=_lightning(""),
    ),
    "recbole-sasrec": Other(
        Case(_sasrec, {"items": _IDS, "length": torch.tensor([8])}),
        save=_saved("ref.pth", "state_dict", other_parameter=None, cur_step=0, optimizer={}),
    ),
    "stylegan2_pytorch": Other(
        Case(_Style, {"code": (1, 16), "noise": (1, 32, 32, 1)}),
        save=_saved("ref.pt", "GAN", version="1.9.0"),
    ),
}

# --- build


def _build(title: str, other: Other, folder: Path) -> None:
    """As ``later_models`` builds; the checkpoint may be another file, and then be left behind."""

    def told(model: nn.Module, place: Path) -> None:
        tell(model, place)
        if other.save:
            (place / "ref.safetensors").unlink()
            other.save(model, place)
        if other.after:
            model.requires_grad_(True)  # else what is computed anew would be no parameter
            other.after(model)
            model.requires_grad_(False)

    with patch.object(later_models, "tell", told), patch.object(later_models, "_BARE", _BARE):
        later_models._build(title, other.case, folder)


_EVERY: Final = {f"transformers-{name}": other for name, other in _FAMILIES.items()} | dict(
    _LIBRARIES
)
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, other) for title, other in _EVERY.items()
}
OPENED: Final = frozenset(CASES)
