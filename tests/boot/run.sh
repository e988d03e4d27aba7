#!/bin/bash
# run.sh - bootreel run with Debian's kernel: the exit status, the command's output, what it writes, two runs that are equal, a replay without the
# tree. No kernel is needed for what is refused (tests/cli/run.sh).
. "$(dirname "$0")/../lib.sh"
need_guests
kernel=$GUESTS/root/boot/vmlinuz-$(ls "$GUESTS/root/lib/modules" | head -n 1)
mkdir -p "$work/place/out" "$work/place/tree/sub" && cd "$work/place" || exit 2
echo kept >out/file
echo inside >tree/sub/file
ln -s sub/file tree/link
mkfifo tree/fifo
cat >job <<'END'
pwd
cat out/file tree/link
echo written >out/file
mkdir out/new && seq 1000 >out/new/numbers
ls tree
timeout 1 cat tree/fifo; echo "fifo $?"
mv tree/sub tree/moved && cat tree/moved/file && rm -r tree/moved && ls tree
cat /etc/hostname >/dev/null && touch /etc/made-by-the-guest && ls /etc/made-by-the-guest
[ -z "$(ls /proc/self/fd 2>/dev/null)" ] || echo proc
echo to-stderr >&2
printf 'bytes\r\n\001'
exit 3
END

expect 3 a "$BOOTREEL" run -q --kernel "$kernel" --rw out -o a.reel -- sh job
printf '%s\n' "$PWD" kept inside fifo link sub 'fifo 124' inside fifo link /etc/made-by-the-guest proc >want
printf 'bytes\r\n\001' >>want
same want "$work/a.out" "what the command prints"
holds "$work/a.err" '^to-stderr$' "its standard error"
[ ! -e /etc/made-by-the-guest ] && [ "$(cat out/file)" = kept ] && [ -e tree/sub/file ] || fail "the host was changed"

# The same again: nothing of the host is in it but what the guest saw.
expect 3 b "$BOOTREEL" run -q --kernel "$kernel" --rw out -o b.reel -- sh job
same a.reel b.reel "two runs over the same files"

mkdir ../elsewhere && mv out tree ../elsewhere/
expect 0 verify "$BOOTREEL" replay --verify --console=none a.reel
expect 0 get "$BOOTREEL" files a.reel --get "$PWD/out/new/numbers" -o numbers
seq 1000 | cmp -s - numbers || fail "files --get: other bytes"
expect 0 get "$BOOTREEL" files a.reel --get "rw1:file"
[ "$(cat "$work/get.out")" = written ] || fail "files --get by the tag: $(cat "$work/get.out")"
expect 2 get "$BOOTREEL" files a.reel --get "$PWD/out/none" -o none
holds "$work/get.err" 'out/none: the guest has neither read nor made such a file' "a file that is not there"
[ ! -e none ] || fail "files --get has made a file for nothing"
expect 0 info "$BOOTREEL" info a.reel
holds "$work/info.out" 'share0 .*: a folder of the host, of which [0-9,]+ bytes are in the trace' "info"
expect 0 info "$BOOTREEL" info --format json a.reel
holds "$work/info.out" '"folder": ?true' "info as JSON"

# A command that goes well in a boot that did not, and a guest that ends before its command.
expect 1 warned "$BOOTREEL" run -q --kernel "$kernel" -o warned.reel -- 'echo WARN >/dev/null; echo c >/proc/sysrq-trigger'
holds <("$BOOTREEL" why warned.reel) 'panic' "why of a panic"
expect 127 none "$BOOTREEL" run -q --kernel "$kernel" -o none.reel -- no-such-command
holds "$work/none.err" 'cannot run no-such-command' "a command that is not there"

# A call that was to fail and was not made: status 1, unless the command's own says more.
expect 1 unmade "$BOOTREEL" run -q --kernel "$kernel" --vary errors=call,no_such,n=1 -o unmade.reel -- true
holds "$work/unmade.err" 'errors=call,no_such: no function of that name was found' "run names a call that was not made"
expect 5 unmade5 "$BOOTREEL" run -q --kernel "$kernel" --vary errors=call,no_such,n=1 -o unmade.reel -- sh -c 'exit 5'
holds "$work/unmade5.err" 'errors=call,no_such' "... and with the status of a command that failed"
finish
