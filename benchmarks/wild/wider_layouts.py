"""Checkpoints as training frameworks and converters of the field write them, each beside exports of
the model that its users load from it, all of them held out.

Where a checkpoint comes from another implementation (a project's own repository, a port to another
framework, a server's format), the artifact is of the implementation that users export. What a
library writes is written by the library where that can be had, else as its code does it. Each
artifact's outputs are held against those of the model. Cases of TensorFlow and JAX are built in an
environment of their own.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import importlib.util
import json
import os
import pickle
import re
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wild.layouts import (
    Decoder,
    Sound,
    State,
    Text,
    Vision,
    _ema,
    _inputs,
    _prefixed,
    _save,
    _steps,
    _tell_names,
)
from wild.shipping import declare_operators, shown
from wild.workshop import EXPORTERS, Builder, compare, export, make, shake

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

Feeds = Mapping[str, torch.Tensor]  # what goes in, by the names of the forward's arguments
Write = Callable[[nn.Module, Path], Any]  # writes the checkpoint; may answer with another model

# --- artifacts


def _run(path: Path, feeds: Sequence[Any]) -> list[Any]:
    """The outputs of an artifact for inputs in order."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float16)": np.float16, "tensor(float)": np.float32}
    given = {
        value.name: np.asarray(each).astype(kinds.get(value.type, np.asarray(each).dtype))
        for value, each in zip(session.get_inputs(), feeds, strict=True)
    }
    found: list[Any] = session.run(None, given)
    return found


def _outputs(answer: Any) -> list[Any]:
    every = answer if isinstance(answer, tuple | list) else (answer,)
    return [each.detach().numpy() for each in every]


def _made(
    model: nn.Module, arguments: tuple[Any, ...], folder: Path, steps: Sequence[str] = ()
) -> None:
    """The truth, what both exporters make of a model, and what tools make of an export."""
    from postprocess import POSTPROCESSORS

    model.float().eval()
    torch.backends.mha.set_fastpath_enabled(False)  # which has no operator of ONNX
    _tell_names(model, folder)
    with torch.no_grad():
        wanted = _outputs(model(*arguments))
    feeds = [each.numpy() for each in arguments]

    def write(path: Path, exporter: str) -> None:
        export(model, arguments, exporter, path)
        compare(_run(path, feeds), wanted, 1e-3)

    def process(path: Path, step: str, source: Path) -> None:
        POSTPROCESSORS[step](source, path, source)
        compare(_run(path, feeds), wanted, 0.05 if step == "fp16" else 1e-3)

    for exporter in EXPORTERS:
        made = make(folder, exporter, partial(write, exporter=exporter))
        for step in steps if made else ():
            source = folder / exporter / "model.onnx"
            make(folder, f"{exporter}+{step}", partial(process, step=step, source=source))


_STEPS = (("onnxslim",), ("fp16",), (), ("ort-extended",), ("onnxsim",), ())


def _case(
    kind: Callable[[], nn.Module],
    write: Write,
    seed: int,
    feeds: Callable[[nn.Module], tuple[Any, ...]] = _inputs,
) -> Builder:
    """A model of plain torch."""

    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        _declare()
        model = shake(kind(), seed)
        other = write(model, folder)
        chosen = other if isinstance(other, nn.Module) else model
        _made(chosen, feeds(chosen), folder, _STEPS[seed % len(_STEPS)])

    return build


def _hub(
    library: str,
    make_model: Callable[[Any], nn.Module],
    write: Write,
    feeds: Callable[[], Feeds],
    seed: int,
    **fixed: Any,
) -> Builder:
    """A model of a library, whose forward takes inputs by name and these arguments beside."""

    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        _declare()
        model = shake(make_model(importlib.import_module(library)), seed)
        other = write(model, folder)
        chosen = other if isinstance(other, nn.Module) else model
        given = feeds()
        shown(chosen.float(), list(given), **fixed)
        _made(chosen, tuple(given.values()), folder, _STEPS[seed % len(_STEPS)])

    return build


def _hf(model: str, config: str, **options: Any) -> Callable[[Any], nn.Module]:
    """A model of transformers by its classes and configuration."""

    def build(library: Any) -> nn.Module:
        kind = getattr(library, model)
        made: nn.Module = kind(getattr(library, config)(**options))
        return made

    return build


def _words(top: int = 90, count: int = 9) -> Callable[[], Feeds]:
    def feeds() -> Feeds:
        draw = torch.Generator().manual_seed(3)
        return {"input_ids": torch.randint(5, top, (1, count), generator=draw)}

    return feeds


def _masked() -> Feeds:
    given = _words()()
    return {**given, "attention_mask": torch.ones_like(given["input_ids"])}


def _pixels(size: int = 32) -> Callable[[], Feeds]:
    return lambda: {"pixel_values": torch.randn(1, 3, size, size)}


def _declare() -> None:
    """torchvision without its binary, where that is installed."""
    if importlib.util.find_spec("torchvision"):
        declare_operators()


def _rounded(model: nn.Module, kind: torch.dtype) -> None:
    """Have a model the numbers of a narrower type, as it has when it is loaded from such."""
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            if value.is_floating_point():
                value.copy_(value.to(kind).float())


Rules = Sequence[tuple[str, str]]


def _renamed(state: State, rules: Rules) -> State:
    """The state under other names: every rule in order, by regular expressions."""
    made: State = {}
    for name, value in state.items():
        for old, new in rules:
            name = re.sub(old, new, name)
        made[name] = value
    return made


def _joined(state: State, words: Sequence[str], title: str, ends: Sequence[str]) -> State:
    """Query, key and value in one tensor: ``words`` are what names them in ``state``."""
    made: State = {}
    for name, value in state.items():
        if words[0] in name:
            parts = [state[name.replace(words[0], word)] for word in words]
            old = f"{words[0]}."
            new = name.replace(old, title)
            for end, other in zip(("weight", "bias"), ends, strict=True):
                new = re.sub(f"{end}$", other, new) if name.endswith(end) else new
            made[new] = torch.cat(parts)
        elif not any(word in name for word in words[1:]):
            made[name] = value
    return made


# --- a project's own names, the artifact of transformers' port


