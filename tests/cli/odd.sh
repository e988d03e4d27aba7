#!/bin/bash
# odd.sh - what is hardly ever meant, as events: zeros that run as code, a stack that keeps nothing, code that overwrites itself, and what
# led to a triple fault. The same compiled and interpreted, and replayed from any checkpoint; and none of it floods.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

rec() { # NAME: its source is the standard input; 32-bit code at 1 MiB, with flat segments
    as --32 -o "$1.o" - && ld -m elf_i386 --no-warn-rwx-segments -Ttext 0x100000 -e _start --oformat binary -o "$1.bin" "$1.o" || fail "$1: no guest"
    for compile in 0 1; do
        BOOTREEL_COMPILE=$compile expect 0,1 "$1" "$BOOTREEL" record -q --memory 16M --flat "$1.bin@0x100000" --until 3M --stop-on-reset --checkpoint-every 1000 -o "$1-$compile.reel"
    done
    same "$1-0.reel" "$1-1.reel" "$1: interpreted and compiled"
    expect 0 verify "$BOOTREEL" replay --verify --console=none "$1-1.reel"
    "$BOOTREEL" events --class cpu,power "$1-1.reel" | grep -E 'cpu\.(zeros|stack|own-code)|triple' | sed 's/^ *[0-9]* *\([0-9]*\) *[0-9.]* */\1 /' >"$1.out"
}

# To a page of zeros, which goes on for some pages; what is behind them returns. Then two places, each of them many times.
rec zeros <<'END'
.globl _start
_start: movl $0x300000, %eax
    movb $0xc3, 0x302ffe
    movl $0x90000, %esp
    movl $100, %ecx
1:  call 0x300000 - 0x100000 + _start
    loop 1b
    movb $0xc3, 0x400100
    movb $0xc3, 0x500100
    movl $100, %ecx
2:  call 0x400000 - 0x100000 + _start
    call 0x500000 - 0x100000 + _start
    loop 2b
    cli
    hlt
END
[ "$(grep -c 'cpu.zeros' zeros.out)" = 3 ] || fail "zeros: $(grep -c cpu.zeros zeros.out) events"
holds zeros.out '^5 cpu.zeros +runs zeros as code at 0x[0-9a-f]+:0x300000, 4096 bytes' "the first page of zeros"
holds zeros.out ' cpu.zeros .*:0x400000, 256 bytes' "another place"

# Few zeros in a row are no such run.
rec few <<'END'
.globl _start
_start: movl $0x300000, %eax
    .fill 7, 1, 0
    .byte 0
    nop
    cli
    hlt
END
[ -s few.out ] && fail "8 zeros"

# The stack in the BIOS's ROM, in a hole, and by an interrupt there.
rec stack <<'END'
.globl _start
_start: movl $0xffff8000, %esp
    pushl %eax
    pushl %eax
    movl $0xd0000000, %esp
    call 1f
1:  pushfl
    movl $100, %ecx
2:  movl $0xd0000000, %esp
    pushl %eax
    movl $0xd8000000, %esp
    pushl %eax
    loop 2b
    movl $0x90000, %esp
    pushl %eax
    movl %eax, 0xd0000000
    cli
    hlt
END
[ "$(grep -c 'cpu.stack' stack.out)" = 3 ] || fail "stack: $(grep -c cpu.stack stack.out) events"
holds stack.out '^1 cpu.stack +stack at 0xffff7ffc in (read-only|no) memory, pushed at 0x[0-9a-f]+:0x100005' "a stack in ROM"
holds stack.out ' cpu.stack +stack at 0xcffffffc in no memory, pushed at .*:0x10000c' "a stack where there is no memory"

# Code that patches the next instruction, and a fill that runs over itself.
rec own <<'END'
.globl _start
_start: movl $1000, %ecx
1:  movb %cl, 2f + 1
2:  movb $0, %al
    movl %ecx, far
    loop 1b
    movl $3f, %edi
    movl $5, %ecx
    movb $0x90, %al
3:  rep stosb
    cli
    hlt
far: .long 0
END
[ "$(grep -c 'cpu.own-code' own.out)" = 1 ] || fail "own code: $(cat own.out)"
holds own.out '^1 cpu.own-code +overwrites its own code at 0x10000c, 1 bytes, at 0x[0-9a-f]+:0x100005' "a patch of the next instruction"
rec over <<'END'
.globl _start
_start: movl $3f, %edi
    movl $5, %ecx
    movb $0x90, %al
    jmp 3f
    .balign 4096
3:  rep stosb
    cli
    hlt
END
holds over.out '^4 cpu.own-code +overwrites its own code at 0x101000, 1 bytes' "a fill that runs over itself"

# A jump to a page that is not mapped, with no interrupt table.
rec triple <<'END'
.globl _start
_start: movl $tables, %eax
    movl %eax, %cr3
    movl $0x83, tables
    movl %cr4, %eax
    orl $0x10, %eax
    movl %eax, %cr4
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    movl $0x40000000, %eax
    jmp *%eax
    .balign 4096
tables: .fill 1024, 4, 0
END
holds triple.out 'triple fault at .*:0x40000000: vector 14 error 0x0 cr2 0x40000000, then vector 13 error 0x73, then vector 13 error 0x43$' "what led there"
"$BOOTREEL" events --explain --class exception triple-1.reel >explained
holds explained 'the next instruction itself is not mapped: the kernel has jumped to 40000000h' "a page fault at EIP"
finish
