/* board.c - the mainboard: combines memory, processors and chips; saves their state; passes requests to the
 * machine. */
#include "base/memory.h"
#include "core/engine/settings.h"
#include "base/must.h"
#include "hv/board/bus.h"
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/memory_map.h"
#include "hv/board/events.h"
#include "hv/board/inputs.h"
#include "hv/board/irq.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/storage/disk.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/xen_host.h"
#include "hv/board/chipset/mch.h"
#include "hv/board/internal.h"
#include "hv/board/kinds.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- services for chips */

void board_add_chip(struct board *b, const struct chip *chip)
{
    must(b->nchips < BOARD_MAX_CHIPS, "more chips than a board has room for");
    b->chip[b->nchips++] = chip_flat(chip);
}

void *board_slot(const struct board *b, enum chip_slot slot)
{
    return b->slot[slot];
}

void board_set_slot(struct board *b, enum chip_slot slot, void *state)
{
    b->slot[slot] = state;
}

struct physmem *board_mem(struct board *b)
{
    return b->mem;
}

const struct engine_config *board_config(const struct board *b)
{
    return b->cfg;
}

bool board_behaves(const struct board *b, uint32_t version)
{
    return !b->cfg->behaviour || b->cfg->behaviour >= version;
}

uint64_t board_ram_low(const struct board *b)
{
    return b->ram_low;
}

uint64_t board_ram_high(const struct board *b)
{
    return b->ram_high;
}

/* While the board is being built, the host has no processor whose steps it could count. */
uint64_t board_now(const struct board *b)
{
    if (b->moment.known)
        return b->moment.time;
    return b->built ? b->host.time(b->host.ctx) : 0;
}

uint64_t board_vary(struct board *b, enum vary_kind kind)
{
    return b->built ? vary_choose(b->host.vary, kind, b->host.icount(b->host.ctx)) : 0;
}

uint64_t board_read_error(struct board *b, const char *drive, uint64_t offset, uint64_t n)
{
    return vary_has_errors(b->host.vary) && b->built
               ? vary_read_error(b->host.vary, drive, b->host.icount(b->host.ctx), offset, n)
               : UINT64_MAX;
}

bool board_flash_error(struct board *b, uint64_t offset, uint64_t n, bool *again)
{
    return vary_has_nvram_errors(b->host.vary) && b->built &&
           vary_flash_error(b->host.vary, b->host.icount(b->host.ctx), offset, n, again);
}

uint64_t board_late(struct board *b)
{
    return board_vary(b, VARY_DISK);
}

const char *board_varied_date(const struct board *b)
{
    return vary_date(vary_choose_at(b->host.vary, VARY_RTC, 0));
}

struct x86 *board_cpu(struct board *b, unsigned index)
{
    return b->cpu[index].x86;
}

unsigned board_cpus(const struct board *b)
{
    return b->ncpus;
}

void board_set_a20(struct board *b, bool on)
{
    if (b->state.a20 == on)
        return;
    b->state.a20 = on;
    physmem_set_a20(b->mem, on);
    struct event ev = {.kind = EV_CPU_A20};
    ev.f[EVF_CPU_A20_on] = on;
    board_event(b, &ev);
}

void board_boot_path(struct board *b, const char *role, const char *form, ...)
{
    va_list ap;
    assert(b->nboot_paths < BOARD_MAX_DISKS);
    struct boot_path *p = &b->boot_path[b->nboot_paths++];
    snprintf(p->role, sizeof p->role, "%s", role);
    va_start(ap, form);
    vsnprintf(p->path, sizeof p->path, form, ap);
    va_end(ap);
}

const char *board_boot_path_of(const struct board *b, const char *role)
{
    for (unsigned i = 0; i < b->nboot_paths; i++)
        if (!strcmp(b->boot_path[i].role, role))
            return b->boot_path[i].path;
    return NULL;
}

/* ---------------------------------------------------------------- requests to the machine */

