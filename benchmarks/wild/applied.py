"""Write other weights into artifacts of the second zoo, and have the result proved.

``python benchmarks/wild/applied.py [--kinds a,b] [--cases a,b] [--every N] [--show N]`` draws a
second checkpoint for every Nth artifact (each number of the first times a factor near to one, so
that norms stay what they are), applies it with the first as reference, and prints for each kind how
many were written and proved, and the reasons of the others.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file

import onnx_params
from onnx_params.errors import OnnxParamsError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from wild.measure import Artifact, undamaged  # noqa: E402

SPREAD = 0.2  # of the factors


class Result(NamedTuple):
    """What became of one artifact; ``reason`` is empty where it was written and proved."""

    artifact: Artifact
    reason: str
    ways: collections.Counter[str]
    seconds: float


def check(artifact: Artifact) -> Result:
    """Apply a second checkpoint to one artifact."""
    started = time.perf_counter()
    ways: collections.Counter[str] = collections.Counter()
    reason = ""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "new.safetensors"
        save_file(_redrawn(artifact.reference), weights)
        try:
            done = onnx_params.apply(
                artifact.model,
                weights,
                Path(folder) / "out.onnx",
                reference=artifact.reference,
                accept_inferred=True,
            )
            ways.update(row.way.value for row in done.rows)
        except OnnxParamsError as error:
            reason = str(error).partition(": ")[2]
        except Exception as error:  # a crash is what is looked for
            reason = f"CRASH {type(error).__name__}: {error}"
    return Result(artifact, reason, ways, time.perf_counter() - started)


def _redrawn(reference: Path) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(11)
    return {
        name: (values * _factors(values, draw)).to(values.dtype).contiguous()
        if values.is_floating_point()
        else values
        for name, values in load_file(reference).items()
    }


def _factors(values: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    return 1 - SPREAD + 2 * SPREAD * torch.rand(values.shape, generator=draw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--cases", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    wanted = [
        each
        for each in undamaged(options.kinds, options.cases)
        if each.reference.suffix == ".safetensors"
    ][:: options.every]
    with multiprocessing.Pool(2) as pool:
        results = pool.map(check, wanted, chunksize=2)
    groups: dict[str, list[Result]] = collections.defaultdict(list)
    for each in results:
        groups[each.artifact.kind].append(each)
        if each.reason and options.show:
            print(f"{each.artifact.kind}/{each.artifact.name}: {each.reason[:240]}")
    for kind, found in sorted(groups.items()):
        written = [each for each in found if not each.reason]
        ways = sum((each.ways for each in written), collections.Counter())
        by = ", ".join(f"{count} {way}" for way, count in ways.most_common())
        seconds = sum(each.seconds for each in found)
        print(f"{kind}: {len(written)} of {len(found)} written and proved, {seconds:.0f} s: {by}")


if __name__ == "__main__":
    main()
