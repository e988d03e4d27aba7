/* uml.c - see uml.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "core/story/base.h"
#include "core/story/processes.h"
#include "core/systems/uml/uml.h"

enum { PAGE = 4096, NAME = 16, CALLS = 512, ERRORS = 4095, CLONE_THREAD = 0x10000 };

struct host_process {
    uint32_t pid, tgid;
    uint32_t kernel;  /* the process ID of the kernel that it belongs to; 0: none */
    uint64_t examine; /* the entry of a program that has not been looked at; 0: none */
    char name[NAME];
};

/* How often a call was made, and how often it failed with an error. */
struct call_total {
    char name[32];
    uint64_t count, errors;
};
struct error_total {
    uint32_t number;
    int error;
    uint64_t count;
};

struct uml_guest {
    struct guest_base base;
    unsigned number; /* of this guest */
    bool found;
    struct host_process *list;
    size_t n, nexamine; /* nexamine: programs that have not been looked at */
    uint32_t executed;  /* taken up later in the run: the process that has executed a program last; 0: none */
    struct call_total calls[CALLS];
    struct error_total *errors;
    size_t nerrors;
};

static struct uml_guest *uml_guest(struct guest *g)
{
    return (struct uml_guest *)g;
}

/* ---------------------------------------------------------------- life */

static struct guest *create(const struct guest_options *o)
{
    struct uml_guest *u = mem_zero(1, sizeof *u);
    base_init(&u->base, &uml_system, o, &guest_base_plain);
    return &u->base.guest;
}

static void destroy(struct guest *g)
{
    free(uml_guest(g)->list);
    free(uml_guest(g)->errors);
    free(g);
}

/* The task that runs. From the engine, not from EV_HOST_SWITCH: a thread that executes a program becomes its process's first one, without
 * a switch. */
static uint32_t running(const struct uml_guest *u)
{
    return u->base.o.engine->ops->running(u->base.o.engine);
}

/* ---------------------------------------------------------------- processes */

static struct host_process *find(const struct uml_guest *u, uint64_t pid)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->list[i].pid == pid)
            return &u->list[i];
    return NULL;
}

/* The host keeps 15 bytes of a name. */
static void rename_to(struct host_process *p, const char *name)
{
    size_t n = strnlen(name, sizeof p->name - 1);
    memcpy(p->name, name, n);
    p->name[n] = 0;
}

static struct host_process *add(struct uml_guest *u, uint32_t pid, uint32_t tgid, const char *name)
{
    MEM_MORE(u->list, u->n);
    struct host_process *p = &u->list[u->n++];
    *p = (struct host_process){.pid = pid, .tgid = tgid};
    rename_to(p, name);
    return p;
}

static void remove_process(struct uml_guest *u, uint32_t tgid)
{
    for (size_t i = u->n; i-- > 0;)
        if (u->list[i].tgid == tgid) {
            u->nexamine -= u->list[i].examine != 0;
            u->list[i] = u->list[--u->n];
        }
}

static void text_of(const struct event *ev, char *buf, size_t size)
{
    size_t n = ev->len < size ? ev->len : size - 1;
    if (n)
        memcpy(buf, ev->data, n);
    buf[n] = 0;
}

/* The processes of a kernel that is gone are still there, but belong to nobody. False if it has none. */
static bool release(struct uml_guest *u, uint32_t kernel)
{
    bool any = false;
    for (size_t i = 0; i < u->n; i++)
        if (u->list[i].kernel == kernel) {
            u->list[i].kernel = 0;
            any = true;
        }
    return any;
}

static void kernel_ends(struct uml_guest *u, uint32_t pid, bool replaced)
{
    if (!release(u, pid))
        return;
    symbol_space space = 0;
    if (replaced)
        u->base.o.domain_space(u->base.o.ctx, pid, &space);
    GUEST_EMIT(u, EV_KERNEL_END, NULL, pid, symbol_space_guest(space));
    u->base.o.domain_ends(u->base.o.ctx, pid);
}

