/* pdb.c - symbols and lines of PDB files (MSF 7.0), as Microsoft's linker and LLVM's lld write them. See module.h.
 *
 * A file consists of blocks; a directory says which blocks each of its streams has. These streams are read: 1
 * (GUID, age, names of streams), 3 (DBI: the others' numbers, and one for each object file, with functions,
 * variables and lines), the symbol records (public symbols, the only ones that assembly has), the section
 * headers (addresses are section and offset), and /names (source files). Nothing in a file is trusted:
 * streams are copied, and each record is checked against the end of what it is in.
 *
 * Sources: LLVM, "The PDB File Format" (MSF, DBI stream, module information stream, CodeView symbol records);
 * Microsoft, microsoft-pdb, cvinfo.h (the records).
 */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/symbols/private/module.h"

enum {
    MAGIC = 32,
    STREAM_INFO = 1,
    STREAM_DBI = 3,
    STREAMS_MAX = 1 << 16,
    NO_STREAM = 0xffff,
    SECTION_HEADER = 40,
    SECTIONS_MAX = 96,
};
static const char magic[MAGIC] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                 "DS\0\0";

struct span {
    const uint8_t *p;
    size_t n;
};

struct pdb {
    const char *name; /* for messages */
    struct span file;
    uint32_t block, nblocks;
    uint8_t *directory;
    size_t directory_size;
    uint32_t nstreams;
    uint64_t *lists; /* where in the directory each stream's blocks are */
    uint64_t budget; /* bytes that may still be read: streams that share their blocks would have no end */
    struct span sections; /* stream of section headers */
    struct span names;    /* /names: its strings */
    struct symbol_table *t;
};

static int damaged(const struct pdb *b, const char *what, struct error *err)
{
    return error_set(err, "%.200s: is damaged: %s", b->name, what);
}

/* The n bytes at an offset; NULL if they are not all there. */
static const uint8_t *at(struct span s, uint64_t offset, uint64_t n)
{
    return offset <= s.n && s.n - offset >= n ? s.p + offset : NULL;
}

static struct span part(struct span s, uint64_t offset, uint64_t n)
{
    const uint8_t *p = at(s, offset, n);
    return p ? (struct span){p, (size_t)n} : (struct span){0};
}

/* ---------------------------------------------------------------- streams */

/* Joins the blocks whose numbers are in a list to `size` bytes; to be freed. NULL if they are not all
 * there. */
static uint8_t *gather(const struct pdb *b, const uint8_t *list, uint32_t size)
{
    uint8_t *out = mem_alloc(size);
    for (uint32_t done = 0; done < size; list += 4) {
        const uint32_t n = size - done < b->block ? size - done : b->block;
        const uint8_t *from = at(b->file, (uint64_t)le32(list) * b->block, n);
        if (!from) {
            free(out);
            return NULL;
        }
        memcpy(out + done, from, n);
        done += n;
    }
    return out;
}

static uint64_t blocks_of(const struct pdb *b, uint32_t size)
{
    return ((uint64_t)size + b->block - 1) / b->block;
}

static int open_directory(struct pdb *b, struct error *err)
{
    const struct span f = b->file;
    if (f.n < MAGIC + 24 || memcmp(f.p, magic, MAGIC))
        return error_set(err, "%.200s: is not a PDB file of the form MSF 7.0", b->name);
    b->block = le32(f.p + MAGIC);
    const uint32_t size = le32(f.p + MAGIC + 12), map = le32(f.p + MAGIC + 20);
    if (b->block < 512 || b->block > 65536 || b->block & (b->block - 1))
        return damaged(b, "its blocks have no size that blocks have", err);
    const uint8_t *list = at(f, (uint64_t)map * b->block, 4 * blocks_of(b, size));
    if (size < 4 || size > f.n || !list || !(b->directory = gather(b, list, size)))
        return damaged(b, "its directory is not in it", err);
    b->directory_size = size;
    b->nstreams = le32(b->directory);
    if (b->nstreams > STREAMS_MAX || 4 + 4 * (uint64_t)b->nstreams > size)
        return damaged(b, "its directory has more streams than fit", err);
    b->lists = mem_alloc(b->nstreams * sizeof *b->lists);
    uint64_t next = 4 + 4 * (uint64_t)b->nstreams;
    for (uint32_t i = 0; i < b->nstreams; i++) {
        const uint32_t n = le32(b->directory + 4 + 4 * (size_t)i);
        b->lists[i] = next;
        next += n == UINT32_MAX ? 0 : 4 * blocks_of(b, n);
    }
    b->budget = 4 * (uint64_t)f.n;
    return 0;
}

static void close_directory(struct pdb *b)
{
    free(b->directory);
    free(b->lists);
}

