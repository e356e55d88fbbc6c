"""The documentation says what is so: its commands and its Python run, its pages are generated."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from support.graphs import Arrays, Chain, checkpoint, nbits

from onnx_params.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.glob("**/*.md"))
NOT_RUN = "# not run"
NOT_RUN_BLOCK = "<!-- not run -->"
PROMPT = "$ "
MAX_COLUMNS = 160


class Block(NamedTuple):
    """A fenced block of a page: its language, its title, whether it is to run, its text."""

    language: str
    title: str
    runs: bool
    text: str


class Command(NamedTuple):
    """A line of a console, and what the page says that it prints."""

    line: str
    screen: tuple[str, ...]


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    pattern = re.compile(
        rf'^({re.escape(NOT_RUN_BLOCK)}\n+)?```(\w+)(?: title="([^"]*)")?\n(.*?)^```$',
        re.DOTALL | re.MULTILINE,
    )
    for found in pattern.finditer(text):
        marked, language, title, body = found.groups()
        yield Block(language, title or "", marked is None, body)


def commands(console: str) -> Iterator[Command]:
    """The lines of a console that call the tool and are to run."""
    for part in re.split(rf"^{re.escape(PROMPT)}", console, flags=re.MULTILINE)[1:]:
        line, *screen = part.splitlines()
        if line.startswith("onnx-params ") and not line.endswith(NOT_RUN):
            yield Command(line, tuple(screen))


# the files that the pages speak of


def parameters(seed: int) -> Arrays:
    """An encoder of two layers with a norm between them, and a head."""
    draw = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.2, shape).astype(np.float32)

    return {
        "encoder.fc1.weight": normal(128, 64),
        "encoder.fc1.bias": normal(128),
        "encoder.norm.weight": 1 + normal(128),
        "encoder.norm.bias": normal(128),
        "encoder.fc2.weight": normal(64, 128),
        "encoder.fc2.bias": normal(64),
        "head.weight": normal(10, 64),
        "head.bias": normal(10),
    }


def export(path: Path, values: Arrays, is_quantized: bool = False) -> None:
    """The model as TorchScript's exporter writes it: weights of products lose their names."""
    chain = Chain()

    def linear(layer: str, number: int) -> None:
        weight, name = values[f"encoder.{layer}.weight"], f"onnx::MatMul_{number}"
        if is_quantized:
            nbits(chain, name, weight)
        else:
            chain.node("MatMul", chain.last, chain.keep(name, weight.T))
        chain.nodes[-1].name = f"/encoder/{layer}/MatMul{'_Q4' if is_quantized else ''}"
        bias = chain.keep(f"encoder.{layer}.bias", values[f"encoder.{layer}.bias"])
        chain.node("Add", bias, chain.last, name=f"/encoder/{layer}/Add")

    linear("fc1", 21)
    norm = [chain.keep(name, values[name]) for name in ("encoder.norm.weight", "encoder.norm.bias")]
    chain.node("LayerNormalization", chain.last, *norm, name="/encoder/norm/LayerNormalization")
    linear("fc2", 22)
    chain.linear("head.weight", values["head.weight"], "head.bias", values["head.bias"])
    model = onnx.load(chain.save(path))
    model.producer_name, model.producer_version = "pytorch", "2.6.0"
    onnx.save(model, path)


def _adapter(folder: Path) -> None:
    """A LoRA of rank 2 for one layer."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    draw = np.random.default_rng(3)
    factors = {"A": draw.normal(size=(2, 64)), "B": draw.normal(size=(128, 2))}
    checkpoint(
        folder / "adapter_model.safetensors",
        **{
            f"base_model.model.encoder.fc1.lora_{which}.weight": values.astype(np.float32)
            for which, values in factors.items()
        },
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint, the artifacts made of it, and another artifact."""
    from onnxruntime.quantization import quantize_dynamic

    folder = tmp_path_factory.mktemp("docs")
    values = parameters(0)
    export(folder / "model.onnx", values)
    export(folder / "model_q4.onnx", values, is_quantized=True)
    export(folder / "other.onnx", parameters(1))
    checkpoint(folder / "model.safetensors", **values)
    checkpoint(folder / "finetuned.safetensors", **parameters(2))
    _adapter(folder / "adapter")
    quantize_dynamic(folder / "model.onnx", folder / "model_int8.onnx")
    return folder


@pytest.fixture
def folder(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of those files, as the working directory."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# what the tests say


def test_reference_pages_are_generated() -> None:
    """The pages that come from the code are what the code gives now."""
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_console_runs(
    page: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every command of a page does what the page shows, without an error."""
    for block in blocks(page):
        _keep(block, folder)
        for command in commands(block.text) if block.language == "console" else ():
            status, printed, errors = _run(command.line, monkeypatch, capsys)
            assert status in (0, 1), f"{command.line}: status {status}: {errors}"
            assert "Traceback" not in errors, command.line
            _assert_shown(command, printed)


@pytest.mark.parametrize("page", PAGES)
def test_python_runs(page: str, folder: Path) -> None:
    """The Python of a page runs from top to bottom, and what it asserts is true."""
    names: dict[str, object] = {}
    for block in blocks(page):
        _keep(block, folder)
        if block.language == "python" and block.runs:
            exec(compile(block.text, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_lines_are_short(page: str) -> None:
    """A page can be read and compared as text."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    assert [] == [at for at, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS]


def test_site_builds(tmp_path: Path) -> None:
    """The site builds, and every link leads somewhere."""
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    words = ["build", "--strict", "-f", str(ROOT / "mkdocs.yml"), "-d", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words], capture_output=True, text=True, cwd=ROOT
    )
    assert 0 == done.returncode, done.stderr
    assert 'id="scale-broken"' in (tmp_path / "reference" / "rules" / "index.html").read_text()


def _keep(block: Block, folder: Path) -> None:
    """Write the file that a block with a title shows."""
    if block.title:
        (folder / block.title).write_text(block.text, encoding="utf-8")


def _run(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str, str]:
    """The status of a command in this process, what it wrote to stdout and to stderr."""
    monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def _assert_shown(command: Command, printed: str) -> None:
    """What a page shows is printed in that order; ``...`` stands for what was left out."""
    left = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in command.screen:
        shown = " ".join(line.removesuffix("...").split())
        is_cut = line.endswith("...")
        if shown and not set(shown) <= set("- "):  # the rule below titles is as wide as the rows
            assert any(_is_that(each, shown, is_cut) for each in left), f"{command.line}: {line}"


def _is_that(line: str, shown: str, is_cut: bool) -> bool:
    return line.startswith(shown) if is_cut else line == shown
