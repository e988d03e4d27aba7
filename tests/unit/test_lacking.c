/* test_lacking.c - how instructions are named that no processor model has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hv/x86/sys.h"
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
    named(64, "\xc5\xf8\x92\xc8", "kmovw", "AVX512F");
    named(64, "\xc5\xf9\x92\xc8", "kmovb", "AVX512DQ");
    named(64, "\x62\xf1\x75\x48\xef\xd0", "vpxord", "AVX512F");
    named(64, "\x62\xf1\x75\x29\xef\xd0", "vpxord", "AVX512F and AVX512VL");
    named(64, "\x62\xf1\x75\x48\xfc\xd0", "vpaddb", "AVX512BW");
    named(64, "\x62\xb1\x75\x08\xfc\xd0", "vpaddb", "AVX512BW and AVX512VL");
    named(64, "\x62\xf2\xf5\x28\x40\xd0", "vpmullq", "AVX512DQ and AVX512VL");
    named(64, "\x62\xf2\x7d\x48\xca\xc8", "vrcp28ps", "AVX512ER");
}

/* Whatever has an EVEX prefix is AVX-512, though the disassembler does not know it: here a map that no instruction is in. */
static void test_unknown_evex(void **state)
{
    named(64, "\x62\xf7\x75\x48\xef\xd0", "an instruction", "AVX-512");
    named(32, "\x62\xf7\x75\x48\xef\xd0", "an instruction", "AVX-512");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_avx512), cmocka_unit_test(test_unknown_evex),
                                       cmocka_unit_test(test_others), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
