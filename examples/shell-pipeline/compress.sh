#!/bin/sh
# compress.sh NAME: the body on stdin becomes $ARCHIVE/NAME.gz, whose name goes to the next step.
later() { exit 111; }

new=$ARCHIVE/.$1.$$
trap 'rm -f "$new"' EXIT
gzip -n >"$new" || later
mv "$new" "$ARCHIVE/$1.gz" || later # At once: nobody sees a part of it.
# A crash before the next line does this step again; one right behind it, the next step as well.
fsq enqueue -e check "$1.gz" || later
