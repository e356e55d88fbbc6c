"""Draw the screens of every verb as SVG under docs/screens: at 80, 100 and 200 columns, dark and
light.

``python docs/screens.py`` makes all of them, from small models that it builds itself. It needs the
extra ``test``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.text import Text
from safetensors.numpy import save_file

FOLDER: Final = Path(__file__).resolve().parent / "screens"
WIDTHS: Final = (80, 100, 200)
THEMES: Final[dict[str, TerminalTheme]] = {"dark": MONOKAI, "light": DEFAULT_TERMINAL_THEME}
MAX_LINES: Final = 40  # what is longer is cut
MAX_BYTES: Final = 60_000  # of a picture
HIDDEN: Final = 16  # elements of a layer of the models
# name of the picture -> the words after "onnx-params"; PREPARED ones run before
SCREENS: Final = {
    "help": "--help",
    "analyze": "analyze net.onnx",
    "analyze-q4": "analyze net_q4.onnx --reference net.safetensors",
    "analyze-stored": "analyze net_q4.onnx --stored",
    "analyze-depth": "analyze net.onnx --depth 2",
    "analyze-stats": "analyze net.onnx --stats",
    "analyze-explain": "analyze net.onnx --explain encoder.0.attn.weight",
    "compare": "compare net.onnx net_q4.onnx",
    "compare-full": "compare net.onnx net_q4.onnx --full",
    "compare-three": "compare net.onnx net_fp16.onnx net_q4.onnx",
    "rank": "rank net.onnx net_fp16.onnx net_q4.onnx --by bytes",
    "schema": "schema",
    "audit": "audit net.onnx --reference net.safetensors",
    "audit-q4": "audit net_q4.onnx --reference net.safetensors",
    "audit-full": "audit net_q4.onnx --reference net.safetensors --full",
    "audit-failed": "audit wrong.onnx --reference net.safetensors",
    "lock": "lock net.onnx",
    "verify": "verify net.onnx net.lock.json",
    "verify-failed": "verify wrong.onnx net.lock.json",
    "extract": "extract net_q4.onnx -o out.safetensors --reference net.safetensors",
    "restore": "restore net_q4.onnx -o named.onnx --reference net.safetensors",
    "refused": "analyze nte.onnx",
}
PREPARED: Final = ("lock net.onnx -o net.lock.json",)

# the name that the help gives is that of the installed command
TOOL: Final = "import sys; sys.argv[0] = 'onnx-params'; from onnx_params.cli import main; main()"
# fonts from the network: a picture has none, the reader's own will do
FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)

Arrays = dict[str, np.ndarray]


def main() -> None:
    """Draw every screen."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        for words in PREPARED:
            answer(words, 0, folder)
        for name, words in SCREENS.items():
            for path in draw(name, words, folder):
                print(path.relative_to(FOLDER.parent.parent).as_posix())


def draw(name: str, words: str, folder: str) -> Iterator[Path]:
    """The pictures of one screen, by width and theme."""
    for width in WIDTHS:
        lines = cut(answer(words, width, folder), width)
        for theme, colours in THEMES.items():
            path = FOLDER / f"{name}-{width}-{theme}.svg"
            picture = svg(lines, words, width, colours)
            if len(picture.encode()) > MAX_BYTES:
                raise SystemExit(f"{path.name}: {len(picture.encode())} bytes, {MAX_BYTES} allowed")
            path.write_text(picture, encoding="utf-8")
            yield path


