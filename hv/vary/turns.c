/* turns.c - when processors' turns end, and which one is next. See vary.h.
 *
 * A choice is to end a turn at a step of the processor's own and to go on with another one. Turns end as without variation too, so the list
 * of choices has only what differs. What is drawn depends on the processor and on how many steps it has made, never on how often
 * the machine asks: a turn without a step does not count, and the machine may ask again.
 *
 * A race needs a change of processors within a few instructions, and then time for the other one. With three of four seeds, turns end early
 * at few places, which are as far apart as the seed says. With the others, the steps of each processor are divided into stretches of STRETCH
 * steps. In some of them, one of 2 to one of 16 as the seed says, its turns are very short, while turns of the others have any length, and
 * each eighth is as long as without variation. In one part of 16 of the run, of STILL or LONG_STILL steps, a processor stands still, unless
 * no other one is awake.
 *
 * Priorities: the first of the awake processors runs. With probability 1/CHANGES a turn has a point at which the running processor
 * becomes the last (Burckhardt et al., A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs, ASPLOS 2010, section
 * 2: few changes of priority find a bug of small depth). A processor that waits in a loop becomes the last too, as it would
 * wait forever.
 *
 * At functions: a turn may end by the seed only in the first WINDOW steps that a processor makes after it has entered one of the functions, and
 * turns of the others while it stands there. One entry of 1 to 8 ends the turn, as the seed says; near ends are as likely as far ones. */
#include "hv/vary/private.h"

enum {
    STRETCH = 512,
    STILL = 1 << 13,
    LONG_STILL = 1 << 18,
    LONGEST = 20000,
    OTHERS = 4096,
    SCALES = 4,
    LONG = 8,
    DISTANCE_LEAST = 32,
    DISTANCES = 14,
    FEW = 16,
    WINDOW = 2000,
    CHANGES = 8
};

/* Keys beside the processors', so that the streams are independent. */
enum {
    KEY_STILL = 1000,
    KEY_LONG_STILL,
    KEY_DENSITY,
    KEY_NEXT,
    KEY_CHANGE = KEY_NEXT + ENGINE_CPUS,
    KEY_STRETCH = KEY_CHANGE + ENGINE_CPUS + 1,
    KEY_SPARSE = KEY_STRETCH + ENGINE_CPUS,
    KEY_AT = KEY_SPARSE + ENGINE_CPUS
};

const struct field vary_windows_fields[] = {FIELDS(struct vary, window)};
const size_t vary_windows_nfields = FIELD_COUNT(vary_windows_fields);

bool vary_has_windows(const struct vary *v)
{
    return v && v->kind[VARY_TURNS].nat;
}

struct vary_turn_state *vary_turn_state(struct vary *v)
{
    return &v->state.turn;
}

void vary_ran(struct vary *v, unsigned cpu, uint64_t n)
{
    if (!v->quiet)
        v->state.own[cpu] += n;
}

/* The longest turn in that stretch of a processor, or 0 if it is none of short turns. */
static uint64_t short_turns(const struct vary *v, unsigned cpu, uint64_t stretch)
{
    const unsigned rarity = 1 + (unsigned)(vary_random(v, VARY_TURNS, KEY_DENSITY, 0) % 4);
    const uint64_t r = vary_random(v, VARY_TURNS, KEY_STRETCH + cpu, stretch);
    return r & ((1u << rarity) - 1) ? 0 : 2ull << (r >> rarity) % SCALES;
}

static bool others_short(const struct vary *v, unsigned cpu)
{
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        if (i != cpu && v->state.own[i] && short_turns(v, i, v->state.own[i] / STRETCH))
            return true;
    return false;
}

/* One turn ends early in so many steps of the processor's own. The seed chooses a power of two for each processor, so that a window is hit with
 * about the same chance wherever it is, and the turn of the other one may be long enough. */
static uint64_t draw_sparse(const struct vary *v, unsigned cpu, uint64_t most)
{
    const uint64_t own = v->state.own[cpu],
                   distance = (uint64_t)DISTANCE_LEAST
                              << vary_random(v, VARY_TURNS, KEY_DENSITY, 2 + cpu) % DISTANCES;
    for (uint64_t block = own / distance;; block++) {
        const uint64_t at = block * distance + vary_random(v, VARY_TURNS, KEY_SPARSE + cpu, block) % distance;
        if (at > own)
            return at - own < most ? at - own : most;
    }
}

