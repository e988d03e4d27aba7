/* failure.c - see failure.h. */
#include <stdatomic.h>

#include "traces/failure.h"
#include "base/memory.h"

enum { NONE, TAKEN, THERE };

struct failure {
    atomic_uint users;
    atomic_int state;
    struct error err; /* once THERE */
};

struct failure *failure_new(void)
{
    struct failure *f = mem_zero(1, sizeof *f);
    atomic_init(&f->users, 1);
    return f;
}

struct failure *failure_share(struct failure *f)
{
    atomic_fetch_add(&f->users, 1);
    return f;
}

void failure_leave(struct failure *f)
{
    if (f && atomic_fetch_sub(&f->users, 1) == 1)
        free(f);
}

void failure_note(struct failure *f, const struct error *err)
{
    int none = NONE;
    if (!atomic_compare_exchange_strong(&f->state, &none, TAKEN))
        return;
    f->err = *err;
    atomic_store(&f->state, THERE);
}

bool failure_noted(const struct failure *f, struct error *err)
{
    const bool there = atomic_load(&f->state) == THERE;
    if (there && err)
        *err = f->err;
    return there;
}
