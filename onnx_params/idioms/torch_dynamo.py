"""Read the words that torch's exporter leaves in an artifact: the graph signature and the FX call
of each node.

Formats: ``str(ExportedProgram.graph_signature)`` (torch/export/graph_signature.py) and
``fx.Node.format_node()`` (torch/fx/node.py).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from onnx_params.idioms.naming import without_number

SIGNATURE_KEY: Final = "pkg.torch.export.ExportedProgram.graph_signature"
FX_NODE_KEY: Final = "pkg.torch.onnx.fx_node"
SCOPES_KEY: Final = "pkg.torch.onnx.name_scopes"
CLASSES_KEY: Final = "pkg.torch.onnx.class_hierarchy"
FOLDED_KEY: Final = "pkg.onnxscript.optimizer.folded_from"
KIND_KEY: Final = "pkg.torch.export.graph_signature.InputSpec.kind"

_ENTRY: Final = re.compile(
    r"^(\w+): (PARAMETER|BUFFER|CONSTANT_TENSOR) target='([^'\n]*)'(?: persistent=(True|False))?",
    re.MULTILINE,
)
_PLACEHOLDER: Final = re.compile(r"%(p_\w+)")
_MADE_ANEW: Final = re.compile(r"(fused )?node_(Conv|Gemm)_\d+")
_CALL: Final = re.compile(
    r"^%(\S+) : .*?target=(?:torch\.ops\.)?([\w.]+)\]\(args = \((.*)\), kwargs = \{", re.DOTALL
)

# FX target without overload -> what each positional argument is. Source: torch/_ops,
# native_functions.yaml
ARGUMENTS: Final = {
    "aten.linear": ("input", "weight", "bias"),
    "aten.addmm": ("bias", "input", "weight"),
    "aten.mm": ("input", "weight"),
    "aten.matmul": ("input", "weight"),
    "aten.embedding": ("table", "index"),
    "aten.layer_norm": ("input", "dims", "weight", "bias"),
    "aten.native_layer_norm": ("input", "dims", "weight", "bias"),
    "aten.rms_norm": ("input", "dims", "weight"),
    "aten.group_norm": ("input", "groups", "weight", "bias"),
    "aten.native_group_norm": ("input", "weight", "bias"),
    "aten.instance_norm": ("input", "weight", "bias", "mean", "variance"),
    "aten.batch_norm": ("input", "weight", "bias", "mean", "variance"),
    "aten._native_batch_norm_legit_no_training": ("input", "weight", "bias", "mean", "variance"),
    "aten.convolution": ("input", "weight", "bias"),
    "aten.conv1d": ("input", "weight", "bias"),
    "aten.conv2d": ("input", "weight", "bias"),
    "aten.conv3d": ("input", "weight", "bias"),
    "aten.conv_transpose1d": ("input", "weight", "bias"),
    "aten.conv_transpose2d": ("input", "weight", "bias"),
    "aten.conv_transpose3d": ("input", "weight", "bias"),
    "aten._prelu_kernel": ("input", "weight"),
    "aten.prelu": ("input", "weight"),
    "aten.bilinear": ("input", "input", "weight", "bias"),
}

# FX target -> the ONNX operators that take its arguments as they are. A fused node bears the call
# of its last part: Conv after FuseBatchNormIntoConv that of the batch norm, whose weight is then in
# none of Conv's slots.
OPERATORS: Final = {
    "aten.linear": ("Gemm", "MatMul"),
    "aten.addmm": ("Gemm", "MatMul", "Add"),
    "aten.mm": ("Gemm", "MatMul"),
    "aten.matmul": ("Gemm", "MatMul"),
    "aten.embedding": ("Gather",),
    "aten.layer_norm": ("LayerNormalization",),
    "aten.native_layer_norm": ("LayerNormalization",),
    "aten.rms_norm": ("RMSNormalization", "SimplifiedLayerNormalization"),
    "aten.group_norm": ("GroupNormalization",),
    "aten.native_group_norm": ("GroupNormalization",),
    "aten.instance_norm": ("InstanceNormalization",),
    "aten.batch_norm": ("BatchNormalization",),
    "aten._native_batch_norm_legit_no_training": ("BatchNormalization",),
    "aten.convolution": ("Conv", "ConvTranspose"),
    "aten.conv1d": ("Conv",),
    "aten.conv2d": ("Conv",),
    "aten.conv3d": ("Conv",),
    "aten.conv_transpose1d": ("ConvTranspose",),
    "aten.conv_transpose2d": ("ConvTranspose",),
    "aten.conv_transpose3d": ("ConvTranspose",),
    "aten._prelu_kernel": ("PRelu",),
    "aten.prelu": ("PRelu",),
}
# classes of modules whose bias is a vector as long as their output. Source: torch.nn.Linear;
# transformers/pytorch_utils.py
BIASED_MODULES: Final = frozenset(
    {"torch.nn.modules.linear.Linear", "transformers.pytorch_utils.Conv1D"}
)
VECTOR_NORMS: Final = frozenset(
    {"aten.group_norm", "aten.native_group_norm", "aten.instance_norm", "aten.batch_norm"}
)
# operators into whose weights the exporter folds the batch norm behind them. Source: onnxscript,
# ``rewriter/rules/common/_fuse_batchnorm.py``
FOLDING: Final = ("Conv", "ConvTranspose", "Gemm")
BATCH_NORMS: Final = frozenset({"aten.batch_norm", "aten._native_batch_norm_legit_no_training"})


# FX values are called after their operators; these change neither elements nor their order, but for
# axes of one
KEEPS_ELEMENTS: Final = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "unsqueeze",
        "squeeze",
        "clone",
        "alias",
        "detach",
        "contiguous",
        "_to_copy",
        "to",
    ]
)
TURNS: Final = frozenset({"permute", "transpose", "t", "swapaxes", "movedim"})
REPEATS: Final = frozenset({"repeat", "tile", "expand"})  # elements again, along some axis
SELECTS: Final = frozenset({"select", "unbind", "getitem"})  # one of an axis, which is gone
SLICES: Final = frozenset({"slice", "narrow", "split", "split_with_sizes", "chunk"})
# by positions that were computed; those that ``embedding`` takes are the first of a longer table
LOOKUPS: Final = frozenset({"index", "_unsafe_index", "index_select", "gather"})
# these take some of the elements, or join them with others
TAKES_SOME: Final = (
    SELECTS | SLICES | LOOKUPS | {"embedding", "cat", "stack", "arange", "lift_fresh_copy"}
)
LAYS_OUT: Final = KEEPS_ELEMENTS | TURNS | REPEATS | TAKES_SOME  # no number is computed
# these keep a tensor's shape, or add and remove ones; the other operand of arithmetic is a number
KEEPS_SHAPE: Final = frozenset(
    [
        "add",
        "sub",
        "rsub",
        "mul",
        "div",
        "pow",
        "clamp",
        "clamp_min",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "log",
        "repeat",
        "tile",
        "linalg_vector_norm",  # by which the tensor itself is divided
        # names inside torch.onnx's functions: addcmul, mul by a number, softplus
        "scalar_tensor_default",
        "beta",
        "beta_0",
        "beta_cast",
        "beta_0_cast",
        "self_scaled",
        "threshold",
        "threshold_cast",
        "tmp",
        "value",
        "value_cast",
        "exp",
        "neg",
        "abs",
        "sigmoid",
        "tanh",
        "softplus",
        "clone",
        "expand",
        "unsqueeze",
        "squeeze",
        "_to_copy",
        "to",
        "contiguous",
        "detach",
        "alias",
    ]
)


# FX targets that make complex numbers, and those that take them and make real ones
MAKES_COMPLEX: Final = frozenset(
    {"aten.complex", "aten.view_as_complex", "aten.polar", "aten._fft_r2c", "aten._fft_c2c"}
)
TAKES_COMPLEX: Final = frozenset(
    {"aten.view_as_real", "aten.real", "aten.imag", "aten.abs", "aten.angle", "aten._fft_c2r"}
)
# those that take two arrays element by element
ELEMENT_BY_ELEMENT: Final = frozenset({"aten.add", "aten.sub", "aten.mul", "aten.div"})


class Entry(NamedTuple):
    """One line of the signature: what a placeholder represents; ``persistent`` says whether a
    buffer is in the state dict.
    """

    placeholder: str
    kind: str
    target: str
    persistent: bool


LIFTED_CONSTANT: Final = r"([\w.]+\.)?lifted_tensor_\d+"  # the name of what the code holds
_LIFTED_CONSTANT: Final = re.compile(LIFTED_CONSTANT)


class Call(NamedTuple):
    """One FX call: the operator, and each positional argument as text."""

    result: str
    target: str
    arguments: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """What each argument is for; empty where the table has no row."""
        return ARGUMENTS.get(self.target, ())

    def placeholders(self, argument: str) -> tuple[str, ...]:
        """The parameters' placeholders in an argument: it, or those in a list of them."""
        if argument.startswith("%p_"):
            return (argument[1:],)
        return tuple(_PLACEHOLDER.findall(argument)) if argument.startswith("[%p_") else ()

    def listed(self, placeholder: str) -> tuple[int, tuple[str, ...]] | None:
        """The position of a parameter in the argument that lists it, and that list."""
        for argument in self.arguments:
            names = self.placeholders(argument) if argument.startswith("[") else ()
            if placeholder in names:
                return names.index(placeholder), names
        return None


