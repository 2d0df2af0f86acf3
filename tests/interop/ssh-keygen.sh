#!/usr/bin/env bash
# Signs with sreg-sign and verifies with ssh-keygen, and the other way round: every kind of key,
# key files with and without a passphrase, an agent. The valid vectors verify with ssh-keygen too.
#
# SIGNATURE names the example program of crates/sign.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    echo "ssh-keygen.sh: $*" >&2
    exit 1
}

for tool in ssh-keygen ssh-agent ssh-add openssl jq; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
[[ -n "${SIGNATURE:-}" ]] || fail "SIGNATURE is not set: it names the example program of crates/sign"
[[ -x "$SIGNATURE" ]] || fail "$SIGNATURE is no program"

work=$(mktemp -d)
agent=
trap '[[ -z "$agent" ]] || kill "$agent"; rm -rf "$work"' EXIT
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
cd "$work"

printf '{"a":"message of the interop test"}\n' >message
printf '{"a":"Message of the interop test"}\n' >other
checked=0

# Both verifiers take a signature of `message`, name the same key, and refuse another message and
# another purpose.
both_verify() {
    local key=$1 purpose=$2 signature=$3 namespace=$2@sreg.v1 other=head expected given
    [[ "$purpose" != head ]] || other=image
    expected=$(ssh-keygen -lf "$key.pub" | awk '{ print $2 }')
    echo "publisher $(cut -d' ' -f1,2 "$key.pub")" >allowed
    ssh-keygen -q -Y verify -f allowed -I publisher -n "$namespace" -s "$signature" <message ||
        fail "ssh-keygen refuses $signature"
    given=$("$SIGNATURE" verify "$purpose" "$signature" <message) || fail "sreg-sign refuses $signature"
    [[ "$given" == "$expected" ]] || fail "$signature: by $given, expected $expected"
    if ssh-keygen -q -Y verify -f allowed -I publisher -n "$namespace" -s "$signature" <other 2>/dev/null ||
        "$SIGNATURE" verify "$purpose" "$signature" <other 2>/dev/null ||
        "$SIGNATURE" verify "$other" "$signature" <message 2>/dev/null; then
        fail "$signature verifies for something else"
    fi
    checked=$((checked + 1))
}

# Signatures by both with a key, for every purpose. ssh-keygen may need another file: $2.
both_sign() {
    local key=$1 file=${2:-$1} purpose
    for purpose in trust head image; do
        "$SIGNATURE" sign "$purpose" "$file" <message >"$key.$purpose.ours" || fail "sreg-sign does not sign with $file"
        both_verify "$key" "$purpose" "$key.$purpose.ours"
        [[ -z "${PASSPHRASE:-}" ]] || continue
        ssh-keygen -q -Y sign -n "$purpose@sreg.v1" -f "$file" <message >"$key.$purpose.theirs" 2>stderr ||
            fail "ssh-keygen does not sign with $file: $(cat stderr)"
        both_verify "$key" "$purpose" "$key.$purpose.theirs"
    done
}

# --- key files
for kind in ed25519 ecdsa-256 ecdsa-384 rsa-2048 rsa-3072; do
    bits=()
    [[ "$kind" != *-* ]] || bits=(-b "${kind#*-}")
    ssh-keygen -q -N "" -C "a comment" -t "${kind%-*}" "${bits[@]}" -f "$kind"
    both_sign "$kind"
done
# Ed25519 has one signature of a message.
cmp ed25519.image.ours ed25519.image.theirs || fail "sreg-sign and ssh-keygen sign differently"

# One ECDSA key in 256 has a number that is a byte shorter than the others'.
printf '\x30\x31\x02\x01\x01\x04\x20\x00%031d\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07' 7 >short.der
openssl ec -inform DER -in short.der -out short 2>/dev/null || fail "openssl refuses the short key"
chmod 600 short
ssh-keygen -q -p -N "" -f short >/dev/null
ssh-keygen -y -f short >short.pub
both_sign short

