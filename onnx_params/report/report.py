"""Turn an inventory into rows, totals and proportions by form: numbers only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View
from onnx_params.inventory.record import Inventory
from onnx_params.names.claim import Claim
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Unpack, without_ones
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    from onnx_params.tensors.stats import Stats


SCHEMA: Final = "onnx-params/report/1"  # of the JSON document


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One parameter of the original model.

    ``shape`` and ``count`` are ``None`` where the file does not say them. ``claim`` is what won:
    it has the reason, and where the parameter is stored.
    """

    name: str
    shape: tuple[int, ...] | None
    squeezed_shape: tuple[int, ...] | None
    count: int | None
    form: str
    dtype: str | None
    n_bytes: int
    evidence: str
    certain: bool
    view: str
    stored: tuple[str, ...]
    aliases: tuple[str, ...]
    claim: Claim | None = field(default=None, repr=False, compare=False)

    @property
    def bits_per_weight(self) -> float | None:
        """Stored bits for each element; 0 where the numbers are another row's or gone."""
        return 8 * self.n_bytes / self.count if self.count else None


class Other(NamedTuple):
    """One stored tensor that is not a parameter."""

    name: str
    role: str
    rule: str
    because: str
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int
    place: str


class Form(NamedTuple):
    """How many layers and parameters have one form."""

    form: str
    layers: int
    parameters: int


class Module(NamedTuple):
    """One node of the module tree: everything whose name begins with ``name``."""

    name: str
    layers: int
    parameters: int
    n_bytes: int


