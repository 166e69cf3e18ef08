"""The keys of every kind of statement, and what their values may be (FORMAT.md section 9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from . import cbor, unixfs
from .cbor import Refused
from .datasets import MAX_CHUNKS
from .manifest import check_profiles
from .rights import check_day, check_expression, check_keys, check_rights, is_digest
from .schema import is_integer
from .signatures import check_key_name, parse_did_key

Check = Callable[[Any], object]
"""Refuses a value that may not stand there; what it returns does not matter."""

MAX_INPUTS = 4_096
MODEL_TAG = b"mira/model/v1\0"
INPUT_ROLES = "base|distill|finetune|pretrain|retrieval|test|train|validation"
AGENT_ROLES = "compute|contributor|deployer|developer|trainer|validator"
DELEGATED = "contribute|deploy|train|transform|withdraw"

_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_LIKE_A_HASH = re.compile(r"[0-9a-f]{8,}|[a-z2-7]{32,}")
_URI = re.compile(r"(https|http|ipfs|git|hf|urn):([A-Za-z0-9._~/:@%+,-]{1,1000})")
_PATH = re.compile(r"[A-Za-z0-9._/-]{1,255}")


# Values


def digest(value: Any) -> None:
    if not is_digest(value):
        raise Refused(f"expected a digest, found {value!r:.80}")


def matches(pattern: str) -> Check:
    """That a value is text of this pattern."""
    compiled = re.compile(pattern)

    def check(value: Any) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Refused(f"expected {pattern}, found {value!r:.80}")

    return check


def integer(value: Any) -> None:
    if not is_integer(value) or value < 0:
        raise Refused(f"expected an integer, found {value!r:.80}")


def positive(value: Any) -> None:
    if not is_integer(value) or value < 1:
        raise Refused(f"expected an integer of at least 1, found {value!r:.80}")


def decimal_digits(value: Any) -> None:
    matches("0|[1-9][0-9]{0,19}")(value)
    if int(value) >= 1 << 64:
        raise Refused("decimal digits are below 2^64")


def time(value: Any) -> None:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 23 or int(match[3]) > 59 or int(match[4]) > 59:
        raise Refused(f"expected a time, found {value!r:.80}")
    check_day(match[1])


def name(value: Any) -> None:
    """The name of a dataset, model or deployment, which does not look like a hash."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or _LIKE_A_HASH.fullmatch(value):
        raise Refused(f"{value!r:.140} is no name")


def uri(value: Any) -> None:
    """A URI without query, fragment or user info."""
    match = _URI.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Refused(f"{value!r:.80} is no URI")
    scheme, rest = match.groups()
    authority = rest.removeprefix("//").split("/")[0] if rest.startswith("//") else None
    if (authority is None and scheme in ("https", "http")) or authority == "" or "@" in (authority or ""):
        raise Refused(f"{value!r:.80} has no authority, or user info")


def array(check: Check, least: int = 0) -> Check:
    def check_all(value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise Refused(f"expected an array of at least {least}, found {value!r:.80}")
        for item in value:
            check(item)

    return check_all


def ascending(check: Check, least: int = 0, key: Callable[[Any], Any] = lambda item: item.encode("utf-8")) -> Check:
    """That items ascend strictly, by UTF-8 bytes or by `key`."""

    def check_all(value: Any) -> None:
        array(check, least)(value)
        keys = [key(item) for item in value]
        if any(after <= before for before, after in zip(keys, keys[1:])):
            raise Refused("an array does not ascend")

    return check_all


def pair(first: Check, second: Check) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, list) or len(value) != 2:
            raise Refused(f"expected an array of two, found {value!r:.80}")
        first(value[0])
        second(value[1])

    return check


def keys(required: dict[str, Check], optional: dict[str, Check]) -> Check:
    """That a value is an object of these keys."""

    def check(value: Any) -> None:
        members = check_keys(value, frozenset(required), frozenset(optional), "an object")
        for member, item in members.items():
            (required | optional)[member](item)

    return check


# Parts of predicates

row_set = keys({"count": positive, "sha256": digest}, {})
listed = keys({"count": positive, "list": digest}, {})
code = keys({"commit": matches("[0-9a-f]{40}|[0-9a-f]{64}"), "uri": uri}, {})
agents = ascending(
    keys({"contributor_id": digest, "role": matches(AGENT_ROLES)}, {}),
    least=1,
    key=lambda agent: (agent["contributor_id"], agent["role"]),
)
metrics = ascending(
    pair(matches("[A-Za-z0-9._/-]{1,128}"), matches(r"(?=.{1,64}$)-?(0|[1-9][0-9]*)(\.[0-9]+)?")),
    key=lambda metric: metric[0],
)


def ranges(value: Any) -> None:
    array(pair(integer, positive), least=1)(value)
    end = -1
    for start, length in value:
        if start <= end:
            raise Refused("ranges ascend and do not touch")
        end = start + length
        if end >= 1 << 53:
            raise Refused("no range ends above 2^53-1")


def path(value: Any) -> None:
    if not isinstance(value, str) or not _PATH.fullmatch(value) or {"", ".", ".."} & set(value.split("/")):
        raise Refused(f"{value!r:.80} is no path")


def files(value: Any) -> None:
    """Files inline, or a list of them."""
    check = listed if isinstance(value, dict) else ascending(pair(path, digest), least=1, key=lambda file: file[0])
    check(value)


