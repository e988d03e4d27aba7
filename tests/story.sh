# story.sh - what the inspector tells of a Linux boot, against what the guest says of itself (tests/guests/init-story): initcalls,
# processes, symbols, modules, boot parameters, milestones. Sourced after lib.sh.
#
#   story_modules   how many modules the guest loads (default 2)
#   story_machine   options for its machine (default none)
#   story_initcalls, story_least   at least so many initcalls and processes there must be (400, 30)
#   story_untyped   not empty: a 64-bit kernel without type information
story_modules=2
story_machine=()
story_initcalls=400
story_least=30
story_untyped=

# told NAME RECORD-OPTION...: records; NAME.truth is what the guest said, NAME.events what we say.
told() {
    local name=$1 reel=$work/$1.reel
    shift
    "$BOOTREEL" record "$@" -o "$reel" --console -q --until 120s >"$work/$name.console" 2>"$work/$name.err" </dev/null ||
        fail "$name: record exits with $?: $(tail -n 1 "$work/$name.err")"
    heard "$name"
}

heard() { # NAME
    tr -d '\r' <"$work/$1.console" | sed -n 's/^truth: //p' >"$work/$1.truth"
    # Where there are several guests, each event names its own.
    "$BOOTREEL" events --class kernel,process,device "$work/$1.reel" | sed -E 's/ guest [0-9]+: / /' >"$work/$1.events"
    grep -q '^end$' "$work/$1.truth" || fail "$1: the guest did not get to its end"
}

# A kernel of 32 bits: its addresses tell.
narrow() { grep -qE 'kernel\.found .*; text at 0x[0-9a-f]{8},' "$work/$1.events"; } # NAME

# Without type information, as Debian's kernels of 32 bits.
untyped() { [ -n "$story_untyped" ] || narrow "$1"; } # NAME

# ours NAME KIND: the words of the events of a kind.
ours() { awk -v kind="$2" '$4 == kind { sub(/^ *[0-9]+ +[0-9]+ +[0-9.]+ +[^ ]+ +/, ""); print }' "$work/$1.events"; }

# Lines "NAME result duration-in-ns", and the guest's "NAME result duration-in-us".
our_initcalls() { ours "$1" kernel.initcall-done | sed -E 's/^initcall (.*), level [0-9]+, returned (-?[0-9]+) after ([0-9]+) ns$/\1|\2|\3/'; }
# A kernel with link-time optimization logs the names of stubs, which have those of the initcalls in them.
guest_initcalls() {
    sed -nE -e 's/__initstub__kmod_.*__[0-9]+_[0-9]+_([^ ]*)(early|rootfs|con|[0-7]s?)\+/\1+/' \
        -e 's/^initcall ([^ ]+)\+0x[0-9a-f]+\/0x[0-9a-f]+( \[[^]]*\])? returned (-?[0-9]+) .*after ([0-9]+) usecs.*/\1\2|\3|\4/p' "$work/$1.truth"
}

# Durations: until clocksources are there the guest counts jiffies. Before Linux 5.11 its microseconds are of 1024 ns. On a preemptible
# kernel something else may run between the initcall and the guest's look at the clock: `allowed` so often.
initcalls() { # NAME ALLOWED
    our_initcalls "$1" >"$work/$1.initcalls"
    guest_initcalls "$1" >"$work/$1.wanted"
    # Without tracepoints it does not log the initcalls of consoles, which come first: con_init, univ8250_console_init.
    if ! head -n 2 "$work/$1.wanted" | grep -q con_init; then
        sed -E -i '1,2{/con(sole)?_init(con)?\|/d}' "$work/$1.initcalls"
    fi
    [ "$(wc -l <"$work/$1.wanted")" -gt $story_initcalls ] || fail "$1: only $(wc -l <"$work/$1.wanted") initcalls in the guest's log"
    cut -d'|' -f1,2 "$work/$1.initcalls" >"$work/$1.a"
    cut -d'|' -f1,2 "$work/$1.wanted" >"$work/$1.b"
    cmp -s "$work/$1.a" "$work/$1.b" || fail "$1: initcalls differ: $(diff "$work/$1.a" "$work/$1.b" | head -n 3 | tr '\n' ' ')"
    paste -d'|' "$work/$1.initcalls" "$work/$1.wanted" | awk -F'|' -v name="$1" -v allowed="$2" '
        function off(unit, d) { d = $3 / unit - $6; return d < 0 ? -d : d }
        {
            slack = exact ? 2 : 4100
            if ($6 / 100 > slack) slack = $6 / 100
            if (off(1000) > slack && off(1024) > slack && ++bad > allowed) print name ": " $1 " took " $3 " ns, the guest says " $6 " us"
            if ($1 == "clocksource_done_booting") exact = 1
        }' >"$work/$1.slow"
    [ ! -s "$work/$1.slow" ] || fail "$(head -n 3 "$work/$1.slow")"
    [ "$(ours "$1" kernel.initcall | wc -l)" = "$(our_initcalls "$1" | wc -l)" ] || fail "$1: initcalls that do not return"
    echo "$1: $(wc -l <"$work/$1.initcalls") initcalls"
}

