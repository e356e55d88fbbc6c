"""Time audits of growing models, each of one kind of difficulty, and print how time grows.

``python benchmarks/scaling.py [--largest 400] [--kinds a,b]`` audits models with n, 2n and 4n
weights against their checkpoints, and prints seconds and the exponent between the last two: 1 where
twice the weights take twice the time.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import onnx_params

Arrays = dict[str, np.ndarray]
WIDTH = 16


class Model:
    """A model under construction: a chain of nodes, stored tensors, the checkpoint."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: Arrays = {}
        self.checkpoint: Arrays = {}
        self.last = "x"

    def add(self, op_type: str, inputs: list[str], **attributes: Any) -> str:
        """A node after the last one; its output."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        return output

    def save(self, folder: Path) -> tuple[Path, Path]:
        """The artifact and the checkpoint."""
        info = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
            helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None),
        ]
        tensors = [numpy_helper.from_array(value, name) for name, value in self.stored.items()]
        graph = helper.make_graph(self.nodes, "g", info[:1], info[1:], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        onnx.save(model, folder / "m.onnx")
        save_file(self.checkpoint, folder / "c.safetensors")
        return folder / "m.onnx", folder / "c.safetensors"


def folded_convolutions(model: Model, n: int, rng: np.random.Generator) -> None:
    """Convolutions of one shape, each with a batch norm folded into it, under made-up names."""
    for at in range(n):
        weight = rng.standard_normal((WIDTH, WIDTH, 3, 3)).astype(np.float32)
        norm = {
            "weight": rng.standard_normal(WIDTH) + 2,
            "bias": rng.standard_normal(WIDTH),
            "running_mean": rng.standard_normal(WIDTH),
            "running_var": rng.random(WIDTH) + 0.5,
        }
        factor = norm["weight"] / np.sqrt(norm["running_var"] + 1e-5)
        model.checkpoint[f"conv{at}.weight"] = weight
        for leaf, value in norm.items():
            model.checkpoint[f"bn{at}.{leaf}"] = value.astype(np.float32)
        model.stored[f"val_{2 * at}"] = (weight * factor[:, None, None, None]).astype(np.float32)
        shift = norm["bias"] - norm["running_mean"] * factor
        model.stored[f"val_{2 * at + 1}"] = shift.astype(np.float32)
        inputs = [model.last, f"val_{2 * at}", f"val_{2 * at + 1}"]
        model.last = model.add("Conv", inputs, pads=[1, 1, 1, 1])


def equal_shapes(model: Model, n: int, rng: np.random.Generator) -> None:
    """Matrices of one shape, transposed, under made-up names."""
    for at in range(n):
        weight = rng.standard_normal((64, 64)).astype(np.float32)
        model.checkpoint[f"layers.{at}.weight"] = weight
        model.stored[f"val_{at}"] = np.ascontiguousarray(weight.T)
        model.last = model.add("MatMul", [model.last, f"val_{at}"])


def experts(model: Model, n: int, rng: np.random.Generator) -> None:
    """Experts that the checkpoint has one by one and the artifact stacked, eight a layer."""
    for at in range(max(1, n // 8)):
        stack = rng.standard_normal((8, 32, 32)).astype(np.float32)
        for expert in range(8):
            model.checkpoint[f"layers.{at}.experts.{expert}.weight"] = stack[expert].copy()
        model.stored[f"val_{at}"] = stack
        model.last = model.add("MatMul", [model.last, f"val_{at}"])


def quantized(model: Model, n: int, rng: np.random.Generator) -> None:
    """Matrices of one shape, quantized to 8 bits, under made-up names."""
    for at in range(n):
        weight = rng.standard_normal((64, 64)).astype(np.float32)
        scale = np.float32(np.abs(weight).max() / 127)
        model.checkpoint[f"layers.{at}.weight"] = weight
        model.stored[f"val_{3 * at}"] = np.round(weight.T / scale).astype(np.int8)
        model.stored[f"val_{3 * at + 1}"] = np.asarray(scale)
        inputs = [f"val_{3 * at}", f"val_{3 * at + 1}"]
        model.last = model.add("MatMul", [model.last, model.add("DequantizeLinear", inputs)])


def small_tensors(model: Model, n: int, rng: np.random.Generator) -> None:
    """Vectors of one length, under made-up names."""
    for at in range(n):
        bias = rng.standard_normal(8).astype(np.float32)
        model.checkpoint[f"layers.{at}.bias"] = bias
        model.stored[f"val_{at}"] = bias
        model.last = model.add("Add", [model.last, f"val_{at}"])


KINDS: dict[str, Callable[[Model, int, np.random.Generator], None]] = {
    "folded convolutions": folded_convolutions,
    "equal shapes": equal_shapes,
    "experts": experts,
    "quantized": quantized,
    "small tensors": small_tensors,
}


def seconds(kind: str, n: int) -> float:
    """How long one audit takes; it must pass."""
    model = Model()
    KINDS[kind](model, n, np.random.default_rng(n))
    with tempfile.TemporaryDirectory() as folder:
        artifact, checkpoint = model.save(Path(folder))
        started = time.perf_counter()
        done = onnx_params.audit(artifact, reference=checkpoint)
        took = time.perf_counter() - started
    if not done.passed:
        raise SystemExit(f"{kind}, {n}: {done.failing[0].rule}: {done.failing[0].message}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=400)
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    sizes = [options.largest // 4, options.largest // 2, options.largest]
    seconds("small tensors", 8)  # what is imported is imported
    print(f"{'kind':22}" + "".join(f"{n:>10}" for n in sizes) + f"{'exponent':>10}")
    for kind in options.kinds.split(","):
        took = [seconds(kind, n) for n in sizes]
        exponent = math.log2(took[2] / took[1])
        print(f"{kind:22}" + "".join(f"{each:9.2f}s" for each in took) + f"{exponent:10.2f}")


if __name__ == "__main__":
    main()
