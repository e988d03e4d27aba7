/* demo.h - the demo disk as the program carries it: an object that demo.mk makes of demo.img. For cli. */
#ifndef BOOTREEL_GUESTS_DEMO_H
#define BOOTREEL_GUESTS_DEMO_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t demo_disk_start[], demo_disk_end[];

/* A hard disk that boots by itself to power-off: see README.md beside this file. */
static inline const uint8_t *demo_disk(size_t *size)
{
    *size = (size_t)(demo_disk_end - demo_disk_start);
    return demo_disk_start;
}

#endif
