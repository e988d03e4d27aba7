/* test_origin.c - origins that are known: a small guest copies and computes in many ways. Each link's values are compared with the machine,
 * and what is only copied is tried by flipping its source. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/origin/origin.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};
static const struct engine_kind *const kinds[] = {&pc_kind};

/* Real mode at 0:8000h. Sixteen bytes "ABC..." at DATA go to memory in many ways; it ends through port F4h. The numbers behind the
 * rows below are those of these parts of it (AT&T syntax):
 *    1 mov DATA,%al; mov %al,0x600            2 mov DATA,%eax; push %eax; pop %ebx; xchg %ebx,%ecx; mov %ecx,0x604
 *    3 rep movsb: 6 bytes from DATA to 0x610  4 movzbl DATA+1,%edx; mov %edx,0x618     5 mov $5,%ax; add $3,%ax; mov %ax,0x620
 *    6 in $0x61,%al; mov %al,0x624            7 int $0x40: mov %sp,%bp; mov (%bp),%ax; mov %ax,0x628; iret
 *    8 cpuid; mov %eax,0x62c                  9 movups DATA,%xmm0; movaps %xmm0,%xmm1; movups %xmm1,0x640
 *   10 mov DATA+4,%esi; pushal; xor %esi,%esi; popal; mov %esi,0x650
 *   11 mov DATA,%ax; mov DATA+2,%bx; add %bx,%ax; mov %ax,0x654        12 call f; f: pop %ax; mov %ax,0x658; push %ax; ret
 *   13 mov DATA,%al; mov %al,0x660; mov DATA+5,%bl; mov %bl,0x661      14 mov DATA+8,%ecx; bswap %ecx; mov %ecx,0x664
 *   15 mov DATA+12,%edx; mov 0x664,%eax; lock cmpxchg %edx,0x664       16 mov DATA,%ebx; xor %ecx,%ecx; cmovz %ebx,%ecx; mov %ecx,0x668
 *   17 lodsw from DATA; stosw to 0x670       18 xor %eax,%eax; mov %eax,0x674
 *   19 mov DATA,%eax; mov $0x10,%ecx; add %ecx,%eax; mov %eax,0x678
 *   20 movsbl DATA,%eax; mov %al,0x67c; movd %eax,%xmm2; movd %xmm2,0x680 */
enum { GUEST = 0x8000, DATA = 0x120 };
static const uint8_t guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xfc, 0x0f, 0x20, 0xe0, 0x66,
    0x0d, 0x00, 0x06, 0x00, 0x00, 0x0f, 0x22, 0xe0, 0xc7, 0x06, 0x00, 0x01, 0x16, 0x81, 0xc7, 0x06, 0x02,
    0x01, 0x00, 0x00, 0xa0, 0x20, 0x81, 0xa2, 0x00, 0x06, 0x66, 0xa1, 0x20, 0x81, 0x66, 0x50, 0x66, 0x5b,
    0x66, 0x87, 0xd9, 0x66, 0x89, 0x0e, 0x04, 0x06, 0xbe, 0x20, 0x81, 0xbf, 0x10, 0x06, 0xb9, 0x06, 0x00,
    0xf3, 0xa4, 0x66, 0x0f, 0xb6, 0x16, 0x21, 0x81, 0x66, 0x89, 0x16, 0x18, 0x06, 0xb8, 0x05, 0x00, 0x83,
    0xc0, 0x03, 0xa3, 0x20, 0x06, 0xe4, 0x61, 0xa2, 0x24, 0x06, 0xcd, 0x40, 0x66, 0xb8, 0x01, 0x00, 0x00,
    0x00, 0x0f, 0xa2, 0x66, 0xa3, 0x2c, 0x06, 0x0f, 0x10, 0x06, 0x20, 0x81, 0x0f, 0x28, 0xc8, 0x0f, 0x11,
    0x0e, 0x40, 0x06, 0x66, 0x8b, 0x36, 0x24, 0x81, 0x66, 0x60, 0x66, 0x31, 0xf6, 0x66, 0x61, 0x66, 0x89,
    0x36, 0x50, 0x06, 0xa1, 0x20, 0x81, 0x8b, 0x1e, 0x22, 0x81, 0x01, 0xd8, 0xa3, 0x54, 0x06, 0xe8, 0x76,
    0x00, 0xa0, 0x20, 0x81, 0xa2, 0x60, 0x06, 0x8a, 0x1e, 0x25, 0x81, 0x88, 0x1e, 0x61, 0x06, 0x66, 0x8b,
    0x0e, 0x28, 0x81, 0x66, 0x0f, 0xc9, 0x66, 0x89, 0x0e, 0x64, 0x06, 0x66, 0x8b, 0x16, 0x2c, 0x81, 0x66,
    0xa1, 0x64, 0x06, 0x66, 0xf0, 0x0f, 0xb1, 0x16, 0x64, 0x06, 0x66, 0x8b, 0x1e, 0x20, 0x81, 0x66, 0x31,
    0xc9, 0x66, 0x0f, 0x44, 0xcb, 0x66, 0x89, 0x0e, 0x68, 0x06, 0xbe, 0x20, 0x81, 0xbf, 0x70, 0x06, 0xad,
    0xab, 0x66, 0x31, 0xc0, 0x66, 0xa3, 0x74, 0x06, 0x66, 0xa1, 0x20, 0x81, 0x66, 0xb9, 0x10, 0x00, 0x00,
    0x00, 0x66, 0x01, 0xc8, 0x66, 0xa3, 0x78, 0x06, 0x66, 0x0f, 0xbe, 0x06, 0x20, 0x81, 0xa2, 0x7c, 0x06,
    0x66, 0x0f, 0x6e, 0xd0, 0x66, 0x0f, 0x7e, 0x16, 0x80, 0x06, 0xb0, 0x03, 0xe6, 0xf4, 0xf4, 0xeb, 0xf9,
    0x58, 0xa3, 0x58, 0x06, 0x50, 0xc3, 0x89, 0xe5, 0x8b, 0x46, 0x00, 0xa3, 0x28, 0x06, 0xcf, 0x90, 0x41,
    0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50};

