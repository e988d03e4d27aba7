/* turns.c - processors run in turns on one host thread. Part of the PC (hv/machine.c); hv/README.md has the rules, hv/vary/vary.h what may
 * differ from them. */
#include "hv/machine_impl.h"

/* How many steps a turn has: at least TURN_LEAST, and up to 2^TURN_BITS - 1 more. Each turn fills the host's caches with another
 * processor's code and data, which takes little time beside turns of this length. */
enum { TURN_LEAST = 8000, TURN_BITS = 13 };

/* The length varies with the position. With a fixed length, turns could end at the same place of a loop forever, for example each time
 * with a lock held. */
static uint32_t turn_at(uint64_t icount)
{
    return TURN_LEAST + (uint32_t)(icount * 0x9e3779b97f4a7c15ull >> (64 - TURN_BITS));
}

/* A turn ended at a position; one without a step does not count. */
static void end_turn(struct pc *pc, uint64_t icount)
{
    struct pc_waiting *w = &pc->waiting;
    if (icount > w->from && !w->paused)
        w->turns = 0;
    w->from = icount;
    w->paused = 0;
}

/* A bit for each processor that sleeps. */
static uint64_t sleepers(const struct pc *pc)
{
    uint64_t set = 0;
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        set |= (uint64_t)x86_sleeps(board_cpu(pc->board, i)) << i;
    return set;
}

static bool others_sleep(const struct pc *pc, unsigned cpu)
{
    const unsigned n = board_cpus(pc->board);
    return (sleepers(pc) | 1ull << cpu) == (n < 64 ? (1ull << n) - 1 : UINT64_MAX);
}

/* The length of a turn that a processor begins; `plain` without variation. */
static uint32_t turn_of(struct pc *pc, unsigned cpu, uint64_t icount, uint32_t plain)
{
    const unsigned n = board_cpus(pc->board);
    return pc->vary && n > 1 ? vary_turn(pc->vary, cpu, icount, plain, others_sleep(pc, cpu)) : plain;
}

void pc_take_turn(struct pc *pc, unsigned cpu)
{
    end_turn(pc, pc->icount);
    pc->turn = cpu;
    pc->turn_left = turn_of(pc, cpu, pc->icount, turn_at(pc->icount));
    pc->cpu = board_cpu(pc->board, cpu);
}

/* How many processors are not waiting. One that waits passes its turns on until it is woken, which ends a run. */
static unsigned processors_awake(const struct pc *pc)
{
    unsigned n = 0;
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        n += !x86_waits(board_cpu(pc->board, i));
    return n;
}

/* The variation counts steps, and decides what follows where a turn ends. */
static void steps_made(struct pc *pc, uint64_t n, uint64_t icount, uint64_t sleep)
{
    if (!pc->vary || !n)
        return;
    vary_ran(pc->vary, pc->turn, n);
    if (sleep == UINT64_MAX || !pc->turn_left)
        vary_turn_ended(pc->vary, pc->turn, icount, board_cpus(pc->board), sleep);
}

/* The length of a turn of the same processor, which begins while all others sleep. */
static uint32_t next_length(struct pc *pc, uint64_t icount)
{
    const uint32_t plain = turn_at(icount);
    return pc->vary ? vary_turn(pc->vary, pc->turn, icount, plain, true) : plain;
}

/* The processor whose turn it is has made `done` steps from pc->icount on. If the others wait, it had several turns one after the
 * other. */
static void turns_done(struct pc *pc, uint64_t done)
{
    uint64_t at = pc->icount;
    for (; done > pc->turn_left; pc->turn_left = next_length(pc, at)) {
        done -= pc->turn_left;
        at += pc->turn_left;
        steps_made(pc, pc->turn_left, at, UINT64_MAX);
        end_turn(pc, at);
    }
    pc->turn_left -= (uint32_t)done;
    if (pc->vary)
        steps_made(pc, done, at + done, sleepers(pc));
}

/* A processor that waits in a loop (PAUSE) has only STEPS_AFTER_PAUSE left of its turn: what it waits for is most often
 * done by another one. Who makes more than STEPS_WAITING before the PAUSE has done something else. If nobody has for some rounds, all may wait
 * for a time to pass; then turns are long again, since short ones cost time. */
enum { STEPS_AFTER_PAUSE = 200, STEPS_WAITING = 200, ROUNDS_WAITING = 8 };

/* Whether the next PAUSE matters. This has to follow from the state, as all that decides about turns: so x86_waits() must not be asked. */
static bool pause_matters(const struct pc *pc)
{
    if (pc->waiting.paused)
        return false;
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        if (i != pc->turn && !x86_sleeps(board_cpu(pc->board, i)))
            return true;
    return false;
}

