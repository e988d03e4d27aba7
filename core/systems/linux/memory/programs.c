/* programs.c - the program and libraries of a task, read from the guest's page cache. See programs.h.
 *
 * Sources: Linux, include/linux/maple_tree.h and lib/maple_tree.c (areas of memory, since 6.1), include/linux/mm_types.h (a list of them,
 * before), include/linux/xarray.h (the page cache).
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/systems/linux/memory/programs.h"
#include "core/systems/linux/page_cache.h"

enum { PAGE = 4096, PROGRAM_MAX = 64 << 20, AREAS_MAX = 65536, DEPTH = 12 };

enum member {
    TASK_MM,
    AREA_START,
    AREA_END,
    AREA_FLAGS,
    AREA_FILE,
    AREA_OFFSET,
    AREA_NEXT,
    MM_TREE,
    MM_LIST,
    NODE_PIVOT,
    NODE_SLOT,
    INNER_PIVOT,
    INNER_SLOT,
    FILE_MAPPING,
    FILE_INODE,
    FILE_NAME,
    INODE_SIZE,
    CACHE_HEAD,
    CACHE_SHIFT,
    CACHE_SLOTS,
    PAGE_SIZE,
    MEMBERS
};

/* Not all kernels have those that are optional: a tree of areas or a list. */
static const struct {
    const char *type, *path;
    bool optional;
} places[MEMBERS] = {[TASK_MM] = {"task_struct", "mm", false},
                     [AREA_START] = {"vm_area_struct", "vm_start", false},
                     [AREA_END] = {"vm_area_struct", "vm_end", false},
                     [AREA_FLAGS] = {"vm_area_struct", "vm_flags", true},
                     [AREA_FILE] = {"vm_area_struct", "vm_file", false},
                     [AREA_OFFSET] = {"vm_area_struct", "vm_pgoff", false},
                     [AREA_NEXT] = {"vm_area_struct", "vm_next", true},
                     [MM_TREE] = {"mm_struct", "mm_mt.ma_root", true},
                     [MM_LIST] = {"mm_struct", "mmap", true},
                     [NODE_PIVOT] = {"maple_range_64", "pivot", true},
                     [NODE_SLOT] = {"maple_range_64", "slot", true},
                     [INNER_PIVOT] = {"maple_arange_64", "pivot", true},
                     [INNER_SLOT] = {"maple_arange_64", "slot", true},
                     [FILE_MAPPING] = {"file", "f_mapping", false},
                     [FILE_INODE] = {"file", "f_inode", false},
                     [FILE_NAME] = {"file", "f_path.dentry", false},
                     [INODE_SIZE] = {"inode", "i_size", false},
                     [CACHE_HEAD] = {"address_space", "i_pages.xa_head", false},
                     [CACHE_SHIFT] = {"xa_node", "shift", false},
                     [CACHE_SLOTS] = {"xa_node", "slots", false},
                     [PAGE_SIZE] = {"page", "", false}};

struct reader {
    struct look m;
    const struct symbols *symbols;
    const struct kernel_types *types;
    uint64_t tables, offset[MEMBERS], size[MEMBERS], map; /* map: of struct page */
    bool has[MEMBERS];
    uint64_t *areas;
    size_t nareas;
};

static uint64_t word(const struct reader *r, uint64_t at)
{
    uint64_t v = 0;
    return view_peek(r->m, r->tables, at, &v, 8) == 8 ? v : 0;
}

static uint64_t member(const struct reader *r, uint64_t object, enum member m)
{
    return object ? word(r, object + r->offset[m]) : 0;
}

static bool find_members(struct reader *r)
{
    struct types_place p;
    struct symbol s;
    for (size_t i = 0; i < MEMBERS; i++) {
        r->has[i] = kernel_types_member(r->types, places[i].type, places[i].path, &p);
        if (!r->has[i] && !places[i].optional)
            return false;
        r->offset[i] = r->has[i] ? p.address : 0;
        r->size[i] = r->has[i] ? p.size : 0;
    }
    if (!symbols_find(r->symbols, kernel_types_set(r->types)->space, "vmemmap_base", look_icount(r->m), &s))
        return false;
    r->map = word(r, s.address);
    return r->map && r->size[PAGE_SIZE];
}

