// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/protobuf/types/known/durationpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// refusing refuses each call so often before it answers.
type refusing struct {
	prontov1.UnimplementedContactServiceServer
	prontov1.UnimplementedLocationServiceServer
	refusals int
	err      error
	pushback string // for gRPC's own retries, where it is not empty
	calls    counter
}

func (r *refusing) answer() error {
	if r.calls.add() <= r.refusals {
		return r.err
	}
	return nil
}

func (r *refusing) EnrichContact(context.Context, *prontov1.EnrichContactRequest) (*prontov1.EnrichContactResponse, error) {
	return &prontov1.EnrichContactResponse{}, r.answer()
}

func (r *refusing) SearchLocations(ctx context.Context, _ *prontov1.SearchLocationsRequest) (*prontov1.SearchLocationsResponse, error) {
	if r.pushback != "" {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", r.pushback))
	}
	return &prontov1.SearchLocationsResponse{}, r.answer()
}

func (r *refusing) serve(t *testing.T) *pronto.Client {
	return serve(t, func(s *grpc.Server) {
		prontov1.RegisterContactServiceServer(s, r)
		prontov1.RegisterLocationServiceServer(s, r)
	})
}

func enrich(ctx context.Context, client *pronto.Client, requestID string) error {
	_, err := client.Contacts.EnrichContact(ctx, &prontov1.EnrichContactRequest{RequestId: requestID})
	return err
}

func TestCallsWithARequestIDAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &refusing{refusals: 4, err: failure(codes.Unavailable, "")}
		begin := time.Now()
		if err := enrich(t.Context(), server.serve(t), "order-7"); err != nil {
			t.Fatal(err)
		}
		// 0.5, 1, 2 and 4 s, give or take a fifth.
		if took := time.Since(begin); took < 6*time.Second || took > 9*time.Second {
			t.Errorf("took %s", took)
		}
		if n := server.calls.value(); n != 5 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestCallsAreRepeatedFourTimesAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &refusing{refusals: 100, err: failure(codes.Unavailable, "STARTING")}
		err := enrich(t.Context(), server.serve(t), "order-7")
		if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_STARTING {
			t.Errorf("error %v", err)
		}
		if n := server.calls.value(); n != 5 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestCallsThatMayBeChargedAgainAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &refusing{refusals: 1, err: failure(codes.Unavailable, "DRAINING")}
		err := enrich(t.Context(), server.serve(t), "")
		if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_DRAINING || server.calls.value() != 1 {
			t.Errorf("error %v after %d calls", err, server.calls.value())
		}
	})
}

func TestOnlyUnavailableIsRepeated(t *testing.T) {
	for _, code := range []codes.Code{codes.Unknown, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted} {
		synctest.Test(t, func(t *testing.T) {
			server := &refusing{refusals: 1, err: failure(code, "")}
			client := server.serve(t)
			_, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{})
			if err == nil || server.calls.value() != 1 {
				t.Errorf("error %v after %d calls", err, server.calls.value())
			}
			server.refusals++
			if err := enrich(t.Context(), client, "order-7"); err == nil || server.calls.value() != 2 {
				t.Errorf("error %v after %d calls", err, server.calls.value())
			}
		})
	}
}

func TestIdempotentCallsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &refusing{refusals: 4, err: failure(codes.Unavailable, "STARTING")}
		client := server.serve(t)
		if _, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}); err != nil {
			t.Fatal(err)
		}
		server.refusals = 100
		_, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{})
		e, _ := pronto.AsError(err)
		if e == nil || e.Message != "no STARTING" || server.calls.value() != 10 {
			t.Errorf("error %v after %d calls", err, server.calls.value())
		}
	})
}

// The server sends -1 where a pause would outlast the call.
func TestGRPCWaitsAsTheServerTells(t *testing.T) {
	for pushback, want := range map[string]struct {
		calls int
		took  time.Duration
	}{"-1": {calls: 1}, "7000": {calls: 2, took: 7 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			server := &refusing{refusals: 1, err: failure(codes.Unavailable, "STARTING"), pushback: pushback}
			client := server.serve(t)
			begin := time.Now()
			_, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{})
			if (err == nil) != (want.calls == 2) || server.calls.value() != want.calls || time.Since(begin) != want.took {
				t.Errorf("%s: error %v after %d calls and %s", pushback, err, server.calls.value(), time.Since(begin))
			}
		})
	}
}

func TestDNSDoesNotDecideWhatIsRepeated(t *testing.T) {
	dns := manual.NewBuilderWithScheme("dns")
	dns.BuildCallback = func(_ resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) {
		config := conn.ParseServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.01s",
			"maxBackoff": "0.01s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`)
		dns.InitialState(resolver.State{
			Addresses:     []resolver.Address{{Addr: loopback}},
			ServiceConfig: config,
		})
	}
	server := &refusing{refusals: 1, err: failure(codes.Unavailable, "DRAINING")}
	client := serve(t, func(s *grpc.Server) { prontov1.RegisterContactServiceServer(s, server) },
		pronto.WithDialOptions(grpc.WithResolvers(dns)))
	if err := enrich(t.Context(), client, ""); err == nil || server.calls.value() != 1 {
		t.Errorf("error %v after %d calls", err, server.calls.value())
	}
}

func TestRepeatsWaitAsLongAsTheServerWants(t *testing.T) {
	tests := map[string]struct {
		pause, deadline time.Duration
		refused         bool
	}{
		"in the deadline":       {pause: time.Minute, deadline: 61 * time.Second},
		"beyond the deadline":   {pause: time.Minute, deadline: 59 * time.Second, refused: true},
		"without deadline":      {pause: pronto.MaxPauseWithoutDeadline},
		"too long without one":  {pause: pronto.MaxPauseWithoutDeadline + 1, refused: true},
		"as long as times last": {pause: math.MaxInt64, refused: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(test.pause)}
				server := &refusing{refusals: 1, err: failure(codes.Unavailable, "STARTING", retry)}
				client := server.serve(t)
				ctx, cancel := t.Context(), func() {}
				if test.deadline != 0 {
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
				}
				defer cancel()
				begin := time.Now()
				err := enrich(ctx, client, "order-7")
				took := time.Since(begin)
				if test.refused && (pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_STARTING || took != 0) {
					t.Errorf("error %v after %s", err, took)
				}
				if !test.refused && (err != nil || took != test.pause) {
					t.Errorf("error %v after %s", err, took)
				}
			})
		})
	}
}

func TestCancellingEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(pronto.MaxPauseWithoutDeadline)}
		server := &refusing{refusals: 1, err: failure(codes.Unavailable, "STARTING", retry)}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		begin := time.Now()
		if err := enrich(ctx, server.serve(t), "order-7"); err == nil || time.Since(begin) != 10*time.Second {
			t.Errorf("error %v after %s", err, time.Since(begin))
		}
	})
}
