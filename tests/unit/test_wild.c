/* test_wild.c - what wild guests found (tests/guests/wild, tests/boot/wild.sh): machines that wait forever,
 * several processors that are all halted, and images whose headers say what cannot be. And memory that is seen in place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/state.h"
#include "core/story/guest.h"
#include "tests/host_asked.h"

struct blob {
    const void *bytes;
    size_t size;
};

static int read_blob(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct blob *b = ctx;
    memcpy(buf, (const char *)b->bytes + offset, n);
    return 0;
}

/* A machine of 16 MiB without firmware that runs the image; NULL with err. */
static struct engine *machine(const char *role, const struct blob *b, const char *cpus, struct error *err)
{
    const struct setting settings[] = {
        {"memory", "16777216"}, {"cpus", cpus}, {"bios", "none"}, {"flat-address", "1048576"}};
    struct image *im = mem_alloc(sizeof *im); /* a reset would need it again; none comes */
    *im = (struct image){.role = role, .name = "image", .size = b->size, .ctx = (void *)b, .read = read_blob};
    const struct engine_config cfg = {.settings = settings, .nsettings = 4, .images = im, .nimages = 1};
    struct engine *e = pc_as_asked(&cfg, err);
    free(im);
    return e;
}

static struct engine *flat_machine(const struct blob *b, const char *cpus)
{
    struct error err;
    struct engine *e = machine("flat", b, cpus, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

static struct stop run(struct engine *e, uint64_t icount, uint64_t time)
{
    const struct run_limit limit = {.icount = icount, .time = time};
    struct stop s;
    e->ops->run(e, &limit, &s);
    return s;
}

/* ---------------------------------------------------------------- waiting */

/* 32-bit code: timer 0 of the HPET comes every 22 years, and interrupts nobody; then a HLT with interrupts
 * on, again and again. */
static const uint8_t waits_long[] = {
    0xb0, 0xff, 0xe6, 0x21, 0xe6, 0xa1, /* mov $0xff, %al; out %al, $0x21; out %al, $0xa1: no interrupts */
    0xb0, 0x30, 0xe6, 0x43,             /* mov $0x30, %al; out %al, $0x43: the PIT waits for a count */
    0xbe, 0x00, 0x00, 0xd0, 0xfe,       /* mov $0xfed00000, %esi */
    0xc7, 0x86, 0x00, 0x01, 0x00, 0x00, 0x4c,
    0x00, 0x00, 0x00, /* movl $0x4c, 0x100(%esi): on, periodic, the value follows */
    0xc7, 0x86, 0x0c, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01,                         /* movl $0x1000000, 0x10c(%esi): its upper half */
    0xc7, 0x46, 0x10, 0x01, 0x00, 0x00, 0x00, /* movl $1, 0x10(%esi): the counter runs */
    0xfb, 0xf4, 0xeb, 0xfd,                   /* sti; 1: hlt; jmp 1b */
};

/* Guest time ends before its 64 bits do: else deadlines would go round, and be in the past forever. */
static void time_ends(void **state)
{
    const struct blob b = {waits_long, sizeof waits_long};
    struct engine *e = flat_machine(&b, "1");
    struct stop s = run(e, UINT64_MAX, UINT64_MAX);
    assert_int_equal(s.reason, STOP_HALTED);
    assert_true(s.time > 1ull << 59 && s.time <= 1ull << 62);
    assert_true(s.icount < 30);
    e->ops->destroy(e);
}

/* ---------------------------------------------------------------- several processors, all halted */

struct state {
    uint8_t bytes[65536];
    size_t n;
};

static void take_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    struct state *s = ctx;
    if (strcmp(name, "machine") && strncmp(name, "cpu", 3))
        return;
    assert_true(s->n + section_size(f, n) <= sizeof s->bytes);
    section_pack(f, n, base, s->bytes + s->n);
    s->n += section_size(f, n);
}

static void take_page(void *ctx, const char *region, uint64_t index, const void *data) {}

static void assert_same_state(struct engine *a, struct engine *b)
{
    struct state sa = {.n = 0}, sb = {.n = 0};
    const struct snapshot_sink to_a = {.ctx = &sa, .section = take_section, .page = take_page},
                               to_b = {.ctx = &sb, .section = take_section, .page = take_page};
    a->ops->save(a, &to_a, NULL);
    b->ops->save(b, &to_b, NULL);
    assert_true(sa.n > 1000);
    assert_int_equal(sa.n, sb.n);
    assert_memory_equal(sa.bytes, sb.bytes, sa.n);
}

/* That processors are halted is seen by trying to run them: how often that was tried must not be seen in
 * whose turn it is. */
static void all_halted(void **state)
{
    static const uint8_t halts[] = {0x90, 0x90, 0xfa, 0xf4}; /* nop; nop; cli; hlt */
    const struct blob b = {halts, sizeof halts};
    struct engine *to_the_end = flat_machine(&b, "2"), *to_the_step = flat_machine(&b, "2");
    assert_int_equal(run(to_the_end, UINT64_MAX, UINT64_MAX).reason, STOP_HALTED);
    assert_int_equal(run(to_the_step, 4, UINT64_MAX).reason, STOP_REACHED);
    assert_same_state(to_the_end, to_the_step);
    assert_int_equal(run(to_the_end, UINT64_MAX, UINT64_MAX).reason, STOP_HALTED);
    assert_same_state(to_the_end, to_the_step);
    to_the_end->ops->destroy(to_the_end);
    to_the_step->ops->destroy(to_the_step);
}

static void halted_for_a_while(void **state)
{
    const struct blob b = {waits_long, sizeof waits_long};
    struct engine *at_once = flat_machine(&b, "3"), *in_pieces = flat_machine(&b, "3");
    assert_int_equal(run(at_once, UINT64_MAX, 1ull << 61).reason, STOP_IDLE);
    for (uint64_t time = 1ull << 57; time <= 1ull << 61; time += 1ull << 57)
        assert_int_equal(run(in_pieces, UINT64_MAX, time).reason, STOP_IDLE);
    assert_same_state(at_once, in_pieces);
    at_once->ops->destroy(at_once);
    in_pieces->ops->destroy(in_pieces);
}

/* ---------------------------------------------------------------- RSM from a state that was changed */

/* 32-bit code. The handler at 38000h writes ffffh to LDTR's attributes and f800h to DR7's lower half in the
 * saved state. */
static const uint8_t changes_saved_state[] = {
    0xc7, 0x05, 0x00, 0x80, 0x03, 0x00, 0x2e, 0xc7, 0x06, 0x72, /* movw $0xffff, %cs:0xfe72 */
    0xc7, 0x05, 0x04, 0x80, 0x03, 0x00, 0xfe, 0xff, 0xff, 0x2e, /* movw $0xf800, %cs:0xff60 */
    0xc7, 0x05, 0x08, 0x80, 0x03, 0x00, 0xc7, 0x06, 0x60, 0xff, /**/
    0xc7, 0x05, 0x0c, 0x80, 0x03, 0x00, 0x00, 0xf8, 0x0f, 0xaa, /* rsm */
    0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x42, 0x04, 0x00, /* movl $0x44200, 0xfee00300: SMI to itself */
    0x90, 0xfa, 0xf4,                                           /* nop; cli; hlt */
};

struct wanted {
    const char *name;
    unsigned i;
    uint64_t value;
    bool found;
};

static void find_field(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    struct wanted *w = ctx;
    for (size_t i = 0; i < n && !strcmp(name, "cpu0"); i++)
        if (!strcmp(f[i].name, w->name) && w->i < f[i].count) {
            memcpy(&w->value, (const uint8_t *)base + f[i].offset + w->i * f[i].width, f[i].width);
            w->found = true;
        }
}

static uint64_t processor_field(struct engine *e, const char *name, unsigned i)
{
    struct wanted w = {.name = name, .i = i};
    const struct snapshot_sink sink = {.ctx = &w, .section = find_field, .page = take_page};
    e->ops->save(e, &sink, NULL);
    assert_true(w.found);
    return w.value;
}

/* Bits that the processor does not have must not come into it: they would be gone after a save and a load. */
static void rsm_of_changed_state(void **state)
{
    const struct blob b = {changes_saved_state, sizeof changes_saved_state};
    struct engine *e = flat_machine(&b, "1");
    assert_int_equal(run(e, UINT64_MAX, UINT64_MAX).reason, STOP_HALTED);
    assert_int_equal(processor_field(e, "ldtr.attr", 0), 0xf0ff);
    assert_int_equal(processor_field(e, "dr", 7), 0x2400);
    e->ops->destroy(e);
}

/* ---------------------------------------------------------------- images whose headers say what cannot be */

static void assert_refused(const void *image, size_t size, const char *why)
{
    const struct blob b = {image, size};
    struct error err;
    struct engine *e = machine("kernel", &b, "1", &err);
    assert_null(e);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, err.text);
}

