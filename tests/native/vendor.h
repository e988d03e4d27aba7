/* vendor.h - where processors of Intel and AMD differ, and what each does.
 *
 * The emulator's processor says that it is AMD's (CPUID), and where the two differ it mostly does what AMD's do. Each
 * row of the table in differences.c says whose it is. On a host of the other vendor the tests against the host
 * therefore turn the emulator's result into that vendor's, by the row's rule, and compare that. A result that is
 * neither vendor's fails, as on any other host.
 */
#ifndef BOOTREEL_TESTS_NATIVE_VENDOR_H
#define BOOTREEL_TESTS_NATIVE_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

struct fpu;
struct insn_case;
struct state;

enum vendor { VENDOR_AMD, VENDOR_INTEL, VENDOR_OTHER };

/* The vendor of the host's processor, or the one that the environment's NATIVE_VENDOR (intel, amd) names. Hygon
 * counts as AMD. */
enum vendor host_vendor(void);

/* Turns the emulator's result, in *out and in its memory, into that of the other vendor's processors. guest_keep() was
 * called before the emulator ran. */
typedef void other_fn(const struct insn_case *, const struct state *in, struct state *out);

struct difference {
    const char *mnemonics; /* of the rows, separated by spaces */
    const char *intel, *amd;
    const char *manual;                         /* what the manuals say of it */
    const char *ours;                           /* what the emulator does, and why */
    enum vendor model;                          /* whose processors do that */
    bool (*concerns)(const struct insn_case *); /* NULL: every case of these rows */
    other_fn *apply;
    other_fn *apply_older; /* to those of AMD's that differ from the newest; NULL: none does */
};

/* The whole table. */
const struct difference *differences(unsigned *count);
/* The row that concerns a case, or NULL. */
const struct difference *difference_of(const struct insn_case *);

/* The same rules for the tests that call handlers directly (test_x87, test_simd). Each changes *out, which is
 * AMD's result, into Intel's; nothing happens where the two agree. */
void intel_x87(const char *mnemonic, const struct fpu *in, struct fpu *out);
/* DPPS (4 lanes) and DPPD (2): `dst` and `src` are the operands, `out` the result; none of them aliases. */
void intel_dot(unsigned lanes, uint8_t imm, uint32_t mxcsr, const void *dst, const void *src, void *out);

#endif
