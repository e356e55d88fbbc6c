"""What the ninth part of the second zoo taught: one small artifact for each kind."""

from __future__ import annotations

import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.graphs import Arrays, Chain, checkpoint, in_blocks

import onnx_params
from onnx_params.auditing.audit import Audit, audit
from onnx_params.containers.formats import open_checkpoint
from onnx_params.containers.quantized_checkpoint import dequantized
from onnx_params.errors import FormatError, OnnxParamsError, UnsupportedError


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def audited(chain: Chain, tmp_path: Path, **arrays: np.ndarray) -> Audit:
    """An audit of a model against a checkpoint; ``__`` stands for a dot."""
    path = chain.save(tmp_path / "m.onnx")
    return audit(path, reference=checkpoint(tmp_path / "c.safetensors", **arrays))


def norm(name: str, size: int, seed: int) -> Arrays:
    """A batch norm of a checkpoint."""
    return {
        f"{name}__weight": draw(seed, size) ** 2 + 0.5,
        f"{name}__bias": draw(seed + 1, size),
        f"{name}__running_mean": draw(seed + 2, size),
        f"{name}__running_var": draw(seed + 3, size) ** 2 + 0.5,
    }


def folded(arrays: Arrays, name: str) -> tuple[np.ndarray, np.ndarray]:
    """By what a norm multiplies, and what it adds."""
    weight, bias, mean, variance = (
        arrays[f"{name}__{leaf}"] for leaf in ("weight", "bias", "running_mean", "running_var")
    )
    factor = weight / np.sqrt(variance + np.float32(1e-5))
    return factor, bias - mean * factor


# -- kernels that were computed of several tensors ---------------------------------------------


def block() -> Arrays:
    """A block of three branches: 3 x 3, 1 x 1 and the identity, a norm each."""
    return {
        "b__wide__conv__weight": draw(0, 8, 8, 3, 3),
        "b__narrow__conv__weight": draw(1, 8, 8, 1, 1),
        **norm("b__wide__bn", 8, 10),
        **norm("b__narrow__bn", 8, 20),
        **norm("b__same", 8, 30),
    }


def deployed(arrays: Arrays) -> Chain:
    """The block as one convolution."""
    kernel, bias = np.zeros((8, 8, 3, 3), np.float32), np.zeros(8, np.float32)
    wide, narrow = arrays["b__wide__conv__weight"], arrays["b__narrow__conv__weight"]
    for name, weight in (("b__wide__bn", wide), ("b__narrow__bn", narrow), ("b__same", None)):
        factor, shift = folded(arrays, name)
        part = np.zeros_like(kernel)
        if weight is None:
            part[range(8), range(8), 1, 1] = 1
        else:
            edge = (3 - weight.shape[2]) // 2
            part[:, :, edge : 3 - edge, edge : 3 - edge] = weight
        kernel += part * factor.reshape(-1, 1, 1, 1)
        bias += shift
    chain = Chain()
    names = chain.keep("b.reparam.weight", kernel), chain.keep("b.reparam.bias", bias)
    chain.node("Conv", chain.last, *names, pads=[1, 1, 1, 1])
    return chain


def test_branches(tmp_path: Path) -> None:
    """A kernel is the sum of the branches of its block, or it was changed."""
    arrays = block()
    chain = deployed(arrays)
    assert audited(chain, tmp_path, **arrays).passed
    arrays["b__narrow__conv__weight"] = draw(40, 8, 8, 1, 1)
    assert not audited(chain, tmp_path, **arrays).passed


@pytest.mark.parametrize("wrong", [0.0, 0.1])
def test_sums_of_windows(wrong: float, tmp_path: Path) -> None:
    """Pixel differences: each number of a window less the next one, by one rule for kernels."""
    chain = Chain()
    arrays = {}
    for at in range(2):
        weight = arrays[f"pdc{at}__weight"] = draw(92 + at, 16, 2, 3, 3)
        flat = weight.reshape(16, 2, 9)
        stored = (flat - np.roll(flat, 1, axis=2)).reshape(weight.shape)
        stored[5] *= 1 + wrong * at
        chain.node("Conv", chain.last, chain.keep(f"onnx::Conv_{7 + at}", stored))
    assert audited(chain, tmp_path, **arrays).passed == (wrong == 0)


def test_adapter_of_an_embedding(tmp_path: Path) -> None:
    """Both factors of an adapter of an embedding are turned."""
    arrays = {
        "embed__base_layer__weight": draw(42, 40, 16),
        "embed__lora_embedding_A__default": draw(43, 4, 40),
        "embed__lora_embedding_B__default": draw(44, 16, 4),
    }
    left, right = (arrays[f"embed__lora_embedding_{at}__default"] for at in "AB")
    chain = Chain()
    table = arrays["embed__base_layer__weight"] + 2 * (right @ left).T
    chain.node("Gather", chain.keep("embed.weight", table), chain.last)
    assert audited(chain, tmp_path, **arrays).passed
    arrays["embed__lora_embedding_A__default"] = draw(45, 4, 40)
    assert not audited(chain, tmp_path, **arrays).passed


