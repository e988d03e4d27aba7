/* test_cores.c - what CPUID says of the processors of a package: how many there are, and which bits of an APIC ID tell them from one
 * another.
 */
#include "tests/unit/real_mode.h"

enum { CODE = 0x1000 };

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf cpuid(struct machine *m, uint32_t leaf, uint32_t sub)
{
    uint64_t done;
    memcpy(m->ram + CODE, "\x0f\xa2", 2);
    x86_set(m->cpu, "rip", CODE);
    x86_set(m->cpu, "rax", leaf);
    x86_set(m->cpu, "rcx", sub);
    assert_int_equal(x86_run(m->cpu, 1, &done), X86_DONE);
    return (struct leaf){(uint32_t)x86_get(m->cpu, "rax"), (uint32_t)x86_get(m->cpu, "rbx"),
                         (uint32_t)x86_get(m->cpu, "rcx"), (uint32_t)x86_get(m->cpu, "rdx")};
}

/* Leaf Bh: the processor's APIC ID is 0. */
static void check_topology(struct machine *m, uint32_t cores, uint32_t bits)
{
    const struct leaf expected[] = {{0, 1, 0x100, 0}, {bits, cores, 0x201, 0}, {0, 0, 2, 0}};
    for (uint32_t sub = 0; sub < 3; sub++) {
        const struct leaf said = cpuid(m, 0xb, sub);
        assert_memory_equal(&said, &expected[sub], sizeof said);
    }
}

static void test_cores(void **state)
{
    static const struct {
        uint32_t cores, bits;
    } all[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {64, 6}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const uint32_t n = all[i].cores, several = n > 1;
        struct machine m = real_mode_machine();
        x86_set_cores(m.cpu, n);
        const struct leaf one = cpuid(&m, 1, 0);
        assert_int_equal(one.b >> 16, several ? n : 0); /* with the APIC ID */
        assert_int_equal(one.d >> 28 & 1, several);
        assert_int_equal(cpuid(&m, 0x80000001, 0).c >> 1 & 1, several);
        assert_int_equal(cpuid(&m, 0x80000008, 0).c, all[i].bits << 12 | (n - 1));
        check_topology(&m, n, all[i].bits);
        machine_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
