/* volume.c - see volume.h. */
#include <string.h>

#include "base/byte_order.h"
#include "core/symbols/pe.h"
#include "core/systems/efi/private/volume.h"

enum {
    /* EFI_FIRMWARE_VOLUME_HEADER */
    FV_SYSTEM = 16,
    FV_LENGTH = 32,
    FV_SIGNATURE = 40,
    FV_HEADER_LENGTH = 48,
    FV_EXTENDED = 52,
    EXTENDED_HEADER = 20,
    /* EFI_FFS_FILE_HEADER, EFI_FFS_FILE_HEADER2 */
    FFS_CHECKSUM = 16,
    FFS_FILE_CHECKSUM = 17,
    FFS_TYPE = 18,
    FFS_ATTRIBUTES = 19,
    FFS_SIZE = 20,
    FFS_STATE = 23,
    FFS_HEADER = 24,
    FFS_LARGE = 1,
    FFS_LARGE_HEADER = 32,
    /* sections */
    SECTION_HEADER = 4,
    SECTION_LARGE_HEADER = 8,
    SECTION_COMPRESSED = 1,
    SECTION_GUIDED = 2,
    SECTION_DISPOSABLE = 3,
    SECTION_PE32 = 0x10,
    SECTION_TE = 0x12,
    SECTION_NAME = 0x15,
    SECTION_VOLUME = 0x17,
    GUIDED_HEADER = 20,
    GUIDED_PROCESSING = 1,
    COMPRESSED_HEADER = 5,
};

struct reader {
    const uint8_t *p;
    const struct efi_volume_reader *r;
    struct efi_volume *volume;
    unsigned volumes, depth;
};

static uint64_t aligned(uint64_t n, uint64_t to)
{
    return (n + to - 1) & ~(to - 1);
}

/* ---------------------------------------------------------------- sections of a file */

static void read_volumes(struct reader *rd, uint64_t begin, uint64_t end);
static void read_sections(struct reader *rd, struct efi_file *f, uint64_t begin, uint64_t end);

/* Its characters beyond ASCII are shown as '?'. */
static void take_name(struct efi_file *f, const uint8_t *p, uint64_t n)
{
    size_t i = 0;
    for (; i + 1 < sizeof f->name && 2 * i + 1 < n && le16(p + 2 * i); i++)
        f->name[i] = le16(p + 2 * i) > ' ' && le16(p + 2 * i) < 0x7f ? (char)p[2 * i] : '?';
    f->name[i] = 0;
}

/* The content of a section that has to be decoded first is not read here: it is found in memory when it was. */
static void take_section(struct reader *rd, struct efi_file *f, unsigned type, uint64_t at, uint64_t end)
{
    const uint8_t *p = rd->p + at;
    const uint64_t n = end - at;
    if (type == SECTION_NAME) {
        take_name(f, p, n);
    } else if ((type == SECTION_PE32 || type == SECTION_TE) && !f->length) {
        f->image = at;
        f->length = n;
    } else if (rd->depth >= EFI_VOLUME_DEPTH) {
        rd->volume->damaged |= type == SECTION_VOLUME || type == SECTION_GUIDED ||
                               type == SECTION_COMPRESSED || type == SECTION_DISPOSABLE;
    } else {
        rd->depth++;
        if (type == SECTION_VOLUME)
            read_volumes(rd, at, end);
        else if (type == SECTION_DISPOSABLE)
            read_sections(rd, f, at, end);
        else if (type == SECTION_GUIDED && n >= GUIDED_HEADER && !(le16(p + 18) & GUIDED_PROCESSING) &&
                 le16(p + 16) >= GUIDED_HEADER + SECTION_HEADER && le16(p + 16) - SECTION_HEADER <= n)
            read_sections(rd, f, at + le16(p + 16) - SECTION_HEADER, end);
        else if (type == SECTION_GUIDED && rd->r->packed && n >= GUIDED_HEADER &&
                 le16(p + 16) >= GUIDED_HEADER + SECTION_HEADER && le16(p + 16) - SECTION_HEADER <= n)
            rd->r->packed(rd->r->ctx, p, p + le16(p + 16) - SECTION_HEADER,
                          n - (le16(p + 16) - SECTION_HEADER));
        else if (type == SECTION_COMPRESSED && n >= COMPRESSED_HEADER && !p[4])
            read_sections(rd, f, at + COMPRESSED_HEADER, end);
        rd->depth--;
    }
}

static void read_sections(struct reader *rd, struct efi_file *f, uint64_t begin, uint64_t end)
{
    for (uint64_t at = begin; end - at >= SECTION_HEADER;) {
        const uint8_t *p = rd->p + at;
        uint64_t size = le24(p), header = SECTION_HEADER;
        if (size == 0xffffff && end - at >= SECTION_LARGE_HEADER) {
            size = le32(p + 4);
            header = SECTION_LARGE_HEADER;
        }
        if (size < header || size > end - at) {
            rd->volume->damaged = true;
            return;
        }
        take_section(rd, f, p[3], at + header, at + size);
        at = aligned(at - begin + size, 4) + begin;
        if (at > end)
            return;
    }
}

/* ---------------------------------------------------------------- files of a volume */

static bool has_sections(unsigned type)
{
    enum { FREEFORM = 2, MM_CORE = 13, MM_STANDALONE = 15 };
    return type >= FREEFORM && type <= MM_STANDALONE;
}

static bool all_ones(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xff)
            return false;
    return true;
}

static bool header_sum_is_right(const uint8_t *p, size_t header)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < header; i++)
        sum = (uint8_t)(sum + (i == FFS_FILE_CHECKSUM || i == FFS_STATE ? 0 : p[i]));
    return !sum;
}

