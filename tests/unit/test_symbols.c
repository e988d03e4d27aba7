/* test_symbols.c - symbol tables, mappings and their notes; ELF files and System.map, good and broken. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "bios/builtin.h"
#include "core/symbols/private/impl.h"
#include "core/symbols/private/lines_dwarf.h"

/* ---------------------------------------------------------------- tables and mappings */

static const struct symbol_table *kernel_table(struct symbols *s)
{
    struct symbol_table *t = symbol_table_begin(s, "kernel", "kallsyms");
    symbol_table_add(t, "current_task", 0x1fbc0, 0, 'A', SYMBOL_ABSOLUTE);
    symbol_table_add(t, "start_kernel", 0xffffffff81000100, 0, 'T', 0);
    symbol_table_add(t, "_text", 0xffffffff81000000, 0, 'T', 0);
    symbol_table_add(t, "startup_64", 0xffffffff81000000, 0, 'T', 0);
    symbol_table_add(t, "helper", 0xffffffff81000180, 16, 't', SYMBOL_SIZED);
    symbol_table_add(t, "helper", 0xffffffff81000200, 16, 't', SYMBOL_SIZED);
    symbol_table_add(t, "data", 0xffffffff82000000, 8, 'D', SYMBOL_SIZED);
    symbol_table_add_line(t, 0xffffffff81000110, "init/main.c", 12);
    symbol_table_add_line(t, 0xffffffff81000100, "init/main.c", 10);
    symbol_table_add_line(t, 0xffffffff81000180, "", 0);
    symbol_table_add_frame(
        t,
        &(struct symbol_frame){.address = 0xffffffff81000100, .base = 7, .offset = 8, .flags = FRAME_WIDE});
    symbol_table_add_frame(t, &(struct symbol_frame){.address = 0xffffffff81000104,
                                                     .base = 7,
                                                     .offset = 16,
                                                     .flags = FRAME_WIDE,
                                                     .nsaved = 1,
                                                     .saved = {{3, -16}}});
    symbol_table_add_frame(t, &(struct symbol_frame){.address = 0xffffffff81000180, .base = FRAME_UNKNOWN});
    return symbol_table_end(t);
}

static struct symbols *sample(void)
{
    struct symbols *s = symbols_new();
    struct symbol_mapping m = {.table = kernel_table(s), .bias = 0x1000000, .since = 100};
    symbols_map(s, &m);
    return s;
}

static void text_is(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                    const char *want)
{
    char text[100];
    symbols_text(s, space, address, at, text, sizeof text);
    assert_string_equal(text, want);
}

/* What `sample` must answer, whether it was made or read back. */
static void check_sample(const struct symbols *s)
{
    struct symbol sym;
    uint64_t offset;
    const char *file;
    unsigned line;
    assert_true(symbols_find(s, SPACE_KERNEL, "start_kernel", SYMBOLS_NOW, &sym));
    assert_int_equal(sym.address, 0xffffffff82000100);
    assert_int_equal(sym.size, 0x80); /* up to the next symbol */
    assert_true(symbols_find(s, 77, "kernel:current_task", SYMBOLS_NOW, &sym));
    assert_int_equal(sym.address, 0x1fbc0);
    assert_false(symbols_find(s, SPACE_KERNEL, "start_kernel", 99, &sym));
    assert_false(symbols_find(s, SPACE_KERNEL, "other:start_kernel", SYMBOLS_NOW, &sym));
    assert_false(symbols_find(s, SPACE_KERNEL, "start_kerne", SYMBOLS_NOW, &sym));
    assert_true(symbols_find(s, SPACE_KERNEL, "helper", SYMBOLS_NOW, &sym));
    assert_int_equal(sym.address, 0xffffffff82000180);
    assert_true(symbols_find_next(s, SPACE_KERNEL, "helper", SYMBOLS_NOW, &sym));
    assert_int_equal(sym.address, 0xffffffff82000200);
    assert_false(symbols_find_next(s, SPACE_KERNEL, "helper", SYMBOLS_NOW, &sym));
    text_is(s, SPACE_KERNEL, 0xffffffff82000000, SYMBOLS_NOW, "_text"); /* the first that was added */
    text_is(s, SPACE_KERNEL, 0xffffffff82000113, SYMBOLS_NOW, "start_kernel+0x13");
    text_is(s, SPACE_KERNEL, 0xffffffff82000113, 99, "0xffffffff82000113");
    text_is(s, SPACE_KERNEL, 0xffffffff82000195, SYMBOLS_NOW,
            "0xffffffff82000195"); /* between two sized ones */
    text_is(s, SPACE_KERNEL, 0xffffffff83000004, SYMBOLS_NOW, "data+0x4");
    assert_false(symbols_at(s, SPACE_KERNEL, 0xffffffff81fffff0, SYMBOLS_NOW, &sym, &offset));
    assert_false(symbols_at(s, SPACE_KERNEL, 0x1fbc0, SYMBOLS_NOW, &sym, &offset));
    assert_true(symbols_line(s, SPACE_KERNEL, 0xffffffff8200010f, SYMBOLS_NOW, &file, &line));
    assert_string_equal(file, "init/main.c");
    assert_int_equal(line, 10);
    assert_true(symbols_line(s, SPACE_KERNEL, 0xffffffff82000110, SYMBOLS_NOW, &file, &line));
    assert_int_equal(line, 12);
    assert_false(symbols_line(s, SPACE_KERNEL, 0xffffffff82000180, SYMBOLS_NOW, &file, &line));
}