static char path[64];
static struct timeline *tl;
static struct origin *o;
static uint64_t last;

/* ---------------------------------------------------------------- recording */

static int begin(void **state)
{
    struct error err = {""};
    (void)state;
    snprintf(path, sizeof path, "/tmp/test_origin.%d.reel", (int)getpid());
    record_image(path, &pc_kind, "flat", guest, sizeof guest, 40000);
    tl = timeline_open(path, kinds, 1, &err);
    assert_non_null(tl);
    o = origin_new(tl, NULL, &err);
    assert_non_null(o);
    last = trace_last_icount(timeline_trace(tl));
    return 0;
}

static int end(void **state)
{
    (void)state;
    origin_free(o);
    timeline_close(tl);
    unlink(path);
    return 0;
}

/* ---------------------------------------------------------------- the machine itself */

static void value_at(uint64_t icount, const struct origin_place *p, uint8_t *value)
{
    struct timeline_stopped s;
    struct error err;
    uint8_t whole[16] = {0};
    assert_int_equal(timeline_seek(tl, icount, &s, &err), 0);
    if (p->memory) {
        assert_int_equal(timeline_peek(tl, 0, p->linear, value, p->length), p->length);
    } else {
        assert_int_equal(timeline_reg_get(tl, 0, p->reg, whole), 0);
        memcpy(value, whole + p->low, p->length);
    }
}

/* Each link's values are what the machine has there, and each operand that is followed is what the next link wrote. */
static void verify(const struct origin_chain *c)
{
    uint8_t value[ORIGIN_BYTES];
    for (size_t i = 0; i < c->n; i++) {
        const struct origin_link *l = &c->link[i];
        const uint8_t *wanted = l->parent < 0 ? c->value : NULL;
        for (unsigned k = 0; l->parent >= 0 && k < c->link[l->parent].noperands && !wanted; k++)
            if (c->link[l->parent].follows < 0 || c->link[l->parent].follows == (int)k)
                wanted = c->link[l->parent].follows < 0 ? l->after - l->first
                                                        : c->link[l->parent].operand[k].value;
        assert_non_null(wanted);
        if (!l->adjusted) /* by constants in between */
            assert_memory_equal(l->after, wanted + l->first, l->place.length);
        if (!l->step)
            continue;
        value_at(l->icount, &l->place, value);
        assert_memory_equal(l->before, value, l->place.length);
        value_at(l->icount + 1, &l->place, value);
        assert_memory_equal(l->after, value, l->place.length);
    }
}

static struct origin_chain *ask(uint64_t address, unsigned n, bool all)
{
    struct error err = {""};
    const struct origin_place p = {.memory = true, .linear = address, .length = n};
    struct origin_chain *c = origin_find(o, &p, last, &(struct origin_options){.all = all}, &err);
    if (!c)
        fail_msg("%s", err.text);
    verify(c);
    return c;
}

