/* cause_flash.c - differences in firmware: what its compressed sections unpack to, and bytes that are read from flash itself. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "core/compare/private/cause_impl.h"
#include "core/origin/origin.h"
#include "core/systems/efi/flash.h"

enum { FILES_SHOWN = 8 };

/* ---------------------------------------------------------------- files of compressed sections */

/* Whether another file is inside this one: then that one is reported. */
static bool has_files(const struct efi_flash *f, const struct efi_packed_file *outer)
{
    for (size_t i = 0; i < efi_flash_files(f); i++) {
        const struct efi_packed_file *in = efi_flash_file(f, i);
        if (in != outer && in->section == outer->section && in->offset > outer->offset &&
            in->offset + in->size <= outer->offset + outer->size)
            return true;
    }
    return false;
}

/* The file of that GUID, as often as it was there before. */
static const struct efi_packed_file *same_file(const struct efi_flash *f, const struct efi_flash *of,
                                               const struct efi_packed_file *file)
{
    size_t before = 0;
    for (size_t i = 0; efi_flash_file(of, i) != file; i++)
        before += !memcmp(efi_flash_file(of, i)->guid, file->guid, sizeof file->guid);
    for (size_t i = 0; i < efi_flash_files(f); i++)
        if (!memcmp(efi_flash_file(f, i)->guid, file->guid, sizeof file->guid) && !before--)
            return efi_flash_file(f, i);
    return NULL;
}

static const uint8_t *content(const struct efi_flash *f, const struct efi_packed_file *file)
{
    return efi_flash_section(f, file->section)->bytes + file->offset;
}

/* Says how one file differs; false if it does not. */
static bool say_file(struct search *s, const char *role, const struct efi_flash *const f[2],
                     const struct efi_packed_file *a)
{
    const struct efi_packed_file *b = same_file(f[1], f[0], a);
    const char *in = efi_flash_section(f[0], a->section)->file;
    size_t n = 0, first = 0;
    if (!b || a->size != b->size) {
        cause_say(s, FINDING_INPUT, NULL,
                  b ? "image %s: file %s, compressed in %s, has %" PRIu64 " bytes in A, %" PRIu64 " in B"
                    : "image %s: file %s, compressed in %s, is only in A",
                  role, a->name, in, a->size, b ? b->size : 0);
        return true;
    }
    const uint8_t *x = content(f[0], a), *y = content(f[1], b);
    for (size_t i = 0; i < a->size; i++)
        if (x[i] != y[i])
            first = n++ ? first : i;
    if (n)
        cause_say(
            s, FINDING_INPUT, NULL,
            "image %s: file %s, compressed in %s, differs in %zu byte%s, first at %zu: 0x%02x in A, 0x%02x in B",
            role, a->name, in, n, n == 1 ? "" : "s", first, x[first], y[first]);
    return n;
}

void cause_flash_files(struct search *s, const char *role, uint8_t *const data[2], const size_t size[2])
{
    struct efi_flash *f[2] = {efi_flash_read(data[0], size[0]), efi_flash_read(data[1], size[1])};
    const struct efi_flash *const both[2] = {f[0], f[1]};
    size_t n = 0;
    for (size_t i = 0; i < efi_flash_files(f[0]) && n < FILES_SHOWN; i++)
        if (!has_files(f[0], efi_flash_file(f[0], i)))
            n += say_file(s, role, both, efi_flash_file(f[0], i));
    for (size_t i = 0; i < efi_flash_files(f[1]) && n < FILES_SHOWN; i++) {
        const struct efi_packed_file *b = efi_flash_file(f[1], i);
        if (same_file(f[0], f[1], b))
            continue;
        cause_say(s, FINDING_INPUT, NULL, "image %s: file %s, compressed in %s, is only in B", role, b->name,
                  efi_flash_section(f[1], b->section)->file);
        n++;
    }
    efi_flash_free(f[0]);
    efi_flash_free(f[1]);
}

