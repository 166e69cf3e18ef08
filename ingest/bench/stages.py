"""Every stage of one table's way: `mira add`, `fsck` (each row and byte verified), `pin`, `get`; against DuckDB's copy
and `ipfs add` of the same bytes. Each is a process of its own, in turn, in one run."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import urllib.parse

from add import DUCKDB
from figures import arguments, init, lineitem, lineitem_schema, measure, tree_size, workspace

IPFS_ADD = ["add", "--quiet", "--recursive", "--cid-version=1", "--raw-leaves", "--chunker=size-1048576", "--max-file-links=1024"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1)
    args = arguments(parser)
    kubo, ipfs = os.environ.get("MIRA_TEST_KUBO"), os.environ.get("MIRA_TEST_IPFS")
    if not kubo:
        sys.exit("MIRA_TEST_KUBO and MIRA_TEST_IPFS name no node: run this through run.sh")
    node = [ipfs, "--api", f"/ip4/127.0.0.1/tcp/{urllib.parse.urlsplit(kubo).port}"]
    table, schema = lineitem(args.cache, args.scale), lineitem_schema(args.cache)
    figures = {}
    with workspace(args.mira, args.cache) as (env, place):
        env["MIRA_KUBO"] = kubo
        mira = str(args.mira)
        chunks, objects = place / "chunks", place / "ws/.mira/store/objects"

        def run(name, command):
            figures.setdefault(name, []).append(measure(command, env))

        def forget():
            """Nothing that a run before this one left may help it."""
            pinned = subprocess.run([*node, "pin", "ls", "--type=recursive", "-q"], env=env, capture_output=True, text=True)
            for cid in pinned.stdout.split():
                subprocess.run([*node, "pin", "rm", cid], env=env, check=True, capture_output=True)
            subprocess.run([*node, "repo", "gc", "--quiet"], env=env, check=True, capture_output=True)

        for _ in range(args.runs):
            shutil.rmtree(place / "ws", ignore_errors=True)
            shutil.rmtree(chunks, ignore_errors=True)
            init(mira, env)
            run("mira add", [mira, "add", table, "--schema", schema, "--license", "CC0-1.0", "-q"])
            copy = [sys.executable, "-c", DUCKDB, table, place / "out.parquet", str(args.threads), "empty"]
            run("duckdb copy", copy)
            run("mira fsck", [mira, "fsck", "-q"])
            run("mira get parquet", [mira, "get", "lineitem", "-o", place / "again.parquet", "--force", "-q"])
            forget()
            run("mira pin", [mira, "pin", "lineitem", "-q"])
            forget()
            shutil.copytree(objects, chunks)
            run("ipfs add", [*node, *IPFS_ADD, chunks])
            forget()
        size = {"mira add": tree_size(objects), "duckdb copy": (place / "out.parquet").stat().st_size,
                "mira get parquet": (place / "again.parquet").stat().st_size}
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    print(f"{table.name}, scale {args.scale}, {table.stat().st_size / 1e6:.0f} MB, {args.threads} threads, medians of {args.runs} runs")
    print("| process | wall, s | CPU, s | peak, MiB | bytes, MB | wall, ratio |")
    print("|---|---|---|---|---|---|")
    against = {"mira add": "duckdb copy", "mira fsck": "mira add", "mira pin": "ipfs add", "mira get parquet": "mira add"}
    for name, (wall, cpu, peak) in medians.items():
        written = size.get(name, size["mira add"])
        other = against.get(name)
        ratio = f"{wall / medians[other][0]:.2f} of {other}" if other else ""
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {written / 1e6:.1f} | {ratio} |")


main()
