"""Checks this implementation against mira's conformance vectors: python check_vectors.py VECTORS_DIR

Every file of a covered subject is checked, accepted or refused as it says; other subjects are listed. Refusals are
compared as refusals: the wording of errors is not part of the format.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from mira_format import (
    Refused,
    datasets,
    manifest,
    physical,
    policies,
    proofs,
    reading,
    rows,
    scan,
    schema,
    signatures,
    statements,
    trees,
    unixfs,
)

Vector = dict[str, Any]
Check = tuple[str, Any, Any]
"""What is compared, what was found, what the vector says."""


def refusal(action: Callable[[], Any]) -> tuple[bool, Any]:
    """Whether an action refuses, and its result or why."""
    try:
        return False, action()
    except Refused as error:
        return True, str(error)


def verdict(action: Callable[[], Any], refused: bool) -> tuple[Check, Any]:
    """The check that an action refuses, or does not, and its result."""
    found, result = refusal(action)
    if found == refused:
        return ("verdict", found, refused), result
    return ("verdict", f"refused: {result}" if found else "accepted", "refused" if refused else "accepted"), None


def check_schemas(vector: Vector) -> Iterator[Check]:
    data = bytes.fromhex(vector["cbor"])
    check, parsed = verdict(lambda: schema.parse_schema(data), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and parsed is not None:
        yield "schema", parsed, schema.schema_from_form(vector["schema"])
        yield "bytes", schema.canonical_schema(parsed), data
        yield "schema_id", schema.schema_id(parsed).hex(), vector["schema_id"]
        yield "type_id", schema.type_id(parsed).hex(), vector["type_id"]


READING_MEMBERS = frozenset(
    ("name", "comment", "format", "files", "null", "delimiter", "header")
    + ("expect", "schema", "values", "rows", "dataset_id", "reason")
)


def check_reading(vector: Vector) -> Iterator[Check]:
    yield "number of names", len({case["name"] for case in vector["cases"]}), len(vector["cases"])
    for case in vector["cases"]:
        for what, found, said in _check_reading(case):
            yield f"{case['name']}: {what}", found, said


def _check_reading(case: Vector) -> Iterator[Check]:
    yield "unknown members", case.keys() - READING_MEMBERS, set()
    check, table = verdict(lambda: _read_table(case), case["expect"] == "refuse")
    yield check
    if case["expect"] == "accept" and table is not None:
        columns, written = table
        yield "schema", columns, schema.schema_from_form(case["schema"])
        yield "rows", [row.hex() for row in written], case["rows"]
        yield "number of values", len(written), len(case["values"])
        yield "dataset_id", datasets.commit(schema.schema_id(columns), written).dataset_id.hex(), case["dataset_id"]


def _read_table(case: Vector) -> tuple[schema.Schema, list[bytes]]:
    """The schema and the canonical rows of a case's files."""
    files = [b64decode(file["base64"]) if "base64" in file else file["text"].encode("utf-8") for file in case["files"]]
    if case["format"] == "csv":
        options = {"delimiter": case.get("delimiter"), "header": case.get("header", True), "nulls": case.get("null", ())}
        names, cells = reading.read_csv(*files, **options)
    else:
        names, cells = {"ndjson": reading.read_ndjson, "json": reading.read_json}[case["format"]](*files)
    columns, values = reading.infer_table(names, cells)
    if not values:
        raise Refused("a dataset has a row")
    return columns, list(map(rows.row_encoder(columns), values))


def check_scan(vector: Vector) -> Iterator[Check]:
    yield "findings", scan.findings(vector["texts"]), vector["expect"]


