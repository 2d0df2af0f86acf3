//go:build tools

// Package tools pins an OCI client that the interop tests read with, referrers too.
package tools

import _ "github.com/regclient/regclient/cmd/regctl"
