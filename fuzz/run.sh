#!/usr/bin/env bash
# Runs every fuzz target for SECONDS_PER_TARGET. Ends with the first one that finds a fault.
set -euo pipefail

if [[ $# -ne 1 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: fuzz/run.sh SECONDS_PER_TARGET" >&2
    exit 2
fi
seconds=$1
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzzing needs a nightly compiler: rustup toolchain install nightly" >&2
    exit 2
fi
if ! cargo +nightly fuzz --version 2>/dev/null | grep -qx 'cargo-fuzz 0.13.2'; then
    echo "fuzzing needs cargo-fuzz 0.13.2: cargo install cargo-fuzz --version 0.13.2 --locked" >&2
    exit 2
fi

# A loop over an empty list would pass without a single run.
targets=$(cargo +nightly fuzz list)
[[ -n $targets ]] || { echo "cargo fuzz lists no target" >&2; exit 1; }

for target in $targets; do
    echo "== $target, $seconds s"
    [[ -d corpus/$target ]] || { echo "$target has no corpus: cargo run -p xtask -- fuzz-corpus" >&2; exit 1; }
    mkdir -p "found/$target"
    cargo +nightly fuzz run "$target" "found/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1
done
echo "all targets ran $seconds s each and found nothing"
