"""Rights blocks and licence expressions (FORMAT.md section 7)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from .cbor import Refused

USES = frozenset(("commercial", "distill", "evaluate", "finetune", "redistribute", "retrieve", "train"))
WORDS = {
    "basis": ("own", "licensed", "consent", "public-domain", "unknown"),
    "personal_data": ("none", "present", "unknown"),
    "visibility": ("public", "restricted", "private"),
}
REQUIRED = frozenset(("allow", "deny", "license", *WORDS))
OPTIONAL = frozenset(("attribution", "consent", "license_text"))
MAX_LICENSE = 1_024

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TOKEN = re.compile(r"[()]|[A-Za-z0-9.:+-]+")
_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_IDENTIFIER = re.compile(r"[A-Za-z0-9.-]+")
_RESERVED = frozenset(("AND", "OR", "WITH", "NONE", "NOASSERTION"))


def is_digest(value: Any) -> bool:
    """Whether a value is the text form of a digest (section 1)."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def check_keys(value: Any, required: frozenset[str], optional: frozenset[str], what: str) -> dict[str, Any]:
    """The value, if it is an object with these keys and no others."""
    if not isinstance(value, dict):
        raise Refused(f"{what} is an object")
    unknown, missing = set(value) - required - optional, required - set(value)
    if unknown or missing:
        raise Refused(f"{what}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
    return value


def _check_identifier(word: str) -> None:
    if not _IDENTIFIER.fullmatch(word) or word.upper() in _RESERVED:
        raise Refused(f"{word!r} is no identifier of a licence or exception")
    if word.lower().startswith(("licenseref-", "documentref-")):
        raise Refused(f"{word!r} is a reference spelled otherwise")


def _check_licence(word: str) -> None:
    if not _REFERENCE.fullmatch(word):
        _check_identifier(word.removesuffix("+"))


def check_expression(text: Any) -> bool:
    """Checks a licence expression (SPDX 2.3, annex D); returns whether it names a LicenseRef-."""
    if not isinstance(text, str) or not 1 <= len(text.encode("utf-8")) <= MAX_LICENSE:
        raise Refused(f"a licence expression is text of 1 to {MAX_LICENSE} bytes")
    if text == "NOASSERTION":
        return False
    tokens = _TOKEN.findall(text)
    if _spell(tokens) != text:
        raise Refused(f"{text!r} is not spelled as a licence expression")
    _check_tokens(tokens)
    return any(_REFERENCE.fullmatch(token) for token in tokens)


def _spell(tokens: list[str]) -> str:
    """The expression with one space around each operator and no other."""
    return "".join(f" {token} " if token in ("AND", "OR", "WITH") else token for token in tokens)


def _check_tokens(tokens: list[str]) -> None:
    """The grammar: `wanted` is what may come next."""
    wanted, depth = "operand", 0
    for token in tokens:
        if wanted == "operand" and token == "(":
            depth += 1
        elif wanted == "operand":
            _check_licence(token)
            wanted = "operator or WITH"
        elif wanted == "exception":
            _check_identifier(token)
            wanted = "operator"
        elif token in ("AND", "OR"):
            wanted = "operand"
        elif token == "WITH" and wanted == "operator or WITH":
            wanted = "exception"
        elif token == ")" and depth:
            depth -= 1
            wanted = "operator"
        else:
            raise Refused(f"{token!r} stands where an {wanted} is expected")
    if depth or not wanted.startswith("operator"):
        raise Refused("the licence expression is not complete")


def _check_uses(value: Any, what: str) -> None:
    if not isinstance(value, list) or not all(isinstance(use, str) for use in value):
        raise Refused(f"{what} is an array of uses")
    if not USES.issuperset(value) or value != sorted(set(value)):
        raise Refused(f"{what} holds known uses, ascending")


def _check_consent(value: Any) -> None:
    consent = check_keys(value, frozenset(("record", "scope")), frozenset(("expires",)), "consent")
    if not is_digest(consent["record"]):
        raise Refused("the record of a consent is a digest")
    _check_uses(consent["scope"], "scope")
    if "expires" in consent:
        check_day(consent["expires"])


def check_day(value: Any) -> None:
    """That a value is a real day as YYYY-MM-DD; year 0 is a leap year, as 2000 is."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise Refused("a day is written YYYY-MM-DD")
    year = int(value[:4])
    try:
        date(year or 2000, int(value[5:7]), int(value[8:]))
    except ValueError as error:
        raise Refused(f"{value} is no day") from error


def _check_attribution(value: Any) -> None:
    kind, _, digest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in ("contributor", "sha256") or not is_digest(digest):
        raise Refused("attribution names a contributor or the digest of a text")


def check_rights(value: Any) -> dict[str, Any]:
    """The rights block, if it is well formed."""
    block = check_keys(value, REQUIRED, OPTIONAL, "the rights block")
    _check_uses(block["allow"], "allow")
    _check_uses(block["deny"], "deny")
    if set(block["allow"]) & set(block["deny"]):
        raise Refused("a use is both allowed and denied")
    for key, words in WORDS.items():
        if block[key] not in words:
            raise Refused(f"{key} is {block[key]!r}")
    if check_expression(block["license"]) != ("license_text" in block):
        raise Refused("license_text is present iff license names a LicenseRef-")
    if "license_text" in block and not is_digest(block["license_text"]):
        raise Refused("license_text is a digest")
    if "attribution" in block:
        _check_attribution(block["attribution"])
    if "consent" in block:
        _check_consent(block["consent"])
    return block
