#!/bin/sh
# carry.sh: takes the jobs from $OUTBOX to $INBOX, which may be on another machine, as host:path.
set -eu

# rsync gives a file its name when it is whole, and removes it here when it is there. Files that are being
# written, tmp-*, are no jobs yet.
rsync -t --remove-source-files --include='fspl-*.fspl' --exclude='*' -r \
  "${OUTBOX:?is to be the directory of the sender}/queue/jobs/" \
  "${INBOX:?is to be the directory of the receiver}/queue/jobs/"
