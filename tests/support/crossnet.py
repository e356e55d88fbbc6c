"""One small network, its numbers drawn once (every parameter distinct), in torch, Keras 3
(TensorFlow) and Flax NNX.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

SIDE, TOKENS, VOCAB, DIM, HEADS, WIDE, UNITS, CLASSES, EPS = 16, 6, 20, 16, 2, 8, 12, 10, 1e-5
HEAD = DIM // HEADS

# torch's names and shapes, in state_dict order
SHAPES = {
    "stem.weight": (WIDE, 3, 3, 3),
    "stem.bias": (WIDE,),
    "norm.weight": (WIDE,),
    "norm.bias": (WIDE,),
    "norm.running_mean": (WIDE,),
    "norm.running_var": (WIDE,),
    "depth.weight": (WIDE, 1, 3, 3),
    "depth.bias": (WIDE,),
    "free_norm.weight": (WIDE,),
    "free_norm.bias": (WIDE,),
    "free_norm.running_mean": (WIDE,),
    "free_norm.running_var": (WIDE,),
    "head.weight": (CLASSES, WIDE),
    "head.bias": (CLASSES,),
    "embed.weight": (VOCAB, DIM),
    "ln.weight": (DIM,),
    "ln.bias": (DIM,),
    "attn.in_proj_weight": (3 * DIM, DIM),
    "attn.in_proj_bias": (3 * DIM,),
    "attn.out_proj.weight": (DIM, DIM),
    "attn.out_proj.bias": (DIM,),
    "lstm.weight_ih_l0": (4 * UNITS, DIM),
    "lstm.weight_hh_l0": (4 * UNITS, UNITS),
    "lstm.bias_ih_l0": (4 * UNITS,),
    "lstm.bias_hh_l0": (4 * UNITS,),
    "tail.weight": (CLASSES, UNITS),
    "tail.bias": (CLASSES,),
}


def values() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(7)
    made = {}
    for name, shape in SHAPES.items():
        drawn = draw.standard_normal(shape) * (0.3 if len(shape) > 1 else 0.2)
        if name.endswith("running_var"):
            drawn = draw.uniform(0.5, 2.0, shape)
        elif len(shape) == 1 and name.endswith("weight"):
            drawn = 1 + drawn
        made[name] = drawn.astype(np.float32)
    return made


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """An image as NHWC and token ids."""
    draw = np.random.default_rng(8)
    return draw.standard_normal((2, SIDE, SIDE, 3)).astype(np.float32), draw.integers(
        0, VOCAB, (2, TOKENS)
    ).astype(np.int32)


class Row(NamedTuple):
    """``other`` weight = ``change`` of torch's ``names``; ``note`` is the same in words."""

    names: tuple[str, ...]
    keras: str | None
    flax: str | None
    note: str
    change: Callable[..., np.ndarray]


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _rows() -> list[Row]:
    rows: list[Row] = []

    def add(
        names: str,
        keras: str | None,
        flax: str | None,
        note: str,
        change: Callable[..., np.ndarray] = _same,
    ) -> None:
        rows.append(Row(tuple(names.split("+")), keras, flax, note, change))

    add(
        "stem.weight",
        "stem/kernel",
        "stem.kernel",
        "OIHW->HWIO transpose(2,3,1,0)",
        lambda x: x.transpose(2, 3, 1, 0),
    )
    add("stem.bias", "stem/bias", "stem.bias", "same")
    for norm in ("norm", "free_norm"):
        leaves = (
            ("weight", "gamma", "scale"),
            ("bias", "beta", "bias"),
            ("running_mean", "moving_mean", "mean"),
            ("running_var", "moving_variance", "var"),
        )
        for t, k, f in leaves:
            add(f"{norm}.{t}", f"{norm}/{k}", f"{norm}.{f}", "same")
    add(
        "depth.weight",
        "depth/kernel",
        None,
        "(CM,1,H,W)->(H,W,C,M) transpose(2,3,0,1)",
        lambda x: x.transpose(2, 3, 0, 1),
    )
    add(
        "depth.weight",
        None,
        "depth.kernel",
        "(C,1,H,W)->(H,W,1,C) transpose(2,3,1,0)",
        lambda x: x.transpose(2, 3, 1, 0),
    )
    add("depth.bias", "depth/bias", "depth.bias", "same")
    for dense in ("head", "tail"):
        add(f"{dense}.weight", f"{dense}/kernel", f"{dense}.kernel", "transpose(1,0)", np.transpose)
        add(f"{dense}.bias", f"{dense}/bias", f"{dense}.bias", "same")
    add("embed.weight", "embed/embeddings", "embed.embedding", "same")
    add("ln.weight", "ln/gamma", "ln.scale", "same")
    add("ln.bias", "ln/beta", "ln.bias", "same")
    for at, part in enumerate(("query", "key", "value")):
        rows_of = slice(at * DIM, (at + 1) * DIM)
        add(
            "attn.in_proj_weight",
            f"attn/{part}/kernel",
            f"attn.{part}.kernel",
            f"rows {rows_of.start}:{rows_of.stop}, transpose, reshape (D,H,D/H)",
            lambda x, r=rows_of: x[r].T.reshape(DIM, HEADS, HEAD),
        )
        add(
            "attn.in_proj_bias",
            f"attn/{part}/bias",
            f"attn.{part}.bias",
            f"rows {rows_of.start}:{rows_of.stop}, reshape (H,D/H)",
            lambda x, r=rows_of: x[r].reshape(HEADS, HEAD),
        )
    add(
        "attn.out_proj.weight",
        "attn/attention_output/kernel",
        "attn.out.kernel",
        "transpose, reshape (H,D/H,D)",
        lambda x: x.T.reshape(HEADS, HEAD, DIM),
    )
    add("attn.out_proj.bias", "attn/attention_output/bias", "attn.out.bias", "same")
    add(
        "lstm.weight_ih_l0",
        "lstm/lstm_cell/kernel",
        None,
        "transpose; gates i,f,g,o = Keras i,f,c,o",
        np.transpose,
    )
    add(
        "lstm.weight_hh_l0",
        "lstm/lstm_cell/recurrent_kernel",
        None,
        "transpose; gates as they are",
        np.transpose,
    )
    add(
        "lstm.bias_ih_l0+lstm.bias_hh_l0",
        "lstm/lstm_cell/bias",
        None,
        "SUM of torch's two biases",
        np.add,
    )
    for at, (gate, flax) in enumerate((("i", "i"), ("f", "f"), ("g", "g"), ("o", "o"))):
        part = slice(at * UNITS, (at + 1) * UNITS)
        entering = f"lstm.cell.i{flax}.kernel" if flax != "f" else "lstm.cell.if_.kernel"
        add(
            "lstm.weight_ih_l0",
            None,
            entering,
            f"gate {gate} (rows {part.start}:{part.stop}), transpose",
            lambda x, p=part: x[p].T,
        )
        add(
            "lstm.weight_hh_l0",
            None,
            f"lstm.cell.h{flax}.kernel",
            f"gate {gate} (rows {part.start}:{part.stop}), transpose",
            lambda x, p=part: x[p].T,
        )
        add(
            "lstm.bias_ih_l0+lstm.bias_hh_l0",
            None,
            f"lstm.cell.h{flax}.bias",
            f"gate {gate}, SUM of torch's two biases",
            lambda x, y, p=part: (x + y)[p],
        )
    return rows


