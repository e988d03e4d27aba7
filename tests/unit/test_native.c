/* test_native.c - every instruction of the table on random states, against the host's own processor; the
 * decoder against capstone.
 *
 * Environment: NATIVE_STATES states a row (default 1500), NATIVE_SEED, NATIVE_ROW only this mnemonic,
 * NATIVE_SHOW how many failures of a row are printed whole, NATIVE_VENDOR (intel, amd) whose processor to take the
 * host for. See tests/native/native.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/x86/cpu.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/x87/x87.h"
#include "tests/capstone_4.h"
#include "tests/native/native.h"
#include "tests/native/vendor.h"
#include "tests/host_asked.h"

static unsigned long number(const char *name, unsigned long otherwise)
{
    const char *s = getenv(name);
    return s ? strtoul(s, NULL, 0) : otherwise;
}

static uint64_t seed_of(unsigned bits, size_t row, unsigned i)
{
    struct rng r = {number("NATIVE_SEED", 1) * 0x10001 + bits};
    uint64_t v = rnd(&r) + row; /* by itself: which is evaluated first, this or r.s? */
    r.s ^= v;
    v = rnd(&r) + i;
    r.s ^= v;
    return rnd(&r);
}

/* What the emulator does, or what the processors of the host's vendor are known to do instead. */
static void run_as_host(const struct insn_case *c, const struct state *in, struct state *out)
{
    const struct difference *d = difference_of(c);
    bool other = d && d->model != host_vendor();
    if (other)
        guest_keep();
    guest_run(c, in, out);
    if (other)
        d->apply(c, in, out);
}

/* As compare(). Processors of AMD differ among themselves in a few cases, in which what either does is right. */
static const char *compare_models(const struct insn_case *c, const struct state *in, struct state *host,
                                  struct state *guest)
{
    const char *what = compare(c, in, host, guest);
    const struct difference *d = what && host_vendor() == VENDOR_AMD ? difference_of(c) : NULL;
    struct state older = *guest;
    if (!d || !d->apply_older)
        return what;
    d->apply_older(c, in, &older);
    return compare(c, in, host, &older) ? what : NULL;
}

static void explain(const struct insn_case *c)
{
    const struct difference *d = difference_of(c);
    if (d)
        fprintf(stderr, "  known to differ: Intel: %s. AMD: %s.\n", d->intel, d->amd);
}

/* How many states of the row differ. */
static unsigned run_row(const struct insn_row *row, size_t number_of_row, unsigned bits, unsigned states,
                        unsigned show)
{
    unsigned failed = 0;
    gen_memory(seed_of(bits, number_of_row, 1u << 30));
    for (unsigned i = 0; i < states; i++) {
        struct insn_case c;
        struct state in, host, guest;
        gen_case(&c, &in, row, bits, seed_of(bits, number_of_row, i));
        if (host_vendor() == VENDOR_OTHER && difference_of(&c))
            continue;
        host_run(&c, &in, &host);
        run_as_host(&c, &in, &guest);
        const char *what = compare_models(&c, &in, &host, &guest);
        if (what && host_loses_nt() &&
            guest.flags & ~host.flags & FLAG_NT) { /* instructions that set NT write no memory */
            host_run(&c, &in, &host);
            what = compare_models(&c, &in, &host, &guest);
        }
        if (!what)
            continue;
        if (failed++ < show) {
            fprintf(stderr, "%s differs, state %u of row %zu (map %u, opcode %02x):\n", what, i,
                    number_of_row, row->map, row->opcode);
            print_case(stderr, &c, &in, &host, &guest);
            explain(&c);
        }
        level_all();
    }
    return failed;
}

static void run_rows(unsigned bits)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);
    const char *only = getenv("NATIVE_ROW");
    unsigned states = (unsigned)number("NATIVE_STATES", 1500), show = (unsigned)number("NATIVE_SHOW", 1);
    unsigned tested = 0, bad = 0, skipped = 0, lacking = 0;
    if (!host_runs(bits)) {
        fprintf(stderr, "%u-bit code cannot be run here\n", bits);
        skip();
    }
    host_catch_faults();
    for (size_t i = 0; i < n; i++) {
        if (only && strcmp(only, rows[i].mnemonic))
            continue;
        if (gen_skips(&rows[i], bits)) {
            skipped++;
            lacking += !strcmp(gen_skips(&rows[i], bits), "not in the host's processor");
            continue;
        }
        unsigned failed = run_row(&rows[i], i, bits, states, show);
        if (failed)
            fprintf(stderr, "%s (row %zu): %u of %u states differ\n", rows[i].mnemonic, i, failed, states);
        tested++;
        bad += failed > 0;
    }
    fprintf(
        stderr,
        "%u-bit code: %u rows, %u states each; %u rows left out, %u of them because this host lacks them\n",
        bits, tested, states, skipped, lacking);
    if (host_vendor() == VENDOR_OTHER)
        fprintf(stderr,
                "not checked, since this host is neither Intel's nor AMD's: where those two differ\n");
    assert_int_equal(bad, 0);
}

static void test_code64(void **state)
{
    run_rows(64);
}
static void test_code32(void **state)
{
    run_rows(32);
}
static void test_code16(void **state)
{
    run_rows(16);
}

/* What capstone 4 gets wrong is known: excused() in tests/native/decode.c. */
static void test_decode(void **state)
{
    need_capstone_4();
    unsigned long n = 200 * number("NATIVE_STATES", 1500);
    for (unsigned bits = 16; bits <= 64; bits *= 2)
        assert_int_equal(decode_check(bits, n, number("NATIVE_SEED", 1)), 0);
}

/* The table of differences names instructions that there are, and says all that it should. */
static void test_differences(void **state)
{
    unsigned count;
    size_t n;
    const struct difference *d = differences(&count);
    const struct insn_row *rows = insn_rows(&n);
    for (unsigned k = 0; k < count; k++) {
        char list[80], *rest = NULL;
        assert_true(d[k].intel && d[k].amd && d[k].manual && d[k].ours && d[k].apply);
        snprintf(list, sizeof list, "%s", d[k].mnemonics);
        for (char *word = strtok_r(list, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
            size_t i = 0;
            while (i < n && strcmp(rows[i].mnemonic, word))
                i++;
            assert_true(i < n);
        }
    }
}

/* FPATAN of the smallest number, rounded towards zero: one by one it is kept, by more than one the quotient is denormal. */
static void test_smallest(void **state)
{
    for (unsigned more = 0; more < 2; more++) {
        struct fpu in = {.cw = 0xf7f}, out;
        in.r[0] = fpreg_make(false, 0x3fff, (1ull << 63) + more);
        in.r[1] = fpreg_make(false, 1, 1ull << 63);
        out = in;
        out.r[0] = fpreg_make(false, 0, INT64_MAX);
        out.sw = SW_UE | SW_PE;
        intel_x87("fpatan", &in, &out);
        assert_int_equal(out.r[0].exp, more ? 0 : 1);
        assert_int_equal(out.sw, more ? SW_UE | SW_PE : SW_PE);
    }
}

static int setup(void **state)
{
    const struct engine_host host = host_asked();
    return host_init() && guest_init(0, &host) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences), cmocka_unit_test(test_decode), cmocka_unit_test(test_code64),
        cmocka_unit_test(test_code32),      cmocka_unit_test(test_code16), cmocka_unit_test(test_smallest),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