# Those that live when the guest looks, with their parents and names; how many were ever made; how they ended.
processes() { # NAME
    local reel=$work/$1.reel at
    # While the guest's cat prints its list: before it exits.
    at=$(awk '$4 == "process.exec" && / cat \/proc\/1\/stat/ { pid = $5 } pid && $4 == "process.exit" && $5 == pid { printf "%.0f", $2 - 1; exit }' "$work/$1.events")
    "$BOOTREEL" processes --at "$at" --format json "$reel" |
        awk '/"pid":/ { pid = $2 } /"parent":/ { parent = $2 } /"name":/ { sub(/^ *"name": "/, ""); sub(/",$/, ""); name = $0 } /"code":/ { print pid + 0 "|" parent + 0 "|" name }' |
        sort -t'|' -k1,1 >"$work/$1.a"
    # Zombies (Z) have exited. The name in stat is longer for kernel threads: only what a comm holds is compared.
    sed -nE 's/^stat ([0-9]+) \((.*)\) [A-Y] ([0-9]+) .*/\1|\3|\2/p' "$work/$1.truth" | sort -t'|' -k1,1 >"$work/$1.b"
    [ "$(wc -l <"$work/$1.b")" -gt $story_least ] || fail "$1: only $(wc -l <"$work/$1.b") processes in the guest's list"
    join -t'|' -j1 "$work/$1.a" "$work/$1.b" | awk -F'|' -v name="$1" '
        $2 != $4 || (substr($5, 1, 15) != $3 && index($5, $3) != 1) { print name ": process " $0 }' >"$work/$1.odd"
    [ ! -s "$work/$1.odd" ] || fail "$(head -n 3 "$work/$1.odd")"
    # One that cat has seen may have exited before cat does.
    awk -v at="$at" '$4 == "process.exec" && / cat \/proc\/1\/stat/ { cat = 1 } cat && $4 == "process.exit" && $2 <= at { print $5 }' "$work/$1.events" >"$work/$1.gone"
    comm -3 <(cut -d'|' -f1 "$work/$1.a" | sort) <(cut -d'|' -f1 "$work/$1.b" | grep -vxFf "$work/$1.gone" | sort) >"$work/$1.odd"
    [ ! -s "$work/$1.odd" ] || fail "$1: processes only in one list: $(tr '\n' ' ' <"$work/$1.odd")"
    local counted made
    counted=$(sed -n 's/^count processes //p' "$work/$1.truth")
    at=$(awk '$4 == "process.exec" && / sed .*count/ { print $2 }' "$work/$1.events" | head -n 1)
    made=$(awk -v at="$at" '$4 == "process.create" && $2 <= at' "$work/$1.events" | wc -l)
    [ "$made" -ge "$counted" ] && [ "$made" -le $((counted + 1)) ] || fail "$1: $made processes created, the guest counts $counted"
    ours "$1" process.exec >"$work/$1.exec"
    for line in 'executes /init /bin/sh /init' "executes /bin/story story 'two words' 'it'\\\\''s'" 'executes /bin/story story threads'; do
        grep -qF -- "$(printf "$line")" "$work/$1.exec" || grep -qF -- "$line" "$work/$1.exec" || fail "$1: nobody $line"
    done
    ours "$1" process.exit >"$work/$1.exit"
    holds "$work/$1.exit" '\(story\) exits, code 0x700$' "$1: exits"
    holds "$work/$1.exit" '\(sh\) exits, code 0x300$' "$1: exits"
    holds "$work/$1.exit" '\(sh\) exits, code 0x9$' "$1: exits"
    # Its threads, by their own numbers.
    tr -d '\r' <"$work/$1.console" | sed -nE 's/^story: thread ([0-9]+) of ([0-9]+)$/created \1 (story), group \2,/p' >"$work/$1.threads"
    # Without futexes (a tiny kernel) a program ends where it has to wait for one.
    least=2
    ! grep -q 'futex facility returned an unexpected error' "$work/$1.console" || least=1
    [ "$(wc -l <"$work/$1.threads")" -ge $least ] || fail "$1: no threads in the guest's story"
    while read -r line; do
        grep -qF "$line" "$work/$1.events" || fail "$1: not $line"
    done <"$work/$1.threads"
    echo "$1: $made processes"
}

