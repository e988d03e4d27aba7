/* platform_mptable.c - the MultiProcessor table (Intel MultiProcessor Specification 1.4, chapter 4). See private/platform_lists.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/views/private/platform_lists.h"

enum { POINTER = 16, HEADER = 44, PROCESSOR_SIZE = 20, ENTRY_SIZE = 8, TABLE_MAX = 65536 };
enum { PROCESSOR, BUS, IOAPIC, IO_INTERRUPT, LOCAL_INTERRUPT };

static bool is_pointer(const struct platform_memory *p, uint64_t physical, const uint8_t head[64])
{
    (void)p, (void)physical;
    return !memcmp(head, "_MP_", 4) && head[8] == 1 && platform_sum_is_zero(head, POINTER);
}

static uint64_t number(const uint8_t *e, unsigned at, unsigned n)
{
    uint64_t v = 0;
    memcpy(&v, e + at, n);
    return v;
}

static void add_interrupt(struct platform_row *r, const uint8_t *e)
{
    static const char *const kinds[] = {"INT", "NMI", "SMI", "ExtINT"};
    platform_text(r, "kind", "%s", e[1] < 4 ? kinds[e[1]] : "?");
    platform_text(r, "source", "bus %u, interrupt %u", e[4], e[5]);
    platform_text(r, "target", "%s %u, input %u", e[0] == IO_INTERRUPT ? "I/O APIC" : "local APIC", e[6],
                  e[7]);
}

static void add_entry(struct platform_rows *rows, const uint8_t *e)
{
    static const char *const names[] = {"processor", "bus", "I/O APIC", "I/O interrupt", "local interrupt"};
    struct platform_row *r = platform_row(rows);
    platform_text(r, "entry", "%s", names[e[0]]);
    switch (e[0]) {
    case PROCESSOR:
        platform_number(r, "id", e[1]);
        platform_text(r, "kind", "%s%s", e[3] & 2 ? "boot processor" : "application processor",
                      e[3] & 1 ? "" : ", disabled");
        platform_hex(r, "signature", number(e, 4, 4));
        break;
    case BUS:
        platform_number(r, "id", e[1]);
        platform_text(r, "kind", "%.6s", (const char *)e + 2);
        break;
    case IOAPIC:
        platform_number(r, "id", e[1]);
        platform_text(r, "kind", "%s", e[3] & 1 ? "" : "disabled");
        platform_hex(r, "address", number(e, 4, 4));
        break;
    default:
        add_interrupt(r, e);
    }
}

static void add_head(struct platform_rows *rows, uint64_t at, const uint8_t *table, size_t n)
{
    struct platform_row *r = platform_row(rows);
    platform_text(r, "entry", "table");
    platform_hex(r, "address", at);
    platform_number(r, "length", n);
    platform_text(r, "checksum", "%s", platform_sum_is_zero(table, n) ? "ok" : "wrong");
    platform_text(r, "oem", "%.8s", (const char *)table + 8);
    platform_text(r, "product", "%.12s", (const char *)table + 16);
    platform_hex(r, "local APIC", number(table, 36, 4));
    platform_file(r, table, n, "mptable.bin");
}

int platform_mptable(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    uint64_t pointer;
    if (!platform_find(p, is_pointer, false, &pointer))
        return error_set(
            err, "no MultiProcessor table is in memory at icount %llu: give another position with --at",
            (unsigned long long)look_icount(p->m));
    const uint64_t at = platform_read(p, pointer + 4, 4), n = platform_read(p, at + 4, 2);
    uint8_t *table = at && n >= HEADER && n <= TABLE_MAX ? platform_copy(p, at, n) : NULL;
    if (!table || memcmp(table, "PCMP", 4)) {
        free(table);
        return error_set(err, "the MultiProcessor table at 0x%llx has no configuration",
                         (unsigned long long)at);
    }
    platform_block(rows, pointer, POINTER, 10, "pointer");
    platform_block(rows, at, n, 7, "table");
    add_head(rows, at, table, n);
    for (size_t i = HEADER; i < n && table[i] <= LOCAL_INTERRUPT;) {
        const size_t size = table[i] == PROCESSOR ? PROCESSOR_SIZE : ENTRY_SIZE;
        if (i + size > n)
            break;
        add_entry(rows, table + i);
        i += size;
    }
    free(table);
    return 0;
}
