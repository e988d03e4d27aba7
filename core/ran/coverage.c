/* coverage.c - runs a boot again in parts and collects what was executed. See coverage.h. */
#include "core/ran/coverage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/ran/private/covered.h"
#include "core/ran/private/initcalls.h"
#include "core/ran/private/roms.h"
#include "core/ran/private/who.h"
#include "core/run/replay.h"
#include "core/systems/linux/initcalls.h"

enum { PAGE = COVERED_PAGE, WORDS = COVERED_WORDS };

/* ---------------------------------------------------------------- modules */

/* Tables of one name and as many symbols are the same file. */
uint32_t covered_module(struct coverage *c, const char *name, const struct symbol_table *table)
{
    for (size_t i = 0; i < c->nmodules; i++) {
        const struct module *m = &c->module[i];
        if (m->table == table && !strcmp(m->name, name))
            return (uint32_t)i;
        if (table && m->table && !strcmp(m->name, name) &&
            symbol_table_count(m->table) == symbol_table_count(table))
            return (uint32_t)i;
    }
    MEM_MORE(c->module, c->nmodules);
    c->module[c->nmodules] = (struct module){.table = table, .name = mem_string(name), .since = UINT64_MAX};
    return (uint32_t)c->nmodules++;
}

static struct code_of *code_at(struct coverage *c, uint32_t module, uint64_t page, bool make)
{
    const uint64_t key[2] = {module, page}, hash = XXH3_64bits(key, sizeof key);
    for (struct hash_search s = hash_search(&c->by_page, hash); hash_found(&c->by_page, &s);)
        if (c->code[s.number].module == module && c->code[s.number].page == page)
            return &c->code[s.number];
    if (!make)
        return NULL;
    c->code = mem_grow(c->code, &c->capcode, c->ncode + 1, sizeof *c->code);
    c->code[c->ncode] = (struct code_of){.module = module, .page = page};
    hash_index_add(&c->by_page, hash, c->ncode);
    return &c->code[c->ncode++];
}

void covered_mark(struct coverage *c, uint32_t module, uint64_t address, uint32_t n, bool begins, bool minus)
{
    for (uint64_t at = address; at < address + n;) {
        const uint64_t page = at - at % PAGE, end = page + PAGE < address + n ? page + PAGE : address + n;
        struct code_of *p = code_at(c, module, page, !minus);
        if (p && begins && at == address && !minus)
            p->begin[at % PAGE / 64] |= 1ull << at % 64;
        for (; p && at < end; at++)
            if (minus)
                p->byte[at % PAGE / 64] &= ~(1ull << at % 64);
            else
                p->byte[at % PAGE / 64] |= 1ull << at % 64;
        at = end;
    }
}

/* ---------------------------------------------------------------- one job */

/* A piece of code, where it was seen. */
struct piece {
    uint64_t linear;
    symbol_space space;
    uint64_t icount;
    uint32_t bytes;
    bool begins;
    uint32_t rom; /* 1 + which of the job's option ROMs it is in; 0: in none */
};

/* An option ROM, and where its first byte is executed. */
struct rom_seen {
    char *name;
    uint64_t linear;
};

/* A page of memory that is executed, and at which linear pages. */
struct alias {
    uint64_t physical, content; /* hash of its bytes */
    struct {
        uint64_t linear;
        symbol_space space;
    } at[8];
    unsigned n;
};

struct job {
    struct covering *of;
    struct replay *r;
    struct engine *e;
    struct trace *t, *beside;
    struct who who;
    bool first; /* of a part: it may begin anywhere in a block */
    struct alias *alias;
    size_t naliases, capaliases;
    struct hash_index by_physical;
    struct piece *piece;
    size_t npieces, cappieces;
    struct hash_index by_piece;
    struct rom_seen *rom;
    size_t nroms;
    struct error err;
    bool failed;
    uint64_t told;
};

struct covering {
    const struct coverage_options *o;
    struct coverage *c;
    bool minus;
    unsigned jobs;
    pthread_mutex_t lock;
    atomic_bool interrupted;
    atomic_uint_fast64_t steps;
    struct job *job;
};

