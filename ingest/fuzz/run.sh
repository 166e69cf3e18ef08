#!/usr/bin/env bash
# run.sh SECONDS|runs=N [TARGET…]: builds the fuzz targets of ingest/core/fuzz and ingest/fuzz, and runs each for so long,
# or so often, on top of its committed seeds. Fails where one finds something; its input is then kept, and named. With 0
# seconds only the seeds run. CORPUS=DIR keeps what was found on the way, to go on from.
#
# A number of runs starts from a fixed seed of the fuzzer and has no clock in it: the same sources try the same inputs
# again, so that a change is not held up by luck. Targets that wait for a network or a disk make a hundredth as many.
#
# The flags are those of `cargo fuzz build --sanitizer none`, so the toolchain of the repository is enough; whoever has
# cargo-fuzz can use it in both directories instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

amount=${1:?usage: run.sh SECONDS|runs=N [TARGET…]}
wanted=("${@:2}")
host=$(rustc -vV | sed -n 's/^host: //p')
target=${FUZZ_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci/target-fuzz}
memory=512 # MiB, for a process; what a target asks for at once is bounded too
one_allocation=256
declare -A slow=([gateway]=1 [kubo]=1)

main() {
  local failed=0 passed=0 crate name
  work=$(mktemp -d)
  # Files that targets read are in memory where there is room for that, and in a directory of this run.
  scratch=$work
  [[ ! -d /dev/shm ]] || scratch=$(mktemp -d /dev/shm/mira-fuzz-XXXXXX)
  export MIRA_FUZZ_SCRATCH=$scratch
  trap 'rm -rf "$work" "$scratch"' EXIT
  for crate in ../core/fuzz .; do
    build "$crate"
    for name in $(targets "$crate"); do
      is_wanted "$name" || continue
      if run "$crate" "$name" "$work"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
  done
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0 && passed > 0))
}

build() {
  local coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
  coverage+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
  coverage+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
  # With a target named, build scripts and macros are compiled without the flags.
  (cd "$1" && RUSTFLAGS=$coverage CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 \
    cargo build --quiet --release --locked --target "$host")
}

targets() {
  for file in "$1"/fuzz_targets/*.rs; do basename "$file" .rs; done
}

is_wanted() {
  ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $1 "* ]]
}

# run CRATE TARGET WORK: one target; prints how far it came.
run() {
  local seeds=$1/seeds/$2 corpus=${CORPUS:-$3/corpus}/$2 log=$3/$2.log limit=(-max_total_time="$amount") runs
  mkdir -p "$corpus" "artifacts/$2"
  [[ -d $seeds ]] || { echo "$2 has no seeds" >&2; return 1; }
  case $amount in
    0) limit=(-runs=0) ;;
    runs=*)
      runs=${amount#runs=}
      limit=(-seed=1 -runs=$((${slow[$2]:-0} ? runs / 100 : runs)))
      ;;
  esac
  if ! "$target/$host/release/$2" "${limit[@]}" -timeout=10 -rss_limit_mb="$memory" -malloc_limit_mb="$one_allocation" \
    -print_final_stats=1 -artifact_prefix="artifacts/$2/" "$corpus" "$seeds" > "$log" 2>&1; then
    tail -n 60 "$log" >&2
    echo "$2: FAILED" >&2
    return 1
  fi
  printf '%-12s %s\n' "$2" "$(awk '
    /^stat::number_of_executed_units/ { units = $2 }
    /^stat::average_exec_per_sec/     { rate = $2 }
    /^stat::peak_rss_mb/              { rss = $2 }
    match($0, /cov: [0-9]+/)          { cov = substr($0, RSTART + 5, RLENGTH - 5) }
    END { printf "%d inputs, %d a second, %d edges, %d MiB", units, rate, cov, rss }' "$log")"
}

main
