"""Arrow arrays as logical types and values (FORMAT.md sections 3, 6 and 14). Needs pyarrow.

Values are those that `rows` writes: moments in nanoseconds, decimals unscaled, maps as pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from .cbor import Refused
from .schema import Schema, Type, check_schema

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY_MS = 86_400_000


def _is_text(kind: pa.DataType) -> bool:
    return bool(is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        test(kind) for test in (is_.is_binary, is_.is_large_binary, is_.is_binary_view, is_.is_fixed_size_binary)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind))


# Types


def _encoded(kind: pa.DataType) -> pa.DataType | None:
    """The type below an encoding or extension, if there is one."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if is_.is_dictionary(kind) or is_.is_run_end_encoded(kind):
        return kind.value_type
    return None


def _scalar_type(kind: pa.DataType) -> str | None:
    tests = (
        (is_.is_null, "text"),
        (is_.is_boolean, "bool"),
        (is_.is_integer, "int"),
        (is_.is_floating, "float"),
        (_is_text, "text"),
        (_is_bytes, "bytes"),
        (is_.is_date, "date"),
        (is_.is_time, "time"),
        (is_.is_duration, "duration"),
    )
    return next((word for test, word in tests if test(kind)), None)


def logical_type(kind: pa.DataType) -> Type:
    """The logical type of an Arrow type; Interval, Union and list views are refused."""
    below = _encoded(kind)
    if below is not None:
        return logical_type(below)
    if is_.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "instant"
    if is_.is_decimal(kind):
        return ("decimal", max(kind.scale, 0))
    if _is_list(kind):
        return ("list", logical_type(kind.value_type))
    if is_.is_struct(kind):
        fields = (kind.field(index) for index in range(kind.num_fields))
        return ("struct", tuple((field.name, logical_type(field.type)) for field in fields))
    if is_.is_map(kind):
        return ("map", logical_type(kind.key_type), logical_type(kind.item_type))
    word = _scalar_type(kind)
    if word is None:
        raise Refused(f"Arrow's {kind} is not read")
    return word


def logical_schema(schema: pa.Schema) -> Schema:
    return check_schema(tuple((field.name, logical_type(field.type)) for field in schema))


# Values


def values(array: pa.Array) -> list[Any]:
    """The values of an array, None where it is null."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return values(array.storage)
    if is_.is_dictionary(kind):
        return values(array.dictionary_decode())
    if is_.is_run_end_encoded(kind):
        return values(pc.run_end_decode(array))
    if _is_list(kind):
        return list(_parts(array, array.values))
    if is_.is_struct(kind):
        return list(_structs(array))
    if is_.is_map(kind):
        return list(_maps(array))
    if is_.is_decimal(kind):
        return [_unscaled(value, max(kind.scale, 0)) for value in array.to_pylist()]
    return _scalars(array)


def _scalars(array: pa.Array) -> list[Any]:
    kind = array.type
    if is_.is_timestamp(kind) or is_.is_duration(kind) or is_.is_time64(kind):
        return _scaled(array.cast(pa.int64()), NANOSECONDS[kind.unit])
    if is_.is_time32(kind):
        return _scaled(array.cast(pa.int32()), NANOSECONDS[kind.unit])
    if is_.is_date32(kind):
        return list(array.cast(pa.int32()).to_pylist())
    if is_.is_date64(kind):
        return [_whole_day(value) for value in array.cast(pa.int64()).to_pylist()]
    return list(array.to_pylist())


def _scaled(array: pa.Array, factor: int) -> list[int | None]:
    return [None if value is None else value * factor for value in array.to_pylist()]


def _whole_day(milliseconds: int | None) -> int | None:
    if milliseconds is None:
        return None
    days, rest = divmod(milliseconds, DAY_MS)
    if rest:
        raise Refused("a Date64 lies within a day")
    return days


def _unscaled(value: Decimal | None, scale: int) -> int | None:
    """A decimal as a multiple of 10^-scale, computed exactly."""
    if value is None:
        return None
    sign, digits, exponent = value.as_tuple()
    shift = int(exponent) + scale
    number = int("".join(map(str, digits)))
    number = number * int(10**shift) if shift >= 0 else number // int(10**-shift)
    return -number if sign else number


def _valid(array: pa.Array) -> list[bool]:
    return list(array.is_valid().to_pylist())


def _bounds(array: pa.Array) -> list[int]:
    """Where each list of an array begins among the values below it, and where the last one ends."""
    if is_.is_fixed_size_list(array.type):
        size = array.type.list_size
        return [size * (array.offset + place) for place in range(len(array) + 1)]
    return list(array.offsets.to_pylist())


def _parts(array: pa.Array, below: pa.Array) -> Iterator[list[Any] | None]:
    """For each list of an array its part of the values below, which may hold more than a slice shows."""
    bounds = _bounds(array)
    items = values(below.slice(bounds[0], bounds[-1] - bounds[0]))
    for valid, start, end in zip(_valid(array), bounds, bounds[1:]):
        yield items[start - bounds[0] : end - bounds[0]] if valid else None


def _structs(array: pa.Array) -> Iterator[tuple[Any, ...] | None]:
    fields = [values(field) for field in array.flatten()]
    rows = zip(*fields) if fields else iter([()] * len(array))
    for valid, row in zip(_valid(array), rows):
        yield row if valid else None


def _maps(array: pa.Array) -> Iterator[list[tuple[Any, Any]] | None]:
    for keys, items in zip(_parts(array, array.keys), _parts(array, array.items)):
        yield None if keys is None or items is None else list(zip(keys, items))


def table_rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, as tuples in column order."""
    columns = [[value for chunk in column.chunks for value in values(chunk)] for column in table.columns]
    return zip(*columns)


# Chunk files


def stored_type(kind: Type) -> pa.DataType:
    """The Arrow type as which a column of this physical type is read from Parquet (section 6)."""
    if isinstance(kind, str):
        return _STORED[kind]
    word = kind[0]
    if word == "decimal":
        return (pa.decimal256 if kind[2] == 76 else pa.decimal128)(kind[2], kind[1])
    if word == "list":
        return pa.list_(pa.field("element", stored_type(kind[1])))
    if word == "struct":
        return pa.struct([(name, stored_type(inner)) for name, inner in kind[1]])
    if word == "map":
        return pa.map_(stored_type(kind[1]), stored_type(kind[2]))
    if word in ("timestamp", "instant"):
        return pa.timestamp(kind[1], tz="UTC" if word == "instant" else None)
    return {"i64": pa.int64(), "u64": pa.uint64(), "f32": pa.float32(), "f64": pa.float64()}.get(kind[1], pa.int64())


_STORED = {
    "bool": pa.bool_(),
    "text": pa.string(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("ns"),
}


def from_storage(value: Any, kind: Type) -> Any:
    """A stored value as `rows` writes it: durations are INT64 without a logical type, in the physical unit."""
    if value is None or isinstance(kind, str):
        return value
    if kind[0] == "duration":
        return value * NANOSECONDS[kind[1]]
    if kind[0] == "list":
        return [from_storage(item, kind[1]) for item in value]
    if kind[0] == "struct":
        return tuple(from_storage(item, inner) for item, (_, inner) in zip(value, kind[1]))
    if kind[0] == "map":
        return [(from_storage(key, kind[1]), from_storage(item, kind[2])) for key, item in value]
    return value
