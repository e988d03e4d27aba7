/* fwcfg.h - ports and selectors of QEMU's firmware configuration device. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_FIRMWARE_FWCFG_H
#define BOOTREEL_HV_BOARD_FIRMWARE_FWCFG_H

enum {
    PORT_SELECT = 0x510,
    PORT_DATA = 0x511,
    PORT_DMA = 0x514,
    KEY_SIGNATURE = 0x00,
    KEY_ID = 0x01,
    KEY_UUID = 0x02,
    KEY_RAM_SIZE = 0x03,
    KEY_NOGRAPHIC = 0x04,
    KEY_NB_CPUS = 0x05,
    KEY_BOOT_DEVICE = 0x0c,
    KEY_NUMA = 0x0d,
    KEY_BOOT_MENU = 0x0e,
    KEY_MAX_CPUS = 0x0f,
    KEY_DIRECTORY = 0x19,
    KEY_FIRST_FILE = 0x20,
    KEY_ACPI_TABLES = 0x8000,
    KEY_SMBIOS_ENTRIES = 0x8001,
    KEY_IRQ0_OVERRIDE = 0x8002,
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SKIP = 4,
    DMA_SELECT = 8,
    DMA_WRITE = 16,
    MAX_ITEMS = 40,
    NAME_SIZE = 56,
};

#endif
