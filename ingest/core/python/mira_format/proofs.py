"""Proof files and how they are verified (FORMAT.md section 12).

Whether an anchor stands on a chain is not asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from . import cbor, trees
from .cbor import Refused
from .datasets import dataset_id, parse_chunk
from .policies import Policy
from .rows import ROW_PROFILE, parse_row, row_leaf
from .schema import SCHEMA_TAG, is_integer, parse_schema
from .signatures import (
    Checkpoint,
    contributor_id,
    from_base64,
    parse_checkpoint,
    parse_decimal,
    parse_did_key,
)
from .statements import DATASETS, Entry, parse_entry

MAGIC = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63
MAX_FILE = 1 << 20
KEYS = frozenset(("row", "entry", "anchor", "levels", "schema", "rotations"))
STEPS = ("checkpoint", "inclusion", "signature", "signer", "chunk", "row", "schema")

Path = list[bytes]


# The container


@dataclass(frozen=True)
class Container:
    """A C2SP tlog-proof."""

    extra: bytes
    index: int
    path: Path
    checkpoint: Checkpoint


def parse_container(data: bytes) -> Container:
    head, found, note = data.partition(b"\n\n")
    if not found:
        raise Refused("no empty line separates the proof from its checkpoint")
    try:
        lines = head.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Refused("a proof is text") from error
    if lines.pop(0) != MAGIC:
        raise Refused("expected the line of a tlog-proof")
    extra = _extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else b""
    if not lines or not lines[0].startswith("index "):
        raise Refused("expected the line of an index")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    path = [from_base64(line) for line in lines]
    if len(path) > MAX_PATH or any(len(item) != 32 for item in path):
        raise Refused(f"a path has at most {MAX_PATH} hashes of 32 bytes")
    return Container(extra, index, path, parse_checkpoint(note))


def _extra(line: str) -> bytes:
    extra = from_base64(line.removeprefix("extra "))
    if not extra:
        raise Refused("an empty extra has no line")
    return extra


# What is in `extra`


@dataclass(frozen=True)
class ChunkLevel:
    index: int
    path: Path
    leaf_data: bytes


@dataclass(frozen=True)
class RowLevel:
    index: int
    path: Path


@dataclass(frozen=True)
class Rotation:
    entry: bytes
    index: int
    path: Path


@dataclass(frozen=True)
class Proof:
    container: Container
    entry_bytes: bytes
    entry: Entry
    chunk: ChunkLevel | None
    row_level: RowLevel | None
    row: bytes | None
    schema: bytes | None
    rotations: tuple[Rotation, ...]


def _items(form: Any, *checks: Callable[[Any], bool]) -> list[Any]:
    if not isinstance(form, list) or len(form) != len(checks):
        raise Refused("an array of the proof has another length")
    if not all(check(item) for check, item in zip(checks, form)):
        raise Refused("an array of the proof holds something else")
    return form


def _is_index(value: Any) -> bool:
    return is_integer(value) and value >= 0


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes)


def _is_bytes_of(length: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, bytes) and len(value) == length


def _is_path(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_bytes_of(32), value))


def _levels(form: Any) -> tuple[ChunkLevel | None, RowLevel | None]:
    if not isinstance(form, list) or len(form) > 2:
        raise Refused("a proof has at most two levels")
    chunk = ChunkLevel(*_items(form[0], _is_index, _is_path, _is_bytes)) if form else None
    row = RowLevel(*_items(form[1], _is_index, _is_path)) if len(form) == 2 else None
    return chunk, row


def _rotations(form: Any) -> tuple[Rotation, ...]:
    if not isinstance(form, list) or not form:
        raise Refused("rotations, if given, are at least one")
    return tuple(Rotation(*_items(item, _is_bytes, _is_index, _is_path)) for item in form)


def parse_proof(data: bytes) -> Proof:
    """A proof file whose container, extra and entry parse."""
    container = parse_container(data)
    form = cbor.decode(container.extra)
    if not isinstance(form, dict) or set(form) - KEYS or not {"entry", "levels"} <= set(form):
        raise Refused("extra is a map of known keys with entry and levels")
    if not all(_is_bytes(form[key]) for key in ("entry", "row", "schema") if key in form):
        raise Refused("entry, row and schema are byte strings")
    if "anchor" in form:
        _items(form["anchor"], _is_index, _is_bytes_of(32), _is_index, _is_bytes_of(20), _is_bytes_of(32))
    chunk, row_level = _levels(form["levels"])
    if ("row" in form and row_level is None) or ("schema" in form and chunk is None):
        raise Refused("row and schema occur only with the levels they belong to")
    if len(data) - 4 * -(-len(form.get("row", b"")) // 3) > MAX_FILE:
        raise Refused("a proof has at most 1 MiB besides its row")
    rotations = _rotations(form["rotations"]) if "rotations" in form else ()
    entry = parse_entry(form["entry"])
    return Proof(container, form["entry"], entry, chunk, row_level, form.get("row"), form.get("schema"), rotations)


# Verifying


class NotChecked(Exception):
    """A step for which something is missing."""


class Verifier:
    """Takes the steps of section 12 on one proof; `row` is that of a verifier who brings it."""

    def __init__(self, proof: Proof, policy: Policy, row: bytes | None = None) -> None:
        self.proof = proof
        self.policy = policy
        self.row_bytes = proof.row if proof.row is not None else row
        self.statement = proof.entry.statement
        self.results: dict[str, str] = {}

    def run(self) -> str:
        """`verified`, or `failed` or `incomplete` and the first step that says so."""
        for step in STEPS:
            self.results[step] = self._take(getattr(self, step))
        for result in ("failed", "incomplete"):
            for step in STEPS:
                if self.results[step] == result:
                    return f"{result}: {step}"
        return "verified"

    def _take(self, step: Callable[[], None]) -> str:
        try:
            step()
        except Refused:
            return "failed"
        except NotChecked:
            return "incomplete"
        return "holds"

    def checkpoint(self) -> None:
        checkpoint = self.proof.container.checkpoint
        if not self.policy.knows(checkpoint.origin):
            raise NotChecked
        self.policy.check(checkpoint)

    def _included(self, entry: bytes, index: int, path: Path) -> None:
        checkpoint = self.proof.container.checkpoint
        trees.check_inclusion(trees.leaf_hash(entry), index, checkpoint.size, path, checkpoint.root)

    def inclusion(self) -> None:
        self._included(self.proof.entry_bytes, self.proof.container.index, self.proof.container.path)

    def signature(self) -> None:
        self.proof.entry.envelope.verify()

    def signer(self) -> None:
        key = self._rotated_key()
        signing = self.proof.entry.envelope.signatures[0][0]
        if key is None and contributor_id(signing) == self.statement.contributor_id:
            return
        if key != signing:
            raise NotChecked

    def _rotated_key(self) -> bytes | None:
        """The key to which sound rotations lead."""
        key, before = None, -1
        for rotation in self.proof.rotations:
            if not before < rotation.index < self.proof.container.index:
                raise Refused("rotations ascend, and stand below the entry")
            before = rotation.index
            self._included(rotation.entry, rotation.index, rotation.path)
            key = self._rotate(rotation.entry, key)
        return key

    def _rotate(self, data: bytes, current: bytes | None) -> bytes:
        entry = parse_entry(data)
        if entry.statement.kind != "rotate" or entry.statement.contributor_id != self.statement.contributor_id:
            raise Refused("the entry is no rotation of this contributor")
        old, new = (parse_did_key(entry.statement.predicate[name]) for name in ("old", "new"))
        if [key for key, _ in entry.envelope.signatures] != [old, new]:
            raise Refused("a rotation is signed by the old key and the new one")
        entry.envelope.verify()
        if old != current if current else contributor_id(old) != self.statement.contributor_id:
            raise Refused("the old key is not the one before")
        return new

    def chunk(self) -> None:
        level, predicate = self.proof.chunk, self.statement.predicate
        if level is None:
            return
        if self.statement.kind not in DATASETS:
            raise Refused("the statement is of no dataset")
        leaf = trees.leaf_hash(level.leaf_data)
        root = trees.inclusion_root(leaf, level.index, predicate["chunks"], level.path)
        schema_id = bytes.fromhex(predicate["schema_id"])
        if dataset_id(schema_id, predicate["rows"], predicate["chunks"], root) != self.statement.subject:
            raise Refused("the chunk is of another dataset")
        chunk = parse_chunk(level.leaf_data)
        if chunk.row_profile != ROW_PROFILE or chunk.schema_id != schema_id:
            raise Refused("the chunk has another profile or schema")

    def row(self) -> None:
        if self.proof.row_level is None or self.proof.chunk is None:
            return
        if self.row_bytes is None or self.results["chunk"] != "holds":
            raise NotChecked
        chunk, level = parse_chunk(self.proof.chunk.leaf_data), self.proof.row_level
        trees.check_inclusion(row_leaf(self.row_bytes), level.index, chunk.rows, level.path, chunk.row_root)

    def schema(self) -> None:
        if self.proof.schema is None:
            return
        if sha256(SCHEMA_TAG + self.proof.schema).hexdigest() != self.statement.predicate.get("schema_id"):
            raise Refused("the schema is another one")
        columns = parse_schema(self.proof.schema)
        if self.row_bytes is not None:
            parse_row(columns, self.row_bytes)


def verify(data: bytes, policy: Policy, row: bytes | None = None) -> str:
    """The result for a proof file under a policy: `refused`, or what `Verifier.run` says."""
    try:
        proof = parse_proof(data)
    except Refused:
        return "refused"
    return Verifier(proof, policy, row).run()
