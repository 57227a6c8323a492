#!/bin/sh
# Two steps with a queue before each: pipeline.sh FILE... compresses files into $ARCHIVE, then keeps
# their checksums in $ARCHIVE/SHA256SUMS. After a crash run it again, without files: it goes on.
set -eu

: "${ARCHIVE:?is to be the directory of the archive}"
export ARCHIVE
steps=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$ARCHIVE"
fsq install --ignore-exists compress check

for file in "$@"; do
  fsq enqueue -f "$file" compress "$(basename "$file")"
done

# Each takes what is there when it begins. What it fails temporarily waits for the next run.
fsq scan compress sh "$steps/compress.sh"
fsq scan check sh "$steps/check.sh"
