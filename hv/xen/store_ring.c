/* store_ring.c - xenstored: requests and answers over the ring page, transactions, watches.
 *
 * Source: xen/include/public/io/xs_wire.h and docs/misc/xenstore.txt, xenstore-ring.txt and xenstore-paths of
 * Xen. It answers at once, while the domain makes the hypercall that tells it of a request. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hv/xen/internal.h"
#include "hv/xen/store.h"

enum request {
    XS_CONTROL,
    XS_DIRECTORY,
    XS_READ,
    XS_GET_PERMS,
    XS_WATCH,
    XS_UNWATCH,
    XS_TRANSACTION_START,
    XS_TRANSACTION_END,
    XS_INTRODUCE,
    XS_RELEASE,
    XS_GET_DOMAIN_PATH,
    XS_WRITE,
    XS_MKDIR,
    XS_RM,
    XS_SET_PERMS,
    XS_WATCH_EVENT,
    XS_ERROR,
    XS_IS_DOMAIN_INTRODUCED,
    XS_RESUME,
    XS_SET_TARGET,
    XS_RESET_WATCHES = 21,
    XS_DIRECTORY_PART,
};

/* The ring page: requests, answers, and these. */
enum {
    RING = 1024,
    RING_REQUESTS = 0,
    RING_ANSWERS = 1024,
    RING_REQUEST_CONSUMER = 2048,
    RING_REQUEST_PRODUCER = 2052,
    RING_ANSWER_CONSUMER = 2056,
    RING_ANSWER_PRODUCER = 2060,
    RING_FEATURES = 2064,
    RING_CONNECTION = 2068,
    RING_ERROR = 2072,
};
enum { FEATURE_RECONNECTION = 1, FEATURE_ERROR = 2, RECONNECT = 1 };
enum { ERROR_RING_INDEX = 2, ERROR_PROTOCOL = 3 };
enum { HEADER = 16, PAYLOAD_MAX = 4096 };

enum { TRANSACTIONS = 4, WATCHES = 16 << 10, ANSWERS = 64 << 10, CHANGES = 8 << 10 };

struct transaction {
    uint32_t id; /* 0: none */
    uint32_t generation;
    uint32_t nchanges;     /* bytes */
    char changes[CHANGES]; /* paths, each with its end */
    struct store_tree tree;
};

/* All of it is plain bytes in a block of memory. */
struct store {
    struct store_tree tree;
    struct transaction transaction[TRANSACTIONS];
    uint32_t nwatches;     /* bytes */
    char watches[WATCHES]; /* path and token, each with its end; again and again */
    uint32_t nanswers;
    uint8_t answers[ANSWERS]; /* that have no room in the ring yet */
    uint32_t dead;            /* the domain broke the protocol */
};

struct asking {
    struct xen *xen;
    struct store *store;
    uint32_t type, id, transaction;
    const char *payload; /* ends with a zero byte that does not belong to it */
    size_t length;
    struct store_tree *tree;
    struct transaction *in;
    char path[STORE_PATH];
    char shown[200]; /* the answer in words */
};

static const char home[] = "/local/domain/1";

static struct store *store_of(const struct xen *xen)
{
    return (struct store *)ramblock_host(xen->store);
}

static void touch(struct xen *xen, const void *from, size_t n)
{
    uint64_t at = (uint64_t)((const uint8_t *)from - ramblock_host(xen->store));
    if (n)
        physmem_touch(xen->domain.mem, xen->store, at, n);
}

static void touch_tree(struct xen *xen, const struct store_tree *t)
{
    touch(xen, t, sizeof *t); /* it may have shrunk */
}

/* ---------------------------------------------------------------- answers */

static void queue(struct xen *xen, const void *data, size_t n)
{
    struct store *s = store_of(xen);
    memcpy(s->answers + s->nanswers, data, n);
    touch(xen, s->answers + s->nanswers, n);
    s->nanswers += (uint32_t)n;
    touch(xen, &s->nanswers, 4);
}

static void answer(struct xen *xen, uint32_t type, uint32_t id, uint32_t transaction, const void *data,
                   size_t n)
{
    const uint32_t header[4] = {type, id, transaction, (uint32_t)n};
    if (store_of(xen)->nanswers + HEADER + n > ANSWERS) {
        xen->host.unhandled(xen->host.ctx, "xenstore answers not read", type, false, n);
        return;
    }
    queue(xen, header, HEADER);
    queue(xen, data, n);
}

