#!/bin/sh
# Builds and runs all tests. TESTFLAGS goes to `swift test`.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_swift
need_headers
sh scripts/install-packages.sh test ||
  say "Going on without them: tests that need what is missing are skipped, and say so."
if [ "$(id -u)" -ne 0 ]; then
  say "Not root: tests that make network namespaces or firewall rules (guests behind a DNAT rule," \
    "cloud-init as a guest) are skipped. 'sudo make test' runs them."
fi

"$SWIFT" build --build-tests --explicit-target-dependency-import-check error
if [ -n "${TESTFLAGS:-}" ]; then
  # shellcheck disable=SC2086  # several flags
  exec "$SWIFT" test $TESTFLAGS
fi
# Tests that wait for programs and for the host's tools do so with the threads that other tests need:
# they run by themselves, those of the real daemon one after the other.
programs='DaemonTests|HostNetworkTests'
status=0
"$SWIFT" test --skip "$programs" || status=$?
"$SWIFT" test --skip-build --filter HostNetworkTests || status=$?
"$SWIFT" test --skip-build --no-parallel --filter DaemonTests || status=$?
exit "$status"
