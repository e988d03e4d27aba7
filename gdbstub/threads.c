/* threads.c - what gdb calls threads: the processors, or where the engine runs tasks on them (the Linux host), these. All are of
 * process 1. A processor's number is its thread's less 1; a task's thread has its id. */
#include "base/memory.h"
#include "gdbstub/impl.h"

unsigned thread_stopped(const struct gdbstub *g, const struct timeline_stopped *s)
{
    return s->task ? ENGINE_TASK + s->task : s->cpu;
}

unsigned thread_here(const struct gdbstub *g)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    return w.task ? ENGINE_TASK + w.task : w.cpu;
}

static unsigned id_of(unsigned cpu)
{
    return cpu & ENGINE_TASK ? cpu & ~(unsigned)ENGINE_TASK : cpu + 1;
}

void reply_thread(struct gdbstub *g, unsigned cpu)
{
    reply_text(g, "%s%x", g->multiprocess ? "p1." : "", g->as_tasks ? stub_task_id(g, cpu) : id_of(cpu));
}

/* The tasks, to be freed; before the first and after the last one the processors are the threads. */
static struct engine_task *tasks(const struct gdbstub *g, size_t *n)
{
    *n = timeline_tasks(g->tl, NULL, 0);
    struct engine_task *list = mem_zero(*n, sizeof *list);
    timeline_tasks(g->tl, list, *n);
    return list;
}

static bool parse_id(const struct gdbstub *g, uint64_t id, int *cpu)
{
    uint64_t steps;
    unsigned task;
    *cpu = ALL_CPUS;
    if (!id)
        return true;
    if (g->as_tasks) {
        if (!stub_task_thread(g, id, &task))
            return false;
        *cpu = (int)task;
        return true;
    }
    if (id < ENGINE_TASK && timeline_task_steps(g->tl, (uint32_t)id, &steps))
        *cpu = ENGINE_TASK + (int)id;
    else if (id <= timeline_cpus(g->tl) && !timeline_tasks(g->tl, NULL, 0))
        *cpu = (int)id - 1;
    else
        return false;
    return true;
}

bool stub_thread(struct gdbstub *g, const char **args, int *cpu)
{
    const char *s = *args;
    uint64_t n;
    *cpu = ALL_CPUS;
    if (*s == 'p') {
        s++;
        bool all = s[0] == '-' && s[1] == '1';
        if (all)
            s += 2;
        else if (!hex_number(&s, &n) || n > PROCESS)
            return false;
        if (*s != '.') {
            *args = s;
            return true;
        }
        s++;
    }
    if (s[0] == '-' && s[1] == '1') {
        *args = s + 2;
        return true;
    }
    if (!hex_number(&s, &n) || !parse_id(g, n, cpu))
        return false;
    *args = s;
    return true;
}

/* ---------------------------------------------------------------- packets */

void gdb_thread_current(struct gdbstub *g, const char *args)
{
    reply_text(g, "QC");
    reply_thread(g, g->cpu_g);
}

void gdb_thread_list(struct gdbstub *g, const char *args)
{
    size_t n;
    g->owed = false; /* as in gdb_threads */
    struct engine_task *list = tasks(g, &n);
    const size_t count = g->as_tasks ? stub_task_threads(g) : n ? n : timeline_cpus(g->tl);
    for (size_t i = 0; i < count; i++) {
        reply_text(g, i ? "," : "m");
        reply_thread(g, g->as_tasks ? stub_task_cpu(g, i) : n ? ENGINE_TASK + list[i].id : (unsigned)i);
    }
    free(list);
}

void gdb_thread_list_end(struct gdbstub *g, const char *args)
{
    reply_text(g, "l");
}

void gdb_thread_select(struct gdbstub *g, const char *args)
{
    int cpu;
    char what = *args;
    if ((what != 'g' && what != 'c') || (args++, !stub_thread(g, &args, &cpu)) || *args) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    if (what == 'c')
        g->any_c = cpu == ALL_CPUS;
    if (cpu != ALL_CPUS)
        *(what == 'g' ? &g->cpu_g : &g->cpu_c) = (unsigned)cpu;
    if (cpu != ALL_CPUS && what == 'g' && g->as_tasks)
        g->id_g = stub_task_id(g, (unsigned)cpu);
    reply_text(g, "OK");
}

void gdb_thread_alive(struct gdbstub *g, const char *args)
{
    int cpu;
    if (stub_thread(g, &args, &cpu) && !*args)
        reply_text(g, "OK");
    else
        reply_error(g, FAIL_UNKNOWN);
}

