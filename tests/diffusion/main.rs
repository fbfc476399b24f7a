//! The mathematics against itself: identities, moments, limits.

mod conversions;
mod editing;
mod ideal;
mod objective;
mod processes;
mod pseudocodes;
mod spacings;