def _squeezed(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """A shape without its dimensions of 1."""
    if shape is None or 1 not in shape:
        return shape
    return without_ones(shape)


def form_of(shape: tuple[int, ...] | None) -> str:
    """The seed's word for a shape, by the rank after squeezing."""
    if shape is None:
        return "Unknown"
    rank = len(shape) - shape.count(1)
    return {1: "Vector", 2: "Matrix"}.get(rank, f"Tensor rank {rank}")


@dataclass(frozen=True, kw_only=True, repr=False)
class Report:
    """What the framework would have said of its model, from the artifact alone.

    ``stats`` are by parameter, where they were asked for.
    """

    name: str
    inventory: Inventory
    rows: tuple[Row, ...]
    stats: Mapping[str, Stats] = field(default_factory=dict)

    @cached_property
    def others(self) -> tuple[Other, ...]:
        """What is stored and is not a parameter."""
        verdicts = self.inventory.classified
        return tuple(
            Other(
                t.name,
                v.role.value,
                v.rule.value,
                v.because,
                t.dtype.name,
                t.shape,
                t.n_bytes,
                str(t.place),
            )
            for t, v in (verdicts[position] for position in self.inventory.others)
        )

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Name of a parameter, as the artifact's evidence has it -> the kind of its module."""
        from onnx_params.report.kinds import module_kinds

        found = module_kinds(self.inventory)
        return {
            claim.name: kind.value
            for claim, kind in zip(self.inventory.parameters, found, strict=True)
        }

    @property
    def layers(self) -> int:
        """Rows of the table."""
        return len(self.rows)

    @cached_property
    def parameters(self) -> int:
        """Elements of all rows whose shape is known: the original model's size."""
        return sum(row.count or 0 for row in self.rows)

    @cached_property
    def stored_parameters(self) -> int:
        """Elements that the artifact stores for parameters: less than :attr:`parameters` where some
        were merged or dropped.
        """
        return sum(tensor.count for tensor in self.inventory.parameter_tensors.values())

    @cached_property
    def n_bytes(self) -> int:
        """Bytes that the rows take in the artifact."""
        return sum(row.n_bytes for row in self.rows)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """By form: Vector and Matrix always, the others by rank."""
        layers: dict[str, int] = {"Vector": 0, "Matrix": 0}
        parameters: dict[str, int] = {"Vector": 0, "Matrix": 0}
        for row in self.rows:
            layers[row.form] = layers.get(row.form, 0) + 1
            parameters[row.form] = parameters.get(row.form, 0) + (row.count or 0)
        order = [
            "Vector",
            "Matrix",
            *sorted(form for form in layers if form not in ("Vector", "Matrix")),
        ]
        return tuple(Form(form, layers[form], parameters[form]) for form in order)

    @cached_property
    def dtypes(self) -> tuple[Form, ...]:
        """By element type, the largest first."""
        found: dict[str, tuple[int, int]] = {}
        for row in self.rows:
            layers, parameters = found.get(row.dtype or "unknown", (0, 0))
            found[row.dtype or "unknown"] = layers + 1, parameters + (row.count or 0)
        return tuple(Form(k, *v) for k, v in sorted(found.items(), key=lambda item: -item[1][1]))

    def modules(self, depth: int) -> tuple[Module, ...]:
        """The module tree rolled up: every prefix of up to ``depth`` segments, in the order of its
        first row.
        """
        found: dict[str, Module] = {}
        for row in self.rows:
            segments = row.name.split(".")
            for length in range(1, min(depth, len(segments)) + 1):
                prefix = ".".join(segments[:length])
                was = found.get(prefix, Module(prefix, 0, 0, 0))
                found[prefix] = Module(
                    prefix,
                    was.layers + 1,
                    was.parameters + (row.count or 0),
                    was.n_bytes + row.n_bytes,
                )
        return tuple(found.values())

    # any sort key
    def select(self, keep: Callable[[Row], bool], key: Callable[[Row], Any] | None = None) -> Self:
        """The same report with the rows that ``keep`` lets pass, sorted by ``key`` if given."""
        rows: Iterable[Row] = filter(keep, self.rows)
        return replace(self, rows=tuple(sorted(rows, key=key) if key else rows))

    def named(self, convention: str) -> Self:
        """The same report with names and shapes in another framework's words (``torch``, ``keras``,
        ``flax``), where the rule is known, or ``stored`` ones.
        """
        from onnx_params.idioms.vocabulary import framework_of, kinds, translate

        if convention == "stored":
            return replace(
                self,
                rows=tuple(
                    replace(row, name=row.stored[0] if row.stored else row.name)
                    for row in self.rows
                ),
            )
        source = framework_of([row.name for row in self.rows])
        if source is None or source.name == convention:
            return self
        known = kinds([(row.name, row.shape) for row in self.rows], self._tables())
        rows = []
        for row in self.rows:
            name, shape = translate(row.name, row.shape, known[row.name], source, convention)
            rows.append(replace(row, name=name, shape=shape, squeezed_shape=_squeezed(shape)))
        return replace(self, rows=tuple(rows))

    def _tables(self) -> frozenset[str]:
        """The parameters that lookups take."""
        from onnx_params.dataflow.consumers import consumers

        model = self.inventory.model
        held = (
            (claim.name, model.stored[key])
            for claim in self.inventory.parameters
            for key in claim.stored
            if key in model.stored
        )
        return frozenset(
            name
            for name, tensor in held
            if any(consumer.node.op_type == "Gather" for consumer in consumers(model, tensor))
        )


def build(inventory: Inventory, name: str) -> Report:
    """Make the report of an inventory. A stored tensor's bytes go to the first row that
    it holds.
    """
    rows: list[Row] = []
    parameter_tensors = inventory.parameter_tensors
    spent: dict[tuple[str, str], int] = {}  # bytes of a stored tensor that went to rows already
    for claim in inventory.parameters:
        shape = claim.shape
        n_bytes = 0
        names: list[str] = []
        tensor: StoredTensor | None = None
        for key in claim.stored:
            stored = parameter_tensors[key]
            tensor = tensor or stored
            names.append(stored.name)
            held = share = _n_bytes(inventory.model, stored)
            # its siblings lie in the same tensor
            if claim.view in (View.PART, View.REORDERED) and shape is not None and stored.count:
                n_held = math.prod(logical(inventory.model, stored).shape)
                share = share * math.prod(shape) // max(1, n_held)
            share = min(share, held - spent.get(key, 0))
            spent[key] = spent.get(key, 0) + share
            n_bytes += share
        rows.append(
            Row(
                name=claim.name,
                shape=shape,
                squeezed_shape=_squeezed(shape),
                count=None if shape is None else math.prod(shape),
                form=form_of(shape),
                dtype=_dtype(claim, tensor),
                n_bytes=n_bytes,
                evidence=claim.evidence.value,
                certain=claim.certain,
                view=", ".join(claim.view_words),
                stored=tuple(names),
                aliases=claim.aliases,
                claim=claim,
            )
        )
    return Report(name=name, inventory=inventory, rows=tuple(rows))


def _n_bytes(model: Model, tensor: StoredTensor) -> int:
    """The bytes of a stored tensor; of one that is computed, those of the codes behind it."""
    parts = model.computed.get(tensor.key)
    return tensor.n_bytes if parts is None else model.stored[parts[0]].n_bytes


def _dtype(claim: Claim, tensor: StoredTensor | None) -> str | None:
    """The type of a parameter's elements as they are stored: that of codes, not of what packs
    them.
    """
    packed = next((step for step in claim.steps if isinstance(step, Unpack)), None)
    if packed is not None:
        return f"uint{packed.bits}"
    is_computed = tensor is not None and tensor.encoding is Encoding.COMPUTED
    if tensor is None or is_computed or claim.view is View.UNPACKED:
        return claim.dtype
    return tensor.dtype.name
