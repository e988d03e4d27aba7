/* uefi.c - UEFI: a program that gives up, and firmware that finds nothing to boot and starts a program of its own.
 *
 * Sources: UEFI 2.10, 3.5.1 (removable media), 5.3 (GUID partition tables), appendix D (status codes); Microsoft's PE format, 3.3. */
#include <inttypes.h>
#include <zlib.h>

#include "base/byte_order.h"
#include "core/case/case.h"
#include "core/systems/efi/why/private/call.h"
#include "core/systems/efi/why/explain.h"

enum { APPLICATION = 9, SECTOR = 512 };

static bool is_error(uint64_t status)
{
    return status >> 63;
}

/* The name of the status that a program returned, "EFI_NOT_FOUND", or its number. */
static const char *error_name(const struct why_case *c, const struct event *ret, char *buf, size_t size)
{
    struct explainer *x = explainer_new(c->kind, trace_config(c->t));
    const char *name = explainer_event(x, ret, buf, size) > 0 ? strstr(buf, "EFI_") : NULL;
    explainer_free(x);
    if (name)
        return name;
    snprintf(buf, size, "0x%" PRIx64, EVF(ret, EFI_RETURN, status));
    return buf;
}

/* ---------------------------------------------------------------- a program that gives up */

/* What the program said of its failure: the first line with an error between two positions, or the last line. */
static const struct event *complaint(struct why_case *c, uint64_t from, uint64_t to)
{
    const struct event *last = NULL;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_CONSOLE_LINE || EVF(ev, CONSOLE_LINE, device) != trace_console(c->t) ||
            ev->icount < from || ev->icount > to || !ev->len)
            continue;
        if (fact_contains(ev, "ERROR") || fact_contains(ev, "rror:"))
            return ev;
        last = ev;
    }
    return last;
}

/* What the firmware says of its boot options. */
static void option_lines(struct why_case *c, struct finding *f)
{
    char words[300];
    for (size_t i = 0, n = 0; i < c->now.n && n < 8; i++) {
        const struct event *ev = &c->now.event[i];
        const bool said = ev->kind == EV_CONSOLE_LINE &&
                          EVF(ev, CONSOLE_LINE, device) == trace_console(c->t) &&
                          fact_contains(ev, "BdsDxe: ");
        if (!said && !(ev->kind == EV_EFI_PART_DONE && is_error(EVF(ev, EFI_PART_DONE, status)) &&
                       ev->len > 4 && !memcmp(ev->data, "Boot", 4)))
            continue;
        n++;
        if (said)
            find_line(f, ev->icount, NULL, "console: %s", fact_text(ev, words, sizeof words));
        else
            find_event(f, c, ev, NULL);
    }
}

const char *efi_error_name(const struct why_case *c, uint64_t status, char *buf, size_t size)
{
    struct event ret = {.kind = EV_EFI_RETURN};
    ret.f[EVF_EFI_RETURN_status] = status;
    return error_name(c, &ret, buf, size);
}

const struct event *efi_program_of(const struct why_case *c, uint64_t icount)
{
    const struct event *start = NULL;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= icount; i++)
        if (c->now.event[i].kind == EV_EFI_START && EVF(&c->now.event[i], EFI_START, type) == APPLICATION)
            start = &c->now.event[i];
    return start;
}

bool efi_wanted(struct why_case *c, struct finding *f, const struct event *start, uint64_t to,
                uint64_t status, struct text *why)
{
    struct efi_call call;
    char place[PLACE_TEXT], buf[100];
    if (!start || !efi_call_failed(c, start, to, &call) || (status && call.status != status))
        return false;
    const char *name = efi_error_name(c, call.status, buf, sizeof buf);
    text_add(why, "\"%s\" (%s)", call.wanted, name);
    find_line(f, call.icount, case_place(c, call.icount, start->cpu, call.pc, place),
              "it asks the firmware for \"%s\", and gets %s", call.wanted, name);
    return true;
}

/* The program was left on purpose: a shell or a menu that somebody has quit. */
static bool aborted(struct why_case *c, const struct event *ret)
{
    char status[100];
    return !strcmp(error_name(c, ret, status, sizeof status), "EFI_ABORTED");
}

