// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

func newTestPool(t *testing.T) *pool {
	l := newLifetime()
	t.Cleanup(l.close)
	p := newPool(l, func() (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()))
	})
	t.Cleanup(func() { _ = p.shut() })
	return p
}

func take(t *testing.T, p *pool) *line {
	t.Helper()
	l, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantClosed(t *testing.T, l *line, want bool) {
	t.Helper()
	if got := l.conn.GetState() == connectivity.Shutdown; got != want {
		t.Errorf("closed: %t, want %t", got, want)
	}
}

func TestSilentLinesAreClosedWithTheirLastStream(t *testing.T) {
	p := newTestPool(t)
	first, second := take(t, p), take(t, p)
	if first != second {
		t.Fatal("two streams do not share a line")
	}
	p.leave(first)
	p.release(first)
	wantClosed(t, second, false)
	third := take(t, p)
	if third == second {
		t.Error("a silent line was taken")
	}
	p.release(second)
	p.closing.Wait()
	wantClosed(t, second, true)
	wantClosed(t, third, false)
}

func TestOneLineStays(t *testing.T) {
	p := newTestPool(t)
	var lines []*line
	for range 2 * streamsPerLine {
		lines = append(lines, take(t, p))
	}
	first, last := lines[0], lines[len(lines)-1]
	for _, l := range lines {
		p.release(l)
	}
	p.closing.Wait()
	wantClosed(t, first, true)
	wantClosed(t, last, false)
	if take(t, p) != last {
		t.Error("the line that stayed was not taken")
	}
}

// An interceptor of the caller's, and not gRPC, ends such a stream.
func TestAStreamThatDoesNotBeginGivesItsPlaceBack(t *testing.T) {
	p := newTestPool(t)
	refusal := errors.New("not today")
	p.dial = func() (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithStreamInterceptor(func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
				return nil, refusal
			}))
	}
	if _, err := (route{streams: p}).NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/pronto.v1.LeadService/SearchLeads"); err != refusal {
		t.Errorf("error %v", err)
	}
	if n := p.lines[0].streams; n != 0 {
		t.Errorf("%d streams", n)
	}
}
