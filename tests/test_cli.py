"""The command line as a process: answer on stdout, talk on stderr, the status decides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from support.models import parsed
from support.process import run

import onnx_params


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    path = tmp_path / "mlp.onnx"
    onnx.save(parsed("mlp"), path)
    return path


def test_table(mlp: Path) -> None:
    """The default is a table with totals."""
    done = run("analyze", str(mlp))
    assert (done.returncode, done.stderr) == (0, "")
    assert "fc.weight" in done.stdout and "15 parameters in 2 tensors" in done.stdout


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"hello, world\n" * 9, b"\x0a\xff\xff\xff\xff\x7f"],
)
def test_no_onnx_is_one_line_and_status_2(tmp_path: Path, content: bytes) -> None:
    """A file that is not ONNX is refused in one line."""
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    done = run("analyze", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "x.onnx" in done.stderr


@pytest.mark.parametrize(
    "words", [["analyze", "nothing.onnx"], ["analyze", "."], ["analyze"], ["analyze"]]
)
def test_bad_usage_is_status_2(words: list[str]) -> None:
    """What cannot be done is status 2, without a traceback."""
    done = run(*words)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_output_is_written_whole(mlp: Path, tmp_path: Path) -> None:
    """-o writes the same document that stdout would get."""
    out = tmp_path / "out.md"
    assert run("analyze", str(mlp), "--format", "markdown", "-o", str(out)).returncode == 0
    assert run("analyze", str(mlp), "--format", "markdown").stdout == out.read_text()


def test_the_analyze_path_is_light(mlp: Path) -> None:
    """A report imports neither onnx nor NumPy nor matplotlib nor a framework."""
    code = (
        f"import sys, onnx_params; onnx_params.analyze({str(mlp)!r}).to_json();"
        " print(sorted({'onnx', 'numpy', 'matplotlib', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_public_names() -> None:
    """__all__ is what the package offers, and each of it exists."""
    assert all(getattr(onnx_params, name) is not None for name in onnx_params.__all__)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_chart(mlp: Path, tmp_path: Path, ending: str) -> None:
    """--chart writes a picture of the kind that its name says."""
    path = tmp_path / f"pie.{ending}"
    assert run("analyze", str(mlp), "--chart", str(path)).returncode == 0
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
