/* flat.c - a flat binary, started directly. Below 1 MiB it starts in real mode (in the first 64 KiB at
 * 0:ADDRESS like a boot sector, with DL 80h; above at ADDRESS/16:ADDRESS%16); from 1 MiB on in 32-bit
 * protected mode with flat segments and paging off, the state in which a domain's firmware loader is
 * started. */
#include <stdlib.h>

#include "hv/load/internal.h"

enum { REAL_STACK = 0x6000 }; /* a page */

static int enter_real(struct loading *l, uint64_t address, struct error *err)
{
    struct x86 *cpu = board_cpu(l->board, 0);
    static const char *const data[] = {"ds", "es", "fs", "gs"};
    uint64_t base = address < 0x10000 ? 0 : address & ~15ull;
    uint64_t stack = load_place(l, "stack", REAL_STACK, PAGE_SIZE_4K, 16, 0x100000, err);
    if (!stack)
        return -1;
    /* In the first 64 KiB the stack segment is 0. */
    uint64_t ss = stack + PAGE_SIZE_4K < 0x10000 ? 0 : stack;
    for (unsigned i = 0; i < 4; i++)
        x86_set_segment(cpu, data[i], (uint16_t)(base >> 4), base, 0xffff, 0x93);
    x86_set_segment(cpu, "cs", (uint16_t)(base >> 4), base, 0xffff, 0x9b);
    x86_set_segment(cpu, "ss", (uint16_t)(ss >> 4), ss, 0xffff, 0x93);
    x86_set(cpu, "rsp", stack + PAGE_SIZE_4K - ss);
    x86_set(cpu, "rdx", 0x80);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rip", address - base);
    return 0;
}

int load_flat(struct loading *l, struct load_result *r, struct error *err)
{
    const struct image *im = l->image;
    const char *text = config_get(l->cfg, "flat-address");
    char *end = NULL;
    uint64_t address = text ? strtoull(text, &end, 0) : 0;
    if (!text || !*text || *end)
        return error_set(err, "--flat %s: no address: write --flat FILE@ADDRESS", im->name);
    uint8_t *bytes = image_load(im, err);
    if (!bytes)
        return -1;
    if (physmem_mapped(board_mem(l->board), address, im->size) < im->size) {
        free(bytes);
        return error_set(
            err, "%s: %llu bytes at %#llx do not fit into memory: choose another address or more --memory",
            im->name, (unsigned long long)im->size, (unsigned long long)address);
    }
    physmem_write(board_mem(l->board), address, bytes, im->size);
    free(bytes);
    load_take(l, address, im->size);
    if ((address < 0x100000 ? enter_real(l, address, err) : enter_protected(l, address, err)) < 0)
        return -1;
    *r = (struct load_result){"flat", address, 0};
    return 1;
}
