#!/usr/bin/env python3
"""Verifies a published registry tree, or one reference in it, from the pages of `spec/` alone.

    verify.py ROOT [NAMESPACE/NAME[:TAG]] [--registry ID] [--lock FILE] [--now SECONDS]

It shares no code with sreg, so that what the two agree on is what the pages say. It needs Python
3.8 or later and, for registries with keys, ssh-keygen. Every fault is printed as
`error[word]: path: what`; the exit code is 0 when all is well, else that of the worst fault, as
spec/cli.md lists them.
"""

import argparse
import base64
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

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

KEY = re.compile(r"[a-z0-9_]*")
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
            key = KEY.match(self.text, self.at).group()
            self.at += len(key)
            if self.at == len(self.text):
                raise Wrong("json-syntax", "a key without an end")
            if not key or self.peek() != '"':
                raise Wrong("json-key", "character %d" % self.at)
            self.at += 1
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

COMPONENT = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9]+(?:(?:\.|__?|-+)[A-Za-z0-9]+)*\Z")
TAG = re.compile(r"(?![Ss][Hh][Aa]256-[0-9A-Fa-f]{64})[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
RESERVED = "api head heads index.html n nginx.conf s sreg.json staging trust v2".split()
ARCHES = {
    "unknown": "00", "386": "01", "amd64": "02", "arm": "03", "arm64": "04", "ppc64": "05",
    "ppc64le": "06", "mips": "07", "mipsle": "08", "mips64": "09", "mips64le": "10",
    "s390x": "11", "riscv64": "12", "loong64": "13",
}


def fold(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def is_folded(text):
    return fold(text) == text


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
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIGNATURES = "application/vnd.sreg.statement.v1"


def manifest_of(name, tag, digest, size, media):
    title = "%s_%s.%s" % (name.split("/")[1], tag, FORMATS[media])
    text = (
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        '"config":{"mediaType":"application/vnd.sylabs.sif.config.v1+json","size":2,'
        '"digest":"%s","data":"e30="},"layers":[{"mediaType":"%s","size":%d,"digest":"%s",'
        '"annotations":{"org.opencontainers.image.title":"%s"}}]}'
    )
    return (text % (CONFIG, media, size, digest, title)).encode()


def image_index_of(images):
    """The image index of a tag's images, the shown one first."""
    return index_of([
        dict(descriptor_of_image(image), platform={"architecture": image["arch"], "os": "linux"})
        for image in images
    ])


def index_of(manifests):
    media = "application/vnd.oci.image.index.v1+json"
    return compact({"schemaVersion": 2, "mediaType": media, "manifests": manifests})[:-1]


def manifest_of_image(image):
    return manifest_of(*(image[key] for key in ("name", "tag", "digest", "size", "media")))


def descriptor_of_image(image):
    size = len(manifest_of_image(image))
    return {"mediaType": MANIFEST, "size": size, "digest": image["manifest"]}


def belongings_of(image):
    """What is published as artifacts of an image, as attachments: its signatures first (MAN-12)."""
    belongings = list(image.get("attached", []))
    if "file" in image:
        name = "%s_%s.%s.statement" % (image["name"].split("/")[1], image["tag"], image["arch"])
        belongings.insert(0, {
            "media": SIGNATURES, "size": len(image["file"]), "digest": sha256(image["file"]),
            "name": name,
        })
    return belongings


def annotations_of(attachment):
    """The annotations as a part of a document, if there are any."""
    annotations = attachment.get("annotations")
    return {"annotations": dict(one.split("=", 1) for one in annotations)} if annotations else {}


def artifact_of(image, attachment):
    """MAN-11: the manifest of what is attached to an image."""
    layer = {
        "mediaType": attachment["media"], "size": attachment["size"],
        "digest": attachment["digest"],
        "annotations": {"org.opencontainers.image.title": attachment["name"]},
    }
    config = {
        "mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": CONFIG,
        "data": "e30=",
    }
    return compact({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": attachment["media"],
        "config": config, "layers": [layer], **annotations_of(attachment),
        "subject": descriptor_of_image(image),
    })[:-1]


def referrers_of(images):
    """MAN-13 and MAN-14 of images with one manifest, the shown one first: the manifests of what is
    attached to them, by digest, and the list of those."""
    artifacts, listed = {}, []
    for image in images:
        for attachment in belongings_of(image):
            artifact = artifact_of(image, attachment)
            if sha256(artifact) in artifacts:
                continue
            artifacts[sha256(artifact)] = artifact
            listed.append({
                "mediaType": MANIFEST, "size": len(artifact), "digest": sha256(artifact),
                **annotations_of(attachment), "artifactType": attachment["media"],
            })
    return artifacts, index_of(listed)


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
    media = value.get("mediaType", MANIFEST)
    if media != MANIFEST:
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
MEDIA_WORD = "[A-Za-z0-9][A-Za-z0-9._+-]{0,126}"
MEDIA = re.compile(r"(?!(?i:application/vnd\.sreg\.))%s/%s\Z" % (MEDIA_WORD, MEDIA_WORD))
ATTACHMENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}\Z")
ANNOTATION = re.compile(r"[A-Za-z0-9._/-]{1,128}=[ !#-\[\]-~]{1,1024}\Z")


def is_attachment(value):
    """STM-23"""
    is_annotations = lambda found: type(found) is list and all(map(is_string, found))
    return passes(
        fields, value,
        {"digest": is_digest, "media": is_string, "name": is_string, "size": is_integer},
        {"annotations": is_annotations},
    )


def check_attached(attached):
    """STM-24 to STM-27, and STM-13 of attachments."""
    kinds = {(attachment["digest"], attachment["media"]) for attachment in attached}
    bound(len(attached) <= 16 and len(kinds) == len(attached), "attached")
    for attachment in attached:
        bound(1 <= attachment["size"] <= 1 << 44, "size of an attachment")
        bound(MEDIA.match(attachment["media"]), "media of an attachment")
        bound(ATTACHMENT_NAME.match(attachment["name"]), "name of an attachment")
        if "annotations" in attachment:
            annotations = attachment["annotations"]
            bound(1 <= len(annotations) <= 8, "annotations")
            bound(all(map(ANNOTATION.match, annotations)), "annotation")
            keys = [annotation.split("=")[0] for annotation in annotations]
            bound(keys == sorted(set(keys)), "order of annotations")


def check_statement(value):
    def list_of(check):
        return lambda found: type(found) is list and found != [] and all(map(check, found))

    fields(
        value,
        {
            "arch": is_arch, "epoch": is_integer, "issued": is_integer, "name": is_repository,
            "seq": is_integer, "state": lambda state: state in ("present", "removed"),
            "tag": is_tag, "type": lambda kind: kind == "sreg-statement-v1",
        },
        {
            "attached": list_of(is_attachment), "chain": is_digest, "digest": is_digest,
            "expires": is_integer, "frozen": is_true, "manifest": is_digest,
            "media": lambda media: is_string(media) and media in FORMATS, "previous": is_digest,
            "reason": is_string, "registry": is_digest, "size": is_integer,
            "urls": list_of(is_string),
        },
    )
    present = value["state"] == "present"
    has = [name in value for name in IMAGE]
    wrong = Wrong("malformed-document", "fields that do not go with the state")
    if present and (not all(has) or "reason" in value):
        raise wrong
    if not present and (any(has) or "reason" not in value):
        raise wrong
    if not present and any(name in value for name in ("frozen", "urls", "attached")):
        raise wrong
    if present:
        if sha256(manifest_of_image(value)) != value["manifest"]:
            raise Wrong("malformed-document", "manifest")
    bound(value["seq"] >= 1, "seq")
    bound((value["seq"] == 1) == ("previous" not in value), "previous")
    bound("registry" in value or value["epoch"] == 0, "epoch")
    if present:
        bound(1 <= value["size"] <= 1 << 44, "size")
        urls = value.get("urls", [])
        bound(len(urls) <= 8 and all(1 <= len(url.encode()) <= 1024 for url in urls), "urls")
        check_attached(value.get("attached", []))
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
    bound(value["version"] == 1 or "previous" in value, "previous")
    bound(value["version"] > 1 or signed or "previous" not in value, "previous")
    bound(value.get("trust", {}).get("version", 1) >= 1, "trust")


# --- signature.md

# The fields of each algorithm's key behind its name; of a curve also its name.
KEY_FIELDS = {
    "ssh-ed25519": ["point"],
    "ecdsa-sha2-nistp256": [b"nistp256", "x, y"],
    "ecdsa-sha2-nistp384": [b"nistp384", "x, y"],
    "ssh-rsa": ["mpint", "mpint"],
    "sk-ssh-ed25519@openssh.com": ["point", "application"],
    "sk-ecdsa-sha2-nistp256@openssh.com": [b"nistp256", "x, y", "application"],
}
NAMESPACES = {purpose: purpose + "@sreg.v1" for purpose in ("trust", "head", "image")}
MAX_KEY = 1100
MAX_SIGNATURE = 16 << 10
MAX_SIGNATURES = 32
FOOTER = b"-----END SSH SIGNATURE-----\n"
ARMOR = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\n"
    rb"((?:[A-Za-z0-9+/=]{70}\n)*[A-Za-z0-9+/=]{1,70}\n)" + FOOTER + rb"\Z"
)

