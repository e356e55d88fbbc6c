"""Write new weights down for engines that take them by name: TensorRT's refitter, and sessions of
onnxruntime that are given their initializers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from onnx_params.applying.changes import array_of
from onnx_params.applying.draft import Choice
from onnx_params.applying.plan import Plan
from onnx_params.applying.request import Path, Request, Weights
from onnx_params.errors import UnreadableError, UsageError, system_reason
from onnx_params.io.atomic import refuse_overwriting, write, write_bytes
from onnx_params.tensors.encode import packed
from onnx_params.tensors.steps import Key, Placement
from onnx_params.tensors.steps_json import to_json
from onnx_params.tensors.stored import StoredTensor
from onnx_params.version import __version__

SCHEMA: Final = "onnx-params/emit/1"
MANIFEST: Final = "manifest.json"


ENGINES: Final = ("trt-refit", "ort-initializers", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """One stored tensor: the file of its new values beside the manifest, empty where there is none,
    and the parameters that are in it, each with the steps from storage to it.
    """

    name: str
    graph: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    n_bytes: int
    parameters: tuple[tuple[str, dict[str, Any]], ...]  # JSON


@dataclass(frozen=True, kw_only=True)
class Emission:
    """What was written: a manifest, and a file for each stored tensor."""

    engine: str
    model: str
    checkpoint: str
    output: str
    tensors: tuple[Emitted, ...]

    @property
    def n_bytes(self) -> int:
        return sum(each.n_bytes for each in self.tensors)

    def __repr__(self) -> str:
        return f"<Emission for {self.engine}: {len(self.tensors)} tensors, {self.n_bytes:,} bytes>"


def emit(
    engine: str,
    model: Path,
    checkpoint: Weights,
    output: Path,
    *,
    reference: Path | None = None,
    accept_inferred: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Emission:
    """Write the values that stored tensors get from ``checkpoint``, under the names that they have
    in the artifact, which are those that an engine knows.

    ``engine`` is ``trt-refit`` or ``ort-initializers``: ``output`` is then a new folder with
    ``manifest.json`` and a ``.npy`` file for each stored tensor; or ``json``: ``output`` is then a
    file that says which parameter lies where, without values. Elements that NumPy has no type for
    are written as bytes. Other arguments and errors are those of
    :func:`~onnx_params.applying.apply.apply`.

    >>> onnx_params.emit("json", "model.onnx", "model.safetensors", "places.json").tensors[0].name
    'fc.weight'
    """
    if engine not in ENGINES:
        raise UsageError(f"engine='{engine}': there are {', '.join(ENGINES)}")
    request = Request(
        model=model,
        checkpoint=checkpoint,
        reference=reference,
        choice=Choice(accepts_inferred=accept_inferred),
    )
    target = os.fspath(output)
    refuse_overwriting([target], request.inputs)
    request.refuse()
    made = request.plan
    has_files = engine != "json"
    keys = list(dict.fromkeys((*made.shares, *made.quantizer.written)))
    if has_files:
        keys = [key for key in keys if not key[0]]  # engines know the main graph's alone
        _make_folder(target)
    rows = tuple(_row(made, key, f"{at}.npy" if has_files else "") for at, key in enumerate(keys))
    for key, row in zip(keys, rows, strict=True) if has_files else ():
        data = _npy(made.model.stored[key], array_of(made, key))
        write_bytes(os.path.join(target, row.file), data)
        progress(row.n_bytes)
    emission = Emission(
        engine=engine,
        model=request.path,
        checkpoint=request.weights.path,
        output=target,
        tensors=rows,
    )
    name = os.path.join(target, MANIFEST) if has_files else target
    write(name, json.dumps(document(emission), indent=2) + "\n", request.inputs)
    return emission


def _make_folder(path: str) -> None:
    """Make a folder; one that is there has to be empty."""
    try:
        os.makedirs(path, exist_ok=True)
        if os.listdir(path):
            raise UnreadableError(f"{path}: is not empty; name a new folder")
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written: {system_reason(error)}") from error


def _row(made: Plan, key: Key, file: str) -> Emitted:
    tensor = made.model.stored[key]
    shares: Sequence[Any] = made.shares.get(key, ())
    parameters = tuple((share.name, to_json(Placement(key, share.steps), {})) for share in shares)
    return Emitted(
        name=key[1],
        graph=key[0],
        dtype=tensor.dtype.name,
        shape=tensor.shape,
        file=file,
        n_bytes=tensor.dtype.packed_length(tensor.count),
        parameters=parameters,
    )


def _npy(tensor: StoredTensor, values: np.ndarray) -> Iterator[bytes]:
    """A file of NumPy's format, version 1.0; what NumPy has no type for, as bytes."""
    from io import BytesIO

    data = packed(values, tensor.dtype)
    is_known = tensor.dtype.numpy is not None
    head: dict[str, Any] = {
        "descr": np.dtype(tensor.dtype.numpy).str if is_known else "|u1",
        "fortran_order": False,
        "shape": tensor.shape if is_known else (len(data),),
    }
    buffer = BytesIO()
    np.lib.format.write_array_header_1_0(buffer, head)
    yield buffer.getvalue()
    yield data


def document(emission: Emission) -> dict[str, Any]:  # JSON
    """The manifest by the contract ``onnx-params/emit/1``."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "engine": emission.engine,
        "model": os.path.basename(emission.model),
        "checkpoint": os.path.basename(emission.checkpoint),
        "tensors": [
            {
                "name": each.name,
                "graph": each.graph,
                "dtype": each.dtype,
                "shape": list(each.shape),
                "file": each.file or None,
                "bytes": each.n_bytes,
                "parameters": [
                    {"name": name, "steps": place["steps"]} for name, place in each.parameters
                ],
            }
            for each in emission.tensors
        ],
    }