static void cloned(struct uml_guest *u, const struct event *ev)
{
    const bool thread = EVF(ev, HOST_CLONE, flags) & CLONE_THREAD;
    const uint32_t pid = (uint32_t)EVF(ev, HOST_CLONE, pid);
    const struct host_process *by = find(u, EVF(ev, HOST_CLONE, parent));
    const uint32_t parent = by ? by->tgid : 0, kernel = by ? by->kernel : 0;
    char name[NAME];
    text_of(ev, name, sizeof name);
    add(u, pid, thread ? parent : pid, name)->kernel = kernel;
    GUEST_EMIT(u, EV_PROCESS_CREATE, name, thread ? PROCESS_THREAD_OF_HOST : PROCESS_OF_HOST,
               EVF(ev, HOST_CLONE, flags), pid, thread ? parent : pid, parent);
}

/* Since 6.13 the processes that run a kernel's programs execute a small program of its own, a file without a name: they still
 * belong to it. */
static bool still_belongs(const struct host_process *p, const char *path)
{
    static const char by_descriptor[] = "/dev/fd/";
    return p && p->kernel && p->kernel != p->pid && !strncmp(path, by_descriptor, sizeof by_descriptor - 1);
}

static void executed(struct uml_guest *u, const struct event *ev)
{
    const uint32_t pid = (uint32_t)EVF(ev, HOST_EXEC, pid);
    char path[1024];
    text_of(ev, path, sizeof path);
    const char *name = path_name(path);
    struct host_process *p = find(u, pid);
    const uint32_t kernel = still_belongs(p, path) ? p->kernel : 0;
    kernel_ends(u, pid, true);
    if (!p) { /* the first one */
        p = add(u, pid, pid, name);
        GUEST_EMIT(u, EV_PROCESS_CREATE, p->name, PROCESS_OF_HOST, 0, pid, pid, 0);
    }
    if (strncmp(p->name, name, sizeof p->name - 1)) {
        rename_to(p, name);
        GUEST_EMIT(u, EV_PROCESS_NAME, p->name, pid, p->tgid);
    }
    p->kernel = kernel;
    u->nexamine += !p->examine;
    p->examine = EVF(ev, HOST_EXEC, entry) ? EVF(ev, HOST_EXEC, entry) : 1;
    GUEST_EMIT(u, EV_PROCESS_EXEC, path, pid, p->tgid, EVF(ev, HOST_EXEC, entry));
}

static void exited(struct uml_guest *u, const struct event *ev)
{
    const uint32_t tgid = (uint32_t)EVF(ev, HOST_EXIT, pid);
    char name[NAME];
    text_of(ev, name, sizeof name);
    kernel_ends(u, tgid, false);
    GUEST_EMIT(u, EV_PROCESS_EXIT, name, EVF(ev, HOST_EXIT, code), tgid, tgid);
    remove_process(u, tgid);
}

/* ---------------------------------------------------------------- kernels */

/* Kernels are large; smaller programs are not read at all. */
enum { KERNEL_MIN = 4 << 20, KERNEL_MAX = 256 << 20 };

static bool mapped(const struct uml_guest *u, uint64_t address)
{
    uint8_t byte;
    return u->base.o.engine->ops->peek(u->base.o.engine, 0, address, &byte, 1) == 1;
}

static bool is_banner(const uint8_t *p, const uint8_t *end)
{
    static const char begins[] = "Linux version ";
    enum { LENGTH = sizeof begins - 1 };
    for (; (p = memmem(p, (size_t)(end - p), begins, LENGTH)); p++)
        if (end - p > LENGTH && p[LENGTH] >= '0' && p[LENGTH] <= '9')
            return true;
    return false;
}

/* Whether the image around `entry` is a kernel's. */
static bool is_kernel(const struct uml_guest *u, uint64_t entry)
{
    uint64_t begin = entry & ~(uint64_t)(PAGE - 1), end = begin + PAGE;
    while (end - begin < KERNEL_MAX && begin >= PAGE && mapped(u, begin - PAGE))
        begin -= PAGE;
    while (end - begin < KERNEL_MAX && mapped(u, end))
        end += PAGE;
    if (end - begin < KERNEL_MIN)
        return false;
    uint8_t *image = mem_zero(1, end - begin);
    size_t n = u->base.o.engine->ops->peek(u->base.o.engine, 0, begin, image, end - begin);
    bool found = is_banner(image, image + n);
    free(image);
    return found;
}

