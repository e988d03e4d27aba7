/* metadata.c - what a loader passes to the kernel: its modules, environment and memory map. See impl.h.
 *
 * A list of records in physical memory: type and length (32 bits each), then the data, padded to the kernel's word;
 * type 0 ends it. A name begins each file. sys/linker.h and machine/metadata.h of FreeBSD; boot(8), loader(8).
 */
#include "core/systems/freebsd/private/impl.h"

enum {
    INFO_END = 0,
    INFO_NAME = 1,
    INFO_TYPE = 2,
    INFO_ADDRESS = 3,
    INFO_SIZE = 4,
    INFO_SSYM = 0x8003,
    INFO_ESYM = 0x8004,
    INFO_ENVP = 0x8006,
    INFO_HOWTO = 0x8007,
    INFO_SMAP = 0x9001,
};
enum {
    RECORDS_MAX = 4096,
    DATA_MAX = 1 << 16,
    NAME = 128,
    VARIABLES_MAX = 1024,
    VARIABLE = 512,
    SMAP_ENTRY = 20
};
/* struct bootinfo of i386 (machine/bootinfo.h) */
enum { BOOTINFO_VERSION = 0, BOOTINFO_MODULEP = 80, BOOTINFO_ARGUMENT = 5 };

struct record {
    uint32_t type, length;
    uint64_t data; /* physical address */
};

/* ---------------------------------------------------------------- where it is */

static uint32_t physical_u32(const struct fb_guest *fb, uint64_t address)
{
    uint32_t v = 0;
    base_peek_physical(&fb->base, address, &v, sizeof v);
    return v;
}

void fb_metadata_at_entry(struct fb_guest *fb)
{
    uint64_t sp = fb_reg(fb, GUEST_RSP);
    if (fb->base.word == 8) /* two 32-bit arguments: metadata, and the end of what was loaded */
        fb->metadata = fb_u32(fb, sp + 4);
    else /* howto, boot device, 0, 0, 0, bootinfo */
        fb->metadata = physical_u32(fb, fb_u32(fb, sp + 4 + 4 * BOOTINFO_ARGUMENT) + BOOTINFO_MODULEP);
}

void fb_metadata_of_variable(struct fb_guest *fb)
{
    uint64_t at = fb_symbol(fb, "preload_metadata"), value = at ? fb_word(fb, at) : 0;
    const struct fb_image *im = &fb->image;
    /* Loaded memory is mapped as the kernel is. */
    if (value > im->base && im->has_physical)
        fb->metadata = value - im->base + im->physical;
}

/* ---------------------------------------------------------------- records */

/* The record at *at, which is advanced. False at the end, or if it is damaged. */
static bool next(const struct fb_guest *fb, uint64_t *at, struct record *r)
{
    uint32_t head[2];
    if (!*at || base_peek_physical(&fb->base, *at, head, sizeof head) < sizeof head || head[0] == INFO_END ||
        head[1] > DATA_MAX)
        return false;
    *r = (struct record){head[0], head[1], *at + sizeof head};
    uint64_t w = fb->base.word;
    *at = r->data + (r->length + w - 1) / w * w;
    return true;
}

static uint64_t number(const struct fb_guest *fb, const struct record *r)
{
    uint64_t v = 0;
    base_peek_physical(&fb->base, r->data, &v, r->length < fb->base.word ? r->length : fb->base.word);
    return v;
}

static void text_of(const struct fb_guest *fb, const struct record *r, char buf[NAME])
{
    size_t n = r->length < NAME - 1 ? r->length : NAME - 1;
    memset(buf, 0, NAME);
    base_peek_physical(&fb->base, r->data, buf, n);
}

void fb_metadata_symbols(struct fb_guest *fb, uint64_t *begin, uint64_t *end)
{
    uint64_t at = fb->metadata;
    struct record r;
    unsigned files = 0;
    *begin = *end = 0;
    for (unsigned i = 0; i < RECORDS_MAX && next(fb, &at, &r) && files < 2; i++) {
        files += r.type == INFO_NAME;
        if (files == 1 && r.type == INFO_SSYM)
            *begin = number(fb, &r);
        if (files == 1 && r.type == INFO_ESYM)
            *end = number(fb, &r);
    }
    if (!*end)
        *begin = 0;
}

