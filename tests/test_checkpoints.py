"""Reading checkpoints without their framework: torch and NumPy themselves are the oracle, and
strangers' files are refused.
"""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from support.artifacts import artifact, case
from support.process import run

import onnx_params
from onnx_params.containers.formats import open_checkpoint
from onnx_params.containers.quantized_checkpoint import dequantized
from onnx_params.errors import FormatError, OnnxParamsError

GENERATOR = torch.Generator().manual_seed(0)
TYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


def state() -> dict[str, torch.Tensor]:
    """Every type, a scalar, an empty tensor, a transposed and a sliced view, a tie."""
    made = {
        f"t.{str(kind).removeprefix('torch.')}": torch.randn(3, 5, generator=GENERATOR).to(kind)
        for kind in TYPES
    }
    whole = torch.randn(6, 4, generator=GENERATOR)
    return {
        **made,
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "whole": whole,
        "turned": whole.T,
        "cut": whole[2:4, 1:],
        "tied": whole,
    }


def bits(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values).tobytes()


def true_bits(tensor: torch.Tensor) -> bytes:
    return (
        tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        if tensor.numel()
        else b""
    )


def test_torch_zip_is_what_torch_loads(tmp_path: Path) -> None:
    """Names, order, shapes, bits and ties of a torch zip, views and strides included."""
    path = tmp_path / "model.bin"
    torch.save(state(), path)
    loaded = torch.load(path)
    checkpoint = open_checkpoint(path)
    assert list(loaded) == [tensor.name for tensor in checkpoint.tensors] and checkpoint.ordered
    for tensor in checkpoint.tensors:
        assert (tuple(loaded[tensor.name].shape), true_bits(loaded[tensor.name])) == (
            tensor.shape,
            bits(tensor.read()),
        ), tensor.name
    assert (("tied", "whole"),) == checkpoint.aliases


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_state_dict_inside(tmp_path: Path, key: str) -> None:
    """What trainers save beside an optimizer's state is found."""
    path = tmp_path / "model.pt"
    torch.save({"epoch": 3, key: {"a": torch.ones(2)}, "args": {"lr": 0.1}}, path)
    assert ["a"] == [tensor.name for tensor in open_checkpoint(path).tensors]


def test_safetensors_is_what_was_saved(tmp_path: Path) -> None:
    """Bits and shapes of safetensors, bfloat16 too."""
    path = tmp_path / "model.safetensors"
    made = {name: tensor.clone().contiguous() for name, tensor in state().items()}
    save_file(made, path)
    assert {name: (tuple(t.shape), true_bits(t)) for name, t in made.items()} == {
        t.name: (t.shape, bits(t.read())) for t in open_checkpoint(path).tensors
    }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_is_what_numpy_loads(tmp_path: Path, save: object) -> None:
    """Bits and shapes of npz: stored and compressed, C and Fortran order."""
    path = tmp_path / "model.npz"
    rng = np.random.default_rng(0)
    made = {
        "a/kernel": rng.normal(size=(3, 4)),
        "b": np.asfortranarray(rng.normal(size=(5, 2)).astype(np.float32)),
        "c": np.arange(3),
        "d": np.float16(1.5),
    }
    assert callable(save)
    save(path, **made)
    assert {n: (np.shape(v), bits(np.asarray(v))) for n, v in made.items()} == {
        t.name: (t.shape, bits(t.read())) for t in open_checkpoint(path).tensors
    }


def test_shards_and_folders(tmp_path: Path) -> None:
    """An index, a folder with one, a folder of files: the same tensors."""
    save_file({"a": torch.ones(2)}, tmp_path / "model-1.safetensors")
    save_file({"b": torch.zeros(3)}, tmp_path / "model-2.safetensors")
    assert ["a", "b"] == [tensor.name for tensor in open_checkpoint(tmp_path).tensors]
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    )
    for path in (index, tmp_path):
        assert ["a", "b"] == [tensor.name for tensor in open_checkpoint(path).tensors]
    index.write_text(
        json.dumps({"weight_map": {"a": "model-1.safetensors", "c": "model-2.safetensors"}})
    )
    with pytest.raises(onnx_params.FormatError, match="'c'"):
        open_checkpoint(index)
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(onnx_params.FormatError, match="outside"):
        open_checkpoint(index)


class _Evil:
    def __init__(self, word: str) -> None:
        self.word = word

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"echo {self.word} > {self.word}",)


