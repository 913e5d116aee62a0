// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// besides are the credentials of a call that brings its own as an option
// (grpc.PerRPCCredentials), and what they leave of the client's: gRPC alone would send
// both. The call's are asked once for each attempt, because they may make a token for each
// question.
type besides struct {
	credentials.PerRPCCredentials
	client *callCredentials
}

// GetRequestMetadata implements gRPC's PerRPCCredentials. Where the call's own fail,
// nothing is sent.
func (b besides) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	own, err := b.PerRPCCredentials.GetRequestMetadata(ctx, uri...)
	if err != nil {
		return nil, err
	}
	names := broughtAsMetadata(ctx)
	for name := range own {
		names[strings.ToLower(name)] = true
	}
	// The map is the call's, and may be shared by many.
	sent := b.client.without(names)
	maps.Copy(sent, own)
	return sent, nil
}

// sentBesides is the key of a context whose value says that the client's credentials
// are sent besides those of the call.
type sentBesides struct{}

// join puts a call's own credentials and the client's together.
func (c *callCredentials) join(ctx context.Context, options []grpc.CallOption) (context.Context, []grpc.CallOption) {
	var own credentials.PerRPCCredentials
	for _, option := range options {
		if o, ok := option.(grpc.PerRPCCredsCallOption); ok {
			own = o.Creds
		}
	}
	// Said also where there are none: the context may come from within another call.
	ctx = context.WithValue(ctx, sentBesides{}, own != nil)
	if own == nil {
		return ctx, options
	}
	return ctx, append(slices.Clip(options), grpc.PerRPCCredentials(besides{own, c}))
}

// unary joins the credentials of calls.
func (c *callCredentials) unary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, options = c.join(ctx, options)
	return invoke(ctx, method, request, reply, conn, options...)
}

// stream joins the credentials of streams.
func (c *callCredentials) stream(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, options = c.join(ctx, options)
	return open(ctx, description, conn, method, options...)
}

// broughtAsMetadata are the names of the metadata that a call brings.
func broughtAsMetadata(ctx context.Context) map[string]bool {
	names := map[string]bool{}
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	for name := range outgoing {
		names[name] = true
	}
	return names
}
