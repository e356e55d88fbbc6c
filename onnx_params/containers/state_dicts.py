"""Find the dictionaries of tensors in what somebody saved with torch, and say which one is meant.

A training script saves a dictionary of its own: the weights under one of a few words, beside an
optimizer's moments, an average of the weights, a loss. Sources of the words: torchvision, timm,
MMCV, fairseq, Lightning, BasicSR, Ultralytics, DeepSpeed.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeGuard

from onnx_params.containers.inert_pickle import MAX_ENTRIES
from onnx_params.containers.pickled_objects import Inert, Size, Wrapped
from onnx_params.containers.strided import Sparse, Strided, is_shape

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
# how a word of a key begins under which no weights are
_OTHERS: Final = (
    "optim",
    "sched",
    "scaler",
    "gradscaler",
    "rng",
    "callbacks",
    "loops",
    "moment",
    "amp",
    "sampler",
)
_WORDS: Final = re.compile(r"[^a-z]+")  # between the words of a key
_AVERAGES: Final = re.compile(r"(^|_)(ema|average|averaged|shadow|teacher)(_|$)")
_PACKED: Final = "_packed_params._packed_params"  # of a layer that torch quantized
_MAX_DEPTH: Final = 4  # dictionaries in dictionaries
_MAX_KEYS: Final = 64  # of one tensor
_MAX_NAME: Final = 4096  # characters of them
_MAX_AVERAGES: Final = 4  # that are put in the place of weights
_MAX_DICTS: Final = 64  # that are offered


Tensor: TypeAlias = Strided | Sparse | Size  # a shape beside packed codes stands for a tensor


class StateDict(NamedTuple):
    """One dictionary of tensors: the keys that lead to it, joined by dots, and its tensors."""

    where: str
    tensors: Mapping[str, Tensor]


def state_dicts(saved: Any) -> list[StateDict]:  # what a stranger pickled
    """Every dictionary of tensors, the one that is meant first: by a known word, then by how many
    tensors it has.
    """
    found = [apart for each in _found(saved) for apart in _apart(each)]
    found.extend(_trees(saved))
    found.extend(_with_averages(found))
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
        if isinstance(value, (list, tuple)) and not keys:  # what a script had at hand
            todo.extend(((str(at),), each) for at, each in enumerate(value[:_MAX_DICTS]))
            continue
        if isinstance(value, Inert):
            tensors = dict(of_modules(value))
        elif isinstance(value, dict):
            tensors = dict(_tensors(value))
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


def _tensors(items: dict[Any, Any]) -> Iterator[tuple[str, Strided | Sparse]]:
    """The tensors among the values of a dictionary; those of which a library made one stand under
    its name, as torchao writes them to safetensors: ``fc._weight_scale`` of ``fc.weight``.

    Source: torchao, ``prototype/safetensors/safetensors_support.py``.
    """
    for key, value in items.items():
        if isinstance(value, (Strided, Sparse)):
            yield str(key), value
        elif isinstance(value, Wrapped):
            yield from _parts(str(key), value)
        elif isinstance(value, tuple) and str(key).endswith(_PACKED):
            yield from _packed(str(key).removesuffix(_PACKED), value)


def _parts(key: str, value: Wrapped) -> Iterator[tuple[str, Strided | Sparse]]:
    """What a library made a tensor of, under names of their own."""
    owner, dot, leaf = key.rpartition(".")
    for part, inner in value.parts.items():
        if isinstance(inner, (Strided, Sparse)):
            yield f"{owner}{dot}_{leaf}_{part}", inner


def _packed(owner: str, pair: tuple[Any, ...]) -> Iterator[tuple[str, Strided | Sparse]]:
    """The weight and the bias of a linear layer that torch quantized.

    Source: torch/ao/nn/quantized/modules/linear.py, ``LinearPackedParams``.
    """
    for leaf, value in zip(("weight", "bias"), pair, strict=False):
        if isinstance(value, Wrapped):
            yield from _parts(f"{owner}{leaf}", value)
        elif isinstance(value, (Strided, Sparse)):
            yield f"{owner}{leaf}", value


def _apart(each: StateDict) -> Iterator[StateDict]:
    """A dictionary without the average that stands beside the weights, and with it in their place:
    ``ema_model.layers.0.weight`` or ``model_ema.layers0weight`` of ``model.layers.0.weight``.
    Sources: ema-pytorch; latent-diffusion, ``ldm/modules/ema.py``.
    """
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for name in each.tensors:
        groups[name.partition(".")[0]].append(name)
    for prefix, names in groups.items():
        if not _AVERAGES.search(prefix):
            continue
        others = [name for name in each.tensors if name.partition(".")[0] != prefix]
        twins = {name.partition(".")[2]: name for name in others}
        twins |= {name.partition(".")[2].replace(".", ""): name for name in others}
        rests = {name: name.partition(".")[2] for name in names}
        averaged = {
            twins[rest]: each.tensors[name] for name, rest in rests.items() if rest in twins
        }
        if len(averaged) > 1 and 2 * len(averaged) > len(names):
            rest_of = {name: each.tensors[name] for name in others}
            yield StateDict(each.where, rest_of)
            # not under the bare word, which would come before the weights
            yield StateDict(f"{each.where} with {prefix}".strip(), {**rest_of, **averaged})
            return
    yield each


def _with_averages(found: list[StateDict]) -> list[StateDict]:
    """Weights with their averages in their place, where those stand in a dictionary of their own
    that has no buffers.
    """
    averages = [each for each in found if any(map(_AVERAGES.search, each.where.split(".")))]
    made = []
    for average in averages[:_MAX_AVERAGES]:
        for base in found:
            if base in averages or len(base.tensors) <= len(average.tensors):
                continue
            full = {name: name for name in base.tensors}
            full |= {name.partition(".")[2]: name for name in base.tensors}  # a wrapper's prefix
            if all(name in full for name in average.tensors):
                averaged = {full[name]: each for name, each in average.tensors.items()}
                where = f"{base.where} with {average.where}".strip()
                made.append(StateDict(where, {**base.tensors, **averaged}))
    return made


def _is_other(key: str) -> bool:
    return any(word.startswith(_OTHERS) for word in _WORDS.split(key.lower()))


def _trees(saved: Any) -> Iterator[StateDict]:  # what a stranger pickled
    """A model that was saved module by module, in dictionaries of dictionaries: all of them
    together, their keys before the names.
    """
    if not isinstance(saved, dict):
        return
    words = [word for word in _WEIGHTS if isinstance(saved.get(word), dict)]
    for where, root in [(word, saved[word]) for word in words] or [("", saved)]:
        tensors = dict(_leaves(root, (), set()))
        n_inner = len({name.rpartition(".")[0] for name in tensors if "." in name})
        n_direct = sum(isinstance(each, (Strided, Sparse)) for each in root.values())
        if n_inner > 1 and n_direct < len(tensors):
            yield StateDict(where, tensors)


def _leaves(
    tree: dict[Any, Any], keys: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[str, Tensor]]:
    """The tensors of dictionaries in dictionaries, with the keys that lead to them, and the shapes
    beside tensors.
    """
    if id(tree) in seen or len(keys) > _MAX_KEYS or len(seen) > MAX_ENTRIES:
        return
    if sum(map(len, keys)) > _MAX_NAME:
        return
    seen.add(id(tree))
    has_tensors = any(isinstance(value, Strided) for value in tree.values())
    for key, value in tree.items():
        if isinstance(value, (Strided, Sparse)):
            yield ".".join((*keys, str(key))), value
        elif has_tensors and _is_size(value):
            yield ".".join((*keys, str(key))), value
        elif isinstance(value, dict) and not _is_other(str(key)):
            yield from _leaves(value, (*keys, str(key)), seen)


def _is_size(value: object) -> TypeGuard[Size]:
    return isinstance(value, Size) and is_shape(value) and all(dim < 1 << 63 for dim in value)


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
    passing = module.state.get("_non_persistent_buffers_set")
    left_out = passing if isinstance(passing, set) else set()
    for group in groups or [module.state]:
        for name, value in group.items():
            if name not in left_out:
                yield str(name), value
