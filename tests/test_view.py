"""The server of a page: to this machine alone, under a secret address, anew when a file changes."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from support import pages
from support.graphs import Chain, checkpoint
from support.process import called

WAIT = 30  # seconds for what takes a moment


class Server(NamedTuple):
    """A running `view`: its process, its host and port, the secret part of its address."""

    process: subprocess.Popen[str]
    host: str
    path: str

    def ask(
        self, path: str, host: str = "", method: str = "GET"
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """The status, headers and body of one answer."""
        connection = http.client.HTTPConnection(self.host, timeout=WAIT)
        connection.request(method, path, headers={"Host": host or self.host})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def build(folder: Path, rows: int) -> Path:
    """A model with one weight of so many rows."""
    chain = Chain()
    chain.linear("fc.weight", np.ones((rows, 4), np.float32))
    return chain.save(folder / "model.onnx")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """`view` of a model of 3 rows."""
    build(tmp_path, 3)
    words = ["view", "model.onnx", "--no-browser"]
    with subprocess.Popen(
        [sys.executable, "-m", "onnx_params", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = urllib.parse.urlsplit(process.stdout.readline().strip())
        yield Server(process, address.netloc, address.path)
        process.kill()


def test_the_page_is_there(server: Server) -> None:
    """Under the address that is printed, and nowhere else."""
    status, headers, page = server.ask(server.path)
    assert (200, "no-store") == (status, headers["Cache-Control"])
    assert [3, 4] == pages.document(page)["parameters"][0]["shape"]
    assert ["'self'"] == pages.policy(page)["connect-src"]
    assert len(server.path) > 30 and server.host.startswith("127.0.0.1:")


@pytest.mark.parametrize("path", ["/", "/wrong/", "/favicon.ico", "/../model.onnx"])
def test_other_paths_are_refused(server: Server, path: str) -> None:
    """No file of the folder, no list, no page without the token."""
    status, _, text = server.ask(path)
    assert (404, "") == (status, text)


def test_other_hosts_are_refused(server: Server) -> None:
    """A web page that made its own name point here gets nothing, token or not."""
    assert 404 == server.ask(server.path, host="example.org")[0]
    assert 501 == server.ask(server.path, method="POST")[0]


def test_a_change_is_said_and_shown(server: Server, tmp_path: Path) -> None:
    """When the file is written anew, the waiting page is told, and the next one has the new rows."""
    connection = http.client.HTTPConnection(server.host, timeout=WAIT)
    connection.request("GET", f"{server.path}events")
    events = connection.getresponse()
    assert "text/event-stream" == events.headers["Content-Type"]
    build(tmp_path, 5)
    assert b"event: changed\n" == events.readline()
    page = server.ask(server.path)[2]
    assert [5, 4] == pages.document(page)["parameters"][0]["shape"]


def test_a_broken_file_leaves_the_page(server: Server, tmp_path: Path) -> None:
    """What cannot be read is said on standard error, and the server goes on."""
    (tmp_path / "model.onnx").write_bytes(b"\x08\x0a\x3a\xff")
    assert server.process.stderr is not None
    assert server.process.stderr.readline().startswith("onnx-params: model.onnx: ")
    assert [3, 4] == pages.document(server.ask(server.path)[2])["parameters"][0]["shape"]


def test_ctrl_c_ends_it(server: Server) -> None:
    """With status 0 and without a word: it is how a server ends."""
    server.process.send_signal(signal.SIGINT)
    assert 0 == server.process.wait(WAIT)
    assert server.process.stderr is not None and "" == server.process.stderr.read()


@pytest.mark.parametrize("words", ["none.onnx", "-", "model.onnx --port PORT"])
def test_what_cannot_be_shown_is_refused(server: Server, tmp_path: Path, words: str) -> None:
    """A missing file, standard input, a port in use: one line and status 2."""
    port = server.host.partition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "onnx_params", "view", *words.replace("PORT", port).split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))


def test_names_come_from_a_reference(tmp_path: Path) -> None:
    """--reference names the rows, and its file is watched too."""
    from onnx_params.cli.server import Page, PageServer

    weight = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    chain = Chain()
    chain.linear("onnx::MatMul_1", weight)
    chain.save(tmp_path / "model.onnx")
    checkpoint(tmp_path / "model.safetensors", fc__weight=weight)
    served: list[Page] = []

    def once(read: object, opened: object, port: int) -> None:
        assert callable(read)
        served.append(read())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onnx_params.cli.server.serve", once)
        words = str(tmp_path / "model.onnx"), "--reference", str(tmp_path / "model.safetensors")
        assert 0 == called("view", *words).returncode
    (page,) = served
    assert "fc.weight" == pages.document(page.text)["parameters"][0]["name"]
    assert {"model.onnx", "model.safetensors"} == {Path(path).name for path in page.paths}
    assert PageServer(0, page).token != PageServer(0, page).token
