//! Maps.
/// A map as code sees it.
#[derive(Clone, Debug)]
pub(super) struct MapInfo {}
