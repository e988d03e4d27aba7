/* matrix.c - see matrix.h: the file, and results of jobs. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/matrix.h"
#include "base/out.h"
#include "base/output.h"
#include "base/text.h"
#include "core/why/why.h"

struct value {
    char *name;
    char **options;
    size_t noptions;
};

struct axis {
    char *name;
    struct value *values;
    size_t n;
};

struct without {
    char **words; /* AXIS=VALUE */
    size_t n;
};

struct parser {
    struct matrix *m;
    struct axis *axes;
    size_t naxes;
    char **all;
    size_t nall;
    struct without *without;
    size_t nwithout;
    unsigned line;
};

/* ---------------------------------------------------------------- words */

static void add_word(char ***list, size_t *n, char *word)
{
    *list = mem_more(*list, *n, sizeof **list);
    (*list)[(*n)++] = word;
}

static void free_words(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

/* One word of a line, with a shell's quotes; NULL at its end or at a comment. -1 in *bad: a quote is not closed. */
static char *next_word(const char **p, int *bad)
{
    char quote = 0;
    while (isspace((unsigned char)**p))
        ++*p;
    if (!**p || **p == '#')
        return NULL;
    char *word = mem_alloc(strlen(*p) + 1), *to = word;
    for (; **p && (quote || !isspace((unsigned char)**p)); ++*p) {
        if (quote ? **p == quote : **p == '"' || **p == '\'')
            quote = quote ? 0 : **p;
        else if (**p == '\\' && quote != '\'' && (*p)[1])
            *to++ = *++*p;
        else
            *to++ = **p;
    }
    *to = 0;
    *bad = quote ? -1 : 0;
    return word;
}

/* ---------------------------------------------------------------- lines */

static int wrong(const struct parser *p, struct error *err, const char *what, const char *word)
{
    return error_set(err, "%.200s: line %u: %s%s%.60s%s", p->m->path, p->line, what, *word ? " \"" : "", word,
                     *word ? "\"" : "");
}

/* Names of values become names of files. */
static bool is_name(const char *word)
{
    return *word && *word != '.' &&
           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(word);
}

static struct axis *find_axis(struct parser *p, const char *name, size_t n)
{
    for (size_t i = 0; i < p->naxes; i++)
        if (strlen(p->axes[i].name) == n && !strncmp(p->axes[i].name, name, n))
            return &p->axes[i];
    return NULL;
}

static struct value *find_value(const struct axis *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (!strcmp(a->values[i].name, name))
            return &a->values[i];
    return NULL;
}

static int add_value(struct parser *p, char **words, size_t n, struct error *err)
{
    if (!is_name(words[0]))
        return wrong(p, err, "an axis is letters, digits, - _ and .:", words[0]);
    if (n < 2 || !is_name(words[1]))
        return wrong(p, err, "after the axis comes the value's name, of letters, digits, - _ and .:",
                     n < 2 ? "" : words[1]);
    struct axis *a = find_axis(p, words[0], strlen(words[0]));
    if (!a) {
        MEM_MORE(p->axes, p->naxes);
        a = &p->axes[p->naxes++];
        *a = (struct axis){.name = mem_string(words[0])};
    }
    if (find_value(a, words[1]))
        return wrong(p, err, "this value was given already:", words[1]);
    MEM_MORE(a->values, a->n);
    struct value *v = &a->values[a->n++];
    *v = (struct value){.name = mem_string(words[1])};
    for (size_t i = 2; i < n; i++)
        add_word(&v->options, &v->noptions, mem_string(words[i]));
    return 0;
}

static void copy_words(char ***list, size_t *n, char **words, size_t nwords)
{
    for (size_t i = 0; i < nwords; i++)
        add_word(list, n, mem_string(words[i]));
}

int matrix_allow(struct matrix *m, const char *list, struct error *err)
{
    enum why_code code;
    for (const char *p = list;; p++) {
        const size_t n = strcspn(p, ",");
        char *word = mem_text(p, n);
        if (!why_code_find(word, &code)) {
            error_set(err, "--allow: \"%.60s\" is the code of no verdict: docs/why.md lists them", word);
            free(word);
            return -1;
        }
        add_word(&m->allow, &m->nallow, word);
        p += n;
        if (!*p)
            return 0;
    }
}

static int take_line(struct parser *p, char **words, size_t n, struct error *err)
{
    if (!strcmp(words[0], "all"))
        return copy_words(&p->all, &p->nall, words + 1, n - 1), 0;
    if (!strcmp(words[0], "ends"))
        return copy_words(&p->m->ends, &p->m->nends, words + 1, n - 1), 0;
    if (!strcmp(words[0], "allow")) {
        for (size_t i = 1; i < n; i++)
            if (matrix_allow(p->m, words[i], err))
                return wrong(p, err, "allow: no verdict of bootreel why has this code:", words[i]);
        return 0;
    }
    if (strcmp(words[0], "without"))
        return add_value(p, words, n, err);
    if (n < 2)
        return wrong(p, err, "without: give AXIS=VALUE", "");
    struct without w = {0};
    copy_words(&w.words, &w.n, words + 1, n - 1);
    MEM_MORE(p->without, p->nwithout);
    p->without[p->nwithout++] = w;
    return 0;
}

static int parse_line(struct parser *p, const char *line, struct error *err)
{
    char **words = NULL, *word;
    size_t n = 0;
    int bad = 0, rc = 0;
    p->line++;
    while (!bad && (word = next_word(&line, &bad)))
        add_word(&words, &n, word);
    if (bad)
        rc = wrong(p, err, "a quote is not closed", "");
    else if (n)
        rc = take_line(p, words, n, err);
    free_words(words, n);
    return rc;
}

/* ---------------------------------------------------------------- combinations */

/* Whether the chosen values have all that a `without` names. */
static bool has_all(struct parser *p, const struct without *w, const size_t *chosen)
{
    for (size_t i = 0; i < w->n; i++) {
        const char *equals = strchr(w->words[i], '=');
        const struct axis *a = find_axis(p, w->words[i], (size_t)(equals - w->words[i]));
        if (strcmp(a->values[chosen[a - p->axes]].name, equals + 1))
            return false;
    }
    return true;
}

static int check_without(struct parser *p, struct error *err)
{
    for (size_t i = 0; i < p->nwithout; i++)
        for (size_t k = 0; k < p->without[i].n; k++) {
            const char *word = p->without[i].words[k], *equals = strchr(word, '=');
            const struct axis *a = equals ? find_axis(p, word, (size_t)(equals - word)) : NULL;
            if (!a || !find_value(a, equals + 1))
                return error_set(err, "%.200s: without: \"%.60s\": no such axis and value", p->m->path, word);
        }
    return 0;
}

static void add_job(struct parser *p, const size_t *chosen)
{
    struct text name = {0};
    struct matrix_job j = {0};
    for (size_t i = 0; i < p->nwithout; i++)
        if (has_all(p, &p->without[i], chosen))
            return;
    copy_words(&j.options, &j.noptions, p->all, p->nall);
    for (size_t i = 0; i < p->naxes; i++) {
        const struct value *v = &p->axes[i].values[chosen[i]];
        text_add(&name, "%s%s", i ? "+" : "", v->name);
        copy_words(&j.options, &j.noptions, v->options, v->noptions);
    }
    j.name = name.s;
    MEM_MORE(p->m->jobs, p->m->njobs);
    p->m->jobs[p->m->njobs++] = j;
}

static int combine(struct parser *p, struct error *err)
{
    size_t whole = p->naxes ? 1 : 0;
    for (size_t i = 0; i < p->naxes; i++)
        if ((whole *= p->axes[i].n) > MATRIX_JOBS_MAX)
            return error_set(err, "%.200s: more than %d combinations: make several files", p->m->path,
                             MATRIX_JOBS_MAX);
    if (check_without(p, err))
        return -1;
    size_t *chosen = mem_zero(p->naxes, sizeof *chosen);
    for (size_t k = 0; k < whole; k++) {
        size_t left = k;
        for (size_t i = p->naxes; i-- > 0; left /= p->axes[i].n)
            chosen[i] = left % p->axes[i].n;
        add_job(p, chosen);
    }
    free(chosen);
    return p->m->njobs ? 0 : error_set(err, "%.200s: it has no jobs: give axes with values", p->m->path);
}

static void free_parser(struct parser *p)
{
    for (size_t i = 0; i < p->naxes; i++) {
        for (size_t k = 0; k < p->axes[i].n; k++) {
            free(p->axes[i].values[k].name);
            free_words(p->axes[i].values[k].options, p->axes[i].values[k].noptions);
        }
        free(p->axes[i].values);
        free(p->axes[i].name);
    }
    for (size_t i = 0; i < p->nwithout; i++)
        free_words(p->without[i].words, p->without[i].n);
    free(p->axes);
    free(p->without);
    free_words(p->all, p->nall);
}

/* ---------------------------------------------------------------- the file */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = mem_string(slash ? path : ".");
    if (slash)
        folder[slash == path ? 1 : slash - path] = 0;
    return folder;
}

