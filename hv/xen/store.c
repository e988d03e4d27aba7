/* store.c - see store.h. The meaning of permissions: docs/misc/xenstore.txt of Xen. */
#include <assert.h>

#include "hv/xen/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"

/* A record: three lengths of 16 bits, and the strings. */
enum { HEADER = 6 };

static size_t record_size(const uint8_t *p)
{
    return HEADER + le16(p) + le16(p + 2) + le16(p + 4);
}

static void open_record(const uint8_t *p, struct store_node *n)
{
    n->path_length = le16(p);
    n->value_length = le16(p + 2);
    n->permissions_length = le16(p + 4);
    n->path = (const char *)p + HEADER;
    n->value = n->path + n->path_length;
    n->permissions = n->value + n->value_length;
}

bool nodes_valid(const struct store_tree *t)
{
    size_t at = 0;
    if (t->used > sizeof t->records)
        return false;
    while (at < t->used) {
        if (t->used - at < HEADER)
            return false;
        const uint8_t *p = t->records + at;
        if (record_size(p) > t->used - at || le16(p) >= STORE_PATH || !le16(p) || p[HEADER] != '/' ||
            memchr(p + HEADER, 0, le16(p)) || le16(p + 2) > STORE_VALUE || le16(p + 4) > STORE_PERMISSIONS)
            return false;
        at += record_size(p);
    }
    return true;
}

bool nodes_next(const struct store_tree *t, struct store_node *node)
{
    const uint8_t *p = t->records;
    if (node->path)
        p = (const uint8_t *)node->path - HEADER + record_size((const uint8_t *)node->path - HEADER);
    if (p >= t->records + t->used)
        return false;
    open_record(p, node);
    return true;
}

bool nodes_find(const struct store_tree *t, const char *path, struct store_node *node)
{
    size_t n = strlen(path);
    node->path = NULL;
    while (nodes_next(t, node))
        if (node->path_length == n && !memcmp(node->path, path, n))
            return true;
    return false;
}

static void cut(struct store_tree *t, const struct store_node *node)
{
    uint8_t *p = (uint8_t *)node->path - HEADER;
    assert(p >= t->records && p < t->records + t->used && "a node of this tree, found after its last change");
    size_t size = record_size(p), after = (size_t)(t->records + t->used - (p + size));
    memmove(p, p + size, after);
    t->used -= (uint32_t)size;
    memset(t->records + t->used, 0, size);
}

bool path_parent(const char *path, char parent[STORE_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    if (!path[1])
        return false;
    memcpy(parent, path, n);
    parent[n] = 0;
    return true;
}

static void inherit(const struct store_tree *t, const char *path, uint8_t permissions[STORE_PERMISSIONS],
                    size_t *n)
{
    char parent[STORE_PATH];
    struct store_node above;
    *n = 0;
    if (!path_parent(path, parent) || !nodes_find(t, parent, &above))
        return;
    *n = above.permissions_length;
    memcpy(permissions, above.permissions, *n);
}

bool nodes_set(struct store_tree *t, const char *path, const char *value, size_t n, const char *permissions,
               size_t npermissions)
{
    uint8_t kept_value[STORE_VALUE], kept[STORE_PERMISSIONS];
    struct store_node old;
    size_t npath = strlen(path);
    bool exists = nodes_find(t, path, &old);
    if (!value)
        n = 0;
    if (!value && exists) {
        n = old.value_length;
        memcpy(kept_value, old.value, n);
        value = (const char *)kept_value;
    }
    if (!permissions && exists) {
        npermissions = old.permissions_length;
        memcpy(kept, old.permissions, npermissions);
        permissions = (const char *)kept;
    } else if (!permissions) {
        inherit(t, path, kept, &npermissions);
        permissions = (const char *)kept;
    }
    size_t size = HEADER + npath + n + npermissions;
    size_t freed = exists ? record_size((const uint8_t *)old.path - HEADER) : 0;
    if (npath >= STORE_PATH || n > STORE_VALUE || npermissions > STORE_PERMISSIONS ||
        t->used - freed + size > sizeof t->records)
        return false;
    uint8_t *p = t->records + t->used;
    if (exists) { /* it keeps its place */
        p = (uint8_t *)old.path - HEADER;
        cut(t, &old);
    }
    memmove(p + size, p, (size_t)(t->records + t->used - p));
    put_le16(p, npath);
    put_le16(p + 2, n);
    put_le16(p + 4, npermissions);
    memcpy(p + HEADER, path, npath);
    if (n)
        memcpy(p + HEADER + npath, value, n);
    if (npermissions)
        memcpy(p + HEADER + npath + n, permissions, npermissions);
    t->used += (uint32_t)size;
    return true;
}

bool path_below(const char *path, size_t n, const char *above)
{
    size_t m = strlen(above);
    if (m == 1)
        return true;
    return n >= m && !memcmp(path, above, m) && (n == m || path[m] == '/');
}

void nodes_remove(struct store_tree *t, const char *path)
{
    struct store_node node = {0};
    bool more = nodes_next(t, &node);
    while (more) {
        struct store_node here = node;
        if (!path_below(here.path, here.path_length, path)) {
            more = nodes_next(t, &node);
            continue;
        }
        cut(t, &here);
        more = here.path - HEADER < (const char *)t->records + t->used;
        if (more)
            open_record((const uint8_t *)here.path - HEADER, &node);
    }
}

bool node_allows(const struct store_node *node, unsigned domain, bool write)
{
    char letter = 0;
    size_t at = 0;
    while (at < node->permissions_length) {
        const char *entry = node->permissions + at;
        size_t n = strnlen(entry, node->permissions_length - at);
        char text[STORE_PERMISSIONS + 1];
        memcpy(text, entry, n);
        text[n] = 0;
        bool ours = n > 1 && strtoul(text + 1, NULL, 10) == domain;
        if (ours && !at)
            return true; /* the owner */
        if (ours || !at)
            letter = text[0];
        if (ours)
            break;
        at += n + 1;
    }
    return letter == 'b' || letter == (write ? 'w' : 'r');
}
