"""Decide what is written where, or why not, before anything is: a row for each tensor of the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np

from onnx_params.applying.computing import Computed, all_computed
from onnx_params.applying.quantize import Quantizer
from onnx_params.applying.record import Row, Way
from onnx_params.applying.shares import Share, obstacle, shares_of
from onnx_params.applying.suspects import FEW, Suspects, numbers_computed
from onnx_params.applying.targets import Chain, Finder, Located, Target, located
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.errors import UnsupportedError, UsageError
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.inventory.record import Inventory
from onnx_params.matching.verify import is_equal
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.steps import Dequantize, Key, Lookup
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is asked for: which names, and how sure a place has to be."""

    only: tuple[str, ...] = ()
    accepts_inferred: bool = False
    keeps_scales: bool = False

    def takes(self, name: str) -> bool:
        return not self.only or any(fnmatchcase(name, glob) for glob in self.only)


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
    is_whole: bool = True  # all of the checkpoint was asked for
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> Model:
        return self.inventory.model

    @property
    def refused(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.way is Way.REFUSED)


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A plan while it is being drawn up."""

    inventory: Inventory
    place: Located
    by_name: Mapping[str, Target]  # the checkpoint's names, those of ties too
    old: Mapping[str, StoredTensor]  # the old checkpoint, by its names
    new: Mapping[str, StoredTensor]  # what is to be written, by the old names
    computed: dict[Key, Computed]
    suspects: Suspects
    choice: Choice
    numbers: dict[str, Key] = field(default_factory=dict)  # a few, computed: target -> tensor
    rows: list[Row] = field(default_factory=list)
    shares: dict[Key, list[Share]] = field(default_factory=dict)
    written: dict[str, StoredTensor] = field(default_factory=dict)  # target -> what it gets


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
    draft = _Draft(
        inventory=inventory,
        place=place,
        by_name=by_name,
        old=old,
        new={by_name[each.name].name: each for each in chosen if each.name in by_name},
        computed={} if matched is None else all_computed(finder, old, matched.found),
        suspects=_suspects(inventory, place),
        choice=choice,
    )
    _find_numbers(draft, finder)
    for tensor in chosen:
        draft.rows.append(_row(draft, tensor))
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


def _check_complete(draft: _Draft, checkpoint: Checkpoint) -> None:
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


def _find_numbers(draft: _Draft, finder: Finder) -> None:
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


def _row(draft: _Draft, tensor: StoredTensor) -> Row:
    """What becomes of one tensor of the checkpoint."""
    target = draft.by_name.get(tensor.name)
    if target is None:
        return _homeless(draft, tensor)
    reason = _obstacle(draft, target, tensor)
    try:
        if not reason:
            return _placed(draft, target, tensor)
        if _is_computed(draft, target):
            return _written_computed(draft, target, tensor)
    except UnsupportedError as error:
        reason = str(error)
    if _is_unchanged(draft, target, tensor):
        return _say(tensor, Way.UNCHANGED, "it has the values that the artifact was made of")
    return _refusal(draft, target, tensor, reason)


def _homeless(draft: _Draft, tensor: StoredTensor) -> Row:
    """A tensor that the artifact knows nothing of."""
    is_number = tensor.dtype.is_float or tensor.dtype.is_complex
    if not is_number or is_buffer_name(tensor.name):
        return _say(tensor, Way.ABSENT, "a buffer that the artifact does not have")
    return _unplaced(draft, tensor, "the artifact has nothing of that name")


def _unplaced(draft: _Draft, tensor: StoredTensor, reason: str) -> Row:
    """Refused where a stored tensor that nothing explains may come from it."""
    if tensor.count < FEW and not draft.choice.accepts_inferred:
        because = (
            f"{reason}, and any number in it may have been computed from one of so few elements;"
            f" --accept-inferred takes it for absent"
        )
        return _say(tensor, Way.REFUSED, because)
    suspects = draft.suspects.of(tensor) if tensor.count >= FEW else []
    if not suspects:
        because = f"{reason}, and every tensor in it that may be learned is explained without"
        return _say(tensor, Way.ABSENT, because)
    shown = ", ".join(f"'{each.name}'" for each in suspects[:3])
    more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
    because = f"{reason}, and nothing says what {shown}{more} were made of"
    return _say(tensor, Way.REFUSED, because)


def _obstacle(draft: _Draft, target: Target, tensor: StoredTensor) -> str:
    """Why a target cannot be written; empty where it can."""
    if not target.chains:
        return target.because
    if not target.certain and not draft.choice.accepts_inferred:
        return f"its place is inferred ({target.because}); --accept-inferred takes it"
    mixed = _mixed(draft, target)
    if mixed:
        return mixed
    twin = draft.written.get(target.name)
    if twin is not None and not _is_same(twin, tensor):
        return f"the artifact stores it and '{twin.name}' as one, and the checkpoint's differ"
    return ""


def _mixed(draft: _Draft, target: Target) -> str:
    """Whether others were computed into what holds a target, by a formula or in a way that is not
    known.
    """
    for other in draft.place.targets.values():
        shared = target.keys.intersection(other.stored)
        if other.name != target.name and not other.chains and shared:
            return f"'{other.name}' was computed into '{min(shared)[1]}': {other.because}"
    return ""


def _placed(draft: _Draft, target: Target, tensor: StoredTensor) -> Row:
    """A target of which every copy is written."""
    stored = draft.inventory.model.stored
    made = [each for chain in target.chains for each in shares_of(stored, chain, tensor)]
    if target.name not in draft.written:
        for key, share in made:
            draft.shares.setdefault(key, []).append(share)
        draft.written[target.name] = tensor
    way = _way(stored, target.chains, tensor)
    keys = dict.fromkeys(key for key, _ in made)
    because = target.because
    row = _say(tensor, way, because, tuple(key[1] for key in keys))
    return replace(row, certain=target.certain)


def _is_computed(draft: _Draft, target: Target) -> bool:
    """Whether everything that was made of a target can be computed again."""
    keys = _computed_keys(draft, target)
    return bool(keys) and not target.chains and all(key in draft.computed for key in keys)


def _computed_keys(draft: _Draft, target: Target) -> tuple[Key, ...]:
    """The stored tensors that were made of a target."""
    number = draft.numbers.get(target.name)
    return target.stored if number is None else (number,)


def _written_computed(draft: _Draft, target: Target, tensor: StoredTensor) -> Row:
    """A target that enters what stored tensors get computed."""
    if tensor.shape != target.shape:
        raise UnsupportedError(
            f"it has the shape {list(tensor.shape)}, the old one has {list(target.shape or ())}"
        )
    keys = _computed_keys(draft, target)
    for key in keys:
        reason = obstacle(draft.inventory.model.stored[key])
        if reason:
            raise UnsupportedError(reason)
        if key not in draft.shares:
            share = draft.computed[key].share(lambda name: draft.new.get(name, draft.old[name]))
            draft.shares[key] = [share]
    draft.written[target.name] = tensor
    return _say(tensor, Way.COMPUTED, target.because, tuple(key[1] for key in keys))


def _way(stored: Mapping[Key, StoredTensor], chains: Sequence[Chain], tensor: StoredTensor) -> Way:
    placements = [placement for chain in chains for placement in chain.placements]
    steps = [step for placement in placements for step in placement.steps]
    if any(isinstance(step, (Dequantize, Lookup)) for step in steps):
        return Way.QUANTIZED
    if any(stored[placement.key].dtype != tensor.dtype for placement in placements):
        return Way.CAST
    return Way.EXACT


def _refusal(draft: _Draft, target: Target, tensor: StoredTensor, reason: str) -> Row:
    stored = tuple(key[1] for key in target.stored)
    if target.view is View.DROPPED and _is_zero(tensor):
        return _say(tensor, Way.UNCHANGED, "it is zero, as what the exporter left out was")
    is_nowhere = not target.chains and not target.stored
    was_zero = tensor.name in draft.old and _is_zero(draft.old[tensor.name])
    if is_nowhere and not was_zero and target.view in (View.DROPPED, View.UNKNOWN):
        return _unplaced(draft, tensor, reason)
    return _say(tensor, Way.REFUSED, reason, stored)


def _is_unchanged(draft: _Draft, target: Target, tensor: StoredTensor) -> bool:
    """Whether the old checkpoint, or the digest in the artifact's source map, has these values."""
    old = draft.old.get(target.name)
    if old is not None:
        return _is_same(old, tensor)
    source_map = ExporterMetadata(model=draft.inventory.model).source_map
    digests = {} if source_map is None else {row.name: row.sha256 for row in source_map.parameters}
    wanted = digests.get(target.name)
    if wanted is None:
        return False
    from onnx_params.auditing.digests import sha256

    return sha256(tensor.read()) == wanted


def _is_same(one: StoredTensor, two: StoredTensor) -> bool:
    if one is two:
        return True
    if one.shape != two.shape:
        return False
    if one.dtype == two.dtype:
        return is_equal(one, two)
    return bool(np.array_equal(one.read(), two.read(), equal_nan=one.dtype.is_float))


def _is_zero(tensor: StoredTensor) -> bool:
    return not np.any(tensor.read())


def _say(tensor: StoredTensor, way: Way, because: str, stored: tuple[str, ...] = ()) -> Row:
    return Row(
        name=tensor.name,
        way=way,
        because=because,
        shape=tensor.shape,
        dtype=tensor.dtype.name,
        stored=tuple(dict.fromkeys(stored)),
    )
