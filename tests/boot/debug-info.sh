#!/bin/bash
# debug-info.sh - debug information of what ran: boot-bt of a program with its lines and inlined functions, a stripped one by its file, code that
# a program generated; and, with Debian's package of the kernel's debug information (scripts/guests debug), of the kernel: why, profile.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
need_guests
kernel=$GUESTS/other/cloud/vmlinuz
[ -f "$kernel" ] || kernel=$GUESTS/vmlinuz
mkdir -p "$work"/root/{proc,dev,lib64,lib/x86_64-linux-gnu} "$work/mine" "$work/other"
build() { gcc -g -O2 -Wl,--build-id "$@" || fail "init.c is not built"; }
build -o "$work/full" tests/guests/debug/init.c
build -DOTHER=1 -Wl,--build-id=0x1234567890abcdef1234567890abcdef12345678 -o "$work/other/init.debug" tests/guests/debug/init.c
objcopy --only-keep-debug "$work/full" "$work/mine/init.debug"
strip -o "$work/root/init" "$work/full"
cp -L /lib64/ld-linux-x86-64.so.2 "$work/root/lib64" && cp -L /lib/x86_64-linux-gnu/libc.so.6 "$work/root/lib/x86_64-linux-gnu"
cp "$GUESTS"/other/cloud/root/lib/modules/*/kernel/drivers/net/dummy.ko "$work/root" 2>/dev/null
(cd "$work/root" && find . | sort | cpio --quiet -o -H newc --reproducible -R 0:0) | gzip -n >"$work/initrd.gz"
# The same with its debug information in a file beside it (.dwo).
mkdir "$work/split" && build -gsplit-dwarf -Wl,--build-id=0x"$(readelf -n "$work/full" | sed -n 's/.*Build ID: //p')" -o "$work/split/init.debug" tests/guests/debug/init.c
cd "$work" || exit 2
expect 1 record "$BOOTREEL" record --kernel "$kernel" --initrd initrd.gz --append 'console=ttyS0 quiet' --until 20s --console -q -o a.reel
holds record.out '^sorted: a' "the guest"

# While recording: the stripped program's functions can be probed, and a verification needs no file.
expect 1 named "$BOOTREEL" record --kernel "$kernel" --initrd initrd.gz --append 'console=ttyS0 quiet' --until 20s --debug-info mine --probe compare -q -o named.reel
expect 0 calls "$BOOTREEL" find named.reel --exec compare --count
holds calls.out '^[1-9]' "a stripped program's function"
mv mine elsewhere
expect 0 named-verify "$BOOTREEL" replay --verify --jobs 1 --console=none named.reel
mv elsewhere mine
expect 2 nowhere "$BOOTREEL" record --kernel "$kernel" --debug-info nowhere -o x.reel
holds nowhere.err '^bootreel: --debug-info: nowhere: No such file or directory$' "a folder that is not there"

backtrace() { # NAME POSITION OPTION...
    gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open a.reel ${*:3}" -ex "boot-seek $2" -ex 'boot-bt' >"$1.bt"
}
backtrace none console:comparing
holds none.bt ' in \[init\]\+0x[0-9a-f]+$' "a stripped program: its file"
holds none.bt ' in \[libc\.so\.6\]\+0x[0-9a-f]+$' "a stripped library: its file"
holds none.bt ' in __libc_start_main\+0x[0-9a-f]+ \[libc.so.6\]' "what the library exports"
backtrace mine console:comparing --debug-info mine
holds mine.bt ' in order \(inlined\) at [^ ]*tests/guests/debug/init.c:22$' "an inlined function, where it calls"
holds mine.bt ' in compare\+0x[0-9a-f]+ \[init\] at [^ ]*init.c:28$' "what it is inlined in, where"
holds mine.bt ' in main\+0x[0-9a-f]+ \[init\] at [^ ]*init.c:50$' "the caller of the C library"
backtrace split console:comparing --debug-info split
holds split.bt ' in order \(inlined\) at [^ ]*tests/guests/debug/init.c:22$' "an inlined function from a .dwo file"
# Without the .dwo file, with a package of it that elfutils before 0.191 does not read.
rm "$work"/split/*.dwo
: >"$work/split/init.debug.dwp"
backtrace packed console:comparing --debug-info split
holds packed.bt ' in compare\+0x[0-9a-f]+ \[init\] at [^ ]*init.c:22$' "lines without a .dwo file"
holds packed.bt '^split/init.debug.dwp: this program.s elfutils \(.*\) cannot read such a package|^split/init.debug: its .dwo files are not' "what is missing is said"
backtrace mapped console:comparing --debug-info mine --source "$top=/elsewhere" --source tests/guests=/elsewhere/tests/guests
holds mapped.bt ' at /elsewhere/tests/guests/debug/init.c:50$' "a mapped source path"
backtrace other console:comparing --debug-info other
holds other.bt ' in \[init\]\+0x[0-9a-f]+$' "another build is not used"
"$BOOTREEL" events a.reel --class console >events.out
generated=$(awk '/generated code$/ { print $2; exit }' events.out)
backtrace generated "$((generated + 700000))"
holds generated.bt ' in \[code that the program generated\]\+0x[0-9a-f]' "generated code"

# A server of our own has the file: elfutils' debuginfod.
if command -v debuginfod >/dev/null; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    debuginfod -d "$work/server.db" -p "$port" -F "$work/mine" >server.log 2>&1 &
    server=$!
    id=$(readelf -n full | sed -n 's/.*Build ID: //p')
    for ((i = 0; i < 100; i++)); do wget -q -O /dev/null "http://127.0.0.1:$port/buildid/$id/debuginfo" && break || sleep 0.2; done
    export DEBUGINFOD_URLS=http://127.0.0.1:$port DEBUGINFOD_CACHE_PATH=$work/fetched
    backtrace server console:comparing --debug-info debuginfod
    kill "$server"
    unset DEBUGINFOD_URLS DEBUGINFOD_CACHE_PATH
    holds server.bt ' in main\+0x[0-9a-f]+ \[init\] at [^ ]*init.c:50$' "debug information from a server"
else
    skip "debuginfod" "the package debuginfod is not installed"
fi

# A program that was linked statically, stripped, is at its own addresses and has no sorted table of its call frames.
build -static -O1 -o static "$top"/tests/guests/debug/static.c
mkdir -p still/dev && strip -o still/init static && (cd still && find . | sort | cpio --quiet -o -H newc --reproducible -R 0:0) | gzip -n >still.gz
"$BOOTREEL" record --kernel "$kernel" --initrd still.gz --append 'console=ttyS0 quiet' --until 'console:deep inside' -q -o still.reel </dev/null >/dev/null 2>&1
still() { gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open still.reel ${*:2}" -ex 'boot-seek 100%' -ex 'boot-bt' >"$1.bt"; }
still still
[ "$(grep -c ' in \[init\]+0x' still.bt)" -ge 4 ] || fail "the frames of a static program: $(cat still.bt)"
still static --debug-info static
holds static.bt ' in innermost\+0x[0-9a-f]+ \[init\] at [^ ]*static.c:[89]$' "where it writes"
holds static.bt ' in inlined \(inlined\) at [^ ]*static.c:13$' "an inlined function"
holds static.bt ' in main\+0x[0-9a-f]+ \[init\] at [^ ]*static.c:26$' "a call that does not return, at the end of its function"

expect 2 missing "$BOOTREEL" why a.reel --debug-info nowhere
holds missing.err '^bootreel: --debug-info: nowhere: No such file' "a folder that is not there"
expect 2 no-dwarf "$BOOTREEL" why a.reel --debug-info root/init
holds no-dwarf.err 'root/init: has no debug information' "a file without"
expect 1 empty "$BOOTREEL" why a.reel --debug-info other
holds empty.err '^bootreel: kernel: there is no debug information with its build-id [0-9a-f]{40}$' "no file for the kernel"
expect 1 unused "$BOOTREEL" why a.reel --debug-info full
holds unused.err "full: nothing that ran has its build-id|full: no kernel" "a file that is not needed"

debug=$GUESTS/debug/usr/lib/debug
if [ -d "$debug" ] && [ "$kernel" = "$GUESTS/other/cloud/vmlinuz" ]; then
    expect 1 why "$BOOTREEL" why a.reel --debug-info "$debug"
    tr -s '\n ' '  ' <why.out >why.line
    holds why.line 'vfs_write\+0x[0-9a-f]+ at fs/read_write.c:[0-9]+' "lines of the kernel"
    holds why.line '\(do_syscall_x64 at arch/x86/entry/common.c:[0-9]+, inlined\)' "inlined functions of the kernel"
    expect 0 profile "$BOOTREEL" profile -q a.reel --symbols 0 --debug-info "$debug"
    holds profile.out ' test_and_clear_bit|string_nocheck \[kernel\]  ' "inlined functions in a profile"
    # The example of docs/gdb.md, as it stands.
    ln -s a.reel boot.reel && mkdir debug && ln -s "$debug" debug/kernel && cp full debug/init.debug
    awk '/An example, with Debian/ { on = 1 } /^- The first time gdb/ { on = 0 } on && sub(/^    \(gdb\) /, "")' "$top/docs/gdb.md" >example.gdb
    gdb_run -iex "set index-cache directory $GUESTS/gdb-index" -ex "source $top/scripts/gdb/bootreel.py" -x example.gdb >example.bt
    holds example.bt '^Breakpoint 1, dummy_setup \(dev=.* at drivers/net/dummy.c:119' "a breakpoint at a line of a module"
    holds example.bt '^#2 .* in dummy_init_one \(\) at drivers/net/dummy.c:[0-9]+' "an inlined frame in a module"
    holds example.bt '^\$1 = 4098' "an argument's member"
    holds example.bt '^ether_setup \(dev=.* at net/ethernet/eth.c:[0-9]+' "who wrote it"
    holds example.bt '^Breakpoint [0-9], (compare|order) \(a=0x[0-9a-f]+, b=0x[0-9a-f]+\) at .*init.c:' "a breakpoint in a program"
    holds example.bt '^\$2 = \{key = [1-5], name = 0x[0-9a-f]+ "[a-e]"\}' "a variable of its main()"
else
    skip "the kernel's debug information" "scripts/guests .cache/guests debug"
fi
finish
