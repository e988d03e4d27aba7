/* test_accesses.c - what processors read and wrote (hv/x86/memory/accesses.c): by lines as long as there are few accesses, and nothing of
 * another time. That nothing is missing is tested with real guests: tests/cli/index.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/engine/engine.h"
#include "tests/unit/real_mode.h"

enum { CODE = 0x1000, DATA = 0x4000, OTHER = 0x6000 };

static struct machine machine_new(const uint8_t *code, size_t n)
{
    struct machine m = real_mode_machine();
    x86_set(m.cpu, "rip", CODE);
    memcpy(m.ram + CODE, code, n);
    return m;
}

/* What was noted of a page; begins anew. */
static struct accessed noted(struct machine *m, uint64_t page, size_t n)
{
    struct accessed_set set;
    struct accessed found = {0};
    physmem_accesses(m->mem, ACCESSES_ALL, &set);
    assert_int_equal(set.n, n);
    for (size_t i = 0; i < set.n; i++)
        if (set.page[i].linear == page)
            found = set.page[i];
    return found;
}

static void test_lines(void **state)
{
    static const uint8_t code[] = {0xa1, 0x80, 0x40,        /* mov ax, [DATA + 0x80] */
                                   0xa3, 0xff, 0x60,        /* mov [OTHER + 0xff], ax */
                                   0xff, 0x06, 0x00, 0x40}; /* inc word [DATA] */
    struct machine m = machine_new(code, sizeof code);
    run(&m, 1);
    noted(&m, 0, 0); /* it was off */
    x86_set(m.cpu, "rip", CODE);
    run(&m, 1);
    struct accessed a = noted(&m, DATA >> 12, 1);
    assert_int_equal(a.physical, DATA >> 12);
    assert_int_equal(a.accessed, 1 << 2);
    assert_int_equal(a.written, 0);
    run(&m, 1);
    a = noted(&m, OTHER >> 12, 1);
    assert_int_equal(a.written, 1 << 3 | 1 << 4);
    assert_int_equal(a.accessed, a.written);
    run(&m, 1);
    a = noted(&m, DATA >> 12, 1);
    assert_int_equal(a.accessed, 1);
    assert_int_equal(a.written, 1);
    machine_free(&m);
}

/* More accesses than are noted one by one: the page counts as accessed all over. */
static void test_many(void **state)
{
    static const uint8_t load[] = {0xac, 0x4e, 0xe2, 0xfc}, /* again: lodsb; dec si; loop again */
        store[] = {0x89, 0x04, 0xe2, 0xfc};                 /* again: mov [si], ax; loop again */
    for (unsigned write = 0; write < 2; write++) {
        struct machine m = machine_new(write ? store : load, write ? sizeof store : sizeof load);
        physmem_accesses(m.mem, ACCESSES_ALL, NULL);
        x86_set(m.cpu, "rsi", DATA);
        x86_set(m.cpu, "rcx", 60000);
        run(&m, write ? 4 : 6);
        struct accessed a = noted(&m, DATA >> 12, 1);
        assert_int_equal(a.accessed, 1);
        assert_int_equal(a.written, write);
        run(&m, 90000);
        a = noted(&m, DATA >> 12, 1);
        assert_true(a.accessed == UINT64_MAX && a.written == (write ? UINT64_MAX : 0));
        run(&m, 3);
        a = noted(&m, DATA >> 12, 1);
        assert_int_equal(a.accessed, 1);
        machine_free(&m);
    }
}

/* Two pages that contend for a slot of the TLB are copied by another way. */
static void test_copy(void **state)
{
    static const uint8_t code[] = {0xf3, 0xa5}; /* rep movsw */
    struct machine m = machine_new(code, sizeof code);
    physmem_accesses(m.mem, ACCESSES_ALL, NULL);
    x86_set(m.cpu, "rsi", DATA + 0x40);
    x86_set(m.cpu, "rdi", OTHER);
    x86_set(m.cpu, "rcx", 1500);
    run(&m, 1500);
    struct accessed_set set;
    physmem_accesses(m.mem, ACCESSES_NONE, &set);
    assert_int_equal(set.n, 2);
    assert_true((set.page[0].accessed & ~1ull) == UINT64_MAX - 1 && !set.page[0].written);
    assert_int_equal(~set.page[1].written & 0xffffffff, 0);
    machine_free(&m);
}

/* If only writes are to be known, a page that is read is not in the set, and one that is read and written has its lines. */
static void test_writes(void **state)
{
    static const uint8_t code[] = {0xa1, 0x80, 0x40,  /* mov ax, [DATA + 0x80] */
                                   0xa1, 0x80, 0x60,  /* mov ax, [OTHER + 0x80] */
                                   0xa3, 0xff, 0x60}; /* mov [OTHER + 0xff], ax */
    struct machine m = machine_new(code, sizeof code);
    struct accessed_set set;
    physmem_accesses(m.mem, ACCESSES_WRITES, NULL);
    run(&m, 3);
    physmem_accesses(m.mem, ACCESSES_NONE, &set);
    assert_int_equal(set.what, ACCESSES_WRITES);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.page[0].linear, OTHER >> 12);
    assert_int_equal(set.page[0].written, 1 << 3 | 1 << 4);
    machine_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_copy), cmocka_unit_test(test_writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
