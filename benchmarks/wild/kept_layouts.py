"""Layouts of checkpoints that no other kind has, each beside one plain export of its weights, all
of them held out.

Rules are those of ``layouts``: where a checkpoint has codes or several sets of numbers, the
artifact is of what the checkpoint's users load. What a library writes is written by the library
where that can be had, else as its code does it. Each artifact's outputs are held against those of
the module.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import io
import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wild.fresh_checkpoints import codes
from wild.fresh_layouts import _packed, _stands
from wild.layouts import (
    Decoder,
    Layout,
    Sound,
    State,
    Text,
    Vision,
    _ema,
    _inputs,
    _linears,
    _prefixed,
    _save,
    _steps,
    _tell_names,
)
from wild.workshop import Builder, export, make, shake


def _agrees(path: Path, arguments: tuple[torch.Tensor, ...], wanted: Any) -> None:
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {
        value.name: each.numpy()
        for value, each in zip(session.get_inputs(), arguments, strict=True)
    }
    found = session.run(None, feeds)[0]
    far = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    if not far < 1e-3:
        raise ValueError(f"outputs do not follow the module's: {far:.4f}")


def _plain(
    model: nn.Module, arguments: tuple[torch.Tensor, ...], exporter: str, folder: Path
) -> None:
    """The truth, and the artifact if its outputs are the module's."""
    model.float().eval()
    _tell_names(model, folder)
    with torch.no_grad():
        wanted = model(*arguments).numpy()

    def write(path: Path) -> None:
        export(model, arguments, exporter, path)
        _agrees(path, arguments, wanted)

    make(folder, "plain", write)


def _case(
    kind: Callable[[], nn.Module], write: Layout, exporter: str = "dynamo", seed: int = 0
) -> Builder:
    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        model = shake(kind(), seed)
        other = write(model, folder)
        chosen = other if isinstance(other, nn.Module) else model
        _plain(chosen, _inputs(model), exporter, folder)

    return build


# --- training checkpoints


def _espnet(model: nn.Module, folder: Path) -> None:
    """A state of training: the model beside reports of every epoch and two optimizers' states."""
    optimizer = _steps(copy.deepcopy(model)).state_dict()
    state = {
        **{f"{name}": value for name, value in model.state_dict().items()},
        "normalize.mean": torch.randn(8),
        "normalize.std": torch.rand(8) + 0.5,
        "ctc.ctc_lo.weight": torch.randn(40, 24),
        "ctc.ctc_lo.bias": torch.randn(40),
    }
    report = {"epoch": 10, "stats": {1: {"train": {"loss": np.float64(2.1)}, "valid": {}}}}
    held = {
        "model": OrderedDict(state),
        "reporter": report,
        "optimizers": [optimizer, {"state": {}, "param_groups": []}],
        "schedulers": [{"warmup_steps": 2500, "_step_count": 9}, None],
        "scaler": None,
    }
    torch.save(held, folder / "ref.pth")


def _fairseq_average(model: nn.Module, folder: Path) -> nn.Module:
    """The average and its copy in full precision are among what else a state has."""
    average = _ema(model)
    held = {
        "args": None,
        "cfg": {"_name": None, "common": {"seed": 1, "fp16": True}, "ema": {"store_ema": True}},
        "model": model.half().state_dict(),
        "criterion": OrderedDict(),
        "optimizer_history": [{"optimizer_name": "FP16Optimizer", "num_updates": 2}],
        "task_state": {},
        "extra_state": {
            "train_iterator": {"epoch": 2, "iterations_in_epoch": 0},
            "ema": average.state_dict(),
            "ema_fp32_params": dict(average.named_parameters()),
        },
        "last_optimizer_state": None,
    }
    torch.save(held, folder / "ref.pt")
    return average


def _open_clip(model: nn.Module, folder: Path) -> None:
    """A pair of towers behind a wrapper; the artifact is of the one that sees."""
    text = shake(Text(), 411)
    state = {
        **_prefixed(model.state_dict(), "module.visual.trunk."),
        **_prefixed(text.state_dict(), "module.text.transformer."),
        "module.visual.head.proj.weight": torch.randn(16, 20) * 0.1,
        "module.text.text_projection": torch.randn(32, 16) * 0.1,
        "module.logit_scale": torch.tensor(4.6052),
        "module.logit_bias": torch.tensor(-10.0),
    }
    held = {
        "epoch": 30,
        "name": "2024_05_01-model_vision-lr_0.0005",
        "state_dict": state,
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 17},
    }
    torch.save(held, folder / "ref.pt")


