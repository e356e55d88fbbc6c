"""Know the words that frameworks have for parameters: one record a framework.

A norm's words decide which vectors are folded together, a buffer's words what was not learned, a
kernel's words how names translate. Everything that other modules ask is derived from the records.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from onnx_params.tensors.steps import Permute, Shape, shape_after

MAX_CACHED: Final = 1 << 16  # names whose answers are kept: each is asked for several times


class NormWords(NamedTuple):
    """What a framework calls the four vectors of a batch norm; other norms have the first two."""

    weight: str
    bias: str
    mean: str
    variance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework's words. ``other_kernels`` are words for further kernels of some layers."""

    name: str
    kernel: str
    bias: str
    norm: NormWords
    table: str
    separator: str = "."
    other_kernels: tuple[str, ...] = ()
    has_channels_last: bool = False
    buffers: tuple[str, ...] = ()
    source: str


FRAMEWORKS: Final = (
    Framework(
        name="torch",
        kernel="weight",
        bias="bias",
        norm=NormWords("weight", "bias", "running_mean", "running_var"),
        table="weight",
        buffers=("num_batches_tracked",),
        source="torch.nn; torch.nn.modules.batchnorm",
    ),
    Framework(
        name="keras",
        kernel="kernel",
        bias="bias",
        norm=NormWords("gamma", "beta", "moving_mean", "moving_variance"),
        table="embeddings",
        separator="/",
        other_kernels=("depthwise_kernel",),
        has_channels_last=True,
        source="keras/src/layers",
    ),
    Framework(
        name="flax",
        kernel="kernel",
        bias="bias",
        norm=NormWords("scale", "bias", "mean", "var"),
        table="embedding",
        has_channels_last=True,
        source="flax/nnx/nn; flax/linen",
    ),
    Framework(
        name="paddle",
        kernel="weight",
        bias="bias",
        norm=NormWords("weight", "bias", "_mean", "_variance"),
        table="weight",
        source="paddle/python/paddle/nn/layer/norm.py",
    ),
    Framework(
        name="gluon",
        kernel="weight",
        bias="bias",
        norm=NormWords("gamma", "beta", "running_mean", "running_var"),
        table="weight",
        source="mxnet/gluon/nn/basic_layers.py",
    ),
)
_BY_NAME: Final = {each.name: each for each in FRAMEWORKS}

# -- derived ------------------------------------------------------------------------------------

NORMS: Final = tuple(dict.fromkeys(each.norm for each in FRAMEWORKS))
# where a layer's variables have numbers for names, in the order in which it makes them. Source:
# keras/src/saving/saving_lib.py
NUMBERED: Final = NormWords("/vars/0", "/vars/1", "/vars/2", "/vars/3")
NORM_WEIGHTS: Final = tuple(dict.fromkeys(norm.weight for norm in NORMS))
NORM_BIASES: Final = tuple(dict.fromkeys(norm.bias for norm in NORMS))
_STATISTICS: Final = frozenset(word for norm in NORMS for word in (norm.mean, norm.variance))
# words that only a batch norm has for its factor: no other layer's weight is called so
OWN_NORM_WEIGHTS: Final = frozenset(
    norm.weight for norm in NORMS if norm.weight not in {each.kernel for each in FRAMEWORKS}
)


def _canonical_words() -> dict[str, str]:
    """Other frameworks' words, each with torch's for the same thing."""
    torch = _BY_NAME["torch"]
    found: dict[str, str] = {}
    for each in FRAMEWORKS:
        kernels = (each.kernel, *each.other_kernels, each.table, each.norm.weight)
        found.update(dict.fromkeys(kernels, torch.kernel))
        found[each.norm.bias] = torch.bias
        found[each.norm.mean] = torch.norm.mean
        found[each.norm.variance] = torch.norm.variance
    return found


def _partners() -> dict[str, tuple[str, ...]]:
    """Leaf -> the leaves that a module with it has beside it."""
    pairs = [("in_proj_weight", "in_proj_bias")]  # torch.nn.MultiheadAttention
    for each in FRAMEWORKS:
        pairs += [(each.kernel, each.bias), (each.norm.weight, each.norm.bias)]
    found: dict[str, dict[str, None]] = {}
    for one, two in pairs:
        found.setdefault(one, {})[two] = None
        found.setdefault(two, {})[one] = None
    return {leaf: tuple(others) for leaf, others in found.items()}