/* A long turn ends where a stretch of short ones begins. */
static uint64_t draw_dense(const struct vary *v, unsigned cpu, uint64_t r, uint64_t most, uint64_t plain)
{
    const uint64_t own = v->state.own[cpu], here = own / STRETCH, few = short_turns(v, cpu, here);
    if (few)
        return 1 + r % few;
    uint64_t n = !others_short(v, cpu) ? 1 + r % most
                 : r % LONG            ? FEW + vary_magnitude(r / LONG, OTHERS)
                                       : plain;
    n = n < plain ? n : plain;
    for (uint64_t s = here + 1; s * STRETCH < own + n; s++)
        if (short_turns(v, cpu, s))
            return s * STRETCH - own;
    return n;
}

static uint64_t draw_length(const struct vary *v, unsigned cpu, uint64_t plain)
{
    const uint64_t r = vary_random(v, VARY_TURNS, cpu, v->state.own[cpu]);
    const uint64_t max = v->kind[VARY_TURNS].max, most = max ? max : LONGEST;
    const bool dense = vary_random(v, VARY_TURNS, KEY_DENSITY, 1) % 4 == 0;
    uint64_t n = dense ? draw_dense(v, cpu, r, most, plain) : draw_sparse(v, cpu, most);
    n = n < plain ? n : plain;
    return max && n > max ? max : n;
}

/* Whether a processor stands where its turn may be ended. */
static bool in_window(const struct vary *v)
{
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        if (v->state.own[i] < v->window[i])
            return true;
    return false;
}

/* 0: not ended by the seed. */
static uint64_t draw_at(const struct vary *v, unsigned cpu, uint64_t plain)
{
    const uint64_t own = v->state.own[cpu], left = own < v->window[cpu] ? v->window[cpu] - own : 0,
                   r = vary_random(v, VARY_TURNS, KEY_AT + cpu, own);
    const unsigned rarity = (unsigned)(vary_random(v, VARY_TURNS, KEY_DENSITY, 1) % 4);
    if (!in_window(v) || (left && r & ((1u << rarity) - 1)))
        return 0;
    const uint64_t n = vary_magnitude(r >> 8, left ? left : LONGEST);
    return n < plain ? n : plain;
}

bool vary_enters(struct vary *v, unsigned cpu)
{
    if (!vary_has_windows(v))
        return false;
    v->window[cpu] =
        v->state.own[cpu] + (v->kind[VARY_TURNS].max ? v->kind[VARY_TURNS].max : (uint64_t)WINDOW);
    return true;
}

static uint64_t draw_change(const struct vary *v, unsigned cpu, uint64_t plain)
{
    const uint64_t r = vary_random(v, VARY_TURNS, KEY_CHANGE + cpu, v->state.own[cpu]);
    return r % CHANGES ? plain : 1 + (r >> 8) % plain;
}

/* Whether the seed decides about turns: not before the schedule's last choice. */
static bool drawn(const struct vary *v, enum vary_kind k)
{
    if (!v->kind[k].varied)
        return false;
    for (unsigned cpu = 0; v->kind[k].scheduled && cpu < ENGINE_CPUS; cpu++)
        if (vary_listed(v, k, cpu, v->state.own[cpu] + 1))
            return false;
    return true;
}

uint32_t vary_turn(struct vary *v, unsigned cpu, uint64_t icount, uint32_t plain, bool alone)
{
    struct vary_turn_state *t = &v->state.turn;
    const uint64_t own = v->state.own[cpu];
    t->cut = UINT64_MAX;
    t->alone = alone;
    if (!vary_has(v, VARY_TURNS) || !vary_begun(v, icount))
        return plain;
    uint64_t n = plain;
    const struct choice *c = vary_listed(v, VARY_TURNS, cpu, own + 1);
    if (c && c->ordinal - own <= plain)
        n = c->ordinal - own;
    else if (!alone && drawn(v, VARY_TURNS))
        n = v->kind[VARY_TURNS].priorities ? draw_change(v, cpu, plain)
            : v->kind[VARY_TURNS].nat      ? draw_at(v, cpu, plain)
                                           : draw_length(v, cpu, plain);
    else
        return plain;
    if (!n)
        return plain;
    t->cut = own + n;
    return (uint32_t)n;
}

/* ---------------------------------------------------------------- which one is next */

static unsigned plain_next(unsigned cpu, unsigned cpus)
{
    return (cpu + 1) % cpus;
}

