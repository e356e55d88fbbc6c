"""Weights of TensorFlow Lite, frozen graphs, TensorFlow.js and Darknet are read as written."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import onnx_params
from onnx_params.containers import darknet, frozen_graph, tfjs, tflite
from onnx_params.containers.checkpoint import Checkpoint

Read = Callable[[str], Checkpoint]


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_same(expected: dict[str, np.ndarray], read: Read, path: Path) -> None:
    found = {tensor.name: tensor.read() for tensor in read(str(path)).tensors}
    assert list(expected) == list(found)
    for name, numbers in expected.items():
        assert numbers.dtype == found[name].dtype, name
        np.testing.assert_array_equal(numbers, found[name], err_msg=name)


def damaged(whole: bytes) -> list[bytes]:
    """The file cut at 40 places, and with each of 160 bits flipped."""
    bits, count = int.from_bytes(whole, "little"), len(whole)
    flips = [1 << int(at) for at in np.random.default_rng(0).integers(0, 8 * count, 160)]
    cuts = [whole[:length] for length in np.linspace(0, count - 1, 40).astype(int)]
    return cuts + [(bits ^ flip).to_bytes(count, "little") for flip in flips]


def assert_one_error(read: Read, path: Path, changed: Path) -> None:
    """Whatever is done to a file, it is read or refused with one line."""
    n_refused = 0
    for made in damaged(changed.read_bytes()):
        changed.write_bytes(made)
        try:
            for tensor in read(str(path)).tensors:
                if tensor.n_bytes < 1 << 20:
                    tensor.read()
        except onnx_params.OnnxParamsError as error:
            n_refused += 1
            assert "\n" not in str(error)
    assert n_refused > 20


def assert_refused(expected: str, read: Read, path: Path) -> None:
    with pytest.raises(onnx_params.OnnxParamsError, match=expected):
        read(str(path))


# -- TensorFlow Lite ------------------------------------------------------------------------------


def table(out: bytearray, fields: dict[int, Any]) -> int:
    """A flatbuffer's table by slots: ``(code, number)``, or what an offset leads to."""
    at, n_slots = len(out), max(fields, default=-1) + 1
    places = {slot: 4 + 8 * i for i, slot in enumerate(fields)}
    offsets = [places.get(slot, 0) for slot in range(n_slots)]
    out += struct.pack(f"<{2 + n_slots}H", 4 + 2 * n_slots, 4 + 8 * len(fields), *offsets)
    start = len(out)
    out += struct.pack("<i", start - at) + bytes(8 * len(fields))
    for slot, value in fields.items():
        place = start + places[slot]
        if isinstance(value, tuple):
            struct.pack_into(value[0], out, place, value[1])
        else:
            struct.pack_into("<I", out, place, child(out, value) - place)
    return start


def child(out: bytearray, value: Any) -> int:
    """A table, or a vector: of bytes, of numbers, of tables."""
    if isinstance(value, dict):
        return table(out, value)
    start = len(out)
    if isinstance(value, list):
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        made: dict[int, int] = {}  # the same table is written once
        for place, each in zip(range(start + 4, len(out), 4), value, strict=True):
            if id(each) not in made:
                made[id(each)] = table(out, each)
            struct.pack_into("<I", out, place, made[id(each)] - place)
    else:
        data = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
        out += struct.pack("<I", data.size) + data.tobytes()
    return start


def lite(tensors: list[dict[int, Any]], buffers: list[dict[int, Any]], n: int = 1) -> bytes:
    """A model whose list of subgraphs has the same one ``n`` times."""
    out = bytearray(b"\0\0\0\0TFL3")
    model = table(out, {0: ("<I", 3), 2: [{0: tensors}] * n, 4: [{}, *buffers]})
    struct.pack_into("<I", out, 0, model)
    return bytes(out)


def lite_tensor(name: str, kind: int, buffer: int, *shape: int, **more: Any) -> dict[int, Any]:
    scales, zeros = (np.array(more.get(key, []), "<f4") for key in ("scales", "zeros"))
    by = {4: {2: scales, 3: zeros.astype("<i8"), 6: ("<i", more.get("axis", 0))}} if more else {}
    return {0: np.array(shape, "<i4"), 1: ("<B", kind), 2: ("<I", buffer), 3: name.encode(), **by}


