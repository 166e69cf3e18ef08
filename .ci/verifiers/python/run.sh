#!/usr/bin/env bash
# Runs verify.py in a virtual environment with what requirements.txt pins. The environment is made on first use and kept
# in the cache, under a name that changes with the pins and with Python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

made_of=$(python3 -c 'import sys; print(sys.version, sys.prefix)' | cat - "$here/requirements.txt" | sha256sum)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci/verifiers-${made_of:0:16}
if [[ ! -e $venv/complete ]]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    -r "$here/requirements.txt"
  touch "$venv/complete" # written last: an interrupted install leaves no environment that looks whole
fi
exec "$venv/bin/python" -I "$here/verify.py" "$@"
