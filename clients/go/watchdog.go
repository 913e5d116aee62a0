// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A watchdog ends a context when nothing came for too long.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelFunc
	idle   time.Duration
	timer  *time.Timer
	bark   atomic.Bool
}

// newWatchdog guards at once.
func newWatchdog(parent context.Context, idle time.Duration) *watchdog {
	d := &watchdog{idle: idle}
	d.ctx, d.cancel = context.WithCancel(parent)
	d.timer = time.AfterFunc(idle, func() {
		d.bark.Store(true)
		d.cancel()
	})
	return d
}

// hold stops guarding: the time that the caller takes is no silence.
func (d *watchdog) hold() { d.timer.Stop() }

// guard begins anew.
func (d *watchdog) guard() { d.timer.Reset(d.idle) }

// stop ends it, and the context.
func (d *watchdog) stop() {
	d.timer.Stop()
	d.cancel()
}

// barked tells whether it was silent for too long.
func (d *watchdog) barked() bool { return d.bark.Load() }

// err says so.
func (d *watchdog) err(jobID string) error {
	return typed(status.Error(codes.Unavailable, fmt.Sprintf("nothing came for job %s in %s", jobID, d.idle)))
}