/* Only the first request counts: a later one in the same instruction is ignored. */
static bool request(struct board *b, enum board_request what, int status, const char *how)
{
    if (b->state.request != BOARD_NONE)
        return false;
    b->state.request = (uint8_t)what;
    b->state.request_status = status;
    memset(b->state.request_how, 0, sizeof b->state.request_how);
    memcpy(b->state.request_how, how, strnlen(how, sizeof b->state.request_how - 1));
    if (b->active)
        x86_break(b->active->x86);
    return true;
}

void board_request_reset(struct board *b, const char *how)
{
    if (!request(b, BOARD_RESET, 0, how))
        return;
    struct event ev = {.kind = EV_RESET, .data = how, .len = (uint32_t)strlen(how)};
    ev.f[EVF_RESET_ip] = bus_ip(b);
    board_event(b, &ev);
}

void board_power_off(struct board *b, int status, const char *how)
{
    if (!request(b, BOARD_POWER_OFF, status, how))
        return;
    struct event ev = {.kind = EV_POWER_OFF, .data = how, .len = (uint32_t)strlen(how)};
    ev.f[EVF_POWER_OFF_status] = (uint64_t)status;
    board_event(b, &ev);
}

void board_request_sleep(struct board *b)
{
    if (!request(b, BOARD_SLEEP, 0, "S3"))
        return;
    struct event ev = {.kind = EV_SLEEP};
    ev.f[EVF_SLEEP_ip] = bus_ip(b);
    board_event(b, &ev);
}

void board_wake(struct board *b, const char *how)
{
    struct event ev = {.kind = EV_WAKE, .data = how, .len = (uint32_t)strlen(how)};
    b->state.asleep = false;
    board_event(b, &ev);
}

bool board_asleep(const struct board *b)
{
    return b->state.asleep;
}

/* The text may be the host's (a path, an error of its file system), so it is not part of the state. */
void board_image_error(struct board *b, const struct error *err)
{
    if (request(b, BOARD_ERROR, 0, ""))
        b->image_error = *err;
}

bool board_request_is_reset(const struct board *b)
{
    return b->state.request == BOARD_RESET;
}

bool board_request_is_sleep(const struct board *b)
{
    return b->state.request == BOARD_SLEEP;
}

const char *board_request_how(const struct board *b)
{
    return (const char *)b->state.request_how;
}

enum board_request board_take_request(struct board *b, int *status, const char **how)
{
    enum board_request what = b->state.request;
    *status = b->state.request_status;
    *how = what == BOARD_ERROR ? b->image_error.text : (const char *)b->state.request_how;
    b->state.request = BOARD_NONE;
    b->state.request_status = 0;
    return what;
}

uint32_t board_input(struct board *b, const struct input *in)
{
    uint32_t taken;
    switch (in->port) {
    case INPUT_SERIAL0:
    case INPUT_SERIAL1:
    case INPUT_SERIAL2:
    case INPUT_SERIAL3:
        return uart_input(b, in->port - INPUT_SERIAL0, in->data, in->len);
    case INPUT_KEYBOARD:
    case INPUT_MOUSE:
    case INPUT_TABLET:
        if (xhci_input(b, in->port, in->data, in->len, &taken))
            return taken;
        return in->port == INPUT_TABLET ? 0 : ps2_input(b, in->port, in->data, in->len);
    case INPUT_VIRTIO:
        return virtio_console_input(b, in->data, in->len);
    case INPUT_NET0 ... INPUT_NET_LAST:
        return nic_input(b, in->port - INPUT_NET0, in->data, in->len);
    case INPUT_NET_NOTE0 ... INPUT_NET_NOTE_LAST:
        return nic_note(b, in->port - INPUT_NET_NOTE0, in->data, in->len);
    case INPUT_POWER_BUTTON:
        acpi_power_button(b);
        return in->len;
    default:
        return 0;
    }
}

size_t board_screen(struct board *b, char *buf, size_t size)
{
    if (b->slot[SLOT_VGA])
        return vga_screen_text(b, buf, size);
    if (size)
        buf[0] = 0;
    return 0;
}

/* ---------------------------------------------------------------- building the board */

enum { MAX_BIOS = 16 << 20 };

enum { VIDEO_MEMORY = 0xa0000, HIGH_MEMORY = 0x100000 };
const char board_ram_name[] = "ram";

