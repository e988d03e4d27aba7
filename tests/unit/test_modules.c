/* test_modules.c - symbols and call frames of modules (core/symbols: module.c, files.c, pdb.c, pe_frames.c, starts.c): an image made up
 * for the test, with a PDB file for it; whole, of another build, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "core/symbols/private/module.h"

static void set(void *to, size_t at, uint64_t v, unsigned width)
{
    memcpy((uint8_t *)to + at, &v, width);
}

/* ---------------------------------------------------------------- an image */

enum {
    IMAGE = 0x4000,
    HEADER = 0x80,
    OPTIONAL = HEADER + 24,
    SECTIONS = OPTIONAL + 240,
    CODE = 0x1000,
    CODE_SIZE = 0x200,
    TABLES = 0x2000,
    UNWIND = 0x2100,
    DEBUG = 0x2200,
    RECORD = 0x2240,
    BASE = 0x700000,
};

/* push rbp; lea rbp,[rsp-16] … as one function with a frame pointer, and one with fixed room and a saved register. */
static const uint8_t fixed_code[] = {0x53,                           /* 1000: push %rbx */
                                     0x48, 0x83, 0xec, 0x20,         /* 1001: sub $32,%rsp */
                                     0xe8, 0xf6, 0,    0,    0,      /* 1005: call 1100 */
                                     0x48, 0x83, 0xc4, 0x20,         /* 100a: add $32,%rsp */
                                     0x5b,                           /* 100e: pop %rbx */
                                     0xc3};                          /* 100f: ret */
static const uint8_t framed_code[] = {0x55,                          /* 1080: push %rbp */
                                      0x56,                          /* 1081: push %rsi */
                                      0x48, 0x89, 0xe5,              /* 1082: mov %rsp,%rbp */
                                      0x48, 0x29, 0xc4,              /* 1085: sub %rax,%rsp */
                                      0x90,                          /* 1088 */
                                      0x48, 0x8d, 0x65, 0x00,        /* 1089: lea 0(%rbp),%rsp */
                                      0x5e,                          /* 108d: pop %rsi */
                                      0x5d,                          /* 108e: pop %rbp */
                                      0xe9, 0x6c, 0x00, 0x00, 0x00}; /* 108f: jmp 1100 */
static const uint8_t leaf_code[] = {0x50, 0x90, 0x59, 0xc3}; /* 1100: push; nop; pop; ret: in no table */

static const uint8_t guid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void put_section(uint8_t *p, unsigned i, uint32_t address, uint32_t size, uint32_t flags)
{
    p += SECTIONS + 40 * i;
    set(p, 8, size, 4);
    set(p, 12, address, 4);
    set(p, 16, size, 4);
    set(p, 36, flags, 4);
}

static void put_unwind(uint8_t *p, unsigned i, uint32_t begin, uint32_t end, const uint8_t *info, size_t n)
{
    const uint32_t at = UNWIND + 0x20 * i;
    set(p, TABLES + 12 * i, begin, 4);
    set(p, TABLES + 12 * i + 4, end, 4);
    set(p, TABLES + 12 * i + 8, at, 4);
    memcpy(p + at, info, n);
}

static uint8_t *image(void)
{
    static const uint8_t fixed[] = {1, 5, 2, 0, 5, 0x32, 1, 0x30}; /* alloc 32, push rbx */
    static const uint8_t framed[] = {1, 5,    3, 5,    5, 3,
                                     2, 0x60, 1, 0x50, 0, 0}; /* set rbp, push rsi, push rbp */
    uint8_t *p = calloc(1, IMAGE);
    memcpy(p, "MZ", 2);
    set(p, 0x3c, HEADER, 4);
    memcpy(p + HEADER, "PE\0\0\x64\x86", 6);
    set(p, HEADER + 6, 2, 2);
    set(p, HEADER + 20, 240, 2);
    set(p, OPTIONAL, 0x20b, 2);
    set(p, OPTIONAL + 16, CODE, 4);
    set(p, OPTIONAL + 56, IMAGE, 4);
    set(p, OPTIONAL + 112 + 8 * 3, TABLES | (uint64_t)24 << 32, 8);
    set(p, OPTIONAL + 112 + 8 * 6, DEBUG | (uint64_t)28 << 32, 8);
    put_section(p, 0, CODE, CODE_SIZE, 0x60000020);
    put_section(p, 1, TABLES, 0x1000, 0x40000040);
    memset(p + CODE, 0xcc, CODE_SIZE);
    memcpy(p + CODE, fixed_code, sizeof fixed_code);
    memcpy(p + CODE + 0x80, framed_code, sizeof framed_code);
    memcpy(p + CODE + 0x100, leaf_code, sizeof leaf_code);
    put_unwind(p, 0, CODE, CODE + 0x10, fixed, sizeof fixed);
    put_unwind(p, 1, CODE + 0x80, CODE + 0x94, framed, sizeof framed);
    set(p, DEBUG + 12, 2, 4);
    set(p, DEBUG + 16, 64, 4);
    set(p, DEBUG + 20, RECORD, 4);
    memcpy(p + RECORD, "RSDS", 4);
    memcpy(p + RECORD + 4, guid, sizeof guid);
    set(p, RECORD + 20, 1, 4);
    strcpy((char *)p + RECORD + 24, "D:\\build\\Made Up.pdb");
    return p;
}

