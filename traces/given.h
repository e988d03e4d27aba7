/* given.h - what a machine is given from outside: its settings and its inputs, as an engine takes them and a
 * trace keeps them. Part of core/engine/engine.h and of traces/trace.h.
 */
#ifndef BOOTREEL_TRACES_GIVEN_H
#define BOOTREEL_TRACES_GIVEN_H

#include <stddef.h>
#include <stdint.h>

/* "memory" = "268435456". A machine's settings keep their order. */
struct setting {
    const char *key;
    const char *value;
};

/* The value of a key, or NULL. */
static inline const char *setting_find(const struct setting *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (!__builtin_strcmp(list[i].key, key))
            return list[i].value;
    return NULL;
}

/* Something that came from outside at a position. */
struct input {
    uint64_t icount; /* applied once this many steps have been executed … */
    uint64_t time;   /* … and, if halted, when guest time has been skipped up to here */
    uint16_t port;   /* the engine's number of the device that gets it: enum input_port */
    const void *data;
    uint32_t len; /* at most TRACE_MAX_INPUT */
};

#endif