static int read_lines(struct parser *p, struct error *err)
{
    FILE *f = fopen(p->m->path, "r");
    char *line = NULL;
    size_t size = 0;
    int rc = 0;
    if (!f)
        return error_set(err, "%.200s: %s: give a matrix file", p->m->path, strerror(errno));
    errno = 0;
    while (!rc && getline(&line, &size, f) >= 0)
        rc = parse_line(p, line, err);
    if (!rc && !feof(f)) /* no memory for a line, too */
        rc = error_set(err, "%.200s: %s: give a matrix file", p->m->path, strerror(errno));
    free(line);
    fclose(f);
    return rc;
}

struct matrix *matrix_load(const char *path, struct error *err)
{
    struct parser p = {.m = mem_zero(1, sizeof *p.m)};
    p.m->path = mem_string(path);
    p.m->folder = folder_of(path);
    int rc = read_lines(&p, err);
    if (!rc)
        rc = combine(&p, err);
    free_parser(&p);
    if (!rc)
        return p.m;
    matrix_free(p.m);
    return NULL;
}

void matrix_free(struct matrix *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->njobs; i++) {
        free(m->jobs[i].name);
        free_words(m->jobs[i].options, m->jobs[i].noptions);
    }
    free(m->jobs);
    free_words(m->ends, m->nends);
    free_words(m->allow, m->nallow);
    free(m->path);
    free(m->folder);
    free(m);
}

