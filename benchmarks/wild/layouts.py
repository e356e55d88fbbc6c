"""Checkpoints as projects lay them out, each beside one plain export of its weights.

``plain/model.onnx`` is what torch's exporter writes; the checkpoint of the same weights is
``ref.<ext>`` or the folder ``ref/``. ``truth.json`` has the names of the bare model, without what a
layout puts before them (``module.``, ``_orig_mod.``, ``model.``, ...). Where a checkpoint has
narrower numbers, or several sets of them, the artifact is of what the checkpoint's users load.
Cases that start with ``refused_`` have a checkpoint that is none.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import pickle
import tarfile
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wild.workshop import Builder, export, make, shake, tell

State = dict[str, torch.Tensor]


class Vision(nn.Module):
    """A small residual network."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.layers = nn.ModuleList([self._block(width) for _ in range(2)])
        self.head = nn.Linear(width, 20)

    @staticmethod
    def _block(width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Conv2d(2 * width, width, 3, padding=1, groups=2),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn(self.stem(image)))
        for layer in self.layers:
            held = held + layer(held)
        return self.head(held.mean((2, 3)))  # type: ignore[no-any-return]


class Text(nn.Module):
    """A small encoder of tokens; its head may be tied to its embedding, and it may have a prompt
    of no rows.
    """

    def __init__(self, tied: bool = False, prompts: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(200, 32)
        self.encoder = nn.ModuleList(
            [nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True) for _ in range(2)]
        )
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 200, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        if prompts:
            self.prompt = nn.Parameter(torch.empty(0, 32))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held = self.embed(tokens)
        if hasattr(self, "prompt"):
            held = torch.cat((self.prompt.expand(tokens.shape[0], -1, -1), held), 1)
        for layer in self.encoder:
            held = layer(held)
        return self.head(self.norm(held))  # type: ignore[no-any-return]


