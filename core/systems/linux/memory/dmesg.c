/* dmesg.c - see dmesg.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/systems/linux/memory/dmesg.h"
#include "base/memory.h"
#include "core/systems/linux/memory/tasks.h"

/* ---------------------------------------------------------------- members */

enum member {
    COUNT_BITS,
    DESCS,
    INFOS,
    HEAD_ID,
    TAIL_ID,
    SIZE_BITS,
    DATA,
    STATE_VAR,
    BEGIN,
    NEXT,
    TIME,
    LENGTH,
    FLAGS,
    MEMBERS
};

static const char *const members[MEMBERS][2] = {
    [COUNT_BITS] = {"printk_ringbuffer", "desc_ring.count_bits"},
    [DESCS] = {"printk_ringbuffer", "desc_ring.descs"},
    [INFOS] = {"printk_ringbuffer", "desc_ring.infos"},
    [HEAD_ID] = {"printk_ringbuffer", "desc_ring.head_id"},
    [TAIL_ID] = {"printk_ringbuffer", "desc_ring.tail_id"},
    [SIZE_BITS] = {"printk_ringbuffer", "text_data_ring.size_bits"},
    [DATA] = {"printk_ringbuffer", "text_data_ring.data"},
    [STATE_VAR] = {"prb_desc", "state_var"},
    [BEGIN] = {"prb_desc", "text_blk_lpos.begin"},
    [NEXT] = {"prb_desc", "text_blk_lpos.next"},
    [TIME] = {"printk_info", "ts_nsec"},
    [LENGTH] = {"printk_info", "text_len"},
    [FLAGS] = {"printk_info", "facility"},
};

struct reader {
    struct look m;
    uint64_t tables;
    uint64_t offset[MEMBERS], desc_size, info_size;
    uint64_t descs, infos, data, head, tail;
    unsigned count_bits, size_bits;
};

static int find_members(struct reader *r, const struct kernel_types *k, struct error *err)
{
    struct types_place p;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!kernel_types_member(k, members[i][0], members[i][1], &p))
            return error_set(err,
                             "the kernel's types (BTF) have no struct %s with %s, so its log cannot be read",
                             members[i][0], members[i][1]);
        r->offset[i] = p.address;
    }
    return 0;
}

static uint64_t number(const struct reader *r, uint64_t at, size_t n)
{
    uint64_t v = 0;
    return view_peek(r->m, r->tables, at, &v, n) == n ? v : 0;
}

static uint64_t member(const struct reader *r, uint64_t structure, enum member m, size_t n)
{
    return number(r, structure + r->offset[m], n);
}

/* ---------------------------------------------------------------- a message */

/* A descriptor's state is in the upper two bits of its id. */
enum { STATE_COMMITTED = 1, STATE_FINALIZED = 2, DATALESS = 1 };
#define ID_MASK (~(uint64_t)0 >> 2)

/* Where the text of a descriptor is, after the block's own id: `size` bytes at most. 0 if it has none. A block that does not fit before
 * the end of the data is at their beginning. */
static uint64_t text_of(const struct reader *r, uint64_t desc, uint64_t *size)
{
    const uint64_t begin = member(r, desc, BEGIN, 8), next = member(r, desc, NEXT, 8),
                   mask = ((uint64_t)1 << r->size_bits) - 1;
    if (begin & DATALESS)
        return 0;
    const bool wraps = begin >> r->size_bits != (next - 1) >> r->size_bits;
    const uint64_t at = wraps ? 0 : begin & mask, end = wraps ? next & mask : at + (next - begin);
    if (end <= at + 8 || end > mask + 1)
        return 0;
    *size = end - at - 8;
    return r->data + at + 8;
}

