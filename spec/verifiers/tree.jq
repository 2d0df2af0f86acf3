# Judges a tree whose stock was taken by verify.sh. $stock: {path: {type, size}}; $texts: the bytes
# of the files that are read; $digests: of those files; $hashed: of strings; $reference or null.
include "verify";

def found($path; $missing; $most):
    $stock[$path]
    | if . == null then wrong($missing) else . end
    | if .type != "f" then wrong("not-a-file") else . end
    | .text = $texts[$path] | .digest = $digests[$path]
    | if .text == null and .size <= $most then wrong("unreadable") else . end;

# Each node and statement is read once. What is wrong with it is kept as {failed}.
def kept(f): [try f catch {failed: .}][0];
def opened: if has("failed") then error(.failed) else . end;
def of_place($folder): $stock | keys[] | select(startswith($folder + "/") and (place != null));

def nodes_by_path:
    reduce of_place("n") as $path ({};
        .[$path] = kept(
            found($path; "missing-node"; 65536)
            | if .digest != "sha256:" + $path[5:] then wrong("node-mismatch"; "its digest is \(.digest)") else . end
            | ((.text // "") | split("\n")[0] // "" | split(" ")) as $words
            | (($words[3] // "") | if . == "-" then "" else . end) as $prefix
            | {map: $words[2], prefix: $prefix, size, text, node: kept(.size as $size | (.text // "") | node($size; $words[2]; $prefix; $hashed))}));

def statements_by_path:
    reduce of_place("s") as $path ({};
        .[$path] = kept(
            found($path; "missing-statement"; greatest_document)
            | . as $file | (.text // "") | document(check_statement($hashed); $file.size; $file.digest; $hashed)
            | if .id != "sha256:" + $path[5:] then wrong("document-mismatch"; "its id is \(.id)") else . end));

def statement($statements; $id):
    sharded("s"; $id) as $path
    | if $statements[$path] then $statements[$path] | opened else wrong("missing-statement") end;

def node_at($nodes; $id; $map; $prefix):
    sharded("n"; $id) as $path
    | if $nodes[$path] then $nodes[$path] | opened else wrong("missing-node") end
    | if .map == $map and .prefix == $prefix then .node | opened
      else .size as $size | (.text // "") | node($size; $map; $prefix; $hashed) end;

# --- head.md

def slot($epoch; $version): "heads/\($epoch)/\($version)";

def head_file($path):
    found($path; "missing-head"; greatest_document)
    | . as $file | (.text // "") | document(check_head; $file.size; $file.digest; $hashed)
    | .whole = $file.digest;

def head_slot($epoch; $version):
    head_file(slot($epoch; $version))
    | if .value.epoch != $epoch or .value.version != $version then wrong("document-mismatch"; "it is of another version") else . end;

# {heads: newest first, faults, met}
def series:
    kept(head_file("head"))
    | if has("failed") then {heads: [], met: [], faults: [{path: "head", failed}]}
      else
        . as $newest | .value as $head
        | slot($head.epoch; $head.version) as $its_slot
        | slot($head.epoch; $head.version + 1) as $next
        | {heads: [$head], met: [$its_slot], faults: []}
        | if $head | has("registry") then .faults += [{path: "head", failed: "signature-unchecked"}] else . end
        | kept(found($its_slot; "missing-head"; greatest_document)) as $copy
        | if $copy | has("failed") then .faults += [{path: $its_slot, failed: $copy.failed}]
          elif $copy.digest != $newest.whole then .faults += [{path: $its_slot, failed: "head-mismatch"}] else . end
        | kept(head_slot($head.epoch; $head.version + 1)) as $after
        | if $after | has("failed") | not
          then .met += [$next] | .faults += [{path: "head", failed: "lagging-head"}]
          elif $after.failed | word_of == "missing-head" then .
          else .met += [$next] | .faults += [{path: $next, failed: $after.failed}] end
        | .broken = false
        | until(.broken or (.heads[-1] | has("previous") | not) or .heads[-1].version <= 1;
            .heads[-1] as $later
            | slot($later.epoch; $later.version - 1) as $path
            | .met += [$path]
            | kept(head_slot($later.epoch; $later.version - 1)
                | if .id != $later.previous then wrong("document-mismatch"; "the next head names another") else . end) as $before
            | if $before | has("failed") then .broken = true | .faults += [{path: $path, failed: $before.failed}]
              else .heads += [$before.value] end)
      end;

# --- index.md

def walk($nodes; $id; $map; $prefix; $count):
    sharded("n"; $id) as $path
    | {met: $path},
      (kept(node_at($nodes; $id; $map; $prefix) | counted($count))
       | if has("failed") then {path: $path, failed}
         elif has("lines") then .lines[] | {line: .}
         else .children[] as $child | walk($nodes; $child.id; $map; $prefix + $child.digit; $child.count) end);

# {lines: with their namespace, total, faults, met} of a head's index.
def index_of($nodes; $head):
    [walk($nodes; $head.index.digest; "ns"; ""; null)] as $spaces
    | ([$spaces[] | .line // empty]) as $entries
    | ($spaces + [$entries[] | . as $entry | walk($nodes; .digest; "tags/" + .key; ""; .tags)
        | if .line then .line.namespace = $entry.key else . end]) as $all
    | {lines: [$all[] | .line // empty | select(.namespace)], total: ([$entries[].tags] | add // 0),
       faults: [$all[] | select(.failed)], met: [$all[] | .met // empty]};

# Newest statements of lines: {values, faults}
def stated($statements; $lines):
    reduce $lines[] as $line ({values: [], faults: []};
        kept(statement($statements; $line.statement) | .value
            | if [.name + ":" + .tag, .arch, .digest, .size]
                 != [$line.namespace + "/" + $line.key, $line.arch, $line.digest, $line.size]
              then wrong("statement-mismatch") else . end) as $one
        | if $one | has("failed") then .faults += [{path: sharded("s"; $line.statement), failed: $one.failed}]
          else
            .values += [$one]
            | if $one | has("registry") then .faults += [{path: sharded("s"; $line.statement), failed: "signature-unchecked"}] else . end
          end);

# The statements before the newest, and those that older heads name: {seen, faults}
def series_of_statements($statements; $newest; $older):
    reduce (($newest + $older) | unique[]) as $start ({seen: {}, faults: []};
        .at = $start | .later = null
        | until(.at == null;
            .at as $id | .later as $later
            | kept(statement($statements; $id)) as $one
            | if $one | has("failed") then .faults += [{path: sharded("s"; $id), failed: $one.failed}] else . end
            | if $later != null and ($one | has("failed") | not)
                 and ([$later.name, $later.tag, $later.arch] != ($one.value | [.name, .tag, .arch]) or $later.seq != $one.value.seq + 1)
              then .faults += [{path: sharded("s"; $id), failed: "statement-order"}] else . end
            | if .seen[$id] or ($one | has("failed")) then .at = null
              else .at = $one.value.previous | .later = $one.value end
            | .seen[$id] = true));

# --- reference.md: REF-11 to REF-13

def case_collisions($lines):
    [$lines[] | .namespace as $namespace | (.key | split(":")[0]) as $name
        | $namespace, $namespace + "/" + $name, $namespace + "/" + .key]
    | unique | group_by(fold)[] | select(length > 1)
    | {path: "head", failed: ("case-collision\t" + join(" and "))};

def reserved_names($lines):
    [$lines[] | .namespace + "/" + (.key | split(":")[0])] | unique[] | select(is_repository | not)
    | {path: "head", failed: ("reserved-name\t" + .)};

# --- images: what verify.sh is to hash

def image_checks($settings; $values):
    [$values[] | select(.state == "present")] | unique_by([blob_path(.name; .digest), .chain])
    | unique_by(blob_path(.name; .digest))[]
    | blob_path(.name; .digest) as $path | blob_path(.name; .chain) as $chain
    | . as $image
    | (((.size / 1048576 | floor) + 1) * 32) as $length
    | {met: $path}, {met: $chain},
      (if $stock[$chain] == null then {path: $chain, failed: "missing-blob"}
       elif $stock[$chain].type != "f" then {path: $chain, failed: "not-a-file"}
       else {check: "sidecar", path: $chain, digest: .chain, length: $length, has: $stock[$chain].size, last: .digest} end),
      (if $stock[$path] == null then
         if $settings | has("blob_url") then empty else {path: $path, failed: "missing-blob"} end
       elif $stock[$path].type != "f" then {path: $path, failed: "not-a-file"}
       elif $stock[$path].size != .size
       then {path: $path, failed: "blob-size\tit has \($stock[$path].size) bytes, expected \(.size)"}
       else {check: "blob", path: $path, digest} end);

# --- api.md and layout.md

def once_derived($settings; $nodes; $statements; $heads; $path):
    first(($heads[1:][] | stated($statements; index_of($nodes; .).lines).values | views($settings)
        | .[$path] // empty | select(. == $texts[$path]) | true), false);

def view_faults($settings; $nodes; $statements; $heads; $derived):
    $derived | keys[] as $path
    | kept(found($path; "missing-view"; -1)) as $one
    | if $one | has("failed") then {path: $path, failed: $one.failed}
      elif $one.text == $derived[$path] then empty
      elif once_derived($settings; $nodes; $statements; $heads; $path) then {path: $path, failed: "stale-view"}
      else {path: $path, failed: "view-mismatch"} end;

def strays($settings; $nodes; $statements; $heads; $whole; $met):
    ($heads != [] and $heads[-1].version == 1) as $complete
    | $stock | keys[] as $path | select($met[$path] | not)
    | ($path | place) as $place
    | if $path | startswith("staging/") then {warning: "interrupted-run", path: "staging"}
      elif $place == null then {warning: "foreign-file", path: $path}
      elif $stock[$path].type != "f" then {path: $path, failed: "not-a-file"}
      elif $place.place == "head-slot" then
        if $complete then {path: $path, failed: "stray-head"} else {warning: "not-judged", path: "head"} end
      elif $place.place == "endpoint" then
        if $whole | not then {warning: "not-judged", path: "head"}
        elif once_derived($settings; $nodes; $statements; $heads; $path) then {path: $path, failed: "stale-view"}
        else {path: $path, failed: "stray-view"} end
      else
        (if $whole then {warning: "stray-file", path: $path} else {warning: "not-judged", path: "head"} end) as $warning
        | if $place.place == "statement" then
            # Only line 1 carries the id.
            ([($texts[$path] // "") | split("\n") | select(length > 2) | .[0] | try utf8 catch empty] | .[0]) as $line
            | (if $line == null then $digests[$path] else $hashed[$line + "\n"] // $digests[$path] end) as $digest
            | if $digest == $place.digest then $warning else {path: $path, failed: "blob-mismatch"} end
          elif $place.place == "node" then
            if $digests[$path] == $place.digest then $warning else {path: $path, failed: "blob-mismatch"} end
          else {check: "stray", path: $path, digest: $place.digest, warning: $warning} end
      end;

# Views that are known though a part could not be read: those of tags whose statements are all at
# hand, and lists of tags by the lines of an index that is (IDX-24), else none.
def known_views($settings; $values; $index):
    ($values | views($settings) | with_entries(select(.key | endswith("/tags/index.html") | not)))
    + if $index.faults != [] then {} else
        [$index.lines[] | select(.digest) | (.key | split(":")) as $key | {name: (.namespace + "/" + $key[0]), tag: $key[1]}]
        | reduce group_by(.name)[] as $tags ({};
            .[$tags[0].name + "/tags/index.html"] = ($tags | list_of_tags))
      end;

def verify_tree($settings; $nodes; $statements):
    series as $series
    | $series.heads as $heads
    | (if $heads == [] then {lines: [], total: 0, faults: [], met: []} else index_of($nodes; $heads[0]) end) as $index
    | [$heads[1:] | unique_by(.index.digest)[] | index_of($nodes; .)] as $older
    | stated($statements; $index.lines) as $stated
    | ($heads != [] and $index.faults == [] and $stated.faults == []) as $whole
    | series_of_statements($statements; [$index.lines[].statement]; [$older[].lines[].statement]) as $before
    # Of a tag whose statements could not all be read, no view is known.
    | ([$stated.values[] | [.name + ":" + .tag, .arch]]) as $read
    | ([$index.lines[] | [.namespace + "/" + .key, .arch]] - $read | map(.[0]) | unique) as $unknown
    | [$stated.values[] | select(.name + ":" + .tag | . as $tag | $unknown | index([$tag]) | not)] as $known
    | (if $whole then $known | views($settings) else known_views($settings; $known; $index) end) as $derived
    | [image_checks($settings; $stated.values)] as $images
    | (["sreg.json", "head"] + $series.met + $index.met + [$older[].met[]] + [$before.seen | keys[] | sharded("s"; .)]
       + ($derived | keys) + [$images[] | .met // empty]
       | reduce .[] as $path ({}; .[$path] = true)) as $met
    | $series.faults[], $index.faults[], $older[].faults[], $stated.faults[], $before.faults[],
      case_collisions($index.lines), reserved_names($index.lines),
      (if $heads != [] and $index.faults == [] and $index.total != $heads[0].index.tags
       then {path: "head", failed: "node-sum\tthe head counts otherwise"} else empty end),
      view_faults($settings; $nodes; $statements; $heads; $derived),
      $images[],
      strays($settings; $nodes; $statements; $heads; $whole; $met);

# Only what leads from the head to one reference, and its bytes.
def verify_reference($settings; $nodes; $statements):
    def node_file: . as $id | sharded("n"; $id) as $path
        | if $nodes[$path] then $nodes[$path] | opened else wrong("missing-node") end;
    kept($reference | parse_reference) as $wanted
    | series as $series
    | if $wanted | has("failed") then {path: $reference, failed: $wanted.failed}
      elif $series.heads == [] then $series.faults[]
      else
        kept(
            look_up(node_file; $series.heads[0].index.digest; "ns"; ""; null; $wanted.namespace; $hashed)
            | if . == [] then wrong("missing-reference"; "no namespace " + $wanted.namespace) else .[0] end
            | . as $entry
            | ("tags/" + .key) as $map
            | if $wanted | has("digest") and (has("tag") | not)
              then
                [walk($nodes; $entry.digest; $map; ""; $entry.tags)
                 | if .failed then error(.failed) else .line // empty end
                 | select(.key | split(":")[0] == $wanted.name)]
              else
                look_up(node_file; $entry.digest; $map; ""; $entry.tags; $wanted.name + ":" + ($wanted.tag // "latest"); $hashed)
              end
            | map(select(.digest and (($wanted.digest // .digest) == .digest)) | .namespace = $wanted.namespace)
            | if . == [] then wrong("missing-reference") else {lines: .} end) as $lines
        | $series.faults[],
          (if $lines | has("failed") then {path: $reference, failed: $lines.failed}
           else stated($statements; $lines.lines) | .faults[], image_checks($settings; .values) end)
      end;

def verdicts:
    kept(found("sreg.json"; "not-a-tree"; 1048576) | (.text // "") | {settings: parse_settings}) as $first
    | if $first | has("failed") then {path: "sreg.json", failed: $first.failed}
      else
        nodes_by_path as $nodes | statements_by_path as $statements
        | if $reference == null then verify_tree($first.settings; $nodes; $statements)
          else verify_reference($first.settings; $nodes; $statements) end
      end;

# One verdict on each line, its fields separated by tabs.
def shown: tostring | explode | map(if . < 32 or . == 127 then 63 else . end) | implode;
[verdicts | select(has("met") | not)] | unique[]
| if .failed then ["error", (.failed | word_of), (.path | shown), (.failed | split("\t") | .[1] // .[0] | shown)]
  elif .check == "sidecar" then ["sidecar", .path, .digest, .length, .has, .last]
  elif .check == "blob" then ["blob", .path, .digest]
  elif .check == "stray" then ["stray", .path, .digest, .warning.warning, .warning.path]
  else ["warning", .warning, (.path | shown)] end
| map(tostring) | join("\t")
