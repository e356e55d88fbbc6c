"""Measure ``apply`` and ``link`` over the zoo: artifacts get the weights of another checkpoint, and
what they compute is held against a fresh export of it through the same tools.

``python benchmarks/apply.py [--build] [--cases a,b] [--kinds c,d] [--refused N]`` prints a line for
each kind of artifact: how many were written (the checkpoint that it was made of is the reference)
and how many without it; how many are bit-equal to the fresh one; the largest error against it, as a
share of the largest output; for quantized ones how far both are from the fresh float artifact; in
how many the graph is what it was; the tensors by way. ``--link`` does the same for ``link``, and
tells sizes. ``--large GB`` measures time against ``cp``, and memory.
"""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import onnx_params
from onnx_params.errors import OnnxParamsError
from onnx_params.inventory.opening import open_artifact
from onnx_params.locking.structure import digest_of, lines_of

sys.path.insert(0, str(Path(__file__).parent))
from apply_build import FOLDER, build_all  # noqa: E402
from zoo_cases import HELD_OUT, HELD_OUT_MODULES, SEEN, SEEN_MODULES  # noqa: E402

CASES = (*SEEN_MODULES, *SEEN, *HELD_OUT_MODULES, *HELD_OUT)
Arrays = list[np.ndarray]


class Score(NamedTuple):
    """One artifact: what became of its tensors, and how its outputs compare with a fresh one's."""

    kind: str
    case: str
    ways: collections.Counter[str]
    reason: str  # why nothing was written; empty where it was
    is_alone: bool  # it was written without the old checkpoint, too
    is_equal: bool = False
    error: float = 0.0
    own_error: float | None = None  # of the result against the fresh float artifact
    fresh_error: float | None = None  # of the fresh quantized artifact against that
    is_same_graph: bool = False
    bytes_before: int = 0
    bytes_after: int = 0


def outputs(path: Path, inputs: dict[str, np.ndarray]) -> Arrays:
    """What onnxruntime makes of the inputs."""
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    made: Arrays = session.run(None, {name: inputs[name] for name in inputs if name in wanted})
    return made


def apart(one: Arrays, two: Arrays) -> float:
    """The largest difference, as a share of the largest number."""
    found = [0.0]
    for a, b in zip(one, two, strict=True):
        if a.dtype.kind == "f" and a.shape == b.shape and a.size:
            size = float(np.abs(b.astype(np.float64)).max()) or 1.0
            found.append(float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) / size)
    return max(found)


def score(case: str, kind: str, is_link: bool) -> Score:
    """Write the new weights into one artifact, and run it."""
    folder = FOLDER / case
    source, fresh = folder / "old" / f"{kind}.onnx", folder / "new" / f"{kind}.onnx"
    reference, weights = (folder / each / "weights.safetensors" for each in ("old", "new"))
    with tempfile.TemporaryDirectory(dir=FOLDER) as place:
        target = Path(place) / "out.onnx"
        beside = Path(shutil.copy(weights, place))
        try:
            dry = onnx_params.apply(source, weights, reference=reference)
            ways = collections.Counter(row.way.value for row in dry.rows)
            if is_link:
                done = onnx_params.link(source, beside, target, reference=reference)
                ways = collections.Counter(row.way.value for row in done.rows)
            else:
                onnx_params.apply(source, weights, target, reference=reference)
        except OnnxParamsError as error:
            return Score(kind, case, collections.Counter(), str(error), False)
        with np.load(folder / "old" / "inputs.npz") as held:
            inputs = {name: held[name] for name in held.files}
        try:
            got = outputs(target, inputs)
        except Exception as error:  # onnxruntime has kinds of its own
            reason = f"NOT RUN: {error}"
            if _fails(source, inputs):
                reason = "onnxruntime does not run the old artifact"
            return Score(kind, case, ways, reason, False)
        made = Score(
            kind=kind,
            case=case,
            ways=ways,
            reason="",
            is_alone=_is_alone(source, weights),
            is_same_graph=_graph(source) == _graph(target),
            bytes_before=source.stat().st_size,
            bytes_after=target.stat().st_size,
        )
        return _compared(
            made, got, fresh, folder / "new" / f"{kind.partition('+')[0]}.onnx", inputs
        )


def _fails(path: Path, inputs: dict[str, np.ndarray]) -> bool:
    try:
        outputs(path, inputs)
    except Exception:  # the same
        return True
    return False


def _compared(
    made: Score, got: Arrays, fresh: Path, plain: Path, inputs: dict[str, np.ndarray]
) -> Score:
    if not fresh.exists():
        return made._replace(reason="there is no fresh one")
    wanted, exact = outputs(fresh, inputs), outputs(plain, inputs)
    is_equal = all(a.tobytes() == b.tobytes() for a, b in zip(got, wanted, strict=True))
    return made._replace(
        is_equal=is_equal,
        error=apart(got, wanted),
        own_error=apart(got, exact),
        fresh_error=apart(wanted, exact),
    )


