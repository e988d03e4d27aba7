/* btf_member.c - see btf_member.h. */
#include "core/symbols/btf_member.h"

#include <bpf/btf.h>
#include <string.h>

#include "core/symbols/kernel_types.h"
#include "core/symbols/private/kernel_types_impl.h"

/* How deep anonymous structures are nested at most, and how many members are looked at for one: types may be circular in damaged data. */
enum { DEPTH = 8, MEMBERS_MAX = 100000 };

static const struct btf_member *member_of(const struct btf *btf, uint32_t id, const char *name, size_t n,
                                          uint64_t *bits, unsigned depth, unsigned *budget)
{
    const int its = btf__resolve_type(btf, id);
    const struct btf_type *t = its > 0 ? btf__type_by_id(btf, (uint32_t)its) : NULL;
    if (!t || !btf_is_composite(t) || depth > DEPTH)
        return NULL;
    for (unsigned i = 0; i < btf_vlen(t) && *budget; i++, --*budget) {
        const struct btf_member *m = btf_members(t) + i, *found;
        const char *s = btf__name_by_offset(btf, m->name_off);
        uint64_t inner = 0;
        *bits = btf_member_bit_offset(t, i);
        if (s && *s && strlen(s) == n && !memcmp(s, name, n))
            return btf_member_bitfield_size(t, i) ? NULL : m;
        if ((!s || !*s) && (found = member_of(btf, m->type, name, n, &inner, depth + 1, budget))) {
            *bits += inner;
            return found;
        }
    }
    return NULL;
}

const struct btf_member *btf_member_at(const struct btf *btf, uint32_t id, const char *path, size_t n,
                                       uint64_t *offset)
{
    const struct btf_member *m = NULL;
    unsigned budget = MEMBERS_MAX;
    uint64_t sum = 0;
    for (const char *end = path + n; path < end;) {
        const char *dot = memchr(path, '.', (size_t)(end - path));
        const size_t length = (size_t)((dot ? dot : end) - path);
        uint64_t bits;
        m = member_of(btf, id, path, length, &bits, 0, &budget);
        if (!m)
            return NULL;
        sum += bits;
        id = m->type;
        path += length + (dot != NULL);
    }
    *offset = sum / 8;
    return m;
}

bool kernel_types_member(const struct kernel_types *k, const char *type, const char *path,
                         struct types_place *p)
{
    const struct btf *btf = k->set.n ? k->btf[0] : NULL;
    const int32_t id = btf ? btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT) : 0;
    uint64_t offset = 0;
    if (id <= 0)
        return false;
    const struct btf_member *m = *path ? btf_member_at(btf, (uint32_t)id, path, strlen(path), &offset) : NULL;
    if (*path && !m)
        return false;
    const uint32_t its = m ? m->type : (uint32_t)id;
    const int64_t size = btf__resolve_size(btf, its);
    *p = (struct types_place){.address = offset, .size = (uint64_t)size, .type = its};
    return size > 0;
}
