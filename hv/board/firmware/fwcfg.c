/* fwcfg.c - QEMU's firmware configuration device: through which firmware learns the machine's configuration.
 *
 * Source: QEMU's docs/specs/fw_cfg (selector 510h, data 511h, DMA at 514h with big-endian addresses); the set
 * of items is the one that SeaBIOS reads. */
#include "base/memory.h"
#include "core/engine/settings.h"
#include "base/must.h"
#include "hv/board/chips.h"
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/memory_map.h"
#include "hv/board/firmware/tables.h"
#include "hv/board/slots.h"
#include "hv/board/xen_host.h"
#include "hv/board/chipset/pm1.h"
#include "hv/board/firmware/fwcfg.h"
#include "hv/board/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    uint16_t key;
    const char *name;
    struct blob data;
    /* Not NULL: the data is the part of an image from there on, and is read when it is asked for. */
    const struct image *image;
    uint64_t from;
};

struct fwcfg {
    struct board *board;
    uint16_t selector;
    uint32_t offset;
    uint32_t dma_high;
    /* derived from the configuration and from other chips' state, so not state itself */
    struct item item[MAX_ITEMS];
    struct item *acpi;                /* the tables, rebuilt when the chips change */
    uint32_t acpi_pm_base, acpi_ecam; /* the addresses for which they were built */
    unsigned nitems;
    unsigned nfiles;
};

static const struct field fwcfg_fields[] = {
    FIELD(struct fwcfg, selector),
    FIELD(struct fwcfg, offset),
    FIELD(struct fwcfg, dma_high),
};

/* ---------------------------------------------------------------- items */

static struct blob *add_item(struct fwcfg *s, uint16_t key, const char *name)
{
    must(s->nitems < MAX_ITEMS, "more items of the firmware's configuration than there is room for");
    struct item *item = &s->item[s->nitems++];
    item->key = key;
    item->name = name;
    return &item->data;
}

static void add_number(struct fwcfg *s, uint16_t key, const char *name, unsigned width, uint64_t value)
{
    struct blob *data = add_item(s, key, name);
    blob_add(data, NULL, width);
    blob_set(data, 0, width, value);
}

static struct blob *add_file(struct fwcfg *s, const char *name)
{
    return add_item(s, (uint16_t)(KEY_FIRST_FILE + s->nfiles++), name);
}

static void add_fixed_items(struct fwcfg *s)
{
    struct board *b = s->board;
    const char *boot = config_get(b->cfg, "boot");
    unsigned cpus = board_cpus(b);
    blob_add(add_item(s, KEY_SIGNATURE, "signature"), "QEMU", 4);
    add_number(s, KEY_ID, "id", 4, 3); /* the traditional interface, and DMA */
    blob_add(add_item(s, KEY_UUID, "uuid"), NULL, 16);
    add_number(s, KEY_RAM_SIZE, "ram_size", 8, b->ram_low + b->ram_high);
    /* Without a screen SeaBIOS uses the serial port. */
    add_number(s, KEY_NOGRAPHIC, "nographic", 2, setting_has(b->cfg, "vga", "none"));
    add_number(s, KEY_NB_CPUS, "nb_cpus", 2, cpus);
    add_number(s, KEY_BOOT_DEVICE, "boot_device", 2, boot ? (uint8_t)boot[0] : 'c');
    blob_add(add_item(s, KEY_NUMA, "numa"), NULL, 8 * (1 + cpus));
    add_number(s, KEY_BOOT_MENU, "boot_menu", 2, config_get(b->cfg, "boot-menu") != NULL);
    add_number(s, KEY_MAX_CPUS, "max_cpus", 2, cpus);
    add_number(s, KEY_ACPI_TABLES, "acpi_tables", 2, 0);
    add_number(s, KEY_SMBIOS_ENTRIES, "smbios_entries", 2, 0);
    add_number(s, KEY_IRQ0_OVERRIDE, "irq0_override", 4, 1);
}

