/* smbus.c - the PIIX4's SMBus host controller on a bus without devices: every transfer ends with "no device
 * answered".
 *
 * Source: Intel 82371AB (PIIX4) datasheet, 11.2 SMBus host registers. Part of the power management function
 * (acpi_pm.c). */
#include "hv/board/chipset/smbus.h"

#include <string.h>

enum { HSTSTS, SLVSTS, HSTCNT, HSTCMD, HSTADD, HSTDAT0, HSTDAT1, BLKDAT };
enum { STS_DEV_ERR = 0x04, STS_CLEARABLE = 0x1e, CNT_START = 0x40, CNT_KILL = 0x02 };

uint8_t smbus_read(struct smbus *s, unsigned reg)
{
    switch (reg) {
    case HSTCNT: /* START reads as 0; reading resets the block index */
        return s->reg[HSTCNT] & 0x1f;
    case SLVSTS:
        return 0;
    default:
        return reg < sizeof s->reg ? s->reg[reg] : 0;
    }
}

void smbus_write(struct smbus *s, unsigned reg, uint8_t value)
{
    switch (reg) {
    case HSTSTS:
        s->reg[HSTSTS] &= (uint8_t) ~(value & STS_CLEARABLE);
        break;
    case SLVSTS:
        break;
    case HSTCNT:
        s->reg[HSTCNT] = value & 0x1f;
        if (value & CNT_START && !(value & CNT_KILL))
            s->reg[HSTSTS] |= STS_DEV_ERR;
        break;
    default:
        if (reg < sizeof s->reg)
            s->reg[reg] = value;
    }
}
