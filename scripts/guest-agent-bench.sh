#!/bin/sh
# guest-agent-bench.sh [RUNS]: measures .build/guest/nameplate-guest beside the daemon of this
# checkout: milliseconds from the last byte of the document with the keys to the renamed
# authorized_keys, milliseconds of the whole run, and the largest resident memory.
#
# Needs root (files of its own are mounted over /root), strace, and what was built by `make guest-agent`
# and `swift build`.
set -eu
cd "$(dirname "$0")/.."
runs=${1:-20}
agent=$PWD/.build/guest/nameplate-guest
daemon=$PWD/.build/debug/nameplate
[ "${NAMEPLATE_BENCH_INSIDE:-}" ] ||
  NAMEPLATE_BENCH_INSIDE=1 exec unshare --mount --net --uts sh "$0" "$runs"

folder=$(mktemp -d)
trap 'kill "$pid"; wait "$pid" 2>/dev/null || true; umount /root; rm -rf "$folder"' EXIT
mkdir "$folder/root"
mount --bind "$folder/root" /root
ip link set lo up
"$daemon" serve --apply examples/loopback.yaml --state-directory "$folder/state" \
  --control-socket "$folder/c.sock" --metadata-listen 127.0.0.1 --log-level error &
pid=$!
until "$daemon" status --socket "$folder/c.sock" >/dev/null 2>&1; do kill -0 "$pid"; done

milliseconds() { echo $(($(date +%s%N) / 1000)) | awk '{ printf "%.1f", $1 / 1000 }'; }
forget() { rm -rf "$folder/root/.ssh" "$folder/agent"; }

set -- --endpoint 127.0.0.1:8775 --no-drive --state-directory "$folder/agent"
n=0
while [ "$n" -lt "$runs" ]; do
  n=$((n + 1))
  forget
  strace -ttt -s 400 -o "$folder/trace" -e trace=recvfrom,renameat "$agent" "$@" --timeout 0 \
    2>/dev/null
  awk '/recvfrom/ && /uuid/ { served = $1 }
    /renameat/ && /authorized_keys/ { printf "%.1f\n", ($1 - served) * 1000; exit }' \
    "$folder/trace" >>"$folder/written"
  forget
  start=$(milliseconds)
  "$agent" "$@" --timeout 0 2>/dev/null
  milliseconds | awk -v start="$start" '{ printf "%.1f\n", $1 - start }' >>"$folder/whole"
  # One that stays tells what it had most of, once it has answered to a change of the keys' file.
  forget
  mkfifo "$folder/said.$n"
  "$agent" "$@" --watch 2>"$folder/said.$n" &
  watcher=$!
  grep -q -m 1 'user data is in' <"$folder/said.$n"
  awk '/VmHWM/ { printf "%.1f\n", $2 / 1024 }' "/proc/$watcher/status" >>"$folder/memory"
  kill "$watcher"
  wait "$watcher" 2>/dev/null || true
done

show() {
  sort -n "$folder/$1" | awk -v what="$2" -v unit="$3" '{ value[NR] = $1 }
    END { printf "%s: median %s %s, worst %s %s (%d runs)\n", what, value[int((NR + 1) / 2)], unit,
      value[NR], unit, NR }'
}
show written "served key to renamed file, under strace" ms
show whole "whole run" ms
show memory "resident memory" MiB
