#!/bin/sh
# Archives the file that the details of the job name, and notes on which volume it is. May be done again: what was
# half done before is replaced.
set -eu
. "$(dirname "$0")/mount.sh"
cp "$details" "$place/.$FSQ_JOB_ID"
sync "$place/.$FSQ_JOB_ID"
mv "$place/.$FSQ_JOB_ID" "$place/$FSQ_JOB_ID"
echo "$FSQ_JOB_VOLUME" >"$ARCHIVE/catalogue/.$FSQ_JOB_ID"
mv "$ARCHIVE/catalogue/.$FSQ_JOB_ID" "$ARCHIVE/catalogue/$FSQ_JOB_ID"
