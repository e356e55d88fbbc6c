"""Measure naming over the zoo: which of a model's own parameters come back from its artifacts, by
name and shape, and what is claimed falsely.

``python benchmarks/zoo.py [--cases a,b] [--reference] [--missed N]`` prints, for each exporter and
post-processor, the halves apart: the one that was looked at while rules for names were written, and
the one that was not. Truth is ``named_parameters()``. ``listed`` is what listing initializers
gives; ``back`` what comes back with name and shape; with ``--there``, ``there`` counts the
parameters whose values are still in the artifact (a reference proves it), and ``of them`` those of
them that come back. Lines that say ``no norm`` leave models with batch norms out.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import onnx_params
from onnx_params.names.architecture import Expected
from onnx_params.report.report import Report

sys.path.insert(0, str(Path(__file__).parent))
from zoo_build import FOLDER, build_all  # noqa: E402
from zoo_cases import HELD_OUT, HELD_OUT_MODULES, SEEN, SEEN_MODULES  # noqa: E402

HALVES = {"seen": (*SEEN_MODULES, *SEEN), "held out": (*HELD_OUT_MODULES, *HELD_OUT)}


class Truth(NamedTuple):
    """What the framework says: name -> shape, in order, and every other name of a tied
    parameter.
    """

    shapes: dict[str, tuple[int, ...]]
    aliases: dict[str, str]
    buffers: frozenset[str]


class Score(NamedTuple):
    """One artifact held against the truth."""

    rows: int
    back: int
    listed: int
    whole: bool
    wrong: tuple[str, ...]
    missed: tuple[str, ...]
    evidence: collections.Counter[str]
    views: collections.Counter[str]
    there: frozenset[str]
    has_norm: bool


def truth_of(folder: Path) -> Truth:
    """The truth of one case."""
    told = json.loads((folder / "truth.json").read_text())
    shapes = {name: tuple(shape) for name, shape, _ in told["parameters"]}
    return Truth(
        shapes,
        {other: name for name, _, others in told["parameters"] for other in others},
        frozenset(name for name, _, _ in told["buffers"]),
    )


def score(report: Report, truth: Truth, there: frozenset[str] = frozenset()) -> Score:
    """A row is back when its name and its shape are; a certain one is wrong where no parameter has
    that name, or it has another shape.
    """
    back: dict[str, str] = {}
    wrong = []
    for row in report.rows:
        names = [truth.aliases.get(name, name) for name in (row.name, *row.aliases)]
        true = truth.shapes.get(names[0])
        for name in names:
            if truth.shapes.get(name) is not None and truth.shapes[name] == row.shape:
                back.setdefault(name, row.evidence)
        if row.certain and (true is None or row.shape not in (None, true)):
            wrong.append(f"{row.name} {row.shape} by {row.evidence}")
    stored = {(tensor.name, tensor.shape) for tensor in report.inventory.model.tensors}
    return Score(
        rows=len(truth.shapes),
        back=len(back),
        listed=sum((name, shape) in stored for name, shape in truth.shapes.items()),
        whole=[(name, shape) for name, shape in truth.shapes.items()]
        == [(truth.aliases.get(row.name, row.name), row.shape) for row in report.rows],
        wrong=tuple(wrong),
        missed=tuple(name for name in truth.shapes if name not in back),
        evidence=collections.Counter(back.values()),
        views=collections.Counter(row.view.split(",")[0] for row in report.rows),
        there=there,
        has_norm=any(name.endswith("running_var") for name in truth.buffers),
    )


def values_there(path: Path, truth: Truth) -> frozenset[str]:
    """The parameters whose values a reference finds in an artifact, exact or rounded."""
    report = onnx_params.analyze(path, reference=path.parent / "weights.safetensors")
    found = {
        truth.aliases.get(claim.name, claim.name)
        for claim in report.inventory.parameters
        if claim.placements
    }
    return frozenset(found & set(truth.shapes))


def scores(
    cases: Iterable[str], reference: bool, like: bool, there: bool, kind: str
) -> dict[str, dict[str, Score]]:
    """Kind of artifact -> case -> score."""
    found: dict[str, dict[str, Score]] = {}
    for case in cases:
        folder = FOLDER / case
        if not (folder / "truth.json").exists():
            continue
        truth = truth_of(folder)
        for path in sorted(folder.glob(f"{kind or '*'}.onnx")):
            options: dict[str, Any] = (
                {"reference": str(folder / "weights.safetensors")} if reference else {}
            )
            if like:
                options["like"] = [
                    Expected(name, shape, tuple(k for k, v in truth.aliases.items() if v == name))
                    for name, shape in truth.shapes.items()
                ]
            found.setdefault(path.stem, {})[case] = score(
                onnx_params.analyze(path, **options),
                truth,
                values_there(path, truth) if there else frozenset(),
            )
    return found


def table(found: dict[str, dict[str, Score]], reference: bool, there: bool) -> str:
    """A line a kind of artifact: sums over its cases, for exporters also without those that have
    batch norms.
    """
    held = f" {'there':>6} {'of them':>8}" if there else ""
    lines = [
        f"{'artifact':28} {'cases':>5} {'rows':>6} {'listed':>7} {'back':>7}{held} {'whole':>7}"
        f" {'wrong':>5}  {'views' if reference else 'evidence'}"
    ]
    for kind, cases in sorted(
        found.items(), key=lambda item: (item[0].partition("+")[0], "+" in item[0], item[0])
    ):
        lines.append(_line(kind, list(cases.values()), reference, there))
        bare = [each for each in cases.values() if not each.has_norm]
        if "+" not in kind and bare and len(bare) < len(cases):
            lines.append(_line(f"{kind} (no norm)", bare, reference, there))
    return "\n".join(lines)


def _line(kind: str, cases: list[Score], reference: bool, there: bool) -> str:
    total, back, listed = (
        sum(getattr(each, word) for each in cases) for word in ("rows", "back", "listed")
    )
    whole, wrong = sum(each.whole for each in cases), sum(len(each.wrong) for each in cases)
    counted = sum(
        (each.views if reference else each.evidence for each in cases), collections.Counter()
    )
    held = ""
    if there:
        left = sum(len(each.there) for each in cases)
        held = (
            f" {left:6}"
            f" {sum(len(each.there - set(each.missed)) for each in cases) / max(1, left):8.2%}"
        )
    by = " ".join(f"{name} {n}" for name, n in counted.most_common())
    return (
        f"{kind:28} {len(cases):5} {total:6} {listed / total:7.2%} {back / total:7.2%}{held}"
        f" {f'{whole}/{len(cases)}':>7} {wrong:5}  {by}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases", default="", help="only these, and what is missed in each artifact"
    )
    parser.add_argument("--kind", default="", help="only artifacts of this kind")
    parser.add_argument("--reference", action="store_true", help="with the checkpoint as reference")
    parser.add_argument(
        "--like", action="store_true", help="with the architecture's names and shapes, no values"
    )
    parser.add_argument(
        "--there",
        action="store_true",
        help="count also the parameters whose values are still in the artifact",
    )
    parser.add_argument(
        "--missed",
        type=int,
        default=0,
        help="show up to this many missed rows an artifact of the half that is looked at",
    )
    parser.add_argument(
        "--build", action="store_true", help="make artifacts that are not there first"
    )
    options = parser.parse_args()
    wanted = options.cases.split(",") if options.cases else None
    if options.build:
        build_all(wanted or [case for half in HALVES.values() for case in half])
    for half, cases in HALVES.items():
        found = scores(
            [case for case in cases if wanted is None or case in wanted],
            options.reference,
            options.like,
            options.there,
            options.kind,
        )
        if not found:
            continue
        print(f"\n{half}\n{table(found, options.reference, options.there)}")
        for kind, by_case in found.items() if options.missed and half == "seen" else ():
            for case, one in by_case.items():
                if one.missed:
                    print(
                        f"  {kind} {case}: {len(one.missed)} missed:"
                        f" {', '.join(one.missed[: options.missed])}"
                    )
        for kind, by_case in found.items():
            for case, one in by_case.items():
                for row in one.wrong:
                    print(f"  CERTAIN AND WRONG {kind} {case}: {row}")


if __name__ == "__main__":
    main()
