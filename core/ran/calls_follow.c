/* calls_follow.c - from calls and returns to trees of calls: which frame a return belongs to, and which stack runs. See private/tree.h.
 *
 * The rules, each for what real code does:
 *   - A return pops the frame whose return address it takes. Frames above that one were left in another way. Tail calls share the return
 *     address of the function before them, and return with it.
 *   - If no frame of the thread has that address, another thread may: then the stack was switched, and that thread goes on. If none has, and
 *     the address is near the thread's stack, it returns from a function that was called before the window; otherwise a stack goes on that
 *     was not seen yet: another thread.
 *   - A call on a stack that nobody has used is made by the same thread: kernels handle interrupts on stacks of their own.
 *   - A return address below those of all calls in progress was pushed to be jumped to.
 *   - A return to another place than the call's is a jump (return thunks, retpolines).
 *   - IRET and SYSRET end the latest delivery whose frame they take, or that goes back to the same address: kernels move these frames. If a
 *     kernel has also changed the address, the delivery ends if the stack goes back to what is above its frame. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/ran/private/tree.h"

enum { KERNEL_STACK = 14, NEAR = 64 << 10 };

/* ---------------------------------------------------------------- frames */

static struct frame *top_of(struct thread *th)
{
    return th->n ? &th->frame[th->n - 1] : NULL;
}

static void fail(struct taking *t)
{
    if (t->failed)
        return;
    t->failed = true;
    if (t->stop)
        t->stop(t->stop_ctx);
}

static void name_thread(struct taking *t, struct thread *th, unsigned cpu)
{
    struct calls *c = t->c;
    const struct process *p = who_runs(&t->who, cpu);
    MEM_MORE(c->thread, c->nthreads);
    struct call_thread *n = &c->thread[c->nthreads];
    *n = (struct call_thread){""};
    if (p)
        snprintf(n->name, sizeof n->name, "%.48s-%u", p->name, p->pid);
    th->number = (uint32_t)c->nthreads++;
}

/* The number of a call that is kept from now on. */
static uint32_t keep(struct taking *t, struct thread *th, const struct frame *f, unsigned cpu, uint8_t vector)
{
    struct calls *c = t->c;
    uint32_t parent = CALL_NONE;
    if (c->ncalls == CALLS_MOST) {
        error_set(
            &t->trouble,
            "calls: more than %d calls in this window: take a smaller one, or give --depth, --min-time or --function",
            CALLS_MOST);
        fail(t);
        return CALL_NONE;
    }
    if (th->number == CALL_NONE)
        name_thread(t, th, cpu);
    for (size_t i = th->n; i-- > 0 && parent == CALL_NONE;)
        parent = th->frame[i].call;
    c->call = mem_grow(c->call, &c->capcalls, c->ncalls + 1, sizeof *c->call);
    c->call[c->ncalls] = (struct call){.parent = parent,
                                       .function = f->function,
                                       .thread = th->number,
                                       .sort = f->sort,
                                       .end = CALL_OPEN,
                                       .cpu = (uint8_t)cpu,
                                       .vector = vector,
                                       .arguments = CALL_NONE,
                                       .begin = f->begin,
                                       .time = f->time};
    return (uint32_t)c->ncalls++;
}

static bool is_kept(const struct taking *t, const struct frame *f)
{
    return f->wanted && (!t->o->depth || f->depth < t->o->depth);
}

static struct frame *push(struct taking *t, struct thread *th, struct frame f, unsigned cpu, uint8_t vector)
{
    const struct frame *top = top_of(th);
    f.wanted = (top && top->wanted) || t->c->function[f.function].wanted;
    const bool counts = !t->o->depth_of_new || (top && top->sort != CALL_BEFORE);
    f.depth = top && top->wanted ? top->depth + counts : 0;
    f.call = is_kept(t, &f) ? keep(t, th, &f, cpu, vector) : CALL_NONE;
    th->frame = mem_grow(th->frame, &th->cap, th->n + 1, sizeof *th->frame);
    th->frame[th->n++] = f;
    return &th->frame[th->n - 1];
}

