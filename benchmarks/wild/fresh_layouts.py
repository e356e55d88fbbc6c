"""More layouts of checkpoints, each beside one plain export of its weights, all held out.

Models and rules are those of ``layouts``: where a checkpoint has codes, narrower numbers or several
sets of numbers, the artifact is of what the checkpoint's users load.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wild.fresh_checkpoints import codes, words
from wild.layouts import (
    Decoder,
    Layout,
    Sound,
    State,
    Text,
    Vision,
    _case,
    _ema,
    _inputs,
    _linears,
    _prefixed,
    _save,
    _steps,
    _tell_names,
)
from wild.workshop import Builder, export, make, shake

# --- training checkpoints


def _lightning_averaged(model: nn.Module, folder: Path) -> nn.Module:
    """Lightning with an average of the weights: ``state_dict`` has the average."""
    import lightning  # type: ignore[import-not-found]
    from lightning.pytorch.callbacks import EMAWeightAveraging  # type: ignore[import-not-found]

    class System(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = model

        def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
            return self.net(batch).square().mean()  # type: ignore[no-any-return]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)

    system = System()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=4,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EMAWeightAveraging(decay=0.5)],
    )
    rows: Any = torch.randn(8, *_inputs(model)[0].shape[1:])
    trainer.fit(system, torch.utils.data.DataLoader(rows, batch_size=2))
    trainer.save_checkpoint(folder / "ref.ckpt")
    held = torch.load(folder / "ref.ckpt", weights_only=False)["state_dict"]
    other = copy.deepcopy(model)
    other.load_state_dict({name.removeprefix("net."): value for name, value in held.items()})
    return other.eval()


def _lightning_compiled(model: nn.Module, folder: Path) -> None:
    """A module compiled inside a system, with a loss that has weights and a metric's state."""
    held = {
        "epoch": 3,
        "global_step": 400,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {
            **_prefixed(model.state_dict(), "model._orig_mod."),
            "criterion.weight": torch.rand(20),
            "metric.total": torch.tensor(400),
        },
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "optimizer_states": [_steps(copy.deepcopy(model)).state_dict()],
        "lr_schedulers": [],
        "hyper_parameters": {"width": 16, "lr": 1e-3},
    }
    torch.save(held, folder / "ref.ckpt")


def _dino(model: nn.Module, folder: Path) -> nn.Module:
    """A student behind a wrapper and the teacher that is used."""
    teacher = _ema(model)
    held = {
        "student": _prefixed(model.state_dict(), "module.backbone."),
        "teacher": {
            **_prefixed(teacher.state_dict(), "backbone."),
            "head.mlp.0.weight": torch.randn(24, 20),
            "head.mlp.0.bias": torch.randn(24),
        },
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
        "epoch": 100,
        "dino_loss": {"center": torch.randn(1, 24)},
    }
    torch.save(held, folder / "ref.pth")
    return teacher


def _ema_online(model: nn.Module, folder: Path) -> nn.Module:
    """ema-pytorch: a state dict of the wrapper, both models in it."""
    average = _ema(model)
    held = {
        **_prefixed(model.state_dict(), "online_model."),
        **_prefixed(average.state_dict(), "ema_model."),
        "initted": torch.tensor(True),
        "step": torch.tensor(1000),
    }
    torch.save(held, folder / "ref.pt")
    return average


def _shadow(model: nn.Module, folder: Path) -> None:
    """An average without names, as torch_ema keeps it, beside the model."""
    average = [value.detach().clone() for value in _ema(model).parameters()]
    held = {
        "model": model.state_dict(),
        "ema": {"decay": 0.999, "num_updates": 10, "shadow_params": average},
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
        "step": 10,
    }
    torch.save(held, folder / "ref.pt")


def _mmengine(model: nn.Module, folder: Path) -> nn.Module:
    """The average is swapped into ``state_dict``; the raw weights lie under another name."""
    average = _ema(model)
    held = {
        "meta": {"epoch": 12, "iter": 900, "cfg": "model = dict()", "dataset_meta": {}},
        "state_dict": _prefixed(average.state_dict(), "backbone."),
        "ema_state_dict": {
            **_prefixed(model.state_dict(), "module.backbone."),
            "steps": torch.tensor(900),
        },
        "message_hub": {"log_scalars": {}, "runtime_info": {"iter": 900}},
        "param_schedulers": [],
    }
    torch.save(held, folder / "ref.pth")
    return average


