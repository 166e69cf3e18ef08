#!/usr/bin/env bash
# A lineage scenario, command by command: two datasets and a model, a dataset that is taken back, and what is then said of
# everything that stands on it. No chain is needed. It happens in a directory of its own, which stays for you to look at.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
samples=$here/..
mira=${MIRA:-${CARGO_TARGET_DIR:-$samples/../target}/debug/mira}
mira=$(cd "$(dirname "$mira")" && pwd)/$(basename "$mira")
place=$(mktemp -d "${TMPDIR:-/tmp}/mira-scenario.XXXXXX")
export MIRA_HOME=$place/home
unset MIRA_WORKSPACE MIRA_KEY
cd "$place"

run() {
  printf '\n$ mira %s\n' "$*"
  "$mira" "$@"
}

# fails CODE COMMAND…: runs a command that must end with this exit code.
fails() {
  local expected=$1 found=0
  run "${@:2}" || found=$?
  if ((found != expected)); then
    echo "expected exit code $expected, found $found" >&2
    exit 1
  fi
}

run init --origin log.example.org/scenario
for name in sample-contributor sample-trainer sample-deployer; do
  run key new "$name"
done
run add "$samples/data/penguins.csv" --null NA --license CC0-1.0 --basis public-domain \
  --allow train,evaluate,commercial --key sample-contributor
run add "$samples/data/weather.csv" --null NA --license CC0-1.0 --basis public-domain \
  --allow train,evaluate,commercial --key sample-contributor
run add "$samples/data/humaneval.ndjson" --license MIT --basis licensed --allow evaluate --key sample-contributor

# The run as a program would hand it over: a JSON file beside this script.
cp "$here/train.json" "$here/weights.json" .
run record train --from train.json --key sample-trainer
run record evaluate --model demo-model --report weights.json --metric accuracy=0.83 \
  --uses humaneval,role=test --key sample-trainer
run record deploy --model demo-model --name demo-api --key sample-deployer
run record use --deployment demo-api --unit requests --count 1200 --from 2026-01-01 --to 2026-02-01 \
  --key sample-deployer
run seal

run check demo-model --use commercial
run trace demo-model
run trace penguins --down
run prove model demo-model -o model.tlog-proof
run verify weights.json --proof model.tlog-proof

# A proof of one row; then the same with one bit of its extra line changed, where the row and the path to it are.
run prove row penguins 17 -o row.tlog-proof
run verify row.tlog-proof
awk 'NR == 2 { c = substr($0, 40, 1); $0 = substr($0, 1, 39) (c == "A" ? "B" : "A") substr($0, 41) } { print }' \
  row.tlog-proof > edited.tlog-proof
fails 3 verify edited.tlog-proof

run withdraw penguins --reason consent --key sample-contributor
run ls
fails 3 check demo-model --use commercial
fails 3 get penguins -o penguins.csv
for query in "$samples"/queries/*.sql; do
  run sql -f "$query"
done
run audit
printf '\nThe workspace is in %s; MIRA_HOME=%s has its keys.\n' "$place" "$MIRA_HOME"
