#!/usr/bin/env bash
# Compiles the contracts and compares them with artifacts/, then runs the tests. Arguments go to forge:
#   check.sh --match-contract Gas -vv
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

modules=$(dirname "$(../../.ci/anvil/install.sh)")
node build.mjs --check

# Vectors that stand outside the repository (MIRA_VECTORS) are read in place.
if [[ -n ${MIRA_VECTORS:-} ]]; then
  export FOUNDRY_FS_PERMISSIONS="[{ access = 'read', path = '../../ingest/core/vectors' },
    { access = 'read', path = '$MIRA_VECTORS' }]"
fi
exec "$modules/.bin/forge" test --remappings "@openzeppelin/contracts/=$modules/@openzeppelin/contracts/" "$@"
