#!/bin/sh
# test-sanitized.sh address|thread [pure|network|daemon]...
#
# Builds all tests and programs with a sanitizer and runs the tests, all or some of the groups. What
# the sanitizer finds in any process, a daemon of the tests as well, is kept in .build-NAME/reports and
# printed, and makes this exit with 1. TESTFLAGS goes to `swift test`.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

sanitizer=${1:-}
case "$sanitizer" in
  address | thread) shift ;;
  *) fail "usage: $0 address|thread [pure|network|daemon]..." ;;
esac
[ $# -gt 0 ] || set -- pure network daemon

need_swift
need_headers
sh scripts/install-packages.sh test ||
  say "Going on without them: tests that need what is missing are skipped, and say so."

scratch=.build-$sanitizer
reports=$PWD/$scratch/reports
rm -rf "$reports"
mkdir -p "$reports"
# The programs that the tests start have these, too.
options="log_path=$reports/report"
# Swift's runtime keeps what it has made of types for good, and nobody points to all of it.
export ASAN_OPTIONS="$options:detect_leaks=0"
export TSAN_OPTIONS="$options:suppressions=$PWD/scripts/thread-suppressions.txt"
# Tests that measure memory or trace system calls leave that out, and say so.
export NAMEPLATE_TEST_SANITIZER="$sanitizer"

log=$scratch/build.log
say "Building with the $sanitizer sanitizer"
"$SWIFT" build --build-tests --sanitize "$sanitizer" --scratch-path "$scratch" >"$log" 2>&1 || {
  grep -v 'Cannot export local symbol' "$log" >&2
  fail "The tests do not build."
}

preload=""
if [ "$sanitizer" = thread ]; then
  preload=$PWD/$scratch/thread-sanitizer-mutex.so
  "$(dirname "$(readlink -f "$(command -v "$SWIFT")")")/clang" -shared -fPIC -O1 -o "$preload" \
    scripts/thread-sanitizer-mutex.c
fi

# One test after the other: several times slower as they are, all at once would not keep the bounds
# of time that they have.
run() {
  # shellcheck disable=SC2086  # several flags
  LD_PRELOAD=$preload "$SWIFT" test --skip-build --sanitize "$sanitizer" --scratch-path "$scratch" --no-parallel "$@" \
    ${TESTFLAGS:-}
}
status=0
for group in "$@"; do
  case "$group" in
    pure) run --skip 'DaemonTests|HostNetworkTests' || status=$? ;;
    network) run --filter HostNetworkTests || status=$? ;;
    daemon) run --filter DaemonTests || status=$? ;;
    *) fail "There is no group '$group'. There are: pure network daemon" ;;
  esac
done

found=$(find "$reports" -type f | wc -l)
if [ "$found" -gt 0 ]; then
  find "$reports" -type f -exec cat {} + | grep -E '^(SUMMARY|==[0-9]+==ERROR|WARNING)' | sort | uniq -c
  fail "The $sanitizer sanitizer has found something in $found processes: see $reports"
fi
exit "$status"