def answer(words: str, width: int, folder: str) -> str:
    """What the command writes to a terminal of that width, or says where it is refused."""
    options = ["--color", "always", "--width", str(width)]
    done = subprocess.run(
        [sys.executable, "-c", TOOL, *shlex.split(words), *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        # the help has a console of its own, which goes by these
        env={**os.environ, "FORCE_COLOR": "1", "TERMINAL_WIDTH": str(width), "PYTHONUTF8": "1"},
        check=False,
    )
    if "Traceback" in done.stderr:
        raise SystemExit(f"onnx-params {words}:\n{done.stderr}")
    return done.stdout + done.stderr


def cut(text: str, width: int) -> list[Text]:
    """The first lines, broken where a terminal breaks them, and how many more there are."""
    lines = [
        piece
        for line in text.rstrip("\n").splitlines()
        for piece in _folded(Text.from_ansi(line), width)
    ]
    if len(lines) > MAX_LINES:
        more = len(lines) - MAX_LINES + 1
        lines[MAX_LINES - 1 :] = [Text(f"... and {more} more lines", "dim")]
    return lines


def _folded(line: Text, width: int) -> Iterator[Text]:
    """Pieces of a line that are no longer than the window is wide."""
    yield from line.divide(range(width, len(line), width)) if len(line) > width else [line]


def svg(lines: list[Text], words: str, width: int, theme: TerminalTheme) -> str:
    """The picture of a window; the same text gives the same bytes."""
    console = Console(
        record=True,
        width=width,
        file=open(os.devnull, "w", encoding="utf-8"),  # noqa: SIM115
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
    )
    with console.file:
        prompt = Text.assemble(("$ ", "dim"), f"onnx-params {words}")
        shown = Text("\n").join([prompt, Text(), *lines])
        console.print(shown, highlight=False, no_wrap=True, overflow="ignore", crop=False)
    return FONTS.sub("", console.export_svg(title="onnx-params", theme=theme, unique_id="screen"))


def build(folder: Path) -> None:
    """A small transformer in float32, float16 and 4 bits, its checkpoint, and one that differs."""
    random = np.random.default_rng(0)
    arrays: Arrays = {}
    for layer in range(2):
        for module in ("attn", "mlp"):
            name = f"encoder.{layer}.{module}"
            weight = random.normal(0, 0.1, (HIDDEN, HIDDEN)).astype(np.float32)
            arrays[f"{name}.weight"] = weight
            arrays[f"{name}.bias"] = random.normal(0, 0.1, HIDDEN).astype(np.float32)
    arrays["head.weight"] = random.normal(0, 0.1, (4, HIDDEN)).astype(np.float32)
    save_file(arrays, folder / "net.safetensors")
    save(folder / "net.onnx", arrays)
    save(folder / "net_fp16.onnx", {name: each.astype(np.float16) for name, each in arrays.items()})
    save(folder / "net_q4.onnx", arrays, in_blocks=True)
    changed = arrays["encoder.1.mlp.weight"].copy()
    changed[3, 5] += 1
    save(folder / "wrong.onnx", {**arrays, "encoder.1.mlp.weight": changed})


def save(path: Path, arrays: Arrays, *, in_blocks: bool = False) -> None:
    """A chain of linear layers; square weights in blocks of 4 bits if so asked."""
    nodes: list[onnx.NodeProto] = []
    stored: list[TensorProto] = []
    last = "x"

    def keep(name: str, values: np.ndarray) -> str:
        stored.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(op_type: str, inputs: list[str], domain: str = "", **attributes: int) -> str:
        result = f"y{len(nodes)}"
        node = helper.make_node(op_type, inputs, [result], domain=domain, **attributes)
        nodes.append(node)
        return result

    for name, values in arrays.items():
        if name.endswith(".bias"):
            last = add("Add", [last, keep(name, values)])
        elif in_blocks and values.shape == (HIDDEN, HIDDEN):
            codes, scales = blocks(values)
            inputs = [last, keep(f"{name}_Q4", codes), keep(f"{name}_scales", scales)]
            options = {"K": HIDDEN, "N": HIDDEN, "bits": 4, "block_size": HIDDEN}
            last = add("MatMulNBits", inputs, "com.microsoft", **options)
        else:
            last = add("Gemm", [last, keep(name, values)], transB=1)
    kind = helper.np_dtype_to_tensor_dtype(arrays["head.weight"].dtype)
    ends = [
        helper.make_tensor_value_info(name, kind, ["batch", n])
        for name, n in (("x", HIDDEN), (last, 4))
    ]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], stored)
    opsets = [helper.make_opsetid("", 21)]
    if in_blocks:
        opsets.append(helper.make_opsetid("com.microsoft", 1))
    model = helper.make_model(graph, opset_imports=opsets, producer_name="screens")
    model.ir_version = 10
    onnx.save(model, path)


def blocks(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and scales of MatMulNBits, a block a row."""
    rows = weight[:, None, :]
    scales = (np.abs(rows).max(axis=2) / 7).astype(np.float32)
    codes = np.clip(np.round(rows / scales[..., None]) + 8, 0, 15).astype(np.uint8)
    return codes[..., ::2] | (codes[..., 1::2] << 4), scales


if __name__ == "__main__":
    main()
