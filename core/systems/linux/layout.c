/* layout.c - see layout.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/linux/private/layout.h"

/* A piece of memory that is searched. */
enum { PIECE_MAX = 16384 };
struct piece {
    unsigned word;
    size_t n;
    uint8_t bytes[PIECE_MAX + 16];
};

static struct piece *piece_at(const struct layout_memory *m, uint64_t address, size_t n)
{
    enum { PAGE = 4096 };
    struct piece *p = mem_zero(1, sizeof *p);
    p->word = m->word;
    p->n = n;
    for (size_t at = 0, part; at < n; at += part) { /* what follows the object may not be mapped */
        part = PAGE - ((address + at) & (PAGE - 1));
        part = part < n - at ? part : n - at;
        m->read(m->ctx, address + at, p->bytes + at, part);
    }
    return p;
}

static uint32_t int_at(const struct piece *p, size_t at)
{
    uint32_t v;
    memcpy(&v, p->bytes + at, 4);
    return v;
}

static uint64_t word_at(const struct piece *p, size_t at)
{
    uint64_t v = 0;
    memcpy(&v, p->bytes + at, p->word);
    return v;
}

static uint64_t read_word(const struct layout_memory *m, uint64_t address)
{
    uint64_t v = 0;
    m->read(m->ctx, address, &v, m->word);
    return v;
}

static uint32_t read_int(const struct layout_memory *m, uint64_t address)
{
    uint32_t v = 0;
    m->read(m->ctx, address, &v, 4);
    return v;
}

/* Whether it could be an address in the upper half, and no error number. */
static bool in_upper_half(const struct layout_memory *m, uint64_t v)
{
    return (int64_t)v >> (m->la57 ? 56 : 47) == -1 && v < 0xfffffffffffff000u;
}

/* Whether it could be a pointer to kernel memory. */
static bool is_pointer(const struct layout_memory *m, uint64_t v)
{
    uint8_t byte;
    if (m->end)
        return v >= m->begin && v < m->end && m->read(m->ctx, v, &byte, 1);
    return m->word == 8 ? in_upper_half(m, v) : v >= 0x40000000 && v < 0xfffff000;
}

/* Whether it cannot be a pointer to a program's memory. */
static bool is_kernels(const struct layout_memory *m, uint64_t v)
{
    return m->end ? is_pointer(m, v) : in_upper_half(m, v);
}

/* A text of printable characters, not empty. */
static bool text_at(const struct layout_memory *m, uint64_t address, char *buf, size_t size)
{
    size_t n = 0;
    for (; n + 1 < size; n++) {
        if (!m->read(m->ctx, address + n, buf + n, 1) || (buf[n] && (buf[n] < ' ' || buf[n] > '~')))
            return false;
        if (!buf[n])
            break;
    }
    buf[n] = 0;
    return n;
}

/* ---------------------------------------------------------------- tasks */

static bool empty_list(const struct piece *p, size_t at, uint64_t task)
{
    return word_at(p, at) == task + at && word_at(p, at + p->word) == task + at;
}

/* real_parent, parent: itself; children: an empty list as long as it is alone; sibling: an empty list; group_leader: itself. */
static bool own_parent(const struct piece *p, size_t at, uint64_t task, bool alone)
{
    unsigned w = p->word;
    return word_at(p, at) == task && word_at(p, at + w) == task &&
           (!alone || empty_list(p, at + 2 * w, task)) && empty_list(p, at + 4 * w, task) &&
           word_at(p, at + 6 * w) == task;
}

/* The reference count, which is 2 in the first task, then the flags, which only say that it is a
 * kernel thread. */
static int flags_of(const struct piece *p)
{
    enum { PF_KTHREAD = 0x200000, NEAR = 256 };
    for (int at = 4; at < NEAR; at += 4)
        if (int_at(p, (size_t)at) == PF_KTHREAD && int_at(p, (size_t)at - 4) == 2)
            return at;
    return -1;
}

