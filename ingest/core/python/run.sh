#!/usr/bin/env bash
# Holds the second implementation to mira, and mira to it: the conformance vectors, the committed dataset, a workspace of
# the samples, and random tables.
#
#   ingest/core/python/run.sh MIRA_BINARY [SEED [COUNT]]
#
# pyarrow is kept in a virtual environment in the cache, under a name that changes with its version and with Python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mira=$(realpath "$1")

made_of=$(python3 -c 'import sys; print(sys.version, sys.prefix)' | cat - "$here/requirements.txt" | sha256sum)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci/second-${made_of:0:16}
if [[ ! -e $venv/complete ]]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    -r "$here/requirements.txt"
  touch "$venv/complete" # written last: an interrupted install leaves no environment that looks whole
fi
python=$venv/bin/python
export PYTHONDONTWRITEBYTECODE=1

"$python" "$here/check_vectors.py" "$here/../vectors"
"$python" "$here/check_dataset.py" "$here/../../../samples/golden/v0/dataset/dataset.car"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MIRA_HOME=$work/home MIRA_WORKSPACE=$work/ws
"$mira" init "$work/ws" -q
for table in penguins.csv weather.csv airlines.csv humaneval.ndjson; do
  "$mira" add "$here/../../../samples/data/$table" --license CC0-1.0 -q > "$work/answer"
done
"$python" "$here/check_dataset.py" "$work/ws"
unset MIRA_HOME MIRA_WORKSPACE
"$python" "$here/check_random.py" "$mira" "${@:2}"
