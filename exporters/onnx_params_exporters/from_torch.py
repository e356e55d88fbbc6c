"""Export a torch module to ONNX, write its source map, check that the artifact does what the module
does.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch

from onnx_params.errors import ExportError
from onnx_params.names.claim import Claim
from onnx_params_exporters import by_content, source_map
from onnx_params_exporters.workshop import calling, checked, draft_of, running

Exporter = Literal["dynamo", "torchscript"]
TOLERANCE = 1e-4  # of the largest absolute output in float32
ROUNDINGS = 16  # of the element type, where that is coarser: half precision and bfloat16


def export(
    model: torch.nn.Module,
    example_inputs: Mapping[str, torch.Tensor] | Sequence[torch.Tensor] | torch.Tensor,
    path: str,
    *,
    exporter: Exporter = "dynamo",
    opset: int | None = None,
    check: bool = True,
    framework: str | None = None,
) -> None:
    """Export ``model`` to ``path``, external data beside it as ``<path>.data``; whole or not at
    all.

    ``example_inputs`` are tensors by name of ``forward``'s argument, or in its order. ``framework``
    is what the source map calls the model's, torch if not given. The module is put into ``eval``
    mode. Raises :class:`ExportError` where torch cannot export it, or (with ``check``) where
    onnxruntime's outputs differ from the module's.
    """
    model.eval()
    inputs = _named(model, example_inputs)
    names = list(inputs)
    options: dict[str, Any] = {"input_names": names}
    if opset is not None:
        options["opset_version"] = opset
    with draft_of(path) as draft:
        with _flat(model, names), torch.no_grad(), _exportable(exporter):
            with calling(type(model).__name__):
                expected = model(*inputs.values())
            print(f"exporting with {exporter} ...", file=sys.stderr)
            try:
                torch.onnx.export(
                    model, tuple(inputs.values()), draft, dynamo=exporter == "dynamo", **options
                )
            except Exception as error:  # torch raises many kinds
                reason = str(error.__cause__ or error).strip().partition("\n")[0]
                raise ExportError(
                    f"{type(model).__name__}: torch's {exporter} exporter failed: {reason}"
                ) from error
        source_map.write(
            draft,
            framework or f"torch {torch.__version__}",
            exporter,
            _parameters(model),
            _buffers(model),
            lambda: _found(model, draft),
        )
        if check:
            _check(draft, opset, inputs, expected)


def _found(model: torch.nn.Module, draft: str) -> Mapping[str, Claim]:
    """Where content is that was turned, joined, reordered or folded, by content."""
    state = {
        name: tensor
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if tensor.dtype in (torch.float32, torch.float16)
    }
    weights = [by_content.Weight(name, _array(tensor)) for name, tensor in state.items()]
    return by_content.claims(draft, weights)


def _named(
    model: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor] | Sequence[torch.Tensor] | torch.Tensor,
) -> dict[str, torch.Tensor]:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    values = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
    accepts = [
        p
        for p in inspect.signature(model.forward).parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    names = [p.name for p in accepts if p.kind is not p.VAR_POSITIONAL]
    if any(p.kind is p.VAR_POSITIONAL for p in accepts):
        names += [f"input_{at}" for at in range(len(names), len(values))]
    if len(values) > len(names):
        raise ExportError(
            f"{type(model).__name__}: was given {len(values)} inputs, its forward takes"
            f" {len(names)}"
        )
    return dict(zip(names, values, strict=False))


@contextmanager
def _exportable(exporter: Exporter) -> Iterator[None]:
    """Stand in for operators that the exporter cannot write, while it runs: the same values by
    operators that it can.
    """
    if exporter == "dynamo":
        yield
        return
    original = torch.Tensor.repeat_interleave

    # torch's own types
    def repeat_interleave(
        self: torch.Tensor, repeats: Any, dim: int | None = None, **options: Any
    ) -> torch.Tensor:
        if not isinstance(repeats, int) or dim is None:
            return original(self, repeats, dim, **options)
        at = dim % self.dim()
        wide = self.unsqueeze(at + 1)
        return wide.expand(*wide.shape[: at + 1], repeats, *wide.shape[at + 2 :]).flatten(
            at, at + 1
        )

    torch.Tensor.repeat_interleave = repeat_interleave  # type: ignore[method-assign,assignment]
    fast = torch.backends.mha.get_fastpath_enabled()
    # one operator for all of an attention, which cannot be written
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.Tensor.repeat_interleave = original  # type: ignore[method-assign]


@contextmanager
def _flat(model: torch.nn.Module, names: list[str]) -> Iterator[None]:
    """Give the instance a ``forward`` of tensors in, tensors out; the module tree, and with it
    every name, stays as it is.
    """
    original = model.forward
    accepts = inspect.signature(original).parameters
    extra = {"use_cache": False} if "use_cache" in accepts else {}  # caches are no tensors
    by_name = all(name in accepts for name in names)

    def forward(*args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output = (
            original(**dict(zip(names, args, strict=True)), **extra)
            if by_name
            else original(*args, **extra)
        )
        return tuple(tensors(output))

    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    model.forward = forward
    try:
        yield
    finally:
        del model.forward


def tensors(output: Any) -> Iterator[torch.Tensor]:  # whatever a forward returns
    """The tensors of an output, in order; caches are none."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from tensors(value)
    elif hasattr(output, "items") and not hasattr(
        output, "get_seq_length"
    ):  # a cache is not an output
        for value in dict(output.items()).values():
            yield from tensors(value)


