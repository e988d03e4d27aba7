/* flat.c - a bare binary, run at once.
 *
 * Below 1 MiB it starts in real mode (in the first 64 KiB at 0:ADDRESS like a boot sector, with DL 80h; above at ADDRESS/16:ADDRESS%16);
 * from 1 MiB on in 32-bit protected mode with flat segments and paging off, the state in which a domain's firmware loader
 * is started.
 */
#include <stdlib.h>

#include "hv/load/internal.h"

static void enter_real(struct board *b, uint64_t address)
{
    struct x86 *cpu = board_cpu(b, 0);
    static const char *const data[] = {"ds", "es", "fs", "gs", "ss"};
    uint64_t base = address < 0x10000 ? 0 : address & ~15ull;
    for (unsigned i = 0; i < 5; i++)
        x86_set_segment(cpu, data[i], (uint16_t)(base >> 4), base, 0xffff, 0x93);
    x86_set_segment(cpu, "cs", (uint16_t)(base >> 4), base, 0xffff, 0x9b);
    x86_set_segment(cpu, "ss", 0, 0, 0xffff, 0x93);
    x86_set(cpu, "rsp", 0x7000);
    x86_set(cpu, "rdx", 0x80);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rip", address - base);
}

int load_flat(struct board *b, const struct engine_config *cfg, const struct image *im, struct load_result *r,
              struct error *err)
{
    const char *text = config_get(cfg, "flat-address");
    char *end = NULL;
    uint64_t address = text ? strtoull(text, &end, 0) : 0;
    if (!text || !*text || *end)
        return error_set(err, "--flat %s: no address: write --flat FILE@ADDRESS", im->name);
    uint8_t *bytes = image_load(im, err);
    if (!bytes)
        return -1;
    if (physmem_mapped(board_mem(b), address, im->size) < im->size) {
        free(bytes);
        return error_set(err, "%s: %llu bytes at %#llx do not fit into memory: choose another address or more --memory",
                         im->name, (unsigned long long)im->size, (unsigned long long)address);
    }
    physmem_write(board_mem(b), address, bytes, im->size);
    free(bytes);
    if (address < 0x100000)
        enter_real(b, address);
    else
        enter_protected(b, address);
    *r = (struct load_result){"flat", address, 0};
    return 1;
}
