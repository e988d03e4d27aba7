/* host_folder.c - see host_folder.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/media/host_folder.h"
#include "base/memory.h"

struct host_folder {
    char *path;
    int fd;
    int kept; /* a file in memory with the chunks of SHARE_DATA, each at its offset of the image */
    /* The last answer of another kind, and where it is in the image. */
    uint8_t *answer;
    size_t size;
    uint64_t offset;
};

/* ---------------------------------------------------------------- paths */

/* A descriptor that stands for what is at a path, but opens nothing (O_PATH). -1 with errno. */
static int find(const struct host_folder *f, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, f->fd, *path ? path : ".", &how, sizeof how);
}

/* Opens what a descriptor of find() stands for, which is known to be a file or a folder. */
static int open_found(int fd, int flags)
{
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    flags |= O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int opened = open(name, flags | O_NOATIME);
    return opened < 0 && errno == EPERM ? open(name, flags) : opened; /* O_NOATIME is for its owner */
}

/* File systems by which a kernel shows itself. What is in them is no one's file, and another one each time. */
static bool is_kernels(int fd)
{
    static const uint32_t magic[] = {
        0x9fa0,     /* proc */
        0x62656572, /* sysfs */
        0x1cd1,     /* devpts */
        0x64626720, /* debugfs */
        0x74726163, /* tracefs */
        0x73636673, /* securityfs */
        0xf97cff8c, /* selinuxfs */
        0x43415d53, /* smackfs */
        0x5a3c69f0, /* apparmorfs */
        0xcafe4a11, /* bpf */
        0x62656570, /* configfs */
        0x6165676c, /* pstorefs */
        0xde5e81e4, /* efivarfs */
        0x19800202, /* mqueue */
        0x42494e4d, /* binfmt_misc */
        0x0187,     /* autofs: looking could mount something */
        0x27e0eb,   /* cgroup */
        0x63677270, /* cgroup2 */
        0x7655821,  /* resctrl */
        0x67596969, /* rpc_pipefs */
        0x6e736673, /* nsfs */
        0x65735543, /* fusectl */
    };
    struct statfs st;
    if (fstatfs(fd, &st))
        return false;
    for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++)
        if ((uint32_t)st.f_type == magic[i])
            return true;
    return false;
}

/* Whether the folder that a path is in belongs to such a file system, too. */
static bool is_within_kernels(const struct host_folder *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *above = mem_text(path, slash ? (size_t)(slash - path) : 0);
    int fd = find(f, above);
    bool within = *path && fd >= 0 && is_kernels(fd);
    if (fd >= 0)
        close(fd);
    free(above);
    return within;
}

/* As find(); also says whether it is the top of a file system of the kernel's, which is shown as an empty folder. */
static int find_shown(const struct host_folder *f, const char *path, struct stat *st, bool *empty)
{
    int fd = find(f, path);
    *empty = false;
    if (fd < 0 || fstat(fd, st) < 0) {
        const int why = errno;
        if (fd >= 0)
            close(fd);
        errno = why;
        return -1;
    }
    *empty = is_kernels(fd);
    if (!*empty || (S_ISDIR(st->st_mode) && !is_within_kernels(f, path)))
        return fd;
    close(fd);
    errno = ENOENT;
    return -1;
}

/* ---------------------------------------------------------------- answers */

static void set_answer(struct host_folder *f, uint64_t offset, const void *bytes, size_t n)
{
    f->answer = mem_resize(f->answer, n);
    memcpy(f->answer, bytes, n);
    f->size = n;
    f->offset = offset;
}

static void set_error(struct host_folder *f, uint64_t offset, int why)
{
    const struct share_answer a = {.error = (uint32_t)why};
    set_answer(f, offset, &a, sizeof a);
}

/* What a folder says of itself changes with each file that is made in it, such as the trace: its size and times are left out. */
static struct share_answer answer_of(const struct stat *st)
{
    const bool folder = S_ISDIR(st->st_mode), special = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
    return (struct share_answer){
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .links = folder ? 1 : (uint32_t)st->st_nlink,
        .seconds = folder ? 0 : st->st_mtim.tv_sec,
        .nanoseconds = folder ? 0 : (uint32_t)st->st_mtim.tv_nsec,
        .size = folder ? 4096 : (uint64_t)st->st_size,
        .device = special ? st->st_rdev : 0,
    };
}

