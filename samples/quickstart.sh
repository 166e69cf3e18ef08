#!/usr/bin/env bash
# The README's transcript, for real: two datasets, a proof of one row, and the same proof with one byte changed.
# Everything happens in a directory of its own, which stays for you to look at.
set -euo pipefail
samples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mira=${MIRA:-${CARGO_TARGET_DIR:-$samples/../target}/debug/mira}
mira=$(cd "$(dirname "$mira")" && pwd)/$(basename "$mira")
place=$(mktemp -d "${TMPDIR:-/tmp}/mira-quickstart.XXXXXX")
export MIRA_HOME=$place/home
unset MIRA_WORKSPACE MIRA_KEY
cd "$place"

run() {
  printf '\n$ mira %s\n' "$*"
  "$mira" "$@"
}

run init --origin log.example.org/quickstart
run add "$samples/data/penguins.csv" --null NA --license CC0-1.0 --basis public-domain --allow train,evaluate
run add "$samples/data/weather.csv" --null NA --license CC0-1.0 --basis public-domain --allow train
run ls
run seal
run prove row penguins 17 -o row.tlog-proof
run verify row.tlog-proof
run get penguins -o penguins.parquet

# One bit of the proof's extra line, where the row and the path to it are.
awk 'NR == 2 { c = substr($0, 40, 1); $0 = substr($0, 1, 39) (c == "A" ? "B" : "A") substr($0, 41) } { print }' \
  row.tlog-proof > edited.tlog-proof
if run verify edited.tlog-proof; then
  echo "an edited proof verified" >&2
  exit 1
fi
printf '\nThe workspace is in %s; MIRA_HOME=%s has its keys.\n' "$place" "$MIRA_HOME"
