/* pprof.c - samples by symbol and call chain, for `go tool pprof` (pprof.proto, packed by protobuf-c and gzip). A function
 * is a location; the stage and the process of a sample are its labels. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/out.h"
#include "core/export/pprof.pb-c.h"
#include "core/export/private/impl.h"

struct builder {
    const char *title;
    const struct samples *s;
    Pprof__Profile p;
    char **strings; /* the table: the first is "" */
    size_t nstrings;
    const char **modules; /* the mappings', by number - 1 */
    size_t nmodules;
};

/* The number of a text in the table. */
static int64_t text(struct builder *b, const char *s)
{
    for (size_t i = 0; i < b->nstrings; i++)
        if (!strcmp(b->strings[i], s))
            return (int64_t)i;
    MEM_MORE(b->strings, b->nstrings);
    b->strings[b->nstrings] = (char *)s;
    return (int64_t)b->nstrings++;
}

static Pprof__ValueType *value_type(struct builder *b, const char *type, const char *unit)
{
    Pprof__ValueType *v = mem_alloc(sizeof *v);
    pprof__value_type__init(v);
    v->type = text(b, type);
    v->unit = text(b, unit);
    return v;
}

/* ---------------------------------------------------------------- functions */

static uint64_t mapping(struct builder *b, const char *module)
{
    for (size_t i = 0; i < b->nmodules; i++)
        if (!strcmp(b->modules[i], module))
            return i + 1;
    Pprof__Mapping *m = mem_alloc(sizeof *m);
    pprof__mapping__init(m);
    m->id = b->nmodules + 1;
    m->filename = text(b, *module ? module : "[no symbols]");
    m->has_functions = m->has_filenames = m->has_line_numbers = 1; /* nothing more is to be looked up */
    MEM_MORE(b->modules, b->nmodules);
    b->modules[b->nmodules++] = module;
    MEM_MORE(b->p.mapping, b->p.n_mapping);
    b->p.mapping[b->p.n_mapping++] = m;
    return m->id;
}

static void add_function(struct builder *b, uint32_t number)
{
    const struct sample_function *from = samples_function_number(b->s, number);
    Pprof__Function *f = mem_alloc(sizeof *f);
    Pprof__Location *l = mem_alloc(sizeof *l);
    Pprof__Line *line = mem_alloc(sizeof *line);
    pprof__function__init(f);
    pprof__location__init(l);
    pprof__line__init(line);
    f->id = l->id = line->function_id = number + 1ull;
    f->name = f->system_name = text(b, from->name);
    f->filename = text(b, from->file ? from->file : "");
    f->start_line = line->line = from->line;
    l->mapping_id = mapping(b, from->module);
    l->address = from->address;
    l->line = mem_alloc(sizeof *l->line);
    l->line[0] = line;
    l->n_line = 1;
    b->p.function[b->p.n_function++] = f;
    b->p.location[b->p.n_location++] = l;
}

/* ---------------------------------------------------------------- samples */

static void add_label(struct builder *b, Pprof__Sample *to, const char *key, const char *value)
{
    if (!*value)
        return;
    Pprof__Label *l = mem_alloc(sizeof *l);
    pprof__label__init(l);
    l->key = text(b, key);
    l->str = text(b, value);
    MEM_MORE(to->label, to->n_label);
    to->label[to->n_label++] = l;
}

static void add_sample(struct builder *b, const struct sample_chain *c)
{
    Pprof__Sample *s = mem_alloc(sizeof *s);
    pprof__sample__init(s);
    s->n_location_id = c->ncalls;
    s->location_id = mem_zero(c->ncalls, sizeof *s->location_id);
    for (size_t i = 0; i < c->ncalls; i++)
        s->location_id[i] = c->call[c->ncalls - 1 - i] + 1ull;
    s->n_value = 2;
    s->value = mem_zero(2, sizeof *s->value);
    s->value[0] = (int64_t)c->count;
    s->value[1] = (int64_t)(c->count * samples_every(b->s));
    add_label(b, s, "stage", c->stage);
    add_label(b, s, "process", c->process);
    b->p.sample[b->p.n_sample++] = s;
}

static void build(struct builder *b)
{
    size_t nf = samples_functions(b->s), nc = samples_chains(b->s);
    pprof__profile__init(&b->p);
    text(b, "");
    b->p.sample_type = mem_zero(2, sizeof *b->p.sample_type);
    b->p.sample_type[0] = value_type(b, "samples", "count");
    b->p.sample_type[1] = value_type(b, "steps", "count");
    b->p.n_sample_type = 2;
    mapping(b, b->title); /* the first is taken for the program that was profiled */
    b->p.period_type = value_type(b, "steps", "count");
    b->p.period = (int64_t)samples_every(b->s);
    b->p.function = mem_zero(nf, sizeof *b->p.function);
    b->p.location = mem_zero(nf, sizeof *b->p.location);
    b->p.sample = mem_zero(nc, sizeof *b->p.sample);
    for (uint32_t i = 0; i < nf; i++)
        add_function(b, i);
    for (size_t i = 0; i < nc; i++)
        add_sample(b, samples_chain(b->s, i));
    b->p.n_string_table = b->nstrings;
    b->p.string_table = b->strings;
}

static void release(struct builder *b)
{
    for (size_t i = 0; i < b->p.n_sample; i++) {
        Pprof__Sample *s = b->p.sample[i];
        for (size_t k = 0; k < s->n_label; k++)
            free(s->label[k]);
        free(s->label);
        free(s->location_id);
        free(s->value);
        free(s);
    }
    for (size_t i = 0; i < b->p.n_location; i++) {
        free(b->p.location[i]->line[0]);
        free(b->p.location[i]->line);
        free(b->p.location[i]);
        free(b->p.function[i]);
    }
    for (size_t i = 0; i < b->p.n_mapping; i++)
        free(b->p.mapping[i]);
    free(b->p.sample_type[0]);
    free(b->p.sample_type[1]);
    free(b->p.period_type);
    free(b->p.sample_type);
    free(b->p.sample);
    free(b->p.location);
    free(b->p.function);
    free(b->p.mapping);
    free(b->strings);
    free(b->modules);
}

/* ---------------------------------------------------------------- the file */

/* gzip (RFC 1952) without a time or a name in its header, so that equal profiles are equal files. */
static int put_gzip(FILE *out, const uint8_t *data, size_t n, struct error *err)
{
    enum { GZIP = 16, MEMORY = 8 };
    z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)n};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return error_set(err, "the profile cannot be compressed");
    uLong room = deflateBound(&z, (uLong)n);
    uint8_t *to = mem_alloc(room);
    z.next_out = to;
    z.avail_out = (uInt)room;
    int rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : error_set(err, "the profile cannot be compressed");
    if (!rc)
        out_bytes(out, to, z.total_out);
    deflateEnd(&z);
    free(to);
    return rc;
}

int export_pprof(const struct export_options *o, FILE *out, struct error *err)
{
    struct samples *s = export_samples(o, err);
    if (!s)
        return -1;
    struct builder b = {.title = o->title, .s = s};
    build(&b);
    size_t n = pprof__profile__get_packed_size(&b.p);
    uint8_t *packed = mem_alloc(n);
    pprof__profile__pack(&b.p, packed);
    int rc = put_gzip(out, packed, n, err);
    free(packed);
    release(&b);
    samples_free(s);
    return rc;
}
