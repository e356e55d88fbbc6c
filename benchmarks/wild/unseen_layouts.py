"""Layouts of checkpoints that neither ``layouts`` nor ``fresh_layouts`` has, all of them held out.

Rules are those of ``layouts``: where a checkpoint has codes, parts of a weight or several sets of
numbers, the artifact is of what the checkpoint's users load.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

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
    _case,
    _ema,
    _linears,
    _prefixed,
    _save,
    _steps,
)
from wild.workshop import Builder, shake

# --- folders and archives


def _trainer(model: nn.Module, folder: Path) -> None:
    """A step's folder of transformers' Trainer: moments, schedule and random numbers beside."""
    place = folder / "ref"
    _save(dict(model.state_dict()), place / "model.safetensors")
    optimizer = _steps(copy.deepcopy(model))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer)
    torch.save(optimizer.state_dict(), place / "optimizer.pt")
    torch.save(schedule.state_dict(), place / "scheduler.pt")
    torch.save({"cpu": torch.get_rng_state(), "python": None}, place / "rng_state.pth")
    torch.save({"output_dir": "out", "learning_rate": 1e-3}, place / "training_args.bin")
    (place / "config.json").write_text(json.dumps({"model_type": "text", "hidden_size": 32}))


def _zero(model: nn.Module, folder: Path) -> None:
    """DeepSpeed's folder of one process: the model's states beside a flat optimizer's."""
    place = folder / "ref" / "global_step500"
    place.mkdir(parents=True, exist_ok=True)
    flat = torch.cat([value.detach().reshape(-1) for value in model.parameters()])
    shapes = {name: value.shape for name, value in model.named_parameters()}
    held = {
        "module": {name: value.bfloat16() for name, value in model.state_dict().items()},
        "param_shapes": [shapes],
        "ds_config": {"zero_optimization": {"stage": 1}, "bf16": {"enabled": True}},
        "ds_version": "0.16.4",
    }
    torch.save(held, place / "mp_rank_00_model_states.pt")
    moments = {"exp_avg": flat * 0.01, "exp_avg_sq": flat**2 * 0.01, "step": 500}
    parts = {"zero_stage": 1, "single_partition_of_fp32_groups": [flat], "base": moments}
    torch.save(
        {"optimizer_state_dict": parts, "ds_version": "0.16.4"},
        place / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
    )
    (folder / "ref" / "latest").write_text("global_step500")
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(value.bfloat16())


def _consolidated(model: nn.Module, folder: Path) -> nn.Module:
    """One file of a model that was in parts, in bfloat16, beside its sizes."""
    model.to(torch.bfloat16)
    (folder / "ref").mkdir(exist_ok=True)
    state = {**model.state_dict(), "rope.freqs": torch.rand(8)}
    torch.save(state, folder / "ref" / "consolidated.00.pth")
    (folder / "ref" / "params.json").write_text(json.dumps({"dim": 64, "n_layers": 2}))
    return model.float()


def _policy(model: nn.Module, folder: Path) -> None:
    """An archive of an agent: its policy, the optimizer of that, and a table of settings."""

    def stored(held: Any) -> bytes:
        file = io.BytesIO()
        torch.save(held, file)
        return file.getvalue()

    optimizer = _steps(copy.deepcopy(model))
    with zipfile.ZipFile(folder / "ref.zip", "w") as archive:
        archive.writestr("data", json.dumps({"gamma": 0.99, "n_steps": 128}))
        archive.writestr("policy.pth", stored(model.state_dict()))
        archive.writestr("policy.optimizer.pth", stored(optimizer.state_dict()))
        archive.writestr("pytorch_variables.pth", stored({"log_alpha": torch.tensor([0.2])}))
        archive.writestr("_stable_baselines3_version", "2.3.2")


def _paddle(model: nn.Module, folder: Path) -> None:
    """A pickled dictionary of arrays and of the names that a framework gave them."""
    state: dict[str, Any] = {name: value.numpy() for name, value in model.state_dict().items()}
    names = {name: f"param_{place}.w_0" for place, name in enumerate(state)}
    with open(folder / "ref.pdparams", "wb") as file:
        pickle.dump({**state, "StructuredToParameterName@@": names}, file, protocol=4)


# --- training checkpoints


def _moco(model: nn.Module, folder: Path) -> None:
    """The encoder that is trained, the slow one beside it and a queue of keys."""
    state = {
        **_prefixed(model.state_dict(), "module.encoder_q."),
        **_prefixed(_ema(model).state_dict(), "module.encoder_k."),
        "module.queue": torch.randn(20, 256),
        "module.queue_ptr": torch.zeros(1, dtype=torch.long),
    }
    optimizer = _steps(copy.deepcopy(model)).state_dict()
    held = {"epoch": 200, "arch": "vision", "state_dict": state, "optimizer": optimizer}
    torch.save(held, folder / "ref.pth.tar")