# RFC 8032, 5.1: the field, the curve -x^2 + y^2 = 1 + d x^2 y^2, the order of its base point.
FIELD = 2**255 - 19
D = -121665 * pow(121666, FIELD - 2, FIELD) % FIELD
ORDER = 2**252 + 27742317777372353535851937790883648493
# FIPS 186-4, D.1.2: of each curve y^2 = x^3 - 3x + b its width in bytes, its field, b, and its order.
CURVES = {
    b"nistp256": (
        32, 2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    b"nistp384": (
        48, 2**384 - 2**128 - 2**96 + 2**32 - 1,
        int("B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875A"
            "C656398D8A2ED19D2A85C8EDD3EC2AEF", 16),
        int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF"
            "581A0DB248B0A77AECEC196ACCC52973", 16),
    ),
}


def unbase64(encoded):
    """What canonical base64 encodes, or nothing where it is none."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded) == encoded else None


class Binary:
    """Takes the fields of a binary form, one after another."""

    def __init__(self, form):
        self.rest = form

    def take(self, length):
        if length > len(self.rest):
            raise Wrong("signature-format", "it is cut off")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def string(self):
        return self.take(int.from_bytes(self.take(4), "big"))

    def end(self):
        if self.rest:
            raise Wrong("signature-format", "%d bytes behind the last field" % len(self.rest))


def is_mpint(field):
    """Whether a number is over zero and in no more bytes than it needs."""
    return bool(field) and field[0] < 128 and (field[0] > 0 or field[1:2] > b"\x7f")


def number(field):
    return int.from_bytes(field, "big")


def fits_field(expected, field, curve):
    if type(expected) is bytes:
        return field == expected
    if expected == "mpint":
        return is_mpint(field)
    if expected == "application":
        return 1 <= len(field) <= 255 and all(32 <= byte < 127 for byte in field)
    if expected == "x, y":
        return len(field) == 2 * CURVES[curve][0] + 1 and field[0] == 4
    return len(field) == 32


def key_fields(blob):
    """SIG-2 and SIG-3: a key's algorithm and its fields."""
    binary = Binary(blob)
    algorithm = binary.string().decode("latin-1")
    if algorithm not in KEY_FIELDS:
        raise Wrong("signature-key", "a key of an unsupported kind: %r" % algorithm)
    found = []
    for expected in KEY_FIELDS[algorithm]:
        found.append(binary.string())
        if not fits_field(expected, found[-1], found[0]):
            raise Wrong("signature-format", "a field of the key")
    binary.end()
    if len(blob) > MAX_KEY:
        raise Wrong("signature-format", "a key of %d bytes" % len(blob))
    return algorithm, found


@functools.lru_cache(None)
def check_key(blob):
    """SIG-2, SIG-3 and SIG-5: a key that may sign."""
    algorithm, found = key_fields(blob)
    if algorithm == "ssh-rsa":
        exponent, modulus = map(number, found)
        if not 2048 <= modulus.bit_length() <= 8192 or modulus % 2 == 0:
            raise Wrong("signature-key", "a modulus of %d bits" % modulus.bit_length())
        if exponent.bit_length() > 33 or exponent % 2 == 0 or exponent == 1:
            raise Wrong("signature-key", "the exponent")
    elif found[0] in CURVES:
        width, field, b, _ = CURVES[found[0]]
        x, y = number(found[1][1 : width + 1]), number(found[1][width + 1 :])
        if x >= field or y >= field or (y * y - x**3 + 3 * x - b) % field:
            raise Wrong("signature-key", "a point that is not on its curve")
    elif not is_ed25519_point(found[0]) or is_small(found[0]):
        raise Wrong("signature-key", "a point that is not on its curve, or of small order")
    return algorithm, found


