# What the stock actions have in common: the same programs and the same ssh sessions, in words of our own. bash.
# $SSH, $SSH_FWD, $XPATH and the PATH to onevm come from the bench.
export LANG=C
script=$(basename -- "$0")

note() { echo "INFO: $script: $1" >&2; }

# Repeated slashes and the last one go.
plain_path() { dirname "$1/file" | sed -r 's:/+:/:g'; }
host_of() { echo "$1" | sed -r 's/^([^:]*):.*$/\1/'; }
path_of() {
  local rest
  rest=$(echo "$1" | sed -r 's/^[^:]*:(.*)$/\1/')
  plain_path "$rest"
}

# One session: a script to bash on the other host, errors kept for the log.
remote() {
  local errors
  errors=$($3 "$1" bash -s 2>&1 1>/dev/null <<END
export LANG=C
export LC_ALL=C
$2
END
  ) || { echo "ERROR: $script: $errors" >&2; exit 1; }
}

make_directory() { remote "$1" "set -e -o pipefail
[ -d $2 ] || mkdir -p $2" "$SSH"; }

mark_monitored() { remote "$1" "set -e -o pipefail
marker=\$(dirname $2)/.monitor
said=
[ ! -f \"\$marker\" ] || said=\$(cat \"\$marker\")
[ \"\$said\" = $3 ] || echo $3 >\"\$marker\"" "$SSH"; }

# Elements of a VM, in the order they are asked for, into the array found.
ask_vm() {
  local id=$1 element
  shift
  found=()
  while IFS= read -r -d '' element; do found+=("$element"); done < <(onevm show -x "$id" | "$XPATH" --stdin "$@")
}

replica_host() { awk 'gsub(/[\0]/, x)' <(onedatastore show "$1" -x | "$XPATH" --stdin /DATASTORE/TEMPLATE/REPLICA_HOST); }
