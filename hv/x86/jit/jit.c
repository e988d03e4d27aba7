/* jit.c - when blocks are compiled, where their code is, and when it is dropped.
 *
 * The code's memory is mapped twice: writable, and executable. */
#include "hv/x86/jit/jit.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/x86.h"

#if BOOTREEL_COMPILER
#include <assert.h>
#include <cpuid.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "hv/x86/jit/region.h"
#include "hv/x86/jit/unit.h"
#include "hv/x86/x87/x87.h"

/* Where in the memory for code jit.enter, what all regions share, the regions and their ways out begin: 0, SHARED, START, SELDOM. */
enum {
    CODE_SIZE = 64 << 20,
    SELDOM = 26 << 20,
    CODE_ROOM = 2 << 20,
    SHARED = 64,
    START = 1536,
    STEP = 1 << 16,         /* of which the host makes the memory at once */
    WRITTEN_STEP = 1 << 19, /* after so much is written, it is removed from the writable mapping */
    MAX_DROPS = 8,
    HEAT = 100
};

typedef const struct op *enter_fn(struct x86 *, const struct op *, op_fn *);

/* A part of the memory for code, by offsets. */
struct area {
    size_t begin, used; /* where it begins, and where its next code will */
    size_t made;        /* up to where the host has made memory */
    size_t written;     /* up to where it was used when it was last removed from the writable mapping */
};

struct jit {
    uint8_t *writable, *executable;
    struct area regions, seldom; /* the latter: their ways out */
    unsigned heat;
    struct shape *shapes;
    enter_fn *enter;
    struct unit unit;
};

/* ---------------------------------------------------------------- memory for code */

/* Not memfd_create(): a limit on the size of files (ulimit -f) would hold for it. mremap() of nothing maps
 * the same pages once more. */
static bool map_code(struct jit *j)
{
    j->writable =
        mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (j->writable == MAP_FAILED)
        return false;
    j->executable = mremap(j->writable, 0, CODE_SIZE, MREMAP_MAYMOVE);
    return j->executable != MAP_FAILED && mprotect(j->executable, CODE_SIZE, PROT_READ | PROT_EXEC) == 0;
}

static void write_shared(struct jit *j)
{
    struct shared *s = &j->unit.shared;
    struct code_buffer c = {j->writable + SHARED, j->writable + START, false};
    s->beside = c.at;
    emit_beside(&c);
    s->noting = c.at;
    emit_noting(&c, s->beside);
    for (unsigned i = 0; i < 2; i++) {
        const unsigned word = i ? 8 : 4;
        s->found[i] = c.at;
        emit_found(&c, i);
        s->stop[i] = c.at;
        emit_stop(&c, word);
        emit_leave(&c, word, s->leave[i]);
    }
    assert(!c.full && "what all regions share has room");
}

/* Calls the third argument with the first two, and keeps the registers that a C function must keep: compiled
 * code uses them all. */
static void write_enter(struct jit *j)
{
    static const uint8_t code[] = {
        0x53,                   /* push rbx */
        0x55,                   /* push rbp */
        0x41, 0x54, 0x41, 0x55, /* push r12, r13 */
        0x41, 0x56, 0x41, 0x57, /* push r14, r15 */
        0x48, 0x83, 0xec, 0x08, /* sub rsp, 8 */
        0xff, 0xd2,             /* call rdx */
        0x48, 0x83, 0xc4, 0x08, /* add rsp, 8 */
        0x41, 0x5f, 0x41, 0x5e, /* pop r15, r14 */
        0x41, 0x5d, 0x41, 0x5c, /* pop r13, r12 */
        0x5d, 0x5b, 0xc3,       /* pop rbp, rbx; ret */
    };
    _Static_assert(sizeof code <= SHARED, "the code has room");
    memcpy(j->writable, code, sizeof code);
    j->enter = (enter_fn *)(uintptr_t)j->executable;
}

/* Of CPUID, ECX or EBX of a leaf. */
static bool host_has(unsigned leaf, unsigned bit)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(leaf, 0, &a, &b, &c, &d) && c >> bit & 1;
}
static bool host_has_ebx(unsigned leaf, unsigned bit)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(leaf, 0, &a, &b, &c, &d) && b >> bit & 1;
}
static bool host_has_extended(unsigned bit) /* LAHF in 64-bit code, LZCNT */
{
    return host_has(0x80000001, bit);
}

