/* test_services.c - BIOS services as events (hv/services.c): a real-mode guest with handlers of its own calls
 * them in every way that firmware knows; then what was reported is compared, also after going on from a saved
 * state at many places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/services.h"
#include "tests/unit/saved_state.h"
#include "tests/unit/services_machine.h"

enum { STEPS = 100000 };

/* ---------------------------------------------------------------- the guest */

/* `label - services_guest + 0x8000` is a label's address. */
/* clang-format off */
__asm__(".pushsection .rodata\n"
        ".code16\n"
        ".globl services_guest, services_guest_end\n"
        "services_guest:\n"
        ".macro vector n, to\n"
        "    movw $(\\to - services_guest + 0x8000), \\n * 4\n"
        "    movw $0, \\n * 4 + 2\n"
        ".endm\n"
        "    vector 0x10, video\n    vector 0x12, memory\n    vector 0x13, disk\n    vector 0x15, system\n"
        "    vector 0x16, keyboard\n    vector 0x19, bootstrap\n    vector 0x1a, clock\n    vector 0x21, dos\n"
        /* text: a line; one without an end; one that another call ends; one that is continued with the cursor */
        "    mov $(hello - services_guest + 0x8000), %si\n    call print\n"
        /* values; carry by the stacked flags, and by RETF 2 */
        "    int $0x12\n"
        "    mov $0x0201, %ax\n    mov $0x4143, %cx\n    mov $0x0580, %dx\n    mov $0x600, %bx\n    int $0x13\n"
        "    mov $0x0201, %ax\n    mov $0x99, %dl\n    int $0x13\n"
        "    mov $(packet - services_guest + 0x8000), %si\n    mov $0x42, %ah\n    mov $0x80, %dl\n    int $0x13\n"
        "    mov $0x7d00, %ax\n    int $0x13\n"
        "    mov $0xe820, %ax\n    xor %ebx, %ebx\n    mov $0x600, %di\n    int $0x15\n"
        /* polling, two services in turn; then a key */
        "    mov $50, %bp\n"
        "1:  mov $1, %ah\n    int $0x16\n    mov $0, %ah\n    int $0x1a\n    dec %bp\n    jnz 1b\n"
        "    incb 0x500\n    mov $1, %ah\n    int $0x16\n    mov $0, %ah\n    int $0x16\n"
        /* not a service */
        "    int $0x21\n"
        /* cells and the cursor, as a menu is drawn */
        "    mov $2, %ah\n    mov $0x0305, %dx\n    int $0x10\n"
        "    mov $0x09b3, %ax\n    mov $7, %bx\n    mov $1, %cx\n    int $0x10\n"
        "    mov $2, %ah\n    mov $0x0306, %dx\n    int $0x10\n"
        "    mov $0x0941, %ax\n    int $0x10\n"
        "    mov $2, %ah\n    mov $0x0400, %dx\n    int $0x10\n"
        "    mov $0x0e42, %ax\n    int $0x10\n"
        "    mov $0x0920, %ax\n    mov $80, %cx\n    int $0x10\n"
        /* a service that calls others, switches the stack, and does not come back */
        "    mov $(loading - services_guest + 0x8000), %si\n    call print\n"
        "    int $0x19\n"
        "print: lodsb\n    test %al, %al\n    jz 2f\n    mov $0x0e, %ah\n    int $0x10\n    jmp print\n2:  ret\n"
        "hello: .asciz \"Hello\\r\\n50%\\r60%\"\n"
        "loading: .asciz \"Loadinh\\bg\"\n"
        ".balign 4\n"
        "packet: .word 16, 3, 0x1234, 0x5678\n    .quad 0x123456789\n"
        "video: iret\n"
        "memory: mov $639, %ax\n    iret\n"
        /* drive 99h fails; an unknown function too; a read takes the long way through another handler and stack */
        "disk: cmp $0x7d, %ah\n    je bad\n    cmp $0x99, %dl\n    je bad\n"
        "    cmp $0x42, %ah\n    je far_disk\n"
        "good: mov $0, %ah\n    push %bp\n    mov %sp, %bp\n    andb $0xfe, 6(%bp)\n    pop %bp\n    iret\n"
        "bad: mov $1, %ah\n    stc\n    lret $2\n"
        "far_disk: mov %ss, %ax\n    mov %sp, %bp\n    mov $0x2000, %cx\n    mov %cx, %ss\n    mov $0x100, %sp\n"
        "    pushf\n    push %cs\n    call inner\n    int $0x12\n"
        "    mov %ax, %cx\n    xor %cx, %cx\n    mov %cx, %ss\n    mov %bp, %sp\n    jmp good\n"
        "inner: iret\n"
        "system: cmp $0xe820, %ax\n    jne bad\n"
        "    movl $0, (%di)\n    movl $0, 4(%di)\n    movl $0x9fc00, 8(%di)\n    movl $0, 12(%di)\n    movl $1, 16(%di)\n"
        "    mov $1, %ebx\n    clc\n    lret $2\n"
        "keyboard: cmp $0, %ah\n    je key\n    testb $1, 0x500\n    jnz key\n    xor %ax, %ax\n    lret $2\n"
        "key: mov $0x1e61, %ax\n    or %ax, %ax\n    lret $2\n"
        "clock: incw 0x502\n    mov 0x502, %dx\n    iret\n"
        "dos: iret\n"
        "bootstrap: mov $0, %ah\n    mov $0x80, %dl\n    int $0x13\n"
        "    mov $0x0201, %ax\n    mov $1, %cx\n    mov $0x0080, %dx\n    int $0x13\n"
        /* INT 15h that never returns, twice from the same place of the stack */
        "    vector 0x15, lost\n    mov $0x88, %ah\n    int $0x15\n"
        "lost: add $6, %sp\n    incb 0x501\n    cmpb $1, 0x501\n    jne 3f\n    mov $0x88, %ah\n    int $0x15\n"
        "3:  cli\n    hlt\n"
        "services_guest_end:\n"
        ".code64\n"
        ".popsection\n");
