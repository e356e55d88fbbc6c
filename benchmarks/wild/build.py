"""Build the second zoo: ``python benchmarks/wild/build.py KIND [CASE...]``.

A kind is a module beside this one with ``CASES``, name -> builder, and ``HELD_OUT``, the names of
those that are kept out of sight while rules are written, or ``OPENED``, of those that were until
they had been measured, and were looked at afterwards. Each case is built in a process of its own:
one that crashes or hangs is one case less.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(".cache/wild")
TIMEOUT = 900  # seconds for one case


def build(kind: str, case: str) -> None:
    """One case, in this process."""
    module = importlib.import_module(f"wild.{kind}")
    folder = FOLDER / kind / case
    folder.mkdir(parents=True, exist_ok=True)
    module.CASES[case](folder)
    (folder / "half").write_text(_half(module, case))


def _half(module: ModuleType, case: str) -> str:
    if case in getattr(module, "HELD_OUT", ()):
        return "held out"
    return "opened" if case in getattr(module, "OPENED", ()) else "seen"


def build_all(kind: str, cases: list[str]) -> None:
    """Every case that is not built yet, one process each."""
    module = importlib.import_module(f"wild.{kind}")
    for case in cases or list(module.CASES):
        folder = FOLDER / kind / case
        if (folder / "half").exists():
            continue
        words = [sys.executable, __file__, "--one", kind, case]
        note = ""
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT)
            if done.returncode:
                note = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        except subprocess.TimeoutExpired:
            note = f"not done in {TIMEOUT} s"
        made = len(list(folder.glob("*/model.onnx")))
        failed = len(list(folder.glob("*/failed")))
        print(f"{kind}/{case}: {made} artifacts, {failed} not made {note}", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    if sys.argv[1:2] == ["--one"]:
        build(sys.argv[2], sys.argv[3])
    else:
        build_all(sys.argv[1], sys.argv[2:])
