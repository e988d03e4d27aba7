/* pe.c - see pe.h. */
#include <string.h>

#include "core/symbols/pe.h"

#include "base/byte_order.h"

enum {
    PE_OFFSET = 0x3c,
    PE_COUNT = 6,
    PE_OPTIONAL_SIZE = 20,
    PE_OPTIONAL = 24,
    PE_ENTRY = PE_OPTIONAL + 16,
    PE_SIZE = PE_OPTIONAL + 56,
    PE_SUBSYSTEM = PE_OPTIONAL + 68,
    PE32_DIRECTORIES = PE_OPTIONAL + 96,
    PE64_DIRECTORIES = PE_OPTIONAL + 112,
    DIRECTORY_EXCEPTIONS = 3,
    DIRECTORY_RELOCATIONS = 5,
    DIRECTORY_DEBUG = 6,
    DIRECTORIES = 7,
    MAGIC_PE32 = 0x10b,
    MAGIC_PE64 = 0x20b,
    TE_HEADER = 40,
    SECTION_HEADER = 40,
    SECTION_CODE = 0x20,
    SECTION_EXECUTE = 0x20000000,
};

static struct pe_range range(const uint8_t *p)
{
    return (struct pe_range){le32(p), le32(p + 4)};
}

static void read_sections(const uint8_t *p, size_t n, uint64_t at, unsigned count, struct pe_image *pe)
{
    for (unsigned i = 0; i < count && i < PE_SECTIONS; i++, at += SECTION_HEADER) {
        if (at > n || n - at < SECTION_HEADER)
            return;
        const uint8_t *s = p + at;
        uint32_t size = le32(s + 8);
        pe->section[pe->nsections++] =
            (struct pe_section){.at = {le32(s + 12), size ? size : le32(s + 16)},
                                .code = le32(s + 36) & (SECTION_CODE | SECTION_EXECUTE)};
    }
}

static bool read_te(const uint8_t *p, size_t n, struct pe_image *pe)
{
    *pe = (struct pe_image){.te = true,
                            .machine = (uint16_t)le16(p + 2),
                            .subsystem = p[5],
                            .base = TE_HEADER - (uint64_t)le16(p + 6),
                            .entry = le32(p + 8),
                            .relocations = range(p + 24),
                            .debug = range(p + 32)};
    read_sections(p, n, TE_HEADER, p[4], pe);
    return true;
}

bool pe_read(const uint8_t *p, size_t n, struct pe_image *pe)
{
    if (n >= TE_HEADER && p[0] == 'V' && p[1] == 'Z')
        return read_te(p, n, pe);
    if (n < PE_OFFSET + 4 || p[0] != 'M' || p[1] != 'Z')
        return false;
    const uint32_t at = le32(p + PE_OFFSET);
    if (at > n || n - at < PE64_DIRECTORIES + DIRECTORIES * 8 + 8 || memcmp(p + at, "PE\0\0", 4))
        return false;
    const uint8_t *h = p + at;
    const uint32_t magic = le16(h + PE_OPTIONAL);
    if (magic != MAGIC_PE32 && magic != MAGIC_PE64)
        return false;
    const uint8_t *d = h + (magic == MAGIC_PE32 ? PE32_DIRECTORIES : PE64_DIRECTORIES);
    *pe = (struct pe_image){.machine = (uint16_t)le16(h + 4),
                            .subsystem = (uint16_t)le16(h + PE_SUBSYSTEM),
                            .entry = le32(h + PE_ENTRY),
                            .size = le32(h + PE_SIZE),
                            .exceptions = range(d + 8 * DIRECTORY_EXCEPTIONS),
                            .relocations = range(d + 8 * DIRECTORY_RELOCATIONS),
                            .debug = range(d + 8 * DIRECTORY_DEBUG)};
    read_sections(p, n, (uint64_t)at + PE_OPTIONAL + le16(h + PE_OPTIONAL_SIZE), le16(h + PE_COUNT), pe);
    return pe->entry < pe->size;
}

bool pe_read_memory(const uint8_t *p, size_t n, struct pe_image *pe)
{
    enum { STRIPPED_MAX = 0x10000 };
    if (pe_read(p, n, pe) && !pe->te)
        return true;
    for (size_t at = 0; at < n && at < STRIPPED_MAX && n - at >= TE_HEADER; at += 2)
        if (p[at] == 'V' && p[at + 1] == 'Z' && pe_read(p + at, n - at, pe) && at + pe->base == 0)
            return true;
    return false;
}

struct pe_range pe_code(const struct pe_image *pe)
{
    uint64_t begin = UINT32_MAX, end = 0;
    for (unsigned i = 0; i < pe->nsections; i++) {
        const struct pe_section *s = &pe->section[i];
        if (!s->code || !s->at.size)
            continue;
        begin = s->at.address < begin ? s->at.address : begin;
        end = (uint64_t)s->at.address + s->at.size > end ? (uint64_t)s->at.address + s->at.size : end;
    }
    end = end < UINT32_MAX ? end : UINT32_MAX;
    return begin < end ? (struct pe_range){(uint32_t)begin, (uint32_t)(end - begin)} : (struct pe_range){0};
}

/* ---------------------------------------------------------------- debug information */

bool pe_read_codeview(const uint8_t *p, size_t n, struct pe_debug *d)
{
    static const struct {
        char sign[5];
        unsigned at;
    } forms[] = {{"RSDS", 24}, {"NB10", 16}, {"MTOC", 20}};
    size_t at = 0;
    *d = (struct pe_debug){0};
    for (size_t i = 0; n >= 4 && i < sizeof forms / sizeof forms[0]; i++)
        if (!memcmp(p, forms[i].sign, 4))
            at = forms[i].at;
    if (!at || at >= n || !memchr(p + at, 0, n - at))
        return false;
    d->has_guid = at == 24;
    if (d->has_guid) {
        memcpy(d->guid, p + 4, sizeof d->guid);
        d->age = le32(p + 20);
    }
    for (size_t i = 0; i < PE_PATH - 1 && p[at + i]; i++)
        d->path[i] = p[at + i] >= ' ' && p[at + i] < 0x7f ? (char)p[at + i] : '?';
    return true;
}

bool pe_read_debug(const uint8_t *p, size_t n, const struct pe_image *pe, struct pe_debug *d)
{
    enum { ENTRY = 28, TYPE = 12, SIZE = 16, WHERE = 20, CODEVIEW = 2, MOST = 8 };
    for (uint32_t i = 0; i < MOST && (i + 1) * ENTRY <= pe->debug.size; i++) {
        const uint64_t at = (uint64_t)pe->debug.address + i * ENTRY;
        if (at > n || n - at < ENTRY)
            return false;
        const uint32_t where = le32(p + at + WHERE), size = le32(p + at + SIZE);
        if (le32(p + at + TYPE) == CODEVIEW && where < n &&
            pe_read_codeview(p + where, size < n - where ? size : n - where, d))
            return true;
    }
    return false;
}

void pe_path_name(const char *path, char *name, size_t size)
{
    const char *first = path, *stop = NULL;
    for (const char *p = path; *p; p++) {
        if (*p == '/' || *p == '\\')
            first = p + 1;
        stop = *p == '.' ? p : stop;
    }
    const size_t whole = stop && stop > first ? (size_t)(stop - first) : strlen(first);
    const size_t n = whole < size - 1 ? whole : size - 1;
    memcpy(name, first, n);
    name[n] = 0;
}
