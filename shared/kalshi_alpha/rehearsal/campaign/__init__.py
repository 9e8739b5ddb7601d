"""The fault campaign: many windows in virtual time, each with something broken."""
