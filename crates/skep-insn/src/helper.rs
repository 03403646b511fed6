//! Helper numbers and names.
