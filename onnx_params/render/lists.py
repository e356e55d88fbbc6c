"""Make the lists that an artifact has: its parameters, its stored tensors, its modules, its
statistics; and what is known of one name.
"""

from __future__ import annotations

from typing import Any, Final

from onnx_params.render.listing import Field, Listing
from onnx_params.render.screen import Block, Line, Style
from onnx_params.render.terminal import headline, totals
from onnx_params.render.text import count_of, n_bytes, plain, shape
from onnx_params.report.report import Report, Row

EXPLANATION: Final = "onnx-params/explanation/1"
EXPLANATIONS: Final = "onnx-params/explanations/1"
_STYLES: Final = {"Vector": "vector", "Matrix": "matrix"}


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _bits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _names(values: tuple[str, ...]) -> str:
    return plain(" ".join(values))


PARAMETERS: Final = (
    Field("name", "Name", str, plain, long=True),
    Field("shape", "Shape", int, shape, drop=1, is_list=True),
    Field("squeezed_shape", "Squeezed shape", int, shape, is_hidden=True, is_list=True),
    Field("count", "Parameters", int, _count, right=True),
    Field("form", "Form", str, drop=4),
    Field("dtype", "Type", str, lambda value: value or "?", drop=3),
    Field("bytes", "Bytes", int, _count, right=True, is_hidden=True),
    Field("bits_per_weight", "Bits", float, _bits, right=True, drop=5),
    Field("evidence", "Evidence", str, drop=2),
    Field("certain", "Certain", bool, lambda value: "yes" if value else "?", is_hidden=True),
    Field("view", "View", str, drop=6),
    Field("stored", "Stored", str, _names, long=True, is_hidden=True, is_list=True),
    Field("aliases", "Aliases", str, _names, long=True, is_hidden=True, is_list=True),
)


def parameters(report: Report) -> Listing:
    """A row a parameter; one whose name was inferred has a mark."""
    rows = tuple(_values(row) for row in report.rows)
    return Listing(
        kind="parameters",
        model=path_of(report),
        fields=PARAMETERS,
        rows=rows,
        head=(Line(headline(report), "title"),),
        foot=tuple(totals(report)),
        style=_style(report),
        marks={"evidence": ["" if row.certain else "?" for row in report.rows]},
    )


def _values(row: Row) -> tuple[Any, ...]:
    return (
        row.name,
        row.shape,
        row.squeezed_shape,
        row.count,
        row.form,
        row.dtype,
        row.n_bytes,
        row.bits_per_weight,
        row.evidence,
        row.certain,
        row.view,
        row.stored,
        row.aliases,
    )


def _style(report: Report) -> Style:
    """Colours by form and by whether a name is certain."""

    def style(number: int, column: int) -> str:
        row = report.rows[number]
        if column in (0, 6):
            return "" if row.certain else "warn"
        return _STYLES.get(row.form, "tensor") if column == 3 else ""

    return style


def path_of(report: Report) -> str:
    """The path of a report's model."""
    return plain(report.inventory.model.path or report.name)


STORED: Final = (
    Field("name", "Stored name", str, lambda value: plain(value) or "-", long=True),
    Field("role", "Role", str),
    Field("dtype", "Type", str, drop=2),
    Field("shape", "Shape", int, shape, drop=1, is_list=True),
    Field("bytes", "Bytes", int, _count, right=True),
    Field("rule", "Rule", str, drop=3),
    Field("place", "Place", str, plain, drop=4),
    Field("because", "Because", str, plain, long=True, is_hidden=True),
)


def stored(report: Report) -> Listing:
    """A row a stored tensor, under the name that it has in the file."""
    inventory = report.inventory
    rows = tuple(
        (
            t.name,
            v.role.value,
            t.dtype.name,
            t.shape,
            t.n_bytes,
            v.rule.value,
            str(t.place),
            v.because,
        )
        for t, v in inventory.classified
    )
    files = [
        f"{plain(f.path)}: {n_bytes(f.tensor_bytes)} in tensors, "
        + (
            "the file is not there"
            if f.structure_bytes is None
            else f"{n_bytes(f.structure_bytes)} structure"
        )
        for f in inventory.files
    ]
    head = f"{plain(report.name)}: {count_of(len(rows), 'stored tensor')}"
    return Listing(
        kind="stored",
        model=path_of(report),
        fields=STORED,
        rows=rows,
        head=(Line(head, "title"),),
        foot=tuple(map(Line, files)),
    )


