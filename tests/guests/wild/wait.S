/* wait.S - waits for ever, while a timer of the HPET passes each millisecond and interrupts nobody. Flat, at 1 MiB. */
    .code32
    mov $0xff, %al
    out %al, $0x21
    out %al, $0xa1
    mov $0xfed00000, %esi
    movl $0x4c, 0x100(%esi)   /* timer 0: on, periodic, the value follows */
    movl $100000, 0x108(%esi)
    movl $1, 0x10(%esi)       /* the counter runs */
    sti
1:  hlt
    jmp 1b
