"""CSV, NDJSON and JSON as rows, with the types of `infer-1` (FORMAT.md section 14).

Reading under a given schema is not implemented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .cbor import Refused
from .csv_fields import BLANK, Record, find_punctuation, table_records
from .rows import SECOND
from .schema import Schema, Type, check_schema
from .texts import text_of

I64 = range(-(1 << 63), 1 << 63)
U64 = range(1 << 64)
MAX_DECIMAL_DIGITS = 38


@dataclass(frozen=True)
class Scalar:
    """A cell of a CSV file, or a number, bool or string of JSON: its text as written."""

    text: str
    string: bool = False
    """Whether it is a JSON string, which is never a bool or number."""


Cell = Any
"""None, a Scalar, a list of cells, or a dict of cells by name."""


# CSV


def read_csv(
    *files: bytes, delimiter: str | None = None, header: bool = True, nulls: Iterable[str] = ()
) -> tuple[list[str], list[list[Cell]]]:
    """The names of the columns and the cells of each row, of all files in order.

    An unquoted field that is one of `nulls` is null. Without a header columns are numbered.
    """
    texts = [text_of(data) for data in files]
    punctuation, tokens = find_punctuation(texts[0], delimiter), frozenset(nulls)
    tables = [_table(table_records(text, punctuation), header) for text in texts]
    names = tables[0][0]
    rows: list[list[Cell]] = []
    for own, records in tables:
        if sorted(own) != sorted(names):
            raise Refused("the files have different columns")
        order = [own.index(name) for name in names]
        cells = ([_csv_cell(*field, tokens) for field in record] for record in records)
        rows += ([row[place] for place in order] for row in cells)
    return names, rows


def _table(records: list[Record], header: bool) -> tuple[list[str], list[Record]]:
    """The names of a file's columns, and its rows."""
    first = next((place for place, record in enumerate(records) if record != BLANK), None)
    if first is None:
        raise Refused("there is no header")
    names = [text for text, _ in records[first]]
    if header:
        records = records[first + 1 :]
    else:
        names = [f"c{number}" for number in range(1, len(names) + 1)]
    if len(set(names)) != len(names):
        raise Refused("the header repeats a name")
    rows = [record for record in records if record != BLANK or len(names) == 1]
    if any(len(row) != len(names) for row in rows):
        raise Refused("a row has another number of fields than the header")
    return names, rows


def _csv_cell(text: str, quoted: bool, nulls: frozenset[str]) -> Cell:
    return Scalar(text) if quoted or (text and text not in nulls) else None


# JSON


def _members(pairs: list[tuple[str, Cell]]) -> dict[str, Cell]:
    members = {_characters(key): item for key, item in pairs}
    if len(members) != len(pairs):
        raise Refused("an object has a key twice")
    return members


