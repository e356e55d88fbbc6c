"""Take a page apart: its policy, its parts, its document."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

_BLOCK = re.compile(
    r'<script type="application/gzip\+base64" id="(\w+)">\n([A-Za-z0-9+/=\n]+)\n</script>'
)


def blocks(page: str) -> dict[str, str]:
    """The packed parts of a page as text: style, script, data."""
    return {
        name: gzip.decompress(base64.b64decode(body)).decode()
        for name, body in _BLOCK.findall(page)
    }


def document(page: str) -> dict[str, Any]:  # JSON
    """The document that a page shows."""
    found: dict[str, Any] = json.loads(blocks(page)["data"])
    return found


def policy(page: str) -> dict[str, list[str]]:
    """The page's Content-Security-Policy, by directive."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    parts = [each.split() for each in found[1].split(";")]
    return {words[0]: words[1:] for words in parts}
