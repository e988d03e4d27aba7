/* shared_holes.c - which names of a folder lead nowhere. See shared.h.
 *
 * When a folder is removed, they go with it. They are in no list of the folder's, and looking at all nodes would take longer the more
 * the guest has seen. The lists here are no part of the state: they hold what the nodes say, and are made when they are first needed after a load.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/board/virtio/shared.h"

/* Lists that go both ways; 0 ends them. `in` is the folder in whose list a node is; 0: in none. */
struct place {
    uint32_t first, next, before, in;
};

struct shared_holes {
    struct place *place; /* of each node; NULL: not made since the last load */
    uint32_t nodes;
};

struct shared_holes *shared_holes_new(uint32_t nodes)
{
    struct shared_holes *h = mem_zero(1, sizeof *h);
    h->nodes = nodes;
    return h;
}

void shared_holes_forget(struct shared_holes *h)
{
    free(h->place);
    h->place = NULL;
}

void shared_holes_free(struct shared_holes *h)
{
    if (h)
        free(h->place);
    free(h);
}

static void enter(struct shared_holes *h, uint32_t number, uint32_t folder)
{
    struct place *p = &h->place[number];
    if (p->in || !folder || folder >= h->nodes)
        return;
    p->in = folder;
    p->before = 0;
    p->next = h->place[folder].first;
    if (p->next)
        h->place[p->next].before = number;
    h->place[folder].first = number;
}

static void leave(struct shared_holes *h, uint32_t number)
{
    struct place *p = &h->place[number];
    if (!p->in)
        return;
    *(p->before ? &h->place[p->before].next : &h->place[p->in].first) = p->next;
    if (p->next)
        h->place[p->next].before = p->before;
    p->in = p->next = p->before = 0;
}

void shared_hole_made(struct shared *s, uint32_t number)
{
    struct shared_holes *h = shared_holes(s);
    if (h->place && number < h->nodes)
        enter(h, number, shared_node(s, number)->parent);
}

void shared_hole_gone(struct shared *s, uint32_t number)
{
    struct shared_holes *h = shared_holes(s);
    if (h->place && number < h->nodes)
        leave(h, number);
}

static void make_lists(struct shared *s, struct shared_holes *h)
{
    h->place = mem_zero(h->nodes, sizeof *h->place);
    for (uint32_t i = 1; i <= shared_most(s, POOL_NODES) && i < h->nodes; i++) {
        const struct shared_node *node = shared_node(s, i);
        if (node->names && node->nowhere)
            enter(h, i, node->parent);
    }
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t *shared_holes_in(struct shared *s, uint32_t folder, size_t *n)
{
    struct shared_holes *h = shared_holes(s);
    uint32_t *list = NULL;
    *n = 0;
    if (!h->place)
        make_lists(s, h);
    for (uint32_t at = folder < h->nodes ? h->place[folder].first : 0; at; at = h->place[at].next) {
        MEM_MORE(list, *n);
        list[(*n)++] = at;
    }
    if (*n)
        qsort(list, *n, sizeof *list, by_number);
    return list;
}
