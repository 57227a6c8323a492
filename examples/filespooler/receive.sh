#!/bin/sh
# receive.sh: puts the files that have arrived in $INBOX, in the order in which they were sent, into $FILES.
set -eu

: "${INBOX:?is to be the directory of the receiver}" "${FILES:?is to be the directory of the files}"
: "${DECODE:=cat}"
mkdir -p "$INBOX" "$FILES"
[ -d "$INBOX/queue" ] || fsq fspl queue-init -q "$INBOX/queue"

# A decoder that fails, also at the end of the payload, has the job fail: it stays, and so do those behind it.
# So does a job whose parameter is not the name of a file: who sends it writes nowhere but in $FILES.
fsq fspl queue-process -q "$INBOX/queue" -d "$DECODE" --allow-job-params sh -- -c '
  name=${2-}
  case $name in
  "" | . | .. | .new | */*) echo "receive.sh: no name of a file: $name" >&2; exit 1 ;;
  esac
  cat >"$1/.new" && mv -- "$1/.new" "$1/$name"
' sh "$FILES"
