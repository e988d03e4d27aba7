/* explain.h - what went wrong under UEFI firmware, and what other explainers ask about it. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_WHY_EXPLAIN_H
#define BOOTREEL_CORE_SYSTEMS_EFI_WHY_EXPLAIN_H

#include "core/case/case.h"

explainer_fn explain_uefi;

/* The name of a status of UEFI, "EFI_NOT_FOUND", or its number. */
const char *efi_error_name(const struct why_case *c, uint64_t status, char *buf, size_t size);
/* The start of the program (application) that was started last before a position; NULL if there is none. */
const struct event *efi_program_of(const struct why_case *c, uint64_t icount);
/* Adds to `why` what the program asked the firmware for last, before a position, and did not get: ""\kernel.elf" (EFI_NOT_FOUND)", and the call as
 * evidence. `status`: only a call that failed so; 0: any. False if there is none. */
bool efi_wanted(struct why_case *c, struct finding *f, const struct event *start, uint64_t to,
                uint64_t status, struct text *why);

/* Whether a disk's GUID partition table has a wrong checksum; adds to `why` which, and what it should be, for
 * its copy in the last sector too. */
bool efi_bad_tables(struct why_case *c, struct text *why);
/* Of disks whose table is good: adds as evidence what is wrong with its backup. It boots without it, so this is no verdict. */
void efi_tell_backups(struct why_case *c, struct finding *f);

#endif