static void test_lookup(void **state)
{
    struct symbols *s = sample();
    check_sample(s);
    symbols_free(s);
}

static void test_mappings(void **state)
{
    struct symbols *s = sample();
    struct symbol sym;
    struct symbol_table *t = symbol_table_begin(s, "/bin/true", "page cache");
    symbol_table_add(t, "main", 0x1000, 0x10, 'T', SYMBOL_SIZED);
    const struct symbol_table *program = symbol_table_end(t);
    t = symbol_table_begin(s, "/bin/true", "page cache");
    symbol_table_add(t, "main", 0x1000, 0x10, 'T', SYMBOL_SIZED);
    assert_ptr_equal(symbol_table_end(t), program); /* kept once */
    symbols_map(s, &(struct symbol_mapping){.table = program, .space = 5, .bias = 0x400000, .since = 200});
    symbols_fork(s, 5, 6, 300, 0);
    symbols_unmap(s, NULL, 5, 400, 0);
    assert_true(symbols_find(s, 5, "main", 399, &sym));
    assert_false(symbols_find(s, 5, "main", 400, &sym));
    assert_false(symbols_find(s, 6, "main", 299, &sym));
    assert_true(symbols_find(s, 6, "main", SYMBOLS_NOW, &sym));
    assert_false(symbols_find(s, SPACE_KERNEL, "main", SYMBOLS_NOW, &sym));
    assert_true(symbols_find(s, SPACE_ANY, "main", SYMBOLS_NOW, &sym));
    text_is(s, 6, 0x401004, SYMBOLS_NOW, "main+0x4 [/bin/true]");
    text_is(s, 6, 0xffffffff82000101, SYMBOLS_NOW, "start_kernel+0x1");
    symbols_unmap(s, NULL, SPACE_KERNEL, 500, 0);
    text_is(s, 6, 0xffffffff82000101, SYMBOLS_NOW, "0xffffffff82000101");
    symbols_free(s);
}

/* A symbol without a size does not reach beyond what it may have, nor beyond the next. */
static void test_limits(void **state)
{
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "rom", "elf");
    symbol_table_add(t, "label", 0x1000, 0x200, 'T', 0);
    symbol_table_add(t, "last", 0x1100, 0x100, 'T', 0);
    symbol_table_add(t, "far", 0xffff0000, 16, 'T', SYMBOL_SIZED);
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t)});
    text_is(s, SPACE_KERNEL, 0x10ff, SYMBOLS_NOW, "label+0xff [rom]");
    text_is(s, SPACE_KERNEL, 0x11ff, SYMBOLS_NOW, "last+0xff [rom]");
    text_is(s, SPACE_KERNEL, 0x1200, SYMBOLS_NOW, "0x1200");
    symbols_free(s);
}

/* ---------------------------------------------------------------- notes */

struct notes {
    struct trace_note list[64];
    size_t n;
};

static void keep_note(void *ctx, const struct trace_note *note)
{
    struct notes *ns = ctx;
    struct trace_note *copy = &ns->list[ns->n++];
    assert_true(ns->n < 64);
    *copy = *note;
    copy->type = mem_string(note->type);
    copy->name = mem_string(note->name);
    copy->data = memcpy(mem_alloc(note->len + 1), note->data, note->len);
}

static void free_notes(struct notes *ns)
{
    for (size_t i = 0; i < ns->n; i++) {
        free((char *)ns->list[i].type);
        free((char *)ns->list[i].name);
        free((void *)ns->list[i].data);
    }
}

static void make_notes(struct notes *ns)
{
    struct symbols *s = symbols_new();
    symbols_sink(s, keep_note, ns);
    struct symbol_mapping m = {.table = kernel_table(s), .bias = 0x1000000, .since = 100};
    symbols_map(s, &m);
    symbols_map(s, &(struct symbol_mapping){.table = m.table, .space = 9, .bias = 0, .since = 150});
    symbols_unmap(s, m.table, 9, 160, 0);
    symbols_free(s);
}

