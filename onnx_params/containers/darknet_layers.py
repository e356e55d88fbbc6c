"""Tell which tensors the layers of a Darknet configuration have, in the order of its file.

Source: https://github.com/AlexeyAB/darknet and pjreddie/darknet, src/parser.c
(parse_network_cfg, load_convolutional_weights), convolutional_layer.c, maxpool_layer.c and
reorg_layer.c.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.steps import Shape

MAX_CONFIGURATION: Final = 1 << 20  # bytes
MAX_LAYERS: Final = 10_000
MAX_DIM: Final = (1 << 31) - 1  # an int of C
_NETWORKS: Final = ("net", "network")
_INTEGER: Final = re.compile(r"[+-]?\d{1,10}")
# options that change what of a layer is in the file, or in which order
_UNSUPPORTED_OPTIONS: Final = ("dontload", "dontloadscales", "numload", "flipped", "share_index")


class _Map(NamedTuple):
    """What a layer gives: channels, height and width."""

    channels: int
    height: int
    width: int


class _Section(NamedTuple):
    """A layer of a configuration, and its options."""

    kind: str
    options: dict[str, str]

    def integer(self, key: str, default: int) -> int:
        """A number, as C's ``atoi`` reads it: what follows the digits does not count."""
        found = _INTEGER.match(self.options.get(key, str(default)))
        return int(found[0]) if found else 0

    def integers(self, key: str) -> list[int]:
        parts = self.options.get(key, "").split(",")
        return [int(found[0]) for part in parts if (found := _INTEGER.match(part))]


class Part(NamedTuple):
    """A tensor of a layer: its name by the layer's index, and its shape."""

    name: str
    shape: Shape


def layers(path: str) -> Iterator[list[Part]]:
    """The tensors of each layer of a configuration, in the order of the file of weights.

    Touches the disk. Raises :class:`FormatError` where it is no configuration,
    :class:`UnsupportedError` for layers and options that are not known here.
    """
    network, *listed = _sections(path)
    now = _Map(*(network.integer(key, 0) for key in ("channels", "height", "width")))
    if not math.prod(now):
        now = _Map(network.integer("inputs", 0), 1, 1)
    before: list[_Map] = []
    for index, section in enumerate(listed):
        label = f"{path}: layer {index} [{section.kind}]"
        _check(section, label)
        parts: list[Part] = []
        if section.kind in _WITH_WEIGHTS:
            parts, now = _WITH_WEIGHTS[section.kind](section, now, index, label)
        elif section.kind in _FROM_OTHERS:
            others = [_other(before, at, label) for at in _numbered(section, label)]
            now = _FROM_OTHERS[section.kind](section, now, others)
        else:
            now = _WITHOUT_WEIGHTS[section.kind](section, now)
        if not all(0 < dim <= MAX_DIM for dim in now):
            raise FormatError(f"{label} gives {' x '.join(map(str, now))} numbers")
        before.append(now)
        yield parts


def _sections(path: str) -> list[_Section]:
    """The sections of a configuration, the network's first; of an option given twice the first
    counts.
    """
    source = FileSource(path)
    if source.n_bytes > MAX_CONFIGURATION:
        raise FormatError(f"{path}: is too long for a configuration; refused")
    text = source.read(0, source.n_bytes).decode("utf-8", "backslashreplace")
    found: list[_Section] = []
    for line in text.splitlines():
        line = re.sub(r"\s", "", line)
        if not line or line[0] in "#;\0":
            continue
        if line[0] == "[":
            found.append(_Section(line.partition("]")[0][1:41], {}))
            continue
        key, equals, value = line.partition("=")
        if not equals or not found:
            raise FormatError(f"{path}: is no configuration: '{line[:40]}' is no option")
        found[-1].options.setdefault(key, value)
    if not found or found[0].kind not in _NETWORKS:
        raise FormatError(f"{path}: is no configuration: it does not begin with [net]")
    if len(found) > MAX_LAYERS:
        raise FormatError(f"{path}: has {len(found)} layers; refused")
    return found


def _check(section: _Section, label: str) -> None:
    if section.kind not in {*_WITH_WEIGHTS, *_FROM_OTHERS, *_WITHOUT_WEIGHTS}:
        raise UnsupportedError(f"{label} is of a kind that is not supported")
    set_options = [key for key in _UNSUPPORTED_OPTIONS if section.options.get(key, "0") != "0"]
    if section.options.get("weights_type", "none") != "none":
        set_options.append("weights_type")
    if set_options:
        raise UnsupportedError(f"{label} has the option '{set_options[0]}', not supported")


def _numbered(section: _Section, label: str) -> list[int]:
    """The layers that a layer takes besides the one before it."""
    numbers = section.integers("layers" if section.kind == "route" else "from")
    if not numbers:
        raise FormatError(f"{label} does not say which layers it takes")
    return numbers


def _other(before: list[_Map], at: int, label: str) -> _Map:
    place = at + len(before) if at < 0 else at
    if not 0 <= place < len(before):
        raise FormatError(f"{label} takes layer {at}, which is not before it")
    return before[place]


