// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func TestFollowRefusesMistakes(t *testing.T) {
	forwarded := &prontov1.StartResponse{Acceptance: &prontov1.Acceptance{}}
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{complete(1)}}
		client := jobs.serve(t)
		for _, mistake := range []struct {
			stream *pronto.Stream
			want   error
		}{
			{client.Follow(forwarded.GetJob().GetId()), pronto.ErrNoJob},
			{client.Follow("job", pronto.After(-1)), pronto.ErrNegativeSequence},
			{client.Follow("job", pronto.WithPatience(0)), pronto.ErrNoPatience},
			{client.Follow("job", pronto.WithPatience(-time.Second)), pronto.ErrNoPatience},
			{client.Follow("job", pronto.WithIdleTimeout(0)), pronto.ErrNoIdleTimeout},
			{client.Follow("job", pronto.WithIdleTimeout(-time.Second)), pronto.ErrNoIdleTimeout},
		} {
			if _, err := collect(t.Context(), mistake.stream); !errors.Is(err, mistake.want) {
				t.Errorf("error %v, want %v", err, mistake.want)
			}
		}
		wantSequences(t, jobs.watched())
	})
}

func TestFollowTakesLimitsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{complete(1)}}
		stream := jobs.serve(t).Follow("job", pronto.WithPatience(math.MaxInt64), pronto.WithIdleTimeout(math.MaxInt64))
		if _, err := collect(t.Context(), stream); err != nil {
			t.Error(err)
		}
	})
}
