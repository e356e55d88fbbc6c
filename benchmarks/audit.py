"""Time an audit of a large artifact against its checkpoint beside ``sha256sum`` over both files,
and statistics by bytes a second.

``python benchmarks/audit.py [--gigabytes 2]`` makes a model of matrices and vectors with external
data and the same numbers as safetensors. Targets: audit within 1.5 times the time of sha256sum,
below 1 GiB of memory; statistics at 500 MB/s a core or better.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

FOLDER = Path(".cache/bench-audit")
COLUMNS = 4096


def make(folder: Path, gigabytes: float) -> tuple[Path, Path]:
    """A chain of MatMul and Add whose data is external, and its checkpoint; every second matrix is
    stored transposed.
    """
    from onnx import TensorProto, helper

    model_path, checkpoint = folder / "model.onnx", folder / "model.safetensors"
    if model_path.exists() and checkpoint.exists():
        return model_path, checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    n_layers = max(1, int(gigabytes * 1e9 / (4 * COLUMNS * COLUMNS)))
    rng = np.random.default_rng(0)
    nodes, initializers, header, at, offset = [], [], {}, 0, 0
    last = "x"
    with open(folder / "model.onnx.data", "wb") as data, open(folder / "body", "wb") as body:
        for layer in range(n_layers):
            for leaf, shape in (("weight", (COLUMNS, COLUMNS)), ("bias", (COLUMNS,))):
                name = f"layers.{layer}.{leaf}"
                values = rng.standard_normal(shape, np.float32) * np.float32(0.02)
                stored = (
                    np.ascontiguousarray(values.T) if leaf == "weight" and layer % 2 else values
                )
                tensor = TensorProto(
                    name=name,
                    data_type=TensorProto.FLOAT,
                    dims=shape,
                    data_location=TensorProto.EXTERNAL,
                )
                for key, value in (
                    ("location", "model.onnx.data"),
                    ("offset", str(offset)),
                    ("length", str(values.nbytes)),
                ):
                    tensor.external_data.add(key=key, value=value)
                initializers.append(tensor)
                stored.tofile(data)
                values.tofile(body)
                offset += values.nbytes
                header[name] = {
                    "dtype": "F32",
                    "shape": list(shape),
                    "data_offsets": [at, at + values.nbytes],
                }
                at += values.nbytes
            nodes.append(
                helper.make_node(
                    "Gemm",
                    [last, f"layers.{layer}.weight", f"layers.{layer}.bias"],
                    [f"y{layer}"],
                    transB=int(not layer % 2),
                )
            )
            last = f"y{layer}"
    info = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, COLUMNS)) for name in ("x", last)
    ]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], initializers)
    model_path.write_bytes(helper.make_model(graph).SerializeToString())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(checkpoint, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        with open(folder / "body", "rb") as body:
            while placement := body.read(1 << 24):
                file.write(placement)
    (folder / "body").unlink()
    return model_path, checkpoint


def timed(command: list[str]) -> tuple[float, int]:
    """Seconds, and the most memory that a child took so far in KiB."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    options = parser.parse_args()
    model, checkpoint = make(FOLDER, options.gigabytes)
    data = model.with_name("model.onnx.data")
    size = data.stat().st_size + checkpoint.stat().st_size
    for path in (data, checkpoint):  # both from the cache: the disk is not what is measured
        timed(["cat", str(path)])
    hashed, _ = timed(["sha256sum", str(data), str(checkpoint)])
    stated, _ = timed([sys.executable, "-c", STATISTICS, str(model)])
    audited, memory = timed(
        [sys.executable, "-m", "onnx_params", "audit", str(model), "--reference", str(checkpoint)]
    )
    print(f"{size / 1e9:.2f} GB in both files")
    print(f"sha256sum over both       {hashed:6.2f} s  {size / hashed / 1e6:6.0f} MB/s")
    print(
        f"audit against checkpoint  {audited:6.2f} s  ratio {audited / hashed:.2f} (target 1.5),"
        f" {memory / 1024:.0f} MiB (target 1024)"
    )
    print(
        f"statistics, all cores     {stated:6.2f} s  {data.stat().st_size / stated / 1e6:6.0f} MB/s"
        " with start-up"
    )
    subprocess.run([sys.executable, "-c", ONE_CORE], check=True)


STATISTICS = (
    "import sys, onnx_params; from onnx_params.auditing.numbers import statistics;"
    " statistics(onnx_params.analyze(sys.argv[1]).inventory)"
)
ONE_CORE = """
import time, numpy as np
from onnx_params.stats import describe_values
x = (np.random.default_rng(0).standard_normal(1 << 26) * 0.02).astype(np.float32)
start = time.perf_counter()
describe_values(x[at:at + (1 << 18)] for at in range(0, len(x), 1 << 18))
print(f"statistics, one core, one tensor: {x.nbytes / (time.perf_counter() - start) / 1e6:.0f} MB/s (target 500)")
"""

if __name__ == "__main__":
    main()