/* ---------------------------------------------------------------- areas of memory */

static void add_area(struct reader *r, uint64_t area)
{
    if (r->nareas == AREAS_MAX)
        return;
    MEM_MORE(r->areas, r->nareas);
    r->areas[r->nareas++] = area;
}

/* A node's pointer says its type in bits 3 to 6: lib/maple_tree.c, mte_node_type(). */
static void walk_tree(struct reader *r, uint64_t entry, unsigned depth)
{
    enum { LEAF = 1, RANGE = 2, INNER = 3 };
    const unsigned type = (unsigned)(entry >> 3 & 15);
    const uint64_t node = entry & ~(uint64_t)255;
    const enum member pivots = type == INNER ? INNER_PIVOT : NODE_PIVOT,
                      slots = type == INNER ? INNER_SLOT : NODE_SLOT;
    const unsigned n = (unsigned)(r->size[slots] / 8);
    if (depth == DEPTH || type < LEAF || type > INNER || !node)
        return;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t slot = word(r, node + r->offset[slots] + 8 * i);
        if (type == LEAF && slot >> 63)
            add_area(r, slot);
        else if (type != LEAF && slot >> 63)
            walk_tree(r, slot, depth + 1);
        if (i + 1 < n && i && !word(r, node + r->offset[pivots] + 8 * i))
            return; /* the rest is not used */
    }
}

static void find_areas(struct reader *r, uint64_t mm)
{
    const uint64_t root = r->has[MM_TREE] ? member(r, mm, MM_TREE) : 0;
    if ((root & 3) == 2)
        walk_tree(r, root, 0);
    else if (root)
        add_area(r, root);
    if (r->has[MM_LIST] && r->has[AREA_NEXT])
        for (uint64_t a = member(r, mm, MM_LIST); a && r->nareas < AREAS_MAX; a = member(r, a, AREA_NEXT))
            add_area(r, a);
}

/* ---------------------------------------------------------------- files */

static uint64_t word_at(const void *r, uint64_t at)
{
    return word(r, at);
}

static uint8_t *read_file(const struct reader *r, uint64_t file, size_t *size)
{
    const uint64_t mapping = member(r, file, FILE_MAPPING),
                   n = member(r, member(r, file, FILE_INODE), INODE_SIZE);
    if (!mapping || n < 64 || n > PROGRAM_MAX)
        return NULL;
    const struct page_cache c = {.word = word_at,
                                 .ctx = r,
                                 .bytes = 8,
                                 .head = r->offset[CACHE_HEAD],
                                 .shift = r->offset[CACHE_SHIFT],
                                 .slots = r->offset[CACHE_SLOTS]};
    uint8_t *p = mem_zero(1, (n + PAGE) & ~(uint64_t)(PAGE - 1));
    for (uint64_t i = 0; i * PAGE < n; i++) {
        uint64_t first, page = page_cache_find(&c, mapping, i, &first);
        if (page >= r->map && i >= first)
            look_peek_physical(r->m, ((page - r->map) / r->size[PAGE_SIZE] + (i - first)) * PAGE,
                               p + i * PAGE, PAGE);
    }
    *size = n;
    return p;
}

/* ---------------------------------------------------------------- all programs */

static void name_of(const struct reader *r, uint64_t file, char name[64])
{
    static const char *const ways[] = {"d_name.name", "__d_name.name"};
    const uint64_t dentry = member(r, file, FILE_NAME);
    struct types_place p;
    memset(name, 0, 64);
    for (size_t i = 0; i < 2 && !*name; i++)
        if (kernel_types_member(r->types, "dentry", ways[i], &p))
            for (size_t k = 0; k < 63 &&
                               view_peek(r->m, r->tables, word(r, dentry + p.address) + k, name + k, 1) &&
                               name[k];)
                k++;
    name[63] = 0;
}