/* A stream's content, to be freed (s->p); none if there is no such stream. -1 if it is damaged. */
static int read_stream(struct pdb *b, uint32_t number, struct span *s, struct error *err)
{
    const struct span d = {b->directory, b->directory_size};
    *s = (struct span){0};
    if (number >= b->nstreams)
        return 0;
    const uint32_t size = le32(b->directory + 4 + 4 * (size_t)number);
    if (!size || size == UINT32_MAX)
        return 0;
    const uint8_t *blocks = at(d, b->lists[number], 4 * blocks_of(b, size));
    if (!blocks || size > b->budget || !(s->p = gather(b, blocks, size)))
        return damaged(b, "a stream is not in it", err);
    b->budget -= size;
    s->n = size;
    return 0;
}

static void free_stream(struct span *s)
{
    free((void *)s->p);
    *s = (struct span){0};
}

/* ---------------------------------------------------------------- stream 1 */

static int read_info(struct pdb *b, struct pdb_about *about, struct error *err)
{
    enum { AGE = 8, GUID = 12, SIZE = 28 };
    struct span s;
    if (read_stream(b, STREAM_INFO, &s, err))
        return -1;
    const bool good = s.n >= SIZE;
    if (good) {
        about->age = le32(s.p + AGE);
        memcpy(about->guid, s.p + GUID, sizeof about->guid);
    }
    free_stream(&s);
    return good ? 0 : damaged(b, "it does not say what it belongs to", err);
}

/* Finds the number of a stream by its name, in a list that consists of strings, and of a hash table of their
 * offsets with the numbers. */
static uint32_t find_named(struct span s, const char *name)
{
    enum { STRINGS = 28 };
    const uint8_t *length = at(s, STRINGS, 4);
    const struct span strings = length ? part(s, STRINGS + 4, le32(length)) : (struct span){0};
    uint64_t table = STRINGS + 4 + strings.n;
    const uint8_t *head = at(s, table, 12);
    if (!length || !head)
        return NO_STREAM;
    const uint32_t count = le32(head), present = le32(head + 8);
    const uint8_t *deleted = at(s, table + 12 + 4 * (uint64_t)present, 4);
    if (!deleted)
        return NO_STREAM;
    table += 12 + 4 * (uint64_t)present + 4 + 4 * (uint64_t)le32(deleted);
    for (uint32_t i = 0; i < count; i++, table += 8) {
        const uint8_t *entry = at(s, table, 8);
        const size_t n = strlen(name) + 1;
        if (!entry)
            return NO_STREAM;
        const uint8_t *own = at(strings, le32(entry), n);
        if (own && !memcmp(own, name, n))
            return le32(entry + 4);
    }
    return NO_STREAM;
}

/* ---------------------------------------------------------------- symbols */

/* The relative address of an offset in a section; sections are numbered from 1. False if there is none. */
static bool address_of(const struct pdb *b, uint32_t section, uint32_t offset, uint64_t *address)
{
    const uint8_t *h = section && section <= SECTIONS_MAX
                           ? at(b->sections, (uint64_t)(section - 1) * SECTION_HEADER, SECTION_HEADER)
                           : NULL;
    if (!h)
        return false;
    *address = (uint64_t)le32(h + 12) + offset;
    return true;
}

static bool is_code(const struct pdb *b, uint32_t section)
{
    const uint8_t *h = at(b->sections, (uint64_t)(section - 1) * SECTION_HEADER, SECTION_HEADER);
    return h && le32(h + 36) & 0x20;
}

/* Kinds of records, with where their members are. Names are at the end. */
static const struct record {
    uint16_t kind;
    uint8_t size, offset, section, name; /* size: 0 if it has none */
    char type;
} records[] = {
    {0x110e, 0, 4, 8, 10, 0},      /* S_PUB32 */
    {0x1110, 12, 28, 32, 35, 'T'}, /* S_GPROC32 */
    {0x110f, 12, 28, 32, 35, 't'}, /* S_LPROC32 */
    {0x1147, 12, 28, 32, 35, 'T'}, /* S_GPROC32_ID */
    {0x1146, 12, 28, 32, 35, 't'}, /* S_LPROC32_ID */
    {0x110d, 0, 4, 8, 10, 'D'},    /* S_GDATA32 */
    {0x110c, 0, 4, 8, 10, 'd'},    /* S_LDATA32 */
};

