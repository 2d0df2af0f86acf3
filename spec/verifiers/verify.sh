#!/usr/bin/env bash
# Verifies a published registry tree, or one reference in it, from the pages of `spec/` alone.
#
#     verify.sh ROOT [NAMESPACE/NAME[:TAG]] [--registry ID] [--lock FILE] [--now SECONDS]
#
# It shares no code with sreg. It needs bash, jq, sha256sum, cmp and find, and ssh-keygen for
# registries with keys. Every fault is printed as `error[word]: path: what`; the exit code is 0 when
# all is well, else that of the worst fault, as spec/cli.md lists them. verify.jq and trust.jq have the
# pages as definitions, tree.jq judges a tree by them.
set -euo pipefail
# Bytes, not characters: jq alone decodes, and verify.jq refuses what is not UTF-8.
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# jq with the pages' definitions in front of a program, which stands before the options and files. They are
# no modules: jq 1.8 aborts on a module that includes another.
jq_with_pages() {
    jq -f <(cat "$here/verify.jq" "$here/trust.jq" && printf '%s\n' "$1") "${@:2}"
}

# Writes the bytes of files as frames that jq can read without losing any: path, RS, kind, RS,
# content, RS. Content of printable ASCII stands as it is, all else as numbers. Paths come on
# standard input, each with NUL.
frame_files() {
    local root=$1 path content part
    while IFS= read -r -d '' path; do
        # A shell string holds no NUL; in its place U+0001 shows that there is one.
        {
            content=
            while IFS= read -r -d '' part; do content+=$part$'\x01'; done
            content+=$part
        } < "$root/$path" || continue
        if [[ $content == *[!$'\n'\ -~]* ]]; then
            printf '%s\x1ebytes\x1e' "$path"
            od -A n -v -t u1 -- "$root/$path"
            printf '\x1e'
        else
            printf '%s\x1etext\x1e%s\x1e' "$path" "$content"
        fi
    done
}