/* ---------------------------------------------------------------- a kernel that firmware loads */

bool board_firmware_loads_kernel(const struct engine_config *cfg)
{
    return config_image(cfg, "kernel") && setting_has(cfg, "protocol", "fw_cfg");
}

/* Linux/x86 boot protocol (Documentation/arch/x86/boot.rst): how many sectors of setup there are before the kernel proper. An image that is
 * no bzImage, such as another EFI program, has none. */
static int setup_size(const struct image *kernel, uint64_t *size, struct error *err)
{
    enum { SECTORS = 0x1f1, MAGIC = 0x202, HEAD = 0x206, OLD = 4, SECTOR = 512 };
    uint8_t head[HEAD] = {0};
    *size = 0;
    if (kernel->size < HEAD)
        return 0;
    if (kernel->read(kernel->ctx, 0, head, HEAD, err))
        return -1;
    if (memcmp(head + MAGIC, "HdrS", 4))
        return 0;
    *size = (1u + (head[SECTORS] ? head[SECTORS] : OLD)) * SECTOR;
    return *size <= kernel->size ? 0
                                 : error_set(err, "%s: was cut off: its setup has %llu bytes", kernel->name,
                                             (unsigned long long)*size);
}

static void add_part(struct fwcfg *s, uint16_t key, const char *name, const struct image *im, uint64_t from,
                     uint64_t to)
{
    add_item(s, key, name)->size = to - from;
    s->item[s->nitems - 1].image = im;
    s->item[s->nitems - 1].from = from;
}

/* With the addresses that QEMU gives, at which simple firmware puts them. The bytes are those of the files, so signatures hold. */
static int add_kernel_items(struct fwcfg *s, struct error *err)
{
    enum {
        KERNEL = 0x100000,
        SETUP = 0x10000,
        COMMAND_LINE = 0x20000,
        INITRD_LAST = 0x37ffffff,
        PAGE = 4096
    };
    const struct engine_config *cfg = s->board->cfg;
    const struct image *kernel = config_image(cfg, "kernel"), *initrd = config_image(cfg, "initrd");
    const char *line = config_get(cfg, "append");
    uint64_t setup, ram = s->board->ram_low;
    if (setup_size(kernel, &setup, err))
        return -1;
    if (kernel->size > UINT32_MAX || (initrd && initrd->size >= ram / 2))
        return error_set(err, "%s: is too large for this machine's memory: give --memory",
                         initrd ? initrd->name : kernel->name);
    const uint64_t last = ram - 1 < INITRD_LAST ? ram - 1 : INITRD_LAST;
    line = line ? line : "";
    add_number(s, KEY_KERNEL_ADDRESS, "kernel_addr", 4, KERNEL);
    add_number(s, KEY_KERNEL_SIZE, "kernel_size", 4, kernel->size - setup);
    add_part(s, KEY_KERNEL_DATA, "kernel_data", kernel, setup, kernel->size);
    add_number(s, KEY_SETUP_ADDRESS, "setup_addr", 4, SETUP);
    add_number(s, KEY_SETUP_SIZE, "setup_size", 4, setup);
    add_part(s, KEY_SETUP_DATA, "setup_data", kernel, 0, setup);
    add_number(s, KEY_COMMAND_LINE_ADDRESS, "cmdline_addr", 4, COMMAND_LINE);
    add_number(s, KEY_COMMAND_LINE_SIZE, "cmdline_size", 4, strlen(line) + 1);
    blob_add(add_item(s, KEY_COMMAND_LINE_DATA, "cmdline_data"), line, strlen(line) + 1);
    if (!initrd)
        return 0;
    add_number(s, KEY_INITRD_ADDRESS, "initrd_addr", 4, (last + 1 - initrd->size) & ~(uint64_t)(PAGE - 1));
    add_number(s, KEY_INITRD_SIZE, "initrd_size", 4, initrd->size);
    add_part(s, KEY_INITRD_DATA, "initrd_data", initrd, 0, initrd->size);
    return 0;
}