def _openai_clip(state: State) -> State:
    """transformers' CLIP under the names of OpenAI's repository."""
    apart = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    held = _joined(state, apart, "attn.", ("in_proj_weight", "in_proj_bias"))
    rules = (
        (r"^vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
        (r"^vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
        (r"^vision_model\.embeddings\.patch_embedding", "visual.conv1"),
        (r"^vision_model\.pre_layrnorm", "visual.ln_pre"),
        (r"^vision_model\.post_layernorm", "visual.ln_post"),
        (r"^vision_model\.encoder\.layers", "visual.transformer.resblocks"),
        (r"^text_model\.embeddings\.token_embedding", "token_embedding"),
        (r"^text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
        (r"^text_model\.final_layer_norm", "ln_final"),
        (r"^text_model\.encoder\.layers", "transformer.resblocks"),
        (r"self_attn\.out_proj", "attn.out_proj"),
        (r"layer_norm(\d)", r"ln_\1"),
        (r"mlp\.fc1", "mlp.c_fc"),
        (r"mlp\.fc2", "mlp.c_proj"),
        (r"^visual_projection\.weight", "visual.proj"),
        (r"^text_projection\.weight", "text_projection"),
    )
    made = _renamed({k: v for k, v in held.items() if "position_ids" not in k}, rules)
    for name in ("visual.proj", "text_projection"):
        if name in made:
            made[name] = made[name].T.contiguous()
    return made


def _clip(library: Any) -> nn.Module:
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text = {**sizes, "vocab_size": 99, "max_position_embeddings": 16, "eos_token_id": 98}
    sight = {**sizes, "image_size": 32, "patch_size": 8}
    config = library.CLIPConfig(text_config=text, vision_config=sight, projection_dim=24)
    made: nn.Module = library.CLIPModel(config)
    return made


def _clip_feeds() -> Feeds:
    return {"input_ids": torch.arange(3, 12)[None], "pixel_values": torch.randn(1, 3, 32, 32)}


def _clip_original(model: nn.Module, folder: Path) -> None:
    state = _openai_clip(model.state_dict())
    torch.save({name: value.half() for name, value in state.items()}, folder / "ref.pt")
    _rounded(model, torch.float16)


def _clip_trained(model: nn.Module, folder: Path) -> None:
    """open_clip's state of training of the same names."""
    state = _openai_clip(model.state_dict())
    held = {
        "epoch": 30,
        "name": "tiny-clip",
        "state_dict": _prefixed(state, "module."),
        "optimizer": {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": []},
        "scaler": {"scale": 65536.0, "_growth_tracker": 3},
    }
    torch.save(held, folder / "ref.pt")


_ROBERTA = (
    (r"^roberta\.embeddings\.word_embeddings", "decoder.sentence_encoder.embed_tokens"),
    (r"^roberta\.embeddings\.position_embeddings", "decoder.sentence_encoder.embed_positions"),
    (r"^roberta\.embeddings\.LayerNorm", "decoder.sentence_encoder.emb_layer_norm"),
    (r"^roberta\.encoder\.layer\.", "decoder.sentence_encoder.layers."),
    (r"attention\.output\.LayerNorm", "self_attn_layer_norm"),
    (r"attention\.output\.dense", "self_attn.out_proj"),
    (r"attention\.self\.query", "self_attn.q_proj"),
    (r"attention\.self\.key", "self_attn.k_proj"),
    (r"attention\.self\.value", "self_attn.v_proj"),
    (r"intermediate\.dense", "fc1"),
    (r"output\.dense", "fc2"),
    (r"output\.LayerNorm", "final_layer_norm"),
    (r"^lm_head\.decoder\.", "decoder.lm_head."),
    (r"^lm_head\.", "decoder.lm_head."),
)


def _roberta(model: nn.Module, folder: Path) -> None:
    """fairseq's file of RoBERTa; embeddings of types are added to those of words by nobody."""
    with torch.no_grad():
        model.get_parameter("roberta.embeddings.token_type_embeddings.weight").zero_()
    drop = ("token_type", "position_ids", "lm_head.decoder.bias")
    state = {n: v for n, v in model.state_dict().items() if not any(w in n for w in drop)}
    held = {
        "args": argparse.Namespace(arch="roberta_base", task="masked_lm", encoder_layers=2),
        "model": _renamed(state, _ROBERTA),
        "optimizer_history": [{"criterion_name": "MaskedLmLoss", "num_updates": 500}],
        "extra_state": {"train_iterator": {"epoch": 1}},
        "last_optimizer_state": None,
    }
    torch.save(held, folder / "ref.pt")


_BERT = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
}


def _bert_old(model: nn.Module, folder: Path) -> None:
    """The first port of BERT: norms of gamma and beta, places among the weights, a head of its own
    copy of the embeddings.
    """
    state = {
        n.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): v
        for n, v in _prefixed(model.state_dict(), "bert.").items()
    }
    state["bert.embeddings.position_ids"] = torch.arange(32)[None]
    state["cls.predictions.bias"] = torch.randn(99)
    state["cls.predictions.transform.dense.weight"] = torch.randn(32, 32)
    state["cls.predictions.transform.dense.bias"] = torch.randn(32)
    state["cls.predictions.transform.LayerNorm.gamma"] = torch.rand(32) + 0.5
    state["cls.predictions.transform.LayerNorm.beta"] = torch.randn(32)
    state["cls.predictions.decoder.weight"] = state[
        "bert.embeddings.word_embeddings.weight"
    ].clone()
    state["cls.seq_relationship.weight"] = torch.randn(2, 32)
    state["cls.seq_relationship.bias"] = torch.randn(2)
    (folder / "ref").mkdir()
    torch.save(state, folder / "ref" / "pytorch_model.bin")
    config = {"architectures": ["BertForPreTraining"], "model_type": "bert", **_BERT}
    (folder / "ref" / "config.json").write_text(json.dumps(config))


def _convnext(model: nn.Module, folder: Path) -> None:
    """Meta's file of ConvNeXt with an average of the weights beside."""
    rules = (
        (r"^embeddings\.patch_embeddings", "downsample_layers.0.0"),
        (r"^embeddings\.layernorm", "downsample_layers.0.1"),
        (r"^encoder\.stages\.(\d)\.downsampling_layer\.(\d)", r"downsample_layers.\1.\2"),
        (r"^encoder\.stages\.(\d)\.layers\.(\d)", r"stages.\1.\2"),
        (r"layer_scale_parameter", "gamma"),
        (r"layernorm", "norm"),
    )
    state = _renamed(model.state_dict(), rules)
    average = {name: value * 1.01 for name, value in state.items()}
    torch.save({"model": state, "model_ema": average, "epoch": 299}, folder / "ref.pth")


_ORIGINAL: dict[str, Builder] = {
    "clip_original": _hub("transformers", _clip, _clip_original, _clip_feeds, 701),
    "clip_trained": _hub("transformers", _clip, _clip_trained, _clip_feeds, 702),
    "roberta_fairseq": _hub(
        "transformers",
        _hf("RobertaForMaskedLM", "RobertaConfig", **{**_BERT, "type_vocab_size": 1}),
        _roberta,
        _words(),
        705,
    ),
    "bert_old": _hub(
        "transformers", _hf("BertModel", "BertConfig", **_BERT), _bert_old, _words(), 706
    ),
    "convnext_original": _hub(
        "transformers",
        _hf("ConvNextModel", "ConvNextConfig", hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 2, 1]),
        _convnext,
        _pixels(64),
        709,
    ),
}

# --- weights of JAX and TensorFlow for models of torch


def _vit_npz(model: nn.Module, folder: Path) -> None:
    """Google's file of a vision transformer: matrices turned, heads in axes of their own."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    made = {
        "cls": state["cls_token"],
        "embedding/kernel": state["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": state["patch_embed.proj.bias"],
        "Transformer/posembed_input/pos_embedding": state["pos_embed"],
        "Transformer/encoder_norm/scale": state["norm.weight"],
        "Transformer/encoder_norm/bias": state["norm.bias"],
        "head/kernel": state["head.weight"].T,
        "head/bias": state["head.bias"],
    }
    for at in range(2):
        old, new = f"blocks.{at}.", f"Transformer/encoderblock_{at}/"
        for norm, title in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            made[f"{new}{title}/scale"] = state[f"{old}{norm}.weight"]
            made[f"{new}{title}/bias"] = state[f"{old}{norm}.bias"]
        for layer, title in (("mlp.fc1", "Dense_0"), ("mlp.fc2", "Dense_1")):
            made[f"{new}MlpBlock_3/{title}/kernel"] = state[f"{old}{layer}.weight"].T
            made[f"{new}MlpBlock_3/{title}/bias"] = state[f"{old}{layer}.bias"]
        inner = f"{new}MultiHeadDotProductAttention_1/"
        weights = state[f"{old}attn.qkv.weight"].reshape(3, 4, 8, 32)
        biases = state[f"{old}attn.qkv.bias"].reshape(3, 4, 8)
        for word, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
            made[f"{inner}{word}/kernel"] = weight.transpose(2, 0, 1)
            made[f"{inner}{word}/bias"] = bias
        made[f"{inner}out/kernel"] = state[f"{old}attn.proj.weight"].T.reshape(4, 8, 32)
        made[f"{inner}out/bias"] = state[f"{old}attn.proj.bias"]
    save: Any = np.savez
    save(folder / "ref.npz", **made)


def _flax_named(name: str, value: np.ndarray[Any, Any]) -> tuple[str, np.ndarray[Any, Any]]:
    """A tensor of transformers' torch model as its Flax port names and turns it."""
    base, _, last = name.rpartition(".")
    if last != "weight":
        return name, value
    if "embeddings" in base and value.ndim == 2 and "LayerNorm" not in base:
        return f"{base}.embedding", value
    if value.ndim == 1:
        return f"{base}.scale", value
    if value.ndim == 4:
        return f"{base}.kernel", value.transpose(2, 3, 1, 0)
    return f"{base}.kernel", value.T


def _array(value: np.ndarray[Any, Any]) -> Any:
    """An array as flax packs it into MessagePack."""
    library: Any = importlib.import_module("msgpack")
    parts = (value.shape, value.dtype.name, np.ascontiguousarray(value).tobytes())
    return library.ExtType(1, library.packb(parts, use_bin_type=True))


def _flax_port(model: nn.Module, folder: Path) -> None:
    """``flax_model.msgpack`` beside a configuration, as transformers' Flax ports were saved."""
    library: Any = importlib.import_module("msgpack")
    tree: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        if "position_ids" in name or "decoder.weight" in name or "decoder.bias" in name:
            continue
        title, held = _flax_named(name, value.numpy())
        *parents, last = title.split(".")
        place = tree
        for word in parents:
            place = place.setdefault(word, {})
        place[last] = _array(held)
    (folder / "ref").mkdir()
    packed = library.packb(tree, use_bin_type=True)
    (folder / "ref" / "flax_model.msgpack").write_bytes(packed)
    (folder / "ref" / "config.json").write_text(json.dumps({"model_type": "bert", **_BERT}))


def _tf_port(model: nn.Module, folder: Path) -> None:
    """``tf_model.h5``: Keras' older file of weights by layers, as transformers' TF ports had it."""
    import h5py

    (folder / "ref").mkdir()
    rules = (
        (r"encoder\.layer\.(\d)", r"encoder.layer_._\1"),
        (r"embeddings\.word_embeddings\.weight", "embeddings.word_embeddings.weight"),
    )
    held = {n: v for n, v in model.state_dict().items() if "position_ids" not in n}
    with h5py.File(folder / "ref" / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = [b"bert", b"classifier", b"dropout_37"]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.12.0"
        for layer in ("bert", "classifier", "dropout_37"):
            group = file.create_group(layer)
            names = []
            for name, value in _renamed(held, rules).items():
                if name.partition(".")[0] != layer:
                    continue
                title, array = _flax_named(name, value.numpy())
                title = title.replace("_._", "@").replace(".", "/").replace("@", "_._")
                title = re.sub("LayerNorm/scale", "LayerNorm/gamma", title)
                title = re.sub("LayerNorm/bias", "LayerNorm/beta", title)
                title = re.sub(
                    "(position|token_type)_embeddings/embedding", r"\1_embeddings/embeddings", title
                )
                title = re.sub("word_embeddings/embedding", "word_embeddings/weight", title)
                full = f"tf_bert_for_sequence_classification/{title}:0"
                group.create_dataset(full, data=array)
                names.append(full.encode())
            group.attrs["weight_names"] = names
    (folder / "ref" / "config.json").write_text(json.dumps({"model_type": "bert", **_BERT}))


_PORTS: dict[str, Builder] = {
    "vit_npz": _hub(
        "timm",
        lambda library: library.models.VisionTransformer(
            img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=4, num_classes=10
        ),
        _vit_npz,
        lambda: {"x": torch.randn(1, 3, 32, 32)},
        710,
    ),
    "flax_port": _hub(
        "transformers", _hf("BertForMaskedLM", "BertConfig", **_BERT), _flax_port, _words(), 711
    ),
    "tf_port": _hub(
        "transformers",
        _hf("BertForSequenceClassification", "BertConfig", **_BERT, num_labels=3),
        _tf_port,
        _words(),
        712,
    ),
}

# --- transformers: what saving turns back into the hub's layout


def _saved(**options: Any) -> Write:
    """The folder that ``save_pretrained`` writes."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = model
        library.save_pretrained(folder / "ref", **options)

    return write


_SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
_SIGHT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
_MOE = {**_SIZES, "experts_implementation": "batched_mm"}

_HUB: dict[str, Builder] = {
    "hub_dino": _hub(
        "transformers",
        _hf("Dinov2Model", "Dinov2Config", **_SIGHT),
        _saved(),
        _pixels(),
        770,
    ),
    "hub_vit": _hub(
        "transformers",
        _hf("ViTForImageClassification", "ViTConfig", **_SIGHT, intermediate_size=64),
        _saved(max_shard_size="60KB"),
        _pixels(),
        771,
    ),
    "hub_phi3": _hub(
        "transformers",
        _hf("Phi3ForCausalLM", "Phi3Config", **_SIZES, intermediate_size=48, pad_token_id=0),
        _saved(),
        _masked,
        715,
        use_cache=False,
    ),
}

# --- diffusers: pipelines and training


def _unet(library: Any) -> nn.Module:
    made: nn.Module = library.UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=4,
    )
    return made


def _vae(library: Any) -> nn.Module:
    made: nn.Module = library.AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
    )
    return made


def _reader() -> nn.Module:
    library: Any = importlib.import_module("transformers")
    sizes = {
        "vocab_size": 99,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 16,
        "projection_dim": 32,
        "eos_token_id": 98,
    }
    made: nn.Module = library.CLIPTextModel(library.CLIPTextConfig(**sizes))
    return made


def _pipe(part: str, **options: Any) -> Write:
    """A whole pipeline's folder, of which the artifact is one part."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("diffusers")
        parts: dict[str, Any] = {
            "unet": lambda: shake(_unet(library), 1),
            "vae": lambda: shake(_vae(library), 2),
            "text_encoder": lambda: shake(_reader(), 3),
        }
        every = {name: model if name == part else make() for name, make in parts.items()}
        if options.pop("half", False):
            every = {name: each.half() for name, each in every.items()}
        scheduler = library.DDIMScheduler()
        pipe = library.StableDiffusionPipeline(
            **every,
            tokenizer=None,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipe.save_pretrained(folder / "ref", **options)
        model.float()

    return write


def _unet_feeds() -> Feeds:
    return {
        "sample": torch.randn(1, 4, 8, 8),
        "timestep": torch.tensor([7]),
        "encoder_hidden_states": torch.randn(1, 5, 32),
    }


_LDM_RESNET = (
    (r"norm1\.", "in_layers.0."),
    (r"conv1\.", "in_layers.2."),
    (r"time_emb_proj\.", "emb_layers.1."),
    (r"norm2\.", "out_layers.0."),
    (r"conv2\.", "out_layers.3."),
    (r"conv_shortcut\.", "skip_connection."),
)


def _ldm_name(name: str) -> str:
    """A name of diffusers' denoiser in the repository of latent diffusion."""
    if "resnets" in name:
        for old, new in _LDM_RESNET:
            name = re.sub(old, new, name)
    rules: Rules = (
        (r"^time_embedding\.linear_1", "time_embed.0"),
        (r"^time_embedding\.linear_2", "time_embed.2"),
        (r"^conv_in", "input_blocks.0.0"),
        (r"^conv_norm_out", "out.0"),
        (r"^conv_out", "out.2"),
        (r"^down_blocks\.0\.resnets\.0", "input_blocks.1.0"),
        (r"^down_blocks\.0\.downsamplers\.0\.conv", "input_blocks.2.0.op"),
        (r"^down_blocks\.1\.resnets\.0", "input_blocks.3.0"),
        (r"^down_blocks\.1\.attentions\.0", "input_blocks.3.1"),
        (r"^mid_block\.resnets\.0", "middle_block.0"),
        (r"^mid_block\.attentions\.0", "middle_block.1"),
        (r"^mid_block\.resnets\.1", "middle_block.2"),
        (r"^up_blocks\.0\.resnets\.(\d)", r"output_blocks.\1.0"),
        (r"^up_blocks\.0\.attentions\.(\d)", r"output_blocks.\1.1"),
        (r"^up_blocks\.0\.upsamplers\.0\.conv", "output_blocks.1.2.conv"),
        (r"^up_blocks\.1\.resnets\.0", "output_blocks.2.0"),
        (r"^up_blocks\.1\.resnets\.1", "output_blocks.3.0"),
    )
    for old, new in rules:
        name = re.sub(old, new, name)
    return name


def _ldm(model: nn.Module, folder: Path) -> None:
    """One file with every part of a pipeline under the names of the first repository."""
    state = _prefixed(
        {_ldm_name(name): value for name, value in model.state_dict().items()},
        "model.diffusion_model.",
    )
    state |= {"alphas_cumprod": torch.linspace(1, 0, 1000), "betas": torch.linspace(0, 0.02, 1000)}
    seen = shake(_vae(importlib.import_module("diffusers")), 2).state_dict()
    state |= _prefixed(dict(seen), "first_stage_model.")
    state |= _prefixed(dict(shake(_reader(), 3).state_dict()), "cond_stage_model.transformer.")
    torch.save({"state_dict": state, "global_step": 470000}, folder / "ref.ckpt")


class Latents(nn.Module):
    """What turns latents into pictures, as pipelines are exported in parts."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = whole.post_quant_conv, whole.decoder

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.post_quant_conv(latent))  # type: ignore[no-any-return]


def _decoded(write: Write) -> Write:
    def both(model: nn.Module, folder: Path) -> nn.Module:
        write(model, folder)
        return Latents(model)

    return both


_DIFFUSERS: dict[str, Builder] = {
    "pipeline_unet": _hub("diffusers", _unet, _pipe("unet"), _unet_feeds, 716, return_dict=False),
    "pipeline_vae": _hub(
        "diffusers",
        _vae,
        _decoded(_pipe("vae", variant="fp16", half=True)),
        lambda: {"latent": torch.randn(1, 4, 8, 8)},
        717,
    ),
    "pipeline_text": _hub(
        "transformers",
        lambda library: _reader(),
        _pipe("text_encoder", safe_serialization=False),
        lambda: {"input_ids": torch.arange(3, 12)[None]},
        718,
    ),
    "latent_original": _hub("diffusers", _unet, _ldm, _unet_feeds, 720, return_dict=False),
}

# --- trainers


def _lightning_average(model: nn.Module, folder: Path) -> nn.Module:
    """Lightning's own callback of averages: they have changed places with the weights."""
    library: Any = importlib.import_module("lightning.pytorch")
    callbacks: Any = importlib.import_module("lightning.pytorch.callbacks")

    class System(library.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net, self.teacher_head = model, nn.Linear(20, 5)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.net(batch).square().mean() + self.teacher_head.weight.square().mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), 1e-2)

    trainer = library.Trainer(
        max_steps=4,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tempfile.mkdtemp(),
        callbacks=[callbacks.EMAWeightAveraging(decay=0.9), callbacks.ModelCheckpoint(folder)],
    )
    system = System()
    loading: Any = importlib.import_module("torch.utils.data")
    trainer.fit(system, loading.DataLoader(torch.randn(8, 3, 16, 16), batch_size=2))
    made = next(folder.glob("*.ckpt"))
    made.rename(folder / "ref.ckpt")
    held = torch.load(folder / "ref.ckpt", weights_only=False)["state_dict"]
    system.load_state_dict(held)
    return system.net.eval()


def _accelerate_two(model: nn.Module, folder: Path) -> None:
    """Accelerate's folder of two models: the first's file has no number."""
    library: Any = importlib.import_module("accelerate")
    runner = library.Accelerator(cpu=True)
    other = shake(Sound(), 9)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    first, second, optimizer = runner.prepare(model, other, optimizer)
    first(*_inputs(model)).square().mean().backward()
    optimizer.step()
    runner.save_state(str(folder / "ref"))
    model.eval()


def _speechbrain(model: nn.Module, folder: Path) -> None:
    """SpeechBrain's folder: a file a module, named after it, below the best step's folder."""
    library: Any = importlib.import_module("speechbrain.utils.checkpoints")
    lists = nn.ModuleList([model.encoder, model.decoder])  # type: ignore[list-item]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    parts = {"model": lists, "output_lin": model.output, "optimizer": optimizer}
    keeper = library.Checkpointer(folder / "ref", recoverables=parts)
    keeper.save_checkpoint(meta={"WER": 5.2}, name="best")


def _ignite(model: nn.Module, folder: Path) -> None:
    """Ignite's handler of checkpoints: what is saved by the names that its user gave."""
    engine: Any = importlib.import_module("ignite.engine")
    handlers: Any = importlib.import_module("ignite.handlers")
    optimizer = _steps(model)
    trainer = engine.Engine(lambda _, batch: 0.0)
    average = handlers.EMAHandler(model, momentum=0.1)
    given = {"trainer": trainer, "model": model, "optimizer": optimizer}
    given["ema_model"] = average.ema_model
    saver = handlers.DiskSaver(str(folder), create_dir=True, require_empty=False)
    checkpoint = handlers.Checkpoint(given, saver, filename_pattern="ref.pt")
    trainer.add_event_handler(engine.Events.EPOCH_COMPLETED, checkpoint)
    trainer.run([0, 1], max_epochs=1)


def _fused_trainer(model: nn.Module, folder: Path) -> None:
    """apex: the model in half precision, its full numbers without names in the optimizer."""
    full = [value.detach().clone() for value in model.parameters()]
    _rounded(model, torch.float16)
    inner = torch.optim.Adam([value.requires_grad_() for value in full]).state_dict()
    optimizer = {
        "loss_scaler": {"cur_scale": 32768.0, "cur_iter": 100},
        "dynamic_loss_scale": True,
        "overflow": False,
        "first_closure_call_this_step": True,
        "optimizer_state_dict": inner,
        "fp32_groups_flat": [value.detach() for value in full],
        "fp32_from_fp16": [[value.detach() for value in full]],
    }
    state = {n: v.half() if v.is_floating_point() else v for n, v in model.state_dict().items()}
    amp = {"loss_scaler0": {"loss_scale": 65536.0, "unskipped": 12}}
    torch.save({"model": state, "optimizer": optimizer, "amp": amp}, folder / "ref.pt")


def _hub_writer(model: nn.Module, folder: Path) -> None:
    """torch's distributed checkpoint written as shards of safetensors."""
    library: Any = importlib.import_module("torch.distributed.checkpoint")
    places = {name: 1 + at % 2 for at, name in enumerate(model.state_dict())}
    writer = library.HuggingFaceStorageWriter(
        path=str(folder / "ref"), fqn_to_index_mapping=places, save_distributed=False
    )
    library.save(dict(model.state_dict()), storage_writer=writer, no_dist=True)


def _fsdp_trainer(model: nn.Module, folder: Path) -> None:
    """transformers' Trainer under FSDP: the weights only in a distributed checkpoint's folder."""
    library: Any = importlib.import_module("torch.distributed.checkpoint")
    place = folder / "ref" / "checkpoint-100"
    optimizer = _steps(model)
    library.save(
        {"model": model.state_dict()}, checkpoint_id=place / "pytorch_model_fsdp_0", no_dist=True
    )
    state = {"optimizer": optimizer.state_dict()}
    library.save(state, checkpoint_id=place / "optimizer_0", no_dist=True)
    torch.save({"last_epoch": 100}, place / "scheduler.pt")
    (place / "trainer_state.json").write_text(json.dumps({"global_step": 100, "epoch": 1.0}))
    torch.save(
        argparse.Namespace(output_dir="out", fsdp=["full_shard"]), place / "training_args.bin"
    )


_TRAINERS: dict[str, Builder] = {
    "lightning_average": _case(Vision, _lightning_average, 721),
    "accelerate_two": _case(Text, _accelerate_two, 722),
    "speechbrain": _case(Sound, _speechbrain, 723),
    "ignite": _case(Vision, _ignite, 724),
    "apex": _case(Text, _fused_trainer, 727),
    "hub_writer": _case(Decoder, _hub_writer, 728),
    "fsdp_trainer": _case(Decoder, _fsdp_trainer, 729),
}

# --- projects' own files


def _demucs(model: nn.Module, folder: Path) -> None:
    """Demucs' package: the class with its arguments, the state in half precision."""
    state = {n: v.half() if v.is_floating_point() else v for n, v in model.state_dict().items()}
    held = {
        "klass": type(model),
        "args": (),
        "kwargs": {},
        "state": state,
        "training_args": {"epochs": 360, "optim": {"lr": 3e-4}},
        "metrics": {"nsdr": np.float64(6.5)},
    }
    torch.save(held, folder / "ref.th")
    _rounded(model, torch.float16)


def _persistent(model: nn.Module, folder: Path) -> nn.Module:
    """Whole networks in plain pickle, as the StyleGANs are shared."""
    average, judge = _ema(model), shake(Vision(), 9)
    held = {"training_set_kwargs": {"resolution": 16}, "G": model, "D": judge, "G_ema": average}
    held["augment_pipe"] = None
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(held, file)
    return average


def _tarred(model: nn.Module, folder: Path) -> None:
    """A hosted service's archive of what training wrote."""
    import tarfile

    with tempfile.TemporaryDirectory() as work:
        torch.save({"state_dict": model.state_dict()}, f"{work}/model.pth")
        Path(work, "inference.py").write_text("def model_fn(model_dir):\n    ...\n")
        with tarfile.open(folder / "ref.tar.gz", "w:gz") as archive:
            archive.add(f"{work}/model.pth", "model.pth")
            archive.add(f"{work}/inference.py", "code/inference.py")


def _darknet(model: nn.Module, folder: Path) -> None:
    """Darknet's flat file of numbers by layers, and the configuration that tells where they are."""
    parts = []
    text = ["[net]\nwidth=32\nheight=32\nchannels=3\n"]
    layers = list(model.children())
    for at, layer in enumerate(layers):
        if not isinstance(layer, nn.Conv2d):
            continue
        after: Any = layers[at + 1] if at + 1 < len(layers) else None
        normed = isinstance(after, nn.BatchNorm2d)
        if normed:
            parts += [after.bias, after.weight, after.running_mean, after.running_var]
        else:
            parts.append(layer.bias)
        parts.append(layer.weight)
        text.append(
            f"[convolutional]\nbatch_normalize={int(normed)}\nfilters={layer.out_channels}\n"
            f"size={layer.kernel_size[0]}\nstride={layer.stride[0]}\npad=1\n"
            f"activation={'leaky' if normed else 'linear'}\n"
        )
    flat = torch.cat([part.detach().flatten() for part in parts]).numpy()
    (folder / "ref").mkdir()
    header = struct.pack("<iiiq", 0, 2, 5, 32013312)
    (folder / "ref" / "tiny.weights").write_bytes(header + flat.tobytes())
    (folder / "ref" / "tiny.cfg").write_text("\n".join(text))


def _tiny_yolo() -> nn.Module:
    layers: list[nn.Module] = []
    for n_in, n_out, stride in ((3, 8, 1), (8, 16, 2), (16, 32, 2)):
        layers.append(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False))
        layers += [nn.BatchNorm2d(n_out), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers, nn.Conv2d(32, 18, 1))


class Actor(nn.Module):
    """What a robot runs: observations by their statistics, then layers."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = nn.Sequential(
            nn.Linear(24, 64), nn.ELU(), nn.Linear(64, 32), nn.ELU(), nn.Linear(32, 6)
        )

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.actor(seen)  # type: ignore[no-any-return]


def _seen(model: nn.Module) -> tuple[torch.Tensor, ...]:
    return (torch.randn(1, 24),)


def _rsl(model: nn.Module, folder: Path) -> None:
    """RSL-RL's file: actor and critic of the same form, and noise, below one name."""
    critic = nn.Sequential(
        nn.Linear(24, 64), nn.ELU(), nn.Linear(64, 32), nn.ELU(), nn.Linear(32, 1)
    )
    state = {"std": torch.rand(6), **model.state_dict()}
    state |= _prefixed(dict(critic.state_dict()), "critic.")
    held = {
        "model_state_dict": state,
        "optimizer_state_dict": torch.optim.Adam(critic.parameters()).state_dict(),
        "iter": 1500,
        "infos": None,
    }
    torch.save(held, folder / "ref.pt")


_PROJECTS: dict[str, Builder] = {
    "demucs": _case(Sound, _demucs, 731),
    "persistent": _case(Vision, _persistent, 735),
    "tarred": _case(Vision, _tarred, 738),
    "darknet": _case(_tiny_yolo, _darknet, 739, lambda model: (torch.randn(1, 3, 32, 32),)),
    "rsl": _case(Actor, _rsl, 740, _seen),
}

# --- MLX


def _mlx_codes(weight: torch.Tensor, bits: int, group: int) -> tuple[State, torch.Tensor]:
    """MLX's affine codes: words of 32 bits, a scale and a bias a group, in half precision."""
    blocks = weight.reshape(weight.shape[0], -1, group)
    low, high = blocks.amin(-1, keepdim=True), blocks.amax(-1, keepdim=True)
    scales = ((high - low) / (2**bits - 1)).half()
    biases = low.half()
    values = ((blocks - biases.float()) / scales.float()).round().clamp(0, 2**bits - 1)
    count = 32 // bits
    rows = values.reshape(weight.shape[0], -1, count).long() << torch.arange(count) * bits
    kept = {
        "weight": torch.from_numpy(rows.sum(-1).numpy().astype(np.uint32)),
        "scales": scales.squeeze(-1),
        "biases": biases.squeeze(-1),
    }
    return kept, (values * scales.float() + biases.float()).reshape(weight.shape)


def _mlx(bits: int, group: int) -> Write:
    """A folder of mlx-lm: matrices and embeddings in codes, all else in half precision."""

    def write(model: nn.Module, folder: Path) -> None:
        _rounded(model, torch.float16)
        state: State = {}
        with torch.no_grad():
            for name, value in model.named_parameters():
                if value.dim() != 2:
                    state[name] = value.half()
                    continue
                kept, stands = _mlx_codes(value, bits, group)
                state |= {
                    f"{name.removesuffix('weight')}{word}": each for word, each in kept.items()
                }
                value.copy_(stands)
        _save(state, folder / "ref" / "model.safetensors")
        quantization = {"group_size": group, "bits": bits}
        config = {"model_type": "qwen2", "quantization": quantization, **_SIZES}
        config["quantization_config"] = quantization
        (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


# --- llama.cpp's files


def _blocks(kind: Any, count: int, draw: np.random.Generator) -> np.ndarray[Any, Any]:
    """Random blocks of a type whose scales are small numbers."""
    library: Any = importlib.import_module("gguf")
    size = library.GGML_QUANT_SIZES[kind][1]
    blocks = draw.integers(0, 256, (count, size), np.uint8)
    ends = {"Q4_K": (0, 2), "Q5_K": (0, 2), "Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,)}
    ends |= {"IQ4_XS": (0,)}
    for at in ends[kind.name]:
        held = (draw.random(count) * 2e-3 + 1e-4).astype(np.float16)
        blocks[:, at : at + 2] = held.view(np.uint8).reshape(count, 2)
    return blocks


def _gguf_file(path: Path, arch: str, tensors: Iterable[tuple[str, Any, Any]], **keys: int) -> None:
    """A file with these tensors: a name, its data, its type if that is not the data's own."""
    library: Any = importlib.import_module("gguf")
    writer = library.GGUFWriter(str(path), arch)
    for key, value in keys.items():
        getattr(writer, f"add_{key}")(value)
    for name, data, kind in tensors:
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


_GGUF_LLAMA = (
    (r"^model\.embed_tokens", "token_embd"),
    (r"^model\.norm", "output_norm"),
    (r"^lm_head", "output"),
    (r"^model\.layers\.", "blk."),
    (r"self_attn\.qkv_proj", "attn_qkv"),
    (r"self_attn\.(\w)_proj", r"attn_\1"),
    (r"self_attn\.(\w)_norm", r"attn_\1_norm"),
    (r"mlp\.gate_up_proj", "ffn_up"),
    (r"mlp\.gate\.", "ffn_gate_inp."),
    (r"mlp\.(gate|up|down)_proj", r"ffn_\1"),
    (r"pre_feedforward_layernorm", "ffn_norm"),
    (r"post_feedforward_layernorm", "post_ffw_norm"),
    (r"input_layernorm", "attn_norm"),
    (r"post_attention_layernorm", "ffn_norm"),
    (r"attn_o\.", "attn_output."),
)
_KEYS = {"block_count": 2, "context_length": 64, "embedding_length": 32, "head_count": 4}


def _gguf_mixed(model: nn.Module, folder: Path) -> None:
    """A mix of types, as most files are shared: better ones for values and what comes out."""
    library: Any = importlib.import_module("gguf")
    kinds = {"attn_v": "Q6_K", "ffn_down": "Q5_K", "token_embd": "Q3_K", "output": "Q6_K"}
    kinds |= {"attn_k": "IQ4_XS", "ffn_gate": "Q2_K"}
    draw = np.random.default_rng(7)
    tensors = []
    for name, value in model.state_dict().items():
        title = next(iter(_renamed({name: value}, _GGUF_LLAMA)))
        if value.dim() < 2:
            tensors.append((title, value.numpy(), None))
            continue
        part = title.removesuffix(".weight").rpartition(".")[2]
        kind = library.GGMLQuantizationType[kinds.get(part, "Q4_K")]
        blocks = _blocks(kind, value.numel() // 256, draw).reshape(value.shape[0], -1)
        held = np.asarray(library.quants.dequantize(blocks, kind), np.float32)
        value.copy_(torch.from_numpy(held.reshape(value.shape)))
        tensors.append((title, blocks, kind))
    _gguf_file(folder / "ref.gguf", "qwen2", tensors, **{**_KEYS, "embedding_length": 256})


def _gguf_gemma(model: nn.Module, folder: Path) -> None:
    """Gemma's norms, one more than what the model has; matrices in half precision."""
    rules = ((r"post_attention_layernorm", "post_attention_norm"), *_GGUF_LLAMA)
    _rounded(model, torch.float16)
    tensors = []
    for name, value in _renamed(dict(model.state_dict()), rules).items():
        if name.startswith("output.") or "rotary" in name:
            continue
        held = value.numpy() + np.float32("norm" in name)
        tensors.append((name, held.astype(np.float16) if held.ndim > 1 else held, None))
    _gguf_file(folder / "ref.gguf", "gemma2", tensors, **_KEYS)


def _gguf_fused(model: nn.Module, folder: Path) -> None:
    """Phi's joined matrices, in 8 bits."""
    library: Any = importlib.import_module("gguf")
    kind = library.GGMLQuantizationType.Q8_0
    tensors = []
    for name, value in model.state_dict().items():
        title = next(iter(_renamed({name: value}, _GGUF_LLAMA)))
        if value.dim() < 2:
            tensors.append((title, value.numpy(), None))
            continue
        data = library.quants.quantize(value.numpy(), kind)
        value.copy_(torch.from_numpy(library.quants.dequantize(data, kind).copy()))
        tensors.append((title, data, kind))
    _gguf_file(folder / "ref.gguf", "phi3", tensors, **_KEYS)


def _gguf_bert(model: nn.Module, folder: Path) -> None:
    """An encoder for embeddings."""
    rules = (
        (r"^embeddings\.word_embeddings", "token_embd"),
        (r"^embeddings\.token_type_embeddings", "token_types"),
        (r"^embeddings\.position_embeddings", "position_embd"),
        (r"^embeddings\.LayerNorm", "token_embd_norm"),
        (r"^encoder\.layer\.", "blk."),
        (r"attention\.output\.LayerNorm", "attn_output_norm"),
        (r"attention\.output\.dense", "attn_output"),
        (r"attention\.self\.(\w)\w+", r"attn_\1"),
        (r"intermediate\.dense", "ffn_up"),
        (r"output\.dense", "ffn_down"),
        (r"output\.LayerNorm", "layer_output_norm"),
    )
    state = {n: v for n, v in model.state_dict().items() if not re.search("pooler|_ids", n)}
    _rounded(model, torch.float16)
    tensors = []
    for name, value in _renamed(state, rules).items():
        narrow = value.dim() > 1 and name not in ("position_embd.weight", "token_types.weight")
        tensors.append((name, value.numpy().astype(np.float16 if narrow else np.float32), None))
    _gguf_file(folder / "ref.gguf", "bert", tensors, **_KEYS)


def _gguf_experts(model: nn.Module, folder: Path) -> None:
    """Experts' matrices in one tensor of three axes for each kind."""
    state: State = {}
    for name, value in model.state_dict().items():
        base = name.partition("mlp.experts.")[0]
        if name.endswith("experts.gate_up_proj"):
            gate, up = value.chunk(2, 1)
            state[f"{base}ffn_gate_exps.weight"] = gate.contiguous()
            state[f"{base}ffn_up_exps.weight"] = up.contiguous()
        elif name.endswith("experts.down_proj"):
            state[f"{base}ffn_down_exps.weight"] = value
        else:
            state[name] = value
    library: Any = importlib.import_module("gguf")
    kind = library.GGMLQuantizationType.BF16
    tensors = []
    for name, value in _renamed(state, _GGUF_LLAMA).items():
        if value.dim() < 2 or "gate_inp" in name:
            tensors.append((name, value.numpy(), None))
            continue
        data = library.quants.quantize(value.numpy(), kind)
        value.copy_(value.bfloat16().float())
        tensors.append((name, data, kind))
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() > 1 and not name.endswith("mlp.gate.weight"):
                value.copy_(value.bfloat16().float())
    _gguf_file(folder / "ref.gguf", "qwen3moe", tensors, **_KEYS)


_QWEN = {**_SIZES, "intermediate_size": 64}
_SERVERS: dict[str, Builder] = {
    "mlx_4": _hub(
        "transformers",
        _hf("Qwen2ForCausalLM", "Qwen2Config", **_QWEN),
        _mlx(4, 32),
        _masked,
        744,
        use_cache=False,
    ),
    "mlx_8": _case(Decoder, _mlx(8, 64), 745),
    "gguf_mixed": _hub(
        "transformers",
        _hf(
            "Qwen2ForCausalLM",
            "Qwen2Config",
            **{**_QWEN, "hidden_size": 256, "intermediate_size": 256, "head_dim": 64},
        ),
        _gguf_mixed,
        _masked,
        747,
        use_cache=False,
    ),
    "gguf_gemma": _hub(
        "transformers",
        _hf("Gemma2ForCausalLM", "Gemma2Config", **_QWEN, head_dim=8, pad_token_id=0),
        _gguf_gemma,
        _masked,
        748,
        use_cache=False,
    ),
    "gguf_fused": _hub(
        "transformers",
        _hf("Phi3ForCausalLM", "Phi3Config", **_QWEN, pad_token_id=0),
        _gguf_fused,
        _masked,
        749,
        use_cache=False,
    ),
    "gguf_bert": _hub(
        "transformers",
        lambda library: library.BertModel(library.BertConfig(**_BERT), add_pooling_layer=False),
        _gguf_bert,
        _words(),
        750,
    ),
    "gguf_experts": _hub(
        "transformers",
        _hf(
            "Qwen3MoeForCausalLM",
            "Qwen3MoeConfig",
            **_MOE,
            head_dim=8,
            intermediate_size=48,
            moe_intermediate_size=32,
            num_experts=4,
            num_experts_per_tok=2,
        ),
        _gguf_experts,
        _masked,
        751,
        use_cache=False,
    ),
}

# --- another file of a runtime as the reference


def _other_export(exporter: str, **given: Any) -> Write:
    """The reference is what the other exporter wrote with these options."""

    def write(model: nn.Module, folder: Path) -> None:
        export(model, _inputs(model), exporter, folder / "ref.onnx", **given)

    return write


_RUNTIMES: dict[str, Builder] = {
    "onnx_other_exporter": _case(Sound, _other_export("torchscript", opset_version=14), 755),
    "onnx_training": _case(
        Vision,
        _other_export(
            "torchscript", training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False
        ),
        756,
    ),
}

# --- adapters, sentences


def _peft(settings: str, **options: Any) -> Write:
    """The whole state of a model that has peft's layers; the artifact has them merged."""

    def write(model: nn.Module, folder: Path) -> nn.Module:
        library: Any = importlib.import_module("peft")
        wrapped = library.get_peft_model(
            copy.deepcopy(model), getattr(library, settings)(**options)
        )
        with torch.no_grad():
            for name, value in wrapped.named_parameters():
                if any(word in name for word in ("lora_", "ia3_", "vera_", "oft_", "magnitude")):
                    value.add_(0.1 * torch.randn(value.shape))
        torch.save({"state_dict": wrapped.state_dict()}, folder / "ref.pt")
        return copy.deepcopy(wrapped).merge_and_unload()  # type: ignore[no-any-return]

    return write


class Embedder(nn.Module):
    """What users export of a model of sentences: all of its parts, one after another."""

    def __init__(self, body: nn.Module, dense: nn.Module) -> None:
        super().__init__()
        self.auto_model, self.linear = body, dense

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        held = self.auto_model(input_ids).last_hidden_state.mean(1)
        return torch.nn.functional.normalize(torch.tanh(self.linear(held)), dim=-1)


def _sentence_folder(model: nn.Module, folder: Path) -> None:
    """sentence-transformers' folder: the body at its root, other parts in folders of theirs."""
    inner: Any = model
    inner.auto_model.save_pretrained(folder / "ref")
    names = ("Transformer", "Pooling", "Dense", "Normalize")
    parts = [
        {
            "idx": at,
            "name": str(at),
            "path": f"{at}_{name}" if at else "",
            "type": f"sentence_transformers.models.{name}",
        }
        for at, name in enumerate(names)
    ]
    (folder / "ref" / "modules.json").write_text(json.dumps(parts))
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    dense = {"in_features": 32, "out_features": 16, "bias": True}
    dense["activation_function"] = "torch.nn.modules.activation.Tanh"  # type: ignore[assignment]
    for name, config in (("1_Pooling", pooling), ("2_Dense", dense)):
        (folder / "ref" / name).mkdir()
        (folder / "ref" / name / "config.json").write_text(json.dumps(config))
    state = _prefixed(dict(inner.linear.state_dict()), "linear.")
    _save(state, folder / "ref" / "2_Dense" / "model.safetensors")


def _meta_ranks(model: nn.Module, folder: Path) -> None:
    """Meta's two files: each has its heads' rows, or columns, in the order of pairs."""
    state: State = {}
    rules = (
        (r"^model\.", ""),
        (r"^embed_tokens", "tok_embeddings"),
        (r"^lm_head", "output"),
        (r"self_attn\.(\w)_proj", r"attention.w\1"),
        (r"mlp\.gate_proj", "feed_forward.w1"),
        (r"mlp\.down_proj", "feed_forward.w2"),
        (r"mlp\.up_proj", "feed_forward.w3"),
        (r"input_layernorm", "attention_norm"),
        (r"post_attention_layernorm", "ffn_norm"),
    )
    for name, value in model.state_dict().items():
        held = value
        if "q_proj" in name or "k_proj" in name:
            held = value.view(-1, 2, 4, 32).transpose(1, 2).reshape(value.shape)
        state[name] = held.bfloat16()
    state = _renamed(state, rules)
    ranks: list[State] = [{}, {}]
    for name, value in state.items():
        across = re.search(r"(wo|w2|tok_embeddings)\.weight", name)
        parts = (value, value) if value.dim() < 2 else value.chunk(2, 1 if across else 0)
        for rank, part in zip(ranks, parts, strict=True):
            rank[name] = part.clone()
    (folder / "ref").mkdir()
    for at, rank in enumerate(ranks):
        rank["rope.freqs"] = torch.rand(4)
        torch.save(rank, folder / "ref" / f"consolidated.{at:02}.pth")
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 99}
    (folder / "ref" / "params.json").write_text(json.dumps(sizes))
    _rounded(model, torch.bfloat16)


_GPT = {"vocab_size": 99, "n_positions": 32, "n_embd": 32, "n_layer": 2, "n_head": 4}


def _nano(model: nn.Module, folder: Path) -> None:
    """nanoGPT trained on: linear layers where the port has convolutions of one place."""
    turned = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
    state = {
        n: v.T.contiguous() if n.endswith(turned) else v for n, v in model.state_dict().items()
    }
    held = {
        "model": _prefixed(state, "_orig_mod."),
        "model_args": {"n_layer": 2, "n_head": 4, "n_embd": 32, "block_size": 32},
        "iter_num": 2000,
        "best_val_loss": torch.tensor(2.9),
        "config": {"init_from": "gpt2", "compile": True},
    }
    torch.save(held, folder / "ref.pt")


_TARGETS = ["q_proj", "v_proj", "down_proj"]
_LLAMA = _hf("LlamaForCausalLM", "LlamaConfig", **_QWEN)
_ADAPTED: dict[str, Builder] = {
    "peft_dora": _case(
        Decoder,
        _peft("LoraConfig", target_modules=_TARGETS, r=4, lora_alpha=4, use_dora=True),
        757,
    ),
    "peft_ia3": _case(
        Decoder,
        _peft("IA3Config", target_modules=_TARGETS, feedforward_modules=["down_proj"]),
        758,
    ),
    "peft_saved": _case(
        Decoder,
        _peft(
            "LoraConfig",
            target_modules=["q_proj", "v_proj", "embed_tokens"],
            modules_to_save=["lm_head"],
            r=4,
            lora_alpha=4,
        ),
        759,
    ),
    "sentence_folder": _hub(
        "transformers",
        lambda library: Embedder(
            library.BertModel(library.BertConfig(**_BERT), add_pooling_layer=False),
            nn.Linear(32, 16),
        ),
        _sentence_folder,
        _words(),
        760,
    ),
    "meta_ranks": _hub("transformers", _LLAMA, _meta_ranks, _masked, 761, use_cache=False),
    "nano": _hub(
        "transformers",
        _hf("GPT2LMHeadModel", "GPT2Config", **_GPT),
        _nano,
        _masked,
        762,
        use_cache=False,
    ),
}

# --- estimators


def _rows(count: int = 6) -> np.ndarray[Any, Any]:
    return np.random.default_rng(11).standard_normal((count, 12)).astype(np.float32)


def _estimator(make_one: Callable[[], Any], keep: Callable[[Any, Path], None]) -> Builder:
    """An estimator of scikit-learn that has learned, and skl2onnx's export; there is no truth."""

    def build(folder: Path) -> None:
        converters: Any = importlib.import_module("skl2onnx")
        draw = np.random.default_rng(12)
        rows = draw.standard_normal((300, 12)).astype(np.float32)
        labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int) + (rows[:, 3] > 0.5)
        estimator = make_one().fit(rows, labels)
        keep(estimator, folder)
        found = estimator.predict_proba if hasattr(estimator, "predict_proba") else None
        wanted = found(_rows()) if found else estimator.predict(_rows())
        options = {id(estimator): {"zipmap": False}} if found else None

        def write(path: Path) -> None:
            made = converters.to_onnx(estimator, _rows(), options=options)
            path.write_bytes(made.SerializeToString())
            answer = _run(path, [_rows()])
            compare([np.ravel(answer[1 if found else 0])], [np.ravel(wanted)], 1e-3)

        make(folder, "skl2onnx", write)

    return build


def _pickled(estimator: Any, folder: Path) -> None:
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(estimator, file)


def _dumped(estimator: Any, folder: Path) -> None:
    importlib.import_module("joblib").dump(estimator, folder / "ref.joblib", compress=3)


def _shared(estimator: Any, folder: Path) -> None:
    importlib.import_module("skops.io").dump(estimator, folder / "ref.skops")


def _perceptron() -> Any:
    nets: Any = importlib.import_module("sklearn.neural_network")
    scale: Any = importlib.import_module("sklearn.preprocessing")
    pipe: Any = importlib.import_module("sklearn.pipeline")
    net = nets.MLPClassifier((32, 16), max_iter=40, random_state=3)
    return pipe.Pipeline([("scale", scale.StandardScaler()), ("net", net)])


def _reduced() -> Any:
    parts: Any = importlib.import_module("sklearn.decomposition")
    lines: Any = importlib.import_module("sklearn.linear_model")
    pipe: Any = importlib.import_module("sklearn.pipeline")
    return pipe.make_pipeline(parts.PCA(8), lines.LogisticRegression(max_iter=300))


def _forest() -> Any:
    return importlib.import_module("sklearn.ensemble").RandomForestClassifier(
        12, max_depth=6, random_state=3
    )


def _kernels() -> Any:
    return importlib.import_module("sklearn.svm").SVR(kernel="rbf")


def _boosted(library: str) -> Builder:
    """Trees of a library of boosting in its own file, and their export."""

    def build(folder: Path) -> None:
        draw = np.random.default_rng(12)
        rows = draw.standard_normal((300, 12)).astype(np.float32)
        values = rows[:, 0] * 2 + rows[:, 1] * rows[:, 2]
        converters: Any = importlib.import_module("onnxmltools")
        kinds: Any = importlib.import_module("onnxmltools.convert.common.data_types")
        types = [("input", kinds.FloatTensorType([None, 12]))]
        tool: Any = importlib.import_module(library)
        if library == "xgboost":
            model = tool.XGBRegressor(n_estimators=20, max_depth=4).fit(rows, values)
            model.save_model(folder / "ref.ubj")
            convert = converters.convert_xgboost
        elif library == "lightgbm":
            model = tool.LGBMRegressor(n_estimators=20, verbose=-1).fit(rows, values)
            model.booster_.save_model(folder / "ref.txt")
            convert = converters.convert_lightgbm
        else:
            model = tool.CatBoostRegressor(iterations=20, depth=4, verbose=False)
            model.set_params(train_dir=tempfile.mkdtemp()).fit(rows, values)
            model.save_model(str(folder / "ref.cbm"))
        wanted = model.predict(_rows())

        def write(path: Path) -> None:
            if library == "catboost":
                model.save_model(str(path), format="onnx")
            else:
                path.write_bytes(convert(model, initial_types=types).SerializeToString())
            compare([np.ravel(_run(path, [_rows()])[0])], [np.ravel(wanted)], 1e-3)

        make(folder, "onnxmltools", write)

    return build


_ESTIMATORS: dict[str, Builder] = {
    "sklearn_perceptron": _estimator(_perceptron, _dumped),
    "sklearn_reduced": _estimator(_reduced, _pickled),
    "sklearn_forest": _estimator(_forest, _shared),
    "sklearn_kernels": _estimator(_kernels, _pickled),
    "xgboost": _boosted("xgboost"),
    "lightgbm": _boosted("lightgbm"),
    "catboost": _boosted("catboost"),
}

# --- TensorFlow and Keras


def _bert_google(model: nn.Module, folder: Path) -> None:
    """Google's checkpoint of BERT: three files of TensorFlow 1, moments among the variables."""
    tf: Any = importlib.import_module("tensorflow")
    rules = (
        (r"encoder\.layer\.", "encoder.layer_"),
        (r"(word|position|token_type)_embeddings\.weight", r"\1_embeddings"),
        (r"LayerNorm\.weight", "LayerNorm.gamma"),
        (r"LayerNorm\.bias", "LayerNorm.beta"),
        (r"\.weight$", ".kernel"),
        (r"\.", "/"),
    )
    state = {n: v for n, v in model.state_dict().items() if "_ids" not in n}
    (folder / "ref").mkdir(exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = []
        for name, value in _renamed(_prefixed(state, "bert."), rules).items():
            held = value.numpy().T if name.endswith("kernel") else value.numpy()
            for end, factor in (("", 1.0), ("/adam_m", 1e-3), ("/adam_v", 1e-6)):
                given = tf.constant(held * np.float32(factor))
                variables.append(tf.compat.v1.Variable(given, name=name + end))
        variables.append(tf.compat.v1.Variable(1000, name="global_step"))
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        saver.save(session, str(folder / "ref" / "bert_model.ckpt"), write_meta_graph=True)
    (folder / "ref" / "bert_config.json").write_text(json.dumps(_BERT))


def _keras_pictures(keras: Any) -> Any:
    layers = keras.layers
    image = keras.Input((12, 12, 3), name="image")
    held = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(image)
    held = layers.BatchNormalization(name="stem_bn")(held)
    held = layers.ReLU()(held)
    held = layers.SeparableConv2D(12, 3, name="sep")(held)
    held = layers.GlobalAveragePooling2D()(held)
    held = layers.Dense(16, activation="swish", name="hidden")(held)
    return keras.Model(image, layers.Dense(5, name="out")(held))


def _keras_words(keras: Any) -> Any:
    layers = keras.layers
    words = keras.Input((9,), dtype="int32", name="words")
    held = layers.Embedding(60, 16, name="table")(words)
    held = held + layers.MultiHeadAttention(2, 8, name="heads")(held, held)
    held = layers.LayerNormalization(name="norm")(held)
    held = layers.Bidirectional(layers.LSTM(8, return_sequences=True), name="both")(held)
    return keras.Model(words, layers.Dense(7, name="out")(held))


def _keras_parts(keras: Any) -> Any:
    """A class of its own around lists and dictionaries of layers and other models."""
    layers = keras.layers

    class Block(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, units: int, **given: Any) -> None:
            super().__init__(**given)
            self.norm, self.up = layers.LayerNormalization(), layers.Dense(2 * units, "swish")
            self.down = layers.Dense(units)

        def build(self, shape: Any) -> None:
            self.norm.build(shape)
            self.up.build(shape)
            self.down.build((*shape[:-1], 2 * shape[-1]))
            self.scale = self.add_weight(shape=(shape[-1],), name="layer_scale")

        def call(self, held: Any) -> Any:
            return held + self.scale * self.down(self.up(self.norm(held)))

    class Net(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [Block(12, name=f"block_{at}") for at in range(3)]
            self.heads = {"value": layers.Dense(4), "policy": layers.Dense(3)}
            self.body = keras.Sequential([keras.Input((10,)), layers.Dense(12, "tanh")])

        def call(self, row: Any) -> Any:
            held = self.body(row)
            for block in self.blocks:
                held = block(held)
            parts = [self.heads["value"](held), self.heads["policy"](held)]
            return keras.ops.concatenate(parts, -1)

    return Net()


def _given_rows(shape: Sequence[int], top: int = 0) -> np.ndarray[Any, Any]:
    draw = np.random.default_rng(21)
    if top:
        return draw.integers(0, top, shape).astype(np.int32)
    return draw.standard_normal(shape).astype(np.float32)


KerasWrite = Callable[[Any, Any, Path], Any]  # of a model, its inputs and a folder


def _keras_case(
    build_model: Callable[[Any], Any],
    rows: np.ndarray[Any, Any],
    write: KerasWrite,
    steps: Sequence[str] = (),
    library: str = "keras",
    ways: Sequence[str] = ("keras", "function"),
) -> Builder:
    """A model of Keras; ``write`` may train it, and writes the checkpoint."""

    def build(folder: Path) -> None:
        frameworks: Any = importlib.import_module("wild.other_frameworks")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        keras: Any = importlib.import_module(library)
        keras.utils.set_random_seed(7)
        model = build_model(keras)
        model(rows)
        draw = np.random.default_rng(22)
        for each in model.weights:
            if "float" in str(each.dtype):
                title = getattr(each, "path", each.name).partition(":")[0]
                each.assign(frameworks._drawn(title, tuple(each.shape), draw, False))
        model = write(model, rows, folder) or model
        wanted = [np.asarray(model(rows, training=False))]
        every = frameworks._keras_exports(model, [rows])
        exports = {way: every[way] for way in ways}
        truth = [
            (getattr(each, "path", each.name), tuple(each.shape))
            for each in model.trainable_weights
        ]
        frameworks._finish(frameworks.Made(truth, [rows], wanted, exports), steps, folder)

    return build


def _fit(model: Any, rows: Any, **options: Any) -> None:
    """Some steps of training by Keras' own loop."""
    keras: Any = importlib.import_module("keras")
    wanted = np.zeros(model(rows).shape, np.float32)
    model.compile(keras.optimizers.AdamW(1e-3, **options), "mse")
    model.fit(rows, wanted, epochs=2, verbose=0)


def _keras_trained(model: Any, rows: Any, folder: Path) -> None:
    """The archive of a model with its optimizer, which averages the weights."""
    _fit(model, rows, use_ema=True, ema_overwrite_frequency=1)
    model.save(folder / "ref.keras")


def _keras_slots(model: Any, rows: Any, folder: Path) -> None:
    """TensorFlow's own checkpoints of a model and its optimizer, by their manager."""
    tf: Any = importlib.import_module("tensorflow")
    _fit(model, rows)
    held = tf.train.Checkpoint(step=tf.Variable(3), net=model, optimizer=model.optimizer)
    keeper = tf.train.CheckpointManager(held, str(folder / "ref"), max_to_keep=2)
    keeper.save()


def _keras_adapted(model: Any, rows: Any, folder: Path) -> Any:
    """Keras' adapters of low rank, which saving merges; the artifact is of what loads that."""
    for layer in model.layers:
        if hasattr(layer, "enable_lora") and layer.name in ("hidden", "table", "out"):
            layer.enable_lora(2)
    draw = np.random.default_rng(5)
    for each in model.trainable_weights:
        if "lora" in each.path:
            each.assign(draw.standard_normal(each.shape) * 0.1)
    model.save_weights(folder / "ref.weights.h5")
    loaded = _keras_pictures(importlib.import_module("keras"))
    loaded.load_weights(folder / "ref.weights.h5")
    return loaded


def _keras_callback(model: Any, rows: Any, folder: Path) -> None:
    """The best epoch's weights, as Keras' callback names the file, with a log beside."""
    keras: Any = importlib.import_module("keras")
    (folder / "ref").mkdir(exist_ok=True)
    model.compile("adam", "mse")
    path = str(folder / "ref" / "epoch-{epoch:02d}.weights.h5")
    saver = keras.callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq="epoch")
    wanted = np.zeros(model(rows).shape, np.float32)
    model.fit(rows, wanted, epochs=1, verbose=0, callbacks=[saver])
    (folder / "ref" / "history.json").write_text(json.dumps({"loss": [0.5]}))


def _listed_arrays(model: Any, rows: Any, folder: Path) -> None:
    """A pickled list of arrays without names, as ``get_weights`` answers."""
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(model.get_weights(), file)


def _tfjs(model: Any, rows: Any, folder: Path) -> None:
    """TensorFlow.js' layers model: a manifest and shards of raw numbers."""
    (folder / "ref").mkdir(exist_ok=True)
    entries, data = [], b""
    for each in model.weights:
        value = np.asarray(each)
        entries.append({"name": each.path, "shape": list(value.shape), "dtype": "float32"})
        data += value.astype("<f4").tobytes()
    cut = len(data) // 2 // 4 * 4 + 3  # shards are cut anywhere
    paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
    for path, part in zip(paths, (data[:cut], data[cut:]), strict=True):
        (folder / "ref" / path).write_bytes(part)
    text = {
        "format": "layers-model",
        "generatedBy": "keras v3.15.1",
        "convertedBy": "TensorFlow.js Converter v4.22.0",
        "modelTopology": json.loads(model.to_json()),
        "weightsManifest": [{"paths": paths, "weights": entries}],
    }
    (folder / "ref" / "model.json").write_text(json.dumps(text))


def _lite_half(model: Any, rows: Any, folder: Path) -> None:
    """TensorFlow Lite's file, in half precision."""
    tf: Any = importlib.import_module("tensorflow")
    model.set_weights([v.astype(np.float16).astype(v.dtype) for v in model.get_weights()])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    (folder / "ref.tflite").write_bytes(converter.convert())


def _frozen_graph(model: Any, rows: Any, folder: Path) -> None:
    """A graph of TensorFlow 1 whose variables became constants."""
    tf: Any = importlib.import_module("tensorflow")
    tools: Any = importlib.import_module("tensorflow.python.framework.convert_to_constants")
    call = tf.function(lambda held: model(held, training=False))
    concrete = call.get_concrete_function(tf.TensorSpec(rows.shape, rows.dtype))
    graph = tools.convert_variables_to_constants_v2(concrete).graph
    (folder / "ref.pb").write_bytes(graph.as_graph_def().SerializeToString())


def _second_keras(form: str) -> KerasWrite:
    """Keras 2 as it lives on: weights in TensorFlow's form, or the older whole file."""

    def write(model: Any, rows: Any, folder: Path) -> None:
        if form == "h5":
            model.compile("adam", "mse")
            model.save(folder / "ref.h5")
        elif form == "saved":
            model.save(folder / "ref", save_format="tf")
        else:
            model.save_weights(folder / "ref" / "weights", save_format="tf")

    return write


_PICTURE = _given_rows((4, 12, 12, 3))
_WORDS = _given_rows((4, 9), 60)
_ROWS = _given_rows((4, 10))
_KERAS: dict[str, Builder] = {
    "bert_google": _hub(
        "transformers", _hf("BertModel", "BertConfig", **_BERT), _bert_google, _words(), 765
    ),
    "keras_trained": _keras_case(_keras_pictures, _PICTURE, _keras_trained, ("onnxslim",)),
    "keras_slots": _keras_case(_keras_words, _WORDS, _keras_slots),
    "keras_parts": _keras_case(
        _keras_parts, _ROWS, lambda model, rows, folder: model.save(folder / "ref.keras")
    ),
    "keras_adapted": _keras_case(_keras_pictures, _PICTURE, _keras_adapted),
    "keras_callback": _keras_case(_keras_words, _WORDS, _keras_callback),
    "keras_listed": _keras_case(_keras_pictures, _PICTURE, _listed_arrays),
    "tfjs": _keras_case(_keras_pictures, _PICTURE, _tfjs, ("onnxsim",)),
    "lite_half": _keras_case(_keras_pictures, _PICTURE, _lite_half),
    "frozen_graph": _keras_case(_keras_pictures, _PICTURE, _frozen_graph),
    "second_keras_h5": _keras_case(
        _keras_pictures, _PICTURE, _second_keras("h5"), (), "tf_keras", ("function",)
    ),
    "second_keras_weights": _keras_case(
        _keras_words, _WORDS, _second_keras("weights"), (), "tf_keras", ("function",)
    ),
    "second_keras_saved": _keras_case(
        _keras_pictures, _PICTURE, _second_keras("saved"), (), "tf_keras", ("function",)
    ),
}

# --- JAX


def _filled(tree: Any, seed: int = 31) -> Any:
    """Values for a tree of arrays."""
    jax: Any = importlib.import_module("jax")
    frameworks: Any = importlib.import_module("wild.other_frameworks")
    draw = np.random.default_rng(seed)

    def fill(path: Any, value: Any) -> Any:
        if "float" not in str(value.dtype):
            return value
        names = [str(getattr(each, "key", getattr(each, "name", each))) for each in path]
        name = next(each for each in reversed(names) if each != "value")
        return jax.numpy.asarray(frameworks._drawn(name, value.shape, draw, False))

    return jax.tree_util.tree_map_with_path(fill, tree)


def _jax_finish(call: Callable[..., Any], params: Any, feeds: Sequence[Any], folder: Path) -> None:
    """The truth by paths with dots, and jax2onnx's exports."""
    jax: Any = importlib.import_module("jax")
    frameworks: Any = importlib.import_module("wild.other_frameworks")
    leaves = jax.tree_util.tree_leaves_with_path(params)
    truth = [
        (jax.tree_util.keystr(path, simple=True, separator="."), value.shape)
        for path, value in leaves
    ]
    wanted = [np.asarray(each) for each in jax.tree.leaves(call(*feeds))]
    exports = frameworks._jax_exports(call, feeds)
    frameworks._finish(frameworks.Made(truth, feeds, wanted, exports), ("onnxslim",), folder)


def _linen_net(linen: Any) -> Any:
    class Net(linen.Module):  # type: ignore[misc]
        @linen.compact  # type: ignore[untyped-decorator]
        def __call__(self, image: Any) -> Any:
            held = linen.Conv(8, (3, 3), use_bias=False)(image)
            held = linen.relu(linen.BatchNorm(use_running_average=True)(held))
            held = linen.Conv(12, (3, 3), strides=2)(held).mean((1, 2))
            held = linen.LayerNorm()(linen.Dense(24)(held))
            return linen.Dense(5, name="head")(linen.gelu(held))

    return Net()


def _leaves(folder: Path) -> None:
    """The leaves of a tree in order, without names."""
    jax: Any = importlib.import_module("jax")
    net = _linen_net(importlib.import_module("flax.linen"))
    image = _given_rows((2, 8, 8, 3))
    variables = _filled(net.init(jax.random.key(0), image))
    np.savez(folder / "ref.npz", *(np.asarray(each) for each in jax.tree.leaves(variables)))
    _jax_finish(lambda held: net.apply(variables, held), variables["params"], [image], folder)


def _nnx_case(form: str) -> Builder:
    """A model of flax's newer interface, its state by Orbax or pickle."""

    def build(folder: Path) -> None:
        jax: Any = importlib.import_module("jax")
        nnx: Any = importlib.import_module("flax.nnx")

        class Net(nnx.Module):  # type: ignore[misc]
            def __init__(self, rngs: Any) -> None:
                self.conv = nnx.Conv(3, 8, (3, 3), rngs=rngs)
                self.norm = nnx.BatchNorm(8, use_running_average=True, rngs=rngs)
                self.blocks = nnx.List([nnx.Linear(8, 8, rngs=rngs) for _ in range(2)])
                self.head = nnx.Linear(8, 5, rngs=rngs)

            def __call__(self, image: Any) -> Any:
                held = nnx.relu(self.norm(self.conv(image))).mean((1, 2))
                for block in self.blocks:
                    held = held + nnx.tanh(block(held))
                return self.head(held)

        net = Net(nnx.Rngs(0))
        graph, state = nnx.split(net)
        state = _filled(state)
        net = nnx.merge(graph, state)
        if form == "orbax":
            orbax: Any = importlib.import_module("orbax.checkpoint")
            with orbax.StandardCheckpointer() as saver:
                saver.save((folder / "ref").resolve(), state)
        else:
            pure = jax.tree.map(np.asarray, nnx.to_pure_dict(state))
            with open(folder / "ref.pkl", "wb") as file:
                pickle.dump({"model": pure, "step": 7}, file)
        params = nnx.to_pure_dict(nnx.state(net, nnx.Param))
        _jax_finish(lambda held: net(held), params, [_given_rows((2, 8, 8, 3))], folder)

    return build


def _haiku_trained(folder: Path) -> None:
    """A pickled tuple of parameters, state and an optimizer's state of Haiku's model."""
    jax: Any = importlib.import_module("jax")
    haiku: Any = importlib.import_module("haiku")
    optax: Any = importlib.import_module("optax")

    def forward(words: Any) -> Any:
        held = haiku.Embed(50, 16)(words)
        held = held + haiku.MultiHeadAttention(
            2, 8, model_size=16, w_init=haiku.initializers.VarianceScaling()
        )(held, held, held)
        held = haiku.LayerNorm(-1, True, True)(held)
        return haiku.nets.MLP([32, 16, 50], name="decoder")(held)

    net = haiku.without_apply_rng(haiku.transform(forward))
    words = _given_rows((2, 6), 50)
    params = _filled(net.init(jax.random.key(0), words))
    moments = optax.adam(1e-3).init(params)
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump((jax.tree.map(np.asarray, params), None, moments), file)
    _jax_finish(lambda held: net.apply(params, held), params, [words], folder)


def _equinox_headed(folder: Path) -> None:
    """Equinox' leaves after a line of JSON, as its documentation shows."""
    jax: Any = importlib.import_module("jax")
    eqx: Any = importlib.import_module("equinox")
    frameworks: Any = importlib.import_module("wild.other_frameworks")
    draw = np.random.default_rng(41)
    sizes = {"in_size": 12, "out_size": 5, "width_size": 24, "depth": 3}
    model = eqx.nn.MLP(**sizes, key=jax.random.key(0))
    parts, rest = eqx.partition(model, eqx.is_inexact_array)
    parts = jax.tree.map(
        lambda value: jax.numpy.asarray(frameworks._drawn("w", value.shape, draw, True)), parts
    )
    model = eqx.combine(parts, rest)
    with open(folder / "ref.eqx", "wb") as file:
        file.write((json.dumps(sizes) + "\n").encode())
        eqx.tree_serialise_leaves(file, model)
    _jax_finish(jax.vmap(model), parts, [_given_rows((3, 12))], folder)


_JAX: dict[str, Builder] = {
    "leaves": _leaves,
    "nnx_orbax": _nnx_case("orbax"),
    "nnx_pickle": _nnx_case("pickle"),
    "haiku_trained": _haiku_trained,
    "equinox_headed": _equinox_headed,
}

# --- more of projects' own names


def _vae_original(model: nn.Module, folder: Path) -> nn.Module:
    """The first repository's file of an autoencoder, whose attention is of convolutions."""
    rules = (
        (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
        (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
        (r"up_blocks\.0\.resnets\.(\d)", r"up.1.block.\1"),
        (r"up_blocks\.1\.resnets\.(\d)", r"up.0.block.\1"),
        (r"up_blocks\.0\.upsamplers\.0", r"up.1.upsample"),
        (r"mid_block\.resnets\.0", "mid.block_1"),
        (r"mid_block\.resnets\.1", "mid.block_2"),
        (r"mid_block\.attentions\.0", "mid.attn_1"),
        (r"attn_1\.group_norm", "attn_1.norm"),
        (r"attn_1\.to_(\w)\.", r"attn_1.\1."),
        (r"attn_1\.to_out\.0", "attn_1.proj_out"),
        (r"conv_shortcut", "nin_shortcut"),
        (r"conv_norm_out", "norm_out"),
    )
    state = _renamed(dict(model.state_dict()), rules)
    for name, value in state.items():
        if "attn_1" in name and value.dim() == 2:
            state[name] = value[:, :, None, None]
    state |= {"loss.logvar": torch.zeros(()), "loss.discriminator.main.0.bias": torch.randn(8)}
    held = {"state_dict": state, "pytorch-lightning_version": "1.4.2", "global_step": 840000}
    torch.save(held, folder / "ref.ckpt")
    return Latents(model)


_MORE: dict[str, Builder] = {
    "vae_original": _hub(
        "diffusers", _vae, _vae_original, lambda: {"latent": torch.randn(1, 4, 8, 8)}, 775
    ),
}

CASES: dict[str, Builder] = {
    **_ORIGINAL,
    **_PORTS,
    **_HUB,
    **_DIFFUSERS,
    **_TRAINERS,
    **_PROJECTS,
    **_SERVERS,
    **_RUNTIMES,
    **_ADAPTED,
    **_ESTIMATORS,
    **_KERAS,
    **_JAX,
    **_MORE,
}
OPENED = frozenset(CASES)
