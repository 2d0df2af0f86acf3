#!/usr/bin/env bash
# Stock clients on a registry that nginx, an S3 server and sreg itself serve. The tests name what is
# missing; scripts/tools installs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Not with --release and for the workspace: what `just check` has built is used again. Other packages would
# need other features of their dependencies.
cargo test --quiet --workspace --locked --features sreg-tests/servers,sreg-cli/servers --test servers -- --test-threads 4 clients::
echo "clients.sh: apptainer's libraries, oras, crane, skopeo, regctl and curl pull what the signed index names, and cosign verifies"