static int comm_of(const struct piece *p)
{
    static const char name[] = "swapper";
    const uint8_t *at = p->bytes, *end = p->bytes + p->n;
    for (; (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)); at++)
        if (!at[sizeof name - 1] || at[sizeof name - 1] == '/')
            return (int)(at - p->bytes);
    return -1;
}

bool layout_task(const struct layout_memory *m, uint64_t init_task, bool alone, struct layout_task *t)
{
    struct piece *p = piece_at(m, init_task, PIECE_MAX);
    struct layout_task found = {comm_of(p), -1, flags_of(p)};
    for (size_t at = 0; found.real_parent < 0 && at + 7 * p->word <= p->n; at += p->word)
        if (own_parent(p, at, init_task, alone))
            found.real_parent = (int)at;
    free(p);
    if (found.comm < 0 || found.real_parent < 0)
        return false;
    *t = found;
    return true;
}

/* Children are added at the end of their parent's list, in which their `sibling` is. */
uint64_t layout_first_child(const struct layout_memory *m, uint64_t init_task, int real_parent)
{
    const uint64_t parents = (unsigned)real_parent, w = m->word;
    const uint64_t children = init_task + parents + 2 * w, first = read_word(m, children);
    return first && first != children ? first - parents - 4 * w : 0;
}

