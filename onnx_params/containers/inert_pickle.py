"""Read a pickle without running what it names: every name is a row of a table, or inert.

Formats: torch/serialization.py, torch/_utils.py; numpy/_core/multiarray.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar, Final

from onnx_params.containers.pickled_objects import Array, ArrayType, Inert, Joined, Size, Wrapped
from onnx_params.containers.strided import MAX_INFLATED, Sparse, Storage, Strided, is_shape
from onnx_params.tensors.dtypes import BY_NAME

MAX_PICKLE: Final = 64 << 20  # bytes; a pickle of names and shapes: some hundred bytes a tensor


MAX_ENTRIES: Final = 1 << 20
# a legacy file of one storage. Source: torch/serialization.py, ``_legacy_save``
_N_PICKLES: Final = 5  # the magic number, the version, the machine, the object, the keys
_STORAGE: Final = 3  # which of them is the object
_COUNT: Final = 8  # bytes of the count of elements, before these

_STORAGES: Final = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
    "QInt32Storage": "int32",
}


_LOAD: Final[dict[int, Any]] = pickle._Unpickler.dispatch  # Python's own, by operation
_EVERY_SECOND: Final = slice(None, None, 2)
# operation -> where on the stack the keys of dictionaries and the elements of sets lie
_KEYS: Final = {
    pickle.SETITEM[0]: slice(-2, None, 2),
    pickle.SETITEMS[0]: _EVERY_SECOND,
    pickle.DICT[0]: _EVERY_SECOND,
    pickle.ADDITEMS[0]: slice(None),
    pickle.FROZENSET[0]: slice(None),
}


def _keyed(operation: int, keys: slice) -> Callable[[Any], None]:
    """An operation for which what cannot be a key becomes inert."""

    def load(unpickler: Any) -> None:
        unpickler.stack[keys] = map(_key, unpickler.stack[keys])
        _LOAD[operation](unpickler)

    return load


class InertUnpickler(pickle._Unpickler):  # in Python: C's allocates what a hostile memo index says
    """An unpickler whose every name is a table's row or inert; ``storages`` are those that tensors
    name, by key.
    """

    def __init__(self, file: BinaryIO, is_inner: bool = False) -> None:
        super().__init__(file)
        self.rest = file  # what follows the part of the pickle that was read
        self.is_inner = is_inner  # reads a storage that a pickle has, which has no further ones
        self.storages: dict[str, Storage] = {}
        self.held: dict[str, bytes] = {}  # of storages that the pickle itself has, by key

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _ordered
        if name in _BUILTINS and module in ("builtins", "__builtin__"):
            return _BUILTINS[name]
        if (module, name) == ("torch._utils", "_rebuild_qtensor"):
            return self._rebuild_quantized
        if module == "torch._utils":
            return {
                "_rebuild_tensor_v2": _rebuild,
                "_rebuild_tensor": _rebuild,
                "_rebuild_parameter": _first,
                "_rebuild_parameter_with_state": _first,
                "_rebuild_sparse_tensor": _rebuild_sparse,
                "_rebuild_wrapper_subclass": Wrapped,
            }.get(name, Inert)
        if (module, name) == ("torch._tensor", "_rebuild_from_type_v2"):
            return _rebuild_from_type
        if (module, name) == ("torch.storage", "_load_from_bytes") and not self.is_inner:
            return self._storage_of
        if name == "_reconstruct" and module.startswith("numpy."):
            return Array
        if (module, name) == ("_codecs", "encode"):  # bytes, in protocols before the third
            return _encoded
        if (module, name) == ("numpy", "dtype"):
            return ArrayType
        if (module, name) == ("torch", "Size"):
            return Size
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return Joined
        if (module, name) == ("jax._src.array", "_reconstruct_array"):
            return _reconstruct_array
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if module == "torch" and name in BY_NAME:
            return name
        return Inert

    def load_build(self) -> None:
        """Give an object its state; of an array of joblib's that ends with its bytes."""
        super().load_build()  # type: ignore[misc]  # Python's own has no types
        stack: list[Any] = self.stack  # type: ignore[attr-defined]
        made = stack[-1]
        if isinstance(made, Joined) and made.is_of_objects:
            stack[-1] = InertUnpickler(self.rest, is_inner=True).load()
        elif isinstance(made, Joined) and made.n_bytes <= MAX_INFLATED:
            if made.is_padded:
                self.rest.read(self.rest.read(1)[0])
            made.data = self.rest.read(made.n_bytes)

    dispatch: ClassVar[dict[int, Any]] = {
        **_LOAD,
        pickle.BUILD[0]: load_build,
        **{operation: _keyed(operation, keys) for operation, keys in _KEYS.items()},
    }

    def persistent_load(self, saved: Any) -> Any:
        if not isinstance(saved, tuple) or len(saved) < 3:
            return Inert()
        if saved[0] == "module":  # a whole module in a legacy file, with its source code
            return saved[1]
        if saved[0] != "storage" or not isinstance(saved[2], (str, int)):
            return Inert()
        dtype = saved[1] if isinstance(saved[1], str) and saved[1] in BY_NAME else "uint8"
        made = Storage(str(saved[2]), dtype)
        self.storages[made.key] = made
        return made

    def _rebuild_quantized(
        self, storage: Any, offset: Any, shape: Any, strides: Any, quantizer: Any, *_: Any
    ) -> Any:
        """A tensor of torch's own quantization: codes, and a scale and a zero point for all of it,
        or for each channel along an axis. Both get the rank of the codes.
        """
        codes = _rebuild(storage, offset, shape, strides)
        if not isinstance(codes, Strided) or not isinstance(quantizer, tuple):
            return Inert()
        rank = len(codes.shape)
        if len(quantizer) == 3 and all(isinstance(each, (int, float)) for each in quantizer[1:]):
            scale, zero = (self._number(float(each), rank) for each in quantizer[1:])
            return Wrapped.of(codes=codes, step=scale, zero=zero)
        if len(quantizer) != 4 or not all(isinstance(e, Strided) for e in quantizer[1:3]):
            return Inert()
        axis = quantizer[3]
        if not isinstance(axis, int) or not 0 <= axis < rank:
            return Inert()
        scale, zero = (_along(each, axis, rank) for each in quantizer[1:3])
        return Wrapped.of(codes=codes, step=scale, zero=zero)

    def _number(self, value: float, rank: int) -> Strided:
        """A number that a pickle has, as a tensor with axes of one."""
        made = Storage(f"held.{len(self.held)}", "float64")
        self.held[made.key] = struct.pack("<d", value)
        return Strided(made, 0, (1,) * rank, (1,) * rank, made.dtype)

    def _storage_of(self, saved: Any) -> Any:
        """A storage that was pickled without torch's help: the bytes of a file of its own."""
        if not isinstance(saved, bytes):
            return Inert()
        with io.BytesIO(saved) as file:
            unpicklers = [InertUnpickler(file, is_inner=True) for _ in range(_N_PICKLES)]
            made = [unpickler.load() for unpickler in unpicklers][_STORAGE]
            data = file.read()[_COUNT:]
        if not isinstance(made, Storage):
            return Inert()
        key = f"held.{len(self.held)}"
        self.held[key] = data
        return made._replace(key=key)


