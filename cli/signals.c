/* signals.c - Ctrl-C and the like, received by a thread of its own: without a handler, no file-scope
 * state is needed. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cli.h"

enum { PATIENCE = 3, WAKE = SIGUSR1 /* has the thread look whether it is to end */ };

struct signals {
    pthread_t thread;
    void (*fn)(void *ctx);
    void (*on_interrupt)(void *ctx); /* NULL: fn */
    void *ctx;
    atomic_bool ended;
};

static sigset_t the_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, WAKE);
    return set;
}

void signals_block(void)
{
    sigset_t set = the_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *wait_for_signals(void *arg)
{
    struct signals *s = arg;
    sigset_t set = the_signals();
    for (int n = 0, sig; !sigwait(&set, &sig) && !atomic_load(&s->ended);) {
        if (sig == WAKE) /* by somebody else */
            continue;
        if (sig == SIGINT && s->on_interrupt) {
            s->on_interrupt(s->ctx);
            continue;
        }
        if (++n >= PATIENCE)
            _exit(128 + sig);
        s->fn(s->ctx);
    }
    return NULL;
}

struct signals *signals_start(void (*fn)(void *ctx), void *ctx)
{
    return signals_start_apart(fn, NULL, ctx);
}

struct signals *signals_start_apart(void (*fn)(void *ctx), void (*on_interrupt)(void *ctx), void *ctx)
{
    struct signals *s = mem_zero(1, sizeof *s);
    s->fn = fn;
    s->on_interrupt = on_interrupt;
    s->ctx = ctx;
    if (pthread_create(&s->thread, NULL, wait_for_signals, s)) {
        free(s);
        return NULL;
    }
    return s;
}

/* Not by pthread_cancel(): the C library loads libgcc_s for it, and aborts where there is no memory for that. */
void signals_stop(struct signals *s)
{
    if (!s)
        return;
    atomic_store(&s->ended, true);
    if (pthread_kill(s->thread, WAKE))
        return; /* it waits on, and does nothing any more */
    pthread_join(s->thread, NULL);
    free(s);
}
