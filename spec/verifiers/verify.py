#!/usr/bin/env python3
"""Verifies a published registry tree, or one reference in it, from the pages of `spec/` alone.

    verify.py ROOT [NAMESPACE/NAME[:TAG]]

It shares no code with sreg, so that what the two agree on is what the pages say. It needs Python
3.8 or later and nothing else. Every fault is printed as `error[word]: path: what`; the exit code
is 0 when all is well, else that of the worst fault, as spec/cli.md lists them.
"""

import base64
import hashlib
import json
import os
import re
import stat
import sys

MAX_INTEGER = 2**53 - 1
MAX_DOCUMENT = 16 << 10
MAX_NODE = 64 << 10
CHUNK = 1 << 20
# Whole links are compressed by the slow function below up to this size; larger images are hashed flat.
MAX_LINKED = 8 << 20


class Wrong(Exception):
    """A fault: its word in spec/cli.md, and what is wrong."""

    def __init__(self, word, what=""):
        super().__init__(what or word)
        self.word = word


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# --- canonical-json.md

KEY = re.compile(r"[a-z0-9_]+\Z")
PLAIN = re.compile('[^\x00-\x1f"\\\\\x7f\u2028\u2029]*')


class Scanner:
    """Accepts exactly the canonical spelling of a document, and gives its value."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def peek(self):
        return self.text[self.at : self.at + 1]

    def take(self, expected, word="json-syntax"):
        if not self.text.startswith(expected, self.at):
            raise Wrong(word, "expected %r at character %d" % (expected, self.at))
        self.at += len(expected)

    def document(self):
        if self.peek() != "{":
            raise Wrong("json-not-object")
        value = self.value(1)
        if self.at != len(self.text):
            raise Wrong("json-trailing")
        return value

    def value(self, depth):
        first = self.peek()
        if first in ("{", "["):
            if depth > 8:
                raise Wrong("json-depth")
            return self.object(depth) if first == "{" else self.array(depth)
        if first == '"':
            return self.string()
        if first and first in "-0123456789":
            return self.integer()
        for literal, value in (("true", True), ("false", False)):
            if self.text.startswith(literal, self.at):
                self.at += len(literal)
                return value
        raise Wrong("json-syntax", "no value at character %d" % self.at)

    def object(self, depth):
        self.take("{")
        members = {}
        last = None
        if self.peek() == "}":
            self.at += 1
            return members
        while True:
            self.take('"')
            end = self.text.find('"', self.at)
            if end < 0:
                raise Wrong("json-syntax")
            key = self.text[self.at : end]
            if not KEY.match(key):
                raise Wrong("json-key", repr(key))
            self.at = end + 1
            if key in members:
                raise Wrong("json-duplicate-key", key)
            if last is not None and key < last:
                raise Wrong("json-key-order", key)
            last = key
            self.take(":")
            members[key] = self.value(depth + 1)
            if self.peek() == "}":
                self.at += 1
                return members
            self.take(",")

    def array(self, depth):
        self.take("[")
        values = []
        if self.peek() == "]":
            self.at += 1
            return values
        while True:
            values.append(self.value(depth + 1))
            if self.peek() == "]":
                self.at += 1
                return values
            self.take(",")

    def string(self):
        self.take('"')
        parts = []
        while True:
            plain = PLAIN.match(self.text, self.at).group()
            parts.append(plain)
            self.at += len(plain)
            if self.at == len(self.text):
                raise Wrong("json-syntax", "a string without an end")
            if self.peek() == '"':
                self.at += 1
                return "".join(parts)
            escape = self.text[self.at : self.at + 2]
            if escape not in ('\\"', "\\\\"):
                raise Wrong("json-string", "character %d" % self.at)
            parts.append(escape[1])
            self.at += 2

    def integer(self):
        digits = re.compile(r"[-+.0-9eE]+").match(self.text, self.at).group()
        if not re.match(r"(0|[1-9][0-9]*)\Z", digits) or int(digits) > MAX_INTEGER:
            raise Wrong("json-number", digits)
        self.at += len(digits)
        return int(digits)


def canonical(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("json-string", "not UTF-8")
    return Scanner(text).document()


def fields(value, required, optional=None, word="malformed-document"):
    """Refuses an object without exactly these fields; each has a function that judges its value."""
    optional = optional or {}
    if type(value) is not dict:
        raise Wrong(word, "not an object")
    for name in value:
        if name not in required and name not in optional:
            raise Wrong(word, "unknown field " + name)
    for name in required:
        if name not in value:
            raise Wrong(word, "no field " + name)
    for name, found in value.items():
        if not (required.get(name) or optional[name])(found):
            raise Wrong(word, "field %s is %r" % (name, found))


def is_integer(value):
    return type(value) is int


def is_string(value):
    return type(value) is str


def is_digest(value):
    return is_string(value) and re.match(r"sha256:[0-9a-f]{64}\Z", value) is not None


def is_true(value):
    return value is True


# --- reference.md

COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
RESERVED = "api head heads index.html n s sreg.json staging trust v2".split()
ARCHES = {
    "unknown": "00", "386": "01", "amd64": "02", "arm": "03", "arm64": "04", "ppc64": "05",
    "ppc64le": "06", "mips": "07", "mipsle": "08", "mips64": "09", "mips64le": "10",
    "s390x": "11", "riscv64": "12", "loong64": "13",
}


def fold(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def check_namespace(text):
    if not COMPONENT.match(text):
        raise Wrong("malformed-namespace", repr(text))
    if fold(text) in RESERVED:
        raise Wrong("reserved-name", text)


def check_repository(text):
    parts = text.split("/")
    if len(parts) != 2 or not all(parts):
        raise Wrong("malformed-reference", repr(text))
    check_namespace(parts[0])
    if not COMPONENT.match(parts[1]):
        raise Wrong("malformed-name", repr(text))
    if fold(text) in ("library/v1", "library/version"):
        raise Wrong("reserved-name", text)
    return parts


def parse_reference(text):
    """A reference as {namespace, name, tag?, digest?}."""
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise Wrong("malformed-digest", repr(digest))
    repository, colon, tag = rest.partition(":")
    if colon and not TAG.match(tag):
        raise Wrong("malformed-tag", repr(tag))
    namespace, name = check_repository(repository)
    reference = {"namespace": namespace, "name": name}
    if colon:
        reference["tag"] = tag
    if at:
        reference["digest"] = digest
    return reference


def passes(check, *arguments):
    try:
        check(*arguments)
        return True
    except Wrong:
        return False


def is_repository(value):
    return is_string(value) and passes(check_repository, value)


def is_tag(value):
    return is_string(value) and TAG.match(value) is not None


def is_arch(value):
    return is_string(value) and value in ARCHES


# --- manifest.md

FORMATS = {
    "application/vnd.sylabs.sif.layer.v1.sif": "sif",
    "application/vnd.singularity.image.squashfs": "simg",
    "application/vnd.singularity.image.squashfs+gzip": "simg.gz",
}
CONFIG = sha256(b"{}")


def manifest_of(name, tag, digest, size, media):
    title = "%s_%s.%s" % (name.split("/")[1], tag, FORMATS[media])
    text = (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"config":{"mediaType":"application/vnd.sylabs.sif.config.v1+json","size":2,'
        '"digest":"%s","data":"e30="},"layers":[{"mediaType":"%s","size":%d,"digest":"%s",'
        '"annotations":{"org.opencontainers.image.title":"%s"}}]}'
    )
    return (text % (CONFIG, media, size, digest, title)).encode()


def parse_manifest(data):
    if len(data) > 4 << 20:
        raise Wrong("manifest-too-large")
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Wrong("malformed-manifest", "not JSON")
    malformed = Wrong("malformed-manifest", "not a manifest")

    def descriptor(found):
        if type(found) is not dict:
            raise malformed
        size, digest, media = (found.get(key) for key in ("size", "digest", "mediaType"))
        if not (is_integer(size) and size >= 0 and is_digest(digest) and is_string(media)):
            raise malformed
        return {"mediaType": media, "size": size, "digest": digest}

    if type(value) is not dict or not is_integer(value.get("schemaVersion")):
        raise malformed
    if type(value.get("layers")) is not list:
        raise malformed
    descriptor(value.get("config"))
    layers = [descriptor(layer) for layer in value["layers"]]
    if value["schemaVersion"] != 2:
        raise Wrong("manifest-schema-version", str(value["schemaVersion"]))
    media = value.get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    if media != "application/vnd.oci.image.manifest.v1+json":
        raise Wrong("manifest-media-type", str(media))
    return layers


# --- statement.md and head.md

def document(data, check, most=MAX_DOCUMENT, signed=False):
    """A document's value; its id is the digest of line 1. Signatures follow where it is `signed`
    by its kind, or by the registry that it names."""
    if len(data) > most:
        raise Wrong("document-too-large", "%d bytes" % len(data))
    end = data.find(b"\n")
    if end < 0:
        raise Wrong("document-no-line")
    value = canonical(data[:end])
    check(value)
    if not signed and "registry" not in value and len(data) > end + 1:
        raise Wrong("document-trailing")
    return value


def document_id(data):
    return sha256(data[: data.index(b"\n") + 1])


def bound(condition, field):
    if not condition:
        raise Wrong("document-field", field)


IMAGE = ("digest", "size", "chain", "media", "manifest")


def check_statement(value):
    is_list = lambda found: type(found) is list and found != [] and all(map(is_string, found))
    fields(
        value,
        {
            "arch": is_arch, "epoch": is_integer, "issued": is_integer, "name": is_repository,
            "seq": is_integer, "state": lambda state: state in ("present", "removed"),
            "tag": is_tag, "type": lambda kind: kind == "sreg-statement-v1",
        },
        {
            "chain": is_digest, "digest": is_digest, "expires": is_integer, "frozen": is_true,
            "manifest": is_digest, "media": lambda media: is_string(media) and media in FORMATS,
            "previous": is_digest, "reason": is_string, "registry": is_digest,
            "size": is_integer, "urls": is_list,
        },
    )
    present = value["state"] == "present"
    has = [name in value for name in IMAGE]
    wrong = Wrong("malformed-document", "fields that do not go with the state")
    if present and (not all(has) or "reason" in value):
        raise wrong
    if not present and (any(has) or "reason" not in value or "frozen" in value or "urls" in value):
        raise wrong
    if present:
        derived = manifest_of(*(value[key] for key in ("name", "tag", "digest", "size", "media")))
        if sha256(derived) != value["manifest"]:
            raise Wrong("malformed-document", "manifest")
    bound(value["seq"] >= 1, "seq")
    bound((value["seq"] == 1) == ("previous" not in value), "previous")
    bound("registry" in value or value["epoch"] == 0, "epoch")
    if present:
        bound(1 <= value["size"] <= 1 << 44, "size")
        urls = value.get("urls", [])
        bound(len(urls) <= 8 and all(1 <= len(url.encode()) <= 1024 for url in urls), "urls")
    else:
        bound(value["seq"] > 1, "state")
        bound(1 <= len(value["reason"].encode()) <= 1024, "reason")


def check_head(value):
    def is_object(check):
        return lambda found: passes(fields, found, check)

    fields(
        value,
        {
            "epoch": is_integer, "issued": is_integer, "version": is_integer,
            "index": is_object({"digest": is_digest, "tags": is_integer}),
            "type": lambda kind: kind == "sreg-head-v1",
        },
        {
            "expires": is_integer, "pages": is_digest, "previous": is_digest,
            "registry": is_digest, "trust": is_object({"id": is_digest, "version": is_integer}),
        },
    )
    bound(value["version"] >= 1, "version")
    signed = "registry" in value
    bound(signed == ("trust" in value) == ("expires" in value), "registry")
    bound(("trust" in value) == ("expires" in value), "registry")
    bound(signed == (value["epoch"] > 0), "epoch")
    if value["epoch"] == 0:
        bound((value["version"] == 1) == ("previous" not in value), "previous")


# --- trust.md

MAX_TRUST = 1 << 20
# The fields of each algorithm's key behind its name; of a curve also its name.
KEY_FIELDS = {
    "ssh-ed25519": [32],
    "ecdsa-sha2-nistp256": [b"nistp256", 65],
    "ecdsa-sha2-nistp384": [b"nistp384", 97],
    "ssh-rsa": ["mpint", "mpint"],
    "sk-ssh-ed25519@openssh.com": [32, "text"],
    "sk-ecdsa-sha2-nistp256@openssh.com": [b"nistp256", 65, "text"],
}


def key_blob(text):
    """The binary form of a public key, or nothing where the text is none."""
    algorithm, _, encoded = text.partition(" ") if is_string(text) else ("", "", "")
    if algorithm not in KEY_FIELDS:
        return None
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    if base64.b64encode(blob).decode() != encoded:
        return None
    found, rest = [], blob
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            return None
        found.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    expected = [algorithm.encode()] + KEY_FIELDS[algorithm]
    fits = len(found) == len(expected) and all(map(fits_field, expected, found))
    return blob if fits else None


def fits_field(expected, field):
    if type(expected) is bytes:
        return field == expected
    if expected == "mpint":
        return bool(field) and field[0] < 128 and (field[0] > 0 or (len(field) > 1 and field[1] > 127))
    return expected == "text" or len(field) == expected


def fingerprint(key):
    digest = hashlib.sha256(key_blob(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def is_fingerprint(value):
    if not is_string(value) or not re.match(r"SHA256:[A-Za-z0-9+/]{43}\Z", value):
        return False
    return base64.b64encode(base64.b64decode(value[7:] + "=")).decode() == value[7:] + "="


def is_scope(value):
    return is_string(value) and passes(check_repository if "/" in value else check_namespace, value)


def ascends(values):
    return all(left < right for left, right in zip(values, values[1:]))


def check_trust(value):
    def each(check):
        return lambda found: type(found) is list and all(map(check, found))

    def has(required, optional=None):
        return lambda found: passes(fields, found, required, optional)

    role = {"keys": each(is_fingerprint), "threshold": is_integer}
    fields(
        value,
        {
            "delegations": each(has(dict(role, scope=is_scope, epoch=is_integer))),
            "expires": is_integer,
            "head_base": has({"epoch": is_integer}, {"id": is_digest, "version": is_integer}),
            "issued": is_integer,
            "keys": each(has(
                {
                    "key": lambda key: key_blob(key) is not None,
                    "state": lambda state: state in ("active", "retired", "revoked"),
                },
                {"comment": is_string},
            )),
            "roles": has({"head": has(role), "root": has(role)}),
            "type": lambda kind: kind == "sreg-trust-v1",
            "version": is_integer,
        },
        {"nonce": is_string, "previous": is_digest, "registry": is_digest},
    )
    first = value["version"] == 1
    bound(value["version"] >= 1, "version")
    bound(first != ("previous" in value) and first != ("registry" in value), "previous")
    bound(first == ("nonce" in value), "nonce")
    bound(re.match(r"[0-9a-f]{32}\Z", value.get("nonce", "0" * 32)) is not None, "nonce")
    base = value["head_base"]
    bound(base["epoch"] >= 1 and base.get("version", 1) >= 1, "head_base")
    bound(("id" in base) == ("version" in base), "head_base")
    states = {fingerprint(listed["key"]): listed["state"] for listed in value["keys"]}
    bound(ascends([fingerprint(listed["key"]) for listed in value["keys"]]), "keys")
    for listed in value["keys"]:
        bound(1 <= len(listed.get("comment", "-").encode()) <= 1024, "comment")
    for who in list(value["roles"].values()) + value["delegations"]:
        bound(ascends(who["keys"]) and all(key in states for key in who["keys"]), "keys")
        bound(1 <= who["threshold"] <= len(who["keys"]), "threshold")
    for who in value["roles"].values():
        bound(all(states[key] == "active" for key in who["keys"]), "roles")
    bound(ascends([delegation["scope"] for delegation in value["delegations"]]), "delegations")
    bound(all(delegation["epoch"] >= 1 for delegation in value["delegations"]), "epoch")


# --- index.md

def key_hash(key):
    return hashlib.sha256(key.encode()).hexdigest()


def check_entry(entry, of_namespaces):
    word = "node-entry"
    if of_namespaces:
        fields(entry, {
            "digest": is_digest, "key": lambda key: is_string(key) and passes(check_namespace, key),
            "tags": lambda tags: is_integer(tags) and tags > 0,
        }, word=word)
        return
    is_size = lambda size: is_integer(size) and 1 <= size <= 1 << 44

    def is_key(key):
        name, colon, tag = key.partition(":") if is_string(key) else ("", "", "")
        return colon and COMPONENT.match(name) and TAG.match(tag)

    fields(entry, {"arch": is_arch, "key": is_key, "statement": is_digest},
           {"digest": is_digest, "size": is_size}, word=word)
    if ("digest" in entry) != ("size" in entry):
        raise Wrong(word, "digest and size stand together")


class Node:
    """A node that is right for its position: `lines` of a leaf or `children` of a branch."""

    def __init__(self, data, map_name, prefix):
        self.map, self.prefix = map_name, prefix
        self.lines, self.children = None, None
        if len(data) > MAX_NODE:
            raise Wrong("node-too-large")
        if not data.endswith(b"\n"):
            raise Wrong("node-line", "no LF at the end")
        header, _, body = data.partition(b"\n")
        words = header.split(b" ")
        if len(words) != 4 or words[0] != b"sreg-node-v1":
            raise Wrong("node-header")
        if words[1] not in (b"leaf", b"branch"):
            raise Wrong("node-header", "kind")
        if words[2] != map_name.encode():
            raise Wrong("node-map")
        if words[3] != (prefix or "-").encode():
            raise Wrong("node-prefix")
        lines = body.split(b"\n")[:-1]
        if b"" in lines:
            raise Wrong("node-line", "an empty line")
        if words[1] == b"leaf":
            self.leaf(lines)
        else:
            self.branch(lines)

    def leaf(self, lines):
        if len(lines) > 32:
            raise Wrong("node-leaf-too-long")
        if not lines and self.prefix:
            raise Wrong("node-empty-leaf")
        self.lines = []
        last = None
        for line in lines:
            if len(line) > 1024:
                raise Wrong("node-line-length")
            try:
                entry = canonical(line)
            except Wrong as error:
                raise Wrong("node-entry", error.word)
            check_entry(entry, self.map == "ns")
            place = (entry["key"].encode(), entry.get("arch", ""))
            if last is not None and place == last:
                raise Wrong("node-duplicate", entry["key"])
            if last is not None and place < last:
                raise Wrong("node-order", entry["key"])
            last = place
            if not key_hash(entry["key"]).startswith(self.prefix):
                raise Wrong("node-off-prefix", entry["key"])
            self.lines.append(entry)

    def branch(self, lines):
        if len(self.prefix) >= 64:
            raise Wrong("node-depth")
        self.children = {}
        last = ""
        for line in lines:
            found = re.match(rb"([0-9a-f]) ([0-9a-f]{64}) ([1-9][0-9]{0,15})\Z", line)
            if not found:
                raise Wrong("node-child")
            digit, digest, count = (part.decode() for part in found.groups())
            if int(count) > MAX_INTEGER:
                raise Wrong("node-child", count)
            if digit == last:
                raise Wrong("node-duplicate", digit)
            if digit < last:
                raise Wrong("node-order", digit)
            last = digit
            self.children[digit] = ("sha256:" + digest, int(count))
        if self.count() > MAX_INTEGER:
            raise Wrong("node-count")
        if self.count() <= 32:
            raise Wrong("node-branch-too-short")

    def count(self):
        if self.lines is not None:
            return len(self.lines)
        return sum(count for _, count in self.children.values())


def load_node(load, digest, map_name, prefix, count):
    node = Node(load(digest), map_name, prefix)
    if count is not None and node.count() != count:
        raise Wrong("node-sum", "%d lines, expected %d" % (node.count(), count))
    return node


def look_up(load, root, map_name, count, key):
    """The lines of a key, by the nodes on the way to it alone."""
    prefix = ""
    while True:
        node = load_node(load, root, map_name, prefix, count)
        if node.lines is not None:
            return [line for line in node.lines if line["key"] == key]
        digit = key_hash(key)[len(prefix)]
        if digit not in node.children:
            return []
        root, count = node.children[digit]
        prefix += digit


def build_map(entries, map_name, prefix="", built=None):
    """The nodes of a map of these lines, each branch before its children."""
    built = [] if built is None else built
    header = "sreg-node-v1 %s %s %s\n"
    at = len(built)
    built.append(None)
    if len(entries) <= 32:
        ordered = sorted(entries, key=lambda entry: (entry["key"].encode(), entry.get("arch", "")))
        text = header % ("leaf", map_name, prefix or "-") + "".join(
            json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
            for entry in ordered
        )
        kind = "leaf"
    else:
        text, kind = header % ("branch", map_name, prefix or "-"), "branch"
        for digit in "0123456789abcdef":
            below = [e for e in entries if key_hash(e["key"])[len(prefix)] == digit]
            if below:
                child = build_map(below, map_name, prefix + digit, built)
                text += "%s %s %d\n" % (digit, child["id"][7:], len(below))
    built[at] = {
        "id": sha256(text.encode()), "kind": kind, "prefix": prefix or "-", "count": len(entries),
    }
    return built[at]


# --- digest-chain.md

ROUNDS = [
    int(word, 16) for word in """
