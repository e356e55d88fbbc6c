"""Find what a tool put before every name of a graph, as before two graphs become one.

Source: onnx, ``compose.py``, ``add_prefix``.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.onnx.once import once

# how TorchScript's exporter begins the names of nodes, and how dynamo's does
_BEFORE: Final = re.compile(r"[^/]*?[/_.:-](?=/|node_)")
NEARLY_ALL: Final = 0.9  # of the names; later tools put a few nodes and tensors beside them


@once
def prefix_of(model: Model) -> str:
    """What stands before nearly all names of nodes and stored tensors of the main graph, where
    torch's exporters wrote what follows; empty where nothing does.
    """
    nodes = [node.name for node in model.main.nodes if node.name]
    found = Counter(match[0] for match in map(_BEFORE.match, nodes) if match is not None)
    if not found:  # nearly all models
        return ""
    prefix = found.most_common(1)[0][0]
    tensors = [tensor.name for tensor in model.main.tensors]
    are_before = (
        sum(name.startswith(prefix) for name in names) >= NEARLY_ALL * len(names)
        for names in (nodes, tensors)
    )
    return prefix if all(are_before) else ""


def as_exported(model: Model, name: str) -> str:
    """A name without what a tool put before nearly all names."""
    return name.removeprefix(prefix_of(model))
