/* virtio_rng.c - an entropy device on virtio.
 *
 * Source: VIRTIO 1.2, 5.4. What it gives is no entropy: it follows from the configuration, so that a run can be repeated. Each buffer is
 * filled when the time that this takes has passed. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/virtio/virtio.h"

enum { REQUESTS, QUEUES };
/* Guest times in ns: what a host's generator of random numbers takes for a request, and for a byte (about 300 MB/s). */
enum { NS_REQUEST = 2000, NS_BYTE = 3, PART = 4096, BYTES_MOST = 64 * 1024 /* of one request */ };

struct virtio_rng {
    struct virtio virtio;
    uint64_t number;            /* the generator's state */
    struct timer timer;         /* runs while a request is being executed */
    struct virtio_chain *chain; /* for the request that is executed: not state, since it lasts for a call */
};

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next(struct virtio_rng *s)
{
    uint64_t z = s->number += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* FNV-1a over the settings that a person chooses the machine by, so that another one has other numbers. */
static uint64_t seed(const struct engine_config *cfg)
{
    static const char *const keys[] = {"rtc", "memory", "cpus", "cpu"};
    uint64_t hash = 0xcbf29ce484222325;
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = config_get(cfg, keys[i]);
        for (const char *p = value ? value : ""; *p; p++)
            hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
        hash = (hash ^ 0xff) * 0x100000001b3;
    }
    return hash;
}

/* ---------------------------------------------------------------- requests */

static void execute(struct virtio_rng *s)
{
    uint64_t part[PART / 8], size = s->chain->in_size < BYTES_MOST ? s->chain->in_size : BYTES_MOST;
    if (!size) {
        virtio_break(&s->virtio, "a virtio-rng request without a buffer");
        return;
    }
    for (uint64_t at = 0; at < size; at += PART) {
        size_t n = size - at < PART ? size - at : PART;
        for (size_t i = 0; i < (n + 7) / 8; i++)
            part[i] = next(s);
        virtio_write(&s->virtio, s->chain, at, part, n);
    }
    virtio_give(&s->virtio, REQUESTS, s->chain, (uint32_t)size);
}

static void begin(struct virtio_rng *s, uint64_t took)
{
    if (s->timer.deadline == TIMER_OFF && virtio_waits(&s->virtio, REQUESTS))
        timer_set(s->virtio.board, &s->timer, board_now(s->virtio.board) + NS_REQUEST + took);
}

static void fire(void *ctx)
{
    struct virtio_rng *s = ctx;
    uint64_t size = 0;
    if (virtio_take(&s->virtio, REQUESTS, s->chain) > 0) {
        size = s->chain->in_size < BYTES_MOST ? s->chain->in_size : BYTES_MOST;
        execute(s);
    }
    begin(s, size * NS_BYTE);
}

static void notified(struct virtio *v, unsigned queue)
{
    begin((struct virtio_rng *)v, 0);
}

/* ---------------------------------------------------------------- the device */

static void device_reset(struct virtio *v)
{
    timer_stop(v->board, &((struct virtio_rng *)v)->timer);
}

static const struct virtio_kind kind = {
    .name = "virtio-rng",
    .device = 4,
    .legacy = 0x1005,
    .class_code = 0x00ff00,
    .queues = QUEUES,
    .notified = notified,
    .reset = device_reset,
};

static const struct field rng_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_rng, virtio, virtio_fields),
    FIELD(struct virtio_rng, number),
    FIELD(struct virtio_rng, timer.deadline),
};

/* The numbers begin anew, as all else does. */
static void reset(void *state)
{
    struct virtio_rng *s = state;
    s->number = seed(board_config(s->virtio.board));
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
}

static void loaded(void *state)
{
    virtio_loaded(&((struct virtio_rng *)state)->virtio);
}

static void destroy(void *state)
{
    struct virtio_rng *s = state;
    free(s->chain);
    free(s);
}

int virtio_rng_create(struct board *b, const struct card *card, struct error *err)
{
    struct virtio_rng *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    s->chain = mem_zero(1, sizeof *s->chain);
    virtio_init(&s->virtio, kind.name, card->devfn);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = kind.name,
                                     .fields = rng_fields,
                                     .nfields = FIELD_COUNT(rng_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return 0;
}
