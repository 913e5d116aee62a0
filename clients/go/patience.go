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

// steadyAfter is how long a stream that brought anything has to be open before its
// break is taken for the end of a healthy one. A server that says something, and breaks,
// each time is not healthy.
const steadyAfter = 10 * time.Second

// patience decides how long a stream goes on trying. Time in which an attempt is open,
// which it is from its headers on, is no trying.
type patience struct {
	limit time.Duration
	// Attempts in a row after which there was nothing new.
	failures int
	// How long it was tried, up to the current stretch.
	tried time.Duration
	// When the current stretch began: an attempt or a pause.
	since time.Time
	// Whether the stretch is an open attempt, and whether that brought a message.
	open, spoke bool
	// When its last message came, and since when the next one is waited for: the caller
	// takes its time in between.
	heard, listening time.Time
}

// begin is called before the first attempt.
func (p *patience) begin() { *p = patience{limit: p.limit, since: time.Now()} }

// opened is called when the server has taken the call.
func (p *patience) opened() {
	p.tried += time.Since(p.since)
	now := time.Now()
	p.since, p.listening, p.open, p.spoke = now, now, true, false
}

// message is called for each message.
func (p *patience) message() { p.spoke, p.heard = true, time.Now() }

// listens is called when the caller is done with a message.
func (p *patience) listens() { p.listening = time.Now() }

// news is called for each event that was not handed out before.
func (p *patience) news() { p.failures, p.tried = 0, 0 }

// ended is called when an attempt that was open ends. One that was given up because it
// fell silent was open up to its last message, and its silence is time in which it was
// tried.
func (p *patience) ended(silent bool) {
	if !p.open {
		return
	}
	end := time.Now()
	var silence time.Duration
	if silent {
		end, silence = p.heard, end.Sub(p.listening)
	}
	if p.spoke && end.Sub(p.since) >= steadyAfter {
		p.news()
	}
	p.tried += silence
	p.since, p.open = time.Now(), false
}

// wait waits before another attempt. It returns err when patience ends first, or the
// context does.
func (p *patience) wait(ctx context.Context, err error) error {
	pause := p.pause(err)
	if pause >= p.limit-p.tried-time.Since(p.since) {
		return err
	}
	p.failures++
	if sleep(ctx, pause) != nil {
		return err
	}
	return nil
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
