# small.sh - broken machines of our own: boot sectors and flat programs of a few lines, for tests/why/run and tests/cli/why.sh. To be
# sourced after lib.sh, in the work folder. Each function makes NAME.reel.

# verdict FILE: what `why` says, in one line, without commands and positions.
verdict() { sed -E 's/  > bootreel tui .*//; s/^ *[0-9]+  //' "$1" | tr -s '\n ' '  ' | sed 's/… …/ /g'; }

# A boot sector: standard input is its 16-bit code, after real mode's segments are set up.
sector() { # NAME OPTION...
    {
        cat <<'S'
        .code16
        .globl _start
_start: xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
S
        cat
        echo '.org 0x1fe; .word 0xaa55'
    } >"$1.S"
    flat_guest "$1.img" 0x7c00 "$1.S"
    truncate -s 64K "$1.img"
    small_record "$1" --disk "$1.img" --until 8s "${@:2}"
}

# A flat program at 1 MiB: 32-bit code with flat segments. Standard input is what follows the tables: idt (64 gates, empty), idtr and
# the macro gate VECTOR HANDLER FLAGS, which fills one in (0x8e: an interrupt gate).
flat() { # NAME OPTION...
    {
        cat <<'S'
        .code32
        .globl _start
        .macro gate vector, handler, flags=0x8e, selector=0x08
        movl $\handler, %eax
        movw %ax, idt + 8 * \vector
        movw $\selector, idt + 8 * \vector + 2
        movb $\flags, idt + 8 * \vector + 5
        shrl $16, %eax
        movw %ax, idt + 8 * \vector + 6
        .endm
        # Identity-mapped pages from 0 to 4 MiB, but for the one at 0x200000.
        .macro pages
        movl $0x300000, %edi
        movl $0x301003, (%edi)
        movl $0x301000, %edi
        movl $3, %eax
        movl $1024, %ecx
7:      movl %eax, (%edi)
        addl $0x1000, %eax
        addl $4, %edi
        loop 7b
        movl $0, 0x301000 + 4 * 0x200
        movl $0x300000, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        .endm
_start: movl $0x90000, %esp
        lgdt gdtr
        ljmp $0x08, $1f
1:      movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        jmp main
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long gdt
idtr:   .word 511
        .long idt
idt:    .fill 512, 1, 0
main:
S
        cat
    } >"$1.S"
    flat_guest "$1.bin" 0x100000 "$1.S"
    small_record "$1" --memory 16M --flat "$1.bin@0x100000" --until 8s "${@:2}"
}

small_record() { # NAME OPTION...
    timeout 300 "$BOOTREEL" record -q -o "$1.reel" "${@:2}" >/dev/null 2>"$1.record" </dev/null
    [ -s "$1.reel" ] || fail "$1: no recording: $(cat "$1.record")"
}

# ---- triple faults

small_vector() { # real mode: the vector is beyond the limit
    sector vector <<'S'
        lidt none
fault:  int3
none:   .word 0, 0, 0
S
}

small_empty_gate() { # the IDT is there, and nothing in it
    flat empty_gate <<'S'
        lidt idtr
        ud2
S
}

small_absent() { # gates that are not present
    flat absent <<'S'
        lidt idtr
        gate 6, handler, 0x0e
        gate 11, handler, 0x0e
        gate 8, handler, 0x0e
        ud2
handler: hlt
S
}

small_selector() { # a gate with a selector that is in no table
    flat selector <<'S'
        lidt idtr
        gate 0, handler, 0x8e, 0x50
        gate 8, handler, 0x8e, 0x50
        gate 13, handler, 0x8e, 0x50
        xorl %edx, %edx
        divl %edx
handler: hlt
S
}

small_no_idt() { # protected mode with real mode's vectors
    flat no_idt <<'S'
        lidt real
        movl 0xdead0000, %eax
        int $0x80
real:   .word 0x3ff
        .long 0
S
}

small_idt_unmapped() {
    flat idt_unmapped <<'S'
        lidt away
        pages
        ud2
away:   .word 511
        .long 0x200000
S
}

small_stack_unmapped() { # the stack pointer is at a page that is not there
    flat stack_unmapped <<'S'
        lidt idtr
        gate 14, handler
        gate 8, handler
        pages
        movl $0x201000, %esp
        pushl %eax
handler: hlt
S
}

small_recursion() { # the handler of page faults makes one
    flat recursion <<'S'
        lidt idtr
        gate 14, handler
        gate 8, handler
        pages
        movl $0x203000, %esp
handler: movl 0x200010, %eax
        iret
S
}

small_gate() { # an IDT that a copy has overwritten, as boot loaders do that load a kernel over their own
    flat gate <<'S'
        lidt idtr
        gate 6, handler
        movl $main, %esi
        movl $idt, %edi
        movl $16, %ecx
        rep movsl
        ud2
handler: hlt
S
}

small_misaligned() { # 64-bit code with a stack that is not aligned for SSE, and an IDT without gates
    flat misaligned <<'S'
        lidt idtr
        movl $0x300000, %edi
        movl $0x301003, (%edi)
        movl $0x302003, 0x301000
        movl $0x83, 0x302000
        movl %edi, %cr3
        movl $0x620, %eax
        movl %eax, %cr4
        movl $0xc0000080, %ecx
        movl $0x100, %eax
        xorl %edx, %edx
        wrmsr
        movl $0x80000011, %eax
        movl %eax, %cr0
        lgdt wide
        ljmp $0x08, $1f
wide:   .word 23
        .long wtable
wtable: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
        .code64
1:      movq $0x8fff8, %rsp
        movaps %xmm0, -32(%rsp)
S
}

# ---- left the rails

