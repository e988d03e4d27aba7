/* kernel_types.c - finds a kernel's type information in the memory of a recorded machine. See kernel_types.h.
 *
 * The kernel's event tells where its image is in physical memory. Modules are in virtual memory: the list of
 * their types (btf_modules, kernel/bpf/btf.c) is followed through the kernel's own page tables, so it does
 * not matter what runs at that position.
 */
#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/run/past.h"
#include "core/symbols/private/btf_open.h"
#include "core/symbols/private/kernel_types_impl.h"

#include "base/memory.h"

enum {
    HEADER = 24,
    MODULE_TYPES_MAX = 16 << 20,
    ALL_TYPES_MAX = 128 << 20,
    IMAGE_MAX = 128 << 20,
    MODULES_MAX = 1024
};

/* A kernel's memory at the position at which it is read. */
struct kernel_memory {
    struct past *past;       /* at a checkpoint; if NULL: */
    struct timeline *tl;     /* anywhere */
    uint64_t text, physical; /* where _text is, and its memory */
    uint64_t top;            /* physical address of its page table */
    unsigned levels;         /* of page tables: 4 or 5 */
    bool own_tables;         /* the image, too, can only be found through these */
};

/* What is known of a kernel while it is read. */
struct reading {
    struct kernel_types *k;
    struct kernel_memory *m;
    const struct symbols *s;
    uint64_t found, until; /* icounts: when it was found, and the next other kernel */
    uint64_t last;         /* icount of its last event, at which it runs on … */
    unsigned cpu;          /* … this processor */
    unsigned guest;
    int wanted; /* the guest's number; -1: the first that has types */
    symbol_space space;
};

/* ---------------------------------------------------------------- memory */

static uint64_t symbol(const struct reading *r, const char *name)
{
    struct symbol sym;
    const uint64_t at = r->until == UINT64_MAX ? SYMBOLS_NOW : r->until - 1;
    return symbols_find_in(r->s, r->space, name, at, &sym) ? sym.address : 0;
}

static size_t read_physical(const struct kernel_memory *m, uint64_t address, void *buf, size_t n)
{
    return m->past ? past_read(m->past, address, buf, n) : timeline_peek_physical(m->tl, address, buf, n);
}

/* Translates an address through the kernel's page tables: SDM volume 3, 4.5. */
static bool walk(const struct kernel_memory *m, uint64_t address, uint64_t *physical, uint64_t *room)
{
    enum { PRESENT = 1, LARGE = 1 << 7 };
    const uint64_t frame = 0x000ffffffffff000;
    uint64_t table = m->top, entry;
    for (unsigned level = m->levels; level; level--) {
        const unsigned shift = 12 + 9 * (level - 1);
        if (read_physical(m, table + 8 * (address >> shift & 511), &entry, 8) != 8 || !(entry & PRESENT))
            return false;
        table = entry & frame;
        if (level == 1 || (level < 4 && entry & LARGE)) {
            const uint64_t within = address & (((uint64_t)1 << shift) - 1);
            *physical = (table & ~(((uint64_t)1 << shift) - 1)) + within;
            *room = ((uint64_t)1 << shift) - within;
            return true;
        }
    }
    return false;
}

static size_t read_virtual(const struct kernel_memory *m, uint64_t address, void *buf, size_t n);

/* Reads the image, from a distance from its beginning on. */
static size_t read_image(const struct kernel_memory *m, uint64_t at, void *buf, size_t n)
{
    return m->own_tables ? read_virtual(m, m->text + at, buf, n) : read_physical(m, m->physical + at, buf, n);
}

static size_t read_virtual(const struct kernel_memory *m, uint64_t address, void *buf, size_t n)
{
    size_t done = 0;
    for (uint64_t physical, room; done < n; done += (size_t)room) {
        if (!walk(m, address + done, &physical, &room))
            break;
        room = room < n - done ? room : n - done;
        if (read_physical(m, physical, (uint8_t *)buf + done, (size_t)room) != room)
            break;
    }
    return done;
}

static uint64_t read_word(const struct kernel_memory *m, uint64_t address)
{
    uint64_t v = 0;
    return address && read_virtual(m, address, &v, 8) == 8 ? v : 0;
}

