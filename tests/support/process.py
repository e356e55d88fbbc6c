"""Run the command line: as a process, as a user does, or in this one, which is quicker."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
from unittest.mock import patch


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The finished process: its status, what it wrote to stdout and to stderr."""
    return subprocess.run(
        [sys.executable, "-m", "onnx_params", *words], capture_output=True, text=True, timeout=60
    )


def called(*words: str) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own: for answers, not for signals, pipes and consoles."""
    from onnx_params.cli import main

    out, err = io.StringIO(), io.StringIO()
    status = 0
    before = signal.getsignal(signal.SIGINT)
    try:
        with (
            patch.object(sys, "argv", ["onnx-params", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1 if end.code else 0
    finally:
        signal.signal(signal.SIGINT, before)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())
