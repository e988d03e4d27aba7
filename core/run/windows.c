/* windows.c - see windows.h. */
#include "core/run/windows.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/places.h"
#include "core/story/probes.h"

struct windows {
    const struct engine_function *function;
    size_t n;
    struct places *places; /* by function */
    bool *called;
    uint8_t data[1 + ENGINE_FUNCTION];
};

struct windows *windows_new(const struct engine_function *functions, size_t n)
{
    if (!n)
        return NULL;
    struct windows *w = mem_zero(1, sizeof *w);
    w->function = functions;
    w->n = n;
    w->places = mem_zero(n, sizeof *w->places);
    w->called = mem_zero(n, sizeof *w->called);
    return w;
}

void windows_free(struct windows *w)
{
    for (size_t i = 0; w && i < w->n; i++)
        places_free(&w->places[i]);
    if (w) {
        free(w->places);
        free(w->called);
    }
    free(w);
}

void windows_look(struct windows *w, struct inspector *in)
{
    for (size_t i = 0; w && in && i < w->n; i++)
        places_find(&w->places[i], in, w->function[i].name);
}

bool windows_at(const struct windows *w, uint64_t address)
{
    for (size_t i = 0; w && i < w->n; i++)
        if (places_have(&w->places[i], address))
            return true;
    return false;
}

bool windows_entered(struct windows *w, struct inspector *in, const struct stop *stop, struct input *input)
{
    uint64_t address;
    if (!w || !probes_halted(inspector_probes(in), stop, &address))
        return false;
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->function[i].name;
        if (!places_have(&w->places[i], address) || !places_still(in, stop->cpu, name, address))
            continue;
        const size_t length = strlen(name);
        w->called[i] = true;
        w->data[0] = (uint8_t)stop->cpu;
        memcpy(w->data + 1, name, length);
        *input = (struct input){.port = INPUT_TURNS, .data = w->data, .len = (uint32_t)(1 + length)};
        return true;
    }
    return false;
}

void windows_lacking(const struct windows *w, char *text, size_t size)
{
    *text = 0;
    for (size_t i = 0; w && i < w->n && !*text; i++)
        if (!w->called[i])
            snprintf(text, size, "turns=at:%s: %s", w->function[i].name,
                     w->places[i].n
                         ? "it was never called; the compiler may have put its code into its callers"
                         : "no function of that name was found");
}
