#!/usr/bin/env bash
# Installs what is missing, builds a release binary and serves the demo.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh gcc make
command -v cargo >/dev/null || { echo "Rust is needed: install it with rustup (version 1.95 or newer)." >&2; exit 1; }
command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed." >&2; exit 1; }
cargo build --release --bin carepost
exec "${CARGO_TARGET_DIR:-target}/release/carepost" demo "$@"
