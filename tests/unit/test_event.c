/* test_event.c - the event table, class lists, and events as words, as JSON and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <yajl/yajl_gen.h>

#include "traces/trace.h"

/* ---------------------------------------------------------------- events' words */

static void test_event_table(void **state)
{
    char text[200];
    for (unsigned i = 0; i < EV_COUNT; i++) {
        const struct event_kind *k = event_kind(i);
        assert_true(k->nfields <= EVENT_MAX_FIELDS && k->cls < EC_COUNT);
        struct event ev = {.kind = (uint16_t)i};
        event_text(&ev, text, sizeof text);
        assert_null(strchr(text, '{')); /* each name in a format is a field of the row */
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(k->name, event_kind(j)->name);
    }
    assert_null(event_kind(EV_COUNT));
    for (int c = 0; c < EC_COUNT; c++)
        assert_int_equal(event_class_by_name(event_class_name((enum event_class)c)), c);
    assert_int_equal(event_class_by_name("pi"), -1);
    assert_int_equal(event_class_by_name("cpu.iflag"), EC_IFLAG);
    assert_int_equal(event_class_by_name("cpu.cli"), -1);
    assert_null(event_class_name(EC_COUNT));
}

/* A number field is read only of an event whose kind has it; pio.read and pio.write share their fields. */
static void test_fields_of_kinds(void **state)
{
    const struct event ev = {.kind = EV_PIO_WRITE,
                             .f = {[EVF_PIO_WRITE_port] = 0x70, [EVF_PIO_WRITE_value] = 5}};
    assert_int_equal(EVF(&ev, PIO_WRITE, port), 0x70);
    assert_int_equal(EVF(&ev, PIO_READ, value), 5);
    assert_ptr_equal(EVF_AT(&ev, PIO_WRITE, value), &ev.f[EVF_PIO_WRITE_value]);
    assert_int_equal(event_number(&ev, EVF_PIO_WRITE_port), 0x70);
    assert_true(event_shares_field(EV_PIO_WRITE, EV_PIO_READ, EVF_PIO_READ_earlier2));
    assert_false(
        event_shares_field(EV_MMIO_READ, EV_PIO_READ, EVF_PIO_READ_port)); /* there it is an address */
    assert_false(event_shares_field(EV_CPU_A20, EV_CPU_CR, EVF_CPU_CR_ip));
    assert_false(event_shares_field(EV_COUNT, EV_PIO_READ, 0));
}

static void test_classes_parse(void **state)
{
    static const struct {
        const char *text;
        uint32_t mask;
    } good[] = {
        {"all", EVENT_CLASSES_ALL},
        {"none", 0},
        {"default", EVENT_CLASSES_DEFAULT},
        {"pio", EVENT_CLASS_BIT(EC_PIO)},
        {"cpu,irq,pio", EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_PIO)},
        {"all,-syscall,-host,-iflag,-virt", EVENT_CLASSES_DEFAULT},
        {"default,+syscall,+host,+iflag,+virt", EVENT_CLASSES_ALL},
        {"+cpu.iflag", EVENT_CLASSES_DEFAULT | EVENT_CLASS_BIT(EC_IFLAG)},
        {"-pio", EVENT_CLASSES_DEFAULT & ~EVENT_CLASS_BIT(EC_PIO)},
        {"+syscall,+host,+iflag,+virt,-pio", EVENT_CLASSES_ALL & ~EVENT_CLASS_BIT(EC_PIO)},
    };
    const uint32_t fold = EVENT_CLASS_BIT(EC_FOLD), irq = EVENT_CLASS_BIT(EC_IRQ),
                   pio = EVENT_CLASS_BIT(EC_PIO);
    uint32_t mask;
    const char *bad;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(event_classes_parse(good[i].text, EVENT_CLASSES_DEFAULT, &mask, &bad), 0);
        assert_int_equal(mask, good[i].mask ? good[i].mask | fold : 0);
    }
    assert_int_equal(event_classes_parse("-fold", EVENT_CLASSES_DEFAULT, &mask, &bad), 0);
    assert_int_equal(mask, EVENT_CLASSES_DEFAULT & ~fold);
    assert_int_equal(event_classes_parse("pio,-fold,irq", EVENT_CLASSES_DEFAULT, &mask, &bad), 0);
    assert_int_equal(mask, EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_IRQ));
    assert_int_equal(event_classes_parse("+pio", irq, &mask, &bad), 0);
    assert_int_equal(mask, irq | pio | fold);
    assert_int_equal(event_classes_parse("-pio", irq | pio, &mask, &bad), 0);
    assert_int_equal(mask, irq | fold);
    assert_int_equal(event_classes_parse("pio", irq, &mask, &bad), 0);
    assert_int_equal(mask, pio | fold);
    static const char *const wrong[] = {"", "x", "cpu,,irq", "cpu,", "cpu,irqs", "-", "cp", "cpu irq"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(event_classes_parse(wrong[i], EVENT_CLASSES_DEFAULT, &mask, &bad), -1);
    const char *text = "cpu,foo,irq";
    assert_int_equal(event_classes_parse(text, EVENT_CLASSES_DEFAULT, &mask, &bad), -1);
    assert_ptr_equal(bad, text + 4);
}