def test_standardized_and_rounded(tmp_path: Path) -> None:
    """A standardized kernel in 4 bits."""
    weight = draw(46, 16, 64) * 3
    lines = weight - weight.mean(axis=1, keepdims=True)
    data, scales = in_blocks((lines / lines.std(axis=1, keepdims=True)).astype(np.float32))
    chain = Chain()
    inputs = [chain.last, chain.keep("view_Q4", data), chain.keep("view_scales", scales)]
    words = {"K": 64, "N": 16, "bits": 4, "block_size": 16}
    chain.node("MatMulNBits", *inputs, domain="com.microsoft", **words)
    assert audited(chain, tmp_path, fc__weight=weight).passed


# -- names --------------------------------------------------------------------------------------


def test_names_alike_by_chance(tmp_path: Path) -> None:
    """A reference has another network besides, whose names are those of the artifact."""
    mine = {f"unet__{at}__weight": draw(50 + at, 16, 16) for at in range(4)}
    others = {f"decoder__block__{at}__conv__weight": draw(60 + at, 16, 16) for at in range(4)}
    chain = Chain()
    for at in range(4):
        chain.linear(f"block.{at}.conv.weight", mine[f"unet__{at}__weight"])
    assert audited(chain, tmp_path, **mine, **others).passed


def test_layers_that_were_rotated(tmp_path: Path) -> None:
    """All layers have another one's content: that no name agrees is the fault."""
    arrays = {f"layers__{at}__weight": draw(50 + at, 16, 16) for at in range(4)}
    chain = Chain()
    for at in range(4):
        chain.linear(f"layers.{at}.weight", arrays[f"layers__{(at + 1) % 4}__weight"])
    done = audited(chain, tmp_path, **arrays)
    assert {each.rule for each in done.failing} == {"swapped"}


def test_norm_of_a_list(tmp_path: Path) -> None:
    """What becomes of a norm's bias says which of four vectors is which."""
    arrays = norm("bn", 8, 70)
    weight = draw(75, 8, 3, 3, 3)
    factor, shift = folded(arrays, "bn")
    chain = Chain()
    kernel = chain.keep("onnx::Conv_1", weight * factor.reshape(-1, 1, 1, 1))
    chain.node("Conv", chain.last, kernel, chain.keep("onnx::Conv_2", shift))
    listed = [weight.transpose(2, 3, 1, 0), *arrays.values()]
    path = tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps(listed))
    model = chain.save(tmp_path / "m.onnx")
    assert audit(model, reference=path).passed
    listed[2] = draw(76, 8)
    path.write_bytes(pickle.dumps(listed))
    assert not audit(model, reference=path).passed


def test_a_module_under_two_names(tmp_path: Path) -> None:
    """The few numbers of a module that was registered and saved twice."""
    weight, bias = draw(77, 3, 16), draw(78, 3)
    chain = Chain()
    chain.linear("head.fc.weight", weight, "head.fc.bias", bias)
    twice = {"head__fc__weight": weight, "head__fc__bias": bias}
    twice |= {"head__last__weight": weight, "head__last__bias": bias}
    assert audited(chain, tmp_path, **twice).passed


# -- folders and archives -----------------------------------------------------------------------


def linear(tmp_path: Path, name: str, weight: np.ndarray) -> Path:
    chain = Chain()
    chain.linear(name, weight)
    return chain.save(tmp_path / "m.onnx")


