# What verify.sh and vectors.sh judge with: the pages of `spec/` as definitions of jq. Bytes come in
# as strings whose characters are bytes (0 to 255), and digests as tables, since jq cannot hash.
# A fault is raised as its word in cli.md, a tab, and what is wrong.

def wrong($word; $what): error($word + "\t" + $what);
def wrong($word): wrong($word; $word);
def word_of: split("\t")[0];

# --- canonical-json.md

def greatest_integer: 9007199254740991;

# jq replaces bytes that are not UTF-8; here they are refused. RFC 3629, section 4.
def utf8_character:
    def tail($low; $high): .[1] != null and .[1] >= $low and .[1] <= $high;
    def tails($n): .[2:$n] | length == $n - 2 and all(.[]; . >= 128 and . <= 191);
    if .[0] < 128 then 1
    elif .[0] >= 194 and .[0] <= 223 then if tail(128; 191) then 2 else 0 end
    elif .[0] >= 224 and .[0] <= 239 then
        (if .[0] == 224 then tail(160; 191) elif .[0] == 237 then tail(128; 159) else tail(128; 191) end) as $ok
        | if $ok and tails(3) then 3 else 0 end
    elif .[0] >= 240 and .[0] <= 244 then
        (if .[0] == 240 then tail(144; 191) elif .[0] == 244 then tail(128; 143) else tail(128; 191) end) as $ok
        | if $ok and tails(4) then 4 else 0 end
    else 0 end;

def utf8:
    explode as $bytes
    | if all($bytes[]; . < 128) then .
      else
        {at: 0, characters: []}
        | until(.at >= ($bytes | length);
            $bytes[.at:.at + 4] as $next
            | ($next | utf8_character) as $n
            | if $n == 0 then wrong("json-string"; "not UTF-8")
              else
                (if $n == 1 then $next[0]
                 elif $n == 2 then ($next[0] - 192) * 64 + $next[1] - 128
                 elif $n == 3 then ($next[0] - 224) * 4096 + ($next[1] - 128) * 64 + $next[2] - 128
                 else ($next[0] - 240) * 262144 + ($next[1] - 128) * 4096 + ($next[2] - 128) * 64 + $next[3] - 128
                 end) as $character
                | .characters += [$character] | .at += $n
              end)
        | .characters | implode
      end;

# As `jq -cS` writes a value; tojson alone does not sort.
def spelled:
    if type == "object" then "{" + ([keys[] as $key | ($key | tojson) + ":" + (.[$key] | spelled)] | join(",")) + "}"
    elif type == "array" then "[" + (map(spelled) | join(",")) + "]"
    else tojson end;

