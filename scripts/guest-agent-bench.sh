#!/bin/sh
# guest-agent-bench.sh [RUNS]: measures .build/guest/nameplate-guest beside the daemon of this
# checkout: milliseconds from the last byte of the document with the keys to the renamed
# authorized_keys, milliseconds of the whole run, and the largest resident memory.
#
# Needs root (files of its own are mounted over /root), strace, python3 and what was built by
# `make guest-agent` and `swift build`.
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

set -- --endpoint 127.0.0.1:8775 --no-drive --timeout 0 --state-directory "$folder/agent"
n=0
while [ "$n" -lt "$runs" ]; do
  n=$((n + 1))
  rm -rf "$folder/root/.ssh" "$folder/agent"
  strace -ttt -s 400 -o "$folder/trace.$n" -e trace=recvfrom,renameat "$agent" "$@" 2>/dev/null
  rm -rf "$folder/root/.ssh" "$folder/agent"
  python3 - "$agent" "$@" >>"$folder/plain" <<'END'
import os, resource, sys, time
start = time.monotonic()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                       file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
assert status == 0, status
print((time.monotonic() - start) * 1000, usage.ru_maxrss)
END
done
python3 - "$folder" <<'END'
import glob, re, statistics, sys
folder = sys.argv[1]
written = []
for path in glob.glob(folder + "/trace.*"):
    served = None
    for line in open(path, errors="replace"):
        time = float(line.split()[0])
        if "recvfrom" in line and "uuid" in line:
            served = time
        if "renameat" in line and "authorized_keys" in line:
            written.append((time - served) * 1000)
            break
whole, memory = zip(*[map(float, line.split()) for line in open(folder + "/plain")])
show = lambda values: f"median {statistics.median(values):.1f}, worst {max(values):.1f}"
print(f"served key to renamed file: {show(written)} ms ({len(written)} runs, under strace)")
print(f"whole run: {show(whole)} ms")
print(f"resident memory: worst {max(memory) / 1024:.1f} MiB")
END
