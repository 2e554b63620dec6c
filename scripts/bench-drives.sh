#!/bin/sh
# bench-drives.sh [COUNT]
#
# Writes the drives of COUNT instances (1000) from a manifest, and makes the same files into images
# with genisoimage, as Nova does, one drive after the other. Ours are rendered and flushed to the disk in
# their time; genisoimage's files are there already, and nothing is flushed.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

count=${1:-1000}
sh scripts/install-packages.sh drives || fail "The bench needs genisoimage and xorriso."
need_swift
need_headers
[ -n "${NAMEPLATE:-}" ] || "$SWIFT" build --configuration release --product nameplate --scratch-path .build
nameplate=${NAMEPLATE:-.build/release/nameplate}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/ours" "$work/files" "$work/theirs"
awk -v count="$count" 'BEGIN {
  for (n = 0; n < count; n++) printf "---\nkind: Instance\n" \
    "id: 00000000-0000-4000-8000-%012d\nhostname: host-%d\n" \
    "keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICqCUHWbsiTzVzZkkhEGGq1dsPvqVHlWGj0iI7q5yZqN alice]\n" \
    "userData: |\n  #cloud-config\n  timezone: UTC\nmetadata: {role: web}\n" \
    "interfaces: [{address: 10.%d.%d.%d}]\n", n, n, n / 62500, n / 250 % 250, n % 250 + 1
}' >"$work/manifest.yaml"

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
best() { sort -n | head -n 1; }

ours=$(for round in 1 2 3; do
  rm -rf "$work/ours"
  start=$(milliseconds)
  "$nameplate" drive write --all -f "$work/manifest.yaml" --directory "$work/ours" >/dev/null 2>&1
  echo $(($(milliseconds) - start))
done | best)

for drive in "$work/ours"/*.iso; do
  name=$(basename "$drive" .iso)
  xorriso -osirrox on -indev "$drive" -extract / "$work/files/$name" >/dev/null 2>&1
done
chmod -R u+w "$work/files"
theirs=$(for round in 1 2 3; do
  rm -rf "$work/theirs" && mkdir "$work/theirs"
  start=$(milliseconds)
  for files in "$work/files"/*; do
    genisoimage -quiet -o "$work/theirs/$(basename "$files").iso" -ldots -allow-lowercase \
      -allow-multidot -l -J -r -V config-2 "$files" 2>/dev/null
  done
  echo $(($(milliseconds) - start))
done | best)

echo "$count drives: nameplate $ours ms, genisoimage $theirs ms: $((theirs / ours)).$((theirs * 10 / ours % 10)) times as fast"