/* The last of the steps done is a PAUSE that matters. */
static void after_pause(struct pc *pc, uint64_t done)
{
    struct pc_waiting *w = &pc->waiting;
    const uint32_t most = ROUNDS_WAITING * board_cpus(pc->board);
    w->paused = 1;
    if (pc->icount + done - w->from > STEPS_WAITING)
        w->turns = 0;
    else if (w->turns < most)
        w->turns++;
    if (w->turns < most && pc->turn_left > STEPS_AFTER_PAUSE)
        pc->turn_left = STEPS_AFTER_PAUSE;
    if (pc->vary)
        vary_yields(pc->vary, pc->turn);
}

/* In which order processors are tried. */
struct order {
    unsigned from;  /* whose turn it was */
    unsigned first; /* if that turn is over */
    unsigned then;  /* those that follow begin with this one */
    bool halted;    /* … and are tried because this one halted */
    bool awoken;    /* others slept when the turn began, and do not sleep now */
};

static struct order order_of(struct pc *pc)
{
    const unsigned cpus = board_cpus(pc->board);
    struct order o = {.from = pc->turn, .first = (pc->turn + 1) % cpus};
    if (!pc->vary) {
        o.then = pc->turn_left ? o.first : (o.first + 1) % cpus;
        return o;
    }
    if (!pc->turn_left)
        o.first = vary_turn_next(pc->vary);
    o.halted = pc->turn_left && x86_sleeps(pc->cpu);
    o.then = o.halted        ? vary_wakes(pc->vary, pc->turn, pc->icount, cpus)
             : pc->turn_left ? o.first
                             : (o.first + 1) % cpus;
    o.awoken = pc->turn_left && vary_turn_state(pc->vary)->alone && !others_sleep(pc, pc->turn);
    return o;
}

/* Runs the processor whose turn it is, or the next that is not halted. It is not interrupted at the end of its turn if no other one is
 * awake. */
static enum x86_exit run_next(struct pc *pc, uint64_t n, uint64_t *done)
{
    enum x86_exit e = X86_HALTED;
    const unsigned cpus = board_cpus(pc->board);
    const struct order order = order_of(pc);
    unsigned awake = processors_awake(pc);
    *done = 0;
    if (order.awoken)
        pc->turn_left = turn_of(pc, pc->turn, pc->icount, pc->turn_left);
    for (unsigned tried = 0; tried < cpus + (pc->vary != NULL) && e == X86_HALTED && !*done; tried++) {
        if (tried || !pc->turn_left)
            pc_take_turn(pc, tried ? (order.then + tried - 1) % cpus : order.first);
        if (x86_waits(pc->cpu)) /* it would make no step */
            continue;
        const unsigned others = awake - 1;
        x86_watch_pause(pc->cpu, others && pause_matters(pc));
        e = x86_run(pc->cpu, !others || n < pc->turn_left ? n : pc->turn_left, done);
        awake = others + !x86_waits(pc->cpu);
    }
    if (*done && pc->vary && order.halted)
        vary_woke(pc->vary, order.from, pc->icount, pc->turn, cpus);
    turns_done(pc, *done);
    if (*done && x86_paused(pc->cpu))
        after_pause(pc, *done);
    return *done && e == X86_HALTED ? X86_DONE : e; /* the others have yet to be tried */
}

/* Several processors run in turns of turn_at() steps, in order of their numbers; one that is halted
 * passes its turn on. Turns are counted in steps and are part of the state, so it does not matter where runs
 * begin and end, nor how often the machine tries to run processors that are all halted: a turn without a step
 * does not count. */
enum x86_exit pc_run_turn(struct pc *pc, uint64_t n)
{
    unsigned turn = pc->turn;
    uint32_t left = pc->turn_left;
    const struct pc_waiting waiting = pc->waiting;
    const struct vary_turn_state varied = pc->vary ? *vary_turn_state(pc->vary) : (struct vary_turn_state){0};
    uint64_t done;
    enum x86_exit e = board_cpus(pc->board) > 1 ? run_next(pc, n, &done) : x86_run(pc->cpu, n, &done);
    pc->icount += done;
    pc->switches += done && pc->turn != turn;
    if (!done && (e == X86_HALTED || e == X86_BREAK)) {
        pc->turn = turn;
        pc->turn_left = left;
        pc->waiting = waiting;
        if (pc->vary)
            *vary_turn_state(pc->vary) = varied;
        pc->cpu = board_cpu(pc->board, turn);
    }
    return e;
}

uint32_t pc_enters(struct pc *pc, const struct input *in)
{
    const unsigned cpus = board_cpus(pc->board);
    const unsigned cpu = in->len ? ((const uint8_t *)in->data)[0] : cpus;
    if (cpu >= cpus || cpus < 2 || !vary_enters(pc->vary, cpu))
        return 0;
    if (cpu == pc->turn && pc->turn_left && vary_turn_state(pc->vary)->cut == UINT64_MAX)
        pc->turn_left = turn_of(pc, cpu, pc->icount, pc->turn_left);
    return in->len;
}
