//! Images from sources that are at fault in every way: what is fetched is right, or it is refused.

mod cache;
mod places;
mod resume;
mod sources;
mod stores;
mod streams;
mod target;
mod whole_file;
