#!/bin/sh
# Builds nameplate-guest for images: in release, with the Swift runtime inside, without symbols. Says
# where it is, how large, and what it needs of the image.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

need_swift

"$SWIFT" build --configuration release --static-swift-stdlib --product nameplate-guest
built=$("$SWIFT" build --configuration release --show-bin-path)/nameplate-guest
mkdir -p .build/guest
strip -o .build/guest/nameplate-guest "$built"

# An image need not have Swift: what is left are the C library and what every image has with it.
foreign=$(ldd .build/guest/nameplate-guest | awk '{ print $1 }' |
  grep -vE '^(linux-vdso|libc|libm|libgcc_s|libstdc\+\+)\.so\.|ld-linux' || true)
if [ -n "$foreign" ]; then
  echo "nameplate-guest needs libraries that images do not have: $foreign" >&2
  exit 1
fi
glibc=$(objdump -T .build/guest/nameplate-guest | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
say ".build/guest/nameplate-guest: $(wc -c <.build/guest/nameplate-guest) bytes, needs $glibc or later"
