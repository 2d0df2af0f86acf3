//! Fixtures that tests across crates share: every image and tree is made by code here.

pub mod examples;
pub mod fuzz;
pub mod images;
pub mod keys;
pub mod seed;
pub mod sif;
pub mod squashfs;
