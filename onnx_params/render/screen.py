"""Lay lines and tables out for a window: columns that have no room are left out and named, names
are shortened in their middle, and no line is longer than the window is wide.

A record that can be shown is a list of blocks; :func:`text` makes one text of them. Without a width
nothing is left out: that is what pipes and files get.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

GAP: Final = 2  # blanks between columns
LEAST: Final = 24  # characters that a shortened cell keeps, if it had as many
ELLIPSIS: Final = "..."
# style -> the code of a terminal that has 16 colours; all of them can be read on black and on white
_CODES: Final = {
    "good": "32",
    "bad": "1;31",
    "warn": "33",
    "note": "36",
    "title": "1",
    "dim": "2",
    "vector": "36",
    "matrix": "32",
    "tensor": "35",
}
_INDENT: Final = re.compile(r" *")

Style = Callable[[int, int], str]  # row, column -> a style, or none


class Window(NamedTuple):
    """Where a text is shown: how wide it is, ``None`` where there is no limit, and whether it has
    colours.
    """

    width: int | None = None
    has_colour: bool = False


class Line(NamedTuple):
    """A paragraph, which is wrapped at words; further lines of it are indented."""

    text: str = ""
    style: str = ""


class Column(NamedTuple):
    """A column of a table.

    ``drop`` says when it is left out for lack of room: the highest first, 0 never. Cells of one
    that is ``long`` are shortened, names in their middle, ``prose`` at its end. ``mark`` has a
    character for each row that goes behind the first cell where this column is left out.
    """

    title: str
    right: bool = False
    drop: int = 0
    long: bool = False
    mark: Sequence[str] = ()
    prose: bool = False


class Table(NamedTuple):
    """Rows under titles; ``more`` says what was left out of them, and what shows it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    style: Style | None = None
    more: str = ""


Block = Line | Table
PIPE: Final = Window()  # no limit, no colours


def text(blocks: Iterable[Block], window: Window = PIPE) -> str:
    """The blocks as one text, with a line end."""
    lines: list[str] = []
    for block in blocks:
        if isinstance(block, Line):
            lines += _paragraph(block, window)
        else:
            lines += _table(block, window)
    return "\n".join(lines) + "\n"


