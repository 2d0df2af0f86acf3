#!/usr/bin/env bash
# The independent verifiers of spec/verifiers beside sreg, one in Python and one in bash and jq: the
# same verdict on the vectors, and on published trees, without keys and with, with one byte changed in
# each of their files. verify.sh runs with a newer jq, and on a part of it with the distribution's, too: the
# vectors but trees, of which each takes seconds there (`CHANGED=all`: all), and whole trees.
# SREG names the sreg program.
set -eu

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "verifiers.sh: $*" >&2
    exit 1
}
for tool in cmp jq jq-1.8 python3 sha256sum ssh-keygen; do
    command -v "$tool" > /dev/null || fail "$tool is missing"
done
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
verifiers=$root/spec/verifiers
# Nothing but the pages' own folders is at hand: the verifiers, and the files that hosts are told with.
cp -r "$verifiers" "$work/verifiers"
cp -r "$root/spec/hosts" "$work/hosts"
verify_py() {
    python3 -I -c "import sys; sys.path.insert(0, '$work/verifiers'); import verify; sys.exit(verify.main(sys.argv[1:]))" "$@"
}
mkdir "$work/newer"
ln -s "$(command -v jq-1.8)" "$work/newer/jq"
verify_sh() {
    PATH=$work/newer:$PATH "$work/verifiers/verify.sh" "$@"
}
verify_sh_with_older_jq() {
    "$work/verifiers/verify.sh" "$@"
}
echo "verifiers.sh: $(jq --version) and $(jq-1.8 --version)"
# Side by side: most of the time each uses one core.
python3 "$work/verifiers/vectors.py" "$root/spec/vectors" > "$work/vectors.py.said" 2>&1 &
vectors_py=$!
PATH=$work/newer:$PATH "$work/verifiers/vectors.sh" "$root/spec/vectors" || fail "verdicts of verify.sh differ on the vectors"
parts=()
[[ ${CHANGED:-} == all ]] || for area in "$root"/spec/vectors/*/; do
    case $(basename "$area") in sif | tree) ;; *) parts+=("$(basename "$area")") ;; esac
done
"$work/verifiers/vectors.sh" "$root/spec/vectors" "${parts[@]}" > "$work/vectors.sh.said" ||
    { cat "$work/vectors.sh.said"; fail "verdicts of verify.sh differ on the vectors with $(jq --version)"; }
wait "$vectors_py" || { cat "$work/vectors.py.said"; fail "verdicts of verify.py differ on the vectors"; }
cat "$work/vectors.py.said"

# What sreg remembers of registries is this test's own.
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

SOURCE_DATE_EPOCH=1790000000 "$SREG" -q index "$root/examples/images" --out "$work/tree" --no-cache --link copy > "$work/log"

# The same with a key: a second version that moves a tag, takes one away, and has a new namespace.
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/key"
cp -r "$root/examples/images" "$work/source"
"$SREG" -q index "$work/source" --out "$work/signed" --key "$work/key" --link copy > "$work/log"
cp -r "$work/signed" "$work/former"
cp "$work/source/lab/tool/1.1.sif" "$work/source/lab/tool/1.0.sif"
rm "$work/source/lab/hello_latest.sif"
mkdir "$work/source/physics"
cp "$work/source/greeting_1.0.sif" "$work/source/physics/greeting_1.0.sif"
"$SREG" -q index "$work/source" --out "$work/signed" --key "$work/key" --link copy > "$work/log"
[[ -e "$work/signed/heads/1/2" ]] || fail "there is no second version"
# And a third, in which something is attached.
printf '{"spdxVersion":"SPDX-2.3"}\n' > "$work/tool.spdx.json"
"$SREG" -q attach "$work/tool.spdx.json" "$work/signed//lab/tool:1.1" --type application/spdx+json \
    --annotation org.example.tool=syft --key "$work/key" > "$work/log"
[[ -e "$work/signed/heads/1/3" ]] || fail "there is no third version"

# The id of a document, and a lock file that lists what was seen of a tree.
id_of() {
    head -n 1 "$1" | sha256sum | sed 's/^/sha256:/; s/ .*//'
}
lock_of() {
    local tree=$1 newest
    newest=$(find "$tree/trust" -type f -printf '%f\n' | sort -n | tail -n 1)
    jq -cnS --arg id "$(id_of "$tree/trust/1")" --arg trust "$(id_of "$tree/trust/$newest")" --argjson version "$newest" \
        --arg head "$(id_of "$tree/head")" --argjson document "$(head -n 1 "$tree/head")" '
        {registries: [{head: ($document | {epoch, id: $head, version}), id: $id, trust: {id: $trust, version: $version}}],
         type: "sreg-lock-v1"}'
}
lock_of "$work/signed" > "$work/lock"

# What one comparison writes; each shard below has a folder of its own.
here=$work state=$work/state

# The words of the errors, each once.
words() {
    sed -n 's/^error\[\([^]]*\)\].*/\1/p' | sort -u
}

