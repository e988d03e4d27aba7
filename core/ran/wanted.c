/* wanted.c - see private/wanted.h. */
#include "core/ran/private/wanted.h"

#include <elf.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/story/files.h"

/* What is kept has a letter before it: N a part of a name, F a file, L a folder that was listed. */
static size_t find(const struct wanted *w, char kind, const char *text, size_t n)
{
    const uint64_t hash = XXH3_64bits_withSeed(text, n, (uint64_t)kind);
    for (struct hash_search s = hash_search(&w->by_text, hash); hash_found(&w->by_text, &s);) {
        const char *its = w->text[s.number];
        if (*its == kind && strlen(its + 1) == n && !memcmp(its + 1, text, n))
            return s.number;
    }
    return SIZE_MAX;
}

static void add(struct wanted *w, char kind, const char *text, size_t n, enum wanted_how how)
{
    const size_t i = find(w, kind, text, n);
    if (i != SIZE_MAX) {
        w->changes += w->how[i] < how;
        w->how[i] = w->how[i] < how ? (uint8_t)how : w->how[i];
        return;
    }
    char *its = mem_alloc(n + 2);
    *its = kind;
    memcpy(its + 1, text, n);
    its[n + 1] = 0;
    hash_index_add(&w->by_text, XXH3_64bits_withSeed(text, n, (uint64_t)kind), w->n);
    MEM_MORE(w->text, w->n);
    MEM_MORE(w->how, w->n);
    w->changes++;
    w->text[w->n] = its;
    w->how[w->n++] = (uint8_t)how;
}

const char *wanted_path(const char *path)
{
    while (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
        path++;
    return path;
}

static void add_parts(struct wanted *w, const char *path, size_t n)
{
    for (size_t from = 0, to; from < n; from = to + 1) {
        for (to = from; to < n && path[to] != '/'; to++)
            ;
        if (to > from)
            add(w, 'N', path + from, to - from, WANTED_NAME);
    }
}

static void add_file(struct wanted *w, const char *path, enum wanted_how how)
{
    path = wanted_path(path);
    add(w, 'F', path, strlen(path), how);
    add_parts(w, path, strlen(path));
}

void wanted_link(struct wanted *w, const char *target, size_t n)
{
    add_parts(w, target, n);
}

/* ---------------------------------------------------------------- interpreters */

static bool elf_interpreter(const uint8_t *p, size_t n, char path[WANTED_PATH])
{
    const bool wide = p[EI_CLASS] == ELFCLASS64;
    Elf64_Ehdr h;
    Elf32_Ehdr h32;
    if (n < (wide ? sizeof h : sizeof h32))
        return false;
    memcpy(&h, p, sizeof h < n ? sizeof h : n);
    memcpy(&h32, p, sizeof h32);
    const uint64_t at = wide ? h.e_phoff : h32.e_phoff, each = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    const unsigned count = wide ? h.e_phnum : h32.e_phnum;
    for (unsigned i = 0; i < count && at <= n && (i + 1) * each <= n - at; i++) {
        Elf64_Phdr s;
        Elf32_Phdr s32;
        memcpy(&s32, p + at + i * each, sizeof s32);
        if (wide)
            memcpy(&s, p + at + i * each, sizeof s);
        const uint64_t from = wide ? s.p_offset : s32.p_offset, size = wide ? s.p_filesz : s32.p_filesz;
        if (s32.p_type != PT_INTERP || !size || size > WANTED_PATH || from > n || size > n - from ||
            p[from + size - 1])
            continue;
        memcpy(path, p + from, size);
        return true;
    }
    return false;
}

bool wanted_interpreter(const uint8_t *program, size_t n, char path[WANTED_PATH])
{
    size_t from = 2, len = 0;
    if (n > SELFMAG && !memcmp(program, ELFMAG, SELFMAG))
        return elf_interpreter(program, n, path);
    if (n < 3 || program[0] != '#' || program[1] != '!')
        return false;
    while (from < n && (program[from] == ' ' || program[from] == '\t'))
        from++;
    while (from + len < n && len + 1 < WANTED_PATH && !strchr(" \t\n", program[from + len]))
        len++;
    memcpy(path, program + from, len);
    path[len] = 0;
    return true;
}

void wanted_used(struct wanted *w, const char *path, enum wanted_how how)
{
    add_file(w, path, how);
}

const char *wanted_path_of(const struct wanted *w, size_t i, enum wanted_how *how)
{
    *how = (enum wanted_how)w->how[i];
    return *w->text[i] == 'F' ? w->text[i] + 1 : NULL;
}

/* ---------------------------------------------------------------- the record */

/* Calls whose texts are what is read and written, not names. */
static bool has_contents(const char *call)
{
    static const char *const calls[] = {
        "read(",    "write(",   "pread64(", "pwrite64(",  "readv(",    "writev(",   "sendto(", "recvfrom(",
        "sendmsg(", "recvmsg(", "syslog(",  "getrandom(", "sendmmsg(", "recvmmsg(", "getcwd(", "uname("};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (!strncmp(call, calls[i], strlen(calls[i])))
            return true;
    return false;
}

/* The texts in quotes of a system call in words. */
static void add_quoted(struct wanted *w, const struct event *ev)
{
    char text[1024];
    size_t n = event_data_until(ev, 0, "", text, sizeof text);
    if (has_contents(text))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t from, to;
        if (text[i] != '"')
            continue;
        for (from = to = i + 1; to < n && text[to] != '"'; to++)
            to += text[to] == '\\';
        add_parts(w, text + from, (to < n ? to : n) - from);
        if (to >= n || !strncmp(text + to + 1, "...", 3))
            w->all_names |= memchr(text + from, '/', (to < n ? to : n) - from) != NULL;
        i = to;
    }
}

