#!/usr/bin/env bash
# A full disk and a read-only output, on a small tmpfs: the error names the path, the exit code is
# 5, and what was published before is still there, whole; also where it is the disk of an S3 server.
# SREG names the sreg program. Needs the right to mount: root, or user namespaces.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    echo "disk.sh: $*" >&2
    exit 1
}
[[ -x "${SREG:-}" ]] || fail "SREG is not set to the sreg program"
if [[ $(id -u) -ne 0 ]]; then
    command -v unshare > /dev/null || fail "neither root nor unshare: nothing can be mounted"
    exec unshare --map-root-user --mount "$0" "$@"
fi
command -v mount > /dev/null || fail "mount is missing"

work=$(mktemp -d)
disk=$work/disk
mkdir "$disk" "$work/images" "$work/large"
trap 'umount "$disk" 2> /dev/null || true; rm -rf "$work"' EXIT
cp -r "$root/examples/images/." "$work/images"
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state

# Expects: exit code, word, then the arguments of sreg. The tree must be whole afterwards.
refused() {
    local code=$1 word=$2 got=0
    shift 2
    "$SREG" "$@" > "$work/stdout" 2> "$work/stderr" || got=$?
    [[ $got -eq $code ]] || fail "sreg $* exited with $got, expected $code: $(cat "$work/stderr")"
    grep -qF "error[$word]" "$work/stderr" || fail "sreg $* did not say $word: $(cat "$work/stderr")"
    grep -qF "$work" "$work/stderr" || fail "sreg $* did not name the path: $(cat "$work/stderr")"
}
whole() {
    "$SREG" -q verify "$disk/public" > "$work/stdout" 2> "$work/stderr" || fail "$1: the tree is not whole: $(cat "$work/stdout" "$work/stderr")"
    [[ "$("$SREG" ls "$disk/public" | wc -l)" -eq 7 ]] || fail "$1: the tree lists something else"
}

mount -t tmpfs -o size=4m tmpfs "$disk"
"$SREG" -q index "$work/images" --out "$disk/public" > "$work/stdout"
whole "after the first run"

# Seen before anything is copied.
head -c 8000000 /dev/zero | cat "$root/examples/images/lab/hello_latest.sif" - > "$work/images/big_1.sif"
refused 5 no-space index "$work/images" --out "$disk/public"
whole "an image larger than the disk"
rm "$work/images/big_1.sif"

head -c 8000000 /dev/zero | cat "$root/examples/images/lab/hello_latest.sif" - > "$work/big.sif"
refused 5 no-space push "$work/big.sif" "$disk/public//lab/big:1"
whole "a push of an image larger than the disk"

# Seen only when a write fails: what is free is taken away by another file, then by inodes.
free=$(df --output=avail -B1 "$disk" | tail -n 1)
head -c $((free - 8192)) /dev/zero > "$disk/filler"
for number in $(seq 40); do
    cp "$root/examples/images/lab/hello_latest.sif" "$work/images/more${number}_1.sif"
done
refused 5 no-space index "$work/images" --out "$disk/public" --blob-url 'https://example.org/{hex}'
whole "a disk that fills up in the middle"
cat "$root/examples/images/lab/hello_latest.sif" <(head -c 12000 /dev/zero) > "$work/pushed.sif"
refused 5 no-space push "$work/pushed.sif" "$disk/public//lab/pushed:1"
whole "a push to a disk that is full"
rm "$disk/filler"
umount "$disk"