# A sample of /proc/kallsyms, all symbols of a module, and of a program.
symbols() { # NAME
    local reel=$work/$1.reel at pid
    at=$(awk '$4 == "process.exec" && / poweroff -f/ { print $2 }' "$work/$1.events" | tail -n 1)
    "$BOOTREEL" symbols --all --at "$at" "$reel" | awk '{ print $1, $4, $5 }' | sort -u >"$work/$1.a"
    sed -E 's/^symbol ([0-9a-f]{8}) /symbol 00000000\1 /' "$work/$1.truth" | sed -nE 's/^symbol ([0-9a-f]{16}) [a-zA-Z] ([^ \t]+)$/\1 \2 [kernel]/p; s/^symbol ([0-9a-f]{16}) [a-zA-Z] ([^ \t]+)[ \t]+(\[dummy\])$/\1 \2 \3/p' |
        sort -u >"$work/$1.b"
    [ "$(grep -c 'kernel\]' "$work/$1.b")" -ge 100 ] || fail "$1: only $(wc -l <"$work/$1.b") symbols in the guest's sample"
    [ "$story_modules" = 0 ] || [ "$(grep -c 'dummy\]' "$work/$1.b")" -ge 5 ] || fail "$1: no symbols of the module in the guest's sample"
    comm -13 "$work/$1.a" "$work/$1.b" >"$work/$1.odd"
    [ ! -s "$work/$1.odd" ] || fail "$1: symbols that we do not have: $(head -n 3 "$work/$1.odd" | tr '\n' ' ')"
    echo "$1: $(wc -l <"$work/$1.b") symbols"
    untyped "$1" || program_symbols "$1"
}

# guest: empty, or the number of the guest that Linux is, with a colon.
program_symbols() { # NAME
    local reel=$work/$1.reel at pid name address
    at=$(awk '$4 == "process.exec" && /executes \/bin\/story story threads/ { print $2 }' "$work/$1.events")
    pid=$(awk '$4 == "process.exec" && /executes \/bin\/story story threads/ { print $5 }' "$work/$1.events")
    tr -d '\r' <"$work/$1.console" | grep '^story: ' | awk -v pid="$pid" '$2 == "pid" { now = $3 } $2 == "symbol" && now == pid { print $3, $4 }' >"$work/$1.program"
    [ "$(wc -l <"$work/$1.program")" = 3 ] || fail "$1: no symbols in the story of $pid"
    while read -r name address; do
        "$BOOTREEL" symbols --at $((at + 100)) --pid "${guest:-}$pid" "$reel" "$name" | grep -q "^0*${address#0x} .* $name \[/bin/story\]" || fail "$1: $name of the program is not at $address"
    done <"$work/$1.program"
}

modules() { # NAME
    local name size line
    sed -nE 's/^module ([^ ]+) [0-9]+ .* (0x[0-9a-f]+)( .*)?$/module \1 at \2,/p' "$work/$1.truth" >"$work/$1.a"
    [ "$(wc -l <"$work/$1.a")" = "$story_modules" ] || fail "$1: no modules in the guest's story"
    while read -r line; do
        ours "$1" kernel.module | grep -qF "$line" || fail "$1: no $line"
    done <"$work/$1.a"
    sed -nE 's/^section ([^ ]+ [^ ]+) 0x0*([0-9a-f]+)$/section \1 at 0x\2/p' "$work/$1.truth" | sort -u >"$work/$1.a"
    ours "$1" kernel.module-section | sort -u >"$work/$1.b"
    same "$work/$1.a" "$work/$1.b" "$1: sections of modules"
    # From a file, or (insmod of an old kernel) from memory; the kernel's own key has signed those of Debian.
    sed -nE 's/^size ([^ ]+) ([0-9]+)$/\1 \2/p' "$work/$1.truth" >"$work/$1.a"
    while read -r name size; do
        ours "$1" kernel.module-load | grep -qE "^loads module $name( /lib/$name.ko)?, $size bytes$" || fail "$1: the module $name is not loaded"
        ours "$1" kernel.module-done | grep -qE "^module $name: 0 after [0-9]+ ns, signature [0-2]$" || fail "$1: the loading of $name has no end"
    done <"$work/$1.a"
    [ "$story_modules" = 0 ] || ours "$1" kernel.module-unload | grep -q 'nls_utf8 removed' || fail "$1: the module's end"
}

