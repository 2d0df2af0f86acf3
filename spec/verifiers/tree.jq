# Judges a tree whose stock was taken by verify.sh. $stock: {path: {type, size}}, and of a link that is
# a view its text as `link`; $texts: the bytes of the files that are read; $digests: of those files;
# $hashed: of strings; $facts: about signatures (trust.jq). $asked: {reference, expected, known, now,
# locked}, where `expected` are ids of registries, each of which the tree is to be, and `known` what a
# lock file lists.
. as [$stock, $texts, $digests, $hashed, $facts] |

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
            | .file = ($file | {digest, size})
            | if .id != "sha256:" + $path[5:] then wrong("document-mismatch"; "its id is \(.id)") else . end));

def statement($statements; $id):
    sharded("s"; $id) as $path
    | if $statements[$path] then $statements[$path] | opened else wrong("missing-statement") end;

def node_at($nodes; $id; $map; $prefix):
    sharded("n"; $id) as $path
    | if $nodes[$path] then $nodes[$path] | opened else wrong("missing-node") end
    | if .map == $map and .prefix == $prefix then .node | opened
      else .size as $size | (.text // "") | node($size; $map; $prefix; $hashed) end;

# --- trust.md

def has_keys: $stock["trust/1"] != null;

def trust_version($before):
    ($before | length + 1) as $number
    | found("trust/\($number)"; "missing-trust"; greatest_trust)
    | . as $file
    | (.text // "")
    | document(check_trust($facts.prints); greatest_trust; true; $file.size; $file.digest; $hashed)
    | if .value.version != $number then wrong("document-mismatch"; "it is of another version") else . end;

# That a version follows the one before, if there is one, and that enough keys signed it.
def check_version($before):
    . as $version
    | (.line as $line | .behind | signers("trust"; $line; $facts)) as $signers
    | .value
    | if $before == [] then
        if .head_base.epoch != 1 then wrong("trust-order"; "head_base") else . end
      else check_next_trust($before[-1].value; $before[-1].id) end
    | if all(., $before[-1:][].value; .roles.root | enough($signers; [])) then $version else wrong("untrusted-trust") end;

# All versions of trust, as {versions, good: {id, value} of those before one that is at fault, newest,
# base: {epoch: head_base}, faults}. Where one is at fault, `newest` is null.
def trust_series:
    first(range(1; infinite) | select($stock["trust/\(.)"] == null)) as $after
    | {versions: ($after - 1), good: [], newest: null, base: {}, faults: []}
    | until(.faults != [] or (.good | length) == .versions;
        .good as $good
        | "trust/\($good | length + 1)" as $path
        | kept(trust_version($good) | check_version($good)) as $one
        | if $one | has("failed") then .faults = [{path: $path, failed: $one.failed}]
          else .good += [$one | {id, value}] end)
    | if .faults == [] and .good != [] then
        .newest = .good[-1].value
        | .base = (reduce .good[].value as $value ({}; .[$value.head_base.epoch | tostring] = $value.head_base))
        | if .newest.expires <= $asked.now then .faults = [{path: "trust/\(.versions)", failed: "expired-trust"}] else . end
      else . end;

# TRUST-21 and TRUST-22. What is known of the tree's registry is not to be compared with what nobody
# signed.
def registry($trust): $trust.good[0].id;
def known($trust): [$asked.known[] | select($trust.newest and .id == registry($trust))];

def known_trust_faults($trust):
    if has_keys and $asked.expected == [] and all($asked.known[]; .id != registry($trust))
    then
        # LOCK-3: a lock file lists every registry that is to be known.
        if $asked.locked and $trust.newest then {path: "trust/1", failed: "untrusted-registry"}
        else {warning: "not-pinned", path: "trust/1"} end
    else empty end,
    (if $asked.locked and (has_keys | not) and $asked.expected == []
     then {path: "trust/1", failed: "unsigned"} else empty end),
    ($asked.expected[]
        | if has_keys | not then {path: "trust/1", failed: "unsigned"}
          elif $trust.newest and . != registry($trust) then {path: "trust/1", failed: ("other-registry\tit is " + registry($trust))}
          else empty end),
    (known($trust)[].trust | values
        | "trust/\(.version)" as $path
        | if .version > $trust.versions then {path: $path, failed: "rolled-back\tversion \(.version) was seen"}
          elif $trust.good[.version - 1].id != .id then {path: $path, failed: "fork\t\(.id) was seen"}
          else empty end);

# Where trust is at fault, documents are not held to it; where there is none, they ask for it.
def check_missing_trust: if has("registry") and (has_keys | not) then wrong("missing-trust") else . end;

# --- head.md

def slot($epoch; $version): "heads/\($epoch)/\($version)";

def head_file($path; $missing):
    found($path; $missing; greatest_document)
    | . as $file | (.text // "") | document(check_head; $file.size; $file.digest; $hashed)
    | .whole = $file.digest;

def head_slot($epoch; $version):
    # A head that another names is another one where it is not there (HEAD-11).
    head_file(slot($epoch; $version); "document-mismatch")
    | if .value.epoch != $epoch or .value.version != $version then wrong("document-mismatch"; "it is of another version") else . end;

# HEAD-11 and HEAD-13: [epoch, version] of the head before, or null where there is none, or trust does
# not say where.
def head_before($trust):
    if .version > 1 then [.epoch, .version - 1]
    else
        . as $head
        | $trust.base[.epoch | tostring] as $base
        | if $base == null then null
          elif $base.id != .previous then wrong("document-mismatch"; "it follows another head than trust says")
          elif $base.id then [.epoch - 1, $base.version]
          else null end
    end;

# HEAD-14 to HEAD-16 of a head, of which $before is the one before, or null.
def check_keys_of_head($trust; $newest; $before):
    if $trust.newest == null then .value | check_missing_trust
    else
        . as $head
        | .value
        | if .registry != registry($trust) then wrong("other-registry") else . end
        | if $newest and .epoch != $trust.newest.head_base.epoch then wrong("head-epoch") else . end
        | if $trust.good[.trust.version - 1].id != .trust.id then wrong("head-trust"; "a version that is not there, or another") else . end
        | if ($before.value.trust.version // 0) > .trust.version then wrong("head-trust"; "the head before was made under a later version") else . end
        | (if $newest then $trust.newest else $trust.good[.trust.version - 1].value end) as $asks
        | ($head | .line as $line | .behind | signers("head"; $line; $facts)) as $signers
        | if $asks.roles.head | enough($signers; []) then . else wrong("untrusted-head") end
    end;

def key_faults_of_heads($trust; $heads):
    range($heads | length) as $i
    | $heads[$i]
    | (if $i == 0 then "head" else slot(.value.epoch; .value.version) end) as $path
    | (if $i == 0 or .value.epoch > 0
       then kept(check_keys_of_head($trust; $i == 0; $heads[$i + 1])) | select(has("failed")) | {path: $path, failed}
       else empty end),
      (if $i == 0 and $trust.newest and (.value.expires // infinite) <= $asked.now
       then {path: $path, failed: "expired-head"} else empty end);

# TRUST-23
def known_head_faults($trust; $newest):
    known($trust)[].head | values
    | . as $seen
    | [.epoch, .version] as $place
    | "fork\t\(.id) was seen" as $fork
    | ($newest.value | [.epoch, .version]) as $at
    | (if $at < $place then {path: "head", failed: "rolled-back\tversion \(.version) of epoch \(.epoch) was seen"}
       elif $at == $place and $newest.id != .id then {path: "head", failed: $fork}
       else empty end),
      ($trust.base[.epoch + 1 | tostring] as $base
       # Trust may have left that head behind.
       | select($base == null or ($base.version // 0) >= $seen.version)
       | kept(head_slot($seen.epoch; $seen.version))
       | select((has("failed") | not) and .id != $seen.id) | {path: slot($seen.epoch; $seen.version), failed: $fork});

# {heads: newest first, complete: whether they go back to the first of all, faults, met}
def series($trust):
    kept(head_file("head"; "missing-head"))
    | if has("failed") then {heads: [], complete: false, met: [], faults: [{path: "head", failed}]}
      else
        . as $newest | .value as $head
        | slot($head.epoch; $head.version) as $its_slot
        # What a killed run leaves: the next version, or the first of the epoch that trust began since,
        # signed as a newest head is.
        | (if ($trust.base[$head.epoch + 1 | tostring] // {version: infinite} | .version // 0) <= $head.version
           then [$head.epoch + 1, 1] else [$head.epoch, $head.version + 1] end) as $next
        | {heads: [$newest], complete: true, met: [$its_slot], faults: []}
        | kept(found($its_slot; "missing-head"; greatest_document)) as $copy
        | if $copy | has("failed") then .faults += [{path: $its_slot, failed: $copy.failed}]
          elif $copy.digest != $newest.whole then .faults += [{path: $its_slot, failed: "head-mismatch"}] else . end
        | slot($next[0]; $next[1]) as $path
        | if $stock[$path] then
            .met += [$path]
            | kept(head_slot($next[0]; $next[1]) | check_keys_of_head($trust; true; $newest)) as $after
            | .faults += [if $after | has("failed") then {path: $path, failed: $after.failed} else {path: "head", failed: "lagging-head"} end]
          else . end
        | .path = "head" | .at = kept({place: ($head | head_before($trust))})
        | until(.at.place == null;
            .heads[-1].value as $later
            | .at.place as $place
            | slot($place[0]; $place[1]) as $path
            | .path = $path | .met += [$path]
            | kept(head_slot($place[0]; $place[1])
                | if .id != $later.previous then wrong("document-mismatch"; "the next head names another") else . end) as $before
            | if $before | has("failed") then .at = $before
              else .heads += [$before] | .at = kept({place: ($before.value | head_before($trust))}) end)
        | if .at.failed then .complete = false | .faults += [{path, failed: .at.failed}] else . end
        | .complete = (.complete and (.heads[-1].value | has("previous") | not))
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

# Newest statements of lines, with their `file` if they are signed: {values, faults}
def stated($statements; $lines):
    reduce $lines[] as $line ({values: [], faults: []};
        kept(statement($statements; $line.statement) | .value + if .value.registry then {file} else {} end
            | if [.name + ":" + .tag, .arch, .digest, .size]
                 != [$line.namespace + "/" + $line.key, $line.arch, $line.digest, $line.size]
              then wrong("statement-mismatch") else . end) as $one
        | if $one | has("failed") then .faults += [{path: sharded("s"; $line.statement), failed: $one.failed}]
          else
            .values += [$one] end);

# Step 5 of trust.md, of a statement that can be read.
def check_keys_of_statement($trust; $newest):
    . as $statement
    | .value
    | if $trust.newest == null then check_missing_trust
      elif (if $newest then .registry else .registry // registry($trust) end) != registry($trust) then wrong("other-registry")
      else
        $statement.behind as $behind
        | if $newest then
            .name as $name | .epoch as $epoch
            | ($trust.newest | delegation_of($name)) as $delegation
            | if $epoch > $delegation.epoch then wrong("untrusted-statement"; "of an epoch that has not begun") else . end
            | [$trust.newest.keys[] | select(.state == "revoked") | $facts.prints[.key]] as $revoked
            | ($behind | signers("image"; $statement.line; $facts)) as $signers
            | if $delegation | enough($signers; $revoked) then . else wrong("untrusted-statement") end
          # Its keys may have left trust since.
          else ($behind | signers("image"; $statement.line; $facts)) as $_ | . end
      end;

# Of all statements that were read, and those of the newest index among them.
def key_faults_of_statements($trust; $statements; $read; $newest):
    ($newest | reduce .[] as $id ({}; .[$id] = true)) as $newest
    | $read[] as $id
    | sharded("s"; $id) as $path
    | kept(statement($statements; $id)) | select(has("failed") | not)
    | (kept(check_keys_of_statement($trust; $newest[$id] // false)) | select(has("failed")) | {path: $path, failed}),
      (if $trust.newest and $newest[$id] and (.value.expires // infinite) <= $asked.now
       then {path: $path, failed: "expired-statement"} else empty end);

def subject: [.namespace + "/" + .key, .arch];

# The statements before the newest, and those that older heads name: {seen, faults}. $lines and $older
# are of the newest index and of those; $whole says that the newest could be read.
def series_of_statements($statements; $lines; $older; $whole):
    ($lines | reduce .[] as $line ({}; .[$line.statement] = ($line | subject))) as $newest
    | ($older | reduce .[] as $line ({}; .[$line.statement] = ($line | subject))) as $old
    | reduce (($newest | keys[]), ($old | keys[] | select($newest[.] == null))) as $start ({seen: {}, cut: [], faults: []};
        .at = $start | .later = null
        | until(.at == null;
            .at as $id | .later as $later
            | kept(statement($statements; $id)) as $one
            | if $one | has("failed") then .faults += [{path: sharded("s"; $id), failed: $one.failed}] | .cut += [$newest[$start]] else . end
            | if $later != null and ($one | has("failed") | not)
                 and ([$later.name, $later.tag, $later.arch] != ($one.value | [.name, .tag, .arch])
                      or $later.seq != $one.value.seq + 1 or $later.epoch < $one.value.epoch)
              then .faults += [{path: sharded("s"; $id), failed: "statement-order"}] else . end
            | if (.seen | has($id)) or ($one | has("failed")) then .at = null
              else .at = $one.value.previous | .later = $one.value end
            | if .seen | has($id) then . else .seen[$id] = $newest[$start] end))
    # STM-21. Of a subject whose series, or of an index that cannot be read, it is not known.
    | .cut as $cut | .seen as $seen
    | .faults += [
        if $whole then $old | keys[] else empty end
        | . as $id | $old[$id] as $subject
        | select(($cut | index([$subject]) | not) and $seen[$id] != $subject)
        | {path: sharded("s"; $id), failed: "rolled-back\ta later one was published"}];

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

# A file that is to be of a size and a digest.
def blob_check($path; $size; $digest):
    if $stock[$path] == null then {path: $path, failed: "missing-blob"}
    elif $stock[$path].type != "f" then {path: $path, failed: "not-a-file"}
    elif $stock[$path].size != $size
    then {path: $path, failed: "blob-size\tit has \($stock[$path].size) bytes, expected \($size)"}
    else {check: "blob", path: $path, digest: $digest} end;

# A `blob_url` is of images alone.
def attachment_checks($values):
    $values[] | select(.state == "present") | .name as $name | (.attached // [])[]
    | blob_path($name; .digest) as $path | {met: $path}, blob_check($path; .size; .digest);

def image_checks($settings; $values):
    attachment_checks($values),
    ([$values[] | select(.state == "present")] | unique_by([blob_path(.name; .digest), .chain])
    | unique_by(blob_path(.name; .digest))[]
    | blob_path(.name; .digest) as $path | blob_path(.name; .chain) as $chain
    | . as $image
    | (((.size / 1048576 | floor) + 1) * 32) as $length
    | {met: $path}, {met: $chain},
      (if $stock[$chain] == null then {path: $chain, failed: "missing-blob"}
       elif $stock[$chain].type != "f" then {path: $chain, failed: "not-a-file"}
       else {check: "sidecar", path: $chain, digest: .chain, length: $length, has: $stock[$chain].size, last: .digest} end),
      (if $stock[$path] == null and ($settings | has("blob_url")) then empty else blob_check($path; .size; .digest) end));

# --- api.md and layout.md

# What stands in the place of a view, as `views` says it.
def standing: if $stock[.].link then $stock[.] | {link} else $texts[.] end;

def once_derived($settings; $nodes; $statements; $heads; $path):
    first(($heads[1:][].value | stated($statements; index_of($nodes; .).lines).values | views($settings; $hashed)
        | .[$path] // empty | select(. == ($path | standing)) | true), false);

def view_faults($settings; $nodes; $statements; $heads; $derived):
    $derived | keys[] as $path
    | ($derived[$path] | if type == "object" then . else {} end) as $not_text
    | ($not_text.link | if . then ltrimstr("../" * ($path | split("/") | length - 1)) else . end) as $image
    | if ($path | standing) == $derived[$path] then empty
      # The image itself may stand where a link should.
      elif $image and $stock[$path].type == "f" and $stock[$path].size == $stock[$image].size
      then {check: "copy", path: $path, digest: ($image | split("/")[-1])}
      elif $stock[$path] == null then {path: $path, failed: "missing-view"}
      elif $stock[$path] | .type != "f" and .link == null then {path: $path, failed: "not-a-file"}
      # Signatures are what their digest says.
      elif $not_text.digest then {check: "copy", path: $path, digest: $not_text.digest}
      elif once_derived($settings; $nodes; $statements; $heads; $path) then {path: $path, failed: "stale-view"}
      else {path: $path, failed: "view-mismatch"} end;

# $views are those that are derived, whether or not they stand in each other's way.
# Whether a text is a list, in the place that comes, of artifacts that stand beside it and refer to the manifest
# of that place, or of nothing.
def is_list($text; $views):
    . as $of
    # Of what the newest version names, an empty list has no tag.
    | (.place == "referrers" or (.place == "referrers-tag" and ($views["v2/" + .repository + "/referrers/" + .digest] == null)))
      and (($text // "" | try fromjson catch null) as $list
        | ($list | type == "object") and ($list.manifests | type == "array" and length <= 238)
          and ([$list.manifests[]
                | (if type == "object" and (.digest | is_digest) then .digest else "" end) as $digest
                | ("v2/" + $of.repository + "/manifests/" + $digest) as $path
                | ($texts[$path] // "" | try fromjson catch null)
                | if type == "object" and $digests[$path] == $digest and .subject.digest? == $of.digest
                  then descriptor($texts[$path] | utf8bytelength; $digest)
                      + (if .annotations then ",\"annotations\":" + (.annotations | tojson) else "" end)
                      + (if .artifactType then ",\"artifactType\":" + (.artifactType | tojson) else "" end) + "}"
                  else null end]
               | all(.[]; . != null) and index_of_manifests == $text));

def strays($settings; $nodes; $statements; $trust; $heads; $complete; $whole; $clash; $views; $met):
    # A folder in no place that is named is no file.
    $stock | keys[] as $path | select(($met[$path] | not) and $stock[$path].type != "d")
    | ($path | place) as $place
    | ($place != null and ($place.view or ($place.place == "blob" and $place.digest == config_digest) or $views[$path] != null)) as $is_view
    | ($whole and ($is_view and $clash | not)) as $judged
    | (if $judged then {warning: "stray-file", path: $path} else {warning: "not-judged", path: "head"} end) as $warning
    | if $path | startswith("staging/") then {warning: "interrupted-run", path: "staging"}
      # The file for another host than that of the settings is somebody else's.
      elif $place == null or ($path != host_file($settings) and ($path == "nginx.conf" or $path == "_headers"))
      then {warning: "foreign-file", path: $path}
      elif $stock[$path] | .type != "f" and .link == null then {path: $path, failed: "not-a-file"}
      elif $place.place == "trust" then {path: $path, failed: "stray-trust"}
      elif $place.place == "head-slot" then
        if $place.version > ($trust.base[$place.epoch + 1 | tostring] // {version: infinite} | .version // 0)
        then {warning: "abandoned-head", path: $path}
        elif $complete then {path: $path, failed: "stray-head"} else {warning: "not-judged", path: "head"} end
      # Of nginx, which would give it in the place of the manifest.
      elif $place.place == "index" and $settings.host == "nginx" and $judged and $views[$path | sub("/indexes/"; "/manifests/")] != null
      then {path: $path, failed: "stray-view"}
      elif $place.view and $place.place != "manifest" and $place.place != "index" then
        if $judged | not then $warning
        elif $place | is_list($texts[$path]; $views) then $warning
        elif ($place.place | startswith("referrers") | not) and once_derived($settings; $nodes; $statements; $heads; $path)
        then {path: $path, failed: "stale-view"}
        else {path: $path, failed: "stray-view"} end
      elif $place.place == "statement" then
        # Only line 1 carries the id.
        ([($texts[$path] // "") | split("\n") | select(.[1:] | length > 0 and . != [""]) | .[0] | try utf8 catch empty] | .[0]) as $line
        | (if $line == null then $digests[$path] else $hashed[$line + "\n"] // $digests[$path] end) as $digest
        | if $digest == $place.digest then $warning else {path: $path, failed: "blob-mismatch"} end
      elif $place.place == "node" then
        if $digests[$path] == $place.digest then $warning else {path: $path, failed: "blob-mismatch"} end
      else {check: "stray", path: $path, digest: $place.digest, warning: $warning} end;

# Views that are known though a part could not be read: those of tags whose statements are all at
# hand, and lists of tags by the lines of an index that is (IDX-24), else none.
def known_views($settings; $values; $index):
    ($values | views($settings; $hashed) | with_entries(select(.key | place | .place != "seed-tags" and .place != "tags-list")))
    + if $index.faults != [] then {} else
        [$index.lines[] | select(.digest) | (.key | split(":")) as $key | {name: (.namespace + "/" + $key[0]), tag: $key[1]}]
        | lists_of_tags
      end;

def verify_tree($settings; $nodes; $statements):
    trust_series as $trust
    | series($trust) as $series
    | $series.heads as $heads
    | (if $heads == [] then {lines: [], total: 0, faults: [], met: []} else index_of($nodes; $heads[0].value) end) as $index
    | [$heads[1:] | unique_by(.value.index.digest)[] | index_of($nodes; .value)] as $older
    | stated($statements; $index.lines) as $stated
    | ($heads != [] and $index.faults == []) as $indexed
    | ($indexed and $stated.faults == []) as $whole
    | [$index.lines[].statement] as $newest
    | series_of_statements($statements; $index.lines; [$older[].lines[]]; $indexed) as $before
    # Of a tag whose statements could not all be read, no view is known.
    | ([$stated.values[] | [.name + ":" + .tag, .arch]]) as $read
    | ([$index.lines[] | [.namespace + "/" + .key, .arch]] - $read | map(.[0]) | unique) as $unknown
    | [$stated.values[] | select(.name + ":" + .tag | . as $tag | $unknown | index([$tag]) | not)] as $known
    | [case_collisions($index.lines), reserved_names($index.lines)] as $clashes
    | (if $whole then $known | views($settings; $hashed) else known_views($settings; $known; $index) end) as $views
    # Views of names that clash stand in each other's way.
    | (if $clashes != [] then {} else host_views($settings; $hosts) + $views end) as $derived
    | [image_checks($settings; $stated.values)] as $images
    | (["sreg.json", "head", (range(1; $trust.versions + 1) | "trust/\(.)")] + $series.met + $index.met + [$older[].met[]] + [$before.seen | keys[] | sharded("s"; .)]
       + ($derived | keys) + [$images[] | .met // empty]
       | reduce .[] as $path ({}; .[$path] = true)) as $met
    | $trust.faults[], known_trust_faults($trust),
      $series.faults[], key_faults_of_heads($trust; $heads), ($heads[:1][] as $head | known_head_faults($trust; $head)),
      $index.faults[], $older[].faults[], $stated.faults[], $before.faults[],
      key_faults_of_statements($trust; $statements; $before.seen | keys; $newest),
      $clashes[],
      (if $heads != [] and $index.faults == [] and $index.total != $heads[0].value.index.tags
       then {path: "head", failed: "node-sum\tthe head counts otherwise"} else empty end),
      view_faults($settings; $nodes; $statements; $heads; $derived),
      $images[],
      strays($settings; $nodes; $statements; $trust; $heads; $series.complete; $whole; $clashes != []; $views; $met);

# Only what leads from the head to one reference, and its bytes.
def verify_reference($settings; $nodes; $statements):
    def node_file: . as $id | sharded("n"; $id) as $path
        | if $nodes[$path] then $nodes[$path] | opened else wrong("missing-node") end;
    kept($asked.reference | parse_reference) as $wanted
    | trust_series as $trust
    | kept(head_file("head"; "missing-head")) as $head
    | if $wanted | has("failed") then {path: $asked.reference, failed: $wanted.failed}
      elif $head | has("failed") then {path: "head", failed: $head.failed}
      else
        kept(
            look_up(node_file; $head.value.index.digest; "ns"; ""; null; $wanted.namespace; $hashed)
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
        | $trust.faults[], known_trust_faults($trust),
          key_faults_of_heads($trust; [$head]), known_head_faults($trust; $head),
          (if $lines | has("failed") then {path: $asked.reference, failed: $lines.failed}
           else
            [$lines.lines[].statement] as $newest
            | key_faults_of_statements($trust; $statements; $newest | unique; $newest),
              (stated($statements; $lines.lines) | .faults[], image_checks($settings; .values))
           end)
      end;

def verdicts:
    kept(found("sreg.json"; "not-a-registry"; 1048576) | (.text // "") | {settings: parse_settings}) as $first
    | if $first | has("failed") then {path: "sreg.json", failed: $first.failed}
      else
        nodes_by_path as $nodes | statements_by_path as $statements
        | if $asked.reference == null then verify_tree($first.settings; $nodes; $statements)
          else verify_reference($first.settings; $nodes; $statements) end
      end;

# One verdict on each line, its fields separated by tabs.
def shown: tostring | explode | map(if . < 32 or . == 127 then 63 else . end) | implode;
[verdicts | select(has("met") | not)] | unique[]
| if .failed then ["error", (.failed | word_of), (.path | shown), (.failed | split("\t") | .[1] // .[0] | shown)]
  elif .check == "sidecar" then ["sidecar", .path, .digest, .length, .has, .last]
  elif .check == "blob" or .check == "copy" then [.check, .path, .digest]
  elif .check == "stray" then ["stray", .path, .digest, .warning.warning, .warning.path]
  else ["warning", .warning, (.path | shown)] end
| map(tostring) | join("\t")