static void test_notes(void **state)
{
    struct notes ns = {0};
    struct error err;
    make_notes(&ns);
    assert_int_equal(ns.n, 6); /* lines, frames, table, two mappings, an end */
    struct symbols *s = symbols_new();
    for (size_t i = 0; i < ns.n; i++)
        assert_int_equal(symbols_take_note(s, &ns.list[i], &err), 0);
    check_sample(s);
    assert_int_equal(symbols_mappings(s), 2);
    assert_int_equal(symbols_mapping(s, 1)->until, 160);
    symbols_free(s);
    free_notes(&ns);
}

static void map_one(struct symbols *s, const char *name, uint64_t address, symbol_space space)
{
    struct symbol_table *t = symbol_table_begin(s, name, "elf");
    symbol_table_add(t, name, address, 0x10, 'T', SYMBOL_SIZED);
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t), .space = space, .since = 1});
}

/* A process's names come before its kernel's, those before what is known of the whole machine; another guest's are not its. */
static void check_guests(const struct symbols *s)
{
    const symbol_space process = symbol_space_of(1, 5);
    text_is(s, process, 0x1000, SYMBOLS_NOW, "init [init]");
    text_is(s, process, 0x2000, SYMBOLS_NOW, "dom0 [dom0]");
    text_is(s, process, 0x3000, SYMBOLS_NOW, "xen [xen]");
    text_is(s, symbol_space_of(1, 6), 0x1000, SYMBOLS_NOW, "0x1000");
    text_is(s, symbol_space_of(0, 5), 0x1000, SYMBOLS_NOW, "0x1000");
    text_is(s, symbol_space_of(2, 0), 0x2000, SYMBOLS_NOW, "0x2000");
    text_is(s, SPACE_ANY, 0x2000, SYMBOLS_NOW, "dom0 [dom0]");
}

static void test_guest_spaces(void **state)
{
    struct notes ns = {0};
    struct error err;
    struct symbols *s = symbols_new(), *read = symbols_new();
    assert_int_equal(symbol_space_of(0, 7), 7); /* as traces have always had it */
    assert_int_equal(symbol_space_kernel(symbol_space_of(3, 7)), symbol_space_of(3, 0));
    assert_int_equal(symbol_space_kernel(SPACE_PHYSICAL), SPACE_KERNEL);
    symbols_sink(s, keep_note, &ns);
    map_one(s, "xen", 0x3000, SPACE_KERNEL);
    map_one(s, "dom0", 0x2000, symbol_space_of(1, 0));
    map_one(s, "init", 0x1000, symbol_space_of(1, 5));
    check_guests(s);
    for (size_t i = 0; i < ns.n; i++)
        assert_int_equal(symbols_take_note(read, &ns.list[i], &err), 0);
    check_guests(read);
    symbols_free(s);
    symbols_free(read);
    free_notes(&ns);
}

/* What a debugger is given of a table, and of the same after a round through notes. */
static void same_dwarf(const struct symbols *x, const struct symbols *y)
{
    static const struct lines_spans all = {.n = 0};
    struct symbols_dwarf *d[2] = {symbols_dwarf_new(true), symbols_dwarf_new(true)};
    const void *data[2];
    size_t n[2];
    symbols_dwarf_add(d[0], symbols_mapping(x, 0), &all);
    symbols_dwarf_add(d[1], symbols_mapping(y, 0), &all);
    for (unsigned i = 0; i < DWARF_SECTIONS; i++) {
        assert_non_null(symbols_dwarf_section(d[0], i, &data[0], &n[0]));
        symbols_dwarf_section(d[1], i, &data[1], &n[1]);
        assert_true(n[0] > 0);
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(data[0], data[1], n[0]);
    }
    symbols_dwarf_free(d[0]);
    symbols_dwarf_free(d[1]);
}

static const struct symbol_frame *frame_at(const struct symbol_table *t, uint64_t address)
{
    const struct symbol_frame *f = NULL;
    for (size_t i = 0; i < t->nframes && t->frames[i].address <= address; i++)
        f = &t->frames[i];
    assert_non_null(f);
    return f;
}

