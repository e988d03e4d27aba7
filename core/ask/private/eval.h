/* eval.h - what a probe's firing computes. The world that a program asks is a table of functions, so that tests have one of their own.
 * Private to core/ask/. */
#ifndef BOOTREEL_CORE_ASK_EVAL_H
#define BOOTREEL_CORE_ASK_EVAL_H

#include "core/ask/private/value.h"
#include "traces/event.h"

/* Who runs. */
struct ask_task {
    uint64_t address; /* of its task_struct; 0: not known */
    uint32_t pid, tid;
    char comm[64];
};

struct ask_eval;

struct ask_world {
    /* Guest memory, as the firing's processor sees it; how many of the n bytes there are. */
    size_t (*read)(void *ctx, uint64_t address, void *buf, size_t n);
    bool (*reg)(void *ctx, const char *name, uint64_t *v);
    void (*task)(void *ctx, struct ask_task *t);
    bool (*id)(void *ctx, bool group, uint64_t *v);
    /* Adds the name of an address; `user`: of the program that runs. `offset`: "name+12". */
    void (*symbol)(void *ctx, uint64_t address, bool user, bool offset, struct text *t);
    bool (*address_of)(void *ctx, const char *name, bool user, uint64_t *address);
    /* Adds the calls in progress, a line each. */
    void (*stack)(void *ctx, bool user, unsigned most, const char *mode, struct text *t);
    void (*caller)(void *ctx, struct text *t);
    void (*stage)(void *ctx, struct text *t);
    /* The argument of that name, of number i, or what a function returned. False: there is none. */
    bool (*argument)(void *ctx, const char *name, struct ask_value *v);
    bool (*numbered)(void *ctx, unsigned i, struct ask_value *v);
    bool (*result)(void *ctx, struct ask_value *v);
    /* A variable of the guest's kernel. */
    bool (*variable)(void *ctx, const char *name, uint64_t *address, const struct ask_type **type);
    /* The value of a node at a position of the run; -1 with the error. */
    int (*at)(void *ctx, const char *position, const struct ask_node *n, struct ask_value *v,
              struct error *err);
};

/* A probe fires. */
struct ask_firing {
    uint64_t icount, time;
    unsigned cpu, guest;
    const struct ask_place *place;
    const char *function; /* NULL: none */
    const char *probe; /* where the place is a pattern: the probe that it is here; NULL: as it is written */
};

struct ask_eval {
    const struct ask_program *p;
    const struct ask_world *world;
    void *ctx;
    struct ask_types *types;
    struct ask_map *maps;
    struct ask_print print;
    bool positions; /* each line that is printed begins with its icount */
    uint64_t start; /* guest time of the recording's clock, s since 1970: for time() and strftime() */
    const struct ask_firing *now;
    bool exits;  /* exit() was called */
    bool failed; /* `error` says why */
    struct ask_error error;
    /* of the firing */
    struct ask_value *local;
    uint64_t steps; /* of loops, and nodes */
    int leaving;    /* 0, or N_RETURN, N_BREAK, N_CONTINUE */
    unsigned depth;
    char **owned;
    size_t nowned;
};

void ask_eval_begin(struct ask_eval *e); /* after its fields were filled in */
void ask_eval_end(struct ask_eval *e);
/* Fires a probe: its condition, then its body. */
void ask_fire(struct ask_eval *e, const struct ask_probe *probe, const struct ask_firing *f);
/* Whether an expression is true where a firing is. */
bool ask_holds(struct ask_eval *e, const struct ask_node *n, const struct ask_firing *f);
/* The value of a node, as long as the firing lasts. */
struct ask_value ask_value_of(struct ask_eval *e, const struct ask_node *n);
/* Memory, and a text, as long as the firing lasts. */
void *ask_room(struct ask_eval *e, size_t n);
struct ask_value ask_text_value(struct ask_eval *e, const char *s, size_t n);
/* Takes a text that was composed. */
struct ask_value ask_take_text(struct ask_eval *e, struct text *t);
__attribute__((format(printf, 3, 4))) struct ask_value ask_fail(struct ask_eval *e, const struct ask_node *n,
                                                                const char *fmt, ...);
/* A value of a type in memory: a number is read, a record is where it is. */
struct ask_value ask_load(struct ask_eval *e, const struct ask_node *n, const struct ask_type *t,
                          uint64_t address);
/* loops.c: while and unroll; for. */
enum { ASK_TURNS_MOST = 1000000, ASK_VALUES_MOST = 10 * ASK_TURNS_MOST };
void ask_loop(struct ask_eval *e, const struct ask_node *n);
void ask_for(struct ask_eval *e, const struct ask_node *n);
/* A statement. */
void ask_statement(struct ask_eval *e, const struct ask_node *n);
/* A copy that lives as long as the firing, whatever becomes of the map. */
struct ask_value ask_borrowed(struct ask_eval *e, const struct ask_value *v);
/* A value as a map has it as a key. */
struct ask_value ask_as_key(struct ask_value v);
/* calls.c */
struct ask_value ask_call(struct ask_eval *e, const struct ask_node *n);
/* The cell of a map that a node names; NULL: there is none, and it is not to be made. */
struct ask_cell *ask_cell_of(struct ask_eval *e, const struct ask_node *n, bool make);
/* format.c: adds what printf prints. */
void ask_format(struct ask_eval *e, const struct ask_node *n, struct text *t);

#endif
