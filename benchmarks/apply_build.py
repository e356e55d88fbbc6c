"""Make the zoo's artifacts twice: of a model, and of the same model with other weights.

One folder a case: ``old/`` and ``new/``, each as :mod:`zoo_build` has them. Run as
``python benchmarks/apply_build.py [case ...]``.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from onnx_params_exporters.inputs import make_inputs
from postprocess import POSTPROCESSORS
from tiny import tiny
from zoo_build import _export, _make, _process, _tell_truth
from zoo_cases import HELD_OUT, HELD_OUT_MODULES, MODULES, SEEN, SEEN_MODULES, distinct

FOLDER: Final = Path(".cache/apply")
EXPORTERS: Final = ("dynamo", "torchscript")
TIMEOUT: Final = 900  # seconds for one case


def build(case: str, folder: Path) -> None:
    """Make every artifact of one case that is not there yet."""
    torch.set_num_threads(1)
    model, inputs = _made(case)
    _write(model, inputs, folder / "old")
    _redrawn(model)
    _write(model, inputs, folder / "new")


def _made(case: str) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    if case not in MODULES:
        model = tiny(case)
        choose = getattr(model, "set_experts_implementation", None)
        can_choose = getattr(model, "_can_set_experts_implementation", lambda: False)
        if choose is not None and can_choose():
            choose("batched_mm")  # the only one that torch's exporters can write
        return model, make_inputs(model)
    torch.manual_seed(0)
    module, values = MODULES[case]()
    return distinct(module.eval()), {f"input_{at}": value for at, value in enumerate(values)}


def _redrawn(model: torch.nn.Module) -> None:
    """The same model with every weight drawn anew, about as large as it was."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = parameter.std() if parameter.numel() > 1 else parameter.abs().mean()
            drawn = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(parameter.mean() + drawn if parameter.ndim < 2 else drawn)
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
            elif name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.1)


def _write(model: torch.nn.Module, inputs: dict[str, torch.Tensor], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "truth.json").exists():
        arrays: dict[str, Any] = {name: value.numpy() for name, value in inputs.items()}
        np.savez(folder / "inputs.npz", **arrays)
        _tell_truth(model, folder)
    for exporter in EXPORTERS:
        source = folder / f"{exporter}.onnx"
        _make(source, partial(_export, model, inputs, exporter))
        for name, process in POSTPROCESSORS.items() if source.exists() else ():
            target = folder / f"{exporter}+{name}.onnx"
            _make(target, partial(_process, process, source, folder / "inputs.npz"))


def build_all(cases: list[str]) -> None:
    """Each case in a process of its own: one that crashes or hangs is one case less."""
    for case in cases:
        folder = FOLDER / case
        if (folder / "done").exists():
            continue
        words = [sys.executable, __file__, "--one", case]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT)
            note = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except subprocess.TimeoutExpired:
            note = [f"not done in {TIMEOUT} s"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "done").write_text("\n".join(note))
        made = len(list(folder.glob("*/*.onnx")))
        print(f"{case}: {made} artifacts {''.join(note)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        build(sys.argv[2], FOLDER / sys.argv[2])
    else:
        build_all(sys.argv[1:] or [*SEEN_MODULES, *SEEN, *HELD_OUT_MODULES, *HELD_OUT])
