#!/usr/bin/env bash
# Installs anvil, forge, solc and OpenZeppelin's contracts at the versions of package-lock.json and prints the folder
# that holds the programs:
#   DIR/anvil    DIR/forge    DIR/solcjs    DIR/../@openzeppelin/contracts
# The binaries are for x86-64 Linux. No install script of a package runs; the lock file pins every archive by its hash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

lock=$(sha256sum package-lock.json)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/mira-ci/anvil-${lock:0:16}
if [[ ! -d $folder ]]; then
  mkdir -p "$folder.$$"
  cp package.json package-lock.json "$folder.$$"
  npm ci --prefix "$folder.$$" --ignore-scripts --no-audit --no-fund >&2 < /dev/null
  mv "$folder.$$" "$folder"
fi
echo "$folder/node_modules/.bin"
