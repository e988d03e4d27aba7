/* test_volumes.c - which file a byte of an image belongs to: images made by the tools that make such file systems, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/volumes/volumes.h"

struct image {
    uint8_t *p;
    size_t n;
};

struct fixture {
    char folder[64];
};

__attribute__((format(printf, 2, 3))) static void run(const struct fixture *f, const char *fmt, ...)
{
    char line[600], whole[800];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof whole, "cd %s && { %s; } >log 2>&1", f->folder, line);
    if (system(whole))
        fail_msg("%s", line);
}

/* Two files: a small one in folders, with a long name, and a large one, each with a text that is nowhere else. */
static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){"/tmp/volumes.XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    run(&f, "mkdir -p tree/boot/deep && echo 'the small one' >'tree/boot/deep/A long name.conf'");
    run(&f, "head -c 300000 /dev/zero | tr '\\0' x >tree/large && echo 'the large one' >>tree/large");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    run(*state, "rm -rf ../${PWD##*/}/tree *.img");
    run(*state, "rm -f log; rmdir \"$PWD\"");
    return 0;
}

static struct image load(const struct fixture *f, const char *name)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &st), 0);
    struct image im = {mem_alloc((size_t)st.st_size), (size_t)st.st_size};
    assert_int_equal(fread(im.p, 1, im.n, in), im.n);
    fclose(in);
    return im;
}

static void read_memory(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const struct image *im = ctx;
    memset(buf, 0, n);
    if (offset < im->n)
        memcpy(buf, im->p + offset, n < im->n - offset ? n : im->n - offset);
}

static void check_place(struct image *im, const char *text, unsigned partition, const char *system,
                        const char *path, uint64_t at)
{
    struct volumes *v = volumes_new(read_memory, im, im->n);
    struct volume_place place;
    const uint8_t *p = memmem(im->p, im->n, text, strlen(text));
    assert_non_null(p);
    assert_true(volumes_find(v, (uint64_t)(p - im->p) + 4, &place));
    assert_string_equal(place.system, system);
    assert_string_equal(place.path, path);
    assert_int_equal(place.partition, partition);
    assert_int_equal(place.at, at + 4);
    volumes_free(v);
}

static void check_files(struct image *im, unsigned partition, const char *system, const char *prefix)
{
    char path[100];
    snprintf(path, sizeof path, "%s/boot/deep/A long name.conf", prefix);
    check_place(im, "the small one", partition, system, path, 0);
    snprintf(path, sizeof path, "%s/large", prefix);
    check_place(im, "the large one", partition, system, path, 300000);
}

static void ext_has_files_and_folders(void **state)
{
    static const char *const kinds[] = {"ext2", "ext3", "ext4", "ext4 -O 64bit,metadata_csum -b 4096"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        run(*state, "/sbin/mkfs.ext2 -q -F -t %s -d tree e.img 6M", kinds[i]);
        struct image im = load(*state, "e.img");
        check_files(&im, 0, "ext2/3/4", "");
        check_place(&im, "A long name.conf", 0, "ext2/3/4", "/boot/deep/", 32);
        free(im.p);
        run(*state, "rm e.img");
    }
}

static void fat_has_them(void **state)
{
    static const char *const kinds[] = {"-C -f 1440", "-C -T 40000 -h 4 -s 32", "-C -F -T 90000 -h 4 -s 32"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        run(*state, "mformat -i f.img %s :: && mcopy -i f.img -s tree/boot tree/large ::", kinds[i]);
        struct image im = load(*state, "f.img");
        check_files(&im, 0, "FAT", "");
        check_place(&im, "ALONGN~1CON", 0, "FAT", "/boot/deep/", 128); /* behind ., .. and the long name */
        free(im.p);
        run(*state, "rm f.img");
    }
}

static void iso_has_them(void **state)
{
    static const char *const kinds[] = {"-R", "-J"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        run(*state, "xorriso -as mkisofs -quiet %s -o i.img tree", kinds[i]);
        struct image im = load(*state, "i.img");
        check_files(&im, 0, "ISO 9660", "");
        free(im.p);
        run(*state, "rm i.img");
    }
}

