/* pm1.c - see pm1.h.
 *
 * Sources: ACPI specification 3.0, 4.7.3 (PM1 registers, timer); Intel 82371AB (PIIX4) datasheet, 7.2 and 9.3; Intel ICH9 datasheet
 * (316972), 13.8.3 and 13.7.2: both chipsets have these registers at the same offsets. */
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/inputs.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/chipset/pm1.h"
#include "hv/board/chip.h"

#include <string.h>

/* ---------------------------------------------------------------- the PM timer and the SCI */

static uint64_t ticks(const struct pm1 *s)
{
    return muldiv64(board_now(s->board), PM_HZ, 1000000000);
}

static uint64_t next_toggle(const struct pm1 *s)
{
    return (ticks(s) & ~0x7fffffull) + 0x800000;
}

/* The toggle sets TMR_STS whether or not anything waits for it; this is computed when it is needed. */
static void catch_up(struct pm1 *s)
{
    if (ticks(s) < s->toggle)
        return;
    s->status |= TMR_STS;
    s->toggle = next_toggle(s);
}

void pm1_update(struct pm1 *s)
{
    catch_up(s);
    bool event = s->status & s->enable & PM1_EVENTS || s->event(s->ctx);
    board_irq(s->board, s->sci_line, event && s->control & SCI_EN);
    if (s->enable & TMR_STS && !(s->status & TMR_STS))
        timer_set(s->board, &s->timer, muldiv64_up(s->toggle, 1000000000, PM_HZ));
    else
        timer_stop(s->board, &s->timer);
}

static void timer_fired(void *ctx)
{
    pm1_update(ctx);
}

static void wake(struct pm1 *s, uint16_t by, const char *how)
{
    s->status |= WAK_STS | by;
    board_wake(s->board, how);
}

void acpi_rtc_alarm(struct board *b)
{
    struct pm1 *s = board_slot(b, SLOT_ACPI);
    if (board_asleep(b) && s->enable & RTC_STS)
        wake(s, RTC_STS, "RTC alarm");
}

void acpi_keep(struct board *b, struct pm_kept *k)
{
    const struct pm1 *s = board_slot(b, SLOT_ACPI);
    k->may_wake = s->enable & RTC_STS;
    memcpy(k->base, s->pci->config + s->base_at, sizeof k->base);
    k->on = s->pci->config[s->on_at];
}

/* The ports stay where they were, which no board does: SeaBIOS sends itself an SMI before it has put them anywhere, as it may on QEMU. */
void acpi_restore(struct board *b, const struct pm_kept *k)
{
    struct pm1 *s = board_slot(b, SLOT_ACPI);
    memcpy(s->pci->config + s->base_at, k->base, sizeof k->base);
    s->pci->config[s->on_at] = k->on;
    s->pci->written(s->pci->ctx, s->base_at, sizeof k->base);
    s->enable = k->may_wake;
}

void acpi_power_button(struct board *b)
{
    struct pm1 *s = board_slot(b, SLOT_ACPI);
    if (board_asleep(b)) {
        wake(s, PWRBTN_STS, "power button");
        return;
    }
    s->status |= PWRBTN_STS;
    pm1_update(s);
}

uint32_t acpi_pm_base(struct board *b)
{
    const struct pm1 *s = board_slot(b, SLOT_ACPI);
    return s->base ? s->base : PM_BASE_USUAL;
}

/* ---------------------------------------------------------------- registers, byte by byte */

bool pm1_read(struct pm1 *s, unsigned offset, uint8_t *value)
{
    uint32_t reg;
    switch (offset & ~1u) {
    case PMSTS:
        catch_up(s);
        reg = s->status;
        break;
    case PMEN:
        reg = s->enable;
        break;
    case PMCNTRL:
        reg = s->control;
        break;
    case PMTMR:
        board_polled_timer(s->board);
        reg = (uint16_t)ticks(s);
        break;
    case PMTMR + 2:
        reg = ticks(s) >> 16 & 0xff;
        break;
    default:
        return false;
    }
    *value = (uint8_t)(reg >> (offset & 1) * 8);
    return true;
}

/* As on QEMU, on both boards: sleep type 0 is S5, soft off, and 1 is S3, suspend to RAM (the datasheets number them otherwise; the DSDT says what
 * they are). */
static void sleep_now(struct pm1 *s)
{
    unsigned type = s->control >> 10 & 7;
    if (type == 0)
        board_power_off(s->board, 0, "ACPI");
    else if (type == SLEEP_S3)
        board_request_sleep(s->board);
    else
        board_unhandled(s->board, s->sleep_type, type, true, s->control);
}

static void write_control(struct pm1 *s, unsigned byte, uint8_t value)
{
    pm1_set_byte(&s->control, byte, value);
    bool sleep = s->control & SLP_EN;
    s->control &= PMCNTRL_BITS;
    if (sleep)
        sleep_now(s);
}

bool pm1_write(struct pm1 *s, unsigned offset, uint8_t value)
{
    unsigned byte = offset & 1;
    switch (offset & ~1u) {
    case PMSTS:
        catch_up(s);
        s->status &= (uint16_t) ~((unsigned)value << byte * 8 & PMSTS_BITS);
        break;
    case PMEN:
        pm1_set_byte(&s->enable, byte, value);
        s->enable &= PM1_EVENTS;
        break;
    case PMCNTRL:
        write_control(s, byte, value);
        break;
    case PMTMR:
    case PMTMR + 2:
        break; /* read-only */
    default:
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- APM control: the SMI command port */

static uint32_t apm_in(void *ctx, uint16_t port, unsigned size)
{
    const struct pm1 *s = ctx;
    return port == APMC ? s->apm_command : s->apm_status;
}

static void apm_command(struct pm1 *s, uint8_t command)
{
    s->apm_command = command;
    if (command == s->acpi_on || command == s->acpi_off) {
        s->control = (uint16_t)((s->control & ~SCI_EN) | (command == s->acpi_on ? SCI_EN : 0));
        pm1_update(s);
    } else {
        s->command(s->ctx);
    }
}

static void apm_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pm1 *s = ctx;
    if (port == APMC)
        apm_command(s, (uint8_t)value);
    else
        s->apm_status = (uint8_t)value;
}

/* ---------------------------------------------------------------- for the chips */

void pm_move_ports(struct board *b, uint32_t *at, uint32_t to, unsigned size, void *ctx, port_in_fn *in,
                   port_out_fn *out)
{
    if (*at == to)
        return;
    if (*at)
        board_ports_remove(b, (uint16_t)*at, size, ctx);
    *at = to;
    if (to)
        board_ports(b, (uint16_t)to, size, true, ctx, in, out);
}

void pm1_reset(struct pm1 *s)
{
    s->status = s->enable = s->control = 0;
    s->apm_command = s->apm_status = 0;
    s->toggle = next_toggle(s);
}

void pm1_init(struct pm1 *s, struct board *b)
{
    s->board = b;
    s->sci_line = SCI_LINE;
    board_timer(b, &s->timer, timer_fired, s);
    board_set_slot(b, SLOT_ACPI, s);
    board_ports(b, APMC, 2, true, s, apm_in, apm_out);
}