def depth: if type == "object" or type == "array" then 1 + ([.[] | depth] | max // 0) else 0 end;

# What jq reads and writes again unchanged, and the page refuses all the same.
def outside_the_form:
    type != "object" or depth > 8 or any(..;
        if type == "object" then any(keys[]; test("\\A[a-z0-9_]+\\z") | not)
        elif type == "number" then . > greatest_integer or (tojson | test("\\A(0|[1-9][0-9]*)\\z") | not)
        elif type == "string" then any(explode[]; . < 32 or . == 127 or . == 8232 or . == 8233)
        else . == null end);

# Names the first deviation from the grammar, in a text that has one: only the word depends on it.
def first_deviation:
    def behind_string:
        .[(match("\\A(?:[^\\x00-\\x1f\"\\\\\\x7f\\x{2028}\\x{2029}]|\\\\[\"\\\\])*").length):]
        | if . == "" then wrong("json-syntax"; "a string without an end")
          elif startswith("\"") then .[1:]
          else wrong("json-string") end;
    def behind_integer:
        match("\\A[-+.0-9eE]+").string as $digits
        | if ($digits | test("\\A(0|[1-9][0-9]*)\\z") | not) or ($digits | length) > 16
             or (($digits | length) == 16 and $digits > (greatest_integer | tostring))
          then wrong("json-number"; $digits) else .[($digits | length):] end;
    def behind_key($seen):
        if startswith("\"") | not then wrong("json-syntax"; "no key") else .[1:] end
        | match("\\A[a-z0-9_]*").string as $key
        | .[($key | length):]
        | if . == "" then wrong("json-syntax"; "a key without an end")
          elif $key == "" or (startswith("\"") | not) then wrong("json-key"; $key)
          elif $seen | index([$key]) then wrong("json-duplicate-key"; $key)
          elif ($seen | length) > 0 and $key < $seen[-1] then wrong("json-key-order"; $key)
          else {key: $key, rest: .[1:]} end;
    # Behind a value; behind the members or elements that follow an opening.
    def behind($what; $depth; $seen):
        if $what == "value" then
            if startswith("{") or startswith("[") then
                (if startswith("{") then "members" else "elements" end) as $inner
                | if $depth > 8 then wrong("json-depth")
                  elif test("\\A(\\{\\}|\\[\\])") then .[2:]
                  else .[1:] | behind($inner; $depth; []) end
            elif startswith("\"") then .[1:] | behind_string
            elif test("\\A[-0-9]") then behind_integer
            elif startswith("true") then .[4:]
            elif startswith("false") then .[5:]
            else wrong("json-syntax"; "no value") end
        elif $what == "members" then
            behind_key($seen)
            | .key as $key
            | .rest
            | if startswith(":") then .[1:] else wrong("json-syntax"; "no colon") end
            | behind("value"; $depth + 1; [])
            | if startswith("}") then .[1:]
              elif startswith(",") then .[1:] | behind("members"; $depth; $seen + [$key])
              else wrong("json-syntax"; "no end of an object") end
        else
            behind("value"; $depth + 1; [])
            | if startswith("]") then .[1:]
              elif startswith(",") then .[1:] | behind("elements"; $depth; [])
              else wrong("json-syntax"; "no end of an array") end
        end;
    if startswith("{") | not then wrong("json-not-object")
    else behind("value"; 1; []) | if . == "" then wrong("json-syntax") else wrong("json-trailing") end end;

# The value of a canonical document.
def canonical:
    utf8
    | . as $text
    | [try fromjson catch empty]
    | if length == 1 and (.[0] | outside_the_form | not) and (.[0] | spelled) == $text then .[0]
      else $text | first_deviation end;

# The same of what has a word of its own. Until 1.7, jq's `try` also catches what is raised behind it;
# an array around it holds that off.
def canonical_or($word):
    [try {value: canonical} catch {failed: word_of}][0]
    | if has("failed") then wrong($word; .failed) else .value end;

# --- reference.md

def fold: ascii_downcase;
def is_digest: type == "string" and test("\\Asha256:[0-9a-f]{64}\\z");
def is_component: test("\\A(?=.{1,64}\\z)[A-Za-z0-9]+((\\.|__?|-+)[A-Za-z0-9]+)*\\z");
def is_tag: type == "string" and test("\\A(?![Ss][Hh][Aa]256-[0-9A-Fa-f]{64})[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\\z");
# The place of a word is its code in a SIF header.
def arches: ["unknown", "386", "amd64", "arm", "arm64", "ppc64", "ppc64le", "mips", "mipsle", "mips64", "mips64le",
    "s390x", "riscv64", "loong64"];
def is_arch: type == "string" and (. as $word | arches | index([$word]) != null);

def check_namespace:
    if is_component | not then wrong("malformed-namespace"; .) else . end
    | fold as $folded
    | if ["api", "head", "heads", "index.html", "n", "nginx.conf", "s", "sreg.json", "staging", "trust", "v2"] | index([$folded])
      then wrong("reserved-name"; $folded) else . end;

def check_repository:
    . as $text
    | split("/")
    | if length != 2 or any(.[]; . == "") then wrong("malformed-reference"; $text) else . end
    | (.[0] | check_namespace) as $namespace
    | if .[1] | is_component | not then wrong("malformed-name"; $text) else . end
    | if $text | fold | . == "library/v1" or . == "library/version" then wrong("reserved-name"; $text) else . end
    | {namespace: .[0], name: .[1]};

def is_namespace: type == "string" and ([try check_namespace catch empty] | length == 1);
def is_repository: type == "string" and ([try check_repository catch empty] | length == 1);

def parse_reference:
    split("@") as $parts
    | (if ($parts | length) < 2 then {rest: .} else {rest: $parts[0], digest: ($parts[1:] | join("@"))} end)
    | if has("digest") and (.digest | is_digest | not) then wrong("malformed-digest"; .digest) else . end
    | (.rest | split(":")) as $parts
    | if ($parts | length) < 2 then . else .tag = ($parts[1:] | join(":")) | .rest = $parts[0] end
    | if has("tag") and (.tag | is_tag | not) then wrong("malformed-tag"; .tag) else . end
    | . + (.rest | check_repository) | del(.rest);

# --- fields of documents (JSON-11)

def fits($kind):
    if $kind == "integer" then type == "number"
    elif $kind == "string" then type == "string"
    elif $kind == "true" then . == true
    elif $kind == "any" then true
    elif $kind == "digest" then is_digest
    elif $kind == "tag" then is_tag
    elif $kind == "arch" then is_arch
    elif $kind == "repository" then is_repository
    elif $kind == "namespace" then is_namespace
    elif $kind == "key" then type == "string" and (split(":") | length == 2 and (.[0] | is_component) and (.[1] | is_tag))
    elif $kind == "size" then type == "number" and . >= 1 and . <= 17592186044416
    elif $kind == "positive" then type == "number" and . > 0
    elif $kind == "strings" then type == "array" and length > 0 and all(.[]; type == "string")
    elif $kind == "attachments" then type == "array" and length > 0 and all(.[]; fits("attachment"))
    elif $kind == "attachment" then
        type == "object" and (del(.annotations) | fits({digest: "digest", media: "string", name: "string", size: "integer"}))
        and ((has("annotations") | not) or (.annotations | type == "array" and all(.[]; type == "string")))
    elif $kind | type == "array" then . as $value | $kind | index([$value]) != null
    else
        type == "object" and (keys == ($kind | keys)) and
        (. as $object | all($kind | keys[]; . as $name | $object[$name] | fits($kind[$name])))
    end;

def check_fields($required; $optional; $word):
    if type != "object" then wrong($word; "no object") else . end
    | . as $object
    | ($required + $optional) as $known
    | first((keys[] | select($known[.] == null) | wrong($word; "unknown field " + .)), $object)
    | first(($required | keys[] | select(. as $name | $object | has($name) | not) | wrong($word; "no field " + .)), $object)
    | first((keys[] | select(. as $name | $object[$name] | fits($known[$name]) | not) | wrong($word; "field " + .)), $object);

# --- manifest.md

def formats: {
    "application/vnd.sylabs.sif.layer.v1.sif": "sif",
    "application/vnd.singularity.image.squashfs": "simg",
    "application/vnd.singularity.image.squashfs+gzip": "simg.gz"
};
def config_digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

def manifest_of:
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
    + "\"config\":{\"mediaType\":\"application/vnd.sylabs.sif.config.v1+json\",\"size\":2,"
    + "\"digest\":\"" + config_digest + "\",\"data\":\"e30=\"},"
    + "\"layers\":[{\"mediaType\":\"" + .media + "\",\"size\":" + (.size | tojson) + ",\"digest\":\"" + .digest + "\","
    + "\"annotations\":{\"org.opencontainers.image.title\":\""
    + (.name | split("/")[1]) + "_" + .tag + "." + formats[.media] + "\"}}]}";

# A descriptor without its end, where more may stand.
def descriptor($size; $digest):
    "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":" + ($size | tojson) + ",\"digest\":\"" + $digest + "\"";
def descriptor_of_image: descriptor(manifest_of | length; .manifest);

# Of descriptors, or of none: what refers to a manifest to which nothing does.
def index_of_manifests:
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[" + join(",") + "]}";

