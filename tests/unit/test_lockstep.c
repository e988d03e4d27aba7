/* test_lockstep.c - a real boot by compiled code and by the interpreter, side by side. The states are compared every so many steps;
 * where they differ, the piece is run again in halves until the first step that differs is found, which is named.
 *
 *   LOCKSTEP_EVERY    steps between comparisons (tests/boot/lockstep.sh sets it, and $BOOTREEL_GUESTS); without it nothing is run
 *   LOCKSTEP_UNTIL    where to end; the guest's end if it is not set
 *   LOCKSTEP_HEAT     when blocks are compiled, as $BOOTREEL_COMPILE (default 1)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/engine/engines.h"
#include "core/run/image_file.h"
#include "hv/hv.h"
#include "tests/unit/saved_state.h"

static const struct setting from_cd[] = {
    {"memory", "134217728"}, {"cpus", "2"}, {"bios", "seabios"}, {"boot", "d"}};
static const struct setting direct[] = {
    {"memory", "134217728"}, {"cpus", "1"}, {"bios", "none"}, {"append", "console=ttyS0"}};

/* ---------------------------------------------------------------- two machines */

static void add(struct image_files *files, const char *role, const char *file)
{
    char path[4096];
    struct error err;
    snprintf(path, sizeof path, "%s/%s", getenv("BOOTREEL_GUESTS"), file);
    if (image_files_add(files, role, path, &err))
        fail_msg("%s", err.text);
}

static struct engine *machine(const struct engine_config *cfg, bool compile)
{
    struct error err;
    const char *heat = getenv("LOCKSTEP_HEAT");
    struct engine_config own = *cfg;
    own.host = engine_host_of(!compile ? "0" : heat ? heat : "1", NULL);
    struct engine *e = hv_create(&own, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

/* True while the run goes on. */
static bool run_to(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct stop s;
    e->ops->run(e, &limit, &s);
    return s.reason == STOP_REACHED;
}

static void load(struct engine *e, struct saved *s)
{
    struct error err;
    if (saved_load(e, s, &err))
        fail_msg("%s", err.text);
}

static uint64_t whole_hash(struct engine *e)
{
    struct state_hash *h = state_hash_new();
    uint64_t v = state_hash_engine(h, e, NULL);
    state_hash_free(h);
    return v;
}

/* ---------------------------------------------------------------- the first step that differs */

/* The compiling machine runs the `n` steps at once, and the other one too. */
static bool equal_after(const struct engine_config *cfg, struct saved *from, uint64_t start, uint64_t n)
{
    struct engine *e[2] = {machine(cfg, false), machine(cfg, true)};
    uint64_t hash[2];
    for (unsigned i = 0; i < 2; i++) {
        load(e[i], from);
        run_to(e[i], start + n);
        hash[i] = whole_hash(e[i]);
        e[i]->ops->destroy(e[i]);
    }
    return hash[0] == hash[1];
}

static void name_registers(struct engine *a, struct engine *b)
{
    size_t n;
    const struct reg_desc *regs = a->ops->regs(a, &n);
    for (unsigned cpu = 0; cpu < a->ops->cpus(a); cpu++)
        for (size_t i = 0; i < n; i++) {
            uint64_t x[8] = {0}, y[8] = {0};
            a->ops->reg_get(a, cpu, i, x);
            b->ops->reg_get(b, cpu, i, y);
            if (memcmp(x, y, sizeof x))
                print_error("  processor %u %s: interpreted %llx, compiled %llx\n", cpu, regs[i].name,
                            (unsigned long long)x[0], (unsigned long long)y[0]);
        }
}

static void name_step(const struct engine_config *cfg, struct saved *from, uint64_t start, uint64_t n)
{
    struct engine *e[2] = {machine(cfg, false), machine(cfg, true)};
    for (unsigned i = 0; i < 2; i++) {
        load(e[i], from);
        run_to(e[i], start + n);
    }
    name_registers(e[0], e[1]);
    for (unsigned i = 0; i < 2; i++)
        e[i]->ops->destroy(e[i]);
    fail_msg("the step at icount %llu differs (the last of %llu from %llu on)",
             (unsigned long long)(start + n - 1), (unsigned long long)n, (unsigned long long)start);
}

/* The states were equal at `start`, and differ n steps later. */
static void bisect(const struct engine_config *cfg, struct saved *from, uint64_t start, uint64_t n)
{
    uint64_t good = 0, bad = n;
    if (equal_after(cfg, from, start, n))
        fail_msg("from %llu to %llu: the states differ, but not when the run begins at the first",
                 (unsigned long long)start, (unsigned long long)(start + n));
    while (bad - good > 1) {
        uint64_t middle = good + (bad - good) / 2;
        *(equal_after(cfg, from, start, middle) ? &good : &bad) = middle;
    }
    name_step(cfg, from, start, bad);
}

/* ---------------------------------------------------------------- side by side */

static void lockstep(const struct engine_config *cfg, uint64_t every, uint64_t until)
{
    struct engine *a = machine(cfg, false), *b = machine(cfg, true);
    struct state_hash *ha = state_hash_new(), *hb = state_hash_new();
    struct snapshot_base base_a = {0}, base_b = {0};
    bool on = true;
    for (uint64_t at = 0; on && at < until; at += every) {
        struct saved *from = saved_take(a);
        uint64_t to = at + every < until ? at + every : until;
        on = run_to(a, to);
        assert_int_equal(run_to(b, to), on);
        if (a->ops->icount(a) != b->ops->icount(b) ||
            state_hash_engine(ha, a, &base_a) != state_hash_engine(hb, b, &base_b))
            bisect(cfg, from, at, to - at);
        saved_free(from);
    }
    state_hash_free(ha);
    state_hash_free(hb);
    a->ops->destroy(a);
    b->ops->destroy(b);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t every_steps(void)
{
    if (!getenv("LOCKSTEP_EVERY") || !getenv("BOOTREEL_GUESTS")) {
        print_message("no $LOCKSTEP_EVERY or no $BOOTREEL_GUESTS: tests/boot/lockstep.sh runs this\n");
        skip();
    }
    return number("LOCKSTEP_EVERY", 1);
}

static void test_kernel(void **state)
{
    uint64_t every = every_steps();
    struct image_files *files = image_files_new();
    struct engine_config cfg = {.settings = direct, .nsettings = 4};
    add(files, "kernel", "vmlinuz");
    add(files, "initrd", "initrd.gz");
    cfg.images = image_files_images(files, &cfg.nimages);
    lockstep(&cfg, every, number("LOCKSTEP_UNTIL", UINT64_MAX / 2));
    image_files_free(files);
}

static void test_cd(void **state)
{
    uint64_t every = every_steps();
    struct image_files *files = image_files_new();
    struct engine_config cfg = {.settings = from_cd, .nsettings = 4};
    add(files, "bios", "bios-256k.bin");
    add(files, "vgabios", "vgabios-stdvga.bin");
    add(files, "cdrom", "grub.iso");
    cfg.images = image_files_images(files, &cfg.nimages);
    lockstep(&cfg, every, number("LOCKSTEP_UNTIL", UINT64_MAX / 2));
    image_files_free(files);
}

/* Some tests only: their names, with * and ?. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernel), cmocka_unit_test(test_cd)};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
