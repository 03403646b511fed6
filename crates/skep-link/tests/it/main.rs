//! Links objects of all makes, and looks at what comes out.

mod checker;
mod compiled;
mod dsl;
mod errors;
mod fuzz;
mod graphs;
mod images;
mod random;
mod raw;
mod records;
mod several;
mod tools;
