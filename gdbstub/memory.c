/* memory.c - memory as gdb sees it: linear addresses of the selected processor, or physical ones.
 *
 * Nothing here has side effects on the guest: no device is read, and no page is marked accessed. Breakpoints
 * do not change memory, so gdb reads what the guest would read.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/memory.h"
#include "gdbstub/impl.h"

enum { EFER_LMA = 1 << 10, CR4_LA57 = 1 << 12 };
#define LEGACY_TOP 0x100000000u /* linear addresses have 32 bits outside long mode */

/* How many of the n bytes at a linear address have addresses that exist in this mode. */
static uint64_t linear_room(const struct gdbstub *g, unsigned cpu, uint64_t address, uint64_t n)
{
    uint64_t last = LEGACY_TOP - 1;
    assert(n && "room() answers for no bytes");
    if (timeline_reg(g->tl, cpu, "efer") & EFER_LMA) {
        unsigned bits = timeline_reg(g->tl, cpu, "cr4") & CR4_LA57 ? 57 : 48;
        uint64_t half = (uint64_t)1 << (bits - 1);
        if (address >= half && address < -half)
            return 0; /* not canonical */
        last = address < half ? half - 1 : UINT64_MAX;
    }
    if (address > last)
        return 0;
    return n - 1 < last - address ? n : last - address + 1;
}

/* How many of the n bytes come before the address wraps. n > 0. */
static size_t room(const struct gdbstub *g, unsigned cpu, uint64_t address, size_t n)
{
    if (!n)
        return 0;
    if (g->physical)
        return n - 1 <= UINT64_MAX - address ? n : (size_t)(UINT64_MAX - address) + 1;
    return (size_t)linear_room(g, cpu, address, n);
}

size_t stub_memory_read(struct gdbstub *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    const bool away = cpu & GUEST_TASK;
    n = room(g, away ? 0 : cpu, address, n);
    if (!n)
        return 0;
    if (away && !g->physical)
        return stub_task_peek(g, cpu, address, buf, n);
    struct error ignored;
    n = g->physical ? timeline_peek_physical(g->tl, address, buf, n)
                    : timeline_peek(g->tl, cpu, address, buf, n);
    return timeline_lost(g->tl, &ignored) ? 0 : n;
}

/* All or nothing. */
static bool memory_write(struct gdbstub *g, uint64_t address, const void *buf, size_t n)
{
    uint8_t was[PACKET_MAX];
    assert(n <= sizeof was && "a packet writes no more than it holds");
    if (!n)
        return true;
    if (stub_memory_read(g, g->cpu_g, address, was, n) != n)
        return false;
    if (!memcmp(was, buf, n))
        return true; /* nothing changes, so no diversion begins */
    if (g->cpu_g & GUEST_TASK && !g->physical)
        return false;
    return (g->physical ? timeline_poke_physical(g->tl, address, buf, n)
                        : timeline_poke(g->tl, g->cpu_g, address, buf, n)) == n;
}

/* "ADDRESS,LENGTH" up to `end`. */
static bool range(const char **args, char end, uint64_t *address, uint64_t *n)
{
    if (!hex_number(args, address) || *(*args)++ != ',' || !hex_number(args, n) || **args != end)
        return false;
    *args += end != 0;
    return true;
}

void gdb_memory_get(struct gdbstub *g, const char *args)
{
    uint8_t buf[PACKET_MAX / 2];
    uint64_t address, n;
    if (!range(&args, 0, &address, &n)) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    size_t got = stub_memory_read(g, g->cpu_g, address, buf, n < sizeof buf ? (size_t)n : sizeof buf);
    if (got || !n)
        reply_hex(g, buf, got);
    else
        reply_error(g, FAIL_MEMORY);
}

void gdb_memory_set(struct gdbstub *g, const char *args)
{
    uint8_t buf[PACKET_MAX / 2];
    uint64_t address, n;
    if (!range(&args, ':', &address, &n) || n > sizeof buf || strlen(args) != 2 * n ||
        !hex_decode(args, n, buf))
        reply_error(g, FAIL_ARGUMENT);
    else if (!memory_write(g, address, buf, n))
        reply_error(g, FAIL_MEMORY);
    else
        reply_text(g, "OK");
}

