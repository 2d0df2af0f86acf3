//! Fixtures that tests across crates share: every image and tree is made by code here.