/* ---------------------------------------------------------------- files */

/* The letter of --boot for a role. */
static char boot_letter(const char *role)
{
    return !strncmp(role, "disk", 4)     ? 'c'
           : !strncmp(role, "cdrom", 5)  ? 'd'
           : !strncmp(role, "floppy", 6) ? 'a'
           : !strncmp(role, "nic", 3)    ? 'n'
                                         : 0;
}

/* Disks come first, then CD-ROMs, then floppies, then network cards with a ROM, each kind in the order in which they were given. */
static void add_paths(struct board *b, struct blob *out, char letter, bool same)
{
    static const char kinds[] = "cdan";
    for (const char *kind = kinds; *kind; kind++)
        for (size_t i = 0; (*kind == letter) == same && i < b->cfg->nimages; i++) {
            const char *role = b->cfg->images[i].role;
            const char *path = boot_letter(role) == *kind ? board_boot_path_of(b, role) : NULL;
            if (!path)
                continue;
            if (out->size)
                blob_add(out, "\n", 1);
            blob_add(out, path, strlen(path));
        }
}

/* Lists the selected kind of device first, then the others. The file ends with a NUL, as on QEMU. */
static void add_bootorder(struct fwcfg *s)
{
    const char *boot = config_get(s->board->cfg, "boot");
    struct blob order = {0};
    add_paths(s->board, &order, boot ? boot[0] : 'c', true);
    add_paths(s->board, &order, boot ? boot[0] : 'c', false);
    if (order.size) {
        blob_add(&order, NULL, 1);
        blob_add(add_file(s, "bootorder"), order.data, order.size);
    }
    blob_free(&order);
}

/* If nothing can be booted: forever. */
static void add_boot_waits(struct fwcfg *s)
{
    const char *menu = config_get(s->board->cfg, "boot-menu");
    add_number(s, (uint16_t)(KEY_FIRST_FILE + s->nfiles++), "etc/boot-fail-wait", 4, UINT32_MAX);
    if (menu)
        add_number(s, (uint16_t)(KEY_FIRST_FILE + s->nfiles++), "etc/boot-menu-wait", 2,
                   strtoul(menu, NULL, 0));
}

static void add_e820(struct fwcfg *s)
{
    struct e820_entry map[8];
    size_t n = board_e820_ram(s->board, map, 8);
    blob_add(add_file(s, "etc/e820"), map, n * sizeof map[0]);
}

/* In a domain of Xen, memory map and tables come from hvmloader. */
static void add_domain_files(struct fwcfg *s)
{
    add_bootorder(s);
    add_boot_waits(s);
}

static void note_addresses(struct fwcfg *s)
{
    s->acpi_pm_base = acpi_pm_base(s->board);
    s->acpi_ecam = mch_ecam(s->board);
}

static void add_files(struct fwcfg *s)
{
    /* S0-S5 as QEMU has them: the sleep type, and bit 7 if it is available; S4 is not. */
    const uint8_t system_states[] = {128, 0, 0, 128 | SLEEP_S3, 2, 128};
    struct acpi_tables acpi;
    acpi_tables_build(s->board, &acpi);
    struct blob *rsdp, *tables, *script, *anchor, *smbios;
    /* In alphabetical order. A file is found by name, but its key depends on its position. */
    add_bootorder(s);
    rsdp = add_file(s, "etc/acpi/rsdp");
    tables = add_file(s, "etc/acpi/tables");
    blob_add(rsdp, acpi.rsdp.data, acpi.rsdp.size);
    blob_add(tables, acpi.tables.data, acpi.tables.size);
    s->acpi = &s->item[s->nitems - 1];
    note_addresses(s);
    add_boot_waits(s);
    add_e820(s);
    anchor = add_file(s, "etc/smbios/smbios-anchor");
    smbios = add_file(s, "etc/smbios/smbios-tables");
    smbios_build(s->board, false, smbios, anchor);
    blob_add(add_file(s, "etc/system-states"), system_states, sizeof system_states);
    script = add_file(s, "etc/table-loader");
    acpi_loader_script(&acpi, script);
    acpi_tables_free(&acpi);
}