class Sound(nn.Module):
    """A small recurrent network after a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(8, 24, 3, padding=1), nn.ReLU())
        self.decoder = nn.LSTM(24, 32, num_layers=2, batch_first=True, bidirectional=True)
        self.output = nn.Linear(64, 40)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        held, _ = self.decoder(self.encoder(wave).transpose(1, 2))
        return self.output(held)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """One block of a decoder, of linear layers without bias."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.up_proj = nn.Linear(width, 2 * width, bias=False)
        self.down_proj = nn.Linear(2 * width, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        wanted, keys, values = (
            layer(self.norm(held)) for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = torch.softmax(wanted @ keys.transpose(1, 2) / 8.0, -1)
        held = held + self.o_proj(scores @ values)
        return held + self.down_proj(torch.nn.functional.silu(self.up_proj(held)))  # type: ignore


class Decoder(nn.Module):
    """A small decoder, whose linear layers are what quantizers pack."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(160, 64)
        self.layers = nn.ModuleList([Attention() for _ in range(2)])
        self.lm_head = nn.Linear(64, 160, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held = self.embed_tokens(tokens)
        for layer in self.layers:
            held = layer(held)
        return self.lm_head(held)  # type: ignore[no-any-return]


def _inputs(model: nn.Module) -> tuple[torch.Tensor, ...]:
    if isinstance(model, Vision):
        return (torch.randn(1, 3, 16, 16),)
    if isinstance(model, Sound):
        return (torch.randn(1, 8, 12),)
    return (torch.arange(7)[None],)


def _tell_names(model: nn.Module, folder: Path) -> None:
    """The truth alone: ``ref.safetensors`` there is the layout's own."""
    with tempfile.TemporaryDirectory() as work:
        tell(model, Path(work))
        (folder / "truth.json").write_text((Path(work) / "truth.json").read_text())


def _finish(model: nn.Module, folder: Path, exporter: str = "dynamo") -> None:
    """The truth and the plain artifact; the checkpoint is written by its layout."""
    model.float().eval()
    _tell_names(model, folder)
    arguments = _inputs(model)
    make(folder, "plain", lambda path: export(model, arguments, exporter, path))


def _steps(model: nn.Module) -> torch.optim.Optimizer:
    """An optimizer that has made two steps: moments of the parameters' shapes."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        model(*_inputs(model)).square().mean().backward()
        optimizer.step()
    model.eval()
    return optimizer


def _ema(model: nn.Module) -> nn.Module:
    """The average beside a model: near to it, and another everywhere."""
    average = copy.deepcopy(model)
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in [*average.parameters(), *average.buffers()]:
            if value.is_floating_point():
                value.mul_(1 + 0.01 * torch.rand(value.shape, generator=draw))
    return average.eval()


def _prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


Layout = Callable[[nn.Module, Path], Any]  # writes the checkpoint; may answer with another model


def _case(
    kind: Callable[[], nn.Module], write: Layout, exporter: str = "dynamo", seed: int = 0
) -> Builder:
    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        model = shake(kind(), seed)
        other = write(model, folder)
        _finish(other if isinstance(other, nn.Module) else model, folder, exporter)

    return build


# --- dictionaries around a state dict


def _state_dict(model: nn.Module, folder: Path) -> None:
    held = {"epoch": 90, "arch": "vision", "state_dict": model.state_dict()}
    torch.save(held, folder / "ref.pth.tar")


def _model(model: nn.Module, folder: Path) -> None:
    held = {"model": model.state_dict(), "iteration": 1000, "config": {"width": 16}}
    torch.save(held, folder / "ref.pt")


def _model_state_dict(model: nn.Module, folder: Path) -> None:
    optimizer = _steps(model)
    loss = model(*_inputs(model)).square().mean()
    held = {
        "epoch": 5,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "loss": loss.detach(),
    }
    torch.save(held, folder / "ref.pt")


def _net(model: nn.Module, folder: Path) -> None:
    torch.save({"net": model.state_dict(), "acc": 93.1, "epoch": 200}, folder / "ref.pth")


def _params(model: nn.Module, folder: Path) -> None:
    torch.save({"params": model.state_dict()}, folder / "ref.pth")


def _params_ema(model: nn.Module, folder: Path) -> nn.Module:
    average = _ema(model)
    held = {"params": model.state_dict(), "params_ema": average.state_dict()}
    torch.save(held, folder / "ref.pth")
    return average


def _best_acc1(model: nn.Module, folder: Path) -> None:
    optimizer = _steps(model)
    held = {
        "epoch": 12,
        "arch": "vision",
        "state_dict": _prefixed(model.state_dict(), "module."),
        "best_acc1": torch.tensor(71.25),
        "optimizer": optimizer.state_dict(),
        "scheduler": {"step_size": 30, "gamma": 0.1, "last_epoch": 12},
    }
    torch.save(held, folder / "ref.pth.tar")


def _optimizer_first(model: nn.Module, folder: Path) -> None:
    optimizer = _steps(model)
    held = {
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"last_epoch": 3, "_last_lr": [1e-3]},
        "rng": torch.get_rng_state(),
        "model": model.state_dict(),
    }
    torch.save(held, folder / "ref.pt")


def _fairseq(model: nn.Module, folder: Path) -> None:
    optimizer = _steps(model)
    held = {
        "args": argparse.Namespace(arch="text", lr=[0.001], seed=1),
        "model": model.state_dict(),
        "optimizer_history": [{"optimizer_name": "Adam", "num_updates": 2}],
        "extra_state": {"epoch": 1, "metrics": [("default", {"loss": 3.0})]},
        "last_optimizer_state": optimizer.state_dict(),
    }
    torch.save(held, folder / "ref.pt")


def _deepspeed(model: nn.Module, folder: Path) -> None:
    shapes = [OrderedDict((name, value.shape) for name, value in model.named_parameters())]
    held = {
        "module": model.state_dict(),
        "buffer_names": [name for name, _ in model.named_buffers()],
        "optimizer": None,
        "param_shapes": shapes,
        "frozen_param_fragments": None,
        "lr_scheduler": None,
        "global_steps": 2,
        "dp_world_size": 1,
        "ds_version": "0.15.0",
    }
    torch.save(held, folder / "ref.pt")


def _nanogpt(model: nn.Module, folder: Path) -> None:
    optimizer = _steps(model)
    held = {
        "model": _compile(model).state_dict(),
        "optimizer": optimizer.state_dict(),
        "model_args": {"n_layer": 2, "n_embd": 64, "bias": False},
        "iter_num": 2000,
        "best_val_loss": torch.tensor(1.4697),
    }
    torch.save(held, folder / "ref.pt")


def _generator(model: nn.Module, folder: Path) -> nn.Module:
    average, judge = _ema(model), shake(Vision(), 9)
    held = {"G": model.state_dict(), "D": judge.state_dict(), "G_ema": average.state_dict()}
    torch.save(held, folder / "ref.pt")
    return average


def _parts(model: nn.Module, folder: Path) -> None:
    held: dict[str, Any] = {name: part.state_dict() for name, part in model.named_children()}
    torch.save({**held, "step": 77}, folder / "ref.pt")


def _deep(model: nn.Module, folder: Path) -> None:
    state = {"trainer": {"model": {"weights": model.state_dict()}, "step": 3}, "version": "1.2"}
    torch.save(state, folder / "ref.pt")


def _parameters(model: nn.Module, folder: Path) -> None:
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    torch.save(held, folder / "ref.pt")


def _numpy_pickle(model: nn.Module, folder: Path) -> None:
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    held = {"model": state, "__author__": "somebody", "matching_heuristics": True}
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(held, file)


# --- wrappers and their prefixes


def _compile(model: nn.Module) -> nn.Module:
    """A wrapper; nothing is compiled before it is called."""
    wrapper: Any = torch.compile(model)
    return wrapper  # type: ignore[no-any-return]


def _data_parallel(model: nn.Module, folder: Path) -> None:
    torch.save(nn.DataParallel(model).state_dict(), folder / "ref.pth")


def _compiled(model: nn.Module, folder: Path) -> None:
    torch.save(_compile(model).state_dict(), folder / "ref.pt")


def _compiled_parallel(model: nn.Module, folder: Path) -> None:
    state = _compile(nn.DataParallel(model)).state_dict()
    torch.save({"state_dict": state, "step": 10}, folder / "ref.pt")


def _fsdp(model: nn.Module, folder: Path) -> None:
    state = {}
    for name, value in model.state_dict().items():
        words = name.split(".")
        if words[0] == "layers":
            words[2:2] = ["_fsdp_wrapped_module", "_checkpoint_wrapped_module"]
        state[".".join(["_fsdp_wrapped_module", *words])] = value
    torch.save({"model": state, "step": 4}, folder / "ref.pt")


def _averaged(model: nn.Module, folder: Path) -> nn.Module:
    average = torch.optim.swa_utils.AveragedModel(model)
    average.update_parameters(model)
    average.update_parameters(_ema(model))
    torch.save(average.state_dict(), folder / "ref.pt")
    return average.module


def _lightning(model: nn.Module, folder: Path) -> None:
    import lightning  # type: ignore[import-not-found]

    class System(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, width: int = 16) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.model = model

        def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
            return self.model(batch).square().mean()  # type: ignore[no-any-return]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-3)

    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=2,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[lightning.pytorch.callbacks.ModelCheckpoint(dirpath=folder / "work")],
    )
    rows: Any = torch.randn(4, *_inputs(model)[0].shape[1:])
    trainer.fit(System(), torch.utils.data.DataLoader(rows, batch_size=2))
    trainer.save_checkpoint(folder / "ref.ckpt")
    for path in (folder / "work").iterdir():
        path.unlink()
    (folder / "work").rmdir()


def _diffusion(of_average: bool) -> Layout:
    """A latent diffusion checkpoint: an average whose names lost their dots, beside the model."""

    def write(model: nn.Module, folder: Path) -> nn.Module:
        average = _ema(model)
        state = _prefixed(model.state_dict(), "model.")
        for name, parameter in average.named_parameters():
            state["model_ema." + name.replace(".", "")] = parameter.detach()
        state["model_ema.decay"] = torch.tensor(0.9999)
        state["model_ema.num_updates"] = torch.tensor(1000, dtype=torch.int32)
        state["betas"] = torch.linspace(1e-4, 2e-2, 1000)
        torch.save({"global_step": 1000, "state_dict": state, "epoch": 3}, folder / "ref.ckpt")
        if not of_average:
            return model
        with torch.no_grad():  # statistics are not averaged
            for kept, value in zip(average.buffers(), model.buffers(), strict=True):
                kept.copy_(value)
        return average

    return write


def _state_dict_ema(model: nn.Module, folder: Path) -> nn.Module:
    average = _ema(model)
    held = {
        "epoch": 300,
        "arch": "vision",
        "state_dict": model.state_dict(),
        "state_dict_ema": average.state_dict(),
        "args": argparse.Namespace(model="vision", opt="adamw"),
        "metric": 81.4,
    }
    torch.save(held, folder / "ref.pth.tar")
    return average


# --- whole modules and other files of torch


def _yolo(averaged: bool) -> Layout:
    """Modules pickled whole, in half precision."""

    def write(model: nn.Module, folder: Path) -> nn.Module:
        kept = _ema(model).half() if averaged else None
        raw = copy.deepcopy(model).half()
        held = {
            "epoch": -1,
            "best_fitness": np.float64(0.5),
            "model": raw,
            "ema": kept,
            "updates": 100 if averaged else None,
            "optimizer": None,
            "train_args": {"imgsz": 16},
            "date": "2024-01-01T00:00:00",
        }
        torch.save(held, folder / "ref.pt")
        return copy.deepcopy(kept if kept is not None else raw).float()

    return write


def _whole(model: nn.Module, folder: Path) -> None:
    torch.save(model, folder / "ref.pt")


def _legacy(model: nn.Module, folder: Path) -> None:
    torch.save(model.state_dict(), folder / "ref.pth", _use_new_zipfile_serialization=False)


def _legacy_whole(model: nn.Module, folder: Path) -> None:
    held = {"model": model, "epoch": 1}
    torch.save(held, folder / "ref.pt", _use_new_zipfile_serialization=False)


def _scripted(model: nn.Module, folder: Path) -> None:
    torch.jit.save(torch.jit.script(model), str(folder / "ref.pt"))


def _traced(model: nn.Module, folder: Path) -> None:
    trace: Any = torch.jit.trace
    torch.jit.save(trace(model, _inputs(model)), str(folder / "ref.pt"))


def _program(model: nn.Module, folder: Path) -> None:
    torch.export.save(torch.export.export(model, _inputs(model)), folder / "ref.pt2")


def _views(model: nn.Module, folder: Path) -> None:
    """Every tensor a view into one flat storage."""
    state = {name: value for name, value in model.state_dict().items() if value.dim()}
    flat = torch.cat([value.reshape(-1) for value in state.values()])
    at, views = 0, {}
    for name, value in state.items():
        views[name] = flat[at : at + value.numel()].view(value.shape)
        at += value.numel()
    torch.save(views, folder / "ref.pt")


def _channels_last(model: nn.Module, folder: Path) -> None:
    placed: Any = model.to
    torch.save(placed(memory_format=torch.channels_last).state_dict(), folder / "ref.pt")


def _distributed(model: nn.Module, folder: Path) -> None:
    import torch.distributed.checkpoint

    checkpoint: Any = torch.distributed.checkpoint
    optimizer = _steps(model)
    held = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.save(held, checkpoint_id=str(folder / "ref"), no_dist=True)


def _nemo(model: nn.Module, folder: Path) -> None:
    """A tar archive of a configuration and the weights."""
    weights = io.BytesIO()
    torch.save(model.state_dict(), weights)
    parts = {"./model_config.yaml": b"target: sound\n", "./model_weights.ckpt": weights.getvalue()}
    with tarfile.open(folder / "ref.nemo", "w:") as archive:
        for name, text in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))


# --- safetensors, numpy and folders


def _save(state: State, path: Path) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: value.detach().clone().contiguous() for name, value in state.items()}
    save_file(kept, path, metadata={"format": "pt"})


def _sharded(form: str) -> Layout:
    def write(model: nn.Module, folder: Path) -> None:
        state = model.state_dict()
        names = list(state)
        shards = [names[0::3], names[1::3], names[2::3]]
        stem, end = ("model", "safetensors") if form == "safetensors" else ("pytorch_model", "bin")
        (folder / "ref").mkdir(exist_ok=True)
        index: dict[str, str] = {}
        for number, held in enumerate(shards, 1):
            title = f"{stem}-{number:05}-of-{len(shards):05}.{end}"
            part = {name: state[name] for name in held}
            if form == "safetensors":
                _save(part, folder / "ref" / title)
            else:
                torch.save(part, folder / "ref" / title)
            index.update(dict.fromkeys(held, title))
        size = sum(value.numel() * value.element_size() for value in state.values())
        text = json.dumps({"metadata": {"total_size": size}, "weight_map": index}, indent=2)
        (folder / "ref" / f"{stem}.{end}.index.json").write_text(text)

    return write


def _accelerate(model: nn.Module, folder: Path) -> None:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    accelerator.prepare(model, _steps(model))
    accelerator.save_state(str(folder / "ref"))


def _npz(separator: str, packed: bool = False) -> Layout:
    def write(model: nn.Module, folder: Path) -> None:
        state = {
            name.replace(".", separator): value.numpy()
            for name, value in model.state_dict().items()
        }
        save: Any = np.savez_compressed if packed else np.savez
        save(folder / "ref.npz", **state)

    return write


def _separated(separator: str) -> Layout:
    def write(model: nn.Module, folder: Path) -> None:
        state = {name.replace(".", separator): value for name, value in model.state_dict().items()}
        _save(state, folder / "ref.safetensors")

    return write


def _rounded(dtype: torch.dtype, end: str, wrapper: str = "") -> Layout:
    """A checkpoint of other numbers; the artifact has them as float32."""

    def write(model: nn.Module, folder: Path) -> nn.Module:
        model.to(dtype)
        if dtype == torch.float64:
            with torch.no_grad():  # more digits than float32 has
                for value in model.parameters():
                    value.add_(torch.randn_like(value) * 1e-9)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        if end == "safetensors":
            _save(state, folder / "ref.safetensors")
        else:
            held = {"dims": {"n_vocab": 200}, wrapper: state} if wrapper else state
            torch.save(held, folder / f"ref.{end}")
        return model.float()

    return write


def _mixed(model: nn.Module, folder: Path) -> nn.Module:
    """Matrices in bfloat16, vectors in float32."""
    state = {
        name: value.bfloat16() if value.is_floating_point() and value.dim() > 1 else value
        for name, value in model.state_dict().items()
    }
    _save(state, folder / "ref.safetensors")
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model


def _sparse(model: nn.Module, folder: Path) -> None:
    draw = torch.Generator().manual_seed(3)
    dense = torch.rand(50, 50, generator=draw)
    state = {
        **model.state_dict(),
        "adjacency": torch.where(dense > 0.9, dense, 0.0).to_sparse(),
        "rows": torch.where(dense > 0.95, dense, 0.0).to_sparse_csr(),
    }
    torch.save(state, folder / "ref.pt")


def _zero_size(end: str) -> Layout:
    def write(model: nn.Module, folder: Path) -> None:
        state = {**model.state_dict(), "queue": torch.empty(0), "labels": torch.empty(0, 3)}
        if end == "safetensors":
            _save(state, folder / "ref.safetensors")
        else:
            torch.save(state, folder / "ref.pt")

    return write


def _tied_once(model: nn.Module, folder: Path) -> None:
    from safetensors.torch import save_model

    save_model(model, str(folder / "ref.safetensors"))


def _tied_twice(model: nn.Module, folder: Path) -> None:
    torch.save(model.state_dict(), folder / "ref.pt")


def _extra(model: nn.Module, folder: Path) -> None:
    state = {
        **model.state_dict(),
        "position_ids": torch.arange(512)[None],
        "attn.bias": torch.tril(torch.ones(64, 64, dtype=torch.uint8))[None, None],
        "attn.masked_bias": torch.tensor(-1e4),
        "rotary_emb.inv_freq": 1 / 10000 ** (torch.arange(0, 16, 2) / 16),
    }
    torch.save(state, folder / "ref.bin")


def _other_head(model: nn.Module, folder: Path) -> None:
    """The checkpoint of a larger model: heads that the exported one has not."""
    state = {
        **_prefixed(model.state_dict(), "backbone."),
        "mlm.dense.weight": torch.randn(32, 32),
        "mlm.dense.bias": torch.randn(32),
        "nsp.weight": torch.randn(2, 32),
    }
    _save(state, folder / "ref.safetensors")


# --- packed linear layers; the artifact has the numbers that they stand for


def _linears(model: nn.Module) -> list[tuple[str, nn.Linear]]:
    return [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name != "lm_head"
    ]


def _grouped(
    weight: torch.Tensor, size: int, order: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes of 4 bits [out, in], and scales, zero points and each input's group."""
    inputs = weight.shape[1]
    groups = torch.arange(inputs) // size
    if order is not None:
        groups = groups[torch.argsort(order)]
    scales = torch.empty(weight.shape[0], inputs // size)
    zeros = torch.empty_like(scales)
    for group in range(inputs // size):
        held = weight[:, groups == group]
        low, high = held.amin(1).clamp(max=0), held.amax(1).clamp(min=0)
        scales[:, group] = ((high - low) / 15).half().float()
        zeros[:, group] = torch.round(-low / scales[:, group]).clamp(1, 15)
    codes = torch.round(weight / scales[:, groups] + zeros[:, groups]).clamp(0, 15)
    return codes, scales, zeros, groups


def _packed(codes: torch.Tensor, order: range | list[int] = range(8)) -> torch.Tensor:
    """Eight codes of a row beside one another in one int32."""
    parts = codes.to(torch.int64).reshape(codes.shape[0], -1, 8)
    words = sum(parts[..., code] << (4 * place) for place, code in enumerate(order))
    return torch.as_tensor(words).to(torch.int64).bitwise_and(0xFFFFFFFF).to(torch.int32)


def _gptq(ordered: bool) -> Layout:
    """``qweight`` [in / 8, out], ``qzeros`` less one, ``scales`` in half, ``g_idx``."""

    def write(model: nn.Module, folder: Path) -> None:
        layers = _linears(model)
        with torch.no_grad():
            state = {name: value.half() for name, value in model.state_dict().items()}
            for value in model.parameters():
                value.copy_(value.half())
            for number, (name, layer) in enumerate(layers):
                draw = torch.Generator().manual_seed(number)
                inputs = layer.in_features
                order = torch.randperm(inputs, generator=draw) if ordered else None
                codes, scales, zeros, groups = _grouped(layer.weight, 32, order)
                layer.weight.copy_((codes - zeros[:, groups]) * scales[:, groups])
                del state[f"{name}.weight"]
                state[f"{name}.qweight"] = _packed(codes).T
                state[f"{name}.qzeros"] = _packed(zeros.T - 1)
                state[f"{name}.scales"] = scales.T.half()
                state[f"{name}.g_idx"] = groups.to(torch.int32)
        _save(state, folder / "ref" / "model.safetensors")
        settings = {"bits": 4, "group_size": 32, "quant_method": "gptq", "desc_act": ordered}
        text = json.dumps({"model_type": "decoder", "quantization_config": settings})
        (folder / "ref" / "config.json").write_text(text)

    return write


def _awq(model: nn.Module, folder: Path) -> None:
    """``qweight`` [in, out / 8] in AWQ's order of codes, ``qzeros``, ``scales`` in half."""
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    layers = _linears(model)
    with torch.no_grad():
        state = {name: value.half() for name, value in model.state_dict().items()}
        for value in model.parameters():
            value.copy_(value.half())
        for name, layer in layers:
            codes, scales, zeros, groups = _grouped(layer.weight, 32)
            layer.weight.copy_((codes - zeros[:, groups]) * scales[:, groups])
            del state[f"{name}.weight"]
            state[f"{name}.qweight"] = _packed(codes.T, order)
            state[f"{name}.qzeros"] = _packed(zeros.T, order)
            state[f"{name}.scales"] = scales.T.half()
    _save(state, folder / "ref" / "model.safetensors")
    settings = {"bits": 4, "group_size": 32, "quant_method": "awq", "version": "gemm"}
    text = json.dumps({"model_type": "decoder", "quantization_config": settings})
    (folder / "ref" / "config.json").write_text(text)


def _float8(model: nn.Module, folder: Path) -> None:
    """Codes in E4M3 with a scale a block of 32 x 32, as ``weight_scale_inv``."""
    with torch.no_grad():
        state = dict(model.state_dict())
        for name, layer in _linears(model):
            rows, columns = layer.weight.shape
            blocks = layer.weight.reshape(rows // 32, 32, columns // 32, 32)
            scales = blocks.abs().amax((1, 3)) / 448
            codes = (blocks / scales[:, None, :, None]).to(torch.float8_e4m3fn)
            layer.weight.copy_((codes.float() * scales[:, None, :, None]).reshape(rows, columns))
            state[f"{name}.weight"] = codes.reshape(rows, columns)
            state[f"{name}.weight_scale_inv"] = scales
    _save(state, folder / "ref.safetensors")


# --- Hugging Face folders


def _hugging_face(kind: str, layout: str) -> Builder:
    """A folder as ``save_pretrained`` writes it."""

    def build(folder: Path) -> None:
        import transformers

        torch.set_num_threads(1)
        if kind == "bert":
            config: Any = transformers.BertConfig(
                vocab_size=200,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                max_position_embeddings=128,
            )
            model: Any = transformers.BertForMaskedLM(config)
        else:
            config = transformers.GPT2Config(
                vocab_size=200, n_positions=128, n_embd=32, n_layer=2, n_head=4, use_cache=False
            )
            model = transformers.GPT2LMHeadModel(config)
        shake(model)
        model.save_pretrained(folder / "ref")
        if layout == "bin":
            (folder / "ref" / "model.safetensors").unlink()
            torch.save(model.state_dict(), folder / "ref" / "pytorch_model.bin")
        if layout == "both":
            torch.save(model.state_dict(), folder / "ref" / "pytorch_model.bin")
        if layout == "sharded":
            (folder / "ref" / "model.safetensors").unlink()
            model.save_pretrained(folder / "ref", max_shard_size="40KB")
        _tell_names(model, folder)
        arguments = (torch.arange(7)[None],)
        make(folder, "plain", lambda path: export(model, arguments, "dynamo", path))

    return build


# --- what is no checkpoint


def _pointer(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["version https://git-lfs.github.com/spec/v1", f"oid sha256:{'0a' * 32}", "size 90000"]
    path.write_text("\n".join(lines) + "\n")


def _lfs(end: str) -> Layout:
    def write(model: nn.Module, folder: Path) -> None:
        _pointer(folder / f"ref.{end}")

    return write


def _lfs_shard(model: nn.Module, folder: Path) -> None:
    _sharded("safetensors")(model, folder)
    _pointer(sorted((folder / "ref").glob("*.safetensors"))[1])


def _cut(model: nn.Module, folder: Path) -> None:
    """A download that stopped."""
    path = folder / "ref.safetensors"
    _save(dict(model.state_dict()), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def _tied() -> nn.Module:
    return Text(tied=True)


def _prompted() -> nn.Module:
    return Text(prompts=True)


CASES: dict[str, Builder] = {
    "state_dict": _case(Vision, _state_dict),
    "model": _case(Text, _model),
    "model_state_dict_loss": _case(Sound, _model_state_dict, "torchscript"),
    "net": _case(Vision, _net, "torchscript", 1),
    "params": _case(Vision, _params, seed=2),
    "params_ema": _case(Vision, _params_ema, seed=3),
    "best_acc1": _case(Vision, _best_acc1, "torchscript", 4),
    "optimizer_first": _case(Text, _optimizer_first, seed=5),
    "fairseq": _case(Text, _fairseq, seed=6),
    "deepspeed": _case(Decoder, _deepspeed, seed=7),
    "nanogpt": _case(Decoder, _nanogpt, seed=8),
    "gan_ema": _case(Vision, _generator, seed=10),
    "parts": _case(Sound, _parts, "torchscript", 11),
    "deep": _case(Text, _deep, seed=12),
    "parameters": _case(Vision, _parameters, seed=13),
    "numpy_pickle": _case(Vision, _numpy_pickle, "torchscript", 14),
    "data_parallel": _case(Vision, _data_parallel, seed=15),
    "compiled": _case(Text, _compiled, seed=16),
    "compiled_parallel": _case(Text, _compiled_parallel, seed=17),
    "fsdp": _case(Vision, _fsdp, seed=18),
    "averaged": _case(Sound, _averaged, "torchscript", 19),
    "lightning": _case(Vision, _lightning, seed=20),
    "diffusion": _case(Vision, _diffusion(False), seed=21),
    "diffusion_ema": _case(Vision, _diffusion(True), seed=22),
    "state_dict_ema": _case(Vision, _state_dict_ema, "torchscript", 23),
    "yolo": _case(Vision, _yolo(False), "torchscript", 24),
    "yolo_ema": _case(Vision, _yolo(True), seed=25),
    "whole": _case(Text, _whole, seed=26),
    "legacy": _case(Vision, _legacy, "torchscript", 27),
    "legacy_whole": _case(Sound, _legacy_whole, "torchscript", 28),
    "scripted": _case(Sound, _scripted, "torchscript", 29),
    "traced": _case(Vision, _traced, seed=30),
    "program": _case(Text, _program, seed=31),
    "views": _case(Decoder, _views, seed=32),
    "channels_last": _case(Vision, _channels_last, seed=33),
    "distributed": _case(Text, _distributed, seed=34),
    "nemo": _case(Sound, _nemo, "torchscript", 35),
    "safetensors_sharded": _case(Decoder, _sharded("safetensors"), seed=36),
    "bin_sharded": _case(Decoder, _sharded("bin"), "torchscript", 37),
    "accelerate": _case(Text, _accelerate, seed=38),
    "npz": _case(Vision, _npz("."), seed=39),
    "npz_slashes": _case(Text, _npz("/", packed=True), seed=40),
    "slashes": _case(Decoder, _separated("/"), seed=41),
    "underscores": _case(Vision, _separated("_"), seed=42),
    "bfloat16": _case(Decoder, _rounded(torch.bfloat16, "safetensors"), seed=43),
    "float16": _case(Text, _rounded(torch.float16, "pt", "model_state_dict"), seed=44),
    "float64": _case(Vision, _rounded(torch.float64, "pt"), seed=45),
    "mixed": _case(Text, _mixed, seed=46),
    "sparse": _case(Text, _sparse, seed=47),
    "zero_size": _case(_prompted, _zero_size("pt"), seed=48),
    "zero_size_safetensors": _case(Vision, _zero_size("safetensors"), seed=49),
    "tied_once": _case(_tied, _tied_once, seed=50),
    "tied_twice": _case(_tied, _tied_twice, seed=51),
    "extra": _case(Text, _extra, seed=52),
    "other_head": _case(Text, _other_head, seed=53),
    "gptq": _case(Decoder, _gptq(False), seed=54),
    "gptq_ordered": _case(Decoder, _gptq(True), seed=55),
    "awq": _case(Decoder, _awq, seed=56),
    "float8": _case(Decoder, _float8, seed=57),
    "hf_bert": _hugging_face("bert", "safetensors"),
    "hf_gpt2_tied": _hugging_face("gpt2", "safetensors"),
    "hf_bert_bin": _hugging_face("bert", "bin"),
    "hf_gpt2_both": _hugging_face("gpt2", "both"),
    "hf_gpt2_sharded": _hugging_face("gpt2", "sharded"),
    "refused_lfs": _case(Vision, _lfs("safetensors"), seed=58),
    "refused_lfs_pt": _case(Vision, _lfs("pt"), seed=59),
    "refused_lfs_shard": _case(Text, _lfs_shard, seed=60),
    "refused_cut": _case(Text, _cut, seed=61),
}

OPENED: frozenset[str] = frozenset(list(CASES)[1::2])