def is_ed25519_point(encoded):
    """Whether bytes are the one encoding of a point: y, and in the highest bit the sign of x."""
    sign, y = divmod(int.from_bytes(encoded, "little"), 1 << 255)
    if y >= FIELD:
        return False
    numerator, denominator = y * y - 1, D * y * y + 1
    # x^2 is their quotient, and has a root if and only if their product has (Euler's criterion).
    if numerator % FIELD == 0:
        return sign == 0
    return pow(numerator * denominator, (FIELD - 1) // 2, FIELD) == 1


def is_small(encoded):
    """Whether a point is one of the eight whose order divides 8: y is 1, -1 (order 2), 0 (order 4),
    or doubling gives 0 (order 8)."""
    y = int.from_bytes(encoded, "little") % (1 << 255) % FIELD
    return y in (0, 1, FIELD - 1) or (D * y**4 + 2 * y * y - 1) % FIELD == 0


def check_bytes(algorithm, key, signature):
    """SIG-14 to SIG-16: the bytes of a signature. Gives whether its numbers are in range (SIG-19),
    which is for the mathematics to say."""
    if algorithm == "ssh-rsa":
        if len(signature) != (number(key[1]).bit_length() + 7) // 8:
            raise Wrong("signature-format", "a signature of %d bytes" % len(signature))
        return True
    if key[0] in CURVES:
        width, _, _, order = CURVES[key[0]]
        binary = Binary(signature)
        numbers = [binary.string(), binary.string()]
        binary.end()
        if not all(is_mpint(one) and number(one) >> 8 * width == 0 for one in numbers):
            raise Wrong("signature-format", "r or s")
        return all(number(one) < order for one in numbers)
    if len(signature) != 64:
        raise Wrong("signature-format", "a signature of %d bytes" % len(signature))
    return int.from_bytes(signature[32:], "little") < ORDER and not is_small(signature[:32])


def read_signature(armored, purpose):
    """All that is to be said of a signature but whether it verifies: its signer's fingerprint."""
    found = ARMOR.match(armored) if len(armored) <= MAX_SIGNATURE else None
    form = unbase64(found.group(1).replace(b"\n", b"")) if found else None
    if form is None:
        raise Wrong("signature-armor")
    binary = Binary(form)
    if binary.take(6) != b"SSHSIG" or binary.take(4) != b"\0\0\0\1":
        raise Wrong("signature-format", "the magic or the version")
    key, namespace, reserved, digest, inner = (binary.string() for _ in range(5))
    binary.end()
    if reserved or not namespace:
        raise Wrong("signature-format", "a reserved field, or no namespace")
    if digest != b"sha512":
        raise Wrong("signature-algorithm", "the hash %r" % digest)
    algorithm, fields_of_key = check_key(key)
    binary = Binary(inner)
    allowed = ("rsa-sha2-512", "rsa-sha2-256") if algorithm == "ssh-rsa" else (algorithm,)
    named = binary.string().decode("latin-1")
    if named not in allowed:
        raise Wrong("signature-algorithm", "%r by a key of %s" % (named, algorithm))
    signature = binary.string()
    present = True
    if algorithm.startswith("sk-"):
        present = binary.take(5)[0] & 1
    binary.end()
    in_range = check_bytes(algorithm, fields_of_key, signature)
    if not present:
        raise Wrong("signature-presence")
    if namespace != NAMESPACES[purpose].encode():
        raise Wrong("signature-namespace", repr(namespace))
    if not in_range:
        raise Wrong("signature-invalid", "a number out of range")
    return print_of(key)


class KeygenMissing(Exception):
    """Nothing can be said of signatures."""


class Mathematics:
    """SIG-19 by ssh-keygen, which is asked about each signature once, and about several at a time.
    It is laxer than the page in much (signature.md, Security): read_signature comes first."""

    def __init__(self):
        self.asked = {}
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def ask(self, armored, purpose, message):
        question = (armored, purpose, message)
        if question not in self.asked:
            self.asked[question] = self.pool.submit(self.run, *question)
        return self.asked[question]

    @staticmethod
    def run(armored, purpose, message):
        command = ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACES[purpose], "-s"]
        with tempfile.NamedTemporaryFile() as file:
            file.write(armored)
            file.flush()
            try:
                ran = subprocess.run(
                    command + [file.name], input=message,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                )
            except FileNotFoundError:
                raise KeygenMissing("ssh-keygen is needed to verify signatures, and is not there")
        return ran.returncode == 0


MATHEMATICS = Mathematics()


def ask(armored, purpose, message):
    """Has the mathematics of signatures begun: for each its signer and what will be known, or what
    is wrong with it."""
    *signatures, rest = armored.split(FOOTER)
    signatures = [one + FOOTER for one in signatures] + ([rest] if rest else [])
    if len(signatures) > MAX_SIGNATURES:
        return [Wrong("signature-count", "%d signatures" % len(signatures))]
    asked = []
    for one in signatures:
        try:
            asked.append((read_signature(one, purpose), MATHEMATICS.ask(one, purpose, message)))
        except Wrong as error:
            asked.append(error)
    return asked


def signers(asked):
    """The fingerprints of those who signed, in order; each signature is taken in turn."""
    found = []
    for one in asked:
        if isinstance(one, Wrong):
            raise one
        signer, verified = one
        if not verified.result():
            raise Wrong("signature-invalid", "by " + signer)
        found.append(signer)
    return found


def ask_of_document(data, purpose):
    """The same of the signatures behind line 1 (SIG-20)."""
    end = data.index(b"\n") + 1
    return ask(data[end:], purpose, data[:end])


def key_blob(text):
    """SIG-1 to SIG-3: the binary form of a key that is written as text."""
    algorithm, _, encoded = text.partition(" ")
    blob = unbase64(encoded.encode("utf-8", "replace"))
    try:
        if blob is None or key_fields(blob)[0] != algorithm:
            raise Wrong("malformed-key")
    except Wrong as error:
        raise Wrong("malformed-key", str(error))
    return blob


def print_of(blob):
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def fingerprint(key):
    return print_of(key_blob(key))


def is_fingerprint(value):
    if not is_string(value) or not re.match(r"SHA256:[A-Za-z0-9+/]{43}\Z", value):
        return False
    return unbase64(value[7:].encode() + b"=") is not None


# --- trust.md

MAX_TRUST = 1 << 20


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
                    "key": lambda key: is_string(key) and passes(key_blob, key),
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


def enough(who, signed_by, without=()):
    """TRUST-10: whether as many different keys as the threshold says are among those who signed."""
    return len(set(signed_by) & set(who["keys"]) - set(without)) >= who["threshold"]


def check_next_trust(before, value):
    """TRUST-15, TRUST-17 and TRUST-18; `before` is the version before, and its id."""
    digest, former = before
    if value["registry"] != former.get("registry", digest):
        raise Wrong("other-registry", value["registry"])
    if value["previous"] != digest:
        raise Wrong("trust-order", "it follows another version")
    base, former_base = value["head_base"], former["head_base"]
    if base != former_base and base["epoch"] != former_base["epoch"] + 1:
        raise Wrong("trust-order", "head_base")
    epochs = {delegation["scope"]: delegation["epoch"] for delegation in former["delegations"]}
    for delegation in value["delegations"]:
        if delegation["epoch"] < epochs.get(delegation["scope"], 1):
            raise Wrong("trust-order", "the epoch of " + delegation["scope"])


def delegation_of(trust, name):
    """TRUST-11: the one delegation that decides about a repository."""
    for scope in (name, name.split("/")[0]):
        for delegation in trust["delegations"]:
            if delegation["scope"] == scope:
                return delegation
    raise Wrong("untrusted-statement", "nobody may publish " + name)


# --- lock.md

MAX_LOCK = 1 << 20


