/* used.c - which bytes and files a boot needed; and an initramfs with only these. See used.h. */
#include "core/ran/used.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <xxhash.h>
#include <zlib.h>

#include "base/hash_index.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "core/ran/private/wanted.h"
#include "core/story/explain.h"
#include "core/systems/efi/modules.h"
#include "core/volumes/initramfs.h"
#include "core/volumes/volumes.h"

#define IMAGE_MOST ((uint64_t)1 << 30)

/* ---------------------------------------------------------------- the files of an initramfs */

/* An entry, as the archive has it, and what was done with it. */
struct member {
    struct initramfs_entry e;
    char *name; /* its own: archives are freed */
    uint8_t *content;
    enum wanted_how how; /* WANTED_NAME: the name stays, its content does not */
    bool packed;         /* it is in the compressed part */
    bool keep;           /* the entry stays */
};

struct initramfs {
    struct member *list;
    size_t n, cap;
    bool packed; /* a part of the image is compressed */
    struct hash_index by_path;
};

static void take_part(void *ctx, const uint8_t *archives, size_t n, bool packed)
{
    struct initramfs *r = ctx;
    struct initramfs_entry e;
    r->packed |= packed;
    for (size_t at = 0; initramfs_next(archives, n, &at, &e);) {
        if (!strcmp(e.name, "TRAILER!!!"))
            continue;
        r->list = mem_grow(r->list, &r->cap, r->n + 1, sizeof *r->list);
        struct member *m = &r->list[r->n++];
        *m = (struct member){.e = e, .name = mem_string(e.name), .packed = packed};
        m->content = mem_copy(e.content, e.size);
        m->e.header = mem_copy(e.header, 110);
        m->e.name = m->name;
        m->e.content = m->content;
    }
}

static void initramfs_end(struct initramfs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->list[i].name);
        free(r->list[i].content);
        free((void *)r->list[i].e.header);
    }
    free(r->list);
    hash_index_clear(&r->by_path);
}

static bool is_firmware(const char *name)
{
    return strstr(wanted_path(name), "lib/firmware/") != NULL;
}

/* The names of one inode are one file: what was done by one of them was done with all. */
static void join_links(struct initramfs *r)
{
    struct hash_index by_inode = {0};
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < r->n; i++) {
            struct member *m = &r->list[i];
            const uint64_t hash = XXH3_64bits(&m->e.inode, sizeof m->e.inode);
            struct member *first = NULL;
            if (m->e.links < 2 || !S_ISREG(m->e.mode))
                continue;
            for (struct hash_search s = hash_search(&by_inode, hash); !first && hash_found(&by_inode, &s);)
                first = r->list[s.number].e.inode == m->e.inode ? &r->list[s.number] : NULL;
            if (!first)
                hash_index_add(&by_inode, hash, i);
            else if (!pass)
                first->how = m->how > first->how ? m->how : first->how;
            else
                m->how = first->how;
        }
    hash_index_clear(&by_inode);
}

/* ---------------------------------------------------------------- paths through its links */

/* The last entry of that path, which is the one that counts; NULL: there is none. */
static const struct member *member_at(const struct initramfs *r, const char *path)
{
    const struct member *last = NULL;
    for (struct hash_search s = hash_search(&r->by_path, XXH3_64bits(path, strlen(path)));
         hash_found(&r->by_path, &s);) {
        const struct member *m = &r->list[s.number];
        if (!strcmp(wanted_path(m->name), path) && (!last || m > last))
            last = m;
    }
    return last;
}

/* "a/b" without its last part. */
static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash ? slash : path) = 0;
}

/* Where a path leads through symbolic links, in `to`. False if it is too long, or if links go in a circle. */
static bool follow_links(const struct initramfs *r, const char *path, char to[PATH_MAX])
{
    enum { LINKS = 40 };
    char rest[PATH_MAX], next[PATH_MAX];
    unsigned links = 0;
    snprintf(rest, sizeof rest, "%s", path);
    *to = 0;
    while (*rest && links < LINKS) {
        const size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/"), before = strlen(to);
        char *part = rest + skip;
        if (before + n + 2 > PATH_MAX)
            return false;
        const bool up = n == 2 && !memcmp(part, "..", 2), here = !n || (n == 1 && *part == '.');
        if (up)
            drop_last(to);
        else if (!here)
            snprintf(to + before, PATH_MAX - before, "%s%.*s", before ? "/" : "", (int)n, part);
        const struct member *m = up || here ? NULL : member_at(r, to);
        if (m && S_ISLNK(m->e.mode)) {
            const bool absolute = m->e.size && m->content[0] == '/';
            to[absolute ? 0 : before] = 0;
            links++;
            if (snprintf(next, sizeof next, "%.*s%s", (int)m->e.size, (const char *)m->content, part + n) >=
                (int)sizeof next)
                return false;
        } else {
            snprintf(next, sizeof next, "%s", part + n);
        }
        memcpy(rest, next, strlen(next) + 1);
    }
    return links < LINKS;
}

