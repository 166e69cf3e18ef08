"""Manifests and chunk lists (FORMAT.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from . import canonical_json, cbor, trees, unixfs
from .cbor import Refused
from .datasets import Chunk, dataset_id, parse_chunk
from .physical import logical_schema, parse_physical
from .rights import check_rights
from .schema import Schema, is_integer, schema_from_form, schema_id

MANIFEST_TYPE = "mira.manifest/1"
LIST_TYPE = "mira.chunks/1"
FILES = {"card": "README.md", "croissant": "croissant.json", "license": "LICENSE", "report": "report.json"}
"""The keys that name files, and what these files are called in the dataset directory."""
OPTIONAL = frozenset(("parent", *FILES))
REQUIRED = frozenset(
    (
        "rows", "type", "chunks", "rights", "schema", "bad_rows", "physical", "profiles", "chunk_list",
        "chunk_root", "dataset_id",
    )
)  # fmt: skip
PROFILES = {"cut": ("cut-1",), "rows": (1,), "infer": ("infer-1", "none"), "parquet": ("pq-1",)}


@dataclass(frozen=True)
class FileName:
    """How a manifest names a file: by length and SHA-256."""

    length: int
    sha256: bytes

    def form(self) -> list[Any]:
        return [self.length, self.sha256]

    def fits(self, data: bytes) -> bool:
        return len(data) == self.length and sha256(data).digest() == self.sha256


@dataclass(frozen=True)
class Manifest:
    rows: int
    chunks: int
    rights: dict[str, Any]
    schema: Schema
    bad_rows: int
    physical: str
    profiles: dict[str, Any]
    chunk_list: FileName
    chunk_root: bytes
    dataset_id: bytes
    card: FileName | None = None
    parent: bytes | None = None
    report: FileName | None = None
    license: FileName | None = None
    croissant: FileName | None = None

    def files(self) -> dict[str, FileName]:
        """The files that the manifest names, by their names in the dataset directory."""
        named = {path: getattr(self, key) for key, path in FILES.items()}
        return {path: name for path, name in named.items() if name is not None}

    @property
    def schema_id(self) -> bytes:
        return schema_id(self.schema)

    def encode(self) -> bytes:
        form: dict[str, Any] = {
            "type": MANIFEST_TYPE,
            "rows": self.rows,
            "chunks": self.chunks,
            "rights": self.rights,
            "schema": self.schema,
            "bad_rows": self.bad_rows,
            "physical": self.physical,
            "profiles": self.profiles,
            "chunk_list": self.chunk_list.form(),
            "chunk_root": self.chunk_root,
            "dataset_id": self.dataset_id,
        }
        files = self.files()
        form.update((key, files[path].form()) for key, path in FILES.items() if path in files)
        if self.parent is not None:
            form["parent"] = self.parent
        return cbor.encode(form)


@dataclass(frozen=True)
class ListedChunk:
    """One chunk in a chunk list: its leaf data, and the CID and length of its file."""

    chunk: Chunk
    cid: unixfs.Cid
    length: int


def _map(data: bytes, required: frozenset[str], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    form = cbor.decode(data)
    if not isinstance(form, dict):
        raise Refused("expected a map")
    unknown, missing = set(form) - required - optional, required - set(form)
    if unknown or missing:
        raise Refused(f"unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
    return form


def _unsigned(value: Any, what: str) -> int:
    if not is_integer(value) or value < 0:
        raise Refused(f"{what} is an unsigned integer")
    return int(value)


def _digest(value: Any, what: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise Refused(f"{what} is a byte string of 32 bytes")
    return value


def _file_name(value: Any, what: str) -> FileName:
    if not isinstance(value, list) or len(value) != 2:
        raise Refused(f"{what} is [bytes, sha256]")
    return FileName(_unsigned(value[0], what), _digest(value[1], what))


def check_profiles(value: Any) -> dict[str, Any]:
    """The profiles of a manifest, all of this version."""
    if not isinstance(value, dict) or set(value) != set(PROFILES):
        raise Refused(f"profiles has the keys {sorted(PROFILES)}")
    for key, known in PROFILES.items():
        if value[key] not in known or isinstance(value[key], (bool, float)):
            raise Refused(f"{key} profile is {value[key]!r}")
    return value


def parse_manifest(data: bytes) -> Manifest:
    """A manifest from its bytes; its dataset_id is what section 5 makes of the other keys."""
    form = _map(data, REQUIRED, OPTIONAL)
    if form["type"] != MANIFEST_TYPE:
        raise Refused(f"type is {form['type']!r}")
    if not isinstance(form["physical"], str):
        raise Refused("physical is text")
    manifest = Manifest(
        rows=_unsigned(form["rows"], "rows"),
        chunks=_unsigned(form["chunks"], "chunks"),
        rights=check_rights(form["rights"]),
        schema=schema_from_form(form["schema"]),
        bad_rows=_unsigned(form["bad_rows"], "bad_rows"),
        physical=form["physical"],
        profiles=check_profiles(form["profiles"]),
        chunk_list=_file_name(form["chunk_list"], "chunk_list"),
        chunk_root=_digest(form["chunk_root"], "chunk_root"),
        dataset_id=_digest(form["dataset_id"], "dataset_id"),
        parent=_digest(form["parent"], "parent") if "parent" in form else None,
        **{key: _file_name(form[key], key) for key in FILES if key in form},
    )
    _check_manifest(manifest)
    return manifest


def _check_manifest(manifest: Manifest) -> None:
    if logical_schema(parse_physical(manifest.physical)) != manifest.schema:
        raise Refused("the physical schema is of another schema")
    text = manifest.rights.get("license_text")
    if manifest.license is not None and text is not None and manifest.license.sha256.hex() != text:
        raise Refused("license is another text than the rights block names")
    made = dataset_id(manifest.schema_id, manifest.rows, manifest.chunks, manifest.chunk_root)
    if made != manifest.dataset_id:
        raise Refused(f"dataset_id is {manifest.dataset_id.hex()}, the other keys make {made.hex()}")


def _listed_chunk(form: Any) -> ListedChunk:
    if not isinstance(form, list) or len(form) != 3:
        raise Refused("a chunk is listed as [leaf data, cid, bytes]")
    if not isinstance(form[0], bytes) or not isinstance(form[1], bytes):
        raise Refused("leaf data and CID are byte strings")
    return ListedChunk(parse_chunk(form[0]), unixfs.parse_cid(form[1]), _unsigned(form[2], "bytes"))


def parse_chunk_list(data: bytes, manifest: Manifest) -> list[ListedChunk]:
    """The chunks of the list that a manifest names."""
    if not manifest.chunk_list.fits(data):
        raise Refused("the manifest names another chunk list")
    form = _map(data, frozenset(("type", "chunks")))
    if form["type"] != LIST_TYPE or not isinstance(form["chunks"], list):
        raise Refused("the file is no chunk list of this version")
    listed = [_listed_chunk(item) for item in form["chunks"]]
    _check_chunk_list(listed, manifest)
    return listed


def _check_chunk_list(listed: list[ListedChunk], manifest: Manifest) -> None:
    if len(listed) != manifest.chunks or sum(item.chunk.rows for item in listed) != manifest.rows:
        raise Refused("the chunk list has other chunks or rows than the manifest")
    if any(item.chunk.schema_id != manifest.schema_id for item in listed):
        raise Refused("a chunk is of another schema")
    if trees.root(item.chunk.leaf() for item in listed) != manifest.chunk_root:
        raise Refused("the chunk list has another root than the manifest")


def encode_chunk_list(listed: list[ListedChunk]) -> bytes:
    chunks = [[item.chunk.leaf_data(), item.cid.binary(), item.length] for item in listed]
    return cbor.encode({"type": LIST_TYPE, "chunks": chunks})


def schema_json(manifest: Manifest) -> bytes:
    """`schema.json`: the canonical schema as JSON."""
    return canonical_json.write(manifest.schema)