/* ---------------------------------------------------------------- known origins */

enum { ANY = -1 };

static const struct known {
    uint64_t address;
    unsigned length;
    const char *links; /* the instructions' names, the last write first; "-": in memory from the beginning */
    enum origin_source source;
    int offset; /* in the data, of ORIGIN_IMAGE */
} known[] = {
    {0x600, 1, "mov mov -", ORIGIN_IMAGE, 0},
    {0x604, 4, "mov xchg pop push mov -", ORIGIN_IMAGE, 0},
    {0x605, 2, "mov xchg pop push mov -", ORIGIN_IMAGE, 1},
    {0x610, 6, "rep -", ORIGIN_IMAGE, 0},
    {0x613, 1, "rep -", ORIGIN_IMAGE, 3},
    {0x618, 1, "mov movzx -", ORIGIN_IMAGE, 1},
    {0x619, 3, "mov movzx", ORIGIN_CONSTANT, ANY},
    {0x620, 2, "mov add mov", ORIGIN_CONSTANT, ANY},
    {0x624, 1, "mov in", ORIGIN_PORT, ANY},
    {0x628, 2, "mov mov int", ORIGIN_PROCESSOR, ANY},
    {0x62c, 4, "mov cpuid", ORIGIN_PROCESSOR, ANY},
    {0x640, 16, "movups movaps movups -", ORIGIN_IMAGE, 0},
    {0x644, 2, "movups movaps movups -", ORIGIN_IMAGE, 4},
    {0x650, 4, "mov popal pushal mov -", ORIGIN_IMAGE, 4},
    {0x654, 2, "mov add", ORIGIN_OPERANDS, ANY},
    {0x658, 2, "mov pop call", ORIGIN_PROCESSOR, ANY},
    {0x660, 1, "mov mov -", ORIGIN_IMAGE, 0},
    {0x660, 2, "mov mov -", ORIGIN_IMAGE, 5},
    {0x664, 4, "lock mov -", ORIGIN_IMAGE, 12},
    {0x668, 4, "mov cmove mov -", ORIGIN_IMAGE, 0},
    {0x670, 2, "stosw lodsw -", ORIGIN_IMAGE, 0},
    {0x674, 4, "mov xor", ORIGIN_CONSTANT, ANY},
    {0x678, 4, "mov add mov -", ORIGIN_IMAGE, 0},
    {0x67c, 1, "mov movsx -", ORIGIN_IMAGE, 0},
    {0x680, 1, "movd movd movsx -", ORIGIN_IMAGE, 0},
    {0x3000, 8, "-", ORIGIN_POWER_ON, ANY},
};

static void names_of(const struct origin_chain *c, char *buf, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n && n + 1 < size; i++) {
        const struct origin_link *l = &c->link[i];
        const char *name = l->delivery ? "int" : l->step ? l->instruction : "-";
        const int length = l->delivery ? 3 : (int)strcspn(name, " ");
        n += (size_t)snprintf(buf + n, size - n, "%s%.*s", i ? " " : "", length, name);
    }
}

static void test_known(void **state)
{
    char names[300];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct known *k = &known[i];
        struct origin_chain *c = ask(k->address, k->length, false);
        const struct origin_link *l = &c->link[c->n - 1];
        names_of(c, names, sizeof names);
        if (strcmp(names, k->links) || l->source != k->source ||
            (k->offset != ANY && l->offset != (uint64_t)(DATA + k->offset)))
            fail_msg("%#x: \"%s\", %s, byte %d: %s", (unsigned)k->address, names,
                     origin_source_word(l->source), (int)l->offset - DATA, l->text);
        origin_chain_free(c);
    }
}

/* Flipping what is copied flips the result, link by link and as a whole. */
static void test_check(void **state)
{
    struct error err = {""};
    size_t copies = 0;
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct origin_check r;
        struct origin_chain *c = ask(known[i].address, known[i].length, false);
        if (origin_check(o, c, &r, &err))
            fail_msg("%s", err.text);
        if (r.changed != r.tried || (r.whole && !r.target))
            fail_msg("%#x: %zu of %zu copies, target %s: %s", (unsigned)known[i].address, r.changed, r.tried,
                     r.target ? "changed" : "the same", c->link[0].text);
        assert_false(timeline_diverted(tl));
        copies += r.tried;
        origin_chain_free(c);
    }
    assert_true(copies > 40);
}

/* mov 0x8100,%al; mov %al,0x600; if that is not 'A', the run ends; four NOPs; mov 0x600,%bl; mov %bl,0x604. So with the byte flipped it ends
 * before what is copied last. */
