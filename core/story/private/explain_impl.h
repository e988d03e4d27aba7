/* explain_impl.h - what the files of explain.c share. Private to them. */
#ifndef BOOTREEL_CORE_STORY_EXPLAIN_IMPL_H
#define BOOTREEL_CORE_STORY_EXPLAIN_IMPL_H

#include "base/text.h"
#include "core/engine/engine.h"
#include "core/story/profile.h"
#include "traces/trace.h"

/* ---- explain_files.c: which files a disk's sectors belong to, before the boot ---- */

struct file_words;
/* `engine` may be NULL: then nothing is known. Both must outlive it. */
struct file_words *file_words_new(struct trace *t, const struct engine_words *engine);
void file_words_free(struct file_words *);
/* Adds "; partition 1: /boot/vmlinuz from byte 4096" for a read from a disk, nothing for other events. Cost:
 * see volumes_find(). */
void file_words_add(struct file_words *, const struct event *ev, struct text *out);

/* ---- explain_virt.c: guests of a hypervisor in the machine ---- */

/* Adds what an event of the class virt means. False for others. */
bool explain_virt_event(const struct event *ev, struct text *out);

/* ---- explain_cpu.c: what any x86 processor and any boot does ---- */

/* Adds the event's explanation. False if there is none here. *builtin: the built-in profile, or NULL; it is
 * parsed at the first POST code, and the caller frees it. */
bool explain_cpu(const struct event *ev, const struct trace_config *cfg, struct profile **builtin,
                 struct text *out);
/* The document that describes it, or NULL. */
const char *explain_cpu_manual(const struct event *ev);
/* ": LME, LMA" for a register that has named bits. */
void explain_register_bits(struct text *out, const char *reg, uint64_t value);

#endif
