#!/usr/bin/env bash
# Compiles the contracts and compares them with artifacts/, checks the format, then runs the tests. Arguments go to forge:
#   check.sh --match-contract Gas -vv
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

modules=$(dirname "$(../../.ci/anvil/install.sh)")
node build.mjs --check
"$modules/.bin/forge" fmt --check
exec "$modules/.bin/forge" test --remappings "@openzeppelin/contracts/=$modules/@openzeppelin/contracts/" "$@"
