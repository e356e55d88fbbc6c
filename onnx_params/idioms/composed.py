"""Find what a tool put before every name of a graph, as before two graphs become one.

Source: onnx, ``compose.py``, ``add_prefix``.
"""

from __future__ import annotations

import re
from typing import Final

from onnx_params.containers.onnx.graph import Model

_UP_TO_SIGN: Final = re.compile(r".*[/_.:-]")


def prefix_of(model: Model) -> str:
    """What stands before the names of all nodes and stored tensors of the main graph, where torch's
    exporters wrote what follows; empty where nothing does.
    """
    match = _UP_TO_SIGN.match(model.common_prefix)
    if match is None:
        return ""
    # how TorchScript's exporter begins the names of nodes, and how dynamo's does
    begins = (f"{match[0]}/", f"{match[0]}node_")
    return match[0] if any(node.name.startswith(begins) for node in model.main.nodes) else ""


def as_exported(model: Model, name: str) -> str:
    """A name without what a tool put before all names."""
    return name.removeprefix(prefix_of(model))
