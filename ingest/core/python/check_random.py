"""Compares random tables with a mira binary: python check_random.py MIRA_BINARY [SEED [COUNT]]

Each table is written as Parquet, CSV or NDJSON and added to a new workspace by `mira add --json`. Its dataset is
computed again from what pyarrow (or `mira_format.reading`) reads from that file, never from what mira stored, and
compared: schema_id, root, rows, and rows and root of each chunk; where one side refuses a table, the other must, too.
At the end the stored chunk files of all tables are checked as check_dataset.py does, and proofs of some rows verified.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import random_tables
from check_dataset import Checker, Report, files_of_workspace
from mira_format import Refused, arrow, datasets, physical, proofs, reading, rows, schema
from mira_format.policies import parse_policy

FORMATS = ("parquet", "parquet", "parquet", "csv", "ndjson")
LARGE_EVERY = 60
WORKSPACES = 4
PROOFS = 3

Answer = dict[str, Any]


@dataclass
class Run:
    binary: Path
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    added: list[tuple[str, list[bytes]]] = field(default_factory=list)
    """Names and canonical rows of the datasets that both sides accept."""

    def mira(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "MIRA_HOME": str(self.folder / "home")}
        return subprocess.run(
            [str(self.binary), *arguments], cwd=self.folder, env=environment, capture_output=True, encoding="utf-8"
        )


# Files


def write_parquet(rng: Random, table: pa.Table, path: Path) -> None:
    """Writes with random options; pyarrow refuses some types, and those that it does are left to the caller."""
    whole = len(table) >= 100 or random_tables.has_views(table.schema)
    pq.write_table(
        table,
        path,
        row_group_size=rng.choice((1, 5, 1_000)) if not whole else 1_000,
        version=rng.choice(("1.0", "2.4", "2.6")) if not _has_nanoseconds(table.schema) else "2.6",
        data_page_version=rng.choice(("1.0", "2.0")),
        compression=rng.choice(("none", "snappy", "zstd", "gzip")),
        use_dictionary=rng.random() < 0.5,
        store_schema=rng.random() < 0.8,
        write_batch_size=rng.choice((3, 1_024)) if not whole else 1_024,
    )


def _has_nanoseconds(columns: pa.Schema) -> bool:
    """Older versions of Parquet would round them."""
    return "ns" in str(columns)


def write_table(rng: Random, path: Path, form: str, large: bool) -> list[Path]:
    """One table in one file or two."""
    if form != "parquet":
        path.write_bytes(random_tables.csv_file(rng) if form == "csv" else random_tables.ndjson_file(rng))
        return [path]
    table = random_tables.large_table(rng) if large else random_tables.table(rng)
    whole = len(table) == 1 or random_tables.has_views(table.schema)
    split = len(table) if whole or rng.random() < 0.8 else rng.randint(1, len(table) - 1)
    write_parquet(rng, table.slice(0, split), path)
    if split == len(table):
        return [path]
    second = path.with_name("b-" + path.name)
    write_parquet(rng, table.slice(split), second)
    return [path, second]


# The dataset that FORMAT.md makes of files


def read_files(paths: list[Path], form: str) -> tuple[schema.Schema, list[tuple[Any, ...]]]:
    if form == "csv":
        return reading.infer_table(*reading.read_csv(paths[0].read_bytes()))
    if form == "ndjson":
        return reading.infer_table(*reading.read_ndjson(paths[0].read_bytes()))
    tables = [pq.ParquetFile(path).read() for path in paths]
    columns = [arrow.logical_schema(table.schema) for table in tables]
    if any(other != columns[0] for other in columns):
        raise Refused("the files have different schemas")
    return columns[0], [row for table in tables for row in arrow.table_rows(table)]


def expected(paths: list[Path], form: str) -> Answer:
    columns, values = read_files(paths, form)
    if not values:
        raise Refused("a dataset has a row")
    physical.check_storable(columns, values)
    written = list(map(rows.row_encoder(columns), values))
    found = datasets.commit(schema.schema_id(columns), written)
    return {
        "schema": columns,
        "written": written,
        "schema_id": found.schema_id.hex(),
        "root": found.dataset_id.hex(),
        "rows": found.rows,
        "chunks": [(chunk.rows, chunk.row_root.hex()) for chunk in found.chunks],
    }


# Comparing


def compare(wanted: Answer | str, answer: Answer | str) -> list[str]:
    """What differs between the dataset computed here and mira's answer; text is a refusal."""
    if isinstance(wanted, str) or isinstance(answer, str):
        same = isinstance(wanted, str) and isinstance(answer, str)
        return [] if same else [f"here: {_brief(wanted)}", f"mira: {_brief(answer)}"]
    found = {key: answer[key] for key in ("schema_id", "root", "rows")}
    found["chunks"] = [(chunk["rows"], chunk["root"]) for chunk in answer["chunks"]]
    differences = [f"{key}: here {wanted[key]}, mira {found[key]}" for key in found if wanted[key] != found[key]]
    return differences + ([f"schema here: {wanted['schema']}"] if differences else [])


