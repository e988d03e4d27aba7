/* uart_words.c - the serial ports in words. Source: National Semiconductor PC16550D datasheet, section 8. */
#include "hv/board/ports/uart.h"
#include "hv/board/words/words.h"

#include <ctype.h>

static const char manual[] = "National Semiconductor PC16550D";

static const struct word_bits ier_bits[] = {{IER_RX, "ERBFI", NULL, NULL},
                                            {IER_THRE, "ETBEI", NULL, NULL},
                                            {IER_LINE, "ELSI", NULL, NULL},
                                            {IER_MODEM, "EDSSI", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_value iir_names[] = {{IIR_NONE, "no interrupt"},
                                              {IIR_MODEM, "modem status"},
                                              {IIR_THRE, "transmitter empty"},
                                              {IIR_RX, "received data"},
                                              {IIR_LINE, "line status"},
                                              {IIR_TIMEOUT, "character timeout"},
                                              {0, NULL}};
static const struct word_value fifos[] = {
    {0, "FIFOs off"}, {2, "FIFOs unusable"}, {3, "FIFOs on"}, {0, NULL}};
static const struct word_bits iir_bits[] = {
    {0x0f, "identification", NULL, iir_names}, {0xc0, "FIFOs", NULL, fifos}, {0, NULL, NULL, NULL}};
static const struct word_value triggers[] = {
    {0, "trigger 1"}, {1, "trigger 4"}, {2, "trigger 8"}, {3, "trigger 14"}, {0, NULL}};
static const struct word_bits fcr_bits[] = {
    {0x01, "FIFOs on", "FIFOs off", NULL},   {0x02, "clear receiver", NULL, NULL},
    {0x04, "clear transmitter", NULL, NULL}, {0x08, "DMA mode 1", NULL, NULL},
    {0xc0, "trigger", NULL, triggers},       {0, NULL, NULL, NULL}};
static const struct word_value lengths[] = {
    {0, "5 bits"}, {1, "6 bits"}, {2, "7 bits"}, {3, "8 bits"}, {0, NULL}};
static const struct word_value parities[] = {{0, "no parity"},   {1, "odd parity"},   {2, "no parity"},
                                             {3, "even parity"}, {4, "no parity"},    {5, "mark parity"},
                                             {6, "no parity"},   {7, "space parity"}, {0, NULL}};
static const struct word_bits lcr_bits[] = {{0x03, "length", NULL, lengths},
                                            {0x38, "parity", NULL, parities},
                                            {0x04, "2 stop bits", "1 stop bit", NULL},
                                            {0x40, "break", NULL, NULL},
                                            {LCR_DLAB, "DLAB (divisor latch)", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits mcr_bits[] = {{0x01, "DTR", NULL, NULL},      {0x02, "RTS", NULL, NULL},
                                            {0x04, "OUT1", NULL, NULL},     {0x08, "OUT2", NULL, NULL},
                                            {MCR_LOOP, "LOOP", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits lsr_bits[] = {
    {LSR_READY, "DR", NULL, NULL}, {LSR_OVERRUN, "OE", NULL, NULL},  {0x04, "PE", NULL, NULL},
    {0x08, "FE", NULL, NULL},      {0x10, "BI", NULL, NULL},         {0x20, "THRE", NULL, NULL},
    {0x40, "TEMT", NULL, NULL},    {0x80, "FIFO-ERROR", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits msr_bits[] = {
    {0x01, "DCTS", NULL, NULL}, {0x02, "DDSR", NULL, NULL}, {0x04, "TERI", NULL, NULL},
    {0x08, "DDCD", NULL, NULL}, {0x10, "CTS", NULL, NULL},  {0x20, "DSR", NULL, NULL},
    {0x40, "RI", NULL, NULL},   {0x80, "DCD", NULL, NULL},  {0, NULL, NULL, NULL}};

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, DIVISOR = 8 };
static const struct word_reg registers[] = {
    {DATA, WORD_READ, "receiver buffer", NULL, "8.0", SHOW_VALUE},
    {DATA, WORD_WRITE, "transmitter holding", NULL, "8.0", SHOW_VALUE},
    {IER, WORD_BOTH, "interrupt enable", ier_bits, "8.6", SHOW_VALUE},
    {IIR_FCR, WORD_READ, "interrupt identification", iir_bits, "8.5", SHOW_VALUE},
    {IIR_FCR, WORD_WRITE, "FIFO control", fcr_bits, "8.4", SHOW_VALUE},
    {LCR, WORD_BOTH, "line control", lcr_bits, "8.1", SHOW_VALUE},
    {MCR, WORD_BOTH, "modem control", mcr_bits, "8.7", SHOW_VALUE},
    {LSR, WORD_BOTH, "line status", lsr_bits, "8.3", SHOW_VALUE},
    {MSR, WORD_BOTH, "modem status", msr_bits, "8.8", SHOW_VALUE},
    {SCR, WORD_BOTH, "scratch", NULL, "8.9", SHOW_VALUE},
    {DIVISOR, WORD_BOTH, "divisor latch, low byte", NULL, "8.2", SHOW_VALUE},
    {DIVISOR + 1, WORD_BOTH, "divisor latch, high byte", NULL, "8.2", SHOW_VALUE},
};

bool uart_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const char *const names[] = {"COM1", "COM2", "COM3", "COM4"};
    unsigned index = (a->at & 0x100 ? 0 : 1) + (a->at & 0x10 ? 0 : 2), reg = a->at & 7;
    if (reg <= IER && s->dlab[index])
        reg += DIVISOR;
    if (reg == LCR)
        s->dlab[index] = !!(a->value & LCR_DLAB);
    words_register(w, names[index], manual, WORD_ROWS(registers), reg, a);
    if (reg == DATA && a->value < 0x7f && isprint((int)a->value))
        words_add(w, " '%c'", (char)a->value);
    return true;
}
