"""Record what every verb says of every artifact at hand, so that a change of structure can be shown
to change no answer.

``python benchmarks/snapshot.py take OUT.json [FOLDER...]`` runs ``analyze``, ``audit --reference``,
``--stats``, ``lock`` and ``compare`` in one process and writes their JSON. ``python
benchmarks/snapshot.py diff OLD.json NEW.json`` lists what differs, status 1 if anything does. The
folders default to the zoo (``.cache/zoo``) and to the files in ``tests/models``; a folder with
``weights.safetensors`` in it is audited against that.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = (ROOT / ".cache" / "zoo", ROOT / "tests" / "models")
CHECKPOINT: Final = "weights.safetensors"
SMALL: Final = 1 << 20  # bytes of an artifact whose lock is recorded whole
COMPARED: Final = ("dynamo", "torchscript")  # exporters whose artifacts of one case are compared
MAX_SHOWN: Final = 12  # differences listed for one artifact


def run(*words: str) -> str:
    """What the command line prints for these words, its status in front; whatever goes wrong is
    part of the answer.
    """
    from onnx_params.cli import main

    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["onnx-params", *words]
    status: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        status = ended.code
    except Exception as error:  # a traceback is an answer that a snapshot has to show
        status = f"{type(error).__name__}: {error}"
    finally:
        sys.argv = before
    return json.dumps({"status": status or 0, "out": out.getvalue(), "err": err.getvalue()})


def answer(folder: Path, *words: str) -> dict[str, Any]:  # JSON
    """The answer as a document where it is one, without the paths of this machine."""
    found: dict[str, Any] = json.loads(run(*words).replace(str(folder), "."))
    with contextlib.suppress(ValueError):
        found["out"] = json.loads(found["out"])
    return found


def record(path: Path) -> dict[str, Any]:  # JSON
    """All answers on one artifact."""
    folder = path.parent
    found = {"analyze": answer(folder, "analyze", str(path), "--format", "json", "--stats")}
    found["stored"] = answer(folder, "analyze", str(path), "--stored")
    if path.stat().st_size < SMALL:
        found["lock"] = answer(folder, "lock", str(path))
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        options = ("--format", "json", "--policy", str(_no_policy()))
        found["audit"] = answer(
            folder, "audit", str(path), "--reference", str(checkpoint), *options
        )
    first = folder / f"{COMPARED[0]}.onnx"
    if path.stem in COMPARED[1:] and first.exists():
        found["compare"] = answer(folder, "compare", str(first), str(path), "--format", "json")
    return found


def _no_policy() -> Path:
    """A policy that changes nothing: the working directory's must not decide."""
    path = ROOT / ".cache" / "snapshot.toml"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return path


def artifacts(folders: list[Path]) -> list[Path]:
    """Every ONNX file below the folders; models written as text are turned into files of
    ``.cache``.
    """
    found = [path for folder in folders for path in sorted(folder.rglob("*.onnx"))]
    made = ROOT / ".cache" / "snapshot"
    made.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for text in sorted(folder.rglob("*.onnxtxt")):
            import onnx
            import onnx.parser

            path = made / f"{text.stem}.onnx"
            onnx.save(onnx.parser.parse_model(text.read_text()), path)
            found.append(path)
    return [*found, *_traps(made)]


def _traps(folder: Path) -> Iterator[Path]:
    """The counting traps of the tests, as files."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]
    with contextlib.suppress(ImportError):
        import onnx

        traps = importlib.import_module("support.traps").TRAPS
        for name, (_, build) in traps.items():
            path = folder / f"trap-{name}.onnx"
            onnx.save(build(), path)
            yield path


def take(output: Path, folders: list[Path], workers: int) -> None:
    """Write the snapshot of every artifact."""
    paths = artifacts(folders or [folder for folder in FOLDERS if folder.exists()])
    with ProcessPoolExecutor(workers) as pool:
        answers = list(pool.map(record, paths, chunksize=4))
    names = [
        str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path) for path in paths
    ]
    output.write_text(
        json.dumps(dict(zip(names, answers, strict=True)), indent=0, sort_keys=True) + "\n"
    )
    print(f"{output}: {len(paths)} artifacts")


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:  # JSON
    """Where two documents differ, a line each."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in old or key not in new:
                yield f"{where}/{key}: only in the {'old' if key in old else 'new'}"
            else:
                yield from differences(old[key], new[key], f"{where}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, two) in enumerate(zip(old, new, strict=True)):
            name = one.get("name") if isinstance(one, dict) else None
            yield from differences(one, two, f"{where}[{name or at}]")
    elif old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:  # JSON
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


def diff(old: Path, new: Path, ignored: str) -> int:
    """Print what differs between two snapshots, and how many artifacts do."""
    one, two = json.loads(old.read_text()), json.loads(new.read_text())
    skip = re.compile(ignored) if ignored else None
    changed = 0
    for name in [*one, *(name for name in two if name not in one)]:
        if name not in one or name not in two:
            print(f"{name}: only in the {'old' if name in one else 'new'} snapshot")
            changed += 1
            continue
        lines = [
            line
            for line in differences(one[name], two[name])
            if skip is None or not skip.search(line)
        ]
        changed += bool(lines)
        for line in lines[:MAX_SHOWN]:
            print(f"{name}{line}")
        if len(lines) > MAX_SHOWN:
            print(f"{name}: and {len(lines) - MAX_SHOWN} more")
    print(f"{changed} of {len(one)} artifacts differ")
    return int(changed > 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    taking = verbs.add_parser("take", help="write a snapshot")
    taking.add_argument("output", type=Path)
    taking.add_argument("folders", type=Path, nargs="*")
    taking.add_argument("--workers", type=int, default=2)
    comparing = verbs.add_parser("diff", help="compare two snapshots")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument(
        "--ignore", default="", metavar="PATTERN", help="differences that match are left out"
    )
    options = parser.parse_args()
    if options.verb == "take":
        take(options.output, options.folders, options.workers)
    else:
        sys.exit(diff(options.old, options.new, options.ignore))


if __name__ == "__main__":
    main()
