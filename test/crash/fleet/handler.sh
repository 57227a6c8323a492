#!/bin/sh
# Works on the item that a scan gives it on stdin, and that FSQ_ITEM_ID names, as worker.mjs does.
set -u
unset LD_PRELOAD # Whatever the clock of who started us.
sha=$(sha256sum)
sha=${sha%% *}
by="$FLEET_NAME/$$"
id=$FSQ_ITEM_ID
record() { printf '\n%s' "$1" >>"$FLEET_LOG"; }
record "{\"at\":\"begin\",\"sha256\":\"$sha\",\"id\":\"$id\",\"by\":\"$by\"}"
case $sha in [4-6]*) sleep "$FLEET_PAUSE" ;; esac
operation=done status=0
tries=$(echo "$id" | cut -d _ -f 6)
case $tries/$sha in
0/[0-3]*) operation=retry status=111 ;;
*/4*) operation=fail status=100 ;;
esac
record "{\"at\":\"end\",\"sha256\":\"$sha\",\"by\":\"$by\",\"operation\":\"$operation\"}"
exit $status