/* The parts below and above 4 GiB. */
static int ram_parts(const struct engine_config *cfg, const struct board_kind *kind, uint64_t *low,
                     uint64_t *high, struct error *err)
{
    uint64_t size;
    if (setting_number(cfg, "memory", &size, err))
        return -1;
    size &= ~0xfffull;
    *low = size <= kind->ram_most ? size : kind->ram_split;
    *high = size - *low;
    return 0;
}

const char *board_ram(const struct engine_config *cfg, uint64_t physical, uint64_t *offset)
{
    struct error ignored;
    uint64_t low, high;
    const struct board_kind *kind = board_kind_of(cfg, &ignored);
    if (!kind || ram_parts(cfg, kind, &low, &high, &ignored))
        return NULL;
    *offset = physical < FOUR_GIB ? physical : physical - FOUR_GIB + low;
    const bool there = physical < FOUR_GIB ? physical < low : physical - FOUR_GIB < high;
    return there && (physical < VIDEO_MEMORY || physical >= HIGH_MEMORY) ? board_ram_name : NULL;
}

uint64_t board_ram_end(const struct engine_config *cfg)
{
    struct error ignored;
    uint64_t low, high;
    const struct board_kind *kind = board_kind_of(cfg, &ignored);
    if (!kind || ram_parts(cfg, kind, &low, &high, &ignored))
        return 0;
    return high ? FOUR_GIB + high : low;
}

/* What RAM holds at power-on. Every page is the same, so that a trace is not as large as the memory. */
static void fill_ram(struct board *b)
{
    const uint64_t what = vary_choose_at(b->host.vary, VARY_MEMORY, 0);
    uint8_t page[SNAPSHOT_PAGE];
    if (what == MEMORY_ZEROS)
        return;
    vary_memory(what, page, sizeof page);
    for (uint64_t at = 0; at < b->ram_low; at += sizeof page)
        if (at < VIDEO_MEMORY || at >= HIGH_MEMORY)
            physmem_write(b->mem, at, page, sizeof page);
    for (uint64_t at = 0; at < b->ram_high; at += sizeof page)
        physmem_write(b->mem, FOUR_GIB + at, page, sizeof page);
}

static int create_ram(struct board *b, struct error *err)
{
    if (ram_parts(b->cfg, b->kind, &b->ram_low, &b->ram_high, err))
        return -1;
    const uint64_t size = b->ram_low + b->ram_high;
    b->mem = physmem_create(FOUR_GIB + b->ram_high + xen_host_above_ram(b), &b->cfg->host);
    b->ram = b->mem ? physmem_block(b->mem, board_ram_name, size) : NULL;
    if (!b->ram)
        return error_set(err, "memory=%llu: the host does not have that much", (unsigned long long)size);
    ramblock_may_fetch(b->ram);
    physmem_map(b->mem, 0, VIDEO_MEMORY, b->ram, 0, b->ram, 0, false);
    if (b->ram_low > HIGH_MEMORY)
        physmem_map(b->mem, HIGH_MEMORY, b->ram_low - HIGH_MEMORY, b->ram, HIGH_MEMORY, b->ram, HIGH_MEMORY,
                    false);
    if (b->ram_high)
        physmem_map(b->mem, FOUR_GIB, b->ram_high, b->ram, b->ram_low, b->ram, b->ram_low, false);
    fill_ram(b);
    return 0;
}

/* The firmware ends at 4 GiB. The host bridge handles the copy below 1 MiB (PAM registers). */
static int create_rom(struct board *b, struct error *err)
{
    const struct image *bios = config_image(b->cfg, "bios");
    if (!bios || xen_host_wanted(b)) /* a domain has no ROM: it gets its firmware as a module */
        return 0;
    if (bios->size == 0 || bios->size > MAX_BIOS || bios->size % 4096)
        return error_set(err, "%s: a BIOS image must be a multiple of 4 KiB, at most 16 MiB", bios->name);
    b->rom = physmem_block(b->mem, "bios", bios->size);
    if (!b->rom)
        return error_set(err, "%s: out of memory", bios->name);
    if (bios->read(bios->ctx, 0, ramblock_host(b->rom), bios->size, err))
        return -1;
    physmem_touch(b->mem, b->rom, 0, bios->size);
    physmem_map(b->mem, FOUR_GIB - bios->size, bios->size, b->rom, 0, NULL, 0, true);
    return 0;
}

