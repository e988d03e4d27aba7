/* pe.h - executables of PE, PE32+ and TE form: their headers, from bytes alone. Nothing is trusted: every
 * offset is checked against the size of what it is in.
 *
 * Sources: Microsoft, "PE Format"; PI specification 1.7, volume 1, chapter 15 (TE).
 */
#ifndef BOOTREEL_CORE_SYMBOLS_PE_H
#define BOOTREEL_CORE_SYMBOLS_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PE_SECTIONS = 32, PE_PATH = 512, PE_I386 = 0x14c, PE_AMD64 = 0x8664 };

/* Relative addresses: bytes from where the image's address 0 is in memory. */
struct pe_range {
    uint32_t address, size; /* 0, 0 if there is none */
};

struct pe_image {
    bool te;
    uint16_t machine;   /* PE_I386, PE_AMD64, another one */
    uint16_t subsystem; /* 10 application, 11 boot driver, 12 runtime driver */
    uint64_t base; /* where its relative address 0 is, from its first byte (negative for TE: modulo 2^64) */
    uint32_t entry;
    uint32_t size; /* in memory; 0 if not known (TE) */
    struct pe_range exceptions, relocations, debug;
    struct pe_section {
        struct pe_range at;
        bool code;
    } section[PE_SECTIONS]; /* as far as their headers are in the bytes given */
    unsigned nsections;
};

/* Reads the headers of an image whose first n bytes are at p. False if it is none. */
bool pe_read(const uint8_t *p, size_t n, struct pe_image *pe);
/* Reads the headers of an image as it is in memory: p is its relative address 0, which a TE image has in
 * front of its first byte. */
bool pe_read_memory(const uint8_t *p, size_t n, struct pe_image *pe);
/* The range from the first byte of code to the last, over all sections with code. 0, 0 if there are none. */
struct pe_range pe_code(const struct pe_image *pe);

/* What an image says about the file with its debug information. */
struct pe_debug {
    bool has_guid;
    uint8_t guid[16];
    uint32_t age;
    char path[PE_PATH]; /* where that file was built; "" if the image does not say */
};
/* Reads a CodeView record of n bytes: RSDS (PDB 7.0), NB10 (PDB 2.0), MTOC (Mach-O). False if it is none of them. */
bool pe_read_codeview(const uint8_t *p, size_t n, struct pe_debug *d);
/* Reads the CodeView record of an image in memory. False if it has none. */
bool pe_read_debug(const uint8_t *p, size_t n, const struct pe_image *pe, struct pe_debug *d);
/* The last part of pe_debug.path, without its ending. */
void pe_path_name(const char *path, char *name, size_t size);

#endif
