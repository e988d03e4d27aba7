/* types.c - what a user's symbol files tell of the kernel: files given with --symbols that have a FreeBSD kernel's symbols, with the
 * members of its structures by DWARF or CTF. See impl.h.
 *
 * Only the file of this very build is of use. A kernel is not relocated, so each global symbol of the kernel's own has to be in the
 * file at the same address.
 */
#include "core/systems/freebsd/private/impl.h"

const char *const fb_structures[] = {"proc",   "thread",      "pcpu",      "device",       "_device",
                                     "driver", "linker_file", "sysentvec", "vmspace",      "mount",
                                     "pcb",    "trapframe",   "sysinit",   "image_params", NULL};

/* ---------------------------------------------------------------- whether a file is of this kernel */

static bool is_global(const struct symbol *sym)
{
    return sym->type >= 'A' && sym->type <= 'Z' && !(sym->flags & SYMBOL_ABSOLUTE);
}

/* Whether a table has a symbol of that name at that address, which need not be the only one of the name. */
static bool has_symbol(const struct symbol_table *t, const char *name, uint64_t address)
{
    size_t low = 0, high = symbol_table_count(t);
    struct symbol sym;
    while (low < high) {
        size_t mid = (low + high) / 2;
        symbol_table_symbol(t, mid, &sym);
        if (sym.flags & SYMBOL_ABSOLUTE || sym.address < address)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < symbol_table_count(t); low++) {
        symbol_table_symbol(t, low, &sym);
        if (sym.address != address || !strcmp(sym.name, name))
            return sym.address == address;
    }
    return false;
}

/* The first global symbol of the kernel that the file has elsewhere. False if there is none. */
static bool differs(const struct fb_guest *fb, const struct symbol_table *t, struct symbol *here,
                    struct symbol *there)
{
    for (size_t i = 0; i < symbol_table_count(fb->kernel); i++) {
        symbol_table_symbol(fb->kernel, i, here);
        if (is_global(here) && symbol_table_find(t, here->name, there) &&
            !has_symbol(t, here->name, here->address))
            return true;
    }
    return false;
}

static void refuse(struct fb_guest *fb, const struct symbol_table *t, const struct symbol *here,
                   const struct symbol *there)
{
    char text[300];
    snprintf(
        text, sizeof text,
        "%.100s: is of another kernel: it has %.60s at 0x%llx, memory has it at 0x%llx: give the file of this build",
        symbol_table_name(t), here->name, (unsigned long long)there->address,
        (unsigned long long)here->address);
    symbols_unmap(fb->base.o.symbols, t, SPACE_KERNEL, fb->base.icount, fb->base.time);
    base_note(&fb->base, "%s; its symbols and types are not used", text);
    if (fb->base.o.warn)
        fb->base.o.warn(fb->base.o.ctx, text);
}

/* ---------------------------------------------------------------- those that are */

/* A kernel without its symbol table has names of the file instead of the dynamic symbols, which lie too far apart. A file that was
 * refused may be of the kernel that follows. */
static void accept(struct fb_guest *fb, const struct symbol_mapping *given)
{
    if (fb->ngiven == FB_GIVEN)
        return;
    fb->given[fb->ngiven++] = given->table;
    const struct symbol_mapping m = {
        .table = given->table, .space = fb->base.space, .since = fb->base.icount, .time = fb->base.time};
    if (given->until || fb->base.space != SPACE_KERNEL || !fb->has_symtab)
        symbols_map(fb->base.o.symbols, &m);
}

static bool is_given(const struct symbol_mapping *m)
{
    struct symbol sym;
    return m->space == SPACE_KERNEL && !m->since && !strcmp(symbol_table_source(m->table), "elf") &&
           symbol_table_find(m->table, "mi_startup", &sym) && symbol_table_find(m->table, "proc0", &sym);
}

void fb_types_take(struct fb_guest *fb)
{
    struct symbol here, there;
    for (size_t i = 0, n = symbols_mappings(fb->base.o.symbols); i < n; i++) {
        const struct symbol_mapping m = *symbols_mapping(fb->base.o.symbols, i); /* the list may move */
        if (!is_given(&m))
            continue;
        if (differs(fb, m.table, &here, &there))
            refuse(fb, m.table, &here, &there);
        else
            accept(fb, &m);
    }
}

/* ---------------------------------------------------------------- members */

size_t fb_types_count(const struct fb_guest *fb)
{
    size_t n = 0;
    for (unsigned i = 0; i < fb->ngiven; i++)
        n += symbol_table_members(fb->given[i]);
    return n;
}

/* The file whose types tell of a member, as an index in fb->given; -1 if there is none. */
static int teller(const struct fb_guest *fb, const char *type, const char *name, struct symbol_member *m)
{
    for (unsigned i = 0; i < fb->ngiven; i++)
        if (symbol_table_member(fb->given[i], type, name, m))
            return (int)i;
    return -1;
}

void fb_layout_types(struct fb_guest *fb)
{
    struct fb_layout *l = &fb->layout;
    const struct {
        const char *type, *name;
        int *to;
    } rows[] = {{"proc", "p_list", &l->p_list},
                {"proc", "p_pid", &l->p_pid},
                {"proc", "p_comm", &l->p_comm},
                {"proc", "p_threads", &l->p_threads},
                {"proc", "p_sysent", &l->p_sysent},
                {"sysentvec", "sv_syscallnames", &l->sv_names},
                {"thread", "td_proc", &l->td_proc},
                {"thread", "td_tid", &l->td_tid},
                {"thread", "td_name", &l->td_name},
                {"thread", "td_plist", &l->td_plist},
                {"thread", "td_frame", &l->td_frame},
                {"_device", "nameunit", &l->dev_nameunit},
                {"_device", "desc", &l->dev_desc},
                {"_device", "parent", &l->dev_parent},
                {"device", "nameunit", &l->dev_nameunit},
                {"device", "desc", &l->dev_desc},
                {"device", "parent", &l->dev_parent},
                {"linker_file", "filename", &l->kld_filename},
                {"linker_file", "address", &l->kld_address}};
    unsigned told = 0, same = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct symbol_member m;
        const int by = teller(fb, rows[i].type, rows[i].name, &m);
        if (by < 0)
            continue;
        if (*rows[i].to >= 0 && *rows[i].to != (int)m.offset)
            base_note(&fb->base, "%s says that %s is at %u, the kernel's constant says %d, which is used",
                      symbol_table_name(fb->given[by]), m.name, m.offset, *rows[i].to);
        same += *rows[i].to == (int)m.offset;
        told += *rows[i].to < 0;
        *rows[i].to = *rows[i].to < 0 ? (int)m.offset : *rows[i].to;
    }
    for (unsigned i = 0; i < fb->ngiven; i++)
        if (symbol_table_members(fb->given[i]))
            base_note(&fb->base,
                      "types are from %s (%s): %u offsets, and %u that the kernel's constants give too",
                      symbol_table_name(fb->given[i]), symbol_table_members_from(fb->given[i]), told, same);
}