static int create_cpus(struct board *b, struct error *err)
{
    const char *model = config_get(b->cfg, "cpu");
    uint64_t n;
    if (setting_number(b->cfg, "cpus", &n, err))
        return -1;
    for (unsigned i = 0; i < n; i++) {
        bus_init(&b->cpu[i], b, i);
        b->cpu[i].x86 = x86_create(b->mem, &b->cpu[i].bus, i, model ? model : x86_model(0), err);
        if (!b->cpu[i].x86)
            return -1;
        x86_set_cores(b->cpu[i].x86, (unsigned)n);
        if (!board_behaves(b, 15))
            x86_as_before_15(b->cpu[i].x86);
        if (!board_behaves(b, 16))
            x86_as_before_16(b->cpu[i].x86);
        b->ncpus = i + 1;
    }
    return 0;
}

struct board *board_create(const struct engine_config *cfg, const struct board_host *host, struct error *err)
{
    struct board *b = mem_zero(1, sizeof *b);
    b->cfg = cfg;
    b->host = *host;
    b->next_timer = TIMER_OFF;
    b->epoch = 1;
    events_init(&b->events);
    b->kind = settings_check(cfg, err) ? NULL : board_kind_of(cfg, err);
    if (!b->kind) {
        free(b);
        return NULL;
    }
    if (create_ram(b, err) || create_rom(b, err) || create_cpus(b, err) || board_create_chips(b, err)) {
        board_destroy(b);
        return NULL;
    }
    board_reset(b);
    b->built = true;
    return b;
}

void board_destroy(struct board *b)
{
    if (!b)
        return;
    for (unsigned i = b->nchips; i-- > 0;) {
        void (*destroy)(void *) = b->chip[i].destroy ? b->chip[i].destroy : free;
        destroy(b->chip[i].state);
        free((struct field *)b->chip[i].fields);
    }
    for (unsigned i = 0; i < b->ndisks; i++)
        disk_destroy(b->disk[i]);
    for (unsigned i = 0; i < b->ncpus; i++)
        x86_destroy(b->cpu[i].x86);
    if (b->mem)
        physmem_destroy(b->mem);
    free(b);
}

/* Time-stamp counters that do not begin at 0, nor all at once. */
static void vary_counters(struct board *b)
{
    if (!vary_has(b->host.vary, VARY_TSC))
        return;
    const uint64_t start = vary_choose_at(b->host.vary, VARY_TSC, 0);
    for (unsigned i = 0; i < b->ncpus; i++)
        x86_advance_tsc(b->cpu[i].x86, start + (i ? vary_choose_at(b->host.vary, VARY_TSC, 1 + i) : 0));
}

/* Every chip but the one with this state. */
static void reset_chips(struct board *b, const void *but)
{
    b->state.a20 = true;
    physmem_set_a20(b->mem, true);
    irq_reset(b);
    for (unsigned i = 0; i < b->ncpus; i++)
        x86_reset(b->cpu[i].x86, false);
    vary_counters(b);
    for (unsigned i = 0; i < b->nchips; i++)
        if (b->chip[i].reset && b->chip[i].state != but)
            b->chip[i].reset(b->chip[i].state);
    timers_recount(b);
}

void board_reset(struct board *b)
{
    b->state.request = BOARD_NONE;
    b->state.asleep = false;
    reset_chips(b, NULL);
}

void board_suspend(struct board *b)
{
    uint8_t pam[SHADOW_PAM];
    struct pm_kept pm;
    /* SeaBIOS uses configuration space in memory before it has set it up again. */
    const uint32_t ecam = b->slot[SLOT_MCH] ? pci_config_read(b, 0, MCH_PCIEXBAR, 4) : 0;
    shadow_keep(b, pam);
    acpi_keep(b, &pm);
    reset_chips(b, b->slot[SLOT_RTC]);
    shadow_restore(b, pam);
    acpi_restore(b, &pm);
    if (ecam)
        pci_config_write(b, 0, MCH_PCIEXBAR, 4, ecam);
    rtc_suspend(b);
    b->state.asleep = true;
}

