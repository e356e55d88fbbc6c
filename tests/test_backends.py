"""What came to the exporters later:

Flax Linen, Equinox, Keras on other backends, SavedModels; and Orbax checkpoints as references.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support.process import run

import onnx_params
from onnx_params.comparison.compare import EXPLAINED, compare
from onnx_params.comparison.pairs import Relation
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import DependencyError, ExportError, FormatError
from onnx_params.inventory.values import values_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
HERE = Path(__file__).parent
TOKENS = np.random.default_rng(3).integers(0, 20, (2, 6)).astype(np.int32)
IMAGE = np.random.default_rng(4).standard_normal((2, 8, 8, 3)).astype(np.float32)


def rows_of(path: Path) -> dict[str, tuple[int, ...] | None]:
    rows = onnx_params.analyze(path).rows
    assert all(row.certain for row in rows)
    return {row.name: row.shape for row in rows}


def assert_values(path: Path, true: dict[str, np.ndarray]) -> None:
    """Every parameter that has a place holds the framework's numbers."""
    inventory = onnx_params.analyze(path).inventory
    held = [claim for claim in inventory.parameters if claim.placements]
    assert len(held) >= 0.8 * len(true)
    for claim in held:
        assert np.array_equal(true[claim.name], values_of(inventory, claim)), claim.name


def linen() -> tuple[Any, dict[str, np.ndarray]]:
    """A bound module with each layer of the list, and its parameters."""
    import flax.linen as nn
    import jax
    from flax.traverse_util import flatten_dict

    class Net(nn.Module):
        @nn.compact
        def __call__(self, image: jax.Array, ids: jax.Array) -> tuple[jax.Array, jax.Array]:
            x = nn.BatchNorm(use_running_average=True, name="norm")(
                nn.Conv(8, (3, 3), name="stem")(image)
            )
            x = nn.Conv(8, (3, 3), feature_group_count=8, name="depth")(nn.relu(x))
            y = nn.LayerNorm(name="ln")(nn.Embed(20, 16, name="embed")(ids))
            y = y + nn.MultiHeadDotProductAttention(2, name="attn")(y, y)
            y = nn.RNN(nn.LSTMCell(12, name="cell"))(y)[:, -1]
            return nn.Dense(5, name="head")(x.mean((1, 2))), nn.Dense(5, name="tail")(y)

    drawn = drawn_like(Net().init(jax.random.key(0), IMAGE, TOKENS))
    flat = flatten_dict(drawn["params"])
    return Net().bind(drawn), {".".join(path): np.asarray(value) for path, value in flat.items()}


def drawn_like(tree: Any) -> Any:
    """The tree with every array drawn different, variances positive."""
    import jax

    draw = np.random.default_rng(5)
    return jax.tree.map(
        lambda x: jax.numpy.asarray(
            np.abs(draw.standard_normal(x.shape)).astype(x.dtype) * 0.3 + 0.05
        ),
        tree,
    )


def test_linen(tmp_path: Path) -> None:
    """Names without the collection, every place proved; statistics are no parameters; an unbound
    module says what is missing.
    """
    from onnx_params_exporters import from_jax

    model, true = linen()
    path = tmp_path / "m.onnx"
    from_jax.export(model, [IMAGE, TOKENS], str(path))
    assert {name: values.shape for name, values in true.items()} == rows_of(path)
    assert_values(path, true)
    assert [value.name for value in onnx.load(path).graph.input] == ["image", "ids"]
    with pytest.raises(ExportError, match="bind"):
        from_jax.export(model.unbind()[0], [IMAGE, TOKENS], str(path))


def test_small_bias(tmp_path: Path) -> None:
    """Three numbers are too few to be told by themselves; where they are the only ones of their
    shape they are found, equal and not nearly so.
    """
    import equinox as eqx
    import jax
    from onnx_params_exporters import from_jax

    model = eqx.nn.MLP(4, 3, 8, 2, key=jax.random.key(0))
    from_jax.export(model, np.ones((2, 4), np.float32), str(tmp_path / "m.onnx"), batched=True)
    assert {"whole"} == {row.view for row in onnx_params.analyze(tmp_path / "m.onnx").rows}


