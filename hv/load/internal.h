/* internal.h - declarations shared by the boot protocols. Private to hv/load. */
#ifndef BOOTREEL_HV_LOAD_INTERNAL_H
#define BOOTREEL_HV_LOAD_INTERNAL_H

#include "hv/load/load.h"

/* Low memory where a loader puts its structures if the image does not need it: below the EBDA, above the BIOS
 * data area. */
enum {
    LOW_STACK = 0x7000, /* a page, which ends where the descriptors begin */
    LOW_GDT = 0x8000,
    LOW_PAGE_TABLES = 0x9000, /* 6 pages: PML4, PDPT, 4 page directories */
    LOW_PARAMS = 0x10000,
    LOW_COMMAND_LINE = 0x20000,
    LOW_COMMAND_LINE_MAX = 0x10000,
    LOW_FREE = 0x1000, /* a loader places nothing below this */
    TABLES = 0xe0000,  /* without firmware: ACPI tables, */
    SMBIOS = 0xf0000,  /* and SMBIOS */
    PAGE_SIZE_4K = 0x1000,
    MAP_MAX = 128,
    LOAD_MODULES = 16, /* of a multiboot image */
    E820_RAM = 1,
};

struct span {
    uint64_t start, end;
};

/* An image that is being loaded. */
struct loading {
    struct board *board;
    const struct engine_config *cfg;
    const struct image *image;
    struct e820_entry map[MAP_MAX]; /* the memory map as passed to the image */
    size_t nmap;
    uint64_t rsdp; /* of the ACPI tables; 0 if there are none */
    struct span *taken;
    size_t ntaken;
};

/* Reads the whole image into memory, or returns NULL with err. The caller frees it. */
uint8_t *image_load(const struct image *, struct error *);

/* gzip.c: Unpacks a gzip file (RFC 1952) of `*size` bytes : frees the bytes and returns new ones, whose
 * number becomes *size. Bytes that are no gzip file are returned as they are. NULL with err, which names the
 * image, if it is damaged or larger than an image may be. */
uint8_t *image_unzip(const struct image *, uint8_t *bytes, uint64_t *size, struct error *);
enum { IMAGE_MAX = 1 << 30 };

/* place.c: allocation of guest memory. */
/* Is the whole range RAM that the memory map gives to the image? */
bool load_in_ram(const struct loading *, uint64_t start, uint64_t size);
/* Reserves a range: nothing else will be placed there. */
void load_take(struct loading *, uint64_t start, uint64_t size);
/* Takes room for `size` bytes below `limit`: at `preferred` if that is free, else at the lowest free place
 * that is a multiple of `align`. Returns 0 with err, which names `what`, if there is none. */
uint64_t load_place(struct loading *, const char *what, uint64_t preferred, uint64_t size, uint64_t align,
                    uint64_t limit, struct error *);

/* firmware.c: runs the firmware up to the point where it would boot, and gets the memory map and the ACPI
 * tables from it. */
int load_after_firmware(struct loading *, const struct load_host *, struct error *);

/* Flat 32-bit segments (selectors 10h code, 18h data), paging off, interrupts off, as the Linux 32-bit
 * protocol and multiboot require. */
int enter_protected(struct loading *, uint64_t entry, struct error *);
/* Flat 32-bit segments without descriptors in memory, and without a stack. */
void enter_flat(struct loading *, uint64_t entry);
/* 64-bit mode with the first 4 GiB mapped one to one by 2 MiB pages: the Linux 64-bit protocol. */
int enter_long(struct loading *, uint64_t entry, struct error *);

/* image.c: where an image's parts go: an ELF image's segments at their physical addresses. *entry becomes the
 * physical address of its entry, *end the end of its memory.
 * -1 with err. */
int load_elf(struct loading *, uint8_t *bytes, uint64_t *entry, uint64_t *end, struct error *);
/* A part of the file, as multiboot headers describe it. All are addresses in memory: of the header, of the
 * first byte, of the end of what the file has (0: the end of the file), and of the end of the zeros after
 * that (0: there are none). */
struct load_addresses {
    uint32_t header, load, load_end, bss_end;
};
int load_at_addresses(struct loading *, const uint8_t *bytes, size_t header, const struct load_addresses *,
                      uint64_t *end, struct error *);
/* The first 4 bytes of an ELF note's content. False if the image has no such note. */
struct load_note {
    const char *owner;
    uint32_t type;
};
bool load_elf_note(const struct image *, uint8_t *bytes, const struct load_note *, uint32_t *value);

/* module.c */
struct load_module {
    uint64_t at, size;
    uint64_t string;  /* its address; 0 if there is none */
    const char *text; /* the same, or NULL */
};
/* Loads all modules, after `end` if they fit there, each at a page. Returns how many there are; -1 with err. */
int load_modules(struct loading *, uint64_t end, struct load_module list[LOAD_MODULES], struct error *);
/* Writes the words of --append to `line`, after the image's name if it is `named`. -1 with err if they are
 * too long. */
enum { LOAD_LINE = 4096 };
int load_command_line(const struct loading *, bool named, char line[LOAD_LINE], struct error *);
/* Puts a command line into memory. Returns its address, or 0 with err. */
uint64_t load_place_line(struct loading *, const char *line, struct error *);

int load_linux(struct loading *, uint8_t *kernel, struct load_result *, struct error *);
int load_multiboot(struct loading *, uint8_t *kernel, struct load_result *, struct error *);
int load_hvmloader(struct loading *, uint8_t *image, struct load_result *, struct error *);
int load_flat(struct loading *, struct load_result *, struct error *);
int load_multiboot2(struct loading *, uint8_t *kernel, struct load_result *, struct error *);
int load_pvh(struct loading *, uint8_t *kernel, struct load_result *, struct error *);
/* The offset of the image's multiboot 1 or 2 header, or -1 if it has none. */
long multiboot_header(const uint8_t *image, size_t size);
long multiboot2_header(const uint8_t *image, size_t size);
/* Whether the image is a Linux kernel, of any version of the boot protocol. */
bool linux_has_setup(const struct image *, uint8_t *kernel);
/* Whether the image is an ELF file with a PVH entry. */
bool pvh_has_entry(const struct image *, uint8_t *kernel);

#endif
