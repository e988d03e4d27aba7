/* fat.c - FAT12, FAT16 and FAT32 with long names: Microsoft's "FAT: General Overview of On-Disk Format", 1.03. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "core/volumes/private/map.h"

enum {
    ENTRY = 32,
    LABEL = 0x08,
    FOLDER = 0x10,
    LONG_NAME = 0x0f,
    DEEP = 16,
    NAME_MOST = 255, /* characters of a long name */
    PATH_MOST = 1024,
    ENTRIES_MOST = 65536, /* of a folder */
};

/* The entries of a folder. */
struct folder {
    uint8_t *p;
    size_t n, room;
};

struct fat {
    const struct volume *v;
    unsigned bits;                   /* 12, 16 or 32 */
    uint64_t table, root, data;      /* bytes of the volume; the root folder's only in FAT12 and FAT16 */
    uint64_t cluster_size, clusters; /* bytes; how many there are, and so the highest number is one more */
    uint32_t root_size, root_cluster;
    uint64_t left; /* clusters that files may still have: a damaged table could give the same ones forever */
};

static bool is_power(uint32_t v)
{
    return v && !(v & (v - 1));
}

/* The parameters of the boot sector. False if they are not those of FAT. */
static bool take_parameters(struct fat *f)
{
    uint8_t b[512];
    volume_read(f->v, 0, b, sizeof b);
    const uint32_t sector = le16(b + 11), each = b[13], reserved = le16(b + 14), tables = b[16];
    const uint32_t entries = le16(b + 17), small = le16(b + 19), table16 = le16(b + 22);
    const uint64_t sectors = small ? small : le32(b + 32), table = table16 ? table16 : le32(b + 36);
    if (le16(b + 510) != 0xaa55 || (b[0] != 0xeb && b[0] != 0xe9) || !is_power(sector) || sector < 512 ||
        sector > 4096 || !is_power(each) || !reserved || !tables || tables > 2 || !table)
        return false;
    const uint64_t before = reserved + tables * table + (entries * ENTRY + sector - 1) / sector;
    if (sectors <= before || sectors * sector > f->v->size + sector)
        return false;
    f->clusters = (sectors - before) / each;
    f->bits = f->clusters < 4085 ? 12 : f->clusters < 65525 ? 16 : 32;
    f->cluster_size = (uint64_t)each * sector;
    f->table = (uint64_t)reserved * sector;
    f->root = (reserved + tables * table) * sector;
    f->root_size = entries * ENTRY;
    f->data = before * sector;
    f->root_cluster = f->bits == 32 ? le32(b + 44) : 0;
    f->left = f->clusters;
    return f->clusters;
}

static bool is_cluster(const struct fat *f, uint32_t cluster)
{
    return cluster >= 2 && cluster < f->clusters + 2;
}

static uint32_t next_cluster(const struct fat *f, uint32_t cluster)
{
    uint8_t b[4];
    volume_read(f->v, f->table + (uint64_t)cluster * f->bits / 8, b, sizeof b);
    if (f->bits == 12)
        return cluster & 1 ? le16(b) >> 4 : le16(b) & 0xfff;
    return f->bits == 16 ? le16(b) : le32(b) & 0xfffffff;
}

/* Adds the stretches of a file; `size` may be UINT64_MAX: all its clusters. Those of a folder also go into `content`. */
static void take_chain(struct fat *f, uint32_t file, uint32_t cluster, uint64_t size, struct folder *content)
{
    uint64_t at = 0, begin = 0, from = 0;
    for (uint32_t was = 0; is_cluster(f, cluster) && at < size && f->left;
         f->left--, was = cluster, cluster = next_cluster(f, cluster)) {
        const uint64_t offset = f->data + (cluster - 2) * f->cluster_size;
        if (cluster != was + 1) {
            volume_extent(f->v, file, begin, from, at - begin);
            begin = at;
            from = offset;
        }
        if (content && content->n < (size_t)ENTRIES_MOST * ENTRY) {
            content->p = mem_grow(content->p, &content->room, content->n + f->cluster_size, 1);
            volume_read(f->v, offset, content->p + content->n, f->cluster_size);
            content->n += f->cluster_size;
        }
        at += f->cluster_size;
    }
    volume_extent(f->v, file, begin, from, (at < size ? at : size) - begin);
}