def pickled(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", data)


def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pickle names is not called: no file appears, and the answer is an error of ours."""
    monkeypatch.chdir(tmp_path)
    pickled(tmp_path / "evil.bin", pickle.dumps({"a": _Evil("owned")}))
    with pytest.raises(onnx_params.OnnxParamsError):
        open_checkpoint(tmp_path / "evil.bin")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"garbage",
        b"\x80\x04r\xff\xff\xff\x7f.",
        b"(" * 5000,
        pickle.dumps([1, 2]),
        pickle.dumps({"a": 1}),
    ],
)
def test_broken_pickles(tmp_path: Path, data: bytes) -> None:
    """Cut, damaged and hostile pickles, and those without tensors, are refused."""
    pickled(tmp_path / "x.bin", data)
    with pytest.raises(onnx_params.OnnxParamsError):
        open_checkpoint(tmp_path / "x.bin")


_TUPLES = b"))" + b"2\x86" * 60  # a tuple of tuples that is two to the sixtieth nothings


@pytest.mark.parametrize(
    "data",
    [
        b"}" + _TUPLES + b"K\x01s.",
        b"}(" + _TUPLES + b"K\x01u.",
        b"(" + _TUPLES + b"K\x01d.",
        b"\x8f(" + _TUPLES + b"\x90.",
        b"(" + _TUPLES + b"\x91.",
        b"c__builtin__\nset\n(" + _TUPLES + b"l\x85R.",
        b"ccollections\nOrderedDict\n(" + _TUPLES + b"K\x01\x86l\x85R.",
        b"(X\x07\x00\x00\x00storageX\x01\x00\x00\x00a" + _TUPLES + b"tQ.",
    ],
    ids=["item", "items", "dict", "add", "frozen", "set", "ordered", "key"],
)
def test_keys_whose_hash_has_no_end(tmp_path: Path, data: bytes) -> None:
    """Tuples in tuples cannot be the key of anything, nor an element of a set, nor a storage's."""
    pickled(tmp_path / "x.bin", b"\x80\x02" + data)
    with pytest.raises(OnnxParamsError):
        open_checkpoint(tmp_path / "x.bin")


@pytest.mark.parametrize("ending", ["bin", "safetensors", "npz"])
def test_truncated_files(tmp_path: Path, ending: str) -> None:
    """A checkpoint cut at any of many places is refused, or reads as what is there; nothing else is
    raised.
    """
    path = tmp_path / f"model.{ending}"
    if ending == "bin":
        torch.save({"a": torch.ones(4, 4)}, path)
    elif ending == "npz":
        np.savez(path, a=np.ones((4, 4)))
    else:
        save_file({"a": torch.ones(4, 4)}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, max(1, len(whole) // 97)):
        path.write_bytes(whole[:length])
        with pytest.raises(onnx_params.OnnxParamsError):
            open_checkpoint(path)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 400]}},
        {"a": {"dtype": "F32", "shape": [10**15], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"a": [1]},
        [],
    ],
)
def test_hostile_headers(tmp_path: Path, header: object) -> None:
    """Offsets past the end, shapes that do not fit, unknown types: one line of ours."""
    path = tmp_path / "x.safetensors"
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(onnx_params.OnnxParamsError):
        open_checkpoint(path)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    """A missing file, a folder without one, and other files say what would do."""
    with pytest.raises(onnx_params.UnreadableError, match="no such file"):
        open_checkpoint(tmp_path / "none.bin")
    with pytest.raises(onnx_params.FormatError, match="no checkpoint is in this folder"):
        open_checkpoint(tmp_path)
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(onnx_params.FormatError, match="safetensors"):
        open_checkpoint(tmp_path / "x.png")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "text")
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    with pytest.raises(onnx_params.UnsupportedError, match="neither torch nor NumPy"):
        open_checkpoint(tmp_path / "x.zip")


