#!/usr/bin/env bash
# Tests with real servers: Versity Gateway as S3, nginx as a web server. The tests name what is
# missing; scripts/tools installs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
    echo "servers.sh: $*" >&2
    exit 1
}
command -v curl > /dev/null || fail "curl is missing"

# Not with --release and for the workspace: what `just check` has built is used again.
servers=(cargo test --quiet --workspace --locked --features sreg-tests/servers,sreg-cli/servers --test servers)
"${servers[@]}" -- programs:: storage::
"${servers[@]}" -- --test-threads 8 network::
echo "servers.sh: the storage tests' servers do what the tests rely on"
