"""Decide what becomes of each tensor of a checkpoint: written, unchanged, absent, or refused with
the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from onnx_params.applying.draft import Draft, is_same, is_zero, say
from onnx_params.applying.record import Row, Way
from onnx_params.applying.shares import obstacle, shares_of
from onnx_params.applying.suspects import FEW
from onnx_params.applying.targets import Chain, Target
from onnx_params.dataflow.view import View
from onnx_params.errors import UnsupportedError
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.tensors.steps import Dequantize, Key, Lookup
from onnx_params.tensors.stored import StoredTensor


def decide(draft: Draft, tensor: StoredTensor) -> Row:
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
        return say(tensor, Way.UNCHANGED, "it has the values that the artifact was made of")
    return _refusal(draft, target, tensor, reason)


def _homeless(draft: Draft, tensor: StoredTensor) -> Row:
    """A tensor that the artifact knows nothing of."""
    is_number = tensor.dtype.is_float or tensor.dtype.is_complex
    if not is_number or is_buffer_name(tensor.name):
        return say(tensor, Way.ABSENT, "a buffer that the artifact does not have")
    return _unplaced(draft, tensor, "the artifact has nothing of that name")


def _unplaced(draft: Draft, tensor: StoredTensor, reason: str) -> Row:
    """Refused where a stored tensor that nothing explains may come from it."""
    if tensor.count < FEW and not draft.choice.accepts_inferred:
        because = (
            f"{reason}, and any number in it may have been computed from one of so few elements;"
            f" --accept-inferred takes it for absent"
        )
        return say(tensor, Way.REFUSED, because)
    suspects = draft.suspects.of(tensor) if tensor.count >= FEW else []
    if not suspects:
        because = f"{reason}, and every tensor in it that may be learned is explained without"
        return say(tensor, Way.ABSENT, because)
    shown = ", ".join(f"'{each.name}'" for each in suspects[:3])
    more = f" and {len(suspects) - 3} more" if len(suspects) > 3 else ""
    because = f"{reason}, and nothing says what {shown}{more} were made of"
    return say(tensor, Way.REFUSED, because)


def _obstacle(draft: Draft, target: Target, tensor: StoredTensor) -> str:
    """Why a target cannot be written; empty where it can."""
    if not target.chains:
        return target.because
    if not target.certain and not draft.choice.accepts_inferred:
        return f"its place is inferred ({target.because}); --accept-inferred takes it"
    mixed = _mixed(draft, target)
    if mixed:
        return mixed
    twin = draft.written.get(target.name)
    if twin is not None and not is_same(twin, tensor):
        return f"the artifact stores it and '{twin.name}' as one, and the checkpoint's differ"
    return ""


def _mixed(draft: Draft, target: Target) -> str:
    """Whether others were computed into what holds a target, by a formula or in a way that is not
    known.
    """
    for other in draft.place.targets.values():
        shared = target.keys.intersection(other.stored)
        if other.name != target.name and not other.chains and shared:
            return f"'{other.name}' was computed into '{min(shared)[1]}': {other.because}"
    return ""


def _placed(draft: Draft, target: Target, tensor: StoredTensor) -> Row:
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
    row = say(tensor, way, because, tuple(key[1] for key in keys))
    return replace(row, certain=target.certain)


def _is_computed(draft: Draft, target: Target) -> bool:
    """Whether everything that was made of a target can be computed again."""
    keys = _computed_keys(draft, target)
    return bool(keys) and not target.chains and all(key in draft.computed for key in keys)


def _computed_keys(draft: Draft, target: Target) -> tuple[Key, ...]:
    """The stored tensors that were made of a target."""
    number = draft.numbers.get(target.name)
    return target.stored if number is None else (number,)


def _written_computed(draft: Draft, target: Target, tensor: StoredTensor) -> Row:
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
    return say(tensor, Way.COMPUTED, target.because, tuple(key[1] for key in keys))


def _way(stored: Mapping[Key, StoredTensor], chains: Sequence[Chain], tensor: StoredTensor) -> Way:
    placements = [placement for chain in chains for placement in chain.placements]
    steps = [step for placement in placements for step in placement.steps]
    if any(isinstance(step, (Dequantize, Lookup)) for step in steps):
        return Way.QUANTIZED
    if any(stored[placement.key].dtype != tensor.dtype for placement in placements):
        return Way.CAST
    return Way.EXACT


def _refusal(draft: Draft, target: Target, tensor: StoredTensor, reason: str) -> Row:
    stored = tuple(key[1] for key in target.stored)
    is_nowhere = not target.chains and not target.stored
    if not is_nowhere or target.view not in (View.DROPPED, View.UNKNOWN):
        return say(tensor, Way.REFUSED, reason, stored)
    if _was_dropped(draft, target):
        return dropped(draft, target, tensor)
    return _unplaced(draft, tensor, reason)


def _was_dropped(draft: Draft, target: Target) -> bool:
    """Whether an exporter left a parameter out because it was zero."""
    old = draft.old.get(target.name)
    return target.view is View.DROPPED if old is None else is_zero(old)


def dropped(draft: Draft, target: Target, tensor: StoredTensor) -> Row:
    """A parameter that was zero and left out."""
    if is_zero(tensor):
        return say(tensor, Way.UNCHANGED, "it is zero, as what the exporter left out was")
    if not draft.choice.adds_dropped:
        because = "it was zero and left out, and is not zero now; --add-dropped adds it"
        return say(tensor, Way.REFUSED, because)
    try:
        name = draft.surgery.add(target, tensor)
    except UnsupportedError as error:
        return say(tensor, Way.REFUSED, str(error))
    return say(tensor, Way.ADDED, "it was zero and left out; its layer takes it now", (name,))


def _is_unchanged(draft: Draft, target: Target, tensor: StoredTensor) -> bool:
    """Whether the old checkpoint, or the digest in the artifact's source map, has these values."""
    old = draft.old.get(target.name)
    if old is not None:
        return is_same(old, tensor)
    source_map = ExporterMetadata(model=draft.inventory.model).source_map
    digests = {} if source_map is None else {row.name: row.sha256 for row in source_map.parameters}
    wanted = digests.get(target.name)
    if wanted is None:
        return False
    from onnx_params.inventory.by_digest import sha256

    return sha256(tensor.read()) == wanted
