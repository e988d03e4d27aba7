/* test_pcid.c - process-context identifiers and pages of 1 GiB: a rule each, as one instruction of a processor in 64-bit mode. SDM volume 3,
 * 4.10.1 and 4.10.4.1; volume 2, MOV CR and INVPCID; CPUID.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hv/x86/system/sys.h"
#include "tests/host_asked.h"

/* Page tables of 4 GiB, one to one: PML4 at TABLES, then a PDPT whose four entries are pages of 1 GiB. */
enum {
    RAM = 1 << 20,
    CODE = 0x8000,
    TABLES = 0x10000,
    PDPT = 0x11000,
    OTHER = 0x12000,
    DIRECTORY = 0x16000,
    DESCRIPTOR = 0x9000
};
enum { GP = 13, PF = 14 };
#define FAULT(vector, code) ((uint64_t)(vector) | (uint64_t)(code) << 8)
#define KEEP                (1ull << 63) /* bit 63 of a value for CR3 */

struct machine {
    struct physmem *mem;
    uint8_t *ram;
    struct x86 *cpu;
};

static void put64(struct machine *m, uint64_t at, uint64_t v)
{
    physmem_write(m->mem, at, &v, 8);
}

static void no_shutdown(void *ctx)
{
    (void)ctx;
}

static struct machine *machine_new(const char *model)
{
    struct machine *m = mem_zero(1, sizeof *m);
    const struct engine_host host = host_asked();
    struct x86_bus bus = x86_empty_bus;
    bus.shutdown = no_shutdown;
    m->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(m->mem, "ram", RAM);
    physmem_map(m->mem, 0, RAM, ram, 0, ram, 0, false);
    m->ram = ramblock_host(ram);
    assert_non_null(m->cpu = x86_create(m->mem, &bus, 0, model, NULL));
    put64(m, TABLES, PDPT | PTE_P | PTE_W);
    put64(m, OTHER, PDPT | PTE_P | PTE_W);
    for (uint64_t i = 0; i < 4; i++)
        put64(m, PDPT + 8 * i, i << 30 | PTE_P | PTE_W | PTE_PS);
    x86_set(m->cpu, "efer", EFER_LME | EFER_LMA);
    x86_set(m->cpu, "cr3", TABLES);
    x86_set(m->cpu, "cr4", CR4_PAE);
    x86_set(m->cpu, "cr0", CR0_PE | CR0_PG | CR0_ET);
    x86_set_segment(m->cpu, "cs", 0x08, 0, 0xffffffff, 0xa09b);
    x86_set(m->cpu, "rip", CODE);
    x86_set(m->cpu, "idtr_limit", 0); /* a fault leads to a shutdown, which says what it was */
    return m;
}

static void machine_free(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
    free(m);
}

/* One instruction. The fault that it raises, or 0. */
static uint64_t execute(struct machine *m, const char *code, size_t n)
{
    uint64_t done, fault[3] = {0}, cr2[3];
    physmem_write(m->mem, CODE, code, n);
    x86_set(m->cpu, "rip", CODE);
    x86_run(m->cpu, 1, &done);
    x86_led(m->cpu, fault, cr2);
    return fault[0];
}
#define EXECUTE(m, code) execute(m, code, sizeof(code) - 1)

#define TO_CR0   "\x0f\x22\xc0" /* mov %rax, %cr0 */
#define TO_CR3   "\x0f\x22\xd8"
#define TO_CR4   "\x0f\x22\xe0"
#define INVPCID  "\x66\x0f\x38\x82\x03" /* invpcid (%rbx), %rax */
#define LOAD_RBX "\x48\x8b\x0b"         /* mov (%rbx), %rcx */

/* ---------------------------------------------------------------- CR4.PCIDE and CR3 */

