"""From anywhere: pipes, gzip, URLs read by ranges; and files that change under the reader."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from ranges import Server
from read import write_model
from support.models import parsed

import onnx_params
from onnx_params.io.remote import RemoteSource


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[list[Server]]:
    servers = [Server(tmp_path, ranges) for ranges in (True, False)]
    yield servers
    for server in servers:
        server.shutdown()


def test_remote_model_is_read_by_ranges(tmp_path: Path, serve: list[Server]) -> None:
    """Of a gigabyte less than two per cent comes over the wire, in about as many requests as there
    are large tensors.
    """
    write_model(tmp_path / "big.onnx", 128, 2_000_000, hollow=True)
    size = (tmp_path / "big.onnx").stat().st_size
    assert size > 1_000_000_000
    server = serve[0]
    report = onnx_params.analyze(server.url("big.onnx"))
    assert (128, 256_000_000) == (report.layers, report.parameters)
    assert server.sent < 0.02 * size
    assert server.gets < 128 * 1.2
    assert report.to_csv() == onnx_params.analyze(tmp_path / "big.onnx").to_csv()


def test_server_without_ranges(tmp_path: Path, serve: list[Server]) -> None:
    """A server that ignores ranges gives the same report, and the report says that all
    was fetched.
    """
    onnx.save(parsed("mlp"), tmp_path / "mlp.onnx")
    # an unknown field
    (tmp_path / "mlp.onnx").write_bytes(
        (tmp_path / "mlp.onnx").read_bytes() + b"\x52" + b"\xff\xff\x03" + bytes(65535)
    )
    report = onnx_params.analyze(serve[1].url("mlp.onnx"))
    assert 15 == report.parameters
    assert any("gives no ranges" in note for note in report.inventory.notes)


def test_remote_external_data(tmp_path: Path, serve: list[Server]) -> None:
    """External data is looked for beside the model; its values are read by ranges."""
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            [], "g", [], [], [onnx.numpy_helper.from_array(np.arange(600, dtype=np.float32), "w")]
        )
    )
    onnx.save(
        proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0
    )
    report = onnx_params.analyze(serve[0].url("m.onnx"))
    (tensor,) = report.inventory.model.tensors
    np.testing.assert_array_equal(np.arange(600, dtype=np.float32), tensor.read())
    os.unlink(tmp_path / "m.data")
    assert 600 == onnx_params.analyze(serve[0].url("m.onnx")).parameters


def test_remote_errors_are_one_line(serve: list[Server]) -> None:
    """A missing file, a dead server and an unknown scheme are errors of ours."""
    for url in (serve[0].url("nothing.onnx"), "http://127.0.0.1:9/x.onnx", "nosuch://x.onnx"):
        with pytest.raises(onnx_params.OnnxParamsError) as caught:
            onnx_params.analyze(url)
        assert "\n" not in str(caught.value)


def test_nothing_is_fetched_twice(tmp_path: Path, serve: list[Server]) -> None:
    """Pages that are here answer later reads."""
    (tmp_path / "x").write_bytes(bytes(range(256)) * 64)
    source = RemoteSource(serve[0].url("x"))
    assert bytes([5, 6, 7]) == source.read(5, 3)
    before = serve[0].gets
    assert bytes([255, 0]) == source.read(255, 2)
    assert before == serve[0].gets


@pytest.mark.parametrize("how", ["-", "fifo", "gzip", "gzip pipe"])
def test_pipes_and_gzip(tmp_path: Path, how: str) -> None:
    """A model from stdin, from a named pipe, compressed, and compressed from a pipe."""
    data = parsed("mlp").SerializeToString()
    if "gzip" in how:
        data = gzip.compress(data)
    path = tmp_path / ("mlp.onnx.gz" if "gzip" in how else "mlp.onnx")
    if how == "fifo":
        os.mkfifo(path)
        writer = subprocess.Popen(
            [sys.executable, "-c", f"open({str(path)!r}, 'wb').write({data!r})"]
        )
    else:
        path.write_bytes(data)
    name = "-" if how in ("-", "gzip pipe") else str(path)
    done = subprocess.run(
        [sys.executable, "-m", "onnx_params", "analyze", name],
        input=data,
        capture_output=True,
        timeout=60,
    )
    assert (0, b"") == (done.returncode, done.stderr)
    assert b"15 parameters in 2 tensors" in done.stdout
    if how == "gzip":
        assert b"mlp: 15 parameters in 2 tensors" in done.stdout
    if how == "fifo":
        writer.wait(10)


@pytest.mark.parametrize("damage", ["cut", "flipped", "bomb"])
def test_damaged_gzip_is_refused(tmp_path: Path, damage: str) -> None:
    """Cut off, damaged, and unpacking without end."""
    data = gzip.compress(parsed("mlp").SerializeToString())
    if damage == "cut":
        data = data[:-9]
    elif damage == "flipped":
        data = data[:30] + bytes([data[30] ^ 0xFF]) + data[31:]
    else:
        data = gzip.compress(bytes(300_000_000))
    with pytest.raises(onnx_params.FormatError, match="gzip|refused"):
        onnx_params.analyze(data)


def test_pipe_that_nobody_writes_does_not_hang(tmp_path: Path) -> None:
    """An empty pipe is an empty file."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(onnx_params.FormatError, match="empty"):
        onnx_params.analyze(tmp_path / "pipe")


def test_device_is_refused() -> None:
    """/dev/zero has no end."""
    with pytest.raises(onnx_params.UnreadableError, match="device"):
        onnx_params.analyze("/dev/zero")


def test_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    """Values of a file that was cut off after it was analyzed: an error, and the process lives."""
    path = tmp_path / "w.onnx"
    onnx.save(
        onnx.helper.make_model(
            onnx.helper.make_graph(
                [], "g", [], [], [onnx.numpy_helper.from_array(np.ones(100_000, np.float32), "w")]
            )
        ),
        path,
    )
    (tensor,) = onnx_params.analyze(path).inventory.model.tensors
    os.truncate(path, 1000)
    with pytest.raises(onnx_params.FormatError, match="ends at byte 1000"):
        tensor.read()


def test_embedded_model_over_two_gigabytes(tmp_path: Path) -> None:
    """onnx.load refuses a protobuf over 2 GB; the walk reads it."""
    path = tmp_path / "huge.onnx"
    write_model(path, 3, 250_000_000, hollow=True)
    assert path.stat().st_size > 3_000_000_000
    assert 750_000_000 == onnx_params.analyze(path).parameters