static void set_big_endian(uint8_t *p, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        p[i] = (uint8_t)(value >> (width - 1 - i) * 8);
}

static void add_directory(struct fwcfg *s)
{
    struct blob dir = {0};
    blob_add(&dir, NULL, 4);
    set_big_endian(dir.data, 4, s->nfiles);
    for (unsigned i = 0; i < s->nitems; i++) {
        const struct item *item = &s->item[i];
        if (item->key < KEY_FIRST_FILE || item->key >= KEY_ACPI_TABLES)
            continue;
        size_t at = blob_add(&dir, NULL, 8 + NAME_SIZE);
        set_big_endian(dir.data + at, 4, item->data.size);
        set_big_endian(dir.data + at + 4, 2, item->key);
        assert(strlen(item->name) < NAME_SIZE);
        memcpy(dir.data + at + 8, item->name, strlen(item->name));
    }
    *add_item(s, KEY_DIRECTORY, "file_dir") = dir;
}

/* ---------------------------------------------------------------- selecting and reading */

static const struct item *selected(const struct fwcfg *s)
{
    for (unsigned i = 0; i < s->nitems; i++)
        if (s->item[i].key == s->selector)
            return &s->item[i];
    return NULL;
}

static void select_item(struct fwcfg *s, uint16_t key)
{
    s->selector = key;
    s->offset = 0;
    const struct item *item = selected(s);
    const char *name = item ? item->name : "absent item";
    struct event ev = {.kind = EV_FW_CFG, .data = name, .len = (uint32_t)strlen(name)};
    ev.f[EVF_FW_CFG_selector] = key;
    board_event(s->board, &ev);
}

/* Firmware moves the power management registers and configuration space, then reads the tables, which must contain the new
 * addresses. */
static void refresh_acpi(struct fwcfg *s)
{
    struct acpi_tables now;
    if (s->acpi_pm_base == acpi_pm_base(s->board) && s->acpi_ecam == mch_ecam(s->board))
        return;
    note_addresses(s);
    acpi_tables_build(s->board, &now);
    blob_free(&s->acpi->data);
    blob_add(&s->acpi->data, now.tables.data, now.tables.size);
    acpi_tables_free(&now);
}

static void read_image(struct fwcfg *s, const struct item *item, void *buf, uint32_t n)
{
    struct error err;
    if (!item->image->read(item->image->ctx, item->from + s->offset, buf, n, &err))
        return;
    board_image_error(s->board, &err);
    memset(buf, 0, n);
}

/* Copies at most n bytes from the current offset and advances it; returns how many were copied. */
static uint32_t take(struct fwcfg *s, void *buf, uint32_t n)
{
    const struct item *item = selected(s);
    if (item && item == s->acpi)
        refresh_acpi(s);
    uint32_t left = item && s->offset < item->data.size ? (uint32_t)(item->data.size - s->offset) : 0;
    if (n > left)
        n = left;
    if (buf && n && item->image)
        read_image(s, item, buf, n);
    else if (buf && n)
        memcpy(buf, item->data.data + s->offset, n);
    s->offset += n;
    return n;
}

/* Data is a stream of bytes, zeroes after its end. */
static uint32_t fwcfg_in(void *ctx, uint16_t port, unsigned size)
{
    struct fwcfg *s = ctx;
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = 0;
        take(s, &byte, 1);
        value |= (uint32_t)byte << i * 8;
    }
    return value;
}

