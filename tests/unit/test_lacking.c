/* test_lacking.c - how instructions are named that no processor model has.
 *
 * The bytes of `others` are what binutils' assembler 2.40 makes of an instruction, and the names its own; all forms of the table, some
 * 57000, were once compared with objdump in this way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hv/x86/system/sys.h"
#include "tests/capstone_4.h"
#include "tests/host_asked.h"
#include "traces/trace.h"

static void named(unsigned bits, const char *bytes, const char *mnemonic, const char *feature)
{
    uint8_t code[PLAIN_BYTES] = {0};
    struct lacking_name name;
    memcpy(code, bytes, strlen(bytes));
    assert_true(lacking_other(bits, code, &name));
    assert_string_equal(name.mnemonic, mnemonic);
    assert_string_equal(name.feature, feature);
}

/* Masks have VEX prefixes, vectors EVEX ones; with 128 and 256 bits these need AVX512VL as well. */
static void test_avx512(void **state)
{
    need_capstone_4();
    named(64, "\xc5\xf8\x92\xc8", "kmovw", "AVX512F");
    named(64, "\xc5\xf9\x92\xc8", "kmovb", "AVX512DQ");
    named(64, "\x62\xf1\x75\x48\xef\xd0", "vpxord", "AVX512F");
    named(64, "\x62\xf1\x75\x29\xef\xd0", "vpxord", "AVX512F and AVX512VL");
    named(64, "\x62\xf1\x75\x48\xfc\xd0", "vpaddb", "AVX512BW");
    named(64, "\x62\xb1\x75\x08\xfc\xd0", "vpaddb", "AVX512BW and AVX512VL");
    named(64, "\x62\xf2\xf5\x28\x40\xd0", "vpmullq", "AVX512DQ and AVX512VL");
    named(64, "\x62\xf2\x7d\x48\xca\xc8", "vrcp28ps", "AVX512ER");
}

/* Whatever has an EVEX prefix is AVX-512, though nobody knows it: here a map that no instruction is in. */
static void test_unknown_evex(void **state)
{
    struct lacking_name name;
    const uint8_t code[PLAIN_BYTES] = "\x62\xf7\x75\x48\xef\xd0";
    assert_true(lacking_other(64, code, &name));
    assert_true(lacking_named(64, code, &name));
    assert_string_equal(name.mnemonic, "EVEX map 7 opcode EFh");
    assert_string_equal(name.feature, "AVX-512");
    assert_true(lacking_named(32, code, &name));
    const uint8_t half[PLAIN_BYTES] = "\x62\xf5\x7c\x48\x01\xd0",
                  more[PLAIN_BYTES] = "\x62\xf4\x7c\x48\x01\xd0";
    assert_true(lacking_named(64, half, &name));
    assert_string_equal(name.feature, "AVX512_FP16");
    assert_true(lacking_named(64, more, &name));
    assert_string_equal(name.feature, "APX_F");
}

/* What capstone 4 does not know, some of each kind. */
static const struct {
    const char *bytes, *mnemonic, *feature;
} others[] = {
    {"\xc4\xe1\xed\x41\xd9", "kandd", "AVX512BW"},
    {"\xc5\xec\x4a\xd9", "kaddw", "AVX512DQ"},
    {"\xc4\xe1\xec\x4b\xd9", "kunpckdq", "AVX512BW"},
    {"\xc5\xfb\x92\xc8", "kmovd", "AVX512BW"},
    {"\xc4\xe1\xfb\x92\xc8", "kmovq", "AVX512BW"},
    {"\xc4\xe1\xf8\x91\x08", "kmovq", "AVX512BW"},
    {"\xc4\xe1\xf8\x98\xd9", "kortestq", "AVX512BW"},
    {"\xc5\xf9\x99\xd9", "ktestb", "AVX512DQ"},
    {"\xc4\xe3\xf9\x33\xd9\x05", "kshiftlq", "AVX512BW"},
    {"\x62\xf3\x75\x48\x25\xd0\x96", "vpternlogd", "AVX512F"},
    {"\x62\xf3\xf5\x08\x25\xd0\x96", "vpternlogq", "AVX512F and AVX512VL"},
    {"\x62\xf1\x74\x48\x54\xd0", "vandps", "AVX512DQ"},
    {"\x62\xf1\x74\x18\x58\xd0", "vaddps", "AVX512F"}, /* {rn-sae} */
    {"\x62\xf2\x75\x48\x50\xd0", "vpdpbusd", "AVX512_VNNI"},
    {"\x62\xf2\x7d\x28\x54\xd0", "vpopcntb", "AVX512_BITALG and AVX512VL"},
    {"\x62\xf2\x7d\x48\x63\xd0", "vpcompressb", "AVX512_VBMI2"},
    {"\x62\xf5\x74\x48\x58\xd0", "vaddph", "AVX512_FP16"},
    {"\x62\xf6\x75\x08\xb9\xd0", "vfmadd231sh", "AVX512_FP16"},
    {"\x62\xf2\x76\x48\x52\xd0", "vdpbf16ps", "AVX512_BF16"},
    {"\x62\xf2\x75\x48\xdc\xd0", "vaesenc", "VAES and AVX512F"},
    {"\x64\x62\xf1\x74\x48\x58\x00", "vaddps", "AVX512F"}, /* %fs: */
    {"\xc4\xe2\x71\x50\xd0", "vpdpbusd", "AVX-VNNI"},
    {"\xc4\xe2\x7b\x4b\x0c\x18", "tileloadd", "AMX-TILE"},
    {"\xc4\xe2\x78\x49\xc0", "tilerelease", "AMX-TILE"},
    {"\xc4\xe2\x73\x5e\xda", "tdpbssd", "AMX-INT8"},
    {"\xf3\x48\x0f\xae\xe8", "incsspq", "CET_SS"},
    {"\xf3\x0f\x38\xdc\xd1", "loadiwkey", "KL"},
    {"\x66\x0f\xae\xf1", "tpause", "WAITPKG"},
    {"\x0f\x01\xe8", "serialize", "SERIALIZE"},
    {"\x0f\x01\xc1", "vmcall", "VMX"},
};

