/* cmd_files.c - bootreel files: who opened, read and wrote which files. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/share_files.h"
#include "cli/with_calls.h"
#include "core/story/files.h"
#include "core/story/process_names.h"

struct files_command {
    const char *at, *process, *file, *output;
    bool failed, json, quiet;
    struct process_names *names; /* with `process` */
    const char *get;             /* a file in a folder of the host */
};

/* ---------------------------------------------------------------- which */

/* A pattern, or a part of the path. */
static bool file_fits(const char *want, const struct file_use *u)
{
    return strpbrk(want, "*?[") ? !fnmatch(want, u->path, 0) : strstr(u->path, want) != NULL;
}

static bool fits(const struct files_command *c, const struct file_use *u)
{
    return (!c->process || process_names_fit(c->names, c->process, u->guest, u->pid, u->first)) &&
           (!c->file || file_fits(c->file, u)) && (!c->failed || u->error);
}

/* ---------------------------------------------------------------- as text */

/* "open read map", or the error. */
static void add_did(struct text *t, const struct file_use *u)
{
    const char *word;
    if (u->error) {
        const char *name = strerrorname_np(u->error);
        text_add(t, "FAILED %s", name ? name : "");
        text_add(t, name ? " " : "%d ", u->error);
    }
    for (unsigned bit = 1; (word = file_did_word(bit)); bit <<= 1)
        if (u->did & bit)
            text_add(t, "%s%s", t->n && t->s[t->n - 1] != ' ' ? " " : "", word);
    if (u->times > 1)
        text_add(t, " x%llu", (unsigned long long)u->times);
}

static void print_amount(uint64_t n)
{
    char text[NUMBER_TEXT];
    out_print(stdout, " %12s", n ? number_commas(text, n) : "-");
}

/* "blocks read 2048+8 4096+16, written 9000+8": sectors, and how many. Requests that follow each other are one. */
static void print_blocks(const struct file_use *u)
{
    enum { SECTOR = 512, SHOWN = 8 };
    size_t shown = 0;
    for (size_t i = 0; i < u->nblocks && shown <= SHOWN; shown++) {
        uint64_t first = u->blocks[i].sector, end = first;
        bool written = u->blocks[i].written, same = i && written == u->blocks[i - 1].written;
        for (; i < u->nblocks && u->blocks[i].sector == end && u->blocks[i].written == written; i++)
            end += u->blocks[i].bytes / SECTOR;
        if (shown == SHOWN) {
            out_print(stdout, " …");
            break;
        }
        out_print(stdout, "%s%s %llu+%llu", shown ? "" : "  blocks",
                  same      ? ""
                  : written ? " written"
                            : " read",
                  (unsigned long long)first, (unsigned long long)(end - first));
    }
}

static void print_use(const struct file_use *u)
{
    char at[NUMBER_TEXT];
    struct text did = {0};
    add_did(&did, u);
    out_print(stdout, "  %13s", number_time(at, u->first_time));
    print_amount(u->read);
    print_amount(u->written);
    print_amount(u->mapped);
    out_print(stdout, "  %-24s  %s%s%s%s%s", did.s ? did.s : "", u->path, *u->real ? " -> " : "", u->real,
              *u->on ? "  on " : "", u->on);
    print_blocks(u);
    out_print(stdout, "\n");
    free(did.s);
}

static void print_text(const struct files_command *c, const struct file_uses *f)
{
    const struct file_use *u, *last = NULL;
    char number[40];
    for (struct file_place at = {0}; (u = file_uses_next(f, &at));) {
        if (!fits(c, u))
            continue;
        if (!last)
            out_print(stdout, "  %13s %12s %12s %12s  %-24s  %s\n", "first", "read", "written", "mapped",
                      "what", "file");
        if (!last || last->guest != u->guest || last->pid != u->pid || strcmp(last->process, u->process)) {
            symbol_space_text(symbol_space_of(u->guest, u->pid), number, sizeof number);
            out_print(stdout, "%s %s\n", number, u->process);
        }
        print_use(u);
        last = u;
    }
    if (!last)
        out_print(
            stderr,
            "bootreel: no process opened a file up to there, or none is known: bootreel processes lists them\n");
}

/* ---------------------------------------------------------------- as JSON */

