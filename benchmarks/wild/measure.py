"""Audit every clean artifact of the second zoo against its checkpoint: none may be refused.

``python benchmarks/wild/measure.py [--kinds a,b] [--cases a,b] [--half seen|opened|"held out"] [--show N]
[--faults]`` prints, for each kind and half, how many artifacts were refused, failed with an error
of ours, or raised something else, and the seconds. What a tool damaged, or packed as nobody but
its operator knows, is refused rightly and counted apart. ``--show N`` prints the first N findings
of each that was refused, but for what is held out. ``--faults`` plants each fault of
``benchmarks/faults.py`` once in every artifact that passes, and prints how many of those that can
show were found and named.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import re
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from wild.build import FOLDER  # noqa: E402

# kind/case/variant -> why it does not compute what its checkpoint does, or cannot be compared
DAMAGED: Final = {
    r"layouts/refused_\w+/.*": "a download that was cut, or a pointer",
    r"other_layouts/onnx_outside\w*/extended": "its values are in a file of another folder",
    r"other_layouts/zero_three/.*": "what each process had, which is to be joined",
    r"other_layouts/adapter_beside/.*": "the base alone, where the artifact has its adapter in it",
    r"\w*quantizers/brevitas-lstm-\d/dynamo-.*": "the exporter wrote a graph without weights",
    r"\w+/.*/int4-prepacked.*": "a layout for one kind of processor that is not documented",
    r"fresh_llm/nemotron_wide/.*": "the builder drops biases of this family",
    r"quantizers/.*/dynamo-gptq-ordered": "scales of other columns than the codes",
    r"\w*quantizers/.*-float8(-channels)?": "norms of about one saturated at half of it",
    r"quantizers/cnn-qdq/dynamo-a16w16-contrib": "biases saturated at 32 bits",
    r"quantizers/brevitas-shifted-channels/.*": "biases saturated",
    r"fresh_quantizers/brevitas-block-hqo/.*": "zero points moved by a step",
    r"wider_\w+/(fitted-)?(\w*forest|boosting|xgboost\w*|lightgbm|catboost\w*)/.*": "trees alone",
    r"wider_quantizers/rounded-gptq-genai/int4-qdq": "codes without a sign, of a type that has one",
    r"wider_quantizers/(qwen3|helium)-flow/hqq": "codes of the matrix in the order of its transposed one",
    r"drawn_models/timm-vision_transformer_hybrid/.*uint8-static": "a scale that is infinite",
    r"quantizers/brevitas-norm-8/torchscript-qcdq": "codes times a norm that runs in the graph",
}


class Artifact(NamedTuple):
    """One clean artifact, its checkpoint and its half."""

    kind: str
    name: str
    model: Path
    reference: Path
    half: str


class Result(NamedTuple):
    """What an audit said: ``passed``, ``refused``, ``error`` or ``crash``, with what was found."""

    artifact: Artifact
    outcome: str
    found: list[str]
    seconds: float
    n_visible: int = 0
    n_found: int = 0
    n_passed: int = 0  # formulas and factors that passed
    missed: tuple[str, ...] = ()


def artifacts(kinds: list[str], cases: list[str]) -> Iterator[Artifact]:
    """Every artifact that was built."""
    for half in sorted(FOLDER.glob("*/*/half")):
        folder = half.parent
        kind = folder.parent.name
        if (kinds and kind not in kinds) or (cases and folder.name not in cases):
            continue
        for model in sorted(folder.glob("*/model.onnx")):
            own = sorted(model.parent.glob("ref*"))
            reference = own or sorted(folder.glob("ref*"))
            if reference:
                name = f"{folder.name}/{model.parent.name}"
                yield Artifact(kind, name, model, reference[0], half.read_text().strip())


def listed(words: str) -> list[str]:
    """The words of an option that takes several, with commas between them."""
    return [word for word in words.split(",") if word]


def undamaged(kinds: str, cases: str) -> list[Artifact]:
    """The artifacts that no tool damaged, of the kinds and cases that options name."""
    every = artifacts(listed(kinds), listed(cases))
    return [each for each in every if not _is_damaged(each)]


def audit(artifact: Artifact) -> Result:
    """Audit one artifact."""
    import onnx_params

    started = time.perf_counter()
    try:
        made = onnx_params.audit(artifact.model, reference=artifact.reference)
        found = [f"{each.rule} {each.name}: {each.message}" for each in made.failing]
        outcome = "passed" if made.passed else "refused"
    except onnx_params.OnnxParamsError as error:
        outcome, found = "error", [str(error)]
    except Exception:  # a crash is what is looked for
        outcome, found = "crash", traceback.format_exc().splitlines()[-3:]
    if outcome in ("refused", "error") and _is_damaged(artifact):
        outcome = "refused rightly"
    return Result(artifact, outcome, found, time.perf_counter() - started)


def _is_damaged(artifact: Artifact) -> bool:
    name = f"{artifact.kind}/{artifact.name}"
    return any(re.fullmatch(pattern, name) for pattern in DAMAGED)


def audit_with_faults(artifact: Artifact) -> Result:
    """Audit one artifact, then with each fault planted once, where its checkpoint is float32."""
    result = audit(artifact)
    if result.outcome != "passed" or artifact.reference.suffix != ".safetensors":
        return result
    from faults import outcomes

    try:
        every = list(outcomes(artifact.model, artifact.reference, 0))
    except Exception as error:  # an artifact that cannot be rewritten has no faults
        return result._replace(missed=(f"not planted: {type(error).__name__}: {error}",))
    visible = [each for each in every if each.visible]
    missed = [each for each in visible if not each.found]
    computed = [each for each in missed if "formula" in each.fault or "factor" in each.fault]
    return result._replace(
        n_visible=len(visible),
        n_found=len(visible) - len(missed),
        n_passed=len([each for each in computed if each.said.endswith("nothing")]),
        missed=tuple(f"{each.fault}: {each.said}" for each in missed),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--cases", default="")
    parser.add_argument("--half", default="")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="take each of so many artifacts")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    every = list(artifacts(listed(options.kinds), listed(options.cases)))
    wanted = [each for each in every if not options.half or each.half == options.half]
    wanted = wanted[:: options.every]
    counts: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    faults: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    seconds: dict[tuple[str, str], float] = collections.defaultdict(float)
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=50) as pool:
        for result in pool.imap(audit_with_faults if options.faults else audit, wanted):
            artifact = result.artifact
            planted = faults[artifact.kind, artifact.half]
            planted["visible"] += result.n_visible
            planted["found"] += result.n_found
            planted["passed"] += result.n_passed
            if options.show and artifact.half != "held out":
                for line in result.missed:
                    print(f"{artifact.kind}/{artifact.name}: missed: {line[:200]}")
            counts[artifact.kind, artifact.half][result.outcome] += 1
            seconds[artifact.kind, artifact.half] += result.seconds
            is_shown = options.show and artifact.half != "held out"
            if result.outcome not in ("passed", "refused rightly") and is_shown:
                print(f"{artifact.kind}/{artifact.name}: {result.outcome}")
                for line in result.found[: options.show]:
                    print(f"    {line[:240]}")
    for (kind, half), found in sorted(counts.items()):
        shown = ", ".join(f"{n} {word}" for word, n in found.most_common())
        print(f"{kind}, {half}: {found.total()} artifacts: {shown}; {seconds[kind, half]:.0f} s")
        planted = faults[kind, half]
        if planted["visible"]:
            print(
                f"    {planted['found']} of {planted['visible']} visible faults found and named;"
                f" {planted['passed']} formulas and factors passed"
            )


if __name__ == "__main__":
    main()