static void add_piece(struct job *j, uint64_t linear, symbol_space space, uint64_t icount, uint32_t bytes,
                      bool begins, uint32_t rom)
{
    const uint64_t key[2] = {linear, (uint64_t)space}, hash = XXH3_64bits(key, sizeof key);
    for (struct hash_search s = hash_search(&j->by_piece, hash); hash_found(&j->by_piece, &s);) {
        struct piece *p = &j->piece[s.number];
        if (p->linear == linear && p->space == space && p->bytes >= bytes && (p->begins || !begins) &&
            p->rom == rom)
            return;
    }
    j->piece = mem_grow(j->piece, &j->cappieces, j->npieces + 1, sizeof *j->piece);
    hash_index_add(&j->by_piece, hash, j->npieces);
    j->piece[j->npieces++] = (struct piece){
        .linear = linear, .space = space, .icount = icount, .bytes = bytes, .begins = begins, .rom = rom};
}

/* A kernel's addresses mean the same in every process. */
static symbol_space space_of(struct job *j, const struct engine_code *c)
{
    const symbol_space s = who_space(&j->who, c->cpu, c->linear, c->icount);
    return c->linear >> 63 ? symbol_space_kernel(s) : s;
}

static uint64_t content_of(struct job *j, uint64_t page)
{
    uint8_t bytes[PAGE];
    const size_t n = j->e->ops->peek_physical(j->e, page, bytes, sizeof bytes);
    return XXH3_64bits(bytes, n);
}

static struct alias *alias_of(struct job *j, uint64_t page)
{
    const uint64_t hash = XXH3_64bits(&page, sizeof page);
    for (struct hash_search s = hash_search(&j->by_physical, hash); hash_found(&j->by_physical, &s);)
        if (j->alias[s.number].physical == page)
            return &j->alias[s.number];
    j->alias = mem_grow(j->alias, &j->capaliases, j->naliases + 1, sizeof *j->alias);
    hash_index_add(&j->by_physical, hash, j->naliases);
    j->alias[j->naliases] = (struct alias){.physical = page};
    return &j->alias[j->naliases++];
}

/* What was executed at one linear page may be executed at another without being decoded again: it counts there, too, if the page still holds
 * the same. */
static void page_executed(struct job *j, const struct engine_code *c)
{
    const symbol_space space = space_of(j, c);
    struct alias *a = alias_of(j, c->physical);
    const uint64_t page = c->linear - c->linear % PAGE;
    for (unsigned i = 0; i < a->n; i++)
        if (a->at[i].linear == page && a->at[i].space == space)
            return;
    const uint64_t content = content_of(j, c->physical);
    if (content != a->content)
        a->n = 0;
    a->content = content;
    if (a->n < sizeof a->at / sizeof a->at[0]) {
        a->at[a->n].linear = page;
        a->at[a->n++].space = space;
    }
    if (a->n < 2)
        return;
    for (size_t i = 0, n = j->npieces; i < n; i++) {
        const struct piece p = j->piece[i];
        if (p.linear - p.linear % PAGE == a->at[0].linear && p.space == a->at[0].space)
            add_piece(j, page + p.linear % PAGE, space, c->icount, p.bytes, p.begins, p.rom);
    }
}

static uint32_t rom_of(struct job *j, const struct engine_code *c)
{
    struct rom rom;
    if (!rom_at(j->who.look, j->t, c->physical, &rom))
        return 0;
    const uint64_t linear = rom.at + c->linear - c->physical;
    for (size_t i = 0; i < j->nroms; i++)
        if (j->rom[i].linear == linear && !strcmp(j->rom[i].name, rom.name))
            return (uint32_t)i + 1;
    MEM_MORE(j->rom, j->nroms);
    j->rom[j->nroms++] = (struct rom_seen){mem_string(rom.name), linear};
    return (uint32_t)j->nroms;
}

static void on_code(void *ctx, const struct engine_code *c)
{
    struct job *j = ctx;
    if (j->failed)
        return;
    if (who_pass(&j->who, c->icount, &j->err)) {
        j->failed = true;
        replay_interrupt(j->r);
        return;
    }
    if (!c->bytes) {
        page_executed(j, c);
        return;
    }
    add_piece(j, c->linear, space_of(j, c), c->icount, c->bytes, !j->first, rom_of(j, c));
    j->first = false;
}

/* ---------------------------------------------------------------- what it belongs to */

