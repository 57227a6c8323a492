# To be read by the programs of jobs: puts the volume of the job where they find it, in $place.
#
# A tape is a directory, $ARCHIVE/library/NAME, a drive another, $ARCHIVE/drives/NAME, and to load the one into the
# other is to move it there. Who uses a drive holds a lock on it for as long as he lives. Nobody ever waits for it:
# a job gets a drive that nobody else has. If there is somebody all the same, the job fails for good, to be seen.

hold() { # DRIVE: until this process ends; of two drives at most
  if [ "$1" = "$FSQ_JOB_DRIVE" ]; then exec 8>"$ARCHIVE/drives/$1.lock"; else exec 9>"$ARCHIVE/drives/$1.lock"; fi
  if [ "$1" = "$FSQ_JOB_DRIVE" ]; then flock -n 8; else flock -n 9; fi && return
  echo "$FSQ_JOB_ID: somebody else is at $1" | tee -a "$ARCHIVE/clashes" >&2
  exit 1
}

unload() { # DRIVE: whatever is in it goes back to the library
  for tape in "$ARCHIVE/drives/$1"/*; do
    [ -d "$tape" ] && mv "$tape" "$ARCHIVE/library/"
  done
  return 0
}

if [ -z "$FSQ_JOB_DRIVE" ]; then
  place=$ARCHIVE/disks/$FSQ_JOB_VOLUME
else
  hold "$FSQ_JOB_DRIVE"
  place=$ARCHIVE/drives/$FSQ_JOB_DRIVE/$FSQ_JOB_VOLUME
  if [ ! -d "$place" ]; then
    unload "$FSQ_JOB_DRIVE"
    for other in "$ARCHIVE/drives"/*/"$FSQ_JOB_VOLUME"; do # It may still be where it was used last.
      [ -d "$other" ] || continue
      drive=$(basename "$(dirname "$other")")
      hold "$drive"
      unload "$drive"
    done
    mv "$ARCHIVE/library/$FSQ_JOB_VOLUME" "$place"
  fi
  echo "$FSQ_JOB_ID $FSQ_JOB_VOLUME $FSQ_JOB_DRIVE" >>"$ARCHIVE/mounts"
fi

# What the details of the job say, which are a text without quotes.
details=$(sed -n 's/.*"details":"\([^"\\]*\)".*/\1/p')
