//! Training and sampling end to end, on every backend, at a tiny size.

mod capacity;
mod channels;
mod checkpoint;
mod crops;
mod half;
mod labels;
mod losses;
mod shards;
mod tiny;