static void add_symbol(struct pdb *b, const struct record *r, struct span s)
{
    uint64_t address;
    const uint8_t *p = at(s, 0, r->name);
    if (!p || r->name >= s.n || !memchr(p + r->name, 0, s.n - r->name) || !p[r->name])
        return;
    const uint32_t section = le16(p + r->section);
    if (!address_of(b, section, le32(p + r->offset), &address))
        return;
    const uint32_t size = r->size ? le32(p + r->size) : 0;
    const char type = r->type ? r->type : is_code(b, section) ? 'T' : 'D';
    symbol_table_add(b->t, (const char *)p + r->name, address, size, type, size ? SYMBOL_SIZED : 0);
}

/* Adds the symbols of records, one after the other: each has a length, which does not count itself, and a
 * kind. */
static int add_symbols(struct pdb *b, struct span s, bool public, struct error *err)
{
    for (uint64_t offset = 0; offset < s.n;) {
        const uint8_t *head = at(s, offset, 4);
        const uint32_t n = head ? le16(head) : 0;
        const struct span r = n >= 2 ? part(s, offset + 4, n - 2) : (struct span){0};
        if (n < 2 || !r.p)
            return damaged(b, "a symbol is longer than what it is in", err);
        for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
            if (records[i].kind == le16(head + 2) && (records[i].kind == 0x110e) == public)
                add_symbol(b, &records[i], r);
        offset += 2 + (uint64_t)n;
    }
    return 0;
}

/* ---------------------------------------------------------------- lines (subsections of CodeView) */

enum { C13_LINES = 0xf2, C13_FILES = 0xf4, C13_HEADER = 8 };

/* The content of the next subsection; false after the last one. */
static bool next_subsection(struct span s, uint64_t *offset, uint32_t *kind, struct span *content)
{
    const uint8_t *head = at(s, *offset, C13_HEADER);
    if (!head)
        return false;
    *kind = le32(head);
    *content = part(s, *offset + C13_HEADER, le32(head + 4));
    *offset += C13_HEADER + (((uint64_t)le32(head + 4) + 3) & ~(uint64_t)3);
    return content->p;
}

static struct span find_files(struct span lines)
{
    struct span content;
    uint32_t kind;
    for (uint64_t offset = 0; next_subsection(lines, &offset, &kind, &content);)
        if (kind == C13_FILES)
            return content;
    return (struct span){0};
}

static const char *file_name(const struct pdb *b, struct span files, uint32_t file)
{
    const uint8_t *entry = at(files, file, 4);
    const uint32_t name = entry ? le32(entry) : UINT32_MAX;
    if (name >= b->names.n || !memchr(b->names.p + name, 0, b->names.n - name))
        return "?";
    return (const char *)b->names.p + name;
}

/* Adds blocks of lines, each of one file. */
static void add_lines(struct pdb *b, struct span s, struct span files)
{
    enum { HEADER = 12, BLOCK = 12, LINE = 8, NUMBER = 0xffffff, FIRST_MADE_UP = 0xf00000 };
    uint64_t begin;
    const char *file = "?";
    const uint8_t *head = at(s, 0, HEADER);
    if (!head || !address_of(b, le16(head + 4), le32(head), &begin))
        return;
    for (uint64_t offset = HEADER; offset < s.n;) {
        const uint8_t *block = at(s, offset, BLOCK);
        const uint64_t n = block ? le32(block + 4) : 0, size = block ? le32(block + 8) : 0;
        const uint8_t *line = at(s, offset + BLOCK, n * LINE);
        if (!block || !line || size < BLOCK)
            return;
        file = file_name(b, files, le32(block));
        for (uint64_t i = 0; i < n; i++, line += LINE) {
            const uint32_t number = le32(line + 4) & NUMBER;
            if (number < FIRST_MADE_UP)
                symbol_table_add_line(b->t, begin + le32(line), file, number);
        }
        offset += size;
    }
    symbol_table_add_line(b->t, begin + le32(head + 8), file, 0);
}

/* ---------------------------------------------------------------- object files */

static int add_object(struct pdb *b, uint32_t stream, uint32_t symbols, uint32_t c11, uint32_t c13,
                      struct error *err)
{
    struct span s, content;
    uint32_t kind;
    if (read_stream(b, stream, &s, err))
        return -1;
    int rc = 0;
    if (symbols > 4) /* from a signature on */
        rc = add_symbols(b, part(s, 4, symbols - 4), false, err);
    const struct span lines = part(s, (uint64_t)symbols + c11, c13), files = find_files(lines);
    for (uint64_t offset = 0; !rc && next_subsection(lines, &offset, &kind, &content);)
        if (kind == C13_LINES)
            add_lines(b, content, files);
    free_stream(&s);
    return rc;
}

/* Adds what the streams of the object files have. The list has a record for each, with two names at its
 * end. */
