// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// tlsSettings is what options set about TLS.
type tlsSettings struct {
	// ca reads the certificates to trust; nil for the roots of the system.
	ca func() (*x509.CertPool, error)
	// certificate reads the client's own; nil where it has none.
	certificate func() (tls.Certificate, error)
}

func (s *settings) transportCredentials(where target) (credentials.TransportCredentials, error) {
	if s.tls == nil {
		return insecure.NewCredentials(), nil
	}
	if where.socket {
		return nil, fmt.Errorf("pronto: an option of TLS (WithTLS, WithCA, WithCAFile, WithClientCertificate) is given for %s, but the server's Unix sockets never speak TLS", where.name)
	}
	// A mistake in the files is told now and not by the first call.
	config, err := s.tls.config()
	if err != nil {
		return nil, err
	}
	renewed := renewedTLS{credentials.NewTLS(config), s.tls, new(atomic.Pointer[tls.Config])}
	renewed.last.Store(config)
	return renewed, nil
}

// config is made of what the files hold now.
func (s *tlsSettings) config() (*tls.Config, error) {
	config := &tls.Config{}
	if err := s.trust(config); err != nil {
		return nil, err
	}
	if err := s.identify(config); err != nil {
		return nil, err
	}
	return config, nil
}

// trust sets whom the client trusts.
func (s *tlsSettings) trust(config *tls.Config) error {
	if s.ca == nil {
		return nil
	}
	roots, err := s.ca()
	if err != nil {
		return fmt.Errorf("pronto: CA: %w", err)
	}
	config.RootCAs = roots
	return nil
}

// authorities reads the certificates to trust; an error says where they should have been.
func authorities(pem []byte, where string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in PEM in %s", where)
	}
	return pool, nil
}

// identify sets what the client shows of itself.
func (s *tlsSettings) identify(config *tls.Config) error {
	if s.certificate == nil {
		return nil
	}
	certificate, err := s.certificate()
	if err != nil {
		return fmt.Errorf("pronto: client certificate %w", err)
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &certificate, nil
	}
	return nil
}

// renewedTLS reads the files for each connection, since they may be renewed. While they
// are of no use, as in the middle of that, it takes what they held last.
type renewedTLS struct {
	credentials.TransportCredentials
	settings *tlsSettings
	last     *atomic.Pointer[tls.Config]
}

// ClientHandshake encrypts a connection.
func (r renewedTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if config, err := r.settings.config(); err == nil {
		r.last.Store(config)
	}
	return credentials.NewTLS(r.last.Load()).ClientHandshake(ctx, authority, conn)
}

// Clone is the same: nothing of it changes but the last content of the files.
func (r renewedTLS) Clone() credentials.TransportCredentials { return r }
