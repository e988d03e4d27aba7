/* memory_map.h - what of the memory map the chipset switches: SMRAM, shadow RAM, configuration space. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_MEMORY_MAP_H
#define BOOTREEL_HV_BOARD_CHIPSET_MEMORY_MAP_H

#include "hv/board/board.h"

/* SMRAM opens or closes as a processor enters or leaves system management mode. */
void board_smm(struct board *, unsigned cpu, bool enter);
/* The PAM registers, which S3 keeps: a firmware goes on in shadow RAM. */
enum { SHADOW_PAM = 7 };
void shadow_keep(struct board *, uint8_t pam[SHADOW_PAM]);
void shadow_restore(struct board *, const uint8_t pam[SHADOW_PAM]);
/* Where configuration space is mapped, or 0. */
uint32_t mch_ecam(struct board *);

#endif
