/* run.h - the first program of guests of `bootreel run`: an object that run.mk makes. For cli. */
#ifndef BOOTREEL_GUESTS_RUN_RUN_H
#define BOOTREEL_GUESTS_RUN_RUN_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t run_init_start[], run_init_end[];

/* A static ELF program for 64-bit Linux. */
static inline const uint8_t *run_init(size_t *size)
{
    *size = (size_t)(run_init_end - run_init_start);
    return run_init_start;
}

#endif
