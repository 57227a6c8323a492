#!/bin/sh
# sender.sh URL TOKEN: pushes what is enqueued for the host `there` to the queue mail at the URL, for ever.
#
#     fsq enqueue --host there mail alice
set -eu

fsq install --ignore-exists -a there mail
exec fsq push --all --follow -j 4 --token-file "$2" "$1" mail mail there
