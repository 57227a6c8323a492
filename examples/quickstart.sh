#!/bin/sh
# A day in the life of a queue, in a temporary root: install it, enqueue files of this repository, run
# a real program on each, and look at what became of them.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
fsq() { node "$here/dist/cli/fsq.cjs" "$@"; }
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
FSQ_ROOT=$work/queues
ARCHIVE=$work/archive
export FSQ_ROOT ARCHIVE
mkdir "$ARCHIVE"
cd "$here"

echo '# A queue is a directory; FSQ_ROOT says where queues live.'
show fsq install archive

echo
echo '# An item is a body and arguments: here a file, and the name to archive it under.'
for file in README.md LICENSE package.json package-lock.json lib/index.ts; do
  show fsq enqueue -f "$file" archive "$file"
done
show fsq enqueue -e archive 'an empty file.txt'
show fsq ls -l archive

echo
echo '# The program compresses its stdin. It exits 111 while there is no volume for large files, and'
echo '# 100 for an empty one, which no later try will change. Three tries for each item.'
show fsq scan -v -m 3 archive sh examples/archive.sh

echo
echo '# One item is still in the queue, with one try spent. The volume arrives, and cron scans again.'
show mkdir "$ARCHIVE/large"
show fsq scan -v -m 3 archive sh examples/archive.sh

echo
echo '# What happened to each:'
for state in done fail queue; do
  printf '%s/\n' "$state"
  fsq ls --json --state "$state" archive | node -e '
    const lines = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean)
    for (const { id, arguments: [name], tries } of lines.map(JSON.parse)) {
      const why = { done: "archived", fail: "failed for good", queue: "waits" }[process.argv[1]]
      console.log(`  ${id}\n    ${name}: ${why}, after ${tries} temporary failures`)
    }' "$state"
done
echo "archive/"
find "$ARCHIVE" -type f -exec wc -c {} + | sed "s|$ARCHIVE|  archive|"
