/* machine.c - see machine.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bios/builtin.h"
#include "cli/cli.h"
#include "core/run/hosted.h"
#include "cli/machine_impl.h"
#include "core/story/guest.h"
#include "core/story/inspector.h"
#include "guests/demo/demo.h"
#include "hv/hv.h"

/* The roles of the modules' images, and the keys of the settings with their strings. */
static const char *const module_roles[MACHINE_MODULES] = {
    "module0", "module1", "module2",  "module3",  "module4",  "module5",  "module6",  "module7",
    "module8", "module9", "module10", "module11", "module12", "module13", "module14", "module15"};

/* ---------------------------------------------------------------- the whole */

struct machine *machine_new(void)
{
    struct machine *m = mem_zero(1, sizeof *m);
    m->memory = strtoull(setting_preset("memory"), NULL, 10);
    m->cpus = 1;
    m->files = image_files_new();
    return m;
}

bool machine_has_guests(const struct machine *m)
{
    return m->cpu && strchr(m->cpu, '+');
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->nsettings; i++)
        free((char *)m->settings[i].value);
    free(m->settings);
    free(m->extra);
    image_files_free(m->files);
    for (unsigned i = 0; i < m->nmodules; i++)
        free(m->module[i]);
    media_free(&m->media);
    words_free(&m->initrds);
    nics_free(&m->nics);
    shares_free(&m->shares);
    variation_free(&m->vary);
    free(m->flat);
    free(m);
}

bool machine_is_hosted(const struct machine *m)
{
    return m->program || m->uml;
}

int machine_arguments(struct machine *m, char *const *arguments, size_t n, struct error *err)
{
    if (n && !m->program)
        return error_set(err,
                         "record: \"%.100s\" is not an option: give images as --kernel, --disk, --cdrom …",
                         arguments[0]);
    m->arguments = arguments;
    m->narguments = n;
    return 0;
}

bool machine_is_demo(const struct machine *m)
{
    return !m->media.n && !m->floppy && !m->nics.n && !m->kernel && !m->flat && !m->hvmloader &&
           !machine_is_hosted(m);
}

static void set(struct machine *m, const char *key, const char *value)
{
    MEM_MORE(m->settings, m->nsettings);
    m->settings[m->nsettings++] = (struct setting){key, mem_string(value)};
}

static void set_number(struct machine *m, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    set(m, key, text);
}

void machine_add_setting(struct machine *m, const char *key, const char *value)
{
    MEM_MORE(m->extra, m->nextra);
    m->extra[m->nextra++] = (struct setting){key, value};
}

static const char *or_default(const char *given, const char *fallback)
{
    return given ? given : fallback;
}

/* The device to boot from, if none is named: the first kind that the machine has. */
static const char *boot_default(const struct machine *m)
{
    if (m->media.ndisks || (!m->media.ncdroms && !m->floppy && !m->nics.n))
        return "c";
    return m->media.ncdroms ? "d" : m->floppy ? "a" : "n";
}

/* Stores the names, not "all": that would mean others in a program that has more guest systems. */
static void set_inspected(struct machine *m, const char *engine, bool uefi)
{
    struct text names = {0};
    uint32_t chosen = guest_systems_of(guest_systems, engine, or_default(m->cpu, hv_cpu_model(0)));
    chosen = m->inspects ? m->inspect & chosen : chosen;
    guest_systems_names(guest_systems, chosen, &names);
    set(m, "inspect", names.s);
    set(m, "story", story_revision(uefi, guest_systems_virtualize(guest_systems, chosen)));
    free(names.s);
}

/* The string of a module: its file's name without the folder, then its arguments. */
static void set_modules(struct machine *m)
{
    for (unsigned i = 0; i < m->nmodules; i++) {
        const char *slash = strrchr(m->module[i], '/');
        set(m, module_roles[i], m->module_string[i] + (slash ? slash + 1 - m->module[i] : 0));
    }
}

static void set_drive(struct machine *m, const struct medium *drive)
{
    if (drive->interface)
        set(m, drive->interface_key, drive->interface);
    if (drive->serial)
        set(m, drive->serial_key, drive->serial);
}

