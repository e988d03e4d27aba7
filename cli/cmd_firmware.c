/* cmd_firmware.c - bootreel firmware: what UEFI firmware has in memory at a position of a trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/firmware_history.h"
#include "cli/platform.h"
#include "core/run/replay.h"
#include "core/systems/efi/firmware.h"

struct firmware_command {
    const char *at;
    char **lists; /* at least one, then NULL */
    bool json;
    bool history, quiet;
    const char *folder; /* -o; NULL: no files */
    const struct engine_kind *kind;
    struct symbols *symbols;
    struct histories *histories; /* NULL: none are asked for */
};

/* "efi" is what engineers call the list of EFI's configuration tables. */
static const char *real_list(const char *list)
{
    return !strcmp(list, "efi") ? "tables" : list;
}

/* The position at which a list is read. */
static int list_position(struct trace *t, const char *list, uint64_t icount, uint64_t *at, struct error *err)
{
    *at = icount;
    return platform_has_list(list) ? 0 : firmware_position(t, list, icount, at, err);
}

static bool go(void *ctx, uint64_t icount)
{
    struct error ignored;
    return !replay_seek(ctx, icount, &ignored);
}

/* The rows of a list of tables, which are also saved if a folder is given. 0; the exit status with err if there are none, or they cannot be
 * saved. */
static int take_rows(struct replay *r, struct trace *t, const struct firmware_command *c, const char *list,
                     struct platform_rows *rows, struct error *err)
{
    const struct platform_memory m = {.m = look_of(replay_engine(r), false),
                                      .ram_end = engine_ram_end(c->kind, t),
                                      .s = c->symbols,
                                      .t = t,
                                      .go = go,
                                      .ctx = r};
    if (platform_rows(&m, list, rows, err))
        return EXIT_NO;
    if (c->folder && platform_save(rows, c->folder, err)) {
        platform_rows_free(rows);
        return EXIT_TROUBLE;
    }
    if (c->folder && !strcmp(list, "acpi"))
        platform_disassemble(rows, c->folder);
    return EXIT_DONE;
}

static size_t peek(const void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = ctx;
    return e->ops->peek_physical(e, address, buf, n);
}

static int print_history(const struct firmware_command *c, const char *list, const struct platform_rows *rows,
                         uint64_t at, struct error *err)
{
    if (!c->histories)
        return 0;
    return strcmp(list, "mtrr") ? histories_print(c->histories, rows, at, err)
                                : histories_print_mtrrs(c->histories, at, err);
}

static int show(struct replay *r, struct trace *t, uint64_t icount, const struct firmware_command *c,
                const char *list, bool title, struct error *err)
{
    struct text out = {0};
    struct platform_rows rows;
    uint64_t at;
    if (list_position(t, list, icount, &at, err) || replay_seek(r, at, err))
        return trouble(err);
    if (platform_has_list(list)) {
        int rc = take_rows(r, t, c, list, &rows, err);
        if (rc) {
            out_print(stderr, "bootreel: %s\n", err->text);
            return rc;
        }
        if (title)
            out_print(stdout, "%s at icount %llu:\n", list, (unsigned long long)at);
        platform_print(&rows);
        platform_print_taken(&rows);
        rc = print_history(c, list, &rows, at, err);
        platform_rows_free(&rows);
        return rc ? trouble(err) : EXIT_DONE;
    }
    const struct firmware_memory m = {replay_engine(r), peek};
    if (firmware_text(&out, t, at, &m, list, err)) {
        free(out.s);
        out_print(stderr, "bootreel: %s\n", err->text);
        return EXIT_NO;
    }
    if (title || at != icount)
        out_print(stdout, "%s at icount %llu%s:\n", list, (unsigned long long)at,
                  at != icount ? ", the end of boot services" : "");
    if (out.s)
        out_lines(stdout, out.s, out.n);
    free(out.s);
    return EXIT_DONE;
}

static int json_history(const struct firmware_command *c, const char *list, const struct platform_rows *rows,
                        uint64_t at, yajl_gen g, struct error *err)
{
    if (!c->histories)
        return 0;
    return strcmp(list, "mtrr") ? histories_json(c->histories, rows, at, g, err)
                                : histories_json_mtrrs(c->histories, at, g, err);
}

/* An object: the list's name, its position, its entries. */
static int show_json(struct replay *r, struct trace *t, uint64_t icount, const struct firmware_command *c,
                     const char *list, yajl_gen g, struct error *err)
{
    struct text notes = {0};
    struct platform_rows rows = {0};
    uint64_t at;
    if (list_position(t, list, icount, &at, err) || replay_seek(r, at, err))
        return trouble(err);
    const struct firmware_memory m = {replay_engine(r), peek};
    yajl_gen_map_open(g);
    json_text(g, "list", list);
    json_number(g, "icount", at);
    json_array(g, "entries");
    int rc = platform_has_list(list) ? take_rows(r, t, c, list, &rows, err)
                                     : firmware_json((struct yajl_gen_t *)g, &notes, t, at, &m, list, err);
    platform_json(g, &rows);
    yajl_gen_array_close(g);
    json_text(g, "notes", notes.s);
    if (!strcmp(list, "e820"))
        platform_json_taken(g, &rows);
    const int lost = !rc ? json_history(c, list, &rows, at, g, err) : 0;
    platform_rows_free(&rows);
    yajl_gen_map_close(g);
    free(notes.s);
    if (lost)
        return trouble(err);
    if (!rc)
        return EXIT_DONE;
    out_print(stderr, "bootreel: %s\n", err->text);
    return rc == EXIT_TROUBLE ? rc : EXIT_NO;
}

