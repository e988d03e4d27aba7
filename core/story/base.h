/* base.h - what every guest system does with the machine: where it stands, registers, memory, symbols,
 * hooks, notes, events. The struct of a guest that examines code and memory begins with a `struct guest_base`
 * named `base`; GUEST_ACCESS then gives it these functions under a prefix of its own.
 */
#ifndef BOOTREEL_CORE_STORY_BASE_H
#define BOOTREEL_CORE_STORY_BASE_H

#include "base/memory.h"
#include "core/story/guest.h"
#include "core/story/hooks.h"

/* Registers that guest systems look at. In 32-bit code they are the lower halves. */
enum guest_reg {
    GUEST_RAX,
    GUEST_RBX,
    GUEST_RCX,
    GUEST_RDX,
    GUEST_RSI,
    GUEST_RDI,
    GUEST_RBP,
    GUEST_RSP,
    GUEST_R8,
    GUEST_R9,
    GUEST_R10,
    GUEST_R15,
    GUEST_RIP,
    GUEST_EFLAGS,
    GUEST_CPL,
    GUEST_CR0,
    GUEST_CR2,
    GUEST_CR3,
    GUEST_EFER,
    GUEST_FS_BASE,
    GUEST_GS_BASE,
    GUEST_REGS
};

struct guest_base;

/* Where guest systems differ. A function may be NULL, with the meaning that its comment gives. */
struct guest_base_ops {
    /* Reads memory at a linear address up to the first byte that cannot be read; returns the number of bytes
     * done. NULL: memory is read as the processor sees it. */
    size_t (*peek)(const struct guest_base *b, uint64_t address, void *buf, size_t n);
    /* At a probe of the guest: whether it is the system's own code that runs. NULL: it always is. */
    bool (*runs)(const struct guest_base *b);
};

/* For systems without differences: all functions are NULL. */
extern const struct guest_base_ops guest_base_plain;

struct guest_base {
    struct guest guest;
    struct guest_options o;
    const struct guest_base_ops *ops;
    unsigned word;         /* bytes of the guest's pointers: 8 or 4 */
    unsigned cpu;          /* the processor that is looked at */
    uint64_t icount, time; /* the position: of the last event or probe */
    symbol_space space;    /* the system's own, once it is found */
    struct hooks *hooks;   /* NULL until it is found */
    size_t reg[GUEST_REGS];
    char missing[1024]; /* symbols that this system does not have */
    char notes[2048];   /* what the next note will say */
    unsigned noted;     /* bits by number: said by base_note_once */
};

/* `word` is 8 until the guest says otherwise. */
void base_init(struct guest_base *b, const struct guest_system *system, const struct guest_options *o,
               const struct guest_base_ops *ops);

/* ---------------------------------------------------------------- the position */

/* To be called first with an event of the engine. */
void base_at_event(struct guest_base *b, const struct event *ev);
/* To be called first in each probe that is not one of b->hooks. False: something else runs there. */
bool base_here(struct guest_base *b, const struct probe_hit *hit);

/* ---------------------------------------------------------------- registers and memory */

uint64_t base_reg(const struct guest_base *b, enum guest_reg reg);
/* The value of the register of that name ("r12", "ebx"); false if there is none. */
bool base_reg_by_name(const struct guest_base *b, const char *name, uint64_t *value);
/* Argument i (0-5) of a function that was just entered: System V conventions (AMD64 ABI, 3.2.3; i386 ABI: the
 * stack). */
uint64_t base_argument(const struct guest_base *b, unsigned i);

/* Reads memory at a linear address. Bytes that cannot be read are zero, and the result is then false. */
bool base_read(const struct guest_base *b, uint64_t address, void *buf, size_t n);
/* As guest_system.read, for a guest whose struct begins with a guest_base. */
bool base_read_at(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n);
/* Numbers in memory: 64 bits, 32 bits, as wide as the guest's pointers. */
uint64_t base_u64(const struct guest_base *b, uint64_t address);
uint32_t base_u32(const struct guest_base *b, uint64_t address);
uint64_t base_word(const struct guest_base *b, uint64_t address);
/* Reads a text ended by NUL, at most size - 1 bytes; "" if it cannot be read. Returns its length. */
size_t base_string(const struct guest_base *b, uint64_t address, char *buf, size_t size);
/* The member at `offset` of an object: a word, 64 bits, 32 bits. 0 if the object is NULL or the offset is not
 * known (below 0). */
uint64_t base_member(const struct guest_base *b, uint64_t object, int offset);
uint64_t base_member64(const struct guest_base *b, uint64_t object, int offset);
uint32_t base_member32(const struct guest_base *b, uint64_t object, int offset);
/* Reads the guest's physical memory, as guest_peek_physical. */
size_t base_peek_physical(const struct guest_base *b, uint64_t address, void *buf, size_t n);

/* ---------------------------------------------------------------- symbols */

/* A symbol's address in b->space, or 0 if there is none. */
uint64_t base_symbol(const struct guest_base *b, const char *name);
bool base_function(const struct guest_base *b, const char *name, struct symbol *sym);
/* Writes "name", or "name [module]"; "0x…" if the address has no symbol. */
void base_name(const struct guest_base *b, uint64_t address, char *buf, size_t size);

/* ---------------------------------------------------------------- hooks */

/* For b->hooks: hooks that read the guest's memory, at probes where the guest runs. */
struct hooks *base_hooks_new(struct guest_base *b);
/* Hooks a function and its cold part in b->hooks. */
struct hook *base_hook(struct guest_base *b, const struct symbol *function, hook_enter *enter,
                       hook_leave *leave, void *ctx);
