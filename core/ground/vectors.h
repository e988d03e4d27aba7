/* vectors.h - the names of exceptions and of the interrupt lines of a PC. */
#ifndef BOOTREEL_CORE_GROUND_VECTORS_H
#define BOOTREEL_CORE_GROUND_VECTORS_H

struct exception_name {
    const char *mnemonic, *name; /* "#PF", "page fault" */
};
/* NULL if the processor has no exception of that vector. SDM volume 3, table 6-1. */
const struct exception_name *exception_name(unsigned vector);
/* "the keyboard": what a line of the 8259As (0 to 15) is for in every PC; "IRQ 5" if that differs. */
const char *interrupt_line_name(unsigned line);

#endif