def check_rows(vector: Vector) -> Iterator[Check]:
    columns = schema.schema_from_form(vector["schema"])
    yield "schema_id", schema.schema_id(columns).hex(), vector["schema_id"]
    yield "type_id", schema.type_id(columns).hex(), vector["type_id"]
    row = bytes.fromhex(vector["row"])
    check, values = verdict(lambda: rows.parse_row(columns, row), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and values is not None:
        leaf = rows.row_leaf(row)
        yield "bytes", rows.row_encoder(columns)(values), row
        turned = tuple(_maps_turned(value, kind) for value, (_, kind) in zip(values, columns))
        yield "bytes, pairs of maps in another order", rows.row_encoder(columns)(turned), row
        yield "number of values", len(values), len(vector["values"])
        yield "leaf", leaf.hex(), vector["leaf"]
        yield "rowkey", rows.rowkey(columns, leaf).hex(), vector["rowkey"]


def _maps_turned(value: Any, kind: schema.Type) -> Any:
    """The same value with the pairs of its maps from last to first."""
    if value is None or isinstance(kind, str) or kind[0] == "decimal":
        return value
    if kind[0] == "list":
        return [_maps_turned(item, kind[1]) for item in value]
    if kind[0] == "struct":
        return tuple(_maps_turned(item, inner) for item, (_, inner) in zip(value, kind[1]))
    return [(_maps_turned(key, kind[1]), _maps_turned(item, kind[2])) for key, item in reversed(value)]


def check_datasets(vector: Vector) -> Iterator[Check]:
    yield from {"chunk leaf data": _check_chunk, "cut-1": _check_cut, "dataset id": _check_id}[vector["kind"]](vector)


def _check_chunk(vector: Vector) -> Iterator[Check]:
    data = bytes.fromhex(vector["bytes"])
    check, chunk = verdict(lambda: datasets.parse_chunk(data), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and chunk is not None:
        yield "bytes", chunk.leaf_data(), data
        yield "row_profile", chunk.row_profile, vector["row_profile"]
        yield "schema_id", chunk.schema_id.hex(), vector["schema_id"]
        yield "rows", chunk.rows, vector["rows"]
        yield "row_root", chunk.row_root.hex(), vector["row_root"]
        yield "leaf", chunk.leaf().hex(), vector["leaf"]


def _check_cut(vector: Vector) -> Iterator[Check]:
    cutter, ends = datasets.Cut1(), []
    lines = [(length, bytes.fromhex(leaf)) for count, length, leaf in vector["count_length_leaf"] for _ in range(count)]
    for index, (length, leaf) in enumerate(lines):
        if cutter.ends_after(length, leaf):
            ends.append(index)
    yield "ends", ends, vector["chunks_end_after_row"]
    yield "rows left open", cutter.rows > 0, vector["rows_left_open"]


def _check_id(vector: Vector) -> Iterator[Check]:
    ids = bytes.fromhex(vector["schema_id"]), bytes.fromhex(vector["chunk_root"])
    found = datasets.dataset_id(ids[0], vector["rows"], vector["chunks"], ids[1])
    yield "row_profile", rows.ROW_PROFILE, vector["row_profile"]
    yield "dataset_id", found.hex(), vector["dataset_id"]


def check_merkle(vector: Vector) -> Iterator[Check]:
    path = [bytes.fromhex(item) for item in vector["path"]]
    if vector["kind"] == "inclusion":
        leaf, root = trees.leaf_hash(bytes.fromhex(vector["leaf_data"])), bytes.fromhex(vector["root"])
        found = lambda: trees.check_inclusion(leaf, vector["index"], vector["size"], path, root)  # noqa: E731
    else:
        roots = bytes.fromhex(vector["old_root"]), bytes.fromhex(vector["new_root"])
        sizes = vector["old_size"], vector["new_size"]
        found = lambda: trees.check_consistency(sizes[0], roots[0], sizes[1], roots[1], path)  # noqa: E731
    yield verdict(found, vector["expect"] != "accept")[0]


def check_manifests(vector: Vector) -> Iterator[Check]:
    data = b64decode(vector["manifest_base64"])
    check, parsed = verdict(lambda: manifest.parse_manifest(data), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and parsed is not None:
        digest = sha256(data).hexdigest()
        yield "bytes", parsed.encode(), data
        yield "result", f"dataset_id {parsed.dataset_id.hex()}, manifest {digest}", vector["result"]


def check_chunk_lists(vector: Vector) -> Iterator[Check]:
    named = manifest.parse_manifest(b64decode(vector["manifest_base64"]))
    data = b64decode(vector["chunk_list_base64"])
    check, listed = verdict(lambda: manifest.parse_chunk_list(data, named), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and listed is not None:
        yield "bytes", manifest.encode_chunk_list(listed), data
        yield "result", f"chunks: {len(listed)}", vector["result"]


def check_physical(vector: Vector) -> Iterator[Check]:
    text = vector["physical"]
    check, columns = verdict(lambda: physical.parse_physical(text), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and columns is not None:
        logical = physical.logical_schema(columns)
        yield "schema", logical, schema.schema_from_form(vector["schema"])
        yield "schema_id", schema.schema_id(logical).hex(), vector["schema_id"]


def check_unixfs(vector: Vector) -> Iterator[Check]:
    expect = vector["expect"]
    if "file" in vector:
        yield from _check_file(vector["file"], expect)
    elif "directory" in vector:
        links = [unixfs.Link(unixfs.cid_from_text(cid), name, size) for name, cid, size in vector["directory"]]
        check, found = verdict(lambda: unixfs.directory_of(links), "refused" in expect)
        yield check
        if found is not None and "refused" not in expect:
            yield "block", found[0].hex(), expect["block"]
            yield "cid", str(found[1].cid), expect["cid"]
            yield "tsize", found[1].tsize, expect["tsize"]
    else:
        yield from _check_node(bytes.fromhex(vector["node"]), expect)


def _check_file(file: Vector, expect: Vector) -> Iterator[Check]:
    if "text" in file:
        node = unixfs.file_of(file["text"].encode("utf-8"))
        yield "file", {"cid": str(node.cid), "size": node.size, "tsize": node.tsize}, expect
        return
    full, rest = divmod(file["zeros"], unixfs.LEAF)
    leaves = [unixfs.leaf(bytes(unixfs.LEAF))] * full
    leaves += [unixfs.leaf(bytes(rest))] if rest or not full else []
    node = unixfs.file_of_leaves(leaves)
    yield "file", {"cid": str(node.cid), "size": node.size, "tsize": node.tsize}, expect
    if full < 4:
        yield "file of bytes", unixfs.file_of(bytes(file["zeros"])), node


def _check_node(block: bytes, expect: Vector) -> Iterator[Check]:
    check, node = verdict(lambda: unixfs.parse_node(block), "refused" in expect)
    yield check
    if node is None or "refused" in expect:
        return
    if isinstance(node, unixfs.FileNode):
        found = {"kind": "file", "children": [[str(c.cid), c.size, c.tsize] for c in node.children]}
        yield "block", unixfs.encode_file_node(node.children), block
    else:
        found = {"kind": "directory", "entries": [[e.name, str(e.cid), e.size] for e in node.entries]}
        yield "block", unixfs.directory_of(node.entries)[0], block
    yield "node", found, expect


def check_car(vector: Vector) -> Iterator[Check]:
    data, expect = bytes.fromhex(vector["car"]), vector["expect"]
    check, found = verdict(lambda: unixfs.parse_car(data), "refused" in expect)
    yield check
    if found is not None and "refused" not in expect:
        blocks = [[str(cid), block.hex()] for cid, block in found[1]]
        yield "car", {"root": str(found[0]), "blocks": blocks}, expect


def check_tlog_proofs(vector: Vector) -> Iterator[Check]:
    data = vector["proof"].encode("utf-8")
    check, found = verdict(lambda: proofs.parse_container(data), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and found is not None:
        said = f"leaf {found.index}, hashes: {len(found.path)}, bytes of extra: {len(found.extra)}"
        yield "result", said, vector["result"]


def check_proofs(vector: Vector) -> Iterator[Check]:
    policy = policies.parse_policy(vector["policy"].encode("utf-8"))
    yield "result", proofs.verify(vector["proof"].encode("utf-8"), policy), vector["expect"]


def check_policies(vector: Vector) -> Iterator[Check]:
    data = b64decode(vector["policy_base64"]) if "policy_base64" in vector else vector["policy"].encode("utf-8")
    checkpoint = signatures.parse_checkpoint(vector["checkpoint"].encode("utf-8"))
    check, count = verdict(lambda: policies.parse_policy(data).check(checkpoint), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and count is not None:
        yield "result", f"{checkpoint.origin} at {checkpoint.size}, cosignatures: {count}", vector["result"]


def check_keys(vector: Vector) -> Iterator[Check]:
    key, signature = bytes.fromhex(vector["key"]), bytes.fromhex(vector["signature"])
    message = vector["message"].encode("utf-8")
    check, _ = verdict(lambda: signatures.verify_ed25519(key, message, signature), vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept":
        yield "did:key", signatures.parse_did_key(signatures.did_key(key)), key
        yield "result", f"by {signatures.did_key(key)}", vector["result"]


def check_envelopes(vector: Vector) -> Iterator[Check]:
    def read() -> statements.Envelope:
        envelope = statements.parse_envelope(vector["envelope"].encode("utf-8"))
        envelope.verify()
        return envelope

    check, envelope = verdict(read, vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and envelope is not None:
        yield "result", f"statement_id {envelope.statement_id.hex()}", vector["result"]


def check_notes(vector: Vector) -> Iterator[Check]:
    data = b64decode(vector["note_base64"]) if "note_base64" in vector else vector["note"].encode("utf-8")

    def read() -> list[str]:
        keys = [signatures.parse_note_key(text) for text in vector["keys"]]
        signers = [key.name for key in signatures.parse_note(data).signers(keys)]
        if not signers:
            raise Refused("signed by no known key")
        return signers

    check, signers = verdict(read, vector["expect"] == "refuse")
    yield check
    if vector["expect"] == "accept" and signers is not None:
        yield "result", f"signed by {', '.join(signers)}", vector["result"]


def check_statements(vector: Vector) -> Iterator[Check]:
    payload = vector["payload"].encode("utf-8")
    check, found = verdict(lambda: statements.parse_statement(payload), vector["expect"] == "refused")
    yield check
    if vector["expect"] == "accepted" and found is not None:
        yield "kind", found.kind, vector["kind"]
        yield "subject", found.subject.hex(), vector["subject"]


SUBJECTS: dict[str, Callable[[Vector], Iterator[Check]]] = {
    "schemas": check_schemas,
    "rows": check_rows,
    "reading": check_reading,
    "scan": check_scan,
    "datasets": check_datasets,
    "merkle": check_merkle,
    "manifests": check_manifests,
    "chunk-lists": check_chunk_lists,
    "physical": check_physical,
    "unixfs": check_unixfs,
    "car": check_car,
    "keys": check_keys,
    "notes": check_notes,
    "policies": check_policies,
    "envelopes": check_envelopes,
    "statements": check_statements,
    "tlog-proofs": check_tlog_proofs,
    "proofs": check_proofs,
}


def check_file(path: Path, subject: str) -> tuple[int, list[str]]:
    """The number of checks on a file, and its disagreements."""
    vector = json.loads(path.read_text("utf-8"))
    checks, differences = 0, []
    try:
        for what, found, said in SUBJECTS[subject](vector):
            checks += 1
            if found != said:
                said_and_found = f"found {found!r:.300}, the vector says {said!r:.300}"
                differences.append(f"{subject}/{path.name}: {what}: {said_and_found}")
    except Exception as error:  # a vector that breaks the checker is a disagreement
        differences.append(f"{subject}/{path.name}: {type(error).__name__}: {error}")
    return checks, differences


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    checks, files, differences = 0, 0, []
    for folder in sorted(path for path in Path(arguments[0]).iterdir() if path.is_dir()):
        vectors = sorted(folder.glob("*.json"))
        if folder.name not in SUBJECTS:
            print(f"not covered: {folder.name} ({len(vectors)} files)")
            continue
        for path in vectors:
            count, found = check_file(path, folder.name)
            checks, files = checks + count, files + 1
            differences += found
    for difference in differences:
        print(difference)
    missing = [name for name in SUBJECTS if not (Path(arguments[0]) / name).is_dir()]
    if missing:
        print(f"no vectors of: {', '.join(missing)}")
    if differences or missing or not files:
        print(f"{len(differences)} disagreements in {checks} checks on {files} files")
        return 1
    print(f"{checks} checks on {files} files agree")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