static void set_nics(struct machine *m)
{
    for (unsigned i = 0; i < m->nics.n; i++) {
        const struct nic_given *c = &m->nics.nic[i];
        char *wire = nics_wire_text(&m->nics.wire[i]);
        set(m, c->key, c->model);
        set(m, c->mac_key, c->mac);
        set(m, c->wire_key, wire);
        free(wire);
    }
}

static void set_shares(struct machine *m)
{
    for (unsigned i = 0; i < m->shares.n; i++) {
        const struct share_given *s = &m->shares.share[i];
        set(m, s->tag_key, s->tag);
        if (s->path)
            set(m, s->path_key, s->path);
    }
}

static void set_variation(struct machine *m)
{
    const struct variation *v = &m->vary;
    if (v->kinds.s)
        set(m, "vary", v->kinds.s);
    if (v->kinds.s)
        set_number(m, "vary-seed", v->seed);
    if (v->from)
        set_number(m, "vary-from", v->from);
    if (v->from_time)
        set_number(m, "vary-from-time", v->from_time);
    if (v->schedule)
        set(m, "schedule", v->schedule);
}

/* Those of the setting's words that were given, separated by commas. */
static void set_words(struct machine *m, const char *key, unsigned given)
{
    struct text list = {0};
    size_t n;
    for (unsigned i = 0; given >> i; i++) {
        const char *word = setting_word(setting_row_of(key)->words, i, &n);
        if (given >> i & 1)
            text_add(&list, "%s%.*s", list.n ? "," : "", (int)n, word);
    }
    if (list.n)
        set(m, key, list.s);
    free(list.s);
}

/* All settings are stored, even defaults, so that a trace keeps its meaning when defaults change. */
static void make_settings(struct machine *m, const char *bios)
{
    set(m, "machine", or_default(m->board, setting_preset("machine")));
    set_number(m, "memory", m->memory);
    set_number(m, "cpus", m->cpus);
    set(m, "cpu", or_default(m->cpu, hv_cpu_model(0)));
    set(m, "rtc", or_default(m->rtc, setting_preset("rtc")));
    set(m, "bios", bios);
    bool both = m->nflash == MACHINE_FLASH || !strcmp(bios, "ovmf");
    if (both || m->nflash)
        set(m, "pflash0", both ? "read-only" : "writable");
    if (both)
        set(m, "pflash1", "writable");
    bool menu = m->boot && !strcmp(m->boot, "menu");
    set(m, "boot", m->boot && !menu ? m->boot : boot_default(m));
    if (menu)
        set_number(m, "boot-menu", MACHINE_BOOT_MENU_MS);
    set(m, "vga", or_default(m->vga, setting_preset("vga")));
    set_inspected(m, "pc",
                  m->nflash || !strcmp(bios, "ovmf") || firmware_is_uefi(config_image(&m->config, "bios")));
    set_words(m, "usb", m->usb);
    set_words(m, "virtio", m->virtio);
    for (unsigned i = 0; i < m->media.n; i++)
        set_drive(m, &m->media.medium[i]);
    set_nics(m);
    set_shares(m);
    if (m->kernel)
        set(m, "append", or_default(m->append, ""));
    set_modules(m);
    if (machine_by_fw_cfg(m))
        set(m, "protocol", "fw_cfg");
    else if (m->protocol)
        set(m, "protocol", m->protocol);
    if (m->flat)
        set_number(m, "flat-address", m->flat_address);
    set_variation(m);
    for (size_t i = 0; i < m->nextra; i++)
        set(m, m->extra[i].key, m->extra[i].value);
}

/* ---------------------------------------------------------------- a program on the Linux host */

enum { HOST_EXTRA = 256 }; /* MiB for what user-mode Linux's host needs besides the guest's memory */

static void set_format(struct machine *m, const char *key, const char *format, const char *text)
{
    char *s = NULL;
    if (asprintf(&s, format, text) < 0)
        mem_none(0);
    set(m, key, s);
    free(s);
}

