/* test_exact.c - a real boot, taken apart: however the run is cut into pieces, whatever is cached, saved and loaded in between,
 * the machine comes to the same state and reports the same events. And a state that is not the same is found and named.
 *
 * It needs the guests of scripts/guests and runs for a minute or so: tests/boot/exact.sh gives it $BOOTREEL_GUESTS and
 * $EXACT_STEPS (how many single steps a piece gets); without them there is nothing to do. With $EXACT_OUT, the traces of machines
 * whose state was changed midway are left in that folder.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include <cmocka.h>

#include "core/run/image_file.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "core/run/state.h"
#include "hv/board/internal.h"
#include "hv/machine.c" /* to reach the processor within the engine, and its table of functions */
#include "base/memory.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"
#include "tests/unit/saved_state.h"

enum { MAX_PIECES = 64 };

/* ---------------------------------------------------------------- machines */

struct guest {
    struct image_files *files;
    struct engine_config cfg;
};

static const struct setting from_cd[] = {
    {"memory", "134217728"}, {"cpus", "1"}, {"bios", "seabios"}, {"boot", "d"}, {"inspect", "none"}};
static const struct setting from_cd_smp[] = {
    {"memory", "134217728"}, {"cpus", "3"}, {"bios", "seabios"}, {"boot", "d"}, {"inspect", "none"}};
static const struct setting wild[] = {{"memory", "16777216"},
                                      {"cpus", "1"},
                                      {"bios", "none"},
                                      {"flat-address", "1048576"},
                                      {"cpu", "x86-64-v2"}};
static const struct setting wild_smp[] = {
    {"memory", "16777216"}, {"cpus", "3"}, {"bios", "none"}, {"flat-address", "1048576"}, {"cpu", "max"}};
static const struct setting direct[] = {{"memory", "134217728"},
                                        {"cpus", "1"},
                                        {"bios", "none"},
                                        {"append", "console=ttyS0"},
                                        {"inspect", "none"}};

static unsigned long piece_steps(void)
{
    const char *text = getenv("EXACT_STEPS");
    if (!text || !getenv("BOOTREEL_GUESTS")) {
        print_message("no $EXACT_STEPS or no $BOOTREEL_GUESTS: tests/boot/exact.sh runs this\n");
        skip();
    }
    return strtoul(text, NULL, 10);
}

static void add_from(struct guest *g, const char *role, const char *folder, const char *file)
{
    char path[4096];
    struct error err;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (image_files_add(g->files, role, path, &err))
        fail_msg("%s", err.text);
}

static void add(struct guest *g, const char *role, const char *file)
{
    add_from(g, role, getenv("BOOTREEL_GUESTS"), file);
}

/* WILD: the fuzz guest of tests/guests/wild. */
enum which { CD, CD_SMP, DIRECT, WILD, WILD_SMP };

static void add_wild(struct guest *g)
{
    const char *folder = getenv("EXACT_OUT");
    add_from(g, "flat", folder, "fuzz.bin");
    add_from(g, "disk0", folder, "disk");
    add_from(g, "floppy0", folder, "floppy");
    add(g, "cdrom", "grub.iso");
}

static struct guest guest(enum which which)
{
    static const struct setting *const settings[] = {from_cd, from_cd_smp, direct, wild, wild_smp};
    struct guest g = {.files = image_files_new()};
    if (which >= WILD) {
        add_wild(&g);
    } else if (which != DIRECT) {
        add(&g, "bios", "bios-256k.bin");
        add(&g, "vgabios", "vgabios-stdvga.bin");
        add(&g, "cdrom", "grub.iso");
    } else {
        add(&g, "kernel", "vmlinuz");
        add(&g, "initrd", "initrd.gz");
    }
    g.cfg = (struct engine_config){.settings = settings[which], .nsettings = 5};
    g.cfg.images = image_files_images(g.files, &g.cfg.nimages);
    return g;
}

