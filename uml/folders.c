/* folders.c - the entries of a folder.
 *
 * They are a list in the arena, in the order in which they were made, which is that of their cookies. Beside the list of a folder that is
 * not short there is a table by name, which is not state: without it, n files would take n * n steps to make. As in areas.c, to look for an
 * entry uses all before it, as a walk along the list would: so what a trace holds does not depend on the table. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

/* Up to SHORT entries are walked along. */
enum { SHORT = 16, FIRST_ROOM = 64 };
#define ALL UINT64_MAX

struct slot {
    uint32_t hash;
    ref entry, before; /* entry 0: free; before: the entry before it in the list */
};

struct folder_table {
    struct folder_table *next;
    ref dir;
    ref last;   /* of the list */
    ref unused; /* the first entry that does not count as used since the last save; 0: all do */
    ref shown;  /* where folder_from() was last, or the entry before that */
    size_t n, room;
    struct slot *slot; /* open addressing; room is a power of two */
};

/* Objects whose pages do not count as used by that. */
static const struct entry *peek(const struct host *h, ref r)
{
    return (const struct entry *)(h->arena + r);
}
static ref first_of(const struct host *h, ref dir)
{
    return ((const struct inode *)(h->arena + dir))->data;
}

/* ---------------------------------------------------------------- the table */

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    while (*name)
        hash = (hash ^ (uint8_t)*name++) * 16777619u;
    return hash;
}

static size_t home(const struct folder_table *x, uint32_t hash)
{
    return hash & (x->room - 1);
}
static size_t following(const struct folder_table *x, size_t k)
{
    return (k + 1) & (x->room - 1);
}

/* The first entry of that name. Up to behaviour 10 a folder may have several: open() with O_CREAT of a link to nothing made them. */
static struct slot *slot_named(const struct host *h, const struct folder_table *x, const char *name)
{
    const uint32_t hash = hash_of(name);
    struct slot *found = NULL;
    for (size_t k = home(x, hash); x->slot[k].entry; k = following(x, k)) {
        const struct entry *e = peek(h, x->slot[k].entry);
        if (x->slot[k].hash == hash && !strcmp(e->name, name) &&
            (!found || e->cookie < peek(h, found->entry)->cookie))
            found = &x->slot[k];
    }
    return found;
}

static struct slot *slot_of(const struct host *h, const struct folder_table *x, ref entry)
{
    size_t k = home(x, hash_of(peek(h, entry)->name));
    while (x->slot[k].entry != entry) {
        assert(x->slot[k].entry && "the table has every entry");
        k = following(x, k);
    }
    return &x->slot[k];
}

static void put_slot(struct folder_table *x, struct slot s)
{
    size_t k = home(x, s.hash);
    while (x->slot[k].entry)
        k = following(x, k);
    x->slot[k] = s;
}

static void grow(struct folder_table *x)
{
    struct slot *old = x->slot;
    const size_t n = x->room;
    x->room = n ? 2 * n : FIRST_ROOM;
    x->slot = mem_zero(x->room, sizeof *x->slot);
    for (size_t i = 0; i < n; i++)
        if (old[i].entry)
            put_slot(x, old[i]);
    free(old);
}

/* The entry is the last of the list. */
static void put(const struct host *h, struct folder_table *x, ref entry)
{
    if (2 * (x->n + 1) > x->room)
        grow(x);
    put_slot(x, (struct slot){hash_of(peek(h, entry)->name), entry, x->last});
    x->last = entry;
    x->n++;
}

/* Frees a slot: those behind it that would not be found any more move up. */
static void take_out(struct folder_table *x, struct slot *gone)
{
    const size_t mask = x->room - 1;
    size_t hole = (size_t)(gone - x->slot);
    for (size_t k = following(x, hole); x->slot[k].entry; k = following(x, k)) {
        if (((k - x->slot[k].hash) & mask) < ((k - hole) & mask))
            continue;
        x->slot[hole] = x->slot[k];
        hole = k;
    }
    x->slot[hole] = (struct slot){0};
    x->n--;
}

static struct folder_table **list_of(struct host *h, ref dir)
{
    return &h->folders[dir / sizeof(struct inode) % FOLDER_LISTS];
}

/* The folder's table, which is made when it is first asked for; NULL if the folder is short. */
static struct folder_table *table_of(struct host *h, const struct inode *d)
{
    const ref dir = ref_of(h, d);
    struct folder_table **list = list_of(h, dir), *x = *list;
    while (x && x->dir != dir)
        x = x->next;
    if (x)
        return x;
    ref r = d->data;
    for (unsigned i = 0; r && i < SHORT; i++)
        r = peek(h, r)->next;
    if (!r)
        return NULL;
    x = mem_zero(1, sizeof *x);
    *x = (struct folder_table){.next = *list, .dir = dir, .unused = d->data};
    *list = x;
    for (r = d->data; r; r = peek(h, r)->next)
        put(h, x, r);
    return x;
}

