#!/bin/sh
# Run for each item: the image on stdin becomes $THUMBNAILS/NAME.jpg, at most 320 x 320, upright and
# without metadata: thumbnail.sh NAME. Exit 0: done. 100: never. 111: not now.
set -u
later() { exit 111; }
never() {
  echo "$1" >&2
  exit 100
}

case $1 in *[!A-Za-z0-9._-]* | .* | '') never "$1: not a plain name" ;; esac
for convert in magick convert; do
  command -v $convert >/dev/null && break
done
work=$(mktemp -d "$THUMBNAILS/.new-XXXXXX") || later
trap 'rm -rf "$work"' EXIT
cat >"$work/image" || later

# ImageMagick takes scripts and URLs for images as well. What strangers send is told its format.
case $(od -An -tx1 -N12 "$work/image" | tr -d ' \n') in
  ffd8ff*) format=jpeg ;;
  89504e470d0a1a0a*) format=png ;;
  474946383[79]61*) format=gif ;;
  52494646????????57454250) format=webp ;;
  *) never "$1: neither JPEG, PNG, GIF nor WebP" ;;
esac

"$convert" -limit memory 256MiB -limit map 512MiB -limit time 60 "$format:$work/image[0]" -auto-orient \
  -thumbnail '320x320>' -background white -flatten -strip -quality 82 "jpeg:$work/thumbnail" ||
  later # A full disk, perhaps. An image that is broken fails as often as fsq scan -m says.
mv "$work/thumbnail" "$THUMBNAILS/$1.jpg" || later # At once: nobody sees a part of it.
