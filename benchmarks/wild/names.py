"""Name every clean artifact of the second zoo without a reference, and hold that against the truth.

``python benchmarks/wild/names.py [--kinds a,b] [--cases a,b] [--half seen|opened|"held out"]
[--show N]`` prints, for each kind, half and exporter, plain and processed apart:

- ``rows``: the parameters whose numbers are left, by a comparison with the checkpoint; ``back``:
  those of them that came back by name and shape;
- ``totals``: artifacts whose number of parameters is right: that of the original, of those of its
  parameters of which something is left, or of what is left: every parameter that is stored, and of
  those that were folded what is stored of them;
- ``wrong``: rows that are certain, and no parameter has that name and that shape; ``twice``:
  artifacts in which two rows have one name.

``--names-from`` looks at processed artifacts alone, and gives each the export that it was made of;
``rows`` are then those that this export itself has by name and shape.
``--show N`` prints up to N rows missed of each artifact of the halves that may be looked at, and
the difference of its total.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import multiprocessing
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import onnx_params
from onnx_params.containers.formats import open_checkpoint
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View
from onnx_params.errors import OnnxParamsError
from onnx_params.inventory.record import Inventory
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.report.report import Report
from onnx_params.tensors.steps import Key

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from wild.build import FOLDER  # noqa: E402
from wild.measure import Artifact, undamaged  # noqa: E402


class Score(NamedTuple):
    """One artifact held against the truth."""

    artifact: Artifact
    rows: int = 0
    missed: tuple[str, ...] = ()
    total: int = 0
    original: int = 0
    used: int = 0
    left: int = 0
    left_whole: int = 0
    untold: int = 0  # of rows that say that their shape is not in the file
    wrong: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the total is that of the original, of its used parameters, or of what is left: with
        the lines that were looked up in a table, or without. What the report says that the file
        does not tell is added.
        """
        is_told = self.total + self.untold in (self.original, self.used)
        return is_told or self.total in (self.original, self.used, self.left, self.left_whole)


class Truth(NamedTuple):
    """The framework's list: name -> shape, and every other name of a tied parameter."""

    shapes: dict[str, tuple[int, ...]]
    names: dict[str, str]
    buffers: frozenset[tuple[str, tuple[int, ...]]]


def _plain(artifact: Artifact) -> Path | None:
    """The export that a processed artifact was made of, where it is kept."""
    exporter = re.split(r"[-+]", artifact.model.parent.name)[0]
    plain = artifact.model.parent.parent / exporter / artifact.model.name
    return plain if plain.exists() and plain != artifact.model else None


def truth_of(folder: Path) -> Truth:
    told = json.loads((folder / "truth.json").read_text())
    shapes = {name: tuple(shape) for name, shape, _ in told}
    names = {other: name for name, _, others in told for other in others}
    names |= {name: name for name in shapes}
    references = sorted(folder.glob("ref*"))
    tensors = open_checkpoint(references[0]).tensors if references else ()
    before = prefixes_between([each.name for each in tensors], list(shapes))[0]
    names |= {moved(other, before): name for other, name in names.items()}
    buffers = {(each.name, each.shape) for each in tensors if each.name not in names}
    return Truth(shapes, names, frozenset(buffers))


def score(artifact: Artifact, plain: Path | None = None) -> Score:
    """How an artifact's own names fit, or those of a plain export; what is left of its parameters a
    reference shows.
    """
    folder = artifact.model.parent.parent
    module = folder / "module.safetensors"  # where the checkpoint has other names
    reference = module if module.exists() else artifact.reference
    try:
        truth = truth_of(folder)
        own = onnx_params.analyze(artifact.model, names_from=plain)
        known = onnx_params.analyze(artifact.model, reference=reference).inventory
    except OnnxParamsError as error:
        return Score(artifact, error=str(error))
    left = _left(known, truth)
    if plain is not None:
        left &= _compared(onnx_params.analyze(plain), truth)[0]
    back, wrong = _compared(own, truth)
    counted = _with_names_of(known, truth)
    counts = collections.Counter(row.name for row in own.rows)
    return Score(
        artifact,
        rows=len(left),
        missed=tuple(sorted(left - back)),
        total=own.parameters,
        original=sum(map(math.prod, truth.shapes.values())),
        used=_count_used(known, counted),
        left=_count_left(known, counted, with_lines=True),
        left_whole=_count_left(known, counted, with_lines=False),
        untold=_count_untold(own, truth),
        wrong=wrong,
        twice=tuple(name for name, count in counts.items() if count > 1),
    )


