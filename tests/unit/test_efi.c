/* test_efi.c - firmware volumes and images (core/systems/efi/private/volume.h): whole ones, and damaged ones of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/efi/private/volume.h"

/* ---------------------------------------------------------------- a volume made up for the test */

struct bytes {
    uint8_t b[0x8000];
    size_t n;
};

static void put(struct bytes *v, uint64_t value, unsigned width)
{
    assert_true(v->n + width <= sizeof v->b);
    memcpy(v->b + v->n, &value, width);
    v->n += width;
}

static void set(struct bytes *v, size_t at, uint64_t value, unsigned width)
{
    memcpy(v->b + at, &value, width);
}

static void align(struct bytes *v, size_t from, size_t to)
{
    while ((v->n - from) % to)
        put(v, 0xff, 1);
}

static const uint8_t ffs2[16] = {0x78, 0xe5, 0x8c, 0x8c, 0x3d, 0x8a, 0x1c, 0x4f,
                                 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3};
enum { HEADER = 72, FILE_HEADER = 24 };

/* Returns where it begins. */
static size_t begin_volume(struct bytes *v)
{
    size_t at = v->n;
    for (unsigned i = 0; i < 16; i++)
        put(v, 0, 1);
    for (unsigned i = 0; i < 16; i++)
        put(v, ffs2[i], 1);
    put(v, 0, 8);          /* length */
    put(v, 0x4856465f, 4); /* "_FVH" */
    put(v, 0xfeff, 4);
    put(v, HEADER, 2);
    put(v, 0, 2); /* checksum */
    put(v, 0, 2);
    put(v, 0x0200, 2);
    put(v, 1, 4); /* one block; the end of the list */
    put(v, 0x1000, 4);
    put(v, 0, 8);
    return at;
}

static void end_volume(struct bytes *v, size_t at)
{
    uint16_t sum = 0, word;
    align(v, at, 0x100);
    set(v, at + 32, v->n - at, 8);
    set(v, at + 50, 0, 2);
    for (unsigned i = 0; i < HEADER; i += 2) {
        memcpy(&word, v->b + at + i, 2);
        sum = (uint16_t)(sum + word);
    }
    set(v, at + 50, (uint16_t)-sum, 2);
}

static size_t begin_file(struct bytes *v, size_t volume, uint8_t type, uint8_t name)
{
    align(v, volume, 8);
    size_t at = v->n;
    for (unsigned i = 0; i < 16; i++)
        put(v, name, 1);
    put(v, 0, 2);
    put(v, type, 1);
    put(v, 0, 5);
    return at;
}

static void end_file(struct bytes *v, size_t at)
{
    uint8_t sum = 0;
    set(v, at + 20, v->n - at, 3);
    for (unsigned i = 0; i < FILE_HEADER - 1; i++)
        sum = (uint8_t)(sum + v->b[at + i]);
    v->b[at + 16] = (uint8_t)-sum;
    v->b[at + 17] = 0xaa;
    v->b[at + 23] = 0xf8;
}

static size_t begin_section(struct bytes *v, size_t file, uint8_t type)
{
    while ((v->n - file) % 4)
        put(v, 0, 1);
    put(v, (uint64_t)type << 24, 4);
    return v->n - 4;
}

static void end_section(struct bytes *v, size_t at)
{
    set(v, at, v->n - at, 3);
}

static void name_section(struct bytes *v, size_t file, const char *name)
{
    size_t s = begin_section(v, file, 0x15);
    for (; *name; name++)
        put(v, (uint8_t)*name, 2);
    put(v, 0, 2);
    end_section(v, s);
}

static void image_section(struct bytes *v, size_t file)
{
    size_t s = begin_section(v, file, 0x10), at = v->n;
    for (unsigned i = 0; i < 0x200; i++)
        put(v, 0, 1);
    memcpy(v->b + at, "MZ", 2);
    set(v, at + 0x3c, 0x80, 4);
    memcpy(v->b + at + 0x80, "PE\0\0\x64\x86", 6);
    set(v, at + 0x80 + 24, 0x20b, 2);
    set(v, at + 0x80 + 24 + 16, 0x123, 4);
    set(v, at + 0x80 + 24 + 56, 0x200, 4);
    set(v, at + 0x80 + 24 + 68, 11, 2);
    end_section(v, s);
}

/* A volume with a SEC module, and, in a file of its own, a volume with a driver. */
static void make(struct bytes *v)
{
    memset(v, 0, sizeof *v);
    size_t volume = begin_volume(v), file = begin_file(v, volume, EFI_TYPE_SEC, 1);
    image_section(v, file);
    name_section(v, file, "First");
    end_file(v, file);
    file = begin_file(v, volume, EFI_TYPE_VOLUME, 2);
    size_t section = begin_section(v, file, 0x17), inner = begin_volume(v),
           driver = begin_file(v, inner, EFI_TYPE_DRIVER, 3);
    name_section(v, driver, "Second\xe4");
    image_section(v, driver);
    end_file(v, driver);
    end_volume(v, inner);
    end_section(v, section);
    end_file(v, file);
    end_volume(v, volume);
}

/* ---------------------------------------------------------------- what is read */

struct seen {
    const struct bytes *v;
    size_t n; /* bytes that may be read */
    unsigned volumes, files, damaged;
    char names[200];
};

static void see_volume(void *ctx, const struct efi_volume *v)
{
    struct seen *s = ctx;
    assert_true(v->size <= s->n && v->offset <= s->n - v->size);
    s->volumes++;
    s->damaged += v->damaged;
}

