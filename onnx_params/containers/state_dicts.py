"""Find the dictionaries of tensors in what somebody saved with torch, and say which one is meant.

A training script saves a dictionary of its own: the weights under one of a few words, beside an
optimizer's moments, an average of the weights, a loss. Sources of the words: torchvision, timm,
MMCV, fairseq, Lightning, BasicSR, Ultralytics, DeepSpeed.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from onnx_params.containers.inert_pickle import MAX_ENTRIES, Inert
from onnx_params.containers.strided import Sparse, Strided

# under which weights are saved, the likeliest first; averages of them come after all others
_WEIGHTS: Final = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "network",
    "params",
    "weights",
    "ema",
    "state_dict_ema",
    "model_ema",
    "params_ema",
    "ema_state_dict",
)
# of what is no weight, wherever it stands in a key
_OTHERS: Final = (
    "optim",
    "sched",
    "scaler",
    "rng",
    "callbacks",
    "loops",
    "moment",
    "amp",
    "sampler",
)
_AVERAGE: Final = "model_ema."
_MAX_DEPTH: Final = 4  # dictionaries in dictionaries
_MAX_DICTS: Final = 64  # that are offered


class StateDict(NamedTuple):
    """One dictionary of tensors: the keys that lead to it, joined by dots, and its tensors."""

    where: str
    tensors: Mapping[str, Strided | Sparse]


def state_dicts(saved: Any) -> list[StateDict]:  # what a stranger pickled
    """Every dictionary of tensors, the one that is meant first: by a known word, then by how many
    tensors it has.
    """
    found = [apart for each in _found(saved) for apart in _apart(each)]
    joined = _joined(found)
    if joined is not None:
        found.append(joined)
    found.sort(key=_rank)
    return found[:_MAX_DICTS]


def _rank(each: StateDict) -> tuple[int, int]:
    word = each.where.rpartition(".")[2]
    # one tensor at the top is a loss, a score
    is_likely = len(each.tensors) > 1
    if word in _WEIGHTS and is_likely:
        return _WEIGHTS.index(word), -len(each.tensors)
    return len(_WEIGHTS) + (not is_likely), -len(each.tensors)


def _found(saved: Any) -> Iterator[StateDict]:  # what a stranger pickled
    todo: collections.deque[tuple[tuple[str, ...], Any]] = collections.deque([((), saved)])
    seen: set[int] = set()
    while todo and len(seen) < MAX_ENTRIES:
        keys, value = todo.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Inert):
            tensors = dict(of_modules(value))
        elif isinstance(value, dict):
            tensors = {
                str(key): each for key, each in value.items() if isinstance(each, (Strided, Sparse))
            }
            inner = [] if len(keys) >= _MAX_DEPTH else list(value.items())
            todo.extend(
                ((*keys, str(key)), each)
                for key, each in inner
                if isinstance(each, (dict, Inert)) and not _is_other(str(key))
            )
        else:
            continue
        if tensors:
            yield StateDict(".".join(keys), tensors)


def _apart(each: StateDict) -> Iterator[StateDict]:
    """A dictionary without the average that stands beside the weights, and with it in their place:
    ``model_ema.layers03weight`` of ``model.layers.0.3.weight``. Source: latent-diffusion,
    ``ldm/modules/ema.py``.
    """
    averages = {name: t for name, t in each.tensors.items() if name.startswith(_AVERAGE)}
    rest = {name: t for name, t in each.tensors.items() if name not in averages}
    names = {f"{_AVERAGE}{name.partition('.')[2].replace('.', '')}": name for name in rest}
    averaged = {names[name]: t for name, t in averages.items() if name in names}
    if not averaged:
        yield each
        return
    yield StateDict(each.where, rest)
    # not under the bare word, which would come before the weights
    yield StateDict(f"{each.where} with model_ema".strip(), {**rest, **averaged})


def _is_other(key: str) -> bool:
    return any(word in key.lower() for word in _OTHERS)


def _joined(found: list[StateDict]) -> StateDict | None:
    """A model that was saved module by module: the dictionaries of one level together, their keys
    before the names.
    """
    parts = [
        each
        for each in found
        if each.where and "." not in each.where and each.where not in _WEIGHTS
    ]
    if len(parts) < 2:
        return None
    tensors = {f"{each.where}.{name}": t for each in parts for name, t in each.tensors.items()}
    return StateDict("", tensors)


def of_modules(root: Any) -> Iterator[tuple[str, Strided | Sparse]]:  # what a stranger pickled
    """The tensors of a whole module, with their paths: TorchScript keeps attributes,
    torch.nn.Module three dictionaries of them.
    """
    todo = [("", root)]
    seen: set[int] = set()
    while todo:
        prefix, module = todo.pop()
        if not isinstance(module, Inert) or id(module) in seen or len(seen) > MAX_ENTRIES:
            continue
        seen.add(id(module))
        inner = []
        for name, value in _members(module):
            if isinstance(value, (Strided, Sparse)):
                yield f"{prefix}{name}", value
            elif isinstance(value, Inert):
                inner.append((f"{prefix}{name}.", value))
        todo.extend(reversed(inner))


def _members(module: Inert) -> Iterator[tuple[str, Any]]:
    """What a module has: its parameters, buffers and modules, or all its attributes."""
    words = ("_parameters", "_buffers", "_modules")
    groups = [module.state[word] for word in words if isinstance(module.state.get(word), dict)]
    for group in groups or [module.state]:
        for name, value in group.items():
            yield str(name), value
