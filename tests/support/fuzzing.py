"""Mutate small models and checkpoints, structure first: the format stays what it is, and its
content goes wrong.

``python tests/support/fuzzing.py COUNT [SEED]`` runs every verb on ``COUNT`` inputs and prints what
it saw; ``--guided`` has atheris choose the inputs by what they reach. An input fails where anything
but an error of ours is raised, where a broken file ends the command line with another status than
2, and where it takes too much processor time or memory.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import io
import json
import os
import pickle
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

import onnx_params
from onnx_params.containers import hdf5
from onnx_params.containers.strided import ZIP_ERRORS

TESTS = Path(__file__).resolve().parent.parent
ZOO = TESTS / "models"
NUMBERS = (0, 1, 2, 127, 128, 255, 2**15, 2**31 - 1, 2**31, 2**32, 10**15, 2**62, 2**63, 2**64 - 1)
MAX_SECONDS = 3.0  # for all verbs together
PARTS_SHARE = 0.2  # of checkpoints: layers of quantizers
HDF5_SHARE = 0.03  # of checkpoints: each starts a process
# bytes that one input may take at its peak, and by which memory may grow over a run: NumPy's and
# the libraries' own caches included
MAX_EXTRA = 256 << 20


def seeds() -> list[bytes]:
    """A model for each thing that the reader treats in its own way: the zoo, the small counting
    traps, files of older converters.
    """
    from support.traps import TRAPS

    zoo = [onnx.parser.parse_model(path.read_text()) for path in sorted(ZOO.glob("*.onnxtxt"))]
    traps = [build() for _, build in TRAPS.values()]
    real = [path.read_bytes() for path in sorted(ZOO.glob("converters/*.onnx"))]
    return [
        data
        for data in (*(proto.SerializeToString() for proto in (*zoo, *traps)), *real)
        if len(data) < 1 << 14
    ]


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def split(data: bytes) -> list[tuple[int, int, bytes]] | None:
    """The fields of a message: number, wire type, value's bytes; ``None`` where it is none."""
    found, pos = [], 0
    while pos < len(data):
        tag = shift = 0
        while True:
            if pos >= len(data) or shift > 35:
                return None
            byte = data[pos]
            pos += 1
            tag |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        kind, start = tag & 7, pos
        if kind == 0:
            while pos < len(data) and data[pos] >= 0x80:
                pos += 1
            pos += 1
        elif kind == 2:
            length = shift = 0
            while True:
                if pos >= len(data) or shift > 35:
                    return None
                byte = data[pos]
                pos += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            start, pos = pos, pos + length
        elif kind in (1, 5):
            pos += 8 if kind == 1 else 4
        else:
            return None
        if pos > len(data) or not tag >> 3:
            return None
        found.append((tag >> 3, kind, data[start:pos]))
    return found


def join(fields: list[tuple[int, int, bytes]]) -> bytes:
    return b"".join(
        varint(number << 3 | kind) + (varint(len(value)) if kind == 2 else b"") + value
        for number, kind, value in fields
    )


def mutate(data: bytes, rng: random.Random, depth: int = 0) -> bytes:
    """One change somewhere: at a field of this message, or inside one of its messages."""
    fields = split(data) if depth < 8 and rng.random() < 0.95 else None
    if not fields:
        return damage(data, rng)
    at = rng.randrange(len(fields))
    number, kind, value = fields[at]
    choice = rng.random()
    if kind == 2 and choice < 0.6:
        fields[at] = (number, kind, mutate(value, rng, depth + 1))
    elif choice < 0.68:
        fields[at] = (number, 0, varint(rng.choice(NUMBERS)))
    elif choice < 0.74:
        del fields[at]
    elif choice < 0.80:
        fields.insert(rng.randrange(len(fields) + 1), fields[at])
    elif choice < 0.86:
        fields[at] = (rng.randrange(1, 30), kind, value)
    elif choice < 0.90:
        rng.shuffle(fields)
    elif choice < 0.94:
        fields[at] = (number, 2, join(fields)[: 1 << 16])  # a message in itself
    else:
        fields[at] = (number, kind, damage(value, rng))
    return join(fields)


