#!/usr/bin/env python3
"""Holds verify.py and images.py to the vectors of `spec/vectors`.

    vectors.py FOLDER

Every vector on which they do not reach the verdict that it names is printed; the exit code is 0
when there is none.
"""

import json
import os
import sys
import tempfile

import images
import verify
from verify import Wrong


def canonical_json(data, _):
    return {"value": verify.canonical(data)}


def reference(data, vector):
    found = verify.parse_reference(data.decode())
    if "digest" not in found or "tag" in found:
        found["tag_or_default"] = found.get("tag", "latest")
    if "folded" in vector.get("expect", {}):
        found["folded"] = verify.fold(found["namespace"] + "/" + found["name"])
    return found


def digest(data, _):
    if not verify.is_digest(data.decode("utf-8", "replace")):
        raise Wrong("malformed-digest")
    return {"hex": data.decode()[7:]}


def arch(data, _):
    if data.decode() not in verify.ARCHES:
        raise Wrong("malformed-arch")
    return {"arch": data.decode(), "sif_code": verify.ARCHES[data.decode()]}


def manifest(data, vector):
    layers = verify.parse_manifest(data)
    image = vector.get("image")
    if image:
        if verify.manifest_of_image(image) != data:
            raise Wrong("view-mismatch")
    return {"digest": verify.sha256(data), "layers": layers}


def statement(data, _):
    value = verify.document(data, verify.check_statement)
    said = {key: value[key] for key in ("name", "tag", "arch", "seq", "state")}
    said["id"] = verify.document_id(data)
    if value["state"] == "present":
        said.update({key: value[key] for key in ("digest", "manifest")})
    return said


def head(data, _):
    value = verify.document(data, verify.check_head)
    return {
        "id": verify.document_id(data), "epoch": value["epoch"], "version": value["version"],
        "tags": value["index"]["tags"], "index": value["index"]["digest"],
    }


def trust(data, _):
    value = verify.document(data, verify.check_trust, verify.MAX_TRUST, signed=True)
    return {
        "id": verify.document_id(data), "version": value["version"],
        "epoch": value["head_base"]["epoch"],
        "scopes": [delegation["scope"] for delegation in value["delegations"]],
        "states": [listed["state"] for listed in value["keys"]],
    }


def node(data, vector):
    position = vector["position"]
    prefix = "" if position["prefix"] == "-" else position["prefix"]
    found = verify.Node(data, position["map"], prefix)
    kind = "leaf" if found.lines is not None else "branch"
    return {"id": verify.sha256(data), "kind": kind, "count": found.count()}


def map_(data, vector):
    entries = [verify.canonical(line) for line in data.split(b"\n")[:-1]]
    nodes = []
    root = verify.build_map(entries, vector["map"], "", nodes)
    return {"root": root["id"], "count": root["count"], "nodes": nodes}


def proof(data, vector):
    nodes = {}
    for text in json.loads(data)["nodes"]:
        nodes[verify.sha256(text.encode())] = text.encode()

    def load(digest):
        if digest not in nodes:
            raise Wrong("missing-node")
        return nodes[digest]

    lines = verify.look_up(load, vector["root"], vector["map"], vector["count"], vector["key"])
    return {"lines": lines}


