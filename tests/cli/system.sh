#!/bin/bash
# system.sh - systems that their own boot sectors load, of which nothing is known: their stages. A firmware that loops.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

# disk NAME < SOURCE: a floppy image whose boot sector this is.
disk() {
    flat_guest "$1.img" 0x7c00 -
    truncate -s 510 "$1.img"
    printf '\x55\xaa' >>"$1.img"
    truncate -s 1440K "$1.img"
}
stages() { # NAME OPTION...
    expect 0,1 "$1" "$BOOTREEL" record -q --keep-going --memory 2M --floppy "$1.img" -o "$1.reel" "${@:2}"
    expect 0 "$1-stages" "$BOOTREEL" stages --depth 1 "$1.reel"
}

# To protected mode for a moment, as loaders do to copy, back for a BIOS call, and then for good.
cat >protected.inc <<'END'
.code16
.globl _start
_start: cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    lgdt gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $8, $2f
.code32
2:  ljmp $24, $3f
.code16
3:  mov %cr0, %eax
    and $0xfe, %al
    mov %eax, %cr0
    ljmp $0, $4f
4:  mov $0x0e41, %ax
    int $0x10
    mov $0x0003, %ax
    int $0x10
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $8, $5f
.code32
END
cat >protected.end <<'END'
gdtr: .word 31
    .long gdt
.balign 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00009a000000ffff
END
{ cat protected.inc; printf '5: hlt\n'; cat protected.end; } | disk ends
{ cat protected.inc; printf '5: jmp 5b\n'; cat protected.end; } | disk goes_on
{ cat protected.inc; printf '5: movb $6, %%al\n movw $0xcf9, %%dx\n outb %%al, %%dx\n jmp 5b\n'; cat protected.end; } | disk resets
stages ends
at=$("$BOOTREEL" events --class cpu --grep 'real mode ->' ends.reel | awk 'END { print $2 }')
awk -v at="$at" '{ gsub(",", "", $1) } $0 ~ / loader$/ { loader = 1 } / system \(not known\)/ && $1 == at { n++ } END { exit !loader || n != 1 }' ends-stages.out ||
    fail "a system in protected mode, from icount $at: $(cat ends-stages.out)"
stages goes_on --until 3s
holds goes_on-stages.out ' system \(not known\) \(not ended\)$' "a system that was recorded for 3 s"
# What the end of a recording cuts off may be a loader that has not come back yet.
stages goes_on --until 500ms
! grep -q system goes_on-stages.out || fail "cut off after half a second"
stages resets --until 200M
[ "$(grep -c ' system (not known)$' resets-stages.out)" -ge 2 ] || fail "a system in each boot"
[ "$(grep -c ' bios$' resets-stages.out)" -ge 2 ] && ! grep -q '^ .*  bios$.*bios' resets-stages.out || fail "each boot's firmware"

# A DOS: a service of its own in real mode, with BIOS calls before and after.
disk dos <<'END'
.code16
.globl _start
_start: xor %ax, %ax
    mov %ax, %ds
    mov $0x0e41, %ax
    int $0x10
    movw $service, 0x21 * 4
    movw $0, 0x21 * 4 + 2
    int $0x21
    mov $0x0003, %ax
    int $0x10
    cli
    hlt
service: iret
END
stages dos
at=$("$BOOTREEL" events --class exception --grep 'int 0x21' dos.reel | awk '{ print $2; exit }')
awk -v at="$at" '{ gsub(",", "", $1) } / system \(not known\)/ && $1 == at { found = 1 } END { exit !found }' dos-stages.out || fail "a DOS: $(cat dos-stages.out)"

# A firmware that jumps to its reset vector for ever: one POST.
flat_guest rom.bin 0xf0000 - <<'END'
.code16
.globl _start
_start: inc %bx
    mov %bl, %al
    out %al, $0x80
    ljmp $0xf000, $0xfff0
    .org 0xfff0
    ljmp $0xf000, $0
    .org 0x10000
END
expect 0,1 rom "$BOOTREEL" record -q --memory 2M --bios rom.bin --until 2000 -o rom.reel
expect 0 rom-stages "$BOOTREEL" stages --depth 2 rom.reel
[ "$(grep -c ' bios' rom-stages.out)" = 2 ] || fail "a firmware that loops: $(cat rom-stages.out)"
finish