def _count_untold(own: Report, truth: Truth) -> int:
    """How many numbers the parameters have of which a report says that no shape is in the file."""
    names = {truth.names.get(row.name) for row in own.rows if row.shape is None}
    names -= {truth.names.get(row.name) for row in own.rows if row.shape is not None}
    return sum(math.prod(truth.shapes[name]) for name in names if name is not None)


def _with_names_of(known: Inventory, truth: Truth) -> Truth:
    """The truth; where the checkpoint calls nothing as the framework does, with its names too."""
    if any(claim.name in truth.names for claim in known.parameters):
        return truth
    assert known.matched is not None
    there = {tensor.name: tensor.shape for tensor in known.matched.checkpoint.tensors}
    own = {claim.name: there[claim.name] for claim in known.parameters if claim.name in there}
    return truth._replace(
        shapes=truth.shapes | own, names=truth.names | {name: name for name in own}
    )


def _left(known: Inventory, truth: Truth) -> set[str]:
    """The parameters of the truth whose numbers are in the artifact."""
    placed = (claim.name for claim in known.parameters if claim.placements)
    return {truth.names[name] for name in placed if name in truth.names}


def _count_used(known: Inventory, truth: Truth) -> int:
    """How many numbers those parameters have of which something is stored."""
    names = {
        truth.names[claim.name]
        for claim in known.parameters
        if claim.name in truth.names and claim.stored
    }
    return sum(math.prod(truth.shapes[name]) for name in names)


def _count_left(known: Inventory, truth: Truth, with_lines: bool) -> int:
    """How many numbers of parameters are left: each parameter that is placed once, and of what was
    folded each stored tensor once; ``with_lines`` also the lines of tables that were looked up.
    """
    total = 0
    counted: set[Key] = set()
    names: set[str] = set()
    claims = [claim for claim in known.parameters if claim.name in truth.names]
    for claim in claims:
        name = truth.names[claim.name]
        if claim.placements and name not in names:
            total += math.prod(truth.shapes[name])
            counted.update(claim.stored)
        names.update([name] if claim.placements else [])
    for claim in claims:
        loose = [key for key in claim.stored if key not in counted]
        if claim.placements or claim.view not in (View.FOLDED, View.SLICED):
            continue
        n_there = sum(_count_lines(known, claim.name, key) for key in loose) if with_lines else 0
        if n_there:  # some of its lines, perhaps again and again
            total += n_there
            counted.update(loose)
            continue
        if claim.view is View.SLICED:
            continue
        counted.update(loose)
        total += sum(
            math.prod(logical(known.model, known.model.stored[key]).shape) for key in loose
        )
    return total


def _count_lines(known: Inventory, name: str, key: Key) -> int:
    """How many elements the lines of a parameter have that a stored tensor has as its own; of codes,
    which do not tell, as many as are there, or as the parameter has.
    """
    assert known.matched is not None
    tensor = next(each for each in known.matched.checkpoint.tensors if each.name == name)
    stored = known.model.stored[key]
    if not tensor.dtype.is_float or not tensor.count:
        return 0
    if not stored.dtype.is_float:
        return min(stored.count, tensor.count)
    held = stored.read()
    own = tensor.read()
    if own.ndim == 1 and set(held.reshape(-1).tolist()) <= set(own.tolist()):
        return int(held.size)  # a part of a vector
    own = own.reshape(-1, own.shape[-1] if own.ndim > 1 else own.size)
    # as they are, and as a model in half precision had them
    rounded = [own.astype(held.dtype), own.astype(np.float16).astype(held.dtype)]
    return max(
        _n_lines((lines * lines.dtype.type(lines.shape[1] ** power)), held) * lines.shape[1]
        for whole in rounded
        for lines in (whole, whole.T)
        for power in (0, -0.5, 0.5)  # embeddings are scaled by the root of their width
    )


