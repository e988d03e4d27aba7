#!/bin/bash
# boots.sh - real boots under asan and ubsan: recorded, and then through every command that looks at a trace: why, origin, diff, query, export in
# every format, find, profile, and scripts of the terminal interface. No findings, and no other statuses than 0 to 3.
#
#   tests/sanitize/boots.sh        our own guest, a program on the Linux host, two processors (make test)
#   tests/sanitize/boots.sh all    also a panic of Debian's kernel, GRUB from CD, OVMF and user-mode Linux (boots-long.sh, make test-long)
#
# `tests/run sanitize` has made the build; BOOTREEL is another program.
export BOOTREEL=${BOOTREEL:-$(cd "$(dirname "$0")/../.." && pwd)/build/sanitize/bootreel}
. "$(dirname "$0")/../lib.sh"
need_guests
all=${1:-}
cd "$work" || exit 2

clean() { # NAME COMMAND...: nothing is found, whatever it answers
    local name=$1 status
    shift
    timeout -k 10 1800 "$BOOTREEL" "$@" >"$name.out" 2>"$name.err" </dev/null
    status=$?
    if [ $status -gt 3 ] || grep -aqE 'ERROR: .*Sanitizer|runtime error:' "$name.err"; then
        fail "$name: status $status: $*"
        grep -aE -m 1 -A 12 'ERROR: |runtime error:|bootreel:' "$name.err"
    fi
}
recorded() { # NAME OPTION...
    local name=$1
    shift
    clean "$name-record" record -q --keep-going -o "$name.reel" "$@"
    [ -s "$name.reel" ] || fail "$name: no trace: $(tail -n 2 "$name-record.err")"
}
formats=$("$BOOTREEL" export --help | sed -n '/--format/,/the format/p' | tr -d ' \n' | sed 's/.*--format//; s/theformat.*//' | tr '|' ' ')
looked_at() { # NAME OTHER
    local t=$1.reel n=$1 f
    clean "$n-verify" replay --verify --jobs 2 --console=none "$t"
    for f in info why stages events processes files firmware symbols screen digest profile; do clean "$n-$f" $f "$t"; done
    clean "$n-explain" events --explain "$t"
    for f in events processes stages files console; do clean "$n-query" query "$t" "SELECT * FROM $f LIMIT 3000" --format json; done
    clean "$n-diff" diff --explain "$2" "$t"
    clean "$n-origin" origin "$t" --at 90% rax
    clean "$n-find" find --event console "$t"
    for f in $formats; do clean "$n-$f" export -q "$t" --format "$f" -o "x.$f"; done
    for f in e p s; do
        printf '%s\n' 'size 100x30' 'goto 60%' "keys $f Down Down Enter" 'keys Esc Tab PageDown' 'size 60x20' 'goto 10%' >script
        clean "$n-tui-$f" tui "$t" --script script --dump screen.svg
        [ -s screen.svg ] || fail "$n-tui-$f: no screen: $(head -n 2 "$n-tui-$f.err")"
        rm -f screen.svg
    done
}
recorded demo && looked_at demo demo.reel
recorded two --cpus 2 --machine q35 --kernel "$GUESTS/vmlinuz" --until 4M --append 'console=ttyS0' && looked_at two demo.reel
cat >hello.c <<'END'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    FILE *f = fopen("/tmp/name", "w");
    fprintf(f, "text\n");
    fclose(f);
    if (!fork())
        return 3;
    wait(NULL);
    puts("hello");
    return 0;
}
END
gcc -O1 -static -o hello hello.c || fail "hello.c"
recorded hello --program ./hello && looked_at hello demo.reel
if [ "$all" = all ]; then
    recorded panic --kernel "$GUESTS/vmlinuz" --append 'console=ttyS0 root=/dev/none' && looked_at panic two.reel
    recorded grub --cdrom "$GUESTS/grub.iso" --until 400M && looked_at grub panic.reel
    need_efi
    recorded efi --bios "$GUESTS/OVMF.fd" --disk "$GUESTS/efi/gpt.img" --memory 512M --until 600M && looked_at efi grub.reel
    need_uml
    recorded uml --memory 64M --initrd "$GUESTS/initrd.gz" --uml "$GUESTS/uml/linux.uml" && looked_at uml hello.reel
    "$top/build/release/bootreel" record -q -o released.reel --memory 64M --initrd "$GUESTS/initrd.gz" --uml "$GUESTS/uml/linux.uml" </dev/null >/dev/null
    same uml.reel released.reel "user-mode Linux: sanitized and release"
fi
finish