ROWS = _rows()
Own = list[tuple[str, tuple[int, ...], np.ndarray]]


def _transplanted(framework: str) -> dict[str, np.ndarray]:
    drawn = values()
    return {
        name: np.ascontiguousarray(row.change(*(drawn[t] for t in row.names)))
        for row in ROWS
        if (name := getattr(row, framework))
    }


# --- torch --------------------------------------------------------------------------------------------------------------------------


def build_torch() -> tuple[Any, Own]:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, WIDE, 3, padding=1)
            self.norm = nn.BatchNorm2d(WIDE, eps=EPS)
            self.depth = nn.Conv2d(WIDE, WIDE, 3, padding=1, groups=WIDE)
            self.free_norm = nn.BatchNorm2d(WIDE, eps=EPS)
            self.head = nn.Linear(WIDE, CLASSES)
            self.embed = nn.Embedding(VOCAB, DIM)
            self.ln = nn.LayerNorm(DIM, eps=EPS)
            self.attn = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
            self.lstm = nn.LSTM(DIM, UNITS, batch_first=True)
            self.tail = nn.Linear(UNITS, CLASSES)

        def forward(
            self, image: torch.Tensor, ids: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            x = torch.relu(self.norm(self.stem(image)))
            # no convolution right before: cannot be folded into one
            x = self.free_norm(torch.relu(self.depth(x)))
            y = self.ln(self.embed(ids))
            y = y + self.attn(y, y, y, need_weights=False)[0]
            y = self.lstm(y)[0][:, -1]
            return self.head(x.mean((2, 3))), self.tail(y)

    model = Net().eval()
    # num_batches_tracked stays
    model.load_state_dict({n: torch.from_numpy(v) for n, v in values().items()}, strict=False)
    return model, [(n, tuple(t.shape), t.detach().numpy()) for n, t in model.state_dict().items()]


# --- Keras 3 ------------------------------------------------------------------------------------------------------------------------


def build_keras() -> tuple[Any, Own]:
    import keras
    from keras import layers

    keras.backend.clear_session()
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(WIDE, 3, padding="same", name="stem")(image)
    x = layers.ReLU(name="act")(layers.BatchNormalization(epsilon=EPS, name="norm")(x))
    x = layers.ReLU(name="act2")(layers.DepthwiseConv2D(3, padding="same", name="depth")(x))
    x = layers.BatchNormalization(epsilon=EPS, name="free_norm")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    left = layers.Dense(CLASSES, name="head")(x)
    ids = keras.Input((TOKENS,), dtype="int32", name="ids")
    y = layers.LayerNormalization(epsilon=EPS, name="ln")(
        layers.Embedding(VOCAB, DIM, name="embed")(ids)
    )
    y = layers.Add(name="add")([y, layers.MultiHeadAttention(HEADS, HEAD, name="attn")(y, y)])
    y = layers.LSTM(UNITS, name="lstm")(y)
    right = layers.Dense(CLASSES, name="tail")(y)
    model = keras.Model([image, ids], [left, right], name="net")
    given = _transplanted("keras")
    for weight in model.weights:
        if weight.path in given:
            weight.assign(given[weight.path])
    assert set(given) <= {w.path for w in model.weights}, set(given) - {
        w.path for w in model.weights
    }
    return model, [(w.path, tuple(w.shape), w.numpy()) for w in model.weights]


# --- Flax NNX -----------------------------------------------------------------------------------------------------------------------


def build_flax() -> tuple[Any, Own]:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.stem = nnx.Conv(3, WIDE, (3, 3), rngs=rngs)
            self.norm = nnx.BatchNorm(WIDE, epsilon=EPS, use_running_average=True, rngs=rngs)
            self.depth = nnx.Conv(WIDE, WIDE, (3, 3), feature_group_count=WIDE, rngs=rngs)
            self.free_norm = nnx.BatchNorm(WIDE, epsilon=EPS, use_running_average=True, rngs=rngs)
            self.head = nnx.Linear(WIDE, CLASSES, rngs=rngs)
            self.embed = nnx.Embed(VOCAB, DIM, rngs=rngs)
            self.ln = nnx.LayerNorm(DIM, epsilon=EPS, rngs=rngs)
            self.attn = nnx.MultiHeadAttention(HEADS, DIM, decode=False, rngs=rngs)
            self.lstm = nnx.RNN(nnx.LSTMCell(DIM, UNITS, rngs=rngs))
            self.tail = nnx.Linear(UNITS, CLASSES, rngs=rngs)

        def __call__(self, image: jax.Array, ids: jax.Array) -> tuple[jax.Array, jax.Array]:
            x = nnx.relu(self.norm(self.stem(image)))
            x = self.free_norm(nnx.relu(self.depth(x)))
            y = self.ln(self.embed(ids))
            y = y + self.attn(y)
            y = self.lstm(y)[:, -1]
            return self.head(jnp.mean(x, (1, 2))), self.tail(y)

    # shapes alone: drawing values that are replaced takes jax 20 s
    model = nnx.eval_shape(lambda: Net(nnx.Rngs(0)))
    given = _transplanted("flax")
    variables = flax_variables(model)
    for name, variable in variables.items():
        if name in given:
            assert variable.get_value().shape == given[name].shape, (
                name,
                variable.get_value().shape,
            )
            variable.set_value(jnp.asarray(given[name]))
    for _, variable in nnx.to_flat_state(nnx.state(model, nnx.RngState)):
        variable.set_value(jax.random.key(0) if isinstance(variable, nnx.RngKey) else jnp.uint32(0))
    assert set(given) == set(variables), set(given) - set(variables)
    return model, [
        (n, tuple(v[...].shape), np.asarray(v[...])) for n, v in flax_variables(model).items()
    ]


def flax_variables(module: Any) -> dict[str, Any]:
    """Dotted path -> variable; no random state."""
    from flax import nnx

    return {
        ".".join(str(part) for part in path): variable
        for path, variable in nnx.to_flat_state(nnx.state(module, nnx.Not(nnx.RngState)))
    }
