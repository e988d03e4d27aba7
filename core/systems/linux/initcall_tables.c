/* initcall_tables.c - the tables of initcalls in a kernel's memory. See initcalls.h, private/initcall_tables.h. */
#include "core/systems/linux/private/initcall_tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/linux/initcalls.h"
#include "core/systems/linux/linux.h"
#include "core/systems/linux/private/impl.h"

/* The tables follow each other; each extends to the next one that exists. */
static const struct {
    const char *symbol;
    int level; /* -1: an end */
} tables[] = {
    {"__initcall_start", INITCALL_EARLY},
    {"__initcall0_start", INITCALL_PURE},
    {"__initcall1_start", INITCALL_CORE},
    {"__initcall2_start", INITCALL_POSTCORE},
    {"__initcall3_start", INITCALL_ARCH},
    {"__initcall4_start", INITCALL_SUBSYS},
    {"__initcall5_start", INITCALL_FS},
    {"__initcallrootfs_start", INITCALL_ROOTFS},
    {"__initcall6_start", INITCALL_DEVICE},
    {"__initcall7_start", INITCALL_LATE},
    {"__initcall_end", -1},
    {"__con_initcall_start", INITCALL_CONSOLE},
    {"__con_initcall_end", -1},
};
enum { TABLES = sizeof tables / sizeof tables[0], TABLE_MAX = 65536 };

static uint64_t number(const struct initcall_reader *r, uint64_t at, unsigned n)
{
    uint8_t b[8] = {0};
    return r->read(r->ctx, at, b, n) == n ? le64(b) : 0;
}

/* Entries are pointers or, in 64-bit kernels since 4.19, 32-bit offsets relative to themselves. */
static size_t read_table(const struct initcall_reader *r, uint64_t begin, uint64_t end, unsigned level)
{
    const bool pointers = end - begin >= r->word && number(r, begin, r->word) - r->text < r->size;
    const uint64_t step = pointers ? r->word : 4;
    size_t n = 0;
    if (end - begin > TABLE_MAX)
        return 0;
    for (uint64_t at = begin; at + step <= end; at += step, n++)
        r->add(r->to, pointers ? number(r, at, r->word) : at + (uint64_t)(int64_t)(int32_t)number(r, at, 4),
               level);
    return n;
}

size_t initcall_tables(const struct initcall_reader *r)
{
    size_t n = 0;
    for (size_t i = 0; i < TABLES; i++) {
        const uint64_t begin = r->symbol(r->ctx, tables[i].symbol);
        uint64_t end = 0;
        if (!begin || tables[i].level < 0)
            continue;
        for (size_t j = i + 1; j < TABLES && !end; j++)
            end = r->symbol(r->ctx, tables[j].symbol);
        if (end > begin)
            n += read_table(r, begin, end, (unsigned)tables[i].level);
    }
    return n;
}

/* The early initcalls come before those of level 0. */
static size_t infer_early(const struct layout_image *im, uint64_t end, const struct initcall_reader *r)
{
    unsigned bytes, step;
    size_t n = 0;
    uint64_t fn = layout_initcall(im, end, &step);
    for (uint64_t at = end - step; fn && (fn = layout_initcall(im, at, &bytes)) && bytes == step;
         at -= step, n++)
        r->add(r->to, fn, INITCALL_EARLY);
    return n;
}

size_t initcall_infer(const struct layout_image *im, const struct initcall_reader *r)
{
    uint64_t begin[LAYOUT_LEVELS + 1];
    unsigned bytes;
    size_t n = 0;
    if (!layout_initcalls(im, begin))
        return 0;
    for (unsigned level = 0; level < LAYOUT_LEVELS; level++)
        for (uint64_t at = begin[level]; at < begin[level + 1]; at += bytes, n++)
            r->add(r->to, layout_initcall(im, at, &bytes), level);
    return n + infer_early(im, begin[0], r);
}

/* ---------------------------------------------------------------- of a recorded boot */

static size_t read_memory(void *ctx, uint64_t at, void *buf, size_t n)
{
    const struct linux_memory *m = ctx;
    return m->read(m->ctx, at, buf, n);
}

static uint64_t symbol_in(void *ctx, const char *name)
{
    const struct linux_memory *m = ctx;
    struct symbol s;
    return symbols_find_in(m->symbols, m->space, name, m->at, &s) ? s.address : 0;
}

static bool is_function(void *ctx, uint64_t address)
{
    const struct linux_memory *m = ctx;
    struct symbol s;
    uint64_t offset;
    return address >= m->text && symbols_at(m->symbols, m->space, address, m->at, &s, &offset) && !offset &&
           (s.type == 't' || s.type == 'T');
}

/* The image is what is mapped from its first byte on. */
static size_t infer(const struct linux_memory *m, struct initcall_reader *r)
{
    enum { PIECE = 64 << 10, MOST = 128 << 20 };
    struct layout_image im = {
        .base = m->text, .word = r->word, .ctx = (struct linux_memory *)m, .function = is_function};
    uint8_t *bytes = NULL;
    size_t got = PIECE;
    for (; got == PIECE && im.size < MOST; im.size += got) {
        bytes = mem_resize(bytes, im.size + PIECE);
        got = m->read(m->ctx, m->text + im.size, bytes + im.size, PIECE);
    }
    im.bytes = bytes;
    const size_t n = initcall_infer(&im, r);
    free(bytes);
    return n;
}

size_t linux_initcalls(const struct linux_memory *m, void (*add)(void *ctx, uint64_t address, unsigned level),
                       void *ctx)
{
    struct linux_memory copy = *m;
    struct initcall_reader r = {.ctx = &copy,
                                .read = read_memory,
                                .symbol = symbol_in,
                                .word = m->text >> 32 ? 8 : 4,
                                .text = m->text,
                                .to = ctx,
                                .add = add};
    const uint64_t end = symbol_in(&copy, "_end");
    r.size = end > m->text ? end - m->text : 0;
    const size_t n = initcall_tables(&r);
    return n ? n : infer(m, &r);
}

const char *linux_initcall_level(unsigned level)
{
    return linux_system.word(EV_INITCALL, EVF_INITCALL_level, level);
}