static unsigned first_by_rank(const struct vary *v, unsigned cpu, unsigned cpus, uint64_t sleeps)
{
    unsigned best = cpus;
    for (unsigned i = 1; i <= cpus; i++) {
        const unsigned c = (cpu + i) % cpus;
        if (!(sleeps >> c & 1) && (best == cpus || v->state.rank[c] < v->state.rank[best]))
            best = c;
    }
    return best < cpus ? best : plain_next(cpu, cpus);
}

void vary_yields(struct vary *v, unsigned cpu)
{
    if (v->kind[VARY_TURNS].priorities && v->kind[VARY_TURNS].varied)
        v->state.rank[cpu] = ++v->state.lowered;
}

static bool stands_still(const struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus)
{
    const uint64_t a = vary_random(v, VARY_TURNS, KEY_STILL, icount / STILL),
                   b = vary_random(v, VARY_TURNS, KEY_LONG_STILL, icount / LONG_STILL);
    return (a % 16 == 0 && (a >> 8) % cpus == cpu) || (b % 16 == 0 && (b >> 8) % cpus == cpu);
}

static unsigned draw_next(const struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus)
{
    const uint64_t r = vary_random(v, VARY_TURNS, KEY_NEXT + cpu, v->state.own[cpu]);
    const unsigned next = r % 8 ? plain_next(cpu, cpus) : (unsigned)(r >> 8) % cpus;
    return stands_still(v, next, icount, cpus) ? plain_next(next, cpus) : next;
}

/* Each processor begins with a priority of its own. */
static void set_ranks(struct vary *v, unsigned cpus)
{
    for (unsigned i = 0; i < cpus; i++)
        v->state.rank[i] = 1 + vary_random(v, VARY_TURNS, KEY_CHANGE + ENGINE_CPUS, i) % 1000;
    v->state.lowered = 1000;
}

void vary_turn_ended(struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus, uint64_t sleeps)
{
    struct vary_turn_state *t = &v->state.turn;
    const uint64_t own = v->state.own[cpu], all = cpus < 64 ? (1ull << cpus) - 1 : UINT64_MAX;
    const unsigned plain = plain_next(cpu, cpus);
    const bool cut = t->cut == own;
    t->next = plain;
    if (!vary_has(v, VARY_TURNS) || !vary_begun(v, icount))
        return;
    const struct choice *c = vary_listed(v, VARY_TURNS, cpu, own);
    const bool listed = c && c->ordinal == own;
    if (listed) {
        t->next = (uint32_t)c->value % cpus;
    } else if (!drawn(v, VARY_TURNS) || ((sleeps | 1ull << cpu) & all) == all) {
        return;
    } else if (v->kind[VARY_TURNS].nat && !cut) {
        return;
    } else if (v->kind[VARY_TURNS].priorities) {
        if (!v->state.lowered)
            set_ranks(v, cpus);
        if (cut && (vary_random(v, VARY_TURNS, KEY_CHANGE + cpu, own) & 1))
            vary_yields(v, cpu);
        t->next = first_by_rank(v, cpu, cpus, sleeps);
    } else {
        t->next = draw_next(v, cpu, icount, cpus);
    }
    if (cut || listed || t->next != plain)
        vary_tell(v, VARY_TURNS, cpu, own, t->next, icount);
}

unsigned vary_turn_next(const struct vary *v)
{
    return v->state.turn.next;
}

/* ---------------------------------------------------------------- who runs when a processor halts */

unsigned vary_wakes(const struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus)
{
    const uint64_t own = v->state.own[cpu];
    if (!vary_has(v, VARY_WAKEUPS) || !vary_begun(v, icount))
        return plain_next(cpu, cpus);
    const struct choice *c = vary_listed(v, VARY_WAKEUPS, cpu, own);
    if (c && c->ordinal == own)
        return (unsigned)c->value % cpus;
    return drawn(v, VARY_WAKEUPS) ? (unsigned)(vary_random(v, VARY_WAKEUPS, cpu, own) % cpus)
                                  : plain_next(cpu, cpus);
}

void vary_woke(struct vary *v, unsigned cpu, uint64_t icount, unsigned woken, unsigned cpus)
{
    if (vary_has(v, VARY_WAKEUPS) && vary_begun(v, icount) && woken != plain_next(cpu, cpus))
        vary_tell(v, VARY_WAKEUPS, cpu, v->state.own[cpu], woken, icount);
}
