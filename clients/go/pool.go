// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"slices"
	"sync"

	"google.golang.org/grpc"
)

// streamsPerLine stays below what servers allow on a connection (`max-streams`, 256
// unless they are told otherwise). A stream beyond that would wait without a word, and
// its watchdog would take that for silence.
const streamsPerLine = 100

// A pool has the connections of streams. They are not those of calls: streams take no
// room from them, and gRPC never repeats them on its own.
type pool struct {
	dial     func() (*grpc.ClientConn, error)
	lifetime *lifetime

	mutex sync.Mutex
	lines []*line
	// The connections that are being closed. On one whose writes block, gRPC takes seconds
	// for that: nobody waits for it but who closes the client.
	closing sync.WaitGroup
}

// A line is one connection, shared by the streams that took it.
type line struct {
	conn    *grpc.ClientConn
	streams int
	// A stream fell silent on it: it takes no others.
	silent bool
}

func newPool(l *lifetime, dial func() (*grpc.ClientConn, error)) *pool {
	return &pool{dial: dial, lifetime: l}
}

// take finds a line with room for a stream, or opens one.
func (p *pool) take() (*line, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.lifetime.over() {
		return nil, errClosed(nil)
	}
	for _, l := range p.lines {
		if !l.silent && l.streams < streamsPerLine {
			l.streams++
			return l, nil
		}
	}
	conn, err := p.dial()
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, streams: 1}
	p.lines = append(p.lines, l)
	return l, nil
}

// release gives a line back. One that nobody uses is closed if it is silent or there is
// another: the last one stays, for the next attempt.
func (p *pool) release(l *line) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	l.streams--
	if l.streams > 0 || p.lifetime.over() || (!l.silent && len(p.lines) == 1) {
		return
	}
	p.lines = slices.DeleteFunc(p.lines, func(other *line) bool { return other == l })
	p.closing.Go(func() { _ = l.conn.Close() })
}

// leave has new attempts take other lines: gRPC would use a dead connection until its
// keepalive gives it up. All streams that fall silent on a line go on together on the
// next one; those that do not, stay.
func (p *pool) leave(l *line) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	l.silent = true
}

// shut closes all lines at once, and waits for the ends of those that are being closed.
// The lifetime has ended, so that nobody takes another one.
func (p *pool) shut() error {
	failures := p.closeAll()
	p.closing.Wait()
	return errors.Join(failures...)
}

// closeAll begins to close all lines. The failures are known when that is done.
func (p *pool) closeAll() []error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	failures := make([]error, len(p.lines))
	for i, l := range p.lines {
		p.closing.Go(func() { failures[i] = l.conn.Close() })
	}
	p.lines = nil
	return failures
}