static void json_use(yajl_gen g, const struct file_use *u)
{
    const char *word;
    yajl_gen_map_open(g);
    if (u->guest)
        json_number(g, "guest", u->guest);
    json_number(g, "pid", u->pid);
    json_text(g, "process", u->process);
    json_text(g, "file", u->path);
    json_text(g, "real", *u->real ? u->real : NULL);
    json_text(g, "on", *u->on ? u->on : NULL);
    json_number(g, "inode", u->inode);
    json_array(g, "did");
    for (unsigned bit = 1; (word = file_did_word(bit)); bit <<= 1)
        if (u->did & bit)
            yajl_gen_string(g, (const unsigned char *)word, strlen(word));
    yajl_gen_array_close(g);
    json_text(g, "error", u->error ? strerrorname_np(u->error) : NULL);
    json_number(g, "times", u->times);
    json_number(g, "read", u->read);
    json_number(g, "written", u->written);
    json_number(g, "mapped", u->mapped);
    json_number(g, "first", u->first);
    json_number(g, "first_time", u->first_time);
    json_number(g, "last", u->last);
    json_array(g, "blocks");
    for (size_t i = 0; i < u->nblocks; i++) {
        yajl_gen_map_open(g);
        json_text(g, "did", u->blocks[i].written ? "write" : "read");
        json_number(g, "sector", u->blocks[i].sector);
        json_number(g, "bytes", u->blocks[i].bytes);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
}

static void print_json(const struct files_command *c, const struct file_uses *f)
{
    yajl_gen g = json_new(true);
    yajl_gen_array_open(g);
    const struct file_use *u;
    for (struct file_place at = {0}; (u = file_uses_next(f, &at));)
        if (fits(c, u))
            json_use(g, u);
    yajl_gen_array_close(g);
    json_print(g);
    yajl_gen_free(g);
}

/* ---------------------------------------------------------------- the command */

static int print_files(struct files_command *c, const struct engines *engines, struct trace *t)
{
    struct error err;
    uint64_t icount;
    if (find_position(engines, t, c->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    const int found = c->process ? find_process(t, c->process, icount, &c->names) : EXIT_DONE;
    if (found != EXIT_DONE)
        return found;
    struct file_uses *f = file_uses_at(t, icount, &err);
    if (!f)
        return trouble(&err);
    if (c->json)
        print_json(c, f);
    else
        print_text(c, f);
    file_uses_free(f);
    return EXIT_DONE;
}

static int list_files(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct files_command *c = ctx;
    struct error err;
    if (c->get)
        return c->output && check_output_name("-o", c->output, path, &err)
                   ? trouble(&err)
                   : share_file_get(engines, t, c->get, c->at, c->output);
    int status = EXIT_TROUBLE;
    struct with_calls w = {.output = c->output, .quiet = c->quiet};
    struct trace *with = with_calls_open(&w, engines, t, path, &status);
    if (with)
        status = print_files(c, engines, with);
    if (with != t)
        trace_close(with);
    process_names_free(c->names);
    with_calls_end(&w);
    return status;
}

/* ---------------------------------------------------------------- options */

static const struct option_row rows[] = {
    {.name = "process",
     .argument = "PROCESS",
     .help = "only what this process did: its number, or a part of a name or program that it ever had",
     STORE(struct files_command, process),
     .more =
         "With * or ?, which stand for any characters, all of the name has to fit. A name that it only had from its parent, before it "
         "executed a program, does not count. GUEST:`PID` is a process of another guest than the first, as bootreel processes prints it. "
         "If there is no such process, a line says so, and the exit status is 1."},
    {.name = "file",
     .argument = "PATTERN",
     .help = "only files whose path contains this, or is like it as a whole if it has *, ? or [",
     STORE(struct files_command, file)},
    {.name = "failed",
     .help = "only what could not be opened or executed",
     STORE(struct files_command, failed)},
    {.name = "get",
     .argument = "PATH",
     .help = "write what a file holds that the guest has in a folder of the host (record --share, run --rw)",
     STORE(struct files_command, get),
     .more =
         "PATH is as the guest sees it, or TAG:`PATH` below the folder with that tag, without links. To FILE (-o), or to standard output. Only what the guest has written or read is in the trace."},
    {.name = "at",
     .argument = "POSITION",
     .help = "what was done up to that position (default: the end)",
     STORE(struct files_command, at)},
    {.name = "output",
     .letter = 'o',
     .argument = "NEW",
     .help = "keep the trace with system calls that is made if TRACE has none; with --get, the file to write",
     STORE(struct files_command, output)},
    FORMAT_ROW(struct files_command, json),
    GROUP(compile_options),
    QUIET_ROW(struct files_command, quiet),
    END_OF_ROWS,
};

static int cmd_files(struct engines *engines, int argc, char **argv)
{
    struct files_command c = {0};
    return run_on_trace(&command_files, engines, argc, argv, NULL, &c, list_files);
}

const struct command command_files = {
    .name = "files",
    .run = cmd_files,
    .what = "who opened, created, read and wrote which files",
    .arguments = "TRACE [--process PROCESS] [--file PATTERN]",
    .rows = rows,
    .intro =
        "Lists the files that each program opened, created, read, wrote, mapped and executed, with bytes, what they are on, and what could not be opened.",
    .more =
        "This follows from the system calls in the trace. If it has none (see `record --events +syscall`), the run is made once more with them, as "
        "annotate does; `-o` keeps that trace, and the next bootreel files is quick.\n"
        "Paths are as programs gave them, made absolute: the current folder, folders' descriptors, roots and inherited descriptors are followed. "
        "Where the kernel has type information (BTF), the file that was opened is known as well: its path without symbolic links (after ->), "
        "its file system, and the blocks of its device (of 512 bytes: FIRST+COUNT) that were read or written for it, by whomever. "
        "Not known are descriptors that came through a socket, and what io_uring does.",
};
