"""Canonical row bytes, row leaves and rowkeys (FORMAT.md section 4).

Values in Python: None for null, bool, int, float, str and bytes as they are; a date is days and a time nanoseconds;
timestamp, instant and duration are nanoseconds as an int of any size; a decimal is its unscaled int (1.50 of scale 2
is 150); a list is a list, a struct a sequence of its fields, a map a sequence of (key, value) in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from . import cbor
from .cbor import Reader, Refused
from .schema import Schema, Type, type_id

ROW_PROFILE = 1
MAX_ROW = 64 << 20
MAX_DIGITS = 76
SECOND = 10**9
DAY = 86_400 * SECOND
ROWKEY_TAG = b"mira/rowkey/v1\0"

Encoder = Callable[[Any], bytes]
Decoder = Callable[[Reader], Any]


def _within(value: int, low: int, high: int, what: str) -> int:
    if not low <= value <= high:
        raise Refused(f"{what} lies in {low}…{high}, found {value}")
    return value


def check_int(value: int) -> int:
    return _within(value, -(1 << 63), (1 << 64) - 1, "an int")


def check_date(value: int) -> int:
    return _within(value, -(1 << 31), (1 << 31) - 1, "a date")


def check_time(value: int) -> int:
    return _within(value, 0, DAY - 1, "a time")


def check_seconds(value: int) -> int:
    return _within(value, -(1 << 63), (1 << 63) - 1, "a number of seconds")


# Writing


def encode_moment(nanoseconds: int) -> bytes:
    """Timestamp, instant or duration: whole seconds, or floor and nanoseconds."""
    seconds, fraction = divmod(nanoseconds, SECOND)
    whole = cbor.encode_int(check_seconds(seconds))
    return whole if fraction == 0 else b"\x82" + whole + cbor.encode_int(fraction)


def decimal_text(unscaled: int, scale: int) -> str:
    """The one text of a decimal; a lone zero before the point is not counted among its digits."""
    digits = str(abs(unscaled))
    if unscaled and len(digits) > MAX_DIGITS:
        raise Refused(f"a decimal has at most {MAX_DIGITS} digits")
    digits = digits.rjust(scale + 1, "0")
    point = len(digits) - scale
    sign = "-" if unscaled < 0 else ""
    return sign + digits[:point] + ("." + digits[point:] if scale else "")


def _list_encoder(item: Encoder) -> Encoder:
    return lambda value: cbor.head(cbor.ARRAY, len(value)) + b"".join(map(item, value))


def _struct_encoder(fields: Sequence[Encoder]) -> Encoder:
    start = cbor.head(cbor.ARRAY, len(fields))

    def write(value: Sequence[Any]) -> bytes:
        if len(value) != len(fields):
            raise Refused(f"expected {len(fields)} fields, found {len(value)}")
        return start + b"".join(field(item) for field, item in zip(fields, value))

    return write


def _map_encoder(key: Encoder, item: Encoder) -> Encoder:
    def write(value: Sequence[tuple[Any, Any]]) -> bytes:
        pairs = sorted((key(k), item(v)) for k, v in value)
        keys = [k for k, _ in pairs]
        if cbor.NULL in keys:
            raise Refused("a key of a map is null")
        if len(set(keys)) != len(keys):
            raise Refused("a key of a map occurs twice")
        return cbor.head(cbor.ARRAY, len(pairs)) + b"".join(b"\x82" + k + v for k, v in pairs)

    return write


def _value_encoder(kind: Type) -> Encoder:
    if isinstance(kind, str):
        return _SCALAR_ENCODERS[kind]
    if kind[0] == "decimal":
        return lambda value: cbor.encode_text(decimal_text(value, kind[1]))
    if kind[0] == "list":
        return _list_encoder(encoder(kind[1]))
    if kind[0] == "struct":
        return _struct_encoder([encoder(inner) for _, inner in kind[1]])
    return _map_encoder(encoder(kind[1]), encoder(kind[2]))


_SCALAR_ENCODERS: dict[str, Encoder] = {
    "bool": lambda value: cbor.TRUE if value else cbor.FALSE,
    "int": lambda value: cbor.encode_int(check_int(value)),
    "float": cbor.encode_float,
    "text": cbor.encode_text,
    "bytes": cbor.encode_bytes,
    "date": lambda value: cbor.encode_int(check_date(value)),
    "time": lambda value: cbor.encode_int(check_time(value)),
    "timestamp": encode_moment,
    "instant": encode_moment,
    "duration": encode_moment,
}


def encoder(kind: Type) -> Encoder:
    """A function from a value of this type, or None, to its bytes."""
    write = _value_encoder(kind)
    return lambda value: cbor.NULL if value is None else write(value)


def row_encoder(schema: Schema) -> Encoder:
    """A function from the values of a row, in schema order, to its canonical bytes."""
    write = _struct_encoder([encoder(kind) for _, kind in schema])

    def checked(values: Sequence[Any]) -> bytes:
        row = write(values)
        if len(row) > MAX_ROW:
            raise Refused(f"a row has at most {MAX_ROW} bytes")
        return row

    return checked


# Reading


def read_moment(reader: Reader) -> int:
    if reader.peek() >> 5 != cbor.ARRAY:
        return check_seconds(reader.integer()) * SECOND
    reader.array(2)
    seconds = check_seconds(reader.integer())
    return seconds * SECOND + _within(reader.unsigned(), 1, SECOND - 1, "a fraction of a second")


def parse_decimal(text: str, scale: int) -> int:
    """The unscaled value of a decimal's text, if that is its only spelling."""
    digits = text.removeprefix("-").replace(".", "", 1)
    if len(digits) > MAX_DIGITS + 1 or not (digits.isascii() and digits.isdigit()):
        raise Refused(f"{text[:90]!r} is not a decimal")
    unscaled = int(digits) * (-1 if text.startswith("-") else 1)
    if decimal_text(unscaled, scale) != text:
        raise Refused(f"{text[:90]!r} is not the decimal's only spelling at scale {scale}")
    return unscaled