def _n_lines(lines: np.ndarray, held: np.ndarray) -> int:
    """How many of some lines an array has along one of its axes."""
    width = lines.shape[1]
    found: set[bytes] = set()
    for axis, dim in enumerate(held.shape):
        if dim == width > 1:
            turned = np.ascontiguousarray(np.moveaxis(held, axis, -1)).reshape(-1, width)
            found.update(line.tobytes() for line in turned)
    if held.size == width:
        found.add(held.tobytes())
    return len({np.ascontiguousarray(line).tobytes() for line in lines} & found)


def _compared(own: Report, truth: Truth) -> tuple[set[str], tuple[str, ...]]:
    """The parameters that came back, and what is certain and wrong; a prefix that all names have in
    common is none of them.
    """
    prefix = prefixes_between(list(truth.names), [row.name for row in own.rows])[0]
    back: set[str] = set()
    wrong: list[str] = []
    for row in own.rows:
        names = [
            truth.names.get(moved(name, prefix), truth.names.get(name))
            for name in (row.name, *row.aliases)
        ]
        back.update(name for name in names if name and truth.shapes[name] == row.shape)
        first = names[0]
        if (moved(row.name, prefix), row.shape) in truth.buffers:  # the name is right
            continue
        if row.certain and (first is None or row.shape not in (None, truth.shapes[first])):
            wrong.append(f"{row.name} {row.shape} by {row.evidence}")
    return back, tuple(wrong)


def _kind(artifact: Artifact) -> tuple[str, str, str]:
    """Kind, half, and exporter with a sign of whether something was done after it."""
    variant = artifact.model.parent.name
    exporter = variant if variant in ("dynamo", "torchscript") else re.split(r"[-+]", variant)[0]
    is_plain = variant in ("dynamo", "torchscript")
    if exporter not in ("dynamo", "torchscript"):
        exporter, is_plain = "builder", True
    return artifact.kind, artifact.half, exporter if is_plain else f"{exporter}+"


def _lines(scores: Iterable[Score]) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[Score]] = {}
    for each in scores:
        groups.setdefault(_kind(each.artifact), []).append(each)
    yield (
        f"{'kind':18} {'half':9} {'exporter':13} {'cases':>5} {'rows':>6} {'back':>7}"
        f" {'totals':>9} {'wrong':>5} {'twice':>5} {'errors':>6}"
    )
    for (kind, half, exporter), found in sorted(groups.items()):
        sound = [each for each in found if not each.error]
        rows = sum(each.rows for each in sound)
        missed = sum(len(each.missed) for each in sound)
        right = sum(each.is_right for each in sound)
        yield (
            f"{kind:18} {half:9} {exporter:13} {len(found):5} {rows:6}"
            f" {(rows - missed) / max(1, rows):7.2%} {f'{right}/{len(sound)}':>9}"
            f" {sum(len(each.wrong) for each in sound):5}"
            f" {sum(bool(each.twice) for each in sound):5} {len(found) - len(sound):6}"
        )


def _shown(each: Score, n: int) -> Iterator[str]:
    label = f"{each.artifact.kind}/{each.artifact.name}"
    if each.error:
        yield f"{label}: {each.error}"
    if not each.is_right:
        right = (each.original, each.used, each.left, each.left_whole)
        gaps = ", ".join(f"{each.total - number:+}" for number in right)
        yield f"{label}: total {each.total} for {', '.join(map(str, right))} ({gaps})"
    if each.missed:
        yield f"{label}: {len(each.missed)} missed: {', '.join(each.missed[:n])}"
    for name in each.twice:
        yield f"{label}: TWICE {name}"
    for row in each.wrong[:n]:
        yield f"{label}: CERTAIN AND WRONG {row}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--cases", default="")
    parser.add_argument("--half", default="")
    parser.add_argument("--names-from", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    wanted = [
        each
        for each in undamaged(options.kinds, options.cases)
        if options.half in ("", each.half)
        and (FOLDER / each.kind / each.name.partition("/")[0] / "truth.json").exists()
    ]
    plains = [_plain(each) if options.names_from else None for each in wanted]
    given = [pair for pair in zip(wanted, plains, strict=True) if pair[1] or not options.names_from]
    with multiprocessing.Pool(2) as pool:
        scores = pool.starmap(score, given, chunksize=4)
    for each in scores:
        if options.show and each.artifact.half != "held out":
            for line in _shown(each, options.show):
                print(line)
    print("\n".join(_lines(scores)))


if __name__ == "__main__":
    main()