# The kernel's initcall_debug tells of probes, too: up to 5.14 its result is 1 if the driver has the device and 0 if not, then it is positive for
# errors. Until clocksources are there it counts jiffies. A number of a uevent is the kernel's; the last of them is what the guest has read, or (others follow) one more.
devices() { # NAME ALLOWED
    ours "$1" device.probe-done | sed -E 's/^probed .* ([^ ]+): (-?[0-9]+) after ([0-9]+) ns$/\1|\2|\3/' >"$work/$1.a"
    sed -nE 's/^probe of ([^ ]+) returned (-?[0-9]+) after ([0-9]+) usecs$/\1|\2|\3/p' "$work/$1.truth" >"$work/$1.b"
    # The log of 7.3 does not tell of probes.
    [ -s "$work/$1.b" ] || case $1 in 7.[3-9]*) cp "$work/$1.a" "$work/$1.b" ;; *) fail "$1: no probes in the guest's log" ;; esac
    cut -d'|' -f1 "$work/$1.a" >"$work/$1.names"
    cut -d'|' -f1 "$work/$1.b" | cmp -s "$work/$1.names" - || fail "$1: probes differ: $(diff "$work/$1.a" "$work/$1.b" | head -n 3 | tr '\n' ' ')"
    cmp -s "$work/$1.a" "$work/$1.b" || paste -d'|' "$work/$1.a" "$work/$1.b" | awk -F'|' -v name="$1" -v allowed="$2" '
        { d = $3 / 1000 - $6; if (d < 0) d = -d; slack = $6 % 1000 == 0 ? 4100 : $6 / 100 > 2 ? $6 / 100 : 2 }
        d > slack && ++bad > allowed { print name ": the probe of " $1 " took " $3 " ns, the guest says " $6 " us" }
        !($2 == -$5 || $2 == $5 || ($2 == 0 && $5 == 1) || ($2 != 0 && $5 == 0)) { print name ": the probe of " $1 " returned " $2 ", the guest says " $5 }' >"$work/$1.odd"
    [ ! -s "$work/$1.odd" ] || fail "$(head -n 3 "$work/$1.odd")"
    ours "$1" device.uevent | sed -nE 's/^[a-z]+ \/.*, number ([0-9]+)$/\1/p' >"$work/$1.numbers"
    awk '$1 != NR { bad = 1 } END { exit bad || !NR }' "$work/$1.numbers" || fail "$1: the numbers of uevents have gaps"
    [ "$(sed -n 's/^uevents //p' "$work/$1.truth")" = "$(wc -l <"$work/$1.numbers")" ] || fail "$1: $(wc -l <"$work/$1.numbers") uevents, the guest counts $(sed -n 's/^uevents //p' "$work/$1.truth")"
    ours "$1" kernel.initramfs | grep -qxE "unpacks initramfs \(initrd\), $(ours "$1" kernel.initrd | sed -E 's/.*, ([0-9]+) bytes$/\1/') bytes at 0x[0-9a-f]+" || fail "$1: the initramfs is not unpacked"
    ours "$1" kernel.initramfs-done | grep -qxE 'initramfs \(initrd\) unpacked after [0-9]+ ns' || fail "$1: unpacking has no end"
    echo "$1: $(wc -l <"$work/$1.b") probes, $(wc -l <"$work/$1.numbers") uevents"
}

append="console=ttyS0 quiet initcall_debug log_buf_len=2M"

# boot NAME KERNEL INITRD APPEND [EVENTS]
boot() { told "$1" "${story_machine[@]}" --kernel "$2" --initrd "$3" --append "$4" --events "${5:-default}"; }

