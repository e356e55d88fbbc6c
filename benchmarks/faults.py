"""Plant faults in artifacts and count which an audit finds, and at which parameter.

``python benchmarks/faults.py [--cases a,b] [--kinds x,y] [--seed N]``. A fault of values is planted
on the checkpoint's side (the artifact then has the faulty values, however it is quantized or
folded), a fault of storage in the artifact's bytes. A fault counts as visible where the artifact's
precision lets it show: some value lies further from what is stored than half a quantization step,
the rounding of its type, or the tolerance of folding. ``found`` are those that the audit names at
the right parameter.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

import onnx_params
from onnx_params.auditing.judge import judge
from onnx_params.auditing.judgements import Judgement, Verdict

sys.path.insert(0, str(Path(__file__).parent))
from zoo_build import FOLDER  # noqa: E402

KINDS: Final = (
    "dynamo",
    "torchscript",
    "dynamo+ort-all",
    "dynamo+fp16",
    "dynamo+int8-dynamic",
    "dynamo+int8-qdq",
    "dynamo+int4",
)
CASES: Final = (
    "bert",
    "gpt2",
    "llama",
    "t5",
    "vit",
    "resnet",
    "whisper",
    "mixtral",
    "clip",
    "bart",
    "electra",
    "roberta",
    "mistral",
    "gemma",
    "dinov2",
    "lstm",
)
Weights = dict[str, np.ndarray]


class Planted(NamedTuple):
    """A fault: the names that must be named, and what was done."""

    names: frozenset[str]
    what: str


# -- faults of values: the checkpoint gets what the artifact no longer has --------------------

OfValues = Callable[[Weights, str, np.random.Generator], frozenset[str] | None]


def flipped(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str]:
    flat = weights[name].reshape(-1)
    bits = flat.view(np.uint32)
    bits[rng.integers(flat.size)] ^= np.uint32(1 << 22)  # the highest bit of the mantissa
    return frozenset({name})


def swapped(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str] | None:
    leaf = name.rpartition(".")[2]
    others = [
        o
        for o, v in weights.items()
        if o != name and v.shape == weights[name].shape and o.rpartition(".")[2] == leaf
    ]
    others = [o for o in others if not np.array_equal(weights[o], weights[name])]
    if not others:
        return None
    other = others[int(rng.integers(len(others)))]
    weights[name], weights[other] = weights[other], weights[name]
    return frozenset({name, other})


def older(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str]:
    value = weights[name]
    weights[name] = (value + rng.standard_normal(value.shape) * 0.1 * value.std()).astype(
        value.dtype
    )
    return frozenset({name})


def zeroed(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str]:
    """The artifact's is zero: the checkpoint's becomes another tensor altogether, which is the same
    seen from its side.
    """
    weights[name] = (rng.standard_normal(weights[name].shape) * weights[name].std()).astype(
        weights[name].dtype
    )
    return frozenset({name})


def scaled_row(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str]:
    weights[name][int(rng.integers(len(weights[name])))] *= np.float32(1 / 1.01)
    return frozenset({name})


def transposed(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str] | None:
    if weights[name].ndim != 2 or len(set(weights[name].shape)) > 1:
        return None
    weights[name] = np.ascontiguousarray(weights[name].T)
    return frozenset({name})


def permuted_heads(weights: Weights, name: str, rng: np.random.Generator) -> frozenset[str] | None:
    value = weights[name]
    if value.ndim != 2 or value.shape[0] % 4:
        return None
    blocks = value.reshape(4, -1, value.shape[1])[[1, 0, 2, 3]]
    weights[name] = np.ascontiguousarray(blocks.reshape(value.shape))
    return frozenset({name})


OF_VALUES: Final[dict[str, OfValues]] = {
    "a flipped bit": flipped,
    "two layers swapped": swapped,
    "a layer of an older checkpoint": older,
    "another tensor": zeroed,
    "a row times 1.01": scaled_row,
    "a square matrix transposed": transposed,
    "two heads permuted": permuted_heads,
}

# -- faults of storage: the artifact's bytes --------------------------------------------------

OfStorage = Callable[[onnx.ModelProto, Judgement, np.random.Generator], bool]


def _initializer(model: onnx.ModelProto, name: str) -> TensorProto | None:
    return next((t for t in model.graph.initializer if t.name == name), None)


def _store(tensor: TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def flipped_in_storage(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    tensor = _initializer(model, at.stored[0])
    if tensor is None or not tensor.raw_data:
        return False
    data = bytearray(tensor.raw_data)
    width = numpy_helper.to_array(tensor).dtype.itemsize
    where = int(rng.integers(len(data) // width)) * width + width - 1
    data[where] ^= 0x40 if width > 1 else 0x44
    tensor.raw_data = bytes(data)
    return True


def zeros_in_storage(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    tensor = _initializer(model, at.stored[0])
    if tensor is None or not tensor.raw_data:
        return False
    tensor.raw_data = bytes(len(tensor.raw_data))
    return True


def nan_in_storage(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    tensor = _initializer(model, at.stored[0])
    if tensor is None or tensor.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        return False
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[int(rng.integers(values.size))] = np.nan
    _store(tensor, values)
    return True


def _beside(model: onnx.ModelProto, stored: str, endings: tuple[str, ...]) -> TensorProto | None:
    """The scale or the zero point of a quantized weight: by its name, else by the node that takes
    both.
    """
    stem = stored.removesuffix("_quantized").removesuffix("_Q4").removesuffix("_DQ_Q4")
    named: TensorProto | None = next(
        (
            t
            for t in model.graph.initializer
            if t.name.startswith(stem) and any(t.name.endswith(ending) for ending in endings)
        ),
        None,
    )
    if named is not None:
        return named
    for node in model.graph.node:
        for name in (
            list(node.input)[list(node.input).index(stored) + 1 :] if stored in node.input else ()
        ):
            tensor = _initializer(model, name)
            if tensor is not None and any(ending in name for ending in endings):
                return tensor
    return None


def doubled_scale(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    scale = _beside(model, at.stored[0], ("scale", "_scales"))
    if scale is None or at.verdict is not Verdict.QUANTIZED:
        return False
    values = numpy_helper.to_array(scale)
    values = values.copy() * 2
    _store(scale, values)
    return True


def shifted_zero(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    zero = _beside(model, at.stored[0], ("zero_point", "_zp"))
    if (
        zero is None
        or at.verdict is not Verdict.QUANTIZED
        or zero.data_type not in (TensorProto.UINT8, TensorProto.INT8)
    ):
        return False
    values = numpy_helper.to_array(zero)
    top = np.iinfo(values.dtype).max
    _store(zero, np.where(values < top, values + 1, values - 1).astype(values.dtype))
    return True


def dropped_bias(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    """A bias zeroed by taking it out of its slot: the node loses its last input."""
    if not at.name.endswith("bias"):
        return False
    for node in model.graph.node:
        if (
            at.stored[0] in node.input
            and node.op_type in ("Gemm", "Conv", "LayerNormalization")
            and node.input[-1] == at.stored[0]
        ):
            users = sum(at.stored[0] in other.input for other in model.graph.node)
            if users == 1:
                del node.input[-1]
                model.graph.initializer.remove(_initializer(model, at.stored[0]))
                return True
    return False


def extra_adapter(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    """Two small matrices beside a MatMul, as a merged-in LoRA would have them."""
    for node in model.graph.node:
        if node.op_type in ("MatMul", "Gemm") and at.stored[0] in node.input:
            tensor = _initializer(model, at.stored[0])
            values = None if tensor is None else numpy_helper.to_array(tensor)
            if values is None or values.ndim != 2 or values.dtype not in (np.float32, np.float16):
                return False
            rows, columns = (
                values.shape
                if not any(a.name == "transB" and a.i for a in node.attribute)
                else values.shape[::-1]
            )
            down, up = (
                rng.standard_normal(shape).astype(values.dtype)
                for shape in ((rows, 2), (2, columns))
            )
            model.graph.initializer.extend(
                [
                    numpy_helper.from_array(down, "lora_A.weight"),
                    numpy_helper.from_array(up, "lora_B.weight"),
                ]
            )
            out = node.output[0]
            node.output[0] = "lora_base"
            place = list(model.graph.node).index(node) + 1
            for at_node, made in enumerate(
                (
                    helper.make_node("MatMul", [node.input[0], "lora_A.weight"], ["lora_down"]),
                    helper.make_node("MatMul", ["lora_down", "lora_B.weight"], ["lora_up"]),
                    helper.make_node("Add", ["lora_base", "lora_up"], [out]),
                )
            ):
                model.graph.node.insert(place + at_node, made)
            return True
    return False


FORMULAS: Final[tuple[Callable[[np.ndarray], np.ndarray], ...]] = (
    lambda w: -w,
    lambda w: 1 / np.where(w == 0, 1, w),
    lambda w: w * w,
    np.exp,
    np.tanh,
    lambda w: 1 / (1 + np.exp(-w)),
    lambda w: 1 + w,
    lambda w: w - 1,
)
FACTORS: Final = (0.125, 0.5, 2.0, 7.0, 64.0, 1.01)


def _computed(
    model: onnx.ModelProto, name: str, function: Callable[[np.ndarray], np.ndarray]
) -> bool:
    tensor = _initializer(model, name)
    if tensor is None or tensor.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        return False
    values = numpy_helper.to_array(tensor)
    with np.errstate(all="ignore"):
        made = function(values.astype(np.float64)).astype(values.dtype)
    if not np.isfinite(made).all() or np.array_equal(made, values):
        return False
    _store(tensor, made)
    return True


def formula_of_itself(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    return _computed(model, at.stored[0], FORMULAS[int(rng.integers(len(FORMULAS)))])


def times_a_factor(model: onnx.ModelProto, at: Judgement, rng: np.random.Generator) -> bool:
    factor = FACTORS[int(rng.integers(len(FACTORS)))]
    return _computed(model, at.stored[0], lambda values: values * factor)


_OF_ALL_VALUES: Final = frozenset({"a formula of itself", "times a factor"})
OF_STORAGE: Final[dict[str, OfStorage]] = {
    "a formula of itself": formula_of_itself,
    "times a factor": times_a_factor,
    "a flipped bit in storage": flipped_in_storage,
    "zeros in storage": zeros_in_storage,
    "NaN in storage": nan_in_storage,
    "a scale doubled": doubled_scale,
    "a zero point off by one": shifted_zero,
    "a bias dropped": dropped_bias,
    "an extra adapter": extra_adapter,
}

# -- the count --------------------------------------------------------------------------------

COMPARABLE: Final = (
    Verdict.IDENTICAL,
    Verdict.MOVED,
    Verdict.CAST,
    Verdict.QUANTIZED,
    Verdict.FOLDED,
)


class Outcome(NamedTuple):
    """One fault: whether it can show, whether it was found where it is, what was said."""

    fault: str
    visible: bool
    found: bool
    said: str


def audit(artifact: Path, checkpoint: Path) -> list[Judgement]:
    return judge(onnx_params.analyze(artifact, reference=checkpoint).inventory)


def outcomes(artifact: Path, checkpoint: Path, seed: int) -> Iterator[Outcome]:
    """Every fault once, at a parameter drawn by ``seed``."""
    rng = np.random.default_rng(seed)
    clean = {j.name: j for j in audit(artifact, checkpoint)}
    original = load_file(checkpoint)
    names = [
        n
        for n, j in clean.items()
        if j.verdict in COMPARABLE
        and original[n].size > 8
        and original[n].dtype == np.float32
        and j.stored
    ]
    matrices = [n for n in names if original[n].ndim >= 2]
    # a byte of what several share may be any one's
    holders = collections.Counter(stored for j in clean.values() for stored in j.stored)
    with tempfile.TemporaryDirectory() as folder:
        for fault, plant in OF_VALUES.items():
            for name in rng.permutation(matrices):
                weights = {key: value.copy() for key, value in original.items()}
                hit = plant(weights, str(name), rng)
                if hit is not None and any(
                    not np.array_equal(weights[n], original[n]) for n in hit
                ):
                    break
            else:
                continue
            path = Path(folder) / "checkpoint.safetensors"
            save_file(weights, path)
            yield outcome(
                fault,
                artifact,
                path,
                hit,
                all(shows(clean[n], original[n], weights[n]) for n in hit if n in clean),
            )
        for fault, change in OF_STORAGE.items():
            model = onnx.load(artifact)
            of_all = "bias" in fault or "formula" in fault or "factor" in fault
            order = rng.permutation(names if of_all else matrices)
            hit_at = next(
                (
                    str(n)
                    for n in order
                    if clean[str(n)].verdict is not Verdict.FOLDED
                    and holders[clean[str(n)].stored[0]] == 1
                    and change(model, clean[str(n)], rng)
                ),
                None,
            )
            if hit_at is None:
                continue
            path = Path(folder) / "artifact.onnx"
            onnx.save(model, path)
            named = (
                frozenset({"lora_A.weight", "lora_B.weight"})
                if "adapter" in fault
                else frozenset({hit_at})
            )
            was = clean[hit_at]
            shows_up = "bias dropped" not in fault or bool(np.any(original[hit_at]))
            if fault in _OF_ALL_VALUES and "looked up" in was.because:
                shows_up = False  # of rows of a table, in an order that nothing tells
            yield outcome(fault, path, checkpoint, named, shows_up and was.verdict in COMPARABLE)


def shows(was: Judgement, before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a change of values can be told from what is stored."""
    if "looked up" in was.because:
        return False  # only some rows are in the artifact
    apart = np.abs(before.astype(np.float64) - after)
    if was.verdict is Verdict.CAST:
        return not np.array_equal(before.astype(np.float16), after.astype(np.float16))
    if was.verdict is Verdict.QUANTIZED and was.rounding is not None:
        # largest error: at least the half of a step, nearly
        return bool(apart.max() > 3 * was.rounding.largest)
    if was.verdict is Verdict.FOLDED:
        return bool(apart.max() > 1e-3 * np.abs(before).max())
    return True


