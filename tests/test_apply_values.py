"""New values that are not stored as they are: quantized by the scheme that is there, computed by
the formula that was used, with adapters added.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from safetensors.numpy import save_file
from support.applying import Files, assert_same, run, stored
from support.graphs import Arrays, Chain, checkpoint

import onnx_params
from onnx_params.applying.record import Way
from onnx_params.applying.schemes import scheme_of
from onnx_params.errors import UnsupportedError, UsageError
from onnx_params.tensors.dtypes import BY_NAME

X = {"x": np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)}


def quantized(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes in int8 and scales, symmetric, as onnxruntime's quantizer has them."""
    others = tuple(at for at in range(values.ndim) if at != axis)
    size = np.abs(values).max(axis=None if axis is None else others, keepdims=axis is not None)
    scale = (size / 127).astype(np.float32)
    codes = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    return codes, scale.reshape(-1) if axis is not None else scale.reshape(())


def qdq(axis: int | None) -> Callable[[Path, Arrays], Path]:
    """A layer behind DequantizeLinear, its bias in int32 with the product of both scales."""

    def build(path: Path, values: Arrays) -> Path:
        chain = Chain()
        codes, scale = quantized(values["fc.weight"], axis)
        one = chain.keep("x_scale", np.array(0.01, np.float32))
        zero = chain.keep("x_zero", np.array(0, np.int8))
        chain.node("QuantizeLinear", "x", one, zero)
        x = chain.node("DequantizeLinear", chain.last, one, zero)
        options = {} if axis is None else {"axis": axis}
        names = [chain.keep("fc.weight", codes), chain.keep("fc.weight_scale", scale)]
        weight = chain.node("DequantizeLinear", *names, **options)
        product = (scale * np.float32(0.01)).astype(np.float32)
        bias = np.rint(values["fc.bias"] / product).astype(np.int32)
        names = [chain.keep("fc.bias", bias), chain.keep("fc.bias_scale", product)]
        dequantized = chain.node(
            "DequantizeLinear", *names, **({} if axis is None else {"axis": 0})
        )
        chain.node("Gemm", x, weight, dequantized, transB=1)
        return chain.save(path)

    return build


