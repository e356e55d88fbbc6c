"""Read the checkpoint of a folder as frameworks lay it out: an index, one file, the parts of a
pipeline, what each process of a training had.

Sources: transformers, diffusers (``model_index.json``), sentence-transformers (``modules.json``),
accelerate (``FSDP_MODEL_NAME``), SpeechBrain (``utils/checkpoints.py``), DeepSpeed, Megatron-LM,
Llama's own repository (``model.py``: which layers are split along which axis).
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

_DEPTH: Final[ContextVar[int]] = ContextVar("depth", default=0)
# files of one checkpoint; the largest released models have some hundreds
MAX_SHARDS: Final = 10_000
ZERO: Final = "mp_rank_00_model_states.pt"  # of DeepSpeed, runtime/engine.py
FSDP: Final = "pytorch_model_fsdp_0"  # of accelerate, in a folder of a trainer's step
MAX_NAME: Final = 4096  # bytes
MAX_DEPTH: Final = 4  # folders and archives in each other
MAX_MODULES: Final = 64
MAX_LISTED: Final = 1 << 26  # bytes of a list of parts
_STEP: Final = re.compile(r"[A-Za-z_-]+\d+|CKPT\+.*")  # a folder of one step of a training
_RANK: Final = "zero_pp_rank_"  # of DeepSpeed: what one process had
_PART: Final = re.compile(r"consolidated\.\d+\.pth")  # what one process has of Llama
INDEXES: Final = (".safetensors.index.json", ".bin.index.json")
# in a folder, in this order
ENDINGS: Final = tuple(
    ".safetensors .bin .pt .pth .ckpt .npz .keras .h5 .msgpack .pdparams .gguf .params .tflite"
    " .weights".split()
)
# how files beside weights begin: what a trainer keeps to go on
_NO_WEIGHTS: Final = (
    "training_args",
    "optimizer",
    "scheduler",
    "sampler",
    "scaler",
    "random_",
    "rng_",
    "counter",
    "dataloader",
    "brain",
)
# endings of names in Llama's checkpoints -> the axis along which processes share them; all others
# each process has whole
_SHARED: Final[Mapping[str, int]] = {
    "tok_embeddings.weight": 1,
    "output.weight": 0,
    "wq.weight": 0,
    "wk.weight": 0,
    "wv.weight": 0,
    "wo.weight": 1,
    "w1.weight": 0,
    "w2.weight": 1,
    "w3.weight": 0,
}


def has_checkpoint(path: str) -> bool:
    """Whether a folder has files of weights, or what a framework writes."""
    from onnx_params.containers import orbax, torch_distributed

    try:
        names = os.listdir(path)
        is_known = torch_distributed.is_it(path) or orbax.item(path) is not None
        is_known = is_known or tensor_bundle_index(path) is not None
        is_known = is_known or any(os.path.isfile(os.path.join(path, each)) for each in _LISTS)
        return is_known or any(name.endswith((*INDEXES, *ENDINGS)) for name in names)
    except OSError:
        return False


def tensor_bundle_index(path: str) -> str | None:
    """The table of TensorFlow's checkpoint that a folder, or a name without an ending, stands
    for.
    """
    from onnx_params.containers import tensor_bundle

    return tensor_bundle.index_of(path)


def below(path: str) -> Checkpoint:
    """The checkpoint of a folder that lies in something else."""
    return _open(path)


def is_weights(name: str) -> bool:
    """Whether a file has weights, or is an index of such files, by its name."""
    return name.endswith((*INDEXES, *ENDINGS)) and not name.startswith(_NO_WEIGHTS)


def read(path: str) -> Checkpoint:
    """The checkpoint of a folder: what a framework writes, an index, one file, else all of one
    kind.

    Raises :class:`FormatError` where there is none.
    """
    for title, read_parts in _LISTS.items():
        if os.path.isfile(os.path.join(path, title)):
            parts = read_parts(path, _json(os.path.join(path, title)))
            if parts is not None:
                return parts
    found = _of_framework(path)
    if found is not None:
        return found
    names = sorted(os.listdir(path))
    index = _index(path, names)
    if index is not None:
        return index
    if any(name.startswith(_RANK) for name in names):
        raise UnsupportedError(
            f"{path}: holds what each process of ZeRO had; join the parts with zero_to_fp32.py,"
            " which DeepSpeed puts beside them"
        )
    ranks = [os.path.join(path, name) for name in names if _PART.fullmatch(name)]
    if len(ranks) > 1:
        return _of_ranks(path, ranks)
    whole = _of_one_kind(path, names)
    if whole is not None:
        return whole
    inner = [name for name in names if _is_folder_of_weights(os.path.join(path, name))]
    if len(inner) == 1 and _STEP.fullmatch(inner[0]):
        return _open(os.path.join(path, inner[0]))
    hint = f"; did you mean {' or '.join(inner[:3])} in it?" if inner else ""
    raise FormatError(
        f"{path}: no checkpoint is in this folder (.safetensors, .bin, .pt, .npz, .keras, or what"
        f" Orbax, TensorFlow or torch.distributed writes){hint}"
    )


def _of_framework(path: str) -> Checkpoint | None:
    """What a framework writes into a folder of its own; ``None`` where it is none of these."""
    from onnx_params.containers import orbax, torch_distributed

    if torch_distributed.is_it(path):
        return torch_distributed.read(path)
    iteration = _last_iteration(path)
    if iteration and os.path.isdir(iteration):
        return _open(iteration)
    of_jax = orbax.item(path)
    if of_jax is not None:
        return orbax.read(of_jax)
    if tensor_bundle_index(path) is not None:
        return _open(str(tensor_bundle_index(path)))
    fsdp = os.path.join(path, FSDP)
    if os.path.isdir(fsdp):
        return _open(fsdp)
    states = os.path.join(path, _latest(path), ZERO)
    return _open(states) if os.path.isfile(states) else None


def _open(path: str) -> Checkpoint:
    """What lies in a folder, or in one below it, and so on a few times."""
    from onnx_params.containers.formats import open_checkpoint

    depth = _DEPTH.get()
    if depth >= MAX_DEPTH:
        raise FormatError(f"{path}: lies {depth} folders or archives deep in others; name it")
    token = _DEPTH.set(depth + 1)
    try:
        return open_checkpoint(path)
    finally:
        _DEPTH.reset(token)


# -- folders with a list of their parts -------------------------------------------------------


def _json(path: str) -> Any:  # JSON of a stranger
    try:
        with open(path, encoding="utf-8") as file:
            return json.loads(file.read(MAX_LISTED))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: cannot be read: {type(error).__name__}") from error


def _pipeline(path: str, listed: Any) -> Checkpoint:
    """The models of a pipeline, each a set of weights of its own: which one an artifact was made of
    is seen by what they hold.
    """
    titles = sorted(listed) if isinstance(listed, dict) else []
    inner = [
        title
        for title in titles
        if _is_plain_name(title) and _is_folder_of_weights(os.path.join(path, title))
    ]
    if not inner:
        raise FormatError(f"{path}: none of the models that its list names is in this folder")
    parts = [replace(_open(os.path.join(path, title)), part=title) for title in inner]
    parts.sort(key=lambda each: -len(each.tensors))
    return replace(parts[0], others=tuple(parts[1:]))


def _modules(path: str, listed: Any) -> Checkpoint:
    """The modules of a sentence embedding together: those after the first have their number before
    their names, as in the state of the whole.
    """
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    paths = [row.get("path") or "" for row in rows]
    if len(rows) > MAX_MODULES or len(set(map(str, paths))) < len(paths):
        raise FormatError(f"{path}: lists a module twice, or too many; refused")
    parts: list[Checkpoint] = []
    for row in rows:
        inner, number = str(row.get("path") or ""), str(row.get("name", row.get("idx", "")))
        folder = os.path.join(path, inner)
        if inner and not _is_plain_name(inner):
            raise FormatError(f"{path}: names a module outside of its folder; refused")
        if inner and not _is_folder_of_weights(folder):
            continue
        found = _open(folder) if inner else _files_of(path)
        parts.append(_with_prefix(found, f"{number}.") if parts else found)
    if not parts:
        raise FormatError(f"{path}: none of the modules that its list names has weights")
    return _together(path, parts)


def _index(path: str, names: Sequence[str]) -> Checkpoint | None:
    """What the first index in a folder names; ``None`` where it has none."""
    for ending in INDEXES:
        for name in names:
            if name.endswith(ending):
                return sharded(os.path.join(path, name))
    return None


def _of_one_kind(path: str, names: Sequence[str]) -> Checkpoint | None:
    """All files of weights in a folder of the likeliest kind; ``None`` where it has none."""
    for ending in ENDINGS:
        files = [name for name in names if name.endswith(ending) and is_weights(name)]
        if files:
            return joined(path, [os.path.join(path, name) for name in files])
    return None


def _files_of(path: str) -> Checkpoint:
    """The weights that lie in a folder itself."""
    names = sorted(os.listdir(path))
    found = _index(path, names) or _of_one_kind(path, names)
    if found is None:
        raise FormatError(f"{path}: no checkpoint is in this folder")
    return found


def _shards(path: str, listed: Any) -> Checkpoint | None:
    """TensorFlow.js' weights beside their list; ``None`` where it is a list of something else."""
    is_it = isinstance(listed, dict) and "weightsManifest" in listed
    return _open(os.path.join(path, _TFJS)) if is_it else None