/* ---------------------------------------------------------------- frames */

struct made {
    struct symbols *s;
    uint8_t *bytes;
    char said[500];
};

static void say(void *ctx, const char *text)
{
    struct made *m = ctx;
    snprintf(m->said, sizeof m->said, "%s", text);
}

static void make(struct made *m, uint8_t *bytes, struct symbol_files *files)
{
    *m = (struct made){.s = symbols_new(), .bytes = bytes};
    const struct symbol_module own = {.name = "Made", .bytes = bytes, .size = IMAGE, .base = BASE};
    const struct symbol_table *t = symbols_add_module(m->s, &own, files, say, m);
    assert_non_null(t);
    symbols_map(m->s, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL, .bias = BASE});
}

static void done(struct made *m)
{
    symbols_free(m->s);
    free(m->bytes);
}

struct wanted {
    uint32_t address;
    int base, offset; /* base: DWARF's number */
    int saved;        /* how many registers */
};

static void frames_are(const struct made *m, const struct wanted *w, size_t n)
{
    struct symbol_frame f;
    for (size_t i = 0; i < n; i++) {
        const bool found = symbols_frame(m->s, SPACE_KERNEL, BASE + w[i].address, SYMBOLS_NOW, &f);
        if (!found || f.base != w[i].base || f.offset != w[i].offset || f.nsaved != w[i].saved)
            fail_msg("at %x: %d, %u%+d, %u saved", w[i].address, found, f.base, f.offset, f.nsaved);
    }
}

enum { RBP = 6, RSP = 7 };

static void test_tables(void **state)
{
    static const struct wanted want[] = {{0x1000, RSP, 8, 0},  {0x1001, RSP, 16, 1}, {0x1005, RSP, 48, 1},
                                         {0x100a, RSP, 48, 1}, {0x100e, RSP, 16, 1}, {0x100f, RSP, 8, 0},
                                         {0x1080, RSP, 8, 0},  {0x1081, RSP, 16, 1}, {0x1082, RSP, 24, 2},
                                         {0x1085, RBP, 24, 2}, {0x1088, RBP, 24, 2}, {0x1089, RBP, 24, 2},
                                         {0x108d, RSP, 24, 2}, {0x108e, RSP, 16, 1}, {0x108f, RSP, 8, 0}};
    struct made m;
    make(&m, image(), NULL);
    frames_are(&m, want, sizeof want / sizeof want[0]);
    done(&m);
}

/* Code that no table has: it is called. And without tables all is deduced. */
static void test_without_tables(void **state)
{
    static const struct wanted leaf[] = {{0x1100, RSP, 8, 0}, {0x1101, RSP, 16, 0}, {0x1103, RSP, 8, 0}};
    static const struct wanted fixed[] = {{0x1005, RSP, 48, 1}, {0x100e, RSP, 16, 1}, {0x100f, RSP, 8, 0}};
    struct made m;
    make(&m, image(), NULL);
    frames_are(&m, leaf, 3);
    done(&m);
    uint8_t *bare = image();
    set(bare, OPTIONAL + 112 + 8 * 3, 0, 8);
    make(&m, bare, NULL);
    frames_are(&m, leaf, 3);
    frames_are(&m, fixed, 3);
    done(&m);
}