/* What moves a disk's blocks, where no address in memory says it. */
static void test_event_disk_data(void **state)
{
    enum {
        DRIVE_IDE = 0,
        DRIVE_FLOPPY = 8,
        DRIVE_AHCI = 16,
        DRIVE_NVME = 32,
        DRIVE_VIRTIO = 48,
        DRIVE_SCSI = 64
    };
    static const struct {
        unsigned kind, drive, command;
        uint64_t address;
        enum event_data data;
        const char *text;
    } cases[] = {
        {EV_DISK_WRITE, DRIVE_AHCI, 0x35, 0x1000, EVENT_DATA_MEMORY, "X drive 16 lba 7 count 8 from 0x1000"},
        {EV_DISK_READ, DRIVE_IDE, 0x20, UINT64_MAX, EVENT_DATA_PORT,
         "X drive 0 lba 7 count 8 to the data port"},
        {EV_DISK_WRITE, DRIVE_IDE, 0x30, UINT64_MAX, EVENT_DATA_PORT,
         "X drive 0 lba 7 count 8 from the data port"},
        {EV_DISK_WRITE, DRIVE_IDE + 3, 0x06, UINT64_MAX, EVENT_DATA_ZEROS,
         "X drive 3 lba 7 count 8 as zeros"},
        {EV_DISK_READ, DRIVE_FLOPPY, 0x06, UINT64_MAX, EVENT_DATA_PORT,
         "X drive 8 lba 7 count 8 to the data port"},
        {EV_DISK_WRITE, DRIVE_FLOPPY, 0x05, UINT64_MAX, EVENT_DATA_PORT,
         "X drive 8 lba 7 count 8 from the data port"},
        {EV_DISK_WRITE, DRIVE_AHCI, 0x06, UINT64_MAX, EVENT_DATA_ZEROS, "X drive 16 lba 7 count 8 as zeros"},
        {EV_DISK_WRITE, DRIVE_AHCI, 0x35, UINT64_MAX, EVENT_DATA_NONE,
         "X drive 16 lba 7 count 8 without memory"},
        {EV_DISK_WRITE, DRIVE_NVME, 0x08, UINT64_MAX, EVENT_DATA_ZEROS, "X drive 32 lba 7 count 8 as zeros"},
        {EV_DISK_WRITE, DRIVE_NVME + 1, 0x09, UINT64_MAX, EVENT_DATA_ZEROS,
         "X drive 33 lba 7 count 8 as zeros"},
        {EV_DISK_READ, DRIVE_NVME, 0x05, UINT64_MAX, EVENT_DATA_NONE,
         "X drive 32 lba 7 count 8 without memory"},
        {EV_DISK_WRITE, DRIVE_VIRTIO, 11, UINT64_MAX, EVENT_DATA_ZEROS, "X drive 48 lba 7 count 8 as zeros"},
        {EV_DISK_WRITE, DRIVE_VIRTIO, 13, UINT64_MAX, EVENT_DATA_ZEROS, "X drive 48 lba 7 count 8 as zeros"},
        {EV_DISK_WRITE, DRIVE_SCSI, 0x42, UINT64_MAX, EVENT_DATA_ZEROS, "X drive 64 lba 7 count 8 as zeros"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        struct event ev = {.kind = (uint16_t)cases[i].kind, .data = "X", .len = 1};
        ev.f[EVF_DISK_WRITE_drive] = cases[i].drive;
        ev.f[EVF_DISK_WRITE_command] = cases[i].command;
        ev.f[EVF_DISK_WRITE_lba] = 7;
        ev.f[EVF_DISK_WRITE_count] = 8;
        ev.f[EVF_DISK_WRITE_address] = cases[i].address;
        assert_int_equal(event_disk_data(&ev), cases[i].data);
        event_text(&ev, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_event_words(void **state)
{
    char text[100];
    struct event out = {.kind = EV_PIO_WRITE, .f = {0x3f8, 1, 0x41, 2, 0xfff0}};
    event_text(&out, text, sizeof text);
    assert_string_equal(text, "out 0x3f8/1 <- 0x41 x2");
    assert_int_equal(event_text(&out, NULL, 0), strlen(text));
    char small[8];
    assert_int_equal(event_text(&out, small, sizeof small), strlen(text));
    assert_string_equal(small, "out 0x3");
    struct event fifo = {.kind = EV_PIO_WRITE, .f = {0x3f5, 1, 0x94, 5, 0xfff0, 4, 0x580013}};
    event_text(&fifo, text, sizeof text);
    assert_string_equal(text, "out 0x3f5/1 <- 0x13 0x0 0x58 0x0 0x94 x5");
    struct event wide = {.kind = EV_MMIO_READ, .f = {0xfee00000, 4, 5, 5, 0, 4, 0x200000001, 0x400000003}};
    event_text(&wide, text, sizeof text);
    assert_string_equal(text, "read 0xfee00000/4 -> 0x1 0x2 0x3 0x4 0x5 x5");
    struct event many = {.kind = EV_PIO_READ, .f = {0x1f0, 2, 0xaa55, 256, 0, 200}};
    event_text(&many, text, sizeof text);
    assert_string_equal(text, "in 0x1f0/2 -> 0xaa55 x256, values differ");
    struct event a20 = {.kind = EV_CPU_A20, .f = {1}};
    event_text(&a20, text, sizeof text);
    assert_string_equal(text, "A20 gate on");
    struct event line = {.kind = EV_CONSOLE_LINE, .data = "a\x1b[1m \xc3\xa4\xff\x7f\xc2\x85z", .len = 14};
    line.len = (uint32_t)strlen(line.data);
    event_text(&line, text, sizeof text);
    assert_string_equal(text, "a\\x1b[1m \xc3\xa4\\xff\\x7f\\xc2\\x85z");
}

static void test_event_json(void **state)
{
    yajl_gen g = yajl_gen_alloc(NULL);
    struct event line = {
        .kind = EV_CONSOLE_LINE, .icount = UINT64_MAX, .time = 5, .f = {8}, .data = "a\"\xff", .len = 2};
    const unsigned char *p;
    size_t n;
    assert_int_equal(event_json(&line, 3, (struct event_count){7, false}, g), 0);
    yajl_gen_get_buf(g, &p, &n);
    assert_string_equal(
        (const char *)p,
        "{\"number\":3,\"icount\":18446744073709551615,\"time\":5,\"cpu\":0,\"kind\":\"console\","
        "\"class\":\"console\",\"times\":7,\"fields\":{\"device\":8},\"data\":\"a\\\"\",\"text\":\"a\\\"\"}");
    yajl_gen_free(g);
    g = yajl_gen_alloc(NULL);
    yajl_gen_config(g, yajl_gen_validate_utf8, 1);
    line.len = 3;
    assert_int_equal(event_json(&line, UINT64_MAX, (struct event_count){1, true}, g), 0);
    yajl_gen_get_buf(g, &p, &n);
    assert_non_null(strstr((const char *)p, "\"times\":1,\"estimated\":true,\"fields\""));
    assert_non_null(strstr((const char *)p, "\"data_hex\":\"6122ff\",\"text\":\"a\\\"\\\\xff\"}"));
    yajl_gen_free(g);
    /* What was repeated is no hypercall, and so has no number. */
    struct event again = {.kind = EV_HYPERCALL_AGAIN, .f = {UINT64_MAX, 1, 0, 5}, .data = "port 5", .len = 6};
    g = yajl_gen_alloc(NULL);
    assert_int_equal(event_json(&again, 4, (struct event_count){0, false}, g), 0);
    yajl_gen_get_buf(g, &p, &n);
    assert_non_null(strstr((const char *)p, "\"times\":0,\"fields\":{\"number\":null,\"domain\":1,"));
    yajl_gen_free(g);
}

static void test_event_compare(void **state)
{
    struct event a = {.kind = EV_PIO_READ, .icount = 1, .f = {0x60, 1, 5, 1, 0x100}}, b = a;
    b.icount = 9;
    b.f[EVF_PIO_READ_value] = 7;
    assert_true(event_same_keys(&a, &b));
    assert_int_equal(event_key_hash(&a), event_key_hash(&b));
    assert_false(event_same(&a, &b));
    b.f[EVF_PIO_READ_port] = 0x61;
    assert_false(event_same_keys(&a, &b));
    assert_true(event_key_hash(&a) != event_key_hash(&b));
    b = a;
    b.kind = EV_PIO_WRITE;
    assert_false(event_same_keys(&a, &b));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_table),     cmocka_unit_test(test_fields_of_kinds),
        cmocka_unit_test(test_classes_parse),   cmocka_unit_test(test_event_words),
        cmocka_unit_test(test_event_disk_data), cmocka_unit_test(test_event_json),
        cmocka_unit_test(test_event_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
