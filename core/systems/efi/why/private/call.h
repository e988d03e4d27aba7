/* call.h - what a UEFI program asked the firmware for, and did not get. Private to core/systems/efi/why/. */
#ifndef BOOTREEL_CORE_SYSTEMS_EFI_WHY_CALL_H
#define BOOTREEL_CORE_SYSTEMS_EFI_WHY_CALL_H

#include "core/case/case.h"

/* A call out of a program's image that returned an error, with a text among its arguments: a file's path. */
struct efi_call {
    uint64_t icount, pc;
    uint64_t status;
    char wanted[120];
};

/* The last such call of the program that `start` (EV_EFI_START) began, before a position. Services that are not in the trace as events have them, too:
 * the members of protocols, such as the Open of a file system. False if there is none. Cost: some million steps are run. */
bool efi_call_failed(struct why_case *c, const struct event *start, uint64_t to, struct efi_call *call);

#endif
