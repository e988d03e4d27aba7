/* program.c - the symbols of user programs: they are read from the program's file in the guest's page cache, as far as
 * it is in memory when it is executed. See impl.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/linux/page_cache.h"
#include "core/systems/linux/private/impl.h"

enum { PROGRAM_MAX = 64 << 20, PAGE = 4096 };

static uint64_t word_at(const void *lx, uint64_t at)
{
    return base_word(&((const struct linux_guest *)lx)->base, at);
}

static struct page_cache page_cache_of(const struct linux_guest *lx)
{
    const struct linux_types *t = &lx->types;
    return (struct page_cache){.word = word_at,
                               .ctx = lx,
                               .bytes = lx->base.word,
                               .head = (unsigned)t->mapping_head,
                               .shift = (unsigned)t->node_shift,
                               .slots = (unsigned)t->node_slots};
}

/* Reads one page of a file into buf, which is all zero before. */
static void read_page(const struct linux_guest *lx, uint64_t mapping, uint64_t index, void *buf)
{
    if (lx->types.mapping_head < 0 || lx->types.node_shift < 0 || lx->types.node_slots < 0)
        return;
    const struct page_cache c = page_cache_of(lx);
    uint64_t first, page = page_cache_find(&c, mapping, index, &first), map = lx_word(lx, lx->vmemmap);
    if (!page || page < map)
        return;
    uint64_t pfn = (page - map) / (unsigned)lx->types.page_size + (index - first);
    if (pfn < (uint64_t)1 << 40)
        lx_peek_physical(lx, pfn * PAGE, buf, PAGE);
}

/* What symbols are made of; all else is 0. */
struct program {
    const struct linux_guest *lx;
    uint64_t mapping;
    uint8_t *file;
    size_t size;
    struct elf_identity id;
    struct part {
        size_t page, n;
    } * part; /* in these pages the file may not be 0 */
    size_t nparts;
};

static void read_part(void *ctx, size_t offset, size_t n)
{
    struct program *p = ctx;
    const size_t first = offset / PAGE, end = (offset + n + PAGE - 1) / PAGE;
    MEM_MORE(p->part, p->nparts);
    p->part[p->nparts++] = (struct part){first, end - first};
    for (size_t i = first; i < end; i++)
        read_page(p->lx, p->mapping, i, p->file + i * PAGE);
}

/* Room for a file, all zero. The last one's is used again, so that the host need not make new memory. */
static uint8_t *program_room(struct linux_guest *lx, size_t size)
{
    if (lx->program_room < size) {
        free(lx->program);
        lx->program_room = (size + PAGE) & ~(uint64_t)(PAGE - 1);
        lx->program = mem_zero(1, lx->program_room);
    }
    return lx->program;
}

static bool read_program(struct linux_guest *lx, uint64_t file, struct program *p)
{
    const struct linux_types *t = &lx->types;
    uint64_t inode = lx_member(lx, file, t->file_inode), mapping = lx_member(lx, file, t->file_mapping);
    uint64_t n = base_member64(&lx->base, inode, t->inode_size);
    if (!mapping || n < 64 || n > PROGRAM_MAX)
        return false;
    *p = (struct program){.lx = lx, .mapping = mapping, .file = program_room(lx, n), .size = n};
    p->id = symbols_elf_collect(p->file, n, read_part, p);
    return true;
}

/* The room stays, all zero again, unless it is large. */
static void program_done(struct linux_guest *lx, struct program *p)
{
    enum { ROOM_KEPT = 4 << 20 };
    if (lx->program_room > ROOM_KEPT) {
        free(lx->program);
        lx->program = NULL;
        lx->program_room = 0;
    } else {
        for (size_t i = 0; i < p->nparts; i++)
            memset(p->file + p->part[i].page * PAGE, 0, p->part[i].n * PAGE);
    }
    free(p->part);
}

/* ---------------------------------------------------------------- programs */

static void map_program(struct linux_guest *lx, const struct symbol_table *t, const struct program *p)
{
    uint64_t vaddr, offset, mm = lx_member(lx, lx_current(lx), lx->types.task_mm);
    uint64_t start = lx_member(lx, mm, lx->types.mm_start_code);
    struct symbol_mapping m = {.table = t,
                               .space = lx_space(lx, lx_tgid(lx, lx_current(lx))),
                               .since = lx->base.icount,
                               .time = lx->base.time};
    if (!start || symbols_elf_base(p->file, p->size, &vaddr, &offset))
        return;
    m.bias = start - vaddr;
    symbols_map(lx->base.o.symbols, &m);
}

/* The symbols and lines of a file that was given of this program. */
static void take_file(struct linux_guest *lx, const struct program *p)
{
    struct error err;
    const char *path = lx->base.o.files ? symbol_files_program(lx->base.o.files, p->file, p->size) : NULL;
    const struct symbol_table *t = path ? symbols_add_elf_file(lx->base.o.symbols, path, &err) : NULL;
    if (t)
        map_program(lx, t, p);
}

void lx_program_executed(struct linux_guest *lx, uint64_t binprm, const char *path)
{
    struct error err;
    struct program p;
    uint64_t task = lx_current(lx), mm = lx_member(lx, task, lx->types.task_mm);
    uint64_t file = lx_member(lx, mm, lx->types.mm_exe_file);
    symbols_unmap(lx->base.o.symbols, NULL, lx_space(lx, lx_tgid(lx, task)), lx->base.icount, lx->base.time);
    if (lx->types.page_size <= 0 || !lx->vmemmap)
        return;
    if (!read_program(lx, file ? file : lx_member(lx, binprm, lx->types.binprm_file), &p))
        return;
    const struct symbol_table *t =
        symbols_add_collected(lx->base.o.symbols, path, p.file, p.size, &p.id, &err);
    if (t)
        map_program(lx, t, &p);
    take_file(lx, &p);
    program_done(lx, &p);
    lx->base.o.symbols_changed(lx->base.o.ctx); /* in a replay, the file that was given is in the record */
    probes_apply(lx->base.o.probes);
}

void lx_program_forked(struct linux_guest *lx, uint32_t parent, uint32_t child)
{
    if (parent && parent != child)
        symbols_fork(lx->base.o.symbols, lx_space(lx, parent), lx_space(lx, child), lx->base.icount,
                     lx->base.time);
}

void lx_program_exited(struct linux_guest *lx, uint32_t tgid)
{
    if (tgid)
        symbols_unmap(lx->base.o.symbols, NULL, lx_space(lx, tgid), lx->base.icount, lx->base.time);
}