static bool program_failed(struct why_case *c, struct finding *f)
{
    const struct event *ret = NULL, *start = NULL, *text;
    char name[100], words[300], status[100];
    for (size_t i = 0; i < c->now.n && !ret; i++)
        if (c->now.event[i].kind == EV_EFI_RETURN && EVF(&c->now.event[i], EFI_RETURN, type) == APPLICATION &&
            is_error(EVF(&c->now.event[i], EFI_RETURN, status)) && !aborted(c, &c->now.event[i]))
            ret = &c->now.event[i];
    if (!ret || kernel_after(c, ret->icount))
        return false;
    fact_text(ret, name, sizeof name);
    for (const struct event *ev = c->now.event; ev < ret; ev++)
        if (ev->kind == EV_EFI_START && fact_contains(ev, name))
            start = ev;
    text = complaint(c, start ? start->icount : c->now.begin, ret->icount);
    struct text lacks = {0};
    const bool wants = efi_wanted(c, f, start, ret->icount, EVF(ret, EFI_RETURN, status), &lacks);
    find_verdict(f, WHY_UEFI_PROGRAM, text ? text->icount : ret->icount,
                 "the UEFI program %s gives up with the error %s%s%s%s%s", name,
                 error_name(c, ret, status, sizeof status), text ? ": " : "",
                 text ? fact_text(text, words, sizeof words) : "", wants ? "; it could not get " : "",
                 wants ? lacks.s : "");
    free(lacks.s);
    if (text)
        find_line(f, text->icount, NULL, "console: %s", words);
    if (start)
        find_event(f, c, start, NULL);
    find_event(f, c, ret, NULL);
    option_lines(c, f);
    find_console(f, c, start ? start->icount : c->now.begin, c->at, 8);
    return true;
}

/* ---------------------------------------------------------------- what is on the disks */

/* The machine that a PE program is for, of which the first bytes are there; 0 if it is none. */
static unsigned program_machine(const uint8_t *p, size_t n)
{
    enum { NEW_HEADER = 0x3c };
    if (n < SECTOR || p[0] != 'M' || p[1] != 'Z')
        return 0;
    const uint32_t at = le32(p + NEW_HEADER);
    return at > n - 6 || memcmp(p + at, "PE\0\0", 4) != 0 ? 0 : le16(p + at + 4);
}

static const char *machine_words(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *words;
    } list[] = {{0x14c, "32-bit x86"},     {0x1c0, "ARM"},           {0x1c2, "ARM (Thumb)"},
                {0x200, "Itanium"},        {0x8664, "x86-64"},       {0xaa64, "ARM64"},
                {0x5064, "64-bit RISC-V"}, {0xebc, "EFI byte code"}, {0x6264, "LoongArch"},
                {0x5032, "32-bit RISC-V"}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].machine == machine)
            return list[i].words;
    return "an unknown machine";
}

/* A program for another machine in the sectors of a read. */
static bool foreign_in(struct why_case *c, struct finding *f, const struct event *read, unsigned image,
                       struct text *why)
{
    enum { X86_64 = 0x8664, BYTE_CODE = 0xebc, MOST = 1 << 20 };
    const struct trace_image *im = &trace_config(c->t)->images[image];
    const uint64_t size = image_is_cd(im) ? 4 * SECTOR : SECTOR;
    const uint64_t from = EVF(read, DISK_READ, lba) * size, want = EVF(read, DISK_READ, count) * size,
                   n = want < MOST ? want : MOST;
    uint8_t *data = mem_zero(n + 1, 1);
    char file[300];
    bool found = false;
    if (from < im->size)
        trace_image_known(c->t, image, from, data, n < im->size - from ? n : im->size - from);
    for (uint64_t at = 0; at < n && !found; at += size) {
        const unsigned machine = program_machine(data + at, n - at);
        struct event first = *read;
        if (!machine || machine == X86_64 || machine == BYTE_CODE)
            continue;
        first.f[EVF_DISK_READ_lba] += at / size;
        first.f[EVF_DISK_READ_count] = 1;
        if (explain_files(c->t, c->kind, &first, file, sizeof file) <= 0)
            snprintf(file, sizeof file, "the program at sector %" PRIu64 " of %s",
                     EVF(&first, DISK_READ, lba), im->role);
        file[strcspn(file, ",")] = 0;
        text_add(why, "%s is a program for another machine, %s", file, machine_words(machine));
        find_line(f, read->icount, NULL, "read: the header of %s says machine 0x%x, %s", file, machine,
                  machine_words(machine));
        found = true;
    }
    free(data);
    return found;
}

