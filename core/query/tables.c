/* tables.c - the tables that have a row for each of something, and what is in their columns. docs/query.md says what they mean. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "core/query/private/impl.h"
#include "traces/event.h"

void result_bytes(sqlite3_context *c, const void *data, size_t n)
{
    size_t at = 0, length = 1;
    while (at < n && (length = utf8_length((const uint8_t *)data + at, n - at)))
        at += length;
    if (length)
        sqlite3_result_text(c, n ? data : "", (int)n, SQLITE_TRANSIENT);
    else
        sqlite3_result_blob(c, data, (int)n, SQLITE_TRANSIENT);
}

static void number(sqlite3_context *c, uint64_t n)
{
    sqlite3_result_int64(c, (sqlite3_int64)n);
}

/* A number that is not known is NULL. */
static void number_if(sqlite3_context *c, bool known, uint64_t n)
{
    if (known)
        number(c, n);
    else
        sqlite3_result_null(c);
}

/* ---------------------------------------------------------------- boots */

static size_t one_row(const struct boot *b)
{
    return 1;
}

static void classes_text(sqlite3_context *c, uint32_t mask)
{
    struct text t = {0};
    for (int i = 0; i < EC_COUNT; i++)
        if (mask & EVENT_CLASS_BIT(i))
            text_add(&t, "%s%s", t.n ? "," : "", event_class_name((enum event_class)i));
    result_text(c, t.s ? t.s : "");
    free(t.s);
}

static void boots_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum {
        FILE_NAME,
        ENGINE,
        BEHAVIOUR,
        BYTES,
        EVENTS,
        CLASSES,
        ICOUNT,
        TIME,
        ENDED,
        END_TEXT,
        STATUS,
        WHOLE,
        IDENTITY
    };
    const struct trace_config *cfg = trace_config(b->trace);
    const struct trace_end *end = trace_end(b->trace);
    char identity[TRACE_IDENTITY];
    switch (column) {
    case FILE_NAME:
        return result_text(c, b->file);
    case ENGINE:
        return result_text(c, cfg->engine);
    case BEHAVIOUR:
        return number(c, cfg->behaviour);
    case BYTES:
        return number(c, trace_file_size(b->trace));
    case EVENTS:
        return number(c, trace_event_count(b->trace, EVENT_CLASSES_ALL));
    case CLASSES:
        return classes_text(c, cfg->classes);
    case ICOUNT:
        return number(c, trace_last_icount(b->trace));
    case TIME:
        return number(c, b->end_time);
    case ENDED:
        return result_text(c, end ? end->reason : NULL);
    case END_TEXT:
        return result_text(c, end ? end->text : NULL);
    case STATUS:
        return number_if(c, end, end ? (uint64_t)(int64_t)end->status : 0);
    case WHOLE:
        return number(c, !trace_truncated(b->trace));
    case IDENTITY:
        trace_identity(b->trace, identity);
        return result_text(c, identity);
    }
}

static size_t settings_count(const struct boot *b)
{
    return trace_config(b->trace)->nsettings;
}

static void settings_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    const struct setting *s = &trace_config(b->trace)->settings[row];
    result_text(c, column ? s->value : s->key);
}

static size_t images_count(const struct boot *b)
{
    return trace_config(b->trace)->nimages;
}

static void images_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { ROLE, NAME, SIZE, RECORDED, DIGEST };
    const struct trace_image *i = &trace_config(b->trace)->images[row];
    char digest[40];
    switch (column) {
    case ROLE:
        return result_text(c, i->role);
    case NAME:
        return result_text(c, i->name);
    case SIZE:
        return number(c, i->size);
    case RECORDED:
        return number(c, trace_image_recorded(b->trace, (unsigned)row));
    case DIGEST:
        snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, i->digest[1], i->digest[0]);
        return result_text(c, i->has_digest ? digest : NULL);
    }
}

/* ---------------------------------------------------------------- stages */

static size_t stages_rows(const struct boot *b)
{
    return stages_count(b->stages);
}

static uint64_t stages_times(const struct boot *b, size_t row)
{
    return times_of_boot(b->times, stages_get(b->stages, row)->begin);
}