_CANONICAL: Final = _canonical_words()
PARTNERS: Final = _partners()
_SEPARATOR: Final = re.compile(r"[/.]+")
_RUNNING: Final = ("running_", "moving_")

# what libraries register under such names without learning it. Sources: transformers' rotary
# embeddings, position ids and causal masks; librosa and torchaudio for windows, filter banks and
# transform bases; detectors for anchors
_OTHER_BUFFERS: Final = (
    "inv_freq|cos_cached|sin_cached|position_ids|relative_position_index|relative_coords_table"
    r"|\w+_mask|running_\w+|masked_bias|mel_filters|mel_basis|mel_matrix|filter_?bank"
    "|(forward|inverse)_basis(_buffer)?|dft_(basis|matrix|real|imag)|stft_(basis|kernel)"
    "|hann_window|window_?|anchors?|anchor_points|stride_tensor|eps|mesh_?grid|embed_scale"
)
# what adapters keep beside their factors without learning it, an entry for each adapter. Source:
# peft, ``tuners/*/layer.py``, every ``BufferDict``
_OF_ADAPTERS: Final = (
    r"p?vera_[AB]|randlora_[AB]|tinylora_[ABP]|unilora_(indices|scales)_[AB]|delora_w_norm"
    r"|lora_velora_embed|trainable_tokens_original|adamss_newB|frod_[UV]|frod_s_(indices|size)"
    r"|_osf_[USV]_(low_init|high)|supertuning_indices"
)
# statistics whose words are no words of anything else
_OWN_STATISTICS: Final = sorted(word for word in _STATISTICS if "_" in word)
_OWN_BUFFERS: Final = [word for each in FRAMEWORKS for word in each.buffers]
_BUFFER_NAMES: Final = re.compile(
    rf"(^|[._/])({'|'.join([*_OWN_STATISTICS, *_OWN_BUFFERS])}|{_OTHER_BUFFERS})$"
    rf"|(^|\.)({_OF_ADAPTERS})(\.\w+)?$"
)
# buffers that a model's answers depend on, so that a checkpoint has them: routers' and language
# models' corrections, factors of layers, which no gradient reaches. Source: transformers,
# ``models/deepseek_v3``, ``models/bart``, ``models/gemma4``
_KEPT_STATE: Final = re.compile(
    r"(^|[._/])(e_score_correction_bias|final_logits_bias|layer_scalar)$"
)
# vectors that somebody sets or counts: limits, edges of bins, noise of filters. Sources: transforms
# of columns (scikit-learn, ``RobustScaler``, ``KBinsDiscretizer``), control (``action_space.low``),
# Kalman filters, weights of losses
_SET_BY_HAND: Final = re.compile(
    r"(^|[./])_?((bin_)?edges|boundaries|breakpoints|medians?|percentiles?"
    r"|(low|high|lower|upper|clip_(low|high|min|max))(_bounds?|_limits?)?|bounds?|limits?"
    r"|(process|measure(ment)?|observation|sensor)_noise|thresholds|(\w+_)?(knots|priors?)"
    r"|(class|label|loss|pos)_weights?)$"
)
# what was computed of data before the training, of whatever shape. Sources: scikit-learn, ``PCA``,
# ``TfidfVectorizer``; cameras
_OF_DATA: Final = re.compile(
    r"(^|[./])_?((\w+_)?idf|(inv_)?(intrinsics|extrinsics)|(\w+_)?(pca|whiten(ing)?|zca)(_\w+)?)$"
)


def is_unlearned_name(name: str) -> bool:
    """Whether libraries register a buffer under such a name, be it part of the model's state."""
    is_kept = _KEPT_STATE.search(name) is not None
    return is_buffer_name(name) or is_kept or _OF_DATA.search(name) is not None


def is_set_by_hand(name: str) -> bool:
    """Whether a vector of such a name is one that somebody set: its name alone says so."""
    return _SET_BY_HAND.search(name) is not None


@lru_cache(MAX_CACHED)
def is_buffer_name(name: str) -> bool:
    """Whether frameworks or libraries register buffers under such a name."""
    return _BUFFER_NAMES.search(name) is not None


