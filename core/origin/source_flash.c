/* source_flash.c - bytes that firmware unpacks from a compressed section of its flash. See impl.h.
 *
 * A decompressor computes a byte from many, or copies it from where it happened to write the same before: it is no use to follow that.
 * What it writes is known from the image alone: all that is in memory before the byte, from the beginning of its output on, is what the
 * section unpacks to. A copy of a part of that output, such as one volume, is followed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/private/impl.h"
#include "core/systems/efi/flash.h"

enum { BEFORE = 1024, LEAST = 64, PROBE = 4096 };

static const struct efi_flash *flash_of(struct origin *o, unsigned i)
{
    struct trace *t = timeline_trace(o->tl);
    const uint64_t n = trace_config(t)->images[i].size;
    if (!o->flash)
        o->flash = mem_zero(trace_config(t)->nimages + 1, sizeof *o->flash);
    if (!o->flash[i]) {
        uint8_t *data = mem_zero(n + 1, 1);
        trace_image_known(t, i, 0, data, n);
        o->flash[i] = efi_flash_read(data, n);
        free(data);
    }
    return o->flash[i];
}

void origin_flash_free(struct origin *o)
{
    for (size_t i = 0; o->flash && i < trace_config(timeline_trace(o->tl))->nimages; i++)
        efi_flash_free(o->flash[i]);
    free(o->flash);
}

/* The one place of these bytes; false if there is none, or another. */
static bool find_once(const struct efi_packed *p, const uint8_t *bytes, size_t n, uint64_t *at)
{
    const uint8_t *first = memmem(p->bytes, p->n, bytes, n);
    if (!first || memmem(first + 1, p->n - (size_t)(first + 1 - p->bytes), bytes, n))
        return false;
    *at = (uint64_t)(first - p->bytes);
    return true;
}

static bool is_there(struct origin *o, const struct efi_packed *p, uint64_t base, uint64_t at, uint64_t end)
{
    uint8_t bytes[PROBE];
    const size_t n = end - at < PROBE ? end - at : PROBE;
    return timeline_peek_physical(o->tl, base + at, bytes, n) == n && !memcmp(bytes, p->bytes + at, n);
}

/* Whether the output begins at `base`: looked at in its beginning and its middle. */
static bool is_output(struct origin *o, const struct efi_packed *p, uint64_t base, uint64_t end)
{
    return is_there(o, p, base, 0, end) && is_there(o, p, base, end / 2, end);
}

static void end_there(struct origin_link *l, const struct trace_image *im, const struct efi_flash *f,
                      size_t section, uint64_t at)
{
    const struct efi_packed *p = efi_flash_section(f, section);
    const struct efi_packed_file *file = efi_flash_file_at(f, section, at);
    char in[100] = "";
    if (file)
        snprintf(in, sizeof in, ": byte %" PRIu64 " of the file %s", at - file->offset, file->name);
    l->image = im->role;
    l->offset = at;
    link_end(l, ORIGIN_STREAM,
             "%s (%s): byte %" PRIu64 " of what its bytes %" PRIu64 " to %" PRIu64
             " unpack to (LZMA, in %s)%s",
             im->role, im->name, at, p->offset, p->offset + p->size - 1, p->file, in);
}

bool source_flash(struct origin *o, struct origin_link *l, uint64_t physical)
{
    const struct trace_config *cfg = trace_config(timeline_trace(o->tl));
    uint8_t bytes[BEFORE + ORIGIN_BYTES];
    struct timeline_stopped s;
    struct error ignored;
    const uint64_t length = l->place.length;
    if (physical < BEFORE || timeline_seek(o->tl, l->icount + 1, &s, &ignored) ||
        timeline_peek_physical(o->tl, physical - BEFORE, bytes, BEFORE + length) != BEFORE + length)
        return false;
    for (unsigned i = 0; i < cfg->nimages; i++) {
        const struct efi_flash *f = efi_flash_role(cfg->images[i].role) ? flash_of(o, i) : NULL;
        for (size_t k = 0; f && k < efi_flash_sections(f); k++)
            for (size_t n = BEFORE; n >= LEAST; n /= 2) {
                uint64_t at;
                if (!find_once(efi_flash_section(f, k), bytes + BEFORE - n, n + length, &at) ||
                    at + n > physical || !is_output(o, efi_flash_section(f, k), physical - (at + n), at + n))
                    continue;
                end_there(l, &cfg->images[i], f, k, at + n);
                return true;
            }
    }
    return false;
}
