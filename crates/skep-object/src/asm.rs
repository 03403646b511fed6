//! Objects from assembly.
