/* flood.S - as many events a step as can be, and as unlike each other: random numbers to random places where nothing is. Flat, at 1 MiB. */
    .code32
    mov $1, %eax
1:  imul $0x19660d, %eax, %eax
    add $0x3c6ef35f, %eax
    mov %eax, %edi
    or $0xc0000000, %edi /* 3 GiB and up */
    and $0xdfffffff, %edi
    stosl
    mov %eax, %edx
    shr $16, %edx
    or $0x8000, %edx
    out %eax, %dx
    jmp 1b
