/* virtio_9p.c - a folder of the host on virtio, by 9P2000.L.
 *
 * Source: Linux's net/9p/trans_virtio.c and include/uapi/linux/virtio_9p.h (VIRTIO 1.2 only has the device's number): one queue; a chain has a
 * request, and room for its answer; the configuration is the tag by which the guest mounts the folder. One request is
 * executed at a time, when the time that it takes has passed. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/virtio/p9_server.h"
#include "hv/board/virtio/virtio.h"

#include <stdio.h>
#include <string.h>

#define F_MOUNT_TAG (1ull << 0)

enum { TAG_MOST = 31 };
/* Guest times in ns: what a server on a fast host takes for a request, and for 1 KiB in it or in its answer. */
enum { NS_REQUEST = 15000, NS_KIB = 250 };

struct virtio_9p {
    struct virtio virtio;
    struct p9 p9;
    char name[16];
    const char *tag;
    struct timer timer;         /* runs while a request is being executed */
    struct virtio_chain *chain; /* for the request that is executed: not state, since it lasts for a call */
    uint8_t *message, *answer;
};

static struct virtio_9p *p9_of(struct virtio *v)
{
    return (struct virtio_9p *)v;
}

static size_t at_most(uint64_t n)
{
    return n < P9_MSIZE_MOST ? (size_t)n : P9_MSIZE_MOST;
}

/* Returns how many bytes were moved. */
static size_t execute(struct virtio_9p *s)
{
    const struct virtio_chain *c = s->chain;
    const size_t n = at_most(c->out_size), room = at_most(c->in_size);
    virtio_read(&s->virtio, c, 0, s->message, n);
    const size_t answer = p9_serve(&s->p9, s->message, n, s->answer, room);
    if (!answer || shared_damaged(s->p9.share)) {
        virtio_break(&s->virtio, answer ? "a share whose state is damaged" : "what is no 9P message");
        return 0;
    }
    virtio_write(&s->virtio, c, 0, s->answer, answer);
    virtio_give(&s->virtio, 0, c, (uint32_t)answer);
    return n + answer;
}

static void begin(struct virtio_9p *s, uint64_t moved)
{
    if (s->timer.deadline == TIMER_OFF && virtio_waits(&s->virtio, 0))
        timer_set(s->virtio.board, &s->timer,
                  board_now(s->virtio.board) + NS_REQUEST + moved / 1024 * NS_KIB);
}

static void fire(void *ctx)
{
    struct virtio_9p *s = ctx;
    size_t moved = 0;
    if (virtio_take(&s->virtio, 0, s->chain) > 0)
        moved = execute(s);
    begin(s, moved);
}

static void notified(struct virtio *v, unsigned queue)
{
    begin(p9_of(v), 0);
}

/* ---------------------------------------------------------------- the device */

static void fill_config(const struct virtio *v, uint8_t *c)
{
    const struct virtio_9p *s = (const struct virtio_9p *)v;
    const size_t n = strlen(s->tag);
    put_le(c, n, 2);
    memcpy(c + 2, s->tag, n);
}

/* A driver that begins anew has no handles. What the guest has written stays, as on a disk. */
static void device_reset(struct virtio *v)
{
    struct virtio_9p *s = p9_of(v);
    timer_stop(v->board, &s->timer);
    s->p9.msize = 0;
    shared_handles_clear(s->p9.share);
}

static const struct virtio_kind kind = {
    .name = "virtio-9p",
    .device = 9,
    .legacy = 0x1009,
    .class_code = 0x00ff00,
    .queues = 1,
    .features = F_MOUNT_TAG,
    .config_size = 2 + TAG_MOST,
    .notified = notified,
    .reset = device_reset,
    .config = fill_config,
};

static const struct field p9_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_9p, virtio, virtio_fields),
    FIELD(struct virtio_9p, timer.deadline),
    FIELD(struct virtio_9p, p9.msize),
};

static void reset(void *state)
{
    struct virtio_9p *s = state;
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
}

static void loaded(void *state)
{
    struct virtio_9p *s = state;
    virtio_loaded(&s->virtio);
    shared_loaded(s->p9.share);
    if (s->p9.msize > P9_MSIZE_MOST)
        s->p9.msize = P9_MSIZE_MOST;
}

static void destroy(void *state)
{
    struct virtio_9p *s = state;
    shared_free(s->p9.share);
    free(s->chain);
    free(s->message);
    free(s->answer);
    free(s);
}

int virtio_9p_create(struct board *b, const struct card *card, struct error *err)
{
    char key[16];
    snprintf(key, sizeof key, "share%u-tag", card->index);
    const char *tag = config_get(board_config(b), key);
    if (!tag || !*tag || strlen(tag) > TAG_MOST)
        return error_set(err, "%s: a tag has 1 to %d characters", key, TAG_MOST);
    struct shared *share = shared_new(b, card->index, err);
    if (!share)
        return -1;
    struct virtio_9p *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    s->p9.share = share;
    s->tag = tag;
    s->chain = mem_zero(1, sizeof *s->chain);
    s->message = mem_alloc(P9_MSIZE_MOST);
    s->answer = mem_alloc(P9_MSIZE_MOST);
    snprintf(s->name, sizeof s->name, "virtio-9p%u", card->index & 15u);
    virtio_init(&s->virtio, s->name, card->devfn);
    board_set_slot(b, SLOT_SHARE0 + card->index, share);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = s->name,
                                     .fields = p9_fields,
                                     .nfields = FIELD_COUNT(p9_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return 0;
}