/* x86-64-v1 to v3: what the host has of the instructions that are used. */
static unsigned host_level(void)
{
    enum { LAHF = 0, LZCNT = 5, F16C = 29 };
    if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.2") ||
        !__builtin_cpu_supports("popcnt") || !host_has_extended(LAHF))
        return 1;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                   __builtin_cpu_supports("bmi2") && host_has_extended(LZCNT) && host_has(1, F16C)
               ? 3
               : 2;
}

/* None are used on a host that is taken for one of v1. */
static unsigned host_extras(unsigned level)
{
    enum { PCLMULQDQ = 1, AES = 25, SHA = 29, GFNI = 8 };
    if (level < 2)
        return 0;
    return (host_has(1, AES) && host_has(1, PCLMULQDQ) ? EXTRA_CIPHER : 0) |
           (host_has_ebx(7, SHA) ? EXTRA_SHA : 0) | (host_has(7, GFNI) ? EXTRA_GFNI : 0);
}

bool x86_compiles(void)
{
    return true;
}

struct jit *jit_create(const struct engine_host *host)
{
    if (host->interpret)
        return NULL;
    struct jit *j = mem_zero(1, sizeof *j);
    j->heat = host->compile_after ? host->compile_after : HEAT;
    if (!map_code(j)) {
        jit_destroy(j);
        return NULL;
    }
    j->shapes = shapes_create();
    j->unit.shapes = j->shapes;
    j->unit.wrong = host->wrong;
    j->unit.level = host->level ? host->level : host_level();
    j->unit.extras = host_extras(j->unit.level);
    j->unit.has_x87 = x87_host();
    write_enter(j);
    write_shared(j);
    jit_reset(j);
    return j;
}

/* The parts of the memory that hold code: *n of them. */
static void used_parts(const struct jit *j, size_t from[3], size_t to[3])
{
    from[0] = 0;
    to[0] = START;
    from[1] = j->regions.begin;
    to[1] = j->regions.used;
    from[2] = j->seldom.begin;
    to[2] = j->seldom.used;
}

static bool map_code_again(struct jit *j)
{
    const int how = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return mmap(j->writable, CODE_SIZE, PROT_READ | PROT_WRITE, how, -1, 0) == j->writable &&
           mremap(j->writable, 0, CODE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, j->executable) == j->executable &&
           mprotect(j->executable, CODE_SIZE, PROT_READ | PROT_EXEC) == 0;
}

int jit_forked(struct jit *j)
{
    size_t from[3], to[3];
    void *copy[3];
    if (!j)
        return 0;
    used_parts(j, from, to);
    for (unsigned i = 0; i < 3; i++)
        copy[i] = mem_copy(j->executable + from[i], to[i] - from[i]);
    const bool mapped = map_code_again(j);
    for (unsigned i = 0; i < 3; i++) {
        if (mapped)
            memcpy(j->writable + from[i], copy[i], to[i] - from[i]);
        free(copy[i]);
    }
    return mapped ? 0 : -1;
}

void jit_destroy(struct jit *j)
{
    if (!j)
        return;
    if (j->writable && j->writable != MAP_FAILED)
        munmap(j->writable, CODE_SIZE);
    if (j->executable && j->executable != MAP_FAILED)
        munmap(j->executable, CODE_SIZE);
    free(j->shapes);
    free(j);
}

void jit_reset(struct jit *j)
{
    if (!j)
        return;
    madvise(j->writable, CODE_SIZE, MADV_DONTNEED);
    j->regions = (struct area){.used = START};
    j->seldom = (struct area){SELDOM, SELDOM, SELDOM, SELDOM};
}

size_t jit_used(const struct jit *j)
{
    return j ? j->regions.used + j->seldom.used - SELDOM : 0;
}

bool jit_full(const struct jit *j)
{
    return j && (j->regions.used + CODE_ROOM > SELDOM || j->seldom.used + CODE_ROOM > CODE_SIZE);
}

void jit_enter(const struct jit *j, struct x86 *cpu, const struct op *op)
{
    if (j)
        j->enter(cpu, op, op->fn);
    else
        op->fn(cpu, op);
}

bool jit_has(const struct jit *j, op_fn *fn)
{
    return j && (uintptr_t)fn - (uintptr_t)j->executable < CODE_SIZE;
}

bool jit_compiles(struct jit *j, const struct block *b, const struct op *op)
{
    if (!j)
        return false;
    unit_for(&j->unit, b);
    return op_compiled(&j->unit, op);
}

/* ---------------------------------------------------------------- regions */

const struct region *region_at(const struct block *b, unsigned op)
{
    const struct region *r = b->regions;
    while (r && r->op != op)
        r = r->block_next;
    return r;
}