/* ---------------------------------------------------------------- snapshots */

static const struct field state_fields[] = {
    FIELD(struct board, state.a20),
    FIELD(struct board, state.request),
    FIELD(struct board, state.request_status),
    FIELD_BYTES(struct board, state.request_how),
    FIELD(struct board, irq.isa),
    FIELDS(struct board, irq.intx),
    FIELD(struct board, state.asleep),
};

void board_save(struct board *b, const struct snapshot_sink *sink, struct snapshot_base *base)
{
    sink->section(sink->ctx, "board", state_fields, FIELD_COUNT(state_fields), b);
    sink->section(sink->ctx, "events", events_fields, events_nfields, &b->events);
    for (unsigned i = 0; i < b->ncpus; i++)
        x86_save(b->cpu[i].x86, sink);
    for (unsigned i = 0; i < b->nchips; i++)
        sink->section(sink->ctx, b->chip[i].name, b->chip[i].fields, b->chip[i].nfields, b->chip[i].state);
    uint32_t since = base ? base->epoch : 0;
    physmem_save(b->mem, sink, since, base ? b->epoch : 0);
    disks_save(b, sink, since);
    if (!base)
        return;
    /* if the last epoch never ends, saves are only larger than necessary */
    b->epoch += b->epoch < UINT32_MAX;
    base->epoch = b->epoch;
}

static int load_section(const struct snapshot_source *src, const char *name, const struct field *fields,
                        size_t nfields, void *base, struct error *err)
{
    if (src->section(src->ctx, name, fields, nfields, base))
        return error_set(err, "the snapshot's section %s is missing or does not fit", name);
    return 0;
}

/* A snapshot may come from a damaged file: every value used as an index or a length must be in range. */
static int check_loaded(struct board *b, struct error *err)
{
    struct events *e = &b->events;
    bool good = b->state.request <= BOARD_SLEEP && b->state.asleep <= 1 &&
                !b->state.request_how[sizeof b->state.request_how - 1] && e->access.mmio <= 1 &&
                e->access.write <= 1;
    for (unsigned i = 0; i < CONSOLE_LINES; i++)
        good &= e->line_length[i] <= CONSOLE_LINE_MAX;
    if (good)
        return 0;
    memset(e->line_length, 0, sizeof e->line_length);
    memset(&e->access, 0, sizeof e->access);
    b->state.request = BOARD_NONE;
    return error_set(err, "the snapshot's board state is out of range");
}

static int load_sections(struct board *b, const struct snapshot_source *src, struct error *err)
{
    if (load_section(src, "board", state_fields, FIELD_COUNT(state_fields), b, err) ||
        load_section(src, "events", events_fields, events_nfields, &b->events, err))
        return -1;
    for (unsigned i = 0; i < b->ncpus; i++)
        if (x86_load(b->cpu[i].x86, src))
            return error_set(err, "the snapshot's processor %u is missing or does not fit", i);
    for (unsigned i = 0; i < b->nchips; i++)
        if (load_section(src, b->chip[i].name, b->chip[i].fields, b->chip[i].nfields, b->chip[i].state, err))
            return -1;
    return 0;
}

int board_load(struct board *b, const struct snapshot_source *src, struct error *err)
{
    int bad = load_sections(b, src, err);
    bad |= check_loaded(b, bad ? NULL : err);
    if (bad)
        return -1;
    if (physmem_load(b->mem, src))
        return error_set(err, "the snapshot's memory does not fit the machine's");
    if (disks_load(b, src, err))
        return -1;
    error_set(&b->image_error, "an image could not be read"); /* in case the state is of that moment */
    physmem_set_a20(b->mem, b->state.a20);
    for (unsigned i = 0; i < b->nchips; i++)
        if (b->chip[i].loaded)
            b->chip[i].loaded(b->chip[i].state);
    timers_recount(b);
    return 0;
}
