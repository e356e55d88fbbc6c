"""Take the pictures of the pages under docs/images: what a reader of the documentation sees.

``python docs/pictures.py`` makes all of them: it exports GPT-2 with random weights, builds small
models of its own, writes their pages, and opens them in a headless Chromium. It needs the extras
``test`` and ``test-browser``, Chromium, and for the picture of the site ``make site``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import screens

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "images"
SITE: Final = ROOT / ".cache" / "site" / "index.html"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
PAINTED: Final = "() => performance.getEntriesByName('painted').length > 0"
FINISHED: Final = 500  # milliseconds after the first paint
MAX_BYTES: Final = 200_000  # of a picture
GPT2: Final = "export transformers gpt2 --random-init -o gpt2.onnx --force"
# page -> the words after "onnx-params"
PAGES: Final[Mapping[str, str]] = {
    "report": "analyze gpt2.onnx",
    "compare": "compare net.onnx net_q4.onnx",
    "audit": "audit net_q4.onnx --reference net.safetensors",
    "failed": "audit wrong.onnx --reference net.safetensors",
}


class Picture(NamedTuple):
    """One picture: of which page, set to what, how wide and high, light or dark."""

    name: str
    page: str
    words: str
    width: int
    height: int
    scheme: str


PICTURES: Final = (
    Picture("page-report", "report", "open=4", 1440, 1240, "light"),
    Picture("page-report-dark", "report", "zoom=h.0+…+11&colour=kind", 1440, 900, "dark"),
    Picture("page-report-800", "report", "map=icicle", 800, 1100, "dark"),
    Picture("page-report-400", "report", "", 400, 1560, "light"),
    Picture("page-compare", "compare", "open=0", 1440, 1120, "light"),
    Picture("page-compare-400", "compare", "", 400, 1400, "dark"),
    Picture("page-audit", "audit", "open=0", 1440, 1120, "dark"),
    Picture("page-audit-failed-800", "failed", "", 800, 1000, "light"),
    Picture("page-site", "site", "", 1440, 560, "light"),
)


def main() -> None:
    """Take every picture."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit("no Chromium is installed")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        addresses = written(Path(name))
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for path in taken(browser, addresses):
            print(path.relative_to(ROOT).as_posix())
        browser.close()


def written(folder: Path) -> dict[str, str]:
    """The address of each page, by its name."""
    screens.build(folder)
    run(GPT2, folder)
    for name, words in PAGES.items():
        run(f"{words} --format html -o {name}.html", folder)
    found = {name: (folder / f"{name}.html").as_uri() for name in PAGES}
    return found | ({"site": SITE.as_uri()} if SITE.exists() else {})


def run(words: str, folder: Path) -> None:
    """Run the tool; differences and findings are no failure here."""
    done = subprocess.run(
        [sys.executable, "-m", "onnx_params", *words.split()],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"onnx-params {words}:\n{done.stderr}")


def taken(browser: Browser, addresses: Mapping[str, str]) -> Iterator[Path]:
    """The pictures of the pages that are there."""
    for each in PICTURES:
        if each.page not in addresses:
            continue
        context = browser.new_context(
            viewport={"width": each.width, "height": each.height},
            color_scheme="dark" if each.scheme == "dark" else "light",
        )
        page = context.new_page()
        page.goto(f"{addresses[each.page]}#{each.words}")
        page.wait_for_function(PAINTED)
        page.wait_for_timeout(FINISHED)
        path = FOLDER / f"{each.name}.png"
        page.screenshot(path=path)
        context.close()
        if path.stat().st_size > MAX_BYTES:
            raise SystemExit(f"{path.name}: {path.stat().st_size} bytes, {MAX_BYTES} allowed")
        yield path


if __name__ == "__main__":
    main()
