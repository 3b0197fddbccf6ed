#!/bin/sh
# onestorage shim
#
# One program behind every action name: …/tm/<driver>/<action> and …/datastore/<driver>/<action> are links to it. It hands its words and its
# standard input to the controller, prints what the controller answers, and leaves with the code the controller says. It keeps no file: the
# input holds passwords. Variables: ONESTORAGE_SOCKET, ONESTORAGE_AGENT_SOCKET, ONESTORAGE_CONNECT_SECONDS, ONESTORAGE_RECONNECT_SECONDS.
#
# The answer is one record a line, by its first letter: A accepted, I W E D log line, O line of the output, M error, X exit code (the last).
# O and M are held until X: a call that is made again after a broken connection gets them again.

LC_ALL=C
export LC_ALL
limit=16777216

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

case $0 in
  /*) self=$0 ;;
  ./*) self=$PWD/${0#./} ;;
  *) self=$PWD/$0 ;;
esac
action=${self##*/}
driver=${self%/*}
kind=${driver%/*}
driver=${driver##*/}
case ${kind##*/} in
  tm) kind=tm ;;
  datastore) kind=ds ;;
  *) fail "onestorage shim: call it as tm/<driver>/<action> or datastore/<driver>/<action>, not as $0" ;;
esac

# A disk of agent_local moves with the directory of its VM, by a call of its own: this one does nothing (contract 2.2), so nobody is asked.
case $driver/$kind/$action/$#/${1##*/} in
  agent_local/tm/mv/4/disk. | agent_local/tm/mv/4/disk.*[!0-9]*) ;;
  agent_local/tm/mv/4/disk.*) exit 0 ;;
esac

# What OpenNebula runs on the host itself asks the agent of that host; there is no controller.
case $kind/$action in
  tm/monitor_ds | tm/activate | tm/recovery_snap_create_live)
    socket=${ONESTORAGE_AGENT_SOCKET:-/run/onestorage/agent.sock}
    service=agent
    ;;
  *)
    socket=${ONESTORAGE_SOCKET:-/run/onestorage/controller.sock}
    service=controller
    ;;
esac

command -v curl >/dev/null || fail "onestorage needs curl, which is not installed on this machine"
read -r key </proc/sys/kernel/random/uuid || fail "onestorage cannot read /proc/sys/kernel/random/uuid"

# The others have none: what stands there may belong to somebody else (a tty, an ssh session), so it is not touched.
input=
has_input=
case $kind/$action in
  ds/* | tm/monitor | tm/premigrate | tm/postmigrate | tm/failmigrate | tm/*backup*)
    has_input=1
    # One byte more than may be: enough to see that it is too much.
    input=$(exec head -c $((limit + 1)) 2>/dev/null)
    [ ${#input} -le $limit ] || fail "$kind/$action: the input is larger than 16 MiB"
    ;;
esac

for word; do
  set -- "$@" --form-string "argv=$word"
  shift
done
[ -z "$has_input" ] || set -- "$@" -F 'stdin=<-'
# -q, --noproxy: neither a .curlrc nor the proxies of this environment have a say. Expect: no second round trip for a large input.
set -- -q -sS -N -X POST --noproxy '*' --connect-timeout 5 --unix-socket "$socket" -H "Idempotency-Key: $key" -H 'Expect:' \
  --form-string 'protocol=1' "$@" "http://onestorage/v1/actions/$kind/$driver/$action"

# Becomes curl. Its process id goes ahead of the answer, so that the reader can end it. Everything it says goes to the reader: a process that
# kept this program's own output open after the end would cost OpenNebula that output.
call() {
  read -r process _ </proc/self/stat
  printf 'P%s\n' "$process"
  exec curl "$@" 2>&1
}

# Leaves with the code of the controller; 75: accepted, but the connection broke; 76: no answer.
answer() {
  output=
  errors=
  state=76
  process=
  trap '[ -z "$process" ] || kill "$process" 2>/dev/null; exit 143' TERM
  while IFS= read -r line; do
    text=${line#?}
    case $line in
      A*) state=75 ;;
      I*) printf 'INFO: %s\n' "$text" >&2 ;;
      W*) printf 'WARN: %s\n' "$text" >&2 ;;
      E*) printf 'ERROR: %s\n' "$text" >&2 ;;
      D*) printf 'DEBUG: %s\n' "$text" >&2 ;;
      O*) output=$output$text$newline ;;
      M*) errors=$errors$text$newline ;;
      P*) process=$text ;;
      X*)
        printf '%s' "$errors" >&2
        printf '%s' "$output"
        case $text in
          [0-9] | [1-6][0-9]) exit "$text" ;;
          *) exit 1 ;;
        esac
        ;;
    esac
  done
  exit $state
}
newline='
'

stop() {
  trap '' TERM INT HUP
  # Not a variable of ours: a signal between the start of a child and the assignment would leave it behind, with oned's output in its hands.
  [ -z "$running" ] || kill "$!" 2>/dev/null
  curl -q -sS -f -X DELETE --noproxy '*' --max-time 4 --unix-socket "$socket" "http://onestorage/v1/operations/$key" >/dev/null 2>&1 </dev/null &
  if wait $!; then
    printf '%s\n' "$kind/$action was stopped by a signal: its operation $key is cancelled" >&2
  else
    printf '%s\n' "$kind/$action was stopped by a signal; its operation $key was not cancelled, see: onestorage ops show $key" >&2
  fi
  exit 143
}

running=
accepted=
tries=0
trap stop TERM INT HUP
while :; do
  running=1
  if [ -n "$has_input" ]; then
    printf '%s' "$input" 2>/dev/null | call "$@" | answer &
  else
    call "$@" </dev/null | answer &
  fi
  wait "$!"
  code=$?
  running=
  case $code in
    75) accepted=1 ;;
    76) ;;
    *) exit "$code" ;;
  esac

  tries=$((tries + 1))
  if [ -n "$accepted" ]; then
    [ $tries -le "${ONESTORAGE_RECONNECT_SECONDS:-600}" ] ||
      fail "onestorage $service went away and did not come back on $socket; the operation may still run: onestorage ops show $key"
  elif [ $tries -gt "${ONESTORAGE_CONNECT_SECONDS:-10}" ]; then
    [ ! -S "$socket" ] || [ -w "$socket" ] || fail "onestorage $service: this user may not use $socket: run it as oneadmin"
    fail "onestorage $service does not answer on $socket: start it with systemctl start onestorage-$service"
  fi
  running=1
  sleep 1 >/dev/null 2>&1 &
  wait "$!"
  running=
done
