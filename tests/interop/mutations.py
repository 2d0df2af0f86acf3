"""Changes of a valid signature file, each under a name. A change takes a source of random numbers, the
file and its `Signature`, and gives another file, or None where it does not apply."""

import base64

from sshsig import FOOTER, HEADER, armored, all_strings, base64_of, mpint, string, strings

MUTATIONS = {}

# Orders of the groups.
ED25519 = 2**252 + 27742317777372353535851937790883648493
ORDERS = {
    b"nistp256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    b"nistp384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
ALGORITHMS = [
    b"", b"ssh-ed25519", b"ssh-ed448", b"ssh-rsa", b"ssh-dss", b"rsa-sha2-256", b"rsa-sha2-512", b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp521", b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com",
    b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"ssh-ed25519-cert-v01@openssh.com", b"ssh-rsa-cert-v01@openssh.com",
    b"rsa-sha2-512-cert-v01@openssh.com",
]
JUNK = [b"\0", b"\n", b" ", b"\t", b"\r", b"=", b"A", b"-", b"\xff", b"\xef\xbb\xbf"]


def mutation(change):
    MUTATIONS[change.__name__.replace("_", " ")] = change
    return change


def any_bytes(random):
    return random.randbytes(random.choice([1, 1, 2, 4, 16]))


def spliced(random, whole):
    """One byte or a piece changed, inserted, deleted, repeated, or all behind it cut off."""
    at = random.randrange(len(whole))
    piece = whole[at : at + random.choice([1, 1, 1, 4, 16])]
    new = random.choice([
        bytes([piece[0] ^ 1 << random.randrange(8)]) + piece[1:],
        random.choice(JUNK) + piece[1:],
        random.choice(JUNK) + piece,
        any_bytes(random) + piece,
        piece + piece,
        b"",
    ])
    return whole[:at] + new + random.choice([whole[at + len(piece) :]] * 9 + [b""])


# --- the file


@mutation
def bytes_of_the_file(random, text, _):
    return spliced(random, text)


@mutation
def other_columns(random, text, _):
    return armored(base64_of(text), random.choice([1, 64, 69, 71, 76, random.randrange(1, 200), 10**6]))


@mutation
def line_ends(random, text, _):
    return random.choice([text.replace(b"\n", b"\r\n"), text[:-1], text[:-1] + b"\r\n", text.replace(b"\n", b"\n\n", 2)])


@mutation
def text_before(random, text, _):
    return random.choice([*JUNK, b"text\n", HEADER]) + text


@mutation
def text_behind(random, text, _):
    return text + random.choice([*JUNK, b"text\n", FOOTER, text])


@mutation
def header_and_footer(random, text, _):
    old = random.choice([b"BEGIN", b"END", b"SSH", b"SIGNATURE", b"-----", b"-----\n"])
    return text.replace(old, random.choice([old.lower(), old + b" ", b"-" + old, b"PGP ", b""]), random.choice([1, 9]))


@mutation
def spaces_in_base64(random, text, _):
    encoded = base64_of(text)
    at = random.randrange(len(encoded))
    return armored(encoded[:at] + random.choice(JUNK) * random.choice([1, 2]) + encoded[at:])


@mutation
def spelling_of_base64(random, text, _):
    encoded = base64_of(text)
    bare = encoded.rstrip(b"=")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = alphabet[alphabet.index(bare[-1]) ^ 1]
    return armored(
        random.choice([
            bare,
            encoded + b"=" * random.choice([1, 2, 4]),
            bare[:-1] + bytes([spare]) + encoded[len(bare) :],
            encoded.replace(b"+", b"-").replace(b"/", b"_"),
        ])
    )


# --- the binary form


def of_blob(blob):
    return armored(base64.b64encode(blob))


@mutation
def bytes_of_the_blob(random, _, signature):
    return of_blob(spliced(random, signature.blob()))


@mutation
def length_of_a_field(random, _, signature):
    blob = signature.blob()
    key, inner = blob.index(string(strings(signature.key))), blob.rindex(string(signature.algorithm))
    at = random.choice([key, key + 4, inner - 4, inner, inner + 4 + len(signature.algorithm)])
    length = int.from_bytes(blob[at : at + 4], "big")
    length = random.choice([length - 1, length + 1, length ^ 1 << random.randrange(32), 0, 2**31, 2**32 - 1])
    return of_blob(blob[:at] + length.to_bytes(4, "big") + blob[at + 4 :])


@mutation
def bytes_behind(random, _, signature):
    place = random.choice(["blob", "key", "signature"])
    if place == "key":
        signature.key.append(random.choice([b"", any_bytes(random)]))
    elif place == "signature":
        signature.touch += random.choice([b"\0", b"\0\0\0\0", any_bytes(random)])
    return of_blob(signature.blob() + (any_bytes(random) if place == "blob" else b""))


@mutation
def magic_and_version(random, _, signature):
    if random.randrange(4) == 0:
        signature.magic = random.choice([b"sshsig", b"SSHSIg", b"SSHSI\0", b""])
    else:
        signature.version = random.choice([0, 2, 256, 2**24, 2**32 - 1]).to_bytes(4, "big")
    return signature.text()


@mutation
def namespace(random, _, signature):
    old = signature.namespace
    signature.namespace = random.choice([
        b"", b"*", b"git", b"file", b"trust@sreg.v1", b"head@sreg.v1", b"image@sreg.v1", b"image@sreg.v2", old.upper(),
        old + b"\0", b"\0" + old, old[:-1], old + b" ", old + b"," + old,
    ])
    return signature.text()


@mutation
def reserved(random, _, signature):
    signature.reserved = any_bytes(random)
    return signature.text()


@mutation
def hash_name(random, _, signature):
    signature.hash = random.choice([b"", b"sha256", b"SHA512", b"sha512\0", b"sha-512", b"sha384", b"sha1", b"sha512,sha256"])
    return signature.text()


@mutation
def algorithm_of_the_signature(random, _, signature):
    signature.algorithm = random.choice(ALGORITHMS)
    return signature.text()


@mutation
def algorithm_of_the_key(random, _, signature):
    signature.key[0] = random.choice(ALGORITHMS)
    if random.randrange(2):
        signature.algorithm = signature.key[0]
    return signature.text()


@mutation
def fields_of_the_key(random, _, signature):
    at = random.randrange(1, len(signature.key))
    old = signature.key[at]
    signature.key[at] = random.choice([b"", b"\0" + old, old[1:], old[:-1], old + b"\0", spliced(random, old)])
    if random.randrange(4) == 0:
        del signature.key[at]
    return signature.text()


@mutation
def bytes_of_the_signature(random, _, signature):
    old = signature.bytes
    signature.bytes = random.choice([b"", b"\0" + old, old[1:], old[:-1], old + b"\0", spliced(random, old)])
    return signature.text()


# --- numbers


@mutation
def s_of_ed25519(random, _, signature):
    if not signature.algorithm.endswith((b"ed25519", b"ed25519@openssh.com")):
        return None
    s = int.from_bytes(signature.bytes[32:], "little")
    s = random.choice([s + ED25519, s + ED25519 * random.randrange(2, 15), ED25519 - s, 0, 1, ED25519, s ^ 1 << random.randrange(256)])
    signature.bytes = signature.bytes[:32] + s.to_bytes(32, "little")
    return signature.text()


@mutation
def r_of_ed25519(random, _, signature):
    if not signature.algorithm.endswith((b"ed25519", b"ed25519@openssh.com")):
        return None
    prime = 2**255 - 19
    r = int.from_bytes(signature.bytes[:32], "little")
    r = random.choice([0, 1, prime - 1, prime, prime + 1, r ^ 1 << 255, r ^ 1 << random.randrange(256)])
    signature.bytes = r.to_bytes(32, "little") + signature.bytes[32:]
    return signature.text()


@mutation
def numbers_of_ecdsa(random, _, signature):
    order = ORDERS.get(signature.key[1])
    if not order:
        return None
    r, s = (int.from_bytes(number, "big") for number in all_strings(signature.bytes))
    negated, width = order - s, order.bit_length() // 8
    signature.bytes = random.choice([
        # The other signature that everybody can make of one.
        strings([mpint(r), mpint(negated)]),
        strings([mpint(r), mpint(s + order)]),
        strings([mpint(r + order), mpint(s)]),
        strings([mpint(s), mpint(r)]),
        strings([mpint(r), b""]),
        strings([b"", mpint(s)]),
        strings([mpint(r), mpint(order)]),
        strings([b"\0" + mpint(r), mpint(s)]),
        strings([mpint(r), b"\0" * 40 + mpint(s)]),
        # Negative, where the first bit is set.
        strings([r.to_bytes(width, "big"), s.to_bytes(width, "big")]),
        strings([mpint(r), mpint(s), b""]),
        r.to_bytes(width, "big") + s.to_bytes(width, "big"),
    ])
    return signature.text()


@mutation
def number_of_rsa(random, _, signature):
    if signature.key[0] != b"ssh-rsa":
        return None
    modulus = int.from_bytes(signature.key[2], "big")
    number, width = int.from_bytes(signature.bytes, "big"), len(signature.bytes)
    signature.bytes = random.choice([
        (modulus - number).to_bytes(width, "big"),
        (modulus + number).to_bytes(width + 1, "big"),
        mpint(number),
        number.to_bytes(width + 1, "big"),
        (0).to_bytes(width, "big"),
        (1).to_bytes(width, "big"),
    ])
    return signature.text()


@mutation
def flags_and_counter(random, _, signature):
    if not signature.touch:
        return None
    flags, counter = signature.touch[:1], signature.touch[1:]
    signature.touch = random.choice([
        b"", flags, counter, counter + flags, b"\0" + counter, b"\4" + counter, bytes([flags[0] ^ 4]) + counter,
        flags + random.randbytes(4),
    ])
    return signature.text()
