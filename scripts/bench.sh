#!/bin/sh
# Builds the daemon in release and measures it beside nginx, beside a farm of haproxies, and beside hostile guests. Arguments go to guest-bench.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_swift
need_headers
PATH=$PATH:/usr/sbin:/sbin
sh scripts/install-packages.sh bench || {
  command -v wrk >/dev/null 2>&1 && command -v nginx >/dev/null 2>&1 && command -v haproxy >/dev/null 2>&1 ||
    fail "The bench needs wrk, nginx and haproxy."
}
"$SWIFT" build --configuration release --product nameplate --scratch-path .build
"$SWIFT" build --configuration release --package-path Benchmarks
status=0
Benchmarks/.build/release/guest-bench .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench namespaces .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench hostile .build/release/nameplate "$@" || status=$?
exit "$status"
