/* files.h - what file descriptors stand for: files, folders, pipes, sockets, and paths to them. Private to uml/. */
#ifndef BOOTREEL_UML_FILES_H
#define BOOTREEL_UML_FILES_H

#include "uml/host.h"

/* ---- inode.c: files in memory and images ---- */
ref inode_new(struct host *h, enum inode_kind kind, uint32_t mode);
void inode_hold(struct host *h, ref i);
void inode_drop(struct host *h, ref i);
/* The frame of page `index` of a file. If there is none, it is made, or 0 is returned if `make` is false. */
uint32_t inode_page(struct host *h, ref inode, uint64_t index, bool make);
int64_t inode_read(struct host *h, struct inode *i, uint64_t pos, void *buf, size_t n);
int64_t inode_write(struct host *h, struct inode *i, uint64_t pos, const void *buf, size_t n);
int inode_resize(struct host *h, struct inode *i, uint64_t size);
void inode_punch(struct host *h, struct inode *i, uint64_t from, uint64_t to);
const char *link_target(struct host *h, const struct inode *i);

/* ---- folders.c ---- */
/* The entry of that name, or NULL. */
struct entry *folder_find(struct host *h, const struct inode *dir, const char *name);
/* The first entry with that cookie or a higher one, or NULL. Fast if it follows what the last call returned. */
struct entry *folder_from(struct host *h, const struct inode *dir, uint64_t cookie);
/* Adds a name that is not in the folder. 0 or -error. */
int folder_add(struct host *h, struct inode *dir, const char *name, ref inode);
void folder_remove(struct host *h, struct inode *dir, const char *name);
/* Drops what is kept about a folder that goes, or about all, because the lists have changed. */
void folder_forget(struct host *h, ref dir);
void folders_forget_all(struct host *h);
/* After a save: no entry counts as used any more. */
void folders_unused(struct host *h);

/* ---- path.c ---- */
enum { WALK_NOFOLLOW = 1, WALK_PARENT = 2, WALK_MISSING = 4 };
/* The inode of a path (held), or a negative error. With WALK_MISSING, if only the last part of the path, or of a link to which it leads, is
 * not there: the folder where it would be, and *last is that part (else ""). With WALK_PARENT the folder it is in, and *last is its
 * last part. */
int64_t path_walk(struct host *h, struct task *t, int dirfd, const char *path, unsigned how, char *last);
/* The path of an inode below "/"; returns its length, or 0 if it has none. */
size_t path_of(struct host *h, ref inode, char *buf, size_t size);
int tree_create(struct host *h, struct error *err);
/* The inode of a path argument of an …at call, held: with AT_EMPTY_PATH the descriptor's own. */
int64_t path_at(struct host *h, struct task *t, int dirfd, uint64_t path, unsigned flags);

/* ---- file.c ---- */
struct file *fd_file(struct host *h, struct task *t, int fd);
int fd_new(struct host *h, struct task *t, ref file, uint32_t from, bool cloexec);
int fd_close(struct host *h, struct task *t, int fd);
struct fd_entry *fd_entry(struct host *h, struct files *f, uint32_t fd);
ref file_new(struct host *h, ref inode, uint32_t flags);
/* A file of its own that is an object of that kind and size, all zero: for reading and writing, and with O_NONBLOCK if the flags have it. 0
 * if there is no memory. */
ref file_of_object(struct host *h, enum inode_kind kind, size_t size, uint32_t flags);
void file_hold(struct host *h, ref f);
void file_drop(struct host *h, ref f);
/* The task's open() of a FIFO does not wait any more. */
void open_given_up(struct host *h, struct task *t);
ref files_new(struct host *h);
ref files_copy(struct host *h, ref f);
void files_drop(struct host *h, ref f);
void files_close_exec(struct host *h, struct task *t);
unsigned file_poll(struct host *h, struct file *f);
struct source *file_source(struct host *h, struct file *f);
/* Something happened: wakes those who wait for it, and sends SIGIO. */
void source_changed(struct host *h, struct source *s, unsigned events);
void file_async(struct host *h, struct file *f, bool on);
int file_open(struct host *h, struct task *t, int dirfd, const char *path, uint32_t flags, uint32_t mode,
              ref *file);