def original(name: str, tensor: torch.Tensor, aliases: tuple[str, ...] = ()) -> source_map.Original:
    """What the source map holds of a parameter or buffer."""
    data = (
        tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        if tensor.numel()
        else b""
    )
    return source_map.Original(
        name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), data, aliases
    )


def owned(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter, tuple[str, ...]]]:
    """Every parameter once: the name under which it is registered first, and all others that it
    has.
    """
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    for name, parameter in model.named_parameters():
        yield name, parameter, tuple(other for other in names[id(parameter)] if other != name)


def _parameters(model: torch.nn.Module) -> Iterator[source_map.Original]:
    for name, parameter, aliases in owned(model):
        yield original(name, parameter, aliases)


def _buffers(model: torch.nn.Module) -> Iterator[source_map.Original]:
    for name, buffer in model.named_buffers():
        yield original(name, buffer)


def _check(
    path: str,
    opset: int | None,
    inputs: Mapping[str, torch.Tensor],
    expected: tuple[torch.Tensor, ...],
) -> None:
    """Hold the artifact against ``onnx.checker`` and its outputs against the module's."""
    import onnx
    import onnxruntime

    print("checking the artifact in onnxruntime ...", file=sys.stderr)
    name = os.path.basename(path)
    checked(path, path)
    written = next(
        (
            entry.version
            for entry in onnx.load(path, load_external_data=False).opset_import
            if entry.domain in ("", "ai.onnx")
        ),
        0,
    )
    if opset is not None and written != opset:
        raise ExportError(
            f"{name}: torch wrote operator set {written} instead of {opset}; try the other exporter"
        )
    with running(name):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        wanted = {value.name for value in session.get_inputs()}
        outputs = session.run(
            None, {name: _array(tensor) for name, tensor in inputs.items() if name in wanted}
        )
    if len(outputs) != len(expected):
        raise ExportError(f"{name}: has {len(outputs)} outputs, the model has {len(expected)}")
    for at, (got, true) in enumerate(zip(outputs, expected, strict=True)):
        reference = true.float().numpy()
        difference = float(np.abs(np.asarray(got, np.float32) - reference).max(initial=0.0))
        rounding = torch.finfo(true.dtype).eps if true.dtype.is_floating_point else 0.0
        limit = max(TOLERANCE, ROUNDINGS * rounding) * max(
            1.0, float(np.abs(reference).max(initial=0.0))
        )
        if not difference <= limit:
            raise ExportError(
                f"{name}: output {at} differs from the model's by {difference:.3g}, more than"
                f" {limit:.3g}"
            )


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