static const struct symbol_mapping *mapping_of(const struct symbols *s, const struct symbol *sym,
                                               symbol_space space, uint64_t at)
{
    const symbol_space spaces[] = {space, symbol_space_kernel(space), SPACE_KERNEL, SPACE_PHYSICAL};
    for (size_t k = 0; k < sizeof spaces / sizeof spaces[0]; k++)
        for (size_t i = symbols_mappings(s); i-- > 0;) {
            const struct symbol_mapping *m = symbols_mapping(s, i);
            if (m->space == spaces[k] && m->since <= at && (!m->until || at < m->until) &&
                symbol_table_name(m->table) == sym->module)
                return m;
        }
    return NULL;
}

struct place {
    const char *module;
    symbol_space space;
    const struct symbol_mapping *m;
    uint32_t number; /* of its module */
    uint64_t since, until;
};

/* Its addresses count from its beginning, as in its file. */
static void place_in_rom(struct job *j, const struct piece *p)
{
    const struct rom_seen *rom = &j->rom[p->rom - 1];
    struct coverage *c = j->of->c;
    struct module *mod = &c->module[covered_module(c, rom->name, NULL)];
    if (!j->of->minus &&
        (mod->since || rom->linear < mod->m.bias)) { /* the lowest, whichever job comes first */
        mod->since = 0;
        mod->m.bias = rom->linear;
    }
    covered_mark(c, (uint32_t)(mod - c->module), p->linear - rom->linear, p->bytes, p->begins, j->of->minus);
}

static void place_of(struct job *j, struct place *last, const struct piece *p)
{
    const struct symbols *s = j->of->o->symbols;
    struct coverage *c = j->of->c;
    struct symbol sym;
    const bool minus = j->of->minus;
    if (!symbols_at(s, p->space, p->linear, p->icount, &sym, NULL)) {
        if (p->rom) {
            place_in_rom(j, p);
            return;
        }
        const bool program = symbol_space_id(p->space) && !(p->linear >> 63);
        covered_mark(
            c, covered_module(c, program ? "[programs without symbols]" : "[code without symbols]", NULL),
            p->linear, p->bytes, p->begins, minus);
        return;
    }
    if (last->module != sym.module || last->space != p->space || p->icount < last->since ||
        p->icount >= last->until) {
        const struct symbol_mapping *m = mapping_of(s, &sym, p->space, p->icount);
        *last = (struct place){.module = sym.module,
                               .space = p->space,
                               .m = m,
                               .number = m ? covered_module(c, sym.module, m->table) : 0,
                               .since = m ? m->since : 0,
                               .until = m && m->until ? m->until : UINT64_MAX};
    }
    if (!last->m)
        return;
    struct module *mod = &c->module[last->number];
    if (!minus && last->m->since < mod->since) { /* the first, whichever job comes first */
        mod->since = last->m->since;
        mod->m.bias = last->m->bias;
    }
    covered_mark(c, last->number, p->linear - last->m->bias, p->bytes, p->begins, minus);
}

/* The pieces of a part go to all, and are forgotten. */
static void give(struct job *j)
{
    struct place last = {0};
    pthread_mutex_lock(&j->of->lock);
    for (size_t i = 0; i < j->npieces; i++)
        place_of(j, &last, &j->piece[i]);
    pthread_mutex_unlock(&j->of->lock);
    j->npieces = j->naliases = 0;
    hash_index_clear(&j->by_piece);
    hash_index_clear(&j->by_physical);
}

/* ---------------------------------------------------------------- running */

static void on_progress(void *ctx, const struct engine *e)
{
    struct job *j = ctx;
    struct covering *v = j->of;
    const uint64_t now = e->ops->icount(e), more = now > j->told ? now - j->told : 0;
    const uint64_t steps = atomic_fetch_add(&v->steps, more) + more;
    j->told = now;
    if (atomic_load(&v->interrupted))
        replay_interrupt(j->r);
    if (!v->o->front.progress || pthread_mutex_trylock(&v->lock))
        return;
    v->o->front.progress(v->o->front.ctx, steps, e->ops->time(e));
    pthread_mutex_unlock(&v->lock);
}

static uint64_t checkpoint_at(const struct trace *t, size_t i)
{
    return i < trace_checkpoint_count(t) ? trace_checkpoint(t, i)->icount : trace_last_icount(t);
}