static void reply(const struct asking *a, const void *data, size_t n)
{
    answer(a->xen, a->type, a->id, a->transaction, data, n);
}

static void fail(struct asking *a, const char *error)
{
    answer(a->xen, XS_ERROR, a->id, a->transaction, error, strlen(error) + 1);
    snprintf(a->shown, sizeof a->shown, "%s", error);
}

static void done(const struct asking *a)
{
    reply(a, "OK", 3);
}

/* ---------------------------------------------------------------- watches */

static void watch_event(struct xen *xen, const char *path, const char *watched, const char *token)
{
    char data[STORE_PATH + STORE_PATH];
    size_t n = strlen(home);
    bool relative = watched[0] != '/' && watched[0] != '@';
    if (relative && !strncmp(path, home, n) && path[n] == '/')
        path += n + 1;
    int length = snprintf(data, sizeof data, "%s%c%s", path, 0, token);
    if (length > 0 && (size_t)length < sizeof data)
        answer(xen, XS_WATCH_EVENT, 0, 0, data, (size_t)length + 1);
}

static bool absolute(const char *path, char out[STORE_PATH])
{
    int n = path[0] == '/' || path[0] == '@' ? snprintf(out, STORE_PATH, "%s", path)
                                             : snprintf(out, STORE_PATH, "%s/%s", home, path);
    return n < STORE_PATH;
}

/* Tells those who watch a node, one above it, or one below a node that was removed. */
static void fire(struct xen *xen, const char *path, bool removed)
{
    const struct store *s = store_of(xen);
    char full[STORE_PATH];
    for (size_t at = 0; at < s->nwatches;) {
        const char *watched = s->watches + at, *token = watched + strlen(watched) + 1;
        at += strlen(watched) + strlen(token) + 2;
        if (!absolute(watched, full))
            continue;
        if (path_below(path, strlen(path), full))
            watch_event(xen, path, watched, token);
        else if (removed && path_below(full, strlen(full), path))
            watch_event(xen, full, watched, token);
    }
}

/* The offset of a watch, or -1. */
static long find_watch(const struct store *s, const char *path, const char *token)
{
    for (size_t at = 0; at < s->nwatches;) {
        const char *p = s->watches + at, *t = p + strlen(p) + 1;
        if (!strcmp(p, path) && !strcmp(t, token))
            return (long)at;
        at += strlen(p) + strlen(t) + 2;
    }
    return -1;
}

/* The payload's second string, or NULL. */
static const char *second(const struct asking *a)
{
    size_t n = strlen(a->payload) + 1;
    return n < a->length ? a->payload + n : NULL;
}

static void do_watch(struct asking *a)
{
    struct store *s = a->store;
    const char *token = second(a);
    size_t path = strlen(a->payload) + 1, all = token ? path + strlen(token) + 1 : 0;
    if (!token) {
        fail(a, "EINVAL");
    } else if (find_watch(s, a->payload, token) >= 0) {
        fail(a, "EEXIST");
    } else if (s->nwatches + all > WATCHES) {
        fail(a, "E2BIG");
    } else {
        memcpy(s->watches + s->nwatches, a->payload, path);
        memcpy(s->watches + s->nwatches + path, token, all - path);
        touch(a->xen, s->watches + s->nwatches, all);
        s->nwatches += (uint32_t)all;
        touch(a->xen, &s->nwatches, 4);
        done(a);
        watch_event(a->xen, a->path, a->payload, token);
    }
}

static void do_unwatch(struct asking *a)
{
    struct store *s = a->store;
    const char *token = second(a);
    long at = token ? find_watch(s, a->payload, token) : -1;
    if (at < 0) {
        fail(a, "ENOENT");
        return;
    }
    size_t n = strlen(a->payload) + strlen(token) + 2;
    memmove(s->watches + at, s->watches + at + n, s->nwatches - (size_t)at - n);
    s->nwatches -= (uint32_t)n;
    memset(s->watches + s->nwatches, 0, n);
    touch(a->xen, s->watches, sizeof s->watches);
    touch(a->xen, &s->nwatches, 4);
    done(a);
}

static void drop_watches(struct xen *xen)
{
    struct store *s = store_of(xen);
    memset(s->watches, 0, sizeof s->watches);
    s->nwatches = 0;
    touch(xen, &s->nwatches, 4 + sizeof s->watches);
}

