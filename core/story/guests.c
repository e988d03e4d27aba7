/* guests.c - what is asked of all guest systems, and functions for guests inside others. See guest.h. */
#include <string.h>

#include "core/story/guest.h"

/* ---------------------------------------------------------------- the table */

static int unknown_system(const struct guest_system *const *table, const char *name, size_t n,
                          struct error *err)
{
    char known[200] = "";
    for (size_t i = 0; table[i]; i++) {
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s, ", table[i]->name);
    }
    return error_set(err, "inspect: there is no guest system \"%.*s\": give one or more of %sor all, or none",
                     (int)(n < 40 ? n : 40), name, known);
}

static int parse_one(const struct guest_system *const *table, const char *name, size_t n, uint32_t *chosen,
                     struct error *err)
{
    for (size_t i = 0; table[i]; i++)
        if (strlen(table[i]->name) == n && !memcmp(table[i]->name, name, n)) {
            *chosen |= 1u << i;
            return 0;
        }
    return unknown_system(table, name, n, err);
}

int guest_systems_parse(const struct guest_system *const *table, const char *list, uint32_t *chosen,
                        struct error *err)
{
    *chosen = 0;
    if (!strcmp(list, "none"))
        return 0;
    for (size_t i = 0; table[i] && !strcmp(list, "all"); i++)
        *chosen |= 1u << i;
    if (*chosen)
        return 0;
    for (const char *end;; list = end + 1) {
        end = strchrnul(list, ',');
        if (parse_one(table, list, (size_t)(end - list), chosen, err))
            return -1;
        if (!*end)
            return 0;
    }
}

uint32_t guest_systems_of(const struct guest_system *const *table, const char *engine, const char *cpu)
{
    const bool virtualizes = cpu && (strstr(cpu, "+svm") || strstr(cpu, "+vmx"));
    uint32_t chosen = 0;
    for (size_t i = 0; table[i]; i++)
        if ((!table[i]->engine || !strcmp(table[i]->engine, engine)) &&
            (virtualizes || !table[i]->virtualizes))
            chosen |= 1u << i;
    return chosen;
}

bool guest_systems_virtualize(const struct guest_system *const *table, uint32_t chosen)
{
    bool virtualize = false;
    for (size_t i = 0; table[i]; i++)
        virtualize |= (chosen >> i & 1) && table[i]->virtualizes;
    return virtualize;
}

void guest_systems_names(const struct guest_system *const *table, uint32_t chosen, struct text *out)
{
    for (size_t i = 0; table[i]; i++)
        if (chosen >> i & 1)
            text_add(out, "%s%s", out->n ? "," : "", table[i]->name);
    if (!out->n)
        text_add(out, "none");
}

const char *guest_word(unsigned kind, unsigned field, uint64_t value)
{
    const char *word = NULL;
    for (size_t i = 0; guest_systems[i] && !word; i++)
        if (guest_systems[i]->word)
            word = guest_systems[i]->word(kind, field, value);
    return word;
}

unsigned guest_system_found(const struct event *ev)
{
    const bool found = ev->kind == EV_KERNEL_FOUND || ev->kind == EV_XEN_FOUND;
    for (unsigned i = 0; found && guest_systems[i]; i++) {
        const char *banner = guest_systems[i]->banner;
        if (banner && ev->len >= strlen(banner) && !memcmp(ev->data, banner, strlen(banner)))
            return i + 1;
    }
    return 0;
}

bool guest_explain(const struct event *ev, unsigned system, struct text *out)
{
    size_t n = 0;
    if (system && guest_systems[system - 1]->explain_own && guest_systems[system - 1]->explain_own(ev, out))
        return true;
    while (guest_systems[n])
        n++;
    /* Linux explains all events that it shares with others; they explain only those that are surely theirs. */
    while (n-- > 0)
        if (guest_systems[n]->explain && guest_systems[n]->explain(ev, out))
            return true;
    return false;
}

/* ---------------------------------------------------------------- guests inside others */

bool guest_runs(const struct guest *g, unsigned cpu)
{
    const bool inside = g->parent;
    struct engine_inner in;
    uint64_t domain;
    for (; g->parent; g = g->parent)
        if (!g->parent->system->domain(g->parent, cpu, &domain) || domain != g->domain)
            return false;
    return inside || !g->apart || g->system->virtualizes || !g->apart->ops->inner ||
           !g->apart->ops->inner(g->apart, cpu, &in);
}

bool guest_shares(const struct guest *g)
{
    const struct guest_system *outer = g->parent ? g->parent->system : NULL;
    return outer && !outer->virtualizes && !(outer->machine && outer->machine(g->parent, g->domain));
}

/* False if the address is not mapped in some guest. */
static bool to_machine(const struct guest *g, uint64_t *address)
{
    for (; g->parent; g = g->parent)
        if (!g->parent->system->translate(g->parent, g->domain, *address, address))
            return false;
    return true;
}

size_t guest_peek_physical(const struct guest *g, const struct engine *e, uint64_t address, void *buf,
                           size_t n)
{
    enum { PAGE = 4096 };
    size_t done = 0, got = 0, part = 0;
    if (!g->parent)
        return e->ops->peek_physical(e, address, buf, n);
    for (; done < n && got == part; done += got) {
        uint64_t outer = address + done;
        part = PAGE - (outer & (PAGE - 1));
        part = part < n - done ? part : n - done;
        got = to_machine(g, &outer) ? e->ops->peek_physical(e, outer, (char *)buf + done, part) : 0;
    }
    return done;
}

const void *guest_view(const struct engine *e, unsigned cpu, uint64_t linear, size_t n, void **copy)
{
    enum { PIECE = 64 << 10 };
    const void *there = e->ops->view ? e->ops->view(e, cpu, linear, n) : NULL;
    *copy = there ? NULL : mem_zero(1, n);
    for (size_t done = 0, part; !there && done < n; done += part) { /* pieces that are not mapped stay zero */
        part = n - done < PIECE ? n - done : PIECE;
        e->ops->peek(e, cpu, linear + done, (char *)*copy + done, part);
    }
    return there ? there : *copy;
}

const void *guest_view_physical(const struct guest *g, const struct engine *e, uint64_t address, size_t *n,
                                void **copy)
{
    const void *there = !g->parent && e->ops->view_physical ? e->ops->view_physical(e, address, *n) : NULL;
    *copy = there ? NULL : mem_alloc(*n);
    if (!there)
        *n = guest_peek_physical(g, e, address, *copy, *n);
    return there ? there : *copy;
}

uint64_t guest_event_ip(const struct event *ev)
{
    switch (ev->kind) {
    case EV_CPU_CR:
        return EVF(ev, CPU_CR, ip);
    case EV_CPU_MSR:
        return EVF(ev, CPU_MSR, ip);
    case EV_CPU_DTABLE:
        return EVF(ev, CPU_DTABLE, ip);
    default:
        return 0;
    }
}

size_t guest_reg_index(const struct engine *e, const char *name)
{
    char wide[16];
    snprintf(wide, sizeof wide, "%s%s", name[0] == 'e' ? "r" : "", name + (name[0] == 'e'));
    return engine_reg_index(e, wide);
}
