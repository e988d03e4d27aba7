/* fake_engine.c - see fake_engine.h. Its stops and its treatment of time are those that core/engine/engine.h asks
 * for. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fake_engine.h"

enum { PAGES = 64, FIFO = 4, LINE = 64, DISK_READ_EVERY = 7000, TIMER = 4000000 };
enum flaw { SOUND, FLIP_REGISTER, FLIP_PAGE, FLIP_EVENT, STOPS_EARLY };

struct fake {
    struct engine engine;
    struct engine_config cfg;
    enum flaw flaw;
    /* state */
    uint64_t icount, skipped, deadline;
    uint64_t reg[4];
    uint8_t fifo[FIFO], line[LINE];
    uint32_t fifo_n, line_n;
    uint32_t out_n; /* of `out`, the console line that is being put together */
    uint8_t out[LINE];
    uint8_t waiting, off, prompted;
    uint8_t ram[PAGES][SNAPSHOT_PAGE];
    /* not state */
    uint32_t changed[PAGES], epoch; /* the epoch in which a page was changed last; the present one, from 1 */
    uint64_t steps;
    bool shell;
    uint32_t classes;
    const struct observer *observer;
    volatile sig_atomic_t interrupted;
    struct error error;
};

static const struct field machine_fields[] = {FIELD(struct fake, icount), FIELD(struct fake, skipped),
                                              FIELD(struct fake, deadline), FIELDS(struct fake, reg)};
static const struct field serial_fields[] = {
    FIELDS(struct fake, fifo),   FIELDS(struct fake, line), FIELD(struct fake, fifo_n),
    FIELD(struct fake, line_n),  FIELD(struct fake, out_n), FIELDS(struct fake, out),
    FIELD(struct fake, waiting), FIELD(struct fake, off),   FIELD(struct fake, prompted)};

static struct fake *fake(const struct engine *e)
{
    return (struct fake *)e;
}
static uint64_t now(const struct fake *f)
{
    return f->icount + f->skipped;
}

/* ---------------------------------------------------------------- events and console */

static void event(struct fake *f, struct event *ev)
{
    ev->icount = f->icount;
    ev->time = now(f);
    if (f->classes & EVENT_CLASS_BIT(event_kind(ev->kind)->cls))
        f->observer->event(f->observer->ctx, ev);
}

static void end_line(struct fake *f)
{
    struct event ev = {.kind = EV_CONSOLE_LINE, .data = f->out, .len = f->out_n};
    if (f->out_n)
        event(f, &ev);
    f->out_n = 0;
}

static void print_byte(struct fake *f, uint8_t c)
{
    if (f->observer && f->observer->console)
        f->observer->console(f->observer->ctx, 0, &c, 1);
    if (c == '\n')
        end_line(f);
    else if (f->out_n < LINE)
        f->out[f->out_n++] = c;
}

static void print(struct fake *f, const char *s)
{
    while (*s)
        print_byte(f, (uint8_t)*s++);
}

/* ---------------------------------------------------------------- a step */

static void write_ram(struct fake *f, unsigned page, unsigned at, uint8_t v)
{
    f->ram[page][at] = v;
    f->changed[page] = f->epoch;
}

static void read_disk(struct fake *f)
{
    const struct image *disk = config_image(&f->cfg, "disk0");
    uint8_t b[3];
    if (!disk)
        return;
    uint64_t at = f->reg[0] % (disk->size - sizeof b);
    if (disk->read(disk->ctx, at, b, sizeof b, &f->error))
        f->off = 2;
    f->reg[1] += b[0] + b[1] * 256u;
}

static void go_wrong(struct fake *f)
{
    if (f->flaw == FLIP_REGISTER)
        f->reg[2] ^= 0x10;
    if (f->flaw == FLIP_PAGE)
        write_ram(f, 5, 77, f->ram[5][77] ^ 0x40);
    if (f->flaw == STOPS_EARLY)
        f->off = 1;
}

static void shell_line(struct fake *f)
{
    f->line[f->line_n] = 0;
    print(f, "you said ");
    print(f, (const char *)f->line);
    print(f, "\n");
    if (!strcmp((const char *)f->line, "off"))
        f->off = 1;
    f->line_n = 0;
    f->prompted = 0;
}

