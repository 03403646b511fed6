//! Objects from and to ELF.
