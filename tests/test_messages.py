"""Every message of the product on one page: what changes is read in review, and all are of one style."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import onnx_params

PACKAGE = Path(onnx_params.__file__).parent
EXPORTERS = PACKAGE.parent / "exporters" / "onnx_params_exporters"
PAGE = Path(__file__).parent / "golden" / "messages.txt"
ERRORS = frozenset(
    {
        "UsageError",
        "UnreadableError",
        "FormatError",
        "MissingDataError",
        "UnsupportedError",
        "DependencyError",
        "ExportError",
    }
)


def template(node: ast.expr) -> str:
    """A string as it is written, with ``{}`` for what is put in; empty where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""


def messages() -> Iterator[str]:
    """The messages of all errors that are raised."""
    for folder in (PACKAGE, EXPORTERS):
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                if is_call and node.func.id in ERRORS and node.args:
                    text = template(node.args[0])
                    if text.replace("{}", "").strip():
                        yield text


def test_page() -> None:
    """The page lists them all; write it anew with ``python tests/test_messages.py``."""
    assert PAGE.read_text().splitlines() == sorted(set(messages()))


def test_style() -> None:
    """A message is one clause without a full stop or an exclamation, and no line in itself."""
    for text in messages():
        assert not text.endswith((".", "!")) or text.endswith("..."), text
        assert "\n" not in text and "  " not in text, text
        assert not re.search(r"\b(please|sorry|oops|invalid|illegal)\b", text.lower()), text


if __name__ == "__main__":
    PAGE.write_text("".join(f"{text}\n" for text in sorted(set(messages()))))
