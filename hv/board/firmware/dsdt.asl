/* dsdt.asl - the ACPI description of the boards: of the PC, and with Q35 defined, of that. iasl compiles it at build time into C arrays; acpi_tables.c
 * sets the compiler's name and version in the header to fixed values, so that they do not reach the guest.
 *
 * Processors are in an SSDT that acpi_tables.c builds, because their number is a setting.
 * Source: ACPI specification 3.0. Wiring: see kinds.c (mapping of slots to PIRQs), acpi_pm.c (PMBASE 600h,
 * GPE block 0 at AFE0h) and ich9.c. */
DefinitionBlock ("dsdt.aml", "DSDT", 1, "BTREEL", "BTRPC   ", 1)
{
    /* Soft off is sleep type 0. Suspend to RAM is in the SSDT of acpi_tables.c. */
    Name (\_S5, Package () { Zero, Zero, Zero, Zero })

    /* 0: 8259, 1: APIC. The PIRQs reach the same inputs of both, so the routing is the same. */
    Name (PICM, Zero)
    Method (\_PIC, 1, NotSerialized)
    {
        PICM = Arg0
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
#ifdef Q35
            Name (_HID, EisaId ("PNP0A08"))
            Name (_CID, EisaId ("PNP0A03"))
#else
            Name (_HID, EisaId ("PNP0A03"))
#endif
            Name (_ADR, Zero)
            Name (_UID, Zero)
            Name (_BBN, Zero)
#ifdef Q35
            /* PCI Firmware Specification 3.0, 4.5.1: the system has what it asks for of native PCI Express control, but for hot plug,
             * power management events and errors, which no chip has. */
            Method (_OSC, 4, NotSerialized)
            {
                CreateDWordField (Arg3, Zero, CDW1)
                If (Arg0 == ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766"))
                {
                    CreateDWordField (Arg3, 0x08, CDW3)
                    Local0 = CDW3
                    Local0 &= 0x10
                    If (Arg1 != One)
                    {
                        CDW1 |= 0x08
                    }
                    If (CDW3 != Local0)
                    {
                        CDW1 |= 0x10
                    }
                    CDW3 = Local0
                }
                Else
                {
                    CDW1 |= 0x04
                }
                Return (Arg3)
            }
#endif

            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                               0x0000, 0x0000, 0x00FF, 0x0000, 0x0100)
                IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                        0x0000, 0x0000, 0x0CF7, 0x0000, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                        0x0000, 0x0D00, 0xFFFF, 0x0000, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                             0x00000000, 0x000A0000, 0x000BFFFF, 0x00000000, 0x00020000)
                /* RAM (and configuration space in memory) ends below this at the latest; firmware places BARs near the top. */
#ifdef Q35
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                             0x00000000, 0xC0000000, 0xFEBFFFFF, 0x00000000, 0x3EC00000)
#else
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                             0x00000000, 0xE0000000, 0xFEBFFFFF, 0x00000000, 0x1EC00000)
#endif
            })

#ifdef Q35
            /* Slot s, pin p: PIRQE-H by (s + p) & 3; the chipset's own slots 25-31, but for 30, have PIRQA-D by p. Through the I/O APIC,
             * PIRQA-H are its inputs 16-23. */
#else
            /* Slot s, pin p: PIRQ (s - 1 + p) & 3. Slot 1 pin A is the power management function, with IRQ 9. */
