/* vectors.c - see vectors.h. */
#include <stddef.h>

#include "core/ground/vectors.h"

static const struct exception_name exceptions[] = {
    {"#DE", "divide error"},
    {"#DB", "debug"},
    {"NMI", "non-maskable interrupt"},
    {"#BP", "breakpoint"},
    {"#OF", "overflow"},
    {"#BR", "BOUND range exceeded"},
    {"#UD", "invalid opcode"},
    {"#NM", "x87 not available"},
    {"#DF", "double fault"},
    {"#9", "coprocessor segment overrun"},
    {"#TS", "invalid TSS"},
    {"#NP", "segment not present"},
    {"#SS", "stack fault"},
    {"#GP", "general protection"},
    {"#PF", "page fault"},
    {"#15", "reserved"},
    {"#MF", "x87 floating-point error"},
    {"#AC", "alignment check"},
    {"#MC", "machine check"},
    {"#XM", "SIMD floating-point error"},
    {"#VE", "virtualization"},
    {"#CP", "control protection"},
};

const struct exception_name *exception_name(unsigned vector)
{
    return vector < sizeof exceptions / sizeof exceptions[0] ? &exceptions[vector] : NULL;
}

const char *interrupt_line_name(unsigned i)
{
    static const char *const names[16] = {"the timer (PIT)",
                                          "the keyboard",
                                          "the slave 8259A",
                                          "COM2",
                                          "COM1",
                                          "IRQ 5",
                                          "the floppy drive",
                                          "IRQ 7",
                                          "the clock",
                                          "IRQ 9",
                                          "IRQ 10",
                                          "IRQ 11",
                                          "the mouse",
                                          "IRQ 13",
                                          "IDE's first channel",
                                          "IDE's second channel"};
    return names[i & 15];
}
