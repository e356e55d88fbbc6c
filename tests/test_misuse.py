"""What goes wrong for users ends in one line that says what to do, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.graphs import Chain, checkpoint

TOOL = [sys.executable, "-m", "onnx_params"]
# runs the command line where the module of the first word cannot be imported
WITHOUT = (
    "import sys; sys.modules[sys.argv.pop(1)] = None; from onnx_params.cli import main; main()"
)


MANY = 2000  # tensors whose report is longer than a pipe holds
NO_URL = "http://127.0.0.1:9/x.onnx"  # the port of "discard", where nobody listens


def build(folder: Path, name: str, layers: list[str], n: int = 4) -> None:
    """A model of Gemms and its checkpoint."""
    random = np.random.default_rng(n)
    chain = Chain()
    arrays: dict[str, np.ndarray] = {}
    for layer in layers:
        weight = random.standard_normal((n, n)).astype(np.float32)
        arrays[f"{layer}.weight"] = weight
        chain.linear(f"{layer}.weight", weight)
    chain.save(folder / f"{name}.onnx")
    checkpoint(folder / f"{name}.safetensors", **arrays)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models that have nothing in common, and a text."""
    build(tmp_path, "a", ["fc1", "fc2"])
    build(tmp_path, "b", ["left", "right"], 8)
    (tmp_path / "file.txt").write_text("hello\n")
    return tmp_path


def state(folder: Path) -> dict[str, bytes]:
    """What each file of a folder holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def run_in(
    folder: Path, *words: str, command: list[str] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The finished process, which ran in that folder."""
    return subprocess.run(
        [*(command or TOOL), *words],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=folder,
        env={**os.environ, **variables},
        timeout=60,
    )


def check_refused(folder: Path, *words: str, command: list[str] | None = None) -> str:
    """The line on standard error: status 2, nothing else said, nothing written."""
    before = state(folder)
    done = run_in(folder, *words, command=command)
    check_said(done)
    assert "" == done.stdout
    assert before == state(folder)
    return done.stderr


def check_said(done: subprocess.CompletedProcess[str], statuses: tuple[int, ...] = (2,)) -> None:
    """One line that begins with the tool's name, or the parser's usage error; no traceback, and
    no request to report what the user did.
    """
    assert done.returncode in statuses
    assert "Traceback" not in done.stderr and "please report it" not in done.stderr
    if done.stderr.startswith("Usage: "):
        return
    assert 1 == done.stderr.count("\n") and done.stderr.startswith("onnx-params: "), done.stderr


VERBS = (
    "analyze PATH",
    "audit PATH",
    "audit a.onnx --reference PATH",
    "compare a.onnx PATH",
    "rank PATH",
    "lock PATH",
    "verify PATH lock.json",
    "verify a.onnx PATH",
    "extract PATH -o out.safetensors",
    "restore PATH -o out.onnx --map map.json",
    "analyze a.onnx --reference PATH -o out.txt",
    "analyze a.onnx --like PATH.json",
    "audit a.onnx --policy PATH",
)


@pytest.mark.parametrize("verb", VERBS)
def test_a_mistyped_path(folder: Path, verb: str) -> None:
    """1. The line has the path."""
    assert 0 == run_in(folder, "lock", "a.onnx", "-o", "lock.json").returncode
    line = check_refused(folder, *verb.replace("PATH", "modle").split())
    assert "modle" in line


@pytest.mark.parametrize("verb", VERBS[:10])
def test_a_folder_instead_of_a_file(folder: Path, verb: str) -> None:
    """2. The line has the folder, which holds no checkpoint."""
    assert 0 == run_in(folder, "lock", "a.onnx", "-o", "lock.json").returncode
    (folder / "models").mkdir()
    shutil.copy(folder / "a.onnx", folder / "models")
    line = check_refused(folder, *verb.replace("PATH", "models").split())
    assert "models" in line and "folder" in line


