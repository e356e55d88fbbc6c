"""Give a parameter of a layer, of which something is stored, the shape that it has in the layers
beside it.

Layers are beside each other where their names differ by one number; they are alike where all the
parameters that both have with a known shape have the same, and there are some.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Shape

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)|^\d+(?=\.)")

Layer = dict[str, Shape | None]  # of a parameter within the layer -> its shape


def with_shapes_of_siblings(claims: Sequence[Claim]) -> list[Claim]:
    """The claims, with a shape for each that has none and one in all layers that are alike."""
    if not any(map(_is_open, claims)):
        return list(claims)
    layers: defaultdict[str, dict[str, Layer]] = defaultdict(lambda: defaultdict(dict))
    for claim in claims:
        for stack, number, within in _places(claim.name):
            layers[stack][number][within] = claim.shape
    return [_completed(claim, layers) if _is_open(claim) else claim for claim in claims]


def _is_open(claim: Claim) -> bool:
    return claim.shape is None and bool(claim.stored)


def _places(name: str) -> Iterator[tuple[str, str, str]]:
    """The stacks that a parameter is in, the innermost first: what stands before the number of its
    layer, the number, and what stands after.
    """
    for match in reversed(list(_NUMBER.finditer(name))):
        yield name[: match.start()], match[0], name[match.end() :]


def _completed(claim: Claim, layers: Mapping[str, Mapping[str, Layer]]) -> Claim:
    for stack, number, within in _places(claim.name):
        own = layers[stack][number]
        shapes = {
            layer[within]
            for other, layer in layers[stack].items()
            if other != number and layer.get(within) is not None and _is_alike(own, layer)
        }
        if len(shapes) == 1:
            because = f"{claim.because}; in layers of the same shapes beside it, it has this shape"
            return replace(claim, shape=shapes.pop(), certain=False, because=because)
    return claim


def _is_alike(own: Layer, other: Layer) -> bool:
    """Whether the parameters that two layers have in common have the same shapes."""
    both = [
        (shape, other[name])
        for name, shape in own.items()
        if shape is not None and other.get(name) is not None
    ]
    return bool(both) and all(one == another for one, another in both)