def check_lock(value):
    def is_object(required, optional=None):
        return lambda found: passes(fields, found, required, optional)

    registry = is_object(
        {"id": is_digest},
        {
            "head": is_object({"epoch": is_integer, "id": is_digest, "version": is_integer}),
            "trust": is_object({"id": is_digest, "version": is_integer}),
        },
    )
    fields(value, {
        "registries": lambda found: type(found) is list and all(map(registry, found)),
        "type": lambda kind: kind == "sreg-lock-v1",
    })
    bound(ascends([known["id"] for known in value["registries"]]), "registries")
    for known in value["registries"]:
        for what in ("head", "trust"):
            bound(known.get(what, {}).get("version", 1) >= 1, what)
        trust = known.get("trust", {})
        bound(trust.get("version") != 1 or trust["id"] == known["id"], "trust")


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
HOSTS = ("nginx", "s3", "gcs", "pages", "netlify", "cloudflare")
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
        {"base_url": is_string, "blob_url": is_string, "host": lambda found: found in HOSTS},
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


def as_tag(digest):
    """The last part of the path where clients look that know nothing of referrers (API-18)."""
    return digest.replace(":", "-")


def of_tag(tag):
    return tag.replace("-", ":")
HOST_FILES = {"nginx.conf": "nginx-conf", "_headers": "headers"}


def parse_place(path):
    """What stands at a path, as {place, …, view}."""
    def place(kind, view=False, **more):
        return dict(more, place=kind, view=view)

    number = r"(0|[1-9][0-9]{0,15})"
    if path in ("sreg.json", "head"):
        return place("settings" if path == "sreg.json" else "head")
    if path in (".nojekyll", "v2/index.html"):
        return place("no-jekyll" if path == ".nojekyll" else "ping", True)
    if path in HOST_FILES:
        return place(HOST_FILES[path], True)
    found = re.match(r"heads/%s/%s\Z" % (number, number), path)
    if found:
        epoch, version = map(int, found.groups())
        if version and max(epoch, version) <= MAX_INTEGER:
            return place("head-slot", epoch=epoch, version=version)
    found = re.match(r"trust/%s\Z" % number, path)
    if found and 1 <= int(found.group(1)) <= MAX_INTEGER:
        return place("trust", version=int(found.group(1)))
    found = re.match(r"([ns])/([0-9a-f]{2})/(\2[0-9a-f]{62})\Z", path)
    if found:
        kind = {"n": "node", "s": "statement"}[found.group(1)]
        return place(kind, digest="sha256:" + found.group(3))
    found = re.match(r"v2/([^/]+/[^/]+)/(blobs|manifests|indexes|referrers|tags)/([^/]+)\Z", path)
    if found and is_folded(found.group(1)) and is_repository(found.group(1)):
        repository, folder, last = found.groups()
        if folder == "tags":
            if last == "list":
                return place("tags-list", True, repository=repository)
        elif is_digest(last):
            kinds = {"blobs": "blob", "manifests": "manifest", "indexes": "index", "referrers": "referrers"}
            kind = kinds[folder]
            return place(kind, folder != "blobs", repository=repository, digest=last)
        elif folder == "manifests" and re.match(r"sha256-[0-9a-f]{64}\Z", last):
            return place("referrers-tag", True, repository=repository, digest=of_tag(last))
        elif folder in ("manifests", "indexes") and is_tag(last):
            kind = "tag-manifest" if folder == "manifests" else "tag-index"
            return place(kind, True, repository=repository, tag=last)
    found = re.match(r"(library/(?:([^/]+)/)?v1/(?:images|imagefile)|api/container)/([^/]+/[^/]+):([^/]+)\Z", path)
    if found and is_repository(found.group(3)) and is_tag(found.group(4)):
        folder, arch, repository, tag = found.groups()
        if folder == "api/container":
            return place("shub", True, repository=repository, tag=tag)
        if is_folded(repository) and is_folded(tag) and (arch is None or arch in ARCHES):
            kind = "library-image" if folder.endswith("/images") else "library-file"
            of_arch = {} if arch is None else {"arch": arch}
            return place(kind, True, repository=repository, tag=tag, **of_arch)
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


def is_of_library(path):
    return path.startswith("library/") and parse_place(path)["place"] == "library-file"


class Link(str):
    """A view that is a symbolic link: its text. It equals no bytes."""


def views_of(settings, statements):
    """Every view that these newest statements give, by path: its bytes, or a link. One that is
    signed has the bytes of its file as `file`."""
    views = {".nojekyll": b"", "v2/index.html": b"{}\n"}
    views.update(views_of_host(settings))
    tags = {}
    for statement in statements:
        if statement["state"] == "present":
            tags.setdefault((statement["name"], statement["tag"]), []).append(statement)
    for (name, tag), images in tags.items():
        images.sort(key=lambda image: (image["arch"] != "amd64", image["arch"]))
        views.update(views_of_shown(settings, images[0]))
        views.update(views_of_library(settings, "library", images[0]))
        for image in images:
            if image["arch"] not in ("amd64", "unknown"):
                views.update(views_of_library(settings, "library/" + image["arch"], image))
        document = manifest_of_image(images[0]) if len(images) == 1 else image_index_of(images)
        oci = "v2/" + fold(name)
        views["%s/manifests/%s" % (oci, tag)] = document
        if len(images) > 1 and settings.get("host") == "nginx":
            for what in (tag, sha256(document)):
                views["%s/indexes/%s" % (oci, what)] = document
        views.update(views_by_digest(oci, images))
        views[blob_path(name, CONFIG)] = b"{}"
    views.update(lists_of_tags(tags))
    return views


def views_by_digest(base, images):
    """What stands at digests of a tag's images: manifests, what refers to them, and signatures."""
    documents, lists, views = {}, {}, {}
    for image in images:
        with_it = [one for one in images if one["manifest"] == image["manifest"]]
        artifacts, lists[image["manifest"]] = referrers_of(with_it)
        documents.update({image["manifest"]: manifest_of_image(image), **artifacts})
        if "file" in image:
            views["%s/blobs/%s" % (base, sha256(image["file"]))] = image["file"]
    if len(images) > 1:
        document = image_index_of(images)
        documents[sha256(document)] = document
    nothing = index_of([])
    for digest, document in documents.items():
        views["%s/manifests/%s" % (base, digest)] = document
        listed = views["%s/referrers/%s" % (base, digest)] = lists.get(digest, nothing)
        if listed != nothing:
            views["%s/manifests/%s" % (base, as_tag(digest))] = listed
    return views


def views_of_host(settings):
    """The file that tells the host of a tree how to serve it; it is the same for every tree."""
    names = {"nginx": "nginx.conf", "netlify": "_headers", "cloudflare": "_headers"}
    name = names.get(settings.get("host"))
    if name is None:
        return {}
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../hosts")
    with open(os.path.join(folder, name), "rb") as file:
        return {name: file.read()}


