"""Time ``compare`` of two models of 20,000 tensors and nodes without values, beside reading each
once. Run with ``make bench``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from read import median, write_model


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.onnx", "b.onnx")]
        for path in paths:
            write_model(path, 20_000, 600)
        start = [sys.executable, "-m", "onnx_params"]
        one, _, _ = median([*start, "analyze", "--format", "json", str(paths[0])])
        seconds, mebibytes, status = median([*start, "compare", "--no-values", *map(str, paths)])
        print(
            f"compare 2 x 20,000 tensors without values: {seconds:.2f} s, {mebibytes:.0f} MiB,"
            f" status {status}; one analyze {one:.2f} s"
        )
        print(f"ratio {seconds / one:.2f}")


if __name__ == "__main__":
    main()
