"""Put a document and the bundle that shows it into one HTML file, which asks for nothing else.

The bundle beside this module is built from ``page/`` of the repository (``make page``). Nothing of
the document can become markup or code: it is compressed, then base64, and the policy names the
scripts and the style sheet by their hashes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from html import escape
from importlib.resources import files
from typing import Any, Final

from onnx_params.plain import plain

LINE: Final = 20_000  # characters of base64 on a line: editors and pagers bear it


def page(document: dict[str, Any], title: str, fallback: str, live: str = "") -> str:  # JSON
    """The page of a document.

    ``fallback`` is HTML for readers without scripts. ``live`` is the address, relative to the page,
    that says when to reload it; only a page that a server gives has one.
    """
    loader, script, style = map(_file, ("loader.js", "page.js", "style.css"))
    policy = _policy(loader, script, style, live)
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        *([f'<meta name="live" content="{escape(live)}">'] if live else []),
        '<link rel="icon" href="data:,">',
        f"<title>{escape(plain(title))}</title>",
    ]
    text = json.dumps(document, separators=(",", ":"))
    body = [
        f'<main id="page"><noscript>{fallback}</noscript></main>',
        *(
            _block(name, part)
            for name, part in (("style", style), ("script", script), ("data", text))
        ),
        f'<script type="module">{loader}</script>',
    ]
    lines = ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body]
    return "\n".join([*lines, "</body>", "</html>", ""])


def _policy(loader: str, script: str, style: str, live: str) -> str:
    """What the page may do: run and look as these texts say, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(loader)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "connect-src 'self'" if live else "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types page",
        )
    )


def _block(name: str, text: str) -> str:
    """Text as an element that runs nothing: gzip, then base64 in lines."""
    data = base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")
    lines = "\n".join(data[at : at + LINE] for at in range(0, len(data), LINE))
    return f'<script type="application/gzip+base64" id="{name}">\n{lines}\n</script>'


def _file(name: str) -> str:
    """A file of the bundle."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8").rstrip("\n")


def _hash(text: str) -> str:
    """The source expression that lets this inline text through a policy, and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
