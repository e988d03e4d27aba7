/* net.c - see net.h: the frames that wait, in both directions. */
#include "core/net/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "core/net/private/wire.h"

enum {
    SHORTEST = 60,       /* bytes of a frame on the wire, without the FCS */
    NS_BYTE = 1,         /* of guest time: 8 Gbit/s */
    RETRY = 50000,       /* ns of guest time until a card without room is asked again */
    RETRIES = 2000,      /* how often it is asked again before the frame is dropped */
    DELAY = 3000000,     /* of a frame that others overtake */
    QUEUE_MOST = 4096,   /* frames to the guest that wait */
    MOMENT_MS = 20,      /* of real time */
    PATIENCE_MS = 30000, /* of real time in which nothing comes */
};

struct queued_frame {
    uint64_t time; /* from the guest: when it left the card; to it: when it is due */
    unsigned card, tries;
    bool note; /* not a frame, but words about one */
    size_t n;
    uint8_t *data;
};

/* In order of time. */
struct queue {
    struct queued_frame *frame;
    size_t n;
};

struct wire {
    struct net *net;
    struct net_wire options;
    const struct wire_kind *kind;
    void *peer;
    uint64_t busy;  /* guest time until which its frames to the guest occupy it */
    uint64_t again; /* guest time at which the peer wants to be asked */
    uint64_t mangling;
    uint64_t mangled_from; /* guest time; UINT64_MAX: its icount is not reached */
};

struct net {
    struct wire *wire;
    size_t nwires;
    struct queue sent, coming;
    struct wire_sockets sockets;
    uint64_t dropped;
    uint64_t waited_ms; /* in real time since something came */
    bool patient;       /* a port of the host leads to the guest: somebody may always come */
};

/* ---------------------------------------------------------------- frames that wait */

/* Puts a frame behind those of the same time. */
static void put(struct queue *q, const struct queued_frame *f)
{
    size_t at = q->n;
    MEM_MORE(q->frame, q->n);
    while (at > 0 && q->frame[at - 1].time > f->time)
        at--;
    memmove(q->frame + at + 1, q->frame + at, (q->n - at) * sizeof *q->frame);
    q->frame[at] = *f;
    q->n++;
}

static void drop_first(struct queue *q)
{
    free(q->frame[0].data);
    memmove(q->frame, q->frame + 1, --q->n * sizeof *q->frame);
}

static void clear(struct queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        free(q->frame[i].data);
    free(q->frame);
}

static struct queued_frame frame_of(unsigned card, uint64_t time, const uint8_t *data, size_t n)
{
    struct queued_frame f = {.time = time, .card = card, .n = n < SHORTEST ? SHORTEST : n};
    f.data = mem_zero(1, f.n);
    memcpy(f.data, data, n);
    return f;
}

void net_sent(struct net *net, uint64_t card, uint64_t time, const void *frame, size_t n)
{
    struct queued_frame f = frame_of((unsigned)card, time, frame, n);
    put(&net->sent, &f);
}

/* Queues the words on what happened to the frame that is due then; the guest does not see them. */
static void note(struct wire *w, const char *words, uint64_t due)
{
    struct queued_frame f = {.time = due, .card = w->options.card, .note = true, .n = strlen(words)};
    f.data = mem_zero(1, f.n + 1);
    memcpy(f.data, words, f.n);
    put(&w->net->coming, &f);
}

static void arrive(struct wire *w, const uint8_t *frame, size_t n, uint64_t due)
{
    struct net *net = w->net;
    if (net->coming.n >= QUEUE_MOST) {
        net->dropped++;
        return;
    }
    struct queued_frame f = frame_of(w->options.card, due, frame, n);
    put(&net->coming, &f);
}

void wire_send(struct wire *w, const uint8_t *frame, size_t n, uint64_t now)
{
    uint8_t own[ENGINE_FRAME];
    if (!n || n > sizeof own) {
        w->net->dropped++;
        return;
    }
    memcpy(own, frame, n);
    uint64_t due = now + NET_LATENCY;
    w->busy = (w->busy > due ? w->busy : due) + n * NS_BYTE;
    w->net->waited_ms = 0;
    char words[MANGLE_WORDS];
    const enum mangled what =
        now < w->mangled_from ? MANGLE_NOTHING : mangle(&w->mangling, w->options.mangle, own, n, words);
    if (what != MANGLE_NOTHING)
        note(w, words, w->busy);
    switch (what) {
    case MANGLE_LOSE:
        return;
    case MANGLE_DOUBLE:
        arrive(w, own, n, w->busy);
        break;
    case MANGLE_DELAY:
        arrive(w, own, n, w->busy + DELAY);
        return;
    default:
        break;
    }
    arrive(w, own, n, w->busy);
}

/* ---------------------------------------------------------------- creating */

static int connect_wire(struct net *net, struct wire *w, const struct net_wire *options, struct error *err)
{
    static const struct {
        const struct wire_kind *kind;
        void *(*create)(const struct net_wire *, struct wire *, struct error *);
    } kinds[] = {[NET_USER] = {&user_kind, user_new}, [NET_SOCKET] = {&socket_kind, socket_new}};
    *w = (struct wire){.net = net,
                       .options = *options,
                       .again = UINT64_MAX,
                       .mangling = options->seed,
                       .mangled_from = UINT64_MAX};
    if (options->kind == NET_NONE)
        return 0;
    w->kind = kinds[options->kind].kind;
    w->peer = kinds[options->kind].create(&w->options, w, err);
    net->patient |= options->nforwards || options->kind == NET_SOCKET;
    return w->peer ? 0 : -1;
}