static void see_file(void *ctx, const struct efi_file *f)
{
    struct seen *s = ctx;
    size_t n = strlen(s->names);
    assert_true(f->size <= s->n && f->offset <= s->n - f->size);
    assert_true(f->length <= s->n && f->image <= s->n - f->length);
    assert_non_null(memchr(f->name, 0, sizeof f->name));
    snprintf(s->names + n, sizeof s->names - n, "%u:%s ", f->type, f->name);
    s->files++;
}

/* From a copy of exactly n bytes, so that a sanitizer sees what is read beyond. */
static struct seen look(const struct bytes *v, size_t n)
{
    struct seen s = {.v = v, .n = n};
    const struct efi_volume_reader r = {.ctx = &s, .volume = see_volume, .file = see_file};
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, v->b, n);
    efi_volumes(copy, n, &r);
    free(copy);
    return s;
}

static void a_whole_volume(void **state)
{
    static struct bytes v;
    make(&v);
    struct seen s = look(&v, v.n);
    assert_int_equal(s.volumes, 2);
    assert_int_equal(s.damaged, 0);
    assert_string_equal(s.names, "3:First 7:Second? 11: ");
    (void)state;
}

static void a_volume_between_other_bytes(void **state)
{
    static struct bytes v, w;
    make(&v);
    memset(w.b, 0xff, sizeof w.b);
    memcpy(w.b + 0x800, v.b, v.n);
    memcpy(w.b + 0x100, "_FVH", 4); /* not a header */
    assert_int_equal(look(&w, 0x800 + v.n + 0x500).volumes, 2);
    (void)state;
}

static void a_volume_cut_anywhere(void **state)
{
    static struct bytes v;
    make(&v);
    for (size_t n = 0; n < v.n; n++) {
        struct seen s = look(&v, n);
        assert_true(s.volumes <= 2);
    }
    (void)state;
}

/* A header's sum is made right again, so that what is behind it is read. */
static void repair(struct bytes *v, size_t at)
{
    uint16_t sum = 0, word;
    if (at >= HEADER)
        return;
    set(v, 50, 0, 2);
    for (unsigned i = 0; i < HEADER; i += 2) {
        memcpy(&word, v->b + i, 2);
        sum = (uint16_t)(sum + word);
    }
    set(v, 50, (uint16_t)-sum, 2);
}

static void every_byte_changed(void **state)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    static struct bytes v, w;
    make(&v);
    for (size_t at = 0; at < v.n; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            w = v;
            w.b[at] = values[i];
            repair(&w, at);
            assert_true(look(&w, w.n).files <= 4096);
        }
    (void)state;
}

static void volumes_inside_volumes(void **state)
{
    static struct bytes v;
    size_t volume[12], file[12], section[12];
    memset(&v, 0, sizeof v);
    for (unsigned i = 0; i < 12; i++) {
        volume[i] = begin_volume(&v);
        file[i] = begin_file(&v, volume[i], EFI_TYPE_VOLUME, (uint8_t)i);
        section[i] = begin_section(&v, file[i], 0x17);
    }
    put(&v, 0, 8);
    for (unsigned i = 12; i-- > 0;) {
        end_section(&v, section[i]);
        end_file(&v, file[i]);
        end_volume(&v, volume[i]);
    }
    struct seen s = look(&v, v.n);
    assert_int_equal(s.volumes, EFI_VOLUME_DEPTH + 1);
    assert_int_equal(s.damaged, 1); /* said: the innermost that was read has another */
    (void)state;
}

/* ---------------------------------------------------------------- images */

static void images(void **state)
{
    static struct bytes v;
    struct efi_image im;
    make(&v);
    const uint8_t *mz = memmem(v.b, v.n, "MZ", 2);
    assert_non_null(mz);
    assert_true(efi_image_read(mz, 0x200, &im));
    assert_int_equal(im.entry, 0x123);
    assert_int_equal(im.machine, 0x8664);
    assert_int_equal(im.subsystem, 11);
    for (size_t n = 0; n < 0x80 + 24 + 112 + 56; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, mz, n);
        assert_false(efi_image_read(copy, n, &im));
        free(copy);
    }
    (void)state;
}

static void te_images(void **state)
{
    uint8_t te[40] = {'V', 'Z', 0x64, 0x86, 3, 11, 0x00, 0x02};
    struct efi_image im;
    te[8] = 0x40;
    te[9] = 0x03;
    assert_true(efi_image_read(te, sizeof te, &im));
    assert_int_equal(im.base + im.entry, 0x340 + 40 - 0x200); /* from the header's first byte */
    assert_false(efi_image_read(te, sizeof te - 1, &im));
    (void)state;
}

static void names_from_debug_information(void **state)
{
    char name[EFI_NAME], record[24 + 100] = "RSDS";
    strcpy(record + 24, "/build/X64/Some/Driver/DEBUG/Driver.dll");
    efi_image_codeview((const uint8_t *)record, sizeof record, name);
    assert_string_equal(name, "Driver");
    efi_image_codeview((const uint8_t *)record, 30, name); /* without its end */
    assert_string_equal(name, "");
    for (size_t n = 0; n <= sizeof record; n++)
        efi_image_codeview((const uint8_t *)record, n, name);
    strcpy(record, "ABCD");
    efi_image_codeview((const uint8_t *)record, sizeof record, name);
    assert_string_equal(name, "");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_volume),
        cmocka_unit_test(a_volume_between_other_bytes),
        cmocka_unit_test(a_volume_cut_anywhere),
        cmocka_unit_test(every_byte_changed),
        cmocka_unit_test(volumes_inside_volumes),
        cmocka_unit_test(images),
        cmocka_unit_test(te_images),
        cmocka_unit_test(names_from_debug_information),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
