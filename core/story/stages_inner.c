/* stages_inner.c - see stages_inner.h. */
#include "core/story/private/stages_inner.h"

static uint64_t bit_of(unsigned guest)
{
    return guest < 64 ? (uint64_t)1 << guest : 0;
}

bool stages_inner_sees(struct stages_inner *in, const struct event *ev)
{
    if (ev->kind == EV_VIRT_ENTER || ev->kind == EV_VIRT_EXIT)
        in->runs[ev->cpu] = ev->kind == EV_VIRT_ENTER;
    else if (ev->kind == EV_RESET)
        *in = (struct stages_inner){0};
    else if (ev->kind == EV_KERNEL_FOUND && in->runs[ev->cpu])
        in->guests |= bit_of(ev->guest);
    return in->guests & bit_of(ev->guest);
}