static void stages_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum {
        NAME,
        PARENT,
        DEPTH,
        BEGIN,
        END,
        BEGIN_TIME,
        END_TIME,
        TOOK,
        OWN,
        OTHERS,
        WAITED,
        IDLE,
        FIRST,
        LAST,
        ENDED,
        FAILED,
        BESIDE,
        NOTE
    };
    const struct stage *s = stages_get(b->stages, row);
    const uint64_t busy = s->steps * trace_config(b->trace)->step_ns;
    switch (column) {
    case NAME:
        return result_text(c, s->name);
    case PARENT:
        return number_if(c, s->parent >= 0, (uint64_t)s->parent);
    case DEPTH:
        return number(c, s->depth);
    case BEGIN:
        return number(c, s->begin);
    case END:
        return number(c, s->end);
    case BEGIN_TIME:
        return number(c, s->begin_time);
    case END_TIME:
        return number(c, s->end_time);
    case TOOK:
        return number(c, s->took);
    case OWN:
        return number_if(c, s->has_tasks, s->own);
    case OTHERS:
        return number_if(c, s->has_tasks, s->others);
    case WAITED:
        return number_if(c, s->has_tasks, s->waited);
    case IDLE:
        return number(c, busy < s->took ? s->took - busy : 0);
    case FIRST:
        return number(c, s->first_event);
    case LAST:
        return number(c, s->last_event);
    case ENDED:
        return number(c, !s->open);
    case FAILED:
        return number(c, s->failed);
    case BESIDE:
        return number(c, s->beside);
    case NOTE:
        return result_text(c, s->note);
    }
}

/* ---------------------------------------------------------------- processes */

static size_t processes_rows(const struct boot *b)
{
    return b->nprocesses;
}

static uint64_t processes_times(const struct boot *b, size_t row)
{
    return times_of_boot(b->times, b->processes[row].p.created);
}

static void processes_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum {
        GUEST,
        PID,
        TGID,
        PARENT,
        HOST,
        KIND,
        NAME,
        COMMAND,
        CREATED,
        EXECUTED,
        EXITED,
        CREATED_TIME,
        EXECUTED_TIME,
        EXITED_TIME,
        STATUS,
        SIGNAL
    };
    const struct process *p = &b->processes[row].p;
    switch (column) {
    case GUEST:
        return number(c, p->guest);
    case PID:
        return number(c, p->pid);
    case TGID:
        return number(c, p->tgid);
    case PARENT:
        return number(c, p->parent);
    case HOST:
        return number_if(c, p->host, p->host);
    case KIND:
        return result_text(c, process_kind_text(p->kind));
    case NAME:
        return result_text(c, p->name);
    case COMMAND:
        return result_text(c, *p->path ? p->path : NULL);
    case CREATED:
        return number(c, p->created);
    case EXECUTED:
        return number_if(c, p->executed, p->executed);
    case EXITED:
        return number_if(c, p->exited, p->exited);
    case CREATED_TIME:
        return number(c, p->created_time);
    case EXECUTED_TIME:
        return number_if(c, p->executed, p->executed_time);
    case EXITED_TIME:
        return number_if(c, p->exited, p->exited_time);
    case STATUS: /* as in wait(2) */
        return number_if(c, p->exited && !(p->code & 0x7f), p->code >> 8 & 0xff);
    case SIGNAL:
        return number_if(c, p->exited && p->code & 0x7f, p->code & 0x7f);
    }
}

/* ---------------------------------------------------------------- initcalls and marks */

static size_t initcalls_rows(const struct boot *b)
{
    size_t n;
    initcalls_list(b->initcalls, &n);
    return n;
}

static uint64_t initcalls_times(const struct boot *b, size_t row)
{
    size_t n;
    return times_of_boot(b->times, initcalls_list(b->initcalls, &n)[row].begin);
}

static void initcalls_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { NAME, LEVEL, PID, BEGIN, END, BEGIN_TIME, END_TIME, TOOK, OWN, RESULT };
    size_t n;
    const struct initcall *i = &initcalls_list(b->initcalls, &n)[row];
    switch (column) {
    case NAME:
        return result_text(c, i->name);
    case LEVEL:
        return number(c, i->level);
    case PID:
        return number(c, i->pid);
    case BEGIN:
        return number(c, i->begin);
    case END:
        return number(c, i->end);
    case BEGIN_TIME:
        return number(c, i->begin_time);
    case END_TIME:
        return number(c, i->end_time);
    case TOOK:
        return number(c, i->took);
    case OWN:
        return number_if(c, i->has_own, i->own);
    case RESULT:
        return number_if(c, !i->open, (uint64_t)i->result);
    }
}

