#!/usr/bin/env bash
# Installs what is missing, builds a release binary and serves the demo. As root it also installs the mail
# servers, which the demo then starts, unless it is told --without-mail.
# Usage: scripts/run.sh [ARGUMENT OF carepost demo]…
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh gcc make
command -v cargo >/dev/null || { echo "Rust is needed: install it with rustup (version 1.95 or newer)." >&2; exit 1; }
command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed." >&2; exit 1; }
with_mail=yes
for argument in "$@"; do
  [ "$argument" != --without-mail ] || with_mail=""
done
if [ -n "$with_mail" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  # Where this fails, the demo serves all the same and says what is missing.
  scripts/install-mail.sh || echo "The mail servers could not be installed." >&2
fi
cargo build --release --bin carepost
exec "${CARGO_TARGET_DIR:-target}/release/carepost" demo "$@"