static void do_reset_watches(struct asking *a)
{
    drop_watches(a->xen);
    done(a);
}

/* ---------------------------------------------------------------- transactions */

static void drop_transaction(struct xen *xen, struct transaction *t)
{
    t->id = t->nchanges = 0;
    memset(t->changes, 0, sizeof t->changes);
    touch(xen, t, offsetof(struct transaction, tree));
}

/* A changed node: who watches it is told, of one in a transaction when that ends. */
static void changed(struct asking *a, const char *path, bool removed)
{
    struct transaction *t = a->in;
    size_t n = strlen(path) + 1;
    touch_tree(a->xen, a->tree);
    if (!t) {
        a->xen->ring.generation++;
        fire(a->xen, path, removed);
    } else if (t->nchanges + n < CHANGES) {
        memcpy(t->changes + t->nchanges, path, n);
        t->nchanges += (uint32_t)n;
        touch(a->xen, t, offsetof(struct transaction, tree));
    }
}

static void do_transaction_start(struct asking *a)
{
    struct store *s = a->store;
    char text[16];
    for (unsigned i = 0; i < TRANSACTIONS; i++) {
        struct transaction *t = &s->transaction[i];
        if (t->id)
            continue;
        t->id = ++a->xen->ring.next_transaction;
        t->generation = a->xen->ring.generation;
        t->tree = s->tree;
        touch(a->xen, t, sizeof *t);
        int n = snprintf(text, sizeof text, "%u", t->id);
        reply(a, text, (size_t)n + 1);
        return;
    }
    fail(a, "ENOSPC");
}

static void commit(struct asking *a, struct transaction *t)
{
    a->store->tree = t->tree;
    touch_tree(a->xen, &a->store->tree);
    if (t->nchanges)
        a->xen->ring.generation++;
    for (size_t at = 0; at < t->nchanges; at += strlen(t->changes + at) + 1) {
        struct store_node node;
        fire(a->xen, t->changes + at, !nodes_find(&t->tree, t->changes + at, &node));
    }
    drop_transaction(a->xen, t);
}

static void do_transaction_end(struct asking *a)
{
    bool keep = a->payload[0] == 'T';
    if (!a->in) {
        fail(a, "ENOENT");
    } else if (a->payload[0] != 'T' && a->payload[0] != 'F') {
        fail(a, "EINVAL");
    } else if (keep && a->in->generation != a->xen->ring.generation) {
        drop_transaction(a->xen, a->in);
        fail(a, "EAGAIN");
    } else {
        if (keep)
            commit(a, a->in);
        else
            drop_transaction(a->xen, a->in);
        done(a);
    }
}

/* ---------------------------------------------------------------- nodes */

