"""The wheel, not the checkout: it has what it needs and nothing else, and runs without frameworks."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.graphs import Chain

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    pytest.importorskip("build", reason="the package that builds wheels is not installed")
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr[-2000:]
    (made,) = folder.glob("*.whl")
    return made


def test_what_is_in_it(wheel: Path) -> None:
    """Both packages, types, schemas, the page; no tests, no sources of the page, no caches."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"onnx_params", "onnx_params_exporters"}
    assert {"onnx_params/py.typed", "onnx_params/schemas/report.json"} <= set(names)
    bundle = {Path(name).name for name in names if name.startswith("onnx_params/render/page/")}
    assert {"__init__.py", "page.js", "loader.js", "style.css", "LICENSES.txt"} == bundle
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_metadata(wheel: Path) -> None:
    """What an index asks for is there, and reads as Markdown."""
    pytest.importorskip("twine", reason="the package that checks metadata is not installed")
    words = [sys.executable, "-m", "twine", "check", "--strict", str(wheel)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stdout


def test_it_runs_alone(wheel: Path, tmp_path: Path) -> None:
    """Unpacked, with none of the frameworks to be had, it analyzes and prints a schema."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    blocked = ("torch", "transformers", "onnx", "onnxruntime", "matplotlib", "pyarrow", "pandas")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        "import onnx_params; from onnx_params.cli import main\n"
        f"assert onnx_params.__file__.startswith({str(tmp_path)!r})\n"
        "sys.argv = ['onnx-params', *sys.argv[1:]]; main()"
    )
    chain = Chain()
    chain.linear("fc.weight", np.ones((4, 3), np.float32))
    model = str(chain.save(tmp_path / "model.onnx"))
    for words, shown in ((["analyze", model], "fc.weight"), (["schema", "report"], "$schema")):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path
        )
        assert (0, "") == (done.returncode, done.stderr) and shown in done.stdout
