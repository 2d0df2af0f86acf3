#!/usr/bin/env bash
# Ten thousand runs of publishers in a store that loses, repeats and delays, by the numbers that seed
# them; `cargo test` alone runs a few.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SREG_SEEDS=${SREG_SEEDS:-0..10000} cargo test --quiet -p sreg-tests --locked --test simulation
echo "simulation.sh: no commit was lost"