/* clang-format on */
extern const char services_guest[], services_guest_end[];

static const char expected[] =
    "INT 10h writes \"Hello\"\n"
    "INT 10h writes \"50%\"\n"
    "INT 10h writes \"60%\"\n"
    "INT 12h memory size -> 639 KiB\n"
    "INT 13h AH=02h read: drive 80h cylinder,head,sector 321,5,3 count 1 to 0000:0600\n"
    "INT 13h AH=02h read: drive 99h cylinder,head,sector 321,5,3 count 1 to 0000:0600 -> error 01h, invalid "
    "function or "
    "parameter carry\n"
    "INT 12h memory size -> 639 KiB\n"
    "INT 13h AH=42h extended read: drive 80h lba 4886718345 count 3 to 5678:1234\n"
    "INT 13h AX=7D00h unknown function -> error 01h, invalid function or parameter carry\n"
    "INT 15h AX=E820h memory map: entry 00000000h -> 0h size 9FC00h type 1, next 00000001h\n"
    "INT 16h AH=01h is there a key? -> no\n"
    "INT 1Ah AH=00h get ticks\n"
    "INT 16h AH=01h is there a key? -> no again x49\n"
    "INT 1Ah AH=00h get ticks again x49\n"
    "INT 16h AH=01h is there a key? -> scan code 1Eh 'a'\n"
    "INT 16h AH=00h wait for a key -> scan code 1Eh 'a'\n"
    "INT 10h AH=02h set cursor: row 3 column 5\n"
    "INT 10h writes \"\xe2\x94\x82"
    "A\" at 3,5\n"
    "INT 10h writes \"B\" at 4,0\n"
    "INT 10h AH=09h write character and attribute: ' ' attribute 07h x80\n"
    "INT 10h writes \"Loading\" at 4,1\n"
    "INT 19h bootstrap\n"
    "INT 13h AH=00h reset: drive 80h\n"
    "INT 13h AH=02h read: drive 80h cylinder,head,sector 0,0,1 count 1 to 0000:0007\n"
    "INT 15h AH=88h extended memory size -> did not return\n"; /* nor did the last: not known yet */