static void answer_node(struct host_folder *f, uint64_t offset, const char *path)
{
    struct stat st;
    bool empty;
    uint8_t all[sizeof(struct share_answer) + SHARE_PATH];
    int fd = find_shown(f, path, &st, &empty);
    if (fd < 0) {
        set_error(f, offset, errno);
        return;
    }
    struct share_answer a = answer_of(&st);
    ssize_t n = S_ISLNK(st.st_mode) ? readlinkat(fd, "", (char *)all + sizeof a, SHARE_PATH - 1) : 0;
    if (empty)
        a.mode = S_IFDIR | 0755;
    if (n < 0)
        a = (struct share_answer){.error = (uint32_t)errno};
    else
        a.target = (uint32_t)n;
    memcpy(all, &a, sizeof a);
    set_answer(f, offset, all, sizeof a + (n > 0 ? (size_t)n : 0));
    close(fd);
}

/* A descriptor to read a regular file by. -1 with errno. */
static int open_file(const struct host_folder *f, const char *path)
{
    struct stat st;
    bool empty;
    int fd = find_shown(f, path, &st, &empty), why = EACCES, opened = -1;
    if (fd < 0)
        return -1;
    if (S_ISREG(st.st_mode)) {
        opened = open_found(fd, 0);
        why = errno;
    }
    close(fd);
    errno = why;
    return opened;
}

static void answer_open(struct host_folder *f, uint64_t offset, const char *path)
{
    int fd = open_file(f, path);
    set_error(f, offset, fd < 0 ? errno : 0);
    if (fd >= 0)
        close(fd);
}

/* ---------------------------------------------------------------- folders */

struct listed {
    char *name;
    uint8_t type;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static bool is_shown(const char *name)
{
    return strcmp(name, ".") && strcmp(name, "..") && strlen(name) <= SHARE_NAME;
}

/* A file system need not say in a folder what a name is. */
static void add_entry(struct listed **list, size_t *n, int folder, const struct dirent *d)
{
    struct stat st;
    uint8_t type = d->d_type;
    if (!is_shown(d->d_name) || *n == SHARE_LISTED)
        return;
    if (type == DT_UNKNOWN)
        type = fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) ? DT_REG
                                                                                      : IFTODT(st.st_mode);
    MEM_MORE(*list, *n);
    (*list)[(*n)++] = (struct listed){mem_string(d->d_name), type};
}

static struct listed *read_names(int fd, size_t *n)
{
    struct listed *list = NULL;
    DIR *dir = fdopendir(fd);
    *n = 0;
    for (struct dirent *d; dir && (d = readdir(dir));)
        add_entry(&list, n, fd, d);
    if (*n)
        qsort(list, *n, sizeof *list, by_name);
    if (dir)
        closedir(dir);
    else
        close(fd);
    return list;
}

/* Takes the descriptor. */
static void answer_names(struct host_folder *f, uint64_t offset, int fd)
{
    struct share_list head = {.size = sizeof head};
    size_t n;
    struct listed *list = read_names(fd, &n);
    head.count = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        head.size += sizeof(struct share_name) + strlen(list[i].name);
    uint8_t *all = mem_alloc(head.size), *at = all + sizeof head;
    memcpy(all, &head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        const struct share_name name = {.type = list[i].type, .length = (uint8_t)strlen(list[i].name)};
        memcpy(at, &name, sizeof name);
        memcpy(at + sizeof name, list[i].name, name.length);
        at += sizeof name + name.length;
        free(list[i].name);
    }
    set_answer(f, offset, all, head.size);
    free(all);
    free(list);
}

static void answer_list(struct host_folder *f, uint64_t offset, const char *path)
{
    struct share_list none = {.size = sizeof none};
    struct stat st;
    bool empty;
    int fd = find_shown(f, path, &st, &empty), opened = -1;
    if (fd >= 0 && !empty) {
        opened = S_ISDIR(st.st_mode) ? open_found(fd, O_DIRECTORY) : -1;
        none.error = S_ISDIR(st.st_mode) ? (uint32_t)errno : ENOTDIR;
    } else if (fd < 0)
        none.error = (uint32_t)errno;
    if (fd >= 0)
        close(fd);
    if (opened >= 0)
        answer_names(f, offset, opened);
    else
        set_answer(f, offset, &none, sizeof none);
}

