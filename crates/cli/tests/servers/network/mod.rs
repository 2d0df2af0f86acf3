//! What networks, servers and mirrors can do to those who pull and push: the real command, against
//! nginx, an S3 server and a proxy that breaks what goes through it. `tests/interop/servers.sh` runs
//! these.

mod bucket;
mod endless;
mod faults;
mod first_use;
mod junk;
mod mirrors;
mod names;
mod odd;
mod process;
mod publish;
mod remove;
mod repair;
mod resume;
mod rollback;
mod scene;
mod slashes;
mod slow;
mod trust;