/* Objects behind files: how they read and write. */
int64_t pipe_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t pipe_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned pipe_poll(struct host *h, struct file *f);
void pipe_close(struct host *h, struct file *f);
int64_t pipe_open(struct host *h, struct task *t, struct file *f);
/* Whether open() of a FIFO has to wait for the other end. */
bool pipe_lacks(struct host *h, const struct file *f);
/* How many bytes fit into a pipe now; puts as many of n bytes as fit, and returns how many, or an error. */
size_t pipe_room(struct host *h, const struct file *f);
int64_t pipe_put(struct host *h, struct file *f, const void *data, size_t n);
int64_t socket_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t socket_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned socket_poll(struct host *h, struct file *f);
struct socket *socket_of(struct host *h, struct file *f);
/* The error for a descriptor that is no socket. */
int64_t not_socket(const struct file *f);
/* address.c: names of sockets as text. */
enum { ADDRESS_TEXT = 240 };
int address_take(struct host *h, struct task *t, uint32_t family, uint64_t from, uint64_t len,
                 char text[ADDRESS_TEXT]);
/* Writes a socket's address to the program's memory; text NULL: it has no name. */
int address_put(struct host *h, struct task *t, uint32_t family, const char *text, uint64_t to,
                uint64_t len_at);
/* The socket of that type with that name; -error. */
int64_t address_find(struct host *h, struct task *t, uint32_t type, const char *text);
/* inet.c: names of IPv4 sockets. Whether there is such a socket; -error. */
int inet_check(uint64_t type, uint64_t protocol);
int inet_take(const void *bytes, uint64_t len, char text[ADDRESS_TEXT]);
/* Writes a struct sockaddr_in, all zeros if text is NULL; returns its size. */
size_t inet_put(const char *text, void *bytes);
int64_t inet_find(struct host *h, uint32_t type, const char *text);
/* Gives a socket a name; port 0: the first free one. */
int64_t inet_bind(struct host *h, ref socket, const char *text);
/* Gives an IPv4 socket that has no port one, as connect() and sendto() do. */
int64_t inet_bind_any(struct host *h, ref socket);
/* The name that the other side sees: 127.0.0.1 for a socket that listens everywhere. */
void inet_source(const char *name, char text[ADDRESS_TEXT]);
/* Whether setsockopt() accepts this option, which has no effect. */
bool inet_option(uint64_t level, uint64_t name);
void address_gone(struct host *h, ref socket);
void socket_close(struct host *h, struct file *f);
int64_t tty_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t tty_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned tty_poll(struct host *h, struct file *f);
void tty_close(struct host *h, struct file *f);
int64_t tty_ioctl(struct host *h, struct task *t, struct file *f, uint32_t request, uint64_t arg);
/* Opens a terminal device; sets f->object. */
int tty_open_device(struct host *h, struct task *t, struct file *f, uint32_t device);
ref tty_new(struct host *h);
/* Gives the terminal what was typed; returns how many bytes it took. */
uint32_t tty_typed(struct host *h, struct terminal *tt, const uint8_t *in, uint32_t n);
void tty_flush(struct host *h);
unsigned epoll_poll(struct host *h, struct file *f);
void epoll_close(struct host *h, struct file *f);
/* The file is gone: no epoll set watches it any more. */
void epoll_forget(struct host *h, ref file);
/* Character devices. */
int64_t device_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t device_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);

/* ---- proc.c ---- */
int64_t proc_lookup(struct host *h, struct task *t, struct inode *dir, const char *name);
size_t proc_link(struct host *h, struct task *t, const struct inode *i, char *buf, size_t size);
/* The i-th name in a folder of /proc, or 0. */
size_t proc_name(struct host *h, const struct inode *dir, uint64_t i, char *name, uint32_t *kind);

/* ---- signalfd.c ---- */
int64_t signal_file_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned signal_file_poll(struct host *h, struct file *f);
void signal_file_close(struct host *h, struct file *f);

#endif
