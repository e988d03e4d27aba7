/* kernel_types.c - finds a kernel's type information in its memory. See kernel_types.h.
 *
 * The kernel's own types are in its image; those of modules are in a list (btf_modules, kernel/bpf/btf.c).
 */
#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/symbols/private/btf_open.h"
#include "core/symbols/private/kernel_types_impl.h"

#include "base/memory.h"

enum { HEADER = 24, MODULE_TYPES_MAX = 16 << 20, ALL_TYPES_MAX = 128 << 20, MODULES_MAX = 1024 };

/* What is known of a kernel while it is read. */
struct reading {
    struct kernel_types *k;
    const struct kernel_place *p;
    const struct symbols *s;
    const struct kernel_memory *m;
};

static uint64_t symbol(const struct reading *r, const char *name)
{
    struct symbol sym;
    return symbols_find_in(r->s, r->p->space, name, r->p->when, &sym) ? sym.address : 0;
}

static size_t read_memory(const struct kernel_memory *m, uint64_t address, void *buf, size_t n)
{
    return m->read(m->ctx, address, buf, n);
}

static uint64_t read_word(const struct kernel_memory *m, uint64_t address)
{
    uint64_t v = 0;
    return address && read_memory(m, address, &v, 8) == 8 ? v : 0;
}

/* ---------------------------------------------------------------- the kernel */

/* The length of the BTF that begins there; 0: none does. Its header: magic, version, flags, length, then
 * offset and length of types and of strings. */
static size_t btf_length(const uint8_t *p, size_t n)
{
    uint32_t h[HEADER / 4];
    if (n < HEADER || p[0] != 0x9f || p[1] != 0xeb || p[2] != 1)
        return 0;
    memcpy(h, p, sizeof h);
    const uint64_t types = (uint64_t)h[2] + h[3], strings = (uint64_t)h[4] + h[5];
    const uint64_t length = h[1] + (types > strings ? types : strings);
    return h[1] >= HEADER && h[1] < 256 && h[3] && h[5] && length <= n ? (size_t)length : 0;
}

/* Reads an image, as far as it can be read. */
static void read_code(const struct kernel_memory *m, struct kernel_code *c)
{
    c->bytes = mem_alloc(c->n + 1);
    mem_expect(c->bytes, c->n);
    c->n = read_memory(m, c->address, c->bytes, c->n);
}

/* BTF at a place in the kernel's image; to be freed. */
static void *btf_at(const struct kernel_memory *m, const struct kernel_code *image, uint64_t at, size_t *n)
{
    uint8_t head[HEADER], *own;
    if (at >= image->n || image->n - at < HEADER ||
        read_memory(m, image->address + at, head, HEADER) != HEADER ||
        !(*n = btf_length(head, image->n - (size_t)at)))
        return NULL;
    own = mem_alloc(*n);
    mem_expect(own, *n);
    if (read_memory(m, image->address + at, own, *n) == *n)
        return own;
    free(own);
    return NULL;
}

/* Finds a kernel's own BTF: between two symbols or, in a kernel without these, by searching the image. */
static void *find_btf(const struct reading *r, struct kernel_code *image, size_t *n)
{
    static const uint8_t magic[] = {0x9f, 0xeb, 1, 0, HEADER, 0, 0, 0};
    enum { LEAST = 1 << 16 };
    const uint64_t start = symbol(r, "__start_BTF");
    void *own = start ? btf_at(r->m, image, start - image->address, n) : NULL;
    if (own)
        return own;
    read_code(r->m, image);
    const uint8_t *p = image->bytes, *end = p + image->n;
    for (; (p = memmem(p, (size_t)(end - p), magic, sizeof magic)); p++)
        if ((*n = btf_length(p, (size_t)(end - p))) > LEAST)
            return btf_at(r->m, image, (uint64_t)(p - image->bytes), n);
    return NULL;
}

/* A search by libbpf compares all names. `first`: the number of the first type that is its own. */
static struct hash_index functions_of(const struct btf *btf, unsigned first)
{
    struct hash_index x = {0};
    const unsigned n = btf__type_cnt(btf);
    for (unsigned i = first; i < n; i++) {
        const struct btf_type *t = btf__type_by_id(btf, i);
        const char *name = t && btf_is_func(t) ? btf__name_by_offset(btf, t->name_off) : NULL;
        if (name)
            hash_index_add(&x, XXH3_64bits(name, strlen(name)), i);
    }
    return x;
}

