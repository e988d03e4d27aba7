/* inputs.h - input from outside, which the board passes on to its chips, and what the chips show. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_INPUTS_H
#define BOOTREEL_HV_BOARD_INPUTS_H

#include "hv/board/board.h"

/* Each returns the number of bytes accepted. */
uint32_t uart_input(struct board *, unsigned index, const uint8_t *data, uint32_t n);
uint32_t ps2_input(struct board *, enum input_port port, const uint8_t *data, uint32_t n);
void acpi_power_button(struct board *);
size_t vga_screen_text(struct board *, char *buf, size_t size);

/* Passes input on to a device on USB; *taken gets how many bytes it took. False if the guest uses no USB
 * device for this port. */
bool xhci_input(struct board *, enum input_port port, const uint8_t *data, uint32_t n, uint32_t *taken);
/* Passes on what is typed at the virtio console; returns how many bytes the driver had room for. */
uint32_t virtio_console_input(struct board *, const uint8_t *data, uint32_t n);
/* A frame for a network card: n if it is done with (taken, or not for it), 0 if there is no room for it now (nic.c). */
uint32_t nic_input(struct board *, unsigned number, const uint8_t *frame, uint32_t n);
/* Reports what has happened to a frame on its way to a card; `text` says it in words. Returns n. */
uint32_t nic_note(struct board *, unsigned number, const uint8_t *text, uint32_t n);
/* Reports the line of the virtio console that is not complete. */
void virtio_console_flush(struct board *);

#endif
