#!/bin/sh
# An archive on one machine: run.sh FILE... archives the files, by turns as films, as backups and on a disk, restores
# them, and compares what came back.
set -eu

parts=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export FSQ_ROOT="$work/queues" ARCHIVE="$work/archive"
mkdir -p "$ARCHIVE/library" "$ARCHIVE/drives/drive0" "$ARCHIVE/drives/drive1" "$ARCHIVE/disks" \
  "$ARCHIVE/catalogue" "$work/restored"
for volume in A00001L6 A00002L6 A00003L6 A00004L6 A00005L5 A00006L5 A00007L4 A00008L6; do
  mkdir "$ARCHIVE/library/$volume"
done
mkdir "$ARCHIVE/disks/disk1" "$ARCHIVE/disks/disk2"

started=
trap 'kill $started 2>/dev/null || :; wait; rm -r "$work"' EXIT
wait_until() { # COMMAND...: succeeds; but not for ever
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { tail -n 5 "$work"/*.log >&2 && fsq nxqueue status >&2 && exit 1; }
    sleep 0.1
  done
}

fsq nxqueue check "$parts/inventory.yaml"
fsq install nxqueue
for server in north south west; do
  fsq nxqueue serve --server $server --inventory "$parts/inventory.yaml" \
    --archive "exec sh '$parts/archive.sh'" --restore "exec sh '$parts/restore.sh'" 2>"$work/$server.log" &
  started="$! $started"
done

n=0
for file in "$@"; do
  n=$((n + 1))
  case $((n % 3)) in
    1) where='--group films' ;;
    2) where='--group backups' ;;
    0) where='--volume disk2' ;;
  esac
  fsq nxqueue submit archive --id "archive-$n" $where --bytes "$(wc -c <"$file")" \
    --details "\"$(realpath "$file")\"" >>"$work/jobs"
done

n=0
for file in "$@"; do
  n=$((n + 1))
  wait_until [ -e "$ARCHIVE/catalogue/archive-$n" ] # Until then nobody knows on which volume it is.
  fsq nxqueue submit restore --id "restore-$n" --volume "$(cat "$ARCHIVE/catalogue/archive-$n")" \
    --after "archive-$n" --details "\"archive-$n $work/restored/$n\"" >>"$work/jobs"
done

n=0
for file in "$@"; do
  n=$((n + 1))
  wait_until [ -e "$work/restored/$n" ]
  cmp "$file" "$work/restored/$n"
  echo "$file was on $(cat "$ARCHIVE/catalogue/archive-$n"), and came back"
done
if [ -e "$ARCHIVE/clashes" ]; then cat "$ARCHIVE/clashes" >&2 && exit 1; fi
