# The verdict of verify.jq on each vector of the areas that jq alone can judge. $vectors: {path of a
# folder: vector.json}; $inputs: the bytes of their inputs; $sizes; $digests: of the inputs;
# $hashed: of strings; $facts: about signatures (trust.jq); $built: the nodes of maps. Each case that fails, or a dot behind the
# area of one that passes, on a line.
. as [$vectors, $inputs, $sizes, $digests, $hashed, $facts, $built] |

def input($case): $inputs[$case + "/input"];

def said_of_document(check; $case):
    input($case) // "" | document(check; $sizes[$case + "/input"]; $digests[$case + "/input"]; $hashed);

def prefix_of: if . == "-" then "" else . end;

def verdict($area; $case; $vector):
    if $area == "canonical-json" then {value: (input($case) | canonical)}
    elif $area == "statement" then
        said_of_document(check_statement($hashed); $case)
        | .id as $id | .value
        | {arch, name, seq, state, tag, id: $id} + if .state == "present" then {digest, manifest} else {} end
    elif $area == "head" then
        said_of_document(check_head; $case)
        | {id, epoch: .value.epoch, version: .value.version, tags: .value.index.tags, index: .value.index.digest}
    elif $area == "arch" then
        input($case) // ""
        | if is_arch then . else wrong("malformed-arch") end
        | . as $word | {arch: ., sif_code: (arches | index([$word]) | if . < 10 then "0\(.)" else tostring end)}
    elif $area == "digest" then
        input($case) // "" | if is_digest then {hex: .[7:]} else wrong("malformed-digest") end
    elif $area == "layout" then
        input($case) // "" | place // wrong("foreign-file")
    elif $area == "reference" then
        input($case) // ""
        | parse_reference
        | if has("digest") and (has("tag") | not) then . else .tag_or_default = (.tag // "latest") end
        | if $vector.expect.folded then .folded = (.namespace + "/" + .name | fold) else . end
    elif $area == "map" then
        {root: $built[$case][0].id, count: $built[$case][0].count, nodes: $built[$case]}
    elif $area == "trust" then
        input($case) // ""
        | document(check_trust($facts.prints); greatest_trust; true; $sizes[$case + "/input"]; $digests[$case + "/input"]; $hashed)
        | {id, version: .value.version, epoch: .value.head_base.epoch, scopes: [.value.delegations[].scope],
           states: [.value.keys[].state]}
    elif $area == "lock" then
        input($case) // ""
        | document(check_lock; greatest_lock; false; $sizes[$case + "/input"]; $digests[$case + "/input"]; $hashed)
        | {registries: .value.registries}
    elif $area == "key" then
        (input($case) // "" | read_key | .key | split(" ")[1] | unbase64 | signing_key($facts.off_curve))
        | {algorithm, fingerprint: $facts.prints[.key]}
    elif $area == "signature" then
        $inputs[$case + "/message"] as $message
        | input($case) // ""
        | {signers: (if $vector.several then signers($vector.purpose; $message; $facts)
                     else [verified_by($vector.purpose; $message; $facts)] end)}
    elif $area == "node" then
        (input($case) // "") | node($sizes[$case + "/input"]; $vector.position.map; $vector.position.prefix | prefix_of; $hashed)
        | {id: $digests[$case + "/input"], kind: (if has("lines") then "leaf" else "branch" end), count: count}
    elif $area == "proof" then
        (reduce (input($case) | fromjson | .nodes[]) as $text ({}; .[$hashed[$text]] = {text: $text, size: ($text | length)})) as $given
        | {lines: look_up(. as $id | if $given[$id] then $given[$id] else wrong("missing-node") end;
            $vector.root; $vector.map; ""; $vector.count; $vector.key; $hashed)}
    elif $area == "manifest" then
        (input($case) // "") as $text
        | ($text | read_manifest($sizes[$case + "/input"])) as $layers
        | if $vector.image and ($vector.image | manifest_of) != $text then wrong("view-mismatch") else . end
        | {digest: $digests[$case + "/input"], layers: $layers}
    elif $area == "settings" then
        (input($case) | parse_settings) as $settings
        | ($settings | with_entries(select(.key | endswith("_url") or . == "host")))
          + if $vector.image then {image_url: ($vector.image | image_url($settings))} else {} end
    else # views
        (input($case) | split("\n")[:-1]) as $lines
        | ($lines[0] + "\n" | parse_settings) as $settings
        | [$lines[1:][] | canonical | check_statement($hashed)] | views($settings; $hashed) + host_views($settings; $hosts)
        | {files: with_entries(select(.value | type == "string")),
           links: with_entries(select(.value | type == "object") | .value |= .link)}
    end;

$vectors | keys[] as $case
| $vectors[$case] as $vector
| ($case | split("/")[0]) as $area
| select($area | . != "tree" and . != "digest-chain")
| [try {said: verdict($area; $case; $vector)} catch {failed: .}][0]
| if has("failed") then
    (.failed | word_of) as $word
    # Which word of the grammar's it is depends on where a scanner stops, and jq is none.
    | if $word == $vector.class or ($area == "canonical-json" and ($word | startswith("json-")) and $vector.class) then "\($area) ."
      else "\($case): \($word)" end
  elif .said == $vector.expect then "\($area) ."
  else "\($case): \(.said | tojson)" end