/* Takes the data, of which libbpf has a copy. False if it is damaged. */
static bool add_types(struct kernel_types *k, const char *table, void *data, size_t n)
{
    struct btf *btf = btf_open(data, n, k->set.n ? k->btf[0] : NULL);
    uint32_t size;
    const void *copy = btf ? btf__raw_data(btf, &size) : NULL;
    free(data);
    if (!copy) {
        btf__free(btf);
        return false;
    }
    size_t opened = k->set.n, indexed = k->set.n;
    MEM_MORE(k->list, k->set.n);
    MEM_MORE(k->btf, opened);
    MEM_MORE(k->functions, indexed);
    k->btf[k->set.n] = btf;
    k->functions[k->set.n] = functions_of(btf, k->set.n ? btf__type_cnt(k->btf[0]) : 1);
    k->list[k->set.n++] = (struct symbol_types){mem_string(table), copy, size};
    k->set.list = k->list;
    return true;
}

/* The kernel's own types, or those of its DWARF if that was given; to be freed. *table: the table to which
 * they belong. */
static void *find_types(const struct reading *r, struct kernel_code *image, size_t *n, const char **table)
{
    const void *given = NULL;
    void *own = find_btf(r, image, n);
    const struct symbol_table *t = own ? NULL : symbols_types(r->s, r->p->text, &given, n);
    *table = t ? symbol_table_name(t) : "kernel";
    if (own || !given)
        return own;
    return memcpy(mem_alloc(*n), given, *n);
}

static bool read_kernel(struct reading *r)
{
    struct kernel_types *k = r->k;
    struct kernel_code image = {.address = r->p->text, .n = r->p->size};
    size_t n;
    const char *table;
    void *btf = find_types(r, &image, &n, &table);
    if (!btf || !add_types(k, table, btf, n)) {
        free(image.bytes);
        return false;
    }
    MEM_MORE(k->code, k->ncode);
    k->code[k->ncode++] = image;
    k->set.space = r->p->space;
    return true;
}

/* ---------------------------------------------------------------- modules */

enum { LIST, OF_MODULE, OF_BTF, DATA, SIZE, NAME, MEMBERS };

static bool members(const struct kernel_types *k, uint64_t at[MEMBERS])
{
    static const char *const rows[MEMBERS][2] = {
        [LIST] = {"btf_module", "list"},  [OF_MODULE] = {"btf_module", "module"},
        [OF_BTF] = {"btf_module", "btf"}, [DATA] = {"btf", "data"},
        [SIZE] = {"btf", "data_size"},    [NAME] = {"module", "name"}};
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct types_place p;
        if (!kernel_types_member(k, rows[i][0], rows[i][1], &p))
            return false;
        at[i] = p.address;
    }
    return true;
}

static const struct symbol_mapping *mapping_of(const struct reading *r, const char *name)
{
    const struct symbol_mapping *found = NULL;
    for (size_t i = 0; i < symbols_mappings(r->s); i++) {
        const struct symbol_mapping *m = symbols_mapping(r->s, i);
        if (m->space == r->p->space && !strcmp(symbol_table_name(m->table), name))
            found = m;
    }
    return found;
}

/* Adds the code of a mapping, from which it is seen how functions begin. */
static void add_code(struct kernel_types *k, const struct symbol_mapping *m)
{
    enum { CODE_MAX = 16 << 20 };
    if (m->end <= m->begin || m->end - m->begin > CODE_MAX)
        return;
    MEM_MORE(k->code, k->ncode);
    k->code[k->ncode++] = (struct kernel_code){.address = m->begin, .n = (size_t)(m->end - m->begin)};
}

static void read_module(struct reading *r, uint64_t entry, const uint64_t at[MEMBERS])
{
    const uint64_t module = read_word(r->m, entry + at[OF_MODULE]), btf = read_word(r->m, entry + at[OF_BTF]);
    const uint64_t data = read_word(r->m, btf + at[DATA]);
    const uint32_t size = (uint32_t)read_word(r->m, btf + at[SIZE]);
    char name[56] = "";
    if (!data || size < HEADER || size > MODULE_TYPES_MAX ||
        read_memory(r->m, module + at[NAME], name, sizeof name - 1) != sizeof name - 1)
        return;
    const struct symbol_mapping *m = mapping_of(r, name);
    uint8_t *own = m ? mem_alloc(size) : NULL;
    if (!own || read_memory(r->m, data, own, size) != size || !btf_length(own, size)) {
        free(own);
        return;
    }
    if (add_types(r->k, name, own, size))
        add_code(r->k, m);
}

