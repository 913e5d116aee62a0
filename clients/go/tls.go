// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// tlsSettings is what options set about TLS.
type tlsSettings struct {
	// ca reads the certificates to trust; nil for the roots of the system.
	ca func() ([]byte, error)
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
	config := &tls.Config{}
	if err := s.tls.trust(config); err != nil {
		return nil, err
	}
	if err := s.tls.identify(config); err != nil {
		return nil, err
	}
	return credentials.NewTLS(config), nil
}

// trust sets whom the client trusts.
func (s *tlsSettings) trust(config *tls.Config) error {
	if s.ca == nil {
		return nil
	}
	pem, err := s.ca()
	if err != nil {
		return fmt.Errorf("pronto: CA: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("pronto: CA: no certificate in PEM")
	}
	return nil
}

// identify sets what the client shows of itself.
func (s *tlsSettings) identify(config *tls.Config) error {
	if s.certificate == nil {
		return nil
	}
	// A mistake in the files is told now and not by the first call.
	if _, err := s.certificate(); err != nil {
		return fmt.Errorf("pronto: client certificate: %w", err)
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		certificate, err := s.certificate()
		return &certificate, err
	}
	return nil
}
