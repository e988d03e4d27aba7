/* recorder_inputs.c - what comes to the guest from outside while it is recorded. See private/recorder_impl.h. */
#include <string.h>

#include "core/run/private/recorder_impl.h"
#include "core/run/replay.h"

/* Guest time, ns, between two looks at the host's sockets while somebody may type. */
enum { NET_LOOK = 5000000 };

/* Guest time, ns, between two pictures of a screen that are read for their text. */
enum { PICTURES_APART = 200000000 };

/* ---------------------------------------------------------------- live typing */

/* Gives the guest what was typed, as much as it takes, at the current position. */
static int feed_typing(struct recorder *r)
{
    size_t n;
    const uint8_t *bytes = live_bytes(r->o.live, &n);
    struct input in = {.port = live_port(r->o.live), .data = bytes};
    n = n < TRACE_MAX_INPUT ? n : TRACE_MAX_INPUT;
    in.len = (uint32_t)n;
    int rc = feed_offer(&r->feed, &in, &r->err);
    r->refused = in.len < n;
    live_taken(r->o.live, in.len);
    return rc;
}

static int offer(void *ctx, struct input *in, struct error *err)
{
    return feed_offer(&((struct recorder *)ctx)->feed, in, err);
}

/* Gives the guest what viewers did, as much as it takes. */
static int feed_viewers(struct recorder *r)
{
    struct viewers *v = live_viewers(r->o.live);
    return v ? viewers_give(v, time_of(r), offer, r, &r->err) : 0;
}

static int feed_all(struct recorder *r)
{
    return feed_typing(r) || feed_viewers(r) ? -1 : 0;
}

int recorder_look_for_typing(struct recorder *r)
{
    if (icount_of(r) % LIVE_STEPS)
        return 0;
    live_look(r->o.live, time_of(r));
    return feed_all(r);
}

void recorder_look_for_viewers(struct recorder *r)
{
    struct viewers *v = r->o.live ? live_viewers(r->o.live) : NULL;
    if (!v)
        return;
    if (!viewers_attended(v))
        viewers_read(v);
    if (viewers_attended(v) && r->watch)
        crash_watch_attended(r->watch);
}

/* ---------------------------------------------------------------- typing by program */

size_t recorder_screen(struct recorder *r, bool idle, char *buf, size_t size)
{
    const uint64_t now = time_of(r);
    const size_t n = r->e->ops->screen(r->e, buf, size);
    if (n || !idle || !r->o.hooks.picture_text || now < r->pictured + PICTURES_APART)
        return n;
    r->pictured = now;
    return r->o.hooks.picture_text(r->o.hooks.ctx, r->e, buf, size);
}

int recorder_answer(struct recorder *r)
{
    const bool idle = r->stop.reason == STOP_IDLE || r->stop.reason == STOP_HALTED;
    const uint64_t inputs = r->result.inputs;
    char text[SCREEN_SIZE];
    struct input in = {0};
    size_t n;
    if (recorder_screen(r, idle, text, sizeof text))
        answers_screen(r->o.answers, text, time_of(r));
    do {
        enum input_port port = INPUT_SERIAL0;
        in.data = answers_bytes(r->o.answers, time_of(r), idle, &port, &n);
        in.port = port;
        n = n < TRACE_MAX_INPUT ? n : TRACE_MAX_INPUT;
        in.len = (uint32_t)n;
        if (n && feed_offer(&r->feed, &in, &r->err))
            return -1;
        answers_taken(r->o.answers, in.len);
    } while (n && in.len == n);
    if (r->watch && answers_due(r->o.answers) != UINT64_MAX)
        crash_watch_expects(r->watch);
    if (r->result.inputs == inputs && idle)
        r->answers_until = r->stop.wake;
    return r->result.inputs != inputs;
}

void recorder_limit_by_answers(const struct recorder *r, struct run_limit *l)
{
    const uint64_t due = answers_due(r->o.answers);
    l->icount = earlier(l->icount, (icount_of(r) / LIVE_STEPS + 1) * LIVE_STEPS);
    l->time = earlier(l->time, earlier(r->answers_until, due));
    if (due != UINT64_MAX)
        l->until = l->until ? earlier(l->until, due) : due;
}

/* ---------------------------------------------------------------- the network */

