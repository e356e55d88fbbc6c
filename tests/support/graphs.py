"""Artifacts and checkpoints of a few tensors, built node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from onnx_params.auditing.audit import Audit, audit

Arrays = dict[str, np.ndarray]


class Chain:
    """A model under construction: each node takes what the last one made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[TensorProto] = []
        self.last = "x"

    def keep(self, name: str, values: np.ndarray, dtype: int | None = None) -> str:
        """A stored tensor of this name; ``dtype`` for types that NumPy does not have."""
        if dtype is None:
            self.stored.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        else:
            self.stored.append(helper.make_tensor(name, dtype, values.shape, values.reshape(-1)))
        return name

    def node(
        self, op_type: str, *inputs: str, domain: str = "", name: str = "", **attributes: Any
    ) -> str:
        """A node whose result is the last one."""
        self.last = f"y{len(self.nodes)}"
        made = helper.make_node(
            op_type, list(inputs), [self.last], domain=domain, name=name, **attributes
        )
        self.nodes.append(made)
        return self.last

    def linear(self, name: str, weight: np.ndarray, bias: str = "", bias_of: Any = None) -> None:
        """A Gemm by ``weight`` [out, in] under a name."""
        inputs = [self.last, self.keep(name, weight)]
        if bias:
            inputs.append(self.keep(bias, bias_of))
        self.node("Gemm", *inputs, transB=1)

    def save(self, path: Path, producer: str = "") -> Path:
        """Write the model."""
        info = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("x", self.last)
        ]
        graph = helper.make_graph(self.nodes, "g", info[:1], info[1:], self.stored)
        domains = ("com.microsoft", "com.microsoft.nchwc")
        opsets = [helper.make_opsetid("", 21), *(helper.make_opsetid(each, 1) for each in domains)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name=producer)
        model.ir_version = 10
        onnx.save(model, path)
        return path


def checkpoint(path: Path, **arrays: np.ndarray) -> Path:
    """Write a checkpoint; ``__`` stands for a dot."""
    plain = {name.replace("__", "."): np.ascontiguousarray(v) for name, v in arrays.items()}
    save_file(plain, path)
    return path


def in_blocks(weight: np.ndarray, block: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and scales of MatMulNBits for a weight [out, in], rounded to 4 bits."""
    rows, columns = weight.shape
    blocks = weight.reshape(rows, columns // block, block)
    scales = (np.abs(blocks).max(axis=2) / 7).astype(np.float32)
    codes = np.clip(np.round(blocks / scales[..., None]) + 8, 0, 15).astype(np.uint8)
    return codes[..., ::2] | (codes[..., 1::2] << 4), scales


def nbits(chain: Chain, name: str, weight: np.ndarray, **attributes: Any) -> None:
    """A MatMulNBits by a weight [out, in]."""
    data, scales = in_blocks(weight)
    inputs = [chain.last, chain.keep(f"{name}_Q4", data), chain.keep(f"{name}_scales", scales)]
    rows, columns = weight.shape
    options = {"K": columns, "N": rows, "bits": 4, "block_size": 16, **attributes}
    chain.node("MatMulNBits", *inputs, domain="com.microsoft", **options)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def audited(chain: Chain, tmp_path: Path, arrays: Arrays) -> Audit:
    """An audit of a model against a checkpoint; ``__`` stands for a dot."""
    reference = checkpoint(tmp_path / "c.safetensors", **arrays)
    return audit(chain.save(tmp_path / "m.onnx"), reference=reference)


def changed(made: Audit) -> set[str]:
    return {finding.name for finding in made.failing}


def dequantized(chain: Chain, name: str, values: np.ndarray) -> str:
    """Values in 8 bits with one scale, behind DequantizeLinear."""
    return chain.node("DequantizeLinear", *coded(chain, name, values))


def coded(chain: Chain, name: str, values: np.ndarray) -> tuple[str, str]:
    """Values as stored codes of 8 bits, and their scale."""
    scale = np.float32(np.abs(values).max() / 127)
    codes = chain.keep(f"{name}_quantized", np.round(values / scale).astype(np.int8))
    return codes, chain.keep(f"{name}_scale", scale.reshape(()))
