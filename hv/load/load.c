/* load.c - which boot protocol, and the processor states that they share. */
#include <stdlib.h>
#include <string.h>

#include "hv/load/internal.h"

enum { MAX_IMAGE = 1 << 30 };

uint8_t *image_load(const struct image *im, struct error *err)
{
    if (im->size == 0 || im->size > MAX_IMAGE) {
        error_set(err, "%s: the %s image is %s: give a file of 1 byte to 1 GiB", im->name, im->role,
                  im->size ? "too large" : "empty");
        return NULL;
    }
    uint8_t *buf = malloc(im->size);
    if (!buf) {
        error_set(err, "%s: no memory for an image of %llu bytes", im->name, (unsigned long long)im->size);
        return NULL;
    }
    if (im->read(im->ctx, 0, buf, im->size, err) < 0) {
        free(buf);
        return NULL;
    }
    return buf;
}

/* Segment descriptors: null, null, 32- or 64-bit code, data. */
static void write_gdt(struct board *b, bool long_code)
{
    const uint64_t gdt[4] = {0, 0, long_code ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull, 0x00cf93000000ffffull};
    struct x86 *cpu = board_cpu(b, 0);
    physmem_write(board_mem(b), LOW_GDT, gdt, sizeof gdt);
    x86_set(cpu, "gdtr_base", LOW_GDT);
    x86_set(cpu, "gdtr_limit", sizeof gdt - 1);
    x86_set(cpu, "idtr_base", 0);
    x86_set(cpu, "idtr_limit", 0);
}

static void flat_segments(struct board *b, bool long_code)
{
    static const char *const data[] = {"ds", "es", "fs", "gs", "ss"};
    struct x86 *cpu = board_cpu(b, 0);
    for (unsigned i = 0; i < 5; i++)
        x86_set_segment(cpu, data[i], 0x18, 0, 0xffffffff, 0xc093);
    x86_set_segment(cpu, "cs", 0x10, 0, 0xffffffff, long_code ? 0xa09b : 0xc09b);
}

void enter_protected(struct board *b, uint64_t entry)
{
    struct x86 *cpu = board_cpu(b, 0);
    write_gdt(b, false);
    x86_set(cpu, "cr0", 0x11); /* PE, ET */
    flat_segments(b, false);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rsp", LOW_STACK);
    x86_set(cpu, "rip", entry);
}

static void identity_map(struct board *b)
{
    uint64_t table[512];
    memset(table, 0, sizeof table);
    table[0] = (LOW_PAGE_TABLES + PAGE_SIZE_4K) | 3;
    physmem_write(board_mem(b), LOW_PAGE_TABLES, table, sizeof table);
    for (unsigned i = 0; i < 4; i++)
        table[i] = (LOW_PAGE_TABLES + (2 + i) * PAGE_SIZE_4K) | 3;
    physmem_write(board_mem(b), LOW_PAGE_TABLES + PAGE_SIZE_4K, table, sizeof table);
    for (unsigned d = 0; d < 4; d++) {
        for (unsigned i = 0; i < 512; i++)
            table[i] = ((uint64_t)(d * 512 + i) << 21) | 0x83;
        physmem_write(board_mem(b), LOW_PAGE_TABLES + (2 + d) * PAGE_SIZE_4K, table, sizeof table);
    }
}

void enter_long(struct board *b, uint64_t entry)
{
    struct x86 *cpu = board_cpu(b, 0);
    identity_map(b);
    write_gdt(b, true);
    x86_set(cpu, "cr4", 0x20); /* PAE */
    x86_set(cpu, "cr3", LOW_PAGE_TABLES);
    x86_set(cpu, "efer", 0x500); /* LME, LMA */
    x86_set(cpu, "cr0", 0x80000011);
    flat_segments(b, true);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rsp", LOW_STACK);
    x86_set(cpu, "rip", entry);
}

static int load_kernel(struct board *b, const struct engine_config *cfg, const struct image *im, struct load_result *r,
                       struct error *err)
{
    uint8_t *kernel = image_load(im, err);
    int rc;
    if (!kernel)
        return -1;
    if (im->size >= 0x300 && !memcmp(kernel + 0x202, "HdrS", 4))
        rc = load_linux(b, cfg, kernel, im, r, err);
    else if (multiboot_header(kernel, im->size) >= 0)
        rc = load_multiboot(b, cfg, kernel, im, r, err);
    else
        rc = error_set(err, "%s: neither a Linux bzImage nor a multiboot image: give another --kernel, or --flat FILE@ADDRESS",
                       im->name);
    free(kernel);
    return rc;
}

int load_images(struct board *b, const struct engine_config *cfg, struct load_result *r, struct error *err)
{
    const struct image *kernel = config_image(cfg, "kernel"), *flat = config_image(cfg, "flat");
    if (kernel && flat)
        return error_set(err, "--kernel and --flat: only one image can be run at once: leave one out");
    if (!kernel && !flat)
        return 0;
    board_direct_setup(b);
    return kernel ? load_kernel(b, cfg, kernel, r, err) : load_flat(b, cfg, flat, r, err);
}