static void fwcfg_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct fwcfg *s = ctx;
    if (port == PORT_SELECT && size == 2)
        select_item(s, (uint16_t)value);
    else
        board_unhandled(s->board, "fw_cfg write", port, true, value);
}

/* ---------------------------------------------------------------- DMA */

/* Zeroes after the item's end, as with the data port. */
static void dma_read(struct fwcfg *s, uint64_t address, uint32_t length)
{
    uint8_t buf[4096];
    while (length) {
        uint32_t part = length < sizeof buf ? length : sizeof buf;
        uint32_t have = take(s, buf, part);
        memset(buf + have, 0, part - have);
        physmem_write(s->board->mem, address, buf, part);
        address += part;
        length -= part;
    }
}

static uint64_t big_endian(const uint8_t *p, unsigned width)
{
    uint64_t value = 0;
    while (width--)
        value = value << 8 | *p++;
    return value;
}

static void dma(struct fwcfg *s, uint64_t at)
{
    uint8_t access[16], status[4] = {0};
    physmem_read(s->board->mem, at, access, sizeof access);
    uint32_t control = (uint32_t)big_endian(access, 4), length = (uint32_t)big_endian(access + 4, 4);
    if (control & DMA_SELECT)
        select_item(s, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        dma_read(s, big_endian(access + 8, 8), length);
    else if (control & DMA_WRITE) /* no item can be written */
        set_big_endian(status, 4, DMA_ERROR);
    else if (control & DMA_SKIP)
        take(s, NULL, length);
    physmem_write(s->board->mem, at, status, sizeof status);
}

static uint32_t byte_swap(uint32_t v)
{
    return __builtin_bswap32(v);
}

/* Reads give "QEMU CFG". */
static uint32_t dma_in(void *ctx, uint16_t port, unsigned size)
{
    static const char signature[] = "QEMU CFG";
    uint32_t value = 0;
    for (unsigned i = 0; i < size && port - PORT_DMA + i < 8; i++)
        value |= (uint32_t)(uint8_t)signature[port - PORT_DMA + i] << i * 8;
    return value;
}

static void dma_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct fwcfg *s = ctx;
    if (size != 4 || (port & 3)) {
        board_unhandled(s->board, "fw_cfg DMA write", port, true, value);
    } else if (port == PORT_DMA) {
        s->dma_high = byte_swap(value);
    } else {
        uint64_t at = (uint64_t)s->dma_high << 32 | byte_swap(value);
        s->dma_high = 0;
        dma(s, at);
    }
}

/* ---------------------------------------------------------------- the chip */

static void reset(void *state)
{
    struct fwcfg *s = state;
    s->selector = KEY_SIGNATURE;
    s->offset = 0;
    s->dma_high = 0;
}

static void destroy(void *state)
{
    struct fwcfg *s = state;
    for (unsigned i = 0; i < s->nitems; i++)
        if (!s->item[i].image)
            blob_free(&s->item[i].data);
    free(s);
}

int fwcfg_create(struct board *b, struct error *err)
{
    struct fwcfg *s = mem_zero(1, sizeof *s);
    s->board = b;
    add_fixed_items(s);
    if (board_firmware_loads_kernel(b->cfg) && add_kernel_items(s, err)) {
        destroy(s);
        return -1;
    }
    if (xen_host_wanted(s->board))
        add_domain_files(s);
    else
        add_files(s);
    add_directory(s);
    board_set_slot(b, SLOT_FWCFG, s);
    board_add_chip(b, &(struct chip){.name = "fwcfg",
                                     .fields = fwcfg_fields,
                                     .nfields = FIELD_COUNT(fwcfg_fields),
                                     .state = s,
                                     .reset = reset,
                                     .destroy = destroy});
    board_ports(b, PORT_SELECT, 2, false, s, fwcfg_in, fwcfg_out);
    board_ports(b, PORT_DMA, 8, false, s, dma_in, dma_out);
    return 0;
}
