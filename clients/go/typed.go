// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// typed makes an [*Error] of the errors of calls, and leaves others as they are, such
// as the end of a stream.
func typed(err error) error {
	if e, ok := AsError(err); ok {
		return e
	}
	return err
}

// unary types the errors of calls, ends them with the client, and repeats those that
// the server carries out once however often they are sent.
func (l *lifetime) unary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	bound, stop := l.bind(ctx)
	defer stop()
	call := func(refusal error) error {
		return l.explain(ctx, typed(invoke(bound, method, request, reply, conn, options...)), refusal)
	}
	if !needsRequestID(method) || requestID(request) == "" {
		return call(nil)
	}
	return l.repeat(bound, call)
}

// stream types the errors of streams.
func (l *lifetime) stream(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, description, conn, method, options...)
	if err != nil {
		return nil, l.explain(ctx, typed(err), nil)
	}
	return typedStream{stream, ctx, l}, nil
}

// typedStream is a stream with typed errors.
type typedStream struct {
	grpc.ClientStream
	// The caller's: that of the stream ends with it, too.
	ctx      context.Context
	lifetime *lifetime
}

func (s typedStream) typed(err error) error { return s.lifetime.explain(s.ctx, typed(err), nil) }

func (s typedStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	return header, s.typed(err)
}

func (s typedStream) SendMsg(message any) error { return s.typed(s.ClientStream.SendMsg(message)) }

func (s typedStream) RecvMsg(message any) error { return s.typed(s.ClientStream.RecvMsg(message)) }

func (s typedStream) CloseSend() error { return s.typed(s.ClientStream.CloseSend()) }