static void task_text(const struct engine_task *t, struct text *out)
{
    if (t->id != t->process)
        text_add(out, "of %u, ", t->process);
    text_add(out, t->call ? "%s: %s" : "%s", t->state, t->call);
}

static void xml_text(struct text *x, const char *s)
{
    for (; *s; s++)
        if (strchr("<&\"", *s))
            text_add(x, "&#%d;", *s);
        else
            text_add(x, "%c", *s >= ' ' && *s < 127 ? *s : '?');
}

/* "sshd (231), 64-bit mode, ring 3": the task by the record, and the mode. */
static void processor_text(struct gdbstub *g, unsigned cpu, struct text *out)
{
    struct error err;
    char mode[48];
    const struct processes *ps = stub_processes(g, stub_recorded(g), &err);
    const struct process *p = ps ? processes_running(ps, cpu, 0) : NULL;
    if (p) {
        xml_text(out, p->name);
        text_add(out, " (%u), ", p->pid);
    }
    text_add(out, "%s", view_mode_text(timeline_look(g->tl), cpu, mode));
}

void gdb_thread_extra(struct gdbstub *g, const char *args)
{
    int cpu;
    struct text out = {0};
    size_t n;
    if (!stub_thread(g, &args, &cpu) || cpu == ALL_CPUS) {
        reply_error(g, FAIL_UNKNOWN);
        return;
    }
    struct engine_task *list = tasks(g, &n);
    for (size_t i = 0; i < n; i++)
        if (ENGINE_TASK + list[i].id == (unsigned)cpu)
            task_text(&list[i], &out);
    if (g->as_tasks)
        stub_task_text(g, (unsigned)cpu, &out);
    else if (!n)
        processor_text(g, (unsigned)cpu, &out);
    reply_hex(g, out.s, out.n);
    free(out.s);
    free(list);
}

static void xml_task(struct gdbstub *g, struct text *x, const struct engine_task *t)
{
    text_add(x, "<thread id=\"%s%x\" core=\"0\" name=\"", g->multiprocess ? "p1." : "", t->id);
    xml_text(x, t->name);
    text_add(x, "\">");
    task_text(t, x);
    text_add(x, "</thread>");
}

static void xml_guest_task(struct gdbstub *g, struct text *x, unsigned cpu)
{
    const struct view_task *t = stub_task(g, cpu);
    char name[24];
    snprintf(name, sizeof name, "CPU %u", cpu);
    text_add(x, "<thread id=\"%s%x\"", g->multiprocess ? "p1." : "", stub_task_id(g, cpu));
    if (!t || t->cpu >= 0)
        text_add(x, " core=\"%u\"", cpu);
    text_add(x, " name=\"");
    xml_text(x, t ? t->name : name);
    text_add(x, "\">");
    stub_task_text(g, cpu, x);
    text_add(x, "</thread>");
}

static void xml_processors(struct gdbstub *g, struct text *x)
{
    for (unsigned i = 0; i < timeline_cpus(g->tl); i++) {
        text_add(x, "<thread id=\"%s%x\" core=\"%u\" name=\"CPU %u\">", g->multiprocess ? "p1." : "", i + 1,
                 i, i);
        processor_text(g, i, x);
        text_add(x, "</thread>");
    }
}

/* gdb asks for this at every stop, so it is kept short. It reads a long list in pieces: they are of one list, made when it asks for the first. */
void gdb_threads(struct gdbstub *g, const char *args)
{
    const char *offset = args;
    uint64_t at;
    g->owed = false; /* gdb shows this stop: the Ctrl-C came too late for it */
    if (!g->threads.s || (hex_number(&offset, &at) && !at)) {
        size_t n;
        struct engine_task *list = tasks(g, &n);
        free(g->threads.s);
        g->threads = (struct text){0};
        text_add(&g->threads, "<threads>");
        for (size_t i = 0; i < n; i++)
            xml_task(g, &g->threads, &list[i]);
        for (size_t i = 0; g->as_tasks && i < stub_task_threads(g); i++)
            xml_guest_task(g, &g->threads, stub_task_cpu(g, i));
        if (!n && !g->as_tasks)
            xml_processors(g, &g->threads);
        text_add(&g->threads, "</threads>");
        free(list);
    }
    reply_piece(g, args, g->threads.s, g->threads.n);
}