/* Finds the kernel's page tables. A kernel that can have five levels has a variable that says whether it does
 * (arch/x86/boot/startup). */
static void find_tables(const struct reading *r)
{
    struct kernel_memory *m = r->m;
    uint32_t five = 0;
    if (m->own_tables)
        return;
    uint64_t top = symbol(r, "init_top_pgt"), flag = symbol(r, "__pgtable_l5_enabled");
    top = top ? top : symbol(r, "init_level4_pgt");
    m->top = top - m->text + m->physical;
    m->levels =
        flag && read_physical(m, flag - m->text + m->physical, &five, sizeof five) == sizeof five && five ? 5
                                                                                                          : 4;
}

static void memory_free(struct kernel_memory *m)
{
    if (!m)
        return;
    past_close(m->past);
    timeline_close(m->tl);
    free(m);
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
    c->n = c->address == m->text ? read_image(m, 0, c->bytes, c->n)
                                 : read_virtual(m, c->address, c->bytes, c->n);
}

/* BTF at a place in the kernel's image; to be freed. */
static void *btf_at(const struct kernel_memory *m, const struct kernel_code *image, uint64_t at, size_t *n)
{
    uint8_t head[HEADER], *own;
    if (at >= image->n || image->n - at < HEADER || read_image(m, at, head, HEADER) != HEADER ||
        !(*n = btf_length(head, image->n - (size_t)at)))
        return NULL;
    own = mem_alloc(*n);
    mem_expect(own, *n);
    if (read_image(m, at, own, *n) == *n)
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
    const struct symbol_table *t = own ? NULL : symbols_types(r->s, r->m->text, &given, n);
    *table = t ? symbol_table_name(t) : "kernel";
    if (own || !given)
        return own;
    return memcpy(mem_alloc(*n), given, *n);
}

static bool read_kernel(struct reading *r)
{
    struct kernel_types *k = r->k;
    const uint64_t text = r->m->text, last = symbol(r, "_end");
    struct kernel_code image = {.address = text,
                                .n = last > text && last - text < IMAGE_MAX ? (size_t)(last - text) : 0};
    size_t n;
    const char *table;
    void *btf = find_types(r, &image, &n, &table);
    if (!btf || !add_types(k, table, btf, n)) {
        free(image.bytes);
        return false;
    }
    MEM_MORE(k->code, k->ncode);
    k->code[k->ncode++] = image;
    k->set.space = r->space;
    find_tables(r);
    return true;
}

/* ---------------------------------------------------------------- modules */

/* The offset of a member in bytes; -1: there is none. Anonymous structures are not searched. */
static long member(const struct btf *btf, const char *structure, const char *name)
{
    const int32_t id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
    const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
    for (unsigned i = 0; t && i < btf_vlen(t); i++) {
        const char *its = btf__name_by_offset(btf, btf_members(t)[i].name_off);
        if (its && !strcmp(its, name))
            return (long)(btf_member_bit_offset(t, i) / 8);
    }
    return -1;
}

enum { LIST, OF_MODULE, OF_BTF, DATA, SIZE, NAME, MEMBERS };

static bool members(const struct btf *btf, long at[MEMBERS])
{
    static const char *const rows[MEMBERS][2] = {
        [LIST] = {"btf_module", "list"},  [OF_MODULE] = {"btf_module", "module"},
        [OF_BTF] = {"btf_module", "btf"}, [DATA] = {"btf", "data"},
        [SIZE] = {"btf", "data_size"},    [NAME] = {"module", "name"}};
    bool all = true;
    for (unsigned i = 0; i < MEMBERS; i++)
        all &= (at[i] = member(btf, rows[i][0], rows[i][1])) >= 0;
    return all;
}