def _brief(value: Answer | str) -> str:
    return f"refused: {value[:500]}" if isinstance(value, str) else f"accepted: {value.get('schema')}"


def check_one(run: Run, rng: Random, index: int) -> list[str]:
    large = index % LARGE_EVERY == LARGE_EVERY - 1
    form = "parquet" if large else rng.choice(FORMATS)
    path = run.folder / f"t{index}.{form}"
    try:
        paths = write_table(rng, path, form, large)
        wanted: Answer | str = expected(paths, form)
    except pa.ArrowException as error:
        run.counts[f"not written or read by pyarrow ({str(error)[:70]})"] += 1
        return []
    except Refused as error:
        wanted = str(error)
    done = run.mira("add", *(item.name for item in paths), "--name", f"t{index}", "--license", "CC0-1.0", "--json")
    if done.returncode < 0 or done.returncode > 100:
        return [f"mira ended with {done.returncode}: {done.stderr[-500:]}"]
    answer: Answer | str = json.loads(done.stdout) if done.returncode == 0 else done.stderr + done.stdout
    run.counts[form] += 1
    if isinstance(wanted, str):
        run.counts["refused by both" if isinstance(answer, str) else "refused here"] += 1
    else:
        run.counts.update(rows=wanted["rows"], columns=len(wanted["schema"]), chunks=len(wanted["chunks"]))
        if not isinstance(answer, str):
            run.added.append((f"t{index}", wanted["written"]))
    return compare(wanted, answer)


def check_stored(run: Run) -> Report:
    """The chunk files that mira stored, against their manifests."""
    report = Report()
    for _, files in files_of_workspace(run.folder):
        Checker(files, report).run()
    return report


def check_proofs(run: Run, rng: Random) -> list[str]:
    """Proofs that mira makes of some rows: verified, and of the rows computed here."""
    run.mira("seal")
    policy = parse_policy(b"log " + (run.folder / ".mira/log.vkey").read_bytes().strip() + b"\nquorum none\n")
    found = []
    for name, written in rng.sample(run.added, min(PROOFS, len(run.added))):
        place = rng.randrange(len(written))
        run.mira("prove", "row", name, str(place), "--output", "row.tlog-proof", "--force")
        data = (run.folder / "row.tlog-proof").read_bytes()
        result = proofs.verify(data, policy)
        if result != "verified" or proofs.parse_proof(data).row != written[place]:
            found.append(f"proof of row {place} of {name}: {result}")
        run.counts["proofs"] += 1
    return found


def check_some(binary: Path, folder: Path, seed: int, indices: range) -> tuple[Counter[str], list[str]]:
    """Checks tables in a workspace of their own; returns what was counted and what differs."""
    folder.mkdir()
    run, found = Run(binary, folder), []
    made = run.mira("init")
    if made.returncode:
        return run.counts, [f"mira init: {made.stderr}"]
    for index in indices:
        differences = check_one(run, Random(f"{seed}/{index}"), index)
        if differences:
            found.append("\n    ".join([f"seed {seed}, table {index}:", *differences]))
    found += check_proofs(run, Random(f"{seed}/proofs/{indices.start}"))
    report = check_stored(run)
    run.counts["checks of stored files"] += report.checks
    return run.counts, found + [f"seed {seed}, stored: {difference}" for difference in report.differences]


def check_all(binary: Path, seed: int, count: int) -> int:
    """Checks all tables; mira mostly waits for the disk, so several workspaces are filled side by side."""
    counts: Counter[str] = Counter()
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKSPACES) as pool:
        parts = [range(start, count, WORKSPACES) for start in range(WORKSPACES)]
        jobs = [pool.submit(check_some, binary, Path(folder, str(part.start)), seed, part) for part in parts]
        for job in jobs:
            counts.update(job.result()[0])
            found += job.result()[1]
    if not counts["rows"]:
        found.append("nothing was compared")
    print(*found, sep="\n", end="\n" if found else "")
    for name, number in sorted(counts.items()):
        print(f"{name}: {number}")
    return len(found)


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 3 or not Path(arguments[0]).is_file():
        print(__doc__, file=sys.stderr)
        return 2
    seed = int(arguments[1]) if len(arguments) > 1 else time.time_ns() % 10**9
    count = int(arguments[2]) if len(arguments) > 2 else 350
    started = time.monotonic()
    failed = check_all(Path(arguments[0]).resolve(), seed, count)
    print(f"seed {seed}: {count} tables, {failed} differences, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