static bool path_good(const char *path)
{
    size_t n = strlen(path);
    if (path[0] != '/' || strstr(path, "//") || (n > 1 && path[n - 1] == '/'))
        return false;
    for (; *path; path++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@", *path))
            return false;
    return true;
}

/* The node that the request names, if the domain may read or write it; otherwise it has its answer. */
static bool take_node(struct asking *a, bool write, struct store_node *node)
{
    if (!path_good(a->path))
        fail(a, "EINVAL");
    else if (!nodes_find(a->tree, a->path, node))
        fail(a, "ENOENT");
    else if (!node_allows(node, XEN_DOMAIN, write))
        fail(a, "EACCES");
    else
        return true;
    return false;
}

static void do_read(struct asking *a)
{
    struct store_node node;
    if (!take_node(a, false, &node))
        return;
    reply(a, node.value, node.value_length);
    snprintf(a->shown, sizeof a->shown, "\"%.*s\"", (int)node.value_length, node.value);
}

static void do_directory(struct asking *a)
{
    char names[PAYLOAD_MAX];
    struct store_node node = {0};
    size_t n = 0, above = strlen(a->path) == 1 ? 0 : strlen(a->path);
    if (!take_node(a, false, &node))
        return;
    for (node.path = NULL; nodes_next(a->tree, &node);) {
        size_t length = node.path_length - above - 1;
        if (node.path_length <= above + 1 || !path_below(node.path, node.path_length, a->path) ||
            memchr(node.path + above + 1, '/', length))
            continue;
        if (n + length + 1 > sizeof names) {
            fail(a, "E2BIG");
            return;
        }
        memcpy(names + n, node.path + above + 1, length);
        names[n + length] = 0;
        n += length + 1;
    }
    reply(a, names, n);
}

/* Creates what is missing above a node; the highest of these needs the right to write its parent. */
static bool make_parents(struct asking *a, const char *path)
{
    char parent[STORE_PATH];
    struct store_node node;
    if (!path_parent(path, parent)) {
        fail(a, "EINVAL");
        return false;
    }
    if (nodes_find(a->tree, parent, &node)) {
        if (node_allows(&node, XEN_DOMAIN, true))
            return true;
        fail(a, "EACCES");
        return false;
    }
    if (!make_parents(a, parent))
        return false;
    if (nodes_set(a->tree, parent, NULL, 0, NULL, 0))
        return true;
    fail(a, "ENOSPC");
    return false;
}

static void write_node(struct asking *a, const char *value, size_t n)
{
    struct store_node node;
    if (!path_good(a->path)) {
        fail(a, "EINVAL");
        return;
    }
    bool exists = nodes_find(a->tree, a->path, &node);
    if (exists && !node_allows(&node, XEN_DOMAIN, true)) {
        fail(a, "EACCES");
        return;
    }
    if (!exists && !make_parents(a, a->path))
        return;
    if (exists && !value) { /* XS_MKDIR of one that is there */
        done(a);
        return;
    }
    if (!nodes_set(a->tree, a->path, value, n, NULL, 0)) {
        fail(a, "ENOSPC");
        return;
    }
    changed(a, a->path, false);
    done(a);
}

static void do_write(struct asking *a)
{
    size_t n = strlen(a->payload) + 1;
    if (n > a->length) {
        fail(a, "EINVAL");
        return;
    }
    write_node(a, a->payload + n, a->length - n);
    if (!a->shown[0])
        snprintf(a->shown, sizeof a->shown, "\"%.*s\"", (int)(a->length - n), a->payload + n);
}

static void do_mkdir(struct asking *a)
{
    write_node(a, NULL, 0);
}

static void do_rm(struct asking *a)
{
    struct store_node node;
    char parent[STORE_PATH];
    if (path_good(a->path) && !nodes_find(a->tree, a->path, &node) && path_parent(a->path, parent) &&
        nodes_find(a->tree, parent, &node)) {
        done(a); /* it is gone already */
        return;
    }
    if (!take_node(a, true, &node))
        return;
    nodes_remove(a->tree, a->path);
    changed(a, a->path, true);
    done(a);
}

static void do_get_perms(struct asking *a)
{
    struct store_node node;
    if (take_node(a, false, &node))
        reply(a, node.permissions, node.permissions_length);
}

static void do_set_perms(struct asking *a)
{
    const char *list = second(a);
    struct store_node node;
    if (!take_node(a, true, &node))
        return;
    size_t n = list ? a->length - (size_t)(list - a->payload) : 0;
    if (n < 3 || n > STORE_PERMISSIONS || list[n - 1] || strtoul(list + 1, NULL, 10) != XEN_DOMAIN) {
        fail(a, n > STORE_PERMISSIONS ? "E2BIG" : "EPERM"); /* a node cannot be given away */
        return;
    }
    if (!nodes_set(a->tree, a->path, NULL, 0, list, n)) {
        fail(a, "ENOSPC");
        return;
    }
    changed(a, a->path, false);
    done(a);
}

static void do_domain_path(struct asking *a)
{
    char text[40];
    int n = snprintf(text, sizeof text, "/local/domain/%lu", strtoul(a->payload, NULL, 10) & 0xffff);
    reply(a, text, (size_t)n + 1);
}

static void do_is_introduced(struct asking *a)
{
    unsigned long domain = strtoul(a->payload, NULL, 10);
    reply(a, domain <= XEN_DOMAIN ? "T" : "F", 2);
}

static void do_refuse(struct asking *a)
{
    fail(a, "EACCES");
}

static const struct {
    const char *name;
    void (*run)(struct asking *);
} requests[] = {
    [XS_CONTROL] = {"control", do_refuse},
    [XS_DIRECTORY] = {"directory", do_directory},
    [XS_READ] = {"read", do_read},
    [XS_GET_PERMS] = {"get_perms", do_get_perms},
    [XS_WATCH] = {"watch", do_watch},
    [XS_UNWATCH] = {"unwatch", do_unwatch},
    [XS_TRANSACTION_START] = {"transaction_start", do_transaction_start},
    [XS_TRANSACTION_END] = {"transaction_end", do_transaction_end},
    [XS_INTRODUCE] = {"introduce", do_refuse},
    [XS_RELEASE] = {"release", do_refuse},
    [XS_GET_DOMAIN_PATH] = {"get_domain_path", do_domain_path},
    [XS_WRITE] = {"write", do_write},
    [XS_MKDIR] = {"mkdir", do_mkdir},
    [XS_RM] = {"rm", do_rm},
    [XS_SET_PERMS] = {"set_perms", do_set_perms},
    [XS_IS_DOMAIN_INTRODUCED] = {"is_domain_introduced", do_is_introduced},
    [XS_RESUME] = {"resume", do_refuse},
    [XS_SET_TARGET] = {"set_target", do_refuse},
    [XS_RESET_WATCHES] = {"reset_watches", do_reset_watches},
    [XS_DIRECTORY_PART] = {.name = "directory_part"},
};

/* ---------------------------------------------------------------- requests */

static void report(const struct asking *a, const char *name)
{
    char text[400];
    int n = snprintf(text, sizeof text, "%s %s%s%s", name, a->payload, a->shown[0] ? " = " : "", a->shown);
    struct event ev = {.kind = EV_XENSTORE, .data = text};
    ev.len = (uint32_t)(n < (int)sizeof text ? n : (int)sizeof text - 1);
    ev.f[EVF_XENSTORE_domain] = XEN_DOMAIN;
    ev.f[EVF_XENSTORE_request] = a->type;
    ev.f[EVF_XENSTORE_transaction] = a->transaction;
    a->xen->host.event(a->xen->host.ctx, &ev);
}

static void find_transaction(struct asking *a)
{
    a->tree = &a->store->tree;
    for (unsigned i = 0; a->transaction && i < TRANSACTIONS; i++)
        if (a->store->transaction[i].id == a->transaction) {
            a->in = &a->store->transaction[i];
            a->tree = &a->in->tree;
        }
}

static void run_request(struct xen *xen)
{
    char payload[PAYLOAD_MAX + 1];
    const uint8_t *r = xen->ring.request;
    struct asking a = {.xen = xen,
                       .store = store_of(xen),
                       .type = le32(r),
                       .id = le32(r + 4),
                       .transaction = le32(r + 8),
                       .payload = payload,
                       .length = le32(r + 12)};
    memcpy(payload, r + HEADER, a.length);
    payload[a.length] = 0;
    bool known = a.type < sizeof requests / sizeof requests[0] && requests[a.type].name;
    find_transaction(&a);
    if (!known || !requests[a.type].run) {
        xen->host.unhandled(xen->host.ctx, known ? "xenstore directory_part" : "xenstore request", a.type,
                            false, a.length);
        fail(&a, "ENOSYS");
    } else if (a.transaction && !a.in) {
        fail(&a, "ENOENT");
    } else if (!absolute(payload, a.path)) {
        fail(&a, "EINVAL");
    } else {
        requests[a.type].run(&a);
    }
    report(&a, known ? requests[a.type].name : "unknown request");
}

/* ---------------------------------------------------------------- the ring */

static uint64_t ring_address(const struct xen *xen)
{
    return xen->param[PARAM_STORE_PFN] * PAGE;
}

static uint32_t ring_get(const struct xen *xen, unsigned offset)
{
    uint32_t v;
    physmem_read(xen->domain.mem, ring_address(xen) + offset, &v, 4);
    return v;
}

static void ring_set(struct xen *xen, unsigned offset, uint32_t v)
{
    physmem_write(xen->domain.mem, ring_address(xen) + offset, &v, 4);
}

static void protocol_broken(struct xen *xen, uint32_t error)
{
    store_of(xen)->dead = 1;
    touch(xen, &store_of(xen)->dead, 4);
    ring_set(xen, RING_ERROR, error);
    xen->host.unhandled(xen->host.ctx, "xenstore ring", error, true, ring_get(xen, RING_REQUEST_PRODUCER));
}

/* A byte of a request. */
static void take_byte(struct xen *xen, uint8_t byte)
{
    struct store_state *s = &xen->ring;
    s->request[s->have++] = byte;
    if (s->have < HEADER)
        return;
    uint32_t length = le32(s->request + 12);
    if (length > PAYLOAD_MAX) {
        protocol_broken(xen, ERROR_PROTOCOL);
        s->have = 0;
    } else if (s->have == HEADER + length) {
        run_request(xen);
        memset(s->request, 0, s->have);
        s->have = 0;
    }
}

static bool take_requests(struct xen *xen)
{
    uint32_t consumer = ring_get(xen, RING_REQUEST_CONSUMER), producer = ring_get(xen, RING_REQUEST_PRODUCER);
    bool some = consumer != producer;
    if (producer - consumer > RING) {
        protocol_broken(xen, ERROR_RING_INDEX);
        return false;
    }
    for (; consumer != producer && !store_of(xen)->dead; consumer++) {
        uint8_t byte;
        physmem_read(xen->domain.mem, ring_address(xen) + RING_REQUESTS + consumer % RING, &byte, 1);
        take_byte(xen, byte);
    }
    ring_set(xen, RING_REQUEST_CONSUMER, consumer);
    return some;
}

static bool give_answers(struct xen *xen)
{
    struct store *s = store_of(xen);
    uint32_t consumer = ring_get(xen, RING_ANSWER_CONSUMER), producer = ring_get(xen, RING_ANSWER_PRODUCER);
    if (producer - consumer > RING) {
        protocol_broken(xen, ERROR_RING_INDEX);
        return false;
    }
    uint32_t n = RING - (producer - consumer);
    n = n < s->nanswers ? n : s->nanswers;
    for (uint32_t i = 0; i < n; i++)
        physmem_write(xen->domain.mem, ring_address(xen) + RING_ANSWERS + (producer + i) % RING,
                      &s->answers[i], 1);
    if (!n)
        return false;
    touch(xen, s->answers, s->nanswers);
    memmove(s->answers, s->answers + n, s->nanswers - n);
    memset(s->answers + s->nanswers - n, 0, n);
    s->nanswers -= n;
    touch(xen, &s->nanswers, 4);
    ring_set(xen, RING_ANSWER_PRODUCER, producer + n);
    return true;
}

static void reconnect(struct xen *xen)
{
    struct store *s = store_of(xen);
    for (unsigned i = 0; i < TRANSACTIONS; i++)
        drop_transaction(xen, &s->transaction[i]);
    drop_watches(xen);
    memset(s->answers, 0, s->nanswers);
    touch(xen, s->answers, s->nanswers);
    s->nanswers = s->dead = 0;
    touch(xen, &s->nanswers, 4);
    touch(xen, &s->dead, 4);
    memset(&xen->ring.request, 0, sizeof xen->ring.request);
    xen->ring.have = 0;
    for (unsigned at = RING_REQUEST_CONSUMER; at <= RING_ANSWER_PRODUCER; at += 4)
        ring_set(xen, at, 0);
    ring_set(xen, RING_ERROR, 0);
    ring_set(xen, RING_CONNECTION, 0);
}

void store_event(struct xen *xen)
{
    bool notify = false;
    if (ring_get(xen, RING_CONNECTION) == RECONNECT) {
        reconnect(xen);
        notify = true;
    }
    if (store_of(xen)->dead)
        return;
    notify |= take_requests(xen);
    notify |= give_answers(xen);
    if (notify)
        channel_notify(xen, (unsigned)xen->param[PARAM_STORE_EVTCHN]);
}

/* ---------------------------------------------------------------- the whole */

bool store_create(struct xen *xen)
{
    uint64_t size = (sizeof(struct store) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    xen->store = physmem_block(xen->domain.mem, "xen-store", size);
    return xen->store;
}

void store_reset(struct xen *xen)
{
    struct store *s = store_of(xen);
    memset(s, 0, sizeof *s);
    store_fill(xen, &s->tree);
    touch(xen, s, sizeof *s);
    memset(&xen->ring, 0, sizeof xen->ring);
    ring_set(xen, RING_FEATURES, FEATURE_RECONNECTION | FEATURE_ERROR);
}

/* Strings end inside their areas, and every number is in its range. */
bool store_loaded(const struct xen *xen)
{
    const struct store *s = store_of(xen);
    bool good = nodes_valid(&s->tree) && s->nwatches <= WATCHES && s->nanswers <= ANSWERS &&
                (!s->nwatches || !s->watches[s->nwatches - 1]) && xen->ring.have < HEADER + PAYLOAD_MAX;
    for (unsigned i = 0; i < TRANSACTIONS && good; i++) {
        const struct transaction *t = &s->transaction[i];
        good = !t->id || (nodes_valid(&t->tree) && t->nchanges <= CHANGES &&
                          (!t->nchanges || !t->changes[t->nchanges - 1]));
    }
    return good;
}
