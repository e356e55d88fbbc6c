"""The site in a headless Chromium: files are read where they are, by slices, without a network."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.browser import ROOT, Visit, chromium, violations, visit
from support.graphs import Chain, checkpoint
from support.process import called

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
WAIT = 60_000  # milliseconds for what takes two seconds
ROWS, COLUMNS = 8192, 51_900
LARGE = ROWS * COLUMNS * 4  # 1.7 GB
READY = "() => performance.getEntriesByName('ready').length > 0"
MARKS = "['painted', 'ready'].map((each) => performance.getEntriesByName(each)[0].startTime)"
FULL = 10_000_000  # bytes of the page are no more than this and a half


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built into a folder."""
    for word in ("make", "npm"):
        if shutil.which(word) is None:
            pytest.skip(f"{word} is not installed")
    made = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        ["make", "site", f"SITE={made}"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode and "npm error network" in done.stderr:
        pytest.skip("npm has no network")
    assert 0 == done.returncode, done.stderr
    return made


@pytest.fixture
def seen(browser: Browser, folder: Path) -> Iterator[Visit]:
    """The site as a file on disk, ready."""
    with visit(browser, (folder / "index.html").as_uri()) as made:
        made.page.wait_for_function(READY, timeout=WAIT)
        yield made


def drop(seen: Visit, *paths: Path) -> str:
    """Give files to the page; what it then says of them."""
    seen.page.locator("input[type=file]").set_input_files([str(path) for path in paths])
    seen.page.locator(".opened, .failing").wait_for(timeout=WAIT)
    return seen.page.get_by_role("status").first.inner_text()


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def large(path: Path) -> Path:
    """A model with one weight of 1.7 GB in it, of which the disk has only the header."""
    node = helper.make_node("MatMul", ["x", "encoder.fc.weight"], ["y"])
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph([node], "g", info[:1], info[1:])
    tensor = TensorProto(name="encoder.fc.weight", dims=[ROWS, COLUMNS], data_type=1)
    head = tensor.SerializeToString() + b"\x4a" + varint(LARGE)  # raw_data
    within = graph.SerializeToString() + b"\x2a" + varint(len(head) + LARGE)  # initializer
    model = helper.make_model(helper.make_graph([], "", [], []))
    model.ClearField("graph")
    whole = model.SerializeToString() + b"\x3a" + varint(len(within) + len(head) + LARGE)  # graph
    with path.open("wb") as file:
        file.write(whole + within + head)
        file.truncate(len(whole + within + head) + LARGE)
    return path


def test_a_large_file_is_read_by_slices(seen: Visit, tmp_path: Path) -> None:
    """Of 1.7 GB less than a megabyte is read, in a moment."""
    path = large(tmp_path / "large.onnx")
    said = drop(seen, path)
    assert "large" == seen.page.locator("h1").inner_text()
    assert ["encoder.fc.weight"] == seen.names()
    assert "425.16M" in seen.page.locator(".tiles").inner_text()
    found = re.fullmatch(
        r"Read ([\d.]+) KB of 1\.70 GB in ([\d,]+) ms; nothing was uploaded\.", said
    )
    assert found is not None, said
    assert float(found[1]) < 1000 and int(found[2].replace(",", "")) < 5000


def test_a_model_comes_with_its_data(seen: Visit, tmp_path: Path) -> None:
    """An artifact whose weights lie beside it, and a checkpoint; the report is the package's."""
    chain = Chain()
    chain.linear("fc.weight", np.ones((64, 64), np.float32))
    model = onnx.load(chain.save(tmp_path / "model.onnx"))
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="model.data")
    drop(seen, tmp_path / "model.onnx", tmp_path / "model.data")
    assert ["fc.weight"] == seen.names()
    seen.page.get_by_role("tab", name="Files and notes").click()
    assert "model.data" in seen.page.locator(".files").inner_text()
    assert "not there" not in seen.page.locator(".files").inner_text()
    seen.page.get_by_role("button", name="Open another file").click()
    drop(seen, checkpoint(tmp_path / "other.safetensors", a__b=np.ones((3, 4), np.float32)))
    assert ["a.b"] == seen.names()


def test_a_document_is_shown(seen: Visit, tmp_path: Path) -> None:
    """JSON that the tool wrote: a report, here with statistics."""
    chain = Chain()
    chain.linear("fc.weight", np.arange(12, dtype=np.float32).reshape(4, 3))
    model, out = str(chain.save(tmp_path / "model.onnx")), tmp_path / "report.json"
    called("analyze", model, "--stats", "--format", "json", "-o", str(out))
    drop(seen, out)
    assert 1 == seen.page.locator(".row .spark").count()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("broken.onnx", b"\x08\x0a\x3a\xff", "broken.onnx"),
        ("page.html", b"<!doctype html><html></html>", "is not an ONNX model"),
        ("other.json", b'{"a": 1}', "no document of onnx-params"),
    ],
)
def test_what_cannot_be_read_is_said(
    seen: Visit, tmp_path: Path, name: str, text: bytes, words: str
) -> None:
    """In one line, and another file can be dropped."""
    (tmp_path / name).write_bytes(text)
    assert words in drop(seen, tmp_path / name)
    chain = Chain()
    chain.linear("fc.weight", np.ones((4, 3), np.float32))
    seen.page.locator("input[type=file]").set_input_files(str(chain.save(tmp_path / "m.onnx")))
    seen.page.locator(".opened").wait_for(timeout=WAIT)
    assert ["fc.weight"] == seen.names()


def test_it_works_without_a_network(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """From a server, then with the network gone: the page was kept, and reads a file."""
    chain = Chain()
    path = chain.save(tmp_path / "m.onnx")
    chain.linear("fc.weight", np.ones((4, 3), np.float32))
    path = chain.save(tmp_path / "m.onnx")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with visit(browser, address) as seen:
            seen.page.evaluate("navigator.serviceWorker.ready")
            server.shutdown()
            server.server_close()
            seen.page.reload()
            seen.page.wait_for_function(READY, timeout=WAIT)
            drop(seen, path)
            assert ["fc.weight"] == seen.names()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that does not talk."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_it_starts_quickly(browser: Browser, folder: Path) -> None:
    """The page paints at once, and reads files a moment later: on two idle cores in 2 s, on busy ones
    in 6; the best of three.
    """
    assert (folder / "index.html").stat().st_size < 1.2 * FULL
    found = []
    for _ in range(3):
        with visit(browser, (folder / "index.html").as_uri()) as seen:
            seen.page.wait_for_function(READY, timeout=WAIT)
            found.append(seen.page.evaluate(MARKS))
    painted, ready = (min(each) for each in zip(*found, strict=True))
    print(f"first paint {painted:.0f} ms, ready {ready:.0f} ms")
    assert painted < 1500 and ready < 6000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, folder: Path, scheme: str) -> None:
    """axe-core's rules on the page that waits for a file."""
    assert [] == violations(browser, (folder / "index.html").as_uri(), scheme=scheme)
