"""Weather sources: reports, tables and observations of the offices, and a blending provider's."""
