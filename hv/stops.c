/* stops.c - where a PC stops or is looked at: marks of its own (boot sector, option ROM, reset vector), and a user's stops. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/machine_impl.h"

enum mark { MARK_BOOT_SECTOR, MARK_OPTION_ROM, MARK_FIRMWARE };

/* Marks reached by execution, with any firmware. */
static const struct stop_point marks[] = {
    {MARK_BOOT_SECTOR, STOPS_EXEC_PHYSICAL, 0x7c00, 1, true},
    {MARK_OPTION_ROM, STOPS_EXEC_PHYSICAL, 0xc0003, 1, true},
    {MARK_FIRMWARE, STOPS_EXEC_PHYSICAL, 0xffff0, 1, true}, /* only in a domain, whose loader jumps there */
};

void pc_report(struct pc *pc, struct event *ev)
{
    board_event(pc->board, ev);
}

static void report_vector(struct pc *pc, const struct x86_where *w)
{
    struct event ev = {.kind = EV_RESET_VECTOR, .f = {w->cs, w->rip}};
    pc_report(pc, &ev);
}

/* FNV-1a. */
static uint64_t sum_of(const uint8_t *bytes, size_t n)
{
    uint64_t sum = 0xcbf29ce484222325;
    while (n--)
        sum = (sum ^ *bytes++) * 0x100000001b3;
    return sum;
}

/* Whether what is executed at 7C00h is a boot sector that is entered: what the firmware jumps to for the first time since the reset or
 * INT 18h or 19h, with or without a signature (a floppy's, a CD's, a network's), and later another sector with a signature, which a boot
 * sector or loader has put there. Other code, and one that comes back to its beginning, is not. */
static bool enters_boot_sector(struct pc *pc)
{
    enum { SECTOR = 512, SIGNATURE = 510 };
    uint8_t at[SECTOR];
    if (!board_behaves(pc->board, 15))
        return true;
    physmem_read(board_mem(pc->board), 0x7c00, at, sizeof at);
    const uint64_t sum = sum_of(at, sizeof at);
    const bool first = !pc->loader_entered || pc->services.booting;
    const bool another = at[SIGNATURE] == 0x55 && at[SIGNATURE + 1] == 0xaa && sum != pc->loader_sum;
    if (first || another) {
        pc->services.booting = false;
        pc->loader_sum = sum;
    }
    return first || another;
}

static void boot_sector_reached(struct pc *pc, const struct x86_where *w)
{
    const bool enters = enters_boot_sector(pc);
    struct event ev = {.kind = EV_BOOT_SECTOR_ENTER,
                       .f = {w->cs_base + w->rip, x86_get(pc->cpu, "rdx") & 0xff}};
    pc->loader_entered++;
    if (enters)
        pc_report(pc, &ev);
}

void pc_mark_reached(void *ctx, unsigned id)
{
    struct pc *pc = ctx;
    struct x86_where w;
    x86_where(pc->cpu, &w);
    if (w.protected_mode)
        return;
    if (id == MARK_BOOT_SECTOR) {
        boot_sector_reached(pc, &w);
    } else if (id == MARK_FIRMWARE) {
        report_vector(pc, &w);
    } else {
        struct event ev = {.kind = EV_OPTION_ROM, .f = {w.cs_base + w.rip - 3}};
        pc_report(pc, &ev);
    }
}

void pc_report_start(struct pc *pc)
{
    struct x86_where w;
    x86_where(pc->cpu, &w);
    pc->fresh = 0;
    if (pc->direct && pc->domain) {
        board_domain_starts(pc->board, pc->loaded.entry, pc->loaded.params);
    } else if (pc->direct) {
        struct event ev = {.kind = EV_KERNEL_HANDOVER,
                           .f = {pc->loaded.entry, pc->loaded.params},
                           .data = pc->loaded.protocol,
                           .len = (uint32_t)strlen(pc->loaded.protocol)};
        pc_report(pc, &ev);
        struct event entry = {
            .kind = EV_KERNEL_ENTRY, .f = {pc->loaded.entry}, .data = ev.data, .len = ev.len};
        pc_report(pc, &entry);
    } else {
        report_vector(pc, &w);
    }
}

enum { MARKS = sizeof marks / sizeof marks[0] };

/* A boot sector is entered once, or a few times if one loads the next. The limit is for code that loops there,
 * which would be looked at forever. */
enum { BOOT_SECTOR_REPORTS = 16 };

bool pc_boot_sector_marked(const struct pc *pc)
{
    return pc->loader_entered < BOOT_SECTOR_REPORTS;
}

static void report_boot_try(struct pc *pc, unsigned drive)
{
    static const char *const names[] = {"hard disk 0", "hard disk 1", "CD-ROM (secondary master)",
                                        "secondary slave"};
    struct event ev = {.kind = EV_BOOT_TRY, .f = {[EVF_BOOT_TRY_drive] = drive}};
    char name[32];
    ev.data = drive < 4 ? names[drive] : board_drive_name(drive, name);
    ev.len = (uint32_t)strlen(ev.data);
    pc_report(pc, &ev);
}

void pc_boot_sector_read(void *ctx, unsigned drive)
{
    struct pc *pc = ctx;
    if (!pc->loader_entered && pc->services.booting)
        report_boot_try(pc, drive);
    if (pc->loader_entered < 2)
        return;
    pc->loader_entered = 1;
    x86_break(pc->cpu); /* the mark must be there before the next step */
}

void pc_set_stops(struct pc *pc)
{
    pc->boot_sector_marked = pc_boot_sector_marked(pc);
    const uint32_t left_out = (uint32_t)!pc->boot_sector_marked << MARK_BOOT_SECTOR | (uint32_t)!pc->domain
                                                                                          << MARK_FIRMWARE;
    engine_base_set_stops(&pc->base, marks, MARKS, left_out);
    engine_base_watch_devices(&pc->base, board_mem(pc->board));
}

/* ---------------------------------------------------------------- calls and returns */

static void pc_flow(void *ctx, struct engine_flow *f)
{
    struct pc *pc = ctx;
    f->icount += pc->icount;
    f->time = f->icount * NS_PER_STEP + pc->skipped;
    f->cpu = pc->turn;
    pc->flow(pc->flow_ctx, f);
}

static void pc_code(void *ctx, struct engine_code *c)
{
    struct pc *pc = ctx;
    c->icount += pc->icount;
    c->cpu = pc->turn;
    pc->code(pc->code_ctx, c);
}

void pc_codes(struct engine *e, void (*seen)(void *ctx, const struct engine_code *code), void *ctx)
{
    struct pc *pc = (struct pc *)e;
    pc->code = seen;
    pc->code_ctx = ctx;
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        x86_watch_code(board_cpu(pc->board, i), seen ? pc_code : NULL, pc);
}

void pc_flows(struct engine *e, void (*seen)(void *ctx, const struct engine_flow *flow), void *ctx)
{
    struct pc *pc = (struct pc *)e;
    pc->flow = seen;
    pc->flow_ctx = ctx;
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        x86_watch_flows(board_cpu(pc->board, i), seen ? pc_flow : NULL, pc);
}