/* What was done with a file by a path through links was done with the file. */
static void want_real(const struct initramfs *r, struct wanted *w)
{
    enum wanted_how how;
    const char *path;
    for (size_t i = 0; i < w->n; i++) {
        char real[PATH_MAX];
        if ((path = wanted_path_of(w, i, &how)) && follow_links(r, path, real) && strcmp(path, real))
            wanted_used(w, real, how);
    }
}

/* What was done with each member by its own name. */
static void take_uses(struct initramfs *r, const struct wanted *w)
{
    for (size_t i = 0; i < r->n; i++) {
        struct member *m = &r->list[i];
        const enum wanted_how how = wanted_file(w, m->name);
        m->how = how > m->how ? how : m->how;
        if (m->how == WANTED_NOT && wanted_name(w, m->name))
            m->how = WANTED_NAME;
    }
}

/* Where links lead, and what executes programs, is wanted as well. */
static void want_further(const struct initramfs *r, struct wanted *w)
{
    char path[WANTED_PATH];
    for (size_t i = 0; i < r->n; i++) {
        const struct member *m = &r->list[i];
        if (S_ISLNK(m->e.mode) && m->how)
            wanted_link(w, (const char *)m->content, m->e.size);
        if (m->how == WANTED_EXECUTED && wanted_interpreter(m->content, m->e.size, path))
            wanted_used(w, path, WANTED_EXECUTED);
    }
}

/* What was done with each. Names of one inode are one file, whose content is with one of them; links and interpreters lead on, until nothing
 * changes. */
static void decide(struct initramfs *r, struct wanted *w)
{
    enum { PASSES = 32 };
    uint64_t before = UINT64_MAX;
    for (size_t i = 0; i < r->n; i++) {
        const char *path = wanted_path(r->list[i].name);
        hash_index_add(&r->by_path, XXH3_64bits(path, strlen(path)), i);
    }
    for (unsigned pass = 0; before != w->changes && pass <= PASSES; pass++) {
        before = w->changes;
        w->all_names |= pass == PASSES; /* no chain of links is that long: each name stays */
        want_real(r, w);
        take_uses(r, w);
        join_links(r);
        want_further(r, w);
    }
}

/* Reads the "initrd" image's files. 1; 0: there is no such image, or it is no initramfs; -1 with err. */
static int read_initramfs(struct trace *t, struct initramfs *r, struct wanted *w, struct error *err)
{
    const int i = trace_image_by_role(t, "initrd");
    *r = (struct initramfs){0};
    if (i < 0 || trace_config(t)->images[i].size > IMAGE_MOST)
        return 0;
    const uint64_t size = trace_config(t)->images[i].size;
    uint8_t *image = mem_zero(size + 1, 1);
    const int rc = trace_image_read(t, (unsigned)i, 0, image, size, err);
    if (!rc)
        initramfs_parts(image, size, take_part, r);
    free(image);
    if (!rc)
        decide(r, w);
    return rc ? -1 : r->n != 0;
}

/* ---------------------------------------------------------------- printing */

static const char *how_word(enum wanted_how how)
{
    static const char *const words[] = {"nobody looked at", "only looked up or listed", "opened", "executed"};
    return words[how];
}

static void json_initramfs(const struct initramfs *r, yajl_gen g)
{
    json_array(g, "files");
    for (size_t i = 0; i < r->n; i++)
        if (S_ISREG(r->list[i].e.mode)) {
            yajl_gen_map_open(g);
            json_text(g, "path", wanted_path(r->list[i].name));
            json_number(g, "bytes", r->list[i].e.size);
            json_text(g, "use", how_word(r->list[i].how));
            yajl_gen_map_close(g);
        }
    yajl_gen_array_close(g);
}

