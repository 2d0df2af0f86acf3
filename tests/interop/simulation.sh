#!/usr/bin/env bash
# Ten thousand runs of publishers in a store that loses, repeats and delays, by the numbers that seed
# them; `cargo test` alone runs a few.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export SREG_SEEDS=${SREG_SEEDS:-0..10000}
# The features are those of `servers.sh`, so that nothing is built twice.
cargo test --quiet --workspace --locked --features sreg-tests/servers,sreg-cli/servers --test simulation
echo "simulation.sh: no commit was lost"
