/* tree.h - a call tree while it is made. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_TREE_H
#define BOOTREEL_CORE_RAN_TREE_H

#include "core/ran/calls.h"
#include "core/ran/private/who.h"
#include "core/symbols/type_tree.h"
#include "core/views/views.h"

enum { CALL_PARAMETERS = 6, CALL_STRING = 48 };

/* A function that was seen. */
struct known_function {
    struct call_function f;
    symbol_space space;
    bool begins; /* it is entered at its symbol's address */
    bool wanted; /* options.function */
    bool asked;  /* whether its types are known */
    bool typed;  /* `proto` is known */
    bool gives;  /* … and it has a result */
    uint8_t nparameters;
    uint8_t strings; /* a bit for each parameter that is a text */
    struct tree_type proto;
};

/* A call in progress. */
struct frame {
    uint64_t slot, back;     /* where its return address is; 0: not known, or none */
    uint32_t function, call; /* CALL_NONE: it is not kept */
    uint8_t sort;
    bool wanted;    /* it or a caller is options.function */
    uint32_t depth; /* among the wanted ones */
    uint64_t begin, time, own;
};

struct thread {
    struct frame *frame;
    size_t n, cap;
    uint64_t near;   /* an address on the stack of its outermost frame; 0: not known */
    uint32_t number; /* in calls.thread; CALL_NONE: nothing of it was kept */
};

struct calls {
    struct call *call;
    size_t ncalls, capcalls;
    struct known_function *function;
    size_t nfunctions, capfunctions;
    struct call_thread *thread;
    size_t nthreads;
    uint64_t *value; /* for each call with arguments: its parameters, and its result if it has one */
    size_t nvalues, capvalues;
    char *strings; /* … of which texts are here, by their place */
    size_t nstrings, capstrings;
    uint64_t executed;
    struct kernel_types *types;
};

struct taking {
    const struct calls_options *o;
    struct calls *c;
    struct who who;
    struct engine *e;
    struct look look;
    struct thread **thread;
    size_t nthreads;
    struct thread *now[WHO_CPUS]; /* NULL: not known yet */
    uint64_t last_time;
    struct call_cache {
        uint64_t address;
        symbol_space space;
        uint32_t number; /* + 1 */
    } * cache;
    struct hash_index by_place;
    bool halves;                     /* addresses with bit 63 are a kernel's: others belong to programs */
    size_t reg[CALL_PARAMETERS + 1]; /* arguments, result */
    struct error trouble;
    bool failed;
    void (*stop)(void *ctx);
    void *stop_ctx;
};

/* What is at an address that is entered. */
uint32_t call_function_at(struct taking *t, unsigned cpu, uint64_t address, uint64_t icount);
/* Keeps the arguments of a call that has just been entered; and its result, when it has just returned. */
void call_keep_arguments(struct taking *t, unsigned cpu, struct call *call);
void call_keep_result(struct taking *t, unsigned cpu, const struct call *call);

/* calls_follow.c: one call, return or delivery. */
void call_follow(struct taking *t, const struct engine_flow *f);
/* The calls in progress where the window begins, on all processors; and what is still in progress at its end. */
void calls_begin(struct taking *t, uint64_t icount, uint64_t time);
void calls_finish(struct taking *t, uint64_t icount, uint64_t time);

#endif
