"""The text of a file: out of its compression, and out of its encoding (FORMAT.md section 14).

zstd and ZIP archives are not covered, nor encodings that are given by a label or that can only be guessed.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from typing import Any

from .cbor import Refused

MARK = "\ufeff"
SAMPLE = 64 << 10
GZIP, BZIP2, ZSTD, ZIP = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_GZIP_WINDOW = 31
"""zlib's word for a gzip header and trailer around the longest window."""


def text_of(data: bytes) -> str:
    """The text, without the one byte order mark that it may start with."""
    plain = unpacked(data)
    try:
        text = plain.decode(_encoding(plain))
    except UnicodeDecodeError as error:
        raise Refused(f"not {error.encoding}, or in an encoding that can only be guessed") from error
    return text.removeprefix(MARK)


def unpacked(data: bytes) -> bytes:
    """The bytes that a compressed file stands for, or those of another as they are."""
    if data.startswith((ZSTD, ZIP)):
        raise Refused("zstd and ZIP are not covered")
    if data.startswith(GZIP):
        return _streams(data, lambda: zlib.decompressobj(_GZIP_WINDOW), zlib.error)
    if data.startswith(BZIP2):
        return _streams(data, bz2.BZ2Decompressor, OSError)
    return data


def _streams(data: bytes, begin: Callable[[], Any], failure: type[Exception]) -> bytes:
    """What streams that follow each other stand for together."""
    parts: list[bytes] = []
    while data:
        stream = begin()
        try:
            parts.append(stream.decompress(data))
        except failure as error:
            raise Refused(f"a compressed stream is broken, or followed by something else: {error}") from error
        if not stream.eof:
            raise Refused("a compressed stream is cut short")
        data = stream.unused_data
    return b"".join(parts)


def _encoding(data: bytes) -> str:
    """UTF-8 or UTF-16, by the mark or by where zero bytes stand."""
    if data.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if data.startswith(b"\xfe\xff"):
        return "utf-16-be"
    units = min(len(data), SAMPLE) // 2
    first, second = (data[side : 2 * units : 2].count(0) for side in (0, 1))
    if second and not first and 2 * second >= units:
        return "utf-16-le"
    if first and not second and 2 * first >= units:
        return "utf-16-be"
    return "utf-8"