def written_lite(path: Path) -> dict[str, np.ndarray]:
    """A model with one tensor of each kind; what its constants are."""
    codes = np.arange(-3, 3, dtype=np.int8).reshape(2, 3)
    half, plain, sums = draw(0, 4).astype(np.float16), draw(1, 2, 2), np.arange(3, dtype="<i4")
    tensors = [
        lite_tensor("input", 0, 0, 1, 8),
        lite_tensor("w", 0, 1, 2, 2),
        lite_tensor("w", 1, 2, 4),
        lite_tensor("q", 9, 3, 2, 3, scales=[0.5, 2.0, 0.1], zeros=[1, 0, -1], axis=1),
        lite_tensor("one", 9, 3, 2, 3, scales=[0.1], zeros=[3]),
        lite_tensor("four", 17, 4, 3, scales=[0.25]),
        lite_tensor("sums", 2, 5, 3, scales=[0.0]),
        lite_tensor("text", 5, 2, 1),
    ]
    parts = [plain.tobytes(), half.tobytes(), codes.tobytes(), b"\x7f\x09", sums.tobytes()]
    path.write_bytes(lite(tensors, [{0: part} for part in parts]))
    scales, zeros = np.array([0.5, 2.0, 0.1], np.float32), np.array([1, 0, -1])
    return {
        "w": plain,
        "w.1": half,
        "q": (codes - zeros).astype(np.float32) * scales,
        "one": (codes - 3).astype(np.float32) * np.float32(0.1),
        "four": np.array([-1, 7, -7], np.float32) / 4,
        "sums": sums,
    }


def test_tensorflow_lite(tmp_path: Path) -> None:
    """Constants under their names, codes as the numbers that they stand for; no input, no text."""
    path = tmp_path / "m.tflite"
    assert_same(written_lite(path), tflite.read, path)
    assert_one_error(tflite.read, path, path)


