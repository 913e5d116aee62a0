// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// ownCredentials is the key of a call's own credentials in its context.
type ownCredentials struct{}

// rememberOwn lets the client's credentials know those that a call brings as an option
// (grpc.PerRPCCredentials). gRPC would send both.
func rememberOwn(ctx context.Context, options []grpc.CallOption) context.Context {
	for _, option := range options {
		if own, ok := option.(grpc.PerRPCCredsCallOption); ok {
			ctx = context.WithValue(ctx, ownCredentials{}, own.Creds)
		}
	}
	return ctx
}

// broughtBy are the names of what a call brings itself, as metadata or as credentials.
func broughtBy(ctx context.Context, uri []string) map[string]bool {
	names := map[string]bool{}
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	for name := range outgoing {
		names[name] = true
	}
	if own, ok := ctx.Value(ownCredentials{}).(credentials.PerRPCCredentials); ok {
		// What fails here fails again where gRPC asks, and is told there.
		sent, _ := own.GetRequestMetadata(ctx, uri...)
		for name := range sent {
			names[strings.ToLower(name)] = true
		}
	}
	return names
}