/* The firmware's ELF file: names, lines and frames of real-mode and of 32-bit code, assembly among it. */
static void test_firmware(void **state)
{
    struct notes ns = {0};
    struct error err;
    struct symbol sym;
    const char *file;
    unsigned line;
    size_t size;
    const uint8_t *elf = builtin_bios_symbols(&size);
    struct symbols *s = symbols_new(), *again = symbols_new();
    symbols_sink(s, keep_note, &ns);
    struct symbol_table *t = symbols_add_elf(s, "bios", elf, size, true, &err);
    assert_non_null(t);
    symbols_map(s, &(struct symbol_mapping){.table = t});
    assert_true(symbols_find(s, SPACE_KERNEL, "int13_disk", SYMBOLS_NOW, &sym));
    assert_in_range(sym.address, 0xf0000, 0xfffff);
    assert_true(symbols_line(s, SPACE_KERNEL, sym.address, SYMBOLS_NOW, &file, &line));
    assert_string_equal(file, "bios/disk.c");
    const struct symbol_frame *f = frame_at(t, sym.address);
    assert_int_equal(f->flags, FRAME_SEGMENTED);
    assert_int_equal(f->base, 4);
    assert_int_equal(f->offset, 4); /* at its first instruction nothing but the return address was pushed */
    assert_true(symbols_find(s, SPACE_KERNEL, "acpi_init", SYMBOLS_NOW, &sym));
    assert_in_range(sym.address, 0xfffe0000, 0xfffe7fff);
    assert_int_equal(frame_at(t, sym.address)->flags, 0);
    assert_true(symbols_find(s, SPACE_KERNEL, "service_call", SYMBOLS_NOW, &sym));
    assert_int_equal(frame_at(t, sym.address)->flags, FRAME_SEGMENTED | FRAME_OUTERMOST);
    assert_true(symbols_find(s, SPACE_KERNEL, "to_real16", SYMBOLS_NOW, &sym));
    assert_int_equal(frame_at(t, sym.address)->flags, 0); /* assembly of the 32-bit part */
    text_is(s, SPACE_KERNEL, 0x7c00, SYMBOLS_NOW, "0x7c00");
    text_is(s, SPACE_KERNEL, 0x100000, SYMBOLS_NOW, "0x100000");
    /* The reset vector is executed in the ROM. */
    text_is(s, SPACE_KERNEL, 0xfffffff0, SYMBOLS_NOW, "0xfffffff0");
    const char *const functions[] = {"reset_vector", "no_such_function", NULL};
    const struct symbol_table *rom = symbols_add_copy(s, "rom", t, functions, 0xfff00000);
    assert_int_equal(symbol_table_count(rom), 1);
    symbols_map(s, &(struct symbol_mapping){.table = rom});
    text_is(s, SPACE_KERNEL, 0xfffffff0, SYMBOLS_NOW, "reset_vector [rom]");
    assert_true(symbols_line(s, SPACE_KERNEL, 0xfffffff0, SYMBOLS_NOW, &file, &line));
    assert_string_equal(file, "bios/reset.S");
    assert_int_equal(frame_at(rom, 0xfffffff0)->flags, FRAME_SEGMENTED | FRAME_OUTERMOST);
    text_is(s, SPACE_KERNEL, sym.address, SYMBOLS_NOW, "to_real16 [bios]");
    for (size_t i = 0; i < ns.n; i++)
        assert_int_equal(symbols_take_note(again, &ns.list[i], &err), 0);
    same_dwarf(s, again);
    symbols_free(s);
    symbols_free(again);
    free_notes(&ns);
}

/* A note whose bytes are cut or changed is refused, or says something else, but does no harm. */
static void test_damaged_notes(void **state)
{
    struct notes ns = {0};
    struct error err;
    unsigned refused = 0;
    make_notes(&ns);
    for (unsigned round = 0; round < 4000; round++) {
        struct symbols *s = symbols_new();
        size_t victim = round % ns.n;
        for (size_t i = 0; i < ns.n; i++) {
            struct trace_note note = ns.list[i];
            uint8_t *bytes = memcpy(mem_alloc(note.len + 1), note.data, note.len);
            if (i == victim && round & 1)
                note.len = note.len * (round % 97) / 97;
            else if (i == victim)
                bytes[1 + round / ns.n * 7 % (note.len - 1)] ^= (uint8_t)(1 + round % 255);
            note.data = bytes;
            bool bad = symbols_take_note(s, &note, &err);
            refused += bad;
            free(bytes);
        }
        symbols_free(s);
    }
    assert_true(refused > 100);
    free_notes(&ns);
}

/* ---------------------------------------------------------------- ELF */

static void *read_self(size_t *n)
{
    FILE *f = fopen("/proc/self/exe", "rb");
    assert_non_null(f);
    char *p = mem_alloc(64 << 20);
    *n = fread(p, 1, 64 << 20, f);
    fclose(f);
    return p;
}

