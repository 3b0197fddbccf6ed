#!/bin/sh
# packaging/prepare.sh [--with bench|live] COMMAND...
# Makes a fresh machine ready, then runs COMMAND: node_modules as package-lock.json says, its programs (the pinned Node) first in PATH,
# and the programs that agents and tests run. Missing packages are installed by root on Debian and Ubuntu; anybody else is told the command.
set -eu
cd "$(dirname "$0")/.."

# program|Debian package|Fedora package
needed='
qemu-img|qemu-utils|qemu-img
qemu-io|qemu-utils|qemu-img
qemu-nbd|qemu-utils|qemu-img
nbdkit|nbdkit|nbdkit
nbdcopy|libnbd-bin|libnbd
nbdinfo|libnbd-bin|libnbd
mkfs.ext4|e2fsprogs|e2fsprogs
mkfs.xfs|xfsprogs|xfsprogs
mkswap|util-linux|util-linux
prlimit|util-linux|util-linux
fallocate|util-linux|util-linux
xorriso|xorriso|xorriso
gzip|gzip|gzip
bzip2|bzip2|bzip2
xz|xz-utils|xz
zstd|zstd|zstd
curl|curl|curl
tar|tar|tar
unzip|unzip|unzip
'
needed_bench='
sshd|openssh-server|openssh-server
ssh|openssh-client|openssh-clients
ruby|ruby|ruby
bash|bash|bash
unshare|util-linux|util-linux
ip|iproute2|iproute
'

# Running guests on a libvirt of the tests' own; their kernel and guest agent are downloaded, not installed.
needed_live='
virsh|libvirt-clients|libvirt-client
libvirtd|libvirt-daemon-system|libvirt-daemon
virtlogd|libvirt-daemon-system|libvirt-daemon
qemu-system-x86_64|qemu-system-x86|qemu-kvm
busybox|busybox-static|busybox
gcc|gcc|gcc
cpio|cpio|cpio
bash|bash|bash
unshare|util-linux|util-linux
setpriv|util-linux|util-linux
'

if [ "${1-}" = --with ]; then
  case "${2-}" in
    bench) needed="$needed$needed_bench" ;;
    live) needed="$needed$needed_live" ;;
    *) echo "prepare.sh: --with ${2:-(nothing)}: only 'bench' and 'live' are known" >&2; exit 2 ;;
  esac
  shift 2
fi
if [ $# -eq 0 ]; then
  echo 'usage: packaging/prepare.sh [--with bench|live] COMMAND...' >&2
  exit 2
fi

# mkfs and sshd live in sbin, which the PATH of a user may lack.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

debian=
fedora=
for row in $needed; do
  program=${row%%|*}
  command -v "$program" >/dev/null 2>&1 && continue
  packages=${row#*|}
  case " $debian " in *" ${packages%%|*} "*) ;; *) debian="$debian ${packages%%|*}" fedora="$fedora ${packages##*|}" ;; esac
done

if [ -n "$debian" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "prepare.sh: programs are missing; install them with: sudo dnf install$fedora" >&2
    exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "prepare.sh: programs are missing; install them with: sudo apt-get install$debian" >&2
    exit 1
  fi
  echo "prepare.sh: installing$debian" >&2
  log=$(mktemp)
  # shellcheck disable=SC2086 # a list of words
  if ! {
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $debian
  } >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    echo "prepare.sh: apt-get failed (whole output: $log); install by hand:$debian" >&2
    exit 1
  fi
  rm -f "$log"
fi

# npm writes node_modules/.package-lock.json last: older than the lock file means unfinished, or of another revision.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'prepare.sh: npm ci' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2 </dev/null
  touch node_modules/.package-lock.json
fi

PATH="$PWD/node_modules/.bin:$PATH"
exec "$@"
