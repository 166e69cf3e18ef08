"""Logical types, schemas and their ids (FORMAT.md section 3).

A type is written as in its CBOR and JSON form, with tuples for arrays: `"int"`, `("decimal", 2)`,
`("list", "text")`, `("struct", (("x", "int"),))`, `("map", "text", "int")`. A schema is a tuple of (name, type).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from . import cbor
from .cbor import Refused

Type = str | tuple[Any, ...]
Column = tuple[str, Type]
Schema = tuple[Column, ...]

SCALARS = frozenset(("bool", "int", "float", "text", "bytes", "date", "time", "timestamp", "instant", "duration"))
MAX_COLUMNS = 16_384
MAX_TYPES = 65_536
MAX_DEPTH = 32
MAX_NAME = 4_096
MAX_SCALE = 76

SCHEMA_TAG = b"mira/schema/v1\0"
TYPE_TAG = b"mira/type/v1\0"


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def parse_type(form: Any) -> Type:
    """A type from its CBOR or JSON form, decoded."""
    if isinstance(form, str) and form in SCALARS:
        return form
    if not isinstance(form, (list, tuple)) or not form:
        raise Refused(f"expected a type, found {form!r:.80}")
    word, *rest = form
    if word == "decimal" and len(rest) == 1 and is_integer(rest[0]):
        return ("decimal", rest[0])
    if word == "list" and len(rest) == 1:
        return ("list", parse_type(rest[0]))
    if word == "struct" and len(rest) == 1:
        return ("struct", parse_columns(rest[0]))
    if word == "map" and len(rest) == 2:
        return ("map", parse_type(rest[0]), parse_type(rest[1]))
    raise Refused(f"expected a type, found {form!r:.80}")


def parse_columns(form: Any) -> Schema:
    """The columns of a schema or the fields of a struct."""
    if not isinstance(form, (list, tuple)):
        raise Refused("expected an array of columns")
    columns = []
    for item in form:
        if not isinstance(item, (list, tuple)) or len(item) != 2 or not isinstance(item[0], str):
            raise Refused("expected a column as name and type")
        columns.append((item[0], parse_type(item[1])))
    return tuple(columns)


def children(kind: Type) -> tuple[Type, ...]:
    """The types directly within a type."""
    if isinstance(kind, str) or kind[0] == "decimal":
        return ()
    if kind[0] == "struct":
        return tuple(inner for _, inner in kind[1])
    return tuple(kind[1:])


def _check_columns(columns: Schema) -> None:
    names = [name for name, _ in columns]
    if len(set(names)) != len(names):
        raise Refused("two columns or fields have one name")
    for name in names:
        try:
            length = len(name.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise Refused("a name is not UTF-8") from error
        if length > MAX_NAME:
            raise Refused(f"a name has {length} bytes, more than {MAX_NAME}")


def _walk(kind: Type, depth: int) -> Iterator[Type]:
    """The type and all types within it, each checked alone."""
    if depth > MAX_DEPTH:
        raise Refused(f"types nest deeper than {MAX_DEPTH}")
    if isinstance(kind, tuple) and kind[0] == "decimal" and not 0 <= kind[1] <= MAX_SCALE:
        raise Refused(f"a decimal has 0 to {MAX_SCALE} fraction digits")
    if isinstance(kind, tuple) and kind[0] == "struct":
        if not kind[1]:
            raise Refused("a struct has at least one field")
        _check_columns(kind[1])
    yield kind
    for inner in children(kind):
        yield from _walk(inner, depth + 1)


def check_schema(schema: Schema) -> Schema:
    """The schema, if it keeps the limits of section 3."""
    if not 1 <= len(schema) <= MAX_COLUMNS:
        raise Refused(f"a schema has 1 to {MAX_COLUMNS} columns")
    _check_columns(schema)
    if sum(1 for _, kind in schema for _ in _walk(kind, 1)) > MAX_TYPES:
        raise Refused(f"a schema has at most {MAX_TYPES} types")
    return schema


def schema_from_form(form: Any) -> Schema:
    """A schema from its decoded CBOR or JSON array."""
    return check_schema(parse_columns(form))


def parse_schema(data: bytes) -> Schema:
    """A schema from its canonical bytes."""
    return schema_from_form(cbor.decode(data))


def canonical_schema(schema: Schema) -> bytes:
    return cbor.encode(schema)


def schema_id(schema: Schema) -> bytes:
    return sha256(SCHEMA_TAG + canonical_schema(schema)).digest()


def without_names(kind: Type) -> Type:
    """The type as it stands in a type_id: struct fields without their names."""
    if isinstance(kind, str) or kind[0] == "decimal":
        return kind
    if kind[0] == "struct":
        return ("struct", tuple(without_names(inner) for _, inner in kind[1]))
    return (kind[0], *map(without_names, kind[1:]))


def type_id(schema: Schema) -> bytes:
    types = tuple(without_names(kind) for _, kind in schema)
    return sha256(TYPE_TAG + cbor.encode(types)).digest()
