"""Pages in a headless Chromium: what a reader does with them, how fast they are, whom they shut out.

Every visit asserts that the page says no error and asks for nothing but itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.browser import PAINTED, Visit, chromium, violations, visit
from support.graphs import Chain, checkpoint, nbits
from support.process import called
from test_page import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
LARGE = 20_000  # rows
NORM = ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")
FIRST_PAINT = 1500  # milliseconds, of a large page
FRAMES = 30  # a second, while a large page scrolls
SCROLL = """() => new Promise((done) => {
  let frames = 0;
  const start = performance.now();
  const step = (now) => {
    frames += 1;
    scrollBy(0, 400);
    if (now - start < 2000) requestAnimationFrame(step);
    else done([frames, (1000 * frames) / (now - start)]);
  };
  requestAnimationFrame(step);
})"""


FIRST_CONTENTFUL = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def written(path: Path, *words: str, status: int = 0) -> str:
    """The address of the page that a command writes."""
    done = called(*words, "--format", "html", "-o", str(path))
    assert (status, "") == (done.returncode, done.stderr)
    return path.as_uri()


@pytest.fixture(scope="module")
def report(gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of GPT-2."""
    return written(tmp_path_factory.mktemp("report") / "gpt2.html", "analyze", str(gpt2))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of 20,000 rows in 100 layers that are not alike."""
    folder = tmp_path_factory.mktemp("large")
    chain = Chain()
    draw = np.random.default_rng(0)
    for at in range(LARGE):
        weight = np.ones((int(draw.integers(1, 9)), 4), np.float32)
        name = f"model.layers.{at // 200}.experts.{at % 200 // 2}.w{at % 2}.weight"
        chain.node("MatMul", chain.last, chain.keep(name, weight))
    return written(folder / "large.html", "analyze", str(chain.save(folder / "large.onnx")))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a model whose names are markup, control characters, and without end."""
    folder = tmp_path_factory.mktemp("hostile")
    chain = Chain()
    for at, name in enumerate(HOSTILE):
        chain.linear(name, np.full((4, 4), at + 1, np.float32))
    return written(folder / "hostile.html", "analyze", str(chain.save(folder / "hostile.onnx")))


@pytest.fixture
def seen(browser: Browser, report: str) -> Iterator[Visit]:
    """A visit to the page of GPT-2."""
    with visit(browser, report) as made:
        yield made


# --- a report ---


def test_the_head_is_the_report(seen: Visit) -> None:
    """Totals, the verdict and the shares are those of the report."""
    text = seen.page.locator("main").inner_text()
    for words in (
        "gpt2",
        "All 148 names are certain",
        "124,439,808, 124.32M stored",
        "497.28 MB",
        "31.97",
        "148 certain, 0 inferred, 0 unknown",
        "Matrix",
        "99.90 %",
        "structure",
    ):
        assert words in text, words


def test_a_column_sorts(seen: Visit) -> None:
    """Numbers go down first, then up, then back to the original's order."""
    title = seen.page.get_by_role("columnheader", name="Parameters").get_by_role("button")
    first = seen.names()[0]
    title.click()
    assert "wte.weight" == seen.names()[0]
    assert "h.0.mlp.c_fc.weight" == seen.names()[1]
    title.click()
    assert "h.0.ln_1.weight" == seen.names()[0]
    assert "#sort=count" == seen.fragment()
    title.click()
    assert first == seen.names()[0]


@pytest.mark.parametrize(
    ("typed", "count"),
    [("h.*.attn.c_attn.weight", 12), ("ln_1", 24), ("H.1?.ln_1.BIAS", 2), ("nothing", 0)],
)
def test_a_filter_is_text_or_a_glob(seen: Visit, typed: str, count: int) -> None:
    """Of a glob the whole name must match, of text a part of it."""
    seen.page.get_by_role("searchbox").fill(typed)
    assert f"{count} of 148" == seen.number()
    assert f"#q={typed}" == seen.fragment()
    if not count:
        seen.page.get_by_role("button", name="Show all 148").click()
        assert "148 rows" == seen.number()


