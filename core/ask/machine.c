/* machine.c - what a program asks of the machine that runs: registers, memory, symbols, tasks, calls. See private/eval.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/run.h"
#include "core/story/position.h"
#include "core/story/running.h"
#include "core/views/views.h"

enum { KERNEL_HALF = 63, FRAMES_MOST = 128 };

/* ---------------------------------------------------------------- registers and memory */

uint64_t ask_register(const struct ask_worker *w, size_t number)
{
    return engine_reg_value(w->e, w->cpu, number);
}

static size_t world_read(void *ctx, uint64_t address, void *buf, size_t n)
{
    struct ask_worker *w = ctx;
    if (!w->placed)
        return 0;
    size_t done = look_peek(w->look, w->cpu, address, buf, n);
    if (!done && look_code_bits(w->look, w->cpu) == 64)
        done = view_peek(w->look, view_tables_for(w->look, w->cpu, address), address, buf, n);
    return done;
}

static uint64_t read_word(struct ask_worker *w, uint64_t address)
{
    uint64_t v = 0;
    return world_read(w, address, &v, 8) == 8 ? v : 0;
}

static uint32_t read_half(struct ask_worker *w, uint64_t address)
{
    uint32_t v = 0;
    return world_read(w, address, &v, 4) == 4 ? v : 0;
}

/* "ip", "di", "r10": as struct pt_regs has them, or as gdb has. */
static bool world_reg(void *ctx, const char *name, uint64_t *v)
{
    struct ask_worker *w = ctx;
    char longer[32];
    *v = 0;
    if (!w->placed)
        return true;
    int i = look_reg_index(w->look, name);
    snprintf(longer, sizeof longer, "%s%.20s", strcmp(name, "flags") ? "r" : "e", name);
    if (strlen(name) == 2 || !strcmp(name, "flags"))
        i = look_reg_index(w->look, longer) >= 0 ? look_reg_index(w->look, longer) : i;
    if (i < 0)
        return false;
    uint8_t bytes[64] = {0};
    look_reg_get(w->look, w->cpu, (size_t)i, bytes);
    memcpy(v, bytes, 8);
    return true;
}

/* ---------------------------------------------------------------- who runs */

static unsigned guest_of(const struct ask_worker *w)
{
    if (w->target && w->target->space >= 0)
        return symbol_space_guest(w->target->space);
    return w->event ? w->event->guest : 0;
}

static symbol_space kernel_space(const struct ask_worker *w)
{
    return symbol_space_of(guest_of(w), 0);
}

static bool kernel_symbol(const struct ask_worker *w, const char *name, uint64_t *address)
{
    struct symbol s;
    if (!symbols_find_in(w->s->o->symbols, kernel_space(w), name, w->icount, &s))
        return false;
    *address = s.address;
    return true;
}

static bool member_offset(struct ask_worker *w, const char *type, const char *name, uint64_t *offset)
{
    struct tree_type t;
    struct ask_member m;
    if (!ask_types_kernel(w->types) || !type_tree_named(ask_types_kernel(w->types), TREE_STRUCT, type, &t) ||
        !ask_type_member(w->types, ask_type_tree(w->types, t), name, &m))
        return false;
    *offset = m.offset / 8;
    return true;
}

/* The offsets that a task needs. They are looked for once. */
static bool task_offsets(struct ask_worker *w, uint64_t at[4])
{
    static const char *const names[4] = {"tgid", "pid", "comm", "cred"};
    if (w->task_known < 0) {
        w->task_known = 1;
        for (size_t i = 0; i < 4; i++)
            w->task_known &= member_offset(w, "task_struct", names[i], &w->task_offset[i]);
        w->hot_known = member_offset(w, "pcpu_hot", "current_task", &w->hot_offset);
    }
    memcpy(at, w->task_offset, sizeof w->task_offset);
    return w->task_known &&
           symbol_space_guest(kernel_types_set(ask_types_kernel(w->types))->space) == guest_of(w);
}

