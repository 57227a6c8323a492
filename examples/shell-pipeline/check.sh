#!/bin/sh
# check.sh NAME: tests $ARCHIVE/NAME and puts its line into $ARCHIVE/SHA256SUMS, where it stands once.
later() { exit 111; }

cd "$ARCHIVE" || later
gzip -t "$1" || exit 100 # No later try will find it better.
exec 9>>.lock || later
flock 9 || later # Another scan may do the same for another name.
touch SHA256SUMS || later
sum=$(sha256sum "$1") || later
{ grep -vxE "[0-9a-f]{64}  $1" SHA256SUMS; echo "$sum"; } >.SHA256SUMS || later
mv .SHA256SUMS SHA256SUMS || later
