/* ids.c - users and groups of processes: credentials(7). The host itself has no permissions: every program may open every file.
 * These are what programs ask for, and what they may change. */
#include "uml/calls.h"
#include "uml/memory.h"

static uint32_t *ids_of(struct host *h, struct task *t, enum id_kind kind)
{
    return GROUP(t->group)->ids[kind];
}

int64_t call_getuid(struct host *h, struct task *t, const uint64_t *a)
{
    return ids_of(h, t, ID_USER)[ID_REAL];
}
int64_t call_getgid(struct host *h, struct task *t, const uint64_t *a)
{
    return ids_of(h, t, ID_GROUP)[ID_REAL];
}
int64_t call_geteuid(struct host *h, struct task *t, const uint64_t *a)
{
    return ids_of(h, t, ID_USER)[ID_EFFECTIVE];
}
int64_t call_getegid(struct host *h, struct task *t, const uint64_t *a)
{
    return ids_of(h, t, ID_GROUP)[ID_EFFECTIVE];
}

static int64_t put_three(struct host *h, struct task *t, const uint64_t *a, enum id_kind kind)
{
    for (unsigned i = 0; i < 3; i++)
        if (put_user(h, t, a[i], &ids_of(h, t, kind)[i], 4))
            return -EFAULT;
    return 0;
}
int64_t call_getresuid(struct host *h, struct task *t, const uint64_t *a)
{
    return put_three(h, t, a, ID_USER);
}
int64_t call_getresgid(struct host *h, struct task *t, const uint64_t *a)
{
    return put_three(h, t, a, ID_GROUP);
}

/* No process is in supplementary groups. */
int64_t call_getgroups(struct host *h, struct task *t, const uint64_t *a)
{
    return (int32_t)a[0] < 0 ? -EINVAL : 0;
}
int64_t call_setgroups(struct host *h, struct task *t, const uint64_t *a)
{
    if (ids_of(h, t, ID_USER)[ID_EFFECTIVE])
        return -EPERM;
    if ((uint32_t)a[0] > 65536)
        return -EINVAL;
    if (a[0])
        report_missing(h, "supplementary groups", a[0], 0);
    return a[0] ? -EPERM : 0;
}

/* ---------------------------------------------------------------- changing: the super-user to anything */

static bool may_be(struct host *h, struct task *t, enum id_kind kind, uint32_t id, unsigned among)
{
    const uint32_t *ids = ids_of(h, t, kind);
    bool may = !ids_of(h, t, ID_USER)[ID_EFFECTIVE];
    for (unsigned i = 0; i < ID_COUNT; i++)
        may |= among >> i & 1 && ids[i] == id;
    return may;
}
enum { REAL = 1 << ID_REAL, EFFECTIVE = 1 << ID_EFFECTIVE, SAVED = 1 << ID_SAVED, FILES_ = 1 << ID_FILES };

static int64_t set_one(struct host *h, struct task *t, uint64_t to, enum id_kind kind)
{
    const uint32_t id = (uint32_t)to;
    uint32_t *ids = ids_of(h, t, kind);
    if (id == UINT32_MAX)
        return -EINVAL;
    if (!may_be(h, t, kind, id, REAL | SAVED))
        return -EPERM;
    const bool all = !ids_of(h, t, ID_USER)[ID_EFFECTIVE];
    ids[ID_EFFECTIVE] = ids[ID_FILES] = id;
    if (all)
        ids[ID_REAL] = ids[ID_SAVED] = id;
    return 0;
}
int64_t call_setuid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_one(h, t, a[0], ID_USER);
}
int64_t call_setgid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_one(h, t, a[0], ID_GROUP);
}

static int64_t set_two(struct host *h, struct task *t, const uint64_t *a, enum id_kind kind)
{
    const uint32_t real = (uint32_t)a[0], effective = (uint32_t)a[1];
    uint32_t *ids = ids_of(h, t, kind), was = ids[ID_REAL];
    if ((real != UINT32_MAX && !may_be(h, t, kind, real, REAL | EFFECTIVE)) ||
        (effective != UINT32_MAX && !may_be(h, t, kind, effective, REAL | EFFECTIVE | SAVED)))
        return -EPERM;
    ids[ID_REAL] = real == UINT32_MAX ? ids[ID_REAL] : real;
    ids[ID_EFFECTIVE] = effective == UINT32_MAX ? ids[ID_EFFECTIVE] : effective;
    if (real != UINT32_MAX || (effective != UINT32_MAX && effective != was))
        ids[ID_SAVED] = ids[ID_EFFECTIVE];
    ids[ID_FILES] = ids[ID_EFFECTIVE];
    return 0;
}
int64_t call_setreuid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_two(h, t, a, ID_USER);
}
int64_t call_setregid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_two(h, t, a, ID_GROUP);
}

static int64_t set_three(struct host *h, struct task *t, const uint64_t *a, enum id_kind kind)
{
    uint32_t *ids = ids_of(h, t, kind);
    for (unsigned i = 0; i < 3; i++)
        if ((uint32_t)a[i] != UINT32_MAX && !may_be(h, t, kind, (uint32_t)a[i], REAL | EFFECTIVE | SAVED))
            return -EPERM;
    for (unsigned i = 0; i < 3; i++)
        ids[i] = (uint32_t)a[i] == UINT32_MAX ? ids[i] : (uint32_t)a[i];
    ids[ID_FILES] = ids[ID_EFFECTIVE];
    return 0;
}
int64_t call_setresuid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_three(h, t, a, ID_USER);
}
int64_t call_setresgid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_three(h, t, a, ID_GROUP);
}

/* Returns the old one, whether it was changed or not. */
static int64_t set_files(struct host *h, struct task *t, uint64_t to, enum id_kind kind)
{
    uint32_t *ids = ids_of(h, t, kind), was = ids[ID_FILES];
    if ((uint32_t)to != UINT32_MAX && may_be(h, t, kind, (uint32_t)to, REAL | EFFECTIVE | SAVED | FILES_))
        ids[ID_FILES] = (uint32_t)to;
    return was;
}
int64_t call_setfsuid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_files(h, t, a[0], ID_USER);
}
int64_t call_setfsgid(struct host *h, struct task *t, const uint64_t *a)
{
    return set_files(h, t, a[0], ID_GROUP);
}
