"""Weights written into artifacts: every place gets the new values, nothing else changes, and what
cannot be written is refused before anything is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from support.applying import Files, assert_same, run, stored
from support.artifacts import artifact, case
from support.graphs import Arrays, Chain, checkpoint
from support.process import called
from zoo_build import _export

import onnx_params
from onnx_params.applying.record import Way
from onnx_params.errors import FormatError, UnsupportedError, UsageError

SHAPES = {"fc__weight": (6, 4), "fc__bias": (6,), "head__weight": (3, 6)}


def two_layers(path: Path, values: Arrays) -> Path:
    """A Gemm, and a product by a weight that is stored transposed under another name."""
    chain = Chain()
    chain.linear("fc.weight", values["fc.weight"], "fc.bias", values["fc.bias"])
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_9", values["head.weight"].T))
    return chain.save(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, two_layers, **SHAPES)


# exact places


def test_every_place_gets_the_new_values(files: Files) -> None:
    """The result has the initializers of a fresh export, and was proved to."""
    done = files.apply()
    assert_same(stored(files.fresh()), stored(files.out))
    assert ([Way.EXACT] * 3, True) == ([row.way for row in done.rows], done.is_proved)


def test_structure_stays_to_the_byte(files: Files) -> None:
    """But for payloads and one entry of metadata at its end the file is the old one."""
    files.apply()
    old, new = files.model.read_bytes(), files.out.read_bytes()
    masked = old
    for name, values in stored(files.model).items():
        masked = masked.replace(values.tobytes(), stored(files.out)[name].tobytes())
    assert masked == new[: len(old)]
    assert b"onnx-params.applied" in new[len(old) :]


def test_a_real_export_does_what_a_fresh_one_does(tmp_path: Path) -> None:
    """torch's exporter writes the same bits for the other weights."""
    made = case("bert")
    model = type(made.model)(made.model.config).eval()  # type: ignore[operator, arg-type]
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.1)
    _export(model, made.inputs, "dynamo", tmp_path / "fresh.onnx")
    state = dict(model.state_dict())
    done = onnx_params.apply(artifact("bert", "dynamo"), state, tmp_path / "out.onnx")
    assert len(state) == len(done.written)
    inputs = {name: value.numpy() for name, value in made.inputs.items()}
    for fresh, got in zip(
        run(tmp_path / "fresh.onnx", inputs), run(tmp_path / "out.onnx", inputs), strict=True
    ):
        assert fresh.tobytes() == got.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_state_dicts_are_taken(files: Files, dtype: str) -> None:
    """Arrays of NumPy and tensors of torch, trained or not, in whatever precision."""
    state = {
        name: torch.nn.Parameter(torch.from_numpy(values).to(getattr(torch, dtype)))
        for name, values in files.new.items()
    }
    onnx_params.apply(files.model, state, files.out, reference=files.reference)
    wanted = state["head.weight"].detach().float().numpy()
    assert np.array_equal(wanted.T, stored(files.out)["onnx::MatMul_9"])


def test_names_of_a_state_dict_are_no_paths(files: Files) -> None:
    """Whatever stands in them."""
    state = {**files.new, "a\0b\n": np.ones(0, np.int64)}
    done = onnx_params.apply(files.model, state, files.out, reference=files.reference)
    assert ([Way.ABSENT], 3) == ([row.way for row in done.rows[3:]], len(done.written))


@pytest.mark.parametrize("number", [1e6, np.nan, np.inf])
def test_what_no_audit_would_pass_is_refused(number: float, tmp_path: Path) -> None:
    """Numbers that half precision does not have, and what is no number, are not written."""

    def half(path: Path, values: Arrays) -> Path:
        chain = Chain()
        chain.node("Cast", chain.keep("fc.weight", values["fc.weight"].astype(np.float16)), to=1)
        chain.node("MatMul", "x", chain.last)
        return chain.save(path)

    files = Files(tmp_path, half, fc__weight=(4, 8))
    files.new["fc.weight"][0, 0] = number
    files.weights = checkpoint(tmp_path / "new.safetensors", **files.new)
    with pytest.raises(onnx_params.UnsupportedError):
        files.apply()
    assert not files.out.exists()


