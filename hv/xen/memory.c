/* memory.c - the domain's physmap: which memory is where in it, and memory_op.
 *
 * Most of it is as the machine has it: RAM from 0 and from 4 GiB. Only what differs is noted, in a table of
 * its own block, so that it is saved like memory: pages taken out, and pages of other memory put in. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hv/xen/internal.h"

enum p2m_entry { P2M_MACHINE, P2M_HOLE, P2M_FRAME }; /* and up: the number of the frame + P2M_FRAME */
/* Of RAM: RAM_HERE where the machine has it, RAM_MOVED elsewhere in the physmap, RAM_FREE nowhere. */
enum frame_use { RAM_HERE, RAM_MOVED, RAM_FREE };
enum { POOL_FREE, POOL_USED, POOL_OWN }; /* OWN: Xen's, which the domain may map, but not free */
enum { POOL_PAGES = 1024, EXTENTS_MAX = 1 << 20 };
#define NO_FRAME UINT32_MAX

/* ---------------------------------------------------------------- frames */

static uint8_t *use_of(const struct xen *xen, uint32_t frame)
{
    assert(frame < xen->ram_pages + POOL_PAGES && "a frame of the domain's RAM or of Xen's pool");
    return ramblock_host(xen->frames) + frame;
}

static void set_use(struct xen *xen, uint32_t frame, uint8_t use)
{
    *use_of(xen, frame) = use;
    physmem_touch(xen->domain.mem, xen->frames, frame, 1);
}

static bool is_own(const struct xen *xen, uint32_t frame)
{
    return frame >= xen->ram_pages && *use_of(xen, frame) == POOL_OWN;
}

static void release(struct xen *xen, uint32_t frame)
{
    if (is_own(xen, frame))
        return;
    set_use(xen, frame, frame < xen->ram_pages ? RAM_FREE : POOL_FREE);
    if (frame < xen->first_free)
        xen->first_free = frame;
}

static struct ramblock *block_of(const struct xen *xen, uint32_t frame, uint64_t *offset)
{
    bool ram = frame < xen->ram_pages;
    *offset = (uint64_t)(ram ? frame : frame - xen->ram_pages) * PAGE;
    return ram ? xen->domain.ram : xen->pool;
}

static void clear(struct xen *xen, uint32_t frame)
{
    uint64_t offset;
    struct ramblock *b = block_of(xen, frame, &offset);
    memset(ramblock_host(b) + offset, 0, PAGE);
    physmem_touch(xen->domain.mem, b, offset, PAGE);
}

static uint32_t take(struct xen *xen, uint32_t first, uint64_t n, uint8_t from, uint8_t to)
{
    const uint8_t *start = use_of(xen, first), *found = memchr(start, from, n);
    if (!found)
        return NO_FRAME;
    uint32_t frame = first + (uint32_t)(found - start);
    set_use(xen, frame, to);
    clear(xen, frame);
    return frame;
}

static uint32_t allocate(struct xen *xen)
{
    uint32_t frame = take(xen, (uint32_t)xen->ram_pages, POOL_PAGES, POOL_FREE, POOL_USED);
    if (frame != NO_FRAME || xen->first_free >= xen->ram_pages)
        return frame;
    frame = take(xen, xen->first_free, xen->ram_pages - xen->first_free, RAM_FREE, RAM_MOVED);
    xen->first_free = frame == NO_FRAME ? (uint32_t)xen->ram_pages : frame;
    return frame;
}

uint8_t *own_page(struct xen *xen, unsigned own)
{
    assert(own < POOL_PAGES && "Xen's own pages are the first of the pool");
    return ramblock_host(xen->pool) + (uint64_t)own * PAGE;
}

void own_touch(struct xen *xen, unsigned own, unsigned offset, unsigned n)
{
    assert(own < POOL_PAGES && offset <= PAGE && n <= PAGE - offset && "what was changed lies in one page");
    physmem_touch(xen->domain.mem, xen->pool, (uint64_t)own * PAGE + offset, n);
}

/* ---------------------------------------------------------------- the map */

static uint32_t *entry_of(const struct xen *xen, uint64_t page)
{
    assert(page < xen->pages && "callers check pages that the domain names");
    return (uint32_t *)ramblock_host(xen->p2m) + page;
}

