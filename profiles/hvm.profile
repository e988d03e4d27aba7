# The stages of an HVM domain of Xen before its firmware: hvmloader (or one's own image), by what it says on the debug port. Then
# follow the stages of its firmware, of a boot loader and of a kernel.

stage hvmloader
    open event domain.start "HVM"
    open event domain.start "whose loader of firmware begins"
    close event cpu.reset-vector
    close event virt.boot "firmware begins"
    close event domain.end
    close event power.off
    close event power.reset
    close event power.halt
stage hvmloader.hypercalls
    in hvmloader
    open event firmware.log "HVM Loader"
stage hvmloader.xenstore
    in hvmloader
    open event firmware.log "Xenbus rings @"
stage hvmloader.processor
    in hvmloader
    open event firmware.log "CPU speed is "
stage hvmloader.pci
    in hvmloader
    open event firmware.log "Relocating guest memory for lowmem MMIO space"
stage hvmloader.pci.routing
    in hvmloader.pci
    open event firmware.log "PCI-ISA link 0 routed"
stage hvmloader.pci.devices
    in hvmloader.pci
    open event firmware.log "PCI-ISA link 3 routed"
stage hvmloader.pci.bars
    in hvmloader.pci
    open event firmware.log "RAM in high memory"
stage hvmloader.processors
    in hvmloader
    open event firmware.log "Multiprocessor initialisation"
stage hvmloader.tests
    in hvmloader
    open event firmware.log "Testing HVM environment"
stage hvmloader.smbios
    in hvmloader
    open event firmware.log "Writing SMBIOS tables"
stage hvmloader.firmware
    in hvmloader
    open event firmware.log "Loading SeaBIOS"
    open event firmware.log "Loading OVMF"
    open event firmware.log "Loading ROMBIOS"
stage hvmloader.mp-tables
    in hvmloader
    open event firmware.log "Creating MP tables"
stage hvmloader.option-roms
    in hvmloader
    open event firmware.log "Option ROMs"
stage hvmloader.acpi
    in hvmloader
    open event firmware.log "Loading ACPI"
stage hvmloader.finish
    in hvmloader
    open event firmware.log "vm86 TSS at "
stage hvmloader.memory-map
    in hvmloader
    open event firmware.log "E820 table:"
stage hvmloader.jump
    in hvmloader
    open event firmware.log "Invoking "
