/* machine.c - which lists there are; a part's fields; a page walk. See machine.h. */
#include <inttypes.h>
#include <string.h>

#include "core/views/private/machine_lists.h"

static const struct {
    const char *name, *what;
    void (*add)(struct text *out, const struct view_machine *m);
} lists[] = {{"irq", "interrupt controllers, line by line", view_list_irq},
             {"idt", "interrupt descriptor table, or vectors of real mode", view_list_idt},
             {"gdt", "global descriptor table", view_list_gdt},
             {"pci", "functions of PCI bus 0 and what they decode", view_list_pci}};
enum { LISTS = sizeof lists / sizeof lists[0] };

const char *view_machine_list(size_t i, const char **what)
{
    if (i >= LISTS)
        return NULL;
    *what = lists[i].what;
    return lists[i].name;
}

int view_machine_text(struct text *out, const struct view_machine *m, const char *list, struct error *err)
{
    for (size_t i = 0; i < LISTS; i++)
        if (!strcmp(lists[i].name, list)) {
            lists[i].add(out, m);
            return 0;
        }
    return error_set(err, "there is no list \"%.40s\"", list);
}

void view_named_address(struct text *out, const struct view_machine *m, uint64_t address)
{
    char name[300];
    struct symbol sym;
    const uint64_t now = timeline_icount(m->tl);
    text_add(out, "0x%" PRIx64, address);
    if (m->symbols && symbols_at(m->symbols, m->space, address, now, &sym, NULL)) {
        symbols_text(m->symbols, m->space, address, now, name, sizeof name);
        text_add(out, " %s", name);
    }
}

/* ---------------------------------------------------------------- a part */

void view_field_text(struct text *out, unsigned width, uint32_t count, const void *data)
{
    for (uint32_t i = 0; i < count && i < VIEW_FIELD_SHOWN; i++) {
        uint64_t v = 0;
        memcpy(&v, (const uint8_t *)data + (size_t)i * width, width < sizeof v ? width : sizeof v);
        text_add(out, "%s%0*" PRIx64, i ? " " : "", (int)width * 2, v);
        if (count == 1 && v > 9)
            text_add(out, "  %" PRIu64, v);
    }
    if (count > VIEW_FIELD_SHOWN)
        text_add(out, " \xe2\x80\xa6 %u in all", count);
}

static void add_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    text_add(ctx, "%-22s ", name);
    view_field_text(ctx, width, count, data);
    text_add(ctx, "\n");
}

int view_chip(struct text *out, struct timeline *tl, const char *name, struct error *err)
{
    struct text parts = {0};
    const char *part;
    if (!timeline_section(tl, name, add_field, out))
        return 0;
    for (size_t i = 0; timeline_section_name(tl, i, &part); i++)
        text_add(&parts, " %s", part);
    error_set(err, "there is no chip \"%.40s\". There are:%s", name, parts.s ? parts.s : " none");
    free(parts.s);
    return -1;
}

/* ---------------------------------------------------------------- a page walk */

void view_entry_words(uint64_t entry, void (*word)(void *ctx, const char *word, bool on), void *ctx)
{
    static const struct {
        uint64_t bit;
        const char *set, *clear;
    } bits[] = {{1, "present", "not present"},
                {2, "writable", "read-only"},
                {4, "user", "supervisor"},
                {8, "PWT", NULL},
                {16, "PCD", NULL},
                {32, "accessed", NULL},
                {64, "dirty", NULL},
                {256, "global", NULL},
                {1ull << 63, "no execute", NULL}};
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        const bool on = entry & bits[i].bit;
        if (on || bits[i].clear)
            word(ctx, on ? bits[i].set : bits[i].clear, on);
        if (!(entry & 1))
            break;
    }
}

void view_ept_words(uint64_t entry, void (*word)(void *ctx, const char *word, bool on), void *ctx)
{
    static const char *const bits[] = {
        [0] = "readable", [1] = "writable", [2] = "executable", [8] = "accessed", [9] = "dirty"};
    if (!(entry & 7))
        word(ctx, "not present", false);
    for (unsigned i = 0; entry & 7 && i < sizeof bits / sizeof bits[0]; i++)
        if (bits[i] && entry >> i & 1)
            word(ctx, bits[i], true);
}

int view_page_text(const struct view_walk *w, char *buf, size_t size)
{
    const unsigned shift = w->page >= 1 << 30 ? 30 : w->page >= 1 << 20 ? 20 : 10;
    return snprintf(buf, size, "a page of %" PRIu64 " %s: %s, %s, %s", w->page >> shift,
                    shift == 30   ? "GiB"
                    : shift == 20 ? "MiB"
                                  : "KiB",
                    w->user ? "user" : "supervisor", w->writable ? "writable" : "read-only",
                    w->executable ? "executable" : "no execute");
}

static void add_word(void *ctx, const char *word, bool on)
{
    (void)on;
    text_add(ctx, " %s", word);
}

static void walk_level(struct text *out, const struct view_walk_level *l, uint64_t at, bool ept,
                       const char *writer)
{
    text_add(out, "%-4s [%3x] at 0x%-9" PRIx64 " ", l->name, l->index, at);
    if (!l->read) {
        text_add(out, "not in memory");
    } else {
        text_add(out, "%016" PRIx64, l->entry);
        (ept ? view_ept_words : view_entry_words)(l->entry, add_word, out);
    }
    text_add(out, "\n");
    if (writer)
        text_add(out, "           %s\n", writer);
}

/* The second level: from the virtual machine's physical addresses to the machine's. */
static void outer_text(struct text *out, const struct view_walk *w, char *const writer[])
{
    text_add(out, "physical 0x%" PRIx64 " of the virtual machine, by %s:\n", w->inner,
             w->ept ? "EPT" : "nested page tables");
    for (unsigned i = 0; i < w->nouter; i++)
        walk_level(out, &w->outer[i], w->outer[i].at, w->ept, writer ? writer[VIEW_WALK_MAX + i] : NULL);
}

void view_walk_text(struct text *out, const struct view_machine *m, uint64_t linear,
                    const struct view_walk *w, char *const writer[])
{
    char page[100];
    if (w->paging)
        text_add(out, "cr3  0x%" PRIx64 "\n", look_reg(timeline_look(m->tl), m->cpu, "cr3"));
    else
        text_add(out, "no paging: linear 0x%" PRIx64 " is physical\n", linear);
    for (unsigned i = 0; i < w->n; i++)
        walk_level(out, &w->level[i], w->nested ? w->level[i].inner : w->level[i].at, false,
                   writer ? writer[i] : NULL);
    if (w->nouter)
        outer_text(out, w, writer);
    if (!w->mapped) {
        text_add(out, "0x%" PRIx64 " is not mapped\n", linear);
        return;
    }
    view_page_text(w, page, sizeof page);
    if (w->paging)
        text_add(out, "0x%" PRIx64 " is physical 0x%" PRIx64 ", in %s\n", linear, w->physical, page);
    else if (w->nested)
        text_add(out, "0x%" PRIx64 " is physical 0x%" PRIx64 " of the machine\n", linear, w->physical);
}
