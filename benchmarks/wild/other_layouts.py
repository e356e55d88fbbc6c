"""Layouts of checkpoints that no earlier kind has, each beside exports of its weights by both of
torch's exporters, held out until they had been measured.

Rules are those of ``layouts``: where a checkpoint has codes, parts of a weight or several sets of
numbers, the artifact is of what the checkpoint's users load. What a library writes is written by
the library where that can be had, else as its code does it. Each artifact's outputs are held
against those of the module.
"""

from __future__ import annotations

import copy
import importlib
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from wild.fresh_checkpoints import codes, words
from wild.fresh_layouts import _packed, _stands
from wild.kept_layouts import _agrees
from wild.layouts import (
    Decoder,
    Layout,
    Sound,
    State,
    Text,
    Vision,
    _inputs,
    _linears,
    _prefixed,
    _save,
    _steps,
    _tell_names,
)
from wild.quantizers import _dynamic, _optimized, _simplified
from wild.unseen_layouts import _matrices, _method
from wild.workshop import EXPORTERS, Builder, export, make, shake

# --- models


class Root(nn.Module):
    """A norm by the root of a mean of squares."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        return self.weight * held * torch.rsqrt(held.square().mean(-1, keepdim=True) + 1e-6)


class Heads(nn.Module):
    """Attention whose keys and values have fewer heads, with places turned into queries and keys;
    fused: one matrix for all three.
    """

    HEADS, GROUPS, SIZE = 4, 2, 16

    def __init__(self, fused: bool) -> None:
        super().__init__()
        width, narrow = self.HEADS * self.SIZE, self.GROUPS * self.SIZE
        if fused:
            self.qkv_proj = nn.Linear(64, width + 2 * narrow, bias=False)
        else:
            self.q_proj = nn.Linear(64, width, bias=False)
            self.k_proj, self.v_proj = (nn.Linear(64, narrow, bias=False) for _ in range(2))
        self.o_proj = nn.Linear(width, 64, bias=False)

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        if hasattr(self, "qkv_proj"):
            narrow = self.GROUPS * self.SIZE
            parts = self.qkv_proj(held).split([self.HEADS * self.SIZE, narrow, narrow], -1)
        else:
            parts = (self.q_proj(held), self.k_proj(held), self.v_proj(held))
        size, count = self.SIZE, held.shape[1]
        query, key, value = (each.unflatten(-1, (-1, size)).transpose(1, 2) for each in parts)
        rates = 10000.0 ** (-torch.arange(0, size, 2) / size)
        turns = torch.arange(count)[:, None] * rates
        turns = torch.cat((turns, turns), -1)
        query, key = (
            each * turns.cos()
            + torch.cat((-each[..., size // 2 :], each[..., : size // 2]), -1) * turns.sin()
            for each in (query, key)
        )
        key, value = (each.repeat_interleave(2, 1) for each in (key, value))
        scores = query @ key.transpose(2, 3) / size**0.5
        scores = scores + torch.full((count, count), -1e9).triu(1)
        mixed = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2)
        return self.o_proj(mixed)  # type: ignore[no-any-return]


class Layer(nn.Module):
    """One layer of a decoder with a gate."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Root(64), Root(64)
        self.self_attn, self.mlp = Heads(fused), nn.Module()
        if fused:
            self.mlp.gate_up_proj = nn.Linear(64, 192, bias=False)
        else:
            self.mlp.gate_proj, self.mlp.up_proj = (nn.Linear(64, 96, bias=False) for _ in range(2))
        self.mlp.down_proj = nn.Linear(96, 64, bias=False)

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        held = held + self.self_attn(self.input_layernorm(held))
        seen, mlp = self.post_attention_layernorm(held), self.mlp
        both: Any = mlp
        if hasattr(mlp, "gate_up_proj"):
            gate, up = both.gate_up_proj(seen).chunk(2, -1)
        else:
            gate, up = both.gate_proj(seen), both.up_proj(seen)
        return held + both.down_proj(nn.functional.silu(gate) * up)  # type: ignore[no-any-return]