/* A program makes its first call: its image is in the address space, which it was not yet when it was executed. */
static void first_call(struct uml_guest *u, uint64_t pid)
{
    struct host_process *p = u->nexamine && pid == running(u) ? find(u, pid) : NULL;
    if (!p || !p->examine)
        return;
    const uint64_t entry = p->examine;
    p->examine = 0;
    u->nexamine--;
    if (p->kernel || !is_kernel(u, entry))
        return;
    p->kernel = p->pid;
    u->base.o.domain_begins(u->base.o.ctx, pid);
    u->base.o.domain_enters(u->base.o.ctx, pid, 0, entry);
}

static bool domain(struct guest *g, unsigned cpu, uint64_t *number)
{
    const struct uml_guest *u = uml_guest(g);
    const struct host_process *p = find(u, running(u));
    *number = p ? p->kernel : 0;
    return *number;
}

/* A kernel's physical memory is a file of its host: no address of the machine stands for it. */
static bool translate(struct guest *g, uint64_t number, uint64_t address, uint64_t *outer)
{
    return false;
}

/* ---------------------------------------------------------------- calls */

static void called(struct uml_guest *u, const struct event *ev)
{
    uint64_t number = EVF(ev, HOST_CALL, number);
    first_call(u, EVF(ev, HOST_CALL, pid));
    if (number >= CALLS)
        return;
    struct call_total *c = &u->calls[number];
    if (!c->count++) {
        text_of(ev, c->name, sizeof c->name);
        c->name[strcspn(c->name, "(")] = 0;
    }
}

static void returned(struct uml_guest *u, const struct event *ev)
{
    uint64_t number = EVF(ev, HOST_RESULT, number);
    int64_t result = (int64_t)EVF(ev, HOST_RESULT, result);
    if (number >= CALLS || result >= 0 || result < -ERRORS)
        return;
    u->calls[number].errors++;
    for (size_t i = 0; i < u->nerrors; i++)
        if (u->errors[i].number == number && u->errors[i].error == -result) {
            u->errors[i].count++;
            return;
        }
    MEM_MORE(u->errors, u->nerrors);
    u->errors[u->nerrors++] = (struct error_total){(uint32_t)number, (int)-result, 1};
}

static int by_number(const void *a, const void *b)
{
    const struct error_total *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : x->error - y->error;
}

static void finish(struct guest *g)
{
    struct uml_guest *u = uml_guest(g);
    u->base.icount = u->base.o.engine->ops->icount(u->base.o.engine);
    u->base.time = u->base.o.engine->ops->time(u->base.o.engine);
    if (u->nerrors)
        qsort(u->errors, u->nerrors, sizeof *u->errors, by_number);
    for (uint32_t i = 0; i < CALLS; i++) {
        if (!u->calls[i].count)
            continue;
        GUEST_EMIT(u, EV_HOST_TOTAL, u->calls[i].name, u->calls[i].count, u->calls[i].errors);
        for (size_t k = 0; k < u->nerrors; k++)
            if (u->errors[k].number == i)
                GUEST_EMIT(u, EV_HOST_ERRORS, u->calls[i].name, (uint64_t)u->errors[k].error,
                           u->errors[k].count);
    }
}

/* ---------------------------------------------------------------- events of the engine */

