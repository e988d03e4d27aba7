/* settings.c - the machine owner's settings: boot order and boot menu, from fw_cfg. Without fw_cfg, the
 * services use the CMOS. */
#include "bios/post32/post32.h"

enum { KEY_BOOT_MENU = 0x0e, MENU_WAIT = 2500 };

void settings_init(void)
{
    struct fwcfg_file file;
    u32 fail = fwcfg_file_number("etc/boot-fail-wait", 60000);
    SHARED.menu = fwcfg_number(KEY_BOOT_MENU, 2, 0) || fwcfg_find("etc/boot-menu-wait", &file);
    SHARED.menu_wait = (u16)fwcfg_file_number("etc/boot-menu-wait", MENU_WAIT);
    SHARED.fail_wait = fail == 0xffffffff || fail / 1000 > 254 ? 255 : (u8)(fail / 1000);
    if (!fwcfg_find("bootorder", &file) || file.size >= sizeof SHARED.bootorder)
        return;
    fwcfg_read(&file, 0, SHARED.bootorder, file.size);
}