/* ---------------------------------------------------------------- files */

static int cannot(const struct host_folder *f, const char *path, const char *why, struct error *err)
{
    return error_set(err, "%.150s/%.150s: cannot be read: %s", strcmp(f->path, "/") ? f->path : "", path,
                     why);
}

/* Reads up to n bytes: fewer at the file's end. -1 with errno. */
static ssize_t read_all(int fd, uint8_t *to, size_t n, uint64_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t part = pread(fd, to + done, n - done, (off_t)(at + done));
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return part < 0 ? -1 : (ssize_t)done;
        done += (size_t)part;
    }
    return (ssize_t)done;
}

static int keep_data(struct host_folder *f, uint64_t offset, const struct share_question *q,
                     struct error *err)
{
    uint8_t *chunk = mem_zero(1, SHARE_CHUNK);
    int fd = open_file(f, q->path), rc = 0;
    if (fd < 0 || read_all(fd, chunk, SHARE_CHUNK, q->block * SHARE_CHUNK) < 0)
        rc = cannot(f, q->path, strerror(errno), err);
    else if (pwrite(f->kept, chunk, SHARE_CHUNK, (off_t)offset) != SHARE_CHUNK)
        rc = cannot(f, q->path, "no memory is left for what the guest has read", err);
    if (fd >= 0)
        close(fd);
    free(chunk);
    return rc;
}

int host_folder_place(void *folder, uint64_t offset, const struct share_question *q, struct error *err)
{
    struct host_folder *f = folder;
    switch (q->what) {
    case SHARE_NODE:
        answer_node(f, offset, q->path);
        return 0;
    case SHARE_OPEN:
        answer_open(f, offset, q->path);
        return 0;
    case SHARE_LIST:
        answer_list(f, offset, q->path);
        return 0;
    case SHARE_DATA:
        return keep_data(f, offset, q, err);
    }
    return error_set(err, "%.150s: a question of kind %d", f->path, (int)q->what);
}

int host_folder_read(void *folder, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct host_folder *f = folder;
    const uint64_t chunks = (f->size + SHARE_CHUNK - 1) / SHARE_CHUNK;
    memset(buf, 0, n);
    if (offset < f->offset || offset - f->offset >= chunks * SHARE_CHUNK)
        return read_all(f->kept, buf, n, offset) < 0 ? cannot(f, "", strerror(errno), err) : 0;
    const uint64_t at = offset - f->offset, left = at < f->size ? f->size - at : 0;
    memcpy(buf, f->answer + at, left < n ? left : n);
    return 0;
}

/* ---------------------------------------------------------------- the whole */

/* Whether this kernel resolves paths beneath a folder. */
static int check_openat2(const struct host_folder *f, struct error *err)
{
    int fd = find(f, "");
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0
           : errno == ENOSYS
               ? error_set(err, "%.200s: a shared folder needs Linux 5.6 or newer (openat2)", f->path)
               : error_set(err, "%.200s: %s", f->path, strerror(errno));
}

struct host_folder *host_folder_open(const char *path, struct error *err)
{
    struct host_folder *f = mem_zero(1, sizeof *f);
    f->path = mem_string(path);
    f->kept = -1;
    f->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0)
        error_set(err, "%.200s: %s", path,
                  errno == ENOTDIR ? "is no folder: give a folder" : strerror(errno));
    else if (!check_openat2(f, err) && (f->kept = memfd_create("bootreel-share", MFD_CLOEXEC)) < 0)
        error_set(err, "%.200s: no memory for what is read of it: %s", path, strerror(errno));
    if (f->kept >= 0)
        return f;
    host_folder_close(f);
    return NULL;
}

void host_folder_close(struct host_folder *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->kept >= 0)
        close(f->kept);
    free(f->answer);
    free(f->path);
    free(f);
}