def packed(bits: int, has_zeros: bool) -> Callable[[Path, Arrays], Path]:
    """MatMulNBits in blocks of 16, an odd number of them, zero points packed."""

    def build(path: Path, values: Arrays) -> Path:
        weight = values["fc.weight"]
        rows, columns = weight.shape
        blocks = -(-columns // 16)
        wide = np.zeros((rows, blocks * 16), np.float32)
        wide[:, :columns] = weight
        each = wide.reshape(rows, blocks, 16)
        top = (1 << bits) - 1
        if has_zeros:
            low, high = np.minimum(each.min(2), 0), np.maximum(each.max(2), 0)
            scale = ((high - low) / top).astype(np.float32)
            zero = np.clip(np.rint(-low / scale), 0, top)
        else:
            extreme = np.take_along_axis(each, np.abs(each).argmax(2)[..., None], 2)[..., 0]
            scale = (-extreme / (1 << bits - 1)).astype(np.float32)
            zero = np.full(scale.shape, 1 << bits - 1)
        codes = np.clip(np.rint(each / scale[..., None] + zero[..., None]), 0, top)
        chain = Chain()
        names = ["x", chain.keep("fc.weight_Q", _packed(codes, bits))]
        names.append(chain.keep("fc.weight_scales", scale))
        if has_zeros:
            short = -blocks % (8 // bits)
            names.append(chain.keep("fc.zeros", _packed(np.pad(zero, ((0, 0), (0, short))), bits)))
        options = {"K": columns, "N": rows, "bits": bits, "block_size": 16}
        chain.node("MatMulNBits", *names, domain="com.microsoft", **options)
        return chain.save(path)

    return build


def _packed(codes: np.ndarray, bits: int) -> np.ndarray:
    lanes = codes.astype(np.uint8).reshape(*codes.shape[:-1], -1, 8 // bits)
    return np.bitwise_or.reduce(lanes << np.arange(0, 8, bits, dtype=np.uint8), axis=-1)


def table(path: Path, values: Arrays) -> Path:
    """A table of 4 bits in blocks, as GatherBlockQuantized has it."""
    rows = values["embed.weight"]
    each = rows.reshape(rows.shape[0], -1, 16)
    scale = (np.abs(each).max(2) / 7).astype(np.float32)
    codes = np.clip(np.rint(each / scale[..., None]) + 8, 0, 15).reshape(rows.shape)
    chain = Chain()
    chain.node("Cast", "x", to=TensorProto.INT64)
    names = [chain.keep("embed.weight_Q4", _packed(codes, 4)), chain.last]
    names.append(chain.keep("embed.scales", scale))
    options = {"gather_axis": 0, "quantize_axis": 1, "block_size": 16, "bits": 4}
    chain.node("GatherBlockQuantized", *names, domain="com.microsoft", **options)
    return chain.save(path)


SCHEMES: list[tuple[Callable[[Path, Arrays], Path], dict[str, tuple[int, ...]], float]] = [
    (qdq(None), {"fc__weight": (8, 64), "fc__bias": (8,)}, 35),
    (qdq(0), {"fc__weight": (8, 64), "fc__bias": (8,)}, 35),
    (packed(2, False), {"fc__weight": (8, 64)}, 3),
    (packed(4, False), {"fc__weight": (8, 64)}, 15),
    (packed(8, False), {"fc__weight": (8, 64)}, 35),
    (packed(4, True), {"fc__weight": (8, 48)}, 15),
    (packed(8, True), {"fc__weight": (8, 48)}, 35),
    (table, {"embed__weight": (12, 64)}, 15),
]


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("at", range(len(SCHEMES)))
def test_quantized_as_the_quantizer_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, is_large: bool
) -> None:
    """Codes, scales and zero points are those of a fresh quantization, bit for bit, also where a
    tensor is taken some rows at a time; the signal to noise is told.
    """
    if is_large:
        monkeypatch.setattr("onnx_params.applying.bands.LEAST", 1)
        monkeypatch.setattr("onnx_params.applying.bands.ELEMENTS", 200)
    build, shapes, decibels = SCHEMES[at]
    files = Files(tmp_path, build, **shapes)
    done = files.apply()
    assert_same(stored(files.fresh()), stored(files.out))
    assert {Way.QUANTIZED} == {row.way for row in done.rows}
    assert all(row.sqnr is not None and row.sqnr > decibels for row in done.rows)


def test_activation_scales_are_spoken_of_once(tmp_path: Path) -> None:
    files = Files(tmp_path, qdq(None), fc__weight=(8, 64), fc__bias=(8,))
    assert 1 == sum("activations" in note for note in files.apply().notes)


def test_scales_can_be_kept(tmp_path: Path) -> None:
    """Codes alone change; what the old scales cannot hold is told as noise."""
    files = Files(tmp_path, packed(4, False), fc__weight=(8, 64))
    files.new = {name: values * 2 for name, values in files.new.items()}
    files.weights = checkpoint(files.weights, **files.new)
    anew = files.apply().rows[0].sqnr
    kept = files.apply(keep_scales=True, proof=False).rows[0].sqnr
    assert np.array_equal(
        stored(files.model)["fc.weight_scales"], stored(files.out)["fc.weight_scales"]
    )
    assert anew is not None and kept is not None and kept < anew


def test_a_bias_follows_the_scale_of_its_weight(tmp_path: Path) -> None:
    """It has new codes for its old values where the weight alone is written."""
    files = Files(tmp_path, qdq(None), fc__weight=(8, 64), fc__bias=(8,))
    files.new["fc.weight"] *= 4
    files.weights = checkpoint(files.weights, **files.new)
    files.apply(only=["fc.weight"])
    got = stored(files.out)
    assert np.allclose(files.old["fc.bias"], got["fc.bias"] * got["fc.bias_scale"], atol=1e-3)
    assert got["fc.bias_scale"] == got["fc.weight_scale"] * np.float32(0.01)


def test_a_scale_that_others_share_is_refused(tmp_path: Path) -> None:
    """A constant that an optimizer merged: the scale of an activation, too."""

    def build(path: Path, values: Arrays) -> Path:
        model = onnx.load(qdq(None)(path, values))
        for node in model.graph.node[:2]:
            node.input[1] = "fc.weight_scale"
        onnx.save(model, path)
        return path

    files = Files(tmp_path, build, fc__weight=(8, 64), fc__bias=(8,))
    with pytest.raises(UnsupportedError, match="scale or zero point of others as well"):
        files.apply()


# computed


def folded_norm(path: Path, values: Arrays) -> Path:
    """A convolution into which a batch norm was folded, in float32 as onnxruntime does it."""
    factor = values["bn.weight"] / np.sqrt(np.abs(values["bn.running_var"]) + np.float32(1e-3))
    chain = Chain()
    names = ["x", chain.keep("conv.weight", values["conv.weight"] * factor[:, None, None, None])]
    shift = (values["conv.bias"] - values["bn.running_mean"]) * factor + values["bn.bias"]
    names.append(chain.keep("conv.weight_bias", shift))
    chain.node("Conv", *names)
    return chain.save(path)


NORM = {
    "conv__weight": (8, 3, 3, 3),
    "conv__bias": (8,),
    "bn__weight": (8,),
    "bn__bias": (8,),
    "bn__running_mean": (8,),
    "bn__running_var": (8,),
}


def test_a_folded_batch_norm_is_folded_again(tmp_path: Path) -> None:
    """With the epsilon and the arithmetic that the old weights show, to the bit."""
    files = Files(tmp_path, folded_norm, **NORM)
    for arrays, path in ((files.old, files.reference), (files.new, files.weights)):
        arrays["bn.running_var"] = np.abs(arrays["bn.running_var"]) + np.float32(0.5)
        checkpoint(path, **arrays)
    files.model = folded_norm(files.model, files.old)
    done = files.apply()
    assert_same(stored(files.fresh()), stored(files.out))
    assert {Way.COMPUTED} == {row.way for row in done.rows}
    with pytest.raises(UnsupportedError, match="cannot be written, and nothing was"):
        files.apply(reference=None, accept_inferred=True)


def formulas(path: Path, values: Arrays) -> Path:
    """``1 + w``, rows of a table that were looked up, and a temperature behind an ``exp``."""
    chain = Chain()
    chain.node("Mul", "x", chain.keep("add_4", 1 + values["norm.weight"]))
    rows = values["positions.weight"][[0, 1, 2, 5]][None]
    chain.node("Add", chain.last, chain.keep("embedding_2", rows))
    chain.node("Mul", chain.last, chain.keep("val_9", np.exp(values["temperature"])))
    return chain.save(path)


def test_formulas_and_lookups(tmp_path: Path) -> None:
    """What was computed at export is computed again, to the bit."""
    shapes = {"norm__weight": (64,), "positions__weight": (9, 64), "temperature": ()}
    files = Files(tmp_path, formulas, **shapes)
    files.apply()
    assert_same(stored(files.fresh()), stored(files.out))


# adapters


def adapter(folder: Path, tensors: Arrays, **config: Any) -> Path:
    """A peft adapter's folder."""
    folder.mkdir()
    options = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}
    (folder / "adapter_config.json").write_text(json.dumps(options))
    save_file(
        {f"base_model.model.{name}": np.ascontiguousarray(v) for name, v in tensors.items()},
        folder / "adapter_model.safetensors",
    )
    return folder


def plain(path: Path, values: Arrays) -> Path:
    chain = Chain()
    chain.linear("fc.weight", values["fc.weight"], "fc.bias", values["fc.bias"])
    return chain.save(path)


def factors(seed: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(2, columns)), draw.normal(size=(rows, 2))
    return a.astype(np.float32), b.astype(np.float32)


def test_adapters_are_added(tmp_path: Path) -> None:
    """``W + weight * alpha / r * B @ A`` of each; rank-stabilized ones divide by the root."""
    files = Files(tmp_path, plain, fc__weight=(8, 64), fc__bias=(8,))
    (a, b), (c, d) = factors(0, 8, 64), factors(1, 8, 64)
    names = "fc.lora_A.weight", "fc.lora_B.weight"
    one = adapter(tmp_path / "one", dict(zip(names, (a, b), strict=True)))
    two = adapter(tmp_path / "two", dict(zip(names, (c, d), strict=True)), use_rslora=True)
    done = onnx_params.apply(
        files.model,
        files.reference,
        files.out,
        reference=files.reference,
        lora=[str(one), f"{two}=0.5"],
    )
    wanted = files.old["fc.weight"] + 2 * (b @ a) + 0.5 * 4 / np.sqrt(2) * (d @ c)
    assert np.allclose(wanted, stored(files.out)["fc.weight"], atol=1e-5)
    assert done.is_proved
    said = {each.key: each.value for each in onnx.load(files.out).metadata_props}
    assert ["one", "two=0.5"] == json.loads(said["onnx-params.applied"])["lora"]


@pytest.mark.parametrize(
    ("tensors", "config", "said"),
    [
        ({"fc.lora_A.weight": factors(0, 8, 64)[0]}, {}, "one factor alone"),
        ({"other.lora_A.weight": np.ones((2, 4), np.float32)}, {}, "one factor alone"),
        ({"fc.lora_A.weight": np.ones((2, 4), np.float32)}, {"use_dora": True}, "DoRA"),
        ({"fc.lora_Z.weight": np.ones((2, 4), np.float32)}, {}, "which is not known"),
        ({"gone.weight": np.ones(4, np.float32)}, {}, "which .* does not have"),
        ({"fc.weight": np.ones(4, np.float32)}, {"peft_type": "IA3"}, "not the configuration"),
        (
            dict(zip(("fc.lora_A.weight", "fc.lora_B.weight"), factors(0, 64, 8), strict=True)),
            {},
            "do not make the weight's shape .* is fan_in_fan_out right",
        ),
        (
            dict(zip(("fc.lora_A.weight", "fc.lora_B.weight"), factors(0, 8, 64), strict=True)),
            {"lora_alpha": "eight"},
            "are no numbers",
        ),
        ({}, {}, "has no tensors to add"),
    ],
)
def test_adapters_that_do_not_fit(
    tmp_path: Path, tensors: Arrays, config: dict[str, Any], said: str
) -> None:
    files = Files(tmp_path, plain, fc__weight=(8, 64), fc__bias=(8,))
    folder = adapter(tmp_path / "adapter", tensors, **config)
    with pytest.raises((UsageError, UnsupportedError), match=said):
        onnx_params.apply(files.model, files.reference, files.out, lora=[str(folder)])


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_an_adapter_is_an_input(tmp_path: Path, name: str) -> None:
    """No output overwrites a file of an adapter, and a share of one is a number."""
    files = Files(tmp_path, plain, fc__weight=(8, 64), fc__bias=(8,))
    pair = dict(zip(("fc.lora_A.weight", "fc.lora_B.weight"), factors(0, 8, 64), strict=True))
    folder = adapter(tmp_path / "adapter", pair)
    before = (folder / name).read_bytes()
    with pytest.raises(UsageError, match="never overwrites"):
        onnx_params.apply(
            files.model,
            files.reference,
            folder / name,
            lora=[str(folder)],
            accept_inferred=True,
        )
    with pytest.raises(UsageError, match="is no weight"):
        onnx_params.apply(files.model, files.reference, files.out, lora=[f"{folder}=nan"])
    assert before == (folder / name).read_bytes()


def test_peft_itself(tmp_path: Path) -> None:
    """What ``merge_and_unload`` makes."""
    import peft
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.Embedding(5, 8))
    before = {name: values.clone() for name, values in model.state_dict().items()}
    wrapped = peft.get_peft_model(
        model, peft.LoraConfig(r=2, lora_alpha=3, target_modules=["0", "1"])
    )
    with torch.no_grad():
        for parameter in wrapped.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    wrapped.save_pretrained(tmp_path / "adapter")
    merged = wrapped.merge_and_unload().state_dict()

    def build(path: Path, values: Arrays) -> Path:
        chain = Chain()
        chain.linear("0.weight", values["0.weight"], "0.bias", values["0.bias"])
        chain.node("Add", chain.last, chain.keep("1.weight", values["1.weight"]))
        return chain.save(path)

    arrays = {name: values.numpy() for name, values in before.items()}
    path = build(tmp_path / "model.onnx", arrays)
    options = {"lora": [str(tmp_path / "adapter")], "accept_inferred": True}
    onnx_params.apply(path, arrays, tmp_path / "out.onnx", **options)
    for name, values in stored(tmp_path / "out.onnx").items():
        assert np.allclose(merged[name].numpy(), values, atol=1e-6), name


