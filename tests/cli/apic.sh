#!/bin/bash
# apic.sh - x2APIC mode and the TSC-deadline timer: a small guest asks CPUID, and uses them where they are announced; a model without them
# refuses their MSRs. What it does is told in words, two recordings are the same bytes, and verify.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
flat_guest apic.bin 0x100000 - <<'END'
.globl _start
_start: lgdt gdtr
    mov $0x10, %ecx
    mov %ecx, %ds
    mov %ecx, %es
    mov %ecx, %ss
    mov $0x200000, %esp
    ljmp $8, $1f
1:  mov $timer, %eax
    mov $idt + 0x40 * 8, %edi
    call gate
    mov $self, %eax
    mov $idt + 0x41 * 8, %edi
    call gate
    mov $general, %eax
    mov $idt + 13 * 8, %edi
    call gate
    lidt idtr
    mov $0xff, %al              # only the local APIC interrupts
    out %al, $0x21
    out %al, $0xa1
    mov $1, %eax
    cpuid
    mov %ecx, %esi
    bt $21, %esi
    call digit
    bt $24, %esi
    call digit
    mov $0x1b, %ecx
    rdmsr
    or $0x400, %eax
    wrmsr                       # #GP where there is no x2APIC
    mov $0xb, %eax
    mov $1, %ecx
    cpuid
    cmp $0x201, %ecx            # the level of cores
    sete %al
    add $'0', %al
    out %al, $0xe9
    mov $0x80f, %ecx
    mov $0x1ff, %eax
    xor %edx, %edx
    wrmsr
    mov $0x832, %ecx
    mov $0x40040, %eax
    wrmsr
    rdtsc
    add $100000, %eax
    adc $0, %edx
    mov $0x6e0, %ecx
    wrmsr
    sti
    hlt
    xor %edx, %edx
    mov $0x83f, %ecx            # to itself
    mov $0x41, %eax
    wrmsr
    nop
    mov $0x80b, %ecx            # only 0 may be written: #GP
    mov $1, %eax
    wrmsr
gate: movw %ax, (%edi)
    movw $8, 2(%edi)
    movw $0x8e00, 4(%edi)
    shr $16, %eax
    movw %ax, 6(%edi)
    ret
digit: setc %al
    add $'0', %al
    out %al, $0xe9
    ret
timer: mov $'T', %al
    jmp 1f
self: mov $'S', %al
1:  out %al, $0xe9
    xor %eax, %eax
    xor %edx, %edx
    mov $0x80b, %ecx
    wrmsr
    iret
general: mov $'G', %al
    out %al, $0xe9
    mov $10, %al
    out %al, $0xe9
    xor %eax, %eax
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
    mov $0xf4, %dx
    out %al, %dx
    hlt
.balign 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr: .word 23
    .long gdt
idtr: .word 0x42 * 8 - 1
    .long idt
.balign 8
idt: .space 0x42 * 8
END
apic() { # NAME MODEL
    expect 0 "$1" "$BOOTREEL" record -q --memory 4M --cpu "$2" --events all --flat apic.bin@0x100000 --until 50ms -o "$1.reel" "${@:3}"
    "$BOOTREEL" events --class firmware "$1.reel" >"$1.log"
}
apic max max
apic again max
apic v2 x86-64-v2
cmp max.reel again.reel || fail "two recordings differ"
holds max.log ' 111TSG$' "x2APIC, TSC deadline, self IPI, and #GP"
holds v2.log ' 00G$' "a model without them"
"$BOOTREEL" events --class mmio --explain max.reel >words
holds words 'apic.write .*local APIC: spurious-interrupt vector: APIC on, spurious vector FFh$' "a register by MSR in words"
holds words 'apic.write .*local APIC: LVT timer: vector 40h, TSC deadline$' "the timer in words"
holds words 'apic.write .*local APIC: TSC deadline: [1-9][0-9]*$' "its deadline in words"
holds words 'apic.write .*local APIC: self IPI: vector 41h$' "a self IPI in words"
[ "$(grep -c 'local APIC: EOI$' words)" = 2 ] || fail "two ends of interrupts: $(cat words)"
holds <("$BOOTREEL" events --class irq --explain max.reel) 'irq .*local APIC timer$' "the timer's interrupt"
! "$BOOTREEL" events --class unhandled max.reel | grep msr || fail "nothing is missing"
expect 0 verify "$BOOTREEL" replay --verify -q --console=none max.reel
finish
