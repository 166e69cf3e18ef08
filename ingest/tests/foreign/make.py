"""Files as another writer makes them, for the tests of reading: pyarrow's Parquet and Arrow.

    python3 -m venv venv && venv/bin/pip install pyarrow==26.0.1 && venv/bin/python make.py

The files are committed; making them again changes bytes (writer versions, encryption), never rows.
"""

import base64
import datetime as dt
import decimal
import json

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

D = decimal.Decimal
decimal.getcontext().prec = 100
UTC = dt.timezone.utc

# The same ten rows in every format, every third value null.
TEN = [
    {
        "id": 2**63 + row if row == 9 else row - 3,
        "name": None if row % 3 == 1 else ["", "a,\"b\"", "line\nend", "é", "NaN", "null", "7"][row % 7],
        "price": None if row % 3 == 2 else D(row * 12345).scaleb(-2),
        "at": None if row % 3 == 0 else dt.datetime(2024, 2, 29, 23, 59, row, 1000 * row, tzinfo=UTC),
        "tags": None if row == 4 else ["x", None, ""][: row % 4],
        "ok": None if row == 5 else row % 2 == 0,
        "ratio": None if row == 6 else row / 8,
        "day": dt.date(1969, 12, 31) + dt.timedelta(days=row),
        "point": None if row == 8 else {"x": row, "y": None if row == 7 else str(row)},
    }
    for row in range(10)
]
TEN_TYPES = pa.schema(
    [
        ("id", pa.uint64()),
        ("name", pa.string()),
        ("price", pa.decimal128(12, 2)),
        ("at", pa.timestamp("ms", "Europe/Paris")),
        ("tags", pa.list_(pa.string())),
        ("ok", pa.bool_()),
        ("ratio", pa.float64()),
        ("day", pa.date32()),
        ("point", pa.struct([("x", pa.int32()), ("y", pa.string())])),
    ]
)
for row in TEN:
    row["id"] = abs(row["id"])
TEN_SCHEMA = (
    '[["id","int"],["name","text"],["price",["decimal",2]],["at","instant"],["tags",["list","text"]],["ok","bool"],'
    '["ratio","float"],["day","date"],["point",["struct",[["x","int"],["y","text"]]]]]'
)


def spelled(value):
    """A value as JSON spells it, decimals as numbers."""
    match value:
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case D():
            return Number(value)
    return value


class Number(float):
    def __new__(cls, value):
        self = super().__new__(cls, value)
        self.text = f"{value:f}"
        return self

    def __repr__(self):
        return self.text




def to_json(value, **how):
    return json.dumps(value, ensure_ascii=False, **how)


def cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        value = to_json(value)
    if isinstance(value, Number):
        return repr(value)
    text = str(value)
    return text if text and not set(text) & set('",\n\t') else '"' + text.replace('"', '""') + '"'


def write(name, text):
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def ten():
    rows = [{name: spelled(value) for name, value in row.items()} for row in TEN]
    for delimiter, name in [(",", "ten.csv"), ("\t", "ten.tsv")]:
        lines = [delimiter.join(rows[0])] + [delimiter.join(map(cell, row.values())) for row in rows]
        write(name, "".join(line + "\n" for line in lines))
    # repr of a float is what json.dumps asks for, but only of plain floats.
    plain = [to_json(mark(row)) for row in rows]
    write("ten.ndjson", "".join(unmark(line) + "\n" for line in plain))
    write("ten_array.json", unmark(to_json([mark(row) for row in rows])))
    write("ten_pretty.json", unmark("\n".join(to_json(mark(row), indent=2) for row in rows)) + "\n")
    write("ten_schema.json", TEN_SCHEMA + "\n")
    table = pa.Table.from_pylist(TEN, TEN_TYPES)
    pq.write_table(table, "ten.parquet", row_group_size=4)
    feather.write_feather(table, "ten.feather", compression="lz4", chunksize=3)
    with pa.ipc.new_stream("ten.arrows", TEN_TYPES, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table, max_chunksize=3)


def mark(row):
    return {name: f"#{value!r}#" if isinstance(value, Number) else value for name, value in row.items()}


def unmark(text):
    return text.replace('"#', "").replace('#"', "")


def nulled(values, ty):
    return pa.array([values[0], None, values[1]], ty)


