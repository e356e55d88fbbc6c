"""The judge in the wild: what tools do to weights is no change, and what nobody did is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from safetensors.numpy import save_file
from support.graphs import Chain, checkpoint, nbits
from support.models import distinct
from support.process import run

import onnx_params
from onnx_params.auditing.audit import audit
from onnx_params.auditing.judgements import Verdict
from onnx_params.auditing.policy import Policy
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.torchscript import is_layers_result
from onnx_params.inventory.opening import open_artifact
from onnx_params.tensors.evaluate import evaluate
from onnx_params.tensors.steps import Placement

LAYERS = 4
WIDTH = 32


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights() -> dict[str, np.ndarray]:
    """The checkpoint of some layers: a norm's factor and a square matrix each."""
    found = {}
    for at in range(LAYERS):
        found[f"layers.{at}.norm.weight"] = draw(at, WIDTH) * 0.1 + 1
        found[f"layers.{at}.up.weight"] = draw(10 + at, WIDTH, WIDTH)
    return found


def layered(stored: dict[str, np.ndarray], names: Callable[[str], str] = str) -> Chain:
    """The model of these layers under the names that ``names`` gives."""
    chain = Chain()
    for at in range(LAYERS):
        norm, up = f"layers.{at}.norm.weight", f"layers.{at}.up.weight"
        chain.node("Mul", chain.last, chain.keep(names(norm), stored[norm]))
        chain.linear(names(up), stored[up])
    return chain


# -- witnesses ------------------------------------------------------------------------------------

FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "-w": lambda w: -w,
    "1 / w": lambda w: 1 / w,
    "w * w": lambda w: w * w,
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda w: 1 / (1 + np.exp(-w)),
    "1 + w": lambda w: 1 + w,
    "w - 1": lambda w: w - 1,
    "w * 7": lambda w: w * 7,
    "w * 64": lambda w: w * 64,
    "w / 8": lambda w: w / 8,
    "w * 1.01": lambda w: w * 1.01,
}


