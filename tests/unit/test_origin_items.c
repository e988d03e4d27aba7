/* test_origin_items.c - sources with a name of their own (core/origin/items.c): a small firmware reads fw_cfg by its port, and its own
 * image, in which there is a UEFI variable. And a register that is not written for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/origin/origin.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};
static const struct engine_kind *const kinds[] = {&pc_kind};

enum {
    SIZE = 0x10000,
    CODE = 0xe000,
    RESET = 0xfff0,
    VARIABLE = 0x1000,
    NAME = VARIABLE + 60,
    DATA = NAME + 10
};

/* In real mode, from the reset vector on. Item 0 of fw_cfg is its signature, "QEMU". */
#define LITTLE(n) (n) & 0xff, (n) >> 8
static const uint8_t code[] = {
    0xfa, 0x31, 0xc0,
    0x8e, 0xd8, 0x8e,
    0xc0, /* cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%es */
    0x8e, 0xd0, 0xbc,
    0x00, 0x70, 0xfc,                 /* mov %ax,%ss; mov $0x7000,%sp; cld */
    0x2e, 0xa0, LITTLE(DATA),         /* mov %cs:DATA,%al */
    0xa2, 0x00, 0x06,                 /* mov %al,0x600 */
    0x2e, 0xa0, LITTLE(DATA + 2),     /* mov %cs:DATA+2,%al */
    0xa2, 0x02, 0x06,                 /* mov %al,0x602 */
    0x2e, 0xa0, LITTLE(VARIABLE - 9), /* mov %cs:VARIABLE-9,%al */
    0xa2, 0x03, 0x06,                 /* mov %al,0x603 */
    0xba, 0x10, 0x05,
    0x31, 0xc0, 0xef, /* mov $0x510,%dx; xor %ax,%ax; out %ax,%dx */
    0x42, 0xec, 0xec,
    0xa2, 0x04, 0x06, /* inc %dx; in %dx,%al; in %dx,%al; mov %al,0x604 */
    0xbf, 0x10, 0x06,
    0xb9, 0x02, 0x00, /* mov $0x610,%di; mov $2,%cx */
    0xf3, 0x6c,       /* rep insb */
    0x66, 0xbe, 0x78,
    0x56, 0x34, 0x12, /* mov $0x12345678,%esi */
    0x66, 0xb9, 0xc0,
    0x27, 0x09, 0x00, /* mov $600000,%ecx */
    0x66, 0x49, 0x75,
    0xfc, /* 1: dec %ecx; jnz 1b */
    0xb0, 0x03, 0xe6,
    0xf4, 0xf4, 0xeb,
    0xfd, /* mov $3,%al; out %al,$0xf4; hlt; jmp */
};

static uint8_t firmware[SIZE];
static char path[64];
static struct timeline *tl;
static struct origin *o;

static void fill_firmware(void)
{
    static const uint8_t reset[] = {0xea, CODE & 0xff, CODE >> 8, 0x00, 0xf0}; /* ljmp $0xf000,$CODE */
    for (unsigned i = 0; i < SIZE; i++)
        firmware[i] = (uint8_t)(i * 29 ^ i >> 8); /* each place has other surroundings */
    memcpy(firmware + RESET, reset, sizeof reset);
    memcpy(firmware + CODE, code, sizeof code);
    memset(firmware + VARIABLE, 0, NAME - VARIABLE);
    memcpy(firmware + VARIABLE, "\xaa\x55\x3f", 3); /* it begins; it is there */
    firmware[VARIABLE + 36] = DATA - NAME;
    firmware[VARIABLE + 40] = 8;
    memcpy(firmware + NAME, "T\0e\0s\0t\0\0", DATA - NAME);
    memcpy(firmware + DATA, "\x91\x82\x73\x64\x55\x46\x37\x28", 8);
}

static int begin(void **state)
{
    struct error err = {""};
    (void)state;
    fill_firmware();
    snprintf(path, sizeof path, "/tmp/test_origin_items.%d.reel", (int)getpid());
    record_image(path, &pc_kind, "bios", firmware, SIZE, 40000);
    tl = timeline_open(path, kinds, 1, &err);
    assert_non_null(tl);
    o = origin_new(tl, NULL, &err);
    assert_non_null(o);
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

/* The last link of what is at an address at the end is of that kind and byte, and says these words. */
static void ends_at(uint64_t address, uint8_t value, enum origin_source source, uint64_t offset,
                    const char *words)
{
    struct error err = {""};
    const struct origin_place p = {.memory = true, .linear = address, .length = 1};
    struct origin_chain *c =
        origin_find(o, &p, trace_last_icount(timeline_trace(tl)), &(struct origin_options){0}, &err);
    if (!c)
        fail_msg("%s", err.text);
    const struct origin_link *l = &c->link[c->n - 1];
    if (c->value[0] != value || l->source != source || l->offset != offset || !strstr(l->text, words))
        fail_msg("%#x is %#x: %s, byte %d: %s", (unsigned)address, c->value[0], origin_source_word(l->source),
                 (int)l->offset, l->text);
    origin_chain_free(c);
}

static void test_fw_cfg_by_port(void **state)
{
    (void)state;
    ends_at(0x604, 'E', ORIGIN_ITEM, 1, "fw_cfg item 0x0");
    ends_at(0x610, 'M', ORIGIN_ITEM, 2, "fw_cfg item 0x0");
    ends_at(0x611, 'U', ORIGIN_ITEM, 3, "fw_cfg item 0x0");
}

static void test_variable_in_flash(void **state)
{
    (void)state;
    ends_at(0x600, 0x91, ORIGIN_IMAGE, DATA, "of the variable Test");
    ends_at(0x602, 0x73, ORIGIN_IMAGE, DATA + 2, "of the variable Test");
    ends_at(0x603, firmware[VARIABLE - 9], ORIGIN_IMAGE, VARIABLE - 9, "in memory at the beginning");
}

/* ESI was set before a loop of 1.2 million steps. */
static void test_idle_register(void **state)
{
    struct error err = {""};
    struct origin_place p;
    (void)state;
    assert_int_equal(origin_register(o, 0, "esi", &p, &err), 0);
    struct origin_chain *c =
        origin_find(o, &p, trace_last_icount(timeline_trace(tl)), &(struct origin_options){0}, &err);
    if (!c)
        fail_msg("%s", err.text);
    assert_int_equal(c->n, 1);
    assert_string_equal(c->link[0].instruction, "mov esi, 0x12345678");
    assert_int_equal(c->link[0].source, ORIGIN_CONSTANT);
    assert_true(c->link[0].places > 0);
    assert_non_null(strstr(c->link[0].text, "not each step between them was looked at"));
    origin_chain_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fw_cfg_by_port),
                                       cmocka_unit_test(test_variable_in_flash),
                                       cmocka_unit_test(test_idle_register)};
    return cmocka_run_group_tests(tests, begin, end);
}
