# hangs.sh - more broken machines of our own, of a few lines each: what waits for ever, and jumps, stacks and tables that are wrong. To be
# sourced after small.sh. Each function makes NAME.reel.

# A flat program with several processors: as flat; start_others sends INIT and SIPI to all others, which begin at 0x8000 in real mode, go
# to 32-bit mode with flat segments and the stack 0x80000, and jump to `other`.
smp() { # NAME OPTION...
    {
        cat <<'S'
        .macro start_others
        movl $trampoline, %esi
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x000c4500, 0x300(%ebx)
        movl $100000, %ecx
8:      loop 8b
        movl $0x000c4608, 0x300(%ebx)
        .endm
        jmp past
trampoline:
        .code16
        cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl 0x8000 + (ap_gdtr - trampoline)
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $0x08, $(0x8000 + (ap32 - trampoline))
        .code32
ap32:   movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x80000, %esp
        movl $other, %eax
        jmp *%eax
ap_gdtr: .word 23
        .long gdt
trampoline_end:
past:
S
        cat
    } | flat "$1" --cpus 2 "${@:2}"
}

# The 8259As as a PC has them: vectors from 0x20 on; $1 and $2 are the masks.
pics() { # MASTER SLAVE
    cat <<S
        movb \$0x11, %al
        outb %al, \$0x20
        outb %al, \$0xa0
        movb \$0x20, %al
        outb %al, \$0x21
        movb \$0x28, %al
        outb %al, \$0xa1
        movb \$4, %al
        outb %al, \$0x21
        movb \$2, %al
        outb %al, \$0xa1
        movb \$1, %al
        outb %al, \$0x21
        outb %al, \$0xa1
        movb \$$1, %al
        outb %al, \$0x21
        movb \$$2, %al
        outb %al, \$0xa1
S
}
# A handler that counts the timer's ticks, and a wait for one.
ticks() {
    cat <<'S'
        lidt idtr
        gate 0x20, tick
        sti
        call wait_tick
        movb $0x10, %al
        outb %al, $0xf4
wait_tick: movl jiffies, %eax
1:      cmpl %eax, jiffies
        je 1b
        ret
tick:   incl jiffies
        pushl %eax
        movb $0x20, %al
        outb %al, $0x20
        popl %eax
        iret
        .balign 4
jiffies: .long 0
S
}
pit() {
    printf 'movb $0x34, %%al\noutb %%al, $0x43\nmovb $0x9c, %%al\noutb %%al, $0x40\nmovb $0x2e, %%al\noutb %%al, $0x40\n'
}

# ---- locks and words that nobody writes

# A lock, and the routine that takes it.
take_lock() {
    cat <<'S'
take:   movl $1, %eax
1:      xchgl %eax, lock
        testl %eax, %eax
        jz 3f
2:      pause
        cmpl $0, lock
        jne 2b
        jmp 1b
3:      ret
        .balign 4
lock:   .long 0
S
}
own_lock_twice() { # the lock is taken again by who has it
    {
        cat <<'S'
        cli
        call work
        hlt
work:   call take
        call take
        movl $0, lock
        ret
S
        take_lock
    } | flat lock_twice
}
own_lock_held() { # … by another processor, which has halted with it
    {
        cat <<'S'
        cli
        start_others
1:      cmpl $0, taken
        je 1b
        call take
        movb $0x10, %al
        outb %al, $0xf4
        hlt
other:  call take
        movl $1, taken
        cli
        hlt
        .balign 4
taken:  .long 0
S
        take_lock
    } | smp lock_held --until 1s
}
own_lock_order() { # two locks, taken in different orders by two processors
    smp lock_order --until 1s <<'S'
        cli
        start_others
        lock btsl $0, first
        movl $1, here
1:      cmpl $0, there
        je 1b
2:      pause
        lock btsl $0, second
        jc 2b
        hlt
other:  lock btsl $0, second
        movl $1, there
1:      cmpl $0, here
        je 1b
2:      pause
        lock btsl $0, first
        jc 2b
        hlt
        .balign 4
first:  .long 0
second: .long 0
here:   .long 0
there:  .long 0
S
}
# Neither loop pauses, so turns are long. The last processor holds the lock; those between are halted.
own_long_turns() { # PROCESSORS
    smp long_turns --cpus "$1" --until 50ms <<S
        cli
        start_others
1:      cmpl \$0, there
        je 1b
2:      lock btsl \$0, lock
        jc 2b
        hlt
other:  cmpb \$$(($1 - 1)), 0xfee00023
        je 3f
        hlt
3:      lock btsl \$0, lock
        movl \$1, there
4:      jmp 4b
        .balign 4
lock:   .long 0
there:  .long 0
S
}
own_never_started() { # waits for a processor to which no SIPI was sent
    smp never_started --until 1s <<'S'
        cli
        call online
        hlt
online: pause
        cmpl $2, processors
        jb online
        ret
other:  lock incl processors
1:      hlt
        jmp 1b
        .balign 4
processors: .long 1
S
}
own_no_second() { # the same on a machine that has one processor
    flat no_second <<'S'
        cli
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x000c4500, 0x300(%ebx)
        movl $0x000c4608, 0x300(%ebx)
online: pause
        cmpl $2, processors
        jb online
        hlt
        .balign 4
processors: .long 1
S
}
own_lost_second() { # a second processor is sent to where no code is
    smp lost_second --until 1s <<'S'
        cli
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x000c4500, 0x300(%ebx)
        movl $100000, %ecx
1:      loop 1b
        movl $0x000c4650, 0x300(%ebx)
2:      pause
        cmpl $2, processors
        jb 2b
other:  hlt
        .balign 4
processors: .long 1
S
}
own_flag_off() { # a handler would write it, and interrupts are off
    { pit; pics 0xfe 0xff; ticks | sed 's/\<sti\>/cli/'; } | flat flag_off
}
own_device_word() { # a descriptor in memory that a device would write, if it had been told to
    flat device_word --until 2s <<'S'
        cli
        movl $0, 0x5000
1:      movl 0x5000, %eax
        andl $0x80000000, %eax
        jz 1b
        hlt
S
}

