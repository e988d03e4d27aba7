/* table.c - see symbols.h: tables, mappings and lookups. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/symbols/private/impl.h"

struct symbols *symbols_new(void)
{
    return mem_zero(1, sizeof(struct symbols));
}

void symbol_table_free(struct symbol_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->nfiles; i++)
        free(t->files[i]);
    free(t->files);
    free(t->members);
    free(t->types);
    free(t->frames);
    free(t->lines);
    free(t->chain);
    free(t->next_named);
    free(t->names);
    free(t->entries);
    free(t->name);
    free(t->source);
    free(t);
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nincoming; i++)
        if (s->incoming[i] && !symbol_table_whole(s->incoming[i]))
            symbol_table_free(s->incoming[i]);
    for (size_t i = 0; i < s->ntables; i++)
        symbol_table_free(s->tables[i]);
    free(s->incoming);
    free(s->elfs);
    free(s->wanted);
    free(s->tables);
    free(s->debug);
    symbols_free_mappings(s);
    free(s);
}

/* ---------------------------------------------------------------- making a table */

struct symbol_table *symbol_table_begin(struct symbols *s, const char *name, const char *source)
{
    struct symbol_table *t = mem_zero(1, sizeof *t);
    t->owner = s;
    t->name = mem_string(name);
    t->source = mem_string(source);
    return t;
}

/* Keeps the first n bytes of a name, which has no NUL among them. */
static uint32_t keep_bytes(struct symbol_table *t, const char *name, size_t n)
{
    assert(t->names_len <= t->names_cap);
    if (t->names_len > UINT32_MAX / 2)
        return UINT32_MAX;
    if (t->names_len + n + 1 > t->names_cap) {
        t->names_cap = 2 * t->names_cap + n + 4096;
        t->names = mem_resize(t->names, t->names_cap);
    }
    uint32_t at = (uint32_t)t->names_len;
    memcpy(t->names + at, name, n);
    t->names[at + n] = 0;
    t->names_len += n + 1;
    return at;
}

uint32_t symbol_table_keep_name(struct symbol_table *t, const char *name)
{
    return keep_bytes(t, name, strnlen(name, SYMBOL_NAME_MAX));
}

void symbol_table_add_entry(struct symbol_table *t, struct entry e, const char *name, size_t n)
{
    assert(!symbol_table_whole(t) && "a whole table does not change");
    e.name = t->n > UINT32_MAX / 4 ? UINT32_MAX : keep_bytes(t, name, n);
    if (e.name == UINT32_MAX)
        return;
    if (t->n == t->cap) {
        t->cap = 2 * t->cap + 256;
        t->entries = mem_resize(t->entries, t->cap * sizeof *t->entries);
    }
    t->entries[t->n++] = e;
}

void symbol_table_add(struct symbol_table *t, const char *name, uint64_t address, uint64_t size, char type,
                      unsigned flags)
{
    const struct entry e = {.address = address, .size = size, .type = type, .flags = (uint8_t)flags};
    symbol_table_add_entry(t, e, name, strnlen(name, SYMBOL_NAME_MAX));
}

void symbol_table_expect(struct symbol_table *t, size_t entries, size_t names)
{
    if (t->n + entries > t->cap) {
        t->cap = t->n + entries;
        t->entries = mem_resize(t->entries, t->cap * sizeof *t->entries);
        mem_expect(t->entries + t->n, entries * sizeof *t->entries);
    }
    if (t->names_len + names > t->names_cap) {
        t->names_cap = t->names_len + names;
        t->names = mem_resize(t->names, t->names_cap);
        mem_expect(t->names + t->names_len, names);
    }
}

static uint32_t keep_file(struct symbol_table *t, const char *file)
{
    for (size_t i = t->nfiles; i-- > 0 && t->nfiles - i <= 32;)
        if (!strcmp(t->files[i], file))
            return (uint32_t)i;
    MEM_MORE(t->files, t->nfiles);
    t->files[t->nfiles] = mem_string(file);
    return (uint32_t)t->nfiles++;
}