static void print_initramfs(const struct initramfs *r, bool all, FILE *out)
{
    uint64_t bytes[4] = {0}, count[4] = {0};
    for (size_t i = 0; i < r->n; i++)
        if (S_ISREG(r->list[i].e.mode)) {
            bytes[r->list[i].how] += r->list[i].e.size;
            count[r->list[i].how]++;
        }
    for (int how = WANTED_EXECUTED; how >= 0; how--)
        out_print(out, "  %-26s %8" PRIu64 " files %14" PRIu64 " bytes\n", how_word((enum wanted_how)how),
                  count[how], bytes[how]);
    for (int how = WANTED_EXECUTED; how >= (all ? WANTED_NOT : WANTED_OPENED); how--)
        for (size_t i = 0; i < r->n; i++)
            if (S_ISREG(r->list[i].e.mode) && (int)r->list[i].how == how)
                out_print(out, "    %-26s %14" PRIu64 "  /%s\n", how_word((enum wanted_how)how),
                          r->list[i].e.size, wanted_path(r->list[i].name));
}

/* ---------------------------------------------------------------- drives */

struct drive_use {
    uint8_t *read; /* a bit for each sector */
    uint64_t sectors, count;
    unsigned sector;
};

static int read_commands(struct used_options const *o, const char *role, struct drive_use *u,
                         struct error *err)
{
    struct engine_images images = engine_images_of(trace_config(o->trace));
    struct trace_cursor *c = trace_cursor_open(o->trace, EVENT_CLASS_BIT(EC_DISK));
    struct event ev;
    char its[16];
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (ev.kind != EV_DISK_READ || !o->kind->words || !o->kind->words->drive ||
            !o->kind->words->drive(&images.config, (unsigned)EVF(&ev, DISK_READ, drive), its) ||
            strcmp(its, role))
            continue;
        const uint64_t lba = EVF(&ev, DISK_READ, lba), n = EVF(&ev, DISK_READ, count);
        for (uint64_t i = lba; i < u->sectors && i - lba < n; i++) {
            u->count += !(u->read[i / 8] >> i % 8 & 1);
            u->read[i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
    trace_cursor_close(c);
    engine_images_free(&images);
    return rc;
}

struct file_read {
    const char *path, *system;
    unsigned partition;
    uint64_t bytes;
};

static int by_file(const void *a, const void *b)
{
    const struct file_read *x = a, *y = b;
    return x->partition != y->partition ? (x->partition < y->partition ? -1 : 1) : strcmp(x->path, y->path);
}

static void print_file(const struct file_read *f, bool executed, FILE *out)
{
    out_print(out, "    %-26s %14" PRIu64 "  %s", executed ? "read and executed" : "read", f->bytes, f->path);
    out_print(out, f->partition ? "  (%s, partition %u)\n" : "  (%s)\n", f->system, f->partition);
}

static void json_file(const struct file_read *f, bool executed, yajl_gen g)
{
    yajl_gen_map_open(g);
    json_text(g, "path", f->path);
    json_text(g, "system", f->system);
    json_number(g, "partition", f->partition);
    json_number(g, "read", f->bytes);
    json_bool(g, "executed", executed);
    yajl_gen_map_close(g);
}

/* Bytes that were read, by file; what belongs to no file is the file systems' own. */
static void print_files(struct trace *t, unsigned image, const struct drive_use *u, const struct wanted *w,
                        FILE *out, yajl_gen json)
{
    struct volumes *v = volumes_of_image(t, image);
    struct file_read *list = NULL;
    size_t n = 0, cap = 0;
    uint64_t others = 0;
    for (uint64_t i = 0; i < u->sectors; i++) {
        struct volume_place place;
        if (!(u->read[i / 8] >> i % 8 & 1))
            continue;
        if (!volumes_find(v, i * u->sector, &place)) {
            others += u->sector;
            continue;
        }
        if (!n || list[n - 1].path != place.path) {
            list = mem_grow(list, &cap, n + 1, sizeof *list);
            list[n++] = (struct file_read){place.path, place.system, place.partition, 0};
        }
        list[n - 1].bytes += u->sector;
    }
    if (n)
        qsort(list, n, sizeof *list, by_file);
    if (json)
        json_array(json, "files");
    for (size_t i = 0, end; i < n; i = end) {
        struct file_read all = list[i];
        for (end = i + 1; end < n && !by_file(&list[i], &list[end]); end++)
            all.bytes += list[end].bytes;
        const bool executed = wanted_file(w, all.path) == WANTED_EXECUTED;
        if (json)
            json_file(&all, executed, json);
        else
            print_file(&all, executed, out);
    }
    if (json) {
        yajl_gen_array_close(json);
        json_number(json, "outside", others);
    } else if (others) {
        out_print(out,
                  "    %-26s %14" PRIu64
                  "  outside of files: tables, file systems' own blocks, boot sectors\n",
                  "read", others);
    }
    free(list);
    volumes_free(v);
}

static int print_drive(const struct used_options *o, unsigned i, const struct wanted *w, FILE *out,
                       yajl_gen json, struct error *err)
{
    const struct trace_image *im = &trace_config(o->trace)->images[i];
    struct drive_use u = {.sector = volumes_sector(im->role)};
    u.sectors = (im->size + u.sector - 1) / u.sector;
    u.read = mem_zero(u.sectors / 8 + 1, 1);
    const int rc = read_commands(o, im->role, &u, err);
    if (!rc && json)
        json_number(json, "read", u.count * u.sector);
    else if (!rc)
        out_print(out, "  read %" PRIu64 " bytes; nobody looked at %" PRIu64 "\n", u.count * u.sector,
                  im->size - (u.count * u.sector < im->size ? u.count * u.sector : im->size));
    if (!rc)
        print_files(o->trace, i, &u, w, out, json);
    free(u.read);
    return rc;
}

/* ---------------------------------------------------------------- firmware */

static const char *const module_words[EFI_USES] = {"started", "loaded, never started", "not known",
                                                   "never dispatched"};

static void json_modules(const struct efi_image_module *list, size_t n, yajl_gen g)
{
    json_array(g, "modules");
    for (size_t i = 0; i < n; i++) {
        yajl_gen_map_open(g);
        json_text(g, "guid", list[i].guid);
        json_text(g, "name", list[i].name);
        json_text(g, "type", list[i].type);
        json_number(g, "bytes", list[i].size);
        json_bool(g, "packed", list[i].packed);
        json_text(g, "use", module_words[list[i].use]);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

/* Modules that were never dispatched are listed; all, with `all`. */
static void print_modules(const struct efi_image_module *list, size_t n, bool all, FILE *out)
{
    size_t count[EFI_USES] = {0};
    for (size_t i = 0; i < n; i++)
        count[list[i].use]++;
    for (int use = 0; use < EFI_USES; use++)
        if (count[use])
            out_print(out, "  %-26s %8zu modules\n", module_words[use], count[use]);
    for (int use = all ? EFI_STARTED : EFI_LOADED; use < EFI_USES; use++)
        for (size_t i = 0; i < n; i++)
            if ((int)list[i].use == use)
                out_print(out, "    %-26s %14" PRIu64 "  %s  %s (%s)\n", module_words[use], list[i].size,
                          list[i].guid, list[i].name[0] ? list[i].name : "no name", list[i].type);
}

static int print_firmware(const struct used_options *o, unsigned i, FILE *out, yajl_gen json,
                          struct error *err)
{
    const uint64_t size = trace_config(o->trace)->images[i].size;
    size_t n = 0;
    if (json)
        json_number(json, "read", trace_image_recorded(o->trace, i));
    else
        out_print(out, "  read %" PRIu64 " bytes\n", trace_image_recorded(o->trace, i));
    if (size > IMAGE_MOST)
        return 0;
    uint8_t *image = mem_zero(size + 1, 1);
    struct error unread;
    struct efi_image_module *list =
        trace_image_read(o->trace, i, 0, image, size, &unread) ? NULL : efi_modules_read(image, size, &n);
    const int rc = n ? efi_modules_used(list, n, o->trace, err) : 0;
    if (n && !rc && json)
        json_modules(list, n, json);
    else if (n && !rc)
        print_modules(list, n, o->all, out);
    free(list);
    free(image);
    return rc;
}

bool used_needs_calls(const struct used_options *o)
{
    return !o->image || volumes_sector(o->image) || !strcmp(o->image, "initrd");
}

static int print_image(const struct used_options *o, unsigned i, struct wanted *w, FILE *out, yajl_gen json,
                       struct error *err)
{
    const struct trace_image *im = &trace_config(o->trace)->images[i];
    struct initramfs r = {0};
    if (volumes_sector(im->role))
        return print_drive(o, i, w, out, json, err);
    if (strcmp(im->role, "initrd"))
        return print_firmware(o, i, out, json, err);
    const int rc = read_initramfs(o->trace, &r, w, err);
    if (rc > 0 && json)
        json_initramfs(&r, json);
    else if (rc > 0)
        print_initramfs(&r, o->all, out);
    initramfs_end(&r);
    return rc < 0 ? -1 : 0;
}

static int begin_image(const struct used_options *o, unsigned i, struct wanted *w, FILE *out, yajl_gen json,
                       struct error *err)
{
    const struct trace_image *im = &trace_config(o->trace)->images[i];
    if (!json) {
        out_print(out, "%s  %s: %" PRIu64 " bytes\n", im->role, im->name, im->size);
        return print_image(o, i, w, out, NULL, err);
    }
    yajl_gen_map_open(json);
    json_text(json, "image", im->role);
    json_text(json, "name", im->name);
    json_number(json, "bytes", im->size);
    const int rc = print_image(o, i, w, out, json, err);
    yajl_gen_map_close(json);
    return rc;
}

int used_print(const struct used_options *o, FILE *out, struct error *err)
{
    const struct trace_config *config = trace_config(o->trace);
    struct wanted w;
    int rc = 0;
    if (o->image && trace_image_by_role(o->trace, o->image) < 0)
        return error_set(err, "used: the trace has no image %.40s: bootreel info lists them", o->image);
    yajl_gen json = o->json ? json_new(true) : NULL;
    rc = wanted_read(&w, o->trace, err);
    if (json)
        yajl_gen_array_open(json);
    for (unsigned i = 0; i < config->nimages && !rc; i++)
        if (!o->image || !strcmp(o->image, config->images[i].role))
            rc = begin_image(o, i, &w, out, json, err);
    if (json && !rc) {
        yajl_gen_array_close(json);
        json_end(json, out);
    }
    if (json)
        yajl_gen_free(json);
    wanted_end(&w);
    return rc;
}

/* ---------------------------------------------------------------- the slim one */

struct writer {
    struct text plain; /* an archive that is being made */
    struct text *said;
    uint64_t bytes, files, names;
};

static void put(struct text *t, const void *p, size_t n)
{
    t->s = mem_resize(t->s, t->n + n + 1);
    memcpy(t->s + t->n, p, n);
    t->n += n;
}

static void align_to(struct text *t, size_t unit)
{
    static const uint8_t zeros[512];
    put(t, zeros, (unit - t->n % unit) % unit);
}

/* An entry with its header's fields, but as many bytes as there are; a header with checksums becomes one without, as "070701". */
static void put_entry(struct text *t, const struct initramfs_entry *e, uint64_t size)
{
    enum { MAGIC = 6, SIZE_AT = 6 + 8 * 6, CHECK_AT = 6 + 8 * 12, HEADER = 110, ALIGN = 4 };
    char header[HEADER + 1];
    memcpy(header, e->header, HEADER);
    memcpy(header, "070701", MAGIC);
    char number[9];
    snprintf(number, sizeof number, "%08" PRIX32, (uint32_t)size);
    memcpy(header + SIZE_AT, number, 8);
    memcpy(header + CHECK_AT, "00000000", 8);
    put(t, header, HEADER);
    put(t, e->name, e->name_size);
    align_to(t, ALIGN);
    put(t, e->content, size);
    align_to(t, ALIGN);
}

/* One link, a name of 11 bytes, and all else 0. */
static void put_trailer(struct text *t)
{
    static const char name[] = "TRAILER!!!";
    char header[128];
    const int n =
        snprintf(header, sizeof header, "070701%032d%08d%048d%08X%08d", 0, 1, 0, (unsigned)sizeof name, 0);
    put(t, header, (size_t)n);
    put(t, name, sizeof name);
    align_to(t, 512);
}

/* What the kernel itself looks for in archives that are not packed, long before it unpacks them: microcode, ACPI tables. Linux,
 * Documentation/arch/x86/microcode.rst, admin-guide/acpi/initrd_table_override.rst. */
static bool is_found_early(const char *name)
{
    static const char folder[] = "kernel/";
    return !strncmp(wanted_path(name), folder, sizeof folder - 1);
}

static bool stays_whole(const struct member *m)
{
    return !S_ISREG(m->e.mode) || m->how >= WANTED_OPENED || is_firmware(m->name);
}

/* Folders stay if something in them does. */
static void keep_folders(struct initramfs *r)
{
    struct hash_index folders = {0};
    for (size_t i = 0; i < r->n; i++)
        if (S_ISDIR(r->list[i].e.mode)) {
            const char *path = wanted_path(r->list[i].name);
            hash_index_add(&folders, XXH3_64bits(path, strlen(path)), i);
        }
    for (size_t i = 0; i < r->n; i++) {
        struct member *m = &r->list[i];
        const char *path = wanted_path(m->name);
        m->keep |= m->how != WANTED_NOT || is_firmware(m->name) || S_ISCHR(m->e.mode) || S_ISBLK(m->e.mode);
        for (size_t n = 0; m->keep && n <= strlen(path); n++) {
            if (n && path[n] != '/')
                continue;
            for (struct hash_search s = hash_search(&folders, XXH3_64bits(path, n));
                 hash_found(&folders, &s);) {
                const char *its = wanted_path(r->list[s.number].name);
                r->list[s.number].keep |= strlen(its) == n && !memcmp(its, path, n);
            }
        }
    }
    hash_index_clear(&folders);
}

static void put_members(struct initramfs *r, bool packed, struct writer *w)
{
    bool any = false;
    for (size_t i = 0; i < r->n; i++) {
        struct member *m = &r->list[i];
        if (m->packed != packed)
            continue;
        any = true;
        const bool early = !packed && is_found_early(m->name);
        if (early || (m->keep && stays_whole(m))) {
            put_entry(&w->plain, &m->e, m->e.size);
            continue;
        }
        if (m->keep)
            put_entry(&w->plain, &m->e, 0);
        w->bytes += m->e.size;
        w->files += !m->keep;
        w->names += m->keep;
        if (S_ISREG(m->e.mode))
            text_print(w->said, "%-14s %14" PRIu64 "  /%s\n", m->keep ? "emptied" : "left out", m->e.size,
                       wanted_path(m->name));
    }
    if (any)
        put_trailer(&w->plain);
}

/* gzip, without a time or a name. */
static int write_packed(const struct text *t, FILE *out, struct error *err)
{
    z_stream z = {.next_in = (uint8_t *)t->s, .avail_in = (unsigned)t->n};
    uint8_t buf[65536];
    int rc = deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    if (rc != Z_OK)
        return error_set(err, "used: no memory for packing");
    do {
        z.next_out = buf;
        z.avail_out = sizeof buf;
        rc = deflate(&z, Z_FINISH);
        out_bytes(out, buf, sizeof buf - z.avail_out);
    } while (rc == Z_OK);
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : error_set(err, "used: the initramfs cannot be packed");
}

static int write_slim(struct initramfs *r, FILE *out, struct text *said, struct error *err)
{
    struct writer w = {.said = said};
    int rc = 0;
    keep_folders(r);
    put_members(r, false, &w);
    if (w.plain.n)
        out_bytes(out, w.plain.s, w.plain.n);
    w.plain.n = 0;
    if (r->packed) {
        put_members(r, true, &w);
        rc = write_packed(&w.plain, out, err);
    }
    text_print(said,
               "%" PRIu64 " entries left out, %" PRIu64 " files emptied: %" PRIu64
               " bytes less before packing\n",
               w.files, w.names, w.bytes);
    free(w.plain.s);
    return rc;
}

int used_slim(const struct used_options *o, FILE *out, char **said, struct error *err)
{
    struct initramfs r = {0};
    struct wanted w;
    struct text words = {0};
    int rc = wanted_read(&w, o->trace, err);
    if (!rc) {
        const int found = read_initramfs(o->trace, &r, &w, err);
        rc = found < 0    ? -1
             : found == 0 ? error_set(err, "used --slim: this boot has no initramfs (record --initrd)")
                          : write_slim(&r, out, &words, err);
    }
    initramfs_end(&r);
    wanted_end(&w);
    *said = words.s;
    return rc;
}