def damage(data: bytes, rng: random.Random) -> bytes:
    """One change of bytes."""
    if not data:
        return varint(rng.choice(NUMBERS))
    at = rng.randrange(len(data))
    choice = rng.randrange(5)
    if choice == 0:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if choice == 1:
        return data[:at]
    if choice == 2:
        return data[:at] + varint(rng.choice(NUMBERS)) + data[at:]
    if choice == 3:
        return data[:at] + data[at + rng.randrange(1, 9) :]
    return (
        data[:at]
        + rng.choice(
            [b"../../etc/passwd", b"\xff" * 9, b"\0" * 9, b"a" * 300, "\u202e|\n\x1b".encode()]
        )
        + data[at:]
    )


def attempt(data: bytes) -> bool:
    """Whether the analyzer takes the input for a model; whatever it raises but our own errors goes
    through.
    """
    try:
        report = onnx_params.analyze(data)
    except onnx_params.OnnxParamsError as error:
        assert "\n" not in str(error), error
        return False
    report.to_json()
    inventory = report.inventory
    assert len(inventory.parameter_tensors) + len(inventory.others) == len(inventory.classified)
    assert (
        inventory.files[0].structure_bytes is not None and inventory.files[0].structure_bytes >= 0
    )
    return True


# -- checkpoints ------------------------------------------------------------------------------


def checkpoint_of(data: bytes, folder: Path, rng: random.Random) -> Path:
    """A checkpoint with the numbers of a model's initializers, in one of the formats; its tensors
    under their own names.
    """
    with contextlib.suppress(Exception):  # onnx's own opinion on a mutated model
        model = onnx.ModelProto.FromString(data)
        arrays = {t.name or "w": numpy_helper.to_array(t) for t in model.graph.initializer}
        plain = {
            name: np.ascontiguousarray(value)
            for name, value in arrays.items()
            if value.dtype.kind in "fiub" and value.dtype.name in _WORDS
        }
        if plain:
            if rng.random() < HDF5_SHARE:
                return _hdf5(plain, folder)
            if rng.random() < PARTS_SHARE:
                return _parts(rng, folder)
            made = (_safetensors, _npz, _torch_zip, _source_map, _index, _pickled)
            return rng.choice(made)(plain, folder)
    return _safetensors({"w": np.ones((0, 3), np.float32)}, folder)


_WORDS = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def _safetensors(arrays: dict[str, np.ndarray], folder: Path, name: str = "c.safetensors") -> Path:
    header: dict[str, object] = {}
    at = 0
    for key, value in arrays.items():
        header[key] = {
            "dtype": _WORDS[value.dtype.name],
            "shape": list(value.shape),
            "data_offsets": [at, at + value.nbytes],
        }
        at += value.nbytes
    text = json.dumps(header).encode()
    (folder / name).write_bytes(
        len(text).to_bytes(8, "little")
        + text
        + b"".join(value.tobytes() for value in arrays.values())
    )
    return folder / name


