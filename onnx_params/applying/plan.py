"""Decide what is written where, or why not, before anything is: a row for each tensor of the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from onnx_params.applying.computing import all_computed
from onnx_params.applying.draft import Choice, Draft
from onnx_params.applying.quantize import Quantizer
from onnx_params.applying.record import Row, Way
from onnx_params.applying.rows import decide
from onnx_params.applying.settling import settle
from onnx_params.applying.shares import Share
from onnx_params.applying.surgery import Graft, Surgery
from onnx_params.applying.suspects import Suspects, numbers_computed
from onnx_params.applying.targets import Finder, Located, Target, located
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.errors import UsageError
from onnx_params.inventory.record import Inventory
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.steps import Key


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be written: a row for each tensor that was asked for, and the shares of each
    stored tensor.
    """

    inventory: Inventory
    rows: tuple[Row, ...]
    shares: Mapping[Key, Sequence[Share]]
    names: Mapping[str, str]  # the checkpoint's names -> the artifact's
    quantizer: Quantizer
    grafts: Sequence[Graft] = ()
    is_whole: bool = True  # all of the checkpoint was asked for
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> Model:
        return self.inventory.model

    @property
    def refused(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.way is Way.REFUSED)


def plan(inventory: Inventory, checkpoint: Checkpoint, choice: Choice) -> Plan:
    """What an application writes. Reads the values of tensors that may be copies or tied.

    Raises :class:`UsageError` where nothing of the checkpoint was asked for.
    """
    finder = Finder(inventory.model)
    place = located(inventory, finder)
    chosen = [tensor for tensor in checkpoint.tensors if choice.takes(tensor.name)]
    if not chosen:
        shown = ", ".join(choice.only) or "the checkpoint"
        raise UsageError(f"{checkpoint.path}: no tensor of it is chosen by {shown}")
    matched = inventory.matched
    by_name = _by_name(place.targets, checkpoint)
    old = {} if matched is None else {each.name: each for each in matched.checkpoint.tensors}
    draft = Draft(
        inventory=inventory,
        place=place,
        by_name=by_name,
        old=old,
        new={by_name[each.name].name: each for each in chosen if each.name in by_name},
        computed={} if matched is None else all_computed(finder, old, matched.found),
        suspects=_suspects(inventory, place),
        surgery=Surgery(inventory.model, place.targets),
        choice=choice,
    )
    _find_numbers(draft, finder)
    for tensor in chosen:
        draft.rows.append(decide(draft, tensor))
    settle(draft)
    names = {name: target.name for name, target in draft.by_name.items()}
    if not choice.only:
        _check_complete(draft, checkpoint)
    quantizer = Quantizer(inventory.model, draft.shares, choice.keeps_scales)
    rows = tuple(_with_scales(row, draft.shares, quantizer) for row in draft.rows)
    return Plan(
        inventory=inventory,
        rows=rows,
        shares=draft.shares,
        names=names,
        quantizer=quantizer,
        grafts=draft.surgery.grafts,
        is_whole=not choice.only,
        notes=tuple(_notes(inventory.model, quantizer)),
    )


def _notes(model: Model, quantizer: Quantizer) -> Iterator[str]:
    """What is to be known of the whole."""
    nodes = (node.op_type for graph in model.graphs.values() for node in graph.nodes)
    if quantizer.written and any(op.startswith(("QuantizeLinear", "QLinear")) for op in nodes):
        yield (
            "scales of activations stay those of the old weights; calibrate again where the new"
            " ones make other ranges"
        )


def _check_complete(draft: Draft, checkpoint: Checkpoint) -> None:
    """Raise :class:`UsageError` where the artifact has parameters that the checkpoint has not: it
    would have the weights of two.
    """
    gone = [
        name
        for name, target in draft.place.targets.items()
        if target.chains and target.certain and not target.is_buffer and name not in draft.new
    ]
    if gone:
        shown = ", ".join(f"'{name}'" for name in gone[:5])
        more = f" (and {len(gone) - 5} more)" if len(gone) > 5 else ""
        raise UsageError(
            f"{checkpoint.path}: has nothing for {shown}{more}, which the artifact has; --only GLOB"
            " writes a part"
        )


def _with_scales(row: Row, shares: Mapping[Key, Sequence[Share]], quantizer: Quantizer) -> Row:
    """The row, refused where scales that it needs are not its own."""
    if not row.is_written:
        return row
    keys = [key for key, listed in shares.items() if any(row.name == s.name for s in listed)]
    reason = next((said for key in keys if (said := quantizer.problem(key))), "")
    return replace(row, way=Way.REFUSED, because=reason) if reason else row


def _suspects(inventory: Inventory, place: Located) -> Suspects:
    """What no target covers."""
    covered: set[Key] = set()
    for target in place.targets.values():
        covered |= {*target.keys, *target.stored}
    return Suspects(inventory, covered, inventory.matched is not None)


def _find_numbers(draft: Draft, finder: Finder) -> None:
    """Add what was computed from parameters of a few numbers that nothing holds."""
    gone = {
        name: draft.old[name]
        for name, target in draft.place.targets.items()
        if name in draft.old and not target.stored and draft.old[name].dtype.is_float
    }
    for name, computed in numbers_computed(draft.suspects, finder, gone):
        draft.computed.setdefault(computed.key, computed)
        draft.numbers[name] = computed.key


def _by_name(targets: Mapping[str, Target], checkpoint: Checkpoint) -> dict[str, Target]:
    """The targets under the names that the checkpoint has for them."""
    own = [name for target in targets.values() for name in (target.name, *target.aliases)]
    prefix = prefixes_between([tensor.name for tensor in checkpoint.tensors], own)[0]
    found: dict[str, Target] = {}
    for target in targets.values():
        for name in (target.name, *target.aliases):
            found.setdefault(moved(name, prefix), target)
    return found