/* A function in two parts: the second one's information is chained to the first one's. And an interrupt's frame. */
static void test_chained(void **state)
{
    static const uint8_t chained[] = {1 | 4 << 3, 0, 0, 0, 0, 0x10, 0, 0, 0x10, 0x10, 0, 0, 0, 0x21, 0, 0};
    static const uint8_t machine[] = {1, 1,    2, 0,
                                      1, 0x00, 0, 0x1a}; /* push rax, a frame with an error code */
    static const struct wanted inner[] = {{0x1085, RSP, 48, 1}, {0x1088, RSP, 48, 1}};
    struct made m;
    struct symbol_frame f;
    uint8_t *bytes = image();
    put_unwind(bytes, 1, CODE + 0x80, CODE + 0x89, chained, sizeof chained);
    make(&m, bytes, NULL);
    frames_are(&m, inner, 2);
    done(&m);
    bytes = image();
    put_unwind(bytes, 1, CODE + 0x80, CODE + 0x89, machine, sizeof machine);
    make(&m, bytes, NULL);
    assert_true(symbols_frame(m.s, SPACE_KERNEL, BASE + 0x1080, SYMBOLS_NOW, &f));
    assert_int_equal(f.flags, FRAME_WIDE | FRAME_INTERRUPT);
    assert_int_equal(f.offset, 16); /* the error code; the address is below the CFA */
    assert_true(symbols_frame(m.s, SPACE_KERNEL, BASE + 0x1081, SYMBOLS_NOW, &f));
    assert_int_equal(f.offset, 24);
    done(&m);
}

/* A handler in assembly: the processor's frame is above a vector and an error code. */
static void test_interrupt(void **state)
{
    static const uint8_t handler[] = {0x55, 0x48, 0x89, 0xe5, 0x90, 0x48, 0x89, 0xec,
                                      0x5d, 0x48, 0x83, 0xc4, 0x10, 0x48, 0xcf};
    struct made m;
    struct symbol_frame f;
    uint8_t *bytes = image();
    memcpy(bytes + CODE + 0x180, handler, sizeof handler);
    make(&m, bytes, NULL);
    assert_true(symbols_frame(m.s, SPACE_KERNEL, BASE + 0x1184, SYMBOLS_NOW, &f));
    assert_int_equal(f.flags, FRAME_WIDE | FRAME_INTERRUPT);
    assert_int_equal(f.base, RBP);
    assert_int_equal(f.offset, 8 + 16 + 8);
    assert_int_equal(f.nsaved, 2);
    done(&m);
}

static void test_damaged_image(void **state)
{
    uint64_t seed = 1;
    for (unsigned round = 0; round < 300; round++) {
        struct made m = {.s = symbols_new()};
        uint8_t *p = image();
        for (unsigned i = 0; i < 20; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            p[(seed >> 40) % (i % 2 ? IMAGE : 0x200)] = (uint8_t)(seed >> 32);
            p[TABLES + (seed >> 20) % 0x300] = (uint8_t)(seed >> 50);
        }
        const struct symbol_module own = {.name = "Made", .bytes = p, .size = IMAGE - seed % 0x3000};
        symbols_add_module(m.s, &own, NULL, NULL, NULL);
        symbols_free(m.s);
        free(p);
    }
}

/* ---------------------------------------------------------------- a PDB file */

enum { BLOCK = 512, STREAMS = 10, S_OBJECT = 5, S_RECORDS = 6, S_SECTIONS = 7, S_NAMES = 8, ROOM = 4096 };

struct stream {
    uint8_t b[ROOM];
    size_t n;
};

static void put(struct stream *s, uint64_t v, unsigned width)
{
    set(s->b, s->n, v, width);
    s->n += width;
}

static void put_text(struct stream *s, const char *text)
{
    strcpy((char *)s->b + s->n, text);
    s->n += strlen(text) + 1;
}

static void align(struct stream *s)
{
    s->n = (s->n + 3) & ~(size_t)3;
}

static size_t begin_record(struct stream *s, unsigned kind)
{
    put(s, 0, 2);
    put(s, kind, 2);
    return s->n - 4;
}

static void end_record(struct stream *s, size_t at)
{
    align(s);
    set(s->b, at, s->n - at - 2, 2);
}

static void put_function(struct stream *s, unsigned kind, uint32_t offset, uint32_t size, const char *name)
{
    size_t at = begin_record(s, kind);
    for (unsigned i = 0; i < 3; i++)
        put(s, 0, 4);
    put(s, size, 4);
    for (unsigned i = 0; i < 3; i++)
        put(s, 0, 4);
    put(s, offset, 4);
    put(s, 1, 2);
    put(s, 0, 1);
    put_text(s, name);
    end_record(s, at);
}