static void shell_step(struct fake *f)
{
    if (!f->prompted)
        print(f, "> ");
    f->prompted = 1;
    if (!f->fifo_n) {
        f->waiting = 1;
        return;
    }
    uint8_t c = f->fifo[0];
    memmove(f->fifo, f->fifo + 1, --f->fifo_n);
    print_byte(f, c);
    if (c == '\n')
        shell_line(f);
    else if (f->line_n < LINE - 1)
        f->line[f->line_n++] = c;
}

static void step(struct fake *f)
{
    uint64_t i = ++f->icount;
    f->reg[0] = f->reg[0] * 6364136223846793005u + 1442695040888963407u;
    f->reg[2] ^= f->reg[0] >> 60 == 3;
    if (i % 50 == 0)
        write_ram(f, (f->reg[0] >> 40) % (PAGES / 2), (f->reg[0] >> 20) % SNAPSHOT_PAGE,
                  (uint8_t)(f->reg[0] >> 33));
    if (i % 300 == 0) {
        struct event ev = {.kind = EV_PIO_READ, .f = {0x60, 1, f->reg[0] >> 56, 1, i}};
        if (f->flaw == FLIP_EVENT && i > FAKE_FLIP && i <= FAKE_FLIP + 300)
            ev.f[2] ^= 1;
        event(f, &ev);
    }
    if (i % DISK_READ_EVERY == 0)
        read_disk(f);
    if (i % 40000 == 0) {
        char text[40];
        snprintf(text, sizeof text, "tick %llu\n", (unsigned long long)(i / 40000));
        print(f, text);
        f->waiting = 1;
        f->deadline = now(f) + TIMER;
    }
    if (f->shell && i % 1000 == 0)
        shell_step(f);
    if (i == FAKE_FLIP)
        go_wrong(f);
    if (i == f->steps)
        f->off = 1;
}

/* ---------------------------------------------------------------- running */

static bool idle(struct fake *f, const struct run_limit *limit, struct stop *stop)
{
    stop->wake = f->deadline;
    if (f->deadline > limit->time) {
        if (limit->time > now(f))
            f->skipped += limit->time - now(f);
        stop->reason = STOP_IDLE;
        return true;
    }
    stop->reason = STOP_HALTED;
    if (f->deadline == UINT64_MAX)
        return true;
    if (f->deadline > now(f))
        f->skipped += f->deadline - now(f);
    f->deadline = UINT64_MAX;
    f->waiting = 0;
    return false;
}

static bool power_off(struct fake *f, struct stop *stop)
{
    struct event ev = {.kind = EV_POWER_OFF, .f = {3}, .data = "the test", .len = 8};
    stop->reason = f->off == 1 ? STOP_POWER_OFF : STOP_GUEST_FAULT;
    stop->status = f->off == 1 ? 3 : 0;
    snprintf(stop->text, sizeof stop->text, "%.199s", f->off == 1 ? "" : f->error.text);
    if (f->off == 1)
        event(f, &ev);
    f->off = 0;
    return true;
}

static void run(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    struct fake *f = fake(e);
    *stop = (struct stop){.wake = UINT64_MAX};
    for (bool end = false; !end;) {
        if (f->off) {
            end = power_off(f, stop);
        } else if (f->interrupted) {
            f->interrupted = 0;
            stop->reason = STOP_INTERRUPTED;
            end = true;
        } else if (f->icount >= limit->icount || (limit->until && now(f) >= limit->until)) {
            stop->reason = STOP_REACHED;
            end = true;
        } else if (f->waiting && !f->fifo_n) {
            end = idle(f, limit, stop);
        } else {
            f->waiting = 0;
            step(f);
        }
    }
    stop->icount = f->icount;
    stop->time = now(f);
}

static uint32_t take_input(struct engine *e, const struct input *in)
{
    struct fake *f = fake(e);
    uint32_t n = FIFO - f->fifo_n < in->len ? FIFO - f->fifo_n : in->len;
    memcpy(f->fifo + f->fifo_n, in->data, n);
    f->fifo_n += n;
    return n;
}

static void interrupt(struct engine *e)
{
    fake(e)->interrupted = 1;
}
static uint64_t icount(const struct engine *e)
{
    return fake(e)->icount;
}
static uint64_t guest_time(const struct engine *e)
{
    return now(fake(e));
}
static void destroy(struct engine *e)
{
    free(e);
}
static void flush(struct engine *e)
{
    end_line(fake(e));
}

