#!/usr/bin/env bash
# Measures; never part of the tests. Prints figures with their conditions.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh gcc make postgresql openssl postfix postfix-pgsql dovecot-core dovecot-imapd dovecot-lmtpd \
  dovecot-sieve dovecot-sqlite dovecot-pgsql opendkim
cargo build --release --bin carepost
exec scripts/with-test-servers.sh cargo bench --bench carepost -- "$@"
