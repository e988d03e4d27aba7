/* zero.S - two bytes of memory beyond the end of the code: falls through zeros. Flat, at 1 MiB. */
    .code32
    nop
