//go:build tools

// Package tools pins the OCI client that sreg is measured beside.
package tools

import _ "oras.land/oras/cmd/oras"