static int run_part(struct job *j, size_t part, struct error *err)
{
    const uint64_t from = checkpoint_at(j->t, part), to = checkpoint_at(j->t, part + 1);
    if (to <= from)
        return 0;
    if (j->e->ops->icount(j->e) != from && replay_seek(j->r, from, err))
        return -1;
    j->first = from != 0;
    j->told = from;
    j->e->ops->codes(j->e, on_code, j);
    int rc = replay_reach(j->r, to, err);
    j->e->ops->codes(j->e, NULL, NULL);
    if (j->failed) {
        *err = j->err;
        rc = -1;
    }
    give(j);
    return rc;
}

static int open_job(struct job *j, uint64_t from, struct error *err)
{
    if (!(j->t = trace_open_beside(j->of->o->trace, err)) ||
        !(j->beside = trace_open_beside(j->of->o->trace, err)) ||
        !(j->r = replay_open_unplaced(j->t, j->of->o->kind, err)))
        return -1;
    j->e = replay_engine(j->r);
    if (!j->e->ops->codes)
        return error_set(err, "coverage: this engine does not report code");
    replay_progress(j->r, on_progress, j);
    return replay_seek(j->r, from, err) ||
                   who_open(&j->who, j->beside, j->of->o->symbols, look_of(j->e, false), from, err)
               ? -1
               : 0;
}

static void do_job(void *ctx, size_t i)
{
    struct covering *v = ctx;
    struct job *j = &v->job[i];
    const size_t n = trace_checkpoint_count(v->o->trace);
    const size_t first = n * i / v->jobs, end = n * (i + 1) / v->jobs;
    struct error err;
    j->of = v;
    if (first == end)
        return;
    int rc = open_job(j, checkpoint_at(v->o->trace, first), &err);
    for (size_t part = first; part < end && !rc; part++)
        rc = atomic_load(&v->interrupted) ? error_set(&err, "interrupted") : run_part(j, part, &err);
    if (rc) {
        j->failed = true;
        j->err = err;
        atomic_store(&v->interrupted, true);
    }
    who_close(&j->who);
    replay_close(j->r);
    trace_close(j->t);
    trace_close(j->beside);
    for (size_t k = 0; k < j->nroms; k++)
        free(j->rom[k].name);
    free(j->rom);
    free(j->alias);
    free(j->piece);
}

static void interrupt(void *work)
{
    atomic_store(&((struct covering *)work)->interrupted, true);
}

static void add_tables(struct coverage *c, const struct symbols *s)
{
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        covered_module(c, symbol_table_name(m->table), m->table);
    }
}

/* ---------------------------------------------------------------- initcalls */

void covered_initcall(struct module *m, const struct coverage_initcall *one)
{
    for (size_t i = 0; i < m->m.ninitcalls; i++)
        if (m->initcall[i].address == one->address)
            return;
    MEM_MORE(m->initcall, m->m.ninitcalls);
    m->initcall[m->m.ninitcalls++] = *one;
}

struct finding {
    struct coverage *c;
    const struct symbols *symbols;
};

static void found_initcall(void *ctx, uint64_t address, symbol_space space, uint64_t icount, unsigned level)
{
    const struct finding *f = ctx;
    struct symbol sym;
    const struct symbol_mapping *m = symbols_at(f->symbols, space, address, icount, &sym, NULL)
                                         ? mapping_of(f->symbols, &sym, space, icount)
                                         : NULL;
    if (!m)
        return;
    const struct coverage_initcall one = {
        .address = address - m->bias, .name = sym.name, .level = linux_initcall_level(level)};
    covered_initcall(&f->c->module[covered_module(f->c, sym.module, m->table)], &one);
}

static int find_initcalls(struct coverage *c, const struct coverage_options *o, struct error *err)
{
    struct finding f = {c, o->symbols};
    const struct initcalls of = {
        .trace = o->trace, .kind = o->kind, .symbols = o->symbols, .ctx = &f, .found = found_initcall};
    return initcalls_of_trace(&of, err);
}

