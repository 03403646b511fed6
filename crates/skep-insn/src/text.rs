//! Text both ways.