/* The address of the task_struct of the processor's task; 0: not known. */
static uint64_t current_task(struct ask_worker *w)
{
    uint64_t at, offsets;
    if (!w->placed || look_code_bits(w->look, w->cpu) != 64)
        return 0;
    if (kernel_symbol(w, "pcpu_hot", &at) && w->hot_known)
        at += w->hot_offset;
    else if (!kernel_symbol(w, "current_task", &at))
        return 0;
    return read_word(
        w, at + (kernel_symbol(w, "__per_cpu_offset", &offsets) ? read_word(w, offsets + 8 * w->cpu) : 0));
}

/* By the record's events: where there are no types, or nothing is run. */
static void recorded_task(struct ask_worker *w, struct ask_task *t)
{
    struct error ignored;
    if (!w->processes)
        w->processes = processes_new();
    processes_move(w->processes, w->t, w->icount, &ignored);
    const struct process *p = processes_current(w->processes, w->cpu);
    if (!p)
        return;
    t->pid = p->tgid;
    t->tid = p->pid;
    snprintf(t->comm, sizeof t->comm, "%s", p->name);
}

static void world_task(void *ctx, struct ask_task *t)
{
    struct ask_worker *w = ctx;
    uint64_t at[4];
    *t = (struct ask_task){.address = 0};
    if (w->icount == UINT64_MAX)
        return;
    if (w->placed && task_offsets(w, at) && (t->address = current_task(w))) {
        t->pid = read_half(w, t->address + at[0]);
        t->tid = read_half(w, t->address + at[1]);
        world_read(w, t->address + at[2], t->comm, 16);
        t->comm[16] = 0;
        return;
    }
    recorded_task(w, t);
}

static bool world_id(void *ctx, bool group, uint64_t *v)
{
    struct ask_worker *w = ctx;
    uint64_t at[4], offset;
    const uint64_t task = task_offsets(w, at) ? current_task(w) : 0;
    if (!task || !member_offset(w, "cred", group ? "gid" : "uid", &offset))
        return false;
    *v = read_half(w, read_word(w, task + at[3]) + offset);
    return true;
}

static uint32_t process_here(struct ask_worker *w)
{
    struct ask_task t;
    world_task(w, &t);
    return t.pid;
}

/* Whether another guest's kernel has code at the address, too. */
static bool is_shared(const struct ask_worker *w, const struct ask_target *t)
{
    const struct symbols *s = w->s->o->symbols;
    struct symbol sym;
    for (long g = symbols_guest_from(s, 0, w->icount); g >= 0;
         g = symbols_guest_from(s, (unsigned)g + 1, w->icount))
        if ((unsigned)g != symbol_space_guest(t->space) &&
            symbols_at_in(s, symbol_space_of((unsigned)g, 0), t->address, w->icount, &sym))
            return true;
    return false;
}

/* Which of several guests runs at an address that more than one has code at: by the record's events. */
static bool is_guest(struct ask_worker *w, const struct ask_target *t)
{
    struct error ignored;
    struct running r;
    if (t->space < 0 || !t->function || !is_shared(w, t))
        return true;
    if (!w->processes)
        w->processes = processes_new();
    if (!w->memory)
        w->memory = running_memory_new(w->t, w->s->o->symbols);
    processes_move(w->processes, w->t, w->icount, &ignored);
    const struct running_place place = {.t = w->t,
                                        .symbols = w->s->o->symbols,
                                        .processes = w->processes,
                                        .icount = w->icount,
                                        .recorded = w->icount,
                                        .cpu = w->cpu,
                                        .pc = t->address};
    running_remembered(w->memory, &place, &r);
    return symbol_space_guest(r.space) == symbol_space_guest(t->space);
}

bool ask_runs_here(struct ask_worker *w, const struct ask_target *t)
{
    if (w->icount < t->since || w->icount >= t->until)
        return false;
    if (!t->program)
        return is_guest(w, t);
    w->target = t;
    return process_here(w) == symbol_space_id(t->space);
}

/* ---------------------------------------------------------------- symbols */

static symbol_space space_of(struct ask_worker *w, bool user)
{
    if (!user)
        return kernel_space(w);
    return symbol_space_of(guest_of(w), process_here(w));
}

static void world_symbol(void *ctx, uint64_t address, bool user, bool offset, struct text *t)
{
    struct ask_worker *w = ctx;
    struct symbol s;
    uint64_t within;
    if (!symbols_at(w->s->o->symbols, space_of(w, user), address, w->icount, &s, &within))
        text_add(t, "0x%llx", (unsigned long long)address);
    else if (offset)
        text_add(t, "%s+%llu", s.name, (unsigned long long)within);
    else
        text_add(t, "%s", s.name);
}