static void test_ends(void **state)
{
    static uint8_t ends[0x101] = {0x31, 0xc0, 0x8e, 0xd8, 0xa0, 0x00, 0x81, 0xa2, 0x00, 0x06,
                                  0x80, 0x3e, 0x00, 0x06, 0x41, 0x74, 0x05, 0xb0, 0x03, 0xe6,
                                  0xf4, 0xf4, 0x90, 0x90, 0x90, 0x90, 0x8a, 0x1e, 0x00, 0x06,
                                  0x88, 0x1e, 0x04, 0x06, 0xb0, 0x03, 0xe6, 0xf4, 0xf4};
    const struct origin_place p = {.memory = true, .linear = 0x604, .length = 1};
    struct error err = {""};
    struct origin_check r;
    char other[64];
    (void)state;
    ends[0x100] = 'A';
    snprintf(other, sizeof other, "/tmp/test_origin.%d.ends.reel", (int)getpid());
    record_image(other, &pc_kind, "flat", ends, sizeof ends, 40000);
    struct timeline *run = timeline_open(other, kinds, 1, &err);
    assert_non_null(run);
    struct origin *its = origin_new(run, NULL, &err);
    struct origin_chain *c =
        origin_find(its, &p, trace_last_icount(timeline_trace(run)), &(struct origin_options){0}, &err);
    assert_non_null(c);
    assert_true(c->n >= 4);
    if (origin_check(its, c, &r, &err))
        fail_msg("%s", err.text);
    assert_true(r.whole);
    assert_false(r.target);
    assert_false(r.same_way);
    origin_chain_free(c);
    origin_free(its);
    timeline_close(run);
    unlink(other);
}

/* With `all` both operands of the sum are followed, and both bytes of a word that was written in two. */
static void test_tree(void **state)
{
    (void)state;
    unsigned images = 0;
    struct origin_chain *c = ask(0x654, 2, true);
    for (size_t i = 0; i < c->n; i++)
        images |= c->link[i].source == ORIGIN_IMAGE ? 1u << (c->link[i].offset - DATA) : 0;
    assert_int_equal(images, 1 | 4);
    origin_chain_free(c);
    c = ask(0x660, 2, true);
    images = 0;
    for (size_t i = 0; i < c->n; i++)
        images |= c->link[i].source == ORIGIN_IMAGE ? 1u << (c->link[i].offset - DATA) : 0;
    assert_int_equal(images, 1 | 32);
    origin_chain_free(c);
}

static void test_limit(void **state)
{
    struct error err = {""};
    const struct origin_place p = {.memory = true, .linear = 0x604, .length = 4};
    (void)state;
    struct origin_chain *c = origin_find(o, &p, last, &(struct origin_options){.most = 2}, &err);
    assert_non_null(c);
    assert_int_equal(c->n, 2);
    assert_int_equal(c->link[1].source, ORIGIN_LIMIT);
    origin_chain_free(c);
}

static void test_bad(void **state)
{
    struct error err = {""};
    struct origin_place p;
    (void)state;
    assert_int_equal(origin_register(o, 0, "rfx", &p, &err), -1);
    assert_int_equal(origin_register(o, 0, "st0", &p, &err), -1);
    assert_non_null(strstr(err.text, "x87"));
    p = (struct origin_place){.memory = true, .linear = 0x600, .length = 17};
    assert_null(origin_find(o, &p, last, &(struct origin_options){0}, &err));
    p = (struct origin_place){.memory = true, .linear = 0xfee00000, .length = 4};
    assert_null(origin_find(o, &p, last, &(struct origin_options){0}, &err));
}

static void test_registers(void **state)
{
    struct error err = {""};
    static const char *const names[] = {"rax", "al", "ebx", "xmm1", "rsp", "rip", "cr4", "eflags", "ds"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct origin_place p;
        assert_int_equal(origin_register(o, 0, names[i], &p, &err), 0);
        struct origin_chain *c = origin_find(o, &p, last - 2, &(struct origin_options){0}, &err);
        if (!c)
            fail_msg("%s: %s", names[i], err.text);
        assert_true(c->n > 0);
        if (strcmp(names[i], "rip"))
            verify(c);
        if (c->link[c->n - 1].source == ORIGIN_LOST)
            fail_msg("%s: %s", names[i], c->link[c->n - 1].text);
        origin_chain_free(c);
    }
}

/* ---------------------------------------------------------------- a real boot: make test-origin */

