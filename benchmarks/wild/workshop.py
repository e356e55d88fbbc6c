"""What the builders of the second zoo share: weights that differ everywhere, the truth and the
checkpoint beside an artifact, export as users call it.

One folder a case, ``.cache/wild/<kind>/<case>``::

    truth.json         [name, shape, [other names of a tied parameter]] of named_parameters()
    ref.safetensors    the checkpoint (or ref.pt, ref/, ...: what an audit takes as reference)
    <variant>/model.onnx
    <variant>/failed   instead: why the tool did not make it, one line

A variant whose checkpoint is another one has a ``ref.*`` of its own beside ``model.onnx``. Every
artifact is a clean product of its checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Builder = Callable[[Path], None]  # makes one case in its folder
EXPORTERS = ("dynamo", "torchscript")


def shake(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Draw every tensor different: parameters, running means and variances."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.is_floating_point():
                center = 1.0 if parameter.dim() == 1 and name.endswith("weight") else 0.0
                parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.1 + center)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=draw) * 0.3)
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=draw) + 0.5)
    return model.eval()


def tell(model: torch.nn.Module, folder: Path) -> None:
    """Write the truth and the checkpoint of a model."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    every: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        every.setdefault(id(parameter), []).append(name)
    truth = [
        [name, list(parameter.shape), [other for other in every[id(parameter)] if other != name]]
        for name, parameter in model.named_parameters()
    ]
    (folder / "truth.json").write_text(json.dumps(truth))
    state = {name: value.detach().clone().contiguous() for name, value in tensors_of(model)}
    save_file(state, folder / "ref.safetensors")


def tensors_of(model: torch.nn.Module) -> Iterable[tuple[str, torch.Tensor]]:
    """The tensors of a state dict, without what else modules put there."""
    import torch

    for name, value in model.state_dict().items():
        if isinstance(value, torch.Tensor):
            yield name, value


def make(folder: Path, variant: str, write: Callable[[Path], None]) -> Path | None:
    """Have ``write`` make ``<variant>/model.onnx``; its path, or ``None`` where it failed, with the
    reason in ``failed``. What is there already is not made again.
    """
    target = folder / variant / "model.onnx"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    failed = target.with_name("failed")
    if failed.exists():
        return None
    try:
        write(target)
        if not target.exists():
            raise FileNotFoundError("nothing was written")
    except Exception as error:  # each tool has kinds of its own
        for path in target.parent.iterdir():
            path.unlink()
        reason = str(error.__cause__ or error).strip().partition("\n")[0][:300]
        failed.write_text(f"{type(error).__name__}: {reason}\n")
        return None
    return target


def compare(made: Sequence[Any], wanted: Sequence[Any], slack: float) -> None:
    """Raise ``ValueError`` unless outputs are the wanted ones, but for a share of their length."""
    import numpy as np

    if len(made) != len(wanted):
        raise ValueError(f"{len(made)} outputs, not {len(wanted)}")
    for found, want in zip(made, wanted, strict=True):
        both = [np.asarray(each).astype(np.float64).ravel() for each in (found, want)]
        if not np.isfinite(both[1]).all() or both[1].size != both[0].size:
            raise ValueError("outputs that are not numbers, or not so many")
        far = np.linalg.norm(both[0] - both[1]) / (np.linalg.norm(both[1]) + 1e-9)
        if not far <= slack:
            raise ValueError(f"outputs do not follow the module's: {far:.4f}")


def export(
    model: torch.nn.Module, arguments: tuple[Any, ...], exporter: str, path: Path, **options: Any
) -> None:
    """``torch.onnx.export`` as users call it, and no more than they say."""
    import torch

    with torch.no_grad():
        torch.onnx.export(
            model,
            arguments,
            str(path),
            dynamo=exporter == "dynamo",
            external_data=False,
            verbose=False,
            **options,
        )


def export_both(model: torch.nn.Module, arguments: tuple[Any, ...], folder: Path) -> list[Path]:
    """A case of an architecture: truth, checkpoint, and both of torch's exporters."""
    shake(model)
    tell(model, folder)
    made = [
        make(folder, exporter, partial(export, model, arguments, exporter))
        for exporter in EXPORTERS
    ]
    return [path for path in made if path is not None]