/* The guest waits for a timer, and something may come from the host's network: guest time passes as real time
 * does. */
static void wait_for_net(struct recorder *r)
{
    uint64_t now = time_of(r), wake = earlier(r->stop.wake, net_deadline(r->o.net));
    r->net_until = UINT64_MAX;
    if (!net_expects(r->o.net))
        return;
    r->net_until = now;
    if (r->stop.reason == STOP_IDLE && wake > now)
        r->net_until = now + net_wait(r->o.net, wake - now);
}

int recorder_serve_net(struct recorder *r)
{
    struct input in;
    const uint64_t now = time_of(r);
    if (!r->o.net)
        return 0;
    net_run(r->o.net, icount_of(r), now);
    while (net_due(r->o.net, now, &in)) {
        if (feed_offer(&r->feed, &in, &r->err))
            return -1;
        net_given(r->o.net, now, in.len);
    }
    r->result.lost = net_dropped(r->o.net);
    if (!live(r))
        wait_for_net(r);
    return 0;
}

/* ---------------------------------------------------------------- idle */

int recorder_idle(struct recorder *r)
{
    uint64_t inputs = r->result.inputs;
    if (feed_all(r))
        return -1;
    if (r->result.inputs != inputs)
        return 0;
    uint64_t wake = r->stop.wake;
    if (live_viewers(r->o.live))
        wake = earlier(wake, viewers_due(live_viewers(r->o.live)));
    if (r->o.net)
        wake = earlier(wake, earlier(net_deadline(r->o.net),
                                     net_expects(r->o.net) ? time_of(r) + NET_LOOK : UINT64_MAX));
    r->idle_until = live_idle(r->o.live, time_of(r), wake, r->refused);
    if (r->idle_until != UINT64_MAX)
        return 0;
    end_as(r, STOP_HALTED);
    return 1;
}

/* ---------------------------------------------------------------- the same run again */

int recorder_find_branch(struct recorder *r)
{
    struct feed all = {.source = {.ctx = r->o.again, .input = feed_trace_input}};
    if (!r->o.branch)
        return 0;
    int rc = feed_seek(&all, r->o.branch->fork, &r->err);
    r->branch_from = all.next;
    return rc;
}

int recorder_feed_again(struct recorder *r)
{
    enum feed_result rc = feed_here(&r->feed, &r->err);
    r->result.astray |= rc == FEED_ASTRAY;
    return rc == FEED_DONE ? 0 : -1;
}

bool recorder_at_last_reset(const struct recorder *r)
{
    const struct trace_end *end = end_again(r);
    return end && replay_ended_by_reset(r->o.kind, end) && icount_of(r) == end->icount;
}

bool recorder_again_over(struct recorder *r)
{
    const struct record_branch *b = r->o.branch;
    if (!r->o.again || icount_of(r) < (b ? b->end : trace_last_icount(r->o.again)))
        return false;
    const struct trace_end *end = trace_end(r->o.again);
    if ((b || (end && !trace_cut_off(r->o.again))) &&
        feed_pass_time(r->e, b ? b->end_time : end->time, &r->err) != FEED_DONE)
        r->failed = r->result.astray = true;
    if (recorder_at_last_reset(r) && !r->failed)
        return false; /* the engine says so: STOP_RESET */
    end_as(r, STOP_REACHED);
    return true;
}

uint64_t recorder_again_limit(struct recorder *r)
{
    uint64_t next = 0, last = r->o.branch ? r->o.branch->end : trace_last_icount(r->o.again);
    /* A run that ended by itself is allowed to reach that end. */
    if (!r->o.branch && trace_end(r->o.again) &&
        (!strcmp(trace_end(r->o.again)->reason, "power-off") ||
         !strcmp(trace_end(r->o.again)->reason, "halted") || recorder_at_last_reset(r)))
        last++;
    if (feed_next(&r->feed, &next, &r->err))
        r->failed = true;
    return next < last ? next : last;
}

void recorder_limit_by_net(struct recorder *r, struct run_limit *l)
{
    uint64_t next = net_deadline(r->o.net);
    l->icount = earlier(l->icount, net_stop(r->o.net));
    if (next != UINT64_MAX)
        l->until = l->until ? earlier(l->until, next) : next;
    l->time = earlier(l->time, earlier(next, live(r) ? UINT64_MAX : r->net_until));
}