#endif
            Method (_PRT, 0, Serialized)
            {
                Local0 = Package (128) {}
                Local1 = Zero
                While (Local1 < 128)
                {
                    Local2 = Local1 >> 0x02
#ifdef Q35
                    Local3 = ((Local2 + Local1) & 0x03) + 0x04
                    If (Local2 == 0x1E)
                    {
                        Local3 = (Local1 & 0x03) + 0x04
                    }
                    ElseIf (Local2 > 0x18)
                    {
                        Local3 = Local1 & 0x03
                    }
                    If (PICM)
                    {
                        Local4 = Package (4) { Zero, Zero, Zero, Zero }
                        Local4[0x03] = Local3 + 0x10
                    }
                    ElseIf (Local3 == 0x04) { Local4 = Package (4) { Zero, Zero, LNKE, Zero } }
                    ElseIf (Local3 == 0x05) { Local4 = Package (4) { Zero, Zero, LNKF, Zero } }
                    ElseIf (Local3 == 0x06) { Local4 = Package (4) { Zero, Zero, LNKG, Zero } }
                    ElseIf (Local3 == 0x07) { Local4 = Package (4) { Zero, Zero, LNKH, Zero } }
#else
                    Local3 = (Local2 + Local1 + 0x03) & 0x03
                    If (Local1 == 0x04) { Local4 = Package (4) { Zero, Zero, LNKS, Zero } }
#endif
                    ElseIf (Local3 == 0x00) { Local4 = Package (4) { Zero, Zero, LNKA, Zero } }
                    ElseIf (Local3 == 0x01) { Local4 = Package (4) { Zero, Zero, LNKB, Zero } }
                    ElseIf (Local3 == 0x02) { Local4 = Package (4) { Zero, Zero, LNKC, Zero } }
                    Else { Local4 = Package (4) { Zero, Zero, LNKD, Zero } }
                    Local4[Zero] = (Local2 << 0x10) | 0xFFFF
                    Local4[One] = Local1 & 0x03
                    Local0[Local1] = Local4
                    Local1++
                }
                Return (Local0)
            }

            Device (ISA)
            {
#ifdef Q35
                Name (_ADR, 0x001F0000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 0x0C)
#else
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 0x04)
#endif
                Field (PIRQ, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8,
                    PRQB, 8,
                    PRQC, 8,
#ifdef Q35
                    PRQD, 8,
                    Offset (0x08),
                    PRQE, 8,
                    PRQF, 8,
                    PRQG, 8,
                    PRQH, 8
#else
                    PRQD, 8
#endif
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
                        IRQNoFlags () { 8 }
                    })
                }

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0060, 0x0060, 0x01, 0x01)
                        IO (Decode16, 0x0064, 0x0064, 0x01, 0x01)
                        IRQNoFlags () { 1 }
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IRQNoFlags () { 12 }
                    })
                }

                Device (FDC0)
                {
                    Name (_HID, EisaId ("PNP0700"))
                    /* acpi_tables.c puts 0 here if the machine has no floppy. */
                    Name (FDPR, 0x0F)
                    Method (_STA, 0, NotSerialized) { Return (FDPR) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03F2, 0x03F2, 0x00, 0x04)
                        IO (Decode16, 0x03F7, 0x03F7, 0x00, 0x01)
                        IRQNoFlags () { 6 }
                        DMA (Compatibility, NotBusMaster, Transfer8) { 2 }
                    })
                }

                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, One)
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03F8, 0x03F8, 0x00, 0x08)
                        IRQNoFlags () { 4 }
                    })
                }

                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 0x02)
                    Name (_STA, 0x0F)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x02F8, 0x02F8, 0x00, 0x08)
                        IRQNoFlags () { 3 }
                    })
                }
            }
        }

        /* Motherboard resources that are not in a PCI BAR. */
        Device (MRES)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, One)
            Name (_CRS, ResourceTemplate ()
            {
#ifdef Q35
                IO (Decode16, 0x0600, 0x0600, 0x01, 0x80)
                Memory32Fixed (ReadWrite, 0xFED1C000, 0x00004000)
#else
                IO (Decode16, 0x0600, 0x0600, 0x01, 0x40)
                IO (Decode16, 0x0700, 0x0700, 0x01, 0x10)
                IO (Decode16, 0xAFE0, 0xAFE0, 0x01, 0x04)
#endif
            })
        }
#ifdef Q35
        /* Configuration space in memory; acpi_tables.c puts in where it is. */
        Device (DRAC)
        {
            Name (_HID, EisaId ("PNP0C01"))
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, 0xB0000000, 0x10000000)
            })
        }
#endif

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, Zero)
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED00000, 0x00000400)
            })
        }

        /* A PIRQ's routing register: bit 7 set means disabled, else it is the interrupt. */
        Method (IQST, 1, NotSerialized)
        {
            If (Arg0 & 0x80)
            {
                Return (0x09)
            }
            Return (0x0B)
        }
        Name (PRR0, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 0 }
        })
        Method (IQCR, 1, Serialized)
        {
            CreateDWordField (PRR0, 0x05, PRRI)
            If (Arg0 < 0x80)
            {
                PRRI = Arg0
            }
            Return (PRR0)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, One)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQA)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQA |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQA)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQA = PRRI
            }
        }
        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x02)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQB)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQB |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQB)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQB = PRRI
            }
        }
        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x03)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQC)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQC |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQC)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQC = PRRI
            }
        }
        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x04)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQD)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQD |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQD)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQD = PRRI
            }
        }
#ifdef Q35
        Device (LNKE)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x05)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQE)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQE |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQE)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQE = PRRI
            }
        }
        Device (LNKF)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x06)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQF)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQF |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQF)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQF = PRRI
            }
        }
        Device (LNKG)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x07)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQG)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQG |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQG)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQG = PRRI
            }
        }
        Device (LNKH)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x08)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA, 0, NotSerialized) { Return (IQST (^^PCI0.ISA.PRQH)) }
            Method (_DIS, 0, NotSerialized) { ^^PCI0.ISA.PRQH |= 0x80 }
            Method (_CRS, 0, NotSerialized) { Return (IQCR (^^PCI0.ISA.PRQH)) }
            Method (_SRS, 1, NotSerialized)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQH = PRRI
            }
        }
#else
        /* The power management function's own interrupt, which is hard-wired. */
        Device (LNKS)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x05)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 9 }
            })
            Method (_STA, 0, NotSerialized) { Return (0x0B) }
            Method (_DIS, 0, NotSerialized) { }
            Method (_CRS, 0, NotSerialized) { Return (_PRS) }
            Method (_SRS, 1, NotSerialized) { }
        }
#endif
    }
}
