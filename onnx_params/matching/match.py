"""Match a reference's tensors with an artifact's, from what is proved by bits to what follows a formula; every tensor gets an answer.

Order: the same bits under the same name; under another name, transposed or permuted, also after a cast; lines of a concatenation; rounded to
steps of a scale; computed by a formula; looked up in part; erased, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from onnx_params import ties
from onnx_params.graph import Model
from onnx_params.layout import SWAP, Cast, Key, Piece, Reshape, Steps, chain
from onnx_params.matching import folds, parts
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.matching.digest import cast_to, digest, line_digests
from onnx_params.matching.proof import is_equal, is_transposed, view_between
from onnx_params.names.claims import Claim
from onnx_params.names.holding import view_of
from onnx_params.tensors import StoredTensor
from onnx_params.views import View

MIN_TELLING: Final = 4  # elements below which equal content tells nothing without a name
SAMPLES: Final = 64  # elements that are compared before all are
CLOSE: Final = 0.35  # of the mean size: a sample of a tensor rounded to 4 bits is nearer than this to the original, another one is not
MAX_LOOKED_AT: Final = 1 << 30  # bytes of leftover tensors held at once for lookups of lines


class Found(NamedTuple):
    """Where one tensor of the reference lies. ``proved`` says whether values were compared; ``erased`` whether nothing can be compared."""

    view: View
    because: str
    pieces: tuple[Piece, ...] = ()
    axis: int = 0
    stored: tuple[Key, ...] = ()
    certain: bool = True
    alias_of: str = ""


Progress = Callable[[int], None]


def match(
    model: Model,
    reference: Sequence[StoredTensor],
    stored: Iterable[StoredTensor],
    named: Mapping[str, Claim],
    aliases: Mapping[str, str],
    progress: Progress = lambda n_bytes: None,
) -> dict[str, Found]:
    """An answer for every tensor of ``reference``, by name.

    ``named`` are the artifact's own claims under the reference's names; they settle ties between equal tensors and say where to look first.
    Reads all values of the reference and those of the artifact that may be it; ``progress`` is told how many bytes of the reference are done.
    """
    return _Matcher(model, reference, stored, named, aliases, progress).run()


class _Matcher:
    def __init__(
        self,
        model: Model,
        reference: Sequence[StoredTensor],
        stored: Iterable[StoredTensor],
        named: Mapping[str, Claim],
        aliases: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self.model = model
        self.reference = {tensor.name: tensor for tensor in reference}
        self.candidates = {tensor.key: Candidate(model, tensor, order) for order, tensor in enumerate(stored)}
        self.named = named
        self.aliases = aliases
        self.progress = progress
        self.values = Values(model)
        self.found: dict[str, Found] = {}
        self.taken: dict[Key, str] = {}  # stored tensor that is one reference tensor as a whole -> its name
        self.dtypes = dict.fromkeys(c.tensor.dtype.name for c in self.candidates.values() if c.is_float)

    def run(self) -> dict[str, Found]:
        for name, other in self.aliases.items():
            self.found[name] = Found(View.TIED, f"the reference holds it and '{other}' as one", alias_of=other)
        for stage in (self._by_name, self._by_probe, self._by_digest, self._by_lines, self._rounded, self._weight_normed, self._normed, self._by_formula):
            open_before = self.open()
            if open_before:
                stage()
            self.progress(sum(tensor.n_bytes for tensor in open_before) - sum(tensor.n_bytes for tensor in self.open()))
        for tensor in self.open():
            self.found[tensor.name] = self._looked_up(tensor) or self._erased(tensor)
        self.progress(sum(tensor.n_bytes for tensor in self.reference.values()))
        return self.found

    def open(self) -> list[StoredTensor]:
        """The tensors that have no answer yet."""
        return [tensor for name, tensor in self.reference.items() if name not in self.found]

    def free(self) -> list[Candidate]:
        """The stored tensors that are not taken yet."""
        return [candidate for key, candidate in self.candidates.items() if key not in self.taken]

    def casts(self, tensor: StoredTensor) -> list[str | None]:
        """The types under which a tensor may be stored: its own, then the artifact's other floating-point types."""
        others = [name for name in self.dtypes if name != tensor.dtype.name] if tensor.dtype.is_float else []
        return [None, *others]

    def take(self, name: str, key: Key, steps: Steps, because: str, *, certain: bool = True, cast: str | None = None) -> None:
        """Write down that a stored tensor is a reference tensor under ``steps``."""
        view = view_of(steps) if steps else View.WHOLE
        candidate = self.candidates[key]
        if cast is not None or candidate.view is not View.WHOLE:
            view = View.CAST if cast is not None else candidate.view
        if cast is not None:
            because += f", cast to {candidate.tensor.dtype.name}"
            steps = chain(*steps, Cast(self.reference[name].dtype.name))
        elif key in self.taken:
            view = View.MERGED
            because += f"; equal content is stored once, with '{self.taken[key]}'"
        self.taken.setdefault(key, name)
        self.found[name] = Found(view, because, (Piece(key, steps),), 0, (key,), certain)

    # -- equal bits ----------------------------------------------------------------------------------------------------------------

    def _by_name(self) -> None:
        """The artifact's own names first: what they say is compared, and most of it is so."""
        for tensor in self.open():
            claim = self.named.get(tensor.name)
            if claim is None or len(claim.pieces) != 1 or claim.pieces[0].key not in self.candidates or claim.shape != tensor.shape:
                continue
            piece = claim.pieces[0]
            candidate = self.candidates[piece.key]
            for cast in self.casts(tensor):
                if (cast or tensor.dtype.name) == candidate.tensor.dtype.name and self._holds(tensor, candidate, piece.steps, cast):
                    because = f"every value equals that of '{candidate.tensor.name}'"
                    self.take(tensor.name, piece.key, piece.steps, because, cast=cast)

    def _holds(self, tensor: StoredTensor, candidate: Candidate, steps: Steps, cast: str | None) -> bool:
        if not steps:
            return tensor.shape == candidate.tensor.shape and is_equal(tensor, candidate.tensor, cast)
        if steps == (SWAP,):
            return tensor.shape == candidate.tensor.shape[::-1] and is_transposed(tensor, candidate.tensor, cast)
        if candidate.is_quantised or candidate.shape_under(steps) != tensor.shape:
            return False
        values = tensor.read()
        return np.array_equal(values if cast is None else cast_to(values, cast), self.values.of(candidate.key, steps), equal_nan=True)

    def _by_probe(self) -> None:
        """Some elements at places that follow from the shape: equal ones are compared whole."""
        index: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[Candidate]] = {}
        for candidate in self.free():
            probe = ties.probe(candidate.tensor, False)
            if probe and candidate.tensor.count >= MIN_TELLING:
                index.setdefault((candidate.tensor.dtype.name, candidate.tensor.shape, tuple(probe)), []).append(candidate)
        for tensor in self.open():
            for turned in (False, True) if len(tensor.shape) == 2 else (False,):
                probe = ties.probe(tensor, False) if not turned else ties.probe(tensor, True)
                if not probe or tensor.name in self.found:
                    continue
                shape = tensor.shape[::-1] if turned else tensor.shape
                for cast in self.casts(tensor):
                    told = tuple(probe) if cast is None else tuple(_recast(element, tensor, cast) for element in probe)
                    fits = index.get((cast or tensor.dtype.name, shape, told), ())
                    self._take_equal(tensor, fits, (SWAP,) if turned else (), cast)

    def _take_equal(self, tensor: StoredTensor, fits: Sequence[Candidate], steps: Steps, cast: str | None) -> None:
        """The candidate that is equal; where several are, one that is not taken, in order, and no longer certain."""
        if tensor.name in self.found:
            return
        equal = [c for c in fits[:SAMPLES] if self._holds(tensor, c, steps, cast)]
        if not equal:
            return
        untaken = [c for c in equal if c.key not in self.taken]
        chosen = (untaken or equal)[0]
        because = f"every value equals that of '{chosen.tensor.name}'"
        if len(equal) > 1:
            because += f", and of {len(equal) - 1} more stored tensors: settled by their order"
        self.take(tensor.name, chosen.key, steps, because, certain=len(equal) == 1, cast=cast)

    def _by_digest(self) -> None:
        """Equal multisets of elements: candidates under any order of axes, any reshape, in blocks of channels."""
        index: dict[tuple[str, int], list[Candidate]] = {}
        for candidate in self.candidates.values():
            if candidate.tensor.count >= MIN_TELLING and not candidate.is_quantised:
                index.setdefault((candidate.tensor.dtype.name, digest(candidate.tensor)), []).append(candidate)
        for tensor in self.open():
            for cast in self.casts(tensor) if tensor.count >= MIN_TELLING else ():
                sums = digest(tensor, cast)
                for candidate in index.get((cast or tensor.dtype.name, sums), ()) if tensor.name not in self.found else ():
                    steps = next((v for way in candidate.ways if (v := view_between(tensor, candidate.tensor, way, cast)) is not None), None)
                    if steps is not None and (candidate.key not in self.taken or not self._has_free_twin(tensor, index, cast, sums)):
                        self.take(tensor.name, candidate.key, steps, f"every value equals that of '{candidate.tensor.name}'", cast=cast)
                        break

    def _has_free_twin(self, tensor: StoredTensor, index: Mapping[tuple[str, int], list[Candidate]], cast: str | None, sums: int) -> bool:
        return any(c.key not in self.taken for c in index.get((cast or tensor.dtype.name, sums), ()))

    # -- lines ---------------------------------------------------------------------------------------------------------------------

    def _by_lines(self) -> None:
        """Parts of concatenations, blocks in another order, one tensor split over several."""
        free = [c for c in self.free() if c.is_float and not c.is_quantised and c.tensor.count >= parts.MIN_LINE]
        by_dtype: dict[str, list[Candidate]] = {}
        room = MAX_LOOKED_AT
        for candidate in free:
            room -= candidate.tensor.n_bytes
            if room > 0:
                by_dtype.setdefault(candidate.tensor.dtype.name, []).append(candidate)
        for dtype, candidates in by_dtype.items():
            arrays = [(c.key, self.values.of(c.key, ())) for c in candidates]
            index = parts.Index([lines for key, values in arrays for lines in parts.layouts(key, values)])
            for tensor in self.open():
                cast = None if tensor.dtype.name == dtype else dtype
                if cast is not None and not tensor.dtype.is_float:
                    continue
                values = tensor.read() if cast is None else cast_to(tensor.read(), cast)
                if values.ndim == 1:
                    pieces, axis = parts.find_vector(values, arrays), 0
                else:
                    pieces, axis = index.find(values) or (None, 0) if values.ndim else (None, 0)
                if pieces is not None:
                    self._take_parts(tensor, pieces, axis, cast)

    def _take_parts(self, tensor: StoredTensor, pieces: tuple[Piece, ...], axis: int, cast: str | None) -> None:
        names = [f"'{self.candidates[piece.key].tensor.name}'" for piece in pieces]
        because = f"every value is in {', '.join(names[:3])}{f' (and {len(names) - 3} more)' if len(names) > 3 else ''}, by lines"
        if cast is not None:
            because += f", cast to {cast}"
            pieces = tuple(Piece(piece.key, chain(*piece.steps, Cast(tensor.dtype.name))) for piece in pieces)
        self.found[tensor.name] = Found(View.PART, because, pieces, axis, tuple(dict.fromkeys(piece.key for piece in pieces)))

    # -- rounded, computed ---------------------------------------------------------------------------------------------------------

    def _rounded(self) -> None:
        """Within half a step of a quantised tensor's scale, or the rounding of its type."""
        for tensor in self.open():
            claim = self.named.get(tensor.name)
            if claim is not None and len(claim.pieces) == 1 and claim.shape == tensor.shape and claim.pieces[0].key in self.candidates:
                piece = claim.pieces[0]
                candidate = self.candidates[piece.key]
                if candidate.tensor.count and self.values.is_close(tensor.read(), candidate, piece.steps):
                    self._take_close(tensor, candidate, piece.steps)
        for tensor, candidate, steps in self._near({tensor.name: tensor.read() for tensor in self._small(self.open())}):
            if self.values.is_close(tensor.read(), candidate, steps):
                self._take_close(tensor, candidate, steps)

    def _take_close(self, tensor: StoredTensor, candidate: Candidate, steps: Steps) -> None:
        if candidate.is_quantised:
            because = f"every value is within half a step of '{candidate.tensor.name}'"
        else:
            because = f"every value is that of '{candidate.tensor.name}' but for rounding"
        view = candidate.view if candidate.is_quantised else View.CAST
        self.taken.setdefault(candidate.key, tensor.name)
        self.found[tensor.name] = Found(view, because, (Piece(candidate.key, steps),), 0, (candidate.key,))

    def _small(self, tensors: list[StoredTensor]) -> list[StoredTensor]:
        """Those whose values fit into memory together."""
        room, found = MAX_LOOKED_AT, []
        for tensor in tensors:
            room -= tensor.n_bytes
            if room > 0 and tensor.dtype.is_float:
                found.append(tensor)
        return found

    def _near(self, targets: Mapping[str, np.ndarray]) -> Iterable[tuple[StoredTensor, Candidate, Steps]]:
        """For each target the free stored tensors of its shape, or of the transposed one, whose sample is nearest; the nearest first."""
        samples: dict[tuple[Key, Steps], np.ndarray] = {}
        places = {shape: _places(shape) for shape in {values.shape for values in targets.values()}}
        by_shape: dict[tuple[int, ...], list[tuple[Candidate, Steps]]] = {}
        for candidate in self.free():
            for way in candidate.ways if candidate.is_float or candidate.is_quantised else ():
                shape = candidate.shape_under(way)
                by_shape.setdefault(shape, []).append((candidate, way))
                if len(shape) == 2:
                    by_shape.setdefault(shape[::-1], []).append((candidate, chain(*way, SWAP)))
                squeezed = tuple(dim for dim in shape if dim != 1)
                if squeezed != shape:
                    by_shape.setdefault(squeezed, []).append((candidate, chain(*way, Reshape(squeezed))))
        for name, values in targets.items():
            fits = by_shape.get(values.shape, ())
            wanted = values.reshape(-1)[places[values.shape]].astype(np.float64)
            size = float(np.abs(wanted).mean()) if wanted.size else 0.0
            near = []
            for at, (candidate, steps) in enumerate(fits if size else ()):
                if (candidate.key, steps) not in samples:
                    samples[candidate.key, steps] = self.values.of(candidate.key, steps).reshape(-1)[places[values.shape]].astype(np.float64)
                distance = float(np.abs(samples[candidate.key, steps] - wanted).mean()) / size
                if distance < CLOSE:
                    near.append((distance, at))
            for _, at in sorted(near)[:3]:
                candidate, steps = fits[at]
                if candidate.key not in self.taken and name not in self.found:
                    yield self.reference[name], candidate, steps

    def _weight_normed(self) -> None:
        made = folds.weight_norms(self.reference)
        for weight, magnitude, direction, values in made:
            for candidate in self.free():
                if candidate.is_quantised or candidate.is_float:
                    for way in candidate.ways:
                        if candidate.shape_under(way) == values.shape and self.values.is_close(values, candidate, way):
                            because = f"'{candidate.tensor.name}' is g * v / |v| of it and its sibling, the weight norm of '{weight}'"
                            for name in (magnitude, direction):
                                self.found.setdefault(name, Found(View.FOLDED, because, stored=(candidate.key,)))

    def _normed(self) -> None:
        """Convolutions into which batch norms were folded: the channels' factors are those of one norm."""
        norms = folds.norms(self.reference)
        weights = [tensor for tensor in self._small(self.open()) if len(tensor.shape) >= 2]
        claims = self.named
        used: set[Key] = set()
        for tensor in weights if norms else ():
            claim = claims.get(tensor.name)
            first = claim.stored[0] if claim is not None and claim.stored else None
            fits = sorted((c for c in self.free() if c.key not in used and c.ways), key=lambda c: c.key != first)
            for candidate in fits:
                if self._is_normed(tensor, candidate, norms):
                    used.add(candidate.key)
                    break

    def _is_normed(self, tensor: StoredTensor, candidate: Candidate, norms: list[folds.Norm]) -> bool:
        if not (candidate.is_float or candidate.is_quantised):
            return False
        for way in candidate.ways:
            steps = next((s for s in (way, chain(*way, SWAP)) if _fits(candidate, s, tensor.shape)), None)
            if steps is None:
                continue
            values, folded = tensor.read(), self.values.of(candidate.key, steps)
            for axis in (0, 1):
                scales = folds.channel_scales(values, folded, axis)
                if scales is None:
                    continue
                for norm in norms:
                    if norm.weight.shape != scales.shape:
                        continue
                    for factor in norm.scales():
                        if np.abs(factor - scales).max() > 0.05 * max(float(np.abs(factor).max()), 1e-30):
                            continue
                        if self.values.is_close(folds.scaled(values, factor, axis), candidate, steps):
                            because = f"'{candidate.tensor.name}' is it times weight / sqrt(variance + epsilon) of the batch norm '{norm.names[0]}'"
                            self.found[tensor.name] = Found(View.FOLDED, because, stored=(candidate.key,))
                            for name in norm.names:
                                self.found.setdefault(name, Found(View.FOLDED, because, stored=(candidate.key,)))
                            self._fold_bias(tensor.name, norm, because)
                            return True
        return False

    def _fold_bias(self, weight: str, norm: folds.Norm, because: str) -> None:
        """The convolution's own bias went into the norm's."""
        bias = f"{weight.removesuffix('weight')}bias"
        if bias in self.reference and bias not in self.found:
            self.found[bias] = Found(View.FOLDED, f"{because}; with it its bias into '{norm.names[1]}'")

    def _by_formula(self) -> None:
        """Stored as a function of it: the formulas of one parameter that exporters compute."""
        for formula, function in folds.UNARY.items():
            targets = {}
            for tensor in self._small(self.open()):
                with np.errstate(all="ignore"):
                    made = function(tensor.read().astype(np.float64))
                if np.isfinite(made).all() and made.size >= MIN_TELLING:
                    targets[tensor.name] = made.reshape(tuple(dim for dim in made.shape if dim != 1) or (1,))
            for tensor, candidate, steps in self._near(targets):
                if self.values.is_close(targets[tensor.name], candidate, steps):
                    self.taken.setdefault(candidate.key, tensor.name)
                    self.found[tensor.name] = Found(View.FOLDED, f"'{candidate.tensor.name}' is {formula} of it", stored=(candidate.key,))

    # -- what is left --------------------------------------------------------------------------------------------------------------

    def _looked_up(self, tensor: StoredTensor) -> Found | None:
        """A table of which only some rows are left: every line of a stored tensor is one of its rows."""
        if len(tensor.shape) < 2 or not tensor.dtype.is_float or tensor.n_bytes > MAX_LOOKED_AT:
            return None
        values = tensor.read().reshape(tensor.shape[0], -1)
        if values.shape[1] < 2:
            return None
        for candidate in self.free():
            if candidate.tensor.dtype.name not in self.casts(tensor)[1:] and candidate.tensor.dtype.name != tensor.dtype.name:
                continue
            own = values if candidate.tensor.dtype.name == tensor.dtype.name else cast_to(values, candidate.tensor.dtype.name)
            known = set(line_digests(own).tolist())
            for lines in parts.layouts(candidate.key, self.values.of(candidate.key, ())):
                grids = [lines.values]
                if len(candidate.tensor.shape) > 2:
                    turned = np.moveaxis(self.values.of(candidate.key, ()), -1, 0)
                    grids += [turned.reshape(-1, turned.shape[-1]), np.moveaxis(self.values.of(candidate.key, ()), 1, -1).reshape(-1, candidate.tensor.shape[1])]
                for grid in grids:
                    if grid.shape[1] == values.shape[1] and len(grid) > 1 and set(line_digests(grid).tolist()) <= known:
                        rows = len(set(line_digests(grid).tolist()))
                        because = f"'{candidate.tensor.name}' holds {rows} of its {len(values)} rows: it was looked up at fixed places"
                        return Found(View.SLICED, because, stored=(candidate.key,))
        return None

    def _erased(self, tensor: StoredTensor) -> Found:
        """Why nothing holds it, as far as that can be told."""
        claim = self.named.get(tensor.name)
        if claim is not None and claim.view in (View.SLICED, View.FOLDED, View.DROPPED) and not claim.pieces:
            return Found(claim.view, f"its values are not in the artifact: {claim.because}", stored=claim.stored, certain=False)
        if tensor.count and not np.any(tensor.read()):
            return Found(View.DROPPED, "it is all zeros, which exporters leave out, and no stored tensor of its shape is")
        if claim is not None and claim.stored:
            name = claim.stored[0][1]
            return Found(View.CHANGED, f"the artifact has '{name}' in its place, with other values", stored=claim.stored, certain=False)
        if claim is not None and claim.view is View.UNKNOWN:
            return Found(View.DROPPED, f"not in the artifact: {claim.because}", certain=False)
        return Found(View.DROPPED, "no stored tensor holds it, whole, in part, rounded or computed: it was never used, or computed away", certain=False)


def _fits(candidate: Candidate, steps: Steps, shape: tuple[int, ...]) -> bool:
    try:
        return candidate.shape_under(steps) == shape
    except (IndexError, ValueError):
        return False


def _places(shape: tuple[int, ...]) -> np.ndarray:
    """Some positions in a flat tensor of that shape, spread over it, the same each time."""
    count = math.prod(shape)
    return np.unique(np.random.default_rng(0).integers(0, max(1, count), SAMPLES)) if count else np.empty(0, np.int64)


def _recast(element: bytes, tensor: StoredTensor, cast: str) -> bytes:
    from onnx_params.layout import dtype_of

    return cast_to(np.frombuffer(element, dtype_of(tensor.dtype.name)), cast).tobytes()