static void put(uint8_t *to, uint64_t v, unsigned n)
{
    memcpy(to, &v, n);
}

/* A bzImage of 8 KiB whose kernel is two bytes: jmp to itself. */
static void make_linux(uint8_t k[8192], uint64_t address)
{
    memset(k, 0, 8192);
    memcpy(k + 0x202, "HdrS", 4);
    k[0x1f1] = 1;                /* sectors of setup code */
    k[0x201] = 0x66;             /* the header's end */
    put(k + 0x206, 0x20f, 2);    /* protocol */
    k[0x211] = 1;                /* loaded high */
    put(k + 0x214, 0x100000, 4); /* entered in protected mode, there */
    put(k + 0x22c, 0xffffff, 4); /* the initrd's end */
    k[0x234] = 1;                /* relocatable: the preferred address counts */
    put(k + 0x258, address, 8);
    put(k + 0x260, 0x2000, 4); /* memory it needs */
    k[1024] = 0xeb, k[1025] = 0xfe;
}

static void linux_addresses(void **state)
{
    uint8_t k[8192];
    make_linux(k, 0xfffffffffffff000);
    assert_refused(k, sizeof k, "is loaded at 0xfffffffffffff000");
    make_linux(k, 0x7000);
    assert_refused(k, sizeof k, "is loaded at 0x7000");
    make_linux(k, 0x1000000);
    assert_refused(k, sizeof k, "more --memory");
}