def test_buffers_behind_the_flatbuffer(tmp_path: Path) -> None:
    """Models of more than 2 GB have their values after everything else."""
    path, kernel = tmp_path / "m.tflite", draw(0, 2, 3)
    tensors = [lite_tensor("kernel", 0, 1, 2, 3)]
    start = len(lite(tensors, [{1: ("<Q", 0), 2: ("<Q", 24)}]))
    whole = lite(tensors, [{1: ("<Q", start), 2: ("<Q", 24)}]) + kernel.tobytes()
    path.write_bytes(whole)
    assert_same({"kernel": kernel}, tflite.read, path)
    path.write_bytes(whole[:-1])
    assert_refused("ends at byte", tflite.read, path)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (lite_tensor("w", 9, 1, 3), "has 4 bytes"),
        (lite_tensor("w", 9, 7, 4), "buffer 7 of 2"),
        (lite_tensor("w", 9, 1, 4, scales=[1, 2]), "2 scales for 4 slices"),
        (lite_tensor("w", 99, 1, 4), "type 99"),
        (lite_tensor("w", 9, 1, 4) | {6: {}}, "sparse"),
        (lite_tensor("w", 9, 1, 4) | {10: ("<I", 1)}, "another file"),
        (lite_tensor("w", 9, 1, 4) | {4: {4: ("<B", 2)}}, "in blocks"),
        (lite_tensor("w" * 5000, 9, 1, 4), "more tensors than"),
    ],
)
def test_tensors_that_are_refused(tensor: dict[int, Any], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(lite([tensor], [{0: b"abcd"}]))
    assert_refused(expected, tflite.read, path)


def test_tables_that_are_listed_again_and_again(tmp_path: Path) -> None:
    """Offsets that lead to the same table do not make a small file a long list."""
    path, tensor = tmp_path / "m.tflite", lite_tensor("w", 9, 1, 4)
    path.write_bytes(lite([tensor] * 300, [{0: b"abcd"}], 300))
    assert_refused("more tensors than", tflite.read, path)


# -- frozen graphs --------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def constant(name: str, kind: int, shape: tuple[int, ...], numbers: bytes) -> bytes:
    """A node Const of a GraphDef."""
    dims = b"".join(field(2, field(1, dim)) for dim in shape)
    value = field(8, field(1, kind) + field(2, dims) + numbers)
    kinds = field(5, field(1, "dtype") + field(2, field(6, kind)))
    values = field(5, field(1, "value") + field(2, value))
    return field(1, field(1, name) + field(2, "Const") + kinds + values)


def written_graph(path: Path) -> dict[str, np.ndarray]:
    kernel, half = draw(0, 3, 4), np.array([1.5, 1.5, 1.5], ml_dtypes.bfloat16)
    nodes = [
        field(1, field(1, "input") + field(2, "Placeholder")),
        constant("kernel", 1, (3, 4), field(4, kernel.tobytes())),
        constant("filled", 1, (5,), field(5, struct.pack("<2f", 1.0, 2.5))),
        constant("zeros", 3, (2, 2), b""),
        constant("small", 6, (4,), field(7, varint(-1) + varint(5))),
        constant("half", 14, (3,), field(13, varint(0x3FC0))),
        constant("flags", 10, (2,), field(11, 1) + field(11, 0)),
        constant("text", 7, (), field(8, "hello")),
    ]
    path.write_bytes(b"".join(nodes) + field(4, field(1, 1882)))
    return {
        "kernel": kernel,
        "filled": np.array([1, 2.5, 2.5, 2.5, 2.5], np.float32),
        "zeros": np.zeros((2, 2), np.int32),
        "small": np.array([-1, 5, 5, 5], np.int8),
        "half": half,
        "flags": np.array([True, False]),
    }


def test_a_frozen_graph(tmp_path: Path) -> None:
    """Constants under their nodes' names; the last number of a short list is repeated."""
    path = tmp_path / "m.pb"
    assert_same(written_graph(path), frozen_graph.read, path)
    assert frozen_graph.is_it(str(path), path.read_bytes()[:9])
    assert_one_error(frozen_graph.read, path, path)


@pytest.mark.parametrize(
    "content",
    [
        field(1, 9) + field(2, "pytorch") + field(7, field(2, "main")),  # an ONNX model
        field(1, 1) + field(2, field(2, constant("a", 1, (), b""))),  # a SavedModel
        field(1, "net") + field(2, field(4, "Conv")),  # Caffe2's
        field(1, field(1, "a name") + field(2, "Const")),
    ],
)
def test_what_is_no_frozen_graph(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(content)
    assert not frozen_graph.is_it(str(path), content[:9])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (constant("w", 1, (3,), field(4, b"12345678")), r"'w' of shape \[3\] has 8 bytes"),
        (constant("w", 1, (1 << 40,), b""), "too large"),
        (constant("w", 1, (-1,), b""), "dimension of -1"),
        (constant("w", 99, (), b""), "type 99"),
        (constant("w", 1, (), b"") * 2, "same name"),
        (field(1, field(1, "w") + field(2, "Const")), "without a value"),
        (b"\x0a\x7fabc", "no TensorFlow graph"),
    ],
)
def test_nodes_that_are_refused(node: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(node)
    assert_refused(expected, frozen_graph.read, path)


# -- TensorFlow.js --------------------------------------------------------------------------------


def written_js(folder: Path) -> dict[str, np.ndarray]:
    kernel, codes = draw(0, 3, 4), np.array([0, 7, 255], np.uint8)
    half, wide = draw(1, 5).astype(np.float16), np.array([3, 65535], "<u2")
    by = {"dtype": "uint8", "scale": 0.1, "min": -1.25}
    weights = [
        {"name": "kernel", "shape": [3, 4], "dtype": "float32"},
        {"name": "text", "shape": [2], "dtype": "string"},
        {"name": "codes", "shape": [3], "dtype": "float32", "quantization": by},
        {"name": "half", "shape": [5], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "wide", "shape": [2], "dtype": "int32", "quantization": by | {"dtype": "uint16"}},
        {"name": "flag", "shape": [], "dtype": "bool"},
    ]
    data = kernel.tobytes() + b"\x02\0\0\0hi\0\0\0\0" + codes.tobytes()
    data += half.tobytes() + wide.tobytes() + b"\1"
    more = {"paths": ["c.bin"], "weights": [{"name": "n", "shape": [1], "dtype": "int32"}]}
    for name, part in {"a": data[:21], "b": data[21:], "c": struct.pack("<i", -5)}.items():
        (folder / f"{name}.bin").write_bytes(part)
    manifest = [{"paths": ["a.bin", "b.bin"], "weights": weights}, more]
    (folder / "model.json").write_text(json.dumps({"weightsManifest": manifest}))
    return {
        "kernel": kernel,
        "codes": (codes * np.float64(0.1) - 1.25).astype(np.float32),
        "half": half.astype(np.float32),
        "wide": np.array([-1, 6552], np.int32),  # rounded
        "flag": np.array(True),
        "n": np.array([-5], np.int32),
    }


def test_tensorflow_js(tmp_path: Path) -> None:
    """Tensors across files, codes as the numbers that they stand for, strings stepped over."""
    path = tmp_path / "model.json"
    expected = written_js(tmp_path)
    assert_same(expected, tfjs.read, path)
    whole = path.read_bytes()
    assert tfjs.is_it(str(path), whole[:9])
    assert_one_error(tfjs.read, path, path)
    path.write_text(json.dumps(json.loads(whole)["weightsManifest"]))  # as older converters wrote
    assert_same(expected, tfjs.read, path)
    (tmp_path / "other.json").write_text('{"weight_map": {}}')
    assert not tfjs.is_it(str(tmp_path / "other.json"), b'{"weight_')


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"b.bin"', '"../b.bin"', "outside its folder"),
        ('"b.bin"', '"d.bin"', "no such file"),
        ("[3, 4]", "[30, 4]", "download complete"),
        ('"bool"', '"int4"', "'int4'"),
        ('"uint16"', '"uint2"', "codes of 'uint2'"),
        ("-1.25", "NaN", "not finite"),
        ('"flag"', '"half"', "same name"),
        ("weightsManifest", "weights", "TensorFlow.js"),
    ],
)
def test_manifests_that_are_refused(old: str, new: str, expected: str, tmp_path: Path) -> None:
    written_js(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace(old, new))
    assert_refused(expected, tfjs.read, path)


