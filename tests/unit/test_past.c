/* test_past.c - memory at a checkpoint, read without a machine: as the machine has it there, and at the places where it saves it. */
#include "core/screen/timeline_screen.h"
#include "timeline_fixture.h"

#include "core/run/past.h"
#include "core/screen/shown.h"

static struct engine_kind pc_that_tells(void)
{
    struct engine_kind kind = pc_kind;
    kind.words = &hv_words;
    return kind;
}

/* ---------------------------------------------------------------- a trace */

enum { MOST = 3 * 4096 + 100 };

/* What a machine has of memory at these places. */
static void check_read(struct past *p, struct timeline *tl, uint64_t at, size_t n)
{
    uint8_t got[MOST], want[MOST];
    const size_t length = past_read(p, at, got, n);
    if (at >= 0xa0000 && at < 0x100000) {
        assert_int_equal(length, 0); /* registers choose what is there */
        return;
    }
    size_t there = timeline_peek_physical(tl, at, want, n);
    if (at < 0xa0000 && at + n > 0xa0000)
        there = 0xa0000 - at;
    assert_int_equal(length, there);
    assert_memory_equal(got, want, length);
}

static void memory_is_as_the_machine_has_it(void **state)
{
    struct fixture *f = *state;
    const struct engine_kind kind = pc_that_tells();
    struct error err;
    struct trace *t = trace_open(f->reel, &err);
    assert_non_null(t);
    assert_true(trace_checkpoint_count(t) > 2);
    for (size_t k = 0; k < trace_checkpoint_count(t); k++) {
        struct past *p = past_open(t, &kind, k, &err);
        struct timeline *tl = timeline_open_trace(t, &pc_kind, &err);
        assert_non_null(p);
        assert_non_null(tl);
        seek(tl, trace_checkpoint(t, k)->icount);
        uint32_t seed = (uint32_t)k + 1;
        for (unsigned i = 0; i < 300; i++) {
            seed = seed * 1103515245 + 12345;
            const uint64_t at = (seed >> 4) % (i % 2 ? 0x10000 : 0x110000);
            seed = seed * 1103515245 + 12345;
            check_read(p, tl, i % 7 ? at : at & ~0xfffull, 1 + (seed >> 8) % MOST);
        }
        timeline_close(tl);
        past_close(p);
    }
    trace_close(t);
}

static void an_engine_that_does_not_tell(void **state)
{
    struct fixture *f = *state;
    struct error err = {"something"};
    struct trace *t = trace_open(f->reel, &err);
    assert_null(past_open(t, &pc_kind, 0, &err));
    assert_string_equal(err.text, "");
    trace_close(t);
}

/* ---------------------------------------------------------------- whether a display changed */

static void equal_displays_have_equal_hashes(void **state)
{
    enum { SIZE = 1 << 16, MANY = 64 };
    struct fixture *f = *state;
    const struct engine_kind kind = pc_that_tells();
    struct error err;
    struct trace *t = trace_open(f->reel, &err);
    struct timeline *tl = timeline_open(f->reel, &(const struct engine_kind *){&pc_kind}, 1, &err);
    char(*screen)[SIZE] = mem_zero(MANY, SIZE);
    uint64_t hash[MANY];
    const size_t n = trace_checkpoint_count(t);
    assert_true(n > 2 && n <= MANY);
    for (size_t k = 0; k < n; k++) {
        assert_true(shown_hash(t, &kind, k, &hash[k], &err));
        seek(tl, trace_checkpoint(t, k)->icount);
        timeline_screen(tl, screen[k], SIZE);
        for (size_t i = 0; i < k; i++)
            assert_true(hash[i] != hash[k] || !strcmp(screen[i], screen[k]));
    }
    assert_true(hash[n - 1] == hash[n - 2]); /* the guest does not draw there */
    assert_false(shown_hash(t, &pc_kind, 0, hash, &err));
    assert_string_equal(err.text, "");
    free(screen);
    timeline_close(tl);
    trace_close(t);
}

/* ---------------------------------------------------------------- where an engine saves memory */

struct saved {
    char region[16];
    uint64_t offset;
    bool found;
};

static void no_section(void *ctx, const char *name, const struct field *fields, size_t n, const void *base) {}

static void find_bytes(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct saved *s = ctx;
    const char *p = memmem(data, 4096, "here it is", 10);
    if (!p)
        return;
    assert_false(s->found);
    snprintf(s->region, sizeof s->region, "%s", region);
    s->offset = index * 4096 + (uint64_t)(p - (const char *)data);
    s->found = true;
}

static void memory_is_where_the_engine_says(void **state)
{
    static const uint64_t places[] = {0x1000, 0x9ff00, 0x100000, 0xbff12345, 0x100000000, 0x13fff0000};
    for (unsigned machine = 0; machine < 2; machine++) {
        const struct setting settings[] = {
            {"memory", "5368709120"}, {"bios", "none"}, {"machine", machine ? "q35" : "pc"}};
        const struct engine_config cfg = {.settings = settings, .nsettings = 3};
        struct error err;
        uint64_t offset;
        struct engine *e = hv_create(&cfg, &err);
        assert_non_null(e);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            struct saved s = {.found = false};
            const bool there = e->ops->poke_physical(e, places[i], "here it is", 10) == 10;
            const char *region = hv_words.ram(&cfg, places[i], &offset);
            assert_int_equal(region != NULL, there);
            e->ops->save(e, &(struct snapshot_sink){.ctx = &s, .section = no_section, .page = find_bytes},
                         NULL);
            assert_int_equal(s.found, there);
            if (there) {
                assert_string_equal(region, s.region);
                assert_int_equal(offset, s.offset);
                e->ops->poke_physical(e, places[i], "          ", 10);
            }
        }
        e->ops->destroy(e);
    }
}

/* Memory ends there, whatever the size and however it is split. */
static void memory_ends_where_the_engine_says(void **state)
{
    static const char *const sizes[] = {"134217728",  "2147483648", "2684354560", "2952790016",
                                        "3221225472", "3758096384", "4294967296"};
    for (unsigned i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        const struct setting settings[] = {
            {"memory", sizes[i / 2]}, {"bios", "none"}, {"machine", i % 2 ? "q35" : "pc"}};
        const struct engine_config cfg = {.settings = settings, .nsettings = 3};
        struct error err;
        struct engine *e = hv_create(&cfg, &err);
        const uint64_t end = hv_words.ram_end(&cfg), size = strtoull(sizes[i / 2], NULL, 10);
        uint8_t byte = 1;
        assert_non_null(e);
        assert_true(end == size || end > 1ull << 32);
        assert_int_equal(e->ops->poke_physical(e, end - 1, &byte, 1), 1);
        assert_int_equal(e->ops->poke_physical(e, end, &byte, 1), 0);
        e->ops->destroy(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_as_the_machine_has_it),
        cmocka_unit_test(an_engine_that_does_not_tell),
        cmocka_unit_test(equal_displays_have_equal_hashes),
        cmocka_unit_test(memory_is_where_the_engine_says),
        cmocka_unit_test(memory_ends_where_the_engine_says),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
