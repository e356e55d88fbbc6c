"""MXNet's ``.params``: what is read is what was saved, and what is damaged is one error.

Files are written here as apache/mxnet's src/ndarray/ndarray.cc writes them.
"""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import onnx_params
from onnx_params.containers import mxnet

OLDEST, V1, V2, V3 = 0, 0xF993FAC8, 0xF993FAC9, 0xF993FACA
TYPES = {
    "float32": 0,
    "float64": 1,
    "float16": 2,
    "uint8": 3,
    "int32": 4,
    "int8": 5,
    "int64": 6,
    "bool": 7,
    "bfloat16": 12,
}
ON_GPU = struct.pack("<ii", 2, 1)


def axes(shape: tuple[int, ...], version: int) -> bytes:
    code = "I" if version == OLDEST else "q"
    return struct.pack(f"<i{len(shape)}{code}", len(shape), *shape)


def array(values: np.ndarray, version: int = V2, storage: int = 0) -> bytes:
    """An NDArray as its version was written."""
    begin = b"" if version == OLDEST else struct.pack("<I", version)
    kind = struct.pack("<i", storage) if version in (V2, V3) else b""
    number = struct.pack("<i", TYPES[values.dtype.name])
    return begin + kind + axes(values.shape, version) + ON_GPU + number + values.tobytes()


def file_of(arrays: list[bytes], names: list[str]) -> bytes:
    head = struct.pack("<QQQ", 0x112, 0, len(arrays))
    texts = b"".join(struct.pack("<Q", len(text)) + text for text in map(str.encode, names))
    return head + b"".join(arrays) + struct.pack("<Q", len(names)) + texts


def saved(path: Path, arrays: list[bytes], names: list[str]) -> str:
    path.write_bytes(file_of(arrays, names))
    return str(path)


def read(path: str) -> dict[str, np.ndarray]:
    return {tensor.name: tensor.read() for tensor in mxnet.read(path).tensors}


def assert_same(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    assert list(expected) == list(found)
    for name, values in expected.items():
        assert values.dtype == found[name].dtype, name
        assert values.shape == found[name].shape, name
        np.testing.assert_array_equal(values, found[name], err_msg=name)


def ramp(*shape: int, kind: str = "float32") -> np.ndarray:
    values = np.arange(np.prod(shape)).reshape(shape)
    return values.astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)


# -- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLDEST, V1, V2, V3])
def test_every_version_of_an_array(version: int, tmp_path: Path) -> None:
    expected = {"0.weight": ramp(3, 4), "0.bias": ramp(3), "1.weight": ramp(2, 3, 1, 1)}
    arrays = [array(values, version) for values in expected.values()]
    path = saved(tmp_path / "m.params", arrays, list(expected))
    assert_same(expected, read(path))
    assert mxnet.read(path).ordered


@pytest.mark.parametrize("kind", TYPES)
def test_every_type(kind: str, tmp_path: Path) -> None:
    expected = {"w": ramp(2, 5, kind=kind)}
    assert_same(expected, read(saved(tmp_path / "m", [array(expected["w"])], ["w"])))


def test_a_scalar_has_no_axes_in_numpys_semantics(tmp_path: Path) -> None:
    scalar = np.asarray(2.5, np.float32)
    assert_same({"s": scalar}, read(saved(tmp_path / "m", [array(scalar, V3)], ["s"])))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["arg:w", "aux:mean"], ["w", "mean"]),
        (["arg:w", "aux:w"], ["arg:w", "aux:w"]),
        (["argw", "arg:arg:w"], ["argw", "arg:w"]),
        (["", "gewöhnlich"], ["", "gewöhnlich"]),
        ([], ["array.0", "array.1"]),
    ],
)
def test_names(written: list[str], expected: list[str], tmp_path: Path) -> None:
    """Without a symbol's prefixes, unless two would then be the same; numbered without names."""
    path = saved(tmp_path / "m", [array(ramp(2)), array(ramp(3))], written)
    assert expected == [tensor.name for tensor in mxnet.read(path).tensors]