/* Where the file's first executable segment is mapped says where all of it is. */
static bool find_bias(const struct reader *r, uint64_t file, const uint8_t *elf, size_t size, uint64_t *bias)
{
    uint64_t vaddr, offset;
    if (symbols_elf_base(elf, size, &vaddr, &offset))
        return false;
    for (size_t i = 0; i < r->nareas; i++) {
        const uint64_t start = member(r, r->areas[i], AREA_START);
        const uint64_t from = member(r, r->areas[i], AREA_OFFSET) * PAGE;
        if (member(r, r->areas[i], AREA_FILE) == file && from <= offset && offset - from < PAGE) {
            *bias = start + (offset - from) - vaddr;
            return true;
        }
    }
    return false;
}

/* A file that is mapped as a program. */
struct program {
    uint64_t file; /* struct file */
    char name[64];
    uint8_t *elf;
    size_t size;
    uint64_t bias;
};

static bool read_program(const struct reader *r, uint64_t file, struct program *p)
{
    memset(p, 0, sizeof *p);
    p->file = file;
    p->elf = read_file(r, file, &p->size);
    if (!p->elf || memcmp(p->elf, ELFMAG, SELFMAG) || !find_bias(r, file, p->elf, p->size, &p->bias)) {
        free(p->elf);
        return false;
    }
    name_of(r, file, p->name);
    return true;
}

static struct program *read_programs(struct reader *r, size_t *n)
{
    struct program *list = NULL, p;
    *n = 0;
    for (size_t i = 0; i < r->nareas; i++) {
        const uint64_t file = member(r, r->areas[i], AREA_FILE);
        size_t before = 0;
        while (before < i && member(r, r->areas[before], AREA_FILE) != file)
            before++;
        if (!file || before < i || !read_program(r, file, &p))
            continue;
        MEM_MORE(list, *n);
        list[(*n)++] = p;
    }
    return list;
}

static uint64_t key_of(const struct reader *r, const struct view_task *t, const struct program *list,
                       size_t n)
{
    uint64_t key = t->tgid;
    for (size_t i = 0; i < r->nareas; i++) {
        const uint64_t ends[2] = {member(r, r->areas[i], AREA_START), member(r, r->areas[i], AREA_END)};
        key = XXH3_64bits_withSeed(ends, sizeof ends, key);
    }
    for (size_t i = 0; i < n; i++) {
        key = XXH3_64bits_withSeed(list[i].name, strlen(list[i].name), key ^ list[i].bias);
        key = XXH3_64bits_withSeed(list[i].elf, list[i].size, key);
    }
    return key | 1; /* 0: no key yet */
}

/* One symbol for a stretch of memory, where nothing better is known. Its name is in brackets. */
static void add_stretch(struct symbols *out, const struct view_task *t, const char *name, uint64_t bias,
                        uint64_t begin, uint64_t end)
{
    struct symbol_table *table = symbol_table_begin(out, name, "memory");
    symbol_table_add(table, name, begin - bias, end - begin, 't', SYMBOL_SIZED);
    symbols_map(out, &(struct symbol_mapping){.table = symbol_table_end(table),
                                              .space = view_task_space(t),
                                              .bias = bias,
                                              .begin = begin,
                                              .end = end});
}

/* From the first to the last address at which the program's file is mapped; both 0: nowhere. */
static void find_extent(const struct reader *r, const struct program *p, uint64_t *begin, uint64_t *end)
{
    *begin = UINT64_MAX, *end = 0;
    for (size_t i = 0; i < r->nareas; i++) {
        const uint64_t from = member(r, r->areas[i], AREA_START), to = member(r, r->areas[i], AREA_END);
        if (member(r, r->areas[i], AREA_FILE) != p->file)
            continue;
        *begin = from < *begin ? from : *begin;
        *end = to > *end ? to : *end;
    }
    *begin = *end ? *begin : 0;
}

