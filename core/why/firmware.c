/* firmware.c - firmware that finds nothing to boot, and loaders that say why they cannot go on.
 *
 * The texts are those of the built-in firmware (bios/boot.c), SeaBIOS (src/boot.c), EDK II (BdsDxe), GRUB (grub-core, boot.S), SYSLINUX
 * (core, mbr) and the boot records of DOS. */
#include <inttypes.h>

#include "core/systems/efi/why/explain.h"
#include "core/why/private/explainers.h"
#include "core/case/said.h"

/* An EFI application was started after it: a shell, another loader. */
static bool something_started(struct why_case *c, const struct event *ev)
{
    enum { APPLICATION = 9 };
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_EFI_START && c->now.event[i].icount > ev->icount &&
            EVF(&c->now.event[i], EFI_START, type) == APPLICATION)
            return true;
    return false;
}

/* What the disks that were given look like: the signature at the end of their first sector. */
static void sector_lines(struct why_case *c, struct finding *f)
{
    const struct trace_config *cfg = trace_config(c->t);
    struct error ignored;
    unsigned n = 0;
    for (unsigned i = 0; i < cfg->nimages; i++) {
        const char *role = cfg->images[i].role;
        uint8_t sector[512];
        if (!image_is_drive(&cfg->images[i]) && strncmp(role, "floppy", 6))
            continue;
        n++;
        if (image_is_cd(&cfg->images[i])) {
            find_note(f, "%s: %s, %" PRIu64 " bytes, of which %" PRIu64 " were read", role,
                      cfg->images[i].name, cfg->images[i].size, trace_image_recorded(c->t, i));
            continue;
        }
        if (trace_image_read(c->t, i, 0, sector, sizeof sector, &ignored))
            find_note(f, "%s: %s: its first sector was never read", role, cfg->images[i].name);
        else
            find_note(f, "%s: %s: its first sector ends with %02X %02X%s", role, cfg->images[i].name,
                      sector[510], sector[511],
                      sector[510] == 0x55 && sector[511] == 0xaa ? ", the boot signature"
                                                                 : ", which is not the boot signature 55 AA");
    }
    if (!n)
        find_note(f, "the machine was given no disk, floppy or CD");
}

/* ---------------------------------------------------------------- nothing to boot */

static void tried_lines(struct why_case *c, struct finding *f, uint64_t to)
{
    const enum console_device console = trace_console(c->t);
    char words[300];
    for (size_t i = 0, n = 0; i < c->now.n && c->now.event[i].icount <= to && n < 12; i++) {
        const struct event *ev = &c->now.event[i];
        const bool said =
            ev->kind == EV_CONSOLE_LINE && EVF(ev, CONSOLE_LINE, device) == console &&
            (fact_contains(ev, "Boot") || fact_contains(ev, "boot") || fact_contains(ev, "failed"));
        if (ev->kind != EV_BOOT_TRY && ev->kind != EV_BOOT_SECTOR_ENTER && ev->kind != EV_EFI_PART_DONE &&
            !said)
            continue;
        event_text_raw(ev, words, sizeof words);
        find_line(f, ev->icount, NULL, "%s%s", said ? "console: " : "", words);
        n++;
    }
}

/* The first error that was said after a file had come from the network: what was loaded could not be started, and the firmware went on. */
static const struct event *said_after_transfer(struct why_case *c, uint64_t to)
{
    const struct event *file = NULL;
    char words[300];
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= to; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_NET_TFTP || ev->kind == EV_NET_HTTP)
            file = ev;
        if (file && ev->kind == EV_CONSOLE_LINE && said_words(fact_text(ev, words, sizeof words)))
            return ev;
    }
    return NULL;
}

static bool is_refusal(const struct event *ev)
{
    static const char *const texts[] = {"Boot failed", "no boot signature", "not a bootable", "failed to"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (ev->kind == EV_CONSOLE_LINE && fact_contains(ev, texts[i]))
            return true;
    return false;
}

/* Why the firmware did not boot from the first drive of which it read a boot sector; else why it did not boot from the last one: it also names
 * drives that are not there. */
static const struct event *refused(const struct why_case *c, uint64_t to)
{
    const struct event *last = NULL;
    bool was_read = false;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount < to; i++) {
        const struct event *ev = &c->now.event[i];
        was_read |= ev->kind == EV_BOOT_SECTOR_READ;
        if (!is_refusal(ev))
            continue;
        if (was_read)
            return ev;
        last = ev;
    }
    return last;
}

