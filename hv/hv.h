/* hv.h - the PC engine. Only cli/ includes this: everything else uses core/engine/engine.h. */
#ifndef BOOTREEL_HV_HV_H
#define BOOTREEL_HV_HV_H

#include "core/engine/engine.h"

/* Raised whenever the same inputs would run differently. A trace of HV_OLDEST or later runs as it was
 * recorded: code that a version changed asks which version the configuration wants (board_behaves() in
 * hv/board/board.h). docs/versions.md says when the oldest may go. */
enum { HV_BEHAVIOUR = 16, HV_OLDEST = 14 };
/* Who replays recordings of the versions before HV_OLDEST. */
extern const struct engine_past hv_past[];

/* Builds a PC and brings it to reset. All settings are optional: core/engine/settings.c has a row for each, `bootreel record --help` says what they mean.
 * Images by role: bios, vgabios, kernel, initrd, moduleN, diskN, cdrom and cdromN, floppy0, floppy1, nicN-rom, flat; and hvmloader,
 * which makes the machine an HVM domain of Xen.
 * Returns NULL and fills err. Images and settings must outlive the engine. */
struct engine *hv_create(const struct engine_config *cfg, struct error *err);

/* What a file in a folder of the host that the guest sees holds at the engine's position, in parts: "share<number>" and the path below it,
 * without links. Only what the guest has seen or made is there; the machine does not change. -1 with err. */
int hv_share_read(struct engine *, unsigned number, const char *path, void *ctx,
                  void (*take)(void *ctx, const void *data, size_t n), struct error *err);

/* Whether this build compiles guest code at all (docs/compiler.md). */
bool hv_compiles(void);

/* Whether texts are valid settings "vary" and "schedule" (hv/vary/vary.h); NULL is. -1 with err, which names the word. */
int hv_vary_check(const char *kinds, const char *schedule, struct error *err);
/* Whether a word of --vary, up to a comma or '=', begins a kind or errors: else it belongs to those before it. */
bool hv_vary_begins(const char *word);
/* The calls that a valid setting "vary" makes fail; returns how many there are. */
size_t hv_vary_calls(const char *kinds, struct engine_call_error list[ENGINE_CALL_ERRORS]);
/* The functions at which a valid setting "vary" varies turns; returns how many there are. */
size_t hv_vary_turns_at(const char *kinds, struct engine_function list[ENGINE_TURNS_AT]);
/* What of a valid setting "vary" is the same with each seed and schedule (errors), or NULL if nothing is. The caller frees it. */
char *hv_vary_fixed(const char *kinds);

/* Names of the processor models, the default first; NULL after the last. */
const char *hv_cpu_model(unsigned i);

/* What the PC's events mean, in words; core/story/explain.h uses it. */
extern const struct engine_words hv_words;

#endif
