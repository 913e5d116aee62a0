// SPDX-License-Identifier: Apache-2.0

// Command interop plays one scenario against a real server, and exits with 0 when the
// server and this client did as they should. The caller sets the environment that
// connect.go reads.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// scenarios are what can be played, with the arguments behind the name.
var scenarios = map[string]func(context.Context, []string) error{
	"unary":        unary,
	"streaming":    streaming,
	"deadline":     deadline,
	"cancellation": cancellation,
	"metadata":     ownMetadata,
	"large":        large,
	"compression":  compression,
	"errors":       typedErrors,
	"health":       health,
	"reflection":   reflection,
	"unix":         unix,
	"tls":          overTLS,
	"retry":        retry,
	"follow":       follow,
}

// patience bounds how long a broken scenario hangs.
const patience = 5 * time.Minute

func main() {
	if len(os.Args) < 2 || scenarios[os.Args[1]] == nil {
		names := slices.Sorted(maps.Keys(scenarios))
		fmt.Fprintln(os.Stderr, "usage: interop SCENARIO [ARGUMENT...], one of", strings.Join(names, ", "))
		os.Exit(2)
	}
	if err := play(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func play(name string, arguments []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return scenarios[name](ctx, arguments)
}
