// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxPauseWithoutDeadline is the longest pause that the client makes before it repeats
// a call without deadline. Where the server asks for a longer one, the call returns its
// refusal at once; so does a call with a deadline that the pause would outlast.
const MaxPauseWithoutDeadline = 30 * time.Second

// repeat repeats a call that the server carries out once however often it is sent.
// gRPC's own retries cannot: they know methods, not requests. Each call is told the
// refusal before it.
func (l *lifetime) repeat(ctx context.Context, call func(refusal error) error) error {
	var refusal error
	for attempt := 1; ; attempt++ {
		err := call(refusal)
		e, ok := AsError(err)
		if !ok || e.Code != codes.Unavailable || attempt == maxAttempts {
			return err
		}
		refusal = err
		delay := max(pauseAfter(attempt), e.RetryDelay)
		// The refusal says more than a deadline that passed while waiting.
		if !fits(ctx, delay) {
			return refusal
		}
		if sleep(ctx, delay) != nil {
			return l.waited(refusal)
		}
	}
}

// waited is the error of a call whose context ended while it waited.
func (l *lifetime) waited(refusal error) error {
	if l.over() {
		return errClosed(refusal)
	}
	return refusal
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

// fits tells whether a pause may be made: it ends before the context does.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return pause <= MaxPauseWithoutDeadline
	}
	return time.Until(deadline) > pause
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
