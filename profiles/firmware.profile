# The stages of a PC's firmware, from the reset vector to the boot sector, or to a kernel's entry. Put before the other
# profiles that come with the program. Form: core/story/profile.h, docs/profiles.md.

stage bios
    # firmware that comes to its reset vector without a reset is still the same
    outside bios
    open event cpu.reset-vector
    open event virt.boot "firmware begins"
    close event efi.start type=9
    close event loader.boot-sector
    close event virt.boot "a boot sector is entered"
    close event kernel.boot-params
    close event kernel.entry
    close event kernel.found
    # code of a 64-bit address space's upper half: no firmware's
    close event cpu.cr ip>=0xffff800000000000
    close event cpu.msr ip>=0xffff800000000000
    close event cpu.table ip>=0xffff800000000000
    close event power.reset
    close event power.off
# UEFI: an application has returned to the boot device selection
stage bios
    outside bios
    outside kernel
    open event efi.bds "goes on"
    close event efi.start type=9
    close event loader.boot-sector
    close event kernel.boot-params
    close event kernel.entry
    close event kernel.found
stage bios.post
    in bios
    once
    lasting
    open event cpu.reset-vector
    open event virt.boot "firmware begins"

# ---- our own: its POST codes (bios/README.md) ----
stage bios.post.reset
    with bios=builtin
    in bios.post
    open post 0x01
stage bios.post.shadow
    with bios=builtin
    in bios.post
    open post 0x02
stage bios.post.memory
    with bios=builtin
    in bios.post
    open post 0x03
stage bios.post.pci
    with bios=builtin
    in bios.post
    open post 0x04
stage bios.post.processors
    with bios=builtin
    in bios.post
    open post 0x05
stage bios.post.tables
    with bios=builtin
    in bios.post
    open post 0x06
stage bios.post.memory-map
    with bios=builtin
    in bios.post
    open post 0x07
stage bios.post.real-mode
    with bios=builtin
    in bios.post
    open post 0x08
stage bios.post.vectors
    with bios=builtin
    in bios.post
    open post 0x10
stage bios.post.clock
    with bios=builtin
    in bios.post
    open post 0x11
stage bios.post.ports
    with bios=builtin
    in bios.post
    open post 0x12
stage bios.post.keyboard
    with bios=builtin
    in bios.post
    open post 0x13
stage bios.post.display
    with bios=builtin
    in bios.post
    open post 0x14
stage bios.post.drives
    with bios=builtin
    in bios.post
    open post 0x15
stage bios.post.option-roms
    with bios=builtin
    in bios.post
    open post 0x16
stage bios.post.boot-list
    with bios=builtin
    in bios.post
    open post 0x17
stage bios.boot
    with bios=builtin
    in bios
    open post 0x1f
stage bios.no-boot
    with bios=builtin
    in bios.boot
    open post 0x2f

# ---- SeaBIOS: what it says on the debug port ----
stage bios.post.memory
    with bios=seabios
    in bios.post
    open event firmware.log "Found QEMU fw_cfg"
stage bios.post.pci
    with bios=seabios
    in bios.post
    open event firmware.log "PCI bus & bridge init"
stage bios.post.tables
    with bios=seabios
    in bios.post
    open event firmware.log "Copying PIR"
stage bios.post.display
    with bios=seabios
    in bios.post
    open event firmware.log "Scan for VGA option rom"
stage bios.post.drives
    with bios=seabios
    in bios.post
    open event firmware.log "vga text mode console"
stage bios.post.option-roms
    with bios=seabios
    in bios.post
    open event firmware.log "Scan for option roms"
stage bios.boot
    with bios=seabios
    in bios
    open event firmware.log "enter handle_19"

# ---- UEFI: its phases, by what core/systems/efi finds in memory ----
stage bios.reset
    in bios
    once
    open event efi.volume
stage bios.sec
    in bios
    open event efi.start type=3
stage bios.pei
    in bios
    once
    open event efi.start type=4
stage bios.pei.{data}
    in bios.pei
    open event efi.start type=6
    open event efi.start type=8
    close event efi.return type=6 same
    close event efi.return type=8 same
stage bios.dxe
    in bios
    open event efi.start type=5
stage bios.dxe.{data}
    in bios.dxe
    open event efi.start type=7
    close event efi.return type=7 same
stage bios.bds
    in bios
    open event efi.bds
stage bios.bds.{data}
    in bios.bds
    open event efi.bds-part
    close event efi.bds-part-done same
stage bios.bds.{data}
    in bios.bds
    open event efi.start type=7
    close event efi.return type=7 same

# ---- another: by the numbers of its POST codes ----
stage bios.post.{code}
    without bios=builtin
    without bios=seabios
    in bios.post
    open event firmware.post

# ---- all of them ----
stage bios.option-rom
    in bios.post
    in bios.post.display
    in bios.post.option-roms
    open event firmware.option-rom
    open event virt.boot "an option ROM is entered"
stage bios.boot.{data}
    with bios=builtin
    in bios.boot
    open event firmware.boot-device
stage bios.boot.{data}
    with bios=seabios
    in bios.boot
    open event firmware.boot-device
stage bios.boot.{data}
    without bios=builtin
    without bios=seabios
    outside bios.dxe
    outside bios.bds
    in bios
    open event firmware.boot-device