_TFJS: Final = "model.json"
_LISTS: Final = {"model_index.json": _pipeline, "modules.json": _modules, _TFJS: _shards}


def _is_folder_of_weights(path: str) -> bool:
    """Whether a path is a folder that has a checkpoint."""
    return os.path.isdir(path) and (has_checkpoint(path) or os.path.isdir(os.path.join(path, FSDP)))


# -- what several processes have --------------------------------------------------------------


def _of_ranks(path: str, files: Sequence[str]) -> Checkpoint:
    """A model of which each process has a part of every matrix: the parts side by side."""
    parts = [{tensor.name: tensor for tensor in _open(file).tensors} for file in files]
    if any(part.keys() != parts[0].keys() for part in parts):
        raise FormatError(f"{path}: its parts do not have the same tensors")
    return Checkpoint(
        path=path,
        tensors=tuple(_side_by_side(path, [part[name] for part in parts]) for name in parts[0]),
        ordered=False,
    )


def _side_by_side(path: str, parts: Sequence[StoredTensor]) -> StoredTensor:
    first = parts[0]
    axis = next((axis for ending, axis in _SHARED.items() if first.name.endswith(ending)), None)
    if axis is None or len(first.shape) != 2:
        return first
    others = [part.shape[:axis] + part.shape[axis + 1 :] for part in parts]
    is_alike = all(len(part.shape) == 2 and part.dtype == first.dtype for part in parts)
    if len(set(others)) > 1 or not is_alike:
        raise FormatError(f"{path}: the parts of '{first.name}' do not fit together")
    length = sum(part.shape[axis] for part in parts)
    shape = (*first.shape[:axis], length, *first.shape[axis + 1 :])

    def make() -> bytes:
        import numpy as np

        return np.concatenate([part.read() for part in parts], axis=axis).tobytes()

    n_bytes = first.dtype.packed_length(math.prod(shape))
    source = ComputedSource(f"{path}: '{first.name}'", n_bytes, make)
    return StoredTensor(
        first.name, first.dtype, shape, PLACE, Encoding.RAW, (Span(0, n_bytes),), source
    )


