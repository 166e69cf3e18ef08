"""100,000 small files as one dataset, against DuckDB in turn: as one table of rows, and as a table of files with their bytes."""

import argparse
import itertools
import shutil
import statistics
import subprocess
import sys

from figures import answer, arguments, init, lineitem, measure, workspace

ROWS_PER_FILE = 20
DUCKDB = {
    "rows": "SELECT * FROM read_csv('%s/*/*.csv')",
    "files": "SELECT filename, content FROM read_blob('%s/*/*.csv')",
}
COPY = """
import duckdb, sys
con = duckdb.connect()
con.execute("SET threads = %d" % int(sys.argv[1]))
con.execute("COPY (" + sys.argv[2] + ") TO '" + sys.argv[3] + "' (FORMAT parquet, COMPRESSION zstd)")
"""


def small_files(cache, count):
    """The first rows of lineitem, 20 to a file, a thousand files to a folder; made once."""
    folder = cache / f"small-files-{count}"
    if not folder.exists():
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        with open(lineitem(cache)) as table:
            header = next(table)
            for number in range(count):
                path = making / f"{number // 1000:04}" / f"{number:06}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(header + "".join(itertools.islice(table, ROWS_PER_FILE)))
        making.rename(folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    args = arguments(parser)
    folder = small_files(args.cache, args.count)
    size = int(subprocess.run(["du", "-sb", folder], check=True, capture_output=True, text=True).stdout.split()[0])
    print(f"{args.count} files, {size / 1e6:.0f} MB, {args.threads} threads, medians of {args.runs} runs after one that warms")
    for name, select in DUCKDB.items():
        figures = {"mira": [], "duckdb": []}
        with workspace(args.mira, args.cache) as (env, place):
            for run in range(args.runs + 1):
                shutil.rmtree(place / "ws", ignore_errors=True)
                init(args.mira, env)
                source = [f"{folder}/*/*.csv"] if name == "rows" else [folder, "--format", "files"]
                add = [args.mira, "add", *source, "--name", "bench", "--threads", str(args.threads), "-q"]
                copy = [sys.executable, "-c", COPY, str(args.threads), select % folder, str(place / "out.parquet")]
                for side, command in (("mira", add), ("duckdb", copy)):
                    figure = measure(command, env)
                    if run:
                        figures[side].append(figure)
            rows = answer([args.mira, "show", "bench"], env)["payload"]["predicate"]["rows"]
        print(f"as {name}: {rows} rows")
        medians = {side: [statistics.median(column) for column in zip(*runs)] for side, runs in figures.items()}
        for side, (wall, cpu, peak) in medians.items():
            print(f"  {side:<7} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {peak:6.0f} MiB")
        print(f"  ratio of wall times: {medians['mira'][0] / medians['duckdb'][0]:.2f}")


main()
