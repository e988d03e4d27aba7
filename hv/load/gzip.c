/* gzip.c - kernels that are packed by gzip, as Debian's Xen is. GRUB unpacks them too. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "hv/load/internal.h"

static int bad(const struct image *im, const char *why, struct error *err)
{
    return error_set(err, "%s: it cannot be unpacked: %s: fetch it again", im->name, why);
}

/* Unpacks into *to, which grows. Returns the number of bytes, or -1 with err. */
static int64_t unpack(const struct image *im, z_stream *z, uint8_t **to, struct error *err)
{
    uint64_t room = 0;
    int rc = Z_OK;
    while (rc == Z_OK && !z->avail_out) {
        uint64_t n = room;
        room = room ? room * 2 : 4 << 20;
        if (room > IMAGE_MAX)
            return error_set(err, "%s: unpacked it is larger than 1 GiB: give another image", im->name);
        uint8_t *more = *to = mem_resize(*to, room);
        z->next_out = more + n;
        z->avail_out = (uInt)(room - n);
        rc = inflate(z, Z_NO_FLUSH);
    }
    if (rc == Z_MEM_ERROR)
        mem_none(0);
    if (rc != Z_STREAM_END)
        return bad(im, rc == Z_DATA_ERROR ? "it is damaged" : "it is truncated", err);
    return (int64_t)(room - z->avail_out);
}

uint8_t *image_unzip(const struct image *im, uint8_t *bytes, uint64_t *size, struct error *err)
{
    enum { GZIP_WINDOW = 16 + MAX_WBITS };
    z_stream z = {.next_in = bytes, .avail_in = (uInt)*size};
    uint8_t *to = NULL;
    if (*size < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b)
        return bytes;
    int64_t n = inflateInit2(&z, GZIP_WINDOW) == Z_OK ? unpack(im, &z, &to, err) : bad(im, "zlib fails", err);
    inflateEnd(&z);
    free(bytes);
    if (n >= 0) {
        *size = (uint64_t)n;
        return to;
    }
    free(to);
    return NULL;
}