static int add_objects(struct pdb *b, struct span list, struct error *err)
{
    enum { STREAM = 34, SYMBOLS = 36, C11 = 40, C13 = 44, NAMES = 64 };
    for (uint64_t offset = 0; offset < list.n;) {
        const uint8_t *p = at(list, offset, NAMES);
        if (!p)
            return damaged(b, "its list of object files is cut off", err);
        if (le16(p + STREAM) != NO_STREAM &&
            add_object(b, le16(p + STREAM), le32(p + SYMBOLS), le32(p + C11), le32(p + C13), err))
            return -1;
        uint64_t end = offset + NAMES;
        for (unsigned name = 0; name < 2; name++) {
            const uint8_t *stop = end < list.n ? memchr(list.p + end, 0, list.n - end) : NULL;
            if (!stop)
                return damaged(b, "its list of object files is cut off", err);
            end = (uint64_t)(stop - list.p) + 1;
        }
        offset = (end + 3) & ~(uint64_t)3;
    }
    return 0;
}

/* ---------------------------------------------------------------- stream 3 */

enum {
    DBI_RECORDS = 20,
    DBI_OBJECTS = 24,
    DBI_CONTRIBUTIONS = 28,
    DBI_MAP = 32,
    DBI_SOURCES = 36,
    DBI_TYPES = 40,
    DBI_STREAMS = 48,
    DBI_EDIT = 52,
    DBI_HEADER = 64,
    STREAM_SECTIONS = 5, /* of the optional ones */
};

/* Reads the headers of the sections, to which addresses are relative. */
static int read_sections(struct pdb *b, struct span dbi, struct error *err)
{
    static const uint8_t before[] = {DBI_OBJECTS, DBI_CONTRIBUTIONS, DBI_MAP,
                                     DBI_SOURCES, DBI_TYPES,         DBI_EDIT};
    uint64_t offset = DBI_HEADER;
    for (size_t i = 0; i < sizeof before; i++)
        offset += le32(dbi.p + before[i]);
    const struct span streams = part(dbi, offset, le32(dbi.p + DBI_STREAMS));
    const uint8_t *number = at(streams, 2 * STREAM_SECTIONS, 2);
    if (!number || le16(number) == NO_STREAM)
        return damaged(b, "it has no section headers", err);
    return read_stream(b, le16(number), &b->sections, err);
}

static int read_records(struct pdb *b, struct span dbi, struct error *err)
{
    struct span s;
    if (read_stream(b, le16(dbi.p + DBI_RECORDS), &s, err))
        return -1;
    const int rc = add_symbols(b, s, true, err);
    free_stream(&s);
    return rc;
}

/* Reads the names of source files, which follow a signature, a version and a length. */
static int read_names(struct pdb *b, struct span *stream, struct error *err)
{
    enum { SIZE = 8, STRINGS = 12 };
    struct span info;
    if (read_stream(b, STREAM_INFO, &info, err))
        return -1;
    const uint32_t number = find_named(info, "/names");
    free_stream(&info);
    if (number == NO_STREAM)
        return 0;
    if (read_stream(b, number, stream, err))
        return -1;
    const uint8_t *size = at(*stream, SIZE, 4);
    b->names = size ? part(*stream, STRINGS, le32(size)) : (struct span){0};
    return 0;
}

static int read_all(struct pdb *b, struct error *err)
{
    struct span dbi, names = {0};
    if (read_stream(b, STREAM_DBI, &dbi, err))
        return -1;
    int rc = dbi.n < DBI_HEADER ? damaged(b, "it has no debug information", err) : 0;
    if (!rc)
        rc = read_sections(b, dbi, err) || read_names(b, &names, err) ? -1 : 0;
    if (!rc) {
        const struct span objects = part(dbi, DBI_HEADER, le32(dbi.p + DBI_OBJECTS));
        rc = add_objects(b, objects, err) || read_records(b, dbi, err) ? -1 : 0;
    }
    free_stream(&dbi);
    free_stream(&names);
    free_stream(&b->sections);
    return rc;
}

int symbols_pdb_about(const char *name, const uint8_t *p, size_t n, struct pdb_about *about,
                      struct error *err)
{
    struct pdb b = {.name = name, .file = {p, n}};
    const int rc = open_directory(&b, err) || read_info(&b, about, err) ? -1 : 0;
    close_directory(&b);
    return rc;
}

int symbol_table_read_pdb(struct symbol_table *t, const char *name, const uint8_t *p, size_t n,
                          struct error *err)
{
    struct pdb b = {.name = name, .file = {p, n}, .t = t};
    int rc = open_directory(&b, err) || read_all(&b, err) ? -1 : 0;
    close_directory(&b);
    if (!rc && !t->n)
        rc = error_set(err, "%.200s: has no symbols", name);
    return rc;
}
