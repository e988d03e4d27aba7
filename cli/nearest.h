/* nearest.h - what a misspelt word was meant to be. Private to cli/. */
#ifndef BOOTREEL_CLI_NEAREST_H
#define BOOTREEL_CLI_NEAREST_H

#include <stddef.h>

/* How many letters have to be changed, added, left out or exchanged with the next one to make `b` of the n
 * letters of `a`. Cost: the product of the lengths; words of more than 40 letters are far from all. */
unsigned word_distance(const char *a, size_t n, const char *b);
/* Whether one is so near to the other that it may be meant: one change for each three letters, two at most. */
int word_near(const char *a, size_t n, const char *b);

#endif