static size_t all_types(const struct kernel_types *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->set.n; i++)
        n += k->list[i].size;
    return n;
}

static void read_modules(struct reading *r)
{
    uint64_t at[MEMBERS];
    const uint64_t head = symbol(r, "btf_modules");
    uint64_t next = head ? read_word(r->m, head) : 0;
    if (!next || next == head || !members(r->k, at))
        return;
    for (unsigned n = 0; next && next != head && n < MODULES_MAX && all_types(r->k) < ALL_TYPES_MAX; n++) {
        read_module(r, next - at[LIST], at);
        next = read_word(r->m, next);
    }
}

static size_t read_code_at(void *ctx, uint64_t address, void *buf, size_t n)
{
    struct kernel_types *k = ctx;
    for (size_t i = 0; i < k->ncode; i++) {
        struct kernel_code *c = &k->code[i];
        const uint64_t at = address - c->address;
        if (at < c->n && !c->bytes)
            read_code(&k->memory, c);
        if (at >= c->n)
            continue;
        n = n < c->n - (size_t)at ? n : c->n - (size_t)at;
        memcpy(buf, c->bytes + at, n);
        return n;
    }
    return 0;
}

bool kernel_types_add(struct kernel_types *k, const char *module, const void *btf, size_t n)
{
    void *own = mem_alloc(n + 1);
    memcpy(own, btf, n);
    return add_types(k, module, own, n);
}

bool kernel_types_has(const struct kernel_types *k, const char *table)
{
    for (size_t i = 0; i < k->set.n; i++)
        if (!strcmp(k->list[i].table, table))
            return true;
    return false;
}

struct kernel_types *kernel_types_of(const void *btf, size_t n)
{
    struct kernel_types *k = mem_zero(1, sizeof *k);
    if (kernel_types_add(k, "kernel", btf, n))
        return k;
    kernel_types_free(k);
    return NULL;
}

void kernel_types_forget_code(struct kernel_types *k)
{
    if (!k || !k->memory.relax)
        return;
    for (size_t i = 0; i < k->ncode; i++) {
        free(k->code[i].bytes);
        k->code[i].bytes = NULL;
    }
    k->memory.relax(k->memory.ctx);
}

/* Reads all code now, so that the memory need not be kept. */
static void read_all_code(struct kernel_types *k)
{
    for (size_t i = 0; i < k->ncode; i++)
        if (!k->code[i].bytes)
            read_code(&k->memory, &k->code[i]);
    k->memory.close(k->memory.ctx);
    k->memory = (struct kernel_memory){0};
}

struct kernel_types *kernel_types_new(void)
{
    struct kernel_types *k = mem_zero(1, sizeof *k);
    k->set = (struct symbol_types_set){.read = read_code_at, .ctx = k};
    return k;
}

struct kernel_types *kernel_types_in(const struct kernel_place *p, const struct symbols *s,
                                     struct kernel_memory m)
{
    struct kernel_types *k = kernel_types_new();
    k->memory = m;
    struct reading r = {.k = k, .p = p, .s = s, .m = &k->memory};
    if (read_kernel(&r))
        read_modules(&r);
    if (!m.relax)
        read_all_code(k);
    return k;
}

void kernel_types_free(struct kernel_types *k)
{
    for (size_t i = k ? k->set.n : 0; i-- > 0;) { /* the kernel's last: the others refer to it */
        btf__free(k->btf[i]);
        hash_index_clear(&k->functions[i]);
        free((void *)k->list[i].table);
    }
    for (size_t i = 0; k && i < k->ncode; i++)
        free(k->code[i].bytes);
    if (k) {
        if (k->memory.close)
            k->memory.close(k->memory.ctx);
        free(k->list);
        free(k->btf);
        free(k->functions);
        free(k->code);
    }
    free(k);
}

const struct symbol_types_set *kernel_types_set(const struct kernel_types *k)
{
    return &k->set;
}
