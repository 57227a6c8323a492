#!/bin/sh
# An ftpcluster with three nodes on this machine: ftpcluster.sh runs it until Ctrl-C, ftpcluster.sh --demo
# plays a scene with it and ends. All of it is in one directory, which goes in the end.
set -eu

parts=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin # Not every user has that.
if ! command -v proftpd >/dev/null; then
  echo 'ftpcluster.sh: there is no proftpd, the FTP server that this example runs. On Debian and Ubuntu:
  sudo apt-get install --no-install-recommends proftpd-core
That starts a server of the system, which is not needed here: sudo systemctl disable --now proftpd' >&2
  exit 1
fi

place=$(mktemp -d)
home=$place/cluster
export FSQ_ROOT="$place/queues"
worker=
clean() {
  trap '' INT TERM
  [ -z "$worker" ] || kill "$worker" 2>/dev/null || :
  for file in "$place"/*/pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    ! grep -qs proftpd "/proc/$pid/cmdline" || kill "$pid" # It may have been stopped, and the pid be another's.
  done
  wait
  rm -rf "$place"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME PORT FILES [LINE...]: an FTP server; fails if there is none, because the port is taken.
start() {
  rm -f "$place/$1/pid"
  sh "$parts/server.sh" "$place/$1" "$2" "$3" ${4+"$4"} &
  until [ -s "$place/$1/pid" ]; do
    kill -0 $! 2>/dev/null || return 1
    sleep 0.1
  done
}
stop() {
  pid=$(cat "$place/$1/pid")
  kill "$pid"
  wait "$pid" || :
}
# start_anywhere NAME FILES [LINE...]: the same on a port that is free, which is $port then.
start_anywhere() {
  name=$1 files=$2
  shift 2
  for attempt in 1 2 3 4 5 6 7 8 9; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
    ! start "$name" $port "$files" "$@" || return 0
  done
  echo "ftpcluster.sh: no FTP server starts; the last said, in $attempt attempts:" >&2
  cat "$place/$name/log" >&2
  exit 1
}

[ "$(id -u)" -ne 0 ] || chmod 711 "$place" # The servers become somebody else.
(umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$place/password")
password=$(cat "$place/password")
mkdir -p "$home/.queue" "$home/.deleted" "$home/pub"
(umask 077 && : >"$home/.cluster.conf")
for name in node1 node2 node3; do
  start_anywhere $name "$place/$name/files" 'AllowOverwrite on'
  echo "server 127.0.0.1:$port cluster1:$password" >>"$home/.cluster.conf"
  eval "$name=$port"
done
# What clients upload to. A file has its name when it is whole; link files are not for them to change.
start_anywhere front "$home/pub" 'HiddenStores on
<Limit DELE RMD RNFR APPE>
  DenyAll
</Limit>'

fsq ftpcluster work --follow --sweep 5s -v --copies 2 "$home" 2>&1 &
worker=$!

# What cron(8) would do each minute.
pass() {
  kill -0 $worker
  sh "$parts/submit.sh" "$home" "$place/known"
  [ -z "$(find "$home/.queue" "$home/.deleted" -type f)" ] || fsq ftpcluster import "$home"
}

if [ "${1-}" != --demo ]; then
  cat <<HELP
ftpcluster: $home, with the nodes 127.0.0.1:$node1, 127.0.0.1:$node2 and 127.0.0.1:$node3
  upload     cp FILE $home/pub/
             or by FTP: ftp://cluster1:$password@127.0.0.1:$port/
  look       export FSQ_ROOT=$FSQ_ROOT
             fsq ftpcluster list $home
             fsq ftpcluster status $home
  delete     mv $home/pub/FILE $home/.deleted/
  a node     kill \$(cat $place/node2/pid)
  is back    PATH=\$PATH:/usr/sbin proftpd -c $place/node2/conf
  end        Ctrl-C
HELP
  while :; do
    pass
    sleep 1
  done
fi

say() { printf '\n== %s\n' "$*"; }
# until_true COMMAND: goes on with the cluster until that succeeds.
until_true() {
  until "$@"; do
    pass
    sleep 0.2
  done
}
have() { [ "$(find "$place"/node?/files -type f -name "*-$1" ! -name '.*' | wc -l)" -eq "$2" ]; }
waits() { fsq ftpcluster status "$home" | grep -q '^jobs: 1 upload'; }
stored() { [ -z "$(fsq ftpcluster list --json --fewer 2 "$home")" ]; }

say 'a file is uploaded, and stored on two nodes'
mkdir "$place/originals"
seq 1 1000 >"$place/originals/one.txt"
cp "$place/originals/one.txt" "$home/pub/"
until_true stored

say 'a node stops, and two more files are uploaded: one waits for it'
stop node2
seq 1 2000 >"$place/originals/two.txt"
seq 1 2000 | tac >"$place/originals/three %.txt"
cp "$place/originals/two.txt" "$place/originals/three %.txt" "$home/pub/"
until_true have '*.txt' 5 # Of the first there are two; each of the others is on one node at least.
until_true waits
fsq ftpcluster status "$home"

say 'it is back, and gets what waits'
start node2 "$node2" "$place/node2/files" 'AllowOverwrite on'
until_true stored
fsq ftpcluster list "$home"
for file in "$place"/originals/*; do
  same=$(find "$place"/node?/files -type f -name "*-${file##*/}" -exec cmp "$file" '{}' ';' -print)
  [ "$(echo "$same" | wc -l)" -eq 2 ]
done
say 'each has two copies, which are what was uploaded'

say 'a file is removed'
mv "$home/pub/one.txt" "$home/.deleted/"
until_true have one.txt 0
fsq ftpcluster status "$home"
