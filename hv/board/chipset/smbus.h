/* smbus.h - the SMBus host controller, for acpi_pm.c. */
#ifndef BOOTREEL_HV_BOARD_CHIPSET_SMBUS_H
#define BOOTREEL_HV_BOARD_CHIPSET_SMBUS_H

#include <stdint.h>

struct smbus {
    uint8_t reg[14];
};

/* Register 0-15. A transfer completes immediately. */
uint8_t smbus_read(struct smbus *, unsigned reg);
void smbus_write(struct smbus *, unsigned reg, uint8_t value);

#endif
