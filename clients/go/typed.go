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

func typeUnaryErrors(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return typed(invoke(ctx, method, request, reply, conn, options...))
}

func typeStreamErrors(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, description, conn, method, options...)
	if err != nil {
		return nil, typed(err)
	}
	return typedStream{stream}, nil
}

// typedStream is a stream with typed errors.
type typedStream struct{ grpc.ClientStream }

func (s typedStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	return header, typed(err)
}

func (s typedStream) SendMsg(message any) error { return typed(s.ClientStream.SendMsg(message)) }

func (s typedStream) RecvMsg(message any) error { return typed(s.ClientStream.RecvMsg(message)) }

func (s typedStream) CloseSend() error { return typed(s.ClientStream.CloseSend()) }
