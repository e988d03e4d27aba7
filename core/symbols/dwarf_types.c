/* dwarf_types.c - see dwarf_types.h. A kernel without types of its own (BTF) gets those of its vmlinux this
 * way, so that all who ask for types have one form of them.
 *
 * DWARF Debugging Information Format 5: 5 type entries, 3.3.1 functions, 4.1 variables; Linux,
 * Documentation/bpf/btf.rst.
 *
 * A type of BTF is a number, and may name numbers that come later. So each entry gets its number when it is
 * first referred to, and waits in a queue. An entry that is taken out is written, and those that it refers to
 * are put in at the end. There is no recursion.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/symbols/private/dwarf_types.h"

enum { TYPES_MAX = 0xfffff /* BTF_MAX_NR_TYPES */, DIMENSIONS_MAX = 16 };

/* What an entry of the queue becomes. */
enum form { FORM_TYPE, FORM_PROTO, FORM_FUNCTION, FORM_VARIABLE };

struct entry {
    Dwarf_Die die;
    enum form form;
    unsigned dimension; /* of an array: the outermost is 0 */
    uint32_t proto;     /* of a function */
};

struct making {
    struct btf *btf;
    struct entry *queue;
    size_t n, cap, done;
    struct hash_index ids;   /* numbers of types; 1 for names of functions and variables */
    struct hash_index whole; /* the entries that define structures, by name: index in `dies`, + 1 */
    Dwarf_Die *dies;
    size_t ndies, dies_cap;
};

/* ---------------------------------------------------------------- keys */

/* The number under a key; 0: none. */
static uint32_t number_under(const struct hash_index *x, uint64_t key)
{
    struct hash_search s = hash_search(x, key);
    return hash_found(x, &s) ? s.number : 0;
}

static uint64_t key_of(const char *name, uint64_t what, uint64_t size)
{
    return XXH3_64bits_withSeed(name, strlen(name), what << 48 ^ size);
}

/* ---------------------------------------------------------------- entries */

static uint64_t number_of(Dwarf_Die *die, unsigned attribute, uint64_t otherwise)
{
    Dwarf_Attribute attr;
    Dwarf_Word v;
    return dwarf_attr_integrate(die, attribute, &attr) && !dwarf_formudata(&attr, &v) ? v : otherwise;
}

static bool has_flag(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute attr;
    bool v = false;
    return dwarf_attr(die, attribute, &attr) && !dwarf_formflag(&attr, &v) && v;
}

static const char *name_of(Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    return name ? name : "";
}

