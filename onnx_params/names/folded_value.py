"""Describe a constant that the exporter computed from a parameter."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Final, NamedTuple

from onnx_params.dataflow.view import View
from onnx_params.idioms.call_sites import Site
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import operator_of
from onnx_params.names.claim import Claim
from onnx_params.names.placement import Location, locate
from onnx_params.names.signature_table import Table, without
from onnx_params.tensors.small import without_repeats
from onnx_params.tensors.steps import Shape

VALUE: Final = "val_"  # how the exporter calls what it makes up


class Folded(NamedTuple):
    """A parameter, the constant that was computed from it, and from what else."""

    table: Table
    name: str
    location: Location
    sources: tuple[str, ...]
    sites: list[Site]

    @property
    def value(self) -> str:
        """The name of the constant."""
        return self.location.tensor.name

    @property
    def operators(self) -> list[str]:
        """The operators on the way, the last one first; what the signature lists is none."""
        value = as_exported(self.table.model, self.value)
        on_the_way = unlisted((value, *self.sources), self.table.metadata.kinds)
        return [operator_of(name_before(each)) for each in on_the_way if each != self.name]

    @property
    def others(self) -> list[str]:
        """What else the signature lists that it was computed from."""
        return [each for each in self.sources if each in self.table.metadata.kinds]

    def without(self, shape: Shape | None, view: View, because: str) -> Claim:
        """The claim on a parameter whose numbers are not these."""
        return without(self.name, shape, view, because, self.location.tensor, certain=False)

    @property
    def unrepeated(self) -> Shape:
        """The shape of the constant, with one for each axis along which its values repeat. Reads
        them.
        """
        return without_repeats(self.location.tensor, self.location.shape)


def unlisted(names: Iterable[str], kinds: Container[str]) -> Iterator[str]:
    """The names that FX gave after operators: neither in the signature, nor made up in between."""
    return (each for each in names if each not in kinds and not each.startswith(VALUE))


def values_of(table: Table, name: str, sites: list[Site]) -> list[Folded]:
    """The constants that were computed from a parameter and are stored."""
    found = []
    for value in table.folded.get(name, ()):
        location = table.stored.locate(value)
        if location is not None:
            whole = table.model.parts_of_computed.get(location.tensor.key)
            if whole is not None:
                location = locate(table.model, table.model.stored[whole])
            sources = tuple(each for each in table.metadata.folded_from(value) if each != name)
            found.append(Folded(table, name, location, sources, sites))
    return found
