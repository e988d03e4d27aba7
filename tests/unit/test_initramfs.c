/* test_initramfs.c - the files of an initramfs image: cpio archives, also compressed, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "core/volumes/initramfs.h"
#include "core/volumes/volumes.h"

/* libarchive asks for as much memory as a damaged header says that a name has, up to 4 GB. It is refused, so that the address
 * sanitizer need not prepare it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=64";
}

struct packed {
    uint8_t bytes[16384];
    size_t n;
};

static void pad(struct packed *im)
{
    while (im->n % 4)
        im->bytes[im->n++] = 0;
}

static void add_member(struct packed *im, const char *name, const char *content)
{
    size_t size = strlen(content);
    im->n += (size_t)sprintf((char *)im->bytes + im->n,
                             "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, 0100644, 0, 0,
                             1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
    memcpy(im->bytes + im->n, name, strlen(name) + 1);
    im->n += strlen(name) + 1;
    pad(im);
    memcpy(im->bytes + im->n, content, size);
    im->n += size;
    pad(im);
}

static struct packed archive(const char *second)
{
    struct packed im = {.n = 0};
    add_member(&im, "init", "#!/bin/sh\n");
    add_member(&im, "bin/two", second);
    add_member(&im, "TRAILER!!!", "");
    return im;
}

/* "NAME=CONTENT;" of each file. */
static void collect(void *ctx, const char *name, const uint8_t *content, size_t n)
{
    char *out = ctx;
    if (strlen(out) + strlen(name) + n < 900)
        sprintf(out + strlen(out), "%s=%.*s;", name, (int)n, (const char *)content);
}

static void check_files(const struct packed *im, const char *want)
{
    char got[1000] = "";
    initramfs_files(im->bytes, im->n, collect, got);
    assert_string_equal(got, want);
}

static void read_packed(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const struct packed *im = ctx;
    assert_true(offset <= im->n && n <= im->n - offset);
    memcpy(buf, im->bytes + offset, n);
}

static void files_are_found(void **state)
{
    struct packed im = archive("hello");
    struct volume_place place;
    check_files(&im, "init=#!/bin/sh\n;bin/two=hello;");
    struct volumes *v = volumes_new(read_packed, &im, im.n);
    size_t hello = (size_t)((uint8_t *)memmem(im.bytes, im.n, "hello", 5) - im.bytes);
    assert_true(volumes_find(v, hello + 3, &place));
    assert_string_equal(place.path, "bin/two");
    assert_string_equal(place.system, "cpio");
    assert_int_equal(place.at, 3);
    assert_int_equal(place.n, 2);
    assert_false(volumes_find(v, 5, &place)); /* in a header */
    assert_false(volumes_find(v, im.n + 5, &place));
    volumes_free(v);
}

static void compressed_archives_too(void **state)
{
    struct packed plain = archive("hello"), early = archive("x"), gz = {.n = 0}, zst = {.n = 0};
    z_stream z = {.next_in = plain.bytes,
                  .avail_in = (unsigned)plain.n,
                  .next_out = gz.bytes,
                  .avail_out = sizeof gz.bytes};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    gz.n = z.total_out;
    deflateEnd(&z);
    check_files(&gz, "init=#!/bin/sh\n;bin/two=hello;");
    zst.n = ZSTD_compress(zst.bytes, sizeof zst.bytes, plain.bytes, plain.n, 3);
    assert_false(ZSTD_isError(zst.n));
    check_files(&zst, "init=#!/bin/sh\n;bin/two=hello;");
    /* Microcode comes in an archive of its own before the compressed one. */
    memset(early.bytes + early.n, 0, 400);
    memcpy(early.bytes + early.n + 400, gz.bytes, gz.n);
    early.n += 400 + gz.n;
    check_files(&early, "init=#!/bin/sh\n;bin/two=x;init=#!/bin/sh\n;bin/two=hello;");
}

static void damage_does_no_harm(void **state)
{
    uint32_t seed = 12345;
    for (unsigned round = 0; round < 4000; round++) {
        struct packed im = archive("hello, hello");
        char got[1000] = "";
        struct volume_place place;
        for (unsigned k = 0; k < 1 + round % 4; k++) {
            seed = seed * 1103515245 + 12345;
            im.bytes[(seed >> 8) % im.n] = "0fF\xff"[seed >> 30];
        }
        if (round % 3 == 0)
            im.n = (seed >> 4) % im.n;
        uint8_t *exact = malloc(im.n + 1); /* so that the sanitizer sees what is read beyond it */
        memcpy(exact, im.bytes, im.n);
        exact = realloc(exact, im.n ? im.n : 1);
        initramfs_files(exact, im.n, collect, got);
        struct volumes *v =
            round % 20 ? NULL : volumes_new(read_packed, &im, im.n); /* asks each library: slower */
        if (v && volumes_find(v, (seed >> 3) % 2000, &place))
            assert_true(place.n > 0 && place.n <= im.n);
        volumes_free(v);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found),
        cmocka_unit_test(compressed_archives_too),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
