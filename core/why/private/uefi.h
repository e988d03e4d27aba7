/* uefi.h - what the explainers of UEFI share. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_UEFI_H
#define BOOTREEL_CORE_WHY_UEFI_H

#include "core/why/private/case.h"

/* The name of a status of UEFI, "EFI_NOT_FOUND", or its number. */
const char *efi_error_name(const struct why_case *c, uint64_t status, char *buf, size_t size);
/* The start of the program (application) that was started last before a position; NULL if there is none. */
const struct event *efi_program_of(const struct why_case *c, uint64_t icount);
/* Adds to `why` what the program asked the firmware for last, before a position, and did not get: ""\kernel.elf" (EFI_NOT_FOUND)", and the call as
 * evidence. `status`: only a call that failed so; 0: any. False if there is none. */
bool efi_wanted(struct why_case *c, struct finding *f, const struct event *start, uint64_t to,
                uint64_t status, struct text *why);

#endif