static struct engine *machine(void)
{
    return services_machine(services_guest, services_guest_end);
}

/* ---------------------------------------------------------------- tests */

static void test_words(void **state)
{
    struct log l = {0};
    struct engine *e = machine();
    listen_to(e, &l, EVENT_CLASSES_ALL);
    assert_int_equal(run(e, STEPS), STOP_HALTED);
    e->ops->flush(e);
    assert_string_equal(l.text, expected);
    e->ops->destroy(e);
}

/* Observed or not, the state is the same, and so is what is reported from there on. */
static void test_unobserved(void **state)
{
    struct log all = {0}, late = {0};
    struct engine *e = machine(), *f = machine();
    run(e, 40);
    listen_to(e, &all, EVENT_CLASS_BIT(EC_FIRMWARE));
    run(e, STEPS);
    run(f, 400);
    listen_to(f, &late, EVENT_CLASS_BIT(EC_FIRMWARE));
    run(f, STEPS);
    assert_true(late.n > 200 && late.n < all.n);
    assert_string_equal(all.text + all.n - late.n, late.text);
    e->ops->destroy(e);
    f->ops->destroy(f);
}

/* Going on from any position reports the rest, and nothing twice. */
static void test_saved(void **state)
{
    for (uint64_t at = 1; at < 1800; at += 37) {
        struct log once = {0}, again = {0};
        struct engine *e = machine();
        struct error err;
        run(e, at);
        struct saved *s = saved_take(e);
        listen_to(e, &once, EVENT_CLASSES_ALL);
        run(e, STEPS);
        e->ops->flush(e);
        e->ops->observe(e, 0, NULL);
        assert_int_equal(saved_load(e, s, &err), 0);
        listen_to(e, &again, EVENT_CLASSES_ALL);
        run(e, STEPS);
        e->ops->flush(e);
        assert_string_equal(once.text, again.text);
        saved_free(s);
        e->ops->destroy(e);
    }
}

/* A state from a damaged file is refused, whatever is in the section. */
static void test_damaged(void **state)
{
    struct engine *e = machine();
    struct error err;
    unsigned refused = 0;
    run(e, 300);
    struct saved *s = saved_take(e);
    struct field_table fields = services_fields();
    size_t size = section_size(fields.fields, fields.n), k = 0;
    while (strcmp(s->section[k].name, "services"))
        k++;
    for (size_t i = 0; i < size; i++) {
        uint8_t was = s->section[k].bytes[i];
        s->section[k].bytes[i] = 0xff;
        if (saved_load(e, s, &err))
            refused++;
        else
            run(e, 2000);
        s->section[k].bytes[i] = was;
        assert_int_equal(saved_load(e, s, &err), 0);
    }
    memset(s->section[k].bytes, 0xff, size);
    assert_int_equal(saved_load(e, s, &err), -1);
    assert_true(refused > 0);
    free(fields.fields);
    saved_free(s);
    e->ops->destroy(e);
}

/* Every call has a row. */
static void test_rows(void **state)
{
    for (unsigned vector = 0x10; vector <= 0x1a; vector++)
        for (unsigned ax = 0; ax < 0x10000; ax++) {
            const struct service_row *row = service_row((uint8_t)vector, (uint16_t)ax);
            assert_non_null(row);
            assert_non_null(row->name);
            assert_int_equal(row->vector, vector);
            assert_int_equal(row->function & ~row->mask, 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_unobserved), cmocka_unit_test(test_saved),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