/* One among what the firmware read from its disks while it tried its options. */
static bool foreign_program(struct why_case *c, struct finding *f, struct text *why)
{
    enum { READS = 256 };
    const struct trace_config *cfg = trace_config(c->t);
    bool tries = false;
    for (size_t i = 0, n = 0; i < c->now.n && n < READS; i++) {
        const struct event *ev = &c->now.event[i];
        tries |= ev->kind == EV_EFI_PART && ev->len > 4 && !memcmp(ev->data, "Boot", 4);
        if (!tries || ev->kind != EV_DISK_READ)
            continue;
        n++;
        for (unsigned k = 0; k < cfg->nimages; k++)
            if (image_is_drive(&cfg->images[k]) && foreign_in(c, f, ev, k, why))
                return true;
    }
    return false;
}

/* The header of a GUID partition table. */
struct table_header {
    bool known; /* the trace has that sector */
    bool is_table;
    uint32_t length;
    bool measured;             /* its length makes sense, so that there is a checksum that it should have */
    uint32_t has, should_have; /* the checksum, which is that of the header with this field as 0 (5.3.2) */
    uint64_t alternate;        /* where the other copy is, which is in the last sector */
};

enum { HEADER_LEAST = 92 }; /* bytes; at most a sector */

static struct table_header read_table(struct trace *t, unsigned image, uint64_t lba)
{
    enum { LENGTH = 12, CHECKSUM = 16, ALTERNATE = 32 };
    uint8_t header[SECTOR];
    struct error ignored;
    if (trace_image_read(t, image, lba * SECTOR, header, sizeof header, &ignored))
        return (struct table_header){0};
    const uint32_t n = le32(header + LENGTH);
    struct table_header h = {.known = true,
                             .is_table = !memcmp(header, "EFI PART", 8),
                             .length = n,
                             .measured = n >= HEADER_LEAST && n <= SECTOR,
                             .has = le32(header + CHECKSUM),
                             .alternate = le64(header + ALTERNATE)};
    memset(header + CHECKSUM, 0, 4);
    if (h.measured)
        h.should_have = (uint32_t)crc32(0, header, n);
    return h;
}

static bool good_table(const struct table_header *h)
{
    return h->is_table && h->measured && h->has == h->should_have;
}

/* The header of a GUID partition table has a wrong length or checksum: says which. */
static bool bad_table(struct trace *t, unsigned image, uint64_t lba, struct text *why)
{
    const struct table_header h = read_table(t, image, lba);
    if (!h.is_table || good_table(&h))
        return false;
    text_add(why, "%sthe GUID partition table of %s in sector %" PRIu64 " has ", why->n ? "; " : "",
             trace_config(t)->images[image].role, lba);
    if (h.measured)
        text_add(why, "the checksum 0x%08x, and should have 0x%08x", h.has, h.should_have);
    else
        text_add(why, "a header of %u bytes, and should have %u to %u", h.length, HEADER_LEAST, SECTOR);
    return true;
}

/* Of a disk with a good table. */
static void tell_backup(struct why_case *c, struct finding *f, unsigned image)
{
    const struct trace_image *im = &trace_config(c->t)->images[image];
    const uint64_t at = read_table(c->t, image, 1).alternate, sectors = im->size / SECTOR;
    struct text why = {0};
    if (at >= sectors) {
        find_note(f,
                  "the backup of %s's GUID partition table should be in sector %" PRIu64
                  ", behind its end: it has %" PRIu64 " sectors; the table itself is good",
                  im->role, at, sectors);
        return;
    }
    const struct table_header h = read_table(c->t, image, at);
    if (h.known && !h.is_table)
        find_note(f,
                  "the backup of %s's GUID partition table is gone: something else is in sector %" PRIu64
                  "; the table itself is good",
                  im->role, at);
    else if (bad_table(c->t, image, at, &why))
        find_note(f, "%s: it is the backup, and the table itself is good", why.s);
    free(why.s);
}

void efi_tell_backups(struct why_case *c, struct finding *f)
{
    const struct trace_config *cfg = trace_config(c->t);
    for (unsigned i = 0; i < cfg->nimages; i++) {
        if (!image_is_drive(&cfg->images[i]) || image_is_cd(&cfg->images[i]))
            continue;
        const struct table_header h = read_table(c->t, i, 1);
        if (good_table(&h))
            tell_backup(c, f, i);
    }
}

bool efi_bad_tables(struct why_case *c, struct text *why)
{
    const struct trace_config *cfg = trace_config(c->t);
    bool bad = false;
    for (unsigned i = 0; i < cfg->nimages; i++)
        if (image_is_drive(&cfg->images[i]) && !image_is_cd(&cfg->images[i]) && bad_table(c->t, i, 1, why)) {
            bad_table(c->t, i, cfg->images[i].size / SECTOR - 1, why);
            bad = true;
        }
    return bad;
}

