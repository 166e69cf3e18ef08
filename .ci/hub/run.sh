#!/usr/bin/env bash
# Runs check.py in a virtual environment with what requirements.txt pins, without network. The environment is made on
# first use and kept in the cache, under a name that changes with the pins and with Python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

made_of=$(python3 -c 'import sys; print(sys.version, sys.prefix)' | cat - "$here/requirements.txt" | sha256sum)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci/hub-${made_of:0:16}
if [[ ! -e $venv/complete ]]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --no-binary jsonpath-rw \
    -r "$here/requirements.txt"
  touch "$venv/complete" # written last: an interrupted install leaves no environment that looks whole
fi
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1
HF_HOME=$(mktemp -d)
export HF_HOME
trap 'rm -rf "$HF_HOME"' EXIT
"$venv/bin/python" "$here/check.py" "$@"
