# Functions of .ci/run. Sourcing it starts nothing.

ci=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Everything that is slow to make and safe to keep between runs: tools, services, compiled dependencies.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci

# step NAME COMMAND…: runs the command between two lines that say what it is and how long it took.
step() {
  local started=$SECONDS
  running=$1
  printf '\n== %s\n' "$running"
  "${@:2}"
  printf '== %s: %d s\n' "$running" $((SECONDS - started))
  running=
}

# readme_block N: prints the N-th ```sh block of README.md, so that what we run is what a reader is told to run.
readme_block() {
  awk -v wanted="$1" '
    /^```/ && inside { exit }
    /^```sh[ \t]*$/  { inside = ++seen == wanted; other = !inside; next }
    /^```/           { other = !other; next }
    inside           { print }
  ' README.md
}

# cargo_deny ARGUMENT…: cargo-deny, built once for this cache. A debug build without default features takes one minute
# on 2 idle cores, and is fast enough: it checks 700 crates in 6 seconds.
cargo_deny() {
  local version=0.20.2
  local root=$cache/cargo-deny-$version
  if [[ ! -x $root/bin/cargo-deny ]]; then
    CARGO_TARGET_DIR=$root/target cargo install --quiet --locked --debug --no-default-features \
      --config profile.dev.debug=false --root "$root" "cargo-deny@$version"
    rm -rf "$root/target"
  fi
  "$root/bin/cargo-deny" "$@"
}

# foreign_verifiers VECTORS: holds committed proofs and envelopes to code that is not ours: torchwood and x/mod for the
# log, securesystemslib for DSSE. Both say what they counted, and both run even if the first disagrees.
foreign_verifiers() {
  local vectors agreed=true
  vectors=$(cd "$1" && pwd)
  (cd "$ci/verifiers/go" && go run -mod=readonly . "$vectors") || agreed=false
  "$ci/verifiers/python/run.sh" "$vectors" || agreed=false
  $agreed
}

# kubo_start: starts a private Kubo daemon and exports MIRA_TEST_KUBO, the URL of its RPC API, MIRA_TEST_KUBO_GATEWAY,
# that of its gateway, MIRA_TEST_KUBO_PID, its process, and MIRA_TEST_IPFS, the path of the binary. It has a repository of
# its own, listens on loopback only and on ports the kernel chose, and knows no peers: no bootstrap, mDNS, routing,
# swarm or telemetry, so a test can neither reach the network nor a node the user runs. `kubo_stop` ends it.
kubo_start() {
  local ipfs
  ipfs=$("$ci/kubo/install.sh")
  kubo_dir=$(mktemp -d)
  export IPFS_PATH=$kubo_dir/repo IPFS_TELEMETRY=off
  "$ipfs" init --empty-repo --profile=test,unixfs-v1-2025 > /dev/null
  "$ipfs" config --json Addresses.Swarm '[]'
  "$ipfs" config --json Provide.Enabled false
  "$ipfs" config Routing.Type none
  "$ipfs" daemon > "$kubo_dir/log" 2>&1 < /dev/null &
  kubo_pid=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    grep -qs '^Daemon is ready' "$kubo_dir/log" && break
    kill -0 "$kubo_pid" 2> /dev/null || break
    sleep 0.1
  done
  if ! grep -qs '^Daemon is ready' "$kubo_dir/log"; then
    cat "$kubo_dir/log" >&2
    echo "kubo did not become ready" >&2
    return 1
  fi
  MIRA_TEST_KUBO=http://127.0.0.1:$(sed 's|.*/||' "$IPFS_PATH/api")
  MIRA_TEST_KUBO_GATEWAY=$(cat "$IPFS_PATH/gateway")
  MIRA_TEST_IPFS=$ipfs
  MIRA_TEST_KUBO_PID=$kubo_pid
  export MIRA_TEST_KUBO MIRA_TEST_KUBO_GATEWAY MIRA_TEST_KUBO_PID MIRA_TEST_IPFS
  unset IPFS_PATH # a test finds the node by MIRA_TEST_KUBO, or not at all
  echo "kubo at $MIRA_TEST_KUBO"
}

# kubo_stop: ends the daemon that kubo_start started, if any, and removes its repository.
kubo_stop() {
  [[ -n ${kubo_pid:-} ]] || return 0
  kill "$kubo_pid" 2> /dev/null || true
  wait "$kubo_pid" 2> /dev/null || true
  rm -rf "$kubo_dir"
  kubo_pid=
}

# anvil_start: starts a private anvil and exports MIRA_TEST_ANVIL, the URL of its RPC API. It begins with no blocks,
# keeps nothing, and listens on loopback only, on a port that the kernel chose. `anvil_stop` ends it.
anvil_start() {
  local anvil tries
  anvil=$("$ci/anvil/install.sh")/anvil
  anvil_dir=$(mktemp -d)
  HOME=$anvil_dir "$anvil" --host 127.0.0.1 --port 0 > "$anvil_dir/log" 2>&1 < /dev/null &
  anvil_pid=$!
  for ((tries = 0; tries < 300; tries++)); do
    grep -qs '^Listening on ' "$anvil_dir/log" && break
    kill -0 "$anvil_pid" 2> /dev/null || break
    sleep 0.1
  done
  if ! grep -qs '^Listening on ' "$anvil_dir/log"; then
    cat "$anvil_dir/log" >&2
    echo "anvil did not become ready" >&2
    return 1
  fi
  MIRA_TEST_ANVIL=http://$(sed -n 's/^Listening on //p' "$anvil_dir/log")
  export MIRA_TEST_ANVIL
  echo "anvil at $MIRA_TEST_ANVIL"
}

# anvil_stop: ends the node that anvil_start started, if any, and removes its log.
anvil_stop() {
  [[ -n ${anvil_pid:-} ]] || return 0
  kill "$anvil_pid" 2> /dev/null || true
  wait "$anvil_pid" 2> /dev/null || true
  rm -rf "$anvil_dir"
  anvil_pid=
}
