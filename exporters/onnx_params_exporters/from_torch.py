"""Export a torch module to ONNX, write its source map, check that the artifact does what the module does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch

from onnx_params.errors import ExportError
from onnx_params_exporters import source_map

Exporter = Literal["dynamo", "torchscript"]
TOLERANCE = 1e-4  # of the largest absolute output; the worst of 39 transformers architectures was 1.7e-6


def export(
    model: torch.nn.Module,
    example_inputs: Mapping[str, torch.Tensor],
    path: str,
    *,
    exporter: Exporter = "dynamo",
    opset: int | None = None,
    check: bool = True,
) -> None:
    """Export ``model``, called with ``example_inputs`` by name, to ``path``.

    Raises :class:`ExportError` where torch cannot export it, or onnxruntime's outputs differ from the module's.
    """
    model.eval()
    names = list(example_inputs)
    options: dict[str, Any] = {"input_names": names}
    if opset is not None:
        options["opset_version"] = opset
    with _flat(model, names), torch.no_grad():
        expected = model(*example_inputs.values())
        print(f"exporting with {exporter} ...", file=sys.stderr)
        try:
            torch.onnx.export(model, tuple(example_inputs.values()), path, dynamo=exporter == "dynamo", **options)
        except Exception as error:  # torch raises many kinds
            raise ExportError(f"{type(model).__name__}: torch's {exporter} exporter failed: {str(error).splitlines()[0]}") from error
    source_map.write(path, f"torch {torch.__version__}", exporter, _parameters(model), _buffers(model))
    if check:
        _check(path, example_inputs, expected)


@contextmanager
def _flat(model: torch.nn.Module, names: list[str]) -> Iterator[None]:
    """Give the instance a ``forward`` of tensors in, tensors out; the module tree, and with it every name, stays as it is."""
    original = model.forward
    accepts = inspect.signature(type(model).forward).parameters
    extra = {"use_cache": False} if "use_cache" in accepts else {}  # caches are no tensors

    def forward(*args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(_tensors(original(**dict(zip(names, args, strict=True)), **extra)))

    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    model.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.forward


def _tensors(output: Any) -> Iterator[torch.Tensor]:  # whatever a forward returns
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from _tensors(value)
    elif hasattr(output, "items"):
        for value in dict(output.items()).values():
            yield from _tensors(value)


def _original(name: str, tensor: torch.Tensor, aliases: tuple[str, ...] = ()) -> source_map.Original:
    data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return source_map.Original(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), data, aliases)


def _parameters(model: torch.nn.Module) -> Iterator[source_map.Original]:
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    for name, parameter in model.named_parameters():
        yield _original(name, parameter, tuple(other for other in names[id(parameter)] if other != name))


def _buffers(model: torch.nn.Module) -> Iterator[source_map.Original]:
    for name, buffer in model.named_buffers():
        yield _original(name, buffer)


def _check(path: str, inputs: Mapping[str, torch.Tensor], expected: tuple[torch.Tensor, ...]) -> None:
    """Hold the artifact against ``onnx.checker`` and its outputs against the module's."""
    import onnx
    import onnxruntime

    print("checking the artifact in onnxruntime ...", file=sys.stderr)
    onnx.checker.check_model(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items() if name in wanted})
    if len(outputs) != len(expected):
        raise ExportError(f"{path}: has {len(outputs)} outputs, the model has {len(expected)}")
    for at, (got, true) in enumerate(zip(outputs, expected, strict=True)):
        reference = true.float().numpy()
        difference = float(np.abs(np.asarray(got, np.float32) - reference).max(initial=0.0))
        limit = TOLERANCE * max(1.0, float(np.abs(reference).max(initial=0.0)))
        if not difference <= limit:
            raise ExportError(f"{path}: output {at} differs from the model's by {difference:.3g}, more than {limit:.3g}")
