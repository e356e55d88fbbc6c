"""Define how a quantizer stores a layer in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

Parts = Mapping[str, StoredTensor]  # leaf -> tensor of one layer


class Settings(NamedTuple):
    """What the configuration beside a checkpoint says: whether zero points are stored as they are
    (GPTQ's second format), how long blocks are along each axis (FP8), how many inputs have a scale
    (MLX), and the name of the method, by which layouts of equal shapes are told apart.
    """

    is_second: bool = False
    blocks: tuple[int, ...] = ()
    group: int = 0
    method: str = ""


class Layout(NamedTuple):
    """How a quantizer stores a layer: the leaves that must be there and those that may be, what the
    weight is called, its shape (none where the parts do not fit), and what makes its numbers.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    leaf: str
    shape: Callable[[Parts, Settings], Shape | None]
    make: Callable[[Parts, Settings], np.ndarray]