def _normalized(kind: str, index: int, n: int, section: _Section) -> list[Part]:
    """What comes before the weights of a convolution, and around those of a matrix."""
    if not section.integer("batch_normalize", 0) and not section.integer("cbn", 0):
        return [Part(f"{kind}_{index}.bias", (n,))]
    leaves = ("bias", "weight", "running_mean", "running_var")
    return [Part(f"bn_{index}.{leaf}", (n,)) for leaf in leaves]


def _strides(section: _Section) -> tuple[int, int]:
    """Steps along height and width."""
    both = section.integer("stride", 1)
    steps = [section.integer(key, both) for key in ("stride_y", "stride_x")]
    down, across = (step if step > 0 else max(1, both) for step in steps)
    return down, across


def _convolution(section: _Section, now: _Map, index: int, label: str) -> tuple[list[Part], _Map]:
    n_filters, n = section.integer("filters", 1), section.integer("size", 1)
    groups = section.integer("groups", 1)
    if n < 1 or n_filters < 1 or groups < 1 or now.channels % groups:
        raise FormatError(
            f"{label}: {n_filters} filters of {n} in {groups} groups for {now.channels} channels"
        )
    padding = n // 2 if section.integer("pad", 0) else section.integer("padding", 0)
    dilation = 1 if n == 1 else max(1, section.integer("dilation", 1))
    down, across = _strides(section)
    reach = dilation * (n - 1) + 1
    height = (now.height + 2 * padding - reach) // down + 1
    width = (now.width + 2 * padding - reach) // across + 1
    weight = Part(f"conv_{index}.weight", (n_filters, now.channels // groups, n, n))
    parts = [*_normalized("conv", index, n_filters, section), weight]
    return parts, _Map(n_filters, height, width)


def _connected(section: _Section, now: _Map, index: int, label: str) -> tuple[list[Part], _Map]:
    n = section.integer("output", 1)
    if n < 1:
        raise FormatError(f"{label} has {n} outputs")
    bias, *others = _normalized("fc", index, n, section)
    weight = Part(f"fc_{index}.weight", (n, math.prod(now)))
    return [bias, weight, *others], _Map(n, 1, 1)


def _pooled(section: _Section, now: _Map) -> _Map:
    down, across = _strides(section)
    n = section.integer("size", section.integer("stride", 1))
    padding = section.integer("padding", n - 1)
    is_deep = section.integer("maxpool_depth", 0)
    channels = section.integer("out_channels", 1) if is_deep else now.channels
    if is_deep:
        return _Map(channels, now.height, now.width)
    height = (now.height + padding - n) // down + 1
    width = (now.width + padding - n) // across + 1
    return _Map(channels, height, width)


def _upsampled(section: _Section, now: _Map) -> _Map:
    step = section.integer("stride", 2)
    if step < 0:
        return _Map(now.channels, now.height // -step, now.width // -step)
    return _Map(now.channels, now.height * step, now.width * step)


def _reorganized(section: _Section, now: _Map) -> _Map:
    step = max(1, section.integer("stride", 1))
    if section.integer("reverse", 0):
        return _Map(now.channels // step**2, now.height * step, now.width * step)
    return _Map(now.channels * step**2, now.height // step, now.width // step)


def _joined(section: _Section, now: _Map, others: list[_Map]) -> _Map:
    """Channels of all layers that are named, or of one part of them."""
    channels = sum(other.channels for other in others)
    return _Map(channels // max(1, section.integer("groups", 1)), *others[0][1:])


_Weighted = Callable[[_Section, _Map, int, str], tuple[list[Part], _Map]]
_WITH_WEIGHTS: Final[dict[str, _Weighted]] = {
    "conv": _convolution,
    "convolutional": _convolution,
    "conn": _connected,
    "connected": _connected,
}
_FROM_OTHERS: Final[dict[str, Callable[[_Section, _Map, list[_Map]], _Map]]] = {
    "route": _joined,
    "shortcut": lambda section, now, others: now,
    "scale_channels": lambda section, now, others: others[0],
    "sam": lambda section, now, others: others[0],
}
_SAME: Final = (
    "activation cost detection dropout empty Gaussian_yolo iseg l2norm logistic lrn normalization"
    " region soft softmax yolo"
).split()
_WITHOUT_WEIGHTS: Final[dict[str, Callable[[_Section, _Map], _Map]]] = {
    **dict.fromkeys(_SAME, lambda section, now: now),
    **dict.fromkeys(("max", "maxpool", "local_avg", "local_avgpool"), _pooled),
    **dict.fromkeys(("avg", "avgpool"), lambda section, now: _Map(now.channels, 1, 1)),
    **dict.fromkeys(("reorg", "reorg3d"), _reorganized),
    "upsample": _upsampled,
    "crop": lambda section, now: _Map(
        now.channels, section.integer("crop_height", 1), section.integer("crop_width", 1)
    ),
}