def _list_decoder(item: Decoder) -> Decoder:
    return lambda reader: [item(reader) for _ in range(reader.array())]


def _struct_decoder(fields: Sequence[Decoder]) -> Decoder:
    def read(reader: Reader) -> tuple[Any, ...]:
        reader.array(len(fields))
        return tuple(field(reader) for field in fields)

    return read


def _map_decoder(key: Decoder, item: Decoder) -> Decoder:
    def read(reader: Reader) -> list[tuple[Any, Any]]:
        pairs: list[tuple[Any, Any]] = []
        before = b""
        for _ in range(reader.array()):
            reader.array(2)
            start = reader.at
            name = key(reader)
            written = reader.data[start : reader.at]
            if name is None:
                raise Refused("a key of a map is null")
            if written <= before:
                raise Refused("the keys of a map do not ascend")
            before = written
            pairs.append((name, item(reader)))
        return pairs

    return read


def _value_decoder(kind: Type) -> Decoder:
    if isinstance(kind, str):
        return _SCALAR_DECODERS[kind]
    if kind[0] == "decimal":
        return lambda reader: parse_decimal(reader.text(), kind[1])
    if kind[0] == "list":
        return _list_decoder(decoder(kind[1]))
    if kind[0] == "struct":
        return _struct_decoder([decoder(inner) for _, inner in kind[1]])
    return _map_decoder(decoder(kind[1]), decoder(kind[2]))


_SCALAR_DECODERS: dict[str, Decoder] = {
    "bool": Reader.boolean,
    "int": lambda reader: check_int(reader.integer()),
    "float": Reader.double,
    "text": Reader.text,
    "bytes": Reader.byte_string,
    "date": lambda reader: check_date(reader.integer()),
    "time": lambda reader: check_time(reader.unsigned()),
    "timestamp": read_moment,
    "instant": read_moment,
    "duration": read_moment,
}


def decoder(kind: Type) -> Decoder:
    """A function that reads a value of this type or null."""
    read = _value_decoder(kind)
    return lambda reader: None if reader.null() else read(reader)


def parse_row(schema: Schema, row: bytes) -> tuple[Any, ...]:
    """The values of a row, if its bytes are canonical under the schema."""
    if len(row) > MAX_ROW:
        raise Refused(f"a row has at most {MAX_ROW} bytes")
    reader = Reader(row)
    values: tuple[Any, ...] = _struct_decoder([decoder(kind) for _, kind in schema])(reader)
    reader.end()
    return values


def row_leaf(row: bytes) -> bytes:
    return sha256(b"\0" + row).digest()


def rowkey(schema: Schema, leaf: bytes) -> bytes:
    """The key under which equal rows are counted once."""
    return sha256(ROWKEY_TAG + type_id(schema) + leaf).digest()
