/* platform.c - see platform.h: the lists' table, rows, and reading memory. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/views/private/platform_lists.h"

static const struct {
    const char *name, *what;
    platform_lister *list;
} lists[] = {
    {"acpi", "ACPI tables", platform_acpi},
    {"smbios", "SMBIOS structures", platform_smbios},
    {"e820", "the memory map as firmware gave it, as the loader passed it on, and as a Linux kernel has it",
     platform_e820},
    {"mtrr", "memory types by the MTRRs of processor 0", platform_mtrr},
    {"mptable", "the MultiProcessor table", platform_mptable},
};

enum { LISTS = sizeof lists / sizeof lists[0], STEP = 16, HEAD = 64, PIECE = 65536 };

const char *platform_list(size_t i, const char **what)
{
    if (i >= LISTS)
        return NULL;
    *what = lists[i].what;
    return lists[i].name;
}

static platform_lister *lister(const char *list)
{
    for (size_t i = 0; i < LISTS; i++)
        if (!strcmp(lists[i].name, list))
            return lists[i].list;
    return NULL;
}

bool platform_has_list(const char *list)
{
    return lister(list);
}

int platform_rows(const struct platform_memory *p, const char *list, struct platform_rows *rows,
                  struct error *err)
{
    *rows = (struct platform_rows){0};
    const int rc = lister(list)(p, rows, err);
    if (rc)
        platform_rows_free(rows);
    return rc;
}

/* ---------------------------------------------------------------- rows */

void platform_rows_free(struct platform_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        for (unsigned k = 0; k < rows->list[i].n; k++)
            free(rows->list[i].field[k].text);
        free(rows->list[i].bytes);
    }
    free(rows->list);
    free(rows->block);
    free(rows->taken);
    *rows = (struct platform_rows){0};
}

struct platform_row *platform_row(struct platform_rows *rows)
{
    MEM_MORE(rows->list, rows->n);
    struct platform_row *r = &rows->list[rows->n++];
    *r = (struct platform_row){0};
    return r;
}

static struct platform_field *add_field(struct platform_row *r, const char *name)
{
    struct platform_field *f = &r->field[r->n < PLATFORM_FIELDS ? r->n++ : PLATFORM_FIELDS - 1];
    *f = (struct platform_field){.name = name};
    return f;
}

void platform_text(struct platform_row *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_field(r, name)->text = text_format_list(fmt, ap);
    va_end(ap);
}

void platform_number(struct platform_row *r, const char *name, uint64_t number)
{
    add_field(r, name)->number = number;
}

void platform_hex(struct platform_row *r, const char *name, uint64_t number)
{
    struct platform_field *f = add_field(r, name);
    f->number = number;
    f->hex = true;
}

void platform_file(struct platform_row *r, const void *bytes, size_t n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->file, sizeof r->file, fmt, ap);
    va_end(ap);
    r->bytes = mem_copy(bytes, n);
    r->size = n;
}

void platform_block(struct platform_rows *rows, uint64_t physical, uint64_t size, unsigned checksum,
                    const char *fmt, ...)
{
    va_list ap;
    if (!size)
        return;
    MEM_MORE(rows->block, rows->nblocks);
    struct platform_block *b = &rows->block[rows->nblocks++];
    *b = (struct platform_block){.physical = physical, .size = size, .checksum = checksum};
    va_start(ap, fmt);
    vsnprintf(b->name, sizeof b->name, fmt, ap);
    va_end(ap);
}

/* ---------------------------------------------------------------- memory */

uint64_t platform_read(const struct platform_memory *p, uint64_t physical, unsigned bytes)
{
    uint64_t v = 0;
    return look_peek_physical(p->m, physical, &v, bytes) == bytes ? v : 0;
}

uint8_t *platform_copy(const struct platform_memory *p, uint64_t physical, size_t n)
{
    uint8_t *bytes = mem_alloc(n);
    if (look_peek_physical(p->m, physical, bytes, n) == n)
        return bytes;
    free(bytes);
    return NULL;
}

bool platform_sum_is_zero(const uint8_t *bytes, size_t n)
{
    uint8_t sum = 0;
    while (n--)
        sum += *bytes++;
    return !sum;
}

static bool find_between(const struct platform_memory *p, platform_fits *fits, uint64_t from, uint64_t to,
                         uint64_t *physical)
{
    uint8_t *piece = mem_zero(1, PIECE + HEAD);
    bool found = false;
    for (uint64_t at = from & -(uint64_t)STEP; at < to && !found; at += PIECE) {
        const size_t n = look_peek_physical(p->m, at, piece, PIECE + HEAD);
        for (size_t i = 0; i < PIECE && i + HEAD <= n && at + i < to && !found; i += STEP)
            if (piece[i] == 'R' || piece[i] == '_') { /* how all that is looked for begins */
                found = fits(p, at + i, piece + i);
                *physical = at + i;
            }
    }
    free(piece);
    return found;
}

bool platform_find(const struct platform_memory *p, platform_fits *fits, bool everywhere, uint64_t *physical)
{
    const uint64_t ebda = platform_read(p, 0x40e, 2) << 4, low = 1 << 20, high = (uint64_t)1 << 32;
    if (ebda >= 0x80000 && ebda < 0xa0000 && find_between(p, fits, ebda, ebda + 1024, physical))
        return true;
    if (find_between(p, fits, 0xe0000, low, physical))
        return true;
    return everywhere && find_between(p, fits, low, p->ram_end < high ? p->ram_end : high, physical);
}