static bool world_address_of(void *ctx, const char *name, bool user, uint64_t *address)
{
    struct ask_worker *w = ctx;
    const symbol_space space = space_of(w, user);
    struct symbol s;
    /* Before its kernel is there it has the address that it will have: nothing can be read at it. */
    if (!symbols_find(w->s->o->symbols, space, name, w->icount, &s) &&
        !symbols_find(w->s->o->symbols, space, name, SYMBOLS_NOW, &s))
        return false;
    *address = s.address;
    return true;
}

/* A constant, whose type is NULL, or a variable of the kernel. */
static bool find_variable(struct ask_worker *w, const char *name, uint64_t *address,
                          const struct ask_type **type)
{
    struct types_place p;
    struct error ignored;
    int64_t value;
    *type = NULL;
    if (!w->s->kernel)
        return false;
    pthread_mutex_lock(&w->s->lock);
    const bool constant = type_tree_enumerator(w->s->kernel, name, &value);
    const bool variable =
        !constant && kernel_types_place(w->s->kernel, w->s->o->symbols, name, &p, &ignored) == 1;
    pthread_mutex_unlock(&w->s->lock);
    if (constant)
        *address = (uint64_t)value;
    if (variable) {
        *address = p.address;
        *type = ask_type_tree(w->types, (struct tree_type){p.table, p.type});
    }
    return constant || variable;
}

static bool world_variable(void *ctx, const char *name, uint64_t *address, const struct ask_type **type)
{
    struct ask_worker *w = ctx;
    size_t i = 0;
    while (i < w->nvariables && w->variable[i].name != name)
        i++;
    if (i == w->nvariables) {
        MEM_MORE(w->variable, w->nvariables);
        struct known_variable *v = &w->variable[w->nvariables++];
        *v = (struct known_variable){.name = name};
        v->found = find_variable(w, name, &v->address, &v->type);
    }
    *address = w->variable[i].address;
    *type = w->variable[i].type;
    return w->variable[i].found;
}

/* ---------------------------------------------------------------- calls in progress */

static bool is_kernel_half(uint64_t address)
{
    return address >> KERNEL_HALF;
}

/* Frames of a kernel or of the program below it. A machine without such a division (firmware) has one stack. */
static size_t frames_of(struct ask_worker *w, bool user, struct view_frame *frame, size_t most)
{
    const uint64_t pc = look_pc(w->look, w->cpu);
    const bool in_kernel = is_kernel_half(pc);
    const bool wide = look_code_bits(w->look, w->cpu) == 64;
    size_t n = 0, kept = 0;
    if (user && in_kernel && w->s->kernel) {
        struct view_task task;
        pthread_mutex_lock(&w->s->lock);
        if (view_task_on(w->look, w->s->kernel, w->s->o->symbols, w->cpu, &task))
            n = view_task_frames(w->calls, w->look, &task, w->s->kernel, w->s->o->symbols, frame, most);
        pthread_mutex_unlock(&w->s->lock);
    } else {
        n = view_frames(w->look, w->cpu, w->s->o->symbols,
                        user && !in_kernel ? space_of(w, true) : kernel_space(w), w->orc, frame, most);
    }
    for (size_t i = 0; i < n; i++)
        if (frame[i].by != VIEW_FRAME_GUESS && (!wide || !in_kernel || is_kernel_half(frame[i].pc) != user))
            frame[kept++] = frame[i];
    return !user && wide && !in_kernel && look_reg(w->look, w->cpu, "cpl") == 3 ? 0 : kept;
}

static void add_frame(struct ask_worker *w, const struct view_frame *f, bool user, const char *mode,
                      struct text *t)
{
    struct text name = {0};
    struct symbol s;
    uint64_t within;
    const symbol_space space = user ? space_of(w, true) : kernel_space(w);
    if (symbols_at(w->s->o->symbols, space, f->pc - f->called, w->icount, &s, &within))
        text_add(&name, "%s+%llu", s.name, (unsigned long long)within + f->called);
    else
        text_add(&name, "0x%llx", (unsigned long long)f->pc);
    if (!strcmp(mode, "perf"))
        text_add(t, "\t%16llx %s\n", (unsigned long long)f->pc, name.s);
    else if (!strcmp(mode, "raw"))
        text_add(t, "%llx\n", (unsigned long long)f->pc);
    else
        text_add(t, "    %s\n", name.s);
    free(name.s);
}