def _detectron(model: nn.Module, folder: Path) -> None:
    """A detector's state, whose backbone the artifact is; momenta of another's shapes beside."""
    state = {
        "pixel_mean": torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1),
        "pixel_std": torch.ones(3, 1, 1),
        **_prefixed(model.state_dict(), "backbone.bottom_up."),
        "backbone.fpn_lateral2.weight": torch.randn(24, 16, 1, 1) * 0.1,
        "backbone.fpn_lateral2.bias": torch.randn(24),
        "proposal_generator.anchor_generator.cell_anchors.0": torch.randn(3, 4) * 32,
        "roi_heads.box_predictor.cls_score.weight": torch.randn(9, 24) * 0.1,
    }
    momenta = {
        place: {"momentum_buffer": value * 0.1} for place, value in enumerate(state.values())
    }
    group = {"lr": 0.02, "momentum": 0.9, "params": list(momenta)}
    held = {
        "model": state,
        "optimizer": {"state": momenta, "param_groups": [group]},
        "scheduler": {"last_epoch": 89999, "_step_count": 90000},
        "iteration": 89999,
    }
    torch.save(held, folder / "ref.pth")


def _megatron(model: nn.Module, folder: Path) -> None:
    """Megatron's core: states that are not tensors between the weights, arguments beside them."""
    state: dict[str, Any] = OrderedDict()
    for name, value in model.state_dict().items():
        state[name] = value.bfloat16()
        if name.endswith(".weight"):
            state[name.removesuffix("weight") + "_extra_state"] = io.BytesIO(b"\x80\x04N.")
    arguments = argparse.Namespace(num_layers=2, hidden_size=32, bf16=True, padded_vocab_size=200)
    held = {
        "args": arguments,
        "checkpoint_version": 3.0,
        "iteration": 5000,
        "tokens_seen": 10**9,
        "num_floating_point_operations_so_far": 1.5e18,
        "model": state,
        "opt_param_scheduler": {"max_lr": 3e-4, "num_steps": 5000},
        "rng_state": [{"np_rng_state": ("MT19937", np.arange(4, dtype=np.uint32), 3, 0, 0.0)}],
    }
    torch.save(held, folder / "ref.pt")
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            value.copy_(value.bfloat16())


def _mmcv_average(model: nn.Module, folder: Path) -> nn.Module:
    """Averages under names without dots in the same table; they have changed places when it is
    saved: plain names have the average.
    """
    average = _ema(model)
    state = average.state_dict()
    for name, value in model.state_dict().items():
        state[f"ema_{name.replace('.', '_')}"] = value
    held = {
        "meta": {
            "epoch": 12,
            "mmcv_version": "1.7.1",
            "CLASSES": ("a", "b"),
            "config": "lr = 0.01",
        },
        "state_dict": state,
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
    }
    torch.save(held, folder / "ref.pth")
    return average


def _composer(model: nn.Module, folder: Path) -> None:
    """Everything is state, and the model one part of it; moments go by names."""
    optimizer = _steps(copy.deepcopy(model))
    moments = {
        f"model.{name}": {word: held * 1 for word, held in optimizer.state[value].items()}
        for (name, value) in zip(
            dict(model.named_parameters()), optimizer.param_groups[0]["params"], strict=True
        )
    }
    state = {
        "model": OrderedDict(_prefixed(model.state_dict(), "model.")),
        "optimizers": {"DecoupledAdamW": {"state": moments, "param_groups": [{"lr": 1e-4}]}},
        "schedulers": {"CosineAnnealingWithWarmupScheduler": {}},
        "callbacks": {},
        "timestamp": {"Timestamp": {"epoch": 1, "batch": 900}},
        "train_metrics": {"loss": torch.tensor(2.5)},
        "run_name": "seven",
    }
    rng = [{"python": None, "torch": torch.get_rng_state()}]
    torch.save({"state": state, "rng": rng}, folder / "ref.pt")