@pytest.mark.parametrize("leaf", ["norm", "up"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_needs_a_witness(formula: str, leaf: str, tmp_path: Path) -> None:
    """One weight under its own name replaced by a formula of itself is changed, and named."""
    name = f"layers.2.{leaf}.weight"
    stored = weights()
    stored[name] = FORMULAS[formula](stored[name]).astype(np.float32)
    path = layered(stored).save(tmp_path / "m.onnx")
    save_file(weights(), tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert {name} == {finding.name for finding in done.failing}


@pytest.mark.parametrize("formula", ["1 + w", "w / 8", "exp"])
def test_kin_are_a_witness(formula: str, tmp_path: Path) -> None:
    """The same formula for the norm of every layer is the exporter's."""
    stored = weights()
    for name in stored:
        if "norm" in name:
            stored[name] = FORMULAS[formula](stored[name]).astype(np.float32)
    path = layered(stored).save(tmp_path / "m.onnx")
    save_file(weights(), tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and LAYERS == done.verdicts["folded"]


@pytest.mark.parametrize(
    ("stored_name", "passes"),
    [("val_56", False), ("onnx::Expand_27", False), ("exp_1", True), ("/Exp_output_0", True)],
)
def test_a_lone_parameters_formula(tmp_path: Path, stored_name: str, passes: bool) -> None:
    """Without kin a name must say that something was computed, not that it has none."""
    held = weights() | {"scale_of_all": draw(1350, WIDTH)}
    chain = layered(weights())
    chain.node("Mul", chain.last, chain.keep(stored_name, np.exp(held["scale_of_all"])))
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is passes


class Product(torch.nn.Module):
    """A square matrix that is multiplied as it is, beside layers that are turned."""

    def __init__(self) -> None:
        super().__init__()
        self.root = torch.nn.Parameter(torch.zeros(WIDTH, WIDTH))
        self.first, self.second = (torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.second(torch.relu(self.first(rows)) @ self.root)
        return made


def test_a_square_matrix_that_is_turned_against_the_record(tmp_path: Path) -> None:
    """torch's exporter says that it takes a parameter as it is: the transposed one is another."""
    model = distinct(Product()).eval()
    path = tmp_path / "m.onnx"
    rows = torch.zeros(3, WIDTH)
    torch.onnx.export(model, (rows,), str(path), dynamo=True, verbose=False)
    held = {name: value.numpy() for name, value in model.state_dict().items()}
    for root, passes in ((held["root"], True), (held["root"].T.copy(), False)):
        save_file(held | {"root": root}, tmp_path / "c.safetensors")
        assert audit(path, reference=tmp_path / "c.safetensors").passed is passes


def test_names_that_only_the_writer_knows(tmp_path: Path) -> None:
    """A writer's own names, learned from all layers, tell that two weights were exchanged."""
    held = {
        f"layers.{at}.{leaf}.weight": draw(100 + 10 * at + n, WIDTH, WIDTH)
        for at in range(3)
        for n, leaf in enumerate(("q_proj", "o_proj"))
    }
    chain = Chain()
    for at in range(3):
        for leaf in ("q_proj", "o_proj"):
            nbits(
                chain, f"blocks.{at}.attn.{leaf}.MatMul.weight", held[f"layers.{at}.{leaf}.weight"]
            )
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed
    one, two = "layers.1.q_proj.weight", "layers.1.o_proj.weight"
    save_file({**held, one: held[two], two: held[one]}, tmp_path / "s.safetensors")
    done = audit(path, reference=tmp_path / "s.safetensors")
    assert {one, two} == {finding.name for finding in done.failing}


# -- quantized weights ----------------------------------------------------------------------------


def test_quantized_concatenation(tmp_path: Path) -> None:
    """Query, key and value joined before they were rounded; two exchanged ones are named."""
    held = {
        f"layers.{at}.{leaf}_proj.weight": draw(200 + 10 * at + n, 16, WIDTH)
        for at in range(3)
        for n, leaf in enumerate("qkv")
    }
    chain = Chain()
    for at in range(3):
        parts = [held[f"layers.{at}.{leaf}_proj.weight"] for leaf in "qkv"]
        nbits(chain, f"model.layers.{at}.attn.qkv_proj.MatMul.weight", np.concatenate(parts))
        chain.linear(f"val_{at}", draw(300 + at, WIDTH, 48))
    for at in range(3):
        held[f"layers.{at}.out.weight"] = draw(300 + at, WIDTH, 48)
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and 9 == done.verdicts["quantized"]
    one, two = "layers.2.k_proj.weight", "layers.2.v_proj.weight"
    save_file({**held, one: held[two], two: held[one]}, tmp_path / "s.safetensors")
    failing = audit(path, reference=tmp_path / "s.safetensors").failing
    assert {one, two} <= {finding.name for finding in failing}


def corrected(weight: np.ndarray, seed: int) -> np.ndarray:
    """A weight whose codes were not rounded to the nearest, as GPTQ and HQQ leave it: residuals of
    about half a step, alike everywhere.
    """
    step = np.abs(weight.reshape(len(weight), -1, 16)).max(axis=2) / 7
    noise = np.random.default_rng(seed).uniform(-0.6, 0.6, weight.shape)
    made: np.ndarray = weight + noise * step.repeat(16, axis=1)
    return made.astype(np.float32)


def test_codes_that_are_not_the_nearest(tmp_path: Path) -> None:
    """Residuals that are small and even are a quantizer's; a row that stands out was changed."""
    held = {f"layers.{at}.weight": draw(400 + at, WIDTH, WIDTH) for at in range(3)}
    chain = Chain()
    for at, weight in enumerate(held.values()):
        nbits(chain, f"val_{at}", corrected(weight, at))
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed
    changed = held["layers.1.weight"].copy()
    changed[5] += draw(500, WIDTH)
    save_file({**held, "layers.1.weight": changed}, tmp_path / "s.safetensors")
    failing = audit(path, reference=tmp_path / "s.safetensors").failing
    assert {"layers.1.weight"} == {finding.name for finding in failing}


def test_codes_that_were_cut_off(tmp_path: Path) -> None:
    """A quantizer that searches a scale cuts the largest numbers off at the outermost codes."""
    weight = draw(600, WIDTH, WIDTH)
    cut = np.clip(weight, -2.0, 2.0)
    chain = Chain()
    nbits(chain, "val_0", cut)
    path = chain.save(tmp_path / "m.onnx")
    reference = checkpoint(tmp_path / "c.safetensors", fc__weight=weight)
    assert np.abs(weight).max() > 2.5
    assert audit(path, reference=reference).passed


def test_factor_of_the_input(tmp_path: Path) -> None:
    """AWQ multiplies a weight's columns and divides the layer's input: proved by the stored
    vector.
    """
    weight, factor = draw(700, WIDTH, WIDTH), np.abs(draw(701, WIDTH)) + 0.5
    chain = Chain()
    chain.node("Mul", chain.last, chain.keep("pre_quant_scale", 1 / factor))
    nbits(chain, "val_0", weight * factor)
    path = chain.save(tmp_path / "m.onnx")
    reference = checkpoint(tmp_path / "c.safetensors", fc__weight=weight)
    done = audit(path, reference=reference)
    assert done.passed and 1 == done.verdicts["folded"]


def values_of(path: Path, name: str) -> np.ndarray:
    """What the steps of a stored tensor make of it."""
    model = open_artifact(path).model
    tensor = model.stored["", name]
    steps = logical(model, tensor).steps
    assert steps is not None
    return evaluate(model.stored, Placement(tensor.key, steps))


def ran(path: Path, values: np.ndarray) -> np.ndarray:
    """What onnxruntime computes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {"x": values})[0]
    return found


@pytest.mark.parametrize("kind", [0, 1], ids=["FP4", "NF4"])
def test_codebooks_are_onnxruntimes(kind: int, tmp_path: Path) -> None:
    """MatMulBnb4 by the identity gives the weight that the steps give."""
    rng = np.random.default_rng(kind)
    data = rng.integers(0, 256, WIDTH * WIDTH // 2, dtype=np.uint8)
    largest = rng.random(WIDTH * WIDTH // 16).astype(np.float32)
    chain = Chain()
    inputs = [chain.last, chain.keep("w", data), chain.keep("absmax", largest)]
    options = {"K": WIDTH, "N": WIDTH, "block_size": 16, "quant_type": kind}
    chain.node("MatMulBnb4", *inputs, domain="com.microsoft", **options)
    path = chain.save(tmp_path / "m.onnx")
    _untyped(path)
    identity = np.eye(WIDTH, dtype=np.float32)
    np.testing.assert_allclose(ran(path, identity), values_of(path, "w"), rtol=1e-5, atol=1e-6)


def _untyped(path: Path) -> None:
    """Give the input its shape, which onnxruntime's kernels want."""
    model = onnx.load(path)
    shape = model.graph.input[0].type.tensor_type.shape
    for dim in (WIDTH, WIDTH):
        shape.dim.add().dim_value = dim
    onnx.save(model, path)


def test_groups_of_lines(tmp_path: Path) -> None:
    """``g_idx`` says which scale each input has, as onnxruntime reads it."""
    rng = np.random.default_rng(3)
    data = rng.integers(0, 256, (WIDTH, 2, 8), dtype=np.uint8)
    scales = rng.random((WIDTH, 2)).astype(np.float32)
    groups = rng.permutation(np.arange(WIDTH) // 16).astype(np.int32)
    chain = Chain()
    inputs = [chain.keep("w", data), chain.keep("s", scales), "", chain.keep("g", groups)]
    options = {"K": WIDTH, "N": WIDTH, "bits": 4, "block_size": 16}
    chain.node("MatMulNBits", chain.last, *inputs, domain="com.microsoft", **options)
    path = chain.save(tmp_path / "m.onnx")
    _untyped(path)
    identity = np.eye(WIDTH, dtype=np.float32)
    np.testing.assert_allclose(ran(path, identity), values_of(path, "w"), rtol=1e-5, atol=1e-6)


def test_an_attribute_that_nobody_knows(tmp_path: Path) -> None:
    """Bytes whose layout an unknown attribute changes are neither compared nor extracted."""
    chain = Chain()
    nbits(chain, "fc.weight", draw(800, WIDTH, WIDTH), weight_prepacked=1)
    path = chain.save(tmp_path / "m.onnx")
    reference = checkpoint(tmp_path / "c.safetensors", fc__weight=draw(800, WIDTH, WIDTH))
    done = audit(path, reference=reference)
    assert not done.passed and 0 == done.verdicts["quantized"]
    out = tmp_path / "x.safetensors"
    assert 0 != run("extract", str(path), "--dequantize", "-o", str(out)).returncode or (
        "fc.weight" not in out.read_bytes().decode("latin-1")
    )


def test_sixteen_bits(tmp_path: Path) -> None:
    """Codes of 16 bits are weights; 20 of 20 of them are compared."""
    held = {f"layers.{at}.weight": draw(900 + at, WIDTH, WIDTH) for at in range(20)}
    chain = Chain()
    for at, weight in enumerate(held.values()):
        scale = np.float32(np.abs(weight).max() / 32767)
        code = chain.keep(f"val_{2 * at}", np.round(weight.T / scale).astype(np.int16))
        last = chain.last
        made = chain.node("DequantizeLinear", code, chain.keep(f"val_{2 * at + 1}", scale))
        chain.node("MatMul", last, made)
    save_file(held, tmp_path / "c.safetensors")
    path = chain.save(tmp_path / "m.onnx")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and 20 == done.verdicts["quantized"]


def test_a_quantized_model_is_itself(tmp_path: Path) -> None:
    """Compared with itself it is equal, audited against itself identical."""
    chain = Chain()
    for at in range(3):
        nbits(chain, f"fc{at}.weight", draw(1000 + at, WIDTH, WIDTH))
    path = chain.save(tmp_path / "m.onnx")
    assert not onnx_params.compare(path, path).differences
    done = audit(path, reference=path)
    assert done.passed and {"identical": 3} == dict(done.verdicts)


# -- formulas of several parameters ---------------------------------------------------------------


def norm(seed: int, width: int) -> dict[str, np.ndarray]:
    return {
        "weight": draw(seed, width) * 0.2 + 1,
        "bias": draw(seed + 1, width),
        "running_mean": draw(seed + 2, width),
        "running_var": np.abs(draw(seed + 3, width)) + 0.5,
    }


def factor_of(each: dict[str, np.ndarray]) -> np.ndarray:
    found: np.ndarray = each["weight"] / np.sqrt(each["running_var"] + 1e-5)
    return found


def test_one_convolution_of_several_norms(tmp_path: Path) -> None:
    """Levels that share a convolution, with a norm each, have it folded several times."""
    weight, own = draw(1100, 8, 8, 3, 3), draw(1101, 8)
    held = {"conv.weight": weight, "conv.bias": own}
    chain = Chain()
    for level in range(3):
        each = norm(1110 + 10 * level, 8)
        held |= {f"bns.{level}.{leaf}": value for leaf, value in each.items()}
        factor = factor_of(each)
        shift = each["bias"] + (own - each["running_mean"]) * factor
        inputs = [
            chain.keep(f"val_{2 * level}", weight * factor[:, None, None, None]),
            chain.keep(f"val_{2 * level + 1}", shift),
        ]
        chain.node("Conv", chain.last, *inputs, pads=[1, 1, 1, 1])
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed


def test_norm_without_affine_and_grouped_transposition(tmp_path: Path) -> None:
    """A batch norm that has statistics alone, folded into a transposed convolution in groups."""
    weight = draw(1200, 8, 3, 2, 2)  # [in, out / groups]; two groups: six outputs
    mean, variance = draw(1201, 6), np.abs(draw(1202, 6)) + 0.5
    factor = 1 / np.sqrt(variance + 1e-5)
    folded = weight.reshape(2, 4, 3, 2, 2) * factor.reshape(2, 1, 3, 1, 1)
    chain = Chain()
    inputs = [
        chain.keep("val_0", folded.reshape(weight.shape)),
        chain.keep("val_1", -mean * factor),
    ]
    chain.node("ConvTranspose", chain.last, *inputs, group=2)
    held = {"up.weight": weight, "bn.running_mean": mean, "bn.running_var": variance}
    save_file(held, tmp_path / "c.safetensors")
    path = chain.save(tmp_path / "m.onnx")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and 3 == done.verdicts["folded"]


def test_formulas_of_torch_modules(tmp_path: Path) -> None:
    """Spectral norm, a mask, standardization with its gain, a weight divided by its length: known
    by what the checkpoint has.
    """
    held: dict[str, np.ndarray] = {}
    chain = Chain()
    weight, u, v = draw(1300, WIDTH, WIDTH), draw(1301, WIDTH), draw(1302, WIDTH)
    held |= {"a.weight_orig": weight, "a.weight_u": u, "a.weight_v": v}
    chain.linear("div", weight / (u @ weight @ v))
    mask = (draw(1303, WIDTH, WIDTH) > 0).astype(np.float32)
    held |= {"b.weight_orig": draw(1304, WIDTH, WIDTH), "b.weight_mask": mask}
    chain.linear("mul", held["b.weight_orig"] * mask)
    raw, gain = draw(1305, WIDTH, WIDTH), draw(1306, WIDTH)
    held |= {"c.weight": raw, "c.gain": gain}
    spread = np.sqrt(raw.var(axis=1, keepdims=True) + 1e-6)
    chain.linear("view", (raw - raw.mean(axis=1, keepdims=True)) / spread * gain[:, None] * 0.3)
    held["d.weight"] = (
        draw(1307, WIDTH, WIDTH) * np.linspace(0.5, 2, WIDTH, dtype=np.float32)[:, None]
    )
    length = np.sqrt((held["d.weight"] ** 2).sum(axis=1, keepdims=True))
    chain.linear("div_1", held["d.weight"] / length)
    save_file({n: np.ascontiguousarray(x) for n, x in held.items()}, tmp_path / "c.safetensors")
    path = chain.save(tmp_path / "m.onnx")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and not any(j.verdict.value == "not comparable" for j in done.judgements)


def test_an_unknown_formula_is_no_change(tmp_path: Path) -> None:
    """What was computed by a formula that nobody knows is said to be that, and counted."""
    held = weights() | {"extra.table": draw(1400, 6, 6)}
    chain = layered(weights())
    chain.node("Mul", chain.last, chain.keep("sub_1", np.sinh(held["extra.table"] ** 3)))
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    found = {j.name: j.verdict.value for j in done.judgements}
    assert done.passed and "not comparable" == found["extra.table"]


# -- coverage -------------------------------------------------------------------------------------


def test_what_is_absent_is_a_finding(tmp_path: Path) -> None:
    """A branch that is not there is a warning with its share; most of a checkpoint is an error."""
    path = layered(weights()).save(tmp_path / "m.onnx")
    branch = {f"aux.{at}.fc.weight": draw(1500 + at, WIDTH, WIDTH) for at in range(2)}
    save_file(weights() | branch, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and ["absent"] == [finding.rule for finding in done.findings]
    assert "32.7%" in done.findings[0].message and "aux.0.fc.weight" in done.findings[0].message
    save_file(branch, tmp_path / "other.safetensors")
    assert not audit(path, reference=tmp_path / "other.safetensors").passed


def test_a_second_copy_that_was_changed(tmp_path: Path) -> None:
    """A tied weight stored twice: the second copy holds what nothing explains."""
    held = weights()
    for second, passes in ((held["layers.0.up.weight"], True), (draw(1600, WIDTH, WIDTH), False)):
        chain = layered(held)
        chain.linear("onnx::MatMul_475", second)
        path = chain.save(tmp_path / "m.onnx")
        save_file(held, tmp_path / "c.safetensors")
        done = audit(path, reference=tmp_path / "c.safetensors")
        assert done.passed is passes
        assert passes or ["onnx::MatMul_475"] == list(done.failing[0].stored)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_second_copy_that_has_its_own_name(tmp_path: Path, is_changed: bool) -> None:
    """Two names of one table in the checkpoint: each is a stored tensor, and one was changed."""
    table = draw(1700, 9, WIDTH)
    held = {"embed.weight": table, "head.weight": table.copy()}
    chain = Chain()
    stored = table * np.float32(7 if is_changed else 1)
    chain.node("Gather", chain.keep("embed.weight", stored), "x")
    chain.node("Gemm", chain.last, chain.keep("head.weight", table), transB=1)
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed is not is_changed
    assert not is_changed or ["embed.weight"] == list(done.failing[0].stored)


@pytest.mark.parametrize("n_changed", [0, 1, 32])
def test_a_quantized_second_copy_that_was_changed(tmp_path: Path, n_changed: int) -> None:
    """A head in 4 bits, tied to the embedding, some rows of which are others."""
    table = draw(1800, 32, WIDTH)
    head = table.copy()
    head[3 : 3 + n_changed] = draw(1801, *head[3 : 3 + n_changed].shape)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.weight", table), "x")
    nbits(chain, "head.weight", head)
    path = chain.save(tmp_path / "m.onnx")
    save_file({"embed.weight": table}, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed is (n_changed == 0)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_factor_computed_of_a_parameter(tmp_path: Path, is_changed: bool) -> None:
    """A layer whose results are multiplied by an exponential of three times a gain, folded."""
    held = {"net.weight": draw(2100, 12, 20), "net.bias": draw(2101, 12), "gain": draw(2102, 12)}
    save_file(held, tmp_path / "c.safetensors")
    factor = np.exp(3 * held["gain"])
    weight = held["net.weight"] * factor[:, None]
    weight[4] *= 1.01 if is_changed else 1.0
    chain = Chain()
    chain.linear("_v_82", weight.astype(np.float32), "_v_83", held["net.bias"] * factor)
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


@pytest.mark.parametrize("is_scaled", [False, True])
@pytest.mark.parametrize("is_changed", [False, True])
def test_biases_that_were_added_up(tmp_path: Path, is_changed: bool, is_scaled: bool) -> None:
    """A layer's own bias and another one of its module's, both multiplied as the weight is."""
    held = {
        "net.linear.weight": draw(2150, 12, 20),
        "net.linear.bias": draw(2151, 12),
        "net.shift": draw(2152, 12),
    }
    factor = np.ones(12, np.float32)
    if is_scaled:
        factor = held["net.scale"] = draw(2153, 12)
    save_file(held, tmp_path / "c.safetensors")
    bias = (held["net.linear.bias"] + held["net.shift"]) * factor
    bias[4] += 0.01 if is_changed else 0.0
    chain = Chain()
    chain.linear("fused", held["net.linear.weight"] * factor[:, None], "sums", bias)
    path = chain.save(tmp_path / "m.onnx")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed is not is_changed
    because = {each.name: each.because for each in done.judgements}["net.shift"]
    assert is_changed or "the sum of" in because


@pytest.mark.parametrize("is_half", [False, True])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("changed", [None, 1])
def test_matrices_of_a_stack_that_lie_apart(
    tmp_path: Path, changed: int | None, is_turned: bool, is_half: bool
) -> None:
    """Experts of which each matrix is a stored tensor of its own."""
    experts = draw(2000, 3, 8, 12)
    save_file({"experts": experts}, tmp_path / "c.safetensors")
    chain = Chain()
    for at, matrix in enumerate(experts):
        values = draw(2001, 8, 12) if at == changed else matrix
        values = values.astype(np.float16) if is_half else values
        name = chain.keep(f"onnx::MatMul_{at}", values.T if is_turned else values)
        chain.node("MatMul", f"x{at}", name)
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is (changed is None)


@pytest.mark.parametrize("is_changed", [False, True])
def test_blocks_that_were_concatenated(tmp_path: Path, is_changed: bool) -> None:
    """A kernel in blocks of 8 channels whose inputs are 12 and 8 others, each filled to its blocks,
    and whose outputs only zeros tell from the filling.
    """
    kernel = draw(1900, 6, 20, 1, 1)
    save_file({"conv.weight": kernel}, tmp_path / "c.safetensors")
    filled = np.zeros((8, 24, 1, 1), np.float32)
    filled[:6, :12], filled[:6, 16:] = kernel[:, :12], kernel[:, 12:]
    filled[3, 17] += 1.0 if is_changed else 0.0
    blocks = filled.reshape(1, 8, 3, 8, 1, 1).transpose(0, 2, 4, 5, 3, 1).reshape(filled.shape)
    chain = Chain()
    chain.node("Conv", "x", chain.keep("reorder_token_7", blocks), domain="com.microsoft.nchwc")
    path = chain.save(tmp_path / "m.onnx")
    assert 120 == onnx_params.analyze(path).parameters
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


@pytest.mark.parametrize("is_swapped", [False, True])
def test_norms_of_each_other(tmp_path: Path, is_swapped: bool) -> None:
    """Two layers of the checkpoint exchanged without their norms, which are folded."""
    held: dict[str, np.ndarray] = {}
    chain = Chain()
    for at in range(3):
        kernel, bias = draw(2200 + at, 8, 8, 3, 3), draw(2210 + at, 8)
        gain, variance = np.abs(draw(2220 + at, 8)) + 0.5, np.abs(draw(2230 + at, 8)) + 0.5
        norm = {"weight": gain, "bias": bias, "running_mean": draw(2240 + at, 8)}
        held[f"layers.{at}.conv.weight"] = kernel
        held |= {f"layers.{at}.bn.{leaf}": each for leaf, each in norm.items()}
        held[f"layers.{at}.bn.running_var"] = variance
        factor = gain / np.sqrt(variance + 1e-5)
        shift = bias - norm["running_mean"] * factor
        inputs = [(f"onnx::Conv_{2 * at}", kernel * factor[:, None, None, None])]
        inputs.append((f"onnx::Conv_{2 * at + 1}", shift))
        names = [chain.keep(name, values.astype(np.float32)) for name, values in inputs]
        chain.node("Conv", chain.last, *names)
    if is_swapped:
        one, other = (f"layers.{at}.conv.weight" for at in (0, 1))
        held[one], held[other] = held[other], held[one]
    save_file(held, tmp_path / "c.safetensors")
    done = audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.safetensors")
    assert done.passed is not is_swapped
    named = {judgement.name for judgement in done.judgements if judgement.fails}
    assert not is_swapped or {"layers.0.conv.weight", "layers.1.conv.weight"} <= named


@pytest.mark.parametrize("is_swapped", [False, True])
def test_parts_of_another_layer(tmp_path: Path, is_swapped: bool) -> None:
    """Keys of one layer and values of another exchanged, in projections that are joined."""
    held: dict[str, np.ndarray] = {}
    chain = Chain()
    for at in range(2):
        names = [f"layers.{at}.attn.{word}.weight" for word in "qkv"]
        held |= {name: draw(2500 + 3 * at + n, 8, 16) for n, name in enumerate(names)}
        joined = np.concatenate([held[name] for name in names])
        chain.node("MatMul", chain.last, chain.keep(f"val_{at}", joined.T))
    if is_swapped:
        one, other = "layers.0.attn.k.weight", "layers.1.attn.v.weight"
        held[one], held[other] = held[other], held[one]
    save_file(held, tmp_path / "c.safetensors")
    done = audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.safetensors")
    swapped = {judgement.name for judgement in done.judgements if judgement.fails}
    assert swapped == (
        {"layers.0.attn.k.weight", "layers.1.attn.v.weight"} if is_swapped else set()
    )


@pytest.mark.parametrize("fault", ["", "changed", "permuted"])
def test_one_direction_of_a_cell(tmp_path: Path, fault: str) -> None:
    """A cell without names: one direction's weights are others, or its rows are in another order."""
    torch.manual_seed(0)
    cell = torch.nn.GRU(16, 12, bidirectional=True)
    held = {name: values.detach().numpy().copy() for name, values in cell.state_dict().items()}

    def onnx_order(values: np.ndarray) -> np.ndarray:
        reset, update, new = np.split(values, 3)
        return np.concatenate([update, reset, new])

    ends = ("l0", "l0_reverse")
    joined = [
        np.stack([onnx_order(held[f"weight_{kind}_{end}"]) for end in ends])
        for kind in ("ih", "hh")
    ]
    biases = [
        np.concatenate([onnx_order(held[f"bias_{kind}_{end}"]) for kind in ("ih", "hh")])
        for end in ends
    ]
    chain = Chain()
    names = [
        chain.keep(f"val_{at}", values) for at, values in enumerate((*joined, np.stack(biases)))
    ]
    chain.node("GRU", "x", *names, direction="bidirectional", hidden_size=12, linear_before_reset=1)
    path = chain.save(tmp_path / "m.onnx", "pytorch")
    if fault == "changed":
        held["weight_hh_l0"] = held["weight_hh_l0"] + draw(2300, 36, 12) * np.float32(0.01)
    if fault == "permuted":
        held["weight_hh_l0_reverse"] = np.roll(held["weight_hh_l0_reverse"], 6, axis=0)
    save_file({f"gru.{name}": values for name, values in held.items()}, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not bool(fault)


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize("leaf", ["mask", "scaler"])
def test_a_weight_times_another_of_its_module(tmp_path: Path, leaf: str, is_changed: bool) -> None:
    """A kernel times a mask that is a buffer, and curves times a factor for each."""
    weight = draw(2400, 8, 6, 5)
    mask = (draw(2401, 8, 6, 5) > 0).astype(np.float32)
    other = mask if leaf == "mask" else draw(2402, 8, 6)
    save_file({"0.weight": weight, f"0.{leaf}": other}, tmp_path / "c.safetensors")
    made = weight * (mask if leaf == "mask" else other[..., None])
    made[2] *= np.float32(1.01 if is_changed else 1)
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("view_1", made.reshape(8, -1).T))
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


@pytest.mark.parametrize(
    "name", ["ConvAddFusion_B_last.bias", "add_21_bias", "/Add_2_output_0_bias_fused"]
)
@pytest.mark.parametrize("has_others", [False, True])
def test_a_constant_that_was_added_to_a_bias(tmp_path: Path, name: str, has_others: bool) -> None:
    """An optimizer puts a mean that no checkpoint has into the bias of the last layer: nobody can
    say that it changed.
    """
    held = {"last.weight": draw(2600, 3, 8, 1, 1), "last.bias": draw(2601, 3)}
    chain = Chain()
    for at in range(2 if has_others else 0):
        held |= {f"{at}.weight": draw(2610 + at, 8, 8, 1, 1), f"{at}.bias": draw(2620 + at, 8)}
        names = [chain.keep(f"{at}.{leaf}", held[f"{at}.{leaf}"]) for leaf in ("weight", "bias")]
        chain.node("Conv", chain.last, *names)
    added = held["last.bias"] + np.array([0.4488, 0.4371, 0.404], np.float32)
    inputs = chain.keep("last.weight", held["last.weight"]), chain.keep(name, added)
    chain.node("Conv", chain.last, *inputs)
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed


def test_weights_without_elements(tmp_path: Path) -> None:
    """They are what they are, wherever they lie."""
    held = {"0.weight": draw(2700, 8, 8), "pos.weight": np.zeros((1, 0), np.float32)}
    chain = Chain()
    for name, values in held.items():
        chain.linear(name, values)
    save_file(held, tmp_path / "c.safetensors")
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed


def test_masks_are_no_parameters(tmp_path: Path) -> None:
    """A causal mask of minus infinity is no broken weight."""
    mask = np.triu(np.full((WIDTH, WIDTH), -np.inf, np.float32), 1)
    chain = layered(weights())
    chain.node("Add", chain.last, chain.keep("/self_attn/Where_output_0", mask))
    path = chain.save(tmp_path / "m.onnx")
    assert "infinity" not in {finding.rule for finding in audit(path).findings}


def test_budgets_by_type(tmp_path: Path) -> None:
    """One finding a type, by what codes are, not by what packs them."""
    chain = Chain()
    for at in range(3):
        nbits(chain, f"fc{at}.weight", draw(1700 + at, WIDTH, WIDTH))
    path = chain.save(tmp_path / "m.onnx")
    found = audit(path, policy=Policy(dtypes=("float16",))).failing
    assert 1 == len(found) and "uint4" in found[0].message


def test_another_models_reference(tmp_path: Path) -> None:
    """A reference of which hardly anything is in the artifact is refused by ``analyze``."""
    path = layered(weights()).save(tmp_path / "m.onnx")
    other = {f"h.{at}.c.weight": draw(1800 + at, 16, 48) for at in range(12)}
    save_file(other, tmp_path / "c.safetensors")
    done = run("analyze", str(path), "--reference", str(tmp_path / "c.safetensors"))
    assert 2 == done.returncode and "0 of its 12 tensors are in the artifact" in done.stderr


@pytest.mark.parametrize("verb", ["analyze", "audit"])
def test_one_bad_file_among_several(verb: str, tmp_path: Path) -> None:
    """The others are reported; the status says that one was not read."""
    good = [layered(weights()).save(tmp_path / f"{name}.onnx") for name in ("one", "two")]
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    done = run(verb, str(good[0]), str(tmp_path / "bad.onnx"), str(good[1]))
    assert 2 == done.returncode and "bad.onnx" in done.stderr
    assert "one" in done.stdout and "two" in done.stdout


# -- checkpoints ----------------------------------------------------------------------------------


def state() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in weights().items()}


def average() -> dict[str, torch.Tensor]:
    return {name: value * 0.9 + 0.05 for name, value in state().items()}


LAYOUTS: dict[str, Callable[[], object]] = {
    "state_dict beside a score": lambda: {"state_dict": state(), "best_acc1": torch.tensor(71.0)},
    "model_state_dict beside a loss": lambda: {
        "model_state_dict": state(),
        "loss": torch.tensor(1.0),
        "optimizer_state_dict": {"state": {0: {"exp_avg": torch.ones(4)}}},
    },
    "optimizer first": lambda: {"optimizer": {"state": average()}, "net": state()},
    "the average": lambda: {"state_dict": average(), "state_dict_ema": state()},
    "deep": lambda: {"trainer": {"model": {"weights": state()}}},
    "generators": lambda: {"G": average(), "D": {"x": torch.ones(3)}, "G_ema": state()},
}


@pytest.mark.parametrize("is_legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, is_legacy: bool, tmp_path: Path) -> None:
    """Of several dictionaries the one that the artifact was made of is read."""
    path = layered(weights()).save(tmp_path / "m.onnx")
    options = {"_use_new_zipfile_serialization": not is_legacy}
    torch.save(LAYOUTS[layout](), tmp_path / "c.pth", **options)
    done = audit(path, reference=tmp_path / "c.pth")
    assert done.passed and 2 * LAYERS == done.verdicts["identical"]


def test_sparse_tensors(tmp_path: Path) -> None:
    """A sparse tensor is filled out."""
    held = weights()
    held["layers.0.up.weight"] = np.where(np.abs(draw(1900, WIDTH, WIDTH)) > 1.5, 1.5, 0).astype(
        "f4"
    )
    path = layered(held).save(tmp_path / "m.onnx")
    tensors = {name: torch.from_numpy(value) for name, value in held.items()}
    tensors["layers.0.up.weight"] = tensors["layers.0.up.weight"].to_sparse()
    torch.save(tensors, tmp_path / "c.pt")
    assert audit(path, reference=tmp_path / "c.pt").passed


def test_pointers_are_named(tmp_path: Path) -> None:
    """A Git LFS pointer is called one."""
    path = layered(weights()).save(tmp_path / "m.onnx")
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    (tmp_path / "c.safetensors").write_text(text)
    with pytest.raises(onnx_params.OnnxParamsError, match="Git LFS pointer"):
        audit(path, reference=tmp_path / "c.safetensors")


def words(codes: np.ndarray, order: tuple[int, ...] = tuple(range(8))) -> np.ndarray:
    """Eight codes of the last axis in one int32."""
    parts = codes.astype(np.uint32).reshape(*codes.shape[:-1], -1, 8)[..., list(order)]
    packed = (parts << (4 * np.arange(8, dtype=np.uint32))).sum(-1, dtype=np.uint32)
    found: np.ndarray = packed.view(np.int32)
    return found


@pytest.mark.parametrize("form", ["gptq", "gptq, ordered", "awq"])
def test_quantized_checkpoints(form: str, tmp_path: Path) -> None:
    """GPTQ's and AWQ's codes are the numbers that they stand for; one changed code is named."""
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 16, (3, WIDTH, WIDTH))  # [in, out]
    zeros = rng.integers(1, 16, (3, 2, WIDTH))
    scales = (rng.random((3, 2, WIDTH)) + 0.5).astype(np.float16)
    groups = np.arange(WIDTH) // 16
    if "ordered" in form:
        groups = rng.permutation(groups)
    held: dict[str, np.ndarray] = {}
    chain = Chain()
    for at in range(3):
        stem = f"layers.{at}.fc"
        if "gptq" in form:
            held[f"{stem}.qweight"] = np.ascontiguousarray(words(codes[at].T).T)
            held[f"{stem}.qzeros"] = words(zeros[at] - 1)
            held[f"{stem}.g_idx"] = groups.astype(np.int32)
        else:
            order = (0, 2, 4, 6, 1, 3, 5, 7)
            held[f"{stem}.qweight"] = words(codes[at], order)
            held[f"{stem}.qzeros"] = words(zeros[at], order)
        held[f"{stem}.scales"] = scales[at]
        wide = scales[at].astype(np.float32)
        chain.linear(f"val_{at}", ((codes[at] - zeros[at][groups]) * wide[groups]).T)
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and 3 == sum(j.name.endswith("fc.weight") for j in done.judgements)
    held["layers.1.fc.qweight"][0, 0] ^= 7
    save_file(held, tmp_path / "s.safetensors")
    failing = audit(path, reference=tmp_path / "s.safetensors").failing
    assert {"layers.1.fc.weight"} == {finding.name for finding in failing}


def stream(codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes of the last axis as one stream of bits, the first lowest, in words of 32."""
    apart = (codes[..., None] >> np.arange(bits) & 1).reshape(*codes.shape[:-1], -1)
    packed = np.packbits(apart.astype(np.uint8), axis=-1, bitorder="little")
    found: np.ndarray = packed.view(np.int32)
    return found


@pytest.mark.parametrize("library", ["gptq", "hqq"])
def test_codes_of_three_bits(library: str, tmp_path: Path) -> None:
    """Words of 32 do not divide into three bits: a code lies in two of them, or ten in each."""
    rng = np.random.default_rng(9)
    codes = rng.integers(0, 8, (64, WIDTH))  # a row a group
    scales, zeros = rng.random((64, 1)).astype(np.float32) + 1, rng.integers(1, 8, (64, 1))
    weight = (codes - zeros).astype(np.float32) * scales
    if library == "gptq":
        turned = {"qweight": stream(codes, 3).T, "qzeros": stream(zeros.T - 1, 3)}
        held = {**turned, "scales": scales.T}
    else:
        filled = np.zeros((70, WIDTH), np.int64)
        filled[:64] = codes
        shifts = 3 * np.arange(9, -1, -1)[:, None, None]
        packed = (filled.reshape(10, 7, WIDTH) << shifts).sum(0).astype(np.int32)
        held = {"W_q": packed, "scale": scales, "zero": zeros.astype(np.float32)}
        held["shape"] = np.asarray(weight.shape)
    chain = Chain()
    chain.linear("val_1", weight)
    path = chain.save(tmp_path / "m.onnx")
    whole = {f"fc.{leaf}": np.ascontiguousarray(values) for leaf, values in held.items()}
    save_file(whole, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    (judgement,) = done.judgements
    assert done.passed and "fc" == judgement.name.removesuffix(".weight")


def test_stacks_of_vectors_that_lie_apart(tmp_path: Path) -> None:
    """Layers that a scan runs through lie in one array each, the vectors of norms too."""
    norms, weights = draw(30, LAYERS, WIDTH), draw(31, LAYERS, WIDTH, WIDTH)
    apart = {f"layers.{at}.norm.weight": norms[at] for at in range(LAYERS)}
    apart |= {f"layers.{at}.up.weight": weights[at] for at in range(LAYERS)}
    path = layered(apart).save(tmp_path / "m.onnx")
    save_file({"layers.norm": norms, "layers.up": weights}, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed
    changed = np.array(norms)
    changed[2, 3] += 1
    save_file({"layers.norm": changed, "layers.up": weights}, tmp_path / "s.safetensors")
    assert not audit(path, reference=tmp_path / "s.safetensors").passed


@pytest.mark.parametrize("factor", [0.5, 12**-0.5, 64**0.5])
def test_factors_of_rounded_weights(factor: float, tmp_path: Path) -> None:
    """A fusion put a factor into weights that were rounded after it: the root of an integer, which
    their codes leave room for; their biases in codes go with them.
    """
    chain, state = Chain(), {}
    for at in range(LAYERS):
        stem = f"/layers.{at}/Add_output_0"
        weight, bias = draw(40 + at, WIDTH, 12), draw(50 + at, WIDTH)
        state |= {f"layers.{at}.weight": weight, f"layers.{at}.bias": bias}
        scale = np.float32(np.abs(weight * factor).max() / 127)
        codes = np.round(weight * np.float32(factor) / scale).astype(np.int8)
        names = [chain.keep(f"{stem}_weight_fused_quantized", codes)]
        names += [chain.keep(f"{stem}_weight_fused_scale", scale)]
        wide = chain.node("DequantizeLinear", *names)
        coarse = np.round(bias * np.float32(factor) / np.float32(0.05)).astype(np.int32)
        names = [chain.keep(f"{stem}_bias_fused_quantized", coarse)]
        names += [chain.keep(f"{stem}_bias_fused_scale", np.float32(0.05))]
        shift = chain.node("DequantizeLinear", *names)
        chain.node("Gemm", "x", wide, shift, transB=1)
    path = chain.save(tmp_path / "m.onnx")
    save_file(state, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and {Verdict.FOLDED} == {each.verdict for each in done.judgements}


def test_another_weight_behind_a_librarys_own_operator(tmp_path: Path) -> None:
    """Quark rounds weights where they run; one that is another is named."""
    stored = weights()
    chain, quark = Chain(), {"domain": "com.amd.quark"}
    for at in range(LAYERS):
        up = chain.keep(f"val_{at}", stored[f"layers.{at}.up.weight"])
        scale, zero = chain.keep(f"s{at}", np.float32(1)), chain.keep(f"z{at}", np.float32(0))
        chain.node("ExtendedQuantizeLinear", up, scale, zero, **quark)
        rounded = chain.node("ExtendedDequantizeLinear", chain.last, scale, zero, **quark)
        chain.node("Mul", "x", chain.keep(f"n{at}", stored[f"layers.{at}.norm.weight"]))
        chain.node("Gemm", chain.last, rounded, transB=1)
    path = chain.save(tmp_path / "m.onnx")
    save_file(stored, tmp_path / "c.safetensors")
    assert audit(path, reference=tmp_path / "c.safetensors").passed
    stored["layers.2.up.weight"] = draw(99, WIDTH, WIDTH)
    save_file(stored, tmp_path / "s.safetensors")
    assert not audit(path, reference=tmp_path / "s.safetensors").passed


def test_numbered_variables_of_a_norm(tmp_path: Path) -> None:
    """Keras' weights files have numbers for names; a norm's are the factor, the shift, the mean and
    the variance.
    """
    kernel, four = draw(3, 3, 3, 8, 16), [draw(at, 16) for at in range(4)]
    four[3] = np.abs(four[3]) + 1
    held = {"layers/conv/vars/0": kernel}
    held |= {f"layers/norm/vars/{at}": values for at, values in enumerate(four)}
    factor = four[0] / np.sqrt(four[3] + np.float32(1e-3))
    folded = kernel.transpose(3, 2, 0, 1) * factor[:, None, None, None]
    chain = Chain()
    inputs = ("x", chain.keep("val_1", folded), chain.keep("val_2", four[1] - four[2] * factor))
    chain.node("Conv", *inputs)
    path = chain.save(tmp_path / "m.onnx")
    np.savez(tmp_path / "c.npz", **held)
    done = audit(path, reference=tmp_path / "c.npz")
    assert done.passed and {Verdict.FOLDED} == {each.verdict for each in done.judgements}


def test_complex_parameters(tmp_path: Path) -> None:
    """ONNX has no complex products: real and imaginary parts lie apart, or in pairs."""
    value = draw(2000, WIDTH, WIDTH) + 1j * draw(2001, WIDTH, WIDTH)
    reference = tmp_path / "c.pt"
    torch.save({"w": torch.from_numpy(value.astype(np.complex64))}, reference)
    for parts in ((value.real, value.imag), (np.stack([value.real, value.imag], -1),)):
        chain = Chain()
        for at, part in enumerate(parts):
            chain.node("Mul", chain.last, chain.keep(f"val_{at}", part.astype(np.float32)))
        done = audit(chain.save(tmp_path / "m.onnx"), reference=reference)
        assert done.passed and 1 == done.verdicts["folded"]


def test_findings_are_json(tmp_path: Path) -> None:
    """The rules for coverage are in the document as the others are."""
    path = layered(weights()).save(tmp_path / "m.onnx")
    save_file({"other": draw(1, 5, 7)}, tmp_path / "c.safetensors")
    done = run(
        "audit", str(path), "--reference", str(tmp_path / "c.safetensors"), "--format", "json"
    )
    assert 1 == done.returncode
    assert "incomplete" in {each["rule"] for each in json.loads(done.stdout)["findings"]}


def test_experts_of_a_quantized_mixture(tmp_path: Path) -> None:
    """QMoE's integers have a scale a row; typed codes of GatherBlockQuantized a scale a block."""
    experts = draw(2100, 2, 16, WIDTH)
    scale = (np.abs(experts).max(axis=2) / 7).astype(np.float32)
    codes = np.clip(np.round(experts / scale[..., None]) + 8, 0, 15).astype(np.uint8)
    chain = Chain()
    inputs = [
        chain.last,
        "router",
        chain.keep("experts_Q4", codes[..., ::2] | (codes[..., 1::2] << 4)),
        chain.keep("experts_scales", scale),
    ]
    chain.node("QMoE", *inputs, domain="com.microsoft", expert_weight_bits=4)
    table = draw(2101, 64, WIDTH)
    size = (np.abs(table.reshape(64, 2, 16)).max(axis=2) / 7).astype(np.float32)
    rounded = np.clip(np.round(table / size.repeat(16, axis=1)), -8, 7).astype(np.int8)
    inputs = [
        chain.keep("table_Q4", rounded, TensorProto.INT4),
        "tokens",
        chain.keep("table_scales", size),
    ]
    options = {"block_size": 16, "quantize_axis": 1, "gather_axis": 0}
    chain.node("GatherBlockQuantized", *inputs, domain="com.microsoft", **options)
    path = chain.save(tmp_path / "m.onnx")
    held = {"moe.gate": experts, "embed.weight": table}
    save_file(held, tmp_path / "c.safetensors")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert done.passed and 2 == done.verdicts["quantized"]


def quaternion(parts: list[np.ndarray]) -> np.ndarray:
    """Four matrices as the product with a quaternion has them."""
    r, i, j, k = parts
    rows = ((r, -i, -j, -k), (i, r, -k, j), (j, k, r, -i), (k, -j, i, r))
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def complex_number(parts: list[np.ndarray]) -> np.ndarray:
    """Two matrices as the product with a complex number has them."""
    r, i = parts
    return np.concatenate([np.concatenate((r, -i), 1), np.concatenate((i, r), 1)], 0)


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize("whole", [quaternion, complex_number])
def test_a_matrix_put_together_with_signs(
    tmp_path: Path, whole: Callable[[list[np.ndarray]], np.ndarray], is_changed: bool
) -> None:
    """Parts of quaternions and of complex numbers, in a real matrix under another name."""
    n_parts = 4 if whole is quaternion else 2
    held = {f"net.{name}_weight": draw(2200 + at, 5, 7) for at, name in enumerate("rijk"[:n_parts])}
    save_file(held, tmp_path / "c.safetensors")
    matrix = whole(list(held.values())).T.copy()
    matrix[2, 3] += 0.01 if is_changed else 0
    chain = Chain()
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_9", matrix))
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_table_once_more_without_its_first_row(tmp_path: Path, is_changed: bool) -> None:
    """Scores against every item but the one that pads, by the table that was looked up."""
    held = {"items.weight": draw(2210, 30, WIDTH)}
    save_file(held, tmp_path / "c.safetensors")
    scores = held["items.weight"][1:].T.copy()
    scores[4] *= 1.1 if is_changed else 1
    chain = Chain()
    chain.node("Gather", chain.keep("items.weight", held["items.weight"]), "x")
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_9", scores))
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_norm_whose_weight_is_one_more(tmp_path: Path, is_changed: bool) -> None:
    """One norm of TorchScript's with ``1 + w``, a vector of the same shape under a number's name:
    one that was taken as it is would have kept its own.
    """
    held = {"net.weight": draw(2220, 12, 12), "norm.weight": draw(2221, 12) * 0.1}
    save_file(held, tmp_path / "c.safetensors")
    chain = Chain()
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_195", 1 + held["norm.weight"]))
    name = "other" if is_changed else "net.weight"
    chain.linear(name, held["net.weight"])
    if is_changed:  # under its own name nothing was computed
        chain.stored[0].name = chain.nodes[0].input[1] = "norm.weight"
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed


def test_a_bank_of_filters_for_each_channel(tmp_path: Path) -> None:
    """Two filters again and again, in no checkpoint: a buffer that is not saved."""
    held = {"net.weight": draw(2230, 12, 12, 1, 1)}
    save_file(held, tmp_path / "c.safetensors")
    for n_filters, passes in ((2, True), (12, False)):
        chain = Chain()
        chain.node("Conv", chain.last, chain.keep("net.weight", held["net.weight"]))
        bank = np.tile(draw(2231, n_filters, 1, 3, 3), (12 // n_filters, 1, 1, 1))
        chain.node("Conv", chain.last, chain.keep("onnx::Conv_27", bank), group=12)
        path = chain.save(tmp_path / "m.onnx")
        assert audit(path, reference=tmp_path / "c.safetensors").passed is passes


def test_a_triangle_of_a_matrix(tmp_path: Path) -> None:
    """A matrix over positions that looks back alone, in half precision."""
    held = {"gate.weight": draw(2240, 2, 8, 8), "net.weight": draw(2241, 8, 8)}
    save_file(held, tmp_path / "c.safetensors")
    for triangle, verdict in ((np.tril, "folded"), (np.triu, "folded"), (np.fliplr, "folded")):
        chain = Chain()
        half = triangle(held["gate.weight"]).astype(np.float16)
        chain.node("MatMul", chain.keep("masked_fill_1", half), chain.last)
        chain.linear("net.weight", held["net.weight"])
        path = chain.save(tmp_path / "m.onnx")
        done = audit(path, reference=tmp_path / "c.safetensors")
        assert (done.verdicts[verdict] == 1) is (triangle is not np.fliplr)


def test_an_expert_of_another_stack(tmp_path: Path) -> None:
    """Of three stacks that lie apart the matrices of one are others: the stack is named."""
    held = {name: draw(2250 + at, 32, 12) for at, name in enumerate(("w1", "v1", "w2"))}
    save_file(held, tmp_path / "c.safetensors")
    chain = Chain()
    for name, stack in (held | {"v1": draw(2260, 32, 12)}).items():
        for at, matrix in enumerate(stack.reshape(4, 8, 12)):
            chain.node("MatMul", "x", chain.keep(f"onnx::MatMul_{name}{at}", matrix.T.copy()))
    path = chain.save(tmp_path / "m.onnx")
    done = audit(path, reference=tmp_path / "c.safetensors")
    assert not done.passed
    assert "v1" in [finding.name for finding in done.failing]


@pytest.mark.parametrize(
    ("name", "is_given"),
    [
        ("linear_10", True),
        ("/lstm_1/Gemm_output_0", True),
        ("conv2d", True),
        ("/lstm_1/Add_output_0", False),
        ("linear.weight", False),
        ("linear_weight", False),
        ("onnx::Gemm_10", False),
    ],
)
def test_what_a_layer_gives_is_no_weight(name: str, is_given: bool) -> None:
    """The names of the results of layers: numbers that were computed when the input was known."""
    assert is_layers_result(name) is is_given


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_copy_for_what_the_graph_computes(tmp_path: Path, is_changed: bool) -> None:
    """Weights that the graph standardizes are stored twice each; one copy of one was changed."""
    held = {f"layers.{at}.conv.weight": draw(2300 + at, 8, 6, 1, 1) for at in range(4)}
    save_file(held, tmp_path / "c.safetensors")
    chain = Chain()
    for at, kernel in enumerate(held.values()):
        other = kernel.reshape(1, 8, 6).copy()
        other[0, 3, 2] *= 1e30 if is_changed and at == 2 else 1
        chain.node("Conv", "x", chain.keep(f"layers.{at}.conv.weight", kernel))
        chain.node("ReduceMean", chain.keep(f"onnx::ReduceMean_{40 + at}", other))
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path, reference=tmp_path / "c.safetensors").passed is not is_changed
