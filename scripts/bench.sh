#!/usr/bin/env bash
# Measures; never part of the tests. Prints figures with their conditions.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh gcc make postgresql openssl postfix postfix-pgsql dovecot-core dovecot-imapd dovecot-lmtpd \
  dovecot-sieve dovecot-sqlite dovecot-pgsql opendkim
# Lighthouse is large and measures only here; no test needs it.
if [ $# -eq 0 ] || [[ " $* " == *" lighthouse "* ]]; then
  scripts/install.sh chromium
  lighthouse="${CARGO_TARGET_DIR:-target}/lighthouse"
  npm install --prefix "$lighthouse" --no-audit --no-fund --loglevel=error lighthouse@12.8.2
  export LIGHTHOUSE="$(realpath "$lighthouse")/node_modules/.bin/lighthouse" CHROME_PATH="${CHROME_PATH:-$(command -v chromium)}"
fi
cargo build --release --bin carepost
exec scripts/with-test-servers.sh cargo bench --bench carepost -- "$@"
