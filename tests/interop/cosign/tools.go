//go:build tools

// Package tools pins what the interop tests sign and verify images with.
package tools

import _ "github.com/sigstore/cosign/v3/cmd/cosign"
