"""Chunks, their boundaries, and dataset ids (FORMAT.md section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import trees
from .cbor import Refused
from .rows import ROW_PROFILE, row_leaf

CHUNK_TAG = b"mira/chunk/v1\0"
DATASET_TAG = b"mira/dataset/v1\0"
CHUNK_LEAF_LENGTH = 87
TARGET = 1 << 21
MAX_ROWS = 1 << 18
MAX_CHUNKS = 1_000_000


@dataclass(frozen=True)
class Chunk:
    """What the leaf data of a chunk say."""

    schema_id: bytes
    rows: int
    row_root: bytes
    row_profile: int = ROW_PROFILE

    def leaf_data(self) -> bytes:
        head = CHUNK_TAG + bytes((self.row_profile,)) + self.schema_id
        return head + self.rows.to_bytes(8, "big") + self.row_root

    def leaf(self) -> bytes:
        return trees.leaf_hash(self.leaf_data())


def parse_chunk(data: bytes) -> Chunk:
    """A chunk from its leaf data."""
    if len(data) != CHUNK_LEAF_LENGTH:
        raise Refused(f"chunk leaf data have {CHUNK_LEAF_LENGTH} bytes, found {len(data)}")
    if not data.startswith(CHUNK_TAG):
        raise Refused("the bytes do not start with the tag of chunk leaf data")
    if data[14] != ROW_PROFILE:
        raise Refused(f"row profile {data[14]} is unknown")
    rows = int.from_bytes(data[47:55], "big")
    if rows == 0:
        raise Refused("a chunk has at least one row")
    return Chunk(data[15:47], rows, data[55:], data[14])


def dataset_id(schema_id: bytes, rows: int, chunks: int, chunk_root: bytes) -> bytes:
    if not 1 <= chunks <= min(rows, MAX_CHUNKS):
        raise Refused(f"{rows} rows in {chunks} chunks are no dataset")
    counts = rows.to_bytes(8, "big") + chunks.to_bytes(8, "big")
    return sha256(DATASET_TAG + bytes((ROW_PROFILE,)) + schema_id + counts + chunk_root).digest()


class Cut1:
    """`cut-1`: says after each row whether the open chunk ends there."""

    def __init__(self) -> None:
        self.size = 0
        self.rows = 0

    def ends_after(self, length: int, leaf: bytes) -> bool:
        self.size += length
        self.rows += 1
        bound = min(length, TARGET) * ((1 << 64) // TARGET)
        ends = (
            self.size >= 4 * TARGET
            or self.rows == MAX_ROWS
            or (self.size >= TARGET // 4 and int.from_bytes(leaf[:8], "big") < bound)
        )
        if ends:
            self.size = self.rows = 0
        return ends


@dataclass(frozen=True)
class Dataset:
    """The commitments of a sequence of rows."""

    schema_id: bytes
    chunks: tuple[Chunk, ...]

    @property
    def rows(self) -> int:
        return sum(chunk.rows for chunk in self.chunks)

    @property
    def chunk_root(self) -> bytes:
        return trees.root(chunk.leaf() for chunk in self.chunks)

    @property
    def dataset_id(self) -> bytes:
        return dataset_id(self.schema_id, self.rows, len(self.chunks), self.chunk_root)


def cut(rows: Iterable[bytes]) -> list[list[bytes]]:
    """The row leaves of each chunk."""
    chunks: list[list[bytes]] = []
    cutter, ended = Cut1(), True
    for row in rows:
        leaf = row_leaf(row)
        if ended:
            chunks.append([])
        chunks[-1].append(leaf)
        ended = cutter.ends_after(len(row), leaf)
    return chunks


def commit(schema_id: bytes, rows: Iterable[bytes]) -> Dataset:
    """The dataset of canonical rows, cut by `cut-1`."""
    leaves: Sequence[list[bytes]] = cut(rows)
    return Dataset(schema_id, tuple(Chunk(schema_id, len(some), trees.root(some)) for some in leaves))