def test_headers_are_read_and_no_values(tmp_path: Path) -> None:
    """A tensor is a span of the file."""
    path = saved(tmp_path / "m", [array(np.zeros(1 << 22, np.float32))], ["w"])
    tracemalloc.start()
    (tensor,) = mxnet.read(path).tensors
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert 4 << 22 == tensor.n_bytes == tensor.spans[0].n_bytes


def test_recognized_by_the_first_bytes(tmp_path: Path) -> None:
    """A safetensors file whose header has 274 bytes begins as a list does, but for one byte."""
    assert mxnet.is_it("m.params", file_of([], [])[:9])
    assert not mxnet.is_it("m.safetensors", (0x112).to_bytes(8, "little") + b"{")
    assert not mxnet.is_it("m.params", b"")


# -- what is refused ------------------------------------------------------------------------------

ONE = array(ramp(2, 3))
HEAD = struct.pack("<QQQ", 0x112, 0, 1)
DENSE = struct.pack("<Ii", V2, 0)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "8 bytes were expected at byte 0"),
        (b"\x13" + HEAD[1:], "begins with another number"),
        (HEAD[:16] + struct.pack("<Q", 1 << 60), "1152921504606846976 arrays"),
        (HEAD + struct.pack("<I", 77), "array 1 of 1 has 77 axes"),
        (HEAD + DENSE + axes((1 << 40, 1 << 40), V2) + ON_GPU + bytes(4), "bytes were expected"),
        (HEAD + DENSE + axes((2, -3), V2), r"has the shape \[2, -3\]"),
        (HEAD + DENSE + axes((2,), V2) + ON_GPU + b"\x63\0\0\0", "elements of type 99"),
        (HEAD + struct.pack("<Ii", V2, 7), "storage of type 7"),
        (HEAD + ONE[:-1], "was the download complete"),
        (HEAD + ONE + struct.pack("<Q", 2), "2 names for 1 arrays"),
        (HEAD + ONE + struct.pack("<QQ", 1, 1 << 62), "a name of 4611686018427387904 bytes"),
        (file_of([ONE], ["w"]) + b"more", "4 bytes stand after its list of names"),
        (file_of([ONE, ONE], ["w", "w"]), "2 arrays are called 'w'"),
    ],
)
def test_damaged(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "m.params"
    path.write_bytes(data)
    with pytest.raises(onnx_params.FormatError, match=rf"m\.params: .*{what}"):
        mxnet.read(str(path))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (file_of([array(ramp(2), storage=1)], ["w"]), r"sparse \(row_sparse\)"),
        (file_of([array(ramp(2), storage=2)], ["w"]), r"sparse \(csr\)"),
        (file_of([DENSE + axes((), V2)], ["w"]), "array 1 of 1 was saved without values"),
        (file_of([struct.pack("<Iii", V3, 0, -1)], ["w"]), "was saved without values"),
        (file_of([], []), "contains no arrays"),
    ],
)
def test_not_supported(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "m.params"
    path.write_bytes(data)
    with pytest.raises(onnx_params.UnsupportedError, match=rf"m\.params: .*{what}"):
        mxnet.read(str(path))


def test_any_damage_is_one_error(tmp_path: Path) -> None:
    """Files that were cut off anywhere, and files with some bytes drawn anew."""
    kinds = ("float32", "bool", "bfloat16", "int64")
    arrays = [array(ramp(2, 3, kind=kind), V2) for kind in kinds]
    whole = file_of([*arrays, array(ramp(3), OLDEST), ONE], [f"arg:layer{at}" for at in range(6)])
    path = tmp_path / "m.params"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(onnx_params.FormatError, match=r"m\.params"):
            mxnet.read(str(path))
    rng = random.Random(0)
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 4))):
            damaged[rng.randrange(len(whole))] = rng.choice(
                (0, 1, 127, 128, 255, rng.randrange(256))
            )
        path.write_bytes(damaged)
        try:
            read(str(path))
        except onnx_params.OnnxParamsError as error:
            assert "\n" not in str(error)
