/* chain.c - images that are based on others: which files these are, whether they may be opened, and how qemu-nbd is told of them.
 *
 * qemu-nbd would follow the names in an image wherever they lead: to any file, to a server, to a description in JSON. So we read the names,
 * allow plain files in the image's own folder or below, and those that the user named, and hand over a description of the whole chain, in
 * which nothing is left to be looked up.
 *
 * Sources: QEMU docs/interop/qcow2.txt (header, header extensions, incompatible features); VMware's Virtual Disk Format 5.0 ("The Descriptor
 * File", "Hosted Sparse Extents").
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_id.h"
#include "base/text.h"
#include "core/media/private/impl.h"

enum {
    DEEPEST = 64,
    NAME_MOST = 1023,
    EXTENT_NAME_MOST = 511,          /* QEMU cuts longer ones, and opens what is left */
    DESCRIPTOR_MOST = (1 << 20) - 1, /* QEMU reads no more */
    SECTOR = 512
};

struct chain {
    struct media_image *m;
    const struct media_options *options;
    char *home; /* the folder of the first file, without links */
    struct text text;
    unsigned depth;
};

/* ---------------------------------------------------------------- which files */

static int refuse(const struct media_file *f, const char *name, const char *why, struct error *err)
{
    return error_set(err, "%.120s: is based on \"%.120s\", %s", f->path, name, why);
}

/* A colon before the first slash: QEMU takes what is before it for a protocol. */
static bool has_protocol(const char *name)
{
    const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
    return colon && (!slash || colon < slash);
}

static bool is_below(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    return !strncmp(folder, path, n) && (path[n] == '/' || (n == 1 && *folder == '/'));
}

static bool was_named(const struct chain *c, const char *path)
{
    for (size_t i = 0; i < c->options->nbacking; i++)
        if (file_id_same(file_id_at(c->options->backing[i]), file_id_at(path)))
            return true;
    return false;
}

/* Adds the file that the file `by` names. Its index in the list, or -1 with err. */
static int add_named(struct chain *c, size_t by, const char *name, struct error *err)
{
    const struct media_file *f = &c->m->file[by];
    const char *slash = strrchr(f->path, '/');
    struct text path = {0};
    int rc;
    if (!*name || has_protocol(name))
        return refuse(f, name, "which is no file's name: only plain files are opened", err);
    if (*name != '/' && slash)
        text_add(&path, "%.*s/", (int)(slash - f->path), f->path);
    text_add(&path, "%s", name);
    char *real = realpath(path.s, NULL);
    free(path.s);
    if (!real)
        return refuse(f, name, "which does not exist: bring it to where the image expects it", err);
    if (!is_below(c->home, real) && !was_named(c, real))
        rc = refuse(f, name, "outside of its own folder: if that is right, add ,backing=FILE", err);
    else
        rc = media_add_file(c->m, real, err) ? -1 : (int)c->m->nfiles - 1;
    free(real);
    return rc;
}

/* ---------------------------------------------------------------- qcow2 */

/* The name of the image that it is based on, or NULL, to be freed. -1 with err if it cannot be used. */
static int qcow2_backing(const struct media_file *f, char **name, struct error *err)
{
    enum { HEADER = 104, NAME_AT = 8, NAME_SIZE = 16 };
    uint8_t header[HEADER] = {0};
    const uint64_t size = f->size;
    *name = NULL;
    if (media_read_fd(f->fd, f->path, 0, header, size < HEADER ? size : HEADER, err))
        return -1;
    const uint64_t at = media_big(header + NAME_AT, 8), n = media_big(header + NAME_SIZE, 4);
    if (!at || !n)
        return 0;
    if (n > NAME_MOST || at > size || n > size - at)
        return error_set(
            err, "%.200s: is damaged: the name of the image that it is based on is not within it", f->path);
    *name = mem_zero(1, n + 1);
    return media_read_fd(f->fd, f->path, at, *name, n, err);
}

/* ---------------------------------------------------------------- VMDK */

/* The descriptor, a text: the file itself, or a part of a sparse extent that its header names. To be freed; NULL with err. */
static char *vmdk_descriptor(const struct media_file *f, struct error *err)
{
    enum { HEADER = 44, AT = 28, SIZE = 36 };
    uint8_t header[HEADER];
    uint64_t at = 0, n = f->size;
    if (n < HEADER || media_read_fd(f->fd, f->path, 0, header, HEADER, err)) {
        error_set(err, "%.200s: is damaged: it ends within its header", f->path);
        return NULL;
    }
    if (!memcmp(header, "KDMV", 4)) {
        memcpy(&at, header + AT, 8);
        memcpy(&n, header + SIZE, 8);
        if (at > (1u << 30) || n > DESCRIPTOR_MOST / SECTOR || (at + n) * SECTOR > f->size) {
            error_set(err, "%.200s: is damaged: its descriptor is not within it", f->path);
            return NULL;
        }
        at *= SECTOR;
        n *= SECTOR;
    } else if (n > DESCRIPTOR_MOST) {
        error_set(err, "%.200s: is damaged: no descriptor has more than %d bytes", f->path, DESCRIPTOR_MOST);
        return NULL;
    }
    char *text = mem_zero(1, n + 1);
    if (!media_read_fd(f->fd, f->path, at, text, n, err))
        return text;
    free(text);
    return NULL;
}

