/* type_tree.c - see type_tree.h. The form of the types (BTF): Linux, Documentation/bpf/btf.rst. */
#include <bpf/btf.h>
#include <string.h>

#include "core/symbols/private/kernel_types_impl.h"
#include "core/symbols/type_tree.h"

static const char *name_at(const struct btf *btf, uint32_t offset)
{
    const char *s = offset ? btf__name_by_offset(btf, offset) : NULL;
    return s ? s : "";
}

static const struct btf *btf_of(const struct kernel_types *k, struct tree_type t)
{
    return t.table < k->set.n ? k->btf[t.table] : NULL;
}

/* The type behind typedefs and qualifiers; NULL: void. */
static const struct btf_type *plain(const struct btf *btf, uint32_t id)
{
    const int its = btf && id ? btf__resolve_type(btf, id) : 0;
    return its > 0 ? btf__type_by_id(btf, (uint32_t)its) : NULL;
}

/* ---------------------------------------------------------------- one type */

static void info_int(const struct btf_type *b, struct tree_info *i)
{
    i->kind = TREE_INT;
    i->is_signed = btf_int_encoding(b) & BTF_INT_SIGNED;
    i->is_bool = btf_int_encoding(b) & BTF_INT_BOOL;
    i->is_char = b->size == 1 && (!strcmp(i->name, "char") || btf_int_encoding(b) & BTF_INT_CHAR);
}

void type_tree_info(const struct kernel_types *k, struct tree_type t, struct tree_info *info)
{
    const struct btf *btf = btf_of(k, t);
    const struct btf_type *b = plain(btf, t.id);
    *info = (struct tree_info){.kind = b ? TREE_UNKNOWN : TREE_VOID, .name = "", .of = {t.table, 0}};
    if (!b)
        return;
    info->name = name_at(btf, b->name_off);
    info->size = b->size;
    switch (btf_kind(b)) {
    case BTF_KIND_INT:
        info_int(b, info);
        break;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        info->kind = TREE_ENUM;
        info->is_signed = btf_kflag(b) || btf_kind(b) == BTF_KIND_ENUM;
        break;
    case BTF_KIND_FLOAT:
        info->kind = TREE_FLOAT;
        break;
    case BTF_KIND_PTR:
        info->kind = TREE_POINTER;
        info->size = 8;
        info->of.id = b->type;
        break;
    case BTF_KIND_ARRAY:
        info->kind = TREE_ARRAY;
        info->of.id = btf_array(b)->type;
        info->count = btf_array(b)->nelems;
        info->size = (uint64_t)btf__resolve_size(btf, info->of.id) * info->count;
        break;
    case BTF_KIND_STRUCT:
        info->kind = TREE_STRUCT;
        break;
    case BTF_KIND_UNION:
        info->kind = TREE_UNION;
        break;
    case BTF_KIND_FUNC_PROTO:
        info->kind = TREE_FUNCTION;
        info->size = 0;
        break;
    default:
        info->size = 0;
    }
}

bool type_tree_named(const struct kernel_types *k, enum tree_kind kind, const char *name, struct tree_type *t)
{
    static const unsigned kinds[][3] = {[TREE_STRUCT] = {BTF_KIND_STRUCT},
                                        [TREE_UNION] = {BTF_KIND_UNION},
                                        [TREE_ENUM] = {BTF_KIND_ENUM, BTF_KIND_ENUM64},
                                        [TREE_UNKNOWN] = {BTF_KIND_TYPEDEF, BTF_KIND_INT}};
    for (size_t i = 0; i < k->set.n; i++)
        for (unsigned n = 0; n < 3 && kinds[kind][n]; n++) {
            const int id = btf__find_by_name_kind(k->btf[i], name, kinds[kind][n]);
            if (id > 0) {
                *t = (struct tree_type){i, (uint32_t)id};
                return true;
            }
        }
    return false;
}

bool type_tree_member(const struct kernel_types *k, struct tree_type t, unsigned i, struct tree_member *m)
{
    const struct btf *btf = btf_of(k, t);
    const struct btf_type *b = plain(btf, t.id);
    if (!b || !btf_is_composite(b) || i >= btf_vlen(b))
        return false;
    *m = (struct tree_member){.name = name_at(btf, btf_members(b)[i].name_off),
                              .type = {t.table, btf_members(b)[i].type},
                              .offset = btf_member_bit_offset(b, i),
                              .bits = btf_member_bitfield_size(b, i)};
    return true;
}

/* ---------------------------------------------------------------- functions */

