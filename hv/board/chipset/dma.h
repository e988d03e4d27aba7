/* dma.h - shared by dma.c and dma_words.c. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_DMA_H
#define BOOTREEL_HV_BOARD_CHIPSET_DMA_H

#include <stdint.h>

/* Page register port 81h-8Fh to channel; -1 for an unused one. */
int dma_page_channel(uint16_t port);

#endif