/* Runs the boot again. */
static int run_all(struct coverage *c, const struct coverage_options *o, bool minus, struct error *err)
{
    struct covering v = {.o = o, .c = c, .minus = minus};
    const size_t parts = trace_checkpoint_count(o->trace);
    if (!parts)
        return error_set(err,
                         "coverage: the trace has no checkpoint: it ended before the machine's first state");
    v.jobs = o->jobs < parts ? o->jobs : (unsigned)parts;
    v.job = mem_zero(v.jobs, sizeof *v.job);
    pthread_mutex_init(&v.lock, NULL);
    if (o->front.running)
        o->front.running(o->front.ctx, interrupt, &v);
    jobs_run(v.jobs, v.jobs, do_job, &v);
    if (o->front.running)
        o->front.running(o->front.ctx, NULL, NULL);
    int rc = 0;
    for (unsigned i = 0; i < v.jobs && !rc; i++)
        if (v.job[i].failed && strcmp(v.job[i].err.text, "interrupted")) {
            *err = v.job[i].err;
            rc = -1;
        }
    if (!rc && atomic_load(&v.interrupted))
        rc = error_set(err, "coverage: interrupted");
    if (!rc && !minus)
        rc = find_initcalls(c, o, err);
    pthread_mutex_destroy(&v.lock);
    free(v.job);
    return rc;
}

int coverage_add(struct coverage *c, const struct coverage_options *o, bool minus, struct error *err)
{
    if (!minus)
        add_tables(c, o->symbols);
    if (!coverage_is_noted(o->trace, o->symbols))
        return run_all(c, o, minus, err);
    return coverage_from_note(c, o->trace, o->symbols, minus, err) < 0 ? -1 : 0;
}

bool coverage_is_noted(struct trace *t, const struct symbols *s)
{
    struct coverage *c = coverage_new();
    struct error ignored;
    const bool yes = coverage_from_note(c, t, s, false, &ignored) > 0;
    coverage_free(c);
    return yes;
}

/* ---------------------------------------------------------------- the result */

struct coverage *coverage_new(void)
{
    return mem_zero(1, sizeof(struct coverage));
}

void coverage_free(struct coverage *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->nmodules; i++) {
        free(c->module[i].name);
        free(c->module[i].function);
        free(c->module[i].initcall);
    }
    free(c->module);
    free(c->code);
    hash_index_clear(&c->by_page);
    free(c);
}

static int by_name(const void *a, const void *b)
{
    const struct module *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order                    ? order
           : !x->table || !y->table ? (x->table != NULL) - (y->table != NULL)
           : symbol_table_count(x->table) < symbol_table_count(y->table) ? -1
                                                                         : 1;
}

/* How many of n bytes at a link address were executed. */
static uint64_t count_bytes(const struct coverage *c, size_t module, uint64_t address, uint64_t n)
{
    uint64_t found = 0;
    for (uint64_t at = address; at < address + n;) {
        const uint64_t end = at - at % PAGE + PAGE < address + n ? at - at % PAGE + PAGE : address + n;
        const struct code_of *p = code_at((struct coverage *)c, (uint32_t)module, at - at % PAGE, false);
        for (; p && at < end; at++)
            found += p->byte[at % PAGE / 64] >> at % 64 & 1;
        at = end;
    }
    return found;
}

/* What is known to be code. */
static bool is_code(const struct symbol *s)
{
    return symbol_is_called(s) && s->type != '?';
}

static void find_functions(struct coverage *c, size_t i)
{
    struct module *m = &c->module[i];
    const size_t n = m->table ? symbol_table_count(m->table) : 0;
    m->function = mem_zero(n + 1, sizeof *m->function);
    for (size_t k = 0; k < n; k++) {
        struct symbol s, next;
        symbol_table_symbol(m->table, k, &s);
        if (!is_code(&s))
            continue;
        uint64_t size = s.flags & SYMBOL_SIZED ? s.size : 0;
        if (!size && k + 1 < n) {
            symbol_table_symbol(m->table, k + 1, &next);
            size = next.address - s.address;
            size = s.size && s.size < size ? s.size : size;
        }
        struct coverage_function *f = &m->function[m->m.nfunctions];
        if (!size || (m->m.nfunctions && f[-1].address == s.address)) /* another name of the same */
            continue;
        *f = (struct coverage_function){s.name, s.address, size, count_bytes(c, i, s.address, size)};
        m->m.executed += f->bytes != 0;
        m->m.nfunctions++;
    }
}

