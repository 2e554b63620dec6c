# Sourced by the other scripts, which run in the root of the checkout.

SWIFT=${SWIFT:-swift}

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

need_swift() {
  command -v "$SWIFT" >/dev/null 2>&1 ||
    fail "There is no Swift toolchain: see https://www.swift.org/install/linux/debian/12/"
}

# Installs what the build needs. Packages that apt does not know of may be there all the same, so
# only a header that is really missing ends it.
need_headers() {
  status=0
  sh scripts/install-packages.sh build || status=$?
  [ "$status" -eq 0 ] && return 0
  for header in sqlite3.h zlib.h archive.h; do
    found=""
    for folder in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
      [ -e "$folder/$header" ] && found=1
    done
    [ -n "$found" ] || fail "$header is missing, and nothing can be built without it."
  done
  say "The headers are there; going on without the packages."
}