static void test_table(void **state)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint8_t code[PLAIN_BYTES] = {0};
        struct lacking_name name = {0};
        memcpy(code, others[i].bytes,
               strlen(others[i].bytes)); /* a zero byte ends it, and is there all the same */
        assert_true(lacking_named(64, code, &name));
        assert_string_equal(name.mnemonic, others[i].mnemonic);
        assert_string_equal(name.feature, others[i].feature);
    }
}

/* Undefined: masks whose W is another one, VEX behind 66, tiles outside 64-bit code, LES, and what is in no row. */
static void test_none(void **state)
{
    static const struct {
        unsigned bits;
        const char *bytes;
    } none[] = {{64, "\xc4\xe1\xfd\x4b\xd9"},
                {64, "\x66\xc5\xfb\x92\xc8"},
                {32, "\xc4\xe2\x78\x49\xc0"},
                {32, "\xc5\x78\x92\xc8"},
                {64, "\x0f\x0b"},
                {64, "\x48\xc5\xfb\x92\xc8"}};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        uint8_t code[PLAIN_BYTES] = {0};
        struct lacking_name name;
        memcpy(code, none[i].bytes, strlen(none[i].bytes));
        assert_false(lacking_named(none[i].bits, code, &name));
    }
}

struct told {
    char text[80];
    unsigned n;
};

static void note(void *ctx, struct event *ev)
{
    struct told *t = ctx;
    if (ev->kind != EV_CPU_LACKS)
        return;
    t->n++;
    snprintf(t->text, sizeof t->text, "%.*s", (int)ev->len, (const char *)ev->data);
}

/* What is reported when `code` is executed. */
static struct told executed(const void *code, size_t n)
{
    enum { RAM = 1 << 20, CODE = 0x1000, HANDLER = 0x2000 };
    const struct engine_host host = host_asked();
    struct physmem *mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(mem, "ram", RAM);
    struct told t = {0};
    struct x86_bus bus = x86_empty_bus;
    uint64_t done;
    bus.ctx = &t;
    bus.event = note;
    physmem_map(mem, 0, RAM, ram, 0, ram, 0, false);
    struct x86 *cpu = x86_create(mem, &bus, 0, "max", NULL);
    x86_set(cpu, "cr0", 0x11); /* protected mode, whose VEX is not that of real mode */
    x86_set_segment(cpu, "cs", 8, 0, 0xffffffff, 0xc09b);
    x86_set_segment(cpu, "ss", 16, 0, 0xffffffff, 0xc093);
    x86_set(cpu, "rsp", 0x8000);
    x86_set(cpu, "rip", CODE);
    memcpy(ramblock_host(ram) + CODE, code, n);
    x86_run(cpu, 1, &done);
    x86_destroy(cpu);
    physmem_destroy(mem);
    return t;
}

static void test_executed(void **state)
{
    static const char kmovd[] = "\xc5\xfb\x92\xc8", vpxord[] = "\x62\xf1\x75\x48\xef\xd0";
    need_capstone_4();
    struct told t = executed(kmovd, 4);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.text, "kmovd of AVX512BW, which no --cpu has");
    t = executed(vpxord, 6);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.text, "vpxord of AVX512F, which no --cpu has");
}

static void test_others(void **state)
{
    struct lacking_name name;
    named(64, "\x0f\x0f\xc1\x9e", "pfadd", "3DNow!");
    named(64, "\xc4\xe3\xe9\x68\xd9\x10", "vfmaddps", "FMA4");
    named(64, "\x8f\xe9\x78\xc2\xc8", "vphaddbd", "XOP");
    named(64, "\x66\x0f\x78\xc1\x02\x01", "extrq", "SSE4A");
    const uint8_t ud2[PLAIN_BYTES] = {0x0f, 0x0b}, bound[PLAIN_BYTES] = {0x62, 0x00};
    assert_false(lacking_other(64, ud2, &name));
    assert_false(lacking_other(32, bound, &name));
}

/* Another version of the disassembler has other words for the same: the trace still verifies. */
static void test_words(void **state)
{
    struct event a = {
        .kind = EV_CPU_LACKS, .icount = 5, .f = {0x33, 0x401000}, .data = "kmovw of AVX512", .len = 15};
    struct event b = a;
    b.data = "kmovw of AVX512F";
    b.len = 16;
    assert_true(event_same(&a, &b));
    b.f[EVF_CPU_LACKS_ip]++;
    assert_false(event_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_avx512),  cmocka_unit_test(test_unknown_evex),
                                       cmocka_unit_test(test_others),  cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_table),   cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_executed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
