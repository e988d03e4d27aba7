/* msix.c - see msix.h. */
#include "hv/board/interrupts/controllers.h"
#include "hv/board/pci/function.h"
#include "hv/board/pci/msix.h"

#include <assert.h>
#include <string.h>

enum { ENTRY_ADDRESS, ENTRY_UPPER, ENTRY_DATA, ENTRY_CONTROL, ENTRY_WORDS };
enum { ENTRY_MASKED = 1 };
/* Message control, the upper byte. */
enum { CONTROL = 3, CONTROL_ENABLE = 0x80, CONTROL_MASK_ALL = 0x40 };

const struct field msix_fields[2] = {
    FIELDS(struct msix, entry),
    FIELDS(struct msix, pending),
};

void msix_init(struct msix *m, struct board *b, struct pci_device *pci, unsigned capability, unsigned bar,
               unsigned table, unsigned pending_bits, unsigned vectors)
{
    assert(vectors && vectors <= MSIX_MOST && bar < 6 && !(table & 7) && !(pending_bits & 7));
    m->board = b;
    m->pci = pci;
    m->capability = capability;
    m->vectors = vectors;
    m->table = table;
    m->pending_bits = pending_bits;
    pci_add_capability(pci, MSIX_CAPABILITY, capability);
    uint8_t *c = pci->config + capability;
    c[2] = (uint8_t)(vectors - 1);
    c[4] = (uint8_t)(table | bar);
    c[5] = (uint8_t)(table >> 8);
    c[6] = (uint8_t)(table >> 16);
    c[8] = (uint8_t)(pending_bits | bar);
    c[9] = (uint8_t)(pending_bits >> 8);
    c[10] = (uint8_t)(pending_bits >> 16);
    pci->wmask[capability + CONTROL] = CONTROL_ENABLE | CONTROL_MASK_ALL;
}

void msix_reset(struct msix *m)
{
    memset(m->entry, 0, sizeof m->entry);
    memset(m->pending, 0, sizeof m->pending);
    for (unsigned i = 0; i < m->vectors; i++)
        m->entry[i * ENTRY_WORDS + ENTRY_CONTROL] = ENTRY_MASKED;
    m->pci->config[m->capability + CONTROL] &= (uint8_t) ~(CONTROL_ENABLE | CONTROL_MASK_ALL);
}

static uint8_t control(const struct msix *m)
{
    return m->pci->config[m->capability + CONTROL];
}

bool msix_enabled(const struct msix *m)
{
    return control(m) & CONTROL_ENABLE;
}

static bool is_pending(const struct msix *m, unsigned vector)
{
    return m->pending[vector / 64] >> vector % 64 & 1;
}

/* Sends a pending message if it is not masked. */
static void send_pending(struct msix *m, unsigned vector)
{
    const uint32_t *e = &m->entry[vector * ENTRY_WORDS];
    if (!is_pending(m, vector) || !msix_enabled(m) || control(m) & CONTROL_MASK_ALL ||
        e[ENTRY_CONTROL] & ENTRY_MASKED)
        return;
    m->pending[vector / 64] &= ~(1ull << vector % 64);
    lapic_msi(m->board, (uint64_t)e[ENTRY_UPPER] << 32 | e[ENTRY_ADDRESS], e[ENTRY_DATA]);
}

void msix_notify(struct msix *m, unsigned vector)
{
    if (vector >= m->vectors || !msix_enabled(m))
        return;
    m->pending[vector / 64] |= 1ull << vector % 64;
    send_pending(m, vector);
}

void msix_clear(struct msix *m, unsigned vector)
{
    if (vector < m->vectors)
        m->pending[vector / 64] &= ~(1ull << vector % 64);
}

static bool in_table(const struct msix *m, uint64_t offset)
{
    return offset - m->table < m->vectors * MSIX_ENTRY;
}

bool msix_covers(const struct msix *m, uint64_t offset)
{
    return in_table(m, offset) || offset - m->pending_bits < sizeof m->pending;
}

uint64_t msix_read(const struct msix *m, uint64_t offset, unsigned size)
{
    bool table = in_table(m, offset);
    const uint8_t *from = table ? (const uint8_t *)m->entry : (const uint8_t *)m->pending;
    size_t at = offset - (table ? m->table : m->pending_bits),
           all = table ? sizeof m->entry : sizeof m->pending;
    uint64_t value = 0;
    memcpy(&value, from + at, size < all - at ? size : all - at);
    return value;
}

static void write_word(struct msix *m, unsigned word, uint32_t value)
{
    static const uint32_t writable[ENTRY_WORDS] = {~3u, ~0u, ~0u, ENTRY_MASKED};
    m->entry[word] = value & writable[word % ENTRY_WORDS];
    if (word % ENTRY_WORDS == ENTRY_CONTROL)
        send_pending(m, word / ENTRY_WORDS);
}

/* Whole words only: others are undefined (6.8.2). The pending bits are read-only. */
void msix_write(struct msix *m, uint64_t offset, unsigned size, uint64_t value)
{
    for (; size >= 4 && !(offset & 3) && in_table(m, offset); size -= 4, offset += 4, value >>= 32)
        write_word(m, (unsigned)(offset - m->table) / 4, (uint32_t)value);
}

uint64_t msix_bar_read(void *msix, uint64_t offset, unsigned size)
{
    return msix_covers(msix, offset) ? msix_read(msix, offset, size) : 0;
}

void msix_bar_write(void *msix, uint64_t offset, unsigned size, uint64_t value)
{
    if (msix_covers(msix, offset))
        msix_write(msix, offset, size, value);
}

void msix_config_written(struct msix *m, unsigned reg, unsigned size)
{
    if (reg > m->capability + CONTROL || reg + size <= m->capability + CONTROL)
        return;
    for (unsigned i = 0; i < m->vectors; i++)
        send_pending(m, i);
}