static void test_elf(void **state)
{
    struct symbols *s = symbols_new();
    struct error err;
    struct symbol sym;
    size_t n;
    const char *file;
    unsigned line;
    uint64_t vaddr, offset;
    char *self = read_self(&n);
    struct symbol_table *t = symbols_add_elf(s, "self", self, n, true, &err);
    assert_non_null(t);
    symbols_map(s, &(struct symbol_mapping){.table = t, .bias = 0x10000000});
    assert_true(symbols_find(s, SPACE_KERNEL, "test_elf", SYMBOLS_NOW, &sym));
    assert_int_equal(sym.type, 't');
    assert_true(sym.size > 50);
    assert_true(symbols_line(s, SPACE_KERNEL, sym.address, SYMBOLS_NOW, &file, &line));
    assert_string_equal(file, "tests/unit/test_symbols.c");
    assert_in_range(line, 150, 400);
    assert_int_equal(symbols_elf_base(self, n, &vaddr, &offset), 0);
    assert_true(sym.address - 0x10000000 >= vaddr);
    /* Broken ones: an error in one line, or symbols, but no harm. */
    assert_null(symbols_add_elf(s, "text", "hello, this is no ELF", 21, true, &err));
    assert_non_null(strstr(err.text, "not an ELF"));
    assert_null(symbols_add_elf(s, "cut", self, 100, true, &err));
    assert_null(symbols_add_elf_file(s, "/nonexistent/file", &err));
    assert_non_null(strstr(err.text, "/nonexistent/file"));
    free(self);
    symbols_free(s);
}

struct collected {
    const char *from;
    char *to;
    size_t size, bytes;
};

static void collect_part(void *ctx, size_t offset, size_t n)
{
    struct collected *c = ctx;
    assert_true(n && offset < c->size && n <= c->size - offset);
    memcpy(c->to + offset, c->from + offset, n);
    c->bytes += n;
}

/* The parts that are collected say as much as the file. */
static void test_elf_collect(void **state)
{
    struct symbols *s = symbols_new();
    struct error err;
    struct collected c = {0};
    char *self = read_self(&c.size);
    c.from = self;
    c.to = mem_zero(1, c.size);
    symbols_elf_collect(c.to, c.size, collect_part, &c);
    const struct symbol_table *whole = symbols_add_elf(s, "whole", self, c.size, false, &err),
                              *parts = symbols_add_elf(s, "parts", c.to, c.size, false, &err);
    struct symbol a, b;
    uint64_t vaddr[2], offset[2];
    assert_non_null(parts);
    assert_int_equal(symbol_table_count(parts), symbol_table_count(whole));
    for (size_t i = 0; i < symbol_table_count(whole); i++) {
        symbol_table_symbol(whole, i, &a);
        symbol_table_symbol(parts, i, &b);
        assert_string_equal(a.name, b.name);
        assert_true(a.address == b.address && a.size == b.size && a.type == b.type);
    }
    assert_int_equal(symbols_elf_base(self, c.size, &vaddr[0], &offset[0]), 0);
    assert_int_equal(symbols_elf_base(c.to, c.size, &vaddr[1], &offset[1]), 0);
    assert_true(vaddr[0] == vaddr[1] && offset[0] == offset[1]);
    assert_true(c.bytes < c.size / 2);
    /* Where sections overlap, not the same again and again. */
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)self;
    Elf64_Shdr *section = (Elf64_Shdr *)(self + head->e_shoff);
    for (unsigned i = 1; i < head->e_shnum; i++)
        section[i] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_size = c.size};
    memset(c.to, 0, c.size);
    c.bytes = 0;
    symbols_elf_collect(c.to, c.size, collect_part, &c);
    assert_true(head->e_shnum > 10 && c.bytes >= c.size && c.bytes < 2 * c.size);
    /* Not beyond the end of a file that was cut. */
    for (c.size = 1; c.size < 1 << 20; c.size += c.size / 3 + 1) {
        memset(c.to, 0, c.size);
        symbols_elf_collect(c.to, c.size, collect_part, &c);
    }
    free(self);
    free(c.to);
    symbols_free(s);
}

/* What is collected of the file at c->from, under that name. */
static struct symbol_table *add_collected(struct symbols *s, const char *name, struct collected *c)
{
    struct error err;
    memset(c->to, 0, c->size);
    const struct elf_identity id = symbols_elf_collect(c->to, c->size, collect_part, c);
    return symbols_add_collected(s, name, c->to, c->size, &id, &err);
}

