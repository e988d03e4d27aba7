/* nowhere.S - protected mode jumps to where there is no memory: FFh bytes come from there, and there is no IDT. Flat, at 1 MiB. */
    .code32
    mov $0xd0000000, %eax
    jmp *%eax