/* The RAM that the machine has at a page, or NO_FRAME. */
static uint32_t machine_frame(const struct xen *xen, uint64_t page)
{
    uint64_t low = xen->domain.ram_low / PAGE, high = xen->domain.ram_high / PAGE, four = 1 << 20;
    if (page < low)
        return page >= 0xa0 && page < 0xc0 ? NO_FRAME : (uint32_t)page;
    return page >= four && page - four < high ? (uint32_t)(low + page - four) : NO_FRAME;
}

static uint32_t frame_at(const struct xen *xen, uint64_t page)
{
    uint32_t entry = *entry_of(xen, page);
    return entry == P2M_MACHINE ? machine_frame(xen, page) : entry == P2M_HOLE ? NO_FRAME : entry - P2M_FRAME;
}

/* Where the domain may change its physmap: not below 1 MiB beyond conventional memory, where the chipset
 * decides what there is, nor over the interrupt controllers and timers, which Xen keeps. */
static bool may_change(const struct xen *xen, uint64_t page)
{
    bool kept = (page >= 0xa0 && page < 0x100) || (page >= 0xfec00 && page < 0xfef00);
    return page < xen->pages && !kept;
}

static void apply(struct xen *xen, uint64_t page)
{
    uint64_t offset;
    uint32_t entry = *entry_of(xen, page), frame = frame_at(xen, page);
    xen->applied[page] = entry;
    if (frame == NO_FRAME) {
        physmem_unmap(xen->domain.mem, page * PAGE, PAGE);
    } else {
        struct ramblock *b = block_of(xen, frame, &offset);
        physmem_map(xen->domain.mem, page * PAGE, PAGE, b, offset, b, offset, false);
    }
}

static void set_entry(struct xen *xen, uint64_t page, uint32_t entry)
{
    *entry_of(xen, page) = entry;
    physmem_touch(xen->domain.mem, xen->p2m, page * 4, 4);
    apply(xen, page);
}

static void map_frame(struct xen *xen, uint64_t page, uint32_t frame)
{
    bool machine = frame < xen->ram_pages && machine_frame(xen, page) == frame;
    if (frame < xen->ram_pages)
        set_use(xen, frame, machine ? RAM_HERE : RAM_MOVED);
    set_entry(xen, page, machine ? P2M_MACHINE : frame + P2M_FRAME);
}

/* Takes a page out. What was there is freed, unless it is Xen's. */
static void drop_page(struct xen *xen, uint64_t page)
{
    uint32_t frame = frame_at(xen, page);
    if (frame != NO_FRAME)
        release(xen, frame);
    set_entry(xen, page, P2M_HOLE);
}

void xen_remap(struct xen *xen)
{
    for (uint64_t page = 0; page < xen->pages; page++)
        if (*entry_of(xen, page) != P2M_MACHINE)
            apply(xen, page);
}

/* An entry from a damaged file may name any frame. */
bool memory_loaded(struct xen *xen)
{
    uint32_t last = (uint32_t)(P2M_FRAME + xen->ram_pages + POOL_PAGES);
    bool good = true;
    xen->first_free = 0;
    for (uint64_t page = 0; page < xen->pages; page++) {
        uint32_t entry = *entry_of(xen, page);
        if (entry == xen->applied[page] && entry == P2M_MACHINE)
            continue;
        if (entry >= last || !may_change(xen, page)) {
            *entry_of(xen, page) = P2M_MACHINE;
            good = false;
        }
        apply(xen, page);
    }
    return good;
}

/* ---------------------------------------------------------------- building */

static struct ramblock *block(struct xen *xen, const char *name, uint64_t size)
{
    return physmem_block(xen->domain.mem, name, (size + PAGE - 1) & ~(uint64_t)(PAGE - 1));
}

bool memory_create(struct xen *xen)
{
    const struct xen_domain *d = &xen->domain;
    xen->ram_pages = (d->ram_low + d->ram_high) / PAGE;
    xen->pages = (1 << 20) + d->ram_high / PAGE + XEN_ABOVE_RAM / PAGE;
    xen->p2m = block(xen, "xen-p2m", xen->pages * 4);
    xen->frames = block(xen, "xen-frames", xen->ram_pages + POOL_PAGES);
    xen->pool = block(xen, "xen-pool", POOL_PAGES * PAGE);
    xen->applied = mem_zero(xen->pages, sizeof *xen->applied);
    return xen->p2m && xen->frames && xen->pool;
}