static int show_all(struct replay *r, struct trace *t, uint64_t icount, const struct firmware_command *c,
                    struct error *err)
{
    yajl_gen g = c->json ? json_new(false) : NULL;
    int status = EXIT_DONE;
    if (g)
        yajl_gen_array_open(g);
    for (char **list = c->lists; *list && status == EXIT_DONE; list++)
        status = g ? show_json(r, t, icount, c, real_list(*list), g, err)
                   : show(r, t, icount, c, real_list(*list), c->lists[1], err);
    if (g && status == EXIT_DONE) {
        yajl_gen_array_close(g);
        json_print(g);
        out_char(stdout, '\n');
    }
    if (g)
        yajl_gen_free(g);
    return status;
}

/* Each list is checked before the machine runs to the position. */
static int firmware(const struct engines *engines, struct trace *t, const char *path,
                    struct firmware_command *c)
{
    struct error err;
    uint64_t icount, at;
    int status;
    if (find_position(engines, t, c->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    for (char **list = c->lists; *list; list++)
        if (list_position(t, real_list(*list), icount, &at, &err))
            return trouble(&err);
    if (c->folder && mkdir(c->folder, 0777) && errno != EEXIST)
        return trouble_text("-o %s: %s: give a folder that can be made", c->folder, strerror(errno));
    if (!(c->kind = recording_engine(engines, t, path, &err)))
        return trouble(&err);
    struct replay *r = open_replay(engines, t, path, &err);
    if (!r)
        return trouble(&err);
    c->symbols = symbols_load(t, &err);
    if (c->symbols && c->history)
        c->histories = histories_new(t, c->kind, c->symbols, c->quiet || c->json, &err);
    const bool ready = c->symbols && (c->histories || !c->history);
    status = ready ? show_all(r, t, icount, c, &err) : trouble(&err);
    histories_free(c->histories);
    symbols_free(c->symbols);
    if (status != EXIT_TROUBLE && replay_lost(r, &err))
        status = trouble(&err);
    replay_close(r);
    return status;
}

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the lists at that position (default: the end; lists that end with boot services: there)",
     STORE(struct firmware_command, at)},
    {.name = "output",
     .letter = 'o',
     .argument = "FOLDER",
     .help =
         "write what has bytes of its own into that folder: dsdt.dat, ssdt1.dat … as iasl takes them, smbios.bin as dmidecode does",
     STORE(struct firmware_command, folder)},
    {.name = "history",
     .help = "after each list: who built, moved and changed what it was read from, and when",
     STORE(struct firmware_command, history),
     .more =
         "A line for each writer since the oldest write of which a byte is left: icount, guest time, how many bytes where, the function and its "
         "caller, the process or DMA, and where the bytes are from. What was copied is followed to where it was before; these lines are indented. "
         "Only of acpi, smbios, e820, mptable and mtrr; of the last, who gave each register its present value."},
    FORMAT_ROW(struct firmware_command, json),
    QUIET_ROW(struct firmware_command, quiet),
    GROUP(compile_options),
    END_OF_ROWS,
};

static int cmd_firmware(struct engines *engines, int argc, char **argv)
{
    struct firmware_command c = {0};
    int status;
    if (!parse_options(&command_firmware, engines, argc, argv, NULL, &c, &status))
        return status;
    if (argc - optind < 2)
        return trouble_text(
            "firmware: give a trace, and one of acpi, smbios, e820, mtrr, mptable, efi, handles, drivers, images, map, allocations, tables, variables");
    struct trace *t = open_trace(argv[optind]);
    if (!t)
        return EXIT_TROUBLE;
    c.lists = argv + optind + 1;
    status = conclude_trace(t, firmware(engines, t, argv[optind], &c));
    trace_close(t);
    return finish_output(status);
}

const struct command command_firmware = {
    .name = "firmware",
    .run = cmd_firmware,
    .what = "ACPI, SMBIOS, memory map … and UEFI's handles, drivers, variables at a position",
    .arguments = "TRACE LIST… [--at POSITION] [-o FOLDER]",
    .rows = rows,
    .intro =
        "LIST is one of acpi, smbios, e820, mtrr, mptable, efi, handles, drivers, images, map, allocations, tables and variables. Prints what firmware has left for operating systems at a position: ACPI tables with their checksums, SMBIOS structures, the memory map that a Linux "
        "kernel was given (by its loader and by the firmware) and what it made of it, the types of memory by the MTRRs, the MultiProcessor table, EFI's configuration tables (efi). "
        "And what UEFI firmware has in memory: its handles with their protocols and who has opened these, its "
        "drivers with the number of devices that each drives, the images in memory, the DXE core's memory map, the system "
        "table's configuration tables, or its variables with their content, and what it means: boot options and their order, device paths.",
    .outro =
        "Handles, drivers and the memory map are read in the form in which EDK II has them, which most firmware is made from. "
        "Exits with 1 if a list cannot be had at the position; the message says why.",
};
