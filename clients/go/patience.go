// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses between the attempts of a stream.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// patience decides how long a stream goes on trying. Time in which a stream is open and
// quiet is no trying.
type patience struct {
	limit time.Duration
	// Attempts in a row that brought no message.
	failures int
	// Since when it is tried; zero while messages come.
	since time.Time
	// When the current stream opened; zero while none is open.
	open time.Time
}

// begin is called before the first attempt.
func (p *patience) begin() {
	*p = patience{limit: p.limit, since: time.Now()}
}

// opened is called when the server has taken the call.
func (p *patience) opened() { p.open = time.Now() }

// message is called for each message.
func (p *patience) message() { p.failures, p.since = 0, time.Time{} }

// broken is called when a stream ends: it was healthy until then.
func (p *patience) broken() {
	if !p.since.IsZero() && !p.open.IsZero() {
		p.since = p.since.Add(time.Since(p.open))
	}
	p.open = time.Time{}
}

// silence is called instead when a stream was quiet for too long.
func (p *patience) silence() { p.open = time.Time{} }

// wait waits before another attempt. It returns err when patience ends first, and the
// context's error when that does.
func (p *patience) wait(ctx context.Context, err error) error {
	if p.since.IsZero() {
		p.since = time.Now()
	}
	pause := p.pause(err)
	if time.Since(p.since)+pause >= p.limit {
		return err
	}
	p.failures++
	return sleep(ctx, pause)
}

// pause is random, so that the clients of a server that restarts do not come at once,
// and not shorter than the server wants it.
func (p *patience) pause(err error) time.Duration {
	most := longestPause
	if p.failures < 7 { // 0.1 s doubled seven times is above the longest pause.
		most = shortestPause << p.failures
	}
	pause := rand.N(most + 1)
	if refusal, ok := AsError(err); ok {
		pause = max(pause, refusal.RetryDelay)
	}
	return pause
}