def _typed(name: str, values: np.ndarray, dtype: int) -> TensorProto:
    """A tensor whose numbers stand in typed fields, not in ``raw_data``."""
    return helper.make_tensor(name, dtype, values.shape, values.reshape(-1))


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_typed_fields(tmp_path: Path, dtype: int) -> None:
    """Packed floats, and bits of halves as varints, whose length changes with the value."""

    def typed(path: Path, values: Arrays) -> Path:
        chain = Chain()
        chain.stored.append(_typed("fc.weight", values["fc.weight"], dtype))
        chain.node("Cast", "fc.weight", to=1)
        chain.node("MatMul", "x", chain.last)
        return chain.save(path)

    files = Files(tmp_path, typed, fc__weight=(16, 8))
    files.apply()
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    assert np.array_equal(files.new["fc.weight"].astype(kind), stored(files.out)["fc.weight"])


def test_constants_branches_and_lists_of_numbers(tmp_path: Path) -> None:
    """A weight in the tensor of a node, one in plain floats, one in both branches of an If."""

    def build(path: Path, values: Arrays) -> Path:
        def branch(name: str) -> onnx.GraphProto:
            weight = numpy_helper.from_array(values["both"], "both")
            node = helper.make_node("Add", ["h", "both"], [name])
            out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            return helper.make_graph([node], name, [], [out], [weight])

        chain = Chain()
        in_node = numpy_helper.from_array(values["in_node"])
        floats = [float(each) for each in values["floats"]]
        chain.nodes += [
            helper.make_node("Constant", [], ["in_node"], value=in_node),
            helper.make_node("Constant", [], ["floats"], value_floats=floats),
            helper.make_node("MatMul", ["x", "in_node"], ["g"]),
            helper.make_node("Add", ["g", "floats"], ["h"]),
            helper.make_node(
                "If", ["yes"], ["y"], then_branch=branch("a"), else_branch=branch("b")
            ),
        ]
        chain.keep("yes", np.array(True))
        chain.last = "y"
        return chain.save(path)

    files = Files(tmp_path, build, in_node=(8, 8), floats=(8,), both=(8,))
    done = files.apply()
    inputs = {"x": np.eye(8, dtype=np.float32)}
    assert run(files.fresh(), inputs)[0].tobytes() == run(files.out, inputs)[0].tobytes()
    assert {Way.EXACT} == {row.way for row in done.rows}
    branches = [
        numpy_helper.to_array(graph.g.initializer[0])
        for graph in onnx.load(files.out).graph.node[-1].attribute
    ]
    assert all(np.array_equal(files.new["both"], each) for each in branches)


def test_copies_are_all_written(tmp_path: Path) -> None:
    """A table that is stored once more, transposed, under a name that says nothing."""

    def build(path: Path, values: Arrays) -> Path:
        chain = Chain()
        chain.node("MatMul", "x", chain.keep("embed.weight", values["embed.weight"]))
        chain.node("MatMul", chain.last, chain.keep("val_7", values["embed.weight"].T))
        return chain.save(path)

    files = Files(tmp_path, build, embed__weight=(9, 5))
    for reference in (None, files.reference):
        files.apply(reference=reference, accept_inferred=True)
        assert np.array_equal(files.new["embed.weight"].T, stored(files.out)["val_7"])


# files


@pytest.fixture
def outside(files: Files) -> Files:
    """The same artifact with its data beside it."""
    onnx.save(
        onnx.load(files.model),
        files.folder / "outside.onnx",
        save_as_external_data=True,
        location="outside.data",
        size_threshold=0,
    )
    files.model = files.folder / "outside.onnx"
    return files