static void world_stack(void *ctx, bool user, unsigned most, const char *mode, struct text *t)
{
    struct ask_worker *w = ctx;
    struct view_frame frame[FRAMES_MOST];
    const size_t n = w->placed ? frames_of(w, user, frame, FRAMES_MOST) : 0;
    text_add(t, "\n");
    for (size_t i = 0; i < n && i < most; i++)
        add_frame(w, &frame[i], user, mode, t);
}

static void world_caller(void *ctx, struct text *t)
{
    struct ask_worker *w = ctx;
    struct view_frame frame[2];
    const size_t n = w->placed ? view_frames(w->look, w->cpu, w->s->o->symbols,
                                             space_of(w, w->target && w->target->program), w->orc, frame, 2)
                               : 0;
    if (n == 2 && frame[1].by != VIEW_FRAME_GUESS)
        world_symbol(w, frame[1].pc - frame[1].called, w->target && w->target->program, false, t);
}

static void world_stage(void *ctx, struct text *t)
{
    struct ask_worker *w = ctx;
    const long i = w->s->stages && w->icount != UINT64_MAX ? stages_at(w->s->stages, w->icount) : -1;
    if (i >= 0)
        text_add(t, "%s", stages_get(w->s->stages, (size_t)i)->name);
}

/* ---------------------------------------------------------------- arguments */

bool ask_target_proto(struct ask_worker *w, const struct ask_target *t, struct tree_type *proto)
{
    struct known_proto *p = &w->proto[t - w->s->at.target];
    if (!p->asked) {
        p->asked = true;
        p->found = w->s->kernel && t->function && !t->program &&
                   type_tree_function(w->s->kernel, t->table, t->function, &p->proto);
    }
    *proto = p->proto;
    return p->found;
}

/* Argument i by the conventions of the code: System V for AMD64 (3.2.3) or i386, or, in 64-bit firmware, those of UEFI (2.3.4.2). */
static uint64_t raw_argument(struct ask_worker *w, unsigned i)
{
    static const uint8_t efi[4] = {3, 2, 4, 5}; /* rcx, rdx, r8, r9 */
    const uint64_t sp = ask_register(w, w->reg.sp);
    if (w->returns)
        return i < 6 ? w->returns->argument[i] : 0;
    if (look_code_bits(w->look, w->cpu) != 64)
        return read_half(w, (uint32_t)sp + 4 + 4 * i);
    if (w->target && w->target->place->kind == P_FIRMWARE)
        return i < 4 ? ask_register(w, w->reg.a[efi[i]]) : read_word(w, sp + 8 + 8 * i);
    return i < 6 ? ask_register(w, w->reg.a[i]) : read_word(w, sp + 8 * (i - 5));
}

static bool world_numbered(void *ctx, unsigned i, struct ask_value *v)
{
    struct ask_worker *w = ctx;
    if (!w->target || (!w->target->entry && !w->returns))
        return false;
    *v = ask_number(raw_argument(w, i), false);
    return true;
}

static struct ask_value of_type(struct ask_worker *w, struct tree_type t, uint64_t raw)
{
    const struct ask_type *type = ask_type_tree(w->types, t);
    const uint64_t size = type->is.size;
    struct ask_value v = ask_number(raw, type->is.kind != TREE_POINTER && type->is.is_signed);
    v.type = type->is.kind == TREE_POINTER ? type : NULL;
    if (size && size < 8 && type->is.kind != TREE_POINTER) {
        const unsigned shift = 64 - 8 * (unsigned)size;
        v.n = v.is_signed ? (uint64_t)((int64_t)(raw << shift) >> shift) : raw << shift >> shift;
    }
    return v;
}