def is_constant_of_code(name: str) -> bool:
    """Whether torch.export gave the name to a tensor that the code holds, no module.

    Source: torch, ``_export/passes/lift_constants_pass.py``.
    """
    return _LIFTED_CONSTANT.fullmatch(name) is not None


def operator_of(value: str) -> str:
    """The operator after which FX called a value: ``unsqueeze_4`` -> ``unsqueeze``."""
    return without_number(value)


def is_made_anew(node_name: str) -> bool:
    """Whether onnxscript's rewriter made a convolution or a product, as where it puts a norm into
    one: it numbers its nodes (``node_Conv_23``), and the exporter names the others after their
    calls. onnxruntime puts a word before the name of one with an activation.
    """
    return _MADE_ANEW.fullmatch(node_name) is not None


def read_signature(text: str) -> tuple[Entry, ...]:
    """The parameters, buffers and constants of a signature, in its order, which is that of
    ``named_parameters()``.
    """
    return tuple(
        Entry(match[1], match[2], match[3], match[4] != "False") for match in _ENTRY.finditer(text)
    )


def read_call(text: str) -> Call | None:
    """One ``fx_node`` text, or ``None`` where it is not a call."""
    match = _CALL.match(text)
    if match is None:
        return None
    result, target, arguments = match.groups()
    base = target.rsplit(".", 1)[0] if target.count(".") > 1 else target
    return Call(result, base, tuple(_split(arguments)))


def _split(text: str) -> list[str]:
    """Split at commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    rest = text[start:].strip()
    return [*parts, rest] if rest else parts


def read_list(text: str) -> tuple[str, ...]:
    """A ``repr`` of a list of strings, as ``folded_from`` and ``name_scopes`` are written."""
    return tuple(re.findall(r"'([^']*)'", text))


def read_dims(text: str) -> tuple[int, ...] | None:
    """A literal list of numbers such as ``[768]``; ``None`` where a number is symbolic."""
    inner = text.strip("[] ")
    return (
        tuple(int(part) for part in inner.split(","))
        if re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", inner)
        else None
    )
