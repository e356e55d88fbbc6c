"""Hold what ``extract`` and ``restore`` write of the second zoo against the originals.

``python benchmarks/wild/written.py [--kinds a,b] [--cases a,b] [--show N]`` prints, for each kind and
half: how many tensors were written under an original's name with its values (``right``), with others
(``wrong``; a cast to half precision and back counts as its values), under a name that the original
does not have (``other``), and how many artifacts that ``restore`` wrote do not analyze to the names
and shapes that were restored (``lost``).
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import ml_dtypes
import numpy as np

import onnx_params
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import OnnxParamsError, UsageError
from onnx_params.inventory.opening import open_artifact
from onnx_params.matching.reference import contenders
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.stored import StoredTensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from wild.measure import Artifact, undamaged  # noqa: E402

HALVES = (np.float16, ml_dtypes.bfloat16)
ROUNDED = 2**-7  # of a number: what bfloat16 may lose


class Result(NamedTuple):
    """What was written of one artifact."""

    artifact: Artifact
    right: int = 0
    wrong: tuple[str, ...] = ()
    other: int = 0
    is_lost: bool = False
    error: str = ""


def check(artifact: Artifact) -> Result:
    """Extract and restore one artifact; look at both."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            right, wrong, other = _extracted(artifact, Path(folder) / "out.safetensors")
            is_lost = _is_lost(artifact, Path(folder) / "named.onnx")
        except OnnxParamsError as error:
            return Result(artifact, error=str(error))
    return Result(artifact, right, tuple(wrong), other, is_lost)


def _extracted(artifact: Artifact, target: Path) -> tuple[int, list[str], int]:
    try:
        onnx_params.extract(artifact.model, target)
    except UsageError:  # nothing in it can be extracted
        return 0, [], 0
    written = open_checkpoint(target).tensors
    model = open_artifact(artifact.model).model
    references = contenders(open_checkpoint(artifact.reference), model)
    sets = [each.checkpoint.tensors for each in references]
    return min((_held_against(written, each) for each in sets), key=lambda found: len(found[1]))


def _held_against(
    written: Sequence[StoredTensor], originals: Sequence[StoredTensor]
) -> tuple[int, list[str], int]:
    """How many tensors are the originals of a set of weights, those that are not, and how many have
    names that it does not have.
    """
    original = {tensor.name: tensor for tensor in originals}
    prefix = prefixes_between(list(original), [tensor.name for tensor in written])[0]
    right, wrong, other = 0, [], 0
    for tensor in written:
        true = original.get(moved(tensor.name, prefix))
        if true is None:
            other += 1
        elif _are_same(tensor.read(), true.read()):
            right += 1
        else:
            wrong.append(tensor.name)
    return right, wrong, other


def _are_same(made: np.ndarray, true: np.ndarray) -> bool:
    if made.shape != true.shape:
        return False
    if made.dtype == true.dtype:
        with np.errstate(over="ignore"):
            halves = (true.astype(half).astype(true.dtype) for half in HALVES)
            return any(np.array_equal(made, each, equal_nan=True) for each in (true, *halves))
    wide = true.astype(np.float64)
    return bool(np.allclose(made.astype(np.float64), wide, rtol=ROUNDED, atol=1e-7))


def _is_lost(artifact: Artifact, target: Path) -> bool:
    before = onnx_params.analyze(artifact.model)
    onnx_params.restore(artifact.model, target)
    after = onnx_params.analyze(target)
    named = [(row.name, row.shape) for row in before.rows if row.evidence != "none"]
    found = {(row.name, row.shape) for row in after.rows}
    return not found.issuperset(named)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--cases", default="")
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    wanted = undamaged(options.kinds, options.cases)
    with multiprocessing.Pool(2) as pool:
        results = pool.map(check, wanted, chunksize=4)
    groups: dict[tuple[str, str], list[Result]] = collections.defaultdict(list)
    for each in results:
        groups[each.artifact.kind, each.artifact.half].append(each)
        label = f"{each.artifact.kind}/{each.artifact.name}"
        if options.show and each.artifact.half != "held out":
            if each.wrong:
                print(f"{label}: {len(each.wrong)} wrong: {', '.join(each.wrong[: options.show])}")
            if each.is_lost:
                print(f"{label}: names are lost on the way")
    for (kind, half), found in sorted(groups.items()):
        print(
            f"{kind}, {half}: {len(found)} artifacts:"
            f" {sum(each.right for each in found)} right,"
            f" {sum(len(each.wrong) for each in found)} wrong"
            f" (in {sum(bool(each.wrong) for each in found)}),"
            f" {sum(each.other for each in found)} other,"
            f" {sum(each.is_lost for each in found)} lost,"
            f" {sum(bool(each.error) for each in found)} errors"
        )


if __name__ == "__main__":
    main()