/* Functions, a subsection of files and one of lines. Returns the bytes of symbols and lines. */
static void put_object(struct stream *s, uint32_t *symbols, uint32_t *lines)
{
    put(s, 4, 4);
    put_function(s, 0x1110, 0, 16, "Fixed");
    put_function(s, 0x110f, 0x80, 20, "Framed");
    *symbols = (uint32_t)s->n;
    put(s, 0xf4, 4);
    put(s, 8, 4);
    put(s, 1, 4); /* a name */
    put(s, 0, 4);
    put(s, 0xf2, 4);
    put(s, 12 + 12 + 16, 4);
    put(s, 0, 4);
    put(s, 1, 4);
    put(s, 16, 4);
    put(s, 0, 4); /* the file */
    put(s, 2, 4);
    put(s, 12 + 16, 4);
    put(s, 0, 4);
    put(s, 0x80000000 | 41, 4);
    put(s, 5, 4);
    put(s, 42, 4);
    *lines = (uint32_t)s->n - *symbols;
}

static void put_dbi(struct stream *s, uint32_t symbols, uint32_t lines)
{
    s->n = 64;
    set(s->b, 0, UINT32_MAX, 4);
    set(s->b, 20, S_RECORDS, 2);
    s->n += 34;
    put(s, S_OBJECT, 2);
    put(s, symbols, 4);
    put(s, 0, 4);
    put(s, lines, 4);
    s->n = 64 + 64;
    put_text(s, "object");
    put_text(s, "object");
    align(s);
    set(s->b, 24, s->n - 64, 4);
    set(s->b, 48, 22, 4);
    for (unsigned i = 0; i < 11; i++)
        put(s, i == 5 ? S_SECTIONS : 0xffff, 2);
}

/* A file with these streams. */
static uint8_t *pdb(size_t *size)
{
    struct stream *s = calloc(STREAMS, sizeof *s);
    uint32_t symbols, lines;
    put(&s[1], 20000404, 4);
    put(&s[1], 0, 4);
    put(&s[1], 1, 4);
    memcpy(s[1].b + s[1].n, guid, sizeof guid);
    s[1].n += sizeof guid;
    put(&s[1], 7, 4); /* names of streams: strings, and pairs in a table of one word of bits */
    put_text(&s[1], "/names");
    put(&s[1], 1, 4);
    put(&s[1], 1, 4);
    put(&s[1], 1, 4);
    put(&s[1], 1, 4);
    put(&s[1], 0, 4);
    put(&s[1], 0, 4);
    put(&s[1], S_NAMES, 4);
    put_object(&s[S_OBJECT], &symbols, &lines);
    put_dbi(&s[3], symbols, lines);
    size_t at = begin_record(&s[S_RECORDS], 0x110e);
    put(&s[S_RECORDS], 2, 4);
    put(&s[S_RECORDS], 0x100, 4);
    put(&s[S_RECORDS], 1, 2);
    put_text(&s[S_RECORDS], "Leaf");
    end_record(&s[S_RECORDS], at);
    s[S_SECTIONS].n = 40;
    set(s[S_SECTIONS].b, 12, CODE, 4);
    set(s[S_SECTIONS].b, 36, 0x20, 4);
    put(&s[S_NAMES], 0xeffeeffe, 4);
    put(&s[S_NAMES], 1, 4);
    put(&s[S_NAMES], 8, 4);
    put(&s[S_NAMES], 0, 1);
    put_text(&s[S_NAMES], "made.c");

    static const char magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                  "DS\0\0";
    *size = BLOCK * (4 + STREAMS * ROOM / BLOCK);
    uint8_t *file = calloc(1, *size), *directory = file + 2 * BLOCK;
    uint32_t block = 4;
    size_t list = 4 + 4 * STREAMS;
    memcpy(file, magic, sizeof magic);
    set(file, 32, BLOCK, 4);
    set(file, 52, 1, 4);
    set(file, BLOCK, 2, 4);
    set(directory, 0, STREAMS, 4);
    for (unsigned i = 0; i < STREAMS; i++) {
        set(directory, 4 + 4 * i, s[i].n, 4);
        for (size_t done = 0; done < s[i].n; done += BLOCK, list += 4, block++) {
            set(directory, list, block, 4);
            memcpy(file + (size_t)block * BLOCK, s[i].b + done, BLOCK);
        }
    }
    set(file, 44, list, 4);
    free(s);
    return file;
}

/* ---------------------------------------------------------------- files */

struct folder {
    char path[64], file[128];
};

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/modules.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/made up.PDB", f->path);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;
    unlink(f->file);
    rmdir(f->path);
    free(f);
    return 0;
}