static void clear_block(struct xen *xen, struct ramblock *b)
{
    uint8_t *p = ramblock_host(b);
    static const uint8_t zero[PAGE];
    for (uint64_t at = 0; at < ramblock_size(b); at += PAGE)
        if (memcmp(p + at, zero, PAGE)) {
            memset(p + at, 0, PAGE);
            physmem_touch(xen->domain.mem, b, at, PAGE);
        }
}

void memory_reset(struct xen *xen)
{
    for (uint64_t page = 0; page < xen->pages; page++)
        if (*entry_of(xen, page) != P2M_MACHINE)
            set_entry(xen, page, P2M_MACHINE);
    clear_block(xen, xen->frames);
    clear_block(xen, xen->pool);
    xen->first_free = (uint32_t)xen->ram_pages;
    for (unsigned i = 0; i < OWN_SPECIAL; i++)
        set_use(xen, (uint32_t)xen->ram_pages + i, POOL_OWN);
    for (unsigned i = 0; i < SPECIALS; i++) {
        uint32_t frame = (uint32_t)xen->ram_pages + OWN_SPECIAL + i;
        set_use(xen, frame, POOL_OWN);
        map_frame(xen, FIRST_SPECIAL + i, frame);
    }
}

uint64_t xen_pages(const struct xen *xen)
{
    uint64_t n = xen->ram_pages - 0x20 + SPECIALS;
    const uint8_t *use = use_of(xen, 0);
    for (uint64_t i = 0; i < xen->ram_pages; i++)
        n -= use[i] == RAM_FREE;
    for (uint64_t i = 0; i < POOL_PAGES; i++)
        n += use[xen->ram_pages + i] == POOL_USED;
    return n;
}

/* ---------------------------------------------------------------- reservations */

struct reservation {
    uint64_t list, extents;
    uint32_t order;
};

/* struct xen_memory_reservation */
static int64_t take_reservation(struct call *c, uint64_t at, struct reservation *r)
{
    uint8_t s[32];
    if (!guest_get(c, at, s, c->wide ? 32 : 20))
        return -XEN_EFAULT;
    *r = (struct reservation){word_at(c, s, 0, 0), word_at(c, s, 4, 8), le32(s + (c->wide ? 16 : 8))};
    call_say(c, ", extents %llu, order %u", (unsigned long long)r->extents, r->order);
    if (r->extents > EXTENTS_MAX || r->order > 18)
        return -XEN_EPERM; /* no right to allocate that much at once */
    return own_domain(le16(s + (c->wide ? 24 : 16)));
}

static bool extent(const struct call *c, const struct reservation *r, uint64_t i, uint64_t *page)
{
    uint8_t bytes[8] = {0};
    unsigned size = c->wide ? 8 : 4;
    if (!guest_get(c, r->list + i * size, bytes, size))
        return false;
    *page = le64(bytes);
    return true;
}

static bool populate(struct xen *xen, uint64_t page, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint32_t frame = may_change(xen, page + i) ? allocate(xen) : NO_FRAME;
        if (frame == NO_FRAME)
            return false;
        drop_page(xen, page + i);
        map_frame(xen, page + i, frame);
    }
    return true;
}

static bool depopulate(struct xen *xen, uint64_t page, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!may_change(xen, page + i) || frame_at(xen, page + i) == NO_FRAME)
            return false;
        drop_page(xen, page + i);
    }
    return true;
}

/* Returns how many extents were changed. */
static int64_t each_extent(struct call *c, uint64_t at, bool (*change)(struct xen *, uint64_t, uint64_t))
{
    struct reservation r;
    uint64_t page, i = 0, pages = 0;
    int64_t bad = take_reservation(c, at, &r);
    if (bad == -XEN_EPERM)
        return 0;
    if (bad)
        return bad;
    while (i < r.extents && pages < EXTENTS_MAX && extent(c, &r, i, &page) &&
           change(c->xen, page, 1ull << r.order)) {
        if (!i)
            call_say(c, " at %#llx", (unsigned long long)page);
        pages += 1ull << r.order;
        i++;
    }
    return (int64_t)i;
}

static int64_t populate_physmap(struct call *c, uint64_t at)
{
    return each_extent(c, at, populate);
}

static int64_t decrease_reservation(struct call *c, uint64_t at)
{
    return each_extent(c, at, depopulate);
}

