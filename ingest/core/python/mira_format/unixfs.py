"""CIDs, UnixFS files and directories, CAR files (FORMAT.md section 13)."""

from __future__ import annotations

from base64 import b32decode, b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import cbor
from .cbor import Refused

RAW, DAG_PB, DAG_CBOR = 0x55, 0x70, 0x71
CODECS = (RAW, DAG_PB, DAG_CBOR)
LEAF = 1 << 20
MAX_LINKS = 1_024
MAX_ENTRIES = 1_000
MAX_DIRECTORY = 262_144
MAX_NAME = 255
MAX_BLOCK = 2 << 20
MAX_CAR_HEADER = 4_096
U64 = 1 << 64


@dataclass(frozen=True)
class Cid:
    """CIDv1 with sha2-256."""

    codec: int
    digest: bytes

    def binary(self) -> bytes:
        return bytes((1, self.codec, 0x12, 0x20)) + self.digest

    def __str__(self) -> str:
        return "b" + b32encode(self.binary()).decode("ascii").lower().rstrip("=")

    def names(self, block: bytes) -> bool:
        return sha256(block).digest() == self.digest


def cid_of(codec: int, block: bytes) -> Cid:
    return Cid(codec, sha256(block).digest())


def parse_cid(data: bytes) -> Cid:
    """A CID from its 36 bytes."""
    if len(data) != 36 or data[0] != 1 or data[1] not in CODECS or data[2:4] != b"\x12\x20":
        raise Refused("expected a CIDv1 of a known codec with SHA-256")
    return Cid(data[1], data[4:])


def cid_from_text(text: str) -> Cid:
    """A CID from its text form."""
    try:
        data = b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8))
    except ValueError as error:
        raise Refused("a CID's text is base32") from error
    cid = parse_cid(data)
    if str(cid) != text:
        raise Refused("the CID is spelled otherwise")
    return cid


# Protobuf


def varint(value: int) -> bytes:
    if value >= U64:
        raise Refused("a sum does not fit 64 bits")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(key: int, data: bytes) -> bytes:
    return bytes((key,)) + varint(len(data)) + data


