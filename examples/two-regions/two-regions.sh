#!/bin/sh
# Two regions on one machine: two-regions.sh ITEM... enqueues items in the west, and they are worked on in
# the east; the last of them while the line between is cut.
set -eu

parts=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export EAST_PORT="${EAST_PORT:-4222}" WEST_PORT="${WEST_PORT:-4223}" LEAF_PORT="${LEAF_PORT:-7422}"
export LINK_PORT="${LINK_PORT:-7423}" EAST_STORE="$work/store"
export LINK="nats://127.0.0.1:$LINK_PORT"
east="nats://127.0.0.1:$EAST_PORT" west="nats://127.0.0.1:$WEST_PORT"
deliver='echo "$1: $(cat)"' # Runs in the east, for each item.

started=
start() { # NAME COMMAND...: in the background, with its messages in a file
  log=$work/$1.log
  shift
  "$@" 2>>"$log" &
  started="$! $started"
}
trap 'kill $started 2>/dev/null || :; wait; rm -r "$work"' EXIT
connect() {
  start link node "$parts/link.mjs" "$LINK_PORT" "$LEAF_PORT"
  link=$!
}
wait_until() { # COMMAND...: succeeds; but not for ever
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { tail -n 3 "$work"/*.log >&2 && exit 1; }
    sleep 0.1
  done
}
said_by() { grep -q "$2" "$work/$1.log" 2>/dev/null; }

start east nats-server -c "$parts/east.conf"
connect
start west nats-server -c "$parts/west.conf"
wait_until said_by east 'Server is ready'
wait_until said_by west 'Leafnode connection created'
fsq nats setup --server "$east" mail >"$work/setup.log"

export FSQ_ROOT="$work/east"
fsq install mail
start receive fsq nats receive --server "$east" mail
start work fsq work mail -- sh -c "$deliver" deliver

export FSQ_ROOT="$work/west"
fsq install mail
start forward fsq nats forward --server "$west" --js-domain east mail

done_in_east() { [ "$(fsq -r "$work/east" ls --state done mail | wc -l)" -eq "$1" ]; }
sent=0
for item in "$@"; do
  sent=$((sent + 1))
  if [ $sent -eq $# ]; then
    wait_until done_in_east $((sent - 1))
    kill "$link" # From here on nothing gets through.
  fi
  echo "for $item" | fsq enqueue mail "$item" # Does not care.
done
wait_until said_by forward 'it is tried again until it is back'
echo 'the line is cut' >&2
connect
wait_until done_in_east $#
