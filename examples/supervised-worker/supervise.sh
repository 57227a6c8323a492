#!/bin/sh
# supervise.sh COMMAND...: starts it again whenever it ends, until this gets SIGTERM. For a container
# without a supervisor, as its first process: a second between two starts, and nothing else.
over=
child=
trap 'over=1; [ -z "$child" ] || kill -TERM "$child"' TERM INT
while [ -z "$over" ]; do
  "$@" &
  child=$!
  # A signal ends the first wait; what was asked to end is waited for.
  while kill -0 "$child" 2>/dev/null; do wait "$child"; done
  child=
  [ -n "$over" ] || { sleep 1 & wait $!; }
done
