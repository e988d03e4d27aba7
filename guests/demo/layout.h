/* layout.h - where things are on the disk and in memory. For C and assembly of all parts.
 *
 * The disk, in sectors of 512 bytes (pack.c writes it):
 *      0        boot sector, with a partition table
 *      1 - 16   loader
 *     17        directory: struct file[16]
 *     18 -      files: the kernel and the programs, ELF each
 *
 * Memory while the loader runs (real mode: below 1 MiB):
 *     05000   struct boot_info, for the kernel
 *     07000   the loader's stack ends here (it grows down); directory
 *     07c00   boot sector
 *     08000   loader
 *     10000   the kernel's file, before its segments are moved to 1 MiB
 *
 * Memory under the kernel (virtual):
 *     00400000            program: code, data
 *     bfffc000-bfffffff   program: stack
 *     c0000000-           all of physical memory, 512 MiB at most; the kernel itself is at c0100000
 */
#ifndef DEMO_LAYOUT_H
#define DEMO_LAYOUT_H

#define SECTOR          512
#define LOADER_LBA      1
#define LOADER_SECTORS  16
#define DIRECTORY_LBA   17
#define DIRECTORY_FILES 16

#define BOOT_INFO       0x5000
#define LOADER_STACK    0x7000
#define DIRECTORY       0x7000
#define BOOT_SECTOR     0x7c00
#define LOADER          0x8000
#define LOADER_MAGIC    0x6f6d6564 /* "demo" */
#define KERNEL_FILE     0x10000
#define KERNEL_FILE_END 0x90000

#define KERNEL_BASE         0xc0000000
#define KERNEL_PHYSICAL     0x00100000
#define DIRECT_MAP_MAX      0x20000000
#define PROGRAM_BASE        0x00400000
#define PROGRAM_STACK       0xc0000000
#define PROGRAM_STACK_PAGES 4

/* Selectors of the kernel's descriptor table; the loader's has the first three. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE   0x1b
#define SEL_USER_DATA   0x23
#define SEL_TSS         0x28

#ifndef __ASSEMBLER__
#include "guests/demo/types.h"

/* A directory entry; the first with an empty name ends it. */
struct file {
    char name[24];
    u32 lba, size;
} PACKED;

/* What the firmware reports about memory (INT 15h E820h). */
struct memory_range {
    u64 address, length;
    u32 type; /* 1 is usable RAM */
    u32 reserved;
} PACKED;

/* From the loader to the kernel, at BOOT_INFO. */
struct boot_info {
    u32 drive; /* BIOS number of the boot disk */
    u32 ranges;
    struct memory_range range[32];
};
#endif

#endif
