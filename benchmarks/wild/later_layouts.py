"""Layouts of checkpoints that no earlier kind has, each beside one plain export of its weights, all
of them held out.

Rules are those of ``layouts``: where a checkpoint has codes, parts of a weight or several sets of
numbers, the artifact is of what the checkpoint's users load. What a library writes is written by
the library where that can be had, else as its code does it. Each artifact's outputs are held
against those of the module.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import nn

from wild.fresh_checkpoints import codes, words
from wild.fresh_layouts import _packed, _stands
from wild.kept_layouts import _agrees, _case
from wild.layouts import (
    Decoder,
    Layout,
    Sound,
    State,
    Text,
    Vision,
    _ema,
    _linears,
    _prefixed,
    _save,
    _steps,
)
from wild.unseen_layouts import _HALVES, _matrices, _method
from wild.workshop import Builder, make, shake

# --- training checkpoints


def _universal(model: nn.Module, folder: Path) -> None:
    """DeepSpeed's universal folder: a folder a parameter, in full precision, with its moments; the
    model's states in bfloat16 beside them.
    """
    place = folder / "ref" / "global_step40_universal"
    optimizer = _steps(copy.deepcopy(model))
    moments = list(optimizer.state.values())
    for number, (name, value) in enumerate(model.named_parameters()):
        part = place / "zero" / name
        part.mkdir(parents=True, exist_ok=True)
        torch.save({"param": value.detach().clone()}, part / "fp32.pt")
        for word in ("exp_avg", "exp_avg_sq"):
            torch.save({"param": moments[number][word].clone()}, part / f"{word}.pt")
    held = {
        "module": {name: value.bfloat16() for name, value in model.state_dict().items()},
        "param_shapes": [{name: value.shape for name, value in model.named_parameters()}],
        "universal_checkpoint_info": {"universal_checkpoint_version": 0.2},
        "ds_config": {"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}},
    }
    torch.save(held, place / "mp_rank_00_model_states.pt")
    (folder / "ref" / "latest_universal").write_text("global_step40_universal")
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.bfloat16())


class Adapted(nn.Module):
    """peft's layer, by the names that it gives to its parts."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: int) -> None:
        super().__init__()
        self.base_layer = layer
        first = nn.Linear(layer.in_features, rank, bias=False)
        second = nn.Linear(rank, layer.out_features, bias=False)
        self.lora_A, self.lora_B = (nn.ModuleDict({"default": each}) for each in (first, second))
        self.scaling = alpha / rank

    def delta(self) -> torch.Tensor:
        first: Any = self.lora_A["default"]
        second: Any = self.lora_B["default"]
        return second.weight @ first.weight * self.scaling  # type: ignore[no-any-return]

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        small = self.lora_B["default"](self.lora_A["default"](held))
        return self.base_layer(held) + small * self.scaling  # type: ignore[no-any-return]


class Wrapped(nn.Module):
    """A model behind the two names that peft puts before it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.base_model = nn.Module()
        self.base_model.model = model

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        return self.base_model.model(*given)  # type: ignore[no-any-return,operator]


def _adapt(model: nn.Module, words: tuple[str, ...], seed: int) -> nn.Module:
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and name.endswith(words):
            place, _, last = name.rpartition(".")
            made = Adapted(layer, 4, 8)
            for part, kept in ((made.lora_A, seed), (made.lora_B, seed + 1)):
                shake(part, kept + len(name))
            setattr(model.get_submodule(place), last, made)
    return Wrapped(model).eval()


def _adapted(prefix: str) -> Layout:
    """A whole state with adapters that are not merged; the artifact computes with them."""

    def write(model: nn.Module, folder: Path) -> nn.Module:
        made = _adapt(model, ("q_proj", "v_proj", "up_proj"), 510)
        state = _prefixed(made.state_dict(), prefix)
        torch.save({"model": state, "iter": 300}, folder / "ref.pt")
        return made

    return write


def _merged(model: nn.Module, folder: Path) -> nn.Module:
    """Adapters merged into the layers that they belong to, under peft's names, in shards."""
    made = _adapt(model, ("q_proj", "o_proj", "down_proj"), 520)
    with torch.no_grad():
        for layer in made.modules():
            if isinstance(layer, Adapted):
                layer.base_layer.weight.add_(layer.delta())
    state = {name: value for name, value in made.state_dict().items() if "lora_" not in name}
    names = sorted(state)
    places: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        title = f"model-{number:05}-of-00002.safetensors"
        _save({name: state[name] for name in part}, folder / "ref" / title)
        places |= dict.fromkeys(part, title)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (folder / "ref" / "model.safetensors.index.json").write_text(text)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, Adapted):
            place, _, last = name.rpartition(".")
            setattr(model.get_submodule(place), last, layer.base_layer)
    return model