own_scan() { # goes through memory for a signature, and has not come to its end when the record ends: it waits for nothing
    flat scan --until 8M <<'S'
        cli
        movl $0x200000, %ebx
1:      cmpl $0x54464269, (%ebx)
        je 2f
        addl $4, %ebx
        cmpl $0x6000000, %ebx
        jb 1b
2:      hlt
S
}

# ---- interrupts and timers

own_pit_off() { # waits for ticks of a timer that was told how to count, but not from where
    { printf 'movb $0x34, %%al\noutb %%al, $0x43\n'; pics 0xfe 0xff; ticks; } | flat pit_off --until 4s
}
own_irq_masked() { # … or whose line is masked
    { pit; pics 0xff 0xff; ticks; } | flat irq_masked --until 4s
}
own_no_eoi() { # one interrupt comes, and is never ended
    { pit; pics 0xfe 0xff; ticks | sed -e '/outb %al, $0x20/d' -e 's/call wait_tick/call wait_tick; call wait_tick/'; } | flat no_eoi --until 4s
}
own_apic_timer() { # the local APIC's timer, without a count
    flat apic_timer --until 4s <<'S'
        movb $0xff, %al
        outb %al, $0x21
        outb %al, $0xa1
        lidt idtr
        gate 0x40, tick
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x20040, 0x320(%ebx)
        movl $0xb, 0x3e0(%ebx)
        sti
1:      hlt
        cmpl $0, jiffies
        je 1b
        movb $0x10, %al
        outb %al, $0xf4
tick:   incl jiffies
        movl $0, 0xfee000b0
        iret
        .balign 4
jiffies: .long 0
S
}
own_apic_masked() {
    flat apic_masked --machine q35 --until 4s <<'S'
        movb $0xff, %al
        outb %al, $0x21
        outb %al, $0xa1
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0x30040, 0x320(%ebx)
        movl $0xb, 0x3e0(%ebx)
        movl $1000000, 0x380(%ebx)
        sti
1:      hlt
        jmp 1b
S
}
own_unrouted() { # q35: the PIT's line of the I/O APIC is masked, as after power-on
    {
        pit
        pics 0xff 0xff
        printf 'movl $0xfee00000, %%ebx\nmovl $0x1ff, 0xf0(%%ebx)\n'
        ticks
    } | flat unrouted --machine q35 --until 4s
}
own_hpet_off() { # a timer that is enabled without the counter
    flat hpet_off --until 4s <<'S'
        cli
        movl $0xfed00000, %ebx
        movl 0xf0(%ebx), %eax
1:      movl 0xf0(%ebx), %edx
        cmpl %eax, %edx
        je 1b
        hlt
S
}
own_msi_off() { # AHCI on q35 would say that a command is done, by an interrupt that is off in its registers
    flat msi_off --machine q35 --disk "$(blank msi_off)" --until 4s <<'S'
        movb $0xff, %al
        outb %al, $0x21
        outb %al, $0xa1
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        # 00:1f.2: MSI to vector 0x41, without the bit that enables it
        movw $0xcf8, %dx
        movl $0x8000fa84, %eax
        outl %eax, %dx
        movw $0xcfc, %dx
        movl $0xfee00000, %eax
        outl %eax, %dx
        movw $0xcf8, %dx
        movl $0x8000fa88, %eax
        outl %eax, %dx
        movw $0xcfc, %dx
        movl $0x41, %eax
        outl %eax, %dx
        sti
1:      hlt
        jmp 1b
S
}
blank() { truncate -s 1M "$1.img" && echo "$1.img"; }

# ---- devices

own_drq() { # a drive that was given no command never has data
    sector drq --until 2s <<'S'
        cli
        movw $0x1f7, %dx
1:      inb %dx, %al
        testb $8, %al
        jz 1b
        hlt
S
}
own_serial_line() { # waits for a character
    sector serial_line --until 4s <<'S'
        cli
        movw $0x3fd, %dx
1:      inb %dx, %al
        testb $1, %al
        jz 1b
        hlt
S
}
own_key() { # the firmware waits for a key
    sector key --until 4s <<'S'
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 2f
        movb $0x0e, %ah
        movw $7, %bx
        int $0x10
        jmp 1b
2:      xorb %ah, %ah
        int $0x16
        jmp 2b
text:   .asciz "Press a key"
S
}

