#!/usr/bin/env bash
# What a release consists of: made here, checked for the C library that it asks for, installed into fresh
# environments, and used. It needs no Rust there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    echo "dist.sh: $*" >&2
    exit 1
}
for program in objdump dpkg python3 ssh-keygen sha256sum; do
    command -v "$program" > /dev/null || fail "$program is missing"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
ssh-keygen -q -t ed25519 -N '' -C release -f "$work/key"
SREG_RELEASE_KEY=$work/key "$root/scripts/dist" "$work/dist" > "$work/stdout"

# Sums, and who vouches for them.
(cd "$work/dist" && sha256sum --quiet --strict --check SHA256SUMS) || fail "sums do not hold"
[[ $(wc -l < "$work/dist/SHA256SUMS") -eq 3 ]] || fail "another number of files: $(ls "$work/dist")"
printf 'release %s\n' "$(cut -d' ' -f1,2 "$work/key.pub")" > "$work/allowed"
ssh-keygen -q -Y verify -f "$work/allowed" -I release -n file -s "$work/dist/SHA256SUMS.sig" \
    < "$work/dist/SHA256SUMS" > "$work/stdout" || fail "the signature of SHA256SUMS does not hold"

# The newest symbol of the C library that it asks for.
mkdir "$work/tar"
tar -xzf "$work"/dist/sreg-*.tar.gz -C "$work/tar" --strip-components 1
newest=$(objdump -T "$work/tar/sreg" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
[[ -n $newest ]] || fail "no symbol of glibc was found"
[[ $(printf '%s\n2.17\n' "$newest" | sort -V | tail -n 1) == 2.17 ]] || fail "the binary needs glibc $newest"
for file in man/sreg.1 man/sreg-pull.1 completions/sreg.bash LICENSE-MIT; do
    [[ -s $work/tar/$file ]] || fail "$file is missing"
done

# The main job: index, sign, verify, pull, without a compiler.
works() {
    local sreg=$1 at=$work/$2
    mkdir "$at"
    (
        cd "$at"
        "$sreg" -q index "$root/examples/images" --out public --key "$work/key" > stdout
        "$sreg" -q verify public --require-signed > stdout
        "$sreg" -q pull public//lab/tool:1.1 > stdout
        "$sreg" inspect public//lab/tool:1.0 --arch amd64 > stdout
        [[ -s tool_1.1.sif ]]
    ) || fail "the $2 does not do the main job"
}
works "$work/tar/sreg" tarball

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-index --find-links "$work/dist" sreg-cli
works "$work/venv/bin/sreg" wheel

# A fresh system, which has of the packages of this one the list alone.
system=$work/system
mkdir -p "$system/var/lib/dpkg/info" "$system/var/lib/dpkg/updates"
cp /var/lib/dpkg/status "$system/var/lib/dpkg/status"
dpkg --root="$system" --force-not-root --log="$work/log" -i "$work"/dist/sreg_*.deb > "$work/stdout" 2>&1 \
    || fail "the .deb cannot be installed: $(cat "$work/stdout")"
[[ -s $system/usr/share/man/man1/sreg.1.gz ]] || fail "the .deb has no manual page"
works "$system/usr/bin/sreg" deb

# A release workflow that nobody can run here is linted at least.
actionlint=${SREG_TOOLS:-$HOME/.cache/sreg-tools}/bin/actionlint
[[ -x $actionlint ]] || fail "actionlint is missing: run scripts/tools"
"$actionlint" -no-color -shellcheck= -pyflakes= "$root"/.github/workflows/*.yml || fail "a workflow is wrong"
echo "dist.sh: wheel, .deb and tarball work where there is no compiler, from glibc $newest on"
