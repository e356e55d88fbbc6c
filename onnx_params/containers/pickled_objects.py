"""What an unpickler makes in place of the objects that a pickle names: inert, and arrays as far as
they are shapes, types and bytes.

Formats: torch/_utils.py; numpy/_core/multiarray; joblib/numpy_pickle.py.
"""

from __future__ import annotations

import math
from typing import Any

from onnx_params.containers.strided import is_shape


class Inert:
    """Stands for whatever else a pickle names: takes everything, does nothing, and keeps the
    attributes that it is given, by name or in order.
    """

    state: dict[str, Any]
    parts: tuple[Any, ...]

    def __new__(cls, *args: Any, **options: Any) -> Inert:
        made = super().__new__(cls)  # a pickle may make an object without calling __init__
        made.state = {}
        made.parts = ()
        return made

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __call__(self, *args: Any, **options: Any) -> Inert:
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}
        self.parts = state if isinstance(state, tuple) else ()

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    def add(self, value: Any) -> None:
        pass


class Wrapped:
    """Stands for a tensor that a library made of others, which are its attributes: ``parts``."""

    def __init__(self, kind: Any = None, dtype: Any = None, shape: Any = (), *_: Any) -> None:
        self.shape = shape
        self.parts: dict[str, Any] = {}

    @classmethod
    def of(cls, **parts: Any) -> Wrapped:
        """One of these parts."""
        made = cls()
        made.parts = parts
        return made


class Size(tuple[Any, ...]):
    """Stands for ``torch.Size``: a shape."""


class ArrayType:
    """Stands for ``numpy.dtype``: the code of the type and the order of its bytes."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code if isinstance(code, str) else ""
        self.order = "<"

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and isinstance(state[1], str):
            self.order = state[1]


class Array:
    """Stands for a NumPy array: shape, code of the type, order, bytes; empty where its state is
    none of an array.
    """

    shape: tuple[int, ...]
    code: str
    is_fortran: bool
    data: bytes
    objects: list[Any]

    def __new__(cls, *_: Any) -> Array:
        made = super().__new__(cls)  # a pickle may make an object without calling __init__
        made.shape, made.code, made.is_fortran = (), "", False
        made.data, made.objects = b"", []
        return made

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            return
        _, shape, kind, is_fortran, data = state
        is_sound = (
            is_shape(shape)
            and isinstance(kind, ArrayType)
            and kind.order in "<|="
            and isinstance(data, bytes)
        )
        if is_sound:
            self.shape, self.code, self.is_fortran, self.data = shape, kind.code, is_fortran, data
        if isinstance(data, list):
            self.objects = data


class Joined(Array):
    """Stands for an array of which joblib writes the bytes after the object that describes it.

    Source: joblib/numpy_pickle.py, ``NumpyArrayWrapper``.
    """

    is_padded = False
    is_of_objects = False

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            return
        shape, kind = state.get("shape"), state.get("dtype")
        if is_shape(shape) and isinstance(kind, ArrayType) and kind.order in "<|=":
            self.shape, self.code = shape, kind.code
            self.is_fortran = state.get("order") == "F"
            self.is_padded = state.get("numpy_array_alignment_bytes") is not None
            self.is_of_objects = kind.code.startswith("O")

    @property
    def n_bytes(self) -> int:
        """How many bytes follow, by the type of an element: ``f4``, or ``U3`` of 3 characters."""
        size = int(self.code[1:]) if self.code[1:].isdecimal() else 0
        return math.prod(self.shape) * size * (4 if self.code[:1] == "U" else 1)
