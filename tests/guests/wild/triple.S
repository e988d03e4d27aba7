/* triple.S - a triple fault, from real mode: an interrupt with an empty vector table. Flat, at 7C00h. */
    .code16
start:
    lidt %cs:(0x7c00 + none - start)
    int3
1:  jmp 1b
none:
    .word 0
    .long 0