@pytest.mark.parametrize("is_module", [True, False])
def test_pickled_without_torch(tmp_path: Path, is_module: bool) -> None:
    """A state dict and a module that Python's own pickle wrote: the storages are in the pickle."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    path = tmp_path / "model.dat"
    path.write_bytes(pickle.dumps(model if is_module else model.state_dict()))
    found = {tensor.name: tensor for tensor in open_checkpoint(path).tensors}
    state = model.state_dict()
    assert set(state) == set(found)
    assert all(true_bits(state[name]) == bits(found[name].read()) for name in state)


@pytest.mark.parametrize("depth", [1, 3, 40])
def test_a_pickle_in_a_pickle(tmp_path: Path, depth: int) -> None:
    """Storages in storages are no tensors, however deep; nothing else is raised."""
    data = pickle.dumps({"a": torch.ones(2)})
    for _ in range(depth):
        legacy = [pickle.dumps(at) for at in range(3)]
        data = pickle.dumps({"a": _Held(b"".join([*legacy, data, pickle.dumps([])]))})
    (tmp_path / "x.pkl").write_bytes(data)
    with pytest.raises(onnx_params.OnnxParamsError):
        open_checkpoint(tmp_path / "x.pkl")


class _Held:
    """Pickles as a call of torch's function for storages."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> object:
        return torch.storage._load_from_bytes, (self.data,)


def test_lists_and_averages(tmp_path: Path) -> None:
    """What a script saved in a list; an average by name, in the place of what it was taken from."""
    torch.save([{"a": torch.ones(2)}, {"state": {0: torch.ones(3)}}, 7], tmp_path / "list.pt")
    assert ["a"] == [tensor.name for tensor in open_checkpoint(tmp_path / "list.pt").tensors]
    weights = {f"module.bn.{word}": torch.rand(4) for word in ("weight", "bias", "running_var")}
    shadow = {f"bn.{word}": torch.rand(4) for word in ("weight", "bias")}
    held = {"state_dict": weights, "ema": {"decay": 0.9, "shadow": shadow}}
    torch.save(held, tmp_path / "average.pt")
    sets = open_checkpoint(tmp_path / "average.pt").others
    (both,) = (each for each in sets if each.part == "state_dict with ema.shadow")
    found = {tensor.name: tensor.read() for tensor in both.tensors}
    assert np.array_equal(shadow["bn.bias"].numpy(), found["module.bn.bias"])
    assert np.array_equal(weights["module.bn.running_var"], found["module.bn.running_var"])


def test_types_that_numpy_has_not(tmp_path: Path) -> None:
    """bfloat16 as ml_dtypes leaves it in an archive, and as Paddle pickles its bits; a pickle of an
    old protocol, which has its bytes as text.
    """
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    save: Any = np.savez
    save(tmp_path / "a.npz", **{"embed/weight": values.astype(ml_dtypes.bfloat16)})
    bits = values.astype(ml_dtypes.bfloat16).view(np.uint16)
    (tmp_path / "b.pdparams").write_bytes(pickle.dumps({"fc.weight": bits}, protocol=2))
    for path in (tmp_path / "a.npz", tmp_path / "b.pdparams"):
        (tensor,) = open_checkpoint(path).tensors
        assert "bfloat16" == tensor.dtype.name
        assert np.array_equal(values, tensor.read().astype(np.float32))


def test_a_folder_of_parts(tmp_path: Path) -> None:
    """The folder of a pipeline has no weights itself; the error says in which parts they are."""
    (tmp_path / "unet").mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "unet" / "model.safetensors")
    with pytest.raises(onnx_params.FormatError, match="did you mean unet in it?"):
        open_checkpoint(tmp_path)


def test_buffers_that_are_not_saved(tmp_path: Path) -> None:
    """A whole module has buffers that its state dict has not."""
    module = torch.nn.Linear(2, 2)
    module.register_buffer("passing", torch.ones(2), persistent=False)
    module.register_buffer("kept", torch.ones(2))
    torch.save(module, tmp_path / "m.pt")
    names = {tensor.name for tensor in open_checkpoint(tmp_path / "m.pt").tensors}
    assert set(module.state_dict()) == names


def test_tensors_of_a_librarys_own_class(tmp_path: Path) -> None:
    """What torchao pickles is the numbers that its codes stand for."""
    codes = torch.randint(-128, 128, (8, 16), dtype=torch.int8)
    scale = torch.rand(8, 1)
    made = _Codes(codes, scale)
    torch.save({"fc.weight": made, "fc.bias": torch.ones(8)}, tmp_path / "c.pt")
    checkpoint = dequantized(open_checkpoint(tmp_path / "c.pt"))
    found = {tensor.name: tensor.read() for tensor in checkpoint.tensors}
    assert {"fc.weight", "fc.bias"} == set(found)
    assert np.array_equal((codes.float() * scale).numpy(), found["fc.weight"])