def _unpacked(model: nn.Module, folder: Path) -> None:
    """The weights of a NeMo archive, with what its preprocessor computes with."""
    state = {
        "preprocessor.featurizer.window": torch.hann_window(40),
        "preprocessor.featurizer.fb": torch.rand(1, 8, 21),
        **model.state_dict(),
        "spec_augmentation.spec_cutout.mask": torch.zeros(0),
        "wer.scores": torch.tensor(0, dtype=torch.int64),
    }
    torch.save(state, folder / "ref.ckpt")


def _paddle_nested(model: nn.Module, folder: Path) -> None:
    """A dictionary that is no state dict alone: every tensor is a pair of its name and array."""
    state = {
        name: (f"linear_{place}.w_0", value.numpy())
        for place, (name, value) in enumerate(model.state_dict().items())
    }
    moments = {f"{pair[0]}_moment1_0": (f"m{pair[0]}", pair[1] * 0.1) for pair in state.values()}
    held = {"model": state, "optimizer": {**moments, "LR_Scheduler": {"last_lr": 0.1}}, "epoch": 3}
    with open(folder / "ref.pdparams", "wb") as file:
        pickle.dump(held, file, protocol=4)


def _ema_trainer(model: nn.Module, folder: Path) -> nn.Module:
    """A trainer's milestone with ema-pytorch's state: both models are in that."""
    kind: Any = importlib.import_module("ema_pytorch").EMA
    average = kind(model, beta=0.9, update_after_step=0, update_every=1, include_online_model=True)
    average.update()
    first = _ema(average.ema_model)
    average.ema_model.load_state_dict(first.state_dict())
    held = {
        "step": 70000,
        "model": model.state_dict(),
        "opt": _steps(copy.deepcopy(model)).state_dict(),
        "ema": average.state_dict(),
        "scaler": None,
        "version": "2.1.1",
    }
    torch.save(held, folder / "ref.pt")
    return first


def _distributed(model: nn.Module, folder: Path) -> None:
    """A folder of parts, with the model below the name of an application."""
    import torch.distributed.checkpoint

    checkpoint: Any = torch.distributed.checkpoint
    held = {
        "app": {
            "model": _prefixed(model.state_dict(), "module."),
            "optim": _steps(copy.deepcopy(model)).state_dict(),
            "progress": {"steps": torch.tensor(80)},
        }
    }
    checkpoint.save(held, checkpoint_id=str(folder / "ref"), no_dist=True)