def test_the_reference_of_another_model(folder: Path) -> None:
    """3. A checkpoint that has nothing of the model gives no names: that is said, and fails."""
    line = check_refused(folder, "analyze", "a.onnx", "--reference", "b.safetensors")
    assert "b.safetensors" in line


@pytest.mark.parametrize("verb", ["restore a.onnx -o o.onnx", "extract a.onnx -o o.safetensors"])
def test_the_reference_of_another_model_for_what_writes(folder: Path, verb: str) -> None:
    """3. Nothing is written under the names of a checkpoint that has nothing of the model."""
    before = state(folder)
    done = run_in(folder, *verb.split(), "--reference", "b.safetensors")
    assert 0 != done.returncode and "Traceback" not in done.stderr
    assert before == state(folder)


def test_an_audit_against_another_model(folder: Path) -> None:
    """3. An audit fails with status 1 and says that another model was exported."""
    done = run_in(folder, "audit", "a.onnx", "--reference", "b.safetensors")
    assert (1, "") == (done.returncode, done.stderr)
    assert "FAILED" in done.stdout and "another model" in done.stdout


WRITERS = (
    "analyze a.onnx -o OUT.txt",
    "analyze a.onnx --format json -o OUT.json",
    "analyze a.onnx --format parquet -o OUT.parquet",
    "analyze a.onnx --chart OUT.svg",
    "audit a.onnx -o OUT.txt",
    "audit a.onnx --sarif OUT.sarif",
    "compare a.onnx b.onnx -o OUT.txt",
    "compare a.onnx b.onnx --chart OUT.png",
    "rank a.onnx b.onnx -o OUT.txt",
    "rank a.onnx --chart OUT.pdf",
    "lock a.onnx -o OUT.json",
    "extract a.onnx -o OUT.safetensors",
    "restore a.onnx -o OUT.onnx",
    "restore a.onnx --map OUT.json",
)


@pytest.mark.parametrize("parent", ["file.txt", "nowhere"])
@pytest.mark.parametrize("writer", WRITERS)
def test_an_output_that_cannot_be_written(folder: Path, writer: str, parent: str) -> None:
    """4. Its folder is a file, or is not there."""
    line = check_refused(folder, *writer.replace("OUT", f"{parent}/out").split())
    assert f"{parent}/out" in line


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders cannot be locked by their mode")
@pytest.mark.parametrize("writer", WRITERS)
def test_an_output_in_a_locked_folder(folder: Path, writer: str) -> None:
    """4. Its folder cannot be written."""
    command = TOOL
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write, and there is no setpriv")
        # not even root may, without these
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *TOOL]
    (folder / "locked").mkdir(mode=0o500)
    line = check_refused(folder, *writer.replace("OUT", "locked/out").split(), command=command)
    assert "locked/out" in line


@pytest.mark.parametrize(
    "words",
    [
        "analyze a.onnx -o a.onnx",
        "analyze a.onnx -o ./a.onnx",
        "analyze a.onnx -o link.onnx",
        "analyze a.onnx --chart a.onnx",
        "analyze a.onnx --reference a.safetensors -o a.safetensors",
        "analyze a.onnx b.onnx -o b.onnx",
        "audit a.onnx -o a.onnx",
        "audit a.onnx --sarif a.onnx",
        "audit a.onnx -o o.txt --sarif o.txt",
        "compare a.onnx b.onnx -o b.onnx",
        "rank a.onnx b.onnx -o b.onnx",
        "lock a.onnx -o a.onnx",
        "extract a.onnx -o a.onnx",
        "restore a.onnx -o a.onnx",
        "restore a.onnx -o o.onnx --map a.onnx",
        "restore a.onnx -o o.onnx --map o.onnx",
    ],
)
def test_an_output_that_is_an_input(folder: Path, words: str) -> None:
    """5. No input is overwritten, not through a link either, and no output twice."""
    (folder / "link.onnx").symlink_to("a.onnx")
    check_refused(folder, *words.split())


