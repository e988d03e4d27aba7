/* test_code.c - what instructions tell of a kernel: masks, loads, calls and members (core/story/code.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/story/code.h"

struct sites {
    struct code_site list[8];
    unsigned n;
};

static void keep_site(void *ctx, const struct code_site *site)
{
    struct sites *s = ctx;
    assert_true(s->n < 8);
    s->list[s->n++] = *site;
}

/* As user-mode Linux is built: the task is at the beginning of the stack, addresses are loaded whole. */
static void test_code_large(void **state)
{
    static const uint8_t bytes[] = {
        0x48, 0x25, 0x00, 0xc0, 0xff, 0xff, /* and $~0x3fff,%rax */
        0x48, 0x83, 0xe4, 0xf0,             /* and $~15,%rsp: not the size of a stack */
        0x48, 0xa1, 0xc0, 0x70, 0xa5, 0x60, 0x00, 0x00, 0x00, 0x00, /* movabs 0x60a570c0,%rax */
        0xff, 0xd1,                                                 /* call *%rcx */
        0x48, 0xb8, 0xc0, 0x70, 0xa5, 0x60, 0x00, 0x00, 0x00, 0x00, /* movabs $0x60a570c0,%rax */
        0x31, 0xd2,                                                 /* xor %edx,%edx */
        0x48, 0x8b, 0x78, 0x08,                                     /* mov 8(%rax),%rdi */
        0x31, 0xc0,                                                 /* xor %eax,%eax: no address any more */
        0x48, 0x8b, 0x78, 0x08,                                     /* mov 8(%rax),%rdi */
    };
    struct sites s = {.n = 0};
    struct code_reader *c = code_new(64);
    code_sites(c, bytes, sizeof bytes, 0x60000000, keep_site, &s);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.list[0].kind, CODE_MASK);
    assert_int_equal(s.list[0].target, -0x4000);
    assert_int_equal(s.list[1].kind, CODE_LOAD);
    assert_int_equal(s.list[1].target, 0x60a570c0);
    assert_int_equal(s.list[2].kind, CODE_CALL_REGISTER);
    assert_int_equal(s.list[3].kind, CODE_LOAD);
    assert_int_equal(s.list[3].target, 0x60a570c8);
    assert_int_equal(s.list[4].kind, CODE_MEMBER);
    code_free(c);
}

static void test_code(void **state)
{
    static const uint8_t bytes[] = {
        0xf3, 0x0f, 0x1e, 0xfa,                               /* endbr64 */
        0x65, 0x48, 0x8b, 0x04, 0x25, 0xc0, 0xfb, 0x01, 0x00, /* mov %gs:0x1fbc0,%rax */
        0xe8, 0x00, 0x01, 0x00, 0x00,                         /* call +0x100 */
        0xff, 0xd3,                                           /* call *%rbx */
        0x74, 0x02,                                           /* je +2 */
        0xc3,                                                 /* ret */
        0xcc,                                                 /* int3 */
        0xe9, 0x00, 0x10, 0x00, 0x00,                         /* jmp +0x1000 */
    };
    struct sites s = {.n = 0};
    struct code_reader *c = code_new(64);
    assert_non_null(c);
    code_sites(c, bytes, sizeof bytes, 0xffffffff81000000, keep_site, &s);
    assert_int_equal(s.n, 6);
    assert_int_equal(s.list[0].kind, CODE_PERCPU_LOAD);
    assert_int_equal(s.list[0].target, 0x1fbc0);
    assert_int_equal(s.list[1].kind, CODE_CALL);
    assert_int_equal(s.list[1].target, 0xffffffff81000112);
    assert_int_equal(s.list[2].kind, CODE_CALL_REGISTER);
    assert_string_equal(s.list[2].reg, "rbx");
    assert_int_equal(s.list[2].length, 2);
    assert_int_equal(s.list[3].kind, CODE_BRANCH);
    assert_int_equal(s.list[3].target, 0xffffffff81000018);
    assert_int_equal(s.list[4].kind, CODE_RETURN);
    assert_int_equal(s.list[5].kind, CODE_JUMP);
    assert_int_equal(s.list[5].target, 0xffffffff8100101d);
    code_free(c);
}

static void test_code_32(void **state)
{
    static const uint8_t bytes[] = {
        0x64, 0xa1, 0x80, 0x10, 0x00, 0xc2, /* mov %fs:0xc2001080,%eax */
        0x8b, 0x1d, 0x00, 0x20, 0x00, 0xc2, /* mov 0xc2002000,%ebx */
        0x65, 0xa1, 0x14, 0x00, 0x00, 0x00, /* mov %gs:0x14,%eax: none */
        0xff, 0xd3,                         /* call *%ebx */
        0xe8, 0xfb, 0xff, 0xff, 0xff,       /* call itself */
        0xc3,                               /* ret */
    };
    struct sites s = {.n = 0};
    struct code_reader *c = code_new(32);
    assert_non_null(c);
    code_sites(c, bytes, sizeof bytes, 0xc1000000, keep_site, &s);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.list[0].kind, CODE_PERCPU_LOAD);
    assert_int_equal(s.list[0].target, 0xc2001080);
    assert_int_equal(s.list[1].kind, CODE_LOAD);
    assert_int_equal(s.list[1].target, 0xc2002000);
    assert_int_equal(s.list[2].kind, CODE_CALL_REGISTER);
    assert_string_equal(s.list[2].reg, "ebx");
    assert_int_equal(s.list[3].kind, CODE_CALL);
    assert_int_equal(s.list[3].target, 0xc1000014);
    assert_int_equal(s.list[4].kind, CODE_RETURN);
    code_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_code_large),
        cmocka_unit_test(test_code_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
