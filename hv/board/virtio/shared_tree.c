/* shared_tree.c - the tree of a share: names, folders, what the host has in them. See shared.h.
 *
 * Names are found by a hash of folder and name. A name that leads nowhere has a node, too: so the host is asked once for it, and what the
 * guest has removed stays removed. Only what is there is in its folder's list.
 */
#include "hv/board/timers/clocks.h"
#include "hv/board/virtio/shared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

static struct shared_node *node_at(struct shared *s, uint32_t number)
{
    return shared_record(s, POOL_NODES, number);
}

struct shared_node *shared_node_changing(struct shared *s, uint32_t number)
{
    shared_changed(s, POOL_NODES, number);
    return node_at(s, number);
}

const struct shared_node *shared_node(struct shared *s, uint32_t number)
{
    return node_at(s, number);
}

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return hash;
}

static uint64_t name_hash(uint32_t folder, const char *name, size_t length)
{
    return hash_bytes(hash_bytes(0xcbf29ce484222325, &folder, sizeof folder), name, length);
}

static int compare_names(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

uint32_t shared_file(struct shared *s, uint32_t number)
{
    uint32_t alias = node_at(s, number)->alias;
    return alias ? alias : number;
}

/* ---------------------------------------------------------------- paths */

/* Writes `part` and a "/" before the path that begins at *at. */
static int put_before(char *path, size_t *at, const char *part, size_t n)
{
    const bool slash = path[*at];
    if (n + slash > *at)
        return ENAMETOOLONG;
    if (slash)
        path[--*at] = '/';
    *at -= n;
    memcpy(path + *at, part, n);
    return 0;
}

int shared_path(struct shared *s, uint32_t number, char *path)
{
    size_t at = SHARE_PATH - 1;
    path[at] = 0;
    for (uint32_t i = shared_most(s, POOL_NODES); number != SHARE_ROOT; i--) {
        const struct shared_node *node = node_at(s, number);
        const char *text = node->origin ? shared_record(s, POOL_PAGES, node->origin) : node->name;
        size_t n = node->origin ? strnlen(text, SHARE_PATH - 1) : node->length;
        if (!i || !number) {
            shared_set_damaged(s);
            return EIO;
        }
        if (put_before(path, &at, text, n))
            return ENAMETOOLONG;
        if (node->origin)
            break;
        number = node->parent;
    }
    memmove(path, path + at, SHARE_PATH - at);
    return 0;
}

/* Its path on the host stays, wherever it is moved to. */
static int keep_origin(struct shared *s, uint32_t number)
{
    struct shared_node *node = node_at(s, number);
    char path[SHARE_PATH];
    if (!node->host || node->origin)
        return 0;
    int rc = shared_path(s, number, path);
    uint32_t page = rc ? 0 : shared_take(s, POOL_PAGES);
    if (!page)
        return rc ? rc : ENOSPC;
    strcpy(shared_record(s, POOL_PAGES, page), path);
    shared_changed(s, POOL_PAGES, page);
    node->origin = page;
    shared_changed(s, POOL_NODES, number);
    return 0;
}

/* ---------------------------------------------------------------- lists */

static uint32_t find_name(struct shared *s, uint32_t folder, const char *name, size_t length)
{
    uint32_t at = shared_bucket(s, POOL_NODES, name_hash(folder, name, length));
    for (uint32_t i = shared_most(s, POOL_NODES); at; i--) {
        const struct shared_node *node = node_at(s, at);
        if (node->parent == folder && node->length == length && !memcmp(node->name, name, length))
            return at;
        if (!i) {
            shared_set_damaged(s);
            return 0;
        }
        at = node->link;
    }
    return 0;
}

uint32_t shared_seen(struct shared *s, uint32_t folder, const char *name, size_t length)
{
    return find_name(s, folder, name, length);
}

/* The last sibling before a name, from `from` on (0: from the beginning); 0: it would be the first. */
static uint32_t before_name(struct shared *s, uint32_t folder, uint32_t from, const char *name, size_t length)
{
    uint32_t last = from, at = from ? node_at(s, from)->sibling : node_at(s, folder)->child;
    for (uint32_t i = shared_most(s, POOL_NODES); at; i--) {
        const struct shared_node *node = node_at(s, at);
        if (compare_names(node->name, node->length, name, length) >= 0)
            break;
        if (!i) {
            shared_set_damaged(s);
            break;
        }
        last = at;
        at = node->sibling;
    }
    return last;
}

/* Puts a node into its folder's list, behind `after`. */
static void enter_list(struct shared *s, uint32_t number, uint32_t after)
{
    struct shared_node *node = node_at(s, number);
    uint32_t *link = after ? &node_at(s, after)->sibling : &node_at(s, node->parent)->child;
    node->sibling = *link;
    *link = number;
    shared_changed(s, POOL_NODES, number);
    shared_changed(s, POOL_NODES, after ? after : node->parent);
}

static void leave_list(struct shared *s, uint32_t number)
{
    struct shared_node *node = node_at(s, number);
    uint32_t last = before_name(s, node->parent, 0, node->name, node->length);
    uint32_t *link = last ? &node_at(s, last)->sibling : &node_at(s, node->parent)->child;
    if (*link != number)
        return;
    *link = node->sibling;
    node->sibling = 0;
    shared_changed(s, POOL_NODES, last ? last : node->parent);
    shared_changed(s, POOL_NODES, number);
}

/* Gives a node its name, by which it is found. */
static void enter_name(struct shared *s, uint32_t number, uint32_t folder, const char *name, size_t length)
{
    struct shared_node *node = node_at(s, number);
    const uint64_t hash = name_hash(folder, name, length);
    node->parent = folder;
    node->length = (uint8_t)length;
    memcpy(node->name, name, length);
    node->link = shared_bucket(s, POOL_NODES, hash);
    shared_set_bucket(s, POOL_NODES, hash, number);
    shared_changed(s, POOL_NODES, number);
}

static void leave_name(struct shared *s, uint32_t number)
{
    struct shared_node *node = node_at(s, number);
    shared_unhash(s, POOL_NODES, name_hash(node->parent, node->name, node->length), number);
    node->link = 0;
    shared_changed(s, POOL_NODES, number);
}

/* A node of a name that is in no list yet; 0 if there is no room. */
static uint32_t new_name(struct shared *s, uint32_t folder, const char *name, size_t length)
{
    uint32_t number = shared_take(s, POOL_NODES);
    if (!number)
        return 0;
    struct shared_node *node = node_at(s, number);
    node->names = 1;
    enter_name(s, number, folder, name, length);
    char path[SHARE_PATH];
    /* by the path; and by the number, since a path may have another file after this one */
    node->id = hash_bytes(0xcbf29ce484222325, &number, sizeof number);
    if (!shared_path(s, number, path))
        node->id = hash_bytes(node->id, path, strlen(path));
    return number;
}

/* ---------------------------------------------------------------- what the host has */

static void take_answer(struct shared_node *node, const struct share_answer *a)
{
    node->mode = a->mode;
    node->uid = a->uid;
    node->gid = a->gid;
    node->seconds = a->seconds;
    node->nanoseconds = a->nanoseconds;
    node->size = node->host_size = a->size < SHARE_FILE ? a->size : SHARE_FILE;
    node->device = a->device;
}

static int take_target(struct shared *s, uint32_t number, uint32_t chunk, uint32_t n)
{
    uint32_t page = shared_take(s, POOL_PAGES);
    if (!page)
        return ENOSPC;
    char *text = shared_record(s, POOL_PAGES, page);
    if (n > SHARE_PATH - 1)
        n = SHARE_PATH - 1;
    int rc = shared_image(s, (uint64_t)chunk * SHARE_CHUNK + sizeof(struct share_answer), text, n);
    shared_changed(s, POOL_PAGES, page);
    struct shared_node *node = shared_node_changing(s, number);
    node->target = page;
    node->size = n;
    return rc;
}

/* Whether an answer says that nothing is there, which is remembered. */
static bool leads_nowhere(uint32_t error)
{
    return error && error != EIO && error != ENOMEM && error != EMFILE && error != ENFILE;
}

/* Asks the host what a node is. */
static int ask_node(struct shared *s, uint32_t number)
{
    struct share_answer a;
    uint32_t chunk;
    char path[SHARE_PATH];
    int rc = shared_path(s, number, path);
    const struct share_question q = {.what = SHARE_NODE, .path = path};
    if (!rc)
        rc = shared_ask(s, &q, &a, sizeof a, &chunk);
    if (rc || (a.error && !leads_nowhere(a.error)))
        return rc ? rc : (int)a.error;
    struct shared_node *node = shared_node_changing(s, number);
    node->known = 1;
    if (a.error) {
        node->nowhere = 1;
        node->error = a.error;
        shared_hole_made(s, number);
        return 0;
    }
    take_answer(node, &a);
    return S_ISLNK(a.mode) ? take_target(s, number, chunk, a.target) : 0;
}

int shared_know(struct shared *s, uint32_t number)
{
    const struct shared_node *node = node_at(s, number);
    if (node->known || !node->host || node->alias)
        return 0;
    int rc = ask_node(s, number);
    if (!rc && number != SHARE_ROOT && node->nowhere)
        leave_list(s, number);
    return rc;
}

/* What is at a name that was not looked up before. */
static int look_up(struct shared *s, uint32_t folder, const char *name, size_t length, uint32_t *found)
{
    uint32_t number = new_name(s, folder, name, length);
    if (!number)
        return ENOSPC;
    struct shared_node *node = node_at(s, number);
    node->host = 1;
    int rc = ask_node(s, number);
    if (rc) {
        leave_name(s, number);
        shared_give(s, POOL_NODES, number);
        return rc;
    }
    if (!node->nowhere)
        enter_list(s, number, before_name(s, folder, 0, name, length));
    *found = number;
    return 0;
}

/* The node of a name, also of one that leads nowhere; *found 0: there is none, and cannot be. */
static int find(struct shared *s, uint32_t folder, const char *name, size_t length, uint32_t *found)
{
    const struct shared_node *in = node_at(s, folder);
    if (!S_ISDIR(in->mode) && folder != SHARE_ROOT)
        return ENOTDIR;
    if (length > SHARE_NAME)
        return ENAMETOOLONG;
    *found = find_name(s, folder, name, length);
    if (*found)
        return shared_know(s, *found);
    return in->host && !in->listed ? look_up(s, folder, name, length, found) : 0;
}

int shared_walk(struct shared *s, uint32_t folder, const char *name, size_t length, uint32_t *node)
{
    int rc = find(s, folder, name, length, node);
    if (rc)
        return rc;
    const struct shared_node *n = node_at(s, *node);
    if (!*node || n->nowhere)
        return *node && n->error ? (int)n->error : ENOENT;
    *node = shared_file(s, *node);
    return 0;
}

/* ---------------------------------------------------------------- folders */

/* A name of the host's that no list has yet. Returns what the next one comes after. */
static uint32_t add_listed(struct shared *s, uint32_t folder, uint32_t after, const struct share_name *entry,
                           const char *name)
{
    after = before_name(s, folder, after, name, entry->length);
    if (find_name(s, folder, name, entry->length))
        return after;
    uint32_t number = new_name(s, folder, name, entry->length);
    if (!number)
        return after;
    struct shared_node *node = node_at(s, number);
    node->host = 1;
    node->mode = (uint32_t)entry->type << 12;
    enter_list(s, number, after);
    return number;
}

/* `list`: `size` bytes that the host has given, or a damaged trace. */
static void add_names(struct shared *s, uint32_t folder, const uint8_t *list, uint64_t size, uint32_t count)
{
    uint32_t after = 0;
    for (uint64_t at = sizeof(struct share_list); count-- && !shared_damaged(s);) {
        const struct share_name *entry = (const struct share_name *)(list + at);
        if (at + sizeof *entry > size || at + sizeof *entry + entry->length > size || !entry->length)
            return;
        after = add_listed(s, folder, after, entry, (const char *)(entry + 1));
        at += sizeof *entry + entry->length;
    }
}

/* Reads all of an answer, of which the head has been read. */
static int read_names(struct shared *s, uint32_t folder, const struct share_list *head, uint32_t chunk)
{
    const uint64_t most = (uint64_t)SHARE_LISTED * (sizeof(struct share_name) + SHARE_NAME) + sizeof *head;
    if (head->size < sizeof *head || head->size > most)
        return EIO;
    int rc = shared_use_chunks(s, (uint32_t)((head->size - 1) / SHARE_CHUNK));
    if (rc)
        return rc;
    uint8_t *list = mem_alloc(head->size);
    rc = shared_image(s, (uint64_t)chunk * SHARE_CHUNK, list, head->size);
    if (!rc)
        add_names(s, folder, list, head->size, head->count);
    free(list);
    return rc;
}

int shared_list(struct shared *s, uint32_t folder)
{
    struct share_list head;
    uint32_t chunk;
    char path[SHARE_PATH];
    if (node_at(s, folder)->listed || !node_at(s, folder)->host)
        return 0;
    int rc = shared_path(s, folder, path);
    const struct share_question q = {.what = SHARE_LIST, .path = path};
    if (!rc)
        rc = shared_ask(s, &q, &head, sizeof head, &chunk);
    if (!rc)
        rc = head.error ? (int)head.error : read_names(s, folder, &head, chunk);
    if (!rc)
        shared_node_changing(s, folder)->listed = 1;
    return rc;
}

uint32_t shared_after(struct shared *s, uint32_t folder, const char *name, size_t length)
{
    uint32_t at = before_name(s, folder, 0, name, length);
    at = at ? node_at(s, at)->sibling : node_at(s, folder)->child;
    const struct shared_node *node = node_at(s, at);
    return at && !compare_names(node->name, node->length, name, length) ? node->sibling : at;
}

/* ---------------------------------------------------------------- what stays and what goes */

void shared_hold(struct shared *s, uint32_t number)
{
    shared_node_changing(s, number)->holds++;
}

/* Nobody can get at it any more. */
static void forget(struct shared *s, uint32_t number)
{
    struct shared_node *node = node_at(s, number);
    if (node->names || node->holds || number == SHARE_ROOT)
        return;
    shared_hole_gone(s, number);
    shared_drop_content(s, number);
    if (node->target)
        shared_give(s, POOL_PAGES, node->target);
    if (node->origin)
        shared_give(s, POOL_PAGES, node->origin);
    shared_give(s, POOL_NODES, number);
}

void shared_drop(struct shared *s, uint32_t number)
{
    struct shared_node *node = shared_node_changing(s, number);
    if (!node->holds) {
        shared_set_damaged(s);
        return;
    }
    node->holds--;
    forget(s, number);
}

/* The names in an empty folder that lead nowhere go with it. */
static void drop_nowhere(struct shared *s, uint32_t folder)
{
    size_t n;
    uint32_t *holes = shared_holes_in(s, folder, &n);
    for (size_t i = 0; i < n && !shared_damaged(s); i++) {
        leave_name(s, holes[i]);
        shared_node_changing(s, holes[i])->names = 0;
        shared_hole_gone(s, holes[i]);
        forget(s, holes[i]);
    }
    free(holes);
}

/* From now on nothing is there, whatever the host may have. */
static void make_hole(struct shared *s, uint32_t folder, const char *name, size_t length)
{
    const struct shared_node *in = node_at(s, folder);
    uint32_t hole = in->host && !in->listed ? new_name(s, folder, name, length) : 0;
    if (!hole)
        return;
    node_at(s, hole)->known = node_at(s, hole)->host = node_at(s, hole)->nowhere = 1;
    shared_hole_made(s, hole);
}

/* Takes a name away. Where the host may have something of that name, it then leads nowhere. */
static void drop_name(struct shared *s, uint32_t number)
{
    struct shared_node *node = node_at(s, number);
    const uint32_t folder = node->parent, file = shared_file(s, number);
    if (S_ISDIR(node->mode))
        drop_nowhere(s, number);
    leave_list(s, number);
    leave_name(s, number);
    make_hole(s, folder, node->name, node->length);
    shared_node_changing(s, file)->names--;
    if (file != number)
        shared_give(s, POOL_NODES, number);
    forget(s, file);
}

/* A name that leads nowhere, for another node of that name; 0 if there was none. */
static void drop_hole(struct shared *s, uint32_t hole)
{
    if (!hole)
        return;
    leave_name(s, hole);
    shared_hole_gone(s, hole);
    shared_give(s, POOL_NODES, hole);
}

/* ---------------------------------------------------------------- changes */

void shared_set_now(struct shared *s, uint32_t number)
{
    struct shared_node *node = shared_node_changing(s, number);
    uint64_t now = board_now(shared_board(s));
    node->seconds = rtc_power_on_time(shared_board(s)) + (int64_t)(now / 1000000000);
    node->nanoseconds = (uint32_t)(now % 1000000000);
}

void shared_set_time(struct shared *s, uint32_t number, int64_t seconds, uint32_t nanoseconds)
{
    struct shared_node *node = shared_node_changing(s, number);
    node->seconds = seconds;
    node->nanoseconds = nanoseconds;
}

void shared_set_owner(struct shared *s, uint32_t number, uint32_t uid, uint32_t gid)
{
    struct shared_node *node = shared_node_changing(s, number);
    node->uid = uid;
    node->gid = gid;
}

void shared_set_mode(struct shared *s, uint32_t number, uint32_t permissions)
{
    struct shared_node *node = shared_node_changing(s, number);
    node->mode = (node->mode & S_IFMT) | (permissions & 07777);
}

static bool is_name(const char *name, size_t length)
{
    return length && !memchr(name, '/', length) && !memchr(name, 0, length) &&
           !(length <= 2 && !memcmp(name, "..", length));
}

/* A name for something new in a folder: *hole is the node that says that nothing is there. */
static int find_room(struct shared *s, uint32_t folder, const char *name, size_t length, uint32_t *hole)
{
    if (!is_name(name, length))
        return EINVAL;
    int rc = find(s, folder, name, length, hole);
    if (rc)
        return rc;
    if (!node_at(s, folder)->names)
        return ENOENT;
    return *hole && !node_at(s, *hole)->nowhere ? EEXIST : 0;
}

static int set_target(struct shared *s, uint32_t number, const struct shared_making *new)
{
    uint32_t page = shared_take(s, POOL_PAGES);
    if (!page)
        return ENOSPC;
    memcpy(shared_record(s, POOL_PAGES, page), new->target, new->target_length);
    shared_changed(s, POOL_PAGES, page);
    node_at(s, number)->target = page;
    node_at(s, number)->size = new->target_length;
    return 0;
}

int shared_make(struct shared *s, uint32_t folder, const struct shared_making *new, uint32_t *made)
{
    uint32_t hole;
    int rc = find_room(s, folder, new->name, new->length, &hole);
    if (!rc && new->target &&
        (!new->target_length || new->target_length >= SHARE_PATH ||
         memchr(new->target, 0, new->target_length)))
        rc = EINVAL;
    if (rc)
        return rc;
    drop_hole(s, hole);
    if (!(*made = new_name(s, folder, new->name, new->length)))
        return ENOSPC;
    struct shared_node *node = node_at(s, *made);
    node->known = node->listed = node->opened = 1;
    node->mode = new->mode;
    node->uid = new->uid;
    node->gid = new->gid;
    node->device = new->device;
    shared_set_now(s, *made);
    enter_list(s, *made, before_name(s, folder, 0, new->name, new->length));
    return new->target ? set_target(s, *made, new) : 0;
}

static int is_empty(struct shared *s, uint32_t folder)
{
    int rc = shared_list(s, folder);
    return rc ? rc : node_at(s, folder)->child ? ENOTEMPTY : 0;
}

/* A name that leads somewhere. */
static int find_there(struct shared *s, uint32_t folder, const char *name, size_t length, uint32_t *found)
{
    int rc = is_name(name, length) ? find(s, folder, name, length, found) : EINVAL;
    return rc ? rc : !*found || node_at(s, *found)->nowhere ? ENOENT : 0;
}

static int may_remove(struct shared *s, uint32_t number, bool folders)
{
    const uint32_t mode = node_at(s, shared_file(s, number))->mode;
    if (folders != S_ISDIR(mode))
        return folders ? ENOTDIR : EISDIR;
    int rc = folders ? is_empty(s, number) : 0;
    /* what is held may still be read */
    return rc ? rc : keep_origin(s, shared_file(s, number));
}

int shared_remove(struct shared *s, uint32_t folder, const char *name, size_t length, bool folders)
{
    uint32_t number;
    int rc = find_there(s, folder, name, length, &number);
    if (!rc)
        rc = may_remove(s, number, folders);
    if (!rc)
        drop_name(s, number);
    return rc;
}

/* Whether `folder` is `above` or below it. */
static bool is_below(struct shared *s, uint32_t folder, uint32_t above)
{
    for (uint32_t i = shared_most(s, POOL_NODES); folder != above; i--) {
        if (!i || folder == SHARE_ROOT || !folder)
            return false;
        folder = node_at(s, folder)->parent;
    }
    return true;
}

/* What is at the place to which a node moves goes away. */
static int make_way(struct shared *s, uint32_t number, uint32_t to, const char *name, size_t length)
{
    uint32_t there;
    int rc = find(s, to, name, length, &there);
    if (rc || !there)
        return rc;
    if (node_at(s, there)->nowhere) {
        drop_hole(s, there);
        return 0;
    }
    rc = may_remove(s, there, S_ISDIR(node_at(s, shared_file(s, number))->mode));
    if (rc)
        return rc;
    drop_name(s, there);
    drop_hole(s, find_name(s, to, name, length));
    return 0;
}

int shared_move(struct shared *s, uint32_t from, const char *name, size_t length, uint32_t to,
                const char *new_name_, size_t new_length)
{
    uint32_t number, there;
    int rc = find_there(s, from, name, length, &number);
    if (!rc && !is_name(new_name_, new_length))
        rc = EINVAL;
    if (!rc)
        rc = find(s, to, new_name_, new_length, &there);
    if (rc)
        return rc;
    if (there && shared_file(s, there) == shared_file(s, number))
        return 0;
    if (is_below(s, to, number) || !node_at(s, to)->names)
        return is_below(s, to, number) ? EINVAL : ENOENT;
    rc = keep_origin(s, number);
    if (!rc)
        rc = make_way(s, number, to, new_name_, new_length);
    if (rc)
        return rc;
    leave_list(s, number);
    leave_name(s, number);
    make_hole(s, from, name, length);
    enter_name(s, number, to, new_name_, new_length);
    enter_list(s, number, before_name(s, to, 0, new_name_, new_length));
    return 0;
}

int shared_link(struct shared *s, uint32_t number, uint32_t folder, const char *name, size_t length)
{
    uint32_t hole;
    int rc = find_room(s, folder, name, length, &hole);
    if (!rc && S_ISDIR(node_at(s, number)->mode))
        rc = EPERM;
    if (!rc && !node_at(s, number)->names)
        rc = ENOENT;
    if (rc)
        return rc;
    drop_hole(s, hole);
    uint32_t alias = new_name(s, folder, name, length);
    if (!alias)
        return ENOSPC;
    struct shared_node *node = node_at(s, alias);
    node->alias = number;
    node->known = 1;
    node->mode = node_at(s, number)->mode;
    shared_node_changing(s, number)->names++;
    enter_list(s, alias, before_name(s, folder, 0, name, length));
    return 0;
}

const char *shared_target(struct shared *s, uint32_t number)
{
    const uint32_t page = node_at(s, number)->target;
    return page ? shared_record(s, POOL_PAGES, page) : "";
}
