"""Hostile and broken input: an error of ours, in one line, in bounded time and memory; nothing read
outside the model's folder.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from support.fuzzing import attempt, mutate, seeds, varint
from support.models import parsed
from support.process import run
from support.traps import TRAPS

import onnx_params


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def model(graph: bytes) -> bytes:
    """A ModelProto around the fields of a GraphProto."""
    return b"\x08\x0a" + field(7, graph) + field(8, b"\x10\x15")


def with_tensor(tensor: TensorProto) -> bytes:
    return model(field(5, tensor.SerializeToString()))


def external(**words: str) -> bytes:
    tensor = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in words.items():
        tensor.external_data.add(key=key, value=value)
    return with_tensor(tensor)


@pytest.mark.parametrize(
    "name",
    [
        "in_the_bodies_of_an_if",
        "in_constant_nodes",
        "sparse_in_a_constant",
        "in_a_function_called_twice",
        "linear_classifier",
    ],
)
def test_every_truncation(name: str) -> None:
    """Cut off at every byte: refused, or a smaller model; never another exception."""
    data = TRAPS[name][1]().SerializeToString()
    assert attempt(data)
    assert 0 < sum(not attempt(data[:length]) for length in range(len(data)))


@settings(max_examples=1500, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_mutations(seed: int, changes: int) -> None:
    """Structured mutations: refused or read, never another exception, and the partition holds."""
    rng = random.Random(seed)
    data = rng.choice(SEEDS)
    for _ in range(changes):
        data = mutate(data, rng)
    attempt(data)


SEEDS = seeds()


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\x0a" + b"\x3a" + varint(10**15),  # a graph of 10^15 bytes
        model(b"\x2a" + varint(10**15)),
        model(field(5, b"\x4a" + varint(10**15))),
        with_tensor(TensorProto(name="w", data_type=1, dims=[-1, 4], raw_data=bytes(16))),
        with_tensor(TensorProto(name="w", data_type=1, dims=[2**62, 2**62], raw_data=bytes(16))),
        with_tensor(TensorProto(name="w", data_type=1, dims=[2**31, 2**31], raw_data=bytes(16))),
        with_tensor(TensorProto(name="w", data_type=99, dims=[4], raw_data=bytes(16))),
        with_tensor(TensorProto(name="w", data_type=1, dims=[5], raw_data=bytes(16))),
        with_tensor(TensorProto(name="w", data_type=7, dims=[1000], int64_data=[1])),
        with_tensor(
            TensorProto(
                name="w",
                data_type=1,
                dims=[4],
                segment=TensorProto.Segment(begin=0, end=2),
                raw_data=bytes(16),
            )
        ),
        b"\x08\x0a" + b"\x3b" * 5000,  # groups that never end
        b"\x08" + b"\xff" * 11,  # a number that never ends
    ],
    ids=range(12),
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    """Lengths, shapes, types and numbers that cannot be."""
    with pytest.raises(onnx_params.OnnxParamsError) as caught:
        onnx_params.analyze(data)
    assert "\n" not in str(caught.value)


def nested(depth: int) -> bytes:
    """An If in an If in an If; lengths are put in front from the inside out."""
    parts: list[bytes] = []
    length = 0
    for _ in range(depth):
        # attribute, node, graph
        for number, fixed in ((6, b"\x0a\x01g"), (5, b"\x22\x02If"), (1, b"")):
            head = fixed + varint(number << 3 | 2) + varint(length)
            parts.append(head)
            length += len(head)
    return model(b"".join(reversed(parts)))


def test_twenty_thousand_nested_graphs() -> None:
    """Refused at once; thirty, which runtimes take, are read."""
    start = time.perf_counter()
    with pytest.raises(onnx_params.FormatError, match="nested"):
        onnx_params.analyze(nested(20_000))
    assert time.perf_counter() - start < 1
    assert 31 == len(onnx_params.analyze(nested(30)).inventory.model.graphs)


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "../secret",
        "a/../../secret",
        "link",
        "linked/secret",
        "",
        "pipe",
        ".",
        "a\0b",
    ],
)
def test_external_data_that_leaves_the_folder(tmp_path: Path, location: str) -> None:
    """Absolute paths, two dots, links out, what is not a file: refused, and never opened."""
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    path = folder / "model.onnx"
    path.write_bytes(external(location=location))
    with pytest.raises(onnx_params.FormatError, match="refused"):
        onnx_params.analyze(path)


def test_cache_of_links_is_read(tmp_path: Path) -> None:
    """Hub caches keep model and data behind links into one folder of blobs: onnxruntime reads that,
    and so do we.
    """
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (blobs / "1").write_bytes(external(location="model.onnx.data"))
    (blobs / "2").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    (snapshot / "model.onnx").symlink_to(blobs / "1")
    (snapshot / "model.onnx.data").symlink_to(blobs / "2")
    (tensor,) = onnx_params.analyze(snapshot / "model.onnx").inventory.model.tensors
    np.testing.assert_array_equal([0, 1, 2, 3], tensor.read())


@pytest.mark.parametrize(
    "words",
    [
        {"length": "15"},
        {"offset": "4"},
        {"offset": "99999"},
        {"length": str(10**15)},
        {"offset": str(10**15), "length": "16"},
        {"offset": "-1"},
        {"length": "many"},
        {"offset": "9" * 5000},
    ],
    ids=range(8),
)
def test_external_data_that_does_not_fit(tmp_path: Path, words: dict[str, str]) -> None:
    """Too short, past the end, beyond all bounds, no number."""
    path = tmp_path / "model.onnx"
    path.write_bytes(external(location="data", **words))
    (tmp_path / "data").write_bytes(bytes(16))
    with pytest.raises(onnx_params.FormatError):
        onnx_params.analyze(path)


def test_duplicate_names() -> None:
    """Of two tensors of one name one is a parameter; the other is shown, and shadowed."""
    tensor = numpy_helper.from_array(np.ones((2, 2), np.float32), "w").SerializeToString()
    report = onnx_params.analyze(model(field(5, tensor) * 2))
    assert (4, ["shadowed"]) == (report.parameters, [other.rule for other in report.others])


def test_tensors_that_share_bytes(tmp_path: Path) -> None:
    """Two tensors over the same external bytes: counted twice, their bytes once."""
    tensors = [
        TensorProto(name=name, data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
        for name in "ab"
    ]
    for tensor in tensors:
        tensor.external_data.add(key="location", value="data")
    path = tmp_path / "model.onnx"
    path.write_bytes(model(b"".join(field(5, tensor.SerializeToString()) for tensor in tensors)))
    (tmp_path / "data").write_bytes(bytes(16))
    report = onnx_params.analyze(path)
    assert (8, [16]) == (
        report.parameters,
        [file.tensor_bytes for file in report.inventory.files[1:]],
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50), "PNG"),
        (b"PK\x03\x04" + bytes(60), "zip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"hello, world, this is text" * 9, "x.onnx"),
    ],
)
def test_other_files_are_called_by_their_name(tmp_path: Path, content: bytes, said: str) -> None:
    """What is not ONNX is refused in one line that says what it is."""
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    done = run("analyze", str(path))
    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n") and said in done.stderr


def test_protobuf_as_it_may_be() -> None:
    """A graph in two pieces, fields in any order, packed and not, in chunks, unknown fields,
    groups: protobuf says that all are one model.
    """
    dims_one_by_one = b"\x08\x02\x08\x03"
    dims_in_chunks = b"\x0a\x01\x02\x0a\x01\x03"
    floats = np.arange(6, dtype="<f4").tobytes()
    for dims in (dims_one_by_one, dims_in_chunks):
        for data in (
            field(4, floats[:8]) + field(4, floats[8:]),
            b"".join(b"\x25" + floats[at : at + 4] for at in range(0, 24, 4)),
            field(9, floats),
        ):
            # a number and a group that no one knows
            unknown = b"\xf8\x06\x07" + b"\xfb\x06" + b"\x08\x01" + b"\xfc\x06"
            tensor = (
                unknown
                + data
                + field(8, b"old")
                + b"\x10\x07"
                + field(8, b"w")
                + dims
                + b"\x10\x01"
            )
            node = field(4, b"MatMul") + field(2, b"y") + field(1, b"x") + field(1, b"w")
            first, second = (
                field(5, tensor) + field(11, field(1, b"x")),
                unknown + field(1, node) + field(12, field(1, b"y")),
            )
            bytes_ = (
                field(8, b"\x10\x15") + field(7, second) + unknown + field(7, first) + b"\x08\x0a"
            )
            proto = onnx.ModelProto.FromString(bytes_)
            (tensor_,) = onnx_params.analyze(bytes_).inventory.model.tensors
            assert (
                ("w", (2, 3))
                == (tensor_.name, tensor_.shape)
                == (proto.graph.initializer[0].name, tuple(proto.graph.initializer[0].dims))
            )
            np.testing.assert_array_equal(
                np.arange(6, dtype=np.float32).reshape(2, 3), tensor_.read()
            )


def peak_memory(code: str) -> int:
    """Bytes that a process of its own takes at most."""
    code += "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    return (
        int(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        * 1024
    )


def test_memory_follows_structure_and_not_size(tmp_path: Path) -> None:
    """Ten thousand names of a thousand characters: less than 64 MiB beyond the file."""
    tensors = [
        TensorProto(name=f"{at}{'x' * 1000}", data_type=1, dims=[1], raw_data=bytes(4))
        for at in range(10_000)
    ]
    path = tmp_path / "names.onnx"
    path.write_bytes(model(b"".join(field(5, tensor.SerializeToString()) for tensor in tensors)))
    peak, bare = (
        peak_memory(f"import onnx_params; onnx_params.analyze({str(path)!r})"),
        peak_memory("import onnx_params.api"),
    )
    assert peak - bare < path.stat().st_size + (64 << 20)


def test_every_element_type_in_every_encoding() -> None:
    """All 28 types, odd counts, raw and typed: the length that the format says is taken, one byte
    less is refused.
    """
    for code, bits in {
        16: 16,
        17: 8,
        20: 8,
        21: 4,
        22: 4,
        23: 4,
        24: 8,
        25: 2,
        26: 2,
        27: 6,
        28: 6,
    }.items():
        length = -(-bits * 7 // 8)
        assert attempt(
            with_tensor(TensorProto(name="w", data_type=code, dims=[7], raw_data=bytes(length)))
        )
        assert not attempt(
            with_tensor(TensorProto(name="w", data_type=code, dims=[7], raw_data=bytes(length - 1)))
        )
        entries = {2: 2, 4: 4}.get(bits, 7)
        assert attempt(
            with_tensor(TensorProto(name="w", data_type=code, dims=[7], int32_data=[1] * entries))
        )
        assert not attempt(
            with_tensor(
                TensorProto(name="w", data_type=code, dims=[7], int32_data=[1] * (entries - 1))
            )
        )


def test_values_of_packed_types() -> None:
    """Six-bit floats and two-bit integers against the packing rules of onnx.proto, by hand."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.array([1, 2, 3, 60, 5], np.uint8)
    bits = sum(int(code) << (6 * at) for at, code in enumerate(codes))
    for number, dtype in ((27, ml_dtypes.float6_e2m3fn), (28, ml_dtypes.float6_e3m2fn)):
        raw = TensorProto(name="w", data_type=number, dims=[5], raw_data=bits.to_bytes(4, "little"))
        for tensor in (
            raw,
            TensorProto(name="w", data_type=number, dims=[5], int32_data=codes.tolist()),
        ):
            (ours,) = onnx_params.analyze(with_tensor(tensor)).inventory.model.tensors
            np.testing.assert_array_equal(
                codes.view(dtype).astype(np.float32), ours.read().astype(np.float32)
            )
    tensor = TensorProto(name="w", data_type=26, dims=[5], raw_data=bytes([0b11100100, 0b01]))
    (ours,) = onnx_params.analyze(with_tensor(tensor)).inventory.model.tensors
    np.testing.assert_array_equal([0, 1, -2, -1, 1], ours.read())


