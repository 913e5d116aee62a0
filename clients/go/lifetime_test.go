// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestTheServersWordOutlivesTheClient(t *testing.T) {
	refused, err := status.New(codes.Unavailable, "draining").WithDetails(&errdetails.ErrorInfo{Domain: errorDomain, Reason: "DRAINING"})
	if err != nil {
		t.Fatal(err)
	}
	l := newLifetime()
	l.close()
	for _, word := range []error{nil, refused.Err(), status.Error(codes.NotFound, "no job"), context.Canceled} {
		if got := l.explain(t.Context(), word, nil); got != word {
			t.Errorf("%v became %v", word, got)
		}
	}
}

func TestALossOutlivesTheClient(t *testing.T) {
	s := &Stream{pool: newTestPool(t)}
	s.pool.lifetime.close()
	for _, loss := range []error{&GapError{}, typed(status.Error(codes.NotFound, "no job"))} {
		if got := s.end(t.Context(), loss); got != loss {
			t.Errorf("%v became %v", loss, got)
		}
	}
}
