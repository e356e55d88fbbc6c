"""List the rules of an audit: what each finds, how bad that is, why, and what to do next.

The README's table is made of this one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple


class Severity(enum.Enum):
    """How bad a finding is; in order."""

    OFF = "off"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Rule(NamedTuple):
    """One rule. ``severity`` is the default, which a policy may change."""

    id: str
    severity: Severity
    finds: str
    why: str
    next: str


class Finding(NamedTuple):
    """One place where a rule found something.

    ``name`` is a parameter's where one is known, else a stored tensor's, a file's or a domain's.
    """

    rule: str
    severity: Severity
    name: str
    message: str
    stored: tuple[str, ...] = ()
    n_bytes: int = 0


_E, _W, _N, _O = Severity.ERROR, Severity.WARNING, Severity.NOTE, Severity.OFF
_ROWS: Final = (
    ("changed", _E, "a parameter has other values than in the reference", "the artifact does not compute what the checkpoint does",
     "export again from this checkpoint, or name the checkpoint that was exported"),
    ("swapped", _E, "another parameter's values are where this one's should be", "the layers run in the wrong order", "look at what renamed or reordered tensors after the export"),
    ("missing", _E, "a parameter of the reference is not there, and others of its module are", "a bias or a layer was dropped",
     "export again; where it was dropped on purpose, set `missing = \"off\"` for its name"),
    ("extra", _E, "a learned tensor is in no reference", "an adapter, a head or another model's weights are in the artifact", "find out who added it"),
    ("absent", _W, "parameters of the reference are nowhere in the artifact", "a branch that is not used at inference, or a part of the model that was not exported",
     "see whether the names are those of such a branch; set `absent = \"error\"` where none is expected"),
    ("incomplete", _E, "nearly all of the reference is not in the artifact", "the artifact was made of another model, or of a small part of this one", "name the checkpoint that was exported; `max-absent` says how much may be absent"),
    ("uncompared", _E, "most of what is in the artifact could not be compared with the reference", "nothing was proved", "export with our source map, or without constant folding"),
    ("not-comparable", _O, "nothing says whether a parameter of the reference is in the artifact", "it may never have been used, or was computed with others",
     "export with our source map, or without constant folding"),
    ("unproven-place", _O, "a parameter's values are there, and no name in the artifact says at which place", "two tensors of one shape could be swapped unseen",
     "keep names: export with our source map, run `restore` before optimizing"),
    ("low-sqnr", _E, "quantization lost more than the policy's `min-sqnr` allows", "accuracy is lost in this layer", "leave the layer unquantized, or use finer scales"),
    ("nan", _E, "a weight is NaN", "every result that it touches is NaN", "look at the training run's last steps; never ship it"),
    ("infinity", _E, "a weight is infinite", "results overflow; float16 conversions do this", "convert with clipping, or keep the tensor in float32"),
    ("constant", _W, "a matrix or kernel has one value throughout", "it was never trained or was overwritten", "compare with the checkpoint (`--reference`)"),
    ("zero-lines", _N, "rows or channels of a weight are all zero", "they are dead, or padding", "prune them, or ignore the padding row of an embedding"),
    ("duplicate", _W, "two parameters have equal content and are stored twice", "bytes are wasted", "tie them before the export, or deduplicate initializers"),
    ("tied-twice", _W, "a tied weight is stored once more, transposed", "bytes are wasted", "export without constant folding of the transposition, or use transB"),
    ("unused", _W, "no node takes a stored tensor", "it costs bytes and does nothing", "remove unused initializers (onnxslim, onnxruntime)"),
    ("float64", _W, "a parameter is float64", "twice the bytes, and kernels are slow or missing", "cast it to float32 before the export"),
    ("subnormal", _W, "many numbers of a float16 weight are subnormal", "they lost precision, and some processors are slow on them",
     "scale the layer, or keep it in float32 or bfloat16"),
    ("fp16-overflow", _E, "a float16 weight has numbers at the end of the type's range", "larger ones were cut off there", "keep the tensor in float32 or bfloat16"),
    ("scale-broken", _E, "a quantization scale is zero or no number", "the layer gives zeros or NaN", "quantize again; look at the layer's weights first"),
    ("scale-absurd", _W, "scales of one tensor are more than 10^6 apart, or above 10^3", "a broken channel or an outlier sets the scale", "look at the channel; clip outliers"),
    ("scale-shape", _E, "a scale has neither one number, nor one for each channel or block", "runtimes refuse it or misread it", "quantize again"),
    ("saturated", _W, "many codes of a quantized weight lie at the ends of their range", "the scale is too small: numbers were cut off", "calibrate or quantize again"),
    ("mixed-precision", _N, "parameters have several floating-point types", "often meant; else a conversion left layers out", "read the list of types in the report"),
    ("unquantized", _N, "a weight of a quantized model is left in floating point", "the quantizer skipped it: most bytes may be here",
     "see whether its operator can be quantized"),
    ("large-constant", _W, "a constant that is not a parameter is large", "a mask or table was folded for one fixed shape: bytes, and fixed sizes",
     "export with dynamic shapes, or without constant folding"),
    ("external-missing", _E, "a file that stored tensors point into does not exist", "the artifact is not whole", "put it beside the model"),
    ("external-checksum", _E, "external data has another SHA-1 than the model says", "the file is stale or damaged", "save model and data together"),
    ("external-overlap", _W, "stored tensors share bytes in part", "a broken writer; changes to one change the other", "save the model again"),
    ("external-gap", _N, "more than 64 KiB of external data belong to no tensor", "dead bytes are shipped", "save the model again"),
    ("external-length", _W, "external data is longer than its tensor", "a stale offset, or another type than the writer meant", "save the model again"),
    ("external-unreferenced", _W, "a data file beside the model is used by no tensor", "it is shipped for nothing, or the model is stale", "remove it or save again"),
    ("source-paths", _W, "metadata contains paths of the exporting machine", "user names and directory layouts leak", "strip metadata before release (onnxslim, `del metadata_props`)"),
    ("runtime", _E, "the opset or IR version is beyond what `--runtime` takes", "the model does not load there", "export for a lower opset, or raise the runtime"),
    ("custom-operators", _N, "operators are outside the standard domains", "the model runs only where they are implemented", "see that your runtime has them"),
    ("over-budget", _E, "parameters, bytes or types are outside the policy's budgets", "the policy says so", "raise the budget or shrink the model"),
)  # fmt: skip
RULES: Final[Mapping[str, Rule]] = {row[0]: Rule(*row) for row in _ROWS}
REFERENCE_RULES: Final = (
    "changed",
    "swapped",
    "missing",
    "extra",
    "absent",
    "incomplete",
    "uncompared",
    "not-comparable",
    "unproven-place",
    "low-sqnr",
)
RENAMED: Final = {"unquantised": "unquantized"}  # ids that release 0.1.0 had
