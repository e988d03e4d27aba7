# The driver ends each interrupt of the clock (IRQ 8) at the first 8259A only, twice, by a mistake in the port.
build() {
    kernel32 k.elf <<'S'
main:   pics 0xfb, 0xfe
        gate 0x28, clock
        lidt idtr
        out 0x70, 0x0b
        inb $0x71, %al
        orb $0x40, %al
        movb %al, %bl
        out 0x70, 0x0b
        movb %bl, %al
        outb %al, $0x71
        out 0x70, 0x0c
        inb $0x71, %al
        say "rtc: periodic interrupt on"
        sti
1:      hlt
        cmpl $64, ticks
        jb 1b
        say "rtc: 64 ticks"
        power_off
clock:  pushl %eax
        incl ticks
        out 0x70, 0x0c
        inb $0x71, %al
        out 0x20, 0x20
        out 0x20, 0x20
        popl %eax
        iret
        .bss
ticks:  .long 0
S
}
BR=(--kernel k.elf --until 3s)
QE=(-kernel k.elf)