@pytest.mark.parametrize(
    ("module", "extra", "words"),
    [
        ("matplotlib", "chart", "analyze a.onnx --chart o.png"),
        ("matplotlib", "chart", "compare a.onnx b.onnx --chart o.png"),
        ("matplotlib", "chart", "rank a.onnx b.onnx --chart o.png"),
        ("pyarrow", "parquet", "analyze a.onnx --format parquet -o o.parquet"),
        ("pyarrow", "parquet", "analyze a.onnx --format arrow -o o.arrow"),
        ("fsspec", "remote", f"analyze {NO_URL}"),
        ("h5py", "hdf5", "analyze keras.h5"),
        ("transformers", "transformers", "analyze a.onnx --like gpt2"),
    ],
)
def test_a_missing_extra(folder: Path, module: str, extra: str, words: str) -> None:
    """6. The line says how to install what is missing."""
    if module == "h5py":
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / "keras.h5", "w") as file:
            file["fc/kernel"] = np.ones((4, 4), np.float32)
    line = check_refused(folder, *words.split(), command=[sys.executable, "-c", WITHOUT, module])
    assert "pip install" in line and extra in line


@pytest.mark.parametrize("verb", ["analyze URL", "audit URL", "compare a.onnx URL", "rank URL"])
def test_a_url_without_network(folder: Path, verb: str) -> None:
    """7. The line has the URL."""
    assert NO_URL in check_refused(folder, *verb.replace("URL", NO_URL).split())


def test_a_server_that_does_not_answer_is_no_missing_file(folder: Path) -> None:
    """7. It says that nobody answered, not that the file is missing."""
    assert "no such file" not in check_refused(folder, "analyze", NO_URL)


@pytest.mark.parametrize("glob", ["fc1.wieght", "*.wieght", "fc1.weihgt*"])
def test_a_filter_that_matches_nothing(folder: Path, glob: str) -> None:
    """8. The line has the glob and a name that it may mean."""
    line = check_refused(folder, "analyze", "a.onnx", "--filter", glob)
    assert f"'{glob}'" in line and "did you mean 'fc" in line


def test_an_unknown_name(folder: Path) -> None:
    """9. The line has the name that it may mean first."""
    line = check_refused(folder, "analyze", "a.onnx", "--explain", "fc2.wieght")
    assert "did you mean 'fc2.weight'" in line


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("analyze a.onnx --columns nmae", "name"),
        ("analyze a.onnx --format jsno", "json"),
        ("compare a.onnx b.onnx --ignore valeus", "values"),
        ("schema reprot", "report"),
        ("anlyze a.onnx", "analyze"),
        ("analyze a.onnx --dpeth 2", "--depth"),
        ("audit a.onnx --fail-on eror", "error"),
    ],
)
def test_an_unknown_word(folder: Path, words: str, meant: str) -> None:
    """9. Columns, formats, documents, commands and options: what is meant is in the message."""
    assert meant in check_refused(folder, *words.split())


@pytest.mark.parametrize("name", ["o.bmp", "o", "o.png.txt", "o.PN"])
@pytest.mark.parametrize("verb", ["analyze a.onnx", "compare a.onnx b.onnx", "rank a.onnx b.onnx"])
def test_a_bad_ending_of_a_chart(folder: Path, verb: str, name: str) -> None:
    """10. The line has the endings that there are."""
    line = check_refused(folder, *verb.split(), "--chart", name)
    assert all(ending in line for ending in (".png", ".svg", ".pdf"))


