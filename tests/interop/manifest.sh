#!/usr/bin/env bash
# Compares every OCI manifest that sreg publishes with the bytes that go-containerregistry, with
# which apptainer pushes, makes of the same image. SREG names the sreg program.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
    echo "manifest.sh: $*" >&2
    exit 1
}
command -v jq > /dev/null || fail "jq is missing"
command -v go > /dev/null || fail "go is missing"
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$here/go" && GOTOOLCHAIN=local go build -o "$work/manifest" ./manifest)

"$SREG" -q index "$root/examples/images" --out "$work/public" --no-cache > "$work/log"
compared=0
while IFS= read -r published; do
    # An image index lists manifests that are compared themselves.
    [[ "$(jq 'has("layers")' "$published")" == true ]] || continue
    title=$(jq -r '.layers[0].annotations["org.opencontainers.image.title"]' "$published")
    digest=$(jq -r '.layers[0].digest' "$published")
    size=$(jq -r '.layers[0].size' "$published")
    layer=$(jq -r '.layers[0].mediaType' "$published")
    "$work/manifest" "$title" "$digest" "$size" "$layer" > "$work/expected"
    cmp "$published" "$work/expected" || fail "$published is not what go-containerregistry writes"
    [[ "$(basename "$published")" == "sha256:$(sha256sum < "$published" | cut -d' ' -f1)" ]] || fail "$published has another digest"
    compared=$((compared + 1))
done < <(find "$work/public/v2" -path '*/manifests/sha256:*' -type f)
[[ $compared -ge 6 ]] || fail "only $compared manifests were compared"
echo "manifest.sh: $compared manifests are byte for byte those of go-containerregistry"