# --- passphrases
for cipher in aes256-ctr aes256-cbc aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
    key=encrypted-${cipher%@*}
    ssh-keygen -q -N "two words" -Z "$cipher" -t ed25519 -f "$key"
    PASSPHRASE="two words" both_sign "$key"
    if PASSPHRASE=wrong "$SIGNATURE" sign image "$key" <message 2>stderr; then
        fail "a wrong passphrase opens $key"
    fi
    grep -q "passphrase" stderr || fail "a wrong passphrase of $key is not named: $(cat stderr)"
done

# --- an agent that holds the only private halves
eval "$(ssh-agent -s)" >/dev/null
agent=$SSH_AGENT_PID
for kind in ed25519 ecdsa rsa; do
    ssh-keygen -q -N "" -t "$kind" -f "agent-$kind"
    ssh-add -q "agent-$kind" 2>/dev/null
    rm "agent-$kind"
    both_sign "agent-$kind" "agent-$kind.pub"
done
# A key that nobody holds: what ssh-keygen says is passed on.
ssh-add -q -D 2>/dev/null
if "$SIGNATURE" sign image agent-ed25519.pub <message 2>stderr; then
    fail "a key that nobody holds signs"
fi
grep -q "ssh-keygen does not sign with agent-ed25519.pub: ." stderr || fail "no clear error: $(cat stderr)"

# --- trust: written by jq, signed by ssh-keygen, and its allowed signers verify one key for one name
print_of() { ssh-keygen -lf "$1.pub" | awk '{ print $2 }'; }
text_of() { cut -d' ' -f1,2 "$1.pub"; }
jq -cnS --arg root "$(print_of ed25519)" --arg lab "$(print_of ecdsa-256)" \
    --arg root_key "$(text_of ed25519)" --arg lab_key "$(text_of ecdsa-256)" '
    def by($print): {keys: [$print], threshold: 1};
    {delegations: [by($lab) + {epoch: 1, scope: "lab"}], expires: 4000000000, head_base: {epoch: 1},
     issued: 1790000000, nonce: ("0f" * 16), roles: {head: by($root), root: by($root)},
     keys: ([[$root, $root_key], [$lab, $lab_key]] | sort | map({key: .[1], state: "active"})),
     type: "sreg-trust-v1", version: 1}' >trust.line
cp trust.line trust
ssh-keygen -q -Y sign -n trust@sreg.v1 -f ed25519 <trust.line >>trust 2>stderr || fail "trust is not signed: $(cat stderr)"
"$SIGNATURE" allowed trust trust </dev/null >signers || fail "sreg-sign refuses trust that ssh-keygen signed"
by_keygen() {
    ssh-keygen -q -Y verify -f signers -I "$1" -n "$2@sreg.v1" -s "$3" <message 2>stderr
}
by_keygen lab image ecdsa-256.image.ours || fail "the key of lab may not sign for it: $(cat stderr)"
by_keygen head head ed25519.head.ours || fail "the key of the role head may not sign: $(cat stderr)"
if by_keygen lab2 image ecdsa-256.image.ours || by_keygen lab image ed25519.image.ours ||
    by_keygen head head ecdsa-256.head.ours || by_keygen lab head ecdsa-256.head.ours; then
    fail "a key may sign what trust does not give it"
fi

# --- vectors: what the profile accepts, ssh-keygen accepts
vectors=0
for folder in "$root"/spec/vectors/signature/valid/*/; do
    # Several signatures in one file are ours.
    [[ $(jq .several "$folder/vector.json") != true ]] || continue
    namespace=$(jq -r .purpose "$folder/vector.json")@sreg.v1
    said=$(ssh-keygen -Y check-novalidate -n "$namespace" -s "$folder/input" <"$folder/message" 2>&1) ||
        fail "ssh-keygen refuses the vector $folder: $said"
    [[ "$said" == *"$(jq -r '.expect.signers[0]' "$folder/vector.json")"* ]] || fail "$folder: another key: $said"
    vectors=$((vectors + 1))
done
[[ "$vectors" -gt 0 ]] || fail "no vector was found"

echo "ssh-keygen.sh: $checked signatures and $vectors vectors are the same to ssh-keygen and to sreg-sign"
