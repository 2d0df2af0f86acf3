//go:build tools

// Package tools pins the program that lints workflows.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
