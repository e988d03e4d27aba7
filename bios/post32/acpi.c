/* acpi.c - the machine's ACPI tables, put into memory as its linker/loader script says.
 *
 * Source: QEMU's table loader (hw/acpi/bios-linker-loader.c): commands of 128 bytes that allocate a file's
 * memory, add a file's address to a pointer in another, and set checksums.
 */
#include "bios/post32/post32.h"

enum {
    ALLOCATE = 1,
    ADD_POINTER = 2,
    ADD_CHECKSUM = 3,
    WRITE_POINTER = 4,
    ZONE_BIOS = 2,
    FILES = 16,
    NAME = 56
};

struct command {
    u32 what;
    union {
        struct {
            char file[NAME];
            u32 align;
            u8 zone;
        } PACKED allocate;
        struct {
            char in[NAME], to[NAME];
            u32 offset;
            u8 width;
        } PACKED pointer;
        struct {
            char file[NAME];
            u32 offset, start, length;
        } PACKED checksum;
        u8 room[124];
    };
} PACKED;

static struct loaded {
    char name[NAME];
    u8 *at;
    u32 size;
} files[FILES];
static unsigned count;

static bool same(const char *a, const char *b)
{
    for (unsigned i = 0; i < NAME; i++) {
        if (a[i] != b[i])
            return false;
        if (!a[i])
            break;
    }
    return true;
}

static struct loaded *find(const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (same(files[i].name, name))
            return &files[i];
    return NULL;
}

static bool allocate(const struct command *c)
{
    struct fwcfg_file file;
    struct loaded *f = &files[count];
    u32 align = c->allocate.align ? c->allocate.align : 1;
    if (count == FILES || !fwcfg_find(c->allocate.file, &file))
        return false;
    f->size = file.size;
    f->at = c->allocate.zone == ZONE_BIOS ? bios_alloc(file.size, align < 16 ? 16 : align)
                                          : high_alloc(file.size, align);
    if (!f->at)
        return false;
    memcpy(f->name, file.name, NAME);
    fwcfg_read(&file, 0, f->at, file.size);
    count++;
    return true;
}

static bool add_pointer(const struct command *c)
{
    struct loaded *in = find(c->pointer.in), *to = find(c->pointer.to);
    u64 value = 0;
    if (!in || !to || c->pointer.width > 8 || c->pointer.offset + c->pointer.width > in->size)
        return false;
    memcpy(&value, in->at + c->pointer.offset, c->pointer.width);
    value += (u32)to->at;
    memcpy(in->at + c->pointer.offset, &value, c->pointer.width);
    return true;
}

static bool add_checksum(const struct command *c)
{
    struct loaded *f = find(c->checksum.file);
    if (!f || c->checksum.offset >= f->size || c->checksum.start > f->size ||
        c->checksum.length > f->size - c->checksum.start)
        return false;
    f->at[c->checksum.offset] -= sum(f->at + c->checksum.start, c->checksum.length);
    return true;
}

static bool run(const struct command *c)
{
    switch (c->what) {
    case ALLOCATE:
        return allocate(c);
    case ADD_POINTER:
        return add_pointer(c);
    case ADD_CHECKSUM:
        return add_checksum(c);
    case WRITE_POINTER: /* tells the machine an address: the devices that ask for it are not on this board */
    default:
        log("ACPI: command %u of the table loader is not known\n", c->what);
        return true;
    }
}

void acpi_init(void)
{
    struct fwcfg_file script;
    struct command c;
    if (!fwcfg_find("etc/table-loader", &script)) {
        log("ACPI: the machine has no tables\n");
        return;
    }
    for (u32 at = 0; at + sizeof c <= script.size; at += sizeof c) {
        fwcfg_read(&script, at, &c, sizeof c);
        if (c.what && !run(&c)) {
            log("ACPI: command %u at %u of the table loader failed\n", c.what, at);
            return;
        }
    }
    if (find("etc/acpi/rsdp"))
        resume_prepare(find("etc/acpi/rsdp")->at);
    for (unsigned i = 0; i < count; i++)
        log("ACPI: %s, %u bytes at %08x\n", files[i].name, files[i].size, (u32)files[i].at);
}
