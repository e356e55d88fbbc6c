"""Source maps for model weights: what is in an ONNX file, under the names that its author knew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx_params.version import __version__

if TYPE_CHECKING:
    from onnx_params.api import Report, analyze, compare
    from onnx_params.auditing.audit import Audit, audit
    from onnx_params.comparison.compare import Comparison
    from onnx_params.errors import (
        DependencyError,
        ExportError,
        FormatError,
        MissingDataError,
        OnnxParamsError,
        UnreadableError,
        UnsupportedError,
        UsageError,
    )
    from onnx_params.report.report import Other, Row
    from onnx_params.tensors.stored import StoredTensor

__all__ = [
    "Audit",
    "Comparison",
    "DependencyError",
    "ExportError",
    "FormatError",
    "MissingDataError",
    "OnnxParamsError",
    "Other",
    "Report",
    "Row",
    "StoredTensor",
    "UnreadableError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "analyze",
    "audit",
    "compare",
]

_HOME = {
    "Audit": "auditing.audit",
    "Comparison": "comparison.compare",
    "Other": "report.report",
    "Report": "api",
    "Row": "report.report",
    "StoredTensor": "tensors.stored",
    "analyze": "api",
    "audit": "auditing.audit",
    "compare": "api",
}


def __getattr__(name: str) -> Any:  # the type of whatever is asked for
    """Import a public name when it is first used, so that ``--version`` pays for none of them."""
    if name not in __all__:
        raise AttributeError(f"module 'onnx_params' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"onnx_params.{_HOME.get(name, 'errors')}"), name)
