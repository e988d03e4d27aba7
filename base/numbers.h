/* numbers.h - numbers and times as people read them, the same everywhere. */
#ifndef BOOTREEL_BASE_NUMBERS_H
#define BOOTREEL_BASE_NUMBERS_H

#include <stdint.h>

/* Room for each of these texts. All functions return buf. */
enum { NUMBER_TEXT = 40 };

/* 1,234,567 */
const char *number_commas(char buf[NUMBER_TEXT], uint64_t n);
/* "1 event", "2,345 events": nouns of at most 12 characters that take an s. */
const char *number_counted(char buf[NUMBER_TEXT], uint64_t n, const char *noun);
/* Guest time in seconds, from nanoseconds: 1.234567, rounded down; 1.234567 s; 1.234567891. */
const char *number_seconds(char buf[NUMBER_TEXT], uint64_t ns);
const char *number_time(char buf[NUMBER_TEXT], uint64_t ns);
const char *number_exact(char buf[NUMBER_TEXT], uint64_t ns);
/* How long something took: as number_time, or 417 ns if that would be nothing. */
const char *number_duration(char buf[NUMBER_TEXT], uint64_t ns);
/* 12.3 MB */
const char *number_bytes(char buf[NUMBER_TEXT], uint64_t n);

#endif