/* ---------------------------------------------------------------- reporting */

/* A file's records are reported together: at the next file's name, and at the end. */
struct file {
    char name[NAME], type[NAME];
    uint64_t address, size;
};

static void report_file(struct fb_guest *fb, const struct file *f)
{
    char text[2 * NAME + 4];
    if (!f->name[0])
        return;
    snprintf(text, sizeof text, "%s (%s)", f->name, f->type);
    GUEST_EMIT(fb, EV_KERNEL_FILE, text, f->address, f->size);
}

/* "name=value" and NUL, several times; a further NUL ends it. */
static void report_environment(struct fb_guest *fb, uint64_t at)
{
    char text[VARIABLE];
    for (unsigned i = 0; at && i < VARIABLES_MAX; i++) {
        size_t n = base_peek_physical(&fb->base, at, text, sizeof text - 1);
        text[n] = 0;
        if (!text[0])
            return;
        GUEST_EMIT(fb, EV_KERNEL_VARIABLE, text, at);
        at += strlen(text) + 1;
    }
}

static void report_map(struct fb_guest *fb, const struct record *r)
{
    static const char *const names[] = {"of no type", "usable",   "reserved",
                                        "ACPI data",  "ACPI NVS", "unusable"};
    uint8_t entry[SMAP_ENTRY];
    for (uint32_t at = 0; at + SMAP_ENTRY <= r->length; at += SMAP_ENTRY) {
        uint64_t base, size;
        uint32_t type;
        if (base_peek_physical(&fb->base, r->data + at, entry, sizeof entry) < sizeof entry)
            return;
        memcpy(&base, entry, 8);
        memcpy(&size, entry + 8, 8);
        memcpy(&type, entry + 16, 4);
        GUEST_EMIT(fb, EV_E820, type < sizeof names / sizeof names[0] ? names[type] : "of unknown type", base,
                   size, type);
    }
}

/* Boot flags by their letters. sys/reboot.h, boot(8). */
static void report_howto(struct fb_guest *fb, uint64_t howto)
{
    static const struct {
        uint32_t bit;
        char letter;
    } flags[] = {{1, 'a'},      {2, 's'},      {0x10, 'C'},   {0x20, 'r'},     {0x40, 'd'},      {0x800, 'v'},
                 {0x1000, 'h'}, {0x2000, 'C'}, {0x8000, 'g'}, {0x100000, 'p'}, {0x20000000, 'D'}};
    char text[40] = "-";
    size_t n = 1;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (howto & flags[i].bit)
            text[n++] = flags[i].letter;
    text[n] = 0;
    GUEST_EMIT(fb, EV_COMMAND_LINE, n > 1 ? text : "no flags", 0);
}

static void report(struct fb_guest *fb, const struct record *r, struct file *f)
{
    switch (r->type) {
    case INFO_NAME:
        report_file(fb, f);
        *f = (struct file){0};
        text_of(fb, r, f->name);
        break;
    case INFO_TYPE:
        text_of(fb, r, f->type);
        break;
    case INFO_ADDRESS:
        f->address = number(fb, r);
        break;
    case INFO_SIZE:
        f->size = number(fb, r);
        break;
    case INFO_SMAP:
        report_map(fb, r);
        break;
    case INFO_HOWTO:
        report_howto(fb, number(fb, r) & UINT32_MAX);
        break;
    case INFO_ENVP:
        report_environment(fb, number(fb, r));
        break;
    default:
        break;
    }
}

void fb_metadata_report(struct fb_guest *fb)
{
    uint64_t at = fb->metadata;
    struct record r;
    struct file f = {.name = ""};
    unsigned n = 0;
    while (n < RECORDS_MAX && next(fb, &at, &r)) {
        report(fb, &r, &f);
        n++;
    }
    report_file(fb, &f);
    if (!n)
        base_note(
            &fb->base,
            "the loader's metadata is not found: its modules, environment and memory map are not reported");
    else if (n == RECORDS_MAX || physical_u32(fb, at))
        base_note(&fb->base, "the loader's metadata is damaged after %u records", n);
}
