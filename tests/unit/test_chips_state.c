/* test_chips_state.c - the chips' field tables: what they save is all there is, and no damage to it does
 * harm. */
#include "base/memory.h"
#include "tests/unit/chip_board.h"

#include <malloc.h>

/* ---------------------------------------------------------------- saved state */

static void copy_fields(const struct chip *to, const struct chip *from)
{
    for (size_t i = 0; i < from->nfields; i++) {
        const struct field *f = &from->fields[i];
        memcpy((char *)to->state + f->offset, (const char *)from->state + f->offset,
               (size_t)f->width * f->count);
    }
}

static void assert_same(const struct board *a, const struct board *b)
{
    for (unsigned c = 0; c < a->nchips; c++)
        for (size_t i = 0; i < a->chip[c].nfields; i++) {
            const struct field *f = &a->chip[c].fields[i];
            if (memcmp((char *)a->chip[c].state + f->offset, (char *)b->chip[c].state + f->offset,
                       (size_t)f->width * f->count))
                fail_msg("%s: %s differs", a->chip[c].name, f->name);
        }
}

/* Something of everything in progress. */
static void busy(struct board *b)
{
    init_pic(b, 1);
    out(b, 0x21, 0);
    apic_set(b, 0, 0xf0, 0x1ff);
    apic_set(b, 1, 0xf0, 0x1ff);
    apic_set(b, 0, 0x320, 0x20041);
    apic_set(b, 0, 0x380, 70001);
    set_counter(b, 0, 2, 5000, false);
    out(b, 0x61, 1);
    set_counter(b, 2, 3, 1001, false);
    run(b, 3000000);
    out(b, 0x42, 50); /* half a count */
    rte(b, 21, 0x8051);
    poke(b, hpet + 0x140, 8, 2 | 4 | 8 | 1 << 6 | 21 << 9);
    poke(b, hpet + 0x148, 8, 12345);
    poke(b, hpet + 0x10, 4, 1);
    set_cmos(b, 11, 0x72);
    out(b, 0x3fa, 0xc1);
    out(b, 0x3f9, 0x0f);
    uart_input(b, 0, (const uint8_t *)"abc", 3);
    type(b, "Hello\x1b[A", 8);
    out(b, 0x64, 0xd4);
    out(b, 0x60, 0xf4);
    run(b, 1234567);
}

/* What a guest would do for a while. */
static unsigned answer(struct board *b, unsigned rounds)
{
    unsigned hash = 0, source;
    for (unsigned i = 0; i < rounds; i++) {
        run(b, 10007);
        if (b->cpu[0].intr) {
            hash = hash * 31 + lapic_acknowledge(b, 0, &source);
            if (source)
                apic_set(b, 0, 0xb0, 0);
            else
                out(b, 0x20, 0x20);
        }
        hash = hash * 31 + in(b, 0x42);
        hash = hash * 31 + (unsigned)apic_get(b, 0, 0x390);
        hash = hash * 31 + (unsigned)peek(b, hpet + 0x148, 4);
        if (i % 7 == 0)
            hash = hash * 31 + in(b, 0x60);
        if (i % 50 == 0)
            hash = hash * 31 + cmos(b, 12);
        if (i % 90 == 0)
            poke(b, hpet + 0x20, 4, 4);
    }
    return hash;
}

static void fields_round_trip(void **state)
{
    struct board *a = *state, *b = new_board(IMAGES_OF_PC);
    busy(a);
    for (unsigned round = 0; round < 20; round++) {
        b->now = a->now;
        memcpy(b->level, a->level, sizeof a->level); /* the board's own state, and the processors' */
        memcpy(b->cpu, a->cpu, sizeof a->cpu);
        for (unsigned i = 0; i < a->nchips; i++)
            copy_fields(&b->chip[i], &a->chip[i]);
        for (unsigned i = 0; i < b->nchips; i++)
            if (b->chip[i].loaded)
                b->chip[i].loaded(b->chip[i].state);
        assert_same(a, b);
        assert_int_equal(answer(a, 313), answer(b, 313));
        assert_same(a, b);
        assert_memory_equal(a->level, b->level, sizeof a->level);
        assert_memory_equal(a->cpu, b->cpu, sizeof a->cpu);
        free_board(b);
        b = new_board(IMAGES_OF_PC);
    }
    free_board(b);
}

static bool in_a_field(const struct chip *chip, size_t offset)
{
    for (size_t i = 0; i < chip->nfields; i++) {
        const struct field *f = &chip->fields[i];
        if (offset >= f->offset && offset < f->offset + (size_t)f->width * f->count)
            return true;
    }
    return false;
}

/* Every byte of a chip's struct that a run changes is in its field table, once. */
static void fields_are_complete(void **state)
{
    struct board *a = *state;
    uint8_t *before[32];
    for (unsigned c = 0; c < a->nchips; c++) {
        size_t n = malloc_usable_size(a->chip[c].state);
        before[c] = mem_alloc(n);
        memcpy(before[c], a->chip[c].state, n);
        for (size_t i = 0; i < a->chip[c].nfields; i++)
            for (size_t j = 0; j < i; j++) {
                const struct field *f = &a->chip[c].fields[i], *g = &a->chip[c].fields[j];
                assert_string_not_equal(f->name, g->name);
                assert_true(f->offset >= g->offset + g->width * g->count ||
                            g->offset >= f->offset + f->width * f->count);
            }
    }
    busy(a);
    answer(a, 1000);
    for (unsigned c = 0; c < a->nchips; c++) {
        const uint8_t *after = a->chip[c].state;
        for (size_t i = 0; i < malloc_usable_size(a->chip[c].state); i++)
            if (before[c][i] != after[i] && !in_a_field(&a->chip[c], i))
                fail_msg("%s: byte %zu changed, and is in no field", a->chip[c].name, i);
        free(before[c]);
    }
}

/* Bad state from a damaged file is put right or harmless. */
static void damaged_fields(void **state)
{
    struct board *a = *state;
    uint32_t seed = 12345;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned c = 0; c < a->nchips; c++) {
            for (size_t i = 0; i < a->chip[c].nfields; i++) {
                const struct field *f = &a->chip[c].fields[i];
                uint8_t *p = (uint8_t *)a->chip[c].state + f->offset;
                for (size_t j = 0; j < (size_t)f->width * f->count; j++) {
                    p[j] = (seed = seed * 1664525 + 1013904223) >> 24;
                    if (f->flag) /* what loads a section does so */
                        p[j] = p[j] >> 7;
                }
                if (strstr(f->name, "deadline"))
                    memset(p, 0xff, 8);
            }
            if (a->chip[c].loaded)
                a->chip[c].loaded(a->chip[c].state);
        }
        for (unsigned port = 0; port < 0x500; port++)
            for (unsigned i = 0; i < a->nports; i++)
                if (port >= a->port[i].first && port < a->port[i].first + a->port[i].count)
                    in(a, port);
        for (unsigned reg = 0; reg < 0x400; reg += 8)
            peek(a, hpet + reg, 8), apic_get(a, round & 1, reg * 2);
        for (unsigned reg = 0; reg < 128; reg++)
            cmos(a, reg);
        ps2_input(a, INPUT_KEYBOARD, (const uint8_t *)"abc\x1b[A", 6);
        ps2_input(a, INPUT_MOUSE, (const uint8_t *)"abcd", 4);
        uart_input(a, round & 3, (const uint8_t *)"0123456789", 10);
        for (unsigned i = 0; i < a->ntimers; i++)
            a->timer[i]->fire(a->timer[i]->ctx);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(fields_round_trip),
        T(fields_are_complete),
        T(damaged_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
