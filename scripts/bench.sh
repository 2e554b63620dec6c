#!/bin/sh
# Builds the daemon in release and measures it beside nginx, beside a farm of haproxies, and beside
# hostile guests, has ten thousand guests boot, and counts what a request costs it. Arguments go to
# guest-bench.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_swift
need_headers
PATH=$PATH:/usr/sbin:/sbin
sh scripts/install-packages.sh bench || {
  command -v wrk >/dev/null 2>&1 && command -v nginx >/dev/null 2>&1 && command -v haproxy >/dev/null 2>&1 && command -v valgrind >/dev/null 2>&1 ||
    fail "The bench needs wrk, nginx, haproxy and valgrind."
}
"$SWIFT" build --configuration release --product nameplate --scratch-path .build
"$SWIFT" build --configuration release --package-path Benchmarks
preload=$PWD/Benchmarks/.build/valgrind-sigsuspend.so
"$(dirname "$(readlink -f "$(command -v "$SWIFT")")")/clang" -shared -fPIC -O1 -o "$preload" \
  scripts/valgrind-sigsuspend.c
status=0
Benchmarks/.build/release/guest-bench .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench namespaces .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench hostile .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench storm .build/release/nameplate "$@" || status=$?
Benchmarks/.build/release/guest-bench instructions --preload "$preload" .build/release/nameplate "$@" || status=$?
exit "$status"
