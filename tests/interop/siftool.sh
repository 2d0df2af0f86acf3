#!/usr/bin/env bash
# Compares `sreg inspect` with siftool, the reference implementation of SIF: images that siftool
# makes and changes, and the images of examples/, must look the same to both.
#
# SREG names the sreg program. siftool is built from the module in go/, which pins its version;
# SIFTOOL names another one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
    echo "siftool.sh: $*" >&2
    exit 1
}

command -v jq >/dev/null || fail "jq is missing"
[[ -n "${SREG:-}" ]] || fail "SREG is not set: it names the sreg program"
[[ -x "$SREG" ]] || fail "sreg is missing: $SREG is no program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -z "${SIFTOOL:-}" ]]; then
    command -v go >/dev/null || fail "go is missing: siftool is built with it"
    SIFTOOL=$work/siftool
    (cd "$here/go" && GOTOOLCHAIN=local go build -o "$SIFTOOL" github.com/apptainer/sif/v2/cmd/siftool) ||
        fail "siftool is missing: it could not be built"
fi
[[ -x "$SIFTOOL" ]] || fail "siftool is missing: $SIFTOOL is no program"

compared=0

# Each of the next three prints one view of an image, once from siftool's text and once from
# sreg's JSON, in the same form.

header_of_siftool() {
    "$SIFTOOL" header "$1" | awk -F': +' '
        BEGIN { id = "00000000-0000-0000-0000-000000000000"; arch = "unknown"; created = modified = "null" }
        function date(text) { sub(/ /, "T", text); sub(/ \+0000 UTC$/, "Z", text); return text }
        $1 == "Version" { version = $2 }
        $1 == "Primary Architecture" { arch = $2 }
        $1 == "ID" { id = $2 }
        $1 == "Created At" { created = date($2) }
        $1 == "Modified At" { modified = date($2) }
        END { print version, arch, id, created, modified }'
}

header_of_sreg() {
    jq -r '[.sif.version, .arch, .sif.id, .sif.created // "null", .sif.modified // "null"] | join(" ")' "$1"
}

list_of_siftool() {
    "$SIFTOOL" list "$1" | tail -n +4 | sed -E 's/ +/ /g; s/ ?\| ?/|/g; s/ $//'
}

list_of_sreg() {
    jq -r '.sif.objects[] |
        (if .type == "FS" then " (\(.filesystem)/\(.partition)/\(.arch))"
         elif .type == "Signature" then " (\(.hash))"
         elif .type == "Cryptographic Message" then " (\(.format)/\(.message))"
         elif .type == "SBOM" then " (\(.format))"
         else "" end) as $extra |
        (if .link_to_group then " (G)" else "" end) as $group |
        "\(.id)|\(.group // "NONE")|\(.link // "NONE")\($group)|\(.offset)-\(.offset + .size)|\(.type)\($extra)"' "$1"
}

details_of_siftool() {
    local id
    for id in $("$SIFTOOL" list "$1" | tail -n +4 | awk '{ print $1 }'); do
        "$SIFTOOL" info "$id" "$1" | awk -v id="$id" '
            { sub(/^ +/, ""); key = $0; sub(/:.*/, "", key); value = $0; sub(/^[^:]*: */, "", value); field[key] = value }
            END { print id "|" field["Size"] "|" field["Name"] "|" field["Entity"] "|" field["Digest"] }'
    done
}

details_of_sreg() {
    jq -r '(.signatures | map({key: "\(.object)", value: .fingerprint}) | from_entries) as $signers |
        .sif.objects[] | "\(.id)|\(.size)|\(.name)|\($signers["\(.id)"] // "")|\(.digest // "")"' "$1"
}

compare() {
    local image=$1 view
    "$SREG" inspect "$image" --format json >"$work/report.json" || fail "sreg inspect refuses $image"
    for view in header list details; do
        "${view}_of_siftool" "$image" >"$work/siftool.txt"
        "${view}_of_sreg" "$work/report.json" >"$work/sreg.txt"
        diff -u --label "siftool $view" --label "sreg $view" "$work/siftool.txt" "$work/sreg.txt" ||
            fail "the $view of $image differs"
    done
    compared=$((compared + 1))
}

