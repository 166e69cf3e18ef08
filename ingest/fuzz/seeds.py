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


ENCODED = {  # of the target `encoding`: the index of the label there, and the text
    "found_utf8": (0, "a\né\n".encode()),
    "found_mark": (0, "\ufeffa\r\né\n".encode("utf-16-be")),
    "found_utf16": (0, "name\nvalue\n".encode("utf-16-le")),
    "found_latin": (0, "José\nKöln, Düsseldorf\n".encode("latin-1")),
    "found_big5": (0, "中文資料\n臺北市\n".encode("big5")),
    "utf16": (2, "\ufeffa\n\U0001f600\n".encode("utf-16-le")),
    "utf16le_lone": (3, b"a\x00\x00\xd8\n\x00"),
    "utf16be": (4, "a\nb".encode("utf-16-be")),
    "ascii_not": (5, b"a\n\x80\n"),
    "latin": (6, b"a\n\x80\xff\n"),
    "windows_1252": (7, b"a\n\x80\x81\n"),
    "windows_1253": (8, b"a\n\xe1\xd2\n"),
    "big5": (9, "臺\n\u8a31".encode("big5")),
    "gbk": (10, "汉字\n".encode("gbk")),
    "gb18030": (11, "\ufffd\U0001f600\n".encode("gb18030")),
    "shift_jis": (12, "日本\nｱ\n".encode("shift_jis")),
    "euc_jp": (13, "日本\n".encode("euc_jp")),
    "euc_kr": (14, "한국\n".encode("euc_kr")),
    "iso_2022_jp": (15, "日\na\n".encode("iso2022_jp")),
    "iso_2022_jp_cut": (15, b"\x1b$B"),
}
LICENSES = [
    "MIT", "MIT OR Apache-2.0", "(MIT AND BSD-3-Clause) OR GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2.0+",
    "Apache-2.0+", "LicenseRef-own", "DocumentRef-x:LicenseRef-y", "NOASSERTION", "NONE", "mit", "cc-by-4.0", "other\nOur terms",
    "other\nMIT", "unknown", "llama3", "openrail", "gpl", "Apache 2.0", "MIT OR", "((MIT))", "GPL-2.0-with-GCC-exception",
]
CID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"  # raw, of "hello"
KUBO = {  # of the target `kubo`: the call, and the body of the answer
    "version": (0, b'{"Version":"0.43.1","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.25"}\n'),
    "block_stat": (1, b'{"Key":"%s","Size":5}\n' % CID.encode()),
    "dag_stat": (2, b'{"TotalSize":5,"UniqueBlocks":1,"DagStats":[{"Cid":"%s","Size":5,"NumBlocks":1}]}\n' % CID.encode()),
    "import": (3, b'{"Root":{"Cid":{"/":"%s"},"PinErrorMsg":""}}\n{"Stats":{"BlockCount":1,"BlockBytesCount":5}}\n' % CID.encode()),
    "import_cut": (3, b'{"Stats":{"BlockCount":1,"Block'),
    "add": (4, b'{"Name":"dataset.car","Hash":"%s","Size":"5"}\n' % CID.encode()),
    "pinned": (5, b'{"Keys":{"%s":{"Type":"recursive"}}}\n' % CID.encode()),
    "pinned_within": (5, b'{"Keys":{"%s":{"Type":"indirect through %s"}}}\n' % (CID.encode(), CID.encode())),
    "pinned_as": (6, b'{"Keys":{"%s":{"Type":"recursive","Name":"a"},"x":{"Type":"recursive","Name":"a"}}}\n' % CID.encode()),
    "pinned_none": (6, b"{}\n"),
    "cat": (7, b"hello"),
    "cat_long": (7, b"hello" * 21),
    "unpin": (8, b'{"Pins":["%s"]}\n' % CID.encode()),
}
RAW = {  # the same, as all of an answer
    "refused": (5, b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\r\n"
                   b'{"Message":"path is not pinned","Code":0,"Type":"error"}'),
    "not_found": (3, b"HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n"),
    "trailer": (3, b"HTTP/1.1 200 OK\r\nTrailer: X-Stream-Error\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"32\r\n" b'{"Stats":{"BlockCount":1,"BlockBytesCount":5}}    ' b"\r\n0\r\nX-Stream-Error: broke\r\n\r\n"),
    "chunk_too_long": (0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"),
    "length_too_long": (0, b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx"),
    "two_lengths": (0, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
    "elsewhere": (0, b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
    "no_http": (0, b"SSH-2.0-x\r\n"),
    "continue": (4, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"),
}
GATEWAY = {  # of the target `gateway`: steps of the CAR, and of a block
    "car": (b"\xf0\xf2\xf3\xf4\xf5", b""),
    "car_backwards": (b"\xf0\xf2\xf5\xf4\xf3", b""),
    "car_twice": (b"\xf0\xf2\xf3\xf4\xf4\xf5", b""),
    "car_cut": (b"\xf0\xf2\xf3\xf4", b""),
    "car_without_header": (b"\xf0\xf3\xf4", b""),
    "car_frame_too_long": (b"\xf0\xf2\x05\xff\xff\xff\xff\x0f", b""),
    "car_header_too_long": (b"\xf0\x05\xff\xff\xff\xff\x0f", b""),
    "car_of_others": (b"\xf0\xf2\x26\x25\x01\x55\x12\x20" + b"\x00" * 34, b""),
    "no_car": (b"\x1c" + b"HTTP/1.1 404 Not Found\r\n\r\nno", b"\xf1\xf6"),
    "other_leaf": (b"", b"\xf1\xf7"),
    "block_too_long": (b"", b"\xf1\xf6\xf6\xf6"),
    "later": (b"", b"\x3d" + b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 4000000000\r\n\r\n"),
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
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def made_by_mira(csv, ndjson):
    """Parquet and Arrow files of the built mira, for a few of the texts, and a report."""
    made, arrow = {}, {}
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
                mira("get", file, "-o", f"{file}.arrow")
                arrow[f"{kind}_{name}"] = pathlib.Path(place, f"{file}.arrow").read_bytes()
    return made, arrow


def stream(file):
    """An Arrow file's messages as a stream: what stands between its first eight bytes and its footer."""
    end = b"\xff\xff\xff\xff\0\0\0\0"
    return file[8 : file.rindex(end) + len(end)]


def main():
    # What a fuzzer found (fuzzed_…) stays.
    for path in (HERE / "seeds").glob("*/*"):
        if not path.name.startswith("fuzzed_"):
            path.unlink()
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
    made, arrow = made_by_mira(csv, ndjson)
    parquet |= made
    for name, data in arrow.items():
        put("arrow", name, data)
        put("arrow", name + "_stream", stream(data))
    for name, data in parquet.items():
        put("parquet", name, data)
        put_any("parquet_" + name, "x.parquet", data)
    for name, data in parquet.items():
        text = re.search(rb"mira\.schema.{1,4}?(\[\[.*?\]\])[^],\[]", data, re.S)
        if text and name != "golden":
            put("chunk", name, text[1] + b"\0" + data)
            put("statistics", name, text[1] + b"\0" + data)
    golden = (GOLDEN / "physical.json").read_bytes().strip() + b"\0" + parquet["golden"]
    put("chunk", "golden", golden)
    put("statistics", "golden", golden)
    for path in sorted((HERE.parent / "core/vectors/physical").glob("*.json")):
        put("physical", path.stem, json.loads(path.read_text())["physical"].encode())
    for path in sorted((HERE.parent / "core/vectors/reports").glob("*.json")):
        put("report", path.stem, json.loads(path.read_text())["report"].encode())
    for name, (label, data) in ENCODED.items():
        put("encoding", name, bytes([label, 2]) + data)
    for number, name in enumerate(LICENSES):
        put("license", f"{number:02}", name.encode())
    put_packed()
    for name, (call, body) in KUBO.items():
        put("kubo", name, bytes([call]) + body)
    for name, (call, answer) in RAW.items():
        put("kubo", "raw_" + name, bytes([0x80 | call]) + answer)
    for name, (car, block) in GATEWAY.items():
        put("gateway", name, bytes([len(car)]) + car + block)


def put_packed():
    text = b"one\ntwo\n"
    packed = {
        "gzip": (0, gzip.compress(text, mtime=0)),
        "gzip_twice": (0, gzip.compress(text, mtime=0) * 2),
        "gzip_and_more": (0, gzip.compress(text, mtime=0) + b"more"),
        "gzip_cut": (0, gzip.compress(text, mtime=0)[:-3]),
        "gzip_bomb": (0, gzip.compress(bytes(1 << 21), mtime=0)),
        # A frame with the text as it is: magic, a descriptor, 8 bytes of content, one raw block that is the last.
        "zstd": (1, b"\x28\xb5\x2f\xfd\x20\x08\x41\x00\x00" + text),
        "zstd_window": (1, b"\x28\xb5\x2f\xfd\x00\xff\x41\x00\x00" + text),
        "zstd_runs": (1, b"\x28\xb5\x2f\xfd\x00\x58" + b"\x02\x00\x10\x0a" * 15 + b"\x03\x00\x10\x0a"),
        "bzip2": (2, bz2.compress(text)),
        "bzip2_bomb": (2, bz2.compress(bytes(1 << 21))),
        "zip": (3, zipped([("a.txt", text), ("b/c.txt", text)])),
        "zip_in_zip": (3, zipped([("a.zip", zipped([("a.txt", text)]))])),
        "zip_upwards": (3, zipped([("../a.txt", text)])),
        "zip_absolute": (3, zipped([("/a.txt", text)])),
        "zip_twice": (3, zipped([("a.txt", text), ("A.txt", text)])),
        "zip_bomb": (3, zipped([("a.txt", bytes(1 << 21))])),
        "zip_link": (3, zipped_link()),
    }
    for name, (kind, data) in packed.items():
        put("packed", name, bytes([kind]) + data)


def zipped_link():
    out, link = io.BytesIO(), zipfile.ZipInfo("a.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


if __name__ == "__main__":
    main()
