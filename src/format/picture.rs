//! Pictures on disk: training images in, grids and animations out.
