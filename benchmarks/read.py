"""Time the analyzer beside its peers, as whole processes, in one run; print medians, peak memory
and ratios.

Run with ``make bench``. Models are made here: 200 embedded tensors (1.7 GB), 20,000 nodes with
20,000 tensors, and 1k, 10k, 100k nodes for the growth of the analyzer's own time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

RUNS = 3
PEERS = {
    "onnx-params": [sys.executable, "-m", "onnx_params", "analyze"],
    "onnx.load + list": [
        sys.executable,
        "-c",
        (
            "import onnx, sys; m = onnx.load(sys.argv[1]); [(i.name, list(i.dims)) for i in"
            " m.graph.initializer]; [(n.name, list(n.input), list(n.output)) for n in m.graph.node]"
        ),
    ],
    "onnx_ir.load": [
        sys.executable,
        "-c",
        (
            "import onnx_ir, sys; m = onnx_ir.load(sys.argv[1]); [(n, v.shape) for n, v in"
            " m.graph.initializers.items()]"
        ),
    ],
    "onnx-tool": [
        sys.executable,
        "-c",
        "import onnx_tool, sys; m = onnx_tool.Model(sys.argv[1]); len(m.graph.initials)",
    ],
    "polygraphy": [
        str(Path(sys.executable).with_name("polygraphy")),
        "inspect",
        "model",
        "--show",
        "weights",
    ],
}
HELLO = (
    "import typer\napp = typer.Typer(add_completion=False)\n@app.command()\ndef main():"
    " print('hello')\napp()"
)
IN_PROCESS = """
import sys, time
import onnx, onnx_params
from onnx_params.api import analyze
def best(call):
    times = []
    for _ in range(3):
        start = time.perf_counter(); call(sys.argv[1]); times.append(time.perf_counter() - start)
    return min(times)
ours, theirs = best(analyze), best(onnx.load)
print(f"  in-process: analyze {ours:.4f} s, onnx.load {theirs:.4f} s, {theirs / ours:.1f} times faster")
"""


def varint(value: int) -> bytes:
    """One protobuf varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    """One length-delimited field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def write_model(path: Path, count: int, elements: int, *, hollow: bool = False) -> None:
    """A chain of ``count`` Add nodes, each with an embedded float32 tensor of ``elements``; written
    by hand, any length.

    ``hollow`` leaves holes in the file where payloads stand.
    """
    payload = os.urandom(min(4 * elements, 1 << 20))
    heads = [
        b"\x08"
        + varint(elements)
        + b"\x10\x01"
        + field(8, f"layers.{i}.weight".encode())
        + b"\x4a"
        + varint(4 * elements)
        for i in range(count)
    ]
    nodes = b"".join(
        field(
            1,
            field(1, f"v{i}".encode())
            + field(1, f"layers.{i}.weight".encode())
            + field(2, f"v{i + 1}".encode())
            + field(4, b"Add"),
        )
        for i in range(count)
    )
    sizes = [len(head) + 4 * elements for head in heads]
    ends = (
        field(2, b"chain") + field(11, field(1, b"v0")) + field(12, field(1, f"v{count}".encode()))
    )
    length = len(nodes) + len(ends) + sum(1 + len(varint(size)) + size for size in sizes)
    with path.open("wb") as file:
        file.write(b"\x08\x08\x3a" + varint(length) + nodes)
        for head, size in zip(heads, sizes, strict=True):
            file.write(b"\x2a" + varint(size) + head)
            left = 4 * elements
            if hollow:
                file.seek(left, os.SEEK_CUR)
                left = 0
            while left:
                file.write(payload[:left])
                left -= min(left, len(payload))
        file.write(ends + b"\x42\x02\x10\x11")


def run(command: Iterable[str]) -> tuple[float, float, int]:
    """Seconds of wall time, peak memory in MiB, exit status of one process."""
    start = time.perf_counter()
    process = subprocess.Popen([*command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, process.returncode


def median(command: list[str]) -> tuple[float, float, int]:
    """The median of a few runs after one that warms the cache."""
    run(command)
    runs = [run(command) for _ in range(RUNS)]
    return statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs), runs[-1][2]


def compare(title: str, path: Path) -> None:
    """One line a peer, with ratios to the analyzer."""
    print(f"\n{title} ({path.stat().st_size / 1e6:.0f} MB)", flush=True)
    ours = (0.0, 0.0)
    for name, command in PEERS.items():
        seconds, mebibytes, status = median([*command, str(path)])
        ours = (seconds, mebibytes) if name == "onnx-params" else ours
        failed = f"  exit status {status}" if status else ""
        print(
            f"  {name:18}{seconds:8.3f} s{mebibytes:9.1f} MiB   x{seconds / ours[0]:6.1f} time "
            f" x{mebibytes / ours[1]:6.1f} memory{failed}",
            flush=True,
        )
    subprocess.run([sys.executable, "-c", IN_PROCESS, str(path)], check=True)


def remote(path: Path) -> None:
    """The same model behind a web server: bytes and requests against its size."""
    from ranges import Server

    import onnx_params

    server = Server(path.parent, ranges=True)
    start = time.perf_counter()
    report = onnx_params.analyze(server.url(path.name))
    seconds, size = time.perf_counter() - start, path.stat().st_size
    share = 100 * server.sent / size
    print(
        f"\nremote: {report.layers} tensors, {size / 1e6:.0f} MB: {server.sent / 1e6:.2f} MB"
        f" ({share:.2f} %) in {server.gets} requests, {seconds:.2f} s"
    )
    server.shutdown()


def main() -> None:
    """Run all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        write_model(path, 200, 2_100_000)
        compare("200 tensors, embedded", path)
        remote(path)
        write_model(path, 20_000, 600)
        compare("20,000 nodes and tensors", path)
        for gpt2 in sys.argv[1:]:
            compare(gpt2, Path(gpt2))
        print("\ngrowth")
        for count in (1_000, 10_000, 100_000):
            write_model(path, count, 16)
            seconds, mebibytes, _ = median([*PEERS["onnx-params"], str(path)])
            print(
                f"  {count:7,} nodes and tensors: {seconds:.3f} s, {1e6 * seconds / count:.1f} us"
                f" each, {mebibytes:.0f} MiB",
                flush=True,
            )
        hello = Path(folder, "hello.py")
        hello.write_text(HELLO)
        version, other = (
            median([*PEERS["onnx-params"][:3], "--version"]),
            median([sys.executable, str(hello)]),
        )
        print(
            f"\n--version {version[0]:.3f} s, a Typer hello {other[0]:.3f} s:"
            f" x{version[0] / other[0]:.2f}"
        )


if __name__ == "__main__":
    main()