def is_running(name: str, word: str) -> bool:
    """Whether a name says that a statistic of batches, ``mean`` or ``var``, was averaged while a
    norm was trained; a mean that was counted in data is called otherwise.
    """
    leaf = _SEPARATOR.split(name)[-1]
    return leaf.startswith(_RUNNING) and _CANONICAL.get(leaf) == f"running_{word}"


def canonical(name: str) -> str:
    """A name with dots between its words, and torch's word last: what pairs ``stem/kernel`` with
    ``stem.weight``.
    """
    words = [word for word in _SEPARATOR.split(name.removesuffix(":0")) if word]
    if not words:
        return name
    return ".".join([*words[:-1], _CANONICAL.get(words[-1], words[-1])])


# -- translation --------------------------------------------------------------------------------


class Kind(enum.Enum):
    """What a module is, as far as the words for its parameters depend on it."""

    LAYER = "layer"
    NORM = "norm"
    TABLE = "table"


def framework_of(names: list[str]) -> Framework | None:
    """Whose names these are, by the words that only one framework uses; ``None`` where nothing
    says.
    """
    leaves = {_SEPARATOR.split(name.removesuffix(":0"))[-1] for name in names}
    own_of_keras = {"gamma", "moving_mean", "embeddings", "recurrent_kernel"}
    has_paths = any("/" in name for name in names)
    if leaves & own_of_keras or ("kernel" in leaves and has_paths):
        return _BY_NAME["keras"]
    if "kernel" in leaves:
        return _BY_NAME["flax"]
    return _BY_NAME["torch"] if "weight" in leaves else None


def kinds(rows: Iterable[tuple[str, Shape | None]], tables: frozenset[str]) -> dict[str, Kind]:
    """Name -> the kind of its module: a norm has a vector for its weight, or running statistics.

    ``tables`` are names of what lookups use.
    """
    listed = list(rows)
    owners = {name: tuple(_SEPARATOR.split(name)[:-1]) for name, _ in listed}
    norms = {owners[name] for name, shape in listed if _is_of_norm(name, shape)}
    found = {name: Kind.NORM if owner in norms else Kind.LAYER for name, owner in owners.items()}
    return found | dict.fromkeys(tables & found.keys(), Kind.TABLE)


def _is_of_norm(name: str, shape: Shape | None) -> bool:
    leaf = _SEPARATOR.split(name)[-1]
    if leaf in _STATISTICS:
        return True
    return leaf in NORM_WEIGHTS and shape is not None and len(shape) == 1


def _words(framework: Framework, kind: Kind) -> tuple[str, ...]:
    """The framework's words for a module of a kind, in an order that all frameworks share;
    statistics stand in any.
    """
    norm = framework.norm
    first = {Kind.NORM: norm.weight, Kind.TABLE: framework.table}.get(kind, framework.kernel)
    second = norm.bias if kind is Kind.NORM else framework.bias
    return first, second, norm.mean, norm.variance


def translate(
    name: str, shape: Shape | None, kind: Kind, source: Framework, target: str
) -> tuple[str, Shape | None]:
    """A name and a shape in another framework's words; as they are, but for separators, where no
    word is known.
    """
    into = _BY_NAME[target]
    head, _, leaf = name.rpartition(source.separator)
    words = _words(source, kind)
    if leaf not in words and kind is not Kind.LAYER:
        kind, words = Kind.LAYER, _words(source, Kind.LAYER)
    at = words.index(leaf) if leaf in words else None
    word = leaf if at is None else _words(into, kind)[at]
    if at == 0 and kind is Kind.LAYER:
        shape = _kernel_shape(shape, source, into)
    if not head:
        return word, shape
    return f"{head.replace(source.separator, into.separator)}{into.separator}{word}", shape


# torch's [out, in, ...] and the others' [..., in, out], by rank
_TO_LAST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
_TO_FIRST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}


def _kernel_shape(shape: Shape | None, source: Framework, target: Framework) -> Shape | None:
    if shape is None or source.has_channels_last == target.has_channels_last:
        return shape
    axes = (_TO_LAST if target.has_channels_last else _TO_FIRST).get(len(shape))
    return shape if axes is None else shape_after(shape, (Permute(axes),))
