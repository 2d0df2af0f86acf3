#!/usr/bin/env bash
# Mutated signature files: what sreg-sign accepts, `ssh-keygen -Y check-novalidate` accepts too, and
# by the same key (spec/signature.md). The seeds are the valid vectors and fresh signatures by every
# kind of key; differential.py changes and compares them.
#
# SIGNATURE names the example program of crates/sign; SEED, a number, chooses the mutations.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "ssh-keygen-differential.sh: $*" >&2
    exit 1
}

for tool in ssh-keygen openssl jq python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
[[ -x "${SIGNATURE:-}" ]] || fail "SIGNATURE is not set to the example program of crates/sign"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
cd "$work"
mkdir -p {seeds,strangers}/{trust,head,image}
message=$root/tests/fixtures/signature/message

# --- the vectors
for folder in "$root"/spec/vectors/signature/valid/*/; do
    # Several signatures in one file are ours.
    [[ $(jq .several "$folder/vector.json") != true ]] || continue
    cmp -s "$message" "$folder/message" || fail "$folder has a message of its own"
    cp "$folder/input" "seeds/$(jq -r .purpose "$folder/vector.json")/vector-$(basename "$folder")"
done
[[ -n "$(ls seeds/image)" ]] || fail "no vector was found"

# --- fresh signatures, by both
theirs() {
    local key=$1 purpose=$2
    ssh-keygen -q -Y sign -n "$purpose@sreg.v1" "${@:3}" -f "$key" <"$message" 2>stderr ||
        fail "ssh-keygen does not sign with $key: $(cat stderr)"
}
both_sign() {
    local key=$1 purpose
    for purpose in trust head image; do
        "$SIGNATURE" sign "$purpose" "$key" <"$message" >"seeds/$purpose/$key-ours" || fail "sreg-sign does not sign with $key"
        theirs "$key" "$purpose" >"seeds/$purpose/$key-theirs"
    done
}
for kind in ed25519 ecdsa-256 ecdsa-384 rsa-2048 rsa-3072 ecdsa-521 rsa-1024; do
    bits=()
    [[ "$kind" != *-* ]] || bits=(-b "${kind#*-}")
    ssh-keygen -q -N "" -t "${kind%-*}" "${bits[@]}" -f "$kind"
done
for kind in ed25519 ecdsa-256 ecdsa-384 rsa-2048 rsa-3072; do
    both_sign "$kind"
done
# The least and nearly the greatest exponent, and lengths that are no whole bytes.
for bits_exponent in 2048-3 2049-3 2055-8589934583; do
    key=rsa-$bits_exponent bits=${bits_exponent%-*} exponent=${bits_exponent#*-}
    openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -pkeyopt "rsa_keygen_pubexp:$exponent" -out "$key" 2>stderr ||
        fail "openssl makes no RSA key of $bits bits with the exponent $exponent: $(cat stderr)"
    chmod 600 "$key"
    ssh-keygen -q -p -N "" -f "$key" >/dev/null
    theirs "$key" image >"seeds/image/$key"
done
# Numbers of ECDSA are of several lengths.
for number in {1..16}; do
    theirs ecdsa-256 image >"seeds/image/ecdsa-256-$number"
done

# --- what ssh-keygen alone takes for a signature
theirs ecdsa-521 image >strangers/image/ecdsa-521
theirs rsa-1024 image >strangers/image/rsa-1024
theirs ed25519 image -O hashalg=sha256 >strangers/image/sha256

python3 "$here/differential.py" "$message" seeds strangers