static bool nothing_to_boot(struct why_case *c, struct finding *f)
{
    static const char *const texts[] = {"No bootable device", "No bootable option or device was found",
                                        "no bootable device"};
    const struct event *ev = NULL, *reason;
    char words[300];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = facts_line(&c->now, texts[i], c->now.begin);
    if (!ev || kernel_after(c, ev->icount) || something_started(c, ev) || facts_last(&c->now, EV_POWER_OFF))
        return false;
    reason = refused(c, ev->icount);
    const struct event *loaded = said_after_transfer(c, ev->icount);
    if (loaded)
        find_verdict(f, WHY_FIRMWARE_NOTHING, loaded->icount,
                     "%s says \"%s\", and the firmware then finds nothing else to boot",
                     facts_first_line(&c->now, "iPXE", c->now.begin) ? "iPXE" : "the network's loader",
                     fact_text(loaded, words, sizeof words));
    else
        find_verdict(f, WHY_FIRMWARE_NOTHING, ev->icount, "the firmware finds nothing to boot%s%s",
                     reason ? ": " : "", reason ? fact_text(reason, words, sizeof words) : "");
    tried_lines(c, f, ev->icount);
    sector_lines(c, f);
    return true;
}

/* ---------------------------------------------------------------- loaders */

/* "error: file `/vmlinuz' not found.": the text after a prefix that only this loader has. `rest`: so it ends, and is the end of the boot. */
static const struct {
    const char *text, *who;
} loader_texts[] = {
    {"grub rescue>", "GRUB"},
    {"error: file `", "GRUB"},
    {"error: disk `", "GRUB"},
    {"error: no such", "GRUB"},
    {"error: unknown filesystem", "GRUB"},
    {"error: you need to load the kernel first", "GRUB"},
    {"error: invalid magic number", "GRUB"},
    {"error: symbol `", "GRUB"},
    {"error: attempt to read or write outside of", "GRUB"},
    {"error: no server is specified", "GRUB"},
    {"error: premature end of file", "GRUB"},
    {"error: bad shim signature", "GRUB"},
    {"GRUB Geom Error", "GRUB"},
    {"GRUB Read Error", "GRUB"},
    {"GRUB Hard Disk Error", "GRUB"},
    {"Geom Error", "GRUB"},
    {"Hard Disk Error", "GRUB"},
    {"Read Error", "GRUB"},
    {"No DEFAULT or UI configuration directive found", "SYSLINUX"},
    {"Could not find kernel image", "SYSLINUX"},
    {"Failed to load ", "SYSLINUX"},
    {"Failed to exec ", "SYSLINUX"},
    {"... failed: ", "SYSLINUX"}, /* "Loading /vmlinuz... failed: No such file or directory" */
    {"... failed!", "SYSLINUX"},
    {"Booting kernel failed", "SYSLINUX"},
    {"Image checksum error", "SYSLINUX"},
    {"Failed to locate CD-ROM device", "SYSLINUX"},
    {"WARNING: No configuration file found", "SYSLINUX"},
    {"Boot error", "SYSLINUX"},
    {"Missing operating system", "the master boot record"},
    {"Missing OS", "the master boot record"},
    {"Multiple active partitions", "the master boot record"},
    {"Error loading operating system", "the master boot record"},
    {"Operating system load error", "the master boot record"},
    {"Invalid partition table", "the master boot record"},
    {"Not a bootable disk", "the boot sector"},
    {"This is not a bootable disk", "the boot sector"},
    {"Non-System disk", "the boot sector"},
    {"failed to load Boot", "the UEFI firmware"},
    {"failed to start Boot", "the UEFI firmware"},
};

/* Whether the loader whose words these are was there: it says its name. Others may use the same words. */
static bool was_there(struct why_case *c, const char *who)
{
    static const char *const names[] = {"GRUB", "grub", "SYSLINUX", "ISOLINUX", "EXTLINUX", "PXELINUX"};
    const size_t first = !strcmp(who, "GRUB") ? 0 : 2, last = first ? 6 : 2;
    if (strcmp(who, "GRUB") && strcmp(who, "SYSLINUX"))
        return true;
    for (size_t i = first; i < last; i++)
        if (facts_first_line(&c->now, names[i], c->now.begin))
            return true;
    return false;
}