/* Where System V puts a parameter: a structure of up to 16 bytes takes one or two registers. */
static bool named_argument(struct ask_worker *w, struct tree_type proto, const char *name,
                           struct ask_value *v)
{
    struct tree_type t;
    struct tree_info info;
    const char *its;
    unsigned at = 0;
    for (unsigned i = 0; type_tree_parameter(w->s->kernel, proto, i, &its, &t); i++) {
        type_tree_info(w->s->kernel, t, &info);
        const bool record = info.kind == TREE_STRUCT || info.kind == TREE_UNION;
        if (!strcmp(its, name)) {
            if (record)
                return false;
            *v = of_type(w, t, raw_argument(w, at));
            return true;
        }
        at += !record ? 1 : info.size > 16 ? 0 : info.size > 8 ? 2 : 1;
    }
    return false;
}

/* struct pt_regs of 64-bit Linux, arch/x86/include/asm/ptrace.h: where a system call's arguments are. */
static const uint8_t in_pt_regs[6] = {112, 104, 96, 56, 72, 64};

static uint64_t pt_regs_of(struct ask_worker *w)
{
    return raw_argument(w, 0);
}

/* The type of a system call's argument, by its words. */
static struct ask_value syscall_value(struct ask_worker *w, const char *type, uint64_t raw)
{
    const bool pointer = strchr(type, '*');
    const bool is_signed =
        !pointer && (!strcmp(type, "int") || !strcmp(type, "long") || !strcmp(type, "pid_t") ||
                     !strcmp(type, "off_t") || !strcmp(type, "loff_t") || !strcmp(type, "ssize_t"));
    const bool narrow =
        !pointer && (!strcmp(type, "int") || !strcmp(type, "unsigned int") || !strcmp(type, "pid_t") ||
                     !strcmp(type, "uid_t") || !strcmp(type, "gid_t") || !strcmp(type, "u32"));
    if (!strcmp(type, "umode_t"))
        raw &= 0xffff;
    if (narrow)
        raw = is_signed ? (uint64_t)(int64_t)(int32_t)raw : (uint32_t)raw;
    struct ask_value v = ask_number(raw, is_signed);
    if (pointer && strstr(type, "char") && strrchr(type, '*') != strchr(type, '*'))
        v.type = ask_type_pointers(w->types);
    return v;
}

/* By the kernel's own description of its system calls: struct syscall_metadata, include/trace/syscall.h. */
static bool syscall_argument(struct ask_worker *w, const char *name, struct ask_value *v)
{
    enum { COUNT = 12, TYPES = 16, NAMES = 24 };
    char symbol[160], buf[64];
    uint64_t meta;
    const char *call = strstr(w->target->function, "_sys_");
    if (!strcmp(name, "__syscall_nr") || !call)
        return false;
    snprintf(symbol, sizeof symbol, "__syscall_meta__%.100s", call + 5);
    if (!kernel_symbol(w, symbol, &meta))
        return false;
    const uint32_t n = read_half(w, meta + COUNT);
    for (unsigned i = 0; i < n && i < 6; i++) {
        const uint64_t at = read_word(w, read_word(w, meta + NAMES) + 8 * i);
        buf[0] = 0;
        buf[world_read(w, at, buf, sizeof buf - 1)] = 0;
        if (strcmp(buf, name))
            continue;
        buf[0] = 0;
        buf[world_read(w, read_word(w, read_word(w, meta + TYPES) + 8 * i), buf, sizeof buf - 1)] = 0;
        *v = syscall_value(w, buf, read_word(w, pt_regs_of(w) + in_pt_regs[i]));
        return true;
    }
    return false;
}

/* args.args of raw_syscalls:sys_enter: all six. */
static bool all_arguments(struct ask_worker *w, struct ask_value *v)
{
    *v = (struct ask_value){.kind = V_TUPLE, .length = 6, .item = ask_room(&w->eval, 6 * sizeof *v->item)};
    for (unsigned i = 0; i < 6; i++)
        v->item[i] = ask_number(read_word(w, pt_regs_of(w) + in_pt_regs[i]), false);
    return true;
}