/* ---------------------------------------------------------------- results of jobs */

static const char *const states[] = {"absent", "started", "done", "failed"};

const char *job_state_name(enum job_state s)
{
    assert((size_t)s < sizeof states / sizeof states[0]);
    return states[s];
}

static bool has_word(char *const *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], word))
            return true;
    return false;
}

bool job_is_broken(const struct matrix *m, const struct job_result *r)
{
    const bool expected = *r->crash && has_word(m->ends, m->nends, r->ended);
    return (*r->crash || *r->code) && !expected && !has_word(m->allow, m->nallow, r->code);
}

const char *job_text(const struct job_result *r, char buf[JOB_TEXT])
{
    const char *const parts[] = {r->why, strcmp(r->why, r->crash) ? r->crash : "", r->verdict};
    size_t n = 0;
    *buf = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (*parts[i])
            n += (size_t)snprintf(buf + n, JOB_TEXT - n, "%s%s", n ? "; " : "", parts[i]);
    return buf;
}

char *job_path(const char *dir, const char *name, const char *suffix)
{
    struct text t = {0};
    text_add(&t, "%s/%s.%s", dir, name, suffix);
    return t.s;
}

static void take_result_line(struct job_result *r, char *line)
{
    char *value = strchr(line, ' ');
    line[strcspn(line, "\n")] = 0;
    if (!value)
        return;
    *value++ = 0;
    escape_undo(value);
    for (unsigned i = 0; !strcmp(line, "state") && i < sizeof states / sizeof states[0]; i++)
        if (!strcmp(states[i], value))
            r->state = i;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"why", r->why, sizeof r->why},
                 {"crash", r->crash, sizeof r->crash},
                 {"verdict", r->verdict, sizeof r->verdict},
                 {"code", r->code, sizeof r->code},
                 {"ended", r->ended, sizeof r->ended}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!strcmp(line, texts[i].name))
            snprintf(texts[i].to, texts[i].size, "%s", value);
    if (!strcmp(line, "steps"))
        r->icount = strtoull(value, NULL, 10);
    if (!strcmp(line, "time"))
        r->time = strtoull(value, NULL, 10);
}

int job_result_read(const char *dir, const char *name, struct job_result *r, struct error *err)
{
    char *path = job_path(dir, name, "job"), *line = NULL;
    size_t size = 0;
    int rc = 0;
    FILE *f = fopen(path, "r");
    *r = (struct job_result){.state = JOB_ABSENT};
    if (!f && errno != ENOENT)
        rc = error_set(err, "%.300s: %s", path, strerror(errno));
    while (f && getline(&line, &size, f) >= 0)
        take_result_line(r, line);
    if (f && !feof(f))
        rc = error_set(err, "%.300s: %s", path, strerror(errno));
    if (f)
        fclose(f);
    free(line);
    free(path);
    return rc;
}

int job_result_write(const char *dir, const char *name, const struct job_result *r, struct error *err)
{
    char *path = job_path(dir, name, "job");
    struct output *out = output_open(path, err);
    free(path);
    if (!out)
        return -1;
    FILE *f = output_file(out);
    out_print(f, "bootreel-job 1\njob %s\nstate %s\n", name, states[r->state]);
    if (*r->why)
        out_print(f, "why %s\n", r->why);
    if (*r->crash)
        out_print(f, "crash %s\n", r->crash);
    if (*r->verdict)
        out_print(f, "verdict %s\n", r->verdict);
    if (*r->code)
        out_print(f, "code %s\n", r->code);
    if (*r->ended)
        out_print(f, "ended %s\nsteps %" PRIu64 "\ntime %" PRIu64 "\n", r->ended, r->icount, r->time);
    return output_done(out, err);
}
