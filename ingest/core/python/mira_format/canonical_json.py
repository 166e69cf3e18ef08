"""Canonical JSON of signed artifacts (FORMAT.md section 1): RFC 8785 without null and fractions."""

from __future__ import annotations

import json
from typing import Any

from .cbor import Refused

MAX_DEPTH = 32


def _refuse(token: str) -> Any:
    raise Refused(f"{token[:40]} is not allowed in canonical JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused("an object has a key twice")
    return members


def _check(value: Any, depth: int = 0) -> None:
    if value is None:
        raise Refused("null is not allowed in canonical JSON")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        raise Refused("an integer has 2^53 or more")
    if isinstance(value, (list, dict)):
        if depth == MAX_DEPTH:
            raise Refused(f"JSON nests deeper than {MAX_DEPTH}")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)


def write(value: Any) -> bytes:
    """The canonical bytes; keys ascend by UTF-16 code units, as RFC 8785 says."""
    return _text(value).encode("utf-8")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(_text(key) + ":" + _text(item) for key, item in members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def read(data: bytes) -> Any:
    """The value of canonical JSON; any other spelling is refused."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_unique)
        _check(value)
        again = write(value)
    except Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise Refused(f"not canonical JSON: {error}") from error
    if again != data:
        raise Refused("the JSON is not in canonical form")
    return value