/* ---------------------------------------------------------------- names */

/* The name of a folder's entry: the long one that stands before it, or 8.3. */
struct entry_name {
    uint32_t unit[NAME_MOST + 13];
    size_t n; /* units of a long name that have come */
    char text[4 * NAME_MOST + 1];
};

/* Parts of a long name come in reverse order, with their number. */
static void take_part(struct entry_name *w, const uint8_t *e)
{
    static const uint8_t where[13] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    const size_t number = e[0] & 0x1f, at = (number - 1) * 13;
    if (!number || at >= NAME_MOST)
        return;
    if (e[0] & 0x40)
        w->n = at + 13;
    for (size_t i = 0; i < 13; i++)
        w->unit[at + i] = le16(e + where[i]);
}

static void short_name(struct entry_name *w, const uint8_t *e)
{
    size_t n = 0;
    for (size_t i = 0; i < 11; i++) {
        const bool lower = e[12] & (i < 8 ? 0x08 : 0x10);
        if (i == 8 && e[8] != ' ')
            w->text[n++] = '.';
        if (e[i] != ' ')
            w->text[n++] = (char)(i == 0 && e[0] == 5                   ? 0xe5
                                  : lower && e[i] >= 'A' && e[i] <= 'Z' ? e[i] + 32
                                                                        : e[i]);
    }
    w->text[n] = 0;
}

/* UCS-2; the halves of a surrogate pair are question marks. */
static size_t put_unit(char *to, unsigned unit)
{
    return utf8_put(unit >= 0xd800 && unit < 0xe000 ? '?' : unit, to);
}

static void end_name(struct entry_name *w, const uint8_t *e)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n && w->unit[i] && w->unit[i] != 0xffff && i < NAME_MOST; i++)
        n += put_unit(w->text + n, w->unit[i]);
    w->text[n] = 0;
    if (!n)
        short_name(w, e);
    w->n = 0;
}

/* ---------------------------------------------------------------- folders */

static void take_folder(struct fat *f, const char *path, const struct folder *content, unsigned depth);

static void take_entry(struct fat *f, const char *folder, const char *name, const uint8_t *e, unsigned depth)
{
    char path[PATH_MOST];
    struct folder content = {0};
    const bool is_folder = e[11] & FOLDER;
    const uint32_t cluster = le16(e + 26) | (f->bits == 32 ? (uint32_t)le16(e + 20) << 16 : 0);
    if (snprintf(path, sizeof path, "%s%s%s", folder, name, is_folder ? "/" : "") >= (int)sizeof path)
        return;
    take_chain(f, volume_file(f->v, "FAT", path), cluster, is_folder ? UINT64_MAX : le32(e + 28),
               is_folder ? &content : NULL);
    if (is_folder && depth < DEEP)
        take_folder(f, path, &content, depth + 1);
    free(content.p);
}

static void take_folder(struct fat *f, const char *path, const struct folder *content, unsigned depth)
{
    struct entry_name name = {.n = 0};
    for (size_t at = 0; at + ENTRY <= content->n && content->p[at]; at += ENTRY) {
        const uint8_t *e = content->p + at;
        if (e[0] == 0xe5) { /* deleted */
            name.n = 0;
        } else if ((e[11] & 0x3f) == LONG_NAME) {
            take_part(&name, e);
        } else {
            end_name(&name, e);
            if (!(e[11] & LABEL) && e[0] != '.')
                take_entry(f, path, name.text, e, depth);
        }
    }
}

bool volume_fat(const struct volume *v)
{
    struct fat f = {.v = v};
    struct folder root = {0};
    if (!take_parameters(&f))
        return false;
    const uint32_t file = volume_file(v, "FAT", "/");
    if (f.bits == 32) {
        take_chain(&f, file, f.root_cluster, UINT64_MAX, &root);
    } else {
        root.p = mem_zero(f.root_size + 1, 1);
        root.n = f.root_size;
        volume_read(v, f.root, root.p, root.n);
        volume_extent(v, file, 0, f.root, f.root_size);
    }
    take_folder(&f, "/", &root, 0);
    free(root.p);
    return true;
}
