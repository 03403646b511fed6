//! Links objects of all makes, and looks at what comes out.

mod dsl;
mod errors;
mod images;
mod raw;