/* The last call that is kept may be dropped again, if it was too short. */
static void drop_if_short(struct taking *t, const struct frame *f)
{
    struct calls *c = t->c;
    const struct call *call = &c->call[f->call];
    if (call->total >= t->o->min_time || call->sort == CALL_BEFORE)
        return;
    if (f->call + 1 == c->ncalls) {
        if (call->arguments != CALL_NONE)
            c->nvalues = call->arguments;
        c->ncalls--;
    } else {
        c->call[f->call].function = CALL_NONE; /* others came in between */
    }
}

static void pop(struct taking *t, struct thread *th, enum call_end end, uint64_t icount, uint64_t time)
{
    struct frame f = th->frame[--th->n];
    struct frame *above = top_of(th);
    if (f.call == CALL_NONE) {
        if (above && f.wanted)
            above->own += f.own; /* deeper than what is shown */
        return;
    }
    struct call *call = &t->c->call[f.call];
    call->end = end;
    call->finish = icount;
    call->total = time - f.time;
    call->own = f.own;
    if (t->o->min_time)
        drop_if_short(t, &f);
}

/* Guest time passes in what runs. */
static void charge(struct taking *t, struct thread *th, uint64_t time)
{
    struct frame *top = top_of(th);
    if (top)
        top->own += time - t->last_time;
    t->last_time = time;
}

/* ---------------------------------------------------------------- threads */

static struct thread *new_thread(struct taking *t)
{
    struct thread *th = mem_zero(1, sizeof *th);
    th->number = CALL_NONE;
    MEM_MORE(t->thread, t->nthreads);
    t->thread[t->nthreads++] = th;
    return th;
}

static bool is_near(const struct taking *t, uint64_t a, uint64_t b)
{
    if (!a || !b)
        return false;
    if (t->halves && (a & b) >> 63)
        return a >> KERNEL_STACK == b >> KERNEL_STACK;
    return (a > b ? a - b : b - a) < NEAR;
}

/* A function that was entered before the window, and in which a thread is. */
static void push_before(struct taking *t, struct thread *th, unsigned cpu, uint64_t pc, uint64_t slot,
                        uint64_t icount, uint64_t time)
{
    push(t, th,
         (struct frame){.slot = slot,
                        .function = call_function_at(t, cpu, pc, icount),
                        .sort = CALL_BEFORE,
                        .begin = icount,
                        .time = time},
         cpu, 0);
}

/* The frame with that return address; SIZE_MAX: none. */
static size_t find_slot(const struct thread *th, uint64_t slot)
{
    for (size_t i = th->n; i-- > 0;)
        if (th->frame[i].slot == slot)
            return i;
    return SIZE_MAX;
}

/* Another thread goes on that has a frame of this return address. A program's addresses may be another program's too. */
static struct thread *other_thread(const struct taking *t, const struct thread * not, uint64_t slot,
                                   uint64_t back)
{
    if (t->halves && !(slot >> 63))
        return NULL;
    for (size_t i = 0; i < t->nthreads; i++) {
        struct thread *th = t->thread[i];
        const size_t at = th == not ? SIZE_MAX : find_slot(th, slot);
        if (at != SIZE_MAX && (!th->frame[at].back || th->frame[at].back == back))
            return th;
    }
    return NULL;
}

static void switch_to(struct taking *t, unsigned cpu, struct thread *th)
{
    for (unsigned i = 0; i < WHO_CPUS; i++)
        if (t->now[i] == th)
            t->now[i] = NULL;
    t->now[cpu] = th;
}

/* ---------------------------------------------------------------- where the window begins */

static void begin_cpu(struct taking *t, unsigned cpu, uint64_t icount, uint64_t time, struct view_orc *orc)
{
    enum { DEEP = 128 };
    struct view_frame frame[DEEP];
    const char *lost;
    const uint64_t pc = look_pc(t->look, cpu);
    const unsigned word = look_code_bits(t->look, cpu) / 8;
    const symbol_space space = who_space(&t->who, cpu, pc, icount);
    const size_t n =
        view_frames_certain(frame, view_frames(t->look, cpu, t->o->symbols, space, orc, frame, DEEP), &lost);
    struct thread *th = t->now[cpu] = new_thread(t);
    th->near = look_reg(t->look, cpu, "rsp");
    for (size_t i = n; i-- > 0;)
        push_before(t, th, cpu, frame[i].pc - frame[i].called,
                    frame[i].sp && i + 1 < n ? frame[i].sp - word : 0, icount, time);
    if (!n)
        push_before(t, th, cpu, pc, 0, icount, time);
}