static size_t marks_rows(const struct boot *b)
{
    size_t n;
    marks_list(b->marks, &n);
    return n;
}

static uint64_t marks_times(const struct boot *b, size_t row)
{
    size_t n;
    return times_of_boot(b->times, marks_list(b->marks, &n)[row].icount);
}

static void marks_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { ICOUNT, TIME, KIND, TEXT };
    size_t n;
    const struct mark *m = &marks_list(b->marks, &n)[row];
    switch (column) {
    case ICOUNT:
        return number(c, m->icount);
    case TIME:
        return number(c, m->time);
    case KIND:
        return result_text(c, event_kind(m->kind)->name);
    case TEXT:
        return result_text(c, m->text);
    }
}

/* ---------------------------------------------------------------- system calls */

static size_t calls_rows(const struct boot *b)
{
    return b->ncalls;
}

static uint64_t calls_times(const struct boot *b, size_t row)
{
    return b->calls[row].times;
}

static void calls_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { EVENT, ICOUNT, TIME, STAGE, PROCESS, GUEST, PID, NUMBER, NAME, CALL, RESULT, DURATION, HOST };
    const struct known_call *k = &b->calls[row];
    switch (column) {
    case EVENT:
        return number(c, k->event);
    case ICOUNT:
        return number(c, k->icount);
    case TIME:
        return number(c, k->time);
    case STAGE:
        return number_if(c, k->stage >= 0, (uint64_t)k->stage);
    case PROCESS:
        return number_if(c, k->process >= 0, (uint64_t)k->process);
    case GUEST:
        return number(c, k->guest);
    case PID:
        return number(c, k->pid);
    case NUMBER:
        return number(c, k->number);
    case NAME:
        return result_bytes(c, k->call, k->name);
    case CALL:
        return result_bytes(c, k->call, strlen(k->call));
    case RESULT:
        return number_if(c, k->returned, (uint64_t)k->result);
    case DURATION:
        return number_if(c, k->returned, k->duration);
    case HOST:
        return number(c, k->host);
    }
}

/* ---------------------------------------------------------------- samples */

static size_t samples_rows(const struct boot *b)
{
    return b->samples ? samples_chains(b->samples) : 0;
}

/* The functions of a chain, the outermost first. */
static void stack_text(sqlite3_context *c, const struct samples *s, const struct sample_chain *chain)
{
    struct text t = {0};
    for (size_t i = 0; i < chain->ncalls; i++)
        text_add(&t, "%s%s", i ? ";" : "", samples_function_number(s, chain->call[i])->name);
    result_text(c, t.s ? t.s : "");
    free(t.s);
}

static void samples_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { COUNT, FIRST, STAGE_NAME, PROCESS_NAME, FUNCTION, MODULE, FILE_NAME, LINE, DEPTH, STACK };
    const struct sample_chain *chain = samples_chain(b->samples, row);
    const struct sample_function *f =
        chain->ncalls ? samples_function_number(b->samples, chain->call[chain->ncalls - 1]) : NULL;
    switch (column) {
    case COUNT:
        return number(c, chain->count);
    case FIRST:
        return number(c, chain->first);
    case STAGE_NAME:
        return result_text(c, *chain->stage ? chain->stage : NULL);
    case PROCESS_NAME:
        return result_text(c, *chain->process ? chain->process : NULL);
    case FUNCTION:
        return result_text(c, f ? f->name : NULL);
    case MODULE:
        return result_text(c, f && *f->module ? f->module : NULL);
    case FILE_NAME:
        return result_text(c, f ? f->file : NULL);
    case LINE:
        return number_if(c, f && f->file, f ? f->line : 0);
    case DEPTH:
        return number(c, chain->ncalls);
    case STACK:
        return stack_text(c, b->samples, chain);
    }
}

static size_t functions_rows(const struct boot *b)
{
    return b->samples ? samples_functions(b->samples) : 0;
}

static void functions_column(sqlite3_context *c, const struct boot *b, size_t row, int column)
{
    enum { NAME, MODULE, FILE_NAME, LINE, ADDRESS, SELF, TOTAL };
    const struct sample_function *f = samples_function(b->samples, row);
    switch (column) {
    case NAME:
        return result_text(c, f->name);
    case MODULE:
        return result_text(c, *f->module ? f->module : NULL);
    case FILE_NAME:
        return result_text(c, f->file);
    case LINE:
        return number_if(c, f->file, f->line);
    case ADDRESS:
        return number_if(c, f->address, f->address);
    case SELF:
        return number(c, f->self);
    case TOTAL:
        return number(c, f->total);
    }
}

