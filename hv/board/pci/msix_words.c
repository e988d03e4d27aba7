/* msix_words.c - MSI-X in words: the table and pending bits in a BAR, and message control in configuration space.
 * Source: PCI Local Bus Specification 3.0, 6.8.2. */
#include "hv/board/pci/msix.h"
#include "hv/board/words/words.h"

static const char manual[] = "PCI Local Bus Specification 3.0";

bool msix_words(const struct access *a, unsigned table, unsigned pending, struct words *w)
{
    static const char *const parts[] = {"address", "upper address", "data", "vector control"};
    if (a->at - pending < (MSIX_MOST + 63) / 64 * 8) {
        words_begin(w, "MSI-X", manual);
        w->source = "6.8.2.10 Pending Bits";
        words_add(w, "pending bits %0*llXh", a->size * 2, (unsigned long long)a->value);
        return true;
    }
    uint64_t at = a->at - table;
    if (at >= MSIX_MOST * MSIX_ENTRY || at & 3)
        return false;
    words_begin(w, "MSI-X", manual);
    w->source = "6.8.2.6 to 6.8.2.9 Table Entries";
    words_add(w, "MSI-X vector %u: %s %llXh", (unsigned)at / MSIX_ENTRY, parts[at / 4 % 4],
              (unsigned long long)a->value);
    if (at / 4 % 4 == 3)
        words_add(w, " (%s)", a->value & 1 ? "masked" : "not masked");
    if (at / 4 % 4 == 2)
        words_add(w, " (interrupt vector %02Xh)", (unsigned)a->value & 0xff);
    return true;
}