class _Codes(torch.Tensor):
    """A tensor of two others, as torchao's ``Int8Tensor`` is."""

    @staticmethod
    def __new__(cls, qdata: torch.Tensor, scale: torch.Tensor) -> _Codes:
        made: _Codes = torch.Tensor._make_wrapper_subclass(cls, qdata.shape, dtype=scale.dtype)
        return made

    def __init__(self, qdata: torch.Tensor, scale: torch.Tensor) -> None:
        self.qdata, self.scale = qdata, scale

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["qdata", "scale"], None

    @classmethod
    def __torch_dispatch__(
        cls, operator: object, types: object, arguments: tuple[Any, ...], options: object = None
    ) -> _Codes:
        return _Codes(arguments[0].qdata, arguments[0].scale)  # detach


def keras_files(folder: Path) -> tuple[Path, Path]:
    """A legacy ``.h5`` and a ``.keras`` with a dense layer and a norm, as Keras lays them out."""
    import io
    import zipfile

    import h5py

    rng = np.random.default_rng(0)
    kernel, bias = (
        rng.standard_normal((3, 4)).astype(np.float32),
        rng.standard_normal(4).astype(np.float32),
    )
    values = {"d/kernel": kernel, "d/bias": bias, "n/gamma": np.ones(4, np.float32)}
    with h5py.File(folder / "m.h5", "w") as file:
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["d", "n"]
        for layer, names in (("d", ["d/kernel", "d/bias"]), ("n", ["n/gamma"])):
            group.create_group(layer).attrs["weight_names"] = names
            for name in names:
                group[layer].create_dataset(name, data=values[name])
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        for place, name in (
            ("layers/dense/vars/0", "d/kernel"),
            ("layers/dense/vars/1", "d/bias"),
            ("layers/layer_normalization/vars/0", "n/gamma"),
        ):
            file.create_dataset(place, data=values[name])
    layers = [
        {"class_name": "Dense", "config": {"name": "d"}},
        {"class_name": "LayerNormalization", "config": {"name": "n"}},
    ]
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.writestr("model.weights.h5", held.getvalue())
    return folder / "m.h5", folder / "m.keras"


def test_keras(tmp_path: Path) -> None:
    """Names, shapes and values of both of Keras' formats."""
    for path in keras_files(tmp_path):
        tensors = {tensor.name: tensor for tensor in open_checkpoint(path).tensors}
        assert {"d/kernel": (3, 4), "d/bias": (4,), "n/gamma": (4,)} == {
            name: tensor.shape for name, tensor in tensors.items()
        }
        assert np.array_equal(
            np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
            tensors["d/kernel"].read(),
        )


def test_damaged_keras_files(tmp_path: Path) -> None:
    """Cut short, or with bytes overwritten: one of our errors, or what is still whole."""
    rng = np.random.default_rng(1)
    for path in keras_files(tmp_path):
        whole = path.read_bytes()
        for at in rng.integers(8, len(whole), 24):
            for data in (
                whole[:at],
                whole[:at] + bytes(rng.integers(0, 256, 8, dtype=np.uint8)) + whole[at + 8 :],
            ):
                damaged = path.with_name(f"x{path.suffix}")
                damaged.write_bytes(data)
                try:
                    for tensor in open_checkpoint(damaged).tensors:
                        tensor.read()
                except OnnxParamsError:
                    pass


def legacy(path: Path) -> bytes:
    """A file of Keras' legacy format with one kernel."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group.create_dataset("dense/kernel:0", data=np.arange(12, dtype=np.float32).reshape(4, 3))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("place", "byte"),
    [(2072, 98), (857, 18)],
    ids=["keeps the library busy without end", "crashes it"],
)
def test_hdf5_library(
    place: int, byte: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file that HDF5 2.0 does not come back from is refused, and this process goes on."""
    from onnx_params.containers import hdf5

    monkeypatch.setattr(hdf5, "SECONDS", 2)
    path = tmp_path / "w.h5"
    whole = legacy(path)
    path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    with pytest.raises(OnnxParamsError, match=r"w\.h5: its HDF5 cannot be read"):
        open_checkpoint(path)