/* The header ends where there is no room for more of it in the kernel's parameters: the memory map stays. */
static void linux_long_header(void **state)
{
    uint8_t k[8192], entries = 0;
    struct error err;
    const struct blob b = {k, sizeof k};
    make_linux(k, 0x200000);
    memset(k + 0x268, 0xff, 0x100);
    k[0x201] = 0xff;
    struct engine *e = machine("kernel", &b, "1", &err);
    assert_non_null(e);
    assert_int_equal(run(e, 1000, UINT64_MAX).reason, STOP_REACHED);
    uint64_t params = 0x10000;
    uint8_t zero[0x40];
    assert_int_equal(e->ops->peek_physical(e, params + 0x1e8, &entries, 1), 1);
    assert_in_range(entries, 3, 20);
    assert_int_equal(e->ops->peek_physical(e, params + 0x290, zero, sizeof zero), sizeof zero);
    for (size_t i = 0; i < sizeof zero; i++)
        assert_int_equal(zero[i], 0);
    e->ops->destroy(e);
}

enum { SEGMENTS = 600, ELF_SIZE = 64 + 32 + SEGMENTS * sizeof(Elf64_Phdr) };

static void put_multiboot_header(uint8_t *to)
{
    put(to, 0x1badb002, 4);
    put(to + 8, 0u - 0x1badb002, 4);
}

/* A 64-bit ELF file with so many segments, all alike. */
static void make_elf(uint8_t k[ELF_SIZE], Elf64_Addr entry, const Elf64_Phdr *segment, unsigned n)
{
    const Elf64_Ehdr eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_EXEC,
                           .e_machine = EM_X86_64,
                           .e_version = EV_CURRENT,
                           .e_entry = entry,
                           .e_phoff = 96,
                           .e_ehsize = sizeof eh,
                           .e_phentsize = sizeof *segment,
                           .e_phnum = (Elf64_Half)n};
    memset(k, 0, ELF_SIZE);
    memcpy(k, &eh, sizeof eh);
    put_multiboot_header(k + 64);
    for (unsigned i = 0; i < n; i++)
        memcpy(k + 96 + i * sizeof *segment, segment, sizeof *segment);
}