def _index(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    _safetensors(arrays, folder, "shard.safetensors")
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": dict.fromkeys(arrays, "shard.safetensors")}))
    return path


def _npz(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    np.savez(folder / "c.npz", **{key.replace("/", "_"): value for key, value in arrays.items()})
    return folder / "c.npz"


def _pickled(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    (folder / "c.pkl").write_bytes(pickle.dumps({"model": arrays}))
    return folder / "c.pkl"


# shapes and types that the parts of a quantized layer may have, or not
_SHAPES = ((), (1,), (2,), (8,), (16, 1), (8, 2), (8, 8), (8, 64), (1, 8), (2, 8, 2, 16), (2, 8, 2))
_TYPES = ("float32", "float16", "int8", "uint8", "int32", "int64")


def _parts(rng: random.Random, folder: Path) -> Path:
    """A layer of some quantizer, whose parts need not fit together."""
    from onnx_params.containers.quantized_checkpoint import LAYOUTS

    layout = rng.choice(LAYOUTS)
    arrays = {}
    for leaf in (*layout.needed, *layout.optional):
        shape, dtype = rng.choice(_SHAPES), rng.choice(_TYPES)
        values = np.asarray([rng.randrange(-3, 200) for _ in range(int(np.prod(shape)))])
        arrays[f"up.{leaf}"] = values.reshape(shape).astype(np.float32).astype(dtype)
    return _safetensors(arrays, folder)


def _torch_zip(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    import torch

    torch.save(
        {key: torch.from_numpy(value.copy()) for key, value in arrays.items()}, folder / "c.pt"
    )
    return folder / "c.pt"


def _hdf5(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "c.h5", "w") as file:
        for at, value in enumerate(arrays.values()):
            file.create_dataset(f"layers/dense_{at}/vars/0", data=value)
    return folder / "c.h5"


def _source_map(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    import hashlib

    rows = [
        {
            "name": key,
            "shape": list(value.shape),
            "dtype": value.dtype.name,
            "sha256": hashlib.sha256(value.tobytes()).hexdigest(),
            "stored": key,
            "view": "whole",
            "pieces": [
                {
                    "stored": {"graph": "", "name": key},
                    "steps": [{"step": "reshape", "shape": list(value.shape)}],
                }
            ],
        }
        for key, value in arrays.items()
    ]
    (folder / "map.json").write_text(
        json.dumps({"schema": "onnx-params/source-map/1", "parameters": rows, "buffers": []})
    )
    return folder / "map.json"


def mutate_file(path: Path, rng: random.Random) -> None:
    """One change inside a checkpoint, a lock or a map: in its JSON where it has some, in a member
    of its zip, else in its bytes.
    """
    data = path.read_bytes()
    if path.suffix == ".json":
        path.write_text(json.dumps(mutate_json(json.loads(data), rng)))
    elif path.suffix == ".safetensors" and rng.random() < 0.8:
        length = int.from_bytes(data[:8], "little")
        text = json.dumps(mutate_json(json.loads(data[8 : 8 + length]), rng)).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    elif data[:2] == b"PK" and rng.random() < 0.8:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        chosen = rng.choice(list(members))
        members[chosen] = damage(members[chosen], rng)
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in members.items():
                archive.writestr(name, value)
    else:
        path.write_bytes(damage(data, rng))


def mutate_json(value: object, rng: random.Random) -> object:
    """One value of a document replaced, taken out, or put in twice."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: mutate_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.15:
            return [*value[:at], *value[at + 1 :]]
        return [*value[:at], mutate_json(value[at], rng), *value[at + rng.choice((0, 1, 1, 1)) :]]
    return rng.choice(
        [
            None,
            True,
            -1,
            0,
            1,
            2,
            3,
            7,
            2**31,
            2**63,
            10**30,
            1.5,
            "",
            "x",
            "../x",
            "F32",
            "I4",
            [],
            [1],
            [0, 2],
            {},
            {"graph": "", "name": "w"},
        ]
    )


# -- every verb -------------------------------------------------------------------------------


class Bench:
    """A folder with a mutated model, a second one and a checkpoint, and the verbs to run
    on them.
    """

    def __init__(self, folder: Path, data: bytes, other: bytes, rng: random.Random) -> None:
        self.folder = folder
        self.rng = rng
        self.model = folder / "m.onnx"
        self.model.write_bytes(data)
        self.other = folder / "o.onnx"
        self.other.write_bytes(other)
        self.reference = checkpoint_of(data if rng.random() < 0.6 else other, folder, rng)
        for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
            # mutated before: no longer what it was
            with contextlib.suppress(*ZIP_ERRORS, KeyError, IndexError):
                mutate_file(self.reference, rng)

    def analyze(self) -> None:
        report = onnx_params.analyze(self.model, stats=True)
        report.to_json()
        report.to_markdown()
        report.to_csv()

    def analyze_reference(self) -> None:
        onnx_params.analyze(self.model, reference=self.reference, verify=True).to_json()

    def analyze_checkpoint(self) -> None:
        if self.reference.suffix != ".json":
            onnx_params.analyze(self.reference, stats=True).to_json()

    def extract(self) -> None:
        from onnx_params.extraction.extract import extract

        extract(
            onnx_params.analyze(self.model).inventory,
            str(self.folder / "x.safetensors"),
            dequantize=self.rng.random() < 0.7,
        )

    def extract_reference(self) -> None:
        from onnx_params.extraction.extract import extract

        inventory = onnx_params.analyze(self.model, reference=self.reference).inventory
        extract(inventory, str(self.folder / "x.safetensors"), dequantize=True)

    def restore(self) -> None:
        from onnx_params.extraction.restore import restore, write_map

        inventory = onnx_params.analyze(self.model).inventory
        restore(inventory, str(self.folder / "r.onnx"))
        write_map(inventory, str(self.folder / "r.json"))
        onnx_params.analyze(self.folder / "r.onnx").to_json()

    def audit(self) -> None:
        onnx_params.audit(self.model, runtime="onnxruntime==1.18")

    def audit_reference(self) -> None:
        onnx_params.audit(self.model, reference=self.reference)

    def audit_model(self) -> None:
        onnx_params.audit(self.other, reference=self.model)

    def lock(self) -> None:
        from onnx_params.locking.document import read_lock
        from onnx_params.locking.lock import lock
        from onnx_params.locking.verify import verify
        from onnx_params.render.lock import to_json

        path = self.folder / "m.lock.json"
        path.write_text(to_json(lock(str(self.other))))
        if self.rng.random() < 0.5:
            mutate_file(path, self.rng)
        verify(str(self.model), read_lock(str(path)))

    def compare(self) -> None:
        onnx_params.compare(self.model, self.other, values=self.rng.random() < 0.8)

    def rank(self) -> None:
        from onnx_params.ranking.rank import entry

        path = self.folder / "report.json"
        path.write_text(onnx_params.analyze(self.other).to_json())
        mutate_file(path, self.rng)
        entry(str(self.model))
        entry(str(path))

    def verbs(self) -> list[Callable[[], None]]:
        """Two verbs for each input; every verb has its turn."""
        every = (
            self.analyze,
            self.analyze_reference,
            self.analyze_checkpoint,
            self.extract,
            self.extract_reference,
            self.restore,
            self.audit,
            self.audit_reference,
            self.audit_model,
            self.lock,
            self.compare,
            self.rank,
        )
        return self.rng.sample(every, 2)


def status_of(*words: str) -> int:
    """The exit status of the command line, run in this process; an exception that it lets through
    goes through.
    """
    from onnx_params.cli import main

    before, sys.argv = sys.argv, ["onnx-params", *words]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            main()
    except SystemExit as ended:
        assert "please report it" not in said.getvalue(), said.getvalue()
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def attempt_verbs(
    folder: Path, data: bytes, other: bytes, rng: random.Random, seen: collections.Counter[str]
) -> None:
    """Run verbs on an input; whatever is raised but our own errors goes through."""
    bench = Bench(folder, data, other, rng)
    for verb in bench.verbs():
        try:
            verb()
            seen[f"{verb.__name__}: done"] += 1
        except onnx_params.OnnxParamsError as error:
            assert "\n" not in str(error), error
            seen[f"{verb.__name__}: refused"] += 1
    if rng.random() < 0.02:
        try:
            onnx_params.analyze(bench.model)
        except onnx_params.OnnxParamsError:
            for words in (("analyze",), ("analyze", "--stats"), ("audit",), ("lock",), ("rank",)):
                assert status_of(words[0], str(bench.model), *words[1:]) == 2, words
            assert status_of("compare", str(bench.model), str(bench.other)) == 2
            seen["command line: status 2 on a broken file"] += 1


def inputs(count: int, rng: random.Random) -> Iterator[tuple[bytes, bytes]]:
    """A mutated model, and one beside it that is mutated or not."""
    corpus = seeds()
    for _ in range(count):
        data = other = rng.choice(corpus)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
            data = mutate(data, rng)
        if rng.random() < 0.3:
            other = rng.choice(corpus)
        yield data, other


def main(count: int, seed: int = 0) -> None:
    rng = random.Random(seed)
    hdf5.SECONDS = 1  # type: ignore[misc]  # what hangs in the library is met often here
    read, slowest, began = 0, 0.0, time.monotonic()
    seen: collections.Counter[str] = collections.Counter()
    before = highest = 0
    for step, (data, other) in enumerate(inputs(count, rng)):
        start = time.process_time()
        at_start = forget_peak()
        with tempfile.TemporaryDirectory(
            dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        ) as folder:
            try:
                read += attempt(data)
                attempt_verbs(Path(folder), data, other, rng, seen)
            except BaseException:
                kept = Path("fuzz-failure")
                kept.mkdir(exist_ok=True)
                for path in Path(folder).iterdir():
                    (kept / path.name).write_bytes(path.read_bytes())
                print(f"input {step} is in {kept}", file=sys.stderr)
                raise
        if step > 100:  # every library is imported by then
            slowest = max(slowest, time.process_time() - start)
        if slowest > MAX_SECONDS:
            raise SystemExit(f"input {step} took {slowest:.1f} s")
        if step >= min(2000, count // 2):  # every library is loaded by then
            before = before or memory("VmRSS")
            highest = max(highest, memory("VmHWM") - at_start)
        if highest > MAX_EXTRA:
            raise SystemExit(f"input {step} took {highest >> 20} MiB")
    grown = memory("VmRSS") - before
    took = time.monotonic() - began
    print(
        f"{count} inputs in {took:.0f} s: {read} read as models, the others refused; slowest"
        f" {slowest:.3f} s, at most {highest >> 20} MiB for one, {grown >> 20} MiB more at the end"
    )
    for what, n in sorted(seen.items()):
        print(f"  {what}: {n}")
    if grown > MAX_EXTRA:
        raise SystemExit(f"memory grew by more than {MAX_EXTRA >> 20} MiB")


def memory(word: str) -> int:
    """Bytes of this process' memory: ``VmRSS`` now, ``VmHWM`` at the peak. Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{word}:"):
            return int(line.split()[1]) << 10
    raise LookupError(word)


def forget_peak() -> int:
    """Have the system measure the peak of memory from now on; bytes in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def guided(count: int) -> None:
    """The same by atheris, which keeps inputs that reach new code; mutations are :func:`mutate`'s
    and libFuzzer's own.
    """
    import atheris

    corpus = Path(".cache/fuzz")
    corpus.mkdir(parents=True, exist_ok=True)
    for at, data in enumerate(seeds()):
        (corpus / f"seed-{at}").write_bytes(data)
    for module in [name for name in sys.modules if name.split(".")[0] == "onnx_params"]:
        del sys.modules[module]  # imported once before, without instruments
    with atheris.instrument_imports(include=["onnx_params"]):
        globals()["onnx_params"] = importlib.import_module("onnx_params")
        for module in ("api", "render.json", "inventory.values"):
            importlib.import_module(f"onnx_params.{module}")

    def one(data: bytes) -> None:
        start = time.perf_counter()
        attempt(data)
        assert time.perf_counter() - start < MAX_SECONDS

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        return (mutate(data, rng) if rng.random() < 0.7 else atheris.Mutate(data, max_size))[
            :max_size
        ]

    atheris.Setup(
        [sys.argv[0], f"-runs={count}", "-max_len=16384", "-rss_limit_mb=2048", str(corpus)],
        one,
        custom_mutator=mutator,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "benchmarks")]
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--guided" in sys.argv:
        guided(*numbers[:1] or [100_000])
    else:
        main(*numbers[:2] or [100_000])
