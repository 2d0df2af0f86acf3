#!/usr/bin/env bash
# Holds verify.sh to the vectors of `spec/vectors`.
#
#     vectors.sh FOLDER [AREA …]
#
# Without an area, all that it reads. Every vector on which it does not reach the verdict that is
# named is printed, every one that it is exempt from, and of each area how many were run; the exit code
# is 0 when none failed.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=verify.sh
source "$here/verify.sh"

areas=(arch canonical-json digest digest-chain head key layout lock manifest map node proof reference settings signature
    statement tree trust views)
# Areas that verify.sh does not read.
not_run=" sif "

# Chains whose length and last value are right, and the image too: only an interior link is not, and
# sha256sum gives out no interior value.
interior_links="flipped-bit little-endian swapped two-sidecars"

failed=0
declare -A ran=()
# Counts a vector of an area; whatever else is said is what is wrong.
count() {
    ran[$1]=$((${ran[$1]-0} + 1))
    [[ $# -eq 1 ]] || { failed=$((failed + 1)) && echo "${*:2}"; }
}

# The folders of all cases, each with NUL.
cases() {
    local area verdict case
    for area in "${areas[@]}"; do
        for verdict in valid invalid; do
            for case in "$1/$area/$verdict"/*/; do
                [[ ! -d $case ]] || printf '%s\0' "$area/$verdict/$(basename "$case")"
            done
        done
    done
}

# The areas that are documents of their own, all at once.
documents() {
    local folder=$1 work=$2 line
    (cd "$folder" && find "${areas[@]}" \( -name input -o -name message \) -size -5M -printf '%p\0' | grep -zv -e '^tree/' -e '^digest-chain/') > "$work/inputs"
    frame_files "$folder" < "$work/inputs" | read_frames > "$work/texts"
    hash_files "$folder" < "$work/inputs" > "$work/digests"
    (cd "$folder" && find "${areas[@]}" -name input -printf '%p %s\n') |
        jq -Rn 'reduce (inputs | split(" ")) as $one ({}; .[$one[0]] = ($one[1] | tonumber))' > "$work/sizes"
    strings_of_vectors "$work" | hash_strings "$work/strings" > "$work/hashed"
    questions_of_vectors "$work" | find_facts "$work/signatures" > "$work/facts"
    build_maps "$work" > "$work/built"
    (cd "$work" && jq_with_pages "$(< "$here/vectors.jq")" -rs --argjson hosts "$(files_of_hosts)" \
        vectors texts sizes digests hashed facts built) > "$work/said"
    while IFS= read -r line; do
        if [[ $line == *" ." ]]; then count "${line% .}"; else count "${line%%/*}" "$line"; fi
    done < "$work/said"
}

# What is to be found out about keys and signatures.
questions_of_vectors() {
    local work=$1
    jq_with_pages '
        . as [$vectors, $inputs]
        | $vectors | keys[] as $case
        | $inputs[$case + "/input"] as $input
        | ($case | split("/")[0]) as $area
        | if $area == "key" then [try ($input | read_key) catch empty][] | {key, point: true}
          elif $area == "trust" then [try ($input | split("\n")[0] | canonical) catch empty][] | .keys | arrays[] | objects.key | select(is_key) | {key: .}
          elif $area == "signature" then $input // "" | questions($vectors[$case].purpose; $inputs[$case + "/message"])
          else empty end' -cs "$work/vectors" "$work/texts"
}

# What is hashed besides: the nodes of proofs, their lines' keys, the keys that are asked for, and the
# manifests and image indexes of views.
strings_of_vectors() {
    local work=$1
    jq '[to_entries[] | select(.key | startswith("proof/")) | .value | fromjson | .nodes[]]
        | to_entries | map({key: "\(.key)", value}) | from_entries' "$work/texts" > "$work/proof-nodes"
    jq -s add "$work/texts" "$work/proof-nodes" > "$work/all-texts"
    strings_to_hash "$work/all-texts" "$work/digests"
    jq -j '.[] + "\u001e"' "$work/proof-nodes"
    jq -j '.[] | .key // empty | . + "\u001e"' "$work/vectors"
    # Image indexes: one that is not as the vector says has no digest here, and so no place.
    jq -j '.[] | .expect.files? // empty | to_entries[] | select(.key | contains("/manifests/sha256:")) | .value + "\u001e"' "$work/vectors"
}

# The nodes of the maps of the area `map` (IDX-3), as {case: [{id, kind, prefix, count}]}, each branch
# before its children.
build_maps() {
    local work=$1
    jq_with_pages '
        . as [$vectors, $inputs, $hashed] |
        # Lines come with the digits of their keys, and nodes as {prefix, kind, count} and text or digits.
        def shape($map; $prefix):
            "sreg-node-v1 \(if length <= 32 then "leaf" else "branch" end) \($map) \(if $prefix == "" then "-" else $prefix end)\n" as $header
            | if length <= 32 then
                {prefix: $prefix, kind: "leaf", count: length, text: ($header + (sort_by(.place) | map(.line + "\n") | join("")))}
              else
                (group_by(.digits[($prefix | length):($prefix | length) + 1])) as $below
                | {prefix: $prefix, kind: "branch", count: length, header: $header,
                   children: [$below[][0].digits[:($prefix | length) + 1]]},
                  ($below[] | .[0].digits[:($prefix | length) + 1] as $digits | shape($map; $digits))
              end;
        $vectors | with_entries(select(.key | startswith("map/")))
        | with_entries(.value.map as $map | .value = [
            $inputs[.key + "/input"] // "" | [split("\n")[:-1][] | . as $line | utf8 | canonical
                | {line: $line, place: [.key, .arch], digits: ($hashed[.key] | ltrimstr("sha256:"))}]
            | shape($map; "")])' -s "$work/vectors" "$work/texts" "$work/hashed" > "$work/shapes"
    # The id of a branch depends on those of its children: from the leaves up.
    echo '{}' > "$work/map-ids"
    while :; do
        jq -s '
            . as [$shapes, $ids]
            | $shapes | with_entries(.key as $case | .value |= map(
                select($ids[$case + ":" + .prefix] == null)
                | if .children then
                    [.children[] | $ids[$case + ":" + .]] as $known
                    | select($known | all(.[]; . != null))
                    | .text = .header + ([.children, $known] | transpose | map("\(.[0][-1:]) \(.[1].id[7:]) \(.[1].count)\n") | join(""))
                  else . end))' "$work/shapes" "$work/map-ids" > "$work/map-texts"
        [[ $(jq '[.[][]] | length' "$work/map-texts") -gt 0 ]] || break
        jq -j '.[][].text + "\u001e"' "$work/map-texts" | hash_strings "$work/map-strings" > "$work/map-hashed"
        jq -s '
            . as [$texts, $ids, $hashed]
            | reduce ($texts | to_entries[] | .key as $case | .value[] | .case = $case) as $node ($ids;
                .[$node.case + ":" + $node.prefix] = {id: $hashed[$node.text], count: $node.count})' "$work/map-texts" "$work/map-ids" "$work/map-hashed" > "$work/map-next"
        mv "$work/map-next" "$work/map-ids"
    done
    jq -s '
        . as [$shapes, $ids]
        | $shapes | with_entries(.key as $case | .value |= map(
            {count, id: $ids[$case + ":" + .prefix].id, kind, prefix: (if .prefix == "" then "-" else .prefix end)}))' "$work/shapes" "$work/map-ids"
}

# The file of a recipe (README.md of the vectors), block by block: each is the ring of all bytes,
# turned, with what patches put in its place.
make_image() {
    local recipe=$1 size ring='' i block piece turn at text offset
    for ((i = 0; i < 512; i++)); do
        printf -v piece '\\x%02x' $((i & 255))
        ring+=$piece
    done
    declare -A patched=()
    while IFS=$'\t' read -r offset text; do
        for ((i = 0; i < ${#text}; i++)); do
            printf -v 'patched[$((offset + i))]' '\\x%02x' "'${text:i:1}"
        done
    done < <(jq -r '.patches[]? | "\(.offset)\t\(.text)"' "$recipe")
    size=$(jq .size "$recipe")
    for ((block = 0; block * 256 < size; block++)); do
        turn=$(((block * 7 + (block >> 8) * 13 + (block >> 12) * 31) & 255))
        piece=${ring:4*turn:1024}
        for at in "${!patched[@]}"; do
            [[ $((at / 256)) -ne $block ]] || piece=${piece:0:$((at % 256 * 4))}${patched[$at]}${piece:$((at % 256 * 4 + 4))}
        done
        [[ $((size - block * 256)) -ge 256 ]] || piece=${piece:0:$(((size - block * 256) * 4))}
        printf '%b' "$piece"
    done
}

# The word of what is wrong with an image and its sidecar, or nothing.
chain_word() {
    local image=$1 sidecar=$2 digest=$3 size length=$(($(stat -c %s "$1") / 1048576 * 32 + 32)) has
    size=$(stat -c %s "$image")
    has=$(stat -c %s "$sidecar")
    if [[ $size -lt 1 || $size -gt 17592186044416 ]]; then
        echo chain-size
    elif [[ $has != "$length" ]]; then
        echo chain-length
    elif ! ends_in "$sidecar" $((length - 32)) "$digest"; then
        echo chain-end
    elif [[ "sha256:$(sha256sum < "$image" | cut -c 1-64)" != "$digest" ]]; then
        echo blob-mismatch
    fi
}

digest_chains() {
    local folder=$1 work=$2 case digest class word name chain
    while IFS=$'\t' read -r case class digest chain; do
        # Several cases have the same file.
        name=$work/image-$(sha256sum < "$folder/$case/input" | cut -c 1-64)
        [[ -e $name ]] || make_image "$folder/$case/input" > "$name"
        word=$(chain_word "$name" "$folder/$case/sidecar" "$digest")
        if [[ -z $word && $class == blob-mismatch && " $interior_links " == *" ${case##*/} "* ]]; then
            echo "exempt: $case"
        elif [[ ${word:--} != "$class" ]]; then
            count digest-chain "$case: ${word:-accepted}"
        elif [[ $chain != - && $chain != "sha256:$(sha256sum < "$folder/$case/sidecar" | cut -c 1-64)" ]]; then
            count digest-chain "$case: the sidecar's digest"
        else
            count digest-chain
        fi
    done < <(jq -r 'to_entries[] | select(.key | startswith("digest-chain/"))
        | [.key, .value.class // "-", (.value.expect // .value).digest, .value.expect.chain // "-"] | @tsv' "$work/vectors")
}

# Writes the tree that a vector describes.
make_tree() {
    local input=$1 root=$2 kind path text
    while IFS= read -r -d $'\x1e' kind && IFS= read -r -d $'\x1e' path && IFS= read -r -d $'\x1e' text; do
        mkdir -p "$root/$(dirname "$path")"
        if [[ $kind == link ]]; then ln -s -- "$text" "$root/$path"; else printf '%b' "$text" > "$root/$path"; fi
    done < <(jq -j '
        def escaped: [.[range(0; length; 2):][:2] | "\\x" + .] | join("");
        (.files | to_entries[] | "file", .key, (.value | gsub("\\\\"; "\\\\"))),
        (.hex | to_entries[] | "file", .key, (.value | escaped)),
        (.links | to_entries[] | "link", .key, .value)
        | . + "\u001e"' "$input")
}

# Every so many of the trees, from one on: of each a line, with what is wrong behind a tab.
judge_trees() {
    local folder=$1 work=$2 first=$3 step=$4 case expected asked words warnings n=0 place
    while IFS=$'\t' read -r case expected asked; do
        n=$((n + 1))
        [[ $((n % step)) -eq $first ]] || continue
        place=$work/trees/$n
        mkdir -p "$place/root" "$place/judging"
        make_tree "$folder/$case/input" "$place/root"
        judge "$place/root" "$place/judging" "$asked" > "$place/judged"
        words=$(sed -n 's/^error\t\([^\t]*\).*/\1/p' "$place/judged" | sort -u | tr '\n' ' ')
        # That nobody knows the registry is not among the warnings that are expected.
        warnings=$(sed -n '/^warning\tnot-pinned\t/d; s/^warning\t\([^\t]*\)\t\([^\t]*\).*/\2 \1/p' "$place/judged" | sort -u | cut -d ' ' -f 2 | tr '\n' ' ')
        if [[ "${words:-valid $warnings}" == "$expected " ]]; then echo "$case"; else printf '%s\t%s\n' "$case" "${words:-valid $warnings}"; fi
    done < "$work/tree-cases"
}

trees() {
    local folder=$1 work=$2 workers worker case wrong
    jq -r 'to_entries[] | select(.key | startswith("tree/"))
        | [.key, .value.class // ((["valid"] + .value.expect.warnings) | join(" ")),
           (.value | {reference: null, expected: [.knows | values.id], known: [.knows | values], now: (.now // 0)} | tojson)]
        | join("\t")' "$work/vectors" > "$work/tree-cases"
    workers=$(nproc)
    for ((worker = 0; worker < workers; worker++)); do
        judge_trees "$folder" "$work" "$worker" "$workers" > "$work/trees-said-$worker" &
    done
    wait
    while IFS=$'\t' read -r case wrong; do
        if [[ -z $wrong ]]; then count tree; else count tree "$case: $wrong"; fi
    done < <(cat "$work"/trees-said-*)
    [[ ${ran[tree]-0} -eq $(wc -l < "$work/tree-cases") ]] || count tree "a tree was not judged"
}

main() {
    [[ $# -ge 1 && -d $1 ]] || { echo "vectors.sh FOLDER [AREA …]" >&2 && return 2; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    local folder area
    folder=$(cd "$1" && pwd)
    for area in "$folder"/*/; do
        area=$(basename "$area")
        if [[ $not_run == *" $area "* ]]; then
            echo "not run: $area"
        elif [[ " ${areas[*]} " != *" $area "* ]]; then
            count "$area" "no verifier for the area $area"
        fi
    done
    [[ $# -eq 1 ]] || areas=("${@:2}")
    cases "$folder" > "$work/cases"
    (cd "$folder" && sed -z 's|$|/vector.json|' "$work/cases" | xargs -0 jq -n '
        reduce inputs as $one ({}; .[input_filename | rtrimstr("/vector.json")] = $one)') > "$work/vectors"
    documents "$folder" "$work"
    digest_chains "$folder" "$work"
    trees "$folder" "$work"
    for area in "${areas[@]}"; do
        echo "$area: ${ran[$area]-0}"
        [[ ${ran[$area]-0} -gt 0 ]] || failed=$((failed + 1))
    done
    echo "$failed failed"
    [[ $failed -eq 0 ]]
}

main "$@"