# Frames as {path: bytes}.
read_frames() {
    jq -Rs '
        split("\u001e") as $parts
        | reduce range(0; ($parts | length) - 1; 3) as $i ({};
            .[$parts[$i]] = (if $parts[$i + 1] == "text" then $parts[$i + 2]
                             else [$parts[$i + 2] | split("\n")[] | split(" ")[] | select(. != "") | tonumber] | implode end))'
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
# statements name (STM-10), and line 1 where it is not the whole file (STM-4); the manifests of artifacts
# (API-17), for which the digests of the files are at hand, so that lists of them can be put together; and the
# image indexes of tags (API-11), whose lines stand together in one node.
strings_to_hash() {
    jq_with_pages '
        . as [$texts, $digests] |
        def is_described:
            type == "object" and (.name | is_repository) and (.tag | is_tag) and formats[.media]? != null and (.digest | is_digest)
            and (.size | type == "number");
        # A statement as `views` wants it: one of a registry with keys with its file.
        def with_file($path; $lines):
            if ($path | startswith("s/")) and .registry and $digests[$path]
            then .file = {digest: $digests[$path], size: ($lines | map(length + 1) | add - 1)} else . end;
        [($texts | to_entries[] | .key as $path | .value | split("\n") as $lines
            | (if ($lines[1:] | length > 0 and . != [""]) and ($lines[0] | startswith("{"))
               then try ($lines[0] | utf8 + "\n") catch empty else empty end),
              ($lines[] | select(startswith("{")) | try (utf8 | fromjson) catch empty
                | select(type == "object")
                | (.key | select(type == "string")),
                  try (select(is_described) | manifest_of,
                      (select((.arch | is_arch) and (.manifest | is_digest)) | [with_file($path; $lines)] | artifacts({}) | .text))
                  catch empty)),
           ($texts | to_entries[] | select(.key | startswith("n/")) | .value
            | [split("\n")[] | select(contains("\"size\"")) | try fromjson catch empty
                | objects | select((.key | type == "string") and (.statement | is_digest))]
            | group_by(.key)[] | select(length > 1)
            | [.[] | $texts[sharded("s"; .statement)] // "" | split("\n")[0] // "" | try fromjson catch empty
                | select(is_described and (.arch | is_arch) and (.manifest | is_digest))]
            | select(length > 1) | shown_first | image_index)]
        | unique[] | select(test("\u001e|\u0000") | not) | . + "\u001e"' -js "$1" "$2"
}

# What is to be found out about the signatures of a tree, and about the keys in its trust.
questions_of_tree() {
    jq_with_pages '
        select(has("trust/1"))
        | to_entries[]
        | (.key | place // {} | .place) as $place
        | ({trust: "trust", head: "head", "head-slot": "head", statement: "image"}[$place // ""] // empty) as $purpose
        | (.value | split("\n")) as $lines
        | select($lines | length > 1)
        | [try ($lines[0] | canonical | {value: ., line: ($lines[0] | utf8 + "\n")}) catch empty][]
        | .line as $line
        | (if $place == "trust" then .value.keys | arrays[] | objects.key | select(is_key) | {key: .} else empty end),
          ($lines[1:] | join("\n") | questions($purpose; $line))' -c "$1"
}

# Finds out what jq cannot, as $facts of trust.jq. Comes with JSON lines of {key}, whose fingerprint
# is wanted, of {key, point} about whether it is on its curve, and of {key, purpose, armored, message}
# about SIG-19. ssh-keygen is laxer than the page in much (signature.md, Security): only what has
# passed all else comes here.
find_facts() {
    local folder=$1 kind n first second workers worker purposes=() asked=0
    rm -rf "$folder"
    mkdir -p "$folder/keys" "$folder/asked"
    cat > "$folder/questions"
    if [[ ! -s "$folder/questions" ]]; then
        echo '{"off_curve": {}, "prints": {}, "verified": {}}'
        return
    fi
    command -v ssh-keygen > /dev/null || { echo "verify.sh: ssh-keygen is missing" >&2 && return 5; }
    : > "$folder/points"
    while IFS=$'\t' read -r kind n first second; do
        case $kind in
            key) printf '%b' "$first" > "$folder/keys/$n" ;;
            point) echo "$first $n" >> "$folder/points" ;;
            *)
                printf '%b' "$first" > "$folder/asked/$n.sig"
                printf '%b' "$second" > "$folder/asked/$n"
                purposes[n]=$kind
                asked=$((n + 1))
                ;;
        esac
    done < <(jq_with_pages '
        def escaped: gsub("\\\\"; "\\\\") | gsub("\n"; "\\n");
        def hex_digit: . as $n | "0123456789abcdef"[$n:$n + 1];
        def escaped_bytes: map("\\x" + (. / 16 | floor | hex_digit) + (. % 16 | hex_digit)) | join("");
        (keys_of_questions | to_entries[]
            | ["key", .key, (.value | split(" ")[1] | unbase64 | escaped_bytes)],
              (select(.value | contains("ecdsa")) | ["point", .key, .value])),
        (signatures_of_questions | to_entries[] | [.value.purpose, .key, (.value.armored, .value.message | escaped)])
        | map(tostring) | join("\t")' -rs "$folder/questions")
    workers=$(nproc)
    for ((worker = 0; worker < workers; worker++)); do
        for ((n = worker; n < asked; n += workers)); do
            if ssh-keygen -Y check-novalidate -n "${purposes[n]}@sreg.v1" -s "$folder/asked/$n.sig" < "$folder/asked/$n" &> /dev/null; then
                echo "$n"
            fi
        done > "$folder/verified-$worker" &
    done
    wait
    # It lists each key that it can read, with what stands behind it.
    { ssh-keygen -l -f "$folder/points" 2> /dev/null || true; } > "$folder/listed"
    (cd "$folder/keys" && find . -type f -exec sha256sum {} +) > "$folder/digests"
    cat "$folder"/verified-* > "$folder/verified"
    jq_with_pages '
        . as $questions
        | keys_of_questions as $keys
        | signatures_of_questions as $signatures
        | [$verified | split("\n")[] | select(. != "") | $signatures[tonumber]] as $good
        | ($good | reduce .[].key as $key ({}; .[$key] = true)) as $good_keys
        | ($listed | split("\n") | reduce (.[] | select(. != "") | split(" ")[2] | $keys[tonumber]) as $key ({}; .[$key] = true)) as $points
        | {
            verified: ($good | reduce .[] as $one ({}; .[$one | question(.purpose; .armored; .message)] = true)),
            prints: ($digests | reduce (split("\n")[] | select(. != "")) as $one ({};
                .[$keys[$one | split("/")[-1] | tonumber]] = "SHA256:" + ($one[:64] | unhex | base64 | rtrimstr("=")))),
            off_curve: (reduce ($questions[] | select(.point or .armored) | .key) as $key ({};
                if has($key) or $good_keys[$key] then . else .[$key] = ($key | lies_on_curve($points) | not) end)
                | with_entries(select(.value)))
        }' -s --rawfile verified "$folder/verified" --rawfile listed "$folder/listed" --rawfile digests "$folder/digests" "$folder/questions"
}

# Every path of a tree but folders: {path: {type, size}}. A link in the place of a blob counts as the file
# that it leads to, as it does for who is served: images may be linked into a tree. Where a link is a view,
# its text is `link`, whether or not it leads anywhere. Other links are not followed.
take_stock() {
    local blobs='./v2/[^/]+/[^/]+/blobs/[^/]+' views='./library/([^/]+/)?v1/imagefile/.*'
    (
        cd "$1"
        find . -regextype posix-extended -mindepth 1 ! -type d ! \( -type l -xtype f -regex "$blobs" \) -printf '\0%y %s %P\0'
        find . -regextype posix-extended -type l -xtype f -regex "$blobs" -exec stat -L --printf '\0f %s %n\0' {} +
        find . -regextype posix-extended -type l -regex "$views" -printf '%l\0%y %s %P\0'
    ) | jq -Rs '
        split("\u0000") as $said
        | reduce range(0; ($said | length) - 1; 2) as $i ({};
            ($said[$i + 1] | split(" ")) as $words
            | .[$words[2:] | join(" ") | ltrimstr("./")] = {type: $words[0], size: ($words[1] | tonumber)}
                + if $said[$i] == "" then {} else {link: $said[$i]} end)'
}

# A folder may stand in the place of a file.
folders_in_place() {
    find -H "$1" -mindepth 1 -type d -printf '%P\0' | jq_with_pages '
        reduce (split("\u0000")[] | select(. != "") | select(place != null)) as $path ({};
            .[$path] = {type: "d", size: 0})' -Rs
}

# The files whose text is judged, each with NUL: documents and nodes, and views of a whole tree. A
# file over its page's limit is not read.
paths_to_read() {
    jq_with_pages '
        {settings: 1048576, head: greatest_document, "head-slot": greatest_document, trust: greatest_trust,
         statement: greatest_document, node: 65536, "seed-tags": 16777216, "seed-manifest": 16777216, manifest: 32768,
         "no-jekyll": 0, ping: 16, "nginx-conf": 65536, headers: 65536,
         "tag-manifest": 16384, index: 16384, "tag-index": 16384, referrers: 1048576, "referrers-tag": 1048576, "tags-list": 16777216, "library-image": 16384,
         shub: 16777216, blob: 2,
         # A file in the place of a link is no link, whatever it holds.
         "library-file": -1} as $most
        | to_entries[] | select(.value.type == "f")
        | (.key | place) as $place
        | select($place != null and .value.size <= $most[$place.place])
        | select($views or ($place.view or $place.place == "blob" | not))
        | .key + "\u0000"' -j --argjson views "$1"
}

# Documents and nodes, whose digests are their names.
paths_to_hash() {
    jq_with_pages '
        to_entries[] | select(.value.type == "f")
        | select(.key | place | . != null and (.place | . == "head" or . == "head-slot" or . == "trust" or . == "statement" or . == "node" or . == "manifest"))
        | .key + "\u0000"' -j
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
        case $kind in sidecar | blob | copy | stray) printf '%s\0' "$path" ;; esac
    done < "$work/verdicts" > "$work/blobs"
    hash_files "$root" < "$work/blobs" | jq -r 'to_entries[] | "\(.key)\t\(.value)"' > "$work/blob-digests"
    declare -A digests=()
    while IFS=$'\t' read -r path digest; do
        digests[$path]=$digest
    done < "$work/blob-digests"
    while IFS=$'\t' read -r kind path digest length has last; do
        case $kind in
            sidecar | blob | copy | stray) ;;
            *) printf '%s\t%s\t%s\t%s\n' "$kind" "$path" "$digest" "$length" && continue ;;
        esac
        if [[ -z "${digests[$path]-}" ]]; then
            printf 'error\tunreadable\t%s\tit cannot be read\n' "$path"
        elif [[ $kind == copy && "${digests[$path]}" != "$digest" ]]; then
            printf 'error\tview-mismatch\t%s\t\n' "$path"
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