static const struct symbol_mapping *mapping_of(const struct reading *r, const char *name)
{
    const struct symbol_mapping *found = NULL;
    for (size_t i = 0; i < symbols_mappings(r->s); i++) {
        const struct symbol_mapping *m = symbols_mapping(r->s, i);
        if (m->space == r->space && !strcmp(symbol_table_name(m->table), name))
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

static void read_module(struct reading *r, uint64_t entry, const long at[MEMBERS])
{
    const uint64_t module = read_word(r->m, entry + (uint64_t)at[OF_MODULE]),
                   btf = read_word(r->m, entry + (uint64_t)at[OF_BTF]);
    const uint64_t data = read_word(r->m, btf + (uint64_t)at[DATA]);
    const uint32_t size = (uint32_t)read_word(r->m, btf + (uint64_t)at[SIZE]);
    char name[56] = "";
    if (!data || size < HEADER || size > MODULE_TYPES_MAX ||
        read_virtual(r->m, module + (uint64_t)at[NAME], name, sizeof name - 1) != sizeof name - 1)
        return;
    const struct symbol_mapping *m = mapping_of(r, name);
    uint8_t *own = m ? mem_alloc(size) : NULL;
    if (!own || read_virtual(r->m, data, own, size) != size || !btf_length(own, size)) {
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
    long at[MEMBERS];
    const uint64_t head = symbol(r, "btf_modules");
    uint64_t next = head ? read_word(r->m, head) : 0;
    if (!next || next == head || !members(r->k->btf[0], at))
        return;
    for (unsigned n = 0; next && next != head && n < MODULES_MAX && all_types(r->k) < ALL_TYPES_MAX; n++) {
        read_module(r, next - (uint64_t)at[LIST], at);
        next = read_word(r->m, next);
    }
}

/* ---------------------------------------------------------------- where */

/* Finds the kernel that is wanted; after a reset, as it was found last. Its memory is intact until another
 * kernel is found, or until it hands the machine to one (kexec), which is then unpacked over it. 1; 0: there
 * is none; -1. */
static int find_kernel(struct reading *r, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    const void *given;
    size_t n;
    bool there = false;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (ev.kind == EV_KERNEL_KEXEC && there && ev.guest == r->guest && ev.icount < r->until)
            r->until = ev.icount;
        if (there && ev.guest == r->guest && ev.icount < r->until) {
            r->last = ev.icount;
            r->cpu = ev.cpu;
        }
        if (ev.kind != EV_KERNEL_FOUND)
            continue;
        if (there && ev.guest != r->guest) {
            r->until = r->until == UINT64_MAX ? ev.icount : r->until;
        } else if ((r->wanted < 0 || (unsigned)r->wanted == ev.guest) && EVF(&ev, KERNEL_FOUND, physical) &&
                   (EVF(&ev, KERNEL_FOUND, types) ||
                    symbols_types(r->s, EVF(&ev, KERNEL_FOUND, text), &given, &n))) {
            r->m->text = EVF(&ev, KERNEL_FOUND, text);
            r->m->physical = EVF(&ev, KERNEL_FOUND, physical);
            r->found = r->last = ev.icount;
            r->cpu = ev.cpu;
            r->guest = ev.guest;
            r->until = UINT64_MAX;
            there = true;
        }
    }
    trace_cursor_close(c);
    return rc < 0 ? -1 : there;
}

/* Opens the memory at the last checkpoint before another kernel is found, which may take the first one's
 * memory (kexec); or, by a timeline, where the kernel was found if no checkpoint follows. A timeline is also
 * used if the engine does not say where a checkpoint has memory. */
static int open_memory(struct reading *r, struct trace *t, const struct engine_kind *kind, struct error *err)
{
    struct timeline_stopped stopped;
    const long k = trace_checkpoint_find(t, r->until - 1);
    const uint64_t last = k >= 0 ? trace_checkpoint(t, (size_t)k)->icount : 0;
    err->text[0] = 0;
    if (last > r->found)
        r->m->past = past_open(t, kind, (size_t)k, err);
    if (r->m->past || err->text[0])
        return r->m->past ? 0 : -1;
    r->m->tl = timeline_open_unplaced(t, kind, err);
    if (!r->m->tl)
        return -1;
    timeline_short_seeks(r->m->tl, true);
    return timeline_seek(r->m->tl, last > r->found ? last : r->found, &stopped, err);
}

/* Whether the image is where the kernel says that it is in physical memory. In a domain of Xen its physical
 * addresses are not the machine's. */
static bool is_there(const struct reading *r)
{
    static const char begins[] = "Linux version ";
    char text[sizeof begins] = "";
    const uint64_t banner = symbol(r, "linux_banner");
    return !banner || (read_physical(r->m, banner - r->m->text + r->m->physical, text, sizeof begins - 1) ==
                           sizeof begins - 1 &&
                       !strcmp(text, begins));
}

/* In that case its memory is found through the page tables in use while it runs, which map to the machine's
 * memory. */
static int open_domain(struct reading *r, struct trace *t, const struct engine_kind *kind, struct error *err)
{
    enum { CR4_LA57 = 1 << 12 };
    const uint64_t frame = 0x000ffffffffff000;
    struct timeline_stopped stopped;
    past_close(r->m->past);
    r->m->past = NULL;
    if (!r->m->tl)
        r->m->tl = timeline_open_unplaced(t, kind, err);
    if (!r->m->tl)
        return -1;
    timeline_short_seeks(r->m->tl, true);
    if (timeline_seek(r->m->tl, r->last, &stopped, err))
        return -1;
    r->m->top = timeline_reg(r->m->tl, r->cpu, "cr3") & frame;
    r->m->levels = timeline_reg(r->m->tl, r->cpu, "cr4") & CR4_LA57 ? 5 : 4;
    r->m->own_tables = true;
    return 0;
}

static size_t read_code_at(void *ctx, uint64_t address, void *buf, size_t n)
{
    struct kernel_types *k = ctx;
    for (size_t i = 0; i < k->ncode; i++) {
        struct kernel_code *c = &k->code[i];
        const uint64_t at = address - c->address;
        if (at < c->n && !c->bytes)
            read_code(k->memory, c);
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
    for (size_t i = 0; k && i < k->ncode && k->memory->past; i++) {
        free(k->code[i].bytes);
        k->code[i].bytes = NULL;
    }
    if (k && k->memory->past)
        past_relax(k->memory->past);
}

/* Reads all code now, so that the machine need not be kept, which takes as much memory as the guest. */
static void read_all_code(struct kernel_types *k)
{
    for (size_t i = 0; i < k->ncode; i++)
        if (!k->code[i].bytes)
            read_code(k->memory, &k->code[i]);
    timeline_close(k->memory->tl);
    k->memory->tl = NULL;
}

static struct kernel_types *read_types(struct trace *t, const struct engine_kind *kind,
                                       const struct symbols *s, int wanted, struct error *err)
{
    struct kernel_types *k = mem_zero(1, sizeof *k);
    k->memory = mem_zero(1, sizeof *k->memory);
    k->set = (struct symbol_types_set){.read = read_code_at, .ctx = k};
    struct reading r = {.k = k, .m = k->memory, .s = s, .wanted = wanted};
    const int there = find_kernel(&r, t, err);
    if (!there)
        return k;
    r.space = symbol_space_of(r.guest, 0);
    if (there < 0 || open_memory(&r, t, kind, err) || (!is_there(&r) && open_domain(&r, t, kind, err))) {
        kernel_types_free(k);
        return NULL;
    }
    if (read_kernel(&r))
        read_modules(&r);
    if (k->memory->tl)
        read_all_code(k);
    return k;
}

struct kernel_types *kernel_types_read(struct trace *t, const struct engine_kind *kind,
                                       const struct symbols *s, struct error *err)
{
    return read_types(t, kind, s, -1, err);
}

const struct kernel_types *kernel_types_here(const struct kernel_types *first, struct kernel_types_other *o,
                                             struct trace *t, const struct engine_kind *kind,
                                             const struct symbols *s, symbol_space space)
{
    const unsigned guest = space < 0 ? 0 : symbol_space_guest(space);
    struct error ignored;
    if (!s || (first && first->set.n && symbol_space_guest(first->set.space) == guest))
        return first;
    if (!o->asked || o->guest != guest) {
        kernel_types_free(o->k);
        *o = (struct kernel_types_other){read_types(t, kind, s, (int)guest, &ignored), guest, true};
    }
    return o->k && o->k->set.n ? o->k : first;
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
        memory_free(k->memory);
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
