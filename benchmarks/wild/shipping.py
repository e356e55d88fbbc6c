"""What the builders of architectures share: forwards that exporters take, what is done to an
artifact before it ships, and torchvision and torchaudio without their binaries.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import torch
from postprocess import POSTPROCESSORS

from wild.workshop import EXPORTERS, Builder, make

STEPS: Final = (
    ("onnxslim", "fp16"),
    ("onnxsim", "int8-dynamic", "ort-basic"),
    ("ort-extended", "int4"),
)


def every_second(cases: Mapping[str, Builder]) -> frozenset[str]:
    """Every second case by name."""
    return frozenset(sorted(cases)[1::2])


def shipped(cases: Mapping[str, Builder]) -> dict[str, Builder]:
    """The same cases, every third of them with post-processed variants beside the exports."""
    steps = {name: STEPS[at % len(STEPS)] for at, name in enumerate(sorted(cases)[::3])}
    return {
        name: partial(_ship, build, steps[name]) if name in steps else build
        for name, build in cases.items()
    }


def _ship(build: Builder, steps: Sequence[str], folder: Path) -> None:
    build(folder)
    for exporter in EXPORTERS:
        source = folder / exporter / "model.onnx"
        for step in steps if source.exists() else ():
            make(folder, f"{exporter}+{step}", partial(_step, step, source))


def _step(step: str, source: Path, target: Path) -> None:
    POSTPROCESSORS[step](source, target, source)  # no step here calibrates: no inputs


def shown(model: torch.nn.Module, names: Sequence[str], **fixed: Any) -> torch.nn.Module:
    """The same module whose forward takes those inputs in order and returns a tuple of tensors.

    The forward is replaced on the instance: parameters keep their names.
    """
    inner = model.forward

    def forward(*values: Any) -> tuple[torch.Tensor, ...]:
        return tuple(_tensors(inner(**dict(zip(names, values, strict=True)), **fixed)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    forward.__signature__ = signature  # type: ignore[attr-defined]
    model.forward = forward
    return model


def _tensors(made: Any) -> Iterator[torch.Tensor]:
    if isinstance(made, torch.Tensor):
        yield made
    elif isinstance(made, Mapping):
        for value in made.values():
            yield from _tensors(value)
    elif isinstance(made, list | tuple):
        for value in made:
            yield from _tensors(value)
    elif hasattr(made, "__dataclass_fields__"):
        for name in made.__dataclass_fields__:
            yield from _tensors(getattr(made, name))


_BOXES: Final = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height"
_POOL: Final = f"{_BOXES}, SymInt pooled_width"
_OPERATORS: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align({_POOL}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_POOL}) -> (Tensor, Tensor)",
    f"ps_roi_align({_POOL}, int sampling_ratio) -> (Tensor, Tensor)",
    f"ps_roi_pool({_POOL}) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, "
    "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",
    *(
        f"_{name}_backward(Tensor x) -> Tensor"
        for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")
    ),
)
_KEPT: list[Any] = []  # a library that is collected takes its operators away


def declare_operators() -> None:
    """Declare torchvision's operators in place of its binary, then import it, and torchaudio as if
    it had none: both binaries on the package index want CUDA.

    The two that detectors call get kernels of the right shape: an exporter records the call, not
    what it returns.
    """
    if _KEPT:
        return
    define: Any = torch.library.Library  # not typed by torch
    library = define("torchvision", "DEF")
    for operator in _OPERATORS:
        library.define(operator)
    library.impl("nms", _nms, "CPU")
    library.impl("roi_align", _roi_align, "CPU")
    _KEPT.append(library)
    for name in ("torchvision.extension", "torchvision.ops.roi_align"):
        import_module(name)._has_ops = _has_operators  # type: ignore[attr-defined]
    with patch.object(Path, "glob", lambda folder, pattern: iter(())):
        import torchaudio  # type: ignore[import-not-found,unused-ignore]  # noqa: F401


def _has_operators() -> bool:  # a function that torch.jit can compile
    return True


def _nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    return scores.argsort(descending=True)


def _roi_align(
    x: torch.Tensor, rois: torch.Tensor, scale: float, high: int, wide: int, *rest: Any
) -> torch.Tensor:
    return x.new_ones(rois.shape[0], x.shape[1], high, wide)
