/* note.c - symbols as notes of a trace. See symbols.h.
 *
 * Numbers are varints (seven bits a byte, lowest first), signed ones zigzag; a string is a
 * length and its bytes.
 *
 * symbols.table (name: the table's): u8 1, table number, part number, u8 whether it is the last part; in
 * part 0 string source; then entries up to the end: zigzag address minus the one before, u8 flags, u8 type,
 * size if SYMBOL_SIZED, string name.
 *
 * symbols.lines, before the table's last part: u8 1, table number, number of files, so many strings (new
 * files, after those of earlier notes), then rows: zigzag differences of address, file, line.
 *
 * symbols.frames, there too: u8 1, table number, then rows: zigzag address minus the one before, u8 base, u8
 * flags, zigzag offset, u8 number of saved registers, each u8 register, zigzag offset.
 *
 * symbols.members, there too: u8 1, table number, string what they are from, then up to the end: string
 * structure, string name, offset, size.
 *
 * symbols.types, there too: u8 1, table number, then the next part of its types (BTF).
 *
 * symbols.map: u8 1, table number, zigzag space, bias, begin, end. Since: the note's position.
 *
 * symbols.unmap: u8 1, table number + 1 or 0 for all, zigzag space. Until: the note's position.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/private/bytes.h"
#include "core/symbols/private/impl.h"

enum { NOTE_VERSION = 1, PART = 256 << 10, NOTE_TABLES = 1 << 20 };

/* ---------------------------------------------------------------- writing */

