# The stages of FreeBSD's boot, inside the stage "kernel" of pc.profile. Form: core/profile.h, docs/profiles.md.

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
