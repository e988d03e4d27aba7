/* private.h - the state of a variation. Private to hv/vary. */
#ifndef BOOTREEL_HV_VARY_PRIVATE_H
#define BOOTREEL_HV_VARY_PRIVATE_H

#include "hv/vary/vary.h"

/* What a kind's words set. */
struct vary_bounds {
    bool varied;     /* by the seed */
    bool scheduled;  /* the schedule has choices of it */
    bool priorities; /* turns: processors have priorities (PCT) */
    uint64_t max;    /* ns, or steps of a turn; 0: the default */
    unsigned nat;    /* turns: varied at these functions only … */
    struct engine_function at[ENGINE_TURNS_AT];
};

/* Sectors that cannot be read. */
enum { VARY_ERRORS = 16 };
struct vary_error {
    char drive[16];      /* the image's role */
    uint64_t lba, count; /* how many reads fail; UINT64_MAX: all */
};
struct vary_errors {
    unsigned n, ncalls;
    struct vary_error error[VARY_ERRORS];
    struct engine_call_error call[ENGINE_CALL_ERRORS];
    struct {
        bool given;
        uint64_t first,
            count; /* which writes of flash fail: from the first one on, counted from 1, so many */
    } nvram;
    enum { ERRORS_NONE, ERRORS_DISK, ERRORS_CALL, ERRORS_NVRAM } what; /* to which the next words belong */
};

/* A word of errors=…; `first`: the one after the '=', which begins an error. -1 with err. */
int vary_errors_word(struct vary_errors *, const char *word, size_t n, bool first, struct error *err);
/* Whether the next word is the name of a function, whatever it is. */
bool vary_errors_wants_name(const struct vary_errors *);
/* Whether each error has all that it needs. -1 with err. */
int vary_errors_complete(const struct vary_errors *, struct error *err);
/* Whether the machine has these sectors. -1 with err. */
int vary_errors_fit(const struct vary_errors *, const struct engine_config *, struct error *err);

struct choice {
    uint32_t kind, cpu;
    uint64_t ordinal, value;
};

struct vary {
    struct vary_bounds kind[VARY_KINDS];
    struct vary_errors errors;
    uint64_t seed, from, from_time;
    uint64_t (*time_at)(void *ctx, uint64_t icount);
    void *clock;
    struct choice *list; /* sorted */
    size_t nlist;
    bool quiet;
    void (*seen)(void *ctx, const struct engine_choice *c);
    void *ctx;
    struct engine_choice early[ENGINE_CPUS + 4]; /* made at power-on, before anybody observed */
    size_t nearly;
    struct {
        uint64_t count[VARY_USB];  /* choices of each kind; those from VARY_USB on are made at a reset */
        uint64_t own[ENGINE_CPUS]; /* steps of each processor */
        struct vary_turn_state turn;
        uint64_t rank[ENGINE_CPUS]; /* priorities: how often it was lowered; the fewest comes first */
        uint64_t lowered;
    } state;
    uint64_t window
        [ENGINE_CPUS]; /* turns=at: up to which of its own steps each processor's may be ended; state, too */
    uint64_t failed[VARY_ERRORS]; /* reads, by error; state, too */
    struct {
        uint64_t writes; /* since they count */
        uint64_t next;   /* the offset behind the last one that failed */
    } flash;             /* state, too */
};

/* A number that follows from the seed, the kind and two keys. */
uint64_t vary_random(const struct vary *v, enum vary_kind k, uint64_t a, uint64_t b);
/* Whether anything is varied at the position. */
static inline bool vary_begun(const struct vary *v, uint64_t icount)
{
    return !v->quiet && icount >= v->from &&
           (!v->from_time || (v->time_at && v->time_at(v->clock, icount) >= v->from_time));
}
/* The first choice of the schedule that is not before that key, or NULL. */
const struct choice *vary_listed(const struct vary *v, enum vary_kind k, uint32_t cpu, uint64_t ordinal);
/* Whether the schedule has a later one of that kind: then the seed does not decide yet. */
bool vary_scheduled_later(const struct vary *v, enum vary_kind k, uint32_t cpu, uint64_t ordinal);
void vary_tell(struct vary *v, enum vary_kind k, uint32_t cpu, uint64_t ordinal, uint64_t value,
               uint64_t icount);
/* From 1 to max; each order of magnitude is as likely. */
uint64_t vary_magnitude(uint64_t random, uint64_t max);

#endif
