/* trace_program.c - see trace_program.h. */
#include "cli/trace_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"

enum { PROGRAM_MOST = 1 << 20 };

/* The text of a file, or of standard input for "-". NULL with err. */
static char *read_program(const char *path, struct error *err)
{
    const bool input = !strcmp(path, "-");
    FILE *f = input ? stdin : fopen(path, "re");
    char *text = mem_alloc(PROGRAM_MOST + 1);
    const size_t n = f ? fread(text, 1, PROGRAM_MOST + 1, f) : 0;
    const int why = errno;
    if (f && !ferror(f) && n <= PROGRAM_MOST && !memchr(text, 0, n)) {
        text[n] = 0;
    } else {
        if (!f || ferror(f))
            error_set(err, "trace: %.200s: %s: give a file with a program", path, strerror(why));
        else
            error_set(err, "trace: %.200s: no program: it has more than %d bytes, or bytes that are no text",
                      path, PROGRAM_MOST);
        free(text);
        text = NULL;
    }
    if (f && !input)
        fclose(f);
    return text;
}

/* The error, and below it the line with a caret. */
static int say(const struct ask_error *err, const struct ask_source *source)
{
    size_t n;
    const char *line = source ? ask_error_line(source, err, &n) : NULL;
    const int status = trouble(&err->error);
    if (!line)
        return status;
    struct text t = {0};
    text_escape(&t, ESCAPE_LINES, line, n);
    out_words(stderr, t.s ? t.s : "");
    out_char(stderr, '\n');
    for (size_t i = 0; i + 1 < err->column; i++)
        out_char(stderr, i < n && line[i] == '\t' ? '\t' : ' ');
    out_char(stderr, '^');
    for (size_t i = 1; i < err->length && err->column + i <= n; i++)
        out_char(stderr, '~');
    out_char(stderr, '\n');
    free(t.s);
    return status;
}

void trace_program_print(void *ctx, const char *text, size_t n)
{
    out_words_n(stdout, text, n);
    fflush(stdout);
}

int trace_program_read(struct trace_program *p, const char *file, char *const *argument, size_t n)
{
    struct ask_error wrong;
    struct error why;
    *p = (struct trace_program){
        .source = {.name = "program", .parameters = (const char *const *)argument, .nparameters = n}};
    if (file) {
        p->source.name = file;
        if (!(p->text = read_program(file, &why)))
            return trouble(&why);
        p->source.text = p->text;
    } else if (n) {
        p->source.text = *p->source.parameters++;
        p->source.nparameters--;
    } else {
        return trouble_text(
            "trace: no program: give one, as in 'kprobe:vfs_* { @[func] = count(); }', or --file FILE, or --list");
    }
    p->program = ask_parse(&p->source, &wrong);
    return p->program ? EXIT_DONE : say(&wrong, &p->source);
}

void trace_program_end(struct trace_program *p)
{
    if (p->program)
        ask_free(p->program);
    free(p->text);
}

int trace_program_run(struct trace_program *p, struct ask_options *o, bool quiet)
{
    struct ask_error err;
    struct front front;
    o->program = p->program;
    o->print = trace_program_print;
    signals_block();
    o->front = front_begin(&front, "tracing", quiet);
    const int rc = ask_run(o, &err);
    front_end(&front);
    return rc ? say(&err, &p->source) : EXIT_DONE;
}

static int run_over(struct trace_program *p, const struct engines *engines, struct trace *t, const char *path,
                    bool quiet)
{
    struct error err;
    struct ask_options o = {.trace = t, .to = trace_last_icount(t) + 1, .jobs = jobs_usual(t)};
    struct symbols *symbols = symbols_load(t, &err);
    if (!symbols)
        return trouble(&err);
    o.symbols = symbols;
    o.kind = recording_engine(engines, t, path, &err);
    const int status = o.kind ? trace_program_run(p, &o, quiet) : trouble(&err);
    symbols_free(symbols);
    return status;
}

int trace_program_over(struct trace_program *p, const struct engines *engines, const char *path, bool quiet)
{
    struct trace *t = open_trace(path);
    if (!t)
        return EXIT_TROUBLE;
    const int status = conclude_trace(t, run_over(p, engines, t, path, quiet));
    trace_close(t);
    return status;
}