add() {
    local image=$1 file=$2 type=$3
    shift 3
    "$SIFTOOL" add "$image" "$file" --datatype "$type" "$@" || fail "siftool add refuses type $type"
}

printf 'bootstrap: scratch\n' >"$work/recipe"
printf '{"org.label-schema.name":"interop"}' >"$work/labels.json"
printf 'export A=1\n' >"$work/environment"
printf '{"a":[1,2]}' >"$work/any.json"
printf -- '-----BEGIN PGP SIGNED MESSAGE-----\n' >"$work/signature"
head -c 10000 /dev/zero | tr '\0' 'x' >"$work/partition"
: >"$work/nothing"

# Nothing in it.
"$SIFTOOL" new "$work/empty.sif"
compare "$work/empty.sif"

# Every architecture that a partition can have.
for arch in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    image=$work/arch$arch.sif
    "$SIFTOOL" new "$image"
    add "$image" "$work/partition" 4 --partfs 1 --parttype 2 --partarch "$arch"
    compare "$image"
done

# Every type of object, in three groups, linked, named and aligned in several ways.
image=$work/full.sif
"$SIFTOOL" new "$image"
add "$image" "$work/recipe" 1 --groupid 1
add "$image" "$work/environment" 2 --groupid 1 --filename environment
add "$image" "$work/labels.json" 3 --groupid 2 --alignment 512
add "$image" "$work/partition" 4 --partfs 1 --parttype 2 --partarch 4 --groupid 1
for kind in "2 1" "3 3" "4 4"; do
    read -r filesystem purpose <<<"$kind"
    add "$image" "$work/partition" 4 --partfs "$filesystem" --parttype "$purpose" --partarch 2 --groupid 3 --alignment 65536
done
for hash in 1 2 3 4 5; do
    add "$image" "$work/signature" 5 --signhash "$hash" --link 4 --signentity 433FE984155206BD962725E20E8713472A879943
done
add "$image" "$work/signature" 5 --signhash 1 --signentity 0000000000000000000000000000000000000000 --groupid 2
# A link to a group is the group's id under a mask, which siftool takes as a number.
add "$image" "$work/signature" 5 --signhash 2 --link $((0xf0000000 | 3)) --signentity 433FE984155206BD962725E20E8713472A879943
add "$image" "$work/any.json" 6 --filename "$(printf 'n%.0s' {1..128})"
add "$image" "$work/any.json" 7 --link 2 --alignment 1
add "$image" "$work/nothing" 7 --filename 'nothing in it'
add "$image" "$work/any.json" 8
for format in cyclonedx-json cyclonedx-xml github-json spdx-json spdx-rdf spdx-tag-value spdx-yaml syft-json; do
    add "$image" "$work/any.json" 9 --sbomformat "$format"
done
add "$image" "$work/any.json" 10
add "$image" "$work/any.json" 11
compare "$image"

# Changed afterwards: holes in the table and in the data, another primary partition.
for object in 2 9 24; do
    "$SIFTOOL" del "$object" "$image" || fail "siftool del refuses object $object"
    compare "$image"
done
image=$work/primary.sif
"$SIFTOOL" new "$image"
add "$image" "$work/partition" 4 --partfs 1 --parttype 2 --partarch 2
add "$image" "$work/partition" 4 --partfs 1 --parttype 1 --partarch 11
"$SIFTOOL" setprim 2 "$image"
compare "$image"

# The other way round: what the fixtures write, siftool reads.
examples=0
while IFS= read -r -d '' image; do
    compare "$image"
    examples=$((examples + 1))
done < <(find "$root/examples/images" -name '*.sif' -print0)
[[ "$examples" -gt 0 ]] || fail "no example was found"

# The files that the reference implementation is tested with, when a checkout of it is at hand.
if [[ -n "${SIF_IMAGES:-}" ]]; then
    for image in "$SIF_IMAGES"/*.sif; do
        compare "$image"
    done
fi

echo "siftool.sh: $compared images look the same to siftool and to sreg"
