// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	pronto "pronto-grpc/clients/go"
)

// connect connects to the plaintext server.
func connect(options ...pronto.Option) (*pronto.Client, error) {
	return pronto.Connect(os.Getenv("PRONTO_ADDRESS"), options...)
}

// connectTLS connects to the server that wants TLS and a token.
func connectTLS(options ...pronto.Option) (*pronto.Client, error) {
	return pronto.Connect(os.Getenv("PRONTO_TLS_ADDRESS"), options...)
}

// connectUnix connects to the server's Unix socket.
func connectUnix() (*pronto.Client, error) {
	return pronto.Connect("unix:" + os.Getenv("PRONTO_UNIX_SOCKET"))
}

// trusted trusts the certificate of the server that wants TLS.
func trusted() pronto.Option { return pronto.WithCAFile(os.Getenv("PRONTO_CA_FILE")) }

// token is that of a client that this server knows.
func token() string { return os.Getenv("PRONTO_TOKEN") }
