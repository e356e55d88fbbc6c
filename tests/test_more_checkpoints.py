"""Checkpoints of TensorFlow, Flax, Equinox, llama.cpp and NumPy: what is read is what was saved, and
what is damaged is one error.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import gguf
import ml_dtypes
import numpy as np
import pytest

import onnx_params
from onnx_params.containers.formats import open_checkpoint
from onnx_params.containers.gguf import BLOCKS

TENSORFLOW = Path(__file__).parent / "models" / "tensorflow"  # written by TensorFlow 2.21


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def read(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: tensor.read() for tensor in open_checkpoint(path).tensors}


def assert_same(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    assert list(expected) == list(found)
    for name, values in expected.items():
        assert values.dtype == found[name].dtype, name
        np.testing.assert_array_equal(values, found[name], err_msg=name)


# -- TensorFlow -----------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "ckpt", "ckpt.index"])
def test_tensorflow(given: str) -> None:
    """By the folder, the name without an ending or the table; the variables' own names, but for
    those of two; what is saved twice once, the counter of steps not at all.
    """
    expected = {
        "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
        "dense/bias": np.arange(4, dtype=np.float32),
        "half": np.arange(3).astype(ml_dtypes.bfloat16),
        "model/same_one": np.ones(2, np.float32),
        "model/same_two": np.zeros(2, np.float32),
    }
    found = read(TENSORFLOW / given)
    found.pop("step", None)
    assert_same(expected, found)


def test_a_saved_model_and_the_last_checkpoint(tmp_path: Path) -> None:
    """A SavedModel has its variables in a folder; a folder of several says which is the last."""
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "steps").mkdir()
    for source in TENSORFLOW.iterdir():
        name = source.name.replace("ckpt", "variables")
        (tmp_path / "model" / "variables" / name).write_bytes(source.read_bytes())
        for step in ("at-1", "at-2"):
            (tmp_path / "steps" / source.name.replace("ckpt", step)).write_bytes(
                source.read_bytes()
            )
    assert "dense/kernel" in read(tmp_path / "model")
    (tmp_path / "steps" / "checkpoint").write_text('model_checkpoint_path: "at-2"\n')
    assert "at-2" in open_checkpoint(tmp_path / "steps").path


@pytest.mark.parametrize("damage", ["cut", "footer", "no values", "no shard", "zeros"])
def test_damaged_tensorflow(damage: str, tmp_path: Path) -> None:
    index = (TENSORFLOW / "ckpt.index").read_bytes()
    data = (TENSORFLOW / "ckpt.data-00000-of-00001").read_bytes()
    made = {
        "cut": (index[: len(index) // 2], data),
        "footer": (index[:-48] + b"\xff" * 40 + index[-8:], data),
        "no values": (index, data[:100]),
        "no shard": (index, None),
        "zeros": (bytes(len(index) - 8) + index[-8:], data),
    }[damage]
    (tmp_path / "m.index").write_bytes(made[0])
    if made[1] is not None:
        (tmp_path / "m.data-00000-of-00001").write_bytes(made[1])
    with pytest.raises(onnx_params.OnnxParamsError, match=r"m\."):
        read(tmp_path / "m.index")


# -- Flax -----------------------------------------------------------------------------------------


def packed(value: Any) -> bytes:
    """MessagePack as flax.serialization writes it."""
    if isinstance(value, dict):
        items = b"".join(packed(part) for pair in value.items() for part in pair)
        return struct.pack(">BH", 0xDE, len(value)) + items
    if isinstance(value, tuple):
        return bytes([0x90 | len(value)]) + b"".join(map(packed, value))
    if isinstance(value, str):
        return struct.pack(">BB", 0xD9, len(value)) + value.encode()
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, bool) or value is None:
        return bytes([{None: 0xC0, False: 0xC2, True: 0xC3}[value]])
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value) if value > 127 else bytes([value])
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    inner = packed((tuple(value.shape), value.dtype.name, value.tobytes()))
    return struct.pack(">BIB", 0xC9, len(inner), 1) + inner


def test_flax(tmp_path: Path) -> None:
    """Parameters and statistics under the names without that word, the optimizer's not; arrays in
    chunks are one.
    """
    kernel, mean, long = draw(0, 3, 4), draw(1, 4), draw(2, 10, 2)
    half = draw(3, 5).astype(ml_dtypes.bfloat16)
    chunks = {
        "__msgpack_chunked_array__": True,
        "shape": {"0": 10, "1": 2},
        "chunks": {"0": long.reshape(-1)[:12], "1": long.reshape(-1)[12:]},
    }
    state = {
        "params": {"dense": {"kernel": kernel, "half": half}, "long": chunks},
        "batch_stats": {"norm": {"mean": mean}},
        "opt_state": {"0": {"mu": kernel, "count": 300, "rate": 0.5, "note": None}},
    }
    path = tmp_path / "state.msgpack"
    path.write_bytes(packed(state))
    expected = {"dense/kernel": kernel, "dense/half": half, "long": long, "norm/mean": mean}
    assert_same(expected, read(path))
    named = tmp_path / "state"  # by its first bytes
    named.write_bytes(path.read_bytes())
    assert_same(expected, read(named))


@pytest.mark.parametrize("length", [9, 40, 120])
def test_damaged_flax(length: int, tmp_path: Path) -> None:
    path = tmp_path / "state.msgpack"
    whole = packed({"params": {"kernel": draw(0, 3, 4), "bias": draw(1, 4)}})
    path.write_bytes(whole[:length])
    with pytest.raises(onnx_params.FormatError, match=r"state\.msgpack"):
        read(path)
    path.write_bytes(whole.replace(b"float32", b"float99"))
    with pytest.raises(onnx_params.UnsupportedError, match="float99"):
        read(path)


def test_dictionaries_without_end(tmp_path: Path) -> None:
    path = tmp_path / "deep.msgpack"
    path.write_bytes(b"\x81\xa1a" * 100_000)
    with pytest.raises(onnx_params.FormatError, match="too deep"):
        read(path)


# -- arrays of NumPy ------------------------------------------------------------------------------


@pytest.mark.parametrize("has_line", [False, True])
def test_equinox(has_line: bool, tmp_path: Path) -> None:
    """Leaves one after the other, in either order of axes, after a line of hyperparameters or
    none.
    """
    leaves = [draw(0, 3, 4), np.asfortranarray(draw(1, 4, 2)), np.arange(3), np.float32(2.5)]
    path = tmp_path / "m.eqx"
    with path.open("wb") as file:
        if has_line:
            file.write((json.dumps({"width": 4}) + "\n").encode())
        for leaf in leaves:
            np.save(file, leaf)
    expected = {f"leaf.{at}": np.asarray(leaf) for at, leaf in enumerate(leaves)}
    assert_same(expected, read(path))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(onnx_params.FormatError, match="ends after the file"):
        read(path)


def test_one_array_and_a_dictionary_of_them(tmp_path: Path) -> None:
    """An array has the name of its file; a dictionary that NumPy pickled is read, and runs
    nothing.
    """
    weights = {"fc.weight": draw(0, 3, 4), "fc.bias": draw(1, 3)}
    np.save(tmp_path / "kernel.npy", weights["fc.weight"])
    assert_same({"kernel": weights["fc.weight"]}, read(tmp_path / "kernel.npy"))
    np.save(tmp_path / "all.npy", np.array(weights, dtype=object))
    assert_same(weights, read(tmp_path / "all.npy"))


# -- GGUF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BLOCKS, ids=lambda kind: BLOCKS[kind].name)
def test_blocks_are_ggufs(kind: int) -> None:
    """Codes that were drawn, decoded as the format's own package does."""
    blocks = BLOCKS[kind]
    drawn = np.random.default_rng(kind).integers(0, 256, (7, blocks.n_bytes), dtype=np.uint8)
    with np.errstate(all="ignore"):
        wanted = gguf.dequantize(drawn, gguf.GGMLQuantizationType(kind))
        found = blocks.decode(drawn).astype(np.float32)
    np.testing.assert_array_equal(wanted.reshape(found.shape), found)