# The files that tell hosts how to serve a tree, by path.
files_of_hosts() {
    jq -n --rawfile nginx "$here/../hosts/nginx.conf" --rawfile headers "$here/../hosts/_headers" \
        '{"nginx.conf": $nginx, _headers: $headers}'
}

# Writes the verdicts on a tree: lines of `error`, word, path, what, or `warning`, word, path. The last
# argument is $asked of tree.jq.
judge() {
    local root=$1 work=$2 asked=$3
    take_stock "$root" > "$work/files"
    folders_in_place "$root" > "$work/folders"
    jq -s add "$work/folders" "$work/files" > "$work/stock"
    paths_to_read "$(jq '.reference == null' <<< "$asked")" < "$work/stock" | frame_files "$root" | read_frames > "$work/texts"
    paths_to_hash < "$work/stock" | hash_files "$root" > "$work/digests"
    {
        strings_to_hash "$work/texts" "$work/digests"
        jq -j '
            .reference // empty | split("@")[0] | split("/")
            | (.[0], (.[1:] | join("/") | ., . + ":latest")) | select(test("[\u0000\u001e]") | not) | . + "\u001e"' <<< "$asked"
    } | hash_strings "$work/strings" > "$work/hashed"
    questions_of_tree "$work/texts" | find_facts "$work/signatures" > "$work/facts"
    (cd "$work" && jq_with_pages "$(< "$here/tree.jq")" -rs --argjson asked "$asked" --argjson hosts "$(files_of_hosts)" \
        stock texts digests hashed facts) > "$work/verdicts"
    judge_files "$root" "$work"
}