void symbol_table_add_line(struct symbol_table *t, uint64_t address, const char *file, unsigned line)
{
    assert(!symbol_table_whole(t) && "a whole table does not change");
    struct line_row *last = t->nlines ? &t->lines[t->nlines - 1] : NULL;
    uint32_t f = last && last->line && !strcmp(t->files[last->file], file) ? last->file : keep_file(t, file);
    if (last && last->line && line && last->address == address) {
        *last = (struct line_row){address, f, line}; /* no instruction belongs to the previous row */
        return;
    }
    if (t->nlines == t->lines_cap) {
        t->lines_cap = 2 * t->lines_cap + 256;
        t->lines = mem_resize(t->lines, t->lines_cap * sizeof *t->lines);
    }
    t->lines[t->nlines++] = (struct line_row){address, f, line};
}

/* Of several entries at one address, the one that was added first comes first, and is shown. */
static int by_address(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int ax = x->flags & SYMBOL_ABSOLUTE, ay = y->flags & SYMBOL_ABSOLUTE;
    if (ax != ay)
        return ay - ax; /* absolute ones come first */
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name); /* names were added in the same order */
}

/* At equal addresses, the end of a sequence comes before the beginning of another. The rest makes the order
 * independent of how qsort works. */
static int by_row(const void *a, const void *b)
{
    const struct line_row *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (!x->line != !y->line)
        return x->line ? 1 : -1;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* What comes from a trace's notes is in order already. */
static void sort_rows(void *rows, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
    size_t i = 1;
    while (i < n && compare((char *)rows + (i - 1) * size, (char *)rows + i * size) <= 0)
        i++;
    if (i < n)
        qsort(rows, n, size, compare);
}

static size_t absolute_count(const struct symbol_table *t)
{
    size_t n = 0;
    while (n < t->n && t->entries[n].flags & SYMBOL_ABSOLUTE)
        n++;
    return n;
}

/* A symbol without a size extends to the next higher address, but not beyond its limit. The result is stored
 * as its size, since notes do not store the limit. */
static void set_size(struct entry *e, uint64_t next)
{
    uint64_t limit = e->size;
    if (e->flags & SYMBOL_SIZED)
        return;
    e->size = next > e->address ? next - e->address : 0;
    if (!limit || (e->size && e->size <= limit))
        return;
    e->size = limit;
    e->flags |= SYMBOL_SIZED;
}

static void set_sizes(struct symbol_table *t)
{
    assert(absolute_count(t) <= t->n);
    uint64_t next = 0;
    size_t first = absolute_count(t);
    for (size_t i = t->n; i-- > first;) {
        struct entry *e = &t->entries[i];
        if (i + 1 < t->n && t->entries[i + 1].address != e->address)
            next = t->entries[i + 1].address;
        set_size(e, next);
        uint64_t end = e->address + (e->size ? e->size : 1);
        t->high = end > t->high ? end : t->high;
    }
    t->low = first < t->n ? t->entries[first].address : 0;
}

static uint64_t name_hash(const struct symbol_table *t, const struct entry *e)
{
    const char *name = t->names + e->name;
    return XXH3_64bits(name, strlen(name));
}

/* A hash of all that is in the table, by which equal tables are found. */
static uint64_t table_hash(const struct symbol_table *t)
{
    uint64_t h = XXH3_64bits_withSeed(t->name, strlen(t->name), t->n);
    for (size_t i = 0; i < t->n; i++) {
        const struct entry *e = &t->entries[i];
        const uint64_t key[5] = {e->address, e->size, (uint8_t)e->type, e->flags, name_hash(t, e)};
        h = XXH3_64bits_withSeed(key, sizeof key, h);
    }
    for (size_t i = 0; i < t->nlines; i++) {
        const uint64_t key[3] = {t->lines[i].address, t->lines[i].file, t->lines[i].line};
        h = XXH3_64bits_withSeed(key, sizeof key, h);
    }
    for (size_t i = 0; i < t->nframes; i++) {
        const struct symbol_frame *f = &t->frames[i];
        const uint64_t key[3] = {f->address, (uint64_t)f->base << 8 | f->flags, (uint64_t)f->offset};
        h = XXH3_64bits_withSeed(key, sizeof key, h);
    }
    if (t->types_size)
        h = XXH3_64bits_withSeed(t->types, t->types_size, h);
    return symbol_table_hash_members(t, h);
}

/* Most tables are the only ones of their name, so that nothing needs their hash. */
static bool equal_tables(struct symbol_table *a, struct symbol_table *b)
{
    if (a->n != b->n || strcmp(a->name, b->name))
        return false;
    a->hash = a->hash ? a->hash : table_hash(a);
    b->hash = b->hash ? b->hash : table_hash(b);
    return a->hash == b->hash;
}

/* Makes the chains of equal hashes. Each has its entries in their order. */
static void chain_names(struct symbol_table *t)
{
    t->chains = 1;
    while (t->chains < t->n)
        t->chains *= 2;
    t->chain = mem_zero(t->chains, sizeof t->chain[0]);
    t->next_named = mem_alloc(t->n * sizeof t->next_named[0]);
    for (size_t i = t->n; i-- > 0;) {
        uint32_t *first = &t->chain[name_hash(t, &t->entries[i]) & (t->chains - 1)];
        t->next_named[i] = *first;
        *first = (uint32_t)i + 1;
    }
}

struct symbol_table *symbol_table_end(struct symbol_table *t)
{
    struct symbols *s = t->owner;
    assert(!symbol_table_whole(t) && "a table is ended once");
    sort_rows(t->entries, t->n, sizeof *t->entries, by_address);
    sort_rows(t->lines, t->nlines, sizeof *t->lines, by_row);
    symbol_table_sort_frames(t);
    set_sizes(t);
    for (size_t i = 0; i < s->ntables; i++)
        if (equal_tables(s->tables[i], t)) {
            symbol_table_free(t);
            return s->tables[i];
        }
    chain_names(t);
    t->number = (uint32_t)s->ntables;
    assert(s->ntables < UINT32_MAX);
    MEM_MORE(s->tables, s->ntables);
    s->tables[s->ntables++] = t;
    return t;
}

/* ---------------------------------------------------------------- tables */

size_t symbol_table_count(const struct symbol_table *t)
{
    return t->n;
}

const char *symbol_table_name(const struct symbol_table *t)
{
    return t->name;
}

const char *symbol_table_source(const struct symbol_table *t)
{
    return t->source;
}

static void symbol_of(const struct symbol_table *t, size_t i, uint64_t bias, struct symbol *sym)
{
    assert(i < t->n);
    const struct entry *e = &t->entries[i];
    *sym = (struct symbol){.name = t->names + e->name,
                           .module = t->name,
                           .address = e->address + (e->flags & SYMBOL_ABSOLUTE ? 0 : bias),
                           .size = e->size,
                           .type = e->type,
                           .flags = e->flags};
}

void symbol_table_symbol(const struct symbol_table *t, size_t i, struct symbol *sym)
{
    symbol_of(t, i, 0, sym);
}

/* ---------------------------------------------------------------- lookups */

/* Whether `a` comes before `b`: functions first, then by address. */
static bool better(const struct symbol *a, const struct symbol *b)
{
    if (symbol_is_code(a->type) != symbol_is_code(b->type))
        return symbol_is_code(a->type);
    return a->address < b->address;
}

static bool find_in(const struct symbol_table *t, uint64_t bias, const char *name, size_t n,
                    const struct symbol *after, struct symbol *best)
{
    bool found = false;
    struct symbol sym;
    assert(symbol_table_whole(t) && "names are found in a whole table");
    for (uint32_t k = t->chain[XXH3_64bits(name, n) & (t->chains - 1)]; k; k = t->next_named[k - 1]) {
        const char *other = t->names + t->entries[k - 1].name;
        if (strncmp(other, name, n) || other[n])
            continue;
        symbol_of(t, k - 1, bias, &sym);
        if (after && !better(after, &sym))
            continue;
        if (!found || better(&sym, best))
            *best = sym;
        found = true;
    }
    return found;
}

bool symbol_table_find(const struct symbol_table *t, const char *name, struct symbol *sym)
{
    return find_in(t, 0, name, strlen(name), NULL, sym);
}

int symbol_space_text(symbol_space space, char *buf, size_t size)
{
    const unsigned guest = symbol_space_guest(space);
    return guest ? snprintf(buf, size, "%u:%u", guest, symbol_space_id(space))
                 : snprintf(buf, size, "%u", symbol_space_id(space));
}

static bool take_digits(const char **text, uint64_t max, uint64_t *value)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return *value <= max;
}