static void forget(struct folder_table **link)
{
    struct folder_table *x = *link;
    *link = x->next;
    free(x->slot);
    free(x);
}

void folder_forget(struct host *h, ref dir)
{
    struct folder_table **link = list_of(h, dir);
    while (*link && (*link)->dir != dir)
        link = &(*link)->next;
    if (*link)
        forget(link);
}

void folders_forget_all(struct host *h)
{
    for (unsigned i = 0; i < FOLDER_LISTS; i++)
        while (h->folders[i])
            forget(&h->folders[i]);
}

void folders_unused(struct host *h)
{
    for (unsigned i = 0; i < FOLDER_LISTS; i++)
        for (struct folder_table *x = h->folders[i]; x; x = x->next)
            x->unused = first_of(h, x->dir);
}

/* The entries up to that cookie are used. */
static void use(struct host *h, struct folder_table *x, uint64_t cookie)
{
    while (x->unused && peek(h, x->unused)->cookie <= cookie)
        x->unused = ((struct entry *)at(h, x->unused))->next;
}

/* ---------------------------------------------------------------- entries */

struct place {
    ref entry, before; /* 0: none */
};

/* Where the name is; its entry and those before it are used. If it is nowhere, all are. */
static struct place place_of(struct host *h, const struct inode *dir, const char *name)
{
    struct folder_table *x = table_of(h, dir);
    struct place p = {dir->data, 0};
    if (x) {
        const struct slot *s = slot_named(h, x, name);
        use(h, x, s ? peek(h, s->entry)->cookie : ALL);
        return s ? (struct place){s->entry, s->before} : (struct place){0};
    }
    while (p.entry && strcmp(((struct entry *)at(h, p.entry))->name, name))
        p = (struct place){peek(h, p.entry)->next, p.entry};
    return p;
}

/* The last entry; all are used. */
static ref last_of(struct host *h, const struct inode *dir, struct folder_table *x)
{
    ref last = 0;
    if (x)
        use(h, x, ALL);
    else
        for (ref r = dir->data; r; r = ((struct entry *)at(h, r))->next)
            last = r;
    return x ? x->last : last;
}

static ref *link_after(struct host *h, struct inode *dir, ref before)
{
    return before ? &((struct entry *)at(h, before))->next : &dir->data;
}

struct entry *folder_find(struct host *h, const struct inode *dir, const char *name)
{
    const ref r = place_of(h, dir, name).entry;
    return r ? at(h, r) : NULL;
}

struct entry *folder_from(struct host *h, const struct inode *dir, uint64_t cookie)
{
    struct folder_table *x = table_of(h, dir);
    ref r = dir->data;
    if (x && x->shown && peek(h, x->shown)->cookie < cookie)
        r = peek(h, x->shown)->next;
    while (r && peek(h, r)->cookie < cookie) {
        if (!x)
            (void)at(h, r);
        r = peek(h, r)->next;
    }
    if (x) {
        use(h, x, r ? peek(h, r)->cookie : ALL);
        x->shown = r ? r : x->last;
    }
    return r ? at(h, r) : NULL;
}

int folder_add(struct host *h, struct inode *dir, const char *name, ref inode)
{
    if (strlen(name) >= NAME_SIZE)
        return -ENAMETOOLONG;
    const ref r = arena_new(h, sizeof(struct entry));
    if (!r)
        return -ENOSPC;
    struct folder_table *x = table_of(h, dir);
    const ref last = last_of(h, dir, x);
    struct entry *e = at(h, r);
    strcpy(e->name, name);
    e->inode = inode;
    e->cookie = last ? peek(h, last)->cookie + 1 : 2; /* after . and .. */
    *link_after(h, dir, last) = r;
    if (x)
        put(h, x, r);
    inode_hold(h, inode);
    if (INODE(inode)->kind == INODE_FOLDER) {
        INODE(inode)->parent = ref_of(h, dir);
        dir->nlink++;
    }
    dir->mtime = dir->ctime = wall(h);
    return 0;
}

/* The entry leaves the table, before it leaves the list. */
static void leave(struct host *h, const struct inode *dir, struct place p)
{
    struct folder_table *x = table_of(h, dir);
    if (!x)
        return;
    const ref next = peek(h, p.entry)->next;
    if (next)
        slot_of(h, x, next)->before = p.before;
    else
        x->last = p.before;
    if (x->shown == p.entry)
        x->shown = p.before;
    take_out(x, slot_of(h, x, p.entry));
}

void folder_remove(struct host *h, struct inode *dir, const char *name)
{
    const struct place p = place_of(h, dir, name);
    if (!p.entry)
        return;
    struct entry *e = at(h, p.entry);
    const ref inode = e->inode;
    leave(h, dir, p);
    *link_after(h, dir, p.before) = e->next;
    if (INODE(inode)->kind == INODE_FOLDER)
        dir->nlink--;
    dir->mtime = dir->ctime = wall(h);
    arena_free(h, p.entry, sizeof *e);
    inode_drop(h, inode);
}