void calls_begin(struct taking *t, uint64_t icount, uint64_t time)
{
    struct view_orc *orc = view_orc_new();
    t->last_time = time;
    for (unsigned cpu = 0; cpu < look_cpus(t->look) && cpu < WHO_CPUS; cpu++)
        begin_cpu(t, cpu, icount, time, orc);
    view_orc_free(orc);
}

void calls_finish(struct taking *t, uint64_t icount, uint64_t time)
{
    for (unsigned i = 0; i < WHO_CPUS; i++)
        if (t->now[i]) {
            charge(t, t->now[i], time);
            break;
        }
    for (size_t i = 0; i < t->nthreads; i++)
        while (t->thread[i]->n)
            pop(t, t->thread[i], CALL_OPEN, icount, time);
}

/* ---------------------------------------------------------------- calls */

static bool is_gate(const struct frame *f)
{
    return f->sort >= CALL_INTERRUPT && f->sort <= CALL_SMI;
}

/* A call at `slot`: frames of the same stack that are below it were left. */
static void settle(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    const struct frame *top;
    while ((top = top_of(th)) && top->slot && top->slot <= f->slot && !is_gate(top) &&
           top->sort != CALL_BEFORE && is_near(t, top->slot, f->slot))
        pop(t, th, CALL_LEFT, f->icount, f->time);
}

static void entered(struct taking *t, struct thread *th, const struct engine_flow *f, enum call_sort sort)
{
    const struct frame *n = push(t, th,
                                 (struct frame){.slot = f->slot,
                                                .back = f->back,
                                                .function = call_function_at(t, f->cpu, f->to, f->icount),
                                                .sort = sort,
                                                .begin = f->icount + 1,
                                                .time = f->time},
                                 f->cpu, f->vector);
    if (n->call != CALL_NONE && t->o->arguments && (sort == CALL_CALL || sort == CALL_TAIL))
        call_keep_arguments(t, f->cpu, &t->c->call[n->call]);
}

/* A jump to the beginning of another function: it returns for the one that jumps. */
static void jumped(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    const uint32_t to = call_function_at(t, f->cpu, f->to, f->icount);
    const struct frame *top = top_of(th);
    if (!t->c->function[to].begins)
        return;
    const uint32_t from = call_function_at(t, f->cpu, f->from, f->icount);
    const struct call_function *a = &t->c->function[from].f, *b = &t->c->function[to].f;
    if (a->name && a->address - a->offset == b->address)
        return; /* a loop to its beginning */
    struct engine_flow here = *f;
    here.slot = top && !is_gate(top) ? top->slot : 0;
    here.back = top ? top->back : 0;
    entered(t, th, &here, CALL_TAIL);
}

/* ---------------------------------------------------------------- returns */

/* Frames down to number `at`, and that one, are done. */
static void unwind(struct taking *t, struct thread *th, size_t at, const struct engine_flow *f)
{
    const uint64_t slot = th->frame[at].slot;
    while (th->n > at) {
        struct frame *top = top_of(th);
        const bool returns = th->n == at + 1 || top->slot == slot || top->sort == CALL_TAIL;
        if (returns && top->call != CALL_NONE && t->o->arguments && f->kind == FLOW_RETURN)
            call_keep_result(t, f->cpu, &t->c->call[top->call]);
        pop(t, th, returns ? CALL_RETURNED : CALL_LEFT, f->icount + 1, f->time);
    }
}

/* The return address is below those of all calls in progress: it was pushed to be jumped to. */
static bool is_pushed(const struct taking *t, const struct thread *th, const struct engine_flow *f)
{
    for (size_t i = th->n; i-- > 0;)
        if (th->frame[i].slot)
            return f->slot && f->slot < th->frame[i].slot && is_near(t, f->slot, th->frame[i].slot);
    return false;
}