def painted(text: str, style: str, window: Window) -> str:
    """Text in a style, where the window has colours."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and window.has_colour and text else text


def width_of(text: str) -> int:
    """How many cells of a terminal a text takes: two for wide characters, none for marks."""
    if text.isascii():
        return len(text)
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """Text in at most so many cells: for names differ at both ends, the middle gives way."""
    if width_of(text) <= width:
        return text
    if width <= len(ELLIPSIS):
        return ELLIPSIS[:width]
    room = width - len(ELLIPSIS)
    end = room - room // 3  # the end of a name says more
    return f"{_cut(text, room - end)}{ELLIPSIS}{_cut(text[::-1], end)[::-1]}"


def ended(text: str, width: int) -> str:
    """Text in at most so many cells: its end gives way."""
    if width_of(text) <= width:
        return text
    return f"{_cut(text, max(0, width - len(ELLIPSIS))).rstrip()}{ELLIPSIS}"[: max(1, width)]


def _cut(text: str, width: int) -> str:
    """The beginning that takes at most so many cells."""
    taken = 0
    for at, character in enumerate(text):
        taken += _width_of(character)
        if taken > width:
            return text[:at]
    return text


def _paragraph(line: Line, window: Window) -> list[str]:
    if window.width is None or width_of(line.text) <= window.width:
        return [painted(line.text, line.style, window)]
    found = _INDENT.match(line.text)
    indent = found[0] if found is not None else ""
    made: list[str] = []
    current = indent
    for word in line.text.split():
        room = window.width - width_of(current) - (1 if current.strip() else 0)
        if current.strip() and width_of(word) > room:
            made.append(current)
            current = f"{indent}  "
        word = shortened(word, window.width - width_of(current))
        current += f" {word}" if current.strip() else word
    return [painted(each, line.style, window) for each in (*made, current)]


def _table(table: Table, window: Window) -> Iterator[str]:
    """Titles, a rule, rows; then what was left out."""
    shown = _Layout(table, window.width)
    yield painted(shown.line([column.title for column in table.columns]), "title", window)
    yield painted("  ".join("-" * shown.widths[at] for at in shown.columns), "dim", window)
    for number, row in enumerate(table.rows):
        yield shown.line(shown.marked(number, row), _painter(table, number, window))
    left = [table.columns[at].title for at in shown.left_out]
    if left:
        line = Line(f"(no room for: {', '.join(left)}; a wider window or a pipe has all)", "dim")
        yield from _paragraph(line, window)
    if table.more:
        yield from _paragraph(Line(table.more, "dim"), window)


def _painter(table: Table, number: int, window: Window) -> Callable[[int, str], str]:
    def paint(column: int, cell: str) -> str:
        style = "" if table.style is None else table.style(number, column)
        return painted(cell, style, window)

    return paint


class _Layout:
    """Which columns of a table are shown, and how wide each is."""

    def __init__(self, table: Table, width: int | None) -> None:
        self._table = table
        cells = [[column.title for column in table.columns], *table.rows]
        self.widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
        self.columns = list(range(len(table.columns)))
        self.left_out: list[int] = []
        self._marks: list[int] = []
        if width is not None:
            self._fit(width)

    def _fit(self, width: int) -> None:
        """Leave out columns until the others have room, then shorten long cells."""
        order = sorted(
            (at for at in self.columns if self._table.columns[at].drop),
            key=lambda at: -self._table.columns[at].drop,
        )
        for at in order:
            if self._least() <= width:
                break
            self.columns.remove(at)
            self.left_out.append(at)
            if self._table.columns[at].mark and at != 0:
                self._marks.append(at)
                self.widths[0] += 2
        self.left_out.sort()
        for at in self._long():
            over = self._total() - width
            if over > 0:
                self.widths[at] = max(min(LEAST, self.widths[at]), self.widths[at] - over)
        # a window that is too narrow for the shortest of them
        for at in sorted(self.columns, key=lambda at: -self.widths[at]):
            over = self._total() - width
            if over > 0:
                self.widths[at] = max(len(ELLIPSIS), self.widths[at] - over)

    def _long(self) -> list[int]:
        """The columns whose cells may be shortened, the widest first."""
        long = [at for at in self.columns if self._table.columns[at].long]
        return sorted(long, key=lambda at: -self.widths[at])

    def _total(self) -> int:
        return sum(self.widths[at] + GAP for at in self.columns) - GAP

    def _least(self) -> int:
        """How wide the columns are with long cells shortened, but to no less than half."""
        saved = sum(
            max(0, self.widths[at] - max(LEAST, self.widths[at] // 2)) for at in self._long()
        )
        return self._total() - saved

    def marked(self, number: int, row: Sequence[str]) -> Sequence[str]:
        """The row with the marks of columns that were left out."""
        marks = "".join(self._table.columns[at].mark[number] for at in self._marks)
        if not marks:
            return row
        first = shortened(row[0], self.widths[0] - width_of(marks) - 1)
        return [f"{first} {marks}", *row[1:]]

    def line(
        self, row: Sequence[str], paint: Callable[[int, str], str] = lambda column, cell: cell
    ) -> str:
        made: list[str] = []
        for at in self.columns:
            column = self._table.columns[at]
            shorten = ended if column.prose else shortened
            cell = shorten(row[at], self.widths[at])
            room = " " * (self.widths[at] - width_of(cell))
            shown = paint(at, cell)
            made.append(f"{room}{shown}" if column.right else f"{shown}{room}")
        return (" " * GAP).join(made).rstrip()