# ---- faults that come again and again, and what leads to triple faults

own_fault_loop() { # the handler of page faults mends nothing
    flat fault_loop --until 30M <<'S'
        lidt idtr
        gate 14, handler
        pages
        movl 0x200010, %eax
        hlt
handler: addl $4, %esp
        iret
S
}
own_divide_loop() { # the handler returns to the instruction, which divides by zero again
    flat divide_loop --until 30M <<'S'
        lidt idtr
        gate 0, handler
        xorl %edx, %edx
        xorl %ecx, %ecx
        divl %ecx
        hlt
handler: iret
S
}
own_garbage() { # a jump into data
    flat garbage <<'S'
        lidt idtr
        movl table + 4, %eax
        jmp *%eax
table:  .long main, words, main
words:  .fill 64, 1, 0xff
S
}
own_page_tables() { # CR3 with what are no page tables
    flat page_tables <<'S'
        lidt idtr
        movl $0x280000, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        nop
S
}
own_no_pae() { # long mode without PAE
    flat no_pae <<'S'
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl $0x300000, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        hlt
S
}
own_bad_gdt() { # a far jump to a selector behind the table
    flat bad_gdt <<'S'
        lgdt short
        ljmp $0x18, $1f
1:      hlt
short:  .word 23
        .long gdt
S
}
own_iret() { # an interrupt handler that leaves a word on the stack
    flat iret <<'S'
        lidt idtr
        gate 0x30, handler
        int $0x30
        hlt
handler: pushl $0xdead0000
        iret
S
}
own_recursive_calls() { # a function without an end fills the stack down to its own code
    flat recursive_calls <<'S'
        lidt idtr
        movl $0x110000, %esp
        call deeper
        hlt
deeper: pushl %eax
        call deeper
        ret
S
}
own_stack_tables() { # … or down to the page tables
    flat stack_tables <<'S'
        lidt idtr
        pages
        movl $0x302800, %esp
        call deeper
        hlt
deeper: pushl $0x12340000
        call deeper
        ret
S
}
own_read_only_stack() {
    flat read_only_stack <<'S'
        lidt idtr
        gate 14, handler
        gate 8, handler
        pages
        movl $0x280001, 0x301000 + 4 * 0x280
        movl %cr0, %eax
        orl $0x10000, %eax
        movl %eax, %cr0
        movl $0x281000, %esp
        pushl %eax
handler: hlt
S
}
own_null_call() { # a pointer of a table that nobody has filled in, with page 0 not there
    flat null_call <<'S'
        lidt idtr
        pages
        movl $0, 0x301000
        movl %cr3, %eax
        movl %eax, %cr3
        movl operations + 8, %eax
        call *%eax
        hlt
        .balign 4
operations: .long main, main, 0
S
}
own_no_fpu() { # SSE before the system has switched it on
    flat no_fpu <<'S'
        lidt idtr
        xorps %xmm0, %xmm0
        hlt
S
}

# ---- healthy

own_two() { # two processors that meet, and power off
    smp two <<'S'
        cli
        start_others
1:      pause
        cmpl $2, processors
        jb 1b
        movb $0x10, %al
        outb %al, $0xf4
other:  lock incl processors
        cli
        hlt
        .balign 4
processors: .long 1
S
}
own_ticks() {
    { pit; pics 0xfe 0xff; ticks; } | flat ticks
}
own_idle_ticks() { # an idle loop of a system with interrupts by the I/O APIC
    {
        pit
        pics 0xff 0xff
        cat <<'S'
        lidt idtr
        gate 0x30, tick
        movl $0xfee00000, %ebx
        movl $0x1ff, 0xf0(%ebx)
        movl $0xfec00000, %ebx
        movl $0x14, (%ebx)
        movl $0x30, 0x10(%ebx)
        movl $0x15, (%ebx)
        movl $0, 0x10(%ebx)
        sti
1:      hlt
        jmp 1b
tick:   movl $0, 0xfee000b0
        iret
S
    } | flat idle_ticks --machine q35 --until 2s
}
own_spins() { # a lock that is given back
    smp spins <<'S'
        cli
        start_others
1:      cmpl $0, taken
        je 1b
2:      pause
        lock btsl $0, lock
        jc 2b
        movb $0x10, %al
        outb %al, $0xf4
other:  lock btsl $0, lock
        movl $1, taken
        movl $1000000, %ecx
3:      loop 3b
        movl $0, lock
        cli
        hlt
        .balign 4
lock:   .long 0
taken:  .long 0
S
}

OWN_BROKEN='lock_twice lock_held lock_order never_started no_second lost_second flag_off device_word pit_off irq_masked no_eoi apic_timer apic_masked unrouted hpet_off msi_off drq serial_line fault_loop divide_loop garbage page_tables no_pae bad_gdt iret recursive_calls stack_tables read_only_stack null_call no_fpu'
OWN_HEALTHY='two ticks idle_ticks spins'
