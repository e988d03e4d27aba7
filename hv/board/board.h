/* board.h - the PC's mainboard as a whole: the one public header of hv/board, for hv/machine.c. */
#ifndef BOOTREEL_HV_BOARD_BOARD_H
#define BOOTREEL_HV_BOARD_BOARD_H

#include "core/engine/engine.h"
#include "hv/vary/vary.h"
#include "hv/x86/x86.h"

struct board;

/* How the board reaches the machine it is part of. */
struct board_host {
    void *ctx;
    uint64_t (*icount)(void *ctx); /* steps since reset, exact within callbacks */
    uint64_t (*time)(void *ctx);   /* guest time, ns */
    /* An access to a slow device ends: ns of guest time pass before the next step. May be NULL: then none does. */
    void (*pass)(void *ctx, uint64_t ns);
    /* The boot record of a drive was read (drive numbers as in EV_BOOT_SECTOR_READ, which is reported next).
     * May be NULL. */
    void (*boot_sector)(void *ctx, unsigned drive);
    /* for all processors; the board's events during a call are attributed to the calling processor */
    struct x86_hooks hooks;
    struct vary *vary; /* NULL: nothing is varied */
};

/* The name of the guest's RAM among the regions of a snapshot. */
extern const char board_ram_name[];

/* Builds RAM, ROM, all chips and the processors (config "cpus") from the configuration, at reset. Returns
 * NULL with err filled on a bad image or setting. The config must outlive the board. */
struct board *board_create(const struct engine_config *, const struct board_host *, struct error *);
void board_destroy(struct board *);
struct x86 *board_cpu(struct board *, unsigned index);
unsigned board_cpus(const struct board *);
struct physmem *board_mem(struct board *);
/* Whether the machine is to run as behaviour version `version` (HV_BEHAVIOUR) or a later one does, and not as
 * an older one that a trace was recorded with. */
bool board_behaves(const struct board *, uint32_t version);

/* Suspends to RAM (ACPI's S3): every chip but the clock loses its state, RAM and what is shadowed stay, and
 * no processor runs until the clock's alarm, if it is enabled in PM1_EN, or the power button wakes the board:
 * then the first processor is at the reset vector. */
void board_suspend(struct board *);
bool board_asleep(const struct board *);

/* Puts every chip and processor into its reset state, after a guest reset; memory is kept. */
void board_reset(struct board *);

/* Guest time of the earliest timer, or UINT64_MAX if none is set. */
uint64_t board_deadline(const struct board *);
/* How many accesses to devices instructions have made since the board was created. */
uint64_t board_accesses(const struct board *);
/* Fire all timers due at the current guest time. */
void board_run_timers(struct board *);

/* Whether an interrupt that IF does not block may still arrive from a pin: true if the I/O APIC or a LINT0 is
 * set up to send NMI, SMI or INIT. (LINT1 is set up for NMI everywhere, but nothing drives it.) */
bool board_nmi_may_come(const struct board *);
/* Whether a processor that waits in a hypercall goes on by itself. */
bool board_domain_wakes(struct board *);

/* "IDE primary master", "NVMe 0", "floppy A": the drive of that number in events. */
const char *board_drive_name(unsigned number, char buf[32]);

/* See engine_ops.media. */
void board_media(struct board *, void (*seen)(void *ctx, const struct engine_medium *m), void *ctx);

/* What the guest has requested since the last call: reset or power-off. */
enum board_request { BOARD_NONE, BOARD_RESET, BOARD_POWER_OFF, BOARD_ERROR, BOARD_SLEEP };
enum board_request board_take_request(struct board *, int *status, const char **how);
/* Whether the request is a reset (or S3), and how it was asked for. The request stays. */
bool board_request_is_reset(const struct board *);
bool board_request_is_sleep(const struct board *);
const char *board_request_how(const struct board *);

uint32_t board_input(struct board *, const struct input *);
void board_observe(struct board *, uint32_t classes, const struct observer *);
/* Report what is unfinished (a console line, a series of port accesses). Only for the end of
 * a recording. What is unfinished is part of the saved state, and is kept whatever classes are observed. */
void board_flush_events(struct board *);
/* From a hook or a handler of the processor that runs: `ns` of guest time pass before the next step. */
void board_pass(struct board *, uint64_t ns);
/* What the guest has polled; services (hv/services.h) count what they see in it, too. */
struct engine_polls *board_polls(struct board *);
/* Drop it instead, because it does not belong to the recorded run. */
void board_forget_events(struct board *);
size_t board_screen(struct board *, char *buf, size_t size);
/* A character of code page 437 as UTF-8; returns its length, 1-3. */
unsigned vga_utf8(uint8_t c, char out[4]);
/* The screen as a picture: w * h pixels of red, green, blue. False if there is no VGA or nothing to show (*w
 * and *h are 0), or if it needs more than `max` bytes (*w and *h are set). Changes nothing. */
