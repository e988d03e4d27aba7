/* xhci_words.c - the xHCI controller in words: registers, ports, doorbells. Source: xHCI 1.1, chapter 5. What is in the rings is in memory,
 * which events do not show; what drives are asked is told by their events. */
#include "hv/board/words/words.h"
#include "hv/board/usb/xhci.h"

static const char manual[] = "xHCI 1.1";

static const struct word_bits command_bits[] = {{CMD_RUN, "run", "stop", NULL},
                                                {CMD_RESET, "reset", NULL, NULL},
                                                {CMD_INTERRUPTS, "interrupts", NULL, NULL},
                                                {8, "host system errors", NULL, NULL},
                                                {CMD_SAVE, "save", NULL, NULL},
                                                {CMD_RESTORE, "restore", NULL, NULL},
                                                {0x400, "wrap events", NULL, NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {
    {STS_HALTED, "halted", NULL, NULL},          {4, "host system error", NULL, NULL},
    {STS_INTERRUPT, "event", NULL, NULL},        {STS_PORT, "port change", NULL, NULL},
    {0x400, "restore error", NULL, NULL},        {0x800, "not ready", NULL, NULL},
    {STS_ERROR, "controller error", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value links[] = {{0, "U0"}, {5, "waits for a device"}, {7, "polling"}, {0, NULL}};
static const struct word_value speeds[] = {
    {1, "full speed"}, {2, "low speed"}, {3, "high speed"}, {4, "SuperSpeed"}, {0, NULL}};
static const struct word_bits port_bits[] = {{PORT_CONNECTED, "connected", NULL, NULL},
                                             {PORT_ENABLED, "enabled", NULL, NULL},
                                             {PORT_RESET, "reset", NULL, NULL},
                                             {PORT_LINK, "link", NULL, links},
                                             {PORT_POWER, "power", NULL, NULL},
                                             {15 << 10, "speed", NULL, speeds},
                                             {PORT_CONNECT_CHANGE, "connect change", NULL, NULL},
                                             {PORT_RESET_CHANGE, "reset change", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits run_bits[] = {
    {2, "stop", NULL, NULL}, {4, "abort", NULL, NULL}, {8, "running", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits interrupter_bits[] = {
    {1, "pending", NULL, NULL}, {2, "enabled", NULL, NULL}, {0, NULL, NULL, NULL}};

static const struct word_reg registers[] = {
    {0x00, WORD_READ, "capability length and version", NULL, "5.3.1, 5.3.2", SHOW_VALUE},
    {0x04, WORD_READ, "structural parameters 1", NULL, "5.3.3", SHOW_VALUE},
    {0x08, WORD_READ, "structural parameters 2", NULL, "5.3.4", SHOW_VALUE},
    {0x0c, WORD_READ, "structural parameters 3", NULL, "5.3.5", SHOW_VALUE},
    {0x10, WORD_READ, "capability parameters 1", NULL, "5.3.6", SHOW_VALUE},
    {0x14, WORD_READ, "doorbells at", NULL, "5.3.7", SHOW_VALUE},
    {0x18, WORD_READ, "runtime registers at", NULL, "5.3.8", SHOW_VALUE},
    {XHCI_USBCMD, WORD_BOTH, "command", command_bits, "5.4.1 USBCMD", SHOW_VALUE},
    {XHCI_USBSTS, WORD_BOTH, "status", status_bits, "5.4.2 USBSTS", SHOW_VALUE},
    {XHCI_PAGESIZE, WORD_BOTH, "page size", NULL, "5.4.3", SHOW_VALUE},
    {XHCI_DNCTRL, WORD_BOTH, "device notifications", NULL, "5.4.4", SHOW_VALUE},
    {XHCI_CRCR, WORD_BOTH, "command ring", run_bits, "5.4.5 CRCR", SHOW_VALUE},
    {XHCI_CRCR + 4, WORD_BOTH, "command ring, high half", NULL, "5.4.5 CRCR", SHOW_VALUE},
    {XHCI_DCBAAP, WORD_BOTH, "device contexts' list at", NULL, "5.4.6 DCBAAP", SHOW_VALUE},
    {XHCI_DCBAAP + 4, WORD_BOTH, "device contexts' list at, high half", NULL, "5.4.6 DCBAAP", SHOW_VALUE},
    {XHCI_CONFIG, WORD_BOTH, "slots in use", NULL, "5.4.7 CONFIG", SHOW_DECIMAL},
    {XHCI_MFINDEX, WORD_READ, "microframe", NULL, "5.5.1 MFINDEX", SHOW_DECIMAL},
    {XHCI_IMAN, WORD_BOTH, "interrupter 0", interrupter_bits, "5.5.2.1 IMAN", SHOW_VALUE},
    {XHCI_IMOD, WORD_BOTH, "interrupter 0: moderation", NULL, "5.5.2.2 IMOD", SHOW_VALUE},
    {XHCI_ERSTSZ, WORD_BOTH, "event ring: segments", NULL, "5.5.2.3.1 ERSTSZ", SHOW_DECIMAL},
    {XHCI_ERSTBA, WORD_BOTH, "event ring: list of segments at", NULL, "5.5.2.3.2 ERSTBA", SHOW_VALUE},
    {XHCI_ERSTBA + 4, WORD_BOTH, "event ring: list of segments at, high half", NULL, "5.5.2.3.2 ERSTBA",
     SHOW_VALUE},
    {XHCI_ERDP, WORD_BOTH, "event ring: handled up to", NULL, "5.5.2.3.3 ERDP", SHOW_VALUE},
    {XHCI_ERDP + 4, WORD_BOTH, "event ring: handled up to, high half", NULL, "5.5.2.3.3 ERDP", SHOW_VALUE},
};

static void doorbell(const struct access *a, struct words *w)
{
    unsigned slot = (unsigned)(a->at - XHCI_DOORBELLS) / 4, index = a->value & 255;
    words_begin(w, "xHCI", manual);
    w->source = "5.6 Doorbell Registers";
    if (!slot)
        words_add(w, "doorbell: commands");
    else if (index == 1)
        words_add(w, "doorbell: slot %u, control endpoint", slot);
    else
        words_add(w, "doorbell: slot %u, endpoint %u %s", slot, index / 2, index & 1 ? "in" : "out");
    if (a->count > 1)
        words_add(w, ", %llu times", (unsigned long long)a->count);
}

static bool port(const struct access *a, struct words *w)
{
    unsigned at = (unsigned)a->at - XHCI_PORT_REGISTERS;
    if (at & 15)
        return false;
    words_begin(w, "xHCI", manual);
    w->source = "5.4.8 PORTSC";
    words_add(w, "port %u", at / 16 + 1);
    words_bits(w, port_bits, a->value, a->size);
    return true;
}

bool xhci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at >= XHCI_TABLE)
        return msix_words(a, XHCI_TABLE, XHCI_PENDING, w);
    if (a->at >= XHCI_DOORBELLS) {
        doorbell(a, w);
        return true;
    }
    if (a->at >= XHCI_PORT_REGISTERS && a->at < XHCI_PORT_REGISTERS + XHCI_PORTS * 16)
        return port(a, w);
    return words_register(w, "xHCI", manual, WORD_ROWS(registers), a->at, a);
}
