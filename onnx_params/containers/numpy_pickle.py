"""Read what was pickled without torch's own function: dictionaries and lists of NumPy arrays, as
Detectron2's model zoo, Haiku and Keras' ``get_weights`` have them, state dicts, modules, and
estimators of scikit-learn, of which joblib writes the arrays between the parts of the pickle.

Formats: numpy/_core/multiarray, ``_reconstruct`` and ``ndarray.__setstate__``: the version, the
shape, the type, whether the order is Fortran's, the bytes; joblib/numpy_pickle.py.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.inert_pickle import MAX_ENTRIES
from onnx_params.containers.pickled_objects import Array, Inert
from onnx_params.containers.strided import MAX_INFLATED, Bytes, Storage, Strided
from onnx_params.containers.torch_pickle import checkpoint, load
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource

_MAX_DEPTH: Final = 12  # dictionaries, lists and objects in each other
_MAX_ITEMS: Final = 4096  # of a list
# what scikit-learn's estimators keep of their training, which no prediction takes
_BY_PRODUCTS: Final = frozenset(
    "classes_ loss_curve_ validation_scores_ train_score_ oob_improvement_ scores_ sigma_ X_offset_"
    " X_scale_ L_ y_train_ x_weights_ y_weights_ x_loadings_ y_loadings_ x_rotations_ y_rotations_"
    " x_scores_ y_scores_ embedding_ labels_ explained_variance_ explained_variance_ratio_"
    " singular_values_ n_samples_seen_ class_count_ feature_importances_ tree_".split()
)
_FITTED: Final = ("_fit_X",)  # attributes that a prediction takes, though they are private
_TYPES: Final = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "i8": "int64",
    "u1": "uint8",
    "b1": "bool",
    "u2": "bfloat16",  # as Paddle has its bits, for NumPy has no such type
}


def read(path: str) -> Checkpoint:
    """The arrays of a pickle; it is read whole, for that is where they lie.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it is too large
    or has no arrays.
    """
    return read_from(path, FileSource(path), 0)


def read_from(path: str, source: FileSource, start: int) -> Checkpoint:
    """The same of a pickle that begins at ``start``; an array of one object is that object."""
    if source.n_bytes > MAX_INFLATED:
        raise UnsupportedError(f"{path}: is a pickle too large to be read whole; save it as .npz")
    return _of_bytes(path, source, source.read(start, source.n_bytes - start))


def read_compressed(path: str) -> Checkpoint:
    """The same of a pickle that joblib compressed with zlib."""
    source = FileSource(path)
    if source.n_bytes > MAX_INFLATED:
        raise UnsupportedError(f"{path}: is a pickle too large to be read whole; save it as .npz")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(source.read(0, source.n_bytes), MAX_INFLATED)
    except zlib.error as error:
        raise FormatError(f"{path}: its compression is damaged: {error}") from error
    if not unpacker.eof:
        raise UnsupportedError(f"{path}: is cut off, or too large to be unpacked in memory")
    return _of_bytes(path, source, data)


def _of_bytes(path: str, source: FileSource, data: bytes) -> Checkpoint:
    with io.BytesIO(data) as file:
        saved = load(path, file)
    places: dict[str, Bytes] = {}
    value = _Converter(path, places).convert(saved.value, _MAX_DEPTH)
    return checkpoint(path, source, saved._replace(value=value), places.get)


class _Converter:
    """Puts tensors in the place of arrays, whose bytes it adds to ``places``, and dictionaries in
    that of lists and of objects of which a library learned the attributes.
    """

    def __init__(self, path: str, places: dict[str, Bytes]) -> None:
        self._path = path
        self._places = places
        self._done: dict[int, Any] = {}  # what stands at several places is converted once
        self._left = MAX_ENTRIES

    def convert(self, saved: Any, depth: int) -> Any:
        """The same, converted; as it is below ``depth`` others.

        Raises :class:`FormatError` where there is too much of it.
        """
        if id(saved) in self._done:
            return self._done[id(saved)]
        self._left -= 1
        if self._left < 0:
            raise FormatError(f"{self._path}: has more than {MAX_ENTRIES} entries; refused")
        self._done[id(saved)] = saved  # where it has itself in it
        self._done[id(saved)] = made = self._converted(saved, depth)
        return made

    def _converted(self, saved: Any, depth: int) -> Any:
        if isinstance(saved, Array) and len(saved.objects) == 1 and depth:
            return self.convert(saved.objects[0], depth - 1)
        if isinstance(saved, Array):
            return _tensor(saved, self._places)
        # Paddle pickles a tensor in a dictionary of dictionaries beside its name
        if isinstance(saved, tuple) and len(saved) == 2 and isinstance(saved[1], Array):
            return _tensor(saved[1], self._places)
        if not depth:
            return saved
        items = _items(saved)
        if items is None:
            return saved
        return {key: self.convert(each, depth - 1) for key, each in items.items()}


def _items(saved: Any) -> dict[Any, Any] | None:
    """What a dictionary, a list or an object has; ``None`` where it is none of these."""
    if isinstance(saved, dict):
        return saved
    if type(saved) in (list, tuple) and len(saved) <= _MAX_ITEMS:  # a tensor is a tuple as well
        return _named(saved) or {str(at): each for at, each in enumerate(saved)}
    if isinstance(saved, Inert) and saved.state and "_modules" not in saved.state:
        return {key: each for key, each in saved.state.items() if _is_learned(key)}
    return None


def _is_learned(attribute: str) -> bool:
    """Whether an attribute of an object is what it learned, by its name."""
    is_private = attribute.startswith("_") and attribute not in _FITTED
    return not is_private and attribute not in _BY_PRODUCTS


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """The steps of a pipeline by their names; empty where items are no such pairs."""
    are_pairs = all(
        isinstance(item, tuple) and len(item) > 1 and isinstance(item[0], str) for item in items
    )
    return {item[0]: item[1] for item in items} if items and are_pairs else {}


def _tensor(array: Array, places: dict[str, Bytes]) -> Strided | None:
    """An array as a tensor in a storage of its own; ``None`` where it has a type that weights do
    not have.
    """
    dtype = _TYPES.get(array.code)
    if dtype is None or len(array.data) != math.prod(array.shape) * int(array.code[1:]):
        return None
    key = f"{len(places)}"
    places[key] = Bytes(0, len(array.data), True, partial(bytes, array.data))
    order = range(len(array.shape)) if array.is_fortran else reversed(range(len(array.shape)))
    strides, step = [0] * len(array.shape), 1
    for axis in order:
        strides[axis] = step
        step *= array.shape[axis]
    return Strided(Storage(key, dtype), 0, array.shape, tuple(strides), dtype)
