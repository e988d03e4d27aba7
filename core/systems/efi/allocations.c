/* allocations.c - who has allocated pages, of those that the memory map still has: from the calls of AllocatePages and the images that were
 * loaded, as the trace's events tell, and the DXE core's map at the position. See private/look.h.
 *
 * FreePages is no event: what was freed is told by the map, where the pages are of another type, or by a later allocation there.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/look.h"

enum { ALLOCATE_PAGES = 0x202, PAGE_SHIFT = 12, ALLOCATIONS_MAX = 8192 };

struct allocation {
    uint64_t begin, pages, icount, time;
    uint32_t type;
    bool image, left;
    char who[EFI_NAME];
};

struct allocations {
    struct allocation *list;
    size_t n;
    bool full; /* the oldest were forgotten */
};

static struct allocation *add(struct allocations *a, const struct event *ev, uint64_t begin, uint64_t pages)
{
    if (!pages)
        return NULL;
    if (a->n == ALLOCATIONS_MAX) {
        a->n /= 2;
        memmove(a->list, a->list + a->n, a->n * sizeof *a->list);
        a->full = true;
    }
    a->list = mem_resize(a->list, (a->n + 1) * sizeof *a->list);
    struct allocation *x = &a->list[a->n++];
    *x = (struct allocation){.begin = begin, .pages = pages, .icount = ev->icount, .time = ev->time};
    const char *text = ev->data, *end = memchr(text, ':', ev->len);
    snprintf(x->who, sizeof x->who, "%.*s", (int)(end ? (size_t)(end - text) : ev->len), text);
    return x;
}

static void take_call(struct allocations *a, const struct event *ev)
{
    struct allocation *x =
        EVF(ev, EFI_SERVICE, status) ? NULL : add(a, ev, EVF(ev, EFI_SERVICE, out), EVF(ev, EFI_SERVICE, a2));
    if (x)
        x->type = (uint32_t)EVF(ev, EFI_SERVICE, a1);
}

static void take_image(struct allocations *a, const struct event *ev)
{
    const uint64_t base = EVF(ev, EFI_LOADED, base), page = 1 << PAGE_SHIFT;
    struct allocation *x =
        add(a, ev, base & ~(page - 1), (EVF(ev, EFI_LOADED, size) + base % page + page - 1) >> PAGE_SHIFT);
    if (x)
        x->image = true;
}

static void take_event(struct allocations *a, const struct event *ev)
{
    if (ev->kind == EV_RESET)
        a->n = 0;
    else if (ev->kind == EV_EFI_SERVICE && EVF(ev, EFI_SERVICE, service) == ALLOCATE_PAGES)
        take_call(a, ev);
    else if (ev->kind == EV_EFI_LOADED)
        take_image(a, ev);
}

static int read_calls(struct allocations *a, struct trace *t, uint64_t icount, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && ev.icount <= icount)
        take_event(a, &ev);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- what is left */

static void keep_range(struct efi_look *l, const struct look_range *r)
{
    MEM_MORE(l->range, l->nranges);
    l->range[l->nranges++] = *r;
}

static const struct look_range *range_of(const struct efi_look *l, uint64_t address)
{
    for (size_t i = 0; i < l->nranges; i++)
        if (address - l->range[i].address < l->range[i].size)
            return &l->range[i];
    return NULL;
}

/* Neighbouring ranges of one type are one: what is behind its end was freed. */
static void cut(struct allocation *x, const struct look_range *r)
{
    const uint64_t most = (r->address + r->size - x->begin) >> PAGE_SHIFT;
    if (x->pages > most)
        x->pages = most;
}

/* An image's pages have a type of code, by what it is; those of an allocation the type that was asked for. */
static bool is_left(const struct efi_look *l, struct allocation *x)
{
    enum { LOADER_CODE = 1, BOOT_CODE = 3, RUNTIME_CODE = 5 };
    const struct look_range *r = range_of(l, x->begin);
    if (!r)
        return false;
    cut(x, r);
    if (!x->image)
        return r->type == x->type;
    x->type = r->type;
    return r->type == LOADER_CODE || r->type == BOOT_CODE || r->type == RUNTIME_CODE;
}

static bool overlaps(const struct allocation *x, const struct allocation *y)
{
    return x->begin - y->begin < y->pages << PAGE_SHIFT || y->begin - x->begin < x->pages << PAGE_SHIFT;
}

/* A later one takes the pages of an earlier one, which must have been freed. */
static void find_left(const struct efi_look *l, struct allocations *a)
{
    for (size_t i = a->n; i-- > 0;) {
        struct allocation *x = &a->list[i];
        x->left = is_left(l, x);
        for (size_t k = i + 1; x->left && k < a->n; k++)
            x->left = !(a->list[k].left && overlaps(x, &a->list[k]));
    }
}

/* ---------------------------------------------------------------- the list */

static int by_address(const void *p, const void *q)
{
    const struct allocation *x = p, *y = q;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static void show(struct efi_look *l, const struct allocation *x)
{
    const char *name = efi_memory_name(x->type);
    if (l->json) {
        look_json_open(l);
        look_json_hex(l, "address", x->begin);
        look_json_number(l, "pages", x->pages);
        look_json_number(l, "type", x->type);
        look_json_text(l, "name", name);
        look_json_text(l, x->image ? "image" : "caller", x->who);
        look_json_number(l, "icount", x->icount);
        look_json_number(l, "time", x->time);
        look_json_close(l);
        return;
    }
    text_add(l->out, "%010" PRIx64 "-%010" PRIx64 "  %8" PRIu64 " pages  %-24s  %15" PRIu64 "  %s%s\n",
             x->begin, x->begin + (x->pages << PAGE_SHIFT) - 1, x->pages, name ? name : "another type",
             x->icount, x->image ? "the image of " : "", x->who);
}

/* What is used and has no line. */
static void show_rest(struct efi_look *l, uint64_t known, bool full)
{
    enum { CONVENTIONAL = 7 };
    uint64_t used = 0;
    for (size_t i = 0; i < l->nranges; i++)
        used += l->range[i].type == CONVENTIONAL ? 0 : l->range[i].size >> PAGE_SHIFT;
    text_add(l->out,
             "(%" PRIu64 " of the %" PRIu64
             " pages in use; the others are the DXE core's own: its pools, and what PEI handed over)\n",
             known < used ? known : used, used);
    if (full)
        text_add(l->out, "(there are more allocations than %d: the oldest were not looked at)\n",
                 ALLOCATIONS_MAX);
}

int look_at_allocations(struct efi_look *l, struct trace *t, uint64_t icount, struct error *err)
{
    struct allocations a = {.n = 0};
    uint64_t known = 0;
    int rc = read_calls(&a, t, icount, err);
    if (!rc && !look_memory(l, keep_range))
        rc = error_set(
            err,
            "allocations: the DXE core has no memory map in EDK II's form at this position: give another one");
    if (!rc) {
        find_left(l, &a);
        if (a.n)
            qsort(a.list, a.n, sizeof *a.list, by_address);
        for (size_t i = 0; i < a.n; i++)
            if (a.list[i].left) {
                known += a.list[i].pages;
                show(l, &a.list[i]);
            }
        show_rest(l, known, a.full);
    }
    free(a.list);
    free(l->range);
    return rc;
}
