"""Say in lines what a report adds up to."""

from __future__ import annotations

from onnx_params.render.screen import Block, Line
from onnx_params.render.text import count_of, human, n_bytes, percent, plain
from onnx_params.report.report import Report


def summary(report: Report) -> str:
    """How large the model is."""
    return (
        f"{plain(report.name)}: {human(report.parameters)} parameters in"
        f" {count_of(report.layers, 'tensor')}, {n_bytes(report.n_bytes)}"
    )


def headline(report: Report) -> str:
    """What the model is in one line."""
    if not report.parameters:
        return summary(report)
    return f"{summary(report)}, {8 * report.n_bytes / report.parameters:.2f} bits a weight"


def totals(report: Report) -> list[Block]:
    """What the table adds up to, and what else is in the file."""
    certain = sum(row.certain for row in report.rows)
    lines = [
        f"{form.form}: {count_of(form.layers, 'tensor')} ({percent(form.layers, report.layers)} %),"
        f" {human(form.parameters)} parameters ({percent(form.parameters, report.parameters)} %)"
        for form in report.forms
        if form.layers
    ]
    if report.parameters >= 1000:
        lines.insert(0, f"parameters: {report.parameters:,}")
    types = ", ".join(f"{human(each.parameters)} {each.form}" for each in report.dtypes)
    lines.append(f"types: {types}" if report.rows else "no parameters")
    if report.rows:
        lines.append(f"names: {certain} certain, {report.layers - certain} inferred (marked ?)")
    others = len(report.inventory.others)
    if others:
        lines.append(f"besides: {count_of(others, 'stored tensor')} of other kinds (--stored)")
    lines.append(origin(report))
    lines.extend(f"note: {plain(note)}" for note in report.inventory.notes)
    return [Line(line) for line in lines]


def origin(report: Report) -> str:
    """Who wrote the artifact, and for which versions."""
    model = report.inventory.model
    if model.checkpoint is not None:
        return f"a checkpoint of {count_of(len(report.inventory.files), 'file')}, without a graph"
    producer = plain(model.producer_name) or "unknown producer"
    by = f"{producer} {plain(model.producer_version)}".rstrip()
    opsets = ", ".join(f"{plain(domain)} {version}".strip() for domain, version in model.opsets)
    return f"made by {by}, IR {model.ir_version}, opset {opsets}"
