"""Define what a stored tensor can be, and the rules that say so."""

from __future__ import annotations

import enum
from typing import NamedTuple, Self


class Role(enum.Enum):
    """What a stored tensor is."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    QUANTIZATION = "quantization"
    CONSTANT = "constant"
    OPAQUE = "opaque"


class RuleId(enum.Enum):
    """A rule of classification, by its id; ``doc`` says in a sentence when it applies."""

    doc: str

    def __new__(cls, name: str, doc: str) -> Self:
        member = object.__new__(cls)
        member._value_ = name
        member.doc = doc
        return member

    # what someone says of it
    EXPORTER = "exporter", "The exporter's metadata or a source map says what it is."
    SHADOWED = "shadowed", "Another tensor of the same name comes before it and is the one used."
    LEFT_BEHIND = "left-behind", "A quantizer made another tensor of it, and no node takes it."
    CHECKPOINT = "checkpoint", "A checkpoint holds it: a floating-point tensor of the state dict."
    UNPLACED = "unplaced", "It may hold listed parameters whose place is not known."
    NOT_LISTED = "not-listed", "The exporter's list of parameters is complete without it."
    # numbers in attributes
    COMPILED = "compiled", "A node keeps a compiled model there, which cannot be read."
    LEARNED_ATTRIBUTE = (
        "learned-attribute",
        "The operator keeps what was learned in this attribute.",
    )
    STRUCTURE_ATTRIBUTE = "structure-attribute", "The attribute says how nodes of a tree connect."
    LABEL_ATTRIBUTE = "label-attribute", "The attribute holds labels or a vocabulary."
    IDENTITY_ATTRIBUTE = "identity-attribute", "The attribute adds nothing or multiplies by one."
    OPERATOR_ATTRIBUTE = "operator-attribute", "It is a setting of its operator."
    UNKNOWN_OPERATOR = "unknown-operator", "An operator of a domain that no table knows uses it."
    # what a converter's words say
    DERIVED = "derived", "The converter computes it from what was learned."
    ESTIMATOR = "estimator", "The converter's word for something that the estimator learned."
    INVENTED = "invented", "The converter gives such names to constants of its own."
    TRACE_CONSTANT = "trace-constant", "TorchScript's trace computed it from no parameter."
    TENSORFLOW_CONSTANT = "tensorflow-constant", "TensorFlow gives such names to its constants."
    NORM_BY_NAME = (
        "norm-by-name",
        "TensorFlow gives such names to variables and to the vectors of a norm.",
    )
    GROUP_NORM_FILLER = "group-norm-filler", "It fills the inner part of a group norm."
    # the slots that use it
    SCALE_SLOT = "scale-slot", "An operator uses it as a scale."
    ZERO_POINT_SLOT = "zero-point-slot", "An operator uses it as a zero point."
    SCALE_BY_HAND = "scale-by-hand", "It multiplies an integer weight behind a Cast."
    ZERO_POINT_BY_HAND = (
        "zero-point-by-hand",
        "It is subtracted from an integer weight behind a Cast.",
    )
    OF_A_COMPUTED_WEIGHT = "of-a-computed-weight", "Nodes compute a weight of it."
    SCALE_NAME = "scale-name", "Quantizers give such names to scales beside the tensor."
    WEIGHT_SLOT = "weight-slot", "An operator uses it as its weight."
    BIAS_SLOT = "bias-slot", "An operator uses it as its bias."
    TABLE_SLOT = "table-slot", "Elements of it are looked up."
    OPERAND_SLOT = "operand-slot", "It is an operand that may be learned."
    DATA = "data", "A product takes it beside a stored weight, and no module named it."
    RUNNING_STATISTICS_SLOT = "running-statistics-slot", "A norm uses it as running statistics."
    INITIAL_STATE_SLOT = "initial-state-slot", "A recurrent operator begins with it."
    LEARNED_STATE = (
        "learned-state",
        "A recurrent operator begins with it: a module's, and no zeros.",
    )
    INITIAL_STATE = "initial-state", "A loop begins with it and changes it."
    ROTARY_TABLE_SLOT = "rotary-table-slot", "An operator uses it as a table of rotations."
    BASIS_SLOT = "basis-slot", "An operator uses it as the basis of a transform."
    MASK_SLOT = "mask-slot", "An operator uses it as a mask."
    INDEX_SLOT = "index-slot", "It holds shapes, axes, positions or limits."
    # the computation around it
    BIAS_OF_A_LAYER = (
        "bias-of-a-layer",
        "It is added to a layer's result, a number for each output.",
    )
    NAMED_IN_ITS_MODULE = "named-in-its-module", "It has the name of its module's weight or bias."
    NORM_BEFORE_A_SCALE = "norm-before-a-scale", "A learned scale follows the norm that uses it."
    SAME_NUMBER = (
        "same-number",
        "One number again and again, or two, under a name that an exporter made up.",
    )
    ZEROS_BESIDE_A_SCALE = (
        "zeros-beside-a-scale",
        "It is zeros, and the scale of its norm has different numbers.",
    )
    DEVIATION = "deviation", "It was computed of the variance beside a running mean."
    WRITTEN_DOWN = (
        "written-down",
        "Its numbers are signs, or have a few digits: somebody wrote them down.",
    )
    FROZEN_NORM = "frozen-norm", "It scales or shifts a convolution's channels, and was computed."
    LOOKED_UP_BIAS = (
        "looked-up-bias",
        "It is added to what goes to Softmax, other numbers for each head.",
    )
    ATTENTION_MASK = "attention-mask", "It is added to what goes to Softmax."
    POSITIONS = "positions", "It has sines and cosines of positions and is added, or their angles."
    WITH_EPSILON = "with-epsilon", "A reciprocal takes it: a parameter plus an epsilon."
    LENGTHS = (
        "lengths",
        "It has lengths of stored vectors, by which those are divided, or which distances add.",
    )
    OF_ATTENTION = "of-attention", "Attention takes it for each head: it was computed."
    ROTARY_TABLE = "rotary-table", "It rotates pairs of features."
    FREQUENCIES = "frequencies", "What it multiplies goes to Cos and Sin."
    STATE_ORDER = (
        "state-order",
        "A module lists its parameters first, then its buffers, as a trace keeps them.",
    )
    AFTER_THE_LAST_LAYER = "after-the-last-layer", "No layer follows it."
    BEFORE_THE_FIRST_LAYER = (
        "before-the-first-layer",
        "It changes the graph's input before any layer.",
    )
    FOURIER_BASIS = "fourier-basis", "Its shape is that of a Fourier transform."
    SAMPLED_FUNCTIONS = "sampled-functions", "Its lines are waves, or powers of equal steps."
    ORTHOGONAL_BASIS = (
        "orthogonal-basis",
        "Its columns are orthogonal to each other, and it is called a basis or was computed.",
    )
    ONES_AND_ZEROS = "ones-and-zeros", "Its ones and zeros take or move elements."
    SYMMETRIC = "symmetric", "It is its own transpose, under a name that is no weight's."
    WINDOW = "window", "A signal is multiplied by it, the same from both ends."
    WAVELET = "wavelet", "Its two filters mirror each other."
    RESAMPLING = "resampling", "All of its filters are one, the same from both ends."
    DIFFERENCES = "differences", "All of its filters have a few numbers that add up to zero."
    FILTER_BANK = "filter-bank", "It filters a spectrum before its logarithm."
    TRANSFORM_OF_THE_INPUT = "transform-of-the-input", "It transforms the graph's input."
    ELEMENTWISE_FLOAT = "elementwise-float", "It is added or multiplied element by element."
    # name, count or type alone
    BUFFER_NAME = "buffer-name", "Frameworks register buffers under such a name."
    NAMED_SCALAR = "named-scalar", "It is one number with a module's name."
    SCALAR = "scalar", "It is one number, or none."
    NO_NUMBER = "no-number", "Its elements are strings or truth values."
    INTEGERS = "integers", "Its elements are integers that no operator uses as a weight."
    OUTPUT = "output", "The graph returns it as it is."
    UNUSED_FLOAT = "unused-float", "It is floating point, and no node uses it."
    FLOAT_BY_DEFAULT = "float-by-default", "It is floating point, and nothing else is known."


class Classification(NamedTuple):
    """A role, the rule that decided it, and the reason in the model at hand."""

    role: Role
    rule: RuleId
    because: str