static bool is_tagged(int tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

/* The key that is equal for entries of the same type: by name and size or, for an entry without a name, by
 * its place. */
static uint64_t key_of_type(Dwarf_Die *die, unsigned dimension)
{
    const int tag = dwarf_tag(die);
    const char *name = name_of(die);
    if (*name && (is_tagged(tag) || tag == DW_TAG_typedef || tag == DW_TAG_base_type))
        return key_of(name, (uint64_t)tag, is_tagged(tag) ? number_of(die, DW_AT_byte_size, UINT32_MAX) : 0);
    const uint64_t place[2] = {(uint64_t)(uintptr_t)die->addr, dimension};
    return XXH3_64bits(place, sizeof place);
}

static uint32_t enqueue(struct making *m, const struct entry *e)
{
    if (m->n >= TYPES_MAX)
        return 0;
    m->queue = mem_grow(m->queue, &m->cap, m->n + 1, sizeof *m->queue);
    m->queue[m->n++] = *e;
    return (uint32_t)m->n + 1; /* type 1 is that of indices */
}

/* A structure that is only declared here may be defined in another unit: finds that entry. */
static void find_whole(const struct making *m, Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    Dwarf_Die its;
    if (dwarf_attr(die, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &its)) {
        *die = its;
        return;
    }
    if (!has_flag(die, DW_AT_declaration))
        return;
    const uint32_t at = number_under(&m->whole, key_of(name_of(die), (uint64_t)dwarf_tag(die), 0));
    if (at)
        *die = m->dies[at - 1];
}

static uint32_t id_of(struct making *m, Dwarf_Die die, unsigned dimension)
{
    if (is_tagged(dwarf_tag(&die)))
        find_whole(m, &die);
    const uint64_t key = key_of_type(&die, dimension);
    uint32_t id = number_under(&m->ids, key);
    if (!id && (id = enqueue(m, &(struct entry){.die = die, .form = FORM_TYPE, .dimension = dimension})))
        hash_index_add(&m->ids, key, id);
    return id;
}

/* Qualifiers that BTF does not have are left out. */
static bool is_transparent(int tag)
{
    return tag == DW_TAG_atomic_type || tag == DW_TAG_shared_type || tag == DW_TAG_immutable_type ||
           tag == DW_TAG_packed_type;
}

/* The number of the type that an entry has; 0: void. */
static uint32_t type_of(struct making *m, Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    Dwarf_Die type;
    if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
        return 0;
    for (unsigned i = 0; is_transparent(dwarf_tag(&type)); i++)
        if (i == 8 || !dwarf_attr(&type, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
            return 0;
    return dwarf_tag(&type) == DW_TAG_unspecified_type ? 0 : id_of(m, type, 0);
}

/* ---------------------------------------------------------------- types */

static void put_base(struct making *m, Dwarf_Die *die)
{
    const uint64_t encoding = number_of(die, DW_AT_encoding, DW_ATE_unsigned),
                   size = number_of(die, DW_AT_byte_size, 0);
    const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    if (encoding == DW_ATE_float)
        btf__add_float(m->btf, name_of(die), size);
    else
        btf__add_int(m->btf, name_of(die), size,
                     encoding == DW_ATE_boolean ? BTF_INT_BOOL
                     : is_signed                ? BTF_INT_SIGNED
                                                : 0);
}

/* Where a member begins, in bits: up to DWARF 3 bit-fields are counted from the other end of their unit of storage. */
static uint64_t offset_of(Dwarf_Die *member, uint64_t bits)
{
    Dwarf_Attribute attr;
    Dwarf_Die type;
    Dwarf_Word size = 0;
    Dwarf_Op *ops;
    size_t n;
    const uint64_t data = number_of(member, DW_AT_data_bit_offset, UINT64_MAX);
    if (data != UINT64_MAX)
        return data;
    uint64_t at = number_of(member, DW_AT_data_member_location, 0);
    if (!at && dwarf_attr(member, DW_AT_data_member_location, &attr) && !dwarf_getlocation(&attr, &ops, &n) &&
        n == 1 && ops[0].atom == DW_OP_plus_uconst)
        at = ops[0].number;
    const uint64_t from_high = number_of(member, DW_AT_bit_offset, UINT64_MAX);
    if (!bits || from_high == UINT64_MAX)
        return at * 8;
    size = number_of(member, DW_AT_byte_size, 0);
    if (!size && dwarf_attr(member, DW_AT_type, &attr) && dwarf_formref_die(&attr, &type))
        dwarf_aggregate_size(&type, &size);
    return at * 8 + size * 8 - from_high - bits;
}

static void put_composite(struct making *m, Dwarf_Die *die)
{
    const char *name = name_of(die);
    const bool is_union = dwarf_tag(die) == DW_TAG_union_type;
    Dwarf_Die child;
    if (has_flag(die, DW_AT_declaration)) {
        btf__add_fwd(m->btf, name, is_union ? BTF_FWD_UNION : BTF_FWD_STRUCT);
        return;
    }
    const uint32_t size = (uint32_t)number_of(die, DW_AT_byte_size, 0);
    if (is_union)
        btf__add_union(m->btf, name, size);
    else
        btf__add_struct(m->btf, name, size);
    if (dwarf_child(die, &child))
        return;
    do {
        const uint64_t bits = number_of(&child, DW_AT_bit_size, 0);
        if (dwarf_tag(&child) == DW_TAG_member)
            btf__add_field(m->btf, name_of(&child), (int)type_of(m, &child),
                           (uint32_t)offset_of(&child, bits), (uint32_t)bits);
    } while (!dwarf_siblingof(&child, &child));
}

static int64_t constant(Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    Dwarf_Sword v = 0;
    Dwarf_Word u = 0;
    if (!dwarf_attr(die, DW_AT_const_value, &attr) ||
        (dwarf_formsdata(&attr, &v) && dwarf_formudata(&attr, &u)))
        return 0;
    return v ? v : (int64_t)u;
}

static void each_value(Dwarf_Die *die, void (*fn)(void *ctx, const char *name, int64_t v), void *ctx)
{
    Dwarf_Die child;
    if (dwarf_child(die, &child))
        return;
    do
        if (dwarf_tag(&child) == DW_TAG_enumerator)
            fn(ctx, name_of(&child), constant(&child));
    while (!dwarf_siblingof(&child, &child));
}

static void is_wide(void *wide, const char *name, int64_t v)
{
    *(bool *)wide |= v < INT32_MIN || v > UINT32_MAX;
}

static void put_value(void *ctx, const char *name, int64_t v)
{
    btf__add_enum_value(ctx, name, v);
}

static void put_wide_value(void *ctx, const char *name, int64_t v)
{
    btf__add_enum64_value(ctx, name, (uint64_t)v);
}

static void put_enumeration(struct making *m, Dwarf_Die *die)
{
    const uint32_t size = (uint32_t)number_of(die, DW_AT_byte_size, 4);
    bool wide = false;
    each_value(die, is_wide, &wide);
    if (wide)
        btf__add_enum64(m->btf, name_of(die), size, false);
    else
        btf__add_enum(m->btf, name_of(die), size);
    each_value(die, wide ? put_wide_value : put_value, m->btf);
}

/* How many elements each dimension has, the outermost first. A dimension without a bound has none. */
static unsigned dimensions(Dwarf_Die *die, uint64_t count[DIMENSIONS_MAX])
{
    Dwarf_Die child;
    unsigned n = 0;
    if (dwarf_child(die, &child))
        return 0;
    do {
        if (dwarf_tag(&child) != DW_TAG_subrange_type || n == DIMENSIONS_MAX)
            continue;
        count[n] = number_of(&child, DW_AT_count, UINT64_MAX);
        if (count[n] == UINT64_MAX)
            count[n] = number_of(&child, DW_AT_upper_bound, UINT64_MAX) + 1;
        n++;
    } while (!dwarf_siblingof(&child, &child));
    return n;
}

static void put_array(struct making *m, const struct entry *e)
{
    enum { INDEX = 1 };
    uint64_t count[DIMENSIONS_MAX] = {0};
    Dwarf_Die die = e->die;
    const unsigned n = dimensions(&die, count);
    const uint32_t of = e->dimension + 1 < n ? id_of(m, die, e->dimension + 1) : type_of(m, &die);
    btf__add_array(m->btf, INDEX, (int)of,
                   count[e->dimension] <= UINT32_MAX ? (uint32_t)count[e->dimension] : 0);
}

static void put_prototype(struct making *m, Dwarf_Die *die)
{
    Dwarf_Die child;
    btf__add_func_proto(m->btf, (int)type_of(m, die));
    if (dwarf_child(die, &child))
        return;
    do {
        if (dwarf_tag(&child) == DW_TAG_formal_parameter)
            btf__add_func_param(m->btf, name_of(&child), (int)type_of(m, &child));
        else if (dwarf_tag(&child) == DW_TAG_unspecified_parameters)
            btf__add_func_param(m->btf, "", 0);
    } while (!dwarf_siblingof(&child, &child));
}

/* ---------------------------------------------------------------- the queue */

static void put_type(struct making *m, struct entry *e)
{
    Dwarf_Die *die = &e->die;
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type:
        put_base(m, die);
        break;
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        put_composite(m, die);
        break;
    case DW_TAG_enumeration_type:
        put_enumeration(m, die);
        break;
    case DW_TAG_array_type:
        put_array(m, e);
        break;
    case DW_TAG_subroutine_type:
        put_prototype(m, die);
        break;
    case DW_TAG_typedef:
        btf__add_typedef(m->btf, name_of(die), (int)type_of(m, die));
        break;
    case DW_TAG_const_type:
        btf__add_const(m->btf, (int)type_of(m, die));
        break;
    case DW_TAG_volatile_type:
        btf__add_volatile(m->btf, (int)type_of(m, die));
        break;
    case DW_TAG_restrict_type:
        btf__add_restrict(m->btf, (int)type_of(m, die));
        break;
    case DW_TAG_pointer_type:
        btf__add_ptr(m->btf, (int)type_of(m, die));
        break;
    default:
        break;
    }
}

/* Writes the next entry. Each must take its number, even if BTF cannot express it. */
static void put_next(struct making *m)
{
    struct entry e = m->queue[m->done++];
    const size_t number = m->done + 1;
    const bool global = dwarf_hasattr_integrate(&e.die, DW_AT_external);
    if (e.form == FORM_FUNCTION)
        btf__add_func(m->btf, name_of(&e.die), global ? BTF_FUNC_GLOBAL : BTF_FUNC_STATIC, (int)e.proto);
    else if (e.form == FORM_VARIABLE)
        btf__add_var(m->btf, name_of(&e.die), global ? BTF_VAR_GLOBAL_ALLOCATED : BTF_VAR_STATIC,
                     (int)type_of(m, &e.die));
    else if (e.form == FORM_PROTO)
        put_prototype(m, &e.die);
    else
        put_type(m, &e);
    if (btf__type_cnt(m->btf) == number)
        btf__add_const(m->btf, 0);
}

/* ---------------------------------------------------------------- all units */

static bool is_c(Dwarf_Die *unit)
{
    static const int versions[] = {DW_LANG_C,   DW_LANG_C89,    DW_LANG_C99,
                                   DW_LANG_C11, 0x2c /* C17 */, 0x3e /* C23 */};
    const int language = dwarf_srclang(unit);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (versions[i] == language)
            return true;
    return false;
}

/* Calls fn for what is at the top of each unit. */
static void each(struct making *m, Dwarf *dwarf, void (*fn)(struct making *m, Dwarf_Die *die))
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, die;
    while (!dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL)) {
        if (!is_c(&unit) || dwarf_child(&unit, &die))
            continue;
        do
            fn(m, &die);
        while (!dwarf_siblingof(&die, &die));
    }
}

