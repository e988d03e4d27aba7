/* flash.c - see flash.h. */
#include "core/systems/efi/flash.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"
#include "core/systems/efi/private/unpack.h"

bool efi_flash_role(const char *role)
{
    return !strcmp(role, "bios") || !strncmp(role, "pflash", 6);
}

/* A file of the image itself. */
struct outer_file {
    uint64_t offset, size;
    char name[EFI_FLASH_NAME];
};

struct efi_flash {
    const uint8_t *image; /* while it is read */
    struct outer_file *outer;
    size_t nouter;
    struct efi_packed *section;
    size_t nsections;
    struct efi_packed_file *file;
    size_t nfiles;
};

static void name_of(const struct efi_file *f, char name[EFI_FLASH_NAME])
{
    if (f->name[0])
        snprintf(name, EFI_FLASH_NAME, "%s", f->name);
    else
        efi_guid_words(&f->guid, name, EFI_FLASH_NAME);
}

static void outer_file(void *ctx, const struct efi_file *f)
{
    struct efi_flash *e = ctx;
    MEM_MORE(e->outer, e->nouter);
    struct outer_file *o = &e->outer[e->nouter++];
    *o = (struct outer_file){.offset = f->offset, .size = f->size};
    name_of(f, o->name);
}

static void packed_file(void *ctx, const struct efi_file *f)
{
    struct efi_flash *e = ctx;
    if (f->type == EFI_TYPE_PAD)
        return;
    MEM_MORE(e->file, e->nfiles);
    struct efi_packed_file *p = &e->file[e->nfiles++];
    *p = (struct efi_packed_file){.section = e->nsections - 1, .offset = f->offset, .size = f->size};
    memcpy(p->guid, f->guid.b, sizeof p->guid);
    name_of(f, p->name);
}

static void packed_section(void *ctx, const uint8_t *guid, const uint8_t *p, size_t n)
{
    struct efi_flash *e = ctx;
    size_t size;
    uint8_t *bytes = efi_unpack(guid, p, n, &size);
    if (!bytes)
        return;
    MEM_MORE(e->section, e->nsections);
    e->section[e->nsections++] =
        (struct efi_packed){.offset = (uint64_t)(p - e->image), .size = n, .bytes = bytes, .n = size};
    const struct efi_volume_reader inner = {.ctx = e, .file = packed_file};
    efi_volumes(bytes, size, &inner);
}

/* The smallest file of the image around a byte; NULL: none. */
static const struct outer_file *outer_file_at(const struct efi_flash *e, uint64_t offset)
{
    const struct outer_file *best = NULL;
    for (size_t k = 0; k < e->nouter; k++)
        if (offset - e->outer[k].offset < e->outer[k].size && (!best || e->outer[k].size < best->size))
            best = &e->outer[k];
    return best;
}

static void name_sections(struct efi_flash *e)
{
    for (size_t i = 0; i < e->nsections; i++) {
        const struct outer_file *o = outer_file_at(e, e->section[i].offset);
        if (o)
            memcpy(e->section[i].file, o->name, sizeof o->name);
    }
}

struct efi_flash *efi_flash_read(const uint8_t *image, size_t n)
{
    struct efi_flash *e = mem_zero(1, sizeof *e);
    const struct efi_volume_reader r = {.ctx = e, .file = outer_file, .packed = packed_section};
    e->image = image;
    efi_volumes(image, n, &r);
    e->image = NULL;
    name_sections(e);
    return e;
}

void efi_flash_free(struct efi_flash *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->nsections; i++)
        free((uint8_t *)f->section[i].bytes);
    free(f->section);
    free(f->outer);
    free(f->file);
    free(f);
}

size_t efi_flash_sections(const struct efi_flash *f)
{
    return f->nsections;
}

const struct efi_packed *efi_flash_section(const struct efi_flash *f, size_t i)
{
    return &f->section[i];
}

size_t efi_flash_files(const struct efi_flash *f)
{
    return f->nfiles;
}

const struct efi_packed_file *efi_flash_file(const struct efi_flash *f, size_t i)
{
    return &f->file[i];
}

long efi_flash_section_at(const struct efi_flash *f, uint64_t offset)
{
    for (size_t i = 0; i < f->nsections; i++)
        if (offset - f->section[i].offset < f->section[i].size)
            return (long)i;
    return -1;
}

const struct efi_packed_file *efi_flash_file_at(const struct efi_flash *f, size_t section, uint64_t offset)
{
    const struct efi_packed_file *best = NULL;
    for (size_t i = 0; i < f->nfiles; i++)
        if (f->file[i].section == section && offset - f->file[i].offset < f->file[i].size &&
            (!best || f->file[i].size < best->size))
            best = &f->file[i];
    return best;
}

const char *efi_flash_plain_file_at(const struct efi_flash *f, uint64_t offset, uint64_t *in_file)
{
    const struct outer_file *o = outer_file_at(f, offset);
    if (!o)
        return NULL;
    *in_file = offset - o->offset;
    return o->name;
}
