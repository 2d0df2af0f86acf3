#!/usr/bin/env bash
# The independent verifiers of spec/verifiers beside sreg, one in Python and one in bash and jq: the
# same verdict on the vectors, and on a published tree with one byte changed in each of its files.
# SREG names the sreg program.
set -eu

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "verifiers.sh: $*" >&2
    exit 1
}
for tool in cmp jq python3 sha256sum; do
    command -v "$tool" > /dev/null || fail "$tool is missing"
done
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
verifiers=$root/spec/verifiers
# Nothing but the pages' own folder is at hand.
cp -r "$verifiers" "$work/verifiers"
verify_py() {
    python3 -I -c "import sys; sys.path.insert(0, '$work/verifiers'); import verify; sys.exit(verify.main(sys.argv[1:]))" "$@"
}
verify_sh() {
    "$work/verifiers/verify.sh" "$@"
}
python3 "$work/verifiers/vectors.py" "$root/spec/vectors" || fail "verdicts of verify.py differ on the vectors"
"$work/verifiers/vectors.sh" "$root/spec/vectors" || fail "verdicts of verify.sh differ on the vectors"

SOURCE_DATE_EPOCH=1790000000 "$SREG" -q index "$root/examples/images" --out "$work/tree" --no-cache --link copy > "$work/log"
"$SREG" ls "$work/tree" --format json | jq -r '.[].reference' > "$work/references"
for verify in verify_py verify_sh; do
    "$verify" "$work/tree" > "$work/log" || fail "$verify refuses the example tree"
    while read -r reference; do
        "$verify" "$work/tree" "$reference" > "$work/log" || fail "$verify refuses $reference"
    done < "$work/references"
    if "$verify" "$work/tree" library/absent:1 > "$work/log" 2>&1; then fail "$verify accepts an absent reference"; fi
done

# The words of the errors, each once.
words() {
    sed -n 's/^error\[\([^]]*\)\].*/\1/p' | sort -u
}
changed=0
while read -r path; do
    file=$work/tree/$path
    cp "$file" "$work/whole"
    python3 - "$file" << 'FLIP'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
FLIP
    "$SREG" verify "$work/tree" 2>&1 > /dev/null | words > "$work/ours"
    [[ -s "$work/ours" ]] || fail "$path: sreg does not find the change"
    for verify in verify_py verify_sh; do
        "$verify" "$work/tree" 2>&1 > /dev/null | words > "$work/theirs"
        cmp -s "$work/ours" "$work/theirs" || fail "$path: sreg says $(tr '\n' ' ' < "$work/ours"), $verify $(tr '\n' ' ' < "$work/theirs")"
    done
    cp "$work/whole" "$file"
    changed=$((changed + 1))
done < <(cd "$work/tree" && find . -type f | sed 's|^\./||' | sort)
[[ $changed -ge 30 ]] || fail "only $changed files were changed"
echo "verifiers.sh: the same verdicts on the vectors, and on $changed trees with one byte changed"