enum { RANDOM = 100, LINKS = 30 };

static uint64_t random_below(uint64_t *x, uint64_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint64_t)((unsigned __int128)(*x ^ *x >> 29) * n >> 64);
}

/* Of the processor: other programs may be running. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

struct random_walk {
    struct timeline *tl;
    struct origin *o;
    bool only_times; /* nothing is compared and tried */
    bool show;       /* each chain is printed, with what it cost */
    uint64_t x, last;
    size_t links, wrong, copies, flipped, chains, targets, source[ORIGIN_LIMIT + 1];
    double *cost, *first; /* a link, s: with a warm timeline; and when it is asked first */
    size_t ncost;
    double longest;
};

/* A register, or bytes below the stack's top or anywhere in memory. */
static struct origin_place random_place(struct random_walk *w, uint64_t icount)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                        "rbp", "r8",  "r9",  "r12", "r14", "xmm0"};
    struct timeline_stopped s;
    struct error err;
    struct origin_place p = {.memory = true, .at_physical = true, .length = 1};
    assert_int_equal(timeline_seek(w->tl, icount, &s, &err), 0);
    switch (random_below(&w->x, 3)) {
    case 0:
        origin_register(w->o, 0, names[random_below(&w->x, sizeof names / sizeof names[0])], &p, &err);
        break;
    case 1:
        p.at_physical = false;
        p.linear = timeline_reg(w->tl, 0, "rsp") + random_below(&w->x, 256);
        break;
    default:
        p.linear = 0x100000 + random_below(&w->x, 0xfe00000);
    }
    return p;
}

static bool link_holds(struct random_walk *w, const struct origin_link *l)
{
    struct timeline_stopped s;
    struct error err;
    uint8_t value[16] = {0};
    for (unsigned after = 0; after < 2; after++) {
        const uint8_t *wanted = after ? l->after : l->before;
        if (timeline_seek(w->tl, l->icount + after, &s, &err))
            return false;
        if (l->place.memory) {
            const unsigned left = 4096 - l->physical % 4096,
                           n = l->place.length < left ? l->place.length : left;
            if (timeline_peek_physical(w->tl, l->physical, value, n) == n && memcmp(value, wanted, n))
                return false;
        } else {
            timeline_reg_get(w->tl, l->place.cpu, l->place.reg, value);
            if (memcmp(value + l->place.low, wanted, l->place.length))
                return false;
        }
    }
    return true;
}

static void try_chain(struct random_walk *w, const struct origin_chain *c)
{
    struct origin_check r;
    struct error err = {""};
    const struct origin_link *end = &c->link[c->n - 1];
    for (size_t i = 0; i < c->n; i++) {
        w->links++;
        if (c->link[i].step && !link_holds(w, &c->link[i])) {
            w->wrong++;
            printf("wrong: %s\n", c->link[i].text);
        }
    }
    w->source[end->source]++;
    if (end->source == ORIGIN_LOST)
        printf("lost: %s\n", end->text);
    if (origin_check(w->o, c, &r, &err))
        fail_msg("%s", err.text);
    w->copies += r.tried;
    w->flipped += r.changed;
    w->chains += r.whole;
    w->targets += r.target;
    if (r.whole && !r.target)
        printf("target the same%s: %s\n", r.same_way ? "" : ", another way", c->link[0].text);
    if (r.changed != r.tried)
        printf("not flipped: %zu of %zu: %s\n", r.tried - r.changed, r.tried, c->link[0].text);
}

static void show(struct random_walk *w, const struct origin_chain *c, double took,
                 const struct timeline_stats *before)
{
    struct timeline_stats now;
    timeline_stats(w->tl, &now);
    printf("%s at %" PRIu64 ": %zu links in %.3f s, %" PRIu64 " steps, %" PRIu64 " states loaded\n", c->name,
           c->icount, c->n, took, now.steps - before->steps, now.restores - before->restores);
    for (size_t i = 0; i < c->n; i++)
        printf("  %s\n", c->link[i].text);
}