# All three say the same of a tree: to a reader that nobody told anything of its registry, or, with a
# lock file of what sreg has seen, to one that knows it.
same_words() {
    local what=$1 tree=$2 lock=("${@:3}") seen=$here/nobody verify
    rm -rf "$seen"
    [[ ${#lock[@]} -eq 0 ]] || cp -r "$state" "$seen"
    XDG_STATE_HOME=$seen "$SREG" verify "$tree" 2>&1 > /dev/null | words > "$here/ours"
    for verify in verify_py verify_sh; do
        "$verify" "$tree" "${lock[@]}" 2>&1 > /dev/null | words > "$here/theirs"
        cmp -s "$here/ours" "$here/theirs" ||
            fail "$what: sreg says $(tr '\n' ' ' < "$here/ours"), $verify $(tr '\n' ' ' < "$here/theirs")"
    done
}

accepted() {
    local tree=$1 verify reference
    verify_sh_with_older_jq "$tree" "${@:2}" > "$work/log" 2>&1 || fail "verify.sh with $(jq --version) refuses the tree ${tree##*/}"
    "$SREG" ls "$tree" --format json | jq -r '.[].reference' | sort -u > "$work/references"
    for verify in verify_py verify_sh; do
        "$verify" "$tree" "${@:2}" > "$work/log" 2>&1 || { cat "$work/log"; fail "$verify refuses the tree ${tree##*/} with '${*:2}'"; }
        while read -r reference; do
            "$verify" "$tree" "$reference" "${@:2}" > "$work/log" 2>&1 || fail "$verify refuses $reference"
        done < "$work/references"
        if "$verify" "$tree" library/absent:1 "${@:2}" > "$work/log" 2>&1; then fail "$verify accepts an absent reference"; fi
    done
}

# Paths, of each kind the first, of kinds with digests the first three: the others differ in names and digests
# alone. `CHANGED=all` takes every path.
of_each_kind() {
    [[ ${CHANGED:-} != all ]] || { cat; return; }
    sed -E 'h; s/sha256:[0-9a-f]{64}/D/; s/[0-9a-f]{2}\/[0-9a-f]{64}/D/; s/[^/]+\/[^/]+:[^/]+$/N/; s/^v2\/[^/]+\/[^/]+/v2/
        s/(manifests|indexes)\/[^D/][^/]*/\1\/T/; s/^[^/]+\/[^/]+\/(tags|manifests)/S\/\1/; G; s/\n/ /' |
        awk '{ most = ($1 ~ /D$/) ? 3 : 1 } seen[$1]++ < most { print $2 }'
}

# The same verdicts with one byte changed in files of a tree: in each `shards`th, from the `shard`th.
changed_trees() {
    local tree=$here/$1 path file
    cp -r "$work/$1" "$tree"
    # A reader that knows the registry expects it here, too.
    XDG_STATE_HOME=$state "$SREG" -q verify "$tree" "${@:2}" > "$here/log"
    while read -r path; do
        file=$tree/$path
        cp "$file" "$here/whole"
        python3 - "$file" << 'FLIP'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
FLIP
        same_words "$path" "$tree"
        [[ -s "$here/ours" ]] || fail "$path: sreg does not find the change"
        # What a reader knows is of trust and heads alone.
        if [[ $# -gt 1 && ($path == head || $path == heads/* || $path == trust/*) ]]; then
            same_words "$path of a known registry" "$tree" "${@:2}"
        fi
        cp "$here/whole" "$file"
        echo "$path" >> "$here/changed"
    done < <(cd "$tree" && find . -type f -size +0 | sed 's|^\./||' | sort | of_each_kind | awk -v n="$shards" -v i="$shard" 'NR % n == i')
}

accepted "$work/tree"
accepted "$work/signed"
accepted "$work/signed" --lock "$work/lock"
accepted "$work/signed" --registry "$(jq -r '.registries[0].id' "$work/lock")"
for tree in tree signed; do
    same_words "$tree" "$work/$tree"
    [[ ! -s "$work/ours" ]] || fail "sreg refuses the tree $tree"
done
same_words "a former version" "$work/former" --lock "$work/lock"
grep -qx rolled-back "$work/ours" || fail "sreg accepts a former version"
# A lock file that lists another registry, and one beside a tree without keys.
echo '{"registries":[],"type":"sreg-lock-v1"}' > "$work/empty"
for tree in tree signed; do
    XDG_STATE_HOME=$work/stranger "$SREG" verify "$work/$tree" --lock "$work/empty" 2>&1 > /dev/null | words > "$work/ours"
    [[ "$(cat "$work/ours")" == "$([[ $tree == tree ]] && echo unsigned || echo untrusted-registry)" ]] ||
        fail "sreg says $(tr '\n' ' ' < "$work/ours") of $tree, which no lock file lists"
    for verify in verify_py verify_sh; do
        "$verify" "$work/$tree" --lock "$work/empty" 2>&1 > /dev/null | words > "$work/theirs"
        cmp -s "$work/ours" "$work/theirs" || fail "$verify says $(tr '\n' ' ' < "$work/theirs") of $tree, which no lock file lists"
    done
done
# On all cores: bash and jq take seconds for each tree.
shards=$(nproc)
pids=()
for ((shard = 0; shard < shards; shard++)); do
    (
        trap - EXIT
        here=$work/shard-$shard
        state=$here/state
        mkdir "$here"
        cp -r "$work/state" "$state"
        changed_trees tree
        changed_trees signed --lock "$work/lock"
    ) &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "a shard has failed"
done
changed=$(cat "$work"/shard-*/changed | wc -l)
[[ $changed -ge 30 ]] || fail "only $changed files were changed"
echo "verifiers.sh: the same verdicts on the vectors, and on $changed trees with one byte changed"
