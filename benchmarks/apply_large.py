"""Write a large artifact with external data, half of its matrices transposed, and a checkpoint of
other weights; a source map in it says where each parameter lies.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper

SIDE: Final = 4096  # rows and columns of a matrix


def build(folder: Path, gigabytes: float) -> None:
    """``model.onnx``, ``model.data`` and ``new.safetensors`` in a folder."""
    base = np.random.default_rng(0).normal(0, 0.02, (SIDE, SIDE)).astype(np.float32)
    count = max(2, round(gigabytes * 1e9 / base.nbytes))
    rows: list[dict[str, Any]] = []
    header: dict[str, Any] = {}
    nodes, stored, last = [], [], "x"
    with open(folder / "model.data", "wb") as file:
        for at in range(count):
            name, is_turned = f"layers.{at}.weight", bool(at % 2)
            tensor = TensorProto(
                name=f"val_{at}" if is_turned else name, data_type=TensorProto.FLOAT
            )
            tensor.dims.extend((SIDE, SIDE))
            tensor.data_location = TensorProto.EXTERNAL
            place = {"location": "model.data", "offset": at * base.nbytes, "length": base.nbytes}
            for word, value in place.items():
                tensor.external_data.add(key=word, value=str(value))
            file.write(np.roll(base, 17 * at + 1, axis=0).tobytes())
            stored.append(tensor)
            nodes.append(helper.make_node("MatMul", [last, tensor.name], [f"y{at}"]))
            last = f"y{at}"
            steps = [{"step": "permute", "axes": [1, 0]}] if is_turned else []
            key = {"graph": "", "name": tensor.name}
            rows.append(
                {
                    "name": name,
                    "shape": [SIDE, SIDE],
                    "dtype": "float32",
                    "view": "transposed" if is_turned else "whole",
                    "stored": tensor.name,
                    "pieces": [{"stored": key, "steps": steps}],
                    "axis": 0,
                }
            )
            offsets = [at * base.nbytes, (at + 1) * base.nbytes]
            header[name] = {"dtype": "F32", "shape": [SIDE, SIDE], "data_offsets": offsets}
    info = [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in ("x", last)]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    document = {"schema": "onnx-params/source-map/1", "parameters": rows}
    helper.set_model_props(model, {"onnx-params.source-map": json.dumps(document)})
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "new.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for at in range(count):
            file.write(np.roll(base, 31 * at + 5, axis=1).tobytes())
