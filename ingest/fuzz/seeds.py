#!/usr/bin/env python3
"""Writes seeds/ from the samples, from ../core/vectors and from the lists here: what the targets begin with. MIRA names
the built mira, by default target/debug/mira."""

import bz2
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT / "samples/data"
GOLDEN = ROOT / "samples/golden/v0/dataset"
NAMES = [  # of the target `any`, in its order
    "x", "x.csv", "x.tsv", "x.ndjson", "x.json", "x.parquet", "x.arrow", "x.arrows", "x.txt", "x.md", "x.csv.gz",
    "x.ndjson.zst", "x.csv.bz2", "x.zip", "x.json.gz", "x.bin",
]

CSV = {
    "quotes": b'a,b\n"x ""y""\n,z",1\n"",2\n,3\n',
    "line_ends": b"a,b\r\n1,2\r3,4\n5,6\r\n",
    "mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "one_column": b"a\n1\n\n3\n",
    "numbers": b"i,u,f,d\n-1,18446744073709551615,1e5,0.10000000000000001\n2,3,-0,123456789012345678901234567890.5\n",
    "moments": b"d,t,i\n2024-02-29,2024-02-29T23:59:59.123456789,2024-02-29 00:00:00+05:30\n,9999-12-31T00:00:00,2024-01-01T00:00:00Z\n",
    "identifiers": b"zip,phone\n00123,+49 30 1\n01234,5\n",
    "ragged": b"a,b\n1,2,3\n",
    "open_quote": b'a,b\n"1,2\n',
    "late_text": b"a\n1\n2\n3\n4\n5\n6\n7\nx\n",
    "bools": b"a,b\ntrue,false\n,true\n",
}
JSON = {
    "flat": b'{"a":1,"b":"x"}\n{"b":null,"a":2.5}\n',
    "nested": b'{"a":{"b":[1,null,3],"c":true},"d":[[],[1]]}\n',
    "numbers": b'{"a":123456789012345678901234567890}\n{"a":0.1}\n{"a":1e400}\n',
    "escapes": '{"a":"\\u00e9\\ud83d\\ude00\\n","é":"é"}\n'.encode(),
    "mixed": b'{"a":1}\n{"a":[1]}\n',
    "twice": b'{"a":1,"a":2}\n',
    "deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}\n",
    "moments": b'{"a":"2024-02-29","b":"2024-02-29T00:00:00Z"}\n',
    "line_ends": b'{"a":1}\r\n\n{"a":2}\r\n',
    "broken": b'{"a":1\n{"a":2}\n',
}


def put(target, name, data):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def put_any(name, file_name, data):
    put("any", name, bytes([NAMES.index(file_name)]) + data)


def lines(name, count):
    return b"".join((DATA / name).read_bytes().splitlines(keepends=True)[:count])


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def made_by_mira(csv, ndjson):
    """Parquet files of the built mira, for a few of the texts."""
    made = {}
    with tempfile.TemporaryDirectory() as place:
        def mira(*args):
            command = [os.environ.get("MIRA", ROOT / "target/debug/mira"), *args]
            environment = os.environ | {"MIRA_HOME": place + "/home"}
            return subprocess.run(command, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)

        mira("init")
        for kind, texts, chosen in [
            ("csv", csv, ["quotes", "numbers", "moments", "bools", "penguins"]),
            ("ndjson", ndjson, ["flat", "nested", "moments"]),
        ]:
            for name in chosen:
                file = f"{kind}-{name}"
                pathlib.Path(place, f"{file}.{kind}").write_bytes(texts[name])
                mira("add", f"{file}.{kind}")
                mira("get", file, "-o", f"{file}.parquet")
                made[f"{kind}_{name}"] = pathlib.Path(place, f"{file}.parquet").read_bytes()
    return made


def main():
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    csv = CSV | {"penguins": lines("penguins.csv", 12), "airlines": lines("airlines.csv", 6), "weather": lines("weather.csv", 6)}
    for name, data in csv.items():
        put("csv", name, b"\x06\x00" + data)
        put_any("csv_" + name, "x.csv", data)
    put("csv", "semicolons", b"\x06\x01a;b\n1;2\n")
    ndjson = JSON | {"humaneval": lines("humaneval.ndjson", 1)}
    for name, data in ndjson.items():
        put("json", name, b"\x06" + data)
        put_any("ndjson_" + name, "x.ndjson", data)
    put_any("array", "x.json", b'[{"a":1},\n {"a":[2,3]}]')
    put_any("tabs", "x.tsv", b"a\tb\n1\t2\n")
    put_any("utf16", "x.csv", "﻿a,b\n1,é\n".encode("utf-16-le"))
    put_any("latin", "x.csv", "name,city\nJosé,Köln\n".encode("latin-1"))
    put_any("unnamed", "x", b"a,b\n1,2\n")
    put_any("text", "x.txt", b"one\ntwo\n\nthree")
    put_any("card", "x.md", b"---\nlicense: mit\n---\n# Title\n\ntext\n")
    put_any("gzip", "x.csv.gz", gzip.compress(CSV["quotes"], mtime=0))
    put_any("bzip2", "x.csv.bz2", bz2.compress(CSV["quotes"]))
    put_any("gzip_json", "x.json.gz", gzip.compress(JSON["flat"], mtime=0))
    put_any("zip", "x.zip", zipped([("a.csv", CSV["quotes"]), ("b/c.csv", CSV["quotes"])]))
    put_any("zip_upwards", "x.zip", zipped([("../a.csv", CSV["quotes"])]))
    put_any("zip_bomb", "x.zip", zipped([("a.csv", b"a\n" + b"0" * 100_000)]))
    parquet = {"golden": (GOLDEN / "000000.parquet").read_bytes()}
    parquet |= made_by_mira(csv, ndjson)
    for name, data in parquet.items():
        put("parquet", name, data)
        put_any("parquet_" + name, "x.parquet", data)
    for name, data in parquet.items():
        text = re.search(rb"mira\.schema.{1,4}?(\[\[.*?\]\])[^],\[]", data, re.S)
        if text and name != "golden":
            put("chunk", name, text[1] + b"\0" + data)
    put("chunk", "golden", (GOLDEN / "physical.json").read_bytes().strip() + b"\0" + parquet["golden"])
    for path in sorted((HERE.parent / "core/vectors/physical").glob("*.json")):
        put("physical", path.stem, json.loads(path.read_text())["physical"].encode())


if __name__ == "__main__":
    main()
