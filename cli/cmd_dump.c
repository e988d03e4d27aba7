/* cmd_dump.c - bootreel dump. */
#include "base/out.h"
#include "cli/cli.h"
#include "core/run/replay.h"
#include "core/views/dump.h"

struct dump_command {
    const char *at, *output; /* at: NULL: the end */
    enum dump_format format;
};

static int write_at(const struct dump_command *c, struct trace *t, const struct engine_kind *kind,
                    struct replay *r, uint64_t icount, struct error *err)
{
    char n[NUMBER_TEXT], b[NUMBER_TEXT];
    struct dump_size size;
    if (replay_seek(r, icount, err))
        return trouble(err);
    struct symbols *s = c->format == DUMP_VMCORE ? symbols_load(t, err) : NULL;
    if (c->format == DUMP_VMCORE && !s)
        return trouble(err);
    const int rc = dump_write(look_of(replay_engine(r), false), engine_ram_end(kind, t), s, c->format,
                              c->output, &size, err);
    symbols_free(s);
    if (rc)
        return trouble(err);
    out_print(stderr, "bootreel: %s: %s of memory and %u processor%s at icount %s\n", c->output,
              number_bytes(b, size.memory), size.cpus, size.cpus == 1 ? "" : "s", number_commas(n, icount));
    return EXIT_DONE;
}

static int dump(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    const struct dump_command *c = ctx;
    struct error err;
    uint64_t icount;
    if (!c->output)
        return trouble_text("dump: give -o FILE");
    if (check_output_name("-o", c->output, path, &err) ||
        find_position(engines, t, c->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    const struct engine_kind *kind = recording_engine(engines, t, path, &err);
    struct replay *r = kind ? replay_open_unplaced(t, kind, &err) : NULL;
    int status = r ? write_at(c, t, kind, r, icount, &err) : trouble(&err);
    if (r && status == EXIT_DONE && replay_lost(r, &err))
        status = trouble(&err);
    replay_close(r);
    return status;
}

enum { OPT_FORMAT_OF = 1 };

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the machine at that position (default: the end)",
     STORE(struct dump_command, at)},
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "the file",
     STORE(struct dump_command, output)},
    {.name = "format",
     .argument = "vmcore|raw|elf",
     .help = "what it is (default vmcore)",
     .id = OPT_FORMAT_OF,
     .more =
         "`vmcore`: an ELF core with a Linux kernel's VMCOREINFO, as kdump writes it, for crash and drgn. `elf`: an ELF core of any "
         "guest, with physical addresses only. `raw`: the bytes of memory from physical address 0 on."},
    GROUP(compile_options),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct dump_command *c = ctx;
    return dump_format_parse(value, &c->format)
               ? 0
               : error_set(err, "--%s: \"%.40s\" is not a format: vmcore, raw or elf", row->name, value);
}

static int cmd_dump(struct engines *engines, int argc, char **argv)
{
    struct dump_command c = {0};
    return run_on_trace(&command_dump, engines, argc, argv, take_option, &c, dump);
}

const struct command command_dump = {
    .name = "dump",
    .run = cmd_dump,
    .what = "memory and registers at a position, for crash, drgn and others",
    .arguments = "TRACE [--at POSITION] [--format FORMAT] -o FILE",
    .rows = rows,
    .intro =
        "Writes the memory of the machine and the registers of its processors as they were at a position, by replaying from the nearest "
        "checkpoint. A vmcore needs a 64-bit Linux kernel that has come as far as its core initcalls, where it makes its VMCOREINFO. "
        "Memory that is zero takes no room on the disk. In gdb: boot-dump.",
};
