/* test_settings.c - the table of a PC's settings, and dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/date.h"
#include "core/engine/settings.h"

static void refused(const char *key, const char *value, const char *why)
{
    const struct setting setting = {key, value};
    const struct engine_config cfg = {.settings = &setting, .nsettings = 1};
    struct error err = {""};
    assert_int_equal(settings_check(&cfg, &err), -1);
    assert_string_equal(err.text, why);
}

static void taken(const char *key, const char *value)
{
    const struct setting setting = {key, value};
    const struct engine_config cfg = {.settings = &setting, .nsettings = 1};
    struct error err = {""};
    assert_int_equal(settings_check(&cfg, &err), 0);
    assert_string_equal(err.text, "");
}

static void test_values(void **state)
{
    refused("memory", "1", "memory=1: must be a number from 1048576 to 68719476736");
    refused("cpus", "65", "cpus=65: must be a number from 1 to 64");
    refused("cpus", "1 ", "cpus=1 : must be a number from 1 to 64");
    refused("cpus", "", "cpus=: must be a number from 1 to 64");
    refused("machine", "q3", "machine=q3: must be pc or q35");
    refused("usb", "keyboard,", "usb=keyboard,: must be keyboard or tablet");
    refused("disk12-interface", "ide|ahci",
            "disk12-interface=ide|ahci: must be ide, ahci, nvme, virtio, scsi or usb");
    refused("cdrom-interface", "nvme", "cdrom-interface=nvme: must be ide, ahci, scsi or usb");
    refused("rtc", "2023-02-29T00:00:00",
            "rtc=2023-02-29T00:00:00: must be a date of the form 2027-01-01T00:00:00");
    taken("virtio", "rng,console");
    taken("cdrom3-interface", "scsi");
    taken("nic7", "e1000e");
    taken("flat-address", "0x7c00");
    taken("machine2", "anything: nobody's");
    taken("disk0-interfaces", "nobody's");
}

/* Each preset is a value that its own row takes, and each row is found by its key. */
static void test_presets(void **state)
{
    struct error err;
    const struct setting_row *row;
    for (unsigned i = 0; (row = setting_row(i)); i++) {
        char key[40];
        snprintf(key, sizeof key, "%.*s%s%s", (int)strcspn(row->key, "#"), row->key,
                 strchr(row->key, '#') ? "1" : "", strchr(row->key, '#') ? strchr(row->key, '#') + 1 : "");
        assert_ptr_equal(setting_row_of(key), row);
        assert_int_equal(row->type == SETTING_WORD || row->type == SETTING_WORDS, row->words != NULL);
        if (row->preset)
            assert_int_equal(setting_check(row, row->key, row->preset, &err), 0);
    }
    assert_null(setting_preset("usb"));
}

static void test_reading(void **state)
{
    const struct setting setting[] = {{"virtio", "console"}, {"cpus", "3"}};
    const struct engine_config cfg = {.settings = setting, .nsettings = 2}, none = {0};
    uint64_t n;
    assert_true(setting_has(&cfg, "virtio", "console"));
    assert_false(setting_has(&cfg, "virtio", "con"));
    assert_false(setting_has(&none, "virtio", "console"));
    assert_true(setting_has(&none, "vga", "std"));
    assert_int_equal(setting_number(&cfg, "cpus", &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_int_equal(setting_number(&none, "memory", &n, NULL), 0);
    assert_int_equal(n, 256 << 20);
}

static void test_dates(void **state)
{
    static const char *const wrong[] = {"",
                                        "2027-01-01",
                                        "2027-01-01T00:00:60",
                                        "2027-01-01T24:00:00",
                                        "2027-13-01T00:00:00",
                                        "2027-04-31T00:00:00",
                                        "1900-02-29T00:00:00",
                                        "2027-01-01T00:00:00 ",
                                        " 2027-01-01T00:00:0"};
    int64_t at = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(date_parse(wrong[i], &at));
    assert_int_equal(at, 7);
    assert_true(date_parse("1970-01-01T00:00:00", &at));
    assert_int_equal(at, 0);
    assert_true(date_parse("2000-02-29T23:59:59", &at));
    assert_int_equal(at, 951868799);
    assert_true(date_parse("1969-12-31T23:59:59", &at));
    assert_int_equal(at, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_presets),
                                       cmocka_unit_test(test_reading), cmocka_unit_test(test_dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
