"""Regenerate the gallery: export architectures at their configurations' defaults with random
weights, report each, rank all.

``python benchmarks/gallery.py`` (``make gallery``) writes ``reports/<name>.md``, ``.json`` and
``.png``, and ``reports/README.md``; the artifacts themselves are deleted. GPT-2's report is that of
``make demo``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports"
ARCHITECTURES = (
    "gpt2",
    "bert",
    "distilbert",
    "roberta",
    "albert",
    "electra",
    "t5",
    "opt",
    "vit",
    "dinov2",
    "resnet",
    "mobilenet_v2",
    "convnext",
    "segformer",
    "whisper",
)
HEAD = """# Gallery

Architectures of transformers at their configurations' defaults, with random weights, exported by torch's dynamo exporter and read back from the file
alone. `make gallery` regenerates all of it; the table is `onnx-params rank reports/*.json --format markdown`.

![parameters](rank.png)

"""


def run(*words: str, folder: str | Path = ROOT) -> str:
    """What a command prints; ``folder`` is where it runs: a report states the path that it was
    given, so that is a bare name.
    """
    done = subprocess.run(
        [sys.executable, "-m", "onnx_params", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def main() -> None:
    names = sys.argv[1:] or ARCHITECTURES
    for name in names:
        with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
            path = f"{name}.onnx"
            try:
                run("export", "transformers", name, "--random-init", "-o", path, folder=folder)
            except subprocess.CalledProcessError as error:
                print(f"{name}: not exported: {error.stderr.strip().splitlines()[-1]}")
                continue
            run(
                "analyze",
                path,
                "--format",
                "markdown",
                "-o",
                str(REPORTS / f"{name}.md"),
                "--chart",
                str(REPORTS / f"{name}.png"),
                folder=folder,
            )
            run(
                "analyze",
                path,
                "--format",
                "json",
                "-o",
                str(REPORTS / f"{name}.json"),
                folder=folder,
            )
        print(f"{name}: reported", flush=True)
    found = sorted(str(path) for path in REPORTS.glob("*.json"))
    table = run("rank", *found, "--format", "markdown", "--chart", str(REPORTS / "rank.png"))
    (REPORTS / "README.md").write_text(HEAD + table)


if __name__ == "__main__":
    (ROOT / ".cache").mkdir(exist_ok=True)
    assert shutil.disk_usage(ROOT).free > 4 << 30, "needs 4 GiB"
    main()
