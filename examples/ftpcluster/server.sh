#!/bin/sh
# server.sh DIRECTORY PORT FILES [LINE...]: an FTP server on loopback, until a signal ends it. Its
# configuration, with further LINEs, its log and its pid are in DIRECTORY; FILES is what it serves to the
# user cluster1, whose password is in DIRECTORY/../password.
set -eu
directory=$1 port=$2 files=$3
shift 3

user=$(id -un) group=$(id -gn)
mkdir -p "$directory" "$files"
if [ "$(id -u)" -eq 0 ]; then # Nobody who logs in is to be root.
  user=daemon group=daemon
  chown "$user" "$files"
  set -- 'DefaultRoot ~' "$@"
fi

crypted=$(perl -ne 'chomp; print crypt($_, q($6$ftpcluster$))' "$directory/../password")
umask 077
echo "cluster1:$crypted:$(id -u "$user"):$(id -g "$user")::$files:/bin/false" >"$directory/passwd"
cat >"$directory/conf" <<CONF
ServerName "${directory##*/}"
ServerType standalone
DefaultAddress 127.0.0.1
Port $port
SocketBindTight on # Otherwise it would listen everywhere.
UseIPv6 off
User $user
Group $group
AuthOrder mod_auth_file.c
AuthUserFile "$directory/passwd"
RequireValidShell off
UseReverseDNS off
DelayEngine off
Umask 022
ScoreboardFile none
WtmpLog off
TransferLog none
SystemLog "$directory/log"
PidFile "$directory/pid"
CONF
[ $# -eq 0 ] || printf '%s\n' "$@" >>"$directory/conf"

exec proftpd -n -c "$directory/conf" 2>>"$directory/log"