def _fsdp_compiled(model: nn.Module, folder: Path) -> None:
    state = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        if parts[0] == "encoder":
            parts[2:2] = ["_checkpoint_wrapped_module", "_orig_mod"]
        state[".".join(["_fsdp_wrapped_module", "_orig_mod", *parts])] = value
    torch.save({"model_state": state, "train_step": 8}, folder / "ref.pt")


def _accelerate_sharded(model: nn.Module, folder: Path) -> None:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    prepared = accelerator.prepare(model)
    accelerator.save_model(prepared, str(folder / "ref"), max_shard_size="30KB")


def _accelerate_bin(model: nn.Module, folder: Path) -> None:
    """A state of training in files of torch: model, optimizer, scheduler, random numbers."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    optimizer = _steps(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    accelerator.prepare(model, optimizer, schedule)
    accelerator.save_state(str(folder / "ref"), safe_serialization=False)


def _tree(model: nn.Module, folder: Path) -> None:
    """A dictionary a module, as if paths were folders."""
    tree: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    held = {"model": {"language_model": tree}, "iteration": 500, "checkpoint_version": 3.0}
    torch.save(held, folder / "ref.pt")


def _npz_optimizer(model: nn.Module, folder: Path) -> None:
    """Parameters and an optimizer's moments, distinguished by the first word."""
    optimizer = _steps(model)
    arrays: dict[str, Any] = {}
    for name, value in model.named_parameters():
        arrays[f"params/{name.replace('.', '/')}"] = value.detach().numpy()
        moments = optimizer.state[value]
        for word in ("exp_avg", "exp_avg_sq"):
            arrays[f"opt_state/{word}/{name.replace('.', '/')}"] = moments[word].numpy()
    for name, buffer in model.named_buffers():
        arrays[f"batch_stats/{name.replace('.', '/')}"] = buffer.numpy()
    save: Any = np.savez
    save(folder / "ref.npz", step=np.int64(2), **arrays)


def _diffusers(model: nn.Module, folder: Path) -> nn.Module:
    """A component of a pipeline in half precision: the variant is part of the file's name."""
    model.half()
    _save(model.state_dict(), folder / "ref" / "diffusion_pytorch_model.fp16.safetensors")
    config = {"_class_name": "UNet2DModel", "_diffusers_version": "0.30.0", "in_channels": 3}
    (folder / "ref" / "config.json").write_text(json.dumps(config))
    return model.float()


# --- packed linear layers; the artifact has the numbers that they stand for

Store = Callable[[torch.Tensor], tuple[State, torch.Tensor]]


def _packed(settings: dict[str, Any], store: Store) -> Layout:
    """A folder whose linear layers are as ``store`` keeps them; it answers the tensors beside a
    name, and the weight that those stand for.
    """

    def write(model: nn.Module, folder: Path) -> None:
        layers = _linears(model)
        with torch.no_grad():
            for value in model.parameters():
                value.copy_(value.half())
            state: State = {name: value.half() for name, value in model.state_dict().items()}
            for name, layer in layers:
                kept, weight = store(layer.weight.detach().clone())
                del state[f"{name}.weight"]
                state |= _prefixed(kept, f"{name}.")
                layer.weight.copy_(weight)
        _save(state, folder / "ref" / "model.safetensors")
        config = {"model_type": "decoder", "quantization_config": settings}
        (folder / "ref" / "config.json").write_text(json.dumps(config))

    return write


def _stands(values: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor) -> torch.Tensor:
    size = values.shape[1] // scales.shape[1]
    wide = [part.float().repeat_interleave(size, 1) for part in (scales, zeros)]
    return (values - wide[1]) * wide[0]


