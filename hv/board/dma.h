/* dma.h - what dma.c and its words share. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_DMA_H
#define BOOTREEL_HV_BOARD_DMA_H

#include <stdint.h>

/* Page register port 81h-8Fh to channel; -1: a spare one. */
int dma_page_channel(uint16_t port);

#endif
