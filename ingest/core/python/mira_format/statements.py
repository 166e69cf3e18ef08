"""Envelopes, statements and log entries (FORMAT.md sections 9 and 10).

What a statement says for itself is checked here; whether a log accepts it (the fold of section 10) is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from . import canonical_json
from .cbor import Refused
from .predicates import check_predicate, model_id
from .predicates import digest as check_digest
from .predicates import name as check_name
from .rights import check_keys
from .signatures import from_base64, parse_did_key, verify_ed25519

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
ENTRY_TAG = b"mira/entry/v1\0"
MAX_ENVELOPE = 65_456
MAX_ENTRY = 65_535

KINDS = {
    1: "register", 2: "rotate", 3: "revoke-key", 4: "delegate", 5: "bind", 6: "contribute", 7: "available",
    8: "refused", 9: "transform", 10: "train", 11: "evaluate", 12: "deploy", 13: "use", 14: "countersign",
    15: "withdraw", 16: "dispute", 17: "policy", 18: "audit",
}  # fmt: skip
NUMBERS = {kind: number for number, kind in KINDS.items()}


# Envelopes


@dataclass(frozen=True)
class Envelope:
    payload: bytes
    signatures: tuple[tuple[bytes, bytes], ...]
    """Public key and signature of each."""

    @property
    def signed(self) -> bytes:
        """The PAE, which the signatures cover."""
        return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(self.payload)} ".encode("ascii") + self.payload

    @property
    def statement_id(self) -> bytes:
        return sha256(self.signed).digest()

    def verify(self) -> None:
        for key, signature in self.signatures:
            verify_ed25519(key, self.signed, signature)


def _base64_member(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Refused("expected base64")
    return from_base64(value)


def _signature(form: Any) -> tuple[bytes, bytes]:
    members = check_keys(form, frozenset(("keyid", "sig")), frozenset(), "a signature")
    signature = _base64_member(members["sig"])
    if len(signature) != 64:
        raise Refused("a signature has 64 bytes")
    return parse_did_key(members["keyid"]), signature


def parse_envelope(data: bytes) -> Envelope:
    """An envelope in its one byte form; its payload is canonical JSON."""
    if len(data) > MAX_ENVELOPE:
        raise Refused(f"an envelope has at most {MAX_ENVELOPE} bytes")
    keys = frozenset(("payload", "payloadType", "signatures"))
    form = check_keys(canonical_json.read(data), keys, frozenset(), "the envelope")
    if form["payloadType"] != PAYLOAD_TYPE:
        raise Refused("the payload is of another type")
    if not isinstance(form["signatures"], list) or not 1 <= len(form["signatures"]) <= 2:
        raise Refused("an envelope has one signature or two")
    signatures = tuple(map(_signature, form["signatures"]))
    if len({key for key, _ in signatures}) != len(signatures):
        raise Refused("one key signed twice")
    envelope = Envelope(_base64_member(form["payload"]), signatures)
    canonical_json.read(envelope.payload)
    return envelope


# Statements

DATASETS = ("contribute", "transform")
MODELS = ("train", "evaluate", "deploy", "use")


@dataclass(frozen=True)
class Statement:
    kind: str
    predicate: dict[str, Any]
    digests: dict[str, str]
    """The subject's digests by name."""

    @property
    def subject(self) -> bytes:
        """The header subject (section 9)."""
        names = ("miraDatasetV1", "miraModelV1", "sha256")
        return bytes.fromhex(next(self.digests[name] for name in names if name in self.digests))

    @property
    def contributor_id(self) -> bytes:
        return bytes.fromhex(self.predicate["contributor_id"])


def parse_statement(payload: bytes) -> Statement:
    """A statement from the payload of its envelope."""
    keys = frozenset(("_type", "predicate", "predicateType", "subject"))
    form = check_keys(canonical_json.read(payload), keys, frozenset(), "the statement")
    match = re.fullmatch(r"urn:mira:([a-z-]+):v1", str(form["predicateType"]))
    if form["_type"] != STATEMENT_TYPE or match is None or match[1] not in NUMBERS:
        raise Refused("the statement is of no kind of this version")
    kind = match[1]
    predicate = check_predicate(kind, form["predicate"])
    digests = _digests(kind, form["subject"])
    if NUMBERS[kind] <= 5 and digests["sha256"] != predicate["contributor_id"]:
        raise Refused("the subject is the signer")
    if isinstance(predicate.get("files"), list) and model_id(predicate["files"]).hex() != digests["miraModelV1"]:
        raise Refused("the files make another model")
    return Statement(kind, predicate, digests)


def _digests(kind: str, form: Any) -> dict[str, str]:
    """The digests of the one subject that a statement has."""
    if not isinstance(form, list) or len(form) != 1:
        raise Refused("a statement has exactly one subject")
    named = kind in DATASETS or kind == "train"
    subject = check_keys(form[0], frozenset(("digest", "name") if named else ("digest",)), frozenset(), "the subject")
    if named:
        check_name(subject["name"])
    names = ("miraDatasetV1", "sha256") if kind in DATASETS else ("miraModelV1",) if kind in MODELS else ("sha256",)
    digests = check_keys(subject["digest"], frozenset(names), frozenset(), "the subject's digest")
    for value in digests.values():
        check_digest(value)
    return digests


# Entries


@dataclass(frozen=True)
class Entry:
    envelope: Envelope
    statement: Statement


def parse_entry(data: bytes) -> Entry:
    """A log entry whose header is its statement's."""
    if len(data) > MAX_ENTRY or len(data) < 79 or not data.startswith(ENTRY_TAG):
        raise Refused("the bytes are no log entry")
    envelope = parse_envelope(data[79:])
    statement = parse_statement(envelope.payload)
    if len(envelope.signatures) != (2 if statement.kind == "rotate" else 1):
        raise Refused("rotate has two signatures, all others one")
    header = bytes((NUMBERS[statement.kind],)) + statement.contributor_id + statement.subject
    if data[14:79] != header:
        raise Refused("the header is of another statement")
    return Entry(envelope, statement)
