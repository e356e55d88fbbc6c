"""Say what of a model a release of a runtime does not accept."""

from __future__ import annotations

from collections.abc import Iterator

from onnx_params.containers.onnx.graph import Model
from onnx_params.operators.runtimes import limits


def beyond(model: Model, runtime: str) -> Iterator[str]:
    """What of a model a runtime does not take."""
    most = limits(runtime)
    if model.ir_version > most.ir:
        yield f"IR version {model.ir_version}; {runtime} takes up to {most.ir}"
    for domain, version in model.opsets:
        top = {"": most.onnx, "ai.onnx": most.onnx, "ai.onnx.ml": most.ml}.get(domain)
        if top is not None and version > top:
            yield f"opset {version} of {domain or 'ai.onnx'}; {runtime} takes up to {top}"
