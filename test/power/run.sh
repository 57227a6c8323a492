#!/bin/sh
# Runs the tests of this directory with mounts, processes and a /dev/shm of their own, so that nothing
# is left behind, whatever ends them: no mount, no loop device, no process, no file. Where that is not
# allowed, the tests say that they are skipped.
set -- tap --disable-coverage --timeout=3600 --jobs=1 "$@" test/power/*.power.ts

if [ "$(id -u)" -eq 0 ] && unshare --mount --pid --fork true; then
  # The shell is the first process there: when it ends, or who started us does, all others do too.
  export POWER_PRIVATE=yes
  exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
    sh -c 'mount -t tmpfs tmpfs /dev/shm && "$@"; exit $?' sh "$@"
fi
exec "$@"
