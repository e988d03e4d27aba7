#!/bin/bash
# journeys.sh - the sessions of docs/journey-*.md, as they stand there: in a folder that looks like a checkout after `make demo` (the kernel
# is the small one).
. "$(dirname "$0")/../lib.sh"
need_group cloud
mkdir "$work/bin" "$work/place" && cd "$work/place" || exit 2
ln -s "$top/scripts" "$top/bios" .
mkdir -p .cache/guests
ln -s "$GUESTS"/* .cache/guests/
ln -sf "$GUESTS/other/cloud/vmlinuz" .cache/guests/vmlinuz
ln -s "$BOOTREEL" "$work/bin/bootreel"
export PATH=$work/bin:$PATH BOOTREEL BOOTREEL_GUESTS=$GUESTS
unset DEBUGINFOD_URLS
for page in "$top"/docs/journey-*.md; do
    said=$(python3 "$top/tests/pages.py" "$page" 2>&1) || fail "$said"
done
finish