def test_hdf5_forms(tmp_path: Path) -> None:
    """Compressed, big-endian and plain datasets; names in parts as Keras writes long lists."""
    import h5py

    wanted = {f"dense_{at}/kernel": np.random.rand(4, 3).astype(np.float32) for at in range(4)}
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names0"] = np.array([b"dense_0", b"dense_1"])
        file.attrs["layer_names1"] = [b"dense_2", b"dense_3"]
        for at, (name, value) in enumerate(wanted.items()):
            group = file.create_group(f"dense_{at}")
            group.attrs["weight_names"] = [f"{name}:0".encode()]
            group.create_dataset(
                f"{name}:0",
                data=value.astype(">f4") if at == 1 else value,
                compression="gzip" if at in (1, 2) else None,
            )
    read = {tensor.name: tensor.read() for tensor in open_checkpoint(tmp_path / "w.h5").tensors}
    assert list(read) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_array_equal(value, read[name])


# -- a checkpoint as the artifact -----------------------------------------------------------------


def every_form(folder: Path) -> dict[str, Path]:
    """One model's weights in every format that torch and NumPy write."""
    arrays = load_file(case("bert").checkpoint)
    paths = {
        "safetensors": folder / "w.safetensors",
        "torch": folder / "w.pt",
        "npz": folder / "w.npz",
    }
    save_arrays(arrays, paths["safetensors"])
    torch.save(case("bert").model.state_dict(), paths["torch"])
    np.savez(paths["npz"], **arrays)
    shards = folder / "shards"
    shards.mkdir()
    names = sorted(arrays)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, listed in halves.items():
        save_arrays({name: arrays[name] for name in listed}, shards / file)
    weight_map = {name: file for file, listed in halves.items() for name in listed}
    paths["index"] = shards / "model.safetensors.index.json"
    paths["index"].write_text(json.dumps({"weight_map": weight_map}))
    paths["folder"] = shards
    return paths


def test_analyze_a_checkpoint(tmp_path: Path) -> None:
    """The same report comes out of a checkpoint: rows, totals, forms, statistics, in every format;
    its names are certain.
    """
    true = {name: tuple(p.shape) for name, p in case("bert").model.named_parameters()}
    for form, path in every_form(tmp_path).items():
        report = onnx_params.analyze(path, stats=True)
        assert true == {row.name: row.shape for row in report.rows}, form
        assert all(row.certain for row in report.rows), form
        assert set(true) == set(report.stats), form
        assert sum(map(math.prod, true.values())) == report.parameters, form
        assert len(report.inventory.parameter_tensors) + len(report.inventory.others) == len(
            report.inventory.classified
        )
        for file in report.inventory.files:
            assert file.n_bytes is not None and 0 <= file.tensor_bytes <= file.n_bytes, form
        assert report.to_markdown() and json.loads(report.to_json())["totals"]["parameters"]


def test_ties_of_a_checkpoint_are_aliases(tmp_path: Path) -> None:
    """Two names of one storage are one parameter."""
    table = torch.randn(8, 4)
    torch.save({"embed.weight": table, "head.weight": table}, tmp_path / "w.pt")
    (row,) = onnx_params.analyze(tmp_path / "w.pt").rows
    assert ("embed.weight", ("head.weight",), 32) == (row.name, row.aliases, row.count)


def test_compare_a_checkpoint_with_its_artifact() -> None:
    """``compare checkpoint model.onnx`` explains every row, either way round."""
    checkpoint, exported = case("bert").checkpoint, artifact("bert", "dynamo+fp16")
    for one, two in ((checkpoint, exported), (exported, checkpoint)):
        made = onnx_params.compare(one, two)
        assert made.differences <= {"layout", "dtype"}
        assert len(case("bert").shapes) == len(made.pairs)


def test_what_a_checkpoint_cannot_do(tmp_path: Path) -> None:
    """Its names are the original ones: restore says so in one line."""
    done = run("restore", str(case("bert").checkpoint), "-o", str(tmp_path / "x.onnx"))
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert "is a checkpoint" in done.stderr


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_is_a_damaged_zip(tmp_path: Path, compression: int) -> None:
    """Whatever a decompressor raises is said as one of ours."""
    values = io.BytesIO()
    np.save(values, np.random.default_rng(0).random(100))
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a.npy", values.getvalue())
    data = bytearray(path.read_bytes())
    data[50:90] = bytes(byte ^ 0xFF for byte in data[50:90])
    path.write_bytes(data)
    with pytest.raises(FormatError, match="is a damaged zip"):
        open_checkpoint(path)