bool symbol_space_parse(const char *text, symbol_space *space)
{
    uint64_t guest = 0, id;
    if (!take_digits(&text, INT32_MAX, &id))
        return false;
    if (*text == ':') {
        guest = id;
        text++;
        if (!take_digits(&text, INT32_MAX, &id))
            return false;
    }
    *space = symbol_space_of((unsigned)guest, (uint32_t)id);
    return !*text;
}

/* The space that is searched after this one. False if there is none. */
static bool outer_space(symbol_space *space)
{
    const symbol_space inner = *space, kernel = symbol_space_kernel(inner);
    *space = inner == kernel ? SPACE_KERNEL : kernel;
    return inner != SPACE_KERNEL;
}

static bool find_space(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                       const struct symbol *after, struct symbol *sym)
{
    const char *colon = strchr(name, ':');
    size_t module = colon && colon[1] && colon[1] != ':' ? (size_t)(colon - name) : 0;
    const char *plain = module ? colon + 1 : name;
    for (size_t i = symbols_newest(s, space); i; i = symbols_older(s, space, i)) {
        const struct symbol_mapping *m = &s->maps[i - 1];
        if (!symbol_mapping_in_force(m, at))
            continue;
        if (module && (strncmp(m->table->name, name, module) || m->table->name[module]))
            continue;
        if (after && m->table->name != after->module)
            continue;
        if (find_in(m->table, m->bias, plain, strlen(plain), after, sym))
            return true;
    }
    return false;
}