static int by_address(const void *a, const void *b)
{
    const struct coverage_initcall *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

/* An initcall ran if its first byte was executed. */
static void finish_initcalls(const struct coverage *c, size_t i)
{
    struct module *m = &c->module[i];
    if (m->m.ninitcalls)
        qsort(m->initcall, m->m.ninitcalls, sizeof *m->initcall, by_address);
    for (size_t k = 0; k < m->m.ninitcalls; k++)
        m->initcall[k].ran = count_bytes(c, i, m->initcall[k].address, 1);
    m->m.initcall = m->initcall;
}

void coverage_finish(struct coverage *c)
{
    struct module *old = mem_copy(c->module, c->nmodules * sizeof *old);
    uint32_t *number = mem_zero(c->nmodules + 1, sizeof *number);
    qsort(c->module, c->nmodules, sizeof *c->module, by_name);
    for (size_t i = 0; i < c->nmodules; i++)
        for (size_t k = 0; k < c->nmodules; k++)
            if (old[i].name == c->module[k].name)
                number[i] = (uint32_t)k;
    hash_index_clear(&c->by_page);
    for (size_t i = 0; i < c->ncode; i++) {
        c->code[i].module = number[c->code[i].module];
        const uint64_t key[2] = {c->code[i].module, c->code[i].page};
        hash_index_add(&c->by_page, XXH3_64bits(key, sizeof key), i);
    }
    free(old);
    free(number);
    for (size_t i = 0; i < c->nmodules; i++) {
        struct module *m = &c->module[i];
        m->m.name = m->name;
        m->m.symbols = m->table;
        find_functions(c, i);
        m->m.function = m->function;
        finish_initcalls(c, i);
    }
    for (size_t i = 0; i < c->ncode; i++)
        for (unsigned k = 0; k < WORDS; k++)
            c->module[c->code[i].module].m.bytes += (uint64_t)__builtin_popcountll(c->code[i].byte[k]);
}

size_t coverage_modules(const struct coverage *c)
{
    return c->nmodules;
}

const struct coverage_module *coverage_module(const struct coverage *c, size_t i)
{
    return &c->module[i].m;
}

const struct symbol_table *coverage_lines(const struct coverage *c, size_t module)
{
    const struct module *m = &c->module[module];
    return m->lines ? m->lines : m->table;
}

static int function_by_address(const void *key, const void *entry)
{
    const uint64_t address = *(const uint64_t *)key, at = ((const struct coverage_function *)entry)->address;
    return address < at ? -1 : address > at;
}

/* Whether nearly all functions of a module are in a file, at the same addresses and by the same names. */
static bool is_of(const struct module *m, const struct symbol_table *file)
{
    const size_t n = symbol_table_count(file);
    size_t same = 0;
    for (size_t i = 0; i < n; i++) {
        struct symbol s;
        symbol_table_symbol(file, i, &s);
        const struct coverage_function *f =
            bsearch(&s.address, m->function, m->m.nfunctions, sizeof *m->function, function_by_address);
        same += f && is_code(&s) && !strcmp(f->name, s.name);
    }
    return same && same >= m->m.nfunctions - m->m.nfunctions / 10;
}

size_t coverage_give_lines(struct coverage *c, const struct symbol_table *file)
{
    size_t found = 0;
    for (size_t i = 0; i < c->nmodules; i++)
        if (c->module[i].table && is_of(&c->module[i], file)) {
            c->module[i].lines = file;
            found++;
        }
    return found;
}

bool coverage_has(const struct coverage *c, size_t module, uint64_t address, uint64_t n)
{
    return count_bytes(c, module, address, n) != 0;
}

static int by_page(const void *a, const void *b)
{
    const struct code_of *const *x = a, *const *y = b;
    return (*x)->page < (*y)->page ? -1 : (*x)->page > (*y)->page;
}

void coverage_blocks(const struct coverage *c, size_t module,
                     void (*fn)(void *ctx, const struct coverage_block *b), void *ctx)
{
    const struct code_of **list = mem_zero(c->ncode + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < c->ncode; i++)
        if (c->code[i].module == module)
            list[n++] = &c->code[i];
    qsort(list, n, sizeof *list, by_page);
    for (size_t i = 0; i < n; i++) {
        struct coverage_block b = {0};
        for (unsigned at = 0; at <= PAGE; at++) {
            const bool in = at < PAGE && list[i]->byte[at / 64] >> at % 64 & 1;
            const bool begins = in && list[i]->begin[at / 64] >> at % 64 & 1;
            if (b.bytes && (!in || begins)) {
                fn(ctx, &b);
                b.bytes = 0;
            }
            if (in && !b.bytes++)
                b.address = list[i]->page + at;
        }
    }
    free(list);
}
