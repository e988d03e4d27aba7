/* test_ctf.c - the types of FreeBSD kernels (CTF), of both versions, made here: members at the offsets that they were given, also of
 * anonymous structures and of large ones; compressed; damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/symbols/private/ctf.h"

enum { HEADER = 36, INT = 1, POINTER, ARRAY, FORWARD, INNER, FUNCTION, PROC, HUGE };
enum { K_INTEGER = 1, K_POINTER = 3, K_ARRAY, K_FUNCTION, K_STRUCT, K_UNION, K_FORWARD = 9, K_TYPEDEF };
enum { OUTSIDE = 1u << 31, LARGE = 600 << 20 };

/* A section in the making. */
struct making {
    unsigned version, width;
    uint8_t types[1024], strings[256], out[4096];
    size_t n, nstrings, size;
};

static void put(struct making *m, uint64_t v, unsigned n)
{
    memcpy(m->types + m->n, &v, n);
    m->n += n;
}

static uint32_t name(struct making *m, const char *s)
{
    const size_t at = m->nstrings;
    memcpy(m->strings + at, s, strlen(s) + 1);
    m->nstrings += strlen(s) + 1;
    return (uint32_t)at;
}

static void type(struct making *m, const char *s, unsigned kind, unsigned parts, uint32_t size)
{
    put(m, name(m, s), 4);
    put(m, (uint32_t)kind << (m->version == 2 ? 11 : 26) | parts, m->width);
    put(m, size, m->width);
}

static void member(struct making *m, uint32_t s, unsigned of, unsigned offset)
{
    put(m, s, 4);
    put(m, of, m->width);
    put(m, 8 * offset, m->width);
}

static void large_member(struct making *m, const char *s, unsigned of, uint64_t bits)
{
    put(m, name(m, s), 4);
    put(m, of, m->width);
    if (m->width == 2)
        put(m, 0, 2);
    put(m, bits >> 32, 4);
    put(m, (uint32_t)bits, 4);
}

/* The numbers of the types are those of the enum. */
static void make_types(struct making *m)
{
    type(m, "int", K_INTEGER, 0, 4);
    put(m, 0x01000020, 4);
    type(m, "", K_POINTER, 0, INT);
    type(m, "", K_ARRAY, 0, 0);
    put(m, INT, m->width);
    put(m, INT, m->width);
    put(m, 5, 4);
    type(m, "proc", K_FORWARD, 0, 0);
    type(m, "", K_UNION, 2, 16);
    member(m, name(m, "p_inner"), INT, 0);
    member(m, name(m, "p_other"), POINTER, 8);
    type(m, "", K_FUNCTION, 1, INT); /* one argument, padded in version 2 only */
    put(m, INT, m->width);
    if (m->width == 2)
        put(m, 0, 2);
    type(m, "proc", K_STRUCT, 4, 64);
    member(m, name(m, "p_pid"), INT, 4);
    member(m, OUTSIDE | 1, ARRAY, 8);
    member(m, 0, INNER, 32);
    put(m, name(m, "p_bits"), 4);
    put(m, INT, m->width);
    put(m, 8 * 60 + 3, m->width);
    type(m, "thread", K_STRUCT, 1, m->version == 2 ? 0xffff : 0xffffffff);
    put(m, 0, 4);
    put(m, LARGE, 4);
    large_member(m, "td_tid", INT, 8ull * (LARGE - 4));
}

static void finish(struct making *m, bool compressed)
{
    const uint32_t head[9] = {0xcff1 | m->version << 16 | (compressed ? 1u << 24 : 0),
                              0,
                              0,
                              0,
                              0,
                              0,
                              0,
                              (uint32_t)m->n,
                              (uint32_t)m->nstrings};
    uint8_t body[sizeof m->types + sizeof m->strings];
    memcpy(body, m->types, m->n);
    memcpy(body + m->n, m->strings, m->nstrings);
    memcpy(m->out, head, HEADER);
    uLongf n = sizeof m->out - HEADER;
    if (compressed)
        assert_int_equal(compress(m->out + HEADER, &n, body, m->n + m->nstrings), Z_OK);
    else
        memcpy(m->out + HEADER, body, n = m->n + m->nstrings);
    m->size = HEADER + n;
}

static void make(struct making *m, unsigned version, bool compressed)
{
    *m = (struct making){.version = version, .width = version == 2 ? 2 : 4, .nstrings = 1};
    make_types(m);
    finish(m, compressed);
}

static void list(void *ctx, const char *structure, const char *s, uint64_t offset, uint64_t size)
{
    char *out = ctx;
    snprintf(out + strlen(out), 400 - strlen(out), "%s.%s %llu %llu\n", structure, s,
             (unsigned long long)offset, (unsigned long long)size);
}

static int read_it(const struct making *m, size_t size, char out[400], struct error *err)
{
    static const char *const structures[] = {"thread", "nothing", "proc", NULL};
    static const char names[] = "\0p_comm";
    const struct ctf_input in = {m->out, size, names, sizeof names, 8};
    out[0] = 0;
    return ctf_members(&in, structures, list, out, err);
}

static void test_members(void **state)
{
    struct making m;
    char out[400];
    struct error err;
    for (unsigned version = 2; version <= 3; version++)
        for (int compressed = 0; compressed < 2; compressed++) {
            make(&m, version, compressed);
            assert_int_equal(read_it(&m, m.size, out, &err), 0);
            assert_string_equal(out, "thread.td_tid 629145596 4\nproc.p_pid 4 4\nproc.p_comm 8 20\n"
                                     "proc.p_inner 32 4\nproc.p_other 40 8\n");
        }
}

/* Cut anywhere, and each byte changed: an error, or members, but nothing outside is read (the sanitizers watch). */
static void test_damage(void **state)
{
    struct making m;
    char out[400];
    struct error err;
    for (unsigned version = 2; version <= 3; version++)
        for (int compressed = 0; compressed < 2; compressed++) {
            make(&m, version, compressed);
            for (size_t n = 0; n < m.size; n++)
                assert_int_equal(read_it(&m, n, out, &err), -1);
            for (size_t i = 0; i < m.size; i++) {
                m.out[i] ^= 0xff;
                read_it(&m, m.size, out, &err);
                m.out[i] ^= 0xff;
            }
        }
}

static void test_refused(void **state)
{
    struct making m;
    char out[400];
    struct error err;
    make(&m, 2, false);
    m.out[2] = 4;
    assert_int_equal(read_it(&m, m.size, out, &err), -1);
    assert_string_equal(err.text, "it is of version 4: 2 and 3 are known");
    m.out[2] = 2;
    m.out[0] = 0;
    assert_int_equal(read_it(&m, m.size, out, &err), -1);
    assert_string_equal(err.text, "it does not begin as CTF does");
    m.out[0] = 0xf1;
    m.out[8] = 1; /* a module, whose types continue the kernel's */
    assert_int_equal(read_it(&m, m.size, out, &err), 0);
    assert_string_equal(out, "");
}

/* A structure without a name that contains itself. */
static void test_circular(void **state)
{
    struct making m = {.version = 3, .width = 4, .nstrings = 1};
    char out[400];
    struct error err;
    type(&m, "proc", K_STRUCT, 2, 8);
    member(&m, 0, 2, 0);
    member(&m, 0, 2, 0);
    type(&m, "", K_STRUCT, 2, 8);
    member(&m, 0, 2, 0);
    member(&m, 0, 2, 0);
    type(&m, "loop", K_TYPEDEF, 0, 3);
    finish(&m, false);
    assert_int_equal(read_it(&m, m.size, out, &err), 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_circular)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
