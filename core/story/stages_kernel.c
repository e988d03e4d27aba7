/* stages_kernel.c - the file of a kernel that is not known otherwise. See stages_impl.h.
 *
 * A boot loader may not say what it loads. Then it is a file whose first byte was read before the kernel was entered, and whose ELF header says that it is entered there. The file may
 * be packed by gzip.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "core/story/kernel_head.h"
#include "core/story/private/stages_impl.h"
#include "core/volumes/volumes.h"

enum { HEAD = KERNEL_HEAD, SECTORS_MOST = 4096 };

struct search {
    struct trace *t;
    struct volumes **of; /* an image's */
    uint64_t entry;
    char *path; /* found, or NULL */
    bool several;
};

/* ---------------------------------------------------------------- a file's beginning */

/* Unpacks it in place, if it is packed. */
static void unpack(uint8_t head[HEAD])
{
    enum { ANY_FORMAT = 15 + 32 };
    uint8_t out[HEAD] = {0};
    z_stream z = {.next_in = head, .avail_in = HEAD, .next_out = out, .avail_out = HEAD};
    if (head[0] != 0x1f || head[1] != 0x8b || inflateInit2(&z, ANY_FORMAT) != Z_OK)
        return;
    inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    memcpy(head, out, HEAD);
}

static bool is_entered_at(uint8_t head[HEAD], uint64_t entry)
{
    struct kernel_entries e;
    unpack(head);
    return kernel_head_entries(head, HEAD, &e) && kernel_head_has(&e, entry);
}

/* ---------------------------------------------------------------- what was read */

static void file_begins(struct search *s, unsigned image, uint64_t offset, const char *path)
{
    uint8_t head[HEAD] = {0};
    trace_image_known(s->t, image, offset, head, sizeof head);
    if (!is_entered_at(head, s->entry) || (s->path && !strcmp(s->path, path)))
        return;
    s->several |= s->path != NULL;
    if (!s->path)
        s->path = mem_string(path);
}

static void sectors(struct search *s, unsigned image, unsigned sector, uint64_t lba, uint64_t count)
{
    if (!s->of[image])
        s->of[image] = volumes_of_image(s->t, image);
    for (uint64_t i = 0, row; i < count && i < SECTORS_MOST; i += row) {
        struct volume_place place;
        const bool found = volumes_find(s->of[image], (lba + i) * sector, &place);
        row = found && place.n > sector ? place.n / sector : 1;
        if (found && !place.at)
            file_begins(s, image, (lba + i) * sector, place.path);
    }
}

/* The same sectors of each drive are looked at: what fits is not in two of them by chance. */
static void disk_read(struct search *s, const struct event *ev)
{
    const struct trace_config *c = trace_config(s->t);
    for (unsigned i = 0; i < c->nimages; i++) {
        const unsigned sector = volumes_sector(c->images[i].role);
        if (sector)
            sectors(s, i, sector, EVF(ev, DISK_READ, lba), EVF(ev, DISK_READ, count));
    }
}

/* The file of a kernel that was entered at that icount and physical address; NULL if there is none, or several. */
static char *kernel_file(struct trace *t, uint64_t entered, uint64_t address)
{
    const size_t n = trace_config(t)->nimages;
    struct search s = {.t = t, .entry = address, .of = mem_zero(n + 1, sizeof *s.of)};
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_DISK));
    struct event ev;
    struct error err;
    while (trace_cursor_next(c, &ev, NULL, &err) == 1 && ev.icount < entered)
        if (ev.kind == EV_DISK_READ)
            disk_read(&s, &ev);
    trace_cursor_close(c);
    for (size_t i = 0; i < n; i++)
        volumes_free(s.of[i]);
    free(s.of);
    if (s.several) {
        free(s.path);
        s.path = NULL;
    }
    return s.path;
}

/* ---------------------------------------------------------------- what else says it */

/* A path's last part; NULL if the text does not begin with a path. Some loaders put it before the arguments (GRUB 0.97, iPXE). */
static char *path_of_line(const struct event *ev)
{
    const char *line = ev->data;
    size_t n = 0;
    while (n < ev->len && line[n] != ' ')
        n++;
    return n && (line[0] == '/' || line[0] == '(') ? mem_text(line, n) : NULL;
}

/* What the loader's command line says, behind the entry and at the same position. */
static char *command_line_file(struct trace_cursor *c, uint64_t entered)
{
    struct event ev;
    struct error err;
    while (trace_cursor_next(c, &ev, NULL, &err) == 1 && ev.icount == entered)
        if (ev.kind == EV_COMMAND_LINE)
            return path_of_line(&ev);
    return NULL;
}

/* The machine has loaded it. */
static char *given_file(struct trace *t)
{
    const int image = trace_image_by_role(t, "kernel");
    return image < 0 ? NULL : mem_string(trace_config(t)->images[image].name);
}

/* ---------------------------------------------------------------- stages */

static bool is_entry(const struct event *ev)
{
    static const char *const protocols[] = {"multiboot", "multiboot2", "pvh"};
    bool is = false;
    for (size_t i = 0; ev->kind == EV_KERNEL_ENTRY && i < sizeof protocols / sizeof protocols[0]; i++)
        is |= ev->len == strlen(protocols[i]) && !memcmp(ev->data, protocols[i], ev->len);
    return is;
}

/* The file of the kernel whose entry opens a stage; NULL if it is not known. */
static char *kernel_of_stage(struct trace *t, const struct stage *g)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    struct error err;
    uint64_t number, address;
    char *name = NULL;
    if (!trace_cursor_seek_number(c, g->first_event, &err) && trace_cursor_next(c, &ev, &number, &err) == 1 &&
        number == g->first_event && is_entry(&ev)) {
        address = EVF(&ev, KERNEL_ENTRY, address);
        name = given_file(t);
        name = name ? name : command_line_file(c, g->begin);
        name = name ? name : kernel_file(t, g->begin, address);
    }
    trace_cursor_close(c);
    return name;
}

void stages_name_kernels(struct stages *s, struct trace *t)
{
    for (size_t i = 0; i < s->n; i++) {
        struct stage *g = &s->list[i];
        char *name = g->note && !strcmp(g->note, "not known") && !strcmp(g->name, "kernel")
                         ? kernel_of_stage(t, g)
                         : NULL;
        if (!name)
            continue;
        free((char *)g->note);
        g->note = name;
    }
}