def test_equinox(tmp_path: Path) -> None:
    """Paths as an Equinox user writes them, running statistics out of the state, a layer in two
    places under both names.
    """
    import equinox as eqx
    import jax
    from onnx_params_exporters import from_jax

    class Net(eqx.Module):
        stem: eqx.nn.Conv2d
        norm: eqx.nn.BatchNorm
        embed: eqx.nn.Embedding
        attn: eqx.nn.MultiheadAttention
        layers: list[eqx.nn.Linear]
        again: eqx.nn.Linear
        drop: eqx.nn.Dropout

        def __init__(self, key: jax.Array) -> None:
            keys = iter(jax.random.split(key, 8))
            self.stem = eqx.nn.Conv2d(3, 4, 3, key=next(keys))
            self.norm = eqx.nn.BatchNorm(4, "batch", mode="ema")
            self.embed = eqx.nn.Embedding(20, 16, key=next(keys))
            self.attn = eqx.nn.MultiheadAttention(2, 16, key=next(keys))
            shared = eqx.nn.Linear(16, 16, key=next(keys))
            self.layers = [shared, eqx.nn.Linear(16, 5, use_bias=False, key=next(keys))]
            self.again = shared
            self.drop = eqx.nn.Dropout(0.5)

        def __call__(
            self, image: jax.Array, ids: jax.Array, state: Any
        ) -> tuple[tuple[jax.Array, jax.Array], Any]:
            x, state = self.norm(self.stem(image), state)
            y = jax.vmap(self.embed)(ids)
            y = self.attn(y, y, y)
            y = self.drop(self.again(jax.nn.relu(self.layers[0](y[-1]))))
            return (x.mean((1, 2)), self.layers[1](y)), state

    net, state = eqx.nn.make_with_state(Net)(jax.random.key(0))
    # ones and zeros are in many places
    net = eqx.tree_at(
        lambda net: (net.norm.weight, net.norm.bias),
        net,
        drawn_like((net.norm.weight, net.norm.bias)),
    )
    path = tmp_path / "m.onnx"
    from_jax.export((net, state), [IMAGE.transpose(0, 3, 1, 2), TOKENS], str(path), batched=True)
    true = {
        "stem.weight": net.stem.weight,
        "stem.bias": net.stem.bias,
        "norm.weight": net.norm.weight,
        "norm.bias": net.norm.bias,
        "embed.weight": net.embed.weight,
        "layers[0].weight": net.layers[0].weight,
        "layers[0].bias": net.layers[0].bias,
        "layers[1].weight": net.layers[1].weight,
    }
    true |= {
        f"attn.{part}_proj.weight": getattr(net.attn, f"{part}_proj").weight
        for part in ("query", "key", "value", "output")
    }
    assert {name: values.shape for name, values in true.items()} == rows_of(path)
    aliases = {row.name: row.aliases for row in onnx_params.analyze(path).rows}
    assert ("again.weight",) == aliases["layers[0].weight"]
    with pytest.raises(ExportError, match="cannot be called"):
        from_jax.export((net, state), [TOKENS], str(path))
    with pytest.raises(ExportError, match="not a module of Flax or Equinox"):
        from_jax.export(lambda x: x, [TOKENS], str(path))


ON_BACKEND = """
import sys
sys.path[:0] = [{tests!r}]
from support import crossnet
from onnx_params_exporters import from_keras
model, own = crossnet.build_keras()
from_keras.export(model, list(crossnet.inputs()), {path!r})
model.save({saved!r})
"""


