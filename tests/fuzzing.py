"""Mutate small models, structure first: the protobuf stays one, and its content goes wrong.

Run on its own it tries ``count`` inputs and prints what it saw: ``python tests/fuzzing.py 1000000``.
"""

from __future__ import annotations

import importlib
import random
import resource
import sys
import time
from pathlib import Path

import onnx
import onnx.parser

import onnx_params

ZOO = Path(__file__).parent / "models"
NUMBERS = (0, 1, 2, 127, 128, 255, 2**15, 2**31 - 1, 2**31, 2**32, 10**15, 2**62, 2**63, 2**64 - 1)
MAX_SECONDS = 1.0
MAX_EXTRA = 64 << 20


def seeds() -> list[bytes]:
    """The zoo, the small ones among the counting traps and files of older converters: a model for each thing that the reader treats in its own way."""
    from test_traps import TRAPS

    zoo = [onnx.parser.parse_model(path.read_text()) for path in sorted(ZOO.glob("*.onnxtxt"))]
    traps = [build() for _, build in TRAPS.values()]
    real = [path.read_bytes() for path in sorted(ZOO.glob("converters/*.onnx"))]
    return [data for data in (*(proto.SerializeToString() for proto in (*zoo, *traps)), *real) if len(data) < 1 << 14]


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
    return b"".join(varint(number << 3 | kind) + (varint(len(value)) if kind == 2 else b"") + value for number, kind, value in fields)


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
    return data[:at] + rng.choice([b"../../etc/passwd", b"\xff" * 9, b"\0" * 9, b"a" * 300, "\u202e|\n\x1b".encode()]) + data[at:]


def attempt(data: bytes) -> bool:
    """Whether the analyser takes the input for a model; whatever it raises but our own errors goes through."""
    try:
        report = onnx_params.analyze(data)
    except onnx_params.OnnxParamsError as error:
        assert "\n" not in str(error), error
        return False
    report.to_json()
    inventory = report.inventory
    assert len(inventory.holders) + len(inventory.others) == len(inventory.verdicts)
    assert inventory.files[0].structure_bytes is not None and inventory.files[0].structure_bytes >= 0
    return True


def main(count: int) -> None:
    rng = random.Random(0)
    corpus = seeds()
    passed, slowest, began = 0, 0.0, time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for step in range(count):
        data = rng.choice(corpus)
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            data = mutate(data, rng)
        start = time.perf_counter()
        try:
            passed += attempt(data)
        except BaseException:
            Path("fuzz-failure.onnx").write_bytes(data)
            print(f"input {step} is in fuzz-failure.onnx", file=sys.stderr)
            raise
        slowest = max(slowest, time.perf_counter() - start)
        if slowest > MAX_SECONDS:
            Path("fuzz-failure.onnx").write_bytes(data)
            raise SystemExit(f"input {step} took {slowest:.1f} s; it is in fuzz-failure.onnx")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    took = time.monotonic() - began
    print(f"{count} inputs in {took:.0f} s: {passed} read as models, the others refused; slowest {slowest:.3f} s, {grown >> 20} MiB more memory")
    if grown > MAX_EXTRA:
        raise SystemExit("memory grew by more than 64 MiB")


def guided(count: int) -> None:
    """The same by atheris, which keeps inputs that reach new code; mutations are :func:`mutate`'s and libFuzzer's own."""
    import atheris

    corpus = Path(".cache/fuzz")
    corpus.mkdir(parents=True, exist_ok=True)
    for at, data in enumerate(seeds()):
        (corpus / f"seed-{at}").write_bytes(data)
    for module in [name for name in sys.modules if name.split(".")[0] == "onnx_params"]:
        del sys.modules[module]  # imported once before, without instruments
    with atheris.instrument_imports(include=["onnx_params"]):
        globals()["onnx_params"] = importlib.import_module("onnx_params")
        for module in ("api", "render.json", "values"):
            importlib.import_module(f"onnx_params.{module}")

    def one(data: bytes) -> None:
        start = time.perf_counter()
        attempt(data)
        assert time.perf_counter() - start < MAX_SECONDS

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        return (mutate(data, rng) if rng.random() < 0.7 else atheris.Mutate(data, max_size))[:max_size]

    atheris.Setup([sys.argv[0], f"-runs={count}", "-max_len=16384", "-rss_limit_mb=2048", str(corpus)], one, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    tries = next((int(word) for word in sys.argv[1:] if word.isdigit()), 100_000)
    guided(tries) if "--guided" in sys.argv else main(tries)
