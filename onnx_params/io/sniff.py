"""Recognize files that people hand over in place of ONNX, by their first bytes, so that the error
can say what they are.

Sources: the formats' own specifications; ``file``'s magic database.
"""

from __future__ import annotations

from typing import Final

_HEADS: Final = (
    (b"", b"\x89PNG\r\n", "a PNG image"),
    (b"", b"\xff\xd8\xff", "a JPEG image"),
    (b"", b"%PDF-", "a PDF document"),
    (b"", b"PK\x03\x04", "a zip archive (a PyTorch checkpoint, a Keras model or an .npz is one)"),
    (b"", b"\x89HDF\r\n", "an HDF5 file (Keras weights?)"),
    (b"", b"GGUF", "a GGUF model"),
    (b"", b"\x80\x02", "a Python pickle (an old PyTorch checkpoint?)"),
    (b"", b"ORTM", "a model in onnxruntime's own .ort format"),
    (b"????", b"ORTM", "a model in onnxruntime's own .ort format"),
    (b"????", b"TFL3", "a TensorFlow Lite model"),
    (b"????????", b'{"', "a safetensors checkpoint"),
    (
        b"",
        b"version https://git-lfs",
        "a Git LFS pointer; fetch the file itself with: git lfs pull",
    ),
    (b"", b"<!DOCTYPE", "a web page; was a login or a redirect saved in place of the file?"),
    (b"", b"<html", "a web page; was a login or a redirect saved in place of the file?"),
    (b"", b"\x1f\x8b", "gzip-compressed"),
    (b"", b"BZh", "bzip2-compressed; unpack it first"),
    (b"", b"\xfd7zXZ", "xz-compressed; unpack it first"),
    (b"", b"(\xb5/\xfd", "zstd-compressed; unpack it first"),
    (b"", b"\x7fELF", "a program or shared library"),
    (b"", b"{", "JSON text"),
)
HEAD: Final = 64  # bytes that are enough to tell


def recognize(head: bytes) -> str | None:
    """What a file that begins with ``head`` is, in words; ``None`` where nothing known begins like
    that.
    """
    if not head:
        return "empty"
    return next(
        (words for skipped, magic, words in _HEADS if head[len(skipped) :].startswith(magic)), None
    )