# stored as one, and left out


def two_norms(path: Path, values: Arrays) -> Path:
    """Two norms whose biases an exporter stores once where they are equal."""
    is_one = np.array_equal(values["one.bias"], values["two.bias"])
    chain = Chain()
    for layer in ("one", "two"):
        weight = chain.keep(f"{layer}.weight", values[f"{layer}.weight"])
        is_shared = is_one and layer == "two"
        name = f"{layer}.bias"
        bias = "one.bias" if is_shared else chain.keep(name, values[name])
        chain.node("LayerNormalization", chain.last, weight, bias)
    return chain.save(path)


NORMS = {f"{layer}__{leaf}": (64,) for layer in ("one", "two") for leaf in ("weight", "bias")}


def test_what_was_stored_as_one_is_split(tmp_path: Path) -> None:
    """Each norm takes its own bias where they differ now; where they are equal, one is enough."""
    files = Files(tmp_path, two_norms, **NORMS)
    files.old["two.bias"] = files.old["one.bias"]
    checkpoint(files.reference, **files.old)
    files.model = two_norms(files.model, files.old)
    done = files.apply()
    assert [Way.SPLIT] == [row.way for row in done.rows if row.name == "two.bias"]
    assert_same(stored(files.fresh()), stored(files.out))
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()
    files.new["two.bias"] = files.new["one.bias"]
    files.weights = checkpoint(files.weights, **files.new)
    assert {Way.EXACT} == {row.way for row in files.apply().rows}
    assert set(stored(files.model)) == set(stored(files.out))


