"""The front door says what is so: its commands run, its reference names every option."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from support.artifacts import artifact, case
from support.packages import fetch
from support.process import run

import onnx_params

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_commands_run(gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the README that reads or restores does what it says, with status 0."""
    for file in gpt2.parent.iterdir():  # the model and its data
        os.link(file, tmp_path / file.name)
    shutil.copy(artifact("lstm", "torchscript"), tmp_path / "model.onnx")
    shutil.copy(artifact("lstm", "dynamo+int4"), tmp_path / "model_q4.onnx")
    (tmp_path / "checkpoint").mkdir()
    shutil.copy(case("lstm").checkpoint, tmp_path / "checkpoint")
    monkeypatch.chdir(tmp_path)
    shutil.copy(tmp_path / "model.onnx", tmp_path / "other.onnx")
    lines = re.findall(
        r"^onnx-params ((?:analyze|restore|extract|lock|verify|rank) .*)$"
        r"|^\$ onnx-params (analyze .*)$",
        README,
        re.MULTILINE,
    )
    lines = [one or two for one, two in lines]
    assert len(lines) > 6
    for line in lines:
        done = run(*line.split())
        assert (0, "") == (done.returncode, done.stderr), line
    assert {"gpt2.md", "gpt2.png"} <= {path.name for path in tmp_path.iterdir()}


def test_screen_is_real(gpt2: Path) -> None:
    """The screen of output in the README is what the command prints for that model."""
    printed = run("analyze", str(gpt2)).stdout.splitlines()
    screen = re.search(r"```console\n\$ onnx-params analyze gpt2.onnx\n(.*?)```", README, re.DOTALL)
    assert screen is not None
    for line in screen[1].splitlines():
        assert line == "..." or line in printed, line


def test_audit_screen_is_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is that of the audit: a real pair in one wheel that is none."""
    with zipfile.ZipFile(fetch("silero-vad==6.2.3")) as wheel:
        for name in ("silero_vad_half.onnx", "silero_vad.jit"):
            (tmp_path / name).write_bytes(wheel.read(f"silero_vad/data/{name}"))
    monkeypatch.chdir(tmp_path)
    done = run("audit", "silero_vad_half.onnx", "--reference", "silero_vad.jit")
    assert 1 == done.returncode
    printed = done.stdout.splitlines()
    screen = re.search(
        r"```console\n\$ onnx-params audit silero_vad_half.onnx .*?\n(.*?)```", README, re.DOTALL
    )
    assert screen is not None
    for line in screen[1].splitlines():
        assert line == "..." or any(
            each.startswith(line.removesuffix("...")) for each in printed
        ), line


def test_length() -> None:
    """The front door is short: what is more stands in the documentation."""
    assert len(README.splitlines()) <= 250


def test_links_lead_somewhere() -> None:
    """Every page and picture that it names is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_python_lines_run(gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of the README runs, and its comments are true."""
    for file in gpt2.parent.iterdir():
        os.link(file, tmp_path / file.name)
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    report = names["report"]
    assert isinstance(report, onnx_params.Report)
    assert f"report.parameters  # {report.parameters}" in code[1]
