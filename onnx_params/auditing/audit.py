"""Audit an artifact: is it that checkpoint, and is it fit to ship?"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from onnx_params.auditing.coverage import Coverage, coverage, names_of
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.policy import Policy
from onnx_params.auditing.rules import RULES, Finding, Severity
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.idioms.source_map import SourceMap
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import take
from onnx_params.io.freshness import unchanged
from onnx_params.report import report
from onnx_params.tensors.steps import Key

_RULE_OF: Final = {
    Verdict.CHANGED: "changed",
    Verdict.SWAPPED: "swapped",
    Verdict.MISSING: "missing",
    Verdict.EXTRA: "extra",
    Verdict.NOT_COMPARABLE: "not-comparable",
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit:
    """What an audit says: a judgement for each tensor of the reference and each extra, findings by
    rule, and whether the policy lets it pass.
    """

    name: str
    path: str
    reference: str
    inventory: Inventory
    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    policy: Policy

    @cached_property
    def verdicts(self) -> Counter[str]:
        """How many tensors have each verdict."""
        return Counter(each.verdict.value for each in self.judgements)

    def __repr__(self) -> str:
        outcome = "passed" if self.passed else f"FAILED by {len(self.failing)} findings"
        return f"<Audit of {self.name}: {outcome}, {len(self.judgements)} tensors judged>"

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Findings at or above the policy's threshold."""
        least = self.policy.fail_on
        return tuple(
            each
            for each in self.findings
            if least is not Severity.OFF and each.severity.rank >= least.rank
        )

    @property
    def passed(self) -> bool:
        """Whether nothing is at or above the policy's threshold."""
        return not self.failing


def audit(
    source: str | os.PathLike[str],
    *,
    reference: str | os.PathLike[str] | None = None,
    policy: Policy | None = None,
    runtime: str = "",
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Audit:
    """Hold an artifact against a reference, if one is given, and against the rules.

    ``reference`` is a checkpoint, another artifact or a source map. ``runtime`` is a release, as
    ``onnxruntime==1.18``. All values are read, in chunks; ``progress`` is called with the bytes are
    done. Raises :class:`~onnx_params.errors.OnnxParamsError`, and :class:`FormatError` where a file
    changed while it was read.

    >>> onnx_params.audit("model.onnx", reference="model.safetensors").passed
    True
    """
    from onnx_params.auditing import numbers, structure  # NumPy
    from onnx_params.auditing.references import open_reference
    from onnx_params.operators.runtimes import limits

    policy = policy or Policy()
    if runtime:
        limits(runtime)  # an unknown one is said before an hour of reading
    started = time.time_ns()
    path = os.fspath(source)
    model, name = open_artifact(path)
    given = None if reference is None else open_reference(reference)
    inventory = take(
        model, checkpoint=given if isinstance(given, Checkpoint) else None, progress=progress
    )
    judgements = _judged(inventory, given, progress)
    names = _names(inventory)
    made = report.build(inventory, name)
    stats = numbers.statistics(inventory, progress) if _is_whole(inventory) else {}
    found = [
        *_of_reference(judgements, policy),
        *(_of_coverage(coverage(judgements), policy) if isinstance(given, Checkpoint) else ()),
        *structure.check(inventory, names, policy, runtime),
        *numbers.check(inventory, stats, names, policy),
        *numbers.budgets(
            inventory, policy, made.parameters, sum(file.n_bytes or 0 for file in inventory.files)
        ),
    ]
    paths = [path, *(file.path for file in inventory.files), *_files(given)]
    unchanged(paths, started)
    findings = sorted(
        (each for each in found if each is not None),
        key=lambda each: (-each.severity.rank, list(RULES).index(each.rule)),
    )
    return Audit(
        name=name,
        path=path,
        reference="" if reference is None else os.fspath(reference),
        inventory=inventory,
        judgements=tuple(judgements),
        findings=tuple(findings),
        policy=policy,
    )


def _judged(
    inventory: Inventory, given: Checkpoint | SourceMap | None, progress: Callable[[int], None]
) -> list[Judgement]:
    if given is None:
        return []
    if isinstance(given, SourceMap):
        from onnx_params.auditing import digests

        return digests.judge(inventory, given, progress)
    from onnx_params.auditing.judge import judge

    return judge(inventory)


def _is_whole(inventory: Inventory) -> bool:
    return all(file.n_bytes is not None for file in inventory.files)


def _names(inventory: Inventory) -> dict[Key, str]:
    """Stored tensor -> the parameter that it represents."""
    found: dict[Key, str] = {}
    for claim in inventory.parameters:
        for key in claim.stored:
            found.setdefault(key, claim.name)
    return found


def _of_reference(judgements: Iterable[Judgement], policy: Policy) -> Iterator[Finding | None]:
    for each in judgements:
        rule = _RULE_OF.get(each.verdict)
        if each.verdict is Verdict.EXTRA and math.prod(each.shape or ()) < policy.max_unexplained:
            rule = _RULE_OF[Verdict.NOT_COMPARABLE]
        if rule is not None:
            yield policy.find(rule, each.name, describe(each), each.stored)
        elif not each.placed:
            yield policy.find(
                "unproven-place",
                each.name,
                f"its values are in {', '.join(each.stored)}",
                each.stored,
            )
        lost = each.rounding
        if lost is not None and policy.min_sqnr is not None and lost.sqnr < policy.min_sqnr:
            yield policy.find(
                "low-sqnr",
                each.name,
                f"{lost.sqnr:.1f} dB, {policy.min_sqnr:g} dB are asked for",
                each.stored,
            )


def _of_coverage(found: Coverage, policy: Policy) -> Iterator[Finding | None]:
    """What was not compared: a part of the reference, or most of it."""
    if found.absent:
        share = found.absent_share
        n = len(found.absent)
        message = f"{n} of its parameters, {share:.1%} of its elements: {names_of(found.absent)}"
        is_most = share > policy.max_absent or not (found.compared or found.uncompared)
        yield policy.find("incomplete" if is_most else "absent", "", message)
    if found.uncompared and (found.uncompared_share > 0.5 or not found.compared):
        share, n = found.uncompared_share, len(found.uncompared)
        message = f"{n} parameters, {share:.1%} of the elements: {names_of(found.uncompared)}"
        yield policy.find("uncompared", "", message)


def describe(judgement: Judgement) -> str:
    """A judgement in words: the reason, and how far values lie apart."""
    apart = judgement.difference
    if apart is None:
        return judgement.because
    where = f"[{', '.join(map(str, apart.first))}]" if apart.first else "its only element"
    parts = [
        f"{apart.changed:,} of {apart.of:,} elements differ, first at {where}, by at most"
        f" {apart.largest:.6g}"
    ]
    if apart.n_nan:
        parts.append(f"{apart.n_nan} are NaN")
    return f"{judgement.because}: {'; '.join(parts)}"


def _files(given: Checkpoint | SourceMap | None) -> set[str]:
    return (
        {tensor.source.label for tensor in given.tensors}
        if isinstance(given, Checkpoint)
        else set()
    )
