// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"errors"
	"fmt"
)

// callCredentials is the metadata that tells who calls. gRPC adds it to each call.
type callCredentials struct {
	// token is nil where no token is sent.
	token func() string
	// apiKey is nil where no key is sent.
	apiKey *string
	// tls says that the metadata may travel over TLS only.
	tls bool
}

// callCredentials is nil where there are none.
func (s *settings) callCredentials(where target) (*callCredentials, error) {
	if s.token == nil && s.apiKey == nil {
		return nil, nil
	}
	if s.tls == nil && !where.local && !s.insecureCredentials {
		return nil, fmt.Errorf("pronto: a token or key would travel in the clear to %s: connect with TLS (WithTLS, WithCAFile), or allow it with WithInsecureCredentials where the network keeps others out", where.name)
	}
	credentials := &callCredentials{apiKey: s.apiKey, tls: s.tls != nil}
	if s.apiKey != nil && !isSecret(*s.apiKey) {
		return nil, errors.New("pronto: the API key is empty or holds characters other than visible ASCII")
	}
	if s.token != nil {
		token, err := s.token()
		if err != nil {
			return nil, err
		}
		credentials.token = token
	}
	return credentials, nil
}

// GetRequestMetadata implements gRPC's PerRPCCredentials.
func (c *callCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	metadata := map[string]string{}
	if c.token != nil {
		metadata["authorization"] = "Bearer " + c.token()
	}
	if c.apiKey != nil {
		metadata["x-api-key"] = *c.apiKey
	}
	return metadata, nil
}

// RequireTransportSecurity implements gRPC's PerRPCCredentials.
func (c *callCredentials) RequireTransportSecurity() bool { return c.tls }
