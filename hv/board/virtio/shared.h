/* shared.h - a folder of the host as the guest sees it: the host's tree, with what the guest has changed in memory over it. Private to
 * hv/board; virtio_9p.c speaks the protocol.
 *
 * What the guest has seen of the host, its own files, and the handles that it holds are records in one block of memory, which is saved
 * by pages, as RAM is. Records refer to each other by numbers; those of a damaged state may be anything, so each use checks
 * them, and no list is followed for longer than there are records. Then shared_damaged() says so, and nothing more can be trusted.
 *
 * The host is asked once for each thing (core/engine/share.h): what is at a path when the guest first goes there, a folder's names when it
 * first lists them, 64 KiB of a file when it first reads them. From then on it is as it was then. A folder's size and times are not
 * the host's: making any file there changes them, the trace that is being recorded for instance.
 *
 * Functions that return int return 0 or Linux's errno.
 */
#ifndef BOOTREEL_HV_BOARD_VIRTIO_SHARED_H
#define BOOTREEL_HV_BOARD_VIRTIO_SHARED_H

#include "hv/board/chip.h"

enum {
    SHARE_PAGE = 4096,
    SHARE_PAGES = SHARE_CHUNK / SHARE_PAGE, /* of a segment */
    SHARE_ROOT = 1,                         /* the node of the folder itself */
};

#define SHARE_FILE (1ull << 47) /* bytes of a file at most */

/* What is at a path. */
struct shared_node {
    uint32_t link;                   /* the next one of the same bucket, or of the free list */
    uint32_t parent, sibling, child; /* 0: none. Siblings are in the order of their names */
    uint32_t alias;    /* this is another name of that node: nothing but parent, name and lists is used */
    uint32_t origin;   /* a page with its path on the host, if that is another one than here */
    uint32_t target;   /* a page with a link's target */
    uint32_t segments; /* of its content */
    uint32_t holds;    /* handles */
    uint32_t names;    /* in folders; 0: removed, and still held */
    uint32_t mode, uid, gid;
    uint32_t error;      /* of a name that leads nowhere: why */
    uint32_t unreadable; /* the host's errno for opening it */
    uint32_t nanoseconds;
    int64_t seconds;
    uint64_t size, device, id;
    uint64_t host_size;            /* up to where its content may still be the host's */
    uint8_t host;                  /* the host has, or had, something at its path */
    uint8_t known, listed, opened; /* the host was asked */
    uint8_t nowhere; /* there is nothing of that name: the host has none, or the guest has removed it */
    uint8_t length;
    char name[SHARE_NAME];
};

struct shared;

/* The folder of the image "share<number>", empty if there is no such image. NULL if out of memory. */
struct shared *shared_new(struct board *, unsigned number, struct error *);
void shared_free(struct shared *);
/* After a load. */
void shared_loaded(struct shared *);
bool shared_damaged(struct shared *);

/* ---- nodes ---- */
/* Never NULL; of a number that is none: an empty one. Valid until the next change. */
const struct shared_node *shared_node(struct shared *, uint32_t node);
/* Asks the host for a node's attributes, if it must still be asked: of the folder itself, and of a name that was only listed. */
int shared_know(struct shared *, uint32_t node);
/* A name in a folder. ENOENT, or what the host says. */
int shared_walk(struct shared *, uint32_t folder, const char *name, size_t length, uint32_t *node);
/* A file that the guest holds a handle of stays, whatever becomes of its name. */
void shared_hold(struct shared *, uint32_t node);
void shared_drop(struct shared *, uint32_t node);
/* Asks the host for a folder's names, if it must still be asked. */
int shared_list(struct shared *, uint32_t folder);
/* The first node of a listed folder whose name comes after that one; 0 if there is none. */
uint32_t shared_after(struct shared *, uint32_t folder, const char *name, size_t length);
/* What a name stands for: itself, or what it is an alias of. */
uint32_t shared_file(struct shared *, uint32_t node);

/* The node of a name that the guest has looked up, listed or made, also if it leads nowhere; 0: there is none. Nobody is asked. */
uint32_t shared_seen(struct shared *, uint32_t folder, const char *name, size_t length);

/* ---- what it holds ---- */
/* Whether a file may be opened for reading. */
int shared_open(struct shared *, uint32_t node);
/* Reads up to n bytes from `at` on; *done of them. */
int shared_read(struct shared *, uint32_t node, uint64_t at, void *buf, size_t n, size_t *done);
int shared_write(struct shared *, uint32_t node, uint64_t at, const void *buf, size_t n);
/* A page, without asking anybody: -1 if the guest has not read it of the host. */
int shared_seen_page(struct shared *, uint32_t node, uint64_t page, uint8_t *to);
int shared_resize(struct shared *, uint32_t node, uint64_t size);
/* A link's target, with its end. */
const char *shared_target(struct shared *, uint32_t node);