/* ---------------------------------------------------------------- nothing to boot */

/* A command was given to the shell: a script, or typing. */
static bool shell_was_used(struct why_case *c, uint64_t from)
{
    static const char *const prompts[] = {"Shell> ", ":\\> "};
    char text[300];
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_CONSOLE_LINE || ev->icount < from)
            continue;
        fact_text(ev, text, sizeof text);
        for (size_t k = 0; k < sizeof prompts / sizeof prompts[0]; k++) {
            const char *p = strstr(text, prompts[k]);
            if (p && p[strlen(prompts[k])])
                return true;
        }
    }
    return false;
}

/* Whether the story gave a program's image a name of its own: a boot manager's (core/systems/efi/manager.c). It has a file all the same. */
static bool is_named_manager(const struct why_case *c, const struct event *start)
{
    char name[100], is[110];
    snprintf(is, sizeof is, " is %s", fact_text(start, name, sizeof name));
    for (const struct event *ev = c->now.event; ev < start; ev++)
        if (ev->kind == EV_EFI_NOTE && fact_contains(ev, is))
            return true;
    return false;
}

/* The last program is one of the firmware's own volume: it has no file name. Before it, options failed. */
static bool own_program(struct why_case *c, struct finding *f)
{
    const struct event *start = NULL, *failed = NULL, *line;
    struct text why = {0};
    char name[100], words[300];
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_EFI_START && EVF(ev, EFI_START, type) == APPLICATION)
            start = ev;
        if (ev->kind == EV_EFI_PART_DONE && is_error(EVF(ev, EFI_PART_DONE, status)) && ev->len > 4 &&
            !memcmp(ev->data, "Boot", 4))
            failed = ev;
    }
    if (!start || !failed || failed->icount > start->icount || memchr(start->data, '.', start->len) ||
        is_named_manager(c, start) || kernel_after(c, start->icount) || shell_was_used(c, start->icount))
        return false;
    line = facts_first_line(&c->now, "BdsDxe: failed to", c->now.begin);
    if (!foreign_program(c, f, &why) && !efi_bad_tables(c, &why) && line) {
        const char *text = strstr(fact_text(line, words, sizeof words), "BdsDxe: failed to");
        text_add(&why, "%s", text + strlen("BdsDxe: "));
    }
    find_verdict(f, WHY_UEFI_NOTHING, failed->icount,
                 "the UEFI firmware finds nothing to boot, and starts its own %s%s%s",
                 fact_text(start, name, sizeof name), why.n ? ": " : "", why.n ? why.s : "");
    free(why.s);
    efi_tell_backups(c, f);
    option_lines(c, f);
    find_event(f, c, start, NULL);
    find_console(f, c, start->icount, c->at, 5);
    return true;
}

/* ---------------------------------------------------------------- Secure Boot */

/* LoadImage() is refused by the platform's policy (UEFI 2.10, 7.4), and no kernel follows. */
static bool refuses(struct why_case *c, struct finding *f)
{
    const struct event *ev = NULL;
    char text[400];
    for (size_t i = 0; i < c->now.n && !ev; i++)
        if (c->now.event[i].kind == EV_EFI_SERVICE && fact_contains(&c->now.event[i], "LoadImage(") &&
            (fact_contains(&c->now.event[i], "= EFI_SECURITY_VIOLATION") ||
             fact_contains(&c->now.event[i], "= EFI_ACCESS_DENIED")))
            ev = &c->now.event[i];
    if (!ev || kernel_after(c, ev->icount))
        return false;
    fact_text(ev, text, sizeof text);
    const char *path = strstr(text, "DevicePath "), *status = strstr(text, "= EFI_");
    path = path ? path + strlen("DevicePath ") : text;
    find_verdict(
        f, WHY_UEFI_SECURE_BOOT, ev->icount,
        "the UEFI firmware refuses to load %.*s (%s): its policy, Secure Boot, allows only what is signed with a key that it knows",
        (int)(strstr(path, ", SourceSize") ? strstr(path, ", SourceSize") - path : (long)strlen(path)), path,
        status ? status + 2 : "refused");
    find_event(f, c, ev, NULL);
    option_lines(c, f);
    find_console(f, c, ev->icount, c->at, 5);
    return true;
}

void explain_uefi(struct why_case *c, struct finding *f)
{
    if (!facts_last(&c->now, EV_EFI_START) || facts_last(&c->now, EV_POWER_OFF))
        return;
    if (!refuses(c, f) && !program_failed(c, f))
        own_program(c, f);
}
