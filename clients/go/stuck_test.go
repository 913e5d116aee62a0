// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// closingTakes is how long gRPC closes a connection whose writes block.
const closingTakes = 5 * time.Second

// A swamp has connections whose writes block from a time on, as where a peer is gone and
// the kernel's buffer is full.
type swamp struct{ stuck atomic.Bool }

func (s *swamp) connect(t *testing.T, register func(*grpc.Server)) *pronto.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client, err := pronto.Connect(loopback, pronto.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := listener.DialContext(ctx)
		return &mired{Conn: conn, swamp: s, gone: make(chan struct{})}, err
	})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// mired is one of these connections.
type mired struct {
	net.Conn
	swamp *swamp
	gone  chan struct{}
	once  sync.Once
}

func (m *mired) Write(b []byte) (int, error) {
	if m.swamp.stuck.Load() {
		<-m.gone
		return 0, io.ErrClosedPipe
	}
	return m.Conn.Write(b)
}

func (m *mired) Close() error {
	m.once.Do(func() { close(m.gone) })
	return m.Conn.Close()
}

// leads opens so many streams of leads, each of which has brought one and waits.
func leads(ctx context.Context, t *testing.T, client *pronto.Client, n int) []grpc.ServerStreamingClient[prontov1.JobEvent] {
	t.Helper()
	var streams []grpc.ServerStreamingClient[prontov1.JobEvent]
	for range n {
		stream, err := client.Leads.SearchLeads(ctx, &prontov1.SearchLeadsRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream)
	}
	return streams
}

func TestClosingClosesAllConnectionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var swamp swamp
		client := swamp.connect(t, (&idle{}).register)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if locate(ctx, client) == nil { // Opens the connection of calls.
			t.Fatal("no end")
		}
		leads(t.Context(), t, client, 201)
		swamp.stuck.Store(true)
		begin := time.Now()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != closingTakes {
			t.Errorf("took %s", took)
		}
	})
}

func TestClosingEndsStreamingRPCsBeforeTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var swamp swamp
		client := swamp.connect(t, (&idle{}).register)
		stream := leads(t.Context(), t, client, 1)[0]
		swamp.stuck.Store(true)
		begin := time.Now()
		closed := make(chan error)
		go func() { closed <- client.Close() }()
		_, err := stream.Recv()
		wantClosed(t, err)
		if took := time.Since(begin); took != 0 {
			t.Errorf("ended after %s", took)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// Who begins a stream does not wait until the connection of another one is closed. If it
// did, this would hang: the time of a bubble stands while somebody waits for a mutex.
func TestClosingAConnectionHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var swamp swamp
		client := swamp.connect(t, (&idle{}).register)
		leads(t.Context(), t, client, 100)
		left, leave := context.WithCancel(t.Context())
		leads(left, t, client, 1)
		swamp.stuck.Store(true)
		leave()
		// The second connection has no streams any more, and is being closed.
		synctest.Wait()
		swamp.stuck.Store(false)
		begin := time.Now()
		leads(t.Context(), t, client, 1)
		if took := time.Since(begin); took != 0 {
			t.Errorf("began after %s", took)
		}
	})
}

// An interceptor of the caller's may make a stream again when it broke.
func TestAStreamThatIsMadeTwiceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := func(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			first, err := open(ctx, description, conn, method, options...)
			if err != nil {
				return nil, err
			}
			if err := first.SendMsg(&prontov1.SearchLeadsRequest{}); err != nil {
				return nil, err
			}
			for err == nil {
				err = first.RecvMsg(&prontov1.JobEvent{})
			}
			return open(ctx, description, conn, method, options...)
		}
		client := serve(t, (&idle{refusals: 1}).register, pronto.WithDialOptions(grpc.WithChainStreamInterceptor(again)))
		stream := leads(t.Context(), t, client, 1)[0]
		time.AfterFunc(time.Minute, func() { _ = client.Close() })
		_, err := stream.Recv()
		wantClosed(t, err)
	})
}