bool symbols_find(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                  struct symbol *sym)
{
    do
        if (find_space(s, space, name, at, NULL, sym))
            return true;
    while (outer_space(&space));
    return false;
}

bool symbols_find_in(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                     struct symbol *sym)
{
    return find_space(s, space, name, at, NULL, sym);
}

bool symbols_find_next(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                       struct symbol *sym)
{
    const struct symbol after = *sym;
    do
        if (find_space(s, space, name, at, &after, sym))
            return true;
    while (outer_space(&space));
    return false;
}

/* A name that the assembler generated is shown only if there is no other. */
static bool made_up(const char *name)
{
    return name[0] == '$' || name[0] == '.';
}

/* The entry that contains a link address, or -1. */
static long entry_at(const struct symbol_table *t, uint64_t address)
{
    size_t first = absolute_count(t),
           low = first + SORTED_ABOVE(t->entries + first, t->n - first, address, address);
    if (low == first)
        return -1;
    long best = -1;
    for (size_t i = low; i-- > first && t->entries[i].address == t->entries[low - 1].address;) {
        const struct entry *e = &t->entries[i];
        if (e->size && address - e->address >= e->size)
            continue;
        if (best < 0 || !made_up(t->names + e->name))
            best = (long)i;
    }
    return best;
}

static bool covers(const struct symbol_mapping *m, uint64_t address)
{
    uint64_t begin = m->begin, end = m->end;
    if (!begin && !end) {
        begin = m->table->low + m->bias;
        end = m->table->high + m->bias;
    }
    return address - begin < end - begin;
}

/* The first of a mapping and the older ones of its space that has the address, or NULL. *next becomes what to go on with. */
static const struct symbol_mapping *mapping_at(const struct symbols *s, symbol_space space, uint64_t address,
                                               uint64_t at, size_t *next)
{
    for (size_t i = *next; i;) {
        const struct symbol_mapping *m = &s->maps[i - 1];
        i = symbols_older(s, space, i);
        if (symbol_mapping_in_force(m, at) && covers(m, address)) {
            *next = i;
            return m;
        }
    }
    return NULL;
}