static void observe(struct engine *e, uint32_t classes, const struct observer *o)
{
    fake(e)->classes = classes;
    fake(e)->observer = o;
}

static size_t screen(const struct engine *e, char *buf, size_t size)
{
    return (size_t)snprintf(buf, size, "reg0 %016llx\n", (unsigned long long)fake(e)->reg[0]);
}

/* ---------------------------------------------------------------- snapshots */

static void save(struct engine *e, const struct snapshot_sink *s, struct snapshot_base *base)
{
    struct fake *f = fake(e);
    s->section(s->ctx, "cpu0", machine_fields, FIELD_COUNT(machine_fields), f);
    s->section(s->ctx, "uart0", serial_fields, FIELD_COUNT(serial_fields), f);
    for (unsigned i = 0; i < PAGES; i++)
        if (f->changed[i] && (!base || f->changed[i] >= base->epoch))
            s->page(s->ctx, "ram", i, f->ram[i]);
    if (base)
        base->epoch = ++f->epoch;
}

static int put_page(void *ctx, uint64_t index, const void *data)
{
    struct fake *f = ctx;
    if (index >= PAGES)
        return -1;
    memcpy(f->ram[index], data, SNAPSHOT_PAGE);
    return 0;
}

static int load(struct engine *e, const struct snapshot_source *s, struct error *err)
{
    struct fake *f = fake(e);
    if (s->whole)
        memset(f->ram, 0, sizeof f->ram);
    for (unsigned i = 0; i < PAGES; i++)
        f->changed[i] = f->epoch;
    if (s->section(s->ctx, "cpu0", machine_fields, FIELD_COUNT(machine_fields), f) ||
        s->section(s->ctx, "uart0", serial_fields, FIELD_COUNT(serial_fields), f) ||
        s->pages(s->ctx, "ram", put_page, f))
        return error_set(err, "the state cannot be loaded");
    return 0;
}

/* It executes no addresses: nothing is ever reached. */
static void no_stops(struct engine *e, const struct stop_point *s, size_t n) {}

/* ---------------------------------------------------------------- creating */

static const struct engine_ops ops = {
    .name = "fake",
    .behaviour = 1,
    .destroy = destroy,
    .run = run,
    .interrupt = interrupt,
    .icount = icount,
    .time = guest_time,
    .input = take_input,
    .save = save,
    .load = load,
    .stops = no_stops,
    .observe = observe,
    .flush = flush,
    .screen = screen,
};

static struct engine *create(const struct engine_config *cfg, enum flaw flaw, struct error *err)
{
    struct fake *f = mem_zero(1, sizeof *f);
    const char *steps = config_get(cfg, "steps");
    f->engine.ops = &ops;
    f->cfg = *cfg;
    f->flaw = flaw;
    f->deadline = UINT64_MAX;
    f->epoch = 1;
    f->steps = steps ? strtoull(steps, NULL, 10) : 0;
    f->shell = config_get(cfg, "shell");
    f->reg[0] = 1;
    return &f->engine;
}

static struct engine *create_sound(const struct engine_config *c, struct error *err)
{
    return create(c, SOUND, err);
}
static struct engine *create_register(const struct engine_config *c, struct error *err)
{
    return create(c, FLIP_REGISTER, err);
}
static struct engine *create_page(const struct engine_config *c, struct error *err)
{
    return create(c, FLIP_PAGE, err);
}
static struct engine *create_event(const struct engine_config *c, struct error *err)
{
    return create(c, FLIP_EVENT, err);
}
static struct engine *create_early(const struct engine_config *c, struct error *err)
{
    return create(c, STOPS_EARLY, err);
}

const struct engine_kind fake_kind = {.name = "fake", .behaviour = 1, .step_ns = 1, .create = create_sound};
const struct engine_kind fake_kind_newer = {
    .name = "fake", .behaviour = 2, .step_ns = 1, .create = create_register};
const struct engine_kind fake_flip_register = {
    .name = "fake", .behaviour = 1, .step_ns = 1, .create = create_register};
const struct engine_kind fake_flip_page = {
    .name = "fake", .behaviour = 1, .step_ns = 1, .create = create_page};
const struct engine_kind fake_flip_event = {
    .name = "fake", .behaviour = 1, .step_ns = 1, .create = create_event};
const struct engine_kind fake_stops_early = {
    .name = "fake", .behaviour = 1, .step_ns = 1, .create = create_early};
