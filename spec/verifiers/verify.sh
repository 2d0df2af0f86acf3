#!/usr/bin/env bash
# Verifies a published registry tree, or one reference in it, from the pages of `spec/` alone.
#
#     verify.sh ROOT [NAMESPACE/NAME[:TAG]]
#
# It shares no code with sreg. It needs bash, jq, sha256sum, cmp and find. Every fault is printed as
# `error[word]: path: what`; the exit code is 0 when all is well, else that of the worst fault, as
# spec/cli.md lists them. verify.jq has the pages as definitions, tree.jq judges a tree by them.
set -euo pipefail
# Bytes, not characters: jq alone decodes, and verify.jq refuses what is not UTF-8.
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Writes the bytes of files as frames that jq can read without losing any: path, RS, kind, RS,
# content, RS. Content of printable ASCII stands as it is, all else as numbers. Paths come on
# standard input, each with NUL.
frame_files() {
    local root=$1 path content parts
    while IFS= read -r -d '' path; do
        # A shell string holds no NUL; no page allows one either, and U+0001 is refused as it is.
        mapfile -d '' parts < "$root/$path" || continue
        IFS=$'\x01' content="${parts[*]-}"
        [[ ${#parts[@]} -gt 0 ]] || content=
        if [[ $content == *[!$'\n'\ -~]* ]]; then
            printf '%s\x1ebytes\x1e' "$path"
            byte_numbers "$content"
            printf '\x1e'
        else
            printf '%s\x1etext\x1e%s\x1e' "$path" "$content"
        fi
    done
}

byte_numbers() {
    local content=$1 i
    for ((i = 0; i < ${#content}; i++)); do
        printf '%d ' "'${content:i:1}"
    done
}

# Frames as {path: bytes}.
read_frames() {
    jq -Rs '
        split("\u001e") as $parts
        | reduce range(0; ($parts | length) - 1; 3) as $i ({};
            .[$parts[$i]] = (if $parts[$i + 1] == "text" then $parts[$i + 2]
                             else $parts[$i + 2] | split(" ") | map(select(. != "") | tonumber) | implode end))'
}

# The digests of files, whose paths come with NUL, as {path: digest}; files that cannot be read are
# left out.
hash_files() {
    local root=$1 paths i
    mapfile -d '' paths
    for ((i = 0; i < ${#paths[@]}; i += 500)); do
        (cd "$root" && sha256sum -z -- "${paths[@]:i:500}" 2> /dev/null) || true
    done | jq -Rs 'reduce (split("\u0000")[] | select(. != "")) as $one ({}; .[$one[66:]] = "sha256:" + $one[:64])'
}

# The digests of strings, each of which comes with RS behind it, as {string: digest}.
hash_strings() {
    local folder=$1 text n=0
    rm -rf "$folder"
    mkdir "$folder" "$folder/each"
    while IFS= read -r -d $'\x1e' text; do
        printf '%s' "$text" > "$folder/each/$n"
        printf '%s\x1e' "$text" >> "$folder/all"
        n=$((n + 1))
    done
    : >> "$folder/all"
    find "$folder/each" -type f -exec sha256sum {} + > "$folder/digests"
    jq -n --rawfile all "$folder/all" --rawfile digests "$folder/digests" '
        ($all | split("\u001e")) as $strings
        | reduce ($digests | split("\n")[] | select(. != "")) as $one ({};
            .[$strings[$one | split("/")[-1] | tonumber]] = "sha256:" + $one[:64])'
}

# What jq needs the digests of, in the texts of nodes and statements: keys (IDX-2), manifests that
# statements name (STM-10), and line 1 where it is not the whole file (STM-4).
strings_to_hash() {
    jq -L "$here" -j '
        include "verify";
        [.[] | split("\n") as $lines
            | (if ($lines | length) > 2 and ($lines[0] | startswith("{"))
               then try ($lines[0] | utf8 + "\n") catch empty else empty end),
              ($lines[] | select(startswith("{")) | try (utf8 | fromjson) catch empty
                | select(type == "object")
                | (.key | select(type == "string")),
                  try (select(.name | is_repository) | select(.tag | is_tag) | select(formats[.media]) | select(.digest | is_digest)
                    | select(.size | type == "number") | manifest_of) catch empty)]
        | unique[] | select(test("\u001e|\u0000") | not) | . + "\u001e"' "$@"
}

# Every path of a tree but folders: {path: {type, size}}. A link to a file counts as that file, as it
# does for who is served; a link to a folder is not followed.
take_stock() {
    {
        find -H "$1" -mindepth 1 ! -type d ! \( -type l -xtype f \) -printf '%y %s %P\0'
        (cd "$1" && find . -type l -xtype f -exec stat -L --printf 'f %s %n\0' {} +)
    } | jq -Rs '
        reduce (split("\u0000")[] | select(. != "")) as $one ({};
            ($one | split(" ")) as $words
            | .[$words[2:] | join(" ") | ltrimstr("./")] = {type: $words[0], size: ($words[1] | tonumber)})'
}

# A folder may stand in the place of a file.
folders_in_place() {
    find -H "$1" -mindepth 1 -type d -printf '%P\0' | jq -L "$here" -Rs '
        include "verify";
        reduce (split("\u0000")[] | select(. != "") | select(place != null)) as $path ({};
            .[$path] = {type: "d", size: 0})'
}

# The files whose text is judged, each with NUL: documents and nodes, and views of a whole tree. A
# file over its page's limit is not read.
paths_to_read() {
    jq -L "$here" -j --argjson views "$1" '
        include "verify";
        {"sreg.json": 1048576, head: greatest_document, "head-slot": greatest_document,
         statement: greatest_document, node: 65536, endpoint: 16777216, manifests: 16384, blobs: 2} as $most
        | to_entries[] | select(.value.type == "f")
        | (.key | place) as $place
        | select($place != null and .value.size <= $most[$place.place])
        | select($views or ($place.place | . != "endpoint" and . != "manifests" and . != "blobs"))
        | .key + "\u0000"'
}

# Documents and nodes, whose digests are their names.
paths_to_hash() {
    jq -L "$here" -j '
        include "verify";
        to_entries[] | select(.value.type == "f")
        | select(.key | place | . != null and (.place | . == "head" or . == "head-slot" or . == "statement" or . == "node"))
        | .key + "\u0000"'
}

# CHAIN-5: the last value of a sidecar is the image's digest.
ends_in() {
    local sidecar=$1 skip=$2 hex=${3#sha256:} bytes='' i
    for ((i = 0; i < 64; i += 2)); do
        bytes+="\\x${hex:i:2}"
    done
    printf '%b' "$bytes" | cmp -s -i "$skip:0" "$sidecar" -
}

# Judges the files that tree.jq leaves to be hashed whole.
judge_files() {
    local root=$1 work=$2 kind path digest length has last
    : > "$work/found"
    while IFS=$'\t' read -r kind path _; do
        case $kind in sidecar | blob | stray) printf '%s\0' "$path" ;; esac
    done < "$work/verdicts" > "$work/blobs"
    hash_files "$root" < "$work/blobs" | jq -r 'to_entries[] | "\(.key)\t\(.value)"' > "$work/blob-digests"
    declare -A digests=()
    while IFS=$'\t' read -r path digest; do
        digests[$path]=$digest
    done < "$work/blob-digests"
    while IFS=$'\t' read -r kind path digest length has last; do
        case $kind in
            sidecar | blob | stray) ;;
            *) printf '%s\t%s\t%s\t%s\n' "$kind" "$path" "$digest" "$length" && continue ;;
        esac
        if [[ -z "${digests[$path]-}" ]]; then
            printf 'error\tunreadable\t%s\tit cannot be read\n' "$path"
        elif [[ "${digests[$path]}" != "$digest" ]]; then
            printf 'error\tblob-mismatch\t%s\tits digest is %s\n' "$path" "${digests[$path]}"
        elif [[ $kind == stray ]]; then
            printf 'warning\t%s\t%s\t\n' "$length" "$has"
        elif [[ $kind == sidecar && $has != "$length" ]]; then
            printf 'error\tchain-length\t%s\t%s bytes\n' "$path" "$has"
        elif [[ $kind == sidecar ]] && ! ends_in "$root/$path" $((length - 32)) "$last"; then
            printf 'error\tchain-end\t%s\tit is of another image\n' "$path"
        fi
    done < "$work/verdicts"
}

# Writes the verdicts on a tree: lines of `error`, word, path, what, or `warning`, word, path.
judge() {
    local root=$1 work=$2 reference=null views=true
    if [[ $# -gt 2 ]]; then
        reference=$(jq -n --arg reference "$3" '$reference')
        views=false
    fi
    take_stock "$root" > "$work/files"
    folders_in_place "$root" > "$work/folders"
    jq -s add "$work/folders" "$work/files" > "$work/stock"
    paths_to_read "$views" < "$work/stock" | frame_files "$root" | read_frames > "$work/texts"
    paths_to_hash < "$work/stock" | hash_files "$root" > "$work/digests"
    {
        strings_to_hash "$work/texts"
        jq -jn --argjson reference "$reference" '
            $reference // empty | split("@")[0] | split("/")
            | (.[0], (.[1:] | join("/") | ., . + ":latest")) | select(test("[\u0000\u001e]") | not) | . + "\u001e"'
    } | hash_strings "$work/strings" > "$work/hashed"
    jq -nr -L "$here" --argjson reference "$reference" --argfile stock "$work/stock" --argfile texts "$work/texts" \
        --argfile digests "$work/digests" --argfile hashed "$work/hashed" "$(< "$here/tree.jq")" > "$work/verdicts"
    judge_files "$root" "$work"
}

# CLI-8: of several faults, the worst by the order of that page; 6 where no other class is named.
exit_code() {
    local word code
    declare -A seen=()
    for word in "$@"; do
        case $word in
            missing-* | not-a-tree) code=4 ;;
            unreadable) code=5 ;;
            signature-unchecked) code=7 ;;
            case-collision | stray-head) code=8 ;;
            stale-view | lagging-head) code=9 ;;
            newer-format) code=2 ;;
            *) code=6 ;;
        esac
        seen[$code]=1
    done
    for code in 7 6 8 5 4 9 2; do
        [[ -z "${seen[$code]-}" ]] || { echo "$code" && return; }
    done
    echo 0
}

# CLI-9: of a reference that is malformed, the argument is wrong, not a file.
is_argument() {
    case $1 in
        malformed-reference | malformed-namespace | malformed-name | malformed-tag | malformed-digest | reserved-name) true ;;
        *) false ;;
    esac
}

main() {
    if [[ $# -lt 1 || $# -gt 2 || $1 == -* ]]; then
        echo "verify.sh ROOT [NAMESPACE/NAME[:TAG]]" >&2
        return 2
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    local kind word path what words=()
    declare -A said=()
    if [[ ! -d $1 ]]; then
        printf 'error\tnot-a-tree\tsreg.json\tnot-a-tree\n' > "$work/judged"
    else
        judge "$1" "$work" "${@:2}" > "$work/judged"
    fi
    while IFS=$'\t' read -r kind word path what; do
        if [[ $kind == warning ]]; then
            [[ -n "${said[$word $path]-}" ]] || echo "warning[$word]: $path" >&2
            said[$word $path]=1
        else
            echo "error[$word]: $path: $what" >&2
            words+=("$word")
        fi
    done < "$work/judged"
    if [[ ${#words[@]} -eq 0 ]]; then
        echo "$1: ok"
    else
        echo "$1: ${#words[@]} faults"
        if [[ $# -eq 2 && ${words[0]} != "" && ${#words[@]} -eq 1 ]] && is_argument "${words[0]}"; then return 2; fi
    fi
    return "$(exit_code "${words[@]}")"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
    main "$@"
fi