static const struct {
    const char *what;
    uint64_t cr3, cr4, efer; /* before; efer 0: outside long mode */
    const char *code;
    uint64_t rax, fault;
    uint64_t cr3_after, cr4_after; /* where there is no fault */
} moves[] = {
    {"PCIDE is set where PCID is 0", TABLES, CR4_PAE, 1, TO_CR4, CR4_PAE | CR4_PCIDE, 0, TABLES,
     CR4_PAE | CR4_PCIDE},
    {"PCIDE is set where CR3 has other low bits", TABLES | 8, CR4_PAE, 1, TO_CR4, CR4_PAE | CR4_PCIDE,
     FAULT(GP, 0), 0, 0},
    {"PCIDE is set outside long mode", TABLES, CR4_PAE, 0, TO_CR4, CR4_PAE | CR4_PCIDE, FAULT(GP, 0), 0, 0},
    {"PCIDE is cleared whatever CR3 is", TABLES | 5, CR4_PAE | CR4_PCIDE, 1, TO_CR4, CR4_PAE, 0, TABLES | 5,
     CR4_PAE},
    {"paging is left with PCIDE", TABLES, CR4_PAE | CR4_PCIDE, 1, TO_CR0, CR0_PE | CR0_ET, FAULT(GP, 0), 0,
     0},
    {"CR3 takes a PCID", TABLES, CR4_PAE | CR4_PCIDE, 1, TO_CR3, OTHER | 0xfff, 0, OTHER | 0xfff,
     CR4_PAE | CR4_PCIDE},
    {"bit 63 is taken and not kept", TABLES, CR4_PAE | CR4_PCIDE, 1, TO_CR3, KEEP | OTHER | 7, 0, OTHER | 7,
     CR4_PAE | CR4_PCIDE},
    {"bit 63 without PCIDE", TABLES, CR4_PAE, 1, TO_CR3, KEEP | OTHER, FAULT(GP, 0), 0, 0},
    {"bit 62 with PCIDE", TABLES, CR4_PAE | CR4_PCIDE, 1, TO_CR3, 1ull << 62 | OTHER, FAULT(GP, 0), 0, 0},
};

static void test_moves(void **state)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        struct machine *m = machine_new(*state);
        x86_set(m->cpu, "cr3", moves[i].cr3);
        x86_set(m->cpu, "cr4", moves[i].cr4);
        if (!moves[i].efer) {
            x86_set(m->cpu, "cr0", CR0_PE | CR0_ET);
            x86_set(m->cpu, "efer", 0);
            x86_set_segment(m->cpu, "cs", 0x08, 0, 0xffffffff, 0xc09b);
        }
        x86_set(m->cpu, "rax", moves[i].rax);
        const uint64_t fault = execute(m, moves[i].code, 3);
        if (fault != moves[i].fault)
            print_message("%s\n", moves[i].what);
        assert_int_equal(fault, moves[i].fault);
        if (!fault) {
            assert_int_equal(x86_get(m->cpu, "cr3"), moves[i].cr3_after);
            assert_int_equal(x86_get(m->cpu, "cr4"), moves[i].cr4_after);
        }
        machine_free(m);
    }
}

/* ---------------------------------------------------------------- INVPCID */

static const struct {
    const char *what;
    uint64_t type, pcid, address, cr4, fault;
} invalidations[] = {
    {"an address", 0, 5, 0x1000, CR4_PCIDE, 0},
    {"an address of PCID 0 without PCIDE", 0, 0, 0x1000, 0, 0},
    {"an address of another PCID without PCIDE", 0, 5, 0x1000, 0, FAULT(GP, 0)},
    {"an address that is not canonical", 0, 5, 1ull << 63, CR4_PCIDE, FAULT(GP, 0)},
    {"a PCID, whatever the address is", 1, 5, 1ull << 63, CR4_PCIDE, 0},
    {"a PCID without PCIDE", 1, 5, 0, 0, FAULT(GP, 0)},
    {"all", 2, 5, 1ull << 63, CR4_PCIDE, 0},
    {"all, without PCIDE", 2, 5, 0, 0, 0},
    {"all but global ones", 3, 0, 0, CR4_PCIDE, 0},
    {"no such type", 4, 0, 0, CR4_PCIDE, FAULT(GP, 0)},
    {"a type of 64 bits", 1ull << 32, 0, 0, CR4_PCIDE, FAULT(GP, 0)},
    {"reserved bits of the descriptor", 2, 1 << 12, 0, CR4_PCIDE, FAULT(GP, 0)},
};

static void test_invpcid(void **state)
{
    for (size_t i = 0; i < sizeof invalidations / sizeof invalidations[0]; i++) {
        struct machine *m = machine_new(*state);
        x86_set(m->cpu, "cr4", CR4_PAE | invalidations[i].cr4);
        put64(m, DESCRIPTOR, invalidations[i].pcid);
        put64(m, DESCRIPTOR + 8, invalidations[i].address);
        x86_set(m->cpu, "rax", invalidations[i].type);
        x86_set(m->cpu, "rbx", DESCRIPTOR);
        const uint64_t fault = EXECUTE(m, INVPCID);
        if (fault != invalidations[i].fault)
            print_message("%s\n", invalidations[i].what);
        assert_int_equal(fault, invalidations[i].fault);
        machine_free(m);
    }
}