428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be
550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174 e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa
5cb0a9dc 76f988da 983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 27b70a85
2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3
d192e819 d6990624 f40e3585 106aa070 19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f
682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2""".split()
]
INITIAL = bytes.fromhex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19")
MASK = 0xFFFFFFFF


def compress(state, data):
    """SHA-256's compression function (FIPS 180-4, 6.2.2) over whole blocks: slow, and only for
    links, whose values no standard library gives out."""
    words = [int.from_bytes(state[i : i + 4], "big") for i in range(0, 32, 4)]
    for start in range(0, len(data), 64):
        w = [int.from_bytes(data[i : i + 4], "big") for i in range(start, start + 64, 4)]
        for t in range(16, 64):
            x, y = w[t - 15], w[t - 2]
            w.append((
                w[t - 16] + w[t - 7]
                + ((x >> 7 | x << 25) & MASK ^ (x >> 18 | x << 14) & MASK ^ x >> 3)
                + ((y >> 17 | y << 15) & MASK ^ (y >> 19 | y << 13) & MASK ^ y >> 10)
            ) & MASK)
        a, b, c, d, e, f, g, h = words
        for k, x in zip(ROUNDS, w):
            t1 = (
                h + ((e >> 6 | e << 26) ^ (e >> 11 | e << 21) ^ (e >> 25 | e << 7) & MASK)
                + (e & f ^ ~e & g) + k + x
            ) & MASK
            s = ((a >> 2 | a << 30) & MASK) ^ ((a >> 13 | a << 19) & MASK) ^ ((a >> 22 | a << 10) & MASK)
            t2 = s + (a & b ^ a & c ^ b & c)
            a, b, c, d, e, f, g, h = (t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g
        words = [(x + y) & MASK for x, y in zip(words, (a, b, c, d, e, f, g, h))]
    return b"".join(word.to_bytes(4, "big") for word in words)


def sidecar_length(size):
    return 32 * (size // CHUNK + 1)


def check_sidecar(sidecar, size, digest):
    if not 0 < size <= 1 << 44:
        raise Wrong("chain-size", str(size))
    if len(sidecar) != sidecar_length(size):
        raise Wrong("chain-length", "%d bytes" % len(sidecar))
    if sidecar[-32:].hex() != digest[7:]:
        raise Wrong("chain-end")


COMPRESSED = {}


def broken_link(data, sidecar):
    """The number of the first link that does not hold, from 1, or nothing."""
    for link in range(len(sidecar) // 32):
        before = sidecar[32 * link - 32 : 32 * link] if link else INITIAL
        part = data[link * CHUNK : (link + 1) * CHUNK]
        if len(part) < CHUNK:
            part += b"\x80" + b"\0" * ((55 - len(part)) % 64) + (8 * len(data)).to_bytes(8, "big")
        name = (before, hashlib.sha256(part).digest())
        if name not in COMPRESSED:
            COMPRESSED[name] = compress(before, part)
        if COMPRESSED[name] != sidecar[32 * link : 32 * link + 32]:
            return link + 1
    return None


# --- layout.md

URL = re.compile(r"https?://[^\x00-\x20\x7f-\U0010ffff\"\\<>?#]+\Z")
PLACEHOLDERS = ("digest", "hex", "namespace", "name", "tag", "arch", "ext")


def check_url(url, template):
    word = "malformed-settings"
    if not is_string(url) or not URL.match(url) or len(url) > 2048:
        raise Wrong(word, repr(url))
    used = re.findall(r"\{([a-z]*)\}", url)
    bare = re.sub(r"\{[a-z]*\}", "x", url)
    if "{" in bare or "}" in bare or any(name not in PLACEHOLDERS for name in used):
        raise Wrong(word, repr(url))
    host = url.split("://", 1)[1].split("/", 1)[0]
    if "@" in host or not re.match(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]{}]+)(:[0-9]*)?\Z", host):
        raise Wrong(word, "no host in %r" % url)
    if not template and (used or url.endswith("/")):
        raise Wrong(word, repr(url))
    if template and not ({"digest", "hex"} & set(used) or {"name", "tag"} <= set(used)):
        raise Wrong(word, "it does not tell images apart")


def parse_settings(data):
    word = "malformed-settings"
    try:
        lenient = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Wrong(word, "not JSON")
    if type(lenient) is not dict or lenient.get("type") != "sreg-registry":
        raise Wrong(word, "type")
    if not is_integer(lenient.get("format")):
        raise Wrong(word, "format")
    if lenient["format"] > 1:
        raise Wrong("newer-format", str(lenient["format"]))
    if data[-1:] != b"\n":
        raise Wrong(word, "no LF")
    try:
        settings = canonical(data[:-1])
    except Wrong as error:
        raise Wrong(word, error.word)
    fields(
        settings,
        {"format": lambda found: found == 1, "type": is_string},
        {"base_url": is_string, "blob_url": is_string},
        word=word,
    )
    if "base_url" in settings:
        check_url(settings["base_url"], False)
    if "blob_url" in settings:
        check_url(settings["blob_url"], True)
    return settings


def blob_path(name, digest):
    return "v2/%s/blobs/%s" % (fold(name), digest)


def image_url(settings, image):
    if "blob_url" in settings:
        namespace, name = image["name"].split("/")
        values = {
            "digest": image["digest"], "hex": image["digest"][7:], "namespace": namespace,
            "name": name, "tag": image["tag"], "arch": image["arch"],
            "ext": FORMATS[image["media"]],
        }
        return re.sub(r"\{([a-z]*)\}", lambda found: values[found.group(1)], settings["blob_url"])
    return settings.get("base_url", "") + "/" + blob_path(image["name"], image["digest"])


def parse_place(path):
    """What stands at a path, as {place, …, view}."""
    def place(kind, view=False, **more):
        return dict(more, place=kind, view=view)

    number = r"(0|[1-9][0-9]{0,15})"
    if path in ("sreg.json", "head"):
        return place("settings" if path == "sreg.json" else "head")
    found = re.match(r"heads/%s/%s\Z" % (number, number), path)
    if found:
        epoch, version = map(int, found.groups())
        if version and max(epoch, version) <= MAX_INTEGER:
            return place("head-slot", epoch=epoch, version=version)
    found = re.match(r"([ns])/([0-9a-f]{2})/(\2[0-9a-f]{62})\Z", path)
    if found:
        kind = {"n": "node", "s": "statement"}[found.group(1)]
        return place(kind, digest="sha256:" + found.group(3))
    found = re.match(r"v2/([^/]+/[^/]+)/(blob|manifest)s/(sha256:[0-9a-f]{64})\Z", path)
    if found and is_repository(found.group(1)) and fold(found.group(1)) == found.group(1):
        repository, kind, digest = found.groups()
        return place(kind, kind == "manifest", repository=repository, digest=digest)
    found = re.match(r"([^/]+/[^/]+)/(?:tags|manifests/([^/]+))/index\.html\Z", path)
    if found and is_repository(found.group(1)):
        repository, tag = found.groups()
        if tag is None:
            return place("seed-tags", True, repository=repository)
        if is_tag(tag):
            return place("seed-manifest", True, repository=repository, tag=tag)
    raise Wrong("foreign-file", path)


# --- api.md

def compact(value):
    return (json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def views_of(settings, statements):
    """Every view that these newest statements give, by path."""
    views = {}
    tags = {}
    for statement in statements:
        if statement["state"] == "present":
            tags.setdefault((statement["name"], statement["tag"]), []).append(statement)
    for (name, tag), images in tags.items():
        shown = min(images, key=lambda image: (image["arch"] != "amd64", image["arch"]))
        layer = {
            "mediaType": "application/vnd.singularity.image.squashfs", "size": shown["size"],
            "digest": shown["digest"], "urls": [image_url(settings, shown)],
        }
        config = {
            "mediaType": "application/vnd.singularity.container.image.v1+json", "size": 2,
            "digest": CONFIG,
        }
        views["%s/manifests/%s/index.html" % (name, tag)] = compact({
            "schemaVersion": 2,
            "mediaType": "application/vnd.singularity.distribution.manifest.v2+json",
            "config": config, "layers": [layer],
        })
        for image in images:
            place = "v2/%s/manifests/%s" % (fold(name), image["manifest"])
            keys = ("name", "tag", "digest", "size", "media")
            views[place] = manifest_of(*(image[key] for key in keys))
    for name in {name for name, _ in tags}:
        of_name = sorted(tag for other, tag in tags if other == name)
        views[name + "/tags/index.html"] = compact({"name": name, "tags": of_name})
        views[blob_path(name, CONFIG)] = b"{}"
    return views


# --- a whole tree: layout.md, head.md, statement.md, index.md, commit.md

CODES = {
    2: "newer-format",
    4: "missing-head missing-node missing-statement missing-blob missing-view missing-reference not-a-tree",
    5: "unreadable",
    7: "signature-unchecked",
    8: "case-collision stray-head",
    9: "stale-view lagging-head",
}
EXIT = {word: code for code, words in CODES.items() for word in words.split()}
WORST = [7, 6, 8, 5, 4, 9, 2]


class Tree:
    def __init__(self, root):
        self.root = root
        self.faults = []
        self.warnings = []
        self.met = {"sreg.json", "head"}
        self.whole = True
        try:
            self.settings = parse_settings(self.read("sreg.json", 8 << 10, "not-a-tree"))
        except Wrong as error:
            self.settings = {}
            self.fault(error, "sreg.json")

    def fault(self, error, path):
        self.faults.append((error.word, path, str(error)))

    def warn(self, word, path):
        self.warnings.append((word, path))

    def read(self, path, most, missing):
        """The bytes of a regular file, but never more than one over `most`."""
        full = os.path.join(self.root, path)
        try:
            if not stat.S_ISREG(os.lstat(full).st_mode):
                raise Wrong("not-a-file")
            with open(full, "rb") as file:
                return file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise Wrong(missing)
        except OSError as error:
            raise Wrong("unreadable", error.strerror)

    def node(self, digest):
        path = "n/%s/%s" % (digest[7:9], digest[7:])
        self.met.add(path)
        data = self.read(path, MAX_NODE, "missing-node")
        if sha256(data) != digest:
            raise Wrong("node-mismatch", "its digest is " + sha256(data))
        return data

    def statement(self, digest):
        path = statement_path(digest)
        self.met.add(path)
        data = self.read(path, MAX_DOCUMENT, "missing-statement")
        value = document(data, check_statement)
        if document_id(data) != digest:
            raise Wrong("document-mismatch", "its id is " + document_id(data))
        return value

    def head_slot(self, epoch, version):
        path = "heads/%d/%d" % (epoch, version)
        data = self.read(path, MAX_DOCUMENT, "missing-head")
        value = document(data, check_head)
        if (value["epoch"], value["version"]) != (epoch, version):
            raise Wrong("document-mismatch", "it is of another version")
        return data, value

    def heads(self):
        """All heads that can be read, newest first."""
        try:
            data = self.read("head", MAX_DOCUMENT, "missing-head")
            head = document(data, check_head)
        except Wrong as error:
            self.fault(error, "head")
            return []
        if "registry" in head:
            self.fault(Wrong("signature-unchecked"), "head")
        slot = "heads/%d/%d" % (head["epoch"], head["version"])
        self.met.add(slot)
        try:
            if self.read(slot, MAX_DOCUMENT, "missing-head") != data:
                self.fault(Wrong("head-mismatch"), slot)
        except Wrong as error:
            self.fault(error, slot)
        try:
            self.head_slot(head["epoch"], head["version"] + 1)
            self.met.add("heads/%d/%d" % (head["epoch"], head["version"] + 1))
            self.fault(Wrong("lagging-head"), "head")
        except Wrong as error:
            if error.word != "missing-head":
                self.fault(error, slot)
        heads = [head]
        while "previous" in heads[-1] and heads[-1]["version"] > 1:
            later = heads[-1]
            path = "heads/%d/%d" % (later["epoch"], later["version"] - 1)
            self.met.add(path)
            try:
                data, before = self.head_slot(later["epoch"], later["version"] - 1)
                if document_id(data) != later["previous"]:
                    raise Wrong("document-mismatch", "the next head names another")
            except Wrong as error:
                self.fault(error, path)
                return heads
            heads.append(before)
        return heads

    def walk(self, root, map_name, prefix="", count=None):
        """The lines of a map; faults are noted, and what is below them is left out."""
        try:
            node = load_node(self.node, root, map_name, prefix, count)
        except Wrong as error:
            self.whole = False
            self.fault(error, "n/%s/%s" % (root[7:9], root[7:]))
            return
        if node.lines is not None:
            yield from node.lines
        else:
            for digit, (child, below) in node.children.items():
                yield from self.walk(child, map_name, prefix + digit, below)

    def lines(self, head, newest):
        """All lines of an index, as (namespace, line)."""
        found, total = [], 0
        for entry in self.walk(head["index"]["digest"], "ns"):
            total += entry["tags"]
            map_name = "tags/" + entry["key"]
            found += [
                (entry["key"], line)
                for line in self.walk(entry["digest"], map_name, "", entry["tags"])
            ]
        if newest and self.whole and total != head["index"]["tags"]:
            self.fault(Wrong("node-sum", "the head counts otherwise"), "head")
        return found

    def stated(self, lines):
        """The statements of lines, each as its line says it is."""
        statements = []
        for namespace, line in lines:
            path = statement_path(line["statement"])
            try:
                value = self.statement(line["statement"])
                key = value["name"] + ":" + value["tag"]
                same = (key, value["arch"]) == (namespace + "/" + line["key"], line["arch"])
                image = [value.get(part) for part in ("digest", "size")]
                if not same or image != [line.get(part) for part in ("digest", "size")]:
                    raise Wrong("statement-mismatch")
                if "registry" in value:
                    self.fault(Wrong("signature-unchecked"), path)
                statements.append(value)
            except Wrong as error:
                self.whole = False
                self.fault(error, path)
        return statements

    def check_case(self, lines):
        seen = {}
        for namespace, line in lines:
            key = namespace + "/" + line["key"]
            repository = key.split(":")[0]
            if not is_repository(repository):
                self.fault(Wrong("reserved-name", repository), "head")
                continue
            for name in (namespace, repository, key):
                if seen.setdefault(fold(name), name) != name:
                    self.fault(Wrong("case-collision", "%s and %s" % (seen[fold(name)], name)), "head")
                    break

    def older(self, lines, old_lines):
        """The statements before the newest, and those that older heads name."""
        newest = {line["statement"] for _, line in lines}
        seen = set(newest)
        for start in sorted(newest) + sorted({line["statement"] for _, line in old_lines} - newest):
            digest, later = start, None
            while digest and not (digest in seen and (later or start not in newest)):
                seen.add(digest)
                path = statement_path(digest)
                try:
                    value = self.statement(digest)
                except Wrong as error:
                    if digest not in newest:
                        self.fault(error, path)
                    break
                subject = [value[key] for key in ("name", "tag", "arch")]
                if later:
                    follows = [later[key] for key in ("name", "tag", "arch")] == subject
                    if not follows or later["seq"] != value["seq"] + 1:
                        self.fault(Wrong("statement-order"), path)
                digest, later = value.get("previous"), value

    def images(self, statements):
        done = set()
        for image in statements:
            if image["state"] != "present":
                continue
            path = blob_path(image["name"], image["digest"])
            chain = blob_path(image["name"], image["chain"])
            self.met |= {path, chain}
            if path not in done:
                done.add(path)
                self.image(image, path, chain)

    def image(self, image, path, chain):
        sidecar = None
        try:
            found = self.read(chain, sidecar_length(image["size"]), "missing-blob")
            if sha256(found) != image["chain"]:
                raise Wrong("blob-mismatch", "the sidecar's digest is " + sha256(found))
            check_sidecar(found, image["size"], image["digest"])
            sidecar = found
        except Wrong as error:
            self.fault(error, chain)
        full = os.path.join(self.root, path)
        try:
            if not os.path.exists(full):
                if "blob_url" in self.settings:
                    return
                raise Wrong("missing-blob")
            size = os.path.getsize(full)
            if size != image["size"]:
                raise Wrong("blob-size", "it has %d bytes, expected %d" % (size, image["size"]))
            found = file_digest(full)
            if found != image["digest"]:
                raise Wrong("blob-mismatch", "its digest is " + found)
            if sidecar and size <= MAX_LINKED:
                with open(full, "rb") as file:
                    link = broken_link(file.read(), sidecar)
                if link:
                    raise Wrong("blob-mismatch", "link %d of its chain does not hold" % link)
        except OSError as error:
            self.fault(Wrong("unreadable", error.strerror), path)
        except Wrong as error:
            self.fault(error, path)

    def views(self, heads, statements):
        derived = views_of(self.settings, statements)
        for path, expected in sorted(derived.items()):
            self.met.add(path)
            try:
                found = self.read(path, len(expected) + (1 << 20), "missing-view")
            except Wrong as error:
                self.fault(error, path)
                continue
            if found != expected:
                stale = found in self.once_derived(heads, path)
                self.fault(Wrong("stale-view" if stale else "view-mismatch"), path)

    def once_derived(self, heads, path):
        """What older heads derive for a path."""
        for head in heads[1:]:
            quiet = Tree(self.root)
            statements = quiet.stated(quiet.lines(head, False))
            view = views_of(self.settings, statements).get(path)
            if view is not None:
                yield view

    def strays(self, heads):
        complete = bool(heads) and heads[-1]["version"] == 1
        passed_over = False
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")
                if path.split("/")[0] == "staging":
                    self.warn("interrupted-run", "staging")
                elif path not in self.met:
                    passed_over |= self.stray(path, heads, complete)
        if passed_over:
            self.warn("not-judged", "head")
        self.warnings = sorted(set(self.warnings))

    def stray(self, path, heads, complete):
        """Judges a file that nothing named; whether it had to be passed over."""
        try:
            place = parse_place(path)
        except Wrong:
            self.warn("foreign-file", path)
            return False
        full = os.path.join(self.root, path)
        if not stat.S_ISREG(os.lstat(full).st_mode):
            self.fault(Wrong("not-a-file"), path)
            return False
        kind = place["place"]
        if kind == "head-slot":
            if complete:
                self.fault(Wrong("stray-head"), path)
            return not complete
        if kind in ("seed-tags", "seed-manifest"):
            if self.whole:
                with open(full, "rb") as file:
                    stale = file.read() in self.once_derived(heads, path)
                self.fault(Wrong("stale-view" if stale else "stray-view"), path)
            return not self.whole
        if kind == "statement":
            with open(full, "rb") as file:
                found = sha256(file.readline())
        else:
            found = file_digest(full)
        if found != place["digest"]:
            self.fault(Wrong("blob-mismatch", "its digest is " + found), path)
            return False
        if self.whole:
            self.warn("stray-file", path)
        return not self.whole

    def verify(self):
        if self.faults:
            return
        heads = self.heads()
        self.whole = bool(heads)
        lines = self.lines(heads[0], True) if heads else []
        whole = self.whole
        old = [line for head in heads[1:] for line in self.lines(head, False)]
        self.whole = whole
        self.check_case(lines)
        statements = self.stated(lines)
        self.older(lines, old)
        # Of a tag whose statements could not all be read, no view is known.
        subjects = {}
        for namespace, line in lines:
            key = namespace + "/" + line["key"]
            subjects[key] = subjects.get(key, 0) + 1
        for value in statements:
            subjects[value["name"] + ":" + value["tag"]] -= 1
        if self.whole:
            self.views(heads, statements)
        else:
            known = [v for v in statements if not subjects[v["name"] + ":" + v["tag"]]]
            self.met |= set(views_of(self.settings, known))
        self.images(statements)
        self.strays(heads)

    def verify_reference(self, text):
        """Only what leads from the head to one reference, and its bytes."""
        if self.faults:
            return
        try:
            reference = parse_reference(text)
        except Wrong as error:
            self.fault(error, text)
            return
        heads = self.heads()
        if not heads:
            return
        namespace = reference["namespace"]
        try:
            root = heads[0]["index"]["digest"]
            found = look_up(self.node, root, "ns", None, namespace)
            if not found:
                raise Wrong("missing-reference", "no namespace " + namespace)
            map_name, entry = "tags/" + namespace, found[0]
            if "digest" in reference and "tag" not in reference:
                lines = [
                    line for line in self.walk(entry["digest"], map_name, "", entry["tags"])
                    if line["key"].split(":")[0] == reference["name"]
                ]
            else:
                key = reference["name"] + ":" + reference.get("tag", "latest")
                lines = look_up(self.node, entry["digest"], map_name, entry["tags"], key)
        except Wrong as error:
            self.fault(error, text)
            return
        lines = [line for line in lines if "digest" in line]
        if "digest" in reference:
            lines = [line for line in lines if line["digest"] == reference["digest"]]
        if not lines:
            self.fault(Wrong("missing-reference"), text)
            return
        self.images(self.stated([(namespace, line) for line in lines]))


def statement_path(digest):
    return "s/%s/%s" % (digest[7:9], digest[7:])


def file_digest(path):
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            hashed.update(part)
    return "sha256:" + hashed.hexdigest()


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0].startswith("-"):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    tree = Tree(arguments[0])
    if len(arguments) == 2:
        tree.verify_reference(arguments[1])
    else:
        tree.verify()
    for word, path in tree.warnings:
        print("warning[%s]: %s" % (word, path), file=sys.stderr)
    for word, path, what in sorted(tree.faults):
        print("error[%s]: %s: %s" % (word, path, what), file=sys.stderr)
    print("%s: %s" % (arguments[0], "ok" if not tree.faults else "%d faults" % len(tree.faults)))
    codes = {EXIT.get(word, 6) for word, _, _ in tree.faults}
    return next((code for code in WORST if code in codes), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
