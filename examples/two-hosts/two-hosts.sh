#!/bin/sh
# Two hosts on one machine, each with a root of its own: two-hosts.sh ITEM... enqueues items at the one,
# and the other works on them. PORT is where that one listens.
set -eu
: "${PORT:=7771}"

parts=$(cd "$(dirname "$0")" && pwd)
hosts=$(mktemp -d)
(umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$hosts/token")
deliver='echo "$1: $(cat)"' # Runs at the receiver, for each item.

export FSQ_ROOT="$hosts/sender"
sh "$parts/sender.sh" "http://127.0.0.1:$PORT/" "$hosts/token" 2>"$hosts/sender.log" &
sender=$!
FSQ_ROOT="$hosts/receiver" sh "$parts/receiver.sh" 127.0.0.1 "$PORT" "$hosts/token" \
  sh -c "$deliver" deliver 2>"$hosts/receiver.log" &
receiver=$!
trap 'kill $sender $receiver 2>/dev/null || :; wait; rm -r "$hosts"' EXIT
trap 'exit 1' HUP INT TERM
pause() { # As long as both are there.
  kill -0 $sender && kill -0 $receiver || { cat "$hosts"/*.log >&2; exit 1; }
  sleep 0.1
}

until [ -d "$hosts/sender/mail/hosts/there" ]; do pause; done
for item in "$@"; do
  echo "for $item" | fsq enqueue --host there mail "$item"
done
delivered() { fsq -r "$hosts/receiver" ls --state done mail 2>/dev/null | wc -l; }
until [ "$(delivered)" -eq $# ]; do pause; done