class Llama(nn.Module):
    """A decoder as most are today."""

    def __init__(self, fused: bool = False) -> None:
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(160, 64)
        self.model.layers = nn.ModuleList(Layer(fused) for _ in range(2))
        self.model.norm = Root(64)
        self.lm_head = nn.Linear(64, 160, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        inner: Any = self.model
        held = inner.embed_tokens(tokens)
        for layer in inner.layers:
            held = layer(held)
        return self.lm_head(inner.norm(held))  # type: ignore[no-any-return]


class Up(nn.Module):
    """Sound from spectra: transposed convolutions of one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(8, 32, 7, padding=3)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(32 // 2**at, 16 // 2**at, 4, 2, padding=1) for at in range(2)
        )
        self.conv_post = nn.Conv1d(8, 4, 7, padding=3)

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        held = self.conv_pre(spectrum)
        for up in self.ups:
            held = up(nn.functional.leaky_relu(held, 0.1))
        return torch.tanh(self.conv_post(nn.functional.leaky_relu(held)))


def _given(model: nn.Module) -> tuple[torch.Tensor, ...]:
    return (torch.randn(1, 8, 12),) if isinstance(model, Up) else _inputs(model)


def _plain(model: nn.Module, arguments: tuple[torch.Tensor, ...], folder: Path) -> None:
    """The truth, and what both exporters make of a model if its outputs are the module's."""
    model.float().eval()
    torch.backends.mha.set_fastpath_enabled(False)  # which has no operator of ONNX
    _tell_names(model, folder)
    with torch.no_grad():
        wanted = model(*arguments).numpy()
    for exporter in EXPORTERS:

        def write(path: Path, exporter: str = exporter) -> None:
            export(model, arguments, exporter, path)
            _agrees(path, arguments, wanted)

        make(folder, exporter, write)


def _case(kind: Callable[[], nn.Module], write: Layout, seed: int = 0) -> Builder:
    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        model = shake(kind(), seed)
        other = write(model, folder)
        chosen = other if isinstance(other, nn.Module) else model
        _plain(chosen, _given(model), folder)

    return build


def _put_back(model: nn.Module, state: State) -> None:
    """What a checkpoint's users have after loading it."""
    model.load_state_dict({name: value.float() for name, value in state.items()})


# --- llama.cpp

_GGUF = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def _gguf(kind: str, arch: str = "qwen2") -> Layout:
    """A file of llama.cpp; matrices of this type, norms in full precision. Llama's own queries and
    keys have their rows in another order there.
    """

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("gguf")
        number = library.GGMLQuantizationType[kind]
        writer = library.GGUFWriter(str(folder / "ref.gguf"), arch)
        writer.add_block_count(2)
        writer.add_context_length(64)
        writer.add_embedding_length(64)
        writer.add_feed_forward_length(96)
        writer.add_head_count(4)
        writer.add_head_count_kv(2)
        writer.add_file_type(int(number))
        state = {}
        for name, value in model.state_dict().items():
            title = name.removesuffix(".weight").replace("model.layers.", "blk.")
            for word, other in _GGUF.items():
                if title == word or title.endswith("." + word):
                    title = title[: len(title) - len(word)] + other
            held = value.numpy()
            turned = arch == "llama" and ("attn_q" in title or "attn_k" in title)
            if turned:
                heads = held.shape[0] // 16
                held = held.reshape(heads, 2, 8, 64).swapaxes(1, 2).reshape(held.shape)
            if held.ndim < 2:
                writer.add_tensor(f"{title}.weight", held)
                state[name] = value
                continue
            data = library.quants.quantize(held, number)
            writer.add_tensor(f"{title}.weight", data, raw_dtype=number)
            back = np.asarray(library.quants.dequantize(data, number), np.float32)
            if turned:
                back = back.reshape(heads, 8, 2, 64).swapaxes(1, 2).reshape(held.shape)
            state[name] = torch.from_numpy(back.reshape(held.shape).copy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        _put_back(model, state)

    return write


# --- names and orders of other projects

_META = {
    "model.embed_tokens": "tok_embeddings",
    "model.norm": "norm",
    "lm_head": "output",
    "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
}


def _renamed(name: str, table: dict[str, str]) -> str:
    for word, other in table.items():
        if f"{word}." in name:
            name = name.replace(f"{word}.", f"{other}.")
    return name.removeprefix("model.")


def _meta(model: nn.Module, folder: Path) -> None:
    """The first names of Llama, whose queries and keys have pairs beside one another."""
    (folder / "ref").mkdir(exist_ok=True)
    state = {}
    for name, value in model.state_dict().items():
        held = value.bfloat16()
        if "q_proj" in name or "k_proj" in name:
            heads = held.shape[0] // 16
            held = held.view(heads, 2, 8, 64).transpose(1, 2).reshape(held.shape)
        state[_renamed(name, _META)] = held
    torch.save(state, folder / "ref" / "consolidated.00.pth")
    sizes = {"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 160}
    (folder / "ref" / "params.json").write_text(json.dumps(sizes))
    _put_back(model, {name: value.bfloat16() for name, value in model.state_dict().items()})


def _lit(model: nn.Module, folder: Path) -> None:
    """LitGPT: queries, keys and values in one matrix, a group of heads after another."""
    table = {
        "model.embed_tokens": "transformer.wte",
        "model.norm": "transformer.ln_f",
        "model.layers": "transformer.h",
        "input_layernorm": "norm_1",
        "post_attention_layernorm": "norm_2",
        "self_attn.o_proj": "attn.proj",
        "mlp.gate_proj": "mlp.fc_1",
        "mlp.up_proj": "mlp.fc_2",
        "mlp.down_proj": "mlp.proj",
    }
    state = dict(model.state_dict())
    for at in range(2):
        place = f"model.layers.{at}.self_attn."
        query, key, value = (state.pop(f"{place}{word}_proj.weight") for word in "qkv")
        groups = [part.view(2, -1, 64) for part in (query, key, value)]
        state[f"model.layers.{at}.attn.qkv.weight"] = torch.cat(groups, 1).reshape(-1, 64)
    held = {_renamed(name, table): value for name, value in state.items()}
    (folder / "ref").mkdir(exist_ok=True)
    torch.save({"model": held}, folder / "ref" / "lit_model.pth")
    (folder / "ref" / "model_config.yaml").write_text("n_layer: 2\nn_embd: 64\nn_head: 4\n")


def _fused_elsewhere(model: nn.Module, folder: Path) -> nn.Module:
    """The checkpoint has all matrices apart; the model has them joined, as servers load it."""
    state = model.state_dict()
    other = Llama(fused=True)
    made = {}
    for name, value in state.items():
        if "q_proj" in name:
            parts = [state[name.replace("q_proj", f"{word}_proj")] for word in "qkv"]
            made[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif "gate_proj" in name:
            both = [value, state[name.replace("gate_proj", "up_proj")]]
            made[name.replace("gate_proj", "gate_up_proj")] = torch.cat(both)
        elif not any(word in name for word in ("k_proj", "v_proj", "up_proj")):
            made[name] = value
    other.load_state_dict(made)
    names = sorted(state)
    places: dict[str, str] = {}
    for number, part in enumerate((names[::3], names[1::3], names[2::3]), 1):
        title = f"model-{number:05}-of-00003.safetensors"
        _save({name: state[name] for name in part}, folder / "ref" / title)
        places |= dict.fromkeys(part, title)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (folder / "ref" / "model.safetensors.index.json").write_text(text)
    return other


def _parallel(model: nn.Module, folder: Path) -> None:
    """Megatron's two ranks: each has its heads of a joined matrix, group by group, and its part of
    both halves of a gate.
    """
    state = model.state_dict()
    ranks: list[State] = [{}, {}]

    def put(name: str, parts: Any) -> None:
        for rank, part in zip(ranks, parts, strict=True):
            rank[name] = part.clone().contiguous()

    def same(name: str, value: torch.Tensor) -> None:
        put(name, (value, value))

    put("embedding.word_embeddings.weight", state["model.embed_tokens.weight"].chunk(2))
    for at in range(2):
        old, new = f"model.layers.{at}.", f"decoder.layers.{at}."
        groups = [state[f"{old}self_attn.{word}_proj.weight"].view(2, -1, 64) for word in "qkv"]
        joined = torch.cat(groups, 1)
        put(f"{new}self_attention.linear_qkv.weight", (joined[0], joined[1]))
        put(
            f"{new}self_attention.linear_proj.weight",
            state[f"{old}self_attn.o_proj.weight"].chunk(2, 1),
        )
        gate, up = (state[f"{old}mlp.{word}_proj.weight"].chunk(2) for word in ("gate", "up"))
        both = [torch.cat(pair) for pair in zip(gate, up, strict=True)]
        put(f"{new}mlp.linear_fc1.weight", both)
        put(f"{new}mlp.linear_fc2.weight", state[f"{old}mlp.down_proj.weight"].chunk(2, 1))
        first = f"{new}self_attention.linear_qkv.layer_norm_weight"
        same(first, state[f"{old}input_layernorm.weight"])
        second = f"{new}mlp.linear_fc1.layer_norm_weight"
        same(second, state[f"{old}post_attention_layernorm.weight"])
    same("decoder.final_layernorm.weight", state["model.norm.weight"])
    put("output_layer.weight", state["lm_head.weight"].chunk(2))
    for number, rank in enumerate(ranks):
        place = folder / "ref" / "iter_0000500" / f"mp_rank_{number:02}"
        place.mkdir(parents=True, exist_ok=True)
        held = {"checkpoint_version": 3.0, "iteration": 500, "model": rank}
        torch.save(held, place / "model_optim_rng.pt")
    (folder / "ref" / "latest_checkpointed_iteration.txt").write_text("500")


def _interleaved(model: nn.Module, folder: Path) -> None:
    """One matrix for query, key and value, head by head, as BLOOM and GPT-NeoX have it."""
    state = dict(model.state_dict())
    for at in range(2):
        parts = [state.pop(f"layers.{at}.{word}_proj.weight").view(8, 8, 64) for word in "qkv"]
        name = f"layers.{at}.self_attention.query_key_value.weight"
        state[name] = torch.stack(parts, 1).reshape(-1, 64)
    torch.save(_prefixed(state, "transformer."), folder / "ref.bin")


def _turned(model: nn.Module, folder: Path) -> None:
    """GPT-2's convolutions of one place: every matrix turned, three of them in one."""
    state = dict(model.state_dict())
    for at in range(2):
        parts = [state.pop(f"layers.{at}.{word}_proj.weight") for word in "qkv"]
        state[f"layers.{at}.attn.c_attn.weight"] = torch.cat(parts).T.contiguous()
        for word, other in (("o", "attn.c_proj"), ("up", "mlp.c_fc"), ("down", "mlp.c_proj")):
            held = state.pop(f"layers.{at}.{word}_proj.weight")
            state[f"layers.{at}.{other}.weight"] = held.T.contiguous()
    held = {name.replace("layers.", "h."): value for name, value in state.items()}
    _save(held, folder / "ref.safetensors")


# --- folders of training


def _forward_module(model: nn.Module, folder: Path) -> None:
    """Lightning's Fabric around DeepSpeed around a compiled module."""
    held = {
        "module": _prefixed(model.state_dict(), "_forward_module._orig_mod."),
        "global_samples": 640,
        "dp_world_size": 1,
        "optimizer": _steps(copy.deepcopy(model)).state_dict(),
    }
    place = folder / "ref" / "checkpoint"
    place.mkdir(parents=True, exist_ok=True)
    torch.save(held, place / "mp_rank_00_model_states.pt")
    (folder / "ref" / "latest").write_text("checkpoint")


def _zero_three(model: nn.Module, folder: Path) -> None:
    """DeepSpeed's third stage: two ranks have half of every parameter, flat and filled up."""
    place = folder / "ref" / "global_step90"
    place.mkdir(parents=True, exist_ok=True)
    shapes = {name: value.shape for name, value in model.named_parameters()}
    halves: list[list[torch.Tensor]] = [[], []]
    for value in model.parameters():
        flat = value.detach().reshape(-1)
        flat = nn.functional.pad(flat, (0, flat.numel() % 2))
        for rank, part in enumerate(flat.chunk(2)):
            halves[rank].append(part)
    for rank, parts in enumerate(halves):
        flat = torch.cat(parts)
        held: dict[str, Any] = {
            "module": {},
            "buffer_names": [],
            "param_shapes": [shapes],
            "shared_params": [],
            "frozen_param_shapes": None,
            "frozen_param_fragments": None,
            "ds_version": "0.16.4",
        }
        torch.save(held, place / f"zero_pp_rank_{rank}_mp_rank_00_model_states.pt")
        state = {"exp_avg": flat * 0.01, "exp_avg_sq": flat**2 * 0.01, "step": torch.tensor(90.0)}
        optimizer = {"state": {0: state}, "param_groups": [{"lr": 1e-4}]}
        states = {
            "zero_stage": 3,
            "partition_count": 2,
            "fp32_flat_groups": [flat],
            "optimizer_state_dict": optimizer,
        }
        name = f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt"
        torch.save({"optimizer_state_dict": states, "ds_version": "0.16.4"}, place / name)
    (folder / "ref" / "latest").write_text("global_step90")


def _core_distributed(model: nn.Module, folder: Path) -> None:
    """Megatron's newer folder: layers of one kind stacked in a distributed checkpoint."""
    checkpoint: Any = importlib.import_module("torch.distributed.checkpoint")
    state: State = {}
    for name, value in model.state_dict().items():
        if not name.startswith("layers.0."):
            if not name.startswith("layers."):
                state[f"model.{name}"] = value.clone()
            continue
        other = model.state_dict()[name.replace("layers.0.", "layers.1.")]
        last = name.removeprefix("layers.0.")
        state[f"model.decoder.layers.{last}"] = torch.stack((value, other))
    moments = {f"optimizer.state.exp_avg.{name}": value * 0.1 for name, value in state.items()}
    place = folder / "ref" / "iter_0000010"
    checkpoint.save({**state, **moments}, checkpoint_id=str(place))
    torch.save({"iteration": 10, "checkpoint_version": 3.0}, place / "common.pt")
    kind = {"sharded_backend": "torch_dist", "sharded_backend_version": 1}
    (place / "metadata.json").write_text(json.dumps(kind))


def _lightning_sharded(model: nn.Module, folder: Path) -> None:
    """Lightning's folder for sharded modules: tensors beside a file of what else it has."""
    checkpoint: Any = importlib.import_module("torch.distributed.checkpoint")
    place = folder / "ref.ckpt"
    optimizer = _steps(copy.deepcopy(model))
    moments = {
        name: {"exp_avg": optimizer.state[each]["exp_avg"]}
        for (name, _), each in zip(
            model.named_parameters(), optimizer.param_groups[0]["params"], strict=True
        )
    }
    held = {
        "state_dict": _prefixed(model.state_dict(), "model."),
        "optimizer_0": {"state": moments},
    }
    checkpoint.save(held, checkpoint_id=str(place))
    meta = {"epoch": 1, "global_step": 20, "pytorch-lightning_version": "2.6.6"}
    torch.save(meta, place / "meta.pt")


def _adapter_beside(model: nn.Module, folder: Path) -> nn.Module:
    """peft's adapter in a folder below its base; the artifact has them merged."""
    library: Any = importlib.import_module("peft")
    _save(model.state_dict(), folder / "ref" / "model.safetensors")
    (folder / "ref" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    config = library.LoraConfig(
        r=4, lora_alpha=16, target_modules=["q_proj", "v_proj", "down_proj"], use_rslora=True
    )
    held = library.get_peft_model(copy.deepcopy(model), config)
    draw = torch.Generator().manual_seed(601)
    with torch.no_grad():
        for name, value in held.named_parameters():
            if "lora_" in name:
                value.copy_(torch.randn(value.shape, generator=draw) * 0.1)
    held.save_pretrained(str(folder / "ref" / "adapter"))
    return held.merge_and_unload().eval()  # type: ignore[no-any-return]


def _sentences(model: nn.Module, folder: Path) -> nn.Module:
    """A folder of sentence-transformers: a layer after pooling in a folder of its own."""

    class Sentence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model
            self.linear = nn.Linear(200, 24)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.linear(self.inner(tokens).mean(1)))

    whole = Sentence().eval()
    shake(whole.linear, 602)
    _save(model.state_dict(), folder / "ref" / "model.safetensors")
    _save(_prefixed(whole.linear.state_dict(), "linear."), folder / "ref/2_Dense/model.safetensors")
    parts = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    (folder / "ref" / "modules.json").write_text(json.dumps(parts))
    (folder / "ref" / "1_Pooling").mkdir()
    (folder / "ref" / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    return whole


# --- other containers


def _dictionary(model: nn.Module, folder: Path) -> None:
    """One object array of NumPy: weights and biases a layer, as converters from Caffe write it."""
    held: dict[str, dict[str, Any]] = {}
    words_of = {"weight": "weights", "bias": "biases"}
    for name, value in model.state_dict().items():
        place, _, last = name.rpartition(".")
        held.setdefault(place, {})[words_of.get(last, last)] = value.numpy()
    save: Any = np.save
    save(folder / "ref.npy", held, allow_pickle=True)


def _msgpack(model: nn.Module, folder: Path) -> None:
    """flax's file: a tree of arrays, kernels turned as its layers have them."""
    library: Any = importlib.import_module("msgpack")
    layers = dict(model.named_modules())
    tree: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        place, _, last = name.rpartition(".")
        held, title = value.numpy(), last
        layer = layers[place]
        if isinstance(layer, nn.Embedding):
            title = "embedding"
        elif isinstance(layer, nn.Linear) and last == "weight":
            held, title = held.T, "kernel"
        elif isinstance(layer, nn.LayerNorm) and last == "weight":
            title = "scale"
        elif last == "in_proj_weight":
            held = held.T
        node = tree
        for part in place.split("."):
            node = node.setdefault(part, {})
        node[title] = np.ascontiguousarray(held)

    def stored(held: Any) -> Any:
        body = (held.shape, held.dtype.name, held.tobytes("C"))
        return library.ExtType(1, library.packb(body, use_bin_type=True))

    data = library.packb(tree, default=stored, strict_types=True, use_bin_type=True)
    (folder / "ref.msgpack").write_bytes(data)


def _hierarchy(model: nn.Module, folder: Path) -> None:
    """HDF5 without Keras: a group a module."""
    library: Any = importlib.import_module("h5py")
    with library.File(folder / "ref.h5", "w") as file:
        file.attrs["step"] = 100
        for name, value in model.state_dict().items():
            title = name.replace(".", "/")
            packed = "gzip" if value.dim() else None
            file.create_dataset(title, data=value.numpy(), compression=packed)


def _matlab(model: nn.Module, folder: Path) -> None:
    """MATLAB's file of variables whose names have no dots."""
    library: Any = importlib.import_module("scipy.io")
    held = {name.replace(".", "_"): value.numpy() for name, value in model.state_dict().items()}
    library.savemat(folder / "ref.mat", held)


def _joblib(model: nn.Module, folder: Path) -> None:
    library: Any = importlib.import_module("joblib")
    state = OrderedDict((name, value.numpy()) for name, value in model.state_dict().items())
    library.dump({"params": state, "scaler_mean": np.zeros(3)}, folder / "ref.joblib", compress=3)


def _lite(model: nn.Module, folder: Path) -> None:
    """A script for the lite interpreter of phones."""
    scripted: Any = torch.jit.script(model.eval())
    scripted._save_for_lite_interpreter(str(folder / "ref.ptl"))


def _distributed_tensors(model: nn.Module, folder: Path) -> None:
    """torch.save of tensors of a mesh of one process."""
    library: Any = importlib.import_module("torch.distributed")
    tensors: Any = importlib.import_module("torch.distributed.tensor")
    meshes: Any = importlib.import_module("torch.distributed.device_mesh")
    store = library.HashStore()
    library.init_process_group("gloo", store=store, rank=0, world_size=1)
    mesh = meshes.init_device_mesh("cpu", (1,))
    state = {
        name: tensors.distribute_tensor(value.clone(), mesh, [tensors.Shard(0)])
        if value.dim()
        else value
        for name, value in model.state_dict().items()
    }
    torch.save({"model": state, "step": 3}, folder / "ref.pt")
    library.destroy_process_group()


def _shared_three(folder: Path) -> None:
    """A model of two sequences by transformers: one table under three names and as the head."""
    import transformers

    from wild.other_quantizers import _T5, Both

    torch.set_num_threads(1)
    torch.manual_seed(603)
    config: Any = transformers.T5Config(**_T5)
    config._attn_implementation = "eager"
    model: Any = shake(transformers.T5ForConditionalGeneration(config), 603)
    model.save_pretrained(str(folder / "ref"))
    arguments = (torch.arange(9)[None] * 5, torch.arange(4)[None])
    _plain(Both(model), arguments, folder)


def _of_onnx(model: nn.Module, folder: Path) -> None:
    """The reference is an export itself, its tensors outside of the file."""
    place = folder / "ref.onnx"
    export(model, _given(model), "torchscript", place, do_constant_folding=False)
    held = onnx.load(place)
    onnx.save(held, place, save_as_external_data=True, location="ref.onnx.data", size_threshold=0)


def _onnx_case(kind: Callable[[], nn.Module], seed: int) -> Builder:
    """Optimized and quantized files against the export that they were made from."""

    def build(folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        model = shake(kind(), seed)
        _of_onnx(model, folder)
        _tell_names(model, folder)
        source = folder.resolve() / "ref.onnx"
        tools = {"extended": _optimized("EXTENDED"), "simplified": _simplified}
        for name, tool in {**tools, "dynamic": _dynamic(per_channel=True)}.items():
            make(folder, name, partial(tool, source))
        for left in folder.glob("*/prepared.onnx"):
            left.unlink()

    return build


# --- weights in parts; the artifact has what they make


def _normed_inputs(model: nn.Module, folder: Path) -> None:
    """Lengths and directions in the older way, of outputs wherever a layer keeps those."""
    state = dict(model.state_dict())
    with torch.no_grad():
        for name, layer in model.named_modules():
            if not isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                continue
            axis = 1 if isinstance(layer, nn.ConvTranspose1d) and "1" in name else 0
            held = layer.weight * 1.7
            over = [at for at in range(3) if at != axis]
            length = layer.weight.norm(dim=over, keepdim=True) * 0.9
            del state[f"{name}.weight"]
            state |= {f"{name}.weight_g": length, f"{name}.weight_v": held}
            layer.weight.copy_(torch._weight_norm(held, length, axis))
    kept = {name: value.clone() for name, value in state.items()}
    torch.save({"generator": kept}, folder / "ref.pth")


def _normed_whole(model: nn.Module, folder: Path) -> None:
    """One length for all of a matrix."""
    state = dict(model.state_dict())
    with torch.no_grad():
        for name, layer in _matrices(model):
            held = layer.weight * 2
            length = layer.weight.norm() * 1.1
            del state[f"{name}.weight"]
            place = f"{name}.parametrizations.weight"
            state |= {f"{place}.original0": length, f"{place}.original1": held}
            layer.weight.copy_(torch._weight_norm(held, length, -1))
    torch.save({name: value.clone() for name, value in state.items()}, folder / "ref.pt")


def _masked(model: nn.Module, folder: Path) -> None:
    """Weights before a mask, by parametrization, as torchao's sparsifier has them."""
    draw = torch.Generator().manual_seed(604)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for name, layer in _matrices(model):
            mask = (torch.rand(layer.weight.shape, generator=draw) > 0.4).float()
            place = f"{name}.parametrizations.weight"
            state[f"{place}.original"] = state.pop(f"{name}.weight")
            state[f"{place}.0.mask"] = mask
            layer.weight.mul_(mask)
    torch.save({"state_dict": state, "sparsity": 0.4}, folder / "ref.pt")


def _orthogonal(model: nn.Module, folder: Path) -> nn.Module:
    """Square matrices from what makes them orthogonal: torch's own parametrization."""
    parametrize: Any = importlib.import_module("torch.nn.utils.parametrize")
    make_one: Any = importlib.import_module("torch.nn.utils.parametrizations").orthogonal
    other = copy.deepcopy(model)
    for _, layer in _linears(other):
        if layer.in_features == layer.out_features:
            make_one(layer)
    torch.save(other.state_dict(), folder / "ref.pt")
    for held in list(other.modules()):
        if parametrize.is_parametrized(held):
            parametrize.remove_parametrizations(held, "weight")
    return other


# --- packed layers; the artifact has the numbers that they stand for


def _library(form: str, settings: dict[str, Any], **weights: Any) -> Layout:
    """Layers compressed by compressed-tensors itself."""

    def store(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
        library: Any = importlib.import_module("compressed_tensors.quantization")
        helpers: Any = importlib.import_module("compressed_tensors.quantization.utils")
        base: Any = importlib.import_module("compressed_tensors.compressors")
        chosen = library.QuantizationArgs(**weights)
        size = chosen.group_size or weight.shape[1]
        rows = weight.reshape(weight.shape[0], -1, size)
        whole = {}
        if form == "nvfp4-pack-quantized":
            whole["global_scale"] = helpers.generate_gparam(weight.min(), weight.max())
        scale, zero = helpers.calculate_qparams(rows.amin(-1), rows.amax(-1), chosen, **whole)
        scheme = library.QuantizationScheme(targets=["Linear"], weights=chosen)
        kind = base.BaseCompressor.get_value_from_registry(form)
        state = {"weight": weight, "weight_scale": scale, "weight_zero_point": zero}
        if whole:
            state["weight_global_scale"] = whole["global_scale"]
        kept = kind.compress(state, scheme)
        kept = {name: value for name, value in kept.items() if value is not None}
        back = kind.decompress(dict(kept), scheme)["weight"]
        return kept, back.float()

    return _packed(settings, store)


def _eetq(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """Codes of 8 bits, turned, and a scale an output."""
    scales = (weight.abs().amax(1) / 127).half()
    held = (weight / scales.float()[:, None]).round().clamp(-127, 127)
    kept = {"weight": held.T.to(torch.int8), "weight_scales": scales}
    return kept, held * scales.float()[:, None]


def _auto_round(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """AutoRound's export for GPTQ's kernels: symmetric, without an order."""
    values, scales, zeros = codes(weight, 32, 4, True)
    kept = {
        "qweight": words(values, 4, torch.int32).T,
        "qzeros": words(zeros.T - 1, 4, torch.int32),
        "scales": scales.T,
    }
    return kept, _stands(values, scales, zeros)


def _awq_rows(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """AutoAWQ's layout for vectors: words along the inputs, an output a row, filled up."""
    values, scales, zeros = codes(weight, 32, 4)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    count = -(-zeros.shape[1] // 8) * 8
    wide = nn.functional.pad(zeros, (0, count - zeros.shape[1]))

    def pack(part: torch.Tensor) -> torch.Tensor:
        shuffled = part.reshape(part.shape[0], -1, 8)[..., order].reshape(part.shape)
        return words(shuffled, 4, torch.int32)

    filled = nn.functional.pad(scales, (0, count - scales.shape[1]))
    return {"qweight": pack(values), "qzeros": pack(wide), "scales": filled}, _stands(
        values, scales, zeros
    )


def _additive(weight: torch.Tensor) -> tuple[State, torch.Tensor]:
    """AQLM: two books of vectors of eight inputs, whose entries are added; a scale an output."""
    draw = torch.Generator().manual_seed(605)
    scales = weight.norm(dim=1, keepdim=True) / weight.shape[1] ** 0.5
    vectors = (weight / scales).reshape(-1, 8)
    rest, books, places = vectors.clone(), [], []
    for _ in range(2):
        book = rest[torch.randperm(len(rest), generator=draw)[:256] % len(rest)]
        book = nn.functional.pad(book, (0, 0, 0, 256 - len(book)))
        near = torch.cdist(rest, book).argmin(1)
        rest = rest - book[near]
        books.append(book)
        places.append(near)
    stacked = torch.stack(books).reshape(2, 256, 1, 8).half()
    found = torch.stack(places, 1)
    held = stacked[0, found[:, 0], 0].float() + stacked[1, found[:, 1], 0].float()
    kept = {
        "codes": found.reshape(weight.shape[0], -1, 2).to(torch.uint8).view(torch.int8),
        "codebooks": stacked,
        "scales": scales.half().reshape(-1, 1, 1, 1),
    }
    return kept, held.reshape(weight.shape) * scales.half().float()


def _bits_and_bytes(kind: str) -> Layout:
    """Layers as bitsandbytes itself packs them, below DDP's prefix in one pickled dictionary."""

    def write(model: nn.Module, folder: Path) -> None:
        library: Any = importlib.import_module("bitsandbytes.functional")
        state: State = {name: value.clone() for name, value in model.state_dict().items()}
        with torch.no_grad():
            for name, layer in _linears(model):
                packed = library.quantize_4bit(layer.weight.data, quant_type=kind)
                layer.weight.copy_(library.dequantize_4bit(*packed))
                del state[f"{name}.weight"]
                state[f"{name}.weight"] = packed[0]
                extra = packed[1].as_dict(packed=True)
                state |= {f"{name}.weight.{word}": value for word, value in extra.items()}
        torch.save({"model": _prefixed(state, "module.")}, folder / "ref.pt")

    return write


def _converted(model: nn.Module, folder: Path) -> nn.Module:
    """torch's own quantized layers in a state: quantized tensors, and packed linear ones."""
    library: Any = importlib.import_module("torch.ao.quantization")
    torch.backends.quantized.engine = "fbgemm"
    held: Any = copy.deepcopy(model)
    held.qconfig = library.get_default_qconfig("fbgemm")
    for layer in held.modules():
        if isinstance(layer, nn.BatchNorm2d):
            each: Any = layer
            each.qconfig = None
    library.prepare(held, inplace=True)
    held(*_given(model))
    library.convert(held, inplace=True)
    with torch.no_grad():
        for name, made in held.named_modules():
            if hasattr(made, "weight") and callable(made.weight):
                float_one: Any = model.get_submodule(name)
                float_one.weight.copy_(made.weight().dequantize())
    state = held.state_dict()
    torch.save({"state_dict": state, "quantized": True}, folder / "ref.pt")
    return model


def _dynamically(model: nn.Module, folder: Path) -> None:
    """torch.save of a module whose linear layers are quantized dynamically."""
    library: Any = importlib.import_module("torch.ao.quantization")
    held = library.quantize_dynamic(copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8)
    with torch.no_grad():
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Linear) and name:
                packed: Any = held.get_submodule(name)
                if hasattr(packed, "weight") and callable(packed.weight):
                    layer.weight.copy_(packed.weight().dequantize())
    torch.save(held.state_dict(), folder / "ref.pt")


def _halves_and_rest(model: nn.Module, folder: Path) -> None:
    """Numbers in two parts of half precision: what the first leaves is in the second."""
    state: State = {}
    with torch.no_grad():
        for name, value in model.named_parameters():
            high = value.bfloat16()
            low = (value - high.float()).bfloat16()
            state |= {f"{name}.hi": high, f"{name}.lo": low}
            value.copy_(high.float() + low.float())
    torch.save({"master_split": state}, folder / "ref.pt")


def _rows_of_codes(model: nn.Module, folder: Path) -> None:
    """Embeddings and matrices in pickled codes of 8 bits by row with least and step, as fbgemm
    packs tables: both lie in half precision at the end of a row.
    """
    state: dict[str, Any] = {}
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.dim() != 2:
                state[name] = value.numpy()
                continue
            low = value.amin(1, keepdim=True)
            step = (value.amax(1, keepdim=True) - low) / 255
            held = ((value - low) / step).round()
            tail = torch.cat((step, low), 1).contiguous().view(torch.uint8)
            state[name] = torch.cat((held.to(torch.uint8), tail), 1).numpy()
            value.copy_(held * step + low)
    with open(folder / "ref.pkl", "wb") as file:
        pickle.dump(state, file)


def _mx(num_bits: int) -> dict[str, Any]:
    return {
        "num_bits": num_bits,
        "type": "float",
        "strategy": "group",
        "group_size": 32,
        "symmetric": True,
        "scale_dtype": torch.uint8,
        "zp_dtype": torch.uint8,
    }


def _settings(form: str) -> dict[str, Any]:
    groups = {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float"}}}
    return _method("compressed-tensors", format=form, config_groups=groups, ignore=["lm_head"])


CASES: dict[str, Builder] = {
    "gguf_half": _case(Llama, _gguf("F16"), 611),
    "gguf_bfloat16_turned": _case(Llama, _gguf("BF16", "llama"), 612),
    "gguf_q8": _case(Llama, _gguf("Q8_0"), 613),
    "gguf_q4": _case(Llama, _gguf("Q4_0"), 614),
    "gguf_q5_1": _case(Llama, _gguf("Q5_1"), 615),
    "meta_turned": _case(Llama, _meta, 616),
    "lit": _case(Llama, _lit, 617),
    "fused_elsewhere": _case(Llama, _fused_elsewhere, 618),
    "parallel": _case(Llama, _parallel, 619),
    "interleaved": _case(Decoder, _interleaved, 620),
    "turned": _case(Decoder, _turned, 621),
    "forward_module": _case(Text, _forward_module, 622),
    "zero_three": _case(Decoder, _zero_three, 623),
    "core_distributed": _case(Decoder, _core_distributed, 624),
    "lightning_sharded": _case(Text, _lightning_sharded, 625),
    "adapter_beside": _case(Llama, _adapter_beside, 626),
    "sentences": _case(Text, _sentences, 627),
    "dictionary": _case(Vision, _dictionary, 628),
    "msgpack": _case(Text, _msgpack, 629),
    "hierarchy": _case(Vision, _hierarchy, 630),
    "matlab": _case(Vision, _matlab, 631),
    "joblib": _case(Sound, _joblib, 632),
    "lite": _case(Vision, _lite, 633),
    "distributed_tensors": _case(Text, _distributed_tensors, 634),
    "shared_three": _shared_three,
    "onnx_outside": _onnx_case(Vision, 636),
    "onnx_outside_text": _onnx_case(Decoder, 637),
    "normed_inputs": _case(Up, _normed_inputs, 638),
    "normed_whole": _case(Vision, _normed_whole, 639),
    "masked": _case(Vision, _masked, 640),
    "orthogonal": _case(Decoder, _orthogonal, 641),
    "compressed_mxfp4": _case(
        Decoder,
        _library("mxfp4-pack-quantized", _settings("mxfp4-pack-quantized"), **_mx(4)),
        642,
    ),
    "compressed_mxfp8": _case(
        Decoder, _library("mxfp8-quantized", _settings("mxfp8-quantized"), **_mx(8)), 643
    ),
    "eetq": _case(Decoder, _packed(_method("eetq", weights="int8"), _eetq), 644),
    "auto_round": _case(
        Decoder,
        _packed(
            _method(
                "auto-round",
                bits=4,
                group_size=32,
                sym=True,
                packing_format="auto_round:auto_gptq",
            ),
            _auto_round,
        ),
        645,
    ),
    "awq_rows": _case(
        Decoder,
        _packed(_method("awq", bits=4, group_size=32, version="gemv", zero_point=True), _awq_rows),
        646,
    ),
    "additive": _case(
        Decoder,
        _packed(_method("aqlm", in_group_size=8, num_codebooks=2, nbits_per_codebook=8), _additive),
        647,
    ),
    "bnb_pickled": _case(Decoder, _bits_and_bytes("nf4"), 648),
    "converted": _case(Vision, _converted, 649),
    "dynamically": _case(Decoder, _dynamically, 650),
    "halves_and_rest": _case(Text, _halves_and_rest, 651),
    "rows_of_codes": _case(Decoder, _rows_of_codes, 652),
}
OPENED = frozenset(CASES)