/* ---------------------------------------------------------------- bytes that are unpacked */

static void say_unpacked(struct search *s, const char *role, const struct efi_flash *f, size_t section,
                         uint64_t at, const uint8_t byte[2])
{
    const struct efi_packed *p = efi_flash_section(f, section);
    const struct efi_packed_file *file = efi_flash_file_at(f, section, at);
    struct cause_origin *o = &s->out->origin;
    *o = (struct cause_origin){.found = true, .image = role, .offset = p->offset, .byte = {byte[0], byte[1]}};
    if (file) {
        snprintf(o->member, sizeof o->member, "%s", file->name);
        o->in_member = at - file->offset;
    }
    cause_say(s, FINDING_COMES_FROM, NULL,
              "image %s, bytes %" PRIu64 " to %" PRIu64
              ", which unpack (LZMA, in %s) to 0x%02x in A, 0x%02x in B at %" PRIu64 "%s%s",
              role, p->offset, p->offset + p->size - 1, p->file, byte[0], byte[1], at,
              file ? ": in the file " : "", file ? file->name : "");
}

bool cause_flash_unpacked(struct search *s, const char *role, uint8_t *const data[2], const size_t size[2],
                          const struct cause_window *w)
{
    struct efi_flash *f[2] = {efi_flash_read(data[0], size[0]), efi_flash_read(data[1], size[1])};
    bool found = false;
    for (size_t i = 0; !found && i < efi_flash_sections(f[0]) && i < efi_flash_sections(f[1]); i++) {
        const struct efi_packed *a = efi_flash_section(f[0], i), *b = efi_flash_section(f[1], i);
        uint8_t *unpacked[2] = {(uint8_t *)a->bytes, (uint8_t *)b->bytes};
        const size_t n[2] = {a->n, b->n};
        const uint8_t byte[2] = {w->bytes[0][w->at], w->bytes[1][w->at]};
        uint64_t at;
        found = cause_find_window(unpacked, n, w, &at);
        if (found)
            say_unpacked(s, role, f[0], i, at, byte);
    }
    efi_flash_free(f[0]);
    efi_flash_free(f[1]);
    return found;
}

/* ---------------------------------------------------------------- bytes of flash */

/* A byte of a flash chip. */
struct flash_byte {
    const char *role;
    uint64_t offset, address; /* in the image; where the processor sees it */
};

/* Whether the chain ends at a byte of a firmware image. */
static bool ends_in_flash(struct search *s, const struct origin_chain *c, struct flash_byte *b)
{
    const struct origin_link *last = c && c->n ? &c->link[c->n - 1] : NULL;
    if (!last || last->source != ORIGIN_IMAGE || !last->image || !efi_flash_role(last->image))
        return false;
    const int image = trace_image_by_role(timeline_trace(s->tl[0]), last->image);
    *b = (struct flash_byte){trace_config(timeline_trace(s->tl[0]))->images[image].role, last->offset,
                             last->place.linear};
    return true;
}

/* The register that differs first after a step of A's. */
static bool differing_register(struct search *s, struct origin *o, uint64_t icount,
                               struct origin_place *place)
{
    struct timeline_where w;
    struct error err;
    char name[16];
    if (cause_seek(s, icount + 1, &err))
        return false;
    char *regs = cause_registers_text(s, 1);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(regs, " "), regs);
    free(regs);
    if (cause_seek(s, icount, &err))
        return false;
    timeline_where(s->tl[0], &w);
    return !origin_register(o, w.cpu, name, place, &err);
}