static struct engine *machine(const struct guest *g)
{
    struct error err;
    struct engine *e = pc_as_asked(&g->cfg, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

/* ---------------------------------------------------------------- what a run did */

/* A digest of all that was reported. Digests of pieces of a run can be put after one another. */
struct reports {
    struct observer observer;
    XXH3_state_t *digest;
    uint64_t events, console; /* so many of them, and bytes printed */
    uint64_t ring3;           /* icount of the first time in ring 3 */
};

static void on_event(void *ctx, const struct event *ev)
{
    struct reports *r = ctx;
    uint64_t head[4] = {ev->kind, ev->cpu, ev->icount, ev->time};
    XXH3_64bits_update(r->digest, head, sizeof head);
    XXH3_64bits_update(r->digest, ev->f, event_kind(ev->kind)->nfields * sizeof ev->f[0]);
    XXH3_64bits_update(r->digest, ev->data, ev->len);
    r->events++;
    if (ev->kind == EV_CPU_RING3 && !r->ring3)
        r->ring3 = ev->icount;
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct reports *r = ctx;
    XXH3_64bits_update(r->digest, data, n);
    r->console += n;
}

static struct reports *listen_to(struct engine *e, struct reports *r)
{
    if (!r) {
        r = mem_zero(1, sizeof *r);
        r->observer = (struct observer){.ctx = r, .event = on_event, .console = on_console};
        r->digest = XXH3_createState();
        XXH3_64bits_reset(r->digest);
    }
    e->ops->observe(e, EVENT_CLASSES_ALL, &r->observer);
    return r;
}

struct outcome {
    uint64_t state, reports, events, icount, time;
};

/* The machine reports to nobody then. */
static struct outcome outcome(struct engine *e, struct reports *r)
{
    struct state_hash *h = state_hash_new();
    struct outcome o = {state_hash_engine(h, e, NULL), XXH3_64bits_digest(r->digest), r->events,
                        e->ops->icount(e), e->ops->time(e)};
    state_hash_free(h);
    XXH3_freeState(r->digest);
    free(r);
    e->ops->observe(e, 0, NULL);
    return o;
}

static struct outcome last_outcome(struct engine *e, struct reports *r)
{
    const struct outcome o = outcome(e, r);
    e->ops->destroy(e);
    return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *how, uint64_t from)
{
    if (!memcmp(a, b, sizeof *a))
        return;
    fail_msg("from %llu to %llu, %s: state %s, events %s (%llu, %llu), icount %llu, time %llu, not %llu",
             (unsigned long long)from, (unsigned long long)a->icount, how,
             a->state == b->state ? "equal" : "DIFFERS", a->reports == b->reports ? "equal" : "DIFFER",
             (unsigned long long)a->events, (unsigned long long)b->events, (unsigned long long)b->icount,
             (unsigned long long)b->time, (unsigned long long)a->time);
}

/* True while the run goes on. */
static bool run_to(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct stop s;
    e->ops->run(e, &limit, &s);
    if (s.reason != STOP_REACHED && s.reason != STOP_POWER_OFF && s.reason != STOP_HALTED)
        fail_msg("at %llu: %s %s", (unsigned long long)s.icount, stop_word(s.reason), s.text);
    return s.reason == STOP_REACHED;
}

/* ---------------------------------------------------------------- a saved state */

static void load(struct engine *e, struct saved *s)
{
    struct error err;
    if (saved_load(e, s, &err))
        fail_msg("%s", err.text);
}

static void move(struct engine *from, struct engine *to, struct reports *r)
{
    struct saved *s = saved_take(from);
    load(to, s);
    saved_free(s);
    from->ops->observe(from, 0, NULL);
    listen_to(to, r);
}

/* The same state in a new machine. */
static struct engine *moved(const struct guest *g, struct engine *e, struct reports *r)
{
    struct engine *fresh = machine(g);
    move(e, fresh, r);
    e->ops->destroy(e);
    return fresh;
}

/* ---------------------------------------------------------------- ways to run a piece */

struct piece {
    struct saved *from;
    uint64_t start, steps;
};

/* The machines that run pieces. Each run begins in one that has done something else before, as in a timeline, and may leave
 * nothing behind. (Hard mode takes new ones.) */
struct pair {
    struct engine *at, *other;
};

static struct pair pair(const struct guest *g)
{
    return (struct pair){machine(g), machine(g)};
}

static void pair_end(struct pair *p)
{
    p->at->ops->destroy(p->at);
    p->other->ops->destroy(p->other);
}

static uint64_t random_of(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void flush(struct engine *e)
{
    for (unsigned i = 0; i < board_cpus(pc_of(e)->board); i++)
        x86_flush_caches(board_cpu(pc_of(e)->board, i));
}

enum way { AT_ONCE, BY_ONE, AT_RANDOM, FLUSHED, MOVED, WAYS };
static const char *const way_name[WAYS] = {"at once", "step by step", "in random pieces",
                                           "in random pieces with caches flushed",
                                           "moved from machine to machine"};

/* How many steps next. Short and long ones: within a block, over a few, over many. */
static uint64_t next_steps(enum way w, uint64_t *seed, uint64_t all)
{
    uint64_t r = random_of(seed);
    if (w == AT_ONCE || w == BY_ONE)
        return w == BY_ONE ? 1 : all;
    if (w == MOVED)
        return all / 4 + r % (all / 4 + 1);
    return 1 + (r >> 8) % (r % 4 == 0 ? 10000 : r % 4 == 1 ? 300 : 20);
}

static void swap(struct pair *m)
{
    *m = (struct pair){m->other, m->at};
}

static struct outcome run_piece(struct pair *m, const struct piece *p, enum way w, uint64_t seed)
{
    load(m->at, p->from);
    struct reports *r = listen_to(m->at, NULL);
    for (uint64_t at = p->start, end = p->start + p->steps; at < end;) {
        at += next_steps(w, &seed, p->steps);
        if (!run_to(m->at, at < end ? at : end))
            break;
        if (w == FLUSHED)
            flush(m->at);
        if (w == MOVED && at < end) {
            move(m->at, m->other, r);
            swap(m);
        }
    }
    return outcome(m->at, r);
}

static void check_piece(struct pair *m, const struct piece *p, uint64_t seed)
{
    struct outcome first = run_piece(m, p, AT_ONCE, seed);
    for (enum way w = BY_ONE; w < WAYS; w++) {
        struct outcome o = run_piece(m, p, w, seed);
        assert_same(&first, &o, way_name[w], p->start);
    }
}

/* Runs on to the position, and checks the piece that begins there. */
static bool check_from(struct pair *m, struct engine *e, uint64_t start, uint64_t steps)
{
    if (!run_to(e, start))
        return false;
    struct piece p = {saved_take(e), start, steps};
    check_piece(m, &p, start * 2654435761u + 1);
    saved_free(p.from);
    return true;
}

/* ---------------------------------------------------------------- exactness */

/* Firmware in real mode, protected mode and SMM, its INT 13h, GRUB in both modes. */
static void pieces_firmware(enum which which)
{
    static const uint64_t starts[] = {0,       30000,   400000,  900000,   1500000,  2500000,
                                      4000000, 6000000, 8100000, 20000000, 90000000, 250000000};
    unsigned long steps = piece_steps();
    struct guest g = guest(which);
    struct engine *e = machine(&g);
    struct pair m = pair(&g);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        assert_true(check_from(&m, e, starts[i], steps));
    pair_end(&m);
    e->ops->destroy(e);
    image_files_free(g.files);
}

static void test_pieces_firmware(void **state)
{
    pieces_firmware(CD);
}
static void test_pieces_smp(void **state)
{
    pieces_firmware(CD_SMP);
}

/* The decompressor, the kernel from its first instructions on, its first process and what follows, to the power-off. */
static void test_pieces_kernel(void **state)
{
    unsigned long steps = piece_steps();
    struct guest g = guest(DIRECT);
    struct engine *e = machine(&g);
    struct pair m = pair(&g);
    struct reports *r = listen_to(e, NULL);
    uint64_t at = 0;
    check_from(&m, e, 0, steps);
    for (uint64_t every = 300000000; check_from(&m, e, at += every, steps);)
        every = r->ring3 ? 2000000 : r->console ? 100000000 : 300000000;
    assert_true(r->ring3 > 0);
    pair_end(&m);
    last_outcome(e, r);
    image_files_free(g.files);
}

/* ---------------------------------------------------------------- hard mode */

/* Each `every` steps the machine is saved, and loaded into a new one that goes on. */
static void hard_mode(enum which which, uint64_t from, uint64_t until, uint64_t every)
{
    struct guest g = guest(which);
    struct engine *e = machine(&g), *hard = machine(&g);
    struct reports *r = listen_to(e, NULL), *rh = listen_to(hard, NULL);
    run_to(e, until);
    run_to(hard, from);
    while (hard->ops->icount(hard) < until) {
        uint64_t to = hard->ops->icount(hard) + every;
        if (!run_to(hard, to < until ? to : until))
            break;
        hard = moved(&g, hard, rh);
    }
    struct outcome soft = last_outcome(e, r), o = last_outcome(hard, rh);
    assert_same(&soft, &o, "in hard mode", from);
    image_files_free(g.files);
}

static void test_hard_firmware(void **state)
{
    uint64_t steps = piece_steps();
    hard_mode(CD, 0, 4 * steps, 211);
    hard_mode(CD, 0, 80 * steps, 50021);
    hard_mode(CD_SMP, 800000, 800000 + 4 * steps, 307);
}
static void test_hard_kernel(void **state)
{
    piece_steps();
    hard_mode(DIRECT, 0, UINT64_MAX, 70000001);
}

/* All that the fuzz guest makes devices and processors come to. */
static void test_wild(void **state)
{
    unsigned long steps = piece_steps() / 3;
    for (enum which which = WILD; which <= WILD_SMP; which++) {
        struct guest g = guest(which);
        struct engine *e = machine(&g);
        struct pair m = pair(&g);
        for (uint64_t start = 0; start < 40 * steps && check_from(&m, e, start, steps / 4);
             start += 4 * steps)
            ;
        pair_end(&m);
        e->ops->destroy(e);
        image_files_free(g.files);
        hard_mode(which, 0, 40 * steps, 7001);
    }
}

/* ---------------------------------------------------------------- a state that was changed midway */

enum {
    FLIP_AT = 7500000,
    FLIP_UNTIL = 12000000,
    FLIP_EVERY = 2000000,
    FLIP_FOUND = 8000000,
    FLIP_PAGE = 0x4000123
};

/* A bit of a field, or of a byte of RAM that the guest does not use; and what a verification must say. */
struct flip {
    const char *name, *section, *field;
    unsigned byte;
    uint8_t bit;
    const char *said;
};

static const struct flip flips[] = {
    {"page", NULL, NULL, 0, 0x20,
     "  ram page 16384: first differing byte at 0x4000123: recorded 0x20, replayed 0x00 (1 bytes of"},
    {"vector register", "cpu0", "xmm7", 5, 0x10, "  cpu0.xmm7[0]: recorded 0x100000000000, replayed 0x0\n"},
    {"register", "cpu0", "r15", 1, 4, "  cpu0.r15: recorded 0x400, replayed 0x0\n"},
    {"CMOS byte", "rtc", "cmos", 0x6b, 0x08, "  rtc.cmos[107]: recorded 0x8, replayed 0x0\n"},
    {"guest time", "machine", "skipped", 2, 1, "  machine.skipped: recorded 0x"},
};
enum { FLIPS = sizeof flips / sizeof flips[0] };

/* A sink is shown the machine's own fields: the way to change any of them. */
static void flip_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    const struct flip **flip = ctx;
    for (size_t i = 0; *flip && i < n; i++)
        if (!strcmp((*flip)->section, name) && !strcmp((*flip)->field, f[i].name)) {
            ((uint8_t *)(uintptr_t)base)[f[i].offset + (*flip)->byte] ^= (*flip)->bit;
            *flip = NULL;
            return;
        }
}

static void no_page(void *ctx, const char *name, uint64_t index, const void *data) {}

static void do_flip(struct engine *e, const struct flip *f)
{
    const struct snapshot_sink sink = {.ctx = &f, .section = flip_section, .page = no_page};
    uint8_t byte;
    if (f->section) {
        e->ops->save(e, &sink, NULL);
        assert_null(f);
        return;
    }
    e->ops->peek_physical(e, FLIP_PAGE, &byte, 1);
    byte ^= f->bit;
    e->ops->poke_physical(e, FLIP_PAGE, &byte, 1);
}

/* An engine that goes wrong at FLIP_AT. */
static struct engine_ops wrong_ops;
static const struct flip *wrong_flip;

static void wrong_run(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    if (pc_icount(e) < FLIP_AT && limit->icount >= FLIP_AT) {
        struct run_limit to = *limit;
        to.icount = FLIP_AT;
        pc_run(e, &to, stop);
        if (stop->reason != STOP_REACHED)
            return;
        do_flip(e, wrong_flip);
    }
    pc_run(e, limit, stop);
}

static struct engine *wrong_create(const struct engine_config *cfg, struct error *err)
{
    struct engine *e = pc_as_asked(cfg, err);
    wrong_ops = pc_ops;
    wrong_ops.run = wrong_run;
    if (e)
        e->ops = &wrong_ops;
    return e;
}

static const struct engine_kind right_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = NS_PER_STEP, .create = pc_as_asked};
static const struct engine_kind wrong_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = NS_PER_STEP, .create = wrong_create};

