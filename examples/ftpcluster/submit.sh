#!/bin/sh
# submit.sh HOME KNOWN: submits a job `upload` for each file that came into the FTP space of a cluster, as its
# FTP server does: a line at the end of a queue file. KNOWN is a file with the lines of what waits already.
# Left alone are link files, names that begin with a dot, and files that somebody has open to write to.
set -eu
export LC_ALL=C
cd -P "$1"
known=$2

touch "$known"
{
  find . -name '.?*' -prune -o -name '*[[:cntrl:]]*' -prune -o -type f -printf 'file %u %s %T@ %P\n'
  # After the files: one that is not open any more is as large as it gets, or its job is not valid.
  find /proc/[0-9]*/fd -type l -perm -200 -printf 'open %l\n' 2>/dev/null || :
} | awk '
  BEGIN { for (i = 1; i < 256; i++) escape[sprintf("%c", i)] = sprintf("%%%02X", i) }
  function encoded(name, word, i, c) {
    for (i = 1; i <= length(name); i++) {
      c = substr(name, i, 1)
      word = word (c ~ /[A-Za-z0-9._~\/-]/ ? c : escape[c])
    }
    return word
  }
  function is_link(path, first, second) {
    getline first <path
    getline second <path
    close(path)
    return first ~ /^[^ ]+ [0-9]+ [^ ]+ [0-9]+$/ && second ~ /^server /
  }
  /^file / {
    name = substr($0, length($1 $2 $3 $4) + 5)
    if ($3 > 65536 || !is_link("./" name)) job[name] = "upload " encoded(name) " " $2 " " $3 " " int($4)
  }
  /^open / { delete job[substr($0, length(ENVIRON["PWD"]) + 7)] }
  END { for (name in job) print job[name] }
' | sort >"$known.now"

comm -13 "$known" "$known.now" >"$known.new"
[ ! -s "$known.new" ] || cat "$known.new" >>".queue/uploads-$(date +%y%m%d-%H%M%S)-$$.q"
mv "$known.now" "$known"
