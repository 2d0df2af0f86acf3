//go:build tools

// Package tools pins an OCI client that the interop tests pull with, and that sreg is measured beside.
package tools

import _ "oras.land/oras/cmd/oras"