/* What is in the first pair of quotes, which are taken out of the line. NULL if there is no pair. */
static char *quoted(char *line)
{
    char *from = strchr(line, '"'), *to = from ? strchr(from + 1, '"') : NULL;
    if (!to)
        return NULL;
    *to = 0;
    return from + 1;
}

/* Moves over one of these letters' words, and the blanks after it. False if there is none. */
static bool skip(char **at, const char *letters)
{
    const size_t n = strspn(*at, letters);
    *at += n;
    *at += strspn(*at, " \t");
    return n;
}

/* Whether a line of a descriptor is one of an extent. QEMU takes any white space before its first word and after it, also the end of a line. */
static bool is_extent(const char *line)
{
    static const char *const access[] = {"RW", "RDONLY", "NOACCESS"};
    line += strspn(line, " \t\v\f");
    const size_t n = strcspn(line, " \t\v\f");
    for (unsigned i = 0; i < 3; i++)
        if (n == strlen(access[i]) && !memcmp(line, access[i], n))
            return true;
    return false;
}

/* An extent's line in parts: RW 4192256 SPARSE "disk-s001.vmdk"; RW 100 FLAT "disk-flat.vmdk" 63; RW 100 ZERO. */
struct extent {
    uint64_t sectors, offset; /* in sectors of 512 bytes; the offset is that in its file */
    char *name;               /* NULL: it has no file */
    bool plain;               /* its file holds the sectors one after the other */
};

/* Cuts the line. -1 if it has another form: QEMU might read another name in it than we. */
static int extent_cut(char *line, struct extent *e)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", digits[] = "0123456789";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    *e = (struct extent){0};
    line += strspn(line, " \t");
    if (!skip(&line, capitals))
        return -1;
    e->sectors = strtoull(line, NULL, 10);
    if (!skip(&line, digits))
        return -1;
    const bool zero = !strncmp(line, "ZERO", 4);
    e->plain = !strncmp(line, "FLAT", 4) || !strcmp(line, "VMFS") || !strncmp(line, "VMFS ", 5);
    if (!skip(&line, letters))
        return -1;
    if (zero && !*line)
        return 0;
    char *end = *line == '"' ? strchr(line + 1, '"') : NULL;
    if (!end || end == line + 1 || end - line > EXTENT_NAME_MOST)
        return -1;
    *end = 0;
    e->name = line + 1;
    e->offset = strtoull(end + 1, NULL, 10);
    return 0;
}

/* A sparse extent whose header gives no size is opened by QEMU as another descriptor, with names of its own. */
static int check_sparse(const struct media_file *f, struct error *err)
{
    enum { HEADER = 20, CAPACITY = 12 };
    uint8_t header[HEADER];
    if (f->size < HEADER)
        return 0;
    if (media_read_fd(f->fd, f->path, 0, header, HEADER, err))
        return -1;
    return memcmp(header, "KDMV", 4) || memcmp(header + CAPACITY, "\0\0\0\0\0\0\0", 8)
               ? 0
               : error_set(err, "%.200s: is damaged: its header gives the disk no size", f->path);
}

/* QEMU reads zeros behind the end of such a file. */
static int check_plain(const struct media_file *f, const struct extent *e, struct error *err)
{
    const uint64_t there = f->size / 512;
    if (!e->plain || (e->offset <= there && e->sectors <= there - e->offset))
        return 0;
    return error_set(
        err, "%.200s: is cut off: the disk has %llu sectors of it from sector %llu on, and it has %llu",
        f->path, (unsigned long long)e->sectors, (unsigned long long)e->offset, (unsigned long long)there);
}

static int add_extent(struct chain *c, size_t index, char *line, struct error *err)
{
    struct extent e;
    char was[80];
    snprintf(was, sizeof was, "%s", line);
    if (extent_cut(line, &e))
        return error_set(err, "%.160s: is damaged: \"%.80s\" in its descriptor names no part of a disk",
                         c->m->file[index].path, was);
    if (!e.name)
        return 0;
    const int part = add_named(c, index, e.name, err);
    return part < 0 || check_plain(&c->m->file[part], &e, err) ? -1 : check_sparse(&c->m->file[part], err);
}

/* A line of a descriptor. An extent of a descriptor file is a file that is opened, too; `parent` gets what the image is based on. */
static int vmdk_line(struct chain *c, size_t index, char *line, bool extents, char **parent,
                     struct error *err)
{
    static const char hint[] = "parentFileNameHint";
    if (extents && is_extent(line))
        return add_extent(c, index, line, err);
    line += strspn(line, " \t");
    if (!strncmp(line, hint, sizeof hint - 1)) {
        char *name = quoted(line);
        if (name && *name && !*parent)
            *parent = mem_string(name);
    }
    return 0;
}

