# What is here: `just --list`.

# Everything that a change must pass.
check:
    .ci/run

# Formats what `check` would complain about.
fmt:
    cargo fmt --all

# Asks the RustSec database about our dependencies; needs the network.
advisories:
    bash -euo pipefail -c 'source .ci/lib.sh; cargo_deny --locked check advisories'