/* What the guest is told: by arguments, as on any host. */
static int set_uml_arguments(struct machine *m, struct error *err)
{
    char text[64];
    set(m, "argument", path_last_part(m->uml));
    snprintf(text, sizeof text, "mem=%lluM", (unsigned long long)(m->memory / MIB));
    set(m, "argument", text);
    if (m->initrds.n) {
        if (initrds_open(&m->initrds, "file /initrd", m->files, err))
            return -1;
        set(m, "argument", "initrd=/initrd");
    }
    for (unsigned i = 0; i < m->media.n; i++) {
        snprintf(text, sizeof text, "file /disk%u", i);
        if (medium_open(&m->media.medium[i], text, m->files, err))
            return -1;
        snprintf(text, sizeof text, "ubd%u=/disk%u", i, i);
        set(m, "argument", text);
    }
    set(m, "argument", "con0=fd:0,fd:1");
    set(m, "argument", "con=null");
    for (char *copy = mem_string(m->append ? m->append : ""), *rest = copy, *word; copy; copy = NULL) {
        while ((word = strsep(&rest, " ")))
            if (*word)
                set(m, "argument", word);
        free(copy);
    }
    return 0;
}

static int finish_hosted(struct machine *m, struct error *err)
{
    const char *file = m->uml ? m->uml : m->program, *sysroot = m->sysroot ? m->sysroot : "";
    char to[4096];
    snprintf(to, sizeof to, "/usr/bin/%s", path_last_part(file));
    if (hosted_add_program(m->files, strcmp(sysroot, "/") ? sysroot : "", file, to, err))
        return -1;
    set_number(m, "ram", m->memory + (m->uml ? HOST_EXTRA * MIB : 0));
    set(m, "cpu", or_default(m->cpu, hv_cpu_model(0)));
    set(m, "rtc", or_default(m->rtc, setting_preset("rtc")));
    set_inspected(m, "linux", false);
    set(m, "kind", m->uml ? "uml" : "program");
    set(m, "program", to);
    set(m, "folder", "/root");
    set(m, "environment", "HOME=/root");
    set(m, "environment", "PATH=/usr/local/bin:/usr/bin:/bin");
    set(m, "environment", "TERM=linux");
    if (m->uml && set_uml_arguments(m, err))
        return -1;
    if (!m->uml)
        set_format(m, "argument", "%s", path_last_part(m->program));
    for (size_t i = 0; i < m->narguments; i++)
        set(m, "argument", m->arguments[i]);
    for (size_t i = 0; i < m->nextra; i++)
        set(m, m->extra[i].key, m->extra[i].value);
    m->config.settings = m->settings;
    m->config.nsettings = m->nsettings;
    m->config.images = image_files_images(m->files, &m->config.nimages);
    return 0;
}

static const char *bios_kind(const struct machine *m)
{
    if (m->nflash)
        return "flash";
    if (!m->bios)
        return m->flat ? "none" : m->hvmloader ? "seabios" : "builtin";
    if (m->hvmloader && !strcmp(m->bios, "none"))
        return "none";
    if (!strcmp(m->bios, "ovmf"))
        return m->hvmloader ? "file" : "ovmf"; /* a domain has no flash: hvmloader copies it to its place */
    return !strcmp(m->bios, "seabios") || !strcmp(m->bios, "builtin") ? m->bios : "file";
}

static int add(struct machine *m, const char *role, const char *path, struct error *err)
{
    return path ? image_files_add(m->files, role, path, err) : 0;
}

static int add_flash_images(struct machine *m, const char *kind, struct error *err)
{
    static const char *const roles[MACHINE_FLASH] = {"pflash0", "pflash1"};
    static const char *const ovmf[MACHINE_FLASH] = {"OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"};
    char path[4096];
    for (unsigned i = 0; i < m->nflash; i++)
        if (add(m, roles[i], m->flash[i], err))
            return -1;
    for (unsigned i = 0; i < MACHINE_FLASH && !strcmp(kind, "ovmf"); i++)
        if (firmware_find(FIRMWARE_OVMF, ovmf[i], path, sizeof path, err) || add(m, roles[i], path, err))
            return -1;
    return 0;
}

