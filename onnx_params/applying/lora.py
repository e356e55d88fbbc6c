"""Add the low-rank updates of peft adapters to a checkpoint's weights.

Format: peft, ``utils/save_and_load.py`` and ``tuners/lora/`` (``layer.py``, ``config.py``):
``adapter_config.json`` beside ``adapter_model.safetensors`` or ``.bin``; a weight becomes
``W + scale * B @ A`` with ``scale = alpha / r``, or ``alpha / sqrt(r)`` for rank-stabilized ones.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from onnx_params.applying.given import computed
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import UnreadableError, UnsupportedError, UsageError, system_reason
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.stored import StoredTensor

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin")
PREFIX: Final = "base_model.model."
_PAIR: Final = re.compile(
    r"(?P<module>.+)\.lora_(?P<embedding>embedding_)?(?P<which>[AB])(\.default)?(\.weight)?$"
)
# what changes weights by more than a sum of two factors
_OTHER_KINDS: Final = {"use_dora": "DoRA", "lora_bias": "a LoRA with biases"}


class Adapter(NamedTuple):
    """A peft adapter, and how much of it is added."""

    path: str
    weight: float = 1.0

    @classmethod
    def of(cls, words: str) -> Adapter:
        """The adapter that ``PATH`` or ``PATH=WEIGHT`` says."""
        path, mark, number = words.rpartition("=")
        if not mark or os.path.exists(words):
            return cls(words)
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise UsageError(f"{words}: '{number}' is no weight; write ADAPTER=0.5")
        return cls(path, weight)

    @property
    def files(self) -> list[str]:
        """The files that are read of it."""
        return [os.path.join(self.path, name) for name in (CONFIG, *WEIGHTS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """What an adapter adds to one weight."""

    a: StoredTensor
    b: StoredTensor
    scale: float
    is_turned: bool  # the weight is [in, out]
    is_embedding: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is added, by the factors' own; empty where they do not fit together."""
        a, b = self.a.shape, self.b.shape
        if len(a) < 2 or len(b) < 2 or math.prod(b[1:]) != a[0]:
            return ()
        made = (b[0], *a[1:])
        return made[::-1] if self.is_turned or self.is_embedding else made

    def delta(self, shape: tuple[int, ...]) -> np.ndarray:
        """The update in float32, in the shape of the weight. Reads both factors."""
        a, b = (each.read().astype(np.float32) for each in (self.a, self.b))
        if a.ndim > 2:  # a convolution
            made = np.tensordot(b.reshape(b.shape[0], -1), a, axes=1)
        else:
            made = b @ a
        if self.is_turned or self.is_embedding:
            made = made.T
        return np.asarray(made.reshape(shape) * np.float32(self.scale))


def merged(base: Checkpoint, adapters: Sequence[Adapter]) -> Checkpoint:
    """A checkpoint whose weights are those of ``base`` with the adapters added; they are computed
    when they are read.

    Raises :class:`UsageError` where an adapter is of another model, :class:`UnsupportedError` where
    it is of a kind that is more than a sum, :class:`UnreadableError` where it cannot be read.
    """
    updates: dict[str, list[_Update]] = {}
    replaced: dict[str, StoredTensor] = {}
    by_name = {tensor.name: tensor for tensor in base.tensors}
    names = list(by_name)
    for adapter in adapters:
        one, whole = _read(adapter)
        own = [*one, *whole]
        prefix = prefixes_between(names, own)[0]
        strangers = [name for name in own if moved(name, prefix) not in by_name]
        if strangers:
            raise UsageError(
                f"{adapter.path}: changes '{strangers[0]}', which {base.path} does not have"
            )
        for name, update in one.items():
            target = by_name[moved(name, prefix)]
            _refuse_other_shape(adapter, target, update)
            updates.setdefault(target.name, []).append(update)
        replaced |= {moved(name, prefix): tensor for name, tensor in whole.items()}
    tensors = tuple(_updated(tensor, updates, replaced) for tensor in base.tensors)
    return replace(base, tensors=tensors)