def test_facets_filter(seen: Visit) -> None:
    """By kind, and by view."""
    seen.page.locator(".facets label", has_text="Kind").locator("select").select_option("norm")
    assert "50 of 148" == seen.number()
    seen.page.locator(".facets label", has_text="View").locator("select").select_option("merged")
    assert seen.number().endswith(" of 148") and "50 of 148" != seen.number()


def test_modules_fold(seen: Visit) -> None:
    """A click on a module, or the keyboard, hides what is below it."""
    module = seen.page.locator(".group", has_text="h.0").first
    assert "true" == module.get_attribute("aria-expanded")
    before = len(seen.names())
    module.click()
    assert "false" == seen.page.locator(".group", has_text="h.0").first.get_attribute(
        "aria-expanded"
    )
    assert "h.0.ln_1.weight" not in seen.names() and before
    seen.page.get_by_role("button", name="Fold all").click()
    assert ["wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"] == seen.names()


def test_a_row_opens(seen: Visit) -> None:
    """Below a row stands where it is stored, and why it is called so."""
    seen.page.locator(".row", has_text="h.0.attn.c_attn.weight").click()
    detail = seen.page.locator(".detail").inner_text()
    assert "certain by signature" in detail
    assert "the signature lists it and a stored tensor bears its name" in detail
    assert "float32 (768, 2304), 7.08 MB, external, initializer" in detail


def test_the_keyboard_goes_through_the_table(seen: Visit) -> None:
    """Arrows move, Enter opens, the left arrow goes to the module."""
    seen.page.locator(".row").first.focus()
    for key in ("ArrowDown", "Enter"):
        seen.page.keyboard.press(key)
        seen.page.wait_for_timeout(80)
    assert 1 == seen.page.locator(".detail").count()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"):
        seen.page.keyboard.press(key)
        seen.page.wait_for_timeout(80)
    assert "h.0" == seen.page.evaluate("document.activeElement.querySelector('bdi').textContent")