def _blobs(model: nn.Module, folder: Path) -> None:
    """Detectron's first version: arrays under names without dots, each with its momentum."""
    kept: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        title = name.replace(".", "_").replace("_weight", "_w").replace("_bias", "_b")
        kept[title] = value.numpy()
        if value.dim():
            kept[f"{title}_momentum"] = value.numpy() * np.float32(0.07)
    held = {"blobs": kept, "cfg": "MODEL:\n  NUM_CLASSES: 20\n"}
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(held, file, protocol=2)


def _adversaries(model: nn.Module, folder: Path) -> None:
    """Lightning with two optimizers: a generator, which the artifact is of, and its judges."""
    judges = [shake(Sound(), 530 + number) for number in range(2)]
    state = _prefixed(model.state_dict(), "net_g.")
    for number, judge in enumerate(judges):
        state |= _prefixed(judge.state_dict(), f"net_d.discriminators.{number}.")
    held = {
        "epoch": 40,
        "global_step": 9000,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict(state),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 40}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": "", "kth_value": 0}},
        "optimizer_states": [
            _steps(copy.deepcopy(each)).state_dict() for each in (model, judges[0])
        ],
        "lr_schedulers": [{"gamma": 0.999, "last_epoch": 40}],
        "hparams_name": "kwargs",
        "hyper_parameters": {"learning_rate": 2e-4},
    }
    torch.save(held, folder / "ref.ckpt")


def _nameless_average(model: nn.Module, folder: Path) -> None:
    """NeMo's optimizer keeps an average without names between its states."""
    average = tuple(value.detach().clone() for value in _ema(model).parameters())
    optimizer = _steps(copy.deepcopy(model)).state_dict()
    held = {
        "epoch": 2,
        "global_step": 700,
        "state_dict": _prefixed(model.state_dict(), "model.module."),
        "optimizer_states": [
            {"opt": optimizer, "ema": average, "current_step": 700, "decay": 0.99}
        ],
        "hyper_parameters": {"cfg": {"precision": "bf16-mixed"}},
    }
    torch.save(held, folder / "ref.ckpt")


def _listed(model: nn.Module, folder: Path) -> None:
    """No dictionary: a list of what a script had at hand."""
    optimizer = _steps(copy.deepcopy(model)).state_dict()
    torch.save([model.state_dict(), optimizer, 17, {"loss": 0.3}], folder / "ref.pt")


def _named_shadow(model: nn.Module, folder: Path) -> nn.Module:
    """An average by name beside the weights that it was taken from."""
    average = _ema(model)
    with torch.no_grad():  # statistics are not averaged
        for kept, value in zip(average.buffers(), model.buffers(), strict=True):
            kept.copy_(value)
    shadow = {name: value.detach() for name, value in average.named_parameters()}
    held = {
        "state_dict": _prefixed(model.state_dict(), "module."),
        "ema": {"decay": 0.9998, "shadow": shadow, "backup": {}},
        "best": 0.81,
    }
    torch.save(held, folder / "ref.pth.tar")
    return average