/* Each program that is executed, also by the kernel itself (modprobe), without a system call. The event has its path, a blank, and its arguments. */
static void add_program(struct wanted *w, const struct event *ev)
{
    char path[WANTED_PATH];
    event_data_until(ev, 0, " ", path, sizeof path);
    add_file(w, path, WANTED_EXECUTED);
}

static int read_names(struct wanted *w, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HOST) |
                                                      EVENT_CLASS_BIT(EC_PROCESS));
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        if (ev.kind == EV_SYSCALL_ENTER || ev.kind == EV_SYSCALL_EXIT)
            add_quoted(w, &ev);
        else if (ev.kind == EV_PROCESS_EXEC)
            add_program(w, &ev);
    trace_cursor_close(c);
    return rc;
}

/* Who makes or removes a name has no use for what is in the file: before it hands over to the real root, an initramfs removes all of its own. */
static enum wanted_how how_of(const struct file_use *u)
{
    const unsigned by_name = FILE_MADE | FILE_REMOVED;
    if (u->error || !(u->did & ~by_name))
        return WANTED_NAME;
    return u->did & (FILE_EXECUTED | FILE_LOADED) ? WANTED_EXECUTED : WANTED_OPENED;
}

static void add_use(struct wanted *w, const struct file_use *u)
{
    const enum wanted_how how = how_of(u);
    add_file(w, u->path, how);
    if (*u->real)
        add_file(w, u->real, how);
    if (u->did & FILE_LISTED && !u->error) {
        const char *paths[] = {wanted_path(u->path), wanted_path(u->real)};
        for (unsigned i = 0; i < 2; i++)
            add(w, 'L', paths[i], strlen(paths[i]), WANTED_NAME);
    }
}

/* What the kernel itself looks for as the first process. */
static void add_first(struct wanted *w)
{
    static const char *const names[] = {"init", "dev", "console", "sbin", "etc", "bin", "sh", "root"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add(w, 'N', names[i], strlen(names[i]), WANTED_NAME);
}

int wanted_read(struct wanted *w, struct trace *t, struct error *err)
{
    *w = (struct wanted){0};
    struct file_uses *f = file_uses_at(t, trace_last_icount(t), err);
    if (!f)
        return -1;
    add_first(w);
    const struct file_use *u;
    for (struct file_place at = {0}; (u = file_uses_next(f, &at));)
        add_use(w, u);
    file_uses_free(f);
    return read_names(w, t, err);
}

void wanted_end(struct wanted *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->text[i]);
    free(w->text);
    free(w->how);
    hash_index_clear(&w->by_text);
}

enum wanted_how wanted_file(const struct wanted *w, const char *path)
{
    path = wanted_path(path);
    const size_t i = find(w, 'F', path, strlen(path));
    return i == SIZE_MAX ? WANTED_NOT : (enum wanted_how)w->how[i];
}

bool wanted_name(const struct wanted *w, const char *path)
{
    path = wanted_path(path);
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    return w->all_names || !*path || find(w, 'N', last, strlen(last)) != SIZE_MAX ||
           find(w, 'L', path, slash ? (size_t)(slash - path) : 0) != SIZE_MAX;
}