def test_a_click_in_the_map_goes_into_a_module(seen: Visit) -> None:
    """The table then lists what is in it, and the way back leads out."""
    canvas = seen.page.locator(".map canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 60, "y": 10})
    assert "144 of 148" == seen.number()
    assert "zoom=h.0 … 11" in seen.fragment().replace("+", " ")
    seen.page.get_by_role("button", name="Whole model").click()
    assert "148 rows" == seen.number()
    canvas.click(position={"x": box["width"] - 60, "y": 60})  # a module of one row: it opens
    assert "38,597,376" in seen.page.locator(".row.open").inner_text()


def test_the_keyboard_goes_through_the_map(seen: Visit) -> None:
    """Each area is said; Enter goes in, Escape out."""
    seen.page.locator(".map canvas").focus()
    seen.page.keyboard.press("ArrowRight")
    said = seen.page.locator(".map [role=status]")
    assert "h.0 … 11: 85.05M parameters, 68.35 %" == said.inner_text()
    seen.page.keyboard.press("Enter")
    assert "144 of 148" == seen.number()
    seen.page.keyboard.press("Escape")
    assert "148 rows" == seen.number()


def test_a_link_shows_what_its_sender_saw(browser: Browser, report: str) -> None:
    """Filter, sort, zoom, columns, colour and theme stand in the address."""
    words = "zoom=h.3&sort=-count&cols=shape,stored&colour=evidence&theme=dark&map=icicle&open=40"
    with visit(browser, f"{report}#{words}") as seen:
        assert "12 of 148" == seen.number()
        titles = seen.page.get_by_role("columnheader").all_inner_texts()
        assert ["Name", "Shape", "Stored as"] == [each.strip() for each in titles]
        assert "dark" == seen.page.evaluate("document.documentElement.dataset.theme")
        assert "h.3.mlp.c_fc.weight" == seen.names()[0]


def test_rows_are_copied(browser: Browser, report: str) -> None:
    """As Markdown and as CSV, what is listed with the columns that are shown."""
    rights = ["clipboard-read", "clipboard-write"]
    with visit(browser, f"{report}#q=wpe&cols=shape,count", permissions=rights) as seen:
        seen.page.get_by_text("Copy", exact=True).click()
        seen.page.get_by_role("button", name="Copy as Markdown").click()
        seen.page.wait_for_timeout(100)
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert "| wpe.weight | (1024, 768) | 786,432 |" == copied.splitlines()[2]
        seen.page.get_by_role("button", name="Copy as CSV").click()
        seen.page.wait_for_timeout(100)
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert 'Name,Shape,Parameters\nwpe.weight,"(1024, 768)",786432\n' == copied
        seen.page.keyboard.press("Escape")
        assert 0 == seen.page.locator(".menu[open]").count()


def test_what_is_no_parameter_has_its_role(browser: Browser, tmp_path: Path) -> None:
    """The other stored tensors have role, rule and reason."""
    chain = Chain()
    chain.linear("fc.weight", np.arange(12, dtype=np.float32).reshape(3, 4))
    values = [chain.keep(name, np.full(3, at, np.float32)) for at, name in enumerate(NORM)]
    chain.node("BatchNormalization", chain.last, *values)
    chain.node("Reshape", chain.last, chain.keep("size", np.array([1, -1])))
    page = written(tmp_path / "page.html", "analyze", str(chain.save(tmp_path / "model.onnx")))
    with visit(browser, page) as seen:
        seen.page.get_by_role("tab", name="Other stored tensors").click()
        role = seen.page.locator(".facets label", has_text="Role")
        role.locator("select").select_option("buffer")
        assert ["norm.running_mean", "norm.running_var"] == seen.names()
        seen.page.locator(".row").first.click()
        assert "buffer by rule" in seen.page.locator(".detail").inner_text()
        assert "tab=others" in seen.fragment()


def test_paper_has_every_row(seen: Visit) -> None:
    """Printed, all rows of all lists stand there, in light colours."""
    seen.page.emulate_media(color_scheme="dark")
    assert seen.page.locator(".row").count() < 148
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert 148 + 20 == seen.page.locator(".row").count()
    assert "light" == seen.page.evaluate("document.documentElement.dataset.theme")
    pdf = seen.page.pdf()
    assert pdf.startswith(b"%PDF")
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert seen.page.locator(".row").count() < 148


@pytest.mark.parametrize("width", [1440, 800, 400])
def test_nothing_is_wider_than_the_window(browser: Browser, report: str, width: int) -> None:
    """Columns go where there is no room; the page does not scroll sideways."""
    with visit(browser, f"{report}#open=4", width=width) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert "wte.weight" in seen.names()


# --- several models, comparisons, audits ---


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 4 layers, the same in 4 bits, its checkpoint, and one that differs."""
    folder = tmp_path_factory.mktemp("models")
    draw = np.random.default_rng(0)
    weights = {
        f"enc.{at}.fc.weight": draw.normal(size=(64, 64)).astype(np.float32) for at in range(4)
    }
    whole, packed = Chain(), Chain()
    for name, weight in weights.items():
        whole.linear(name, weight)
        nbits(packed, name, weight)
    whole.save(folder / "model.onnx")
    packed.save(folder / "model_q4.onnx")
    checkpoint(folder / "model.safetensors", **weights)
    changed = {name: weight.copy() for name, weight in weights.items()}
    changed["enc.2.fc.weight"][3, 5] += 1
    checkpoint(folder / "other.safetensors", **changed)
    return folder


@pytest.fixture(scope="module")
def written_pages(models: Path) -> dict[str, str]:
    """The pages of these models, by what they show."""
    whole, packed = str(models / "model.onnx"), str(models / "model_q4.onnx")
    reference, other = str(models / "model.safetensors"), str(models / "other.safetensors")
    page = lambda name: models / f"{name}.html"  # noqa: E731
    return {
        "several": written(page("several"), "analyze", whole, packed, "--stats"),
        "compare": written(page("compare"), "compare", whole, packed, status=1),
        "audit": written(page("audit"), "audit", packed, "--reference", reference),
        "failed": written(page("failed"), "audit", whole, "--reference", other, status=1),
        "audits": written(page("audits"), "audit", whole, packed),
    }


def test_models_stand_side_by_side(browser: Browser, written_pages: dict[str, str]) -> None:
    """A click on a model shows all of it below, with its numbers."""
    with visit(browser, written_pages["several"]) as seen:
        assert 2 == seen.page.locator(".card").count()
        seen.page.get_by_role("button", name="model_q4").click()
        assert "model=1" in seen.fragment()
        assert "bits a weight" in seen.page.locator(".card.on").inner_text()
        seen.page.locator(".row").first.click()
        assert 1 == seen.page.locator(".detail .histogram").count()
        assert 4 <= seen.page.locator(".row .spark").count()


def test_a_comparison_lists_changes_first(browser: Browser, written_pages: dict[str, str]) -> None:
    """Two maps, totals with their change, and each pair with its reason."""
    with visit(browser, written_pages["compare"]) as seen:
        assert 2 == seen.page.locator(".map canvas").count()
        text = seen.page.locator("main").inner_text()
        assert "They differ in dtype: 4 of 4 pairs of tensors" in text
        seen.page.locator(".row").first.click()
        detail = seen.page.locator(".detail").inner_text()
        assert "quantized, paired by" in detail and "SQNR" in detail
        seen.page.get_by_role("columnheader", name="SQNR dB").get_by_role("button").click()
        assert "sort=-sqnr_db" in seen.fragment()


def test_a_finding_leads_to_its_row(browser: Browser, written_pages: dict[str, str]) -> None:
    """The failed tensor is the first row, and the finding opens it."""
    with visit(browser, written_pages["failed"]) as seen:
        assert "FAILED" in seen.page.locator(".verdict.bad").inner_text()
        assert "enc.2.fc.weight" == seen.names()[0]
        seen.page.locator(".rule.error").get_by_role("button", name="enc.2.fc.weight").click()
        seen.page.wait_for_timeout(200)
        assert (
            "1 of 4,096 elements differ, first at [3, 5]"
            in seen.page.locator(".detail").inner_text()
        )


def test_an_audit_shows_what_quantization_cost(
    browser: Browser, written_pages: dict[str, str]
) -> None:
    """SQNR, and the residuals of each tensor as bars."""
    with visit(browser, written_pages["audit"]) as seen:
        assert 4 == seen.page.locator(".row .spark").count()
        seen.page.locator(".row").first.click()
        assert "SQNR" in seen.page.locator(".detail").inner_text()
        assert 1 == seen.page.locator(".detail .histogram").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["several", "compare", "audit", "failed", "audits"])
def test_axe_finds_nothing_on_the_others(
    browser: Browser, written_pages: dict[str, str], name: str, scheme: str
) -> None:
    """axe-core's rules on several models, a comparison, and audits."""
    assert [] == violations(browser, f"{written_pages[name]}#open=0", scheme=scheme)


@pytest.mark.parametrize("width", [800, 400])
@pytest.mark.parametrize("name", ["several", "compare", "audit", "failed", "audits"])
def test_the_others_fit_their_window(
    browser: Browser, written_pages: dict[str, str], name: str, width: int
) -> None:
    """No page scrolls sideways."""
    with visit(browser, f"{written_pages[name]}#open=0", width=width) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_served_page_loads_anew(browser: Browser, tmp_path: Path) -> None:
    """When the file changes, with what the reader has set; nothing else is asked for."""
    chain = Chain()
    chain.linear("fc.weight", np.ones((3, 4), np.float32))
    path = chain.save(tmp_path / "model.onnx")
    with subprocess.Popen(
        [sys.executable, "-m", "onnx_params", "view", str(path), "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with visit(browser, f"{address}#colour=dtype") as seen:
            assert "(3, 4)" in seen.page.locator(".row").first.inner_text()
            again = Chain()
            again.linear("fc.weight", np.ones((7, 4), np.float32))
            again.save(path)
            seen.page.get_by_text("(7, 4)").wait_for()
            assert "#colour=dtype" == seen.fragment()
        process.terminate()
        assert 0 == process.wait(10)


# --- names of strangers ---


def test_hostile_names_are_text(browser: Browser, hostile: str) -> None:
    """Markup is shown, direction marks are escaped, and 10,000 characters stay in their cell."""
    with visit(browser, f"{hostile}#group=0") as seen:
        names = seen.names()
        assert "</script><script>alert(1)</script>" in names
        assert "\"'><img src=x onerror=alert(1)>" in names
        assert "\\u202eabc\\u200f.weight" in names
        assert 0 == seen.page.locator("main img").count()
        assert max(map(len, names)) < 1000
        for row in range(len(HOSTILE)):
            seen.page.locator(".row").nth(row).click()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1440
        assert seen.page.evaluate("document.documentElement.scrollHeight") < 6000


def test_the_policy_is_enforced(browser: Browser, hostile: str) -> None:
    """Code that is not the page's own does not run, and the network is shut."""
    with visit(browser, hostile) as seen:
        refused = seen.page.evaluate(
            """async () => {
              const script = document.createElement("script");
              try { script.textContent = "window.ran = true"; document.body.append(script); } catch {}
              const answered = await fetch("https://example.org/").then(() => true, () => false);
              return { ran: window.ran ?? false, answered };
            }"""
        )
        assert {"ran": False, "answered": False} == refused
        assert seen.said and all(
            "Content Security Policy" in each or "Trusted" in each for each in seen.said
        )
        seen.said.clear()


# --- 20,000 rows ---


def test_a_large_page_is_quick(browser: Browser, large: str) -> None:
    """First paint below 1.5 s, and more than 30 frames a second while it scrolls.

    Both by the processor's time of the page's thread: what else the machine does is not the page's.
    """
    with visit(browser, large) as seen:
        session = seen.page.context.new_cdp_session(seen.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            """Milliseconds that the page's thread has worked."""
            found = session.send("Performance.getMetrics")["metrics"]
            return 1000 * next(each["value"] for each in found if each["name"] == "TaskDuration")

        seen.page.reload()
        seen.page.wait_for_function(PAINTED, timeout=60_000)
        painted = spent()
        seconds = seen.page.evaluate(FIRST_CONTENTFUL) / 1000
        before = spent()
        frames, rate = seen.page.evaluate(SCROLL)
        frame = (spent() - before) / frames
        assert "20,000 rows" == seen.number()
        assert seen.page.locator("*").count() < 2500
    print(f"first paint {painted:.0f} ms of work ({seconds:.2f} s by the clock),", end=" ")
    print(f"{frame:.1f} ms of work a frame ({rate:.0f} frames a second by the clock)")
    assert painted < FIRST_PAINT
    assert frame < 1000 / FRAMES


def test_a_large_page_filters_and_sorts(browser: Browser, large: str) -> None:
    """Of 20,000 rows too, and the last row is reached."""
    with visit(browser, large) as seen:
        seen.page.get_by_role("searchbox").fill("model.layers.7.*.w1.weight")
        assert "100 of 20,000" == seen.number()
        seen.page.get_by_role("searchbox").fill("")
        seen.page.get_by_role("columnheader", name="Parameters").get_by_role("button").click()
        seen.page.locator(".row").first.focus()
        seen.page.keyboard.press("End")
        seen.page.wait_for_timeout(300)
        last = int(seen.page.evaluate("document.activeElement.dataset.line"))
        assert LARGE - 1 == last


# --- whom a page shuts out ---


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "words", ["", "open=4.5&map=icicle", "tab=others&o.open=0", "tab=file", "q=nothing"]
)
def test_axe_finds_nothing(browser: Browser, report: str, scheme: str, words: str) -> None:
    """axe-core's rules, on every part of the report."""
    assert [] == violations(browser, f"{report}#{words}", scheme=scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_hostile_names(browser: Browser, hostile: str, scheme: str) -> None:
    """Nor where names are a stranger's."""
    assert [] == violations(browser, f"{hostile}#open=0.3", scheme=scheme)