def write(folder: Path, title: str, **arrays: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(arrays, folder / title)


def test_folder_of_a_pipeline(tmp_path: Path) -> None:
    """Of the models of a pipeline the one is read that agrees with the artifact."""
    weight = draw(80, 16, 16)
    ref = tmp_path / "ref"
    write(ref / "unet", "a.safetensors", **{f"u{at}": draw(at, 8, 8) for at in range(3)})
    write(ref / "vae", "a.safetensors", **{"fc.weight": weight})
    (ref / "model_index.json").write_text(json.dumps({"unet": ["x", "y"], "vae": ["x", "y"]}))
    done = audit(linear(tmp_path, "fc.weight", weight), reference=ref)
    assert done.passed and [each.name for each in done.judgements] == ["fc.weight"]
    (ref / "model_index.json").write_text(json.dumps({"../x": 1}))
    with pytest.raises(FormatError):
        open_checkpoint(ref)


def test_folder_of_sentence_embeddings(tmp_path: Path) -> None:
    """Modules together: those after the first have their number before their names."""
    ref = tmp_path / "ref"
    write(ref, "model.safetensors", **{"embed.weight": draw(81, 4, 4)})
    write(ref / "2_Dense", "model.safetensors", **{"linear.weight": draw(82, 4, 4)})
    listed: list[dict[str, Any]] = [
        {"idx": 0, "name": "0", "path": ""},
        {"idx": 1, "name": "1", "path": "1_Pooling"},
        {"idx": 2, "name": "2", "path": "2_Dense"},
    ]
    (ref / "modules.json").write_text(json.dumps(listed))
    names = [each.name for each in open_checkpoint(ref).tensors]
    assert names == ["embed.weight", "2.linear.weight"]
    (ref / "modules.json").write_text(json.dumps([{"name": "0", "path": "../../etc"}]))
    with pytest.raises(FormatError):
        open_checkpoint(ref)


def test_files_with_names_in_common(tmp_path: Path) -> None:
    """Parts of a model have the names of their files before their own; one model twice is none."""
    for title, bias in (("enc", 2), ("dec", 3)):
        state = {"weight": torch.ones(2, 2), f"b{bias}": torch.ones(bias)}
        torch.save(state, tmp_path / f"{title}.ckpt")
    names = {each.name for each in open_checkpoint(tmp_path).tensors}
    assert names == {"enc.weight", "enc.b2", "dec.weight", "dec.b3"}
    torch.save({"weight": torch.ones(2, 2), "b2": torch.ones(2)}, tmp_path / "again.ckpt")
    with pytest.raises(FormatError):
        open_checkpoint(tmp_path)


def test_parts_of_processes(tmp_path: Path) -> None:
    """Llama's matrices side by side, along the axis that their layer has."""
    whole = {"layers.0.attention.wq.weight": (0, draw(83, 8, 6))}
    whole["layers.0.attention.wo.weight"] = (1, draw(84, 6, 8))
    same = draw(85, 6)
    for rank in range(2):
        parts = {name: np.split(value, 2, axis)[rank] for name, (axis, value) in whole.items()}
        state = {name: torch.from_numpy(part.copy()) for name, part in parts.items()}
        torch.save({**state, "norm.weight": torch.from_numpy(same)}, _rank(tmp_path, rank))
    found = {each.name: each.read() for each in open_checkpoint(tmp_path).tensors}
    np.testing.assert_array_equal(same, found.pop("norm.weight"))
    for name, (_, value) in whole.items():
        np.testing.assert_array_equal(value, found[name])


def _rank(folder: Path, rank: int) -> Path:
    return folder / f"consolidated.{rank:02}.pth"


def test_tar_archive(tmp_path: Path) -> None:
    """The weights of an archive, and nothing else of it."""
    weight = draw(86, 8, 8)
    write(tmp_path / "in", "model_weights.safetensors", **{"fc.weight": weight})
    (tmp_path / "in" / "config.yaml").write_text("a: 1")
    with tarfile.open(tmp_path / "m.nemo", "w:gz") as archive:
        archive.add(tmp_path / "in", ".")
    assert audit(linear(tmp_path, "fc.weight", weight), reference=tmp_path / "m.nemo").passed
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        member = tarfile.TarInfo("model.safetensors")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(OnnxParamsError):
        open_checkpoint(tmp_path / "bad.tar")


@pytest.mark.parametrize("compress", [0, 3])
def test_estimators(compress: int, tmp_path: Path) -> None:
    """What the steps of a pipeline learned, as joblib writes it."""
    steps = make_pipeline(StandardScaler(), LinearRegression())
    steps.fit(draw(87, 40, 5), draw(88, 40))
    joblib.dump(steps, tmp_path / "m.joblib", compress=compress)
    found = {each.name: each.read() for each in open_checkpoint(tmp_path / "m.joblib").tensors}
    scaler, regression = (step for _, step in steps.steps)
    np.testing.assert_array_equal(scaler.mean_, found["steps.standardscaler.mean_"])
    np.testing.assert_array_equal(regression.coef_, found["steps.linearregression.coef_"])


def test_trees_are_said_to_be_trees(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("tree\nversion=v4\n")
    with pytest.raises(UnsupportedError, match="trees"):
        open_checkpoint(tmp_path / "m.txt")


@pytest.mark.parametrize(("bits", "group"), [(4, 32), (8, 64), (3, 64)])
def test_codes_with_their_least(bits: int, group: int, tmp_path: Path) -> None:
    """MLX: words along the inputs, a step and the least number of a group."""
    codes = np.random.default_rng(89).integers(0, 1 << bits, (4, 128))
    scales, least = np.abs(draw(90, 4, 128 // group)) + 0.1, draw(91, 4, 128 // group)
    digits = (codes[..., None] >> np.arange(bits)) & 1
    words = np.packbits(digits.reshape(4, -1).astype(np.uint8), axis=1, bitorder="little")
    stored = {"fc.weight": words.view(np.uint32), "fc.scales": scales, "fc.biases": least}
    save_file(stored, tmp_path / "model.safetensors")
    settings = {"quantization": {"group_size": group, "bits": bits}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (found,) = dequantized(open_checkpoint(tmp_path)).tensors
    made = codes * scales.repeat(group, axis=1) + least.repeat(group, axis=1)
    np.testing.assert_allclose(made, found.read(), rtol=1e-5)


def test_mask_that_multiplies(tmp_path: Path) -> None:
    """One number or none for each pair of positions is no parameter."""
    chain = Chain()
    mask = np.tril(np.full((1, 1, 7, 7), 0.4, np.float32))
    chain.node("Mul", chain.last, chain.keep("h.attn/truediv:0", mask))
    assert onnx_params.analyze(chain.save(tmp_path / "m.onnx")).parameters == 0
