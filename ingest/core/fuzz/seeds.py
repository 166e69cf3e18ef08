#!/usr/bin/env python3
"""Writes seeds/ from ../vectors and samples/golden: what the targets begin with. Run it after vectors changed."""

import base64
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
GOLDEN = HERE.parents[2] / "samples/golden/v0"
LARGEST = 8 << 10  # of a seed, in bytes: larger ones are slow to mutate and say little more

# The sample keys, whose seeds are 32 times the digit; the fold's target signs with them.
SAMPLE_KEYS = """
z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX
z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH z6MkvRXNYcE7MMduynWTgeKbDaT1iijDSC8pZqXZc8rHPrf2
z6Mkt6316e2PN3mZdB6N9CrzomJYUd1s5yBZi1XYHmwT9TUP z6MkmtWtY63GQVBrpMyRJWEzsnxfsGkemu6CtMDwGTv4RYj2
z6Mkon22vwz9JoNpGDxCrGZRgeNFTdRTwXYYN3fvAhA3K19x z6MkvDqGT54cXesYGvABpF1UapVNwjCqRcafi4Px6Thv5T3Z
z6Mkfmm57fsb6VL7zVusP8zeA9SYkCKdvUhby2G7Yh8vvQ1P z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3
""".split()

# One of each short text that has a grammar.
TEXTS = """
0 340282366920938463463374607431768211455 -0.10 1e5 2024-02-29 2026-01-31T12:00:00Z ann lineitem-2026.1
weights/model.safetensors MIT Apache-2.0 (MIT OR LicenseRef-x) AND GPL-2.0-only WITH Classpath-exception-2.0
https://example.org/a/b https://github.com/example/code tile/0/x001/x234/067 tile/1/000.p/44 tile/entries/003.p/12
0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2 accuracy 0.93 contribute revoke-key
contributor:0000000000000000000000000000000000000000000000000000000000000001
bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354 49f8c0a0abc2eb586eebc20725a9aca0
log.example.org/sample+a165e9fa+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY
""".split()


def vectors(folder):
    for path in sorted((VECTORS / folder).glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def content(vector, name):
    """A member as bytes: text, or base64 where its name says so."""
    if name in vector:
        return vector[name].encode()
    return base64.b64decode(vector[name + "_base64"])


def put(target, name, data):
    if len(data) <= LARGEST:
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def split_entry(entry):
    """An entry's line for the target of the fold: who signed, and what."""
    try:
        envelope = json.loads(entry[79:])
        keys = [str(SAMPLE_KEYS.index(s["keyid"].removeprefix("did:key:"))) for s in envelope["signatures"]]
        return (keys + [" "])[0].encode() + (keys + [" ", " "])[1].encode() + base64.b64decode(envelope["payload"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def main():
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    for name, v in vectors("car"):
        put("car", name, bytes.fromhex(v["car"]))
    for name, v in vectors("chunk-lists"):
        put("chunk_list", name, content(v, "chunk_list"))
    for name, v in vectors("datasets"):
        if "bytes" in v:
            put("lists", name, bytes.fromhex(v["bytes"]))
    for name, v in vectors("envelopes"):
        put("envelope", name, content(v, "envelope"))
    for name, v in vectors("fold"):
        entries = [base64.b64decode(e["entry"]) for e in v["entries"]]
        put("entry", name, entries[0])
        lines = [line for line in map(split_entry, entries) if line is not None]
        for at in range(0, len(lines), 4):
            put("fold", f"{name}_{at}", b"\n".join(lines[:1] + lines[max(at, 1) : at + 4]))
    for name, v in vectors("manifests"):
        put("manifest", name, content(v, "manifest"))
    for name, v in vectors("merkle"):
        at, size = v.get("index", v.get("old_size")), v.get("size", v.get("new_size"))
        if size and int(size) <= 256:
            put("merkle", name, bytes([int(size) - 1, int(at) % 256, int(at) % 256, 5, 0, 1]))
    for name, v in vectors("notes"):
        put("note", name, content(v, "note"))
    for name, v in vectors("policies"):
        put("policy", name, content(v, "policy") + b"\0" + v["checkpoint"].encode())
    for name, v in vectors("proofs"):
        put("proof", name, content(v, "proof"))
        lines = content(v, "proof").splitlines()
        if len(lines) > 1 and lines[1].startswith(b"extra ") and v["expect"] == "verified":
            put("evidence", name, base64.b64decode(lines[1][6:]))
    for name, v in vectors("rows"):
        put("row", name, row_seed(v))
    for name, v in vectors("schemas"):
        put("schema", name, bytes.fromhex(v["cbor"]))
        if "schema" in v:
            put("schema", name + ".json", json.dumps(v["schema"]).encode())
    for name, v in vectors("statements"):
        put("statement", name, v["payload"].encode())
        put("json", name, v["payload"].encode())
    for name, v in vectors("tlog-proofs"):
        put("proof", "container_" + name, content(v, "proof"))
    for name, v in vectors("unixfs"):
        if "node" in v:
            put("dag_pb", name, bytes.fromhex(v["node"]))
        elif "block" in v["expect"]:
            put("dag_pb", name, bytes.fromhex(v["expect"]["block"]))
    for index, text in enumerate(TEXTS):
        put("text", f"{index:02}", text.encode())
    put("text", "did", b"did:key:" + SAMPLE_KEYS[1].encode())
    put("note", "checkpoint", (GOLDEN / "checkpoint").read_bytes())
    put("car", "dataset", (GOLDEN / "dataset/dataset.car").read_bytes())
    put("lists", "ranges", bytes.fromhex("828200018205 0a".replace(" ", "")))
    put("receipt", "receipt", RECEIPT.encode())


# The members of an anchor receipt.
RECEIPT = (
    '{"_type":"https://in-toto.io/Statement/v1","predicate":{"block":{"hash":"0x%(h)s","number":"7"},"chain":"local",'
    '"chain_id":"1835627105","commitment":"0x%(h)s","contract":"0x%(a)s","epoch":1,"genesis":"0x%(h)s",'
    '"origin":"example.com/log","origin_id":"0x%(h)s","previous":"0x%(h)s","root":"%(h)s","size":3,"tx":"0x%(h)s"},'
    '"predicateType":"urn:mira:anchor-receipt:v1","subject":[{"digest":{"sha256":"%(h)s"},"name":"checkpoint"}]}'
) % {"h": "05" * 32, "a": "02" * 20}


def row_seed(vector):
    schema = cbor_of_schema(vector["schema"])
    return len(schema).to_bytes(2, "big") + schema + bytes.fromhex(vector["row"])


def cbor_of_schema(schema):
    """The canonical form: FORMAT.md, section 2."""
    if isinstance(schema, str):
        return head(3, len(schema.encode())) + schema.encode()
    if isinstance(schema, int):
        return head(0, schema)
    return head(4, len(schema)) + b"".join(map(cbor_of_schema, schema))


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    size = 1 if value < 1 << 8 else 2
    return bytes([major << 5 | 23 + size]) + value.to_bytes(size, "big")


if __name__ == "__main__":
    main()
