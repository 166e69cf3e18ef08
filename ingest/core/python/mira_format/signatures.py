"""Signatures and keys: strict ed25519, did:key, C2SP notes and checkpoints (FORMAT.md sections 8 and 11).

Pure Python, some milliseconds a signature; nothing here is secret, so nothing runs in constant time.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, sha512

from .cbor import Refused

# ed25519 (RFC 8032)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z and x·y = T/Z."""
IDENTITY: Point = (0, 1, 1, 0)


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % P, y * z % P, x * y % P, w * z % P)


def _multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def _square_root(value: int) -> int | None:
    root = pow(value, (P + 3) // 8, P)
    if root * root % P != value:
        root = root * ROOT_OF_MINUS_ONE % P
    return root if root * root % P == value else None


@lru_cache(maxsize=256)
def decode_point(data: bytes) -> Point:
    """A point that is canonically encoded and not of small order."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _square_root((y * y - 1) * pow(D * y * y + 1, P - 2, P) % P)
    if len(data) != 32 or y >= P or x is None or (x == 0 and sign):
        raise Refused(f"{data.hex()} is not the canonical encoding of a point")
    x = P - x if x & 1 != sign else x
    point = (x, y, 1, x * y % P)
    if _same(_multiply(8, point), IDENTITY):
        raise Refused(f"{data.hex()} is of small order")
    return point


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify_ed25519(key: bytes, message: bytes, signature: bytes) -> None:
    """By the strict rule of section 8: canonical points of large order, S < L, and [S]B = R + [k]A."""
    if len(signature) != 64:
        raise Refused("a signature has 64 bytes")
    a, r = decode_point(key), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        raise Refused("S is not below the order")
    k = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % L
    if not _same(_multiply(s, BASE), _add(r, _multiply(k, a))):
        raise Refused("the signature does not verify")


# Text forms


def from_base64(text: str) -> bytes:
    """Padded base64 with unused bits zero (section 1)."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused(f"{text[:40]!r} is not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise Refused(f"{text[:40]!r} is not the only spelling of its bytes")
    return data


BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DID_KEY = re.compile(rf"did:key:z6Mk[{BASE58}]{{44}}")


def parse_did_key(text: object) -> bytes:
    """The public key of a did:key: base58btc of ed01 and the key."""
    if not isinstance(text, str) or not _DID_KEY.fullmatch(text):
        raise Refused(f"expected a did:key, found {text!r:.80}")
    number = 0
    for digit in text[len("did:key:z") :]:
        number = number * 58 + BASE58.index(digit)
    data = number.to_bytes(35, "big").lstrip(b"\0")
    if len(data) != 34 or data[:2] != b"\xed\x01":
        raise Refused("a did:key is of an ed25519 key")
    decode_point(data[2:])
    return data[2:]


def did_key(key: bytes) -> str:
    """The did:key of a public key."""
    number, digits = int.from_bytes(b"\xed\x01" + key, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "did:key:z" + digits


def contributor_id(first_key: bytes) -> bytes:
    """The id of the contributor whose first key this is."""
    return sha256(did_key(first_key).encode("ascii")).digest()


# Notes

NOTE_KEY, COSIGNER = 1, 4
MAX_NOTE = 512 << 10
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LINE = re.compile(r"— ([^\n ]+) ([A-Za-z0-9+/=]+)")
_HEX8 = re.compile(r"[0-9a-f]{8}")


def check_key_name(name: str) -> str:
    if not name or "+" in name or any(sign.isspace() for sign in name) or _CONTROL.search(name) or "\n" in name:
        raise Refused(f"{name!r:.80} is no name of a key")
    return name


@dataclass(frozen=True)
class NoteKey:
    name: str
    id: bytes
    type: int
    public: bytes

    def verify(self, text: str, signature: bytes) -> None:
        if self.type == NOTE_KEY:
            verify_ed25519(self.public, text.encode("utf-8"), signature)
            return
        time = int.from_bytes(signature[:8], "big")
        if len(signature) != 72 or time >= 1 << 63:
            raise Refused("a cosignature has a time below 2^63 and 64 bytes")
        message = f"cosignature/v1\ntime {time}\n{text}"
        verify_ed25519(self.public, message.encode("utf-8"), signature[8:])


def parse_note_key(text: str) -> NoteKey:
    """`name+<8 hex: id>+base64(type ‖ public key)`."""
    name, _, rest = text.partition("+")
    id_hex, _, encoded = rest.partition("+")
    data = from_base64(encoded)
    if not _HEX8.fullmatch(id_hex) or not data:
        raise Refused(f"{text!r:.80} is no key")
    key = NoteKey(check_key_name(name), bytes.fromhex(id_hex), data[0], data[1:])
    if key.type in (NOTE_KEY, COSIGNER):
        if sha256(name.encode("utf-8") + b"\n" + data).digest()[:4] != key.id:
            raise Refused("the id is of another key")
        decode_point(key.public)
    return key


@dataclass(frozen=True)
class Note:
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """Name, id and signature of each line."""

    def signers(self, keys: list[NoteKey]) -> list[NoteKey]:
        """The keys that signed; every line of a known key must verify, other lines are ignored."""
        signed = []
        for key in keys:
            lines = [line[2] for line in self.signatures if line[:2] == (key.name, key.id)]
            if key.type not in (NOTE_KEY, COSIGNER) or not lines:
                continue
            for signature in lines:
                key.verify(self.text, signature)
            signed.append(key)
        return signed


def parse_note(data: bytes) -> Note:
    """Text, an empty line, and 1 to 128 signature lines; the last empty line splits the two."""
    if len(data) > MAX_NOTE:
        raise Refused("a note has at most 512 KiB")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("a note is UTF-8") from error
    split = whole.rfind("\n\n")
    if split < 0 or _CONTROL.search(whole) or not whole.endswith("\n"):
        raise Refused("a note is a text, an empty line, and lines of signatures")
    lines = whole[split + 2 :].split("\n")[:-1]
    if not 1 <= len(lines) <= 128:
        raise Refused("a note has 1 to 128 signatures")
    return Note(whole[: split + 1], tuple(map(_signature_line, lines)))


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    match = _LINE.fullmatch(line)
    data = from_base64(match[2]) if match else b""
    if match is None or len(data) < 5:
        raise Refused(f"{line!r:.80} is no signature line")
    return check_key_name(match[1]), data[:4], data[4:]


@dataclass(frozen=True)
class Checkpoint:
    note: Note
    origin: str
    size: int
    root: bytes


def parse_decimal(text: str) -> int:
    """A number below 2^64 in decimal, without leading zeros."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", text) or int(text) >= 1 << 64:
        raise Refused(f"{text!r:.40} is no decimal number below 2^64")
    return int(text)


def parse_checkpoint(data: bytes) -> Checkpoint:
    """A note whose text is origin, size and root, and perhaps extension lines."""
    note = parse_note(data)
    lines = note.text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise Refused("a checkpoint has at least three lines, none empty")
    root = from_base64(lines[2])
    if len(root) != 32:
        raise Refused("a root has 32 bytes")
    return Checkpoint(note, lines[0], parse_decimal(lines[1]), root)