bool vga_screen_image(struct board *, uint8_t *rgb, unsigned *w, unsigned *h, size_t max);
/* The size of the screen, and in text modes the cursor and, if there is room, the characters. False if
 * nothing is shown. Changes nothing. */
bool vga_display(struct board *, struct display *d, struct display_cell *cells, size_t ncells);
/* Whether the configuration's kernel is not loaded directly but given to the firmware, by fw_cfg (setting "protocol"). */
bool board_firmware_loads_kernel(const struct engine_config *);
/* See engine_ops.pci. */
bool board_pci(struct board *, unsigned devfn, struct engine_pci *);
/* Report the first instruction of the domain that Xen has built. */
void board_domain_starts(struct board *, uint64_t entry, uint64_t start_info);
/* Report an event of the machine, in order with the board's own; icount, time and cpu are filled in. It ends
 * what is unfinished (which is state), so it must be called whatever classes are observed. */
void board_event(struct board *, struct event *);

/* ---- an image that is loaded directly, without firmware ---- */

/* Type as in INT 15h E820h: 1 RAM, 2 reserved. The layout is fw_cfg's etc/e820. */
struct e820_entry {
    uint64_t address;
    uint64_t length;
    uint32_t type;
} __attribute__((packed));
/* The memory map that firmware would pass on. Fills at most `max` entries; returns how many there are. */
size_t board_e820(struct board *, struct e820_entry *, size_t max);
/* The board as Xen's domain builder leaves it: RAM at C0000h-FFFFFh, and the page that says what memory there
 * is. To be called after board_create() and every board_reset() of a board with an image "hvmloader". */
void board_domain_setup(struct board *);
/* As board_e820(), for the RAM of a domain, as Xen's domain builder lays it out. */
size_t board_e820_domain(struct board *, struct e820_entry *, size_t max);
/* Does what firmware does before it boots: shadow RAM on at C0000h-FFFFFh, BIOS data area, PIC and PIT, local
 * APIC of processor 0 in virtual wire mode, PCI BARs and interrupt lines, PMBASE, VGA text mode 3 with an
 * empty screen. To be called after board_create() and every board_reset(). */
void board_direct_setup(struct board *);
/* Writes the ACPI tables, with absolute pointers, into guest memory at `where` (a multiple of 64), where 32
 * KiB must be free; meant for E0000h, which board_e820() reserves. Returns the RSDP's address. */
uint64_t acpi_install(struct board *, uint64_t where);
/* Writes the SMBIOS tables: the entry point, then the structures (8 KiB are enough for 64 processors), at `where`,
 * a multiple of 16 in F0000h-FFFFFh. */
void smbios_install(struct board *, uint64_t where);

/* See engine_ops.save. */
void board_save(struct board *, const struct snapshot_sink *, struct snapshot_base *);
/* What a file of the share of that number holds, in parts: only what the guest has seen or made, so that nothing changes. -1 with err. */
int board_share_read(struct board *, unsigned number, const char *path, void *ctx,
                     void (*take)(void *ctx, const void *data, size_t n), struct error *err);
int board_load(struct board *, const struct snapshot_source *, struct error *);

/* ---------------------------------------------------------------- events in words (words.h) */

/* Size in bytes of the state that has to be kept of past events to describe the next one. It is plain
 * bytes. */
size_t board_words_size(void);
/* Set the state to the beginning of a trace, or with cfg NULL to a reset of the same machine. */
void board_words_reset(void *state, const struct engine_config *cfg);
/* Updates the state with an event and describes it. Returns as snprintf does, or 0 if there is no
 * description. *manual and *source are the manual that names the register and the place in it (either may be
 * set to NULL). Takes less than a microsecond. */
int board_words(void *state, const struct event *ev, char *buf, size_t size, const char **manual,
                const char **source);
/* See engine_words.later (core/engine/engine.h). */
int board_words_later(const void *state, const struct event *ev, const struct event *next, char *buf,
                      size_t size);
/* See engine_words.drive. */
bool board_drive_role(const struct engine_config *, unsigned number, char role[16]);
/* See engine_words.ram: RAM up to the video memory, and from 1 MiB on. Between them, registers choose what is
 * there (PAM, SMRAM). */
const char *board_ram(const struct engine_config *, uint64_t physical, uint64_t *offset);
/* See engine_words.ram_end. 0 for a configuration that is no machine. */
uint64_t board_ram_end(const struct engine_config *);
/* See engine_words.shows. */
bool board_shows(const char *part);

#endif
