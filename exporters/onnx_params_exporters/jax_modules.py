"""Take modules of JAX's libraries apart: what to call, which weights they own under which names,
what their inputs are called.

Names are those that each library's users write: Flax NNX ``attn.query.kernel``, Flax Linen
``Dense_0.kernel`` (without the collection's name; other collections keep theirs:
``batch_stats.norm.mean``), Equinox ``layers[0].weight``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from onnx_params.errors import ExportError
from onnx_params_exporters.by_content import Weight


class Taken(NamedTuple):
    """A module taken apart.

    ``call`` takes the inputs in order; ``inputs`` names as many of them as have names.
    """

    call: Callable[..., Any]
    weights: Sequence[Weight]
    inputs: Sequence[str]
    framework: str


def take(model: Any, batched: bool) -> Taken:  # a module of any of the libraries
    """Take ``model`` apart: a Flax NNX module, a Linen module with its variables bound, an Equinox
    module, or that with its state as a pair.

    ``batched`` maps an Equinox module over the first dimension of its inputs. Raises
    :class:`ExportError` where it is none of these.
    """
    module = model[0] if isinstance(model, tuple) and model else model
    homes = [f"{base.__module__}." for base in type(module).__mro__]
    if any(home.startswith("flax.nnx.") for home in homes):
        return _nnx(model)
    if any(home.startswith("flax.linen.") for home in homes):
        return _linen(model)
    if any(home.startswith("equinox.") for home in homes):
        return _equinox(model, batched)
    raise ExportError(
        f"{type(model).__name__}: is not a module of Flax or Equinox; a Linen module must be bound"
        " to its variables: module.bind(variables)"
    )


# -- Flax NNX ---------------------------------------------------------------------------------


def _nnx(model: Any) -> Taken:
    import flax
    from flax import nnx

    graph, state = nnx.split(_without_streams(model))

    # merged inside the trace: a scan refuses variables that were made outside it
    def call(*args: Any) -> Any:
        return nnx.merge(graph, state, copy=True)(*args)

    return Taken(
        call,
        list(of_nnx(model)),
        list(inspect.signature(model).parameters),
        f"flax {flax.__version__}",
    )


def of_nnx(module: Any) -> Iterator[Weight]:  # a Flax NNX module
    """Its variables by their first path, in the order in which attributes were set; no random
    state. Running statistics are no parameters.
    """
    from flax import nnx

    found: dict[int, tuple[Any, list[str]]] = {}

    def walk(node: Any, path: tuple[str, ...], above: frozenset[int]) -> None:
        if isinstance(node, nnx.Variable):
            if not isinstance(node, nnx.RngState):
                found.setdefault(id(node), (node, []))[1].append(".".join(path))
            return
        if id(node) in above:
            return
        if isinstance(node, (nnx.List, list, tuple)):
            parts: list[tuple[str, Any]] = [(str(at), part) for at, part in enumerate(node)]
        elif isinstance(node, Mapping):
            parts = [(str(name), part) for name, part in node.items()]
        elif isinstance(node, nnx.Pytree):
            parts = [
                (name, part)
                for name, part in vars(node).items()
                if not name.startswith("_pytree__")
            ]
        else:
            return
        for name, part in parts:
            walk(part, (*path, name), above | {id(node)})

    walk(module, (), frozenset())
    for variable, paths in found.values():
        yield Weight(
            paths[0], np.asarray(variable[...]), isinstance(variable, nnx.Param), tuple(paths[1:])
        )


class _Keys:
    """Stands in for a module's random streams: every key is the same plain array, which what is
    deterministic never looks at.
    """

    def __call__(self) -> Any:  # a key
        return np.zeros(2, np.uint32)

    def __getattr__(self, name: str) -> Any:  # a stream
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def fork(self, **_: Any) -> Any:  # streams
        return self


def _without_streams(module: Any) -> Any:  # a Flax NNX module
    """A copy in ``eval`` mode without random keys: a recurrent layer asks for one a call, and
    jax2onnx can write none.
    """
    from flax import nnx

    copy = nnx.clone(module)
    copy.eval()
    for part in [part for _, part in nnx.iter_modules(copy)]:
        for name, value in list(vars(part).items()):
            if isinstance(value, (nnx.Rngs, nnx.RngStream)):
                setattr(part, name, _Keys())
    return copy


# -- Flax Linen -------------------------------------------------------------------------------


def _linen(model: Any) -> Taken:
    import flax
    import jax.numpy as jnp

    if not hasattr(model, "scope") or model.scope is None:
        raise ExportError(
            f"{type(model).__name__}: a Linen module has no weights of its own; give it bound:"
            " module.bind(variables)"
        )
    module, variables = model.unbind()
    # jax2onnx puts its own in its place while it traces, which flax's scan cannot take
    shape = jnp.shape

    def call(*args: Any) -> Any:
        with _no_chance(shape):
            return module.apply(variables, *args)

    return Taken(
        call,
        list(_of_linen(variables)),
        list(inspect.signature(type(module).__call__).parameters)[1:],
        f"flax {flax.__version__} (linen)",
    )


def _of_linen(variables: Mapping[str, Any]) -> Iterator[Weight]:
    from flax.traverse_util import flatten_dict

    for path, value in flatten_dict(dict(variables)).items():
        trained = path[0] == "params"
        yield Weight(".".join(path[1:] if trained else path), np.asarray(value), trained)


@contextmanager
def _no_chance(shape: Callable[..., Any]) -> Iterator[None]:
    """While it runs, random keys are plain arrays that what is deterministic never looks at: a
    recurrent layer splits one, and jax2onnx writes none.
    """
    import jax
    import jax.numpy as jnp

    def key(*_: Any, **__: Any) -> Any:
        return np.zeros(2, np.uint32)

    def split(_: Any, num: int | tuple[int, ...] = 2) -> Any:
        return np.zeros((*(num if isinstance(num, tuple) else (num,)), 2), np.uint32)

    stand_ins = {"key": key, "PRNGKey": key, "fold_in": key, "split": split}
    originals = {name: getattr(jax.random, name) for name in stand_ins}
    before = jnp.shape
    try:
        for name, stand_in in stand_ins.items():
            setattr(jax.random, name, stand_in)
        jnp.shape = shape
        yield
    finally:
        for name, was in originals.items():
            setattr(jax.random, name, was)
        jnp.shape = before


# -- Equinox ----------------------------------------------------------------------------------


def _equinox(model: Any, batched: bool) -> Taken:
    import equinox as eqx
    import jax

    module, state = model if isinstance(model, tuple) else (model, None)
    # else a dropout is exported as if there were none, and a norm keeps on learning
    quiet = eqx.nn.inference_mode(module)

    def one(*args: Any) -> Any:
        return quiet(*args) if state is None else quiet(*args, state)[0]

    names = [
        name
        for name, parameter in inspect.signature(type(module).__call__).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ][1:]
    call = jax.vmap(one, axis_name="batch") if batched else one
    return Taken(call, list(_of_equinox(module, state)), names, f"equinox {eqx.__version__}")


def _of_equinox(module: Any, state: Any) -> Iterator[Weight]:
    """Arrays by their path, fields in the order in which they were declared; what stands in two
    places has both names.
    """
    import equinox as eqx
    from jax.tree_util import keystr, tree_flatten_with_path

    def is_index(value: Any) -> bool:
        return isinstance(value, eqx.nn.StateIndex)

    found: dict[int, tuple[Any, list[str]]] = {}
    for path, value in tree_flatten_with_path(module, is_leaf=is_index)[0]:
        if is_index(value):
            for inner, held in (
                tree_flatten_with_path(state.get(value))[0] if state is not None else ()
            ):
                yield Weight(keystr((*path, *inner)).lstrip("."), np.asarray(held), trained=False)
        elif eqx.is_array(value):
            found.setdefault(id(value), (value, []))[1].append(keystr(path).lstrip("."))
    for value, paths in found.values():
        yield Weight(paths[0], np.asarray(value), eqx.is_inexact_array(value), tuple(paths[1:]))
