/* cause_archive.c - initramfs images: Documentation/driver-api/early-userspace/buffer-format.rst of Linux. */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "core/compare/private/cause_impl.h"
#include "traces/memory.h"

enum { HEADER = 110, NESTED = 4 };
#define UNPACKED_MAX ((size_t)1 << 29)

/* Calls fn for each file in the cpio archive at `at`; returns the offset behind its trailer. */
typedef bool member_fn(void *ctx, const char *name, uint64_t offset, uint64_t n);

static bool hex_field(const uint8_t *p, uint64_t *v)
{
    *v = 0;
    for (unsigned i = 0; i < 8; i++) {
        int c = p[i] | 32, digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        *v = *v << 4 | (unsigned)digit;
    }
    return true;
}

/* One member ("newc" format). Returns the offset of the next one, or 0 if there is none here. */
static uint64_t member(const uint8_t *data, size_t size, uint64_t at, const char **name, uint64_t *content,
                       uint64_t *n)
{
    uint64_t name_size;
    if (size - at < HEADER || (memcmp(data + at, "070701", 6) && memcmp(data + at, "070702", 6)) ||
        !hex_field(data + at + 54, n) || !hex_field(data + at + 94, &name_size))
        return 0;
    if (!name_size || name_size > size - at - HEADER || data[at + HEADER + name_size - 1])
        return 0;
    *name = (const char *)data + at + HEADER;
    *content = (at + HEADER + name_size + 3) & ~(uint64_t)3;
    if (*content > size || *n > size - *content)
        return 0;
    uint64_t next = (*content + *n + 3) & ~(uint64_t)3;
    return next < size ? next : size;
}

static size_t skip_zeros(const uint8_t *data, size_t size, size_t at)
{
    while (at < size && !data[at])
        at++;
    return at;
}

bool archive_at(const uint8_t *data, size_t size, uint64_t offset, char name[256], uint64_t *in_member)
{
    uint64_t at = 0, content, n, next;
    const char *who;
    while (at < size && (next = member(data, size, at, &who, &content, &n))) {
        if (offset >= content && offset < content + n) {
            snprintf(name, 256, "%s", who);
            *in_member = offset - content;
            return true;
        }
        at = strcmp(who, "TRAILER!!!") ? next : skip_zeros(data, size, next);
    }
    return false;
}

/* ---------------------------------------------------------------- compressed */

static uint8_t *unpack_gzip(const uint8_t *data, size_t size, size_t *n)
{
    z_stream z = {.next_in = (uint8_t *)data, .avail_in = (unsigned)(size < UINT32_MAX ? size : UINT32_MAX)};
    uint8_t *out = NULL;
    size_t room = 0;
    int rc = inflateInit2(&z, 15 + 32);
    *n = 0;
    while (rc == Z_OK && *n < UNPACKED_MAX) {
        out = mem_grow(out, &room, *n + 65536, 1);
        z.next_out = out + *n;
        z.avail_out = (unsigned)(room - *n < 1u << 30 ? room - *n : 1u << 30);
        size_t had = z.avail_out;
        rc = inflate(&z, Z_NO_FLUSH);
        *n += had - z.avail_out;
    }
    inflateEnd(&z);
    return out;
}

static uint8_t *unpack_zstd(const uint8_t *data, size_t size, size_t *n)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer in = {data, size, 0};
    uint8_t *out = NULL;
    size_t room = 0, rc = 1;
    *n = 0;
    while (rc && !ZSTD_isError(rc) && *n < UNPACKED_MAX) {
        out = mem_grow(out, &room, *n + ZSTD_DStreamOutSize(), 1);
        ZSTD_outBuffer to = {out, room, *n};
        size_t before = in.pos;
        rc = ZSTD_decompressStream(z, &to, &in);
        if (in.pos == before && to.pos == *n)
            break;
        *n = to.pos;
    }
    ZSTD_freeDStream(z);
    return out;
}

static void files_in(const uint8_t *data, size_t size, unsigned depth, archive_fn *fn, void *ctx)
{
    uint64_t content, n, next;
    const char *name;
    size_t at = 0;
    while (at < size && (next = member(data, size, at, &name, &content, &n))) {
        if (strcmp(name, "TRAILER!!!") && n)
            fn(ctx, name, data + content, n);
        at = strcmp(name, "TRAILER!!!") ? next : skip_zeros(data, size, next);
    }
    if (at >= size || depth >= NESTED)
        return;
    uint8_t *out = NULL;
    size_t len = 0;
    if (size - at > 4 && data[at] == 0x1f && data[at + 1] == 0x8b)
        out = unpack_gzip(data + at, size - at, &len);
    else if (size - at > 4 && !memcmp(data + at, "\x28\xb5\x2f\xfd", 4))
        out = unpack_zstd(data + at, size - at, &len);
    if (out && len)
        files_in(out, len, depth + 1, fn, ctx);
    free(out);
}

void archive_files(const uint8_t *data, size_t size, archive_fn *fn, void *ctx)
{
    files_in(data, size, 0, fn, ctx);
}