def _input(value: Any) -> None:
    if isinstance(value, dict) and "uri" in value:
        external: dict[str, Check] = {"sha256": digest, "license": check_expression}
        keys({"uri": uri, "role": matches(INPUT_ROLES)}, external)(value)
        return
    optional: dict[str, Check] = {"chunks": ranges, "rows": row_set, "tokens": decimal_digits}
    keys({"statement": digest, "role": matches(INPUT_ROLES), "passes": positive}, optional)(value)
    if "chunks" in value and "rows" in value:
        raise Refused("an input has chunks or rows, not both")


def inputs(value: Any) -> None:
    """Inputs inline, or a list of them."""
    if isinstance(value, dict):
        listed(value)
        return
    array(_input)(value)
    if len(value) > MAX_INPUTS:
        raise Refused(f"at most {MAX_INPUTS} inputs stand inline")


def directory_cid(value: Any) -> None:
    if not isinstance(value, str) or unixfs.cid_from_text(value).codec != unixfs.DAG_PB:
        raise Refused("expected the CID of a directory")


def key_name(value: Any) -> None:
    if not isinstance(value, str):
        raise Refused("expected the name of a note key")
    check_key_name(value)


# Kinds

Members = dict[str, Check]

EVERY: Members = {"claimed_at": time, "contributor_id": digest, "nonce": matches("[0-9a-f]{32}")}
DATASET: Members = {
    "rows": positive,
    "chunks": positive,
    "schema_id": digest,
    "profiles": check_profiles,
    "rights": check_rights,
}
BEHALF: Members = {"on_behalf_of": digest}
MADE: Members = {"code": code, "config": digest}
ADDRESS = matches("0x[0-9a-f]{40}")

PREDICATES: dict[str, tuple[Members, Members]] = {
    "register": ({"key": parse_did_key}, {"label": matches("[a-z0-9][a-z0-9-]{0,38}"), "recovery": parse_did_key}),
    "rotate": ({"old": parse_did_key, "new": parse_did_key}, {}),
    "revoke-key": ({"key": parse_did_key, "reason": matches("compromised|lost|retired")}, {}),
    "delegate": (
        {"to": digest, "kinds": ascending(matches(DELEGATED), least=1), "state": matches("granted|ended")},
        {"names": ascending(name, least=1)},
    ),
    "bind": (
        {
            "payout": ADDRESS,
            "bind_nonce": integer,
            "log_origin": key_name,
            "expires_epoch": integer,
            "chain_id": integer,
            "contract": ADDRESS,
            "signature": matches("0x[0-9a-f]{130}"),
        },
        {},
    ),
    "contribute": (DATASET, BEHALF),
    "transform": (DATASET | {"inputs": inputs}, BEHALF | MADE),
    "train": ({"files": files, "inputs": inputs, "rights": check_rights}, BEHALF | MADE | {"agents": agents}),
    "evaluate": ({"model": digest, "report": digest, "inputs": inputs, "metrics": metrics}, {}),
    "deploy": ({"model": digest, "deployment": name, "state": matches("active|retired")}, BEHALF | {"uri": uri}),
    "use": (
        {
            "model": digest,
            "from": time,
            "to": time,
            "unit": matches("requests|tokens|hours|seats"),
            "count": decimal_digits,
            "terms": ascending(digest),
        },
        {"deployment": digest},
    ),
    "available": ({"cid": directory_cid}, {}),
    "refused": ({"reason": matches("malformed|mismatch|policy|rights|size|unavailable")}, {}),
    "countersign": ({"role": matches(AGENT_ROLES)}, {}),
    "withdraw": ({"reason": matches("consent|error|licence|privacy")}, {"rows": row_set}),
    "dispute": ({"reason": matches("copied|false|privacy|rights")}, {"evidence": digest}),
    "policy": ({"from_epoch": positive}, {}),
    "audit": ({"epoch": positive, "result": matches("failed|incomplete|ok")}, {}),
}
"""For each kind, the required keys and the optional ones with the check of their values."""


def check_predicate(kind: str, value: Any) -> dict[str, Any]:
    """The predicate of a statement of this kind, if it is well formed."""
    required, optional = PREDICATES[kind]
    keys(EVERY | required, {"prev": digest} | optional)(value)
    predicate: dict[str, Any] = value
    signer = predicate["contributor_id"]
    if signer in (predicate.get("on_behalf_of"), predicate.get("to") if kind == "delegate" else None):
        raise Refused("on_behalf_of and to are never the signer")
    if "chunks" in required and not predicate["chunks"] <= min(predicate["rows"], MAX_CHUNKS):
        raise Refused("there are more chunks than a dataset of these rows has")
    if kind == "register" and predicate.get("recovery") == predicate["key"]:
        raise Refused("the recovery key is another one")
    if kind == "delegate" and predicate["state"] == "ended" and "names" in predicate:
        raise Refused("an end has no names")
    if kind == "use" and predicate["from"] > predicate["to"]:
        raise Refused("from is not after to")
    return predicate


def model_id(files_: list[list[str]]) -> bytes:
    """The id of a model of these files."""
    form = [[path_, bytes.fromhex(digest_)] for path_, digest_ in files_]
    return sha256(MODEL_TAG + cbor.encode(form)).digest()
