//go:build tools

// Package tools pins the reference implementation of SIF that the tests are run against.
package tools

import _ "github.com/apptainer/sif/v2/cmd/siftool"