static int64_t current_reservation(struct call *c, uint64_t at)
{
    uint16_t domid;
    if (!guest_get(c, at, &domid, 2))
        return -XEN_EFAULT;
    int64_t bad = own_domain(domid);
    return bad ? bad : (int64_t)xen_pages(c->xen);
}

static int64_t maximum_reservation(struct call *c, uint64_t at)
{
    int64_t pages = current_reservation(c, at);
    return pages < 0 ? pages : (int64_t)(c->xen->ram_pages - 0x20 + POOL_PAGES - OWN_SPECIAL);
}

static int64_t maximum_gpfn(struct call *c, uint64_t at)
{
    uint16_t domid;
    if (!guest_get(c, at, &domid, 2))
        return -XEN_EFAULT;
    int64_t bad = own_domain(domid);
    uint64_t page = c->xen->pages;
    while (!bad && page-- > 0)
        if (frame_at(c->xen, page) != NO_FRAME)
            return (int64_t)page;
    return bad;
}

/* ---------------------------------------------------------------- add_to_physmap */

enum { SPACE_SHARED_INFO, SPACE_GRANT_TABLE, SPACE_GMFN, SPACE_GMFN_RANGE, SPACES };
enum { GRANT_STATUS_BIT = 1u << 31 };

static const char *const spaces[SPACES] = {"shared_info", "grant_table", "gmfn", "gmfn_range"};

/* Puts a frame at a page, and takes it away from where it is. */
static void move_frame(struct xen *xen, uint32_t frame, uint64_t from, uint64_t to)
{
    uint32_t old = frame_at(xen, to);
    if (old == frame)
        return;
    if (from != UINT64_MAX)
        set_entry(xen, from, P2M_HOLE);
    if (old != NO_FRAME)
        release(xen, old);
    map_frame(xen, to, frame);
}

static uint64_t page_of(const struct xen *xen, uint32_t frame)
{
    for (uint64_t page = 0; page < xen->pages; page++)
        if (*entry_of(xen, page) == frame + P2M_FRAME)
            return page;
    return UINT64_MAX;
}

static int64_t map_own(struct xen *xen, unsigned own, uint64_t to)
{
    uint32_t frame = (uint32_t)xen->ram_pages + own;
    move_frame(xen, frame, page_of(xen, frame), to);
    return 0;
}

/* Xen writes the times whenever it runs a processor, so they are there again when a guest maps the page, although
 * hvmloader has cleared it. */
static int64_t map_shared(struct xen *xen, uint64_t to)
{
    int64_t rc = map_own(xen, OWN_SHARED, to);
    info_refresh(xen);
    return rc;
}

static int64_t map_grants(struct xen *xen, uint64_t index, uint64_t to)
{
    if (index >= MAX_GRANT_FRAMES)
        return -XEN_EINVAL;
    if (index >= xen->grant_frames)
        xen->grant_frames = (uint32_t)index + 1;
    return map_own(xen, OWN_GRANTS + (unsigned)index, to);
}

static int64_t map_gmfn(struct xen *xen, uint64_t from, uint64_t to)
{
    uint32_t frame = may_change(xen, from) ? frame_at(xen, from) : NO_FRAME;
    if (frame == NO_FRAME || is_own(xen, frame))
        return -XEN_EINVAL;
    move_frame(xen, frame, from, to);
    return 0;
}

static int64_t map_space(struct xen *xen, unsigned space, uint64_t index, uint64_t to)
{
    if (!may_change(xen, to))
        return -XEN_EINVAL;
    switch (space) {
    case SPACE_SHARED_INFO:
        return index ? -XEN_EINVAL : map_shared(xen, to);
    case SPACE_GRANT_TABLE:
        return map_grants(xen, index, to);
    default:
        return map_gmfn(xen, index, to);
    }
}

/* struct xen_add_to_physmap */
static int64_t add_to_physmap(struct call *c, uint64_t at)
{
    uint8_t s[24];
    if (!guest_get(c, at, s, c->wide ? 24 : 16))
        return -XEN_EFAULT;
    uint32_t space = le32(s + 4);
    uint64_t index = word_at(c, s, 8, 8), to = word_at(c, s, 12, 16);
    uint64_t n = space == SPACE_GMFN_RANGE ? le16(s + 2) : 1;
    int64_t bad = own_domain(le16(s));
    if (space >= SPACES) {
        call_say(c, ", space %u", space);
        return bad ? bad : call_missing(c, "add_to_physmap space", space);
    }
    call_say(c, ", %s %#llx to page %#llx", spaces[space], (unsigned long long)index, (unsigned long long)to);
    for (uint64_t i = 0; i < n && !bad; i++)
        bad = map_space(c->xen, space, index + i, to + i);
    return bad;
}

