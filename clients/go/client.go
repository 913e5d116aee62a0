// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"slices"

	"google.golang.org/grpc"

	"pronto-grpc/clients/go/prontov1"
)

// Client has the stubs of every service. It may be used by any
// number of goroutines.
type Client struct {
	Accounts  prontov1.AccountServiceClient
	Contacts  prontov1.ContactServiceClient
	Jobs      prontov1.JobServiceClient
	Leads     prontov1.LeadServiceClient
	Lists     prontov1.ListServiceClient
	Locations prontov1.LocationServiceClient
	Personas  prontov1.PersonaServiceClient
	Sandbox   prontov1.SandboxServiceClient
	Searches  prontov1.SearchServiceClient
	Signals   prontov1.SignalServiceClient
	Usage     prontov1.UsageServiceClient
	Workspace prontov1.WorkspaceServiceClient

	conn     *grpc.ClientConn
	lifetime *lifetime
	// The connections of streams.
	pool *pool
}

// Connect makes a client for the server at target: `host:port`, `unix:/path`, or the
// empty text for [DefaultTarget]. The connection is plaintext unless an option of TLS
// is given, and is opened by the first call.
//
// Credentials are never sent in the clear to another machine: without TLS, to an
// address that is neither loopback nor a Unix socket, Connect refuses a token or a
// key, unless [WithInsecureCredentials] is given.
func Connect(target string, options ...Option) (*Client, error) {
	where, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	var s settings
	for _, option := range options {
		option(&s)
	}
	l := newLifetime()
	dialOptions, err := s.dialOptions(where, l)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(where.name, dialOptions...)
	if err != nil {
		return nil, err
	}
	return newClient(conn, newPool(l, func() (*grpc.ClientConn, error) {
		return grpc.NewClient(where.name, append(slices.Clip(dialOptions), grpc.WithDisableRetry())...)
	})), nil
}

func newClient(conn *grpc.ClientConn, p *pool) *Client {
	stubs := route{calls: conn, streams: p}
	return &Client{
		Accounts:  prontov1.NewAccountServiceClient(stubs),
		Contacts:  prontov1.NewContactServiceClient(stubs),
		Jobs:      prontov1.NewJobServiceClient(stubs),
		Leads:     prontov1.NewLeadServiceClient(stubs),
		Lists:     prontov1.NewListServiceClient(stubs),
		Locations: prontov1.NewLocationServiceClient(stubs),
		Personas:  prontov1.NewPersonaServiceClient(stubs),
		Sandbox:   prontov1.NewSandboxServiceClient(stubs),
		Searches:  prontov1.NewSearchServiceClient(stubs),
		Signals:   prontov1.NewSignalServiceClient(stubs),
		Usage:     prontov1.NewUsageServiceClient(stubs),
		Workspace: prontov1.NewWorkspaceServiceClient(stubs),
		conn:      conn,
		lifetime:  p.lifetime,
		pool:      p,
	}
}

// Conn is the connection of calls, for stubs of other services such as health. Errors
// of calls on it are of type [*Error], too.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close closes the connections and ends what is under way on them at once, also what
// waits for its next attempt: with an [*Error] whose code is Canceled, and in which the
// server's last refusal is wrapped where that was waited after. What is begun later
// fails in the same way.
func (c *Client) Close() error {
	c.lifetime.close()
	streams := make(chan error, 1)
	go func() { streams <- c.pool.shut() }()
	return errors.Join(c.conn.Close(), <-streams)
}
