//! Kernel versions, and what each of them knows.

use std::fmt;
use std::str::FromStr;

use crate::kind::Kind;

/// A version of Linux, as far as rules depend on it: `6.1`.
///
/// ```
/// use skep_btf::KernelVersion;
///
/// let version: KernelVersion = "5.15.3-generic".parse().unwrap();
/// assert_eq!(version, KernelVersion::new(5, 15));
/// assert!(version < KernelVersion::new(6, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
}

impl KernelVersion {
    /// The version whose rules were found by experiment.
    pub const CURRENT: KernelVersion = KernelVersion::new(6, 18);

    /// The version of these numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> KernelVersion {
        KernelVersion { major, minor }
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text is no version of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no version of a kernel, expected two numbers as in 5.15", .0.escape_debug())]
pub struct NotAVersion(String);

/// What follows the second number is skipped, as in `6.1.0-rc3`.
impl FromStr for KernelVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<KernelVersion, NotAVersion> {
        let wrong = || NotAVersion(text.to_owned());
        let (major, rest) = text.split_once('.').ok_or_else(wrong)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| wrong());
        Ok(KernelVersion { major: number(major)?, minor: number(&rest[..digits])? })
    }
}

/// Something that kernels have not always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// `FUNC` and `FUNC_PROTO`, and bit-fields by `kind_flag`.
    Func,
    /// `VAR` and `DATASEC`.
    Datasec,
    /// Enumerations of another size than 4 bytes.
    EnumSize,
    /// Functions that are global.
    FuncLinkage,
    /// Sections without variables.
    EmptyDatasec,
    /// `FLOAT`
    Float,
    /// `DECL_TAG`
    DeclTag,
    /// `TYPE_TAG`
    TypeTag,
    /// `ENUM64`, and signed enumerations.
    Enum64,
    /// Names of up to 512 bytes instead of 128.
    LongNames,
    /// Rules about members that the kernel itself uses, such as locks.
    SpecialFields,
    /// Dots in names.
    Dots,
    /// Names of sections of any printable bytes.
    SectionNames,
    /// `kind_flag` of tags.
    TagFlag,
}

/// Since when. This is known history; only the last version has been asked.
const SINCE: [(Feature, KernelVersion); 14] = [
    (Feature::Func, KernelVersion::new(5, 0)),
    (Feature::Datasec, KernelVersion::new(5, 2)),
    (Feature::EnumSize, KernelVersion::new(5, 4)),
    (Feature::FuncLinkage, KernelVersion::new(5, 6)),
    (Feature::EmptyDatasec, KernelVersion::new(5, 12)),
    (Feature::Float, KernelVersion::new(5, 13)),
    (Feature::DeclTag, KernelVersion::new(5, 16)),
    (Feature::TypeTag, KernelVersion::new(5, 17)),
    (Feature::Enum64, KernelVersion::new(6, 0)),
    (Feature::LongNames, KernelVersion::new(6, 1)),
    (Feature::SpecialFields, KernelVersion::new(6, 2)),
    (Feature::Dots, KernelVersion::new(6, 5)),
    (Feature::SectionNames, KernelVersion::new(6, 9)),
    (Feature::TagFlag, KernelVersion::new(6, 15)),
];

/// What a kernel asks of types.
///
/// ```
/// use skep_btf::{KernelVersion, Rules};
///
/// assert_eq!(Rules::default(), Rules::for_kernel(KernelVersion::CURRENT));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    version: KernelVersion,
    /// One bit for each feature.
    features: u32,
}

impl Rules {
    /// The rules of that version.
    #[must_use]
    pub fn for_kernel(version: KernelVersion) -> Rules {
        let known = SINCE.iter().filter(|(_, since)| *since <= version);
        Rules { version, features: known.map(|&(feature, _)| 1 << feature as u32).sum() }
    }

    /// The rules of the version that was asked by experiment, [`KernelVersion::CURRENT`].
    #[must_use]
    pub fn current() -> Rules {
        Rules::for_kernel(KernelVersion::CURRENT)
    }

    /// Whose rules these are.
    #[must_use]
    pub const fn version(&self) -> KernelVersion {
        self.version
    }

    pub(crate) const fn has(&self, feature: Feature) -> bool {
        self.features >> feature as u32 & 1 == 1
    }

    /// Whether that kernel knows types of this kind.
    #[must_use]
    pub const fn knows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Func | Kind::FuncProto => self.has(Feature::Func),
            Kind::Var | Kind::Datasec => self.has(Feature::Datasec),
            Kind::Float => self.has(Feature::Float),
            Kind::DeclTag => self.has(Feature::DeclTag),
            Kind::TypeTag => self.has(Feature::TypeTag),
            Kind::Enum64 => self.has(Feature::Enum64),
            _ => true,
        }
    }

    /// How many bytes a name may have.
    #[must_use]
    pub const fn name_limit(&self) -> usize {
        if self.has(Feature::LongNames) { 512 } else { 128 }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::current()
    }
}

#[cfg(test)]
mod tests {
    use super::{Feature, KernelVersion, Rules, SINCE};
    use crate::kind::Kind;

    #[test]
    fn versions_are_read_and_compared() {
        for (text, expected) in
            [("5.15", (5, 15)), ("6.1.0-18-amd64", (6, 1)), ("6.18.44-fc", (6, 18)), ("7.0-rc1", (7, 0))]
        {
            assert_eq!(text.parse(), Ok(KernelVersion::new(expected.0, expected.1)), "{text}");
        }
        for wrong in ["", "6", "six.one", "6.", ".1", "v6.1", "6.99999", "-1.2"] {
            let error = wrong.parse::<KernelVersion>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("'{wrong}' is no version of a kernel, expected two numbers as in 5.15")
            );
        }
    }

    #[test]
    fn each_feature_begins_where_the_table_says() {
        for (at, (feature, since)) in SINCE.into_iter().enumerate() {
            assert_eq!(feature as usize, at, "each feature is in the table once, in order");
            assert!(Rules::for_kernel(since).has(feature));
            let before = KernelVersion { minor: since.minor.wrapping_sub(1), ..since };
            let before = if since.minor == 0 { KernelVersion::new(since.major - 1, 20) } else { before };
            assert!(!Rules::for_kernel(before).has(feature), "{feature:?}");
        }
        assert!(SINCE.is_sorted_by_key(|(_, since)| *since));
        let all = Rules::current();
        assert!(Kind::ALL.iter().all(|&kind| all.knows(kind)) && all.has(Feature::TagFlag));
        let old = Rules::for_kernel(KernelVersion::new(5, 15));
        assert_eq!((old.knows(Kind::Float), old.knows(Kind::DeclTag), old.name_limit()), (true, false, 128));
    }
}