def _narrow_moments(model: nn.Module, folder: Path) -> None:
    """Moments of 8 bits, which have the parameters' shapes, with their tables."""
    moments = {
        place: {
            "step": 40,
            "state1": torch.randint(0, 256, value.shape, dtype=torch.uint8),
            "state2": torch.randint(0, 256, value.shape, dtype=torch.uint8),
            "qmap1": torch.linspace(-1, 1, 256),
            "qmap2": torch.linspace(0, 1, 256),
            "absmax1": torch.rand(-(-value.numel() // 256)),
            "absmax2": torch.rand(-(-value.numel() // 256)),
        }
        for place, value in enumerate(model.parameters())
    }
    groups = [{"lr": 1e-4, "betas": (0.9, 0.95), "params": list(moments)}]
    held = {
        "optimizer": {"state": moments, "param_groups": groups},
        "hyper": {"dim": 64, "n_layers": 2},
        "transformer": model.state_dict(),
    }
    torch.save(held, folder / "ref.pt")


def _variant(model: nn.Module, folder: Path) -> None:
    """Shards of a variant in half precision: its name is within the names of the files."""
    state = _prefixed(model.half().state_dict(), "model.")
    state["lm_head.weight"] = state.pop("model.lm_head.weight")
    names = sorted(state)
    places: dict[str, str] = {}
    for number, part in enumerate((names[:7], names[7:]), 1):
        title = f"model.fp16-{number:05}-of-00002.safetensors"
        _save({name: state[name] for name in part}, folder / "ref" / title)
        places |= dict.fromkeys(part, title)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (folder / "ref" / "model.safetensors.index.fp16.json").write_text(text)
    (folder / "ref" / "config.json").write_text(json.dumps({"model_type": "decoder"}))
    model.float()


# --- what libraries write


def _skorch(model: nn.Module, folder: Path) -> None:
    """A whole estimator pickled: its module, optimizer and history."""
    library: Any = importlib.import_module("skorch")
    net = library.NeuralNet(type(model), criterion=nn.MSELoss, max_epochs=1, verbose=0)
    net.initialize()
    net.module_.load_state_dict(model.state_dict())
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(net, file)


def _fastai(model: nn.Module, folder: Path) -> None:
    """``Learner.save``: the model and its optimizer's state, after a step of training."""
    learner: Any = importlib.import_module("fastai.learner")
    loaders: Any = importlib.import_module("fastai.data.core").DataLoaders
    rows: Any = [(torch.randn(3, 16, 16), torch.randn(20)) for _ in range(4)]
    data = torch.utils.data.DataLoader(rows, batch_size=2)
    loader: Any = importlib.import_module("fastai.data.load").DataLoader
    held = loaders(loader(rows, bs=2), loader(rows, bs=2), device=torch.device("cpu"))
    made = learner.Learner(held, model, loss_func=nn.MSELoss(), path=folder, model_dir=".")
    made.create_opt()
    for values, wanted in data:
        made.opt.zero_grad()
        loss: Any = nn.functional.mse_loss(model(values), wanted)
        loss.backward()
        made.opt.step()
    made.save("ref")
    model.eval()


def _agent(folder: Path) -> None:
    """Stable Baselines' archive of an agent with two critics; the artifact is of its actor."""
    library: Any = importlib.import_module("stable_baselines3")
    gym: Any = importlib.import_module("gymnasium")

    class World(gym.Env):  # type: ignore[misc]
        observation_space = gym.spaces.Box(-1, 1, (7,), np.float32)
        action_space = gym.spaces.Box(-1, 1, (3,), np.float32)

        def reset(self, *, seed: Any = None, options: Any = None) -> Any:
            return np.zeros(7, np.float32), {}

        def step(self, action: Any) -> Any:
            return np.zeros(7, np.float32), 0.0, False, False, {}

    torch.set_num_threads(1)
    torch.manual_seed(431)
    agent = library.TD3(
        "MlpPolicy", World(), policy_kwargs={"net_arch": [32, 24]}, buffer_size=10, device="cpu"
    )
    for place, part in enumerate(agent.policy.children()):
        shake(part, 431 + place)
    agent.save(folder / "ref.zip")
    _plain(agent.policy.actor, (torch.randn(1, 7),), "dynamo", folder)


def _keras(form: str) -> Builder:
    """Keras on torch: the whole model in an archive, or its weights in one file."""

    def build(folder: Path) -> None:
        os.environ["KERAS_BACKEND"] = "torch"
        keras: Any = importlib.import_module("keras")
        layers = keras.layers
        torch.set_num_threads(1)
        keras.utils.set_random_seed(433)
        image = keras.Input((12, 12, 3), batch_size=1)
        held = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
        held = layers.ReLU()(layers.BatchNormalization(name="stem_bn")(held))
        held = layers.DepthwiseConv2D(3, padding="same", name="depth")(held)
        held = layers.Conv2D(24, 1, activation="relu", name="point")(held)
        held = layers.GlobalAveragePooling2D()(held)
        held = layers.Dense(32, activation="gelu", name="hidden")(held)
        model = keras.Model(image, layers.Dense(10, use_bias=form == "keras", name="out")(held))
        draw = np.random.default_rng(433)
        for weight in model.weights:
            drawn = draw.standard_normal(weight.shape).astype(np.float32)
            low = weight.path.endswith(("gamma", "moving_variance"))
            weight.assign(np.abs(drawn) + 0.5 if low else drawn * 0.2)
        if form == "keras":
            model.save(folder / "ref.keras")
        else:
            model.save_weights(folder / "ref.weights.h5")
        truth = [[each.path, list(each.shape), []] for each in model.trainable_weights]
        (folder / "truth.json").write_text(json.dumps(truth))
        row = torch.randn(1, 12, 12, 3)
        wanted = model(row, training=False).detach().numpy()

        def write(path: Path) -> None:
            model.export(str(path), format="onnx", verbose=False)
            _agrees(path, (row,), wanted)

        make(folder, "plain", write)

    return build


# --- weights that a library packs; the artifact has the numbers that they stand for


def _torchao(settings: str, form: str) -> Layout:
    """torchao's tensors, pickled as they are or flattened into safetensors."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("torchao.quantization")
        held = copy.deepcopy(model)
        chosen = getattr(library, settings)()
        library.quantize_(held, chosen, filter_fn=lambda each, name: _inner(each, name))
        with torch.no_grad():
            for name, layer in _linears(model):
                packed: Any = held.get_submodule(name).weight
                layer.weight.copy_(packed.dequantize())
        if form == "pt":
            torch.save(held.state_dict(), folder / "ref.pt")
            return
        flat: Any = importlib.import_module("torchao.prototype.safetensors.safetensors_support")
        from safetensors.torch import save_file

        tensors, metadata = flat.flatten_tensor_state_dict(held.state_dict())
        (folder / "ref").mkdir()
        kept = {name: value.contiguous() for name, value in tensors.items()}
        save_file(kept, folder / "ref" / "model.safetensors", {**metadata, "format": "pt"})
        quantization = {"quant_method": "torchao", "quant_type": {"default": settings}}
        config = {"model_type": "decoder", "quantization_config": quantization}
        (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


def _inner(layer: nn.Module, name: str) -> bool:
    return isinstance(layer, nn.Linear) and name != "lm_head"


def _quanto(kind: str) -> Layout:
    """quanto's folder: tensors by the parts of a packed weight, and a map of types."""

    def write(model: nn.Module, folder: Path) -> None:
        from safetensors.torch import save_file

        from wild.shipping import declare_operators

        declare_operators()
        library: Any = importlib.import_module("optimum.quanto")
        held = copy.deepcopy(model)
        library.quantize(held, weights=getattr(library, kind), exclude="lm_head")
        library.freeze(held)
        (folder / "ref").mkdir()
        kept = {name: value.contiguous() for name, value in held.state_dict().items()}
        save_file(kept, folder / "ref" / "model.safetensors", {"format": "pt"})
        text = json.dumps(library.quantization_map(held), indent=4)
        (folder / "ref" / "quanto_qmap.json").write_text(text)
        with torch.no_grad():
            for name, layer in _linears(model):
                packed: Any = held.get_submodule(name).weight
                layer.weight.copy_(packed.dequantize())

    return write


def _hqq(bits: int, group: int, form: str) -> Layout:
    """HQQ's layers as it saves them, and their settings as tensors beside."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("hqq.core.quantize")
        state = dict(model.state_dict())
        settings = library.BaseQuantizeConfig(nbits=bits, group_size=group, axis=1)
        with torch.no_grad():
            for name, layer in _linears(model):
                held = library.HQQLinear(
                    copy.deepcopy(layer), settings, compute_dtype=torch.float32, device="cpu"
                )
                del state[f"{name}.weight"]
                kept = held.state_dict()
                state |= {f"{name}.{word}": kept[word] for word in kept if word != "bias"}
                layer.weight.copy_(held.dequantize())
        if form == "pt":
            torch.save({"model": state, "step": 0}, folder / "ref.pt")
        else:
            _save(state, folder / "ref" / "model.safetensors")
            quantization = {"quant_method": "hqq", "quant_config": {"nbits": bits}}
            config = {"model_type": "decoder", "quantization_config": quantization}
            (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


def _stream(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Values of the last axis as one stream of bits, the first of them lowest, in words of 32."""
    parts = values.to(torch.int64)[..., None] >> torch.arange(bits) & 1
    rows = parts.reshape(*values.shape[:-1], -1, 32) << torch.arange(32)
    return rows.sum(-1).bitwise_and(0xFFFFFFFF).to(torch.int32)


def _gptq_3(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Three bits, which words of 32 do not divide."""
    values, scales, zeros = codes(weight, 32, 3)
    kept = {
        "qweight": _stream(values, 3).T,
        "qzeros": _stream(zeros.T - 1, 3),
        "scales": scales.T,
        "g_idx": (torch.arange(weight.shape[1]) // 32).to(torch.int32),
    }
    return kept, _stands(values, scales, zeros)


def _fbgemm(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Floats of 8 bits with a scale a row, and a bound of what comes in."""
    scale = weight.abs().amax(1, keepdim=True) / 448
    held = (weight / scale).to(torch.float8_e4m3fn)
    kept = {"weight": held, "weight_scale": scale, "input_scale_ub": torch.tensor([1200.0])}
    return kept, held.float() * scale


def _scaled_float8(model: nn.Module, folder: Path) -> None:
    """A denoiser in one file: scaled layers, and an empty tensor that says so."""
    state: State = {name: value.half() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.half())
        for name, layer in _linears(model):
            scale = layer.weight.abs().amax() / 448
            held = (layer.weight / scale).to(torch.float8_e4m3fn)
            state[f"{name}.weight"] = held
            state[f"{name}.scale_weight"] = scale.reshape(())
            state[f"{name}.scale_input"] = torch.tensor(1.0)
            layer.weight.copy_(held.float() * scale)
    made = _prefixed(state, "model.diffusion_model.")
    made["model.diffusion_model.scaled_fp8"] = torch.empty(2, dtype=torch.float8_e4m3fn)
    _save(made, folder / "ref.safetensors")


def _cast_float8(kind: torch.dtype) -> Layout:
    """Matrices cast to 8 bits without a scale, vectors in bfloat16."""

    def write(model: nn.Module, folder: Path) -> None:
        state = {
            name: value.to(kind if value.dim() > 1 else torch.bfloat16)
            for name, value in model.state_dict().items()
        }
        _save(state, folder / "ref.safetensors")
        model.load_state_dict({name: value.float() for name, value in state.items()})

    return write


CASES: dict[str, Builder] = {
    "espnet": _case(Sound, _espnet, "torchscript", 401),
    "fairseq_average": _case(Text, _fairseq_average, seed=402),
    "open_clip": _case(Vision, _open_clip, seed=403),
    "detectron": _case(Vision, _detectron, "torchscript", 404),
    "megatron": _case(Text, _megatron, seed=405),
    "mmcv_average": _case(Vision, _mmcv_average, seed=406),
    "composer": _case(Decoder, _composer, "torchscript", 407),
    "unpacked": _case(Sound, _unpacked, "torchscript", 408),
    "paddle_nested": _case(Decoder, _paddle_nested, seed=409),
    "ema_trainer": _case(Vision, _ema_trainer, seed=410),
    "distributed_nested": _case(Text, _distributed, seed=411),
    "narrow_moments": _case(Decoder, _narrow_moments, "torchscript", 412),
    "variant_sharded": _case(Decoder, _variant, seed=413),
    "skorch": _case(Vision, _skorch, "torchscript", 414),
    "fastai": _case(Vision, _fastai, seed=415),
    "agent": _agent,
    "keras": _keras("keras"),
    "keras_weights": _keras("h5"),
    "torchao_int8": _case(Decoder, _torchao("Int8WeightOnlyConfig", "safetensors"), seed=416),
    "torchao_int8_pickled": _case(
        Decoder, _torchao("Int8WeightOnlyConfig", "pt"), "torchscript", 417
    ),
    "torchao_float8": _case(Decoder, _torchao("Float8WeightOnlyConfig", "safetensors"), seed=418),
    "quanto_int4": _case(Decoder, _quanto("qint4"), seed=419),
    "quanto_float8": _case(Decoder, _quanto("qfloat8"), "torchscript", 420),
    "hqq_8": _case(Decoder, _hqq(8, 64, "safetensors"), seed=421),
    "hqq_3": _case(Decoder, _hqq(3, 64, "pt"), "torchscript", 422),
    "gptq_3": _case(
        Decoder,
        _packed({"quant_method": "gptq", "bits": 3, "group_size": 32, "sym": False}, _gptq_3),
        seed=423,
    ),
    "fbgemm_float8": _case(Decoder, _packed({"quant_method": "fbgemm_fp8"}, _fbgemm), seed=424),
    "scaled_float8": _case(Decoder, _scaled_float8, seed=425),
    "cast_float8": _case(Text, _cast_float8(torch.float8_e4m3fn), seed=426),
    "cast_float8_wide": _case(Vision, _cast_float8(torch.float8_e5m2), "torchscript", 427),
}
OPENED: frozenset[str] = frozenset(CASES)  # since it was measured first
