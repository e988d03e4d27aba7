/* mangle.c - loss, doubling, delay and damage of frames, by numbers that follow from a seed. */
#include <inttypes.h>
#include <stdio.h>

#include "core/net/private/wire.h"
#include "core/packets/packet.h"

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

enum mangled mangle(uint64_t *state, unsigned percent, uint8_t *frame, size_t n, char words[MANGLE_WORDS])
{
    static const enum mangled kinds[] = {MANGLE_LOSE, MANGLE_DOUBLE, MANGLE_DELAY, MANGLE_DAMAGE};
    if (!percent || next(state) % NET_PERCENT >= percent)
        return MANGLE_NOTHING;
    enum mangled what = kinds[next(state) % (sizeof kinds / sizeof kinds[0])];
    static const char *const said[] = {
        [MANGLE_LOSE] = "lost", [MANGLE_DOUBLE] = "doubled", [MANGLE_DELAY] = "delayed"};
    char line[MANGLE_WORDS - 64];
    packet_line(frame, n, n, line, sizeof line);
    if (what != MANGLE_DAMAGE)
        snprintf(words, MANGLE_WORDS, "%s: %s", said[what], line);
    if (what == MANGLE_DAMAGE && n) {
        uint64_t bit = next(state) % (n * 8);
        snprintf(words, MANGLE_WORDS, "damaged, bit %" PRIu64 " of byte %" PRIu64 ": %s", bit % 8, bit / 8,
                 line);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return what;
}
