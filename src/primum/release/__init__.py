"""What leaves the room: a report measured again from protected counts, its control form, its attack, its ledger."""