/* A program that is executed again: the table that it has, unless the file or its path is another one. */
static void test_elf_again(void **state)
{
    struct symbols *s = symbols_new();
    struct error err;
    struct collected c = {0};
    char *self = read_self(&c.size);
    c.from = self;
    c.to = mem_zero(1, c.size);
    struct symbol_table *t = add_collected(s, "/bin/self", &c);
    assert_non_null(t);
    assert_ptr_equal(add_collected(s, "/bin/self", &c), t);
    struct symbol_table *moved = add_collected(s, "/bin/other", &c);
    assert_ptr_not_equal(moved, t);
    assert_ptr_equal(add_collected(s, "/bin/other", &c), moved);
    /* Other bytes, of which the symbols say nothing, are another file with an equal table. */
    self[c.size - 1] ^= 1;
    assert_ptr_equal(add_collected(s, "/bin/self", &c), t);
    /* Another program under that path. */
    Elf64_Ehdr *head = (Elf64_Ehdr *)self;
    const Elf64_Shdr *section = (const Elf64_Shdr *)(self + head->e_shoff);
    for (unsigned i = 1; i < head->e_shnum; i++)
        if (section[i].sh_type == SHT_SYMTAB)
            ((Elf64_Sym *)(self + section[i].sh_offset))[section[i].sh_size / sizeof(Elf64_Sym) - 1]
                .st_value += 16;
    assert_ptr_not_equal(add_collected(s, "/bin/self", &c), t);
    /* With lines it is another table than without. */
    assert_ptr_not_equal(symbols_add_elf(s, "/bin/self", self, c.size, true, &err), t);
    free(self);
    free(c.to);
    symbols_free(s);
}

/* A library of the distribution: no debug sections, and no symbols of its own functions, but call frames of all. */
static void test_stripped(void **state)
{
    static const char path[] = "/lib/x86_64-linux-gnu/libc.so.6";
    struct symbols *s = symbols_new();
    struct error err;
    struct symbol sym;
    struct symbol_frame f;
    bool unnamed = false;
    struct symbol_table *t = symbols_add_elf_file(s, path, &err);
    if (!t) {
        symbols_free(s);
        skip();
    }
    symbols_map(s, &(struct symbol_mapping){.table = t, .bias = 0x10000000});
    assert_true(symbols_find(s, SPACE_KERNEL, "__libc_start_main", SYMBOLS_NOW, &sym));
    assert_true(symbols_frame(s, SPACE_KERNEL, sym.address, SYMBOLS_NOW, &f));
    assert_int_equal(f.offset, 8);
    for (uint64_t a = sym.address - 4096; a < sym.address && !unnamed; a++)
        unnamed = !symbols_at(s, SPACE_KERNEL, a, SYMBOLS_NOW, &sym, NULL) &&
                  symbols_frame(s, SPACE_KERNEL, a, SYMBOLS_NOW, &f);
    assert_true(unnamed);
    symbols_free(s);
}

struct tested_inner {
    char first;
    union {
        int of_union;
        long wide_of_union;
    };
    unsigned bits : 3;
    uint16_t array[5];
};
struct tested {
    struct tested_inner inner, *pointer;
    const struct {
        char named;
    } last;
};

static void keep_members(void *ctx, const struct trace_note *note)
{
    struct symbols *copy = ctx;
    struct error err;
    assert_int_equal(symbols_take_note(copy, note, &err), 0);
}

static void check_member(const struct symbol_table *t, const char *type, const char *name, size_t offset,
                         size_t size)
{
    struct symbol_member m;
    assert_true(symbol_table_member(t, type, name, &m));
    assert_int_equal(m.offset, offset);
    assert_int_equal(m.size, size);
}

/* Members as this program's own DWARF has them, and again from a trace's notes. */
static void test_members(void **state)
{
    static const char *const structures[] = {"tested", "tested_inner", "missing", NULL};
    struct symbols *s = symbols_new(), *copy = symbols_new(), *other = symbols_new();
    struct error err;
    struct symbol_member m;
    struct tested used = {.inner = {.bits = 1}}; /* or its type is not in the debug information */
    size_t n;
    char *self = read_self(&n);
    assert_int_equal(used.inner.bits, 1);
    symbols_want_members(other, 77, structures);
    assert_int_equal(symbol_table_members(symbols_add_elf(other, "not", self, n, true, &err)), 0);
    symbols_want_members(s, (uint8_t)self[7], structures); /* EI_OSABI */
    symbols_sink(s, keep_members, copy);
    struct symbol_table *t = symbols_add_elf(s, "self", self, n, true, &err);
    assert_non_null(t);
    symbols_map(s, &(struct symbol_mapping){.table = t});
    for (int again = 0; again < 2; again++) {
        const struct symbol_table *of = again ? symbols_mapping(copy, 0)->table : t;
        check_member(of, "tested", "pointer", offsetof(struct tested, pointer), sizeof(void *));
        check_member(of, "tested", "inner", 0, sizeof(struct tested_inner));
        check_member(of, "tested", "last", offsetof(struct tested, last), 1);
        check_member(of, "tested_inner", "of_union", offsetof(struct tested_inner, of_union), sizeof(int));
        check_member(of, "tested_inner", "wide_of_union", offsetof(struct tested_inner, of_union),
                     sizeof(long));
        check_member(of, "tested_inner", "array", offsetof(struct tested_inner, array), 10);
        assert_false(symbol_table_member(of, "tested_inner", "bits", &m));
        assert_int_equal(symbol_table_members(of), 7);
        assert_string_equal(symbol_table_members_from(of), "DWARF");
    }
    free(self);
    symbols_free(other);
    symbols_free(s);
    symbols_free(copy);
}