@pytest.mark.parametrize("bad", ["nope.onnx", "file.txt", "."])
@pytest.mark.parametrize("verb", ["analyze", "audit"])
def test_one_bad_of_several(folder: Path, verb: str, bad: str) -> None:
    """11. The others are printed; the bad one has its line; the status is 2."""
    before = state(folder)
    where = folder / "empty"
    where.mkdir()
    bad = "empty" if bad == "." else bad
    done = run_in(folder, verb, "a.onnx", bad, "b.onnx")
    check_said(done)
    assert bad in done.stderr
    alone = [run_in(folder, verb, model).stdout for model in ("a.onnx", "b.onnx")]
    assert "\n".join(alone) == done.stdout
    where.rmdir()
    assert before == state(folder)


def test_one_bad_of_several_in_a_ranking(folder: Path) -> None:
    """11. A leaderboard has those that could be read."""
    done = run_in(folder, "rank", "a.onnx", "nope.onnx", "b.onnx")
    check_said(done)
    assert "2 models" in done.stdout


@pytest.mark.parametrize("format", ["json", "csv"])
@pytest.mark.parametrize("verb", ["analyze", "audit"])
def test_one_bad_of_two_keeps_the_form(folder: Path, verb: str, format: str) -> None:
    """11. Two models were named, so the document is the one for several: a program that reads it
    need not know which of them could be read.
    """
    both = run_in(folder, verb, "a.onnx", "b.onnx", "--format", format)
    done = run_in(folder, verb, "a.onnx", "nope.onnx", "--format", format)
    check_said(done)
    assert _form(both.stdout, format) == _form(done.stdout, format)


def _form(text: str, format: str) -> str:
    """The schema that a document names, or the header of a sheet."""
    if format == "csv":
        return text.partition("\n")[0]
    return str(json.loads(text)["schema"])


@pytest.mark.parametrize("verb", ["analyze", "audit"])
def test_all_of_several_bad(folder: Path, verb: str) -> None:
    """11. Each has its line, and nothing is printed."""
    done = run_in(folder, verb, "nope.onnx", "file.txt")
    assert (2, "") == (done.returncode, done.stdout.strip())
    lines = done.stderr.splitlines()
    assert 2 == len(lines) and all(line.startswith("onnx-params: ") for line in lines)


@pytest.mark.parametrize("format", ["table", "json", "csv", "ndjson", "markdown", "html"])
def test_a_closed_pipe(tmp_path: Path, format: str) -> None:
    """12. A reader that has enough ends the tool without a word."""
    build(tmp_path, "many", [f"layer.{at}" for at in range(MANY)], 2)
    words = ["analyze", str(tmp_path / "many.onnx"), "--format", format]
    with subprocess.Popen(
        [*TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode in (0, 141) and "" == said


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        "analyze a.onnx",
        "analyze a.onnx --format json",
        "audit a.onnx",
        "compare a.onnx a.onnx",
        "rank a.onnx",
        "lock a.onnx",
        "schema report",
        "schema",
        "--version",
    ],
)
def test_a_full_disk_behind_standard_output(folder: Path, words: str) -> None:
    """13. The line says that there is no space; it asks nobody to report that."""
    before = state(folder)
    with FULL.open("w") as full:  # written to, and never named as an output, which is replaced
        done = subprocess.run(
            [*TOOL, *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            timeout=60,
        )
    check_said(done)
    assert "space" in done.stderr.lower()
    assert before == state(folder)


# runs the command line where no file may have more than 10 bytes
SMALL = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10));"
    " from onnx_params.cli import main; main()"
)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_fills_while_writing(folder: Path, writer: str) -> None:
    """13. A file that cannot be written to its end leaves nothing behind."""
    pytest.importorskip("resource")
    command = [sys.executable, "-B", "-c", SMALL]
    line = check_refused(folder, *writer.replace("OUT", "out").split(), command=command)
    assert "out." in line


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_an_output_that_is_no_regular_file(folder: Path) -> None:
    """13. A FIFO, and so a device such as /dev/null, is never replaced by a file.

    As root, ``-o /dev/null`` would otherwise take the device from the whole machine.
    """
    out = folder / "out.json"
    os.mkfifo(out)
    reader = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = run_in(folder, "analyze", "a.onnx", "--format", "json", "-o", "out.json")
    finally:
        os.close(reader)
    assert "Traceback" not in done.stderr
    assert out.is_fifo()


