//go:build tools

// Package tools pins the program that lints prose.
package tools

import _ "github.com/vale-cli/vale/v3/cmd/vale"
