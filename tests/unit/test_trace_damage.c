/* test_trace_damage.c - cut, changed and foreign trace files, and hosts that cannot write one. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "tests/unit/trace_sample.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <xxhash.h>

/* ---------------------------------------------------------------- damage */

static void test_truncated_everywhere(void **state)
{
    struct bytes b = sample_trace("cut", 400);
    size_t opened = 0, frames = 0;
    struct trace *whole = open_good(b);
    uint64_t config_end = trace_frame(whole, 0)->offset + trace_frame(whole, 0)->stored;
    size_t all = trace_frame_count(whole);
    for (size_t n = 0; n < b.n; n++) {
        struct error err = {""};
        uint8_t *copy = mem_alloc(n + !n); /* so that ASan sees a read beyond */
        memcpy(copy, b.p, n);
        struct trace *t = trace_open_memory(copy, n, &err);
        assert_true(!!t == (n >= config_end));
        if (!t) {
            assert_true(err.text[0]);
        } else {
            assert_true(trace_truncated(t));
            assert_true(trace_damage(t)[0]);
            size_t expect = 0;
            while (expect < all &&
                   trace_frame(whole, expect)->offset + trace_frame(whole, expect)->stored <= n)
                expect++;
            assert_int_equal(trace_frame_count(t), expect);
            if (trace_frame_count(t) != frames)
                assert_true(walk(t));
            frames = trace_frame_count(t);
            opened++;
        }
        trace_close(t);
        free(copy);
    }
    assert_true(opened > 1000);
    trace_close(whole);
    free(b.p);
}

static void test_bit_flips(void **state)
{
    struct bytes b = sample_trace("flips", 400);
    uint64_t seed = 7;
    for (size_t at = 0; at < b.n; at += 1 + rnd(&seed) % 5) {
        uint8_t bit = (uint8_t)(1u << rnd(&seed) % 8);
        b.p[at] ^= bit;
        struct error err = {""};
        struct trace *t = trace_open_memory(b.p, b.n, &err);
        bool noticed = !t || trace_truncated(t) || trace_check(t, &err);
        if (!noticed)
            fail_msg("a flipped bit at offset %zu was not noticed", at);
        if (t)
            walk(t);
        trace_close(t);
        b.p[at] ^= bit;
    }
    free(b.p);
}

static void test_damage_is_named(void **state)
{
    struct bytes b = sample_trace("named", 400);
    struct trace *t = open_good(b);
    size_t i = 0;
    while (trace_frame(t, i)->kind != TF_EVENTS)
        i++;
    const struct trace_frame f = *trace_frame(t, i);
    trace_close(t);
    b.p[f.offset + f.stored - 1] ^= 1;
    struct error err = {""};
    char want[100];
    t = open_good(b); /* only the index is read */
    assert_int_equal(trace_check(t, &err), -1);
    snprintf(want, sizeof want, "frame %zu (events) at offset %" PRIu64 ": checksum", i, f.offset);
    assert_non_null(strstr(err.text, want));
    trace_close(t);
    t = trace_open_memory(b.p, b.n - 1, &err); /* no index: goes as far as that frame */
    assert_int_equal(trace_frame_count(t), i);
    assert_non_null(strstr(trace_damage(t), "at offset"));
    trace_close(t);
    free(b.p);
}

static void test_later_version(void **state)
{
    struct bytes b = sample_trace("version", 40);
    struct error err = {""};
    put_le32(b.p + 8, TRACE_VERSION + 1);
    put_le64(b.p + 56, XXH3_64bits(b.p, 56));
    assert_null(trace_open_memory(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "use a newer one"));
    memset(b.p, 'x', 8);
    assert_null(trace_open_memory(b.p, b.n, &err));
    assert_non_null(strstr(err.text, "not a trace"));
    assert_null(trace_open_memory(NULL, 0, &err));
    assert_null(trace_open("/nonexistent/trace", &err));
    assert_null(trace_open("/dev/null", &err));
    free(b.p);
}

/* A killed recording: everything up to the last flush is there. */
static void test_abort(void **state)
{
    char *path = temp_path("abort");
    struct trace_writer *w = sample_body(path, 1000);
    trace_writer_abort(w);
    trace_writer_abort(NULL);
    struct error err;
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    assert_true(trace_truncated(t));
    assert_null(trace_end(t));
    assert_int_equal(trace_event_count(t, EVENT_CLASSES_ALL), 1000);
    assert_int_equal(trace_checkpoint_count(t), 4);
    assert_int_equal(trace_last_icount(t), 999 * 3 + 1);
    assert_true(walk(t));
    for (unsigned k = 0; k < 4; k++)
        check_state(t, k);
    trace_close(t);
    unlink(path);
    free(path);
}

/* A recording whose machine cannot be made: nothing is lost of what the file held. */
static void test_never_begun(void **state)
{
    char *path = temp_path("never");
    spill(path, "earlier", 7);
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    trace_writer_limit(w, 1 << 20);
    sample_chunk(w, 1, 0);
    trace_writer_abort(w);
    struct bytes b = slurp(path);
    assert_int_equal(b.n, 7);
    assert_memory_equal(b.p, "earlier", 7);
    free(b.p);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- errors of the host */

/* Writes events until an error comes; returns it. */
static struct error write_until_error(const char *path)
{
    struct error err = {""}, last = {""};
    struct trace_writer *w = trace_writer_create(path, &sample_config, &err);
    assert_non_null(w);
    uint64_t seed = 3;
    int result = 0;
    for (uint64_t i = 0; i < 3000000 && !result; i++) {
        struct event ev = {
            .kind = EV_IRQ, .icount = i, .time = i, .f = {rnd(&seed), rnd(&seed), 0, rnd(&seed)}};
        result = trace_write_event(w, &ev, &err);
    }
    assert_int_equal(result, -1);
    assert_int_equal(trace_writer_flush(w, &last), -1);
    assert_string_equal(err.text, last.text);
    assert_int_equal(trace_writer_finish(w, &sample_end, &last), -1);
    assert_string_equal(err.text, last.text);
    return err;
}

static void test_disk_full(void **state)
{
    struct error err = write_until_error("/dev/full");
    assert_string_equal(err.text,
                        "/dev/full: no space left on device; what was written up to icount 0 is kept");
    assert_null(trace_writer_create("/nonexistent/dir/trace", &sample_config, &err));
    assert_non_null(strstr(err.text, "/nonexistent/dir/trace: cannot create: "));
}

/* In a child, for the limit. SIGXFSZ would end it if it came. */
static void test_file_limit(void **state)
{
    char *path = temp_path("limit");
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {1000000, 1000000};
        setrlimit(RLIMIT_FSIZE, &limit);
        struct error err = write_until_error(path);
        _exit(strstr(err.text, ": file too large; what was written up to icount ") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct error err;
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    assert_true(trace_truncated(t));
    assert_non_null(strstr(trace_damage(t), "without an index")); /* whole frames only */
    assert_true(trace_event_count(t, EVENT_CLASSES_ALL) > 10000);
    assert_int_equal(trace_check(t, &err), 0);
    trace_close(t);
    unlink(path);
    free(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_later_version),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_never_begun),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_file_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