def modules(report: Report, depth: int) -> Listing:
    """A row a module, down to ``depth``."""
    whole = report.parameters
    fields = (
        Field("name", "Module", str, lambda name: "  " * name.count(".") + plain(name), long=True),
        Field("tensors", "Tensors", int, _count, right=True, drop=2),
        Field("parameters", "Parameters", int, _count, right=True),
        Field("share", "%", float, lambda value: f"{100 * value:.2f}", right=True, drop=1),
        Field("bytes", "Bytes", int, n_bytes, right=True, drop=3),
    )
    rows = tuple(
        (m.name, m.layers, m.parameters, m.parameters / whole if whole else 0.0, m.n_bytes)
        for m in report.modules(depth)
    )
    return Listing(
        kind="modules",
        model=path_of(report),
        fields=fields,
        rows=rows,
        head=(Line(headline(report), "title"),),
        foot=tuple(totals(report)),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


# key, title, when it is left out for lack of room
_MEASURES: Final = (
    ("min", "Min", 2),
    ("p01", "1 %", 8),
    ("median", "Median", 7),
    ("p99", "99 %", 9),
    ("max", "Max", 3),
    ("mean", "Mean", 4),
    ("std", "Std", 5),
)


def statistics(report: Report) -> Listing:
    """A row a parameter: what its numbers are like."""
    fields = (
        Field("name", "Name", str, plain, long=True),
        *(Field(key, title, float, _number, True, drop) for key, title, drop in _MEASURES),
        Field("count", "Count", int, _count, right=True, is_hidden=True),
        Field("zeros", "Zeros", int, _count, right=True, drop=6),
        Field("nan", "NaN", int, _count, right=True),
        Field("infinite", "Inf", int, _count, right=True, drop=1),
    )
    return Listing(
        kind="statistics",
        model=path_of(report),
        fields=fields,
        rows=tuple(_measured(report, row) for row in report.rows),
        head=(Line(headline(report), "title"),),
        foot=tuple(totals(report)),
    )


def _measured(report: Report, row: Row) -> tuple[Any, ...]:
    """The statistics of one row; none where its values are not in the artifact."""
    s = report.stats.get(row.name)
    if s is None:
        return (row.name, *(None,) * (len(_MEASURES) + 4))
    numbers = s.minimum, s.quantiles[0], s.quantiles[3], s.quantiles[-1], s.maximum, s.mean, s.std
    return (row.name, *numbers, s.n, s.zeros, s.nans, s.infinite)


def explanation(report: Report, name: str) -> dict[str, Any]:  # JSON
    """All that is known of one tensor or parameter; no parameters and no stored tensors where
    nothing bears the name.
    """
    inventory = report.inventory
    claims = [
        claim
        for claim in inventory.claims
        if name in (claim.name, *claim.aliases) or any(key[1] == name for key in claim.stored)
    ]
    return {
        "schema": EXPLANATION,
        "model": path_of(report),
        "name": name,
        "parameters": [
            {
                "name": claim.name,
                "shape": claim.shape,
                "evidence": claim.evidence.value,
                "certain": claim.certain,
                "because": claim.because,
                "view": claim.view.value,
                "stored": [f"{path}:{own}" if path else own for path, own in claim.stored],
                "aliases": list(claim.aliases),
            }
            for claim in claims
        ],
        "stored": [
            {
                "name": t.name,
                "shape": t.shape,
                "dtype": t.dtype.name,
                "bytes": t.n_bytes,
                "encoding": t.encoding.value,
                "place": str(t.place),
                "role": v.role.value,
                "rule": v.rule.value,
                "because": v.because,
            }
            for t, v in inventory.classified
            if t.name == name
        ],
    }


def explained(found: dict[str, Any]) -> list[Block]:
    """An explanation as lines."""
    lines: list[str] = []
    for each in found["parameters"]:
        surety = "certain" if each["certain"] else "inferred"
        places = ", ".join(map(plain, each["stored"])) or "nothing"
        lines += [
            f"parameter {plain(each['name'])} {shape(each['shape'])}",
            f"  {each['evidence']}, {surety}: {plain(each['because'])}",
            f"  view: {each['view']} of {places}",
        ]
        if each["aliases"]:
            lines.append(f"  also called: {', '.join(map(plain, each['aliases']))}")
    for each in found["stored"]:
        lines += [
            f"stored tensor {plain(each['name'])} {shape(each['shape'])} {each['dtype']},"
            f" {each['bytes']:,} bytes as {each['encoding']}",
            f"  at: {plain(each['place'])}",
            f"  role: {each['role']}, by rule {each['rule']}: {plain(each['because'])}",
        ]
    return [Line(line) for line in lines]


def names_known(report: Report) -> list[str]:
    """Every name of which :func:`explanation` knows something."""
    inventory = report.inventory
    found = [name for claim in inventory.claims for name in (claim.name, *claim.aliases)]
    return [*found, *(tensor.name for tensor, _ in inventory.classified)]
