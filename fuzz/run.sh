#!/usr/bin/env bash
# Builds all fuzz targets at once, then runs each for SECONDS_PER_TARGET, one a core. Fails, and shows what
# was said, if one finds a fault.
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
    [[ -d corpus/$target ]] || { echo "$target has no corpus: cargo run -p xtask -- fuzz-corpus" >&2; exit 1; }
    mkdir -p "found/$target"
done
cargo +nightly fuzz build
printf 'built in %s s\n' "$SECONDS"

said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
export seconds said
run_target() {
    if cargo +nightly fuzz run "$1" "found/$1" "corpus/$1" -- \
        -max_total_time="$seconds" -timeout=20 -print_final_stats=1 > "$said/$1" 2>&1; then
        printf '%s: %s inputs\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$said/$1")"
    else
        cat "$said/$1"
        # This ends xargs.
        return 255
    fi
}
export -f run_target
xargs -P "$(nproc)" -I '{}' bash -c 'run_target {}' <<< "$targets"
echo "all targets ran $seconds s each and found nothing"
