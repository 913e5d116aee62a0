// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// wantClosed wants the error of a client that is closed.
func wantClosed(t *testing.T, err error) {
	t.Helper()
	var e *pronto.Error
	if !errors.As(err, &e) || e.Code != codes.Canceled || e.Message != "the client is closed" {
		t.Errorf("error %v", err)
	}
}

// wantRefusal wants the server's refusal in that error.
func wantRefusal(t *testing.T, err error) {
	t.Helper()
	if reason := pronto.ReasonOf(errors.Unwrap(err)); reason != prontov1.ErrorReason_ERROR_REASON_DRAINING {
		t.Errorf("refusal %v", errors.Unwrap(err))
	}
}

// idle refuses so many calls, and wants a pause of minutes; others wait.
type idle struct {
	prontov1.UnimplementedContactServiceServer
	prontov1.UnimplementedLeadServiceServer
	prontov1.UnimplementedLocationServiceServer
	refusals int
	calls    counter
}

func (i *idle) answer(ctx context.Context) error {
	if i.calls.add() > i.refusals {
		<-ctx.Done()
		return ctx.Err()
	}
	_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "300000"))
	return failure(codes.Unavailable, "DRAINING", &errdetails.RetryInfo{RetryDelay: durationpb.New(5 * time.Minute)})
}

func (i *idle) EnrichContact(ctx context.Context, _ *prontov1.EnrichContactRequest) (*prontov1.EnrichContactResponse, error) {
	return nil, i.answer(ctx)
}

func (i *idle) SearchLocations(ctx context.Context, _ *prontov1.SearchLocationsRequest) (*prontov1.SearchLocationsResponse, error) {
	return nil, i.answer(ctx)
}

func (i *idle) SearchLeads(_ *prontov1.SearchLeadsRequest, stream watchStream) error {
	if err := stream.Send(lead(1)); err != nil {
		return err
	}
	return i.answer(stream.Context())
}

func (i *idle) register(s *grpc.Server) {
	prontov1.RegisterContactServiceServer(s, i)
	prontov1.RegisterLeadServiceServer(s, i)
	prontov1.RegisterLocationServiceServer(s, i)
}

func locate(ctx context.Context, client *pronto.Client) error {
	_, err := client.Locations.SearchLocations(ctx, &prontov1.SearchLocationsRequest{})
	return err
}

// readLeads reads a streaming RPC to its end.
func readLeads(ctx context.Context, client *pronto.Client) error {
	stream, err := client.Leads.SearchLeads(ctx, &prontov1.SearchLeadsRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	return err
}

// The deadline lets the client wait that long.
func enrichWithin(ctx context.Context, client *pronto.Client, requestID string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	return enrich(ctx, client, requestID)
}

func TestClosingEndsWhatIsUnderWay(t *testing.T) {
	calls := map[string]func(context.Context, *pronto.Client) error{
		"a call":             func(ctx context.Context, c *pronto.Client) error { return enrichWithin(ctx, c, "") },
		"with a request_id":  func(ctx context.Context, c *pronto.Client) error { return enrichWithin(ctx, c, "order-7") },
		"an idempotent call": locate,
		"a streaming RPC":    readLeads,
		"on gRPC's own stubs": func(ctx context.Context, c *pronto.Client) error {
			_, err := prontov1.NewContactServiceClient(c.Conn()).EnrichContact(ctx, &prontov1.EnrichContactRequest{})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := serve(t, (&idle{}).register)
				time.AfterFunc(10*time.Second, func() { _ = client.Close() })
				begin := time.Now()
				wantClosed(t, call(t.Context(), client))
				if took := time.Since(begin); took != 10*time.Second {
					t.Errorf("ended after %s", took)
				}
				wantClosed(t, call(t.Context(), client))
			})
		})
	}
}

func TestClosingEndsTheWaitForARepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, (&idle{refusals: 1}).register)
		time.AfterFunc(10*time.Second, func() { _ = client.Close() })
		begin := time.Now()
		err := enrichWithin(t.Context(), client, "order-7")
		wantClosed(t, err)
		wantRefusal(t, err)
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

func TestClosingEndsTheWaitForARepeatOfGRPCs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, (&idle{refusals: 1}).register)
		time.AfterFunc(10*time.Second, func() { _ = client.Close() })
		begin := time.Now()
		wantClosed(t, locate(t.Context(), client))
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

func TestClosingTellsTheRefusalBeforeARepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, (&idle{refusals: 1}).register)
		time.AfterFunc(10*time.Minute, func() { _ = client.Close() })
		err := enrichWithin(t.Context(), client, "order-7")
		wantClosed(t, err)
		wantRefusal(t, err)
	})
}

func TestACallersEndIsNotTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, (&idle{}).register)
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.Leads.SearchLeads(ctx, &prontov1.SearchLeadsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = client.Close()
		_, err = stream.Recv()
		for _, err := range []error{err, enrich(ctx, client, "")} {
			if e, ok := pronto.AsError(err); !ok || e.Code != codes.Canceled || e.Message == "the client is closed" {
				t.Errorf("error %v", err)
			}
		}
	})
}

func TestStreamEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{hang(1)}}
		client := jobs.serve(t)
		time.AfterFunc(10*time.Second, func() { _ = client.Close() })
		begin := time.Now()
		_, err := collect(t.Context(), client.Follow("job"))
		wantClosed(t, err)
		if time.Since(begin) != 10*time.Second {
			t.Errorf("ended after %s", time.Since(begin))
		}
	})
}

func TestStreamThatWaitsEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(5 * time.Minute)}
		jobs := &fakeJobs{scripts: []func(watchStream) error{send(failure(codes.Unavailable, "DRAINING", retry))}}
		client := jobs.serve(t)
		time.AfterFunc(10*time.Second, func() { _ = client.Close() })
		begin := time.Now()
		_, err := collect(t.Context(), client.Follow("job"))
		wantClosed(t, err)
		wantRefusal(t, err)
		if time.Since(begin) != 10*time.Second {
			t.Errorf("ended after %s", time.Since(begin))
		}
		_, err = collect(t.Context(), client.Follow("job"))
		wantClosed(t, err)
	})
}

func TestStreamForgetsARefusalThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{send(failure(codes.Unavailable, "DRAINING")), hang(1)}}
		client := jobs.serve(t)
		time.AfterFunc(time.Minute, func() { _ = client.Close() })
		_, err := collect(t.Context(), client.Follow("job", pronto.WithIdleTimeout(time.Hour)))
		wantClosed(t, err)
		if cause := errors.Unwrap(err); cause != nil {
			t.Errorf("cause %v", cause)
		}
	})
}
