//! From a file to its digest and digest chain (`spec/digest-chain.md`).

pub mod chain;
pub mod hasher;
mod mmap;
pub mod stamp;