def _characters(text: str) -> str:
    """The same text, if escapes left no half of a character in it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("a string has a lone surrogate") from error
    return text


def _constant(token: str) -> Any:
    raise Refused(f"{token} is not JSON")


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return Scalar("true" if value else "false")
    if isinstance(value, str):
        return Scalar(_characters(value), string=True)
    if isinstance(value, list):
        return [_cell(item) for item in value]
    if isinstance(value, dict):
        return {key: _cell(item) for key, item in value.items()}
    return value


_DECODER = json.JSONDecoder(
    parse_int=Scalar, parse_float=Scalar, parse_constant=_constant, object_pairs_hook=_members
)
"""Numbers keep their token."""
_SPACE = " \t\r\n"


def read_ndjson(*files: bytes) -> tuple[list[str], list[list[Cell]]]:
    """Column names in order of first appearance, and the cells of each row, of all files in order."""
    lines = (line for data in files for line in text_of(data).split("\n"))
    return _objects(_whole(line) for line in lines if line.strip(_SPACE))


def read_json(*files: bytes) -> tuple[list[str], list[list[Cell]]]:
    """The same of files that are an array, or values one after the other."""
    return _objects(value for data in files for value in _values(text_of(data).strip(_SPACE)))


def _objects(values: Iterable[Any]) -> tuple[list[str], list[list[Cell]]]:
    names: dict[str, None] = {}
    objects: list[dict[str, Cell]] = []
    for value in values:
        if not isinstance(value, dict):
            raise Refused("a row is an object")
        objects.append({key: _cell(item) for key, item in value.items()})
        names.update(dict.fromkeys(value))
    return list(names), [[row.get(name) for name in names] for row in objects]


def _values(text: str) -> Iterator[Any]:
    if text.startswith("["):
        yield from _whole(text)
        return
    while text:
        value, end = _first(text)
        yield value
        text = text[end:].lstrip(_SPACE)


def _whole(text: str) -> Any:
    """The value that a text is."""
    text = text.strip(_SPACE)
    value, end = _first(text)
    if end < len(text):
        raise Refused("something follows a value")
    return value


def _first(text: str) -> tuple[Any, int]:
    """The value that a text starts with, and where it ends."""
    try:
        return _DECODER.raw_decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused(f"not JSON: {error}") from error


# infer-1

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}(?::[0-9]{2})?)?"
)


def infer(cells: Iterable[Cell]) -> Type:
    """The type of a column or of items, over all their cells."""
    present = [cell for cell in cells if cell is not None]
    if not present:
        return "text"
    if all(isinstance(cell, list) for cell in present):
        return ("list", infer(item for cell in present for item in cell))
    if all(isinstance(cell, dict) for cell in present):
        names = dict.fromkeys(name for cell in present for name in cell)
        return ("struct", tuple((name, infer(cell.get(name) for cell in present)) for name in names))
    if not all(isinstance(cell, Scalar) for cell in present):
        raise Refused("scalars are mixed with arrays or objects")
    return _infer_scalar(present)


def _infer_scalar(cells: list[Scalar]) -> Type:
    texts = [cell.text for cell in cells]
    if not any(cell.string for cell in cells):
        if all(text in ("true", "false") for text in texts):
            return "bool"
        if all(_NUMBER.fullmatch(text) for text in texts):
            number = _infer_number(texts)
            if number is not None:
                return number
    if all(parse_date(text) is not None for text in texts):
        return "date"
    return _infer_moment(texts)


def _infer_number(texts: list[str]) -> Type | None:
    if all(_INTEGER.fullmatch(text) and text != "-0" for text in texts):
        if all(len(text) <= 20 for text in texts) and any(
            all(int(text) in bounds for text in texts) for bounds in (I64, U64)
        ):
            return "int"
    if all(map(is_shortest, texts)):
        return "float"
    whole, fraction = (max(digits) for digits in zip(*map(count_digits, texts)))
    return ("decimal", fraction) if whole + fraction <= MAX_DECIMAL_DIGITS else None


def is_shortest(text: str) -> bool:
    """Whether the shortest decimal of the nearest double has the value of the text."""
    nearest = float(text)
    return nearest not in (float("inf"), float("-inf")) and _significant(repr(nearest)) == _significant(text)


def _digits(text: str) -> tuple[str, int]:
    """The digits of a number as written, and the power of ten that the last of them counts."""
    match = _NUMBER.fullmatch(text)
    assert match is not None
    _, whole, fraction, exponent = match.groups()
    return whole + (fraction or ""), int(exponent or 0) - len(fraction or "")


def _significant(text: str) -> tuple[str, int]:
    """The digits from the first to the last that is not zero, and the power of that; one answer for each magnitude."""
    digits, power = _digits(text)
    ended = digits.rstrip("0")
    return (ended.lstrip("0"), power + len(digits) - len(ended)) if ended else ("", 0)


def count_digits(text: str) -> tuple[int, int]:
    """Whole and fraction digits after the exponent; whole digits of a value below 1 count as 0."""
    digits, power = _digits(text)
    counted = digits.lstrip("0")
    return max(len(counted) + power, 0) if counted else 0, max(-power, 0)


def parse_date(text: str) -> int | None:
    """Days since 1970-01-01 of a real day of the years 0000 to 9999."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    if not 1 <= month <= 12 or not 1 <= day <= _days_in_month(year, month):
        return None
    return _days_before_month(year, month) + day - 1


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in_month(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _days_before_month(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month in the proleptic Gregorian calendar."""
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    days = 365 * year + leaps - 719_527
    return days + sum(_days_in_month(year, earlier) for earlier in range(1, month))


def parse_moment(text: str) -> tuple[int, bool] | None:
    """Nanoseconds since 1970-01-01, and whether there is an offset, of an RFC 3339 date and time."""
    match = _MOMENT.fullmatch(text)
    day = parse_date(match[1]) if match else None
    if match is None or day is None:
        return None
    hour, minute, second = int(match[2]), int(match[3]), int(match[4])
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset = _offset_minutes(match[6])
    if offset is None:
        return None
    seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60
    return seconds * SECOND + int((match[5] or "").ljust(9, "0")), match[6] is not None


def _offset_minutes(text: str | None) -> int | None:
    if text in (None, "Z"):
        return 0
    hours, minutes = int(text[1:3]), int(text[4:] or 0)
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if text[0] == "-" else 1)


def _infer_moment(texts: list[str]) -> Type:
    moments = [parse_moment(text) for text in texts]
    if any(moment is None for moment in moments):
        return "text"
    found = [moment for moment in moments if moment is not None]
    unit = 1 if any(nanoseconds % 1_000 for nanoseconds, _ in found) else 1_000
    if any(nanoseconds // unit not in I64 for nanoseconds, _ in found):
        return "text"
    offsets = {offset for _, offset in found}
    return "text" if len(offsets) == 2 else "instant" if True in offsets else "timestamp"


# Values


def value(cell: Cell, kind: Type) -> Any:
    """A cell as a value of its inferred type, as `rows` writes it."""
    if cell is None:
        return None
    if isinstance(kind, tuple) and kind[0] == "list":
        return [value(item, kind[1]) for item in cell]
    if isinstance(kind, tuple) and kind[0] == "struct":
        return tuple(value(cell.get(name), inner) for name, inner in kind[1])
    return _scalar_value(cell.text, kind)


def _scalar_value(text: str, kind: Type) -> Any:
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "date":
        return parse_date(text)
    if kind in ("timestamp", "instant"):
        moment = parse_moment(text)
        return moment and moment[0]
    if isinstance(kind, tuple):
        digits, power = _digits(text)
        unscaled = int(digits) * 10 ** (kind[1] + power) if digits.strip("0") else 0
        return -unscaled if text.startswith("-") else unscaled
    return text


def infer_table(names: list[str], rows: list[list[Cell]]) -> tuple[Schema, list[tuple[Any, ...]]]:
    """The schema of `infer-1` and the rows under it."""
    kinds = [infer(row[place] for row in rows) for place in range(len(names))]
    schema = check_schema(tuple(zip(names, kinds)))
    return schema, [tuple(map(value, row, kinds)) for row in rows]