def views_of_shown(settings, image):
    """The views of a tag that are of one image."""
    name, tag, hexadecimal = image["name"], image["tag"], image["digest"][7:]
    url = image_url(settings, image)
    layer = {
        "mediaType": "application/vnd.singularity.image.squashfs", "size": image["size"],
        "digest": image["digest"], "urls": [url],
    }
    config = {
        "mediaType": "application/vnd.singularity.container.image.v1+json", "size": 2,
        "digest": CONFIG,
    }
    return {
        "%s/manifests/%s/index.html" % (name, tag): compact({
            "schemaVersion": 2,
            "mediaType": "application/vnd.singularity.distribution.manifest.v2+json",
            "config": config, "layers": [layer],
        }),
        "api/container/%s:%s" % (name, tag): compact({
            "image": url, "name": name, "tag": tag, "version": hexadecimal, "commit": hexadecimal,
        }),
    }


def views_of_library(settings, base, image):
    """What library clients read of an image that is theirs below a base."""
    of_library = "sha256." + image["digest"][7:]
    reference = "%s:%s" % (fold(image["name"]), fold(image["tag"]))
    views = {"%s/v1/images/%s" % (base, reference): compact({"data": {
        "id": of_library, "hash": of_library, "size": image["size"], "uploaded": True,
        "arch": image["arch"],
    }})}
    if "blob_url" not in settings:
        path = "%s/v1/imagefile/%s" % (base, reference)
        views[path] = Link("../" * path.count("/") + blob_path(image["name"], image["digest"]))
    return views


def lists_of_tags(tags):
    """The lists of tags of present images, which come as pairs of name and tag."""
    listed = {}
    for name, tag in tags:
        listed.setdefault(name, set()).add(tag)
    views = {}
    for name, its in listed.items():
        views[name + "/tags/index.html"] = compact({"name": name, "tags": sorted(its)})
        views["v2/%s/tags/list" % fold(name)] = compact({"name": fold(name), "tags": sorted(its)})
    return views


# --- a whole tree: layout.md, head.md, statement.md, index.md, commit.md

CODES = {
    2: "newer-format",
    4: "missing-file missing-head missing-node missing-statement missing-blob missing-view "
       "missing-reference not-a-registry",
    5: "unreadable",
    7: "missing-trust other-registry rolled-back fork head-epoch head-trust trust-order "
       "untrusted-trust untrusted-head untrusted-statement expired-trust expired-head "
       "expired-statement unsigned untrusted-registry signature-armor signature-format signature-key "
       "signature-algorithm signature-presence signature-namespace signature-invalid signature-count",
    8: "case-collision stray-head stray-trust",
    9: "stale-view lagging-head",
}
EXIT = {word: code for code, words in CODES.items() for word in words.split()}
WORST = [7, 6, 8, 5, 4, 9, 2]


