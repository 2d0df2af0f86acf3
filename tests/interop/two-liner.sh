#!/usr/bin/env bash
# The seeds' two-liner against a plain web server: curl and jq find the URL of an image, curl
# downloads it, sha256sum agrees. SREG names the sreg program.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    echo "two-liner.sh: $*" >&2
    exit 1
}
for tool in curl jq python3; do
    command -v "$tool" > /dev/null || fail "$tool is missing"
done
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"

work=$(mktemp -d)
server=
trap 'if [[ -n "$server" ]]; then kill "$server"; fi; rm -rf "$work"' EXIT
mkdir "$work/public"
: > "$work/server.log"
# Any free port: the server says which.
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/public" > "$work/server.log" 2>&1 &
server=$!
port=
for _ in $(seq 100); do
    port=$(sed -nE 's/.* port ([0-9]+) .*/\1/p' "$work/server.log")
    [[ -z "$port" ]] || break
    sleep 0.1
done
[[ -n "$port" ]] || fail "the web server did not start: $(cat "$work/server.log")"
site="http://127.0.0.1:$port"

"$SREG" -q index "$root/examples/images" --out "$work/public" --no-cache --base-url "$site" > "$work/log"
downloaded=0
while IFS=$'\t' read -r reference digest; do
    name=${reference%:*} tag=${reference##*:}
    curl -fsS "$site/$name/tags/" | jq -e --arg tag "$tag" '.tags | index($tag) != null' > /dev/null || fail "$name does not list $tag"
    url=$(curl -fsS "$site/$name/manifests/$tag/" | jq -r '.layers[].urls[0]')
    curl -fsS -o "$work/image.sif" "$url"
    [[ "sha256:$(sha256sum < "$work/image.sif" | cut -d' ' -f1)" == "$digest" ]] || fail "$url is not $digest"
    downloaded=$((downloaded + 1))
done < <("$SREG" ls "$work/public" --format json | jq -r '.[] | select(.arch != "arm64") | [.reference, .digest] | @tsv')
[[ $downloaded -ge 5 ]] || fail "only $downloaded images were downloaded"
echo "two-liner.sh: $downloaded images found with curl and jq, downloaded, and whole"
