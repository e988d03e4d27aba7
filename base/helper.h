/* helper.h - threads that help another one, and get no signals: those are for the threads that wait for them. */
#ifndef BOOTREEL_BASE_HELPER_H
#define BOOTREEL_BASE_HELPER_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

/* As pthread_create(): 0, or an error number. In the thread, write() fails with EFBIG or EPIPE where a signal would end the process. */
static inline int helper_create(pthread_t *thread, void *(*fn)(void *ctx), void *ctx)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(thread, NULL, fn, ctx);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

/* A thread that does one thing. All zero, there is none. */
struct helper {
    bool running;
    pthread_t thread;
};

/* Where there can be no thread, the work is done at once. */
static inline void helper_start(struct helper *h, void *(*fn)(void *ctx), void *ctx)
{
    h->running = !helper_create(&h->thread, fn, ctx);
    if (!h->running)
        fn(ctx);
}

/* Waits for its end; may be called again. */
static inline void helper_wait(struct helper *h)
{
    if (h->running)
        pthread_join(h->thread, NULL);
    h->running = false;
}

#endif
