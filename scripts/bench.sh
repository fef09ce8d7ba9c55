#!/usr/bin/env bash
# Measures; never part of the tests. Prints figures with their conditions.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh gcc make postgresql
cargo build --release --bin carepost
exec scripts/with-test-servers.sh cargo bench --bench carepost -- "$@"
