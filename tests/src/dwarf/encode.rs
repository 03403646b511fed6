//! The encoder under test, given everything that it needs.

use skep_dwarf::{Encoded, Functions, Options, Variables};

use super::Error;
use super::file::{Beside, others};

/// Encodes all that a file has, and the files that it refers to.
///
/// # Errors
///
/// If the encoder refuses it.
pub fn encode(bytes: &[u8], beside: Beside<'_>) -> Result<Encoded, Error> {
    encode_with(bytes, beside, Functions::All, Variables::All)
}

/// Encodes those functions and variables.
///
/// # Errors
///
/// If the encoder refuses it.
pub fn encode_with(
    bytes: &[u8],
    beside: Beside<'_>,
    functions: Functions,
    variables: Variables,
) -> Result<Encoded, Error> {
    let (alternate, split) = others(bytes, beside)?;
    let mut options = Options::new().functions(functions).variables(variables);
    if let Some(alternate) = &alternate {
        options = options.supplementary(alternate);
    }
    for file in &split {
        options = options.split(file);
    }
    skep_dwarf::encode(bytes, &options).map_err(|error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            text += &format!(": {error}");
            source = error.source();
        }
        Error::Refused(text)
    })
}