struct net *net_new(const struct net_wire *wires, size_t n, struct error *err)
{
    struct net *net = mem_zero(1, sizeof *net);
    net->wire = mem_zero(n + 1, sizeof *net->wire);
    for (size_t i = 0; i < n; i++) {
        net->nwires = i + 1;
        if (connect_wire(net, &net->wire[i], &wires[i], err)) {
            net_free(net);
            return NULL;
        }
    }
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    for (size_t i = 0; i < net->nwires; i++)
        if (net->wire[i].peer)
            net->wire[i].kind->destroy(net->wire[i].peer);
    clear(&net->sent);
    clear(&net->coming);
    free(net->wire);
    free(net);
}

/* ---------------------------------------------------------------- running */

static void take_sent(struct net *net)
{
    for (; net->sent.n; drop_first(&net->sent)) {
        const struct queued_frame *f = &net->sent.frame[0];
        for (size_t i = 0; i < net->nwires; i++)
            if (net->wire[i].options.card == f->card && net->wire[i].peer)
                net->wire[i].kind->input(net->wire[i].peer, f->data, f->n, f->time);
    }
}

static void list_sockets(struct net *net, uint64_t now)
{
    net->sockets.n = 0;
    for (size_t i = 0; i < net->nwires; i++) {
        struct wire *w = &net->wire[i];
        w->again = w->peer && w->kind->sockets ? w->kind->sockets(w->peer, &net->sockets, now) : UINT64_MAX;
        assert(w->again > now && "or the recorder would not get on");
    }
}

/* Sockets that are ready make frames, and may then be ready again: the lists are made anew. */
static void ask(struct net *net, uint64_t now)
{
    list_sockets(net, now);
    if (net->sockets.n)
        poll(net->sockets.fd, net->sockets.n, 0);
    for (size_t i = 0; i < net->nwires; i++)
        if (net->wire[i].peer && net->wire[i].kind->ready)
            net->wire[i].kind->ready(net->wire[i].peer, &net->sockets, now);
    list_sockets(net, now);
}

/* The engine stops at mangle_from, so the guest time there is the same however else it is stopped. */
static void begin_mangling(struct wire *w, uint64_t icount, uint64_t now)
{
    const struct net_wire *o = &w->options;
    if (w->mangled_from == UINT64_MAX && icount >= o->mangle_from)
        w->mangled_from = now > o->mangle_from_time ? now : o->mangle_from_time;
}

uint64_t net_stop(const struct net *net)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < net->nwires; i++) {
        const struct wire *w = &net->wire[i];
        if (w->options.mangle && w->mangled_from == UINT64_MAX && w->options.mangle_from < first)
            first = w->options.mangle_from;
    }
    return first;
}

void net_run(struct net *net, uint64_t icount, uint64_t now)
{
    for (size_t i = 0; i < net->nwires; i++)
        begin_mangling(&net->wire[i], icount, now);
    if (net->sent.n)
        net->waited_ms = 0;
    take_sent(net);
    ask(net, now);
}

bool net_due(const struct net *net, uint64_t now, struct input *in)
{
    if (!net->coming.n || net->coming.frame[0].time > now)
        return false;
    const struct queued_frame *f = &net->coming.frame[0];
    *in = (struct input){.port = (uint16_t)((f->note ? INPUT_NET_NOTE0 : INPUT_NET0) + f->card),
                         .data = f->data,
                         .len = (uint32_t)f->n};
    return true;
}

/* The frames behind it for the same card wait, too, so that they stay in order. */
void net_given(struct net *net, uint64_t now, bool taken)
{
    struct queued_frame *f = &net->coming.frame[0];
    if (taken || ++f->tries > RETRIES) {
        net->dropped += !taken;
        drop_first(&net->coming);
        return;
    }
    const unsigned card = f->card;
    for (size_t i = 0; i < net->coming.n; i++)
        if (net->coming.frame[i].card == card && net->coming.frame[i].time < now + RETRY)
            net->coming.frame[i].time = now + RETRY;
    /* Those of other cards that are due come first. */
    struct queue old = net->coming;
    net->coming = (struct queue){0};
    for (size_t i = 0; i < old.n; i++)
        put(&net->coming, &old.frame[i]);
    free(old.frame);
}

uint64_t net_deadline(const struct net *net)
{
    uint64_t first = net->coming.n ? net->coming.frame[0].time : UINT64_MAX;
    for (size_t i = 0; i < net->nwires; i++)
        if (net->wire[i].again < first)
            first = net->wire[i].again;
    return first;
}

/* ---------------------------------------------------------------- real time */

bool net_expects(const struct net *net)
{
    return net->sockets.n && (net->patient || net->waited_ms < PATIENCE_MS);
}

uint64_t net_wait(struct net *net, uint64_t ns)
{
    uint64_t before = real_ns(), ms = (ns + 999999) / 1000000;
    poll(net->sockets.fd, net->sockets.n, (int)(ms < MOMENT_MS ? ms : MOMENT_MS));
    uint64_t took = real_ns() - before;
    net->waited_ms += (took + 999999) / 1000000;
    return took < ns ? took : ns;
}

uint64_t net_dropped(const struct net *net)
{
    return net->dropped;
}
