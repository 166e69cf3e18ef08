# What is here: `just --list`.

# Everything that a change must pass.
check:
    .ci/run

# Formats what `check` would complain about.
fmt:
    cargo fmt --all

# Times `add` against DuckDB, side by side; needs a release build.
bench:
    cargo build --release --locked
    ingest/bench/run.sh

# Asks the RustSec database about our dependencies; needs the network.
advisories:
    bash -euo pipefail -c 'source .ci/lib.sh; cargo_deny --locked check advisories'