/* The EFI system partition of a CD is a file of it. */
static void fat_within_iso(void **state)
{
    run(*state,
        "mformat -i fat.img -C -f 1440 :: && mcopy -i fat.img -s tree/boot tree/large :: && mkdir cd && "
        "mv fat.img cd/ && xorriso -as mkisofs -quiet -R -o i.img cd; rm -r cd");
    struct image im = load(*state, "i.img");
    check_files(&im, 0, "FAT", "/fat.img:");
    free(im.p);
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

/* A table with a partition from sector 2048 on, and one in an extended partition. */
static void partitions_are_told(void **state)
{
    enum { FIRST = 2048, MB = 2048, SECTOR = 512 };
    run(*state, "/sbin/mkfs.ext2 -q -F -t ext4 -d tree e.img 6M");
    struct image file = load(*state, "e.img"), im = {mem_zero(1, 24 << 20), 24 << 20};
    uint8_t *entry = im.p + 446;
    im.p[510] = 0x55;
    im.p[511] = 0xaa;
    entry[16 + 4] = 0x83;
    put32(entry + 16 + 8, FIRST);
    put32(entry + 16 + 12, 6 * MB);
    memcpy(im.p + FIRST * SECTOR, file.p, file.n);
    check_files(&im, 2, "ext2/3/4", "");
    /* The same as a logical partition, the second in the chain. */
    memset(im.p + FIRST * SECTOR, 0, file.n);
    entry[16 + 4] = 0x05;
    put32(entry + 16 + 12, 20 * MB);
    uint8_t *table = im.p + FIRST * SECTOR;
    memcpy(table + 510, "\x55\xaa", 2);
    table[446 + 4] = 0x82;
    put32(table + 446 + 8, 63);
    put32(table + 446 + 12, 100);
    table[446 + 16 + 4] = 0x05;
    put32(table + 446 + 16 + 8, MB);
    put32(table + 446 + 16 + 12, 8 * MB);
    table += MB * SECTOR;
    memcpy(table + 510, "\x55\xaa", 2);
    table[446 + 4] = 0x83;
    put32(table + 446 + 8, 63);
    put32(table + 446 + 12, 6 * MB);
    memcpy(table + 63 * SECTOR, file.p, file.n);
    check_files(&im, 6, "ext2/3/4", "");
    /* GPT: the third entry. */
    memset(im.p, 0, 20 << 20);
    memcpy(im.p + 510, "\x55\xaa", 2);
    im.p[446 + 4] = 0xee;
    memcpy(im.p + SECTOR, "EFI PART", 8);
    put32(im.p + SECTOR + 72, 2);
    put32(im.p + SECTOR + 80, 128);
    put32(im.p + SECTOR + 84, 128);
    entry = im.p + 2 * SECTOR + 2 * 128;
    entry[0] = 1;
    put32(entry + 32, 4096);
    put32(entry + 40, 4096 + 6 * MB - 1);
    memcpy(im.p + 4096 * SECTOR, file.p, file.n);
    check_files(&im, 3, "ext2/3/4", "");
    free(im.p);
    free(file.p);
}

/* Bytes of the metadata are changed at random: no crash, no endless loop, and paths of a sensible length. */
static void damage_does_no_harm(void **state)
{
    static const char *const names[] = {"e.img", "f.img", "i.img"};
    uint32_t seed = 1;
    run(*state, "/sbin/mkfs.ext2 -q -F -t ext4 -d tree e.img 1M; mformat -i f.img -C -f 1440 :: && "
                "mcopy -i f.img -s tree/boot tree/large ::; xorriso -as mkisofs -quiet -R -o i.img tree");
    for (unsigned round = 0; round < 300; round++) {
        struct image im = load(*state, names[round % 3]);
        struct volume_place place;
        for (unsigned k = 0; k < 1 + round / 3 % 40; k++) {
            seed = seed * 1103515245 + 12345;
            im.p[(seed >> 8) % (round & 1 ? 4096 : 65536) + (round % 3 == 2 ? 32768 : 0)] =
                (uint8_t)(seed >> 3);
        }
        struct volumes *v = volumes_new(read_memory, &im, im.n);
        for (uint64_t at = 0; at < im.n; at += 10007)
            if (volumes_find(v, at, &place))
                assert_true(strlen(place.path) < 2048);
        volumes_free(v);
        free(im.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ext_has_files_and_folders),
        cmocka_unit_test(fat_has_them),
        cmocka_unit_test(iso_has_them),
        cmocka_unit_test(fat_within_iso),
        cmocka_unit_test(partitions_are_told),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