class Tree:
    """A tree in a folder. The reader expects the registries with the ids `expected`, each of them,
    and of those in `known` it knows what a lock file lists; `now` is its clock."""

    def __init__(self, root, expected=(), known=(), now=0, locked=False):
        self.root, self.expected, self.known, self.now = root, expected, known, now
        # Whether what is known is all that a lock file lists.
        self.locked = locked
        self.faults = []
        self.warnings = []
        self.met = {"sreg.json", "head"}
        self.whole = True
        # Whether names stand in each other's way, and views with them.
        self.clash = False
        # The views that are derived, whether or not they stand in each other's way.
        self.derived = {}
        # The statements that were read, their files, and what is asked about their signatures.
        self.read_statements = {}
        self.has_keys = os.path.lexists(os.path.join(root, "trust", "1"))
        # The ids and documents of the versions of trust, until one is at fault.
        self.trusts = []
        # The newest trust, where none is at fault.
        self.trust = None
        try:
            self.settings = parse_settings(self.read("sreg.json", 8 << 10, "not-a-registry"))
        except Wrong as error:
            self.settings = {}
            self.fault(error, "sreg.json")

    def fault(self, error, path):
        self.faults.append((error.word, path, str(error)))

    def warn(self, word, path):
        self.warnings.append((word, path))

    def is_file(self, path):
        """Whether a regular file stands at a path. A link in the place of a blob counts as the file
        that it leads to, as it does for who is served: images may be linked into a tree."""
        full = os.path.join(self.root, path)
        is_blob = re.match(r"v2/[^/]+/[^/]+/blobs/", path)
        return os.path.isfile(full) and (is_blob or not os.path.islink(full))

    def read(self, path, most, missing):
        """The bytes of a regular file, but never more than one over `most`."""
        full = os.path.join(self.root, path)
        try:
            os.lstat(full)
            if not self.is_file(path):
                raise Wrong("not-a-file")
            with open(full, "rb") as file:
                return file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise Wrong(missing)
        except OSError as error:
            raise Wrong("unreadable", error.strerror)

    def view(self, path, most):
        """What stands in the place of a view: bytes, or a link, whether or not it leads anywhere."""
        full = os.path.join(self.root, path)
        if is_of_library(path):
            if os.path.islink(full):
                return Link(os.readlink(full))
            if os.path.isfile(full):
                # The image itself, or no view.
                return file_digest(full)
        return self.read(path, most, "missing-view")

    def node(self, digest):
        path = "n/%s/%s" % (digest[7:9], digest[7:])
        self.met.add(path)
        data = self.read(path, MAX_NODE, "missing-node")
        if sha256(data) != digest:
            raise Wrong("node-mismatch", "its digest is " + sha256(data))
        return data

    def statement(self, digest):
        if digest not in self.read_statements:
            path = statement_path(digest)
            self.met.add(path)
            data = self.read(path, MAX_DOCUMENT, "missing-statement")
            value = document(data, check_statement)
            if document_id(data) != digest:
                raise Wrong("document-mismatch", "its id is " + document_id(data))
            asked = ask_of_document(data, "image") if self.trust else None
            self.read_statements[digest] = (value, data, asked)
        return self.read_statements[digest][0]

    # trust.md

    def read_trust(self):
        """All versions of trust. Of those after one at fault nothing can be said."""
        versions, fault = [], None
        while os.path.lexists(os.path.join(self.root, "trust/%d" % (len(versions) + 1))):
            versions.append("trust/%d" % (len(versions) + 1))
        self.met |= set(versions)
        try:
            for path in versions:
                self.trusts.append(self.trust_version(path))
        except Wrong as error:
            fault = error
            self.fault(error, path)
        if self.trusts and not fault:
            self.trust = self.trusts[-1][1]
            if self.trust["expires"] <= self.now:
                self.fault(Wrong("expired-trust"), versions[-1])
        self.hold_to_known_trust()

    def trust_version(self, path):
        data = self.read(path, MAX_TRUST, "missing-trust")
        value = document(data, check_trust, MAX_TRUST, signed=True)
        if value["version"] != len(self.trusts) + 1:
            raise Wrong("document-mismatch", "it is of another version")
        signed_by = signers(ask_of_document(data, "trust"))
        asks = [value]
        if self.trusts:
            check_next_trust(self.trusts[-1], value)
            asks.append(self.trusts[-1][1])
        elif value["head_base"]["epoch"] != 1:
            raise Wrong("trust-order", "head_base")
        if not all(enough(one["roles"]["root"], signed_by) for one in asks):
            raise Wrong("untrusted-trust")
        return document_id(data), value

    def hold_to_known_trust(self):
        """TRUST-21 and TRUST-22."""
        registry = self.trusts[0][0] if self.trusts else None
        self.known = [known for known in self.known if known["id"] == registry]
        if self.has_keys and not self.expected and not self.known:
            # LOCK-3: a lock file lists every registry that is to be known.
            if self.locked and self.trust:
                self.fault(Wrong("untrusted-registry"), "trust/1")
            else:
                self.warn("not-pinned", "trust/1")
        if self.locked and not self.has_keys and not self.expected:
            self.fault(Wrong("unsigned"), "trust/1")
        if self.has_keys and not self.trust:
            # It is refused, and what is known is not to be compared with what nobody signed.
            self.known = []
            return
        for expected in self.expected:
            if not self.has_keys:
                self.fault(Wrong("unsigned"), "trust/1")
            elif registry != expected:
                self.fault(Wrong("other-registry", "it is " + registry), "trust/1")
        for seen in [known["trust"] for known in self.known if "trust" in known]:
            path = "trust/%d" % seen["version"]
            if seen["version"] > len(self.trusts):
                self.fault(Wrong("rolled-back", "version %d was seen" % seen["version"]), path)
            elif self.trusts[seen["version"] - 1][0] != seen["id"]:
                self.fault(Wrong("fork", seen["id"] + " was seen"), path)

    def base(self, epoch):
        """Where an epoch of heads begins, as the newest trust of it says; nothing where trust does
        not say so, or is at fault."""
        bases = {value["head_base"]["epoch"]: value["head_base"] for _, value in self.trusts}
        return bases.get(epoch) if self.trust else None

    # head.md

    def head_slot(self, epoch, version):
        # A head that another names is another one where it is not there (HEAD-11).
        data = self.read(slot_path(epoch, version), MAX_DOCUMENT, "document-mismatch")
        value = document(data, check_head)
        if (value["epoch"], value["version"]) != (epoch, version):
            raise Wrong("document-mismatch", "it is of another version")
        return data, value

    def newest_head(self):
        """The file `head` and its document, or nothing."""
        try:
            data = self.read("head", MAX_DOCUMENT, "missing-head")
            return data, document(data, check_head)
        except Wrong as error:
            self.fault(error, "head")
            return None

    def heads(self):
        """All heads that can be read, newest first, and whether they go back to the first of all."""
        newest = self.newest_head()
        if not newest:
            return [], False
        data, head = newest
        slot = slot_path(head["epoch"], head["version"])
        self.met.add(slot)
        try:
            if self.read(slot, MAX_DOCUMENT, "missing-head") != data:
                self.fault(Wrong("head-mismatch"), slot)
        except Wrong as error:
            self.fault(error, slot)
        self.look_for_later(head)
        heads, complete = [newest], True
        path = "head"
        try:
            while self.head_before(heads[-1][1]):
                later = heads[-1][1]
                place = self.head_before(later)
                path = slot_path(*place)
                self.met.add(path)
                data, value = self.head_slot(*place)
                if document_id(data) != later["previous"]:
                    raise Wrong("document-mismatch", "the next head names another")
                heads.append((data, value))
        except Wrong as error:
            self.fault(error, path)
            complete = False
        self.check_keys_of_heads(heads)
        self.hold_to_known_head(newest)
        values = [value for _, value in heads]
        return values, complete and "previous" not in values[-1]

    def head_before(self, head):
        """HEAD-11 and HEAD-13: epoch and version of the head before, where there is one and trust
        says where."""
        epoch, version = head["epoch"], head["version"]
        if version > 1:
            return epoch, version - 1
        base = self.base(epoch)
        if not base:
            return None
        if base.get("id") != head.get("previous"):
            raise Wrong("document-mismatch", "it follows another head than trust says")
        return (epoch - 1, base["version"]) if "id" in base else None

    def look_for_later(self, head):
        """A slot after that of `head` is left by a run that was killed, if it is signed as a newest
        head is."""
        epoch, version = head["epoch"], head["version"]
        place = (epoch, version + 1)
        base = self.base(epoch + 1)
        if base and base.get("version", 0) <= version:
            # What comes next is the first head of the epoch that trust has begun since.
            place = (epoch + 1, 1)
        path = slot_path(*place)
        if os.path.lexists(os.path.join(self.root, path)):
            self.met.add(path)
            try:
                data, later = self.head_slot(*place)
                asked = ask_of_document(data, "head") if self.trust else None
                self.check_keys_of_head(later, asked, True, head)
                self.fault(Wrong("lagging-head"), "head")
            except Wrong as error:
                self.fault(error, path)

    def check_keys_of_heads(self, heads):
        asked = [ask_of_document(data, "head") if self.trust else None for data, _ in heads]
        for i, (_, head) in enumerate(heads):
            newest = i == 0
            path = "head" if newest else slot_path(head["epoch"], head["version"])
            before = heads[i + 1][1] if i + 1 < len(heads) else None
            try:
                if newest or head["epoch"] > 0:
                    self.check_keys_of_head(head, asked[i], newest, before)
            except Wrong as error:
                self.fault(error, path)
            if self.trust and newest and head.get("expires", MAX_INTEGER) <= self.now:
                self.fault(Wrong("expired-head"), path)

    def check_keys_of_head(self, head, asked, newest, before):
        """Step 4: HEAD-14 to HEAD-16."""
        if not self.trust:
            return self.check_missing_trust(head)
        if head.get("registry") != self.trusts[0][0]:
            raise Wrong("other-registry")
        if newest and head["epoch"] != self.trust["head_base"]["epoch"]:
            raise Wrong("head-epoch")
        under = head["trust"]["version"]
        if under > len(self.trusts) or self.trusts[under - 1][0] != head["trust"]["id"]:
            raise Wrong("head-trust", "version %d is not there, or another" % under)
        if before and "trust" in before and before["trust"]["version"] > under:
            raise Wrong("head-trust", "the head before was made under a later version")
        trust = self.trust if newest else self.trusts[under - 1][1]
        if not enough(trust["roles"]["head"], signers(asked)):
            raise Wrong("untrusted-head")
        return None

    def check_missing_trust(self, value):
        """Where trust is at fault, documents are not held to it; where there is none, they ask for it."""
        if "registry" in value and not self.has_keys:
            raise Wrong("missing-trust")

    def hold_to_known_head(self, newest):
        """TRUST-23."""
        data, head = newest
        for seen in [known["head"] for known in self.known if "head" in known]:
            fork = Wrong("fork", seen["id"] + " was seen")
            place = (seen["epoch"], seen["version"])
            if (head["epoch"], head["version"]) < place:
                self.fault(Wrong("rolled-back", "version %d of epoch %d was seen" % place[::-1]), "head")
            elif (head["epoch"], head["version"]) == place and document_id(data) != seen["id"]:
                self.fault(fork, "head")
            base = self.base(seen["epoch"] + 1)
            if base and base.get("version", 0) < seen["version"]:
                # Trust left that head behind.
                continue
            try:
                if document_id(self.head_slot(*place)[0]) != seen["id"]:
                    self.fault(fork, slot_path(*place))
            except Wrong:
                # What is wrong with a slot is said where the series is followed.
                pass

    # index.md, statement.md and the rest

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
        """The statements of lines, each as its line says it is, and with its file if it is of a registry with keys."""
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
                data = self.read_statements[line["statement"]][1]
                statements.append(dict(value, file=data) if "registry" in value else value)
            except Wrong as error:
                self.whole = False
                self.fault(error, path)
        return statements

    def check_keys_of_statements(self, newest):
        """Step 5 of trust.md, of all statements that were read; `newest` are the newest index's."""
        for digest, (value, _, asked) in self.read_statements.items():
            path = statement_path(digest)
            try:
                self.check_keys_of_statement(value, asked, digest in newest)
            except Wrong as error:
                self.fault(error, path)
            if self.trust and digest in newest and value.get("expires", MAX_INTEGER) <= self.now:
                self.fault(Wrong("expired-statement"), path)

    def check_keys_of_statement(self, value, asked, newest):
        if not self.trust:
            return self.check_missing_trust(value)
        registry = self.trusts[0][0]
        if value.get("registry", None if newest else registry) != registry:
            raise Wrong("other-registry")
        if not newest:
            # Its keys may have left trust since.
            return signers(asked)
        delegation = delegation_of(self.trust, value["name"])
        if value["epoch"] > delegation["epoch"]:
            raise Wrong("untrusted-statement", "of an epoch that has not begun")
        revoked = [
            fingerprint(listed["key"]) for listed in self.trust["keys"] if listed["state"] == "revoked"
        ]
        if not enough(delegation, signers(asked), revoked):
            raise Wrong("untrusted-statement")
        return None

    def check_case(self, lines):
        seen = {}
        for namespace, line in lines:
            key = namespace + "/" + line["key"]
            repository = key.split(":")[0]
            if not is_repository(repository):
                self.clash = True
                self.fault(Wrong("reserved-name", repository), "head")
                continue
            for name in (namespace, repository, key):
                if seen.setdefault(fold(name), name) != name:
                    self.clash = True
                    self.fault(Wrong("case-collision", "%s and %s" % (seen[fold(name)], name)), "head")
                    break

    def older(self, lines, old_lines):
        """The statements before the newest, and those that older heads name."""
        newest = {line["statement"]: subject_of(namespace, line) for namespace, line in lines}
        old = {line["statement"]: subject_of(namespace, line) for namespace, line in old_lines}
        seen, cut = {}, set()
        for start in sorted(newest) + sorted(set(old) - set(newest)):
            digest, later = start, None
            while digest:
                path = statement_path(digest)
                try:
                    value = self.statement(digest)
                except Wrong as error:
                    cut.add(newest.get(start))
                    if digest not in newest:
                        self.fault(error, path)
                    break
                subject = [value[key] for key in ("name", "tag", "arch")]
                if later:
                    follows = [later[key] for key in ("name", "tag", "arch")] == subject
                    if not follows or later["seq"] != value["seq"] + 1:
                        self.fault(Wrong("statement-order"), path)
                    elif later["epoch"] < value["epoch"]:
                        self.fault(Wrong("statement-order", "the epoch falls"), path)
                if digest in seen:
                    break
                seen[digest] = newest.get(start)
                digest, later = value.get("previous"), value
        # STM-21. Of a subject whose series, or of an index that cannot be read, it is not known.
        for digest, subject in sorted(old.items() if self.whole else ()):
            if subject not in cut and seen.get(digest) != subject:
                self.fault(Wrong("rolled-back", "a later one was published"), statement_path(digest))

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
            for attachment in image.get("attached", []):
                path = blob_path(image["name"], attachment["digest"])
                self.met.add(path)
                if (path, attachment["size"]) not in done:
                    done.add((path, attachment["size"]))
                    self.attachment(attachment, path)

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
            if not os.path.lexists(full) and "blob_url" in self.settings:
                return
            self.blob(path, image["size"], image["digest"])
            if sidecar and image["size"] <= MAX_LINKED:
                with open(full, "rb") as file:
                    link = broken_link(file.read(), sidecar)
                if link:
                    raise Wrong("blob-mismatch", "link %d of its chain does not hold" % link)
        except OSError as error:
            self.fault(Wrong("unreadable", error.strerror), path)
        except Wrong as error:
            self.fault(error, path)

    def attachment(self, attachment, path):
        # A `blob_url` is of images alone.
        try:
            self.blob(path, attachment["size"], attachment["digest"])
        except OSError as error:
            self.fault(Wrong("unreadable", error.strerror), path)
        except Wrong as error:
            self.fault(error, path)

    def blob(self, path, size, digest):
        """Refuses a file that is not of this size and digest."""
        full = os.path.join(self.root, path)
        if not os.path.lexists(full):
            raise Wrong("missing-blob")
        if not self.is_file(path):
            raise Wrong("not-a-file")
        found = os.path.getsize(full)
        if found != size:
            raise Wrong("blob-size", "it has %d bytes, expected %d" % (found, size))
        found = file_digest(full)
        if found != digest:
            raise Wrong("blob-mismatch", "its digest is " + found)

    def views(self, heads, derived):
        for path, expected in sorted(derived.items()):
            self.met.add(path)
            try:
                found = self.view(path, len(expected) + (1 << 20))
            except Wrong as error:
                self.fault(error, path)
                continue
            if isinstance(expected, Link) and found == expected.rsplit("/")[-1]:
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

    def strays(self, heads, complete):
        passed_over = False
        for folder, folders, names in os.walk(self.root):
            # A link to a folder is a link, and is not followed.
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in names + links:
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
            place = None
        # The file for another host than that of the settings is somebody else's.
        if place is None or (path in HOST_FILES and path not in views_of_host(self.settings)):
            self.warn("foreign-file", path)
            return False
        full = os.path.join(self.root, path)
        kind = place["place"]
        is_link = kind == "library-file" and os.path.islink(full)
        if not is_link and not self.is_file(path):
            self.fault(Wrong("not-a-file"), path)
            return False
        if kind == "trust":
            self.fault(Wrong("stray-trust"), path)
            return False
        if kind == "head-slot":
            later = self.base(place["epoch"] + 1)
            if later and place["version"] > later.get("version", 0):
                self.warn("abandoned-head", path)
                return False
            if complete:
                self.fault(Wrong("stray-head"), path)
            return not complete
        is_view = (
            place["view"] or (kind, place.get("digest")) == ("blob", CONFIG) or path in self.derived
        )
        judged = self.whole and not (is_view and self.clash)
        # Of nginx, which would give it in the place of the manifest.
        manifest = path.replace("/indexes/", "/manifests/")
        if kind == "index" and self.settings.get("host") == "nginx" and manifest in self.derived:
            if judged:
                self.fault(Wrong("stray-view"), path)
            return not judged
        # The digest in the path of a list is that of what it is a list for (LAY-2).
        if "digest" not in place or kind in ("referrers", "referrers-tag"):
            if judged:
                self.stray_view(path, place, heads)
            return not judged
        if kind == "statement":
            with open(full, "rb") as file:
                found = sha256(file.readline())
        else:
            found = file_digest(full)
        if found != place["digest"]:
            self.fault(Wrong("blob-mismatch", "its digest is " + found), path)
            return False
        if judged:
            self.warn("stray-file", path)
        return not judged

    def is_list(self, place, found):
        """Whether bytes list artifacts that stand beside them and refer to the manifest of the place, or
        nothing."""
        # Of what the newest version names, an empty list has no tag.
        of = "v2/%s/referrers/%s" % (place["repository"], place["digest"])
        if place["place"] == "referrers-tag" and of in self.derived:
            return False
        descriptors = []
        try:
            manifests = json.loads(found.decode())["manifests"]
            if len(manifests) > 238:
                return False
            for listed in manifests:
                path = "v2/%s/manifests/%s" % (place["repository"], listed["digest"])
                data = self.view(path, 4 << 20) if is_digest(listed["digest"]) else b""
                artifact = json.loads(data.decode())
                if (sha256(data), artifact["subject"]["digest"]) != (listed["digest"], place["digest"]):
                    return False
                more = {key: artifact[key] for key in ("annotations", "artifactType") if artifact.get(key)}
                size = len(data)
                descriptors.append({"mediaType": MANIFEST, "size": size, "digest": listed["digest"], **more})
        except (Wrong, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        return index_of(descriptors) == found

    def stray_view(self, path, place, heads):
        try:
            found = self.view(path, 16 << 20)
        except Wrong as error:
            self.fault(error, path)
            return
        if place["place"] in ("referrers", "referrers-tag"):
            if self.is_list(place, found):
                self.warn("stray-file", path)
            else:
                self.fault(Wrong("stray-view"), path)
            return
        stale = found in self.once_derived(heads, path)
        self.fault(Wrong("stale-view" if stale else "stray-view"), path)

    def verify(self):
        if self.faults:
            return
        self.read_trust()
        heads, complete = self.heads()
        self.whole = bool(heads)
        lines = self.lines(heads[0], True) if heads else []
        whole = indexed = self.whole
        old = [line for head in heads[1:] for line in self.lines(head, False)]
        self.whole = whole
        self.check_case(lines)
        self.older(lines, old)
        statements = self.stated(lines)
        self.check_keys_of_statements({line["statement"] for _, line in lines})
        # Of a tag whose statements could not all be read, no view is known.
        subjects = {}
        for namespace, line in lines:
            key = namespace + "/" + line["key"]
            subjects[key] = subjects.get(key, 0) + 1
        for value in statements:
            subjects[value["name"] + ":" + value["tag"]] -= 1
        known = [v for v in statements if not subjects[v["name"] + ":" + v["tag"]]]
        derived = views_of(self.settings, known)
        if not self.whole:
            # A list of tags follows from the lines alone, and needs them all (IDX-24).
            of_known = lists_of_tags([(value["name"], value["tag"]) for value in known])
            derived = {path: view for path, view in derived.items() if path not in of_known}
            present = [
                (namespace + "/" + line["key"]).split(":") for namespace, line in lines if "digest" in line
            ]
            derived.update(lists_of_tags(present) if indexed else {})
        self.derived = derived
        self.views(heads, {} if self.clash else derived)
        self.images(statements)
        self.strays(heads, complete)

    def verify_reference(self, text):
        """Only what leads from the head to one reference, and its bytes."""
        if self.faults:
            return
        try:
            reference = parse_reference(text)
        except Wrong as error:
            self.fault(error, text)
            return
        self.read_trust()
        newest = self.newest_head()
        if not newest:
            return
        head = newest[1]
        self.check_keys_of_heads([newest])
        self.hold_to_known_head(newest)
        namespace = reference["namespace"]
        try:
            root = head["index"]["digest"]
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
        statements = self.stated([(namespace, line) for line in lines])
        self.check_keys_of_statements({line["statement"] for line in lines})
        self.images(statements)


def slot_path(epoch, version):
    return "heads/%d/%d" % (epoch, version)


def subject_of(namespace, line):
    return namespace + "/" + line["key"], line["arch"]


def statement_path(digest):
    return "s/%s/%s" % (digest[7:9], digest[7:])


def file_digest(path):
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            hashed.update(part)
    return "sha256:" + hashed.hexdigest()


def read_lock(path):
    if os.path.exists(path) and not os.path.isfile(path):
        raise Wrong("not-a-file")
    try:
        with open(path, "rb") as file:
            return document(file.read(MAX_LOCK + 1), check_lock, MAX_LOCK)["registries"]
    except FileNotFoundError:
        raise Wrong("missing-file")
    except OSError as error:
        raise Wrong("unreadable", error.strerror)


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="verify.py", description="Verifies a published registry tree, or one reference in it."
    )
    parser.add_argument("root", metavar="ROOT", help="the folder of the tree")
    parser.add_argument("reference", metavar="REFERENCE", nargs="?", help="NAMESPACE/NAME[:TAG]")
    parser.add_argument("--registry", metavar="ID", help="the id of the registry that is expected")
    parser.add_argument("--lock", metavar="FILE", help="a lock file, to which the tree is held")
    parser.add_argument(
        "--now", metavar="SECONDS", type=int, default=int(time.time()), help="instead of the clock"
    )
    given = parser.parse_args(arguments)
    # CLI-9: of these the argument is wrong, not a file.
    try:
        parse_reference(given.reference or "none/none")
        if given.registry and not is_digest(given.registry):
            raise Wrong("malformed-digest", given.registry)
    except Wrong as error:
        print("error[%s]: %s" % (error.word, error), file=sys.stderr)
        return 2
    try:
        known = read_lock(given.lock) if given.lock else []
    except Wrong as error:
        print("error[%s]: %s: %s" % (error.word, given.lock, error), file=sys.stderr)
        return EXIT.get(error.word, 6)
    expected = [given.registry] if given.registry else []
    tree = Tree(given.root, expected, known, given.now, given.lock is not None)
    try:
        if given.reference:
            tree.verify_reference(given.reference)
        else:
            tree.verify()
    except KeygenMissing as error:
        print("verify.py: %s" % error, file=sys.stderr)
        return 5
    for word, path in tree.warnings:
        print("warning[%s]: %s" % (word, path), file=sys.stderr)
    # A file may be more than one thing: an image here and attached there.
    faults = sorted(set(tree.faults))
    for word, path, what in faults:
        print("error[%s]: %s: %s" % (word, path, what), file=sys.stderr)
    print("%s: %s" % (given.root, "ok" if not faults else "%d faults" % len(faults)))
    codes = {EXIT.get(word, 6) for word, _, _ in tree.faults}
    return next((code for code in WORST if code in codes), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