def test_what_nobody_tells_apart_is_refused(tmp_path: Path) -> None:
    """A node that takes both, where nothing says which is which."""

    def build(path: Path, values: Arrays) -> Path:
        chain = Chain()
        chain.node("Add", "x", chain.keep("first", values["first"]))
        chain.node("Mul", chain.last, "first")
        return chain.save(path)

    files = Files(tmp_path, build, first=(64,), second=(64,))
    files.old["second"] = files.old["first"]
    checkpoint(files.reference, **files.old)
    files.model = build(files.model, files.old)
    with pytest.raises(UnsupportedError, match="nothing says which node takes which"):
        files.apply()


def biased(path: Path, values: Arrays) -> Path:
    """A Gemm whose bias an exporter leaves out where it is zero."""
    chain = Chain()
    names = ["x", chain.keep("fc.weight", values["fc.weight"])]
    if values["fc.bias"].any():
        names.append(chain.keep("fc.bias", values["fc.bias"]))
    chain.node("Gemm", *names, transB=1)
    return chain.save(path)


def test_a_bias_that_was_left_out_is_refused_or_added(tmp_path: Path) -> None:
    """It is refused with its reason, or its layer takes it; zero it is fine without."""
    files = Files(tmp_path, biased, fc__weight=(8, 64), fc__bias=(8,))
    files.old["fc.bias"][:] = 0
    checkpoint(files.reference, **files.old)
    files.model = biased(files.model, files.old)
    with pytest.raises(UnsupportedError, match="'fc.bias': it was zero and left out"):
        files.apply()
    done = files.apply(add_dropped=True)
    assert Way.ADDED in {row.way for row in done.rows}
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()
    files.new["fc.bias"][:] = 0
    files.weights = checkpoint(files.weights, **files.new)
    assert Way.UNCHANGED in {row.way for row in files.apply().rows}


@pytest.mark.parametrize(
    ("dtype", "zero", "is_symmetric"),
    [("int8", 0, True), ("int8", -1, False), ("uint8", 128, True), ("uint8", 113, False)],
)
def test_symmetric_schemes_have_their_zero_in_the_middle(
    dtype: str, zero: int, is_symmetric: bool
) -> None:
    """A zero point beside it is one that was found for the values."""
    codes = np.array([1, 127], dtype)
    found = scheme_of(codes, np.array(zero, dtype), np.array(0.1), BY_NAME[dtype])
    assert is_symmetric == (found.zero is not None)