/* The flash byte that a step reads into its result. False: it reads none. */
static bool byte_read(struct search *s, uint64_t icount, struct result r, struct flash_byte *b)
{
    struct error err;
    struct origin_place place = {.memory = true, .linear = r.address, .at_physical = true, .length = 1};
    const struct origin_options options = {.most = 4};
    struct origin *o = origin_new(s->tl[0], s->symbols[0], &err);
    struct origin_chain *c = NULL;
    if (o && (!r.registers || differing_register(s, o, icount, &place)))
        c = origin_find(o, &place, icount + 1, &options, &err);
    const bool found = ends_in_flash(s, c, b) && c->link[0].icount == icount;
    origin_chain_free(c);
    origin_free(o);
    return found;
}

/* The first byte by which the instruction at a position differs, if it is executed where it lies in flash. */
static bool byte_executed(struct search *s, uint64_t icount, struct flash_byte *b)
{
    struct error err;
    uint64_t address;
    unsigned cpu;
    const struct origin_options options = {.most = 1};
    if (cause_seek(s, icount, &err) || !cause_code_differs(s, &cpu, &address))
        return false;
    const struct origin_place place = {.memory = true, .cpu = cpu, .linear = address, .length = 1};
    struct origin *o = origin_new(s->tl[0], s->symbols[0], &err);
    struct origin_chain *c = o ? origin_find(o, &place, icount, &options, &err) : NULL;
    const bool found = ends_in_flash(s, c, b);
    b->address = address;
    origin_chain_free(c);
    origin_free(o);
    return found;
}

static void say_flash(struct search *s, const char *role, unsigned a, uint64_t offset, const uint8_t byte[2])
{
    size_t size;
    uint8_t *data = cause_image(timeline_trace(s->tl[0]), a, &size);
    struct efi_flash *f = efi_flash_read(data, data ? size : 0);
    const long section = efi_flash_section_at(f, offset);
    const struct efi_packed *p = section < 0 ? NULL : efi_flash_section(f, (size_t)section);
    uint64_t in_file;
    const char *file = efi_flash_plain_file_at(f, offset, &in_file);
    s->out->origin =
        (struct cause_origin){.found = true, .image = role, .offset = offset, .byte = {byte[0], byte[1]}};
    if (p)
        cause_say(s, FINDING_COMES_FROM, NULL,
                  "image %s, byte %" PRIu64 ": 0x%02x in A, 0x%02x in B; that is byte %" PRIu64
                  " of the %" PRIu64 " that are compressed (LZMA) in %s, and unpack to %zu",
                  role, offset, byte[0], byte[1], offset - p->offset, p->size, p->file, p->n);
    else
        cause_say(s, FINDING_COMES_FROM, NULL, "image %s, byte %" PRIu64 ": 0x%02x in A, 0x%02x in B%s%s",
                  role, offset, byte[0], byte[1], file ? "; that is in the file " : "", file ? file : "");
    if (!p && file) {
        snprintf(s->out->origin.member, sizeof s->out->origin.member, "%s", file);
        s->out->origin.in_member = in_file;
    }
    efi_flash_free(f);
    free(data);
}

bool cause_flash_find(struct search *s, uint64_t icount, struct result r)
{
    struct flash_byte b;
    uint8_t byte[2] = {0};
    const bool executed = byte_executed(s, icount, &b);
    if (!executed && !byte_read(s, icount, r, &b))
        return false;
    const int image[2] = {trace_image_by_role(timeline_trace(s->tl[0]), b.role),
                          trace_image_by_role(timeline_trace(s->tl[1]), b.role)};
    for (unsigned side = 0; side < 2; side++)
        if (image[side] >= 0)
            trace_image_known(timeline_trace(s->tl[side]), (unsigned)image[side], b.offset, &byte[side], 1);
    if (image[1] < 0 || byte[0] == byte[1])
        return false;
    cause_say(s, FINDING_DEPENDS_ON, &icount, "the %s at %#" PRIx64 ", in flash: 0x%02x in A, 0x%02x in B",
              executed ? "instruction's own byte" : "byte", b.address, byte[0], byte[1]);
    say_flash(s, b.role, (unsigned)image[0], b.offset, byte);
    return true;
}