op_fn *op_original(struct block *b, unsigned op)
{
    const struct region *r = region_at(b, op);
    if (r)
        return r->original;
    return op == 0 && b->first ? b->first : *block_handler(b, op);
}

/* Is the block one of the first n? */
static bool is_member(const struct members *m, unsigned n, const struct block *b)
{
    for (unsigned i = 0; i < n; i++)
        if (m->block[i] == b)
            return true;
    return false;
}

static struct members *members_of_unit(const struct unit *u)
{
    struct members *m = mem_alloc(sizeof *m + (u->nversions + u->nlinks + 1) * sizeof m->block[0]);
    *m = (struct members){0};
    m->n = 1;
    m->block[0] = u->entry;
    for (unsigned i = 0; i < u->nversions; i++)
        if (!is_member(m, m->n, u->version[i].block))
            m->block[m->n++] = u->version[i].block;
    m->compiled = m->n;
    for (unsigned i = 0; i < u->nlinks; i++)
        if (!is_member(m, m->n, u->link[i]))
            m->block[m->n++] = u->link[i];
    return m;
}

static void remove_from_block(struct region *r)
{
    struct region **at = &r->entry->regions;
    while (*at != r)
        at = &(*at)->block_next;
    *at = r->block_next;
}

/* The op may be replaced at the moment: by the end of a slice. */
static void set_handler(struct physmem *pm, struct block *b, unsigned number, op_fn *from, op_fn *to)
{
    struct op *op = &b->ops[number];
    op_fn **at = block_handler(b, number);
    unsigned n;
    struct x86 *const *cpu = physmem_processors(pm, &n);
    if (*at == from)
        *at = to;
    for (unsigned i = 0; i < n; i++)
        if (cpu[i]->patched == op && cpu[i]->patched_fn == from)
            cpu[i]->patched_fn = to;
}

static const struct op *count_entry(struct x86 *, const struct op *);

static void watch_again(struct jit *j, struct block *b)
{
    unsigned drops = b->page->drops < MAX_DROPS ? b->page->drops : MAX_DROPS;
    unsigned heat = j->heat << drops;
    b->heat = (uint16_t)(heat < UINT16_MAX ? heat : UINT16_MAX);
    op_fn **at = block_handler(b, 0);
    b->first = *at;
    *at = count_entry;
}

/* ---------------------------------------------------------------- jumps to blocks */

/* The conditional jump that stops before the block (0F 8C, JL) becomes one that always does (NOP; E9, JMP), and back: both end with the
 * same offset. No compiled code is running, and the next to run is entered by a jump through memory. */
static void set_stop(const struct jump_in *jump, bool always)
{
    jump->stop[-2] = always ? 0x90 : 0x0f;
    jump->stop[-1] = always ? 0xe9 : 0x8c;
}

void jit_block_unnoted(struct block *b)
{
    for (const struct jump_in *j = b->jumps_in; j; j = j->next)
        set_stop(j, true);
}

void jit_block_noted(struct block *b)
{
    for (const struct jump_in *j = b->jumps_in; j; j = j->next)
        set_stop(j, false);
}

static void add_jump(struct members *m, uint8_t *stop, struct block *to)
{
    struct jump_in *j = &m->jump[m->njumps++];
    *j = (struct jump_in){stop, to, to->jumps_in};
    to->jumps_in = j;
    if (to->unnoted)
        set_stop(j, true);
}

static void add_jumps(struct members *m, const struct unit *u)
{
    unsigned n = 0;
    for (unsigned i = 0; i < u->nsides; i++)
        n += u->side[i].way == WAY_STOP;
    m->jump = mem_alloc((n + 1) * sizeof *m->jump);
    for (unsigned i = 0; i < u->nsides; i++)
        if (u->side[i].way == WAY_STOP)
            add_jump(m, u->side[i].jump, u->side[i].block);
}

static void members_free(struct members *m)
{
    for (unsigned i = 0; i < m->njumps; i++) {
        struct jump_in **at = &m->jump[i].to->jumps_in;
        while (*at != &m->jump[i])
            at = &(*at)->next;
        *at = m->jump[i].next;
    }
    free(m->jump);
    free(m);
}

/* ---------------------------------------------------------------- dropping and installing */

/* Returns whether its op was a block's first one, which has its own handler now, and counts no entries. */
static bool drop_region(struct physmem *pm, struct region *r)
{
    const bool first = r->op == 0 && *block_handler(r->entry, 0) == r->code;
    remove_from_block(r);
    set_handler(pm, r->entry, r->op, r->code, r->original);
    if (!--r->members->regions)
        members_free(r->members);
    free(r);
    return first;
}

