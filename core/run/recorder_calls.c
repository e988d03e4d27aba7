/* recorder_calls.c - calls that are made to fail while a guest is recorded (record --vary errors=call), and functions at which turns are varied
 * (turns=at:FUNCTION). See private/recorder_impl.h.
 *
 * The engine stops wherever a function of that name begins, as long as its turn has not come. Then the machine is given an input that says
 * where it returns, and which value: the trace has that, so a replay needs no symbols. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/run/places.h"
#include "core/run/private/recorder_impl.h"
#include "core/story/probes.h"

struct failing_call {
    const struct engine_call_error *wanted;
    struct places places; /* where functions of that name were found */
    uint64_t calls;
    bool refused; /* its turn had come, and the machine could not make it return */
    bool done;
};

void recorder_calls_begin(struct recorder *r)
{
    if (r->o.again)
        return;
    r->windows = windows_new(r->o.turns_at, r->o.nturns_at);
    if (!r->o.ncall_errors)
        return;
    r->failing = mem_zero(r->o.ncall_errors, sizeof *r->failing);
    for (size_t i = 0; i < r->o.ncall_errors; i++)
        r->failing[i].wanted = &r->o.call_errors[i];
}

void recorder_calls_look(void *ctx)
{
    struct recorder *r = ctx;
    for (size_t i = 0; r->failing && r->inspector && i < r->o.ncall_errors; i++)
        if (!r->failing[i].done)
            places_find(&r->failing[i].places, r->inspector, r->failing[i].wanted->function);
    windows_look(r->windows, r->inspector);
}

static int make_fail(struct recorder *r, struct failing_call *c, uint64_t address)
{
    uint8_t data[INPUT_RETURN_HEAD + sizeof c->wanted->function];
    const size_t name = strlen(c->wanted->function);
    data[0] = (uint8_t)r->stop.cpu;
    put_le64(data + 1, address);
    put_le64(data + 9, c->wanted->value);
    memcpy(data + INPUT_RETURN_HEAD, c->wanted->function, name);
    struct input in = {.port = INPUT_RETURN, .data = data, .len = (uint32_t)(INPUT_RETURN_HEAD + name)};
    if (feed_offer(&r->feed, &in, &r->err))
        return -1;
    c->done = in.len;
    c->refused = !c->done;
    return 0;
}

/* Nothing stops any more where only calls are that have failed. */
static void remove_stops(struct recorder *r, const struct failing_call *c)
{
    for (size_t i = 0; i < c->places.n; i++) {
        bool wanted = windows_at(r->windows, c->places.at[i]);
        for (size_t k = 0; k < r->o.ncall_errors; k++)
            wanted |= !r->failing[k].done && places_have(&r->failing[k].places, c->places.at[i]);
        probes_halt(inspector_probes(r->inspector), PROBE_LINEAR, c->places.at[i], wanted);
    }
    probes_apply(inspector_probes(r->inspector));
}

static int fail_calls(struct recorder *r, uint64_t address)
{
    if (icount_of(r) < r->o.call_errors_from || time_of(r) < r->o.call_errors_from_time)
        return 1;
    bool failed = false;
    for (size_t i = 0; i < r->o.ncall_errors; i++) {
        struct failing_call *c = &r->failing[i];
        if (c->done || !places_have(&c->places, address) ||
            !places_still(r->inspector, r->stop.cpu, c->wanted->function, address) ||
            ++c->calls < c->wanted->n || failed)
            continue;
        if (make_fail(r, c, address))
            return -1;
        failed = c->done;
        if (failed)
            remove_stops(r, c);
    }
    return 1;
}

int recorder_call_entered(struct recorder *r)
{
    uint64_t address;
    struct input in;
    if ((!r->failing && !r->windows) || !probes_halted(inspector_probes(r->inspector), &r->stop, &address))
        return 0;
    if (windows_entered(r->windows, r->inspector, &r->stop, &in) && feed_offer(&r->feed, &in, &r->err))
        return -1;
    return r->failing ? fail_calls(r, address) : 1;
}

/* Why it did not fail. */
static void put_lacking(const struct recorder *r, const struct failing_call *c, char *text, size_t size)
{
    const bool late = r->o.call_errors_from || r->o.call_errors_from_time;
    const char *name = c->wanted->function, *there = late ? " from there on" : "";
    if (!c->places.n)
        snprintf(text, size, "errors=call,%s: no function of that name was found", name);
    else if (!c->calls)
        snprintf(text, size, "errors=call,%s: it was %s", name,
                 late ? "not called from there on"
                      : "never called; the compiler may have put its code into its callers");
    else if (c->refused)
        snprintf(
            text, size,
            "errors=call,%s,n=%" PRIu64
            ": it could not be made to return: where its stack pointer points to is no memory, so its caller is not known",
            name, c->wanted->n);
    else
        snprintf(text, size, "errors=call,%s,n=%" PRIu64 ": it was called %" PRIu64 " time%s%s", name,
                 c->wanted->n, c->calls, c->calls == 1 ? "" : "s", there);
}

void recorder_calls_end(struct recorder *r)
{
    char *text = r->result.call_lacking;
    for (size_t i = 0; r->failing && i < r->o.ncall_errors && !*text; i++)
        if (!r->failing[i].done)
            put_lacking(r, &r->failing[i], text, sizeof r->result.call_lacking);
    if (!*text)
        windows_lacking(r->windows, text, sizeof r->result.call_lacking);
}

void recorder_calls_free(struct recorder *r)
{
    for (size_t i = 0; r->failing && i < r->o.ncall_errors; i++)
        places_free(&r->failing[i].places);
    free(r->failing);
    windows_free(r->windows);
}