def _latest(path: str) -> str:
    """The folder of the last step that DeepSpeed saved, by its file ``latest``, or by that of its
    universal format; empty without.
    """
    for title in ("latest", "latest_universal"):
        name = _line(os.path.join(path, title))
        if _is_plain_name(name):
            return name
    return ""


def _last_iteration(path: str) -> str:
    """The folder of the last iteration that Megatron saved, by its file of that number; empty
    without. Source: Megatron-LM, megatron/training/checkpointing.py.
    """
    number = _line(os.path.join(path, "latest_checkpointed_iteration.txt"))
    folder = os.path.join(path, f"iter_{int(number):07d}" if number.isdecimal() else number)
    return folder if _is_plain_name(number) else ""


def _line(path: str) -> str:
    """What a short file of text says; empty where it is not there, or none."""
    if not os.path.isfile(path):
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(MAX_NAME).strip()
    except (OSError, ValueError):
        return ""


# -- several files of one model ---------------------------------------------------------------


def sharded(path: str) -> Checkpoint:
    """The files that an index names; ``weight_map`` maps tensors to them."""
    if not os.path.isfile(path):
        raise FormatError(f"{path}: is not a file")
    try:
        with open(path, encoding="utf-8") as file:
            index = json.load(file)
        mapped = index["weight_map"]
        files = sorted(set(mapped.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is not an index of a checkpoint: {type(error).__name__}"
        ) from error
    if len(files) > MAX_SHARDS or not all(map(_is_plain_name, files)):
        raise FormatError(f"{path}: names files outside its folder, or too many; refused")
    whole = joined(path, [os.path.join(os.path.dirname(path) or ".", name) for name in files])
    known = {tensor.name for tensor in whole.tensors}
    missing = [name for name in mapped if name not in known]
    if missing:
        raise FormatError(
            f"{path}: '{missing[0]}' (and {len(missing) - 1} more) is not in the file that the"
            " index names"
        )
    return whole


def _is_plain_name(name: object) -> bool:
    """Whether a name is one of a file in the same folder."""
    if not isinstance(name, str) or name in ("", ".", ".."):
        return False
    return os.path.basename(name) == name and not name.endswith(".json")


def joined(path: str, files: Sequence[str]) -> Checkpoint:
    """All tensors of files. Where parts of a model have names in common, each gets the name of its
    file before its own.

    Raises :class:`FormatError` where files are the same model.
    """
    parts = [_open(file) for file in files]
    counts = Counter(tensor.name for part in parts for tensor in part.tensors)
    if counts and max(counts.values()) > 1:
        names = {tuple(sorted(tensor.name for tensor in part.tensors)) for part in parts}
        stems = [os.path.splitext(os.path.basename(file))[0] for file in files]
        if len(names) < len(parts) or len(set(stems)) < len(stems):
            raise FormatError(
                f"{path}: the same tensor is in more than one file; name the file that is meant"
            )
        parts = [_with_prefix(part, f"{stem}.") for part, stem in zip(parts, stems, strict=True)]
    return _together(path, parts)


def _with_prefix(checkpoint: Checkpoint, prefix: str) -> Checkpoint:
    return replace(
        checkpoint,
        tensors=tuple(each._replace(name=f"{prefix}{each.name}") for each in checkpoint.tensors),
        aliases=tuple((f"{prefix}{one}", f"{prefix}{two}") for one, two in checkpoint.aliases),
    )


def _together(path: str, parts: Sequence[Checkpoint]) -> Checkpoint:
    return Checkpoint(
        path=path,
        tensors=tuple(tensor for part in parts for tensor in part.tensors),
        ordered=len(parts) == 1 and parts[0].ordered,
        aliases=tuple(alias for part in parts for alias in part.aliases),
    )
