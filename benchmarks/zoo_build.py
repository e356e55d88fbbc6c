"""Turn a case of the zoo into artifacts: exported three ways, then post-processed; the truth beside
them.

One folder a case: ``truth.json`` (the parameters in order, the other names of tied ones, which
tensors are buffers), ``weights.safetensors``, ``inputs.npz``, and ``<exporter>.onnx``,
``<exporter>+<post-processor>.onnx``, or ``....failed`` with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx_params_exporters import from_torch
from onnx_params_exporters.inputs import make_inputs
from postprocess import POSTPROCESSORS, Process
from tiny import tiny
from zoo_cases import HELD_OUT, HELD_OUT_MODULES, MODULES, SEEN, SEEN_MODULES, distinct

FOLDER = Path(".cache/zoo")
EXPORTERS = ("dynamo", "unoptimized", "torchscript")
PROCESSED = ("dynamo", "torchscript")
TIMEOUT = 600  # seconds for one case


def build(case: str, folder: Path) -> None:
    """Make every artifact of one case that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if case in MODULES:
        torch.manual_seed(0)
        model, values = MODULES[case]()
        model = distinct(model.eval())
        inputs = {f"input_{at}": value for at, value in enumerate(values)}
    else:
        model = tiny(case)
        choose = getattr(model, "set_experts_implementation", None)
        if (
            choose is not None
            and getattr(model, "_can_set_experts_implementation", lambda: False)()
        ):
            choose("batched_mm")  # the only one that torch's exporters can write
        inputs = make_inputs(model)
    if not (folder / "truth.json").exists():
        _tell_truth(model, folder)
        arrays: dict[str, Any] = {name: value.numpy() for name, value in inputs.items()}
        np.savez(folder / "inputs.npz", **arrays)
    for exporter in EXPORTERS:
        _make(folder / f"{exporter}.onnx", partial(_export, model, inputs, exporter))
    for exporter in PROCESSED:
        source = folder / f"{exporter}.onnx"
        for name, process in POSTPROCESSORS.items() if source.exists() else ():
            target = folder / f"{exporter}+{name}.onnx"
            _make(target, partial(_process, process, source, folder / "inputs.npz"))


def _make(path: Path, make: Callable[[Path], None]) -> None:
    failed = path.with_suffix(".failed")
    if path.exists() or failed.exists():
        return
    try:
        make(path)
        if not path.exists():
            raise FileNotFoundError("nothing was written")
    except Exception as error:  # torch, onnxruntime and the rest have kinds of their own
        path.unlink(missing_ok=True)
        failed.write_text(
            f"{type(error).__name__}: {str(error.__cause__ or error).strip()[:500]}\n"
        )


def _export(
    model: torch.nn.Module, inputs: dict[str, torch.Tensor], exporter: str, path: Path
) -> None:
    """What a user does without us: torch.onnx.export and no more."""
    options: dict[str, Any] = {"dynamo": exporter != "torchscript"}
    if exporter == "unoptimized":
        options["optimize"] = False
    with (
        from_torch._flat(model, list(inputs)),
        torch.no_grad(),
        from_torch._exportable("torchscript" if exporter == "torchscript" else "dynamo"),
    ):
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            verbose=False,
            external_data=False,
            **options,
        )


def _process(process: Process, source: Path, inputs: Path, target: Path) -> None:
    process(source, target, inputs)


def _tell_truth(model: torch.nn.Module, folder: Path) -> None:
    from safetensors.torch import save_file

    state = model.state_dict()
    every: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        every.setdefault(id(parameter), []).append(name)
    truth = {
        "parameters": [
            [name, list(p.shape), [other for other in every[id(p)] if other != name]]
            for name, p in model.named_parameters()
        ],
        "buffers": [[name, list(b.shape), name in state] for name, b in model.named_buffers()],
        "state": list(state),
    }
    save_file(
        {name: tensor.detach().clone().contiguous() for name, tensor in state.items()},
        folder / "weights.safetensors",
    )
    (folder / "truth.json").write_text(json.dumps(truth))


def build_all(cases: list[str]) -> None:
    """Each case in a process of its own: one that crashes or hangs is one case less."""
    for case in cases:
        folder = FOLDER / case
        if (folder / "done").exists():
            continue
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--one", case],
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
            note = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except subprocess.TimeoutExpired:
            note = [f"not done in {TIMEOUT} s"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "done").write_text("\n".join(note))
        made, failed = len(list(folder.glob("*.onnx"))), len(list(folder.glob("*.failed")))
        print(
            f"{case}: {made} artifacts, {failed} not made {''.join(note)}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        build(sys.argv[2], FOLDER / sys.argv[2])
    else:
        build_all(sys.argv[1:] or [*SEEN_MODULES, *SEEN, *HELD_OUT_MODULES, *HELD_OUT])