static bool tracepoint_argument(struct ask_worker *w, const char *name, struct ask_value *v)
{
    const struct ask_tracepoint_row *row = w->target->tracepoint;
    if (row->syscall && !row->fields)
        return syscall_argument(w, name, v);
    if (row->syscall && !strcmp(name, "args"))
        return all_arguments(w, v);
    for (size_t i = 0; i < w->s->nfields; i++) {
        const struct ask_fields *f = &w->s->fields[i];
        for (size_t k = 0; f->row == row && k < f->n; k++) {
            if (strcmp(f->name[k], name))
                continue;
            *v = ask_value_of(&w->eval, f->node[k]);
            if (w->eval.failed)
                ask_wrong_place(&w->eval.error, w->s->p, w->target->place,
                                "%s: args.%s cannot be computed for this kernel", w->target->place->text,
                                name);
            return true;
        }
    }
    return false;
}

/* A field of an event; `text`: its data. */
static bool event_argument(struct ask_worker *w, const char *name, struct ask_value *v)
{
    const struct event *ev = w->event;
    const struct event_kind *k = event_kind(ev->kind);
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(k->field[i].name, name)) {
            *v = ask_number(event_number(ev, i), k->field[i].type == EFT_SIGNED);
            return true;
        }
    if (!strcmp(name, "times")) {
        struct error ignored;
        w->times = w->times ? w->times : times_of_trace(w->t, &ignored);
        *v = ask_number(w->times ? times_get(w->times, ev, w->next_number) : 1, false);
    } else if (!strcmp(name, "kind")) {
        *v = ask_text_value(&w->eval, k->name, strlen(k->name));
    } else if (!strcmp(name, "text")) {
        *v = ask_text_value(&w->eval, ev->data ? ev->data : "", ev->data ? ev->len : 0);
    } else if (!strcmp(name, "words")) {
        enum { WORDS = 4 * EVENT_MAX_DATA + 1024 };
        char *words = ask_room(&w->eval, WORDS);
        event_text_raw(ev, words, WORDS);
        *v = (struct ask_value){.kind = V_TEXT, .s = words, .length = strlen(words)};
    } else {
        return false;
    }
    return true;
}

static bool stage_argument(struct ask_worker *w, const char *name, struct ask_value *v)
{
    const struct stage *s = w->edge->stage;
    if (!strcmp(name, "name"))
        *v = ask_text_value(&w->eval, s->name, strlen(s->name));
    else if (!strcmp(name, "begin"))
        *v = ask_number(s->begin_time, false);
    else if (!strcmp(name, "end"))
        *v = ask_number(s->end_time, false);
    else if (!strcmp(name, "took"))
        *v = ask_number(s->took, false);
    else if (!strcmp(name, "steps"))
        *v = ask_number(s->steps, false);
    else
        return false;
    return true;
}

static bool world_argument(void *ctx, const char *name, struct ask_value *v)
{
    struct ask_worker *w = ctx;
    struct tree_type proto;
    if (w->edge)
        return stage_argument(w, name, v);
    if (w->event)
        return event_argument(w, name, v);
    if (!w->target)
        return false;
    if (w->target->tracepoint)
        return tracepoint_argument(w, name, v);
    return (w->target->entry || w->returns) && ask_target_proto(w, w->target, &proto) &&
           named_argument(w, proto, name, v);
}

static bool world_result(void *ctx, struct ask_value *v)
{
    struct ask_worker *w = ctx;
    struct tree_type proto;
    if (!w->returns)
        return false;
    uint64_t raw = ask_register(w, w->reg.a[6]);
    if (look_code_bits(w->look, w->cpu) != 64)
        raw = (uint32_t)raw;
    *v = ask_number(raw, true);
    if (ask_target_proto(w, w->target, &proto)) {
        const struct tree_type t = type_tree_result(w->s->kernel, proto);
        if (t.id)
            *v = of_type(w, t, raw);
    }
    return true;
}

/* ---------------------------------------------------------------- another moment */

static int evaluate_at(struct ask_worker *w, const char *position, const struct ask_node *n,
                       struct ask_value *v, struct error *err)
{
    struct position pos;
    uint64_t icount;
    struct ask_worker other = {.s = NULL};
    ask_worker_begin(&other, w->s);
    int rc = position_parse(position, &pos, err) ||
                     position_resolve(other.t, &pos, w->icount, &icount, err) ||
                     ask_worker_open(&other, err) || replay_seek(other.r, icount, err)
                 ? -1
                 : 0;
    if (!rc) {
        const struct ask_firing f = {
            .icount = icount, .time = other.e->ops->time(other.e), .place = w->eval.now->place};
        other.placed = true;
        other.icount = icount;
        other.eval.now = &f;
        const struct ask_value got = ask_value_of(&other.eval, n);
        rc = other.eval.failed ? error_set(err, "%.300s", other.eval.error.error.text) : 0;
        if (!rc)
            *v = ask_copy(&got);
    }
    v->type = NULL; /* its types go with the other machine */
    ask_worker_end(&other);
    return rc;
}

