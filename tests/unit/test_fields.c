/* test_fields.c - tables of fields that refer to tables of structs: names, order and bytes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/must.h"
#include "core/run/state.h"

struct point {
    uint16_t x;
    void *not_state;
    bool on;
};

struct shape {
    struct point corner[2];
    uint8_t colour[3];
};

union number {
    uint64_t u;
    double d;
};

struct drawing {
    int32_t scale;
    const char *not_state;
    struct shape shape[2];
    union number number[2];
    struct point origin;
    char text[2][3];
    enum { RED, BLUE } ink;
};

static const struct field point_fields[] = {FIELD(struct point, x), FIELD(struct point, on)};
static const struct field shape_fields[] = {FIELD_STRUCTS(struct shape, corner, point_fields),
                                            FIELDS(struct shape, colour)};
static const struct field number_fields[] = {FIELD_AS("", union number, u)};
static const struct field drawing_fields[] = {
    FIELD(struct drawing, scale),
    FIELD_STRUCTS(struct drawing, shape, shape_fields),
    FIELD_STRUCTS_AS("n#", struct drawing, number, number_fields),
    FIELD_STRUCT(struct drawing, origin, point_fields),
    FIELD_BYTES(struct drawing, text),
    FIELD_AS("ink colour", struct drawing, ink),
};

static void flat_names(void **state)
{
    static const struct {
        const char *name;
        uint32_t offset, width, count;
        bool flag;
    } want[] = {
        {"scale", offsetof(struct drawing, scale), 4, 1, false},
        {"shape[0].corner[0].x", offsetof(struct drawing, shape[0].corner[0].x), 2, 1, false},
        {"shape[0].corner[0].on", offsetof(struct drawing, shape[0].corner[0].on), 1, 1, true},
        {"shape[0].corner[1].x", offsetof(struct drawing, shape[0].corner[1].x), 2, 1, false},
        {"shape[0].corner[1].on", offsetof(struct drawing, shape[0].corner[1].on), 1, 1, true},
        {"shape[0].colour", offsetof(struct drawing, shape[0].colour), 1, 3, false},
        {"shape[1].corner[0].x", offsetof(struct drawing, shape[1].corner[0].x), 2, 1, false},
        {"shape[1].corner[0].on", offsetof(struct drawing, shape[1].corner[0].on), 1, 1, true},
        {"shape[1].corner[1].x", offsetof(struct drawing, shape[1].corner[1].x), 2, 1, false},
        {"shape[1].corner[1].on", offsetof(struct drawing, shape[1].corner[1].on), 1, 1, true},
        {"shape[1].colour", offsetof(struct drawing, shape[1].colour), 1, 3, false},
        {"n0", offsetof(struct drawing, number[0]), 8, 1, false},
        {"n1", offsetof(struct drawing, number[1]), 8, 1, false},
        {"origin.x", offsetof(struct drawing, origin.x), 2, 1, false},
        {"origin.on", offsetof(struct drawing, origin.on), 1, 1, true},
        {"text", offsetof(struct drawing, text), 1, 6, false},
        {"ink colour", offsetof(struct drawing, ink), 4, 1, false},
    };
    struct field_table flat = fields_flatten(drawing_fields, FIELD_COUNT(drawing_fields));
    assert_int_equal(flat.n, FIELD_COUNT(want));
    for (size_t i = 0; i < flat.n; i++) {
        const struct field *f = &flat.fields[i];
        assert_string_equal(f->name, want[i].name);
        assert_int_equal(f->offset, want[i].offset);
        assert_int_equal(f->width, want[i].width);
        assert_int_equal(f->count, want[i].count);
        assert_int_equal(f->flag, want[i].flag);
        assert_null(f->sub);
    }
    /* Flat as it is: the same again. */
    struct field_table again = fields_flatten(flat.fields, flat.n);
    assert_int_equal(again.n, flat.n);
    for (size_t i = 0; i < flat.n; i++)
        assert_string_equal(again.fields[i].name, flat.fields[i].name);
    free(again.fields);
    free(flat.fields);
}

static void round_trip(void **state)
{
    struct field_table flat = fields_flatten(drawing_fields, FIELD_COUNT(drawing_fields));
    struct drawing d = {.scale = -7, .not_state = "here", .ink = BLUE, .text = {"ab", "c"}}, e;
    d.shape[1].corner[0] = (struct point){0x1234, &d, true};
    d.shape[1].colour[2] = 9;
    d.number[1].u = 0x0123456789abcdef;
    size_t size = section_size(flat.fields, flat.n);
    assert_int_equal(size, 4 + 2 * (2 * 3 + 3) + 2 * 8 + 3 + 6 + 4);
    uint8_t *bytes = mem_alloc(size);
    section_pack(flat.fields, flat.n, &d, bytes);
    memset(&e, 0, sizeof e);
    section_unpack(flat.fields, flat.n, &e, bytes);
    assert_int_equal(e.scale, -7);
    assert_null(e.not_state);
    assert_int_equal(e.shape[1].corner[0].x, 0x1234);
    assert_null(e.shape[1].corner[0].not_state);
    assert_true(e.shape[1].corner[0].on);
    assert_int_equal(e.shape[1].colour[2], 9);
    assert_true(e.number[1].u == d.number[1].u);
    assert_memory_equal(e.text, d.text, sizeof d.text);
    assert_int_equal(e.ink, BLUE);
    free(bytes);
    free(flat.fields);
}

/* Programming errors that a compiler cannot see end the program, in words. */
static void assert_aborts(void (*wrong)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        signal(SIGABRT, SIG_DFL);
        wrong();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void other_struct(void)
{
    static const struct field rows[] = {FIELD_STRUCT(struct drawing, origin, shape_fields)};
    fields_flatten(rows, 1);
}

static void not_flat(void)
{
    section_size(drawing_fields, FIELD_COUNT(drawing_fields));
}

static void programming_errors(void **state)
{
    assert_aborts(other_struct);
    assert_aborts(not_flat);
}

static void too_many(void)
{
    const unsigned chips = 3;
    must(chips < 4, "more chips than there is room for");
    must(chips < 3, "more chips than there is room for");
}

/* The one line says where, what, and which condition was false. */
static void limits_in_words(void **state)
{
    char said[512] = "", *at = said;
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        too_many();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], at, sizeof said - 1 - (size_t)(at - said))) > 0;)
        at += n;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "bootreel: tests/unit/test_fields.c:"));
    assert_non_null(strstr(said, "more chips than there is room for (chips < 3): a defect of bootreel\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(flat_names), cmocka_unit_test(round_trip),
                                       cmocka_unit_test(programming_errors),
                                       cmocka_unit_test(limits_in_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
