#!/usr/bin/env bash
# Installs the mail servers that the demo and the tests start, where they are not there yet.
# Usage: scripts/install-mail.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh openssl postfix postfix-pgsql dovecot-core dovecot-imapd dovecot-lmtpd dovecot-sieve \
  dovecot-sqlite dovecot-pgsql opendkim
