#!/usr/bin/env bash
# The tests themselves. Stories share two cores with their browsers, so few run at a time.
set -euo pipefail
cargo test --lib --bins
cargo test --test all -- --test-threads="${CAREPOST_TEST_THREADS:-3}"
