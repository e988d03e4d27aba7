/* i440fx.c - the host bridge of the PC of 1996. Source: Intel 440FX PCIset datasheet (82441FX). */
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/chipset/i440fx.h"
#include "base/memory.h"
#include "hv/board/chipset/shadow.h"

#include <string.h>

struct i440fx {
    struct pci_device pci;
    struct shadow shadow;
};

static const struct field i440fx_fields[] = {
    FIELDS(struct i440fx, pci.config),
    SHADOW_FIELDS(struct i440fx, shadow),
};

static void written(void *ctx, unsigned reg, unsigned size)
{
    struct i440fx *s = ctx;
    shadow_written(&s->shadow, reg, size);
}

static void reset(void *state)
{
    struct i440fx *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    shadow_reset(&s->shadow);
}

static void loaded(void *state)
{
    struct i440fx *s = state;
    shadow_loaded(&s->shadow);
}

int i440fx_create(struct board *b, struct error *err)
{
    struct i440fx *s = mem_zero(1, sizeof *s);
    pci_init(&s->pci, "i440fx", 0, 0x8086, 0x1237, 0x060000, 2, 0);
    s->pci.config[0x07] = 0x02; /* medium DEVSEL# */
    memset(s->pci.wmask + 0x40, 0xff, 0xc0);
    shadow_init(&s->shadow, b, &s->pci, REG_PAM0, REG_SMRAM, "i440fx SMRAM D_CLS");
    s->pci.ctx = s;
    s->pci.written = written;
    board_add_chip(b, &(struct chip){.name = "i440fx",
                                     .fields = i440fx_fields,
                                     .nfields = FIELD_COUNT(i440fx_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    return 0;
}
