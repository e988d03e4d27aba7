/* load.c - selects the boot protocol, and sets up the processor states that the protocols share. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/load/internal.h"

uint8_t *image_load(const struct image *im, struct error *err)
{
    if (im->size == 0 || im->size > IMAGE_MAX) {
        error_set(err, "%s: the %s image is %s: give a file of 1 byte to 1 GiB", im->name, im->role,
                  im->size ? "too large" : "empty");
        return NULL;
    }
    uint8_t *buf = mem_alloc(im->size);
    mem_expect(buf, im->size);
    if (im->read(im->ctx, 0, buf, im->size, err) < 0) {
        free(buf);
        return NULL;
    }
    return buf;
}

/* Writes segment descriptors: null, null, 32- or 64-bit code, data. Also sets up a stack. */
static int write_gdt(struct loading *l, bool long_code, struct error *err)
{
    const uint64_t gdt[4] = {0, 0, long_code ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull,
                             0x00cf93000000ffffull};
    struct x86 *cpu = board_cpu(l->board, 0);
    uint64_t at = load_place(l, "segment descriptors", LOW_GDT, sizeof gdt, 16, UINT32_MAX, err);
    uint64_t stack = at ? load_place(l, "stack", LOW_STACK, PAGE_SIZE_4K, 16, UINT32_MAX, err) : 0;
    if (!stack)
        return -1;
    physmem_write(board_mem(l->board), at, gdt, sizeof gdt);
    x86_set(cpu, "gdtr_base", at);
    x86_set(cpu, "gdtr_limit", sizeof gdt - 1);
    x86_set(cpu, "idtr_base", 0);
    x86_set(cpu, "idtr_limit", 0);
    x86_set(cpu, "rsp", stack + PAGE_SIZE_4K);
    return 0;
}

static void flat_segments(struct board *b, bool long_code)
{
    static const char *const data[] = {"ds", "es", "fs", "gs", "ss"};
    struct x86 *cpu = board_cpu(b, 0);
    for (unsigned i = 0; i < 5; i++)
        x86_set_segment(cpu, data[i], 0x18, 0, 0xffffffff, 0xc093);
    x86_set_segment(cpu, "cs", 0x10, 0, 0xffffffff, long_code ? 0xa09b : 0xc09b);
}

void enter_flat(struct loading *l, uint64_t entry)
{
    struct x86 *cpu = board_cpu(l->board, 0);
    x86_set(cpu, "cr0", 0x11); /* PE, ET */
    flat_segments(l->board, false);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rip", entry);
}

int enter_protected(struct loading *l, uint64_t entry, struct error *err)
{
    if (write_gdt(l, false, err) < 0)
        return -1;
    enter_flat(l, entry);
    return 0;
}

static uint64_t identity_map(struct loading *l, struct error *err)
{
    struct physmem *m = board_mem(l->board);
    uint64_t table[512],
        at = load_place(l, "page tables", LOW_PAGE_TABLES, 6 * PAGE_SIZE_4K, PAGE_SIZE_4K, UINT32_MAX, err);
    if (!at)
        return 0;
    memset(table, 0, sizeof table);
    table[0] = (at + PAGE_SIZE_4K) | 3;
    physmem_write(m, at, table, sizeof table);
    for (unsigned i = 0; i < 4; i++)
        table[i] = (at + (2 + i) * PAGE_SIZE_4K) | 3;
    physmem_write(m, at + PAGE_SIZE_4K, table, sizeof table);
    for (unsigned d = 0; d < 4; d++) {
        for (unsigned i = 0; i < 512; i++)
            table[i] = ((uint64_t)(d * 512 + i) << 21) | 0x83;
        physmem_write(m, at + (2 + d) * PAGE_SIZE_4K, table, sizeof table);
    }
    return at;
}

int enter_long(struct loading *l, uint64_t entry, struct error *err)
{
    struct x86 *cpu = board_cpu(l->board, 0);
    uint64_t tables = identity_map(l, err);
    if (!tables || write_gdt(l, true, err) < 0)
        return -1;
    x86_set(cpu, "cr4", 0x20); /* PAE */
    x86_set(cpu, "cr3", tables);
    x86_set(cpu, "efer", 0x500); /* LME, LMA */
    x86_set(cpu, "cr0", 0x80000011);
    flat_segments(l->board, true);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rip", entry);
    return 0;
}