/* A jump by a pushed address: to a function, or back into one that had jumped to others in that way. */
static void jump_pushed(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    const struct known_function *to = &t->c->function[call_function_at(t, f->cpu, f->to, f->icount)];
    if (to->begins) {
        jumped(t, th, f);
        return;
    }
    for (size_t i = th->n; to->f.name && i-- > 0;) {
        if (t->c->function[th->frame[i].function].f.name == to->f.name) {
            if (i + 1 < th->n)
                unwind(t, th, i + 1, f);
            return;
        }
        if (th->frame[i].sort != CALL_TAIL)
            return;
    }
}

/* It returns to a function that was called before the window, and that nobody has seen so far: that one is its caller. */
static void found_caller(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    struct calls *c = t->c;
    uint32_t outermost = th->n ? th->frame[0].call : CALL_NONE;
    while (th->n)
        pop(t, th, th->n == 1 || top_of(th)->sort == CALL_TAIL ? CALL_RETURNED : CALL_LEFT, f->icount + 1,
            f->time);
    push_before(t, th, f->cpu, f->to, 0, f->icount + 1, f->time);
    th->near = f->slot;
    if (outermost != CALL_NONE && outermost < c->ncalls && th->frame[0].call != CALL_NONE) {
        c->call[outermost].parent = th->frame[0].call;
        c->call[th->frame[0].call].time = th->frame[0].time = c->call[outermost].time;
        c->call[th->frame[0].call].begin = th->frame[0].begin = c->call[outermost].begin;
    }
}

/* Another stack goes on that was not used in the window. */
static void found_thread(struct taking *t, const struct engine_flow *f)
{
    struct thread *th = new_thread(t);
    switch_to(t, f->cpu, th);
    push_before(t, th, f->cpu, f->to, 0, f->icount + 1, f->time);
    th->near = f->slot;
}

/* Pops the frame at `at`. A return elsewhere is a jump. */
static void return_from(struct taking *t, struct thread *th, size_t at, const struct engine_flow *f)
{
    const uint64_t back = th->frame[at].back;
    unwind(t, th, at, f);
    if (back && back != f->to)
        jumped(t, th, f);
}

/* The call that a return address belongs to, with the tail calls that share it. SIZE_MAX: none. */
static size_t find_call(const struct thread *th, uint64_t slot)
{
    size_t at = find_slot(th, slot);
    while (at != SIZE_MAX && at && th->frame[at].sort == CALL_TAIL && th->frame[at - 1].slot == slot)
        at--;
    return at;
}

/* A function that an interrupt's entry calls has moved its return address to another stack, as Linux's error_entry does. */
static bool is_moved(const struct thread *th, const struct engine_flow *f)
{
    return th->n >= 2 && is_gate(&th->frame[th->n - 2]) && th->frame[th->n - 1].back == f->to;
}

static void returned(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    const size_t at = find_call(th, f->slot);
    if (at != SIZE_MAX) {
        return_from(t, th, at, f);
        return;
    }
    struct thread *other = other_thread(t, th, f->slot, f->to);
    if (other) {
        switch_to(t, f->cpu, other);
        return_from(t, other, find_call(other, f->slot), f);
        return;
    }
    if (is_moved(th, f)) {
        unwind(t, th, th->n - 1, f);
        return;
    }
    if (is_pushed(t, th, f)) {
        jump_pushed(t, th, f);
        return;
    }
    if (!th->n || (!th->frame[0].slot && (!th->near || is_near(t, th->near, f->slot))))
        found_caller(t, th, f);
    else
        found_thread(t, f);
}

/* What was delivered before the window ends: what it interrupted goes on. */
static void back_before(struct taking *t, struct thread *th, const struct engine_flow *f, bool to_program)
{
    const uint32_t to = call_function_at(t, f->cpu, f->to, f->icount);
    const char *name = t->c->function[to].f.name;
    for (size_t i = th->n; name && i-- > 1;)
        if (th->frame[i - 1].sort == CALL_BEFORE &&
            t->c->function[th->frame[i - 1].function].f.name == name) {
            unwind(t, th, i, f);
            return;
        }
    if (!to_program && is_pushed(t, th, f))
        jump_pushed(t, th, f);
    else if (!th->n || to_program || is_near(t, th->near, f->slot))
        found_caller(t, th, f);
    else
        found_thread(t, f);
}

/* An IRET that takes a frame which the kernel has moved and sent elsewhere (Linux emulates calls so, at breakpoints): it ends the latest
 * delivery if the stack is then above that one's frame. SIZE_MAX: it does not. */