/* A program: the descriptor is not even read. */
static void test_invpcid_of_a_program(void **state)
{
    struct machine *m = machine_new(*state);
    for (uint64_t i = 0; i < 2; i++)
        put64(m, i ? TABLES : PDPT, (i ? PDPT : 0) | PTE_P | PTE_W | PTE_U | (i ? 0 : PTE_PS));
    x86_set_segment(m->cpu, "ss", 0x23, 0, 0xffffffff, 0xc0f3);
    x86_set_segment(m->cpu, "cs", 0x1b, 0, 0xffffffff, 0xa0fb);
    x86_set(m->cpu, "rbx", 1ull << 40);
    assert_int_equal(EXECUTE(m, INVPCID), FAULT(GP, 0));
    machine_free(m);
}

/* ---------------------------------------------------------------- translations */

/* With bit 63 translations of a PCID may be kept, and software invalidates them when it changes tables. Here what the tables say counts at
 * once, which is allowed. */
static void test_tables_count(void **state)
{
    struct machine *m = machine_new(*state);
    put64(m, PDPT, PTE_P | PTE_W | PTE_PS);
    put64(m, 0x13000, PTE_P | PTE_W | PTE_PS);
    put64(m, OTHER, 0x13000 | PTE_P | PTE_W);
    put64(m, 0x1000, 0x11);
    x86_set(m->cpu, "cr4", CR4_PAE | CR4_PCIDE);
    x86_set(m->cpu, "rbx", 0x1000);
    assert_int_equal(EXECUTE(m, LOAD_RBX), 0);
    assert_int_equal(x86_get(m->cpu, "rcx"), 0x11);
    x86_set(m->cpu, "rax", OTHER | 1);
    assert_int_equal(EXECUTE(m, TO_CR3), 0);
    put64(m, 0x13000, 0x14000 | PTE_P | PTE_W); /* small pages from now on */
    put64(m, 0x14000, PTE_P | PTE_W | PTE_PS);
    x86_set(m->cpu, "rax", KEEP | OTHER | 1);
    assert_int_equal(EXECUTE(m, TO_CR3), 0);
    put64(m, 0x14000, 0x15000 | PTE_P | PTE_W);
    put64(m, 0x15000 + 8 * 8, CODE | PTE_P | PTE_W);
    put64(m, 0x15000 + 8, 0x2000 | PTE_P | PTE_W);
    put64(m, 0x2000, 0x22);
    assert_int_equal(EXECUTE(m, LOAD_RBX), 0);
    assert_int_equal(x86_get(m->cpu, "rcx"), 0x22);
    machine_free(m);
}

/* Bits 29 to 13 of an entry for 1 GiB are reserved, bit 12 is PAT; the page's first and last byte. */
static void test_large(void **state)
{
    static const struct {
        uint64_t entry, at, fault;
    } loads[] = {
        {PTE_P | PTE_W | PTE_PS, 1ull << 30, 0},
        {PTE_P | PTE_W | PTE_PS, (1ull << 30) + RAM - 8, 0},
        {1 << 12 | PTE_P | PTE_W | PTE_PS, 1ull << 30, 0},
        {1 << 13 | PTE_P | PTE_W | PTE_PS, 1ull << 30, FAULT(PF, 9)},
        {1 << 29 | PTE_P | PTE_W | PTE_PS, 1ull << 30, FAULT(PF, 9)},
        {PTE_W | PTE_PS, 1ull << 30, FAULT(PF, 0)},
    };
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct machine *m = machine_new(*state);
        put64(m, PDPT + 8, loads[i].entry);
        put64(m, loads[i].at % (1 << 30), 0x1234567890abcdef);
        x86_set(m->cpu, "rbx", loads[i].at);
        assert_int_equal(EXECUTE(m, LOAD_RBX), loads[i].fault);
        if (!loads[i].fault)
            assert_int_equal(x86_get(m->cpu, "rcx"), 0x1234567890abcdef);
        machine_free(m);
    }
}

/* ---------------------------------------------------------------- CPUID, and what can be added */

static uint32_t cpuid(struct machine *m, uint32_t leaf, const char *reg)
{
    x86_set(m->cpu, "rax", leaf);
    x86_set(m->cpu, "rcx", 0);
    assert_int_equal(EXECUTE(m, "\x0f\xa2"), 0);
    return (uint32_t)x86_get(m->cpu, reg);
}