bool symbols_at_in(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                   struct symbol *sym)
{
    const struct symbol_mapping *m;
    for (size_t next = symbols_newest(s, space); (m = mapping_at(s, space, address, at, &next));) {
        long e = entry_at(m->table, address - m->bias);
        if (e >= 0) {
            symbol_of(m->table, (size_t)e, m->bias, sym);
            return true;
        }
    }
    return false;
}

bool symbols_at(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                struct symbol *sym, uint64_t *offset)
{
    do
        if (symbols_at_in(s, space, address, at, sym)) {
            if (offset)
                *offset = address - sym->address;
            return true;
        }
    while (outer_space(&space));
    return false;
}

int symbols_text(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at, char *buf,
                 size_t size)
{
    struct symbol sym;
    uint64_t offset;
    char plus[24] = "";
    if (!symbols_at(s, space, address, at, &sym, &offset))
        return snprintf(buf, size, "0x%llx", (unsigned long long)address);
    if (offset)
        snprintf(plus, sizeof plus, "+0x%llx", (unsigned long long)offset);
    /* In brackets: a stretch of memory of which nothing else is known, as a whole file. */
    bool kernel = !strcmp(sym.module, "kernel") || (*sym.name == '[' && !strcmp(sym.name, sym.module));
    return snprintf(buf, size, "%s%s%s%s%s", sym.name, plus, kernel ? "" : " [", kernel ? "" : sym.module,
                    kernel ? "" : "]");
}

long symbol_table_row_at(const struct symbol_table *t, uint64_t address)
{
    return (long)SORTED_ABOVE(t->lines, t->nlines, address, address) - 1;
}

static bool line_space(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                       const char **file, unsigned *line)
{
    struct debug_place place;
    if (s->ndebug && symbols_debug_at(s, space, address, at, &place, 1) && place.file && place.line) {
        *file = place.file;
        *line = place.line;
        return true;
    }
    for (size_t i = symbols_newest(s, space); i; i = symbols_older(s, space, i)) {
        const struct symbol_mapping *m = &s->maps[i - 1];
        long row = symbol_mapping_in_force(m, at) ? symbol_table_row_at(m->table, address - m->bias) : -1;
        if (row < 0 || !m->table->lines[row].line)
            continue;
        *file = m->table->files[m->table->lines[row].file];
        *line = m->table->lines[row].line;
        return true;
    }
    return false;
}

bool symbols_line(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                  const char **file, unsigned *line)
{
    do
        if (line_space(s, space, address, at, file, line))
            return true;
    while (outer_space(&space));
    return false;
}

size_t symbols_places(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                      struct debug_place *place, size_t max)
{
    size_t n = 0;
    if (s->ndebug)
        do
            n = symbols_debug_at(s, space, address, at, place, max);
        while (!n && outer_space(&space));
    return n;
}

/* The last frame row at or before a link address, or NULL. */
static const struct symbol_frame *frame_at(const struct symbol_table *t, uint64_t address)
{
    size_t low = SORTED_ABOVE(t->frames, t->nframes, address, address);
    return low && t->frames[low - 1].base != FRAME_UNKNOWN ? &t->frames[low - 1] : NULL;
}

bool symbols_frame(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                   struct symbol_frame *f)
{
    enum { SPACES = 3 };
    const symbol_space of[SPACES] = {space, symbol_space_kernel(space), SPACE_KERNEL};
    size_t next[SPACES];
    for (unsigned k = 0; k < SPACES; k++)
        next[k] = symbols_newest(s, of[k]);
    for (;;) {
        size_t i = 0; /* the newest of those that are left; a kernel's space is here twice or three times */
        for (unsigned k = 0; k < SPACES; k++)
            i = next[k] > i ? next[k] : i;
        if (!i)
            return false;
        const struct symbol_mapping *m = &s->maps[i - 1];
        const struct symbol_frame *row =
            symbol_mapping_in_force(m, at) ? frame_at(m->table, address - m->bias) : NULL;
        if (row) {
            *f = *row;
            return true;
        }
        for (unsigned k = 0; k < SPACES; k++)
            if (next[k] == i)
                next[k] = symbols_older(s, of[k], i);
    }
}
