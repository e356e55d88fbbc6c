"""Source maps for model weights: what is in an ONNX file, under the names that its author knew.

The verbs are functions: :func:`analyze`, :func:`audit`, :func:`compare`, :func:`rank`,
:func:`lock`, :func:`verify`, :func:`extract`, :func:`restore`, :func:`apply`, :func:`link`,
:func:`emit`. Each takes paths and returns a record; what goes wrong is an :class:`OnnxParamsError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx_params.version import __version__

if TYPE_CHECKING:
    from onnx_params.api import (
        Parameter,
        Report,
        analyze,
        compare,
        extract,
        lock,
        rank,
        restore,
        verify,
    )
    from onnx_params.applying.apply import apply
    from onnx_params.applying.emit import Emission, emit
    from onnx_params.applying.link import link
    from onnx_params.applying.record import Application
    from onnx_params.auditing.audit import Audit, audit
    from onnx_params.auditing.policy import Policy, read_policy
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
    from onnx_params.io.sources import Source
    from onnx_params.report.report import Other, Row
    from onnx_params.tensors.stored import StoredTensor

__all__ = [
    "Application",
    "Audit",
    "Comparison",
    "DependencyError",
    "Emission",
    "ExportError",
    "FormatError",
    "MissingDataError",
    "OnnxParamsError",
    "Other",
    "Parameter",
    "Policy",
    "Report",
    "Row",
    "Source",
    "StoredTensor",
    "UnreadableError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "analyze",
    "apply",
    "audit",
    "compare",
    "emit",
    "extract",
    "link",
    "lock",
    "rank",
    "read_policy",
    "restore",
    "verify",
]

_HOME = {
    "Application": "applying.record",
    "Audit": "auditing.audit",
    "Comparison": "comparison.compare",
    "Emission": "applying.emit",
    "Other": "report.report",
    "Policy": "auditing.policy",
    "Row": "report.report",
    "Source": "io.sources",
    "StoredTensor": "tensors.stored",
    "apply": "applying.apply",
    "emit": "applying.emit",
    "link": "applying.link",
    "audit": "auditing.audit",
    "read_policy": "auditing.policy",
}
_OF_API = frozenset("Parameter Report analyze compare extract lock rank restore verify".split())


def __getattr__(name: str) -> Any:  # the type of whatever is asked for
    """Import a public name when it is first used, so that ``--version`` pays for none of them."""
    if name not in __all__:
        raise AttributeError(f"module 'onnx_params' has no attribute '{name}'")
    from importlib import import_module

    home = "api" if name in _OF_API else _HOME.get(name, "errors")
    return getattr(import_module(f"onnx_params.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