small_zeros() { # a call to where nothing is
    flat zeros <<'S'
        call work
        cli
        hlt
work:   movl $0x280000, %eax
        call *%eax
        ret
S
}

small_return() { # a return address that a loop over the stack has overwritten
    flat return <<'S'
        call copy
        cli
        hlt
copy:   subl $16, %esp
        movl %esp, %edi
        movl $0x00600000, %eax
        movl $8, %ecx
        rep stosl
        addl $16, %esp
        ret
S
}

small_return_limit() { # the same, to where no code can be
    sector return_limit <<'S'
        lidt none
        calll work
work:   movl $0x12345678, %eax
        movw %sp, %bp
        movl %eax, (%bp)
        retl
none:   .word 0, 0, 0
S
}

small_empty_sector() { # a signature, and no code
    printf '\125\252' | dd of=empty_sector.img bs=1 seek=510 conv=notrunc status=none
    truncate -s 64K empty_sector.img
    small_record empty_sector --disk empty_sector.img --until 2s
}

small_stack_hole() { # the stack is where there is no memory
    flat stack_hole <<'S'
        movl $0xd0000000, %esp
        call work
work:   ret
S
}

# ---- nothing to boot

small_signature() { # a sector without 55AA
    echo code >signature.img
    truncate -s 64K signature.img
    small_record signature --disk signature.img --until 2s
}

small_no_disk() {
    truncate -s 64K blank.img
    small_record no_disk --cdrom blank.img --until 2s
}

small_missing_system() { # what DOS's boot record says if no partition is active
    sector missing_system <<'S'
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        movw $7, %bx
        int $0x10
        jmp 1b
2:      hlt
        jmp 2b
text:   .asciz "Missing operating system\r\n"
S
}

small_printed_panic() { # of a kernel that is known by nothing else
    sector printed_panic <<'S'
        movw $text, %si
        movw $0x3f8, %dx
1:      lodsb
        testb %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      cli
3:      jmp 3b
text:   .asciz "VFS: Cannot open root device 03:01\r\nKernel panic: VFS: Unable to mount root fs on 03:01\r\n"
S
}

# ---- hangs

small_cli_hlt() {
    sector cli_hlt <<'S'
        cli
        hlt
S
}

small_limit() { # an address of 32 bits in real mode, where segments end at 64 KB; the handler halts
    sector limit <<'S'
        movw $handler, 13 * 4
        movw $0, 13 * 4 + 2
        movl $0xc0000000, %eax
        movb (%eax), %al
handler: cli
        hlt
S
}

small_loop() { # without an exit
    sector loop <<'S'
        cli
1:      pause
        jmp 1b
S
}

small_masked() { # waits for a timer interrupt that it has masked
    sector masked <<'S'
        movb $0xff, %al
        outb %al, $0x21
        outb %al, $0xa1
        sti
1:      hlt
        jmp 1b
S
}

small_poll() { # a port at which nothing is
    sector poll --until 20M <<'S'
        movw $0x320, %dx
1:      inb %dx, %al
        testb $0x80, %al
        jnz 1b
        hlt
S
}

small_reset() { # each boot ends in a reset
    sector reset <<'S'
        movb $0xfe, %al
        outb %al, $0x64
1:      hlt
        jmp 1b
S
}

small_missing() { # a sector behind the disk's end is asked for; the program says so in its own words, and resets the machine
    sector missing <<'S'
        movw $packet, %si
        movb $0x42, %ah
        int $0x13
        jnc 2f
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0xe, %ah
        int $0x10
        jmp 1b
2:      movb $0xfe, %al
        outb %al, $0x64
3:      hlt
        jmp 3b
packet: .byte 16, 0
        .word 1, 0x8000, 0
        .quad 9000000
text:   .asciz "kernel image missing\r\n"
S
}

# ---- healthy

small_off() {
    sector off <<'S'
        movb $0x10, %al
        outb %al, $0xf4
        hlt
S
}

small_idle() { # waits, and gets the timer's interrupts
    sector idle <<'S'
        sti
1:      hlt
        jmp 1b
S
}

small_thrice() { # resets on purpose, and then goes on
    sector thrice <<'S'
        incw 0x600
        cmpw $3, 0x600
        ja off
        movw 0x600, %dx
        addw $0x200, %dx
        inb %dx, %al
        movb $0xfe, %al
        outb %al, $0x64
1:      hlt
        jmp 1b
off:    movb $0x10, %al
        outb %al, $0xf4
        hlt
S
}

small_handled() { # faults that are handled, and then power off
    flat handled <<'S'
        lidt idtr
        gate 6, handler
        gate 14, handler
        movl $100, %ecx
1:      ud2
        loop 1b
        movb $0x10, %al
        outb %al, $0xf4
        hlt
handler: addl $2, (%esp)
        iret
S
}

small_prompt() { # waits for a character, in a long loop with other tests in it
    sector prompt <<'S'
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movw $0x3f8, %dx
        outb %al, %dx
        jmp 1b
2:      movw $0x3fd, %dx
        inb %dx, %al
        call ready
        jnz off
        .rept 20
        movw 0x500, %bx
        testw $0x40, %bx
        nop
        .endr
        jmp 2b
ready:  movzbw %al, %ax
        andw $1, %ax
        ret
off:    hlt
text:   .asciz "=> "
S
}

small_demo() { # the guest that is built in, at its shell
    small_record demo --until 4s
}

SMALL_BROKEN='vector empty_gate absent selector no_idt idt_unmapped stack_unmapped recursion gate misaligned zeros return return_limit empty_sector stack_hole signature no_disk missing_system printed_panic cli_hlt limit loop masked poll reset missing'
SMALL_HEALTHY='off idle thrice handled prompt demo'
