/* must.h - limits and contracts of the program's own that hold in every build.
 *
 * must(condition, words) ends the program by abort() if the condition is false, with one line that says where and what. It is for what only
 * a defect of the program can violate, and what would corrupt memory or a run if it went on: more chips than the board has room for. What a
 * guest, a file or a person can bring about is an error (base/error.h), never this. assert() is for contracts that are tested on the way
 * and need not hold in a build with NDEBUG.
 */
#ifndef BOOTREEL_BASE_MUST_H
#define BOOTREEL_BASE_MUST_H

/* Prints "bootreel: FILE:LINE: WORDS (CONDITION): a defect of bootreel" on standard error, and aborts. */
__attribute__((noreturn, cold)) void must_fail(const char *file, int line, const char *condition,
                                               const char *words);

#define must(condition, words)                                                                               \
    (__builtin_expect(!!(condition), 1) ? (void)0 : must_fail(__FILE__, __LINE__, #condition, words))

#endif