def columns():
    """Every type that Arrow has a rule for, by name: three rows, the one in the middle null."""
    when = [dt.datetime(2024, 2, 29, 23, 59, 59), dt.datetime(1969, 12, 31, 0, 0, 1)]
    span = [dt.timedelta(days=1, seconds=1), dt.timedelta(seconds=-1)]
    found = {
        "bool": nulled([True, False], pa.bool_()),
        "float16": nulled([1.5, -0.25], pa.float16()),
        "float32": nulled([0.1, -1e30], pa.float32()),
        "float64": nulled([0.1, float("nan")], pa.float64()),
        "fixed": nulled([b"abc", b"\x00\xff."], pa.binary(3)),
        "binary": nulled([b"", b"\xff"], pa.binary()),
        "large_binary": nulled([b"", b"\xff"], pa.large_binary()),
        "string": nulled(["é", ""], pa.string()),
        "large_string": nulled(["é", ""], pa.large_string()),
        "date32": nulled([when[0].date(), when[1].date()], pa.date32()),
        "date64": nulled([when[0].date(), when[1].date()], pa.date64()),
        "time32s": nulled([when[0].time(), when[1].time()], pa.time32("s")),
        "time32ms": nulled([when[0].time(), when[1].time()], pa.time32("ms")),
        "time64us": nulled([when[0].time(), when[1].time()], pa.time64("us")),
        "time64ns": nulled([when[0].time(), when[1].time()], pa.time64("ns")),
        "decimal9": nulled([D("1.50"), D("-9999999.99")], pa.decimal128(9, 2)),
        "decimal38": nulled([D("1.5"), D("-" + "9" * 38).scaleb(-10)], pa.decimal128(38, 10)),
        "decimal76": nulled([D("1.5"), D("-" + "9" * 76).scaleb(-10)], pa.decimal256(76, 10)),
        "list": nulled([[1, None], []], pa.list_(pa.int8())),
        "large_list": nulled([["a"], []], pa.large_list(pa.string())),
        "fixed_list": nulled([[1, 2], [3, None]], pa.list_(pa.int64(), 2)),
        "map": nulled([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
        "struct": nulled([{"a": [{"b": 1}]}, {"a": None}], pa.struct([("a", pa.list_(pa.struct([("b", pa.int16())])))])),
        "dictionary": nulled(["x", "y"], pa.string()).dictionary_encode(),
    }
    for bits in (8, 16, 32, 64):
        found[f"int{bits}"] = nulled([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1], getattr(pa, f"int{bits}")())
        found[f"uint{bits}"] = nulled([0, 2**bits - 1], getattr(pa, f"uint{bits}")())
    for unit in ("s", "ms", "us", "ns"):
        found[f"timestamp_{unit}"] = nulled(when, pa.timestamp(unit))
        found[f"instant_{unit}"] = nulled([at.replace(tzinfo=UTC) for at in when], pa.timestamp(unit, "Asia/Kolkata"))
        found[f"duration_{unit}"] = nulled(span, pa.duration(unit))
    return found


def types():
    table = pa.table(columns())
    pq.write_table(table, "types.parquet")
    split = {"float16": "BYTE_STREAM_SPLIT", "float64": "BYTE_STREAM_SPLIT", "int32": "BYTE_STREAM_SPLIT"}
    split |= {"string": "DELTA_BYTE_ARRAY", "binary": "DELTA_LENGTH_BYTE_ARRAY", "int64": "DELTA_BINARY_PACKED"}
    split |= {"fixed": "BYTE_STREAM_SPLIT"}
    pq.write_table(table, "types_encodings.parquet", use_dictionary=False, column_encoding=split, compression="brotli",
                   data_page_version="2.0")
    more = {
        "string_view": nulled(["é", "longer than twelve bytes"], pa.string_view()),
        "binary_view": nulled([b"", b"longer than twelve bytes"], pa.binary_view()),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None])),
        "null": pa.nulls(3),
        "decimal32": nulled([D("1.5"), D("-0.1")], pa.decimal32(5, 1)),
        "decimal64": nulled([D("1.5"), D("-0.1")], pa.decimal64(15, 1)),
    }
    table = pa.table(columns() | more)
    with pa.ipc.new_file("types.arrow", table.schema) as file:
        file.write_table(table)
    for name in ("int96.parquet",):
        table = pa.table({"at": nulled([dt.datetime(2024, 2, 29, 23, 59, 59, 7), dt.datetime(1700, 1, 1)], pa.timestamp("ns"))})
        pq.write_table(table, name, use_deprecated_int96_timestamps=True)


class Kms(encryption.KmsClient):
    """Keeps a sample key nowhere: wraps by base64, which is enough to make a file that is encrypted."""

    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key_bytes, _):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, _):
        return base64.b64decode(wrapped_key)


def encrypted():
    factory = encryption.CryptoFactory(Kms)
    table = pa.table({"x": [1, 2, 3]})
    for name, plain in [("encrypted_footer.parquet", False), ("encrypted_column.parquet", True)]:
        config = encryption.EncryptionConfiguration(footer_key="f", column_keys={"c": ["x"]}, plaintext_footer=plain)
        keys = factory.file_encryption_properties(encryption.KmsConnectionConfig(), config)
        with pq.ParquetWriter(name, table.schema, encryption_properties=keys) as writer:
            writer.write_table(table)


ten()
types()
encrypted()