def outcome(
    fault: str, artifact: Path, checkpoint: Path, names: frozenset[str], visible: bool
) -> Outcome:
    try:
        judged = audit(artifact, checkpoint)
    except onnx_params.OnnxParamsError as error:
        return Outcome(
            fault, visible, any(name in str(error) for name in names), f"refused: {error}"
        )
    failing = {j.name: j for j in judged if j.fails}
    if fault == "NaN in storage":  # a rule of its own finds them
        made = onnx_params.audit(artifact, reference=checkpoint)
        hit = {each.name for each in made.failing if each.rule == "nan"}
        failing |= {j.name: j for j in judged if j.name in hit}
    found = names <= set(failing) or (names & set(failing) and fault == "two layers swapped")
    said = (
        "; ".join(f"{j.name}: {j.verdict.value}" for j in list(failing.values())[:4]) or "nothing"
    )
    return Outcome(fault, visible, bool(found), f"{sorted(names)} -> {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    clean = false = 0
    for case in options.cases.split(","):
        for kind in options.kinds.split(","):
            artifact, checkpoint = (
                FOLDER / case / f"{kind}.onnx",
                FOLDER / case / "weights.safetensors",
            )
            if not artifact.exists():
                continue
            clean += 1
            alarms = [j for j in audit(artifact, checkpoint) if j.fails]
            false += bool(alarms)
            for alarm in alarms:
                print(
                    f"FALSE ALARM {case} {kind}: {alarm.name} {alarm.verdict.value}:"
                    f" {alarm.because}"
                )
            for each in outcomes(artifact, checkpoint, options.seed):
                row = table[each.fault, kind]
                row["planted"] += 1
                row["visible"] += each.visible
                row["found"] += each.visible and each.found
                if each.visible and not each.found:
                    print(f"MISSED {case} {kind}: {each.fault}: {each.said}")
    print(f"\n{clean} clean artifacts, {false} with a false alarm\n")
    kinds = options.kinds.split(",")
    print(f"{'fault (found / visible / planted)':34} " + " ".join(f"{kind:>20}" for kind in kinds))
    for fault in (*OF_VALUES, *OF_STORAGE):
        cells = [table.get((fault, kind), collections.Counter()) for kind in kinds]
        told = [
            "/".join(str(c[word]) for word in ("found", "visible", "planted")) if c else "-"
            for c in cells
        ]
        print(f"{fault:34} " + " ".join(f"{cell:>20}" for cell in told))


if __name__ == "__main__":
    main()
