/* btf_functions.c - the functions of BTF as DWARF: their prototypes, and where their arguments are. See
 * btf_dwarf_impl.h.
 *
 * DWARF Debugging Information Format 5: 3.3 functions, 7.7.3 location lists; System V ABI, x86-64, 3.2.3 (arguments);
 * GCC manual, x86 function attributes (regparm: 32-bit kernels are built with -mregparm=3).
 */
#include <string.h>

#include "core/symbols/private/btf_dwarf_impl.h"

enum { PROLOGUE = 48 };

/* The offsets in a function up to which the registers and the stack are as its caller left them. */
struct prologue {
    unsigned regs, stack;
};

/* The beginning that all functions of a kernel share does not change arguments: endbr64, the call for tracing
 * or the NOP in its place, and saving registers. */
static struct prologue prologue_of(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t bytes[5], mask, n, pushes;               /* mask: of the last byte */
    } known[] = {{{0xf3, 0x0f, 0x1e, 0xfa}, 0xfe, 4, 0}, /* endbr64, endbr32 */
                 {{0x0f, 0x1f, 0x44, 0, 0}, 0xff, 5, 0},
                 {{0x3e, 0x8d, 0x74, 0x26, 0}, 0xff, 5, 0}, /* NOPs of 32-bit kernels */
                 {{0x89, 0xe5}, 0xff, 2, 0},
                 {{0x50}, 0xf8, 1, 1},
                 {{0x41, 0x50}, 0xf8, 2, 1},
                 {{0x48, 0x89, 0xe5}, 0xff, 3, 0}};
    struct prologue r = {0, 0};
    bool pushed = false;
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; !more && i < sizeof known / sizeof known[0]; i++) {
            const unsigned last = known[i].n - 1u;
            if (r.regs + known[i].n > n || memcmp(p + r.regs, known[i].bytes, last) ||
                (p[r.regs + last] & known[i].mask) != known[i].bytes[last])
                continue;
            more = true;
            r.regs += known[i].n;
            pushed |= known[i].pushes;
        }
        if (!pushed)
            r.stack = r.regs;
    }
    r.regs++; /* they are unchanged at the next instruction, too */
    r.stack++;
    return r;
}

/* Where a parameter is while the prologue executes: one or two registers, or the stack. */
struct location {
    uint8_t expression[12];
    uint8_t n;
    bool on_stack;
};

struct arguments {
    unsigned regs;  /* used so far */
    uint64_t stack; /* bytes used so far, above the return address */
};

/* The place of an argument in `need` registers, the last of which has the rest of it. */
static struct location in_registers(struct arguments *a, const uint8_t *regs, unsigned need, unsigned word,
                                    uint64_t size)
{
    struct location p = {.n = 0};
    for (unsigned i = 0; i < need; i++) {
        p.expression[p.n++] = (uint8_t)(DW_OP_reg0 + regs[a->regs++]);
        if (need > 1) {
            p.expression[p.n++] = DW_OP_piece;
            p.expression[p.n++] = (uint8_t)(i + 1 < need ? word : size - (uint64_t)i * word);
        }
    }
    return p;
}

static struct location on_stack(struct arguments *a, uint8_t sp, unsigned word, uint64_t size)
{
    struct location p = {.n = 0, .on_stack = true};
    p.expression[p.n++] = (uint8_t)(DW_OP_breg0 + sp);
    for (uint64_t v = a->stack + word;; v >>= 7) { /* signed LEB128 */
        const bool more = v > 63;
        p.expression[p.n++] = (uint8_t)((v & 0x7f) | (more ? 0x80 : 0));
        if (!more || p.n == sizeof p.expression)
            break;
    }
    a->stack += (size + word - 1) & ~(uint64_t)(word - 1);
    return p;
}

/* For a 64-bit kernel: arguments are of the classes INTEGER and MEMORY only, for it has no floating point. */
static struct location next_place_64(struct arguments *a, uint64_t size)
{
    enum { REGS = 6, RSP = 7 };
    static const uint8_t regs[REGS] = {5, 4, 1, 2, 8, 9}; /* rdi, rsi, rdx, rcx, r8, r9 */
    const unsigned need = size <= 8 ? 1 : 2;
    if (size <= 16 && a->regs + need <= REGS)
        return in_registers(a, regs, need, 8, size);
    return on_stack(a, RSP, 8, size);
}

/* For a 32-bit kernel: three registers; after an argument that does not fit into those that are left, none is
 * used. If the number of arguments is variable, all are on the stack. (So are the arguments of functions
 * marked asmlinkage, which cannot be recognised.) */
static struct location next_place_32(struct arguments *a, uint64_t size)
{
    enum { REGS = 3, ESP = 4 };
    static const uint8_t regs[REGS] = {0, 2, 1}; /* eax, edx, ecx */
    const unsigned need = (unsigned)((size < 16 ? size : 16) + 3) / 4;
    if (a->regs + need <= REGS)
        return in_registers(a, regs, need, 4, size);
    a->regs = REGS;
    return on_stack(a, ESP, 4, size);
}

/* Whether the last parameter stands for any number of them. */
static bool is_variable(const struct btf_dwarf *d, const struct btf_type *proto)
{
    const unsigned n = btf_vlen(proto);
    return n && !bd_resolved(d, btf_params(proto)[n - 1].type);
}