parameters() { # NAME APPEND
    ours "$1" kernel.command-line | grep -qxF "command line: $2" || fail "$1: command line"
    grep -qxF "cmdline $2" "$work/$1.truth" || fail "$1: the guest's command line"
    ours "$1" kernel.e820 | awk '{ printf "%s|%s|", $2, $4; $1 = $2 = $3 = $4 = ""; sub(/^ */, ""); print }' | while IFS='|' read -r begin size type; do
        printf 'BIOS-e820: [mem 0x%016x-0x%016x] %s\n' "$begin" $((begin + size - 1)) "$type"
    done >"$work/$1.a"
    # Since 7.0 with gaps, and other words for the types.
    sed -nE '/^BIOS-e820: \[gap/d; s/\]  System RAM$/] usable/; s/\]  device reserved$/] reserved/; /^BIOS-e820/p' "$work/$1.truth" >"$work/$1.b"
    same "$work/$1.a" "$work/$1.b" "$1: e820"
    ours "$1" kernel.initrd | sed -E 's/initrd at (0x[0-9a-f]+), ([0-9]+) bytes/\1 \2/' | while read -r begin size; do
        printf 'RAMDISK: [mem 0x%08x-0x%08x]\n' "$begin" $(((begin + size + 4095) / 4096 * 4096 - 1))
    done >"$work/$1.a"
    grep '^RAMDISK' "$work/$1.truth" >"$work/$1.b"
    same "$work/$1.a" "$work/$1.b" "$1: initrd"
}

# In this order. Of a kernel without BTF one note says so.
milestones() { # NAME
    local entry=startup_64 first=x86_64_start_kernel
    if narrow "$1"; then
        entry=startup_32
        first=i386_start_kernel
    fi
    grep -oE 'kernel\.(entry|decompress|decompressed|found|reached +[a-z_0-9]+|console|memory|init-freed|init|shutdown +kernel_power_off)( |$)' "$work/$1.events" |
        sed -E 's/ +/ /g; s/ $//' | awk '!seen[$0]++' | tr '\n' ',' >"$work/$1.a"
    printf '%s,' kernel.entry kernel.decompress kernel.decompressed kernel.found "kernel.reached $entry" "kernel.reached $first" \
        'kernel.reached start_kernel' kernel.memory kernel.console 'kernel.reached rest_init' 'kernel.reached kernel_init' \
        'kernel.reached kernel_init_freeable' kernel.init-freed kernel.init 'kernel.shutdown kernel_power_off' >"$work/$1.b"
    same "$work/$1.a" "$work/$1.b" "$1: milestones" || cat "$work/$1.a"
    ours "$1" kernel.note >"$work/$1.notes"
    if untyped "$1"; then
        echo 'this kernel has no type information (BTF): offsets of members are inferred, symbols of programs are not known' >"$work/$1.b"
        same "$work/$1.notes" "$work/$1.b" "$1: notes"
    else
        [ ! -s "$work/$1.notes" ] || fail "$1: $(head -n 1 "$work/$1.notes")"
    fi
}

# The kernel's log in its memory at the end has what its console has shown: the last lines, since it may go round.
log() { # NAME
    local missing
    untyped "$1" && return
    gdb -nx -nh -batch -iex "set auto-load no" -ex "target remote | $BOOTREEL gdb $work/$1.reel --stdio" -ex 'monitor progress off' -ex 'monitor seek 100%' \
        -ex 'monitor dmesg' </dev/null 2>&1 | grep '^\[' >"$work/$1.dmesg"
    tr -d '\r' <"$work/$1.console" | grep -a '^\[ *[0-9]*\.[0-9]*\] ' | tail -n 100 >"$work/$1.shown"
    missing=$(grep -avxFf "$work/$1.dmesg" "$work/$1.shown")
    [ -s "$work/$1.shown" ] && [ -z "$missing" ] || fail "$1: not in the log in memory: $(head -n 3 <<<"$missing")"
}

story() { # NAME KERNEL INITRD ALLOWED
    boot "$1" "$2" "$3" "$append"
    initcalls "$1" "$4"
    processes "$1"
    symbols "$1"
    modules "$1"
    devices "$1" "$4"
    parameters "$1" "$append"
    milestones "$1"
    log "$1"
}
