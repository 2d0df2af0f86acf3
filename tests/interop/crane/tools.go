//go:build tools

// Package tools pins an OCI client that the interop tests pull with.
package tools

import _ "github.com/google/go-containerregistry/cmd/crane"
