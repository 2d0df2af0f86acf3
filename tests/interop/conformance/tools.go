//go:build tools

// Package tools pins the program of the OCI distribution specification that asks a registry what it conforms to.
package tools

import _ "github.com/opencontainers/distribution-spec/conformance"