static uint32_t put_location(struct btf_dwarf *d, uint64_t address, const struct location *p, unsigned bytes)
{
    struct bytes *b = &d->section[LOCATIONS];
    const uint32_t at = (uint32_t)b->n;
    put_byte(b, DW_LLE_start_length);
    put_int(b, address, 8);
    put_uleb(b, bytes);
    put_uleb(b, p->n);
    put(b, p->expression, p->n);
    put_byte(b, DW_LLE_end_of_list);
    return at;
}

static void put_parameter(struct btf_dwarf *d, const struct btf_param *p, uint64_t address,
                          struct arguments *a, const struct prologue *code)
{
    const uint32_t type = bd_resolved(d, p->type);
    const int64_t size = type ? btf__resolve_size(d->s->btf, type) : -1;
    if (!type) {
        put_uleb(info(d), A_UNSPECIFIED);
        return;
    }
    const uint64_t bytes = size > 0 ? (uint64_t)size : d->word;
    const struct location place = d->word == 8 ? next_place_64(a, bytes) : next_place_32(a, bytes);
    const bool here = size > 0;
    put_uleb(info(d), !p->name_off ? A_PARAMETER_NAMELESS : here ? A_PARAMETER : A_PARAMETER_NOWHERE);
    if (p->name_off)
        bd_put_name(d, p->name_off);
    bd_put_ref(d, type);
    if (p->name_off && here)
        put_int(info(d), put_location(d, address, &place, place.on_stack ? code->stack : code->regs), 4);
}

static void put_function(struct btf_dwarf *d, const struct btf_type *f, const struct symbol *sym,
                         uint64_t address, const struct prologue *code)
{
    const struct btf_type *proto = btf__type_by_id(d->s->btf, f->type);
    const bool global = sym->type >= 'A' && sym->type <= 'Z';
    struct arguments a = {.regs = d->word == 4 && is_variable(d, proto) ? 3 : 0};
    const uint32_t returns = bd_put_typed(d, global ? A_FUNCTION : A_FUNCTION_STATIC, proto->type);
    bd_put_name(d, f->name_off);
    put_int(info(d), address, 8);
    put_uleb(info(d), sym->size);
    bd_put_ref_unless_void(d, returns);
    for (unsigned i = 0; i < btf_vlen(proto); i++)
        put_parameter(d, btf_params(proto) + i, address, &a, code);
    put_byte(info(d), 0);
}

/* The function that a symbol is, or NULL. */
static const struct btf_type *function_of(const struct source *s, const struct symbol *sym)
{
    if (!symbol_is_code(sym->type) || !sym->size || sym->flags & SYMBOL_ABSOLUTE)
        return NULL;
    const uint32_t id = bd_find_type(s, NAME_FUNCTION, sym->name);
    const struct btf_type *f = id ? btf__type_by_id(s->btf, id) : NULL;
    const struct btf_type *proto = f ? btf__type_by_id(s->btf, f->type) : NULL;
    return proto && btf_is_func_proto(proto) ? f : NULL;
}

/* The function at the address of symbol i. Of several at one address, which are one function under several
 * names, a global one is taken. Returns its index, or -1; *next is the index of the first symbol behind
 * them. */
static long function_at(const struct source *s, const struct symbol_table *t, size_t i, size_t *next)
{
    struct symbol first, sym;
    long found = -1;
    bool global = false;
    symbol_table_symbol(t, i, &first);
    for (*next = i; *next < symbol_table_count(t); ++*next) {
        symbol_table_symbol(t, *next, &sym);
        if (sym.address != first.address)
            break;
        if ((found < 0 || !global) && function_of(s, &sym)) {
            const bool its = sym.type >= 'A' && sym.type <= 'Z';
            found = found < 0 || its ? (long)*next : found;
            global = its;
        }
    }
    return found;
}

/* The mapping that has lines for the code at an address; NULL: none has. */
static const struct symbol_mapping *rows_at(const struct btf_dwarf *d, symbol_space space, uint64_t address)
{
    for (size_t i = 0; i < d->nmaps; i++) {
        const struct symbol_mapping *m = d->maps[i];
        const bool its = m->space == space && (!m->end || (address >= m->begin && address < m->end));
        const long row = its ? symbol_table_row_at(m->table, address - m->bias) : -1;
        if (row >= 0 && m->table->lines[row].line)
            return m;
    }
    return NULL;
}

void bd_put_functions(struct btf_dwarf *d, const struct source *s, const struct symbol_mapping *m,
                      const struct symbol_types_set *set)
{
    const char *name = symbol_table_name(m->table);
    struct symbol sym;
    size_t n = 0;
    for (size_t i = 0, next; i < symbol_table_count(m->table); i = next) {
        uint8_t code[PROLOGUE];
        const long at = function_at(s, m->table, i, &next);
        if (at < 0)
            continue;
        symbol_table_symbol(m->table, (size_t)at, &sym);
        const uint64_t address = sym.address + m->bias;
        const size_t most = sym.size < sizeof code ? (size_t)sym.size : sizeof code;
        const size_t got = set->read(set->ctx, address, code, most);
        const struct prologue prologue = prologue_of(code, got);
        bd_unit_of_functions(d, s, name, n++, rows_at(d, m->space, address));
        put_function(d, function_of(s, &sym), &sym, address, &prologue);
        if (d->rows)
            lines_spans_add(&d->of_unit, address, address + sym.size);
    }
    if (n)
        bd_end_unit(d);
    d->rows = NULL;
}