/* ---------------------------------------------------------------- which protocol */

static bool is_multiboot(const struct image *im, uint8_t *kernel)
{
    return multiboot_header(kernel, im->size) >= 0;
}

static bool is_multiboot2(const struct image *im, uint8_t *kernel)
{
    return multiboot2_header(kernel, im->size) >= 0;
}

static int linux_without_modules(struct loading *l, uint8_t *kernel, struct load_result *r, struct error *err)
{
    if (config_image(l->cfg, "module0"))
        return error_set(err, "--module: %s is a Linux kernel, which takes no modules: give it --initrd",
                         l->image->name);
    return load_linux(l, kernel, r, err);
}

/* In the order in which they are tried. */
static const struct protocol {
    const char *name;
    bool (*has)(const struct image *im, uint8_t *kernel);
    int (*load)(struct loading *l, uint8_t *kernel, struct load_result *r, struct error *err);
} protocols[] = {{"linux", linux_has_setup, linux_without_modules},
                 {"multiboot", is_multiboot, load_multiboot},
                 {"multiboot2", is_multiboot2, load_multiboot2},
                 {"pvh", pvh_has_entry, load_pvh}};

/* The one that is named, or without a name the first that the image has. NULL with err. */
static const struct protocol *choose(const struct loading *l, uint8_t *kernel, struct error *err)
{
    const char *name = config_get(l->cfg, "protocol");
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if ((!name || !strcmp(name, protocols[i].name)) && protocols[i].has(l->image, kernel))
            return &protocols[i];
    if (name)
        error_set(
            err,
            "%s: it cannot be loaded by --protocol %s: it has no such header; give another --protocol or --kernel",
            l->image->name, name);
    else
        error_set(
            err,
            "%s: neither a Linux kernel (bzImage, zImage) nor a multiboot image nor an ELF file with a PVH entry: give another --kernel, or --flat FILE@ADDRESS",
            l->image->name);
    return NULL;
}

static int load_kernel(struct loading *l, struct load_result *r, struct error *err)
{
    struct image unzipped = *l->image;
    const struct image *im = l->image = &unzipped;
    uint8_t *kernel = image_load(im, err);
    if (kernel)
        kernel = image_unzip(im, kernel, &unzipped.size, err);
    if (!kernel)
        return -1;
    const struct protocol *p = choose(l, kernel, err);
    int rc = p ? p->load(l, kernel, r, err) : -1;
    free(kernel);
    return rc;
}

/* Does what firmware would have done, if there is none. */
static void set_up_board(struct loading *l)
{
    board_direct_setup(l->board);
    l->nmap = board_e820(l->board, l->map, MAP_MAX);
}

static int build_domain(struct loading *l, const struct image *im, struct load_result *r, struct error *err)
{
    if (l->image)
        return error_set(err, "--hvmloader and --%s: only one image can be run at once: leave one out",
                         l->image->role);
    l->image = im;
    uint8_t *bytes = image_load(im, err);
    int rc = bytes ? load_hvmloader(l, bytes, r, err) : -1;
    free(bytes);
    free(l->taken);
    return rc;
}

int load_images(struct board *b, const struct engine_config *cfg, const struct load_host *host,
                struct load_result *r, struct error *err)
{
    const struct image *kernel = config_image(cfg, "kernel"), *flat = config_image(cfg, "flat");
    struct loading l = {.board = b, .cfg = cfg, .image = kernel ? kernel : flat};
    int rc;
    if (config_image(cfg, "hvmloader"))
        return build_domain(&l, config_image(cfg, "hvmloader"), r, err);
    if (kernel && flat)
        return error_set(err, "--kernel and --flat: only one image can be run at once: leave one out");
    if (!l.image || board_firmware_loads_kernel(cfg))
        return 0;
    if (flat || !config_image(cfg, "bios")) {
        set_up_board(&l);
        if (kernel) {
            l.rsdp = acpi_install(b, TABLES);
            smbios_install(b, SMBIOS);
        }
    } else if (load_after_firmware(&l, host, err) < 0) {
        return -1;
    }
    rc = kernel ? load_kernel(&l, r, err) : load_flat(&l, r, err);
    free(l.taken);
    return rc;
}