def _hydra(model: nn.Module, folder: Path) -> None:
    """Settings of a library of its own between the weights, and paths."""
    from omegaconf import OmegaConf  # type: ignore[import-not-found]

    settings = OmegaConf.create({"model": {"width": 24, "layers": [32, 32]}, "seed": 7})
    held = {
        "cfg": settings,
        "folder": PurePosixPath("runs/7"),
        "history": {"loss": [torch.tensor(0.4), torch.tensor(0.2)]},
        "model": model.state_dict(),
        "task_state": {"vocabulary": torch.arange(40)},
    }
    torch.save(held, folder / "ref.pt")


def _averaged_beside(model: nn.Module, folder: Path) -> nn.Module:
    """As torchvision's scripts keep it: the average is a wrapper that counts."""
    average = _ema(model)
    counted = {"n_averaged": torch.tensor(320), **_prefixed(average.state_dict(), "module.")}
    held = {
        "model": model.state_dict(),
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
        "epoch": 599,
        "model_ema": counted,
    }
    torch.save(held, folder / "ref.pth")
    return average


def _single_file(model: nn.Module, folder: Path) -> nn.Module:
    """A pipeline in one file of half precision; the artifact is of its denoiser."""
    model.half()
    others = (("first_stage_model.", Vision(12)), ("cond_stage_model.transformer.", Text()))
    state = _prefixed(model.state_dict(), "model.diffusion_model.")
    for number, (prefix, other) in enumerate(others):
        state |= _prefixed(shake(other, 900 + number).half().state_dict(), prefix)
    state["alphas_cumprod"] = torch.linspace(0.99, 0.01, 1000)
    _save(state, folder / "ref.safetensors")
    return model.float()


# --- weights in parts; the artifact has the product


def _matrices(model: nn.Module) -> list[tuple[str, Any]]:
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, kinds)]


def _vocoder(model: nn.Module, folder: Path) -> None:
    """Directions and lengths, as weight normalization has them, of a generator."""
    draw = torch.Generator().manual_seed(8)
    state = dict(model.state_dict())
    with torch.no_grad():
        for name, layer in _matrices(model):
            sizes = (-1, *[1] * (layer.weight.dim() - 1))
            stretch = torch.rand(layer.weight.shape[0], generator=draw) + 0.5
            length = layer.weight.flatten(1).norm(dim=1).reshape(sizes)
            held = layer.weight * stretch.reshape(sizes)
            del state[f"{name}.weight"]
            state |= {f"{name}.weight_g": length, f"{name}.weight_v": held}
            layer.weight.copy_(torch._weight_norm(held, length, 0))
    held = {"generator": {name: value.clone() for name, value in state.items()}}
    torch.save(held, folder / "ref.pt")


def _spectral(model: nn.Module, folder: Path) -> None:
    """Weights before their division by the largest singular value, and the vectors of it."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for name, layer in _matrices(model):
            flat = layer.weight.flatten(1)
            right = nn.functional.normalize(torch.randn(flat.shape[1]), dim=0)
            for _ in range(30):
                left = nn.functional.normalize(flat @ right, dim=0)
                right = nn.functional.normalize(flat.T @ left, dim=0)
            state[f"{name}.weight_orig"] = state.pop(f"{name}.weight")
            state |= {f"{name}.weight_u": left, f"{name}.weight_v": right}
            layer.weight.div_(torch.dot(left, flat @ right))
    torch.save({"netD": state, "niter": 9}, folder / "ref.pth")


def _pruned(model: nn.Module, folder: Path) -> None:
    """Weights and masks, as torch's pruning keeps them until it is made permanent."""
    from torch.nn.utils import prune

    pruning: Any = prune
    masked = copy.deepcopy(model)
    for _, layer in _matrices(masked):
        pruning.l1_unstructured(layer, "weight", amount=0.4)
    torch.save(masked.state_dict(), folder / "ref.pt")
    with torch.no_grad():
        for (_, layer), (_, kept) in zip(_matrices(model), _matrices(masked), strict=True):
            layer.weight.copy_(kept.weight)


# --- packed linear layers; the artifact has the numbers that they stand for


def _float8_scalar(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Model Optimizer's floats of 8 bits: a scale a tensor, and one of what comes in."""
    scale = weight.abs().amax() / 448
    held = (weight / scale).to(torch.float8_e4m3fn)
    kept = {"weight": held, "weight_scale": scale, "input_scale": torch.tensor(0.0123)}
    return kept, held.float() * scale


_HALVES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])


