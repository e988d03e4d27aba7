/* fwcfg_words.c - the firmware configuration device in words. Source: QEMU, docs/specs/fw_cfg. */
#include "hv/board/firmware/fwcfg.h"
#include "hv/board/words/words.h"

static const char manual[] = "QEMU, docs/specs/fw_cfg";

static const struct word_value keys[] = {
    {KEY_SIGNATURE, "signature"},
    {KEY_ID, "interface version"},
    {KEY_UUID, "UUID"},
    {KEY_RAM_SIZE, "RAM size"},
    {KEY_NOGRAPHIC, "no graphics"},
    {KEY_NB_CPUS, "number of processors"},
    {KEY_KERNEL_ADDRESS, "kernel's address"},
    {KEY_KERNEL_SIZE, "kernel's size"},
    {KEY_INITRD_ADDRESS, "initrd's address"},
    {KEY_INITRD_SIZE, "initrd's size"},
    {KEY_BOOT_DEVICE, "boot device"},
    {KEY_NUMA, "NUMA"},
    {KEY_BOOT_MENU, "boot menu"},
    {KEY_MAX_CPUS, "processors at most"},
    {KEY_KERNEL_DATA, "kernel"},
    {KEY_INITRD_DATA, "initrd"},
    {KEY_COMMAND_LINE_ADDRESS, "command line's address"},
    {KEY_COMMAND_LINE_SIZE, "command line's size"},
    {KEY_COMMAND_LINE_DATA, "command line"},
    {KEY_SETUP_ADDRESS, "address of the kernel's setup"},
    {KEY_SETUP_SIZE, "size of the kernel's setup"},
    {KEY_SETUP_DATA, "kernel's setup"},
    {KEY_DIRECTORY, "directory of files"},
    {KEY_ACPI_TABLES, "ACPI tables"},
    {KEY_SMBIOS_ENTRIES, "SMBIOS entries"},
    {KEY_IRQ0_OVERRIDE, "IRQ 0 override"},
    {0, NULL},
};

bool fwcfg_item_words(unsigned key, struct words *w)
{
    const char *name = words_value(keys, key);
    words_begin(w, "fw_cfg", manual);
    w->source = "Firmware Configuration Items";
    words_add(w, "%s",
              name                                             ? name
              : key >= KEY_FIRST_FILE && key < KEY_ACPI_TABLES ? "a file"
                                                               : "an item without a name");
    return true;
}

bool fwcfg_words(struct board_seen *s, const struct access *a, struct words *w)
{
    words_begin(w, "fw_cfg", manual);
    if (a->at == PORT_SELECT && a->write) {
        const char *name = words_value(keys, a->value);
        s->fw_cfg = (uint16_t)a->value;
        w->source = "Selector Register";
        words_add(w, "select %02Xh", s->fw_cfg);
        if (name || s->fw_cfg >= KEY_FIRST_FILE)
            words_add(w, " (%s)", name ? name : "a file");
    } else if (a->at == PORT_DATA || a->at == PORT_SELECT) {
        const char *name = words_value(keys, s->fw_cfg);
        w->source = "Data Register";
        words_add(w, "data of %02Xh", s->fw_cfg);
        if (name)
            words_add(w, " (%s)", name);
    } else {
        w->source = "DMA Interface";
        words_add(w, a->write ? a->at == PORT_DMA ? "DMA control structure at, high half"
                                                  : "DMA: start, control structure at, low half"
                              : "DMA signature");
        uint32_t v = a->size == 4 ? __builtin_bswap32((uint32_t)a->value) : (uint32_t)a->value;
        if (a->write)
            words_add(w, " %Xh", v);
    }
    return true;
}