static void put_signed(struct bytes *o, int64_t v)
{
    put_uleb(o, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_string(struct bytes *o, const char *s)
{
    size_t n = strlen(s);
    put_uleb(o, n);
    put(o, s, n);
}

static void begin(struct bytes *o, const struct symbol_table *t)
{
    o->n = 0;
    put_byte(o, NOTE_VERSION);
    put_uleb(o, t->number);
}

struct position_of {
    uint64_t icount, time;
};

static void give(struct symbols *s, const struct bytes *o, const char *type, const char *name,
                 struct position_of at)
{
    const struct trace_note note = {.icount = at.icount,
                                    .time = at.time,
                                    .type = type,
                                    .name = name,
                                    .data = o->p,
                                    .len = (uint32_t)o->n};
    s->sink(s->sink_ctx, &note);
}

static void note_lines(struct symbols *s, const struct symbol_table *t, struct position_of at)
{
    struct bytes o = {0};
    size_t file = 0;
    for (size_t i = 0; i < t->nlines;) {
        struct line_row last = {0};
        size_t files = file;
        begin(&o, t);
        /* Rows are in order of address, so their files are in any order: writes as many of the remaining
         * files as fit. */
        for (size_t bytes = 0; files < t->nfiles && bytes < PART; files++)
            bytes += strlen(t->files[files]) + 3;
        put_uleb(&o, files - file);
        for (; file < files; file++)
            put_string(&o, t->files[file]);
        for (; file == t->nfiles && i < t->nlines && o.n < PART; i++) {
            const struct line_row *r = &t->lines[i];
            put_signed(&o, (int64_t)(r->address - last.address));
            put_signed(&o, (int64_t)r->file - last.file);
            put_signed(&o, (int64_t)r->line - last.line);
            last = *r;
        }
        give(s, &o, "symbols.lines", t->name, at);
    }
    free(o.p);
}

static void put_frame(struct bytes *o, const struct symbol_frame *f, uint64_t *last)
{
    put_signed(o, (int64_t)(f->address - *last));
    put_byte(o, f->base);
    put_byte(o, f->flags);
    put_signed(o, f->offset);
    put_byte(o, f->nsaved);
    for (unsigned i = 0; i < f->nsaved; i++) {
        put_byte(o, f->saved[i].reg);
        put_signed(o, f->saved[i].offset);
    }
    *last = f->address;
}

static void note_frames(struct symbols *s, const struct symbol_table *t, struct position_of at)
{
    struct bytes o = {0};
    for (size_t i = 0; i < t->nframes;) {
        uint64_t last = 0;
        begin(&o, t);
        for (; i < t->nframes && o.n < PART; i++)
            put_frame(&o, &t->frames[i], &last);
        give(s, &o, "symbols.frames", t->name, at);
    }
    free(o.p);
}

static void note_members(struct symbols *s, const struct symbol_table *t, struct position_of at)
{
    struct bytes o = {0};
    struct symbol_member m;
    for (size_t i = 0; i < t->nmembers;) {
        begin(&o, t);
        put_string(&o, t->members_from);
        for (; i < t->nmembers && o.n < PART; i++) {
            symbol_table_nth_member(t, i, &m);
            put_string(&o, m.type);
            put_string(&o, m.name);
            put_uleb(&o, m.offset);
            put_uleb(&o, m.size);
        }
        give(s, &o, "symbols.members", t->name, at);
    }
    free(o.p);
}

static void note_types(struct symbols *s, const struct symbol_table *t, struct position_of at)
{
    struct bytes o = {0};
    for (size_t i = 0, n; i < t->types_size; i += n) {
        n = t->types_size - i < PART ? t->types_size - i : PART;
        begin(&o, t);
        put(&o, t->types + i, n);
        give(s, &o, "symbols.types", t->name, at);
    }
    free(o.p);
}

static void put_entry(struct bytes *o, const struct symbol_table *t, const struct entry *e, uint64_t *last)
{
    put_signed(o, (int64_t)(e->address - *last));
    put_byte(o, e->flags);
    put_byte(o, (uint8_t)e->type);
    if (e->flags & SYMBOL_SIZED)
        put_uleb(o, e->size);
    put_string(o, t->names + e->name);
    *last = e->address;
}

static void note_table(struct symbols *s, struct symbol_table *t, struct position_of at)
{
    struct bytes part = {0}, entries = {0};
    size_t i = 0;
    t->noted = true;
    note_lines(s, t, at);
    note_frames(s, t, at);
    note_members(s, t, at);
    note_types(s, t, at);
    for (unsigned number = 0; !number || i < t->n; number++) {
        uint64_t last = 0;
        for (entries.n = 0; i < t->n && entries.n < PART; i++)
            put_entry(&entries, t, &t->entries[i], &last);
        begin(&part, t);
        put_uleb(&part, number);
        put_byte(&part, i == t->n);
        if (!number)
            put_string(&part, t->source);
        put(&part, entries.p ? entries.p : (uint8_t *)"", entries.n);
        give(s, &part, "symbols.table", t->name, at);
    }
    free(part.p);
    free(entries.p);
}

void symbols_note_map(struct symbols *s, const struct symbol_mapping *m)
{
    struct bytes o = {0};
    struct position_of at = {m->since, m->time};
    if (!s->sink)
        return;
    if (!m->table->noted)
        note_table(s, s->tables[m->table->number], at);
    begin(&o, m->table);
    put_signed(&o, m->space);
    put_uleb(&o, m->bias);
    put_uleb(&o, m->begin);
    put_uleb(&o, m->end);
    give(s, &o, "symbols.map", m->table->name, at);
    free(o.p);
}

void symbols_note_unmap(struct symbols *s, const struct symbol_table *t, symbol_space space, uint64_t at,
                        uint64_t time)
{
    struct bytes o = {0};
    if (!s->sink)
        return;
    put_byte(&o, NOTE_VERSION);
    put_uleb(&o, t ? t->number + 1 : 0);
    put_signed(&o, space);
    give(s, &o, "symbols.unmap", t ? t->name : "", (struct position_of){at, time});
    free(o.p);
}

void symbols_sink(struct symbols *s, void (*fn)(void *ctx, const struct trace_note *note), void *ctx)
{
    s->sink = fn;
    s->sink_ctx = ctx;
}

/* ---------------------------------------------------------------- reading */

struct in {
    const uint8_t *p, *end;
    bool bad;
};

static uint8_t get_byte(struct in *in)
{
    if (in->p < in->end)
        return *in->p++;
    in->bad = true;
    return 0;
}

static uint64_t get_number(struct in *in)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = get_byte(in);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    in->bad = true;
    return 0;
}

static int64_t get_signed(struct in *in)
{
    uint64_t v = get_number(in);
    return (int64_t)(v >> 1 ^ -(v & 1));
}

/* Takes a string of at most `most` bytes, which are *n. One that is too long or contains a NUL is damaged. */
static const char *get_bytes(struct in *in, size_t most, size_t *n)
{
    const uint64_t length = get_number(in);
    const char *p = (const char *)in->p;
    in->bad |= length > most || length > (uint64_t)(in->end - in->p) || memchr(p, 0, (size_t)length);
    *n = in->bad ? 0 : (size_t)length;
    in->p += *n;
    return p;
}

/* Reads a string into buf, ended by NUL. */
static void get_string(struct in *in, char *buf, size_t size)
{
    size_t n;
    const char *p = get_bytes(in, size - 1, &n);
    memcpy(buf, p, n);
    buf[n] = 0;
}

/* The incomplete table that a note belongs to, begun if necessary; or NULL. */
static struct symbol_table *incoming(struct symbols *s, struct in *in, const char *name)
{
    uint64_t number = get_number(in);
    if (in->bad || number > s->nincoming || number >= NOTE_TABLES)
        return NULL;
    if (number == s->nincoming) {
        MEM_MORE(s->incoming, s->nincoming);
        s->incoming[s->nincoming++] = symbol_table_begin(s, name, "");
    }
    struct symbol_table *t = s->incoming[number];
    return symbol_table_whole(t) ? NULL : t;
}

static bool take_entry(struct symbol_table *t, struct in *in, uint64_t *address)
{
    size_t n;
    struct entry e = {.address = *address += (uint64_t)get_signed(in)};
    e.flags = get_byte(in);
    e.type = (char)get_byte(in);
    if (e.flags & SYMBOL_SIZED)
        e.size = get_number(in);
    const char *name = get_bytes(in, SYMBOL_NAME_MAX, &n);
    if (!in->bad)
        symbol_table_add_entry(t, e, name, n);
    return !in->bad;
}

enum { ENTRY_BYTES = 26 }; /* that an entry of a kernel takes, on average */

static bool take_table(struct symbols *s, struct in *in, const char *name)
{
    char source[256];
    uint64_t address = 0;
    struct symbol_table *t = incoming(s, in, name);
    if (!t)
        return false;
    uint64_t part = get_number(in);
    bool last = get_byte(in);
    if (!part) {
        get_string(in, source, sizeof source);
        free(t->source);
        t->source = mem_string(source);
    }
    const size_t left = (size_t)(in->end - in->p);
    symbol_table_expect(t, left / ENTRY_BYTES, left);
    while (!in->bad && in->p < in->end && take_entry(t, in, &address))
        ;
    if (!in->bad && last)
        for (size_t i = 0; i < s->nincoming; i++)
            if (s->incoming[i] == t)
                s->incoming[i] = symbol_table_end(t);
    return !in->bad;
}

static void take_file(struct symbol_table *t, struct in *in)
{
    char name[4096];
    get_string(in, name, sizeof name);
    if (in->bad)
        return;
    MEM_MORE(t->files, t->nfiles);
    t->files[t->nfiles++] = mem_string(name);
}

static void take_row(struct symbol_table *t, struct in *in, struct line_row *row)
{
    row->address += (uint64_t)get_signed(in);
    row->file = (uint32_t)(row->file + get_signed(in));
    row->line = (uint32_t)(row->line + get_signed(in));
    if (row->file >= t->nfiles)
        in->bad = true;
    if (in->bad)
        return;
    if (t->nlines == t->lines_cap) {
        t->lines_cap = 2 * t->lines_cap + 256;
        t->lines = mem_resize(t->lines, t->lines_cap * sizeof *t->lines);
    }
    t->lines[t->nlines++] = *row;
}

static bool take_lines(struct symbols *s, struct in *in, const char *name)
{
    struct line_row row = {0};
    struct symbol_table *t = incoming(s, in, name);
    if (!t)
        return false;
    for (uint64_t files = get_number(in); files && !in->bad; files--)
        take_file(t, in);
    while (!in->bad && in->p < in->end)
        take_row(t, in, &row);
    return !in->bad;
}

static void take_frame(struct symbol_table *t, struct in *in, uint64_t *address)
{
    struct symbol_frame f = {.address = *address += (uint64_t)get_signed(in)};
    f.base = get_byte(in);
    f.flags = get_byte(in);
    f.offset = (int32_t)get_signed(in);
    f.nsaved = get_byte(in);
    in->bad |= f.nsaved > FRAME_SAVED;
    for (unsigned i = 0; !in->bad && i < f.nsaved; i++) {
        f.saved[i].reg = get_byte(in);
        f.saved[i].offset = (int32_t)get_signed(in);
    }
    if (!in->bad)
        symbol_table_add_frame(t, &f);
}

static bool take_frames(struct symbols *s, struct in *in, const char *name)
{
    uint64_t address = 0;
    struct symbol_table *t = incoming(s, in, name);
    while (t && !in->bad && in->p < in->end)
        take_frame(t, in, &address);
    return t && !in->bad;
}

static void take_member(struct symbol_table *t, struct in *in, const char *from)
{
    char type[SYMBOL_NAME_MAX + 1], name[SYMBOL_NAME_MAX + 1];
    get_string(in, type, sizeof type);
    get_string(in, name, sizeof name);
    const uint64_t offset = get_number(in), size = get_number(in);
    in->bad |= offset > UINT32_MAX || size > UINT32_MAX;
    if (!in->bad)
        symbol_table_add_member(t, &(struct symbol_member){type, name, (uint32_t)offset, (uint32_t)size},
                                from);
}

static bool take_members(struct symbols *s, struct in *in, const char *name)
{
    char from[sizeof((struct symbol_table *)0)->members_from];
    struct symbol_table *t = incoming(s, in, name);
    get_string(in, from, sizeof from);
    while (t && !in->bad && in->p < in->end)
        take_member(t, in, from);
    return t && !in->bad;
}

static bool take_types(struct symbols *s, struct in *in, const char *name)
{
    enum { TYPES_MAX = 256 << 20 };
    struct symbol_table *t = incoming(s, in, name);
    const size_t n = (size_t)(in->end - in->p);
    if (!t || t->types_size + n > TYPES_MAX)
        return false;
    t->types = mem_resize(t->types, t->types_size + n + 1);
    memcpy(t->types + t->types_size, in->p, n);
    t->types_size += n;
    in->p = in->end;
    return true;
}

/* The complete table of that number. */
static struct symbol_table *numbered(struct symbols *s, struct in *in, uint64_t number)
{
    if (in->bad || number >= s->nincoming || !symbol_table_whole(s->incoming[number])) {
        in->bad = true;
        return NULL;
    }
    return s->incoming[number];
}

/* SPACE_ANY is for questions: nothing is mapped there. */
static symbol_space get_space(struct in *in)
{
    const symbol_space space = get_signed(in);
    in->bad |= space == SPACE_ANY;
    return space;
}

static bool take_map(struct symbols *s, struct in *in, const struct trace_note *note)
{
    struct symbol_mapping m = {.since = note->icount, .time = note->time};
    m.table = numbered(s, in, get_number(in));
    m.space = get_space(in);
    m.bias = get_number(in);
    m.begin = get_number(in);
    m.end = get_number(in);
    if (!in->bad)
        symbols_map(s, &m);
    return !in->bad;
}

static bool take_unmap(struct symbols *s, struct in *in, const struct trace_note *note)
{
    uint64_t number = get_number(in);
    const struct symbol_table *t = number ? numbered(s, in, number - 1) : NULL;
    symbol_space space = get_space(in);
    if (!in->bad)
        symbols_unmap(s, t, space, note->icount, note->time);
    return !in->bad;
}

int symbols_take_note(struct symbols *s, const struct trace_note *note, struct error *err)
{
    struct in in = {.p = note->data, .end = (const uint8_t *)note->data + note->len};
    bool ok = true;
    if (strncmp(note->type, "symbols.", 8))
        return 0;
    if (get_byte(&in) != NOTE_VERSION)
        return 0; /* of a later version */
    if (!strcmp(note->type, "symbols.table"))
        ok = take_table(s, &in, note->name);
    else if (!strcmp(note->type, "symbols.lines"))
        ok = take_lines(s, &in, note->name);
    else if (!strcmp(note->type, "symbols.frames"))
        ok = take_frames(s, &in, note->name);
    else if (!strcmp(note->type, "symbols.members"))
        ok = take_members(s, &in, note->name);
    else if (!strcmp(note->type, "symbols.types"))
        ok = take_types(s, &in, note->name);
    else if (!strcmp(note->type, "symbols.map"))
        ok = take_map(s, &in, note);
    else if (!strcmp(note->type, "symbols.unmap"))
        ok = take_unmap(s, &in, note);
    return ok ? 0
              : error_set(err, "the trace's note %.40s \"%.80s\" at icount %llu is damaged", note->type,
                          note->name, (unsigned long long)note->icount);
}

struct symbols *symbols_load(struct trace *t, struct error *err)
{
    struct symbols *s = symbols_new();
    struct trace_note note;
    for (uint64_t i = 0; i < trace_note_count(t); i++)
        if (trace_note(t, i, &note, err) || symbols_take_note(s, &note, err)) {
            symbols_free(s);
            return NULL;
        }
    symbols_follow_seabios(s, t);
    return s;
}