static void write_file(const char *path, const uint8_t *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

static void text_is(const struct made *m, uint32_t address, const char *want)
{
    char text[100];
    symbols_text(m->s, SPACE_KERNEL, BASE + address, SYMBOLS_NOW, text, sizeof text);
    assert_string_equal(text, want);
}

/* Given as a file, and found in a folder: functions, lines. */
static void test_pdb(void **state)
{
    const struct folder *f = *state;
    size_t n;
    uint8_t *file = pdb(&n);
    write_file(f->file, file, n);
    free(file);
    for (unsigned folder = 0; folder < 2; folder++) {
        struct symbol_files *files = symbol_files_new();
        struct made m;
        struct error err;
        const char *source;
        unsigned line;
        bool fixed;
        assert_int_equal(symbol_files_add(files, folder ? f->path : f->file, &fixed, &err), 0);
        assert_false(fixed);
        assert_true(!symbol_files_unused(files, 0) == (folder == 1));
        make(&m, image(), files);
        assert_null(symbol_files_unused(files, 0));
        assert_string_equal(m.said, "");
        text_is(&m, 0x10, "Made+0x10 [Made]");
        text_is(&m, 0x1005, "Fixed+0x5 [Made]");
        text_is(&m, 0x1081, "Framed+0x1 [Made]");
        text_is(&m, 0x1100, "Leaf [Made]");
        assert_true(symbols_line(m.s, SPACE_KERNEL, BASE + 0x1004, SYMBOLS_NOW, &source, &line));
        assert_string_equal(source, "made.c");
        assert_int_equal(line, 41);
        assert_true(symbols_line(m.s, SPACE_KERNEL, BASE + 0x100f, SYMBOLS_NOW, &source, &line));
        assert_int_equal(line, 42);
        assert_false(symbols_line(m.s, SPACE_KERNEL, BASE + 0x1010, SYMBOLS_NOW, &source, &line));
        symbol_files_free(files);
        done(&m);
    }
}

/* Of another build: that is said, and the module is as if there were no file. */
static void test_other_build(void **state)
{
    const struct folder *f = *state;
    size_t n;
    uint8_t *file = pdb(&n), *bytes = image();
    struct symbol_files *files = symbol_files_new();
    struct made m;
    struct error err;
    bool fixed;
    write_file(f->file, file, n);
    assert_int_equal(symbol_files_add(files, f->file, &fixed, &err), 0);
    bytes[RECORD + 4] ^= 1;
    make(&m, bytes, files);
    assert_non_null(strstr(m.said, "made up.PDB: is of another build of the module"));
    assert_string_equal(symbol_files_unused(files, 0), f->file);
    text_is(&m, 0x1005, "Made+0x1005 [Made]");
    symbol_files_free(files);
    done(&m);
    free(file);
}

/* Cut off everywhere, and with wrong bytes: an error with the file's name, or symbols. */
static void test_damaged_pdb(void **state)
{
    size_t n;
    uint8_t *file = pdb(&n);
    uint64_t seed = 1;
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t *copy = malloc(n);
        struct symbols *s = symbols_new();
        struct symbol_table *t = symbol_table_begin(s, "x", "pdb");
        struct error err = {.text = ""};
        memcpy(copy, file, n);
        for (unsigned i = 0; i < round % 8; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            copy[(seed >> 33) % (i % 2 ? n : 3 * BLOCK)] = (uint8_t)(seed >> 25);
        }
        const size_t size = round % 8 ? n : n - (seed >> 33) % n;
        if (symbol_table_read_pdb(t, "x.pdb", copy, size, &err))
            assert_int_equal(strncmp(err.text, "x.pdb: ", 7), 0);
        symbol_table_free(t);
        symbols_free(s);
        free(copy);
    }
    free(file);
}

static void test_no_file(void **state)
{
    struct symbol_files *files = symbol_files_new();
    struct error err;
    bool fixed;
    assert_int_equal(symbol_files_add(files, "/nonexistent/x.pdb", &fixed, &err), -1);
    assert_string_equal(err.text, "/nonexistent/x.pdb: No such file or directory");
    assert_int_equal(symbol_files_add(files, "/proc/self/exe", &fixed, &err), 0);
    symbol_files_free(files);
}

/* --seeds FOLDER: for fuzz_pdb and fuzz_efi. */
static int write_seeds(const char *folder)
{
    char path[300];
    size_t n;
    uint8_t *file = pdb(&n), *bytes = image();
    snprintf(path, sizeof path, "%s/pdb", folder);
    write_file(path, file, n);
    snprintf(path, sizeof path, "%s/image", folder);
    write_file(path, bytes, IMAGE);
    free(file);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_without_tables),
        cmocka_unit_test(test_chained),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_damaged_image),
        cmocka_unit_test_setup_teardown(test_pdb, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_other_build, make_folder, remove_folder),
        cmocka_unit_test(test_damaged_pdb),
        cmocka_unit_test(test_no_file),
    };
    if (argc == 3 && !strcmp(argv[1], "--seeds"))
        return write_seeds(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