/* Returns where the file ends, or 0 if there is none. */
static uint64_t read_file(struct reader *rd, uint64_t at, uint64_t end)
{
    const uint8_t *p = rd->p + at;
    bool large = p[FFS_ATTRIBUTES] & FFS_LARGE;
    uint64_t header = large ? FFS_LARGE_HEADER : FFS_HEADER;
    if (end - at < header || !header_sum_is_right(p, header))
        return 0;
    uint64_t size = large ? le64(p + FFS_HEADER) : le24(p + FFS_SIZE);
    if (size < header || size > end - at)
        return 0;
    struct efi_file f = {.type = p[FFS_TYPE], .offset = at, .size = size};
    memcpy(f.guid.b, p, sizeof f.guid.b);
    if (has_sections(f.type))
        read_sections(rd, &f, at + header, at + size);
    if (f.type != EFI_TYPE_PAD) {
        rd->volume->count++;
        if (rd->r->file)
            rd->r->file(rd->r->ctx, &f);
    }
    return at + size;
}

static void read_files(struct reader *rd, uint64_t first, uint64_t begin, uint64_t end)
{
    unsigned n = 0;
    for (uint64_t at = first; end > at && end - at >= FFS_HEADER && !all_ones(rd->p + at, FFS_HEADER);) {
        uint64_t next = n++ < EFI_VOLUME_FILES ? read_file(rd, at, end) : 0;
        if (!next) {
            rd->volume->damaged = true;
            return;
        }
        at = aligned(next - begin, 8) + begin;
    }
}

static bool has_files(const struct efi_guid *system)
{
    /* EFI_FIRMWARE_FILE_SYSTEM2_GUID, EFI_FIRMWARE_FILE_SYSTEM3_GUID */
    static const uint8_t known[2][16] = {
        {0x78, 0xe5, 0x8c, 0x8c, 0x3d, 0x8a, 0x1c, 0x4f, 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3},
        {0x7a, 0xc0, 0x73, 0x54, 0xcb, 0x3d, 0xca, 0x4d, 0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a}};
    return !memcmp(system->b, known[0], 16) || !memcmp(system->b, known[1], 16);
}

static void read_volume(struct reader *rd, uint64_t at, uint64_t size)
{
    const uint8_t *p = rd->p + at;
    struct efi_volume v = {.offset = at, .size = size}, *outer = rd->volume;
    uint64_t first = le16(p + FV_HEADER_LENGTH), extended = le16(p + FV_EXTENDED);
    memcpy(v.system.b, p + FV_SYSTEM, sizeof v.system.b);
    v.files = has_files(&v.system);
    rd->volume = &v;
    if (extended && size >= EXTENDED_HEADER && extended <= size - EXTENDED_HEADER) {
        memcpy(v.name.b, p + extended, sizeof v.name.b);
        first = extended + le32(p + extended + 16);
    }
    if (v.files && first < size)
        read_files(rd, aligned(first, 8) + at, at, at + size);
    rd->volume = outer;
    rd->volumes++;
    if (rd->r->volume)
        rd->r->volume(rd->r->ctx, &v);
}

/* ---------------------------------------------------------------- volumes */

bool efi_volume_header(const uint8_t *p, size_t n, uint64_t *size)
{
    if (n < EFI_VOLUME_HEADER || memcmp(p + FV_SIGNATURE, "_FVH", 4))
        return false;
    uint32_t header = le16(p + FV_HEADER_LENGTH), sum = 0;
    *size = le64(p + FV_LENGTH);
    if (header < EFI_VOLUME_HEADER || header > n || header % 2 || *size < header)
        return false;
    for (uint32_t i = 0; i < header; i += 2)
        sum += le16(p + i);
    return !(sum & 0xffff);
}

static void read_volumes(struct reader *rd, uint64_t begin, uint64_t end)
{
    uint64_t size;
    for (uint64_t at = begin; end > at && end - at >= EFI_VOLUME_HEADER;) {
        const uint8_t *sign = memmem(rd->p + at + FV_SIGNATURE, end - at - FV_SIGNATURE, "_FVH", 4);
        if (!sign)
            return;
        at = (uint64_t)(sign - rd->p) - FV_SIGNATURE;
        if (!efi_volume_header(rd->p + at, end - at, &size) || size > end - at) {
            at++;
            continue;
        }
        read_volume(rd, at, size);
        at += size;
    }
}

unsigned efi_volumes(const uint8_t *p, size_t n, const struct efi_volume_reader *r)
{
    struct reader rd = {.p = p, .r = r};
    read_volumes(&rd, 0, n);
    return rd.volumes;
}

/* ---------------------------------------------------------------- images */

bool efi_image_read(const uint8_t *p, size_t n, struct efi_image *im)
{
    struct pe_image pe;
    if (!pe_read(p, n, &pe))
        return false;
    *im = (struct efi_image){.te = pe.te,
                             .machine = pe.machine,
                             .subsystem = pe.subsystem,
                             .base = pe.base,
                             .entry = pe.entry,
                             .size = pe.size,
                             .debug = pe.debug.address,
                             .debug_size = pe.debug.size};
    return true;
}

void efi_image_codeview(const uint8_t *p, size_t n, char name[EFI_NAME])
{
    struct pe_debug d;
    name[0] = 0;
    if (!pe_read_codeview(p, n, &d))
        return;
    pe_path_name(d.path, name, EFI_NAME);
    for (char *c = name; *c; c++)
        *c = *c == ' ' ? '?' : *c;
}
