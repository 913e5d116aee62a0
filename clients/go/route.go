// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// A route is what the stubs call on: calls go over one connection, streams over those
// of the pool. On one connection, streams that stay open would make calls wait without
// a word.
type route struct {
	calls   *grpc.ClientConn
	streams *pool
}

// Invoke implements gRPC's ClientConnInterface.
func (r route) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	return r.calls.Invoke(ctx, method, request, reply, options...)
}

// NewStream implements gRPC's ClientConnInterface. The line is given back with the end
// of the stream.
func (r route) NewStream(ctx context.Context, description *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	line, err := r.streams.take()
	if err != nil {
		return nil, err
	}
	// An interceptor of the caller's may fail before gRPC knows of the stream, or have it
	// made twice.
	release := sync.OnceFunc(func() { r.streams.release(line) })
	options = append(options[:len(options):len(options)], grpc.OnFinish(func(error) { release() }))
	stream, err := line.conn.NewStream(ctx, description, method, options...)
	if err != nil {
		release()
	}
	return stream, err
}
