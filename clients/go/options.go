// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"google.golang.org/grpc"
)

// An Option changes how [Connect] connects. Of two that set the same, the last one
// counts.
type Option func(*settings)

// settings is what options set.
type settings struct {
	// tls is nil for plaintext.
	tls *tlsSettings
	// token and tokenFile exclude each other.
	token, tokenFile    tokenSource
	apiKey              *string
	insecureCredentials bool
	compressor          string
	extra               []grpc.DialOption
}

// secure is the settings of TLS, which it switches on.
func (s *settings) secure() *tlsSettings {
	if s.tls == nil {
		s.tls = &tlsSettings{}
	}
	return s.tls
}

// WithTLS connects with TLS and trusts the roots of the system.
func WithTLS() Option {
	return func(s *settings) { s.secure() }
}

// WithCAFile connects with TLS and trusts the certificates of a PEM file instead of
// the roots of the system. It is read for each connection, so it may be renewed.
func WithCAFile(path string) Option {
	return func(s *settings) {
		s.secure().ca = func() (*x509.CertPool, error) {
			pem, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return authorities(pem, path)
		}
	}
}

// WithCA connects with TLS and trusts these certificates, in PEM, instead of the roots
// of the system.
func WithCA(pem []byte) Option {
	return func(s *settings) {
		s.secure().ca = func() (*x509.CertPool, error) { return authorities(pem, "what was given") }
	}
}

// WithClientCertificate connects with TLS and shows the server a certificate. The two
// PEM files are read for each connection, so they may be renewed.
func WithClientCertificate(certificateFile, keyFile string) Option {
	return func(s *settings) {
		s.secure().certificate = func() (tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
			if err != nil {
				return pair, fmt.Errorf("%s with the key in %s: %w", certificateFile, keyFile, err)
			}
			return pair, nil
		}
	}
}

// WithToken tells the server who calls: the token of a client in its access file.
//
// A call that brings `authorization` itself sends that instead, and one that brings
// `x-api-key` sends that instead of the key of [WithAPIKey]: as metadata or with gRPC's
// PerRPCCredentials.
//
//	ctx = metadata.AppendToOutgoingContext(ctx, "x-api-key", key)
func WithToken(token string) Option {
	return func(s *settings) { s.token = fixedToken(token) }
}

// WithTokenFile is [WithToken] with the content of a file. It is read again when it
// changes; while it holds no token, the last one is used. It excludes [WithToken].
func WithTokenFile(path string) Option {
	return func(s *settings) { s.tokenFile = fileToken(path) }
}

// WithAPIKey sends an API key of Pronto with each call, for servers that let their
// clients bring one.
func WithAPIKey(key string) Option {
	return func(s *settings) { s.apiKey = &key }
}

// WithInsecureCredentials allows a token or a key without TLS to another machine. It
// is right only where the network keeps others out.
func WithInsecureCredentials() Option {
	return func(s *settings) { s.insecureCredentials = true }
}

// WithCompressor compresses requests, and takes compressed answers. The compressor is
// one that is registered with gRPC, as gzip is by importing its package:
//
//	import "google.golang.org/grpc/encoding/gzip"
//
//	pronto.Connect(target, pronto.WithCompressor(gzip.Name))
//
// A server refuses a compression that it does not have (its option `compression`) with
// UNIMPLEMENTED.
func WithCompressor(name string) Option {
	return func(s *settings) { s.compressor = name }
}

// WithDialOptions adds options of gRPC behind those of this package, such as a handler
// for traces. Its transport credentials, if it has any, take the place of those that
// [Connect] has checked.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.extra = append(s.extra, options...) }
}