static void multiboot_segments(void **state)
{
    static uint8_t k[ELF_SIZE];
    Elf64_Phdr p = {.p_type = PT_LOAD, .p_paddr = 0x100000, .p_filesz = 16, .p_memsz = 0xe00000};
    make_elf(k, 0x100000, &p, SEGMENTS);
    assert_refused(k, sizeof k, "its segments overlap");
    make_elf(k, 1ull << 32, &p, 1);
    assert_refused(k, sizeof k, "is above 4 GiB");
    p.p_memsz = UINT64_MAX;
    make_elf(k, 0x100000, &p, 1);
    assert_refused(k, sizeof k, "do not fit into memory");
    p.p_filesz = UINT64_MAX;
    make_elf(k, 0x100000, &p, 1);
    assert_refused(k, sizeof k, "beyond the end of the file");
    p.p_memsz = 0;
    make_elf(k, 0x100000, &p, 1);
    assert_refused(k, sizeof k, "more bytes in the file than in memory");
    make_elf(k, 0x100000, &p, 1);
    put(k + 32, ELF_SIZE + 1, 8);
    assert_refused(k, sizeof k, "program headers cannot be read");
}

/* ---------------------------------------------------------------- memory in place */

static void put_entry(struct engine *e, uint64_t table, unsigned i, uint32_t value)
{
    assert_int_equal(e->ops->poke_physical(e, table + 4 * i, &value, 4), 4);
}

static void set_register(struct engine *e, const char *name, uint64_t value)
{
    assert_int_equal(e->ops->reg_set(e, 0, guest_reg_index(e, name), &value), 0);
}

/* What is seen in place is what a copy has; nothing is seen where there is no memory, or where pages lie apart. */
static void seen_in_place(void **state)
{
    enum { DIRECTORY = 0x200000, TABLE = 0x201000, LINEAR = 0x400000, PRESENT = 3, PG = 1u << 31, PE = 1 };
    static const uint32_t pages[] = {0x300000, 0x301000, 0x310000};
    const struct blob b = {waits_long, sizeof waits_long};
    struct engine *e = flat_machine(&b, "1");
    const struct engine_ops *o = e->ops;
    uint8_t copy[0x2000];
    assert_memory_equal(o->view_physical(e, 0x100000, sizeof waits_long), waits_long, sizeof waits_long);
    assert_non_null(o->view_physical(e, 0x100800, 0x800000));
    assert_null(o->view_physical(e, 0xfff000, 0x1001));
    assert_null(o->view_physical(e, 0xfed00000, 8));
    put_entry(e, DIRECTORY, LINEAR >> 22, TABLE | PRESENT);
    for (unsigned i = 0; i < 3; i++)
        put_entry(e, TABLE, i, pages[i] | PRESENT);
    memset(copy, 0x5a, sizeof copy);
    assert_int_equal(o->poke_physical(e, pages[0], copy, sizeof copy), sizeof copy);
    set_register(e, "cr3", DIRECTORY);
    set_register(e, "cr0", PG | PE);
    assert_ptr_equal(o->view(e, 0, LINEAR + 8, 0x1800), o->view_physical(e, pages[0] + 8, 0x1800));
    assert_memory_equal(o->view(e, 0, LINEAR, sizeof copy), copy, sizeof copy);
    assert_null(o->view(e, 0, LINEAR, 0x2001));
    assert_null(o->view(e, 0, LINEAR + 0x2fff, 2));
    void *own;
    assert_memory_equal(guest_view(e, 0, LINEAR, 0x2001, &own), copy, sizeof copy);
    assert_non_null(own);
    free(own);
    o->destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_ends),          cmocka_unit_test(all_halted),
        cmocka_unit_test(halted_for_a_while), cmocka_unit_test(rsm_of_changed_state),
        cmocka_unit_test(linux_addresses),    cmocka_unit_test(linux_long_header),
        cmocka_unit_test(multiboot_segments), cmocka_unit_test(seen_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