static void note_whole(struct making *m, Dwarf_Die *die)
{
    const int tag = dwarf_tag(die);
    if (!is_tagged(tag) || !*name_of(die) || has_flag(die, DW_AT_declaration))
        return;
    const uint64_t key = key_of(name_of(die), (uint64_t)tag, 0);
    if (number_under(&m->whole, key))
        return;
    m->dies = mem_grow(m->dies, &m->dies_cap, m->ndies + 1, sizeof *m->dies);
    m->dies[m->ndies++] = *die;
    hash_index_add(&m->whole, key, m->ndies);
}

/* Whether the name of a function or variable was not seen before. */
static bool is_new(struct making *m, Dwarf_Die *die, enum form form)
{
    const uint64_t key = key_of(name_of(die), DW_TAG_hi_user + (uint64_t)form, 0);
    if (number_under(&m->ids, key))
        return false;
    hash_index_add(&m->ids, key, 1);
    return true;
}

static void take(struct making *m, Dwarf_Die *die)
{
    const int tag = dwarf_tag(die);
    struct entry e = {.die = *die, .form = FORM_PROTO};
    if (!*name_of(die) || has_flag(die, DW_AT_declaration))
        return;
    if (is_tagged(tag) || tag == DW_TAG_typedef) {
        id_of(m, *die, 0);
    } else if (tag == DW_TAG_subprogram && is_new(m, die, FORM_FUNCTION)) {
        e.proto = enqueue(m, &e);
        e.form = FORM_FUNCTION;
        enqueue(m, &e);
    } else if (tag == DW_TAG_variable && dwarf_hasattr(die, DW_AT_location) &&
               is_new(m, die, FORM_VARIABLE)) {
        e.form = FORM_VARIABLE;
        enqueue(m, &e);
    }
    while (m->done < m->n)
        put_next(m);
}

void *dwarf_types_read(Dwarf *dwarf, unsigned word, size_t *size)
{
    struct making m = {.btf = mem_check(btf__new_empty())};
    void *copy = NULL;
    uint32_t n = 0;
    *size = 0;
    btf__set_pointer_size(m.btf, word);
    btf__add_int(m.btf, "__ARRAY_SIZE_TYPE__", 4, 0);
    each(&m, dwarf, note_whole);
    each(&m, dwarf, take);
    const void *data = m.n ? btf__raw_data(m.btf, &n) : NULL;
    if (data) {
        copy = mem_alloc(n);
        memcpy(copy, data, n);
        *size = n;
    }
    btf__free(m.btf);
    free(m.queue);
    hash_index_clear(&m.ids);
    hash_index_clear(&m.whole);
    free(m.dies);
    return copy;
}
