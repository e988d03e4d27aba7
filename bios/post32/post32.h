/* post32.h - what the files of POST, part 1 share. This is 32-bit flat code in
 * the ROM; its variables are in low RAM and cannot be initialized. */
#ifndef BIOS_POST32_H
#define BIOS_POST32_H

#include "bios/io.h"
#include "bios/shared.h"

/* The POST codes of both parts are listed in bios/README.md. */

/* log.c: the firmware log, port 402h. Supports %s %c %d %u %x, a zero-padded width (%04x), and %llx. */
void log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* memory.c */
void shadow_on(void);
void shadow_copy(void);
void memory_size(void);
void e820_set(u64 start, u64 end, u32 type);
void memory_finish(void); /* after everything was allocated */
/* Zeroed memory for the operating system's tables, or NULL if full: at the top of RAM below 4 GiB; in the
 * BIOS segment, for tables searched there; after the services' data, or at the top of RAM if that is full. */
void *high_alloc(u32 size, u32 align);
/* resume.c: what a resume from S3 needs, kept at POST; and the resume itself, which returns only if it is not possible. */
void resume_prepare(const u8 *rsdp);
void resume_s3_now(void);
/* This processor's memory types and local APIC. */
void processors_resume(void);
void *bios_alloc(u32 size, u32 align);
void *data_alloc(u32 size, u32 align);

/* fwcfg.c: QEMU's configuration device. These do nothing where it is absent. */
void fwcfg_init(void);
bool fwcfg_present(void);
u32 fwcfg_number(u16 key, unsigned width, u32 otherwise);
struct fwcfg_file {
    u32 size;
    u16 key;
    char name[56];
};
/* Finds a file. */
bool fwcfg_find(const char *name, struct fwcfg_file *file);
/* The next file whose name begins with this, from *index on; false if there are no more. */
bool fwcfg_next(const char *prefix, u32 *index, struct fwcfg_file *file);
void fwcfg_read(const struct fwcfg_file *file, u32 offset, void *to, u32 size);
u32 fwcfg_file_number(const char *name, u32 otherwise);

/* pci.c: whether the host bridge is a Q35, else it is an i440FX; and its PIRQ (0 = A) of a slot's pin on bus 0. */
bool is_q35(void);
u8 pirq_of(u8 slot, u8 pin);

/* The other files, each of which is a step of the POST. */
void pci_init(void);
void roms_copy(void);
void processors_init(void);
void acpi_init(void);
void smbios_init(void);
void mptable_init(void);
void pirq_init(void);
void bios32_init(void);
void pnp_init(void);
void settings_init(void);

void to_real16(u32 entry) __attribute__((noreturn));

static inline u8 sum(const void *data, u32 n)
{
    const u8 *p = data;
    u8 total = 0;
    while (n--)
        total += *p++;
    return total;
}

#endif