/* Its code is on a page of 2 MiB, which all models have. */
static struct machine *machine_with_a_directory(const char *model)
{
    struct machine *m = machine_new(model);
    put64(m, PDPT, DIRECTORY | PTE_P | PTE_W);
    put64(m, DIRECTORY, PTE_P | PTE_W | PTE_PS);
    return m;
}

static void test_models(void **state)
{
    static const struct {
        const char *model;
        bool pcid, pages;
    } models[] = {
        {"x86-64-v2", false, false},
        {"x86-64-v3", false, false},
        {"max", true, false},
        {"max,+pdpe1gb", true, true},
        {"max,+pdpe1gb,+pcid", true, true},
        {"intel-v3,+pcid", true, false},
        {"x86-64,+pdpe1gb", false, true},
        {"max,+svm,+pdpe1gb", true, true},
        {"intel-v2,+pcid,+vmx,+pdpe1gb", true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct machine *m = machine_with_a_directory(models[i].model);
        x86_set(m->cpu, "rbx", 1ull << 30);
        assert_int_equal(EXECUTE(m, LOAD_RBX), models[i].pages ? 0 : FAULT(PF, 9));
        machine_free(m);
        m = machine_with_a_directory(models[i].model);
        assert_int_equal(cpuid(m, 1, "rcx") >> 17 & 1, models[i].pcid);
        assert_int_equal(cpuid(m, 7, "rbx") >> 10 & 1, models[i].pcid);
        assert_int_equal(cpuid(m, 0x80000001, "rdx") >> 26 & 1, models[i].pages);
        x86_set(m->cpu, "rax", CR4_PAE | CR4_PCIDE);
        assert_int_equal(EXECUTE(m, TO_CR4), models[i].pcid ? 0 : FAULT(GP, 0));
        machine_free(m);
    }
}

static void test_refused(void **state)
{
    static const char *const names[][2] = {
        {"max,+pdpe",
         "nothing '+pdpe' can be added to the processor model 'max'; there is: +svm, +pcid, +pdpe1gb"},
        {"max,+pdpe1gb,+vmx", "'+vmx' is of Intel's processors"},
        {"i686,+pcid", "no processor without long mode had it"},
        {"max,", "nothing '' can be added"},
        {"max,+pcid,", "nothing '' can be added"},
    };
    struct machine *m = machine_new(*state);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err = {""};
        assert_int_equal(cpuid_select(m->cpu, names[i][0], &err), -1);
        assert_non_null(strstr(err.text, names[i][1]));
    }
    machine_free(m);
}

/* ---------------------------------------------------------------- long mode is activated */

/* While TR has a 16-bit TSS, as after INIT in a guest of KVM: Intel's processors refuse. */
static void test_narrow_task(void **state)
{
    static const struct {
        const char *model;
        uint64_t fault;
    } models[] = {{"x86-64-v2,+pdpe1gb", 0}, {"max,+svm,+pdpe1gb", 0}, {"intel-v2,+pdpe1gb", FAULT(GP, 0)}};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct machine *m = machine_new(models[i].model);
        x86_set(m->cpu, "cr0", CR0_PE | CR0_ET);
        x86_set(m->cpu, "efer", EFER_LME);
        x86_set_segment(m->cpu, "cs", 0x08, 0, 0xffffffff, 0xc09b);
        x86_set_segment(m->cpu, "tr", 0, 0, 0xffff, 0x83);
        x86_set(m->cpu, "rax", CR0_PG | CR0_PE | CR0_ET);
        assert_int_equal(EXECUTE(m, TO_CR0), models[i].fault);
        assert_int_equal(x86_get(m->cpu, "efer") & EFER_LMA, models[i].fault ? 0 : EFER_LMA);
        machine_free(m);
    }
}

int main(void)
{
    char amd[] = "max,+pdpe1gb", intel[] = "intel-v3,+pcid,+pdpe1gb";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_moves, amd),
        cmocka_unit_test_prestate(test_moves, intel),
        cmocka_unit_test_prestate(test_invpcid, amd),
        cmocka_unit_test_prestate(test_invpcid, intel),
        cmocka_unit_test_prestate(test_invpcid_of_a_program, amd),
        cmocka_unit_test_prestate(test_tables_count, amd),
        cmocka_unit_test_prestate(test_large, amd),
        cmocka_unit_test_prestate(test_large, intel),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_narrow_task),
        cmocka_unit_test_prestate(test_refused, amd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