/* ---------------------------------------------------------------- the list */

static const struct row_table tables[] = {
    {.name = "boots",
     .columns =
         "boot INTEGER, file TEXT, engine TEXT, behaviour INTEGER, bytes INTEGER, events INTEGER, classes TEXT, "
         "icount INTEGER, time INTEGER, ended TEXT, end_text TEXT, status INTEGER, whole INTEGER, identity TEXT",
     .single = true,
     .count = one_row,
     .column = boots_column},
    {.name = "settings",
     .columns = "boot INTEGER, setting INTEGER, key TEXT, value TEXT",
     .count = settings_count,
     .column = settings_column},
    {.name = "images",
     .columns =
         "boot INTEGER, image INTEGER, role TEXT, name TEXT, size INTEGER, recorded INTEGER, digest TEXT",
     .count = images_count,
     .column = images_column},
    {.name = "stages",
     .columns =
         "boot INTEGER, stage INTEGER, name TEXT, parent INTEGER, depth INTEGER, begin INTEGER, end INTEGER, "
         "begin_time INTEGER, end_time INTEGER, took INTEGER, own INTEGER, others INTEGER, waited INTEGER, "
         "idle INTEGER, first_event INTEGER, last_event INTEGER, ended INTEGER, failed INTEGER, beside INTEGER, "
         "note TEXT",
     .load = boot_stages,
     .count = stages_rows,
     .times = stages_times,
     .column = stages_column},
    {.name = "processes",
     .columns =
         "boot INTEGER, process INTEGER, guest INTEGER, pid INTEGER, tgid INTEGER, parent INTEGER, host INTEGER, "
         "kind TEXT, name TEXT, command TEXT, created INTEGER, executed INTEGER, exited INTEGER, "
         "created_time INTEGER, executed_time INTEGER, exited_time INTEGER, status INTEGER, signal INTEGER",
     .classes = EVENT_CLASS_BIT(EC_PROCESS),
     .load = boot_processes,
     .count = processes_rows,
     .times = processes_times,
     .column = processes_column},
    {.name = "initcalls",
     .columns =
         "boot INTEGER, initcall INTEGER, name TEXT, level INTEGER, pid INTEGER, begin INTEGER, end INTEGER, "
         "begin_time INTEGER, end_time INTEGER, took INTEGER, own INTEGER, result INTEGER",
     .classes = EVENT_CLASS_BIT(EC_KERNEL),
     .load = boot_initcalls,
     .count = initcalls_rows,
     .times = initcalls_times,
     .column = initcalls_column},
    {.name = "marks",
     .columns = "boot INTEGER, mark INTEGER, icount INTEGER, time INTEGER, kind TEXT, text TEXT",
     .load = boot_marks,
     .count = marks_rows,
     .times = marks_times,
     .column = marks_column},
    {.name = "syscalls",
     .columns =
         "boot INTEGER, syscall INTEGER, event INTEGER, icount INTEGER, time INTEGER, stage INTEGER, "
         "process INTEGER, guest INTEGER, pid INTEGER, number INTEGER, name TEXT, call TEXT, result INTEGER, "
         "duration INTEGER, host INTEGER",
     .classes = EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HOST),
     .load = boot_calls,
     .count = calls_rows,
     .times = calls_times,
     .column = calls_column},
    {.name = "samples",
     .columns =
         "boot INTEGER, sample INTEGER, samples INTEGER, first INTEGER, stage_name TEXT, process_name TEXT, "
         "function TEXT, module TEXT, file TEXT, line INTEGER, depth INTEGER, stack TEXT",
     .count = samples_rows,
     .column = samples_column},
    {.name = "functions",
     .columns =
         "boot INTEGER, function INTEGER, name TEXT, module TEXT, file TEXT, line INTEGER, address INTEGER, "
         "self INTEGER, total INTEGER",
     .count = functions_rows,
     .column = functions_column},
};

const struct row_table *row_table(size_t i)
{
    return i < sizeof tables / sizeof tables[0] ? &tables[i] : NULL;
}