/* Headers and section headers changed at random. Without lines: libdw is trusted with files that a person
 * gives, not more. */
static void test_broken_elf(void **state)
{
    size_t n;
    char *self = read_self(&n);
    uint64_t shoff, seed = 1;
    memcpy(&shoff, self + 0x28, 8);
    for (unsigned round = 0; round < 60; round++) {
        struct symbols *s = symbols_new();
        char old[8];
        size_t at[8];
        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            at[i] = i & 1 ? 0x10 + (seed >> 33) % 48 : shoff + (seed >> 33) % (n - shoff);
            old[i] = self[at[i]];
            self[at[i]] ^= (char)(seed >> 56);
        }
        symbols_add_elf(s, "broken", self, n, false, NULL);
        for (unsigned i = 8; i-- > 0;)
            self[at[i]] = old[i];
        symbols_free(s);
    }
    free(self);
}

/* ---------------------------------------------------------------- System.map */

static void test_map(void **state)
{
    char path[] = "/tmp/test_symbols.XXXXXX";
    int fd = mkstemp(path);
    static const char good[] = "0000000000000000 D __per_cpu_start\n000000000001fbc0 D current_task\n"
                               "ffffffff81000000 T _text\nffffffff81000040 t early\nc1000000 T narrow\n";
    struct symbols *s = symbols_new();
    struct symbol sym;
    struct error err;
    assert_true(write(fd, good, sizeof good - 1) == sizeof good - 1);
    assert_true(symbols_is_map(path));
    struct symbol_table *t = symbols_add_map_file(s, path, &err);
    assert_non_null(t);
    assert_int_equal(symbol_table_count(t), 5);
    assert_true(symbol_table_find(t, "early", &sym));
    assert_int_equal(sym.address, 0xffffffff81000040);
    assert_int_equal(sym.type, 't');
    assert_false(sym.flags & SYMBOL_ABSOLUTE);
    assert_true(symbol_table_find(t, "current_task", &sym));
    assert_true(sym.flags & SYMBOL_ABSOLUTE);
    assert_true(write(fd, "nothing of the kind\n", 20) == 20);
    assert_null(symbols_add_map_file(s, path, &err));
    assert_non_null(strstr(err.text, "line 6 is not"));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_false(symbols_is_map(path));
    assert_null(symbols_add_map_file(s, "/no/such/file", &err));
    assert_false(symbols_is_map("/no/such/file"));
    close(fd);
    unlink(path);
    symbols_free(s);
}

/* ---------------------------------------------------------------- spaces */

/* Mappings of other spaces are not in the way, and those of a space go on in their order. */
static void test_spaces(void **state)
{
    struct symbols *s = symbols_new();
    const symbol_space child = symbol_space_of(2, 8), first = symbol_space_of(2, 7);
    struct symbol_mapping m = {.table = kernel_table(s), .space = first, .bias = 0x1000, .since = 100};
    symbols_map(s, &m);
    symbols_map(s, &(struct symbol_mapping){.table = m.table, .space = 7, .bias = 0x2000, .since = 110});
    m.bias = 0x3000;
    symbols_map(s, &m);
    symbols_fork(s, first, child, 120, 0);
    symbols_unmap(s, NULL, first, 130, 0);
    assert_int_equal(symbols_mappings(s), 5);
    assert_int_equal(symbols_mapping(s, 3)->bias, 0x1000);
    assert_int_equal(symbols_mapping(s, 4)->bias, 0x3000);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(symbols_mapping(s, i)->until, i == 0 || i == 2 ? 130 : 0);
    symbols_unmap(s, NULL, child, 140, 0);
    symbols_unmap(s, NULL, 7, 150, 0);
    assert_int_equal(symbols_guest_from(s, 0, 105), 2);
    assert_int_equal(symbols_guest_from(s, 0, 115), 0);
    assert_int_equal(symbols_guest_from(s, 1, 139), 2);
    assert_int_equal(symbols_guest_from(s, 1, 140), -1);
    assert_int_equal(symbols_guest_from(s, 0, 140), 0);
    assert_int_equal(symbols_guest_from(s, 0, 150), -1);
    symbols_free(s);
}

