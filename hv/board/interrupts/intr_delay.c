/* intr_delay.c - interrupts that reach their processor later: variation of the kind irq (hv/vary/vary.h).
 *
 * Between a device and a processor are bridges, interrupt controllers and a bus on which messages wait for others. A processor's line
 * that rises may be held back for a while, once; while it stays up, nothing is held back. The state is there only if interrupts are varied. */
#include "hv/board/chips.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/slots.h"
#include "hv/board/internal.h"

#include "base/memory.h"

enum line { LOW, HELD, HIGH };

struct intr_delay {
    struct board *board;
    uint8_t line[ENGINE_CPUS]; /* enum line: what the processor sees is HIGH */
    uint64_t until[ENGINE_CPUS];
    struct timer t;
};

static const struct field delay_fields[] = {
    FIELDS(struct intr_delay, line),
    FIELDS(struct intr_delay, until),
    FIELD(struct intr_delay, t.deadline),
};

static void set_timer(struct intr_delay *s)
{
    uint64_t next = TIMER_OFF;
    for (unsigned i = 0; i < board_cpus(s->board); i++)
        if (s->line[i] == HELD && s->until[i] < next)
            next = s->until[i];
    timer_set(s->board, &s->t, next);
}

static void fire(void *ctx)
{
    struct intr_delay *s = ctx;
    const uint64_t now = board_now(s->board);
    for (unsigned i = 0; i < board_cpus(s->board); i++)
        if (s->line[i] == HELD && s->until[i] <= now) {
            s->line[i] = HIGH;
            lapic_update(s->board, i);
        }
    set_timer(s);
}

bool intr_delayed(struct board *b, unsigned cpu, bool level)
{
    struct intr_delay *s = board_slot(b, SLOT_INTR_DELAY);
    if (!s)
        return false;
    if (!level) {
        s->line[cpu] = LOW;
    } else if (s->line[cpu] == LOW) {
        const uint64_t ns = board_vary(b, VARY_IRQ);
        s->line[cpu] = ns ? HELD : HIGH;
        s->until[cpu] = board_now(b) + ns;
        if (ns)
            set_timer(s);
    }
    return s->line[cpu] == HELD;
}

static void reset(void *state)
{
    struct intr_delay *s = state;
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        s->line[i] = LOW;
    set_timer(s);
}

int intr_delay_create(struct board *board, struct error *err)
{
    if (!vary_has(board->host.vary, VARY_IRQ))
        return 0;
    struct intr_delay *s = mem_zero(1, sizeof *s);
    s->board = board;
    board_timer(board, &s->t, fire, s);
    board_set_slot(board, SLOT_INTR_DELAY, s);
    board_add_chip(board, &(struct chip){.name = "intr-delay",
                                         .fields = delay_fields,
                                         .nfields = FIELD_COUNT(delay_fields),
                                         .state = s,
                                         .reset = reset});
    return 0;
}