/* Calls fn for the sites in a function's code, including its cold part. */
void base_sites(struct guest_base *b, const struct symbol *function,
                void (*fn)(void *ctx, const struct code_site *site), void *ctx);

/* ---------------------------------------------------------------- events and notes */

bool base_wants(const struct guest_base *b, enum event_class cls);
/* Makes an event at the position, if its class is wanted. `data` may be NULL. */
void base_emit(const struct guest_base *b, unsigned kind, const char *data, const uint64_t *fields,
               size_t nfields);
/* As base_emit, with the fields as arguments: GUEST_EMIT(lx, EV_…, data, field, …). */
#define GUEST_EMIT(g, kind, data, ...)                                                                       \
    base_emit(&(g)->base, kind, data, (const uint64_t[]){__VA_ARGS__},                                       \
              sizeof((const uint64_t[]){__VA_ARGS__}) / 8)
/* Adds a note about something that cannot be reported about this system; base_say_notes makes one event of
 * all notes. */
__attribute__((format(printf, 2, 3))) void base_note(struct guest_base *b, const char *fmt, ...);
/* Adds the name of a symbol that the system does not have. */
void base_missing(struct guest_base *b, const char *name);
/* Adds a note of what is missing, since all symbols have been looked up. `what`: "kernel". */
void base_note_missing(struct guest_base *b, const char *what);
void base_say_notes(struct guest_base *b);
/* For what is noticed later: makes an event of its own, once for each number. */
void base_note_once(struct guest_base *b, unsigned number, const char *text);

/* ---------------------------------------------------------------- under the guest's own prefix */

/* What systems after Unix have alike, in words: open's flags, whose access mode is in the lowest two bits (the others are `flags`), and
 * the protection of a mapping. */
void base_add_open_flags(struct text *t, uint64_t v, const struct flag_name *flags);
void base_add_protection(struct text *t, uint64_t v);

/* Defines p_reg, p_read, p_word, p_u32, p_u64, p_string, p_member, p_member32, p_symbol and p_emit for a guest of that
 * type, and the types of its callbacks: p_enter, called when a function is entered (the frame is NULL unless the exit
 * is hooked too; arguments are in the registers), and p_leave, called when it is left (rax is the result). */
#define GUEST_ACCESS(p, type)                                                                                \
    static inline uint64_t p##_reg(const type *g, enum guest_reg reg)                                        \
    {                                                                                                        \
        return base_reg(&g->base, reg);                                                                      \
    }                                                                                                        \
    static inline bool p##_read(const type *g, uint64_t address, void *buf, size_t n)                        \
    {                                                                                                        \
        return base_read(&g->base, address, buf, n);                                                         \
    }                                                                                                        \
    static inline uint64_t p##_word(const type *g, uint64_t address)                                         \
    {                                                                                                        \
        return base_word(&g->base, address);                                                                 \
    }                                                                                                        \
    static inline uint32_t p##_u32(const type *g, uint64_t address)                                          \
    {                                                                                                        \
        return base_u32(&g->base, address);                                                                  \
    }                                                                                                        \
    static inline uint64_t p##_u64(const type *g, uint64_t address)                                          \
    {                                                                                                        \
        return base_u64(&g->base, address);                                                                  \
    }                                                                                                        \
    static inline size_t p##_string(const type *g, uint64_t address, char *buf, size_t size)                 \
    {                                                                                                        \
        return base_string(&g->base, address, buf, size);                                                    \
    }                                                                                                        \
    static inline uint64_t p##_member(const type *g, uint64_t object, int offset)                            \
    {                                                                                                        \
        return base_member(&g->base, object, offset);                                                        \
    }                                                                                                        \
    static inline uint32_t p##_member32(const type *g, uint64_t object, int offset)                          \
    {                                                                                                        \
        return base_member32(&g->base, object, offset);                                                      \
    }                                                                                                        \
    static inline uint64_t p##_symbol(const type *g, const char *name)                                       \
    {                                                                                                        \
        return base_symbol(&g->base, name);                                                                  \
    }                                                                                                        \
    static inline void p##_emit(const type *g, unsigned kind, const char *data, const uint64_t *fields,      \
                                size_t nfields)                                                              \
    {                                                                                                        \
        base_emit(&g->base, kind, data, fields, nfields);                                                    \
    }                                                                                                        \
    typedef void p##_enter(type *g, struct hook_frame *f);                                                   \
    typedef void p##_leave(type *g, const struct hook_frame *f)

/* Defines, for one file of the guest, hook_calls: base_hook with callbacks of its own types. */
#define GUEST_HOOKS(p, type)                                                                                 \
    struct hooked {                                                                                          \
        type *guest;                                                                                         \
        p##_enter *enter;                                                                                    \
        p##_leave *leave;                                                                                    \
    };                                                                                                       \
    static void entered(struct hook *h, const struct probe_hit *hit, struct hook_frame *f)                   \
    {                                                                                                        \
        const struct hooked *x = h->ctx;                                                                     \
        x->enter(x->guest, f);                                                                               \
    }                                                                                                        \
    static void left(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f)                \
    {                                                                                                        \
        const struct hooked *x = h->ctx;                                                                     \
        x->leave(x->guest, f);                                                                               \
    }                                                                                                        \
    static struct hook *hook_calls(type *g, const struct symbol *function, p##_enter *enter,                 \
                                   p##_leave *leave)                                                         \
    {                                                                                                        \
        struct hooked *x = mem_zero(1, sizeof *x);                                                           \
        *x = (struct hooked){g, enter, leave};                                                               \
        return base_hook(&g->base, function, enter ? entered : NULL, leave ? left : NULL, x);                \
    }

#endif