# Of a tag's images, the shown one first.
def image_index:
    map(descriptor_of_image + ",\"platform\":{\"architecture\":\"" + .arch + "\",\"os\":\"linux\"}}") | index_of_manifests;

# What is published as artifacts of an image, as attachments: its signatures first (MAN-12). Of an image whose
# statement is of a registry with keys, `file` is the digest and the size of the statement's file.
def belongings:
    (select(.file) | .file + {media: "application/vnd.sreg.statement.v1",
        name: ((.name | split("/")[1]) + "_" + .tag + "." + .arch + ".statement")}),
    (.attached // [])[];

def annotations:
    def pair: index("=") as $at | "\"" + .[:$at] + "\":\"" + .[$at + 1:] + "\"";
    if has("annotations") then ",\"annotations\":{" + (.annotations | map(pair) | join(",")) + "}" else "" end;

# MAN-11: the manifest of an attachment.
def artifact_of($image):
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"" + .media + "\","
    + "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,"
    + "\"digest\":\"" + config_digest + "\",\"data\":\"e30=\"},"
    + "\"layers\":[{\"mediaType\":\"" + .media + "\",\"size\":" + (.size | tojson) + ",\"digest\":\"" + .digest + "\","
    + "\"annotations\":{\"org.opencontainers.image.title\":\"" + .name + "\"}}]" + annotations
    + ",\"subject\":" + ($image | descriptor_of_image) + "}}";

# The artifacts of images, which come as an array, each once, as {text, digest, descriptor}. The digest is
# null where it is not in $hashed.
def artifacts($hashed):
    reduce (.[] | . as $image | belongings | {belonging: ., text: artifact_of($image)}) as $one ([];
        if any(.[]; .text == $one.text) then . else . + [$one] end)
    | .[] | .text as $text | .belonging
    | {text: $text, digest: $hashed[$text],
       descriptor: (descriptor($text | length; $hashed[$text] // "") + annotations + ",\"artifactType\":\"" + .media + "\"}")};

# API-4
def shown_first: sort_by([.arch != "amd64", .arch]);

def is_descriptor:
    type == "object" and (.mediaType | type == "string") and (.digest | is_digest)
    and (.size | type == "number" and . >= 0 and . == floor);

def read_manifest($size):
    if $size > 4194304 then wrong("manifest-too-large") else . end
    | [try (utf8 | fromjson) catch empty]
    | if length != 1 then wrong("malformed-manifest"; "not JSON") else .[0] end
    | if type == "object" and (.schemaVersion | type == "number" and . == floor) and (.config | is_descriptor)
         and (.layers | type == "array" and all(.[]; is_descriptor))
      then . else wrong("malformed-manifest"; "not a manifest") end
    | if .schemaVersion != 2 then wrong("manifest-schema-version") else . end
    | if has("mediaType") and .mediaType != "application/vnd.oci.image.manifest.v1+json"
      then wrong("manifest-media-type") else . end
    | [.layers[] | {digest, mediaType, size}];

# --- statement.md and head.md; $hashed gives the digests of the strings that were hashed

def greatest_document: 16384;

# A document's file as {value, id, line, behind}: line 1, which is the message of the signatures
# behind it. $whole is the digest of the file. Signatures follow where all documents of its kind are
# $signed, and where it names a registry.
def document(check; $most; $signed; $size; $whole; $hashed):
    if $size > $most then wrong("document-too-large"; "\($size) bytes") else . end
    | . as $text
    | split("\n") as $lines
    | if ($lines | length) < 2 then wrong("document-no-line") else . end
    | $lines[0] as $line
    | ($line | canonical | check) as $value
    | (($line | utf8) + "\n") as $message
    | {value: $value, line: $message, behind: ($lines[1:] | join("\n"))}
    | if .behind == "" then .id = $whole
      elif $signed or ($value | has("registry")) then .id = $hashed[$message]
      else wrong("document-trailing") end;
def document(check; $size; $whole; $hashed): document(check; greatest_document; false; $size; $whole; $hashed);

def bound(condition; $field): if condition then . else wrong("document-field"; $field) end;

def image_fields: {chain: "digest", digest: "digest", manifest: "digest", media: (formats | keys), size: "integer"};

# STM-24 to STM-27, and STM-13 of attachments.
def check_attached:
    def word: "[A-Za-z0-9][A-Za-z0-9._+-]{0,126}";
    bound(length <= 16 and length == (map([.digest, .media]) | unique | length); "attached")
    | bound(all(.[]; .size >= 1 and .size <= 17592186044416); "size of an attachment")
    | bound(all(.[].media; test("\\A" + word + "/" + word + "\\z") and (fold | startswith("application/vnd.sreg.") | not)); "media of an attachment")
    | bound(all(.[].name; test("\\A[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}\\z")); "name of an attachment")
    | bound(all(.[].annotations | values; (length | . >= 1 and . <= 8)
        and all(.[]; test("\\A[A-Za-z0-9._/-]{1,128}=[ !#-\\[\\]-~]{1,1024}\\z"))
        and (map(split("=")[0]) | . == unique)); "annotations");

def check_statement($hashed):
    check_fields(
        {arch: "arch", epoch: "integer", issued: "integer", name: "repository", seq: "integer",
         state: ["present", "removed"], tag: "tag", type: ["sreg-statement-v1"]};
        image_fields + {attached: "attachments", expires: "integer", frozen: "true", previous: "digest", reason: "string",
         registry: "digest", urls: "strings"};
        "malformed-document")
    | . as $value
    | [image_fields | keys[] | select(. as $name | $value | has($name))] as $has
    | if .state == "present"
      then if ($has | length) < 5 or has("reason") then wrong("malformed-document"; "fields of a present image") else . end
      else if ($has | length) > 0 or (has("reason") | not) or has("frozen") or has("urls") or has("attached")
           then wrong("malformed-document"; "fields of a removal") else . end
      end
    | if .state == "present" and $hashed[manifest_of] != .manifest then wrong("malformed-document"; "manifest") else . end
    | bound(.seq >= 1; "seq")
    | bound((.seq == 1) == (has("previous") | not); "previous")
    | bound(.state == "present" or .seq > 1; "state")
    | bound(.state == "removed" or (.size >= 1 and .size <= 17592186044416); "size")
    | bound((.urls // []) | length <= 8 and all(.[]; utf8bytelength | . >= 1 and . <= 1024); "urls")
    | ((.attached // []) | check_attached) as $_
    | bound(.state == "present" or (.reason | utf8bytelength | . >= 1 and . <= 1024); "reason")
    | bound(has("registry") or .epoch == 0; "epoch");

def check_head:
    check_fields(
        {epoch: "integer", index: {digest: "digest", tags: "integer"}, issued: "integer",
         type: ["sreg-head-v1"], version: "integer"};
        {expires: "integer", pages: "digest", previous: "digest", registry: "digest",
         trust: {id: "digest", version: "integer"}};
        "malformed-document")
    | bound(.version >= 1; "version")
    | bound(.version == 1 or has("previous"); "previous")
    | bound(.version > 1 or has("registry") or (has("previous") | not); "previous")
    | bound((.trust.version // 1) >= 1; "trust")
    | bound(has("registry") == has("trust") and has("trust") == has("expires"); "registry")
    | bound(has("registry") == (.epoch != 0); "epoch");

# --- index.md

def leaf_line($map):
    if length > 1024 then wrong("node-line-length") else . end
    | canonical_or("node-entry")
    | if $map == "ns"
      then check_fields({digest: "digest", key: "namespace", tags: "positive"}; {}; "node-entry")
      else
        check_fields({arch: "arch", key: "key", statement: "digest"}; {digest: "digest", size: "size"}; "node-entry")
        | if has("digest") == has("size") then . else wrong("node-entry"; "digest and size") end
      end;

def leaf($map; $prefix; $hashed):
    if length > 32 then wrong("node-leaf-too-long") else . end
    | if length == 0 and $prefix != "" then wrong("node-empty-leaf") else . end
    | reduce .[] as $line ({lines: [], last: null};
        ($line | leaf_line($map)) as $entry
        # Keys and architectures are ASCII, which jq orders by its bytes.
        | [$entry.key, $entry.arch // ""] as $place
        | if $place == .last then wrong("node-duplicate"; $entry.key)
          elif .last != null and $place < .last then wrong("node-order"; $entry.key)
          elif $hashed[$entry.key] | ltrimstr("sha256:") | startswith($prefix) | not
          then wrong("node-off-prefix"; $entry.key)
          else .last = $place | .lines += [$entry] end)
    | {lines};

def greater_digits($other):
    (length > ($other | length)) or (length == ($other | length) and . > $other);

def branch($prefix):
    if ($prefix | length) >= 64 then wrong("node-depth") else . end
    | reduce .[] as $line ({children: [], last: ""};
        ($line | [capture("\\A(?<digit>[0-9a-f]) (?<hex>[0-9a-f]{64}) (?<count>[1-9][0-9]{0,15})\\z")]) as $found
        | if $found == [] or ($found[0].count | greater_digits(greatest_integer | tostring))
          then wrong("node-child"; $line) else . end
        | $found[0] as $child
        | if $child.digit == .last then wrong("node-duplicate"; $child.digit)
          elif $child.digit < .last then wrong("node-order"; $child.digit) else . end
        | .last = $child.digit
        | .children += [$child | {digit, id: ("sha256:" + .hex), count: (.count | tonumber)}])
    | ([.children[].count] | add // 0) as $sum
    # The sum of at most 16 counts is exact enough: only whether it is over 2^53 - 1 matters.
    | if $sum > greatest_integer then wrong("node-count") else . end
    | if $sum <= 32 then wrong("node-branch-too-short") else {children} end;

# A node that is right for its position, as {lines} of a leaf or {children} of a branch.
def node($size; $map; $prefix; $hashed):
    if $size > 65536 then wrong("node-too-large") else . end
    | if endswith("\n") | not then wrong("node-line"; "no LF at the end") else .[:-1] end
    | split("\n") as $lines
    | (($lines[0] // "") | split(" ")) as $words
    | if ($words | length) != 4 or $words[0] != "sreg-node-v1" then wrong("node-header") else . end
    | if $words[1] != "leaf" and $words[1] != "branch" then wrong("node-header"; "kind") else . end
    | if $words[2] != $map then wrong("node-map"; $words[2]) else . end
    | if $words[3] != (if $prefix == "" then "-" else $prefix end) then wrong("node-prefix"; $words[3]) else . end
    | if any($lines[1:][]; . == "") then wrong("node-line"; "an empty line") else . end
    | $lines[1:]
    | if $words[1] == "leaf" then leaf($map; $prefix; $hashed) else branch($prefix) end;

def count: if has("lines") then .lines | length else [.children[].count] | add // 0 end;

def counted($expected):
    if $expected != null and count != $expected then wrong("node-sum"; "\(count) lines, expected \($expected)") else . end;

# The lines of a key by the nodes on the way to it; load gives a node's {text, size} for its id.
def look_up(load; $id; $map; $prefix; $count; $key; $hashed):
    ($id | load)
    | .size as $size | .text | node($size; $map; $prefix; $hashed) | counted($count)
    | if has("lines") then [.lines[] | select(.key == $key)]
      else
        ($hashed[$key] | ltrimstr("sha256:") | .[($prefix | length):($prefix | length) + 1]) as $digit
        | [.children[] | select(.digit == $digit)]
        | if . == [] then [] else .[0] | look_up(load; .id; $map; $prefix + $digit; .count; $key; $hashed) end
      end;

# --- layout.md: sreg.json and places

def check_url($template):
    . as $url
    | if type == "string" and length <= 2048 and test("\\Ahttps?://[!#-\\[\\]-~]+\\z") and (test("[<>?#]") | not)
      then . else wrong("malformed-settings"; tojson) end
    | [scan("\\{([a-z]*)\\}")[0]] as $used
    | gsub("\\{[a-z]*\\}"; "x")
    | if test("[{}]") or ($used - ["digest", "hex", "namespace", "name", "tag", "arch", "ext"] | length) > 0
      then wrong("malformed-settings"; $url) else . end
    | ($url | split("://")[1:] | join("://") | split("/")[0]) as $host
    | if $host | test("\\A(\\[[0-9A-Fa-f:.]+\\]|[^]:@\\[{}]+)(:[0-9]*)?\\z") then . else wrong("malformed-settings"; "no host in " + $url) end
    | if $template
      then if $used | index(["digest"]) or index(["hex"]) or (index(["name"]) and index(["tag"])) then .
           else wrong("malformed-settings"; "blob_url does not tell images apart") end
      else if $used != [] or ($url | endswith("/")) then wrong("malformed-settings"; $url) else . end end;

def hosts: ["nginx", "s3", "gcs", "pages", "netlify", "cloudflare"];

def parse_settings:
    [try (utf8 | fromjson) catch empty] as $lenient
    | if ($lenient | length) == 1 and ($lenient[0] | type == "object" and .type == "sreg-registry")
         and ($lenient[0].format | type == "number" and . == floor)
      then . else wrong("malformed-settings"; "type or format") end
    | if $lenient[0].format > 1 then wrong("newer-format"; "\($lenient[0].format)") else . end
    | if endswith("\n") | not then wrong("malformed-settings"; "no LF") else .[:-1] end
    | canonical_or("malformed-settings")
    | check_fields({format: [1], type: ["sreg-registry"]}; {base_url: "string", blob_url: "string", host: hosts}; "malformed-settings")
    | . as $settings
    | if has("base_url") then (.base_url | check_url(false)) as $_ | $settings else . end
    | if has("blob_url") then (.blob_url | check_url(true)) as $_ | $settings else . end;

def blob_path($name; $digest): "v2/" + ($name | fold) + "/blobs/" + $digest;
def sharded($folder; $digest): ($digest | ltrimstr("sha256:")) as $hex | $folder + "/" + $hex[:2] + "/" + $hex;

def image_url($settings):
    if $settings | has("blob_url") then
        . as $image
        | {digest: .digest, hex: (.digest | ltrimstr("sha256:")), namespace: (.name | split("/")[0]),
           name: (.name | split("/")[1]), tag: .tag, arch: .arch, ext: formats[.media]} as $values
        # No value holds a brace, so one placeholder's value is never taken for another.
        | reduce ($values | keys[]) as $name ($settings.blob_url; split("{" + $name + "}") | join($values[$name]))
    else ($settings.base_url // "") + "/" + blob_path(.name; .digest) end;

# What stands at a path: {place, view} and more; null where the table has no such path.
def place:
    def number: test("\\A(0|[1-9][0-9]{0,15})\\z") and (greater_digits(greatest_integer | tostring) | not);
    def is_version: number and . != "0";
    def is_folded_repository: is_repository and fold == .;
    split("/") as $parts
    | ($parts | length) as $length
    | if . == "sreg.json" then {place: "settings"}
      elif . == "head" then {place: "head"}
      elif . == ".nojekyll" then {place: "no-jekyll"}
      elif . == "v2/index.html" then {place: "ping"}
      elif . == "nginx.conf" then {place: "nginx-conf"}
      elif . == "_headers" then {place: "headers"}
      elif $parts[0] == "heads" then
        if $length == 3 and ($parts[1] | number) and ($parts[2] | is_version)
        then {place: "head-slot", epoch: ($parts[1] | tonumber), version: ($parts[2] | tonumber)} else null end
      elif $parts[0] == "trust" then
        if $length == 2 and ($parts[1] | is_version) then {place: "trust", version: ($parts[1] | tonumber)} else null end
      elif $parts[0] == "n" or $parts[0] == "s" then
        if $length == 3 and ($parts[2] | test("\\A[0-9a-f]{64}\\z")) and $parts[1] == $parts[2][:2]
        then {place: (if $parts[0] == "n" then "node" else "statement" end), digest: ("sha256:" + $parts[2])} else null end
      elif $parts[0] == "v2" then
        ($parts[1:3] | join("/")) as $repository
        | if $length != 5 or ($repository | is_folded_repository | not) then null
          elif $parts[3:] == ["tags", "list"] then {place: "tags-list", repository: $repository}
          elif ($parts[4] | is_digest) and {blobs: 1, manifests: 1, indexes: 1, referrers: 1}[$parts[3]]
          then {place: {blobs: "blob", manifests: "manifest", indexes: "index", referrers: "referrers"}[$parts[3]],
                repository: $repository, digest: $parts[4]}
          elif $parts[3] == "manifests" and ($parts[4] | test("\\Asha256-[0-9a-f]{64}\\z"))
          then {place: "referrers-tag", repository: $repository, digest: ("sha256:" + $parts[4][7:])}
          elif ($parts[4] | is_tag) and ($parts[3] == "manifests" or $parts[3] == "indexes")
          then {place: (if $parts[3] == "manifests" then "tag-manifest" else "tag-index" end), repository: $repository, tag: $parts[4]}
          else null end
      elif $parts[0] == "api" or $parts[:2] == ["library", "v1"] or ($parts[0] == "library" and $parts[2] == "v1") then
        (if $parts[0] == "library" and $length == 6 and ($parts[1] | is_arch) then $parts[1] else null end) as $arch
        | ($parts | if $arch then .[:1] + .[2:] else . end) as $parts
        | {"library/v1/images": "library-image", "library/v1/imagefile": "library-file", "api/container": "shub"}[$parts[:-2] | join("/")] as $kind
        | ($parts[-2:] | join("/") | split(":")) as [$repository, $tag]
        | if $kind and ($parts[-1] | split(":") | length == 2) and ($repository | is_repository) and ($tag | is_tag)
             and ($kind == "shub" or ($repository + $tag | fold == .))
          then {place: $kind, repository: $repository, tag: $tag} + (if $arch then {arch: $arch} else {} end) else null end
      else
        ($parts[:2] | join("/")) as $repository
        | if $repository | is_repository | not then null
          elif $parts[2:] == ["tags", "index.html"] then {place: "seed-tags", repository: $repository}
          elif $length == 5 and $parts[2] == "manifests" and $parts[4] == "index.html" and ($parts[3] | is_tag)
          then {place: "seed-manifest", repository: $repository, tag: $parts[3]}
          else null end
      end
    | if . == null then null
      else .view = (.place | {settings: 1, head: 1, "head-slot": 1, trust: 1, node: 1, statement: 1, blob: 1}[.] == null) end;

# --- api.md

def seed_manifest($settings):
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.singularity.distribution.manifest.v2+json\","
    + "\"config\":{\"mediaType\":\"application/vnd.singularity.container.image.v1+json\",\"size\":2,"
    + "\"digest\":\"" + config_digest + "\"},\"layers\":[{\"mediaType\":\"application/vnd.singularity.image.squashfs\","
    + "\"size\":" + (.size | tojson) + ",\"digest\":\"" + .digest + "\",\"urls\":[" + (image_url($settings) | tojson) + "]}]}\n";

def library_image:
    ("sha256." + .digest[7:]) as $id
    | "{\"data\":{\"id\":\"" + $id + "\",\"hash\":\"" + $id + "\",\"size\":" + (.size | tojson)
    + ",\"uploaded\":true,\"arch\":\"" + .arch + "\"}}\n";

def shub($settings):
    "{\"image\":" + (image_url($settings) | tojson) + ",\"name\":\"" + .name + "\",\"tag\":\"" + .tag
    + "\",\"version\":\"" + .digest[7:] + "\",\"commit\":\"" + .digest[7:] + "\"}\n";

# What library clients read of an image that is theirs below a base.
def library_views($settings; $base):
    ((.name | fold) + ":" + (.tag | fold)) as $reference
    | {key: ($base + "/v1/images/" + $reference), value: library_image},
      (select($settings | has("blob_url") | not)
       | ($base + "/v1/imagefile/" + $reference) as $path
       | {key: $path, value: {link: ("../" * ($path | split("/") | length - 1) + blob_path(.name; .digest))}});

# The lists of tags of objects with the name and tag of present images, as {path: bytes}.
def lists_of_tags:
    def list($name): "{\"name\":" + ($name | tojson) + ",\"tags\":" + (map(.tag) | unique | tojson) + "}\n";
    reduce group_by(.name)[] as $tags ({};
        $tags[0].name as $name
        | .[$name + "/tags/index.html"] = ($tags | list($name))
        | .["v2/" + ($name | fold) + "/tags/list"] = ($tags | list($name | fold)));

# The path of the file that tells a host how to serve a tree; null where there is none for it.
def host_file($settings): {nginx: "nginx.conf", netlify: "_headers", cloudflare: "_headers"}[$settings.host // ""];

# That file of the host of a tree, as {path: bytes}, out of those of all hosts.
def host_views($settings; $hosts): host_file($settings) as $path | if $path then {($path): $hosts[$path]} else {} end;

# What stands at digests of a tag's images: manifests, what refers to them, and signatures. A document whose
# digest is not in $hashed has no place of its own.
def views_by_digest($base; $hashed):
    ([] | index_of_manifests) as $nothing
    | (group_by(.manifest)[] | [artifacts($hashed)] as $artifacts
        | {digest: .[0].manifest, text: (.[0] | manifest_of), list: ($artifacts | map(.descriptor) | index_of_manifests)},
          ($artifacts[] | {digest, text, list: $nothing})),
      (select(length > 1) | image_index | {digest: $hashed[.], text: ., list: $nothing})
    | select(.digest)
    | {key: ($base + "/manifests/" + .digest), value: .text},
      {key: ($base + "/referrers/" + .digest), value: .list},
      (select(.list != $nothing) | {key: ($base + "/manifests/sha256-" + .digest[7:]), value: .list});

# All views that newest statements give, as {path: bytes}; of a link the bytes stand as {link: its text}, and
# of signatures as {digest: theirs}.
def views($settings; $hashed):
    map(select(.state == "present"))
    | [ {key: ".nojekyll", value: ""}, {key: "v2/index.html", value: "{}\n"},
        (group_by([.name, .tag])[]
          | shown_first
          | .[0] as $shown
          | ("v2/" + ($shown.name | fold)) as $oci
          | (if length > 1 then image_index else $shown | manifest_of end) as $document
          | {key: ($shown.name + "/manifests/" + $shown.tag + "/index.html"), value: ($shown | seed_manifest($settings))},
            ($shown | library_views($settings; "library")),
            (.[] | select(.arch != "amd64" and .arch != "unknown") | library_views($settings; "library/" + .arch)),
            {key: ("api/container/" + $shown.name + ":" + $shown.tag), value: ($shown | shub($settings))},
            {key: ($oci + "/manifests/" + $shown.tag), value: $document},
            (if $settings.host == "nginx" and length > 1
             then ($shown.tag, $hashed[$document] // empty) | {key: ($oci + "/indexes/" + .), value: $document} else empty end),
            {key: blob_path($shown.name; config_digest), value: "{}"},
            (.[] | select(.file) | {key: blob_path(.name; .file.digest), value: {digest: .file.digest}}),
            views_by_digest($oci; $hashed)) ] as $views
    | reduce $views[] as $view (lists_of_tags; .[$view.key] = $view.value);
