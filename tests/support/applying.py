"""An artifact with the checkpoint that it was made of and another one, for tests that write weights
into it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

import onnx_params
from support.graphs import Arrays, checkpoint


def drawn(seed: int, **shapes: tuple[int, ...]) -> Arrays:
    """Tensors of these shapes, drawn; ``__`` stands for a dot."""
    draw = np.random.default_rng(seed)
    return {
        name.replace("__", "."): draw.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def stored(path: Path) -> Arrays:
    """The initializers of a model, by name."""
    tensors = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def assert_same(expected: Arrays, got: Arrays) -> None:
    """Two sets of tensors have the same names and bits."""
    assert [] == [n for n in expected if expected[n].tobytes() != got[n].tobytes()]
    assert set(expected) == set(got)


def run(path: Path, inputs: Arrays) -> list[np.ndarray]:
    """What onnxruntime makes of the inputs."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    return session.run(None, {name: each for name, each in inputs.items() if name in wanted})


class Files:
    """A folder with an artifact, the checkpoint that it was made of, and another one."""

    def __init__(self, folder: Path, build: Callable[[Path, Arrays], Path], **shapes: Any) -> None:
        self.folder = folder
        self.old, self.new = drawn(0, **shapes), drawn(1, **shapes)
        self.build = build
        self.model = build(folder / "model.onnx", self.old)
        self.reference = checkpoint(folder / "old.safetensors", **self.old)
        self.weights = checkpoint(folder / "new.safetensors", **self.new)
        self.out = folder / "out.onnx"

    def apply(self, **options: Any) -> onnx_params.Application:
        options.setdefault("reference", self.reference)
        return onnx_params.apply(self.model, self.weights, self.out, **options)

    def fresh(self) -> Path:
        return self.build(self.folder / "fresh.onnx", self.new)
