"""Physical schemas: how chunk files store columns (FORMAT.md section 6).

A physical type is written as in its JSON form, with tuples for arrays: `("int", "u64")`, `("decimal", 2, 18)`,
`("list", "text")`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import canonical_json
from .cbor import Refused
from .schema import Schema, Type, check_schema, is_integer

CHOICES = {
    "int": ("i64", "u64"),
    "float": ("f32", "f64"),
    "timestamp": ("us", "ns"),
    "instant": ("us", "ns"),
    "duration": ("us", "ns"),
}
PLAIN = frozenset(("bool", "text", "bytes", "date", "time"))
DIGITS = (18, 38, 76)


def _parse_type(form: Any) -> Type:
    if isinstance(form, str) and form in PLAIN:
        return form
    if not isinstance(form, list) or not form or not isinstance(form[0], str):
        raise Refused(f"expected a stored type, found {form!r:.80}")
    word, *rest = form
    if word in CHOICES and len(rest) == 1 and rest[0] in CHOICES[word]:
        return (word, rest[0])
    if word == "decimal" and len(rest) == 2 and all(map(is_integer, rest)):
        if rest[1] in DIGITS and 0 <= rest[0] <= rest[1]:
            return ("decimal", rest[0], rest[1])
    if word == "list" and len(rest) == 1:
        return ("list", _parse_type(rest[0]))
    if word == "map" and len(rest) == 2:
        return ("map", _parse_type(rest[0]), _parse_type(rest[1]))
    if word == "struct" and len(rest) == 1:
        return ("struct", _parse_columns(rest[0]))
    raise Refused(f"expected a stored type, found {form!r:.80}")


def _parse_columns(form: Any) -> Schema:
    if not isinstance(form, list):
        raise Refused("expected an array of columns or fields")
    for item in form:
        if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str):
            raise Refused("expected a column as name and type")
    return tuple((name, _parse_type(kind)) for name, kind in form)


def logical_type(kind: Type) -> Type:
    """The logical type that a physical type stores."""
    if isinstance(kind, str):
        return kind
    word = kind[0]
    if word in CHOICES:
        return str(word)
    if word == "decimal":
        return ("decimal", kind[1])
    if word == "struct":
        return ("struct", logical_schema(kind[1]))
    return (word, *map(logical_type, kind[1:]))


def logical_schema(columns: Schema) -> Schema:
    return tuple((name, logical_type(kind)) for name, kind in columns)


def parse_physical(text: str) -> Schema:
    """The stored columns, if `text` is their only spelling and their logical types are a schema."""
    try:
        form = canonical_json.read(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Refused("the text is not UTF-8") from error
    columns = _parse_columns(form)
    check_schema(logical_schema(columns))
    return columns


# What can be stored

I64 = range(-(1 << 63), 1 << 63)
U64 = range(1 << 64)
MICROSECOND = 1_000


def check_storable(columns: Schema, rows: Sequence[Sequence[Any]]) -> None:
    """That one physical schema stores all rows.

    Section 6 gives each int one width with or without sign, and each moment one unit, for a whole dataset. So
    ints below 0 and from 2^63 on do not mix, and moments lie in 64 bits of microseconds, or of nanoseconds if one of
    the column has digits there.
    """
    for place, (name, kind) in enumerate(columns):
        _check_values(name, kind, [row[place] for row in rows])


def _check_values(name: str, kind: Type, values: Sequence[Any]) -> None:
    present = [value for value in values if value is not None]
    if kind == "int" and not any(all(value in bounds for value in present) for bounds in (I64, U64)):
        raise Refused(f"{name!r}: no width of int stores all values")
    if kind in ("timestamp", "instant", "duration"):
        unit = 1 if any(value % MICROSECOND for value in present) else MICROSECOND
        if any(value // unit not in I64 for value in present):
            raise Refused(f"{name!r}: no unit of time stores all values")
    for inner, items in _within(kind, present):
        _check_values(name, inner, items)


def _within(kind: Type, values: Sequence[Any]) -> Iterator[tuple[Type, list[Any]]]:
    """The types directly within a type, each with its values."""
    if isinstance(kind, str) or kind[0] == "decimal":
        return
    if kind[0] == "list":
        yield kind[1], [item for value in values for item in value]
    elif kind[0] == "struct":
        for place, (_, inner) in enumerate(kind[1]):
            yield inner, [value[place] for value in values]
    else:
        yield kind[1], [key for value in values for key, _ in value]
        yield kind[2], [item for value in values for _, item in value]