static int add_firmware_file(struct machine *m, struct error *err)
{
    char path[4096];
    if (strcmp(m->bios, "ovmf"))
        return add(m, "bios", m->bios, err);
    return firmware_find(FIRMWARE_OVMF, "OVMF.fd", path, sizeof path, err) ? -1 : add(m, "bios", path, err);
}

static int add_firmware(struct machine *m, const char *kind, struct error *err)
{
    char path[4096];
    if (add_flash_images(m, kind, err))
        return -1;
    bool seabios = !strcmp(kind, "seabios");
    bool display = !m->vga || strcmp(m->vga, "none");
    size_t size;
    const uint8_t *builtin = builtin_bios(&size);
    if (!strcmp(kind, "builtin") && image_files_add_memory(m->files, "bios", "builtin", builtin, size, err))
        return -1;
    if (seabios && (firmware_find(FIRMWARE_SEABIOS, "bios-256k.bin", path, sizeof path, err) ||
                    add(m, "bios", path, err)))
        return -1;
    if (!strcmp(kind, "file") && add_firmware_file(m, err))
        return -1;
    if (!seabios || m->vgabios || !display)
        return add(m, "vgabios", m->vgabios, err);
    if (firmware_find(FIRMWARE_SEABIOS, "vgabios-stdvga.bin", path, sizeof path, err))
        return -1;
    return add(m, "vgabios", path, err);
}

static int add_drives(struct machine *m, bool cdroms, struct error *err)
{
    for (unsigned i = 0; i < m->media.n; i++)
        if (m->media.medium[i].cdrom == cdroms &&
            medium_open(&m->media.medium[i], m->media.medium[i].role, m->files, err))
            return -1;
    return 0;
}

/* Firmware needs a card's ROM to boot from the network, and nothing else does. */
static int add_nic_roms(struct machine *m, struct error *err)
{
    static const char *const roles[ENGINE_NICS] = {"nic0-rom", "nic1-rom", "nic2-rom", "nic3-rom",
                                                   "nic4-rom", "nic5-rom", "nic6-rom", "nic7-rom"};
    char path[4096];
    for (unsigned i = 0; i < m->nics.n; i++) {
        const struct nic_given *c = &m->nics.nic[i];
        if (c->rom ? !strcmp(c->rom, "none") : m->kernel || m->flat)
            continue;
        if (!c->rom && firmware_find(FIRMWARE_IPXE, c->rom_file, path, sizeof path, err))
            return -1;
        if (add(m, roles[i], c->rom ? c->rom : path, err))
            return -1;
    }
    return 0;
}

static int add_floppy(struct machine *m, struct error *err)
{
    const struct medium medium = {.path = (char *)m->floppy};
    return m->floppy ? medium_open(&medium, "floppy0", m->files, err) : 0;
}

static int add_media(struct machine *m, struct error *err)
{
    if (add(m, "kernel", m->kernel, err) || initrds_open(&m->initrds, "initrd", m->files, err) ||
        add(m, "flat", m->flat, err) || add(m, "hvmloader", m->hvmloader, err))
        return -1;
    if (m->initrd && image_files_add_memory(m->files, "initrd", "run", m->initrd, m->ninitrd, err))
        return -1;
    if (add_drives(m, false, err))
        return -1;
    for (unsigned i = 0; i < m->nmodules; i++)
        if (add(m, module_roles[i], m->module[i], err))
            return -1;
    size_t size;
    const uint8_t *demo = demo_disk(&size);
    if (machine_is_demo(m) && image_files_add_memory(m->files, "disk0", "demo", demo, size, err))
        return -1;
    return add_drives(m, true, err) || add_floppy(m, err) || add_nic_roms(m, err) ||
                   shares_open(&m->shares, m->files, err)
               ? -1
               : 0;
}