static void event(struct guest *g, const struct event *ev)
{
    struct uml_guest *u = uml_guest(g);
    u->base.icount = ev->icount;
    u->base.time = ev->time;
    if (!u->found) {
        u->found = true;
        u->number = u->base.o.found(u->base.o.ctx);
    }
    switch (ev->kind) {
    case EV_HOST_CLONE:
        cloned(u, ev);
        break;
    case EV_HOST_EXEC:
        executed(u, ev);
        break;
    case EV_HOST_EXIT:
        exited(u, ev);
        break;
    case EV_HOST_CALL:
        called(u, ev);
        break;
    case EV_HOST_RESULT:
        returned(u, ev);
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- taken up later in the run */

/* The engine itself tells which task runs; which processes belong to a kernel, later events tell. */
static bool resume(struct guest *g, const struct event *found)
{
    uml_guest(g)->found = true;
    return true;
}

static void told_created(struct uml_guest *u, const struct event *ev)
{
    const struct host_process *parent = find(u, EVF(ev, PROCESS_CREATE, parent));
    const uint32_t kernel = parent ? parent->kernel : 0;
    add(u, (uint32_t)EVF(ev, PROCESS_CREATE, pid), (uint32_t)EVF(ev, PROCESS_CREATE, tgid), "")->kernel =
        kernel;
}

static void told_executed(struct uml_guest *u, const struct event *ev)
{
    struct host_process *p = find(u, EVF(ev, PROCESS_EXEC, pid));
    char path[1024];
    text_of(ev, path, sizeof path);
    if (still_belongs(p, path))
        return;
    u->executed = (uint32_t)EVF(ev, PROCESS_EXEC, pid);
    if (p)
        p->kernel = 0;
}

/* A kernel is found when the program that was executed last makes its first call. */
static void told_found(struct uml_guest *u)
{
    struct host_process *p = find(u, u->executed);
    if (p)
        p->kernel = p->pid;
}

static void told_end(struct uml_guest *u, uint32_t pid)
{
    release(u, pid);
    u->base.o.domain_ends(u->base.o.ctx, pid);
}

static void retell(struct guest *g, const struct event *ev)
{
    struct uml_guest *u = uml_guest(g);
    if (ev->kind == EV_KERNEL_FOUND)
        told_found(u);
    if (ev->guest != u->number)
        return;
    switch (ev->kind) {
    case EV_PROCESS_CREATE:
        told_created(u, ev);
        break;
    case EV_PROCESS_EXEC:
        told_executed(u, ev);
        break;
    case EV_PROCESS_EXIT:
        remove_process(u, (uint32_t)EVF(ev, PROCESS_EXIT, tgid));
        break;
    case EV_KERNEL_END:
        told_end(u, (uint32_t)EVF(ev, KERNEL_END, host));
        break;
    default:
        break;
    }
}

/* The process in which a kernel is found now. */
static bool given(const struct guest *g, unsigned cpu, uint64_t *number)
{
    *number = ((const struct uml_guest *)g)->executed;
    return *number;
}

/* ---------------------------------------------------------------- the row */

/* The process of a task; 0 if there is no such task. */
static uint32_t process_of(const struct engine *e, uint32_t id)
{
    const size_t n = e->ops->tasks(e, NULL, 0);
    struct engine_task *list = mem_zero(n + 1, sizeof *list);
    uint32_t process = 0;
    e->ops->tasks(e, list, n);
    for (size_t i = 0; i < n && !process; i++)
        if (list[i].id == id)
            process = list[i].process;
    free(list);
    return process;
}

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    const struct uml_guest *u = uml_guest(g);
    const uint32_t pid = running(u), tgid = process_of(u->base.o.engine, pid);
    *t = (struct guest_task){.pid = pid, .tgid = tgid, .space = symbol_space_of(u->number, tgid)};
    return u->found;
}

static void describe(const struct guest *g, struct text *out)
{
    const struct uml_guest *u = (const struct uml_guest *)g;
    text_add(out, "a Linux host with %zu processes and threads", u->n);
}

const struct guest_system uml_system = {
    .name = "uml",
    .engine = "linux",
    .host = true,
    .needs = EVENT_CLASS_BIT(EC_HOST),
    .create = create,
    .destroy = destroy,
    .event = event,
    .finish = finish,
    .task = task,
    .read = base_read_at,
    .resume = resume,
    .retold = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_KERNEL),
    .retell = retell,
    .describe = describe,
    .domain = domain,
    .given = given,
    .translate = translate,
};