def interrupted(command: list[str], folder: Path, wait: float = 1.5, **options: int) -> str:
    """What a command says that gets SIGINT while it waits for its input."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        **options,
    ) as process:
        time.sleep(wait)  # until it reads
        process.send_signal(signal.SIGINT)
        try:
            out, said = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "" == out and "Traceback" not in said
    assert process.returncode in (2, 130)
    return said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
@pytest.mark.parametrize("words", ["analyze - -o out.txt", "analyze fifo -o out.txt"])
def test_an_interruption_has_no_traceback(folder: Path, words: str) -> None:
    """14. Ctrl-C ends it with status 2 or 130; nothing was written."""
    said, before = _interrupted_in(folder, words)
    assert said.count("\n") <= 1
    assert before == set(os.listdir(folder))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
@pytest.mark.parametrize("words", ["analyze - -o out.txt", "analyze fifo -o out.txt"])
def test_an_interruption_is_said_in_one_line(folder: Path, words: str) -> None:
    """14. One line says so."""
    said, _ = _interrupted_in(folder, words)
    assert 1 == said.count("\n") and said.startswith("onnx-params: interrupted")


def _interrupted_in(folder: Path, words: str) -> tuple[str, set[str]]:
    """What it said, and the names in the folder before."""
    os.mkfifo(folder / "fifo")
    before = set(os.listdir(folder))
    # both ends, so that the reader waits for what never comes
    held = os.open(folder / "fifo", os.O_RDWR)
    try:
        return interrupted([*TOOL, *words.split()], folder, stdin=held), before
    finally:
        os.close(held)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A model whose names a console of western Europe does not have, and one that it has."""
    build(tmp_path, "a", ["編碼器.層一", "Größe.straße"])
    build(tmp_path, "模型", ["fc"])
    return tmp_path


SCREENS = (
    "analyze a.onnx",
    "analyze a.onnx --stored",
    "analyze a.onnx --depth 2",
    "analyze a.onnx --stats",
    "analyze a.onnx --explain Größe.straße.weight",
    "analyze a.onnx --format csv",
    "analyze a.onnx --format markdown",
    "analyze a.onnx --format html",
    "analyze a.onnx --format ndjson",
    "analyze 模型.onnx",
    "audit a.onnx --full --reference a.safetensors",
    "compare a.onnx a.onnx --full",
    "rank a.onnx 模型.onnx",
    "lock a.onnx",
    "restore a.onnx -o 新.onnx",
    "extract a.onnx -o 新.safetensors",
)
ENCODINGS = ("ascii", "cp1252", "latin-1")
# the others take half a minute
CONSOLES = [
    pytest.param(words, encoding, marks=[] if at % 4 == 0 else [pytest.mark.slow])
    for at, (words, encoding) in enumerate(itertools.product(SCREENS, ENCODINGS))
]


@pytest.mark.parametrize(("words", "encoding"), CONSOLES)
def test_a_console_without_utf_8(foreign: Path, words: str, encoding: str) -> None:
    """15. What a console does not have is shown in another way; that is no reason to give up."""
    done = run_in(foreign, *words.split(), PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_messages_on_a_console_without_utf_8(foreign: Path, encoding: str) -> None:
    """15. Nor does a message fail."""
    done = run_in(foreign, "analyze", "無.onnx", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    check_said(done)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_help_on_a_console_without_utf_8(foreign: Path, encoding: str) -> None:
    """15. Nor does the help, whose frames are drawn with characters that it has."""
    for words in (["--help"], ["analyze", "--help"], ["analyze"], ["analyze", "--dpeth"]):
        done = run_in(foreign, *words, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert done.returncode in (0, 2) and "Traceback" not in done.stderr
        assert "UnicodeEncodeError" not in done.stderr
