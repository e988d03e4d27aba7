/* console.c - the guest's console on standard output. */
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int device;
} devices[] = {{"serial0", 0},
               {"serial1", 1},
               {"serial2", 2},
               {"serial3", 3},
               {"screen", CONSOLE_SCREEN},
               {"debug", CONSOLE_DEBUG},
               {"xen", CONSOLE_XEN},
               {"virtio", CONSOLE_VIRTIO},
               {"auto", CONSOLE_AUTO},
               {"none", CONSOLE_NONE}};

enum { DEVICES = sizeof devices / sizeof devices[0] };

const char *console_name(size_t i)
{
    return i < DEVICES ? devices[i].name : NULL;
}

int take_console(const struct option_row *row, const char *value, int *device, struct error *err)
{
    for (size_t i = 0; i < DEVICES; i++)
        if (!strcmp(devices[i].name, value)) {
            *device = devices[i].device;
            return 0;
        }
    return error_set(
        err, "--%s: \"%.40s\" is not a console: serial0 … serial3, screen, debug, xen, virtio, auto or none",
        row->name, value);
}

void console_bytes(int device, unsigned from, const void *data, size_t n)
{
    console_bytes_to(stdout, device, from, data, n);
}

void console_event(int device, const struct event *ev)
{
    console_event_to(stdout, device, ev);
}

void console_bytes_to(FILE *out, int device, unsigned from, const void *data, size_t n)
{
    if ((int)from == device && device != CONSOLE_SCREEN)
        fwrite(data, 1, n, out);
}

void console_event_to(FILE *out, int device, const struct event *ev)
{
    if (device != CONSOLE_SCREEN || ev->kind != EV_CONSOLE_LINE ||
        ev->f[EVF_CONSOLE_LINE_device] != CONSOLE_SCREEN)
        return;
    fwrite(ev->data, 1, ev->len, out);
    fputc('\n', out);
}