def test_external_data_stays_external(outside: Files) -> None:
    """In the folder of the old one the new data gets a file of its own; the old one stays."""
    before = (outside.folder / "outside.data").read_bytes()
    outside.apply()
    assert before == (outside.folder / "outside.data").read_bytes()
    assert len(before) == len((outside.folder / "out.onnx.data").read_bytes())
    assert np.array_equal(outside.new["fc.weight"], stored(outside.out)["fc.weight"])
    assert ["out.onnx.data"] * 3 == [
        entry.value
        for tensor in onnx.load(outside.out, load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    ]


def test_external_data_keeps_its_name_elsewhere(outside: Files, tmp_path: Path) -> None:
    """In another folder the location stays as it is; written again, it is replaced; a file of
    another model is not.
    """
    outside.out = tmp_path / "elsewhere" / "out.onnx"
    outside.out.parent.mkdir()
    for _ in range(2):
        outside.apply()
        assert {"out.onnx", "outside.data"} == set(os.listdir(outside.out.parent))
    outside.out.unlink()
    with pytest.raises(onnx_params.UnreadableError, match="may be another model's"):
        outside.apply()


def test_inputs_are_never_overwritten(files: Files) -> None:
    """Not the artifact, not the checkpoints, whatever link leads there."""
    (files.folder / "link.onnx").symlink_to(files.model)
    for path in (files.model, files.folder / "link.onnx", files.weights, files.reference):
        files.out = path
        with pytest.raises(UsageError, match="is an input"):
            files.apply()


@pytest.mark.parametrize("where", ["write_all", "prove", "put_in_place"])
def test_nothing_is_half_written(
    outside: Files, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whenever it ends, no new file is there."""
    before = set(os.listdir(outside.folder))

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"onnx_params.applying.apply.{where}", ends)
    with pytest.raises(KeyboardInterrupt):
        outside.apply()
    assert before == set(os.listdir(outside.folder))


def test_a_dry_run_writes_nothing(files: Files) -> None:
    """It says what would be written, and where."""
    before = set(os.listdir(files.folder))
    done = onnx_params.apply(files.model, files.weights, reference=files.reference)
    assert before == set(os.listdir(files.folder))
    assert ("", 3, "onnx::MatMul_9") == (done.output, done.n_tensors, done.rows[2].stored[0])


def test_a_false_result_is_not_put_in_place(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit refuses what does not have the weights of the checkpoint."""
    from onnx_params.applying import payloads

    monkeypatch.setattr(payloads, "cast", lambda values, dtype: values * 2)
    with pytest.raises(FormatError, match="not proved to have these weights"):
        files.apply()
    assert not files.out.exists()


def test_metadata_says_where_the_weights_are_from(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which checkpoint, when, by which version; digests of a source map are renewed, so that it
    proves the new values.
    """
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    rows = [
        {"name": name, "shape": list(values.shape), "sha256": "0" * 64}
        for name, values in files.old.items()
    ]
    document = {"schema": "onnx-params/source-map/1", "parameters": rows}
    model = onnx.load(files.model)
    helper.set_model_props(model, {"onnx-params.source-map": json.dumps(document), "kept": "yes"})
    onnx.save(model, files.model)
    files.apply()
    props = {each.key: each.value for each in onnx.load(files.out).metadata_props}
    said = json.loads(props["onnx-params.applied"])
    assert ("new.safetensors", "1970-01-02T00:00:00Z") == (said["checkpoint"], said["when"])
    assert (onnx_params.__version__, 3, "yes") == (said["version"], said["tensors"], props["kept"])
    files.model = files.out
    files.out = files.folder / "again.onnx"
    done = files.apply(reference=files.weights)
    assert 3 == len(done.written)
    verified = onnx_params.analyze(files.model, reference=files.weights, verify=True)
    assert verified.inventory.verification is not None
    assert 0 == verified.inventory.verification.differed


# what is refused


def refusal(files: Files, **options: Any) -> str:
    with pytest.raises(UnsupportedError) as caught:
        files.apply(**options)
    assert not files.out.exists()
    return str(caught.value)


def test_inferred_places_are_refused_unless_accepted(files: Files) -> None:
    """A name that is not proved is not enough; with ``accept_inferred`` it is."""
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("onnx::MatMul_3", files.old["fc.weight"].T))
    chain.node("Add", chain.keep("fc.bias", files.old["fc.bias"]), chain.last)
    files.model = chain.save(files.model)
    weights = {name: files.new[name] for name in ("fc.weight", "fc.bias")}
    files.weights = checkpoint(files.folder / "two.safetensors", **weights)
    assert "'fc.weight': its place is inferred" in refusal(files, reference=None)
    files.apply(reference=None, accept_inferred=True)
    assert np.array_equal(files.new["fc.weight"].T, stored(files.out)["onnx::MatMul_3"])


def test_other_shapes_are_refused(files: Files) -> None:
    files.new["fc.bias"] = files.new["fc.bias"][:4]
    files.weights = checkpoint(files.weights, **files.new)
    assert "'fc.bias': it has the shape [4], the artifact has [6]" in refusal(files)


def test_a_part_of_a_checkpoint_is_refused_unless_asked_for(files: Files) -> None:
    """The result would have the weights of two models."""
    weights = {"fc.bias": files.new["fc.bias"]}
    files.weights = checkpoint(files.folder / "part.safetensors", **weights)
    with pytest.raises(UsageError, match="has nothing for 'fc.weight', 'head.weight'"):
        files.apply()
    files.apply(only=["fc.*"])
    assert np.array_equal(files.old["fc.weight"], stored(files.out)["fc.weight"])
    assert np.array_equal(files.new["fc.bias"], stored(files.out)["fc.bias"])


def test_ties_that_differ_are_refused(files: Files) -> None:
    """Two names that the old checkpoint has as one stored tensor."""
    tied = torch.from_numpy(files.old["fc.weight"])
    state = {
        "fc.weight": tied,
        "copy.weight": tied,
        **{name: torch.from_numpy(files.old[name]) for name in ("fc.bias", "head.weight")},
    }
    torch.save(state, files.folder / "old.pt")
    new = {**files.new, "copy.weight": files.new["fc.weight"] + 1}
    files.weights = checkpoint(files.weights, **new)
    said = refusal(files, reference=files.folder / "old.pt")
    assert (
        "stores it and 'fc.weight' as one" in said or "stores it and 'copy.weight' as one" in said
    )


def test_what_nothing_explains_is_refused(files: Files) -> None:
    """A parameter that may have been computed into a tensor of unknown origin."""
    chain = Chain()
    chain.linear("fc.weight", files.old["fc.weight"], "fc.bias", files.old["fc.bias"])
    chain.node("MatMul", chain.last, chain.keep("val_3", np.cumsum(files.old["head.weight"].T, 0)))
    files.model = chain.save(files.model)
    assert "nothing says what 'val_3' were made of" in refusal(files)


# command line


def test_command_line(files: Files) -> None:
    """A table of every tensor; status 2 and one line where a tensor cannot be written."""
    words = [str(files.model), str(files.weights), "--reference", str(files.reference)]
    done = called("apply", *words, "-o", str(files.out))
    assert (0, "") == (done.returncode, done.stderr)
    assert "out.onnx: 3 stored tensors, 192 bytes written and proved by an audit: 3 exact" in (
        done.stdout
    )
    document = json.loads(called("apply", *words, "--dry-run", "--format", "json").stdout)
    assert ("onnx-params/apply/1", 3) == (document["schema"], document["totals"]["ways"]["exact"])
    refused = called("apply", *words[:2], "-o", str(files.folder / "no.onnx"))
    assert (2, 1) == (refused.returncode, refused.stderr.count("\n"))
    assert "3 of 3 tensors cannot be written, and nothing was" in refused.stderr
    assert 1 == called("apply", *words[:2], "--dry-run").returncode


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.onnx", "new.safetensors"], "give either -o OUT.onnx or --dry-run"),
        (["new.safetensors", "new.safetensors", "-o", "o.onnx"], "is a checkpoint"),
        (["model.onnx", "model.onnx", "-o", "o.onnx"], "model.onnx"),
        (["model.onnx", "none.safetensors", "-o", "o.onnx"], "no such file"),
        (["model.onnx", "new.safetensors", "--only", "x", "--dry-run"], "no tensor of it is"),
        (["model.onnx", "new.safetensors", "--lora", "none", "--dry-run"], "no such file"),
        (
            [
                "model.onnx",
                "new.safetensors",
                "-o",
                "none/o.onnx",
                "--reference",
                "old.safetensors",
            ],
            "none/o.onnx",
        ),
    ],
)
def test_misuse(files: Files, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    """One clear line and status 2."""
    monkeypatch.chdir(files.folder)
    done = called("apply", *words)
    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done
    assert said in done.stderr


def test_values_that_are_no_arrays(files: Files) -> None:
    for state in ({}, {"fc.weight": "text"}, {"fc.weight": [1.0]}, 3):
        with pytest.raises(UsageError):
            onnx_params.apply(files.model, state, files.out)  # type: ignore[arg-type]