static int64_t remove_from_physmap(struct call *c, uint64_t at)
{
    uint8_t s[16];
    if (!guest_get(c, at, s, c->wide ? 16 : 8))
        return -XEN_EFAULT;
    uint64_t page = word_at(c, s, 4, 8);
    int64_t bad = own_domain(le16(s));
    call_say(c, ", page %#llx", (unsigned long long)page);
    if (bad)
        return bad;
    if (!may_change(c->xen, page) || frame_at(c->xen, page) == NO_FRAME)
        return -XEN_ENOENT;
    drop_page(c->xen, page);
    return 0;
}

/* ---------------------------------------------------------------- the memory map */

static int64_t memory_map(struct call *c, uint64_t at)
{
    uint8_t s[16];
    if (!guest_get(c, at, s, c->wide ? 16 : 8))
        return -XEN_EFAULT;
    uint32_t n = le32(s);
    uint64_t buffer = word_at(c, s, 4, 8);
    if (!c->xen->map_entries)
        return -XEN_ENOSYS;
    if (n > c->xen->map_entries)
        n = c->xen->map_entries;
    return guest_put(c, buffer, c->xen->map, n * 20) && guest_put(c, at, &n, 4) ? 0 : -XEN_EFAULT;
}

/* struct xen_foreign_memory_map */
static int64_t set_memory_map(struct call *c, uint64_t at)
{
    uint8_t s[24], map[sizeof c->xen->map];
    if (!guest_get(c, at, s, c->wide ? 24 : 12))
        return -XEN_EFAULT;
    uint32_t n = le32(s + (c->wide ? 8 : 4));
    int64_t bad = own_domain(le16(s));
    call_say(c, ", entries %u", n);
    if (bad || n > MAX_E820)
        return bad ? bad : -XEN_EINVAL;
    if (!guest_get(c, word_at(c, s, 8, 16), map, n * 20))
        return -XEN_EFAULT;
    memcpy(c->xen->map, map, n * 20);
    c->xen->map_entries = n;
    return 0;
}

/* The domain has no devices of the host, so there is no memory that they need. */
static int64_t reserved_device_memory_map(struct call *c, uint64_t at)
{
    const uint32_t none = 0;
    return guest_put(c, at + 4, &none, 4) ? 0 : -XEN_EFAULT;
}

static int64_t no_vnuma(struct call *c, uint64_t at)
{
    return -XEN_EOPNOTSUPP;
}

static int64_t not_permitted(struct call *c, uint64_t at)
{
    return -XEN_EPERM;
}

const struct operation memory_operations[] = {
    [0] = {.name = "increase_reservation"},
    [1] = {"decrease_reservation", decrease_reservation},
    [2] = {.name = "maximum_ram_page"},
    [3] = {"current_reservation", current_reservation},
    [4] = {"maximum_reservation", maximum_reservation},
    [5] = {.name = "machphys_mfn_list"},
    [6] = {"populate_physmap", populate_physmap},
    [7] = {"add_to_physmap", add_to_physmap},
    [8] = {.name = "translate_gpfn_list"},
    [9] = {"memory_map", memory_map},
    [10] = {"machine_memory_map", not_permitted},
    [11] = {.name = "exchange"},
    [12] = {.name = "machphys_mapping"},
    [13] = {"set_memory_map", set_memory_map},
    [14] = {"maximum_gpfn", maximum_gpfn},
    [15] = {"remove_from_physmap", remove_from_physmap},
    [16] = {"set_pod_target", not_permitted},
    [17] = {"get_pod_target", not_permitted},
    [23] = {.name = "add_to_physmap_batch"},
    [24] = {"claim_pages", not_permitted},
    [26] = {"get_vnumainfo", no_vnuma},
    [27] = {"reserved_device_memory_map", reserved_device_memory_map},
    [28] = {.name = "acquire_resource"},
};
const size_t memory_noperations = sizeof memory_operations / sizeof memory_operations[0];