/* --vary errors=net */
static int mangle(struct machine *m, struct error *err)
{
    const struct variation *v = &m->vary;
    const struct net_wire how = {.mangle = v->net.percent,
                                 .seed = v->net.seeded ? v->net.seed : v->seed,
                                 .mangle_from = v->from,
                                 .mangle_from_time = v->from_time};
    return v->net.given ? nics_mangle(&m->nics, &how, err) : 0;
}

int machine_finish(struct machine *m, struct error *err)
{
    const char *bios = bios_kind(m);
    if (machine_is_hosted(m))
        return machine_check(m, err) ? -1 : finish_hosted(m, err);
    if (machine_check(m, err) || nics_finish(&m->nics, err) || mangle(m, err) || add_firmware(m, bios, err) ||
        add_media(m, err))
        return -1;
    m->config.images = image_files_images(m->files, &m->config.nimages);
    if (!strcmp(bios, "file") && firmware_is_seabios(config_image(&m->config, "bios")))
        bios = "seabios"; /* its stages are those of --bios seabios */
    make_settings(m, bios);
    m->config.settings = m->settings;
    m->config.nsettings = m->nsettings;
    for (size_t i = 0; i < m->config.nimages; i++)
        if (image_check(&m->config.images[i], machine_is_q35(m), err))
            return -1;
    for (size_t i = 0; i < m->config.nimages; i++)
        image_say_padding(&m->config.images[i]);
    return 0;
}

int machine_add_share(struct machine *m, const char *folder, const char *tag, const char *path,
                      struct error *err)
{
    return shares_add_parts(&m->shares, folder, folder, tag, path, err);
}

void machine_set_initrd(struct machine *m, const void *bytes, size_t n)
{
    m->initrd = bytes;
    m->ninitrd = n;
}

void machine_functions(const struct machine *m, struct record_options *o)
{
    o->call_errors = m->vary.call;
    o->ncall_errors = m->vary.ncalls;
    o->call_errors_from = m->vary.from;
    o->call_errors_from_time = m->vary.from_time;
    o->turns_at = m->vary.at;
    o->nturns_at = m->vary.nat;
}

bool machine_mangles(const struct machine *m)
{
    return m->vary.net.given;
}

const struct net_wire *machine_wires(const struct machine *m, size_t *n)
{
    *n = m->nics.n;
    return m->nics.wire;
}

const char *machine_variables(const struct machine *m)
{
    return config_image(&m->config, "pflash1")   ? "pflash1"
           : config_image(&m->config, "pflash0") ? "pflash0"
                                                 : NULL;
}

const struct engine_config *machine_config(const struct machine *m)
{
    return &m->config;
}

const struct image_files *machine_files(const struct machine *m)
{
    return m->files;
}

static void add_symbols(struct symbol_image *list, size_t *n, const char *name,
                        const uint8_t *(*image)(size_t *size))
{
    struct symbol_image *im = &list[(*n)++];
    *im = (struct symbol_image){.name = name};
    im->data = image(&im->size);
}

/* The first instruction is executed right below 4 GiB. */
static void add_bios_symbols(struct symbol_image *list, size_t *n)
{
    static const char *const reset[] = {"reset_vector", NULL};
    struct symbol_image *im = &list[*n];
    add_symbols(list, n, "bios", builtin_bios_symbols);
    im->rom_functions = reset;
    im->rom_name = "rom";
    im->rom_distance = 0xfff00000;
}

size_t machine_symbols(const struct machine *m, struct symbol_image list[MACHINE_SYMBOLS])
{
    size_t n = 0;
    if (!strcmp(bios_kind(m), "builtin") && !machine_is_hosted(m))
        add_bios_symbols(list, &n);
    if (machine_is_demo(m)) {
        add_symbols(list, &n, "loader", demo_loader_symbols);
        add_symbols(list, &n, "kernel", demo_kernel_symbols);
    }
    return n;
}

const char *machine_kernel_symbols(const struct machine *m)
{
    return m->kernel && symbols_in_elf_file(m->kernel) ? m->kernel : NULL;
}