def test_safetensors_as_external_data(tmp_path: Path) -> None:
    """A model that onnx-safetensors saved: values come out of the .safetensors file, and the bytes
    add up.
    """
    import onnx_safetensors

    proto = parsed("mlp")
    true = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    onnx_safetensors.save_model(proto, tmp_path / "m.onnx", external_data="m.safetensors")
    report = onnx_params.analyze(tmp_path / "m.onnx")
    assert 15 == report.parameters
    for tensor in report.inventory.model.tensors:
        np.testing.assert_array_equal(true[tensor.name], tensor.read())
    assert all(
        file.n_bytes == file.tensor_bytes + (file.structure_bytes or 0)
        for file in report.inventory.files
    )


def test_node_with_many_attributes_is_linear() -> None:
    """A tree ensemble of a million numbers in attributes: counted in well under a second."""
    count = 300_000
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_values=[0.5] * count,
        target_weights=[1.0] * count,
    )
    node.attribute.add(name="nodes_featureids", type=7, ints=range(count))
    data = model(field(1, node.SerializeToString()))
    start = time.perf_counter()
    assert 2 * count == onnx_params.analyze(data).parameters
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("tag", [b"\xbd\x00", b"\xbd\x80\x00", b"\xc0\x00"])
def test_tags_longer_than_they_need_be(tag: bytes) -> None:
    """A tag may be written with more bytes than it needs; a run of numbers behind such ones ends
    (it once did not) and reads as onnx reads it.
    """
    numbers = (tag + b"\x00\x00\x80\x3f") * 3 if tag[0] == 0xBD else (tag + b"\x07") * 3
    attribute = field(1, b"coefficients") + numbers
    node = (
        field(1, b"x")
        + field(2, b"y")
        + field(4, b"LinearRegressor")
        + field(5, attribute)
        + field(7, b"ai.onnx.ml")
    )
    data = field(7, field(1, node) + field(11, field(1, b"x")) + field(12, field(1, b"y")))
    theirs = onnx.load_from_string(data).graph.node[0].attribute[0]
    report = onnx_params.analyze(data)
    expected = list(theirs.floats) or list(theirs.ints)
    assert [1.0, 1.0, 1.0] == expected or [7, 7, 7] == expected
    assert [expected] == [tensor.read().tolist() for tensor in report.inventory.model.tensors]


def test_quantized_products_without_a_result() -> None:
    """Operators that make nothing, where a scale would be looked for behind them."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]> g (uint8[1,4] x) => (int32[1,4] y) <uint8[4,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}> {
             y = MatMulInteger(x, w)
             f = Cast<to = 1>(y)
        }"""
    )
    del model.graph.node[1].output[:]
    assert onnx_params.analyze(model).inventory.classified
