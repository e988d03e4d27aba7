/* noise.h - bytes without a meaning, the same in each run: whatever reads code must get through them. */
#ifndef BOOTREEL_TESTS_NOISE_H
#define BOOTREEL_TESTS_NOISE_H

#include <stddef.h>
#include <stdint.h>

enum { NOISE_SIZE = 4096 };

/* Calls `take` for 200 pages of them, which are counted from 0. */
static inline void make_noise(void (*take)(const uint8_t bytes[NOISE_SIZE], unsigned page))
{
    uint8_t bytes[NOISE_SIZE];
    uint64_t seed = 1;
    for (unsigned page = 0; page < 200; page++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(seed >> 56);
        }
        take(bytes, page);
    }
}

#endif