class Fields:
    """Reads the fields of a dag-pb node, in the one order that they have."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def next_is(self, key: int) -> bool:
        return self.data[self.at : self.at + 1] == bytes((key,))

    def varint(self) -> int:
        start = self.at
        while self.at < len(self.data) and self.data[self.at] & 0x80:
            self.at += 1
        self.at += 1
        written = self.data[start : self.at]
        if self.at > len(self.data) or len(written) > 10:
            raise Refused(f"an integer at offset {start} does not end")
        value = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(written))
        if value >= U64 or (len(written) > 1 and written[-1] == 0):
            raise Refused(f"an integer at offset {start} is longer than needed")
        return value

    def delimited(self, key: int, what: str) -> bytes:
        self._key(key, what)
        length = self.varint()
        if length > len(self.data) - self.at:
            raise Refused(f"the bytes end inside {what}")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, key: int, what: str) -> int:
        self._key(key, what)
        return self.varint()

    def _key(self, key: int, what: str) -> None:
        if not self.next_is(key):
            raise Refused(f"expected {what} at offset {self.at}")
        self.at += 1

    def end(self) -> None:
        if self.at != len(self.data):
            raise Refused(f"{len(self.data) - self.at} bytes follow the last field")


# Nodes


@dataclass(frozen=True)
class Link:
    """A link of a dag-pb node; `size` is the Tsize, the cumulative size."""

    cid: Cid
    name: str
    size: int

    def encode(self) -> bytes:
        name = self.name.encode("utf-8")
        return field(0x12, field(0x0A, self.cid.binary()) + field(0x12, name) + b"\x18" + varint(self.size))


@dataclass(frozen=True)
class Node:
    """A part of a file: a leaf, or a node over parts; or the file itself."""

    cid: Cid
    size: int
    """Bytes of the file below this part."""
    tsize: int
    """Bytes of all blocks below this part, its own included."""


@dataclass(frozen=True)
class FileNode:
    children: tuple[Node, ...]


@dataclass(frozen=True)
class DirectoryNode:
    entries: tuple[Link, ...]


def leaf(data: bytes) -> Node:
    return Node(cid_of(RAW, data), len(data), len(data))


def encode_file_node(children: Sequence[Node]) -> bytes:
    links = b"".join(Link(child.cid, "", child.tsize).encode() for child in children)
    data = b"\x08\x02\x18" + varint(sum(child.size for child in children))
    data += b"".join(b"\x20" + varint(child.size) for child in children)
    return links + field(0x0A, data)


def _parent(children: Sequence[Node]) -> Node:
    block = encode_file_node(children)
    size = sum(child.size for child in children)
    return Node(cid_of(DAG_PB, block), size, len(block) + sum(child.tsize for child in children))


def file_of_leaves(leaves: Sequence[Node]) -> Node:
    """The file over leaves: levels are packed left to right until one node is left."""
    level = list(leaves)
    while len(level) > 1:
        level = [_parent(level[at : at + MAX_LINKS]) for at in range(0, len(level), MAX_LINKS)]
    return level[0]


def file_of(data: bytes) -> Node:
    """The file of these bytes; the empty file is one empty leaf."""
    return file_of_leaves([leaf(data[at : at + LEAF]) for at in range(0, max(len(data), 1), LEAF)])


def _check_name(name: str) -> None:
    length = len(name.encode("utf-8"))
    if not 1 <= length <= MAX_NAME or "/" in name or "\0" in name or name in (".", ".."):
        raise Refused(f"{name[:80]!r} cannot name an entry")


def _check_entries(entries: Sequence[Link]) -> None:
    names = [entry.name.encode("utf-8") for entry in entries]
    if any(after <= before for before, after in zip(names, names[1:])):
        raise Refused("the names of a directory do not ascend")
    if len(entries) > MAX_ENTRIES:
        raise Refused(f"a directory has at most {MAX_ENTRIES} entries")
    for entry in entries:
        _check_name(entry.name)
        if entry.cid.codec not in (RAW, DAG_PB):
            raise Refused("an entry is raw or dag-pb")


def directory_of(entries: Iterable[Link]) -> tuple[bytes, Node]:
    """The block of a directory, and its CID and sizes."""
    ascending = sorted(entries, key=lambda entry: entry.name.encode("utf-8"))
    _check_entries(ascending)
    block = b"".join(entry.encode() for entry in ascending) + field(0x0A, b"\x08\x01")
    if len(block) > MAX_DIRECTORY:
        raise Refused(f"a directory has at most {MAX_DIRECTORY} bytes")
    tsize = len(block) + sum(entry.size for entry in ascending)
    varint(tsize)
    return block, Node(cid_of(DAG_PB, block), 0, tsize)


def _parse_link(data: bytes) -> Link:
    fields = Fields(data)
    cid = parse_cid(fields.delimited(0x0A, "the CID of a link"))
    try:
        name = fields.delimited(0x12, "the name of a link").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("a name is not UTF-8") from error
    link = Link(cid, name, fields.number(0x18, "the size of a link"))
    fields.end()
    return link


def _check_child(child: Node) -> None:
    if child.size == 0:
        raise Refused("a child is empty")
    if child.cid.codec == RAW and (child.size > LEAF or child.tsize != child.size):
        raise Refused("a leaf has at most 1 MiB, and its length as size")
    if child.cid.codec == DAG_PB and child.tsize <= child.size:
        raise Refused("a node is larger than the part of the file below it")


def _check_file(children: Sequence[Node], links: Sequence[Link], filesize: int) -> None:
    if not 1 <= len(children) <= MAX_LINKS:
        raise Refused(f"a file's node has 1 to {MAX_LINKS} children")
    if any(link.name for link in links):
        raise Refused("the links of a file have no names")
    if {child.cid.codec for child in children} not in ({RAW}, {DAG_PB}):
        raise Refused("the children are all leaves or all nodes")
    for child in children:
        _check_child(child)
    if filesize != sum(child.size for child in children):
        raise Refused("the file size is not the sum of its children's")


def _parse_file(data: Fields, links: Sequence[Link]) -> FileNode:
    filesize = data.number(0x18, "the file size")
    sizes = [data.number(0x20, "a block size for each link") for _ in links]
    data.end()
    children = tuple(Node(link.cid, size, link.size) for link, size in zip(links, sizes))
    _check_file(children, links, filesize)
    return FileNode(children)


def parse_node(block: bytes) -> FileNode | DirectoryNode:
    """A dag-pb node from its block, which is at most 2 MiB."""
    fields = Fields(block)
    links: list[Link] = []
    while fields.next_is(0x12):
        links.append(_parse_link(fields.delimited(0x12, "a link")))
    data = Fields(fields.delimited(0x0A, "a link or the data"))
    fields.end()
    varint(len(block) + sum(link.size for link in links))
    kind = data.number(0x08, "the UnixFS type")
    if kind == 2:
        return _parse_file(data, links)
    if kind != 1:
        raise Refused(f"expected a directory or a file, found UnixFS type {kind}")
    data.end()
    _check_entries(links)
    if len(block) > MAX_DIRECTORY:
        raise Refused(f"a directory has at most {MAX_DIRECTORY} bytes")
    return DirectoryNode(tuple(links))


# CAR files


def car_header(root: Cid) -> bytes:
    """The header of a CARv1 with one root; the root is CBOR tag 42, the only tag."""
    link = b"\xd8\x2a" + cbor.encode_bytes(b"\0" + root.binary())
    return b"\xa2" + cbor.encode("roots") + b"\x81" + link + cbor.encode("version") + b"\x01"


def parse_car(data: bytes) -> tuple[Cid, list[tuple[Cid, bytes]]]:
    """The root and the blocks of a CAR file, each checked against its CID."""
    fields = Fields(data)
    header = _frame(fields, MAX_CAR_HEADER)
    root = parse_cid(header[13:49])
    if header != car_header(root):
        raise Refused("the header is not that of a CARv1 with one root")
    blocks: list[tuple[Cid, bytes]] = []
    while fields.at < len(data):
        frame = _frame(fields, 36 + MAX_BLOCK)
        cid, block = parse_cid(frame[:36]), frame[36:]
        if not cid.names(block):
            raise Refused(f"a block does not hash to {cid}")
        blocks.append((cid, block))
    return root, blocks


def _frame(fields: Fields, limit: int) -> bytes:
    length = fields.varint()
    if length > min(limit, len(fields.data) - fields.at):
        raise Refused("a frame is too long, or the bytes end inside it")
    fields.at += length
    return fields.data[fields.at - length : fields.at]
