/* recorder_calls.c - calls that are made to fail while a guest is recorded (record --vary errors=call). See private/recorder_impl.h.
 *
 * The engine stops wherever a function of that name begins, as long as its turn has not come. Then the machine is given an input that says
 * where it returns, and which value: the trace has that, so a replay needs no symbols. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/run/private/recorder_impl.h"
#include "core/story/probes.h"

struct failing_call {
    const struct engine_call_error *wanted;
    uint64_t *place; /* where functions of that name were found */
    size_t nplaces;
    uint64_t calls;
    bool refused; /* its turn had come, and the machine could not make it return */
    bool done;
};

void recorder_calls_begin(struct recorder *r)
{
    if (r->o.again || !r->o.ncall_errors)
        return;
    r->failing = mem_zero(r->o.ncall_errors, sizeof *r->failing);
    for (size_t i = 0; i < r->o.ncall_errors; i++)
        r->failing[i].wanted = &r->o.call_errors[i];
}

static bool has_place(const struct failing_call *c, uint64_t address)
{
    for (size_t i = 0; i < c->nplaces; i++)
        if (c->place[i] == address)
            return true;
    return false;
}

static void look_for(struct recorder *r, struct failing_call *c)
{
    const struct symbols *s = inspector_symbols(r->inspector);
    const char *name = c->wanted->function;
    struct symbol sym;
    bool found = symbols_find(s, SPACE_ANY, name, SYMBOLS_NOW, &sym);
    for (; found; found = symbols_find_next(s, SPACE_ANY, name, SYMBOLS_NOW, &sym)) {
        if (has_place(c, sym.address))
            continue;
        MEM_MORE(c->place, c->nplaces);
        c->place[c->nplaces++] = sym.address;
        probes_halt(inspector_probes(r->inspector), PROBE_LINEAR, sym.address, true);
    }
}

void recorder_calls_look(void *ctx)
{
    struct recorder *r = ctx;
    for (size_t i = 0; r->failing && r->inspector && i < r->o.ncall_errors; i++)
        if (!r->failing[i].done)
            look_for(r, &r->failing[i]);
}

/* Another program may use the address, or the module may have been removed. */
static bool still_there(struct recorder *r, const struct failing_call *c, uint64_t address)
{
    const struct symbols *s = inspector_symbols(r->inspector);
    const char *name = c->wanted->function;
    struct guest_task task;
    struct symbol sym;
    const symbol_space space =
        inspector_task(r->inspector, r->stop.cpu, &task) ? task.space : (symbol_space)SPACE_ANY;
    bool found = symbols_find(s, space, name, SYMBOLS_NOW, &sym);
    while (found && sym.address != address)
        found = symbols_find_next(s, space, name, SYMBOLS_NOW, &sym);
    return found;
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
    for (size_t i = 0; i < c->nplaces; i++) {
        bool wanted = false;
        for (size_t k = 0; k < r->o.ncall_errors; k++)
            wanted |= !r->failing[k].done && has_place(&r->failing[k], c->place[i]);
        probes_halt(inspector_probes(r->inspector), PROBE_LINEAR, c->place[i], wanted);
    }
    probes_apply(inspector_probes(r->inspector));
}

int recorder_call_entered(struct recorder *r)
{
    uint64_t address;
    if (!r->failing || !probes_halted(inspector_probes(r->inspector), &r->stop, &address))
        return 0;
    if (icount_of(r) < r->o.call_errors_from || time_of(r) < r->o.call_errors_from_time)
        return 1;
    bool failed = false;
    for (size_t i = 0; i < r->o.ncall_errors; i++) {
        struct failing_call *c = &r->failing[i];
        if (c->done || !has_place(c, address) || !still_there(r, c, address) || ++c->calls < c->wanted->n ||
            failed)
            continue;
        if (make_fail(r, c, address))
            return -1;
        failed = c->done;
        if (failed)
            remove_stops(r, c);
    }
    return 1;
}

/* Why it did not fail. */
static void put_lacking(const struct recorder *r, const struct failing_call *c, char *text, size_t size)
{
    const bool late = r->o.call_errors_from || r->o.call_errors_from_time;
    const char *name = c->wanted->function, *there = late ? " from there on" : "";
    if (!c->nplaces)
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
}

void recorder_calls_free(struct recorder *r)
{
    for (size_t i = 0; r->failing && i < r->o.ncall_errors; i++)
        free(r->failing[i].place);
    free(r->failing);
}
