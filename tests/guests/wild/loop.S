/* loop.S - waits for ever for an interrupt that does not come. Flat, at 7C00h. */
    .code16
    mov $0xff, %al
    out %al, $0x21
    out %al, $0xa1
    sti
1:  hlt
    jmp 1b