def written(path: Path, tensors: dict[str, np.ndarray], kinds: dict[str, Any]) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b", "c"])
    for name, values in tensors.items():
        kind = kinds.get(name)
        shown = values if kind is None else gguf.quantize(values, kind)
        writer.add_tensor(name, shown, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_gguf(tmp_path: Path) -> None:
    """Names and shapes with the outermost axis first; numbers as they are, codes as numbers."""
    tensors = {
        "token_embd.weight": draw(0, 10, 64),
        "blk.0.attn_q.weight": draw(1, 64, 64).astype(np.float16),
        "blk.0.ffn_up.weight": draw(2, 96, 64),
        "output_norm.weight": draw(3, 64),
    }
    kinds = {"blk.0.ffn_up.weight": gguf.GGMLQuantizationType.Q8_0}
    path = tmp_path / "m.gguf"
    written(path, tensors, kinds)
    codes = gguf.quantize(tensors["blk.0.ffn_up.weight"], kinds["blk.0.ffn_up.weight"])
    expected = {
        **tensors,
        "blk.0.ffn_up.weight": gguf.dequantize(codes, kinds["blk.0.ffn_up.weight"]),
    }
    assert_same(expected, read(path))
    whole = path.read_bytes()
    for length in (10, 60, 200, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(onnx_params.FormatError, match=r"m\.gguf"):
            read(path)


def listed(path: Path, kind: int, metadata: bytes = b"", n_pairs: int = 0) -> Path:
    """A file whose one tensor is of a type, without values."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, n_pairs) + metadata
    path.write_bytes(head + struct.pack("<Q1sIQIQ", 1, b"w", 1, 256, kind, 0) + bytes(2048))
    return path


@pytest.mark.parametrize(("kind", "what"), [(9, "Q8_1"), (41, "Q1_0"), (99, "type 99")])
def test_other_types_of_gguf_are_named(kind: int, what: str, tmp_path: Path) -> None:
    with pytest.raises(onnx_params.UnsupportedError, match=rf"m\.gguf: tensor 'w' .*{what}"):
        read(listed(tmp_path / "m.gguf", kind))


def test_lists_in_lists_without_end(tmp_path: Path) -> None:
    deep = struct.pack("<Q1sI", 1, b"k", 9) + struct.pack("<IQ", 9, 1) * 10_000
    with pytest.raises(onnx_params.FormatError, match="lists in more than 8 lists"):
        read(listed(tmp_path / "m.gguf", 0, deep, n_pairs=1))


# -- folders --------------------------------------------------------------------------------------


def test_folders_of_steps_and_of_ranks(tmp_path: Path) -> None:
    """The folder of one step is read; what each process of ZeRO had is to be joined."""
    (tmp_path / "run" / "iter_0000010").mkdir(parents=True)
    np.savez(tmp_path / "run" / "iter_0000010" / "model.npz", kernel=draw(0, 3, 4))
    assert ["kernel"] == list(read(tmp_path / "run"))
    (tmp_path / "run" / "latest_checkpointed_iteration.txt").write_text("10")
    assert ["kernel"] == list(read(tmp_path / "run"))
    (tmp_path / "ranks").mkdir()
    (tmp_path / "ranks" / "zero_pp_rank_0_mp_rank_00_model_states.pt").write_bytes(b"")
    with pytest.raises(onnx_params.UnsupportedError, match=r"zero_to_fp32\.py"):
        read(tmp_path / "ranks")
