"""The form of a signature (PROTOCOL.sshsig, spec/signature.md) to take apart and to put together, right
or wrong, and a security key in software (PROTOCOL.u2f). It checks nothing."""

import base64
import hashlib
import subprocess

HEADER = b"-----BEGIN SSH SIGNATURE-----\n"
FOOTER = b"-----END SSH SIGNATURE-----\n"


def armored(base64_text, columns=70):
    lines = [base64_text[at : at + columns] + b"\n" for at in range(0, len(base64_text), columns)]
    return HEADER + b"".join(lines) + FOOTER


def base64_of(text):
    return b"".join(text.splitlines()[1:-1])


def string(value):
    return len(value).to_bytes(4, "big") + value


def strings(values):
    return b"".join(map(string, values))


def mpint(number):
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def take(blob):
    """The string at the front, and the rest."""
    end = 4 + int.from_bytes(blob[:4], "big")
    return blob[4:end], blob[end:]


def all_strings(blob):
    values = []
    while blob:
        value, blob = take(blob)
        values.append(value)
    return values


class Signature:
    """The fields of a valid signature, to be changed."""

    def __init__(self, text):
        blob = base64.b64decode(base64_of(text))
        self.magic, self.version = blob[:6], blob[6:10]
        key, self.namespace, self.reserved, self.hash, inner = all_strings(blob[10:])
        self.key = all_strings(key)
        self.algorithm, inner = take(inner)
        # Of a security key: the flags and the counter.
        self.bytes, self.touch = take(inner)

    def blob(self):
        inner = strings([self.algorithm, self.bytes]) + self.touch
        fields = [strings(self.key), self.namespace, self.reserved, self.hash, inner]
        return self.magic + self.version + strings(fields)

    def text(self):
        return armored(base64.b64encode(self.blob()))


class SecurityKey:
    """One key, made by openssl in the file `path`; everything about a signature is for the caller to say."""

    def __init__(self, algorithm, path):
        self.algorithm, self.path = algorithm, path
        self.elliptic = b"ecdsa" in algorithm
        kind = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if self.elliptic else ["ed25519"]
        self.openssl("genpkey", "-algorithm", *kind, "-out", path)
        public = self.openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
        self.fields = [b"nistp256", public[-65:]] if self.elliptic else [public[-32:]]

    @staticmethod
    def openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def sign(self, namespace, message, application, flags, counter):
        """The armored signature."""
        signed = b"SSHSIG" + strings([namespace, b"", b"sha512", hashlib.sha512(message).digest()])
        touch = bytes([flags]) + counter.to_bytes(4, "big")
        with open(self.path + ".signed", "wb") as file:
            file.write(hashlib.sha256(application).digest() + touch + hashlib.sha256(signed).digest())
        if self.elliptic:
            der = self.openssl("dgst", "-sha256", "-sign", self.path, self.path + ".signed")
            # SEQUENCE, length, then two INTEGERs, which have the bytes of mpints.
            r_end = 4 + der[3]
            signature = strings([der[4:r_end], der[r_end + 2 :]])
        else:
            signature = self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", self.path + ".signed")
        key = strings([self.algorithm, *self.fields, application])
        inner = strings([self.algorithm, signature]) + touch
        blob = b"SSHSIG\0\0\0\1" + strings([key, namespace, b"", b"sha512", inner])
        return armored(base64.b64encode(blob))
