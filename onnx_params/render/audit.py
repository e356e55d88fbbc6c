"""Lay an audit out: one screen for a reader, a full table on demand, Markdown, JSON and
comma-separated values for others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from onnx_params.auditing.audit import Audit, describe
from onnx_params.auditing.coverage import coverage
from onnx_params.auditing.judgements import Judgement, Rounding, Verdict
from onnx_params.auditing.rules import RULES, Finding, Severity
from onnx_params.render.screen import PIPE, Block, Column, Line, Table, Window, text
from onnx_params.render.text import (
    count_of,
    csv_text,
    finite,
    for_sheet,
    json_text,
    markdown_cell,
    n_bytes,
    plain,
    shape,
)

SCHEMA: Final = "onnx-params/audit/1"
SEVERAL: Final = "onnx-params/audits/1"
MAX_LINES: Final = 8  # findings of one rule on the screen
MAX_RULES: Final = 4  # in the first line
_STYLES: Final = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "note"}
_IDENTICAL: Final = frozenset({Verdict.IDENTICAL, Verdict.MOVED})
_PROVED: Final = _IDENTICAL | {Verdict.CAST, Verdict.QUANTIZED, Verdict.FOLDED}
_OPEN: Final = frozenset({Verdict.NOT_COMPARABLE})
_TITLES: Final = (
    "Name",
    "Verdict",
    "Shape",
    "Type",
    "Stored",
    "SQNR dB",
    "Largest error",
    "Saturated",
    "Because",
)


def render(audit: Audit, full: bool = False, window: Window = PIPE) -> str:
    """The screen: the outcome, what it is held against, verdicts by number, findings by rule with
    what to do next.
    """
    blocks: list[Block] = [Line(outcome(audit), "good" if audit.passed else "bad")]
    blocks += [Line(line) for line in _about(audit)]
    if audit.judgements:
        counts = (
            Column("Verdict"),
            Column("Tensors", right=True),
            Column("Parameters", right=True),
        )
        blocks += [Line(), Table(counts, _counts(audit.judgements))]
        blocks += _quantized(audit.judgements)
    if full and audit.judgements:
        blocks += [Line(), _every(audit.judgements)]
    blocks += _by_rule(audit.findings)
    return text(blocks, window)


def _about(audit: Audit) -> Iterator[str]:
    """What was held against what, and by which rules."""
    against = f" against {plain(audit.reference)}" if audit.reference else ""
    yield f"{plain(audit.path)}{against}"
    if audit.policy.path:
        yield f"policy: {plain(audit.policy.path)}"
    yield from (f"note: {plain(note)}" for note in audit.inventory.notes)
    limits = _limits(audit)
    if limits:
        yield f"limits: {', '.join(limits)}"


def outcome(audit: Audit) -> str:
    """One line: whether it passed, and by what."""
    kinds = [
        (severity, sum(each.severity is severity for each in audit.findings))
        for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    ]
    counted = [count_of(n, severity.value) for severity, n in kinds if n]
    if audit.passed:
        said = f"passed: {_proved(audit)}"
        return ", ".join([said, *counted])
    failing = [each for each in audit.failing if each.name]
    failed = sum(each.fails for each in audit.judgements)
    said = f"FAILED: {', '.join(counted)}"
    if failed:
        return f"{said}; {failed:,} of {count_of(len(audit.judgements), 'tensor')} {_worst(audit)}"
    rules = list(dict.fromkeys(each.rule for each in failing or audit.failing))
    return f"{said}; {', '.join(rules[:MAX_RULES])}"


def _proved(audit: Audit) -> str:
    """How much of the reference was proved to be there."""
    parameters = [each for each in audit.judgements if each.is_parameter and not each.is_alias]
    if not parameters:
        return "nothing found" if not audit.findings else "nothing that fails"
    proved = [each for each in parameters if each.verdict in _PROVED]
    identical = sum(each.verdict in _IDENTICAL for each in proved)
    what = "identical" if identical == len(proved) else "the checkpoint's"
    total = count_of(len(parameters), "parameter")
    return f"{len(proved):,} of {total} proved {what}"


def _worst(audit: Audit) -> str:
    """The verdicts that fail, the most frequent first."""
    counts = Counter(each.verdict.value for each in audit.judgements if each.fails)
    return ", ".join(verdict for verdict, _ in counts.most_common())


def _limits(audit: Audit) -> list[str]:
    """What the audit does not say of the reference."""
    unproven = sum(not each.placed for each in audit.judgements)
    open_ones = sum(each.verdict is Verdict.NOT_COMPARABLE for each in audit.judgements)
    absent = coverage(audit.judgements).absent_share
    limits = [
        f"{absent:.1%} of the reference absent" if absent >= 0.0005 else "",
        f"{open_ones} not comparable" if open_ones else "",
        f"{unproven} placed by content alone" if unproven else "",
    ]
    return [each for each in limits if each]


def _counts(judgements: Sequence[Judgement]) -> list[tuple[str, str, str]]:
    rows = []
    for verdict in Verdict:
        of = [each for each in judgements if each.verdict is verdict]
        if of:
            rows.append(
                (
                    verdict.value,
                    f"{len(of)}",
                    f"{sum(math.prod(each.shape or ()) for each in of):,}",
                )
            )
    return rows


def _quantized(judgements: Sequence[Judgement]) -> Iterator[Block]:
    rounded = [
        each
        for each in judgements
        if each.rounding is not None
        and each.verdict is Verdict.QUANTIZED
        and math.isfinite(each.rounding.sqnr)
    ]
    if not rounded:
        return
    worst = min(rounded, key=lambda each: each.rounding.sqnr if each.rounding is not None else 0.0)
    numbers = sorted(each.rounding.sqnr for each in rounded if each.rounding is not None)
    assert worst.rounding is not None
    yield Line()
    yield Line(
        f"quantized: SQNR {numbers[0]:.1f} dB at least ({plain(worst.name)}),"
        f" {numbers[len(numbers) // 2]:.1f} dB in the middle; largest error"
        f" {max(each.rounding.largest for each in rounded if each.rounding is not None):.4g}"
    )


def _every(judgements: Sequence[Judgement]) -> Table:
    """Every tensor with its verdict."""

    def style(number: int, column: int) -> str:
        each = judgements[number]
        if column != 1:
            return ""
        return "bad" if each.fails else "warn" if each.verdict in _OPEN else "good"

    columns = (
        Column("Name", long=True),
        Column("Verdict"),
        Column("Shape", drop=4),
        Column("Type", drop=5),
        Column("Stored", drop=6, long=True),
        Column("SQNR dB", right=True, drop=2),
        Column("Largest error", right=True, drop=3),
        Column("Saturated", right=True, drop=7),
        Column("Because", drop=1, long=True, prose=True),
    )
    return Table(columns, [_cells(each) for each in judgements], style)


def _by_rule(findings: Sequence[Finding]) -> Iterator[Block]:
    for rule in dict.fromkeys(each.rule for each in findings):
        of = [each for each in findings if each.rule == rule]
        size = sum(each.n_bytes for each in of)
        shown_size = f", {n_bytes(size)}" if size else ""
        severity = of[0].severity.value
        head = f"{severity}: {rule}: {RULES[rule].finds} ({len(of)}{shown_size})"
        yield Line()
        yield Line(head, _STYLES[of[0].severity])
        for each in of[:MAX_LINES]:
            name = f"{plain(each.name)}: " if each.name else ""
            yield Line(f"  {name}{plain(each.message)}")
        if len(of) > MAX_LINES:
            more = f"  and {len(of) - MAX_LINES:,} more (--format json lists them)"
            yield Line(more, "dim")
        yield Line(f"  why: {RULES[rule].why}", "dim")
        yield Line(f"  next: {RULES[rule].next}", "dim")


def _cells(each: Judgement) -> tuple[str, ...]:
    lost = each.rounding
    numbers = (
        ("", "", "")
        if lost is None
        else (f"{lost.sqnr:.1f}", f"{lost.largest:.4g}", f"{lost.saturated:.2%}")
    )
    return (
        plain(each.name),
        each.verdict.value,
        shape(each.shape),
        each.dtype,
        plain(", ".join(each.stored)),
        *numbers,
        plain(describe(each)),
    )


def markdown(audit: Audit) -> str:
    """The same as Markdown, with the full table of what is not identical."""

    out = [f"# Audit of {markdown_cell(audit.name)}", ""]
    if audit.reference:
        out += [f"Against `{markdown_cell(audit.reference)}`.", ""]
    out += [f"**{markdown_cell(outcome(audit))}**", ""]
    if audit.judgements:
        out += ["| Verdict | Tensors | Parameters |", "|---|---:|---:|"]
        out += [f"| {' | '.join(row)} |" for row in _counts(audit.judgements)] + [""]
    if audit.findings:
        out += ["| Severity | Rule | Where | What |", "|---|---|---|---|"]
        out += [
            f"| {each.severity.value} | {each.rule} | {markdown_cell(each.name)} |"
            f" {markdown_cell(each.message)} |"
            for each in audit.findings
        ] + [""]
    others = [each for each in audit.judgements if each.verdict is not Verdict.IDENTICAL]
    if others:
        out += [f"| {' | '.join(_TITLES)} |", f"|{'---|' * len(_TITLES)}"]
        out += [f"| {' | '.join(map(markdown_cell, _cells(each)))} |" for each in others] + [""]
    return "\n".join(out)


def document(audit: Audit) -> dict[str, Any]:  # JSON
    """The audit by the contract ``onnx-params/audit/1``: plain lists, dictionaries, strings and
    numbers.
    """
    return {
        "schema": SCHEMA,
        "model": audit.path,
        "reference": audit.reference or None,
        "policy": audit.policy.path or None,
        "fail_on": audit.policy.fail_on.value,
        "passed": audit.passed,
        "outcome": outcome(audit),
        "notes": list(audit.inventory.notes),
        "verdicts": dict(audit.verdicts),
        "judgements": [_judgement(each) for each in audit.judgements],
        "findings": [
            {
                "rule": f.rule,
                "severity": f.severity.value,
                "name": f.name,
                "message": f.message,
                "stored": f.stored,
                "bytes": f.n_bytes,
            }
            for f in audit.findings
        ],
        "rules": {
            rule: {"finds": RULES[rule].finds, "why": RULES[rule].why, "next": RULES[rule].next}
            for rule in dict.fromkeys(each.rule for each in audit.findings)
        },
    }


def _judgement(each: Judgement) -> dict[str, Any]:  # JSON
    apart, lost = each.difference, each.rounding
    return {
        "name": each.name,
        "verdict": each.verdict.value,
        "shape": each.shape,
        "dtype": each.dtype,
        "stored": each.stored,
        "because": each.because,
        "other": each.other or None,
        "placed_by_name": each.placed,
        "difference": (
            None
            if apart is None
            else {
                "changed": apart.changed,
                "of": apart.of,
                "first": apart.first,
                "largest": finite(apart.largest),
                "nan": apart.n_nan,
            }
        ),
        "quantization": None if lost is None else _rounding(lost) | {"residuals": _residuals(lost)},
        "quantisation": None if lost is None else _rounding(lost),  # as the contract had it first
    }


def _residuals(lost: Rounding) -> dict[str, Any] | None:  # JSON
    if not lost.residuals:
        return None
    return {"low": -lost.largest, "high": lost.largest, "counts": lost.residuals}


def _rounding(lost: Rounding) -> dict[str, Any]:  # JSON
    return {
        "sqnr_db": finite(lost.sqnr),
        "largest_error": finite(lost.largest),
        "saturated": lost.saturated,
    }


def to_json(audit: Audit) -> str:
    return json_text(document(audit))


def of_several(audits: Sequence[Audit]) -> dict[str, Any]:  # JSON
    """One document of several audits, by the contract ``onnx-params/audits/1``."""
    return {"schema": SEVERAL, "audits": [document(each) for each in audits]}


def several_to_json(audits: Sequence[Audit]) -> str:
    """The document of several audits as text."""
    return json_text(of_several(audits))


def to_csv(audit: Audit) -> str:
    """Judgements first, then findings, each a line.

    Names that a spreadsheet would take for formulas get an apostrophe.
    """
    return csv_text(_CSV_HEADER, _lines(audit))


def several_to_csv(audits: Sequence[Audit], several: bool) -> str:
    """The lines of audits, the model first where there are ``several``."""
    if not several:
        return to_csv(audits[0])
    rows = [[for_sheet(each.path), *line] for each in audits for line in _lines(each)]
    return csv_text(("model", *_CSV_HEADER), rows)


def _lines(audit: Audit) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for each in audit.judgements:
        lost = each.rounding
        numbers = ("", "", "")
        if lost is not None:
            numbers = (f"{lost.sqnr:.4g}", f"{lost.largest:.6g}", f"{lost.saturated:.6g}")
        dims = "" if each.shape is None else "x".join(map(str, each.shape))
        what = "tensor", for_sheet(each.name), each.verdict.value, "", dims, each.dtype
        rows.append((*what, for_sheet(" ".join(each.stored)), *numbers, for_sheet(describe(each))))
    for found in audit.findings:
        where = for_sheet(" ".join(found.stored))
        what = ("finding", for_sheet(found.name), found.rule, found.severity.value, "", "")
        rows.append((*what, where, "", "", "", for_sheet(found.message)))
    return rows


_CSV_HEADER: Final = (
    "kind",
    "name",
    "verdict_or_rule",
    "severity",
    "shape",
    "dtype",
    "stored",
    "sqnr_db",
    "largest_error",
    "saturated",
    "message",
)