/* Takes the regions that were compiled from the block, and if wanted those with links to it, out of their page's list. */
static struct region *take_regions(const struct block *b, bool links)
{
    struct region *taken = NULL;
    for (struct region **at = &b->page->regions, *r; (r = *at);) {
        if (!is_member(r->members, links ? r->members->n : r->members->compiled, b)) {
            at = &r->page_next;
            continue;
        }
        *at = r->page_next;
        r->page_next = taken;
        taken = r;
    }
    return taken;
}

void jit_block_dropped(struct physmem *pm, struct block *b)
{
    if (!b->page)
        return;
    struct region *r = take_regions(b, true);
    b->page->drops += r && b->page->drops < MAX_DROPS;
    for (struct region *next; r; r = next) {
        struct block *entry = r->entry;
        next = r->page_next;
        if (drop_region(pm, r) && entry != b)
            watch_again(physmem_jit(pm), entry);
    }
}

void jit_page_dropped(struct physmem *pm, struct code_page *p)
{
    for (struct region *r; (r = p->regions);) {
        p->regions = r->page_next;
        drop_region(pm, r);
    }
}

static void install(struct block *b, unsigned op, op_fn *code, struct members *m)
{
    struct region *r = mem_alloc(sizeof *r);
    *r = (struct region){.page_next = b->page->regions,
                         .entry = b,
                         .op = op,
                         .code = code,
                         .original = op_original(b, op),
                         .block_next = b->regions,
                         .members = m};
    m->regions++;
    b->page->regions = b->regions = r;
    *block_handler(b, op) = code;
}

static op_fn *code_at(const struct jit *j, const uint8_t *written)
{
    return (op_fn *)(uintptr_t)(j->executable + (written - j->writable));
}

/* Regions begin at multiples of 16. */
static void align(struct code_buffer *c)
{
    c->at += -(uintptr_t)c->at & 15;
}

/* The blocks of the region that are not compiled yet begin in its middle. */
static void install_entries(struct jit *j, struct members *m)
{
    struct unit *u = &j->unit;
    for (unsigned i = 0; i < u->nversions; i++) {
        struct block *b = u->version[i].block;
        if (*block_handler(b, 0) != count_entry)
            continue;
        align(&u->code);
        uint8_t *start = u->code.at;
        if (unit_entry(u, i))
            install(b, 0, code_at(j, start), m);
    }
}

/* The host makes the memory for what comes next, in both mappings. From time to time finished code is removed from the writable one, with
 * the pages that set_stop() has brought back: a page in both mappings counts twice in the program's resident memory. */
static void expect_code(struct jit *j, struct area *a)
{
    for (; a->made < a->used + STEP; a->made += STEP) {
        mem_expect(j->writable + a->made, STEP);
        madvise(j->executable + a->made, STEP, MADV_POPULATE_READ);
    }
    if (a->used < a->written + WRITTEN_STEP)
        return;
    a->written = a->used / STEP * STEP;
    madvise(j->writable + a->begin, a->written - a->begin, MADV_DONTNEED);
}

static bool compile_one(struct jit *j, struct block *b, unsigned op)
{
    expect_code(j, &j->regions);
    expect_code(j, &j->seldom);
    struct unit *u = &j->unit;
    uint8_t *start = j->writable + j->regions.used;
    u->code = (struct code_buffer){start, j->writable + SELDOM, false};
    u->seldom = (struct code_buffer){j->writable + j->seldom.used, j->writable + CODE_SIZE, false};
    if (!unit_compile(u, b, op))
        return false;
    j->seldom.used = (size_t)(u->seldom.at - j->writable);
    struct members *m = members_of_unit(u);
    add_jumps(m, u);
    install(b, op, code_at(j, start), m);
    install_entries(j, m);
    align(&u->code);
    j->regions.used = (size_t)(u->code.at - j->writable);
    return true;
}

/* Compiles the block from an op on, and what follows the instructions in it that are left to their handlers. */
static void compile_from(struct jit *j, const struct x86 *cpu, struct block *b, unsigned op)
{
    struct resume todo[MAX_RESUMES] = {{b, op}};
    unsigned n = 1;
    unit_for(&j->unit, b);
    j->unit.guesses = cpu->cpl < 3;
    j->unit.pauses = cpu->cores > 1;
    j->unit.flows = cpu->flow;
    j->unit.x87 = (struct x87_flow){.top = (uint8_t)fpu_top(&cpu->fpu), .empty = cpu->fpu.empty};
#ifdef BOOTREEL_COUNT
    j->unit.counts = cpu->counts;
#endif
    while (n && !jit_full(j)) {
        struct resume t = todo[--n];
        while (t.op < t.block->n && !op_compiled(&j->unit, &t.block->ops[t.op]))
            t.op++;
        if (t.op >= t.block->n || region_at(t.block, t.op) || !compile_one(j, t.block, t.op))
            continue;
        for (unsigned i = 0; i < j->unit.nresumes && n < MAX_RESUMES; i++)
            todo[n++] = j->unit.resume[i];
    }
}

