"""Trees of RFC 6962: roots, inclusion and consistency (FORMAT.md section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from .cbor import Refused


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes; of none, H of nothing."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, node = 0, leaf
        while stack and stack[-1][0] == height:
            node = node_hash(stack.pop()[1], node)
            height += 1
        stack.append((height, node))
    if not stack:
        return sha256().digest()
    _, node = stack.pop()
    while stack:
        node = node_hash(stack.pop()[1], node)
    return node


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path of a leaf, its sibling first."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return inclusion_path(leaves[:split], index) + [root(leaves[split:])]
    return inclusion_path(leaves[split:], index - split) + [root(leaves[:split])]


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path leads (RFC 9162 section 2.1.3.2)."""
    if index >= size:
        raise Refused("the index lies beyond the tree")
    node, first, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise Refused("the path is too long")
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise Refused("the path is too short")
    return node


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> None:
    if inclusion_root(leaf, index, size, path) != expected:
        raise Refused("the path leads to another root")


def check_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """That the older tree is a prefix of the newer one (RFC 9162 section 2.1.4.2)."""
    if old_size == 0 or old_size > new_size:
        raise Refused("the older tree is empty, or larger than the newer one")
    if old_size == new_size:
        if path or old_root != new_root:
            raise Refused("trees of one size have one root and an empty path")
        return
    _check_growth(old_size, old_root, new_size, new_root, path)


def _check_growth(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    if not path:
        raise Refused("the path is empty")
    nodes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    first, last = old_size - 1, new_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    older = newer = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise Refused("the path is too long")
        if first & 1 or first == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            newer = node_hash(newer, node)
        first, last = first >> 1, last >> 1
    if last != 0 or older != old_root or newer != new_root:
        raise Refused("the path does not lead to both roots")
