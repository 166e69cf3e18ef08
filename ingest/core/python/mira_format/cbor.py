"""Deterministic CBOR: one byte string for each value (FORMAT.md section 1).

Definite lengths, shortest heads, map keys ascending bytewise by their encoding, floats 64 bits wide, one NaN, no
tags, valid UTF-8. The reader refuses everything that the writer would not have written.
"""

from __future__ import annotations

import struct
from typing import Any

NULL = b"\xf6"
FALSE = b"\xf4"
TRUE = b"\xf5"
NAN = bytes.fromhex("fb7ff8000000000000")

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
MAX_DEPTH = 128
"""Deepest nesting of items that `decode` follows. A schema of 32 struct levels needs 96."""


class Refused(ValueError):
    """The bytes are not what a writer of FORMAT.md would have written."""


def head(major: int, argument: int) -> bytes:
    """The shortest head of an item: its major type and a number below 2^64."""
    first = major << 5
    if argument < 24:
        return bytes((first | argument,))
    if argument < 1 << 8:
        return bytes((first | 24, argument))
    if argument < 1 << 16:
        return struct.pack(">BH", first | 25, argument)
    if argument < 1 << 32:
        return struct.pack(">BI", first | 26, argument)
    if argument < 1 << 64:
        return struct.pack(">BQ", first | 27, argument)
    raise Refused(f"{argument} does not fit 64 bits")


def encode_int(value: int) -> bytes:
    return head(UNSIGNED, value) if value >= 0 else head(NEGATIVE, -1 - value)


def encode_float(value: float) -> bytes:
    return NAN if value != value else struct.pack(">Bd", 0xFB, value)


def encode_text(value: str) -> bytes:
    try:
        data = value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("text is not UTF-8") from error
    return head(TEXT, len(data)) + data


def encode_bytes(value: bytes) -> bytes:
    return head(BYTES, len(value)) + value


def encode(value: Any) -> bytes:
    """The canonical bytes of None, bool, int, float, str, bytes, list, tuple and dict."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int):
        return encode_int(value)
    if isinstance(value, float):
        return encode_float(value)
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, bytes):
        return encode_bytes(value)
    if isinstance(value, (list, tuple)):
        return head(ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return head(MAP, len(pairs)) + b"".join(key + item for key, item in pairs)
    raise TypeError(f"{type(value).__name__} has no CBOR form here")


class Reader:
    """Reads items one after another from bytes that must be canonical."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def left(self) -> int:
        return len(self.data) - self.at

    def peek(self) -> int:
        """The initial byte of the next item."""
        if self.left() == 0:
            raise Refused(f"the bytes end at offset {self.at}")
        return self.data[self.at]

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise Refused(f"the bytes end inside an item at offset {self.at}")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> tuple[int, int]:
        """Major type and argument of the next head, which is as short as can be."""
        start = self.at
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info > 27:
            raise Refused(f"lengths are definite, found 0x{first:02x} at offset {start}")
        argument = int.from_bytes(self.take(1 << (info - 24)), "big")
        shortest = 24 if info == 24 else 1 << (8 << (info - 25))
        if major != SIMPLE and argument < shortest:
            raise Refused(f"a head at offset {start} is longer than needed")
        return major, argument

    def expect(self, major: int, what: str) -> int:
        start = self.at
        found = self.peek() >> 5
        if found != major:
            raise Refused(f"expected {what} at offset {start}")
        return self.head()[1]

    def integer(self) -> int:
        major, argument = self.head() if self.peek() >> 5 <= NEGATIVE else (SIMPLE, 0)
        if major == SIMPLE:
            raise Refused(f"expected an integer at offset {self.at}")
        return argument if major == UNSIGNED else -1 - argument

    def unsigned(self) -> int:
        return self.expect(UNSIGNED, "an unsigned integer")

    def byte_string(self) -> bytes:
        return self.take(self.expect(BYTES, "a byte string"))

    def text(self) -> str:
        start = self.at
        try:
            return self.take(self.expect(TEXT, "a text string")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(f"text at offset {start} is not UTF-8") from error

    def count(self, major: int, what: str, least: int) -> int:
        """A number of members; each takes at least `least` bytes of those at hand."""
        count = self.expect(major, what)
        if count * least > self.left():
            raise Refused(f"the bytes end inside {what} at offset {self.at}")
        return count

    def array(self, length: int | None = None) -> int:
        """The number of items of an array, which must be `length` if that is given."""
        count = self.count(ARRAY, "an array", 1)
        if length is not None and count != length:
            raise Refused(f"expected an array of {length} at offset {self.at}, found {count}")
        return count

    def map(self) -> int:
        return self.count(MAP, "a map", 2)

    def boolean(self) -> bool:
        start = self.at
        item = self.take(1)
        if item not in (FALSE, TRUE):
            raise Refused(f"expected a bool at offset {start}")
        return item == TRUE

    def double(self) -> float:
        start = self.at
        if self.peek() != 0xFB:
            raise Refused(f"expected a float of 64 bits at offset {start}")
        item = self.take(9)
        value: float = struct.unpack(">d", item[1:])[0]
        if value != value and item != NAN:
            raise Refused(f"another NaN at offset {start}")
        return value

    def null(self) -> bool:
        """Whether the next item is null; if so it is read."""
        found = self.peek() == NULL[0]
        self.at += found
        return found

    def end(self) -> None:
        if self.left():
            raise Refused(f"{self.left()} bytes follow the last item at offset {self.at}")

    def item(self, depth: int = MAX_DEPTH) -> Any:
        """The next item, of any type; arrays become lists and maps dicts in the order of their keys."""
        if depth == 0:
            raise Refused("items are nested too deep")
        first = self.peek()
        major = first >> 5
        if major <= NEGATIVE:
            return self.integer()
        if major == BYTES:
            return self.byte_string()
        if major == TEXT:
            return self.text()
        if major == ARRAY:
            return [self.item(depth - 1) for _ in range(self.array())]
        if major == MAP:
            return self._pairs(depth - 1)
        if first == 0xFB:
            return self.double()
        if self.null():
            return None
        return self.boolean()

    def _pairs(self, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        before = b""
        for _ in range(self.map()):
            start = self.at
            key = self.item(depth)
            written = self.data[start : self.at]
            if written <= before:
                raise Refused(f"the keys of a map do not ascend at offset {start}")
            if not isinstance(key, str):
                raise Refused(f"expected a text key at offset {start}")
            before = written
            pairs[key] = self.item(depth)
        return pairs


def decode(data: bytes) -> Any:
    """The one item that all of `data` is."""
    reader = Reader(data)
    value = reader.item()
    reader.end()
    return value
