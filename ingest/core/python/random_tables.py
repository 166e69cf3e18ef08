"""Random Arrow tables, CSV and NDJSON files for check_random.py. Everything follows from the random generator given."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

ALPHABET = "abcxyz019 ,\"'\n\r\t\0\\/é漢😀\u0301\u2028N"
EDGES = (0, 1, -1, 23, 24, 255, 256, 65_535, 65_536, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63))


# Scalars


def text(rng: Random, most: int = 12) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, most)))


def integer(rng: Random, low: int, high: int) -> int:
    if rng.random() < 0.3:
        return min(max(rng.choice(EDGES), low), high)
    span = rng.choice((50, 1_000, 10**6, 10**12, 1 << 63))
    return min(max(rng.randint(-span, span), low), high)


def number(rng: Random) -> float:
    special = (0.0, -0.0, float("inf"), float("-inf"), float("nan"), 0.1, 5e-324, 1.7976931348623157e308, 1e22)
    if rng.random() < 0.3:
        return rng.choice(special)
    if rng.random() < 0.3:
        return float(struct.unpack("<d", rng.randbytes(8))[0])
    return rng.uniform(-1_000, 1_000)


def decimal(rng: Random, precision: int, scale: int) -> Decimal:
    digits = rng.randint(1, precision)
    unscaled = rng.choice((0, 1, 10**digits - 1, rng.randrange(10**digits)))
    return Decimal((rng.randint(0, 1), tuple(map(int, str(unscaled))), -scale))


def _bounds(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


# Arrow types


INTEGERS = {
    pa.int8(): (8, True), pa.int16(): (16, True), pa.int32(): (32, True), pa.int64(): (64, True),
    pa.uint8(): (8, False), pa.uint16(): (16, False), pa.uint32(): (32, False), pa.uint64(): (64, False),
}  # fmt: skip
TEXTS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())
UNITS = ("s", "ms", "us", "ns")
DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def scalar_type(rng: Random) -> pa.DataType:
    makers: tuple[Callable[[], pa.DataType], ...] = (
        pa.bool_,
        pa.null,
        pa.date32,
        pa.date64,
        pa.float16,
        lambda: rng.choice(tuple(INTEGERS)),
        lambda: rng.choice(tuple(INTEGERS)),
        lambda: rng.choice((pa.float32(), pa.float64())),
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(TEXTS),
        lambda: rng.choice((*BYTES, pa.binary(rng.randint(1, 20)))),
        lambda: rng.choice((pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))),
        lambda: pa.timestamp(rng.choice(UNITS)),
        lambda: pa.timestamp(rng.choice(UNITS), tz=rng.choice(("UTC", "+02:00", "Europe/Paris"))),
        lambda: pa.duration(rng.choice(UNITS)),
        lambda: _decimal_type(rng),
        pa.uuid,
    )
    return rng.choice(makers)()


def _decimal_type(rng: Random) -> pa.DataType:
    make, most = rng.choice(((pa.decimal32, 9), (pa.decimal64, 18), (pa.decimal128, 38), (pa.decimal256, 76)))
    precision = rng.randint(1, most)
    return make(precision, rng.randint(0, precision))


def any_type(rng: Random, depth: int = 3) -> pa.DataType:
    if depth == 0 or rng.random() < 0.6:
        kind = scalar_type(rng)
        wanted = kind in INTEGERS or kind in (pa.string(), pa.binary(), pa.large_string())
        return pa.dictionary(pa.int32(), kind) if wanted and rng.random() < 0.2 else kind
    shape = rng.randrange(5)
    if shape == 0:
        return pa.list_(any_type(rng, depth - 1))
    if shape == 1:
        return pa.large_list(any_type(rng, depth - 1))
    if shape == 2:
        return pa.list_(any_type(rng, depth - 1), rng.randint(1, 3))
    if shape == 3:
        names = rng.sample(("x", "y", "z", "", "é", "a b"), rng.randint(1, 3))
        return pa.struct([(name, any_type(rng, depth - 1)) for name in names])
    keys = (pa.string(), pa.int64(), pa.uint8(), pa.binary(), pa.date32(), pa.timestamp("us"), pa.float64())
    return pa.map_(rng.choice(keys), any_type(rng, depth - 1))


# Arrow arrays


def array(rng: Random, kind: pa.DataType, length: int, nulls: float) -> pa.Array:
    """A random array; a part of `nulls` of its values is null."""
    mask = [rng.random() < nulls for _ in range(length)]
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, array(rng, kind.storage_type, length, nulls))
    if pa.types.is_dictionary(kind):
        return array(rng, kind.value_type, length, nulls).dictionary_encode().cast(kind)
    if pa.types.is_nested(kind):
        return _nested(rng, kind, mask, nulls)
    make = _maker(rng, kind)
    items = [None if null else make() for null in mask]
    storage = _storage(kind)
    return pa.array(items, storage).cast(kind) if storage != kind else pa.array(items, kind)


def _storage(kind: pa.DataType) -> pa.DataType:
    """The integers that Arrow stores for a type of time."""
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    return pa.int64() if pa.types.is_temporal(kind) else kind


def _maker(rng: Random, kind: pa.DataType) -> Callable[[], Any]:
    is_ = pa.types
    if kind in INTEGERS:
        low, high = _bounds(*INTEGERS[kind])
        return lambda: integer(rng, low, high)
    if is_.is_time(kind):
        return lambda: rng.choice((0, DAY[kind.unit] - 1, rng.randrange(DAY[kind.unit])))
    if is_.is_date64(kind):
        return lambda: integer(rng, -(10**9), 10**9) * 86_400_000 // 10**4 // 86_400_000 * 86_400_000
    if is_.is_date32(kind):
        return lambda: integer(rng, -(1 << 31), (1 << 31) - 1)
    if is_.is_timestamp(kind) or is_.is_duration(kind):
        most = _most_moment(rng, kind.unit)
        return lambda: integer(rng, -most, most)
    if is_.is_decimal(kind):
        return lambda: decimal(rng, kind.precision, kind.scale)
    if is_.is_fixed_size_binary(kind):
        return lambda: rng.randbytes(kind.byte_width)
    if kind in BYTES:
        return lambda: rng.randbytes(rng.randint(0, 20))
    if kind in TEXTS:
        return lambda: text(rng)
    if is_.is_boolean(kind):
        return lambda: rng.random() < 0.5
    if is_.is_null(kind):
        return lambda: None
    return lambda: _float_of(kind, number(rng))


def _most_moment(rng: Random, unit: str) -> int:
    """Mostly what 64 bits of microseconds hold; sometimes more, which cannot be stored."""
    largest = (1 << 63) - 1
    if rng.random() < 0.95:
        return largest // {"s": 10**6, "ms": 10**3}.get(unit, 1)
    # Parquet has no seconds: its writer multiplies them by 1,000.
    return largest // 1_001 if unit == "s" else largest


def _float_of(kind: pa.DataType, value: float) -> float:
    """A double that the narrower float type holds."""
    code = {pa.float16(): "e", pa.float32(): "f"}.get(kind, "d")
    try:
        return float(struct.unpack(code, struct.pack(code, value))[0])
    except OverflowError:
        return 1.0


def _offsets(rng: Random, mask: list[bool], most: int) -> list[int]:
    offsets = [0]
    for null in mask:
        offsets.append(min(offsets[-1] + (0 if null else rng.choice((0, 1, 1, 2, 4))), most))
    return offsets


def _nested(rng: Random, kind: pa.DataType, mask: list[bool], nulls: float) -> pa.Array:
    is_, nothing = pa.types, pa.array(mask, pa.bool_())
    if is_.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        arrays = [array(rng, field.type, len(mask), nulls) for field in fields]
        return pa.StructArray.from_arrays(arrays, fields=fields, mask=nothing)
    if is_.is_fixed_size_list(kind):
        items = array(rng, kind.value_type, len(mask) * kind.list_size, nulls)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=nothing)
    if is_.is_map(kind):
        return _map(rng, kind, mask, nulls)
    offsets = _offsets(rng, mask, 1 << 30)
    items = array(rng, kind.value_type, offsets[-1], nulls)
    if is_.is_large_list(kind):
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items, type=kind, mask=nothing)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=kind, mask=nothing)


def _map(rng: Random, kind: pa.DataType, mask: list[bool], nulls: float) -> pa.Array:
    """Maps whose keys are all different, over the whole array."""
    keys = array(rng, kind.key_type, 4 * len(mask), 0).unique()
    offsets = _offsets(rng, mask, len(keys))
    items = array(rng, kind.item_type, offsets[-1], nulls)
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()), keys[: offsets[-1]], items, type=kind, mask=pa.array(mask, pa.bool_())
    )


def has_views(columns: pa.Schema) -> bool:
    """Whether there are view types, of which pyarrow writes no slices."""
    return "_view" in str(columns)


def table(rng: Random) -> pa.Table:
    """A small table, sometimes a slice of a larger one."""
    length, before = rng.choice((1, 2, 7, 20, 60)), rng.choice((0, 0, 3))
    names = rng.sample(("a", "b", "c", "d", "e f", "", "ü", "A"), rng.randint(1, 6))
    columns = [array(rng, any_type(rng), length + 2 * before, rng.choice((0, 0.2, 0.9))) for _ in names]
    whole = pa.table(dict(zip(names, columns)))
    return whole if has_views(whole.schema) else whole.slice(before, length)


def large_table(rng: Random) -> pa.Table:
    """A table of several chunks: rows of up to 100 kB, some MiB in all."""
    items = [rng.randbytes(rng.choice((10, 1_000, 100_000))) for _ in range(rng.randint(50, 250))]
    return pa.table({"id": range(len(items)), "data": pa.array(items, pa.binary())})


# Cells whose type is easily mistaken

EDGE_CELLS = tuple(
    """0 -0 1 -1 00 01 +1 1. 1.0 .5 0.5 5e-1 5E-1 5e+1 5e01 0e5 0E-5 0.000e2 -0.0 -0e0 1e22 1e23 1e400 1e-400 1e308
    1.8e308 4.9e-324 5e-324 2e-324 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
    18446744073709551615 18446744073709551616 9007199254740993 9007199254740993.0 0.1 0.10
    0.1000000000000000055511151231257827 0.30000000000000004 123456789012345678901234567890 1.5 1.50
    12345678901234567890123456789012345678 123456789012345678901234567890123456789
    0.12345678901234567890123456789012345678 0.123456789012345678901234567890123456789 1e37 1e38 123e-40 1.1e-38 1.1e-37
    100000000000000000000000000000e-10 0.00000000000000000000000000000000000000000001e20 0e100 0e-39 0e-38 0e-20
    true false True TRUE t null NaN Infinity -Infinity inf 0x10 1_000 1,000 ٣ １ a
    2020-01-01 0000-02-29 0000-01-01 1900-02-29 2000-02-29 9999-12-31 10000-01-01 -0001-01-01 2020-1-1 2020-13-01
    2020-00-10 2020-01-00 2020-02-30 20200101 2020-W01-1 2020-01-01T00:00:00 2020-01-01t00:00:00 2020-01-01T00:00:00z
    2020-01-01T00:00:00Z 2020-01-01T24:00:00 2020-01-01T23:59:60 2020-01-01T23:59:59. 2020-01-01T23:59:59.0
    2020-01-01T23:59:59.123456789 2020-01-01T23:59:59.1234567890 2020-01-01T23:59:59.123456 2020-01-01T00:00
    2020-01-01T00:00Z 2020-01-01T00:00:00+01:00 2020-01-01T00:00:00+01 2020-01-01T00:00:00+0100
    2020-01-01T00:00:00-00:00 2020-01-01T00:00:00+23:59 2020-01-01T00:00:00+24:00 2020-01-01T00:00:00+23:60
    0000-01-01T00:00:00+23:59 9999-12-31T23:59:59-23:59 9999-12-31T23:59:59.999999 1677-09-21T00:12:43.145224192
    1677-09-21T00:12:43.145224191 2262-04-11T23:47:16.854775807 2262-04-11T23:47:16.854775808 2262-04-12T00:00:00Z
    2020-01-01T00:00:00.000000001Z 2020-01-01T00:00:00,5""".split()
) + ("", " ", "1 ", " 1", " 2020-01-01", "2020-01-01 ", "2020-01-01 00:00:00", "2020-01-01  00:00:00",
     "2020-01-01 00:00:00 Z", "2020-01-01T00:00:00 +01:00")  # fmt: skip
_TOKEN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false")


def edge_cells(rng: Random) -> Callable[[], str]:
    """A function to one edge case or a mixture of two."""
    some = rng.sample(EDGE_CELLS, rng.randint(1, 2))
    return lambda: rng.choice(some)


# CSV


def csv_column(rng: Random) -> Callable[[], str]:
    """A function from nothing to texts of cells of one kind, or a mixture."""
    kinds: tuple[Callable[[], str], ...] = (
        lambda: rng.choice(("true", "false")),
        lambda: str(integer(rng, -(1 << 63), (1 << 63) - 1)),
        lambda: str(rng.choice((0, 7, (1 << 63), (1 << 64) - 1))),
        lambda: repr(rng.choice((0.1, -0.0, 1.5, 1e22, 1e-7, rng.uniform(-10, 10)))),
        lambda: rng.choice(("1.50", "-0", "0.0", "1e3", "1E+3", "2.5e-3", "10", "-7", "0.30")),
        lambda: f"{rng.randint(0, 10**9)}.{rng.randint(0, 10 ** rng.randint(1, 20)):02}",
        lambda: f"{rng.randint(0, 10**25)}",
        lambda: rng.choice(("0.000e2", "12e-3", "123456789012345678901234567890.5", "1.10e1", "0e0")),
        lambda: date_text(rng),
        lambda: moment_text(rng, ""),
        lambda: moment_text(rng, rng.choice(("Z", "+00:00", "-05:30", "+14"))),
        lambda: text(rng),
        lambda: rng.choice(("NaN", "Infinity", "null", "True", "+1", "01", ".5", "5.", "1e400", "1e-400", "--1", " 1")),
    )
    one = rng.choice(kinds)
    if rng.random() < 0.2:
        return lambda: rng.choice((one, rng.choice(kinds)))()
    return one


def date_text(rng: Random) -> str:
    year = rng.choice((0, 1, 1600, 1900, 1970, 2000, 2024, 9999))
    day = rng.choice((1, 28, 29, 31) if rng.random() < 0.05 else (1, 15, 28))
    return f"{year:04}-{rng.choice((1, 2, 2, 12)):02}-{day:02}"


def moment_text(rng: Random, offset: str) -> str:
    fraction = rng.choice(("", "", ".5", ".000001", ".123456789", ".1234"))
    if fraction == ".123456789" and rng.random() < 0.8:
        fraction = ".123"
    clock = f"{rng.choice((0, 23)):02}:{rng.choice((0, 59)):02}:{rng.choice((0, 59)):02}"
    return f"{date_text(rng)}{rng.choice('T ')}{clock}{fraction}{offset}"


def csv_field(rng: Random, value: str | None) -> str:
    if value is None:
        return ""
    if value == "" or any(sign in value for sign in ',"\r\n') or rng.random() < 0.1:
        return '"' + value.replace('"', '""') + '"'
    return value


def csv_file(rng: Random) -> bytes:
    names = rng.sample(("a", "b", "c c", "d,d", 'e"', "ü"), rng.randint(1, 5))
    columns = [csv_column(rng) for _ in names]
    if rng.random() < 0.4:
        names += [f"edge {place}" for place in range(40)]
        columns += [edge_cells(rng) for _ in range(40)]
    nulls, end = rng.choice((0, 0.2)), rng.choice(("\n", "\r\n", "\r"))
    lines = [",".join(csv_field(rng, name) for name in names)]
    for _ in range(rng.choice((1, 3, 20, 50))):
        cells = (None if rng.random() < nulls else column() for column in columns)
        lines.append(",".join(csv_field(rng, cell) for cell in cells))
        if rng.random() < 0.05:
            lines.append("")
    bom = "\ufeff" if rng.random() < 0.1 else ""
    return (bom + end.join(lines) + rng.choice(("", end))).encode("utf-8")


# NDJSON


def json_column(rng: Random, depth: int = 3) -> Callable[[], str]:
    """A function from nothing to JSON texts of one shape."""
    if depth and rng.random() < 0.3:
        item = json_column(rng, depth - 1)
        return lambda: "[" + ", ".join(item() for _ in range(rng.randint(0, 3))) + "]"
    if depth and rng.random() < 0.3:
        fields = {name: json_column(rng, depth - 1) for name in rng.sample(("x", "y", "z", "é"), rng.randint(1, 3))}
        return lambda: json_object(rng, fields, 0.9)
    kinds: tuple[Callable[[], str], ...] = (
        lambda: rng.choice(("true", "false")),
        lambda: str(integer(rng, -(1 << 63), (1 << 64) - 1)),
        lambda: str(integer(rng, -1000, 1000)),
        lambda: rng.choice(("1.50", "-0", "0.0", "1e3", "1E+3", "2.5e-3", "10", "-7", "0.30", "0.1")),
        lambda: f"{rng.randint(0, 10**25)}.{rng.randint(0, 999)}",
        lambda: json.dumps(text(rng), ensure_ascii=rng.random() < 0.5),
        lambda: json.dumps(date_text(rng)),
        lambda: json.dumps(moment_text(rng, "Z")),
        lambda: json.dumps(moment_text(rng, "")),
        lambda: json.dumps(rng.choice(("1", "true", "0.5", ""))),
    )
    one = rng.choice(kinds)
    if rng.random() < 0.2:
        return lambda: rng.choice((one, rng.choice(kinds)))()
    return one


def json_edges(rng: Random) -> Callable[[], str]:
    """Edge cases as tokens where they are JSON, else as strings."""
    cell = edge_cells(rng)

    def write() -> str:
        text_of = cell()
        return text_of if _TOKEN.fullmatch(text_of) and rng.random() < 0.9 else json.dumps(text_of)

    return write


def json_object(rng: Random, fields: dict[str, Callable[[], str]], present: float) -> str:
    order = rng.sample(tuple(fields), len(fields))
    members = []
    for name in order:
        if rng.random() < present:
            cell = "null" if rng.random() < 0.1 else fields[name]()
            members.append(f"{json.dumps(name)}:{rng.choice(('', ' '))}{cell}")
    return "{" + ",".join(members) + "}"


def ndjson_file(rng: Random) -> bytes:
    fields = {name: json_column(rng) for name in rng.sample(("a", "b", "c", "d d", "", "ü"), rng.randint(1, 5))}
    if rng.random() < 0.4:
        fields |= {f"edge {place}": json_edges(rng) for place in range(40)}
    lines = [json_object(rng, fields, 1.0)]
    lines += [json_object(rng, fields, 0.9) for _ in range(rng.choice((0, 3, 20, 50)))]
    return "\n".join(lines + [""]).encode("utf-8")
