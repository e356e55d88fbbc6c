"""Lay a comparison out: totals side by side, what changed by module, the pairs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from onnx_params.comparison.compare import EXPLAINED, Comparison
from onnx_params.comparison.pairs import Pair, Relation
from onnx_params.render.screen import PIPE, Block, Column, Line, Style, Table, Window, text
from onnx_params.render.text import (
    count_of,
    human,
    markdown_table,
    n_bytes,
    plain,
    shape,
)
from onnx_params.report.report import Report, Row

MAX_MODULES: Final = 15  # of the tree on the screen


MAX_EXPLAINED: Final = 20  # pairs that differ as they may


DEPTH: Final = 3  # segments of a module's name in the tree


_TITLES: Final = (
    "A",
    "B",
    "Paired by",
    "Relation",
    "Shapes",
    "Types",
    "Bytes",
    "Largest",
    "Relative",
    "SQNR dB",
    "How",
)


_NUMBERS: Final = frozenset({6, 7, 8, 9})
_TYPES_COLUMN: Final = Column("Types", drop=1)
_DROPS: Final = (0, 2, 7, 0, 6, 8, 9, 5, 4, 1, 3)  # of the pairs' columns, see Column
_COLUMNS: Final = tuple(
    Column(title, at in _NUMBERS, drop, title in ("A", "B", "How"), prose=title == "How")
    for at, (title, drop) in enumerate(zip(_TITLES, _DROPS, strict=True))
)


def render(made: Comparison, full: bool = False, window: Window = PIPE) -> str:
    """The screen: in what they differ, totals, relations by number, modules that grew or shrank,
    then the pairs that are not equal (``full``: all).
    """
    blocks: list[Block] = [
        Line(outcome(made), "warn" if made.differences else "good"),
        Line(f"A: {plain(made.path_a)}"),
        Line(f"B: {plain(made.path_b)}"),
        Line(),
        Table(_numbered("", "A", "B", "Change"), totals(made)),
        Line(),
        Table(
            _numbered("Relation", "Pairs", "Parameters", "Bytes in A", "Bytes in B"),
            relations(made.pairs),
        ),
    ]
    tree = modules(made)
    if tree:
        more = f"and {len(tree) - MAX_MODULES} more modules; --full lists all"
        kept = tree if full else tree[:MAX_MODULES]
        columns = (*_numbered("Module", "Bytes in A", "Bytes in B", "Change"), _TYPES_COLUMN)
        blocks += [Line(), Table(columns, kept, more=more if len(kept) < len(tree) else "")]
    shown, left = chosen(made, full)
    if shown:
        blocks += [Line(), Table(_COLUMNS, [cells(pair) for pair in shown], _style_of(shown), left)]
    return text(blocks, window)


def outcome(made: Comparison) -> str:
    """One line: in what two models differ, in how many of their pairs."""
    count = count_of(len(made.pairs), "pair")
    if not made.differences:
        return f"no difference in {count} of tensors"
    differing = sum(bool(pair.differences()) for pair in made.pairs)
    words = ", ".join(sorted(made.differences))
    return f"they differ in {words}: {differing:,} of {count} of tensors"


def _numbered(title: str, *titles: str) -> tuple[Column, ...]:
    """A column of names, then columns of numbers."""
    return (Column(title, long=True), *(Column(each, right=True) for each in titles))


def _style_of(pairs: Sequence[Pair]) -> Style:
    """Colours of the column of relations."""

    def style(number: int, column: int) -> str:
        if column != 3:
            return ""
        relation = pairs[number].relation
        return "good" if relation is Relation.EQUAL else "note" if relation in EXPLAINED else "bad"

    return style


def chosen(made: Comparison, full: bool) -> tuple[list[Pair], str]:
    """The pairs to list, and a line on those left out: what nothing explains, all; of what is
    explained, what lost most, the rest by name in order.
    """
    if full:
        return list(made.pairs), ""
    worth = [
        pair
        for pair in made.pairs
        if pair.relation not in (Relation.EQUAL, Relation.ERASED, Relation.UNREAD)
        or pair.differences()
    ]
    explained = [pair for pair in worth if pair.relation in EXPLAINED]
    if len(explained) <= MAX_EXPLAINED:
        return worth, ""
    kept = sorted(explained, key=lambda pair: math.inf if pair.sqnr is None else pair.sqnr)[
        :MAX_EXPLAINED
    ]
    left = (
        f"and {len(explained) - MAX_EXPLAINED} more pairs that are explained, with less lost;"
        " --full lists all"
    )
    return [*(pair for pair in worth if pair.relation not in EXPLAINED), *kept], left


def totals(made: Comparison) -> list[tuple[str, ...]]:
    """Counts and bytes side by side, bytes also by type; forms where they differ."""
    a, b = made.a, made.b
    rows: list[tuple[str, ...]] = [
        ("tensors", f"{a.layers:,}", f"{b.layers:,}", _change(a.layers, b.layers)),
        (
            "parameters",
            f"{a.parameters:,}",
            f"{b.parameters:,}",
            _change(a.parameters, b.parameters),
        ),
        ("bytes", n_bytes(a.n_bytes), n_bytes(b.n_bytes), _change(a.n_bytes, b.n_bytes)),
    ]
    one, two = by_dtype(a), by_dtype(b)
    rows += [
        (
            f"  {name}",
            *(n_bytes(side[name]) if side[name] else "-" for side in (one, two)),
            _change(one[name], two[name]),
        )
        for name in one | two
    ]
    forms_a, forms_b = ({form.form: form.parameters for form in report.forms} for report in (a, b))
    for form in forms_a | forms_b:
        before, after = forms_a.get(form, 0), forms_b.get(form, 0)
        if before != after:
            rows.append((f"  {form}", human(before), human(after), _change(before, after)))
    whole_a, whole_b = (
        sum(file.n_bytes or 0 for file in report.inventory.files) for report in (a, b)
    )
    rows.append(("files", n_bytes(whole_a), n_bytes(whole_b), _change(whole_a, whole_b)))
    return rows


def by_dtype(report: Report) -> Counter[str]:
    """Bytes of parameters and of their scales by stored type, the most first."""
    found: Counter[str] = Counter()
    for key in report.inventory.parameter_tensors:
        tensor = report.inventory.model.stored.get(key)
        if tensor is not None:
            found[tensor.dtype.name] += tensor.n_bytes
    for other in report.others:
        if other.role == "quantization":
            found["scales, zero points"] += other.n_bytes
    return Counter(dict(found.most_common()))


def relations(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for relation in Relation:
        of = [pair for pair in pairs if pair.relation is relation]
        if of:
            rows_a, rows_b = _once(pair.a for pair in of), _once(pair.b for pair in of)
            count = sum(row.count or 0 for row in rows_a) or sum(row.count or 0 for row in rows_b)
            size_a, size_b = (sum(row.n_bytes for row in side) for side in (rows_a, rows_b))
            rows.append(
                (relation.value, f"{len(of)}", f"{count:,}", n_bytes(size_a), n_bytes(size_b))
            )
    return rows


def _once(rows: Iterable[Row | None]) -> list[Row]:
    """Each row once, though it may stand in several pairs."""
    return list({id(row): row for row in rows if row is not None}.values())


def modules(made: Comparison) -> list[tuple[str, ...]]:
    """Modules whose bytes or types differ, the largest change first; a module whose change is that
    of one child alone is left out.
    """
    if all(_is_alike(pair) for pair in made.pairs):
        return []
    changed = {name: each for name, each in _by_module(made.pairs).items() if each.is_changed}
    alone = {
        name
        for name in changed
        for child in changed
        if child.startswith(f"{name}.") and changed[child].sizes == changed[name].sizes
    }
    ordered = sorted(
        (name for name in changed if name not in alone),
        key=lambda name: -abs(changed[name].after - changed[name].before),
    )
    return [_module_cells(name, changed[name]) for name in ordered]


class _Module(NamedTuple):
    """The bytes of a module in A and in B, and their types."""

    before: int = 0
    after: int = 0
    types_a: frozenset[str] = frozenset()
    types_b: frozenset[str] = frozenset()

    @property
    def sizes(self) -> tuple[int, int]:
        return self.before, self.after

    @property
    def is_changed(self) -> bool:
        return self.before != self.after or self.types_a != self.types_b

    def plus(self, more: _Module) -> _Module:
        """Both together."""
        return _Module(
            self.before + more.before,
            self.after + more.after,
            self.types_a | more.types_a,
            self.types_b | more.types_b,
        )


def _is_alike(pair: Pair) -> bool:
    """Whether both sides of a pair have as many bytes of the same type."""
    if pair.a is None or pair.b is None:
        return False
    return (pair.a.n_bytes, pair.a.dtype) == (pair.b.n_bytes, pair.b.dtype)


def _by_module(pairs: Iterable[Pair]) -> dict[str, _Module]:
    """Name -> the module; each row counts once, though it may stand in several pairs."""
    found: dict[str, _Module] = {}
    done: set[int] = set()
    for pair in pairs:
        new = [row for row in (pair.a, pair.b) if row is not None and id(row) not in done]
        done.update(map(id, new))
        before, after = (
            sum(row.n_bytes for row in new if row is side) for side in (pair.a, pair.b)
        )
        more = _Module(before, after, _types_of(pair.a), _types_of(pair.b))
        for name in _modules_of(pair.name):
            found[name] = found.get(name, _Module()).plus(more)
    return found


def _types_of(row: Row | None) -> frozenset[str]:
    if row is None or not row.dtype or not row.n_bytes:
        return frozenset()
    return frozenset({row.dtype})


def _modules_of(name: str) -> Iterator[str]:
    """The modules that a parameter stands in, the outermost first, to the depth of the tree."""
    segments = name.replace("/", ".").split(".")
    for depth in range(1, min(DEPTH, max(1, len(segments) - 1)) + 1):
        yield ".".join(segments[:depth])


def _module_cells(name: str, module: _Module) -> tuple[str, ...]:
    """One module as text, a cell for each column."""
    types = [", ".join(sorted(side)) for side in (module.types_a, module.types_b)]
    return (
        plain(name),
        n_bytes(module.before),
        n_bytes(module.after),
        _change(module.before, module.after),
        types[0] if types[0] == types[1] else f"{types[0] or '-'} -> {types[1] or '-'}",
    )


def _change(before: int, after: int) -> str:
    if before == after:
        return "="
    return f"{100 * (after - before) / before:+.1f} %" if before else "new"


def cells(pair: Pair) -> tuple[str, ...]:
    """One pair as text, a cell for each column."""
    a, b = pair.a, pair.b
    shapes = [shape(row.shape) if row is not None else "-" for row in (a, b)]
    types = [row.dtype or "?" if row is not None else "-" for row in (a, b)]
    sizes = [f"{row.n_bytes:,}" if row is not None else "-" for row in (a, b)]
    return (
        plain(a.name) if a is not None else "-",
        plain(b.name) if b is not None else "-",
        pair.by.value,
        pair.relation.value,
        shapes[0] if shapes[0] == shapes[1] else " | ".join(shapes),
        types[0] if types[0] == types[1] else " | ".join(types),
        sizes[0] if sizes[0] == sizes[1] else " | ".join(sizes),
        "" if pair.largest is None else f"{pair.largest:.3g}",
        "" if pair.relative is None else f"{pair.relative:.2%}",
        "" if pair.sqnr is None else f"{pair.sqnr:.1f}",
        plain(pair.how),
    )


def markdown(made: Comparison, full: bool = False) -> str:
    """The same as Markdown, fit for a release note."""
    out = [
        f"# {plain(made.a.name)} and {plain(made.b.name)}",
        "",
        f"A: `{plain(made.path_a)}`, B: `{plain(made.path_b)}`",
        "",
    ]
    out += markdown_table(("", "A", "B", "Change"), totals(made), frozenset({1, 2, 3}))
    out += markdown_table(
        ("Relation", "Pairs", "Parameters", "Bytes in A", "Bytes in B"),
        relations(made.pairs),
        frozenset({1, 2, 3, 4}),
    )
    tree = modules(made)
    if tree:
        out += markdown_table(
            ("Module", "Bytes in A", "Bytes in B", "Change", "Types"),
            tree[: None if full else MAX_MODULES],
            frozenset({1, 2, 3}),
        )
    shown, left = chosen(made, full)
    if shown:
        out += markdown_table(_TITLES, [cells(pair) for pair in shown], _NUMBERS)
    if left:
        out += [left, ""]
    return "\n".join(out)
