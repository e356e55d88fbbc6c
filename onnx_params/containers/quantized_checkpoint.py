"""Give the weights of checkpoints that quantizers wrote as the numbers that they stand for: codes,
scales and zero points become one tensor under the layer's own name.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.quantized_floats import FLOATS
from onnx_params.containers.quantized_integers import INTEGERS
from onnx_params.containers.quantized_layout import Layout, Parts, Settings
from onnx_params.containers.quantized_words import WORDS
from onnx_params.errors import content_errors
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

LAYOUTS: Final = (*WORDS, *INTEGERS, *FLOATS)  # asked in this order


def dequantized(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with quantized layers as float32 tensors, made when they are read; as it is
    where it has none.
    """
    by_name = {tensor.name: tensor for tensor in checkpoint.tensors}
    made: dict[str, StoredTensor] = {}
    gone: set[str] = set()
    settings = _settings(checkpoint.path)
    for tensor in checkpoint.tensors:
        for layout in LAYOUTS:
            found = _layer(by_name, tensor.name, layout, settings)
            if found is None:
                continue
            name, parts, shape = found
            made[tensor.name] = _computed(checkpoint.path, name, parts, shape, layout, settings)
            gone |= {part.name for part in parts.values()}
            break
    if not made:
        return checkpoint
    tensors = [
        made.get(tensor.name, tensor)
        for tensor in checkpoint.tensors
        if tensor.name in made or tensor.name not in gone
    ]
    return replace(checkpoint, tensors=tuple(tensors))


def _layer(
    by_name: Mapping[str, StoredTensor], name: str, layout: Layout, settings: Settings
) -> tuple[str, Parts, Shape] | None:
    """The weight's name, its parts and its shape, where a tensor is the first part of a layer of
    this layout.
    """
    first = layout.needed[0]
    if not name.endswith(first):
        return None
    stem = name.removesuffix(first)
    leaves = (*layout.needed, *layout.optional)
    parts = {leaf: by_name[stem + leaf] for leaf in leaves if stem + leaf in by_name}
    if not all(leaf in parts for leaf in layout.needed):
        return None
    with content_errors(f"tensor '{name}'"):
        shape = layout.shape(parts, settings)
    return None if shape is None else (f"{stem}{layout.leaf}".removesuffix("."), parts, shape)


def _computed(
    path: str, name: str, parts: Parts, shape: Shape, layout: Layout, settings: Settings
) -> StoredTensor:
    def make() -> bytes:
        import numpy as np

        with content_errors(f"{path}: tensor '{name}'"):
            values = layout.make(parts, settings)
            if values.shape != shape:
                raise ValueError(f"shape {values.shape} for {shape}")
            return np.ascontiguousarray(values, np.float32).tobytes()

    dtype = BY_NAME["float32"]
    source = ComputedSource(f"{path}: '{name}'", dtype.packed_length(math.prod(shape)), make)
    span = Span(0, source.n_bytes)
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source)


def _settings(path: str) -> Settings:
    """What the configuration beside a checkpoint says of how it is quantized."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    place = os.path.join(folder, "config.json")
    if not os.path.isfile(place):
        return Settings()
    try:
        with open(place, encoding="utf-8") as file:
            document: Any = json.load(file)
        config = document.get("quantization_config") or document["quantization"]
        blocks = config.get("weight_block_size") or ()
        is_sound = all(type(length) is int and length > 0 for length in blocks)
        group = config.get("group_size")
        return Settings(
            is_second=config.get("checkpoint_format") == "gptq_v2",
            blocks=tuple(blocks) if is_sound else (),
            group=group if type(group) is int and group > 0 else 0,
            method=str(config.get("quant_method", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Settings()
