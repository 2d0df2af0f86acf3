#!/usr/bin/env python3
"""Mutated signature files before sreg-sign and `ssh-keygen -Y check-novalidate`: what sreg accepts,
ssh-keygen accepts too, and by the same key. The other way round it need not be, and is counted.

    differential.py MESSAGE SEEDS STRANGERS

SEEDS/<purpose>/ holds signatures of MESSAGE that both accept, STRANGERS/<purpose>/ ones that ssh-keygen
alone accepts. SIGNATURE names the example program of crates/sign; SEED, a number, the mutations.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutations import MUTATIONS
from sshsig import SecurityKey, Signature

PURPOSES = ["trust", "head", "image"]
# Of each mutation of each seed.
ROUNDS = 6
# Of what sreg refuses, ssh-keygen sees this much of each mutation, at most.
REFUSED = 120
GOOD = re.compile(rb'Good ".*" signature with \S+ key (SHA256:\S+)')


def fail(what, file=None):
    print(f"differential.py: {what}", file=sys.stderr)
    if file:
        sys.stderr.buffer.write(file.read_bytes())
    sys.exit(1)


class Verifiers:
    """Both, for one message. A verdict is the fingerprint of a key, or why there is none."""

    def __init__(self, message):
        self.message = message

    def sreg(self, purpose, folder):
        """The verdicts on all files of a folder, by their names."""
        command = [os.environ["SIGNATURE"], "judge", purpose, folder]
        lines = subprocess.run(command, input=self.message, stdout=subprocess.PIPE, check=True).stdout
        return dict(line.split(" ") for line in lines.decode().splitlines())

    def ssh_keygen(self, purpose, file):
        command = ["ssh-keygen", "-Y", "check-novalidate", "-n", f"{purpose}@sreg.v1", "-s", file]
        done = subprocess.run(command, input=self.message, capture_output=True, timeout=60)
        good = GOOD.search(done.stdout)
        if (done.returncode == 0) != bool(good):
            fail(f"ssh-keygen says {done} of", file)
        return good[1].decode() if good else "refused"

    def both(self, purpose, folder):
        """For each file of a folder what sreg and ssh-keygen say."""
        ours = self.sreg(purpose, folder)
        return [(folder / name, said, self.ssh_keygen(purpose, folder / name)) for name, said in sorted(ours.items())]


def accepted(verdict):
    return verdict.startswith("SHA256:")


def touch_security_keys(choose, message, seeds, strangers):
    """Signatures by security keys whose flags and counter say what they like; a user who was not present
    is for ssh-keygen alone."""
    with tempfile.TemporaryDirectory() as work:
        for algorithm in [b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"]:
            key = SecurityKey(algorithm, f"{work}/key")
            for number in range(16):
                flags, counter = choose.randrange(256), choose.randrange(2**32)
                application = bytes(choose.randrange(0x20, 0x7F) for _ in range(choose.choice([1, 4, 40, 255])))
                folder = (seeds if flags & 1 else strangers) / "image"
                name = f"{algorithm.decode().split('@')[0]}-{number}"
                text = key.sign(b"image@sreg.v1", message, application, flags, counter)
                (folder / name).write_bytes(text)


def mutate(choose, seeds, folder):
    """Writes mutants of all seeds of one purpose, each once. Their names begin with that of the mutation."""
    seen = {seed.read_bytes() for seed in seeds}
    for seed in seeds:
        text = seed.read_bytes()
        for name, change in MUTATIONS.items():
            for number in range(ROUNDS):
                mutant = change(choose, text, Signature(text))
                if mutant is not None and mutant not in seen:
                    seen.add(mutant)
                    (folder / f"{name.replace(' ', '_')}:{seed.name}:{number}").write_bytes(mutant)


def compare_whole(verifiers, seeds, strangers, lax):
    """How many seeds are good to both, and how many strangers to ssh-keygen alone: all."""
    whole = [one for purpose in PURPOSES for one in verifiers.both(purpose, seeds / purpose)]
    for file, ours, theirs in whole:
        if not accepted(ours) or ours != theirs:
            fail(f"the unchanged {file.name}: sreg says {ours}, ssh-keygen {theirs}", file)
    outside = verifiers.both("image", strangers / "image")
    for file, ours, theirs in outside:
        if accepted(ours) or not accepted(theirs):
            fail(f"{file.name}, for ssh-keygen alone: sreg says {ours}, ssh-keygen {theirs}", file)
        lax["outside the profile", ours] += 1
    return len(whole), len(outside)


def compare_mutants(verifiers, purpose, folder, choose, lax):
    """How many mutants there are, how many sreg accepts, and how many of the others ssh-keygen saw."""
    ours = verifiers.sreg(purpose, folder)
    good = sorted(name for name in ours if accepted(ours[name]))
    refused = defaultdict(list)
    for name in sorted(ours.keys() - set(good)):
        refused[name.split(":")[0]].append(name)
    bad = [name for names in refused.values() for name in choose.sample(names, min(len(names), REFUSED))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(lambda name: verifiers.ssh_keygen(purpose, folder / name), good + bad)
    for name, theirs in zip(good + bad, verdicts):
        if accepted(ours[name]) and ours[name] != theirs:
            fail(f"{name}, for {purpose}: sreg says {ours[name]}, ssh-keygen {theirs}", folder / name)
        if not accepted(ours[name]) and accepted(theirs):
            lax[name.split(":")[0].replace("_", " "), ours[name]] += 1
    return Counter(mutants=len(ours), good=len(good), bad=len(bad))


def main():
    message, seeds, strangers = map(Path, sys.argv[1:])
    message = message.read_bytes()
    seed = int(os.environ.get("SEED", "1"))
    print(f"differential.py: SEED={seed}")
    choose = random.Random(seed)
    touch_security_keys(choose, message, seeds, strangers)

    verifiers, lax, seen = Verifiers(message), Counter(), Counter()
    whole, outside = compare_whole(verifiers, seeds, strangers, lax)
    for purpose in PURPOSES:
        with tempfile.TemporaryDirectory() as folder:
            mutate(choose, sorted((seeds / purpose).iterdir()), Path(folder))
            seen += compare_mutants(verifiers, purpose, Path(folder), choose, lax)
    if not seen["good"]:
        fail("no mutant was accepted: the test tests nothing")
    if not any(name in MUTATIONS for name, _ in lax):
        fail("ssh-keygen alone accepts no mutant: the test tests nothing")
    print(f"{whole} signatures, unchanged, are good to both, by the same key")
    print(f"{seen['mutants']} mutants: sreg accepts {seen['good']}, ssh-keygen each of them too, by the same key")
    print(f"ssh-keygen alone accepts, of {seen['bad']} mutants and {outside} signatures outside the profile:")
    for (name, word), count in sorted(lax.items()):
        print(f"  {count:5} {name} ({word})")


main()
