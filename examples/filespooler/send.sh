#!/bin/sh
# send.sh FILE...: makes a job of each file, whose name is its parameter, in the queue that is carried.
set -eu

: "${OUTBOX:?is to be the directory of the sender}"
: "${ENCODE:=cat}"
mkdir -p "$OUTBOX"
# Append-only: jobs/ is all that is carried, and nobody processes it here.
[ -d "$OUTBOX/queue" ] || fsq fspl queue-init --append-only -q "$OUTBOX/queue"

for file in "$@"; do
  case $file in /*) ;; *) file=./$file ;; esac # "-" is standard input.
  # In two steps: in a pipe, nobody would notice a prepare or an encoder that fails.
  fsq fspl prepare -s "$OUTBOX/next" -i "$file" -- "${file##*/}" >"$OUTBOX/job"
  sh -c "$ENCODE" <"$OUTBOX/job" >"$OUTBOX/encoded"
  fsq fspl queue-write -q "$OUTBOX/queue" <"$OUTBOX/encoded"
  rm "$OUTBOX/job" "$OUTBOX/encoded"
done
