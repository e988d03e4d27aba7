/* halt.S - halted with interrupts off: nothing can wake it. Flat, at 7C00h. */
    .code16
    cli
    hlt
1:  jmp 1b
