#!/bin/bash
# lists.sh - what a guest prints with escape sequences is shown in lists as a terminal shows it; n and N repeat a search in every view.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

cat >guest.S <<'EOF2'
        .code16
        .globl _start
_start: xor %ax, %ax
        mov %ax, %ds
        mov $text, %si
        mov $0x3f8, %dx
1:      lodsb
        test %al, %al
        jz 2f
        out %al, %dx
        jmp 1b
2:      cli
        hlt
text:   .ascii "\033[1;31mred\033[0m and \033[32mgreen\033[0m\r\n\033]0;title\007after a title\r\n\033[2J\033[Hon a clear screen\r\n"
        .ascii "[\033[0;32m  OK  \033[0m] Started\r\nab\010c\r\nmore \033[Kerased\r\nneedle one\r\nneedle two\r\nneedle three\r\n\0"
        .org 510
        .word 0xaa55
EOF2
as --32 -o guest.o guest.S && ld -m elf_i386 --oformat binary -Ttext 0x7c00 -e 0x7c00 -o guest.img guest.o && truncate -s 64K guest.img || fail "no guest"
"$BOOTREEL" record -q --memory 16M --disk guest.img -o a.reel >/dev/null 2>&1
script() { # NAME LINE...
    printf '%s\n' 'size 150x40' "${@:2}" >"$1.keys"
    expect 0 "$1" "$BOOTREEL" tui --script "$1.keys" a.reel
}

for page in console events overview; do
    script $page 'goto 100%' "page $page" 'expect red and green' 'expect after a title' 'expect on a clear screen' 'expect [  OK  ] Started' 'expect ac' \
        'expect more erased' 'show screen'
    ! grep -q 'x1b\|x08\|\[0m\|title.*after' screen || fail "escape sequences in $page: $(grep 'x1b\|x08\|0m' screen)"
done
script why 'goto 100%' why 'show screen'
! grep -q 'x1b\|\[0m' screen || fail "escape sequences in the verdict: $(cat screen)"

# Where Enter goes to says which row is selected.
at() { "$BOOTREEL" events a.reel --class console | awk -v text="$1" 'index($0, text) { printf "%d,%03d", $2 / 1000, $2 % 1000; exit }'; }
for page in console events; do
    script "n-$page" 'goto 0' "page $page" 'keys / n e e d l e Enter n n Enter' "expect a.reel  $(at 'needle three') of" 'goto 0' 'keys / n e e d l e Enter n n N Enter' \
        "expect a.reel  $(at 'needle two') of"
done
for page in stages devices processes code help; do
    [ $page = help ] && show='keys ?' || show="page $page"
    script "n-$page" "$show" 'keys / a Enter n n N' 'show screen'
    ! tail -n 1 screen | grep -q 'nothing can be searched' || fail "$page cannot be searched"
done
script n-memory 'goto 100%' 'page memory' 'keys a 7 c 0 0 Enter' 'keys / n e e d l e Enter n n N N' 'keys N' 'message is not in the 64 MiB before this'
finish
