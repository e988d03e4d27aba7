/* hvmloader.c - the domain builder: an ELF image of 32 bits, Xen's hvmloader or one's own, as the first code of
 * an HVM domain.
 *
 * Sources: xen/include/public/arch-x86/hvm/start_info.h; the order of things in memory and the state of the
 * first processor after tools/libs/guest/xg_dom_x86.c and xg_dom_hvmloader.c of Xen. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "hv/load/internal.h"

enum { START_MAGIC = 0x336ec578, MAP_RESERVED = 2, MAP_RAM = 1 };
/* struct hvm_start_info, then the modules' entries, their names, and the memory map. */
enum { INFO_BYTES = 56, MODULE_BYTES = 32, NAME_BYTES = 16, MAP_ENTRY_BYTES = 24 };
enum { AT_MODULES = INFO_BYTES, AT_NAMES = AT_MODULES + MODULE_BYTES, AT_MAP = AT_NAMES + NAME_BYTES };

struct start {
    uint8_t bytes[AT_MAP + MAP_MAX * MAP_ENTRY_BYTES];
    size_t n;
};

static void set32(struct start *s, unsigned at, uint32_t v)
{
    memcpy(s->bytes + at, &v, 4);
}

static void set64(struct start *s, unsigned at, uint64_t v)
{
    memcpy(s->bytes + at, &v, 8);
}

/* e_ident and e_machine: what is not such an image says what it is. */
static int check_elf(const struct image *im, const uint8_t *bytes, struct error *err)
{
    static const char what[] =
        "give Xen's hvmloader (package xen-utils), or an image of your own: an ELF file "
        "of 32 bits, linked for an address from 1 MiB on";
    if (im->size < 52 || memcmp(bytes, ELFMAG, SELFMAG))
        return error_set(err, "--hvmloader %s: is not an ELF image: %s", im->name, what);
    if (bytes[EI_CLASS] != ELFCLASS32 || bytes[18] != EM_386)
        return error_set(err, "--hvmloader %s: is an ELF image, but not of 32-bit x86 code: %s", im->name,
                         what);
    return 0;
}

/* The firmware that hvmloader copies to its place: a module named "firmware". */
static int add_firmware(struct loading *l, uint64_t *end, uint64_t info, struct start *s, struct error *err)
{
    const struct image *bios = config_image(l->cfg, "bios");
    uint64_t at = (*end + PAGE_SIZE_4K - 1) & ~(uint64_t)(PAGE_SIZE_4K - 1);
    uint8_t *bytes = bios ? image_load(bios, err) : NULL;
    if (!bytes)
        return bios ? -1 : 0;
    at = load_place(l, "firmware module", at, bios->size, PAGE_SIZE_4K, UINT32_MAX, err);
    if (at)
        physmem_write(board_mem(l->board), at, bytes, bios->size);
    free(bytes);
    if (!at)
        return -1;
    set32(s, 12, 1);
    set64(s, 16, info + AT_MODULES);
    set64(s, AT_MODULES, at);
    set64(s, AT_MODULES + 8, bios->size);
    set64(s, AT_MODULES + 16, info + AT_NAMES);
    memcpy(s->bytes + AT_NAMES, "firmware", 9);
    *end = at + bios->size;
    return 0;
}

static void add_map(const struct loading *l, uint64_t info, struct start *s)
{
    set64(s, 40, info + AT_MAP);
    set32(s, 48, (uint32_t)l->nmap);
    for (size_t i = 0; i < l->nmap; i++) {
        uint8_t *entry = s->bytes + AT_MAP + i * MAP_ENTRY_BYTES;
        memcpy(entry, &l->map[i],
               sizeof l->map[i]); /* address, size, type: the same layout, but for the padding */
    }
    s->n = AT_MAP + l->nmap * MAP_ENTRY_BYTES;
}

/* Returns the start information's address, or 0 with err. */
static uint64_t place_start(struct loading *l, uint64_t end, struct error *err)
{
    struct start s = {0};
    uint64_t at = load_place(l, "start information", (end + PAGE_SIZE_4K - 1) & ~(uint64_t)(PAGE_SIZE_4K - 1),
                             sizeof s.bytes, PAGE_SIZE_4K, UINT32_MAX, err);
    if (!at)
        return 0;
    end = at + sizeof s.bytes;
    set32(&s, 0, START_MAGIC);
    set32(&s, 4, 1); /* version */
    add_map(l, at, &s);
    if (add_firmware(l, &end, at, &s, err))
        return 0;
    physmem_write(board_mem(l->board), at, s.bytes, s.n);
    return at;
}

static void map_memory(struct loading *l)
{
    struct e820_entry all[4];
    size_t n = board_e820_domain(l->board, all, 4);
    memcpy(l->map, all, n * sizeof all[0]);
    l->nmap = n;
}

int load_hvmloader(struct loading *l, uint8_t *image, struct load_result *r, struct error *err)
{
    const struct image *im = l->image;
    struct x86 *cpu = board_cpu(l->board, 0);
    uint64_t entry = 0, end = 0;
    board_domain_setup(l->board);
    map_memory(l);
    load_take(l, 0x9f000, 0x1000); /* the page with the domain's sizes */
    if (check_elf(im, image, err) || load_elf(l, image, &entry, &end, err))
        return -1;
    uint64_t start = place_start(l, end, err);
    if (!start)
        return -1;
    enter_flat(l, entry);
    x86_set(cpu, "rbx", start);
    *r = (struct load_result){HVM_DOMAIN, entry, start};
    return 1;
}
