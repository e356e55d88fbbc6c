"""Lay a report out for a reader: aligned columns, totals underneath; names are never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from onnx_params.render.text import human, n_bytes, percent, plain, shape
from onnx_params.report.report import Report, Row


def columns(titles: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int]) -> str:
    """Align cells under their titles; ``right`` are the columns of numbers."""
    body = list(rows)
    widths = [max(map(len, column)) for column in zip(titles, *body, strict=True)]
    layout = "  ".join(
        f"{{:{'>' if at in right else '<'}{width}}}" for at, width in enumerate(widths)
    )
    rule = "  ".join("-" * width for width in widths)
    return (
        "\n".join(
            [layout.format(*titles).rstrip(), rule, *(layout.format(*row).rstrip() for row in body)]
        )
        + "\n"
    )


TITLES: Final = ("Name", "Shape", "Parameters", "Form", "Type", "Bits", "Evidence", "View")
NUMBERS: Final = frozenset({2, 5})  # columns that are aligned to the right


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table as text, a cell for each of :data:`TITLES`."""
    return (
        plain(row.name),
        shape(row.shape),
        "?" if row.count is None else f"{row.count:,}",
        row.form,
        row.dtype or "?",
        "-" if row.bits_per_weight is None else f"{row.bits_per_weight:.4g}",
        row.evidence if row.certain else f"{row.evidence} ?",
        row.view,
    )


def render(report: Report) -> str:
    """The table of parameters, then totals."""
    return f"{columns(TITLES, map(cells, report.rows), NUMBERS)}\n{totals(report)}"


def totals(report: Report) -> str:
    """What the table adds up to, and what else is in the file."""
    certain = sum(row.certain for row in report.rows)
    lines = [
        f"{plain(report.name)}: {report.layers} layers, {human(report.parameters)} parameters"
        f" ({report.parameters:,}), {n_bytes(report.n_bytes)} stored"
    ]
    if report.parameters:
        lines[0] += f", {8 * report.n_bytes / report.parameters:.2f} bits a weight"
    lines.extend(
        f"  {form.form}: {form.layers} layers ({percent(form.layers, report.layers)} %), "
        f"{human(form.parameters)} parameters ({percent(form.parameters, report.parameters)} %)"
        for form in report.forms
        if form.layers
    )
    lines.append(
        f"  types: {', '.join(f'{human(t.parameters)} {t.form}' for t in report.dtypes)}"
        if report.rows
        else "  no parameters"
    )
    lines.append(f"  names: {certain} certain, {report.layers - certain} inferred (marked ?)")
    others = len(report.inventory.others)
    lines.append(f"  besides: {others} stored tensors that are no parameters (--stored lists them)")
    lines.append(f"  {origin(report)}")
    lines.extend(f"  note: {plain(note)}" for note in report.inventory.notes)
    return "\n".join(lines) + "\n"


def origin(report: Report) -> str:
    """Who wrote the artifact, and for which versions."""
    model = report.inventory.model
    if model.checkpoint is not None:
        files = len(report.inventory.files)
        return f"a checkpoint of {files} file{'s' if files != 1 else ''}, without a graph"
    producer = plain(model.producer_name) or "unknown producer"
    by = f"{producer} {plain(model.producer_version)}".rstrip()
    opsets = ", ".join(f"{plain(domain)} {version}".strip() for domain, version in model.opsets)
    return f"made by {by}, IR {model.ir_version}, opset {opsets}"


def stored(report: Report) -> str:
    """Every stored tensor under the name that it has in the file."""
    inventory = report.inventory
    rows = (
        (
            plain(t.name) or "-",
            v.role.value,
            t.dtype.name,
            shape(t.shape),
            f"{t.n_bytes:,}",
            v.rule.value,
            plain(str(t.place)),
        )
        for t, v in inventory.classified
    )
    table = columns(
        ("Stored name", "Role", "Type", "Shape", "Bytes", "Rule", "Place"), rows, frozenset({4})
    )
    files = "\n".join(
        f"{plain(f.path)}: {n_bytes(f.tensor_bytes)} in tensors, "
        + (
            "the file is not there"
            if f.structure_bytes is None
            else f"{n_bytes(f.structure_bytes)} structure"
        )
        for f in inventory.files
    )
    return f"{table}\n{files}\n"


def statistics(report: Report) -> str:
    """What the numbers of each parameter are like."""
    titles = ("Name", "Min", "1 %", "Median", "99 %", "Max", "Mean", "Std", "Zeros", "NaN", "Inf")
    rows = []
    for row in report.rows:
        s = report.stats.get(row.name)
        if s is None:
            rows.append((plain(row.name), *("-" for _ in titles[1:])))
            continue
        numbers = (
            s.minimum,
            s.quantiles[0],
            s.quantiles[3],
            s.quantiles[-1],
            s.maximum,
            s.mean,
            s.std,
        )
        rows.append(
            (
                plain(row.name),
                *(f"{number:.4g}" for number in numbers),
                percent(s.zeros, s.n) + " %",
                f"{s.nans:,}",
                f"{s.infinite:,}",
            )
        )
    return f"{columns(titles, rows, frozenset(range(1, len(titles))))}\n{totals(report)}"


def modules(report: Report, depth: int) -> str:
    """The module tree down to ``depth``."""
    rows = (
        (
            "  " * m.name.count(".") + plain(m.name),
            f"{m.layers}",
            f"{m.parameters:,}",
            percent(m.parameters, report.parameters),
            n_bytes(m.n_bytes),
        )
        for m in report.modules(depth)
    )
    table = columns(("Module", "Layers", "Parameters", "%", "Bytes"), rows, frozenset({1, 2, 3, 4}))
    return f"{table}\n{totals(report)}"


def explain(report: Report, name: str) -> str:
    """All that is known of one tensor or parameter; empty where nothing bears the name."""
    inventory = report.inventory
    out: list[str] = []
    for claim in inventory.claims:
        if name in (claim.name, *claim.aliases) or any(key[1] == name for key in claim.stored):
            held = (
                ", ".join(plain(f"{path}:{own}" if path else own) for path, own in claim.stored)
                or "nothing"
            )
            shown = f"parameter {plain(claim.name)} {shape(claim.shape)}"
            surety = "certain" if claim.certain else "inferred"
            out.append(
                f"{shown}\n  {claim.evidence.value}, {surety}: {plain(claim.because)}\n  view:"
                f" {claim.view.value} of {held}"
            )
            if claim.aliases:
                out.append(f"  also called: {', '.join(map(plain, claim.aliases))}")
    out.extend(
        f"stored tensor {plain(t.name)} {shape(t.shape)} {t.dtype.name}, {t.n_bytes:,} bytes as"
        f" {t.encoding.value}\n  at: {plain(str(t.place))}\n  role: {v.role.value}, by rule"
        f" {v.rule.value}: {plain(v.because)}"
        for t, v in inventory.classified
        if t.name == name
    )
    return "\n".join(out) + "\n" if out else ""
