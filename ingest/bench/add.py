"""Times `mira add` against DuckDB's CSV to Parquet (zstd), each as a process of its own, in turn."""

import argparse
import pathlib
import shutil
import statistics
import sys

from figures import answer, arguments, flights, init, lineitem, lineitem_schema, measure, tree_size, workspace

DUCKDB = """
import duckdb, sys
con = duckdb.connect()
con.execute("SET threads = %d" % int(sys.argv[3]))
source = "read_csv(?, nullstr = ['NA', ''])" if sys.argv[4] == "na" else "read_csv(?)"
con.execute("COPY (FROM " + source + ") TO '" + sys.argv[2] + "' (FORMAT parquet, COMPRESSION zstd)", [sys.argv[1]])
"""

def compare(mira, data, schema, runs, threads):
    """Runs both in turn; prints medians and the ratio pair by pair."""
    null = "na" if data.name == "flights.csv" else "empty"
    rows = {"mira": [], "duckdb": []}
    with workspace(mira, data.parent) as (env, place):
        for run in range(runs + 1):  # the first warms the page cache and does not count
            shutil.rmtree(place / "ws", ignore_errors=True)
            init(mira, env)
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
        count = answer([mira, "show", "bench"], env)["payload"]["predicate"]["rows"]
        stored = tree_size(place / "ws/.mira/store/objects")
        copied = (place / "out.parquet").stat().st_size
    for name, size in (("mira", stored), ("duckdb", copied)):
        wall, cpu, peak = (statistics.median(column) for column in zip(*rows[name]))
        print(f"  {name:<7} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.0f} MiB  "
              f"{count / wall / 1e6:5.2f} M rows/s  {size / 1e6:7.1f} MB")
    ratios = sorted(a[0] / b[0] for a, b in zip(rows["mira"], rows["duckdb"]))
    print(f"  ratio of wall times: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--schema", action="store_true", help="lineitem with a given schema only")
    parser.add_argument("--scale", type=int, default=1, help="scale factor of lineitem: 13 is a file of 10 GB")
    parser.add_argument("--data", type=pathlib.Path, help="another CSV file, with inference")
    args = arguments(parser)
    if args.data:
        cases = [(args.data, None)]
    else:
        schema, table = lineitem_schema(args.cache), lineitem(args.cache, args.scale)
        cases = [(table, schema)] if args.schema else [(flights(args.cache), None), (table, schema), (table, None)]
    for data, schema in cases:
        print(f"{data.name}, {'--schema' if schema else 'types inferred'}, {args.threads} threads, {args.runs} runs")
        compare(args.mira, data.resolve(), schema, args.runs, args.threads)


if __name__ == "__main__":
    main()