/* QEMU reads zeros where a parent's grains are that the descriptor does not name. */
static bool lacks_parent(const char *line)
{
    static const char of[] = "parentCID=";
    line += strspn(line, " \t");
    return !strncmp(line, of, sizeof of - 1) && strtoul(line + sizeof of - 1, NULL, 16) != 0xffffffff;
}

static int vmdk_parent(struct chain *c, size_t index, char **parent, struct error *err)
{
    char *text = check_sparse(&c->m->file[index], err) ? NULL : vmdk_descriptor(&c->m->file[index], err);
    char *rest = text;
    const bool extents = text && !strncmp(text, "# Disk DescriptorFile", 21) && text[0] == '#';
    uint8_t magic[4];
    bool based = false;
    int rc = text ? media_read_fd(c->m->file[index].fd, c->m->file[index].path, 0, magic, 4, err) : -1;
    *parent = NULL;
    /* The extent that an embedded descriptor names is the file that it is in. */
    for (char *line; !rc && (line = strsep(&rest, "\r\n"));) {
        based |= lacks_parent(line);
        rc = vmdk_line(c, index, line, extents && memcmp(magic, "KDMV", 4), parent, err);
    }
    free(text);
    if (!rc && based && !*parent)
        return error_set(
            err, "%.200s: is based on another image, and does not say which: merge them where it was made",
            c->m->file[index].path);
    return rc;
}

/* ---------------------------------------------------------------- the description */

static void add_json_text(struct text *t, const char *s)
{
    text_add(t, "\"");
    for (; *s; s++)
        if (*s == '"' || *s == '\\' || (unsigned char)*s < ' ')
            text_add(t, "\\u%04x", (unsigned char)*s);
        else
            text_add(t, "%c", *s);
    text_add(t, "\"");
}

static int base_of(struct chain *c, size_t index, const struct media_format *format, char **name,
                   struct error *err)
{
    *name = NULL;
    if (!strcmp(format->driver, "qcow2"))
        return qcow2_backing(&c->m->file[index], name, err);
    return !strcmp(format->driver, "vmdk") ? vmdk_parent(c, index, name, err) : 0;
}

/* Whether the file that was added last was there before. */
static bool comes_again(const struct chain *c)
{
    const size_t last = c->m->nfiles - 1;
    const struct file_id id = file_id_of(c->m->file[last].fd);
    for (size_t i = 0; i < last; i++)
        if (file_id_same(file_id_of(c->m->file[i].fd), id))
            return true;
    return false;
}

static int describe(struct chain *c, size_t index, const struct media_format *format, struct error *err);

static int describe_base(struct chain *c, size_t index, const char *name, struct error *err)
{
    const int base = add_named(c, index, name, err);
    if (base < 0)
        return -1;
    if (comes_again(c))
        return refuse(&c->m->file[index], name,
                      "which is itself, or is based on it: give it another base with qemu-img rebase -u",
                      err);
    const struct media_file *f = &c->m->file[base];
    text_add(&c->text, ",\"backing\":");
    return describe(c, (size_t)base, media_format_of(f->fd, f->size), err);
}

static int describe(struct chain *c, size_t index, const struct media_format *format, struct error *err)
{
    char *name = NULL;
    const struct media_file *f = &c->m->file[index];
    if (!format->driver)
        return error_set(err, "%.200s: is %s, and another image is based on it: %s", f->path, format->name,
                         format->packing ? "unpack it" : "which is not supported");
    if (++c->depth > DEEPEST)
        return error_set(
            err,
            "%.200s: more than %d images are based on one another: make one of them with qemu-img convert",
            f->path, DEEPEST);
    if (media_is_whole(f, format, err))
        return -1;
    text_add(&c->text, "{\"driver\":\"%s\",\"file\":{\"driver\":\"file\",\"filename\":", format->driver);
    add_json_text(&c->text, f->path);
    text_add(&c->text, "}");
    int rc = base_of(c, index, format, &name, err);
    if (!rc && format->chained && !name)
        text_add(&c->text, ",\"backing\":null");
    if (!rc && name)
        rc = describe_base(c, index, name, err);
    text_add(&c->text, "}");
    free(name);
    return rc;
}

char *chain_describe(struct media_image *m, const struct media_format *format,
                     const struct media_options *options, struct error *err)
{
    struct chain c = {.m = m, .options = options};
    char *real = realpath(m->file[0].path, NULL);
    if (!real) {
        error_set(err, "%.200s: %s", m->file[0].path, strerror(errno));
        return NULL;
    }
    free(m->file[0].path);
    m->file[0].path = real;
    char *slash = strrchr(real, '/');
    c.home = mem_text(real, slash == real ? 1 : (size_t)(slash - real));
    text_add(&c.text, "json:");
    int rc = describe(&c, 0, format, err);
    free(c.home);
    if (!rc)
        return c.text.s;
    free(c.text.s);
    return NULL;
}
