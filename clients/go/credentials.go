// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"errors"
	"fmt"
)

// The metadata that tells who calls.
const (
	tokenHeader  = "authorization"
	apiKeyHeader = "x-api-key"
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
	source, err := s.tokenSource()
	if err != nil {
		return nil, err
	}
	if source == nil && s.apiKey == nil {
		return nil, nil
	}
	if s.tls == nil && !where.local && !s.insecureCredentials {
		return nil, fmt.Errorf("pronto: a token or key would travel in the clear to %s: connect with TLS (WithTLS, WithCAFile), or allow it with WithInsecureCredentials where the network keeps others out", where.name)
	}
	credentials := &callCredentials{apiKey: s.apiKey, tls: s.tls != nil}
	if s.apiKey != nil && !isSecret(*s.apiKey) {
		return nil, errors.New("pronto: the API key is empty or holds characters other than visible ASCII")
	}
	if source != nil {
		token, err := source()
		if err != nil {
			return nil, err
		}
		credentials.token = token
	}
	return credentials, nil
}

// tokenSource is nil where no token is sent.
func (s *settings) tokenSource() (tokenSource, error) {
	switch {
	case s.token == nil:
		return s.tokenFile, nil
	case s.tokenFile == nil:
		return s.token, nil
	}
	return nil, errors.New("pronto: WithToken and WithTokenFile cannot both be given: only one token is sent")
}

// GetRequestMetadata implements gRPC's PerRPCCredentials. What the call itself brings
// stands in for the client's: the server takes one of each.
func (c *callCredentials) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if besides, _ := ctx.Value(sentBesides{}).(bool); besides {
		return nil, nil
	}
	return c.without(broughtAsMetadata(ctx)), nil
}

// without is what is sent where the call brings metadata with these names.
func (c *callCredentials) without(own map[string]bool) map[string]string {
	sent := map[string]string{}
	if c.token != nil && !own[tokenHeader] {
		sent[tokenHeader] = "Bearer " + c.token()
	}
	if c.apiKey != nil && !own[apiKeyHeader] {
		sent[apiKeyHeader] = *c.apiKey
	}
	return sent
}

// RequireTransportSecurity implements gRPC's PerRPCCredentials.
func (c *callCredentials) RequireTransportSecurity() bool { return c.tls }