/* A damaged note cannot map a table everywhere, or end all mappings. */
static void found_are(const struct symbols *s, const char *text, const char *expected)
{
    struct symbol_search q = symbols_search(s, SPACE_KERNEL, text, SYMBOLS_NOW);
    struct symbol sym;
    char all[400] = "";
    while (symbols_search_next(&q, &sym))
        snprintf(all + strlen(all), sizeof all - strlen(all), " %s@%llx", sym.name,
                 (unsigned long long)sym.address);
    assert_string_equal(all, expected);
}

/* Copies of a function are found where nothing has its own name; what patterns match, and parts that were put apart. */
static void test_search(void **state)
{
    static const char *const names[] = {"push.constprop.0", "push.isra.0.cold", "push.isra.0",  "pop",
                                        "pop.part.1",       "pop.cold",         "pushed.other", "__pfx_pop"};
    struct symbols *s = symbols_new();
    struct symbol_table *t = symbol_table_begin(s, "kernel", "kallsyms");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        symbol_table_add(t, names[i], 0x1000 + 0x10 * i, 0x10, 't', SYMBOL_SIZED);
    symbol_table_add(t, "push_data", 0x2000, 8, 'd', SYMBOL_SIZED);
    symbols_map(s, &(struct symbol_mapping){.table = symbol_table_end(t), .bias = 0x100000});
    found_are(s, "push", " push.constprop.0@101000 push.isra.0@101020");
    found_are(s, "kernel:push", " push.constprop.0@101000 push.isra.0@101020");
    found_are(s, "module:push", "");
    found_are(s, "pop", " pop@101030");
    found_are(s, "pop.cold", " pop.cold@101050");
    found_are(s, "pushed", "");
    found_are(s, "p?p*", " pop@101030 pop.part.1@101040");
    found_are(s, "push*", " push.constprop.0@101000 push.isra.0@101020 pushed.other@101060");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) { /* the room before a function is none */
        const struct symbol sym = {.name = names[i], .type = 't'};
        assert_int_equal(symbol_is_called(&sym), i != 7);
    }
    assert_false(symbol_is_called(&(struct symbol){.name = "push_data", .type = 'd'}));
    assert_true(symbol_name_matches("kernel:p*", "pop") && !symbol_name_matches("p*", "top"));
    symbols_free(s);
}

/* This program is one that runs under a kernel, and no other; what was executed is told by its headers. */
static void test_program(void **state)
{
    static const char self[] = "/proc/self/exe";
    enum { SIZE = 1 << 16 };
    char name[64];
    uint8_t *head = calloc(1, SIZE);
    FILE *f = fopen(self, "r");
    assert_non_null(f);
    const size_t n = fread(head, 1, SIZE, f);
    fclose(f);
    assert_true(symbols_is_program(self) && !symbols_kernel_module(self, name, sizeof name));
    assert_false(symbols_is_program("/dev/null"));
    assert_false(symbols_is_program("build/release/bios/bios.elf"));
    assert_true(symbols_same_program(self, head, n));
    assert_false(symbols_same_program("/bin/true", head, n));
    assert_false(symbols_same_program(self, head, 10));
    free(head);
}

static void test_note_of_any_space(void **state)
{
    enum { MAP = 4, SPACE_AT = 2, NINE = 18, MINUS_TWO = 3 }; /* as signed numbers are written */
    struct notes ns = {0};
    struct error err;
    make_notes(&ns);
    struct symbols *s = symbols_new();
    for (size_t i = 0; i < ns.n; i++) {
        uint8_t *data = (uint8_t *)ns.list[i].data;
        if (i >= MAP) {
            assert_int_equal(data[SPACE_AT], NINE);
            data[SPACE_AT] = MINUS_TWO;
        }
        assert_int_equal(symbols_take_note(s, &ns.list[i], &err), i < MAP ? 0 : -1);
    }
    assert_int_equal(symbols_mappings(s), 1);
    assert_int_equal(symbols_mapping(s, 0)->until, 0);
    symbols_free(s);
    free_notes(&ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_firmware),
        cmocka_unit_test(test_notes),         cmocka_unit_test(test_guest_spaces),
        cmocka_unit_test(test_damaged_notes), cmocka_unit_test(test_elf),
        cmocka_unit_test(test_elf_collect),   cmocka_unit_test(test_elf_again),
        cmocka_unit_test(test_members),       cmocka_unit_test(test_broken_elf),
        cmocka_unit_test(test_map),           cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_spaces),        cmocka_unit_test(test_note_of_any_space),
        cmocka_unit_test(test_search),        cmocka_unit_test(test_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
