/* cause_origin.c - where bytes in memory come from: images and settings. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "base/text.h"
#include "core/compare/private/cause_impl.h"
#include "core/systems/efi/flash.h"
#include "core/volumes/initramfs.h"
#include "core/volumes/volumes.h"

enum { AROUND = CAUSE_AROUND, LEAST = 16, MEMBERS_SHOWN = 8 };

uint8_t *cause_image(struct trace *t, unsigned image, size_t *size)
{
    uint64_t n = trace_config(t)->images[image].size;
    uint8_t *data = calloc(n ? n : 1, 1); /* as large as the user's file: there may not be enough memory */
    if (data)
        trace_image_known(t, image, 0, data, n);
    *size = n;
    return data;
}

/* ---------------------------------------------------------------- how the inputs differ */

struct archive_file {
    char *name;
    uint8_t *content;
    size_t n;
    size_t number; /* in the archive */
    size_t taken;  /* of the first of a name: how many of that name are met */
    bool met;
};

struct archive_list {
    struct search *s;
    const char *role;
    struct archive_file *file;
    struct archive_file **
        sorted; /* by name, then by number: an archive may have millions of members, and several of one name */
    size_t n, differ;
};

static void keep_file(void *ctx, const char *name, const uint8_t *content, size_t n)
{
    struct archive_list *l = ctx;
    l->file = mem_more(l->file, l->n, sizeof *l->file);
    l->file[l->n] = (struct archive_file){mem_string(name), mem_copy(content, n), n, l->n, 0, false};
    l->n++;
}

