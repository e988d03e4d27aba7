/* dma.h - shared by dma.c and dma_words.c. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_DMA_H
#define BOOTREEL_HV_BOARD_CHIPSET_DMA_H

#include "hv/board/board.h"

/* Page register port 81h-8Fh to channel; -1 for an unused one. */
int dma_page_channel(uint16_t port);

/* ISA DMA for the floppy: transfer up to n bytes on a channel; returns bytes moved, *tc true at terminal
 * count. */
unsigned dma_transfer(struct board *, unsigned channel, void *buf, unsigned n, bool to_memory, bool *tc);

#endif
