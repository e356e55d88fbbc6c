"""Turn a plan into what is written: payloads by stored tensor, patches by file."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from onnx_params.applying.casting import cast
from onnx_params.applying.files import Change, with_metadata
from onnx_params.applying.locations import relocated
from onnx_params.applying.payloads import payload, written
from onnx_params.applying.plan import Plan
from onnx_params.applying.protos import INITIALIZER, INPUT, anatomy, raw_tensor
from onnx_params.applying.surgery import Graft
from onnx_params.containers.onnx.splice import Edits, tagged
from onnx_params.io.patches import Patch, ordered
from onnx_params.tensors.encode import VARINTS, packed
from onnx_params.tensors.steps import Key

Pieces = Callable[[], Iterable[bytes]]


def payloads(made: Plan) -> dict[Key, Pieces]:
    """What makes the new payload of each stored tensor, scales and zero points among them."""
    stored, quantizer = made.model.stored, made.quantizer
    codes = dict.fromkeys(quantizer.written)
    found: dict[Key, Pieces] = {
        key: partial(payload, stored[key], shares)
        for key, shares in made.shares.items()
        if key not in codes
    }
    return found | {key: partial(quantizer.payload, key) for key in codes}


def array_of(made: Plan, key: Key) -> np.ndarray:
    """The whole array that a stored tensor becomes. Reads old and new values."""
    if key in made.shares and key not in made.quantizer.written:
        return written(made.model.stored[key], made.shares[key])
    return made.quantizer.array(key)


def change(
    made: Plan,
    metadata: Mapping[str, str],
    renamed: Mapping[str, str],
    without: Container[Key] = (),
) -> Change:
    """The patches of every file, and what changes its length; the stored tensors of ``without``
    stay as they are.
    """
    stored = made.model.stored
    edits = with_metadata(made.model, metadata)
    replaced = dict(edits.replaced) | relocated(made.model.source, renamed)
    own: list[Patch] = []
    outside: dict[str, list[Patch]] = {}
    for key, pieces in payloads(made).items():
        tensor = stored[key]
        if key in without:
            continue
        if tensor.encoding in VARINTS:
            replaced[tensor.spans[0]] = b"".join(pieces())
        elif tensor.external is not None:
            start = tensor.external.offset
            stop = start + tensor.dtype.packed_length(tensor.count)
            patch = Patch(start, stop, pieces)
            outside.setdefault(tensor.external.file.location, []).append(patch)
        else:
            own.append(Patch(tensor.spans[0].start, tensor.spans[-1].stop, pieces))
    patches = ordered(own, made.model.source.label)
    edits = replace(edits, replaced=replaced, patches=patches)
    return Change(_with_grafts(made, edits), outside, renamed)


def _with_grafts(made: Plan, edits: Edits) -> Edits:
    """The edits with new initializers and the nodes that take them."""
    if not made.grafts:
        return edits
    parts = anatomy(made.model.source)
    replaced, last = dict(edits.replaced), dict(edits.last)
    initializers = b""
    for graft in made.grafts:
        initializers += tagged(INITIALIZER, _grafted(graft))
        for position, slot in graft.slots:
            span, inputs = parts.nodes[position]
            if slot < len(inputs):
                replaced[inputs[slot]] = graft.name.encode()
            else:
                last[span] = tagged(INPUT, graft.name.encode())
    last[parts.graph] = last.get(parts.graph, b"") + initializers
    return replace(edits, replaced=replaced, last=last)


def _grafted(graft: Graft) -> bytes:
    """A new initializer. Reads its values."""
    dtype = graft.like.dtype
    if graft.is_whole:
        values = written(graft.like, [graft.share])
    else:
        values = cast(graft.share.read(), dtype)
    return raw_tensor(graft.name, dtype, values.shape, packed(values, dtype))