static void ask_at_random(struct random_walk *w)
{
    struct error err = {""};
    const uint64_t icount = 1 + random_below(&w->x, w->last);
    const struct origin_place p = random_place(w, icount);
    struct timeline_stats before;
    timeline_stats(w->tl, &before);
    const double begin = seconds();
    struct origin_chain *c = origin_find(w->o, &p, icount, &(struct origin_options){.most = LINKS}, &err);
    const double took = seconds() - begin;
    if (!c) /* no memory there */
        return;
    if (w->show)
        show(w, c, took, &before);
    origin_chain_free(c);
    const double again = seconds(); /* with a warm timeline */
    c = origin_find(w->o, &p, icount, &(struct origin_options){.most = LINKS}, &err);
    assert_non_null(c);
    w->first[w->ncost] = took / (double)c->n;
    w->cost[w->ncost++] = (seconds() - again) / (double)c->n;
    w->longest = took > w->longest ? took : w->longest;
    if (!w->only_times)
        try_chain(w, c);
    origin_chain_free(c);
}

static void test_random(void **state)
{
    const char *trace = getenv("ORIGIN_TRACE"), *count = getenv("ORIGIN_PLACES"),
               *seed = getenv("ORIGIN_SEED"), *shown = getenv("ORIGIN_SHOW");
    const size_t n = count ? strtoul(count, NULL, 10) : RANDOM;
    struct error err = {""};
    (void)state;
    if (!trace || !*trace)
        skip();
    struct random_walk w = {.tl = timeline_open(trace, kinds, 1, &err),
                            .x = seed && *seed ? strtoull(seed, NULL, 10) : 1};
    struct symbols *symbols = w.tl ? symbols_load(timeline_trace(w.tl), &err) : NULL;
    w.o = symbols ? origin_new(w.tl, symbols, &err) : NULL;
    if (!w.o)
        fail_msg("%s", err.text);
    w.last = trace_last_icount(timeline_trace(w.tl));
    const char *times = getenv("ORIGIN_TIMES");
    w.only_times = times && *times;
    w.show = shown && *shown;
    w.cost = calloc(n + 1, sizeof *w.cost);
    w.first = calloc(n + 1, sizeof *w.first);
    for (size_t i = 0; i < n; i++)
        ask_at_random(&w);
    qsort(w.cost, w.ncost, sizeof *w.cost, by_size);
    qsort(w.first, w.ncost, sizeof *w.first, by_size);
    printf(
        "%zu places, %zu links: %zu wrong; %zu of %zu copies flip, %zu of %zu targets change; %.1f ms of processor time a link in the median, "
        "%.1f ms when it is asked first, %.2f s the longest chain\n",
        w.ncost, w.links, w.wrong, w.flipped, w.copies, w.targets, w.chains, w.cost[w.ncost / 2] * 1e3,
        w.first[w.ncost / 2] * 1e3, w.longest);
    for (unsigned i = 0; i <= ORIGIN_LIMIT; i++)
        if (w.source[i])
            printf("  %-20s %zu\n", origin_source_word((enum origin_source)i), w.source[i]);
    assert_int_equal(w.wrong, 0);
    assert_int_equal(w.flipped, w.copies);
    free(w.cost);
    free(w.first);
    origin_free(w.o);
    symbols_free(symbols);
    timeline_close(w.tl);
}

/* The first step that is looked at is the delivery of #UD at bytes that are no instruction: cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%ss;
 * mov $0x7000,%sp; movw $0x8018,0x18; movw $0,0x1a; .byte 0xfe,0xff; it ends through port F4h. */
static void test_no_instruction(void **state)
{
    static const uint8_t code[] = {0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xc7,
                                   0x06, 0x18, 0x00, 0x18, 0x80, 0xc7, 0x06, 0x1a, 0x00, 0x00, 0x00,
                                   0xfe, 0xff, 0xb0, 0x03, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd};
    const struct origin_place top = {.memory = true, .linear = 0x6ffa, .length = 2};
    struct error err = {""};
    char other[64];
    (void)state;
    snprintf(other, sizeof other, "/tmp/test_origin.%d.none.reel", (int)getpid());
    record_image(other, &pc_kind, "flat", code, sizeof code, 40000);
    struct timeline *t = timeline_open(other, kinds, 1, &err);
    assert_non_null(t);
    struct origin *fresh = origin_new(t, NULL, &err);
    struct origin_chain *c =
        origin_find(fresh, &top, trace_last_icount(timeline_trace(t)), &(struct origin_options){0}, &err);
    assert_non_null(c);
    assert_true(c->n == 1 && c->link[0].delivery);
    assert_int_equal(c->value[0] | c->value[1] << 8, 0x8016);
    origin_chain_free(c);
    origin_free(fresh);
    timeline_close(t);
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known),         cmocka_unit_test(test_check),
                                       cmocka_unit_test(test_tree),          cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_registers),     cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_random),        cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_no_instruction)};
    return cmocka_run_group_tests(tests, begin, end);
}
