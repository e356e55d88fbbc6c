"""Run the command line as a process, as a user does."""

from __future__ import annotations

import subprocess
import sys


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The finished process: its status, what it wrote to stdout and to stderr."""
    return subprocess.run(
        [sys.executable, "-m", "onnx_params", *words], capture_output=True, text=True, timeout=60
    )
