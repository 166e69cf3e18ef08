"""C2SP tlog-policies: whose checkpoints are believed (FORMAT.md section 11)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .cbor import Refused
from .signatures import COSIGNER, NOTE_KEY, Checkpoint, NoteKey, parse_note_key

MAX_BYTES = 1 << 20
MAX_OF_A_KIND = 64
NONE = b"none"

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Group:
    threshold: int
    members: tuple[bytes, ...]


@dataclass
class Policy:
    logs: list[NoteKey] = field(default_factory=list)
    witnesses: dict[bytes, NoteKey] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorum: bytes | None = None

    def knows(self, origin: str) -> bool:
        return any(key.name == origin for key in self.logs)

    def check(self, checkpoint: Checkpoint) -> int:
        """That a listed log of the origin signed and the quorum cosigned; returns how many witnesses did."""
        logs = [key for key in self.logs if key.name == checkpoint.origin]
        if not checkpoint.note.signers(logs):
            raise Refused("no listed log of that origin signed the checkpoint")
        cosigners = checkpoint.note.signers(list(self.witnesses.values()))
        signed = {name for name, key in self.witnesses.items() if key in cosigners}
        if self.quorum != NONE and not self._met(self.quorum or b"", signed):
            raise Refused("the quorum is not met")
        return len(signed)

    def _met(self, name: bytes, signed: set[bytes]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._met(member, signed) for member in group.members) >= group.threshold


class PolicyReader:
    """Reads a policy line by line; names are octets, defined once and before use."""

    def __init__(self) -> None:
        self.policy = Policy()
        self.members: set[bytes] = set()

    def line(self, line: bytes) -> None:
        items = line.replace(b"\t", b" ").split()
        if not items or items[0].startswith(b"#"):
            return
        word, rest = items[0], items[1:]
        if word == b"log" and 1 <= len(rest) <= 2:
            self._log(rest[0])
        elif word == b"witness" and 2 <= len(rest) <= 3:
            self._witness(rest[0], rest[1])
        elif word == b"group" and len(rest) >= 3:
            self._group(rest[0], rest[1], tuple(rest[2:]))
        elif word == b"quorum" and len(rest) == 1:
            self._quorum(rest[0])
        else:
            raise Refused("a line of a policy defines a log, a witness, a group or the quorum")

    def _key(self, text: bytes, others: list[NoteKey], mistaken: int) -> NoteKey:
        try:
            key = parse_note_key(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise Refused("a key is UTF-8") from error
        if key.type == mistaken:
            raise Refused("logs have keys of type 01, witnesses of type 04")
        if any(key.public == other.public for other in others):
            raise Refused("a public key is listed twice")
        _check_count(len(others))
        return key

    def _log(self, key: bytes) -> None:
        self.policy.logs.append(self._key(key, self.policy.logs, COSIGNER))

    def _witness(self, name: bytes, key: bytes) -> None:
        self._new(name)
        witnesses = self.policy.witnesses
        witnesses[name] = self._key(key, list(witnesses.values()), NOTE_KEY)

    def _group(self, name: bytes, threshold: bytes, members: tuple[bytes, ...]) -> None:
        self._new(name)
        _check_count(len(self.policy.groups))
        for member in members:
            if not self._defined(member) or member in self.members:
                raise Refused("a member is defined before, and stands in one group only")
            self.members.add(member)
        self.policy.groups[name] = Group(_threshold(threshold, len(members)), members)

    def _quorum(self, name: bytes) -> None:
        if self.policy.quorum is not None or not (name == NONE or self._defined(name)):
            raise Refused("there is one quorum, of a name that is defined before")
        self.policy.quorum = name

    def _defined(self, name: bytes) -> bool:
        return name in self.policy.witnesses or name in self.policy.groups

    def _new(self, name: bytes) -> None:
        if name == NONE or self._defined(name):
            raise Refused("a name is defined once, and never `none`")


def _check_count(count: int) -> None:
    if count >= MAX_OF_A_KIND:
        raise Refused(f"a policy has at most {MAX_OF_A_KIND} of each kind")


def _threshold(text: bytes, members: int) -> int:
    if text in (b"all", b"any"):
        return members if text == b"all" else 1
    if not re.fullmatch(rb"[1-9][0-9]{0,3}", text) or int(text) > members:
        raise Refused("a threshold is all, any, or 1 to the number of members")
    return int(text)


def parse_policy(data: bytes) -> Policy:
    """A policy from its bytes."""
    if len(data) > MAX_BYTES or _CONTROL.search(data) or (data and not data.endswith(b"\n")):
        raise Refused("a policy is at most 1 MiB of lines that end in LF")
    reader = PolicyReader()
    for line in data.split(b"\n")[:-1]:
        reader.line(line)
    if reader.policy.quorum is None:
        raise Refused("a policy has a quorum")
    return reader.policy