static int world_at(void *ctx, const char *position, const struct ask_node *n, struct ask_value *v,
                    struct error *err)
{
    struct ask_worker *w = ctx;
    struct ask_shared *s = w->s;
    for (size_t i = 0; i < s->nasked; i++)
        if (s->asked[i].node == n && atomic_load(&s->asked[i].known)) {
            *v = s->asked[i].value;
            return 0;
        }
    pthread_mutex_lock(&s->asking);
    int rc = 0;
    for (size_t i = 0; i < s->nasked; i++) {
        struct ask_asked *a = &s->asked[i];
        if (a->node != n)
            continue;
        if (!atomic_load(&a->known))
            rc = evaluate_at(w, position, n, &a->value, err);
        if (!rc)
            atomic_store(&a->known, true);
        *v = a->value;
    }
    pthread_mutex_unlock(&s->asking);
    return rc;
}

const struct ask_world ask_machine = {.read = world_read,
                                      .reg = world_reg,
                                      .task = world_task,
                                      .id = world_id,
                                      .symbol = world_symbol,
                                      .address_of = world_address_of,
                                      .stack = world_stack,
                                      .caller = world_caller,
                                      .stage = world_stage,
                                      .argument = world_argument,
                                      .numbered = world_numbered,
                                      .result = world_result,
                                      .variable = world_variable,
                                      .at = world_at};

/* ---------------------------------------------------------------- beginning and end */

void ask_worker_begin(struct ask_worker *w, struct ask_shared *s)
{
    struct error ignored;
    *w = (struct ask_worker){.s = s, .task_known = -1, .icount = UINT64_MAX};
    w->t = trace_open_beside(s->o->trace, &ignored);
    w->types = ask_types_new(s->p, s->kernel);
    w->proto = mem_zero(s->at.ntargets + 1, sizeof *w->proto);
    w->count = mem_zero(s->nmoments + 1, sizeof *w->count);
    w->orc = view_orc_new();
    w->calls = view_calls_new();
    w->eval = (struct ask_eval){.p = s->p,
                                .world = &ask_machine,
                                .ctx = w,
                                .types = w->types,
                                .print = {.out = &w->out, .json = s->o->json},
                                .positions = s->o->positions,
                                .start = s->start};
    ask_eval_begin(&w->eval);
}

static void find_registers(struct ask_worker *w)
{
    static const char *const names[8] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax", "rbx"};
    for (size_t i = 0; i < 8; i++)
        w->reg.a[i] = engine_reg_index(w->e, names[i]);
    w->reg.ip = engine_reg_index(w->e, "rip");
    w->reg.sp = engine_reg_index(w->e, "rsp");
    w->reg.cr3 = engine_reg_index(w->e, "cr3");
}

int ask_worker_open(struct ask_worker *w, struct error *err)
{
    if (w->r)
        return 0;
    if (!w->t && !(w->t = trace_open_beside(w->s->o->trace, err)))
        return -1;
    w->r = replay_open_unplaced(w->t, w->s->o->kind, err);
    if (!w->r)
        return -1;
    w->e = replay_engine(w->r);
    w->look = look_of(w->e, false);
    find_registers(w);
    return 0;
}

void ask_worker_end(struct ask_worker *w)
{
    ask_eval_end(&w->eval);
    ask_types_free(w->types);
    view_calls_free(w->calls);
    view_orc_free(w->orc);
    processes_free(w->processes);
    running_memory_free(w->memory);
    times_free(w->times);
    trace_cursor_close(w->events);
    replay_close(w->r);
    trace_close(w->t);
    free(w->proto);
    free(w->pending);
    free(w->variable);
    free(w->back);
    free(w->count);
    free(w->out.s);
}