rm "$work"/images/more*
# Whatever is free: a push publishes a version with all its views, or nothing; repair runs.
for kib in 0 16 48 64 96 128 160 192 224 256; do
    mount -t tmpfs -o size=4m tmpfs "$disk"
    "$SREG" -q index "$work/images" --out "$disk/public" > "$work/stdout"
    free=$(df --output=avail -B1 "$disk" | tail -n 1)
    head -c $((free - kib * 1024)) /dev/zero > "$disk/filler"
    got=0
    "$SREG" push "$root/examples/images/lab/hello_latest.sif" "$disk/public//lab/pushed:1" > "$work/stdout" 2> "$work/stderr" || got=$?
    [[ $got -eq 0 || $got -eq 5 ]] || fail "a push with $kib KiB free exited with $got: $(cat "$work/stderr")"
    # Further tries take no more of what is free.
    if [[ $got -eq 5 ]]; then
        left=()
        for _ in 1 2; do
            "$SREG" push "$root/examples/images/lab/hello_latest.sif" "$disk/public//lab/pushed:1" > "$work/stdout" 2> "$work/stderr" && fail "a push with less than $kib KiB free succeeded"
            left+=("$(df --output=avail -B1 "$disk" | tail -n 1)")
        done
        [[ ${left[0]} -eq ${left[1]} ]] || fail "a refused push took $((left[0] - left[1])) bytes"
    fi
    "$SREG" -q verify "$disk/public" > "$work/stdout" 2> "$work/stderr" || fail "after a push with $kib KiB free (exit $got): $(cat "$work/stdout" "$work/stderr")"
    "$SREG" -q repair "$disk/public" > "$work/stdout" 2> "$work/stderr" || fail "repair with $kib KiB free: $(cat "$work/stderr")"
    [[ ! -e $disk/public/staging ]] || fail "a push with $kib KiB free left files in staging/"
    umount "$disk"
done
[[ $got -eq 0 ]] || fail "a push with 256 KiB free exited with $got"

mount -t tmpfs -o size=16m,nr_inodes=260 tmpfs "$disk"
"$SREG" -q index "$work/images" --out "$disk/public" > "$work/stdout"
whole "on a disk with few inodes"
for number in $(seq 40); do
    cp "$root/examples/images/lab/hello_latest.sif" "$work/images/more${number}_1.sif"
done
refused 5 no-space index "$work/images" --out "$disk/public"
whole "a disk without inodes"
mount -o remount,size=64m,nr_inodes=4000 "$disk"
"$SREG" -q index "$work/images" --out "$disk/public" > "$work/stdout"
"$SREG" -q verify "$disk/public" > "$work/stdout" || fail "with room again the run did not succeed"
rm "$work"/images/more*
refused 8 mass-removal index "$work/images" --out "$disk/public"
"$SREG" -q index "$work/images" --out "$disk/public" --allow-removals > "$work/stdout"
whole "after the removal"

mount -o remount,ro "$disk"
cp "$root/examples/images/lab/hello_latest.sif" "$work/images/new_1.sif"
refused 5 unwritable index "$work/images" --out "$disk/public"
whole "a read-only output"

# The disk of a server: whoever pushes hears of it, nobody else.
umount "$disk"
mount -t tmpfs -o size=4m tmpfs "$disk"
mkdir "$disk/registry"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
versitygw=${SREG_TOOLS:-$HOME/.cache/sreg-tools}/bin/versitygw
[[ -x $versitygw ]] || fail "versitygw is missing: run scripts/tools"
"$versitygw" --port "127.0.0.1:$port" --access user --secret not-a-secret --health /health --quiet posix "$disk" > "$work/log" 2>&1 &
server=$!
trap 'kill -9 "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; umount "$disk" 2> /dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 200); do
    curl --silent --fail --output "$work/answer" "http://127.0.0.1:$port/health" && break
    sleep 0.05
done
export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=user AWS_SECRET_ACCESS_KEY=not-a-secret
bucket=s3://registry/reg
"$SREG" -q init "$bucket"
"$SREG" -q push "$root/examples/images/lab/hello_latest.sif" "$bucket//lab/hello:1" > "$work/stdout"
got=0
"$SREG" push --retries 1 "$work/big.sif" "$bucket//lab/big:1" > "$work/stdout" 2> "$work/stderr" || got=$?
[[ $got -eq 5 ]] || fail "a push to a full server exited with $got, expected 5: $(cat "$work/stderr")"
grep -qF "$bucket" "$work/stderr" || fail "a push to a full server did not name the place: $(cat "$work/stderr")"
"$SREG" -q verify --blobs full "$bucket" > "$work/stdout" || fail "after a push to a full server: $(cat "$work/stdout")"
"$SREG" -q push "$root/examples/images/lab/hello_latest.sif" "$bucket//lab/hello:2" > "$work/stdout"
"$SREG" ls "$bucket" > "$work/stdout"
[[ $(grep -c "^lab/hello:" "$work/stdout") -eq 2 ]] || fail "a full server lists something else: $(cat "$work/stdout")"
echo "disk.sh: full disks and a read-only output leave the published tree whole"
