"""Lay an audit out: one screen for a reader, a full table on demand, Markdown, JSON and
comma-separated values for others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from onnx_params.auditing.audit import Audit, describe
from onnx_params.auditing.coverage import coverage
from onnx_params.auditing.judgements import Judgement, Rounding, Verdict
from onnx_params.auditing.rules import RULES, Finding, Severity
from onnx_params.render.terminal import columns
from onnx_params.render.text import (
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
MAX_LINES: Final = 8  # findings of one rule on the screen
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


def render(audit: Audit, full: bool = False) -> str:
    """The screen: what it is held against, verdicts by number, findings by rule with what to do
    next, the outcome.
    """
    out = [heading(audit)]
    if audit.judgements:
        out.append(
            columns(
                ("Verdict", "Tensors", "Parameters"), _counts(audit.judgements), frozenset({1, 2})
            )
        )
        out.extend(_quantized(audit.judgements))
    if full and audit.judgements:
        out.append(
            columns(_TITLES, [_cells(each) for each in audit.judgements], frozenset({5, 6, 7}))
        )
    out.extend(_by_rule(audit.findings))
    out.append(outcome(audit))
    return "\n".join(out) + "\n"


def heading(audit: Audit) -> str:
    against = f" against {plain(audit.reference)}" if audit.reference else ""
    return f"{plain(audit.path)}{against}\n"


def outcome(audit: Audit) -> str:
    """One line: whether it passed, and by what."""
    by = f" (policy: {plain(audit.policy.path)})" if audit.policy.path else ""
    kinds = [
        (severity, sum(each.severity is severity for each in audit.findings))
        for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    ]
    counted = (
        ", ".join(f"{n} {severity.value}{'s' if n != 1 else ''}" for severity, n in kinds if n)
        or "nothing found"
    )
    unproven = sum(not each.placed for each in audit.judgements)
    open_ones = sum(each.verdict is Verdict.NOT_COMPARABLE for each in audit.judgements)
    absent = coverage(audit.judgements).absent_share
    limits = [
        f"{absent:.1%} of the reference absent" if absent >= 0.0005 else "",
        f"{open_ones} not comparable" if open_ones else "",
        f"{unproven} placed by content alone" if unproven else "",
    ]
    shown_limits = f"; {', '.join(filter(None, limits))}" if any(limits) else ""
    return f"{'passed' if audit.passed else 'FAILED'}: {counted}{shown_limits}{by}"


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


def _quantized(judgements: Sequence[Judgement]) -> list[str]:
    rounded = [
        each
        for each in judgements
        if each.rounding is not None
        and each.verdict is Verdict.QUANTIZED
        and math.isfinite(each.rounding.sqnr)
    ]
    if not rounded:
        return []
    worst = min(rounded, key=lambda each: each.rounding.sqnr if each.rounding is not None else 0.0)
    numbers = sorted(each.rounding.sqnr for each in rounded if each.rounding is not None)
    assert worst.rounding is not None
    return [
        f"quantized: SQNR {numbers[0]:.1f} dB at least ({plain(worst.name)}),"
        f" {numbers[len(numbers) // 2]:.1f} dB in the middle; largest error"
        f" {max(each.rounding.largest for each in rounded if each.rounding is not None):.4g}\n"
    ]


def _by_rule(findings: Sequence[Finding]) -> list[str]:
    out: list[str] = []
    for rule in dict.fromkeys(each.rule for each in findings):
        of = [each for each in findings if each.rule == rule]
        size = sum(each.n_bytes for each in of)
        bytes_told = f", {n_bytes(size)}" if size else ""
        out.append(f"{of[0].severity.value}: {rule}: {RULES[rule].finds} ({len(of)}{bytes_told})")
        for each in of[:MAX_LINES]:
            out.append(
                f"  {plain(each.name)}: {plain(each.message)}"
                if each.name
                else f"  {plain(each.message)}"
            )
        if len(of) > MAX_LINES:
            out.append(f"  and {len(of) - MAX_LINES} more (--format json lists them)")
        out.append(f"  why: {RULES[rule].why}\n  next: {RULES[rule].next}\n")
    return out


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
        "quantization": _rounding(lost),
        "quantisation": _rounding(lost),  # as the contract had it first
    }


def _rounding(lost: Rounding | None) -> dict[str, Any] | None:  # JSON
    if lost is None:
        return None
    return {
        "sqnr_db": finite(lost.sqnr),
        "largest_error": finite(lost.largest),
        "saturated": lost.saturated,
    }


def to_json(audit: Audit) -> str:
    return json_text(document(audit))


def to_csv(audit: Audit) -> str:
    """Judgements first, then findings, each a line.

    Names that a spreadsheet would take for formulas get an apostrophe.
    """
    rows: list[Sequence[object]] = []
    for each in audit.judgements:
        name, verdict, _, dtype, stored, *numbers, because = _cells(each)
        dims = "" if each.shape is None else "x".join(map(str, each.shape))
        texts = for_sheet(stored), *numbers, for_sheet(because)
        rows.append(("tensor", for_sheet(name), verdict, "", dims, dtype, *texts))
    for found in audit.findings:
        where = for_sheet(" ".join(found.stored))
        what = ("finding", for_sheet(found.name), found.rule, found.severity.value)
        rows.append((*what, "", "", where, "", "", "", for_sheet(found.message)))
    return csv_text(_CSV_HEADER, rows)


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