# CLI-8: of several faults, the worst by the order of that page; 6 where no other class is named.
exit_code() {
    local word code
    declare -A seen=()
    for word in "$@"; do
        case $word in
            missing-trust | other-registry | rolled-back | fork | unsigned | untrusted-registry | head-epoch | head-trust | trust-order) code=7 ;;
            untrusted-* | expired-* | signature-*) code=7 ;;
            missing-* | not-a-registry) code=4 ;;
            unreadable) code=5 ;;
            case-collision | stray-head | stray-trust) code=8 ;;
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

usage() {
    echo "verify.sh ROOT [NAMESPACE/NAME[:TAG]] [--registry ID] [--lock FILE] [--now SECONDS]" >&2
    exit 2
}

# Ends the program with what is wrong with an argument.
refuse() {
    local word=$1
    shift
    echo "error[$word]: $*" >&2
    exit "$(is_argument "$word" && echo 2 || exit_code "$word")"
}

# The registries that a lock file lists, or what is wrong with it.
read_lock() {
    local file=$1 work=$2
    [[ -e $file ]] || refuse missing-file "$file"
    [[ -f $file ]] || refuse not-a-file "$file"
    [[ -r $file ]] || refuse unreadable "$file"
    {
        # A file over the limit is not read.
        if [[ $(stat -c %s "$file") -le 1048576 ]]; then
            printf '%s\0' "$(basename "$file")" | frame_files "$(dirname "$file")"
        fi
    } | read_frames > "$work/lock"
    jq_with_pages '
        (.[] // "")
        | [try (document(check_lock; greatest_lock; false; $size; ""; {}) | .value.registries | tojson) catch "error \(.)"][0]' -r --argjson size "$(stat -c %s "$file")" "$work/lock"
}

main() {
    local root='' reference='' registry='' lock='' now known='[]' asked
    now=$(date +%s)
    while [[ $# -gt 0 ]]; do
        case $1 in
            --registry | --lock | --now)
                [[ $# -gt 1 ]] || usage
                local "${1#--}=$2"
                shift
                ;;
            -*) usage ;;
            *)
                [[ -z $reference ]] || usage
                if [[ -z $root ]]; then root=$1; else reference=$1; fi
                ;;
        esac
        shift
    done
    [[ -n $root && $now =~ ^[0-9]+$ ]] || usage
    [[ -z $registry || $registry =~ ^sha256:[0-9a-f]{64}$ ]] || refuse malformed-digest "$registry"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    if [[ -n $lock ]]; then
        known=$(read_lock "$lock" "$work")
        [[ $known != error* ]] || refuse "$(cut -f 1 <<< "${known#error }")" "$lock"
    fi
    asked=$(jq -n --arg reference "$reference" --arg registry "$registry" --argjson known "$known" --argjson now "$now" --arg lock "$lock" '
        {reference: (if $reference == "" then null else $reference end),
         expected: (if $registry == "" then [] else [$registry] end), known: $known, now: $now, locked: ($lock != "")}')
    local kind word path what words=()
    declare -A said=()
    if [[ ! -d $root ]]; then
        printf 'error\tnot-a-registry\tsreg.json\tnot-a-registry\n' > "$work/judged"
    else
        judge "$root" "$work" "$asked" > "$work/judged"
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
        echo "$root: ok"
    else
        echo "$root: ${#words[@]} faults"
        if [[ -n $reference && ${#words[@]} -eq 1 ]] && is_argument "${words[0]}"; then return 2; fi
    fi
    return "$(exit_code "${words[@]}")"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
    main "$@"
fi
