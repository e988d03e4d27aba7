/* windows.h - where turns=at:FUNCTION lets the machine vary turns: the engine stops where a function of that name begins, and the machine is
 * given an input that says so (INPUT_TURNS). A trace has these inputs, so a replay needs no symbols.
 */
#ifndef BOOTREEL_CORE_RUN_WINDOWS_H
#define BOOTREEL_CORE_RUN_WINDOWS_H

#include "core/story/inspector.h"

struct windows;

/* The functions must stay until it is freed. NULL if there are none. */
struct windows *windows_new(const struct engine_function *functions, size_t n);
void windows_free(struct windows *); /* NULL is allowed */
/* For inspector_options.symbols_changed. `w` may be NULL. */
void windows_look(struct windows *w, struct inspector *in);
/* Whether it stops there. `w` may be NULL. */
bool windows_at(const struct windows *w, uint64_t address);
/* Whether the engine has stopped where one of the functions begins: then *input is to be given to it; it stays until the next call. `w` may be
 * NULL. */
bool windows_entered(struct windows *w, struct inspector *in, const struct stop *stop, struct input *input);
/* The first function that was not found or not called, in words, or "". `w` may be NULL. */
void windows_lacking(const struct windows *w, char *text, size_t size);

#endif
