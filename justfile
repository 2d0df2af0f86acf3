# `just check` is what CI runs. Every recipe works on a fresh clone once `scripts/tools` has run.

tools := env("SREG_TOOLS", env("HOME") / ".cache/sreg-tools")
export PATH := tools / "bin" + ":" + tools / "venv/bin" + ":" + env("PATH")

# Everything that must hold before a change lands.
check: fmt clippy fuzz-check test doc deny typos prose spec-check clean-tree

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --features sreg-tests/servers,sreg-cli/servers --locked -- -D warnings

# The fuzz targets are outside the workspace: a renamed function is found here, not when they run.
fuzz-check:
    cargo check --manifest-path fuzz/Cargo.toml --bins --locked

# The README's own command.
test:
    cargo test --workspace --locked

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

deny:
    cargo-deny --locked check bans licenses sources

typos:
    typos

# The rules are in `.vale/`; the glossary is in `spec/README.md`.
prose:
    scripts/prose

# Examples, corpora and most vectors are made by code; `clean-tree` sees whether they still are.
spec-check:
    cargo run --locked -q -p xtask -- vectors
    cargo run --locked -q -p xtask -- examples
    cargo run --locked -q -p xtask -- fuzz-corpus
    cargo run --locked -q -p xtask -- spec-check

clean-tree:
    git diff --exit-code

# What needs more than a Rust toolchain; says what is missing.
interop:
    tests/interop/run

# Every fuzz target for some seconds.
fuzz seconds="10":
    fuzz/run.sh {{seconds}}

# What is long and hardly ever fails: more seeds, cases and mutations, longer fuzzing.
nightly:
    tests/interop/nightly

# What a release consists of: a wheel, a .deb, a tarball, their sums.
dist out="dist":
    scripts/dist {{out}}

# Benchmarks: criterion, then the comparisons with what users have. Needs `scripts/bench-tools`.
bench:
    cargo bench -p sreg-benches
    benches/peers
    benches/transfer
    benches/serve
