/* hooks.h - follows functions of the guest: calls back when one is entered and when it is left.
 *
 * A set of hooks belongs to one guest system (or to what --probe asks for). It owns its probes, so that one
 * call removes all of it.
 *
 * A call that is in progress is a *frame*: it is identified by its function and the stack pointer at its
 * entry, on whichever stack. A function is left where its code returns; these places are found once, by
 * disassembly, since probes have to be at fixed addresses (core/story/probes.h). Where its code jumps to
 * another function with the stack as at the entry (a tail call), that function's result is its own: it is
 * left when control comes to the return address with the caller's stack, whichever function executes the
 * return. The return address is taken from the stack at the first such jump for each caller, and probed; so
 * is that of a function whose code cannot be disassembled, when it is called.
 *
 * If a function is left without being noticed (its stack was thrown away), its frame stays until the same
 * function is entered at the same place of a stack.
 */
#ifndef BOOTREEL_CORE_STORY_HOOKS_H
#define BOOTREEL_CORE_STORY_HOOKS_H

#include "core/story/code.h"
#include "core/story/probes.h"
#include "core/symbols/symbols.h"

struct hooks;
struct hook;

/* A call in progress. */
enum { FRAME_VALUES = 12 };
struct hook_frame {
    const struct hook *hook;
    uint64_t sp;                  /* at the entry, linear */
    uint64_t after;               /* the stack pointer when the caller goes on; 0 if not known */
    uint64_t back;                /* the return address, if the call is left there; otherwise 0 */
    uint64_t time;                /* guest time at the entry, ns */
    uint64_t value[FRAME_VALUES]; /* for enter and leave to use */
};

/* Called at the entry. The frame is NULL if the exit is not hooked, or if hook_follow makes it. */
typedef void hook_enter(struct hook *h, const struct probe_hit *hit, struct hook_frame *f);
/* Called at the exit: the frame is no longer among those in progress. It may free the set. */
typedef void hook_leave(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f);

struct hook {
    struct hooks *set;
    const char *name; /* the symbol's name, owned by its table, or NULL */
    uint64_t address;
    hook_enter *enter;
    hook_leave *leave;
    void *ctx;               /* to be freed with it, or NULL */
    bool follows;            /* frames are made by hook_follow */
    bool exits_known;        /* disassembly has found where it is left */
    struct hook_exit *exits; /* these places, if it follows calls */
    size_t nexits;
};

/* Where a function may be left. */
struct hook_exit {
    uint64_t address;
    bool tail;      /* what may be a jump to another function */
    unsigned probe; /* its number in the set */
};

struct hooks_options {
    struct engine *engine;
    struct probes *probes;
    unsigned bits; /* of the code that is disassembled: 64 or 32 */
    void *ctx;
    /* Reads the guest's memory. False if not all of it can be read. */
    bool (*read)(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n);
    /* Called first at each probe. If false (another guest runs there), the probe is ignored. NULL: no
     * probe is ignored. */
    bool (*here)(void *ctx, const struct probe_hit *hit);
};

struct hooks *hooks_new(const struct hooks_options *o);
/* Its probes are removed. NULL is allowed. */
void hooks_free(struct hooks *hs);

/* A probe that lives as long as the set. */
void hooks_probe(struct hooks *hs, enum probe_space space, uint64_t address, probe_fn *fn, void *ctx);

/* A function whose code can be read now. `cold`: the part of it that the compiler moved elsewhere, or NULL.
 * enter or leave may be NULL. The caller has to call probes_apply. */
struct hook *hook_function(struct hooks *hs, unsigned cpu, const struct symbol *function,
                           const struct symbol *cold, hook_enter *enter, hook_leave *leave, void *ctx);
/* Calls enter whenever the address is executed; enter may call hook_follow. */
struct hook *hook_address(struct hooks *hs, uint64_t address, hook_enter *enter, hook_leave *leave,
                          void *ctx);
/* Follows the call that was just entered until it is left. Applies the probes that this needs. */
void hook_follow(struct hook *h, const struct probe_hit *hit);
/* Looks for the exits of a function of hook_address, now that its code can be read; `function` is all of it.
 * Applies the probes. If it was called before, what was found then is forgotten. */
void hook_find_exits(struct hook *h, unsigned cpu, const struct symbol *function);
/* A hook without probes: for frames at probes of one's own. */
struct hook *hook_keep(struct hooks *hs, void *ctx);

/* Calls fn for the sites in a function's code and in its cold part (or NULL). Does nothing for a function
 * over 256 KiB. */
void hooks_sites(struct hooks *hs, unsigned cpu, const struct symbol *function, const struct symbol *cold,
                 void (*fn)(void *ctx, const struct code_site *site), void *ctx);

/* ---------------------------------------------------------------- frames */

/* The stack pointer as a linear address. */
uint64_t hooks_stack_pointer(const struct hooks *hs, unsigned cpu);
/* Adds a frame. An old frame of this hook at the same place, whose end was not noticed, is replaced. Pointers
 * to frames are valid until the next push or drop. */
struct hook_frame *hook_push(struct hook *h, uint64_t sp, uint64_t time);
/* The innermost frame of this hook, or NULL if there is none. */
struct hook_frame *hook_find(const struct hook *h, uint64_t sp);
void hooks_drop(struct hooks *hs, struct hook_frame *f);
/* A stack is gone: drops the frames of all calls on the stack of `size` bytes (aligned to its size) that
 * contains `sp`. */
void hooks_drop_stack(struct hooks *hs, uint64_t sp, uint64_t size);
/* For firmware, which has no tasks: `f` has ended, so all calls that were entered since, on whichever stack,
 * were left by a jump and do not return. Calls `gone` for each, and drops it. */
void hooks_drop_since(struct hooks *hs, const struct hook_frame *f,
                      void (*gone)(void *ctx, const struct hook_frame *f), void *ctx);
void hooks_drop_all(struct hooks *hs);
/* The innermost frame of this hook on the stack whose pointer is now `sp`, at most 4 KiB away; NULL: there is
 * none (or the hook is NULL). */
struct hook_frame *hook_around(const struct hook *h, uint64_t sp);
/* All frames, in order of entry. */
const struct hook_frame *hooks_frames(const struct hooks *hs, size_t *n);
/* Goes on with a call from a frame of hooks_frames, and with the exits of its function, of another set that followed the same run up to
 * here. The caller has to call probes_apply. */
void hook_resume(struct hook *h, const struct hook_frame *f);
void hook_set_exits(struct hook *h, const struct hook_exit *exits, size_t n);

#endif
