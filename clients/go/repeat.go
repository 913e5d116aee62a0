// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// repeatWithRequestID repeats calls that the server carries out once however often they
// are sent. gRPC's own retries cannot: they know methods, not requests.
func repeatWithRequestID(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if !needsRequestID(method) || requestID(request) == "" {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	for attempt := 1; ; attempt++ {
		err := invoke(ctx, method, request, reply, conn, options...)
		refusal, ok := AsError(err)
		if !ok || refusal.Code != codes.Unavailable || attempt == maxAttempts {
			return err
		}
		delay := max(pauseAfter(attempt), refusal.RetryDelay)
		// The refusal says more than a deadline that passed while waiting.
		if !fits(ctx, delay) || sleep(ctx, delay) != nil {
			return err
		}
	}
}

// needsRequestID is false for methods that gRPC repeats by itself.
func needsRequestID(method string) bool {
	_, idempotent := idempotentMethods()[method]
	return !idempotent
}

// requestID is the request_id of a message, or empty where it has none.
func requestID(message any) string {
	m, ok := message.(proto.Message)
	if !ok {
		return ""
	}
	reflection := m.ProtoReflect()
	field := reflection.Descriptor().Fields().ByName("request_id")
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return ""
	}
	return reflection.Get(field).String()
}

// pauseAfter is the pause after an attempt, with the jitter that gRPC
// gives its own retries.
func pauseAfter(attempt int) time.Duration {
	pause := float64(initialBackoff) * math.Pow(backoffMultiplier, float64(attempt-1))
	return time.Duration(min(pause, float64(maxBackoff)) * (0.8 + 0.4*rand.Float64()))
}

// fits tells whether a pause ends before the context does.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// sleep returns the context's error when that ends first.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