def _refuse_other_shape(adapter: Adapter, target: StoredTensor, update: _Update) -> None:
    """Raise :class:`UsageError` where factors make another shape than the weight has."""
    if update.shape == target.shape:
        return
    factors = f"{list(update.b.shape)} x {list(update.a.shape)}"
    turned = update.shape[::-1] == target.shape
    hint = "; is fan_in_fan_out right in its configuration?" if turned else ""
    raise UsageError(
        f"{adapter.path}: its factors for '{target.name}', {factors}, do not make the weight's"
        f" shape {list(target.shape)}{hint}"
    )


def _updated(
    tensor: StoredTensor,
    updates: Mapping[str, Sequence[_Update]],
    replaced: Mapping[str, StoredTensor],
) -> StoredTensor:
    if tensor.name in replaced:
        return replaced[tensor.name]._replace(name=tensor.name)
    listed = updates.get(tensor.name)
    if not listed:
        return tensor

    def make() -> np.ndarray:
        values = tensor.read()
        made = values.astype(np.float32)
        for update in listed:
            made = made + update.delta(tensor.shape)
        return made.astype(values.dtype)

    return computed(tensor.name, tensor.dtype, tensor.shape, make, "merged")


def _read(adapter: Adapter) -> tuple[dict[str, _Update], dict[str, StoredTensor]]:
    """The updates of an adapter by the name of their weight, and the tensors that it has whole."""
    config = _config(adapter.path)
    for key, kind in _OTHER_KINDS.items():
        if config.get(key):
            raise UnsupportedError(f"{adapter.path}: is {kind}, which is more than W + B @ A")
    tensors = {tensor.name: tensor for tensor in open_checkpoint(_weights(adapter.path)).tensors}
    pairs: dict[str, dict[str, StoredTensor]] = {}
    embeddings: set[str] = set()
    whole: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix(PREFIX)
        found = _PAIR.match(plain)
        if found is None:
            if "lora_" in plain:
                raise UnsupportedError(f"{adapter.path}: has '{name}', which is not known")
            whole[plain.replace(".modules_to_save.default", "").replace(".base_layer", "")] = tensor
            continue
        module = found["module"]
        pairs.setdefault(module, {})[found["which"]] = tensor
        if found["embedding"]:
            embeddings.add(module)
    one = {
        f"{module}.weight": _update(adapter, config, module, pair, module in embeddings)
        for module, pair in pairs.items()
    }
    if not one and not whole:
        raise UsageError(f"{adapter.path}: has no tensors to add")
    return one, whole


def _update(
    adapter: Adapter,
    config: Mapping[str, Any],  # JSON
    module: str,
    pair: Mapping[str, StoredTensor],
    is_embedding: bool,
) -> _Update:
    if set(pair) != {"A", "B"}:
        raise UnsupportedError(f"{adapter.path}: of '{module}' one factor alone is there")
    try:
        rank = _by_pattern(config.get("rank_pattern"), module) or float(pair["A"].shape[0])
        alpha = _by_pattern(config.get("alpha_pattern"), module) or float(
            config.get("lora_alpha", rank)
        )
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError(f"{adapter.path}: its ranks or alphas are no numbers") from error
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return _Update(
        a=pair["A"],
        b=pair["B"],
        scale=adapter.weight * scale,
        is_turned=bool(config.get("fan_in_fan_out")) and not is_embedding,
        is_embedding=is_embedding,
    )


def _by_pattern(patterns: Any, module: str) -> float | None:  # JSON
    """The number of the pattern that a module's name ends with."""
    for key, value in (patterns or {}).items() if isinstance(patterns, dict) else ():
        if re.match(rf"(.*\.)?({key})$", module):
            return float(value)
    return None


def _config(path: str) -> dict[str, Any]:  # JSON
    name = os.path.join(path, CONFIG)
    try:
        with open(name, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise UnreadableError(f"{name}: cannot be read: {system_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: is not JSON") from error
    if not isinstance(found, dict) or found.get("peft_type") != "LORA":
        raise UsageError(f"{name}: is not the configuration of a LoRA")
    return found


def _weights(path: str) -> str:
    for name in WEIGHTS:
        if os.path.isfile(os.path.join(path, name)):
            return os.path.join(path, name)
    raise UsageError(f"{path}: has no {WEIGHTS[0]}")