def _is_alone(source: Path, weights: Path) -> bool:
    """Whether every tensor can be written without the old checkpoint."""
    try:
        return not onnx_params.apply(source, weights).refused
    except OnnxParamsError:
        return False


def _graph(path: Path) -> str:
    return digest_of(lines_of(open_artifact(str(path)).model, named=True))


def jobs(cases: list[str], kinds: list[str] | None, is_link: bool) -> Iterator[tuple[Any, ...]]:
    """The artifacts that are there."""
    for case in cases:
        for path in sorted((FOLDER / case / "old").glob("*.onnx")):
            if kinds is None or path.stem in kinds:
                yield case, path.stem, is_link


def table(scores: list[Score], is_link: bool) -> str:
    """A line a kind of artifact."""
    by_kind: dict[str, list[Score]] = {}
    for each in scores:
        by_kind.setdefault(each.kind, []).append(each)
    lines = [
        f"{'artifact':27} {'cases':>5} {'written':>7} {'alone':>5} {'equal':>5} {'error':>8}"
        f" {'own':>8} {'fresh':>8} {'graph':>5}  tensors by way"
    ]
    for kind, listed in sorted(by_kind.items()):
        lines.append(_line(kind, listed, is_link))
    return "\n".join(lines)


def _line(kind: str, listed: list[Score], is_link: bool) -> str:
    written = [each for each in listed if not each.reason]
    ways = sum((each.ways for each in written), collections.Counter[str]())
    own = statistics.median([each.own_error or 0.0 for each in written] or [0.0])
    fresh = statistics.median([each.fresh_error or 0.0 for each in written] or [0.0])
    words = " ".join(f"{way} {n}" for way, n in ways.most_common())
    if is_link:
        before, after = (
            sum(getattr(each, word) for each in written) for word in ("bytes_before", "bytes_after")
        )
        words += f"; {before:,} bytes -> {after:,}"
    return (
        f"{kind:27} {len(listed):5} {len(written):7} {sum(e.is_alone for e in written):5}"
        f" {sum(e.is_equal for e in written):5}"
        f" {max((e.error for e in written), default=0.0):8.1e} {own:8.1e} {fresh:8.1e}"
        f" {sum(e.is_same_graph for e in written):5}  {words}"
    )


# a large artifact


def large(gigabytes: float) -> str:
    """Time and memory of a large artifact with external data, half of its weights transposed."""
    from apply_large import build

    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as place:
        folder = Path(place)
        build(folder, gigabytes)
        lines = []
        for word in (
            ["cp", "model.data", "copy.data"],
            [*_tool(), "--no-proof"],
            ["cp", "model.data", "copy.data"],
            [*_tool(), "--no-proof"],
            _tool(),
        ):
            for made in ("copy.data", "out"):
                target = folder / made
                shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(
                    missing_ok=True
                )
            (folder / "out").mkdir()
            seconds, peak = _timed(word, folder)
            shown = "cp" if word[0] == "cp" else f"apply {' '.join(word[-1:])}".split(" -o")[0]
            lines.append(f"{shown:24} {seconds:6.1f} s {peak:6.0f} MiB")
        return "\n".join(lines)


def _tool() -> list[str]:
    words = ["apply", "model.onnx", "new.safetensors", "-o", "out/model.onnx"]
    return [sys.executable, "-m", "onnx_params", *words]


def _timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall time and peak memory of a process."""
    started = time.monotonic()
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help="only these")
    parser.add_argument("--kinds", default="", help="only artifacts of these kinds")
    parser.add_argument("--build", action="store_true", help="make artifacts that are not there")
    parser.add_argument("--link", action="store_true", help="measure link instead")
    parser.add_argument(
        "--refused", type=int, default=0, help="show up to this many reasons a kind"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--large", type=float, default=0.0, help="gigabytes of a large artifact")
    options = parser.parse_args()
    if options.large:
        print(large(options.large))
        return
    cases = options.cases.split(",") if options.cases else list(CASES)
    if options.build:
        build_all(cases)
    kinds = options.kinds.split(",") if options.kinds else None
    listed = list(jobs(cases, kinds, options.link))
    with ProcessPoolExecutor(options.jobs) as pool:
        scores = list(pool.map(score, *zip(*listed, strict=True), chunksize=8))
    print(table(scores, options.link))
    shown: collections.Counter[str] = collections.Counter()
    for each in scores:
        if each.reason and shown[each.kind] < options.refused:
            shown[each.kind] += 1
            print(f"  {each.kind} {each.case}: {each.reason[:400]}")


if __name__ == "__main__":
    main()