static size_t find_left_gate(const struct taking *t, const struct thread *th, const struct engine_flow *f)
{
    const uint64_t sp = t->halves ? look_reg(t->look, f->cpu, "rsp") : 0;
    for (size_t i = th->n; i-- > 0;)
        if (is_gate(&th->frame[i]))
            return sp > th->frame[i].slot && is_near(t, sp, th->frame[i].slot) ? i : SIZE_MAX;
    return SIZE_MAX;
}

/* What was interrupted goes on elsewhere: further on in its function, if an instruction that failed is done without; or in another one: a
 * signal's handler, another program, a call that the kernel emulates. */
static void went_elsewhere(struct taking *t, struct thread *th, const struct engine_flow *f, bool to_program)
{
    const struct frame *top = top_of(th);
    const struct known_function *to = &t->c->function[call_function_at(t, f->cpu, f->to, f->icount)];
    if (top && to->f.name && !to->begins && t->c->function[top->function].f.name == to->f.name)
        return;
    struct engine_flow here = *f;
    here.slot = to_program || !t->halves ? 0 : look_reg(t->look, f->cpu, "rsp");
    here.back = 0;
    entered(t, th, &here, CALL_CALL);
}

/* IRET, SYSRET, RSM. */
static void delivered_back(struct taking *t, struct thread *th, const struct engine_flow *f)
{
    size_t by_slot = f->slot ? find_call(th, f->slot) : SIZE_MAX, by_back = SIZE_MAX, any = SIZE_MAX;
    for (size_t i = 0; i < th->n; i++) {
        const struct frame *g = &th->frame[i];
        if (!is_gate(g) || (f->kind == FLOW_RSM) != (g->sort == CALL_SMI))
            continue;
        any = any == SIZE_MAX ? i : any;
        by_back = g->back == f->to ? i : by_back;
    }
    const bool to_program = t->halves && !(f->to >> 63);
    size_t at = by_slot != SIZE_MAX                 ? by_slot
                : by_back != SIZE_MAX               ? by_back
                : f->kind == FLOW_RSM || to_program ? any
                                                    : find_left_gate(t, th, f);
    if (at == SIZE_MAX) {
        back_before(t, th, f, to_program);
        return;
    }
    const bool elsewhere = th->frame[at].back && th->frame[at].back != f->to;
    unwind(t, th, at, f);
    if (elsewhere)
        went_elsewhere(t, th, f, to_program);
}

/* ---------------------------------------------------------------- the whole */

void call_follow(struct taking *t, const struct engine_flow *f)
{
    static const uint8_t sorts[FLOW_KINDS] = {
        [FLOW_CALL] = CALL_CALL,         [FLOW_INTERRUPT] = CALL_INTERRUPT, [FLOW_EXCEPTION] = CALL_EXCEPTION,
        [FLOW_SOFTWARE] = CALL_SOFTWARE, [FLOW_SYSCALL] = CALL_SYSCALL,     [FLOW_SMI] = CALL_SMI};
    if (t->failed || f->cpu >= WHO_CPUS || f->icount < t->o->from)
        return;
    t->c->executed += f->kind != FLOW_JUMP;
    t->halves |= f->to >> 63;
    if (f->icount > t->who.next.icount && who_pass(&t->who, f->icount, &t->trouble)) {
        fail(t);
        return;
    }
    if (!t->now[f->cpu])
        t->now[f->cpu] = new_thread(t);
    struct thread *th = t->now[f->cpu];
    charge(t, th, f->time);
    switch (f->kind) {
    case FLOW_RETURN:
        returned(t, th, f);
        return;
    case FLOW_IRET:
    case FLOW_SYSRET:
    case FLOW_RSM:
        delivered_back(t, th, f);
        return;
    case FLOW_JUMP:
        jumped(t, th, f);
        return;
    case FLOW_CALL:
        settle(t, th, f);
        break;
    default:
        break;
    }
    struct engine_flow here = *f;
    if (f->kind == FLOW_SYSCALL)
        here.back =
            0; /* where it goes back to is known by who returns: the next SYSRET or IRET to a program */
    entered(t, th, &here, sorts[f->kind]);
}