def _rebuild_from_type(rebuild: Any, kind: Any, arguments: Any, state: Any, *_: Any) -> Any:
    """A tensor of a class of its own, by what makes a plain one, and its attributes."""
    if not callable(rebuild) or not isinstance(arguments, tuple):
        return Inert()
    made = rebuild(*arguments)
    if isinstance(state, tuple):  # attributes, and those that have slots
        state = next((each for each in state if isinstance(each, dict)), None)
    if isinstance(made, Wrapped) and isinstance(state, dict):
        made.parts = state
        # of torch.distributed.tensor: what one process has, here the whole
        local = state.get("_local_tensor")
        if isinstance(local, Strided) and local.shape == made.shape:
            return local
    return made


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    whole = (
        isinstance(storage, Storage)
        and isinstance(offset, int)
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
    )
    sound = (
        whole
        and len(shape) == len(strides)
        and all(isinstance(number, int) and number >= 0 for number in (offset, *shape, *strides))
    )
    return Strided(storage, offset, shape, strides, storage.dtype) if sound else Inert()


def _along(vector: Strided, axis: int, rank: int) -> Strided:
    """A vector along one of several axes, the others of one."""
    if len(vector.shape) != 1:
        return vector
    shape = tuple(vector.shape[0] if at == axis else 1 for at in range(rank))
    return vector._replace(shape=shape, strides=vector.strides * rank)


def _rebuild_sparse(layout: Any, parts: Any, *_: Any) -> Any:
    """``torch.sparse_coo``: indices [rank, n], values [n], the shape."""
    if not isinstance(parts, (tuple, list)) or len(parts) < 3:
        return Inert()
    indices, values, shape = parts[:3]
    whole = isinstance(indices, Strided) and isinstance(values, Strided)
    sound = (
        whole
        and is_shape(shape)
        and len(values.shape) == 1
        and indices.shape == (len(shape), values.shape[0])
    )
    return Sparse(indices, values, shape) if sound else Inert()


def _reconstruct_array(rebuild: Any, arguments: Any, state: Any, *_: Any) -> Any:
    """An array of JAX': that of NumPy which it was pickled as."""
    if rebuild is not Array or not isinstance(arguments, tuple):
        return Inert()
    made = Array(*arguments)
    made.__setstate__(state)
    return made


def _encoded(text: Any, encoding: Any = "latin1", *_: Any) -> Any:
    return text.encode("latin1") if isinstance(text, str) and encoding == "latin1" else Inert()


def _first(value: Any, *_: Any) -> Any:
    return value


def _tuple(values: Any = (), *_: Any) -> Any:
    """Paddle's ``reduce``: a name and the values of the tensor that has it."""
    return tuple(values) if isinstance(values, (tuple, list)) else Inert()


def _key(value: Any) -> Any:
    """What a dictionary or a set can have: a plain value or a flat tuple of such. Of tuples in
    tuples the hash can take forever.
    """
    parts = value if isinstance(value, tuple) else (value,)
    return value if all(isinstance(part, _PLAIN) for part in parts) else Inert()


def _set(values: Any = (), *_: Any) -> Any:
    return set(map(_key, values)) if isinstance(values, (tuple, list)) else set()


def _ordered(pairs: Any = (), *_: Any) -> Any:
    """A dictionary, which is empty in most pickles and gets its items afterwards."""
    if not isinstance(pairs, (tuple, list)):
        return OrderedDict()
    is_sound = all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs)
    return OrderedDict((_key(key), value) for key, value in pairs) if is_sound else Inert()


_PLAIN: Final = (str, bytes, int, float, type(None), Inert)
_BUILTINS: Final = {"set": _set, "tuple": _tuple}
