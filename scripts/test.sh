#!/usr/bin/env bash
# Everything a change must pass, as a list of named steps.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

step "Install what the tests need"
scripts/install.sh gcc make postgresql chromium chromium-driver fonts-liberation
scripts/install-mail.sh
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

step "Format"
cargo fmt --check

step "Clippy, warnings refused"
cargo clippy --all-targets -- -D warnings

step "HTML of the golden pages is valid"
npx --no-install html-validate 'tests/all/golden/*.html'

step "Documents of the code build"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

step "All tests: rules, both databases, components, golden pages, stories in a browser"
export CAREPOST_TEST_REQUIRE_ALL=yes CAREPOST_TEST_RACES="${CAREPOST_TEST_RACES:-1000}"
scripts/with-test-servers.sh scripts/cargo-test.sh