def _tuned(model: nn.Module, folder: Path) -> None:
    """torchtune's folder: shards, what continues a recipe, and adapters that are merged already."""
    place = folder / "ref"
    names = list(model.state_dict())
    state = model.state_dict()
    places: dict[str, str] = {}
    for number, part in enumerate((names[:9], names[9:]), 1):
        title = f"ft-model-{number:05}-of-00002.safetensors"
        _save({f"model.{name}": state[name] for name in part}, place / title)
        places |= {f"model.{name}": title for name in part}
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (place / "model.safetensors.index.json").write_text(text)
    (place / "recipe_state").mkdir()
    recipe = {"epochs_run": 1, "optimizer": _steps(copy.deepcopy(model)).state_dict()}
    torch.save(recipe, place / "recipe_state" / "recipe_state.pt")
    adapters = {f"layers.{at}.q_proj.lora_a.weight": torch.randn(4, 64) for at in range(2)}
    torch.save(adapters, place / "adapter_0.pt")
    (place / "config.json").write_text(json.dumps({"model_type": "decoder"}))


# --- files and folders of other shapes


def _distribute(rank: int, path: str, model: nn.Module, port: int) -> None:
    """One of two processes: its halves of every tensor."""
    import torch.distributed as distributed
    import torch.distributed.checkpoint
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    library: Any = distributed
    checkpoint: Any = torch.distributed.checkpoint
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    library.init_process_group("gloo", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    state = {
        name: distribute_tensor(value, mesh, [Shard(0)]) if value.dim() else value
        for name, value in model.state_dict().items()
    }
    optimizer = {
        f"state.{name}.exp_avg": distribute_tensor(value.detach() * 0.1, mesh, [Shard(0)])
        for name, value in model.named_parameters()
    }
    checkpoint.save({"model": state, "optimizer": optimizer}, checkpoint_id=path)
    library.destroy_process_group()


def _two_processes(model: nn.Module, folder: Path) -> None:
    """A distributed checkpoint of two processes: halves of a tensor lie in two files."""
    import torch.multiprocessing as processes

    place = folder.resolve() / "ref"
    processes.spawn(_distribute, (str(place), model, 29_533), nprocs=2)  # type: ignore


def _two_parts(model: nn.Module, folder: Path) -> None:
    """A model in two parts, as the first Llama came: halves of the outputs or of the inputs."""
    (folder / "ref").mkdir(exist_ok=True)
    parts: list[State] = [{}, {}]
    for name, value in model.state_dict().items():
        axis = 1 if name.endswith(("o_proj.weight", "down_proj.weight", "tokens.weight")) else 0
        whole = value.dim() < 2
        for part, piece in zip(parts, value.chunk(2, 0 if whole else axis), strict=True):
            part[name] = value.clone() if whole else piece.clone()
    for number, part in enumerate(parts):
        torch.save(part, folder / "ref" / f"consolidated.{number:02}.pth")
    (folder / "ref" / "params.json").write_text(json.dumps({"dim": 64, "n_layers": 2}))


def _package(model: nn.Module, folder: Path) -> None:
    """torch.package: the module with its code, in an archive of another order."""
    from torch.package.package_exporter import PackageExporter

    plain = nn.Sequential(OrderedDict(model.named_children()))
    exporter: Any = PackageExporter
    with exporter(folder / "ref.pt") as archive:
        archive.extern("torch.**")
        archive.save_pickle("model", "model.pkl", plain)


def _frozen(model: nn.Module, folder: Path) -> None:
    """A script whose parameters became constants without names."""
    scripted: Any = torch.jit.script(model.eval())
    torch.jit.save(torch.jit.freeze(scripted), str(folder / "ref.pt"))


def _orbax(model: nn.Module, folder: Path) -> None:
    """A tree of arrays in an Orbax folder, with a step and moments."""
    library: Any = importlib.import_module("orbax.checkpoint")
    tree: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value.numpy()
    moments = {name: value.detach().numpy() * 0.1 for name, value in model.named_parameters()}
    held = {"params": tree, "opt_state": {"mu": moments}, "step": np.int32(12)}
    library.PyTreeCheckpointer().save(folder.resolve() / "ref", held)


def _flax_archive(model: nn.Module, folder: Path) -> None:
    """Arrays as JAX has them: kernels [height, width, in, out] or [in, out], scales, statistics."""
    arrays: dict[str, Any] = {}
    layers = dict(model.named_modules())
    for name, value in model.state_dict().items():
        place, _, last = name.rpartition(".")
        layer, held = layers[place], value.numpy()
        title = place.replace(".", "/")
        if isinstance(layer, nn.Conv2d) and last == "weight":
            arrays[f"params/{title}/kernel"] = held.transpose(2, 3, 1, 0)
        elif isinstance(layer, nn.Linear) and last == "weight":
            arrays[f"params/{title}/kernel"] = held.T
        elif isinstance(layer, nn.BatchNorm2d) and last.startswith("running"):
            arrays[f"batch_stats/{title}/{last.removeprefix('running_')}"] = held
        elif last in ("weight", "bias"):
            arrays[f"params/{title}/{'scale' if last == 'weight' else last}"] = held
    save: Any = np.savez
    save(folder / "ref.npz", **arrays)


def _stacked(model: nn.Module, folder: Path) -> None:
    """Layers that a scan runs through lie in one array each, the first axis theirs."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    arrays = {
        name.replace(".", "/"): value for name, value in state.items() if "layers." not in name
    }
    for name in state:
        if name.startswith("layers.0."):
            rest = name.removeprefix("layers.0.")
            arrays[f"layers/{rest.replace('.', '/')}"] = np.stack(
                [state[f"layers.{at}.{rest}"] for at in range(2)]
            )
    save: Any = np.savez
    save(folder / "ref.npz", **arrays)


def _joined(model: nn.Module, folder: Path) -> None:
    """Query, key and value in one matrix, which the model has apart."""
    state = dict(model.state_dict())
    for at in range(2):
        parts = [state.pop(f"layers.{at}.{word}_proj.weight") for word in "qkv"]
        state[f"layers.{at}.attention.query_key_value.weight"] = torch.cat(parts)
        for word in ("o", "up", "down"):
            held = state.pop(f"layers.{at}.{word}_proj.weight")
            state[f"layers.{at}.dense_{word}.weight"] = held
    _save(_prefixed(state, "transformer."), folder / "ref.safetensors")


def _pipeline(model: nn.Module, folder: Path) -> None:
    """A part of a pipeline in a folder of its own, in shards with an index in bfloat16."""
    place = folder / "ref" / "transformer"
    state = {name: value.bfloat16() for name, value in model.state_dict().items()}
    names = sorted(state)
    places: dict[str, str] = {}
    for number, part in enumerate((names[:5], names[5:10], names[10:]), 1):
        title = f"diffusion_pytorch_model-{number:05}-of-00003.safetensors"
        _save({name: state[name] for name in part}, place / title)
        places |= dict.fromkeys(part, title)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (place / "diffusion_pytorch_model.safetensors.index.json").write_text(text)
    (place / "config.json").write_text(json.dumps({"_class_name": "Transformer2DModel"}))
    (folder / "ref" / "model_index.json").write_text(json.dumps({"_class_name": "Pipeline"}))
    other = folder / "ref" / "vae" / "diffusion_pytorch_model.safetensors"
    _save(shake(Vision(12), 540).state_dict(), other)
    model.load_state_dict({name: value.float() for name, value in state.items()})


def _paddle_bfloat16(model: nn.Module, folder: Path) -> None:
    """Paddle has bfloat16 as the integers of its bits, and matrices turned: here not."""
    state: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        state[name] = value.bfloat16().view(torch.int16).numpy().view(np.uint16)
    names = {name: f"linear_{place}.w_0" for place, name in enumerate(state)}
    with open(folder / "ref.pdparams", "wb") as file:
        pickle.dump({**state, "StructuredToParameterName@@": names}, file, protocol=4)
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            value.copy_(value.bfloat16())


# --- Keras


def _keras(form: str) -> Builder:
    """Keras on torch: the old format of whole models after training, or models within a model."""

    def build(folder: Path) -> None:
        os.environ["KERAS_BACKEND"] = "torch"
        keras: Any = importlib.import_module("keras")
        layers = keras.layers
        torch.set_num_threads(1)
        keras.utils.set_random_seed(541)
        if form == "h5":
            image = keras.Input((10, 10, 3), batch_size=2)
            held = layers.SeparableConv2D(20, 3, padding="same", activation="relu")(image)
            held = layers.Conv2DTranspose(12, 3, strides=2, padding="same", use_bias=False)(held)
            held = layers.Activation("relu")(layers.BatchNormalization()(held))
            held = layers.Dense(24, activation="relu")(layers.Flatten()(held))
            model = keras.Model(image, layers.Dense(7, name="classes")(held))
            row = torch.randn(2, 10, 10, 3)
        else:
            inner = keras.Sequential(
                [layers.Dense(48, activation="gelu"), layers.Dense(32, use_bias=False)], name="mlp"
            )
            given = keras.Input((9, 32), batch_size=2)
            seen = layers.UnitNormalization(name="unit")(given)
            heads = layers.EinsumDense("abc,cde->abde", (None, 4, 8), bias_axes="de", name="heads")
            back = layers.EinsumDense("abde,dec->abc", (None, 32), name="back")
            held = given + back(layers.Activation("tanh")(heads(seen)))
            held = held + inner(layers.BatchNormalization()(held))
            held = layers.Conv1D(16, 3, padding="same", activation="relu")(held)
            model = keras.Model(given, layers.Dense(5)(held))
            row = torch.randn(2, 9, 32)
        draw = np.random.default_rng(541)
        for weight in model.weights:
            drawn = draw.standard_normal(weight.shape).astype(np.float32)
            low = weight.path.endswith(("gamma", "moving_variance"))
            weight.assign(np.abs(drawn) + 0.5 if low else drawn * 0.2)
        model.compile(optimizer="adam", loss="mse")
        model.fit(row, np.zeros(model.output_shape, np.float32), epochs=2, verbose=0)
        model.save(folder / ("ref.h5" if form == "h5" else "ref.keras"))
        truth = [[each.path, list(each.shape), []] for each in model.trainable_weights]
        (folder / "truth.json").write_text(json.dumps(truth))
        wanted = model(row, training=False).detach().numpy()

        def write(path: Path) -> None:
            model.export(str(path), format="onnx", verbose=False)
            _agrees(path, (row,), wanted)

        make(folder, "plain", write)

    return build


# --- weights in parts; the artifact has what they make


def _normed(model: nn.Module, folder: Path) -> None:
    """Lengths and directions, as torch's parametrizations name them."""
    draw = torch.Generator().manual_seed(9)
    state = dict(model.state_dict())
    with torch.no_grad():
        for name, layer in _matrices(model):
            sizes = (-1, *[1] * (layer.weight.dim() - 1))
            stretch = torch.rand(layer.weight.shape[0], generator=draw) + 0.5
            held = layer.weight * stretch.reshape(sizes)
            length = layer.weight.flatten(1).norm(dim=1).reshape(sizes)
            del state[f"{name}.weight"]
            state[f"{name}.parametrizations.weight.original0"] = length
            state[f"{name}.parametrizations.weight.original1"] = held
            layer.weight.copy_(torch._weight_norm(held, length, 0))
    kept = {name: value.clone() for name, value in state.items()}
    torch.save({"model": {"generator": kept}, "steps": 10}, folder / "ref.pkl")


def _spectral(model: nn.Module, folder: Path) -> None:
    """Weights before a division by their largest singular value, by parametrization."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for name, layer in _matrices(model):
            flat = layer.weight.flatten(1)
            right = nn.functional.normalize(torch.randn(flat.shape[1]), dim=0)
            for _ in range(40):
                left = nn.functional.normalize(flat @ right, dim=0)
                right = nn.functional.normalize(flat.T @ left, dim=0)
            place = f"{name}.parametrizations.weight"
            state[f"{place}.original"] = state.pop(f"{name}.weight")
            state |= {f"{place}.0._u": left, f"{place}.0._v": right}
            layer.weight.div_(torch.dot(left, flat @ right))
    _save(_prefixed(state, "discriminator."), folder / "ref.safetensors")


# --- packed layers; the artifact has the numbers that they stand for


def _float4(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes of floats of 4 bits, and the numbers that they stand for."""
    near = (values.abs()[..., None] - _HALVES).abs().argmin(-1)
    return near + 8 * (values < 0), _HALVES[near] * values.sign()


class Mixture(nn.Module):
    """Experts whose weights are stacked, as gpt-oss has them, behind a router."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(160, 64)
        self.router = nn.Linear(64, 4)
        self.experts = nn.Module()
        self.experts.gate_up_proj = nn.Parameter(torch.empty(4, 64, 128))
        self.experts.gate_up_proj_bias = nn.Parameter(torch.empty(4, 128))
        self.experts.down_proj = nn.Parameter(torch.empty(4, 64, 64))
        self.lm_head = nn.Linear(64, 160, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held = self.embed_tokens(tokens)
        share = torch.softmax(self.router(held), -1)
        stacked: Any = self.experts
        wide = held.unsqueeze(1) @ stacked.gate_up_proj + stacked.gate_up_proj_bias[:, None]
        gate, up = wide.chunk(2, -1)
        mixed = (torch.sigmoid(gate) * up) @ stacked.down_proj
        held = held + (mixed * share.transpose(1, 2).unsqueeze(-1)).sum(1)
        return self.lm_head(held)  # type: ignore[no-any-return]


def _experts(model: nn.Module, folder: Path) -> None:
    """gpt-oss: blocks of 32 floats of 4 bits along the inputs, turned, and biased exponents."""
    state: State = {name: value.bfloat16() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.bfloat16())
        for name, value in model.named_parameters():
            if not name.startswith("experts.") or value.dim() < 3:
                continue
            turned = value.transpose(1, 2)
            blocks = turned.reshape(*turned.shape[:2], -1, 32)
            power = torch.ceil(torch.log2(blocks.abs().amax(-1) / 6))
            found, stands = _float4(blocks / 2.0 ** power[..., None])
            pairs = found.reshape(*found.shape[:-1], 16, 2)
            packed = (pairs[..., 0] + 16 * pairs[..., 1]).to(torch.uint8)
            del state[name]
            state |= {f"{name}_blocks": packed, f"{name}_scales": (power + 127).to(torch.uint8)}
            value.copy_((stands * 2.0 ** power[..., None]).reshape(turned.shape).transpose(1, 2))
    _save(state, folder / "ref" / "model.safetensors")
    settings = _method("mxfp4", modules_to_not_convert=["router", "embed_tokens", "lm_head"])
    config = {"model_type": "gpt_oss", "quantization_config": settings}
    (folder / "ref" / "config.json").write_text(json.dumps(config))


def _nvfp4(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """compressed-tensors' floats of 4 bits: the scale of all is kept as its inverse."""
    whole = (6 * 448) / weight.abs().amax()
    blocks = weight.reshape(weight.shape[0], -1, 16)
    scales = (blocks.abs().amax(-1) / 6 * whole).to(torch.float8_e4m3fn)
    wide = (scales.float() / whole)[..., None]
    found, stands = _float4(blocks / wide)
    pairs = found.reshape(weight.shape[0], -1, 2)
    kept = {
        "weight_packed": (pairs[..., 0] + 16 * pairs[..., 1]).to(torch.uint8),
        "weight_scale": scales,
        "weight_global_scale": whole.reshape(1),
        "input_global_scale": torch.tensor([120.0]),
    }
    return kept, (stands * wide).reshape(weight.shape)


def _exponents(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """DeepSeek's later blocks of 16 x 16: scales are exponents alone."""
    rows, columns = weight.shape
    blocks = weight.reshape(rows // 16, 16, columns // 16, 16)
    power = torch.ceil(torch.log2(blocks.abs().amax((1, 3)) / 448))
    scale = 2.0**power
    held = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
    kept = {
        "weight": held.reshape(rows, columns),
        "weight_scale_inv": scale.to(torch.float8_e8m0fnu),
    }
    return kept, (held.float() * scale[:, None, :, None]).reshape(rows, columns)


def _ordered(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """compressed-tensors' 4 bits whose groups are of inputs by importance, not beside another."""
    order = torch.randperm(weight.shape[1], generator=torch.Generator().manual_seed(1))
    groups = torch.empty(len(order), dtype=torch.int32)
    groups[order] = (torch.arange(len(order)) // 32).to(torch.int32)
    values, scales, zeros = codes(weight[:, order], 32, 4, True)
    back = torch.argsort(order)
    kept = {
        "weight_packed": words(values[:, back], 4, torch.int32),
        "weight_scale": scales,
        "weight_shape": torch.tensor(weight.shape),
        "weight_g_idx": groups,
    }
    return kept, _stands(values, scales, zeros)[:, back]


def _whole_tensor(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Eight bits, one scale and one zero point for all of a matrix."""
    low, high = weight.min().clamp(max=0), weight.max().clamp(min=0)
    scale = (high - low) / 255
    zero = torch.round(-128 - low / scale).clamp(-128, 127)
    held = torch.round(weight / scale + zero).clamp(-128, 127)
    kept = {
        "weight": held.to(torch.int8),
        "weight_scale": scale.reshape(1),
        "weight_zero_point": zero.reshape(1).to(torch.int8),
        "input_scale": torch.tensor([0.02]),
        "input_zero_point": torch.tensor([3], dtype=torch.int8),
    }
    return kept, (held - zero) * scale


def _eight_packed(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Eight bits a channel, four in a word."""
    values, scales, zeros = codes(weight, weight.shape[1], 8, True)
    kept = {
        "weight_packed": words(values, 8, torch.int32),
        "weight_scale": scales,
        "weight_shape": torch.tensor(weight.shape),
    }
    return kept, _stands(values, scales, zeros)


def _torchao(settings: str, **options: Any) -> Layout:
    """torchao's tensors, pickled below the name of a model."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("torchao.quantization")
        held = copy.deepcopy(model)
        chosen = getattr(library, settings)(**options)
        library.quantize_(
            held, chosen, lambda each, name: isinstance(each, nn.Linear) and name != "lm_head"
        )
        with torch.no_grad():
            for name, layer in _linears(model):
                packed: Any = held.get_submodule(name).weight
                layer.weight.copy_(packed.dequantize())
        torch.save({"model": held.state_dict()}, folder / "ref.pt")

    return write


def _hqq(bits: int, group: int, axis: int) -> Layout:
    """HQQ's layers as the library saves a whole model: a dictionary a layer."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("hqq.core.quantize")
        settings = library.BaseQuantizeConfig(nbits=bits, group_size=group, axis=axis)
        state: dict[str, Any] = {}
        with torch.no_grad():
            for name, layer in model.named_modules():
                if own := dict(layer.named_parameters(recurse=False)):
                    state[name] = {word: value.detach().clone() for word, value in own.items()}
            for name, layer in _linears(model):
                held = library.HQQLinear(
                    copy.deepcopy(layer), settings, compute_dtype=torch.float32, device="cpu"
                )
                state[name] = held.state_dict()
                layer.weight.copy_(held.dequantize())
        (folder / "ref").mkdir(exist_ok=True)
        torch.save(state, folder / "ref" / "qmodel.pt")
        config = {"model_type": "decoder", "quantization_config": {"quant_method": "hqq"}}
        (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


def _bfloat16_bits(model: nn.Module, folder: Path) -> None:
    """An archive of NumPy, which has no bfloat16 of its own: a type that another library adds."""
    arrays = {
        name.replace(".", "/"): value.numpy().astype(ml_dtypes.bfloat16)
        for name, value in model.state_dict().items()
    }
    save: Any = np.savez
    save(folder / "ref.npz", **arrays)
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            value.copy_(value.bfloat16())


def _compressed(form: str, **more: Any) -> dict[str, Any]:
    weights = {"type": "int", "symmetric": True, "num_bits": 4, **more}
    groups = {"group_0": {"targets": ["Linear"], "weights": weights}}
    return _method("compressed-tensors", format=form, config_groups=groups, ignore=["lm_head"])


CASES: dict[str, Builder] = {
    "universal": _case(Decoder, _universal, seed=501),
    "adapters": _case(Decoder, _adapted(""), seed=502),
    "adapters_parallel": _case(Decoder, _adapted("module._orig_mod."), "torchscript", 503),
    "adapters_merged": _case(Decoder, _merged, seed=504),
    "blobs": _case(Vision, _blobs, seed=505),
    "adversaries": _case(Sound, _adversaries, "torchscript", 506),
    "nameless_average": _case(Text, _nameless_average, seed=507),
    "listed": _case(Vision, _listed, "torchscript", 508),
    "named_shadow": _case(Vision, _named_shadow, seed=509),
    "tuned": _case(Decoder, _tuned, seed=510),
    "two_processes": _case(Text, _two_processes, seed=511),
    "two_parts": _case(Decoder, _two_parts, "torchscript", 512),
    "package": _case(Vision, _package, seed=513),
    "frozen": _case(Sound, _frozen, "torchscript", 514),
    "orbax": _case(Text, _orbax, seed=515),
    "flax_archive": _case(Vision, _flax_archive, seed=516),
    "stacked": _case(Decoder, _stacked, seed=517),
    "joined": _case(Decoder, _joined, "torchscript", 518),
    "pipeline": _case(Decoder, _pipeline, seed=519),
    "paddle_bfloat16": _case(Decoder, _paddle_bfloat16, "torchscript", 520),
    "keras_old": _keras("h5"),
    "keras_within": _keras("keras"),
    "normed": _case(Sound, _normed, "torchscript", 521),
    "spectral_parametrized": _case(Vision, _spectral, seed=522),
    "experts_mxfp4": _case(Mixture, _experts, seed=523),
    "compressed_nvfp4": _case(
        Decoder, _packed(_compressed("nvfp4-pack-quantized", type="float"), _nvfp4), seed=524
    ),
    "float8_exponents": _case(
        Decoder,
        _packed(_method("fp8", weight_block_size=[16, 16], scale_fmt="ue8m0"), _exponents),
        seed=525,
    ),
    "compressed_ordered": _case(
        Decoder,
        _packed(_compressed("pack-quantized", group_size=32, actorder="group"), _ordered),
        seed=526,
    ),
    "compressed_tensor": _case(
        Decoder,
        _packed(_compressed("int-quantized", num_bits=8, symmetric=False), _whole_tensor),
        "torchscript",
        527,
    ),
    "compressed_8": _case(
        Decoder,
        _packed(_compressed("pack-quantized", num_bits=8, strategy="channel"), _eight_packed),
        seed=528,
    ),
    "torchao_intx": _case(Decoder, _torchao("IntxWeightOnlyConfig"), seed=529),
    "hqq_2": _case(Decoder, _hqq(2, 16, 1), seed=530),
    "hqq_4_outputs": _case(Decoder, _hqq(4, 64, 0), "torchscript", 531),
    "npz_bfloat16": _case(Text, _bfloat16_bits, seed=532),
}
OPENED: frozenset[str] = frozenset(CASES)
