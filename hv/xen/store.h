/* store.h - the tree of xenstore: nodes with values and permissions, in one flat area of bytes. Private to
 * hv/xen.
 *
 * A tree is plain bytes, so that a copy of it is a transaction, and a page of it is saved like memory. Records
 * are in the order of their creation. */
#ifndef BOOTREEL_HV_XEN_STORE_H
#define BOOTREEL_HV_XEN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_TREE = 64 << 10,
    STORE_PATH = 1024, /* longest path, with its end */
    STORE_VALUE = 4096,
    STORE_PERMISSIONS = 64,
};

struct store_tree {
    uint32_t used;
    uint8_t records[STORE_TREE - 4];
};

/* A node's strings; none of them ends with a zero byte. Valid until the tree is changed. */
struct store_node {
    const char *path, *value, *permissions;
    size_t path_length, value_length, permissions_length;
};

/* Whether the bytes are a tree; those of a damaged file may not be. */
bool nodes_valid(const struct store_tree *);
bool nodes_find(const struct store_tree *, const char *path, struct store_node *);
/* The node after `node` in the order of creation; the first one if its path is NULL. */
bool nodes_next(const struct store_tree *, struct store_node *node);
/* Creates or replaces a node; a part that is NULL is kept, or copied from the parent (the permissions) or
 * empty (the value). Its parents must be there. False if there is no room. */
bool nodes_set(struct store_tree *, const char *path, const char *value, size_t n, const char *permissions,
               size_t npermissions);
/* Removes a node with all below it. */
void nodes_remove(struct store_tree *, const char *path);
/* The path of a node's parent: "/" of "/a". False for "/". */
bool path_parent(const char *path, char parent[STORE_PATH]);
/* Whether `path` is `above` or below it. */
bool path_below(const char *path, size_t n, const char *above);
/* Whether a domain may read (write) a node: it owns the node, or the permissions allow it ("n0\0r1\0"). */
bool node_allows(const struct store_node *, unsigned domain, bool write);

struct xen;
/* store_keys.c: fills an empty tree with what a domain finds. */
void store_fill(const struct xen *, struct store_tree *);

#endif
