#!/bin/sh
# Restores what a job archived: the details are the ID of that job, and where the file is to be.
set -eu
. "$(dirname "$0")/mount.sh"
job=${details%% *} target=${details#* }
cp "$place/$job" "$target.part"
sync "$target.part"
mv "$target.part" "$target"
