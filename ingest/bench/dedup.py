"""How much of an edited table is new: 3 % of lineitem's rows inserted, deleted or changed, in a number of runs."""

import argparse
import random
import shutil
import sys

import duckdb
from figures import LINEITEM, answer, arguments, lineitem, lineitem_schema, workspace

SHARE = 0.03
SQL_TYPES = {"int": "BIGINT", "text": "VARCHAR", "date": "DATE"}


def runs_of(rows, count, seed):
    """`count` runs of rows that do not touch, SHARE of all together: (first, length), in order."""
    length = round(rows * SHARE / count)
    slots = sorted(random.Random(seed).sample(range(rows // (2 * length)), count))
    return [(slot * 2 * length, length) for slot in slots]


def changed(line):
    """The row with another comment; its key stays."""
    row = line.rstrip(b"\n")
    return row[:-1] + b' revised"\n' if row.endswith(b'"') else row + b" revised\n"


def inserted(line):
    """A row with a key that no row has, to stand before this one."""
    return b"9" + changed(line)


def edited(source, target, runs, kind):
    """Writes the table with the runs changed, deleted, or with as many new rows before each of theirs."""
    runs = iter([*runs, (sys.maxsize, 0)])
    first, length = next(runs)
    with source.open("rb") as lines, target.open("wb", buffering=1 << 20) as out:
        out.write(next(lines))
        for row, line in enumerate(lines):
            if row >= first + length:
                first, length = next(runs)
            if row < first:
                out.write(line)
            elif kind == "update":
                out.write(changed(line))
            elif kind == "insert":
                out.write(inserted(line) + line)


def resent(table, target):
    """The same rows in another format, by DuckDB."""
    types = {name: SQL_TYPES.get(ty) if isinstance(ty, str) else f"DECIMAL(15,{ty[1]})" for name, ty in LINEITEM}
    rows = duckdb.sql(f"FROM read_csv('{table}', columns = {types}, header = true)")
    form = "(FORMAT json)" if target.suffix == ".ndjson" else "(FORMAT parquet, COMPRESSION zstd)"
    duckdb.sql(f"COPY rows TO '{target}' {form}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--scale", type=int, default=1)
    args = arguments(parser)
    table, schema = lineitem(args.cache, args.scale), lineitem_schema(args.cache)
    with workspace(args.mira, args.cache) as (env, place):

        def add(path):
            return answer([args.mira, "add", path, "--name", "lineitem", "--schema", schema], env)

        base = add(table)
        shutil.copytree(place / "ws", place / "base")
        print(f"lineitem.csv: {base['rows']} rows, {base['total_bytes'] / 1e6:.1f} MB in {len(base['chunks'])} chunks")

        def show(label, made):
            share = int(made["new_bytes"]) / int(made["total_bytes"])
            print(f"  {label:<28} new {int(made['new_bytes']) / 1e6:7.2f} of {int(made['total_bytes']) / 1e6:.1f} MB, "
                  f"ratio {share:.4f}")

        def fresh():
            shutil.rmtree(place / "ws")
            shutil.copytree(place / "base", place / "ws")

        path = place / "edited.csv"
        for kind in ("update", "insert", "delete"):
            for runs in args.runs:
                edited(table, path, runs_of(int(base["rows"]), runs, f"{kind} {runs}"), kind)
                fresh()
                show(f"{kind}, {runs} run{'s' if runs > 1 else ''}", add(path))
        edited(table, path, runs_of(int(base["rows"]), 10, "formats"), "update")
        roots = set()
        for form in ("csv", "parquet", "ndjson"):
            again = place / f"again.{form}"
            if form == "csv":
                path.rename(again)
                path = again
            else:
                resent(path, again)
            fresh()
            made = add(again)
            roots.add(made["root"])
            show(f"update, 10 runs, as {form}", made)
        if len(roots) != 1:
            sys.exit(f"one table, {len(roots)} roots: {roots}")


main()
