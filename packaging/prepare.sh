#!/bin/sh
# packaging/prepare.sh [--with GROUP]... [--also GROUP]... COMMAND...
# Makes a fresh machine ready, then runs COMMAND: node_modules as package-lock.json says, its programs (the pinned Node) first in PATH,
# and the programs that agents and tests run. Missing packages are installed by root on Debian and Ubuntu; anybody else is told the command.
# --also is for tests that skip by name what is missing: nobody is stopped for it.
set -eu
cd "$(dirname "$0")/.."

# group|program|Debian package|Fedora package; the group `base` is always needed.
programs='
base|qemu-img|qemu-utils|qemu-img
base|qemu-io|qemu-utils|qemu-img
base|qemu-nbd|qemu-utils|qemu-img
base|nbdkit|nbdkit|nbdkit
base|nbdcopy|libnbd-bin|libnbd
base|nbdinfo|libnbd-bin|libnbd
base|mkfs.ext4|e2fsprogs|e2fsprogs
base|mkfs.xfs|xfsprogs|xfsprogs
base|mkswap|util-linux|util-linux
base|prlimit|util-linux|util-linux
base|fallocate|util-linux|util-linux
base|xorriso|xorriso|xorriso
base|gzip|gzip|gzip
base|bzip2|bzip2|bzip2
base|xz|xz-utils|xz
base|zstd|zstd|zstd
base|curl|curl|curl
rsync|rsync|rsync
base|tar|tar|tar
base|unzip|unzip|unzip
backup|restic|restic|restic
backup|rsync|rsync|rsync
backup|ssh|openssh-client|openssh-clients
backup|ssh-keygen|openssh-client|openssh-clients
backup|sshd|openssh-server|openssh-server
backup|rclone|rclone|rclone
backup|qemu-system-x86_64|qemu-system-x86|qemu-system-x86
backup|virt-sparsify|guestfs-tools|guestfs-tools
backup|busybox|busybox-static|busybox
backup|gcc|gcc|gcc
backup|cpio|cpio|cpio
backup|mformat|mtools|mtools
backup|syslinux|syslinux|syslinux
bench|sshd|openssh-server|openssh-server
bench|ssh|openssh-client|openssh-clients
bench|restic|restic|restic
bench|rsync|rsync|rsync
bench|ruby|ruby|ruby
bench|bash|bash|bash
bench|unshare|util-linux|util-linux
bench|ip|iproute2|iproute
live|virsh|libvirt-clients|libvirt-client
live|libvirtd|libvirt-daemon-system|libvirt-daemon
live|virtlogd|libvirt-daemon-system|libvirt-daemon
live|qemu-system-x86_64|qemu-system-x86|qemu-kvm
live|busybox|busybox-static|busybox
live|gcc|gcc|gcc
live|cpio|cpio|cpio
live|rsync|rsync|rsync
live|nsenter|util-linux|util-linux
live|bash|bash|bash
live|unshare|util-linux|util-linux
live|nbdfuse|libnbd-bin|nbdfuse
live|setpriv|util-linux|util-linux
monitor|promtool|prometheus|golang-github-prometheus
packages|dpkg-deb|dpkg|dpkg
packages|rpmbuild|rpm|rpm-build
packages|x86_64-linux-gnu-strip|binutils-x86-64-linux-gnu|binutils-x86_64-linux-gnu
packages|aarch64-linux-gnu-strip|binutils-aarch64-linux-gnu|binutils-aarch64-linux-gnu
packages|readelf|binutils|binutils
packages|lintian|lintian|lintian
packages|rpmlint|rpmlint|rpmlint
packages|mandoc|mandoc|mandoc
packages|systemd-analyze|systemd|systemd
packages|systemd-nspawn|systemd-container|systemd-container
packages|mmdebstrap|mmdebstrap|mmdebstrap
packages|rpm|rpm|rpm
packages|qemu-aarch64-static|qemu-user-static|qemu-user-static
packages|/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1|libstdc++6-arm64-cross|gcc-c++-aarch64-linux-gnu
packages|/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1|libatomic1-arm64-cross|gcc-c++-aarch64-linux-gnu
packages|nsenter|util-linux|util-linux
packages|setpriv|util-linux|util-linux
'

usage() {
  echo "prepare.sh: $1" >&2
  echo 'usage: packaging/prepare.sh [--with GROUP]... [--also GROUP]... COMMAND...' >&2
  exit 2
}

with=' base '
also=' '
while [ $# -gt 0 ]; do
  case "$1" in --with | --also) ;; *) break ;; esac
  case "$programs" in *"
${2-}|"*) ;; *) usage "there is no group '${2-}'" ;; esac
  [ -n "${2-}" ] || usage "$1 needs a group"
  if [ "$1" = --with ]; then with="$with$2 "; else also="$also$2 "; fi
  shift 2
done
[ $# -gt 0 ] || usage 'there is nothing to run'

# mkfs and sshd live in sbin, which the PATH of a user may lack.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

# find_missing GROUPS: sets debian and fedora, the packages of these groups whose program is not there. Words of the shell alone: nothing is there yet.
find_missing() {
  debian='' fedora=''
  for row in $programs; do
    case "$1" in *" ${row%%|*} "*) ;; *) continue ;; esac
    row=${row#*|}
    command -v "${row%%|*}" >/dev/null 2>&1 && continue
    row=${row#*|}
    case " $debian " in *" ${row%%|*} "*) ;; *) debian="$debian ${row%%|*}" fedora="$fedora ${row##*|}" ;; esac
  done
}

install() {
  echo "prepare.sh: installing$1" >&2
  log=$(mktemp)
  # Programs are wanted, not servers: a Prometheus or libvirt of the machine's own would take its ports, for the sake of a test.
  policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; fi
  # shellcheck disable=SC2064 # the name as it is now
  [ -z "$policy" ] || trap "rm -f '$policy'; exit 1" HUP INT TERM
  failed=0
  # Another apt may be at work on a fresh machine.
  # shellcheck disable=SC2086 # a list of words
  {
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends $1
  } >"$log" 2>&1 </dev/null || failed=1
  [ -z "$policy" ] || rm -f "$policy"
  trap - HUP INT TERM
  if [ "$failed" = 1 ]; then
    tail -n 5 "$log" >&2
    echo "prepare.sh: apt-get failed (whole output: $log); install by hand:$1" >&2
    return 1
  fi
  rm -f "$log"
}

# need GROUPS: true when all their programs are there, now.
need() {
  find_missing "$1"
  [ -n "$debian" ] || return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "prepare.sh: programs are missing; install them with: sudo dnf install$fedora" >&2
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "prepare.sh: programs are missing; install them with: sudo apt-get install$debian" >&2
    return 1
  fi
  install "$debian"
}

need "$with" || exit 1
need "$also" || echo 'prepare.sh: going on without them: what needs them is skipped' >&2

# npm writes node_modules/.package-lock.json last: older than the lock file means unfinished, or of another revision.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'prepare.sh: npm ci' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2 </dev/null
  touch node_modules/.package-lock.json
fi

PATH="$PWD/node_modules/.bin:$PATH"
exec "$@"