static int compare_names(const void *x, const void *y)
{
    const struct archive_file *a = *(struct archive_file *const *)x, *b = *(struct archive_file *const *)y;
    const int order = strcmp(a->name, b->name);
    return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

static void sort_files(struct archive_list *l)
{
    l->sorted = mem_zero(l->n + 1, sizeof(struct archive_file *));
    for (size_t i = 0; i < l->n; i++)
        l->sorted[i] = &l->file[i];
    qsort(l->sorted, l->n, sizeof(struct archive_file *), compare_names);
}

/* The next file of that name; NULL: there is none, or no more. */
static struct archive_file *next_of(const struct archive_list *l, const char *name)
{
    const size_t low = FIRST_NOT(middle, 0, l->n, strcmp(l->sorted[middle]->name, name) < 0);
    if (low == l->n || low + l->sorted[low]->taken >= l->n)
        return NULL;
    struct archive_file *f = l->sorted[low + l->sorted[low]->taken];
    if (strcmp(f->name, name))
        return NULL;
    l->sorted[low]->taken++;
    return f;
}

static void compare_file(void *ctx, const char *name, const uint8_t *content, size_t n)
{
    struct archive_list *l = ctx;
    size_t at = 0, bytes = 0;
    struct archive_file *f = next_of(l, name);
    if (!f) {
        if (l->differ++ < MEMBERS_SHOWN)
            cause_say(l->s, FINDING_INPUT, NULL, "image %s: file %s is only in B", l->role, name);
        return;
    }
    f->met = true;
    for (size_t k = 0; k < n || k < f->n; k++)
        if (k >= n || k >= f->n || content[k] != f->content[k]) {
            at = bytes++ ? at : k;
        }
    if (!bytes || l->differ++ >= MEMBERS_SHOWN)
        return;
    if (at < n && at < f->n)
        cause_say(l->s, FINDING_INPUT, NULL,
                  "image %s: file %s differs in %zu byte%s, first at %zu: 0x%02x in A, 0x%02x in B", l->role,
                  name, bytes, bytes == 1 ? "" : "s", at, f->content[at], content[at]);
    else
        cause_say(l->s, FINDING_INPUT, NULL, "image %s: file %s has %zu bytes in A, %zu in B", l->role, name,
                  f->n, n);
}

static void say_files(struct search *s, const char *role, uint8_t *const data[2], const size_t size[2])
{
    struct archive_list l = {.s = s, .role = role};
    initramfs_files(data[0], size[0], keep_file, &l);
    sort_files(&l);
    initramfs_files(data[1], size[1], compare_file, &l);
    for (size_t i = 0; i < l.n; i++) {
        if (!l.file[i].met && l.differ++ < MEMBERS_SHOWN)
            cause_say(s, FINDING_INPUT, NULL, "image %s: file %s is only in A", role, l.file[i].name);
        free(l.file[i].name);
        free(l.file[i].content);
    }
    free(l.file);
    free(l.sorted);
    if (l.differ > MEMBERS_SHOWN)
        cause_say(s, FINDING_INPUT, NULL, "image %s: %zu more files differ", role, l.differ - MEMBERS_SHOWN);
}

static void say_image(struct search *s, const char *role, unsigned a, unsigned b)
{
    size_t size[2], bytes = 0, first = 0;
    uint8_t *data[2] = {cause_image(timeline_trace(s->tl[0]), a, &size[0]),
                        cause_image(timeline_trace(s->tl[1]), b, &size[1])};
    for (size_t i = 0; data[0] && data[1] && (i < size[0] || i < size[1]); i++)
        if (i >= size[0] || i >= size[1] || data[0][i] != data[1][i])
            first = bytes++ ? first : i;
    if (bytes)
        cause_say(s, FINDING_INPUT, NULL,
                  "image %s: %zu bytes in A, %zu in B; %zu differ, the first at offset %zu", role, size[0],
                  size[1], bytes, first);
    if (bytes && efi_flash_role(role))
        cause_flash_files(s, role, data, size);
    else if (bytes)
        say_files(s, role, data, size);
    free(data[0]);
    free(data[1]);
}

static bool same_digest(const struct trace_image *a, const struct trace_image *b)
{
    return a->size == b->size && a->has_digest && b->has_digest &&
           !memcmp(a->digest, b->digest, sizeof a->digest);
}

static void say_images(struct search *s)
{
    struct trace *a = timeline_trace(s->tl[0]), *b = timeline_trace(s->tl[1]);
    for (size_t i = 0; i < trace_config(a)->nimages; i++) {
        const char *role = trace_config(a)->images[i].role;
        int k = trace_image_by_role(b, role);
        if (k < 0)
            cause_say(s, FINDING_INPUT, NULL, "image %s is only in A", role);
        else if (!same_digest(&trace_config(a)->images[i], &trace_config(b)->images[k]))
            say_image(s, role, (unsigned)i, (unsigned)k);
    }
    for (size_t i = 0; i < trace_config(b)->nimages; i++)
        if (trace_image_by_role(a, trace_config(b)->images[i].role) < 0)
            cause_say(s, FINDING_INPUT, NULL, "image %s is only in B", trace_config(b)->images[i].role);
}

static void say_settings(struct search *s)
{
    struct trace *a = timeline_trace(s->tl[0]), *b = timeline_trace(s->tl[1]);
    for (size_t i = 0; i < trace_config(a)->nsettings; i++) {
        const struct setting *x = &trace_config(a)->settings[i];
        const char *y = trace_setting(b, x->key);
        if (!y || strcmp(x->value, y))
            cause_say(s, FINDING_INPUT, NULL, "setting %s: %s -> %s", x->key, x->value, y ? y : "(none)");
    }
    for (size_t i = 0; i < trace_config(b)->nsettings; i++)
        if (!trace_setting(a, trace_config(b)->settings[i].key))
            cause_say(s, FINDING_INPUT, NULL, "setting %s: (none) -> %s", trace_config(b)->settings[i].key,
                      trace_config(b)->settings[i].value);
}

static int say_typed(struct search *s, struct error *err)
{
    struct trace *a = timeline_trace(s->tl[0]), *b = timeline_trace(s->tl[1]);
    uint64_t na = trace_input_count(a), nb = trace_input_count(b);
    for (uint64_t i = 0; i < na && i < nb; i++) {
        struct input x, y;
        if (trace_input(a, i, &x, err) || trace_input(b, i, &y, err))
            return -1;
        if (x.icount == y.icount && x.port == y.port && x.len == y.len && !memcmp(x.data, y.data, x.len))
            continue;
        cause_say(s, FINDING_INPUT, NULL,
                  "what was typed differs from input %" PRIu64 " on, at icount %" PRIu64 " of A, %" PRIu64
                  " of B",
                  i, x.icount, y.icount);
        return 0;
    }
    if (na != nb)
        cause_say(s, FINDING_INPUT, NULL, "A has %" PRIu64 " inputs, B has %" PRIu64, na, nb);
    return 0;
}

int cause_inputs_say(struct search *s, struct error *err)
{
    say_settings(s);
    say_images(s);
    return say_typed(s, err);
}

/* ---------------------------------------------------------------- where a byte comes from */

static bool take_window(const struct search *s, uint64_t address, struct cause_window *w)
{
    uint64_t page = address & ~(uint64_t)(PAGE - 1);
    uint64_t from = address - page < AROUND ? page : address - AROUND;
    uint64_t to = page + PAGE - address < AROUND ? page + PAGE : address + AROUND;
    w->n = to - from;
    w->at = address - from;
    return timeline_peek_physical(s->tl[0], from, w->bytes[0], w->n) == w->n &&
           timeline_peek_physical(s->tl[1], from, w->bytes[1], w->n) == w->n;
}

bool cause_find_window(uint8_t *const data[2], const size_t size[2], const struct cause_window *w,
                       uint64_t *offset)
{
    const uint8_t *p = data[0], *end = data[0] + size[0];
    while ((p = memmem(p, (size_t)(end - p), w->bytes[0], w->n))) {
        size_t at = (size_t)(p - data[0]);
        if (at + w->n <= size[1] && !memcmp(data[1] + at, w->bytes[1], w->n)) {
            *offset = at + w->at;
            return true;
        }
        p++;
    }
    return false;
}

/* Finds the file of the image to which the byte belongs. */
static bool find_file(struct trace *t, unsigned image, struct cause_origin *o)
{
    struct volume_place place;
    struct volumes *v = volumes_of_image(t, image);
    const bool found = volumes_find(v, o->offset, &place);
    if (found) {
        snprintf(o->member, sizeof o->member, "%s", place.path);
        o->in_member = place.at;
    }
    volumes_free(v);
    return found;
}

static void say_image_origin(struct search *s, unsigned image, const char *role, uint64_t offset,
                             const struct cause_window *w)
{
    struct cause_origin *o = &s->out->origin;
    *o = (struct cause_origin){
        .found = true, .image = role, .offset = offset, .byte = {w->bytes[0][w->at], w->bytes[1][w->at]}};
    if (find_file(timeline_trace(s->tl[0]), image, o))
        cause_say(s, FINDING_COMES_FROM, NULL,
                  "image %s, byte %" PRIu64 ": 0x%02x in A, 0x%02x in B; that is byte %" PRIu64
                  " of the file %s in it",
                  role, offset, o->byte[0], o->byte[1], o->in_member, o->member);
    else
        cause_say(s, FINDING_COMES_FROM, NULL, "image %s, byte %" PRIu64 ": 0x%02x in A, 0x%02x in B", role,
                  offset, o->byte[0], o->byte[1]);
}

static bool in_images(struct search *s, const struct cause_window *w)
{
    struct trace *t[2] = {timeline_trace(s->tl[0]), timeline_trace(s->tl[1])};
    bool found = false;
    for (size_t i = 0; !found && i < trace_config(t[0])->nimages; i++) {
        const char *role = trace_config(t[0])->images[i].role;
        int k = trace_image_by_role(t[1], role);
        if (k < 0 || same_digest(&trace_config(t[0])->images[i], &trace_config(t[1])->images[k]))
            continue;
        size_t size[2];
        uint64_t offset;
        uint8_t *data[2] = {cause_image(t[0], (unsigned)i, &size[0]),
                            cause_image(t[1], (unsigned)k, &size[1])};
        found = data[0] && data[1] && cause_find_window(data, size, w, &offset);
        if (found)
            say_image_origin(s, (unsigned)i, role, offset, w);
        else if (data[0] && data[1] && efi_flash_role(role))
            found = cause_flash_unpacked(s, role, data, size, w);
        free(data[0]);
        free(data[1]);
    }
    return found;
}

/* Whether the byte is in a copy of a setting's value (or ends it). */
static bool in_settings(struct search *s, uint64_t address)
{
    struct trace *a = timeline_trace(s->tl[0]), *b = timeline_trace(s->tl[1]);
    uint8_t page[PAGE];
    uint64_t from = address & ~(uint64_t)(PAGE - 1);
    size_t n = timeline_peek_physical(s->tl[0], from, page, PAGE);
    for (size_t i = 0; i < trace_config(a)->nsettings; i++) {
        const struct setting *x = &trace_config(a)->settings[i];
        const char *y = trace_setting(b, x->key);
        size_t len = strlen(x->value);
        if (!y || !strcmp(x->value, y) || len < 4)
            continue;
        for (const uint8_t *p = page; (p = memmem(p, (size_t)(page + n - p), x->value, len)); p++) {
            uint64_t at = from + (uint64_t)(p - page);
            if (address < at || address > at + strlen(y) + 1)
                continue;
            s->out->origin = (struct cause_origin){.found = true};
            cause_say(s, FINDING_COMES_FROM, NULL, "setting %s, character %" PRIu64 ": %s -> %s", x->key,
                      address - at, x->value, y);
            return true;
        }
    }
    return false;
}

bool cause_origin_find(struct search *s, uint64_t address)
{
    struct cause_window w;
    if (take_window(s, address, &w) && w.n >= LEAST && in_images(s, &w))
        return true;
    return in_settings(s, address);
}
