# signature.md, trust.md and lock.md as definitions of jq. Binary forms are arrays of bytes. What jq
# cannot find out comes in as $facts: {verified: {question: true}, off_curve: {key: true}, prints:
# {key: fingerprint}}, where keys are in the text form of SIG-1.

# --- base64

def alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

# The bytes that canonical base64 encodes, or null where it is none.
def unbase64:
    if length % 4 != 0 or (test("\\A[A-Za-z0-9+/]*={0,2}\\z") | not) then null
    else
        [rtrimstr("==") | rtrimstr("=") | explode[]
            | if . >= 97 then . - 71 elif . >= 65 then . - 65 elif . >= 48 then . + 4 elif . == 47 then 63 else 62 end]
        | . as $digits
        | (length * 3 / 4 | floor) as $length
        | [range(0; length; 4) as $i
            | $digits[$i] * 262144 + $digits[$i + 1] * 4096 + ($digits[$i + 2] // 0) * 64 + ($digits[$i + 3] // 0)
            | (. / 65536 | floor), (. / 256 | floor) % 256, . % 256]
        # Unused bits are zero.
        | if any(.[$length:][]; . != 0) then null else .[:$length] end
    end;

def base64:
    . as $bytes
    | (alphabet | explode) as $alphabet
    | [range(0; length; 3) as $i
        | $bytes[$i] * 65536 + ($bytes[$i + 1] // 0) * 256 + ($bytes[$i + 2] // 0)
        | (. / 262144 | floor), (. / 4096 | floor) % 64, (. / 64 | floor) % 64, . % 64
        | $alphabet[.]]
    | implode
    | if $bytes | length % 3 == 1 then .[:-2] + "==" elif $bytes | length % 3 == 2 then .[:-1] + "=" else . end;

def unhex:
    [explode[] | if . >= 97 then . - 87 else . - 48 end]
    | [range(0; length; 2) as $i | .[$i] * 16 + .[$i + 1]];

# --- signature.md: fields of a binary form, taken one after another from {rest, found}

def take($n):
    if .rest | length < $n then wrong("signature-format"; "it is cut off") else . end
    | .found += [.rest[:$n]] | .rest |= .[$n:];

def take_string:
    take(4)
    | .found[-1] as $length
    | .found |= .[:-1]
    | take(reduce $length[] as $byte (0; . * 256 + $byte));

def ended: if .rest == [] then .found else wrong("signature-format"; "bytes behind the last field") end;

# --- signature.md: keys

def key_kinds: {
    "ssh-ed25519": ["point"],
    "ecdsa-sha2-nistp256": ["nistp256", "packed"],
    "ecdsa-sha2-nistp384": ["nistp384", "packed"],
    "ssh-rsa": ["mpint", "mpint"],
    "sk-ssh-ed25519@openssh.com": ["point", "application"],
    "sk-ecdsa-sha2-nistp256@openssh.com": ["nistp256", "packed", "application"]
};
# The width of a curve's numbers and its order.
def curves: {
    nistp256: {width: 32, order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"},
    nistp384: {width: 48, order:
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"}
};

# Over zero, and in no more bytes than it needs.
def is_mpint: length > 0 and .[0] < 128 and (.[0] > 0 or (length > 1 and .[1] > 127));
def magnitude: if .[0] == 0 then .[1:] else . end;
def bits: magnitude | (length - 1) * 8 + (.[0] | log2 | floor) + 1;

def fits_kind($kind; $curve):
    if $kind == "mpint" then is_mpint
    elif $kind == "application" then length >= 1 and length <= 255 and all(.[]; . >= 32 and . < 127)
    elif $kind == "packed" then length == 2 * curves[$curve].width + 1 and .[0] == 4
    elif $kind == "point" then length == 32
    else implode == $kind end;

# SIG-2 and SIG-3: {key, algorithm, fields} of a binary form.
def key_fields:
    . as $form
    | {rest: ., found: []} | take_string
    | (.found[0] | implode) as $algorithm
    | key_kinds[$algorithm] as $kinds
    | if $kinds == null then wrong("signature-key"; "a key of an unsupported kind") else . end
    | reduce $kinds[] as $kind (.;
        take_string
        | if .found[-1] | fits_kind($kind; $kinds[0]) then . else wrong("signature-format"; "a field of the key") end)
    | ended as $found
    | if $form | length > 1100 then wrong("signature-format"; "a key over 1,100 bytes") else . end
    | {key: ($algorithm + " " + ($form | base64)), algorithm: $algorithm, fields: $found[1:], curve: curves[$kinds[0]]};

# RFC 8032: the field's prime, the order of the base point, both with the highest byte first, and
# what the y of a point of small order can be, with the lowest first: 0, 1, -1, the prime and 1 more,
# and both of order 8.
def prime: [127] + [range(30) | 255] + [237];
def order: "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed" | unhex;
def y_of_point: .[:31] + [.[31] % 128];
def is_small:
    y_of_point
    | . == [range(32) | 0] or . == [1] + [range(31) | 0] or . == [236] + [range(30) | 255] + [127]
      or . == (prime | reverse) or . == [238] + [range(30) | 255] + [127]
      or . == ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05" | unhex)
      or . == ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a" | unhex);

# SIG-5, but whether a point is on its curve.
def strong:
    if .algorithm == "ssh-rsa" then
        if .fields[1] | bits < 2048 or bits > 8192 or .[-1] % 2 == 0 then wrong("signature-key"; "the modulus") else . end
        | if .fields[0] | bits > 33 or .[-1] % 2 == 0 or . == [1] then wrong("signature-key"; "the exponent") else . end
    elif .curve == null then
        if .fields[0] | (y_of_point | reverse) >= prime or is_small
        then wrong("signature-key"; "a point of small order, or in another encoding") else . end
    else . end;

def signing_key($off_curve):
    key_fields | strong
    | if $off_curve[.key] then wrong("signature-key"; "a point that is not on its curve") else . end;

# SIG-1: the text form of a key as {key, algorithm, …}.
def read_key:
    split(" ") as $words
    | (if $words | length == 2 then $words[1] | unbase64 else null end) as $form
    | if $form == null then wrong("malformed-key"; "its text") else . end
    | [try ($form | key_fields) catch {failed: .}][0]
    | if has("failed") or .algorithm != $words[0] then wrong("malformed-key"; .failed // "another algorithm") else . end;

def is_key: type == "string" and ([try read_key catch empty] | length == 1);
def is_fingerprint:
    type == "string" and test("\\ASHA256:[A-Za-z0-9+/]{43}\\z") and (.[7:] + "=" | unbase64 != null);

# --- signature.md: whether a point of Ed25519 is on its curve, which ssh-keygen does not say.
# Numbers modulo 2^255 - 19 are 15 digits of 17 bits, the lowest first.

def to_digits:
    reduce .[] as $byte ({held: 0, scale: 1, digits: []};
        .held += $byte * .scale | .scale *= 256
        | if .scale >= 131072 then .digits += [.held % 131072] | .held = (.held / 131072 | floor) | .scale /= 131072 else . end)
    | (.digits + [.held])[:15];


# Every digit is under 2^17 again; what is over the last comes back 19 times.
def carried:
    def once:
        . as $digits
        | reduce range(15) as $i ({over: 0, digits: []};
            ($digits[$i] + .over) as $sum
            | .over = ($sum / 131072 | floor) | .digits += [$sum - .over * 131072])
        | .over as $over | .digits | .[0] += 19 * $over;
    once | once | once;

def times($a; $b):
    [range(29) as $k | reduce range([0, $k - 14] | max; ([14, $k] | min) + 1) as $i (0; . + $a[$i] * $b[$k - $i])]
    | . as $sums
    | [range(15) as $i | $sums[$i] + 19 * ($sums[$i + 15] // 0)] | carried;
def squared($n): reduce range($n) as $_ (.; times(.; .));

# Raised to 2^n - 1.
def to_ones($n):
    . as $base
    | if $n == 1 then .
      elif $n % 2 == 1 then times(to_ones($n - 1) | squared(1); $base)
      else to_ones($n / 2) | times(squared($n / 2); .) end;

# x^2 = (y^2 - 1) / (d y^2 + 1) has a root if and only if the product of both is 1 when it is raised
# to (p - 1) / 2 = 2^254 - 10 (Euler's criterion).
def is_on_curve:
    ("a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352" | unhex | to_digits) as $d
    | (y_of_point | to_digits | squared(1)) as $y2
    | times($y2 | .[0] -= 1; times($d; $y2) | .[0] += 1)
    | times(to_ones(250) | squared(4); times(to_ones(2) | squared(1); [1] + [range(14) | 0]))
    | carried
    # 1, and the prime and 1 more.
    | . == [1] + [range(14) | 0] or . == [131054] + [range(14) | 131071];

# --- signature.md: signatures

def greatest_signature: 16384;
def greatest_number_of_signatures: 32;
def footer: "-----END SSH SIGNATURE-----\n";
def armored_bytes:
    if length > greatest_signature then null
    else
        [capture("\\A-----BEGIN SSH SIGNATURE-----\\n(?<lines>(?:[A-Za-z0-9+/=]{70}\\n)*[A-Za-z0-9+/=]{1,70}\\n)-----END SSH SIGNATURE-----\\n\\z")]
        | if . == [] then null else .[0].lines | split("\n") | join("") | unbase64 end
    end
    | if . == null then wrong("signature-armor") else . end;

# A number of a curve, to be compared with others.
def padded($width): magnitude | [range($width - length) | 0] + .;

# SIG-14 to SIG-16: gives whether the numbers are in range (SIG-19).
def check_bytes($key):
    if $key.algorithm == "ssh-rsa" then
        if length == ($key.fields[1] | magnitude | length) then true else wrong("signature-format"; "as many bytes as the modulus") end
    elif $key.curve then
        {rest: ., found: []} | take_string | take_string | ended
        | if all(.[]; is_mpint and (magnitude | length <= $key.curve.width)) then . else wrong("signature-format"; "r or s") end
        | ($key.curve.order | unhex) as $order
        | all(.[]; padded($key.curve.width) < $order)
    elif length != 64 then wrong("signature-format"; "as many bytes as R and S")
    else (.[32:] | reverse) < order and (.[:32] | is_small | not) end;

# Steps 1 to 3: {key, namespace, inner}.
def read_outer($off_curve):
    armored_bytes
    | {rest: ., found: []}
    | take(6) | take(4)
    | if .found == ["SSHSIG" | explode, [0, 0, 0, 1]] then .found = [] else wrong("signature-format"; "the magic or the version") end
    | reduce range(5) as $_ (.; take_string) | ended
    | . as [$key, $namespace, $reserved, $hash, $inner]
    | if $reserved != [] or $namespace == [] then wrong("signature-format"; "a reserved field, or no namespace") else . end
    | if $hash != ("sha512" | explode) then wrong("signature-algorithm"; "the hash") else . end
    | {key: ($key | signing_key($off_curve)), namespace: ($namespace | implode), inner: $inner};

# All that is to be said of a signature but whether it verifies: the key by which it is.
def read_signature($purpose; $off_curve):
    read_outer($off_curve)
    | .key as $key | .namespace as $namespace
    | {rest: .inner, found: []} | take_string
    | (.found[0] | implode) as $named
    | if if $key.algorithm == "ssh-rsa" then $named == "rsa-sha2-512" or $named == "rsa-sha2-256" else $named == $key.algorithm end
      then . else wrong("signature-algorithm"; $named) end
    | take_string
    | (if $key.algorithm | startswith("sk-") then take(1) | take(4) else . end)
    | ended as $found
    | ($found[1] | check_bytes($key)) as $in_range
    | if ($found[2] // [1])[0] % 2 == 1 then . else wrong("signature-presence") end
    | if $namespace == $purpose + "@sreg.v1" then . else wrong("signature-namespace"; $namespace | tojson) end
    | if $in_range then $key else wrong("signature-invalid"; "a number out of range") end;

def question($purpose; $armored; $message): $purpose + $armored + $message;

def verified_by($purpose; $message; $facts):
    . as $armored
    | read_signature($purpose; $facts.off_curve)
    | if $facts.verified[question($purpose; $armored; $message)] then $facts.prints[.key]
      else wrong("signature-invalid"; "by " + ($facts.prints[.key] // .key)) end;

# What stands behind line 1 (SIG-20), one signature after another.
def parted:
    split(footer) as $parts
    | [$parts[:-1][] | . + footer] + ($parts[-1:] | map(select(. != "")))
    | if length > greatest_number_of_signatures then wrong("signature-count"; "\(length) signatures") else . end;

# The fingerprints of those who signed.
def signers($purpose; $message; $facts): parted | map(verified_by($purpose; $message; $facts));

# What find_facts of verify.sh is asked: about the signatures that stand behind a line, and about the
# keys of those that have another fault than their key; and of all that it is asked, the keys and the
# signatures, each once.
def questions($purpose; $message):
    [try parted catch []][0][]
    | . as $armored
    | [try (read_outer({}) | .key.key) catch empty][] as $key
    | if [try read_signature($purpose; {}) catch empty] == [] then {key: $key, point: true}
      else {key: $key, purpose: $purpose, armored: $armored, message: $message} end;
def keys_of_questions: map(.key) | unique;
def signatures_of_questions: map(select(.armored)) | unique;

# Whether the point of a key is on its curve; $points are those of ECDSA that ssh-keygen reads.
def lies_on_curve($points):
    . as $key
    | split(" ")[1] | unbase64 | key_fields
    | if .algorithm == "ssh-rsa" then true elif .curve then $points[$key] else .fields[0] | is_on_curve end;

# --- trust.md

def greatest_trust: 1048576;

def is_scope: type == "string" and if index("/") then is_repository else is_namespace end;
def ascends: . as $all | all(range(1; length); $all[. - 1] < $all[.]);

def check_trust($prints):
    def each(check): type == "array" and all(.[]; check);
    def who($more):
        type == "object" and (keys - ["keys", "threshold"] | sort == ($more | sort)) and has("keys") and has("threshold")
        and (.keys | each(is_fingerprint)) and (.threshold | type == "number");
    def is_listed:
        type == "object" and has("key") and has("state") and (keys - ["comment", "key", "state"] == [])
        and (.key | is_key) and (.state | . == "active" or . == "retired" or . == "revoked")
        and ((has("comment") | not) or (.comment | type == "string"));
    def is_base:
        type == "object" and has("epoch") and (keys - ["epoch", "id", "version"] == []) and (.epoch | type == "number")
        and ((has("id") | not) or (.id | is_digest)) and ((has("version") | not) or (.version | type == "number"));
    check_fields(
        {delegations: "any", expires: "integer", head_base: "any", issued: "integer", keys: "any", roles: "any",
         type: ["sreg-trust-v1"], version: "integer"};
        {nonce: "string", previous: "digest", registry: "digest"};
        "malformed-document")
    | if (.delegations | each(who(["epoch", "scope"]) and (.epoch | type == "number") and (.scope | is_scope)))
         and (.head_base | is_base) and (.keys | each(is_listed))
         and (.roles | type == "object" and keys == ["head", "root"] and (.head | who([])) and (.root | who([])))
      then . else wrong("malformed-document"; "delegations, head_base, keys or roles") end
    | bound(.version >= 1; "version")
    | bound((.version == 1) == (has("previous") | not) and (.version == 1) == (has("registry") | not); "previous")
    | bound((.version == 1) == has("nonce") and (.nonce // "0" * 32 | test("\\A[0-9a-f]{32}\\z")); "nonce")
    | bound(.head_base | .epoch >= 1 and (.version // 1) >= 1 and has("id") == has("version"); "head_base")
    | bound(all(.keys[]; .comment // "-" | utf8bytelength | . >= 1 and . <= 1024); "comment")
    | [.keys[] | $prints[.key]] as $listed
    | bound($listed | ascends; "keys")
    | bound(all(.roles[], .delegations[]; .keys | ascends and (. - $listed == [])); "keys")
    | bound(all(.roles[], .delegations[]; .threshold >= 1 and .threshold <= (.keys | length)); "threshold")
    | ([.keys[] | select(.state == "active") | $prints[.key]]) as $active
    | bound(all(.roles[]; .keys - $active == []); "roles")
    | bound([.delegations[].scope] | ascends; "delegations")
    | bound(all(.delegations[]; .epoch >= 1); "epoch");

# TRUST-10: as many different keys as the threshold says are among those who signed.
def enough($signers; $without):
    .threshold as $threshold
    | [.keys[] | . as $key | select(($signers | index([$key])) and ($without | index([$key]) | not))] | length >= $threshold;

# TRUST-15, TRUST-17 and TRUST-18, after a version and its id.
def check_next_trust($former; $id):
    . as $trust
    | if .registry != ($former.registry // $id) then wrong("other-registry"; .registry) else . end
    | if .previous != $id then wrong("trust-order"; "it follows another version") else . end
    | if .head_base != $former.head_base and .head_base.epoch != $former.head_base.epoch + 1 then wrong("trust-order"; "head_base") else . end
    | if all($former.delegations[]; . as $before | all($trust.delegations[]; .scope != $before.scope or .epoch >= $before.epoch))
      then . else wrong("trust-order"; "the epoch of a delegation falls") end;

# TRUST-11: the one delegation that decides about a repository.
def delegation_of($name):
    ([.delegations[] | select(.scope == $name)] + [.delegations[] | select(.scope == ($name | split("/")[0]))])[0]
    // wrong("untrusted-statement"; "nobody may publish " + $name);

# --- lock.md

def greatest_lock: 1048576;

def check_lock:
    def is_seen($with):
        type == "object" and keys == $with and (.id | is_digest) and all(del(.id)[]; type == "number");
    check_fields({registries: "any", type: ["sreg-lock-v1"]}; {}; "malformed-document")
    | if .registries | type == "array" and all(.[];
          type == "object" and (.id | is_digest) and (keys - ["head", "id", "trust"] == [])
          and ((has("head") | not) or (.head | is_seen(["epoch", "id", "version"])))
          and ((has("trust") | not) or (.trust | is_seen(["id", "version"]))))
      then . else wrong("malformed-document"; "registries") end
    | bound([.registries[].id] | ascends; "registries")
    | bound(all(.registries[] | .head, .trust | values; .version >= 1); "version")
    | bound(all(.registries[]; .trust.version != 1 or .trust.id == .id); "trust");
