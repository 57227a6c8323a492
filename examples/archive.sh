#!/bin/sh
# Run by fsq scan: compresses the body on stdin to $ARCHIVE, under the name that is the argument.
# Exit 0: done. 111: not now, try again. Anything else: never.
set -eu

name=$(printf %s "$1" | tr / -)
body=$ARCHIVE/.$name.body
trap 'rm -f "$body"' EXIT
cat >"$body"

if [ ! -s "$body" ]; then
  echo "$1: empty, nothing to archive" >&2
  exit 100
fi

folder=$ARCHIVE
if [ "$(wc -c <"$body")" -gt 100000 ]; then
  folder=$ARCHIVE/large
  if [ ! -d "$folder" ]; then
    echo "$1: no volume for large files yet" >&2
    exit 111
  fi
fi

# Written under a hidden name first: a crash leaves no half of an archive under its real name.
gzip -9 <"$body" >"$folder/.$name.gz"
mv "$folder/.$name.gz" "$folder/$name.gz"
