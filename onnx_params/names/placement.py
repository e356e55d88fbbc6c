"""Find the stored tensor behind a value, and say how a parameter lies in it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer, consumers
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.scales import scale_of
from onnx_params.dataflow.view import View, view_of
from onnx_params.idioms.composed import prefix_of
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.onnxruntime import Hop, left_behind, undo
from onnx_params.idioms.torchscript import is_put_into
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import (
    SWAP,
    Placement,
    Reshape,
    Shape,
    Step,
    Steps,
    chain,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

_LEAVES: Final = frozenset({"weight", "bias", "kernel", "embedding", "embeddings"})
_SIGN_AT_END: Final = re.compile(r"[._/:#-]+$")
_LAST_WORD: Final = re.compile(r"[._/:#-]+[^._/:#-]*$")


class Location(NamedTuple):
    """A stored tensor with the steps from it to a parameter; ``steps`` is ``None`` where the file
    does not say them. It is not ``sure`` where a tool may have laid it out anew.
    """

    tensor: StoredTensor
    shape: Shape
    dtype: str
    view: View
    steps: Steps | None
    sure: bool = True

    def claim(
        self,
        name: str,
        evidence: Evidence,
        because: str,
        *,
        certain: bool,
        view: View | None = None,
    ) -> Claim:
        """The claim that the parameter ``name`` lies here; never certain where nothing says how
        codes become numbers.
        """
        are_bare_codes = self.tensor.dtype.is_narrow_integer and self.view is View.WHOLE
        return Claim(
            name=name,
            shape=self.shape,
            dtype=self.dtype,
            evidence=evidence,
            certain=certain and self.sure and not are_bare_codes,
            because=because,
            view=view or self.view,
            stored=(self.tensor.key,),
            placements=(
                ()
                if self.steps is None or view is View.FOLDED
                else (Placement(self.tensor.key, self.steps),)
            ),
        )


def locate(model: Model, tensor: StoredTensor, *more: Step) -> Location:
    """How ``tensor`` holds what its operator takes, after ``more`` steps.

    Reads attributes of the consumers of quantized tensors.
    """
    taken = logical(model, tensor)
    more = more or _flattened(model, tensor, taken.shape)
    if not more and taken.view is View.WHOLE and taken.steps == ():  # nearly all
        return Location(tensor, tensor.shape, tensor.dtype.name, View.WHOLE, ())
    view = taken.view
    steps = None if taken.steps is None else chain(*taken.steps, *more)
    if more and view is View.WHOLE and steps:
        view = view_of(steps)
    # the tool that keeps what takes codes in functions of its own
    sure = tensor.dtype.is_float or not model.calls_in_place
    sure = sure and _has_all_codes(model, tensor)
    return Location(tensor, shape_after(taken.shape, more), taken.dtype, view, steps, sure)


def _has_all_codes(model: Model, tensor: StoredTensor) -> bool:
    """Whether nodes compute a weight of all of its codes, as far as their number tells: a part of
    them in another shape is not what has their name.
    """
    parts = model.computed.get(tensor.key, ())
    most = max((model.stored[part].count for part in parts if part in model.stored), default=0)
    return not most or tensor.count % most == 0


def _stem(name: str, scale: str) -> str:
    """What two names have in common before a last word each; empty where they have nothing such."""
    stem, _, word = name.rpartition("_")
    is_word = word.isalnum() and not word.isdecimal()
    if is_word and scale.startswith(f"{stem}_"):
        return stem
    common = common_name((name, scale))
    return common if common.rpartition(".")[2] in _LEAVES else ""


def common_name(names: Sequence[str]) -> str:
    """What the names of a weight's parts have in common, at the beginning or at the end, up to a
    sign between words: ``fc.weight`` of ``fc.weight_packed`` and ``fc.weight_scales``.
    """
    if len(names) == 1:
        rest = _cut(names[0])
        return rest if rest.rpartition(".")[2] in _LEAVES else names[0]
    first = os.path.commonprefix(list(names))
    last = os.path.commonprefix([name[::-1] for name in names])[::-1]
    if first in names:  # the codes have the name of the weight
        return first
    begins = _SIGN_AT_END.sub("", first) if _SIGN_AT_END.search(first) else _cut(first)
    ends = last.lstrip("_./:#-")
    return max(begins, ends, key=len)


def _cut(name: str) -> str:
    """A name up to its last sign between words."""
    return _LAST_WORD.sub("", name)


def _flattened(model: Model, tensor: StoredTensor, shape: Shape) -> Steps:
    """The step to torch's vector from a slope for each channel, which PRelu takes with the axes of
    its input.
    """
    is_vector = len(shape) > 1 and sum(dim > 1 for dim in shape) <= 1
    if not is_vector:
        return ()
    is_slope = any(each.node.op_type == "PRelu" for each in consumers(model, tensor))
    return (Reshape((tensor.count,)),) if is_slope else ()


class Stored:
    """The main graph's stored tensors under the names that they have, and under those that they had
    before post-processing.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        left = left_behind(model)
        self.now = {
            tensor.name: tensor
            for tensor in model.main.tensors
            if tensor.key not in model.parts_of_computed and tensor.key not in left
        }

    @cached_property
    def before(self) -> dict[str, tuple[StoredTensor, Hop]]:
        """Name before -> the tensor made from that value; names that still exist are not in it."""
        found: dict[str, tuple[StoredTensor, Hop]] = {}
        prefix = prefix_of(self.model)
        for name, tensor in self.now.items():
            for hop in undo(name):
                base = hop.base.removeprefix(prefix)
                if base not in self.now:
                    found.setdefault(base, (tensor, hop))
        for name, stem in self.stems.items():
            found.setdefault(stem, (self.now[name], Hop(stem, False, False)))
        return found

    @cached_property
    def stems(self) -> dict[str, str]:
        """Name of a tensor of codes -> the name of the weight, where the scale's begins with it
        too: ``fc.weight`` of ``fc.weight_i4`` and ``fc.weight_scale``; and of every tensor where
        all names have something before them.
        """
        found: dict[str, str] = {}
        prefix = prefix_of(self.model)
        for name, tensor in self.now.items():
            bare = name.removeprefix(prefix)
            if bare != name and bare not in self.now:
                found[name] = bare
            is_codes = not tensor.dtype.is_float or tensor.dtype.is_narrow_float
            scale = scale_of(self.model, tensor) if is_codes else None
            stem = "" if scale is None else _stem(name, scale.scale[1])
            if stem and stem not in self.now:
                found[name] = stem
        for (path, name), parts in self.model.computed.items():
            stem = common_name([part for _, part in parts]) if not path else ""
            if stem and stem not in self.now:
                found[name] = stem
        return found

    def get(self, name: str) -> StoredTensor | None:
        """The tensor that bears, or before post-processing bore, a name."""
        tensor = self.now.get(name)
        if tensor is None and name in self.before:
            tensor = self.before[name][0]
        return tensor

    def locate(self, name: str, *more: Step) -> Location | None:
        """How the tensor of that name holds it, in whatever was made of it since."""
        tensor = self.now.get(name)
        if tensor is not None:
            return locate(self.model, tensor, *more)
        if name not in self.before:
            return None
        tensor, hop = self.before[name]
        steps = (
            (SWAP, *more) if hop.turned and len(logical(self.model, tensor).shape) == 2 else more
        )
        return locate(self.model, tensor, *steps)

    def is_changed(self, name: str) -> bool:
        """Whether only a tensor whose values were changed on the way is left of a name, or the
        result of its layer is called after a norm or a factor that was put into it.
        """
        if name not in self.now:
            return name in self.before and self.before[name][1].folded
        return any(
            is_put_into(output)
            for consumer in consumers(self.model, self.now[name])
            if consumer.is_product or _adds_vector(consumer, self.now[name])
            for output in consumer.node.outputs[:1]
        )


def _adds_vector(consumer: Consumer, tensor: StoredTensor) -> bool:
    """Whether a node adds a vector, as a bias of a layer that a quantizer took apart."""
    return consumer.node.op_type == "Add" and len(tensor.shape) == 1