/* ---------------------------------------------------------------- counting */

/* The handler of a block's first op until it is compiled. No block is compiled while an op is patched: the
 * patch may be in it. */
static const struct op *count_entry(struct x86 *cpu, const struct op *op)
{
    struct block *b = cpu->block;
    op_fn *first = b->first;
    if (b->heat > 1) {
        b->heat--;
        return first(cpu, op);
    }
    if (cpu->patched || cpu->held)
        return first(cpu, op);
    b->ops[0].fn = first;
    struct jit *j = physmem_jit(cpu->mem);
    cpu->op = op;
    if (jit_full(j))
        look_again(cpu);
    else
        compile_from(j, cpu, b, 0);
    return b->ops[0].fn(cpu, op);
}

void jit_watch(struct jit *j, struct block *b)
{
    if (j && b->page && !b->crosses && !(b->id & BLOCK_SLOW))
        watch_again(j, b);
}

/* ---------------------------------------------------------------- accesses that lie in two pages */

/* Compiles again what was compiled from the block: what begins with a block when that is entered, the rest at once. */
static void compile_again(struct jit *j, const struct x86 *cpu, const struct block *b)
{
    struct resume *rest = NULL;
    size_t nrest = 0, caprest = 0;
    for (struct region *r = take_regions(b, false), *next; r; r = next) {
        struct block *entry = r->entry;
        if (r->op) {
            rest = mem_grow(rest, &caprest, nrest + 1, sizeof *rest);
            rest[nrest++] = (struct resume){entry, r->op};
        }
        next = r->page_next;
        if (drop_region(cpu->mem, r)) {
            watch_again(j, entry);
            entry->heat = 1;
        }
    }
    for (size_t i = 0; i < nrest; i++)
        compile_from(j, cpu, rest[i].block, rest[i].op);
    free(rest);
}

const struct op *op_apart(struct x86 *cpu, const struct op *op)
{
    enum { OFTEN = 2 };
    struct block *b = cpu->block;
    struct jit *j = physmem_jit(cpu->mem);
    op_fn *fn = op_original(b, (unsigned)(op - b->ops));
    const unsigned often = OFTEN * j->heat < UINT16_MAX ? OFTEN * j->heat : UINT16_MAX;
    b->splits += b->splits < often;
    if (!b->apart && b->splits == often && !cpu->patched && !cpu->held) {
        b->apart = true;
        compile_again(j, cpu, b);
    }
    return fn(cpu, op);
}

/* ---------------------------------------------------------------- execution in part */

void jit_hold(struct x86 *cpu, struct block *b)
{
    for (struct region *r = b->regions; r; r = r->block_next)
        b->ops[r->op].fn = r->original;
    cpu->held = b->regions ? b : NULL;
}

void jit_release(struct x86 *cpu)
{
    if (!cpu->held)
        return;
    for (struct region *r = cpu->held->regions; r; r = r->block_next)
        cpu->held->ops[r->op].fn = r->code;
    cpu->held = NULL;
}
#else

bool x86_compiles(void)
{
    return false;
}
struct jit *jit_create(const struct engine_host *host)
{
    return NULL;
}
void jit_destroy(struct jit *j) {}
int jit_forked(struct jit *j)
{
    return 0;
}
void jit_reset(struct jit *j) {}
void jit_watch(struct jit *j, struct block *b) {}
void jit_block_dropped(struct physmem *pm, struct block *b) {}
void jit_page_dropped(struct physmem *pm, struct code_page *p) {}
void jit_block_unnoted(struct block *b) {}
void jit_block_noted(struct block *b) {}
void jit_hold(struct x86 *cpu, struct block *b) {}
void jit_release(struct x86 *cpu) {}
void jit_enter(const struct jit *j, struct x86 *cpu, const struct op *op)
{
    op->fn(cpu, op);
}
bool jit_has(const struct jit *j, op_fn *fn)
{
    return false;
}
bool jit_compiles(struct jit *j, const struct block *b, const struct op *op)
{
    return false;
}
size_t jit_used(const struct jit *j)
{
    return 0;
}
bool jit_full(const struct jit *j)
{
    return false;
}
#endif
