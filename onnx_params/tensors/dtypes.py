"""Say what an ONNX element type is: bits, names, NumPy view.

Source of the table: ``onnx.proto`` (TensorProto.DataType, IR 14) for codes and packing; the short
names are those that NumPy, ml_dtypes and torch share.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class DType(NamedTuple):
    """One element type.

    ``bits`` is 0 where elements have no fixed width (strings). ``numpy`` is the name that NumPy
    itself knows, or ``None`` where reading needs ``ml_dtypes`` or unpacking.
    """

    code: int
    onnx: str
    name: str
    bits: int
    numpy: str | None

    @property
    def is_float(self) -> bool:
        """Whether elements are floating-point numbers, of any width."""
        return self.name.startswith(("float", "bfloat"))

    @property
    def is_complex(self) -> bool:
        """Whether elements are complex numbers."""
        return self.name.startswith("complex")

    @property
    def is_narrow_integer(self) -> bool:
        """Whether elements are integers of 8 bits or fewer: what quantized weights are
        stored in.
        """
        return 0 < self.bits <= 8 and self.name.startswith(("int", "uint"))

    @property
    def is_narrow_float(self) -> bool:
        """Whether elements are floating-point numbers of 8 bits or fewer."""
        return 0 < self.bits <= 8 and self.is_float

    def packed_length(self, count: int) -> int:
        """Bytes that ``count`` elements take in ``raw_data`` and in external data:

        ``ceil(bits * count / 8)``.
        """
        return (self.bits * count + 7) // 8


_ROWS: Final = (
    DType(0, "UNDEFINED", "undefined", 0, None),
    DType(1, "FLOAT", "float32", 32, "<f4"),
    DType(2, "UINT8", "uint8", 8, "u1"),
    DType(3, "INT8", "int8", 8, "i1"),
    DType(4, "UINT16", "uint16", 16, "<u2"),
    DType(5, "INT16", "int16", 16, "<i2"),
    DType(6, "INT32", "int32", 32, "<i4"),
    DType(7, "INT64", "int64", 64, "<i8"),
    DType(8, "STRING", "string", 0, None),
    DType(9, "BOOL", "bool", 8, "?"),
    DType(10, "FLOAT16", "float16", 16, "<f2"),
    DType(11, "DOUBLE", "float64", 64, "<f8"),
    DType(12, "UINT32", "uint32", 32, "<u4"),
    DType(13, "UINT64", "uint64", 64, "<u8"),
    DType(14, "COMPLEX64", "complex64", 64, "<c8"),
    DType(15, "COMPLEX128", "complex128", 128, "<c16"),
    DType(16, "BFLOAT16", "bfloat16", 16, None),
    DType(17, "FLOAT8E4M3FN", "float8_e4m3fn", 8, None),
    DType(18, "FLOAT8E4M3FNUZ", "float8_e4m3fnuz", 8, None),
    DType(19, "FLOAT8E5M2", "float8_e5m2", 8, None),
    DType(20, "FLOAT8E5M2FNUZ", "float8_e5m2fnuz", 8, None),
    DType(21, "UINT4", "uint4", 4, None),
    DType(22, "INT4", "int4", 4, None),
    DType(23, "FLOAT4E2M1", "float4_e2m1fn", 4, None),
    DType(24, "FLOAT8E8M0", "float8_e8m0fnu", 8, None),
    DType(25, "UINT2", "uint2", 2, None),
    DType(26, "INT2", "int2", 2, None),
    DType(27, "FLOAT6E2M3", "float6_e2m3fn", 6, None),
    DType(28, "FLOAT6E3M2", "float6_e3m2fn", 6, None),
)

BY_CODE: Final[dict[int, DType]] = {row.code: row for row in _ROWS}
BY_NAME: Final[dict[str, DType]] = {row.name: row for row in _ROWS}
