#!/usr/bin/env bash
# Whole registries signed by sreg with every kind of key, each signature in them verified by
# `ssh-keygen -Y verify` against the exported list of allowed signers; and statements that
# `ssh-keygen -Y sign` signed, published by sreg. SREG names the sreg program.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fail() {
    echo "registry.sh: $*" >&2
    exit 1
}
for tool in ssh-keygen ssh-agent ssh-add jq; do
    command -v "$tool" > /dev/null || fail "$tool is missing"
done
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"

work=$(mktemp -d)
agent=
trap '[[ -z "$agent" ]] || kill "$agent"; rm -rf "$work"' EXIT
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config
cd "$work"
cp -r "$root/examples/images" images

# --- keys: files, one with a passphrase, and agents that hold the only private half
ssh-keygen -q -N "" -t ed25519 -f ed25519
ssh-keygen -q -N "" -t ecdsa -b 256 -f ecdsa-256
ssh-keygen -q -N "" -t ecdsa -b 384 -f ecdsa-384
ssh-keygen -q -N "" -t rsa -b 3072 -f rsa-3072
ssh-keygen -q -N "two words" -t ed25519 -f encrypted
echo "two words" > passphrase
export SREG_KEY_PASSPHRASE_FILE=$work/passphrase
eval "$(ssh-agent -s)" > /dev/null
agent=$SSH_AGENT_PID
for kind in ed25519 rsa; do
    ssh-keygen -q -N "" -t "$kind" -f "agent-$kind"
    ssh-add -q "agent-$kind" 2> /dev/null
    rm "agent-$kind"
done

checked=0
# ssh-keygen accepts the signature behind a document, by one of the allowed signers.
verify() {
    local file=$1 principal=$2 namespace=$3
    head -n 1 "$file" > line
    tail -n +2 "$file" > signature
    ssh-keygen -q -Y verify -f signers -I "$principal" -n "$namespace@sreg.v1" -s signature < line 2> said ||
        fail "ssh-keygen refuses $file as $namespace by $principal: $(cat said)"
    if ssh-keygen -q -Y verify -f signers -I "$principal" -n "other@sreg.v1" -s signature < line 2> said; then
        fail "ssh-keygen accepts $file for something else"
    fi
    checked=$((checked + 1))
}

for key in ed25519 ecdsa-256 ecdsa-384 rsa-3072 encrypted agent-ed25519.pub agent-rsa.pub; do
    tree=tree-${key%.pub}
    "$SREG" -q index images --out "$tree" --key "$key" > log || fail "sreg does not sign with $key"
    "$SREG" -q verify "$tree" --require-signed > log || fail "sreg refuses what it signed with $key"
    "$SREG" trust export "$tree" > signers
    verify "$tree/trust/1" root trust
    verify "$tree/head" head head
    while read -r file; do
        namespace=$(head -n 1 "$file" | jq -r '.name | split("/")[0]')
        verify "$file" "$namespace" image
    done < <(find "$tree/s" -type f)
done

# --- statements by ssh-keygen: two of the three keys of lab, and heads by the first key alone
tree=tree-ed25519
delegate=(trust delegate "$tree" lab --threshold 2 --key ed25519 --yes)
for key in ecdsa-256 rsa-3072 encrypted; do delegate+=(--to "$key.pub"); done
"$SREG" -q "${delegate[@]}" > log
for image in images/lab/tool/1.0.sif images/lab/tool/1.1.sif images/lab/hello_latest.sif images/lab/tool/1.0.arm64.sif; do
    case $image in
        */hello_latest.sif) name=hello:latest ;;
        *) name=tool:$(basename "$image" .sif) name=${name%.arm64} ;;
    esac
    # sreg makes the statement, with one signature; ssh-keygen adds the other.
    "$SREG" -q sign "$image" "$tree//lab/$name" --key ecdsa-256 > log
    head -n 1 "$image.statement" > line
    ssh-keygen -q -Y sign -n image@sreg.v1 -f rsa-3072 < line >> "$image.statement" 2> said || fail "$(cat said)"
done
"$SREG" -q index images --out "$tree" --key ed25519 > log || fail "statements by ssh-keygen are not published"
"$SREG" -q verify "$tree" > log || fail "statements by ssh-keygen are refused"
signers=$("$SREG" ls "$tree//lab" --format json | jq '[.[].signers | length] | unique')
[[ "$(tr -d ' \n' <<< "$signers")" == "[2]" ]] || fail "lab is signed by $signers keys"

echo "registry.sh: $checked signatures in registries of 7 keys verify with ssh-keygen, and 4 statements of its in sreg"