def _gptq(bits: int, group: int, symmetric: bool = False, later: bool = False) -> Layout:
    """``later``: the second format, whose zero points are as they are."""

    def store(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
        size = weight.shape[1] if group == -1 else group
        values, scales, zeros = codes(weight, size, bits, symmetric)
        kept = {
            "qweight": words(values, bits, torch.int32).T,
            "qzeros": words(zeros.T - (0 if later else 1), bits, torch.int32),
            "scales": scales.T,
            "g_idx": (torch.arange(weight.shape[1]) // size).to(torch.int32),
        }
        return kept, _stands(values, scales, zeros)

    settings = {
        "quant_method": "gptq",
        "bits": bits,
        "group_size": group,
        "sym": symmetric,
        "desc_act": False,
        "checkpoint_format": "gptq_v2" if later else "gptq",
    }
    return _packed(settings, store)


def _awq(group: int) -> Layout:
    order = [0, 2, 4, 6, 1, 3, 5, 7]

    def store(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
        size = weight.shape[1] if group == -1 else group
        values, scales, zeros = codes(weight, size, 4)

        def pack(part: torch.Tensor) -> torch.Tensor:
            shuffled = part.reshape(part.shape[0], -1, 8)[..., order].reshape(part.shape)
            return words(shuffled, 4, torch.int32)

        kept = {"qweight": pack(values.T), "qzeros": pack(zeros.T), "scales": scales.T}
        return kept, _stands(values, scales, zeros)

    settings = {"quant_method": "awq", "bits": 4, "group_size": group, "version": "gemm"}
    return _packed({**settings, "zero_point": True}, store)


NF4 = [-1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0]
NF4 += [0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0]
FP4 = [0.0, 0.0052083333, 0.6666667, 1.0, 0.3333333, 0.5, 0.1666667, 0.25]
FP4 += [-value for value in FP4]


def _dynamic_map() -> torch.Tensor:
    """The 256 numbers that bitsandbytes rounds scales to."""
    held = [0.0, 1.0]
    for power in range(7):
        edges = torch.linspace(0.1, 1, 2**power + 1)
        means = (edges[:-1] + edges[1:]) / 2 * 10.0 ** (power - 6)
        held += [*means.tolist(), *(-means).tolist()]
    return torch.tensor(sorted(held))


def _bnb4(kind: str, size: int, nested: bool = False) -> Layout:
    """bitsandbytes' 4 bits: codes two to a byte, the first of them high, and their state as tensors
    beside them; nested: scales of 8 bits.
    """
    table = torch.tensor(NF4 if kind == "nf4" else FP4)

    def store(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
        blocks = weight.reshape(-1, size)
        tops = blocks.abs().amax(1)
        found = (blocks / tops[:, None]).unsqueeze(-1).sub(table).abs().argmin(-1).reshape(-1, 2)
        state: dict[str, Any] = {
            "quant_type": kind,
            "blocksize": size,
            "dtype": "float16",
            "shape": list(weight.shape),
        }
        kept: State = {"quant_map": table}
        if nested:
            offset = tops.mean()
            rest, scales = tops - offset, _dynamic_map()
            groups = torch.arange(len(rest)) // 256
            highest = torch.stack(
                [rest[groups == at].abs().amax() for at in range(int(groups[-1]) + 1)]
            )
            near = (rest / highest[groups])[:, None].sub(scales).abs().argmin(-1)
            tops = scales[near] * highest[groups] + offset
            kept |= {
                "absmax": near.to(torch.uint8),
                "nested_absmax": highest,
                "nested_quant_map": scales,
            }
            state |= {"nested_blocksize": 256, "nested_dtype": "float32"}
            state["nested_offset"] = float(offset)
        else:
            kept["absmax"] = tops
        text = json.dumps(state).encode()
        kept[f"quant_state.bitsandbytes__{kind}"] = torch.tensor(list(text), dtype=torch.uint8)
        made = {f"weight.{word}": value for word, value in kept.items()}
        made["weight"] = (found[:, :1] * 16 + found[:, 1:]).to(torch.uint8)
        return made, (table[found].reshape(-1, size) * tops[:, None]).reshape(weight.shape)

    settings = {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_quant_type": kind,
        "bnb_4bit_use_double_quant": nested,
        "bnb_4bit_compute_dtype": "float16",
    }
    return _packed(settings, store)


def _bnb8(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    tops = weight.abs().amax(1)
    held = (weight / tops[:, None] * 127).round()
    form = torch.tensor(0, dtype=torch.uint8)
    kept = {"weight": held.to(torch.int8), "SCB": tops, "weight_format": form}
    return kept, held * tops[:, None] / 127


def _compressed(form: str, group: int = 0, symmetric: bool = True) -> Layout:
    """compressed-tensors: 4 bits packed a group, 8 bits or floats of 8 bits a channel."""

    def store(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
        if form == "pack-quantized":
            values, scales, zeros = codes(weight, group, 4, symmetric)
            kept = {
                "weight_packed": words(values, 4, torch.int32),
                "weight_scale": scales,
                "weight_shape": torch.tensor(weight.shape),
            }
            if not symmetric:
                kept["weight_zero_point"] = words(zeros.T, 4, torch.int32).T
            return kept, _stands(values, scales, zeros)
        whole = form == "int-quantized"
        scales = (weight.abs().amax(1, keepdim=True) / (127 if whole else 448)).half()
        held = weight / scales.float()
        packed = held.round().to(torch.int8) if whole else held.to(torch.float8_e4m3fn)
        return {"weight": packed, "weight_scale": scales}, packed.float() * scales.float()

    weights: dict[str, Any] = {
        "num_bits": 4 if group else 8,
        "type": "float" if "float" in form else "int",
        "symmetric": symmetric,
        "strategy": "group" if group else "channel",
        "group_size": group or None,
    }
    settings = {
        "quant_method": "compressed-tensors",
        "format": form,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": ["lm_head"],
    }
    return _packed(settings, store)


# --- Hugging Face folders


def _hub(kind: str, config: str, form: str, **sizes: Any) -> Builder:
    """A folder as older and newer versions of transformers write it."""

    def build(folder: Path) -> None:
        import transformers

        torch.set_num_threads(1)
        torch.manual_seed(3)
        chosen = getattr(transformers, config)(vocab_size=200, **sizes)
        chosen._attn_implementation = "eager"
        model: Any = shake(getattr(transformers, kind)(chosen), 77)
        place = folder / "ref"
        if form == "bfloat16":
            model.to(torch.bfloat16)
        model.save_pretrained(place, max_shard_size="60KB" if form == "sharded" else "1GB")
        if form == "bin":
            for path in place.glob("model*.safetensors"):
                path.unlink()
            state = model.state_dict()
            names = sorted(state)
            parts = (names[::2], names[1::2])
            index = {}
            for number, part in enumerate(parts, 1):
                title = f"pytorch_model-{number:05}-of-{len(parts):05}.bin"
                torch.save({name: state[name] for name in part}, place / title)
                index.update(dict.fromkeys(part, title))
            text = json.dumps({"metadata": {"total_size": 1}, "weight_map": index})
            (place / "pytorch_model.bin.index.json").write_text(text)
        model.float()
        _tell_names(model, folder)
        tokens = (torch.arange(7)[None],)
        make(folder, "plain", lambda path: export(model, tokens, "dynamo", path))

    return build


_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
_SIZES |= {"num_attention_heads": 4, "max_position_embeddings": 64}

CASES: dict[str, Builder] = {
    "lightning_averaged": _case(Vision, _lightning_averaged, seed=101),
    "lightning_compiled": _case(Vision, _lightning_compiled, "torchscript", 102),
    "dino": _case(Vision, _dino, seed=103),
    "ema_online": _case(Sound, _ema_online, "torchscript", 104),
    "shadow_params": _case(Text, _shadow, seed=105),
    "mmengine": _case(Vision, _mmengine, "torchscript", 106),
    "fsdp_compiled": _case(Text, _fsdp_compiled, seed=107),
    "accelerate_sharded": _case(Decoder, _accelerate_sharded, seed=108),
    "accelerate_bin": _case(Sound, _accelerate_bin, "torchscript", 109),
    "tree": _case(Decoder, _tree, seed=110),
    "npz_optimizer": _case(Vision, _npz_optimizer, seed=111),
    "diffusers_half": _case(Vision, _diffusers, seed=112),
    "gptq_8": _case(Decoder, _gptq(8, 64, symmetric=True), seed=113),
    "gptq_2": _case(Decoder, _gptq(2, 16), "torchscript", 114),
    "gptq_channels": _case(Decoder, _gptq(4, -1), seed=115),
    "gptq_later": _case(Decoder, _gptq(4, 16, later=True), seed=116),
    "awq_16": _case(Decoder, _awq(16), "torchscript", 117),
    "awq_64": _case(Decoder, _awq(64), seed=118),
    "bnb_nf4": _case(Decoder, _bnb4("nf4", 64), seed=119),
    "bnb_nf4_nested": _case(Decoder, _bnb4("nf4", 64, nested=True), "torchscript", 120),
    "bnb_fp4": _case(Decoder, _bnb4("fp4", 128), seed=121),
    "bnb_int8": _case(
        Decoder, _packed({"quant_method": "bitsandbytes", "load_in_8bit": True}, _bnb8), seed=122
    ),
    "compressed_int4": _case(Decoder, _compressed("pack-quantized", 32), seed=123),
    "compressed_uint4": _case(Decoder, _compressed("pack-quantized", 16, False), seed=124),
    "compressed_int8": _case(Decoder, _compressed("int-quantized"), "torchscript", 125),
    "compressed_float8": _case(Decoder, _compressed("float-quantized"), seed=126),
    "hub_bin_sharded": _hub("BertForMaskedLM", "BertConfig", "bin", **_SIZES),
    "hub_sharded": _hub("LlamaForCausalLM", "LlamaConfig", "sharded", **_SIZES, use_cache=False),
    "hub_bfloat16": _hub(
        "Qwen2ForCausalLM",
        "Qwen2Config",
        "bfloat16",
        **_SIZES,
        num_key_value_heads=2,
        use_cache=False,
    ),
}
OPENED: frozenset[str] = frozenset(CASES)