static const struct event *loader_says(struct why_case *c, const char **who)
{
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER),
                       *efi = facts_first(&c->now, EV_EFI_START);
    const struct event *from = sector ? sector : efi;
    const struct event *first = NULL;
    for (size_t k = 0; from && k < sizeof loader_texts / sizeof loader_texts[0]; k++) {
        const char *by = loader_texts[k].who;
        const struct event *ev =
            facts_first_line(&c->now, loader_texts[k].text, sector ? sector->icount : efi->icount);
        if (!ev || (first && ev->icount >= first->icount) || kernel_after(c, ev->icount) ||
            something_started(c, ev) || !was_there(c, by))
            continue;
        first = ev;
        *who = by;
    }
    return first;
}

static enum why_code loader_code(const char *who)
{
    return !strcmp(who, "GRUB")       ? WHY_GRUB_FAILED
           : !strcmp(who, "SYSLINUX") ? WHY_SYSLINUX_FAILED
                                      : WHY_LOADER_FAILED;
}

/* GRUB's first error: others follow from it, a few lines later. */
static const struct event *first_of_errors(struct why_case *c, const struct event *ev)
{
    enum { LINES = 4 };
    static const char prefix[] = "error: ";
    const struct event *first = ev;
    char words[300];
    unsigned lines = 0;
    for (const struct event *at = ev; at-- > c->now.event && lines < LINES;) {
        if (at->kind != EV_CONSOLE_LINE || EVF(at, CONSOLE_LINE, device) != EVF(ev, CONSOLE_LINE, device))
            continue;
        lines++;
        if (strncmp(fact_text(at, words, sizeof words), prefix, sizeof prefix - 1))
            continue;
        first = at;
        lines = 0;
    }
    return first;
}

static bool loader_failed(struct why_case *c, struct finding *f)
{
    const char *who;
    char words[300];
    const struct event *ev = loader_says(c, &who), *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER),
                       *read = NULL;
    if (!ev || facts_last(&c->now, EV_POWER_OFF))
        return false;
    ev = first_of_errors(c, ev);
    fact_text(ev, words, sizeof words);
    find_verdict(f, loader_code(who), ev->icount, "%s cannot go on: %s", who, words);
    if (sector)
        find_event(f, c, sector, NULL);
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= ev->icount; i++)
        if (c->now.event[i].kind == EV_DISK_READ)
            read = &c->now.event[i];
    if (read)
        find_event(f, c, read, "the last read of a disk before");
    if (read && explain_files(c->t, c->kind, read, words, sizeof words))
        find_line(f, read->icount, NULL, "what it read is of %s", words);
    find_disk_services(f, c, ev->icount);
    find_console(f, c, c->now.begin, c->at, 8);
    return true;
}

/* GRUB found no configuration, and shows no menu: its prompt is the end (grub-core/normal/main.c). */
static bool grub_prompt(struct why_case *c, struct finding *f)
{
    const struct event *ev = facts_line(&c->now, "Minimal BASH-like line editing is supported", c->now.begin);
    struct text why = {0};
    char words[300];
    if (!ev || kernel_after(c, ev->icount) || something_started(c, ev) || facts_last(&c->now, EV_POWER_OFF) ||
        facts_first_line(&c->now, "keys to select which entry", c->now.begin) ||
        facts_first_line(&c->now, "GNU GRUB  version 0.9",
                         c->now.begin)) /* without a menu, its prompt is what it has */
        return false;
    const bool table = efi_bad_tables(c, &why);
    find_verdict(f, WHY_GRUB_NO_CONFIG, ev->icount,
                 "GRUB found no configuration (grub.cfg), and waits for commands at its prompt%s%s",
                 table ? ": " : "", table ? why.s : "");
    free(why.s);
    efi_tell_backups(c, f);
    find_line(f, ev->icount, NULL, "console: %s", fact_text(ev, words, sizeof words));
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_EFI_START && EVF(&c->now.event[i], EFI_START, type) == 9)
            find_event(f, c, &c->now.event[i], NULL);
    find_console(f, c, c->now.begin, c->at, 6);
    return true;
}

/* The firmware's last resort without a text: it entered no boot sector, and tried some. */
void explain_firmware(struct why_case *c, struct finding *f)
{
    if (!nothing_to_boot(c, f) && !loader_failed(c, f))
        grub_prompt(c, f);
}
