# Two commands set up everything they need on a Debian or Ubuntu machine with Rust and Node:
#   make run    build, load the sample registers, serve the demo on 127.0.0.1; as root with mail servers
#               (make run DEMO="--without-mail --listen 127.0.0.2:8080" hands arguments on)
#   make test   everything a change must pass
.PHONY: run test check golden bench docs

run: ; @scripts/run.sh $(DEMO)
test: ; @scripts/test.sh
bench: ; @scripts/bench.sh

# What a developer runs before handing in, without browsers and databases.
check: ; cargo fmt --check && cargo clippy --all-targets -- -D warnings && RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --lib --quiet && cargo test --lib

# Writes the golden pages and the table of routes anew; read the difference before you commit it.
golden: ; CAREPOST_TEST_GOLDEN=write scripts/with-test-servers.sh cargo test --test all -- golden every_route_as_everybody

# Writes the documents that are made from the code.
docs: ; cargo run --quiet -- settings-guide > docs/guides/settings.md && cargo run --quiet -- authority > docs/authority.md && cargo run --quiet -- states > docs/states.md && cargo run --quiet -- reading-ages > docs/reading-age.md
