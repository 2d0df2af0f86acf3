//! What an attacker can do who holds the place where a registry is served, or some of its keys: each
//! is refused, and leaves nothing behind but the evidence.

mod bytes;
mod history;
mod install;
mod keys;
mod thief;
mod victim;
