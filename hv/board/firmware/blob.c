/* blob.c - growing buffers for the tables that fw_cfg provides. */
#include "base/memory.h"
#include "hv/board/firmware/tables.h"
#include "hv/board/chip.h"

#include <stdlib.h>
#include <string.h>

size_t blob_add(struct blob *b, const void *data, size_t n)
{
    size_t at = b->size;
    if (b->size + n > b->room) {
        b->room = (b->size + n) * 2;
        b->data = mem_resize(b->data, b->room);
    }
    if (data)
        memcpy(b->data + at, data, n);
    else
        memset(b->data + at, 0, n);
    b->size += n;
    return at;
}

void blob_set(struct blob *b, size_t offset, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        b->data[offset + i] = (uint8_t)(value >> i * 8);
}

void blob_free(struct blob *b)
{
    free(b->data);
    *b = (struct blob){0};
}
