#!/bin/sh
# receiver.sh HOST PORT TOKENS PROGRAM [ARG...]: takes what other hosts push into the queue mail, and runs
# the program for each item.
set -eu
host=$1 port=$2 tokens=$3
shift 3

fsq install --ignore-exists -t mail
fsq work mail -- "$@" &
worker=$!
fsq jsonrpcd -t --token-file "$tokens" "$host" "$port" &
server=$!
trap 'kill $server $worker 2>/dev/null || :' TERM INT EXIT
wait $server || : # A signal ends this wait as well: what is under way is finished.
kill $server $worker 2>/dev/null || :
wait
