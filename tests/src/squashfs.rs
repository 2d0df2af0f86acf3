//! Small squashfs file systems, the same bytes on every run.

use std::io::Cursor;

use backhand::compression::{CompressionOptions, Compressor, Lz4};
use backhand::{FilesystemCompressor, FilesystemWriter, NodeHeader};

/// A tree of files to be written as squashfs. Directories follow from the paths.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    nodes: Vec<(String, Node)>,
    time: u32,
}

#[derive(Debug, Clone)]
enum Node {
    File(u16, Vec<u8>),
    Link(String),
}

impl Registry {
    /// An empty tree whose nodes were changed at `time`, in seconds since 1970.
    #[must_use]
    pub fn new(time: u32) -> Self {
        Self {
            nodes: Vec::new(),
            time,
        }
    }

    /// Adds a file; `path` is relative to the root.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u16, content: impl Into<Vec<u8>>) -> Self {
        self.nodes
            .push((path.to_owned(), Node::File(mode, content.into())));
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.nodes
            .push((path.to_owned(), Node::Link(target.to_owned())));
        self
    }

    /// Adds what a container built from a recipe has: labels, recipe, runscript, environment.
    #[must_use]
    pub fn container(self, labels: &str, recipe: &str, runscript: &str, environment: &str) -> Self {
        self.file(".singularity.d/labels.json", 0o644, labels)
            .file(".singularity.d/Singularity", 0o644, recipe)
            .file(".singularity.d/runscript", 0o755, runscript)
            .file(
                ".singularity.d/env/01-base.sh",
                0o755,
                "#!/bin/sh\n# the base environment\n",
            )
            .file(".singularity.d/env/90-environment.sh", 0o755, environment)
            .link("environment", ".singularity.d/env/90-environment.sh")
            .link("singularity", ".singularity.d/runscript")
    }

    /// Writes the tree with blocks of 128 KiB, padded to 4 KiB.
    ///
    /// # Panics
    /// When a path is used twice, or the compressor is not compiled in.
    #[must_use]
    pub fn build(&self, compressor: Compressor) -> Vec<u8> {
        let mut writer = FilesystemWriter::default();
        writer.set_time(self.time);
        writer.set_block_size(128 * 1024);
        // LZ4 alone cannot be written without options.
        let options = (compressor == Compressor::Lz4).then_some(CompressionOptions::Lz4(Lz4 {
            version: 1,
            flags: 0,
        }));
        let compressor = FilesystemCompressor::new(compressor, options).expect("compiled in");
        writer.set_compressor(compressor);
        writer.set_root_mode(0o755);
        let header = |mode| NodeHeader::new(mode, 0, 0, self.time);
        for (path, node) in &self.nodes {
            if let Some((folder, _)) = path.rsplit_once('/') {
                writer
                    .push_dir_all(folder, header(0o755))
                    .expect("a folder of the tree");
            }
            match node {
                Node::File(mode, content) => {
                    writer.push_file(content.as_slice(), path, header(*mode))
                }
                Node::Link(target) => writer.push_symlink(target, path, header(0o777)),
            }
            .expect("a path that is used once");
        }
        let mut image = Cursor::new(Vec::new());
        writer.write(&mut image).expect("writing to memory");
        image.into_inner()
    }
}