static bool read_message(const struct reader *r, uint64_t id, struct view_message *m)
{
    const uint64_t index = id & (((uint64_t)1 << r->count_bits) - 1), desc = r->descs + index * r->desc_size,
                   info = r->infos + index * r->info_size, state = member(r, desc, STATE_VAR, 8);
    uint64_t size = 0;
    if ((state & ID_MASK) != id || (state >> 62 != STATE_COMMITTED && state >> 62 != STATE_FINALIZED))
        return false;
    const uint64_t at = text_of(r, desc, &size), length = member(r, info, LENGTH, 2);
    size = length < size ? length : size;
    size = size < sizeof m->text - 1 ? size : sizeof m->text - 1;
    m->time = member(r, info, TIME, 8);
    m->level = (unsigned)(member(r, info, FLAGS, 2) >> 13); /* u8 facility, u8 flags:5, level:3 */
    size = at ? view_peek(r->m, r->tables, at, m->text, size) : 0;
    for (size_t i = 0; i < size; i++)
        if ((m->text[i] < ' ' && m->text[i] != '\n' && m->text[i] != '\t') || m->text[i] > '~')
            m->text[i] = '?';
    m->text[size] = 0;
    return true;
}

bool view_message_line(const struct view_message *m, size_t *at, char line[VIEW_MESSAGE_LINE])
{
    if (*at > strlen(m->text))
        return false;
    const size_t n = strcspn(m->text + *at, "\n");
    snprintf(line, VIEW_MESSAGE_LINE, "[%5" PRIu64 ".%06" PRIu64 "] %.*s", m->time / 1000000000,
             m->time / 1000 % 1000000, (int)n, m->text + *at);
    *at += n + 1;
    return true;
}

/* ---------------------------------------------------------------- the log */

static int find_log(struct reader *r, unsigned cpu, const struct kernel_types *k, const struct symbols *s,
                    struct error *err)
{
    enum { BITS_MAX = 30 };
    struct symbol prb;
    struct types_place p;
    if (!s || !symbols_find(s, k ? kernel_types_set(k)->space : SPACE_KERNEL, "prb", look_icount(r->m), &prb))
        return error_set(err, "no Linux kernel with a symbol prb has been found here");
    if (!k)
        return error_set(err, "the kernel has no type information (BTF), so its log cannot be read");
    if (find_members(r, k, err))
        return -1;
    r->desc_size = kernel_types_member(k, "prb_desc", "", &p) ? p.size : 0;
    r->info_size = kernel_types_member(k, "printk_info", "", &p) ? p.size : 0;
    r->tables = view_tables_for(r->m, cpu, prb.address);
    const uint64_t ring = number(r, prb.address, 8);
    r->count_bits = (unsigned)member(r, ring, COUNT_BITS, 4);
    r->size_bits = (unsigned)member(r, ring, SIZE_BITS, 4);
    r->descs = member(r, ring, DESCS, 8);
    r->infos = member(r, ring, INFOS, 8);
    r->data = member(r, ring, DATA, 8);
    r->head = member(r, ring, HEAD_ID, 8) & ID_MASK;
    r->tail = member(r, ring, TAIL_ID, 8) & ID_MASK;
    if (!ring || !r->descs || !r->count_bits || r->count_bits > BITS_MAX || !r->size_bits ||
        r->size_bits > BITS_MAX)
        return error_set(err, "the kernel's log has not begun here");
    return 0;
}

int view_dmesg(struct look m, unsigned cpu, const struct kernel_types *k, const struct symbols *s,
               size_t most, struct view_message **list, size_t *n, struct error *err)
{
    struct reader r = {.m = m};
    *list = NULL;
    *n = 0;
    if (find_log(&r, cpu, k, s, err))
        return -1;
    /* Messages that are just being written cannot be read. So many in a row are no log. */
    enum { UNREADABLE_MOST = 10000 };
    const uint64_t room = (uint64_t)1 << r.count_bits, held = ((r.head - r.tail) & ID_MASK) + 1;
    struct view_message one;
    unsigned unreadable = 0;
    for (uint64_t i = 0; i < held && i < room && *n < most && unreadable < UNREADABLE_MOST; i++)
        if (read_message(&r, (r.head - i) & ID_MASK, &one)) {
            MEM_MORE(*list, *n);
            (*list)[(*n)++] = one;
            unreadable = 0;
        } else {
            unreadable++;
        }
    for (size_t i = 0; i < *n / 2; i++) {
        one = (*list)[i];
        (*list)[i] = (*list)[*n - 1 - i];
        (*list)[*n - 1 - i] = one;
    }
    return 0;
}