/* ---- changes ---- */
struct shared_making {
    const char *name;
    size_t length;
    uint32_t mode, uid, gid;
    uint64_t device;
    const char *target; /* of a link; NULL: it is none */
    size_t target_length;
};
int shared_make(struct shared *, uint32_t folder, const struct shared_making *, uint32_t *node);
/* `folders`: it must be a folder, which must be empty; otherwise it must be none. */
int shared_remove(struct shared *, uint32_t folder, const char *name, size_t length, bool folders);
int shared_move(struct shared *, uint32_t from, const char *name, size_t length, uint32_t to,
                const char *new_name, size_t new_length);
int shared_link(struct shared *, uint32_t node, uint32_t folder, const char *name, size_t length);
void shared_set_owner(struct shared *, uint32_t node, uint32_t uid, uint32_t gid);
void shared_set_mode(struct shared *, uint32_t node, uint32_t permissions);
void shared_set_time(struct shared *, uint32_t node, int64_t seconds, uint32_t nanoseconds);
/* … to what the guest's clock says. */
void shared_set_now(struct shared *, uint32_t node);
/* Bytes that the guest has in memory, and could have at most. */
void shared_room(struct shared *, uint64_t *used, uint64_t *most);

/* ---- handles (fids): what a client's number stands for ---- */
struct shared_handle {
    uint32_t link, number, node;
    uint32_t cursor; /* of a folder that is being listed */
    uint32_t opened; /* the flags of Linux's open(), and HANDLE_OPEN */
    uint32_t uid;    /* of who has attached */
};
enum { HANDLE_OPEN = 1u << 31 };
/* The last name of a folder that was given, and the offset behind it. */
struct shared_cursor {
    uint32_t link, length;
    uint64_t offset;
    char name[SHARE_NAME];
};
/* NULL: the client has no such handle. Valid until the next change. */
struct shared_handle *shared_handle(struct shared *, uint32_t number);
/* EBADF: the client has it already; ENFILE: there are too many. */
int shared_handle_add(struct shared *, uint32_t number, uint32_t node);
void shared_handle_changed(struct shared *, const struct shared_handle *);
void shared_handle_drop(struct shared *, uint32_t number);
void shared_handles_clear(struct shared *);
/* Its cursor, made if it has none; NULL: there are too many. */
struct shared_cursor *shared_cursor(struct shared *, struct shared_handle *);
void shared_cursor_changed(struct shared *, const struct shared_cursor *);

/* ---- for shared*.c ---- */
struct shared_segment {
    uint32_t link, next;         /* of the same bucket; of the same node */
    uint32_t node, index, chunk; /* chunk: of the image, plus 1; 0: the host was not asked */
    uint32_t page[SHARE_PAGES];  /* the guest's own; 0: none */
};
enum shared_pool { POOL_NODES, POOL_SEGMENTS, POOL_HANDLES, POOL_CURSORS, POOL_PAGES, POOLS };
/* A record; one that is out of bounds marks the share as damaged, and is record 0, which nobody uses. */
void *shared_record(struct shared *, enum shared_pool, uint32_t number);
/* ---- names that lead nowhere, by folder (shared_holes.c): derived from the nodes, and made again after a load ---- */
struct shared_holes;
struct shared_holes *shared_holes_new(uint32_t nodes); /* nodes: their numbers are below that */
void shared_holes_free(struct shared_holes *);
void shared_holes_forget(struct shared_holes *);
/* A node leads nowhere; it does no more. */
void shared_hole_made(struct shared *, uint32_t node);
void shared_hole_gone(struct shared *, uint32_t node);
/* The nodes of a folder that lead nowhere, in the order of their numbers, *n of them; to be freed. */
uint32_t *shared_holes_in(struct shared *, uint32_t folder, size_t *n);
struct shared_holes *shared_holes(struct shared *);
/* A new record, all zero; 0 if there is no room. */
uint32_t shared_take(struct shared *, enum shared_pool);
void shared_give(struct shared *, enum shared_pool, uint32_t number);
void shared_changed(struct shared *, enum shared_pool, uint32_t number);
/* A node that is being changed. */
struct shared_node *shared_node_changing(struct shared *, uint32_t node);
/* How many records there ever were: longer lists go in a circle. */
uint32_t shared_most(struct shared *, enum shared_pool);
void shared_set_damaged(struct shared *);
/* The first record of a bucket, by a hash; the lists' heads are part of the block. */
uint32_t shared_bucket(struct shared *, enum shared_pool, uint64_t hash);
void shared_set_bucket(struct shared *, enum shared_pool, uint64_t hash, uint32_t number);
/* Takes a record out of the list of its bucket. */
void shared_unhash(struct shared *, enum shared_pool, uint64_t hash, uint32_t number);
/* An answer of the host: asks, and reads `n` bytes of it. EIO if it cannot be had, after board_image_error(). `chunk`: where it is. */
int shared_ask(struct shared *, const struct share_question *, void *answer, size_t n, uint32_t *chunk);
int shared_image(struct shared *, uint64_t offset, void *buf, size_t n);
/* The chunks behind the first one of an answer are used, too. */
int shared_use_chunks(struct shared *, uint32_t more);
/* A node's path on the host, in a buffer of SHARE_PATH bytes. */
int shared_path(struct shared *, uint32_t node, char *path);
void shared_drop_content(struct shared *, uint32_t node);
struct board *shared_board(struct shared *);

#endif