/* pid and tgid come before the parents, with or without the stack protector's canary between. */
bool layout_pid(const struct layout_memory *m, uint64_t task, int real_parent, uint32_t pid, int *offset)
{
    for (int canary = 0; canary < 2; canary++) {
        int at = real_parent - 8 - canary * (int)m->word;
        if (at < 0 || read_int(m, task + (unsigned)at) != pid || read_int(m, task + (unsigned)at + 4) != pid)
            continue;
        *offset = at;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- programs */

/* Whether argc, that many arguments from arg_start on, NULL, and the environment's texts are on the stack. */
static bool arguments_at(const struct layout_memory *m, uint64_t stack, uint64_t arg_start,
                         uint64_t env_start, struct layout_exec *x)
{
    enum { MANY = 65536 };
    uint64_t w = m->word, v = 0, argc = read_word(m, stack), envp = stack + (argc + 2) * w;
    if (!argc || argc > MANY || read_word(m, stack + w) != arg_start || read_word(m, envp - w))
        return false;
    uint32_t envc = 0;
    while (envc < MANY && (v = read_word(m, envp + envc * w)))
        envc++;
    if (v || (envc && read_word(m, envp) != env_start))
        return false;
    x->argc = (uint32_t)argc;
    x->envc = envc;
    return true;
}

/* The same in a kernel that reaches a program's memory by its page tables only: tries what may be their address, among
 * the members before those of the arguments. */
static bool tables_at(const struct layout_memory *m, const struct piece *p, size_t before, const uint64_t *v,
                      struct layout_exec *x)
{
    enum { PAGE = 4096, LEVELS_MIN = 3, LEVELS_MAX = 4 };
    for (unsigned levels = LEVELS_MIN; levels <= LEVELS_MAX; levels++)
        for (size_t at = 0; at < before; at += p->word) {
            uint64_t tables = word_at(p, at);
            if (!is_pointer(m, tables) || tables % PAGE)
                continue;
            m->tables(m->ctx, tables, levels);
            if (!arguments_at(m, v[6], v[7], v[9], x))
                continue;
            x->tables = (int)at;
            return true;
        }
    m->tables(m->ctx, 0, LEVELS_MIN);
    return false;
}

/* start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end,
 * env_start, env_end. */
static bool memory_at(const struct layout_memory *m, const struct piece *p, size_t at, struct layout_exec *x)
{
    enum { WORDS = 11 };
    uint64_t v[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        v[i] = word_at(p, at + i * p->word);
    if (!v[0] || v[0] >= v[1] || v[2] > v[3] || v[4] > v[5] || v[6] >= v[7] || v[7] >= v[8] || v[8] != v[9] ||
        v[9] > v[10] || is_kernels(m, v[6]))
        return false;
    x->tables = -1;
    if (m->tables ? !tables_at(m, p, at, v, x) : !arguments_at(m, v[6], v[7], v[9], x))
        return false;
    x->start_code = (int)at;
    x->arg_start = (int)(at + 7 * p->word);
    x->arg_end = (int)(at + 8 * p->word);
    x->args_end = v[8];
    return true;
}

static bool memory_of(const struct layout_memory *m, uint64_t mm, struct layout_exec *x)
{
    enum { MM_MAX = 4096, NEEDED = 11 };
    struct piece *p = piece_at(m, mm, MM_MAX);
    bool found = false;
    for (size_t at = 0; !found && at + NEEDED * p->word <= p->n; at += p->word)
        found = memory_at(m, p, at, x);
    free(p);
    return found;
}

/* mm and active_mm are equal in a process; the first task has no mm (and active_mm only while it runs). */
bool layout_exec(const struct layout_memory *m, uint64_t task, uint64_t init_task, struct layout_exec *x)
{
    struct piece *p = piece_at(m, task, PIECE_MAX), *first = piece_at(m, init_task, PIECE_MAX);
    struct layout_exec found = {0};
    bool good = false;
    for (size_t at = 0, w = m->word; !good && at + 2 * w <= p->n; at += w) {
        uint64_t mm = word_at(p, at);
        if (!is_pointer(m, mm) || mm != word_at(p, at + w) || word_at(first, at))
            continue;
        good = memory_of(m, mm, &found);
        found.task_mm = (int)at;
    }
    free(p);
    free(first);
    if (good)
        *x = found;
    return good;
}

/* The user's copy of the file's name, after the environment. */
static int exec_of(const struct layout_memory *m, const struct piece *p, size_t from, const char *name,
                   uint64_t args_end)
{
    enum { NEAR = 32 };
    char text[256];
    for (size_t at = from; at < from + NEAR * p->word && at + p->word <= p->n; at += p->word) {
        uint64_t v = word_at(p, at);
        if (v >= args_end && !is_kernels(m, v) && text_at(m, v, text, sizeof text) && !strcmp(text, name))
            return (int)at;
    }
    return -1;
}

bool layout_binprm(const struct layout_memory *m, uint64_t binprm, const struct layout_exec *x,
                   struct layout_binprm *b)
{
    enum { BINPRM_MAX = 512 };
    char name[256], interp[256];
    struct piece *p = piece_at(m, binprm, BINPRM_MAX);
    bool good = false;
    for (size_t at = 0, w = m->word; !good && at + 8 + 2 * w <= p->n; at += 4) {
        size_t names = (at + 8 + w - 1) & ~(w - 1);
        if (int_at(p, at) != x->argc || int_at(p, at + 4) != x->envc || !is_pointer(m, word_at(p, names)) ||
            !is_pointer(m, word_at(p, names + w)) || !text_at(m, word_at(p, names), name, sizeof name) ||
            !text_at(m, word_at(p, names + w), interp, sizeof interp))
            continue;
        *b = (struct layout_binprm){(int)names, (int)(names + w),
                                    exec_of(m, p, names + 2 * w, name, x->args_end)};
        good = true;
    }
    free(p);
    return good;
}

/* ---------------------------------------------------------------- modules */

enum { MODULE_MAX = 2048, PAGE = 4096 };

/* Up to 6.3: base, size, text_size, ro_size …: pages; the module itself is among them. */
static void module_place(const struct piece *p, uint64_t module, struct layout_module *l)
{
    unsigned w = p->word;
    for (size_t at = 0; at + w + 12 <= p->n; at += w) {
        uint64_t base = word_at(p, at);
        uint32_t size = int_at(p, at + w), text = int_at(p, at + w + 4), ro = int_at(p, at + w + 8);
        if (!base || base % PAGE || module - base >= size || size % PAGE || !text || text % PAGE ||
            text > ro || ro > size)
            continue;
        l->base = (int)at;
        l->size = (int)(at + w);
        return;
    }
}

/* A base and a size of pages: struct module_memory. */
static bool is_area(const struct layout_memory *m, const struct piece *p, size_t at)
{
    enum { AREA_MOST = 64 << 20 };
    uint64_t base = word_at(p, at);
    uint32_t size = int_at(p, at + p->word);
    return is_pointer(m, base) && !(base % PAGE) && size && !(size % PAGE) && size <= AREA_MOST;
}

/* Since 6.4: areas of text, data and more, each perhaps with a node of a tree behind its size. The module itself is in that of data. */
static void module_areas(const struct layout_memory *m, const struct piece *p, uint64_t module,
                         struct layout_module *l)
{
    enum { AREA_WORDS = 12 };
    const size_t w = p->word;
    for (size_t at = 0; at + 2 * w <= p->n; at += w)
        for (size_t data = at + 2 * w; data <= at + AREA_WORDS * w && data + 2 * w <= p->n; data += w) {
            if (!is_area(m, p, at) || !is_area(m, p, data) ||
                module - word_at(p, data) >= int_at(p, data + w) || word_at(p, at) == word_at(p, data))
                continue;
            l->base = (int)at;
            l->size = (int)(at + w);
            return;
        }
}

/* symtab, num_symtab, strtab; the first symbol is empty, as the first string. */
static bool is_kallsyms(const struct layout_memory *m, uint64_t k)
{
    static const uint8_t zero[24];
    uint8_t first[24];
    char name[128];
    unsigned w = m->word, symbol = w == 8 ? 24 : 16, named = 0;
    uint64_t symtab = read_word(m, k), strtab = read_word(m, k + 2 * w);
    uint32_t n = read_int(m, k + w);
    if (!is_pointer(m, symtab) || !is_pointer(m, strtab) || n < 2 || n > 1 << 20 ||
        !m->read(m->ctx, symtab, first, symbol) || memcmp(first, zero, symbol) ||
        !m->read(m->ctx, strtab, first, 1) || first[0])
        return false;
    for (uint32_t i = 1; i < n && !named; i++) {
        uint32_t at = read_int(m, symtab + (uint64_t)i * symbol);
        if (at && !text_at(m, strtab + at, name, sizeof name))
            return false;
        named += at != 0;
    }
    return named;
}

/* Its sections' attributes: a group of that name, how many, then each with its name first. */
static void module_sections(const struct layout_memory *m, uint64_t attrs, uint64_t module,
                            struct layout_module *l)
{
    enum { GROUP_MAX = 10, ATTRIBUTE_MAX = 32 };
    static const char own[] = ".gnu.linkonce.this_module";
    char name[128];
    uint64_t w = m->word;
    for (unsigned count = 1; count < GROUP_MAX; count++) {
        uint64_t first = attrs + (count + 1) * w;
        uint32_t n = read_int(m, attrs + count * w);
        if (!n || n > 1024 || !text_at(m, read_word(m, first), name, sizeof name))
            continue;
        for (unsigned stride = 2; stride < ATTRIBUTE_MAX; stride++)
            for (uint32_t i = 0; i < n; i++) {
                uint64_t a = first + (uint64_t)i * stride * w;
                if (!text_at(m, read_word(m, a), name, sizeof name))
                    break;
                if (strcmp(name, own) || read_word(m, a + (stride - 1) * w) != module)
                    continue;
                l->count = (int)(count * w);
                l->attrs = (int)((count + 1) * w);
                l->stride = (int)(stride * w);
                l->sect_name = 0;
                l->address = (int)((stride - 1) * w);
                return;
            }
    }
}

static void module_pointers(const struct layout_memory *m, const struct piece *p, uint64_t module,
                            struct layout_module *l)
{
    char name[16];
    for (size_t at = 0; at + p->word <= p->n; at += p->word) {
        uint64_t v = word_at(p, at);
        if (!is_pointer(m, v))
            continue;
        if (l->kallsyms < 0 && is_kallsyms(m, v))
            l->kallsyms = (int)at;
        if (l->sect_attrs < 0 && text_at(m, read_word(m, v), name, sizeof name) && !strcmp(name, "sections"))
            l->sect_attrs = (int)at;
    }
    int w = (int)m->word;
    if (l->kallsyms >= 0) {
        l->symtab = 0;
        l->num_symtab = w;
        l->strtab = 2 * w;
    }
    if (l->sect_attrs >= 0)
        module_sections(m, word_at(p, (size_t)l->sect_attrs), module, l);
}

/* state, list, name. */
bool layout_module(const struct layout_memory *m, uint64_t module, struct layout_module *l)
{
    char name[64];
    struct layout_module found;
    memset(&found, -1, sizeof found);
    found.name = 3 * (int)m->word;
    if (!text_at(m, module + (unsigned)found.name, name, sizeof name))
        return false;
    struct piece *p = piece_at(m, module, MODULE_MAX);
    module_place(p, module, &found);
    if (found.base < 0)
        module_areas(m, p, module, &found);
    module_pointers(m, p, module, &found);
    free(p);
    *l = found;
    return true;
}

/* ---------------------------------------------------------------- consoles */

/* A name of 16 characters, functions or NULL, then the flags. */
bool layout_console(const struct layout_memory *m, uint64_t console, int *flags)
{
    enum { NAME = 16, FUNCTIONS_MAX = 16, CON_ENABLED = 4 };
    for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
        uint64_t v = read_word(m, console + NAME + (uint64_t)i * m->word);
        if (!v || is_pointer(m, v))
            continue;
        if (!(v & CON_ENABLED))
            return false;
        *flags = (int)(NAME + i * m->word);
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- initcalls */

static uint64_t image_word(const struct layout_image *im, size_t at)
{
    uint64_t v = 0;
    memcpy(&v, im->bytes + at, im->word);
    return v;
}

uint64_t layout_initcall(const struct layout_image *im, uint64_t address, unsigned *bytes)
{
    uint64_t at = address - im->base;
    int32_t offset;
    if (at >= im->size || im->size - at < im->word)
        return 0;
    uint64_t pointer = image_word(im, at);
    *bytes = im->word;
    if (im->function(im->ctx, pointer))
        return pointer;
    memcpy(&offset, im->bytes + at, 4);
    pointer = address + (uint64_t)(int64_t)offset;
    *bytes = 4;
    return im->function(im->ctx, pointer) ? pointer : 0;
}

/* Nine addresses in the image that do not fall, not far from each other. */
static bool rising(const struct layout_image *im, size_t at, uint64_t begin[LAYOUT_LEVELS + 1])
{
    enum { TABLES_MAX = 1 << 18, ENTRIES_MIN = 16 };
    for (unsigned i = 0; i <= LAYOUT_LEVELS; i++) {
        begin[i] = image_word(im, at + i * im->word);
        if (begin[i] - im->base >= im->size || begin[i] & 3 || (i && begin[i] < begin[i - 1]))
            return false;
    }
    uint64_t n = begin[LAYOUT_LEVELS] - begin[0];
    return n >= ENTRIES_MIN * 4 && n <= TABLES_MAX;
}

bool layout_initcalls(const struct layout_image *im, uint64_t begin[LAYOUT_LEVELS + 1])
{
    size_t need = (LAYOUT_LEVELS + 1) * im->word;
    for (size_t at = 0; at + need <= im->size; at += im->word) {
        unsigned bytes;
        if (!rising(im, at, begin))
            continue;
        uint64_t p = begin[0];
        while (p < begin[LAYOUT_LEVELS] && layout_initcall(im, p, &bytes))
            p += bytes;
        if (p == begin[LAYOUT_LEVELS])
            return true;
    }
    return false;
}