@pytest.fixture(scope="module")
def keras_on(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same Keras network exported on each backend; a process has one."""
    folder = tmp_path_factory.mktemp("keras")
    for backend in ("tensorflow", "torch", "jax"):
        script = ON_BACKEND.format(
            tests=str(HERE),
            path=str(folder / f"{backend}.onnx"),
            saved=str(folder / f"{backend}.keras"),
        )
        env = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stderr[-2000:]
    return {path.stem: path for path in folder.glob("*.onnx")}


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_keras_backends(keras_on: dict[str, Path], backend: str) -> None:
    """Paths, shapes and order of ``.weights`` on every backend; the artifacts are the
    same network.
    """
    from support import crossnet

    own = crossnet.build_keras()[1]
    true = [(name, shape) for name, shape, _ in own if "moving_" not in name and "seed" not in name]
    assert true == [(row.name, row.shape) for row in onnx_params.analyze(keras_on[backend]).rows]
    made = compare(keras_on["tensorflow"], keras_on[backend])
    unread = {pair.name for pair in made.pairs if pair.relation not in EXPLAINED}
    # folded with a mean by one, held beside it by the other
    assert unread <= ({"norm/beta", "free_norm/beta"} if backend == "torch" else set())
    assert all(pair.relation is Relation.UNREAD for pair in made.pairs if pair.name in unread)
    assert made.differences <= {"layout", "folding", "rounding"}
    assert all(
        pair.a is not None and pair.b is not None and pair.a.name == pair.b.name
        for pair in made.pairs
        if pair.a and pair.b
    )


def test_keras_file_of_another_backend(keras_on: dict[str, Path], tmp_path: Path) -> None:
    """A file that was saved on JAX is exported by the command, on TensorFlow, with the
    same names.
    """
    from support import crossnet

    image, ids = crossnet.inputs()
    np.savez(tmp_path / "in.npz", image=image, ids=ids)
    saved = keras_on["jax"].with_suffix(".keras")
    done = run(
        "export",
        "keras",
        str(saved),
        "-o",
        str(tmp_path / "m.onnx"),
        "--inputs",
        str(tmp_path / "in.npz"),
    )
    assert 0 == done.returncode, done.stderr
    assert [row.name for row in onnx_params.analyze(keras_on["jax"]).rows] == [
        row.name for row in onnx_params.analyze(tmp_path / "m.onnx").rows
    ]


def test_saved_model(tmp_path: Path) -> None:
    """Keras' own export: the paths of ``.weights``; a tf.Module: its variables' names, and where
    two have one, the objects' places.
    """
    import tensorflow as tf
    from onnx_params_exporters import from_keras
    from support import crossnet

    model, own = crossnet.build_keras()
    model.export(str(tmp_path / "keras"), verbose=False)
    given = dict(zip(("image", "ids"), crossnet.inputs(), strict=True))
    from_keras.export(str(tmp_path / "keras"), given, str(tmp_path / "keras.onnx"))
    true = {name: values for name, _, values in own if "moving_" not in name and "seed" not in name}
    assert {name: values.shape for name, values in true.items()} == rows_of(tmp_path / "keras.onnx")
    assert_values(tmp_path / "keras.onnx", true)

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="mod")
            draw = np.random.default_rng(0)
            self.layers = [
                tf.Variable(draw.standard_normal((16, 16)).astype(np.float32), name="w")
                for _ in range(2)
            ]
            self.out = tf.Variable(
                draw.standard_normal((16, 3)).astype(np.float32), name="dense/kernel"
            )

        @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            for weight in self.layers:
                x = tf.nn.relu(x @ weight)
            return {"y": x @ self.out}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "module"), signatures=module.__call__)
    from_keras.export(
        str(tmp_path / "module"), np.ones((2, 16), np.float32), str(tmp_path / "module.onnx")
    )
    assert {"layers/0": (16, 16), "layers/1": (16, 16), "dense/kernel": (16, 3)} == rows_of(
        tmp_path / "module.onnx"
    )
    with pytest.raises(ExportError, match="cannot be called"):
        from_keras.export(model, [np.ones((2, 3), np.float32)] * 2, str(tmp_path / "keras.onnx"))
    with pytest.raises(ExportError, match="takes 1 inputs"):
        from_keras.export(str(tmp_path / "module"), [np.ones(1)] * 2, str(tmp_path / "module.onnx"))
    with pytest.raises(ExportError, match="cannot load"):
        from_keras.export(
            str(tmp_path), np.ones((2, 16), np.float32), str(tmp_path / "module.onnx")
        )


def test_orbax(tmp_path: Path) -> None:
    """Every layout gives the same names, shapes, types and numbers; a training state gives its
    parameters; names come back into a bare artifact.
    """
    import orbax.checkpoint as ocp
    from onnx_params_exporters import from_jax

    model, true = linen()
    variables = model.unbind()[1]
    path = tmp_path / "m.onnx"
    from_jax.export(model, [IMAGE, TOKENS], str(path))
    bare = onnx.load(path)
    del bare.metadata_props[:]
    onnx.save(bare, tmp_path / "bare.onnx")
    state = {
        "params": variables["params"],
        "batch_stats": variables["batch_stats"],
        "opt_state": {"mu": variables["params"]},
        "step": 3,
    }
    for at, (ocdbt, zarr3) in enumerate(
        ((True, False), (True, True), (False, False), (False, True))
    ):
        folder = tmp_path / f"c{at}"
        ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=ocdbt, use_zarr3=zarr3)).save(
            folder, state
        )
        tensors = {tensor.name: tensor for tensor in open_checkpoint(folder).tensors}
        assert set(true) | {"batch_stats.norm.mean", "batch_stats.norm.var"} == set(tensors)
        assert all(np.array_equal(values, tensors[name].read()) for name, values in true.items())
    with ocp.CheckpointManager(tmp_path / "steps") as manager:
        for step in (2, 10):
            manager.save(step, args=ocp.args.StandardSave(variables))
        manager.wait_until_finished()
    assert open_checkpoint(tmp_path / "steps").path.endswith(os.path.join("10", "default"))
    report = onnx_params.analyze(tmp_path / "bare.onnx", reference=tmp_path / "steps")
    rows = {row.name: row.shape for row in report.rows if not row.name.startswith("batch_stats.")}
    assert {name: values.shape for name, values in true.items()} == rows
    assert (
        0
        == run(
            "audit", str(path), "--reference", str(tmp_path / "steps"), "--fail-on", "error"
        ).returncode
    )


def test_hostile_orbax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that lead outside, arrays larger than any folder, lists that are none: one line,
    nothing read.
    """
    import orbax.checkpoint as ocp

    folder = tmp_path / "c"
    ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=False)).save(
        folder, {"w": np.ones((4, 4), np.float32)}
    )
    listed = json.loads((folder / "_METADATA").read_text())
    header = json.loads((folder / "w" / ".zarray").read_text())
    (folder / "w" / ".zarray").write_text(json.dumps(header | {"shape": [1 << 30, 1 << 12]}))
    with pytest.raises(FormatError, match="claims"):
        open_checkpoint(folder)
    (row,) = listed["tree_metadata"].values()
    for key in ("..", "../../etc", "", "a/../b"):
        row["key_metadata"][0]["key"] = key
        (folder / "_METADATA").write_text(json.dumps(listed))
        with pytest.raises(FormatError):
            open_checkpoint(folder)
    row["key_metadata"][0]["key"] = "gone"
    (folder / "_METADATA").write_text(json.dumps(listed))
    with pytest.raises(FormatError, match="gone"):
        open_checkpoint(folder)
    for text in (
        "",
        "[]",
        "{}",
        '{"tree_metadata": 3}',
        '{"tree_metadata": {"a": 1}}',
        "[" * 100_000,
    ):
        (folder / "_METADATA").write_text(text)
        with pytest.raises(FormatError):
            open_checkpoint(folder)
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    (folder / "_METADATA").write_text(json.dumps(listed))
    with pytest.raises(DependencyError):
        open_checkpoint(folder)
