// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A lifetime ends when the client is closed, and with it what is under way, waits
// between attempts included.
type lifetime struct {
	open  context.Context
	close context.CancelFunc
}

func newLifetime() *lifetime {
	l := &lifetime{}
	l.open, l.close = context.WithCancel(context.Background())
	return l
}

func (l *lifetime) over() bool { return l.open.Err() != nil }

// bind ends a context with the client, too. gRPC alone would let a call sleep on until
// its next attempt.
func (l *lifetime) bind(ctx context.Context) (context.Context, func()) {
	bound, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.open, cancel)
	return bound, func() {
		stop()
		cancel()
	}
}

// bindStream ends a stream with the client, too: at once, and not when gRPC is done with
// closing its connection. It comes behind the interceptors of the caller's, one of which
// may have a stream made twice: each is bound for itself.
func (l *lifetime) bindStream(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	bound, stop := l.bind(ctx)
	options = append(slices.Clip(options), grpc.OnFinish(func(error) { stop() }))
	stream, err := open(bound, description, conn, method, options...)
	if err != nil {
		stop()
	}
	return stream, err
}

// explain says that the client is closed where a call broke because of that, and not
// because its caller's context ended. The server's word stays as it is.
func (l *lifetime) explain(ctx context.Context, err, refusal error) error {
	if l.over() && ctx.Err() == nil && isSevered(err) {
		return errClosed(refusal)
	}
	return err
}

// isSevered tells whether an error is how gRPC reports a call that was cut off on this
// side.
func isSevered(err error) bool {
	e, ok := AsError(err)
	return ok && e.ReasonText == "" && (e.Code == codes.Canceled || e.Code == codes.Unavailable)
}

// errClosed has the code that gRPC has for it, and as its cause the server's last
// refusal, or nil where it refused nothing.
func errClosed(refusal error) error {
	s := status.New(codes.Canceled, "the client is closed")
	return newError(refusal, s)
}