void gdb_memory_set_binary(struct gdbstub *g, const char *args)
{
    uint64_t address, n;
    if (!range(&args, ':', &address, &n) || n != g->parser.n - (size_t)(args - (const char *)g->parser.data))
        reply_error(g, FAIL_ARGUMENT);
    else if (!memory_write(g, address, args, n))
        reply_error(g, FAIL_MEMORY);
    else
        reply_text(g, "OK");
}

/* ---------------------------------------------------------------- memory map */

/* gdb refuses addresses outside the map, and reads the map once per connection, while the guest's own map
 * changes with every page table. So all linear addresses are memory, and only the firmware's flash at the top
 * of 4 GiB, where the reset vector is, is called ROM (gdb then sets hardware breakpoints there by itself, and
 * does not try to write). A range that ends at 2^64 is written with length 0. */
void gdb_memory_map(struct gdbstub *g, const char *args)
{
    struct trace *t = timeline_trace(g->tl);
    const struct trace_config *c = trace_config(t);
    int bios = trace_image_by_role(t, "bios");
    uint64_t flash = bios >= 0 ? (c->images[bios].size + 0xffff) & ~(uint64_t)0xffff : 0;
    uint64_t rom = flash && flash <= 0x1000000 ? LEGACY_TOP - flash : LEGACY_TOP;
    struct text x = {0};
    text_add(&x, "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map "
                 "V1.0//EN\" "
                 "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n");
    text_add(&x, "<memory type=\"ram\" start=\"0x0\" length=\"0x%" PRIx64 "\"/>\n", rom);
    if (rom < LEGACY_TOP)
        text_add(&x, "<memory type=\"rom\" start=\"0x%" PRIx64 "\" length=\"0x%" PRIx64 "\"/>\n", rom,
                 LEGACY_TOP - rom);
    text_add(&x, "<memory type=\"ram\" start=\"0x%" PRIx64 "\" length=\"0x%" PRIx64 "\"/>\n</memory-map>\n",
             (uint64_t)LEGACY_TOP, -(uint64_t)LEGACY_TOP);
    reply_piece(g, args, x.s, x.n);
    free(x.s);
}

/* ---------------------------------------------------------------- search */

enum { SEARCH_PIECE = 65536 };

/* Looks for the pattern at n addresses from `address` on. Returns 1 if found at *at, 0 if not, -1 if memory
 * ends before. */
static int search(struct gdbstub *g, uint64_t address, uint64_t n, const void *pattern, size_t len,
                  uint64_t *at)
{
    uint8_t *buf = mem_alloc(SEARCH_PIECE + PACKET_MAX);
    int found = 0;
    while (n && !found && !stub_interrupted(g)) {
        size_t places = n < SEARCH_PIECE ? (size_t)n : SEARCH_PIECE;
        size_t want = places + len - 1, got = stub_memory_read(g, g->cpu_g, address, buf, want);
        const uint8_t *hit = memmem(buf, got, pattern, len);
        *at = hit ? address + (uint64_t)(hit - buf) : 0;
        found = hit ? 1 : got < want ? -1 : 0;
        address += places;
        n -= places;
    }
    free(buf);
    return found;
}

/* qSearch:memory:ADDRESS;LENGTH;PATTERN */
void gdb_memory_search(struct gdbstub *g, const char *args)
{
    uint64_t address, n, at;
    if (!hex_number(&args, &address) || *args++ != ';' || !hex_number(&args, &n) || *args++ != ';') {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    size_t len = g->parser.n - (size_t)(args - (const char *)g->parser.data);
    if (!len || len > n) {
        reply_text(g, "0");
        return;
    }
    stub_operation(g);
    int found = search(g, address, n - len + 1, args, len, &at);
    if (found > 0)
        reply_text(g, "1,%" PRIx64, at);
    else if (found == 0 && !g->interrupted)
        reply_text(g, "0");
    else
        reply_error(g, FAIL_MEMORY);
}