def digest_chain(data, vector):
    recipe = json.loads(data)
    size = recipe["size"]
    image = bytearray(
        (i + (i >> 8) * 7 + (i >> 16) * 13 + (i >> 20) * 31) & 255 for i in range(size)
    )
    for patch in recipe.get("patches", []):
        text = patch["text"].encode()
        image[patch["offset"] : patch["offset"] + len(text)] = text
    with open(os.path.join(vector["folder"], "sidecar"), "rb") as file:
        sidecar = file.read()
    expected = vector.get("expect", vector)["digest"]
    verify.check_sidecar(sidecar, size, expected)
    link = verify.broken_link(bytes(image), sidecar)
    if link:
        if link != vector.get("link"):
            raise Wrong("another link", "link %d" % link)
        raise Wrong("blob-mismatch")
    return {"digest": expected, "chain": verify.sha256(sidecar), "links": len(sidecar) // 32}


def settings(data, vector):
    found = verify.parse_settings(data)
    said = {key: found[key] for key in ("base_url", "blob_url", "host") if key in found}
    if "image" in vector:
        said["image_url"] = verify.image_url(found, dict({"arch": "unknown"}, **vector["image"]))
    return said


def layout(data, _):
    return verify.parse_place(data.decode())


def views(data, _):
    first, *rest = data.split(b"\n")[:-1]
    found = verify.parse_settings(first + b"\n")
    statements = [verify.document(line + b"\n", verify.check_statement) for line in rest]
    said = {"files": {}, "links": {}}
    for path, view in verify.views_of(found, statements).items():
        if isinstance(view, verify.Link):
            said["links"][path] = view
        else:
            said["files"][path] = view.decode()
    return said


def key(data, _):
    blob = verify.key_blob(data.decode("utf-8", "replace"))
    algorithm, _ = verify.check_key(blob)
    return {"algorithm": algorithm, "fingerprint": verify.print_of(blob)}


def signature(data, vector):
    with open(os.path.join(vector["folder"], "message"), "rb") as file:
        message = file.read()
    purpose = vector["purpose"]
    if vector.get("several"):
        return {"signers": verify.signers(verify.ask(data, purpose, message))}
    signer = verify.read_signature(data, purpose)
    return {"signers": verify.signers([(signer, verify.MATHEMATICS.ask(data, purpose, message))])}


def lock(data, _):
    value = verify.document(data, verify.check_lock, verify.MAX_LOCK)
    return {"registries": value["registries"]}


def make_tree(data, root):
    described = json.loads(data)
    files = {path: text.encode() for path, text in described["files"].items()}
    files.update({path: bytes.fromhex(text) for path, text in described["hex"].items()})
    for path in [*files, *described["links"]]:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if path in files:
            with open(full, "wb") as file:
                file.write(files[path])
        else:
            os.symlink(described["links"][path], full)


def tree(data, vector):
    with tempfile.TemporaryDirectory() as root:
        make_tree(data, root)
        known = [vector["knows"]] if "knows" in vector else []
        found = verify.Tree(root, [one["id"] for one in known], known, vector.get("now", 0))
        found.verify()
    words = sorted({word for word, _, _ in found.faults})
    if words:
        raise Wrong(" ".join(words), str(found.faults))
    warnings = [(path, word) for word, path in found.warnings if word != "not-pinned"]
    return {"warnings": [word for _, word in sorted(warnings)]}


def sif(data, vector):
    return images.image(data, vector.get("kind"))


AREAS = {
    "arch": arch, "canonical-json": canonical_json, "digest": digest,
    "digest-chain": digest_chain, "head": head, "key": key, "layout": layout, "lock": lock,
    "manifest": manifest, "map": map_, "node": node, "proof": proof, "reference": reference,
    "settings": settings, "sif": sif, "signature": signature, "statement": statement, "tree": tree,
    "trust": trust, "views": views,
}


# Of image files the pages let a reader say less than sreg does.
PARTLY = ("sif",)


def fits(area, vector, read, data):
    """Whether the verdict on a vector is the one that it names; and what was said."""
    try:
        said = read(data, vector)
    except Wrong as error:
        return error.word == vector.get("class"), "%s (%s)" % (error.word, error)
    expected = vector.get("expect")
    if area in PARTLY and expected:
        expected = {key: expected.get(key) for key in said}
    return said == expected, json.dumps(said)


def cases(root, area):
    """The vectors of an area, as their names, what they say, and their inputs."""
    for verdict in ("valid", "invalid"):
        folder = os.path.join(root, area, verdict)
        for case in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            at = os.path.join(folder, case)
            with open(os.path.join(at, "vector.json"), "rb") as file:
                vector = dict(json.load(file), folder=at)
            with open(os.path.join(at, "input"), "rb") as file:
                yield "%s/%s/%s" % (area, verdict, case), vector, file.read()


def main(root):
    folders = {area for area in os.listdir(root) if os.path.isdir(os.path.join(root, area))}
    failed = 0
    for area in sorted(folders | set(AREAS)):
        if area not in AREAS:
            print("no verifier for the area " + area)
            failed += 1
            continue
        ran = 0
        for name, vector, data in cases(root, area):
            ran += 1
            right, said = fits(area, vector, AREAS[area], data)
            if not right:
                failed += 1
                print("%s: %s" % (name, said))
        print("%s: %d" % (area, ran))
        failed += not ran
    print("%d failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
