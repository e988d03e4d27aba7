#!/bin/bash
# panic.sh - Debian's kernel without a root file system panics and stays there: the recording ends when the text of the panic is complete,
# and everything that tells about it says so.
. "$(dirname "$0")/../lib.sh"
need_guests
cd "$work" || exit 2

text='kernel panic: VFS: Unable to mount root fs on unknown-block\(0,0\)'
printf '%s\n' 'kernel k --kernel "'"$GUESTS/vmlinuz"'"' 'all --append console=ttyS0 --until 20s' >panic.matrix
expect 1 job "$BOOTREEL" matrix panic.matrix --run 1 -o jobs
holds job.err "^bootreel: k: $text; Linux has no root file system" "matrix --run"
holds jobs/k.junit.xml "failure message=\"$text; Linux has no root" "matrix: JUnit"
expect 1 table "$BOOTREEL" matrix panic.matrix --merge jobs
holds table.out "panic +[0-9,]+ +[0-9.]+ s  $text; Linux has no root file system: there is no root=" "matrix --merge"
mv jobs/k.reel panic.reel

"$BOOTREEL" info panic.reel >info
head -n 1 info | grep -Eq "^crashed +$text, at icount" || fail "info begins with $(head -n 1 info)"
holds info "^ended +panic: $text at icount" "info"
"$BOOTREEL" events --class console panic.reel | tail -n 1 >last
holds last '---\[ end Kernel panic - not syncing: VFS' "the text of the panic is complete"
every_way panic panic.reel

# Beside a boot that is stopped before it.
expect 0 before "$BOOTREEL" record -q --kernel "$GUESTS/vmlinuz" --append console=ttyS0 --until 100M -o before.reel
for form in text html junit json; do
    expect 1 "diff.$form" "$BOOTREEL" diff before.reel jobs/k.digest --format "$form"
    holds "diff.$form.out" "$text" "diff --format $form"
done
"$BOOTREEL" export --format html -q -o report.html panic.reel && holds report.html "$text" "the report"
finish