/* Code for which no symbol is known has the name of its file, and its address there: [libc.so.6]+0x1234. */
static void add_file_names(const struct reader *r, struct symbols *out, const struct view_task *t,
                           const struct program *p)
{
    char name[80];
    uint64_t begin, end;
    find_extent(r, p, &begin, &end);
    snprintf(name, sizeof name, "[%s]", p->name);
    if (begin >= p->bias && end > begin)
        add_stretch(out, t, name, p->bias, p->bias, end);
}

static void add_program(const struct reader *r, struct symbols *out, const struct view_task *t,
                        const struct program *p, struct debug_info *d)
{
    struct error ignored;
    struct build_id id = {0};
    struct symbol_mapping m = {.space = view_task_space(t), .bias = p->bias};
    uint64_t begin, end;
    find_extent(r, p, &begin, &end);
    const char *path = d && build_id_of_elf(p->elf, p->size, &id) ? debug_info_find(d, &id, p->name) : NULL;
    struct debug_file *f =
        path ? debug_file_open(d, path, &(struct debug_at){.bias = p->bias}, &ignored) : NULL;
    add_file_names(r, out, t, p);
    m.table = symbols_add_stripped(out, p->name, p->elf, p->size, path, &ignored);
    if (m.table)
        symbols_map(out, &m);
    if (f)
        symbols_add_debug(out,
                          &(struct symbol_debug){
                              .file = f, .table = m.table, .space = m.space, .begin = begin, .end = end});
}

/* ---------------------------------------------------------------- code without a file */

/* The kernel maps its vDSO into each process: an ELF image. */
static bool add_vdso(const struct reader *r, struct symbols *out, const struct view_task *t, uint64_t begin,
                     uint64_t end)
{
    enum { VDSO_MAX = 1 << 16 };
    struct error ignored;
    if (end - begin > VDSO_MAX || end - begin < sizeof(Elf64_Ehdr))
        return false;
    uint8_t *elf = mem_zero(1, end - begin);
    const bool is =
        view_peek(r->m, r->tables, begin, elf, end - begin) == end - begin && !memcmp(elf, ELFMAG, SELFMAG);
    if (is) {
        struct symbol_mapping m = {.space = view_task_space(t), .bias = begin};
        add_stretch(out, t, "[vdso]", begin, begin, end);
        m.table = symbols_add_elf(out, "vdso", elf, end - begin, true, &ignored);
        if (m.table)
            symbols_map(out, &m);
    }
    free(elf);
    return is;
}

/* Executable memory that is of no file was written by the program itself: a just-in-time compiler, a trampoline. */
static void add_generated(const struct reader *r, struct symbols *out, const struct view_task *t)
{
    enum { VM_EXEC = 4 }; /* include/linux/mm.h */
    for (size_t i = 0; r->has[AREA_FLAGS] && i < r->nareas; i++) {
        const uint64_t a = r->areas[i], begin = member(r, a, AREA_START), end = member(r, a, AREA_END);
        if (member(r, a, AREA_FILE) || !(member(r, a, AREA_FLAGS) & VM_EXEC) || end <= begin ||
            add_vdso(r, out, t, begin, end))
            continue;
        add_stretch(out, t, "[code that the program generated]", begin, begin, end);
    }
}

struct symbols *view_programs_read(struct look m, const struct view_task *t, const struct kernel_types *k,
                                   const struct symbols *s, struct debug_info *d, uint64_t *key)
{
    struct reader r = {.m = m, .symbols = s, .types = k, .tables = view_tables_for(m, 0, t->address)};
    struct program *list = NULL;
    size_t n = 0;
    if (t->has_memory && k && find_members(&r)) {
        find_areas(&r, member(&r, t->address, TASK_MM));
        list = read_programs(&r, &n);
    }
    const uint64_t is = key_of(&r, t, list, n);
    struct symbols *out = is == *key ? NULL : symbols_new();
    *key = is;
    if (out)
        add_generated(&r, out, t);
    for (size_t i = 0; i < n; i++) {
        if (out)
            add_program(&r, out, t, &list[i], d);
        free(list[i].elf);
    }
    free(list);
    free(r.areas);
    return out;
}