bool type_tree_function(const struct kernel_types *k, const char *table, const char *name,
                        struct tree_type *proto)
{
    struct types_function f;
    if (!(table ? kernel_types_function_in(k, table, name, &f) : kernel_types_function(k, name, &f)))
        return false;
    *proto = (struct tree_type){f.table, f.proto};
    return true;
}

bool type_tree_parameter(const struct kernel_types *k, struct tree_type proto, unsigned i, const char **name,
                         struct tree_type *t)
{
    const struct btf *btf = btf_of(k, proto);
    const struct btf_type *b = plain(btf, proto.id);
    if (!b || !btf_is_func_proto(b) || i >= btf_vlen(b) || !btf_params(b)[i].type)
        return false; /* the last of a variable number has no type */
    *name = name_at(btf, btf_params(b)[i].name_off);
    *t = (struct tree_type){proto.table, btf_params(b)[i].type};
    return true;
}

struct tree_type type_tree_result(const struct kernel_types *k, struct tree_type proto)
{
    const struct btf_type *b = plain(btf_of(k, proto), proto.id);
    return (struct tree_type){proto.table, b && btf_is_func_proto(b) ? b->type : 0};
}

/* ---------------------------------------------------------------- enumerators */

static bool enumerator_of(const struct btf *btf, const struct btf_type *e, const char *name, int64_t *value)
{
    for (unsigned i = 0; i < btf_vlen(e); i++) {
        const bool wide = btf_is_enum64(e);
        if (strcmp(name_at(btf, wide ? btf_enum64(e)[i].name_off : btf_enum(e)[i].name_off), name))
            continue;
        *value = wide ? (int64_t)btf_enum64_value(&btf_enum64(e)[i]) : btf_enum(e)[i].val;
        return true;
    }
    return false;
}

bool type_tree_enumerator(const struct kernel_types *k, const char *name, int64_t *value)
{
    for (size_t t = 0; t < k->set.n; t++) {
        const unsigned n = btf__type_cnt(k->btf[t]), first = t ? btf__type_cnt(k->btf[0]) : 1;
        for (unsigned i = first; i < n; i++) {
            const struct btf_type *b = btf__type_by_id(k->btf[t], i);
            if (b && btf_is_any_enum(b) && enumerator_of(k->btf[t], b, name, value))
                return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- in words */

static int name_text(const struct tree_info *i, const char *given, char *buf, size_t size)
{
    static const char *const before[] = {
        [TREE_STRUCT] = "struct ", [TREE_UNION] = "union ", [TREE_ENUM] = "enum "};
    const bool named = i->kind == TREE_STRUCT || i->kind == TREE_UNION || i->kind == TREE_ENUM;
    if (*given)
        return snprintf(buf, size, "%s", given);
    if (i->kind == TREE_VOID)
        return snprintf(buf, size, "void");
    return snprintf(buf, size, "%s%s", named ? before[i->kind] : "", *i->name ? i->name : "?");
}

/* The name of the typedef that a type is, behind qualifiers; "". */
static const char *typedef_name(const struct kernel_types *k, struct tree_type *t)
{
    const struct btf *btf = btf_of(k, *t);
    const struct btf_type *b = btf && t->id ? btf__type_by_id(btf, t->id) : NULL;
    while (b && (btf_is_const(b) || btf_is_volatile(b) || btf_is_restrict(b) || btf_is_type_tag(b))) {
        t->id = b->type;
        b = t->id ? btf__type_by_id(btf, t->id) : NULL;
    }
    return b && btf_is_typedef(b) ? name_at(btf, b->name_off) : "";
}

int type_tree_text(const struct kernel_types *k, struct tree_type t, char *buf, size_t size)
{
    enum { DEEP = 8 };
    struct tree_info i;
    unsigned stars = 0;
    char tail[DEEP + 1 + 24] = "";
    const char *given = typedef_name(k, &t);
    type_tree_info(k, t, &i);
    if (!*given && i.kind == TREE_ARRAY) {
        snprintf(tail, sizeof tail, "[%llu]", (unsigned long long)i.count);
        t = i.of;
        given = typedef_name(k, &t);
        type_tree_info(k, t, &i);
    }
    while (!*given && i.kind == TREE_POINTER && stars < DEEP) {
        stars++;
        t = i.of;
        given = typedef_name(k, &t);
        type_tree_info(k, t, &i);
    }
    char base[160];
    if (!*given && i.kind == TREE_FUNCTION)
        snprintf(base, sizeof base, "void (*)()");
    else
        name_text(&i, given, base, sizeof base);
    return snprintf(buf, size, "%s%s%.*s%s", base, stars || *tail ? " " : "", (int)stars, "********", tail);
}
