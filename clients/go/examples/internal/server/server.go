// SPDX-License-Identifier: Apache-2.0

// Package server connects the examples.
package server

import (
	"os"

	pronto "pronto-grpc/clients/go"
)

// Connect connects to PRONTO_ADDRESS, or to a server with default options, and
// shows the token in PRONTO_TOKEN_FILE, if that is set.
func Connect() (*pronto.Client, error) {
	var options []pronto.Option
	if path := os.Getenv("PRONTO_TOKEN_FILE"); path != "" {
		options = append(options, pronto.WithTokenFile(path))
	}
	// An empty address is localhost:50051.
	return pronto.Connect(os.Getenv("PRONTO_ADDRESS"), options...)
}
