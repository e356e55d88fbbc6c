"""Translate the docstrings of the package for mkdocstrings: from reStructuredText to Markdown.

What the package uses of it: roles (``:class:`Report```), literals in double backquotes, literal
blocks after ``::``, examples with ``>>>``.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``")
_EXAMPLE = re.compile(r"(?:^|(?<=\n))(>>> .*(?:\n(?!\n).+)*)")
_BLOCK = re.compile(r"^::\n\n((?:    .*\n?|\n)+)", re.MULTILINE)


def markdown(text: str) -> str:
    """A docstring as Markdown."""
    text = _BLOCK.sub(lambda found: f"```text\n{_dedented(found[1])}\n```\n", text)
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    text = _LITERAL.sub(r"`\1`", text)
    return _EXAMPLE.sub(r"```pycon\n\1\n```", text)


def _dedented(block: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in block.rstrip().splitlines())


class Docstrings(griffe.Extension):
    """Translate each docstring when its object has been read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Replace the text of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