# -- Darknet --------------------------------------------------------------------------------------

NETWORK = """
[net] channels=3 height=8#pixels width=8
[convolutional] batch_normalize=1 filters=4 size=3 stride=2 pad=1
[maxpool] stride=2
[route] layers=-2,1
[convolutional] filters=6 size=1 groups=2 ;comment
[upsample]
[route] layers=-1 groups=2
[reorg] stride=2
[connected] output=5
""".replace(" ", "\n")


def written_darknet(folder: Path, head: bytes) -> dict[str, np.ndarray]:
    """A file of weights in Darknet's order; what is read, in a framework's order."""
    norm = [f"bn_0.{leaf}" for leaf in ("bias", "weight", "running_mean", "running_var")]
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(norm, (4,))
    shapes |= {"conv_0.weight": (4, 3, 3, 3), "conv_3.bias": (6,), "conv_3.weight": (6, 4, 1, 1)}
    shapes |= {"fc_7.bias": (5,), "fc_7.weight": (5, 192)}
    made = {name: draw(seed, *shape) for seed, (name, shape) in enumerate(shapes.items())}
    (folder / "m.weights").write_bytes(head + b"".join(each.tobytes() for each in made.values()))
    (folder / "m.cfg").write_text(NETWORK)
    norm[:2] = ["bn_0.weight", "bn_0.bias"]
    order = ["conv_0.weight", *norm, "conv_3.weight", "conv_3.bias", "fc_7.weight", "fc_7.bias"]
    return {name: made[name] for name in order}


@pytest.mark.parametrize("head", [struct.pack("<iiiq", 0, 2, 5, 9), struct.pack("<4i", 0, 1, 0, 9)])
def test_darknet(head: bytes, tmp_path: Path) -> None:
    """Weights by the layers of the configuration beside them, whatever its name, if it is one."""
    path = tmp_path / "m.weights"
    expected = written_darknet(tmp_path, head)
    assert_same(expected, darknet.read, path)
    assert darknet.is_it(str(path), path.read_bytes()[:9])
    (tmp_path / "m.cfg").rename(tmp_path / "yolo.cfg")
    assert_same(expected, darknet.read, path)
    assert_one_error(darknet.read, path, tmp_path / "yolo.cfg")
    (tmp_path / "other.cfg").touch()
    assert_refused("2 are in its folder", darknet.read, path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("filters=6", "filters=8", "download complete"),
        ("output=5", "output=4", "bytes after the last layer"),
        ("[maxpool]", "[lstm]", r"layer 1 \[lstm\] is of a kind"),
        ("layers=-1", "layers=9", "layer 9, which is not before it"),
        ("groups=2\n;", "groups=3\n;", "in 3 groups"),
        ("stride=2\n[route]", "stride=2\nsize=99\npadding=0\n[route]", "gives"),
        ("size=1", "flipped=1", "'flipped'"),
    ],
)
def test_configurations_that_are_refused(old: str, new: str, expected: str, tmp_path: Path) -> None:
    written_darknet(tmp_path, struct.pack("<iiiq", 0, 2, 5, 9))
    (tmp_path / "m.cfg").write_text(NETWORK.replace(old, new))
    assert_refused(expected, darknet.read, tmp_path / "m.weights")
