"""Open pages in a headless Chromium that is there already, and hear what they say and ask for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAINTED = "() => performance.getEntriesByName('painted').length > 0"
AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, with all that it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names in the rows that are on the screen."""
        return self.page.locator(".row .name bdi").all_text_contents()

    def fragment(self) -> str:
        """What the address keeps, after the time that it takes to follow."""
        self.page.wait_for_timeout(250)
        found: str = self.page.evaluate("decodeURIComponent(location.hash)")
        return found

    def number(self) -> str:
        """How many rows are listed, as the page says it."""
        return self.page.locator(".toolbar .number").first.inner_text()


@contextmanager
def visit(
    browser: Browser, address: str, *, width: int = 1440, scheme: str = "light", **options: Any
) -> Iterator[Visit]:
    """A page in a window of its own; nothing but itself may be asked for, and no error said."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        **options,
    )
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.goto(address)
    page.wait_for_function(PAINTED, timeout=60_000)
    yield seen
    own = address.partition("#")[0]
    assert [] == seen.said, seen.said
    # what the page makes of its own data is no request
    others = [each for each in seen.asked if not each.startswith((own, "data:", "blob:"))]
    assert [] == others
    context.close()


def violations(browser: Browser, address: str, **options: Any) -> list[str]:
    """What axe-core finds on a page: its rules and the elements."""
    if not AXE.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core comes by npm, which is not installed")
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=ROOT / "page", check=True)
    script = AXE.read_text(encoding="utf-8")
    with visit(browser, address, bypass_csp=True, **options) as seen:
        seen.page.evaluate(script)
        found = seen.page.evaluate("axe.run()")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