def _nvfp4(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Floats of 4 bits, two a byte, a scale of 8 bits for 16 of them and one for all."""
    whole = weight.abs().amax() / (6 * 448)
    blocks = weight.reshape(weight.shape[0], -1, 16)
    scales = (blocks.abs().amax(-1) / 6 / whole).to(torch.float8_e4m3fn)
    wide = (scales.float() * whole)[..., None]
    near = ((blocks / wide).abs()[..., None] - _HALVES).abs().argmin(-1)
    signed = (near + 8 * (blocks < 0)).reshape(weight.shape[0], -1, 2)
    kept = {
        "weight": (signed[..., 0] + 16 * signed[..., 1]).to(torch.uint8),
        "weight_scale": scales,
        "weight_scale_2": whole,
        "input_scale": torch.tensor(0.0004),
    }
    return kept, (_HALVES[near] * blocks.sign() * wide).reshape(weight.shape)


def _uneven_float8(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Blocks of 48 x 48, the last of a row or of a column narrower."""
    rows, columns = weight.shape
    high, wide = -(-rows // 48), -(-columns // 48)
    padded = nn.functional.pad(weight, (0, wide * 48 - columns, 0, high * 48 - rows))
    scales = padded.reshape(high, 48, wide, 48).abs().amax((1, 3)) / 448
    every = scales.repeat_interleave(48, 0).repeat_interleave(48, 1)[:rows, :columns]
    held = (weight / every).to(torch.float8_e4m3fn)
    return {"weight": held, "weight_scale_inv": scales}, held.float() * every


def _quanto(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Data and scale below the name of the weight, and scales of the activations."""
    scale = weight.abs().amax(1, keepdim=True) / 127
    held = (weight / scale).round().to(torch.int8)
    one = torch.tensor(1.0)
    kept = {"weight._data": held, "weight._scale": scale, "input_scale": one, "output_scale": one}
    return kept, held.float() * scale


def _bitnet(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Three values, four a byte along the outputs, and one scale."""
    scale = weight.abs().mean()
    held = (weight / scale).round().clamp(-1, 1)
    parts = (held + 1).to(torch.uint8).reshape(4, -1, weight.shape[1])
    packed = parts[0] | parts[1] << 2 | parts[2] << 4 | parts[3] << 6
    return {"weight": packed, "weight_scale": scale.reshape(1)}, held * scale


def _hqq(size: int) -> Layout:
    """A dictionary a layer, as HQQ saves a model: the first half of the groups in high bits."""

    def write(model: nn.Module, folder: Path) -> None:
        state: dict[str, Any] = {}
        with torch.no_grad():
            for name, layer in model.named_modules():
                if own := dict(layer.named_parameters(recurse=False)):
                    state[name] = {word: value.detach().clone() for word, value in own.items()}
            for name, layer in _linears(model):
                values, scales, zeros = codes(layer.weight, size, 4)
                groups = values.reshape(-1, size).to(torch.uint8)
                half = len(groups) // 2
                state[name] = {
                    "W_q": groups[:half] << 4 | groups[half:],
                    "scale": scales.reshape(-1, 1),
                    "zero": zeros.reshape(-1, 1),
                    "shape": layer.weight.shape,
                    "nbits": 4,
                    "group_size": size,
                    "axis": 1,
                    "packing": "4bit_u8",
                }
                layer.weight.copy_(_stands(values, scales, zeros))
        (folder / "ref").mkdir(exist_ok=True)
        torch.save(state, folder / "ref" / "qmodel.pt")
        settings = {"weight_quant_params": {"nbits": 4, "group_size": size, "axis": 1}}
        config = {"model_type": "decoder", "quantization_config": {"quant_config": settings}}
        (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


def _method(name: str, **more: Any) -> dict[str, Any]:
    return {"quant_method": name, **more}


CASES: dict[str, Builder] = {
    "hf_trainer": _case(Text, _trainer, seed=201),
    "zero_folder": _case(Decoder, _zero, "torchscript", 202),
    "consolidated": _case(Decoder, _consolidated, seed=203),
    "agent_archive": _case(Vision, _policy, seed=204),
    "paddle": _case(Sound, _paddle, "torchscript", 205),
    "moco": _case(Vision, _moco, seed=206),
    "hydra": _case(Sound, _hydra, "torchscript", 207),
    "torchvision_ema": _case(Vision, _averaged_beside, "torchscript", 209),
    "single_file": _case(Vision, _single_file, seed=210),
    "vocoder": _case(Sound, _vocoder, "torchscript", 211),
    "spectral": _case(Vision, _spectral, seed=212),
    "pruned": _case(Vision, _pruned, seed=213),
    "modelopt_float8": _case(
        Decoder, _packed(_method("modelopt", quant_algo="FP8"), _float8_scalar), seed=214
    ),
    "modelopt_nvfp4": _case(
        Decoder, _packed(_method("modelopt", quant_algo="NVFP4", group_size=16), _nvfp4), seed=215
    ),
    "float8_uneven": _case(
        Decoder, _packed(_method("fp8", weight_block_size=[48, 48]), _uneven_float8), seed=216
    ),
    "quanto": _case(Decoder, _packed(_method("quanto", weights="int8"), _quanto), seed=217),
    "bitnet": _case(Decoder, _packed(_method("bitnet"), _bitnet), "torchscript", 218),
    "hqq": _case(Decoder, _hqq(32), seed=219),
}
OPENED: frozenset[str] = frozenset(CASES)  # since it was measured first
