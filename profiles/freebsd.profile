# The stages of FreeBSD's boot, inside the stages "loader" and "kernel" of pc.profile. Form: core/story/profile.h, docs/profiles.md.

# ---- its own boot blocks and loader ----
# The menu of boot0, which waits for a key.
stage loader.boot0
    in loader.boot-sector
    open event firmware.text "Boot:  F"
    open event firmware.text "Default: F"
# On a CD: it reads the loader, which it starts with the BTX kernel that is part of it.
stage loader.cdboot
    in loader
    open event firmware.text "CD Loader "
# BTX, a small kernel for programs that call the BIOS: its interrupt table is always at 5E00h.
stage loader.btx
    in loader
    in loader.cdboot
    once
    open event cpu.table "IDT" base=0x5e00
# The first such program is boot2 (gptboot, zfsboot), which boot1 has read together with BTX, except on a CD.
stage loader.boot2
    in loader.btx
    outside loader.cdboot
    once
    open event cpu.table "IDT" base=0x5e00
# The loader: BTX's own loader moves it to its place, and says so; then it lists its consoles and drives.
stage loader.loader
    in loader.btx
    once
    open event cpu.table "GDT" ip>=0x200000 ip<0x201000
    open event firmware.text "Consoles: "
    open event firmware.text "BIOS drive "
    open event console "Consoles: "
    open event console "BIOS drive "

# ---- from the loader's hand-over to mi_startup ----
stage kernel.btext
    in kernel
    open event kernel.reached "btext"
stage kernel.hammer_time
    in kernel
    open event kernel.reached "hammer_time"
    close event kernel.reached "mi_startup"
stage kernel.hammer_time.{data}
    in kernel.hammer_time
    open event kernel.call parent=32
    close event kernel.return parent=32 same
    fold 1%
stage kernel.init386
    in kernel
    open event kernel.reached "init386"
    close event kernel.reached "mi_startup"
stage kernel.init386.{data}
    in kernel.init386
    open event kernel.call parent=33
    close event kernel.return parent=33 same
    fold 1%

# ---- mi_startup: SYSINITs by subsystem; a step that takes long shows what it attaches ----
stage kernel.mi_startup
    in kernel
    open event kernel.reached "mi_startup"
    close event process.exec pid=1
    close event kernel.panic
stage kernel.{data}
    in kernel.mi_startup
    open event kernel.subsystem
stage sysinit.{data}
    in kernel.{data}
    open event kernel.sysinit
    close event kernel.sysinit-done same
    fold 1%

# ---- file systems ----
stage mount.{data}
    in user.{program}
    in kernel.mi_startup
    moment
    open event kernel.mount

# ---- programs: /sbin/init runs rc, whose programs are processes inside it, then getty for each terminal ----
stage rc
    in user.{program}
    after kernel.mi_startup
    by pid
    open event process.exec "sh /etc/rc "
    close event process.exit
# A script of /etc/rc.d is read by a subshell of rc, or by the shell that executes it.
stage rc.d.{script}
    in user.{program}
    after kernel.mi_startup
    by pid
    under parent of rc
    under parent of rc.shutdown
    under parent
    open event process.script "/etc/rc.d/{script}"
    close event process.script "/etc/rc.d/{script}"
    close event process.exit
    fold 1%
stage rc.fsck
    in user.{program}
    after kernel.mi_startup
    by pid
    open event process.exec "/sbin/fsck "
    close event process.exit
stage rc.shutdown
    in user.{program}
    after kernel.mi_startup
    by pid
    open event process.exec "sh /etc/rc.shutdown "
    close event process.exit
stage cron
    in user.{program}
    after kernel.mi_startup
    by pid
    under parent
    open event process.exec "/usr/sbin/cron "
    open event process.create kind=1 "cron"
    close event process.exit
stage getty
    in user.{program}
    after kernel.mi_startup
    by pid
    open event process.exec "/usr/libexec/getty "
    close event process.exec "login "
    close event process.exit
stage login
    in user.{program}
    after kernel.mi_startup
    by pid
    open event process.exec "/usr/bin/login "
    close event process.exec "sh "
    close event process.exit