static void record_guest(const struct guest *g, const struct engine_kind *kind, const char *path)
{
    const struct position until = {.kind = POS_ICOUNT, .n = FLIP_UNTIL};
    record(&(struct record_options){.path = path,
                                    .kind = kind,
                                    .config = &g->cfg,
                                    .classes = EVENT_CLASSES_DEFAULT,
                                    .checkpoint_every = FLIP_EVERY,
                                    .until = &until,
                                    .nuntil = 1});
}

static void check_report(const struct replay_report *rep, const struct flip *f, const char *said)
{
    print_message("%s changed: %s", f->name, rep->divergence ? rep->divergence : "nothing\n");
    assert_true(rep->diverged);
    assert_false(rep->verified);
    assert_non_null(strstr(rep->divergence, said));
}

/* Replays with `kind` what was recorded; the verification must find the flip at the first checkpoint behind it. */
static void verify(const char *path, const struct engine_kind *kind, const struct flip *f)
{
    const struct replay_options o = {.verify = true};
    struct replay_report rep;
    struct error err = {""};
    struct trace *t = trace_open(path, &err);
    struct replay *r = t ? replay_open(t, kind, &err) : NULL;
    if (!r || replay_all(r, &o, &rep, &err))
        fail_msg("%s", err.text);
    if (f) {
        check_report(&rep, f, f->said);
        assert_true(rep.steps >= FLIP_AT && rep.steps <= FLIP_FOUND);
    } else {
        assert_true(rep.verified);
    }
    free(rep.divergence);
    replay_close(r);
    trace_close(t);
}

static void test_flips(void **state)
{
    const char *out = getenv("EXACT_OUT");
    char path[4096];
    piece_steps();
    struct guest g = guest(CD);
    for (size_t i = 0; i < FLIPS; i++) {
        snprintf(path, sizeof path, "%s/flip%zu.reel", out ? out : "/tmp", i);
        wrong_flip = &flips[i];
        record_guest(&g, &wrong_kind, path);
        verify(path, &wrong_kind, NULL);
        verify(path, &right_kind, &flips[i]);
        if (!out)
            unlink(path);
    }
    image_files_free(g.files);
}

/* Some tests only: their names, with * and ?. The memory of saved states is used again: new memory takes longer than the runs do. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_firmware), cmocka_unit_test(test_pieces_smp),
        cmocka_unit_test(test_pieces_kernel),   cmocka_unit_test(test_hard_firmware),
        cmocka_unit_test(test_hard_kernel),     cmocka_unit_test(test_wild),
        cmocka_unit_test(test_flips),
    };
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
