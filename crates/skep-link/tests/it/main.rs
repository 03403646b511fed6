//! Links objects of all makes, and looks at what comes out.

mod compiled;
mod dsl;
mod errors;
mod images;
mod raw;
mod tools;
