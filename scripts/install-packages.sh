#!/bin/sh
# install-packages.sh GROUP
#
# Installs the Debian packages of a group that are missing. As root with apt-get, otherwise through
# sudo where it asks for no password. Exits 0 where nothing is missing any more, else 3 after saying
# what to run; the caller decides whether it can go on.
set -eu

build="libsqlite3-dev zlib1g-dev libarchive-dev"
case "${1:-}" in
  build) wanted=$build ;;
  test)
    wanted="$build curl nftables iptables iproute2 procps cloud-init cloud-guest-utils
      python3-yaml python3-venv xorriso mtools dosfstools genisoimage strace faketime openssl e2fsprogs fdisk
      qemu-utils debootstrap openssh-client guestfish libguestfs-xfs btrfs-progs lvm2
      prometheus"
    # The virtual machine of libguestfs runs the host's kernel, which a container does not have.
    ls /boot/vmlinuz* >/dev/null 2>&1 || ! grep -qx ID=debian /etc/os-release ||
      wanted="$wanted linux-image-cloud-$(dpkg --print-architecture)"
    ;;
  bench) wanted="$build nginx-light wrk haproxy curl iproute2 valgrind binutils" ;;
  drives) wanted="$build genisoimage xorriso" ;;
  *)
    echo "usage: $0 build|test|bench|drives" >&2
    exit 2
    ;;
esac

# nginx comes in several packages, and tools may come from elsewhere than a package.
is_there() {
  case "$1" in
    nginx-light) command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] ;;
    wrk | curl | xorriso | valgrind) command -v "$1" >/dev/null 2>&1 ;;
    *) [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
  esac
}

if ! command -v apt-get >/dev/null 2>&1; then
  echo "This is no Debian: install what corresponds to" $wanted >&2
  exit 3
fi
missing=""
for package in $wanted; do
  is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    exec sudo -n sh "$0" "$1"
  fi
  {
    echo "Missing:$missing"
    echo "To install them, run as root, in $PWD: sh $0 $1"
  } >&2
  exit 3
fi

# Nothing that is installed here may start on this machine: no cloud-init that takes it for a guest
# (now, or at its next boot), no nginx on port 80.
policy=/usr/sbin/policy-rc.d
saved=""
restore() {
  if [ -n "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
}
if [ -e "$policy" ] || [ -L "$policy" ]; then
  saved=$policy.nameplate.$$
  mv -f "$policy" "$saved"
fi
trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 0755 "$policy"
case "$missing" in
  *" cloud-init"*)
    mkdir -p /etc/cloud
    : >/etc/cloud/cloud-init.disabled
    ;;
esac

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt="apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
failed="apt-get failed. Once it works again, run as root, in $PWD: sh $0 $1"
$apt update || { echo "$failed" >&2; exit 3; }
$apt install -y --no-install-recommends $missing >/dev/null || { echo "$failed" >&2; exit 3; }
case "$missing" in
  *nginx-light* | *haproxy* | *prometheus*)
    systemctl disable nginx haproxy prometheus prometheus-node-exporter >/dev/null 2>&1 || true
    ;;
esac
